"""Cinder's VMDK driver on a vCenter that is not ours.

What that cannot do is at the end of the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from cinder.volume.drivers.vmware import exceptions as vmdk_exceptions
from cinder.volume.drivers.vmware.vmdk import VMwareVcVmdkDriver
from pyVmomi import vim

from oslo_vmware.exceptions import VimFaultException
from tests.drivers.cinder.support import GIB, MIB, PROJECT, Glance, admin, make_snapshot
from tests.drivers.on_vcsim.inventory import (
    datacenter,
    disks,
    end_other_sessions,
    file,
    machine_of,
    options,
)
from tests.drivers.on_vcsim.server import Vcsim
from tests.drivers.vmdk import stream_optimized

NewVolume = Callable[..., Any]
MakeDriver = Callable[..., VMwareVcVmdkDriver]


def test_start_and_capacity(make_driver: MakeDriver, content: Any) -> None:
    """One session; policies are in use; the sums are those of the cluster's datastores."""
    driver = make_driver(vmware_enable_volume_stats=True)
    assert driver._storage_policy_enabled
    assert len(content.sessionManager.sessionList) == 2
    stats = driver.get_volume_stats(refresh=True)
    (cluster,) = datacenter(content).hostFolder.childEntity
    assert len(cluster.datastore) == 2
    for name, value in (
        ('total_capacity_gb', sum(one.summary.capacity for one in cluster.datastore)),
        ('free_capacity_gb', sum(one.summary.freeSpace for one in cluster.datastore)),
    ):
        assert stats[name] == round(value / GIB)


@pytest.mark.parametrize(
    ('specs', 'thin', 'adapter'),
    [
        ({}, True, vim.vm.device.VirtualLsiLogicController),
        ({'vmdk_type': 'thick'}, False, vim.vm.device.VirtualLsiLogicController),
        (
            {'vmdk_type': 'eagerZeroedThick', 'adapter_type': 'paraVirtual'},
            False,
            vim.vm.device.ParaVirtualSCSIController,
        ),
        ({'adapter_type': 'ide'}, True, vim.vm.device.VirtualIDEController),
    ],
)
def test_create_and_delete(
    driver: VMwareVcVmdkDriver,
    content: Any,
    new_volume: NewVolume,
    specs: dict[str, str],
    thin: bool,
    adapter: type,
) -> None:
    """A volume is the disk of a machine that bears its id, as its type says; deleting it leaves
    neither the machine nor the disk.
    """
    volume = new_volume(2, **specs)
    driver.create_volume(volume)
    machine = machine_of(content, volume.id)
    assert machine.name == volume.name
    assert machine.runtime.powerState == 'poweredOff'
    assert machine.config.managedBy.extensionKey == 'org.openstack.storage'
    assert options(machine)['cinder.volume.id'] == volume.id
    folders = [machine.parent, machine.parent.parent, machine.parent.parent.parent]
    assert [one.name for one in folders] == ['Volumes', f'Project ({PROJECT})', 'OpenStack']
    (disk,) = disks(machine)
    assert disk.capacityInKB * 1024 == 2 * GIB
    assert bool(disk.backing.thinProvisioned) is thin
    assert disk.backing.uuid == volume.id
    devices = {one.key: one for one in machine.config.hardware.device}
    assert type(devices[disk.controllerKey]) is adapter
    path = file(content, disk.backing.fileName)
    assert path.exists()
    driver.delete_volume(volume)
    assert machine_of(content, volume.id) is None
    assert not path.exists()
    # Deleting what is gone is no error.
    driver.delete_volume(volume)


def test_lazy_creation(make_driver: MakeDriver, content: Any, new_volume: NewVolume) -> None:
    """By default the disk is made when the volume is first attached."""
    driver = make_driver(vmware_lazy_create=True)
    volume = new_volume()
    driver.create_volume(volume)
    assert machine_of(content, volume.id) is None
    instance = content.searchIndex.FindByInventoryPath('DC0/vm/DC0_C0_RP0_VM0')
    info = driver.initialize_connection(volume, {'instance': instance._moId})
    assert info['driver_volume_type'] == 'vmdk'
    assert info['data'] == {
        'volume': machine_of(content, volume.id)._moId,
        'volume_id': volume.id,
        'name': volume.name,
        'profile_id': None,
    }
    driver.delete_volume(volume)


def test_connection_for_os_brick(
    driver: VMwareVcVmdkDriver, content: Any, new_volume: NewVolume
) -> None:
    """A connector of os-brick is told where the disk is and how to get at it."""
    volume = new_volume()
    driver.create_volume(volume)
    connector = {'platform': 'x86_64', 'os_type': 'linux2'}
    data = driver.initialize_connection(volume, connector)['data']
    machine = machine_of(content, volume.id)
    (disk,) = disks(machine)
    assert data['vmdk_path'] == disk.backing.fileName
    assert data['vmdk_size'] == GIB
    assert data['datastore'] == machine.datastore[0]._moId
    assert data['datacenter'] == datacenter(content)._moId
    driver.delete_volume(volume)


