"""Reads a service description, WSDL 1.1 with XML Schema, into its flat form.

What is understood is the document/literal style with wrapped messages, which is all that
vSphere's services use. Anything else is an error that names the file and the element. How
documents are fetched and which XML is refused stands in :mod:`oslo_vmware.soap.xsd`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from lxml import etree

from oslo_vmware.soap.declarations import Description, OperationDeclaration
from oslo_vmware.soap.schema import Schema, SchemaError, split
from oslo_vmware.soap.xsd import (
    SCHEMA,
    Document,
    Documents,
    Reader,
    SchemaCompiler,
    join,
    label,
    read_file,
    required,
)

_WSDL = 'http://schemas.xmlsoap.org/wsdl/'
_SOAP = 'http://schemas.xmlsoap.org/wsdl/soap/'

_DEFINITIONS = f'{{{_WSDL}}}definitions'


def load(location: str, read: Reader | None = None) -> Schema:
    """Read and compile a description.

    :param location: path, ``file://`` URL, or whatever the reader understands
    :param read: fetches one document by location; relative locations are already joined
    :raises SchemaError: a document cannot be read or understood
    """
    return Schema(parse(location, read))


def parse(location: str, read: Reader | None = None) -> Description:
    """Read a description into its flat form; parameters and errors as for :func:`load`."""
    return _Compiler(read or read_file).compile(location)


class _Message(NamedTuple):
    """A WSDL message: name and element of each part, None where a part has a type instead."""

    source: str
    parts: tuple[tuple[str, str | None], ...]


class _PortOperation(NamedTuple):
    source: str
    input: str | None
    output: str | None
    faults: tuple[str, ...]


class _Compiler:
    """Puts a description together; made for one."""

    def __init__(self, read: Reader) -> None:
        self._documents = Documents(read)
        self._schemas = SchemaCompiler(self._documents)
        self._seen: set[str] = set()
        self._messages: dict[str, _Message] = {}
        self._port_operations: dict[str, _PortOperation] = {}
        self._soap_actions: dict[str, str] = {}
        self._address: str | None = None

    def compile(self, location: str) -> Description:
        root = self._documents.root(location)
        if root.tag == _DEFINITIONS:
            self._definitions(location, root)
        elif root.tag == SCHEMA:
            self._schemas.add([Document(location, root, root.get('targetNamespace', ''))])
        else:
            raise SchemaError(f'{location}: {label(root)} is neither a WSDL nor an XML Schema')
        operations = {
            name: self._operation(name, operation)
            for name, operation in self._port_operations.items()
        }
        return Description(
            location=location,
            namespace=self._service_namespace(root, operations),
            prefixes={prefix: uri for prefix, uri in root.nsmap.items() if prefix},
            types=self._schemas.types,
            elements=self._schemas.elements,
            operations=operations,
            type_namespaces=_namespaces_of(self._schemas.types),
            element_namespaces=_namespaces_of(self._schemas.elements),
            address=self._address,
            unqualified=any(
                not field.namespace
                for declaration in self._schemas.types.values()
                for field in declaration.fields
            ),
        )

    @staticmethod
    def _service_namespace(
        root: etree._Element, operations: dict[str, OperationDeclaration]
    ) -> str:
        """Where the service's types are; its WSDL may use a namespace of its own around them."""
        first = next(iter(operations.values()), None)
        if first is None:
            return root.get('targetNamespace', '')
        return first.request[1:].partition('}')[0]

    def _definitions(self, location: str, root: etree._Element) -> None:
        self._seen.add(location)
        document = Document(location, root, root.get('targetNamespace', ''))
        schemas: list[Document] = []
        for child in root:
            kind = _wsdl_name(child)
            if kind == 'import':
                self._import_wsdl(document, child)
            elif kind == 'types':
                schemas += [
                    Document(location, schema, schema.get('targetNamespace', ''))
                    for schema in child.iterchildren(SCHEMA)
                ]
            elif kind == 'message':
                self._message(document, child)
            elif kind == 'portType':
                self._port_type(document, child)
            elif kind == 'binding':
                self._binding(document, child)
            elif kind == 'service':
                for address in child.iter(f'{{{_SOAP}}}address'):
                    self._address = self._address or address.get('location')
        self._schemas.add(schemas)

    def _import_wsdl(self, document: Document, child: etree._Element) -> None:
        relative = child.get('location')
        if relative is None:
            raise document.error(child, 'has no location')
        location = join(document.source, relative)
        if location in self._seen:
            return
        root = self._documents.root(location)
        if root.tag == _DEFINITIONS:
            self._definitions(location, root)
        elif root.tag == SCHEMA:
            self._schemas.add([Document(location, root, root.get('targetNamespace', ''))])
        else:
            raise document.error(child, f'{location} is neither a WSDL nor an XML Schema')

    def _message(self, document: Document, message: etree._Element) -> None:
        parts = []
        for part in message.iterchildren(f'{{{_WSDL}}}part'):
            element = part.get('element')
            parts.append(
                (part.get('name', ''), None if element is None else document.name(element, part))
            )
        name = f'{{{document.namespace}}}{required(document, message, "name")}'
        self._messages[name] = _Message(document.source, tuple(parts))

    def _port_type(self, document: Document, port_type: etree._Element) -> None:
        for operation in port_type.iterchildren(f'{{{_WSDL}}}operation'):
            messages: dict[str, str] = {}
            faults = []
            for child in operation:
                kind = _wsdl_name(child)
                if kind in ('input', 'output', 'fault'):
                    message = document.name(required(document, child, 'message'), child)
                    if kind == 'fault':
                        faults.append(message)
                    else:
                        messages[kind] = message
            self._port_operations[required(document, operation, 'name')] = _PortOperation(
                document.source, messages.get('input'), messages.get('output'), tuple(faults)
            )

    def _binding(self, document: Document, binding: etree._Element) -> None:
        soap = binding.find(f'{{{_SOAP}}}binding')
        if soap is None:
            return  # of another protocol
        if soap.get('style', 'document') != 'document':
            raise document.error(soap, 'only the style "document" is understood')
        for operation in binding.iterchildren(f'{{{_WSDL}}}operation'):
            name = required(document, operation, 'name')
            soap_operation = operation.find(f'{{{_SOAP}}}operation')
            if soap_operation is not None:
                if soap_operation.get('style', 'document') != 'document':
                    raise document.error(soap_operation, 'only the style "document" is understood')
                self._soap_actions[name] = soap_operation.get('soapAction', '')
            for body in operation.iter(f'{{{_SOAP}}}body'):
                if body.get('use', 'literal') != 'literal':
                    raise document.error(body, 'only the use "literal" is understood')

    def _operation(self, name: str, operation: _PortOperation) -> OperationDeclaration:
        if operation.input is None:
            raise SchemaError(f'{operation.source}: operation {name} has no input')
        return OperationDeclaration(
            source=operation.source,
            soap_action=self._soap_actions.get(name, ''),
            request=self._part(name, operation, operation.input),
            response=(
                None if operation.output is None else self._part(name, operation, operation.output)
            ),
            faults=tuple(self._part(name, operation, fault) for fault in operation.faults),
        )

    def _part(self, name: str, operation: _PortOperation, message: str) -> str:
        found = self._messages.get(message)
        if found is None:
            raise SchemaError(
                f'{operation.source}: operation {name}: message {message} is not declared'
            )
        if len(found.parts) != 1 or found.parts[0][1] is None:
            raise SchemaError(
                f'{found.source}: message {message}: one part with an element is expected'
            )
        return found.parts[0][1]


def _wsdl_name(element: etree._Element) -> str:
    """Local name of an element of WSDL itself, '' for any other."""
    prefix = f'{{{_WSDL}}}'
    return element.tag[len(prefix) :] if element.tag.startswith(prefix) else ''


def _namespaces_of(tags: Iterable[str]) -> tuple[str, ...]:
    """The namespaces of Clark names, sorted."""
    return tuple(sorted({split(tag)[0] for tag in tags}))
