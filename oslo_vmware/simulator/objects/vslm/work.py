"""What is done to first class disks, whichever manager is asked.

A snapshot is a disk with the content of its moment, beside the disk that it is of: whatever is
written to that one afterwards, a snapshot keeps what it has. It takes no space but its
descriptor's, as a snapshot that nothing was written after.
"""

from __future__ import annotations

import posixpath
import re
import urllib.parse
from typing import Any

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.vm import policies
from oslo_vmware.simulator.objects.vslm.catalog import (
    CONTROL_FLAGS,
    MIB,
    Catalog,
    FirstClassDisk,
    Snapshot,
    invalid_state,
)
from oslo_vmware.simulator.storage import disks
from oslo_vmware.simulator.storage.disks import Disk
from oslo_vmware.simulator.storage.files import normal
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types

# Where disks come to lie if nobody says where.
_DIRECTORY = 'fcd'

# Kinds of disks, and whether a disk of the kind takes only the space of what was written to it.
_THIN = {'thin': True, 'lazyZeroedThick': False, 'eagerZeroedThick': False}

_FOLDER = re.compile(r'/folder/(?P<path>.+)')


def create(catalog: Catalog, spec: DataObject, place: Datastore) -> FirstClassDisk:
    """Make a disk as a VslmCreateSpec says.

    :raises Fault: InvalidArgument, NotSupported, NoDiskSpace and its kin
    """
    capacity = spec.capacityInMB * MIB
    if not 0 < capacity <= disks.MAX_CAPACITY:
        raise invalid_argument('spec.capacityInMB')
    _refuse_encryption(spec.crypto)
    made = _new(catalog, spec, place, spec.backingSpec)
    _assign(catalog, made, spec.profile)
    disks.create(
        made.volume,
        made.path,
        capacity,
        thin=_THIN[made.provisioning],
        adapter='lsilogic',
        uuid=disks.new_uuid(catalog.world),
    )
    catalog.add(made)
    return made


def register(
    catalog: Catalog, place: Datastore, path: str, name: str | None, disk_id: DataObject | None
) -> FirstClassDisk:
    """Make a disk that is there as files a first class disk.

    :raises Fault: AlreadyExists, FileNotFound, InvalidDiskFormat, InvalidState
    """
    volume = catalog.world.files.of(place)
    there = catalog.at(place, path)
    if there is not None:
        raise Fault('AlreadyExists', f'The disk is {there.id} already.', name=there.id)
    disk = Disk(volume, path)
    if disk.extent == path:
        raise Fault('InvalidDiskFormat', f"'{volume.name(path)}' has no descriptor.")
    if volume.owner(path) is not None:
        raise invalid_state(f"'{volume.name(path)}' belongs to '{volume.owner(path).name}'.")
    made = FirstClassDisk(
        id=_new_id(catalog, disk_id),
        name=name or posixpath.basename(path).removesuffix('.vmdk'),
        place=place,
        path=path,
        provisioning='thin' if disk.descriptor.thin else 'lazyZeroedThick',
        created=catalog.world.now(),
        kept=True,
    )
    catalog.add(made)
    return made


def file_of_url(datastores: list[Any], url: str) -> tuple[Datastore, str]:
    """The datastore and the path that a disk's URL means: ``https://…/folder/<path>?dcPath=…``.

    :raises Fault: InvalidArgument, InvalidDatastore
    """
    parts = urllib.parse.urlsplit(url)
    found = _FOLDER.fullmatch(urllib.parse.unquote(parts.path))
    query = urllib.parse.parse_qs(parts.query)
    if found is None or 'dsName' not in query:
        raise invalid_argument('path')
    (name, *_), datacenter = query['dsName'], query.get('dcPath', [None])[0]
    for place in datastores:
        if place.name == name and datacenter in (None, *_paths(place.datacenter)):
            return place, normal(found['path'])
    raise Fault('InvalidDatastore', f"There is no datastore '{name}'.", name=name)


def _paths(datacenter: Any) -> tuple[str, str]:
    """How clients write the path of a datacenter, with and without the first slash."""
    # The root folder is not in it.
    names = [one.name for one in datacenter.ancestors()][:-1]
    path = '/'.join([*reversed(names), datacenter.name])
    return path, f'/{path}'


