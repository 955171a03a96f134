"""The storage of a host, by pyVmomi: iSCSI targets, disks, and datastores and machines on them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.vsphere import Client, connected, done, failed

GIB = 1024**3
SERVER = '192.0.2.10'

Hba = vim.host.InternetScsiHba
RawBacking = vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo

numbers = itertools.count(1)


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    inventory = Inventory(vms=6, nfs_datastores=1, vmfs_datastores=1, vsan_datastores=1)
    with connected(inventory) as made:
        yield made
        with made.vc.world.lock:
            assert list(complaints(made.vc.world)) == []
            assert list(consistency_problems(made.vc.world)) == []


@pytest.fixture
def hosts(client: Client) -> list[Any]:
    cluster = client.all(vim.ClusterComputeResource)[0]
    return list(cluster.host)


@pytest.fixture
def iqn() -> str:
    """A target that no other test has."""
    return f'iqn.2010-10.org.openstack:volume-{next(numbers)}'


def adapter(host: Any) -> Any:
    return next(one for one in host.config.storageDevice.hostBusAdapter if isinstance(one, Hba))


def find(host: Any, address: str = SERVER) -> None:
    """Have a host look at an address."""
    system = host.configManager.storageSystem
    device = adapter(host).device
    system.AddInternetScsiSendTargets(device, [Hba.SendTarget(address=address, port=3260)])
    system.RescanHba(device)


def disk_of(host: Any, iqn: str) -> Any:
    """The disk of a target, found as Nova finds it; None where there is none."""
    info = host.configManager.storageSystem.storageDeviceInfo
    same = host.config.storageDevice
    assert [one.key for one in info.scsiLun] == [one.key for one in same.scsiLun]
    keys = [
        lun.scsiLun
        for one in info.scsiTopology.adapter
        for target in one.target
        if getattr(target.transport, 'iScsiName', None) == iqn
        for lun in target.lun
    ]
    disks = [one for one in info.scsiLun if one.key in keys]
    return disks[0] if disks else None


def test_what_there_is_at_first(client: Client, hosts: list[Any]) -> None:
    """The disks of the datastores are there, on paths of an adapter that is there, too."""
    info = hosts[0].config.storageDevice
    names = {
        extent.diskName
        for mount in hosts[0].config.fileSystemVolume.mountInfo
        if isinstance(mount.volume, vim.host.VmfsVolume)
        for extent in mount.volume.extent
    }
    assert {one.canonicalName for one in info.scsiLun} == names
    keys = {one.key for one in info.hostBusAdapter}
    assert {one.adapter for one in info.scsiTopology.adapter} == keys
    assert {path.adapter for unit in info.multipathInfo.lun for path in unit.path} <= keys
    assert len(info.multipathInfo.lun) == len(names)
    system = hosts[0].configManager.storageSystem
    assert len(system.multipathStateInfo.path) == len(names)
    assert len(system.fileSystemVolumeInfo.mountInfo) == len(hosts[0].datastore)


def test_a_disk_appears_after_a_rescan(client: Client, hosts: list[Any], iqn: str) -> None:
    """A host sees what a target offers once it knows the address and has looked again."""
    host = hosts[0]
    system, device = host.configManager.storageSystem, adapter(host).device
    client.vc.targets.offer(iqn, SERVER, 2 * GIB)
    system.AddInternetScsiSendTargets(device, [Hba.SendTarget(address=SERVER)])
    assert disk_of(host, iqn) is None
    with client.seen(system, 'storageDeviceInfo') as changed:
        system.RescanHba(device)
    assert changed
    disk = disk_of(host, iqn)
    assert disk.capacity.block * disk.capacity.blockSize == 2 * GIB
    assert disk.deviceName == f'/vmfs/devices/disks/{disk.canonicalName}'
    (place,) = [one for one in adapter(host).configuredSendTarget if one.address == SERVER]
    assert place.port == 3260
    (found,) = [one for one in adapter(host).configuredStaticTarget if one.iScsiName == iqn]
    assert (found.address, found.discoveryMethod) == (SERVER, 'sendTargetMethod')
    # The other host has not looked.
    assert disk_of(hosts[1], iqn) is None
    client.vc.targets.withdraw(iqn)
    assert disk_of(host, iqn) is not None
    system.RescanAllHba()
    assert disk_of(host, iqn) is None


def test_a_static_target(client: Client, hosts: list[Any], iqn: str) -> None:
    """An adapter finds the one target that it was told of, and not its neighbour."""
    host = hosts[1]
    system, device = host.configManager.storageSystem, adapter(host).device
    client.vc.targets.offer(iqn, '192.0.2.11:3261', GIB, GIB)
    client.vc.targets.offer(f'{iqn}-b', '192.0.2.11:3261', GIB)
    place = Hba.StaticTarget(address='192.0.2.11', port=3261, iScsiName=iqn)
    system.AddInternetScsiStaticTargets(device, [place])
    system.RescanHba(device)
    assert disk_of(host, iqn) is not None
    assert disk_of(host, f'{iqn}-b') is None
    (found,) = adapter(host).configuredStaticTarget
    assert found.discoveryMethod == 'staticMethod'
    system.RemoveInternetScsiStaticTargets(device, [place])
    system.RescanHba(device)
    assert disk_of(host, iqn) is None


def test_secrets_are_not_told(hosts: list[Any]) -> None:
    """What an adapter proves itself with cannot be read again."""
    system, device = hosts[0].configManager.storageSystem, adapter(hosts[0]).device
    proof = Hba.AuthenticationProperties(chapAuthEnabled=True, chapName='u', chapSecret='hushhush')
    system.UpdateInternetScsiAuthenticationProperties(device, proof)
    place = Hba.SendTarget(address='192.0.2.99', authenticationProperties=proof)
    system.AddInternetScsiSendTargets(device, [place])
    found = adapter(hosts[0])
    assert found.authenticationProperties.chapName == 'u'
    assert 'hushhush' not in str(hosts[0].config.storageDevice)
    system.RemoveInternetScsiSendTargets(device, [place])


def test_the_adapter_is_changed(hosts: list[Any]) -> None:
    """Name, alias and discovery are set, one without the other; the adapter is switched off."""
    system, device = hosts[0].configManager.storageSystem, adapter(hosts[0]).device
    system.UpdateInternetScsiName(device, 'iqn.2026-01.com.example:here')
    system.UpdateInternetScsiAlias(device, 'here')
    discovery = adapter(hosts[0]).discoveryProperties
    discovery.iSnsDiscoveryEnabled = True
    system.UpdateInternetScsiDiscoveryProperties(device, discovery)
    found = adapter(hosts[0])
    assert (found.iScsiName, found.iScsiAlias) == ('iqn.2026-01.com.example:here', 'here')
    assert found.discoveryProperties.iSnsDiscoveryEnabled
    system.UpdateSoftwareInternetScsiEnabled(False)
    info = system.storageDeviceInfo
    assert not info.softwareInternetScsiEnabled
    assert not [one for one in info.hostBusAdapter if isinstance(one, Hba)]
    with pytest.raises(vim.fault.NotFound):
        system.RescanHba(device)
    system.UpdateSoftwareInternetScsiEnabled(True)
    assert adapter(hosts[0]).device == device


def test_a_disk_is_marked_and_detached(client: Client, hosts: list[Any], iqn: str) -> None:
    """A disk gets a name, a policy and marks; detached it is off and not to be used."""
    client.vc.targets.offer(iqn, SERVER, GIB)
    find(hosts[0])
    system, disk = hosts[0].configManager.storageSystem, disk_of(hosts[0], iqn)
    system.UpdateScsiLunDisplayName(disk.uuid, 'mine')
    done(system.MarkAsNonSsd_Task(disk.uuid))
    done(system.MarkAsLocal_Task(disk.uuid))
    assert 'VMW_PSP_FIXED' in [one.policy.key for one in system.QueryPathSelectionPolicyOptions()]
    system.SetMultipathLunPolicy(
        disk.uuid, vim.host.MultipathInfo.LogicalUnitPolicy(policy='VMW_PSP_FIXED')
    )
    system.DetachScsiLun(disk.uuid)
    found = disk_of(hosts[0], iqn)
    assert (found.displayName, found.ssd, found.localDisk) == ('mine', False, True)
    assert found.operationalState == ['off']
    policies = system.storageDeviceInfo.multipathInfo.lun
    assert [one.policy.policy for one in policies if one.lun == disk.key] == ['VMW_PSP_FIXED']
    free = hosts[0].configManager.datastoreSystem.QueryAvailableDisksForVmfs()
    assert disk.canonicalName not in [one.canonicalName for one in free]
    system.AttachScsiLun(disk.uuid)
    done(system.MarkAsSsd_Task(disk.uuid))
    done(system.MarkAsNonLocal_Task(disk.uuid))
    assert disk_of(hosts[0], iqn).operationalState == ['ok']


@pytest.mark.parametrize(
    ('act', 'fault'),
    [
        (lambda one: one.RescanHba('vmhba1'), vim.fault.NotFound),
        (
            lambda one: one.AddInternetScsiSendTargets('vmhba1', [Hba.SendTarget(address='x')]),
            vim.fault.NotFound,
        ),
        (
            lambda one: one.RemoveInternetScsiSendTargets('vmhba65', [Hba.SendTarget(address='x')]),
            vim.fault.NotFound,
        ),
        (lambda one: one.UpdateInternetScsiName('vmhba65', 'x'), vmodl.fault.InvalidArgument),
        (lambda one: one.DetachScsiLun('0200'), vim.fault.NotFound),
        (
            lambda one: one.DetachScsiLun(one.storageDeviceInfo.scsiLun[0].uuid),
            vim.fault.ResourceInUse,
        ),
        (
            lambda one: one.AttachScsiLun(one.storageDeviceInfo.scsiLun[0].uuid),
            vim.fault.InvalidState,
        ),
        (lambda one: one.MountVmfsVolume('nope'), vim.fault.NotFound),
        (lambda one: one.RetrieveDiskPartitionInfo(['nope']), vmodl.fault.InvalidArgument),
    ],
)
def test_what_is_refused(hosts: list[Any], act: Callable[[Any], Any], fault: type) -> None:
    """What is not there, or in use, is answered with the documented fault."""
    with pytest.raises(fault):
        act(hosts[0].configManager.storageSystem)


# Datastores


def export(name: str, **more: Any) -> Any:
    spec: dict[str, Any] = {
        'remoteHost': 'nas.example.net',
        'remotePath': f'/export/{name}',
        'localPath': name,
        'accessMode': 'readWrite',
        'type': 'NFS',
    }
    return vim.host.NasVolume.Specification(**(spec | more))


def test_an_export_on_two_hosts(client: Client, hosts: list[Any]) -> None:
    """Hosts that mount one export share a datastore, which goes with the last that lets it go."""
    systems = [host.configManager.datastoreSystem for host in hosts]
    with client.seen(hosts[0], 'datastore', 'config.fileSystemVolume') as changed:
        made = systems[0].CreateNasDatastore(export('shared'))
    assert set(changed) == {'datastore', 'config.fileSystemVolume'}
    assert made in systems[0].datastore
    assert systems[1].CreateNasDatastore(export('shared', accessMode='readOnly')) == made
    assert (made.name, made.summary.type) == ('shared', 'NFS')
    assert (made.info.nas.remoteHost, made.info.nas.remotePath) == (
        'nas.example.net',
        '/export/shared',
    )
    modes = {mount.key: mount.mountInfo.accessMode for mount in made.host}
    assert modes == {hosts[0]: 'readWrite', hosts[1]: 'readOnly'}
    with pytest.raises(vim.fault.AlreadyExists):
        systems[0].CreateNasDatastore(export('shared'))
    systems[0].RemoveDatastore(made)
    assert made not in hosts[0].datastore
    assert [mount.key for mount in made.host] == [hosts[1]]
    with pytest.raises(vim.fault.NotFound):
        systems[0].RemoveDatastore(made)
    done(systems[1].RemoveDatastoreEx_Task([made]))
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        _ = made.name


def test_a_new_datastore_can_be_used(client: Client, hosts: list[Any]) -> None:
    """A machine moves to a new export and back, and meanwhile the export cannot be removed."""
    system = hosts[0].configManager.datastoreSystem
    made = system.CreateNasDatastore(export('roomy', type='NFS41', remoteHostNames=['10.9.9.9']))
    assert made.summary.type == 'NFS41'
    assert made.info.nas.remoteHost == '10.9.9.9'
    machine = hosts[0].vm[0]
    home = machine.datastore[0]
    done(machine.RelocateVM_Task(vim.vm.RelocateSpec(datastore=made, host=hosts[0])))
    assert made.summary.freeSpace < made.summary.capacity
    with pytest.raises(vim.fault.ResourceInUse):
        system.RemoveDatastore(made)
    with pytest.raises(vim.fault.ResourceInUse):
        made.DestroyDatastore()
    done(machine.RelocateVM_Task(vim.vm.RelocateSpec(datastore=home, host=hosts[0])))
    assert made.summary.freeSpace == made.summary.capacity
    done(made.DatastoreEnterMaintenanceMode().task)
    assert made.summary.maintenanceMode == 'inMaintenance'
    done(made.DatastoreExitMaintenanceMode_Task())
    made.DestroyDatastore()
    assert made not in system.datastore


@pytest.mark.parametrize(
    ('spec', 'fault'),
    [
        (export('fra-nfs-01', remotePath='/other'), vim.fault.DuplicateName),
        (export('x', type='CIFS'), vmodl.fault.NotSupported),
        (export('x', accessMode='maybe'), vmodl.fault.InvalidArgument),
        (export('x', remotePath=''), vmodl.fault.InvalidArgument),
        (export(''), vmodl.fault.InvalidArgument),
        (
            export('x', remoteHost='nas-fra.example.net', remotePath='/export/fra-nfs-01'),
            vim.fault.AlreadyExists,
        ),
    ],
)
def test_exports_that_are_refused(hosts: list[Any], spec: Any, fault: type) -> None:
    """A name or an export that is taken, and what makes no sense, is refused."""
    before = len(hosts[0].datastore)
    with pytest.raises(fault):
        hosts[0].configManager.datastoreSystem.CreateNasDatastore(spec)
    assert len(hosts[0].datastore) == before


def test_vmfs_on_a_disk(client: Client, hosts: list[Any], iqn: str) -> None:
    """A datastore is made as a client does that asks first; all hosts that see the disk have it."""
    client.vc.targets.offer(iqn, SERVER, 10 * GIB, 20 * GIB)
    for host in hosts:
        find(host)
    system = hosts[0].configManager.datastoreSystem
    disk = disk_of(hosts[0], iqn)
    assert disk.canonicalName in [one.canonicalName for one in system.QueryAvailableDisksForVmfs()]
    (option,) = system.QueryVmfsDatastoreCreateOptions(disk.devicePath)
    assert isinstance(option.info, vim.host.VmfsDatastoreOption.AllExtentInfo)
    option.spec.vmfs.volumeName = 'made'
    made = system.CreateVmfsDatastore(option.spec)
    assert {mount.key for mount in made.host} == set(hosts)
    assert (made.name, made.summary.capacity) == ('made', 10 * GIB)
    assert [one.diskName for one in made.info.vmfs.extent] == [disk.canonicalName]
    assert disk.canonicalName not in [
        one.canonicalName for one in system.QueryAvailableDisksForVmfs(made)
    ]
    with pytest.raises(vmodl.fault.InvalidArgument):
        system.CreateVmfsDatastore(option.spec)
    (info,) = hosts[0].configManager.storageSystem.RetrieveDiskPartitionInfo([disk.devicePath])
    assert [one.type for one in info.layout.partition] == ['vmfs']
    # More space, from another disk and from one that has grown.
    other = next(
        one
        for one in system.QueryAvailableDisksForVmfs(made)
        if one.capacity.block * 512 == 20 * GIB
    )
    (option,) = system.QueryVmfsDatastoreExtendOptions(made, other.devicePath)
    assert system.ExtendVmfsDatastore(made, option.spec) == made
    assert made.summary.capacity == 30 * GIB
    assert system.QueryVmfsDatastoreExpandOptions(made) == []
    client.vc.targets.offer(iqn, SERVER, 15 * GIB, 20 * GIB)
    hosts[0].configManager.storageSystem.RescanAllHba()
    (option,) = system.QueryVmfsDatastoreExpandOptions(made)
    system.ExpandVmfsDatastore(made, option.spec)
    assert made.summary.capacity == 35 * GIB
    assert made.summary.freeSpace == 35 * GIB
    # Away with the disks, and here again.
    client.vc.targets.withdraw(iqn)
    hosts[0].configManager.storageSystem.RescanAllHba()
    mounts = {mount.key: mount.mountInfo.accessible for mount in made.host}
    assert mounts == {hosts[0]: False, hosts[1]: True}
    client.vc.targets.offer(iqn, SERVER, 15 * GIB, 20 * GIB)
    hosts[0].configManager.storageSystem.RescanAllHba()
    assert all(mount.mountInfo.accessible for mount in made.host)
    storage = hosts[0].configManager.storageSystem
    uuid = made.info.vmfs.uuid
    storage.UnmountVmfsVolume(uuid)
    assert not next(one for one in made.host if one.key == hosts[0]).mountInfo.mounted
    storage.MountVmfsVolume(uuid)
    # Removed from one host it is gone for all, and its disks are free.
    storage.RefreshStorageSystem()
    assert system.QueryUnresolvedVmfsVolumes() == []
    system.RemoveDatastore(made)
    assert 'made' not in [one.name for one in hosts[1].datastore]
    assert disk.canonicalName in [one.canonicalName for one in system.QueryAvailableDisksForVmfs()]


def test_vmfs_is_found_by_a_rescan(client: Client, hosts: list[Any], iqn: str) -> None:
    """A host that gets to see a disk later has the datastore on it after a rescan for VMFS."""
    address = '192.0.2.12'
    client.vc.targets.offer(iqn, address, GIB)
    find(hosts[0], address)
    system = hosts[0].configManager.datastoreSystem
    (option,) = system.QueryVmfsDatastoreCreateOptions(disk_of(hosts[0], iqn).devicePath)
    option.spec.vmfs.volumeName = 'late'
    made = system.CreateVmfsDatastore(option.spec)
    assert [mount.key for mount in made.host] == [hosts[0]]
    find(hosts[1], address)
    assert [mount.key for mount in made.host] == [hosts[0]]
    hosts[1].configManager.storageSystem.RescanVmfs()
    assert {mount.key for mount in made.host} == set(hosts)
    made.DestroyDatastore()


@pytest.mark.parametrize(
    ('act', 'fault'),
    [
        (lambda one, vsan: one.RemoveDatastore(vsan), vmodl.fault.NotSupported),
        (lambda one, vsan: one.QueryVmfsDatastoreCreateOptions('x'), vmodl.fault.InvalidArgument),
        (lambda one, vsan: one.QueryVmfsDatastoreCreateOptions('x', 3), vmodl.fault.NotSupported),
        (
            lambda one, vsan: one.QueryVmfsDatastoreExpandOptions(vsan),
            vmodl.fault.InvalidArgument,
        ),
    ],
)
def test_datastores_that_are_refused(
    client: Client, hosts: list[Any], act: Callable[[Any, Any], Any], fault: type
) -> None:
    """What a host cannot do with a datastore it says."""
    vsan = next(one for one in hosts[0].datastore if one.summary.type == 'vsan')
    with pytest.raises(fault):
        act(hosts[0].configManager.datastoreSystem, vsan)


# Machines


def raw_disk(device: str, mode: str = 'physicalMode') -> Any:
    """The change that gives a machine a disk of its host, as Nova asks for it."""
    return vim.vm.device.VirtualDeviceSpec(
        operation='add',
        fileOperation='create',
        device=vim.vm.device.VirtualDisk(
            key=-100,
            controllerKey=1000,
            unitNumber=5,
            capacityInKB=0,
            backing=RawBacking(
                fileName='',
                deviceName=device,
                compatibilityMode=mode,
                diskMode='independent_persistent',
            ),
        ),
    )


@pytest.mark.parametrize(
    ('mode', 'file'), [('physicalMode', '-rdmp.vmdk'), ('virtualMode', '-rdm.vmdk')]
)
def test_a_machine_with_a_disk_of_its_host(
    client: Client, hosts: list[Any], iqn: str, mode: str, file: str
) -> None:
    """A mapping takes no space, is as large as the disk, and goes without the disk."""
    machine = next(
        one for one in client.all(vim.VirtualMachine) if one.datastore[0].summary.type == 'VMFS'
    )
    host, datastore = machine.runtime.host, machine.datastore[0]
    free = datastore.summary.freeSpace
    client.vc.targets.offer(iqn, SERVER, 3 * GIB)
    find(host)
    found = disk_of(host, iqn)
    offered = machine.environmentBrowser.QueryConfigTarget(host).scsiDisk
    assert found.uuid in [one.disk.uuid for one in offered]
    done(
        machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[raw_disk(found.deviceName, mode)]))
    )
    (disk,) = [
        one
        for one in machine.config.hardware.device
        if isinstance(getattr(one, 'backing', None), RawBacking)
    ]
    assert disk.backing.lunUuid == found.uuid
    assert disk.backing.datastore == datastore
    assert disk.capacityInBytes == 3 * GIB
    assert file in ' '.join(one.name for one in machine.layoutEx.file)
    assert free - datastore.summary.freeSpace < 4096
    # Nobody else gets it meanwhile, and it stays known though it is lost.
    available = host.configManager.datastoreSystem.QueryAvailableDisksForVmfs()
    assert found.canonicalName not in [one.canonicalName for one in available]
    offered = machine.environmentBrowser.QueryConfigTarget(host).scsiDisk
    assert found.uuid not in [one.disk.uuid for one in offered]
    with pytest.raises(vim.fault.ResourceInUse):
        host.configManager.storageSystem.DetachScsiLun(found.uuid)
    client.vc.targets.withdraw(iqn)
    host.configManager.storageSystem.RescanAllHba()
    assert disk_of(host, iqn) is not None
    clone = vim.vm.CloneSpec(location=vim.vm.RelocateSpec())
    failed(
        vim.fault.RDMConversionNotSupported,
        machine.CloneVM_Task(machine.parent, f'clone-{mode}', clone),
    )
    done(
        machine.ReconfigVM_Task(
            vim.vm.ConfigSpec(
                deviceChange=[
                    vim.vm.device.VirtualDeviceSpec(
                        operation='remove', fileOperation='destroy', device=disk
                    )
                ]
            )
        )
    )
    assert file not in ' '.join(one.name for one in machine.layoutEx.file)
    assert datastore.summary.freeSpace == free
    host.configManager.storageSystem.RescanAllHba()
    assert disk_of(host, iqn) is None


def test_a_machine_stays_where_its_disk_is(client: Client, hosts: list[Any], iqn: str) -> None:
    """A machine cannot go to a host that does not see its disk."""
    address = '192.0.2.13'
    machine = next(
        one for host in hosts for one in host.vm if one.datastore[0].summary.type == 'VMFS'
    )
    here = machine.runtime.host
    there = next(host for host in hosts if host != here)
    client.vc.targets.offer(iqn, address, GIB)
    find(here, address)
    change = raw_disk(disk_of(here, iqn).canonicalName)
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))
    move = vim.vm.RelocateSpec(host=there)
    failed(vim.fault.CannotAccessVmDisk, machine.RelocateVM_Task(move))
    find(there, address)
    done(machine.RelocateVM_Task(move))
    assert machine.runtime.host == there


@pytest.mark.parametrize(
    ('kind', 'device', 'mode', 'fault'),
    [
        ('VMFS', '/vmfs/devices/disks/naa.60', 'physicalMode', vim.fault.InvalidDeviceBacking),
        ('VMFS', None, 'someMode', vim.fault.InvalidDeviceSpec),
        ('NFS', None, 'virtualMode', vim.fault.RDMNotSupportedOnDatastore),
    ],
)
def test_mappings_that_are_refused(
    client: Client, kind: str, device: str | None, mode: str, fault: type[Exception]
) -> None:
    """A disk that the host does not see, and a datastore that holds no mapping, are refused."""
    machine = next(
        one for one in client.all(vim.VirtualMachine) if one.datastore[0].summary.type == kind
    )
    name = device or machine.runtime.host.config.storageDevice.scsiLun[0].deviceName
    failed(
        fault,
        machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[raw_disk(name, mode)])),
    )
