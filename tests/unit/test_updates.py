"""Waiters that share one outstanding request, against a service whose updates the test decides."""

import contextlib
import itertools
import queue
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import _deadline, exceptions, vim_util
from oslo_vmware._session import updates
from oslo_vmware._session.updates import SharedUpdates
from oslo_vmware._session.wait import LEASE, TASK

LONG_AGO = '2026-01-01T00:00:00Z'


class Reply(SimpleNamespace):
    """An object of a reply, or an empty one to fill in: it gives its members, as suds' do."""

    def __iter__(self) -> Any:
        return iter(list(vars(self).items()))


def fault(name: str, **details: str) -> exceptions.VimFaultException:
    return exceptions.VimFaultException([name], 'refused', details=details)


class Service:
    """A Vim service that tells of changes when the test has it do so.

    :ivar troubles: what operations raise instead of answering
    """

    def __init__(self) -> None:
        self.updates: queue.Queue[Any] = queue.Queue()
        self.watched: queue.Queue[str] = queue.Queue()
        self.asked = threading.Semaphore(0)
        self.calls: list[str] = []
        self.removed: list[str] = []
        self.troubles: dict[str, Exception] = {}
        self.unknown: set[str] = set()
        self.numbers = itertools.count()
        self.client = SimpleNamespace(factory=SimpleNamespace(create=lambda name: Reply()))
        self.service_content = SimpleNamespace(propertyCollector='shared', viewManager='views')

    def _note(self, operation: str) -> None:
        self.calls.append(operation)
        if operation in self.troubles:
            raise self.troubles[operation]

    def CreatePropertyCollector(self, collector: Any, skip_op_id: bool) -> str:
        self._note('CreatePropertyCollector')
        return f'own-{next(self.numbers)}'

    def DestroyPropertyCollector(self, collector: Any, skip_op_id: bool) -> None:
        self._note('DestroyPropertyCollector')

    def DestroyView(self, view: Any, skip_op_id: bool) -> None:
        self._note('DestroyView')

    def CreateListView(self, manager: Any, obj: list[Any], skip_op_id: bool) -> str:
        assert manager == 'views'
        self._note('CreateListView')
        self._watch(obj)
        return 'view'

    def ModifyListView(
        self, view: str, add: list[Any], remove: list[Any], skip_op_id: bool
    ) -> list[Any]:
        self._note('ModifyListView')
        self.removed += [one.value for one in remove]
        self._watch(add)
        return [one for one in add if one.value in self.unknown]

    def _watch(self, objects: list[Any]) -> None:
        for one in objects:
            self.watched.put(one.value)

    def CreateFilter(
        self, collector: str, spec: Any, partialUpdates: bool, skip_op_id: bool
    ) -> str:
        self._note('CreateFilter')
        start = spec.objectSet[0].obj
        if start != 'view':
            self.watched.put(start.value)
        return f'filter-{next(self.numbers)}'

    def DestroyPropertyFilter(self, watch: Any, skip_op_id: bool) -> None:
        self._note('DestroyPropertyFilter')

    def WaitForUpdatesEx(self, collector: str, version: str, options: Any, skip_op_id: bool) -> Any:
        if not version:
            assert options.maxWaitSeconds == 0
            return self.updates.get(timeout=20)
        self._note('WaitForUpdatesEx')
        self.asked.release()
        update = self.updates.get(timeout=20)
        if isinstance(update, BaseException):
            raise update
        return update

    def tell(self, *ids: str, kind: str = 'modify', **told: Any) -> None:
        """One update about several objects; by default that they have succeeded."""
        told = told or {'state': 'success', 'completeTime': LONG_AGO}
        objects = [
            Reply(
                kind=kind,
                obj=Reply(value=one),
                changeSet=[Reply(name=f'info.{name}', val=val) for name, val in told.items()],
            )
            for one in ids
        ]
        self.updates.put(Reply(version='1', filterSet=[Reply(objectSet=objects)]))

    def run(self, *ids: str) -> None:
        """One update with tasks that it tells of for the first time."""
        self.tell(*ids, kind='enter', key='k', state='running')