def clone(
    catalog: Catalog, disk: FirstClassDisk, spec: DataObject, place: Datastore
) -> FirstClassDisk:
    """Make a disk with the content of another one, as a VslmCloneSpec says.

    :raises Fault: InvalidState, InvalidArgument, NoDiskSpace and its kin
    """
    disk.check_idle()
    _refuse_elsewhere(spec)
    made = _new(catalog, spec, place, spec.backingSpec)
    _assign(catalog, made, spec.profile)
    _copy(disk.disk, made)
    catalog.add(made)
    return made


def from_snapshot(
    catalog: Catalog, disk: FirstClassDisk, call: Any, place: Datastore
) -> FirstClassDisk:
    """Make a disk with the content of a snapshot.

    :param call: CreateDiskFromSnapshot_Task, by whichever name
    :raises Fault: NotFound, NotSupported, InvalidArgument, NoDiskSpace and its kin
    """
    snapshot = disk.snapshot(call.snapshotId.id)
    _refuse_encryption(call.crypto)
    if call.isLinkedClone:
        raise Fault('NotSupported', 'There are no linked clones of first class disks.')
    spec = types.VslmCreateSpec(name=call.args.name, id=call.targetId)
    backing = types.VslmCreateSpecDiskFileBackingSpec(
        path=call.path, provisioningType=call.provisioningType or disk.provisioning
    )
    made = _new(catalog, spec, place, backing)
    _assign(catalog, made, call.profile)
    _copy(Disk(disk.volume, snapshot.path), made)
    catalog.add(made)
    return made


def relocate(catalog: Catalog, disk: FirstClassDisk, spec: DataObject, place: Datastore) -> None:
    """Move a disk to another datastore, or make it one of another kind.

    :raises Fault: InvalidState, InvalidArgument, NoDiskSpace and its kin
    """
    disk.check_detached()
    _refuse_elsewhere(spec)
    if disk.fixed and place is not disk.place:
        raise invalid_state(f"The disk '{disk.name}' must not be relocated.")
    if disk.snapshots:
        raise invalid_state(f"The disk '{disk.name}' has snapshots.")
    spec = types.VslmCloneSpec(name=disk.name, backingSpec=spec.backingSpec, profile=spec.profile)
    made = _new(catalog, spec, place, spec.backingSpec, disk.provisioning)
    made.policy, made.applied_policies = disk.policy, disk.applied_policies
    _assign(catalog, made, spec.profile)
    _copy(disk.disk, made)
    disk.disk.remove()
    disk.place, disk.path, disk.provisioning = made.place, made.path, made.provisioning
    disk.policy, disk.applied_policies = made.policy, made.applied_policies
    catalog.follow(disk)


def extend(disk: FirstClassDisk, capacity: int) -> None:
    """Make a disk larger.

    :raises Fault: InvalidArgument, InvalidState, NoDiskSpace
    """
    disk.check_idle()
    if disk.snapshots or (disk.machine is not None and disk.machine.snapshots):
        raise invalid_state(f"The disk '{disk.name}' has snapshots.")
    if not disk.size <= capacity <= disks.MAX_CAPACITY:
        raise invalid_argument('newCapacityInMB')
    disk.disk.extend(capacity)


def inflate(disk: FirstClassDisk) -> None:
    """Have a thin disk take all the space that it can ever need."""
    disk.check_idle()
    disk.disk.fill()
    disk.provisioning = 'eagerZeroedThick'


def delete(catalog: Catalog, disk: FirstClassDisk) -> None:
    """Remove a disk with its snapshots.

    :raises Fault: InvalidState
    """
    disk.check_detached()
    for snapshot in list(disk.snapshots):
        remove_snapshot(disk, snapshot.id)
    disk.disk.remove()
    catalog.remove(disk)


def reconcile(catalog: Catalog, place: Datastore) -> None:
    """Forget the disks of a datastore whose files are gone."""
    for disk in catalog.on(place):
        if not disk.there:
            catalog.remove(disk)


def take_snapshot(catalog: Catalog, disk: FirstClassDisk, description: str) -> Snapshot:
    """Keep the content that a disk has now."""
    volume, stem, number = disk.volume, disk.path.removesuffix('.vmdk'), 1
    while volume.exists(f'{stem}-snapshot{number}.vmdk'):
        number += 1
    world = catalog.world
    made = Snapshot(
        id=world.new_uuid(),
        path=f'{stem}-snapshot{number}.vmdk',
        description=description,
        created=world.now(),
        metadata=dict(disk.metadata),
    )
    disks.freeze(disk.disk, made.path, uuid=disks.new_uuid(world))
    disk.snapshots.append(made)
    return made


