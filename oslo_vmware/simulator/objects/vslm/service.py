"""The managed objects of VSLM, the vCenter's service for first class disks.

It finds disks by their id alone, whatever datastore they lie on, and knows their metadata. Its
tasks are those of the vCenter, which shows them as well; here they have a type of their own and are
asked for their state, since no property collector sees them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.vm import first_class
from oslo_vmware.simulator.objects.vslm.catalog import MIB, FirstClassDisk, pairs
from oslo_vmware.simulator.objects.vslm.manager import StorageObjectManager, ids
from oslo_vmware.simulator.objects.vslm.query import found_by
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.world.registry import Call, World, anonymous

_SAME_IN_TASKS = (
    'key', 'name', 'descriptionId', 'entity', 'entityName', 'state', 'cancelled', 'cancelable',
    'error', 'result', 'progress', 'queueTime', 'startTime', 'completeTime', 'eventChainId',
)  # fmt: skip


class VslmObject:
    """A managed object of VSLM."""

    wire_type: ClassVar[str]
    moid: ClassVar[str]

    def __init__(self, world: World) -> None:
        self.world = world
        self.ref = Ref(self.wire_type, self.moid)


class SessionManager(VslmObject):
    """There is no login but by a token of single sign-on: the session is VIM's."""

    wire_type = 'VslmSessionManager'
    moid = 'SessionManager'

    def VslmLogout(self, call: Call) -> None:
        """The session goes on: it is VIM's."""


class StorageLifecycleManager(VslmObject):
    """Knows where datastores are, and brings the catalog in line with them."""

    wire_type = 'VslmStorageLifecycleManager'
    moid = 'StorageLifecycleManager'

    def VslmSyncDatastore(self, call: Call) -> None:
        self._place(call.datastoreUrl)

    def VslmQueryDatastoreInfo(self, call: Call) -> list[DataObject]:
        place = self._place(call.datastoreUrl)
        return [
            types.VslmQueryDatastoreInfoResult(datacenter=place.datacenter.ref, datastore=place.ref)
        ]

    def _place(self, url: str) -> Datastore:
        for place in self.world.of_type(Datastore):
            if place.url == url:
                found: Datastore = place
                return found
        raise Fault('NotFound', f"There is no datastore '{url}'.")


_Base = StorageObjectManager


class GlobalManager(StorageObjectManager, VslmObject):
    """Manages the disks of all datastores."""

    wire_type = 'VslmVStorageObjectManager'
    moid = 'VStorageObjectManager'

    def start(self, call: Call, place: Datastore | None, do: Callable[[], Any]) -> Ref:
        content: Any = self.world.service_instance
        task = self.world.task_manager.start(
            content.managers['vStorageObjectManager'],
            call.operation,
            do,
            cancelable=True,
            shown_on=place or self.world.root_folder,
        )
        return Ref(Task.wire_type, task.value)

    def place_of(self, call: Call) -> None:
        return None

    VslmCreateDisk_Task = _Base.create
    VslmRegisterDisk = _Base.register
    VslmCloneVStorageObject_Task = _Base.clone
    VslmRelocateVStorageObject_Task = _Base.relocate
    VslmExtendDisk_Task = _Base.extend
    VslmInflateDisk_Task = _Base.inflate
    VslmDeleteVStorageObject_Task = _Base.delete
    VslmRenameVStorageObject = _Base.rename
    VslmUpdateVstorageObjectPolicy_Task = _Base.set_policy
    VslmSetVStorageObjectControlFlags = _Base.set_flags
    VslmClearVStorageObjectControlFlags = _Base.clear_flags
    VslmRetrieveVStorageObject = _Base.retrieve
    VslmRetrieveVStorageObjectState = _Base.state
    VslmReconcileDatastoreInventory_Task = _Base.reconcile
    VslmScheduleReconcileDatastoreInventory = _Base.reconcile_later
    VslmCreateSnapshot_Task = _Base.take_snapshot
    VslmDeleteSnapshot_Task = _Base.remove_snapshot
    VslmRevertVStorageObject_Task = _Base.revert
    VslmCreateDiskFromSnapshot_Task = _Base.from_snapshot
    VslmRetrieveSnapshotInfo = _Base.snapshot_info
    VslmRetrieveSnapshotDetails = _Base.snapshot_details
    VslmUpdateVStorageObjectMetadata_Task = _Base.update_metadata
    VslmRetrieveVStorageObjectMetadata = _Base.metadata
    VslmRetrieveVStorageObjectMetadataValue = _Base.metadata_value
    VslmAttachTagToVStorageObject = _Base.attach_tag
    VslmDetachTagFromVStorageObject = _Base.detach_tag
    VslmListVStorageObjectsAttachedToTag = _Base.tagged
    VslmListTagsAttachedToVStorageObject = _Base.tags

    def VslmAttachDisk_Task(self, call: Call) -> Ref:
        machine: Any = self.world.get(call.vm)
        return self.later(
            call,
            lambda disk: first_class.attach(machine, disk, call.controllerKey, call.unitNumber),
        )

    def VslmRetrieveVStorageObjectAssociations(self, call: Call) -> list[DataObject]:
        return [self._associations(one) for one in call.ids or ()]

    def VslmRetrieveVStorageObjects(self, call: Call) -> list[DataObject]:
        return [self._result(one) for one in call.ids or ()]

    def VslmListVStorageObjectForSpec(self, call: Call) -> DataObject:
        disks = [disk for disk in self.catalog.all() if found_by(disk, call.query or ())]
        shown = disks[: call.maxResult]
        return types.VslmVsoVStorageObjectQueryResult(
            allRecordsReturned=len(shown) == len(disks),
            id=ids(shown),
            queryResults=[_result(disk) for disk in shown],
        )

    def _associations(self, disk_id: DataObject) -> DataObject:
        found = types.VslmVsoVStorageObjectAssociations(id=disk_id)
        try:
            disk = self.catalog.get(disk_id.id)
        except Fault as fault:
            found.fault = fault.localized()
            return found
        if disk.device is not None:
            found.vmDiskAssociation = [
                types.VslmVsoVStorageObjectAssociationsVmDiskAssociation(
                    vmId=disk.machine.instance_uuid, diskKey=disk.device.key
                )
            ]
        return found

    def _result(self, disk_id: DataObject) -> DataObject:
        try:
            return _result(self.catalog.get(disk_id.id))
        except Fault as fault:
            return types.VslmVsoVStorageObjectResult(
                id=disk_id, capacityInMB=0, error=fault.localized()
            )


