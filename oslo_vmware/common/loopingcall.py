"""Functions called again and again in the background, as older releases offered them.

A loop is one thread, which eventlet turns into a green thread where it has patched the process.
The thread calls the function, asks how long to pause, pauses, and so on, until one of three
things ends it: the function raises :class:`LoopingCallDone`, it raises something else, or
somebody calls ``stop()``. What ended the loop is kept, for whoever waits and whenever they do.

The pause is a wait for ``stop()``, so a loop that pauses when it is stopped ends at once.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = [
    'DynamicLoopingCall',
    'FixedIntervalLoopingCall',
    'LoopingCall',
    'LoopingCallBase',
    'LoopingCallDone',
]

LOG = logging.getLogger(__name__)


class LoopingCallDone(Exception):
    """Raised by the function of a loop to end it.

    :param retvalue: what ``wait()`` is to return
    """

    def __init__(self, retvalue: Any = True) -> None:
        super().__init__(retvalue)
        self.retvalue = retvalue


class _Ending:
    """How a loop ended, once it has."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None

    @property
    def reached(self) -> bool:
        return self._reached.is_set()

    def set(self, value: Any, error: BaseException | None = None) -> None:
        self._value = value
        self._error = error
        self._reached.set()

    def wait(self) -> Any:
        """Wait for the end of the loop.

        :returns: ``retvalue`` of :class:`LoopingCallDone`; True after ``stop()``
        :raises Exception: what the function raised otherwise
        """
        self._reached.wait()
        if self._error is not None:
            raise self._error
        return self._value


class LoopingCallBase:
    """What the loops have in common.

    :param f: function to call
    :param args: its arguments
    :param kw: its keyword arguments
    :ivar done: has ``wait()``; None before the start
    """

    def __init__(self, f: Callable[..., Any] | None = None, *args: Any, **kw: Any) -> None:
        self.f: Any = f
        self.args = args
        self.kw = kw
        self.done: _Ending | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let the loop end: after the round that is under way, or else at once."""
        self._stopped.set()

    def wait(self) -> Any:
        """Wait for the end of the loop.

        :returns: ``retvalue`` of :class:`LoopingCallDone`; True after ``stop()``
        :raises Exception: what the function raised otherwise
        :raises RuntimeError: the loop was never started
        """
        if self.done is None:
            raise RuntimeError('There is nothing to wait for yet: call start() first.')
        return self.done.wait()

    def _start(
        self, initial_delay: float | None, pause_after: Callable[[Any, float], float]
    ) -> _Ending:
        """Start the loop.

        :param initial_delay: seconds before the first round
        :param pause_after: tells the seconds until the next round from what the function returned
            and how many seconds it took
        """
        if self.done is not None and not self.done.reached:
            raise RuntimeError('The loop runs already: stop it and wait() before another start().')
        self._stopped = threading.Event()
        self.done = _Ending()
        threading.Thread(
            target=self._run,
            args=(initial_delay, pause_after, self._stopped, self.done),
            name=f'loop-{getattr(self.f, "__name__", "function")}',
            # The process must be able to end while a loop runs that nobody stopped.
            daemon=True,
        ).start()
        return self.done

    def _run(
        self,
        initial_delay: float | None,
        pause_after: Callable[[Any, float], float],
        stopped: threading.Event,
        ending: _Ending,
    ) -> None:
        try:
            if initial_delay:
                stopped.wait(initial_delay)
            while not stopped.is_set():
                began = time.monotonic()
                returned = self.f(*self.args, **self.kw)
                if stopped.is_set():
                    break
                pause = pause_after(returned, time.monotonic() - began)
                if pause > 0:
                    stopped.wait(pause)
                else:
                    # Waiting for no time doesn't let other green threads run; this does.
                    time.sleep(0)
            ending.set(True)
        except LoopingCallDone as done:
            ending.set(done.retvalue)
        except BaseException as error:  # raised in wait(), whatever it is
            LOG.exception('A loop ended, because its function %r failed', self.f)
            ending.set(None, error)


class FixedIntervalLoopingCall(LoopingCallBase):
    """Calls a function every so many seconds."""

    def start(self, interval: float, initial_delay: float | None = None) -> _Ending:
        """Start the loop.

        :param interval: seconds from the start of one round to the start of the next. A round
            that takes longer is followed at once by the next one.
        :param initial_delay: seconds before the first round
        :returns: object whose ``wait()`` waits for the end of the loop
        """

        def rest(_returned: Any, taken: float) -> float:
            if taken > interval:
                LOG.warning(
                    'A round of %r took %.2f s, longer than its interval of %.2f s',
                    self.f,
                    taken,
                    interval,
                )
            return interval - taken

        return self._start(initial_delay, rest)


#: The older name.
LoopingCall = FixedIntervalLoopingCall


class DynamicLoopingCall(LoopingCallBase):
    """Calls a function that tells after how many seconds it wants to be called again."""

    def start(
        self, initial_delay: float | None = None, periodic_interval_max: float | None = None
    ) -> _Ending:
        """Start the loop.

        :param initial_delay: seconds before the first round
        :param periodic_interval_max: seconds that no pause exceeds, whatever the function says
        :returns: object whose ``wait()`` waits for the end of the loop
        """

        def asked_for(seconds: float, _taken: float) -> float:
            if periodic_interval_max is None:
                return seconds
            return min(seconds, periodic_interval_max)

        return self._start(initial_delay, asked_for)
