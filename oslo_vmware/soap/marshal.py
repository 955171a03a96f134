"""Objects to request XML, by the order of the schema.

As for replies there is a *plan* for each type, made when first needed. What goes on the wire is
what suds would send after the cleaning that vSphere servers need:

- ``None``, empty lists and objects in which nothing was set are left out. An empty *text* is
  sent, because it means something: Nova removes an extra-config key that way. So is an object
  whose ``xsi:type`` says something, a ``VirtualMachineEmptyProfileSpec``, and one that the
  description requires, if a user has put it there and not the factory.
- ``None`` in an object of a reply is an element that came empty. Where the description requires a
  text it goes back as it came.
- ``xsi:type`` stands where an object's type is not the declared one.
- VIM: what stands in an element named ``value`` or ``val`` goes as a string, ``removeKey`` as a
  number if it reads as one. PBM compares values, and gets them as what they are in Python.
  :class:`~oslo_vmware.soap.values.TypedValue` says otherwise.

A member that the type does not have fails the call when it is set; ``None`` is no harm.

Which prefixes are used is fixed, because servers exist that compare them literally: ``soapenv``,
``xsd`` and ``xsi``, none for the service's own namespace, ``vim25`` for VIM types elsewhere. All
are declared on the envelope, or on the message itself.

Objects are recognised by ``__class__``, and read with ``getattr`` unless they are surely ours:
users hand in proxies whose class lies and whose attributes are another object's.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import suds
from suds import sudsobject

from oslo_vmware.soap.objects import EmptyObject, Prepared, Record
from oslo_vmware.soap.schema import (
    Field,
    Kind,
    Operation,
    Schema,
    Type,
    builtin_name,
    is_text,
    split,
)
from oslo_vmware.soap.values import TypedValue, text_of, typed_text

_ENVELOPE = 'http://schemas.xmlsoap.org/soap/envelope/'
_XSI = 'http://www.w3.org/2001/XMLSchema-instance'
_XSD = 'http://www.w3.org/2001/XMLSchema'

#: Prefixes that servers expect to see, by namespace; the service's own namespace needs none.
_CONVENTIONAL = {'urn:vim25': 'vim25', 'urn:pbm': 'pbm'}

#: Objects that say all they have to by being there.
_EMPTY_ELEMENTS = frozenset({'VirtualMachineEmptyProfileSpec'})

# As constants, because to make a union at each member costs more than to look at it.
_LISTS = (list, tuple)
_OBJECTS = (sudsobject.Object, dict)
#: What most members are, and certainly nothing else.
_SIMPLE = frozenset({str, int, bool})

#: What no XML document can hold, escaped or not. Its complement would take ten times as long to
#: compile, which is as long as it takes to log in.
_IMPOSSIBLE = re.compile('[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
#: What of ASCII it can hold. To take that out of a message takes a tenth of searching it.
_POSSIBLE = bytes([*b'\t\n\r', *range(0x20, 0x80)])

_TEXT_ESCAPES = str.maketrans({'&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;'})
_TO_ESCAPE = re.compile('[&<>\r]').search
_ATTRIBUTE_ESCAPES = str.maketrans(
    {'&': '&amp;', '<': '&lt;', '"': '&quot;', '\t': '&#9;', '\n': '&#10;', '\r': '&#13;'}
)


class _Element:
    """How one member is written.

    :ivar start: the start tag without its closing bracket
    :ivar open: the start tag
    :ivar end: the end tag
    :ivar is_text: whether a text or a number is written as it is, and nothing beside it
    :ivar is_boolean: whether a truth value is written by itself
    :ivar is_object: whether an object is written member by member
    :ivar is_required: whether an object without members is written as well
    :ivar must_say_nil: whether it may not just be left out
    :ivar may_be_empty: whether it is a text that is required
    :ivar plain: whether a text is all there can be, without a type beside it
    :ivar typing: gives the type to write for a text, by the member's name; None where that does
                  not decide
    """

    __slots__ = (
        *('end', 'field', 'is_boolean', 'is_object', 'is_required', 'is_text', 'may_be_empty'),
        *('must_say_nil', 'open', 'plain', 'start', 'typing'),
    )

    def __init__(self, encoder: 'Encoder', field: Field) -> None:
        name = encoder.name(field.tag)
        self.field = field
        self.start = f'<{name}'
        self.open = f'<{name}>'
        self.end = f'</{name}>'
        self.is_required = not field.optional
        self.must_say_nil = field.nillable and not field.optional
        self.may_be_empty = (
            not field.optional and field.kind is Kind.BUILTIN and is_text(field.builtin)
        )
        self.typing = None if encoder.types_values else _TYPINGS.get(field.name)
        self.plain = self.typing is None and field.kind in (Kind.BUILTIN, Kind.ENUM)
        self.is_boolean = self.plain and field.builtin == 'boolean'
        self.is_object = field.kind is Kind.COMPLEX
        self.is_text = self.plain and not self.is_boolean


class _Plan:
    """How objects of a type are written: its members by name, in the order of the schema."""

    __slots__ = ('attributes', 'elements', 'in_order', 'name', 'names', 'type', 'typing')

    def __init__(self, encoder: 'Encoder', type_: Type) -> None:
        self.type = type_
        self.name = encoder.name(type_.tag)
        self.typing = f' xsi:type="{self.name}"'
        self.elements = {field.name: _Element(encoder, field) for field in type_.fields}
        self.names = list(self.elements)
        self.in_order = list(self.elements.values())
        self.attributes = {split(one.name)[1]: one for one in type_.attributes}


class Encoder:
    """Writes requests to one service; any number of threads may use it.

    :param schema: what the service's types look like
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._plans: dict[str, _Plan] = {}
        #: PBM compares values where VIM converts them.
        self.types_values = schema.namespace.startswith('urn:pbm')
        # Under a default namespace an element of no namespace would need to undo it.
        self._default = '' if schema.description.unqualified else schema.namespace
        self._prefixes = {_XSD: 'xsd', _XSI: 'xsi'}
        for namespace in schema.description.namespaces:
            prefix = _CONVENTIONAL.get(namespace, f'ns{len(self._prefixes)}')
            self._prefixes.setdefault(namespace, prefix)
        declared = ''.join(
            f' xmlns:{prefix}="{namespace}"'
            for namespace, prefix in self._prefixes.items()
            if namespace != self._default
        )
        self._opening = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<soapenv:Envelope xmlns:soapenv="{_ENVELOPE}"{declared}>'
        )

    # Names

    def name(self, tag: str) -> str:
        """The name of an element or a type as it is written."""
        namespace, local = split(tag)
        prefix = '' if namespace == self._default else self._prefixes.get(namespace, '')
        return f'{prefix}:{local}' if prefix else local

    def _plan(self, tag: str) -> _Plan:
        found = self._plans.get(tag)
        if found is None:
            found = self._plans[tag] = _Plan(self, self._schema.type(tag))
        return found

    # Messages

    def request(
        self,
        operation: Operation,
        managed_object: Any,
        arguments: Mapping[str, Any],
        headers: Iterable[tuple[str, str]] = (),
    ) -> bytes:
        """The envelope of a request.

        :param managed_object: sent as ``_this``, or whatever the operation's first parameter is
        :param arguments: the other parameters by name
        :param headers: SOAP headers, as (element name, text)
        :raises TypeError: the operation does not have one of the arguments, or a value stands
                           where an object must
        :raises AttributeError: what stands for a reference has no ``value``
        :raises suds.TypeNotFound: an object has a member that its type does not have
        :raises ValueError: a text has a character that XML cannot hold, or an object contains
                            itself
        """
        out = [self._opening]
        header = ''.join(f'<{name}>{_escaped(text)}</{name}>' for name, text in headers)
        if header:
            out.append(f'<soapenv:Header>{header}</soapenv:Header>')
        message_name = self.name(operation.request)
        declaration = f' xmlns="{self._default}"' if self._default else ''
        out.append(f'<soapenv:Body><{message_name}{declaration}>')
        elements = self._parameters(operation)
        values = dict(arguments)
        if elements:
            first = next(iter(elements))
            if first in values:
                raise TypeError(f'{operation.name}() got multiple values for argument {first!r}')
            values[first] = managed_object
        if not values.keys() <= elements.keys():
            unknown = ', '.join(repr(one) for one in values if one not in elements)
            near = _nearest(next(one for one in values if one not in elements), elements)
            raise TypeError(f'{operation.name}() has no argument {unknown}{near}')
        try:
            for name, element in elements.items():
                value = values.get(name)
                if value is not None:
                    self._member(element, value, out)
                elif element.must_say_nil:
                    out.append(f'{element.start} xsi:nil="true"/>')
        except RecursionError:
            raise ValueError(
                f'{operation.name}: an argument contains itself, or is nested too deep'
            ) from None
        out.append(f'</{message_name}></soapenv:Body></soapenv:Envelope>')
        message = ''.join(out)
        if not message.isascii() or message.encode().translate(None, _POSSIBLE):
            found = _IMPOSSIBLE.search(message)
            if found:
                raise ValueError(
                    f'{operation.name}: an argument has a character that XML cannot hold: '
                    f'{found[0]!r}'
                )
        return message.encode('utf-8')

    def _parameters(self, operation: Operation) -> Mapping[str, _Element]:
        message = self._schema.element(operation.request)
        # The schema has made the operation of it.
        assert message is not None
        return self._plan(message.tag).elements

    # Values

    def _member(self, element: _Element, value: Any, out: list[str]) -> None:
        """Write a member, or nothing if there is nothing to say."""
        if type(value) in _SIMPLE:
            self._simple(element, value, out)
        elif isinstance(value, _LISTS):
            for item in value:
                if item is not None:
                    self._member(element, item, out)
        elif isinstance(value, sudsobject.Property) or (
            element.field.kind is Kind.MOREF and hasattr(value, '_type')
        ):
            self._reference(element, value, out)
        elif isinstance(value, _OBJECTS):
            self._object(element, value, out)
        elif isinstance(value, EmptyObject) and element.field.kind in (Kind.COMPLEX, Kind.ANY):
            self._empty_object(element, value, out)
        else:
            self._simple(element, value, out)

    def _empty_object(self, element: _Element, value: EmptyObject, out: list[str]) -> None:
        tag = self._schema.lookup(value.type_name) or element.field.type
        typing = '' if tag == element.field.type else self._plan(tag).typing
        out.append(f'{element.start}{typing}/>')

    def _simple(self, element: _Element, value: Any, out: list[str]) -> None:
        field = element.field
        typing = ''
        if isinstance(value, TypedValue):
            if value.value is None:
                return
            typing, text = typed_text(value)
        elif element.plain:
            text = text_of(value, field.builtin)
        elif element.typing is not None:
            text = text_of(value, field.builtin)
            typing = element.typing(text)
        elif field.kind is Kind.ANY:
            typing, text = typed_text(value)
            text = text if typing else text_of(value, '')
        elif field.kind is Kind.MOREF and not isinstance(value, str):
            # Such as a proxy of nothing: that it has no id says more than its text would.
            self._reference(element, value, out)
            return
        elif field.kind is Kind.COMPLEX and value != '':
            # An empty text is what an empty object of a reply is.
            raise TypeError(
                f'{field.name} takes a {split(field.type)[1]}, not a {type(value).__name__}'
            )
        else:
            text = text_of(value, field.builtin)
        typing = f' xsi:type="xsd:{typing}"' if typing else ''
        out.append(f'{element.start}{typing}>{_escaped(text)}{element.end}')

    def _reference(self, element: _Element, value: Any, out: list[str]) -> None:
        typing = ''
        if element.field.kind is Kind.ANY:
            reference = self._schema.lookup('ManagedObjectReference')
            if reference is not None:
                typing = f' xsi:type="{self.name(reference)}"'
        # Read when needed, never kept: a proxy may be pointed elsewhere at any time.
        type_ = getattr(value, '_type', None)
        if type_:
            if element.field.kind not in (Kind.MOREF, Kind.ANY):
                raise suds.TypeNotFound(f'{split(element.field.type)[1]}._type')
            typing += f' type="{str(type_).translate(_ATTRIBUTE_ESCAPES)}"'
        text = value.value
        if text is None and not typing:
            return
        out.append(
            f'{element.start}{typing}>{"" if text is None else _escaped(str(text))}{element.end}'
        )

    def _object(self, element: _Element, value: Any, out: list[str]) -> None:
        field = element.field
        tag = field.type if isinstance(value, dict) else self._type_of(value, field.type)
        plan = self._plans.get(tag) or self._plan(tag)
        members = _members_of(value)
        may_be_read = type(members) is dict
        attributes = ''
        if tag != field.type and (plan.type.base is not None or field.kind is Kind.ANY):
            attributes = plan.typing
        contents: Iterable[Any]
        if [*members] == plan.names:
            # As the factory makes them.
            contents = list(members.values())
        else:
            contents = map(members.get, plan.names)
            if not members.keys() <= plan.elements.keys():
                for name, content in members.items():
                    if name not in plan.elements and content is not None:
                        attributes += self._attribute(plan, name, content)
        append = out.append
        before = len(out)
        append('')
        for member, content in zip(plan.in_order, contents, strict=True):
            if content is None:
                if member.must_say_nil:
                    append(f'{member.start} xsi:nil="true"/>')
                elif may_be_read and member.may_be_empty and _has_read(value, member):
                    self._simple(member, '', out)
                continue
            # The commonest, without a call for each. Guard: the encode figure of the benchmarks.
            kind = type(content)
            if kind is str and member.is_text:
                text = content if content.isalnum() else _escaped(content)
                append(f'{member.open}{text}{member.end}')
            elif kind is int and member.is_text:
                append(f'{member.open}{content}{member.end}')
            elif kind is bool and member.is_boolean:
                append(f'{member.open}{"true" if content else "false"}{member.end}')
            elif member.is_object and issubclass(kind, Record):
                self._object(member, content, out)
            elif kind is not list or content:
                self._member(member, content, out)
        if len(out) > before + 1:
            out[before] = f'{element.start}{attributes}>'
            out.append(element.end)
        elif (
            attributes
            or (element.is_required and type(members) is not Prepared)
            or field.name in _EMPTY_ELEMENTS
        ):
            out[before] = f'{element.start}{attributes}/>'
        else:
            out.pop()

    @staticmethod
    def _attribute(plan: _Plan, name: Any, content: Any) -> str:
        if isinstance(name, str) and name.startswith('_') and name[1:] in plan.attributes:
            text = text_of(content, builtin_name(plan.attributes[name[1:]].type))
            return f' {name[1:]}="{text.translate(_ATTRIBUTE_ESCAPES)}"' if text else ''
        if isinstance(content, _LISTS) and not content:
            return ''
        refused = suds.TypeNotFound(f'{plan.type.name}.{name}')
        refused.args = (f'{refused}{_nearest(name, plan.elements)}',)
        raise refused

    def _type_of(self, value: Any, declared: str) -> str:
        """Clark name of the type of an object that is about to stand in place of another."""
        cls = value.__class__
        tag = getattr(cls, '__xsd_type__', '')
        if tag and (tag in self._plans or self._schema.find(tag) is not None):
            return str(tag)
        named = self._schema.lookup(cls.__name__)
        if named is not None and self._schema.derives(named, declared):
            return named
        return declared


