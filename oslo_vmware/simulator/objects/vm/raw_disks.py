"""Disks of a machine that are disks of its host: raw device mappings.

On the datastore there is a file that stands for the disk; it takes no space, and its data is not
simulated.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.vm.devices import invalid
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.storage.virtual_disks import RAW_BACKING
from oslo_vmware.simulator.world.data import DataObject, Fault

KIB = 1024

# How much of a disk the guest sees: it as it is, or a virtual one.
_MODES = ('physicalMode', 'virtualMode')


def is_raw(disk: DataObject) -> bool:
    """Whether a disk is one of the host's."""
    raw: bool = disk.backing.wire_type == RAW_BACKING
    return raw


def map_disk(vm: Machine, disk: DataObject, datastore: Datastore, index: int) -> None:
    """Make a disk of the host's a disk of the machine: it is as large.

    :param index: of the change that asks for it
    :raises Fault: InvalidDeviceBacking where the host sees no such disk
    """
    backing = disk.backing
    lun = vm.host.manager('storageSystem').lun(backing.deviceName or '')
    if lun is None:
        raise Fault(
            'InvalidDeviceBacking',
            f"Invalid disk for device '{index}': the host of the machine does not see it.",
            property='virtualDeviceSpec.device.backing',
            deviceIndex=index,
        )
    if backing.compatibilityMode not in _MODES:
        raise invalid(index, 'virtualDeviceSpec.device.backing.compatibilityMode')
    if datastore.kind != 'VMFS':
        raise Fault(
            'RDMNotSupportedOnDatastore',
            f"The datastore '{datastore.name}' does not support raw device mappings.",
            device=disk.deviceInfo.label,
            datastore=datastore.ref,
            datastoreName=datastore.name,
        )
    backing.lunUuid, backing.deviceName = lun.uuid, f'vml.{lun.uuid}'
    disk.capacityInKB, disk.capacityInBytes = lun.capacity // KIB, lun.capacity


def check_copyable(devices: Iterable[DataObject]) -> None:
    """Refuse to copy devices among which there is a disk whose data is not here.

    :raises Fault: RDMConversionNotSupported
    """
    for device in devices:
        if device.wire_type == 'VirtualDisk' and is_raw(device):
            label = device.deviceInfo.label
            raise Fault(
                'RDMConversionNotSupported',
                f"The disk '{label}' is one of the host's, which cannot be copied.",
                device=label,
            )


def check_seen(vm: Machine, host: Any) -> None:
    """Refuse to move a machine to a host that does not see the disks of the old one.

    :raises Fault: CannotAccessVmDisk
    """
    for disk in vm.disks if vm.raw_backings else ():
        if is_raw(disk) and host.manager('storageSystem').lun(disk.backing.lunUuid) is None:
            label = disk.deviceInfo.label
            lost = Fault('InvalidDeviceBacking', 'The host does not see the disk.')
            lost.detail.property, lost.detail.deviceIndex = 'spec.host', 0
            raise Fault(
                'CannotAccessVmDisk',
                f"The disk '{label}' cannot be accessed on the host '{host.name}'.",
                device=label,
                connected=True,
                backing=disk.backing.fileName,
                fault=lost.localized(),
            )
