"""The only part of the SOAP engine that does I/O: HTTP(S) for one service.

What is decided here, once, for every request:

- Where it goes. A server that is reached directly is asked over connections of our own
  (:mod:`~oslo_vmware.soap.wire`); through a proxy, for a ``file:`` URL, and for a URL that is not
  plain, requests does it (:mod:`~oslo_vmware.soap.proxied`), which is imported only then. What the
  environment says of proxies and authorities is asked once for each URL, by requests' rules.
- Nothing in the environment may turn verification on or off against ``insecure`` and ``cacert``.
- Credentials never travel with a redirect: a POST is not redirected at all, and a GET only within
  its server. An answer that leads to another scheme, host or port, or to a file, is an answer and
  no way to go.
- Whose the cookies are is written on their jar (:mod:`oslo_vmware._trust`), for those who take
  them elsewhere.
- A connection that the server closed while it lay idle in the pool is not an outage. A *read* of
  which not one byte of the answer arrived on a *reused* connection is sent once more on a fresh
  one, at once. On a fresh connection the same failure is reported: then it means something.
  Nothing else is sent twice, and need not be.
- An answer has a greatest size (:data:`MAX_REPLY_BYTES`), which also holds for one that redirects.
- Nothing waits without end. Whatever is asked for, silence has a limit
  (:data:`MAX_SILENCE_SECONDS` unless told otherwise), an earlier deadline of whoever is waiting
  counts (:mod:`oslo_vmware._deadline`), and a peer that vanished is noticed
  (:mod:`oslo_vmware._sockets`).
- A process that was forked off begins with no connections, and with the cookies of its parent.
- ``insecure`` is the operator's word, and whoever opens the session warns about it once.
"""

import functools
import ipaddress
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from http.cookiejar import CookieJar
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from oslo_vmware import _deadline, _trust
from oslo_vmware._process import PerProcess
from oslo_vmware.constants import USER_AGENT
from oslo_vmware.soap import cookies
from oslo_vmware.soap.answers import Head, Reader
from oslo_vmware.soap.call import Call, under_way
from oslo_vmware.soap.inflating import ACCEPTED
from oslo_vmware.soap.replies import Reply, TooLargeError, bounded, media_type
from oslo_vmware.soap.wire import Pool, StaleConnectionError, let_go_of_inherited

if TYPE_CHECKING:
    import requests

    from oslo_vmware.soap.http_errors import OversizedReplyError

__all__ = ['HttpTransport', 'OversizedReplyError', 'Reply']

LOG = logging.getLogger(__name__)

#: How many bytes an answer may have, decompressed. Name and configuration of a hundred virtual
#: machines are 0.75 MB.
MAX_REPLY_BYTES = 2**30

#: Seconds that connecting and the TLS handshake may take unless told otherwise.
CONNECT_SECONDS = 60.0

#: Seconds of silence after which an answer, or the next piece of it, is no longer waited for unless
#: told otherwise. Some operations answer when they are done: to look for new disks on the adapters
#: of many hosts takes half an hour. A server or a network that is gone is noticed much earlier.
MAX_SILENCE_SECONDS = 3600.0

_REDIRECTS = (301, 302, 303, 307, 308)

#: More kinds of requests than any service has.
_HEADS = 64


def __getattr__(name: str) -> Any:
    # Not imported before there is one: requests takes longer than opening a session.
    if name != 'OversizedReplyError':
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from oslo_vmware.soap import http_errors

    return http_errors.OversizedReplyError


