"""One HTTP(S) connection that moves image data: where it goes, whom it trusts, what it says.

Uploads and downloads use a connection of their own each: a body of many gigabytes has no place
in a pool, and closing the connection is the only way to call a half-sent body off. What is
decided here for all of them:

- *Paths.* What a URL cannot hold is percent-encoded, ``%XX`` is left alone: callers give names
  as they are as well as URLs that are already encoded. A ``#`` never starts a fragment here, and
  a ``+``, which some servers take for a space, is encoded as well.
- *Trust.* ``cacerts`` says how the chain is verified. Where it says *not at all*, as it does when
  left out, and the cookies are the live jar of a session, the session's own server is verified as
  the session does it, and any other server is refused the cookie of a session that verifies. A
  thumbprint is compared after the TLS handshake and before a single byte of the request, so that
  a wrong server sees no cookie; then the name in the certificate does not matter, because the
  certificate itself is known.
- *The way.* Straight to the server, or through a proxy: :mod:`oslo_vmware._transfer.proxy`.
- *Secrets.* :func:`shown` is the only form in which a URL gets into a log or an exception.
- *Errors.* What fails beneath is raised as :class:`TransferConnectionException`.
"""

import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import logging
import re
import ssl
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from oslo_vmware import _deadline, _trust, constants, exceptions
from oslo_vmware._i18n import _
from oslo_vmware._sockets import keep_alive
from oslo_vmware._transfer import proxy as _proxy
from oslo_vmware._transfer import tls as _tls

LOG = logging.getLogger(__name__)

#: Seconds to wait for the connection and for the TLS handshake.
CONNECT_SECONDS = 60.0

#: Seconds to wait for a server that neither takes nor sends a byte. An ESX host that exports a
#: thin disk may search for the next block for minutes; half an hour is a hang.
STALL_SECONDS = 1800.0

#: Digest by the number of hexadecimal digits in a thumbprint.
_DIGESTS = {32: 'md5', 40: 'sha1', 64: 'sha256'}

#: Query parameters that name a place; every other may be a ticket.
_OPEN_PARAMETERS = ('dcPath', 'dsName')

_PATH_SAFE = "/%!$&'()*,;=:@"
_QUERY_SAFE = _PATH_SAFE + '?+'


class TransferConnectionException(exceptions.VimException, exceptions.VimConnectionException):
    """Moving data failed beneath HTTP: no connection, a broken one, or a time-out.

    The handles have always raised ``VimException`` for that, though ``VimConnectionException``
    is its name everywhere else; whoever catches either gets it.
    """


class TransferCertificateException(TransferConnectionException, exceptions.VimCertificateException):
    """The certificate of the server that moves the data was refused."""


# URLs


def quoted(path: str) -> str:
    """Percent-encode what a path in a URL cannot hold, except ``%XX``."""
    return urllib.parse.quote(_bare_percent(str(path)), safe=_PATH_SAFE)


def _bare_percent(text: str) -> str:
    return re.sub('%(?![0-9A-Fa-f]{2})', '%25', text)


def host_part(host: str) -> str:
    """A host as URLs have it: an IPv6 address in brackets."""
    try:
        if ipaddress.ip_address(host).version == 6:
            return f'[{host}]'
    except ValueError:
        pass
    return host


def folder_target(path: str, dc_path: str | None, ds_name: str | None) -> str:
    """Path and query of a file on a datastore (``/folder/...``)."""
    parameters = [('dcPath', dc_path), ('dsName', ds_name)]
    query = urllib.parse.urlencode([pair for pair in parameters if pair[1] is not None])
    return f'/folder/{quoted(path)}' + (f'?{query}' if query else '')


def file_url(
    host_or_url: str,
    port: int | None,
    dc_name: str | None,
    ds_name: str | None,
    file_path: str | None,
    scheme: str,
) -> str:
    """The URL of a file on a datastore; or, without a place, ``host_or_url`` as it is."""
    if not (port or dc_name or ds_name):
        return host_or_url
    server = host_part(host_or_url) + ('' if port is None else f':{int(port)}')
    target = folder_target(file_path or '', dc_name, ds_name)
    return f'{scheme}://{server}{target}'


def shown(url: str) -> str:
    """A URL for logs and exceptions: without user, tickets and the secret of an NFC lease."""
    try:
        parts = urllib.parse.urlsplit(url, allow_fragments=False)
    except ValueError:
        # Whoever opens it is told; the text that Python has for this would show it.
        return '***'
    host = parts.netloc.rpartition('@')[2]
    # What follows (ha-)nfc/ is all that the server asks of whoever reads or writes the disk.
    path = re.sub('^(/(?:ha-)?nfc/)([^/]+)', lambda m: f'{m[1]}***{m[2][-5:]}', parts.path)
    query = '&'.join(
        pair if name in _OPEN_PARAMETERS else f'{name}=***'
        for pair in filter(None, parts.query.split('&'))
        for name in [pair.partition('=')[0]]
    )
    return urllib.parse.urlunsplit((parts.scheme, host, path, query, ''))


