"""A SOAP end of the server: from a POST to a managed object's method and back.

:class:`Endpoint` is what all services of a server have in common; who may call and what there
is to be called, a subclass says for its service.

What goes wrong is answered as a vCenter answers it: HTTP 500 with a fault whose detail carries
the vSphere fault and its type. A mistake in the simulator itself becomes the fault SystemError;
besides that it is kept in :attr:`World.errors`, where a test can find it.
"""

import abc
import collections
import dataclasses
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, SupportsIndex, TypeAlias, overload

from lxml import etree

from oslo_vmware.simulator.wire.httpd import Request, Response
from oslo_vmware.simulator.world import metamodel, registry
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, system_error
from oslo_vmware.simulator.world.decoding import Decoder
from oslo_vmware.simulator.world.descriptions import Descriptions
from oslo_vmware.simulator.world.encoding import Encoder, escape
from oslo_vmware.simulator.world.faults import Effect, Faults, Rule
from oslo_vmware.simulator.world.registry import Call, Disconnect, World
from oslo_vmware.simulator.world.sessions import Session, Sessions
from oslo_vmware.soap.schema import Operation, Schema

LOG = logging.getLogger(__name__)

_SOAP = '{http://schemas.xmlsoap.org/soap/envelope/}'
_CONTENT_TYPE = 'text/xml; charset=utf-8'
_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<soapenv:Envelope xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"'
    ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n<soapenv:Body>\n'
)
_CLOSE = '\n</soapenv:Body>\n</soapenv:Envelope>'

_REMEMBERED_CALLS = 10_000

Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclasses.dataclass
class ServedCall:
    """One operation that arrived, for tests to look at.

    :ivar headers: of the HTTP request
    :ivar soap_headers: text of the SOAP headers by local name
    :ivar session_key: of the session that the cookie belongs to; None without one
    :ivar cookie: the Cookie header as sent
    :ivar args: the decoded arguments; None for logins of all kinds, whose secrets are not kept
    :ivar fault: name of the fault that it was answered with
    """

    operation: str
    target: Ref | None
    soap_action: str
    headers: Mapping[str, str]
    soap_headers: Mapping[str, str]
    cookie: str | None
    session_key: str | None = None
    args: DataObject | None = dataclasses.field(default=None, repr=False)
    fault: str | None = None

    @property
    def op_id(self) -> str | None:
        """The operation id that the client gave."""
        return self.soap_headers.get('operationID')


class Calls(collections.deque[ServedCall]):
    """The last operations that arrived, at whichever service, the oldest first.

    Slices are lists.

    :ivar counts: how many of each operation since :meth:`clear`, those no longer here included
    """

    def __init__(self) -> None:
        super().__init__(maxlen=_REMEMBERED_CALLS)
        self.counts: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    @overload
    def __getitem__(self, index: SupportsIndex) -> ServedCall: ...

    @overload
    def __getitem__(self, index: slice) -> list[ServedCall]: ...

    def __getitem__(self, index: SupportsIndex | slice) -> ServedCall | list[ServedCall]:
        if isinstance(index, slice):
            with self._lock:
                return list(self)[index]
        return super().__getitem__(index)

    def append(self, call: ServedCall) -> None:
        with self._lock:
            super().append(call)
            self.counts[call.operation] += 1

    def clear(self) -> None:
        with self._lock:
            super().clear()
            self.counts.clear()


@dataclasses.dataclass(frozen=True)
class _Envelope:
    body: etree._Element
    soap_headers: dict[str, str]


