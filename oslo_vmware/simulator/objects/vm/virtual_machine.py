"""Virtual machines: what can be read of them and done to them.

Their state is in ``machine``. Their large properties (``config``, ``summary``, ``guest`` …) are
views of it, made at each read by the module ``views``.

Where a machine lies, that is its ``datastore`` and ``network``, follows from its devices and is
set in one place, :meth:`VirtualMachine.settle`.
"""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects import nfc_lease, places
from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.entity import ManagedEntity, wire_name
from oslo_vmware.simulator.objects.vm import (
    backings,
    cards,
    clone,
    console,
    devices,
    first_class,
    policies,
    promotion,
    raw_disks,
    registration,
    relocate,
    snapshots,
    vapp,
    views,
    vmx,
)
from oslo_vmware.simulator.objects.vm.equipment import EquippedMachine
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.storage.owners import File
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, merged, types
from oslo_vmware.simulator.world.registry import Call, managed

# Fields of a VirtualMachineConfigSpec that its VirtualMachineConfigInfo repeats as they are.
_REPEATED = (
    'alternateGuestName', 'bootOptions', 'changeTrackingEnabled', 'cpuAffinity', 'cpuAllocation',
    'cpuHotAddEnabled', 'cpuHotRemoveEnabled', 'firmware', 'flags', 'ftInfo',
    'guestAutoLockEnabled', 'latencySensitivity', 'locationId', 'managedBy', 'maxMksConnections',
    'memoryAffinity', 'memoryAllocation', 'memoryHotAddEnabled', 'memoryReservationLockedToMax',
    'messageBusTunnelEnabled', 'migrateEncryption', 'nestedHVEnabled', 'npivDesiredNodeWwns',
    'npivDesiredPortWwns', 'swapPlacement', 'tools', 'vAssertsEnabled', 'vPMCEnabled',
)  # fmt: skip
# Fields that are merged with what is there, not put in its place.
_MERGED = frozenset({'flags', 'tools', 'bootOptions', 'cpuAllocation', 'memoryAllocation'})

_MAX_CPUS = 768
_MAX_MEMORY_MB = 24 * 1024 * 1024


