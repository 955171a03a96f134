"""The life of an instance, by Nova's driver and as the server sees it."""

from __future__ import annotations

import io
import tarfile
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nova import exception, objects
from nova.compute import power_state, task_states
from nova.virt.vmwareapi.driver import VMwareVCDriver
from pyVim.task import WaitForTask
from pyVmomi import vim

from oslo_vmware.exceptions import NoDiskSpaceException, VimException
from oslo_vmware.simulator import VCenterSimulator
from tests.drivers.nova.support import (
    GIB,
    MIB,
    Images,
    Ports,
    Server,
    digest,
    digest_of,
    make_flavor,
    mend_placement,
    vif_on,
)
from tests.drivers.vmdk import stream_optimized
from tests.transfer.disks import content_of

MAC = 'fa:16:3e:0d:4c:11'

MakeInstance = Callable[..., objects.Instance]
Spawn = Callable[..., None]
Look = Callable[[objects.Instance], Server]


def assert_nothing_left(server: Server, name: str) -> None:
    """The instance is gone from the inventory and from all datastores."""
    assert server.vm is None
    for datastore in [one for one in server.vc.world.objects.values() if one.is_a('Datastore')]:
        top = server.volume(datastore).names('')
        assert name not in top
        # What images came through is cleared away; what is kept is the cache.
        assert [one for one in top if one.startswith(('OSTACK_IMG', 'OSTACK_SNAP'))] == []
        if 'vmware_temp' in top:
            assert server.volume(datastore).names('vmware_temp') == []


@pytest.mark.parametrize('linked', [True, False])
def test_spawn_from_a_flat_image(
    driver: VMwareVCDriver,
    spawn: Spawn,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
    vc: VCenterSimulator,
    linked: bool,
) -> None:
    """The image's bytes are the beginning of a root disk of the flavor's size; the machine runs."""
    image = images.add(datum, vmware_disktype='preallocated', img_linked_clone=str(linked))
    instance = make_instance(image, memory_mb=1024, vcpus=2)
    spawn(instance, image)
    found = server(instance)
    vm = found.vm
    assert vm.power_state == 'poweredOn'
    assert (vm.num_cpu, vm.memory_mb) == (2, 1024)
    assert vm.name == f'web ({instance.uuid})'
    assert vm.parent.name == 'Instances'
    assert vm.extra['nvp.vm-uuid'] == instance.uuid
    (disk,) = vm.disks
    assert disk.capacityInBytes == GIB
    assert (disk.backing.parent is not None) == linked
    assert digest_of(found.disk_file(disk), len(datum)) == digest(datum)
    # The image went over the wire once, and all of it.
    (put,) = [one for one in vc.transfers if one.method == 'PUT']
    assert (put.received, put.status) == (len(datum), 201)
    driver.destroy(None, instance, None)
    assert_nothing_left(found, instance.uuid)


def test_a_cached_image_is_not_sent_again(
    driver: VMwareVCDriver,
    spawn: Spawn,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
    vc: VCenterSimulator,
) -> None:
    """Two instances of one image share its cached disk, and the second one outlives the first."""
    image = images.add(datum, vmware_disktype='preallocated')
    one, two = make_instance(image), make_instance(image)
    for instance in (one, two):
        spawn(instance, image)
    assert len([transfer for transfer in vc.transfers if transfer.method == 'PUT']) == 1
    files = {server(instance).vm.disks[0].backing.parent.fileName for instance in (one, two)}
    assert len(files) == 1
    driver.destroy(None, one, None)
    found = server(two)
    assert digest_of(found.disk_file(found.vm.disks[0]), len(datum)) == digest(datum)
    assert driver.list_instances() == [two.uuid]
    driver.destroy(None, two, None)
    assert driver.list_instances() == []


