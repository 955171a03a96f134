"""Resource pools: the root pool of every compute resource, and pools below it."""

from __future__ import annotations

from typing import Any, ClassVar

from oslo_vmware.simulator.objects import nfc_lease, places
from oslo_vmware.simulator.objects.entity import ManagedEntity, wire_name
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, merged, types
from oslo_vmware.simulator.world.registry import Call, managed
from oslo_vmware.simulator.world.relations import Many

MIB = 1024**2

# Shares of a pool at level normal, as vSphere fixes them.
_CPU_SHARES = 4000
_MEMORY_SHARES = 163840
_LEVELS = {'low': 0.5, 'normal': 1, 'high': 2}


def allocation(shares: int, **fields: Any) -> DataObject:
    """A resource allocation without reservation or limit."""
    return types.ResourceAllocationInfo(
        **{
            'reservation': 0,
            'expandableReservation': True,
            'limit': -1,
            'shares': types.SharesInfo(shares=shares, level='normal'),
            **fields,
        }
    )


def _merged(now: DataObject, wanted: DataObject | None, normal: int) -> DataObject:
    """An allocation after a change.

    :param normal: shares at level normal
    :raises Fault: InvalidArgument
    """
    made: DataObject = merged(now, wanted)
    # A limit of -1 means none.
    if made.reservation > made.limit >= 0:
        raise invalid_argument('spec.reservation')
    if made.shares.level in _LEVELS:
        shares = int(normal * _LEVELS[made.shares.level])
        made.shares = types.SharesInfo(shares=shares, level=made.shares.level)
    return made


