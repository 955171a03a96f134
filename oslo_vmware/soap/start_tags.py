"""What the start tags of replies say, found out once for each.

A *plan* says of a type which class its objects have and what elements are in them. What a start
tag says, attributes and namespaces included, depends on nothing but its text, the plan of the
type around it and the prefixes in force. That is an *entry*, made when such a tag is first met
and looked up by its text from then on: :class:`Starts` is the table for one type under one set
of prefixes, and each entry has the table for the tags inside.

Plans and entries belong to one description. Any number of threads may use them: of two that
make the same, both make equal ones.
"""

import functools
import re
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any

from oslo_vmware.soap.objects import (
    EmptyObject,
    Record,
    Reference,
    made_of,
    maker,
    object_class,
    type_class,
)
from oslo_vmware.soap.schema import Field, Kind, Schema, builtin_name, split
from oslo_vmware.soap.shapes import Entry, Shapes
from oslo_vmware.soap.values import Converter, Repeated, converted, converter

_XSI = '{http://www.w3.org/2001/XMLSchema-instance}'
XSI_TYPE = f'{_XSI}type'
_XSI_NIL = f'{_XSI}nil'
_XML = 'http://www.w3.org/XML/1998/namespace'
_XMLNS = 'http://www.w3.org/2000/xmlns/'
#: Namespaces whose attributes say something about the XML, not about the value.
_ABOUT_XML = (_XSI, f'{{{_XML}}}')

#: Names that suds changes, because they are words of Python.
_RESERVED = {'class': 'cls', 'def': 'dfn'}

#: How many bytes of memory a decoder spends at most on what it remembers of start tags, because
#: they come from whoever answers. Those of a large inventory are some hundred, and take 1 MiB.
MAX_BYTES = 8 * 1024 * 1024
#: Bytes of the longest tag that is remembered.
MAX_TAG_BYTES = 200

# What is remembered costs at most these bytes: an entry, each character of the tag, each XML
# attribute, what no description has (that needs classes of its own), and an empty table.
_ENTRY_BYTES = 1000
_CHARACTER_BYTES = 8
_ATTRIBUTE_BYTES = 400
_STRANGER_BYTES = 4500
_TABLE_BYTES = 400

#: Members of types whose texts are the same in thousands of objects.
_REPEATED = frozenset({('DynamicProperty', 'name'), ('PropertyChange', 'name')})

