"""What a machine's devices are backed by, and the files that result.

Disks are backed by files on datastores, network cards by networks. A machine of the inventory
has one disk and one card, made anew from a few values at each read; see
:func:`original_devices`.
"""

from __future__ import annotations

import copy
import re
import uuid
from typing import Any

from oslo_vmware.simulator.objects import places
from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.vm import cards, devices, raw_disks
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.storage.owners import File
from oslo_vmware.simulator.storage.virtual_disks import (
    DESCRIPTOR_SIZE,
    Descriptor,
    extent_of,
    mapping_of,
)
from oslo_vmware.simulator.world.data import DataObject, Fault, types

KIB = 1024
MIB = 1024**2

# The small files of a machine, in bytes.
_VMX_SIZE = 3 * KIB
_NVRAM_SIZE = 264 * KIB
_LOG_SIZE = 320 * KIB
_SUSPEND_SIZE = 4 * MIB

# Backings that are files which somebody else can have made; a raw device has a mapping instead.
_FILES_OF_DISKS = frozenset(
    {
        'VirtualDiskFlatVer2BackingInfo',
        'VirtualDiskSparseVer2BackingInfo',
        'VirtualDiskSeSparseBackingInfo',
    }
)


# Devices that machines of the inventory are born with


def original_devices(vm: Machine) -> list[DataObject]:
    found = devices.base_devices()
    described = devices.described
    found.append(
        described(
            types.ParaVirtualSCSIController(
                key=1000,
                controllerKey=100,
                unitNumber=3,
                busNumber=0,
                hotAddRemove=True,
                sharedBus='noSharing',
                scsiCtlrUnitNumber=7,
            ),
            'SCSI controller 0',
            'VMware paravirtual SCSI',
        )
    )
    found.append(
        described(
            types.VirtualCdrom(
                key=3002,
                controllerKey=201,
                unitNumber=0,
                backing=types.VirtualCdromRemotePassthroughBackingInfo(
                    deviceName='', useAutoDetect=False, exclusive=False
                ),
                connectable=cards.connectable(start=False, connected=False),
            ),
            'CD/DVD drive 1',
            'Remote device',
        )
    )
    disk = types.VirtualDisk(
        key=2000,
        controllerKey=1000,
        unitNumber=0,
        capacityInKB=vm.disk_kb,
        capacityInBytes=vm.disk_kb * KIB,
        shares=types.SharesInfo(shares=1000, level='normal'),
        backing=types.VirtualDiskFlatVer2BackingInfo(
            fileName=f'{vm.stem}.vmdk',
            datastore=vm.home.ref,
            diskMode='persistent',
            split=False,
            writeThrough=False,
            thinProvisioned=True,
            uuid=disk_uuid(vm, 2000),
            sharing='sharingNone',
        ),
    )
    found.append(described(disk, 'Hard disk 1', disk_text(disk)))
    if vm.card is not None:
        card = types.VirtualVmxnet3(
            key=4000,
            controllerKey=100,
            unitNumber=7,
            addressType='assigned',
            macAddress=cards.mac_address(vm, 0),
            wakeOnLanEnabled=True,
            uptCompatibilityEnabled=True,
            connectable=cards.connectable(start=True, connected=vm.running),
        )
        card.backing = cards.network_backing(vm.card)
        found.append(described(card, 'Network adapter 1', cards.card_text(card)))
    return devices.with_slots(found)


def original_size(vm: Machine) -> int:
    """Bytes of all files of a machine with its original devices; what :func:`files` sums to."""
    size = _VMX_SIZE + _NVRAM_SIZE + _LOG_SIZE + DESCRIPTOR_SIZE
    size += _written(vm, vm.disk_kb * KIB)
    if vm.power_state == 'poweredOn':
        size += vm.memory_mb * MIB
    elif vm.power_state == 'suspended':
        size += _SUSPEND_SIZE + vm.memory_mb * MIB
    return size


def original_growth(vm: Machine) -> int:
    """Bytes by which the original disk can still grow."""
    return vm.disk_kb * KIB - _written(vm, vm.disk_kb * KIB)


def _written(vm: Machine, capacity: int) -> int:
    """What is written of a thin disk, in whole MiB."""
    return int(capacity * vm.fill) // MIB * MIB


def disk_uuid(vm: Machine, key: int) -> str:
    """Identifier of a disk, in the range that VMware uses for them."""
    made = uuid.uuid5(uuid.UUID(vm.uuid), f'disk/{key}').hex
    return f'6000C29{made[0]}-{made[1:5]}-{made[5:9]}-{made[9:13]}-{made[13:25]}'


