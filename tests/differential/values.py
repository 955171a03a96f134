"""Request values that belong to neither engine: drawn or recorded, built by each for itself."""

import datetime
from dataclasses import dataclass, field
from typing import Any

from suds import sudsobject
from suds.xsd.sxbasic import Complex

from oslo_vmware.objects.datastore import DatastorePath
from oslo_vmware.soap.objects import moref
from oslo_vmware.soap.schema import split


@dataclass
class Made:
    """An object of a type.

    :ivar type: Clark name
    """

    type: str
    members: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Moref:
    """A managed object reference."""

    value: str
    type: str


@dataclass(frozen=True)
class Typed:
    """A text in a reply, with the XSD type that the server gives it."""

    text: str
    type: str


def build(value: Any, factory: Any, prefixes: dict[str, str]) -> Any:
    """The value as a user would make it.

    :param factory: of the engine that it is for
    :param prefixes: prefixes that the factory knows, by namespace
    """
    if isinstance(value, Made):
        namespace, local = split(value.type)
        made = factory.create(f'{prefixes[namespace]}:{local}')
        for name, content in value.members.items():
            setattr(made, name, build(content, factory, prefixes))
        return made
    if isinstance(value, Moref):
        return moref(value.value, value.type)
    if isinstance(value, list):
        return [build(one, factory, prefixes) for one in value]
    return value


def to_json(value: Any) -> Any:
    """What a user gave, in a form that can be kept.

    :raises TypeError: it has something in it that cannot
    """
    if isinstance(value, Made):
        members = {name: to_json(one) for name, one in value.members.items()}
        return {'type': value.type, 'members': members}
    if isinstance(value, Moref | sudsobject.Property):
        type_ = value.type if isinstance(value, Moref) else getattr(value, '_type', None)
        return {'moref': [str(value.value), str(type_)]}
    if isinstance(value, sudsobject.Object):
        tag = _type_of(value)
        if not tag:
            raise TypeError(f'{value.__class__.__name__} is of no type that is known')
        members = {
            name: to_json(one) for name, one in value if not (_is_prepared(one) and _is_empty(one))
        }
        return {'type': tag, 'members': members}
    if isinstance(value, list | tuple):
        return [to_json(one) for one in value]
    if isinstance(value, datetime.datetime):
        return {'datetime': value.isoformat()}
    if value is None or type(value) in (str, bool, int, float):
        return value
    if isinstance(value, str | DatastorePath):
        return str(value)
    raise TypeError(f'{type(value)} cannot be kept')


def _is_prepared(value: Any) -> bool:
    """Whether the factory of the reference engine, and no user, has put it where it is."""
    return hasattr(value, '__prepared__')


def _is_empty(value: Any) -> bool:
    """Whether nothing is set in an object."""
    return all(one in (None, []) or (_is_prepared(one) and _is_empty(one)) for _, one in value)


def _type_of(value: sudsobject.Object) -> str:
    """Clark name of the type of an object of either engine, '' of one that has none."""
    tag: str = getattr(value.__class__, '__xsd_type__', '')
    schema_type = getattr(value.__metadata__, 'sxtype', None)
    if tag or not isinstance(schema_type, Complex):
        return tag
    local, namespace = schema_type.qname
    return f'{{{namespace}}}{local}'


def from_json(kept: Any) -> Any:
    """The reverse of :func:`to_json`."""
    if isinstance(kept, list):
        return [from_json(one) for one in kept]
    if isinstance(kept, dict):
        if 'moref' in kept:
            return Moref(*kept['moref'])
        if 'datetime' in kept:
            return datetime.datetime.fromisoformat(kept['datetime'])
        return Made(kept['type'], {name: from_json(one) for name, one in kept['members'].items()})
    return kept
