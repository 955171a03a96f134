"""The storage of a host: its adapters, where they look for targets, and the disks they found.

What an adapter finds is what :class:`~oslo_vmware.simulator.storage.targets.Targets` has at the
addresses that it was told, at the time of the last rescan. The datastores that hosts of the
inventory start with lie on disks behind the other adapter, which nobody changes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from oslo_vmware.simulator.objects.host import storage_views as views
from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.objects.host.manager import HostManager, in_use, not_found
from oslo_vmware.simulator.objects.host.storage_views import FIBRE_CHANNEL, ISCSI, Marks, Path
from oslo_vmware.simulator.storage.targets import ISCSI_PORT, Lun, Target
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, merged, types
from oslo_vmware.simulator.world.registry import Call, managed

_VOLUME_TYPES = ['VMFS', 'NFS', 'NFS41', 'vsan', 'VVOL', 'VFFS', 'OTHER', 'PMEM']
_POLICIES = {
    'VMW_PSP_RR': 'Round Robin',
    'VMW_PSP_MRU': 'Most Recently Used',
    'VMW_PSP_FIXED': 'Fixed',
}


@managed('HostStorageSystem')
class HostStorageSystem(HostManager):
    """Finds disks, and tells what there is."""

    moid_prefix = 'storageSystem'
    shown_in = ('storageDevice', 'multipathState', 'fileSystemVolume')

    systemFile: list[str] = []

    _iscsi_enabled = True
    # What clients have changed of the iSCSI adapter.
    _changes: DataObject | None = None

    def __init__(self, host: Host) -> None:
        self._send_targets: list[DataObject] = []
        self._static_targets: list[DataObject] = []
        # What the last rescan found.
        self._found: list[Target] = []
        self._marks: dict[str, Marks] = {}
        super().__init__(host)

    # What there is

    @property
    def storageDeviceInfo(self) -> DataObject:
        paths = self.paths
        disks = _by_disk(paths)
        return types.HostStorageDeviceInfo(
            hostBusAdapter=[views.fibre_channel_adapter(self.host), *self._iscsi_adapters()],
            scsiLun=[views.disk(ways[0], self.marks_of(lun)) for lun, ways in disks.items()],
            scsiTopology=views.topology(paths),
            multipathInfo=views.multipath(disks, self._marks),
            softwareInternetScsiEnabled=self._iscsi_enabled,
        )

    @property
    def multipathStateInfo(self) -> DataObject:
        return types.HostMultipathStateInfo(
            path=[
                types.HostMultipathStateInfoPath(name=path.name, pathState='active')
                for path in self.paths
            ]
        )

    @property
    def fileSystemVolumeInfo(self) -> DataObject:
        return types.HostFileSystemVolumeInfo(
            volumeTypeList=_VOLUME_TYPES,
            mountInfo=[
                types.HostFileSystemMountInfo(
                    mountInfo=datastore.mount_info(self.host),
                    volume=datastore.volume,
                    vStorageSupport='vStorageUnsupported',
                )
                for datastore in self.host.datastore
            ],
        )

    @property
    def paths(self) -> list[Path]:
        """All ways to all disks."""
        transport = views.fibre_channel_transport()
        own = [lun for one in self.host.datastore if not one.extents for lun in one.luns]
        found = [Path(FIBRE_CHANNEL, 0, at, lun, transport) for at, lun in enumerate(own)]
        for number, target in enumerate(self._found):
            transport = views.iscsi_transport(target.iqn, target.portal)
            found += [Path(ISCSI, number, at, lun, transport) for at, lun in target.luns.items()]
        return found

    @property
    def luns(self) -> list[Lun]:
        """All disks that the host can use."""
        return [lun for lun in _by_disk(self.paths) if self.marks_of(lun).attached]

    def lun(self, device: str) -> Lun | None:
        """The disk of one of the many names that disks have."""
        return next((lun for lun in self.luns if lun.is_called(device)), None)

    def marks_of(self, lun: Lun) -> Marks:
        return self._marks.get(lun.uuid, Marks())

    def disk(self, lun: Lun) -> DataObject:
        """HostScsiDisk of a disk that the host sees."""
        return views.disk(_by_disk(self.paths)[lun][0], self.marks_of(lun))

    def used(self) -> set[str]:
        """The names of the disks that a datastore or a machine of the host lies on."""
        names = {lun.name for one in self.host.datastore for lun in one.luns}
        raw = {backing.lunUuid for machine in self.host.vm for backing in machine.raw_backings}
        return names | {lun.name for lun in self.luns if lun.uuid in raw}

    @property
    def free_luns(self) -> list[Lun]:
        """The disks that a datastore, or a machine, could be given."""
        used = self.used()
        return [lun for lun in self.luns if lun.name not in used]

    def _iscsi_adapters(self) -> list[DataObject]:
        if not self._iscsi_enabled:
            return []
        adapter = merged(views.iscsi_adapter(self.host), self._changes)
        adapter.configuredSendTarget = self._send_targets
        adapter.configuredStaticTarget = self._static_targets + [
            types.HostInternetScsiHbaStaticTarget(
                address=target.portal.rpartition(':')[0],
                port=int(target.portal.rpartition(':')[2]),
                iScsiName=target.iqn,
                discoveryMethod='sendTargetMethod',
                parent=target.portal,
            )
            for target in self._found
            if not any(_is_at(target, one) for one in self._static_targets)
        ]
        return [adapter]

    def _told(self) -> None:
        self.changed('storageDeviceInfo', 'multipathStateInfo', 'fileSystemVolumeInfo')

    # Looking again

    def RescanHba(self, call: Call) -> None:
        if call.hbaDevice not in self._devices():
            raise not_found(f"host bus adapter '{call.hbaDevice}'")
        if call.hbaDevice == ISCSI:
            self._rescan()

    def RescanAllHba(self, call: Call) -> None:
        self._rescan()

    def RescanVmfs(self, call: Call) -> None:
        self.mount_found()
        self._told()

    def RefreshStorageSystem(self, call: Call) -> None:
        self._told()

    def _devices(self) -> list[str]:
        return [FIBRE_CHANNEL, *([ISCSI] if self._iscsi_enabled else [])]

    def _rescan(self) -> None:
        targets: Any = self.world.targets
        found: dict[tuple[str, str], Target] = {}
        for place in [*self._send_targets, *self._static_targets] if self._iscsi_enabled else []:
            for target in targets.at(place.address, place.port, place.iScsiName):
                found[target.iqn, target.portal] = target
        present = {lun for target in found.values() for lun in target.luns.values()}
        used = self.used()
        # A disk that is in use stays known when it is lost.
        for target in self._found:
            lost = {
                number: lun
                for number, lun in target.luns.items()
                if lun not in present and lun.name in used
            }
            if lost:
                old = found.get((target.iqn, target.portal), target)
                found[target.iqn, target.portal] = old._replace(luns={**lost, **old.luns})
        self._found = list(found.values())
        names = {lun.name for lun in present}
        for datastore in self.host.datastore:
            if datastore.extents:
                reached = all(lun.name in names for lun in datastore.luns)
                if reached != datastore.mounted_well(self.host):
                    datastore.mount_on(self.host, accessible=reached)
        self._told()

    def mount_found(self) -> None:
        """Mount the datastores that are on disks which the host sees, as a rescan for VMFS does."""
        names = {lun.name for lun in self.luns}
        mounted = self.host.datastore
        for datastore in self.host.datacenter.datastore:
            is_new = datastore.extents and datastore not in mounted
            if is_new and all(lun.name in names for lun in datastore.luns):
                datastore.hosts = [*datastore.hosts, self.host]

    # Where to look

    def AddInternetScsiSendTargets(self, call: Call) -> None:
        self._check_adapter(call.iScsiHbaDevice)
        self._send_targets = _with(self._send_targets, call.targets)
        self._told()

    def RemoveInternetScsiSendTargets(self, call: Call) -> None:
        self._check_adapter(call.iScsiHbaDevice)
        self._send_targets = _without(self._send_targets, call.targets)
        self._told()

    def AddInternetScsiStaticTargets(self, call: Call) -> None:
        self._check_adapter(call.iScsiHbaDevice)
        for target in call.targets:
            target.discoveryMethod = 'staticMethod'
        self._static_targets = _with(self._static_targets, call.targets)
        self._told()

    def RemoveInternetScsiStaticTargets(self, call: Call) -> None:
        self._check_adapter(call.iScsiHbaDevice)
        self._static_targets = _without(self._static_targets, call.targets)
        self._told()

    def _check_adapter(self, device: str) -> None:
        if device != ISCSI or not self._iscsi_enabled:
            raise not_found(f"iSCSI adapter '{device}'")

    # The adapter

    def UpdateSoftwareInternetScsiEnabled(self, call: Call) -> None:
        self._iscsi_enabled = call.enabled
        if not call.enabled:
            self._rescan()
        self._told()

    def UpdateInternetScsiName(self, call: Call) -> None:
        if not call.iScsiName.startswith(('iqn.', 'eui.')):
            raise invalid_argument('iScsiName')
        self._change(call, iScsiName=call.iScsiName)

    def UpdateInternetScsiAlias(self, call: Call) -> None:
        self._change(call, iScsiAlias=call.iScsiAlias)

    def UpdateInternetScsiDiscoveryProperties(self, call: Call) -> None:
        self._change(call, discoveryProperties=call.discoveryProperties)

    def UpdateInternetScsiAuthenticationProperties(self, call: Call) -> None:
        self._change(call, authenticationProperties=_without_secrets(call.authenticationProperties))

    def _change(self, call: Call, **fields: Any) -> None:
        self._check_adapter(call.iScsiHbaDevice)
        change = types.HostInternetScsiHba(**fields)
        self._changes = merged(self._changes, change)
        self._told()

    # Disks

    def DetachScsiLun(self, call: Call) -> None:
        lun = self._by_uuid(call.lunUuid)
        if lun.name in self.used():
            raise in_use('HostScsiDisk', lun.name)
        self._attach(lun, False)

    def AttachScsiLun(self, call: Call) -> None:
        self._attach(self._by_uuid(call.lunUuid), True)

    def _attach(self, lun: Lun, attached: bool) -> None:
        if self.marks_of(lun).attached == attached:
            raise Fault('InvalidState', f"The disk '{lun.name}' is in that state already.")
        self._mark(lun, attached=attached)

    def UpdateScsiLunDisplayName(self, call: Call) -> None:
        self._mark(self._by_uuid(call.lunUuid), display_name=call.displayName)

    def SetMultipathLunPolicy(self, call: Call) -> None:
        if call.policy.policy not in _POLICIES:
            raise invalid_argument('policy')
        self._mark(self._by_uuid(call.lunId), policy=call.policy.policy)

    def QueryPathSelectionPolicyOptions(self, call: Call) -> list[DataObject]:
        return [
            types.HostPathSelectionPolicyOption(
                policy=types.ElementDescription(
                    key=key, label=f'{label} (VMware)', summary=f'{label} (VMware)'
                )
            )
            for key, label in _POLICIES.items()
        ]

    def MarkAsSsd_Task(self, call: Call) -> Ref:
        return self._mark_task(call, ssd=True)

    def MarkAsNonSsd_Task(self, call: Call) -> Ref:
        return self._mark_task(call, ssd=False)

    def MarkAsLocal_Task(self, call: Call) -> Ref:
        return self._mark_task(call, local=True)

    def MarkAsNonLocal_Task(self, call: Call) -> Ref:
        return self._mark_task(call, local=False)

    def _mark_task(self, call: Call, **marks: Any) -> Ref:
        lun = self._by_uuid(call.scsiDiskUuid)
        return self.world.task_manager.start(
            self, call.operation, lambda: self._mark(lun, **marks), shown_on=self.host
        )

    def _mark(self, lun: Lun, **marks: Any) -> None:
        self._marks[lun.uuid] = self.marks_of(lun)._replace(**marks)
        self._told()

    def _by_uuid(self, uuid: str) -> Lun:
        found = next((lun for lun in _by_disk(self.paths) if lun.uuid == uuid), None)
        if found is None:
            raise not_found(f"disk '{uuid}'")
        return found

    def RetrieveDiskPartitionInfo(self, call: Call) -> list[DataObject]:
        found = []
        for path in call.devicePath:
            lun = self.lun(path)
            if lun is None:
                raise invalid_argument('devicePath')
            used = any(lun in one.luns for one in self.host.datastore)
            found.append(
                types.HostDiskPartitionInfo(
                    deviceName=lun.path,
                    spec=views.partition_spec(lun, used=used),
                    layout=views.layout(lun, used=used),
                )
            )
        return found

    # File systems

    def MountVmfsVolume(self, call: Call) -> None:
        datastore = self._volume(call.vmfsUuid)
        if datastore.mounted_well(self.host):
            raise Fault('InvalidState', f"The volume '{call.vmfsUuid}' is mounted already.")
        datastore.mount_on(self.host)
        self._told()

    def UnmountVmfsVolume(self, call: Call) -> None:
        datastore = self._volume(call.vmfsUuid)
        if any(machine.host is self.host for machine in datastore.vm):
            raise in_use('Datastore', datastore.name)
        if not datastore.mounted_well(self.host):
            raise Fault('InvalidState', f"The volume '{call.vmfsUuid}' is not mounted.")
        datastore.mount_on(self.host, mounted=False)
        self._told()

    def _volume(self, uuid: str) -> Any:
        for datastore in self.host.datastore:
            if datastore.kind == 'VMFS' and datastore.uuid == uuid:
                return datastore
        raise not_found(f"volume '{uuid}'")


def _by_disk(paths: Iterable[Path]) -> dict[Lun, list[Path]]:
    found: dict[Lun, list[Path]] = {}
    for path in paths:
        found.setdefault(path.lun, []).append(path)
    return found


def _place(target: DataObject) -> tuple[str, int, str | None]:
    return target.address, target.port or ISCSI_PORT, target.iScsiName


def _is_at(target: Target, place: DataObject) -> bool:
    address, port, iqn = _place(place)
    return (target.portal, target.iqn) == (f'{address}:{port}', iqn)


def _with(known: list[DataObject], added: list[DataObject]) -> list[DataObject]:
    """Places where an adapter looks, and more of them; what is added again replaces what was."""
    made = {_place(target): target for target in known}
    for target in added:
        port = target.port or ISCSI_PORT
        one = copy.copy(target)
        one.port = port
        one.authenticationProperties = _without_secrets(target.authenticationProperties)
        made[_place(one)] = one
    return list(made.values())


def _without(known: list[DataObject], gone: list[DataObject]) -> list[DataObject]:
    made = {_place(target): target for target in known}
    for target in gone:
        if made.pop(_place(target), None) is None:
            raise not_found(f"target '{target.address}'")
    return list(made.values())


def _without_secrets(properties: DataObject | None) -> DataObject | None:
    """How an adapter proves who it is, less what nobody is to read again."""
    if properties is None:
        return None
    made = copy.copy(properties)
    made.chapSecret = made.mutualChapSecret = None
    return made
