"""Waiting together: one outstanding request tells all waiters of a session what changed.

Each waiter has its object watched by a filter on a property collector of the session's own. The
waiter that finds no leader becomes the leader and asks ``WaitForUpdatesEx`` (vSphere API 4.1) for
all of them; the others sleep on an event. A leader whose own wait is over hands over to another
waiter. So a change is seen at once, and two hundred waiters cost one request.

This only ever replaces a pause between two polls: the caller reads the property again
afterwards, and goes on waiting if there is reason to. Therefore nothing here has to be certain.
Whatever goes wrong (an expired session, a server or a stand-in that has no such operations), the
waiters fall back to pausing for their poll interval. Nor does anybody wait for the server alone:
what it does not answer in time, because a firewall forgot the connection, say, counts as trouble.
All this is of one login and of one process.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from oslo_vmware import _deadline, vim_util

LOG = logging.getLogger(__name__)

#: Seconds that one request may stay outstanding, and after which a waiter looks for itself in
#: case a change was missed.
MAX_WAIT = 60

#: Seconds that the server may answer later than asked to, and that a request of another kind may
#: take.
MARGIN_SECONDS = 30.0

#: Seconds for a request that only clears away what would die with the session.
CLEARING_SECONDS = 5.0

#: Seconds that a server waits, if it waits at all; it may do so for less than it was asked to.
SHORTEST_WAIT = 0.5

#: Seconds that must be left until a deadline to wait together; the last ones are waited for alone.
LEAST_SECONDS = 2.0


@dataclass(eq=False)
class _Waiter:
    """One caller that waits.

    :ivar object_id: id of the object it waits for
    :ivar is_final: whether a value of the watched property ends the wait
    :ivar deadline: when whoever waits wants to wait no longer; infinite for never
    :ivar woken: set when there is reason to look again, or to take the lead
    :ivar over: the wait has ended
    :ivar failed: it has ended because the server cannot tell
    """

    object_id: str
    is_final: Callable[[Any], bool]
    deadline: float
    woken: threading.Event = field(default_factory=threading.Event)
    over: bool = False
    failed: bool = False

    @property
    def has_time(self) -> bool:
        """Whether it is the server that does not answer in time, if a request of it fails now."""
        return time.monotonic() < self.deadline

    def end(self) -> None:
        self.over = True
        self.woken.set()


@dataclass(eq=False)
class _Collector:
    """A property collector of the session's own, and how far its updates have been read."""

    moref: Any
    version: str = ''