# Trust


def authorities(
    scheme: str, server: str, cookies: Any, cacerts: _trust.Verify, thumbprint: str | None
) -> _trust.Verify:
    """How to verify a server that is to get cookies.

    :param server: host, with port or without
    :returns: ``cacerts``, or what the session has whose live jar the cookies are
    :raises TransferCertificateException: the cookie of a session that verifies its server would
                                          go to nobody knows whom
    """
    trust = _trust.trust_of(cookies)
    if trust is None or not trust.verified:
        return cacerts
    if scheme == 'https':
        if cacerts is not False or thumbprint:
            return cacerts
        if is_at(trust.origin, f'{scheme}://{server}'):
            return trust.verify
    raise TransferCertificateException(
        _(
            'The cookies are those of the verified session at %(session)s, and the connection to '
            '%(server)s would not be verified. Give cacerts (True, or a path) or the thumbprint '
            "of the server's certificate, with https; or a ticket in place of the cookies."
        )
        % {'session': trust.origin, 'server': f'{scheme}://{server}'}
    )


def is_at(origin: _trust.Origin, url: str) -> bool:
    """Whether a URL leads to a place, whatever it is."""
    try:
        return _trust.origin_of(url) == origin
    except ValueError:
        return False


#: Servers that were warned about; and how many of them are remembered.
_warned: dict[str, object] = {}
_MAX_WARNED = 1000


def _warn_once(server: str) -> None:
    """Say that a server is not verified, once in the life of the process."""
    if server not in _warned and len(_warned) >= _MAX_WARNED:
        _warned.clear()
    mine = object()
    # Needs no lock: one of many threads finds its own.
    if _warned.setdefault(server, mine) is mine:
        LOG.warning(
            'The certificate of %s is not verified when data is moved: anyone on the way can read '
            'and change it, and use the cookie or ticket that goes with it. Give cacerts or a '
            'thumbprint to verify it.',
            server,
        )


def check_thumbprint(certificate: bytes, thumbprint: str) -> None:
    """Compare a certificate with the thumbprint that was announced for it.

    :param certificate: DER encoding
    :param thumbprint: MD5, SHA-1 or SHA-256 in hexadecimal; colons and case do not matter
    :raises ssl.SSLCertVerificationError: it is another certificate
    """
    wanted = thumbprint.replace(':', '').strip().lower()
    digest = _DIGESTS.get(len(wanted))
    if digest is None:
        raise ssl.SSLCertVerificationError(
            ssl.SSL_ERROR_SSL,
            f'the announced thumbprint has {len(wanted)} digits; 32, 40 or 64 were expected',
        )
    found = hashlib.new(digest, certificate, usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(found.encode(), wanted.encode()):
        raise ssl.SSLCertVerificationError(
            ssl.SSL_ERROR_SSL, f'its thumbprint ({digest}) is {found}, and {wanted} was announced'
        )


# Requests


def as_size(size: Any) -> int | None:
    """A number of bytes from an int or digits; None stays None, for not known."""
    if size is None:
        return None
    number = int(size)
    if number < 0:
        raise ValueError(_('A size of %s bytes is not possible.') % number)
    return number


def length_headers(size: int | None) -> dict[str, str]:
    """The headers that say where a body ends."""
    if size is None:
        return {'Transfer-Encoding': 'chunked'}
    return {'Content-Length': str(size)}


def cookie_header(cookies: Any) -> str | None:
    """The value of the ``Cookie`` header.

    :param cookies: the whole value; or an iterable of objects with ``name`` and ``value``, of
                    which the session's counts, or else the first; or None
    """
    if not cookies:
        return None
    if isinstance(cookies, str):
        return cookies
    try:
        known = list(cookies)
    except TypeError:  # an object that stands for a cookie jar in somebody's test
        return None
    session = [c for c in known if str(c.name).lower() == constants.SOAP_COOKIE_KEY]
    for cookie in session or known:
        return f'{cookie.name}={cookie.value}'
    return None


def send_request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    cookies: Any = None,
    cacerts: _trust.Verify = False,
    thumbprint: str | None = None,
) -> http.client.HTTPConnection:
    """Open a connection and send request line and headers.

    :param url: ``http`` or ``https``
    :param headers: besides ``User-Agent``, ``Cookie`` and what every request has
    :param cookies: see :func:`cookie_header` and :func:`authorities`
    :param cacerts: see :data:`oslo_vmware._trust.Verify`
    :param thumbprint: see :func:`check_thumbprint`
    :returns: connection that is ready for the body, or to give the response
    :raises ValueError: the scheme is another one
    :raises TransferConnectionException: it cannot be opened, or the server is not trusted
    """
    parts = urllib.parse.urlsplit(url, allow_fragments=False)
    target = quoted(parts.path or '/')
    if parts.query:
        target += '?' + urllib.parse.quote(_bare_percent(parts.query), safe=_QUERY_SAFE)
    if parts.scheme not in ('http', 'https'):
        raise ValueError(_('The scheme %r is neither http nor https.') % parts.scheme)
    server = parts.netloc.rpartition('@')[2]
    cacerts = authorities(parts.scheme, server, cookies, cacerts, thumbprint)
    context = _tls_context(server, cacerts, thumbprint) if parts.scheme == 'https' else None
    with translated(_('There is no way to %s') % server):
        proxy = _proxy.proxy_for(f'{parts.scheme}://{server}/')
        connection = _connection_for(server, context, proxy)
    if proxy is not None and context is None:
        target = f'http://{server}{target}'
        headers = {**headers, **proxy.headers}
    with contextlib.ExitStack() as undo, translated(_('%s cannot be opened') % shown(url)):
        undo.callback(connection.close)
        _connect(connection, context, proxy)
        keep_alive(connection.sock)
        if context is not None and thumbprint:
            sock: Any = connection.sock
            check_thumbprint(sock.getpeercert(binary_form=True) or b'', thumbprint)
        connection.sock.settimeout(_deadline.shortened(STALL_SECONDS))
        connection.putrequest(method, target)
        connection.putheader('User-Agent', constants.USER_AGENT)
        for name, value in headers.items():
            connection.putheader(name, value)
        cookie = cookie_header(cookies)
        if cookie:
            if not (cookie.isascii() and cookie.isprintable()):
                # The text that http.client has for this would show it.
                raise ValueError(_('the cookie has characters that no header can hold'))
            connection.putheader('Cookie', cookie)
        connection.endheaders()
        undo.pop_all()
    LOG.debug('%s %s: the request was sent', method, shown(url))
    return connection


