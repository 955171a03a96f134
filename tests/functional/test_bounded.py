"""Nothing waits for ever for a promise that only the other side made."""

import contextlib
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from oslo_vmware import _clearing, _sockets, api, exceptions, rw_handles, vim_util
from oslo_vmware._session import updates, waiting
from oslo_vmware.service import SERVICE_INSTANCE
from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.soap import transport
from oslo_vmware.soap.client import COMPILED, REFERENCE
from oslo_vmware.vim import Vim
from tests.functional.conftest import DESCRIPTION, Crowd, SessionMaker
from tests.functional.test_waiting import vms_in_state
from tests.transfer.server import CERTIFICATE, DataServer, serve
from tests.wire import Answer, Request, ScriptedServer, reply

WAITERS = 8


@pytest.mark.parametrize('soap_engine', [COMPILED, REFERENCE])
@pytest.mark.parametrize(
    'operation',
    [
        *('WaitForUpdatesEx', 'CreatePropertyCollector', 'CreateListView', 'CreateFilter'),
        *('ModifyListView', 'Destroy*'),
    ],
)
def test_updates_that_are_never_answered(
    connect: SessionMaker, monkeypatch: pytest.MonkeyPatch, soap_engine: str, operation: str
) -> None:
    """All waiters look for themselves soon after the time that was asked for, and see the end."""
    monkeypatch.setattr(waiting, 'MAX_WAIT', 1)
    monkeypatch.setattr(updates, 'MARGIN_SECONDS', 1.0)
    monkeypatch.setattr(_clearing, 'CLEARING_SECONDS', 1.0)
    with VCenterSimulator(task_seconds=0.05, inventory=Inventory(vms=3 * WAITERS)) as vc:
        session = connect(vc, soap_engine=soap_engine)
        vc.faults.delay(operation, seconds=60, times=None)
        tasks = [
            session.invoke_api(session.vim, 'PowerOnVM_Task', vm)
            for vm in vms_in_state(session, 'poweredOff')[:WAITERS]
        ]
        started = time.monotonic()
        infos = Crowd(len(tasks), lambda number: session.wait_for_task(tasks[number])).join()
        assert [info.state for info in infos] == ['success'] * len(tasks)
        # The request of each leader, and what it is to clear away; nobody queues behind another.
        assert time.monotonic() - started < 8
        vc.faults.clear()


@contextlib.contextmanager
def silent_server(backlog: int = 8) -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(('127.0.0.1', 0), backlog=backlog) as listener:
        yield listener.getsockname()[1]


@contextlib.contextmanager
def deaf_server() -> Iterator[int]:
    """The port of a server that does not even take a connection: its queue is full."""
    with silent_server(backlog=0) as port, contextlib.ExitStack() as waiting:
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(('127.0.0.1', port))
        yield port


@pytest.mark.parametrize(
    ('server', 'scheme', 'limit'),
    [
        (silent_server, 'http', 'MAX_SILENCE_SECONDS'),
        (silent_server, 'https', 'CONNECT_SECONDS'),
        (deaf_server, 'http', 'CONNECT_SECONDS'),
    ],
    ids=['no answer', 'no TLS handshake', 'no connection'],
)
def test_silence_has_a_limit(
    monkeypatch: pytest.MonkeyPatch,
    server: Callable[[], contextlib.AbstractContextManager[int]],
    scheme: str,
    limit: str,
) -> None:
    """Without a time-out of the caller the library's own limits hold."""
    monkeypatch.setattr(transport, limit, 0.3)
    with server() as port:
        vim = Vim(scheme, '127.0.0.1', port, wsdl_url=DESCRIPTION)
        started = time.monotonic()
        with pytest.raises(exceptions.VimConnectionException, match='timed out'):
            vim.CurrentTime(SERVICE_INSTANCE)
        assert 0.2 < time.monotonic() - started < 5
        vim.close()


def test_the_limits_without_a_time_out_are_long() -> None:
    """What was slow and worked goes on working: a rescan of adapters is silent for long."""
    assert transport.MAX_SILENCE_SECONDS >= 1800
    assert transport.CONNECT_SECONDS == 60


