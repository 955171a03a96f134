"""The disk that a lease names: where it is, and whom to trust there.

A lease may name any host, and usually does: a vCenter sends its callers to the ESX hosts. What
it says of the host's certificate came over the session's own connection, so it is as good as the
session's verification, and the host is pinned to it. Where a lease says nothing, the host is
verified as the session verifies its server; :data:`SWITCH` is for hosts that nobody can verify.

The URL of a lease is all that a host asks for, and the session is worth more than a disk: its
cookie goes to the session's own server only, and unverified not even there.
"""

import hashlib
import http.client
import re
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from oslo_vmware import _switches, _trust, exceptions
from oslo_vmware._i18n import _
from oslo_vmware._transfer import connection as _connection

#: Environment variable that lets disks go to and from hosts that cannot be verified.
SWITCH = 'OSLO_VMWARE_UNVERIFIED_LEASES'

#: What a stand-alone host calls itself in its URLs.
_ANY_HOST = re.compile(r'(?<=://)\*(:\d+)?(?=/|$)')

_CERTIFICATE_BEGINS = '-----BEGIN CERTIFICATE-----'
_CERTIFICATE_ENDS = '-----END CERTIFICATE-----'


def open_disk(
    session: Any, info: Any, host: str, port: int | None, method: str, headers: Mapping[str, str]
) -> tuple[http.client.HTTPConnection, str]:
    """Send the request for the disk of a lease.

    :param info: HttpNfcLeaseInfo
    :param host: what stands for the ``*`` that a stand-alone host calls itself
    :returns: connection, as :func:`~oslo_vmware._transfer.connection.send_request` gives it, and
              the URL
    :raises VimException: the lease has no disk, or the connection cannot be opened
    """
    return open_device(session, _named(disk_of(info)), host, port, method, headers)


def open_device(
    session: Any, device: Any, host: str, port: int | None, method: str, headers: Mapping[str, str]
) -> tuple[http.client.HTTPConnection, str]:
    """The same for one of the devices of a lease, which need not be a disk.

    :param device: HttpNfcLeaseDeviceUrl
    """
    url, thumbprint = _address(device, host, port)
    cookies = _cookies_for(session, host, url)
    trust = _trust.trust_of_session(session)
    if trust is None or not trust.verified:
        return _connection.send_request(method, url, headers, cookies, False, thumbprint), url
    encrypted = url.lower().startswith('https:')
    if encrypted and thumbprint:
        return _connection.send_request(method, url, headers, cookies, False, thumbprint), url
    if _switches.is_on(SWITCH):
        if not _connection.is_at(trust.origin, url):
            cookies = None
        return _connection.send_request(method, url, headers, cookies), url
    try:
        if not encrypted:
            raise _connection.TransferCertificateException(
                _('%s is not encrypted, and the session is.') % _connection.shown(url)
            )
        return _connection.send_request(method, url, headers, cookies, trust.verify), url
    except _connection.TransferCertificateException as exc:
        exc.message = _(
            '%(problem)s The lease does not say which certificate this server has, so it must be '
            'one that the session accepts. %(switch)s=1 lets the data of such leases go unverified.'
        ) % {'problem': exc.message, 'switch': SWITCH}
        raise


def _named(device: Any) -> Any:
    if device is None:
        raise exceptions.VimException(_('The lease names no disk to read or write.'))
    return device


def _address(device: Any, host: str, port: int | None) -> tuple[str, str | None]:
    server = _connection.host_part(host) + ('' if port is None else f':{port}')
    return _ANY_HOST.sub(lambda _: server, str(device.url)), _thumbprint(device)


def disk_key(info: Any) -> Any:
    """By what the manifest of a lease knows its disk; None if by nothing."""
    return getattr(disk_of(info), 'key', None)


def disk_of(info: Any) -> Any:
    """The disk of a lease (HttpNfcLeaseDeviceUrl); None if it names none."""
    devices = getattr(info, 'deviceUrl', None) or ()
    return next((device for device in devices if getattr(device, 'disk', False)), None)


def _thumbprint(device: Any) -> str | None:
    """What the certificate of a device's server must have, if the lease tells.

    The certificate itself (vSphere API 9.0) says more than the SHA-1 that servers give beside it.
    """
    certificate = getattr(device, 'sslCertificate', None)
    if not certificate:
        return getattr(device, 'sslThumbprint', None) or None
    # The first is the server's own, should there be a chain.
    _before, begins, rest = str(certificate).partition(_CERTIFICATE_BEGINS)
    first, ends, _after = rest.partition(_CERTIFICATE_ENDS)
    try:
        der = ssl.PEM_cert_to_DER_cert(f'{begins}{first}{ends}') if ends else b''
    except ValueError:
        der = b''
    if not der:
        raise exceptions.VimException(
            _('What the lease has as the certificate of its server is none.')
        )
    return hashlib.sha256(der).hexdigest()


def _cookies_for(session: Any, host: str, url: str) -> Any:
    """The session's cookies, if the lease names the session's own server and no other."""
    named = urlsplit(url, allow_fragments=False).hostname or ''
    same = named.lower() == host.strip('[]').lower()
    return session.vim.client.cookiejar if same else None
