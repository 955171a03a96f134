"""Volumes that are first class disks, by Cinder's driver for them and as the server sees them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from cinder.volume.drivers.vmware.fcd import VMwareVStorageObjectDriver

from oslo_vmware import exceptions
from oslo_vmware.simulator import VCenterSimulator
from tests.drivers.cinder.support import GIB, MIB, Glance, Server, Types, admin, make_snapshot
from tests.drivers.cinder.test_policies import policy_id

NewVolume = Callable[..., Any]
DATA = os.urandom(4 * MIB)


@pytest.fixture
def driver(make_driver: Callable[..., Any]) -> VMwareVStorageObjectDriver:
    made: VMwareVStorageObjectDriver = make_driver(VMwareVStorageObjectDriver)
    return made


class Disks:
    """The server's first class disks."""

    def __init__(self, server: Server) -> None:
        self.catalog: Any = server.vc.world.first_class_disks

    def of(self, volume: Any) -> Any:
        """The disk of a volume, which the volume names."""
        disk_id, _, place = volume.provider_location.partition('@')
        found = self.catalog.get(disk_id)
        assert found.place.ref.value == place
        return found

    def content(self, disk: Any) -> bytes:
        with open(disk.volume.real(disk.disk.extent), 'rb') as file:
            return file.read(len(DATA))

    def write(self, disk: Any, data: bytes) -> None:
        with open(disk.volume.real(disk.disk.extent), 'r+b') as file:
            file.write(data)


@pytest.fixture
def disks(server: Server) -> Disks:
    return Disks(server)


@pytest.fixture
def filled(driver: Any, disks: Disks, new_volume: NewVolume) -> Callable[..., Any]:
    """Makes a volume that begins with :data:`DATA`."""

    def make(size: int = 1, **specs: str) -> Any:
        volume = new_volume(size, **specs)
        keep(volume, driver.create_volume(volume))
        disks.write(disks.of(volume), DATA)
        return volume

    return make


def keep(owner: Any, update: dict[str, Any]) -> None:
    """Take over what the driver says, as the volume manager does."""
    owner.provider_location = update['provider_location']


@pytest.mark.parametrize(
    ('specs', 'kind'),
    [
        ({}, 'thin'),
        ({'vmdk_type': 'thick'}, 'lazyZeroedThick'),
        ({'vmdk_type': 'eagerZeroedThick'}, 'eagerZeroedThick'),
    ],
)
def test_create_and_delete(
    driver: Any,
    server: Server,
    disks: Disks,
    new_volume: NewVolume,
    specs: dict[str, str],
    kind: str,
) -> None:
    """A volume is a disk of its name, size and kind, and needs no machine; deleting it leaves
    nothing, and the driver tells Nova where it is.
    """
    before, machines = server.free(), server.machines()
    volume = new_volume(2, **specs)
    keep(volume, driver.create_volume(volume))
    disk = disks.of(volume)
    assert (disk.name, disk.size, disk.provisioning) == (volume.name, 2 * GIB, kind)
    assert (before[disk.place.name] - disk.place.free_space >= 2 * GIB) is (kind != 'thin')
    assert server.machines() == machines
    info = driver.initialize_connection(volume, {})
    assert info['driver_volume_type'] == 'vstorageobject'
    assert info['data'] == {
        'id': disk.id,
        'ds_ref_val': disk.place.ref.value,
        'adapter_type': 'lsiLogic',
    }
    driver.delete_volume(volume)
    assert server.free() == before
    # What is gone is an error here, other than with the VMDK driver.
    with pytest.raises(exceptions.VimFaultException):
        driver.delete_volume(volume)


@pytest.mark.parametrize('size', [1, 2])
def test_clone(
    driver: Any, disks: Disks, filled: Callable[..., Any], new_volume: NewVolume, size: int
) -> None:
    """A clone has the data, is as large as it was asked for, and outlives the original."""
    source, clone = filled(), new_volume(size, vmdk_type='thick')
    keep(clone, driver.create_cloned_volume(clone, source))
    driver.delete_volume(source)
    disk = disks.of(clone)
    assert (disk.name, disk.size, disk.provisioning) == (clone.name, size * GIB, 'lazyZeroedThick')
    assert disks.content(disk) == DATA
    driver.delete_volume(clone)


@pytest.mark.parametrize('size', [1, 2])
def test_snapshot(
    driver: Any, disks: Disks, filled: Callable[..., Any], new_volume: NewVolume, size: int
) -> None:
    """A snapshot keeps the data of its moment, whatever is written later; a volume made from it
    has that data and outlives both.
    """
    volume = filled()
    snapshot, made = make_snapshot(volume), new_volume(size)
    keep(snapshot, driver.create_snapshot(snapshot))
    (taken,) = disks.of(volume).snapshots
    assert taken.description == f'snapshot-{snapshot.id}'
    disks.write(disks.of(volume), bytes(len(DATA)))
    keep(made, driver.create_volume_from_snapshot(made, snapshot))
    driver.delete_snapshot(snapshot)
    assert disks.of(volume).snapshots == []
    driver.delete_volume(volume)
    assert (disks.of(made).name, disks.of(made).size) == (made.name, size * GIB)
    assert disks.content(disks.of(made)) == DATA
    driver.delete_volume(made)


