"""Values of a schema's types, drawn by hypothesis.

Required members are always there, so that what is drawn is valid by the XSD; of the optional
ones there are a few. Where the schema declares a type, one that is derived from it may stand.

*Odd* values are what users put there nevertheless: of another type than the declared one, None,
white space, numbers that are none. Those that the engines treat differently on purpose are left
out; the tests of the known differences have them.
"""

import datetime
import math
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from oslo_vmware.soap.schema import Field, Kind, Operation, Schema, Type, is_float, is_integer
from tests.differential.values import Made, Moref, Typed

#: What XML can hold, without the white space around it that suds cuts, and not nothing.
TEXTS = st.text(
    st.characters(
        codec='utf-8',
        exclude_categories=['Cc', 'Cs', 'Zs', 'Zl', 'Zp'],
        exclude_characters='\ufffe\uffff',
    ),
    min_size=1,
    max_size=8,
) | st.sampled_from(['a b', '<&>', '&amp;', '"\'', 'true', '1', ']]>', '0x10', 'é\u4e2d\U0001f600'])

_RANGES = {
    'byte': (-(2**7), 2**7 - 1),
    'short': (-(2**15), 2**15 - 1),
    'int': (-(2**31), 2**31 - 1),
    'long': (-(2**63), 2**63 - 1),
}

_ZONES = st.none() | st.sampled_from([0, 330, -480]).map(
    lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes))
)
TIMES = st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2099, 1, 1), timezones=_ZONES)

_BLANKS = st.sampled_from(['', ' ', '\n', '\t a ', '  b'])
_WORDS = st.sampled_from(['True', 'FALSE', 'false', '0', '-1', '1.0', 'NaN', 'INF', '0x10'])
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_TYPED = st.sampled_from(
    [
        *(Typed('255', 'unsignedByte'), Typed('-7', 'short'), Typed('1', 'positiveInteger')),
        *(Typed('-5', 'negativeInteger'), Typed('18446744073709551615', 'unsignedLong')),
        *(Typed('9' * 30, 'integer'), Typed('1.50', 'decimal'), Typed('', 'unsignedInt')),
        *(Typed('NaN', 'float'), Typed('-INF', 'double'), Typed(' 5 ', 'int'), Typed(' ', 'token')),
        *(Typed('2026-01-02', 'date'), Typed('01:02:03', 'time'), Typed('YWI=', 'base64Binary')),
        *(Typed('P1D', 'duration'), Typed('a b', 'anyURI'), Typed('\n', 'string')),
    ]
)
_OTHER = st.dates() | st.times() | TIMES | st.decimals(allow_nan=False, allow_infinity=False)

_OPTIONAL = 4
_DEEPEST = 4
_SELDOM = st.sampled_from([False, False, False, True])

#: Members of type *any* that VIM gets as texts, whatever they are in Python.
NAMED_VALUES = ('value', 'val', 'removeKey')


