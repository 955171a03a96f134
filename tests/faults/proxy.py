"""A proxy that spoils one exchange between a client and a server, on raw sockets.

It ends TLS on both sides: what the client sees is ours, byte by byte, and what the server did is
true. Each request that arrives is an :class:`Exchange`; a *spoiler* is a function that gets one
and does with it what it likes, such as to forward it and then to hang up. What has no spoiler is
forwarded and answered as it should be::

    with Proxy(vc.port, vc.cacert) as proxy:
        proxy.spoil('CreateSnapshot_Task', lambda exchange: (exchange.forward(), exchange.close()))

The name of an exchange is that of its SOAP operation, or its method and the first part of its
path (``PUT /folder``). Nothing here is code of the simulator or of the library.
"""

import collections
import contextlib
import dataclasses
import http.client
import io
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, Self

from tests.transfer.server import CERTIFICATE, thumbprint

#: Seconds for what the other side does at once.
_PATIENCE = 30.0

#: Seconds that a thread may be behind its client.
_A_MOMENT = 0.2

#: What means something between two neighbours only, and is made anew for the next.
_OF_THE_CONNECTION = ('connection', 'content-length', 'transfer-encoding', 'keep-alive')

_OPERATION = re.compile(rb'<(?:[\w.-]+:)?Body[^>]*>\s*<(?:[\w.-]+:)?(\w+)')


class HungUp(Exception):
    """The connection to the client is over."""


@dataclasses.dataclass
class Reply:
    """What the server answered, without its framing.

    :ivar chunked: whether the server sent it in chunks
    """

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    chunked: bool = False

    def head(self, *framing: str) -> bytes:
        """Status line and headers, the blank line included.

        :param framing: more headers, such as ``Content-Length: 5``
        """
        lines = [f'HTTP/1.1 {self.status} {self.reason}']
        lines += [f'{name}: {value}' for name, value in self.headers]
        return '\r\n'.join([*lines, *framing, '', '']).encode('latin-1')

    def wire(self) -> bytes:
        """The whole, framed as the server framed it."""
        if self.chunked:
            return self.head('Transfer-Encoding: chunked') + chunks(self.body) + b'0\r\n\r\n'
        return self.head(f'Content-Length: {len(self.body)}') + self.body

    def but(self, body: bytes | None = None, **changes: Any) -> 'Reply':
        """The same with changes; one whose body changes has a length."""
        if body is not None:
            changes |= {'body': body, 'chunked': False}
        return dataclasses.replace(self, **changes)


def chunks(body: bytes, size: int = 4096) -> bytes:
    """A body in chunks, without the last one that is empty."""
    parts = (body[start : start + size] for start in range(0, len(body), size))
    return b''.join(b'%x\r\n%b\r\n' % (len(part), part) for part in parts)


class Exchange:
    """One request of a client, and the power over what comes of it.

    :ivar name: operation, or method and first part of the path
    :ivar number: how many requests came on this connection before this one
    :ivar reply: what the server answered; None if it was not asked
    """

    def __init__(self, proxy: 'Proxy', client: socket.socket, stream: io.BufferedReader) -> None:
        self._proxy = proxy
        self._client = client
        self._stream = stream
        self.host, self.port = proxy.host, proxy.port
        self.number = 0
        self.reply: Reply | None = None
        line = stream.readline(65537)
        if not line:
            raise HungUp
        self.method, self.target, _version = line.decode('latin-1').split(' ', 2)
        self.headers = http.client.parse_headers(stream)
        self._body: bytes | None = None
        # The name of an operation stands in the body, which a transfer's is too large to wait for.
        if self.method == 'POST' and 'SOAPAction' in self.headers:
            found = _OPERATION.search(self.body())
            self.name = found[1].decode() if found else '?'
        else:
            self.name = f'{self.method} /{self.target.split("/")[1].partition("?")[0]}'

    def body(self) -> bytes:
        """The whole body of the request."""
        if self._body is None:
            self._body = b''.join(self._pieces())
        return self._body

    def _pieces(self) -> Any:
        if self.headers.get('Transfer-Encoding', '').lower() == 'chunked':
            while size := int(self._stream.readline(100) or b'0', 16):
                yield self._exactly(size)
                self._stream.readline(100)
            self._stream.readline(100)
        else:
            yield self._exactly(int(self.headers.get('Content-Length', 0)))

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise HungUp
        return data

    # --- the server

    def forward(self) -> Reply:
        """Have the server do it, whole and once."""
        body = self.body()
        self.reply = self._proxy.ask_server(self.method, self.target, self.headers, body)
        return self.reply

    # --- the client

    def answer(self, reply: Reply) -> None:
        self.send(reply.wire())

    def send(self, data: bytes) -> None:
        self._client.sendall(data)

    def close(self) -> None:
        """End the connection with TCP's goodbye and without TLS's."""
        raise HungUp

    def say_goodbye(self) -> None:
        """End the connection with TLS's goodbye as well."""
        self._client.settimeout(0.2)
        with contextlib.suppress(OSError, ValueError):
            self._client.unwrap()  # type: ignore[attr-defined]
        raise HungUp

    def reset(self) -> None:
        """End the connection with RST."""
        with contextlib.suppress(OSError):
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        raise HungUp

    def hang(self) -> None:
        """Say nothing until the client has gone."""
        self._client.settimeout(None)
        with contextlib.suppress(OSError):
            while self._client.recv(65536):
                pass
        raise HungUp

    def wait(self, seconds: float) -> None:
        self._proxy.ended.wait(seconds)


