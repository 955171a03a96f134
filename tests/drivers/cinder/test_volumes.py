"""The life of a volume, by Cinder's VMDK driver and as the server sees it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from cinder.volume.drivers.vmware import exceptions as vmdk_exceptions
from cinder.volume.drivers.vmware.vmdk import VMwareVcVmdkDriver

from oslo_vmware import exceptions
from oslo_vmware.simulator import VCenterSimulator
from tests.drivers.cinder.support import GIB, MIB, PROJECT, Server

NewVolume = Callable[..., Any]


def test_start(driver: VMwareVcVmdkDriver, vc: VCenterSimulator) -> None:
    """One session; Cinder registers as an extension; policies are in use."""
    assert type(driver) is VMwareVcVmdkDriver
    assert len(vc.sessions) == vc.count('Login') == 1
    (extension,) = [
        one
        for one in vc.world.extension_manager.extensionList
        if one.key == 'org.openstack.storage'
    ]
    assert [one.type for one in extension.managedEntityInfo] == ['volume']
    assert driver._storage_policy_enabled


def test_capacity(make_driver: Callable[..., VMwareVcVmdkDriver], server: Server) -> None:
    """The sums are those of the datastores that the configured cluster reaches."""
    driver = make_driver(vmware_enable_volume_stats=True, vmware_max_objects_retrieval=2)
    stats = driver.get_volume_stats(refresh=True)
    cluster = next(
        one for one in server.vc.world.objects.values() if one.is_a('ClusterComputeResource')
    )
    assert len(cluster.datastore) > 2
    for name, value in (
        ('total_capacity_gb', sum(one.capacity for one in cluster.datastore)),
        ('free_capacity_gb', sum(one.free_space for one in cluster.datastore)),
    ):
        assert stats[name] == round(value / GIB)


@pytest.mark.parametrize(
    ('specs', 'thin', 'adapter'),
    [
        ({}, True, 'VirtualLsiLogicController'),
        ({'vmdk_type': 'thick'}, False, 'VirtualLsiLogicController'),
        (
            {'vmdk_type': 'eagerZeroedThick', 'adapter_type': 'paraVirtual'},
            False,
            'ParaVirtualSCSIController',
        ),
        ({'adapter_type': 'ide'}, True, 'VirtualIDEController'),
    ],
)
def test_create_and_delete(
    driver: VMwareVcVmdkDriver,
    server: Server,
    new_volume: NewVolume,
    specs: dict[str, str],
    thin: bool,
    adapter: str,
) -> None:
    """A volume is the disk of a machine that bears its id, as its type says; deleting it leaves
    neither the machine nor a file.
    """
    before, files = server.free(), server.files()
    volume = new_volume(2, **specs)
    driver.create_volume(volume)
    machine = server.backing(volume)
    assert machine.name == volume.name
    assert machine.power_state == 'poweredOff'
    assert machine.options['managedBy'].extensionKey == 'org.openstack.storage'
    assert machine.extra['cinder.volume.id'] == volume.id
    assert [one.name for one in machine.ancestors()][:3] == [
        'Volumes',
        f'Project ({PROJECT})',
        'OpenStack',
    ]
    disk = server.disk(machine)
    assert disk.capacityInBytes == 2 * GIB
    assert bool(disk.backing.thinProvisioned) is thin
    assert disk.backing.uuid.replace('-', '').lower() == volume.id.replace('-', '')
    (controller,) = [one for one in machine.devices if one.key == disk.controllerKey]
    assert controller.wire_type == adapter
    assert disk.backing.fileName in server.files() - files
    assert (before[machine.home.name] - machine.home.free_space >= 2 * GIB) is not thin

    driver.delete_volume(volume)
    assert server.backing(volume) is None
    assert server.files() == files
    assert server.free() == before
    # Deleting what is gone is no error.
    driver.delete_volume(volume)


def test_lazy_creation(
    make_driver: Callable[..., VMwareVcVmdkDriver], server: Server, new_volume: NewVolume
) -> None:
    """By default the disk is made when the volume is first attached, on a datastore that the
    instance's host reaches.
    """
    driver = make_driver(vmware_lazy_create=True)
    volume = new_volume()
    driver.create_volume(volume)
    assert server.backing(volume) is None
    instance = next(
        one for one in server.machines() if one.running and one.owner.is_a('ClusterComputeResource')
    )
    info = driver.initialize_connection(volume, {'instance': instance.ref.value})
    machine = server.backing(volume)
    assert info['driver_volume_type'] == 'vmdk'
    assert info['data'] == {
        'volume': machine.ref.value,
        'volume_id': volume.id,
        'name': volume.name,
        'profile_id': None,
    }
    assert machine.home in instance.host.datastore
    driver.delete_volume(volume)


def test_connection_for_os_brick(
    driver: VMwareVcVmdkDriver, server: Server, new_volume: NewVolume
) -> None:
    """A connector of os-brick is told where the disk is and how to get at it."""
    volume = new_volume()
    driver.create_volume(volume)
    connector = {'platform': 'x86_64', 'os_type': 'linux2'}
    data = driver.initialize_connection(volume, connector)['data']
    machine = server.backing(volume)
    assert data['vmdk_path'] == server.disk(machine).backing.fileName
    assert data['vmdk_size'] == GIB
    assert data['datastore'] == machine.home.ref.value
    assert data['datacenter'] == machine.datacenter.ref.value
    driver.delete_volume(volume)


def test_extend(driver: VMwareVcVmdkDriver, server: Server, new_volume: NewVolume) -> None:
    """The disk grows in place, and keeps its data."""
    volume = new_volume()
    driver.create_volume(volume)
    machine = server.backing(volume)
    data = os.urandom(MIB)
    server.write(server.disk(machine), data)
    driver.extend_volume(volume, 3)
    assert server.backing(volume) is machine
    disk = server.disk(machine)
    assert (disk.capacityInBytes, disk.capacityInKB) == (3 * GIB, 3 * MIB)
    assert server.content(disk, MIB) == data
    driver.delete_volume(volume)


def test_extend_moves_where_there_is_room(
    driver: VMwareVcVmdkDriver, server: Server, vc: VCenterSimulator, new_volume: NewVolume
) -> None:
    """A datastore without the room makes the driver take the volume, with its data, to another."""
    free = server.free()
    volume = new_volume(vmdk_type='thick')
    driver.create_volume(volume)
    machine = server.backing(volume)
    data = os.urandom(MIB)
    server.write(server.disk(machine), data)
    full = machine.home
    vc.set_free_space(full.name, GIB)
    driver.extend_volume(volume, 4)
    assert machine.home is not full
    disk = server.disk(machine)
    assert disk.capacityInBytes == 4 * GIB
    assert disk.backing.fileName.startswith(f'[{machine.home.name}] ')
    assert server.content(disk, MIB) == data
    assert not [one for one in server.files() if volume.id in one and full.name in one]
    # What the volume took is free again.
    assert full.free_space >= 2 * GIB
    driver.delete_volume(volume)
    vc.set_free_space(full.name, free[full.name])


@pytest.mark.parametrize('size', [1, 2])
@pytest.mark.parametrize('clone_type', ['full', 'linked'])
def test_clone(
    driver: VMwareVcVmdkDriver,
    server: Server,
    new_volume: NewVolume,
    clone_type: str,
    size: int,
) -> None:
    """A clone has the data, and a size of its own; the source is as it was."""
    source = new_volume()
    driver.create_volume(source)
    data = os.urandom(MIB)
    server.write(server.disk(server.backing(source)), data)
    clone = new_volume(size, clone_type=clone_type)
    driver.create_cloned_volume(clone, source)
    machine = server.backing(clone)
    disk = server.disk(machine)
    assert machine is not server.backing(source)
    assert disk.capacityInBytes == size * GIB
    assert server.content(disk, MIB) == data
    assert server.disk(server.backing(source)).capacityInBytes == GIB
    # The snapshot that a linked clone is made from is gone.
    assert server.backing(source).snapshot is None
    # One that is to grow is a full one.
    linked = clone_type == 'linked' and size == 1
    assert (disk.backing.parent is not None) is linked
    if not linked:
        driver.delete_volume(source)
        assert server.content(disk, MIB) == data
    driver.delete_volume(clone)
    driver.delete_volume(source)


def test_no_datastore_is_large_enough(
    driver: VMwareVcVmdkDriver, server: Server, new_volume: NewVolume
) -> None:
    """A volume that fits nowhere is refused with the driver's own exception."""
    volume = new_volume(1024 * 1024)
    with pytest.raises(vmdk_exceptions.NoValidDatastoreException):
        driver.create_volume(volume)
    assert server.backing(volume) is None


