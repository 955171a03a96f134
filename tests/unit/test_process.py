"""What a process has for itself: made once in each, and asked for without waiting for anybody."""

import copy
import pickle
import threading
import time
from typing import Any

import pytest

from oslo_vmware import _process, api
from oslo_vmware._process import PerProcess


class Processes:
    """Stands for the operating system: tells which process asks."""

    def __init__(self) -> None:
        self.now = 1

    def getpid(self) -> int:
        return self.now


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Processes:
    made = Processes()
    monkeypatch.setattr(_process, 'os', made)
    return made


def test_each_process_makes_its_own(processes: Processes) -> None:
    """Once; and lets go of what its parent had, which is not handed on to its own children."""
    let_go: list[Any] = []
    own: PerProcess[list[int]] = PerProcess(lambda: [processes.now], let_go.append)
    assert own.get() is own.get() == [1]
    assert let_go == []
    processes.now = 2
    assert own.get() is own.get() == [2]
    assert let_go == [[1]]
    processes.now = 1  # a grandchild that was given the number of the first
    assert own.get() == [1]
    assert let_go == [[1], [2]]


def test_nobody_waits_for_a_thread_of_the_parent(processes: Processes) -> None:
    """A thread that was making it at the fork is not there to finish."""
    begun, ended = threading.Event(), threading.Event()
    made: list[int] = []

    def make() -> int:
        if processes.now == 1:
            begun.set()
            ended.wait(20)
        made.append(processes.now)
        return processes.now

    own = PerProcess(make)
    thread = threading.Thread(target=own.get)
    thread.start()
    assert begun.wait(10)
    processes.now = 2
    assert own.get() == 2
    ended.set()
    thread.join(10)


def test_threads_make_one() -> None:
    """All that ask at once get the same, which is made once."""
    made: list[object] = []

    def make() -> object:
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    own = PerProcess(make)
    got: list[object] = []
    threads = [threading.Thread(target=lambda: got.append(own.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert got == made * 8


def test_a_session_is_not_pickled() -> None:
    """It would carry the password along; the error says what to do. Copies in a process work."""
    session = api.VMwareAPISession('host', 'user', 'secret', 0, 1, create_session=False)
    with pytest.raises(TypeError, match='make it there'):
        pickle.dumps(session)
    assert copy.copy(session)._host == 'host'


def test_it_costs_next_to_nothing() -> None:
    """A lookup takes microseconds, beside the hundreds that a call takes."""
    own = PerProcess(object)
    own.get()
    started = time.perf_counter()
    for _ in range(10_000):
        own.get()
    assert (time.perf_counter() - started) / 10_000 < 20e-6
