"""The way through a proxy, for transfers that are told to take it.

SOAP requests follow the proxies of the environment. Image data does not: it goes straight to its
host, past proxies that were not built for terabytes. Where there is no other way out, the switch
:data:`SWITCH` has transfers go by the same variables (``HTTPS_PROXY``, ``HTTP_PROXY``,
``ALL_PROXY``, ``NO_PROXY``), read as the HTTP library of the SOAP engine reads them.

To an ``https`` server a proxy opens a tunnel (``CONNECT``) and sees no more of it; requests to an
``http`` server are handed to it whole. What the URL of a proxy says of user and password goes to
that proxy only, and into no text.
"""

import base64
import dataclasses
import http.client
import socket

import requests.utils

from oslo_vmware import _switches, _trust
from oslo_vmware._i18n import _

#: Environment variable that has transfers follow proxies.
SWITCH = 'OSLO_VMWARE_PROXY_TRANSFERS'


@dataclasses.dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy is, and what it knows us by.

    :ivar headers: the ``Proxy-Authorization`` header, or none
    """

    host: str
    port: int
    headers: dict[str, str] = dataclasses.field(repr=False)

    def __str__(self) -> str:
        return f'{self.host}:{self.port}'


def proxy_for(url: str) -> Proxy | None:
    """The proxy that the environment has for a URL; None to go straight there.

    :raises ValueError: it is no ``http`` proxy
    """
    if not _switches.is_on(SWITCH):
        return None
    named = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    if not named:
        return None
    if '://' not in named:
        named = f'http://{named}'
    origin = _trust.origin_of(named)
    if origin.scheme != 'http' or not origin.host:
        raise ValueError(
            _('Transfers can go through an http proxy only, and the environment names %s.')
            % str(origin)
        )
    headers = {}
    known = ':'.join(requests.utils.get_auth_from_url(named))
    if known != ':':
        headers['Proxy-Authorization'] = f'Basic {base64.b64encode(known.encode()).decode()}'
    return Proxy(origin.host, origin.port or 80, headers)


def tunnel(proxy: Proxy, host: str, port: int, seconds: float | None) -> socket.socket:
    """Have a proxy open a tunnel.

    :param seconds: how long to wait for the connection, and again for each piece of the answer;
                    None for ever
    :returns: socket whose other end is, in effect, the server
    :raises OSError: the proxy cannot be reached, or refuses
    :raises http.client.HTTPException: it speaks no HTTP
    """
    # Not set_tunnel() of http.client: before Python 3.11.9 it sends IPv6 addresses without
    # brackets, which proxies read as a name and a port.
    server = f'[{host}]:{port}' if ':' in host else f'{host}:{port}'
    connection = http.client.HTTPConnection(proxy.host, proxy.port, timeout=seconds)
    connection.connect()
    sock: socket.socket = connection.sock
    try:
        connection.putrequest('CONNECT', server, skip_host=True, skip_accept_encoding=True)
        for name, value in {'Host': server, **proxy.headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        # Not getresponse(), which closes a connection whose answer has no length.
        with http.client.HTTPResponse(sock, method='CONNECT') as response:
            response.begin()
            if not 200 <= response.status < 300:
                raise ConnectionRefusedError(
                    _('the proxy %(proxy)s answered %(status)s %(reason)s')
                    % {'proxy': proxy, 'status': response.status, 'reason': response.reason}
                )
    except BaseException:
        sock.close()
        raise
    return sock
