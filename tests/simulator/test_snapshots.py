"""Snapshots, linked disks and clones under pyVmomi's hands, down to the files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim

from oslo_vmware.simulator import Inventory
from tests.drivers.vmdk import stream_optimized
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.transfers import Files, disk_urls, import_spec, settled
from tests.simulator.vsphere import connected, done, failed
from tests.transfer.disks import content_of, grains_of, stream_of

DISK = vim.vm.device.VirtualDisk
CHANGE = vim.vm.device.VirtualDeviceSpec
MIB = 1024**2
DATA = os.urandom(3 * MIB + 512)
RelocateSpec, CloneSpec = vim.vm.RelocateSpec, vim.vm.CloneSpec


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


def imported(files: Files, name: str, data: bytes) -> Any:
    pool = files.client.at(f'{files.datacenter}/host').childEntity[0].resourcePool
    lease = settled(pool.ImportVApp(import_spec(files, name), files.dc.vmFolder))
    (url,) = disk_urls(lease)
    assert files.http.put(url, data=data, timeout=30).ok
    lease.HttpNfcLeaseComplete()
    return lease.info.entity


def exported(files: Files, machine: Any) -> bytes:
    lease = settled(machine.ExportVm())
    (url,) = disk_urls(lease)
    stream = files.http.get(url, timeout=30).content
    lease.HttpNfcLeaseComplete()
    # A disk may have grown; what came to it is empty.
    assert all(at < len(DATA) for at in grains_of(stream)[1])
    return content_of(stream, len(DATA))


def disk_of(machine: Any) -> Any:
    (disk,) = [one for one in machine.config.hardware.device if isinstance(one, DISK)]
    return disk


def chain(machine: Any) -> list[str]:
    """The files that a machine's disk consists of, the newest first, by their names."""
    backing, names = disk_of(machine).backing, []
    while backing is not None:
        names.append(backing.fileName.rpartition('/')[2])
        backing = backing.parent
    return names


def snapshot(machine: Any, name: str, *, memory: bool = False) -> Any:
    return done(machine.CreateSnapshot_Task(name, f'before {name}', memory, False))


def names(trees: Any) -> Any:
    """The names of a tree of snapshots."""
    return [(tree.name, names(tree.childSnapshotList)) for tree in trees]


def directory(files: Files) -> list[str]:
    return [
        name
        for name in files.names('web')
        if name.endswith('.vmdk') and not name.endswith(('-flat.vmdk', '-delta.vmdk'))
    ]


def test_a_snapshot_freezes_the_disk(files: Files, machine: Any) -> None:
    """The tree shows it, the machine goes on with a child disk, and filters hear of both."""
    assert machine.snapshot is None
    with files.client.seen(machine, 'snapshot', 'name') as changed:
        first = snapshot(machine, 'one')
    assert changed == ['snapshot']
    second = snapshot(machine, 'two')
    assert machine.snapshot.currentSnapshot == second
    assert machine.rootSnapshot == [first]
    assert names(machine.snapshot.rootSnapshotList) == [('one', [('two', [])])]
    tree = machine.snapshot.rootSnapshotList[0]
    assert (tree.id, tree.vm, tree.description) == (1, machine, 'before one')
    assert (first.vm, first.childSnapshot) == (machine, [second])
    assert chain(machine) == ['web-000002.vmdk', 'web-000001.vmdk', 'web.vmdk']
    frozen = [one for one in second.config.hardware.device if isinstance(one, DISK)]
    assert frozen[0].backing.fileName.endswith('/web-000001.vmdk')
    kinds = [file.type for file in machine.layoutEx.file]
    assert kinds.count('snapshotData') == 2
    assert kinds.count('diskDescriptor') == 3
    assert b'parentFileNameHint=' in files.get('web/web-000002.vmdk')
    first.RenameSnapshot('first', None)
    assert names(machine.snapshot.rootSnapshotList) == [('first', [('two', [])])]


def _copy(files: Files, source: str) -> Any:
    return files.disks.CopyVirtualDisk_Task(files.path(source), files.dc, files.path('copy.vmdk'))


@pytest.mark.parametrize('order', [(0, 1), (1, 0)])
def test_removing_snapshots_joins_disks(files: Files, machine: Any, order: tuple[int, int]) -> None:
    """In whichever order they go, in the end there is the one disk of the beginning."""
    free, before = files.free, directory(files)
    snapshots = [snapshot(machine, 'one'), snapshot(machine, 'two')]
    done(snapshots[order[0]].RemoveSnapshot_Task(False))
    left = 'two' if order[0] == 0 else 'one'
    assert names(machine.snapshot.rootSnapshotList) == [(left, [])]
    assert len(chain(machine)) == 2
    done(snapshots[order[1]].RemoveSnapshot_Task(False))
    assert machine.snapshot is None
    assert chain(machine) == ['web.vmdk']
    assert (directory(files), files.free) == (before, free)
    assert exported(files, machine) == DATA


@pytest.mark.parametrize('all_at_once', [True, False])
def test_removing_all_snapshots(files: Files, machine: Any, all_at_once: bool) -> None:
    """By RemoveAllSnapshots, and by removing the first with its children."""
    first = snapshot(machine, 'one')
    for name in ('two', 'three'):
        snapshot(machine, name)
    task = machine.RemoveAllSnapshots_Task() if all_at_once else first.RemoveSnapshot_Task(True)
    done(task)
    assert machine.snapshot is None
    assert directory(files) == ['web.vmdk']
    assert chain(machine) == ['web.vmdk']


