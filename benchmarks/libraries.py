"""The libraries that are compared, each doing the same few things in the way of its own users.

A :class:`Library` is made for a server and is logged in from then on. None of the others has code
of ours in it: suds is a stock client with its own HTTP, and only told which authority to trust.
"""

import abc
import http.cookiejar
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from benchmarks.server import Server
from benchmarks.timing import Action

#: What is read of each machine in an inventory.
PATHS = [
    'name',
    'runtime.powerState',
    'runtime.host',
    'summary.config.numCpu',
    'summary.config.memorySizeMB',
    'summary.config.uuid',
    'summary.storage.committed',
    'config.guestFullName',
    'config.files.vmPathName',
    'datastore',
]
#: How many threads share a session; the libraries that keep connections are told to keep as many.
THREADS = 16
#: How many machines come in one reply, when many are read.
PAGE = 1000


class Library(abc.ABC):
    """One of those that are compared.

    :ivar title: its name in the table
    """

    title: str

    @abc.abstractmethod
    def __init__(self, server: Server) -> None:
        """Open a session."""

    def machines(self, count: int) -> list[Any]:
        """References to virtual machines, at most :data:`PAGE` of them."""
        return [one.obj for one in next(self.pages())[:count]]

    @abc.abstractmethod
    def read_name(self, machine: Any) -> Action:
        """How to read one property of one object from the server."""

    @abc.abstractmethod
    def pages(self) -> Iterator[list[Any]]:
        """:data:`PATHS` of all virtual machines, :data:`PAGE` at a time."""

    @abc.abstractmethod
    def decode(self, reply: bytes) -> Action:
        """How to make objects of a reply to RetrievePropertiesEx."""

    @abc.abstractmethod
    def create(self) -> Action:
        """How to make an empty VirtualMachineConfigSpec."""

    @abc.abstractmethod
    def encode(self, machine: Any, devices: int) -> Action:
        """How to write ReconfigVM_Task that adds so many disks; returns the request's bytes."""


class Ours(Library):
    """This library.

    :param wsdl_loc: a description to go by, in place of the one that ships
    """

    title = 'oslo.vmware'

    def __init__(self, server: Server, wsdl_loc: str | None = None) -> None:
        from oslo_vmware import api

        self.session = api.VMwareAPISession(
            server.host,
            server.username,
            server.password,
            api_retry_count=1,
            task_poll_interval=0.5,
            port=server.port,
            cacert=server.cacert,
            pool_size=THREADS,
            wsdl_loc=wsdl_loc,
        )
        self.client = self.session.vim.client

    def read_name(self, machine: Any) -> Action:
        from oslo_vmware import vim_util

        session = self.session
        return lambda: session.invoke_api(
            vim_util, 'get_object_property', session.vim, machine, 'name'
        )

    def pages(self) -> Iterator[list[Any]]:
        from oslo_vmware import vim_util

        session = self.session
        found = session.invoke_api(
            vim_util, 'get_objects', session.vim, 'VirtualMachine', PAGE, PATHS
        )
        while found:
            yield found.objects
            found = session.invoke_api(vim_util, 'continue_retrieval', session.vim, found)

    def decode(self, reply: bytes) -> Action:
        from oslo_vmware.soap.call import Call
        from oslo_vmware.soap.transport import Reply

        operation = self.client.operation('RetrievePropertiesEx')
        answer = Reply(200, 'OK', 'text/xml', reply)
        call = Call('RetrievePropertiesEx')
        return lambda: self.client._result(operation, answer, call)

    def decode_the_first_time(self, reply: bytes) -> Action:
        """The same with nothing remembered of types and tags."""
        from oslo_vmware.soap.call import Call
        from oslo_vmware.soap.compiled import Codec, CompiledClient
        from oslo_vmware.soap.schema import Schema
        from oslo_vmware.soap.transport import Reply

        answer = Reply(200, 'OK', 'text/xml', reply)
        call = Call('RetrievePropertiesEx')

        def decode() -> Any:
            codec = Codec(Schema(self.client._codec.schema.description))
            client = CompiledClient(codec, '', self.client._transport)
            return client._result(client.operation('RetrievePropertiesEx'), answer, call)

        return decode

    def create(self) -> Action:
        return lambda: self.client.factory.create('ns0:VirtualMachineConfigSpec')

    def encode(self, machine: Any, devices: int) -> Action:
        operation = self.client.operation('ReconfigVM_Task')
        spec = _disks(lambda name: self.client.factory.create(f'ns0:{name}'), machine, devices)
        encoder = self.client._codec.encoder
        return lambda: encoder.request(operation, machine, {'spec': spec})


