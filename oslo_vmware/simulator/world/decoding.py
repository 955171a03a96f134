"""From XML to the simulator's values, by schema.

A request becomes a :class:`~oslo_vmware.simulator.world.data.DataObject` of its parameters. The
reading is as strict as a vCenter's: an element that the type does not have, out of its order or
missing although required, a value that does not fit, a type that does not derive from the
declared one, all are an ``InvalidRequest`` fault whose text names type and field. Only where
servers are known to be lenient is this one: ``True`` for a boolean, ``1024.0`` for a whole
number, a prefix ``xsd`` that is nowhere declared.

A plan per type is made when the type is first used.
"""

import base64
import binascii
import datetime
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from lxml import etree

from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, Typed, types
from oslo_vmware.simulator.world.encoding import RANGES
from oslo_vmware.soap import schema as soap_schema
from oslo_vmware.soap.schema import XSD, Field, Kind, Schema

_XSI_TYPE = '{http://www.w3.org/2001/XMLSchema-instance}type'
_XSD_PREFIX = f'{{{XSD}}}'


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
    bounds = RANGES.get(builtin)

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
