"""How alarms stand: what makes them yellow and red, and on which entities they are.

An alarm counts for its entity and all below it, as far as they are of the type that its expression
names. Nobody keeps a state for each: an alarm that nothing is known of is green. When an entity has
changed, its alarms are looked at once more, after the operation is over; so ten thousand machines
that nothing happens to cost nothing. The actions of alarms are kept and shown, not performed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from oslo_vmware.simulator.objects.events import catalog
from oslo_vmware.simulator.objects.events.log import EventLog, Record
from oslo_vmware.simulator.objects.events.where import argument
from oslo_vmware.simulator.world.data import DataObject, types
from oslo_vmware.simulator.world.registry import AlarmStates, ManagedObject, World

GREEN = 'green'
_SEVERITY = {'gray': 0, GREEN: 1, 'yellow': 2, 'red': 3}

# Reads the latest value of a metric; None where there is none.
Meter = Callable[[ManagedObject, DataObject], int | None]


class Alarm(Protocol):
    """An alarm, as far as this module needs it."""

    info: DataObject
    ref: Any

    @property
    def name(self) -> str: ...


def worst(states: Iterable[str]) -> str:
    return max(states, key=_SEVERITY.__getitem__, default=GREEN)


def leaves(expression: DataObject) -> Iterator[DataObject]:
    """The expressions that an expression is made of, down to those that look at something."""
    if expression.wire_type in ('OrAlarmExpression', 'AndAlarmExpression'):
        for one in expression.expression:
            yield from leaves(one)
    else:
        yield expression


def type_of(leaf: DataObject) -> str:
    """The type of entities that an expression looks at."""
    return leaf.type or leaf.objectType or 'ManagedEntity'


class Alarms(AlarmStates):
    """All alarms of a server and their states.

    :ivar alarms: by id, in the order in which they were made
    """

    def __init__(self, world: World, events: EventLog, meter: Meter) -> None:
        self.alarms: dict[str, Any] = {}
        self._world = world
        self._events = events
        self._meter = meter
        # Those that are not green, and those that somebody has switched off, by entity and alarm.
        self._states: dict[str, dict[str, DataObject]] = {}
        # What events have made of an alarm, by entity and alarm.
        self._by_event: dict[tuple[str, str], str] = {}
        self._changed: dict[str, ManagedObject] = {}
        self._watched: set[str] = set()
        self._orphans: list[Any] = []
        world.listen(self._note)
        events.listeners[self._hear] = None
        events.afterwards.append(self._settle)

    def declared(self, entity: ManagedObject) -> list[DataObject]:
        """The states of all alarms that count for an entity."""
        return [self._state(alarm, entity) for alarm in self.counting_for(entity)]

    def counting_for(self, entity: Any) -> list[Any]:
        above = {entity.ref, *(one.ref for one in entity.ancestors())}
        return [
            alarm
            for alarm in self.alarms.values()
            if alarm.info.entity in above
            and any(entity.is_a(type_of(leaf)) for leaf in leaves(alarm.info.expression))
        ]

    # --- alarms come and go

    def put(self, alarm: Any) -> None:
        """There is a new alarm, or one has another expression."""
        self.alarms[alarm.ref.value] = alarm
        self._watch()
        for entity in self._to_look_at(alarm):
            self._look_at(alarm, entity)

    def _to_look_at(self, alarm: Any) -> list[Any]:
        """The entities on which an alarm can be anything but green."""
        found = list(leaves(alarm.info.expression))
        objects = self._world.objects
        if all(leaf.wire_type == 'EventAlarmExpression' for leaf in found):
            # Before an event it is green, so that only those count that it has a state on.
            states = self._states.items()
            return [objects[moid] for moid, held in states if alarm.ref.value in held]
        kinds = {type_of(leaf) for leaf in found}
        top: Any = self._world.get(alarm.info.entity)
        return [
            entity
            for entity in (top, *top.descendants())
            if any(entity.is_a(kind) for kind in kinds)
        ]

    def drop(self, alarm: Any) -> None:
        del self.alarms[alarm.ref.value]
        self._watch()
        for moid in [moid for moid, found in self._states.items() if alarm.ref.value in found]:
            entity = self._world.objects.get(moid)
            del self._states[moid][alarm.ref.value]
            self._by_event.pop((moid, alarm.ref.value), None)
            if entity is not None:
                self._show(entity)

    def _watch(self) -> None:
        self._watched = {
            type_of(leaf)
            for alarm in self.alarms.values()
            for leaf in leaves(alarm.info.expression)
            if leaf.wire_type != 'EventAlarmExpression'
        }

    # --- what makes them change

    def _note(self, obj: ManagedObject, names: tuple[str, ...] | None) -> None:
        if obj.wire_type in self._watched:
            self._changed[obj.ref.value] = obj
        if names is None:
            self._changed.pop(obj.ref.value, None)
            self._forget(obj.ref.value)
            self._orphans += [a for a in self.alarms.values() if a.info.entity == obj.ref]

    def _settle(self) -> None:
        while self._orphans:
            alarm = self._orphans.pop()
            self.drop(alarm)
            self._world.remove(alarm)
        while self._changed:
            _moid, entity = self._changed.popitem()
            for alarm in self.counting_for(entity):
                self._look_at(alarm, entity)

    def _hear(self, record: Record) -> None:
        entity = self._world.objects.get(record.place.entity)
        if entity is None:
            return
        for alarm in self.counting_for(entity):
            for leaf in leaves(alarm.info.expression):
                if leaf.wire_type == 'EventAlarmExpression' and _is_meant(record.event, leaf):
                    key = (entity.ref.value, alarm.ref.value)
                    self._by_event[key] = leaf.status or 'red'
                    self._look_at(alarm, entity, record.key)

    # --- states

    def _look_at(self, alarm: Any, entity: Any, event_key: int | None = None) -> None:
        """Find out how an alarm stands on an entity, and tell when that is news."""
        old = self._states.get(entity.ref.value, {}).get(alarm.ref.value)
        before = old.overallStatus if old is not None else GREEN
        if not alarm.info.enabled or (old is not None and old.disabled):
            now = GREEN
        else:
            now = self._evaluate(alarm.info.expression, alarm, entity)
        if now == before:
            return
        self._put_state(
            entity,
            types.AlarmState(
                key=f'{entity.ref.value}.{alarm.ref.value}',
                entity=entity.ref,
                alarm=alarm.ref,
                overallStatus=now,
                time=self._world.now(),
                acknowledged=False,
                eventKey=event_key,
                disabled=old.disabled if old is not None else None,
            ),
        )
        change: dict[str, Any] = {'from': before, 'to': now}
        self._events.tell(
            'AlarmStatusChangedEvent',
            entity,
            alarm=argument('Alarm', alarm),
            source=argument('ManagedEntity', self._world.get(alarm.info.entity)),
            entity=argument('ManagedEntity', entity),
            **change,
        )

    def _evaluate(self, expression: DataObject, alarm: Any, entity: Any) -> str:
        kind = expression.wire_type
        if kind == 'OrAlarmExpression':
            return worst(self._evaluate(one, alarm, entity) for one in expression.expression)
        if kind == 'AndAlarmExpression':
            found = [self._evaluate(one, alarm, entity) for one in expression.expression]
            return min(found, key=_SEVERITY.__getitem__, default=GREEN)
        if not entity.is_a(type_of(expression)):
            return GREEN
        if kind == 'EventAlarmExpression':
            return self._by_event.get((entity.ref.value, alarm.ref.value), GREEN)
        if kind == 'StateAlarmExpression':
            return _by_state(expression, _read(entity, expression.statePath))
        return _by_value(expression, self._meter(entity, expression.metric))

    def _state(self, alarm: Any, entity: Any) -> DataObject:
        self._look_at(alarm, entity)
        found = self._states.get(entity.ref.value, {}).get(alarm.ref.value)
        if found is not None:
            return found
        return types.AlarmState(
            key=f'{entity.ref.value}.{alarm.ref.value}',
            entity=entity.ref,
            alarm=alarm.ref,
            overallStatus=GREEN,
            time=alarm.info.lastModifiedTime,
            acknowledged=False,
        )

    def _put_state(self, entity: ManagedObject, state: DataObject) -> None:
        states = self._states.setdefault(entity.ref.value, {})
        states[state.alarm.value] = state
        if state.overallStatus == GREEN and not state.disabled:
            del states[state.alarm.value]
            if not states:
                del self._states[entity.ref.value]
        self._show(entity)

    def _show(self, entity: Any) -> None:
        """Let an entity and those above it show what is triggered."""
        mine = self._triggered(entity.ref.value)
        status = worst(state.overallStatus for state in mine)
        if status != entity.overallStatus:
            entity.update(overallStatus=status)
            entity.changed('summary')
        entity.changed('declaredAlarmState')
        for one in (entity, *entity.ancestors()):
            others = [s for s in one.triggeredAlarmState if s.entity != entity.ref]
            one.update(triggeredAlarmState=[*others, *mine])

    def _triggered(self, moid: str) -> list[DataObject]:
        found = self._states.get(moid, {}).values()
        return [state for state in found if state.overallStatus != GREEN]

    def _forget(self, moid: str) -> None:
        """An entity is gone, and with it what was triggered there."""
        if self._states.pop(moid, None) is not None:
            for one in list(self._world.objects.values()):
                held: list[DataObject] = one.__dict__.get('triggeredAlarmState') or []
                kept = [state for state in held if state.entity.value != moid]
                if len(kept) != len(held):
                    one.update(triggeredAlarmState=kept)
        for key in [key for key in self._by_event if key[0] == moid]:
            del self._by_event[key]

    # --- what users do to them

    def acknowledge(self, alarm: Any, entity: ManagedObject, user: str) -> bool:
        """Note that somebody has seen a triggered alarm; whether it was triggered."""
        old = self._states.get(entity.ref.value, {}).get(alarm.ref.value)
        if old is None or old.overallStatus == GREEN:
            return False
        state = copy.copy(old)
        state.acknowledged, state.acknowledgedByUser = True, user
        state.acknowledgedTime = self._world.now()
        self._put_state(entity, state)
        return True

    def switch(self, alarm: Any, entity: ManagedObject, *, on: bool) -> None:
        """Let an alarm count for an entity, or not."""
        state = copy.copy(self._state(alarm, entity))
        state.disabled = not on
        if not on:
            state.overallStatus = GREEN
        self._put_state(entity, state)
        self._look_at(alarm, entity)

    def clear(self, wanted: Callable[[DataObject, Any], bool]) -> None:
        """Make those alarms green that events have triggered."""
        for moid, alarm_id in list(self._by_event):
            state = self._states.get(moid, {}).get(alarm_id)
            entity, alarm = self._world.objects.get(moid), self.alarms.get(alarm_id)
            if state is None or entity is None or alarm is None or not wanted(state, entity):
                continue
            del self._by_event[moid, alarm_id]
            self._look_at(alarm, entity)


def _read(entity: Any, path: str) -> str | None:
    value = entity
    for name in path.split('.'):
        value = getattr(value, name, None)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _by_state(leaf: DataObject, value: str | None) -> str:
    for status in ('red', 'yellow'):
        wanted = getattr(leaf, status)
        if wanted is None or value is None:
            continue
        if (value == wanted) is (leaf.operator == 'isEqual'):
            return status
    return GREEN


def _by_value(leaf: DataObject, value: int | None) -> str:
    for status in ('red', 'yellow'):
        limit = getattr(leaf, status)
        if limit is None or value is None:
            continue
        if value > limit if leaf.operator == 'isAbove' else value < limit:
            return status
    return GREEN


def _is_meant(event: DataObject, leaf: DataObject) -> bool:
    """Whether an event is what an expression waits for."""
    if leaf.eventTypeId and event.wire_type in ('EventEx', 'ExtendedEvent'):
        named = event.eventTypeId == leaf.eventTypeId
    elif leaf.eventTypeId:
        named = event.wire_type == leaf.eventTypeId.removeprefix('vim.event.')
    else:
        named = catalog.is_kind_of(event.wire_type, leaf.eventType)
    return named and all(_compares(event, one) for one in leaf.comparisons or ())


def _compares(event: DataObject, comparison: DataObject) -> bool:
    value = _read(event, comparison.attributeName) or ''
    wanted: str = comparison.value
    return {
        'equals': value == wanted,
        'notEqualTo': value != wanted,
        'startsWith': value.startswith(wanted),
        'doesNotStartWith': not value.startswith(wanted),
        'endsWith': value.endswith(wanted),
        'doesNotEndWith': not value.endswith(wanted),
    }.get(comparison.operator, False)
