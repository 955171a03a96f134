"""Datastores of three kinds.

A datastore's free space is what its capacity leaves after the machines on it and whatever else
lies there (:attr:`Datastore.other_used`: images, templates, the file system itself). What a
machine occupies it says itself, so that the two always add up. The files themselves are kept by
the module ``storage.files``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from oslo_vmware.simulator.objects.datastore_browser import HostDatastoreBrowser
from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.storage.targets import Lun
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.world.registry import Call, World, managed
from oslo_vmware.simulator.world.relations import Linked, Many

TIB = 1024**4

# vSphere's limits: a file may be 64 TiB, a virtual disk 62 TiB.
_MAX_FILE = 64 * TIB
_MAX_DISK = 62 * TIB


class Mount(NamedTuple):
    """How a host has mounted a datastore.

    :ivar mounted: whether it has at all, or only knows it
    :ivar accessible: whether it gets through to it
    :ivar writable: whether it may write to it
    """

    mounted: bool = True
    accessible: bool = True
    writable: bool = True


class Occupant(Protocol):
    """What a datastore asks of a machine that lies on it."""

    def committed_on(self, datastore: Datastore) -> int: ...

    def uncommitted_on(self, datastore: Datastore) -> int: ...


@managed('Datastore')
class Datastore(ManagedEntity):
    """A datastore; its kind is the class below that makes it.

    :ivar kind: ``NFS``, ``NFS41``, ``VMFS`` or ``vsan``, as ``summary.type`` says it
    :ivar uuid: names the mount point on the hosts
    :ivar capacity: size in bytes
    :ivar other_used: bytes that no machine of the inventory occupies
    :ivar remote: server and export of an NFS datastore
    :ivar extents: the disks that a client made a VMFS datastore of; one of the inventory lies on a
        disk of its own
    :ivar accessible: whether anybody gets through to it
    :ivar mounts: of the hosts that have not mounted it well, see :meth:`mount_on`
    """

    id_prefix = 'datastore'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'name': ('name', 'info', 'summary.name'),
        'hosts': ('host', 'summary.multipleHostAccess'),
        'vm': ('vm', 'summary'),
        'capacity': ('summary', 'info'),
        'other_used': ('summary', 'info'),
        'extents': ('info',),
        'maintenance': ('summary.maintenanceMode',),
        'accessible': ('host', 'summary.accessible'),
        'mounts': ('host', 'summary.accessible'),
    }

    hosts = Many('datastore')
    vm = Many('datastore')

    kind: str
    uuid: str
    capacity: int
    other_used: int = 0
    remote: tuple[str, str] = ('', '')
    extents: tuple[Lun, ...] = ()
    maintenance = 'normal'
    accessible = True
    mounts: Mapping[Linked, Mount] = {}

    def __init__(self, world: World, name: str, parent: ManagedEntity, **state: Any) -> None:
        super().__init__(world, name, parent, **state)
        self.browser = HostDatastoreBrowser(world, self)

    @property
    def url(self) -> str:
        return f'ds:///vmfs/volumes/{self.uuid}/'

    @property
    def free_space(self) -> int:
        machines: list[Occupant] = self.vm
        used = self.other_used + sum(machine.committed_on(self) for machine in machines)
        return max(0, self.capacity - used)

    @property
    def host(self) -> list[DataObject]:
        return [self.mount(host) for host in self.hosts]

    def mount(self, host: Linked) -> DataObject:
        return types.DatastoreHostMount(key=host.ref, mountInfo=self.mount_info(host))

    def mount_info(self, host: Linked) -> DataObject:
        mount = self.mounts.get(host, Mount())
        made = types.HostMountInfo(
            path=f'/vmfs/volumes/{self.uuid}',
            accessMode='readWrite' if mount.writable else 'readOnly',
            mounted=mount.mounted,
            accessible=self.mounted_well(host),
        )
        if mount.mounted and not made.accessible:
            made.inaccessibleReason = 'AllPathsDown_Start'
        return made

    def mount_on(
        self,
        host: Linked,
        *,
        mounted: bool = True,
        accessible: bool = True,
        writable: bool = True,
    ) -> None:
        """Say how a host has mounted it: a test's way to an unmounted or a lost datastore."""
        self.update(mounts={**self.mounts, host: Mount(mounted, accessible, writable)})
        host.touched('datastore')

    def mounted_well(self, host: Linked) -> bool:
        """Whether a host can use it."""
        mount = self.mounts.get(host, Mount())
        return self.accessible and mount.mounted and mount.accessible

    @property
    def reachable(self) -> bool:
        """Whether it can be used at all: some host has to, if there are any."""
        return self.accessible and (not self.mounts or any(map(self.mounted_well, self.hosts)))

    @property
    def summary(self) -> DataObject:
        machines: list[Occupant] = self.vm
        return types.DatastoreSummary(
            datastore=self.ref,
            name=self.name,
            url=self.url,
            capacity=self.capacity,
            freeSpace=self.free_space,
            uncommitted=sum(machine.uncommitted_on(self) for machine in machines),
            accessible=self.reachable,
            multipleHostAccess=len(self.hosts) > 1,
            type=self.kind,
            maintenanceMode=self.maintenance,
        )

    @property
    def info(self) -> DataObject:
        common = {
            'name': self.name,
            'url': self.url,
            'freeSpace': self.free_space,
            'maxFileSize': _MAX_FILE,
            'maxVirtualDiskCapacity': _MAX_DISK,
            'maxMemoryFileSize': _MAX_FILE,
            'timestamp': self.world.now(),
            'containerId': self.uuid,
            'supportedVDiskFormats': ['native_512'],
            'logicalSectorSize': 512,
            'physicalSectorSize': 512,
        }
        if self.kind == 'VMFS':
            return types.VmfsDatastoreInfo(
                **common,
                maxPhysicalRDMFileSize=_MAX_DISK,
                maxVirtualRDMFileSize=_MAX_DISK,
                vmfs=self.volume,
            )
        if self.kind == 'vsan':
            return types.VsanDatastoreInfo(**common, membershipUuid=self.uuid, accessGenNo=0)
        return types.NasDatastoreInfo(**common, nas=self.volume)

    @property
    def volume(self) -> DataObject:
        """What a host knows of the file system."""
        if self.kind == 'VMFS':
            return types.HostVmfsVolume(
                type='VMFS',
                name=self.name,
                capacity=self.capacity,
                blockSizeMb=1,
                blockSize=1024,
                unmapGranularity=1024,
                unmapPriority='low',
                maxBlocks=63963136,
                majorVersion=6,
                version='6.82',
                uuid=self.uuid,
                extent=[
                    types.HostScsiDiskPartition(diskName=lun.name, partition=1) for lun in self.luns
                ],
                vmfsUpgradable=False,
                ssd=True,
                local=False,
            )
        if self.kind in ('NFS', 'NFS41'):
            server, path = self.remote
            return types.HostNasVolume(
                type=self.kind,
                name=self.name,
                capacity=self.capacity,
                remoteHost=server,
                remotePath=path,
                remoteHostNames=[server],
                securityType='AUTH_SYS',
                protocolEndpoint=False,
            )
        return types.HostFileSystemVolume(type='vsan', name=self.name, capacity=self.capacity)

    @property
    def disk_name(self) -> str:
        """Name of the first LUN that a VMFS datastore lies on."""
        return self.extents[0].name if self.extents else f'naa.6{self.uuid.replace("-", "")[:31]}'

    @property
    def luns(self) -> tuple[Lun, ...]:
        """The LUNs that a VMFS datastore lies on; any other lies on none."""
        if self.kind != 'VMFS':
            return ()
        return self.extents or (Lun(self.disk_name, self.capacity),)

    @property
    def capability(self) -> DataObject:
        vmfs = self.kind == 'VMFS'
        return types.DatastoreCapability(
            directoryHierarchySupported=True,
            rawDiskMappingsSupported=vmfs,
            perFileThinProvisioningSupported=True,
            storageIORMSupported=self.kind != 'vsan',
            nativeSnapshotSupported=False,
            topLevelDirectoryCreateSupported=self.kind != 'vsan',
            seSparseSupported=True,
            vmfsSparseSupported=self.kind != 'vsan',
            vsanSparseSupported=self.kind == 'vsan',
            upitSupported=False,
            vmdkExpandSupported=True,
            clusteredVmdkSupported=False,
        )

    @property
    def iormConfiguration(self) -> DataObject:
        return types.StorageIORMInfo(
            enabled=False,
            congestionThresholdMode='automatic',
            congestionThreshold=30,
            percentOfPeakThroughput=90,
            statsCollectionEnabled=False,
            reservationEnabled=False,
            statsAggregationDisabled=False,
        )

    def namesakes(self) -> list[ManagedEntity]:
        # Unique in the datacenter, whatever the folder: a path '[name] file' tells no folder.
        datastores: list[ManagedEntity] = self.datacenter.datastore
        return datastores

    def rename(self, name: str | None) -> None:
        super().rename(name)
        for machine in self.vm:
            machine.follow_renames()

    def RenameDatastore(self, call: Call) -> None:
        self.rename(call.newName)

    def RefreshDatastore(self, call: Call) -> None:
        self.changed('summary', 'info')

    def RefreshDatastoreStorageInfo(self, call: Call) -> None:
        self.changed('summary', 'info')

    def DatastoreEnterMaintenanceMode(self, call: Call) -> DataObject:
        task = self.start('DatastoreEnterMaintenanceMode', self._enter_maintenance)
        return types.StoragePlacementResult(task=task)

    def _enter_maintenance(self) -> None:
        self._maintenance_must_be('normal')
        if self.vm:
            # A real server waits until somebody moves the machines.
            raise Fault(
                'ResourceInUse',
                f"The datastore '{self.name}' cannot enter maintenance mode: it holds virtual "
                'machines.',
                type='Datastore',
                name=self.name,
            )
        self.update(maintenance='inMaintenance')

    def DatastoreExitMaintenanceMode_Task(self, call: Call) -> Ref:
        return self.start('DatastoreExitMaintenanceMode_Task', self._exit_maintenance)

    def _exit_maintenance(self) -> None:
        self._maintenance_must_be('inMaintenance')
        self.update(maintenance='normal')

    def _maintenance_must_be(self, state: str) -> None:
        if self.maintenance != state:
            raise Fault('InvalidState', f"The datastore '{self.name}' is {self.maintenance}.")

    def check_destroy(self) -> None:
        if self.vm:
            raise Fault(
                'ResourceInUse',
                f"The datastore '{self.name}' still holds virtual machines.",
                type='Datastore',
                name=self.name,
            )

    def DestroyDatastore(self, call: Call) -> None:
        self.destroy()

    def dispose(self) -> None:
        super().dispose()
        self.world.remove(self.browser)