Spoiler = Callable[[Exchange], Any]
#: Does with a connection that was just accepted what it likes.
Doorman = Callable[[socket.socket], None]


def pass_on(exchange: Exchange) -> None:
    """What is done with an exchange that nobody spoils."""
    exchange.answer(exchange.forward())


class Proxy:
    """Stands between clients and a server.

    :param port: of the server, on loopback
    :param cacert: file to verify the server with; None for one without TLS
    :param choose: names the spoiler of each exchange, None for none; otherwise what is planned by
                   :meth:`spoil` happens
    :param choose_doorman: the same for connections
    :ivar host: where clients find it
    :ivar thumbprint: SHA-1 of its certificate, as vSphere writes it
    :ivar seen: how many exchanges there were, by name
    :ivar end_sessions: ends what sessions there are with the server
    """

    host = '127.0.0.1'

    def __init__(
        self,
        port: int,
        cacert: str | None,
        choose: Callable[[Exchange], Spoiler | None] | None = None,
        choose_doorman: Callable[[], Doorman | None] | None = None,
    ) -> None:
        self._server_port = port
        self._server_context = ssl.create_default_context(cafile=cacert) if cacert else None
        self._choose = choose or self._planned
        self._choose_doorman = choose_doorman or self._planned_doorman
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        CERTIFICATE.configure_cert(self._context)
        self.thumbprint = thumbprint()
        self.ended = threading.Event()
        self.seen: collections.Counter[str] = collections.Counter()
        self.end_sessions: Callable[[], Any] = lambda: None
        self._plan: tuple[str, Spoiler, bool] | None = None
        self._hint: tuple[str, Callable[[Proxy], Any]] | None = None
        self._doorman: Doorman | None = None
        self._lock = threading.Lock()
        self._clients: dict[threading.Thread, socket.socket] = {}
        self._idle_servers: list[http.client.HTTPConnection] = []
        self._busy_servers: set[http.client.HTTPConnection] = set()
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f'https://{self.host}:{self.port}'

    # --- what is to go wrong

    def spoil(self, name: str, spoiler: Spoiler, always: bool = False) -> None:
        """Spoil the next exchange of a name.

        :param always: and all that follow
        """
        self._plan = (name, spoiler, always)

    def spoil_connection(self, doorman: Doorman) -> None:
        """Do something with the next connection, in place of TLS."""
        self._doorman = doorman

    def after(self, name: str, action: Callable[['Proxy'], Any]) -> None:
        """Do something once the server has answered an exchange of that name.

        The connection is closed with the answer, so that the next exchange needs a new one.
        """
        self._hint = (name, action)

    def be_good(self) -> None:
        """Spoil nothing from now on, and listen again."""
        self._plan = self._hint = self._doorman = None
        if self._listener is None:
            self._listen()

    @property
    def pending(self) -> bool:
        """Whether something is planned that has not happened."""
        plan = self._plan is not None and not self._plan[2]
        return plan or self._hint is not None or self._doorman is not None

    def _planned(self, exchange: Exchange) -> Spoiler | None:
        with self._lock:
            if self._plan is None or self._plan[0] != exchange.name:
                return None
            _name, spoiler, always = self._plan
            if not always:
                self._plan = None
        return spoiler

    def _planned_doorman(self) -> Doorman | None:
        doorman, self._doorman = self._doorman, None
        return doorman

    # --- life

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.ended.set()
        self.refuse()
        with self._lock:
            servers = [*self._idle_servers, *self._busy_servers]
            threads = list(self._clients)
        self.close_connections()
        for server in servers:
            _shut_down(server.sock)
        for thread in threads:
            if thread.is_alive():
                thread.join(_PATIENCE)
        for server in servers:
            server.close()

    def _listen(self) -> None:
        self._listener = socket.create_server((self.host, self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(
            target=self._accept, args=(self._listener,), name='proxy-accept', daemon=True
        )
        self._acceptor.start()

    def refuse(self) -> None:
        """Refuse connections from now on; those that are open stay so."""
        listener, self._listener = self._listener, None
        if listener is None or self._acceptor is None:
            return
        # What wakes a thread in accept().
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 5):
            self._acceptor.join(_PATIENCE)
        listener.close()

    def close_idle(self) -> None:
        """Close the connections on which no request is under way, and wait until they are."""
        # One that has just been answered is idle for its client before it is so for its thread.
        deadline = time.monotonic() + _A_MOMENT
        while self._others_busy() and time.monotonic() < deadline:
            time.sleep(0.001)
        self._cut(lambda thread: not getattr(thread, 'busy', True))

    def _others_busy(self) -> bool:
        with self._lock:
            threads = set(self._clients) - {threading.current_thread()}
        return any(getattr(thread, 'busy', False) for thread in threads)

    def close_connections(self) -> None:
        self._cut(lambda thread: True)

    def _cut(self, wanted: Callable[[threading.Thread], bool]) -> None:
        with self._lock:
            cut = {t: c for t, c in self._clients.items() if wanted(t)}
            for connection in cut.values():
                _shut_down(connection)
        for thread in cut:
            if thread is not threading.current_thread() and thread.is_alive():
                thread.join(_PATIENCE)

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._clients)

    # --- connections

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _peer = listener.accept()
            except OSError:
                return
            if listener is not self._listener:
                connection.close()
                return
            thread = threading.Thread(
                target=self._serve, args=(connection,), name='proxy-connection', daemon=True
            )
            with self._lock:
                # A descriptor of its own: the thread closes the other when it likes.
                self._clients[thread] = connection.dup()
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(_PATIENCE)
            doorman = self._choose_doorman()
            if doorman is not None:
                doorman(connection)
                return
            connection = self._context.wrap_socket(connection, server_side=True)
            connection.settimeout(None)
            with connection.makefile('rb') as stream:
                self._converse(connection, stream)
        except (OSError, ValueError, HungUp, http.client.HTTPException):
            pass  # each side may go when it likes
        finally:
            with self._lock:
                control = self._clients.pop(threading.current_thread())
            # The descriptor that is closed last sends what is to be sent, RST included.
            control.close()
            connection.close()

    def _converse(self, connection: socket.socket, stream: io.BufferedReader) -> None:
        thread: Any = threading.current_thread()
        number = 0
        while True:
            thread.busy = False
            if not stream.peek(1):
                return
            thread.busy = True
            exchange = Exchange(self, connection, stream)
            exchange.number = number
            number += 1
            self.seen[exchange.name] += 1
            hint = self._hint
            if hint is not None and hint[0] == exchange.name:
                self._hint = None
                reply = exchange.forward()
                self.close_idle()
                hint[1](self)
                exchange.answer(reply.but(headers=[*reply.headers, ('Connection', 'close')]))
                return
            (self._choose(exchange) or pass_on)(exchange)

    def ask_server(
        self, method: str, target: str, headers: http.client.HTTPMessage, body: bytes
    ) -> Reply:
        """Hand a request to the server."""
        server = self._server()
        try:
            server.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                # Uncompressed, so that spoilers see what there is.
                if name.lower() not in (*_OF_THE_CONNECTION, 'accept-encoding'):
                    server.putheader(name, value)
            if method != 'GET':
                server.putheader('Content-Length', str(len(body)))
            server.endheaders(body if method != 'GET' else None)
            response = server.getresponse()
            kept = [
                (name, value)
                for name, value in response.getheaders()
                if name.lower() not in _OF_THE_CONNECTION
            ]
            reply = Reply(
                response.status, response.reason, kept, response.read(), bool(response.chunked)
            )
        except BaseException:
            with self._lock:
                self._busy_servers.discard(server)
            server.close()
            raise
        with self._lock:
            self._busy_servers.discard(server)
            if not response.will_close and not self.ended.is_set():
                self._idle_servers.append(server)
                return reply
        server.close()
        return reply

    def _server(self) -> http.client.HTTPConnection:
        while True:
            with self._lock:
                if not self._idle_servers:
                    break
                server = self._idle_servers.pop()
                if not select.select([server.sock], [], [], 0)[0]:
                    self._busy_servers.add(server)
                    return server
            server.close()
        if self._server_context is None:
            server = http.client.HTTPConnection(self.host, self._server_port)
        else:
            server = http.client.HTTPSConnection(
                self.host, self._server_port, context=self._server_context
            )
        server.connect()
        with self._lock:
            self._busy_servers.add(server)
        return server


def _shut_down(connection: socket.socket | None) -> None:
    try:
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)
    except (OSError, ValueError):
        pass  # it is over already