@pytest.mark.parametrize('limit', [2.0, float('inf')], ids=['a number', 'none'])
def test_a_time_out_that_is_given_holds(monkeypatch: pytest.MonkeyPatch, limit: float) -> None:
    """It takes the place of the library's limits; ``inf`` is none at all."""
    monkeypatch.setattr(transport, 'MAX_SILENCE_SECONDS', 0.1)
    monkeypatch.setattr(transport, 'CONNECT_SECONDS', 0.1)

    def slowly(request: Request) -> Answer:
        time.sleep(0.5)
        return reply('CurrentTime', '<returnval>2030-01-01T00:00:00Z</returnval>')

    with ScriptedServer(slowly) as server:
        vim = Vim('http', '127.0.0.1', server.port, wsdl_url=DESCRIPTION, connection_timeout=limit)
        assert vim.CurrentTime(SERVICE_INSTANCE).year == 2030
        vim.close()


def test_waiting_needs_no_time_out_that_is_finite(
    vc: VCenterSimulator, connect: SessionMaker
) -> None:
    """A session without any limit waits for tasks as others do."""
    session = connect(vc, connection_timeout=float('inf'))
    task = session.invoke_api(session.vim, 'PowerOnVM_Task', vms_in_state(session, 'poweredOff')[0])
    assert session.wait_for_task(task).state == 'success'


# Keep-alive


def sockets_to(port: int) -> list[socket.socket]:
    """Duplicates of this process's sockets that are connected to a port here."""
    found = []
    for name in os.listdir('/proc/self/fd'):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                with socket.socket(fileno=os.dup(int(name))) as one:
                    if one.family == socket.AF_INET and one.getpeername()[1] == port:
                        found.append(one.dup())
    return found


def asks_for_life(one: socket.socket) -> bool:
    """Whether the kernel asks the peer of a socket whether it lives, as the library says."""
    with one:
        return bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)) and [
            one.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        ] == [
            _sockets.KEEPALIVE_IDLE_SECONDS,
            _sockets.KEEPALIVE_INTERVAL_SECONDS,
            _sockets.KEEPALIVE_PROBES,
        ]


linux = pytest.mark.skipif(not os.path.isdir('/proc/self/fd'), reason='no /proc/self/fd')


@linux
@pytest.mark.parametrize('soap_engine', [COMPILED, REFERENCE])
def test_soap_connections_are_kept_alive(
    vc: VCenterSimulator, connect: SessionMaker, soap_engine: str
) -> None:
    """A peer that vanished is noticed, and a firewall does not forget."""
    connect(vc, soap_engine=soap_engine)
    ours = sockets_to(vc.port)
    assert ours
    assert all(asks_for_life(one) for one in ours)