# What the type of a text is, by the name of the member that has it, see the module.
_TYPINGS = {
    'value': lambda text: 'string',
    'val': lambda text: 'string',
    'removeKey': lambda text: 'int' if _reads_as_int(text) else 'string',
}


def _nearest(name: Any, names: Iterable[str]) -> str:
    # Imported here because it is for mistakes only.
    from oslo_vmware.soap.wording import nearest

    return nearest(str(name), names)


def _reads_as_int(text: str) -> bool:
    try:
        int(text)
    except ValueError:
        return False
    return True


def _escaped(text: str) -> str:
    return text.translate(_TEXT_ESCAPES) if _TO_ESCAPE(text) else text


def _has_read(value: Any, member: _Element) -> bool:
    """Whether a member that is None has come with a reply."""
    # What users give as a dict has not, and of a proxy nobody knows.
    return issubclass(type(value), Record) and member.field.name in value.__dict__


def _members_of(value: Any) -> Mapping[str, Any]:
    """The members of an object by name, to look at only."""
    # Not of a proxy: its dictionary is its own.
    members: Mapping[str, Any] | None = value.__dict__ if issubclass(type(value), Record) else None
    if isinstance(value, dict):
        members = value
    if members is not None:
        return members
    return {name: getattr(value, name) for name in value.__keylist__}
