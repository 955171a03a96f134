"""Values of rules: what they are here, on the wire, and in exported policies.

=====================  ================================  ============================
here                   on the wire                       exported
=====================  ================================  ============================
bool, int, float, str  xsd:boolean, int or long or       itself
                       short (as the schema has it),
                       double, string
datetime               xsd:dateTime                      ``{'datetime': '2026-…'}``
:class:`DiscreteSet`   PbmCapabilityDiscreteSet          ``{'any_of': [...]}``
:class:`Range`         PbmCapabilityRange                ``{'min': …, 'max': …}``
:class:`TimeSpan`      PbmCapabilityTimeSpan             ``{'value': …, 'unit': …}``
=====================  ================================  ============================

A value of another type, from a server newer than this library, is kept as the decoded object;
it can be read and sent back, and not exported.

Values are equal if PBM takes them for the same: ``1``, ``1.0`` and ``True`` are three. A datetime
without a zone is in UTC, as all times of vSphere, and is compared, sent and exported as that.
"""

import dataclasses
import datetime
from collections.abc import Callable, Iterable
from typing import Any

from oslo_vmware._i18n import _
from oslo_vmware.soap.values import TypedValue

#: Types of whole numbers other than int (``PbmBuiltinType``, PBM API 1.0), and their bits.
_WHOLE = {'XSD_LONG': ('long', 63), 'XSD_SHORT': ('short', 15)}

#: Units of a TimeSpan (``PbmBuiltinTypes``, PBM API 1.0).
TIME_UNITS = ('SECONDS', 'MINUTES', 'HOURS', 'DAYS', 'WEEKS', 'MONTHS', 'YEARS')

Create = Callable[..., Any]


