"""Waiting together: one outstanding request tells all waiters of a session what changed.

What is waited for is watched by a property collector of the session's own
(:mod:`oslo_vmware._session.collector`). The waiter that finds no leader becomes the leader and asks
``WaitForUpdatesEx`` (vSphere API 4.1) for all of them; the others sleep on an event. A leader whose
own wait is over hands over to another waiter. So a change is seen at once, and two hundred waiters
cost one request. What one of them has the server watch, it does for all who came meanwhile, and
takes back on the way what nobody waits for any more.

What the server tells is kept by path for each object until nobody waits for it and the server has
told what was left to tell; so it does not matter when anybody comes, or comes back.

Who wants to see a task's progress shares with others who do: it changes often, and is to wake
nobody else. What is to be told is told by each waiter itself, in its own thread, while another
leads.

This only ever replaces a pause between two polls: whoever is not told reads the property, and goes
on waiting if there is reason to. Therefore nothing here has to be certain. Whatever goes wrong (an
expired session, a server or a stand-in that has no such operations), the waiters fall back to
pausing for their poll interval. Nor does anybody wait for the server alone: what it does not answer
in time, because a firewall forgot the connection, say, counts as trouble. All this is of one login
and of one process.
"""

import copy
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from oslo_vmware import _deadline, vim_util
from oslo_vmware._clearing import clear_away
from oslo_vmware._session.collector import Collector, changes
from oslo_vmware._session.wait import TASK, Progress, Wait

LOG = logging.getLogger(__name__)

#: Seconds that one request may stay outstanding, and after which a waiter looks for itself in
#: case a change was missed.
MAX_WAIT = 60

#: Seconds that the server may answer later than asked to, and that a request of another kind may
#: take.
MARGIN_SECONDS = 30.0

#: Seconds that a server waits, if it waits at all; it may do so for less than it was asked to.
SHORTEST_WAIT = 0.5

#: Seconds, for each who waits, that the leader leaves between an answer and the next question, so
#: that what comes thick and fast comes together, and the most that it leaves.
GATHERING_SECONDS = 0.0001
MAX_GATHERING_SECONDS = 0.02

#: Seconds that must be left until a deadline to wait together; the last ones are waited for alone.
LEAST_SECONDS = 2.0


class _Watched:
    """Something that is waited for, or was.

    :ivar moref: a reference to it
    :ivar wait: what for
    :ivar told: what the server has told of it, by path; replaced, never changed
    :ivar waiters: who waits for it
    :ivar joined: the server watches it, or has just been asked to
    :ivar left: the server watches it no longer, but may still tell of it
    :ivar filter: its own filter, where it has one
    """

    def __init__(self, moref: Any, wait: Wait) -> None:
        self.moref = moref
        self.wait = wait
        self.told: dict[str, Any] = {}
        self.waiters: list[_Waiter] = []
        self.joined = False
        self.left = False
        self.filter: Any = None

    @property
    def id(self) -> str:
        return str(self.moref.value)

    @property
    def has_ended(self) -> bool:
        """Whether its state is a final one."""
        state = self.told.get(self.wait.state_path)
        return state is not None and self.wait.is_final(state)

    def hear(self, changed: Any) -> None:
        """Take in an ObjectUpdate, and end the waits that it ends."""
        if changed.kind != 'enter' and not self.told:
            # What it follows was told when nobody listened: what is known is not the whole.
            self.fail()
            return
        told = {} if changed.kind == 'enter' else dict(self.told)
        for change in getattr(changed, 'changeSet', ()):
            value = getattr(change, 'val', None)
            if value is None:
                told.pop(change.name, None)
            else:
                told[change.name] = value
        self.told = told
        if self.has_ended:
            for waiter in self.waiters:
                waiter.end(told)
        elif self.wait.state_path not in told:
            self.fail()
        else:
            for waiter in self.waiters:
                waiter.hear(told, self.wait)

    def fail(self) -> None:
        """Let those who wait look for themselves."""
        for waiter in self.waiters:
            waiter.end({})


class _Waiter:
    """One caller that waits.

    :param progress: what is told how far it is
    :ivar deadline: when whoever waits wants to wait no longer; infinite for never
    :ivar woken: set when there is reason to look again, or to take the lead
    :ivar told: what has ended the wait; empty if there is nothing to wait for any more
    :ivar news: percentages and states that are to be told
    :ivar is_telling: its thread is in the callback, for however long
    """

    def __init__(self, deadline: float, progress: Progress | None = None) -> None:
        self.deadline = deadline
        self.progress = progress
        self.news: deque[tuple[Any, Any]] = deque()
        self.is_telling = False
        self.woken = threading.Event()
        self.told: dict[str, Any] | None = None

    @property
    def over(self) -> bool:
        return self.told is not None

    @property
    def has_time(self) -> bool:
        """Whether it is the server that does not answer in time, if a request of it fails now."""
        return time.monotonic() < self.deadline

    def hear(self, told: dict[str, Any], wait: Wait) -> None:
        """Take note of what is to be told by the thread that waits."""
        if self.progress is not None:
            percent = told.get(f'{wait.property_name}.progress')
            self.news.append((percent, told[wait.state_path]))
            self.woken.set()

    def has_objected(self, exc: Exception) -> bool:
        """Whether an exception is what came of telling."""
        return self.progress is not None and self.progress.objection is exc

    def end(self, told: dict[str, Any]) -> None:
        if self.told is None:
            self.told = told
            self.woken.set()


