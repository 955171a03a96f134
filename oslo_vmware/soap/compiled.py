"""The compiled engine: a client that goes by a schema, behind the face of ``soap.client``.

A call is three steps that know nothing of each other: :mod:`~oslo_vmware.soap.marshal` writes
the request, :mod:`~oslo_vmware.soap.transport` has it answered, and
:mod:`~oslo_vmware.soap.unmarshal` reads the reply. What the first and the last need to know of a
description is shared by all clients of it in the process, and nothing of it changes, so any
number of threads may call at the same time without waiting for each other.
"""

from collections.abc import Callable, Mapping, Sequence
from http.cookiejar import CookieJar
from types import SimpleNamespace
from typing import Any

import suds

from oslo_vmware._secrets import Secrets, guarded
from oslo_vmware.soap import unmarshal
from oslo_vmware.soap.call import Call
from oslo_vmware.soap.errors import NotSoapError, unreadable
from oslo_vmware.soap.exchange import exchanged, is_answer_without_body
from oslo_vmware.soap.factory import Factory
from oslo_vmware.soap.marshal import Encoder
from oslo_vmware.soap.schema import Operation, Schema
from oslo_vmware.soap.transport import HttpTransport, Reply
from oslo_vmware.soap.unmarshal import ENVELOPE, Decoder, NotWellFormedError, XmlError

_OK = 200


class Codec:
    """What clients of one description share.

    :ivar schema: types and operations
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.encoder = Encoder(schema)
        self.decoder = Decoder(schema)
        self.factory = Factory(schema)


class CompiledClient:
    """One SOAP service; see :class:`oslo_vmware.soap.client.SoapClient`.

    :param codec: how its messages are written and read
    :param location: URL that requests go to
    :param transport: HTTP session for the requests
    :param soap_action: SOAPAction of all requests; None for what the description says
    """

    def __init__(
        self,
        codec: Codec,
        location: str,
        transport: HttpTransport,
        soap_action: str | None = None,
    ) -> None:
        self._codec = codec
        self._transport = transport
        self._soap_action = soap_action
        self.factory = codec.factory
        self.service = _Operations(self)
        #: ``location``: URL that requests go to; ``transport``: whose ``cookiejar`` is that of the
        #: client, because suds has it there.
        self.options = SimpleNamespace(location=location, transport=transport)

    def set_options(self, **options: Any) -> None:
        """Change options, of which there is ``location``.

        :raises AttributeError: there is no such option; suds has more, which here are arguments
                                of the service or of one call
        """
        for name in options:
            if name != 'location':
                raise AttributeError(f'the client has no option {name!r}')
        vars(self.options).update(options)

    @property
    def schema(self) -> Schema:
        """Types and operations of the service."""
        return self._codec.schema

    @property
    def cookiejar(self) -> CookieJar:
        """The live cookies of the HTTP session; another jar may be put in their place."""
        return self._transport.cookiejar

    @cookiejar.setter
    def cookiejar(self, jar: CookieJar) -> None:
        self._transport.cookiejar = jar

    def __repr__(self) -> str:
        return f'<{type(self).__name__} of {self.options.location}>'

    def call(
        self,
        operation: str,
        managed_object: Any,
        arguments: Mapping[str, Any],
        headers: Sequence[tuple[str, str]] = (),
        call: Call | None = None,
    ) -> Any:
        """Perform an operation; see :class:`oslo_vmware.soap.client.SoapClient`."""
        found = self.operation(operation)
        call = call or Call(operation)
        call.carries(arguments, headers)
        reply = exchanged(
            self._transport,
            call,
            self.options.location,
            self._codec.encoder.request(found, managed_object, arguments, headers),
            f'"{self._soap_action or found.soap_action}"',
        )
        return self._result(found, reply, call)

    def operation(self, name: str) -> Operation:
        """The operation of a name.

        :raises suds.MethodNotFound: there is none
        """
        found = self._codec.schema.operation(name)
        if found is None:
            raise suds.MethodNotFound(name)
        return found

    def _result(self, operation: Operation, reply: Reply, call: Call) -> Any:
        is_ok = reply.status == _OK
        result = operation.result
        if not reply.body:
            if is_answer_without_body(call, reply, result is not None):
                return None
            raise NotSoapError(operation.name, reply, 'the reply is empty')
        # A first item without a text makes an empty list of a member, not of a result.
        lists = (result.name,) if result is not None and result.many else ()
        members = None
        try:
            if is_ok and result is not None and operation.response is not None:
                members = self._codec.decoder.plain_members(reply.body, operation.response, lists)
            if members is None:
                members = self._members(operation, reply, call, lists)
        except NotWellFormedError as exc:
            # Imported here because it is for what hardly ever comes.
            from oslo_vmware.soap.mending import mended

            legible = mended(operation.name, reply)
            if legible is not None:
                return self._result(operation, legible, call)
            raise unreadable(operation.name, reply, f'the reply cannot be read: {exc}') from exc
        except XmlError as exc:
            raise NotSoapError(operation.name, reply, f'the reply cannot be read: {exc}') from exc
        except RecursionError as exc:
            raise NotSoapError(operation.name, reply, 'the reply is nested too deep') from exc
        if result is None:
            return None
        value = members.get(result.name)
        if result.many:
            return [] if value is None else value
        return value[0] if isinstance(value, list) else value

    def _members(
        self, operation: Operation, reply: Reply, call: Call, lists: Sequence[str]
    ) -> dict[str, Any]:
        """The members of a reply that takes a tree to read."""
        message = self._message(operation, reply)
        if message is not None and message.tag == f'{ENVELOPE}Fault':
            raise self._fault(operation, message, reply, call.secrets(self.cookiejar))
        if reply.status != _OK:
            problem = 'HTTP error with a SOAP body, but no fault'
            raise NotSoapError(operation.name, reply, problem)
        if message is None:
            if operation.result is not None or not call.effect.is_repeatable:
                raise NotSoapError(operation.name, reply, 'the reply is an empty envelope')
            return {}
        if operation.response is None:
            return {}
        return self._codec.decoder.members(message, operation.response, lists)

    @staticmethod
    def _message(operation: Operation, reply: Reply) -> Any:
        """The element in the body of a reply, None in an empty one."""
        envelope = unmarshal.parse(reply.body)
        body = envelope.find(f'{ENVELOPE}Body') if envelope.tag == f'{ENVELOPE}Envelope' else None
        if body is None:
            raise NotSoapError(operation.name, reply, 'the reply is not a SOAP envelope')
        return next(iter(body), None)

    def _fault(
        self, operation: Operation, element: Any, reply: Reply, secrets: Secrets
    ) -> suds.WebFault:
        # Imported here because most calls do not end so.
        from xml.sax import SAXException

        from oslo_vmware.soap.faults import conceal_in, web_fault

        conceal_in(element, secrets)
        detail = element.find('{*}detail')
        faults = detail if detail is not None else ()
        decoded = [self._codec.decoder.fault(one) for one in faults]
        try:
            return web_fault(element.getroottree().getroot(), decoded)
        except SAXException as exc:
            # There are names that lxml's parser lets pass, and suds' does not.
            raise NotSoapError(operation.name, reply, f'the fault cannot be read: {exc}') from exc


class _Operations:
    """``client.service``: every attribute is an operation."""

    def __init__(self, client: CompiledClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith('_'):
            raise AttributeError(name)
        self._client.operation(name)

        @guarded
        def operation(managed_object: Any, **arguments: Any) -> Any:
            return self._client.call(name, managed_object, arguments)

        return operation
