"""The EventManager, and the collectors of events."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from oslo_vmware.simulator.objects.events import catalog
from oslo_vmware.simulator.objects.events.log import EventLog, Record
from oslo_vmware.simulator.objects.events.where import argument, named_place
from oslo_vmware.simulator.objects.history_collector import (
    MAX_COLLECTORS,
    HistoryCollector,
    check_room,
    is_about,
    is_by,
    is_within,
)
from oslo_vmware.simulator.world.data import DataObject, invalid_argument
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed


def _type_name(name: str) -> str:
    """``vim.event.VmPoweredOnEvent`` is ``VmPoweredOnEvent``."""
    return name.removeprefix('vim.event.')


def _is_wanted(event: DataObject, spec: DataObject) -> bool:
    """Whether an event is of one of the types that a filter names, or derived from one."""
    if not spec.type and not spec.eventTypeId:
        return True
    ids = {_type_name(name) for name in spec.eventTypeId or ()}
    if event.eventTypeId in ids or event.wire_type in ids:
        return True
    bases = [_type_name(name) for name in spec.type or ()]
    return any(catalog.is_kind_of(event.wire_type, base) for base in bases)


def passes(record: Record, spec: DataObject) -> bool:
    """Whether a filter lets an event through."""
    event = record.event
    alarm, task = spec.alarm, spec.scheduledTask
    return (
        _is_wanted(event, spec)
        and is_about(record.place, spec.entity)
        and is_within(event.createdTime, spec.time)
        and is_by(event.userName, spec.userName)
        and spec.eventChainId in (None, event.chainId)
        and (not spec.category or catalog.category(event) in spec.category)
        and (not spec.tag or event.changeTag in spec.tag)
        and (alarm is None or (event.alarm is not None and event.alarm.alarm == alarm))
        and (
            task is None
            or (event.scheduledTask is not None and event.scheduledTask.scheduledTask == task)
        )
    )


@managed('EventHistoryCollector')
class EventHistoryCollector(HistoryCollector):
    """One reader of the events."""

    initialized = True

    def __init__(self, log: EventLog, call: Call, world: World) -> None:
        self._log = log
        spec = call.filter
        super().__init__(world, call.session, spec, lambda: found(log, spec))
        log.listeners[self._hear] = None

    def _hear(self, record: Record) -> None:
        if passes(record, self.filter):
            self.noticed()

    def value_of(self, item: Any) -> DataObject:
        event: DataObject = item.event
        return event

    def ReadNextEvents(self, call: Call) -> list[DataObject]:
        return self.read_next(call.maxCount)

    def ReadPreviousEvents(self, call: Call) -> list[DataObject]:
        return self.read_previous(call.maxCount)

    def destroy(self) -> None:
        self._log.listeners.pop(self._hear, None)
        super().destroy()


def found(log: EventLog, spec: DataObject) -> Iterator[Record]:
    """The events that a filter lets through, the newest first."""
    records = (record for record in log.newest_first() if passes(record, spec))
    count = spec.maxCount
    return itertools.islice(records, count) if count is not None and count > 0 else records


@managed('EventManager')
class EventManager(ManagedObject):
    """Finds events, and takes those of clients."""

    maxCollector = MAX_COLLECTORS

    def __init__(self, world: World, log: EventLog) -> None:
        self._log = log
        super().__init__(world, 'EventManager')
        log.listeners[self._hear] = None

    def _hear(self, record: Record) -> None:
        self.changed('latestEvent')

    @property
    def description(self) -> DataObject:
        return catalog.description()

    @property
    def latestEvent(self) -> DataObject | None:
        latest = self._log.latest
        return latest.event if latest is not None else None

    def CreateCollectorForEvents(self, call: Call) -> EventHistoryCollector:
        self._check(call.filter)
        check_room(self.world, EventHistoryCollector, call.session)
        return EventHistoryCollector(self._log, call, self.world)

    def QueryEvents(self, call: Call) -> list[DataObject]:
        self._check(call.filter)
        return [record.event for record in found(self._log, call.filter)][::-1]

    def _check(self, spec: DataObject) -> None:
        if spec.entity is not None:
            self.world.get(spec.entity.entity)

    def PostEvent(self, call: Call) -> None:
        self._log.post(call.eventToPost, named_place(self.world, call.eventToPost))

    def LogUserEvent(self, call: Call) -> None:
        entity = self.world.get(call.entity)
        self._log.tell(
            'GeneralUserEvent',
            entity,
            message=call.msg,
            entity=argument('ManagedEntity', entity),
        )

    def RetrieveArgumentDescription(self, call: Call) -> list[DataObject]:
        name = _type_name(call.eventTypeId)
        if name not in catalog.event_types():
            raise invalid_argument('eventTypeId')
        return catalog.arguments_of(name)
