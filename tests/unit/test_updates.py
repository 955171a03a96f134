"""Waiters that share one outstanding request, against a service whose updates the test decides."""

import itertools
import queue
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import vim_util
from oslo_vmware._session import updates
from oslo_vmware._session.updates import SharedUpdates

FINAL = 'success'


class Service:
    """A Vim service that tells of changes when the test has it do so."""

    def __init__(self) -> None:
        self.updates: queue.Queue[Any] = queue.Queue()
        self.watched: queue.Queue[Any] = queue.Queue()
        self.asked = threading.Semaphore(0)
        self.calls: list[str] = []
        self.numbers = itertools.count()
        self.client = SimpleNamespace(
            factory=SimpleNamespace(create=lambda name: SimpleNamespace())
        )
        self.service_content = SimpleNamespace(propertyCollector='shared')

    def CreatePropertyCollector(self, collector: Any, skip_op_id: bool) -> str:
        self.calls.append('CreatePropertyCollector')
        return f'own-{next(self.numbers)}'

    def DestroyPropertyCollector(self, collector: Any, skip_op_id: bool) -> None:
        self.calls.append('DestroyPropertyCollector')

    def CreateFilter(
        self, collector: str, spec: Any, partialUpdates: bool, skip_op_id: bool
    ) -> str:
        self.watched.put(spec.objectSet[0].obj.value)
        return 'filter'

    def DestroyPropertyFilter(self, watch: Any, skip_op_id: bool) -> None:
        self.calls.append('DestroyPropertyFilter')

    def WaitForUpdatesEx(self, collector: str, version: str, options: Any, skip_op_id: bool) -> Any:
        self.calls.append('WaitForUpdatesEx')
        self.asked.release()
        update = self.updates.get(timeout=20)
        if isinstance(update, BaseException):
            raise update
        return update

    def tell(self, *ids: str, kind: str = 'modify', value: str = FINAL) -> None:
        """One update about several objects."""
        objects = [
            SimpleNamespace(
                kind=kind,
                obj=SimpleNamespace(value=one),
                changeSet=[SimpleNamespace(name='info.state', val=value)],
            )
            for one in ids
        ]
        self.updates.put(
            SimpleNamespace(version='1', filterSet=[SimpleNamespace(objectSet=objects)])
        )


class Waiters:
    """Threads that pause for tasks, each begun when the one before it waits."""

    def __init__(self, service: Service, shared: SharedUpdates, *ids: str) -> None:
        self.threads = {}
        self.done: queue.Queue[str] = queue.Queue()
        self.shared = shared
        for one in ids:
            thread = threading.Thread(target=self._wait, args=(one,), daemon=True)
            thread.start()
            assert service.watched.get(timeout=10) == one
            while not any(waiter.object_id == one for waiter in shared._waiters):
                time.sleep(0.001)
            self.threads[one] = thread

    def _wait(self, one: str) -> None:
        moref = vim_util.get_moref(one, 'Task')
        self.shared.pause(moref, 'info.state', lambda state: state == FINAL, 0.0)
        self.done.put(one)

    def next(self, count: int = 1) -> set[str]:
        return {self.done.get(timeout=10) for _ in range(count)}


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def shared(service: Service) -> SharedUpdates:
    return SharedUpdates(service, max_wait=15)


def test_the_lead_goes_to_one_who_still_waits(service: Service, shared: SharedUpdates) -> None:
    """One update ends the leader and the next in line: the third takes the lead at once."""
    waiters = Waiters(service, shared, 'a', 'b', 'c')
    service.tell('a', 'b')
    assert waiters.next(2) == {'a', 'b'}
    service.tell('c')
    assert waiters.next() == {'c'}
    assert service.calls.count('WaitForUpdatesEx') == 2


def test_a_follower_ends_while_the_leader_goes_on(service: Service, shared: SharedUpdates) -> None:
    """Each is told what is its own."""
    waiters = Waiters(service, shared, 'a', 'b')
    service.tell('b')
    assert waiters.next() == {'b'}
    service.tell('a', value='running')
    service.tell('a')
    assert waiters.next() == {'a'}


def test_an_object_that_leaves_ends_the_wait(service: Service, shared: SharedUpdates) -> None:
    """There is nothing to wait for any more; the poll will say so."""
    waiters = Waiters(service, shared, 'a')
    service.tell('a', kind='leave')
    assert waiters.next() == {'a'}


def test_trouble_wakes_everybody(service: Service, shared: SharedUpdates) -> None:
    """Nobody waits for a request that has failed, and its collector is cleared away."""
    waiters = Waiters(service, shared, 'a', 'b')
    service.updates.put(OSError('lost'))
    assert waiters.next(2) == {'a', 'b'}
    for thread in waiters.threads.values():
        thread.join(10)
    assert service.calls.count('DestroyPropertyCollector') == 1
    assert service.calls.count('DestroyPropertyFilter') == 2


def test_a_server_that_does_not_wait_is_not_asked_again(
    service: Service, shared: SharedUpdates
) -> None:
    """It would be asked without end; the waiters poll instead."""
    waiters = Waiters(service, shared, 'a')
    service.updates.put(None)
    assert waiters.next() == {'a'}
    shared.pause(vim_util.get_moref('a', 'Task'), 'info.state', lambda state: True, 0.0)
    assert service.calls.count('WaitForUpdatesEx') == 1


def test_a_server_that_waits_for_less_is_asked_again(
    service: Service, shared: SharedUpdates
) -> None:
    """Nothing has changed for as long as it cared to wait; the waiters are told of the end."""
    waiters = Waiters(service, shared, 'a')
    time.sleep(updates.SHORTEST_WAIT + 0.1)
    service.updates.put(None)
    service.asked.acquire(timeout=10)
    assert service.asked.acquire(timeout=10)
    service.tell('a')
    assert waiters.next() == {'a'}
    assert service.calls.count('DestroyPropertyCollector') == 0


def test_an_interruption_hands_over(service: Service, shared: SharedUpdates) -> None:
    """A leader that is interrupted does not take the lead with it."""
    interrupted = threading.Event()

    def lead() -> None:
        with pytest.raises(KeyboardInterrupt):
            shared.pause(vim_util.get_moref('a', 'Task'), 'info.state', bool, 0.0)
        interrupted.set()

    thread = threading.Thread(target=lead)
    thread.start()
    service.asked.acquire(timeout=10)
    service.watched.get(timeout=10)
    waiters = Waiters(service, shared, 'b')
    service.updates.put(KeyboardInterrupt())
    assert interrupted.wait(10)
    thread.join(10)
    service.tell('b')
    assert waiters.next() == {'b'}