# Which characters names may have has been checked before, but not where they may stand once there
# are namespaces. Blanks are those of XML: of Unicode's others, one may be part of a name.
_NCNAME = r"""(?![-.\d\xb7\u0300-\u036f\u203f\u2040])[^\s:/<>="'!?]+"""
_NAME = f'{_NCNAME}(?::{_NCNAME})?'
_TAG = re.compile(rf"""({_NAME})((?:\s+{_NAME}\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(/?)""", re.ASCII)
_ATTRIBUTE = re.compile(r"""([^\s/<>="']+)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.ASCII)
_BLANKS = str.maketrans('\t\n', '  ')
# Zeros in front may be as many as they like, and int() takes not more than some thousand digits.
_ESCAPE = re.compile('&(?:#(x?)0*([0-9A-Fa-f]+)|(amp|lt|gt|quot|apos));')
_ESCAPED = {'amp': '&', 'lt': '<', 'gt': '>', 'quot': '"', 'apos': "'"}


class NotPlainError(ValueError):
    """Something in XML that can only be read by way of a tree."""


class Plan:
    """How objects of a type are made.

    :param tag: Clark name of the type, '' where nothing is known
    :ivar name: its local name
    :ivar cls: class of its objects; None where that has the element's name
    :ivar fields: its elements by their Clark names
    :ivar convert: of a simple type, what makes a value of a text
    :ivar attributes: the same of its XML attributes, by local name
    :ivar is_fault: whether the objects are faults
    :ivar is_object: whether it is a type with members, or could be
    """

    __slots__ = ('attributes', 'cls', 'convert', 'fields', 'is_fault', 'is_object', 'name')

    def __init__(self, schema: Schema, tag: str) -> None:
        self.name = split(tag)[1]
        self.cls: Any = None
        self.convert: Converter | None = None
        self.fields: Mapping[str, Field] = {}
        self.attributes: Mapping[str, Converter | None] = {}
        self.is_fault = False
        self.is_object = False
        if tag:
            type_ = schema.type(tag)
            self.is_object = type_.kind is Kind.COMPLEX
            self.cls = type_class(Record, type_.name.rpartition('#')[2], tag)
            if type_.kind in (Kind.BUILTIN, Kind.ENUM):
                self.convert = converter(type_.text)
            if type_.kind is Kind.ENUM and self.convert is None:
                self.convert = Repeated().__getitem__
            self.fields = {field.tag: field for field in type_.fields}
            self.attributes = {
                split(attribute.name)[1]: converter(builtin_name(attribute.type))
                for attribute in type_.attributes
            }
            self.is_fault = any(
                split(ancestor)[1] in ('MethodFault', 'RuntimeFault')
                for ancestor in type_.ancestors
            )

    def field(self, tag: str) -> Field | None:
        """The element of a Clark name, or of that name in another namespace."""
        found = self.fields.get(tag)
        if found is None:
            local = split(tag)[1]
            for field in self.fields.values():
                if field.name == local:
                    return field
        return found


class Plans:
    """The plans of one description.

    :param schema: what the service's types look like
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.repeated = Repeated()
        self._plans: dict[str, Plan] = {}

    def plan(self, tag: str) -> Plan:
        """The plan for a type.

        :param tag: its Clark name, which the description has, or '' where nothing is known
        """
        found = self._plans.get(tag)
        if found is None:
            # Of two threads the second finds what the first has put there.
            found = self._plans.setdefault(tag, Plan(self.schema, tag))
        return found


class Memory:
    """How much is remembered, of all scopes that share it.

    :ivar is_full: whether nothing more is to be remembered
    """

    def __init__(self) -> None:
        self._used = 0
        self.is_full = False

    def takes(self, size: int) -> bool:
        """Whether so many bytes are to be remembered."""
        self._used += size
        # Once full it stays so: whoever shares it begins anew.
        self.is_full = self.is_full or self._used > MAX_BYTES
        return not self.is_full

    def spares(self, size: int) -> bool:
        """Whether so many bytes may go to what need not be remembered: of all, at most half."""
        if self._used + size > MAX_BYTES // 2:
            return False
        self._used += size
        return True


class Scope:
    """Declarations of prefixes, and what start tags say where these are in force.

    :param prefixes: namespaces by prefix, '' for the default one
    :ivar memory: what it shares with others
    """

    def __init__(self, plans: Plans, prefixes: ChainMap[str, str], memory: Memory) -> None:
        self.plans = plans
        self.memory = memory
        self._prefixes = prefixes
        self._starts: dict[Plan, Starts] = {}

    def starts(self, plan: Plan) -> 'Starts':
        """What start tags say in objects of a type."""
        found = self._starts.get(plan)
        if found is None:
            found = Starts(self, plan)
            if self.memory.takes(_TABLE_BYTES):
                found = self._starts.setdefault(plan, found)
        return found

    def within(self, attributes: Iterable[tuple[str, str]]) -> 'Scope':
        """What is in force in an element that has these XML attributes.

        :raises NotPlainError: a declaration is none that namespaces in XML allow
        """
        declared = {
            name.partition(':')[2]: uri
            for name, uri in attributes
            if name.partition(':')[0] == 'xmlns'
        }
        if not declared:
            return self
        for prefix, uri in declared.items():
            is_reserved = prefix == 'xmlns' or uri == _XMLNS
            if is_reserved or (prefix == 'xml') != (uri == _XML) or (prefix and not uri):
                raise NotPlainError(f'{prefix!r} cannot be declared as {uri!r}')
        # Not a copy: each start tag that is remembered may have declarations of its own.
        return Scope(self.plans, self._prefixes.new_child(declared), self.memory)

    def element(self, name: str) -> str:
        """The Clark name of an element.

        :raises NotPlainError: its prefix is not declared, as for :meth:`attribute`
        """
        prefix, _, local = name.rpartition(':')
        namespace = _XML if prefix == 'xml' else self._prefixes.get(prefix, '')
        if prefix and not namespace:
            raise NotPlainError(f'the prefix of {name} is not declared')
        return f'{{{namespace}}}{local}' if namespace else local

    def attribute(self, name: str) -> str:
        """The Clark name of an XML attribute; without a prefix it has no namespace."""
        return self.element(name) if ':' in name else name

    def type(self, name: str) -> str | None:
        """The Clark name of the type that an ``xsi:type`` means, None if no description has it."""
        prefix, _, local = name.strip().rpartition(':')
        namespace = self._prefixes.get(prefix)
        return self.plans.schema.lookup(local if namespace is None else f'{{{namespace}}}{local}')


class Starts(dict[str, Entry]):
    """What start tags say in objects of a type, by the tags as written; made when first met."""

    __slots__ = ('_plan', '_scope')

    def __init__(self, scope: Scope, plan: Plan) -> None:
        super().__init__()
        self._scope = scope
        self._plan = plan

    def __missing__(self, tag: str) -> Entry:
        start = StartTag(self._scope, tag)
        entry = self._entry(start)
        if len(tag) <= MAX_TAG_BYTES and self._scope.memory.takes(self._weight(start, tag, entry)):
            self[tag] = entry
        return entry

    def _weight(self, start: 'StartTag', tag: str, entry: Entry) -> int:
        """How many bytes it takes at most to remember a tag."""
        is_known = entry[4].__xsd_type__ and self._plan.field(start.element) is not None
        return (
            _ENTRY_BYTES
            + len(tag) * _CHARACTER_BYTES
            + tag.count('=') * _ATTRIBUTE_BYTES
            + (0 if is_known else _STRANGER_BYTES)
        )

    def _entry(self, tag: 'StartTag') -> Entry:
        plans = self._scope.plans
        field = self._plan.field(tag.element)
        if field is None:
            return tag.entry(tag.local, False, '', plans.plan(''))
        empty = None if builtin_name(field.type) or field.nillable else ''
        found = tag.entry(field.name, field.many, empty, plans.plan(field.type))
        if found[2] is None and (self._plan.name, field.name) in _REPEATED:
            found = (*found[:2], plans.repeated.__getitem__, *found[3:])
        return found


class StartTag:
    """A start tag, taken apart.

    :param scope: what is in force around it
    :param tag: the tag as written, without its brackets
    :ivar element: Clark name of the element
    :ivar local: its local name
    :ivar scope: what is in force inside
    :ivar closed: whether it is an end tag, too
    :raises NotPlainError: it is no start tag, or namespaces in XML do not allow it
    """

    def __init__(self, scope: Scope, tag: str) -> None:
        name, written, closed = taken_apart(tag)
        attributes = attributes_of(written) if written else []
        self.closed = closed
        self.scope = scope = scope.within(attributes)
        self.element = scope.element(name)
        self.local = split(self.element)[1]
        self._attributes = {
            scope.attribute(name): value
            for name, value in attributes
            if name.partition(':')[0] != 'xmlns'
        }
        declarations = sum(name.partition(':')[0] == 'xmlns' for name, _ in attributes)
        if len(self._attributes) + declarations < len(attributes):
            raise NotPlainError(f'<{tag[:80]}> has an attribute twice')

    def entry(self, name: str, many: bool, empty: str | None, plan: Plan, cls: Any = None) -> Entry:
        """What the tag says.

        :param name: of the member that the element is
        :param many: whether the member repeats
        :param empty: value of an element without content
        :param plan: of the declared type
        :param cls: class of an object of that type, if it is not the plan's
        """
        scope = self.scope
        cls = cls or plan.cls
        typed = self._attributes.get(XSI_TYPE)
        if typed is not None:
            tag = scope.type(typed)
            if tag is None:
                # What no description has is read as what it stands in for.
                cls = object_class(Record, typed.strip().rpartition(':')[2])
            else:
                plan = scope.plans.plan(tag)
                cls = plan.cls
                if empty == '' and plan.is_object:
                    empty = EmptyObject.of(plan.name)
        cls = cls or object_class(Record, self.local)
        convert = plan.convert
        make_empty: Any = empty
        members = self._members(plan)
        if members:
            reference = object_class(Reference, self.local)
            values = tuple(members.values())
            convert = maker(reference, ('value', *members), values)
            make_empty = functools.partial(made_of, cls, members)
        elif plan.is_fault:
            make_empty = cls
        elif self._attributes.get(_XSI_NIL, '').strip() in ('true', '1'):
            make_empty = None
        inside = None if self.closed else scope.starts(plan)
        name = _RESERVED.get(name, name)
        return name, many, convert, make_empty, cls, members, inside, Shapes(scope.memory)

    def _members(self, plan: Plan) -> dict[str, Any]:
        """The members that are XML attributes."""
        members = {}
        for name, text in self._attributes.items():
            if not name.startswith(_ABOUT_XML):
                local = split(name)[1]
                value = converted(text, plan.attributes.get(local))
                members[f'_{_RESERVED.get(local, local)}'] = value
        return members


def taken_apart(tag: str) -> tuple[str, str, bool]:
    """Name and attributes of a start tag, as written, and whether it is an end tag, too.

    :raises NotPlainError: it is no start tag
    """
    found = _TAG.fullmatch(tag)
    if found is None:
        raise NotPlainError(f'<{tag[:80]}> is no start tag')
    name, attributes, end = found.groups()
    return name, attributes, bool(end)


def attributes_of(written: str) -> list[tuple[str, str]]:
    """Names and values of the XML attributes of a start tag, declarations of prefixes included."""
    return [
        (name, unescaped((double or single).translate(_BLANKS)))
        for name, double, single in _ATTRIBUTE.findall(written)
    ]


def unescaped(text: str) -> str:
    """A text without its references to characters."""
    return _ESCAPE.sub(_character, text) if '&' in text else text


def _character(found: re.Match[str]) -> str:
    base, digits, name = found.groups()
    return _ESCAPED[name] if name else chr(int(digits, 16 if base else 10))