class Suds(Library):
    """A stock suds client."""

    title = 'suds'

    def __init__(self, server: Server) -> None:
        import suds.client

        self.client = suds.client.Client(
            f'{server.url}/sdk/vimService.wsdl',
            location=f'{server.url}/sdk',
            transport=_verifying_transport(server.cacert),
            cache=None,
        )
        content = self.client.service.RetrieveServiceContent(_moref('ServiceInstance'))
        self.client.service.Login(content.sessionManager, server.username, server.password)
        self.content = content

    def read_name(self, machine: Any) -> Action:
        create, service = self.client.factory.create, self.client.service
        collector = self.content.propertyCollector

        def read() -> Any:
            spec = specs(create, [machine], ['name'])
            options = create('ns0:RetrieveOptions')
            options.maxObjects = 1
            found = service.RetrievePropertiesEx(collector, [spec], options)
            return found.objects[0].propSet[0].val

        return read

    def pages(self) -> Iterator[list[Any]]:
        create, service = self.client.factory.create, self.client.service
        collector = self.content.propertyCollector
        view = service.CreateContainerView(
            self.content.viewManager, self.content.rootFolder, ['VirtualMachine'], True
        )
        spec = specs(create, [view], PATHS)
        spec.objectSet[0].skip = True
        traversal = create('ns0:TraversalSpec')
        traversal.type, traversal.path, traversal.skip = 'ContainerView', 'view', False
        spec.objectSet[0].selectSet = [traversal]
        options = create('ns0:RetrieveOptions')
        options.maxObjects = PAGE
        found = service.RetrievePropertiesEx(collector, [spec], options)
        while True:
            yield found.objects
            token = getattr(found, 'token', None)
            if token is None:
                return
            found = service.ContinueRetrievePropertiesEx(collector, token)

    def decode(self, reply: bytes) -> Action:
        spec = specs(self.client.factory.create, [_moref('VirtualMachine')], ['name'])
        options = self.client.factory.create('ns0:RetrieveOptions')
        # What a client gives back in place of sending reads replies, too.
        context = self._unsent('RetrievePropertiesEx', _moref('PropertyCollector'), [spec], options)
        return lambda: context.process_reply(reply)

    def create(self) -> Action:
        return lambda: self.client.factory.create('ns0:VirtualMachineConfigSpec')

    def encode(self, machine: Any, devices: int) -> Action:
        spec = _disks(lambda name: self.client.factory.create(f'ns0:{name}'), machine, devices)
        return lambda: self._unsent('ReconfigVM_Task', machine, spec).envelope

    def _unsent(self, operation: str, *arguments: Any) -> Any:
        self.client.set_options(nosend=True)
        try:
            return getattr(self.client.service, operation)(*arguments)
        finally:
            self.client.set_options(nosend=False)