@linux
def test_connections_to_proxies_are_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there that the firewall stands."""
    monkeypatch.delenv('no_proxy', raising=False)
    monkeypatch.delenv('NO_PROXY', raising=False)
    answer = reply('CurrentTime', '<returnval>2030-01-01T00:00:00Z</returnval>')
    with ScriptedServer(lambda request: answer) as proxy:
        monkeypatch.setenv('http_proxy', proxy.url)
        vim = Vim('http', 'vcenter.example.org', 80, wsdl_url=DESCRIPTION)
        assert vim.CurrentTime(SERVICE_INSTANCE).year == 2030
        ours = sockets_to(proxy.port)
        assert ours
        assert all(asks_for_life(one) for one in ours)
        vim.close()


@linux
@pytest.mark.parametrize(
    'open_handle',
    [
        lambda server: rw_handles.FileReadHandle(f'{server.url}/x'),
        lambda server: rw_handles.FileWriteHandle(
            server.host, server.port, 'dc', 'ds', None, 'x', 1, scheme=server.scheme
        ),
    ],
    ids=['download', 'upload'],
)
@pytest.mark.parametrize('certificate', [None, CERTIFICATE], ids=['http', 'https'])
def test_transfers_are_kept_alive(
    open_handle: Callable[[DataServer], Any], certificate: trustme.LeafCert | None
) -> None:
    """Whoever moves image data, in either direction."""
    with DataServer(serve(b'data'), certificate) as server:
        handle = open_handle(server)
        ours = sockets_to(server.port)
        assert len(ours) == 1
        assert asks_for_life(ours[0])
        with contextlib.suppress(exceptions.VimException):  # one byte too few
            handle.close()


# Waits that end


def begun(session: api.VMwareAPISession) -> Any:
    """A task that is under way."""
    vm = vms_in_state(session, 'poweredOff')[0]
    return session.invoke_api(session.vim, 'PowerOnVM_Task', vm)


def lease(session: api.VMwareAPISession) -> Any:
    """A lease that is not ready yet."""
    return session.invoke_api(session.vim, 'ExportVm', vms_in_state(session, 'poweredOff')[0])


TROUBLES: dict[str, Callable[[VCenterSimulator], Any]] = {
    'none': lambda vc: None,
    'no updates': lambda vc: vc.faults.on(
        'CreatePropertyCollector', fault='NotSupported', times=None
    ),
    'updates never answered': lambda vc: vc.faults.delay('WaitForUpdatesEx', 60, times=None),
    'collector never answered': lambda vc: vc.faults.delay(
        'CreatePropertyCollector', 60, times=None
    ),
    'reads refused': lambda vc: vc.faults.http('RetrievePropertiesEx', status=503, times=None),
    'reads never answered': lambda vc: vc.faults.delay('RetrievePropertiesEx', 60, times=None),
    'nothing answered': lambda vc: vc.faults.delay('*', 60, times=None),
    'reads refused, nothing else answered': lambda vc: (
        vc.faults.http('RetrievePropertiesEx', status=503, times=None),
        vc.faults.delay('Session*', 60, times=None),
    ),
}


@pytest.mark.parametrize(
    ('trouble', 'timeout', 'soap_engine'),
    [
        ('none', 0.3, COMPILED),
        *((trouble, 2.5, COMPILED) for trouble in TROUBLES),
        ('updates never answered', 2.5, REFERENCE),
        ('nothing answered', 0.3, REFERENCE),
    ],
)
def test_a_wait_that_ends(
    connect: SessionMaker, trouble: str, timeout: float, soap_engine: str
) -> None:
    """Not before its time, and hardly after it, whatever the server does; it says what for."""
    with VCenterSimulator(task_seconds=3600) as vc:
        session = connect(vc, soap_engine=soap_engine, api_retry_count=-1)
        task = begun(session)
        TROUBLES[trouble](vc)
        started = time.monotonic()
        with pytest.raises(exceptions.VimWaitTimeoutException) as raised:
            session.wait_for_task(task, timeout=timeout)
        assert timeout - 0.1 <= time.monotonic() - started < timeout + 3
        assert f'Task {task.value}' in str(raised.value)
        state = raised.value.state
        if trouble.startswith(('reads', 'nothing')):
            assert state is None
        else:
            assert state in ('queued', 'running')
            assert state in str(raised.value)
        assert isinstance(raised.value, exceptions.VimException)
        assert vc.count('CancelTask') == 0
        vc.faults.clear()
        with pytest.raises(exceptions.VimWaitTimeoutException):  # it goes on
            session.wait_for_task(task, timeout=0)


def test_a_wait_whose_server_comes_back(connect: SessionMaker) -> None:
    """An outage that is over in time costs nothing: the last look is at the end of the time."""
    with VCenterSimulator(task_seconds=0.1) as vc:
        session = connect(vc)
        task = begun(session)
        vc.faults.http('RetrievePropertiesEx', status=503, times=1)
        started = time.monotonic()
        assert session.wait_for_task(task, timeout=1.5).state == 'success'
        assert time.monotonic() - started < 3


def test_a_wait_that_ends_does_not_disturb_the_others(connect: SessionMaker) -> None:
    """Those who go on waiting are told at once, whoever of them leaves."""
    with VCenterSimulator(task_seconds=6, inventory=Inventory(vms=30)) as vc:
        session = connect(vc, task_poll_interval=3600)
        off = vms_in_state(session, 'poweredOff')[:6]
        tasks = [session.invoke_api(session.vim, 'PowerOnVM_Task', vm) for vm in off]

        def wait(number: int) -> str:
            timeout = None if number % 2 else 2.5 + number / 5
            try:
                return str(session.wait_for_task(tasks[number], timeout=timeout).state)
            except exceptions.VimWaitTimeoutException as exc:
                return str(exc.state)

        started = time.monotonic()
        states = Crowd(len(tasks), wait).join()
        assert states[1::2] == ['success'] * 3
        assert set(states[::2]) <= {'queued', 'running'}
        assert time.monotonic() - started < 9
        assert vc.count('CreatePropertyCollector') == 1


def test_a_wait_during_somebody_elses_login(connect: SessionMaker) -> None:
    """Whoever logs in patiently does not hold up one who has no time for that."""
    with VCenterSimulator(task_seconds=3600) as vc:
        session = connect(vc, api_retry_count=-1)
        task = begun(session)
        vc.expire_sessions()
        vc.faults.http('Login', status=503, times=None)

        def wait() -> None:
            with pytest.raises(exceptions.VimWaitTimeoutException):
                session.wait_for_task(task, 5)

        patient = threading.Thread(target=wait, daemon=True)
        patient.start()
        while not vc.count('Login'):
            time.sleep(0.01)
        started = time.monotonic()
        with pytest.raises(exceptions.VimWaitTimeoutException):
            session.wait_for_task(task, timeout=1)
        assert time.monotonic() - started < 4
        vc.faults.clear()
        patient.join(30)


def test_a_login_that_somebody_had_no_time_for(connect: SessionMaker) -> None:
    """Of those who have more, one logs in for all, also where that locks the account."""
    with VCenterSimulator(task_seconds=3600) as vc:
        session = connect(vc, api_retry_count=3)
        task = begun(session)
        vc.expire_sessions()
        vc.faults.delay('Login', seconds=5, times=1)

        def wait() -> None:
            with pytest.raises(exceptions.VimWaitTimeoutException):
                session.wait_for_task(task, timeout=2)

        def read(number: int) -> list[str]:
            try:
                vms_in_state(session, 'poweredOff')
            except exceptions.VimFaultException as exc:
                return exc.fault_list
            return []

        hurried = threading.Thread(target=wait, daemon=True)
        hurried.start()
        while vc.count('Login') < 2:
            time.sleep(0.01)
        vc.faults.on('Login', fault='InvalidLogin', times=None)
        assert Crowd(WAITERS, read).join() == [['InvalidLogin']] * WAITERS
        hurried.join(30)
        assert vc.count('Login') == 3
        vc.faults.clear()


def test_a_lease_that_is_not_ready_in_time(connect: SessionMaker) -> None:
    """The same as for tasks; the lease is not aborted."""
    with VCenterSimulator() as vc:
        session = connect(vc)
        one = lease(session)
        vc.faults.http('RetrievePropertiesEx', status=503, times=None)
        started = time.monotonic()
        with pytest.raises(
            exceptions.VimWaitTimeoutException, match=re.escape(f'Lease {one.value}')
        ):
            session.wait_for_lease_ready(one, timeout=1)
        assert time.monotonic() - started < 4
        assert vc.count('HttpNfcLeaseAbort') == 0
        vc.faults.clear()
        assert session.wait_for_lease_ready(one, timeout=30) is None


def test_a_wait_on_a_stand_in() -> None:
    """A service that has no updates is polled, and the wait ends in time all the same."""
    session = api.VMwareAPISession('host', 'user', 'secret', 0, 0.05, create_session=False)
    reads: list[Any] = []

    def read(collector: Any, specSet: Any, options: Any, skip_op_id: bool = False) -> Any:
        reads.append(specSet)
        info = SimpleNamespace(name='info', val=SimpleNamespace(state='running'))
        return SimpleNamespace(objects=[SimpleNamespace(propSet=[info])])

    session._vim = SimpleNamespace(
        service_content=SimpleNamespace(propertyCollector='pc'),
        client=SimpleNamespace(factory=SimpleNamespace(create=lambda name: SimpleNamespace())),
        RetrievePropertiesEx=read,
    )
    started = time.monotonic()
    with pytest.raises(exceptions.VimWaitTimeoutException, match=r'Task task-1 .* running'):
        session.wait_for_task(vim_util.get_moref('task-1', 'Task'), timeout=0.3)
    assert 0.25 < time.monotonic() - started < 3
    assert len(reads) > 2
