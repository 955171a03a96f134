"""How a host's storage looks: adapters, disks, the paths to them."""

from __future__ import annotations

from typing import Any, NamedTuple

from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.storage.targets import Lun
from oslo_vmware.simulator.world.data import DataObject, types

FIBRE_CHANNEL = 'vmhba64'
ISCSI = 'vmhba65'

KEYS = {
    FIBRE_CHANNEL: f'key-vim.host.FibreChannelHba-{FIBRE_CHANNEL}',
    ISCSI: f'key-vim.host.InternetScsiHba-{ISCSI}',
}
_SECTOR = 512
_MBPS = 25000

# Where a partition begins, and how much is left at the end for the copy of the table.
_FIRST_SECTOR = 2048
_LAST_SECTORS = 34
_VMFS_GUID = 'AA31E02A400F11DB9590000C2911D1B8'


class Path(NamedTuple):
    """One way to a disk.

    :ivar adapter: device of the host
    :ivar target: counts the targets of the adapter
    :ivar number: of the disk there
    """

    adapter: str
    target: int
    number: int
    lun: Lun
    transport: DataObject

    @property
    def name(self) -> str:
        return f'{self.adapter}:C0:T{self.target}:L{self.number}'


class Marks(NamedTuple):
    """What a client has made of a disk on one host."""

    attached: bool = True
    ssd: bool = True
    local: bool = False
    display_name: str | None = None
    policy: str = 'VMW_PSP_RR'


def fibre_channel_adapter(host: Host) -> DataObject:
    wwn = 0x2100_00E0_8B00_0000 + 2 * host.number
    return types.HostFibreChannelHba(
        key=KEYS[FIBRE_CHANNEL],
        device=FIBRE_CHANNEL,
        bus=65,
        status='online',
        model='QLE2742 Dual Port 32Gb Fibre Channel to PCIe Adapter',
        driver='qlnativefc',
        pci='0000:41:00.0',
        portWorldWideName=wwn,
        nodeWorldWideName=wwn + 1,
        portType='fabric',
        speed=32,
    )


def iscsi_adapter(host: Host) -> DataObject:
    """The adapter as it is before somebody changes it."""

    def flags(names: str, value: bool = False) -> dict[str, Any]:
        return dict.fromkeys(names.split(), value)

    return types.HostInternetScsiHba(
        key=KEYS[ISCSI],
        device=ISCSI,
        bus=66,
        status='online',
        model='iSCSI Software Adapter',
        driver='iscsi_vmk',
        isSoftwareBased=True,
        canBeDisabled=True,
        networkBindingSupport='optional',
        discoveryCapabilities=types.HostInternetScsiHbaDiscoveryCapabilities(
            **flags('iSnsDiscoverySettable slpDiscoverySettable'),
            **flags('staticTargetDiscoverySettable sendTargetsDiscoverySettable', True),
        ),
        discoveryProperties=types.HostInternetScsiHbaDiscoveryProperties(
            **flags('iSnsDiscoveryEnabled slpDiscoveryEnabled'),
            **flags('staticTargetDiscoveryEnabled sendTargetsDiscoveryEnabled', True),
        ),
        authenticationCapabilities=types.HostInternetScsiHbaAuthenticationCapabilities(
            **flags('krb5AuthSettable srpAuthSettable spkmAuthSettable'), chapAuthSettable=True
        ),
        authenticationProperties=types.HostInternetScsiHbaAuthenticationProperties(
            chapAuthEnabled=False
        ),
        ipCapabilities=types.HostInternetScsiHbaIPCapabilities(
            **flags(
                'addressSettable ipConfigurationMethodSettable subnetMaskSettable '
                'defaultGatewaySettable primaryDnsServerAddressSettable '
                'alternateDnsServerAddressSettable'
            )
        ),
        ipProperties=types.HostInternetScsiHbaIPProperties(dhcpConfigurationEnabled=False),
        iScsiName=f'iqn.1998-01.com.vmware:{host.name.partition(".")[0]}-{host.uuid[:8]}',
        maxSpeedMb=_MBPS,
        currentSpeedMb=_MBPS,
    )


def fibre_channel_transport() -> DataObject:
    wwn = 0x2000_00A0_9800_0000
    return types.HostFibreChannelTargetTransport(portWorldWideName=wwn, nodeWorldWideName=wwn + 1)


def iscsi_transport(iqn: str, portal: str) -> DataObject:
    return types.HostInternetScsiTargetTransport(iScsiName=iqn, iScsiAlias='', address=[portal])


def disk_key(lun: Lun) -> str:
    return f'key-vim.host.ScsiDisk-{lun.uuid}'


