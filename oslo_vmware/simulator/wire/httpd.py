"""A small HTTP/1.1 server: one thread per connection, an application as a function.

The standard library's server parses requests; accepting, TLS and stopping are done here. A TLS
handshake happens in the connection's own thread, so a client that stalls it delays nobody. And
:meth:`HttpServer.stop` leaves nothing behind: every connection is shut down, every thread
joined, every socket closed.

Only blocking sockets and threads are used, which makes the same code right in a process that
eventlet has monkey-patched.
"""

import base64
import binascii
import dataclasses
import email.message
import gzip
import http.server
import io
import logging
import socket
import ssl
import threading
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from oslo_vmware.simulator.world.registry import Disconnect

LOG = logging.getLogger(__name__)

# HTTP headers; names are compared without regard to case.
Headers: TypeAlias = email.message.Message

# Below this size compressing costs more than it saves.
_GZIP_FROM_BYTES = 1400
_MAX_BODY_BYTES = 64 * 1024 * 1024
_HANDSHAKE_SECONDS = 10.0
# Between attempts to accept while there is no file descriptor for a connection.
_ACCEPT_PAUSE_SECONDS = 0.05


class BadRequest(Exception):
    """The request's body cannot be read."""


class Body(Protocol):
    """A request's body as it arrives."""

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, less only at the end of the body."""


@dataclasses.dataclass(frozen=True)
class Request:
    """One request; its body is read when asked for.

    :ivar path: without the query
    :ivar headers: names are compared without regard to case
    :ivar stream: the body as it arrives
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Headers
    stream: Body

    def credentials(self) -> tuple[str, str]:
        """User and password of basic authentication; two empty ones where there are none."""
        kind, _, coded = self.headers.get('Authorization', '').partition(' ')
        try:
            plain = base64.b64decode(coded, validate=True).decode() if kind == 'Basic' else ''
        except (binascii.Error, UnicodeDecodeError):
            plain = ''
        user, _, password = plain.partition(':')
        return user, password

    def body(self) -> bytes:
        """The whole body, uncompressed.

        :raises BadRequest: it is too large or not what its headers say
        """
        data = self.stream.read(_MAX_BODY_BYTES + 1)
        if self.headers.get('Content-Encoding', '').lower() == 'gzip':
            try:
                with gzip.GzipFile(fileobj=io.BytesIO(data)) as unzipped:
                    data = unzipped.read(_MAX_BODY_BYTES + 1)
            except (OSError, EOFError, zlib.error) as error:
                raise BadRequest(f'the body is not in gzip form: {error}') from error
        if len(data) > _MAX_BODY_BYTES:
            raise BadRequest('the body is too large')
        return data


@dataclasses.dataclass(frozen=True)
class Response:
    """One reply.

    :ivar length: Content-Length to claim instead of the true one; the connection is closed
        after what there is
    :ivar stream: the body in parts, instead of ``body``; without a length it goes in chunks
    """

    status: int = 200
    content_type: str = 'text/html'
    body: bytes = b''
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None
    stream: Iterable[bytes] | None = None


Application: TypeAlias = Callable[[Request], Response]


class HttpServer:
    """Listens, and hands each request to the application.

    :param application: from request to response; may raise :class:`Disconnect`
    :param host: address to listen on
    :param port: 0 takes a free one
    :param tls: None for plain HTTP
    :param errors: gets the exceptions that the application should not have raised
    """

    def __init__(
        self,
        application: Application,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        errors: list[Exception],
    ) -> None:
        self.application = application
        self.errors = errors
        self._tls = tls
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._stopping = False
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=128)
        self.host: str = self._listener.getsockname()[0]
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name='simulator-accept', daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Close everything and wait until all threads have ended."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
        # Nothing portable wakes a thread in accept() but a connection.
        with socket.create_connection((self.host, self.port)):
            self._acceptor.join()
        self._listener.close()
        with self._lock:
            connections = dict(self._connections)
            for control in connections.values():
                _shut_down(control)
        for thread in connections:
            thread.join()

    @property
    def open_connections(self) -> int:
        """How many connections are open now."""
        with self._lock:
            return len(self._connections)

    def drop_connections(self) -> None:
        """Cut all connections, as a restart of the server does."""
        with self._lock:
            for control in self._connections.values():
                _shut_down(control)

    def _accept(self) -> None:
        while True:
            try:
                connection, _peer = self._listener.accept()
            except OSError as error:
                LOG.warning('The simulator cannot accept a connection: %s', error)
                time.sleep(_ACCEPT_PAUSE_SECONDS)
                continue
            with self._lock:
                if self._stopping:
                    connection.close()
                    return
                thread = threading.Thread(
                    target=self._serve, args=(connection,), name='simulator-connection', daemon=True
                )
                try:
                    # A descriptor of its own, so that stop() can cut the connection at any time
                    # without a race for the one that the thread uses and closes.
                    self._connections[thread] = connection.dup()
                    thread.start()
                except (OSError, RuntimeError) as error:
                    LOG.warning('The simulator cannot serve a connection: %s', error)
                    if (control := self._connections.pop(thread, None)) is not None:
                        control.close()
                    connection.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection.settimeout(_HANDSHAKE_SECONDS)
                connection = self._tls.wrap_socket(connection, server_side=True)
                connection.settimeout(None)
            _Handler(connection, self)
        except (OSError, ValueError, Disconnect) as error:
            # Clients come and go as they like; ValueError is what ssl says of a closed socket.
            LOG.debug('Connection ended: %r', error)
        finally:
            with self._lock:
                control = self._connections.pop(threading.current_thread())
            _shut_down(control)
            control.close()
            connection.close()