class Waiters:
    """Threads that wait for tasks, each begun when the one before it waits."""

    def __init__(self, service: Service, shared: SharedUpdates, *ids: str) -> None:
        self.threads: dict[str, threading.Thread] = {}
        self.done: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.shared = shared
        self.service = service
        for one in ids:
            self.begin(one)

    def begin(self, one: str) -> None:
        """Begin to wait for a task that is running, and is joined and told of."""
        is_first = self.shared._collector is None
        if is_first:
            self.service.run(one)
        self.threads[one] = threading.Thread(target=self._wait, args=(one,), daemon=True)
        self.threads[one].start()
        assert self.service.watched.get(timeout=10) == one
        if not is_first:
            self.service.run(one)
        wait_until(lambda: one in self.shared._watched and self.shared._watched[one].told)
        wait_until(lambda: self.shared._leader is not None)

    def _wait(self, one: str) -> None:
        self.done.put((one, self.shared.final(task(one), TASK)))

    def next(self, count: int = 1) -> set[str]:
        """Who is done."""
        return set(self.values(count))

    def values(self, count: int) -> dict[str, Any]:
        return dict(self.done.get(timeout=10) for _ in range(count))


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def task(one: str) -> Any:
    return vim_util.get_moref(one, 'Task')


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
    asked = service.calls.count('WaitForUpdatesEx')
    service.tell('c')
    assert waiters.next() == {'c'}
    assert service.calls.count('WaitForUpdatesEx') <= asked + 1


def test_a_follower_ends_while_the_leader_goes_on(service: Service, shared: SharedUpdates) -> None:
    """Each is told what is its own."""
    waiters = Waiters(service, shared, 'a', 'b')
    service.tell('b')
    assert waiters.next() == {'b'}
    service.tell('a', state='running')
    service.tell('a')
    assert waiters.next() == {'a'}


def test_the_value_is_made_of_what_was_told(service: Service, shared: SharedUpdates) -> None:
    """Of the first update what stays, of the last one the rest; what was taken back is gone."""
    waiters = Waiters(service, shared, 'a')
    service.tell('a', startTime='then', cancelable=True)
    service.tell('a', state='success', result='r', completeTime=LONG_AGO, cancelable=None)
    (info,) = waiters.values(1).values()
    assert list(info) == [
        ('key', 'k'),
        ('state', 'success'),
        ('result', 'r'),
        ('startTime', 'then'),
        ('completeTime', LONG_AGO),
    ]


@pytest.mark.parametrize(
    'told',
    [
        {'state': 'success', 'result': 'r'},
        {'state': 'error', 'completeTime': LONG_AGO},
        {'state': None},
        {'state': 'no state that we know'},
    ],
    ids=['no time', 'no error', 'no state', 'another state'],
)
def test_what_is_not_whole_is_looked_for(
    service: Service, shared: SharedUpdates, told: dict[str, Any]
) -> None:
    """An end that lacks what an end has ends the wait without a value."""
    waiters = Waiters(service, shared, 'a')
    service.tell('a', **told)
    assert waiters.values(1) == {'a': None}


def test_an_object_that_leaves_ends_the_wait(service: Service, shared: SharedUpdates) -> None:
    """There is nothing to wait for any more; the poll will say so."""
    waiters = Waiters(service, shared, 'a')
    service.tell('a', kind='leave')
    assert waiters.values(1) == {'a': None}


def test_two_wait_for_the_same(service: Service, shared: SharedUpdates) -> None:
    """It is watched once, and each gets a value of its own, with all that is in it."""
    waiters = Waiters(service, shared, 'a')
    values: queue.Queue[Any] = queue.Queue()
    other = threading.Thread(target=lambda: values.put(shared.final(task('a'), TASK)))
    other.start()
    wait_until(lambda: len(shared._watched['a'].waiters) == 2)
    vm = vim_util.get_moref('vm-1', 'VirtualMachine')
    service.tell('a', state='success', completeTime=LONG_AGO, result=vm)
    other.join(10)
    value, other_value = waiters.values(1)['a'], values.get_nowait()
    assert (value.key, value.state) == (other_value.key, other_value.state)
    value.result.value = 'vm-2'
    assert (other_value.result.value, vm.value) == ('vm-1', 'vm-1')
    # And no more: what suds notes of an object may lead to all of a description.
    assert other_value.result.__metadata__ is vm.__metadata__
    assert service.calls.count('CreateListView') == 1
    assert service.calls.count('ModifyListView') == 0


def test_an_end_that_is_known(service: Service, shared: SharedUpdates) -> None:
    """Whoever waits once more for what has ended asks nobody."""
    waiters = Waiters(service, shared, 'a')
    service.tell('a')
    waiters.next()
    calls = list(service.calls)
    assert shared.final(task('a'), TASK).state == 'success'
    assert service.calls == calls


def test_leaving_costs_no_call(service: Service, shared: SharedUpdates) -> None:
    """What nobody waits for leaves with whoever joins next, and is then forgotten."""
    waiters = Waiters(service, shared, 'a')
    service.tell('a')
    waiters.next()
    assert service.calls.count('ModifyListView') == 0
    waiters.begin('b')
    assert service.removed == ['a']
    assert service.calls.count('ModifyListView') == 1
    assert 'a' not in shared._watched
    service.tell('b')
    waiters.next()


