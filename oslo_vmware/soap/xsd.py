"""Reads XML Schema documents into declarations.

Documents include and import each other; a *reader*, a callable from a location to bytes, fetches
them, so that nothing here does I/O over a network itself. Of XML Schema that is understood which
descriptions of services can hold; anything else is an error that names the file and the element.

DTDs are refused, entities are not expanded, the parser never opens a file or a connection.
"""

import contextlib
import os
import urllib.parse
from collections.abc import Callable, Iterator
from typing import TypeAlias

from lxml import etree

from oslo_vmware.soap.declarations import Attribute, FieldDeclaration, TypeDeclaration
from oslo_vmware.soap.schema import XSD, Kind, SchemaError

Reader: TypeAlias = Callable[[str], bytes]

_XML = 'http://www.w3.org/XML/1998/namespace'

SCHEMA = f'{{{XSD}}}schema'
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


class Documents:
    """Fetches and parses the documents of one description.

    :param read: see the module
    """

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

    def root(self, location: str) -> etree._Element:
        """The root element of a document.

        :raises SchemaError: it cannot be read, or is not XML, or has a DTD
        """
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


class Document:
    """One schema element with what its names mean."""

    def __init__(self, source: str, root: etree._Element, namespace: str) -> None:
        self.source = source
        self.root = root
        self.namespace = namespace
        self.qualified = root.get('elementFormDefault') == 'qualified'
        self.qualified_attributes = root.get('attributeFormDefault') == 'qualified'
        # Prefixes that mean something else further down must be looked up there.
        redeclared = {
            prefix or None
            for _, (prefix, uri) in etree.iterwalk(root, events=('start-ns',))
            if root.nsmap.get(prefix or None) != uri
        }
        self._nsmap = {
            prefix: uri
            for prefix, uri in {'xml': _XML, **root.nsmap}.items()
            if prefix not in redeclared
        }
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
        return SchemaError(f'{where}: {label(element)}: {problem}')