# Disks


def disk_datastore(vm: Machine, disk: DataObject) -> Datastore:
    ref = getattr(disk.backing, 'datastore', None)
    found: Datastore = vm.home if ref is None else vm.world.get(ref)  # type: ignore[assignment]
    return found


def disk_used(vm: Machine, disk: DataObject) -> int:
    """Bytes that a disk occupies: a thin one what is written, any other all of it.

    Of a child that is nothing, since nobody writes to it, and so it is of a disk of the host's.
    """
    capacity = devices.disk_bytes(disk)
    if disk.backing.parent is not None or raw_disks.is_raw(disk):
        return 0
    if not disk.backing.thinProvisioned:
        return capacity
    if vm.own_devices is not None:
        file = extent_of(disk.backing.fileName).partition(']')[2].strip()
        occupied = vm.world.files.occupied(disk_datastore(vm, disk), file)
        if occupied is not None:
            return occupied
    return _written(vm, capacity)


def disk_text(disk: DataObject) -> str:
    return f'{disk.capacityInKB:,} KB'


def files(vm: Machine) -> list[File]:
    """All files of a machine."""
    base = vm.stem
    found = [
        File(vm.home, f'{base}.vmx', 'config', _VMX_SIZE),
        File(vm.home, f'{base}.nvram', 'nvram', _NVRAM_SIZE),
        File(vm.home, f'[{vm.home.name}] {vm.directory}/vmware.log', 'log', _LOG_SIZE),
    ]
    if vm.power_state == 'poweredOn':
        name = f'{base}-{vm.uuid[:8]}.vswp'
        found.append(File(vm.home, name, 'swap', vm.memory_mb * MIB))
    elif vm.power_state == 'suspended':
        stem = f'{base}-{vm.uuid[:8]}'
        found.append(File(vm.home, f'{stem}.vmss', 'suspend', _SUSPEND_SIZE))
        found.append(File(vm.home, f'{stem}.vmem', 'suspendMemory', vm.memory_mb * MIB))
    found += [File(vm.home, one.data_file, 'snapshotData', one.size) for one in vm.snapshots]
    for disk in all_disks(vm):
        datastore = disk_datastore(vm, disk)
        name = disk.backing.fileName
        extent = extent_of(name, child=disk.backing.parent is not None)
        if raw_disks.is_raw(disk) and disk.backing.parent is None:
            physical = disk.backing.compatibilityMode == 'physicalMode'
            extent = mapping_of(name, physical=physical)
        found.append(File(datastore, name, 'diskDescriptor', DESCRIPTOR_SIZE, disk.key))
        found.append(File(datastore, extent, 'diskExtent', disk_used(vm, disk), disk.key))
    return found


def all_disks(vm: Machine) -> list[DataObject]:
    """Its disks, those that its snapshots hold, and their parents that are its own.

    Each of them has files of its own. The parent of a linked clone is somebody else's, which shows
    in its being in another directory.
    """
    directory = f'[{vm.home.name}] {vm.directory}/'
    found = {disk.backing.fileName: disk for disk in vm.disks}
    for disk in [*vm.disks, *(device for one in vm.snapshots for device in one.devices)]:
        backing = disk.backing if disk.wire_type == 'VirtualDisk' else None
        while backing is not None:
            name = backing.fileName
            if name not in found and (backing is disk.backing or name.startswith(directory)):
                found[name] = copy.copy(disk)
                found[name].backing = backing
            backing = backing.parent
    return list(found.values())


def next_name(vm: Machine, disk: DataObject, taken: set[str]) -> str:
    """The name for a new child of a disk: ``a-000001.vmdk``, numbered on."""
    stem = re.sub(r'(-\d{6})?\.vmdk$', '', disk.backing.fileName)
    number = 1
    while f'{stem}-{number:06}.vmdk' in taken:
        number += 1
    return f'{stem}-{number:06}.vmdk'


def child_of(disk: DataObject, name: str, datastore: Datastore, uuid: str) -> DataObject:
    """A disk device like another one, but backed by a child of the other's backing."""
    made, backing = copy.copy(disk), copy.copy(disk.backing)
    backing.parent = disk.backing
    backing.fileName, backing.datastore, backing.uuid = name, datastore.ref, uuid
    made.backing = backing
    return made


