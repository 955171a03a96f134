"""A copy keeps its data in one hand, unless both of its ends take their time."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oslo_vmware._transfer import copy
from oslo_vmware._transfer.limit import Timer

CHUNK = 65536
MIB = 1 << 20
ENOUGH = copy._DECISION_SIZE + 8 * CHUNK

#: Seconds to read a chunk, seconds to write one, whether to read ahead.
PACES = {
    'both are slow': (0.002, 0.001, True),
    'both are slow, and one more so': (0.0025, 0.01, True),
    'both are fast, and alike': (1e-5, 1e-5, True),
    'the source is fast': (0.0002, 0.001, False),
    'the sink is fast': (0.01, 0.0001, False),
    'neither takes any time': (0.0, 0.001, False),
    'both crawl': (2.0, 1.0, True),
    'only the source crawls': (2.0, 0.01, False),
}


class Clock:
    """Time that passes when an end says so, in whatever thread it is called."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Ends:
    """A source and a sink, in one."""

    def __init__(self, clock: Clock, pieces: list[Any], reading: float, writing: float) -> None:
        self._clock = clock
        self._pieces: Iterator[Any] = iter(pieces)
        self._reading = reading
        self._writing = writing
        self.asked: set[int] = set()
        self.readers: set[threading.Thread] = set()
        self.writers: set[threading.Thread] = set()
        self.read_bytes = 0
        self.ahead = 0
        self.written: list[Any] = []
        self.done = 0
        self.closed = 0

    def read(self, size: int) -> Any:
        self.asked.add(size)
        self.readers.add(threading.current_thread())
        self._clock.now += self._reading
        piece = next(self._pieces, b'')
        if isinstance(piece, BaseException):
            raise piece
        if callable(piece):
            piece = piece()
        self.read_bytes += len(piece)
        self.ahead = max(self.ahead, self.read_bytes - self.done)
        return piece

    def write(self, data: Any) -> None:
        self.writers.add(threading.current_thread())
        self._clock.now += self._writing
        self.written.append(data)
        self.done += len(data)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ends]:
    clock = Clock()
    monkeypatch.setattr(copy, '_clock', clock)
    return lambda *args: Ends(clock, *args)


def copied(ends: Any, sink: Any = None, seconds: float | None = None) -> copy.Copy:
    made = copy.Copy(ends, sink or ends, Timer(seconds))
    made.run()
    return made


