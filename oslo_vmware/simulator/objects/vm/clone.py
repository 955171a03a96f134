"""Clones: a new machine like another one, or like one of its snapshots.

A disk of the clone is a copy with all its data, or, where the specification asks for
``createNewChildDiskBacking``, a child of the original's: a linked clone.
"""

from __future__ import annotations

import copy
from typing import Any

from oslo_vmware.simulator.objects import places
from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.entity import ManagedEntity, wire_name
from oslo_vmware.simulator.objects.vm import (
    backings,
    cards,
    customization,
    devices,
    policies,
    raw_disks,
)
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.storage.files import normal
from oslo_vmware.simulator.storage.sparse import copy_sparsely
from oslo_vmware.simulator.storage.virtual_disks import extent_of
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, merged, types

_LINKED = 'createNewChildDiskBacking'
_MOVES = frozenset(
    {
        _LINKED,
        'moveAllDiskBackingsAndAllowSharing',
        'moveAllDiskBackingsAndConsolidate',
        'moveAllDiskBackingsAndDisallowSharing',
        'moveChildMostDiskBacking',
    }
)


def clone(source: Machine, folder: ManagedEntity, name: str, spec: DataObject) -> Machine:
    """Make a clone as CloneVM_Task does.

    :param spec: a VirtualMachineCloneSpec
    """
    world, location = source.world, spec.location or types.VirtualMachineRelocateSpec()
    name = wire_name(name)
    folder.check_free(name, folder.children)
    original: list[DataObject] = source.devices
    if spec.snapshot is not None:
        snapshot: Any = world.get(spec.snapshot)
        if getattr(snapshot, 'machine', None) is not source:
            raise invalid_argument('spec.snapshot')
        original = snapshot.devices
    raw_disks.check_copyable(original)
    pool = _pool(source, location, template=bool(spec.template))
    owner = pool.owner if pool is not None else source.owner
    home: Any = world.get(location.datastore) if location.datastore else source.home
    wanted = (
        source.find(location.host, 'HostSystem', 'spec.location.host') if location.host else None
    )
    host = places.choose_host(owner, home, wanted)
    made = type(source)(
        world,
        name,
        uuid=world.new_uuid(),
        instance_uuid=world.new_uuid(),
        home=home,
        directory=places.free_directory(home, name),
        created=world.now(),
        guest_id=source.guest_id,
        num_cpu=source.num_cpu,
        cores_per_socket=source.cores_per_socket,
        memory_mb=source.memory_mb,
        annotation=source.annotation,
        hardware_version=source.hardware_version,
        tools=source.tools,
        extra=dict(source.extra),
        options=dict(source.options),
        own_devices=devices.with_slots(devices.base_devices()),
    )
    made.host = host
    made.parent = folder
    made.resourcePool = pool
    try:
        _furnish(source, made, original, location)
        if spec.config is not None:
            made.configure(spec.config)
        if spec.customization is not None:
            customization.request(made, spec.customization)
    except Fault:
        made.destroy()
        raise
    if spec.template:
        made.resourcePool = None
        made.update(template=True)
    elif spec.powerOn:
        made.become('poweredOn')
    return made


def instant(source: Machine, spec: DataObject) -> Machine:
    """Make a running machine of a running one, in the state that it is in.

    :param spec: a VirtualMachineInstantCloneSpec
    """
    if not source.running:
        raise Fault(
            'InvalidPowerState',
            f"'{source.name}' does not run.",
            requestedState='poweredOn',
            existingState=source.power_state,
        )
    location: DataObject = spec.location or types.VirtualMachineRelocateSpec()
    folder: Any = source.parent
    if location.folder is not None:
        folder = source.find(location.folder, 'Folder', 'spec.location.folder')
    return clone(
        source,
        folder,
        spec.name,
        types.VirtualMachineCloneSpec(
            location=merged(location, types.VirtualMachineRelocateSpec(diskMoveType=_LINKED)),
            powerOn=True,
            template=False,
            config=types.VirtualMachineConfigSpec(uuid=spec.biosUuid, extraConfig=spec.config),
        ),
    )


