"""The time that a transfer may take, and calls that come back in time.

What waits on a socket of ours keeps to the deadline by itself (:mod:`oslo_vmware._deadline`). The
rest hangs where no time-out reaches: an image service, somebody's file on a dead mount, the
resolver of names. So a call of that kind is made in a thread of its own, and who makes it waits for
no longer than there is time. Without a limit it is simply called.

A call that is left behind cannot be ended. Requests that it makes give up by the deadline, and what
it has made when it does come back, such as a lease, is handed to somebody who clears it away.
"""

import contextlib
import contextvars
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from oslo_vmware import _deadline, _request, _wanted
from oslo_vmware._i18n import _

LOG = logging.getLogger(__name__)

T = TypeVar('T')

#: Seconds that giving up may take after the time limit, such as telling the server of it.
GRACE_SECONDS = 3.0


class Timer:
    """The time that a transfer may take.

    :param timeout_secs: seconds from now on; None for no limit but the deadline there is already
    """

    class Timeout(Exception):
        """The time is up."""

    def __init__(self, timeout_secs: float | None) -> None:
        self._timeout_secs = timeout_secs
        seconds = math.inf if timeout_secs is None else timeout_secs
        self._deadline = time.monotonic() + min(seconds, _deadline.remaining())

    def remaining(self) -> float | None:
        """Seconds left, not below zero; None without a limit."""
        return self.until(0.0)

    def until(self, grace: float) -> float | None:
        """Seconds left until so long after the limit, not below zero; None without one."""
        if self._deadline == math.inf:
            return None
        return max(0.0, self._deadline + grace - time.monotonic())

    def check_deadline(self) -> None:
        """Go on if there is time.

        :raises Timer.Timeout: the time is up
        """
        if self.remaining() == 0.0:
            raise self.Timeout(self.text)

    @property
    def text(self) -> str:
        """That the time is up, in words."""
        if self._timeout_secs is None:
            return _('The time limit is reached.')
        return _('The time limit of %s seconds is reached.') % self._timeout_secs


class LeftBehind(Timer.Timeout):
    """The time is up, and a call has not come back: it goes on by itself."""


def in_time(
    timer: Timer,
    function: Callable[[], T],
    late: Callable[[T | None], Any] | None = None,
    grace: float = 0.0,
) -> T:
    """Call a function, and come back when the time is up.

    :param late: called in place of returning if the function comes back too late, with what it
                 returned, or with None if it raised
    :param grace: seconds beyond the time limit, for a function that keeps to it by itself
    :raises Timer.Timeout: the time was up before
    :raises LeftBehind: it has not come back
    """
    seconds = timer.until(grace)
    if seconds is None:
        return function()
    if not seconds:
        raise timer.Timeout(timer.text)
    call = _Call(function, late)
    if call.wait(seconds):
        return call.result()
    raise LeftBehind(timer.text)


class _Call(Generic[T]):
    """A call in a thread of its own, with the caller's context."""

    def __init__(
        self, function: Callable[[], T], late: Callable[[T | None], Any] | None = None
    ) -> None:
        self._function = function
        self._late = late
        self._result: T | None = None
        self._error: BaseException | None = None
        # Who clears up is decided once: the thread, if it comes back too late.
        self._verdict = threading.Lock()
        self._left_behind = False
        # Not join(): with a limit, eventlet's raises its Timeout on Python 3.13.
        self._ended = threading.Event()
        context = contextvars.copy_context()
        threading.Thread(
            target=_request.carried(lambda: context.run(self._run)),
            name='oslo.vmware-call',
            daemon=True,
        ).start()

    def _run(self) -> None:
        try:
            with _wanted.only_while(lambda: not self._left_behind):
                self._result = self._function()
        except BaseException as exc:  # noqa: BLE001 - raised by result(), in the caller's thread
            self._error = exc
        with self._verdict:
            self._ended.set()
        if self._left_behind:
            LOG.info('A call that was left behind came back: %s', self._error or 'it is done')
            if self._late is not None:
                with contextlib.suppress(Exception):
                    self._late(self._result)

    def wait(self, seconds: float) -> bool:
        """Wait for the end; returns False if the call is left behind."""
        try:
            self._ended.wait(seconds)
        finally:
            # Also when the waiting is interrupted.
            with self._verdict:
                self._left_behind = not self._ended.is_set()
        return not self._left_behind

    def result(self) -> T:
        """What the call has returned, or raised."""
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]


def is_logged_out(session: Any) -> bool:
    """Whether the owner of a session has ended it, and with it all that it held."""
    # Stand-ins for a session have no such attribute.
    return getattr(session, '_session_id', '') is None