class SchemaCompiler:
    """Collects the declarations of schemas; made for one description.

    :param documents: where included and imported schemas come from
    :ivar types: declarations by Clark name
    :ivar elements: Clark name of the type of each global element
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.types: dict[str, TypeDeclaration] = {}
        self.elements: dict[str, str] = {}
        self._seen: set[tuple[str, str]] = set()
        self._nillable: set[str] = set()
        self._groups: dict[str, tuple[Document, etree._Element]] = {}
        self._attribute_groups: dict[str, tuple[Document, etree._Element]] = {}
        self._open_groups: list[tuple[str, str]] = []

    def add(self, documents: list[Document]) -> None:
        """Collect schemas with all they include; groups first, since others refer to them."""
        collected: list[Document] = []
        for document in documents:
            self._collect(document, collected)
        for document in collected:
            for group in document.root.iterchildren(_GROUP):
                name = f'{{{document.namespace}}}{required(document, group, "name")}'
                self._groups[name] = (document, group)
            for group in document.root.iterchildren(_ATTRIBUTE_GROUP):
                name = f'{{{document.namespace}}}{required(document, group, "name")}'
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
            for element in document.root.iterchildren(_ELEMENT):
                if element.get('type') is None:
                    self._element_type(document, element, element.get('name', ''))

    def _collect(self, document: Document, collected: list[Document]) -> None:
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
            root = self._documents.root(location)
            if root.tag != SCHEMA:
                raise document.error(child, f'{location} is not an XML Schema')
            found = root.get('targetNamespace', namespace if included else '')
            if found != namespace:
                raise document.error(
                    child, f'{location} is for namespace {found!r}, not {namespace!r}'
                )
            self._collect(Document(location, root, namespace), collected)

    def _global_elements(self, document: Document) -> None:
        for element in document.root.iterchildren(_ELEMENT):
            name = required(document, element, 'name')
            declared = element.get('type')
            if declared is not None:
                type_ = document.name(declared, element)
            elif any(child.tag in (_COMPLEX_TYPE, _SIMPLE_TYPE) for child in element):
                # Declared in place, and read when all elements that it may refer to are known.
                type_ = _in_place(document, name)
            else:
                type_ = _ANY_TYPE
            self.elements[f'{{{document.namespace}}}{name}'] = type_

    def _global_types(self, document: Document) -> None:
        for child in document.root:
            if child.tag == _COMPLEX_TYPE:
                name = required(document, child, 'name')
                self._add(document, child, name, self._complex_type(document, child, name))
            elif child.tag == _SIMPLE_TYPE:
                name = required(document, child, 'name')
                self._add(document, child, name, self._simple_type(document, child))

    def _add(
        self,
        document: Document,
        element: etree._Element,
        name: str,
        declaration: TypeDeclaration,
    ) -> str:
        tag = f'{{{document.namespace}}}{name}'
        known = self.types.get(tag)
        if known is not None and known._replace(source='') != declaration._replace(source=''):
            raise document.error(element, f'is declared differently in {known.source}')
        self.types[tag] = declaration
        return tag

    def _element_type(self, document: Document, element: etree._Element, path: str) -> str:
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

    def _simple_type(self, document: Document, simple: etree._Element) -> TypeDeclaration:
        restriction = simple.find(_RESTRICTION)
        if restriction is None:
            # A list or a union is text to us.
            return TypeDeclaration(document.source, Kind.BUILTIN.value, text=_STRING)
        base = restriction.get('base')
        values = tuple(
            required(document, value, 'value') for value in restriction.iterchildren(_ENUMERATION)
        )
        return TypeDeclaration(
            document.source,
            Kind.ENUM.value if values else Kind.BUILTIN.value,
            base=_STRING if base is None else document.name(base, restriction),
            values=values,
        )

    def _complex_type(
        self, document: Document, complex_type: etree._Element, name: str
    ) -> TypeDeclaration:
        base = text = None
        content = complex_type
        for child in complex_type:
            if child.tag in (_COMPLEX_CONTENT, _SIMPLE_CONTENT):
                content = _derivation(document, child)
                base = document.name(required(document, content, 'base'), content)
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
        document: Document,
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
                with self._group(document, child, self._groups) as found:
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
        document: Document,
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
        reference = document.name(required(document, element, 'ref'), element)
        type_ = self.elements.get(reference)
        if type_ is None:
            raise document.error(element, f'element {reference} is not declared')
        namespace, _, local = reference[1:].partition('}')
        return FieldDeclaration(
            local, namespace, type_, many, optional, reference in self._nillable
        )

    def _attributes(self, document: Document, parent: etree._Element) -> Iterator[Attribute]:
        for child in parent:
            if child.tag == _ATTRIBUTE:
                yield self._attribute(document, child)
            elif child.tag == _ATTRIBUTE_GROUP:
                with self._group(document, child, self._attribute_groups) as found:
                    yield from self._attributes(*found)

    @contextlib.contextmanager
    def _group(
        self,
        document: Document,
        user: etree._Element,
        groups: dict[str, tuple[Document, etree._Element]],
    ) -> Iterator[tuple[Document, etree._Element]]:
        """The group that an element refers to, while its content is read."""
        name = document.name(required(document, user, 'ref'), user)
        found = groups.get(name)
        if found is None:
            raise document.error(user, 'refers to a group that is not declared')
        if (user.tag, name) in self._open_groups:
            raise document.error(user, 'contains itself')
        self._open_groups.append((user.tag, name))
        yield found
        self._open_groups.pop()

    def _attribute(self, document: Document, attribute: etree._Element) -> Attribute:
        is_required = attribute.get('use') == 'required'
        reference = attribute.get('ref')
        if reference is not None:
            # Such as xml:lang; what it holds is text to us.
            return Attribute(document.name(reference, attribute), _STRING, is_required)
        name = required(document, attribute, 'name')
        form = attribute.get('form')
        if document.qualified_attributes if form is None else form == 'qualified':
            name = f'{{{document.namespace}}}{name}'
        declared = attribute.get('type')
        type_ = _STRING if declared is None else document.name(declared, attribute)
        return Attribute(name, type_, is_required)


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


def _in_place(document: Document, path: str) -> str:
    """The Clark name of a type declared inside an element, one that no user can write."""
    return f'{{{document.namespace}}}#{path}'


def _derivation(document: Document, content: etree._Element) -> etree._Element:
    for child in content:
        if child.tag in (_EXTENSION, _RESTRICTION):
            return child
    raise document.error(content, 'has neither an extension nor a restriction')


def _repeats(particle: etree._Element) -> bool:
    return particle.get('maxOccurs', '1') not in ('0', '1')


def required(document: Document, element: etree._Element, attribute: str) -> str:
    """The value of an attribute that must be there."""
    value = element.get(attribute)
    if value is None:
        raise document.error(element, f'has no {attribute}')
    return value


def label(element: etree._Element) -> str:
    """What to call an element in a message: ``element "config"``."""
    local = etree.QName(element).localname
    name = element.get('name') or element.get('ref')
    return f'{local} "{name}"' if name else local
