"""Small programs as people write them with pyVmomi, each from end to end, and its task helpers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVim import task as tasks
from pyVmomi import vim

from tests.simulator.vsphere import Client, connected

PRODUCTION = 'Frankfurt/vm/Production'


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected() as made:
        yield made


@pytest.fixture
def folder(client: Client) -> Iterator[Any]:
    """A folder for what a program makes; it goes with all that is in it."""
    made = client.at('Frankfurt/vm').CreateFolder('programs')
    yield made
    for machine in list(made.childEntity):
        if machine.runtime.powerState == 'poweredOn':
            tasks.WaitForTask(machine.PowerOff())
    tasks.WaitForTask(made.Destroy())


def new_machine(client: Client, folder: Any, name: str) -> Any:
    """Make a machine without disks, as the shortest of programs do."""
    model = client.at(f'{PRODUCTION}/fra-web-0001')
    place = vim.vm.FileInfo(vmPathName=f'[{model.datastore[0].name}]')
    config = vim.vm.ConfigSpec(
        name=name, memoryMB=128, numCPUs=1, files=place, guestId='otherGuest', version='vmx-19'
    )
    made = folder.CreateVM_Task(config, model.resourcePool)
    tasks.WaitForTask(made)
    return made.info.result


# pyVim.task


def test_a_task_is_waited_for(client: Client, folder: Any) -> None:
    """WaitForTask tells of progress from beginning to end, and returns the state."""
    machine, told = new_machine(client, folder, 'waited'), list[str]()
    state = tasks.WaitForTask(
        machine.PowerOn(),
        si=client.si,
        onProgressUpdate=lambda _task, progress: told.append(str(progress)),
    )
    assert (state, machine.runtime.powerState) == ('success', 'poweredOn')
    assert (told[0], told[-1]) == ('created', 'completed')


def test_many_tasks_are_waited_for(client: Client, folder: Any) -> None:
    """WaitForTasks is over when all are, and has their results."""
    model = client.at(f'{PRODUCTION}/fra-web-0001')
    spec = vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), powerOn=False, template=False)
    results: list[Any] = []
    tasks.WaitForTasks(
        [model.Clone(folder, f'twin-{number}', spec) for number in range(3)], results=results
    )
    assert {one.name for one in results} == {'twin-0', 'twin-1', 'twin-2'}
    assert set(folder.childEntity) == set(results)


def test_a_task_that_fails_raises_its_fault(client: Client, folder: Any) -> None:
    """The helpers raise what the task ended with, or return that it did if asked to."""
    machine = new_machine(client, folder, 'off')
    with pytest.raises(vim.fault.InvalidPowerState):
        tasks.WaitForTask(machine.PowerOff())
    assert tasks.WaitForTask(machine.PowerOff(), raiseOnError=False) == 'error'
    with pytest.raises(vim.fault.InvalidPowerState):
        tasks.WaitForTasks([machine.PowerOff()])


# Programs


def test_an_inventory_is_printed(client: Client) -> None:
    """Walking down from the root folder by types meets all machines that a view lists."""

    def walk(entity: Any, depth: int = 0) -> Iterator[str]:
        assert depth < 10
        if isinstance(entity, vim.VirtualMachine):
            yield entity.summary.config.name
        elif isinstance(entity, vim.Datacenter):
            yield from walk(entity.vmFolder, depth + 1)
        elif isinstance(entity, vim.Folder):
            for child in entity.childEntity:
                yield from walk(child, depth + 1)

    assert sorted(walk(client.content.rootFolder)) == sorted(
        machine.name for machine in client.all(vim.VirtualMachine)
    )


def test_hosts_are_described(client: Client) -> None:
    """What programs print of a host is there: model, processors, cards, services, switches."""
    for host in client.all(vim.HostSystem):
        hardware, stats = host.summary.hardware, host.summary.quickStats
        assert hardware.cpuMhz * hardware.numCpuCores > stats.overallCpuUsage
        assert {nic.device for nic in host.config.network.pnic} >= {'vmnic0', 'vmnic1'}
        assert 'vmk0' in {nic.device for nic in host.config.network.vnic}
        assert {group.vswitchName for group in (g.spec for g in host.config.network.portgroup)}
        keys = {one.key for one in host.configManager.serviceSystem.serviceInfo.service}
        assert 'TSM-SSH' in keys


def test_ssh_is_switched_on(client: Client) -> None:
    """A service is started and stopped on each host of a cluster."""
    (cluster,) = client.all(vim.ClusterComputeResource)
    for host in cluster.host:
        system = host.configManager.serviceSystem
        for act, runs in ((system.StartService, True), (system.StopService, False)):
            act(id='TSM-SSH')
            (found,) = [one for one in system.serviceInfo.service if one.key == 'TSM-SSH']
            assert found.running is runs


def test_a_machine_gets_disk_card_and_drive(client: Client, folder: Any) -> None:
    """A controller, a disk, a card and a CD drive are added in turn, and the disk grows."""
    machine, change = new_machine(client, folder, 'furnished'), vim.vm.device.VirtualDeviceSpec
    network = next(one for one in machine.runtime.host.network if type(one) is vim.Network)

    def add(device: Any, **fields: Any) -> None:
        spec = vim.vm.ConfigSpec(deviceChange=[change(operation='add', device=device, **fields)])
        tasks.WaitForTask(machine.ReconfigVM_Task(spec))

    def of_kind(kind: type) -> list[Any]:
        return [one for one in machine.config.hardware.device if isinstance(one, kind)]

    add(vim.vm.device.ParaVirtualSCSIController(key=-1, busNumber=0, sharedBus='noSharing'))
    (controller,) = of_kind(vim.vm.device.ParaVirtualSCSIController)
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        diskMode='persistent', thinProvisioned=True, fileName=''
    )
    disk = vim.vm.device.VirtualDisk(
        key=-1,
        controllerKey=controller.key,
        unitNumber=0,
        capacityInKB=1024**2,
        backing=backing,
    )
    add(disk, fileOperation='create')
    (disk,) = of_kind(vim.vm.device.VirtualDisk)
    disk.capacityInKB *= 2
    # The size in bytes is another field, and clients that forget it mean the one they changed.
    disk.capacityInBytes = disk.capacityInKB * 1024
    grow = vim.vm.ConfigSpec(deviceChange=[change(operation='edit', device=disk)])
    tasks.WaitForTask(machine.ReconfigVM_Task(grow))
    assert [one.capacityInKB for one in of_kind(vim.vm.device.VirtualDisk)] == [2 * 1024**2]
    add(
        vim.vm.device.VirtualVmxnet3(
            key=-1,
            backing=vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(
                deviceName=network.name, network=network
            ),
        )
    )
    assert network in machine.network
    (ide, *_others) = of_kind(vim.vm.device.VirtualIDEController)
    add(
        vim.vm.device.VirtualCdrom(
            key=-1,
            controllerKey=ide.key,
            backing=vim.vm.device.VirtualCdrom.RemotePassthroughBackingInfo(
                deviceName='', exclusive=False
            ),
        )
    )
    assert len(of_kind(vim.vm.device.VirtualCdrom)) == 1


def test_snapshots_are_listed_and_consolidated(client: Client, folder: Any) -> None:
    """Two snapshots make a tree; reverting to the first and removing all leaves none."""
    machine = new_machine(client, folder, 'photographed')
    for name in ('first', 'second'):
        tasks.WaitForTask(machine.CreateSnapshot_Task(name, f'the {name}', False, False))
    (root,) = machine.snapshot.rootSnapshotList
    (child,) = root.childSnapshotList
    assert (root.name, child.name) == ('first', 'second')
    assert machine.snapshot.currentSnapshot == child.snapshot
    tasks.WaitForTask(root.snapshot.RevertToSnapshot_Task())
    assert machine.snapshot.currentSnapshot == root.snapshot
    tasks.WaitForTask(machine.RemoveAllSnapshots_Task())
    assert machine.snapshot is None


def test_a_machine_is_found_and_measured(client: Client) -> None:
    """By uuid, address and path the same machine is found; its counters have samples."""
    machine = client.at(f'{PRODUCTION}/Production databases/fra-db-0002')
    index, manager = client.content.searchIndex, client.content.perfManager
    assert index.FindByUuid(None, machine.config.uuid, True, False) == machine
    assert index.FindByIp(None, machine.guest.ipAddress, True) == machine
    counters = {
        f'{one.groupInfo.key}.{one.nameInfo.key}.{one.rollupType}': one.key
        for one in manager.perfCounter
    }
    metric = vim.PerformanceManager.MetricId(counterId=counters['cpu.usage.average'], instance='')
    query = vim.PerformanceManager.QuerySpec(
        entity=machine, metricId=[metric], intervalId=20, maxSample=3
    )
    (found,) = manager.QueryPerf([query])
    (series,) = found.value
    assert len(series.value) == len(found.sampleInfo) == 3


def test_what_happened_is_told(client: Client, folder: Any) -> None:
    """The events of a machine since it was made name what was done to it, in order."""
    machine = new_machine(client, folder, 'watched')
    tasks.WaitForTask(machine.PowerOn())
    tasks.WaitForTask(machine.PowerOff())
    by_entity = vim.event.EventFilterSpec.ByEntity(entity=machine, recursion='self')
    found = client.content.eventManager.QueryEvents(vim.event.EventFilterSpec(entity=by_entity))
    kinds = [type(one).__name__.rpartition('.')[2] for one in found]
    wanted = ['VmCreatedEvent', 'VmPoweredOnEvent', 'VmPoweredOffEvent']
    assert [kind for kind in kinds if kind in wanted] == wanted
