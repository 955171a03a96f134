"""Collectors of tasks: the history of what was done, longer than tasks themselves are kept."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from oslo_vmware.simulator.objects.events.where import Place
from oslo_vmware.simulator.objects.history_collector import (
    HistoryCollector,
    is_about,
    is_by,
    is_within,
)
from oslo_vmware.simulator.world.data import DataObject
from oslo_vmware.simulator.world.registry import Call, World, managed

# The oldest are forgotten when there are more.
KEPT_TASKS = 2000

_TIMES = {
    'queuedTime': 'queueTime',
    'startedTime': 'startTime',
    'completedTime': 'completeTime',
}


class Entry(NamedTuple):
    """A task in the history.

    :ivar info: its TaskInfo, which goes on changing while the task runs
    """

    key: int
    info: DataObject
    place: Place


class TaskHistory:
    """The tasks that there were, the oldest first.

    :ivar listeners: called when there is a new task, or one has ended
    """

    def __init__(self) -> None:
        self._entries: collections.deque[Entry] = collections.deque(maxlen=KEPT_TASKS)
        self.listeners: dict[Callable[[], None], None] = {}

    def newest_first(self) -> Iterator[Entry]:
        return reversed(list(self._entries))

    def append(self, entry: Entry) -> None:
        self._entries.append(entry)
        self.tell()

    def tell(self) -> None:
        for listener in list(self.listeners):
            listener()


def _passes(entry: Entry, spec: DataObject) -> bool:
    info = entry.info
    time = spec.time
    user = info.reason.userName or ''
    return (
        is_about(entry.place, spec.entity)
        and (time is None or is_within(getattr(info, _TIMES[time.timeType]), time))
        and is_by(user, spec.userName)
        and (not spec.state or info.state in spec.state)
        and (not spec.eventChainId or info.eventChainId in spec.eventChainId)
        and (not spec.tag or info.changeTag in spec.tag)
        and (not spec.activationId or info.activationId in spec.activationId)
        and (not spec.parentTaskKey or info.parentTaskKey in spec.parentTaskKey)
        and (not spec.rootTaskKey or info.rootTaskKey in spec.rootTaskKey)
        and spec.alarm in (None, info.reason.alarm)
        and spec.scheduledTask in (None, info.reason.scheduledTask)
    )


@managed('TaskHistoryCollector')
class TaskHistoryCollector(HistoryCollector):
    """One reader of the tasks."""

    initialized = True

    def __init__(self, history: TaskHistory, call: Call, world: World) -> None:
        spec = call.filter
        super().__init__(
            world,
            call.session,
            spec,
            lambda: (entry for entry in history.newest_first() if _passes(entry, spec)),
        )
        self._history = history
        history.listeners[self.noticed] = None

    def destroy(self) -> None:
        self._history.listeners.pop(self.noticed, None)
        super().destroy()

    def value_of(self, item: Any) -> DataObject:
        info: DataObject = item.info
        return info

    def ReadNextTasks(self, call: Call) -> list[DataObject]:
        return self.read_next(call.maxCount)

    def ReadPreviousTasks(self, call: Call) -> list[DataObject]:
        return self.read_previous(call.maxCount)
