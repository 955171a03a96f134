"""Snapshots of a machine: what it was at a moment, with disks that nobody writes to any more.

A snapshot keeps the devices as they were and gives the machine a child of each disk in their
place. Taking a snapshot away joins what it separated: the one child that its disks have takes the
parent's file and is gone. Where a disk has two children, after a revert, it stays.

Independent disks take no part, as on a real server.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from oslo_vmware.simulator.objects import nfc_lease
from oslo_vmware.simulator.objects.vm import backings, views
from oslo_vmware.simulator.objects.vm.machine import Machine, Snapshot
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, managed

_STATE_SIZE = 28 * 1024
_MIB = 1024**2

# Hardware that a revert brings back, by attribute of the machine.
_HARDWARE = ('num_cpu', 'cores_per_socket', 'memory_mb', 'guest_id', 'hardware_version')


@managed('VirtualMachineSnapshot')
class VirtualMachineSnapshot(Snapshot):
    """One snapshot: its operations."""

    availableField: list[DataObject] = []
    value: list[DataObject] = []

    def __init__(self, vm: Machine, name: str, call: Call) -> None:
        self.machine = vm
        self.name = name
        self.description = call.description or ''
        self.parent = vm.current_snapshot
        self.devices = vm.devices
        self.number = max((one.number for one in vm.snapshots), default=0) + 1
        self.created = vm.world.now()
        self.power_state = vm.power_state if call.memory and vm.running else 'poweredOff'
        self.quiesced = bool(call.quiesce and vm.tools_running)
        self.size = _STATE_SIZE + (vm.memory_mb * _MIB if self.power_state == 'poweredOn' else 0)
        self.data_file = f'{vm.stem}-Snapshot{self.number}.vmsn'
        self.config = views.config(vm)
        self.hardware = {name: getattr(vm, name) for name in _HARDWARE}
        super().__init__(vm.world, vm.world.new_id('snapshot'))

    def RemoveSnapshot_Task(self, call: Call) -> Ref:
        def work() -> None:
            doomed = [self, *(self.descendants if call.removeChildren else ())]
            remove(self.machine, doomed, consolidate=call.consolidate is not False)

        return self._start('RemoveSnapshot_Task', work)

    def ExportSnapshot(self, call: Call) -> nfc_lease.HttpNfcLease:
        return nfc_lease.ExportLease(self.machine, 'ExportSnapshot', self.devices)

    def RevertToSnapshot_Task(self, call: Call) -> Ref:
        off = bool(call.suppressPowerOn)
        return self._start('RevertToSnapshot_Task', lambda: revert(self.machine, self, off))

    def RenameSnapshot(self, call: Call) -> None:
        if call.args.name is not None:
            if not call.args.name:
                raise Fault('InvalidName', 'The name of a snapshot cannot be empty.', name='')
            self.name = call.args.name
        if call.description is not None:
            self.description = call.description
        self.machine.changed('snapshot')

    def _start(self, operation: str, work: Callable[[], Any]) -> Ref:
        ref: Ref = self.world.task_manager.start(
            self, operation, lambda: self._if_there(work), shown_on=self.machine
        )
        return ref

    def _if_there(self, work: Callable[[], Any]) -> None:
        # Somebody may have been quicker.
        self.world.get(self.ref)
        work()


def info(vm: Machine) -> DataObject | None:
    """The property ``snapshot`` of a machine: absent where there is none."""
    if not vm.snapshots:
        return None
    return types.VirtualMachineSnapshotInfo(
        currentSnapshot=vm.current_snapshot.ref if vm.current_snapshot is not None else None,
        rootSnapshotList=[one.tree() for one in vm.snapshots if one.parent is None],
    )


def create(vm: Machine, call: Call) -> Snapshot:
    """Take a snapshot."""
    if vm.template:
        raise Fault('NotSupported', f"'{vm.name}' is a template.")
    if not call.args.name:
        raise invalid_argument('name')
    made = VirtualMachineSnapshot(vm, call.args.name, call)
    _set(vm, [*vm.snapshots, made], made, _on_children(vm, made.devices))
    return made


def remove(vm: Machine, doomed: list[Snapshot], *, consolidate: bool = True) -> None:
    """Take snapshots away.

    :param consolidate: whether the disks are joined that only they kept apart
    """
    current = vm.current_snapshot
    while current in doomed:
        current = current.parent
    kept = [one for one in vm.snapshots if one not in doomed]
    for one in kept:
        while one.parent in doomed:
            one.parent = one.parent.parent
    before = {disk.backing.fileName: disk for disk in backings.all_disks(vm)}
    vm.snapshots = kept
    _set(vm, kept, current, _all_joined(vm, before) if consolidate else vm.devices)
    for one in doomed:
        vm.world.remove(one)
    if vm.consolidation_needed is consolidate:
        vm.update(consolidation_needed=not consolidate)
    if consolidate:
        _remove_left(vm, before)


def consolidate(vm: Machine) -> None:
    """Join the disks that snapshots have left apart when they were taken away."""
    before = {disk.backing.fileName: disk for disk in backings.all_disks(vm)}
    _set(vm, vm.snapshots, vm.current_snapshot, _all_joined(vm, before))
    vm.update(consolidation_needed=False)
    _remove_left(vm, before)


def _all_joined(vm: Machine, names: Iterable[str]) -> list[DataObject]:
    """A machine's devices after each parent that nobody needs has taken in its child.

    :param names: of the disks that it had with the snapshots that are gone; those in directories
        other than its own are known by them only
    """
    elsewhere = _parents_elsewhere(vm)
    own = vm.devices
    for name in names:
        # A parent may take in one child after the other.
        while name not in elsewhere | _held(vm) and (joined := _joined(vm, own, name)) is not None:
            own = joined
    return own


def _remove_left(vm: Machine, before: dict[str, DataObject]) -> None:
    left = {disk.backing.fileName for disk in backings.all_disks(vm)}
    _remove_files(vm, [disk for name, disk in before.items() if name not in left])


def revert(vm: Machine, to: Snapshot, suppress_power_on: bool) -> None:
    """Make the machine again what it was."""
    dropped = [
        disk
        for disk in vm.disks
        if disk.backing.parent is not None and disk.backing.fileName not in _parents_elsewhere(vm)
    ]
    for name, value in to.hardware.items():
        setattr(vm, name, value)
    held = _held(vm)
    _set(vm, vm.snapshots, to, _on_children(vm, to.devices))
    kept = held | {disk.backing.fileName for disk in vm.disks}
    _remove_files(vm, [disk for disk in dropped if disk.backing.fileName not in kept])
    vm.become('poweredOff' if suppress_power_on else to.power_state)


def _held(vm: Machine) -> set[str]:
    """The files in which snapshots have their disks."""
    return {disk.backing.fileName for one in vm.snapshots for disk in one.devices if _is_disk(disk)}


def _is_disk(device: DataObject) -> bool:
    return device.wire_type == 'VirtualDisk'


def _on_children(vm: Machine, devices: list[DataObject]) -> list[DataObject]:
    """Devices with a new child in the place of each disk that takes part in snapshots."""
    taken = {disk.backing.fileName for disk in backings.all_disks(vm)}
    found = []
    for device in devices:
        made = copy.copy(device)
        if _is_disk(device) and not (device.backing.diskMode or '').startswith('independent'):
            name = backings.next_name(vm, device, taken)
            taken.add(name)
            place = backings.disk_datastore(vm, device)
            made = backings.child_of(device, name, place, vm.new_disk_uuid())
        found.append(made)
    return found


def _set(
    vm: Machine,
    snapshots: list[Snapshot],
    current: Snapshot | None,
    devices: list[DataObject],
) -> None:
    vm.own_devices = devices
    vm.update(snapshots=snapshots, current_snapshot=current, changes=vm.changes + 1)
    vm.settle()


def _parents_elsewhere(vm: Machine) -> set[str]:
    """Files that children of other machines, linked clones, build on."""
    found: set[str] = set()
    for machine in vm.world.of_type(type(vm)):
        if machine is vm or machine.own_devices is None:
            continue
        for disk in backings.all_disks(machine):
            above = disk.backing.parent
            while above is not None:
                found.add(above.fileName)
                above = above.parent
    return found


def _joined(vm: Machine, own: list[DataObject], name: str) -> list[DataObject] | None:
    """Devices after a parent that no snapshot needs took in its only child; None if it has not one.

    The child's data is the parent's, see ``virtual_disks``; so its file goes, and whoever had it
    has the parent's.
    """
    everything = [own, *(one.devices for one in vm.snapshots)]
    children = {
        above.fileName
        for devices in everything
        for device in devices
        if _is_disk(device)
        for above in _chain(device.backing)
        if above.parent is not None and above.parent.fileName == name
    }
    if len(children) != 1:
        return None
    (child,) = children
    for one in vm.snapshots:
        one.devices = [_without(device, child) for device in one.devices]
    return [_without(device, child) for device in own]


def _chain(backing: DataObject | None) -> Iterator[DataObject]:
    while backing is not None:
        yield backing
        backing = backing.parent


def _without(device: DataObject, name: str) -> DataObject:
    """A device whose chain of files leaves one out."""
    if not _is_disk(device) or all(one.fileName != name for one in _chain(device.backing)):
        return device
    made = copy.copy(device)
    made.backing = _cut(device.backing, name)
    return made


def _cut(backing: DataObject, name: str) -> DataObject:
    if backing.fileName == name:
        found: DataObject = backing.parent
        return found
    made = copy.copy(backing)
    made.parent = _cut(backing.parent, name)
    return made


def _remove_files(vm: Machine, disks: list[DataObject]) -> None:
    for disk in disks:
        datastore = backings.disk_datastore(vm, disk)
        vm.world.files.remove_disk(datastore, disk.backing.fileName.partition('] ')[2])
