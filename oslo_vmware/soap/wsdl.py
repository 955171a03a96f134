"""Reads a service description, WSDL 1.1 with XML Schema, into its flat form.

The documents of one description include and import each other; a *reader*, a callable from a
location to bytes, fetches them, so that this module does no I/O over a network itself. What is
understood is the document/literal style with wrapped messages, which is all that vSphere's
services use, and of XML Schema what such descriptions can hold. Anything else is an error that
names the file and the element.

DTDs are refused, entities are not expanded, the parser never opens a file or a connection.
"""

import os
import urllib.parse
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from lxml import etree

from oslo_vmware.soap.schema import (
    XSD,
    Attribute,
    Description,
    FieldDeclaration,
    Kind,
    OperationDeclaration,
    Schema,
    SchemaError,
    TypeDeclaration,
)

Reader: TypeAlias = Callable[[str], bytes]

_WSDL = 'http://schemas.xmlsoap.org/wsdl/'
_SOAP = 'http://schemas.xmlsoap.org/wsdl/soap/'

_DEFINITIONS = f'{{{_WSDL}}}definitions'
_SCHEMA = f'{{{XSD}}}schema'
_ELEMENT = f'{{{XSD}}}element'
_SEQUENCE = f'{{{XSD}}}sequence'
_CHOICE = f'{{{XSD}}}choice'
_ALL = f'{{{XSD}}}all'
_GROUP = f'{{{XSD}}}group'
_ANY = f'{{{XSD}}}any'
_ATTRIBUTE = f'{{{XSD}}}attribute'
_ATTRIBUTE_GROUP = f'{{{XSD}}}attributeGroup'
_COMPLEX_TYPE = f'{{{XSD}}}complexType'
_SIMPLE_TYPE = f'{{{XSD}}}simpleType'
_COMPLEX_CONTENT = f'{{{XSD}}}complexContent'
_SIMPLE_CONTENT = f'{{{XSD}}}simpleContent'
_EXTENSION = f'{{{XSD}}}extension'
_RESTRICTION = f'{{{XSD}}}restriction'
_ENUMERATION = f'{{{XSD}}}enumeration'
_ANNOTATION = f'{{{XSD}}}annotation'
_ANY_ATTRIBUTE = f'{{{XSD}}}anyAttribute'
_STRING = f'{{{XSD}}}string'
_ANY_TYPE = f'{{{XSD}}}anyType'

# One text and one attribute: the shape under this name is a managed object reference.
_REFERENCE = 'ManagedObjectReference'


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


def read_file(location: str) -> bytes:
    """The default reader: a local path or a ``file://`` URL."""
    if location.startswith('file:'):
        location = urllib.parse.unquote(urllib.parse.urlsplit(location).path)
    elif '://' in location:
        raise SchemaError(f'{location}: only local files can be read here')
    with open(location, 'rb') as file:
        return file.read()


def join(base: str, relative: str) -> str:
    """The location that a document at ``base`` means by ``relative``."""
    if '://' in relative or os.path.isabs(relative):
        return relative
    if '://' in base:
        return urllib.parse.urljoin(base, relative)
    return os.path.normpath(os.path.join(os.path.dirname(base), relative))


