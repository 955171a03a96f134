"""The face of a SOAP engine, and where the engine is chosen.

Everything above this package knows only this face: :func:`open_client` gives a client, and
whether suds or something faster is behind it shows nowhere else.

An engine returns suds objects, or raises ``suds.WebFault(fault, document)`` for a SOAP fault,
``suds.MethodNotFound`` for an operation that the description does not have,
``suds.TypeNotFound`` for such a type, :class:`~oslo_vmware.soap.errors.NotSoapError` for an
answer that is not SOAP, ``TypeError`` for an argument the operation does not have, and lets
the errors of the HTTP library through as they are.
"""

from collections.abc import Mapping, Sequence
from http.cookiejar import CookieJar
from typing import Any, Protocol

from oslo_vmware.soap.transport import HttpTransport


class ObjectFactory(Protocol):
    """Makes request objects."""

    def create(self, name: str) -> Any:
        """An empty object of a type; a namespace prefix (``ns0:``) is allowed, not needed."""


class SoapClient(Protocol):
    """One SOAP service, as users know it from ``session.vim.client``."""

    #: ``factory.create('ns0:Type')`` makes a request object.
    factory: ObjectFactory
    #: ``service.Operation(moref, **arguments)`` performs an operation.
    service: Any

    @property
    def cookiejar(self) -> CookieJar:
        """The live cookies of the HTTP session."""

    @cookiejar.setter
    def cookiejar(self, jar: CookieJar) -> None: ...

    def call(
        self,
        operation: str,
        managed_object: Any,
        arguments: Mapping[str, Any],
        headers: Sequence[tuple[str, str]] = (),
    ) -> Any:
        """Perform an operation.

        :param managed_object: reference to send as ``_this``
        :param arguments: the operation's parameters by their vSphere names
        :param headers: SOAP headers of this one call, as (element name, text)
        :returns: the decoded reply
        """


def open_client(wsdl_url: str, soap_url: str, transport: HttpTransport) -> SoapClient:
    """Make a client for a service.

    :param wsdl_url: where the description is, ``https:``, ``http:`` or ``file:``
    :param soap_url: where requests go
    :param transport: HTTP session for the description and the requests
    :raises DescriptionError: the description cannot be read
    :raises requests.RequestException: no answer arrived
    """
    # Imported here because it costs a quarter of a second that a faster engine need not pay.
    from oslo_vmware.soap.reference import CompatibilitySudsClient

    client: SoapClient = CompatibilitySudsClient(
        wsdl_url, location=soap_url, http_transport=transport
    )
    return client