class Zeep(Library):
    """zeep, with requests beneath it."""

    title = 'zeep'

    def __init__(self, server: Server) -> None:
        import requests
        import zeep

        http_session = requests.Session()
        http_session.verify = server.cacert
        http_session.trust_env = False  # which could name other authorities
        http_session.mount('https://', requests.adapters.HTTPAdapter(pool_maxsize=THREADS))
        self.client = zeep.Client(
            f'{server.url}/sdk/vimService.wsdl',
            transport=zeep.Transport(session=http_session),
            settings=zeep.Settings(xml_huge_tree=True),
        )
        self.service = self.client.service
        self.service._binding_options['address'] = f'{server.url}/sdk'
        content = self.service.RetrieveServiceContent(self._moref('ServiceInstance'))
        self.service.Login(content.sessionManager, server.username, server.password)
        self.content = content

    def _type(self, name: str) -> Any:
        return self.client.get_type(f'{{urn:vim25}}{name}')

    def _moref(self, value: str, type_: str | None = None) -> Any:
        return self._type('ManagedObjectReference')(value, type=type_ or value)

    def _specs(self, obj: Any, paths: list[str], **more: Any) -> Any:
        properties = self._type('PropertySpec')(type='VirtualMachine', pathSet=paths)
        objects = self._type('ObjectSpec')(obj=obj, **more)
        return self._type('PropertyFilterSpec')(propSet=[properties], objectSet=[objects])

    def read_name(self, machine: Any) -> Action:
        def read() -> Any:
            found = self.service.RetrievePropertiesEx(
                self.content.propertyCollector,
                [self._specs(machine, ['name'])],
                self._type('RetrieveOptions')(maxObjects=1),
            )
            return found.objects[0].propSet[0].val

        return read

    def pages(self) -> Iterator[list[Any]]:
        view = self.service.CreateContainerView(
            self.content.viewManager, self.content.rootFolder, ['VirtualMachine'], True
        )
        traversal = self._type('TraversalSpec')(type='ContainerView', path='view', skip=False)
        found = self.service.RetrievePropertiesEx(
            self.content.propertyCollector,
            [self._specs(view, PATHS, skip=True, selectSet=[traversal])],
            self._type('RetrieveOptions')(maxObjects=PAGE),
        )
        while True:
            yield found.objects
            if found.token is None:
                return
            found = self.service.ContinueRetrievePropertiesEx(
                self.content.propertyCollector, found.token
            )

    def decode(self, reply: bytes) -> Action:
        binding = self.service._binding
        operation = binding.get('RetrievePropertiesEx')
        answer = SimpleNamespace(status_code=200, content=reply, headers={}, encoding='utf-8')
        return lambda: binding.process_reply(self.client, operation, answer)

    def create(self) -> Action:
        # Looking a type up is part of it for the others, too.
        return lambda: self._type('VirtualMachineConfigSpec')()

    def encode(self, machine: Any, devices: int) -> Action:
        from lxml import etree

        spec = _disks(lambda name: self._type(name)(), machine, devices)
        create = self.client.create_message
        return lambda: etree.tostring(create(self.service, 'ReconfigVM_Task', machine, spec))