def test_failed_creation_leaves_nothing(
    driver: VMwareVcVmdkDriver, server: Server, vc: VCenterSimulator, new_volume: NewVolume
) -> None:
    """An error of the server reaches Cinder as what it is."""
    vc.faults.fail_task('CreateVM_Task', 'NoDiskSpace', file='x', datastore='y')
    volume = new_volume()
    with pytest.raises(exceptions.NoDiskSpaceException):
        driver.create_volume(volume)
    assert server.backing(volume) is None


def test_session_that_expired(
    driver: VMwareVcVmdkDriver, server: Server, vc: VCenterSimulator, new_volume: NewVolume
) -> None:
    """The driver goes on with another session."""
    vc.expire_sessions()
    volume = new_volume()
    driver.create_volume(volume)
    assert server.backing(volume) is not None
    vc.expire_sessions()
    driver.delete_volume(volume)
    assert vc.count('Login') == 3


def test_other_project_gets_the_volume(
    driver: VMwareVcVmdkDriver, server: Server, new_volume: NewVolume
) -> None:
    """A volume that is handed over moves into the folder of its new project."""
    volume = new_volume()
    driver.create_volume(volume)
    driver.accept_transfer(None, volume, 'somebody', 'another-project')
    folders: list[Any] = list(server.backing(volume).ancestors())
    assert [one.name for one in folders][:2] == ['Volumes', 'Project (another-project)']
    driver.delete_volume(volume)
