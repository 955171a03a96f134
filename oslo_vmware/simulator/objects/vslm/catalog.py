"""What there is of first class disks, and what is known of each beside its files.

A disk is found by its id. Its size and its kind are what its files say; where those are gone,
because they were deleted as files or with a machine, the disk is not found, though it is listed
until somebody reconciles its datastore. Which policy a disk has the catalog tells to PBM.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from typing import Any

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.storage.disks import Disk
from oslo_vmware.simulator.storage.files import Volume
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.world.registry import World

MIB = 1024**2

#: Names of control flags, and the attributes that they set.
CONTROL_FLAGS = {
    'keepAfterDeleteVm': 'kept',
    'disableRelocation': 'fixed',
    'enableChangedBlockTracking': 'tracked',
}


@dataclasses.dataclass
class Snapshot:
    """What a disk was at some moment.

    :ivar path: of a disk with the content of that moment, on the same datastore
    """

    id: str
    path: str
    description: str
    created: datetime.datetime
    metadata: dict[str, str]


@dataclasses.dataclass(eq=False)
class FirstClassDisk:
    """One first class disk.

    :ivar place: the datastore that it lies on
    :ivar path: of its descriptor there
    :ivar provisioning: ``thin``, ``lazyZeroedThick`` or ``eagerZeroedThick``
    :ivar kept: whether it stays when the machine is deleted that it is attached to
    :ivar fixed: whether it must stay on its datastore
    :ivar tracked: whether its changed blocks are tracked
    :ivar policy: id of its storage policy
    :ivar applied_policies: how that was applied, under the key of a part that is the whole
    :ivar snapshots: the oldest first
    """

    id: str
    name: str
    place: Datastore
    path: str
    provisioning: str
    created: datetime.datetime
    kept: bool = False
    fixed: bool = False
    tracked: bool = False
    metadata: dict[str, str] = dataclasses.field(default_factory=dict)
    policy: str | None = None
    applied_policies: dict[int | None, Any] = dataclasses.field(default_factory=dict)
    snapshots: list[Snapshot] = dataclasses.field(default_factory=list)

    @property
    def ref(self) -> Ref:
        """What tags know it by; it is no managed object."""
        return Ref('VStorageObject', self.id)

    @property
    def volume(self) -> Volume:
        found: Volume = self.place.world.files.of(self.place)
        return found

    @property
    def disk(self) -> Disk:
        """Its files.

        :raises Fault: FileNotFound
        """
        return Disk(self.volume, self.path)

    @property
    def there(self) -> bool:
        """Whether it has its files still."""
        there = self.place.ref.value in self.place.world.objects
        return there and self.volume.is_file(self.path)

    @property
    def size(self) -> int:
        """Its capacity in bytes."""
        return self.disk.descriptor.capacity

    @property
    def file_path(self) -> str:
        return self.volume.name(self.path)

    @property
    def machine(self) -> Any:
        """The machine that it is attached to; None where there is none."""
        return self.volume.owner(self.path)

    @property
    def device(self) -> Any:
        """The device that it is in its machine."""
        disks = self.machine.disks if self.machine is not None else ()
        return next((one for one in disks if one.vDiskId and one.vDiskId.id == self.id), None)

    def snapshot(self, snapshot_id: str) -> Snapshot:
        """A snapshot of it.

        :raises Fault: NotFound
        """
        for found in self.snapshots:
            if found.id == snapshot_id:
                return found
        raise Fault('NotFound', f'The disk {self.id} has no snapshot {snapshot_id}.')

    def check_detached(self) -> None:
        """Refuse what cannot be done to a disk in a machine.

        :raises Fault: InvalidState
        """
        if self.machine is not None:
            raise invalid_state(f"The disk '{self.name}' is attached to '{self.machine.name}'.")

    def check_idle(self) -> None:
        """Refuse what cannot be done to a disk in a machine that runs.

        :raises Fault: InvalidState
        """
        if self.machine is not None and self.machine.running:
            raise invalid_state(f"The disk '{self.name}' is in use by '{self.machine.name}'.")

    def shown(self) -> DataObject:
        """The VStorageObject."""
        machine = self.machine
        return types.VStorageObject(
            config=types.VStorageObjectConfigInfo(
                id=types.ID(id=self.id),
                name=self.name,
                createTime=self.created,
                keepAfterDeleteVm=self.kept,
                relocationDisabled=self.fixed,
                nativeSnapshotSupported=False,
                changedBlockTrackingEnabled=self.tracked,
                backing=types.BaseConfigInfoDiskFileBackingInfo(
                    datastore=self.place.ref,
                    filePath=self.file_path,
                    provisioningType=self.provisioning,
                ),
                metadata=pairs(self.metadata),
                capacityInMB=self.size // MIB,
                consumptionType=['disk'],
                consumerId=[] if machine is None else [types.ID(id=machine.instance_uuid)],
            )
        )


class Catalog:
    """All first class disks of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._disks: dict[str, FirstClassDisk] = {}

    def add(self, disk: FirstClassDisk) -> None:
        self._disks[disk.id] = disk
        self.world.policies.follow_disk(disk)

    def follow(self, disk: FirstClassDisk) -> None:
        """Another policy is in force, or another size or place."""
        self.world.policies.follow_disk(disk)

    def remove(self, disk: FirstClassDisk) -> None:
        del self._disks[disk.id]
        for tag in self.world.tags.attached_to(disk.ref):
            self.world.tags.detach(tag.id, disk.ref)
        self.world.policies.forget_disk(disk.id)

    def check_free(self, disk_id: str) -> None:
        """Refuse an id that is taken.

        :raises Fault: AlreadyExists
        """
        if disk_id in self._disks:
            raise Fault('AlreadyExists', f'There is a disk {disk_id} already.', name=disk_id)

    def all(self) -> list[FirstClassDisk]:
        """Those that have their files, the oldest first."""
        return [disk for disk in self._disks.values() if disk.there]

    def on(self, place: Datastore) -> Iterator[FirstClassDisk]:
        """Those of a datastore, the oldest first, with those whose files are gone."""
        return (disk for disk in list(self._disks.values()) if disk.place is place)

    def get(self, disk_id: str, place: Datastore | None = None) -> FirstClassDisk:
        """A disk by its id, on a datastore if one is named.

        :raises Fault: NotFound
        """
        found = self._disks.get(disk_id)
        if found is None or not found.there or place not in (None, found.place):
            raise Fault('NotFound', f'The object {disk_id} was not found.')
        return found

    def moved(self, disk_id: str, place: Datastore, path: str) -> None:
        """The machine that a disk is attached to has taken it to another place."""
        found = self._disks.get(disk_id)
        if found is not None:
            found.place, found.path = place, path
            self.follow(found)

    def at(self, place: Datastore, path: str) -> FirstClassDisk | None:
        """The disk whose file that is."""
        return next((disk for disk in self.on(place) if disk.path == path and disk.there), None)


def pairs(values: dict[str, str]) -> list[DataObject]:
    return [types.KeyValue(key=key, value=value) for key, value in values.items()]


def invalid_state(why: str) -> Fault:
    return Fault('InvalidState', f'The operation is not allowed in the current state. {why}')
