"""Simple values: Python to text, text to Python, and what says its own type."""

import datetime
import decimal
import math
from typing import Any

import pytest

from oslo_vmware.objects.datastore import DatastorePath
from oslo_vmware.soap.values import (
    TypedValue,
    converted,
    converter,
    text_of,
    typed_text,
    xsd_float,
)

EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
NAIVE = datetime.datetime(2026, 1, 2, 3, 4, 5, 60)
AWARE = NAIVE.replace(tzinfo=EAST)


class Text(str):
    """A text of a class of its own, as suds has one."""

    def __str__(self) -> str:
        return 'the text'


class Number(float):
    """A float that prints otherwise, as numpy's do."""

    def __repr__(self) -> str:
        return f'Number({float(self)})'

    __str__ = __repr__


TYPED = {
    'true': (True, 'boolean', 'true'),
    'false': (False, 'boolean', 'false'),
    'zero': (0, 'int', '0'),
    'the greatest int': (2**31 - 1, 'int', '2147483647'),
    'the smallest long': (2**31, 'long', '2147483648'),
    'the least int': (-(2**31), 'int', '-2147483648'),
    'the greatest long below': (-(2**31) - 1, 'long', '-2147483649'),
    'too large for anything': (2**63, 'long', '9223372036854775808'),
    'float': (1.5, 'double', '1.5'),
    'a whole float': (2.0, 'double', '2.0'),
    'a tiny float': (1e-07, 'double', '1e-07'),
    'a float of another class': (Number(1.5), 'double', '1.5'),
    'not a number': (math.nan, 'double', 'NaN'),
    'infinity': (math.inf, 'double', 'INF'),
    'minus infinity': (-math.inf, 'double', '-INF'),
    'naive datetime': (NAIVE, 'dateTime', '2026-01-02T03:04:05.000060'),
    'aware datetime': (AWARE, 'dateTime', '2026-01-02T03:04:05.000060+05:30'),
    'bytes': (b'\x00\xff', 'base64Binary', 'AP8='),
    'no bytes': (b'', 'base64Binary', ''),
    'bytearray': (bytearray(b'a'), 'base64Binary', 'YQ=='),
    'text': ('a<b', 'string', 'a<b'),
    'no text': ('', 'string', ''),
    'digits': ('5', 'string', '5'),
    'text of another class': (Text('x'), 'string', 'the text'),
    'told: int': (TypedValue(5, 'int'), 'int', '5'),
    'told: long': (TypedValue(5, 'long'), 'long', '5'),
    'told: a number as text': (TypedValue('5', 'int'), 'int', '5'),
    'told: a whole float as int': (TypedValue(5.0, 'int'), 'int', '5'),
    'told: boolean': (TypedValue(True, 'boolean'), 'boolean', 'true'),
    'told: one as boolean': (TypedValue(1, 'boolean'), 'boolean', 'true'),
    'told: a boolean as string': (TypedValue(True, 'string'), 'string', 'True'),
    'told: infinity': (TypedValue(math.inf, 'double'), 'double', 'INF'),
    'told: datetime': (TypedValue(AWARE, 'dateTime'), 'dateTime', AWARE.isoformat()),
    'told: bytes': (TypedValue(b'a', 'base64Binary'), 'base64Binary', 'YQ=='),
    'a date': (datetime.date(2026, 1, 2), '', ''),
    'an object': (object(), '', ''),
}


@pytest.mark.parametrize(('value', 'type_', 'text'), TYPED.values(), ids=TYPED.keys())
def test_a_value_where_any_may_stand(value: Any, type_: str, text: str) -> None:
    """Is of the XSD type that it is of in Python, unless it says another one."""
    assert typed_text(value) == (type_, text)


