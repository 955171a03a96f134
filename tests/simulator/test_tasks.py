"""Tasks: their way from queued to their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Fault, Ref, VCenterSimulator, types


@pytest.fixture
def start(vcenter: VCenterSimulator, si: Any, machines: list[Any]) -> Callable[..., Any]:
    """Starts a task of the first machine with some work; gives pyVmomi's object for it."""
    world = vcenter.world

    def made(work: Callable[[], Any] = lambda: None, **options: Any) -> Any:
        with world.lock:
            entity = world.objects[machines[0]._moId]
            ref = world.task_manager.start(entity, 'ReconfigVM_Task', work, **options)
        return vim.Task(ref.value, si._stub)

    return made


def test_a_task_is_queued_runs_and_ends(
    vcenter: VCenterSimulator, start: Callable[..., Any]
) -> None:
    """A task goes from queued over running with growing progress to success, with its times."""
    seen: list[tuple[str, int | None]] = []

    def note(obj: Any, _names: Any) -> None:
        # Noted where it happens: a client may be too slow to see every step.
        step = (obj.info.state, obj.info.progress) if obj.is_a('Task') else None
        if step is not None and step not in seen:
            seen.append(step)

    with vcenter.world.lock:
        vcenter.world.listen(note)
        task = start(lambda: 'done', seconds=0.3)
    WaitForTask(task)
    assert seen == [
        ('queued', None),
        ('running', 0),
        ('running', 20),
        ('running', 40),
        ('running', 60),
        ('running', 80),
        ('success', None),
    ]
    info = task.info
    assert info.queueTime <= info.startTime <= info.completeTime
    assert info.result == 'done'
    assert info.error is None


def test_what_a_task_tells_of_itself(
    vcenter: VCenterSimulator, machines: list[Any], soap: Any
) -> None:
    """Name, entity, user and key of a task are those of a vCenter."""
    machine = next(one for one in machines if one.runtime.powerState == 'poweredOff')
    task = machine.PowerOnVM_Task()
    info = task.info
    assert (info.key, info.task) == (task._moId, task)
    assert info.name.info.wsdlName == 'PowerOnVM_Task'
    assert info.descriptionId == 'VirtualMachine.powerOn'
    assert (info.entity, info.entityName) == (machine, machine.name)
    assert info.reason.userName == 'VSPHERE.LOCAL\\Administrator'
    assert info.cancelled is False
    assert info.eventChainId > 0


@pytest.mark.parametrize(
    ('result', 'check'),
    [
        (None, lambda value: value is None),
        ('text', lambda value: value == 'text'),
        (True, lambda value: value is True),
        (2**40, lambda value: value == 2**40),
        (Ref('VirtualMachine', 'vm-1'), lambda value: value._moId == 'vm-1'),
        (
            types.DatacenterConfigInfo(defaultHardwareVersionKey='vmx-19'),
            lambda value: value.defaultHardwareVersionKey == 'vmx-19',
        ),
    ],
)
def test_results_keep_their_type(
    start: Callable[..., Any], result: Any, check: Callable[[Any], bool]
) -> None:
    """What the work returns is the task's result, whatever its type."""
    task = start(lambda: result)
    WaitForTask(task)
    assert check(task.info.result)


def test_a_fault_of_the_work_is_the_tasks_error(start: Callable[..., Any]) -> None:
    """A task that fails carries the fault with its members and its text."""

    def work() -> None:
        raise Fault('FileAlreadyExists', 'There is such a file.', file='[ds] a.vmdk')

    task = start(work)
    with pytest.raises(vim.fault.FileAlreadyExists) as caught:
        WaitForTask(task)
    assert caught.value.file == '[ds] a.vmdk'
    assert task.info.state == 'error'
    assert task.info.error.msg == 'There is such a file.'
    assert task.info.result is None


def test_what_a_task_works_on_goes_away(vcenter: VCenterSimulator, machines: list[Any]) -> None:
    """Of two tasks that destroy one machine, the second says that there is none."""
    machine = next(one for one in machines if one.runtime.powerState == 'poweredOff')
    with vcenter.world.lock:
        first, second = (
            vim.Task(vcenter.world.objects[machine._moId].Destroy_Task(None).value, machine._stub)
            for _ in range(2)
        )
    WaitForTask(first)
    with pytest.raises(vmodl.fault.ManagedObjectNotFound) as raised:
        WaitForTask(second)
    assert raised.value.obj == machine
    assert vcenter.errors == []


def test_a_task_can_be_cancelled_if_it_may(start: Callable[..., Any]) -> None:
    """CancelTask ends a cancelable task without its effect, and is refused by others."""
    effects: list[int] = []
    task = start(lambda: effects.append(1), seconds=5, cancelable=True)
    assert task.info.cancelable is True
    task.CancelTask()
    with pytest.raises(vmodl.fault.RequestCanceled):
        WaitForTask(task)
    assert task.info.cancelled is True
    assert effects == []
    with pytest.raises(vim.fault.InvalidState):
        task.CancelTask()
    with pytest.raises(vmodl.fault.NotSupported):
        start(seconds=5).CancelTask()


def test_recent_tasks(si: Any, machines: list[Any], start: Callable[..., Any]) -> None:
    """The task manager and the entity list their recent tasks, the latest twenty of them."""
    made = [start() for _ in range(22)]
    for task in made:
        WaitForTask(task)
    assert list(si.content.taskManager.recentTask) == made[-20:]
    assert list(machines[0].recentTask) == made[-20:]
    assert list(machines[1].recentTask) == []


@pytest.mark.vcenter(task_seconds=0.0)
def test_many_tasks_leave_no_trace(vcenter: VCenterSimulator, start: Callable[..., Any]) -> None:
    """Old tasks are forgotten: the server holds a thousand of them at most."""
    tasks = [start() for _ in range(1100)]
    WaitForTask(tasks[-1])
    time.sleep(0.1)
    start()
    assert sum(obj.is_a('Task') for obj in list(vcenter.world.objects.values())) <= 1000
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        _ = tasks[0].info


@pytest.mark.vcenter(task_seconds=0.4)
def test_speed_is_configurable(start: Callable[..., Any]) -> None:
    """task_seconds is the time that a task takes."""
    started = time.monotonic()
    WaitForTask(start())
    assert time.monotonic() - started > 0.35


def test_tasks_of_extensions(si: Any, machines: list[Any]) -> None:
    """A task that a client made goes on as the client says."""
    manager = si.content.taskManager
    info = manager.CreateTask(machines[0], 'com.example.task', 'root', True)
    task = info.task
    assert task.info.state == 'queued'
    task.UpdateProgress(30)
    assert (task.info.state, task.info.progress) == ('running', 30)
    with pytest.raises(vmodl.fault.InvalidArgument):
        task.UpdateProgress(101)
    task.SetTaskState('success', 'made it')
    assert (task.info.state, task.info.result) == ('success', 'made it')
    with pytest.raises(vim.fault.InvalidState):
        task.SetTaskState('running')


def test_a_bad_work_is_seen(
    vcenter: VCenterSimulator, start: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in a task's work fails the task and is kept with the simulator's errors."""

    def work() -> None:
        raise ZeroDivisionError('oops')

    task = start(work)
    with pytest.raises(vmodl.fault.SystemError, match='oops'):
        WaitForTask(task)
    assert [type(error) for error in vcenter.errors] == [ZeroDivisionError]
    vcenter.errors.clear()
