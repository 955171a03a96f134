"""Machines that move, and disks that grow under them, by pyVmomi and down to the files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.test_snapshots import DATA, disk_of, exported, imported, snapshot
from tests.simulator.transfers import Files
from tests.simulator.vsphere import connected, done, failed
from tests.transfer.disks import stream_of

RelocateSpec = vim.vm.RelocateSpec
GIB = 1024**3
KIB_PER_GIB = 1024**2


@pytest.fixture
def files() -> Iterator[Files]:
    with connected(Inventory(vms=4)) as client:
        yield Files(client)
        # Whatever a test did, what is left fits the schema and itself.
        assert list(complaints(client.vc.world)) == []
        assert list(consistency_problems(client.vc.world)) == []


@pytest.fixture
def machine(files: Files) -> Any:
    """A machine whose disk holds :data:`DATA`."""
    return imported(files, 'web', stream_of(DATA))


def other_datastore(files: Files, machine: Any) -> Any:
    """A datastore that the machine's host has and the machine is not on."""
    here = machine.datastore[0]
    return next(
        one for one in machine.runtime.host.datastore if one != here and one.summary.type == 'VMFS'
    )


def names_on(files: Files, place: Any) -> list[str]:
    """The directories at the top of a datastore."""
    simulated = files.client.vc.world.objects[place._moId]
    found: list[str] = files.client.vc.world.files.of(simulated).names('')
    return found


def test_a_machine_goes_to_another_datastore(files: Files, machine: Any) -> None:
    """All its files go along, the disk stays the same one, and the space is given back."""
    old, new = machine.datastore[0], other_datastore(files, machine)
    free = old.summary.freeSpace, new.summary.freeSpace
    taken, uuid = machine.summary.storage.committed, disk_of(machine).backing.uuid
    done(machine.RelocateVM_Task(RelocateSpec(datastore=new)))
    assert list(machine.datastore) == [new]
    assert machine.config.files.vmPathName == f'[{new.name}] web/web.vmx'
    backing = disk_of(machine).backing
    assert (backing.fileName, backing.datastore) == (f'[{new.name}] web/web.vmdk', new)
    assert backing.uuid == uuid
    assert 'web' not in names_on(files, old)
    assert 'web' in names_on(files, new)
    assert old.summary.freeSpace == free[0] + taken
    assert new.summary.freeSpace == free[1] - taken
    assert exported(files, machine) == DATA
    done(machine.Destroy_Task())
    assert (old.summary.freeSpace, new.summary.freeSpace) == (free[0] + taken, free[1])


def test_a_machine_of_the_inventory_goes_to_another_datastore(files: Files) -> None:
    """It goes as others do, though nobody has written to its disk."""
    machine = files.client.all(vim.VirtualMachine)[0]
    old, new = machine.datastore[0], other_datastore(files, machine)
    uuid = disk_of(machine).backing.uuid
    done(machine.RelocateVM_Task(RelocateSpec(datastore=new)))
    assert list(machine.datastore) == [new]
    backing = disk_of(machine).backing
    assert backing.fileName == f'[{new.name}] {machine.name}/{machine.name}.vmdk'
    assert (backing.datastore, backing.uuid) == (new, uuid)
    assert machine.name not in names_on(files, old)


def test_a_running_machine_goes_to_another_host(files: Files, machine: Any) -> None:
    """Only the host changes; the machine runs on."""
    done(machine.PowerOnVM_Task())
    booted, old = machine.runtime.bootTime, machine.runtime.host
    new = next(one for one in old.parent.host if one != old)
    done(machine.RelocateVM_Task(RelocateSpec(host=new)))
    assert machine.runtime.host == new
    assert machine in new.vm
    assert machine not in old.vm
    assert (machine.runtime.powerState, machine.runtime.bootTime) == ('poweredOn', booted)
    assert machine.config.files.vmPathName == f'[{machine.datastore[0].name}] web/web.vmx'


