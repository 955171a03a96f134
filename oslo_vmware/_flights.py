"""One asks, and the others who want to know the same wait for the answer.

The first to ask for something is its pilot, and asks in its own thread. Who comes while it is under
way gets what it brings: the value, or a copy of the exception if the server gave none. Nothing is
kept here once it has landed.
"""

import copy
import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from oslo_vmware import exceptions
from oslo_vmware._process import PerProcess

T = TypeVar('T')


class _Flight:
    """One question under way."""

    def __init__(self) -> None:
        self.pilot = threading.get_ident()
        self.landed = threading.Event()
        #: One of them once it has landed; neither, if its pilot was stopped on the way.
        self.value: tuple[Any] | None = None
        self.failure: exceptions.VMwareDriverException | None = None


class _Airspace:
    """The flights of one process: a pilot that was forked off flies in its own only."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.under_way: dict[Hashable, _Flight] = {}


class Flights:
    """Questions that are under way."""

    def __init__(self) -> None:
        self._own = PerProcess(_Airspace)

    def join(self, key: Hashable, ask: Callable[[], T]) -> T:
        """The answer to a question: that of who asks already, or one's own.

        :param key: what the question is
        :param ask: asks it
        :raises VMwareDriverException: what asking raised
        """
        own = self._own.get()
        while True:
            with own.lock:
                flight = own.under_way.get(key)
                if flight is None:
                    mine = own.under_way[key] = _Flight()
            if flight is None:
                return _fly(own, key, mine, ask)
            if flight.pilot == threading.get_ident():
                # Asked while asking, as by what a subclass of the session does at a login.
                return ask()
            flight.landed.wait()
            if flight.failure is not None:
                raise copy.copy(flight.failure)
            if flight.value is not None:
                (value,) = flight.value
                return value  # type: ignore[no-any-return]


def _fly(own: _Airspace, key: Hashable, flight: _Flight, ask: Callable[[], T]) -> T:
    try:
        value = ask()
    except exceptions.VMwareDriverException as exc:
        # A copy, whose traceback does not hold on to all the variables of this thread.
        flight.failure = copy.copy(exc)
        raise
    else:
        flight.value = (value,)
        return value
    finally:
        with own.lock:
            del own.under_way[key]
        flight.landed.set()