class HttpTransport:
    """HTTP for one service: connection pool, cookies, TLS and time-outs.

    :param cacert: path of the CA bundle to verify the server with
    :param insecure: without a ``cacert``: do not verify the server at all
    :param pool_maxsize: connections kept open; more parallel requests are allowed
    :param connection_timeout: seconds to wait for the connection, and again for each piece of
                               the answer; None for :data:`CONNECT_SECONDS` and
                               :data:`MAX_SILENCE_SECONDS`, ``float('inf')`` waits for ever
    :param url: of the service; cookies that go to this server from elsewhere find it verified
    :ivar timeout: those two, each None for ever
    """

    def __init__(
        self,
        cacert: str | None = None,
        insecure: bool = True,
        pool_maxsize: int = 10,
        connection_timeout: float | None = None,
        url: str | None = None,
    ) -> None:
        self.verify: str | bool = cacert or not insecure
        self.timeout = _limits(connection_timeout)
        self._pool_maxsize = pool_maxsize
        # In a place of its own, so that what a process makes for itself needs no more of this.
        self._kept = SimpleNamespace(jar=cookies.Cookies())
        self._here = PerProcess(functools.partial(_Here, self._kept))
        self._here.get()
        self._sessions = PerProcess(functools.partial(_made_session, self._kept, pool_maxsize))
        self._trust = self._trust_at(url)
        _trust.mark(self._kept.jar, self._trust)

    @property
    def cookiejar(self) -> CookieJar:
        """The live cookies, sent with every request; another jar may be put in its place."""
        self._here.get()
        jar: CookieJar = self._kept.jar
        return jar

    @cookiejar.setter
    def cookiejar(self, jar: CookieJar) -> None:
        self._kept.jar = jar
        _trust.mark(jar, self._trust)

    @property
    def session(self) -> 'requests.Session':
        """The session of requests, for what goes that way."""
        self._here.get()
        session = self._sessions.get()
        session.cookies = self._kept.jar
        return session

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], call: Call | None = None
    ) -> Reply:
        """Send a request and read the whole answer, whatever its HTTP status.

        :param call: the call that it is the request of; without one it counts as a change
        :raises OversizedReplyError: the answer is too large
        :raises requests.RequestException: no answer arrived
        """
        route = self._route(url)
        if route is None:
            return self._post_by_requests(url, body, headers, call)
        return self._exchange(route, 'POST', body, headers, call)[1]

    def get(self, url: str) -> Reply:
        """Read a document, for instance an interface description.

        :param url: ``https:``, ``http:`` or ``file:`` URL
        :raises requests.RequestException: no answer arrived
        """
        led = 0
        while (route := self._route(url)) is not None:
            head, reply = self._exchange(route, 'GET', b'', {}, None)
            if head.status not in _REDIRECTS or 'location' not in head.fields:
                return reply
            from oslo_vmware.soap import redirects

            target = redirects.led_to(url, head.fields['location'])
            if target is None:
                reason = f'{reply.reason}; {redirects.LEADS_AWAY}'
                return Reply(reply.status, reason, reply.content_type, reply.body)
            url, led = target, led + 1
            redirects.check_length(led)
        return self._get_by_requests(url)

    def close(self) -> None:
        """Close the pooled connections; the next request opens new ones."""
        self._here.get().close()
        if self._sessions.is_made:
            self.session.close()

    def _timeout(self) -> tuple[Any, Any]:
        connect, silence = self.timeout
        return _deadline.shortened(connect), _deadline.shortened(silence)

    # Over connections of our own

    def _exchange(
        self,
        route: '_Route',
        method: str,
        body: bytes,
        headers: Mapping[str, str],
        call: Call | None,
    ) -> tuple[Head, Reply]:
        sent = route.cookies.of(self._kept.jar)
        request = route.request(method, body, headers, sent)
        try:
            head, reply = self._sent(route, method, request, call)
        except StaleConnectionError:
            LOG.debug('The server had closed the idle connection to %s: sending again', route.url)
            head, reply = self._sent(route, method, request, call, fresh=True)
        if head.cookies:
            cookies.keep(self._kept.jar, route.url, sent, head.cookies, call)
        return head, reply

    def _sent(
        self,
        route: '_Route',
        method: str,
        request: bytes,
        call: Call | None,
        fresh: bool = False,
    ) -> tuple[Head, Reply]:
        """Send a request.

        :param fresh: whether to open a connection for it
        :raises StaleConnectionError: it can be sent again
        """
        is_logged = LOG.isEnabledFor(logging.DEBUG)
        started = time.monotonic() if is_logged else 0.0
        pool = route.pool
        connection = pool.take(call, fresh)
        try:
            connect, silence = self.timeout
            if connection.sock is None:
                connection.open(_deadline.shortened(connect))
            head = connection.ask(request, _deadline.shortened(silence), call)
            reply = _reply(head, connection.reader)
        except BaseException as exc:
            connection.close()
            may_be_repeated = call is not None and call.may_be_repeated_by_transport
            if isinstance(exc, StaleConnectionError) and may_be_repeated:
                raise
            if isinstance(exc, Exception):
                from oslo_vmware.soap import http_errors

                error = http_errors.requests_error(exc, connection.step, pool.server)
                if error is not exc:
                    raise error from exc
            raise
        if head.keeps and not connection.reader.has_rest:
            pool.put(connection)
        else:
            connection.close()
        if is_logged:
            _log(method, route.url, reply, started)
        return head, reply

    def _route(self, url: str) -> '_Route | None':
        """How requests to a URL go out; None for how requests does it."""
        here = self._here.get()
        try:
            return here.routes[url]
        except KeyError:
            route = here.routes[url] = self._found_route(url, here)
            return route

    def _found_route(self, url: str, here: '_Here') -> '_Route | None':
        plain = _trust.PLAIN_URL.fullmatch(url)
        if plain is None or not _is_address(plain['host'], plain['port'] or '0'):
            return None
        if _may_have_proxy():
            from oslo_vmware.soap import proxied

            if not proxied.is_direct(self.session, url):
                return None
        origin = _trust.origin_of(url)
        verify = self._verify()
        key = (origin, verify)
        pool = here.pools.setdefault(key, Pool(origin, verify, self._pool_maxsize))
        target = plain['target']
        return _Route(url, target if target.startswith('/') else f'/{target}', pool)

    def _verify(self) -> str | bool:
        """How the server is verified, after the environment was asked for a bundle."""
        if self.verify is not True:
            return self.verify
        environment = os.environ
        return environment.get('REQUESTS_CA_BUNDLE') or environment.get('CURL_CA_BUNDLE') or True

    def _trust_at(self, url: str | None) -> _trust.Trust | None:
        if not url:
            return None
        try:
            return _trust.Trust(_trust.origin_of(url), self._verify())
        except ValueError:
            # Whoever sends a request there is told.
            return None

    # By requests

    def _post_by_requests(
        self, url: str, body: bytes, headers: Mapping[str, str], call: Call | None
    ) -> Reply:
        from oslo_vmware.soap import proxied

        session = self.session
        routes = self._here.get().by_requests
        route = routes.get(url)
        if route is None:
            route = routes[url] = proxied.route(session, url, self.verify)

        def send() -> Any:
            return proxied.post(session, route, body, headers, self._timeout(), MAX_REPLY_BYTES)

        token = under_way.set(call)
        try:
            return _logged('POST', url, send)
        except OSError as exc:
            if call is None or not call.may_be_repeated_by_transport or not proxied.is_stale(exc):
                raise
            LOG.debug('The server had closed the idle connection to %s: sending again', url)
            return _logged('POST', url, send)
        finally:
            under_way.reset(token)

    def _get_by_requests(self, url: str) -> Reply:
        session = self.session
        return _logged(
            'GET', url, lambda: session.get(url, verify=self.verify, timeout=self._timeout())
        )