class _Document:
    """One schema element with what its names mean."""

    def __init__(self, source: str, root: etree._Element, namespace: str) -> None:
        self.source = source
        self.root = root
        self.namespace = namespace
        self.qualified = root.get('elementFormDefault') == 'qualified'
        self.qualified_attributes = root.get('attributeFormDefault') == 'qualified'
        self._nsmap = root.nsmap
        self._names: dict[str, str] = {}

    def name(self, text: str, user: etree._Element) -> str:
        """The Clark name of a prefixed name; prefixes are looked up where most stand, on top."""
        found = self._names.get(text)
        if found is None:
            prefix, _, local = text.strip().rpartition(':')
            nsmap = self._nsmap
            if (prefix or None) not in nsmap:
                nsmap = user.nsmap
            namespace = nsmap.get(prefix or None)
            if namespace is None:
                if prefix:
                    raise self.error(user, f'prefix of {text!r} is not declared')
                # Without a default namespace a bare name is one of no namespace, which an
                # including schema makes its own.
                namespace = self.namespace
            found = f'{{{namespace}}}{local}'
            if nsmap is self._nsmap:
                self._names[text] = found
        return found

    def error(self, element: etree._Element, problem: str) -> SchemaError:
        where = f'{self.source}, line {element.sourceline}'
        return SchemaError(f'{where}: {_label(element)}: {problem}')


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
    """Collects the declarations of all documents; made for one description."""

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._parser = etree.XMLParser(
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            remove_blank_text=True,
        )
        self._seen: set[tuple[str, str | None]] = set()
        self._types: dict[str, TypeDeclaration] = {}
        self._elements: dict[str, str] = {}
        self._nillable: set[str] = set()
        self._groups: dict[str, tuple[_Document, etree._Element]] = {}
        self._attribute_groups: dict[str, tuple[_Document, etree._Element]] = {}
        self._messages: dict[str, _Message] = {}
        self._port_operations: dict[str, _PortOperation] = {}
        self._soap_actions: dict[str, str] = {}
        self._address: str | None = None

    def compile(self, location: str) -> Description:
        root = self._document(location)
        if root.tag == _DEFINITIONS:
            self._definitions(location, root)
        elif root.tag == _SCHEMA:
            self._schemas([_Document(location, root, root.get('targetNamespace', ''))])
        else:
            raise SchemaError(f'{location}: {_label(root)} is neither a WSDL nor an XML Schema')
        operations = {
            name: self._operation(name, operation)
            for name, operation in self._port_operations.items()
        }
        return Description(
            location=location,
            namespace=self._service_namespace(root, operations),
            prefixes={prefix: uri for prefix, uri in root.nsmap.items() if prefix},
            types=self._types,
            elements=self._elements,
            operations=operations,
            address=self._address,
        )

    @staticmethod
    def _service_namespace(
        root: etree._Element, operations: dict[str, OperationDeclaration]
    ) -> str:
        """Where the service's types are; its WSDL may use a namespace of its own around them."""
        for operation in operations.values():
            return operation.request[1:].partition('}')[0]
        return root.get('targetNamespace', '')

    def _document(self, location: str) -> etree._Element:
        try:
            data = self._read(location)
        except OSError as error:
            raise SchemaError(f'{location}: cannot be read: {error}') from error
        try:
            root = etree.fromstring(data, self._parser)
        except etree.XMLSyntaxError as error:
            raise SchemaError(f'{location}: is not well-formed XML: {error}') from error
        if root.getroottree().docinfo.internalDTD is not None:
            raise SchemaError(f'{location}: has a document type declaration, which is refused')
        return root

    # --- WSDL

    def _definitions(self, location: str, root: etree._Element) -> None:
        self._seen.add((location, None))
        document = _Document(location, root, root.get('targetNamespace', ''))
        schemas: list[_Document] = []
        for child in root:
            kind = _wsdl_name(child)
            if kind == 'import':
                self._import_wsdl(document, child)
            elif kind == 'types':
                schemas += [
                    _Document(location, schema, schema.get('targetNamespace', ''))
                    for schema in child.iterchildren(_SCHEMA)
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
        self._schemas(schemas)

    def _import_wsdl(self, document: _Document, child: etree._Element) -> None:
        relative = child.get('location')
        if relative is None:
            raise document.error(child, 'has no location')
        location = join(document.source, relative)
        if (location, None) in self._seen:
            return
        root = self._document(location)
        if root.tag == _DEFINITIONS:
            self._definitions(location, root)
        elif root.tag == _SCHEMA:
            self._schemas([_Document(location, root, root.get('targetNamespace', ''))])
        else:
            raise document.error(child, f'{location} is neither a WSDL nor an XML Schema')

    def _message(self, document: _Document, message: etree._Element) -> None:
        parts = []
        for part in message.iterchildren(f'{{{_WSDL}}}part'):
            element = part.get('element')
            parts.append(
                (part.get('name', ''), None if element is None else document.name(element, part))
            )
        name = f'{{{document.namespace}}}{_required(document, message, "name")}'
        self._messages[name] = _Message(document.source, tuple(parts))

    def _port_type(self, document: _Document, port_type: etree._Element) -> None:
        for operation in port_type.iterchildren(f'{{{_WSDL}}}operation'):
            messages: dict[str, str] = {}
            faults = []
            for child in operation:
                kind = _wsdl_name(child)
                if kind in ('input', 'output', 'fault'):
                    message = document.name(_required(document, child, 'message'), child)
                    if kind == 'fault':
                        faults.append(message)
                    else:
                        messages[kind] = message
            self._port_operations[_required(document, operation, 'name')] = _PortOperation(
                document.source, messages.get('input'), messages.get('output'), tuple(faults)
            )

    def _binding(self, document: _Document, binding: etree._Element) -> None:
        soap = binding.find(f'{{{_SOAP}}}binding')
        if soap is None:
            return  # of another protocol
        if soap.get('style', 'document') != 'document':
            raise document.error(soap, 'only the style "document" is understood')
        for operation in binding.iterchildren(f'{{{_WSDL}}}operation'):
            name = _required(document, operation, 'name')
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

    # --- XML Schema

    def _schemas(self, documents: list[_Document]) -> None:
        """Collect schemas with all they include; groups first, since others refer to them."""
        collected: list[_Document] = []
        for document in documents:
            self._collect(document, collected)
        for document in collected:
            for group in document.root.iterchildren(_GROUP):
                name = f'{{{document.namespace}}}{_required(document, group, "name")}'
                self._groups[name] = (document, group)
            for group in document.root.iterchildren(_ATTRIBUTE_GROUP):
                name = f'{{{document.namespace}}}{_required(document, group, "name")}'
                self._attribute_groups[name] = (document, group)
        for document in collected:
            self._nillable.update(
                f'{{{document.namespace}}}{element.get("name")}'
                for element in document.root.iterchildren(_ELEMENT)
                if element.get('nillable') in ('true', '1')
            )
            self._global_elements(document)
        for document in collected:
            self._global_types(document)

    def _collect(self, document: _Document, collected: list[_Document]) -> None:
        collected.append(document)
        self._seen.add((document.source, document.namespace))
        for child in document.root:
            if child.tag not in (f'{{{XSD}}}include', f'{{{XSD}}}import'):
                continue
            relative = child.get('schemaLocation')
            if relative is None:
                # Legal for an import: that namespace comes from elsewhere in the description.
                if child.tag.endswith('include'):
                    raise document.error(child, 'has no schemaLocation')
                continue
            location = join(document.source, relative)
            included = child.tag.endswith('include')
            namespace = document.namespace if included else child.get('namespace', '')
            if (location, namespace) in self._seen:
                continue
            root = self._document(location)
            if root.tag != _SCHEMA:
                raise document.error(child, f'{location} is not an XML Schema')
            found = root.get('targetNamespace', namespace if included else '')
            if found != namespace:
                raise document.error(
                    child, f'{location} is for namespace {found!r}, not {namespace!r}'
                )
            self._collect(_Document(location, root, namespace), collected)

    def _global_elements(self, document: _Document) -> None:
        for element in document.root.iterchildren(_ELEMENT):
            name = _required(document, element, 'name')
            self._elements[f'{{{document.namespace}}}{name}'] = self._element_type(
                document, element, name
            )

    def _global_types(self, document: _Document) -> None:
        for child in document.root:
            if child.tag == _COMPLEX_TYPE:
                name = _required(document, child, 'name')
                self._add(document, child, name, self._complex_type(document, child, name))
            elif child.tag == _SIMPLE_TYPE:
                name = _required(document, child, 'name')
                self._add(document, child, name, self._simple_type(document, child))

    def _add(
        self,
        document: _Document,
        element: etree._Element,
        name: str,
        declaration: TypeDeclaration,
    ) -> str:
        tag = f'{{{document.namespace}}}{name}'
        known = self._types.get(tag)
        if known is not None and known._replace(source='') != declaration._replace(source=''):
            raise document.error(element, f'is declared differently in {known.source}')
        self._types[tag] = declaration
        return tag

    def _element_type(self, document: _Document, element: etree._Element, path: str) -> str:
        """The type of an element; one declared in place gets a name that no user can write."""
        declared = element.get('type')
        if declared is not None:
            return document.name(declared, element)
        for child in element:
            if child.tag == _COMPLEX_TYPE:
                return self._add(
                    document, child, f'#{path}', self._complex_type(document, child, f'#{path}')
                )
            if child.tag == _SIMPLE_TYPE:
                return self._add(document, child, f'#{path}', self._simple_type(document, child))
        return _ANY_TYPE

    def _simple_type(self, document: _Document, simple: etree._Element) -> TypeDeclaration:
        restriction = simple.find(_RESTRICTION)
        if restriction is None:
            # A list or a union is text to us.
            return TypeDeclaration(document.source, Kind.BUILTIN.value, text=_STRING)
        base = restriction.get('base')
        values = tuple(
            _required(document, value, 'value') for value in restriction.iterchildren(_ENUMERATION)
        )
        return TypeDeclaration(
            document.source,
            Kind.ENUM.value if values else Kind.BUILTIN.value,
            base=_STRING if base is None else document.name(base, restriction),
            values=values,
        )

    def _complex_type(
        self, document: _Document, complex_type: etree._Element, name: str
    ) -> TypeDeclaration:
        base = text = None
        content = complex_type
        for child in complex_type:
            if child.tag in (_COMPLEX_CONTENT, _SIMPLE_CONTENT):
                content = _derivation(document, child)
                base = document.name(_required(document, content, 'base'), content)
                if child.tag == _SIMPLE_CONTENT:
                    # The base is the type of the text, unless it is such a complex type itself.
                    text = base if base.startswith(f'{{{XSD}}}') else None
                    base = None if text else base
                elif content.tag == _RESTRICTION:
                    # A restriction repeats the fields of its base that it keeps.
                    base = None
                if base == _ANY_TYPE:
                    base = None
        fields: list[FieldDeclaration] = []
        is_open = self._particles(document, content, name, fields)
        attributes = tuple(self._attributes(document, content))
        is_reference = name == _REFERENCE and not fields
        return TypeDeclaration(
            document.source,
            Kind.MOREF.value if is_reference else Kind.COMPLEX.value,
            base=base,
            fields=tuple(fields),
            attributes=attributes,
            text=text,
            abstract=complex_type.get('abstract') in ('true', '1'),
            open=is_open,
        )

    def _particles(
        self,
        document: _Document,
        parent: etree._Element,
        owner: str,
        fields: list[FieldDeclaration],
        many: bool = False,
        optional: bool = False,
    ) -> bool:
        """Append the fields below an element; tells whether any other is allowed as well."""
        is_open = False
        for child in parent:
            tag = child.tag
            if tag == _ELEMENT:
                fields.append(self._field(document, child, owner, many, optional))
            elif tag in (_SEQUENCE, _ALL, _CHOICE):
                is_open |= self._particles(
                    document,
                    child,
                    owner,
                    fields,
                    many or _repeats(child),
                    optional or tag == _CHOICE or child.get('minOccurs') == '0',
                )
            elif tag == _GROUP:
                found = self._groups.get(document.name(_required(document, child, 'ref'), child))
                if found is None:
                    raise document.error(child, 'refers to a group that is not declared')
                is_open |= self._particles(
                    *found,
                    owner,
                    fields,
                    many or _repeats(child),
                    optional or child.get('minOccurs') == '0',
                )
            elif tag == _ANY:
                is_open = True
            elif tag not in _NO_PARTICLES:
                raise document.error(child, 'is not understood here')
        return is_open

    def _field(
        self,
        document: _Document,
        element: etree._Element,
        owner: str,
        many: bool,
        optional: bool,
    ) -> FieldDeclaration:
        get = element.get
        maximum = get('maxOccurs')
        many = many or (maximum is not None and maximum not in ('0', '1'))
        optional = optional or get('minOccurs') == '0'
        name = get('name')
        if name is not None:
            declared = get('type')
            form = get('form')
            qualified = document.qualified if form is None else form == 'qualified'
            return FieldDeclaration(
                name,
                document.namespace if qualified else '',
                (
                    document.name(declared, element)
                    if declared is not None
                    else self._element_type(document, element, f'{owner.lstrip("#")}.{name}')
                ),
                many,
                optional,
                get('nillable') in ('true', '1'),
            )
        reference = document.name(_required(document, element, 'ref'), element)
        type_ = self._elements.get(reference)
        if type_ is None:
            raise document.error(element, f'element {reference} is not declared')
        namespace, _, local = reference[1:].partition('}')
        return FieldDeclaration(
            local, namespace, type_, many, optional, reference in self._nillable
        )

    def _attributes(self, document: _Document, parent: etree._Element) -> Iterator[Attribute]:
        for child in parent:
            if child.tag == _ATTRIBUTE:
                yield self._attribute(document, child)
            elif child.tag == _ATTRIBUTE_GROUP:
                name = document.name(_required(document, child, 'ref'), child)
                found = self._attribute_groups.get(name)
                if found is None:
                    raise document.error(child, 'refers to attributes that are not declared')
                yield from self._attributes(*found)

    def _attribute(self, document: _Document, attribute: etree._Element) -> Attribute:
        required = attribute.get('use') == 'required'
        reference = attribute.get('ref')
        if reference is not None:
            # Such as xml:lang; what it holds is text to us.
            return Attribute(document.name(reference, attribute), _STRING, required)
        name = _required(document, attribute, 'name')
        form = attribute.get('form')
        if document.qualified_attributes if form is None else form == 'qualified':
            name = f'{{{document.namespace}}}{name}'
        declared = attribute.get('type')
        type_ = _STRING if declared is None else document.name(declared, attribute)
        return Attribute(name, type_, required)


# What else stands beside the particles of a type, read elsewhere or without meaning for us.
_NO_PARTICLES = frozenset(
    {
        _ANNOTATION,
        _ATTRIBUTE,
        _ATTRIBUTE_GROUP,
        _ANY_ATTRIBUTE,
        _ENUMERATION,
        _SIMPLE_CONTENT,
        _SIMPLE_TYPE,
    }
)


def _derivation(document: _Document, content: etree._Element) -> etree._Element:
    for child in content:
        if child.tag in (_EXTENSION, _RESTRICTION):
            return child
    raise document.error(content, 'has neither an extension nor a restriction')


def _repeats(particle: etree._Element) -> bool:
    return particle.get('maxOccurs', '1') not in ('0', '1')


def _required(document: _Document, element: etree._Element, attribute: str) -> str:
    value = element.get(attribute)
    if value is None:
        raise document.error(element, f'has no {attribute}')
    return value


def _wsdl_name(element: etree._Element) -> str:
    """Local name of an element of WSDL itself, '' for any other."""
    prefix = f'{{{_WSDL}}}'
    return element.tag[len(prefix) :] if element.tag.startswith(prefix) else ''


def _label(element: etree._Element) -> str:
    """What to call an element in a message: ``element "config"``."""
    local = etree.QName(element).localname
    name = element.get('name') or element.get('ref')
    return f'{local} "{name}"' if name else local
