"""What a process has for itself, though it was forked off with all that another one had.

After a fork two processes have every object, each its own copy, and know nothing of each other. A
socket of the one is a socket of the other, and both read what was meant for one. A lock that a
thread held at that moment is held for ever, because the thread is in the other process only. So
what has such state keeps it in a :class:`PerProcess`, which makes it anew in each process that
asks for it::

    _reading = PerProcess(threading.Lock)
    ...
    with _reading.get():

Processes are told apart by their ids, at each use; that takes less than a microsecond. Hooks that
Python calls after a fork are no way to do it: servers that fork in C do not call them (uWSGI does
if told to), and where green threads run they come too early, while the child still has the event
loop of its parent. No lock is asked to find out, because any may be held.
"""

import os
import threading
from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

T = TypeVar('T')


class PerProcess(Generic[T]):
    """Something that each process makes for itself, when it is first asked for.

    :param make: makes it; no two threads do at once
    :param let_go: called before, in a process that was forked off, with what its parent had
    """

    def __init__(self, make: Callable[[], T], let_go: Callable[[T], None] | None = None) -> None:
        self._make = make
        self._let_go = let_go
        self._made: dict[int, T] = {}
        self._making: dict[int, threading.Lock] = {}

    def get(self) -> T:
        """That of this process."""
        try:
            return self._made[os.getpid()]
        except KeyError:
            return self._get_made(os.getpid())

    @property
    def is_made(self) -> bool:
        """Whether this process has asked for it."""
        return os.getpid() in self._made

    def _get_made(self, process: int) -> T:
        # The lock is of this process as well: to set a default is one step.
        with self._making.setdefault(process, threading.Lock()):
            if process not in self._made:
                for other in [other for other in self._made if other != process]:
                    self._making.pop(other, None)
                    inherited = self._made.pop(other)
                    if self._let_go is not None:
                        self._let_go(inherited)
                self._made[process] = self._make()
            return self._made[process]

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            'a session, and what belongs to one, is not sent to another process: make it there'
        )
