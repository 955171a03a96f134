"""The simulator as a whole: puts the parts together, starts and stops them."""

import collections
import functools
import math
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import cast

from oslo_vmware.simulator import inventory
from oslo_vmware.simulator.inventory import Inventory
from oslo_vmware.simulator.objects.alarm_manager import AlarmManager
from oslo_vmware.simulator.objects.alarms import Alarms
from oslo_vmware.simulator.objects.authorization_manager import AuthorizationManager
from oslo_vmware.simulator.objects.crypto_manager import CryptoManagerKmip
from oslo_vmware.simulator.objects.custom_fields_manager import CustomFieldsManager
from oslo_vmware.simulator.objects.customization_spec_manager import CustomizationSpecManager
from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.diagnostic_manager import DiagnosticManager
from oslo_vmware.simulator.objects.dvs_manager import DistributedVirtualSwitchManager
from oslo_vmware.simulator.objects.events.log import EventLog
from oslo_vmware.simulator.objects.events.manager import EventManager
from oslo_vmware.simulator.objects.file_manager import FileManager
from oslo_vmware.simulator.objects.guest.file_manager import GuestFileManager
from oslo_vmware.simulator.objects.guest.guests import Guests
from oslo_vmware.simulator.objects.guest.manager import GuestOperationsManager
from oslo_vmware.simulator.objects.license_manager import LicenseManager
from oslo_vmware.simulator.objects.ovf.manager import OvfManager
from oslo_vmware.simulator.objects.performance_manager import PerformanceManager
from oslo_vmware.simulator.objects.permissions import Permissions
from oslo_vmware.simulator.objects.property_collector import Kit, PropertyCollector
from oslo_vmware.simulator.objects.scheduled_task_manager import ScheduledTaskManager
from oslo_vmware.simulator.objects.server_settings import ServerSettings
from oslo_vmware.simulator.objects.service_instance import ServiceInstance, about
from oslo_vmware.simulator.objects.session_manager import SessionManager
from oslo_vmware.simulator.objects.storage_resource_manager import StorageResourceManager
from oslo_vmware.simulator.objects.task import TaskManager
from oslo_vmware.simulator.objects.user_directory import UserDirectory
from oslo_vmware.simulator.objects.view_manager import ViewManager
from oslo_vmware.simulator.objects.virtual_disk_manager import VirtualDiskManager
from oslo_vmware.simulator.objects.vslm.manager import VcenterVStorageObjectManager
from oslo_vmware.simulator.pbm.policies import Policies
from oslo_vmware.simulator.storage.content_library import Libraries
from oslo_vmware.simulator.storage.targets import Targets
from oslo_vmware.simulator.wire.endpoint import Calls
from oslo_vmware.simulator.wire.folder import FolderServer
from oslo_vmware.simulator.wire.guest_files import GuestFiles
from oslo_vmware.simulator.wire.httpd import HttpServer, Request, Response
from oslo_vmware.simulator.wire.nfc import Nfc
from oslo_vmware.simulator.wire.pbm_endpoint import PbmEndpoint
from oslo_vmware.simulator.wire.rest.library import DATA_PATH, LibraryService
from oslo_vmware.simulator.wire.rest.server import PREFIXES, RestServer
from oslo_vmware.simulator.wire.rest.tags import TagService
from oslo_vmware.simulator.wire.tickets import Tickets
from oslo_vmware.simulator.wire.tls import CERTIFICATES, Authority
from oslo_vmware.simulator.wire.transfers import Transfer, Transfers
from oslo_vmware.simulator.wire.vim_endpoint import VimEndpoint
from oslo_vmware.simulator.wire.vslm_endpoint import VslmEndpoint
from oslo_vmware.simulator.world import descriptions
from oslo_vmware.simulator.world.faults import Effect, Faults
from oslo_vmware.simulator.world.registry import Disconnect, World
from oslo_vmware.simulator.world.scheduler import Scheduler
from oslo_vmware.simulator.world.sessions import Sessions
from oslo_vmware.simulator.world.users import Users

_SDK_PATHS = ('/sdk', '/sdk/', '/sdk/vimService')
_PBM_PATHS = ('/pbm', '/pbm/', '/pbm/sdk')
_VSLM_PATHS = ('/vslm', '/vslm/', '/vslm/sdk')
_EXPIRED_REPLIES = ('fault', 'empty')

