"""Volume types with storage policies, retyping, and disks that somebody else has made."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from cinder import exception
from cinder.volume.drivers.vmware import exceptions as vmdk_exceptions

from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.pbm import rules
from tests.drivers.cinder.support import GIB, MIB, Glance, Server, Types, admin
from tests.drivers.vmdk import stream_optimized


def policy_id(vc: VCenterSimulator, name: str) -> str:
    (found,) = [one for one in vc.policies.all() if one.name == name]
    identifier: str = found.profileId.uniqueId
    return identifier


@pytest.mark.parametrize(('policy', 'kind'), [('Platinum', 'vsan'), ('Bronze', 'NFS')])
def test_volume_with_policy(
    driver: Any,
    server: Server,
    vc: VCenterSimulator,
    new_volume: Callable[..., Any],
    policy: str,
    kind: str,
) -> None:
    """The volume goes to a datastore that the policy allows, and machine and disk have it."""
    volume = new_volume(storage_profile=policy)
    driver.create_volume(volume)
    machine = server.backing(volume)
    assert machine.home.kind == kind
    assert machine.home_policy == policy_id(vc, policy)
    assert machine.disk_policies == {server.disk(machine).key: policy_id(vc, policy)}
    info = driver.initialize_connection(volume, {'platform': 'x86_64', 'os_type': 'linux'})
    assert info['data']['profile_id'] == policy_id(vc, policy)
    driver.delete_volume(volume)


def test_unknown_policy(driver: Any, server: Server, new_volume: Callable[..., Any]) -> None:
    """A policy that the vCenter does not have is the driver's own exception, before anything."""
    volume = new_volume(storage_profile='Diamond')
    with pytest.raises(vmdk_exceptions.ProfileNotFoundException):
        driver.create_volume(volume)
    assert server.backing(volume) is None


def test_policy_that_no_datastore_satisfies(
    driver: Any, server: Server, vc: VCenterSimulator, new_volume: Callable[..., Any]
) -> None:
    """A policy without a datastore leaves the volume nowhere to go."""
    vc.policies.create('Unobtainium', [rules.tag_rule('Tier', 'Unobtainium')])
    volume = new_volume(storage_profile='Unobtainium')
    with pytest.raises(vmdk_exceptions.NoValidDatastoreException):
        driver.create_volume(volume)
    assert server.backing(volume) is None


def test_stream_with_policy(
    driver: Any,
    server: Server,
    vc: VCenterSimulator,
    glance: Glance,
    images: Any,
    new_volume: Callable[..., Any],
) -> None:
    """An imported image comes to lie where its volume's policy allows."""
    stream = stream_optimized(os.urandom(MIB), 16 * MIB)
    image = glance.add(stream, vmware_disktype='streamOptimized')
    volume = new_volume(storage_profile='Platinum')
    driver.copy_image_to_volume(admin(), volume, images, image)
    machine = server.backing(volume)
    assert machine.home.kind == 'vsan'
    assert machine.home_policy == policy_id(vc, 'Platinum')
    assert server.disk(machine).capacityInBytes == GIB
    driver.delete_volume(volume)


def test_statistics_of_policies(
    make_driver: Callable[..., Any], server: Server, vc: VCenterSimulator
) -> None:
    """Only the datastores that the observed policies allow are counted."""
    driver = make_driver(vmware_enable_volume_stats=True, vmware_storage_profile=['Platinum'])
    stats = driver.get_volume_stats(refresh=True)
    assert stats['total_capacity_gb'] == round(server.datastore('fra-vsan-01').capacity / GIB)


def test_retype_to_another_policy(
    driver: Any,
    server: Server,
    vc: VCenterSimulator,
    types: Types,
    new_volume: Callable[..., Any],
) -> None:
    """A volume whose new policy its datastore does not satisfy moves, with its data."""
    volume = new_volume(storage_profile='Bronze')
    driver.create_volume(volume)
    machine = server.backing(volume)
    data = os.urandom(MIB)
    server.write(server.disk(machine), data)
    new_type = {'id': types.add(storage_profile='Platinum')}
    assert driver.retype(admin(), volume, new_type, {}, {})
    assert server.backing(volume) is machine
    assert machine.home.kind == 'vsan'
    assert machine.home_policy == policy_id(vc, 'Platinum')
    assert machine.disk_policies == {server.disk(machine).key: policy_id(vc, 'Platinum')}
    assert server.content(server.disk(machine), MIB) == data
    driver.delete_volume(volume)


def test_retype_to_another_kind_of_disk(
    driver: Any, server: Server, types: Types, new_volume: Callable[..., Any]
) -> None:
    """A thin disk becomes a thick one on another controller; the data stays."""
    volume = new_volume(adapter_type='lsiLogic')
    driver.create_volume(volume)
    data = os.urandom(MIB)
    server.write(server.disk(server.backing(volume)), data)
    new_type = {'id': types.add(vmdk_type='eagerZeroedThick', adapter_type='paraVirtual')}
    assert driver.retype(admin(), volume, new_type, {}, {})
    machine = server.backing(volume)
    disk = server.disk(machine)
    assert machine.name == volume.name
    assert not disk.backing.thinProvisioned
    (controller,) = [one for one in machine.devices if one.key == disk.controllerKey]
    assert controller.wire_type == 'ParaVirtualSCSIController'
    assert server.content(disk, MIB) == data
    driver.delete_volume(volume)


def test_disk_taken_over(driver: Any, server: Server, new_volume: Callable[..., Any]) -> None:
    """A disk of somebody else's machine becomes a volume, and is let go again."""
    owner = new_volume(2)
    driver.create_volume(owner)
    machine = server.backing(owner)
    data = os.urandom(MIB)
    server.write(server.disk(machine), data)
    path = driver.volumeops.get_inventory_path(driver.volumeops.get_backing(owner.name, owner.id))
    reference = {'source-name': f'{server.disk(machine).backing.fileName}@{path}'}
    volume = new_volume(2)
    assert driver.manage_existing_get_size(volume, reference) == 2
    driver.manage_existing(volume, reference)
    assert machine.disks == []
    disk = server.disk(server.backing(volume))
    assert disk.backing.fileName.endswith(f'{volume.name}/{volume.name}.vmdk')
    assert disk.capacityInBytes == 2 * GIB
    assert server.content(disk, MIB) == data
    with pytest.raises(exception.ManageExistingInvalidReference):
        driver.manage_existing(new_volume(), reference)
    made = server.backing(volume)
    driver.unmanage(volume)
    assert 'cinder.volume.id' not in {key for key, value in made.extra.items() if value}
    made.destroy()
    driver.delete_volume(owner)