class Drawing:
    """Draws values of one schema.

    :param draw: hypothesis' function
    :param types_any: whether values in places of type *any* keep their Python type on the wire
    :param odd: whether there are odd values among them
    :param reply: whether they are those of a reply
    """

    def __init__(
        self,
        schema: Schema,
        draw: Callable[[Any], Any],
        types_any: bool,
        odd: bool = False,
        reply: bool = False,
    ) -> None:
        self.schema = schema
        self.draw = draw
        self.types_any = types_any
        self.odd = odd
        self.reply = reply

    def arguments(self, operation: Operation) -> dict[str, Any]:
        """Arguments for an operation, without the object that it is for."""
        return self.members(operation.parameters[1:], 0)

    def members(self, fields: tuple[Field, ...], depth: int) -> dict[str, Any]:
        """Values of some of the members of a type."""
        optional = [one.name for one in fields if one.optional]
        chosen: set[str] = set()
        if optional and depth < _DEEPEST:
            some = st.lists(st.sampled_from(optional), max_size=_OPTIONAL, unique=True)
            chosen = set(self.draw(some))
        return {
            one.name: self.field(one, depth + 1)
            for one in fields
            if not one.optional or one.name in chosen
        }

    def field(self, field: Field, depth: int) -> Any:
        """A value of a member."""
        if self.odd and self.draw(_SELDOM):
            return self.draw(self.oddity(field))
        if field.many:
            most = 3 if depth < _DEEPEST else 1
            least = 0 if field.optional else 1
            return [self.one(field, depth) for _ in range(self.draw(st.integers(least, most)))]
        return self.one(field, depth)

    def one(self, field: Field, depth: int) -> Any:
        """One value for a place."""
        if field.kind is Kind.ANY:
            return self.draw(self.anything())
        if field.kind is Kind.MOREF:
            kinds = st.sampled_from(['VirtualMachine', 'Datastore', 'HostSystem', 'Task'])
            return Moref(self.draw(TEXTS), self.draw(kinds))
        if field.kind is Kind.ENUM:
            return self.draw(st.sampled_from(self.schema.type(field.type).values))
        if field.kind is Kind.BUILTIN:
            drawn = simple(field.builtin)
            if self.reply and field.builtin in ('float', 'double'):
                drawn |= st.sampled_from([math.nan, math.inf, -math.inf])
            elif self.reply and field.builtin == 'string':
                drawn |= _BLANKS
            return self.draw(drawn)
        return self.object(field.type, depth)

    def anything(self) -> st.SearchStrategy[Any]:
        """Values for a place of type *any*."""
        if not self.types_any:
            return TEXTS
        plain = TEXTS | st.booleans() | simple('long') | simple('double')
        return plain | _TYPED if self.reply else plain

    def oddity(self, field: Field) -> st.SearchStrategy[Any]:
        """What is no value of a member's type, and sent all the same."""
        texts = _BLANKS | _WORDS | TEXTS
        if field.kind is Kind.ANY and not self.types_any and field.name not in NAMED_VALUES:
            return st.none() | texts
        # Other values there are refused, which is among the known differences.
        if field.kind is Kind.COMPLEX:
            return st.none() | st.just('')
        if field.kind is Kind.MOREF:
            return st.none() | texts | st.lists(texts, max_size=2)
        numbers = st.integers() | st.floats()
        if field.kind is Kind.BUILTIN and is_float(field.builtin):
            numbers = st.integers() | _FINITE
        elif field.kind is Kind.BUILTIN and field.builtin == 'boolean':
            # Of a whole number other than these suds says nothing at all.
            numbers = st.sampled_from([0, 1]) | st.floats()
        one = texts | numbers | st.booleans() | _OTHER
        return st.none() | one | st.lists(one, max_size=2)

    def object(self, declared: str, depth: int) -> Made:
        """An object of a type or of one derived from it."""
        tag = declared
        if depth < _DEEPEST:
            tag = self.draw(st.sampled_from(self.descendants(declared)))
        return Made(tag, self.members(self.schema.type(tag).fields, depth))

    def descendants(self, declared: str) -> list[str]:
        """Clark names of a type and of those derived from it, itself first."""
        cache: dict[str, list[str]] = self.schema.__dict__.setdefault('_test_descendants', {})
        if not cache:
            for tag in sorted(self.schema.type_names()):
                for ancestor in self.schema.type(tag).ancestors:
                    cache.setdefault(ancestor, []).append(tag)
            for tag, tags in cache.items():
                tags.sort(key=lambda one, tag=tag: (one != tag, one))  # type: ignore[misc]
        return cache[declared]


def simple(builtin: str) -> st.SearchStrategy[Any]:
    """Values of an XSD simple type."""
    if builtin == 'boolean':
        return st.booleans()
    if is_integer(builtin):
        return st.integers(*_RANGES.get(builtin, (0, 100)))
    if builtin == 'decimal':
        return st.decimals(allow_nan=False, allow_infinity=False, places=3)
    if is_float(builtin):
        width = 32 if builtin == 'float' else 64
        return st.floats(allow_nan=False, allow_infinity=False, width=width)  # type: ignore[arg-type]
    if builtin == 'dateTime':
        return TIMES
    if builtin in ('date', 'time'):
        return st.dates() if builtin == 'date' else st.times()
    if builtin == 'base64Binary':
        return st.binary(min_size=1, max_size=6).map(_base64)
    return TEXTS


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode('ascii')


def calls(
    schema: Schema, types_any: bool, odd: bool = False
) -> st.SearchStrategy[tuple[str, Moref, dict[str, Any]]]:
    """Operations with what they are called with; see :class:`Drawing`."""

    @st.composite
    def drawn(draw: Any) -> tuple[str, Moref, dict[str, Any]]:
        name = draw(st.sampled_from(sorted(schema.operation_names())))
        operation = schema.operation(name)
        assert operation is not None
        this = Moref('some-1', schema_type(operation))
        return name, this, Drawing(schema, draw, types_any, odd).arguments(operation)

    return drawn()


def schema_type(operation: Operation) -> str:
    """A name for the type of the object that an operation is for."""
    return operation.name.partition('_')[0]


def is_record(type_: Type) -> bool:
    """Whether objects of a type have members."""
    return type_.kind is Kind.COMPLEX
