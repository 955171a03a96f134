"""The only part of the SOAP engine that does I/O: one pooled HTTP(S) session per service.

What is decided here, once, for every request:

- TLS verification is an argument of each request, never a setting of the session: requests lets
  ``REQUESTS_CA_BUNDLE`` overrule a session, and nothing in the environment may turn verification
  on or off against ``insecure`` and ``cacert``.
- Credentials never come from the environment (``.netrc``) and never travel with a redirect: a
  POST is not redirected at all.
- A connection that the server closed while it lay idle in the pool is not an outage. When not
  one byte of the answer arrived on a *reused* connection, the request is sent once more on a
  fresh one, at once. On a fresh connection the same failure is reported: then it means something.
- ``insecure`` is the operator's word, and whoever opens the session warns about it once;
  urllib3's own warning at every request is not wanted.
"""

import http.client
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any

import requests
import requests.adapters
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from oslo_vmware.soap.local_file import LocalFileAdapter

LOG = logging.getLogger(__name__)


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


class StaleConnectionError(ConnectionError):
    """A pooled connection was closed by the server before the request reached it."""


class HttpTransport:
    """HTTP for one service: connection pool, cookies, TLS and time-outs.

    :param cacert: path of the CA bundle to verify the server with
    :param insecure: without a ``cacert``: do not verify the server at all
    :param pool_maxsize: connections kept open; more parallel requests are allowed
    :param connection_timeout: seconds to wait for the connection, and again for each piece of
                               the answer; None waits for ever
    """

    def __init__(
        self,
        cacert: str | None = None,
        insecure: bool = True,
        pool_maxsize: int = 10,
        connection_timeout: float | None = None,
    ) -> None:
        self.verify: str | bool = cacert or not insecure
        self.timeout = connection_timeout
        self.session = requests.Session()
        self.session.auth = _leave_unauthenticated
        self.session.mount('https://', _Adapter(pool_maxsize=pool_maxsize))
        self.session.mount('http://', _Adapter(pool_maxsize=pool_maxsize))
        self.session.mount('file:///', LocalFileAdapter())

    @property
    def cookiejar(self) -> CookieJar:
        """The live cookies, sent with every request; another jar may be put in its place."""
        return self.session.cookies

    @cookiejar.setter
    def cookiejar(self, jar: CookieJar) -> None:
        self.session.cookies = jar  # type: ignore[assignment]

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a request and read the whole answer, whatever its HTTP status.

        :raises requests.RequestException: no answer arrived
        """
        try:
            return self._exchange('POST', url, data=body, headers=headers, allow_redirects=False)
        except requests.ConnectionError as exc:
            if not _is_stale(exc):
                raise
            LOG.debug('The server had closed the idle connection to %s: sending again', url)
            return self._exchange('POST', url, data=body, headers=headers, allow_redirects=False)

    def get(self, url: str) -> Reply:
        """Read a document, for instance an interface description.

        :param url: ``https:``, ``http:`` or ``file:`` URL
        :raises requests.RequestException: no answer arrived
        """
        return self._exchange('GET', url)

    def close(self) -> None:
        """Close the pooled connections; the next request opens new ones."""
        self.session.close()

    def _exchange(self, method: str, url: str, **options: Any) -> Reply:
        started = time.monotonic()
        response = self.session.request(
            method, url, verify=self.verify, timeout=self.timeout, **options
        )
        LOG.debug(
            '%s %s: HTTP %s, %d bytes in %.3f s',
            method,
            url,
            response.status_code,
            len(response.content),
            time.monotonic() - started,
        )
        content_type = response.headers.get('Content-Type', '').partition(';')[0]
        return Reply(
            response.status_code,
            response.reason or '',
            content_type.strip().lower(),
            response.content,
        )


def _leave_unauthenticated(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # With any auth object set, requests does not look into .netrc for one.
    return request


def _is_stale(exc: requests.ConnectionError) -> bool:
    wrapped = exc.args[0] if exc.args else None
    return any(isinstance(arg, StaleConnectionError) for arg in getattr(wrapped, 'args', ()))


class _ServesOften:
    """Mixin for connections: tells one that died idle in the pool from one that died at work."""

    _answers = 0

    def connect(self) -> None:
        self._answers = 0
        super().connect()  # type: ignore[misc]

    def getresponse(self) -> Any:
        try:
            response = super().getresponse()  # type: ignore[misc]
        except (http.client.RemoteDisconnected, ConnectionError) as exc:
            if self._answers:
                raise StaleConnectionError(str(exc)) from exc
            raise
        self._answers += 1
        return response


class _HTTPConnection(_ServesOften, HTTPConnection):
    pass


class _HTTPSConnection(_ServesOften, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        # Read only by the check that would warn at every request of an insecure session.
        self.is_verified = True


class _HTTPConnectionPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSConnectionPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Adapter(requests.adapters.HTTPAdapter):
    def __init__(self, pool_maxsize: int) -> None:
        super().__init__(pool_connections=pool_maxsize, pool_maxsize=pool_maxsize)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        manager: urllib3.PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {
            'http': _HTTPConnectionPool,
            'https': _HTTPSConnectionPool,
        }