class Endpoint(abc.ABC):
    """Serves one SOAP service.

    :param calls: gets what arrives
    :param stopping: set when the server stops, ends delays
    """

    def __init__(
        self,
        schema: Schema,
        descriptions: Descriptions,
        world: World,
        sessions: Sessions,
        faults: Faults,
        calls: Calls,
        stopping: threading.Event,
    ) -> None:
        self._schema = schema
        self._descriptions = descriptions
        self._world = world
        self._sessions = sessions
        self._faults = faults
        self._calls = calls
        self._stopping = stopping
        self._decoder = Decoder(schema)
        self._encoder = Encoder(schema)
        self._parser = etree.XMLParser(
            resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
        )

    # --- what makes a service

    @abc.abstractmethod
    def _session(self, served: ServedCall) -> Session | None:
        """The live session that a call belongs to."""

    @abc.abstractmethod
    def _target(self, ref: Ref) -> Any:
        """The managed object that a reference names, None without one."""

    def _existing(self, ref: Ref) -> Any:
        """The same.

        :raises Fault: ManagedObjectNotFound
        """
        found = self._target(ref)
        if found is None:
            service = self._schema.namespace.removeprefix('urn:')
            raise Fault(
                'ManagedObjectNotFound',
                f"The object '{service}.{ref.type}:{ref.value}' has already been deleted or has "
                'not been completely created',
                obj=ref,
            )
        return found

    @abc.abstractmethod
    def _rejection(self, call: Call) -> Response:
        """What a call without a live session gets.

        :raises Fault: what else it gets
        """

    def _operation(self, served: ServedCall) -> Operation | None:
        return self._schema.operation(served.operation)

    def _method(self, target: Any, operation: Operation) -> Callable[[Any, Call], Any] | None:
        return getattr(type(target), operation.name, None)

    def _reply_headers(self, call: Call) -> Headers:
        """HTTP headers of the reply to a call that went well."""
        return ()

    # --- serving

    def serve(self, request: Request) -> Response:
        """Answer one POST."""
        try:
            envelope = self._envelope(request.body())
        except Fault as fault:
            return self._fault_response(fault, code='ClientFaultCode')
        served = self._served(request, envelope)
        self._calls.append(served)
        trouble = self._faults.trouble(served.operation, served.target)
        if trouble.delay:
            self._stopping.wait(trouble.delay)
            if self._stopping.is_set():
                raise Disconnect
        rule = trouble.rule
        if rule is None:
            return self._act(served, envelope)
        return self._troubled(rule, served, envelope)

    def _troubled(self, rule: Rule, served: ServedCall, envelope: _Envelope) -> Response:
        response = self._act(served, envelope) if rule.after else Response()
        if rule.effect is Effect.DROP:
            raise Disconnect
        if rule.effect is Effect.HTTP:
            return Response(rule.status, rule.content_type, rule.body)
        if rule.effect is Effect.EMPTY_REPLY:
            return self._reply(f'{served.operation}Response', '')
        if rule.fault is not None:
            served.fault = rule.fault.name
            return self._fault_response(rule.fault)
        half = response.body[: len(response.body) // 2]
        if rule.effect is Effect.TRUNCATE:
            return dataclasses.replace(response, body=half, length=len(response.body))
        return dataclasses.replace(response, body=half)

    def _envelope(self, data: bytes) -> _Envelope:
        try:
            root = etree.fromstring(data, self._parser)
        except etree.XMLSyntaxError as error:
            raise Fault('InvalidRequest', f'XML document is not well formed: {error}') from error
        body = root.find(f'{_SOAP}Body')
        if (
            root.getroottree().docinfo.internalDTD is not None
            or root.tag != f'{_SOAP}Envelope'
            or body is None
        ):
            raise Fault('InvalidRequest', 'The request is not a SOAP envelope')
        operation = next(body.iterchildren('*'), None)
        if operation is None:
            raise Fault('InvalidRequest', 'The SOAP body is empty')
        header = root.find(f'{_SOAP}Header')
        soap_headers = {
            etree.QName(child).localname: child.text or ''
            for child in (() if header is None else header.iterchildren('*'))
        }
        return _Envelope(operation, soap_headers)

    def _served(self, request: Request, envelope: _Envelope) -> ServedCall:
        this = next(envelope.body.iterchildren('{*}_this'), None)
        target = None if this is None else Ref(this.get('type', ''), (this.text or '').strip())
        return ServedCall(
            operation=etree.QName(envelope.body).localname,
            target=target,
            soap_action=request.headers.get('SOAPAction', ''),
            headers=dict(request.headers.items()),
            soap_headers=envelope.soap_headers,
            cookie=request.headers.get('Cookie'),
        )

    # --- acting

    def _act(self, served: ServedCall, envelope: _Envelope) -> Response:
        if not self._descriptions.accepts(served.soap_action):
            return self._version_mismatch(served)
        try:
            try:
                return self._dispatch(served, envelope.body)
            except Fault as fault:
                served.fault = fault.name
                return self._fault_response(fault)
        except Disconnect:
            raise
        except Exception as error:
            LOG.exception('The simulator failed in %s', served.operation)
            self._world.errors.append(error)
            served.fault = 'SystemError'
            return self._fault_response(system_error(error))

    def _dispatch(self, served: ServedCall, body: etree._Element) -> Response:
        operation = self._operation(served)
        if operation is None or operation.request != body.tag:
            raise Fault(
                'InvalidRequest',
                f'Unable to resolve WSDL method name {served.operation} for '
                f'"{etree.QName(body).namespace}"',
            )
        args = self._decoder.parameters(body, operation.parameters)
        if not served.operation.startswith(('Login', 'CloneSession')):
            served.args = args
        with self._world.lock:
            session = self._session(served)
            served.session_key = session.key if session is not None else None
            call = Call(operation.name, args._this, args, session, served.op_id)
            call.headers = served.headers
            call.soap_action = served.soap_action
            return self._perform(call, operation)

    def _perform(self, call: Call, operation: Operation) -> Response:
        method = self._method(self._target(call.target), operation)
        if call.session is None and not registry.is_anonymous(method):
            return self._rejection(call)
        target = self._existing(call.target)
        if method is None:
            if not metamodel.has_operation(
                call.target.type, operation.name, self._schema.namespace
            ):
                raise Fault(
                    'MethodNotFound',
                    f'{call.target.type} has no operation {operation.name}',
                    receiver=call.target,
                    method=operation.name,
                )
            raise Fault(
                'NotImplemented',
                f'{operation.name} of {call.target.type} is not implemented by the simulator '
                f'(asked of {call.target.value}).',
            )
        self._world.guard.check(call, target)
        try:
            with self._world.acting(call):
                result = method(target, call)
        except registry.NotAuthenticated:
            return self._rejection(call)
        return self._returned(call, operation, result)

    def _returned(self, call: Call, operation: Operation, result: Any) -> Response:
        if operation.result is None:
            if result is not None:
                raise TypeError(f'{operation.name} returns nothing, but the method did')
            content = ''
        elif result is None and operation.result.many:
            content = ''
        else:
            content = self._encoder.result(operation.result, result, operation.name)
        response = operation.response or f'{operation.name}Response'
        return self._reply(etree.QName(response).localname, content, self._reply_headers(call))

    # --- replying

    def _reply(self, element: str, content: str, headers: Headers = ()) -> Response:
        namespace = self._schema.namespace
        text = f'{_OPEN}<{element} xmlns="{namespace}">{content}</{element}>{_CLOSE}'
        return _response(200, text, headers)

    def _version_mismatch(self, served: ServedCall) -> Response:
        version = served.soap_action.strip().strip('"')
        fault = Fault(
            'InvalidRequest', f'Unsupported version URI "{version}"\n\nwhile parsing SOAP body'
        )
        served.fault = fault.name
        return self._fault_response(fault, code='VersionMismatchFaultCode')

    def _fault_response(self, fault: Fault, code: str = 'ServerFaultCode') -> Response:
        detail = self._encoder.fault(f'{fault.name}Fault', fault.detail)
        text = (
            f'{_OPEN}<soapenv:Fault><faultcode>{code}</faultcode>'
            f'<faultstring>{escape(fault.message)}</faultstring>'
            f'<detail>{detail}</detail></soapenv:Fault>{_CLOSE}'
        )
        return _response(500, text)


def _response(status: int, text: str, headers: Headers = ()) -> Response:
    return Response(status, _CONTENT_TYPE, text.encode(), (('Cache-Control', 'no-cache'), *headers))
