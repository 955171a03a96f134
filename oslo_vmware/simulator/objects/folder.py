"""Folders.

A folder holds objects of one kind: datacenters, or the machines, hosts, datastores or networks
of one datacenter. Which kind decides what can be created in it or moved into it.
"""

from __future__ import annotations

from typing import Any, ClassVar

from oslo_vmware.simulator.objects.entity import ManagedEntity, wire_name
from oslo_vmware.simulator.world.data import Fault, Ref, invalid_argument
from oslo_vmware.simulator.world.registry import Call, World, class_for, managed

# What a folder of a kind may hold, and what its id begins with.
_KINDS = {
    'datacenter': ('group-d', ['Folder', 'Datacenter']),
    'vm': ('group-v', ['Folder', 'VirtualMachine', 'VirtualApp']),
    'host': ('group-h', ['Folder', 'ComputeResource']),
    'datastore': ('group-s', ['Folder', 'StoragePod', 'Datastore']),
    'network': ('group-n', ['Folder', 'Network', 'DistributedVirtualSwitch']),
}


@managed('Folder')
class Folder(ManagedEntity):
    """A folder of the inventory.

    :ivar kind: what it is for: ``datacenter``, ``vm``, ``host``, ``datastore`` or ``network``
    """

    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {'children': ('childEntity',)}

    kind: str

    def __init__(self, world: World, name: str, parent: ManagedEntity | None, kind: str) -> None:
        super().__init__(world, name, parent, id_prefix=_KINDS[kind][0], kind=kind)

    @property
    def childType(self) -> list[str]:
        return _KINDS[self.kind][1]

    @property
    def childEntity(self) -> list[ManagedEntity]:
        children: list[ManagedEntity] = self.children
        return children

    @property
    def fixed(self) -> bool:
        """Whether it came with its datacenter, or is the root, and cannot go away."""
        return not isinstance(self.parent, Folder)

    def touched(self, link: str) -> None:
        super().touched(link)
        if link == 'children' and self.kind in ('datastore', 'network'):
            datacenter = self.datacenter
            if datacenter is not None:
                datacenter.changed(self.kind)

    def accepts(self, entity: ManagedEntity) -> bool:
        if entity.wire_type == 'HostSystem':
            # It leaves its cluster, and gets a compute resource of its own.
            return self.kind == 'host' and entity.parent.wire_type == 'ClusterComputeResource'
        return any(entity.is_a(wire_type) for wire_type in self.childType) and (
            not isinstance(entity, Folder) or entity.is_a('StoragePod') or entity.kind == self.kind
        )

    def _must_be(self, kind: str, operation: str) -> None:
        if self.kind != kind or self.is_a('StoragePod'):
            raise Fault('NotSupported', f"{operation} is not supported in folder '{self.name}'.")

    def _new_name(self, name: str | None) -> str:
        checked = wire_name(name)
        self.check_free(checked, self.children)
        return checked

    def CreateFolder(self, call: Call) -> Folder:
        self._must_be(self.kind, 'CreateFolder')
        return Folder(self.world, self._new_name(call.name), self, self.kind)

    def CreateDatacenter(self, call: Call) -> ManagedEntity:
        self._must_be('datacenter', 'CreateDatacenter')
        made: ManagedEntity = class_for('Datacenter')(
            self.world, self._new_name(call.name), parent=self
        )  # type: ignore[assignment]
        return made

    def CreateStoragePod(self, call: Call) -> Folder:
        self._must_be('datastore', 'CreateStoragePod')
        create: Any = class_for('StoragePod')
        pod: Folder = create(self.world, self._new_name(call.name), self)
        return pod

    def CreateVM_Task(self, call: Call) -> Ref:
        self._must_be('vm', 'CreateVM_Task')
        pool = self.find(call.pool, 'ResourcePool', 'pool')
        host = self.find(call.host, 'HostSystem', 'host') if call.host else None
        create: Any = class_for('VirtualMachine')
        return self.start('CreateVM_Task', lambda: create.create(self, call.config, pool, host))

    def CreateClusterEx(self, call: Call) -> ManagedEntity:
        self._must_be('host', call.operation)
        create: Any = class_for('ClusterComputeResource')
        made: ManagedEntity = create.create(self, self._new_name(call.args.name), call.spec)
        return made

    CreateCluster = CreateClusterEx

    def AddStandaloneHost_Task(self, call: Call) -> Ref:
        self._must_be('host', 'AddStandaloneHost_Task')
        create: Any = class_for('ComputeResource')
        if not call.spec.hostName:
            raise invalid_argument('spec.hostName')

        def work() -> ManagedEntity:
            made: Any = create.of_host(self, call.spec, connected=bool(call.addConnected))
            if call.compResSpec is not None:
                made.configure(call.compResSpec, modify=True)
            found: ManagedEntity = made
            return found

        return self.start('AddStandaloneHost_Task', work)

    def CreateDVS_Task(self, call: Call) -> Ref:
        self._must_be('network', 'CreateDVS_Task')
        create: Any = class_for('VmwareDistributedVirtualSwitch')
        return self.start('CreateDVS_Task', lambda: create.create(self, call.spec))

    def RegisterVM_Task(self, call: Call) -> Ref:
        self._must_be('vm', 'RegisterVM_Task')
        pool = self.find(call.pool, 'ResourcePool', 'pool') if call.pool else None
        host = self.find(call.host, 'HostSystem', 'host') if call.host else None
        if bool(call.asTemplate) is (pool is not None) or (pool is None and host is None):
            # A template needs a host and has no pool, a machine needs a pool.
            raise invalid_argument('host' if call.asTemplate and pool is None else 'pool')
        machine: Any = class_for('VirtualMachine')
        path, name = call.path, call.args.name
        return self.start('RegisterVM_Task', lambda: machine.register(self, path, name, pool, host))

    def MoveIntoFolder_Task(self, call: Call) -> Ref:
        entities = [self.find(ref, 'ManagedEntity', 'list') for ref in call.list or []]
        return self.start('MoveIntoFolder_Task', lambda: self._move_in(entities))

    def _move_in(self, entities: list[ManagedEntity]) -> None:
        for entity in entities:
            if not self.accepts(entity) or entity.datacenter is not self.datacenter:
                raise Fault(
                    'NotSupported',
                    f"'{entity.name}' cannot be moved into folder '{self.name}'.",
                )
            if entity is self or entity in self.ancestors():
                raise Fault(
                    'InvalidFolder',
                    f"'{entity.name}' cannot be moved into itself or below itself.",
                    target=self.ref,
                )
            entity.check_free(entity.name, self.children)
        for entity in entities:
            if entity.wire_type == 'HostSystem':
                leave: Any = class_for('ComputeResource')
                leave.of_member(self, entity)
            else:
                entity.parent = self

    def check_destroy(self) -> None:
        if self.fixed:
            raise Fault('NotSupported', f"The folder '{self.name}' cannot be destroyed.")
        for child in self.children:
            child.check_destroy()

    def dispose(self) -> None:
        for child in self.children:
            child.dispose()
        super().dispose()

    def rename(self, name: str | None) -> None:
        if self.parent is None:
            raise Fault('NotSupported', 'The root folder cannot be renamed.')
        super().rename(name)