@pytest.mark.parametrize('seconds', [None, 30])
@pytest.mark.parametrize('case', PACES)
def test_who_reads(ends: Any, case: str, seconds: float | None) -> None:
    """A second thread reads if both ends take their time, and else the one that writes."""
    reading, writing, ahead = PACES[case]
    both = ends([bytes(CHUNK)] * (ENOUGH // CHUNK), reading, writing)
    assert copied(both, seconds=seconds).done == ENOUGH
    assert (len(both.writers), len(both.readers)) == (1, 2 if ahead else 1)
    assert both.writers <= both.readers
    assert both.asked == {CHUNK}
    assert (threading.current_thread() in both.writers) == (seconds is None)


def test_what_is_short_is_read_by_who_writes_it(ends: Any) -> None:
    """Nothing is decided from a few pieces."""
    both = ends([bytes(CHUNK)] * 20, 0.001, 0.001)
    copied(both)
    assert both.readers == both.writers


def test_ends_that_become_slow(ends: Any) -> None:
    """It is asked again and again, and not of all the time there was."""
    both = ends([bytes(CHUNK)] * (4 * ENOUGH // CHUNK), 1e-5, 0.001)

    def slow_down() -> bytes:
        both._reading = 0.001
        return bytes(CHUNK)

    both._pieces = iter([bytes(CHUNK)] * 200 + [slow_down] + [bytes(CHUNK)] * 200)
    copied(both)
    assert len(both.readers) == 2


PIECES = {
    'bytes': b'abc',
    'a view': memoryview(b'abcdef'),
    'an array': bytearray(b'abc'),
    'one byte': b'x',
    'more than was asked for': bytes(3 * MIB),
}


@pytest.mark.parametrize('reading', [0.0, 0.01])
@pytest.mark.parametrize('kind', PIECES)
def test_pieces_of_any_kind(ends: Any, kind: str, reading: float) -> None:
    """They are written as they come, whoever reads them."""
    given = [bytes(CHUNK)] * (ENOUGH // CHUNK) + [PIECES[kind]] * 20
    both = ends(given, reading, 0.01)
    done = copied(both).done
    assert both.written == given
    assert done == sum(map(len, given))


def test_what_is_read_ahead_is_bounded(ends: Any) -> None:
    """A source that is much faster than its sink does not fill the memory."""
    both = ends([bytes(CHUNK)] * 2000, 0.01, 0.01)
    copied(both)
    assert len(both.readers) == 2
    assert both.ahead <= copy._AHEAD_SIZE + 2 * CHUNK


@pytest.mark.parametrize('seconds', [None, 30])
@pytest.mark.parametrize('reading', [0.0, 0.01])
def test_a_source_that_fails(ends: Any, reading: float, seconds: float | None) -> None:
    """Its own exception is raised, after what came before was written; nobody hangs."""
    both = ends([bytes(CHUNK)] * (ENOUGH // CHUNK) + [OSError('gone')], reading, 0.01)
    made = copy.Copy(both, both, Timer(seconds))
    with pytest.raises(OSError, match='gone'):
        made.run()
    assert (made.done, made.source_hangs, made.sink_hangs) == (ENOUGH, False, False)


class Stuck:
    """Holds whoever calls it until it is let go; has the bytes afterwards."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.released = threading.Event()

    def __call__(self) -> bytes:
        self.entered.set()
        self.released.wait(30)
        return b'late'


@pytest.mark.parametrize('reading', [0.0, 0.01])
def test_a_source_that_hangs(ends: Any, reading: float) -> None:
    """It is left behind, whoever reads it, closed when it returns, and what it gives is dropped."""
    stuck = Stuck()
    both = ends([bytes(CHUNK)] * (ENOUGH // CHUNK) + [stuck, b'more'], reading, 0.01)
    sink = ends([], 0.0, 0.01)
    made = copy.Copy(both, sink, Timer(0.2))
    with pytest.raises(Timer.Timeout):
        made.run()
    assert (made.source_hangs, made.sink_hangs, both.closed) == (True, False, 0)
    stuck.released.set()
    for thread in both.readers:
        thread.join(10)
    assert (both.closed, sink.done) == (1, ENOUGH)


@pytest.mark.parametrize('reading', [0.0, 0.01])
def test_a_sink_that_hangs(ends: Any, reading: float) -> None:
    """It is left behind with what it has; the source is free, and read no more."""
    stuck = Stuck()
    source = ends([bytes(CHUNK)] * 500, reading, 0.0)
    sink = ends([], 0.0, 0.01)

    class Sink:
        def write(self, data: bytes) -> None:
            sink.write(data)
            if sink.done >= ENOUGH:
                stuck()

        def close(self) -> None:
            sink.close()

    made = copy.Copy(source, Sink(), Timer(0.3))
    with pytest.raises(Timer.Timeout):
        made.run()
    assert (made.source_hangs, made.sink_hangs, sink.closed) == (False, True, 0)
    read = source.read_bytes
    stuck.released.set()
    for thread in source.readers | sink.writers:
        thread.join(10)
    assert (sink.closed, sink.done, source.read_bytes) == (1, ENOUGH, read)


def test_a_caller_that_is_interrupted(ends: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read or written on its behalf from then on."""
    stuck = Stuck()
    both = ends([b'first', stuck, b'more'], 0.0, 0.0)

    def interrupted(*args: Any, **kwargs: Any) -> bool:
        assert stuck.entered.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr('oslo_vmware._transfer.limit._Call.wait', interrupted)
    made = copy.Copy(both, both, Timer(30))
    with pytest.raises(KeyboardInterrupt):
        made.run()
    assert made.source_hangs
    stuck.released.set()
    for thread in both.readers:
        thread.join(10)
    assert (both.written, both.closed) == ([b'first'], 1)
