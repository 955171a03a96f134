"""How a server is verified, and what the cookies of a session know of it.

The cookie of a session is worth as much as the password that it was opened with, and users hand
it on: ``session.vim.client.cookiejar`` goes into the handles that move images. So the jar carries
the :class:`Trust` of its session, and a transfer can do for its connection what the session does
for its own. The mark is on the jar, not on the cookies in it: a copy (``jar.copy()``, a list, a
dict) is just cookies.

One function, :func:`tls_context`, says what *verified* means, for services and for image data. The
context is as strict as that of urllib3, which makes the connections behind proxies, so that all
accept the same certificates on every release of Python. But neither urllib3 nor requests is needed
to make it: they take longer to import than a session takes to open.
"""

import ipaddress
import os
import re
import ssl
import sys
from typing import Any, NamedTuple

#: How to verify: True with the bundle of ``requests``, a path with the file or directory of
#: authorities there, None with the trust store of the system, False not at all.
Verify = bool | str | None

#: Attribute of a jar that has its session's trust.
_MARK = 'oslo_vmware_trust'

_DEFAULT_PORTS = {'http': 80, 'https': 443}

#: A URL that everybody takes apart in the same way, and writes as it is.
PLAIN_URL = re.compile(
    r'(?P<scheme>https?)://'
    r'(?P<host>[A-Za-z0-9][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?'
    r'(?P<target>(?:/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)*/?(?:\?[A-Za-z0-9_~.=&/-]+)?)'
)


class Origin(NamedTuple):
    """Where a URL leads, in one spelling: lower case, no brackets, the port always there."""

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        host = f'[{self.host}]' if ':' in self.host else self.host
        return f'{self.scheme}://{host}' + ('' if self.port is None else f':{self.port}')


def origin_of(url: str) -> Origin:
    """The origin of a URL.

    It is taken apart as the HTTP library does it, because that is who connects: to others
    ``https://a\\@b/`` leads to b.

    :raises ValueError: it is no URL
    """
    plain = PLAIN_URL.fullmatch(url)
    if plain is not None and int(plain['port'] or 0) < 65536:
        scheme, host, port = plain['scheme'], plain['host'], int(plain['port'] or 0)
    else:
        scheme, host, port = _taken_apart(url)
    host = host.strip('[]').lower()
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        pass
    return Origin(scheme, host, port or _DEFAULT_PORTS.get(scheme))


def _taken_apart(url: str) -> tuple[str, str, int]:
    from urllib3.util import parse_url

    try:
        parts = parse_url(url)
    except ValueError:
        parts = None
    if parts is None:  # outside of the handler: the error there has all of the URL in it
        raise ValueError('what should be a URL is none')
    return (parts.scheme or '').lower(), parts.host or '', parts.port or 0


class Trust(NamedTuple):
    """Where a session is, and how it verifies that place.

    :ivar verify: after the environment was asked for a bundle
    """

    origin: Origin
    verify: Verify

    @property
    def verified(self) -> bool:
        """Whether the session knows whom it talks to."""
        return self.origin.scheme == 'https' and self.verify is not False


def mark(jar: Any, trust: Trust | None) -> None:
    """Let a jar know whose it is; one that takes no attributes stays a mere box of cookies."""
    try:
        setattr(jar, _MARK, trust)
    except AttributeError:
        pass


def trust_of(cookies: Any) -> Trust | None:
    """The trust of the session whose live jar this is; None for any other cookies."""
    trust = getattr(cookies, _MARK, None)
    # Mocks have every attribute.
    return trust if isinstance(trust, Trust) else None


def trust_of_session(session: Any) -> Trust | None:
    """The trust of a session; None for what stands in for one in somebody's test."""
    return trust_of(getattr(getattr(session.vim, 'client', None), 'cookiejar', None))


def tls_context(verify: Verify, check_hostname: bool = True) -> ssl.SSLContext:
    """Say whom to trust.

    What is read from the disk is read now: a bundle that changes holds from the next context on.

    :param check_hostname: whether the certificate must be for the name that is connected to
    :raises OSError: the bundle cannot be read
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    if sys.version_info >= (3, 13):
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    context.post_handshake_auth = True
    context.hostname_checks_common_name = False
    key_log = os.path.expandvars(os.environ.get('SSLKEYLOGFILE', ''))
    if key_log:
        context.keylog_filename = key_log
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context.check_hostname = check_hostname
    bundle = default_bundle() if verify is True else verify
    if not bundle:
        context.load_default_certs()
    elif os.path.isdir(bundle):
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context


def default_bundle() -> str:
    """The bundle that requests brings, or what a distribution has in its place."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    return str(DEFAULT_CA_BUNDLE_PATH)
