"""Between XML and the simulator's values, by schema.

A request becomes a :class:`~oslo_vmware.simulator.world.data.DataObject` of its parameters. The
reading is as strict as a vCenter's: an element that the type does not have, out of its order or
missing although required, a value that does not fit, a type that does not derive from the
declared one, all are an ``InvalidRequest`` fault whose text names type and field. Only where
servers are known to be lenient is this one: ``True`` for a boolean, ``1024.0`` for a whole
number, a prefix ``xsd`` that is nowhere declared.

A value becomes text. Types are checked here as well, but what does not fit is a mistake in the
simulator and raises :class:`EncodeError` with type and field.

For both directions a plan per type is made when the type is first used.
"""

import base64
import binascii
import datetime
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from lxml import etree

from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, Typed, types
from oslo_vmware.simulator.world.metamodel import PropertyType
from oslo_vmware.simulator.world.registry import ManagedObject
from oslo_vmware.soap import schema as soap_schema
from oslo_vmware.soap.schema import XSD, Field, Kind, Schema

_XSI_TYPE = '{http://www.w3.org/2001/XMLSchema-instance}type'
_XSD_PREFIX = f'{{{XSD}}}'

_CDATA = str.maketrans({'&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;'})
_ATTRIBUTE = str.maketrans(
    {
        '&': '&amp;',
        '<': '&lt;',
        '"': '&quot;',
        '\n': '&#10;',
        '\r': '&#13;',
        '\t': '&#9;',
    }
)
# XML 1.0 has no way to say these; a vCenter drops or replaces them as well.
_UNSAYABLE = re.compile('[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')


class EncodeError(Exception):
    """The simulator made a value that its own schema does not allow."""


def escape(text: str) -> str:
    """Text as the content of an element."""
    if _UNSAYABLE.search(text):
        text = _UNSAYABLE.sub('\ufffd', text)
    return text.translate(_CDATA)


def escape_attribute(text: str) -> str:
    """Text as the value of an attribute in double quotes."""
    return _UNSAYABLE.sub('\ufffd', text).translate(_ATTRIBUTE)


# --- encoding --------------------------------------------------------------------------------

_Out: TypeAlias = list[str]
_Writer: TypeAlias = Callable[[list[str], str, str, Any], None]


class _Member(NamedTuple):
    """How one field of a type is written."""

    field: Field
    open_tag: str  # '<name' and, where it changes, the default namespace
    close_tag: str
    write: _Writer