def test_coming_back_before_the_server_has_told(service: Service, shared: SharedUpdates) -> None:
    """What is known of an object that left is kept: it may be that it is not told again."""
    waiters = Waiters(service, shared, 'a', 'b')
    shared._watched['a'].fail()  # as if the time of this one were over
    service.tell('b', state='running')
    assert waiters.next() == {'a'}
    waiters.begin('c')
    assert service.removed == ['a']
    waiters.threads['a'] = threading.Thread(target=waiters._wait, args=('a',), daemon=True)
    waiters.threads['a'].start()
    assert service.watched.get(timeout=10) == 'a'
    service.tell('a', kind='enter', key='k', state='success', completeTime=LONG_AGO)
    assert waiters.values(1)['a'].key == 'k'
    service.tell('b', 'c')
    assert waiters.next(2) == {'b', 'c'}


def test_one_call_has_all_watched_who_came_meanwhile(
    service: Service, shared: SharedUpdates
) -> None:
    """Those who find the server being asked need not ask it themselves."""
    waiters = Waiters(service, shared, 'a')
    many = [f'many-{number}' for number in range(20)]
    with shared._joining:
        for one in many:
            threading.Thread(target=waiters._wait, args=(one,), daemon=True).start()
        wait_until(lambda: len(shared._watched) == 21)
    service.run(*many)
    service.tell('a', *many)
    assert waiters.next(21) == {'a', *many}
    assert service.calls.count('ModifyListView') == 1