def test_spawn_from_a_stream_optimised_image(
    driver: VMwareVCDriver,
    spawn: Spawn,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
    vc: VCenterSimulator,
) -> None:
    """The stream goes through a lease that is completed; the disk is extended to the flavor's."""
    stream = stream_optimized(datum, 64 * MIB)
    image = images.add(stream, vmware_disktype='streamOptimized')
    instance = make_instance(image)
    spawn(instance, image)
    found = server(instance)
    (disk,) = found.vm.disks
    assert found.vm.power_state == 'poweredOn'
    assert disk.capacityInBytes == GIB
    assert digest_of(found.disk_file(disk), len(datum)) == digest(datum)
    assert vc.count('HttpNfcLeaseComplete') == 1
    assert vc.count('HttpNfcLeaseAbort') == 0
    # The machine that the disk was imported with has been taken out of the inventory.
    machines = [one.name for one in vc.world.objects.values() if one.is_a('VirtualMachine')]
    assert [name for name in machines if name.startswith('OSTACK_IMG')] == []
    driver.destroy(None, instance, None)
    assert_nothing_left(found, instance.uuid)


_OVF = b"""<?xml version="1.0"?>
<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
  <ovf:References><ovf:File ovf:id="file1" ovf:href="disk.vmdk"/></ovf:References>
  <ovf:DiskSection><ovf:Info/><ovf:Disk ovf:diskId="d" ovf:fileRef="file1"/></ovf:DiskSection>
</ovf:Envelope>
"""


def test_an_ova_is_not_taken_for_its_disk(
    driver: VMwareVCDriver,
    spawn: Spawn,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
    vc: VCenterSimulator,
) -> None:
    """Nova announces the archive's size for the disk in it, which is less: an error, nothing left.

    The contract has it so: a disk of which less than all came is not imported.
    """
    stream = stream_optimized(datum, 64 * MIB)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode='w') as tar:
        for name, data in {'web.ovf': _OVF, 'disk.vmdk': stream}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    image = images.add(archive.getvalue(), vmware_disktype='streamOptimized')
    image.container_format = 'ova'
    instance = make_instance(image)
    with pytest.raises(VimException, match=f'{len(stream)} of {len(archive.getvalue())} announced'):
        spawn(instance, image)
    assert (vc.count('HttpNfcLeaseComplete'), vc.count('HttpNfcLeaseAbort')) == (0, 1)
    found = server(instance)
    assert (found.vm.power_state, found.vm.disks) == ('poweredOff', [])
    driver.destroy(None, instance, None)
    assert_nothing_left(found, instance.uuid)


def test_rescue(
    driver: VMwareVCDriver,
    context: Any,
    running: objects.Instance,
    images: Images,
    server: Look,
    datum: bytes,
) -> None:
    """The instance boots from a disk with the image, and from its own again afterwards."""
    found = server(running)
    (root,) = found.vm.disks
    image = objects.ImageMeta.from_dict(images.metadata[running.image_ref])
    driver.rescue(context, running, None, image, None, None, None)
    disks = {disk.key: disk for disk in found.vm.disks}
    assert len(disks) == 2
    (first,) = found.vm.options['bootOptions'].bootOrder
    rescue = disks[first.deviceKey]
    assert rescue.backing.fileName.endswith('-rescue.vmdk')
    assert digest_of(found.disk_file(rescue), len(datum)) == digest(datum)
    assert found.vm.power_state == 'poweredOn'
    driver.unrescue(context, running)
    assert [disk.key for disk in found.vm.disks] == [root.key]
    names = found.volume().names(running.uuid)
    assert [name for name in names if 'rescue' in name] == []


def test_ephemeral_and_swap_disks(
    driver: VMwareVCDriver,
    spawn: Spawn,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
) -> None:
    """Thin disks of the flavor's sizes beside the root disk, and gone with the instance."""
    image = images.add(datum, vmware_disktype='preallocated')
    instance = make_instance(image)
    instance.flavor.ephemeral_gb, instance.flavor.swap = 2, 512
    spawn(instance, image)
    found = server(instance)
    sizes = [(disk.capacityInBytes, disk.backing.thinProvisioned) for disk in found.vm.disks[1:]]
    assert sizes == [(2 * GIB, True), (512 * MIB, True)]
    driver.destroy(None, instance, None)
    assert_nothing_left(found, instance.uuid)


