"""An inventory without a server, and a judge of its values that is not ours.

:func:`made` builds a world whose tasks end at once, for tests of what objects do to each other;
what a client sees of it over the wire is tested elsewhere. :func:`complaints` compares every
property of every object with pyVmomi's own type tables.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator
from typing import Any

from pyVmomi import VmomiSupport

from oslo_vmware.simulator.inventory import Inventory, build
from oslo_vmware.simulator.world.data import DataObject, Ref, Typed, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World

_VIM = 'urn:vim25'
_BITS = {VmomiSupport.byte: 8, VmomiSupport.short: 16, int: 32, VmomiSupport.long: 64}


class Tasks:
    """Does a task's work at once, so that its fault is the operation's own."""

    def __init__(self) -> None:
        self.results: list[Any] = []

    def start(self, entity: ManagedObject, operation: str, work: Any) -> Ref:
        self.results.append(work())
        return Ref('Task', f'task-{len(self.results)}')


class Now:
    """Does at once what is to happen later."""

    def after(self, seconds: float, function: Any) -> None:
        function()


def made(inventory: Inventory | None = None, seed: int = 0) -> World:
    """A world with an inventory, and no server around it."""
    world = World(seed=seed)
    world.about = types.AboutInfo(version='9.1.1', apiVersion='9.1.1.0')
    world.task_manager = Tasks()  # type: ignore[assignment]
    world.scheduler = Now()
    build(world, inventory or Inventory())
    return world


def call(target: ManagedObject, operation: str, **arguments: Any) -> Any:
    """Perform an operation; of a task the result."""
    args = types[f'{operation}RequestType'](**arguments)
    answer = getattr(target, operation)(Call(operation, target.ref, args))
    if operation.endswith('_Task'):
        return target.world.task_manager.results[-1]  # type: ignore[attr-defined]
    return answer


def complaints(world: World) -> Iterator[str]:
    """What pyVmomi's tables have against the properties of the objects of a world.

    Tasks, leases and events are left out: they may outlive the object that they are about.
    """
    for found in list(world.objects.values()):
        if found.wire_type in ('Task', 'HttpNfcLease', 'EventManager', 'EventHistoryCollector'):
            continue
        declared = VmomiSupport.GetWsdlType(_VIM, found.wire_type)
        for info in declared._GetPropertyList():
            where = f'{found.ref.value}.{info.name}'
            value = getattr(found, info.name, None)
            if value is not None:
                yield from _against(world, value, info.type, where)
            elif not info.flags & VmomiSupport.F_OPTIONAL:
                yield f'{where} is required and unset'


def incomplete(world: World, value: DataObject) -> Iterator[str]:
    """What pyVmomi's tables have against a data object."""
    declared = VmomiSupport.GetWsdlType(_VIM, value.wire_type)
    return _against_object(world, value, declared, value.wire_type)


def _against(world: World, value: Any, declared: type, where: str) -> Iterator[str]:
    if issubclass(declared, VmomiSupport.Array):
        if not isinstance(value, list):
            yield f'{where} is {value!r}, not a list'
            return
        for index, item in enumerate(value):
            yield from _against(world, item, declared.Item, f'{where}[{index}]')
    elif issubclass(declared, VmomiSupport.ManagedObject):
        yield from _against_reference(world, value, declared, where)
    elif isinstance(value, DataObject):
        yield from _against_object(world, value, declared, where)
    elif (problem := _leaf_problem(value, declared)) is not None:
        yield f'{where} is {value!r}: {problem}'


def _against_reference(world: World, value: Any, declared: type, where: str) -> Iterator[str]:
    ref = value.ref if isinstance(value, ManagedObject) else value
    if not isinstance(ref, Ref):
        yield f'{where} is {value!r}, not a reference'
    elif ref.value not in world.objects or world.objects[ref.value].ref != ref:
        yield f'{where} refers to {ref}, which does not exist'
    elif not issubclass(VmomiSupport.GetWsdlType(_VIM, ref.type), declared):
        yield f'{where} refers to a {ref.type}, not to a {declared.__name__}'


def _against_object(world: World, value: DataObject, declared: type, where: str) -> Iterator[str]:
    try:
        actual, infos, required = _declaration(value.wire_type)
    except KeyError:
        yield f'{where} is of the unknown type {value.wire_type}'
        return
    if declared is not object and not issubclass(actual, declared):
        yield f'{where} is a {value.wire_type}, not a {declared.__name__}'
        return
    missing = set(required)
    for name, field in vars(value).items():
        if name not in infos:
            yield f'{where}: {value.wire_type} has no field {name}'
        elif field is not None:
            missing.discard(name)
            # Of most there is nothing more to ask: this is done after each of many tests.
            if type(field) is not infos[name] or infos[name] is int:
                yield from _against(world, field, infos[name], f'{where}.{name}')
    for name in missing:
        yield f'{where}.{name} is required and unset'


@functools.cache
def _declaration(wire_type: str) -> tuple[type, dict[str, type], frozenset[str]]:
    """The type of a data object, those of its fields, and which of them are required."""
    actual = VmomiSupport.GetWsdlType(_VIM, wire_type)
    infos = actual._GetPropertyList()
    required = {info.name for info in infos if not info.flags & VmomiSupport.F_OPTIONAL}
    return actual, {info.name: info.type for info in infos}, frozenset(required)


