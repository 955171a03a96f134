"""Virtual machines under pyVmomi's hands: power, configuration, creation, end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.vsphere import Client, connected, done, failed

ON = 'Frankfurt/vm/Production/Production databases/fra-db-0002'
OFF = 'Frankfurt/vm/Production/fra-web-0001'
PVSCSI = vim.vm.device.ParaVirtualSCSIController
DISK = vim.vm.device.VirtualDisk
FLAT = vim.vm.device.VirtualDisk.FlatVer2BackingInfo
VMXNET3 = vim.vm.device.VirtualVmxnet3
CHANGE = vim.vm.device.VirtualDeviceSpec
KIB_PER_GIB = 1024 * 1024


@pytest.fixture
def client() -> Iterator[Client]:
    with connected(Inventory(vms=10)) as made:
        yield made
        # Whatever a test did, what is left fits the schema and itself.
        assert list(complaints(made.vc.world)) == []
        assert list(consistency_problems(made.vc.world)) == []


def devices(machine: Any, kind: type) -> list[Any]:
    return [device for device in machine.config.hardware.device if isinstance(device, kind)]


def reconfigured(machine: Any, **fields: Any) -> None:
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(**fields)))


def change(operation: str, device: Any, file_operation: str | None = None) -> Any:
    return CHANGE(operation=operation, device=device, fileOperation=file_operation)


def new_disk(gib: int, *, controller: int = 1000, thin: bool = True, path: str = '') -> Any:
    backing = FLAT(fileName=path, diskMode='persistent', thinProvisioned=thin)
    return DISK(key=-1, controllerKey=controller, capacityInKB=gib * KIB_PER_GIB, backing=backing)


# Power


def test_power_cycle(client: Client) -> None:
    """On, suspended, on, reset, off: state, times, guest and swap file go along."""
    machine = client.at(OFF)
    assert machine.runtime.powerState == 'poweredOff'
    done(machine.PowerOnVM_Task())
    assert machine.runtime.powerState == 'poweredOn'
    assert machine.guest.toolsRunningStatus == 'guestToolsRunning'
    assert machine.guestHeartbeatStatus == 'green'
    booted = machine.runtime.bootTime
    assert booted is not None
    assert 'swap' in [file.type for file in machine.layoutEx.file]
    done(machine.SuspendVM_Task())
    assert machine.runtime.powerState == 'suspended'
    assert machine.runtime.suspendTime is not None
    assert 'suspendMemory' in [file.type for file in machine.layoutEx.file]
    done(machine.PowerOnVM_Task())
    done(machine.ResetVM_Task())
    assert machine.runtime.bootTime > booted
    done(machine.PowerOffVM_Task())
    assert machine.runtime.powerState == 'poweredOff'
    assert machine.runtime.bootTime is None
    assert machine.guest.ipAddress is None


@pytest.mark.parametrize(
    ('path', 'operation', 'wanted', 'existing'),
    [
        (ON, 'PowerOnVM_Task', 'poweredOn', 'poweredOn'),
        (OFF, 'PowerOffVM_Task', 'poweredOff', 'poweredOff'),
        (OFF, 'SuspendVM_Task', 'suspended', 'poweredOff'),
        (OFF, 'ResetVM_Task', 'poweredOn', 'poweredOff'),
        (ON, 'Destroy_Task', 'poweredOff', 'poweredOn'),
    ],
)
def test_what_the_power_state_forbids(
    client: Client, path: str, operation: str, wanted: str, existing: str
) -> None:
    """The wrong state fails the task with InvalidPowerState, which names both states."""
    machine = client.at(path)
    fault = failed(vim.fault.InvalidPowerState, getattr(machine, operation)())
    assert (fault.requestedState, fault.existingState) == (wanted, existing)
    assert operation in machine.disabledMethod
    assert machine.runtime.powerState == existing


def test_power_changes_wake_filters(client: Client) -> None:
    """A filter sees the new power state, and what follows from it elsewhere."""
    machine = client.at(OFF)
    with client.seen(machine, 'runtime.powerState', 'guest.guestState', 'name') as changed:
        done(machine.PowerOnVM_Task())
    assert sorted(set(changed)) == ['guest.guestState', 'runtime.powerState']
    with client.seen(machine.runtime.host, 'summary.quickStats') as changed:
        done(machine.PowerOffVM_Task())
    assert changed != []
    with client.seen(machine.datastore[0], 'summary.freeSpace') as changed:
        done(machine.PowerOnVM_Task())
    assert changed == ['summary.freeSpace']


def test_guest_operations_need_tools(client: Client) -> None:
    """The guest is asked only where VMware Tools run; it acts after the answer."""
    appliance = client.at('Frankfurt/vm/Production/fra-web-0009')
    assert appliance.guest.toolsStatus == 'toolsNotInstalled'
    done(appliance.PowerOnVM_Task())
    with pytest.raises(vim.fault.ToolsUnavailable):
        appliance.ShutdownGuest()
    with pytest.raises(vim.fault.InvalidPowerState):
        client.at(OFF).RebootGuest()
    sleeper = client.at('Frankfurt/vm/Production/fra-app-0003')
    sleeper.StandbyGuest()
    wait_for(lambda: sleeper.runtime.powerState == 'suspended')
    machine = client.at(ON)
    filter_on = 'runtime.powerState'
    with client.seen(machine, filter_on) as changed:
        machine.ShutdownGuest()
        wait_for(lambda: machine.runtime.powerState == 'poweredOff')
    assert changed == [filter_on]


def wait_for(condition: Any) -> None:
    for _attempt in range(200):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError('it did not happen within two seconds')


def test_templates_do_not_run(client: Client) -> None:
    """A template has no pool and cannot be powered on, until it is a machine again."""
    machine = client.at(OFF)
    pool, host = machine.resourcePool, machine.runtime.host
    with pytest.raises(vim.fault.InvalidPowerState):
        client.at(ON).MarkAsTemplate()
    machine.MarkAsTemplate()
    assert machine.config.template is True
    assert machine.resourcePool is None
    assert machine not in pool.vm
    failed(vmodl.fault.NotSupported, machine.PowerOnVM_Task())
    machine.MarkAsVirtualMachine(pool, host)
    with pytest.raises(vmodl.fault.NotSupported):
        machine.MarkAsVirtualMachine(pool, host)
    assert (machine.config.template, machine.resourcePool) == (False, pool)
    done(machine.PowerOnVM_Task())


# Configuration


def test_reconfigure_sets_what_it_names(client: Client) -> None:
    """Size, note and options change, everything else stays, and the change version moves on."""
    machine = client.at(OFF)
    before = machine.config
    reconfigured(
        machine,
        numCPUs=8,
        numCoresPerSocket=4,
        memoryMB=16384,
        annotation='of the accountants',
        guestId='rhel9_64Guest',
        nestedHVEnabled=True,
        cpuAllocation=vim.ResourceAllocationInfo(limit=4000),
        bootOptions=vim.vm.BootOptions(bootDelay=5000),
        flags=vim.vm.FlagInfo(diskUuidEnabled=True),
    )
    after = machine.config
    assert (after.hardware.numCPU, after.hardware.numCoresPerSocket) == (8, 4)
    assert (after.hardware.memoryMB, after.annotation) == (16384, 'of the accountants')
    assert after.guestFullName == 'Red Hat Enterprise Linux 9 (64-bit)'
    assert after.nestedHVEnabled is True
    assert (after.cpuAllocation.limit, after.cpuAllocation.shares.level) == (4000, 'normal')
    assert (after.flags.diskUuidEnabled, after.flags.enableLogging) == (True, True)
    assert after.bootOptions.bootDelay == 5000
    assert after.bootOptions.bootRetryDelay == before.bootOptions.bootRetryDelay
    assert (after.uuid, after.name, after.files.vmPathName) == (
        before.uuid,
        before.name,
        before.files.vmPathName,
    )
    assert after.changeVersion != before.changeVersion
    summary = machine.summary.config
    assert (summary.numCpu, summary.memorySizeMB) == (8, 16384)
    assert summary.annotation == 'of the accountants'


def test_a_change_version_protects_against_others(client: Client) -> None:
    """A change that builds on an old configuration is refused, and leaves no trace."""
    machine = client.at(OFF)
    read = machine.config.changeVersion
    reconfigured(machine, annotation='first', changeVersion=read)
    stale = vim.vm.ConfigSpec(annotation='second', changeVersion=read)
    failed(vim.fault.ConcurrentAccess, machine.ReconfigVM_Task(stale))
    assert machine.config.annotation == 'first'


def test_extra_config_is_text_and_empty_deletes(client: Client) -> None:
    """Values come back as strings whatever was sent; an empty one removes its key."""
    machine = client.at(OFF)

    def options() -> dict[str, str]:
        return {option.key: option.value for option in machine.config.extraConfig}

    born_with = options()
    value = vim.option.OptionValue
    reconfigured(
        machine,
        extraConfig=[
            value(key='nvp.vm-uuid', value='some-uuid'),
            value(key='RemoteDisplay.vnc.port', value=5900),
            value(key='RemoteDisplay.vnc.enabled', value=True),
            value(key='hpet0.present', value=''),
        ],
    )
    added = {
        'nvp.vm-uuid': 'some-uuid',
        'RemoteDisplay.vnc.port': '5900',
        'RemoteDisplay.vnc.enabled': 'TRUE',
    }
    kept = {key: text for key, text in born_with.items() if key != 'hpet0.present'}
    assert options() == {**kept, **added}
    reconfigured(machine, extraConfig=[value(key=key, value='') for key in added])
    assert options() == kept
    reconfigured(machine, extraConfig=[value(key='hpet0.present', value='FALSE')])
    assert options()['hpet0.present'] == 'FALSE'


@pytest.mark.parametrize(
    ('fields', 'fault'),
    [
        ({'numCPUs': 0}, vmodl.fault.InvalidArgument),
        ({'numCPUs': 9999}, vmodl.fault.InvalidArgument),
        ({'memoryMB': 4097}, vmodl.fault.InvalidArgument),
        ({'numCPUs': 4, 'numCoresPerSocket': 3}, vmodl.fault.InvalidArgument),
        ({'name': ''}, vim.fault.InvalidName),
        ({'name': 'n' * 81}, vim.fault.InvalidName),
        ({'name': 'fra-app-0003'}, vim.fault.DuplicateName),
    ],
)
def test_senseless_configurations_are_refused(
    client: Client, fields: dict[str, Any], fault: type[Exception]
) -> None:
    """What cannot be fails the task, and nothing else of the specification is done either."""
    machine = client.at(OFF)
    before = machine.config.changeVersion
    spec = vim.vm.ConfigSpec(annotation='half done', **fields)
    failed(fault, machine.ReconfigVM_Task(spec))
    assert machine.config.changeVersion == before
    assert machine.config.annotation == ''


def test_hot_plug_must_have_been_allowed(client: Client) -> None:
    """A running machine grows only where hot add was configured while it was off."""
    machine = client.at(OFF)
    done(machine.PowerOnVM_Task())
    more = {'numCPUs': 6, 'memoryMB': 32768}
    cpu, memory = (vim.vm.ConfigSpec(**{name: value}) for name, value in more.items())
    failed(vim.fault.CpuHotPlugNotSupported, machine.ReconfigVM_Task(cpu))
    failed(vim.fault.MemoryHotPlugNotSupported, machine.ReconfigVM_Task(memory))
    done(machine.PowerOffVM_Task())
    reconfigured(machine, cpuHotAddEnabled=True, memoryHotAddEnabled=True)
    done(machine.PowerOnVM_Task())
    reconfigured(machine, **more)
    assert (machine.config.hardware.numCPU, machine.config.hardware.memoryMB) == (6, 32768)


def test_rename(client: Client) -> None:
    """A new name shows everywhere but in the files; a taken one names who has it."""
    machine, other = client.at(OFF), client.at('Frankfurt/vm/Production/fra-app-0003')
    files = machine.config.files.vmPathName
    with client.seen(machine, 'name', 'config.name', 'summary.config.name') as changed:
        done(machine.Rename_Task('payroll'))
    assert sorted(changed) == ['config.name', 'name', 'summary.config.name']
    assert machine.name == machine.config.name == machine.summary.config.name == 'payroll'
    assert machine.config.files.vmPathName == files
    fault = failed(vim.fault.DuplicateName, machine.Rename_Task(other.name))
    assert (fault.name, fault.object) == (other.name, other)
    done(machine.Rename_Task('a/b\\c%'))
    assert machine.name == 'a%2fb%5cc%25'
    assert client.at('Frankfurt/vm/Production/a%2fb%5cc%25') == machine


# Devices


def test_disks_come_grow_and_go(client: Client) -> None:
    """A disk gets key, file, uuid and space, grows, moves no data when detached, and goes."""
    machine = client.at(OFF)
    (first,) = devices(machine, DISK)
    committed = machine.summary.storage.committed
    reconfigured(machine, deviceChange=[change('add', new_disk(4, thin=False), 'create')])
    _first, second = devices(machine, DISK)
    assert (second.key, second.controllerKey, second.unitNumber) == (2001, 1000, 1)
    assert second.backing.fileName == first.backing.fileName.replace('.vmdk', '_1.vmdk')
    assert second.backing.datastore == machine.datastore[0]
    assert second.backing.uuid.startswith('6000C29')
    assert second.capacityInBytes == 4 << 30
    assert second.deviceInfo.label == 'Hard disk 2'
    assert machine.summary.storage.committed >= committed + (4 << 30)
    second.capacityInKB = 6 * KIB_PER_GIB
    reconfigured(machine, deviceChange=[change('edit', second)])
    _first, grown = devices(machine, DISK)
    assert (grown.capacityInBytes, grown.deviceInfo.summary) == (6 << 30, '6,291,456 KB')
    reconfigured(machine, deviceChange=[change('remove', DISK(key=2001, capacityInKB=0))])
    assert [disk.key for disk in devices(machine, DISK)] == [first.key]


def test_a_disk_on_another_datastore_leads_there(client: Client) -> None:
    """A machine's datastores follow its disks, from both ends."""
    machine = client.at(OFF)
    home = machine.datastore[0]
    host = machine.runtime.host
    other = next(found for found in host.datastore if found != home)
    disk = new_disk(1, path=f'[{other.name}] ')
    with client.seen(other, 'vm') as changed:
        reconfigured(machine, deviceChange=[change('add', disk, 'create')])
    assert changed != []
    assert list(machine.datastore) == [home, other]
    assert machine in other.vm
    assert devices(machine, DISK)[1].backing.fileName.startswith(f'[{other.name}] {machine.name}/')
    assert [usage.datastore for usage in machine.storage.perDatastoreUsage] == [home, other]
    path = f'[{other.name}] volumes/volume-1.vmdk'
    datacenter = client.at('Frankfurt')
    client.content.fileManager.MakeDirectory(path.rpartition('/')[0], datacenter)
    spec = vim.VirtualDiskManager.FileBackedVirtualDiskSpec(
        diskType='thin', adapterType='lsiLogic', capacityKb=KIB_PER_GIB
    )
    done(client.content.virtualDiskManager.CreateVirtualDisk_Task(path, datacenter, spec))
    existing = new_disk(1, path=path)
    reconfigured(machine, deviceChange=[change('add', existing)])
    attached = devices(machine, DISK)[2]
    assert attached.backing.fileName == path
    gone = [change('remove', DISK(key=key, capacityInKB=0)) for key in (2001, 2002)]
    reconfigured(machine, deviceChange=gone)
    assert list(machine.datastore) == [home]
    assert machine not in other.vm


