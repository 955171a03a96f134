"""Alarms as pyVmomi's users make and watch them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.vsphere import Client, connected, done

A = vim.alarm


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(vms=6)) as found:
        yield found


@pytest.fixture
def alarms(client: Client) -> Iterator[Any]:
    manager = client.content.alarmManager
    yield manager
    for alarm in manager.GetAlarm(None):
        if not alarm.info.systemName:
            alarm.RemoveAlarm()


def spec(name: str, expression: Any, **members: Any) -> Any:
    members = {'enabled': True, 'description': ''} | members
    return A.AlarmSpec(name=name, expression=expression, **members)


def powered_off(**limits: str) -> Any:
    return A.StateAlarmExpression(
        operator='isEqual',
        type=vim.VirtualMachine,
        statePath='runtime.powerState',
        **(limits or {'red': 'poweredOff'}),
    )


def running(client: Client) -> Any:
    vm = client.all(vim.VirtualMachine)[0]
    if vm.runtime.powerState != 'poweredOn':
        done(vm.PowerOnVM_Task())
    return vm


def test_a_lost_host_is_an_alarm(client: Client, alarms: Any) -> None:
    """One of the alarms that a vCenter comes with: shown on the host and on all above it."""
    host = client.all(vim.HostSystem)[0]
    root = client.content.rootFolder
    assert host.overallStatus == 'green'
    assert host.triggeredAlarmState == []
    with client.seen(root, 'triggeredAlarmState') as changed:
        done(host.DisconnectHost_Task())
    assert changed
    assert host.overallStatus == host.summary.overallStatus == 'yellow'
    (state,) = host.triggeredAlarmState
    assert state.alarm.info.systemName == 'alarm.HostConnectionStateAlarm'
    assert [one.entity for one in root.triggeredAlarmState] == [host]
    assert host in [one.entity for one in host.parent.triggeredAlarmState]
    found = client.content.eventManager.QueryEvents(
        vim.event.EventFilterSpec(type=[vim.event.AlarmStatusChangedEvent], alarm=state.alarm)
    )
    assert (found[-1].entity.entity, getattr(found[-1], 'from'), found[-1].to) == (
        host, 'green', 'yellow'
    )  # fmt: skip
    done(host.ReconnectHost_Task(None, None))
    assert host.overallStatus == 'green'
    assert root.triggeredAlarmState == []
    simulated: Any = client.vc.world.objects[host._moId]
    simulated.update(connection='notResponding')
    assert client.content.eventManager.latestEvent.to == 'red'
    assert host.overallStatus == 'red'
    done(host.ReconnectHost_Task(None, None))
    assert host.overallStatus == 'green'


def test_an_alarm_on_a_state(client: Client, alarms: Any) -> None:
    """It counts where it is defined and below, at once and at each change, until it is removed."""
    vm = running(client)
    folder = client.at('Frankfurt').vmFolder
    alarm = alarms.CreateAlarm(folder, spec('is off', powered_off()))
    assert alarm.info.entity == folder
    assert alarm.info.lastModifiedUser.endswith('Administrator')
    assert alarms.GetAlarm(folder) == [alarm]
    off = [one for one in client.all(vim.VirtualMachine) if one.runtime.powerState != 'poweredOn']
    assert off
    assert {one.overallStatus for one in off} == {'red'}
    assert vm.overallStatus == 'green'
    (state,) = [one for one in alarms.GetAlarmState(vm) if one.alarm == alarm]
    assert state.overallStatus == 'green'
    done(vm.PowerOffVM_Task())
    assert vm.overallStatus == vm.summary.overallStatus == 'red'
    assert [one.alarm for one in vm.triggeredAlarmState] == [alarm]
    assert alarm in [one.alarm for one in vm.declaredAlarmState]
    done(vm.PowerOnVM_Task())
    assert vm.triggeredAlarmState == []
    alarm.RemoveAlarm()
    assert {one.overallStatus for one in off} == {'green'}
    assert folder.triggeredAlarmState == []
    assert alarms.GetAlarm(folder) == []
    events = client.content.eventManager.QueryEvents(
        vim.event.EventFilterSpec(type=[vim.event.AlarmEvent])
    )
    assert isinstance(events[-1], vim.event.AlarmRemovedEvent)


def test_an_alarm_is_reconfigured(client: Client, alarms: Any) -> None:
    """With another expression or switched off it stands otherwise at once."""
    vm = running(client)
    alarm = alarms.CreateAlarm(vm, spec('state', powered_off()))
    assert vm.overallStatus == 'green'
    alarm.ReconfigureAlarm(spec('state', powered_off(yellow='poweredOn')))
    assert vm.overallStatus == 'yellow'
    alarm.ReconfigureAlarm(spec('other', powered_off(yellow='poweredOn'), enabled=False))
    assert vm.overallStatus == 'green'
    assert alarm.info.name == 'other'


def test_alarms_that_cannot_be(client: Client, alarms: Any) -> None:
    """Names are unique and not empty, expressions look at something that there is."""
    root = client.content.rootFolder
    alarms.CreateAlarm(root, spec('mine', powered_off()))
    with pytest.raises(vim.fault.DuplicateName):
        alarms.CreateAlarm(root, spec('mine', powered_off()))
    with pytest.raises(vim.fault.InvalidName):
        alarms.CreateAlarm(root, spec('', powered_off()))
    with pytest.raises(vmodl.fault.InvalidArgument):
        alarms.CreateAlarm(root, spec('empty', A.AlarmExpression()))


def test_a_triggered_alarm_is_acknowledged(client: Client, alarms: Any) -> None:
    """Somebody has seen it: that is shown, until it triggers anew."""
    vm = running(client)
    alarm = alarms.CreateAlarm(vm, spec('seen', powered_off(yellow='poweredOn')))
    alarms.AcknowledgeAlarm(alarm, vm)
    (state,) = vm.triggeredAlarmState
    assert state.acknowledged
    assert state.acknowledgedByUser.endswith('Administrator')
    assert isinstance(client.content.eventManager.latestEvent, vim.event.AlarmAcknowledgedEvent)
    done(vm.PowerOffVM_Task())
    done(vm.PowerOnVM_Task())
    assert not vm.triggeredAlarmState[0].acknowledged
    with pytest.raises(vmodl.fault.InvalidArgument):
        alarms.AcknowledgeAlarm(alarm, client.all(vim.HostSystem)[0])


def test_an_alarm_is_switched_off_for_an_entity(client: Client, alarms: Any) -> None:
    """Disabled for one entity it counts for the others, and again for this one when enabled."""
    vm = running(client)
    alarm = alarms.CreateAlarm(vm, spec('quiet', powered_off(red='poweredOn')))
    alarms.DisableAlarm(alarm, vm)
    assert vm.overallStatus == 'green'
    (state,) = [one for one in vm.declaredAlarmState if one.alarm == alarm]
    assert state.disabled
    alarms.EnableAlarm(alarm, vm)
    assert vm.overallStatus == 'red'


def test_an_alarm_on_a_metric(client: Client, alarms: Any) -> None:
    """Limits in hundredths of percent, held against the latest sample."""
    vm = running(client)
    counters = {
        f'{one.groupInfo.key}.{one.nameInfo.key}.{one.rollupType}': one.key
        for one in client.content.perfManager.perfCounter
    }
    metric = vim.PerformanceManager.MetricId(counterId=counters['cpu.usage.average'], instance='')
    expression = A.MetricAlarmExpression(
        operator='isAbove', type=vim.VirtualMachine, metric=metric, yellow=7500, red=9000
    )
    alarm = alarms.CreateAlarm(vm, spec('busy', expression))
    simulated = client.vc.world.objects[vm._moId]
    for value, status in ((8000, 'yellow'), (9500, 'red'), (100, 'green')):
        client.vc.performance.record(simulated, 'cpu.usage.average', [value])
        (state,) = [one for one in alarms.GetAlarmState(vm) if one.alarm == alarm]
        assert state.overallStatus == vm.overallStatus == status
    client.vc.performance.forget()


def test_an_alarm_on_events(client: Client, alarms: Any) -> None:
    """An event triggers it, another one or a user makes it green again."""
    vm = running(client)

    def on(name: str, status: str, **members: Any) -> Any:
        return A.EventAlarmExpression(
            eventType=vim.event.Event, eventTypeId=f'vim.event.{name}',
            objectType=vim.VirtualMachine, status=status, **members,
        )  # fmt: skip

    comparison = A.EventAlarmExpression.Comparison(
        attributeName='vm.name', operator='equals', value=vm.name
    )
    expression = A.OrAlarmExpression(
        expression=[
            on('VmSuspendedEvent', 'red', comparisons=[comparison]),
            on('VmPoweredOnEvent', 'green'),
        ]
    )
    alarms.CreateAlarm(client.content.rootFolder, spec('suspended', expression))
    done(vm.SuspendVM_Task())
    assert vm.overallStatus == 'red'
    (state,) = vm.triggeredAlarmState
    assert state.eventKey > 0
    done(vm.PowerOnVM_Task())
    assert vm.overallStatus == 'green'
    done(vm.SuspendVM_Task())
    alarms.ClearTriggeredAlarms(A.AlarmFilterSpec(status=['yellow']))
    assert vm.overallStatus == 'red'
    alarms.ClearTriggeredAlarms(A.AlarmFilterSpec(typeEntity='entityTypeVm', status=['red']))
    assert vm.overallStatus == 'green'


def test_actions_are_switched(client: Client, alarms: Any) -> None:
    """For each entity it is known whether its alarms act."""
    vm = client.all(vim.VirtualMachine)[0]
    assert alarms.AreAlarmActionsEnabled(vm)
    alarms.EnableAlarmActions(vm, False)
    assert not alarms.AreAlarmActionsEnabled(vm)
    assert not vm.alarmActionsEnabled
    alarms.EnableAlarmActions(vm, True)


def test_what_an_alarm_can_be(alarms: Any) -> None:
    """The description and the default expressions say what a client may offer."""
    keys = {one.key for one in alarms.description.stateOperator}
    assert keys == {'isEqual', 'isUnequal'}
    assert {type(one) for one in alarms.defaultExpression} == {A.StateAlarmExpression}
    assert len(alarms.GetAlarm(None)) >= 3


def test_the_alarm_of_a_machine_that_goes(client: Client, alarms: Any) -> None:
    """With a machine goes what was triggered on it."""
    vm = client.all(vim.VirtualMachine)[-1]
    if vm.runtime.powerState == 'poweredOn':
        done(vm.PowerOffVM_Task())
    alarms.CreateAlarm(client.content.rootFolder, spec('off', powered_off()))
    root = client.content.rootFolder
    assert vm in [one.entity for one in root.triggeredAlarmState]
    done(vm.Destroy_Task())
    assert vm._moId not in [one.entity._moId for one in root.triggeredAlarmState]


def test_an_alarm_goes_with_its_entity(client: Client, alarms: Any) -> None:
    """An alarm that was defined on something that is gone is gone as well."""
    folder = client.at('Frankfurt').vmFolder.CreateFolder('short-lived')
    alarm = alarms.CreateAlarm(folder, spec('short-lived', powered_off()))
    done(folder.Destroy_Task())
    assert alarm not in alarms.GetAlarm(None)
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        _ = alarm.info
