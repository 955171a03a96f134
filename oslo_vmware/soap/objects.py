"""The objects that users hold in their hands.

They are suds' objects, whichever engine runs. The compiled engine makes them of classes of its
own, :class:`Record` and :class:`Reference`, which behave like suds' and cost less: suds gives
every object a list of its members' names, a printer and a bag of metadata; here the names are
those of the instance's own dictionary, and printer and metadata are the class's.

A class stands for a type of the description, whose Clark name it carries, so that an object
from a reply can be sent back as what it is. Classes are made when first needed and shared by
the process. Those of types that no description has are kept in bounded number, because their
names come from whoever answers.
"""

import functools
from collections.abc import Iterator
from typing import Any

from suds import sudsobject


class _Light:
    """What :class:`Record` and :class:`Reference` do otherwise than suds' objects."""

    # What suds sets on each instance; nothing in either is about one of them.
    __printer__ = sudsobject.Printer()
    __metadata__ = sudsobject.Metadata()
    #: Clark name of the type, '' when no description has it.
    __xsd_type__ = ''
    #: Arguments of :func:`_new_class` that make the class, after its base.
    __made_from__: tuple[str, str] = ('', '')

    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__

    @property
    def __keylist__(self) -> list[str]:
        return list(self.__dict__)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(list(self.__dict__.items()))

    def __len__(self) -> int:
        return len(self.__dict__)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __reduce__(self) -> tuple[Any, ...]:
        # Such a class cannot be found by its name, which is what pickle would try.
        cls = self.__class__
        return (
            _blank,
            (_BASES[isinstance(self, Reference)], *cls.__made_from__),
            self.__dict__.copy(),
        )


class Record(_Light, sudsobject.Object):
    """An object of a complex type: members in the order they came, or of the schema."""

    def __init__(self) -> None:
        pass


class Reference(_Light, sudsobject.Property):
    """A text with XML attributes; a managed object reference is one with ``_type``."""

    def __init__(self, value: Any = None) -> None:
        self.value = value


_BASES = (Record, Reference)


def _new_class(base: type, name: str, xsd_type: str = '') -> type:
    return type(name, (base,), {'__xsd_type__': xsd_type, '__made_from__': (name, xsd_type)})


#: Characters of the longest name whose class is kept. Names of vSphere have up to 60.
_MAX_KEPT_NAME = 200

_kept_class = functools.lru_cache(maxsize=512)(_new_class)


def object_class(base: type, name: str) -> type:
    """Make a class of objects, as :func:`type_class`, for a name that comes from outside."""
    return _kept_class(base, name) if len(name) <= _MAX_KEPT_NAME else _new_class(base, name)


_type_classes: dict[tuple[type, str, str], type] = {}


def type_class(base: type, name: str, xsd_type: str) -> type:
    """The class of the objects of a type that a description has.

    :param base: :class:`Record` or :class:`Reference`
    :param name: name of the class, which users see
    :param xsd_type: Clark name of the type it stands for
    :returns: the same class each time
    """
    key = (base, name, xsd_type)
    # Of two threads that make it, the second gets what the first has put there.
    return _type_classes.get(key) or _type_classes.setdefault(key, _new_class(*key))


def _blank(base: type, name: str, xsd_type: str) -> Any:
    return object.__new__(
        type_class(base, name, xsd_type) if xsd_type else object_class(base, name)
    )


def moref(value: Any, type_: Any) -> sudsobject.Property:
    """Make a managed object reference.

    :param value: the id, for example ``vm-123``
    :param type_: the vSphere type name, for example ``VirtualMachine``
    :returns: reference with the attributes ``value`` and ``_type``
    """
    reference = sudsobject.Property(value)
    reference._type = type_
    return reference
