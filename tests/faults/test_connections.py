"""One exchange after the other over connections of our own: what a server may do to them."""

import contextlib
import errno
import gzip
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pytest
import requests
import trustme

from oslo_vmware import exceptions, vim_util, wsdl
from oslo_vmware.soap.call import Call
from oslo_vmware.soap.transport import HttpTransport
from oslo_vmware.vim import Vim
from tests.wire import Answer, ScriptedServer

DESCRIPTION = wsdl.file_url(wsdl.vim_wsdl_path())

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n'


class Raw:
    """A server that says to each request what it is told, byte for byte.

    :param connections: for each connection its answers; then, or at None, it hangs up
    :ivar requests: what came
    """

    def __init__(self, *connections: Sequence[bytes | None], family: int = socket.AF_INET) -> None:
        self._scripts = connections
        host = '::1' if family == socket.AF_INET6 else '127.0.0.1'
        self._listener = socket.create_server((host, 0), family=family)
        self.port = self._listener.getsockname()[1]
        self.url = f'http://[{host}]' if ':' in host else f'http://{host}'
        self.url += f':{self.port}/sdk'
        self.requests: list[bytes] = []
        self.connections = 0
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listener.settimeout(30)
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        # Ends the wait for a connection that nobody made.
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)
        self._listener.close()

    def _start(self, target: Any, *args: Any) -> None:
        self._threads.append(threading.Thread(target=target, args=args))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            for script in self._scripts:
                accepted, _ = self._listener.accept()
                self.connections += 1
                self._start(self._serve, accepted, script)

    def _serve(self, connection: socket.socket, script: Sequence[bytes | None]) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            for answer in script:
                request = b''
                while not request.endswith(b'<x/>'):
                    piece = connection.recv(65536)
                    if not piece:
                        return
                    request += piece
                self.requests.append(request)
                if answer is None:
                    return
                connection.sendall(answer)
            # Whoever is to go on may not meet a farewell.
            if script and script[-1] is not None:
                connection.recv(1)


@pytest.fixture
def http() -> Iterator[HttpTransport]:
    transport = HttpTransport(connection_timeout=10)
    yield transport
    transport.close()


def post(http: HttpTransport, url: str, operation: str = 'CreateVM_Task') -> bytes:
    return http.post(url, b'<x/>', {'SOAPAction': '"urn:vim25/8.0"'}, Call(operation)).body


#: The first answer, and how many connections two requests then take.
REUSE = {
    'it goes on': (OK + b'ok', 1),
    'chunks': (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n',
        1,
    ),
    'HTTP/1.0': (OK.replace(b'/1.1', b'/1.0') + b'ok', 2),
    'the server closes': (OK.replace(b'OK', b'OK\r\nConnection: close') + b'ok', 2),
    'more bytes than were announced': (OK + b'ok!', 2),
    'an answer that nobody asked for': (OK + b'ok' + OK + b'no', 2),
    'a length beside chunks': (
        OK.replace(b'OK', b'OK\r\nTransfer-Encoding: chunked') + b'2\r\nok\r\n0\r\n\r\n',
        2,
    ),
}


@pytest.mark.parametrize('kind', REUSE)
def test_which_connections_are_used_again(http: HttpTransport, kind: str) -> None:
    """One that may hold anything but the next answer is not, and each request gets its own."""
    answer, connections = REUSE[kind]
    scripts = ((answer, OK + b'me'),) if connections == 1 else ((answer,), (OK + b'me',))
    with Raw(*scripts) as server:
        assert [post(http, server.url) for _ in range(2)] == [b'ok', b'me']
        assert server.connections == connections
        http.close()


