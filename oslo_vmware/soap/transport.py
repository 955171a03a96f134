"""The only part of the SOAP engine that does I/O: one pooled HTTP(S) session per service.

What is decided here, once, for every request:

- TLS verification is an argument of each request, never a setting of the session: requests lets
  ``REQUESTS_CA_BUNDLE`` overrule a session, and nothing in the environment may turn verification
  on or off against ``insecure`` and ``cacert``.
- Credentials never come from the environment (``.netrc``) and never travel with a redirect: a
  POST is not redirected at all, and a GET only within its server. An answer that leads to another
  scheme, host or port, or to a file, is an answer and no way to go.
- Whose the cookies are is written on their jar (:mod:`oslo_vmware._trust`), for those who take
  them elsewhere.
- A session cookie that answers an old request does not replace a newer one: a server may give a
  session of its own to whoever comes without a valid one, and such a reply can arrive after the
  login of another thread.
- A connection that the server closed while it lay idle in the pool is not an outage. A *read* of
  which not one byte of the answer arrived on a *reused* connection is sent once more on a fresh
  one, at once. On a fresh connection the same failure is reported: then it means something.
  Nothing else is sent twice, and need not be (:mod:`~oslo_vmware.soap.connections`).
- An answer has a greatest size (:data:`MAX_REPLY_BYTES`), counted after decompression and while it
  is read, so that neither a body without an end nor one that inflates a thousandfold fills the
  memory; and it takes hardly more of it than it has bytes. That holds for every answer, also one
  that redirects.
- Nothing waits without end. Whatever is asked for, silence has a limit
  (:data:`MAX_SILENCE_SECONDS` unless told otherwise), an earlier deadline of whoever is waiting
  counts (:mod:`oslo_vmware._deadline`), and a peer that vanished is noticed
  (:mod:`oslo_vmware._sockets`).
- A process that was forked off begins with no connections, and with the cookies of its parent.
- What the environment says of proxies and authorities is asked once for each URL, not at each call.
- ``insecure`` is the operator's word, and whoever opens the session warns about it once;
  urllib3's own warning at every request is not wanted.
"""

import functools
import io
import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple

import requests
import requests.adapters
from requests.cookies import extract_cookies_to_jar

from oslo_vmware import _deadline, _trust
from oslo_vmware._process import PerProcess
from oslo_vmware.soap.call import Call
from oslo_vmware.soap.connections import Adapter, is_stale, let_go_of_inherited, under_way
from oslo_vmware.soap.inflating import ENCODINGS, BrokenDataError, inflated
from oslo_vmware.soap.local_file import LocalFileAdapter
from oslo_vmware.soap.redirects import OneServerSession

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

#: How much of an answer is read at a time, as it comes.
_PIECE = 64 * 1024