def test_device_faults_name_the_change(client: Client) -> None:
    """A bad device change is reported by its index, with what it lacks."""
    machine = client.at(OFF)

    def fault_of(kind: type[Exception], *changes: Any) -> Any:
        spec = vim.vm.ConfigSpec(deviceChange=list(changes))
        return failed(kind, machine.ReconfigVM_Task(spec))

    good = change('add', new_disk(1), 'create')
    missing = change('remove', DISK(key=2009, capacityInKB=0))
    fault = fault_of(vim.fault.InvalidDeviceSpec, good, missing)
    assert (fault.deviceIndex, fault.property) == (1, 'virtualDeviceSpec.device.key')
    assert len(devices(machine, DISK)) == 1
    fault = fault_of(
        vim.fault.InvalidController, change('add', new_disk(1, controller=77), 'create')
    )
    assert fault.controllerKey == 77
    empty = change('add', new_disk(0), 'create')
    fault = fault_of(vim.fault.InvalidDeviceSpec, empty)
    assert fault.property == 'virtualDeviceSpec.device.capacityInKB'
    nowhere = change('add', new_disk(1, path='[no such] x.vmdk'), 'create')
    fault = fault_of(vim.fault.InvalidDatastorePath, nowhere)
    assert fault.datastorePath == '[no such] x.vmdk'
    name = machine.datastore[0].name
    fault = fault_of(vim.fault.NoDiskSpace, change('add', new_disk(99999, thin=False), 'create'))
    assert fault.datastore == name
    half = machine.datastore[0].summary.freeSpace * 2 // 3 // (1 << 30)
    fault_of(
        vim.fault.NoDiskSpace,
        change('add', new_disk(half, thin=False), 'create'),
        change('add', new_disk(half, thin=False), 'create'),
    )


