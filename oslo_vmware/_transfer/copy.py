"""A copy between two ends that never waits past its deadline.

An end of ours keeps to the deadline by itself, through the time-outs of its socket. An end that is
not ours (an image service, a pipe, a member of an archive, a file on a dead mount) can hang where
no time-out reaches. So, if there is a time limit, the copying as a whole is done by another thread,
and its caller watches the time: the data does not pass from hand to hand for that.

The thread that copies reads and writes in turns, which is the fastest way as long as one of the
ends is ready whenever it is asked. If both take their time, each of them waits while the other is
at work; :class:`Pace` notices that, and the source is then read ahead, a few pieces at most, by a
thread of its own.
"""

import contextlib
import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from oslo_vmware import _request
from oslo_vmware._i18n import _
from oslo_vmware._transfer.limit import Timer, in_time
from oslo_vmware._transfer.progress import Telling
from oslo_vmware._transfer.stream import CHUNK_SIZE, Bounded

#: Seconds that an end gets to come back from its read or write when the copying has ended.
_JOIN_SECONDS = 0.2

#: Bytes that are read ahead, and for one piece more.
_AHEAD_SIZE = 32 * CHUNK_SIZE

#: When it is decided whether to read ahead: after so many bytes, or so many seconds.
_DECISION_SIZE = 64 * CHUNK_SIZE
_DECISION_SECONDS = 0.5

#: The part of the time that the faster end needs at least for reading ahead to be worth it.
_WORTH = 0.2

#: What is measured with; tests have their own.
_clock = time.perf_counter


class Source(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> Any: ...


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes, /) -> Any: ...

    def close(self) -> Any: ...


class Pace:
    """Tells whether both ends of a copy take their time."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._size = 0
        self._reading = 0.0
        self._writing = 0.0

    def is_held_up(self, size: int, reading: float, writing: float) -> bool:
        """Take note of a piece; returns whether reading ahead is worth it.

        :param reading: seconds that it took to read it
        :param writing: seconds that it took to write it
        """
        self._size += size
        self._reading += reading
        self._writing += writing
        both = self._reading + self._writing
        if self._size < _DECISION_SIZE and both < _DECISION_SECONDS:
            return False
        faster = min(self._reading, self._writing)
        self._begin()
        return faster >= _WORTH * both


class _CalledOff(Exception):
    """The copy goes on in a thread, and nobody wants it any more."""


class _End:
    """An end that may hang while it is called.

    Who closes it is decided once: whoever calls it, if it comes back when it has been given up. An
    end of ours is never left to that, since it can be called off at any time.
    """

    def __init__(self, end: Any) -> None:
        self._end = end
        self.is_ours = isinstance(end, Bounded)
        self._verdict = threading.Lock()
        self._is_inside = False
        self._is_given_up = False

    def call(self, function: Callable[[Any], Any], argument: Any) -> Any:
        """Call a method of it."""
        with self._verdict:
            if self._is_given_up:
                raise _CalledOff
            self._is_inside = True
        try:
            return function(argument)
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._verdict:
            self._is_inside = False
            is_late = self._is_given_up
        if is_late and not self.is_ours:
            with contextlib.suppress(Exception):
                self._end.close()

    def give_up(self) -> bool:
        """Let it be called no more; returns whether it hangs: then it is closed when it returns."""
        with self._verdict:
            self._is_given_up = True
            return self._is_inside and not self.is_ours


class _ReadAhead:
    """Reads pieces in a thread of its own.

    Both threads use a deque without a lock, and wake each other only when one of them waits:
    to pass a lock to and fro for each piece would cost more than the piece.

    :param read: gives the next piece; called by that thread alone, in the context of the caller
    """

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read
        self._pieces: deque[Any] = deque()
        self._come = 0
        self._gone = 0
        self._is_stopped = False
        self._is_awaited = False
        self._is_full = False
        self._changed = threading.Condition()
        # Not join(): with a limit, eventlet's raises its Timeout on Python 3.13.
        self._ended = threading.Event()
        context = contextvars.copy_context()
        threading.Thread(
            target=_request.carried(lambda: context.run(self._run)),
            name='oslo.vmware-source',
            daemon=True,
        ).start()

    def _run(self) -> None:
        piece: Any = True
        while piece and not isinstance(piece, _Failed) and self._has_room():
            try:
                piece = self._read()
            except BaseException as exc:  # noqa: BLE001 - raised by next(), in the caller's thread
                piece = _Failed(exc)
            self._come += len(piece)
            self._pieces.append(piece)
            if self._is_awaited:
                self._wake()
        self._ended.set()

    def _has_room(self) -> bool:
        """Wait until another piece may be read; False if none is wanted."""
        if self._come - self._gone >= _AHEAD_SIZE:
            with self._changed:
                self._is_full = True
                self._changed.wait_for(lambda: self._is_stopped or self._is_half_empty())
                self._is_full = False
        return not self._is_stopped

    def _is_half_empty(self) -> bool:
        return self._come - self._gone < _AHEAD_SIZE // 2

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def next(self, seconds: float | None) -> Any:
        """The next piece, falsy at the end.

        :raises TimeoutError: the source did not give one in time
        """
        if not self._pieces:
            with self._changed:
                self._is_awaited = True
                has_come = self._changed.wait_for(lambda: self._pieces, seconds)
                self._is_awaited = False
            if not has_come:
                raise TimeoutError(_('the source gave nothing for %.1f seconds') % (seconds or 0))
        piece = self._pieces.popleft()
        self._gone += len(piece)
        if self._is_full and self._is_half_empty():
            self._wake()
        if isinstance(piece, _Failed):
            raise piece.error
        return piece

    def stop(self) -> None:
        """End the thread, unless the source hangs."""
        self._is_stopped = True
        self._wake()
        self._ended.wait(_JOIN_SECONDS)


class _Failed:
    """Stands among the pieces for an exception of the source."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __len__(self) -> int:
        return 0


