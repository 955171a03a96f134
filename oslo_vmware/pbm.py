"""The PBM service: storage policies, at ``/pbm`` of a vCenter.

PBM has no login of its own. A request is authenticated by the cookie of the VIM session, which
goes along as the SOAP header ``vcSessionCookie``.
"""

from collections.abc import Sequence
from typing import Any

from oslo_vmware import service
from oslo_vmware.soap.objects import moref

SERVICE_TYPE = 'PbmServiceInstance'


class Pbm(service.Service):
    """Client of the PBM service.

    :param protocol: ``https`` or ``http``
    :param host: name or address of the vCenter; IPv6 without brackets
    :param port: port number
    :param wsdl_url: where the interface description is
    :param cacert: see :class:`oslo_vmware.service.Service`, as for the rest
    :raises VimConnectionException: the description cannot be had
    """

    def __init__(
        self,
        protocol: str = 'https',
        host: str = 'localhost',
        port: int | None = 443,
        wsdl_url: str | None = None,
        cacert: str | None = None,
        insecure: bool = True,
        pool_maxsize: int = 10,
        connection_timeout: float | None = None,
        op_id_prefix: str = 'oslo.vmware',
    ) -> None:
        self._cookie: str | None = None
        super().__init__(
            wsdl_url,
            service.Service.build_base_url(protocol, host, port) + '/pbm',
            cacert,
            insecure,
            pool_maxsize,
            connection_timeout,
            op_id_prefix,
        )

    def set_soap_cookie(self, cookie: str | None) -> None:
        """Authenticate all further requests.

        :param cookie: value of the VIM session's cookie as the server set it; a falsy value
                       leaves the header out
        """
        self._cookie = cookie

    def _soap_headers(self, op_id: str | None) -> Sequence[tuple[str, str]]:
        cookie = (('vcSessionCookie', self._cookie),) if self._cookie else ()
        return (*cookie, *super()._soap_headers(op_id))

    def retrieve_service_content(self) -> Any:
        """``PbmRetrieveServiceContent`` of the root object (PBM API 1.0)."""
        return self.PbmRetrieveServiceContent(moref(service.SERVICE_INSTANCE, SERVICE_TYPE))

    def __repr__(self) -> str:
        return f'PBM Object({self.soap_url})'

    def __str__(self) -> str:
        return repr(self)
