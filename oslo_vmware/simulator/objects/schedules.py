"""When a scheduled task is due next.

Schedulers come as data: once, some minutes after the server has started, or again and again by
hour, day, week or month. All times are UTC.
"""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Iterator
from typing import Any, NamedTuple

from oslo_vmware.simulator.world.data import DataObject

_DAYS = ('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday')
_WEEKS = ('first', 'second', 'third', 'fourth')
# A month without its 31st, a February without its 29th: this far one has to look at most.
_LOOK_AHEAD_DAYS = 366 * 8


class Origin(NamedTuple):
    """What times are counted from.

    :ivar server: when the server started
    :ivar defined: when the scheduler was defined
    """

    server: datetime.datetime
    defined: datetime.datetime


def next_run(
    scheduler: DataObject, origin: Origin, after: datetime.datetime
) -> datetime.datetime | None:
    """The next time, from ``after`` on; None when there is none."""
    begin = max(after, utc(scheduler.activeTime) or after)
    found = _first(scheduler, origin, begin)
    expires = utc(scheduler.expireTime)
    return None if found is None or (expires is not None and found > expires) else found


def utc(time: datetime.datetime | None) -> datetime.datetime | None:
    """A time that says no zone is in UTC."""
    return time.replace(tzinfo=datetime.UTC) if time is not None and time.tzinfo is None else time


def _first(
    scheduler: DataObject, origin: Origin, begin: datetime.datetime
) -> datetime.datetime | None:
    kind = scheduler.wire_type
    if kind == 'OnceTaskScheduler':
        # Without a time it is as soon as that can be.
        at = utc(scheduler.runAt) or utc(scheduler.activeTime) or origin.defined
        return at if at >= begin else None
    if kind == 'AfterStartupTaskScheduler':
        at = origin.server + datetime.timedelta(minutes=scheduler.minute)
        return at if at >= begin else None
    if kind == 'HourlyTaskScheduler':
        return _hourly(scheduler, origin.defined, begin)
    for day in _days(scheduler, origin.defined.date(), begin.date()):
        at = datetime.datetime.combine(
            day, datetime.time(scheduler.hour, scheduler.minute), datetime.UTC
        )
        if at >= begin:
            return at
    return None


def _hourly(
    scheduler: DataObject, defined: datetime.datetime, begin: datetime.datetime
) -> datetime.datetime:
    interval = datetime.timedelta(hours=scheduler.interval)
    at = defined.replace(minute=scheduler.minute, second=0, microsecond=0)
    if at < begin:
        at += interval * -(-(begin - at) // interval)
    return at


def _days(
    scheduler: DataObject, defined: datetime.date, begin: datetime.date
) -> Iterator[datetime.date]:
    """The days on which a scheduler runs."""
    for number in range(_LOOK_AHEAD_DAYS):
        day = begin + datetime.timedelta(days=number)
        if _runs_on(scheduler, defined, day):
            yield day


def _runs_on(scheduler: Any, defined: datetime.date, day: datetime.date) -> bool:
    kind, interval = scheduler.wire_type, scheduler.interval
    if kind == 'DailyTaskScheduler':
        return bool((day - defined).days % interval == 0)
    if kind == 'WeeklyTaskScheduler':
        monday = defined - datetime.timedelta(days=defined.weekday())
        return bool(getattr(scheduler, _DAYS[day.weekday()])) and (
            (day - monday).days // 7 % interval == 0
        )
    if ((day.year - defined.year) * 12 + day.month - defined.month) % interval:
        return False
    if kind == 'MonthlyByDayTaskScheduler':
        return bool(day.day == scheduler.day)
    if _DAYS[day.weekday()] != scheduler.weekday:
        return False
    if scheduler.offset == 'last':
        return day.day + 7 > calendar.monthrange(day.year, day.month)[1]
    return bool(_WEEKS[(day.day - 1) // 7 : (day.day - 1) // 7 + 1] == (scheduler.offset,))


def problem(scheduler: DataObject) -> str | None:
    """The field of a scheduler that makes no sense."""
    limits: dict[str, tuple[int, int]] = {'minute': (0, 59), 'hour': (0, 23), 'day': (1, 31)}
    if scheduler.wire_type == 'AfterStartupTaskScheduler':
        limits['minute'] = (0, 2**31)
    limits['interval'] = (1, 999)
    for name, (least, most) in limits.items():
        value = getattr(scheduler, name)
        if value is not None and not least <= value <= most:
            return name
    weekly = scheduler.wire_type == 'WeeklyTaskScheduler'
    if weekly and not any(getattr(scheduler, day) for day in _DAYS):
        return 'sunday'
    return None


KNOWN = (
    'OnceTaskScheduler',
    'AfterStartupTaskScheduler',
    'HourlyTaskScheduler',
    'DailyTaskScheduler',
    'WeeklyTaskScheduler',
    'MonthlyByDayTaskScheduler',
    'MonthlyByWeekdayTaskScheduler',
)