class _Here:
    """What a process has for itself.

    :ivar routes: by URL; None where it is requests that knows the way
    :ivar pools: by where they lead, and how that is verified
    :ivar by_requests: the routes of requests
    """

    def __init__(self, kept: Any) -> None:
        let_go_of_inherited()
        # The jar stays, because users have it; its lock may be held for ever.
        if isinstance(kept.jar, CookieJar):
            cookies.renew_lock(kept.jar)
        self.routes: dict[str, _Route | None] = {}
        self.pools: dict[Any, Pool] = {}
        self.by_requests: dict[str, Any] = {}

    def close(self) -> None:
        """Close the connections; what is under way closes its own."""
        pools, self.pools, self.routes = self.pools, {}, {}
        for pool in pools.values():
            pool.close()


class _Route:
    """How requests to one URL go out, with what comes out the same for each of them.

    :param target: what is asked for, in the first line
    """

    def __init__(self, url: str, target: str, pool: Pool) -> None:
        self.url = url
        self.pool = pool
        self.cookies = cookies.CookieHeader(url)
        self._target = target
        self._heads: dict[tuple[Any, ...], bytes] = {}

    def request(self, method: str, body: bytes, headers: Mapping[str, str], sent: str) -> bytes:
        """A request as it leaves.

        :param sent: what goes as cookies
        """
        key = (method, sent, *headers.items())
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= _HEADS:
                self._heads.clear()
            head = self._heads[key] = self._head(method, headers, sent)
        if method == 'GET':
            return head + b'\r\n'
        return b'%bContent-Length: %d\r\n\r\n%b' % (head, len(body), body)

    def _head(self, method: str, headers: Mapping[str, str], sent: str) -> bytes:
        fields = {
            'Host': self.pool.host_field,
            'User-Agent': USER_AGENT,
            'Accept-Encoding': ACCEPTED,
            'Accept': '*/*',
            'Connection': 'keep-alive',
            **headers,
        }
        if sent:
            fields['Cookie'] = sent
        for name, value in fields.items():
            if any(end in value for end in '\r\n\0') or max(value, default='') > '\xff':
                from requests.exceptions import InvalidHeader

                # Without the value: it may be a secret.
                raise InvalidHeader(f'the header {name} has what no line of HTTP can have')
        lines = [f'{method} {self._target} HTTP/1.1', *(f'{n}: {v}' for n, v in fields.items())]
        return ''.join(f'{line}\r\n' for line in lines).encode('latin-1')