def remove_snapshot(disk: FirstClassDisk, snapshot_id: str) -> None:
    """Let the content of a snapshot go.

    :raises Fault: NotFound
    """
    snapshot = disk.snapshot(snapshot_id)
    Disk(disk.volume, snapshot.path).remove()
    disk.snapshots.remove(snapshot)


def revert(disk: FirstClassDisk, snapshot_id: str) -> None:
    """Give a disk back the content of a snapshot.

    :raises Fault: NotFound, InvalidState
    """
    snapshot = disk.snapshot(snapshot_id)
    disk.check_detached()
    disks.refill(disk.disk, Disk(disk.volume, snapshot.path))


def set_policy(catalog: Catalog, disk: FirstClassDisk, profile: list[DataObject] | None) -> None:
    """Have another policy, or none, be in force for a disk, and for the device that it is.

    :raises Fault: InvalidArgument for an unknown policy
    """
    _assign(catalog, disk, profile)
    device = disk.device
    if device is not None:
        change = types.VirtualDeviceConfigSpec(operation='edit', device=device, profile=profile)
        disk.machine.configure(types.VirtualMachineConfigSpec(deviceChange=[change]))
    catalog.follow(disk)


def set_flags(disk: FirstClassDisk, flags: list[str] | None, value: bool) -> None:
    """Set or clear control flags; all of them if none is named.

    :raises Fault: InvalidArgument
    """
    for flag in flags or CONTROL_FLAGS:
        if flag not in CONTROL_FLAGS:
            raise invalid_argument('controlFlags')
    for flag in flags or CONTROL_FLAGS:
        setattr(disk, CONTROL_FLAGS[flag], value)


# Inside


def _new(
    catalog: Catalog,
    spec: DataObject,
    place: Datastore,
    backing: DataObject,
    provisioning: str = 'thin',
) -> FirstClassDisk:
    """A disk that has no files yet, and that the catalog does not know."""
    if not spec.name:
        raise invalid_argument('spec.name')
    if backing.wire_type == 'VslmCreateSpecRawDiskMappingBackingSpec':
        raise Fault('NotSupported', 'A first class disk cannot be a mapping of a raw device.')
    provisioning = backing.provisioningType or provisioning
    if provisioning not in _THIN:
        raise invalid_argument('spec.backingSpec.provisioningType')
    return FirstClassDisk(
        id=_new_id(catalog, spec.id),
        name=spec.name,
        place=place,
        path=_free_path(catalog, place, backing.path),
        provisioning=provisioning,
        created=catalog.world.now(),
        kept=bool(spec.keepAfterDeleteVm),
        metadata={one.key: one.value for one in spec.metadata or ()},
    )


def _new_id(catalog: Catalog, wanted: DataObject | None) -> str:
    if wanted is None:
        return catalog.world.new_uuid()
    disk_id: str = wanted.id
    catalog.check_free(disk_id)
    return disk_id


def _free_path(catalog: Catalog, place: Datastore, wanted: str | None) -> str:
    """A path for a new disk: a name of its own, in a directory that is wanted or in the usual one.

    :raises Fault: FileNotFound for a directory that is not there
    """
    volume, path = catalog.world.files.of(place), normal(wanted or _DIRECTORY)
    if path.endswith('.vmdk'):
        return path
    if not wanted and not volume.is_directory(path):
        volume.make_directory(path)
    return normal(f'{path}/{catalog.world.new_uuid().replace("-", "")}.vmdk')


def _copy(source: Disk, made: FirstClassDisk) -> None:
    uuid = disks.new_uuid(made.place.world)
    disks.copy(source, made.volume, made.path, uuid=uuid, thin=_THIN[made.provisioning])


def _assign(catalog: Catalog, disk: FirstClassDisk, profile: list[DataObject] | None) -> None:
    disk.policy = policies.chosen(catalog.world, profile, disk.policy, disk.place)
    applied = policies.newly_applied(catalog.world, profile, disk.policy)
    if applied is not None:
        disk.applied_policies = {-1: applied}
    elif disk.policy is None:
        disk.applied_policies = {}


def _refuse_elsewhere(spec: DataObject) -> None:
    """Refuse what a VslmMigrateSpec can ask for and no simulated server can do."""
    if spec.service is not None:
        raise Fault('NotSupported', 'There is no other vCenter that a disk could go to.')
    _refuse_encryption(spec.disksCrypto and spec.disksCrypto.crypto)


def _refuse_encryption(crypto: DataObject | None) -> None:
    if crypto is not None and crypto.wire_type != 'CryptoSpecNoOp':
        raise Fault('NotSupported', 'First class disks cannot be encrypted.')
