"""Snapshots of volumes, and volumes from them, in both of the driver's formats."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from cinder import exception

from tests.drivers.cinder.support import GIB, MIB, Server, admin, make_snapshot

FORMATS = ('template', 'COW')


@pytest.fixture
def data() -> bytes:
    return os.urandom(MIB)


@pytest.mark.parametrize('snapshot_format', FORMATS)
def test_snapshot(
    make_driver: Callable[..., Any],
    server: Server,
    new_volume: Callable[..., Any],
    data: bytes,
    snapshot_format: str,
) -> None:
    """It keeps the data of its moment, whatever is written later, and goes without a trace."""
    driver = make_driver(vmware_snapshot_format=snapshot_format)
    volume = new_volume()
    driver.create_volume(volume)
    machine = server.backing(volume)
    server.write(server.disk(machine), data)
    files = server.files()
    snapshot = make_snapshot(volume)
    update = driver.create_snapshot(snapshot)
    if snapshot_format == 'template':
        # A machine of its own, which is known by its place in the inventory.
        snapshot.update(update)
        snapshot.provider_location = update['provider_location']
        (template,) = [one for one in server.machines() if one.name == snapshot.name]
        assert template.template
        assert [one.name for one in template.ancestors()][:2] == ['Snapshots', 'Volumes']
        assert snapshot.provider_location.split('/')[-1] == snapshot.name
        server.write(server.disk(machine), bytes(MIB))
        assert server.content(server.disk(template), MIB) == data
    else:
        assert update is None
        (tree,) = machine.snapshot.rootSnapshotList
        assert (tree.name, tree.description) == (snapshot.name, 'before the upgrade')
        # The volume goes on in a child of the disk.
        assert server.disk(machine).backing.parent is not None
    driver.delete_snapshot(snapshot)
    assert machine.snapshot is None
    assert server.disk(machine).backing.parent is None
    assert server.files() == files
    driver.delete_volume(volume)


@pytest.mark.parametrize('size', [1, 2])
@pytest.mark.parametrize('snapshot_format', FORMATS)
def test_volume_from_snapshot(
    make_driver: Callable[..., Any],
    server: Server,
    new_volume: Callable[..., Any],
    data: bytes,
    snapshot_format: str,
    size: int,
) -> None:
    """A new volume with the data of the snapshot, as large as it was asked for, that outlives the
    snapshot and the volume.
    """
    driver = make_driver(vmware_snapshot_format=snapshot_format)
    volume = new_volume()
    driver.create_volume(volume)
    server.write(server.disk(server.backing(volume)), data)
    snapshot = make_snapshot(volume)
    snapshot.update(driver.create_snapshot(snapshot) or {})
    made = new_volume(size)
    driver.create_volume_from_snapshot(made, snapshot)
    machine = server.backing(made)
    assert machine.name == made.name
    disk = server.disk(machine)
    assert disk.capacityInBytes == size * GIB
    assert disk.backing.uuid.replace('-', '').lower() == made.id.replace('-', '')
    driver.delete_snapshot(snapshot)
    driver.delete_volume(volume)
    assert server.content(disk, MIB) == data
    driver.delete_volume(made)


def test_linked_volume_from_snapshot(
    make_driver: Callable[..., Any], server: Server, new_volume: Callable[..., Any], data: bytes
) -> None:
    """A linked clone of a snapshot shares its disk, and is complete without the space."""
    driver = make_driver(vmware_snapshot_format='COW')
    volume = new_volume(vmdk_type='thick')
    driver.create_volume(volume)
    server.write(server.disk(server.backing(volume)), data)
    snapshot = make_snapshot(volume)
    driver.create_snapshot(snapshot)
    free = server.backing(volume).home.free_space
    made = new_volume(clone_type='linked')
    driver.create_volume_from_snapshot(made, snapshot)
    disk = server.disk(server.backing(made))
    assert disk.backing.parent.fileName in server.files()
    assert server.content(disk, MIB) == data
    assert free - server.backing(volume).home.free_space < MIB
    driver.delete_volume(made)
    driver.delete_snapshot(snapshot)
    driver.delete_volume(volume)


def test_going_back(
    make_driver: Callable[..., Any], server: Server, new_volume: Callable[..., Any]
) -> None:
    """A volume goes back to a snapshot; one that is a template cannot be gone back to."""
    driver = make_driver(vmware_snapshot_format='COW')
    volume = new_volume()
    driver.create_volume(volume)
    machine = server.backing(volume)
    first, second = make_snapshot(volume), make_snapshot(volume)
    driver.create_snapshot(first)
    driver.create_snapshot(second)
    assert machine.current_snapshot.name == second.name
    driver.revert_to_snapshot(admin(), volume, first)
    assert machine.current_snapshot.name == first.name
    first.provider_location = '/Frankfurt/vm/some-template'
    with pytest.raises(exception.InvalidSnapshot):
        driver.revert_to_snapshot(admin(), volume, first)
    first.provider_location = None
    driver.delete_snapshot(second)
    driver.delete_snapshot(first)
    driver.delete_volume(volume)