def test_an_image_larger_than_the_flavor(
    spawn: Spawn, images: Images, make_instance: MakeInstance, server: Look, datum: bytes
) -> None:
    """Refused with Nova's error, and nothing is made."""
    image = images.add(datum, vmware_disktype='preallocated')
    image.size = 2 * GIB
    instance = make_instance(image)
    with pytest.raises(exception.InstanceUnacceptable):
        spawn(instance, image)
    assert server(instance).vm is None


def test_a_failed_upload_fails_the_spawn(
    driver: VMwareVCDriver,
    spawn: Spawn,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
    vc: VCenterSimulator,
) -> None:
    """An image that a host refuses is an error, not an instance with an empty disk."""
    image = images.add(datum, vmware_disktype='preallocated')
    instance = make_instance(image)
    vc.faults.http('PUT /folder/*', status=507, times=1)
    with pytest.raises(NoDiskSpaceException, match='507'):
        spawn(instance, image)
    found = server(instance)
    assert (found.vm.power_state, found.vm.disks) == ('poweredOff', [])
    # Nova leaves the directory for the image, without the image in it.
    volume = found.volume()
    (left,) = volume.names('vmware_temp')
    (name,) = volume.names(f'vmware_temp/{left}/{image.id}')
    assert name == f'{image.id}.vmdk'
    volume.remove(f'vmware_temp/{left}')
    driver.destroy(None, instance, None)
    assert_nothing_left(found, instance.uuid)


def test_info(driver: VMwareVCDriver, running: objects.Instance, server: Look) -> None:
    """State by each power operation, and diagnostics of the machine's size."""
    vm = server(running).vm
    assert driver.get_info(running).state == power_state.RUNNING
    driver.suspend(None, running)
    assert vm.power_state == 'suspended'
    assert driver.get_info(running).state == power_state.SUSPENDED
    driver.resume(None, running, None)
    assert driver.get_info(running).state == power_state.RUNNING
    driver.power_off(running)
    assert vm.power_state == 'poweredOff'
    assert driver.get_info(running).state == power_state.SHUTDOWN
    driver.power_on(None, running, None)
    assert vm.power_state == 'poweredOn'
    diagnostics = driver.get_diagnostics(running)
    assert (diagnostics['vmware:numCpu'], diagnostics['vmware:memorySizeMB']) == (1, 512)
    assert driver.get_instance_diagnostics(running).state == 'running'


def test_info_of_nobody(
    driver: VMwareVCDriver, images: Images, make_instance: MakeInstance
) -> None:
    """An instance that was never made is not there."""
    instance = make_instance(images.add(b''))
    with pytest.raises(exception.InstanceNotFound):
        driver.get_info(instance)


@pytest.mark.parametrize(
    ('kind', 'tools', 'operation'),
    [
        ('SOFT', True, 'RebootGuest'),
        ('SOFT', False, 'ResetVM_Task'),
        ('HARD', True, 'ResetVM_Task'),
    ],
)
def test_reboot(
    driver: VMwareVCDriver,
    running: objects.Instance,
    server: Look,
    vc: VCenterSimulator,
    kind: str,
    tools: bool,
    operation: str,
) -> None:
    """Softly by the guest where it has tools, else by a reset; the machine has booted anew."""
    vm = server(running).vm
    vm.update(tools=tools)
    booted = vm.boot_time
    driver.reboot(None, running, None, kind)
    counts = {name: vc.count(name) for name in ('RebootGuest', 'ResetVM_Task')}
    assert counts == {'RebootGuest': 0, 'ResetVM_Task': 0} | {operation: 1}
    with vc.world.lock:
        # The guest answers before it acts.
        assert vc.world.changes.wait_for(lambda: vm.boot_time > booted, timeout=30)
    assert vm.power_state == 'poweredOn'


def test_reboot_of_what_is_off(driver: VMwareVCDriver, running: objects.Instance) -> None:
    driver.power_off(running)
    with pytest.raises(exception.InstanceRebootFailure):
        driver.reboot(None, running, None, 'SOFT')


