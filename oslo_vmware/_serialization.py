"""What type an object of the API is of, and objects as plain data.

Drivers keep objects of the API where only plain data can be, such as the messages between two
services: :func:`serialize_object` makes dicts, lists and simple values of them, and
:func:`deserialize_object` makes objects of those. With ``typed=True`` the data says of what type
each object was, and holds nothing but what JSON can; nothing is lost on the way.

What stands for what in typed data:

- an object of a data type: its members, and the name of the type as ``_type``;
- a reference: ``_type`` and ``value``, as everywhere. The two cannot be mixed up: no managed object
  type has the name of a data type;
- what JSON has no form for: ``{'_type': 'xsd:dateTime', 'value': '2026-01-02T03:04:05+00:00'}``,
  and so on;
- a :class:`~oslo_vmware.soap.values.TypedValue`: ``_type`` is ``TypedValue``, ``type`` is the XSD
  type;
- an object that the factory has put into another one: ``_prepared`` is true, because as long as
  nothing is set in it, it is not sent;
- an object of a reply some of whose members came empty: ``_received`` is true, because what is
  None in an object of the factory nobody has set;
- an object of a reply that came empty, but for its type: ``_empty`` is true. It is an empty text.

The descriptions of the types are read when the first question needs them.
"""

import base64
import datetime
import functools
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from oslo_vmware.soap import objects

if TYPE_CHECKING:
    from oslo_vmware.soap.schema import Schema

_TYPE = '_type'
_TYPED_VALUE = 'TypedValue'
_PREPARED = '_prepared'
_RECEIVED = '_received'
_EMPTY = '_empty'
_MARKS = frozenset({_TYPE, _PREPARED, _RECEIVED, _EMPTY})

#: All that a reference can have.
_OF_REFERENCES = {_TYPE, 'value', '_serverGuid'}

_Simple = tuple[type, str, Callable[[Any], str], Callable[[str], Any]]


@functools.cache
def _simple_types() -> tuple[_Simple, ...]:
    """Python type, type of XML Schema, and the ways there and back."""
    # Imported here because sessions are opened without.
    from decimal import Decimal

    from oslo_vmware.soap.values import xsd_float

    moment, day, clock = datetime.datetime, datetime.date, datetime.time
    return (
        # A datetime is a date as well, so it comes first.
        (moment, 'xsd:dateTime', moment.isoformat, moment.fromisoformat),
        (day, 'xsd:date', day.isoformat, day.fromisoformat),
        (clock, 'xsd:time', clock.isoformat, clock.fromisoformat),
        (Decimal, 'xsd:decimal', str, Decimal),
        (bytes, 'xsd:base64Binary', lambda data: base64.b64encode(data).decode(), base64.b64decode),
        (float, 'xsd:double', xsd_float, float),
    )


def is_vim_instance(obj: Any, type_name: str) -> bool:
    """Tell whether an object is of a type of the API, or of one derived from it.

    ::

        is_vim_instance(device, 'VirtualEthernetCard')   # true of a VirtualVmxnet3

    :param obj: from a reply or of the factory; of anything else the class counts
    :param type_name: name of a data type, with any prefix (``ns0:``) or none;
        ``ManagedObjectReference`` for references
    :returns: whether it is; False for a type that nobody has heard of
    """
    wanted = type_name.rpartition(':')[2]
    cls = obj.__class__
    if wanted == 'ManagedObjectReference' and _TYPE in getattr(obj, '__keylist__', ()):
        return True
    if isinstance(obj, objects.EmptyObject):
        return wanted in _ancestors(obj.type_name)
    name = getattr(cls, '__xsd_type__', '') or cls.__name__
    return any(one.__name__ == wanted for one in cls.__mro__) or wanted in _ancestors(name)


def _ancestors(name: str) -> Iterator[str]:
    """Names of a type and of those that it is derived from."""
    for schema in _schemas():
        tag = schema.lookup(name)
        if tag is not None:
            yield from (one.rpartition('}')[2] for one in schema.type(tag).ancestors)


def _schemas() -> 'list[Schema]':
    from oslo_vmware.soap.descriptions import known_schemas

    return known_schemas()


def serialize_object(obj: Any, typed: bool = False) -> Any:
    """Turn an object of the API into plain dicts and lists.

    :param obj: from a reply or of the factory; or a list or dict with such objects in it
    :param typed: add the name of its type to each object, and write what JSON has no form for as
        text with its type, so that :func:`deserialize_object` gives back the same from what went
        through JSON
    :returns: nested dict; tuples become lists. Untyped, what is none of these is taken over as it
        is
    :raises TypeError: typed, a value is what no call takes, such as a set
    """
    if hasattr(obj, '__keylist__'):
        members = {name: serialize_object(getattr(obj, name), typed) for name in obj.__keylist__}
        if not typed:
            return members
        return {_TYPE: obj.__class__.__name__, **_mark(obj, members), **members}
    if isinstance(obj, (list, tuple)):
        return [serialize_object(item, typed) for item in obj]
    if isinstance(obj, dict):
        return {name: serialize_object(value, typed) for name, value in obj.items()}
    return _plain(obj) if typed else obj


def _mark(obj: Any, members: dict[str, Any]) -> dict[str, bool]:
    """What typed data says of where an object comes from."""
    if objects.is_prepared(obj):
        return {_PREPARED: True}
    if None in members.values() and not objects.is_created(obj):
        return {_RECEIVED: True}
    return {}


