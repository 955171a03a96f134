"""The VIM service: what a vCenter or ESX host offers at ``/sdk``."""

from typing import TYPE_CHECKING, Any

from oslo_vmware import service
from oslo_vmware.soap.client import SoapClient, open_vim_client

if TYPE_CHECKING:
    # The same with the operations, whose parameters and results checkers and editors then know.
    from oslo_vmware.types._operations_vim import VimService
else:
    VimService = service.Service


class Vim(VimService):
    """Client of the VIM service.

    :param protocol: ``https`` or ``http``
    :param host: name or address of the server; IPv6 without brackets
    :param port: port number, or None for the protocol's own
    :param wsdl_url: where the interface description is; without it the one that ships with the
                     package is used, or the server's own if the server is newer
    :param cacert: see :class:`oslo_vmware.service.Service`, as for the rest
    :raises VimConnectionException: the server cannot be reached, or the description not be had
    """

    def __init__(
        self,
        protocol: str = 'https',
        host: str = 'localhost',
        port: int | None = None,
        wsdl_url: str | None = None,
        cacert: str | None = None,
        insecure: bool = True,
        pool_maxsize: int = 10,
        connection_timeout: float | None = None,
        op_id_prefix: str = 'oslo.vmware',
        soap_engine: str | None = None,
    ) -> None:
        self._is_described = bool(wsdl_url)
        soap_url = service.Service.build_base_url(protocol, host, port) + '/sdk'
        super().__init__(
            wsdl_url or f'{soap_url}/vimService.wsdl',
            soap_url,
            cacert,
            insecure,
            pool_maxsize,
            connection_timeout,
            op_id_prefix,
            soap_engine,
        )

    def _open_client(self, engine: str | None) -> SoapClient:
        if self._is_described:
            return super()._open_client(engine)
        return open_vim_client(self.wsdl_url or '', self.soap_url or '', self._transport, engine)

    def retrieve_service_content(self) -> Any:
        """``RetrieveServiceContent`` of the root object (vSphere API 4.0)."""
        return self.RetrieveServiceContent(service.SERVICE_INSTANCE)

    def __repr__(self) -> str:
        return f'VIM Object({self.soap_url})'

    def __str__(self) -> str:
        return repr(self)