class Encoder:
    """Values to XML.

    :param schema: the service's description
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._plans: dict[tuple[str, str], list[_Member]] = {}
        self._tags: dict[str, str] = {}

    def fault(self, name: str, value: DataObject) -> str:
        """A fault as the element of a SOAP fault's detail."""
        out: _Out = []
        namespace = self._schema.namespace
        self._complex(out, f'<{name} xmlns="{namespace}"', f'</{name}>', value, None, namespace)
        return ''.join(out)

    def result(self, field: Field, value: Any, operation: str) -> str:
        """The result of an operation.

        :raises EncodeError: the value is not what the operation declares
        """
        namespace = self._schema.namespace
        return ''.join(self._write_field([], self._member(operation, field, namespace), value))

    def any_value(self, name: str, value: Any, declared: PropertyType | None = None) -> str:
        """A value in a place of type any: an element with the xsi:type of what is in it.

        :param declared: type of the property or field that the value comes from
        """
        out: _Out = []
        if declared is not None:
            value = as_declared(value, declared)
        self._any(out, f'<{name}', f'</{name}>', value)
        return ''.join(out)

    # --- plans

    def _tag_of(self, wire_type: str) -> str:
        tag = self._tags.get(wire_type)
        if tag is None:
            found = self._schema.lookup(wire_type)
            if found is None:
                raise EncodeError(f'the schema has no type {wire_type}')
            tag = self._tags[wire_type] = found
        return tag

    def _plan(self, tag: str, scope: str) -> list[_Member]:
        """How the fields of a type are written where ``scope`` is the default namespace."""
        plan = self._plans.get((tag, scope))
        if plan is None:
            type_ = self._schema.type(tag)
            plan = [self._member(type_.name, field, scope) for field in type_.fields]
            self._plans[tag, scope] = plan
        return plan

    def _member(self, owner: str, field: Field, scope: str) -> _Member:
        namespace = soap_schema.split(field.tag)[0] or scope
        where = f'{owner}.{field.name}'
        declaration = '' if namespace == scope else f' xmlns="{namespace}"'
        write: _Writer
        if field.kind is Kind.ANY:
            write = self._any
        elif field.kind is Kind.MOREF:
            write = _moref_writer(where)
        elif field.kind is Kind.COMPLEX:
            write = self._complex_writer(where, field.type, namespace)
        else:
            values = frozenset(self._schema.type(field.type).values)
            write = _simple_writer(where, field.builtin, values)
        return _Member(field, f'<{field.name}{declaration}', f'</{field.name}>', write)

    def _complex_writer(self, where: str, declared: str, scope: str) -> _Writer:
        name = soap_schema.split(declared)[1]

        def write(out: _Out, open_tag: str, close_tag: str, value: Any) -> None:
            if not isinstance(value, DataObject):
                raise EncodeError(f'{where}: {value!r} where a {name} belongs')
            if value.wire_type != name and not self._schema.derives(
                self._tag_of(value.wire_type), declared
            ):
                raise EncodeError(f'{where}: a {value.wire_type} where a {name} belongs')
            self._complex(out, open_tag, close_tag, value, name, scope)

        return write

    # --- values

    def _write_field(self, out: _Out, member: _Member, value: Any) -> _Out:
        field = member.field
        if field.many:
            if value is None:
                return out
            if not isinstance(value, (list, tuple)):
                raise EncodeError(f'{field.name}: {value!r} where a list belongs')
            for item in value:
                member.write(out, member.open_tag, member.close_tag, item)
        elif value is not None:
            member.write(out, member.open_tag, member.close_tag, value)
        elif not field.optional:
            raise EncodeError(f'{field.name}: a required value is missing')
        return out

    def _complex(
        self,
        out: _Out,
        open_tag: str,
        close_tag: str,
        value: DataObject,
        declared: str | None,
        scope: str,
    ) -> None:
        wire_type = value.wire_type
        tag = self._tag_of(wire_type)
        scope = scope or self._schema.namespace
        if wire_type == declared:
            out.append(f'{open_tag}>')
        else:
            out.append(f'{open_tag}{self._xsi_type(tag, scope)}>')
        fields = value.__dict__
        left = len(fields)
        try:
            for member in self._plan(tag, scope):
                if member.field.name in fields:
                    left -= 1
                    self._write_field(out, member, fields[member.field.name])
                elif not member.field.optional and not member.field.many:
                    raise EncodeError(f'{member.field.name}: a required value is missing')
        except EncodeError as error:
            # Written from the inside out, the text ends as the path to the culprit.
            raise EncodeError(f'{wire_type}: {error}') from None
        if left:
            known = self._schema.type(tag).by_name
            unknown = ', '.join(name for name in fields if name not in known)
            raise EncodeError(f'{wire_type} has no field {unknown}')
        out.append(close_tag)

    def _xsi_type(self, tag: str, scope: str) -> str:
        namespace, name = soap_schema.split(tag)
        if namespace == scope:
            return f' xsi:type="{name}"'
        if namespace == XSD:
            return f' xsi:type="xsd:{name}"'
        # The prefix as a vCenter has it, vim25: there are clients that know types by it.
        prefix = namespace.removeprefix('urn:')
        return f' xmlns:{prefix}="{namespace}" xsi:type="{prefix}:{name}"'

    def _any(self, out: _Out, open_tag: str, close_tag: str, value: Any) -> None:
        scope = self._schema.namespace
        if isinstance(value, Typed):
            self._typed(out, open_tag, close_tag, value)
        elif isinstance(value, DataObject):
            self._complex(out, open_tag, close_tag, value, None, scope)
        elif isinstance(value, (Ref, ManagedObject)):
            tag = self._xsi_type(self._tag_of('ManagedObjectReference'), scope)
            _moref_writer('any')(out, f'{open_tag}{tag}', close_tag, value)
        else:
            builtin = _builtin_of(value)
            _simple_writer('any', builtin, frozenset())(
                out, f'{open_tag} xsi:type="xsd:{builtin}"', close_tag, value
            )

    def _typed(self, out: _Out, open_tag: str, close_tag: str, typed: Typed) -> None:
        scope = self._schema.namespace
        tag = self._tag_of(typed.xsd_type)
        found = self._schema.type(tag)
        value = typed.value
        if found.kind is Kind.MOREF or (
            found.kind is Kind.COMPLEX and isinstance(value, DataObject)
        ):
            self._any(out, open_tag, close_tag, value)
            return
        open_tag = f'{open_tag}{self._xsi_type(tag, scope)}'
        if found.kind is Kind.COMPLEX and found.wrapper:
            out.append(f'{open_tag}>')
            self._write_field(out, self._plan(tag, scope)[0], value)
            out.append(close_tag)
        elif found.kind in (Kind.BUILTIN, Kind.ENUM):
            values = frozenset(found.values)
            _simple_writer(typed.xsd_type, found.text, values)(out, open_tag, close_tag, value)
        else:
            raise EncodeError(f'{value!r} where a {typed.xsd_type} belongs')