@managed('VirtualMachine')
class VirtualMachine(EquippedMachine):
    """A virtual machine or a template: its properties and operations."""

    @classmethod
    def create(
        cls, folder: ManagedEntity, spec: DataObject, pool: Any, host: Any = None
    ) -> VirtualMachine:
        """Make a machine from a VirtualMachineConfigSpec, as CreateVM_Task does."""
        world = folder.world
        name = wire_name(spec.name)
        folder.check_free(name, folder.children)
        if spec.files is None or not spec.files.vmPathName:
            raise Fault(
                'InvalidVmConfig',
                'The specification names no datastore to put the virtual machine on.',
                property='configSpec.files.vmPathName',
            )
        home, path = places.datastore_of(pool.owner.datastore, spec.files.vmPathName)
        directory, _slash, file = path.rpartition('/')
        chosen = places.choose_host(pool.owner, home, host)
        made = cls(
            world,
            name,
            uuid=spec.uuid or world.new_uuid(),
            instance_uuid=spec.instanceUuid or world.new_uuid(),
            home=home,
            directory=directory or places.free_directory(home, name),
            file_name=file.removesuffix('.vmx') or None,
            created=world.now(),
            own_devices=devices.with_slots(devices.base_devices()),
        )
        made.host = chosen
        made.parent = folder
        made.resourcePool = pool
        try:
            made.configure(spec)
        except Fault:
            made.dispose()
            raise
        return made

    @classmethod
    def register(
        cls, folder: ManagedEntity, path: str, name: str | None, pool: Any, host: Any
    ) -> Machine:
        """Make a machine of its configuration file; a template where there is no pool."""

        def create(spec: DataObject, where: Any, on: Any) -> Machine:
            return cls.create(folder, spec, where, on)

        root = host.parent.resourcePool if pool is None else pool
        made = registration.register(folder.world, path, name, root, host, create)
        if pool is None:
            made.resourcePool = None
            made.update(template=True)
        return made

    # What others read of it

    def configuration_file(self) -> str:
        return vmx.text(self)

    @property
    def devices(self) -> list[DataObject]:
        if self.own_devices is not None:
            return self.own_devices
        return backings.original_devices(self)

    def files(self) -> list[File]:
        return backings.files(self)

    def all_disks(self) -> list[DataObject]:
        return backings.all_disks(self)

    def committed_on(self, datastore: Datastore) -> int:
        """Bytes that its files occupy on a datastore."""
        if self.own_devices is None:
            # All in one place, and asked for often: the free space of a datastore sums this up.
            return backings.original_size(self)
        return sum(file.size for file in self.files() if file.datastore is datastore)

    def uncommitted_on(self, datastore: Datastore) -> int:
        """Bytes by which its thin disks can still grow on a datastore."""
        if self.own_devices is None:
            return backings.original_growth(self)
        return sum(
            devices.disk_bytes(disk) - backings.disk_used(self, disk)
            for disk in self.disks
            if backings.disk_datastore(self, disk) is datastore and not raw_disks.is_raw(disk)
        )

    # Properties

    @property
    def config(self) -> DataObject:
        return views.config(self)

    @property
    def summary(self) -> DataObject:
        return views.summary(self)

    @property
    def runtime(self) -> DataObject:
        return views.runtime(self)

    @property
    def guest(self) -> DataObject:
        return views.guest(self)

    @property
    def layout(self) -> DataObject:
        return views.layout(self)

    @property
    def layoutEx(self) -> DataObject:
        return views.layout_ex(self)

    @property
    def storage(self) -> DataObject:
        return views.storage(self)

    @property
    def snapshot(self) -> DataObject | None:
        return snapshots.info(self)

    @property
    def rootSnapshot(self) -> list[Ref]:
        return [one.ref for one in self.snapshots if one.parent is None]

    @property
    def resourceConfig(self) -> DataObject:
        return views.resource_config(self)

    @property
    def capability(self) -> DataObject:
        return views.CAPABILITY

    @property
    def environmentBrowser(self) -> Any:
        return self.owner.environmentBrowser if self.owner is not None else None

    @property
    def disabledMethod(self) -> list[str]:
        """The operations that its state forbids."""
        if self.template:
            return [
                'PowerOnVM_Task', 'PowerOffVM_Task', 'SuspendVM_Task', 'ResetVM_Task',
                'ShutdownGuest', 'RebootGuest', 'MarkAsTemplate',
            ]  # fmt: skip
        if self.running:
            return ['PowerOnVM_Task', 'Destroy_Task', 'UnregisterVM', 'MarkAsTemplate',
                    'MarkAsVirtualMachine']  # fmt: skip
        stopped = ['SuspendVM_Task', 'ResetVM_Task', 'ShutdownGuest', 'RebootGuest',
                   'MarkAsVirtualMachine']  # fmt: skip
        return stopped if self.power_state == 'suspended' else [*stopped, 'PowerOffVM_Task']

    # Configuration

    def ReconfigVM_Task(self, call: Call) -> Ref:
        return self.start('ReconfigVM_Task', lambda: self.configure(call.spec))

    def configure(self, spec: DataObject) -> None:
        """Take over a VirtualMachineConfigSpec: all of it, or nothing and a fault."""
        self._check_spec(spec)
        name = self.name
        if spec.name is not None and spec.name != name:
            name = wire_name(spec.name)
            self.check_free(name, self.namesakes())
        changed_devices = None
        profiles: dict[int, list[DataObject]] = {}
        if spec.deviceChange:
            found = backings.Backings(self)

            def complete(device: DataObject, change: DataObject, index: int) -> None:
                found.complete(device, change, index)
                profiles[device.key] = change.profile

            changed_devices = devices.apply_changes(self.devices, spec.deviceChange, complete)
        assigned = None
        if spec.vmProfile or changed_devices is not None:
            assigned = policies.assigned(
                self, spec.vmProfile, profiles, changed_devices or self.devices
            )
        options = self._options_with(spec)
        doomed = backings.doomed_disks(self, spec.deviceChange or [])
        # From here on nothing can fail.
        if changed_devices is not None:
            self.own_devices = changed_devices
        if assigned is not None:
            self.applied_policies = policies.applied(self, spec.vmProfile, profiles, assigned)
            self.home_policy, self.disk_policies = assigned
        self._configure_hardware(spec)
        self.options = options
        if spec.extraConfig:
            self.extra = self.extra | {
                # A key set to nothing is deleted; all values are strings on the server.
                option.key: views.option_text(option.value) or None
                for option in spec.extraConfig
            }
        self.modified = self.world.now()
        self.update(changes=self.changes + 1)
        if name != self.name:
            self.update(name=name)
        self.settle()
        for datastore, path in doomed:
            self.world.files.remove_disk(datastore, path)

    def _options_with(self, spec: DataObject) -> dict[str, Any]:
        options = self.options | {
            field: merged(self.options.get(field), value) if field in _MERGED else value
            for field in _REPEATED
            if (value := getattr(spec, field)) is not None
        }
        if spec.vAppConfigRemoved:
            options.pop('vAppConfig', None)
        elif spec.vAppConfig is not None:
            options['vAppConfig'] = vapp.applied(options.get('vAppConfig'), spec.vAppConfig)
        return options

    def _check_spec(self, spec: DataObject) -> None:
        if spec.changeVersion is not None and spec.changeVersion != views.change_version(self):
            raise Fault('ConcurrentAccess', f"'{self.name}' was changed by another client.")
        cpus, memory = spec.numCPUs, spec.memoryMB
        if cpus is not None and not 1 <= cpus <= _MAX_CPUS:
            raise invalid_argument('configSpec.numCPUs')
        # Memory comes in steps of 4 MiB.
        if memory is not None and (not 4 <= memory <= _MAX_MEMORY_MB or memory % 4):
            raise invalid_argument('configSpec.memoryMB')
        cores = spec.numCoresPerSocket
        if cores and (cpus or self.num_cpu) % cores:
            raise invalid_argument('configSpec.numCoresPerSocket')
        if self.running:
            if cpus not in (None, self.num_cpu) and not self.options.get('cpuHotAddEnabled'):
                raise Fault(
                    'CpuHotPlugNotSupported',
                    'CPU hot plug is not supported for this virtual machine.',
                )
            if memory not in (None, self.memory_mb) and not self.options.get('memoryHotAddEnabled'):
                raise Fault(
                    'MemoryHotPlugNotSupported',
                    'Memory hot plug is not supported for this virtual machine.',
                )

    def _configure_hardware(self, spec: DataObject) -> None:
        for field, attribute in (
            ('numCPUs', 'num_cpu'),
            ('numCoresPerSocket', 'cores_per_socket'),
            ('memoryMB', 'memory_mb'),
            ('guestId', 'guest_id'),
            ('annotation', 'annotation'),
            ('version', 'hardware_version'),
            ('uuid', 'uuid'),
            ('instanceUuid', 'instance_uuid'),
        ):
            value = getattr(spec, field)
            if value is not None:
                setattr(self, attribute, value)

    def settle(self) -> None:
        """Set where it lies and what it is connected to from what its devices say."""
        places = [self.home, *(backings.disk_datastore(self, disk) for disk in self.disks)]
        before = self.datastore
        self.datastore = dict.fromkeys(places)
        self.network = cards.networks(self)
        self.world.files.follow(self)
        for datastore in dict.fromkeys([*before, *self.datastore]):
            datastore.changed('summary', 'info')

    def follow_renames(self) -> None:
        """Show the new name of a datastore or network that it uses."""
        if self.own_devices is not None:
            self.own_devices = backings.with_present_names(self)
        self.changed('config', 'summary', 'layout', 'layoutEx', 'guest')

    def RefreshStorageInfo(self, call: Call) -> None:
        self.changed('storage', 'summary', 'layoutEx')

    def AcquireTicket(self, call: Call) -> DataObject:
        return console.ticket(self, call.ticketType)

    def AcquireMksTicket(self, call: Call) -> DataObject:
        return console.mks_ticket(self)

    def ExportVm(self, call: Call) -> nfc_lease.HttpNfcLease:
        if not self.template:
            self._must_be('poweredOff', wanted='poweredOff')
        return nfc_lease.ExportLease(self, 'ExportVm', self.devices)

    # Disks

    def AttachDisk_Task(self, call: Call) -> Ref:
        place = self.find(call.datastore, 'Datastore', 'datastore')

        def work() -> None:
            disk = self.world.first_class_disks.get(call.diskId.id, place)
            first_class.attach(self, disk, call.controllerKey, call.unitNumber)

        return self.start('AttachDisk_Task', work)

    def DetachDisk_Task(self, call: Call) -> Ref:
        return self.start('DetachDisk_Task', lambda: first_class.detach(self, call.diskId.id))

    # Snapshots and clones

    def CreateSnapshot_Task(self, call: Call) -> Ref:
        return self.start('CreateSnapshot_Task', lambda: snapshots.create(self, call))

    def RemoveAllSnapshots_Task(self, call: Call) -> Ref:
        return self.start(
            'RemoveAllSnapshots_Task',
            lambda: snapshots.remove(
                self, list(self.snapshots), consolidate=call.consolidate is not False
            ),
        )

    def ConsolidateVMDisks_Task(self, call: Call) -> Ref:
        return self.start('ConsolidateVMDisks_Task', lambda: snapshots.consolidate(self))

    def RevertToCurrentSnapshot_Task(self, call: Call) -> Ref:
        def work() -> None:
            if self.current_snapshot is None:
                raise Fault('NotFound', f"'{self.name}' has no snapshot.")
            snapshots.revert(self, self.current_snapshot, bool(call.suppressPowerOn))

        return self.start('RevertToCurrentSnapshot_Task', work)

    def CloneVM_Task(self, call: Call) -> Ref:
        folder = self.find(call.folder, 'Folder', 'folder')
        if folder.kind != 'vm':
            raise invalid_argument('folder')
        name, spec = call.args.name, call.spec
        return self.start('CloneVM_Task', lambda: clone.clone(self, folder, name, spec))

    def InstantClone_Task(self, call: Call) -> Ref:
        return self.start('InstantClone_Task', lambda: clone.instant(self, call.spec))

    def PromoteDisks_Task(self, call: Call) -> Ref:
        def work() -> None:
            promotion.promote(self, call.disks or (), unlink=bool(call.unlink))

        return self.start('PromoteDisks_Task', work)

    def MigrateVM_Task(self, call: Call) -> Ref:
        if call.pool is None and call.host is None:
            raise invalid_argument('host')
        where = types.VirtualMachineRelocateSpec(pool=call.pool, host=call.host)

        def work() -> None:
            if call.state is not None:
                self._must_be(call.state, wanted=call.state)
            relocate.relocate(self, where)

        return self.start('MigrateVM_Task', work)

    def RelocateVM_Task(self, call: Call) -> Ref:
        return self.start('RelocateVM_Task', lambda: relocate.relocate(self, call.spec))

    def follow_disk(self, name: str, **changes: Any) -> None:
        """The files of one of its disks were changed by somebody else.

        :param changes: of the fields of a Descriptor
        """
        self.own_devices = backings.as_described(self, name, changes)
        self.update(changes=self.changes + 1)
        self.world.files.follow(self)

    def disk_has(self, disk: DataObject, capacity: int) -> None:
        """A disk turned out to have another capacity than was asked for."""
        disk.capacityInKB, disk.capacityInBytes = capacity // 1024, capacity
        disk.deviceInfo.summary = backings.disk_text(disk)
        self.world.files.set_capacity(
            backings.disk_datastore(self, disk), disk.backing.fileName, capacity
        )
        self.update(changes=self.changes + 1)

    # Template and end of life

    def MarkAsTemplate(self, call: Call) -> None:
        self._must_be('poweredOff', wanted='poweredOff')
        self.resourcePool = None
        self.update(template=True)

    def MarkAsVirtualMachine(self, call: Call) -> None:
        if not self.template:
            raise Fault('NotSupported', f"'{self.name}' is not a template.")
        pool = self.find(call.pool, 'ResourcePool', 'pool')
        host = self.find(call.host, 'HostSystem', 'host') if call.host else None
        if host is not None or self.owner is not pool.owner:
            self.host = places.choose_host(pool.owner, self.home, host)
        self.resourcePool = pool
        self.update(template=False)

    def check_destroy(self) -> None:
        if self.running:
            raise Fault(
                'InvalidPowerState',
                'The attempted operation cannot be performed in the current state (poweredOn).',
                requestedState='poweredOff',
                existingState=self.power_state,
            )

    def UnregisterVM(self, call: Call) -> None:
        self.check_destroy()
        for datastore in self.datastore:
            # Files that nobody has asked for are made now, lest there were nothing to come back to.
            self.world.files.of(datastore)
        # The configuration file has the present name in it.
        self.world.files.follow(self)
        self.dispose()

    def destroy(self) -> None:
        self.check_destroy()
        first_class.spare(self)
        self.world.files.destroy(self)
        self.dispose()

    def dispose(self) -> None:
        self.world.files.release(self)
        for snapshot in self.snapshots:
            self.world.remove(snapshot)
        self.snapshots, self.current_snapshot = [], None
        datastores = self.datastore
        super().dispose()
        for datastore in datastores:
            datastore.changed('summary', 'info')
        if self.lease is not None:
            self.lease.cancel()