def _shut_down(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the other side was faster


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection; handles its requests one after the other."""

    protocol_version = 'HTTP/1.1'
    server_version = 'vCenter-Simulator'
    sys_version = ''
    # Headers and body leave in one segment.
    wbufsize = -1

    def __init__(self, connection: socket.socket, server: HttpServer) -> None:
        self._server = server
        super().__init__(connection, ('', 0), None)  # type: ignore[arg-type]

    def log_message(self, format: str, *args: Any) -> None:
        LOG.debug(format, *args)

    def _answer(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        headers: Headers = self.headers
        try:
            stream = _BodyStream(self.rfile, headers)
            request = Request(
                method=self.command,
                path=urllib.parse.unquote(address.path),
                query=urllib.parse.parse_qs(address.query),
                headers=headers,
                stream=stream,
            )
            response = self._server.application(request)
            stream.skip_rest()
        except BadRequest as error:
            self.close_connection = True
            response = Response(400, 'text/plain', str(error).encode())
        except (Disconnect, OSError):
            raise  # the connection is at its end
        except Exception as error:
            LOG.exception('The simulator failed in %s %s', self.command, self.path)
            self._server.errors.append(error)
            self.close_connection = True
            response = Response(500, 'text/plain', b'The simulator failed; see its errors.')
        self._send(response)

    do_GET = do_POST = do_PUT = do_PATCH = do_HEAD = do_DELETE = _answer

    def handle_expect_100(self) -> bool:
        go_on = super().handle_expect_100()
        # Our output is buffered, and the client waits for this line with its body.
        self.wfile.flush()
        return go_on

    def _send(self, response: Response) -> None:
        if response.stream is not None:
            self._send_stream(response, response.stream)
            return
        body = response.body
        self.send_response(response.status)
        if response.status not in (204, 304):
            self.send_header('Content-Type', response.content_type)
        if (
            len(body) >= _GZIP_FROM_BYTES
            and response.length is None
            and _accepts_gzip(self.headers.get('Accept-Encoding', ''))
        ):
            # Level 1: the wire is the machine itself.
            body = gzip.compress(body, compresslevel=1)
            self.send_header('Content-Encoding', 'gzip')
        length = len(body) if response.length is None else response.length
        if length != len(body):
            self.close_connection = True
        self.send_header('Content-Length', str(length))
        for name, value in response.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header('Connection', 'close')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)
        self.wfile.flush()

    def _send_stream(self, response: Response, stream: Iterable[bytes]) -> None:
        left = response.length
        self.send_response(response.status)
        self.send_header('Content-Type', response.content_type)
        if left is None:
            self.send_header('Transfer-Encoding', 'chunked')
        else:
            self.send_header('Content-Length', str(left))
        for name, value in response.headers:
            self.send_header(name, value)
        self.end_headers()
        for part in stream if self.command != 'HEAD' else ():
            if left is None:
                self.wfile.write(b'%x\r\n%b\r\n' % (len(part), part))
            else:
                left -= len(part)
                self.wfile.write(part)
        if left is None and self.command != 'HEAD':
            self.wfile.write(b'0\r\n\r\n')
        self.wfile.flush()
        if left and self.command != 'HEAD':
            raise Disconnect


def _accepts_gzip(accept: str) -> bool:
    for coding in accept.lower().split(','):
        name, _, parameters = coding.partition(';')
        if name.strip() in ('gzip', '*'):
            return parameters.replace(' ', '') not in ('q=0', 'q=0.0')
    return False


class _BodyStream:
    """A request's body, by its length or in chunks."""

    def __init__(self, source: io.BufferedIOBase, headers: Headers) -> None:
        self._source = source
        self._chunked = headers.get('Transfer-Encoding', '').lower() == 'chunked'
        length = headers.get('Content-Length') or '0'
        if not length.isdecimal():
            raise BadRequest(f'Content-Length {length!r} is not a number')
        self._left = 0 if self._chunked else int(length)

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, less only at the end of the body."""
        parts = []
        while size != 0:
            if self._left == 0 and not (self._chunked and self._next_chunk()):
                break
            part = self._source.read(self._left if size < 0 else min(size, self._left))
            if not part:
                raise Disconnect
            self._left -= len(part)
            if size > 0:
                size -= len(part)
            parts.append(part)
            if self._chunked and self._left == 0:
                self._source.readline()
        return b''.join(parts)

    def skip_rest(self) -> None:
        """Read what the application left, so that the next request starts where it should."""
        while self.read(65536):
            pass

    def _next_chunk(self) -> bool:
        line = self._source.readline(1024)
        try:
            self._left = int(line.split(b';')[0], 16)
        except ValueError as error:
            raise BadRequest('a chunk does not start with its size') from error
        if self._left == 0:
            self._chunked = False
            while self._source.readline(1024).strip():
                pass  # trailers
        return self._left > 0
