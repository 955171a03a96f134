"""What is to happen later: one thread, one heap, everything under the world's lock.

Tasks make their steps here. Entries that are due at the same moment run in the order in which
they were asked for. The thread starts with the first entry and ends with
:meth:`Scheduler.stop`; what is still waiting then never runs.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

LOG = logging.getLogger(__name__)


class Scheduler:
    """Runs functions when their time has come.

    :param lock: held while a function runs
    :param errors: gets the exceptions that functions raise
    """

    def __init__(self, lock: threading.RLock, errors: list[Exception]) -> None:
        self._lock = lock
        self._errors = errors
        self._wake = threading.Condition()
        self._heap: list[tuple[float, int, Callable[[], Any]]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def after(self, seconds: float, function: Callable[[], Any]) -> None:
        """Run a function after so many seconds; forgotten once the scheduler has stopped."""
        due = time.monotonic() + seconds
        with self._wake:
            if self._stopped:
                return
            heapq.heappush(self._heap, (due, next(self._order), function))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name='simulator-scheduler', daemon=True
                )
                self._thread.start()
            self._wake.notify()

    def stop(self) -> None:
        """End the thread and wait for it; must not be called with the world's lock held."""
        with self._wake:
            self._stopped = True
            self._heap.clear()
            self._wake.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while (function := self._next()) is not None:
            with self._lock:
                try:
                    function()
                except Exception as error:
                    # One bad entry must not end all the others.
                    self._errors.append(error)
                    LOG.exception('A scheduled action of the simulator failed')

    def _next(self) -> Callable[[], Any] | None:
        """Wait for the next function that is due, or for the end."""
        with self._wake:
            while not self._stopped:
                if not self._heap:
                    self._wake.wait()
                    continue
                due, _order, function = self._heap[0]
                left = due - time.monotonic()
                if left <= 0:
                    heapq.heappop(self._heap)
                    return function
                # A longer wait is an OverflowError.
                self._wake.wait(min(left, threading.TIMEOUT_MAX))
        return None
