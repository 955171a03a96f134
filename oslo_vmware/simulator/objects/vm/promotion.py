"""Linked clones that stand on their own feet."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from oslo_vmware.simulator.objects.vm import backings, clone
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.storage.files import normal
from oslo_vmware.simulator.world.data import DataObject, Fault, types


def promote(vm: Machine, wanted: Iterable[DataObject], *, unlink: bool) -> None:
    """Take what a machine's disks have of their parents into files of its own.

    :param wanted: the disks; none for all
    :param unlink: whether they have no parents any more; else their parents are copied at most,
        which nobody can see
    """
    if vm.snapshots and unlink:
        raise Fault('InvalidState', f"'{vm.name}' has snapshots, which need its disks as they are.")
    if not unlink:
        return
    keys = {disk.key for disk in wanted}
    children = {
        disk.key: disk
        for disk in vm.disks
        if disk.backing.parent is not None and (not keys or disk.key in keys)
    }
    names = {file.name for file in vm.files()}
    everything = types.VirtualMachineRelocateSpec()
    found = []
    for device in vm.devices:
        made = device
        if device.key in children:
            made = clone.placed_disk(vm, vm, device, everything, None, names, linked=False)
            made.backing = copy.copy(made.backing)
            made.backing.uuid = device.backing.uuid
        found.append(made)
    vm.own_devices = found
    vm.update(changes=vm.changes + 1)
    vm.settle()
    for child in children.values():
        path = normal(child.backing.fileName.partition(']')[2])
        vm.world.files.remove_disk(backings.disk_datastore(vm, child), path)