def disk(path: Path, marks: Marks) -> DataObject:
    """A disk as a host shows it.

    :param path: one of the paths to it
    """
    lun = path.lun
    over = 'Fibre Channel' if path.adapter == FIBRE_CHANNEL else 'iSCSI'
    return types.HostScsiDisk(
        deviceName=lun.path,
        deviceType='disk',
        key=disk_key(lun),
        uuid=lun.uuid,
        canonicalName=lun.name,
        displayName=marks.display_name or f'NETAPP {over} Disk ({lun.name})',
        lunType='disk',
        vendor='NETAPP',
        model='LUN C-Mode',
        operationalState=['ok' if marks.attached else 'off'],
        descriptor=[
            types.ScsiLunDescriptor(quality='highQuality', id=lun.name),
            types.ScsiLunDescriptor(quality='mediumQuality', id=f'vml.{lun.uuid}'),
        ],
        capacity=blocks(lun.capacity // _SECTOR),
        devicePath=lun.path,
        ssd=marks.ssd,
        localDisk=marks.local,
    )


def topology(paths: list[Path]) -> DataObject:
    """What is behind which adapter."""
    adapters = []
    for device, key in KEYS.items():
        targets: dict[int, DataObject] = {}
        for path in paths:
            if path.adapter != device:
                continue
            target = targets.setdefault(
                path.target,
                types.HostScsiTopologyTarget(
                    key=f'key-vim.host.ScsiTopology.Target-{device}:0:{path.target}',
                    target=path.target,
                    lun=[],
                    transport=path.transport,
                ),
            )
            target.lun.append(
                types.HostScsiTopologyLun(
                    key=f'key-vim.host.ScsiTopology.Lun-{path.lun.uuid}',
                    lun=path.number,
                    scsiLun=disk_key(path.lun),
                )
            )
        adapters.append(
            types.HostScsiTopologyInterface(
                key=f'key-vim.host.ScsiTopology.Interface-{device}',
                adapter=key,
                target=list(targets.values()),
            )
        )
    return types.HostScsiTopology(adapter=adapters)


def multipath(disks: dict[Lun, list[Path]], marks: dict[str, Marks]) -> DataObject:
    """How disks are reached."""
    units = []
    for lun, paths in disks.items():
        key = f'key-vim.host.MultipathInfo.LogicalUnit-{lun.uuid}'
        mark = marks.get(lun.uuid, Marks())
        units.append(
            types.HostMultipathInfoLogicalUnit(
                key=key,
                id=lun.uuid,
                lun=disk_key(lun),
                path=[
                    types.HostMultipathInfoPath(
                        key=f'key-vim.host.MultipathInfo.Path-{path.name}',
                        name=path.name,
                        pathState='active',
                        state='active',
                        isWorkingPath=True,
                        adapter=KEYS[path.adapter],
                        lun=key,
                        transport=path.transport,
                    )
                    for path in paths
                ],
                policy=types.HostMultipathInfoLogicalUnitPolicy(policy=mark.policy),
                storageArrayTypePolicy=types.HostMultipathInfoLogicalUnitStorageArrayTypePolicy(
                    policy='VMW_SATP_ALUA'
                ),
            )
        )
    return types.HostMultipathInfo(lun=units)


# Partitions


def blocks(number: int) -> DataObject:
    return types.HostDiskDimensionsLba(blockSize=_SECTOR, block=number)


def partition_range(lun: Lun) -> DataObject:
    """The one partition that VMFS takes all of a disk for."""
    last = lun.capacity // _SECTOR - _LAST_SECTORS
    return types.HostDiskPartitionBlockRange(
        partition=1, type='vmfs', start=blocks(_FIRST_SECTOR), end=blocks(last)
    )


def layout(lun: Lun, *, used: bool) -> DataObject:
    """How a disk is divided.

    :param used: whether there is VMFS on it
    """
    return types.HostDiskPartitionLayout(
        total=blocks(lun.capacity // _SECTOR), partition=[partition_range(lun)] if used else []
    )


def partition_spec(lun: Lun, *, used: bool) -> DataObject:
    attributes = types.HostDiskPartitionAttributes(
        partition=1,
        startSector=_FIRST_SECTOR,
        endSector=lun.capacity // _SECTOR - _LAST_SECTORS,
        type='vmfs',
        guid=_VMFS_GUID,
        logical=False,
        attributes=0,
    )
    return types.HostDiskPartitionSpec(
        partitionFormat='gpt',
        totalSectors=lun.capacity // _SECTOR,
        partition=[attributes] if used else [],
    )
