"""Progress of transfers, and handles as context managers, iterables and files read to their end."""

import hashlib
import io
import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import api, exceptions, image_transfer, rw_handles
from oslo_vmware._transfer import lease as _lease
from oslo_vmware._transfer import progress as _progress
from oslo_vmware.simulator import VCenterSimulator
from tests.transfer.disks import content_of, stream_of
from tests.transfer.images import (
    ABORT,
    COMPLETE,
    DATA,
    DISK,
    SIZE,
    UPLOADS,
    ImageService,
    descriptor,
    export_arguments,
    import_image,
    importer,
    ova,
    session_for,
)
from tests.transfer.place import Place
from tests.transfer.server import CERTIFICATE, DataServer, Exchange, serve, store
from tests.transfer.stand_in import StandIn


class Told:
    """A callback that notes what it is told.

    :param objects_at: bytes from which on it raises
    """

    def __init__(self, objects_at: float = float('inf'), error: type[BaseException] = OSError):
        self.calls: list[tuple[int, int | None]] = []
        self.objection = error('enough')
        self._objects_at = objects_at

    def __call__(self, done: int, total: int | None) -> None:
        self.calls.append((done, total))
        if done >= self._objects_at:
            raise self.objection

    def was_right(self, total: int | None, size: int = SIZE) -> bool:
        """Whether it rose to the end, with the total known all the time or not before the end."""
        done = [call[0] for call in self.calls]
        totals = {call[1] for call in self.calls[:-1]}
        return (
            self.calls[-1] == (size, size)
            and done == sorted(done)
            and len(set(self.calls)) == len(self.calls)
            and totals <= {total}
        )


def chunked(exchange: Exchange) -> None:
    """Give the data without announcing how much it is, as a host exports a thin disk."""
    exchange.socket.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
    for piece in (DATA[:99], DATA[99:]):
        exchange.socket.sendall(b'%x\r\n%b\r\n' % (len(piece), piece))
    exchange.socket.sendall(b'0\r\n\r\n')


class Sink(io.BytesIO):
    """Keeps what was written when it is closed, or notes that it was."""

    def close(self) -> None:
        self.closed_with = self.getvalue()


def to_a_file(session: StandIn, told: Any) -> bytes:
    sink = Sink()
    arguments = export_arguments(session)
    image_transfer.copy_stream_optimized_disk('c', 10, sink, progress=told, **arguments)
    return sink.closed_with


def to_an_image(session: StandIn, told: Any) -> bytes:
    service = ImageService()
    arguments = export_arguments(session)
    image_transfer.upload_image('c', 10, service, 'id', 'me', progress=told, **arguments)
    return bytes(service.data)


EXPORTS = [to_a_file, to_an_image]


# The functions of image_transfer


@pytest.mark.parametrize('upload', UPLOADS)
def test_every_upload_tells_how_far_it_is(upload: Any) -> None:
    """More and more of what was announced, each number once, and last all of it."""
    told = Told()
    with DataServer(store, CERTIFICATE) as server:
        upload(server, session_for(server), progress=told)
        assert server.last.digest.digest() == hashlib.sha256(DATA).digest()
    assert told.was_right(SIZE)
    assert len(told.calls) > 1


@pytest.mark.parametrize('export', EXPORTS)
@pytest.mark.parametrize(('script', 'total'), [(serve(DATA), SIZE), (chunked, None)])
def test_every_export_tells_how_far_it_is(export: Any, script: Any, total: int | None) -> None:
    """With the size of what comes, not that of the disk; where nobody knows it, last of all."""
    told = Told()
    with DataServer(script, CERTIFICATE) as server:
        session = session_for(server)
        assert export(session, told) == DATA
        assert session.ends == COMPLETE
    assert told.was_right(total)


def test_an_archive_tells_of_its_disk() -> None:
    """Of an OVA it is the bytes of the disk in it, whatever the image is said to have."""
    told = Told()
    archive = ova(('a.ovf', descriptor()), ('my disk-0.vmdk', DISK), ('x', bytes(9999)))
    with DataServer(store, CERTIFICATE) as server:
        import_image(session_for(server), ImageService(archive, 'ova'), image_size=7, progress=told)
    assert told.was_right(len(DISK), len(DISK))


