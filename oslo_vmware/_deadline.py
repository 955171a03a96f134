"""By when something is to be over: whoever waits for so long and no longer says so here.

``with within(seconds):`` holds for all that is done inside, however deep: a request waits for its
answer for no longer than until then, and whoever pauses asks how long it may. So nothing that lies
between has to hand a number down, users' own code in between included. What comes of it when the
time is over is for whoever set the deadline to say.

A deadline belongs to its thread, or green thread; another thread does not see it. Outside of any
there is none, and nothing is shortened.
"""

import contextlib
import math
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

#: Seconds that a request has in any case: one that begins when the time is over is a last look.
LAST_REQUEST_SECONDS = 1.0

_deadline: ContextVar[float] = ContextVar('deadline', default=math.inf)


@contextlib.contextmanager
def within(seconds: float | None) -> Iterator[None]:
    """What is done inside is to be over in time. Of several deadlines the first one counts.

    :param seconds: from now on; None for no deadline but those around
    """
    at = math.inf
    # What no lock can wait for is for ever.
    if seconds is not None and seconds < threading.TIMEOUT_MAX:
        at = time.monotonic() + seconds
    token = _deadline.set(min(at, _deadline.get()))
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining() -> float:
    """Seconds until the deadline, none too many; infinite where there is none."""
    return until(0.0)


def until(grace: float) -> float:
    """Seconds until so long after the deadline, none too many; infinite where there is none."""
    at = _deadline.get()
    return at if at == math.inf else max(0.0, at + grace - time.monotonic())


def at_most(seconds: float) -> float:
    """A pause that ends by the deadline.

    :param seconds: pause without a deadline
    """
    return min(seconds, remaining())


def acquired(lock: Any) -> bool:
    """Acquire a lock, if it is to be had by the deadline.

    :param lock: of ``threading``
    """
    left = remaining()
    got: bool = lock.acquire() if left == math.inf else lock.acquire(timeout=left)
    return got


def shortened(seconds: float | None) -> float | None:
    """A request's time-out that ends by the deadline.

    :param seconds: time-out without a deadline; None for without end
    """
    at = _deadline.get()
    if at == math.inf:
        return seconds
    left = max(at - time.monotonic(), LAST_REQUEST_SECONDS)
    return left if seconds is None else min(seconds, left)
