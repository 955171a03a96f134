"""Leases and images: completed when the server has it all, released in every case."""

import contextlib
import hashlib
import io
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import exceptions, image_transfer, rw_handles
from tests.transfer.images import (
    ABORT,
    COMPLETE,
    DATA,
    UPLOADS,
    ImageService,
    export_arguments,
    exporter,
    importer,
    session_for,
    to_datastore,
)
from tests.transfer.server import CERTIFICATE, DataServer, Exchange, serve, store
from tests.transfer.stand_in import Cookie, StandIn


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports every twentieth of a second."""
    monkeypatch.setattr(image_transfer, 'NFC_LEASE_UPDATE_PERIOD', 0.05)
    monkeypatch.setattr(rw_handles, 'MIN_UPDATE_INTERVAL', 0)


class Pieces:
    """A source of the given pieces; a callable among them is called in its turn."""

    name = 'the image'

    def __init__(self, *pieces: Any) -> None:
        self._pieces = iter(pieces)
        self.closed = False

    def read(self, size: int) -> bytes:
        piece = next(self._pieces, b'')
        return piece() if callable(piece) else piece

    def close(self) -> None:
        self.closed = True


def write_and_close(handle: Any, data: bytes) -> None:
    handle.write(data)
    handle.close()


def read_to_the_end(handle: Any) -> bytes:
    return b''.join(iter(handle.read, b''))


# Handles under a lease


@pytest.mark.parametrize('method', ['PUT', 'POST'])
def test_an_import(method: str) -> None:
    """The lease is completed when the server has acknowledged the disk, and not before."""
    order: list[str] = []

    def acknowledge(exchange: Exchange) -> None:
        exchange.swallow()
        order.extend(session.operations)
        exchange.answer()

    with DataServer(acknowledge, CERTIFICATE) as server:
        session = session_for(server)
        handle = importer(session, str(len(DATA)), method)
        handle.write(DATA)
        assert handle.tell() == len(DATA)
        handle.close()
        handle.close()
        assert handle.get_imported_vm() is session.vm
        assert order == ['ImportVApp']
        assert session.operations == ['ImportVApp', *COMPLETE]
        assert session.calls[0][1] == {'spec': 'spec', 'folder': 'f'}
        headers = server.last.headers
        kind = 'binary/octet-stream' if method == 'PUT' else 'application/x-vnd.vmware-streamVmdk'
        assert (server.last.method, headers['Content-Type']) == (method, kind)
        assert headers['Overwrite'] == ('t' if method == 'PUT' else None)
        assert server.last.digest.digest() == hashlib.sha256(DATA).digest()
        assert server.all_closed()


def refuse(exchange: Exchange) -> None:
    exchange.swallow()
    exchange.answer('500 Disk Error')


def hang_up(exchange: Exchange) -> None:
    exchange.swallow()
    exchange.socket.close()


@pytest.mark.parametrize(
    ('script', 'written', 'message'),
    [
        (refuse, len(DATA), '500 Disk Error'),
        (hang_up, len(DATA), 'no answer'),
        (store, 1, f'1 of {len(DATA)} announced'),
        (store, len(DATA) + 1, 'were announced'),
    ],
)
def test_an_import_that_fails(script: Any, written: int, message: str) -> None:
    """An error, the connection closed, the lease aborted, and no machine to be had."""
    with DataServer(script, CERTIFICATE) as server:
        session = session_for(server)
        handle = importer(session)
        with pytest.raises(exceptions.VimException, match=message) as raised:
            write_and_close(handle, (DATA + b'x')[:written])
        assert 'secret' not in str(raised.value).replace('***ecret', '')
        handle.close()
        assert (session.ends, session.open_leases) == (ABORT, 0)
        with pytest.raises(exceptions.ImageTransferException, match='not imported'):
            handle.get_imported_vm()
        assert server.all_closed()


@pytest.mark.parametrize('make', [importer, exporter])
@pytest.mark.parametrize('problem', ['status', 'no disk', 'refused', 'thumbprint', 'lease error'])
def test_a_constructor_that_fails(make: Any, problem: str) -> None:
    """Whatever goes wrong after the lease was made, it is aborted and no socket stays open."""
    with DataServer(serve(b'', '503 Unavailable'), CERTIFICATE) as server:
        session = session_for(server)
        if problem == 'no disk':
            session.devices = [SimpleNamespace(url='https://127.0.0.1/x')]
        elif problem == 'refused':
            session.devices = [SimpleNamespace(disk=True, url='https://127.0.0.1:1/x')]
        elif problem == 'thumbprint':
            session.devices[1].sslThumbprint = '00:' * 19 + '00'
        elif problem == 'lease error':
            session.state = 'error'
        if problem == 'status' and make is importer:
            with pytest.raises(exceptions.VimException, match='503'):
                make(session, 0).close()
        else:
            with pytest.raises(exceptions.VimException):
                make(session)
        assert (session.ends, session.open_leases) == (ABORT, 0)
        assert server.all_closed(0)


def test_a_bad_method_makes_no_lease() -> None:
    """It is noticed before the server is asked for anything."""
    session = StandIn()
    with pytest.raises(ValueError, match='PATCH'):
        importer(session, 1, 'PATCH')
    assert session.calls == []


@pytest.mark.parametrize('when', ['release', 'write'])
def test_the_reason_of_a_failed_lease(when: str) -> None:
    """When the lease goes into state error, the server's words are in the exception."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        handle = importer(session)
        handle.write(DATA if when == 'release' else DATA[1:])
        session.state = 'error'
        with pytest.raises(exceptions.VimException, match='The datastore is full') as raised:
            write_and_close(handle, DATA if when == 'write' else b'')
        if when == 'release':
            assert isinstance(raised.value, exceptions.NoDiskSpaceException)
        with pytest.raises(exceptions.ImageTransferException, match='The datastore is full'):
            handle.get_imported_vm()