class PyVmomi(Library):
    """VMware's own SDK."""

    title = 'pyVmomi'

    def __init__(self, server: Server) -> None:
        from pyVim import connect

        self.instance = connect.SmartConnect(
            host=server.host,
            port=server.port,
            user=server.username,
            pwd=server.password,
            sslContext=ssl.create_default_context(cafile=server.cacert),
        )
        self.content = self.instance.RetrieveContent()
        self.stub = self.instance._stub
        self.stub.poolSize = THREADS

    def _filter(self, obj: Any, paths: list[str], **more: Any) -> Any:
        from pyVmomi import vim, vmodl

        collector = vmodl.query.PropertyCollector
        return collector.FilterSpec(
            propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=paths)],
            objectSet=[collector.ObjectSpec(obj=obj, **more)],
        )

    def read_name(self, machine: Any) -> Action:
        from pyVmomi import vmodl

        options = vmodl.query.PropertyCollector.RetrieveOptions
        collector = self.content.propertyCollector

        def read() -> Any:
            found = collector.RetrievePropertiesEx(
                [self._filter(machine, ['name'])], options(maxObjects=1)
            )
            return found.objects[0].propSet[0].val

        return read

    def pages(self) -> Iterator[list[Any]]:
        from pyVmomi import vim, vmodl

        kinds = vmodl.query.PropertyCollector
        collector = self.content.propertyCollector
        view = self.content.viewManager.CreateContainerView(
            self.content.rootFolder, [vim.VirtualMachine], True
        )
        traversal = kinds.TraversalSpec(type=type(view), path='view', skip=False)
        found = collector.RetrievePropertiesEx(
            [self._filter(view, PATHS, skip=True, selectSet=[traversal])],
            kinds.RetrieveOptions(maxObjects=PAGE),
        )
        while True:
            yield found.objects
            if found.token is None:
                return
            found = collector.ContinueRetrievePropertiesEx(found.token)

    def decode(self, reply: bytes) -> Action:
        from pyVmomi import vmodl
        from pyVmomi.SoapAdapter import SoapResponseDeserializer

        kind = vmodl.query.PropertyCollector.RetrieveResult
        return lambda: SoapResponseDeserializer(self.stub).Deserialize(reply, kind)

    def create(self) -> Action:
        from pyVmomi import vim

        return vim.vm.ConfigSpec

    def encode(self, machine: Any, devices: int) -> Action:
        from pyVmomi import vim

        names = {
            'VirtualMachineConfigSpec': vim.vm.ConfigSpec,
            'VirtualDeviceConfigSpec': vim.vm.device.VirtualDeviceSpec,
            'VirtualDisk': vim.vm.device.VirtualDisk,
            'VirtualDiskFlatVer2BackingInfo': vim.vm.device.VirtualDisk.FlatVer2BackingInfo,
        }
        spec = _disks(lambda name: names[name](), machine, devices)
        method = vim.VirtualMachine._GetMethodInfo('Reconfigure')
        return lambda: self.stub.SerializeRequest(machine, method, (spec,))


#: This library first, then what it is compared with.
LIBRARIES: dict[str, type[Library]] = {one.title: one for one in (Ours, Suds, Zeep, PyVmomi)}


def _disks(create: Callable[[str], Any], machine: Any, devices: int) -> Any:
    """A VirtualMachineConfigSpec that adds disks."""
    spec = create('VirtualMachineConfigSpec')
    spec.deviceChange = []
    for number in range(devices):
        change = create('VirtualDeviceConfigSpec')
        change.operation, change.fileOperation = 'add', 'create'
        disk = create('VirtualDisk')
        disk.key, disk.controllerKey, disk.unitNumber = -number, 1000, number
        disk.capacityInKB = 1 << 20
        disk.backing = create('VirtualDiskFlatVer2BackingInfo')
        disk.backing.fileName = f'[datastore1] machine/machine_{number}.vmdk'
        disk.backing.diskMode = 'persistent'
        disk.backing.thinProvisioned = True
        change.device = disk
        spec.deviceChange.append(change)
    return spec


def specs(create: Callable[[str], Any], objects: list[Any], paths: list[str]) -> Any:
    """A PropertyFilterSpec of suds' kind, for virtual machines or what leads to them."""
    spec = create('ns0:PropertyFilterSpec')
    properties = create('ns0:PropertySpec')
    properties.type, properties.pathSet = 'VirtualMachine', paths
    spec.propSet = [properties]
    spec.objectSet = []
    for obj in objects:
        spec.objectSet.append(create('ns0:ObjectSpec'))
        spec.objectSet[-1].obj = obj
    return spec


def _moref(value: str, type_: str | None = None) -> Any:
    from suds.sudsobject import Property

    made = Property(value)
    made._type = type_ or value
    return made


def _verifying_transport(cacert: str) -> Any:
    from suds.transport.https import HttpTransport

    class Transport(HttpTransport):  # type: ignore[misc]
        """suds' own, with an authority and cookies."""

        def u2handlers(self) -> list[Any]:
            return [
                *super().u2handlers(),
                urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=cacert)),
                urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            ]

    return Transport()