def _pool(source: Machine, location: DataObject, *, template: bool) -> Any:
    if location.pool is not None:
        return source.find(location.pool, 'ResourcePool', 'spec.location.pool')
    if source.resourcePool is None and not template:
        # A template has none, and a machine needs one.
        raise invalid_argument('spec.location.pool')
    return source.resourcePool


def _furnish(
    source: Machine, made: Machine, original: list[DataObject], location: DataObject
) -> None:
    """Give the clone its devices, and their policies."""
    locators = {one.diskId: one for one in location.disk or ()}
    found: list[DataObject] = []
    names: set[str] = set()
    for device in original:
        new = copy.copy(device)
        if device.wire_type == 'VirtualDisk':
            new = placed_disk(source, made, device, location, locators.get(device.key), names)
            # A first class disk stays what it is; the clone has a disk like it.
            new.vDiskId = None
        elif devices.is_network_card(device) and device.addressType in ('assigned', 'generated'):
            new.macAddress = cards.mac_address(made, device.key - 4000)
        found.append(new)
    made.own_devices = found
    if location.deviceChange:
        complete = backings.Backings(made).complete
        made.own_devices = devices.apply_changes(found, location.deviceChange, complete)
    if location.profile:
        profiles = {disk.key: location.profile for disk in made.disks}
        assigned = policies.assigned(made, location.profile, profiles, found)
        made.applied_policies = policies.applied(made, location.profile, profiles, assigned)
        made.home_policy, made.disk_policies = assigned
    made.settle()


def placed_disk(
    source: Machine,
    made: Machine,
    disk: DataObject,
    location: DataObject,
    locator: DataObject | None,
    names: set[str],
    *,
    linked: bool = True,
) -> DataObject:
    """A disk of one machine as another one gets it: a child of it, or a copy of its data.

    :param location: a VirtualMachineRelocateSpec
    :param locator: what that says of this very disk
    :param names: of files that are taken; the new one is added
    :param linked: whether it may be a child
    """
    world = source.world
    move = (locator.diskMoveType if locator else None) or location.diskMoveType
    if move is not None and (move not in _MOVES or (move == _LINKED and not linked)):
        raise invalid_argument('spec.location.diskMoveType')
    place: Any = made.home
    if locator is not None:
        place = world.get(locator.datastore)
    if place not in made.host.datastore:
        raise Fault(
            'InvalidDatastore',
            f"The datastore '{place.name}' is not accessible on the host.",
            datastore=place.ref,
            name=place.name,
        )
    name = _free_name(made, place, names)
    if move == _LINKED:
        return backings.child_of(disk, name, place, made.new_disk_uuid())
    new, backing = copy.copy(disk), copy.copy(disk.backing)
    wanted = locator.diskBackingInfo if locator is not None else None
    # How the specification's transform spells it, for all disks.
    thin = {'sparse': True, 'flat': False}.get(location.transform, backing.thinProvisioned)
    if wanted is not None:
        # What says nothing of thin is thick, as in a new disk.
        thin, backing.eagerlyScrub = bool(wanted.thinProvisioned), wanted.eagerlyScrub
    backing.parent, backing.thinProvisioned = None, thin
    backing.fileName, backing.datastore, backing.uuid = name, place.ref, made.new_disk_uuid()
    new.backing = backing
    _copy_data(source, disk, place, name, new)
    return new


def _free_name(made: Machine, place: Datastore, names: set[str]) -> str:
    stem = f'[{place.name}] {made.stem.partition("] ")[2]}'
    name, number = f'{stem}.vmdk', 0
    while name in names:
        number += 1
        name = f'{stem}_{number}.vmdk'
    names.add(name)
    return name


def _copy_data(
    source: Machine, disk: DataObject, place: Datastore, name: str, new: DataObject
) -> None:
    files = source.world.files
    data, at = files.of(backings.disk_datastore(source, disk)).data_of(
        normal(disk.backing.fileName.partition(']')[2])
    )
    target, path = files.of(place), normal(extent_of(name).partition(']')[2])
    capacity = devices.disk_bytes(new)
    occupied = min(data.occupied(at) or 0, capacity) if new.backing.thinProvisioned else capacity
    target.check_space(path, occupied)
    target.make_parents(path)
    copy_sparsely(data.real(at), target.real(path))
    target.record(path, occupied)