GONE = exceptions.ManagedObjectNotFoundException('gone')


@pytest.mark.parametrize('problem', [GONE, exceptions.VimException('cannot')])
def test_a_lease_that_cannot_be_completed(problem: Exception) -> None:
    """Closing an import logs it, as ever; asking for the machine tells that there is none."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        session.faults['HttpNfcLeaseComplete'] = problem
        handle = importer(session)
        handle.write(DATA)
        handle.close()
        with pytest.raises(exceptions.ImageTransferException):
            handle.get_imported_vm()
        assert server.all_closed()


def test_trouble_on_the_way_to_the_server() -> None:
    """Connection trouble at the release is raised, and the data connection is closed by then."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        session.faults['state'] = exceptions.VimConnectionException('no answer')
        handle = importer(session)
        handle.write(DATA)
        with pytest.raises(exceptions.VimConnectionException):
            handle.close()
        assert server.all_closed()


@pytest.mark.parametrize('guess', [0, 1, len(DATA), 100 * len(DATA)])
def test_a_complete_export_completes_its_lease(guess: int) -> None:
    """Read to the end it is complete, whatever size was guessed; percentages stay in range."""
    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        handle = exporter(session, guess)
        data = read_to_the_end(handle)
        handle.update_progress()
        handle.close()
        handle.close()
        assert data == DATA
        assert handle.tell() == len(DATA)
        assert session.percents == [100]
        assert session.ends == COMPLETE
        assert server.all_closed()


def test_an_export_closed_early_is_aborted() -> None:
    """Whoever stops before the end has not exported the machine."""
    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        handle = exporter(session)
        handle.read(10)
        handle.close()
        assert session.ends == ABORT
        assert server.all_closed()


def test_an_export_cut_short() -> None:
    """An error, never an end; the lease is aborted."""

    def cut(exchange: Exchange) -> None:
        exchange.answer('200 OK', DATA, Content_Length=len(DATA) + 1)
        exchange.socket.close()

    with DataServer(cut, CERTIFICATE) as server:
        session = session_for(server)
        handle = exporter(session)
        with pytest.raises(exceptions.VimException):
            read_to_the_end(handle)
        handle.close()
        assert session.ends == ABORT


def test_an_export_whose_host_dies() -> None:
    """Its body ends as if it were complete; the lease tells the difference, and the reason."""

    def die(exchange: Exchange) -> None:
        exchange.socket.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n' + DATA[:1000])
        session.state = 'error'
        exchange.socket.close()

    with DataServer(die, CERTIFICATE) as server:
        session = session_for(server)
        sink = SimpleNamespace(name='f', write=len, close=lambda: None)
        with pytest.raises(exceptions.ImageTransferException, match='The datastore is full'):
            image_transfer.copy_stream_optimized_disk('c', 10, sink, **export_arguments(session))


