"""The reference engine: a stock suds client behind the face of ``soap.client``.

suds describes the service, builds the envelope and decodes the reply. What suds does between
these steps is done here instead, because there it keeps the state of one call where all threads
of a session see it:

- SOAP headers are options of the suds client; here they are arguments of one call, put into
  that call's own envelope.
- suds resolves multi-references of a reply on an object shared by all calls, so that two
  threads can be handed each other's reply; vSphere is document/literal and has none.
- suds remembers the last message, password included.

The description is parsed once per URL and process (seconds and a hundred megabytes), however
many sessions use it.

What suds cannot be taught, and the compiled engine does: a member set on a request object that its
type does not have fails the call even when it is None; an object in a place of type *any* is sent
without its ``xsi:type``. In both engines a member added to a newer type is decoded by its shape,
so that numbers in it stay text.
"""

import copy
import datetime
import functools
import logging
import threading
from collections.abc import Mapping, Sequence
from http.cookiejar import CookieJar
from typing import Any
from xml.sax.saxutils import escape

import requests
import suds
import suds.client
import suds.transport
from suds.bindings.binding import envns
from suds.mx.literal import Literal
from suds.options import Options
from suds.plugin import PluginContainer
from suds.resolver import Frame, GraphResolver, NodeResolver
from suds.sax import Namespace
from suds.sax.element import Element
from suds.sax.parser import Parser
from suds.sax.text import Text
from suds.sudsobject import Factory as ObjectFactory
from suds.sudsobject import Object as SudsObject
from suds.sudsobject import Property
from suds.umx.basic import Basic
from suds.umx.core import Core
from suds.umx.typed import Typed
from suds.xsd.sxbuiltin import XAny, XBoolean, XInteger, XLong

from oslo_vmware._process import PerProcess
from oslo_vmware._secrets import Secrets, guarded
from oslo_vmware.soap import suds_parts, unmarshal
from oslo_vmware.soap.call import Call
from oslo_vmware.soap.descriptions import described, shipped_vim
from oslo_vmware.soap.errors import DescriptionError, NotSoapError, unreadable
from oslo_vmware.soap.exchange import exchanged, is_answer_without_body
from oslo_vmware.soap.mending import mended
from oslo_vmware.soap.objects import (
    CREATED,
    PREPARED,
    EmptyObject,
    is_created,
    is_prepared,
    moref,
)
from oslo_vmware.soap.schema import Schema, is_text, split
from oslo_vmware.soap.transport import Reply
from oslo_vmware.soap.values import UNFIT, TypedValue, converted, converter, xsd_float

LOG = logging.getLogger(__name__)

suds_parts.quieten_suds()

#: A description is a hundred megabytes, and a process talks to a handful of servers.
_descriptions = suds_parts.MemoryCache(limit=4)
_parsing: PerProcess[dict[tuple[Any, ...], threading.Lock]] = PerProcess(dict)


