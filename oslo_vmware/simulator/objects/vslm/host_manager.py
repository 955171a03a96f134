"""The manager of first class disks of a host.

No property of the host names it; clients that speak to a host through the vCenter know its id.
"""

from __future__ import annotations

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.host.manager import HostManager
from oslo_vmware.simulator.objects.vslm.manager import StorageObjectManager, invalid_datastore
from oslo_vmware.simulator.world.data import Ref
from oslo_vmware.simulator.world.registry import managed

_Base = StorageObjectManager


@managed('HostVStorageObjectManager')
class HostVStorageObjectManager(_Base, HostManager):
    """Manages the disks on the datastores that a host has mounted."""

    moid_prefix = 'vStorageObjectManager'

    def place(self, ref: Ref | None) -> Datastore:
        found = super().place(ref)
        if found not in self.places():
            raise invalid_datastore(found)
        return found

    def places(self) -> list[Datastore]:
        return [place for place in self.host.datastore if place.mounted_well(self.host)]

    HostCreateDisk_Task = _Base.create
    HostRegisterDisk = _Base.register
    HostCloneVStorageObject_Task = _Base.clone
    HostRelocateVStorageObject_Task = _Base.relocate
    HostExtendDisk_Task = _Base.extend
    HostInflateDisk_Task = _Base.inflate
    HostDeleteVStorageObject_Task = _Base.delete
    HostRenameVStorageObject = _Base.rename
    HostSetVStorageObjectControlFlags = _Base.set_flags
    HostClearVStorageObjectControlFlags = _Base.clear_flags
    HostRetrieveVStorageObject = _Base.retrieve
    HostRetrieveVStorageObjectState = _Base.state
    HostListVStorageObject = _Base.listed
    HostReconcileDatastoreInventory_Task = _Base.reconcile
    HostScheduleReconcileDatastoreInventory = _Base.reconcile_later
    HostVStorageObjectCreateSnapshot_Task = _Base.take_snapshot
    HostVStorageObjectDeleteSnapshot_Task = _Base.remove_snapshot
    HostVStorageObjectRevert_Task = _Base.revert
    HostVStorageObjectCreateDiskFromSnapshot_Task = _Base.from_snapshot
    HostVStorageObjectRetrieveSnapshotInfo = _Base.snapshot_info
    HostRetrieveVStorageObjectMetadata = _Base.metadata
    HostRetrieveVStorageObjectMetadataValue = _Base.metadata_value
    HostUpdateVStorageObjectMetadata_Task = _Base.update_metadata
    HostUpdateVStorageObjectMetadataEx_Task = _Base.update_metadata_shown
