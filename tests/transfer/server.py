"""A server for image data that does what a test tells it to, byte by byte.

Real HTTP(S) on loopback, and no code of ours: ``http.server`` would be too well-behaved for most
of what is proved with it. A script is a function that gets an :class:`Exchange`: the head of a
request, the body as the client sends it, and a socket to answer on.
"""

import contextlib
import dataclasses
import hashlib
import http.client
import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import trustme

AUTHORITY = trustme.CA()
CERTIFICATE = AUTHORITY.issue_cert('127.0.0.1', '::1', 'localhost')


def thumbprint(digest: str = 'sha1', certificate: trustme.LeafCert = CERTIFICATE) -> str:
    """The thumbprint of a certificate, as vSphere writes it."""
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    text = hashlib.new(digest, der).hexdigest().upper()
    return ':'.join(text[i : i + 2] for i in range(0, len(text), 2))


@dataclasses.dataclass
class Exchange:
    """One request, and the way to answer it."""

    method: str
    target: str
    headers: http.client.HTTPMessage
    stream: io.BufferedReader
    socket: Any
    received: int = 0
    digest: Any = dataclasses.field(default_factory=hashlib.sha256)

    def body(self) -> Iterator[bytes]:
        """The body, as it comes; ends early when the client hangs up."""
        if self.headers.get('Transfer-Encoding') == 'chunked':
            while size := int(self.stream.readline() or b'0', 16):
                yield self._count(self.stream.read(size))
                self.stream.readline()
            self.stream.readline()
            return
        left = int(self.headers.get('Content-Length', 0))
        while left and (data := self.stream.read1(min(left, 65536))):
            left -= len(data)
            yield self._count(data)

    def _count(self, data: bytes) -> bytes:
        self.received += len(data)
        self.digest.update(data)
        return data

    def swallow(self) -> None:
        """Read the whole body."""
        for _piece in self.body():
            pass

    def answer(self, status: str = '201 Created', body: bytes = b'', **headers: Any) -> None:
        sent = {'Content-Length': len(body)}
        sent |= {name.replace('_', '-'): value for name, value in headers.items()}
        lines = [f'HTTP/1.1 {status}', *(f'{name}: {value}' for name, value in sent.items())]
        self.socket.sendall('\r\n'.join([*lines, '', '']).encode() + body)


Script = Callable[[Exchange], Any]


def store(exchange: Exchange) -> None:
    """Take the body and say so."""
    exchange.swallow()
    exchange.answer()


def serve(data: bytes, status: str = '200 OK') -> Script:
    """Give the same to everybody."""
    return lambda exchange: exchange.answer(status, data)


class DataServer:
    """Serves one connection after the other's opening, each in a thread.

    :param script: what to do with each request
    :param tls: certificate to present; plain HTTP without one
    :param host: loopback address
    """

    def __init__(
        self, script: Script, tls: trustme.LeafCert | None = None, host: str = '127.0.0.1'
    ) -> None:
        self.script = script
        self.host = host
        self.scheme = 'https' if tls else 'http'
        self.exchanges: list[Exchange] = []
        self.released = threading.Event()
        self.errors: list[Exception] = []
        self.connections = 0
        self.open_connections = 0
        self._changed = threading.Condition()
        self._context: ssl.SSLContext | None = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.configure_cert(self._context)
        self._listener = socket.create_server(
            (host, 0), family=socket.AF_INET6 if ':' in host else socket.AF_INET
        )
        self._threads: list[threading.Thread] = []
        self._ended = False

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def netloc(self) -> str:
        return f'[{self.host}]:{self.port}' if ':' in self.host else f'{self.host}:{self.port}'

    @property
    def url(self) -> str:
        return f'{self.scheme}://{self.netloc}'

    @property
    def last(self) -> Exchange:
        return self.exchanges[-1]

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.released.set()
        self._ended = True
        with contextlib.suppress(OSError):
            socket.create_connection((self.host, self.port), timeout=5).close()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def all_closed(self, connections: int = 1) -> bool:
        """Wait until so many connections were made, and no client holds one any more."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self.connections >= connections and self.open_connections == 0, 5.0
            )

    def _spawn(self, function: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _address = self._listener.accept()
            if self._ended:
                connection.close()
                return
            self._spawn(self._converse, connection)

    def _count(self, step: int) -> None:
        with self._changed:
            self.open_connections += step
            self.connections += step > 0
            self._changed.notify_all()

    def _converse(self, connection: Any) -> None:
        self._count(1)
        connection.settimeout(10)
        try:
            # A client that refuses the certificate or hangs up is part of the test.
            try:
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                with connection.makefile('rb') as stream:
                    self._serve(connection, stream)
                # Until the client has closed, the connection counts.
                connection.settimeout(10)
                if not self._hung_up(connection):
                    while connection.recv(65536):
                        pass
            except (OSError, http.client.HTTPException, ValueError) as exc:
                self.errors.append(exc)
        finally:
            connection.close()
            self._count(-1)

    @staticmethod
    def _hung_up(connection: Any) -> bool:
        return connection.fileno() < 0

    def _serve(self, connection: Any, stream: io.BufferedReader) -> None:
        line = stream.readline().decode('latin-1')
        if not line:
            return
        method, target, _version = line.split(' ')
        headers = http.client.parse_headers(stream)
        exchange = Exchange(method, target, headers, stream, connection)
        self.exchanges.append(exchange)
        self.script(exchange)