def test_the_summary_of_a_drive_tells_what_is_in_it(client: Client) -> None:
    """A disc that is put into a drive shows in its summary, and so does that it is gone."""
    machine = client.at(OFF)
    drive = vim.vm.device.VirtualCdrom
    name = f'[{machine.datastore[0].name}] images/disc.iso'
    disc = drive.IsoBackingInfo(fileName=name)
    nothing = drive.RemotePassthroughBackingInfo(deviceName='', exclusive=False)
    for backing, summary in ((disc, f'ISO {name}'), (nothing, 'Remote device')):
        (edited,) = devices(machine, drive)
        edited.backing = backing
        reconfigured(machine, deviceChange=[change('edit', edited)])
        (found,) = devices(machine, drive)
        assert found.deviceInfo.summary == summary


def test_cards_come_move_and_go(client: Client) -> None:
    """A card gets key and MAC, connects to networks and port groups, and the networks know it."""
    machine = client.at(OFF)
    group = client.at('Frankfurt/network/fra-dv01-db-02')
    plain = client.at('Frankfurt/network/fra-vlan-0110')
    port = vim.dvs.PortConnection(
        switchUuid=group.config.distributedVirtualSwitch.uuid, portgroupKey=group.key
    )
    ethernet = vim.vm.device.VirtualEthernetCard
    card = VMXNET3(key=-47, backing=ethernet.DistributedVirtualPortBackingInfo(port=port))
    reconfigured(machine, deviceChange=[change('add', card)])
    added = devices(machine, VMXNET3)[1]
    assert (added.key, added.unitNumber, added.addressType) == (4001, 8, 'assigned')
    assert added.backing.port.portKey in group.portKeys
    assert machine in group.vm
    assert group in machine.network
    assert added.macAddress != devices(machine, VMXNET3)[0].macAddress
    added.backing = ethernet.NetworkBackingInfo(deviceName=plain.name)
    reconfigured(machine, deviceChange=[change('edit', added)])
    moved = devices(machine, VMXNET3)[1]
    assert (moved.backing.network, moved.macAddress) == (plain, added.macAddress)
    assert machine in plain.vm
    assert machine not in group.vm
    reconfigured(machine, deviceChange=[change('remove', moved)])
    assert machine not in plain.vm
    own = VMXNET3(
        key=-1,
        addressType='manual',
        macAddress='fa:16:3e:00:00:01',
        backing=ethernet.NetworkBackingInfo(deviceName=plain.name),
    )
    reconfigured(machine, deviceChange=[change('add', own)])
    assert devices(machine, VMXNET3)[1].macAddress == 'fa:16:3e:00:00:01'
    own.backing.deviceName = 'no such network'
    fault = failed(
        vim.fault.InvalidDeviceBacking,
        machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change('add', own)])),
    )
    assert fault.deviceIndex == 0


