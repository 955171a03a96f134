"""Ctrl-C, and what else ends a process, while there is something to clear away.

The first signal ends what is done, and what was made is cleared away, which takes some calls to the
server. The second one only tells so; from the third on that is ended, too.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

#: Of a terminal, of who ends processes, of a terminal that is closed.
_SIGNALS = ('SIGINT', 'SIGTERM', 'SIGHUP')


@contextlib.contextmanager
def orderly(warn: Callable[[str], Any]) -> Iterator[None]:
    """Let signals end what is inside by a KeyboardInterrupt, and not in the middle of its end.

    Signals that somebody else handles, or ignores, are left alone.
    """
    count = 0

    def hear(number: int, frame: Any) -> None:
        nonlocal count
        count += 1
        if count != 2:
            raise KeyboardInterrupt
        # It may come while something else is being written.
        with contextlib.suppress(RuntimeError):
            warn('What there is of it is being cleared away; once more ends that, too.')

    before = {}
    for name in _SIGNALS if threading.current_thread() is threading.main_thread() else ():
        number = getattr(signal, name, None)
        usual = (signal.SIG_DFL, signal.default_int_handler)
        if number is not None and signal.getsignal(number) in usual:
            before[number] = signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
