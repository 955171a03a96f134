"""The VIM service: what a vCenter or ESX host offers at ``/sdk``."""

from typing import Any

from oslo_vmware import service


class Vim(service.Service):
    """Client of the VIM service.

    :param protocol: ``https`` or ``http``
    :param host: name or address of the server; IPv6 without brackets
    :param port: port number, or None for the protocol's own
    :param wsdl_url: where the interface description is; without it the server's own is read
    :param cacert: see :class:`oslo_vmware.service.Service`, as for the rest
    :raises VimConnectionException: the description cannot be had
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
    ) -> None:
        soap_url = service.Service.build_base_url(protocol, host, port) + '/sdk'
        super().__init__(
            wsdl_url or f'{soap_url}/vimService.wsdl',
            soap_url,
            cacert,
            insecure,
            pool_maxsize,
            connection_timeout,
            op_id_prefix,
        )

    def retrieve_service_content(self) -> Any:
        """``RetrieveServiceContent`` of the root object (vSphere API 4.0)."""
        return self.RetrieveServiceContent(service.SERVICE_INSTANCE)

    def __repr__(self) -> str:
        return f'VIM Object({self.soap_url})'

    def __str__(self) -> str:
        return repr(self)
