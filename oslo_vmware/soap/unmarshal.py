"""Reply XML to the objects that suds would build, by plans made once for each type.

A *plan* says of a type which class its objects have, and of each of its elements under which
name the value goes, whether it repeats, what kind of value it is and what makes one of its text.
Plans are made when first met and belong to one :class:`Decoder`, hence to one description; the
loop that follows them is :func:`_members`, and everything in it is there because it pays.

What suds does is kept to the letter, users depend on it: a member that did not come is no
attribute, an element that repeats is a list, XML attributes get an underscore, an empty element
is ``None`` where its type is one of XML Schema's own and ``''`` elsewhere, a text with XML
attributes is a :class:`~oslo_vmware.soap.objects.Reference` whose class has the element's name.
Otherwise than in suds, what the description does not know never fails a reply: an element is
then decoded by its ``xsi:type`` or its shape, an unknown ``xsi:type`` names the class, and text
that is none of its type's stays text. A fault without members keeps its class.
"""

import re
from collections.abc import Mapping
from typing import Any

from lxml import etree

from oslo_vmware.soap.objects import Record, Reference, object_class, type_class
from oslo_vmware.soap.schema import Field, Kind, Schema, builtin_name, split
from oslo_vmware.soap.values import UNFIT, Converter, converted, converter

_XSI = '{http://www.w3.org/2001/XMLSchema-instance}'
_XSI_TYPE = f'{_XSI}type'
_XSI_NIL = f'{_XSI}nil'
#: Namespaces whose attributes say something about the XML, not about the value.
_ABOUT_XML = (_XSI, '{http://www.w3.org/XML/1998/namespace}')
_JUST_TYPED = [_XSI_TYPE]
_JUST_A_REFERENCE = ['type']

#: Names that suds changes, because they are words of Python.
_RESERVED = {'class': 'cls', 'def': 'dfn'}

#: What comes before a document type declaration; all of it is optional.
_DOCTYPE = re.compile(rb'(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->)*<!DOCTYPE', re.DOTALL)

# How the value of an element is made.
_SIMPLE, _REFERENCE, _RECORD = range(3)

# (name of the member, whether it repeats, one of the above, means, plan of its type, what an
# empty one is); the means are a converter of text or the class of a reference, or None.
_Entry = tuple[str, bool, int, Any, '_Plan', str | None]

_new = object.__new__


class XmlError(ValueError):
    """A document that is not well-formed, or has what SOAP forbids."""


def parse(document: bytes) -> Any:
    """The root element of a document.

    :raises XmlError: it is not well-formed, declares a document type, or nests deeper than 256
                      elements
    """
    if b'<!DOCTYPE' in document and _DOCTYPE.match(document):
        raise XmlError('it has a document type, which SOAP forbids')
    # Of its own, because a parser serves one thread at a time. Its limits on depth and on the
    # size of a text are what huge_tree would lift.
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise XmlError(f'it is not well-formed XML: {exc}') from None
    if root.getroottree().docinfo.internalDTD is not None:
        # In an encoding that the search above cannot see through.
        raise XmlError('it has a document type, which SOAP forbids')
    return root


