"""Where something happened: the members of an event that say so, and what lies above."""

from __future__ import annotations

from typing import Any, NamedTuple

from oslo_vmware.simulator.world.data import DataObject, types
from oslo_vmware.simulator.world.registry import World

# The types that an event names, most special first: its member, and the type of its value.
_MEMBERS = {
    'VirtualMachine': ('vm', 'Vm'),
    'HostSystem': ('host', 'Host'),
    'ComputeResource': ('computeResource', 'ComputeResource'),
    'Datastore': ('ds', 'Datastore'),
    'DistributedVirtualSwitch': ('dvs', 'Dvs'),
    'Network': ('net', 'Network'),
    'Datacenter': ('datacenter', 'Datacenter'),
}
# The member of an argument that refers to the object.
_REFERENCES = {'Vm': 'vm', 'ManagedEntity': 'entity'}


class Place(NamedTuple):
    """Where something happened.

    :ivar entity: id of what it happened to
    :ivar above: ids of all that this is part of: its ancestors, for a machine also those by way
        of its host and its resource pool
    :ivar members: of the event
    """

    entity: str
    above: frozenset[str]
    members: dict[str, DataObject]


def argument(kind: str, entity: Any) -> DataObject:
    """An entity as an event names it: ``VmEventArgument`` and the like."""
    name = _REFERENCES.get(kind, kind[0].lower() + kind[1:])
    return types[f'{kind}EventArgument'](name=entity.name, **{name: entity.ref})


def place_of(entity: Any) -> Place:
    """Where an entity is now."""
    related = [entity, *_uppers(entity)]
    members: dict[str, DataObject] = {}
    for one in related:
        for wire_type, (member, kind) in _MEMBERS.items():
            if one.is_a(wire_type):
                members.setdefault(member, argument(kind, one))
                break
    return Place(entity.ref.value, frozenset(one.ref.value for one in related[1:]), members)


def _uppers(entity: Any) -> list[Any]:
    if not entity.is_a('ManagedEntity'):
        return []
    found = list(entity.ancestors())
    if entity.is_a('VirtualMachine'):
        for link in (entity.host, entity.resourcePool):
            if link is not None:
                found += [link, *link.ancestors()]
    switch = getattr(entity, 'switch', None)
    return [*found, switch] if switch is not None else found


def named_place(world: World, event: DataObject) -> Place:
    """Where an event happened that somebody else has made, by what it names."""
    for wire_type, (member, kind) in _MEMBERS.items():
        named = getattr(event, member)
        ref = getattr(named, _REFERENCES.get(kind, kind[0].lower() + kind[1:]), None)
        entity = world.objects.get(ref.value) if ref is not None else None
        if entity is not None and entity.is_a(wire_type):
            return place_of(entity)
    return place_of(world.root_folder)