def _leaf_problem(value: Any, declared: type) -> str | None:
    if declared is object:
        known = isinstance(value, str | int | bool | float | Typed)
        return None if known else 'not a value for any'
    if declared in _BITS:
        most = 1 << (_BITS[declared] - 1)
        fits = isinstance(value, int) and not isinstance(value, bool) and -most <= value < most
        return None if fits else f'not a {declared.__name__}'
    if declared is bool:
        return None if isinstance(value, bool) else 'not a boolean'
    if declared is datetime.datetime:
        fits = isinstance(value, datetime.datetime) and value.tzinfo is not None
        return None if fits else 'not a time with a zone'
    if not isinstance(value, str):
        return f'not a {declared.__name__}'
    try:
        if issubclass(declared, VmomiSupport.Enum):
            return None if value in declared.values else 'not a value of the enumeration'
        if declared is type:
            VmomiSupport.GetWsdlType(_VIM, value)
        elif declared is VmomiSupport.ManagedMethod:
            VmomiSupport.GetWsdlMethod(_VIM, value)
    except KeyError:
        return 'not a known name'
    return None


def consistency_problems(world: World) -> Iterator[str]:
    """Where two objects of a world disagree about each other, as a client can see it."""
    refs = _References(world)
    yield from _tree_problems(world, refs)
    for here, path, there, back in (
        ('HostSystem', 'vm', 'VirtualMachine', 'runtime.host'),
        ('ResourcePool', 'vm', 'VirtualMachine', 'resourcePool'),
        ('Datastore', 'vm', 'VirtualMachine', 'datastore'),
        ('Network', 'vm', 'VirtualMachine', 'network'),
        ('Network', 'host', 'HostSystem', 'network'),
        ('Datastore', 'host.key', 'HostSystem', 'datastore'),
        ('VmwareDistributedVirtualSwitch', 'portgroup', 'DistributedVirtualPortgroup',
         'config.distributedVirtualSwitch'),
    ):  # fmt: skip
        forth = {(one, other) for one in refs.of_type(here) for other in refs.at(one, path)}
        reverse = {(one, other) for other in refs.of_type(there) for one in refs.at(other, back)}
        for one, other in forth ^ reverse:
            yield f'{one.value}.{path} and {other.value}.{back} disagree'
    for datastore in refs.of_type('Datastore'):
        yield from _space_problems(world, refs, datastore)
    for machine in refs.of_type('VirtualMachine'):
        yield from _machine_problems(world, refs, machine)
    for pod in refs.of_type('StoragePod'):
        shown = world.get(pod).summary  # type: ignore[attr-defined]
        members = [world.get(ref).summary for ref in refs.at(pod, 'childEntity')]  # type: ignore[attr-defined]
        for field in ('capacity', 'freeSpace'):
            if getattr(shown, field) != sum(getattr(member, field) for member in members):
                yield f'{pod.value} and its members disagree about {field}'


class _References:
    """Reads references from properties, whatever they are wrapped in."""

    def __init__(self, world: World) -> None:
        self.world = world

    def of_type(self, wire_type: str) -> list[Ref]:
        return [found.ref for found in self.world.objects.values() if found.is_a(wire_type)]

    def at(self, ref: Ref, path: str) -> list[Ref]:
        values: list[Any] = [self.world.get(ref)]
        for name in path.split('.'):
            values = [
                item
                for value in values
                for item in _as_list(getattr(value, name, None))
                if item is not None
            ]
        return [value.ref if isinstance(value, ManagedObject) else value for value in values]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_DOWN = {
    'Folder': ['childEntity'],
    'Datacenter': ['vmFolder', 'hostFolder', 'datastoreFolder', 'networkFolder'],
    'ComputeResource': ['host', 'resourcePool'],
    'ResourcePool': ['resourcePool'],
}


def _tree_problems(world: World, refs: _References) -> Iterator[str]:
    seen = [world.root_folder.ref]
    for above in seen:
        for wire_type, paths in _DOWN.items():
            if not world.get(above).is_a(wire_type):
                continue
            for below in [ref for path in paths for ref in refs.at(above, path)]:
                if refs.at(below, 'parent') != [above]:
                    yield f'{below.value} is below {above.value} but says otherwise'
                if below in seen:
                    yield f'{below.value} is in the tree twice'
                else:
                    seen.append(below)
    for entity in refs.of_type('ManagedEntity'):
        if entity not in seen:
            yield f'{entity.value} is not in the tree'


def _space_problems(world: World, refs: _References, datastore: Ref) -> Iterator[str]:
    found: Any = world.get(datastore)
    used = found.other_used
    for machine in refs.at(datastore, 'vm'):
        usages: Any = world.get(machine).storage.perDatastoreUsage  # type: ignore[attr-defined]
        used += sum(usage.committed for usage in usages if usage.datastore == datastore)
    if found.summary.capacity - found.summary.freeSpace != used:
        yield f'{datastore.value}: capacity, free space and what lies there do not add up'
    if found.info.freeSpace != found.summary.freeSpace:
        yield f'{datastore.value}: info and summary disagree about the free space'


def _machine_problems(world: World, refs: _References, ref: Ref) -> Iterator[str]:
    machine: Any = world.get(ref)
    files = machine.layoutEx.file
    if machine.summary.storage.committed != sum(file.size for file in files):
        yield f'{ref.value}: its files and its summary disagree about the space'
    names = {f'[{datastore.name}]' for datastore in machine.datastore}
    if {file.name.partition(' ')[0] for file in files} != names:
        yield f'{ref.value}: its files and its datastores disagree'
    mounted = refs.at(machine.host.ref, 'datastore')
    if any(datastore.ref not in mounted for datastore in machine.datastore):
        yield f'{ref.value}: its host has not mounted its datastores'
    connected = refs.at(machine.host.ref, 'network')
    if any(network.ref not in connected for network in machine.network):
        yield f'{ref.value}: its host is not connected to its networks'
    keys = [device.key for device in machine.config.hardware.device]
    if len(keys) != len(set(keys)):
        yield f'{ref.value}: two devices have one key'
