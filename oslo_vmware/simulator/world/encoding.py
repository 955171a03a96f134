"""From the simulator's values to XML, by schema.

Types are checked here as well, but what does not fit is a mistake in the simulator and raises
:class:`EncodeError` with type and field. A plan per type is made when the type is first used.
"""

import base64
import datetime
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from oslo_vmware.simulator.world.data import DataObject, Ref, Typed
from oslo_vmware.simulator.world.metamodel import PropertyType
from oslo_vmware.simulator.world.registry import ManagedObject
from oslo_vmware.soap import schema as soap_schema
from oslo_vmware.soap.schema import XSD, Field, Kind, Schema

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

#: Smallest value and the one after the largest, of the types that have bounds.
RANGES: dict[str, tuple[int, int]] = {
    'byte': (-(2**7), 2**7),
    'short': (-(2**15), 2**15),
    'int': (-(2**31), 2**31),
    'long': (-(2**63), 2**63),
}


def _integer_text(builtin: str) -> Callable[[Any], str]:
    bounds = RANGES.get(builtin)

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