def _plain(value: Any) -> Any:
    """A simple value in a form that JSON has."""
    from oslo_vmware.soap.values import TypedValue, text_of

    if isinstance(value, objects.EmptyObject):
        return {_TYPE: value.type_name, _EMPTY: True}
    if isinstance(value, TypedValue):
        content = serialize_object(value.value, typed=True)
        return {_TYPE: _TYPED_VALUE, 'type': value.xsd_type, 'value': content}
    if (
        value is None
        or isinstance(value, int)
        or (isinstance(value, float) and math.isfinite(value))
    ):
        return value
    for cls, name, write, _read in _simple_types():
        if isinstance(value, cls):
            return {_TYPE: name, 'value': write(value)}
    # As it would be sent: a text of another class, or a path on a datastore.
    return text_of(value, '')


def deserialize_object(factory: Any, data: Any, type_name: str | None = None) -> Any:
    """Make an object of the API of plain data; the reverse of :func:`serialize_object`.

    An object of typed data has the members that the data has, and no others. Data without types
    says less: there an object is one of the factory's whose members are filled in, each in the type
    that the description declares for it, so that derived types are lost; and a dict with nothing
    but None in it is taken for an object that the factory has put there and nobody has filled in.

    :param factory: ``session.vim.client.factory``, or that of ``session.pbm``
    :param data: what :func:`serialize_object` has made, also after JSON, or the same written by
        hand; a list gives a list
    :param type_name: type of the object, with any prefix or none, for data that does not say it;
        without one, a dict that does not say it stays a dict
    :returns: object with the attributes of its type
    :raises suds.TypeNotFound: the description has no such type
    :raises ValueError: a value is none of its type's, or typed data lacks what belongs to it
    """
    return _Reader(factory).value(data, type_name)


class _Reader:
    """Makes objects of data.

    :param factory: of the objects
    """

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def value(self, data: Any, declared: str | None = None, place: Any = None) -> Any:
        """What some data stands for.

        :param declared: name of the type that it has if it does not say another
        :param place: the object that a new one of the factory has in its place
        """
        if isinstance(data, list):
            return [self.value(item, declared) for item in data]
        if not isinstance(data, dict):
            return data
        name = data.get(_TYPE)
        if name is None:
            if declared is None:
                return {key: self.value(item) for key, item in data.items()}
            return self._filled(declared, data)
        if not isinstance(name, str):
            raise ValueError(f'{name!r} is no name of a type')
        for _cls, simple, _write, read in _simple_types():
            if name == simple:
                return read(_part(data, 'value'))
        if name == _TYPED_VALUE:
            from oslo_vmware.soap.values import TypedValue

            return TypedValue(self.value(_part(data, 'value')), _part(data, 'type'))
        if data.get(_EMPTY):
            return objects.EmptyObject.of(name)
        if data.keys() <= _OF_REFERENCES and not self._is_data_type(name):
            return self._reference(data)
        if place.__class__.__name__ == name and data.keys() == {_TYPE, 'value'}:
            # What stands where a required enumeration is to be; it cannot be made by itself.
            place.value = data['value']
            return place
        return self._exact(name, data)

    def _filled(self, name: str, data: dict[str, Any]) -> Any:
        """An object of the factory with some members set."""
        made = self._create(name)
        for member, value in data.items():
            # What the factory has put there and nobody has set stays what it is, and is not sent.
            if not (_says_nothing(value) and hasattr(getattr(made, member, None), '__keylist__')):
                setattr(made, member, self._member(name, member, value))
        return made

    def _exact(self, name: str, data: dict[str, Any]) -> Any:
        """An object with the members of the data."""
        made = self._create(name)
        for member in list(getattr(made, '__keylist__', ())):
            if member not in data:
                delattr(made, member)
        for member, value in data.items():
            if member not in _MARKS:
                place = getattr(made, member, None)
                setattr(made, member, self._member(name, member, value, place))
        # Past suds, to which all that is set is a member.
        if data.get(_PREPARED):
            object.__setattr__(made, '__dict__', objects.Prepared(made.__dict__))
        elif data.get(_RECEIVED):
            kept = {name: one for name, one in made.__dict__.items() if name != objects.CREATED}
            object.__setattr__(made, '__dict__', kept)
        return made

    def _member(self, name: str, member: str, value: Any, place: Any = None) -> Any:
        declared = self._declared(name, member) if _is_untyped(value) else None
        return self.value(value, declared, place)

    def _reference(self, data: dict[str, Any]) -> Any:
        made = objects.moref(data.get('value'), data[_TYPE])
        if '_serverGuid' in data:
            made._serverGuid = data['_serverGuid']
        return made

    def _create(self, name: str) -> Any:
        return self._factory.create(name if ':' in name else f'ns0:{name}')

    def _is_data_type(self, name: str) -> bool:
        # Not asked of the object: there are stand-ins that have every attribute.
        if hasattr(type(self._factory), 'knows'):
            return bool(self._factory.knows(name))
        return any(schema.lookup(name) is not None for schema in _schemas())

    def _declared(self, name: str, member: str) -> str | None:
        """The type that a member of a type is declared to have, if it is one with members."""
        for schema in _schemas():
            tag = schema.lookup(name)
            field = schema.type(tag).by_name.get(member) if tag is not None else None
            if field is not None:
                has_members = field.kind.value in ('complex', 'moref')
                return field.type.rpartition('}')[2] if has_members else None
        return None


def _is_untyped(value: Any) -> bool:
    """Whether some data is of an object, or several, and does not say of what type."""
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, dict) and _TYPE not in item for item in items)


def _says_nothing(value: Any) -> bool:
    """Whether some data is of an object in which nothing was set."""
    return (
        isinstance(value, dict)
        and len(value) > 0
        and all(one in (None, []) or _says_nothing(one) for one in value.values())
    )


def _part(data: dict[str, Any], name: str) -> Any:
    if name not in data:
        raise ValueError(f'typed data of {data[_TYPE]} has no {name!r}')
    return data[name]