def test_an_import_whose_end_is_interrupted() -> None:
    """Whoever is killed while the server takes its time leaves no lease behind."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        handle = importer(session)
        handle.write(DATA)

        def interrupted(*anything: Any) -> None:
            raise KeyboardInterrupt

        handle._upload.finish = interrupted
        with pytest.raises(KeyboardInterrupt):
            handle.close()
        assert session.ends == ABORT


def test_progress_is_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first report goes out, the next ones wait a minute; one that fails does not count."""
    clock = [1000.0]
    monkeypatch.setattr(rw_handles, 'time', SimpleNamespace(monotonic=lambda: clock[0]))
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        handle = importer(session)
        handle.write(DATA[: len(DATA) // 2])
        for seconds in (0, 30, 30, 30, 29.99):
            clock[0] += seconds
            handle.update_progress()
        assert session.percents == [50, 50, 50]
        session.faults['HttpNfcLeaseProgress'] = exceptions.VimException('busy')
        clock[0] += 60
        for _attempt in range(2):
            with pytest.raises(exceptions.VimException, match='busy'):
                handle.update_progress()
        with contextlib.suppress(exceptions.VimException):
            handle.close()
        handle.update_progress()
        assert len(session.percents) == 5


@pytest.mark.parametrize(('host', 'sent'), [('127.0.0.1', True), ('vcenter.example.org', False)])
def test_the_session_stays_with_its_server(host: str, sent: bool) -> None:
    """A lease may name any host; the session's cookie goes only to the session's own."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        session._host = host
        session.vim.client.cookiejar = [Cookie('vmware_soap_session', '"s"')]
        importer(session, 0).close()
        assert ('Cookie' in server.last.headers) == sent


def test_the_host_that_is_not_named() -> None:
    """A stand-alone host calls itself ``*`` and is where the session is."""
    with DataServer(store, host='::1') as server:
        session = StandIn('http://*/nfc/1/disk-0.vmdk', host='::1')
        handle = rw_handles.VmdkWriteHandle(session, '::1', server.port, 'rp', 'f', 'spec', 0)
        handle.close()
        assert server.last.headers['Host'] == server.netloc


# The copying


def test_a_slow_source_keeps_its_lease(quick: None) -> None:
    """Reports go out while a single read takes long, and after one of them has failed."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)

        def slow() -> bytes:
            time.sleep(0.3)
            session.faults['HttpNfcLeaseProgress'] = exceptions.VimException('busy')
            time.sleep(0.3)
            del session.faults['HttpNfcLeaseProgress']
            before = len(session.percents)
            time.sleep(0.3)
            assert len(session.percents) > before
            return DATA

        image_transfer._start_transfer(Pieces(slow), importer(session), 30)
        assert len(session.percents) >= 6
        assert session.ends == COMPLETE
        # Nothing is reported when all is over.
        after = len(session.percents)
        time.sleep(0.2)
        assert len(session.percents) == after


def test_a_slow_server_keeps_its_lease(quick: None) -> None:
    """Reports go out while the server thinks about its answer."""

    def think(exchange: Exchange) -> None:
        exchange.swallow()
        time.sleep(0.5)
        exchange.answer()

    with DataServer(think, CERTIFICATE) as server:
        session = session_for(server)
        image_transfer._start_transfer(Pieces(DATA), importer(session), 30)
        assert len(session.percents) >= 4
        assert session.ends == COMPLETE


def transfer_fails(source: Any, sink: Any, seconds: float | None) -> Any:
    with pytest.raises(exceptions.ImageTransferException) as raised:
        image_transfer._start_transfer(source, sink, seconds)
    return raised.value


def test_a_source_that_raises() -> None:
    """The exception names both ends and the bytes; everything is closed, the lease aborted."""

    def broken() -> bytes:
        raise OSError('the image service is gone')

    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        source = Pieces(DATA[:1000], broken)
        problem = transfer_fails(source, importer(session), 30)
        assert isinstance(problem.cause, OSError)
        for part in ('the image', f'{server.url}/nfc/', '1000 bytes', 'the image service is gone'):
            assert part in str(problem)
        assert source.closed
        assert session.ends == ABORT
        assert server.all_closed()


def test_a_failure_after_the_last_byte_completes_nothing() -> None:
    """All announced bytes are there, the source has more: the lease must not be completed."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        transfer_fails(Pieces(DATA, b'x'), importer(session), 30)
        assert session.ends == ABORT


@pytest.mark.parametrize('hanging', ['source', 'server', 'answer', 'download'])
def test_the_time_limit(hanging: str) -> None:
    """It ends a read, a write and the wait for an answer, wherever they hang."""
    never = threading.Event()

    def stop_reading(exchange: Exchange) -> None:
        if hanging == 'answer':
            exchange.swallow()
        server.released.wait(10)

    def trickle(exchange: Exchange) -> None:
        exchange.socket.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n')
        while not server.released.wait(0.05):
            exchange.socket.sendall(b'.')

    script = {'source': store, 'download': trickle}.get(hanging, stop_reading)
    with DataServer(script, CERTIFICATE) as server:
        session = session_for(server)
        began = time.monotonic()
        if hanging == 'download':
            problem: Any = transfer_fails(exporter(session), io.BytesIO(), 0.5)
        elif hanging == 'answer':
            with pytest.raises(exceptions.VimConnectionException, match='timed out') as raised:
                image_transfer._start_transfer(Pieces(DATA), importer(session), 0.5)
            problem = raised.value
        else:
            last = (lambda: never.wait(20) or b'') if hanging == 'source' else b''
            chunks = [DATA] * (2 if hanging == 'source' else 400)
            source = Pieces(*chunks, last)
            problem = transfer_fails(source, importer(session, 1 << 30), 0.5)
            assert isinstance(problem.cause, image_transfer.Timer.Timeout)
        assert 0.4 < time.monotonic() - began < 5
        assert 'bytes' in str(problem)
        assert session.ends == ABORT
        never.set()
        server.released.set()
        assert server.all_closed()
        if hanging == 'source':
            # Closed by the time it comes back.
            until = time.monotonic() + 5
            while not source.closed:
                assert time.monotonic() < until
                time.sleep(0.01)


def test_no_time_limit() -> None:
    """None is as long as it takes."""
    sink = io.BytesIO()
    sink.close = lambda: None  # type: ignore[method-assign]
    image_transfer._start_transfer(Pieces(b'abc', b'd'), sink, None)
    assert sink.getvalue() == b'abcd'


def test_a_sink_that_takes_little() -> None:
    """A file without a buffer says how much it took; the rest is written again."""

    class Little(Pieces):
        taken = b''

        def write(self, data: bytes) -> int:
            self.taken += data[:3]
            return len(data[:3])

    sink = Little()
    image_transfer._start_transfer(Pieces(b'abcdefgh'), sink, 5)
    assert (sink.taken, sink.closed) == (b'abcdefgh', True)


def test_a_source_that_cannot_be_closed() -> None:
    """The data is there: that is what counts, and the writing end is closed."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        source = Pieces(DATA)
        source.close = lambda: 1 / 0  # type: ignore[method-assign, assignment, return-value]
        image_transfer._start_transfer(source, importer(session), 5)
        assert session.ends == COMPLETE


# The public functions


@pytest.mark.parametrize('upload', UPLOADS)
def test_every_upload_arrives(upload: Any) -> None:
    """The bytes, all of them; and the machine where one is imported."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        result = upload(server, session)
        assert server.last.digest.digest() == hashlib.sha256(DATA).digest()
        assert result is (session.vm if 'ImportVApp' in session.operations else None)
        assert session.open_leases == 0
        assert server.all_closed()


@pytest.mark.parametrize('host', ['127.0.0.1', '::1'])
@pytest.mark.parametrize('upload', UPLOADS)
def test_every_upload_that_is_refused_raises(upload: Any, host: str) -> None:
    """Status, reason and URL come out of every function; nothing stays open."""

    def full(exchange: Exchange) -> None:
        exchange.swallow()
        exchange.answer('507 Insufficient Storage')

    with DataServer(full, CERTIFICATE, host) as server:
        session = session_for(server)
        with pytest.raises(exceptions.NoDiskSpaceException, match='507 Insufficient') as raised:
            upload(server, session)
        assert f'{server.url}/' in str(raised.value)
        assert session.open_leases == 0
        assert server.all_closed()


@pytest.mark.parametrize(
    ('bypass', 'target', 'cookie'),
    [
        (
            True,
            '/folder/a%20b?dcPath=ha-datacenter&dsName=ds',
            'vmware_cgi_ticket="one-time-ticket"',
        ),
        (False, '/folder/a%20b?dcPath=dc&dsName=ds', 'vmware_soap_session=52a-secret'),
    ],
)
def test_where_download_image_goes(bypass: bool, target: str, cookie: str) -> None:
    """To a host with a ticket, or to the vCenter with the session."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        to_datastore(server, session, bypass)
        assert server.last.target == target
        assert server.last.headers['Cookie'] == cookie
        tickets = [a for name, a in session.calls if name == 'AcquireGenericServiceTicket']
        assert len(tickets) == bypass
        if bypass:
            assert (tickets[0]['spec'].method, tickets[0]['spec'].url) == (
                'PUT',
                server.url + target,
            )


def test_an_export_into_a_file() -> None:
    """All bytes, the lease completed, both ends closed."""
    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        sink = io.BytesIO()
        kept: list[bytes] = []
        sink.close = lambda: kept.append(sink.getvalue())  # type: ignore[method-assign]
        image_transfer.copy_stream_optimized_disk('c', 10, sink, **export_arguments(session))
        assert kept == [DATA]
        assert session.ends == COMPLETE


@pytest.mark.parametrize('version', [None, 3])
def test_an_export_into_an_image(version: int | None) -> None:
    """Data and metadata arrive; a version that is not given is not made up."""
    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        service = ImageService()
        image_transfer.upload_image(
            'c', 10, service, 'id', 'me', image_name='n', image_version=version, is_public=True,
            **export_arguments(session),
        )  # fmt: skip
        assert service.data == DATA
        properties = {'vmware_disktype': 'streamOptimized', 'owner_id': 'me'}
        if version:
            properties['vmware_image_version'] = '3'
        metadata = {'disk_format': 'vmdk', 'name': 'n', 'properties': properties}
        expected = ('c', 'id', metadata), {'store_id': None, 'base_image_ref': None}
        assert service.updates == [expected]
        assert session.ends == COMPLETE
        assert server.all_closed()


def test_an_image_service_that_takes_less() -> None:
    """Half an image is no image, though the image service did not complain."""
    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        service = ImageService()
        service.enough = 2000
        with pytest.raises(exceptions.ImageTransferException, match='not all'):
            image_transfer.upload_image('c', 9, service, 'id', 'me', **export_arguments(session))
        assert session.ends == ABORT


def test_an_image_service_that_refuses() -> None:
    """Its error is raised unchanged, whatever becomes of the lease."""

    class Quota(Exception):
        pass

    def refuse(*args: Any, data: Any, **kwargs: Any) -> None:
        while data.read(65536):
            pass
        session.state = 'error'
        raise Quota

    with DataServer(serve(DATA), CERTIFICATE) as server:
        session = session_for(server)
        service = SimpleNamespace(update=refuse)
        with pytest.raises(Quota):
            image_transfer.upload_image('c', 9, service, 'id', 'me', **export_arguments(session))


def test_an_export_that_never_stops() -> None:
    """The time limit holds although there is always something to read."""

    def endless(exchange: Exchange) -> None:
        exchange.socket.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n')
        with contextlib.suppress(OSError):
            while True:
                exchange.socket.sendall(bytes(65536))

    def take_all(context: Any, image_id: str, metadata: Any, data: Any, **kwargs: Any) -> None:
        while data.read(65536):
            pass

    with DataServer(endless, CERTIFICATE) as server:
        session = session_for(server)
        service = SimpleNamespace(update=take_all)
        with pytest.raises(exceptions.VimException, match=r'time limit|timed out'):
            image_transfer.upload_image('c', 0.5, service, 'id', 'me', **export_arguments(session))
        assert session.ends == ABORT
