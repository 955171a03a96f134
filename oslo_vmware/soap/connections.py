"""Connections of the SOAP engine, and the pools they wait in.

requests and urllib3 do the work. What they do not do is here:

- So that nothing need be sent twice after an idle hour, everything but a read leaves on a
  connection that is known to be alive: a fresh one, or one that was used a moment ago
  (:data:`ALIVE_SECONDS`) and on which nothing has arrived since.
- A connection that died idle in the pool is told from one that died at work.
- Head and body of a request leave together, and it is noted when they have.
- The kernel asks whether the peer is still there (:mod:`oslo_vmware._sockets`), of a proxy as well.
- A process that was forked off sends nothing over the connections of its parent, not even TLS's
  goodbye. Once it needs one of its own it closes the descriptors of those, also of those that were
  in use; until then the parent's end of them would not be seen by the server.
"""

import contextlib
import http.client
import os
import queue
import time
import weakref
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import requests
import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from oslo_vmware._process import PerProcess
from oslo_vmware._sockets import KEEPALIVE_OPTIONS, inode_of, let_go
from oslo_vmware.soap.call import Call

#: Seconds for which a connection that was used counts as alive. A server gives up idle ones after
#: minutes, and what it closed a moment ago shows on the socket.
ALIVE_SECONDS = 5.0


class StaleConnectionError(ConnectionError):
    """A pooled connection was closed by the server before the request reached it."""


#: The call that a thread is busy with. A pool and its connections serve many. No local of threads:
#: imported before eventlet has replaced these, it would be one for all green threads.
under_way: ContextVar[Call | None] = ContextVar('under_way', default=None)


def is_stale(exc: requests.ConnectionError) -> bool:
    """Whether a request failed because its connection had died in the pool."""
    # How deep it lies differs: behind a proxy urllib3 wraps it twice.
    pending: list[Any] = [exc]
    while pending:
        inner = pending.pop()
        if isinstance(inner, StaleConnectionError):
            return True
        if isinstance(inner, BaseException):
            pending += [getattr(inner, 'reason', None), *inner.args]
    return False


class _Response(http.client.HTTPResponse):
    """An answer, and not what servers and proxies may send before it (RFC 9110, 15.2).

    The base class passes over 100 alone. It would take any other for the whole answer, and give the
    answer itself to the next request.
    """

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200 and self.status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            self.headers = None  # type: ignore[assignment]  # or it would not begin again
            super().begin()


class _Connection:
    """Mixin for connections: tells one that died idle in the pool from one that died at work.

    It also lets head and body of a request leave together. A head of its own costs the server an
    awakening, and on a connection that the server has closed the body after it may fail in a way
    that cannot be told from an outage.
    """

    response_class: Any = _Response
    sock: Any
    _inode = 0
    _answers = 0
    #: When it was last put back into the pool; a new one counts as alive.
    idle_since = float('inf')
    #: The head of the request at hand, once there is one; None when nothing is held back.
    _held: list[bytes] | None = None

    def connect(self) -> None:
        self._answers = 0
        super().connect()  # type: ignore[misc]
        self._inode = inode_of(self.sock)
        _opened.get().add(self)

    def let_go(self) -> None:
        """Forget the socket, which is another process's as well."""
        sock, self.sock = self.sock, None
        if sock is not None:
            let_go(sock, self._inode)

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        self._held = []
        super().endheaders(*args, **kwargs)  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self._held is None:
            super().send(data)  # type: ignore[misc]
        elif not self._held:
            self._held.append(data)
        else:
            self._release(data)

    def _release(self, data: bytes = b'') -> None:
        head, self._held = self._held, None
        if head:
            super().send(head[0] + data)  # type: ignore[misc]
            call = under_way.get()
            if call is not None:
                call.has_left = True

    def getresponse(self) -> Any:
        try:
            self._release()
            response = super().getresponse()  # type: ignore[misc]
        except (http.client.RemoteDisconnected, ConnectionError) as exc:
            if self._answers:
                raise StaleConnectionError(str(exc)) from exc
            raise
        self._answers += 1
        return response


