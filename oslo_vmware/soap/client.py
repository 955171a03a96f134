"""The face of a SOAP engine, and where the engine is chosen.

Everything above this package knows only this face: :func:`open_client` and
:func:`open_vim_client` give a client, and which engine is behind it shows nowhere else.

An engine returns suds objects, or raises ``suds.WebFault(fault, document)`` for a SOAP fault,
``suds.MethodNotFound`` for an operation that the description does not have,
``suds.TypeNotFound`` for such a type, :class:`~oslo_vmware.soap.errors.NotSoapError` for what is no
answer to the question, ``TypeError`` for an argument the operation does not have, and lets the
errors of the HTTP library through as they are.
"""

import os
from collections.abc import Mapping, Sequence
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, Protocol

from oslo_vmware.soap.call import Call
from oslo_vmware.soap.transport import HttpTransport

if TYPE_CHECKING:
    from oslo_vmware.soap.schema import Schema

#: The engine that is compiled from the description; the default.
COMPILED = 'compiled'
#: A stock suds client.
REFERENCE = 'reference'

#: Environment variable that names the engine where no argument does.
ENGINE_VARIABLE = 'OSLO_VMWARE_SOAP_ENGINE'


class ObjectFactory(Protocol):
    """Makes request objects."""

    def create(self, name: str) -> Any:
        """An empty object of a type; a namespace prefix (``ns0:``) is allowed, not needed."""


class SoapClient(Protocol):
    """One SOAP service, as users know it from ``session.vim.client``."""

    @property
    def factory(self) -> ObjectFactory:
        """``factory.create('ns0:Type')`` makes a request object."""

    @property
    def service(self) -> Any:
        """``service.Operation(moref, **arguments)`` performs an operation."""

    @property
    def schema(self) -> 'Schema':
        """Types and operations of the service, for whoever asks about them."""

    @property
    def options(self) -> Any:
        """suds' options of the client, such as ``transport``."""

    def set_options(self, **options: Any) -> None:
        """Set some of them."""

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
        call: Call | None = None,
    ) -> Any:
        """Perform an operation.

        :param managed_object: reference to send as ``_this``
        :param arguments: the operation's parameters by their vSphere names
        :param headers: SOAP headers of this one call, as (element name, text)
        :param call: of this operation; tells afterwards how far it came
        :returns: the decoded reply
        """


def engine_name(engine: str | None = None) -> str:
    """The engine to use: the one asked for, else that of the environment, else the default.

    :param engine: ``compiled``, ``reference``, or None
    :raises ValueError: there is no engine of that name
    """
    chosen = engine or os.environ.get(ENGINE_VARIABLE) or COMPILED
    if chosen not in (COMPILED, REFERENCE):
        source = 'soap_engine' if engine else ENGINE_VARIABLE
        raise ValueError(
            f'{source} is {chosen!r}; there are the SOAP engines {COMPILED!r} and {REFERENCE!r}'
        )
    return chosen


def open_client(
    wsdl_url: str, soap_url: str, transport: HttpTransport, engine: str | None = None
) -> SoapClient:
    """Make a client for a service that somebody describes.

    :param wsdl_url: where the description is, ``https:``, ``http:`` or ``file:``
    :param soap_url: where requests go
    :param transport: HTTP session for the description and the requests
    :param engine: see :func:`engine_name`
    :raises DescriptionError: the description cannot be read
    :raises requests.RequestException: no answer arrived
    :raises ValueError: there is no such engine
    """
    # Imported here because nobody needs both engines, and suds takes a while.
    if engine_name(engine) == REFERENCE:
        from oslo_vmware.soap.reference import CompatibilitySudsClient

        reference: SoapClient = CompatibilitySudsClient(
            wsdl_url, location=soap_url, http_transport=transport
        )
        return reference
    from oslo_vmware.soap.compiled import CompiledClient
    from oslo_vmware.soap.descriptions import described

    return CompiledClient(described(wsdl_url, transport), soap_url, transport)


def open_vim_client(
    wsdl_url: str, soap_url: str, transport: HttpTransport, engine: str | None = None
) -> SoapClient:
    """Make a client for a VIM service that nobody describes but the service itself.

    The compiled engine goes by the description that ships with the package, and negotiates the
    version; the reference engine reads the server's description.

    :param wsdl_url: where the server has its description
    :raises DescriptionError: what the server says of itself cannot be understood

    The rest is as for :func:`open_client`.
    """
    if engine_name(engine) == REFERENCE:
        return open_client(wsdl_url, soap_url, transport, REFERENCE)
    from oslo_vmware.soap.descriptions import open_vim

    return open_vim(wsdl_url, soap_url, transport)