def test_snapshot(
    driver: VMwareVCDriver,
    context: Any,
    running: objects.Instance,
    images: Images,
    server: Look,
    datum: bytes,
    vc: VCenterSimulator,
) -> None:
    """The disk's data becomes an image; snapshot, clone and lease are gone, the machine goes on."""
    found = server(running)
    before = found.vm.disks[0].backing.fileName
    machines = [one for one in vc.world.objects.values() if one.is_a('VirtualMachine')]
    image_id = images.create('of web')
    states: list[Any] = []
    driver.snapshot(context, running, image_id, lambda **change: states.append(change))
    data = images.data[image_id]
    assert digest(content_of(data, len(datum))) == digest(datum)
    assert images.metadata[image_id]['properties']['vmware_disktype'] == 'streamOptimized'
    assert [one['task_state'] for one in states] == [
        task_states.IMAGE_PENDING_UPLOAD,
        task_states.IMAGE_UPLOADING,
    ]
    (download,) = [one for one in vc.transfers if one.method == 'GET']
    assert download.sent == len(data)
    assert vc.count('CreateSnapshot_Task') == vc.count('RemoveSnapshot_Task') == 1
    assert vc.count('HttpNfcLeaseComplete') == 1
    assert found.vm.power_state == 'poweredOn'
    assert found.vm.snapshots == []
    assert found.vm.disks[0].backing.fileName == before
    assert [one for one in vc.world.objects.values() if one.is_a('VirtualMachine')] == machines