# Creation and end


def new_machine(client: Client, name: str, **fields: Any) -> Any:
    cluster = client.at('Frankfurt/host/fra-cluster-01')
    datastore = cluster.datastore[0]
    spec = vim.vm.ConfigSpec(
        **{
            'name': name,
            'numCPUs': 2,
            'memoryMB': 2048,
            'guestId': 'otherGuest',
            'files': vim.vm.FileInfo(vmPathName=f'[{datastore.name}]'),
            **fields,
        }
    )
    folder = client.at('Frankfurt/vm/Production')
    return folder.CreateVM_Task(spec, cluster.resourcePool)


def test_create_a_machine(client: Client) -> None:
    """CreateVM_Task makes a machine with its devices, listed by everything it belongs to."""
    scsi = PVSCSI(key=-100, busNumber=0, sharedBus='noSharing')
    disk = new_disk(8, controller=-100)
    by = vim.ext.ManagedByInfo(extensionKey='org.openstack.compute', type='instance')
    folder = client.at('Frankfurt/vm/Production')
    with client.seen(folder, 'childEntity') as changed:
        machine = done(
            new_machine(
                client,
                'instance-1',
                instanceUuid='01234567-89ab-cdef-0123-456789abcdef',
                managedBy=by,
                deviceChange=[change('add', scsi), change('add', disk, 'create')],
                extraConfig=[vim.option.OptionValue(key='nvp.vm-uuid', value='u')],
            )
        )
    assert changed == ['childEntity']
    assert machine.name == 'instance-1'
    assert machine.runtime.powerState == 'poweredOff'
    assert machine.config.instanceUuid == '01234567-89ab-cdef-0123-456789abcdef'
    assert machine.config.managedBy.extensionKey == 'org.openstack.compute'
    assert machine.config.files.vmPathName.endswith('] instance-1/instance-1.vmx')
    (made,) = devices(machine, DISK)
    assert (made.key, made.controllerKey) == (2000, 1000)
    cluster = client.at('Frankfurt/host/fra-cluster-01')
    assert machine in folder.childEntity
    assert machine in cluster.resourcePool.vm
    assert machine.runtime.host in cluster.host
    assert machine in machine.runtime.host.vm
    assert machine in cluster.datastore[0].vm
    assert machine.guest.toolsStatus == 'toolsNotInstalled'
    done(machine.PowerOnVM_Task())
    done(machine.PowerOffVM_Task())


