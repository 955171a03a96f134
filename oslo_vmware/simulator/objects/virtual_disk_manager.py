"""The VirtualDiskManager: virtual disks that need not belong to a machine.

What a disk is as files, and what becomes of them, is the matter of ``storage.disks``.
"""

from __future__ import annotations

import dataclasses
import posixpath

from oslo_vmware.simulator.objects.file_manager import PathManager
from oslo_vmware.simulator.storage import disks
from oslo_vmware.simulator.storage.disks import Disk
from oslo_vmware.simulator.storage.virtual_disks import SECTOR, extent_of
from oslo_vmware.simulator.world.data import DataObject, Ref, invalid_argument, types
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

# The geometry that a SCSI disk shows.
_HEADS = 255
_SECTORS = 63


@managed('VirtualDiskManager')
class VirtualDiskManager(PathManager):
    """Creates, copies, moves, grows and deletes virtual disks."""

    def __init__(self, world: World) -> None:
        super().__init__(world, 'virtualDiskManager')

    def CreateVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.args.name, call.datacenter)
        spec: DataObject = call.spec
        capacity = (spec.capacityKb or 0) * KIB
        if not 0 < capacity <= disks.MAX_CAPACITY:
            raise invalid_argument('spec.capacityKb')
        thin, adapter = _kind(spec)

        def work() -> str:
            uuid = disks.new_uuid(self.world)
            disks.create(volume, path, capacity, thin=thin, adapter=adapter, uuid=uuid)
            return volume.name(path)

        return self.start('CreateVirtualDisk_Task', call.datacenter, work)

    def CopyVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.sourceName, call.sourceDatacenter)
        datacenter = call.destDatacenter or call.sourceDatacenter
        other, new = self.place(call.destName, datacenter)
        thin, adapter = _kind(call.destSpec) if call.destSpec is not None else (None, None)
        force = bool(call.force)

        def work() -> None:
            uuid, source = disks.new_uuid(self.world), Disk(volume, path)
            disks.copy(source, other, new, uuid=uuid, thin=thin, adapter=adapter, force=force)

        return self.start('CopyVirtualDisk_Task', datacenter, work)

    def MoveVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.sourceName, call.sourceDatacenter)
        datacenter = call.destDatacenter or call.sourceDatacenter
        other, new = self.place(call.destName, datacenter)

        def work() -> None:
            source = Disk(volume, path)
            source.check_unlocked()
            force = bool(call.force)
            disks.check_free(other, new, force=force)
            if source.extent != path:
                child = source.descriptor.parent is not None
                volume.move(source.extent, other, extent_of(new, child=child), force=force)
            volume.move(path, other, new, force=force)
            if source.extent != path:
                extent = posixpath.basename(extent_of(new, child=child))
                moved = dataclasses.replace(source.descriptor, extent=extent)
                disks.write_descriptor(other, new, moved)

        return self.start('MoveVirtualDisk_Task', datacenter, work)

    def DeleteVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.args.name, call.datacenter)
        return self.start(
            'DeleteVirtualDisk_Task', call.datacenter, lambda: Disk(volume, path).remove()
        )

    def ExtendVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.args.name, call.datacenter)
        capacity = call.newCapacityKb * KIB

        def work() -> None:
            disk = Disk(volume, path)
            if not disk.descriptor.capacity <= capacity <= disks.MAX_CAPACITY:
                raise invalid_argument('newCapacityKb')
            disk.extend(capacity, eager=bool(call.eagerZero))

        return self.start('ExtendVirtualDisk_Task', call.datacenter, work)

    def InflateVirtualDisk_Task(self, call: Call) -> Ref:
        return self._fill('InflateVirtualDisk_Task', call)

    def EagerZeroVirtualDisk_Task(self, call: Call) -> Ref:
        return self._fill('EagerZeroVirtualDisk_Task', call)

    def ShrinkVirtualDisk_Task(self, call: Call) -> Ref:
        volume, path = self.place(call.args.name, call.datacenter)
        return self.start(
            'ShrinkVirtualDisk_Task', call.datacenter, lambda: Disk(volume, path).shrink()
        )

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
        self._disk(call).rewrite(uuid=disks.dashed(plain))

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


def _kind(spec: DataObject) -> tuple[bool, str]:
    """Whether a specification means a thin disk, and the adapter."""
    if spec.diskType not in _TYPES:
        raise invalid_argument('spec.diskType')
    if spec.adapterType not in _ADAPTERS:
        raise invalid_argument('spec.adapterType')
    return _TYPES[spec.diskType], _ADAPTERS[spec.adapterType]
