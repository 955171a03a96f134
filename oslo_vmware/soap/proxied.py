"""Requests that requests sends: through proxies, and to URLs that take more than a glance.

Imported where there are any. It makes the connections, and its pools keep them; what it does not do
itself is here, and as in :mod:`~oslo_vmware.soap.wire`:

- Everything but a read leaves on a connection that is known to be alive.
- A connection that died idle in the pool is told from one that died at work.
- Head and body of a request leave together, and it is noted when they have.
- The kernel asks whether the peer is still there (:mod:`oslo_vmware._sockets`), of a proxy as well.
- A process that was forked off has nothing to do with the connections of its parent.
- TLS verification is an argument of each request, never a setting of the session: requests lets
  ``REQUESTS_CA_BUNDLE`` overrule a session, and nothing in the environment may turn verification
  on or off against ``insecure`` and ``cacert``.
- Credentials never come from the environment (``.netrc``).
- An answer is measured while it is read (:mod:`~oslo_vmware.soap.replies`).
"""

import contextlib
import http.client
import os
import queue
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import requests
import requests.adapters
import urllib3
from requests.cookies import extract_cookies_to_jar
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from oslo_vmware._sockets import KEEPALIVE_OPTIONS, inode_of, let_go
from oslo_vmware.constants import USER_AGENT
from oslo_vmware.soap import wire
from oslo_vmware.soap.answers import PIECE
from oslo_vmware.soap.call import under_way
from oslo_vmware.soap.http_errors import OversizedReplyError
from oslo_vmware.soap.inflating import ACCEPTED, BrokenDataError
from oslo_vmware.soap.local_file import LocalFileAdapter
from oslo_vmware.soap.redirects import OneServerSession
from oslo_vmware.soap.replies import Reply, TooLargeError, bounded, media_type
from oslo_vmware.soap.wire import StaleConnectionError


def made_session(jar: Any, pool_maxsize: int, limit: Callable[[], int]) -> requests.Session:
    """A session of requests, with connections of this process.

    :param jar: its cookies
    :param pool_maxsize: connections kept open to a server
    :param limit: tells how many bytes an answer may have
    """
    session = OneServerSession()
    session.cookies = jar
    session.auth = _leave_unauthenticated
    session.headers.update({'User-Agent': USER_AGENT, 'Accept-Encoding': ACCEPTED})
    # As a hook, because requests reads the body of a redirection before anybody sees it.
    session.hooks['response'].append(lambda response, **_: _read_within_bounds(response, limit()))
    session.adapters = OrderedDict(
        {
            'https://': Adapter(pool_maxsize=pool_maxsize),
            'file:///': LocalFileAdapter(),
            'http://': Adapter(pool_maxsize=pool_maxsize),
        }
    )
    return session


class Route(NamedTuple):
    """How requests to one URL go out.

    :ivar url: as it goes on the wire
    :ivar settings: verification and proxies, after the environment was asked
    """

    url: str
    adapter: requests.adapters.BaseAdapter
    settings: dict[str, Any]


def route(session: requests.Session, url: str, verify: bool | str) -> Route:
    """Find out how requests to a URL go out.

    :raises requests.RequestException: it is none
    """
    sent = session.prepare_request(requests.Request('POST', url)).url or url
    settings = session.merge_environment_settings(url, {}, True, verify, None)
    return Route(sent, session.get_adapter(sent), dict(settings))


def is_direct(session: requests.Session, url: str) -> bool:
    """Whether the environment has no proxy for a URL."""
    settings = session.merge_environment_settings(url, {}, None, None, None)
    return not requests.utils.select_proxy(url, settings['proxies'])


def post(
    session: requests.Session,
    route: Route,
    body: bytes,
    headers: Mapping[str, str],
    timeout: tuple[Any, Any],
    limit: int,
) -> requests.Response:
    """Send a request: what requests' own post() does, without looking for everything anew."""
    request = requests.PreparedRequest()
    request.method = 'POST'
    request.url = route.url
    request.prepare_headers({**session.headers, **headers})
    request.body = body
    request.headers['Content-Length'] = str(len(body))
    request.prepare_cookies(session.cookies)
    response = route.adapter.send(request, timeout=timeout, **route.settings)
    _read_within_bounds(response, limit)
    if 'Set-Cookie' in response.headers:
        extract_cookies_to_jar(session.cookies, request, response.raw)
    return response


def reply(response: requests.Response, body: bytes) -> Reply:
    """An answer of requests, as one of ours."""
    content_type = media_type(response.headers.get('Content-Type', ''))
    return Reply(response.status_code, response.reason or '', content_type, body)


def is_stale(exc: Exception) -> bool:
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


def _read_within_bounds(response: requests.Response, limit: int) -> None:
    """Read the body of an answer, as far as it may go."""
    encoding = response.headers.get('Content-Encoding', '')
    # urllib3 then gives what came, as it came.
    response.raw.headers.pop('Content-Encoding', None)
    try:
        body = bounded(response.iter_content(PIECE), encoding, limit)
    except TooLargeError as exc:
        response.close()
        raise OversizedReplyError(str(exc), reply(response, exc.sample)) from exc
    except BrokenDataError as exc:
        response.close()
        raise requests.exceptions.ContentDecodingError(str(exc)) from exc
    response._content = body  # where response.content looks first


def _leave_unauthenticated(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # With any auth object set, requests does not look into .netrc for one.
    return request


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
        wire.opened.get().add(self)

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
        if time.monotonic() - connection.idle_since > wire.ALIVE_SECONDS and not (
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
