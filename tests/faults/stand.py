"""A server, the proxy in front of it, and the truth about what the server has."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

from oslo_vmware import api, pbm, vim_util, wsdl
from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.faults.proxy import Proxy
from tests.transfer.disks import stream_of
from tests.transfer.place import Place
from tests.transfer.server import AUTHORITY

DESCRIPTION = wsdl.file_url(wsdl.vim_wsdl_path())
PBM_DESCRIPTION = pbm.get_pbm_wsdl_location('8.0')
PASSWORD = 'S3cret-of-the-matrix'

#: Seconds that the tasks of the simulated vCenter get to end.
SETTLE_SECONDS = 30.0

#: What is moved: a disk of some grains, as an export gives it.
DISK = stream_of(bytes(range(1, 255)) * 700, 1 << 20)

#: What a session leaves on a server, by type.
_OF_A_SESSION = {
    'filters': ('PropertyFilter',),
    'collectors': ('PropertyCollector',),
    'views': ('ContainerView', 'ListView'),
}


def ref(obj: Any) -> Any:
    """The reference of a simulated object, as the library has it."""
    return vim_util.get_moref(obj.ref.value, obj.ref.type)


class Stand:
    """One server with its proxy.

    :ivar vc: the server
    :ivar proxy: in front of it
    :ivar clean: a session straight to the server, for what is not under test
    :ivar at_rest: what :meth:`counts` says when no other session is there
    :param choices: of faults, see :class:`~tests.faults.proxy.Proxy`
    :param options: of the simulator
    """

    def __init__(self, *choices: Callable[..., Any], **options: Any) -> None:
        self._choices = choices
        self._options = {'task_seconds': 0.01, 'inventory': Inventory(vms=4)} | options
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.vc = stack.enter_context(VCenterSimulator(password=PASSWORD, **self._options))
            self.proxy = stack.enter_context(Proxy(self.vc.port, self.vc.cacert, *self._choices))
            self.vc.nfc.host = f'{self.proxy.host}:{self.proxy.port}'
            self.vc.nfc.claimed_thumbprint = self.proxy.thumbprint
            self.cacert = stack.enter_context(AUTHORITY.cert_pem.tempfile())
            self.clean = stack.enter_context(
                api.VMwareAPISession(
                    self.vc.host, self.vc.username, PASSWORD, 3, 0.01,
                    port=self.vc.port, cacert=self.vc.cacert, wsdl_loc=DESCRIPTION,
                    pbm_wsdl_loc=PBM_DESCRIPTION,
                )
            )  # fmt: skip
            self.place = Place(self.vc, self.clean)
            self.machine = self.objects('VirtualMachine')[0]
            self.datacenter = self.objects('Datacenter')[0]
            self._make_source()
            self.settle()
            self.at_rest = self.counts()
            self.proxy.end_sessions = self.tidy
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def connect(self, engine: str | None, **options: Any) -> api.VMwareAPISession:
        """A session through the proxy, not logged in yet."""
        arguments: dict[str, Any] = {
            'api_retry_count': 2,
            'task_poll_interval': 0.02,
            'create_session': False,
            'wsdl_loc': DESCRIPTION,
            'pbm_wsdl_loc': PBM_DESCRIPTION,
            'port': self.proxy.port,
            'cacert': self.cacert,
            'connection_timeout': 10,
            'soap_engine': engine,
        } | options
        return api.VMwareAPISession(self.proxy.host, self.vc.username, PASSWORD, **arguments)

    # --- the truth

    def objects(self, *types: str) -> list[Any]:
        """What there is of some types, the oldest first."""
        with self.vc.world.lock:
            return [one for one in self.vc.world.objects.values() if one.wire_type in types]

    def named(self, type_: str, name: str) -> list[Any]:
        return [one for one in self.objects(type_) if one.name == name]

    def exists(self, moref: Any) -> bool:
        return moref.value in self.vc.world.objects

    def counts(self) -> dict[str, int]:
        """What sessions have on the server, and how many of them there are."""
        found = {what: len(self.objects(*types)) for what, types in _OF_A_SESSION.items()}
        return found | {'sessions': len(self.vc.sessions), 'leases': len(self.vc.nfc.leases)}

    def secrets(self) -> set[str]:
        """What no text may have: the password, and the cookies of the sessions there are."""
        return {PASSWORD, *(session.cookie.strip('"') for session in self.vc.sessions)}

    def file(self, path: str) -> bytes | None:
        """The content of a file of the place's datastore; None if there is none."""
        with self.vc.world.lock:
            (store,) = self.named('Datastore', self.place.ds.name)
            volume = self.vc.world.files.of(store)
            try:
                real = volume.check_file(path)
            except Exception:  # noqa: BLE001 - whatever the simulator says of a missing file
                return None
            with open(real, 'rb') as file:
                return file.read()

    def settle(self) -> None:
        """Wait until all tasks have ended that there are; others may begin all the time."""
        running = self.objects('Task')
        deadline = time.monotonic() + SETTLE_SECONDS
        while any(not task.ended for task in running):
            assert time.monotonic() < deadline, 'the tasks do not end'
            time.sleep(0.005)

    def tidy(self) -> None:
        """End all sessions but the clean one, with all that is theirs."""
        for session in self.vc.sessions:
            if session.key != self.clean._session_id:
                self.vc.sessions.end(session)

    def _make_source(self) -> None:
        moref = self.place.import_disk(DISK, host=self.proxy.host, port=self.proxy.port)
        self.source = moref
        pool, folder = self.objects('ResourcePool')[0], self.datacenter.vmFolder
        self.pool, self.folder = ref(pool), vim_util.get_moref(folder.ref.value, 'Folder')


class _Hasty:
    """The module ``time`` of which nobody sleeps long."""

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, _LONGEST_PAUSE))


#: Seconds that a pause of the library takes under test, at most.
_LONGEST_PAUSE = 0.01


@contextlib.contextmanager
def no_pauses() -> Iterator[None]:
    """Let the library not wait between two attempts; mocked is the time, and nothing else."""
    hasty = _Hasty()
    modules = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith('oslo_vmware.')
        and not name.startswith('oslo_vmware.simulator')
        and getattr(module, 'time', None) is time
    ]
    for module in modules:
        module.time = hasty  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in modules:
            module.time = time  # type: ignore[attr-defined]
