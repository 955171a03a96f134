"""Nova's driver on a vCenter that is not ours, as far as that goes.

What it cannot do is at the end of the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from nova import exception, objects
from nova.compute import power_state
from pyVmomi import vim

from oslo_vmware.exceptions import VimFaultException
from tests.drivers.nova.support import (
    GIB,
    MIB,
    Images,
    make_flavor,
    mend_placement,
    new_instance,
    vif_on,
)
from tests.drivers.nova_vcsim.conftest import Server
from tests.drivers.on_vcsim.inventory import datacenter, disks, end_other_sessions
from tests.drivers.on_vcsim.server import Vcsim
from tests.drivers.vmdk import stream_optimized

Spawn = Callable[..., Any]
Look = Callable[[Any], Server]

NETWORK, MAC = 'DC0_DVPG0', 'fa:16:3e:0d:4c:11'


def test_start_nodes_and_capacity(driver: Any, content: Any) -> None:
    """The driver logs in, registers its extension, and counts what the cluster has."""
    (node,) = driver.get_available_nodes()
    cluster = datacenter(content).hostFolder.childEntity[0]
    assert node == f'{cluster._moId}.{content.about.instanceUuid}'
    resources = driver.get_available_resource(node)
    hardware = [host.summary.hardware for host in cluster.host]
    assert len(hardware) == 3
    assert resources['vcpus'] == sum(one.numCpuThreads for one in hardware)
    assert resources['memory_mb'] == sum(one.memorySize // MIB for one in hardware)
    assert resources['hypervisor_type'] == 'VMware vCenter Server'
    datastores = cluster.datastore
    assert resources['local_gb'] in [one.summary.capacity // GIB for one in datastores]


def test_spawn_from_a_flat_image(
    driver: Any,
    spawn: Spawn,
    context: Any,
    flat: objects.ImageMeta,
    images: Images,
    datum: bytes,
    look: Look,
) -> None:
    """The image goes to the datastore once, and is the parent of two instances' disks."""
    instance = spawn(flat)
    server = look(instance)
    vm = server.vm
    assert vm.name == f'web ({instance.uuid})'
    assert (vm.config.hardware.numCPU, vm.config.hardware.memoryMB) == (2, 1024)
    assert vm.runtime.powerState == 'poweredOn'
    assert server.options['nvp.vm-uuid'] == instance.uuid
    (disk,) = server.disks
    parent = disk.backing.parent.fileName
    assert server.file(parent.replace('.vmdk', '-flat.vmdk')).read_bytes() == datum
    images.data.clear()
    other = spawn(flat)
    assert [disk.backing.parent.fileName for disk in look(other).disks] == [parent]
    assert sorted(driver.list_instances()) == sorted([instance.uuid, other.uuid])
    driver.destroy(context, instance, None)
    assert server.vm is None
    assert not server.file(disk.backing.fileName).exists()
    assert driver.list_instances() == driver.list_instance_uuids() == [other.uuid]


def test_spawn_from_a_stream_optimised_image(
    server: Vcsim, spawn: Spawn, images: Images, look: Look
) -> None:
    """The stream goes through a lease, whole; the machine it made is no longer there."""
    stream = stream_optimized(os.urandom(MIB), 64 * MIB)
    instance = spawn(images.add(stream, vmware_disktype='streamOptimized'))
    assert f'transferred {len(stream)} bytes' in server.log
    assert look(instance).vm.runtime.powerState == 'poweredOn'
    (disk,) = look(instance).disks
    assert disk.backing.parent.fileName.endswith(f'{instance.image_ref}.vmdk')