def as_described(vm: Machine, name: str, changes: dict[str, Any]) -> list[DataObject]:
    """A machine's devices after the descriptor of a disk was changed.

    :param name: of the disk's file, with the datastore
    :param changes: of the fields of a :class:`Descriptor`
    """
    found = []
    for device in vm.devices:
        made = device
        if device.wire_type == 'VirtualDisk' and device.backing.fileName == name:
            made, backing = copy.copy(device), copy.copy(device.backing)
            capacity = changes.get('capacity', devices.disk_bytes(device))
            made.capacityInKB, made.capacityInBytes = capacity // KIB, capacity
            made.deviceInfo = copy.copy(device.deviceInfo)
            made.deviceInfo.summary = disk_text(made)
            if 'thin' in changes:
                backing.thinProvisioned = changes['thin']
            backing.uuid = changes.get('uuid', backing.uuid)
            made.backing = backing
        found.append(made)
    return found


def doomed_disks(vm: Machine, changes: list[DataObject]) -> list[tuple[Datastore, str]]:
    """The disks, by datastore and path, whose files a request wants gone with the device."""
    keys = {
        change.device.key
        for change in changes
        if change.operation == 'remove' and change.fileOperation == 'destroy'
    }
    return [
        (disk_datastore(vm, disk), disk.backing.fileName.partition(']')[2].strip())
        for disk in vm.disks
        if disk.key in keys
    ]


def with_present_names(vm: Machine) -> list[DataObject]:
    """A machine's own devices, with the names that datastores and networks have now."""
    found = []
    for device in vm.devices:
        new, backing = copy.copy(device), device.backing
        if device.wire_type == 'VirtualDisk':
            file = backing.fileName.partition('] ')[2]
            new.backing = copy.copy(backing)
            new.backing.fileName = f'[{disk_datastore(vm, device).name}] {file}'
        elif devices.is_network_card(device) and backing.network is not None:
            new.backing = cards.network_backing(vm.world.get(backing.network))
            new.deviceInfo = copy.copy(device.deviceInfo)
            new.deviceInfo.summary = cards.card_text(new)
        found.append(new)
    return found