def test_machines_of_one_name_do_not_share_files(client: Client) -> None:
    """A directory that is taken is numbered; a path that the client gives is kept."""
    first = done(new_machine(client, 'twin'))
    done(first.Rename_Task('elder'))
    second = done(new_machine(client, 'twin'))
    paths = [machine.config.files.vmPathName.partition('] ')[2] for machine in (first, second)]
    assert paths == ['twin/twin.vmx', 'twin_1/twin_1.vmx']
    name = first.datastore[0].name
    files = vim.vm.FileInfo(vmPathName=f'[{name}] some/where/else.vmx')
    third = done(new_machine(client, 'placed', files=files))
    assert third.config.files.vmPathName == f'[{name}] some/where/else.vmx'
    assert f'[{name}] some/where/else.nvram' in [file.name for file in third.layoutEx.file]


def test_names_of_datastores_and_networks_are_followed(client: Client) -> None:
    """When a datastore or network is renamed, the devices that use it show the new name."""
    machine = client.at(OFF)
    plain = client.at('Frankfurt/network/fra-vlan-0110')
    backing = vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=plain.name)
    card = VMXNET3(key=-1, backing=backing)
    added = [change('add', card), change('add', new_disk(1), 'create')]
    reconfigured(machine, deviceChange=added)
    done(plain.Rename_Task('blue'))
    done(machine.datastore[0].Rename_Task('store'))
    shown = devices(machine, VMXNET3)[1]
    assert (shown.backing.deviceName, shown.deviceInfo.summary) == ('blue', 'blue')
    assert [disk.backing.fileName for disk in devices(machine, DISK)] == [
        f'[store] {machine.name}/{machine.name}.vmdk',
        f'[store] {machine.name}/{machine.name}_1.vmdk',
    ]
    reconfigured(machine, annotation='settles again')
    assert plain in machine.network


