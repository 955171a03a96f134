"""Scheduled tasks as pyVmomi's users make them, and when they are due."""

from __future__ import annotations

import datetime
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from oslo_vmware.simulator.objects.schedules import Origin, next_run
from oslo_vmware.simulator.world.data import types
from tests.simulator.vsphere import Client, connected

S = vim.scheduler
UTC = datetime.UTC


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(vms=3), users={'worker@vsphere.local': 'w'}) as found:
        yield found


@pytest.fixture
def manager(client: Client) -> Iterator[Any]:
    found = client.content.scheduledTaskManager
    yield found
    for task in found.scheduledTask:
        task.RemoveScheduledTask()


def spec(name: str, method: Any, *arguments: Any, scheduler: Any = None, **members: Any) -> Any:
    members = {'enabled': True, 'description': ''} | members
    action = vim.action.MethodAction(
        name=method,
        argument=[vim.action.MethodActionArgument(value=value) for value in arguments],
    )
    return S.ScheduledTaskSpec(name=name, action=action, scheduler=scheduler or later(), **members)


def later() -> Any:
    return S.OnceTaskScheduler(runAt=datetime.datetime(2999, 1, 1, tzinfo=UTC))


def finished(task: Any) -> Any:
    """Its info, once it is no longer at work."""
    until = time.monotonic() + 30
    while (info := task.info).state in ('queued', 'running'):
        assert time.monotonic() < until
        time.sleep(0.002)
    return info


def test_a_task_is_run_by_hand(client: Client, manager: Any) -> None:
    """It does what a client's call would have done, and shows the outcome."""
    vm = client.all(vim.VirtualMachine)[0]
    latest = client.content.eventManager.latestEvent.key
    made = manager.CreateScheduledTask(
        vm,
        spec('note', vim.VirtualMachine.Reconfigure, vim.vm.ConfigSpec(annotation='by itself')),
    )
    assert manager.RetrieveEntityScheduledTask(vm) == [made]
    assert manager.scheduledTask == manager.RetrieveEntityScheduledTask(None) == [made]
    assert (made.info.state, made.info.entity, made.info.taskObject) == ('queued', vm, vm)
    assert made.info.nextRunTime.year == 2999
    made.RunScheduledTask()
    info = finished(made)
    assert (info.state, info.activeTask, info.error) == ('success', None, None)
    assert info.prevRunTime is not None
    assert vm.config.annotation == 'by itself'
    task = client.content.taskManager.recentTask[-1]
    assert task.info.reason.scheduledTask == made
    events = client.content.eventManager.QueryEvents(vim.event.EventFilterSpec(scheduledTask=made))
    assert [type(event).__name__.rpartition('.')[2] for event in events] == [
        'ScheduledTaskCreatedEvent', 'ScheduledTaskStartedEvent', 'ScheduledTaskCompletedEvent'
    ]  # fmt: skip
    assert events[0].key > latest
    made.RemoveScheduledTask()
    assert manager.scheduledTask == []


def test_what_fails_is_told(client: Client, manager: Any) -> None:
    """The fault of the task that it has started, and of a call that is refused at once."""
    vm = next(
        one for one in client.all(vim.VirtualMachine) if one.runtime.powerState == 'poweredOn'
    )
    made = manager.CreateScheduledTask(vm, spec('on', vim.VirtualMachine.PowerOn))
    made.RunScheduledTask()
    info = finished(made)
    assert info.state == 'error'
    assert isinstance(info.error, vim.fault.InvalidPowerState)
    latest = client.content.eventManager.latestEvent
    assert isinstance(latest, vim.event.ScheduledTaskFailedEvent)
    refused = manager.CreateScheduledTask(vm, spec('mark', vim.VirtualMachine.MarkAsTemplate))
    refused.RunScheduledTask()
    assert isinstance(finished(refused).error, vim.fault.InvalidPowerState)


def test_a_task_runs_when_it_is_due(client: Client, manager: Any) -> None:
    """Once means at a time, or at once where none is named; then it is never due again."""
    vm = client.all(vim.VirtualMachine)[0]
    scheduler = S.OnceTaskScheduler()
    made = manager.CreateScheduledTask(
        vm, spec('now', vim.VirtualMachine.Rename, 'renamed by itself', scheduler=scheduler)
    )
    assert finished(made).state == 'success'
    assert vm.name == 'renamed by itself'
    assert made.info.nextRunTime is None


def test_a_task_is_reconfigured(client: Client, manager: Any) -> None:
    """With another time, another action, or switched off."""
    vm = client.all(vim.VirtualMachine)[0]
    made = manager.CreateScheduledTask(vm, spec('first', vim.VirtualMachine.PowerOff))
    daily = S.DailyTaskScheduler(interval=1, hour=3, minute=30)
    made.ReconfigureScheduledTask(spec('second', vim.VirtualMachine.PowerOn, scheduler=daily))
    info = made.info
    assert (info.name, info.nextRunTime.hour, info.nextRunTime.minute) == ('second', 3, 30)
    made.ReconfigureScheduledTask(
        spec('second', vim.VirtualMachine.PowerOn, scheduler=daily, enabled=False)
    )
    assert made.info.nextRunTime is None


