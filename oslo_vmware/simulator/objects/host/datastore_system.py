"""The datastores of a host: made of what servers export or of free disks, enlarged, removed."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.datastore import TIB, Datastore
from oslo_vmware.simulator.objects.entity import wire_name
from oslo_vmware.simulator.objects.host import storage_views as views
from oslo_vmware.simulator.objects.host.manager import HostManager, in_use, not_found
from oslo_vmware.simulator.objects.host.storage_system import HostStorageSystem
from oslo_vmware.simulator.storage.targets import Lun
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, managed

# What an export has to offer; nobody says how large it is.
_EXPORT = 8 * TIB
_MODES = ('readOnly', 'readWrite')
_NAS_TYPES = ('NFS', 'NFS41')
_VMFS_VERSIONS = (5, 6)


@managed('HostDatastoreSystem')
class HostDatastoreSystem(HostManager):
    """Makes and removes datastores.

    A datastore that several hosts have is one object: who mounts an export or sees the disks of a
    datastore that is there joins its hosts.
    """

    moid_prefix = 'datastoreSystem'
    shown_in = ('fileSystemVolume', 'storageDevice')

    capabilities = types.HostDatastoreSystemCapabilities(
        nfsMountCreationRequired=True,
        nfsMountCreationSupported=True,
        localDatastoreSupported=False,
        vmfsExtentExpansionSupported=True,
    )

    @property
    def datastore(self) -> list[Any]:
        found: list[Any] = self.host.datastore
        return found

    # Exports

    def CreateNasDatastore(self, call: Call) -> Datastore:
        spec = call.spec
        kind = spec.type or 'NFS'
        if kind not in _NAS_TYPES:
            raise Fault('NotSupported', f"Datastores of type '{kind}' are not supported.")
        if spec.accessMode not in _MODES:
            raise invalid_argument('spec.accessMode')
        name = _name(spec.localPath.rpartition('/')[2], 'spec.localPath')
        server = (spec.remoteHostNames or [spec.remoteHost])[0]
        if not server or not spec.remotePath:
            raise invalid_argument('spec.remotePath' if server else 'spec.remoteHost')
        datastore = self._exported(kind, (server, spec.remotePath), name)
        datastore.hosts = [*datastore.hosts, self.host]
        if spec.accessMode == 'readOnly':
            datastore.mount_on(self.host, writable=False)
        return datastore

    def _exported(self, kind: str, remote: tuple[str, str], name: str) -> Datastore:
        """The datastore of an export: the one that other hosts have, or a new one."""
        for datastore in self.host.datacenter.datastore:
            if datastore.remote == remote:
                if datastore.name != name or self.host in datastore.hosts:
                    raise Fault(
                        'AlreadyExists',
                        f"The specified key, name, or identifier '{datastore.name}' already "
                        'exists.',
                        name=datastore.name,
                    )
                found: Datastore = datastore
                return found
        plain = self.world.new_uuid().replace('-', '')
        return self._new(
            name, kind=kind, uuid=f'{plain[:8]}-{plain[8:16]}', capacity=_EXPORT, remote=remote
        )

    def _new(self, name: str, **state: Any) -> Datastore:
        folder = self.host.datacenter.datastoreFolder
        for other in self.host.datacenter.datastore:
            if other.name == name:
                raise Fault(
                    'DuplicateName',
                    f"The name '{name}' already exists.",
                    name=name,
                    object=other.ref,
                )
        return Datastore(self.world, name, folder, **state)

    # Disks

    def QueryAvailableDisksForVmfs(self, call: Call) -> list[DataObject]:
        """Disks for a new datastore, or for more space of one."""
        if call.datastore is not None:
            self._vmfs(call.datastore)
        system = self.host.manager('storageSystem')
        return [system.disk(lun) for lun in system.free_luns]

    def QueryVmfsDatastoreCreateOptions(self, call: Call) -> list[DataObject]:
        version = call.vmfsMajorVersion or _VMFS_VERSIONS[-1]
        _check_version(version)
        lun = self._free(call.devicePath, 'devicePath')
        plain = self.world.new_uuid().replace('-', '')
        spec = types.VmfsDatastoreCreateSpec(
            diskUuid=lun.uuid,
            partition=views.partition_spec(lun, used=True),
            vmfs=types.HostVmfsSpec(
                extent=_extent(lun), majorVersion=version, volumeName=plain, blockSizeMb=1
            ),
        )
        return [_option(lun, spec)]

    def CreateVmfsDatastore(self, call: Call) -> Datastore:
        vmfs = call.spec.vmfs
        _check_version(vmfs.majorVersion)
        lun = self._free(vmfs.extent.diskName, 'spec.vmfs.extent.diskName')
        name = _name(vmfs.volumeName, 'spec.vmfs.volumeName')
        plain = self.world.new_uuid().replace('-', '')
        datastore = self._new(
            name,
            kind='VMFS',
            uuid=f'{plain[:8]}-{plain[8:16]}-{plain[16:20]}-{plain[20:]}',
            capacity=lun.capacity,
            extents=(lun,),
        )
        datastore.hosts = [self.host]
        self._rescan_all()
        return datastore

    def QueryVmfsDatastoreExtendOptions(self, call: Call) -> list[DataObject]:
        self._vmfs(call.datastore)
        lun = self._free(call.devicePath, 'devicePath')
        spec = types.VmfsDatastoreExtendSpec(
            diskUuid=lun.uuid,
            partition=views.partition_spec(lun, used=True),
            extent=[_extent(lun)],
        )
        return [_option(lun, spec)]

    def ExtendVmfsDatastore(self, call: Call) -> Datastore:
        datastore = self._vmfs(call.datastore)
        luns = [self._free(one.diskName, 'spec.extent') for one in call.spec.extent]
        datastore.update(
            extents=(*datastore.luns, *luns),
            capacity=datastore.capacity + sum(lun.capacity for lun in luns),
        )
        return datastore

    def QueryVmfsDatastoreExpandOptions(self, call: Call) -> list[DataObject]:
        """What there is to gain from disks that have grown."""
        datastore = self._vmfs(call.datastore)
        return [
            _option(
                lun,
                types.VmfsDatastoreExpandSpec(
                    diskUuid=lun.uuid,
                    partition=views.partition_spec(lun, used=True),
                    extent=_extent(lun),
                ),
            )
            for lun in self._grown(datastore)
        ]

    def ExpandVmfsDatastore(self, call: Call) -> Datastore:
        datastore = self._vmfs(call.datastore)
        wanted = call.spec.extent.diskName
        lun = next((lun for lun in self._grown(datastore) if lun.name == wanted), None)
        if lun is None:
            raise invalid_argument('spec.extent')
        extents = tuple(lun if one.name == lun.name else one for one in datastore.extents)
        datastore.update(extents=extents, capacity=sum(one.capacity for one in extents))
        return datastore

    def _grown(self, datastore: Datastore) -> list[Lun]:
        before = {lun.name: lun.capacity for lun in datastore.extents}
        seen = self.host.manager('storageSystem').luns
        return [lun for lun in seen if lun.capacity > before.get(lun.name, lun.capacity)]

    def _free(self, device: str, argument: str) -> Lun:
        system = self.host.manager('storageSystem')
        lun: Lun | None = system.lun(device)
        if lun is None or lun not in system.free_luns:
            raise invalid_argument(argument)
        return lun

    def _vmfs(self, ref: Ref) -> Datastore:
        found = self._mounted(ref)
        if found.kind != 'VMFS':
            raise invalid_argument('datastore')
        return found

    def _mounted(self, ref: Ref) -> Datastore:
        for datastore in self.host.datastore:
            if datastore.ref == ref:
                found: Datastore = datastore
                return found
        self.world.get(ref)
        raise not_found('datastore on this host')

    def _rescan_all(self) -> None:
        """Have all hosts look for a new datastore, as vCenter does by itself."""
        # Who has no storage system yet has found no disks, either.
        for system in self.world.of_type(HostStorageSystem):
            if system.host.datacenter is self.host.datacenter:
                system.mount_found()

    # End of life

    def RemoveDatastore(self, call: Call) -> None:
        self._remove(self._mounted(call.datastore))

    def RemoveDatastoreEx_Task(self, call: Call) -> Ref:
        def work() -> None:
            try:
                for ref in call.datastore:
                    self._remove(self._mounted(ref))
            except Fault as fault:
                # All that it declares, where RemoveDatastore tells more.
                raise Fault('HostConfigFault', fault.message) from None

        return self.world.task_manager.start(
            self, 'RemoveDatastoreEx_Task', work, shown_on=self.host
        )

    def _remove(self, datastore: Datastore) -> None:
        if datastore.kind == 'vsan':
            raise Fault('NotSupported', 'A vSAN datastore cannot be removed from a host.')
        # An export is there without us; what is on our disks is gone for all hosts.
        leaves = datastore.kind in _NAS_TYPES
        if any(not leaves or machine.host is self.host for machine in datastore.vm):
            raise in_use('Datastore', datastore.name)
        if leaves:
            datastore.hosts = [host for host in datastore.hosts if host is not self.host]
        if not leaves or not datastore.hosts:
            datastore.destroy()

    def QueryUnresolvedVmfsVolumes(self, call: Call) -> list[DataObject]:
        return []


def _name(name: str, argument: str) -> str:
    try:
        return wire_name(name)
    except Fault:
        # What the operations declare for a wrong name is nothing of its own.
        raise invalid_argument(argument) from None


def _check_version(version: int) -> None:
    if version not in _VMFS_VERSIONS:
        raise Fault('NotSupported', f'VMFS {version} is not supported.')


def _extent(lun: Lun) -> DataObject:
    return types.HostScsiDiskPartition(diskName=lun.name, partition=1)


def _option(lun: Lun, spec: DataObject) -> DataObject:
    """The one way to use a disk: all of it."""
    return types.VmfsDatastoreOption(
        info=types.VmfsDatastoreAllExtentOption(
            layout=views.layout(lun, used=True),
            partitionFormatChange=False,
            vmfsExtent=views.partition_range(lun),
        ),
        spec=spec,
    )
