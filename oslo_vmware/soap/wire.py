"""Connections to a server, and the pools they wait in, for exchanges of our own.

A request leaves in one piece, and :mod:`~oslo_vmware.soap.answers` reads what comes back. That is a
short loop, because most calls are small: what HTTP libraries do around it takes longer than all
else in a call.

- So that nothing need be sent twice after an idle hour, everything but a read leaves on a
  connection that is known to be alive: a fresh one, or one that was used a moment ago
  (:data:`ALIVE_SECONDS`) and on which nothing has arrived since.
- A connection that died idle in the pool is told from one that died at work: it was used before,
  and not one byte of an answer came.
- It is noted when all of a request has left.
- What an exchange leaves in a state that nobody knows is closed: an error, a time-out of a green
  thread, more bytes than the answer had.
- The kernel asks whether the peer is still there (:mod:`oslo_vmware._sockets`).
- A process that was forked off sends nothing over the connections of its parent, not even TLS's
  goodbye. Once it needs one of its own it closes the descriptors of those, also of those that were
  in use; until then the parent's end of them would not be seen by the server.

Connections through a proxy are made by others (:mod:`~oslo_vmware.soap.proxied`).
"""

import contextlib
import enum
import os
import select
import socket
import ssl
import time
import weakref
from collections.abc import Iterable
from typing import Any

from oslo_vmware import _trust
from oslo_vmware._process import PerProcess
from oslo_vmware._sockets import KEEPALIVE_OPTIONS, inode_of, let_go
from oslo_vmware.soap.answers import BrokenAnswerError, Head, Reader
from oslo_vmware.soap.call import Call

#: Seconds for which a connection that was used counts as alive. A server gives up idle ones after
#: minutes, and what it closed a moment ago shows on the socket.
ALIVE_SECONDS = 5.0

_DEFAULT_PORTS = {'http': 80, 'https': 443}

_OPTIONS = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), *KEEPALIVE_OPTIONS)

# Imported after eventlet has replaced the blocking calls there is none.
_poll = getattr(select, 'poll', None)


class StaleConnectionError(ConnectionError):
    """A pooled connection was closed by the server before the request reached it."""


class Step(enum.Enum):
    """How far an exchange came, in words that an error goes on with."""

    TRUST = 'the authorities for {} cannot be read'
    CONNECT = 'no connection to {}'
    SECURE = 'no TLS with {}'
    SEND = 'the request to {} was cut off'
    WAIT = 'no answer from {}'
    READ = 'the answer from {} was cut off'


class Connection:
    """A connection to a server, opened when it is first needed.

    :ivar step: what it is at, for whoever wants to know where an error came from
    :ivar idle_since: when it was last put back into the pool; a new one counts as alive
    """

    def __init__(self, origin: _trust.Origin, verify: _trust.Verify) -> None:
        self.origin = origin
        self._verify = verify
        self.sock: Any = None
        self.step = Step.TRUST
        self.idle_since = float('inf')
        self._answers = 0
        self._inode = 0
        self._process = os.getpid()
        self._timeout: float | None = None
        self._poller: Any = None
        self.reader: Reader

    def open(self, timeout: float | None) -> None:
        """Connect, and agree on TLS.

        :param timeout: seconds for each of the two; None for ever
        :raises ValueError: no time-out is as short
        :raises OSError: it cannot be done
        """
        if timeout is not None and timeout <= 0:
            # To a socket it would mean that nothing is waited for.
            raise ValueError(f'a time-out of {timeout} s is none')
        self.step = Step.TRUST
        secure = self.origin.scheme == 'https'
        context = _tls_context(self._verify) if secure else None
        self.step = Step.CONNECT
        sock: Any = _connected(self.origin.host, self.origin.port, timeout)
        if context is not None:
            self.step = Step.SECURE
            sock = context.wrap_socket(sock, server_hostname=self.origin.host.rstrip('.'))
        self.sock = sock
        self._timeout = timeout
        self.reader = Reader(sock.recv)
        self._inode = inode_of(sock)
        opened.get().add(self)
        if _poll is not None:
            self._poller = _poll()
            self._poller.register(sock.fileno(), select.POLLIN)

    def ask(self, request: bytes, timeout: float | None, call: Call | None) -> Head:
        """Send a request, and read the head of its answer.

        :param timeout: seconds of silence; None for ever
        :raises StaleConnectionError: it had been used, and was closed before the answer began
        :raises BrokenAnswerError: what came is no answer
        :raises OSError: it was lost
        """
        self.step = Step.SEND
        reader = self.reader
        reader.began = False
        if timeout != self._timeout:
            self.sock.settimeout(timeout)
            self._timeout = timeout
        try:
            # Who does not want all of a request may say so and hang up.
            with contextlib.suppress(BrokenPipeError):
                self.sock.sendall(request)
                if call is not None:
                    call.has_left = True
            self.step = Step.WAIT
            head = reader.head()
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError, BrokenAnswerError) as exc:
            if self._answers and not reader.began:
                raise StaleConnectionError(str(exc)) from exc
            raise
        self.step = Step.READ
        self._answers += 1
        return head

    def is_quiet(self) -> bool:
        """Whether nothing has arrived that nobody asked for, such as the server's farewell."""
        if self._poller is not None:
            return not self._poller.poll(0)
        return not select.select([self.sock], [], [], 0)[0]

    def close(self) -> None:
        """Close it; it is not opened again."""
        sock, self.sock = self.sock, None
        if sock is not None:
            sock.close()

    def let_go(self) -> None:
        """Forget the socket, which is another process's as well."""
        sock, self.sock = self.sock, None
        if sock is not None:
            let_go(sock, self._inode)

    def __del__(self) -> None:
        if self.sock is not None:
            self.close() if os.getpid() == self._process else self.let_go()


