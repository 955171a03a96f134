"""Whose turn it is to ask: a property collector answers one question at a time.

Who asks for what there is now is in a hurry. Who waits for a change may do so for hours, so it is
interrupted, lets those go first that are in a hurry, and goes on waiting.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator

from oslo_vmware import _deadline

#: Seconds until somebody who is in a hurry interrupts once more: the first time may have been too
#: early, before the server heard of the question.
INTERRUPT_SECONDS = 0.5


class Turns:
    """The turns of one process.

    :ivar hurried: how many are in a hurry
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._taken = False
        self.hurried = 0

    @contextlib.contextmanager
    def patient(self, seconds: float) -> Iterator[bool]:
        """Have the turn once nobody else wants it.

        :param seconds: to wait for it; tells whether it came
        """
        with self._condition:
            got = self._condition.wait_for(
                lambda: not (self._taken or self.hurried), _as_locks_take_it(seconds)
            )
            self._taken = self._taken or got
        with self._leaving(got):
            yield got

    @contextlib.contextmanager
    def in_a_hurry(self, interrupt: Callable[[], None]) -> Iterator[bool]:
        """Have the turn next.

        :param interrupt: interrupts who waits for a change, if somebody does
        """
        with self._condition:
            self.hurried += 1
            self._condition.notify_all()
        try:
            got = self._take_at_once()
            while not got and _deadline.remaining():
                interrupt()
                got = self._take_at_once(INTERRUPT_SECONDS)
        finally:
            with self._condition:
                self.hurried -= 1
                self._condition.notify_all()
        with self._leaving(got):
            yield got

    def _take_at_once(self, seconds: float = 0.0) -> bool:
        with self._condition:
            seconds = _deadline.at_most(seconds)
            got = self._condition.wait_for(lambda: not self._taken, seconds)
            self._taken = self._taken or got
        return got

    @contextlib.contextmanager
    def _leaving(self, got: bool) -> Iterator[None]:
        try:
            yield
        finally:
            if got:
                with self._condition:
                    self._taken = False
                    self._condition.notify_all()

    def pause(self, seconds: float) -> None:
        """Let time pass, in one's turn, until somebody is in a hurry."""
        with self._condition:
            self._condition.wait_for(lambda: self.hurried, seconds)


def _as_locks_take_it(seconds: float) -> float | None:
    return seconds if seconds < threading.TIMEOUT_MAX else None