def test_snapshots(make_driver: MakeDriver, content: Any, new_volume: NewVolume) -> None:
    """Two of them; the volume goes back to the first; both go."""
    driver = make_driver(vmware_snapshot_format='COW')
    volume = new_volume()
    driver.create_volume(volume)
    first, second = make_snapshot(volume), make_snapshot(volume)
    assert driver.create_snapshot(first) is driver.create_snapshot(second) is None
    machine = machine_of(content, volume.id)
    (tree,) = machine.snapshot.rootSnapshotList
    assert (tree.name, tree.description) == (first.name, 'before the upgrade')
    assert [child.name for child in tree.childSnapshotList] == [second.name]
    driver.revert_to_snapshot(admin(), volume, first)
    assert machine.snapshot.currentSnapshot == tree.snapshot
    driver.delete_snapshot(second)
    assert machine.snapshot.rootSnapshotList[0].childSnapshotList == []
    driver.delete_snapshot(first)
    assert machine.rootSnapshot == []
    driver.delete_volume(volume)


def test_other_project_gets_the_volume(
    driver: VMwareVcVmdkDriver, content: Any, new_volume: NewVolume
) -> None:
    """A volume that is handed over moves into the folder of its new project."""
    volume = new_volume()
    driver.create_volume(volume)
    driver.accept_transfer(None, volume, 'somebody', 'another-project')
    folder = machine_of(content, volume.id).parent
    assert (folder.name, folder.parent.name) == ('Volumes', 'Project (another-project)')
    driver.delete_volume(volume)


def test_no_datastore_is_large_enough(
    driver: VMwareVcVmdkDriver, content: Any, new_volume: NewVolume
) -> None:
    """A volume that fits nowhere is refused with the driver's own exception."""
    volume = new_volume(1024 * 1024)
    with pytest.raises(vmdk_exceptions.NoValidDatastoreException):
        driver.create_volume(volume)
    assert machine_of(content, volume.id) is None


def test_session_that_expired(
    driver: VMwareVcVmdkDriver, content: Any, new_volume: NewVolume
) -> None:
    """The driver goes on with another session."""
    assert len(end_other_sessions(content)) == 1
    volume = new_volume()
    driver.create_volume(volume)
    assert machine_of(content, volume.id) is not None
    assert len(end_other_sessions(content)) == 1
    driver.delete_volume(volume)
    assert machine_of(content, volume.id) is None


def method_missing(operation: str, action: Callable[[], Any]) -> None:
    with pytest.raises(VimFaultException) as caught:
        action()
    assert caught.value.fault_list == ['MethodNotFound']
    assert caught.value.details['method'] == operation


def test_no_disk_is_extended(
    driver: VMwareVcVmdkDriver, content: Any, new_volume: NewVolume
) -> None:
    """A volume stays as large as it was."""
    volume = new_volume()
    driver.create_volume(volume)
    method_missing('ExtendVirtualDisk_Task', lambda: driver.extend_volume(volume, 3))
    (disk,) = disks(machine_of(content, volume.id))
    assert disk.capacityInKB * 1024 == GIB
    driver.delete_volume(volume)


def test_no_disk_of_an_image_is_extended(
    driver: VMwareVcVmdkDriver,
    vc: Vcsim,
    content: Any,
    glance: Glance,
    images: Any,
    new_volume: NewVolume,
) -> None:
    """The image's bytes are there, as its kind has it; the volume would have to be larger."""
    data = os.urandom(MIB)
    image = glance.add(data, vmware_disktype='preallocated')
    # Another type is made by a clone.
    volume = new_volume(vmdk_type='eagerZeroedThick')
    method_missing(
        'ExtendVirtualDisk_Task',
        lambda: driver.copy_image_to_volume(admin(), volume, images, image),
    )
    (disk,) = disks(machine_of(content, volume.id))
    assert disk.backing.uuid == volume.id
    flat = disk.backing.fileName.replace('.vmdk', '-flat.vmdk')
    assert file(content, flat).read_bytes() == data
    driver.delete_volume(volume)

    stream = stream_optimized(data, 64 * MIB)
    image = glance.add(stream, vmware_disktype='streamOptimized')
    volume = new_volume()
    method_missing(
        'ExtendVirtualDisk_Task',
        lambda: driver.copy_image_to_volume(admin(), volume, images, image),
    )
    assert f'transferred {len(stream)} bytes' in vc.log
    driver.delete_volume(volume)


def test_no_disk_is_exported(
    driver: VMwareVcVmdkDriver, glance: Glance, images: Any, new_volume: NewVolume
) -> None:
    """No volume becomes an image."""
    volume = new_volume()
    driver.create_volume(volume)
    image = glance.add(None)
    method_missing(
        'ExportVm',
        lambda: driver.copy_volume_to_image(admin(), volume, images, glance.images[image]),
    )
    assert image not in glance.data
    driver.delete_volume(volume)


def test_no_clone_has_a_disk_of_its_own(
    driver: VMwareVcVmdkDriver, content: Any, new_volume: NewVolume
) -> None:
    """The source has lost its disk to the clone: no flow of clones, nor of snapshots that are
    templates, nor of volumes from snapshots, is worth anything before govmomi mends that.
    """
    source, clone = new_volume(), new_volume()
    driver.create_volume(source)
    (disk,) = disks(machine_of(content, source.id))
    driver.create_cloned_volume(clone, source)
    (its,) = disks(machine_of(content, clone.id))
    (left,) = disks(machine_of(content, source.id))
    assert left.backing.fileName == its.backing.fileName != disk.backing.fileName
    driver.delete_volume(clone)
    driver.delete_volume(source)


def test_no_datastore_is_matched_with_a_policy(
    driver: VMwareVcVmdkDriver, content: Any, new_volume: NewVolume
) -> None:
    """A volume whose type has a policy lies nowhere, rather than anywhere."""
    volume = new_volume(storage_profile='vSAN Default Storage Policy')
    method_missing('PbmQueryMatchingHub', lambda: driver.create_volume(volume))
    assert machine_of(content, volume.id) is None
