"""TLS of transfers goes by many records at a time, and is TLS all the same."""

import contextlib
import hashlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oslo_vmware import exceptions, rw_handles
from oslo_vmware._transfer import connection as _connection
from oslo_vmware.objects import datastore
from tests.transfer.server import AUTHORITY, CERTIFICATE, DataServer, Exchange, store

DATA = os.urandom(1 << 20)
RECORD = 16384


def writer(server: DataServer, size: int | None, **arguments: Any) -> Any:
    return rw_handles.FileWriteHandle(f'{server.url}/folder/f', file_size=size, **arguments)


def reader(server: DataServer, **arguments: Any) -> Any:
    return rw_handles.FileReadHandle(f'{server.url}/folder/f', **arguments)


def read_all(handle: Any) -> bytes:
    return b''.join(iter(lambda: handle.read(65536), b''))


def write_much(handle: Any) -> None:
    for _piece in range(1 << 10):
        handle.write(DATA)


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=['1.2', '1.3'])
def any_version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All servers speak this version and no other."""
    make = DataServer.__init__

    def made(self: DataServer, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        assert self._context is not None
        self._context.minimum_version = self._context.maximum_version = request.param

    monkeypatch.setattr(DataServer, '__init__', made)


@pytest.mark.usefixtures('any_version')
@pytest.mark.parametrize('piece', [1, 1000, RECORD, RECORD + 1, 300000])
def test_records_of_any_size(piece: int) -> None:
    """What was sent is what comes, however it was cut into records; in both directions."""
    data = DATA[: 300 * piece]

    def script(exchange: Exchange) -> None:
        if exchange.method == 'PUT':
            store(exchange)
            return
        exchange.answer('200 OK', b'', Content_Length=len(data))
        for start in range(0, len(data), piece):
            exchange.socket.sendall(data[start : start + piece])

    with DataServer(script, CERTIFICATE) as server:
        source = reader(server)
        assert read_all(source) == data
        source.close()
        sink = writer(server, len(data))
        for start in range(0, len(data), piece):
            sink.write(data[start : start + piece])
        sink.close()
        assert server.last.digest.digest() == hashlib.sha256(data).digest()
        assert server.all_closed(2)


@pytest.mark.usefixtures('any_version')
def test_a_server_that_takes_its_time() -> None:
    """What does not fit into the socket is sent later, once and in order."""
    go_on = threading.Event()
    data = DATA * 24

    def script(exchange: Exchange) -> None:
        go_on.wait(10)
        store(exchange)

    with DataServer(script, CERTIFICATE) as server:
        sink = writer(server, len(data))
        helper = threading.Timer(0.2, go_on.set)
        helper.start()
        sink.write(data)
        sink.close()
        helper.join()
        assert server.last.digest.digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize('farewell', [True, False])
def test_an_end_in_the_middle(farewell: bool) -> None:
    """A connection that ends is no end of the data, whether TLS took its leave or not."""

    def script(exchange: Exchange) -> None:
        exchange.answer('200 OK', DATA[:-1], Content_Length=len(DATA))
        if farewell:
            with contextlib.suppress(OSError):
                exchange.socket.settimeout(0.2)
                exchange.socket.unwrap()
        exchange.socket.close()

    with DataServer(script, CERTIFICATE) as server:
        source = reader(server)
        with pytest.raises(exceptions.VimException, match=rf'after {len(DATA) - 1} bytes'):
            read_all(source)
        with pytest.raises(exceptions.VimException):
            source.read(65536)
        source.close()


def test_an_early_answer_in_many_records() -> None:
    """All of them are looked at, though the socket tells of the first only."""

    def refuse(exchange: Exchange) -> None:
        exchange.stream.read(1000)
        for byte in b'HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\n\r\n':
            exchange.socket.sendall(bytes([byte]))
        server.released.wait(10)

    with DataServer(refuse, CERTIFICATE) as server:
        sink = writer(server, 1 << 30)
        with pytest.raises(exceptions.NoDiskSpaceException):
            write_much(sink)
        server.released.set()
        assert server.all_closed()


def test_a_server_that_is_not_believed_is_told() -> None:
    """It gets the alert of TLS, and no connection that breaks."""
    with DataServer(store, CERTIFICATE) as server:
        with pytest.raises(exceptions.VimCertificateException):
            writer(server, 3, cacerts=True)
        assert server.all_closed()
        assert any('alert' in str(error).lower() for error in server.errors)


def test_the_name_is_asked_for_and_compared(tmp_path: Any) -> None:
    """A certificate of a known authority for another name is refused."""
    AUTHORITY.cert_pem.write_to_path(bundle := str(tmp_path / 'ca.pem'))
    with DataServer(store, AUTHORITY.issue_cert('esx.example.org')) as server:
        with pytest.raises(exceptions.VimCertificateException):
            writer(server, 3, cacerts=bundle)
        assert server.exchanges == []


@contextlib.contextmanager
def talking(talk: Callable[[socket.socket], Any]) -> Iterator[int]:
    """A server that speaks no TLS, or not for long; gives its port."""

    def converse() -> None:
        connection, _address = listener.accept()
        with connection, contextlib.suppress(OSError):
            talk(connection)

    with socket.create_server(('127.0.0.1', 0)) as listener:
        thread = threading.Thread(target=converse, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def trickle(connection: socket.socket) -> None:
    """The head of a record of the handshake, and then a byte now and then."""
    connection.sendall(b'\x16\x03\x03\x40\x00')
    for _byte in range(100):
        connection.sendall(b'\x02')
        time.sleep(0.05)


TALKS: dict[str, Callable[[socket.socket], Any]] = {
    'hangs up': lambda connection: None,
    'hangs up later': lambda connection: connection.recv(1000),
    'speaks HTTP': lambda connection: connection.sendall(b'HTTP/1.1 400 Bad Request\r\n\r\n'),
    'is mute': lambda connection: connection.recv(1000) and connection.recv(1000),
    'trickles': trickle,
}


@pytest.mark.parametrize('talk', TALKS)
def test_a_handshake_that_fails(talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes in place of it, it is an error of the connection, and in time."""
    monkeypatch.setattr(_connection, 'CONNECT_SECONDS', 0.5)
    began = time.monotonic()
    with talking(TALKS[talk]) as port, pytest.raises(exceptions.VimConnectionException):
        rw_handles.FileWriteHandle('127.0.0.1', port, 'dc', 'ds', file_path='f', file_size=1)
    assert time.monotonic() - began < 4


def test_a_connection_of_the_user() -> None:
    """Who opens one by a URL has what ``http.client`` gives, until the response is read."""

    def script(exchange: Exchange) -> None:
        exchange.answer('200 OK', DATA, Connection='close')

    with DataServer(script, CERTIFICATE) as server:
        url = datastore.DatastoreURL('https', server.netloc, 'f', 'dc', 'ds')
        connection = url.connect('GET', 0, None, cacerts=False)
        sock: Any = connection.sock
        assert sock.version().startswith('TLS')
        assert sock.getpeername() == (server.host, server.port)
        response = connection.getresponse()
        # The server has said that it closes, so the response is on its own.
        assert connection.sock is None
        assert response.read() == DATA
        response.close()
        assert server.all_closed()
