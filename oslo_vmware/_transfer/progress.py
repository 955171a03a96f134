"""Telling a caller how far a transfer is, with a callback of the caller's own.

The callback is given the bytes that were moved and the bytes that there are to be, or None while
nobody knows. It is called after each block, never with less than before, and at the end with the
same number twice. What the callback raises calls the transfer off, and reaches the caller as it is:
for that it is remembered here, since image services and the like make what they want of errors.
"""

from collections.abc import Callable
from typing import Any

#: Is given bytes done, and bytes in total or None.
Callback = Callable[[int, int | None], Any]


class Telling:
    """What a callback is told of one transfer.

    :param callback: what to call
    :param total: bytes that there are to be; None if nobody knows before the end
    :ivar objection: what the callback has raised
    """

    def __init__(self, callback: Callback, total: int | None) -> None:
        self._callback = callback
        self._total = total
        self._last: tuple[int, int | None] | None = None
        self.objection: BaseException | None = None

    def moved(self, done: int, ended: bool = False) -> None:
        """Tell how many bytes were moved, unless that was told.

        :param ended: whether there are no more
        """
        if self._last is not None:
            # A server may forget how far a task is.
            done = max(done, self._last[0])
        total = done if ended and self._total is None else self._total
        if self._last == (done, total):
            return
        self._last = done, total
        try:
            self._callback(done, total)
        except BaseException as exc:
            self.objection = exc
            raise


def telling(callback: Callback | None, total: int | None) -> Telling | None:
    """What tells a callback; None without one, so that there is nothing to do for a block."""
    return None if callback is None else Telling(callback, total)