def _result(disk: FirstClassDisk) -> DataObject:
    return types.VslmVsoVStorageObjectResult(
        id=types.ID(id=disk.id),
        name=disk.name,
        capacityInMB=disk.size // MIB,
        createTime=disk.created,
        datastoreUrl=disk.place.url,
        diskPath=disk.file_path,
        usedCapacityInMB=disk.disk.occupied // MIB,
        metadata=pairs(disk.metadata),
    )


class Task(VslmObject):
    """A task of the vCenter, as VSLM shows it.

    :param task: the vCenter's
    """

    wire_type = 'VslmTask'

    def __init__(self, world: World, task: Any) -> None:
        self.world = world
        self.ref = Ref(self.wire_type, task.ref.value)
        self._task = task

    def VslmQueryInfo(self, call: Call) -> DataObject:
        info = self._task.info
        return types.VslmTaskInfo(
            task=self.ref,
            reason=types.VslmTaskReasonUser(userName=info.reason.userName),
            **{name: getattr(info, name) for name in _SAME_IN_TASKS},
        )

    def VslmQueryTaskResult(self, call: Call) -> Any:
        return self._task.info.result

    def VslmCancelTask(self, call: Call) -> None:
        self._task.CancelTask(call)


class ServiceInstance(VslmObject):
    """The one object whose id every client knows.

    :ivar version: the newest version of VSLM that the server speaks
    """

    wire_type = 'VslmServiceInstance'
    moid = 'ServiceInstance'
    version = ''

    @anonymous
    def RetrieveContent(self, call: Call) -> DataObject:
        return types.VslmServiceInstanceContent(
            aboutInfo=types.VslmAboutInfo(
                name='VSLM',
                fullName='Virtual Storage Lifecycle Management',
                vendor='VMware, Inc.',
                apiVersion=self.version,
                instanceUuid=self.world.about.instanceUuid,
            ),
            sessionManager=Ref(SessionManager.wire_type, SessionManager.moid),
            vStorageObjectManager=Ref(GlobalManager.wire_type, GlobalManager.moid),
            storageLifecycleManager=Ref(
                StorageLifecycleManager.wire_type, StorageLifecycleManager.moid
            ),
        )


#: All types of which there are objects.
CLASSES: tuple[type[VslmObject], ...] = (
    ServiceInstance,
    SessionManager,
    StorageLifecycleManager,
    GlobalManager,
    Task,
)


class Service:
    """What there is of managed objects.

    :param version: the newest version of VSLM that the server speaks
    """

    def __init__(self, world: World, version: str) -> None:
        self._world = world
        instance = ServiceInstance(world)
        instance.version = version
        made = [instance, *(kind(world) for kind in CLASSES[1:-1])]
        self._objects: dict[Ref, VslmObject] = {one.ref: one for one in made}

    def find(self, ref: Ref) -> VslmObject | None:
        """The object that a reference names."""
        task = self._world.objects.get(ref.value) if ref.type == Task.wire_type else None
        return self._objects.get(ref) if task is None else Task(self._world, task)
