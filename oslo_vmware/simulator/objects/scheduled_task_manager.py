"""The ScheduledTaskManager."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects import schedules
from oslo_vmware.simulator.objects.events.catalog import in_words
from oslo_vmware.simulator.objects.events.log import EventLog
from oslo_vmware.simulator.objects.scheduled_task import ScheduledTask
from oslo_vmware.simulator.world.data import DataObject, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed


@managed('ScheduledTaskManager')
class ScheduledTaskManager(ManagedObject):
    """Makes scheduled tasks and finds them."""

    def __init__(self, world: World, events: EventLog) -> None:
        self._events = events
        self._started = world.now()
        super().__init__(world, 'ScheduledTaskManager')

    @property
    def scheduledTask(self) -> list[Any]:
        return list(self.world.of_type(ScheduledTask))

    @property
    def description(self) -> DataObject:
        return types.ScheduledTaskDescription(
            action=[types.TypeDescription(**_text('MethodAction'))],
            schedulerInfo=[
                types.ScheduledTaskDetail(frequency=in_words(name), **_text(name))
                for name in schedules.KNOWN
            ],
            state=_elements('queued', 'running', 'success', 'error'),
            dayOfWeek=_elements(
                'sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'
            ),
            weekOfMonth=_elements('first', 'second', 'third', 'fourth', 'last'),
        )

    def CreateScheduledTask(self, call: Call) -> ScheduledTask:
        if not self.world.get(call.entity).is_a('ManagedEntity'):
            raise invalid_argument('entity')
        return self._create(call.entity, call)

    def CreateObjectScheduledTask(self, call: Call) -> ScheduledTask:
        return self._create(call.obj, call)

    def _create(self, ref: Ref, call: Call) -> ScheduledTask:
        made = ScheduledTask(
            self.world,
            self._events,
            self.world.get(ref),
            call.spec,
            call.session,
            self._started,
        )
        made.tell('Created')
        self.changed('scheduledTask')
        return made

    def RetrieveEntityScheduledTask(self, call: Call) -> list[Any]:
        return self._of(call.entity)

    def RetrieveObjectScheduledTask(self, call: Call) -> list[Any]:
        return self._of(call.obj)

    def _of(self, ref: Ref | None) -> list[Any]:
        if ref is None:
            return self.scheduledTask
        target = self.world.get(ref)
        return [one for one in self.scheduledTask if one.target is target]


def _text(key: str) -> dict[str, str]:
    return {'key': key, 'label': in_words(key), 'summary': in_words(key)}


def _elements(*keys: str) -> list[DataObject]:
    return [types.ElementDescription(**_text(key)) for key in keys]