# Addresses to listen on that no client connects to, and one that it can.
_LOOPBACK = {'0.0.0.0': '127.0.0.1', '::': '::1'}

_NOT_FOUND = b'<html><head><title>404</title></head><body><h1>404 Not Found</h1></body></html>'


class VCenterSimulator:
    """A vCenter in a box, over HTTPS, on loopback::

        with VCenterSimulator() as vc:
            session = VMwareAPISession(vc.host, vc.username, vc.password, 10, 0.1,
                                       port=vc.port, cacert=vc.cacert, insecure=False)

    :param host: address to listen on
    :param port: 0 takes a free one
    :param tls: False for plain HTTP
    :param certificate: ``valid``, ``wrong-host`` or ``expired``
    :param api_version: of the server; newer versions in a SOAPAction are refused
    :param username: who may log in
    :param password: with which password
    :param users: passwords of further users by name, who may log in once they have permissions,
        and may do at ``/sdk`` what these grant them; files, PBM and REST ask for a session only
    :param task_seconds: how long a task takes
    :param inventory: what there is at the start
    :param session_idle_seconds: sessions expire when idle for so long; None is never
    :param expired_reply: what RetrievePropertiesEx gets without a live session: ``fault`` as
        from a vCenter, ``empty`` as from an ESX host
    :param seed: of everything that is random: ids, cookies, uuids
    :ivar faults: trouble on demand
    :ivar world: the managed objects
    :ivar calls: the operations that arrived, the oldest first
    :ivar sessions: who is logged in
    :ivar targets: the iSCSI targets that hosts can find, none at first
    :ivar policies: the storage policies, and the tags of the datastores
    :ivar libraries: the content libraries
    :ivar performance: how busy machines and hosts are
    :ivar transfers: of files and disks, the oldest first
    :ivar nfc: the open leases, and how they are made
    :ivar guests: what is in the machines, and who may log in there
    :ivar errors: mistakes of the simulator itself; a test expects none
    """

    def __init__(
        self,
        host: str = '127.0.0.1',
        port: int = 0,
        *,
        tls: bool = True,
        certificate: str = 'valid',
        api_version: str = '9.1.1.0',
        username: str = 'administrator@vsphere.local',
        password: str = 'vmware123!',
        users: Mapping[str, str] | None = None,
        task_seconds: float = 0.05,
        inventory: Inventory | None = None,
        session_idle_seconds: float | None = None,
        expired_reply: str = 'fault',
        seed: int = 0,
    ) -> None:
        _check_choice('certificate', certificate, CERTIFICATES)
        _check_choice('expired_reply', expired_reply, _EXPIRED_REPLIES)
        _check_seconds('task_seconds', task_seconds)
        if session_idle_seconds is not None:
            _check_seconds('session_idle_seconds', session_idle_seconds)
        if not 0 <= port <= 65535:
            raise ValueError(f'port={port}: expected 0 to 65535')
        self.username = username
        self.password = password
        self._address = (host, port)
        self._tls = tls
        self._certificate = certificate
        self._http: HttpServer | None = None
        self._authority: Authority | None = None
        self._stopping = threading.Event()
        self._descriptions = descriptions.Descriptions(api_version)
        self._pbm_descriptions = descriptions.Descriptions(api_version, descriptions.PBM)
        schema, pbm_schema = descriptions.vim_schema(), descriptions.pbm_schema()
        self.world = World(seed=seed, task_seconds=task_seconds)
        self.faults = Faults(lambda: self.world.root_folder.ref, schema, pbm_schema)
        self._users = Users(username, password, users or {})
        self.sessions = Sessions(self.world, self._users, session_idle_seconds)
        self._kit = Kit(self.world, schema, self.faults, self.sessions)
        self._scheduler = Scheduler(self.world.lock, self.world.errors)
        self._transfers = Transfers(self._stopping)
        self._tickets = Tickets(self.world)
        self._build(api_version, inventory)
        self.nfc = self.world.nfc = Nfc(self.world, lambda: (self.url, self.thumbprint))
        folders = FolderServer(self.world, self.sessions, self._tickets)
        self._transfers.mount('/folder', folders.serve)
        self._transfers.mount('/nfc', self.nfc.serve)
        self.libraries = Libraries(self.world, seed)
        library = LibraryService(self.world, self.libraries, lambda: (self.url, self.thumbprint))
        self._transfers.mount(DATA_PATH, library.serve)
        routes = {**TagService(self.world).routes(), **library.routes()}
        self._rest = RestServer(self.world, self.sessions, routes)
        self.calls = Calls()
        common = (self.world, self.sessions, self.faults, self.calls, self._stopping)
        self._endpoint = VimEndpoint(
            schema,
            self._descriptions,
            *common,
            kit=self._kit,
            secure=tls,
            expired_reply=expired_reply,
        )
        self.policies = self.world.policies = Policies(self.world)
        self._pbm = PbmEndpoint(pbm_schema, self._pbm_descriptions, *common, policies=self.policies)
        self._vslm_descriptions = descriptions.Descriptions(api_version, descriptions.VSLM)
        # Made when somebody first asks: few do.
        self._vslm = functools.cache(
            lambda: VslmEndpoint(descriptions.vslm_schema(), self._vslm_descriptions, *common)
        )

    def _build(self, api_version: str, wanted: Inventory | None) -> None:
        world = self.world
        world.scheduler = self._scheduler
        world.task_fault = self.faults.task_fault
        world.task_manager = TaskManager(world)
        inventory.build(world, wanted or Inventory())
        world.about = about(api_version, world.new_uuid())
        world.service_instance = ServiceInstance(world)
        self.performance = PerformanceManager(world)
        # What the server starts with was there before its history begins.
        world.witness = self._events = EventLog(world)
        permissions = Permissions(world, self._users)
        world.guard = permissions
        self.guests = Guests(world)
        files = GuestFileManager(world, self.guests, lambda: self.url)
        self._transfers.mount('/guestFile', GuestFiles(world, files).serve)
        world.alarms = alarms = Alarms(world, self._events, self.performance.latest)
        world.service_instance.managers.update(
            sessionManager=SessionManager(world, self.sessions, self._tickets, self._identity),
            propertyCollector=PropertyCollector(self._kit, 'propertyCollector'),
            viewManager=ViewManager(world),
            perfManager=self.performance,
            fileManager=FileManager(world),
            customFieldsManager=CustomFieldsManager(world),
            licenseManager=LicenseManager(world),
            setting=ServerSettings(world, 'VpxSettings'),
            cryptoManager=CryptoManagerKmip(world),
            diagnosticManager=DiagnosticManager(world, self._events.lines),
            storageResourceManager=StorageResourceManager(world),
            virtualDiskManager=VirtualDiskManager(world),
            eventManager=EventManager(world, self._events),
            alarmManager=AlarmManager(world, alarms, self._events),
            authorizationManager=AuthorizationManager(
                world, permissions, self._users, self.sessions, self._events
            ),
            scheduledTaskManager=ScheduledTaskManager(world, self._events),
            userDirectory=UserDirectory(world, self._users),
            ovfManager=OvfManager(world),
            guestOperationsManager=GuestOperationsManager(world, self.guests, files),
            customizationSpecManager=CustomizationSpecManager(world),
            dvSwitchManager=DistributedVirtualSwitchManager(world),
            vStorageObjectManager=VcenterVStorageObjectManager(world, 'VStorageObjectManager'),
        )

    # --- life

    def start(self) -> 'VCenterSimulator':
        """Listen; returns the simulator itself.

        :raises RuntimeError: it has been started before
        """
        if self._http is not None or self._stopping.is_set():
            raise RuntimeError('A simulator starts once; make a new one')
        if self._tls:
            self._authority = Authority(self._address[0], self._certificate)
        try:
            self._http = HttpServer(
                self._serve,
                *self._address,
                self._authority.context if self._authority else None,
                self.errors,
            )
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Cut all connections, end all threads, remove the certificate's file."""
        self._stopping.set()
        with self.world.lock:
            self._kit.stopped = True
            self.world.changes.notify_all()
        if self._http is not None:
            self._http.stop()
        self.nfc.stop()
        self._scheduler.stop()
        self.world.files.close()
        if self._authority is not None:
            self._authority.close()

    def __enter__(self) -> 'VCenterSimulator':
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # --- where it is

    @property
    def host(self) -> str:
        """Where clients find it; its certificate is for this address."""
        return _LOOPBACK.get(self._running.host, self._running.host)

    @property
    def port(self) -> int:
        return self._running.port

    @property
    def url(self) -> str:
        """Without a path: ``https://127.0.0.1:44321``."""
        host = f'[{self.host}]' if ':' in self.host else self.host
        return f'{"https" if self._tls else "http"}://{host}:{self.port}'

    @property
    def sdk_url(self) -> str:
        return f'{self.url}/sdk'

    @property
    def pbm_url(self) -> str:
        return f'{self.url}/pbm'

    @property
    def cacert(self) -> str | None:
        """File with the certificate of the authority to verify with; None without TLS."""
        return self._authority.cacert if self._authority is not None else None

    @property
    def thumbprint(self) -> str:
        """SHA-1 of the server's certificate, as vSphere writes it; empty without TLS."""
        return self._authority.thumbprint if self._authority is not None else ''

    def _identity(self) -> tuple[str, str]:
        """Host name and thumbprint, for tickets."""
        return self.host, self.thumbprint

    @property
    def _running(self) -> HttpServer:
        if self._http is None:
            raise RuntimeError('The simulator has not been started')
        return self._http

    # --- what tests look at and do

    @property
    def transfers(self) -> collections.deque[Transfer]:
        return self._transfers.log

    @property
    def errors(self) -> list[Exception]:
        return self.world.errors

    @property
    def expired_reply(self) -> str:
        return self._endpoint.expired_reply

    @expired_reply.setter
    def expired_reply(self, kind: str) -> None:
        _check_choice('expired_reply', kind, _EXPIRED_REPLIES)
        self._endpoint.expired_reply = kind

    def count(self, operation: str) -> int:
        """How many calls of an operation have arrived, answered or not, since ``calls.clear()``."""
        return self.calls.counts[operation]

    def expire_sessions(self) -> int:
        """End all sessions, as when they have been idle for too long.

        The next call with one of their cookies is NotAuthenticated, and so is one that waits.

        :returns: how many there were
        """
        return self.sessions.end_all()

    def terminate_sessions(self) -> int:
        """End all sessions, as an administrator does: the same as :meth:`expire_sessions`, since
        the server tells clients nothing of the reason.
        """
        return self.expire_sessions()

    @property
    def targets(self) -> Targets:
        return cast(Targets, self.world.targets)

    def set_free_space(self, datastore: str, free: int) -> None:
        """Let a datastore fill up, or empty it.

        :param datastore: its name; all of that name change
        :param free: bytes that are to be free; capacity is what it was
        """
        with self.world.lock:
            for found in self.world.of_type(Datastore):
                if found.name == datastore:
                    found.update(other_used=found.other_used + found.free_space - free)

    def drop_connections(self) -> None:
        """Cut all connections that are open now; the server goes on."""
        self._running.drop_connections()

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        return self._running.open_connections

    # --- HTTP

    def _serve(self, request: Request) -> Response:
        if request.method == 'POST' and request.path in _SDK_PATHS:
            return self._endpoint.serve(request)
        if request.method == 'POST' and request.path in _PBM_PATHS:
            return self._pbm.serve(request)
        if request.method == 'POST' and request.path in _VSLM_PATHS:
            return self._vslm().serve(request)
        trouble = self.faults.trouble(f'{request.method} {request.path}', None)
        if trouble.delay:
            self._stopping.wait(trouble.delay)
        rule = trouble.rule
        files = self._transfers.application(request.path)
        if files is not None:
            return self._transfers.serve(request, files, rule)
        if rule is not None:
            if rule.effect is not Effect.HTTP:
                raise Disconnect
            return Response(rule.status, rule.content_type, rule.body)
        if request.path.startswith(PREFIXES):
            return self._rest.serve(request)
        return self._page(request)

    def _page(self, request: Request) -> Response:
        if request.method in ('GET', 'HEAD'):
            directory, _, name = request.path.rpartition('/')
            published = {
                '/sdk': (self._descriptions, self.sdk_url),
                '/pbm': (self._pbm_descriptions, self.pbm_url),
                '/vslm': (self._vslm_descriptions, f'{self.url}/vslm/sdk'),
            }
            if directory in published:
                service, address = published[directory]
                document = service.document(name, address)
                if document is not None:
                    return Response(200, 'text/xml', document)
        return Response(404, 'text/html', _NOT_FOUND)


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f'{option}={value!r}: expected one of {", ".join(choices)}')


def _check_seconds(option: str, value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f'{option}={value}: expected a number of seconds, from 0 on')


__all__ = ['Inventory', 'VCenterSimulator']
