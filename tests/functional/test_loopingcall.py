"""The loops of older releases, with threads and, under eventlet, with green ones."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware.common import loopingcall

Start = Callable[..., Any]


class Rounds:
    """A function that notes when it was called, and ends its loop after some rounds."""

    def __init__(
        self, last: int, returns: Any = None, ends: BaseException | None = None, takes: float = 0
    ) -> None:
        self.began: list[float] = []
        self.arguments: list[Any] = []
        self._last = last
        self._returns = returns
        self._ends = ends or loopingcall.LoopingCallDone()
        self._takes = takes

    def __call__(self, *args: Any, **kw: Any) -> Any:
        self.began.append(time.monotonic())
        self.arguments.append((args, kw))
        if self._takes:
            time.sleep(self._takes)
        if len(self.began) == self._last:
            raise self._ends
        return self._returns

    @property
    def duration(self) -> float:
        return self.began[-1] - self.began[0]


def fixed(function: Any, **options: Any) -> loopingcall.LoopingCallBase:
    loop = loopingcall.FixedIntervalLoopingCall(function)
    loop.start(0.01, **options)
    return loop


def dynamic(function: Any, **options: Any) -> loopingcall.LoopingCallBase:
    loop = loopingcall.DynamicLoopingCall(function)
    loop.start(**options)
    return loop


both = pytest.mark.parametrize('start', [fixed, dynamic])


def test_names_of_older_releases() -> None:
    """The attributes that callers read are there, and the older name is the same class."""
    loop = loopingcall.LoopingCall(len, 'a', key='b')
    assert isinstance(loop, loopingcall.FixedIntervalLoopingCall)
    assert (loop.f, loop.args, loop.kw, loop.done) == (len, ('a',), {'key': 'b'}, None)
    assert loopingcall.LoopingCallBase().f is None
    assert loopingcall.LoopingCallDone().retvalue is True


@both
def test_function_ends_its_loop(start: Start) -> None:
    """Everybody who waits, on the loop or on what start() returned, gets what it ended with."""
    rounds = Rounds(3, returns=0.01, ends=loopingcall.LoopingCallDone('result'))
    loop = start(rounds)
    assert [loop.wait(), loop.done.wait(), loop.wait()] == ['result'] * 3
    assert len(rounds.began) == 3


@both
def test_arguments_are_passed_in_every_round(start: Start) -> None:
    """Positional ones and those by name."""
    rounds = Rounds(2, returns=0)
    kind = type(start(Rounds(1)))
    loop = kind(rounds, 1, two=2)
    ending = loop.start(0) if kind is loopingcall.FixedIntervalLoopingCall else loop.start()
    assert ending.wait() is True
    assert rounds.arguments == [((1,), {'two': 2})] * 2


@both
def test_failure_ends_the_loop(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """It is raised where somebody waits, and logged, because perhaps nobody does."""
    rounds = Rounds(2, returns=0, ends=KeyError('no such VM'))
    loop = start(rounds)
    for _ in range(2):
        with pytest.raises(KeyError, match='no such VM'):
            loop.wait()
    assert len(rounds.began) == 2
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@both
def test_stopped_while_it_pauses(start: Start) -> None:
    """The loop ends at once, with True, instead of sitting out an initial delay of a minute."""
    rounds = Rounds(1)
    loop = start(rounds, initial_delay=60)
    began = time.monotonic()
    loop.stop()
    assert loop.wait() is True
    assert time.monotonic() - began < 30
    assert not rounds.began


@both
def test_stopped_during_a_round(start: Start) -> None:
    """The round comes to its end, and there is no other."""
    within, go_on = threading.Event(), threading.Event()
    finished = []

    def function() -> float:
        within.set()
        assert go_on.wait(30)
        finished.append(True)
        return 0

    loop = start(function)
    assert within.wait(30)
    loop.stop()
    assert not loop.done.reached
    go_on.set()
    assert loop.wait() is True
    assert finished == [True]


@both
def test_initial_delay(start: Start) -> None:
    """The first round waits for it."""
    rounds = Rounds(1)
    began = time.monotonic()
    start(rounds, initial_delay=0.2).wait()
    assert rounds.began[0] - began >= 0.2


def test_interval_is_from_start_to_start() -> None:
    """What a round takes is part of the interval."""
    rounds = Rounds(3, takes=0.3)
    loopingcall.FixedIntervalLoopingCall(rounds).start(0.4).wait()
    # From the end of one to the start of the next it would be 1.4 seconds.
    assert 0.8 <= rounds.duration < 1.3


def test_round_longer_than_its_interval(caplog: pytest.LogCaptureFixture) -> None:
    """The next one follows at once, after a warning."""
    rounds = Rounds(3, takes=0.4)
    loopingcall.FixedIntervalLoopingCall(rounds).start(0.3).wait()
    # With pauses of an interval it would be 1.4 seconds.
    assert 0.8 <= rounds.duration < 1.3
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


@pytest.mark.parametrize(
    ('asked_for', 'most', 'at_least', 'less_than'),
    [(0.2, None, 0.2, 30), (0.2, 60, 0.2, 30), (60, 0.2, 0.2, 30), (0, None, 0, 30)],
)
def test_function_says_how_long_to_pause(
    asked_for: float, most: float | None, at_least: float, less_than: float
) -> None:
    """The loop pauses for so long, and never longer than the maximum."""
    rounds = Rounds(2, returns=asked_for)
    loopingcall.DynamicLoopingCall(rounds).start(periodic_interval_max=most).wait()
    assert at_least <= rounds.duration < less_than


def test_a_loop_without_pauses_leaves_room_for_others() -> None:
    """Other threads, green ones too, get their turn beside it and can stop it."""
    loop = loopingcall.FixedIntervalLoopingCall(lambda: None)
    loop.start(0)
    beside = threading.Thread(target=loop.stop)
    beside.start()
    assert loop.wait() is True
    beside.join(30)


@both
def test_one_loop_at_a_time(start: Start) -> None:
    """A loop that runs is not started again, one that has ended may be."""
    loop = start(Rounds(1), initial_delay=60)
    again = loop._start
    with pytest.raises(RuntimeError, match='runs already'):
        again(None, lambda *_: 0)
    loop.stop()
    loop.wait()
    assert again(None, lambda *_: 0).wait() is True


def test_waiting_for_a_loop_that_was_never_started() -> None:
    """An error says so, instead of a wait without end."""
    with pytest.raises(RuntimeError, match=r'start\(\)'):
        loopingcall.FixedIntervalLoopingCall(len).wait()
