"""What else is done to machines: moved, upgraded, typed at, cloned while they run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.vsphere import Client, connected, done, failed

CLUSTER = 'Frankfurt/host/fra-cluster-01'
OFF = 'poweredOff'
ON = 'poweredOn'


@pytest.fixture(scope='module')
def server() -> Iterator[Client]:
    with connected(Inventory(vms=16, vsan_datastores=0)) as made:
        yield made
        assert list(complaints(made.vc.world)) == []
        assert list(consistency_problems(made.vc.world)) == []


@pytest.fixture
def vm(server: Client) -> Iterator[Any]:
    """A machine of its own for each test, that is off, with tools, a disk and a card."""
    cluster = server.at(CLUSTER)
    source = next(
        one for one in cluster.resourcePool.vm
        if one.runtime.powerState == ON and one.guest.toolsRunningStatus == 'guestToolsRunning'
    )  # fmt: skip
    spec = vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), powerOn=False, template=False)
    made = done(source.CloneVM_Task(server.at('Frankfurt/vm'), 'mine', spec))
    yield made
    if made.runtime.powerState == ON:
        done(made.PowerOffVM_Task())
    done(made.Destroy_Task())


def disk_of(vm: Any) -> Any:
    return next(d for d in vm.config.hardware.device if isinstance(d, vim.vm.device.VirtualDisk))


# Power


def test_several_machines_are_started(server: Client, vm: Any) -> None:
    """PowerOnMultiVM_Task starts a task for each that can start, and says why others cannot."""
    running = next(one for one in server.all(vim.VirtualMachine) if one.runtime.powerState == ON)
    datacenter = server.at('Frankfurt')
    result = done(datacenter.PowerOnMultiVM_Task([vm, running], None))
    (attempted,) = result.attempted
    assert (attempted.vm, vm.runtime.powerState) == (vm, ON)
    assert attempted.task.info.state == 'success'
    (refused,) = result.notAttempted
    assert refused.vm == running
    assert isinstance(refused.fault, vim.fault.InvalidPowerState)
    other = server.content.rootFolder.CreateDatacenter('Elsewhere')
    with pytest.raises(vmodl.fault.InvalidArgument):
        other.PowerOnMultiVM_Task([vm], None)


def test_a_machine_is_terminated(vm: Any) -> None:
    """TerminateVM stops a machine that runs, at once."""
    with pytest.raises(vim.fault.InvalidPowerState):
        vm.TerminateVM()
    done(vm.PowerOnVM_Task())
    vm.TerminateVM()
    assert vm.runtime.powerState == OFF


# Places


def test_a_machine_is_migrated(server: Client, vm: Any) -> None:
    """MigrateVM_Task moves to a host or a pool, in the state that was asked for only."""
    cluster = server.at(CLUSTER)
    other = next(host for host in cluster.host if host != vm.runtime.host)
    done(vm.MigrateVM_Task(None, other, 'defaultPriority', None))
    assert vm.runtime.host == other
    pool = cluster.resourcePool.resourcePool[0]
    done(vm.MigrateVM_Task(pool, None, 'highPriority', OFF))
    assert (vm.resourcePool, vm.runtime.host) == (pool, other)
    wrong = vm.MigrateVM_Task(None, cluster.host[0], 'defaultPriority', ON)
    failed(vim.fault.InvalidPowerState, wrong)
    with pytest.raises(vmodl.fault.InvalidArgument):
        vm.MigrateVM_Task(None, None, 'defaultPriority', None)


def test_places_are_recommended(server: Client, vm: Any) -> None:
    """PlaceVm recommends hosts with a datastore, of those that are asked for; RelocateVM goes."""
    cluster = server.at(CLUSTER)
    hosts, place = [cluster.host[1]], cluster.datastore[1]
    spec = vim.cluster.PlacementSpec(vm=vm, hosts=hosts, datastores=[place])
    (only,) = cluster.PlaceVm(spec).recommendations
    (action,) = only.action
    assert (only.target, action.vm, action.targetHost) == (cluster, vm, hosts[0])
    assert action.relocateSpec.datastore == place
    done(vm.RelocateVM_Task(action.relocateSpec))
    assert (vm.runtime.host, list(vm.datastore)) == (hosts[0], [place])
    disk = vim.vm.device.VirtualDisk(key=-1, capacityInKB=1024)
    change = vim.vm.device.VirtualDeviceSpec(operation='add', fileOperation='create', device=disk)
    new = vim.vm.ConfigSpec(name='new', deviceChange=[change])
    wanted = vim.cluster.PlacementSpec(placementType='create', configSpec=new)
    assert len(cluster.PlaceVm(wanted).recommendations) == 2
    disk.capacityInKB = 1 << 40
    result = cluster.PlaceVm(wanted)
    assert list(result.recommendations) == []
    assert isinstance(result.drsFault.faultsByVm[0].fault[0], vim.fault.NoCompatibleHost)
    with pytest.raises(vmodl.fault.InvalidArgument):
        cluster.PlaceVm(vim.cluster.PlacementSpec())
    plain = cluster.parent.CreateClusterEx('without-drs', vim.cluster.ConfigSpecEx())
    with pytest.raises(vim.fault.InvalidState):
        plain.PlaceVm(spec)


# Clones and disks


def test_a_running_machine_is_cloned(server: Client, vm: Any) -> None:
    """An instant clone runs at once, on a child of the disk, with the ids it was given."""
    spec = vim.vm.InstantCloneSpec(
        name='instant',
        location=vim.vm.RelocateSpec(),
        biosUuid='11111111-2222-3333-4444-555555555555',
        config=[vim.OptionValue(key='guestinfo.mark', value='x')],
    )
    failed(vim.fault.InvalidPowerState, vm.InstantClone_Task(spec))
    done(vm.PowerOnVM_Task())
    made = done(vm.InstantClone_Task(spec))
    assert (made.runtime.powerState, made.parent) == (ON, vm.parent)
    assert made.config.uuid == spec.biosUuid
    assert disk_of(made).backing.parent.fileName == disk_of(vm).backing.fileName
    assert 'guestinfo.mark' in {option.key for option in made.config.extraConfig}
    failed(vim.fault.DuplicateName, vm.InstantClone_Task(spec))
    done(made.PowerOffVM_Task())
    done(made.Destroy_Task())


def test_a_linked_clone_is_promoted(server: Client, vm: Any) -> None:
    """A disk that is unlinked has no parent, all the data and a file of its own."""
    done(vm.CreateSnapshot_Task('base', None, False, False))
    location = vim.vm.RelocateSpec(diskMoveType='createNewChildDiskBacking')
    spec = vim.vm.CloneSpec(
        location=location, powerOn=False, template=False, snapshot=vm.snapshot.currentSnapshot
    )
    made = done(vm.CloneVM_Task(vm.parent, 'linked', spec))
    disk = disk_of(made)
    assert disk.backing.parent is not None
    small = made.summary.storage.committed
    done(made.PromoteDisks_Task(False, []))
    assert disk_of(made).backing.parent is not None
    done(made.PromoteDisks_Task(True, [disk]))
    promoted = disk_of(made)
    assert promoted.backing.parent is None
    assert (promoted.backing.uuid, promoted.key) == (disk.backing.uuid, disk.key)
    assert made.summary.storage.committed > small
    failed(vim.fault.InvalidState, vm.PromoteDisks_Task(True, []))
    done(vm.RemoveAllSnapshots_Task())
    done(made.Destroy_Task())


def test_disks_are_consolidated(vm: Any) -> None:
    """A snapshot removed without consolidation leaves its disk until somebody consolidates."""
    name = disk_of(vm).backing.fileName
    done(vm.CreateSnapshot_Task('one', None, False, False))
    done(vm.snapshot.currentSnapshot.RemoveSnapshot_Task(False, False))
    assert vm.snapshot is None
    assert vm.runtime.consolidationNeeded is True
    assert disk_of(vm).backing.parent.fileName == name
    files = len(vm.layoutEx.file)
    done(vm.ConsolidateVMDisks_Task())
    assert vm.runtime.consolidationNeeded is False
    assert (disk_of(vm).backing.fileName, disk_of(vm).backing.parent) == (name, None)
    assert len(vm.layoutEx.file) == files - 2


def test_a_snapshot_is_exported(vm: Any) -> None:
    """ExportSnapshot leases the disks as the snapshot has them."""
    name = disk_of(vm).backing.fileName
    done(vm.CreateSnapshot_Task('one', None, False, False))
    lease = vm.snapshot.currentSnapshot.ExportSnapshot()
    while lease.state == vim.HttpNfcLease.State.initializing:
        pass
    disks = [one for one in lease.info.deviceUrl if one.disk]
    assert (lease.state, lease.info.entity, len(disks)) == ('ready', vm, 1)
    assert lease.info.totalDiskCapacityInKB == disk_of(vm).capacityInKB
    lease.HttpNfcLeaseComplete()
    assert vm.snapshot.currentSnapshot.config.hardware.device[-1] is not None
    assert disk_of(vm).backing.parent.fileName == name


# Hardware and guest


def test_hardware_is_upgraded(vm: Any) -> None:
    """UpgradeVM_Task goes up to a version, the newest if none is named, and never down."""
    done(vm.ReconfigVM_Task(vim.vm.ConfigSpec(version='vmx-15')))
    done(vm.UpgradeVM_Task('vmx-19'))
    assert vm.config.version == 'vmx-19'
    failed(vim.fault.AlreadyUpgraded, vm.UpgradeVM_Task('vmx-17'))
    done(vm.UpgradeVM_Task(None))
    assert (vm.config.version, vm.guest.hwVersion) == ('vmx-21', 'vmx-21')
    failed(vim.fault.AlreadyUpgraded, vm.UpgradeVM_Task(None))
    with pytest.raises(vmodl.fault.NotSupported):
        vm.UpgradeVM_Task('vmx-99')
    done(vm.PowerOnVM_Task())
    failed(vim.fault.InvalidPowerState, vm.UpgradeVM_Task(None))


def test_the_installer_of_tools_is_mounted(vm: Any) -> None:
    """The installer is mounted into a machine that runs; an upgrade takes it out again."""
    with pytest.raises(vim.fault.InvalidState):
        vm.MountToolsInstaller()
    failed(vim.fault.InvalidPowerState, vm.UpgradeTools_Task(None))
    done(vm.PowerOnVM_Task())
    vm.MountToolsInstaller()
    assert vm.runtime.toolsInstallerMounted is True
    vm.UnmountToolsInstaller()
    assert vm.runtime.toolsInstallerMounted is False
    vm.MountToolsInstaller()
    done(vm.UpgradeTools_Task(None))
    assert vm.summary.runtime.toolsInstallerMounted is False


def test_keys_are_typed(vm: Any) -> None:
    """PutUsbScanCodes says how many keys arrived at a machine that runs."""
    events = [vim.UsbScanCodeSpec.KeyEvent(usbHidCode=code << 16 | 7) for code in (4, 5, 6)]
    spec = vim.UsbScanCodeSpec(keyEvents=events)
    with pytest.raises(vim.fault.InvalidPowerState):
        vm.PutUsbScanCodes(spec)
    done(vm.PowerOnVM_Task())
    assert vm.PutUsbScanCodes(spec) == 3


def customization(*addresses: str, name: Any = None) -> Any:
    name = name or vim.vm.customization.FixedName(name='guest')
    return vim.vm.customization.Specification(
        identity=vim.vm.customization.LinuxPrep(hostName=name, domain='example.com'),
        globalIPSettings=vim.vm.customization.GlobalIPSettings(),
        nicSettingMap=[
            vim.vm.customization.AdapterMapping(
                adapter=vim.vm.customization.IPSettings(
                    ip=vim.vm.customization.FixedIp(ipAddress=address), subnetMask='255.255.0.0'
                )
            )
            for address in addresses
        ],
    )


def test_a_guest_takes_over_its_customization(server: Client, vm: Any) -> None:
    """Name and address are the guest's from its next start on; a clone can be told so, too."""
    spec = customization('10.1.1.1')
    vm.CheckCustomizationSpec(spec)
    done(vm.CustomizeVM_Task(spec))
    failed(vim.fault.CustomizationPending, vm.CustomizeVM_Task(spec))
    done(vm.PowerOnVM_Task())
    assert (vm.guest.hostName, vm.guest.ipAddress) == ('guest.example.com', '10.1.1.1')
    failed(vim.fault.InvalidPowerState, vm.CustomizeVM_Task(spec))
    clone = vim.vm.CloneSpec(
        location=vim.vm.RelocateSpec(), powerOn=True, template=False,
        customization=customization(
            '10.1.1.2', name=vim.vm.customization.VirtualMachineNameGenerator()
        ),
    )  # fmt: skip
    made = done(vm.CloneVM_Task(vm.parent, 'told', clone))
    assert (made.guest.hostName, made.guest.ipAddress) == ('told.example.com', '10.1.1.2')
    done(made.PowerOffVM_Task())
    done(made.Destroy_Task())


def test_what_cannot_be_customized(vm: Any) -> None:
    """Each card needs its settings, and the guest has to be one that can be customized."""
    two = customization('10.1.1.1', '10.1.1.2')
    fault = failed(vim.fault.NicSettingMismatch, vm.CustomizeVM_Task(two))
    assert (fault.numberOfNicsInSpec, fault.numberOfNicsInVM) == (2, 1)
    done(vm.ReconfigVM_Task(vim.vm.ConfigSpec(guestId='otherGuest64')))
    with pytest.raises(vim.fault.UncustomizableGuest):
        vm.CheckCustomizationSpec(customization('10.1.1.1'))