class _Value:
    """What is equal if :func:`key` is, and not by what Python takes for equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Value) and key(self) == key(other)

    def __hash__(self) -> int:
        return hash(key(self))


@dataclasses.dataclass(frozen=True, eq=False)
class DiscreteSet(_Value):
    """Some values of which one will do (``PbmCapabilityDiscreteSet``); their order is nothing.

    :ivar values: tuple of simple values
    """

    values: tuple[Any, ...]

    def __init__(self, values: Iterable[Any]) -> None:
        if isinstance(values, str):
            raise TypeError(_('a set of values is needed, not the text %r') % values)
        distinct = {key(value): value for value in values}
        object.__setattr__(self, 'values', tuple(distinct.values()))

    def __iter__(self) -> Any:
        return iter(self.values)


@dataclasses.dataclass(frozen=True, eq=False)
class Range(_Value):
    """From a smallest to a largest value, both allowed (``PbmCapabilityRange``)."""

    min: Any
    max: Any


@dataclasses.dataclass(frozen=True, eq=False)
class TimeSpan(_Value):
    """A length of time (``PbmCapabilityTimeSpan``).

    :ivar value: number of units
    :ivar unit: one of :data:`TIME_UNITS`
    """

    value: int
    unit: str


def moment(value: datetime.datetime) -> datetime.datetime:
    """A datetime with its zone: UTC, if none was given."""
    return value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)


def key(value: Any) -> Any:
    """What tells values apart: 1, 1.0 and True are three values to PBM."""
    if isinstance(value, DiscreteSet):
        return 'DiscreteSet', frozenset(key(one) for one in value.values)
    if isinstance(value, Range):
        return 'Range', key(value.min), key(value.max)
    if isinstance(value, TimeSpan):
        return 'TimeSpan', key(value.value), value.unit
    if isinstance(value, datetime.datetime):
        return 'datetime', moment(value)
    # bool before int, which it is a kind of. Decoders have subclasses of their own of some.
    for type_ in (bool, int, float, str):
        if isinstance(value, type_):
            return type_.__name__, value
    return 'other', str(value)


def from_wire(value: Any) -> Any:
    """A decoded value as one of this module."""
    name = value.__class__.__name__
    if name == 'PbmCapabilityDiscreteSet':
        held = getattr(value, 'values', None) or []
        return DiscreteSet(from_wire(one) for one in (held if isinstance(held, list) else [held]))
    if name == 'PbmCapabilityRange':
        return Range(from_wire(value.min), from_wire(value.max))
    if name == 'PbmCapabilityTimeSpan':
        return TimeSpan(int(value.value), str(value.unit))
    if name == 'PbmCapabilityDescription':
        return from_wire(value.value)
    if isinstance(value, str):
        return str(value)
    return value


def has_number(value: Any) -> bool:
    """Whether there is a whole number in it, of which Python alone does not tell the type."""
    if isinstance(value, DiscreteSet):
        return any(has_number(one) for one in value.values)
    if isinstance(value, Range):
        return has_number(value.min) or has_number(value.max)
    return isinstance(value, int) and not isinstance(value, bool)


def to_wire(value: Any, create: Create, type_: str | None = None) -> Any:
    """A value as a request has it.

    :param create: makes a request object of a type, with members
    :param type_: of the property, as the capability schema has it; without one a whole number
                  is an int, or a long beyond 32 bits
    """
    if isinstance(value, DiscreteSet):
        return create(
            'PbmCapabilityDiscreteSet',
            values=[to_wire(one, create, type_) for one in value.values],
        )
    if isinstance(value, Range):
        return create(
            'PbmCapabilityRange',
            min=to_wire(value.min, create, type_),
            max=to_wire(value.max, create, type_),
        )
    if isinstance(value, TimeSpan):
        return create('PbmCapabilityTimeSpan', value=value.value, unit=value.unit)
    if isinstance(value, datetime.datetime):
        return moment(value)
    if type_ in _WHOLE and has_number(value):
        name, bits = _WHOLE[type_]
        if -(2**bits) <= value < 2**bits:
            return TypedValue(int(value), name)
    return value


def to_plain(value: Any) -> Any:
    """A value as exported: what JSON and YAML have.

    :raises ValueError: it is of a type that this library does not know
    """
    if isinstance(value, DiscreteSet):
        return {'any_of': [to_plain(one) for one in value.values]}
    if isinstance(value, Range):
        return {'min': to_plain(value.min), 'max': to_plain(value.max)}
    if isinstance(value, TimeSpan):
        return {'value': value.value, 'unit': value.unit}
    if isinstance(value, datetime.datetime):
        return {'datetime': moment(value).isoformat()}
    if isinstance(value, bool | int | float | str):
        return value
    raise ValueError(_('a value of type %s cannot be exported') % value.__class__.__name__)


def from_plain(plain: Any) -> Any:
    """The value that :func:`to_plain` exported.

    :raises ValueError: it is none
    """
    if isinstance(plain, bool | int | float | str):
        return plain
    if isinstance(plain, dict):
        names = set(plain)
        if names == {'any_of'} and isinstance(plain['any_of'], list | tuple):
            return DiscreteSet(from_plain(one) for one in plain['any_of'])
        if names == {'min', 'max'}:
            return Range(from_plain(plain['min']), from_plain(plain['max']))
        if names == {'value', 'unit'}:
            return TimeSpan(plain['value'], plain['unit'])
        if names == {'datetime'}:
            # YAML reads one without quotes itself.
            return moment(datetime.datetime.fromisoformat(str(plain['datetime'])))
    if isinstance(plain, list):
        raise ValueError(_('%r is no value of a rule; several are any_of: [...]') % (plain,))
    raise ValueError(_('%r is no value of a rule') % (plain,))


def describe(value: Any) -> str:
    """A value in a sentence."""
    if isinstance(value, DiscreteSet):
        return ' or '.join(describe(one) for one in value.values) or 'nothing'
    if isinstance(value, Range):
        return f'{describe(value.min)} to {describe(value.max)}'
    if isinstance(value, TimeSpan):
        return f'{value.value} {value.unit.lower()}'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, str):
        return f'"{value}"'
    return str(value)