def as_declared(value: Any, declared: PropertyType) -> Any:
    """Give a value the type of the property it comes from, where the value alone does not tell."""
    if declared.many:
        name = declared.name[0].upper() + declared.name[1:]
        return Typed(f'ArrayOf{name}', value)
    if declared.name == 'anyType' or isinstance(value, (DataObject, Ref, ManagedObject)):
        return value
    return Typed(declared.name, value)


def _builtin_of(value: Any) -> str:
    """The XSD type of a Python value in a place of type any."""
    if isinstance(value, bool):
        return 'boolean'
    if isinstance(value, int):
        return 'int' if -(2**31) <= value < 2**31 else 'long'
    for python_type, builtin in (
        (str, 'string'),
        (float, 'double'),
        (datetime.datetime, 'dateTime'),
        (bytes, 'base64Binary'),
    ):
        if isinstance(value, python_type):
            return builtin
    raise EncodeError(f'{value!r} has no XSD type; say which with Typed')


def _moref_writer(where: str) -> _Writer:
    def write(out: _Out, open_tag: str, close_tag: str, value: Any) -> None:
        ref = value.ref if isinstance(value, ManagedObject) else value
        if not isinstance(ref, Ref):
            raise EncodeError(f'{where}: {value!r} where a managed object belongs')
        out.append(f'{open_tag} type="{escape_attribute(ref.type)}">{escape(ref.value)}{close_tag}')

    return write


def _text_of_datetime(value: datetime.datetime) -> str:
    if value.tzinfo is None:
        raise ValueError('a time without its zone')
    text = value.isoformat()
    return f'{text[:-6]}Z' if text.endswith('+00:00') else text


_TEXT_OF: dict[str, tuple[type | tuple[type, ...], Callable[[Any], str]]] = {
    'boolean': (bool, lambda value: 'true' if value else 'false'),
    'dateTime': (datetime.datetime, _text_of_datetime),
    'base64Binary': (bytes, lambda value: base64.b64encode(value).decode('ascii')),
}

# Smallest value and the one after the largest, of the types that have bounds.
_RANGES: dict[str, tuple[int, int]] = {
    'byte': (-(2**7), 2**7),
    'short': (-(2**15), 2**15),
    'int': (-(2**31), 2**31),
    'long': (-(2**63), 2**63),
}


def _integer_text(builtin: str) -> Callable[[Any], str]:
    bounds = _RANGES.get(builtin)

    def text(value: int) -> str:
        if bounds is not None and not bounds[0] <= value < bounds[1]:
            raise ValueError('a number out of range')
        return str(value)

    return text


# Python says them otherwise than XML Schema.
_FLOATS = {math.inf: 'INF', -math.inf: '-INF'}


def _float_text(value: Any) -> str:
    return 'NaN' if value != value else _FLOATS.get(value) or repr(value)