class _Plan:
    """How objects of a type are made; all but the class is found out at the first one.

    :ivar tag: Clark name of the type; of one that no description has, that of the type it
               stands in for, or ''
    :ivar cls: class of its objects; None where that has the element's name
    :ivar fields: entries by the elements' Clark names, None before :meth:`prepare`
    :ivar convert: of a simple type, what makes a value of a text
    :ivar is_fault: whether the objects are faults
    """

    __slots__ = ('attributes', 'cls', 'convert', 'decoder', 'fields', 'is_fault', 'tag')

    fields: dict[str, _Entry] | None
    attributes: Mapping[str, Converter | None]

    def __init__(self, decoder: 'Decoder', tag: str, cls: Any = None) -> None:
        self.decoder = decoder
        self.tag = tag
        self.cls = cls
        self.fields = None
        self.convert: Converter | None = None
        self.attributes = {}
        self.is_fault = False

    def prepare(self) -> dict[str, _Entry]:
        """Find out what the type's elements are."""
        fields: dict[str, _Entry] = {}
        if self.tag:
            type_ = self.decoder.schema.type(self.tag)
            self.cls = self.cls or type_class(Record, type_.name.rpartition('#')[2], self.tag)
            if type_.kind in (Kind.BUILTIN, Kind.ENUM):
                self.convert = converter(type_.text)
            self.attributes = {
                split(attribute.name)[1]: converter(builtin_name(attribute.type))
                for attribute in type_.attributes
            }
            self.is_fault = any(
                split(ancestor)[1] in ('MethodFault', 'RuntimeFault')
                for ancestor in type_.ancestors
            )
            fields = {field.tag: self._entry(field) for field in type_.fields}
        # Last, because other threads take it for the sign that the rest is there.
        self.fields = fields
        return fields

    def _entry(self, field: Field) -> _Entry:
        means: Any = None
        kind = _RECORD
        if field.kind in (Kind.BUILTIN, Kind.ENUM):
            kind, means = _SIMPLE, converter(field.builtin)
        elif field.kind is Kind.MOREF:
            kind, means = _REFERENCE, object_class(Reference, field.name)
        name = _RESERVED.get(field.name, field.name)
        empty = None if builtin_name(field.type) or field.nillable else ''
        return name, field.many, kind, means, self.decoder.plan(field.type), empty


class Decoder:
    """Makes objects of the replies of one service; any number of threads may use it.

    :param schema: what the service's types look like
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._plans: dict[str, _Plan] = {}
        #: For values that nothing is known of.
        self.shapeless = _Plan(self, '')
        self.shapeless.prepare()

    def plan(self, tag: str) -> _Plan:
        """The plan for the type of a Clark name, which the description has."""
        found = self._plans.get(tag)
        if found is None:
            # Of two threads the second finds what the first has put there.
            found = self._plans.setdefault(tag, _Plan(self, tag))
        return found

    def members(self, element: Any, declared: str, document: bytes) -> dict[str, Any]:
        """The members of a message.

        :param element: the message's element
        :param declared: Clark name of the element that it should be
        :param document: all of the XML that the element is in
        :returns: values by name; what did not come is not there
        """
        type_ = self.schema.element(declared)
        plan = self.shapeless if type_ is None else self.plan(type_.tag)
        members: dict[str, Any] = {}
        _members(element, plan, _Scope(self, element, document), members)
        return members

    def fault(self, element: Any, document: bytes) -> Any:
        """One fault of those in a SOAP fault's detail, always an object."""
        name = split(element.tag)[1]
        type_ = self.schema.element(element.tag)
        # Without an xsi:type the element's name is what it is called, whatever its type is.
        declared = _Plan(self, '' if type_ is None else type_.tag, object_class(Record, name))
        value = _value(element, declared, '', _Scope(self, element, document))
        if not isinstance(value, Record):
            value = object_class(Record, (element.get(_XSI_TYPE) or name).rpartition(':')[2])()
        return value


class _Scope:
    """What the names in ``xsi:type`` attributes of one document mean.

    Prefixes are looked up once for all of it when no element below the message declares any,
    which is how servers write. Where one does, each element is asked for its own.

    :ivar known: plans by the names as written, as far as they mean the same everywhere
    """

    def __init__(self, decoder: Decoder, element: Any, document: bytes) -> None:
        self.decoder = decoder
        self.known: dict[str, _Plan] = {}
        prefixes = element.nsmap
        self._prefixes = prefixes if document.count(b'xmlns') == len(prefixes) else None

    def plan(self, name: str, element: Any, declared: _Plan) -> _Plan:
        """The plan for an ``xsi:type``.

        :param name: the attribute's value
        :param element: where it stands
        :param declared: what to go by if no description has the type
        """
        schema = self.decoder.schema
        prefix, _, local = name.strip().rpartition(':')
        prefixes = element.nsmap if self._prefixes is None else self._prefixes
        namespace = prefixes.get(prefix or None)
        tag = schema.lookup(local if namespace is None else f'{{{namespace}}}{local}')
        if tag is None:
            found = _Plan(self.decoder, declared.tag, object_class(Record, local))
        else:
            found = self.decoder.plan(tag)
            if self._prefixes is not None:
                self.known[name] = found
        if found.fields is None:
            found.prepare()
        return found