class _HTTPConnection(_Connection, HTTPConnection):
    pass


class _HTTPSConnection(_Connection, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        # Read only by the check that would warn at every request of an insecure session.
        self.is_verified = True


class _Queue(queue.LifoQueue):
    """Connections that wait in a pool.

    urllib3 asks it also when a pool is collected, and when the interpreter ends. A process that was
    forked off finds it empty, and does not find out whether a thread of the parent has it locked.
    """

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._process = os.getpid()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if os.getpid() != self._process:
            raise queue.Empty
        return super().get(block, timeout)


class _Pool:
    """Mixin for pools: gives a connection that may have died only to what can be sent again."""

    QueueCls = _Queue

    def _get_conn(self, timeout: float | None = None) -> Any:
        # The base class has closed one on which something arrived, such as the server's farewell.
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        call = under_way.get()
        if time.monotonic() - connection.idle_since > ALIVE_SECONDS and not (
            call is not None and call.may_be_repeated_by_transport
        ):
            # It is opened anew when the request is sent.
            connection.close()
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)  # type: ignore[misc]

    def close_idle(self) -> None:
        """Close what waits here; what is in use comes back and is closed with the pool."""
        with contextlib.suppress(queue.Empty):
            while True:
                connection = self.pool.get(block=False)  # type: ignore[attr-defined]
                if connection is not None:
                    connection.close()


class _HTTPConnectionPool(_Pool, HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSConnectionPool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS: dict[str, type] = {'http': _HTTPConnectionPool, 'https': _HTTPSConnectionPool}


def _let_all_go(inherited: Iterable[Any]) -> None:
    for one in list(inherited):
        one.let_go()


_opened: PerProcess[Any] = PerProcess(weakref.WeakSet, _let_all_go)


def let_go_of_inherited() -> None:
    """In a process that was forked off: have nothing more to do with the parent's connections."""
    _opened.get()


class Adapter(requests.adapters.HTTPAdapter):
    """Pools of connections, for requests; in one process.

    :param pool_maxsize: connections kept open to a server
    """

    #: What a request looked like, and the pool that was found for it; the same for the target in
    #: its first line. Most requests of a service look like the one before, and to take URLs apart
    #: and make keys of them is a tenth of the work of a small call.
    _pool_for: tuple[Any, Any] = (None, None)
    _target_for: tuple[Any, str] = (None, '')

    def __init__(self, pool_maxsize: int) -> None:
        super().__init__(pool_connections=pool_maxsize, pool_maxsize=pool_maxsize)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        options = [*HTTPConnection.default_socket_options, *KEEPALIVE_OPTIONS]
        super().init_poolmanager(*args, socket_options=options, **kwargs)
        manager: urllib3.PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = _POOLS

    def close(self) -> None:
        """Close the connections that wait.

        urllib3 leaves that to the end of the pool itself, and an error that somebody keeps, or that
        is in a circle of references, keeps the pool.
        """
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - it refuses to be iterated over
                pool = manager.pools.get(key)
                if isinstance(pool, _Pool):
                    pool.close_idle()
        self._pool_for = (None, None)
        super().close()

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        asked = (request.url, verify, proxies, cert)
        known, pool = self._pool_for
        # One that was pushed out of its manager is closed.
        if known != asked or pool.pool is None:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            self._pool_for = (asked, pool)
        return pool

    def request_url(self, request: Any, proxies: Any) -> str:
        asked = (request.url, proxies)
        known, target = self._target_for
        if known != asked:
            target = super().request_url(request, proxies)
            self._target_for = (asked, target)
        return target

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        # The base class looks for the file at every request.
        if getattr(conn, 'verified_by', None) != verify:
            super().cert_verify(conn, url, verify, cert)
            conn.verified_by = verify

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        # Nothing else: urllib3 has none for connections to proxies.
        options = [*KEEPALIVE_OPTIONS]
        manager = super().proxy_manager_for(proxy, socket_options=options, **kwargs)
        # SOCKS proxies need pools of their own.
        if not proxy.lower().startswith('socks'):
            manager.pool_classes_by_scheme = _POOLS
        return manager