def certificate_of(url: str, cacerts: _trust.Verify) -> bytes:
    """The certificate of a server, which is verified; no request is sent.

    :param url: ``https``
    :param cacerts: see :data:`oslo_vmware._trust.Verify`
    :returns: DER encoding
    :raises TransferConnectionException: the server cannot be reached, or is not trusted
    """
    server = urllib.parse.urlsplit(url).netloc.rpartition('@')[2]
    context = _tls_context(server, cacerts, None)
    with translated(_('There is no way to %s') % server):
        proxy = _proxy.proxy_for(f'https://{server}/')
        connection = _connection_for(server, context, proxy)
    with (
        contextlib.closing(connection),
        translated(_('The certificate of %s cannot be had') % server),
    ):
        _connect(connection, context, proxy)
        sock: Any = connection.sock
        return sock.getpeercert(binary_form=True) or b''


def _tls_context(server: str, cacerts: _trust.Verify, thumbprint: str | None) -> ssl.SSLContext:
    if cacerts is False and not thumbprint:
        _warn_once(server)
    with translated(_('The CA bundle %s cannot be read') % cacerts):
        return _trust.tls_context(cacerts, check_hostname=not thumbprint)


def _connection_for(
    server: str, context: ssl.SSLContext | None, proxy: _proxy.Proxy | None
) -> http.client.HTTPConnection:
    seconds = _deadline.shortened(CONNECT_SECONDS)
    if context is not None:
        return http.client.HTTPSConnection(server, timeout=seconds, context=context)
    if proxy is not None:
        return http.client.HTTPConnection(proxy.host, proxy.port, timeout=seconds)
    return http.client.HTTPConnection(server, timeout=seconds)


def _connect(
    connection: http.client.HTTPConnection,
    context: ssl.SSLContext | None,
    proxy: _proxy.Proxy | None,
) -> None:
    if context is None:
        connection.connect()
        return
    if proxy is None:
        # Not that of HTTPSConnection, whose TLS goes by single records.
        http.client.HTTPConnection.connect(connection)
        sock: Any = connection.sock
    else:
        seconds = _deadline.shortened(CONNECT_SECONDS)
        sock = _proxy.tunnel(proxy, connection.host, connection.port, seconds)
    try:
        connection.sock = _tls.TlsSocket(sock, context, connection.host)
    except BaseException:
        sock.close()
        raise


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise what fails beneath as an exception of this library.

    :param what: what did not work, for the text
    """
    try:
        yield
    except ssl.SSLCertVerificationError as exc:
        text = _('%s: the certificate of the server was refused') % what
        raise TransferCertificateException(text, exc) from exc
    except TimeoutError as exc:
        raise TransferConnectionException(_('%s: timed out') % what, exc) from exc
    # ValueError: what cannot stand in a request line or a header.
    except (OSError, http.client.HTTPException, ValueError) as exc:
        raise TransferConnectionException(what, exc) from exc
