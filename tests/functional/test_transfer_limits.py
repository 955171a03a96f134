"""A transfer is over soon after its time limit, wherever it hangs, and its lease is seen to."""

import contextlib
import contextvars
import io
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import _deadline, exceptions, image_transfer, rw_handles
from oslo_vmware._transfer import imports, limit
from oslo_vmware._transfer import lease as _lease
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import SessionMaker
from tests.functional.test_bounded import deaf_server, silent_server
from tests.functional.test_transfer_leases import machines
from tests.transfer.disks import stream_of
from tests.transfer.images import DATA, ImageService, session_for, to_datastore
from tests.transfer.place import Place
from tests.transfer.server import CERTIFICATE, DataServer, Exchange, serve, store

# What a lease takes and gives.
DISK = stream_of(DATA)

LIMIT = 0.5

#: Seconds that all may take beyond the limit, by the library's promise.
PROMISED = 5.0

#: Seconds for giving up in most of the tests; how many there are in earnest is tested once.
SHORT_GRACE = 0.3

PROBLEMS = (exceptions.VMwareDriverException,)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes minutes takes a second or two."""
    _before.clear()
    _before.update(threading.enumerate())
    monkeypatch.setattr(limit, 'GRACE_SECONDS', SHORT_GRACE)
    monkeypatch.setattr(_deadline, 'LAST_REQUEST_SECONDS', 0.3)
    monkeypatch.setattr(imports, '_SEARCH_SECONDS', 3.0)
    monkeypatch.setattr(_lease, '_ABORT_SECONDS', 0.5)
    monkeypatch.setattr(_lease, '_ABORT_PAUSE_SECONDS', 0.1)
    monkeypatch.setattr(_lease, 'REPORT_SECONDS', 0.5)


@pytest.fixture
def place(vc: VCenterSimulator, connect: SessionMaker) -> Iterator[Place]:
    """Where calls are repeated without end."""
    made = Place(vc, connect(vc, api_retry_count=-1))
    yield made
    # What was left behind comes back now, and clears up what it has made.
    vc.faults.clear()
    until(lambda: left_behind() == [])
    assert vc.nfc.leases == []


#: The threads that there were when the test began.
_before: set[threading.Thread] = set()


def left_behind() -> list[threading.Thread]:
    """The library's threads that are still there."""
    return [
        one for one in set(threading.enumerate()) - _before if one.name.startswith('oslo.vmware-')
    ]


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class InTime:
    """What happens inside is over soon after the limit."""

    def __init__(self, grace: float = SHORT_GRACE + 2.0) -> None:
        self._grace = grace

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *exc_info: object) -> None:
        assert time.monotonic() - self._began < LIMIT + self._grace


def fails_in_time(call: Callable[[], Any], grace: float = SHORT_GRACE + 2.0) -> Any:
    """Call what cannot succeed; returns the exception."""
    with InTime(grace), pytest.raises(PROBLEMS) as raised:
        call()
    return raised.value


def silence(*operations: str) -> Callable[[VCenterSimulator], Any]:
    """Nobody answers these."""

    def start(vc: VCenterSimulator) -> None:
        for operation in operations:
            vc.faults.delay(operation, seconds=60, times=None)

    return start


# A server that falls silent


def import_arguments(place: Place) -> dict[str, Any]:
    return {
        'session': place.session,
        'host': place.vc.host,
        'port': place.vc.port,
        'resource_pool': place.first('ResourcePool'),
        'vm_folder': place.read(place.dc.ref, 'vmFolder'),
        'vm_import_spec': place.import_spec('limited'),
        'image_size': len(DISK),
        'http_method': 'POST',
    }


IMPORTS: dict[str, Callable[[VCenterSimulator], Any]] = {
    'ImportVApp': silence('ImportVApp'),
    'all reads': silence('RetrievePropertiesEx'),
    'the end of the lease': silence('HttpNfcLeaseComplete', 'HttpNfcLeaseAbort'),
    'the lease': silence('HttpNfcLease*'),
    'the upload': lambda vc: vc.faults.stall('POST /nfc/*', after_bytes=1000),
    'the upload and the lease': lambda vc: (
        vc.faults.stall('POST /nfc/*', after_bytes=1000),
        silence('HttpNfcLease*', 'RetrievePropertiesEx')(vc),
    ),
    'all connections': lambda vc: vc.faults.drop('*', skip=5, times=None),
}


