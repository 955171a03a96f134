"""Answers without measure: given up at a bound, before they fill the memory."""

import contextlib
import gzip
import random
import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from oslo_vmware import exceptions, wsdl
from oslo_vmware.soap import transport
from oslo_vmware.soap.client import COMPILED, REFERENCE
from oslo_vmware.soap.errors import NotSoapError
from oslo_vmware.soap.transport import HttpTransport, OversizedReplyError
from oslo_vmware.vim import Vim
from tests.wire import ENVELOPE, Answer, ScriptedServer, reply

DESCRIPTION = wsdl.file_url(wsdl.vim_wsdl_path())
BOUND = 200_000
TIME = '<returnval>2026-01-02T03:04:05Z</returnval>'


@pytest.fixture(params=[COMPILED, REFERENCE])
def connect(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], Vim]:
    """Makes a client of either engine for a port, with a bound that a test can reach."""

    def make(port: int) -> Vim:
        vim = Vim('http', '127.0.0.1', port, wsdl_url=DESCRIPTION, soap_engine=request.param)
        monkeypatch.setattr(transport, 'MAX_REPLY_BYTES', BOUND)
        return vim

    return make


def packed(body: bytes, encoding: str = 'gzip') -> Answer:
    return Answer(gzip.compress(body), headers={'Content-Encoding': encoding})


def padded(size: int) -> bytes:
    """A good reply of a size."""
    body = str(reply('CurrentTime', TIME).body)
    return (body + ' ' * (size - len(body))).encode()


OVERSIZED = {
    'one byte too many': Answer(padded(BOUND + 1)),
    'inflates a thousandfold': packed(padded(300 * BOUND)),
    'an error page': Answer(b'x' * (BOUND + 1), 503, 'text/html'),
    'a redirection': Answer(b'x' * (BOUND + 1), 302, headers={'Location': 'http://127.0.0.1:9/'}),
    'packed twice': packed(gzip.compress(padded(500)), 'gzip, gzip'),
    'packed as nobody asked': packed(padded(500), 'br'),
}


@pytest.mark.parametrize('answer', OVERSIZED.values(), ids=OVERSIZED.keys())
def test_too_much(answer: Answer, connect: Callable[[int], Vim]) -> None:
    """VimConnectionException with operation, status, and content type; the next call is well."""
    with ScriptedServer(lambda request: answers.pop(0)) as server:
        answers = [answer, reply('CurrentTime', TIME)]
        vim = connect(server.port)
        with pytest.raises(exceptions.VimConnectionException) as raised:
            vim.CurrentTime('ServiceInstance')
        assert isinstance(raised.value.cause, NotSoapError)
        text = str(raised.value)
        for named in ('CurrentTime', f'HTTP status {answer.status}', 'the reply is'):
            assert named in text
        assert answer.content_type.partition(';')[0] in text
        assert vim.CurrentTime('ServiceInstance').second == 5
        assert len(server.requests) == 2


@pytest.mark.parametrize('answer', [Answer(padded(BOUND)), packed(padded(BOUND))])
def test_just_enough(answer: Answer, connect: Callable[[int], Vim]) -> None:
    """What has the greatest size is read, and the connection serves the next call."""
    with ScriptedServer(lambda request: answer) as server:
        vim = connect(server.port)
        assert [vim.CurrentTime('ServiceInstance').second for _ in range(2)] == [5, 5]
        assert server.connections == 1


def test_a_page_of_secrets_is_not_shown(connect: Callable[[int], Vim]) -> None:
    """What an oversized page repeats of the request ends in no exception's text."""
    page = ENVELOPE.format('<password>secret-1</password>') + 'x' * BOUND
    with ScriptedServer(lambda request: Answer(page, 500)) as server:
        with pytest.raises(exceptions.VimConnectionException) as raised:
            connect(server.port).CurrentTime('ServiceInstance')
        assert 'secret-1' not in str(raised.value)