@managed('ResourcePool')
class ResourcePool(ManagedEntity):
    """A resource pool.

    :ivar cpu: its CPU allocation as configured, ``None`` where nobody has configured it
    :ivar memory: its memory allocation, likewise
    """

    id_prefix = 'resgroup'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'children': ('resourcePool',),
        'vm': ('vm', 'runtime', 'summary'),
        'name': ('name', 'summary.name'),
        'parent': ('parent', 'owner'),
        'cpu': ('config', 'summary', 'runtime'),
        'memory': ('config', 'summary', 'runtime'),
    }

    vm = Many('resourcePool')

    cpu: DataObject | None = None
    memory: DataObject | None = None
    version = 0

    @property
    def is_root(self) -> bool:
        return not isinstance(self.parent, ResourcePool)

    @property
    def owner(self) -> Any:
        return next(above for above in self.ancestors() if not isinstance(above, ResourcePool))

    @property
    def resourcePool(self) -> list[ResourcePool]:
        pools: list[ResourcePool] = self.children
        return pools

    @property
    def machines(self) -> list[Machine]:
        """The machines in it and in all pools below."""
        own: list[Machine] = self.vm
        return own + [machine for pool in self.resourcePool for machine in pool.machines]

    @property
    def _available(self) -> tuple[int, int]:
        """CPU in MHz and memory in bytes that its compute resource has for machines."""
        hosts = self.owner.usable_hosts
        return (
            sum(host.cpu_mhz_total * 96 // 100 for host in hosts),
            sum(host.memory * 96 // 100 for host in hosts),
        )

    @property
    def config(self) -> DataObject:
        reserved: dict[str, Any] = {}
        reserved_memory: dict[str, Any] = {}
        if self.is_root:
            # The root pool is what there is: all of it reserved, nothing beyond.
            cpu, memory = self._available
            reserved = {'reservation': cpu, 'limit': cpu, 'expandableReservation': False}
            reserved_memory = {
                'reservation': memory // MIB,
                'limit': memory // MIB,
                'expandableReservation': False,
            }
        return types.ResourceConfigSpec(
            entity=self.ref,
            changeVersion=str(self.version),
            cpuAllocation=self.cpu or allocation(_CPU_SHARES, **reserved),
            memoryAllocation=self.memory or allocation(_MEMORY_SHARES, **reserved_memory),
        )

    @property
    def childConfiguration(self) -> list[DataObject]:
        return [pool.config for pool in self.resourcePool]

    @property
    def runtime(self) -> DataObject:
        cpu, memory = self._available
        running = [found for found in self.machines if found.power_state == 'poweredOn']

        def usage(limit: int, used: int) -> DataObject:
            return types.ResourcePoolResourceUsage(
                reservationUsed=0,
                reservationUsedForVm=0,
                unreservedForPool=limit,
                unreservedForVm=limit,
                overallUsage=used,
                maxUsage=limit,
            )

        return types.ResourcePoolRuntimeInfo(
            cpu=usage(cpu, sum(found.cpu_usage for found in running)),
            memory=usage(memory, sum(found.memory_usage * MIB for found in running)),
            overallStatus=self.overallStatus,
            sharesScalable='none',
        )

    @property
    def summary(self) -> DataObject:
        return types.ResourcePoolSummary(
            name=self.name,
            config=self.config,
            runtime=self.runtime,
            configuredMemoryMB=sum(found.memory_mb for found in self.machines),
        )

    def configure(self, spec: DataObject, name: str | None = None) -> None:
        """Take over what a ResourceConfigSpec sets, and a name: all of it, or nothing."""
        now = self.config
        cpu = _merged(now.cpuAllocation, spec.cpuAllocation, _CPU_SHARES)
        memory = _merged(now.memoryAllocation, spec.memoryAllocation, _MEMORY_SHARES)
        if name is not None and name != self.name:
            self.rename(name)
        self.version += 1
        self.update(cpu=cpu, memory=memory)

    def CreateResourcePool(self, call: Call) -> ResourcePool:
        name = wire_name(call.name)
        self.check_free(name, self.children)
        made = ResourcePool(self.world, name, self)
        try:
            made.configure(call.spec)
        except Fault:
            made.dispose()
            raise
        return made

    def UpdateConfig(self, call: Call) -> None:
        if self.is_root:
            raise Fault('NotSupported', 'The root resource pool cannot be configured.')
        spec = call.config or types.ResourceConfigSpec()
        if spec.changeVersion not in (None, str(self.version)):
            raise Fault('ConcurrentAccess', f"'{self.name}' was changed by another client.")
        self.configure(spec, call.name)

    def MoveIntoResourcePool(self, call: Call) -> None:
        entities = [self.find(ref, 'ManagedEntity', 'list') for ref in call.list or []]
        for entity in entities:
            owner = getattr(entity, 'owner', None)
            if entity is self or entity in self.ancestors() or owner is not self.owner:
                raise invalid_argument('list')
            if isinstance(entity, ResourcePool):
                entity.check_free(entity.name, self.children)
        for entity in entities:
            if isinstance(entity, ResourcePool):
                entity.parent = self
            else:
                entity.resourcePool = self

    def ImportVApp(self, call: Call) -> nfc_lease.HttpNfcLease:
        if call.spec.wire_type != 'VirtualMachineImportSpec':
            raise Fault('NotSupported', 'Only single virtual machines can be imported.')
        spec = call.spec.configSpec
        folder = (
            self.find(call.folder, 'Folder', 'folder') if call.folder else self.datacenter.vmFolder
        )
        if folder.kind != 'vm':
            raise invalid_argument('folder')
        host = self.find(call.host, 'HostSystem', 'host') if call.host else None
        folder.check_free(spec.name, folder.children)
        if spec.files is not None and spec.files.vmPathName:
            places.datastore_of(self.owner.datastore, spec.files.vmPathName)
        return nfc_lease.ImportLease(self, spec, folder, host)

    def RefreshRuntime(self, call: Call) -> None:
        self.changed('runtime', 'summary')

    def DestroyChildren(self, call: Call) -> None:
        for pool in self.resourcePool:
            pool.dispose()

    def rename(self, name: str | None) -> None:
        if self.is_root:
            raise Fault('NotSupported', 'The root resource pool cannot be renamed.')
        super().rename(name)

    def check_destroy(self) -> None:
        if self.is_root:
            raise Fault('NotSupported', 'The root resource pool cannot be destroyed.')

    def dispose(self) -> None:
        if self.is_root:
            for pool in self.resourcePool:
                pool.dispose()
        else:
            # What is in it moves up, as on a real server.
            for pool in self.resourcePool:
                pool.parent = self.parent
            for machine in self.vm:
                machine.resourcePool = self.parent
        super().dispose()