def _simple_writer(where: str, builtin: str, values: frozenset[str]) -> _Writer:
    accepted: type | tuple[type, ...]
    text_of: Callable[[Any], str]
    if soap_schema.is_integer(builtin):
        accepted, text_of = int, _integer_text(builtin)
    elif soap_schema.is_float(builtin):
        accepted, text_of = (float, int), _float_text
    else:
        accepted, text_of = _TEXT_OF.get(builtin, (str, escape))

    def write(out: _Out, open_tag: str, close_tag: str, value: Any) -> None:
        if not isinstance(value, accepted) or (value is True or value is False) is not (
            accepted is bool
        ):
            raise EncodeError(f'{where}: {value!r} where a value of type {builtin} belongs')
        if values and value not in values:
            raise EncodeError(f'{where}: {value!r} is not a value of this enumeration')
        try:
            text = text_of(value)
        except ValueError as error:
            raise EncodeError(f'{where}: {value!r}: {error}') from None
        out.append(f'{open_tag}>{text}{close_tag}')

    return write


# --- decoding --------------------------------------------------------------------------------


class _Part(NamedTuple):
    """How one field of a type is read."""

    position: int
    field: Field
    read: Callable[[etree._Element], Any]


class Decoder:
    """XML to values.

    :param schema: the service's description
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._plans: dict[str, tuple[str, type[DataObject], dict[str, _Part]]] = {}

    def parameters(self, element: etree._Element, fields: Iterable[Field]) -> DataObject:
        """The parameters of an operation.

        :param element: the operation's element in the request's body
        :raises Fault: InvalidRequest
        """
        name = etree.QName(element).localname
        return self._members(element, (name, DataObject, self._parts(fields)), DataObject())

    def _parts(self, fields: Iterable[Field]) -> dict[str, _Part]:
        parts = {
            field.tag: _Part(index, field, self._reader(field))
            for index, field in enumerate(fields)
        }
        # govmomi has all of a request in the service's namespace, members of VIM's types, too.
        own = {f'{{{self._schema.namespace}}}{part.field.name}': part for part in parts.values()}
        return own | parts

    def _reader(self, field: Field) -> Callable[[etree._Element], Any]:
        if field.kind is Kind.ANY:
            return self._any
        if field.kind is Kind.MOREF:
            return _moref
        if field.kind is Kind.COMPLEX:
            return lambda element: self._complex(element, field.type)
        values = frozenset(self._schema.type(field.type).values)
        return _simple_reader(field.builtin, values)

    def _plan(self, tag: str) -> tuple[str, type[DataObject], dict[str, _Part]]:
        plan = self._plans.get(tag)
        if plan is None:
            type_ = self._schema.type(tag)
            plan = (type_.name, types[type_.name], self._parts(type_.fields))
            self._plans[tag] = plan
        return plan

    def _complex(self, element: etree._Element, declared: str) -> DataObject:
        actual = self._xsi_type(element)
        if actual is None:
            actual = declared
        elif actual != declared and not self._schema.derives(actual, declared):
            raise _invalid(
                element,
                f'type {soap_schema.split(actual)[1]} where a {soap_schema.split(declared)[1]} '
                'is expected',
            )
        if self._schema.type(actual).abstract:
            raise _invalid(element, f'type {soap_schema.split(actual)[1]} is abstract')
        plan = self._plan(actual)
        return self._members(element, plan, plan[1]())

    def _members(
        self,
        element: etree._Element,
        plan: tuple[str, type[DataObject], dict[str, _Part]],
        result: DataObject,
    ) -> DataObject:
        owner, _, parts = plan
        values = result.__dict__
        last = -1
        for child in element.iterchildren('*'):
            part = parts.get(child.tag)
            if part is None:
                raise _invalid(child, f'{owner} has no member of this name')
            name = part.field.name
            if part.position < last:
                raise _invalid(child, f'member of {owner} out of its order')
            last = part.position
            if part.field.many:
                values.setdefault(name, []).append(part.read(child))
            elif name in values:
                raise _invalid(child, f'member of {owner} given twice')
            else:
                values[name] = part.read(child)
        for part in parts.values():
            if not part.field.optional and part.field.name not in values:
                raise _invalid(element, f'Required property {part.field.name} is missing', owner)
        return result

    def _xsi_type(self, element: etree._Element) -> str | None:
        text = element.get(_XSI_TYPE)
        if text is None:
            return None
        prefix, _, local = text.strip().rpartition(':')
        if local == 'ManagedObject':
            # How pyVmomi sends a reference in a place for anything.
            local = 'ManagedObjectReference'
        namespace = element.nsmap.get(prefix or None)
        if namespace is not None:
            tag = f'{{{namespace}}}{local}'
            if self._schema.find(tag) is not None:
                return tag
        builtin = soap_schema.builtin_name(_XSD_PREFIX + local)
        if namespace is None and prefix in ('xsd', 'xs') and builtin:
            return _XSD_PREFIX + local
        found = self._schema.lookup(local)
        if found is None:
            raise _invalid(element, f'type {text} is not known')
        return found

    def any_value(self, element: etree._Element) -> Any:
        """The value of an element that says its type itself."""
        return self._any(element)

    def _any(self, element: etree._Element) -> Any:
        tag = self._xsi_type(element)
        if tag is None:
            raise _invalid(element, 'a value of type any needs an xsi:type')
        type_ = self._schema.type(tag)
        if type_.kind is Kind.MOREF:
            return _moref(element)
        if type_.kind is Kind.COMPLEX:
            value: Any = self._complex(element, tag)
            if type_.wrapper:
                return Typed(type_.name, getattr(value, type_.fields[0].name) or [])
            return value
        if type_.kind is Kind.ANY:
            raise _invalid(element, 'a value cannot be of type any itself')
        value = _simple_reader(type_.text, frozenset(type_.values))(element)
        return value if type_.name in _PLAIN else Typed(type_.name, value)


# What goes out again as the type it came in as, without being told.
_PLAIN = frozenset({'string', 'boolean', 'int', 'double', 'dateTime', 'base64Binary'})


def _moref(element: etree._Element) -> Ref:
    type_ = element.get('type')
    if not type_:
        raise _invalid(element, 'a managed object reference needs the attribute type')
    return Ref(type_.rpartition(':')[2], (element.text or '').strip())


def _boolean(text: str) -> bool:
    # Servers take the Python spelling that clients are known to send.
    return {'true': True, '1': True, 'false': False, '0': False}[text.strip().lower()]


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise
        return int(number)


def _datetime(text: str) -> datetime.datetime:
    value = datetime.datetime.fromisoformat(text.strip())
    return value if value.tzinfo else value.replace(tzinfo=datetime.UTC)


def _bytes(text: str) -> bytes:
    return base64.b64decode(''.join(text.split()), validate=True)


def _reader_of_text(builtin: str) -> Callable[[str], Any]:
    if soap_schema.is_integer(builtin):
        return _integer
    if soap_schema.is_float(builtin):
        return float
    readers: dict[str, Callable[[str], Any]] = {
        'boolean': _boolean,
        'dateTime': _datetime,
        'base64Binary': _bytes,
    }
    return readers.get(builtin, str)


def _simple_reader(builtin: str, values: frozenset[str]) -> Callable[[etree._Element], Any]:
    convert = _reader_of_text(builtin)
    bounds = _RANGES.get(builtin)

    def read(element: etree._Element) -> Any:
        if len(element):
            raise _invalid(element[0], f'a value of type {builtin} has no members')
        text = element.text or ''
        try:
            value = convert(text)
            if bounds is not None and not bounds[0] <= value < bounds[1]:
                raise ValueError(text)
        except (ValueError, KeyError, OverflowError, binascii.Error):
            raise _invalid(element, f'{text!r} is not a value of type {builtin}') from None
        if values and value not in values:
            raise _invalid(element, f'{text!r} is not a value of this enumeration')
        return value

    return read


def _invalid(element: etree._Element, problem: str, owner: str = '') -> Fault:
    name = owner or etree.QName(element).localname
    return Fault(
        'InvalidRequest', f'{name}: {problem}\n\nwhile parsing SOAP body, line {element.sourceline}'
    )
