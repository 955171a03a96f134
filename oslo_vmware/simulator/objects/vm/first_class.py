"""First class disks in a machine: they come and go, and may outlive it."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.vm import devices, snapshots
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.storage.files import normal
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types


def attach(vm: Machine, disk: Any, controller_key: int | None, unit: int | None) -> None:
    """Put a disk into a slot of a machine.

    :param disk: a FirstClassDisk
    :param controller_key: not needed where there is one controller only
    :param unit: the first free one if there is none
    :raises Fault: InvalidState, InvalidController, MissingController, InvalidDatastore and its kin
    """
    disk.check_detached()
    if vm.template:
        raise Fault('NotSupported', f"'{vm.name}' is a template.")
    device = types.VirtualDisk(
        key=-1,
        controllerKey=_controller(vm, controller_key),
        unitNumber=unit,
        backing=types.VirtualDiskFlatVer2BackingInfo(
            fileName=disk.file_path, datastore=disk.place.ref, diskMode='persistent'
        ),
    )
    profile = disk.policy and [types.VirtualMachineDefinedProfileSpec(profileId=disk.policy)]
    _change(vm, 'add', device, profile)


def detach(vm: Machine, disk_id: str) -> None:
    """Take a disk out of a machine; it stays as it is.

    :raises Fault: NotFound, InvalidState where it is needed for a snapshot
    """
    device = next((one for one in vm.disks if one.vDiskId and one.vDiskId.id == disk_id), None)
    if device is None:
        raise Fault('NotFound', f"The disk {disk_id} is not attached to '{vm.name}'.")
    if vm.snapshots:
        raise Fault('InvalidState', f"'{vm.name}' has snapshots and keeps its disks.")
    _change(vm, 'remove', device)


def spare(vm: Machine) -> None:
    """Take those disks out of a machine which are to stay when it is deleted."""
    if vm.snapshots and _kept(vm):
        # What they went on in, since a snapshot, goes with the machine.
        snapshots.remove(vm, list(vm.snapshots))
    for device in _kept(vm):
        _change(vm, 'remove', device)


def _kept(vm: Machine) -> list[DataObject]:
    return [device for device in vm.disks if (disk := _disk_of(vm, device)) and disk.kept]


def _disk_of(vm: Machine, device: DataObject) -> Any:
    """The first class disk that a device is, or is a child of; None if it is none."""
    if device.vDiskId is None:
        return None
    backing = device.backing
    while backing.parent is not None:
        backing = backing.parent
    path = normal(backing.fileName.partition(']')[2])
    return vm.world.first_class_disks.at(vm.world.get(backing.datastore), path)


def _change(
    vm: Machine, operation: str, device: DataObject, profile: list[DataObject] | None = None
) -> None:
    change = types.VirtualDeviceConfigSpec(operation=operation, device=device, profile=profile)
    vm.configure(types.VirtualMachineConfigSpec(deviceChange=[change]))


def _controller(vm: Machine, wanted: int | None) -> int:
    """The key of the controller that a disk is to be connected to."""
    if wanted is not None:
        # Whether there is one of that key, and a slot at it, is seen when the device is added.
        return wanted
    keys = [one.key for one in vm.devices if devices.is_disk_controller(one)]
    if not keys:
        raise Fault(
            'MissingController',
            f"'{vm.name}' has no controller for disks.",
            property='controllerKey',
            deviceIndex=0,
        )
    if len(keys) > 1:
        raise invalid_argument('controllerKey')
    key: int = keys[0]
    return key