@contextlib.contextmanager
def endless() -> Iterator[tuple[int, threading.Event]]:
    """A server whose answer has no end; the event is set when the client has hung up."""
    hung_up = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(30)
            connection.recv(65536)
            connection.sendall(
                b'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n'
            )
            chunk = b'4000\r\n' + b'<' * 0x4000 + b'\r\n'
            try:
                # An end after all, should the client never have enough.
                for _ in range(10_000):
                    connection.sendall(chunk)
            except TimeoutError:
                return
            except OSError:
                hung_up.set()

    with socket.create_server(('127.0.0.1', 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1], hung_up
        thread.join(60)


def test_without_end(connect: Callable[[int], Vim]) -> None:
    """The client hangs up at the bound."""
    with endless() as (port, hung_up):
        with pytest.raises(exceptions.VimConnectionException, match=f'larger than {BOUND} bytes'):
            connect(port).CurrentTime('ServiceInstance')
        assert hung_up.wait(30)


def peak_of(action: Callable[[], object]) -> int:
    """Bytes that were allocated at most while something was done."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a body that inflates to 400 MB no more is inflated than may come."""
    monkeypatch.setattr(transport, 'MAX_REPLY_BYTES', BOUND)
    answer = packed(bytes(400_000_000))
    assert len(answer.body) > 300_000  # several pieces

    def read() -> None:
        with pytest.raises(OversizedReplyError):
            http.get(server.url)

    with ScriptedServer(lambda request: answer) as server:
        http = HttpTransport()
        assert peak_of(read) < 2_000_000
        http.close()


BIG = random.Random(8).randbytes(1_000_000) * 32
BODIES = {
    'repeats much': packed(bytes(64_000_000)),
    'repeats little': packed(BIG),
    'not compressed': Answer(BIG),
}


@pytest.mark.parametrize('kind', BODIES)
def test_memory_is_what_it_weighs(kind: str) -> None:
    """An answer takes no more than 1.3 times its inflated size while it is read."""
    sizes = []
    with ScriptedServer(lambda request: BODIES[kind]) as server:
        http = HttpTransport()
        peak = peak_of(lambda: sizes.append(len(http.get(server.url).body)))
        http.close()
    assert peak < 1.3 * sizes[0]


BROKEN = {
    'cut': gzip.compress(padded(5000))[:-1],
    'with a wrong checksum': gzip.compress(padded(5000))[:-8] + bytes(8),
    'not compressed': padded(500),
}


@pytest.mark.parametrize('kind', BROKEN)
def test_broken_compression(kind: str, connect: Callable[[int], Vim]) -> None:
    """VimConnectionException, though all came that HTTP had promised; the next call is well."""
    broken = Answer(BROKEN[kind], headers={'Content-Encoding': 'gzip'})
    with ScriptedServer(lambda request: answers.pop(0)) as server:
        answers = [broken, reply('CurrentTime', TIME)]
        vim = connect(server.port)
        with pytest.raises(exceptions.VimConnectionException, match='data of the reply is broken'):
            vim.CurrentTime('ServiceInstance')
        assert vim.CurrentTime('ServiceInstance').second == 5


def test_compressed_nothing(connect: Callable[[int], Vim]) -> None:
    """Data that goes on without inflating to anything is too much at the same bound."""
    nothing = gzip.compress(b'')
    answer = Answer(nothing * (BOUND // len(nothing) + 1), headers={'Content-Encoding': 'gzip'})
    too_large = pytest.raises(exceptions.VimConnectionException, match=f'larger than {BOUND}')
    with ScriptedServer(lambda request: answer) as server, too_large:
        connect(server.port).CurrentTime('ServiceInstance')


def test_a_description(monkeypatch: pytest.MonkeyPatch) -> None:
    """An oversized description is one that cannot be had."""
    monkeypatch.setattr(transport, 'MAX_REPLY_BYTES', BOUND)
    with ScriptedServer(lambda request: Answer(b'x' * (BOUND + 1))) as server:
        for engine in (COMPILED, REFERENCE):
            with pytest.raises(exceptions.VimConnectionException):
                Vim('http', '127.0.0.1', server.port, f'{server.url}/d', soap_engine=engine)