def _connected(host: str, port: int | None, timeout: float | None) -> socket.socket:
    """A connection to the first of a host's addresses that takes it."""
    problem: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            for option in _OPTIONS:
                sock.setsockopt(*option)
            sock.settimeout(timeout)
            sock.connect(address)
        except OSError as exc:
            problem = exc
            if sock is not None:
                sock.close()
        except BaseException:
            if sock is not None:
                sock.close()
            raise
        else:
            return sock
    try:
        raise problem or OSError(f'{host} has no address')
    finally:
        del problem  # or it would hold this frame, and the frame it


def _tls_context(verify: _trust.Verify) -> ssl.SSLContext:
    if isinstance(verify, str) and not os.path.exists(verify):
        # In the words of requests, which some look for.
        raise OSError(
            f'Could not find a suitable TLS CA certificate bundle, invalid path: {verify}'
        )
    context = _trust.tls_context(verify)
    context.set_alpn_protocols(['http/1.1'])
    return context


class Pool:
    """Connections to one server, those that wait; the one that was used last comes first.

    :param verify: how the server is verified
    :param size: how many wait at most; more may be in use
    """

    def __init__(self, origin: _trust.Origin, verify: _trust.Verify, size: int) -> None:
        self._origin = origin
        self._verify = verify
        self._size = size
        # Its methods are single steps, so no thread waits for another, nor a fork for a lock.
        self._idle: list[Connection] = []
        self._is_closed = False

    @property
    def server(self) -> str:
        """Where it leads, for texts: host and port."""
        return str(self._origin).partition('://')[2]

    @property
    def host_field(self) -> str:
        """The field ``Host`` of requests."""
        # A name may end in a dot, for the name service alone.
        host = str(self._origin._replace(port=None, host=self._origin.host.rstrip('.')))
        host = host.partition('://')[2]
        port = self._origin.port
        return host if port == _DEFAULT_PORTS[self._origin.scheme] else f'{host}:{port}'

    def take(self, call: Call | None, fresh: bool = False) -> Connection:
        """A connection for a call: one that may have died only for what can be sent again.

        :param fresh: one that nobody has used
        """
        connection = None if fresh else self._pop()
        if connection is None:
            return Connection(self._origin, self._verify)
        may_be_stale = call is not None and call.may_be_repeated_by_transport
        if (
            may_be_stale or time.monotonic() - connection.idle_since <= ALIVE_SECONDS
        ) and connection.is_quiet():
            return connection
        connection.close()
        return Connection(self._origin, self._verify)

    def put(self, connection: Connection) -> None:
        """Keep a connection for the next call."""
        connection.idle_since = time.monotonic()
        if len(self._idle) < self._size:
            self._idle.append(connection)
        else:
            connection.close()
        if self._is_closed:
            self._close_idle()

    def close(self) -> None:
        """Close what waits; what is in use is closed when it comes back."""
        self._is_closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while (connection := self._pop()) is not None:
            connection.close()

    def _pop(self) -> Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def __iter__(self) -> Any:
        return iter(list(self._idle))


def _let_all_go(inherited: Iterable[Any]) -> None:
    for one in list(inherited):
        one.let_go()


#: The connections of a process that have been opened, whoever made them; each has ``let_go()``.
opened: PerProcess[Any] = PerProcess(weakref.WeakSet, _let_all_go)


def let_go_of_inherited() -> None:
    """In a process that was forked off: have nothing more to do with the parent's connections."""
    opened.get()
