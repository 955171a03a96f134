"""The managers of first class disks: what they have in common, and that of the vCenter.

All do the same under other names: each operation is one method here, and the class of a manager
says what it calls it. A disk that is not there, or not on the datastore that is named, is the error
NotFound of the task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.vslm import work
from oslo_vmware.simulator.objects.vslm.catalog import MIB, Catalog, FirstClassDisk, pairs
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.world.refusals import Refusal
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed
from oslo_vmware.simulator.world.tags import Tag


class StorageObjectManager:
    """What can be asked of all of them, those of other services included."""

    world: World

    @property
    def catalog(self) -> Catalog:
        """The disks that there are."""
        found = self.world.first_class_disks
        assert isinstance(found, Catalog)
        return found

    # What differs

    def start(self, call: Call, place: Datastore | None, do: Callable[[], Any]) -> Ref:
        """Start a task.

        :param place: the datastore that it is shown on
        """
        # All but that of another service are managed objects themselves.
        assert isinstance(self, ManagedObject)
        return self.world.task_manager.start(self, call.operation, do, shown_on=place)

    def place(self, ref: Ref | None) -> Datastore:
        """The datastore that an argument names.

        :raises Fault: ManagedObjectNotFound, InvalidDatastore
        """
        found: Any = self.world.get(ref or Ref('Datastore', ''))
        if not isinstance(found, Datastore) or not found.reachable:
            raise invalid_datastore(found)
        return found

    def places(self) -> list[Datastore]:
        """The datastores that can be named."""
        return list(self.world.of_type(Datastore))

    def place_of(self, call: Call) -> Datastore | None:
        """The datastore that an operation on a disk names."""
        return self.place(call.datastore)

    def disk(self, call: Call) -> FirstClassDisk:
        """The disk that an operation is about.

        :raises Fault: NotFound
        """
        return self.catalog.get(call.id.id, self.place_of(call))

    def later(self, call: Call, do: Callable[[FirstClassDisk], Any]) -> Ref:
        """Start a task that is about a disk."""
        return self.start(call, self.place_of(call), lambda: do(self.disk(call)))

    # Disks

    def create(self, call: Call) -> Ref:
        spec, place = call.spec, self.place(call.spec.backingSpec.datastore)
        return self.start(call, place, lambda: work.create(self.catalog, spec, place).shown())

    def register(self, call: Call) -> DataObject:
        place, path = work.file_of_url(self.places(), call.path)
        return work.register(self.catalog, place, path, call.args.name, call.id).shown()

    def clone(self, call: Call) -> Ref:
        spec, place = call.spec, self.place(call.spec.backingSpec.datastore)
        return self.later(call, lambda disk: work.clone(self.catalog, disk, spec, place).shown())

    def relocate(self, call: Call) -> Ref:
        spec, place = call.spec, self.place(call.spec.backingSpec.datastore)

        def do(disk: FirstClassDisk) -> DataObject:
            work.relocate(self.catalog, disk, spec, place)
            return disk.shown()

        return self.later(call, do)

    def extend(self, call: Call) -> Ref:
        return self.later(call, lambda disk: work.extend(disk, call.newCapacityInMB * MIB))

    def inflate(self, call: Call) -> Ref:
        return self.later(call, work.inflate)

    def delete(self, call: Call) -> Ref:
        return self.later(call, lambda disk: work.delete(self.catalog, disk))

    def rename(self, call: Call) -> None:
        disk = self.disk(call)
        disk.name = call.args.name or disk.name

    def set_policy(self, call: Call) -> Ref:
        return self.later(call, lambda disk: work.set_policy(self.catalog, disk, call.profile))

    def set_flags(self, call: Call) -> None:
        work.set_flags(self.disk(call), call.controlFlags, True)

    def clear_flags(self, call: Call) -> None:
        work.set_flags(self.disk(call), call.controlFlags, False)

    # Looking

    def retrieve(self, call: Call) -> DataObject:
        return self.disk(call).shown()

    def state(self, call: Call) -> DataObject:
        self.disk(call)
        return types.VStorageObjectStateInfo(tentative=False)

    def listed(self, call: Call) -> list[DataObject]:
        return ids(self.catalog.on(self.place(call.datastore)))

    def reconcile(self, call: Call) -> Ref:
        place = self.place(call.datastore)
        return self.start(call, place, lambda: work.reconcile(self.catalog, place))

    def reconcile_later(self, call: Call) -> None:
        place = self.place(call.datastore)
        self.world.after(self.world.task_seconds, lambda: work.reconcile(self.catalog, place))

    # Snapshots

    def take_snapshot(self, call: Call) -> Ref:
        def do(disk: FirstClassDisk) -> DataObject:
            return types.ID(id=work.take_snapshot(self.catalog, disk, call.description).id)

        return self.later(call, do)

    def remove_snapshot(self, call: Call) -> Ref:
        return self.later(call, lambda disk: work.remove_snapshot(disk, call.snapshotId.id))

    def revert(self, call: Call) -> Ref:
        return self.later(call, lambda disk: work.revert(disk, call.snapshotId.id))

    def from_snapshot(self, call: Call) -> Ref:
        target = self.place(call.targetDatastore) if call.targetDatastore else None

        def do(disk: FirstClassDisk) -> DataObject:
            return work.from_snapshot(self.catalog, disk, call, target or disk.place).shown()

        return self.later(call, do)

    def snapshot_info(self, call: Call) -> DataObject:
        return types.VStorageObjectSnapshotInfo(
            snapshots=[
                types.VStorageObjectSnapshotInfoVStorageObjectSnapshot(
                    id=types.ID(id=one.id), createTime=one.created, description=one.description
                )
                for one in self.disk(call).snapshots
            ]
        )

    def snapshot_details(self, call: Call) -> DataObject:
        disk = self.disk(call)
        snapshot = disk.snapshot(call.snapshotId.id)
        return types.VStorageObjectSnapshotDetails(path=disk.volume.name(snapshot.path))

    # Metadata

    def metadata(self, call: Call) -> list[DataObject]:
        prefix = call.prefix or ''
        found = self._metadata(call)
        return pairs({key: found[key] for key in found if key.startswith(prefix)})

    def metadata_value(self, call: Call) -> str:
        found = self._metadata(call)
        if call.key not in found:
            raise Fault('KeyNotFound', f"There is no '{call.key}'.", key=call.key)
        return found[call.key]

    def update_metadata(self, call: Call) -> Ref:
        def do(disk: FirstClassDisk) -> None:
            for key in call.deleteKeys or ():
                disk.metadata.pop(key, None)
            disk.metadata.update({one.key: one.value for one in call.metadata or ()})

        return self.later(call, do)

    def update_metadata_shown(self, call: Call) -> Ref:
        def do(disk: FirstClassDisk) -> DataObject:
            for key in call.deleteKeys or ():
                disk.metadata.pop(key, None)
            disk.metadata.update({one.key: one.value for one in call.metadata or ()})
            return disk.shown()

        return self.later(call, do)

    def _metadata(self, call: Call) -> dict[str, str]:
        disk = self.disk(call)
        return disk.snapshot(call.snapshotId.id).metadata if call.snapshotId else disk.metadata

    # Tags

    def attach_tag(self, call: Call) -> None:
        disk, tag = self.catalog.get(call.id.id), self._tag(call)
        try:
            self.world.tags.attach(tag.id, disk.ref)
        except Refusal as refusal:
            raise Fault('InvalidArgument', refusal.message, invalidProperty='tag') from None

    def detach_tag(self, call: Call) -> None:
        disk, tag = self.catalog.get(call.id.id), self._tag(call)
        if tag not in self.world.tags.attached_to(disk.ref):
            raise Fault('NotFound', f'The disk has no tag {call.category}:{call.tag}.')
        self.world.tags.detach(tag.id, disk.ref)

    def tagged(self, call: Call) -> list[DataObject]:
        having = self.world.tags.objects_of(self._tag(call).id)
        return ids(disk for disk in self.catalog.all() if disk.ref in having)

    def tags(self, call: Call) -> list[DataObject]:
        tags = self.world.tags
        return [
            types.VslmTagEntry(
                tagName=tag.name, parentCategoryName=tags.category(tag.category_id).name
            )
            for tag in tags.attached_to(self.catalog.get(call.id.id).ref)
        ]

    def _tag(self, call: Call) -> Tag:
        """The tag that an operation names.

        :raises Fault: NotFound
        """
        tags = self.world.tags
        for tag in tags.tags.values():
            category = tags.category(tag.category_id).name
            if (category, tag.name) == (call.category, call.tag):
                return tag
        raise Fault('NotFound', f'There is no tag {call.category}:{call.tag}.')


def ids(disks: Any) -> list[DataObject]:
    return [types.ID(id=disk.id) for disk in disks]


def invalid_datastore(found: Any) -> Fault:
    name = getattr(found, 'name', None)
    return Fault(
        'InvalidDatastore',
        f"The datastore '{name}' is not accessible.",
        datastore=found.ref if isinstance(found, Datastore) else None,
        name=name,
    )


_Base = StorageObjectManager


@managed('VcenterVStorageObjectManager')
class VcenterVStorageObjectManager(_Base, ManagedObject):
    """The vCenter's: of all datastores."""

    CreateDisk_Task = _Base.create
    RegisterDisk = _Base.register
    CloneVStorageObject_Task = _Base.clone
    RelocateVStorageObject_Task = _Base.relocate
    ExtendDisk_Task = _Base.extend
    InflateDisk_Task = _Base.inflate
    DeleteVStorageObject_Task = _Base.delete
    RenameVStorageObject = _Base.rename
    UpdateVStorageObjectPolicy_Task = _Base.set_policy
    SetVStorageObjectControlFlags = _Base.set_flags
    ClearVStorageObjectControlFlags = _Base.clear_flags
    RetrieveVStorageObject = _Base.retrieve
    RetrieveVStorageObjectState = _Base.state
    ListVStorageObject = _Base.listed
    ReconcileDatastoreInventory_Task = _Base.reconcile
    ScheduleReconcileDatastoreInventory = _Base.reconcile_later
    VStorageObjectCreateSnapshot_Task = _Base.take_snapshot
    DeleteSnapshot_Task = _Base.remove_snapshot
    RevertVStorageObject_Task = _Base.revert
    CreateDiskFromSnapshot_Task = _Base.from_snapshot
    RetrieveSnapshotInfo = _Base.snapshot_info
    RetrieveSnapshotDetails = _Base.snapshot_details
    VCenterUpdateVStorageObjectMetadataEx_Task = _Base.update_metadata_shown
    AttachTagToVStorageObject = _Base.attach_tag
    DetachTagFromVStorageObject = _Base.detach_tag
    ListVStorageObjectsAttachedToTag = _Base.tagged
    ListTagsAttachedToVStorageObject = _Base.tags

    def RetrieveVStorageObjectAssociations(self, call: Call) -> list[DataObject]:
        return [self._associations(one) for one in call.ids or ()]

    def _associations(self, spec: DataObject) -> DataObject:
        found = types.VStorageObjectAssociations(id=spec.id)
        try:
            disk = self.catalog.get(spec.id.id, self.place(spec.datastore))
        except Fault as fault:
            found.fault = fault.localized()
            return found
        if disk.device is not None:
            found.vmDiskAssociations = [
                types.VStorageObjectAssociationsVmDiskAssociations(
                    vmId=disk.machine.instance_uuid, diskKey=disk.device.key
                )
            ]
        return found
