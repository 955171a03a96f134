"""Images to volumes and back: flat, sparse and stream-optimised."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware import exceptions
from oslo_vmware.simulator import VCenterSimulator
from tests.drivers.cinder.support import GIB, MIB, Glance, Server, admin
from tests.drivers.vmdk import stream_optimized
from tests.transfer.disks import grains_of

SIZE = 64 * MIB


@pytest.fixture(scope='module')
def data() -> bytes:
    """64 MiB that are like no others."""
    return os.urandom(SIZE)


@pytest.mark.parametrize(
    ('specs', 'thin'),
    [({}, True), ({'vmdk_type': 'thick'}, False), ({'vmdk_type': 'eagerZeroedThick'}, False)],
)
def test_flat_image(
    driver: Any,
    server: Server,
    vc: VCenterSimulator,
    glance: Glance,
    images: Any,
    new_volume: Callable[..., Any],
    data: bytes,
    specs: dict[str, str],
    thin: bool,
) -> None:
    """The bytes of the image are the beginning of the disk, which is of the volume's type and size,
    whether it had to be converted or not; nothing temporary is left.
    """
    files = server.files()
    image = glance.add(data, vmware_disktype='preallocated')
    volume = new_volume(2, **specs)
    driver.copy_image_to_volume(admin(), volume, images, image)
    machine = server.backing(volume)
    disk = server.disk(machine)
    assert disk.capacityInBytes == 2 * GIB
    assert bool(disk.backing.thinProvisioned) is thin
    assert server.content(disk, SIZE) == data
    (upload,) = [one for one in vc.transfers if one.method == 'PUT']
    assert (upload.received, upload.status) == (SIZE, 201)
    directory = disk.backing.fileName.rpartition('/')[0]
    left = {one for one in server.files() - files if not one.startswith(directory)}
    assert {one for one in left if not one.endswith(' cinder_temp')} == set()
    assert [one.name for one in server.machines() if one.parent is machine.parent] == [volume.name]
    driver.delete_volume(volume)


def test_sparse_image(
    driver: Any,
    server: Server,
    glance: Glance,
    images: Any,
    new_volume: Callable[..., Any],
    data: bytes,
) -> None:
    """A sparse image is uploaded as one file and made into a disk by the server."""
    image = glance.add(data, vmware_disktype='sparse', vmware_adaptertype='busLogic')
    volume = new_volume()
    driver.clone_image(admin(), volume, None, {'id': image}, images)
    machine = server.backing(volume)
    disk = server.disk(machine)
    assert disk.capacityInBytes == GIB
    assert server.content(disk, SIZE) == data
    assert 'VirtualBusLogicController' in [one.wire_type for one in machine.devices]
    driver.delete_volume(volume)


def test_stream_optimized_image(
    driver: Any,
    server: Server,
    vc: VCenterSimulator,
    glance: Glance,
    images: Any,
    new_volume: Callable[..., Any],
    data: bytes,
) -> None:
    """It becomes a machine by a lease, which is completed; the disk grows to the volume's size."""
    stream = stream_optimized(data[:MIB], SIZE)
    image = glance.add(stream, vmware_disktype='streamOptimized')
    volume = new_volume(1, adapter_type='paraVirtual')
    driver.copy_image_to_volume(admin(), volume, images, image)
    machine = server.backing(volume)
    disk = server.disk(machine)
    assert disk.capacityInBytes == GIB
    assert disk.backing.uuid.replace('-', '').lower() == volume.id.replace('-', '')
    assert server.content(disk, MIB) == data[:MIB]
    assert 'ParaVirtualSCSIController' in [one.wire_type for one in machine.devices]
    (upload,) = [one for one in vc.transfers if one.path.startswith('/nfc/')]
    assert (upload.received, upload.complete) == (len(stream), True)
    assert vc.count('HttpNfcLeaseComplete') == 1
    driver.delete_volume(volume)


@pytest.mark.parametrize('disk_type', ['preallocated', 'sparse', 'streamOptimized'])
def test_image_service_that_breaks_off(
    driver: Any,
    server: Server,
    vc: VCenterSimulator,
    glance: Glance,
    images: Any,
    new_volume: Callable[..., Any],
    data: bytes,
    disk_type: str,
) -> None:
    """An image that ends half-way is an error; no machine, disk, lease or temporary file stays."""
    before = server.machines(), server.files()
    sent = stream_optimized(data, SIZE) if disk_type == 'streamOptimized' else data
    image = glance.add(sent, vmware_disktype=disk_type)
    glance.broken_after = SIZE // 2
    volume = new_volume()
    with pytest.raises(exceptions.VMwareDriverException):
        driver.copy_image_to_volume(admin(), volume, images, image)
    assert server.machines() == before[0]
    left = {one for one in server.files() - before[1] if not one.endswith(' cinder_temp')}
    assert left == set()
    if disk_type == 'streamOptimized':
        assert vc.count('HttpNfcLeaseAbort') == 1


def test_volume_to_image(
    driver: Any,
    server: Server,
    vc: VCenterSimulator,
    glance: Glance,
    images: Any,
    new_volume: Callable[..., Any],
    data: bytes,
) -> None:
    """The image is what the server exported, to the last byte, and says what it is."""
    volume = new_volume()
    driver.create_volume(volume)
    server.write(server.disk(server.backing(volume)), data)
    image = glance.add(None)
    driver.copy_volume_to_image(admin(), volume, images, {**glance.images[image]})
    (export,) = [one for one in vc.transfers if one.path.startswith('/nfc/')]
    stored = glance.data[image]
    assert export.complete
    assert len(stored) == export.sent
    capacity, grains = grains_of(stored)
    held = hashlib.sha256(b''.join(grains.values())).digest()
    assert (capacity, held) == (GIB, hashlib.sha256(data).digest())
    found = glance.images[image]
    assert (found['vmware_disktype'], found['status']) == ('streamOptimized', 'active')
    assert found['owner_id'] == volume.project_id
    assert found['size'] == len(stored)
    assert vc.count('HttpNfcLeaseComplete') == 1
    driver.delete_volume(volume)


def test_there_and_back(
    driver: Any,
    server: Server,
    glance: Glance,
    images: Any,
    new_volume: Callable[..., Any],
    data: bytes,
) -> None:
    """A volume made from the image of a volume has its data."""
    source, target = new_volume(), new_volume()
    driver.create_volume(source)
    server.write(server.disk(server.backing(source)), data)
    image = glance.add(None)
    driver.copy_volume_to_image(admin(), source, images, {**glance.images[image]})
    driver.copy_image_to_volume(admin(), target, images, image)
    assert server.content(server.disk(server.backing(target)), SIZE) == data
    driver.delete_volume(source)
    driver.delete_volume(target)


def test_connection_lost_while_exporting(
    driver: Any,
    vc: VCenterSimulator,
    glance: Glance,
    images: Any,
    server: Server,
    new_volume: Callable[..., Any],
    data: bytes,
) -> None:
    """An export that breaks off raises, aborts its lease, and leaves the volume as it was."""
    volume = new_volume()
    driver.create_volume(volume)
    server.write(server.disk(server.backing(volume)), data)
    image = glance.add(None)
    vc.faults.drop('GET /nfc/*', after_bytes=SIZE // 2)
    with pytest.raises(exceptions.VMwareDriverException):
        driver.copy_volume_to_image(admin(), volume, images, {**glance.images[image]})
    assert vc.count('HttpNfcLeaseComplete') == 0
    assert vc.count('HttpNfcLeaseAbort') == 1
    assert server.content(server.disk(server.backing(volume)), SIZE) == data
    driver.delete_volume(volume)