def test_new_machines_are_spread_over_hosts(client: Client) -> None:
    """Without a host in the call, the emptiest usable host of the cluster takes the machine."""
    cluster = client.at('Frankfurt/host/fra-cluster-01')
    made = [done(new_machine(client, f'spread-{number}')) for number in range(6)]
    assert {machine.runtime.host for machine in made} == set(cluster.host)


def test_creation_faults(client: Client) -> None:
    """A taken name, no datastore, an unknown one, a foreign host, a bad disk: each its fault."""
    existing = client.at(OFF)
    fault = failed(vim.fault.DuplicateName, new_machine(client, existing.name))
    assert fault.object == existing
    failed(vim.fault.InvalidVmConfig, new_machine(client, 'n', files=None))
    unknown = vim.vm.FileInfo(vmPathName='[nowhere]')
    failed(vim.fault.InvalidDatastorePath, new_machine(client, 'n', files=unknown))
    bad = [change('add', new_disk(1, controller=55), 'create')]
    failed(vim.fault.InvalidController, new_machine(client, 'n', deviceChange=bad))
    cluster = client.at('Frankfurt/host/fra-cluster-01')
    alone = client.at('Frankfurt/host/esx-fra-003.example.net').host[0]
    spec = vim.vm.ConfigSpec(
        name='n', files=vim.vm.FileInfo(vmPathName=f'[{cluster.datastore[0].name}]')
    )
    folder = client.at('Frankfurt/vm')
    failed(vmodl.fault.InvalidArgument, folder.CreateVM_Task(spec, cluster.resourcePool, alone))
    with pytest.raises(vmodl.fault.NotSupported):
        client.at('Frankfurt/host').CreateVM_Task(spec, cluster.resourcePool)
    assert [one.name for one in client.all(vim.VirtualMachine) if one.name == 'n'] == []