def test_a_disk_goes_alone_and_changes_its_kind(files: Files, machine: Any) -> None:
    """A locator takes one disk elsewhere and says how it is to be provisioned."""
    old, new = machine.datastore[0], other_datastore(files, machine)
    locator = RelocateSpec.DiskLocator(
        diskId=disk_of(machine).key,
        datastore=new,
        diskBackingInfo=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
            fileName='', diskMode='persistent', eagerlyScrub=True
        ),
    )
    done(machine.RelocateVM_Task(RelocateSpec(disk=[locator])))
    assert set(machine.datastore) == {old, new}
    disk = disk_of(machine)
    assert (disk.backing.thinProvisioned, disk.backing.eagerlyScrub) == (False, True)
    assert disk.backing.datastore == new
    assert machine.config.files.vmPathName == f'[{old.name}] web/web.vmx'
    assert exported(files, machine) == DATA


def test_a_machine_gets_the_policy_of_its_new_place(files: Files, machine: Any) -> None:
    """Machine and disk have the policy that came with the request; an unknown one moves nothing."""
    vc, old, new = files.client.vc, machine.datastore[0], other_datastore(files, machine)
    unknown = vim.vm.DefinedProfileSpec(profileId='4711')
    task = machine.RelocateVM_Task(RelocateSpec(datastore=new, profile=[unknown]))
    failed(vmodl.fault.InvalidArgument, task)
    assert list(machine.datastore) == [old]
    (policy,) = [one.profileId.uniqueId for one in vc.policies.all() if one.name == 'Silver']
    wanted = vim.vm.DefinedProfileSpec(profileId=policy)
    done(machine.RelocateVM_Task(RelocateSpec(datastore=new, profile=[wanted])))
    simulated = vc.world.objects[machine._moId]
    assert simulated.home_policy == policy
    assert simulated.disk_policies == {disk_of(machine).key: policy}
    assert simulated.applied_policies.keys() == {None, disk_of(machine).key}


def test_a_datastore_without_the_room(files: Files, machine: Any) -> None:
    """The machine stays where it was, with its files, and nothing is left at the other place."""
    new = other_datastore(files, machine)
    files.client.vc.set_free_space(new.name, 4096)
    path, host = machine.config.files.vmPathName, machine.runtime.host
    failed(vim.fault.NoDiskSpace, machine.RelocateVM_Task(RelocateSpec(datastore=new)))
    assert (machine.config.files.vmPathName, machine.runtime.host) == (path, host)
    assert 'web' not in names_on(files, new)
    assert new.summary.freeSpace == 4096
    assert exported(files, machine) == DATA


def test_relocations_that_are_refused(files: Files, machine: Any) -> None:
    """A host that belongs to somebody else, a disk that is not there, and snapshots."""
    new = other_datastore(files, machine)
    foreign = next(
        one for one in files.client.all(vim.HostSystem) if one.parent != machine.runtime.host.parent
    )
    failed(vmodl.fault.InvalidArgument, machine.RelocateVM_Task(RelocateSpec(host=foreign)))
    locator = RelocateSpec.DiskLocator(diskId=4711, datastore=new)
    failed(vmodl.fault.InvalidArgument, machine.RelocateVM_Task(RelocateSpec(disk=[locator])))
    snapshot(machine, 'one')
    failed(vmodl.fault.NotSupported, machine.RelocateVM_Task(RelocateSpec(datastore=new)))
    assert new not in machine.datastore


def test_a_disk_grows_under_its_machine(files: Files, machine: Any) -> None:
    """The manager of disks extends and inflates a machine's disk, and the machine shows it."""
    manager, datacenter = files.client.content.virtualDiskManager, files.dc
    path = disk_of(machine).backing.fileName
    done(manager.ExtendVirtualDisk_Task(path, datacenter, 3 * KIB_PER_GIB, False))
    disk = disk_of(machine)
    assert (disk.capacityInBytes, disk.capacityInKB) == (3 * GIB, 3 * KIB_PER_GIB)
    assert disk.deviceInfo.summary == '3,145,728 KB'
    assert disk.backing.thinProvisioned
    free = machine.datastore[0].summary.freeSpace
    done(manager.InflateVirtualDisk_Task(path, datacenter))
    assert disk_of(machine).backing.thinProvisioned is False
    assert free - machine.datastore[0].summary.freeSpace > 2 * GIB
    assert exported(files, machine) == DATA
