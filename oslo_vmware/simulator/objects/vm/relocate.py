"""Relocation: a machine goes to another host, resource pool or datastore, with all its files.

Disks are copied as for a full clone, a child with the data of its parents, and keep their
identifiers; the files at the old place are removed when all is at the new one. So a relocation
that fails leaves the machine where it was. A machine with snapshots stays on its datastore: what
a real server does with their chains of files is not simulated, and refused.
"""

from __future__ import annotations

import copy
import posixpath
from typing import Any

from oslo_vmware.simulator.objects import places
from oslo_vmware.simulator.objects.vm import backings, clone, policies, raw_disks
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.storage.files import normal
from oslo_vmware.simulator.storage.owners import File
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument


def relocate(vm: Machine, spec: DataObject) -> None:
    """Move a machine as RelocateVM_Task does.

    :param spec: a VirtualMachineRelocateSpec
    """
    world = vm.world
    pool: Any = vm.resourcePool
    if spec.pool is not None:
        pool = vm.find(spec.pool, 'ResourcePool', 'spec.pool')
    owner = pool.owner if pool is not None else vm.owner
    home: Any = vm.find(spec.datastore, 'Datastore', 'spec.datastore') if spec.datastore else None
    host: Any = vm.find(spec.host, 'HostSystem', 'spec.host') if spec.host else None
    home = home or vm.home
    if host is None and vm.host.parent is owner and vm.host.usable and home in vm.host.datastore:
        host = vm.host
    host = places.choose_host(owner, home, host)
    profiles = {disk.key: spec.profile for disk in vm.disks} if spec.profile else {}
    # An unknown policy is refused before anything has moved.
    policies.assigned(vm, spec.profile, profiles, vm.devices)
    moves = home is not vm.home or bool(spec.disk)
    if moves and vm.snapshots:
        raise Fault('NotSupported', f"'{vm.name}' has snapshots and stays on its datastore.")
    raw_disks.check_seen(vm, host)
    before = vm.host, vm.home, vm.directory, vm.file_name
    vm.host = host
    if moves:
        try:
            _move_files(vm, spec, home)
        except Fault:
            vm.host, vm.home, vm.directory, vm.file_name = before
            raise
    vm.resourcePool = pool
    if spec.folder is not None:
        vm.parent = vm.find(spec.folder, 'Folder', 'spec.folder')
    if spec.profile:
        # Which one is the default depends on where the machine is now.
        assigned = policies.assigned(vm, spec.profile, profiles, vm.devices)
        vm.applied_policies = policies.applied(vm, spec.profile, profiles, assigned)
        vm.home_policy, vm.disk_policies = assigned
    vm.update(changes=vm.changes + 1)
    world.files.follow(vm)


def _move_files(vm: Machine, spec: DataObject, home: Any) -> None:
    world = vm.world
    locators = {one.diskId: one for one in spec.disk or ()}
    if locators.keys() - {disk.key for disk in vm.disks}:
        raise invalid_argument('spec.disk.diskId')
    # Before anything moves: the devices of a machine of the inventory follow from where it is.
    devices, old = vm.devices, backings.files(vm)
    moving = [one for one in devices if home is not vm.home or one.key in locators]
    raw_disks.check_copyable(moving)
    for one in moving:
        if one.vDiskId is not None and world.first_class_disks.get(one.vDiskId.id).snapshots:
            raise Fault('InvalidState', f"The disk '{one.vDiskId.id}' has snapshots.")
    for file in old:
        # Files that nobody has asked for are made now, lest there were nothing to copy.
        world.files.of(file.datastore)
    moved = home is not vm.home
    if moved:
        vm.directory, vm.file_name = places.free_directory(home, vm.name), None
        vm.update(home=home)
    names = {file.name for file in old}
    made: list[DataObject] = []
    found: list[DataObject] = []
    try:
        for device in devices:
            new = copy.copy(device)
            if device.wire_type == 'VirtualDisk' and (moved or device.key in locators):
                new = clone.placed_disk(
                    vm, vm, device, spec, locators.get(device.key), names, linked=False
                )
                made.append(new)
                # It is another file, but the same disk.
                new.backing.uuid = device.backing.uuid
            found.append(new)
    except Fault:
        for disk in made:
            _remove_disk(vm, disk)
        raise
    vm.own_devices = found
    vm.settle()
    kept = {file.name for file in backings.files(vm)}
    for disk in made:
        if disk.vDiskId is not None:
            place, path = backings.disk_datastore(vm, disk), _path(disk.backing.fileName)
            world.first_class_disks.moved(disk.vDiskId.id, place, path)
    for file in old:
        if file.name not in kept:
            _remove_file(vm, file)


def _remove_disk(vm: Machine, disk: DataObject) -> None:
    path = _path(disk.backing.fileName)
    vm.world.files.remove_disk(backings.disk_datastore(vm, disk), path)


def _remove_file(vm: Machine, file: File) -> None:
    """Remove a file that the machine has left behind, and its directory when that is empty."""
    volume = vm.world.files.of(file.datastore)
    path = _path(file.name)
    if volume.is_file(path):
        volume.remove(path)
    parent = posixpath.dirname(path)
    if parent and volume.is_directory(parent) and not volume.names(parent):
        volume.remove(parent)


def _path(name: str) -> str:
    """The path of a file below its datastore."""
    return normal(name.partition(']')[2])