class SharedUpdates:
    """The waiters of one login, and the property collector they share.

    :param vim: the session's Vim service
    :param max_wait: seconds that one request may stay outstanding
    :param task: what is told of tasks
    """

    def __init__(self, vim: Any, max_wait: int = MAX_WAIT, task: Wait = TASK) -> None:
        self._vim = vim
        self._max_wait = max_wait
        self._task = task
        self._lock = threading.Lock()
        # Held while the server is asked to watch something.
        self._joining = threading.Lock()
        self._watched: dict[str, _Watched] = {}
        self._waiters: list[_Waiter] = []
        self._leader: _Waiter | None = None
        self._collector: Collector | None = None
        self._unavailable_until = 0.0
        self._ended_early = False
        self._process = os.getpid()

    @property
    def worth_a_look(self) -> bool:
        """Whether to read before waiting, because the last one had ended when it was asked about.

        Where tasks are over so soon, that is cheaper than to have them watched.
        """
        return self._ended_early and time.monotonic() >= self._unavailable_until

    def final(self, moref: Any, wait: Wait, progress: Progress | None = None) -> Any:
        """Sleep until the server tells a final value, or there is reason to look for it.

        :param moref: the object
        :param wait: what is waited for
        :param progress: is told how far it is until then; what it raises is raised
        :returns: the value; None when it was not told
        """
        if time.monotonic() < self._unavailable_until or _deadline.remaining() < LEAST_SECONDS:
            return None
        if vim_util.get_moref_type(moref) != wait.type_name:
            return None
        self._ended_early = False
        waiter = _Waiter(time.monotonic() + _deadline.remaining(), progress)
        watched = self._enter(waiter, moref, wait)
        try:
            if not waiter.over:
                self._wait(waiter, self._joined(waiter, watched))
            self._tell_news(waiter)
            if not waiter.told:
                return None
            # Made by each for itself, with all in it: these are objects that can be changed.
            told = {path: _copied(value) for path, value in waiter.told.items()}
            return wait.made_of(told, self._vim.client.factory.create)
        except Exception as exc:
            # The next poll meets any other trouble and reports it.
            if waiter.has_objected(exc):
                raise
            LOG.debug('Updates of %s are not to be had: %s', watched.id, exc)
            if os.getpid() == self._process and waiter.has_time:
                self._give_up()
            return None
        finally:
            # A green thread that was forked along ends here as well, and has nothing to clear away.
            if os.getpid() == self._process:
                self._leave(waiter, watched)

    def _enter(self, waiter: _Waiter, moref: Any, wait: Wait) -> _Watched:
        value = vim_util.get_moref_value(moref)
        with self._lock:
            watched = self._watched.get(value)
            if watched is None:
                # Not the caller's reference, which may be pointed at something else meanwhile.
                watched = _Watched(vim_util.get_moref(value, wait.type_name), wait)
                self._watched[value] = watched
            self._waiters.append(waiter)
            watched.waiters.append(waiter)
            if watched.has_ended:
                waiter.end(watched.told)
            elif watched.told:
                waiter.hear(watched.told, wait)
        return watched

    # What the server watches

    def _joined(self, waiter: _Waiter, watched: _Watched) -> Collector:
        """The collector, once it watches an object."""
        with _deadline.within(MARGIN_SECONDS):
            if not _deadline.acquired(self._joining):
                raise TimeoutError('another waiter is still trying')
            try:
                # Whoever had to wait for the lock need not try what somebody else has just tried.
                if time.monotonic() < self._unavailable_until:
                    raise RuntimeError('another waiter has just tried')
                if self._collector is None:
                    self._collector = Collector(self._vim, self._task)
                if not watched.joined and watched.wait is self._task and self._collector.has_view:
                    self._join_view(self._collector)
                if not watched.joined and not waiter.over:
                    # Before the filter is there: the leader may be told before we are.
                    watched.joined = True
                    watched.filter = self._collector.watch(watched.wait, watched.moref)
                if self._collector.is_new:
                    self._ask(self._collector, 0)
                return self._collector
            except BaseException as exc:
                # Also of an interruption, or when our own time is over: what the server watches
                # now is not known, and others count on it.
                self._give_up(clear=waiter.has_time and isinstance(exc, Exception))
                raise
            finally:
                self._joining.release()

    def _join_view(self, collector: Collector) -> None:
        """Have all tasks watched that are waited for, and no others."""
        with self._lock:
            tasks = [
                one for one in self._watched.values() if one.wait is self._task and not one.filter
            ]
            new = [one for one in tasks if one.waiters and not one.joined]
            old = [one for one in tasks if one.joined and not one.waiters]
            for one in new:
                one.joined, one.left = True, False
            for one in old:
                one.joined, one.left = False, True
        unknown = collector.change_view([one.moref for one in new], [one.moref for one in old])
        with self._lock:
            for one in new:
                if one.id in unknown:
                    self._forget(one)
                elif not collector.has_view:
                    one.joined = False

    def _forget(self, watched: _Watched) -> None:
        """Have nothing to do with an object any more."""
        if self._watched.get(watched.id) is watched:
            del self._watched[watched.id]
        watched.fail()

    # Waiting

    def _wait(self, waiter: _Waiter, collector: Collector) -> None:
        # A second less than until the deadline, because the server's answer takes its time.
        end = time.monotonic() + min(self._max_wait, _deadline.remaining() - 1)
        while not waiter.over:
            if waiter.news:
                self._tell_news(waiter)
                continue
            left = end - time.monotonic()
            # What it took to come here is not to cost a whole second.
            seconds = int(left + 0.1)
            if seconds < 1:
                return
            if self._take_lead(waiter):
                self._ask(collector, seconds)
                others = len(self._waiters) - 1
                if others > 0 and not waiter.over:
                    waiter.woken.wait(min(others * GATHERING_SECONDS, MAX_GATHERING_SECONDS))
            else:
                waiter.woken.wait(left)
                waiter.woken.clear()

    def _tell_news(self, waiter: _Waiter) -> None:
        """Tell what a waiter has heard; others shall not wait for its callback."""
        if waiter.progress is None or not waiter.news:
            return
        with self._lock:
            waiter.is_telling = True
            self._hand_over(waiter)
        while waiter.news:
            waiter.progress.tell(*waiter.news.popleft())
        waiter.is_telling = False

    def _take_lead(self, waiter: _Waiter) -> bool:
        with self._lock:
            if self._leader is None:
                self._leader = waiter
            return self._leader is waiter

    def _hand_over(self, waiter: _Waiter) -> None:
        """Have another waiter lead, if there is one; with the lock held."""
        if self._leader is waiter:
            self._leader = None
        if self._leader is None:
            # Not to one whose wait is over as well: it leaves without taking the lead. Nor to one
            # that is telling: it looks for itself when it has told.
            heirs = (
                one
                for one in self._waiters
                if one is not waiter and not one.over and not one.is_telling
            )
            heir = next(heirs, None)
            if heir is not None:
                heir.woken.set()

    def _leave(self, waiter: _Waiter, watched: _Watched) -> None:
        """Stop waiting; a leader hands over."""
        with self._lock:
            # First of all, so that the next leader need not wait for the rest.
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            self._hand_over(waiter)
            watched.waiters.remove(waiter)
            if watched.waiters or (watched.filter is None and (watched.joined or watched.left)):
                return
            if self._watched.get(watched.id) is watched:
                del self._watched[watched.id]
        if watched.filter is not None:
            clear_away(self._vim, ('DestroyPropertyFilter', watched.filter))

    def _ask(self, collector: Collector, seconds: int) -> None:
        """Ask once for all waiters, and wake those whose wait is over.

        :param seconds: to wait for changes; 0 for what there is to tell at first
        """
        with self._lock:
            joined = [one for one in self._watched.values() if one.joined]
            left = [one for one in self._watched.values() if one.left]
        started = time.monotonic()
        with _deadline.within(seconds + MARGIN_SECONDS):
            update = collector.ask(seconds)
        if update is None and time.monotonic() - started < min(seconds, SHORTEST_WAIT):
            raise RuntimeError('the server does not wait for updates')
        with self._lock:
            for one in left:
                if one.left and not one.waiters:
                    self._forget(one)
            self._tell(changes(update))
            self._waiters = [waiter for waiter in self._waiters if not waiter.over]
            if not seconds and not getattr(update, 'truncated', False):
                # Whatever was in the view when it was made and is not told of is not there.
                for one in joined:
                    if not one.told:
                        self._forget(one)

    def _tell(self, updates: Iterable[Any]) -> None:
        for changed in updates:
            watched = self._watched.get(changed.obj.value)
            if watched is None:
                continue
            if changed.kind == 'leave':
                self._forget(watched)
            else:
                watched.hear(changed)
                if changed.kind == 'enter' and watched.has_ended:
                    self._ended_early = True

    def _give_up(self, clear: bool = True) -> None:
        """Let every waiter look for itself, and start anew later with another collector.

        :param clear: whether there is time to clear the old one away
        """
        with self._lock:
            self._unavailable_until = time.monotonic() + self._max_wait
            collector, self._collector = self._collector, None
            self._watched.clear()
            for waiter in self._waiters:
                waiter.end({})
        if collector is not None and clear:
            collector.destroy()


def _copied(value: Any) -> Any:
    """A data object with members of its own.

    Not by ``deepcopy``: what suds notes of an object leads to all of the server's description.
    """
    if isinstance(value, list):
        return [_copied(one) for one in value]
    names = getattr(value, '__keylist__', None)
    if names is None:
        return value
    made = copy.copy(value)
    if '__keylist__' in vars(made):
        vars(made)['__keylist__'] = list(names)
    for name in names:
        setattr(made, name, _copied(getattr(value, name)))
    return made