def test_power(driver: Any, spawn: Spawn, flat: objects.ImageMeta, look: Look) -> None:
    """Each operation, by the driver's word and the server's; a reboot boots anew."""
    instance = spawn(flat)
    vm = look(instance).vm
    for action, state, power in (
        (lambda: driver.suspend(None, instance), power_state.SUSPENDED, 'suspended'),
        (lambda: driver.resume(None, instance, None), power_state.RUNNING, 'poweredOn'),
        (lambda: driver.power_off(instance), power_state.SHUTDOWN, 'poweredOff'),
        (lambda: driver.power_on(None, instance, None), power_state.RUNNING, 'poweredOn'),
    ):
        action()
        assert driver.get_info(instance).state == state
        assert vm.runtime.powerState == power
    # The guest has no tools, so that both are a reset.
    for kind in ('HARD', 'SOFT'):
        booted = vm.summary.runtime.bootTime
        driver.reboot(None, instance, None, kind)
        assert vm.summary.runtime.bootTime > booted
    driver.power_off(instance)
    with pytest.raises(exception.InstanceRebootFailure):
        driver.reboot(None, instance, None, 'SOFT')


def test_diagnostics(driver: Any, spawn: Spawn, flat: objects.ImageMeta) -> None:
    """Of one that runs; one that was never made is not there."""
    instance = spawn(flat)
    diagnostics = driver.get_diagnostics(instance)
    assert (diagnostics['vmware:numCpu'], diagnostics['vmware:memorySizeMB']) == (2, 1024)
    assert driver.get_instance_diagnostics(instance).state == 'running'
    with pytest.raises(exception.InstanceNotFound):
        driver.get_info(new_instance(flat))


def test_ephemeral_and_swap_disks(spawn: Spawn, flat: objects.ImageMeta, look: Look) -> None:
    """Disks of the flavor's sizes on the controller of the root disk."""
    instance = spawn(flat, ephemeral_gb=2, swap=512)
    root, *others = look(instance).disks
    assert [disk.capacityInKB * 1024 for disk in others] == [2 * GIB, 512 * MIB]
    assert {disk.controllerKey for disk in others} == {root.controllerKey}
    assert len({disk.unitNumber for disk in (root, *others)}) == 3
    for disk in others:
        assert look(instance).file(disk.backing.fileName).exists()


def test_resize(
    driver: Any, context: Any, spawn: Spawn, flat: objects.ImageMeta, look: Look
) -> None:
    """More processors and memory, then back to as many as there were."""
    instance = spawn(flat)
    vm = look(instance).vm
    larger = make_flavor(root_gb=0, memory_mb=2048, vcpus=4)
    driver.migrate_disk_and_power_off(context, instance, 'compute-1', larger, None)
    assert (vm.config.hardware.numCPU, vm.config.hardware.memoryMB) == (4, 2048)
    assert vm.runtime.powerState == 'poweredOff'
    driver.finish_migration(context, None, instance, None, None, flat, False, {})
    assert vm.runtime.powerState == 'poweredOn'
    driver.power_off(instance)
    driver.finish_revert_migration(context, instance, None, None, None)
    assert (vm.config.hardware.numCPU, vm.config.hardware.memoryMB) == (2, 1024)
    assert vm.runtime.powerState == 'poweredOn'


def test_rescue(
    driver: Any, context: Any, spawn: Spawn, flat: objects.ImageMeta, look: Look
) -> None:
    """The instance boots from a second disk with the image, and then from its own again."""
    instance = spawn(flat)
    server = look(instance)
    (root,) = server.disks
    driver.rescue(context, instance, None, flat, None, None, None)
    disks = {disk.key: disk for disk in server.disks}
    assert len(disks) == 2
    (first,) = server.vm.config.bootOptions.bootOrder
    assert disks[first.deviceKey].backing.fileName.endswith('-rescue.vmdk')
    assert server.vm.runtime.powerState == 'poweredOn'
    driver.unrescue(context, instance)
    assert [disk.key for disk in server.disks] == [root.key]
    assert server.vm.runtime.powerState == 'poweredOn'