#: How much is kept of an answer that is not read.
_SAMPLE = 4096


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP reply, whatever its status.

    :ivar status: HTTP status code
    :ivar reason: the words beside it
    :ivar content_type: media type without parameters, lower case; ``''`` when not sent
    :ivar body: the decoded (gunzipped) content
    """

    status: int
    reason: str
    content_type: str
    body: bytes


class OversizedReplyError(requests.RequestException):
    """An answer is larger than :data:`MAX_REPLY_BYTES`, or could be; its connection is closed.

    :ivar reply: the answer, with the beginning of its body
    """

    def __init__(self, problem: str, reply: Reply) -> None:
        super().__init__(problem)
        self.reply = reply


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
        self.session = OneServerSession()
        self.session.cookies.set_policy(_NewestCookies(self.session.cookies))
        self.session.auth = _leave_unauthenticated
        self.session.headers['Accept-Encoding'] = 'gzip, deflate'
        # As a hook, because requests reads the body of a redirection before anybody sees it.
        self.session.hooks['response'].append(_read_within_bounds)
        self._routes = PerProcess(functools.partial(_no_routes, self.session, pool_maxsize))
        self._routes.get()
        self._trust = self._trust_at(url)
        _trust.mark(self.session.cookies, self._trust)

    @property
    def cookiejar(self) -> CookieJar:
        """The live cookies, sent with every request; another jar may be put in its place."""
        self._routes.get()
        return self.session.cookies

    @cookiejar.setter
    def cookiejar(self, jar: CookieJar) -> None:
        self.session.cookies = jar  # type: ignore[assignment]
        _trust.mark(jar, self._trust)

    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], call: Call | None = None
    ) -> Reply:
        """Send a request and read the whole answer, whatever its HTTP status.

        :param call: the call that it is the request of; without one it counts as a change
        :raises OversizedReplyError: the answer is too large
        :raises requests.RequestException: no answer arrived
        """
        token = under_way.set(call)
        try:
            return _logged('POST', url, self._post, url, body, headers)
        except requests.ConnectionError as exc:
            if call is None or not call.may_be_repeated_by_transport or not is_stale(exc):
                raise
            LOG.debug('The server had closed the idle connection to %s: sending again', url)
            return _logged('POST', url, self._post, url, body, headers)
        finally:
            under_way.reset(token)

    def get(self, url: str) -> Reply:
        """Read a document, for instance an interface description.

        :param url: ``https:``, ``http:`` or ``file:`` URL
        :raises requests.RequestException: no answer arrived
        """
        return _logged('GET', url, self._get, url)

    def close(self) -> None:
        """Close the pooled connections; the next request opens new ones."""
        self._routes.get()
        self.session.close()

    def _get(self, url: str) -> requests.Response:
        self._routes.get()
        return self.session.get(url, verify=self.verify, timeout=self._timeout())

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        # What requests' own post() does, without what comes out the same at every call and takes
        # half of its time: looking for proxies in the environment, taking the URL apart, copying
        # cookies, and looking for new ones twice.
        routes = self._routes.get()
        route = routes.get(url)
        if route is None:
            route = routes[url] = self._route(url)
        request = requests.PreparedRequest()
        request.method = 'POST'
        request.url = route.url
        request.prepare_headers({**self.session.headers, **headers})
        request.body = body
        request.headers['Content-Length'] = str(len(body))
        request.prepare_cookies(self.session.cookies)
        response = route.adapter.send(request, timeout=self._timeout(), **route.settings)
        _read_within_bounds(response)
        if 'Set-Cookie' in response.headers:
            extract_cookies_to_jar(self.session.cookies, request, response.raw)
        return response

    def _timeout(self) -> tuple[Any, Any]:
        connect, silence = self.timeout
        return _deadline.shortened(connect), _deadline.shortened(silence)

    def _route(self, url: str) -> '_Route':
        sent = self.session.prepare_request(requests.Request('POST', url)).url or url
        return _Route(sent, self.session.get_adapter(sent), self._settings(sent))

    def _settings(self, url: str) -> dict[str, Any]:
        return dict(self.session.merge_environment_settings(url, {}, True, self.verify, None))

    def _trust_at(self, url: str | None) -> _trust.Trust | None:
        if not url:
            return None
        try:
            return _trust.Trust(_trust.origin_of(url), self._settings(url)['verify'])
        except ValueError:
            # Whoever sends a request there is told.
            return None


def _limits(connection_timeout: float | None) -> tuple[float | None, float | None]:
    """Seconds to connect, and seconds of silence; None for ever."""
    if connection_timeout is None:
        return CONNECT_SECONDS, MAX_SILENCE_SECONDS
    # No infinite number is a time-out for what lies beneath.
    limit = None if connection_timeout == math.inf else connection_timeout
    return limit, limit


def _no_routes(session: requests.Session, pool_maxsize: int) -> dict[str, '_Route']:
    """Begin with no connections, in this process."""
    let_go_of_inherited()
    session.adapters = OrderedDict(
        {
            'https://': Adapter(pool_maxsize=pool_maxsize),
            'file:///': LocalFileAdapter(),
            'http://': Adapter(pool_maxsize=pool_maxsize),
        }
    )
    # The jar stays, because users have it; its lock may be held for ever.
    if hasattr(session.cookies, '_cookies_lock'):
        session.cookies._cookies_lock = threading.RLock()
    return {}


class _Route(NamedTuple):
    """How requests to one URL go out.

    :ivar url: as it goes on the wire
    :ivar settings: verification and proxies, after the environment was asked
    """

    url: str
    adapter: requests.adapters.BaseAdapter
    settings: dict[str, Any]


def _logged(
    method: str, url: str, exchange: Callable[..., requests.Response], *arguments: Any
) -> Reply:
    started = time.monotonic()
    response = exchange(*arguments)
    LOG.debug(
        '%s %s: HTTP %s, %d bytes in %.3f s',
        method,
        url,
        response.status_code,
        len(response.content),
        time.monotonic() - started,
    )
    return _reply(response, response.content)


def _reply(response: requests.Response, body: bytes) -> Reply:
    content_type = response.headers.get('Content-Type', '').partition(';')[0]
    return Reply(response.status_code, response.reason or '', content_type.strip().lower(), body)


def _read_within_bounds(response: requests.Response, **_: Any) -> None:
    """Read the body of an answer, as far as it may go."""
    encoding = response.headers.get('Content-Encoding', '').strip().lower()
    if encoding not in ('', 'identity', *ENCODINGS):
        response.close()
        raise OversizedReplyError(
            f'the reply is compressed in a way that was not asked for ({encoding!r})',
            _reply(response, b''),
        )
    body = io.BytesIO()  # grows in its place
    pieces = _bounded(response, response.iter_content(_PIECE), body)
    if encoding in ENCODINGS:
        # urllib3 then gives what came, as it came.
        response.raw.headers.pop('Content-Encoding')
        pieces = _bounded(response, inflated(pieces), body)
    try:
        for piece in pieces:
            body.write(piece)
    except BrokenDataError as exc:
        response.close()
        raise requests.exceptions.ContentDecodingError(
            f'the {encoding} data of the reply is broken: {exc}'
        ) from exc
    response._content = body.getvalue()  # no copy, and where response.content looks first


def _bounded(
    response: requests.Response, pieces: Iterable[bytes], body: io.BytesIO
) -> Iterator[bytes]:
    """What comes, as long as it is not too much."""
    limit = MAX_REPLY_BYTES
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            response.close()
            sample = bytes(body.getbuffer()[:_SAMPLE])
            raise OversizedReplyError(
                f'the reply is larger than {limit} bytes', _reply(response, sample)
            )
        yield piece


class _NewestCookies(DefaultCookiePolicy):
    """Refuses a cookie of an answer whose request carried an older one than there is now.

    :param jar: the cookies there are
    """

    def __init__(self, jar: CookieJar) -> None:
        super().__init__()
        self._jar = jar

    def set_ok(self, cookie: Cookie, request: Any) -> bool:
        call = under_way.get()
        logs_in = call is not None and call.logs_in
        return super().set_ok(cookie, request) and (logs_in or not self._is_late(cookie, request))

    def return_ok_verifiability(self, cookie: Cookie, request: Any) -> bool:
        # It would compare the server with the one that led to it. Nobody leads us.
        return True

    def _is_late(self, cookie: Cookie, request: Any) -> bool:
        sent = (request.get_header('Cookie') or '').split('; ')
        return any(
            f'{known.name}={known.value}' not in sent
            for known in self._jar
            if (known.domain, known.path, known.name) == (cookie.domain, cookie.path, cookie.name)
        )


def _leave_unauthenticated(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # With any auth object set, requests does not look into .netrc for one.
    return request
