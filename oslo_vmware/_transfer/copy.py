"""A copy between two ends that never waits past its deadline.

An end of ours keeps to the deadline by itself, through the time-outs of its socket. An end that is
not ours (an image service, a pipe, a member of an archive, a file on a dead mount) can hang where
no time-out reaches. So such a source is read by a thread of its own, a few chunks ahead at most;
and to such a sink, if there is a time limit, the copying as a whole is done by another thread.
"""

import contextlib
import queue
import threading
from typing import Any, Protocol

from oslo_vmware._i18n import _
from oslo_vmware._transfer.limit import LeftBehind, Timer, in_time
from oslo_vmware._transfer.stream import CHUNK_SIZE, Bounded

#: Seconds that an end gets to come back from its read or write when the copying has ended.
_JOIN_SECONDS = 0.2


class Source(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> Any: ...


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes, /) -> Any: ...

    def close(self) -> Any: ...


class _ReadAhead:
    """Reads a source in a thread of its own, so that waiting for it can end.

    :param source: read by that thread alone, and closed by it if its last read never returns
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._pieces: queue.Queue[Any] = queue.Queue(2)
        self._given_up = threading.Event()
        # Who closes the source is decided once: its reader, if that comes back too late.
        self._verdict = threading.Lock()
        self._finished = False
        # Not join(): with a limit, eventlet's raises its Timeout on Python 3.13.
        self._ended = threading.Event()
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name='oslo.vmware-source', daemon=True)
        self._thread.start()

    def _run(self) -> None:
        piece: Any = True
        while piece and not self._given_up.is_set():
            try:
                piece = self._source.read(CHUNK_SIZE)
            except BaseException as exc:  # noqa: BLE001 - raised by next(), in the caller's thread
                piece = _Failed(exc)
            self._pieces.put(piece)
            if isinstance(piece, _Failed):
                break
        with self._verdict:
            self._finished = True
        self._ended.set()
        if self._abandoned:
            with contextlib.suppress(Exception):
                self._source.close()

    def next(self, seconds: float | None) -> Any:
        """The next piece, falsy at the end.

        :raises TimeoutError: the source did not give one in time
        """
        try:
            piece = self._pieces.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(_('the source gave nothing for %.1f seconds') % seconds) from None
        if isinstance(piece, _Failed):
            raise piece.error
        return piece

    def stop(self) -> bool:
        """End the thread.

        :returns: False if the source hangs: it is then closed when it comes back, not before
        """
        self._given_up.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self._pieces.get_nowait()
        self._ended.wait(_JOIN_SECONDS)
        with self._verdict:
            self._abandoned = not self._finished
            return self._finished


class _Failed:
    """Stands in the queue for an exception of the source."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Copy:
    """One copy from a source to a sink; closes neither.

    :ivar done: bytes that the sink has taken
    :ivar source_hangs: the source is still in its last read; it is closed when that returns
    :ivar sink_hangs: the sink is still in its last write; it is closed when that returns
    """

    def __init__(self, source: Source, sink: Sink, timer: Timer) -> None:
        self._source = source
        self._sink = sink
        self._timer = timer
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
            if isinstance(self._sink, Bounded):
                self._copy()
            else:
                in_time(self._timer, self._copy, late=self._close_sink, grace=2 * _JOIN_SECONDS)
        except LeftBehind:
            self.sink_hangs = True
            raise
        except Exception as exc:
            try:
                self._timer.check_deadline()
            except Timer.Timeout as timeout:
                raise timeout from exc
            raise

    def _close_sink(self, _result: Any) -> None:
        self._sink.close()

    def _copy(self) -> None:
        if isinstance(self._source, Bounded):
            self._pump(lambda: self._source.read(CHUNK_SIZE))
            return
        ahead = _ReadAhead(self._source)
        try:
            self._pump(lambda: ahead.next(self._timer.remaining()))
        finally:
            self.source_hangs = not ahead.stop()

    def _pump(self, read: Any) -> None:
        while True:
            self._timer.check_deadline()
            data = read()
            if not data:
                return
            self._write(data)
            self.done += len(data)

    def _write(self, data: bytes) -> None:
        taken = self._sink.write(data)
        # Files without a buffer take what they can and say how much that was.
        while type(taken) is int and 0 < taken < len(data):
            data = data[taken:]
            taken = self._sink.write(data)
