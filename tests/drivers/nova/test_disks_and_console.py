"""First class disks, the console, and a migration that changes nothing but the host."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nova import exception, objects
from nova.virt.vmwareapi.driver import VMwareVCDriver
from pyVim.task import WaitForTask
from pyVmomi import vim

from oslo_vmware.exceptions import VimException
from tests.drivers.nova.support import GIB, Images, Server, digest, digest_of, make_flavor

Look = Callable[[objects.Instance], Server]

MIB_OF_DISK = 2048


@pytest.fixture
def disk(content: Any, cluster: Any) -> Iterator[Any]:
    """A volume of Cinder that is a first class disk; another client makes and deletes it."""
    datastore = vim.Datastore(cluster.host[0].datastore[0].ref.value, content.rootFolder._stub)
    spec = vim.vslm.CreateSpec(
        name='volume',
        capacityInMB=MIB_OF_DISK,
        backingSpec=vim.vslm.CreateSpec.DiskFileBackingSpec(
            datastore=datastore, provisioningType='thin'
        ),
    )
    task = content.vStorageObjectManager.CreateDisk_Task(spec)
    WaitForTask(task)
    made = task.info.result
    yield made
    WaitForTask(
        content.vStorageObjectManager.DeleteVStorageObject_Task(
            made.config.id, made.config.backing.datastore
        )
    )


def connection_to(disk: Any, adapter_type: str = 'lsiLogic') -> dict[str, Any]:
    """What Cinder tells Nova of the volume."""
    return {
        'driver_volume_type': 'vstorageobject',
        'data': {
            'id': disk.config.id.id,
            'ds_ref_val': disk.config.backing.datastore._moId,
            'adapter_type': adapter_type,
        },
    }


def test_a_first_class_disk_is_attached_and_detached(
    driver: VMwareVCDriver,
    context: Any,
    running: objects.Instance,
    server: Look,
    content: Any,
    disk: Any,
) -> None:
    """It becomes the second disk, beside the first, and is Cinder's afterwards."""
    found = server(running)
    connection = connection_to(disk)
    driver.attach_volume(context, connection, running, '/dev/sdb')
    root, attached = found.vm.disks
    assert (attached.vDiskId.id, attached.capacityInBytes) == (disk.config.id.id, 2 * GIB)
    assert attached.controllerKey == root.controllerKey
    manager, place = content.vStorageObjectManager, disk.config.backing.datastore
    shown = manager.RetrieveVStorageObject(disk.config.id, place)
    assert [one.id for one in shown.config.consumerId] != []
    driver.detach_volume(context, connection, running, '/dev/sdb')
    assert [one.key for one in found.vm.disks] == [root.key]
    shown = manager.RetrieveVStorageObject(disk.config.id, place)
    assert list(shown.config.consumerId) == []


def test_a_disk_that_is_not_there(
    driver: VMwareVCDriver, context: Any, running: objects.Instance, server: Look, disk: Any
) -> None:
    """A volume that Cinder has deleted cannot be attached, and the instance is as it was."""
    connection = connection_to(disk)
    connection['data']['id'] = '00000000-0000-0000-0000-000000000000'
    with pytest.raises(VimException):
        driver.attach_volume(context, connection, running, '/dev/sdb')
    assert len(server(running).vm.disks) == 1


def test_a_running_instance_takes_no_ide_disk(
    driver: VMwareVCDriver, context: Any, running: objects.Instance, disk: Any
) -> None:
    """Nova itself refuses to attach to IDE while the instance runs."""
    with pytest.raises(exception.Invalid, match='hotplug'):
        driver.attach_volume(context, connection_to(disk, 'ide'), running, '/dev/hdb')


def test_the_console(
    driver: VMwareVCDriver, context: Any, running: objects.Instance, server: Look
) -> None:
    """A ticket for the console of the host that the instance runs on."""
    vm = server(running).vm
    console = driver.get_mks_console(context, running)
    assert (console.host, console.port) == (vm.host.name, 902)
    access = json.loads(console.internal_access_path)
    assert access['thumbprint'] == vm.host.thumbprint.replace(':', '').lower()
    assert access['cfgFile'] == f'{vm.stem}.vmx'
    assert (
        access['ticket']
        != json.loads(driver.get_mks_console(context, running).internal_access_path)['ticket']
    )


def test_no_console_of_what_is_off(
    driver: VMwareVCDriver, context: Any, running: objects.Instance
) -> None:
    """The fault of the server comes through."""
    driver.power_off(running)
    with pytest.raises(VimException):
        driver.get_mks_console(context, running)
    driver.power_on(context, running, None)


def test_cold_migration(
    driver: VMwareVCDriver,
    context: Any,
    spawn: Callable[..., None],
    images: Images,
    make_instance: Callable[..., objects.Instance],
    server: Look,
    datum: bytes,
) -> None:
    """With the flavor that it has already an instance goes off and on, on the disk it had."""
    image = images.add(datum, vmware_disktype='preallocated', img_linked_clone='False')
    instance = make_instance(image)
    spawn(instance, image)
    found = server(instance)
    (before,) = found.vm.disks
    size = found.vm.num_cpu, found.vm.memory_mb
    same = make_flavor(root_gb=1, memory_mb=512, vcpus=1)
    driver.migrate_disk_and_power_off(context, instance, 'compute-2', same, None)
    assert found.vm.power_state == 'poweredOff'
    driver.finish_migration(context, None, instance, None, None, image, False, {})
    driver.confirm_migration(context, None, instance, None)
    assert found.vm.power_state == 'poweredOn'
    assert (found.vm.num_cpu, found.vm.memory_mb) == size
    (disk,) = found.vm.disks
    assert (disk.backing.fileName, disk.capacityInBytes) == (before.backing.fileName, GIB)
    assert digest_of(found.disk_file(disk), len(datum)) == digest(datum)
    driver.destroy(None, instance, None)
    assert found.vm is None