def test_snapshot_of_an_older_server(
    driver: Any, disks: Disks, filled: Callable[..., Any], new_volume: NewVolume
) -> None:
    """Before vSphere 6.7 disks had no snapshots: the driver makes clones in their place."""
    driver._use_fcd_snapshot = False
    volume = filled()
    snapshot, made = make_snapshot(volume), new_volume(2)
    keep(snapshot, driver.create_snapshot(snapshot))
    assert disks.of(snapshot).name == snapshot.name
    keep(made, driver.create_volume_from_snapshot(made, snapshot))
    assert disks.content(disks.of(made)) == DATA
    driver.delete_snapshot(snapshot)
    driver.delete_volume(made)
    driver.delete_volume(volume)


def test_extend(driver: Any, disks: Disks, filled: Callable[..., Any]) -> None:
    """A volume grows and keeps its data."""
    volume = filled()
    driver.extend_volume(volume, 3)
    assert disks.of(volume).size == 3 * GIB
    assert disks.content(disks.of(volume)) == DATA
    driver.delete_volume(volume)


def test_policies(
    driver: Any, disks: Disks, vc: VCenterSimulator, types: Types, new_volume: NewVolume
) -> None:
    """A volume lies where its type's policy allows and has the policy; retyping gives it another
    one, and PBM tells of both.
    """
    volume = new_volume(storage_profile='Platinum')
    keep(volume, driver.create_volume(volume))
    disk = disks.of(volume)
    assert disk.place.kind == 'vsan'
    (user,) = vc.policies.associations.users(policy_id(vc, 'Platinum'))
    assert user.machine == disk.id
    assert driver.retype(admin(), volume, {'id': types.add(storage_profile='Gold')}, {}, {})
    assert disk.policy == policy_id(vc, 'Gold')
    assert vc.policies.associations.users(policy_id(vc, 'Platinum')) == []
    driver.delete_volume(volume)
    assert vc.policies.associations.users(policy_id(vc, 'Gold')) == []


@pytest.mark.parametrize('policy', [None, 'Bronze'])
def test_image_to_volume(
    driver: Any,
    disks: Disks,
    vc: VCenterSimulator,
    glance: Glance,
    images: Any,
    new_volume: NewVolume,
    policy: str | None,
) -> None:
    """The image's bytes are uploaded, and the disk that they are becomes the volume."""
    # Of a preallocated image Cinder 29 makes no volume, anywhere: this driver's choice of a
    # directory is not what the VMDK driver's code for such images expects.
    image = glance.add(DATA, vmware_disktype='sparse')
    volume = new_volume(1, **({'storage_profile': policy} if policy else {}))
    keep(volume, driver.copy_image_to_volume(admin(), volume, images, image))
    disk = disks.of(volume)
    assert disk.name == volume.name
    assert disk.path.startswith('cinder_temp/')
    assert disks.content(disk) == DATA
    assert disk.policy == (policy_id(vc, policy) if policy else None)
    driver.delete_volume(volume)


def test_volume_to_image(
    driver: Any,
    server: Server,
    disks: Disks,
    vc: VCenterSimulator,
    glance: Glance,
    images: Any,
    filled: Callable[..., Any],
    new_volume: NewVolume,
) -> None:
    """A machine is made that the disk is exported from, and is gone when the image is there; a
    volume made of that image has the data.
    """
    volume, back, machines = filled(), new_volume(), server.machines()
    image = glance.add(None)
    driver.copy_volume_to_image(admin(), volume, images, {**glance.images[image]})
    (export,) = [one for one in vc.transfers if one.path.startswith('/nfc/')]
    assert export.complete
    assert len(glance.data[image]) == export.sent
    assert glance.images[image]['vmware_disktype'] == 'streamOptimized'
    assert vc.count('AttachDisk_Task') == vc.count('DetachDisk_Task') == 1
    assert server.machines() == machines
    assert disks.of(volume).machine is None
    assert disks.content(disks.of(volume)) == DATA
    keep(back, driver.copy_image_to_volume(admin(), back, images, image))
    assert disks.content(disks.of(back)) == DATA
    driver.delete_volume(volume)
    driver.delete_volume(back)


def test_export_that_breaks_off(
    driver: Any,
    server: Server,
    disks: Disks,
    vc: VCenterSimulator,
    glance: Glance,
    images: Any,
    filled: Callable[..., Any],
) -> None:
    """It is an error, the volume is there as before, and no machine stays."""
    volume, machines = filled(), server.machines()
    image = glance.add(None)
    vc.faults.drop('GET /nfc/*', after_bytes=MIB)
    with pytest.raises(exceptions.VMwareDriverException):
        driver.copy_volume_to_image(admin(), volume, images, {**glance.images[image]})
    assert server.machines() == machines
    assert disks.content(disks.of(volume)) == DATA
    driver.delete_volume(volume)