def test_tasks_that_cannot_be(client: Client, manager: Any) -> None:
    """Names are unique and not empty, operations exist, times make sense."""
    vm = client.all(vim.VirtualMachine)[0]
    on = vim.VirtualMachine.PowerOn
    manager.CreateScheduledTask(vm, spec('mine', on))
    with pytest.raises(vim.fault.DuplicateName):
        manager.CreateScheduledTask(vm, spec('mine', on))
    with pytest.raises(vim.fault.InvalidName):
        manager.CreateScheduledTask(vm, spec('', on))
    for wrong in (
        spec('x', vim.Folder.CreateFolder, 'x'),
        spec('x', on, None, scheduler=S.DailyTaskScheduler(interval=1, hour=24, minute=0)),
        spec('x', on, scheduler=S.WeeklyTaskScheduler(
            interval=1, hour=1, minute=0, sunday=False, monday=False, tuesday=False,
            wednesday=False, thursday=False, friday=False, saturday=False)),
    ):  # fmt: skip
        with pytest.raises(vmodl.fault.InvalidArgument):
            manager.CreateScheduledTask(vm, wrong)


def test_a_task_of_any_object(client: Client, manager: Any) -> None:
    """What is no entity can have one as well."""
    root = client.content.rootFolder
    made = manager.CreateObjectScheduledTask(
        client.content.eventManager,
        spec('log', vim.event.EventManager.LogUserEvent, root, 'hello'),
    )
    assert manager.RetrieveObjectScheduledTask(client.content.eventManager) == [made]
    made.RunScheduledTask()
    assert finished(made).state == 'success'
    (found,) = client.content.eventManager.QueryEvents(vim.event.EventFilterSpec(category=['user']))
    assert found.message == 'hello'


def test_a_task_may_do_what_its_owner_may(client: Client, manager: Any) -> None:
    """Scheduling an operation is no way around permissions."""
    roles = client.content.authorizationManager
    role = roles.AddAuthorizationRole('scheduler', ['ScheduledTask.Create', 'ScheduledTask.Run'])
    vm = client.all(vim.VirtualMachine)[0]
    roles.SetEntityPermissions(
        client.content.rootFolder,
        [vim.AuthorizationManager.Permission(
            principal='worker@vsphere.local', group=False, roleId=role, propagate=True)],
    )  # fmt: skip
    service = SmartConnect(
        host=client.vc.host, port=client.vc.port, user='worker@vsphere.local', pwd='w',
        sslContext=ssl.create_default_context(cafile=client.vc.cacert),
    )  # fmt: skip
    made = service.content.scheduledTaskManager.CreateScheduledTask(
        vim.VirtualMachine(vm._moId, service._stub), spec('off', vim.VirtualMachine.PowerOff)
    )
    made.RunScheduledTask()
    info = finished(made)
    assert isinstance(info.error, vim.fault.NoPermission)
    assert info.error.privilegeId == 'VirtualMachine.Interact.PowerOff'
    Disconnect(service)


def test_what_can_be_scheduled(manager: Any) -> None:
    """The description says which schedulers there are."""
    keys = {one.key for one in manager.description.schedulerInfo}
    assert {S.OnceTaskScheduler, S.DailyTaskScheduler, S.MonthlyByDayTaskScheduler} <= keys
    assert len(manager.description.dayOfWeek) == 7


# A Wednesday.
START = datetime.datetime(2026, 4, 15, 10, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ('scheduler', 'due'),
    [
        (types.OnceTaskScheduler(), '2026-04-15 10:20'),
        (types.OnceTaskScheduler(runAt=datetime.datetime(2026, 5, 1)), '2026-05-01 00:00'),
        (types.OnceTaskScheduler(runAt=datetime.datetime(2026, 4, 1)), None),
        (types.AfterStartupTaskScheduler(minute=90), '2026-04-15 11:50'),
        (types.HourlyTaskScheduler(interval=1, minute=5), '2026-04-15 11:05'),
        (types.HourlyTaskScheduler(interval=6, minute=30), '2026-04-15 10:30'),
        (types.DailyTaskScheduler(interval=1, hour=10, minute=20), '2026-04-15 10:20'),
        (types.DailyTaskScheduler(interval=3, hour=8, minute=0), '2026-04-18 08:00'),
        (types.WeeklyTaskScheduler(interval=1, hour=8, minute=0, monday=True), '2026-04-20 08:00'),
        (types.WeeklyTaskScheduler(interval=2, hour=8, minute=0, monday=True), '2026-04-27 08:00'),
        (types.MonthlyByDayTaskScheduler(interval=1, hour=8, minute=0, day=31), '2026-05-31 08:00'),
        (
            types.MonthlyByWeekdayTaskScheduler(
                interval=1, hour=8, minute=0, offset='last', weekday='friday'
            ),
            '2026-04-24 08:00',
        ),
        (
            types.MonthlyByWeekdayTaskScheduler(
                interval=2, hour=8, minute=0, offset='first', weekday='monday'
            ),
            '2026-06-01 08:00',
        ),
        (
            types.DailyTaskScheduler(
                interval=1, hour=8, minute=0, activeTime=datetime.datetime(2026, 7, 1, 9)
            ),
            '2026-07-02 08:00',
        ),
        (
            types.DailyTaskScheduler(
                interval=1, hour=8, minute=0, expireTime=datetime.datetime(2026, 4, 16)
            ),
            None,
        ),
    ],
)
def test_when_it_is_due(scheduler: Any, due: str | None) -> None:
    """Each kind of schedule, within the time in which it is active."""
    found = next_run(scheduler, Origin(START, START), START)
    assert (found and f'{found:%Y-%m-%d %H:%M}') == due
