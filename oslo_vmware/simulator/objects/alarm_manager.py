"""The AlarmManager, and the alarms that a fresh vCenter comes with."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.alarm import Alarm
from oslo_vmware.simulator.objects.alarms import Alarms
from oslo_vmware.simulator.objects.events.log import EventLog
from oslo_vmware.simulator.objects.events.where import argument
from oslo_vmware.simulator.world.data import DataObject, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed


def _state(kind: str, path: str, **limits: str) -> DataObject:
    return types.StateAlarmExpression(operator='isEqual', type=kind, statePath=path, **limits)


def _event(kind: str, name: str, status: str) -> DataObject:
    return types.EventAlarmExpression(
        comparisons=[],
        eventType=name,
        eventTypeId=f'vim.event.{name}',
        objectType=kind,
        status=status,
    )


def _any_of(*expressions: DataObject) -> DataObject:
    return types.OrAlarmExpression(expression=list(expressions))


_BUILT_IN = (
    (
        'HostConnectionStateAlarm',
        'Host connection and power state',
        'Default alarm to monitor host connection and power state',
        _any_of(
            _state(
                'HostSystem',
                'runtime.connectionState',
                yellow='disconnected',
                red='notResponding',
            ),
            _state('HostSystem', 'runtime.powerState', red='poweredOff'),
        ),
    ),
    (
        'HostConnectivityAlarm',
        'Host connection failure',
        'Default alarm to alert when a host connection fails',
        _any_of(
            _event('HostSystem', 'HostCnxFailedTimeoutEvent', 'red'),
            _event('HostSystem', 'HostCnxFailedNetworkErrorEvent', 'red'),
            _event('HostSystem', 'HostConnectedEvent', 'green'),
        ),
    ),
    (
        'VmErrorAlarm',
        'Virtual machine error',
        'Default alarm to monitor virtual machine errors',
        _any_of(
            _event('VirtualMachine', 'VmFailedToPowerOnEvent', 'red'),
            _event('VirtualMachine', 'VmFailedMigrateEvent', 'red'),
            _event('VirtualMachine', 'VmDiskFailedEvent', 'red'),
            _event('VirtualMachine', 'VmPoweredOnEvent', 'green'),
        ),
    ),
)

_ENTITY_TYPES = {'entityTypeHost': 'HostSystem', 'entityTypeVm': 'VirtualMachine'}


@managed('AlarmManager')
class AlarmManager(ManagedObject):
    """Makes alarms, and tells how they stand."""

    def __init__(self, world: World, alarms: Alarms, events: EventLog) -> None:
        self._alarms = alarms
        self._events = events
        super().__init__(world, 'AlarmManager')
        for system_name, name, description, expression in _BUILT_IN:
            spec = types.AlarmSpec(
                name=name,
                systemName=f'alarm.{system_name}',
                description=description,
                enabled=True,
                expression=expression,
                actionFrequency=0,
                setting=types.AlarmSetting(toleranceRange=0, reportingFrequency=300),
            )
            Alarm(world, alarms, events, world.root_folder, spec, '')

    @property
    def defaultExpression(self) -> list[DataObject]:
        return [
            _state('HostSystem', 'runtime.connectionState', red='notResponding'),
            _state('VirtualMachine', 'runtime.powerState', red='poweredOff'),
        ]

    @property
    def description(self) -> DataObject:
        return types.AlarmDescription(
            expr=_types('StateAlarmExpression', 'EventAlarmExpression', 'MetricAlarmExpression'),
            stateOperator=_elements('isEqual', 'isUnequal'),
            metricOperator=_elements('isAbove', 'isBelow'),
            hostSystemConnectionState=_elements('connected', 'disconnected', 'notResponding'),
            virtualMachinePowerState=_elements('poweredOn', 'poweredOff', 'suspended'),
            datastoreConnectionState=_elements('connected', 'disconnected'),
            hostSystemPowerState=_elements('poweredOn', 'poweredOff', 'standBy', 'unknown'),
            virtualMachineGuestHeartbeatStatus=_elements('gray', 'green', 'red', 'yellow'),
            entityStatus=_elements('gray', 'green', 'red', 'yellow'),
            action=_types('MethodAction', 'RunScriptAction', 'SendEmailAction', 'SendSNMPAction'),
        )

    def CreateAlarm(self, call: Call) -> Alarm:
        entity: Any = self._entity(call)
        user = call.session.user_name if call.session is not None else ''
        alarm = Alarm(self.world, self._alarms, self._events, entity, call.spec, user)
        alarm.info.creationEventId = alarm.tell('Created').key
        return alarm

    def GetAlarm(self, call: Call) -> list[Any]:
        """The alarms that are defined on an entity, or all."""
        if call.entity is None:
            return list(self._alarms.alarms.values())
        self.world.get(call.entity)
        return [one for one in self._alarms.alarms.values() if one.info.entity == call.entity]

    def GetAlarmState(self, call: Call) -> list[DataObject]:
        return self._alarms.declared(self._entity(call))

    def AreAlarmActionsEnabled(self, call: Call) -> bool:
        return bool(self._entity(call).alarmActionsEnabled)

    def EnableAlarmActions(self, call: Call) -> None:
        self._entity(call).update(alarmActionsEnabled=bool(call.enabled))

    def AcknowledgeAlarm(self, call: Call) -> None:
        alarm, entity = self._counting(call)
        user = call.session.user_name if call.session is not None else ''
        if self._alarms.acknowledge(alarm, entity, user):
            self._events.tell(
                'AlarmAcknowledgedEvent',
                entity,
                alarm=argument('Alarm', alarm),
                source=argument('ManagedEntity', self.world.get(alarm.info.entity)),
                entity=argument('ManagedEntity', entity),
            )

    def DisableAlarm(self, call: Call) -> None:
        self._alarms.switch(*self._counting(call), on=False)

    def EnableAlarm(self, call: Call) -> None:
        self._alarms.switch(*self._counting(call), on=True)

    def ClearTriggeredAlarms(self, call: Call) -> None:
        wanted = call.filter
        if wanted.typeTrigger == 'triggerTypeMetric':
            return
        kind = _ENTITY_TYPES.get(wanted.typeEntity or '', 'ManagedEntity')
        self._alarms.clear(
            lambda state, entity: (
                entity.is_a(kind) and (not wanted.status or state.overallStatus in wanted.status)
            )
        )

    def _entity(self, call: Call) -> Any:
        entity = self.world.get(call.entity)
        if not entity.is_a('ManagedEntity'):
            raise invalid_argument('entity')
        return entity

    def _counting(self, call: Call) -> tuple[Any, Any]:
        """An alarm and an entity that it counts for."""
        alarm, entity = self.world.get(call.alarm), self._entity(call)
        if alarm not in self._alarms.counting_for(entity):
            raise invalid_argument('entity')
        return alarm, entity


def _elements(*keys: str) -> list[DataObject]:
    return [types.ElementDescription(key=key, label=key, summary=key) for key in keys]


def _types(*keys: str) -> list[DataObject]:
    return [types.TypeDescription(key=key, label=key, summary=key) for key in keys]