def _reply(head: Head, reader: Reader) -> Reply:
    """Read the body of an answer, as far as it may go."""
    fields = head.fields
    content_type = media_type(fields.get('content-type', ''))
    body = reader.whole_body(head)
    encoding = fields.get('content-encoding', '')
    if encoding or body is None or len(body) > MAX_REPLY_BYTES:
        pieces = reader.body(head) if body is None else (body,)
        try:
            body = bounded(pieces, encoding, MAX_REPLY_BYTES)
        except TooLargeError as exc:
            from oslo_vmware.soap.http_errors import OversizedReplyError

            sample = Reply(head.status, head.reason, content_type, exc.sample)
            raise OversizedReplyError(str(exc), sample) from exc
    return Reply(head.status, head.reason, content_type, body)


def _limits(connection_timeout: float | None) -> tuple[float | None, float | None]:
    """Seconds to connect, and seconds of silence; None for ever."""
    if connection_timeout is None:
        return CONNECT_SECONDS, MAX_SILENCE_SECONDS
    # No infinite number is a time-out for what lies beneath.
    limit = None if connection_timeout == math.inf else connection_timeout
    return limit, limit


def _is_address(host: str, port: str) -> bool:
    """Whether what looks like an address and a port is one."""
    if host.startswith('['):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return False
    return int(port) < 65536


def _may_have_proxy() -> bool:
    """Whether the environment, or the system, may have a proxy for some URL."""
    # There the proxies of the system count, too.
    if sys.platform in ('darwin', 'win32'):
        return True
    names = (name.lower() for name, value in os.environ.items() if value)
    return any(name.endswith('_proxy') and name != 'no_proxy' for name in names)


def _made_session(kept: Any, pool_maxsize: int) -> 'requests.Session':
    from oslo_vmware.soap import proxied

    return proxied.made_session(kept.jar, pool_maxsize, lambda: MAX_REPLY_BYTES)


def _logged(method: str, url: str, exchange: Callable[[], Any]) -> Reply:
    from oslo_vmware.soap import proxied

    started = time.monotonic()
    response = exchange()
    reply = proxied.reply(response, response.content)
    _log(method, url, reply, started)
    return reply


def _log(method: str, url: str, reply: Reply, started: float) -> None:
    LOG.debug(
        '%s %s: HTTP %s, %d bytes in %.3f s',
        *(method, url, reply.status, len(reply.body), time.monotonic() - started),
    )