def test_going_back_to_a_snapshot(files: Files, machine: Any) -> None:
    """Hardware and power are as they were; the disk of the time between is gone."""
    first = snapshot(machine, 'one')
    memory = machine.config.hardware.memoryMB
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=2 * memory)))
    done(machine.PowerOnVM_Task())
    done(first.RevertToSnapshot_Task(None, None))
    assert machine.config.hardware.memoryMB == memory
    assert machine.runtime.powerState == 'poweredOff'
    assert machine.snapshot.currentSnapshot == first
    assert len(directory(files)) == len(chain(machine)) == 2
    done(machine.PowerOnVM_Task())
    running = snapshot(machine, 'running', memory=True)
    assert machine.snapshot.rootSnapshotList[0].childSnapshotList[0].state == 'poweredOn'
    done(machine.PowerOffVM_Task())
    done(machine.RevertToCurrentSnapshot_Task(None, None))
    assert machine.runtime.powerState == 'poweredOn'
    assert machine.snapshot.currentSnapshot == running
    done(machine.PowerOffVM_Task())
    done(machine.Destroy_Task())
    assert 'web' not in files.names()


def test_a_clone_is_a_machine_of_its_own(files: Files, machine: Any) -> None:
    """Its disk has the same data in other files, and outlives the original."""
    folder = machine.parent
    spec = CloneSpec(
        location=RelocateSpec(),
        powerOn=True,
        template=False,
        config=vim.vm.ConfigSpec(memoryMB=1024),
    )
    clone = done(machine.CloneVM_Task(folder, 'copy', spec))
    assert (clone.name, clone.parent, clone.resourcePool) == ('copy', folder, machine.resourcePool)
    assert clone.config.instanceUuid != machine.config.instanceUuid
    assert clone.config.hardware.memoryMB == 1024
    assert clone.runtime.powerState == 'poweredOn'
    assert chain(clone) == ['copy.vmdk']
    assert disk_of(clone).backing.uuid != disk_of(machine).backing.uuid
    done(machine.Destroy_Task())
    done(clone.PowerOffVM_Task())
    assert exported(files, clone) == DATA
    fault = failed(vim.fault.DuplicateName, clone.CloneVM_Task(folder, 'copy', spec))
    assert fault.object == clone


def test_a_linked_clone_builds_on_the_snapshot(files: Files, machine: Any) -> None:
    """It has the data without the space, and keeps the frozen disk as long as it is there."""
    first = snapshot(machine, 'one')
    free = files.free
    location = RelocateSpec(diskMoveType='createNewChildDiskBacking')
    spec = CloneSpec(location=location, snapshot=first, powerOn=False, template=True)
    clone = done(machine.CloneVM_Task(machine.parent, 'linked', spec))
    assert clone.config.template
    assert clone.resourcePool is None
    assert chain(clone) == ['linked.vmdk', 'web.vmdk']
    assert free - files.free < MIB
    assert exported(files, clone) == DATA
    done(first.RemoveSnapshot_Task(False))
    # The frozen disk is still somebody's, so nothing can be joined to it.
    assert chain(machine) == ['web-000001.vmdk', 'web.vmdk']
    done(clone.Destroy_Task())
    assert 'linked' not in files.names()
    assert exported(files, machine) == DATA


def test_a_disk_is_made_as_the_child_of_another(files: Files, machine: Any) -> None:
    """What is added with a parent is as large, empty, and a whole disk when copied."""
    backing = DISK.FlatVer2BackingInfo(fileName='', diskMode='persistent')
    backing.parent = DISK.FlatVer2BackingInfo(
        fileName=files.path('web/web.vmdk'), diskMode='persistent'
    )
    device = DISK(key=-1, controllerKey=1000, unitNumber=0, capacityInKB=0, backing=backing)
    other = imported(files, 'other', stream_of(b'x'))
    done(
        other.ReconfigVM_Task(
            vim.vm.ConfigSpec(
                deviceChange=[CHANGE(operation='remove', device=disk_of(other), fileOperation=None)]
            )
        )
    )
    change = CHANGE(operation='add', fileOperation='create', device=device)
    free = files.free
    done(other.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))
    assert chain(other) == ['other_1.vmdk', 'web.vmdk']
    assert disk_of(other).capacityInBytes == disk_of(machine).capacityInBytes
    assert free - files.free < MIB
    done(_copy(files, 'other/other_1.vmdk'))
    assert files.get('copy-flat.vmdk')[: len(DATA)] == DATA


def test_a_streamed_disk_is_as_large_as_it_says(files: Files) -> None:
    """The capacity comes from the stream's header, whatever the specification asked for."""
    stream = stream_optimized(DATA, 64 * MIB)
    machine = imported(files, 'streamed', stream)
    assert disk_of(machine).capacityInBytes == 64 * MIB
    assert files.get('streamed/streamed-flat.vmdk') == DATA.ljust(64 * MIB, b'\0')
    assert b'RW 131072 VMFS' in files.get('streamed/streamed.vmdk')