def test_a_snapshot_that_nobody_takes(
    driver: VMwareVCDriver,
    context: Any,
    running: objects.Instance,
    images: Images,
    server: Look,
    vc: VCenterSimulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The image service fails half-way: its error, and snapshot, clone and lease are gone too."""

    def fail(context: Any, image_id: str, metadata: Any, data: Any = None, **unused: Any) -> None:
        data.read(65536)
        raise exception.ImageNotAuthorized(image_id=image_id)

    monkeypatch.setattr(images, 'update', fail)
    machines = [one for one in vc.world.objects.values() if one.is_a('VirtualMachine')]
    with pytest.raises(exception.ImageNotAuthorized):
        driver.snapshot(context, running, images.create('of web'), lambda **change: None)
    assert server(running).vm.snapshots == []
    assert vc.nfc.leases == []
    assert vc.count('HttpNfcLeaseComplete') == 0
    assert [one for one in vc.world.objects.values() if one.is_a('VirtualMachine')] == machines


def test_resize(
    driver: VMwareVCDriver,
    context: Any,
    spawn: Spawn,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
) -> None:
    """More processors, memory and disk; confirmed, nothing of the old disk is left."""
    image = images.add(datum, vmware_disktype='preallocated', img_linked_clone='False')
    instance = make_instance(image)
    spawn(instance, image)
    found = server(instance)
    larger = make_flavor(root_gb=2, memory_mb=1024, vcpus=2)
    driver.migrate_disk_and_power_off(context, instance, 'compute-1', larger, None)
    vm = found.vm
    assert vm.power_state == 'poweredOff'
    assert (vm.num_cpu, vm.memory_mb) == (2, 1024)
    (disk,) = vm.disks
    assert disk.capacityInBytes == 2 * GIB
    assert digest_of(found.disk_file(disk), len(datum)) == digest(datum)
    assert 'original.vmdk' in found.volume().names(instance.uuid)
    driver.finish_migration(context, None, instance, None, None, image, True, {})
    assert vm.power_state == 'poweredOn'
    driver.confirm_migration(context, None, instance, None)
    assert 'original.vmdk' not in found.volume().names(instance.uuid)
    driver.destroy(None, instance, None)
    assert_nothing_left(found, instance.uuid)


def test_resize_and_back(
    driver: VMwareVCDriver,
    context: Any,
    spawn: Spawn,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
) -> None:
    """Reverted, it is as large as it was, on the disk that it had."""
    image = images.add(datum, vmware_disktype='preallocated', img_linked_clone='False')
    instance = make_instance(image)
    spawn(instance, image)
    found = server(instance)
    larger = make_flavor(root_gb=2, memory_mb=1024, vcpus=2)
    driver.migrate_disk_and_power_off(context, instance, 'compute-1', larger, None)
    driver.finish_revert_migration(context, instance, None, None, None)
    vm = found.vm
    assert (vm.num_cpu, vm.memory_mb, vm.power_state) == (1, 512, 'poweredOn')
    (disk,) = vm.disks
    assert disk.capacityInBytes == GIB
    assert digest_of(found.disk_file(disk), len(datum)) == digest(datum)
    driver.destroy(None, instance, None)
    assert_nothing_left(found, instance.uuid)


def test_interfaces(
    driver: VMwareVCDriver,
    context: Any,
    spawn: Spawn,
    images: Images,
    ports: Ports,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
    vc: VCenterSimulator,
) -> None:
    """One card from the start, one attached to the running machine, and detached again."""
    groups = [
        one
        for one in vc.world.objects.values()
        if one.is_a('DistributedVirtualPortgroup') and not one.uplink
    ]
    first, second = (one.name for one in groups[:2])
    image = images.add(datum, vmware_disktype='preallocated')
    instance = make_instance(image)
    born, later = vif_on(first, MAC), vif_on(second, 'fa:16:3e:99:00:01')
    spawn(instance, image, network_info=[born])

    def cards() -> dict[str, str]:
        vm = server(instance).vm
        keys = {one.key: one.name for one in groups}
        return {
            device.macAddress: keys[device.backing.port.portgroupKey]
            for device in vm.devices
            if device.macAddress is not None
        }

    assert cards() == {MAC: first}
    assert server(instance).vm.extra['nvp.iface-id.0'] == born['id']
    assert ports.indices == {born['id']: 0}
    driver.attach_interface(context, instance, image, later)
    assert cards() == {MAC: first, later['address']: second}
    assert server(instance).vm.extra['nvp.iface-id.1'] == later['id']
    assert ports.indices == {born['id']: 0, later['id']: 1}
    driver.detach_interface(context, instance, later)
    assert cards() == {MAC: first}
    assert server(instance).vm.extra['nvp.iface-id.1'] == 'free'
    assert ports.indices == {born['id']: 0, later['id']: None}
    driver.destroy(None, instance, None)


@pytest.fixture
def volume(content: Any) -> Iterator[Any]:
    """A volume as Cinder keeps it: the disk of a machine that never runs."""
    datacenter = content.rootFolder.childEntity[0]
    pool = datacenter.hostFolder.childEntity[0].resourcePool
    datastore = datacenter.datastore[0].name
    volume_id = str(uuid.uuid4())
    controller = vim.vm.device.VirtualLsiLogicController(
        key=-100, busNumber=0, sharedBus='noSharing'
    )
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        fileName='', diskMode='persistent', thinProvisioned=True
    )
    disk = vim.vm.device.VirtualDisk(
        key=-101, controllerKey=-100, unitNumber=0, capacityInKB=1024 * 1024, backing=backing
    )
    change = vim.vm.device.VirtualDeviceSpec
    spec = vim.vm.ConfigSpec(
        name=f'volume-{volume_id}',
        instanceUuid=volume_id,
        files=vim.vm.FileInfo(vmPathName=f'[{datastore}]'),
        deviceChange=[
            change(operation='add', device=controller),
            change(operation='add', fileOperation='create', device=disk),
        ],
    )
    task = datacenter.vmFolder.CreateVM_Task(spec, pool)
    WaitForTask(task)
    machine = task.info.result
    yield machine
    WaitForTask(machine.Destroy_Task())


@pytest.fixture
def with_policies(make_driver: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes drivers that go by storage policies."""
    mend_placement(monkeypatch)
    return lambda policy: make_driver(pbm_enabled=True, pbm_default_policy=policy)


def connection_to(volume: Any) -> dict[str, Any]:
    return {
        'driver_volume_type': 'vmdk',
        'data': {
            'volume': volume._moId,
            'volume_id': volume.config.instanceUuid,
            'name': volume.name,
        },
    }


def test_volumes(
    driver: VMwareVCDriver, context: Any, running: objects.Instance, server: Look, volume: Any
) -> None:
    """The volume's own disk becomes the machine's second one, and stays Cinder's when it goes."""
    found = server(running)
    assert driver.get_volume_connector(running)['instance'] == found.vm.ref.value
    (path,) = _disk_files(volume)
    connection = connection_to(volume)
    driver.attach_volume(context, connection, running, '/dev/sdb')
    root, attached = found.vm.disks
    assert attached.backing.fileName == path
    assert attached.capacityInBytes == GIB
    option = f'volume-{volume.config.instanceUuid}'
    assert found.vm.extra[option] == attached.backing.uuid
    driver.detach_volume(context, connection, running, '/dev/sdb')
    assert [disk.backing.fileName for disk in found.vm.disks] == [root.backing.fileName]
    assert not found.vm.extra[option]
    assert _disk_files(volume) == [path]


def _disk_files(machine: Any) -> list[str]:
    return [
        device.backing.fileName
        for device in machine.config.hardware.device
        if isinstance(device, vim.vm.device.VirtualDisk)
    ]


def test_destroy_with_a_volume(
    driver: VMwareVCDriver,
    context: Any,
    spawn: Spawn,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
    volume: Any,
) -> None:
    """The volume is detached first, so that its data survives the instance."""
    image = images.add(datum, vmware_disktype='preallocated')
    instance = make_instance(image)
    mapping = {
        'block_device_mapping': [
            {'connection_info': connection_to(volume), 'mount_device': '/dev/sdb', 'boot_index': 1}
        ]
    }
    spawn(instance, image, block_device_info=mapping)
    found = server(instance)
    assert len(found.vm.disks) == 2
    driver.destroy(context, instance, None, mapping)
    assert_nothing_left(found, instance.uuid)
    (path,) = _disk_files(volume)
    name, _, file = path.partition('] ')
    datastore = next(one for one in volume.datastore if one.name == name[1:])
    assert found.volume(found.vc.world.objects[datastore._moId]).is_file(file)


@pytest.mark.parametrize(
    ('policy', 'asked'), [('Silver', None), ('Bronze', None), ('Silver', 'Gold')]
)
def test_storage_policy(
    with_policies: Callable[[str], VMwareVCDriver],
    context: Any,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    datum: bytes,
    vc: VCenterSimulator,
    policy: str,
    asked: str | None,
) -> None:
    """The machine lies on a datastore that the policy allows, and has the policy."""
    driver = with_policies(policy)
    image = images.add(datum, vmware_disktype='preallocated')
    extra = {'vmware__storage_policy': asked} if asked else {}
    instance = make_instance(image, **extra)
    driver.spawn(context, instance, image, [], None, {})
    found = server(instance)
    wanted = next(one for one in vc.policies.all() if one.name == (asked or policy))
    assert found.vm.home_policy == wanted.profileId.uniqueId
    assert found.vm.datastore == [found.vm.home]
    allowed = {
        one.name
        for one in vc.world.objects.values()
        if one.is_a('Datastore') and vc.policies.offer(one).tags.get('Tier') == {asked or policy}
    }
    assert found.vm.home.name in allowed
    assert vc.count('PbmQueryMatchingHub') > 0
    driver.destroy(None, instance, None)
    assert_nothing_left(found, instance.uuid)


def test_a_policy_that_nothing_satisfies(
    with_policies: Callable[[str], VMwareVCDriver],
    context: Any,
    images: Images,
    make_instance: MakeInstance,
    server: Look,
    vc: VCenterSimulator,
) -> None:
    """No datastore is an error of Nova's, never any datastore."""
    driver = with_policies('Platinum')
    image = images.add(b'x' * MIB, vmware_disktype='preallocated')
    instance = make_instance(image)
    with pytest.raises(exception.DatastoreNotFound):
        driver.spawn(context, instance, image, [], None, {})
    assert server(instance).vm is None