class SharedUpdates:
    """The waiters of one login, and the property collector they share.

    :param vim: the session's Vim service
    :param max_wait: seconds that one request may stay outstanding
    """

    def __init__(self, vim: Any, max_wait: int = MAX_WAIT) -> None:
        self._vim = vim
        self._max_wait = max_wait
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._waiters: list[_Waiter] = []
        self._leader: _Waiter | None = None
        self._collector: _Collector | None = None
        self._unavailable_until = 0.0
        self._process = os.getpid()

    def pause(
        self, moref: Any, path: str, is_final: Callable[[Any], bool], interval: float
    ) -> None:
        """Sleep until a property may have reached a final value.

        :param moref: the object
        :param path: path of the property
        :param is_final: whether a value ends the wait
        :param interval: seconds to sleep when the server cannot tell of changes
        """
        started = time.monotonic()
        if (
            started >= self._unavailable_until
            and _deadline.remaining() >= LEAST_SECONDS
            and self._shared(moref, path, is_final)
        ):
            return
        time.sleep(_deadline.at_most(max(0.0, interval - (time.monotonic() - started))))

    def _shared(self, moref: Any, path: str, is_final: Callable[[Any], bool]) -> bool:
        deadline = time.monotonic() + _deadline.remaining()
        waiter = _Waiter(vim_util.get_moref_value(moref), is_final, deadline)
        # Before the filter: the leader may hear of the object before CreateFilter returns.
        with self._lock:
            self._waiters.append(waiter)
        watch = None
        try:
            with _deadline.within(MARGIN_SECONDS):
                collector = self._collector_of_all(waiter)
                watch = self._watch(collector, moref, path)
            self._wait(waiter, collector)
            return not waiter.failed
        except Exception as exc:  # noqa: BLE001 - the next poll meets the trouble and reports it
            LOG.debug('Updates of %s are not to be had: %s', waiter.object_id, exc)
            if os.getpid() == self._process and waiter.has_time:
                self._give_up()
            return False
        finally:
            # A green thread that was forked along ends here as well, and has nothing to clear away.
            if os.getpid() == self._process:
                # First of all, so that the next leader need not wait for the rest.
                self._leave(waiter)
                if watch is not None:
                    self._destroy('DestroyPropertyFilter', watch)

    def _collector_of_all(self, waiter: _Waiter) -> _Collector:
        if not _deadline.acquired(self._making):
            raise TimeoutError('another waiter is still trying')
        try:
            # Whoever had to wait for the lock need not try what somebody else has just tried.
            if time.monotonic() < self._unavailable_until:
                raise RuntimeError('another waiter has just tried')
            if self._collector is None:
                self._collector = _Collector(
                    self._vim.CreatePropertyCollector(
                        self._vim.service_content.propertyCollector, skip_op_id=True
                    )
                )
            return self._collector
        except Exception:
            if waiter.has_time:
                self._give_up()
            raise
        finally:
            self._making.release()

    def _watch(self, collector: _Collector, moref: Any, path: str) -> Any:
        factory = self._vim.client.factory
        spec = vim_util.build_property_filter_spec(
            factory,
            [vim_util.build_property_spec(factory, vim_util.get_moref_type(moref), [path])],
            [vim_util.build_object_spec(factory, moref, [])],
        )
        return self._vim.CreateFilter(
            collector.moref, spec=spec, partialUpdates=False, skip_op_id=True
        )

    def _destroy(self, operation: str, moref: Any) -> None:
        try:
            with _deadline.within(CLEARING_SECONDS):
                getattr(self._vim, operation)(moref, skip_op_id=True)
        except Exception as exc:  # noqa: BLE001 - it dies with the session at the latest
            LOG.debug('%s failed: %s', operation, exc)

    def _wait(self, waiter: _Waiter, collector: _Collector) -> None:
        # A second less than until the deadline, because the server's answer takes its time.
        end = time.monotonic() + min(self._max_wait, _deadline.remaining() - 1)
        while not waiter.over:
            left = end - time.monotonic()
            # What it took to come here is not to cost a whole second.
            seconds = int(left + 0.1)
            if seconds < 1:
                return
            if self._take_lead(waiter):
                self._ask(collector, seconds)
            else:
                waiter.woken.wait(left)
                waiter.woken.clear()

    def _take_lead(self, waiter: _Waiter) -> bool:
        with self._lock:
            if self._leader is None:
                self._leader = waiter
            return self._leader is waiter

    def _leave(self, waiter: _Waiter) -> None:
        """Stop waiting; a leader hands over."""
        with self._lock:
            self._waiters.remove(waiter)
            if self._leader is waiter:
                self._leader = None
            if self._leader is None:
                # Not to one whose wait is over as well: it leaves without taking the lead.
                heir = next((other for other in self._waiters if not other.over), None)
                if heir is not None:
                    heir.woken.set()

    def _ask(self, collector: _Collector, seconds: int) -> None:
        """Ask once for all waiters, and wake those whose wait is over."""
        options = self._vim.client.factory.create('ns0:WaitOptions')
        options.maxWaitSeconds = seconds
        started = time.monotonic()
        with _deadline.within(seconds + MARGIN_SECONDS):
            update = self._vim.WaitForUpdatesEx(
                collector.moref, version=collector.version, options=options, skip_op_id=True
            )
        if update is None:
            if time.monotonic() - started < SHORTEST_WAIT:
                raise RuntimeError('the server does not wait for updates')
            return
        collector.version = update.version
        with self._lock:
            waiters = list(self._waiters)
        for changed in _changes(update):
            for waiter in waiters:
                if waiter.object_id == changed.obj.value and _ends(changed, waiter.is_final):
                    waiter.end()

    def _give_up(self) -> None:
        """Let every waiter look for itself, and start anew later with another collector."""
        with self._lock:
            self._unavailable_until = time.monotonic() + self._max_wait
            collector, self._collector = self._collector, None
            for waiter in self._waiters:
                waiter.failed = True
                waiter.end()
        if collector is not None:
            self._destroy('DestroyPropertyCollector', collector.moref)


def _changes(update: Any) -> list[Any]:
    return [
        changed
        for filter_update in getattr(update, 'filterSet', ())
        for changed in getattr(filter_update, 'objectSet', ())
    ]


def _ends(changed: Any, is_final: Callable[[Any], bool]) -> bool:
    """Whether an update of an object ends the wait for it; one that is gone does."""
    return changed.kind == 'leave' or any(
        is_final(getattr(change, 'val', None)) for change in getattr(changed, 'changeSet', ())
    )
