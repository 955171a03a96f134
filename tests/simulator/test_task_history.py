"""The history of tasks, and tasks that an extension moves on itself, as pyVmomi uses them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.vsphere import Client, connected, done, failed

Filter = vim.TaskFilterSpec


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(vms=4)) as found:
        vm = found.all(vim.VirtualMachine)[0]
        for number in range(3):
            done(vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation=str(number))))
        failed(vim.fault.InvalidPowerState, vm.PowerOnVM_Task())
        yield found


@pytest.fixture
def tasks(client: Client) -> Any:
    return client.content.taskManager


def read(tasks: Any, **members: Any) -> list[Any]:
    """What a filter lets through, read to the end."""
    collector = tasks.CreateCollectorForTasks(Filter(**members))
    found = []
    while page := collector.ReadNextTasks(2):
        found += page
    collector.DestroyCollector()
    return found


def test_filters(client: Client, tasks: Any) -> None:
    """By entity and what is below it, state, user, time and chain."""
    vm, other = client.all(vim.VirtualMachine)[:2]
    by = Filter.ByEntity
    done(other.PowerOffVM_Task() if other.runtime.powerState == 'poweredOn'
         else other.PowerOnVM_Task())  # fmt: skip
    mine = read(tasks, entity=by(entity=vm, recursion='self'))
    assert [info.state for info in mine] == ['success', 'success', 'success', 'error']
    assert {info.descriptionId for info in mine} == {
        'VirtualMachine.reconfigure', 'VirtualMachine.powerOn'
    }  # fmt: skip
    below = read(tasks, entity=by(entity=client.at('Frankfurt'), recursion='all'))
    assert len(below) >= 5
    assert read(tasks, entity=by(entity=vm, recursion='children')) == []
    assert {info.state for info in read(tasks, state=['error'])} == {'error'}
    chain = mine[-1].eventChainId
    assert [info.key for info in read(tasks, eventChainId=[chain])] == [mine[-1].key]
    user = mine[0].reason.userName
    everybody = read(tasks, userName=Filter.ByUsername(systemUser=False, userList=[user]))
    assert len(everybody) >= 5
    assert read(tasks, userName=Filter.ByUsername(systemUser=True)) == []
    now = client.si.CurrentTime()
    for kind in ('queuedTime', 'startedTime', 'completedTime'):
        time = Filter.ByTime(timeType=kind, beginTime=now - datetime.timedelta(minutes=10))
        assert len(read(tasks, time=time)) >= 5
        time = Filter.ByTime(timeType=kind, beginTime=now + datetime.timedelta(minutes=10))
        assert read(tasks, time=time) == []


def test_a_collector_is_scrolled_through(client: Client, tasks: Any) -> None:
    """The latest page has the newest, and after a reset one reads from them back."""
    vm = client.all(vim.VirtualMachine)[0]
    entity = Filter.ByEntity(entity=vm, recursion='self')
    collector = tasks.CreateCollectorForTasks(Filter(entity=entity))
    collector.SetCollectorPageSize(2)
    keys = [info.key for info in read(tasks, entity=entity)]
    assert [info.key for info in collector.latestPage] == keys[:-3:-1]
    collector.ResetCollector()
    assert [info.key for info in collector.ReadPreviousTasks(9)] == keys[::-1]
    collector.RewindCollector()
    assert [info.key for info in collector.ReadNextTasks(1)] == keys[:1]
    with client.seen(collector, 'latestPage') as changed:
        done(vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation='again')))
    assert changed
    assert collector.latestPage[0].state == 'success'
    collector.DestroyCollector()


def test_collectors_are_counted(tasks: Any) -> None:
    """A session has so many collectors and no more."""
    made = [tasks.CreateCollectorForTasks(Filter()) for _ in range(tasks.maxCollector)]
    with pytest.raises(vim.fault.InvalidState):
        tasks.CreateCollectorForTasks(Filter())
    for collector in made:
        collector.DestroyCollector()


def test_a_task_of_an_extension(client: Client, tasks: Any) -> None:
    """It begins queued, moves as it is told, ends once, and stands in the history."""
    vm = client.all(vim.VirtualMachine)[0]
    info = tasks.CreateTask(vm, 'org.example.backup', 'somebody', True, None, None)
    task = info.task
    assert (info.state, info.descriptionId) == ('queued', 'org.example.backup')
    task.SetTaskDescription(vmodl.LocalizableMessage(key='org.example.step', message='copying'))
    task.UpdateProgress(40)
    task.SetTaskState('running', None, None)
    assert (task.info.state, task.info.progress) == ('running', 40)
    assert task.info.description.message == 'copying'
    with pytest.raises(vmodl.fault.InvalidArgument):
        task.UpdateProgress(101)
    task.SetTaskState('success', 'done', None)
    assert (task.info.state, task.info.result) == ('success', 'done')
    with pytest.raises(vim.fault.InvalidState):
        task.SetTaskState('running', None, None)
    assert read(tasks)[-1].key == info.key
    child = tasks.CreateTask(vm, 'org.example.part', 'robot', False, info.key, 'night')
    assert (child.parentTaskKey, child.rootTaskKey) == (info.key, info.key)
    assert child.reason.userName == 'robot'
    assert [one.key for one in read(tasks, activationId=['night'])] == [child.key]
    assert [one.key for one in read(tasks, rootTaskKey=[info.key])] == [child.key]


def test_what_tasks_are_called(tasks: Any) -> None:
    """The description has a label for the tasks there can be, and for each state."""
    labels = {one.key: one.label for one in tasks.description.methodInfo}
    assert labels['VirtualMachine.powerOn'] == 'Power on virtual machine'
    assert {one.key for one in tasks.description.state} == {'queued', 'running', 'success', 'error'}