class CompatibilitySudsClient(suds.client.Client):
    """A suds client that keeps no state of a call, and knows its cookies.

    :param args: the URL of the description, as for ``suds.client.Client``
    :param kwargs: options of ``suds.client.Client``, and ``http_transport``, the
                   :class:`~oslo_vmware.soap.transport.HttpTransport` to use
    :raises DescriptionError: the description cannot be read
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The constructor of the base class would describe the service anew (0.4 s); this is
        # what suds' own clone() does with a client that exists already.
        http = kwargs.pop('http_transport', None)
        url = args[0] if args else kwargs.pop('url')
        if http is not None:
            kwargs['transport'] = suds_parts.RequestsTransport.over(http)
        kwargs.setdefault('transport', suds_parts.RequestsTransport())
        described = _describe(url, kwargs['transport'])
        self._types_values = described.wsdl.tns[1].startswith('urn:pbm')
        plugin = _PruningPlugin if self._types_values else suds_parts.ServiceMessagePlugin
        kwargs.setdefault('plugins', [plugin()])
        self.options = Options()
        self.set_options(**kwargs)
        self.wsdl = described.wsdl
        self.sd = described.sd
        self.messages: dict[str, Any] = {}
        self.service: Any = _Operations(self)
        self.factory: Any = _LenientFactory(self.wsdl, described.sd[0].prefixes)

    @property
    def schema(self) -> Schema:
        """Types and operations of the service, for whoever asks about them.

        Of a server that describes itself it is the description that ships: to read another one
        twice would be too much for that.
        """
        url = str(self.wsdl.url)
        if url.startswith('file:'):
            return described(url, self.options.transport.http).schema
        return shipped_vim().schema

    @property
    def cookiejar(self) -> CookieJar:
        """The live cookies of the HTTP session; another jar may be put in their place."""
        jar: CookieJar = self.options.transport.http.cookiejar
        return jar

    @cookiejar.setter
    def cookiejar(self, jar: CookieJar) -> None:
        self.options.transport.http.cookiejar = jar

    def call(
        self,
        operation: str,
        managed_object: Any,
        arguments: Mapping[str, Any],
        headers: Sequence[tuple[str, str]] = (),
        call: Call | None = None,
    ) -> Any:
        """Perform an operation; see :class:`oslo_vmware.soap.client.SoapClient`."""
        method = self._method(operation)
        call = call or Call(operation)
        call.carries(arguments, headers)
        binding = copy.copy(method.binding.input)
        literal = _TypedLiteral if self._types_values else _LexicalLiteral
        binding.marshaller = lambda: literal(binding.schema(), binding.options().xstq)
        envelope = binding.get_message(method, (managed_object,), dict(arguments))
        header = envelope.root().getChild('Header')
        for name, text in headers:
            header.append(Element(name).setText(text))
        PluginContainer(self.options.plugins).message.marshalled(envelope=envelope.root())
        envelope.root().walk(_escape)
        reply = exchanged(
            self.options.transport.http,
            call,
            self.options.location or method.location,
            envelope.plain().encode('utf-8'),
            method.soap.action,
        )
        return self._result(method, reply, call)

    def _method(self, operation: str) -> Any:
        for port in self.wsdl.services[0].ports:
            method = port.methods.get(operation)
            if method is not None:
                return method
        raise suds.MethodNotFound(operation)

    def _result(self, method: Any, reply: Reply, call: Call) -> Any:
        returned = method.binding.output.returned_types(method)
        result = returned[0] if returned else None
        if not reply.body and is_answer_without_body(call, reply, result is not None):
            return None
        document, body = _soap_body(method.name, reply)
        unmarshaller = _TolerantUnmarshaller(self.wsdl.schema)
        fault = body.getChild('Fault', envns)
        if fault is not None:
            fault.walk(functools.partial(_mask, call.secrets(self.cookiejar)))
            raised = suds.WebFault(Basic().process(fault), document)
            raised.detail_objects = unmarshaller.faults(fault.getChild('detail'))
            raise raised
        if reply.status != requests.codes.ok:
            raise NotSoapError(method.name, reply, 'HTTP error with a SOAP body, but no fault')
        if not body.children and (result is not None or not call.effect.is_repeatable):
            raise NotSoapError(method.name, reply, 'the reply is an empty envelope')
        _check_message(method, reply, body)
        if result is None:
            return None
        content = method.binding.output.replycontent(method, body) if body.children else []
        nodes = [node for node in content if node.name == result.name]
        declared = result.resolve(nobuiltin=True)
        if result.multi_occurrence():
            return [unmarshaller.process(node, declared) for node in nodes]
        return unmarshaller.process(nodes[0], declared) if nodes else None


def _check_message(method: Any, reply: Reply, body: Element) -> None:
    """Take a message for no other than it is, whatever its namespace."""
    parts = method.soap.output.body.parts
    found = body.children[0].name if body.children else None
    if parts and found and found != parts[0].element[0]:
        problem = f'the reply cannot be read: it is {found}, the answer to another question'
        raise NotSoapError(method.name, reply, problem)


def _mask(secrets: Secrets, element: Element) -> None:
    """Servers echo requests."""
    if element.text is not None:
        element.text = Text(secrets.masked(str(element.text)))
    for attribute in element.attributes:
        if attribute.name != 'type':
            attribute.setValue(secrets.masked(str(attribute.getValue())))


def _escape(element: Element) -> None:
    # suds takes a text that holds '&lt;' or '&amp;' for escaped already, and falsifies it.
    if element.text is not None:
        element.text = Text(escape(str(element.text), {'\r': '&#13;'}), escaped=True)


def _soap_body(operation: str, reply: Reply) -> tuple[Any, Element]:
    """The document of a reply and its SOAP body."""
    if not reply.body:
        raise NotSoapError(operation, reply, 'the reply is empty')
    try:
        # suds takes a document type, and decodes what is nested until Python gives up.
        unmarshal.check(reply.body)
        document = Parser().parse(string=reply.body)
    except Exception as exc:  # besides SAXException, suds' handler raises plain ones
        legible = mended(operation, reply)
        if legible is not None:
            return _soap_body(operation, legible)
        raise unreadable(operation, reply, f'the reply cannot be read: {exc}') from exc
    envelope = document.getChild('Envelope', envns)
    body = envelope.getChild('Body', envns) if envelope is not None else None
    if body is None:
        raise NotSoapError(operation, reply, 'the reply is not a SOAP envelope')
    return document, body


def _describe(url: str, transport: Any) -> suds.client.Client:
    """The client that holds the parsed description of a URL, one for the whole process."""
    http = getattr(transport, 'http', None)
    # What came over an unverified connection is not served to sessions that verify.
    key = (url, None if url.startswith('file:') else getattr(http, 'verify', None))
    # Nobody waits for somebody who is ready to wait longer.
    waiting = (*key, getattr(http, 'timeout', None))
    with _parsing.get().setdefault(waiting, threading.Lock()):
        described = _descriptions.get(key)
        if described is None:
            try:
                described = suds.client.Client(url, cache=None, transport=transport)
            except requests.RequestException:
                raise
            except Exception as exc:  # suds raises plain ones for what it makes no sense of
                raise DescriptionError(url, str(exc)) from exc
            if not described.sd:
                raise DescriptionError(url, 'it describes no service')
            # The description must not keep alive the connections and cookies of the session
            # that happened to come first.
            described.set_options(transport=suds.transport.Transport())
            _descriptions.put(key, described)
    return described


class _ResolverByClass(GraphResolver):
    """Knows types by the classes of objects, too, for those that suds has not made."""

    def known(self, object: Any) -> Any:
        """The type of an object."""
        found = super().known(object)
        if found is None:
            namespace, name = split(getattr(object.__class__, '__xsd_type__', ''))
            found = self.schema.types.get((name, namespace))
        return found


class _LexicalLiteral(Literal):
    """Writes values of the wrong Python type as the schema has them, where they mean the same.

    Nova gives the string ``'True'`` for a boolean and ``1024.0`` for a whole number, which is no
    XML Schema: it is up to the server to guess. What means something else is sent as given, for
    the server to refuse. Whatever has an id and a type is a reference where one is expected.
    """

    def __init__(self, schema: Any, xstq: bool = True) -> None:
        super().__init__(schema, xstq)
        self.resolver = _ResolverByClass(schema)
        self._is_read = False

    def append(self, parent: Any, content: Any) -> None:
        """Append a value to the element of the object that it is in."""
        # For translate(), which comes next.
        self._is_read = getattr(parent, 'is_read', False)
        super().append(parent, content)

    def translate(self, content: Any) -> Any:
        """Put a value into the words of its type."""
        if content.value is None and self._is_read and not self.optional(content):
            # It came as an empty element.
            content.value = '' if is_text(content.real.name) else None
        elif isinstance(content.value, EmptyObject):
            # Not "or": what has no members is false.
            types = self.schema.types.items()
            named = (type for (name, _), type in types if name == content.value.type_name)
            content.real = next(named, content.real)
            content.value = ''
        is_dict = isinstance(content.value, dict)
        translated = super().translate(content)
        value = content.value
        if is_dict:
            # Which users make, as with the factory.
            setattr(value, CREATED, True)
        if isinstance(content.real, XBoolean) and isinstance(value, str):
            if value.lower() in ('true', 'false'):
                content.value = value.lower()
        elif isinstance(content.real, XInteger | XLong) and isinstance(value, float):
            if value.is_integer():
                content.value = int(value)
        elif content.real.name == 'ManagedObjectReference' and hasattr(value, '_type'):
            # Users' fakes are references by what they have, not by their class.
            content.value = moref(value.value, value._type)
        return translated

    def node(self, content: Any) -> Element:
        """Make the element of a value; an object that is required is sent though it be empty."""
        node = super().node(content)
        value = content.value
        node.stays = (
            isinstance(value, SudsObject)
            and not isinstance(value, Property)
            and not self.optional(content)
            and not content.type.resolve().any()
            and not is_prepared(value)
        )
        node.is_read = isinstance(value, SudsObject) and not is_created(value)
        return node


class _TypedLiteral(_LexicalLiteral):
    """Marks values in places of type *any* with the type that they have in Python.

    VIM takes everything there as a string and makes of it what it needs; PBM compares, and a
    rule about the number 1 is not one about the string ``'1'``.
    """

    def encode(self, node: Element, content: Any) -> None:
        """Set the ``xsi:type`` of an element, and make the text that goes with it."""
        super().encode(node, content)
        if content.type.resolve().any():
            name, text = _xsd_value(content.value)
            if name:
                node.set('xsi:type', f'xsd:{name}')
                content.value = text


def _xsd_value(value: Any) -> tuple[str, str]:
    """Type and text of a value; ``''`` for both of what is not simple."""
    if isinstance(value, TypedValue):
        return value.xsd_type, _xsd_value(value.value)[1]
    if isinstance(value, bool):
        return 'boolean', 'true' if value else 'false'
    if isinstance(value, int):
        return 'int' if -(2**31) <= value < 2**31 else 'long', str(value)
    if isinstance(value, float):
        return 'double', xsd_float(value)
    if isinstance(value, datetime.datetime):
        return 'dateTime', value.isoformat()
    if isinstance(value, str):
        return 'string', value
    return '', ''


class _PruningPlugin(suds_parts.ServiceMessagePlugin):
    """Cleans an envelope whose values carry their types already."""

    def add_attribute_for_value(self, node: Element) -> None:
        """Leave the types alone."""


class _Operations:
    """``client.service``: every attribute is an operation."""

    def __init__(self, client: CompatibilitySudsClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        if name.startswith('_'):
            raise AttributeError(name)
        self._client._method(name)

        @guarded
        def operation(managed_object: Any, **arguments: Any) -> Any:
            return self._client.call(name, managed_object, arguments)

        return operation


class _LenientFactory(suds.client.Factory):
    """A factory that goes by a type's local name, whatever prefix is before it."""

    def __init__(self, wsdl: Any, prefixes: Sequence[tuple[str, str]]) -> None:
        super().__init__(wsdl)
        self._prefixes = prefixes

    def create(self, name: str) -> Any:
        """An empty object of a type.

        :raises suds.TypeNotFound: the description has no such type
        """
        qualified = self._qualified(name)
        if qualified is None:
            raise suds.TypeNotFound(name)
        made = super().create(qualified)
        setattr(made, CREATED, True)
        _prepare(made)
        return made

    def knows(self, name: str) -> bool:
        """Whether there is a type of a name."""
        return self._qualified(name) is not None

    def _qualified(self, name: str) -> str | None:
        local = name.rpartition(':')[2]
        for prefix, uri in self._prefixes:
            if (local, uri) in self.wsdl.schema.types:
                return f'{prefix}:{local}'
        return None


