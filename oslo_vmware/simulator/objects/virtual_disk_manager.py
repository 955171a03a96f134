"""The VirtualDiskManager: virtual disks that need not belong to a machine.

A disk is two files, see ``virtual_disks``; the operations here keep them together. What is
named as a disk but holds no descriptor, a stream-optimised image that somebody uploaded, is one
file with the data in it, and becomes a disk of two files when it is copied.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
from typing import Any

from oslo_vmware.simulator.objects.file_manager import PathManager
from oslo_vmware.simulator.storage.files import Volume, copy_sparsely
from oslo_vmware.simulator.storage.virtual_disks import (
    DESCRIPTOR_SIZE,
    SECTOR,
    Descriptor,
    extent_of,
)
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, World, managed

KIB = 1024

# Disk types, and whether a disk of the type takes only the space of what was written to it.
_TYPES = {
    'preallocated': False,
    'eagerZeroedThick': False,
    'thick': False,
    'thick2Gb': False,
    'flatMonolithic': False,
    'thin': True,
    'seSparse': True,
    'sparse2Gb': True,
    'sparseMonolithic': True,
}
_ADAPTERS = {'ide': 'ide', 'busLogic': 'buslogic', 'lsiLogic': 'lsilogic'}

# 62 TiB, vSphere's limit.
_MAX_CAPACITY = 62 * 1024**4

# The geometry that a SCSI disk shows.
_HEADS = 255
_SECTORS = 63


class Disk:
    """A virtual disk on a datastore.

    :param path: of the descriptor, or of the one file
    :raises Fault: FileNotFound when it is not all there
    """

    def __init__(self, volume: Volume, path: str) -> None:
        self.volume = volume
        self.path = path
        real = volume.check_file(path)
        found = Descriptor.read(real)
        self.extent = path
        if found is None:
            # As many whole sectors as the file has bytes for.
            capacity = -(-os.path.getsize(real) // SECTOR) * SECTOR
            self.descriptor = Descriptor(capacity, posixpath.basename(path), True, 'lsilogic', '')
        else:
            self.descriptor = found
            self.extent = posixpath.join(posixpath.dirname(path), found.extent)
            volume.check_file(self.extent)

    @property
    def files(self) -> list[str]:
        return list(dict.fromkeys([self.path, self.extent]))

    @property
    def occupied(self) -> int:
        return self.volume.occupied(self.extent) or 0

    def check_unlocked(self) -> None:
        for path in self.files:
            self.volume.check_unlocked(path)

    def rewrite(self, **changes: Any) -> None:
        """Change what the descriptor says.

        :raises Fault: InvalidDiskFormat where there is none
        """
        if self.extent == self.path:
            raise Fault('InvalidDiskFormat', f"'{self.volume.name(self.path)}' has no descriptor.")
        self.descriptor = dataclasses.replace(self.descriptor, **changes)
        _write_descriptor(self.volume, self.path, self.descriptor)
        owner = self.volume.owner(self.path)
        if owner is not None:
            owner.follow_disk(self.volume.name(self.path), **changes)

    def fill(self) -> None:
        """Have it take all the space that it can ever need."""
        self.check_unlocked()
        capacity = self.descriptor.capacity
        self.volume.allocate(self.extent, capacity, capacity)
        self.rewrite(thin=False)


def _write_descriptor(volume: Volume, path: str, descriptor: Descriptor) -> None:
    volume.write(path, descriptor.text().encode(), occupied=DESCRIPTOR_SIZE)


@managed('VirtualDiskManager')
class VirtualDiskManager(PathManager):
    """Creates, copies, moves, grows and deletes virtual disks."""

    def __init__(self, world: World) -> None:
        super().__init__(world, 'virtualDiskManager')

    def CreateVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.args.name, call.datacenter)
        spec: DataObject = call.spec
        capacity = (spec.capacityKb or 0) * KIB
        if not 0 < capacity <= _MAX_CAPACITY:
            raise invalid_argument('spec.capacityKb')
        thin, adapter = _kind(spec)

        def work() -> str:
            _check_free(volume, path, force=False)
            volume.allocate(extent_of(path), capacity, 0 if thin else capacity)
            made = Descriptor(
                capacity, posixpath.basename(extent_of(path)), thin, adapter, self._new_uuid()
            )
            _write_descriptor(volume, path, made)
            return volume.name(path)

        return self.start('CreateVirtualDisk_Task', call.datacenter, work)

    def CopyVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.sourceName, call.sourceDatacenter)
        datacenter = call.destDatacenter or call.sourceDatacenter
        other, new = self.place(call.destName, datacenter)
        wanted = _kind(call.destSpec) if call.destSpec is not None else None

        def work() -> None:
            source = Disk(volume, path)
            source.check_unlocked()
            old = source.descriptor
            thin, adapter = wanted or (old.thin, old.adapter)
            _check_free(other, new, force=bool(call.force))
            extent = extent_of(new)
            data, at = volume.data_of(path)
            occupied = min(data.occupied(at) or 0, old.capacity) if thin else old.capacity
            other.check_space(new, occupied + DESCRIPTOR_SIZE)
            copy_sparsely(data.real(at), other.real(extent))
            other.allocate(extent, old.capacity, occupied)
            made = Descriptor(
                old.capacity, posixpath.basename(extent), thin, adapter, self._new_uuid()
            )
            _write_descriptor(other, new, made)

        return self.start('CopyVirtualDisk_Task', datacenter, work)

    def MoveVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.sourceName, call.sourceDatacenter)
        datacenter = call.destDatacenter or call.sourceDatacenter
        other, new = self.place(call.destName, datacenter)

        def work() -> None:
            source = Disk(volume, path)
            source.check_unlocked()
            force = bool(call.force)
            _check_free(other, new, force=force)
            if source.extent != path:
                child = source.descriptor.parent is not None
                volume.move(source.extent, other, extent_of(new, child=child), force=force)
            volume.move(path, other, new, force=force)
            if source.extent != path:
                extent = posixpath.basename(extent_of(new, child=child))
                moved = dataclasses.replace(source.descriptor, extent=extent)
                _write_descriptor(other, new, moved)

        return self.start('MoveVirtualDisk_Task', datacenter, work)

    def DeleteVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.args.name, call.datacenter)

        def work() -> None:
            disk = Disk(volume, path)
            disk.check_unlocked()
            for file in disk.files:
                volume.remove(file)

        return self.start('DeleteVirtualDisk_Task', call.datacenter, work)

    def ExtendVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.args.name, call.datacenter)
        capacity = call.newCapacityKb * KIB

        def work() -> None:
            disk = Disk(volume, path)
            disk.check_unlocked()
            if not disk.descriptor.capacity <= capacity <= _MAX_CAPACITY:
                raise invalid_argument('newCapacityKb')
            thin = disk.descriptor.thin and not call.eagerZero
            if disk.descriptor.parent is None:
                volume.allocate(disk.extent, capacity, disk.occupied if thin else capacity)
            disk.rewrite(capacity=capacity, thin=thin)

        return self.start('ExtendVirtualDisk_Task', call.datacenter, work)

    def InflateVirtualDisk_Task(self, call: Call) -> Ref:
        return self._fill('InflateVirtualDisk_Task', call)

    def EagerZeroVirtualDisk_Task(self, call: Call) -> Ref:
        return self._fill('EagerZeroVirtualDisk_Task', call)

    def _fill(self, operation: str, call: Call) -> Ref:
        volume, path = self.place(call.args.name, call.datacenter)
        return self.start(operation, call.datacenter, lambda: Disk(volume, path).fill())

    def QueryVirtualDiskUuid(self, call: Call) -> str:
        plain = self._disk(call).descriptor.uuid.replace('-', '')
        # The form of the ddb: "60 00 C2 9f 6b 2e 31 4c-89 0a 5d …".
        pairs = [plain[at : at + 2] for at in range(0, len(plain), 2)]
        return f'{" ".join(pairs[:8])}-{" ".join(pairs[8:])}'

    def SetVirtualDiskUuid(self, call: Call) -> None:
        plain = ''.join(one for one in call.uuid if one not in ' -')
        if len(plain) != 32 or any(one not in '0123456789abcdefABCDEF' for one in plain):
            raise invalid_argument('uuid')
        self._disk(call).rewrite(uuid=_dashed(plain))

    def QueryVirtualDiskFragmentation(self, call: Call) -> int:
        self._disk(call)
        return 0

    def QueryVirtualDiskGeometry(self, call: Call) -> DataObject:
        sectors = self._disk(call).descriptor.capacity // SECTOR
        return types.HostDiskDimensionsChs(
            cylinder=sectors // (_HEADS * _SECTORS), head=_HEADS, sector=_SECTORS
        )

    def _disk(self, call: Call) -> Disk:
        return Disk(*self.place(call.args.name, call.datacenter))

    def _new_uuid(self) -> str:
        """An identifier in the range that VMware uses for disks."""
        return _dashed('6000C29' + self.world.new_uuid().replace('-', '')[:25])


def _dashed(plain: str) -> str:
    return '-'.join([plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]])


def _kind(spec: DataObject) -> tuple[bool, str]:
    """Whether a specification means a thin disk, and the adapter."""
    if spec.diskType not in _TYPES:
        raise invalid_argument('spec.diskType')
    if spec.adapterType not in _ADAPTERS:
        raise invalid_argument('spec.adapterType')
    return _TYPES[spec.diskType], _ADAPTERS[spec.adapterType]


def _check_free(volume: Volume, path: str, *, force: bool) -> None:
    for file in (path, extent_of(path)):
        volume.check_free(file, force=force)
