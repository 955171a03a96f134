"""Reading a history page by page: what collectors of events and of tasks have in common.

A collector has two views of what its filter lets through. The latest page is a property, and is
watched. The other is scrolled through: from the oldest on, where a collector starts and
RewindCollector brings it back to, or from the newest back, after ResetCollector.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed
from oslo_vmware.simulator.world.sessions import Session

MAX_COLLECTORS = 32
_PAGE = 10
_LARGEST_PAGE = 1000


class Item(Protocol):
    """Something in a history."""

    @property
    def key(self) -> int:
        """Grows with time."""


class Place(Protocol):
    """Where something happened."""

    @property
    def entity(self) -> str: ...

    @property
    def above(self) -> frozenset[str]: ...


@managed('HistoryCollector')
class HistoryCollector(ManagedObject):
    """One reader of a history.

    :param newest_first: gives those that the filter lets through
    """

    def __init__(
        self,
        world: World,
        session: Session | None,
        spec: DataObject,
        newest_first: Callable[[], Iterator[Any]],
    ) -> None:
        self._session = session
        self._newest_first = newest_first
        self._size = _PAGE
        # Between which items the scrollable view is: behind the one of this key.
        self._position = 0
        self.filter = spec
        key = session.key if session is not None else ''
        super().__init__(world, f'session[{key}]{world.new_uuid()}')
        if session is not None:
            session.at_end(self.destroy)

    def belongs_to(self, session: Session | None) -> bool:
        return session is self._session

    def value_of(self, item: Any) -> DataObject:
        """What a client sees of one item."""
        raise NotImplementedError

    @property
    def latestPage(self) -> list[DataObject]:
        return [self.value_of(item) for item in itertools.islice(self._newest_first(), self._size)]

    def noticed(self) -> None:
        """There is a new item, or one is another now."""
        self.changed('latestPage')

    def read_next(self, count: int) -> list[DataObject]:
        """The next newer items, the oldest first."""
        _check(count)
        newer = itertools.takewhile(lambda item: item.key > self._position, self._newest_first())
        found = list(newer)[::-1][:count]
        if found:
            self._position = found[-1].key
        return [self.value_of(item) for item in found]

    def read_previous(self, count: int) -> list[DataObject]:
        """The next older items, the newest first."""
        _check(count)
        older = itertools.dropwhile(lambda item: item.key > self._position, self._newest_first())
        found = list(itertools.islice(older, count))
        if found:
            self._position = found[-1].key - 1
        return [self.value_of(item) for item in found]

    def SetCollectorPageSize(self, call: Call) -> None:
        _check(call.maxCount)
        self._size = call.maxCount
        self.changed('latestPage')

    def RewindCollector(self, call: Call) -> None:
        self._position = 0

    def ResetCollector(self, call: Call) -> None:
        newest = next(self._newest_first(), None)
        self._position = newest.key if newest is not None else 0

    def DestroyCollector(self, call: Call) -> None:
        self.destroy()

    def destroy(self) -> None:
        if self._session is not None:
            self._session.not_at_end(self.destroy)
        if self.world.objects.get(self.ref.value) is self:
            self.world.remove(self)


def _check(count: int) -> None:
    if not 1 <= count <= _LARGEST_PAGE:
        raise invalid_argument('maxCount')


def check_room(world: World, cls: type[HistoryCollector], session: Session | None) -> None:
    """Refuse one collector too many.

    :raises Fault: InvalidState
    """
    mine = [one for one in world.of_type(cls) if one.belongs_to(session)]
    if len(mine) >= MAX_COLLECTORS:
        raise Fault('InvalidState', 'This session has as many collectors as it may have.')


def is_about(place: Place, wanted: DataObject | None) -> bool:
    """Whether something happened at the entity that a filter names, or below it."""
    if wanted is None:
        return True
    moid = wanted.entity.value
    itself = wanted.recursion != 'children' and place.entity == moid
    return itself or (wanted.recursion != 'self' and moid in place.above)


def is_by(user: str, wanted: DataObject | None) -> bool:
    """Whether one of the users that a filter names did it."""
    if wanted is None:
        return True
    if not user or user.endswith('\\vpxd'):
        return bool(wanted.systemUser)
    return user.lower() in {name.lower() for name in wanted.userList or ()}


def is_within(time: datetime.datetime | None, wanted: DataObject | None) -> bool:
    """Whether something happened in the time that a filter names."""
    if wanted is None:
        return True
    if time is None:
        return False
    begin, end = wanted.beginTime, wanted.endTime
    return (begin is None or time >= _utc(begin)) and (end is None or time <= _utc(end))


def _utc(time: datetime.datetime) -> datetime.datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)