def test_interfaces(
    driver: Any, context: Any, spawn: Spawn, flat: objects.ImageMeta, content: Any, look: Look
) -> None:
    """A card on a port group, attached to the running machine and detached again."""
    instance = spawn(flat)
    vif = vif_on(NETWORK, MAC)
    (key,) = {one.key for one in datacenter(content).network if one.name == NETWORK}

    def cards() -> dict[str, str]:
        return {
            device.macAddress: device.backing.port.portgroupKey
            for device in look(instance).vm.config.hardware.device
            if isinstance(device, vim.vm.device.VirtualEthernetCard)
        }

    driver.attach_interface(context, instance, flat, vif)
    assert cards() == {MAC: key}
    assert look(instance).options['nvp.iface-id.0'] == vif['id']
    driver.detach_interface(context, instance, vif)
    assert cards() == {}
    assert look(instance).options['nvp.iface-id.0'] == 'free'


def test_volumes(
    driver: Any, context: Any, spawn: Spawn, flat: objects.ImageMeta, content: Any, look: Look
) -> None:
    """The disk of a machine that stands for a volume becomes the instance's second one."""
    instance = spawn(flat)
    server = look(instance)
    volume = content.searchIndex.FindByInventoryPath('DC0/vm/DC0_C0_RP0_VM0')
    volume_id = volume.config.instanceUuid
    (its,) = disks(volume)
    data = {'volume': volume._moId, 'volume_id': volume_id, 'name': volume.name}
    connection = {'driver_volume_type': 'vmdk', 'data': data}
    assert driver.get_volume_connector(instance)['instance'] == server.vm._moId
    driver.attach_volume(context, connection, instance, '/dev/sdb')
    root, attached = server.disks
    assert attached.backing.fileName == its.backing.fileName
    assert server.options[f'volume-{volume_id}'] == attached.backing.uuid
    driver.detach_volume(context, connection, instance, '/dev/sdb')
    assert [disk.key for disk in server.disks] == [root.key]
    assert not server.options[f'volume-{volume_id}']
    assert server.file(its.backing.fileName).exists()


def test_an_expired_session_is_renewed(
    driver: Any, spawn: Spawn, flat: objects.ImageMeta, content: Any
) -> None:
    """The vCenter forgets the session; the driver goes on, and nobody notices."""
    instance = spawn(flat)
    assert len(ended := end_other_sessions(content)) == 1
    assert driver.list_instances() == [instance.uuid]
    assert ended.isdisjoint(one.key for one in content.sessionManager.sessionList)


@pytest.mark.parametrize(
    ('linked', 'root_gb'), [('False', 0), ('True', 1)], ids=['full clone', 'larger disk']
)
def test_no_disk_is_copied(spawn: Spawn, images: Images, linked: str, root_gb: int) -> None:
    """An instance with a root disk of its own, or a larger one, fails: when the simulator learns
    that a copy goes to the datacenter of its source, these are flows as those above.
    """
    image = images.add(os.urandom(MIB), vmware_disktype='preallocated', img_linked_clone=linked)
    with pytest.raises(VimFaultException) as caught:
        spawn(image, root_gb=root_gb)
    assert caught.value.fault_list == ['InvalidArgument']
    assert caught.value.details == {'invalidProperty': 'dc'}


def test_no_disk_is_exported(
    driver: Any, context: Any, spawn: Spawn, flat: objects.ImageMeta, images: Images, look: Look
) -> None:
    """A snapshot for an image fails, and snapshot and clone are gone all the same."""
    instance = spawn(flat)
    with pytest.raises(VimFaultException) as caught:
        driver.snapshot(context, instance, images.create('of web'), lambda **change: None)
    assert caught.value.details['method'] == 'ExportVm'
    assert look(instance).vm.rootSnapshot == []


def test_no_datastore_is_matched_with_a_policy(
    make_driver: Callable[..., Any],
    context: Any,
    flat: objects.ImageMeta,
    look: Look,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The driver starts with a default policy that there is; an instance fails for want of
    PbmQueryMatchingHub, and gets no datastore that nobody has matched.
    """
    mend_placement(monkeypatch)
    driver = make_driver(pbm_enabled=True, pbm_default_policy='vSAN Default Storage Policy')
    instance = new_instance(flat)
    with pytest.raises(VimFaultException) as caught:
        driver.spawn(context, instance, flat, [], None, {})
    assert caught.value.details['method'] == 'PbmQueryMatchingHub'
    assert look(instance).vm is None