@pytest.mark.parametrize('operation', ['Destroy_Task', 'UnregisterVM'])
def test_a_machine_goes_without_a_trace(client: Client, operation: str) -> None:
    """After its end nothing refers to it any more, and using it is ManagedObjectNotFound.

    Who unregisters it keeps its files.
    """
    machine = client.at(OFF)
    folder, datastore, host = machine.parent, machine.datastore[0], machine.runtime.host
    free = datastore.summary.freeSpace
    with client.seen(folder, 'childEntity') as changed:
        task = getattr(machine, operation)()
        if task is not None:
            done(task)
    assert changed == ['childEntity']
    with pytest.raises(vmodl.fault.ManagedObjectNotFound) as raised:
        _ = machine.name
    assert raised.value.obj == machine
    assert machine not in folder.childEntity
    assert machine not in host.vm
    assert machine not in datastore.vm
    assert (datastore.summary.freeSpace > free) is (operation == 'Destroy_Task')


def test_many_machines_on_one_host_can_be_created() -> None:
    """The wire serves an inventory that puts hundreds of machines on each host."""
    with connected(Inventory(vms=600)) as client:
        counts = [len(host.vm) for host in client.all(vim.HostSystem)]
        assert sum(counts) == 600
        done(new_machine(client, 'one-more'))
        assert len(client.all(vim.VirtualMachine)) == 601
