"""Objects whose tags have come before are made in one go.

Most objects of a reply look like one that came earlier: the same tags in the same order, and
texts in the same places. That is a *shape*. It is recognised by comparing all of its tags at once;
which text becomes what is known then, and none of its tags is looked up. An object inside is part
of the shape of the one around it.

Of an object only the tags are kept when it is first met. When the same come again, a *program* is
made that turns the texts behind such tags into an object: which texts are wanted, what converts
them, and what is made of what, from the inside out.

A shape is only a shorter way to what reading tag by tag gives: where one does not fit, a text
that is none of its type's included, that is what happens. Guard: the decode figure of the
benchmarks.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Protocol

from oslo_vmware.soap.objects import kept_maker
from oslo_vmware.soap.values import Converter

#: How many shapes are kept for a start tag. A reply may have every object look different, and
#: each shape is compared in vain then.
_MAX_SHAPES = 8
#: How many tags a shape has at most. A larger object would hardly look the same again.
_MAX_TAGS = 1000

# What is remembered costs at most these bytes, of each shape and of each of its tags.
_SHAPE_BYTES = 1500
_TAG_BYTES = 120

_Pick = Callable[[Sequence[Any]], Sequence[Any]]

# What a start tag says (name of the member, whether it repeats, what makes a value of the element's
# text, None or '' for an element without content or what makes the value of one, class of the
# objects, members that are XML attributes, what the start tags inside say, shapes of the objects);
# of the last but one it is None for ``<a/>``.
Entry = tuple[
    str, bool, Converter | None, Any, Any, dict[str, Any], 'Mapping[str, Entry] | None', 'Shapes'
]


class Memory(Protocol):
    """How much is remembered."""

    def spares(self, size: int) -> bool:
        """Whether so many bytes may go to what need not be remembered."""


class UnlikeError(ValueError):
    """An object is not of a shape, though its tags are."""


class Shape:
    """How some objects look.

    :ivar tags: of the elements inside, and the end tag of the object
    :ivar last: the end tag, alone in a list
    :ivar length: how many tags these are
    """

    __slots__ = ('_program', 'last', 'length', 'tags')

    def __init__(self, tags: list[str]) -> None:
        self.tags = tags
        self.last = tags[-1:]
        self.length = len(tags)
        self._program: Callable[[Sequence[str]], Any] | None = None

    def make(self, texts: list[str], entry: Entry) -> Any:
        """An object that has these tags.

        :param texts: behind the tags
        :param entry: of the object's start tag, always the same
        :raises UnlikeError: it is not of the shape; converters raise what they do
        """
        if self._program is None:
            self._program = _Program(self.tags, texts).of(entry)
        return self._program(texts)


class Shapes(list[Shape]):
    """The shapes of objects that have the same start tag.

    :param memory: how much may be remembered
    """

    __slots__ = ('_memory',)

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def keep(self, tags: list[str]) -> None:
        """Remember how an object looks, unless that would be no help.

        :param tags: of the elements inside, and the end tag of the object
        """
        if len(self) < _MAX_SHAPES and len(tags) <= _MAX_TAGS:
            size = sum(map(len, tags)) + len(tags) * _TAG_BYTES + _SHAPE_BYTES
            if self._memory.spares(size):
                self.append(Shape(tags))


class _Text:
    """A value that is made of a text.

    :ivar at: where among the texts of the shape
    :ivar place: where among all values, once that is known
    """

    def __init__(self, at: int, convert: Converter | None) -> None:
        self.at = at
        self.convert = convert
        self.place = 0


class _Made:
    """A value that is made of other values.

    :ivar place: where among all values, once that is known
    """

    def __init__(self, build: Callable[..., Any], parts: list['_Text | _Made']) -> None:
        self.build = build
        self.parts = parts
        self.place = 0


class _Program:
    """What is to be done with the texts of a shape, found out by going through an object."""

    def __init__(self, tags: list[str], texts: list[str]) -> None:
        self._tags = tags
        self._given = texts
        self._at = 0
        self._texts: list[_Text] = []
        self._blanks: list[int] = []
        self._made: list[_Made] = []

    def of(self, entry: Entry) -> Callable[[Sequence[str]], Any]:
        """The program for objects with a start tag."""
        if not self._object(entry):
            return _unlike
        first = 0
        # Those that are converted alike are converted together.
        self._texts.sort(key=lambda text: id(text.convert))
        groups: list[tuple[Converter, int, int]] = []
        for convert, alike in itertools.groupby(self._texts, lambda text: text.convert):
            end = first + len(list(alike))
            if convert is not None:
                groups.append((convert, first, end))
            first = end
        values: list[_Text | _Made] = [*self._texts, *self._made]
        for place, value in enumerate(values):
            value.place = place
        steps = [(made.build, _picker([part.place for part in made.parts])) for made in self._made]
        pick = _picker([text.at for text in self._texts])
        blanks = _picker(self._blanks)

        def make(texts: Sequence[str]) -> Any:
            values: list[Any] = [*pick(texts)]
            if '' in values or any(blanks(texts)):
                raise UnlikeError
            for convert, first, end in groups:
                if end - first == 1:
                    values[first] = convert(values[first])
                else:
                    values[first:end] = map(convert, values[first:end])
            for build, parts in steps:
                values.append(build(*parts(values)))
            return values[-1]

        return make

    def _object(self, entry: Entry) -> '_Made | None':
        """What makes an object; None where its tags do not decide about that."""
        _, _, _, _, cls, attributes, inside, _ = entry
        members: dict[str, Any] = {
            name: self._constant(value) for name, value in attributes.items()
        }
        repeating: dict[str, _Made] = {}
        assert inside is not None
        while (tag := self._tags[self._at])[0] != '/':
            member = inside[tag]
            name, many = member[:2]
            value = self._value(member)
            if value is None:
                return None
            if name in repeating:
                repeating[name].parts.append(value)
            elif name in members:
                return None
            elif many:
                repeating[name] = members[name] = _Made(_list, [value])
            else:
                members[name] = value
        self._at += 1
        self._made += repeating.values()
        return self._step(kept_maker(cls, tuple(members)), list(members.values()))

    def _step(self, build: Callable[..., Any], parts: list[Any]) -> '_Made':
        made = _Made(build, parts)
        self._made.append(made)
        return made

    def _constant(self, value: Any) -> '_Made':
        return self._step(lambda: value, [])

    def _value(self, entry: Entry) -> '_Text | _Made | None':
        _, many, convert, empty, _, _, inside, _ = entry
        at = self._at
        self._at += 1
        if inside is not None:
            if self._tags[self._at][0] != '/':
                return self._object(entry)
            self._at += 1
            if self._given[at]:
                text = _Text(at, convert)
                self._texts.append(text)
                return text
            self._blanks.append(at)
        if many and empty is None:
            # Of a list, None may be an item or none, which depends on where it stands.
            return None
        return self._step(empty, []) if empty else self._constant(empty)


def _unlike(_: Sequence[str]) -> Any:
    raise UnlikeError


def _list(*items: Any) -> list[Any]:
    return [*items]


def _picker(places: list[int]) -> _Pick:
    """What takes the items at some places."""
    if len(places) > 1:
        return itemgetter(*places)
    # Of a single one it would give the bare item.
    at = places[0] if places else 0
    return itemgetter(slice(at, at + len(places)))
