"""Deadlines: what lies beneath keeps to them, and nobody else does."""

import math
import threading
import time

import pytest

from oslo_vmware import _deadline
from oslo_vmware._session.retry import RetryPolicy


def test_without_one_nothing_is_shortened() -> None:
    """Time-outs stay as they are, also the one that never ends."""
    assert _deadline.remaining() == math.inf
    assert [_deadline.shortened(one) for one in (None, 0.1, 7200.0)] == [None, 0.1, 7200.0]


@pytest.mark.parametrize(
    ('outer', 'inner', 'left'),
    [(5, 50, 5), (50, 5, 5), (5, None, 5), (None, None, math.inf), (1e12, math.inf, math.inf)],
)
def test_the_first_counts(outer: float | None, inner: float | None, left: float) -> None:
    """Of several, and after the inner one the outer one holds again."""
    with _deadline.within(outer):
        with _deadline.within(inner):
            assert _deadline.remaining() == pytest.approx(left, abs=0.5)
        expected = math.inf if outer in (None, 1e12) else outer
        assert _deadline.remaining() == pytest.approx(expected, abs=0.5)
    assert _deadline.remaining() == math.inf


@pytest.mark.parametrize(
    ('seconds', 'expected'), [(None, 5.0), (3600.0, 5.0), (2.0, 2.0)], ids=['none', 'long', 'short']
)
def test_a_time_out_is_shortened(seconds: float | None, expected: float) -> None:
    """To what is left; a shorter one stays."""
    with _deadline.within(5):
        assert _deadline.shortened(seconds) == pytest.approx(expected, abs=0.5)


def test_a_last_look_is_allowed() -> None:
    """When the time is over, a request has a moment all the same."""
    with _deadline.within(0.001):
        time.sleep(0.01)
        assert _deadline.remaining() == 0
        assert _deadline.shortened(60) == _deadline.LAST_REQUEST_SECONDS


def test_another_thread_does_not_see_it() -> None:
    """A deadline belongs to who set it."""
    seen: list[float] = []
    with _deadline.within(5):
        other = threading.Thread(target=lambda: seen.append(_deadline.remaining()))
        other.start()
        other.join(10)
    assert seen == [math.inf]


def test_a_pause_ends_by_it() -> None:
    """A longer one is cut, a shorter one is left alone."""
    assert _deadline.at_most(60) == 60
    with _deadline.within(5):
        assert _deadline.at_most(60) == pytest.approx(5, abs=0.5)
        assert _deadline.at_most(1) == 1


@pytest.mark.parametrize('seconds', [0, 0.05])
def test_a_lock_is_waited_for_no_longer(seconds: float) -> None:
    """One that is held is not to be had; one that is free is, even when the time is over."""
    held, free = threading.Lock(), threading.RLock()
    held.acquire()
    with _deadline.within(seconds):
        started = time.monotonic()
        assert not _deadline.acquired(held)
        assert time.monotonic() - started < 5
        assert _deadline.acquired(free)
    held.release()
    assert _deadline.acquired(held)


def test_nothing_is_repeated_after_it() -> None:
    """A pause ends by the deadline, for a last attempt; what fails then is raised."""
    with _deadline.within(0.2):
        policy = RetryPolicy(-1).after(OSError('once'))
        assert 0 < policy.delay <= 0.2
        time.sleep(policy.delay)
        with pytest.raises(OSError, match='again'):
            policy.after(OSError('again'))