def _prepare(made: Any) -> None:
    for _, value in made:
        if isinstance(value, SudsObject):
            setattr(value, CREATED, True)
            setattr(value, PREPARED, True)
            _prepare(value)


class _TolerantResolver(NodeResolver):
    """Takes an ``xsi:type`` that names nothing, or no namespace, for none."""

    def known(self, node: Any) -> Any:
        try:
            return super().known(node)
        except Exception:  # noqa: BLE001 - suds raises plain Exception for a bad qualified name
            return None


class _TolerantUnmarshaller(Typed):
    """suds' decoder, which does not fail on what the description does not know.

    An undeclared element is decoded by its ``xsi:type`` or its shape. An unknown ``xsi:type``
    gives the object's class its name. A fault without members keeps its class. A text that suds
    can make no value of is read as the compiled engine reads it, or stays text.
    """

    def __init__(self, schema: Any) -> None:
        super().__init__(schema)
        self.resolver = _TolerantResolver(schema)

    def start(self, content: Any) -> None:
        node = content.node
        if content.type is None:
            content.type = self.resolver.find(node)
            if content.type is None:
                self._push_undeclared(content)
        else:
            self.resolver.push(Frame(content.type, resolved=self.resolver.known(node)))
        content.real = self.resolver.top().resolved
        content.data = ObjectFactory.object(self._class_name(content))
        content.data.__metadata__.sxtype = content.real

    def _push_undeclared(self, content: Any) -> None:
        content.type = XAny(self.resolver.schema, content.node.name)
        self.resolver.push(Frame(content.type, resolved=self.resolver.known(content.node)))

    @staticmethod
    def _class_name(content: Any) -> str:
        named: str | None = content.node.get('type', Namespace.xsins)
        if named is not None:
            return named.rpartition(':')[2]
        name: str = content.real.name or content.node.name
        return name

    def translated(self, value: Any, type: Any) -> Any:
        try:
            return super().translated(value, type)
        except UNFIT:
            return converted(value, converter(type.resolve().name))

    def append_attribute(self, name: str, value: str, content: Any) -> None:
        if self.resolver.findattr(name) is None:
            # suds would log a warning for each serverGuid.
            Core.append_attribute(self, name, value, content)
        else:
            super().append_attribute(name, value, content)

    def postprocess(self, content: Any) -> Any:
        if self._is_fault(content) and not content.data:
            return content.data
        value = super().postprocess(content)
        real = content.real
        if (
            isinstance(value, str)
            and not value
            and real is not content.type.resolve()
            and not (real.builtin() or real.enum())
        ):
            return EmptyObject.of(real.name)
        return value

    @staticmethod
    def _is_fault(content: Any) -> bool:
        return content.type.resolve().name in ('MethodFault', 'RuntimeFault')

    def faults(self, detail: Any) -> list[Any]:
        """The decoded children of a SOAP fault's detail element."""
        decoded = []
        for node in detail.children if detail is not None else ():
            self.reset()
            value = self.process(node, XAny(self.resolver.schema, node.name))
            if not hasattr(value, '__keylist__'):
                named = node.get('type', Namespace.xsins) or node.name
                value = ObjectFactory.object(named.rpartition(':')[2])
            decoded.append(value)
        return decoded
