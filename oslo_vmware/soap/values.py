"""Simple values: from the text of an element to Python, and back.

What a text means is decided by the XSD type behind the declared one. A text that is none of its
type's stays the text it is: one broken number in a reply of thousands is no reason to lose the
rest. What to write for a Python value is decided by the declared type too, as far as the value
fits it; what does not fit is written as it is, for the server to refuse.
"""

import base64
import datetime
import re
import sys
from collections.abc import Callable, Iterator, MappingView, Set
from typing import Any

from oslo_vmware.soap.schema import XSD, builtin_name, is_float, is_integer

Converter = Callable[[str], Any]


class _Booleans(dict[str, bool]):
    """Truth values by their texts, between blanks too, as XML Schema has it."""

    def __missing__(self, text: str) -> bool:
        bare = text.strip()
        if bare == text:
            raise KeyError(text)
        return self[bare]


_BOOLEANS = _Booleans({'true': True, '1': True, 'false': False, '0': False})

#: How many texts a :class:`Repeated` has at most, and the characters of the longest.
_MAX_REPEATED = 1000
_MAX_REPEATED_CHARACTERS = 100


class Repeated(dict[str, str]):
    """One text in memory for all that are equal, for texts that come again and again."""

    def __missing__(self, text: str) -> str:
        if len(self) < _MAX_REPEATED and len(text) <= _MAX_REPEATED_CHARACTERS:
            # Of two threads the second takes what the first has put there.
            return self.setdefault(text, text)
        return text


#: What holds several values and is no list: its text would be Python's, and none of theirs.
_COLLECTIONS = (Set, MappingView, Iterator, range)

#: Digits of a fraction of a second that a datetime can hold.
_MICRO = 6


class TypedValue:
    """A value with the XSD type to send it with, for a place of type *any*.

    VIM servers are sent strings there, whatever the value, because that is what users rely on.
    Options that are numbers or truth values on the server need to be told so::

        option.value = TypedValue(5, 'int')

    :param value: what to send; None is left out, as everywhere
    :param xsd_type: local name of the XSD type, such as ``int``, ``long`` or ``boolean``
    :raises ValueError: XML Schema has no simple type of that name
    """

    def __init__(self, value: Any, xsd_type: str) -> None:
        if not builtin_name(f'{{{XSD}}}{xsd_type}'):
            raise ValueError(f'XML Schema has no simple type {xsd_type!r}')
        self.value = value
        self.xsd_type = xsd_type

    def __repr__(self) -> str:
        return f'TypedValue({self.value!r}, {self.xsd_type!r})'


# From text

#: What a converter raises for a text that is none of its type's.
UNFIT = (ValueError, KeyError, ArithmeticError)

# Midnight by its other name, which is that of the next day (XML Schema, part 2, 3.2.7.1).
_END_OF_DAY = re.compile(r'(^|T)24:00:00(?:\.0+)?(?=$|[Z+-])')
_BEGINNING = r'\g<1>00:00:00'


def _date_time(text: str) -> datetime.datetime:
    # fromisoformat takes more than XML Schema has, and cuts what is finer than a microsecond.
    if text[10:11] == 'T' and text[13:14] == ':':
        fraction = text[20:].rstrip('Z').partition('+')[0].partition('-')[0]
        if len(fraction) <= _MICRO or text[19] != '.':
            try:
                return datetime.datetime.fromisoformat(text)
            except ValueError:
                pass
    text, days = _END_OF_DAY.subn(_BEGINNING, text.strip())
    value: datetime.datetime = _suds_date().DateTime(text).value
    return value + datetime.timedelta(days)


def _date(text: str) -> datetime.date:
    value: datetime.date = _suds_date().Date(text).value
    return value


def _time(text: str) -> datetime.time:
    value: datetime.time = _suds_date().Time(_END_OF_DAY.sub(_BEGINNING, text)).value
    return value


# Imported when needed, because hardly any reply has a decimal, or a time that is not plain.


def _suds_date() -> Any:
    from suds.sax import date

    return date


def _decimal(text: str) -> Any:
    from decimal import Decimal

    return Decimal(text)


def _is_decimal(value: Any) -> bool:
    # Where nobody has imported it, nothing is one.
    return isinstance(value, getattr(sys.modules.get('decimal'), 'Decimal', ()))


# Where C will do, because most of a reply goes through here.
_CONVERTERS: dict[str, Converter] = {
    'boolean': _BOOLEANS.__getitem__,
    'dateTime': _date_time,
    'date': _date,
    'time': _time,
    'decimal': _decimal,
}


def converter(builtin: str) -> Converter | None:
    """What makes a Python value of a text, or raises one of :data:`UNFIT`.

    :param builtin: local name of an XSD simple type
    :returns: None where the value is the text itself
    """
    if is_integer(builtin):
        return int
    found = _CONVERTERS.get(builtin)
    if found is None and is_float(builtin):
        return float
    return found


def converted(text: str, convert: Converter | None) -> Any:
    """The value of a text; the text itself where the converter can make nothing of it."""
    if convert is None:
        return text
    try:
        return convert(text)
    except UNFIT:
        return text


# To text


def text_of(value: Any, builtin: str) -> str:
    """What to write for a value.

    :param builtin: local name of the XSD type behind the declared one, '' when there is none
    :raises TypeError: it is a collection; several values are given as a list
    """
    if isinstance(value, str):
        lower = value.lower() if builtin == 'boolean' else ''
        return lower if lower in _BOOLEANS else str(value)
    if isinstance(value, int):
        # As True where no boolean is expected: that is what users' values have looked like.
        return str(bool(value)).lower() if builtin == 'boolean' and value in (0, 1) else str(value)
    if isinstance(value, float):
        if is_integer(builtin) and value.is_integer():
            return str(int(value))
        return xsd_float(value) if is_float(builtin) else str(value)
    if isinstance(value, datetime.datetime):
        if builtin == 'date':
            return value.date().isoformat()
        return value.isoformat() if builtin == 'dateTime' else str(value)
    if _is_decimal(value):
        if builtin != 'decimal':
            return str(value)
        # Not normalize(), which rounds.
        text = format(value, 'f')
        return text.rstrip('0').rstrip('.') if '.' in text else text
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode('ascii')
    if isinstance(value, _COLLECTIONS):
        raise TypeError(f'a {type(value).__name__} cannot be sent; several values are a list')
    return str(value)


def typed_text(value: Any) -> tuple[str, str]:
    """XSD type and text of a value in a place of type *any*, by what it is in Python.

    :returns: local name of the type, and the text; ``''`` for both of what is not simple
    """
    if isinstance(value, TypedValue):
        return value.xsd_type, text_of(value.value, value.xsd_type)
    if isinstance(value, bool):
        return 'boolean', 'true' if value else 'false'
    if isinstance(value, int):
        return 'int' if -(2**31) <= value < 2**31 else 'long', str(value)
    if isinstance(value, float):
        return 'double', xsd_float(value)
    if isinstance(value, datetime.datetime):
        return 'dateTime', value.isoformat()
    if isinstance(value, bytes | bytearray):
        return 'base64Binary', base64.b64encode(value).decode('ascii')
    if isinstance(value, str):
        return 'string', str(value)
    return '', ''


def xsd_float(value: float) -> str:
    """A float as XML Schema writes it; infinities have other names there than in Python."""
    # Not repr(): numpy's floats are floats, and print themselves otherwise.
    text = float.__repr__(value)
    return {'inf': 'INF', '-inf': '-INF', 'nan': 'NaN'}.get(text, text)