def test_a_read_is_sent_again_on_a_connection_that_nobody_has_used(http: HttpTransport) -> None:
    """A server that forgot one idle connection has forgotten the others, too."""
    with Raw((OK + b'ok', None), (OK + b'ok', None), (OK + b'me',)) as server:
        route = http._route(server.url)
        assert route is not None
        pool = route.pool
        used = [pool.take(None), pool.take(None)]
        for connection in used:
            connection.open(10)
            head = connection.ask(b'POST / HTTP/1.1\r\n\r\n<x/>', 10, None)
            assert b''.join(connection.reader.body(head)) == b'ok'
        for connection in used:
            pool.put(connection)
        assert post(http, server.url, 'CurrentTime') == b'me'
        assert server.connections == 3
        http.close()


def test_an_interrupted_call_leaves_no_answer_for_the_next(http: HttpTransport) -> None:
    """Whatever ends the wait, the connection with it; a time-out of a green thread is like that."""

    class Interrupted(BaseException):
        pass

    def interrupt(*_: Any) -> None:
        raise Interrupted

    late = threading.Event()

    def script(request: Any) -> Answer:
        if request.path == '/slow':
            late.wait(10)
        return Answer(request.path)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with ScriptedServer(script) as server:
            assert http.post(f'{server.url}/a', b'', {}).body == b'/a'
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            call = Call('CreateVM_Task')
            with pytest.raises(Interrupted):
                http.post(f'{server.url}/slow', b'', {}, call)
            assert call.has_left
            late.set()
            assert http.post(f'{server.url}/b', b'', {}).body == b'/b'
            assert server.connections == 2
            http.close()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_address_that_does_not_answer(
    http: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the addresses of a name the first that takes the connection is used."""
    with Raw((OK + b'ok',)) as server, socket.socket() as closed:
        closed.bind(('127.0.0.1', 0))
        asked = []

        def addresses(host: str, port: int, **_: Any) -> list[Any]:
            asked.append((host, port))
            kind = (socket.AF_INET, socket.SOCK_STREAM, 6, '')
            return [(*kind, closed.getsockname()), (*kind, ('127.0.0.1', server.port))]

        monkeypatch.setattr(socket, 'getaddrinfo', addresses)
        # A dot at the end is for the name service alone.
        assert post(http, f'http://VCenter.example.org.:{server.port}/sdk') == b'ok'
        assert asked == [('vcenter.example.org.', server.port)]
        assert b'\r\nHost: vcenter.example.org:%d\r\n' % server.port in server.requests[0]
        http.close()


def test_ipv6(http: HttpTransport) -> None:
    """An address in brackets; they go along in the field Host."""
    try:
        server = Raw((OK + b'ok',), family=socket.AF_INET6)
    except OSError as exc:
        if exc.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            raise
        pytest.skip('there is no IPv6 here')
    with server:
        assert post(http, server.url) == b'ok'
        assert b'\r\nHost: [::1]:%d\r\n' % server.port in server.requests[0]
        http.close()


def test_what_leaves(http: HttpTransport) -> None:
    """A head with each field once, and the body behind it."""
    with Raw((OK + b'ok',)) as server:
        post(http, server.url)
        http.close()
        head, _, body = server.requests[0].partition(b'\r\n\r\n')
    assert body == b'<x/>'
    assert head.decode().split('\r\n') == [
        'POST /sdk HTTP/1.1',
        f'Host: 127.0.0.1:{server.port}',
        'User-Agent: OpenStack-ESX-Adapter',
        'Accept-Encoding: gzip, deflate',
        'Accept: */*',
        'Connection: keep-alive',
        'SOAPAction: "urn:vim25/8.0"',
        'Content-Length: 4',
    ]


@pytest.mark.parametrize('value', ['a-secret\r\nX: y', 'a-secret\u20ac'])
def test_a_header_that_is_none(http: HttpTransport, value: str) -> None:
    """It would be a header more, or a request; nothing leaves, and nobody is told a cookie."""
    with Raw() as server, pytest.raises(requests.exceptions.InvalidHeader) as raised:
        http.post(server.url, b'', {'Cookie': value})
    assert server.requests == []
    assert 'a-secret' not in repr(vars(raised.value)) + repr(raised.value)
    assert raised.value.__context__ is None


#: What a server does, and what users know it as.
TROUBLE: dict[str, tuple[bytes | None, type[Exception]]] = {
    'it hangs up': (None, requests.ConnectionError),
    'it speaks something else': (b'220 smtp.example.org\r\n', requests.ConnectionError),
    'half a head': (OK[:20], requests.ReadTimeout),
    'silence': (b'', requests.ReadTimeout),
    'half a body': (OK + b'o', requests.ConnectionError),
    'a chunk that is none': (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n',
        requests.exceptions.ChunkedEncodingError,
    ),
    'broken compression': (
        OK.replace(b'OK', b'OK\r\nContent-Encoding: gzip') + b'ok',
        requests.exceptions.ContentDecodingError,
    ),
}


@pytest.mark.parametrize('kind', TROUBLE)
def test_what_users_know_trouble_as(kind: str) -> None:
    """The cause is of the class of requests that it has always been, and says where it was."""
    answer, expected = TROUBLE[kind]
    with Raw((answer,)) as server:
        http = HttpTransport(connection_timeout=0.3)
        with pytest.raises(requests.RequestException) as raised:
            post(http, server.url)
        http.close()
    assert type(raised.value) is expected
    if kind != 'broken compression':
        assert f'127.0.0.1:{server.port}' in str(raised.value)


HALVES = {
    'of a length': OK + b'o',
    'of the chunks': b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n',
    'of what is compressed': (
        OK.replace(b'2', b'9').replace(b'OK', b'OK\r\nContent-Encoding: gzip')
        + gzip.compress(b'x')[:9]
    ),
}


@pytest.mark.parametrize('kind', HALVES)
def test_half_a_body(http: HttpTransport, kind: str) -> None:
    """An answer that ends before its announced end is none, whoever says where the end is."""
    with Raw((HALVES[kind], None)) as server:
        http.timeout = (1, 0.3)
        with pytest.raises(requests.RequestException):
            post(http, server.url)


def test_a_connection_that_is_refused() -> None:
    """Named with host and port."""
    with socket.socket() as closed:
        closed.bind(('127.0.0.1', 0))
        port = closed.getsockname()[1]
        with pytest.raises(requests.ConnectionError, match=f'no connection to 127.0.0.1:{port}'):
            post(HttpTransport(), f'http://127.0.0.1:{port}/sdk')


@pytest.mark.parametrize('seconds', [0, -1])
def test_a_time_out_that_is_none(seconds: float) -> None:
    """It is told as the mistake that it is, and not taken for an outage that may pass."""
    http = HttpTransport(connection_timeout=seconds)
    with pytest.raises(ValueError, match='time-out'), Raw([OK + b'ok']) as server:
        http.post(server.url, b'<ask/>', {})


def test_a_server_that_speaks_no_tls() -> None:
    """An error of TLS, and none of trust."""
    with ScriptedServer(lambda request: Answer()) as plain:
        url = plain.url.replace('http:', 'https:')
        with pytest.raises(requests.exceptions.SSLError, match='no TLS with'):
            HttpTransport().post(url, b'<x/>', {})


def test_a_server_that_agrees_on_nothing() -> None:
    """TLS has the time that connecting has."""
    with socket.create_server(('127.0.0.1', 0)) as silent:
        port = silent.getsockname()[1]
        http = HttpTransport(connection_timeout=0.2)
        with pytest.raises(requests.Timeout, match='no TLS with'):
            http.post(f'https://127.0.0.1:{port}/sdk', b'<x/>', {})


def test_a_server_that_is_not_trusted() -> None:
    """As requests says it."""
    certificate = trustme.CA().issue_cert('127.0.0.1')
    with (
        ScriptedServer(lambda request: Answer(), certificate) as server,
        trustme.CA().cert_pem.tempfile() as bundle,
        pytest.raises(requests.exceptions.SSLError, match='CERTIFICATE_VERIFY_FAILED'),
    ):
        HttpTransport(bundle).post(f'{server.url}/sdk', b'', {})


# Imported before requests, and then after.
SCENARIO = """
import sys
from oslo_vmware import exceptions, vim
from tests.wire import Answer, reply, ScriptedServer

def script(request):
    if request.method == 'GET':
        return Answer('<namespaces><namespace><name>urn:vim25</name><version>8.0.1.0</version>'
                      '</namespace></namespaces>')
    return reply('CurrentTime', '<returnval>2026-01-02T12:00:00Z</returnval>')

with ScriptedServer(script) as server:
    service = vim.Vim('http', '127.0.0.1', server.port)
    for _ in range(2):
        print(service.CurrentTime('ServiceInstance').year)
    print(sorted({'requests', 'urllib3'} & set(sys.modules)))
    service.close()
try:
    service.CurrentTime('ServiceInstance')
except exceptions.VimConnectionException as exc:
    import requests
    print(type(exc.cause) is requests.ConnectionError)
"""


def test_requests_is_imported_when_it_is_needed() -> None:
    """A service opens and is called without it; an error is one of its own nevertheless."""
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', SCENARIO],
        env={'PATH': '', 'PYTHONPATH': ':'.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ['2026', '2026', '[]', 'True'], done.stderr


#: What the environment says, and whether requests is asked on the way to a server.
WAYS: dict[str, tuple[dict[str, str], str, bool]] = {
    'nothing': ({}, 'https://vc.example.org/sdk', False),
    'a proxy': ({'https_proxy': 'http://proxy:3128'}, 'https://vc.example.org/sdk', True),
    'a proxy in capitals': ({'HTTPS_PROXY': 'http://proxy:3128'}, 'https://vc.example.org/', True),
    'a proxy for all': ({'all_proxy': 'socks5://proxy:1080'}, 'http://vc.example.org/sdk', True),
    'a proxy for others': ({'http_proxy': 'http://proxy:3128'}, 'https://vc.example.org/', False),
    'not for this one': (
        {'https_proxy': 'http://proxy:3128', 'no_proxy': 'example.org'},
        *('https://vc.example.org/sdk', False),
    ),
    'not for these addresses': (
        {'https_proxy': 'http://proxy:3128', 'NO_PROXY': '10.0.0.0/8'},
        *('https://10.1.2.3/sdk', False),
    ),
    'for no one': ({'no_proxy': '*'}, 'https://vc.example.org/sdk', False),
    'a file': ({}, 'file:///etc/hosts', True),
    'somebody': ({}, 'https://user@vc.example.org/sdk', True),
    'an escape': ({}, 'https://vc.example.org/a%2fb', True),
    'steps': ({}, 'https://vc.example.org/a/../b', True),
    'a name that is not ASCII': ({}, 'https://vc.ex\xe4mple.org/sdk', True),
    'a port that is none': ({}, 'https://vc.example.org:70000/sdk', True),
    'an address that is none': ({}, 'https://[::::]/sdk', True),
    'an address': ({}, 'https://[2001:db8::1]:8443/sdk', False),
    'a question': ({}, 'http://vc/sdk?a=b&c', False),
    'no path': ({}, 'http://vc', False),
}


@pytest.mark.parametrize('kind', WAYS)
def test_which_way(kind: str, http: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of proxies means what it means in requests."""
    environment, url, by_requests = WAYS[kind]
    for scheme in ('http', 'https', 'all', 'no'):
        for name in (f'{scheme}_proxy', f'{scheme}_proxy'.upper()):
            monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (http._route(url) is None) == by_requests


def test_a_service_whose_url_is_none() -> None:
    """Who calls it is told, as VimConnectionException."""
    vim = Vim('http', 'a b', 80, wsdl_url=DESCRIPTION)
    with pytest.raises(exceptions.VimConnectionException) as raised:
        vim.CurrentTime(vim_util.get_moref('ServiceInstance', 'ServiceInstance'))
    assert isinstance(raised.value.cause, requests.RequestException)