def test_what_comes_thick_and_fast_comes_together(
    service: Service, shared: SharedUpdates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader whose answer was for others lets some time go by before it asks again."""
    monkeypatch.setattr(updates, 'GATHERING_SECONDS', 0.3)
    monkeypatch.setattr(updates, 'MAX_GATHERING_SECONDS', 0.3)
    waiters = Waiters(service, shared, 'a', 'b', 'c')
    wait_until(lambda: service.calls.count('WaitForUpdatesEx') == 3)
    service.tell('b')
    assert waiters.next() == {'b'}
    assert service.calls.count('WaitForUpdatesEx') == 3
    service.tell('a', 'c')
    assert waiters.next(2) == {'a', 'c'}


@pytest.mark.parametrize('kind', ['told', 'refused'])
def test_one_that_the_server_does_not_know(
    service: Service, shared: SharedUpdates, kind: str
) -> None:
    """It is looked for; nobody else is disturbed, and the collector stays."""
    waiters = Waiters(service, shared, 'a')
    if kind == 'told':
        service.unknown = {'gone'}
    else:
        service.troubles['ModifyListView'] = fault('ManagedObjectNotFound', obj='gone')
    assert shared.final(task('gone'), TASK) is None
    service.troubles.clear()
    service.tell('a')
    assert waiters.values(1)['a'].state == 'success'
    assert service.calls.count('DestroyPropertyCollector') == 0


def test_a_refusal_keeps_nothing_watched(service: Service, shared: SharedUpdates) -> None:
    """What nobody waits for leaves the view though the server has refused what came with it.

    Left in there it would not be told of anew to whoever waits for it once more.
    """
    waiters = Waiters(service, shared, 'a', 'b')
    service.tell('b')
    assert waiters.next() == {'b'}
    modify = service.ModifyListView

    def picky(view: str, add: list[Any], **others: Any) -> list[Any]:
        if 'gone' in [one.value for one in add]:
            raise fault('ManagedObjectNotFound', obj='gone')
        return modify(view, add, **others)

    service.ModifyListView = picky  # type: ignore[method-assign, assignment]
    assert shared.final(task('gone'), TASK) is None
    assert service.removed == ['b']
    service.tell('a')
    assert waiters.next() == {'a'}


@pytest.mark.parametrize('kind', ['not told', 'refused'])
def test_the_first_is_one_that_the_server_does_not_know(
    service: Service, shared: SharedUpdates, kind: str
) -> None:
    """It is looked for at once."""
    if kind == 'refused':
        service.troubles['CreateListView'] = fault('ManagedObjectNotFound', obj='gone')
    service.updates.put(None)
    assert shared.final(task('gone'), TASK) is None
    assert 'gone' not in shared._watched
    service.troubles.clear()
    service.watched.queue.clear()
    service.updates.queue.clear()
    if kind == 'refused':
        service.run('a')
    waiters = Waiters(service, shared)
    thread = threading.Thread(target=waiters._wait, args=('a',), daemon=True)
    service.run('a')
    thread.start()
    wait_until(lambda: 'a' in shared._watched and shared._watched['a'].told)
    service.tell('a')
    assert waiters.values(1)['a'].state == 'success'
    assert service.calls.count('CreatePropertyCollector') == 1


@pytest.mark.parametrize('kind', ['no manager', 'refused', 'no operation'])
def test_a_server_without_views(service: Service, shared: SharedUpdates, kind: str) -> None:
    """Each has a filter, which ends with the wait; the view is not asked for again."""
    if kind == 'no manager':
        del service.service_content.viewManager
    elif kind == 'refused':
        service.troubles['CreateListView'] = fault('NoPermission')
    else:
        service.troubles['CreateListView'] = exceptions.VimAttributeException('no such operation')
    waiters = Waiters(service, shared, 'a', 'b')
    assert service.calls.count('CreateFilter') == 2
    assert service.calls.count('CreateListView') == (kind != 'no manager')
    service.tell('a', 'b')
    assert waiters.next(2) == {'a', 'b'}
    wait_until(lambda: service.calls.count('DestroyPropertyFilter') == 2)


def test_a_lease_has_a_filter_of_its_own(service: Service, shared: SharedUpdates) -> None:
    """A list view is only known to take tasks."""
    objects = [
        Reply(kind='enter', obj=Reply(value='l'), changeSet=[Reply(name='state', val='ready')])
    ]
    service.updates.put(Reply(version='1', filterSet=[Reply(objectSet=objects)]))
    assert shared.final(vim_util.get_moref('l', 'HttpNfcLease'), LEASE) == 'ready'
    assert service.calls == ['CreatePropertyCollector', 'CreateFilter', 'DestroyPropertyFilter']


def test_what_ends_before_it_is_watched(service: Service, shared: SharedUpdates) -> None:
    """The next one is worth a look before it is watched, until a look was in vain."""
    assert not shared.worth_a_look
    service.tell('a', kind='enter')
    assert shared.final(task('a'), TASK).state == 'success'
    assert service.watched.get(timeout=10) == 'a'
    assert shared.worth_a_look
    waiters = Waiters(service, shared, 'b')
    assert not shared.worth_a_look
    service.tell('b')
    waiters.next()
    assert not shared.worth_a_look


def test_trouble_wakes_everybody(service: Service, shared: SharedUpdates) -> None:
    """Nobody waits for a request that has failed, and all it was for is cleared away."""
    waiters = Waiters(service, shared, 'a', 'b')
    service.updates.put(OSError('lost'))
    assert waiters.values(2) == {'a': None, 'b': None}
    for thread in waiters.threads.values():
        thread.join(10)
    assert service.calls.count('DestroyPropertyCollector') == 1
    assert service.calls.count('DestroyView') == 1


def test_a_server_that_does_not_wait_is_not_asked_again(
    service: Service, shared: SharedUpdates
) -> None:
    """It would be asked without end; the waiters poll instead."""
    waiters = Waiters(service, shared, 'a')
    service.updates.put(None)
    assert waiters.next() == {'a'}
    asked = service.calls.count('WaitForUpdatesEx')
    assert shared.final(task('a'), TASK) is None
    assert service.calls.count('WaitForUpdatesEx') == asked


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
            shared.final(task('a'), TASK)
        interrupted.set()

    service.run('a')
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


@pytest.mark.parametrize('kind', ['interrupted', 'out of time'])
def test_nobody_counts_on_a_join_that_was_cut_off(
    service: Service, shared: SharedUpdates, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was to be joined along looks for itself, and does not sleep for an update."""
    monkeypatch.setattr(updates, 'LEAST_SECONDS', 0.0)
    waiters = Waiters(service, shared, 'a')
    trouble = KeyboardInterrupt() if kind == 'interrupted' else OSError('too late')
    seconds = 0.2 if kind == 'out of time' else 100.0
    joining = threading.Event()

    def cut_off(*args: Any, **kwargs: Any) -> None:
        joining.set()
        wait_until(lambda: len(shared._watched['c'].waiters) == 2)
        time.sleep(2 * seconds if kind == 'out of time' else 0)
        raise trouble

    service.ModifyListView = cut_off  # type: ignore[method-assign]

    def join() -> None:
        with contextlib.suppress(KeyboardInterrupt), _deadline.within(seconds):
            shared.final(task('b'), TASK)

    def join_along() -> None:
        assert joining.wait(10)
        waiters._wait('c')

    threads = [threading.Thread(target=one, daemon=True) for one in (join, join_along)]
    # Enters at once, so that the one that is cut off has it joined along.
    shared._enter(updates._Waiter(float('inf')), task('c'), TASK)
    for thread in threads:
        thread.start()
    assert waiters.next() == {'c'}


def test_a_change_of_what_was_never_told(service: Service, shared: SharedUpdates) -> None:
    """No value is made of a change alone: what came before was told when nobody listened."""
    waiters = Waiters(service, shared, 'a')
    thread = threading.Thread(target=waiters._wait, args=('b',), daemon=True)
    thread.start()
    assert service.watched.get(timeout=10) == 'b'
    service.tell('b')
    assert waiters.values(1) == {'b': None}