WRITTEN = {
    'true as boolean': (True, 'boolean', 'true'),
    'one as boolean': (1, 'boolean', 'true'),
    'zero as boolean': (0, 'boolean', 'false'),
    'two as boolean': (2, 'boolean', '2'),
    'True, a text, as boolean': ('True', 'boolean', 'true'),
    'FALSE, a text, as boolean': ('FALSE', 'boolean', 'false'),
    'another text as boolean': ('Perhaps', 'boolean', 'Perhaps'),
    'true as int': (True, 'int', 'True'),
    'true as string': (True, 'string', 'True'),
    'True, a text, as string': ('True', 'string', 'True'),
    'int': (-5, 'int', '-5'),
    'int as string': (5, 'string', '5'),
    'a whole float as int': (1024.0, 'int', '1024'),
    'a large whole float as long': (1e15, 'long', '1000000000000000'),
    'a float as int': (0.5, 'int', '0.5'),
    'infinity as int': (math.inf, 'int', 'inf'),
    'a whole float as double': (1024.0, 'double', '1024.0'),
    'a float as string': (0.5, 'string', '0.5'),
    'a float of another class as double': (Number(1.5), 'double', '1.5'),
    'not a number as double': (math.nan, 'double', 'NaN'),
    'infinity as float': (math.inf, 'float', 'INF'),
    'minus infinity as double': (-math.inf, 'double', '-INF'),
    'an int as double': (5, 'double', '5'),
    'naive datetime': (NAIVE, 'dateTime', '2026-01-02T03:04:05.000060'),
    'aware datetime': (AWARE, 'dateTime', '2026-01-02T03:04:05.000060+05:30'),
    'datetime as string': (AWARE, 'string', '2026-01-02 03:04:05.000060+05:30'),
    'date': (datetime.date(2026, 1, 2), 'date', '2026-01-02'),
    'datetime as date': (AWARE, 'date', '2026-01-02'),
    'datetime as time': (AWARE, 'time', '2026-01-02 03:04:05.000060+05:30'),
    'time': (datetime.time(3, 4), 'time', '03:04:00'),
    'decimal': (decimal.Decimal('1.50'), 'decimal', '1.5'),
    'a large decimal': (decimal.Decimal('1E+3'), 'decimal', '1000'),
    'a round decimal': (decimal.Decimal('100'), 'decimal', '100'),
    'a decimal of many digits': (decimal.Decimal('1' * 30 + '.010'), 'decimal', '1' * 30 + '.01'),
    'decimal as string': (decimal.Decimal('1.50'), 'string', '1.50'),
    'bytes': (b'\x00\xff', 'base64Binary', 'AP8='),
    'text': ('a', 'string', 'a'),
    'digits as int': ('512', 'int', '512'),
    'text of another class': (Text('x'), 'string', 'the text'),
    'a path': (DatastorePath('ds', 'a.vmdk'), 'string', '[ds] a.vmdk'),
}


@pytest.mark.parametrize(('value', 'builtin', 'text'), WRITTEN.values(), ids=WRITTEN.keys())
def test_a_value_where_the_type_is_declared(value: Any, builtin: str, text: str) -> None:
    """Is written as that type has it, as far as it fits; what does not is for the server."""
    assert text_of(value, builtin) == text


def midnight(year: int, month: int, day: int, zone: datetime.tzinfo = datetime.UTC) -> Any:
    return datetime.datetime(year, month, day, tzinfo=zone)


