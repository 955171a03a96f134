"""Objects whose tags have come before are made in one go.

Most objects of a reply look like one that came earlier: the same tags in the same order, and
texts in the same places. That is a *shape*, learnt from the first such object. It is recognised by
comparing all of its tags at once; which texts become what is known then, and none of its tags is
looked up. An object inside is part of the shape of the one around it.

A shape is only a shorter way to what reading tag by tag gives: where one does not fit, a text
that is none of its type's included, that is what happens. Guard: the decode figure of the
benchmarks.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from oslo_vmware.soap.objects import maker
from oslo_vmware.soap.values import Converter

if TYPE_CHECKING:
    from oslo_vmware.soap.start_tags import Entry

#: How many shapes are learnt for a start tag. A reply may have every object look different, and
#: each shape is compared in vain then.
_MAX_SHAPES = 8
#: How many tags a shape has at most. A larger one would hardly come again.
_MAX_TAGS = 256

# What is remembered costs at most these bytes, of each shape and of each of its tags.
_SHAPE_BYTES = 4000
_TAG_BYTES = 700

#: Makes a value of the texts of a shape.
_Make = Callable[[Sequence[str]], Any]


class _Memory(Protocol):
    def takes(self, size: int) -> bool:
        """Whether so many bytes are to be remembered."""


class UnlikeError(ValueError):
    """An object is not of a shape, though its tags are."""


class Shape:
    """How objects look that can be made in one go.

    :ivar tags: of the elements inside, and the end tag of the object
    :ivar length: how many tags these are
    :ivar make: makes the object of the texts behind these tags

    ``make`` raises :exc:`UnlikeError`, or what a converter raises.
    """

    __slots__ = ('length', 'make', 'tags')

    def __init__(self, tags: list[str], make: _Make) -> None:
        self.tags = tags
        self.length = len(tags)
        self.make = make


class Shapes(list[Shape]):
    """The shapes of objects that have the same start tag.

    :param memory: how much may be remembered
    """

    __slots__ = ('_left', '_memory')

    def __init__(self, memory: _Memory) -> None:
        self._memory = memory
        self._left = _MAX_SHAPES

    def learn(self, tags: list[str], texts: list[str], entry: 'Entry') -> None:
        """Remember how an object looks, unless that would be no help.

        :param tags: of the elements inside, and the end tag of the object
        :param texts: behind these tags
        :param entry: of the object's start tag
        """
        if self._left <= 0 or len(tags) > _MAX_TAGS:
            return
        self._left -= 1
        size = sum(map(len, tags)) + len(tags) * _TAG_BYTES + _SHAPE_BYTES
        if self._memory.takes(size):
            make = _Lesson(tags, texts).object(entry)
            if make is not None:
                self.append(Shape(tags, make))


class _Text:
    """A text that is the value of a member, or becomes it.

    :ivar at: where among the texts of the shape
    """

    __slots__ = ('at', 'convert')

    def __init__(self, at: int, convert: Converter | None) -> None:
        self.at = at
        self.convert = convert

    def __call__(self, texts: Sequence[str]) -> Any:
        text = texts[self.at]
        if not text:
            raise UnlikeError
        return text if self.convert is None else self.convert(text)


class _Lesson:
    """Goes through an object once more, to see what becomes of which text."""

    def __init__(self, tags: list[str], texts: list[str]) -> None:
        self._tags = tags
        self._texts = texts
        self._at = 0

    def object(self, entry: 'Entry') -> _Make | None:
        """What makes an object; None where its tags do not decide about that."""
        _, _, _, _, cls, attributes, inside, _ = entry
        members: dict[str, _Make] = {
            name: functools.partial(_constant, value) for name, value in attributes.items()
        }
        repeating: dict[str, list[_Make]] = {}
        assert inside is not None
        while (tag := self._tags[self._at])[0] != '/':
            member = inside[tag]
            name, many = member[:2]
            make = self._value(member)
            if make is None:
                return None
            if name in repeating:
                repeating[name].append(make)
            elif name in members:
                return None
            elif many:
                repeating[name] = [make]
                members[name] = functools.partial(_list, repeating[name])
            else:
                members[name] = make
        self._at += 1
        return _object(cls, members)

    def _value(self, entry: 'Entry') -> _Make | None:
        _, many, convert, empty, _, _, inside, _ = entry
        at = self._at
        self._at += 1
        if inside is not None:
            if self._tags[self._at][0] != '/':
                return self.object(entry)
            self._at += 1
            if self._texts[at]:
                return _Text(at, convert)
        # Of a list, None may be an item or none, which depends on where it stands.
        return None if many and empty is None else functools.partial(_blank, at, empty)


def _constant(value: Any, _: Sequence[str]) -> Any:
    return value


def _blank(at: int, empty: Any, texts: Sequence[str]) -> Any:
    if texts[at]:
        raise UnlikeError
    return empty and empty()


def _list(items: list[_Make], texts: Sequence[str]) -> list[Any]:
    return [make(texts) for make in items]


def _object(cls: type, members: Mapping[str, _Make]) -> _Make:
    makes = list(members.values())
    plain = [make for make in makes if isinstance(make, _Text)]
    converters = [
        (index, make.convert) for index, make in enumerate(plain) if make.convert is not None
    ]
    others = [(index, make) for index, make in enumerate(makes) if not isinstance(make, _Text)]
    pick = _picker([make.at for make in plain])
    build = maker(cls, tuple(members))

    def make(texts: Sequence[str]) -> Any:
        values = [*pick(texts)]
        if '' in values:
            raise UnlikeError
        for index, convert in converters:
            values[index] = convert(values[index])
        for index, other in others:
            values.insert(index, other(texts))
        return build(*values)

    return make


def _picker(places: list[int]) -> Callable[[Sequence[str]], Sequence[str]]:
    """What takes the items at some places."""
    if len(places) > 1:
        return itemgetter(*places)
    # Of a single one it would give the bare item.
    at = places[0] if places else 0
    return itemgetter(slice(at, at + len(places)))