class Copy:
    """One copy from a source to a sink; closes neither.

    :param telling: what is told how far it is
    :ivar done: bytes that the sink has taken
    :ivar source_hangs: the source is still in its last read; it is closed when that returns
    :ivar sink_hangs: the sink is still in its last write; it is closed when that returns
    """

    def __init__(
        self, source: Source, sink: Sink, timer: Timer, telling: Telling | None = None
    ) -> None:
        self._reader = source.read
        self._writer = sink.write
        self._source = _End(source)
        self._sink = _End(sink)
        self._timer = timer
        self._telling = telling
        self.done = 0
        self.source_hangs = False
        self.sink_hangs = False
        for end in (source, sink):
            if isinstance(end, Bounded):
                end.bind(timer)

    def run(self) -> None:
        """Copy until the source gives something falsy.

        :raises Timer.Timeout: the time is up
        """
        try:
            # A callback for the progress is not ours, either.
            if self._source.is_ours and self._sink.is_ours and self._telling is None:
                self._copy()
            else:
                in_time(self._timer, self._copy, grace=2 * _JOIN_SECONDS)
        except BaseException as exc:
            self.source_hangs = self._source.give_up()
            self.sink_hangs = self._sink.give_up()
            if isinstance(exc, Exception) and not isinstance(exc, Timer.Timeout):
                try:
                    self._timer.check_deadline()
                except Timer.Timeout as timeout:
                    raise timeout from exc
            raise

    def _copy(self) -> None:
        pace = Pace()
        telling = self._telling
        ahead: _ReadAhead | None = None
        try:
            while True:
                self._timer.check_deadline()
                began = _clock()
                data = self._read() if ahead is None else ahead.next(self._timer.remaining())
                if not data:
                    if telling is not None:
                        telling.moved(self.done, ended=True)
                    return
                came = _clock()
                self._write(data)
                self.done += len(data)
                if ahead is None and pace.is_held_up(len(data), came - began, _clock() - came):
                    ahead = _ReadAhead(self._read)
                if telling is not None:
                    telling.moved(self.done)
        finally:
            if ahead is not None:
                ahead.stop()

    def _read(self) -> Any:
        return self._source.call(self._reader, CHUNK_SIZE)

    def _write(self, data: bytes) -> None:
        taken = self._sink.call(self._writer, data)
        # Files without a buffer take what they can and say how much that was.
        while type(taken) is int and 0 < taken < len(data):
            data = data[taken:]
            taken = self._sink.call(self._writer, data)