@pytest.mark.parametrize('silent', IMPORTS)
def test_an_import_from_a_server_that_falls_silent(place: Place, silent: str) -> None:
    """Whatever is not answered, the caller hears of it in time, and no machine is left."""
    given = import_arguments(place)
    IMPORTS[silent](place.vc)
    fails_in_time(
        lambda: image_transfer.download_stream_optimized_data(
            None, LIMIT, io.BytesIO(DISK), **given
        )
    )
    place.vc.faults.clear()
    until(lambda: place.vc.nfc.leases == [])
    assert 'limited' not in machines(place)


def test_the_promise_in_earnest(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the library's own figures it is five seconds at most."""
    monkeypatch.undo()
    monkeypatch.setattr(_lease, 'REPORT_SECONDS', 1.0)
    monkeypatch.setattr(_lease, '_ABORT_SECONDS', 4.0)
    monkeypatch.setattr(_lease, '_ABORT_PAUSE_SECONDS', 0.1)
    given = import_arguments(place)
    IMPORTS['the upload and the lease'](place.vc)
    fails_in_time(
        lambda: image_transfer.download_stream_optimized_data(
            None, LIMIT, io.BytesIO(DISK), **given
        ),
        PROMISED,
    )


EXPORTS: dict[str, Callable[[VCenterSimulator], Any]] = {
    'ExportVm': silence('ExportVm'),
    'all reads': silence('RetrievePropertiesEx'),
    'the download': lambda vc: vc.faults.stall('GET /nfc/*', after_bytes=1000),
    'the download and the lease': lambda vc: (
        vc.faults.stall('GET /nfc/*', after_bytes=1000),
        silence('HttpNfcLease*', 'RetrievePropertiesEx')(vc),
    ),
}


def export_arguments(place: Place) -> dict[str, Any]:
    return {
        'session': place.session,
        'host': place.vc.host,
        'port': place.vc.port,
        'vm': place.import_disk(DISK, vm_import_spec=place.import_spec('exported')),
        'vmdk_file_path': None,
        'vmdk_size': len(DISK),
    }


def to_image(given: dict[str, Any]) -> Any:
    return image_transfer.upload_image(None, LIMIT, ImageService(), 'id', 'me', **given)


def to_file(given: dict[str, Any]) -> Any:
    sink = SimpleNamespace(name='file', write=len, close=lambda: None)
    return image_transfer.copy_stream_optimized_disk(None, LIMIT, sink, **given)


@pytest.mark.parametrize('export', [to_image, to_file])
@pytest.mark.parametrize('silent', EXPORTS)
def test_an_export_from_a_server_that_falls_silent(place: Place, silent: str, export: Any) -> None:
    """The same in the other direction; the machine is free again."""
    given = export_arguments(place)
    EXPORTS[silent](place.vc)
    fails_in_time(lambda: export(given))
    place.vc.faults.clear()
    until(lambda: place.vc.nfc.leases == [])


def test_a_manifest_that_is_not_given(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for no longer than an answer takes, and then there is none."""
    monkeypatch.setattr(_lease, 'MANIFEST_SECONDS', 0.1)
    given = export_arguments(place)
    place.vc.faults.delay('HttpNfcLeaseGetManifest', seconds=60, times=None)
    service = ImageService()
    image_transfer.upload_image(None, 30, service, 'id', 'me', **given)
    assert service.data == DISK


def test_the_lease_of_an_export_whose_end_is_not_heard(place: Place) -> None:
    """The data is there, so it is no failure; the machine is free again as soon as may be."""
    given = export_arguments(place)
    place.vc.faults.delay('HttpNfcLeaseComplete', seconds=60)
    with InTime():
        to_file(given)
    until(lambda: place.vc.nfc.leases == [])


@pytest.mark.parametrize('unanswered', [1, 3])
def test_a_lease_is_seen_to_when_the_caller_has_gone(place: Place, unanswered: int) -> None:
    """It is aborted as soon as the server answers again."""
    given = import_arguments(place)
    place.vc.faults.stall('POST /nfc/*', after_bytes=1000)
    place.vc.faults.delay('HttpNfcLeaseAbort', seconds=60, times=unanswered)
    fails_in_time(
        lambda: image_transfer.download_stream_optimized_data(
            None, LIMIT, io.BytesIO(DISK), **given
        )
    )
    assert place.vc.nfc.leases
    until(lambda: place.vc.nfc.leases == [])
    assert 'limited' not in machines(place)


def test_a_session_that_has_ended_is_not_begun_anew(place: Place) -> None:
    """Who logs out has no more leases, and nobody logs in again to look."""
    given = import_arguments(place)
    vc = place.vc
    vc.faults.stall('POST /nfc/*', after_bytes=1000)
    vc.faults.delay('HttpNfcLeaseAbort', seconds=60, times=None)
    fails_in_time(
        lambda: image_transfer.download_stream_optimized_data(
            None, LIMIT, io.BytesIO(DISK), **given
        )
    )
    place.session.close()
    until(lambda: left_behind() == [])
    assert vc.count('Login') == 1
    assert len(vc.sessions) == 0


def test_a_report_that_is_not_answered_is_sent_again(place: Place) -> None:
    """Silence does not keep Nova's timer, or the lease, from the next report."""
    place.vc.faults.delay('HttpNfcLeaseProgress', seconds=60, times=2)
    given = import_arguments(place)
    handle = rw_handles.VmdkWriteHandle(
        *(given[name] for name in ('session', 'host', 'port', 'resource_pool', 'vm_folder')),
        *(given[name] for name in ('vm_import_spec', 'image_size')),
    )
    handle.write(DISK[:1000])
    handle.update_progress()
    assert place.vc.count('HttpNfcLeaseProgress') == 3
    handle.abort()


# What is not ours


class Hanging:
    """An end, or an image service, that comes back when it is told to."""

    name = 'hanging'

    def __init__(self, *where: str) -> None:
        self.released = threading.Event()
        self.closed = threading.Event()
        self._where = where
        self._pieces = iter([DATA[:1000], DATA[1000:]])

    def _hang(self, where: str) -> None:
        if where in self._where:
            self.released.wait(60)

    def read(self, size: int) -> bytes:
        self._hang('read')
        return next(self._pieces, b'')

    def write(self, data: bytes) -> None:
        self._hang('write')

    def close(self) -> None:
        self._hang('close')
        self.closed.set()

    def show(self, context: Any, image_id: str) -> dict[str, Any]:
        self._hang('show')
        return {'container_format': 'ova' if 'ova' in self._where else 'bare'}

    def download(self, context: Any, image_id: str) -> Iterator[bytes]:
        self._hang('download')
        return iter(lambda: self.read(0), b'')

    def update(self, *args: Any, data: Any, **kwargs: Any) -> None:
        self._hang('update')
        while data.read(1000):
            self._hang('update, later')
        self._hang('update, at the end')


@pytest.fixture
def hanging() -> Iterator[Callable[..., Hanging]]:
    """Makes objects that hang, and lets them go at the end."""
    made: list[Hanging] = []

    def make(*where: str) -> Hanging:
        made.append(Hanging(*where))
        return made[-1]

    yield make
    for one in made:
        one.released.set()
    until(lambda: left_behind() == [])


@pytest.mark.parametrize('where', ['read', 'close'])
def test_a_source_that_hangs(hanging: Any, where: str) -> None:
    """It is left behind; if all had been read, the transfer has succeeded all the same."""
    source = hanging(where)
    with DataServer(store, CERTIFICATE) as server:
        sink = rw_handles.FileWriteHandle(f'{server.url}/folder/x', file_size=len(DATA))
        if where == 'read':
            problem = fails_in_time(lambda: image_transfer._start_transfer(source, sink, LIMIT))
            assert isinstance(problem.cause, image_transfer.Timer.Timeout)
        else:
            # Closing it is waited for as long as there is time, and then the time is over.
            fails_in_time(lambda: image_transfer._start_transfer(source, sink, LIMIT))
        source.released.set()
        until(source.closed.is_set)


@pytest.mark.parametrize('where', ['write', 'close'])
@pytest.mark.parametrize('ours', [True, False])
def test_a_sink_that_hangs(hanging: Any, where: str, ours: bool) -> None:
    """A file on a dead mount is left behind, and closed when it comes back."""
    sink = hanging(where)
    with DataServer(serve(DATA), CERTIFICATE) as server:
        source: Any = io.BytesIO(DATA)
        if ours:
            source = rw_handles.FileReadHandle(f'{server.url}/folder/x')
        problem = fails_in_time(lambda: image_transfer._start_transfer(source, sink, LIMIT))
        assert isinstance(problem, exceptions.ImageTransferException)
        assert isinstance(problem.cause, image_transfer.Timer.Timeout)
        sink.released.set()
        until(sink.closed.is_set)
        assert server.all_closed(int(ours))


@pytest.mark.parametrize('where', ['show', 'download', 'read', 'ova, read'])
@pytest.mark.parametrize('into', ['machine', 'file'])
def test_an_image_service_that_hangs(hanging: Any, where: str, into: str) -> None:
    """Before the transfer or in the middle of it."""
    service = hanging(*where.split(', '))
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        if into == 'machine':
            given: dict[str, Any] = {
                'session': session,
                'host': server.host,
                'port': 443,
                'image_size': len(DATA),
            }
            problem = fails_in_time(
                lambda: image_transfer.download_stream_optimized_image(
                    'context', LIMIT, service, 'id', **given
                )
            )
        elif where in ('download', 'read'):
            given = {
                'host': server.host,
                'port': server.port,
                'data_center_name': 'dc',
                'datastore_name': 'ds',
                'file_path': 'p',
                'cacerts': False,
                'image_size': len(DATA),
            }
            problem = fails_in_time(
                lambda: image_transfer.download_flat_image('context', LIMIT, service, 'id', **given)
            )
        else:
            return
        assert isinstance(problem, exceptions.ImageTransferException)
        assert session.open_leases == 0
        assert server.all_closed(0)


@pytest.mark.parametrize('where', ['update', 'update, later', 'update, at the end'])
def test_an_image_service_that_hangs_in_its_update(hanging: Any, where: str) -> None:
    """The export is given up; whoever goes on reading gets an error, and no end of the data."""
    service = hanging(where)
    handles: list[Any] = []
    update = service.update

    def noted(*args: Any, data: Any, **kwargs: Any) -> None:
        handles.append(data)
        update(*args, data=data, **kwargs)

    service.update = noted
    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        problem = fails_in_time(
            lambda: image_transfer.upload_image(
                'context', LIMIT, service, 'id', 'me', session=session, host=server.host, port=443
            )
        )
        assert isinstance(problem, exceptions.ImageTransferException)
        assert session.open_leases == 0
        assert session.ends == ['HttpNfcLeaseAbort']
        with pytest.raises(exceptions.VimException):
            handles[0].read(10)
        assert server.all_closed()


TRICKLING = {
    'the size of a chunk': b'3;x=',
    'what follows the chunks': b'0\r\nX-Sum: ',
}


@pytest.mark.parametrize('where', TRICKLING)
def test_a_source_that_trickles_between_its_data(where: str) -> None:
    """Each byte is in time, and all of them together are not."""

    def script(exchange: Exchange) -> None:
        if exchange.method == 'PUT':
            exchange.swallow()
            return
        exchange.socket.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        exchange.socket.sendall(b'3\r\nabc\r\n' + TRICKLING[where])
        with contextlib.suppress(OSError):
            for _byte in range(60):
                exchange.socket.sendall(b'y')
                time.sleep(0.1)

    with DataServer(script, CERTIFICATE) as server:
        source = rw_handles.FileReadHandle(f'{server.url}/folder/source')
        sink = rw_handles.FileWriteHandle(f'{server.url}/folder/sink', file_size=100)
        problem = fails_in_time(lambda: image_transfer._start_transfer(source, sink, LIMIT))
        assert isinstance(problem, exceptions.ImageTransferException)
        assert server.all_closed(2)


# Getting there


def uploads(host: str, port: int) -> list[Callable[[], Any]]:
    session = SimpleNamespace(
        _host=host,
        _port=port,
        _scheme='https',
        _insecure=True,
        vim=SimpleNamespace(get_http_cookie=lambda: 'x'),
    )
    server = SimpleNamespace(port=port)
    return [
        lambda: image_transfer.download_file(
            io.BytesIO(DATA), host, port, 'dc', 'ds', None, 'p', len(DATA), False, LIMIT
        ),
        lambda: to_datastore(server, session, bypass=False, seconds=LIMIT),  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize('number', [0, 1])
@pytest.mark.parametrize('server', [silent_server, deaf_server])
def test_a_host_that_does_not_answer(server: Any, number: int) -> None:
    """Connecting and the TLS handshake count as well."""
    with server() as port:
        fails_in_time(uploads('127.0.0.1', port)[number])
        until(lambda: left_behind() == [])


@pytest.mark.parametrize('number', [0, 1])
def test_a_name_that_is_not_found_soon(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver takes its time and no time-out."""
    found = threading.Event()

    def resolve(*args: Any, **kwargs: Any) -> Any:
        found.wait(60)
        raise socket.gaierror('not found')

    monkeypatch.setattr(socket, 'create_connection', resolve)
    problem = fails_in_time(uploads('esx.example.org', 443)[number])
    assert isinstance(problem.cause, image_transfer.Timer.Timeout)
    found.set()
    until(lambda: left_behind() == [])


def test_an_end_that_is_open_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is closed, and the server does not wait for it."""
    go_on = threading.Event()
    connect = socket.create_connection

    def connect_later(*args: Any, **kwargs: Any) -> Any:
        go_on.wait(60)
        return connect(*args, **kwargs)

    with DataServer(store, CERTIFICATE) as server:
        monkeypatch.setattr(socket, 'create_connection', connect_later)
        fails_in_time(uploads(server.host, server.port)[0])
        go_on.set()
        until(lambda: left_behind() == [])
        assert server.all_closed(1)


@pytest.mark.parametrize('seconds', [0, -1])
def test_nothing_is_begun_without_time(seconds: float) -> None:
    """When there is no time at all, nothing is asked for."""
    session = session_for(SimpleNamespace(url='https://127.0.0.1:1', host='127.0.0.1'))  # type: ignore[arg-type]
    with pytest.raises(exceptions.ImageTransferException):
        image_transfer.upload_image(
            'c', seconds, ImageService(), 'id', 'me', session=session, host='127.0.0.1', port=443
        )
    assert session.calls == []


def slow(exchange: Exchange) -> None:
    """Take the body, and answer after a while."""
    exchange.swallow()
    time.sleep(0.3)
    exchange.answer()


def test_who_keeps_to_it_notices_nothing() -> None:
    """A transfer that takes less than it may ends as it would without a limit."""
    with DataServer(slow, CERTIFICATE) as server:
        for upload in uploads(server.host, server.port):
            upload()
        assert [one.received for one in server.exchanges] == [len(DATA)] * 2
    until(lambda: left_behind() == [])


REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar('request', default='none')


def test_what_is_called_aside_knows_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image service is called in another thread, in the context of the request at hand."""
    seen: list[Any] = []
    current = SimpleNamespace(update_store=lambda: seen.append(threading.current_thread()))
    module = SimpleNamespace(get_current=lambda: current)
    monkeypatch.setitem(sys.modules, 'oslo_context.context', module)

    def download(context: Any, image_id: str) -> list[bytes]:
        seen.append(REQUEST.get())
        return [DATA]

    service = SimpleNamespace(download=download)
    token = REQUEST.set('request 7')
    try:
        with DataServer(store, CERTIFICATE) as server:
            image_transfer.download_flat_image(
                None, 30, service, 'id', image_size=len(DATA), host=server.host, port=server.port,
                data_center_name='dc', datastore_name='ds', file_path='p', cacerts=False,
            )  # fmt: skip
    finally:
        REQUEST.reset(token)
    assert 'request 7' in seen
    assert threading.current_thread() not in seen