class Backings:
    """Completes the devices of one request with what they are backed by.

    :param vm: the machine that is being configured
    """

    def __init__(self, vm: Machine) -> None:
        self.vm = vm
        self.names = {disk.backing.fileName for disk in all_disks(vm)}
        # What the disks of this very request take from the datastores.
        self.taken: dict[Datastore, int] = {}

    def complete(self, device: DataObject, change: DataObject, index: int) -> None:
        if device.wire_type == 'VirtualDisk':
            self._disk(device, change, index)
        elif devices.is_network_card(device):
            cards.complete(self.vm, device, change, index)
        elif not devices.is_controller(device):
            self._other(device, change)

    def _other(self, device: DataObject, change: DataObject) -> None:
        backing = device.backing
        file_name = getattr(backing, 'fileName', None)
        name = f'ISO {file_name}' if file_name else getattr(backing, 'deviceName', None)
        if name == '' and 'Remote' in backing.wire_type:
            name = 'Remote device'
        if change.operation == 'add' or name:
            device.deviceInfo.summary = name or ''
        if device.wire_type == 'VirtualCdrom' and device.connectable is None:
            device.connectable = cards.connectable(start=False, connected=False)

    def _disk(self, disk: DataObject, change: DataObject, index: int) -> None:
        vm = self.vm
        backing = disk.backing = copy.copy(disk.backing) or types.VirtualDiskFlatVer2BackingInfo(
            fileName='', diskMode='persistent'
        )
        if disk.capacityInKB is None and disk.capacityInBytes is None:
            disk.capacityInKB = 0
        size = devices.disk_bytes(disk)
        disk.capacityInKB, disk.capacityInBytes = size // KIB, size
        disk.deviceInfo.summary = disk_text(disk)
        datastore = self._datastore(backing)
        if change.operation == 'add' and backing.parent is not None:
            self._descend(disk)
            size = disk.capacityInBytes
        elif change.operation == 'add' and raw_disks.is_raw(disk):
            raw_disks.map_disk(vm, disk, datastore, index)
            disk.deviceInfo.summary = disk_text(disk)
            size = disk.capacityInBytes
        if change.operation == 'add':
            if change.fileOperation == 'create' and size <= 0:
                raise devices.invalid(index, 'virtualDeviceSpec.device.capacityInKB')
            named = bool(backing.fileName) and bool(
                places.datastore_of([datastore], backing.fileName)[1]
            )
            self._name_file(disk, datastore)
            if change.fileOperation is None and named and backing.wire_type in _FILES_OF_DISKS:
                self._take_over(disk, datastore)
            backing.uuid = backing.uuid or disk_uuid(vm, disk.key)
            backing.diskMode = backing.diskMode or 'persistent'
            disk.shares = disk.shares or types.SharesInfo(shares=1000, level='normal')
        creates = change.operation != 'add' or change.fileOperation == 'create'
        if creates and backing.parent is None and not raw_disks.is_raw(disk):
            self._check_space(disk, datastore)
        backing.datastore = datastore.ref

    def _descend(self, disk: DataObject) -> None:
        """Make a disk the child of the one that its specification names: it is as large.

        :raises Fault: FileNotFound
        """
        parent = disk.backing.parent = copy.copy(disk.backing.parent)
        datastore = self._datastore(parent)
        path = places.datastore_of([datastore], parent.fileName)[1]
        found = Descriptor.read(self.vm.world.files.of(datastore).check_file(path))
        parent.datastore = datastore.ref
        if found is not None:
            disk.capacityInKB, disk.capacityInBytes = found.capacity // KIB, found.capacity
            disk.deviceInfo.summary = disk_text(disk)
            parent.uuid = parent.uuid or found.uuid
            parent.thinProvisioned = found.thin

    def _take_over(self, disk: DataObject, datastore: Datastore) -> None:
        """Describe a disk as the files say that are there already.

        :raises Fault: FileNotFound
        """
        volume = self.vm.world.files.of(datastore)
        path = places.datastore_of([datastore], disk.backing.fileName)[1]
        found = Descriptor.read(volume.check_file(path))
        if found is not None:
            disk.capacityInKB, disk.capacityInBytes = found.capacity // KIB, found.capacity
            disk.deviceInfo.summary = disk_text(disk)
            disk.backing.thinProvisioned = found.thin
            disk.backing.uuid = disk.backing.uuid or found.uuid
            disk.backing.parent = self._parent(disk.backing, found)
        first_class = self.vm.world.first_class_disks.at(datastore, path)
        if first_class is not None:
            disk.vDiskId = types.ID(id=first_class.id)

    def _parent(self, backing: DataObject, found: Descriptor) -> DataObject | None:
        """What a child disk is a child of, as the files say."""
        if found.parent is None:
            return None
        volume, path = self.vm.world.files.at(found.parent)
        above = Descriptor.read(volume.check_file(path))
        parent = copy.copy(backing)
        parent.fileName, parent.datastore = volume.name(path), volume.datastore.ref
        parent.parent = None
        if above is not None:
            parent.uuid, parent.thinProvisioned = above.uuid, above.thin
            parent.parent = self._parent(backing, above)
        return parent

    def _datastore(self, backing: DataObject) -> Datastore:
        mounted = self.vm.host.datastore
        if backing.fileName:
            named: Datastore = places.datastore_of(mounted, backing.fileName)[0]
            return named
        if backing.datastore is None:
            return self.vm.home
        found: Any = self.vm.world.get(backing.datastore)
        if found not in mounted:
            raise Fault(
                'InvalidDatastore',
                f"The datastore '{found.name}' is not accessible on the host.",
                datastore=found.ref,
                name=found.name,
            )
        reached: Datastore = found
        return reached

    def _name_file(self, disk: DataObject, datastore: Datastore) -> None:
        """Give a disk whose file the client did not name the next free name."""
        name = disk.backing.fileName or ''
        if not name or not places.datastore_of([datastore], name)[1]:
            stem = f'[{datastore.name}] {self.vm.stem.partition("] ")[2]}'
            name, number = f'{stem}.vmdk', 0
            while name in self.names or self._is_there(datastore, name):
                number += 1
                name = f'{stem}_{number}.vmdk'
        self.names.add(name)
        disk.backing.fileName = name

    def _is_there(self, datastore: Datastore, name: str) -> bool:
        path = name.partition('] ')[2]
        return self.vm.world.files.occupied(datastore, path) is not None

    def _check_space(self, disk: DataObject, datastore: Datastore) -> None:
        if disk.backing.thinProvisioned:
            return
        before = next((old for old in self.vm.disks if old.key == disk.key), None)
        needed = devices.disk_bytes(disk)
        if before is not None and disk_datastore(self.vm, before) is datastore:
            needed -= disk_used(self.vm, before)
        self.taken[datastore] = self.taken.get(datastore, 0) + needed
        if self.taken[datastore] > datastore.free_space:
            raise Fault(
                'NoDiskSpace',
                f"Insufficient disk space on datastore '{datastore.name}'.",
                file=disk.backing.fileName,
                datastore=datastore.name,
            )