def _members(element: Any, plan: _Plan, scope: _Scope, members: dict[str, Any]) -> None:
    """Add the values of an element's children to what is known of it already."""
    fields = plan.fields
    if fields is None:
        fields = plan.prepare()
    known = scope.known
    for child in element:
        entry = fields.get(child.tag)
        if entry is None:
            entry = _undeclared(plan, child)
        name, many, kind, means, declared, empty = entry
        attributes = child.keys()
        if kind == _SIMPLE and not attributes and not len(child):
            value = child.text
            if not value:
                value = empty
            elif means is not None:
                try:
                    value = means(value)
                except UNFIT:
                    pass
        elif kind == _REFERENCE and attributes == _JUST_A_REFERENCE and child.text:
            value = _new(means)
            value.__dict__ = {'value': child.text, '_type': child.get('type')}
        elif kind == _RECORD and (not attributes or attributes == _JUST_TYPED):
            if attributes:
                typed = child.get(_XSI_TYPE)
                declared = known.get(typed) or scope.plan(typed, child, declared)
            if len(child):
                content: dict[str, Any] = {}
                _members(child, declared, scope, content)
                value = _new(declared.cls or _class_of(child))
                value.__dict__ = content
            else:
                value = _childless(child, declared, empty)
        else:
            value = _value(child, declared, empty, scope)
        if many:
            present = members.get(name)
            if present is not None:
                present.append(value)
            else:
                # suds takes an empty first item for an empty list.
                members[name] = [] if value is None else [value]
        elif name in members:
            present = members[name]
            if isinstance(present, list):
                present.append(value)
            else:
                members[name] = [present, value]
        else:
            members[name] = value


def _undeclared(plan: _Plan, element: Any) -> _Entry:
    """How to read an element that the plan does not have: by its name, or by what it says."""
    local = split(element.tag)[1]
    for tag, entry in (plan.fields or {}).items():
        if split(tag)[1] == local:
            return entry
    return _RESERVED.get(local, local), False, _RECORD, None, plan.decoder.shapeless, ''


def _class_of(element: Any) -> type:
    """The class of an object that nothing is known of but the name of its element."""
    return object_class(Record, split(element.tag)[1])


def _childless(element: Any, plan: _Plan, empty: str | None) -> Any:
    """The value of an element that has neither children nor attributes of its own."""
    if plan.fields is None:
        plan.prepare()
    text = element.text
    if text:
        return converted(text, plan.convert)
    return plan.cls() if plan.is_fault else empty


def _value(element: Any, plan: _Plan, empty: str | None, scope: _Scope) -> Any:
    """The value of an element, whatever is in it."""
    typed = element.get(_XSI_TYPE)
    if typed is not None:
        plan = scope.known.get(typed) or scope.plan(typed, element, plan)
    elif plan.fields is None:
        plan.prepare()
    members: dict[str, Any] = {}
    for name, text in element.items():
        if not name.startswith(_ABOUT_XML):
            local = split(name)[1]
            value = converted(text, plan.attributes.get(local))
            members[f'_{_RESERVED.get(local, local)}'] = value
    if len(element):
        _members(element, plan, scope, members)
    elif not members:
        is_nil = element.get(_XSI_NIL, '').strip() in ('true', '1')
        return _childless(element, plan, None if is_nil else empty)
    elif element.text:
        reference = object_class(Reference, split(element.tag)[1])(element.text)
        reference.__dict__.update(members)
        return reference
    record = _new(plan.cls or _class_of(element))
    record.__dict__ = members
    return record
