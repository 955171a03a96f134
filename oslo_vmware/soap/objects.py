"""The objects that users hold in their hands.

They are suds' objects, whichever engine runs. The compiled engine makes them of classes of its
own, :class:`Record` and :class:`Reference`, which behave like suds' and cost less: suds gives
every object a list of its members' names, a printer and a bag of metadata; here the names are
those of the instance's own dictionary, and printer and metadata are the class's. Objects of
replies have that dictionary only when somebody asks for it, see :func:`maker`.

A class stands for a type of the description, whose Clark name it carries, so that an object
from a reply can be sent back as what it is. Classes are made when first needed and shared by
the process. Those of types that no description has are kept in bounded number, because their
names come from whoever answers.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType
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
        cls, members = self.__class__, self.__dict__
        return (
            _blank,
            (_BASES[isinstance(self, Reference)], *cls.__made_from__, type(members)),
            members.copy(),
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


class _Member(tuple[str, Any]):
    """Name and value of the member of an array object, which many take for one of its items."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f'this is no item, and has no {name!r}: to iterate over an array object gives its '
            f'member as (name, value), here ({self[0]!r}, …); iterate over its {self[0]}, or over '
            'what vim_util.as_list makes of it'
        )


def _members_of_array(self: Any) -> Iterator[tuple[str, Any]]:
    return iter([_Member(item) for item in self.__dict__.items()])


def _new_class(base: type, name: str, xsd_type: str = '') -> type:
    members: dict[str, Any] = {'__xsd_type__': xsd_type, '__made_from__': (name, xsd_type)}
    if name.startswith('ArrayOf'):
        members['__iter__'] = _members_of_array
    return type(name, (base,), members)


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


class Created(dict[str, Any]):
    """The members of an object that a factory has made: what is None in it, nobody has set.

    In an object of a reply None is an empty element, which says something where one is required.
    """

    __slots__ = ()


class Prepared(Created):
    """The members of an object that a factory has put into another one, for users to fill in.

    As long as they don't, it says nothing; one that a user has put there says that it is there.
    """

    __slots__ = ()


#: Set on the same of suds' objects, to which these are no names of members.
CREATED = '__created__'
PREPARED = '__prepared__'


def is_created(value: Any) -> bool:
    """Whether an object with members has been made by a factory, and not of a reply."""
    return isinstance(getattr(value, '__dict__', None), Created) or hasattr(value, CREATED)


def is_prepared(value: Any) -> bool:
    """Whether a factory, and no user, has put an object with members where it is."""
    if isinstance(value, sudsobject.Property):
        return False
    return type(getattr(value, '__dict__', None)) is Prepared or hasattr(value, PREPARED)


class EmptyObject(str):
    """What an empty element of a reply is whose ``xsi:type`` names a type with members: an empty
    text, as ever, which knows what it is to be sent as.
    """

    __slots__ = ('type_name',)

    #: Local name of the type.
    type_name: str

    @classmethod
    def of(cls, type_name: str) -> 'EmptyObject':
        """The empty object of a type."""
        made = cls()
        made.type_name = type_name
        return made


def _blank(base: type, name: str, xsd_type: str, members: type[dict[str, Any]] = dict) -> Any:
    made: Any = object.__new__(
        type_class(base, name, xsd_type) if xsd_type else object_class(base, name)
    )
    if members is not dict:
        made.__dict__ = members()
    return made


# Making objects

#: Members of the largest object that has them in place. CPython shares no more names than that.
_MAX_IN_PLACE = 30
#: How many names members in place may have, in all of the process, because some come from whoever
#: answers, and a version of CPython never forgets a name. All types of vSphere have some 6,000.
_MAX_NAMES = 10_000

_names_in_place = {'value', '_type'}
_new = object.__new__


@functools.lru_cache(maxsize=_MAX_IN_PLACE + 1)
def _template(count: int) -> CodeType:
    """Code of a function that makes an object; the names in it are new, cls, and the members'."""
    values = [f'value_{number}' for number in range(count)]
    lines = [f'made.name_of_{value} = {value}' for value in values]
    body = '; '.join(['made = new(cls)', *lines, 'return made'])
    scope: dict[str, Any] = {}
    exec(f'def make({", ".join(values)}): {body}', scope)
    code: CodeType = scope['make'].__code__
    return code


def maker(cls: type, names: tuple[str, ...], defaults: tuple[Any, ...] = ()) -> Callable[..., Any]:
    """A function that makes an object of its members' values.

    What is set one by one, by name, CPython keeps in the object itself, and the names with the
    class; a dictionary of its own takes thrice the memory and more time. So such a function is
    like ``made = new(cls); made.key = value_0; ...; return made``. It is compiled once for each
    number of members, and the names are put in afterwards.

    :param cls: class of the object
    :param names: of its members, in their order
    :param defaults: values of the last members
    """
    if not _fit_in_place(cls, names):
        return lambda *values: with_members(
            cls, dict(zip(names, (*values, *defaults)[: len(names)], strict=True))
        )
    code = _template(len(names)).replace(co_names=('new', 'cls', *names))
    return FunctionType(code, {'new': _new, 'cls': cls}, None, defaults)


def _fit_in_place(cls: Any, names: tuple[str, ...]) -> bool:
    if len(names) > _MAX_IN_PLACE or any(name.startswith('__') for name in names):
        return False
    if not _names_in_place.issuperset(names):
        if not cls.__xsd_type__ or len(_names_in_place) + len(names) > _MAX_NAMES:
            return False
        _names_in_place.update(names)
    return True


_kept_maker = functools.lru_cache(maxsize=2048)(maker)


def kept_maker(cls: Any, names: tuple[str, ...]) -> Callable[..., Any]:
    """The same as :func:`maker`, the same each time for types that a description has."""
    # Other classes are not kept for long.
    return (_kept_maker if cls.__xsd_type__ else maker)(cls, names)


def made_of(cls: Any, members: Mapping[str, Any]) -> Any:
    """An object of a class with members."""
    if not cls.__xsd_type__:
        return with_members(cls, dict(members))
    return kept_maker(cls, tuple(members))(*members.values())


def with_members(cls: type, members: dict[str, Any]) -> Any:
    """An object of a class whose members are those of a dictionary, which becomes its own."""
    made: Any = _new(cls)
    made.__dict__ = members
    return made


def moref(value: Any, type_: Any) -> sudsobject.Property:
    """Make a managed object reference.

    :param value: the id, for example ``vm-123``
    :param type_: the vSphere type name, for example ``VirtualMachine``
    :returns: reference with the attributes ``value`` and ``_type``
    """
    reference = sudsobject.Property(value)
    reference._type = type_
    return reference
