"""Which event a change is.

The table is all there is to add to for a new kind of event: it says for a piece of state of a
type of objects what its change is called, and with which fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from oslo_vmware.simulator.objects.events.where import argument
from oslo_vmware.simulator.world.data import DataObject, types

CREATED = 'created'
REMOVED = 'removed'


class Cause(NamedTuple):
    """Who did it, in which task or operation.

    :ivar user: empty for the server itself
    :ivar chain: number of the events that belong together; None begins a new one
    :ivar operation: wire name; empty when nobody asked for it
    :ivar subject: id of what the operation works on
    :ivar spec: the operation's argument of that name
    """

    user: str = ''
    chain: int | None = None
    operation: str = ''
    subject: str = ''
    spec: DataObject | None = None


class Telling(NamedTuple):
    """An event as far as a table knows it."""

    name: str
    fields: dict[str, Any] = {}


Teller: TypeAlias = Callable[[Any, Any, Cause], Telling | None]


def _just(name: str) -> Teller:
    return lambda obj, old, cause: Telling(name)


def _renamed(name: str) -> Teller:
    def tell(obj: Any, old: Any, cause: Cause) -> Telling | None:
        if old in (None, obj.name):
            return None
        return Telling(name, {'oldName': old, 'newName': obj.name})

    return tell


def _within(name: str, kind: str) -> Teller:
    """Created in a folder or pool."""
    return lambda obj, old, cause: Telling(name, {'parent': argument(kind, obj.parent)})


def _reconfigured(name: str, spec_type: str) -> Teller:
    """With the specification, where it was one that did it."""

    def tell(obj: Any, old: Any, cause: Cause) -> Telling | None:
        spec = cause.spec
        if spec is None or spec.wire_type != spec_type:
            spec = types[spec_type]()
        return Telling(name, {'configSpec': spec})

    return tell


# --- machines


def _vm_created(vm: Any, old: Any, cause: Cause) -> Telling:
    if cause.operation == 'RegisterVM_Task':
        return Telling('VmRegisteredEvent')
    source = vm.world.objects.get(cause.subject)
    if cause.operation in ('CloneVM_Task', 'InstantClone_Task') and source is not None:
        return Telling('VmClonedEvent', {'sourceVm': argument('Vm', source)})
    return Telling('VmCreatedEvent')


def _vm_power(vm: Any, old: Any, cause: Cause) -> Telling | None:
    if vm.power_state != old:
        state = vm.power_state
        return Telling(f'Vm{state[0].upper()}{state[1:]}Event')
    if vm.power_state != 'poweredOn':
        return None
    return Telling('VmResettingEvent' if cause.operation else 'VmGuestRebootEvent')


# These change configurations as well, and have events of their own or none.
_NO_RECONFIGURATION = re.compile('Snapshot|RelocateVM|MigrateVM|Rename|PromoteDisks')


def _vm_reconfigured(vm: Any, old: Any, cause: Cause) -> Telling | None:
    if _NO_RECONFIGURATION.search(cause.operation):
        return None
    return _reconfigured('VmReconfiguredEvent', 'VirtualMachineConfigSpec')(vm, old, cause)


def _vm_moved(vm: Any, old: Any, cause: Cause) -> Telling | None:
    if vm.host in (None, old):
        return None
    source = {'sourceHost': argument('Host', old)}
    if cause.subject != vm.ref.value:
        # The machine was not asked to: its host goes into maintenance, or it is being started.
        name = 'DrsVmMigratedEvent' if cause.operation == 'EnterMaintenanceMode_Task' else ''
        return Telling(name, source) if name else None
    if cause.operation == 'PowerOnVM_Task':
        return None
    migrated = vm.power_state == 'poweredOn' or cause.operation == 'MigrateVM_Task'
    return Telling('VmMigratedEvent' if migrated else 'VmRelocatedEvent', source)


def _vm_rehoused(vm: Any, old: Any, cause: Cause) -> Telling | None:
    if old is vm.home or vm.host is None:
        return None
    fields = {
        'sourceHost': argument('Host', vm.host),
        'sourceDatastore': argument('Datastore', old),
    }
    return Telling('VmRelocatedEvent', fields)


def _vm_pool(vm: Any, old: Any, cause: Cause) -> Telling | None:
    if vm.resourcePool in (None, old):
        return None
    fields = {
        'oldParent': argument('ResourcePool', old),
        'newParent': argument('ResourcePool', vm.resourcePool),
    }
    return Telling('VmResourcePoolMovedEvent', fields)


def _vm_connection(vm: Any, old: Any, cause: Cause) -> Telling | None:
    if vm.connection == old:
        return None
    connected = vm.connection == 'connected'
    return Telling('VmConnectedEvent' if connected else 'VmDisconnectedEvent')


# --- all else


def _host_connection(host: Any, old: Any, cause: Cause) -> Telling | None:
    if host.connection == old:
        return None
    if host.connection == 'disconnected':
        return Telling('HostDisconnectedEvent', {'reason': 'Disconnected by user'})
    connected = host.connection == 'connected'
    return Telling('HostConnectedEvent' if connected else 'HostConnectionLostEvent')


def _host_maintenance(host: Any, old: Any, cause: Cause) -> Telling | None:
    if host.maintenance == old:
        return None
    return Telling(
        'EnteredMaintenanceModeEvent' if host.maintenance else 'ExitMaintenanceModeEvent'
    )


_DATASTORES = {'NFS': 'NAS', 'VMFS': 'VMFS'}


def _datastore_created(datastore: Any, old: Any, cause: Cause) -> Telling:
    kind = _DATASTORES.get(datastore.kind, 'Local')
    return Telling(
        f'{kind}DatastoreCreatedEvent',
        {'datastore': argument('Datastore', datastore), 'datastoreUrl': datastore.url},
    )


def _about(kind: str, name: str) -> Teller:
    """An event with a member of its own for what it is about."""
    member = kind[0].lower() + kind[1:]
    return lambda obj, old, cause: Telling(name, {member: argument(kind, obj)})


def _pool_created(pool: Any, old: Any, cause: Cause) -> Telling | None:
    if not pool.parent.is_a('ResourcePool'):
        return None
    fields = {
        'resourcePool': argument('ResourcePool', pool),
        'parent': argument('ResourcePool', pool.parent),
    }
    return Telling('ResourcePoolCreatedEvent', fields)


def _datastore_renamed(datastore: Any, old: Any, cause: Cause) -> Telling | None:
    told = _renamed('DatastoreRenamedEvent')(datastore, old, cause)
    if told is not None:
        told.fields['datastore'] = argument('Datastore', datastore)
    return told


# By type, and by attribute or one of the two names above.
TELLERS: dict[str, dict[str, Teller]] = {
    'VirtualMachine': {
        CREATED: _vm_created,
        REMOVED: _just('VmRemovedEvent'),
        'name': _renamed('VmRenamedEvent'),
        'power_state': _vm_power,
        'changes': _vm_reconfigured,
        'host': _vm_moved,
        'home': _vm_rehoused,
        'resourcePool': _vm_pool,
        'connection': _vm_connection,
    },
    'HostSystem': {
        CREATED: _just('HostAddedEvent'),
        REMOVED: _just('HostRemovedEvent'),
        'connection': _host_connection,
        'maintenance': _host_maintenance,
    },
    'Datastore': {
        CREATED: _datastore_created,
        REMOVED: _about('Datastore', 'DatastoreDestroyedEvent'),
        'name': _datastore_renamed,
    },
    'Datacenter': {
        CREATED: _within('DatacenterCreatedEvent', 'Folder'),
        'name': _renamed('DatacenterRenamedEvent'),
    },
    'ClusterComputeResource': {
        CREATED: _within('ClusterCreatedEvent', 'Folder'),
        REMOVED: _just('ClusterDestroyedEvent'),
        'settings': _just('ClusterReconfiguredEvent'),
    },
    'ResourcePool': {
        CREATED: _pool_created,
        REMOVED: _about('ResourcePool', 'ResourcePoolDestroyedEvent'),
        'cpu': _about('ResourcePool', 'ResourcePoolReconfiguredEvent'),
    },
    'VmwareDistributedVirtualSwitch': {
        CREATED: _within('DvsCreatedEvent', 'Folder'),
        REMOVED: _just('DvsDestroyedEvent'),
        'name': _renamed('DvsRenamedEvent'),
        'settings': _reconfigured('DvsReconfiguredEvent', 'VMwareDVSConfigSpec'),
    },
    'DistributedVirtualPortgroup': {
        CREATED: _just('DVPortgroupCreatedEvent'),
        REMOVED: _just('DVPortgroupDestroyedEvent'),
        'name': _renamed('DVPortgroupRenamedEvent'),
        'settings': _reconfigured('DVPortgroupReconfiguredEvent', 'DVPortgroupConfigSpec'),
    },
}