def test_an_empty_file() -> None:
    """Zero of zero, once."""
    told = Told()
    with DataServer(store, CERTIFICATE) as server:
        image_transfer.download_file(
            io.BytesIO(), server.host, server.port, 'dc', 'ds', None, 'p', 0, False, 10,
            progress=told,
        )  # fmt: skip
    assert told.calls == [(0, 0)]


@pytest.mark.parametrize('at', [0, SIZE // 2, SIZE])
@pytest.mark.parametrize('upload', UPLOADS)
def test_an_upload_is_called_off_by_its_callback(upload: Any, at: int) -> None:
    """Wherever it raises: the very exception comes, the connection is closed, the lease aborted."""
    told = Told(at)
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        with pytest.raises(OSError, match='enough') as raised:
            upload(server, session, progress=told)
        assert raised.value is told.objection
        assert session.open_leases == 0
        assert 'HttpNfcLeaseComplete' not in session.ends
        assert server.all_closed()
    assert sum(done >= at for done, _total in told.calls) == 1


@pytest.mark.parametrize('error', [ValueError, exceptions.VimException, KeyboardInterrupt])
@pytest.mark.parametrize('at', [0, SIZE])
@pytest.mark.parametrize('export', EXPORTS)
def test_an_export_is_called_off_by_its_callback(export: Any, at: int, error: Any) -> None:
    """The very exception comes, of whatever kind, and the lease is aborted."""
    told = Told(at, error)
    with DataServer(chunked, CERTIFICATE) as server:
        session = session_for(server)
        with pytest.raises(error) as raised:
            export(session, told)
        assert raised.value is told.objection
        assert session.ends == ABORT
        assert server.all_closed()


@pytest.mark.parametrize('swallowed', [True, False])
def test_an_image_service_hides_no_objection(swallowed: bool) -> None:
    """What it makes of the callback's exception, an error of its own or nothing, does not count."""

    def update(*args: Any, data: Any, **kwargs: Any) -> None:
        try:
            while data.read(1000):
                pass
        except ValueError as exc:
            if not swallowed:
                raise RuntimeError from exc

    told = Told(SIZE, ValueError)
    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        with pytest.raises(ValueError, match='enough'):
            image_transfer.upload_image(
                'c', 10, SimpleNamespace(update=update), 'id', 'me', progress=told,
                **export_arguments(session),
            )  # fmt: skip
        assert session.ends == ABORT


@pytest.mark.parametrize('source', ['ours', 'a file'])
def test_a_callback_that_hangs(source: str) -> None:
    """The time limit holds, and nobody waits for the callback."""
    never = threading.Event()
    with DataServer(store, CERTIFICATE) as server, DataServer(serve(DATA)) as other:
        session = session_for(server)
        data = io.BytesIO(DATA) if source == 'a file' else rw_handles.FileReadHandle(other.url)
        with pytest.raises(exceptions.ImageTransferException) as raised:
            image_transfer._start_transfer(
                data, importer(session), 0.3, lambda done, total: never.wait(20)
            )
        assert isinstance(raised.value.cause, image_transfer.Timer.Timeout)
        assert session.ends == ABORT
        never.set()
        assert server.all_closed()


def test_a_lease_is_told_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a lease hears of its progress is not what the callback hears, and is not disturbed."""
    monkeypatch.setattr(image_transfer, 'NFC_LEASE_UPDATE_PERIOD', 0.02)
    monkeypatch.setattr(rw_handles, 'MIN_UPDATE_INTERVAL', 0)
    half = threading.Event()
    session: StandIn

    def wait_for_a_report(done: int, total: int | None) -> None:
        if done == SIZE:
            half.wait(10)

    class Watching(StandIn):
        def invoke_api(self, module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
            if method == 'HttpNfcLeaseProgress' and kwargs['percent'] == 50:
                half.set()
            return super().invoke_api(module, method, *args, **kwargs)

    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        session.__class__ = Watching
        with pytest.raises(exceptions.VimException, match=f'{SIZE} of {2 * SIZE} announced'):
            image_transfer._start_transfer(
                io.BytesIO(DATA), importer(session, 2 * SIZE), 10, wait_for_a_report, 2 * SIZE
            )
        assert half.is_set()
        assert set(session.percents) <= set(range(51))


# Handles


@pytest.mark.parametrize('size', [SIZE, None])
@pytest.mark.parametrize('kind', ['file', 'disk'])
def test_a_handle_that_writes_tells_how_far_it_is(kind: str, size: int | None) -> None:
    """After each piece; and, where the size was not announced, the size at the end."""
    told = Told()
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        with writer(kind, server, session, size, told) as handle:
            for start in range(0, SIZE, 100_000):
                handle.write(DATA[start : start + 100_000])
        assert server.last.received == SIZE
    totals = [(100_000, size), (200_000, size), (SIZE, size)]
    assert told.calls == totals + [(SIZE, SIZE)] * (size is None)


def writer(kind: str, server: DataServer, session: Any, size: int | None, told: Any) -> Any:
    if kind == 'file':
        return rw_handles.FileWriteHandle(server.url + '/x', file_size=size, progress=told)
    return rw_handles.VmdkWriteHandle(
        session, session._host, 443, 'rp', 'f', 'spec', size, progress=told
    )


def reader(kind: str, server: DataServer, session: Any, told: Any = None) -> Any:
    if kind == 'file':
        return rw_handles.FileReadHandle(server.url + '/x', progress=told)
    if kind == 'disk':
        return rw_handles.VmdkReadHandle(
            session, session._host, 443, 'vm', None, 10 * SIZE, progress=told
        )
    return rw_handles.ImageReadHandle([DATA[:1], b'', DATA[1:]], progress=told)


READERS = ['file', 'disk', 'pieces']


@pytest.mark.parametrize('kind', READERS)
@pytest.mark.parametrize('way', ['blocks', 'None', '-1', 'iteration'])
def test_a_handle_that_reads_tells_how_far_it_is(kind: str, way: str) -> None:
    """By whatever way it is read."""
    told = Told()
    with DataServer(chunked, CERTIFICATE) as server:
        session = session_for(server)
        with reader(kind, server, session, told) as handle:
            data = {
                'blocks': lambda: b''.join(iter(lambda: handle.read(1000), b'')),
                'None': lambda: handle.read(None),
                '-1': lambda: handle.read(-1),
                'iteration': lambda: b''.join(handle),
            }[way]()
            assert handle.read(1000) == b''
            assert handle.read(-1) == b''
        assert data == DATA
        assert session.open_leases == 0
    assert told.was_right(None)


@pytest.mark.parametrize('kind', ['file', 'pieces'])
def test_read_without_a_length_reads_to_the_end(kind: str) -> None:
    """As of a file."""
    with (
        DataServer(serve(DATA), CERTIFICATE) as server,
        reader(kind, server, session_for(server)) as handle,
    ):
        assert handle.read(1) == DATA[:1]
        assert handle.read() == DATA[1:]


def test_read_without_a_length_of_a_disk() -> None:
    """Is a block, as it has always been: loops count on that, and disks are large."""
    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        with reader('disk', server, session) as handle:
            assert handle.read() == DATA[: rw_handles.READ_CHUNKSIZE]
            assert handle.get_size() == SIZE
            assert handle.read(None) == DATA[rw_handles.READ_CHUNKSIZE :]
        assert session.ends == COMPLETE


@pytest.mark.parametrize('kind', ['file', 'disk'])
def test_a_handle_that_reads_is_called_off_by_its_callback(kind: str) -> None:
    """What was read is no data, later reads raise, and the lease is aborted."""
    told = Told(1)
    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        handle = reader(kind, server, session, told)
        with pytest.raises(OSError, match='enough') as raised:
            handle.read(-1)
        assert raised.value is told.objection is handle.objection
        with pytest.raises(exceptions.VimException, match='called off'):
            handle.read(10)
        handle.close()
        assert session.ends == (ABORT if kind == 'disk' else [])
        assert server.all_closed()


@pytest.mark.parametrize('size', [SIZE, None])
@pytest.mark.parametrize('kind', ['file', 'disk'])
def test_a_handle_that_writes_is_called_off_by_its_callback(kind: str, size: int | None) -> None:
    """At a piece, or at the end of what was not announced: there is no file, and no machine."""
    told = Told(SIZE)
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        handle = writer(kind, server, session, size, told)
        with pytest.raises(OSError, match='enough'):
            handle.write(DATA)
        handle.close()
        if kind == 'disk':
            assert session.ends == ABORT
            with pytest.raises(exceptions.ImageTransferException, match='called off'):
                handle.get_imported_vm()
        assert server.all_closed()


def test_asking_for_the_machine_before_the_end_tells_it() -> None:
    """The size that nobody had announced is known when the machine is asked for."""
    told = Told()
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        with writer('disk', server, session, SIZE, told) as handle:
            handle.write(DATA)
            assert handle.get_imported_vm() is session.vm
    assert told.calls == [(SIZE, SIZE)]


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize('kind', ['file', 'disk'])
def test_an_exception_calls_an_upload_off(kind: str, error: type[BaseException]) -> None:
    """It goes on as it is, though closing would raise; no machine, no lease, no connection."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        handle = writer(kind, server, session, SIZE, None)
        handle.write(DATA[:1000])
        with pytest.raises(error) as raised, handle:
            raise error
        assert raised.value.__context__ is None
        assert session.ends == (ABORT if kind == 'disk' else [])
        assert server.all_closed()


@pytest.mark.parametrize('kind', READERS)
def test_an_exception_calls_a_download_off(kind: str) -> None:
    """The lease of a disk that was read to its end, and then not wanted, is aborted as well."""
    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        handle = reader(kind, server, session)
        assert handle.read(-1) == DATA
        with pytest.raises(ZeroDivisionError), handle:
            raise ZeroDivisionError
        assert session.ends == (ABORT if kind == 'disk' else [])


def test_what_fails_at_the_end_of_a_with_statement() -> None:
    """What closing raises comes out of it: only then it is known that all arrived."""
    with DataServer(store, CERTIFICATE) as server:
        handle = writer('file', server, None, SIZE, None)
        handle.write(b'x')
        with pytest.raises(exceptions.VimException, match=f'1 of {SIZE} announced'), handle:
            pass


def test_calling_off_hides_nothing() -> None:
    """Whatever a wrapped object does when it is closed, the first exception is the one."""

    class Stubborn(rw_handles.FileHandle):
        def abort(self) -> None:
            raise OSError('cannot')

    with pytest.raises(ZeroDivisionError) as raised, Stubborn(None):
        raise ZeroDivisionError
    assert raised.value.__context__ is None
    closed: list[bool] = []
    wrapped = SimpleNamespace(close=lambda: closed.append(True))
    with pytest.raises(ZeroDivisionError), rw_handles.FileHandle(wrapped):
        raise ZeroDivisionError
    assert closed == [True]


def test_handles_are_still_what_image_clients_take_them_for() -> None:
    """Nothing that JSON has a form for, no length, and true."""
    handle = rw_handles.FileHandle(None)
    for one in (handle, rw_handles.ImageReadHandle([b'x'])):
        assert one
        assert not hasattr(one, '__len__')
        with pytest.raises(TypeError):
            json.dumps(one)
    with pytest.raises(NotImplementedError):
        next(iter(handle))


def test_a_callback_is_never_told_less_than_before() -> None:
    """A server that forgets how far a task is does not turn back a bar."""
    told: list[Any] = []
    telling = _progress.telling(lambda *args: told.append(args), 100)
    assert telling is not None
    for done in (40, 0, 41):
        telling.moved(done)
    assert told == [(40, 100), (41, 100)]


def test_a_callback_is_told_nothing_twice() -> None:
    """And nothing is there to be asked where there is no callback."""
    told = Told()
    telling = _progress.telling(told, None)
    assert telling is not None
    for done, ended in [(1, False), (1, False), (2, False), (2, True), (2, True)]:
        telling.moved(done, ended)
    assert told.calls == [(1, None), (2, None), (2, 2)]
    assert _progress.telling(None, 5) is None


# Against a server that does what a vCenter does


@pytest.fixture
def place(vc: VCenterSimulator, session: api.VMwareAPISession) -> Place:
    return Place(vc, session)


DISK_STREAM = stream_of(DATA, 1024 * 1024 * 1024)


def test_a_machine_that_is_imported_and_exported(place: Place) -> None:
    """Of the disk that goes, and of the one that comes, which nobody knows the size of before."""
    sent, come = Told(), Told()
    machine = place.import_disk(DISK_STREAM, progress=sent)
    assert sent.was_right(len(DISK_STREAM), len(DISK_STREAM))
    sink = Sink()
    image_transfer.copy_stream_optimized_disk(
        None, 30, sink, session=place.session, host=place.vc.host, port=place.vc.port,
        vm=machine, vmdk_size=1 << 30, progress=come,
    )  # fmt: skip
    assert come.was_right(None, len(sink.closed_with))
    assert content_of(sink.closed_with, SIZE) == DATA
    assert place.vc.nfc.leases == []


def test_an_import_that_its_callback_ends(place: Place) -> None:
    """The machine goes away with the lease."""
    before = place.vc.count('ImportVApp')
    with pytest.raises(OSError, match='enough'):
        place.import_disk(DISK_STREAM, progress=Told(1))
    assert place.vc.count('ImportVApp') == before + 1
    assert place.vc.nfc.leases == []
    names = [
        one.name for one in place.vc.world.objects.values() if one.wire_type == 'VirtualMachine'
    ]
    assert 'imported' not in names


@pytest.mark.parametrize('way', ['import', 'export'])
def test_whoever_is_interrupted_while_completing_leaves_no_lease(
    place: Place, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Nor does it wait for the server to give the lease up."""
    machine = place.import_disk(DISK_STREAM)
    call = _lease.Lease._call

    def interrupted(self: Any, operation: str, **arguments: Any) -> Any:
        if operation == 'HttpNfcLeaseComplete':
            raise KeyboardInterrupt
        return call(self, operation, **arguments)

    monkeypatch.setattr(_lease.Lease, '_call', interrupted)

    def move() -> None:
        if way == 'import':
            place.import_disk(DISK_STREAM, vm_import_spec=place.import_spec('interrupted'))
        else:
            image_transfer.copy_stream_optimized_disk(
                None, None, Sink(), session=place.session, host=place.vc.host,
                port=place.vc.port, vm=machine, vmdk_size=1 << 30,
            )  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        move()
    assert place.vc.nfc.leases == []


def test_an_upload_that_is_cut(place: Place) -> None:
    """What was told is what had gone, and never that it was all."""
    told = Told()
    big = DATA * 100
    place.vc.faults.drop('PUT /folder/*', after_bytes=len(DATA))
    with pytest.raises(exceptions.ImageTransferException):
        image_transfer.download_file(
            io.BytesIO(big), place.vc.host, place.vc.port, place.dc.name, place.ds.name,
            place.session.vim.client.cookiejar, 'x', len(big), False, 30, progress=told,
        )  # fmt: skip
    done = [call[0] for call in told.calls]
    assert done == sorted(set(done))
    assert done[-1] < len(big)


def test_a_download_that_is_begun_again(place: Place, pauses: list[float]) -> None:
    """By a session that repeats what was not answered; nothing is told of what was not read."""
    told = Told()
    upload = rw_handles.FileWriteHandle(
        place.vc.host, place.vc.port, place.dc.name, place.ds.name,
        place.session.vim.client.cookiejar, 'x', SIZE,
    )  # fmt: skip
    with upload:
        upload.write(DATA)
    place.vc.faults.drop('GET /folder/*')
    handle = place.session.invoke_api(
        rw_handles, 'FileReadHandle', place.vc.host, place.vc.port, place.dc.name,
        place.ds.name, place.session.vim.client.cookiejar, 'x', progress=told,
    )  # fmt: skip
    assert len(pauses) == 1
    with handle:
        assert handle.read() == DATA
    assert told.was_right(SIZE)
