"""How a server is verified, and what the cookies of a session know of it.

The cookie of a session is worth as much as the password that it was opened with, and users hand
it on: ``session.vim.client.cookiejar`` goes into the handles that move images. So the jar carries
the :class:`Trust` of its session, and a transfer can do for its connection what the session does
for its own. The mark is on the jar, not on the cookies in it: a copy (``jar.copy()``, a list, a
dict) is just cookies.

One function, :func:`tls_context`, says what *verified* means for whoever opens a connection past
the HTTP library of the SOAP engine. It starts from the context of that library, so that both
accept the same certificates on every release of Python.
"""

import ipaddress
import os
import ssl
from typing import Any, NamedTuple

import requests.utils
from urllib3.util import parse_url
from urllib3.util.ssl_ import create_urllib3_context

#: How to verify: True with the bundle of ``requests``, a path with the file or directory of
#: authorities there, None with the trust store of the system, False not at all.
Verify = bool | str | None

#: Attribute of a jar that has its session's trust.
_MARK = 'oslo_vmware_trust'

_DEFAULT_PORTS = {'http': 80, 'https': 443}


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
    try:
        parts = parse_url(url)
    except ValueError:
        parts = None
    if parts is None:  # outside of the handler: the error there has all of the URL in it
        raise ValueError('what should be a URL is none')
    scheme = (parts.scheme or '').lower()
    host = (parts.host or '').strip('[]').lower()
    try:
        host = str(ipaddress.ip_address(host))
    except ValueError:
        pass
    return Origin(scheme, host, parts.port or _DEFAULT_PORTS.get(scheme))


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
    if verify is False:
        context = create_urllib3_context(cert_reqs=ssl.CERT_NONE)
        context.check_hostname = False
        return context
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    # Older releases of urllib3 compare the name themselves and leave it off.
    context.check_hostname = check_hostname
    bundle = requests.utils.DEFAULT_CA_BUNDLE_PATH if verify is True else verify
    if not bundle:
        context.load_default_certs()
    elif os.path.isdir(bundle):
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context
