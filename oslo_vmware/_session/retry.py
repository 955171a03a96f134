"""When to try again: an immutable value, and no sleeping in it.

"May I", "how long" and "sleep" are three things. A :class:`RetryPolicy` answers the first two
for one call; whoever holds it sleeps. :class:`RetryDecorator` is the older way to say the same,
kept for the callers that still use it, with pauses that are exactly what it was told.

The pauses of a policy are shortened by chance: a hundred services that lost the same vCenter at the
same moment would come back at the same moment, too, and again after each pause.
"""

import functools
import random
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Self

from oslo_vmware import _deadline

#: ``api_retry_count`` that never gives up.
UNLIMITED = -1

#: The part of a pause by which chance may shorten it.
JITTER = 0.25

# From the system, because processes that were forked off may share all other chance.
_chance = random.SystemRandom()


class RetryPolicy(NamedTuple):
    """How often a failed call is repeated, and after what pause.

    :ivar limit: repetitions allowed; 0 for none, -1 without end
    :ivar step: seconds by which the longest pause grows with each failure
    :ivar ceiling: seconds that no pause exceeds
    :ivar jitter: the part of a pause by which chance may shorten it
    :ivar failures: failures so far
    :ivar delay: seconds to pause before the next attempt
    """

    limit: int | None
    step: float = 10.0
    ceiling: float = 60.0
    jitter: float = JITTER
    failures: int = 0
    delay: float = 0.0

    def after(self, failure: Exception) -> Self:
        """The policy for the next attempt.

        :raises Exception: the failure itself, when no repetition is left, or no time
        """
        failures = self.failures + 1
        limit = self.limit or 0
        if (limit != UNLIMITED and failures > limit) or not _deadline.remaining():
            raise failure
        longest = min(failures * self.step, self.ceiling)
        delay = longest * (1 - self.jitter * _chance.random())
        return self._replace(failures=failures, delay=_deadline.at_most(delay))


class RetryDecorator:
    """Decorator of older releases: repeats a function that raises certain exceptions.

    Failures are counted per call of the decorated function.

    :param max_retry_count: repetitions allowed; -1 without end
    :param inc_sleep_time: seconds by which the pause grows with each failure
    :param max_sleep_time: seconds that no pause exceeds
    :param exceptions: exception class, or tuple of them, that is worth a repetition
    """

    def __init__(
        self,
        max_retry_count: int = UNLIMITED,
        inc_sleep_time: float = 10,
        max_sleep_time: float = 60,
        exceptions: type[Exception] | tuple[type[Exception], ...] = (),
    ) -> None:
        self._policy = RetryPolicy(max_retry_count, inc_sleep_time, max_sleep_time, jitter=0)
        self._exceptions = exceptions

    def __call__(self, f: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(f)
        def repeated(*args: Any, **kwargs: Any) -> Any:
            retry = self._policy
            while True:
                try:
                    return f(*args, **kwargs)
                except self._exceptions as failure:
                    retry = retry.after(failure)
                time.sleep(retry.delay)

        return repeated