READ = {
    'boolean': ('boolean', 'true', True),
    'boolean as digit': ('boolean', '0', False),
    'boolean between blanks': ('boolean', ' false\n', False),
    'nothing but blanks is no boolean': ('boolean', '  ', '  '),
    'no boolean between blanks': ('boolean', ' maybe ', ' maybe '),
    'no boolean': ('boolean', 'True', 'True'),
    'int': ('int', '-7', -7),
    'int between blanks': ('int', ' 7 ', 7),
    'a long of many digits': ('long', '9223372036854775807', 2**63 - 1),
    'unsigned': ('unsignedShort', '65535', 65535),
    'no int': ('int', 'many', 'many'),
    'a fraction is no int': ('int', '1.5', '1.5'),
    'so many digits that Python refuses them': ('int', '9' * 5000, '9' * 5000),
    'double': ('double', '1.5E3', 1500.0),
    'infinity': ('double', 'INF', math.inf),
    'minus infinity': ('float', '-INF', -math.inf),
    'no float': ('float', 'fast', 'fast'),
    'decimal': ('decimal', '1.50', decimal.Decimal('1.50')),
    'no decimal': ('decimal', 'one', 'one'),
    'a zone': ('dateTime', '2026-01-02T03:04:05.00006+05:30', AWARE),
    'UTC': (
        'dateTime',
        '2026-01-02T03:04:05Z',
        datetime.datetime(2026, 1, 2, 3, 4, 5, 0, datetime.UTC),
    ),
    'no zone': ('dateTime', '2026-01-02T03:04:05.00006', NAIVE),
    'finer than a microsecond': (
        'dateTime',
        '2026-01-02T03:04:05.0000596',
        NAIVE,
    ),
    'a time between blanks': ('dateTime', '\n2026-01-02T03:04:05.00006 ', NAIVE),
    'the end of a day': ('dateTime', '2026-01-02T24:00:00Z', midnight(2026, 1, 3)),
    'the end of a day, to the millisecond': (
        'dateTime',
        '2026-01-02T24:00:00.000Z',
        midnight(2026, 1, 3),
    ),
    'the end of a day, finer than a microsecond': (
        'dateTime',
        '2026-01-02T24:00:00.0000000Z',
        midnight(2026, 1, 3),
    ),
    'the end of a day between blanks': (
        'dateTime',
        ' 2026-01-02T24:00:00Z\n',
        midnight(2026, 1, 3),
    ),
    'the end of a day in a zone': (
        'dateTime',
        '2026-01-02T24:00:00+05:30',
        midnight(2026, 1, 3, EAST),
    ),
    'the end of a day without a zone': (
        'dateTime',
        '2026-01-02T24:00:00',
        datetime.datetime(2026, 1, 3),
    ),
    'the end of a leap day': ('dateTime', '2028-02-29T24:00:00Z', midnight(2028, 3, 1)),
    'the end of a year': ('dateTime', '2026-12-31T24:00:00Z', midnight(2027, 1, 1)),
    'the end of time': ('dateTime', '9999-12-31T24:00:00Z', '9999-12-31T24:00:00Z'),
    'after the end of a day': (
        'dateTime',
        '2026-01-02T24:00:00.001Z',
        '2026-01-02T24:00:00.001Z',
    ),
    'a minute after the end of a day': ('dateTime', '2026-01-02T24:01:00Z', '2026-01-02T24:01:00Z'),
    'an hour that no day has': ('dateTime', '2026-01-02T25:00:00Z', '2026-01-02T25:00:00Z'),
    'the end of a day that there is not': (
        'dateTime',
        '2026-02-30T24:00:00Z',
        '2026-02-30T24:00:00Z',
    ),
    'no such day': ('dateTime', '2026-02-30T00:00:00Z', '2026-02-30T00:00:00Z'),
    'no date at all': ('dateTime', 'now', 'now'),
    'date': ('date', '2026-01-02', datetime.date(2026, 1, 2)),
    'time': ('time', '03:04:05', datetime.time(3, 4, 5)),
    'the end of any day': ('time', '24:00:00', datetime.time(0)),
    'after the end of any day': ('time', '24:00:01', '24:00:01'),
    'base64': ('base64Binary', 'AP8=', 'AP8='),
    'string': ('string', '5', '5'),
    'a type that is none': ('nosuch', '5', '5'),
}


@pytest.mark.parametrize(('builtin', 'text', 'value'), READ.values(), ids=READ.keys())
def test_a_text_of_a_reply(builtin: str, text: str, value: Any) -> None:
    """Becomes what its type says, of that very class, or stays the text it is."""
    found = converted(text, converter(builtin))
    assert found == value
    assert type(found) is type(value)
    if isinstance(found, datetime.datetime):
        assert found.utcoffset() == value.utcoffset()


def test_not_a_number_is_read() -> None:
    """It equals nothing, itself included, so it has no row in the table."""
    assert math.isnan(converted('NaN', converter('double')))


@pytest.mark.parametrize('value', [0.1, -0.0, 1e22, 5e-324, math.inf, -math.inf])
def test_a_float_is_read_as_what_was_written(value: float) -> None:
    """To the last bit."""
    assert repr(converted(xsd_float(value), converter('double'))) == repr(value)


@pytest.mark.parametrize(
    'name', ['', 'nosuch', 'xsd:int', 'anyType', 'int"/><x a="', 'VirtualDisk']
)
def test_a_type_that_xml_schema_does_not_have(name: str) -> None:
    """Is refused where it is named, not by the server."""
    with pytest.raises(ValueError, match='no simple type'):
        TypedValue(5, name)


def test_a_typed_value_says_what_it_is() -> None:
    """For logs."""
    assert repr(TypedValue('a', 'string')) == "TypedValue('a', 'string')"
