"""How far a task is, told to whoever waits for it: each change once, and at no extra call."""

import threading
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware._session.wait import Progress
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import SessionMaker


class Watched:
    """A task that goes on when the test says so, and threads that wait for it.

    :ivar told: what each of them was told
    """

    def __init__(self, vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
        self.vc = vc
        self.session = session
        self.told: list[list[tuple[int | None, str]]] = []
        self.results: list[Any] = []
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self.task = self.make()

    def make(self) -> Any:
        """A task of ours, queued."""
        content = self.session.vim.service_content
        return self.session.vim.CreateTask(
            content.taskManager, obj=content.rootFolder, taskTypeId='work', cancelable=False
        ).task

    def wait(self, callback: Any = None) -> None:
        """Wait in another thread, which tells what it is told."""
        told: list[tuple[int | None, str]] = []
        self.told.append(told)

        def note(percent: int | None, state: str) -> None:
            with self._changed:
                told.append((percent, state))
                self._changed.notify_all()
            if callback is not None:
                callback(percent, state)

        def run() -> None:
            try:
                self.results.append(self.session.wait_for_task(self.task, progress=note))
            except Exception as exc:  # noqa: BLE001 - looked at by the test
                self.results.append(exc)

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def until(self, told: tuple[int | None, str], *waiters: int) -> None:
        """Wait until all of them, or some, have been told."""
        which = [self.told[one] for one in waiters] if waiters else self.told
        with self._changed:
            assert self._changed.wait_for(lambda: all(told in one for one in which), 10)

    def run(self, percent: int) -> None:
        self.session.vim.UpdateProgress(self.task, percentDone=percent)

    def end(self, state: str = 'success', fault: Any = None) -> None:
        self.session.vim.SetTaskState(self.task, state=state, fault=fault)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


STEPS = (0, 30, 30, 31, 99)
ALL = [(None, 'queued'), (0, 'running'), (30, 'running'), (31, 'running'), (99, 'running')]


@pytest.mark.parametrize('engine', ['compiled', 'reference'])
@pytest.mark.parametrize('waiters', [1, 5])
def test_each_change_is_told_once(
    vc: VCenterSimulator, connect: SessionMaker, waiters: int, engine: str
) -> None:
    """To each of those who wait, whoever of them it is that asks the server."""
    watched = Watched(vc, connect(vc, soap_engine=engine))
    for _each in range(waiters):
        watched.wait()
    watched.until(ALL[0])
    for percent in STEPS:
        watched.run(percent)
        watched.until((percent, 'running'))
    watched.end()
    assert watched.told == [[*ALL, (100, 'success')]] * waiters
    assert {info.state for info in watched.results} == {'success'}


def test_whoever_comes_late_is_told_how_far_it_is(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """At once, and with nothing of what was before."""
    watched = Watched(vc, session)
    watched.wait()
    watched.until((None, 'queued'))
    watched.run(40)
    watched.until((40, 'running'))
    watched.wait()
    watched.until((40, 'running'))
    watched.end()
    assert watched.told[1] == [(40, 'running'), (100, 'success')]
    again: list[Any] = []
    session.wait_for_task(watched.task, progress=lambda *told: again.append(told))
    assert again == [(100, 'success')]


def test_a_task_that_fails_is_told_where(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """The last percentage, with the state; and the fault is raised as ever."""
    watched = Watched(vc, session)
    watched.wait()
    watched.until((None, 'queued'))
    watched.run(40)
    watched.until((40, 'running'))
    fault = session.vim.client.factory.create('ns0:LocalizedMethodFault')
    fault.fault = session.vim.client.factory.create('ns0:NoDiskSpace')
    fault.fault.file, fault.fault.datastore = 'f', 'ds'
    watched.end('error', fault)
    assert watched.told == [[(None, 'queued'), (40, 'running'), (40, 'error')]]
    assert isinstance(watched.results[0], exceptions.NoDiskSpaceException)


def test_what_it_costs_on_the_wire(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """Nothing where nobody asks; and for who does, the answers that tell of a change."""
    counts = []
    for progress in (None, lambda percent, state: None):
        first = session.vim.CurrentTime('ServiceInstance')
        assert first
        vm = poweredOff(session)
        vc.calls.clear()
        task = session.invoke_api(session.vim, 'PowerOnVM_Task', vm)
        session.wait_for_task(task, progress=progress)
        counts.append(Counter(call.operation for call in vc.calls))
        session.wait_for_task(session.invoke_api(session.vim, 'PowerOffVM_Task', vm))
    without, with_progress = counts
    assert with_progress.pop('WaitForUpdatesEx') <= without.pop('WaitForUpdatesEx') + 4
    assert with_progress == without


def poweredOff(session: api.VMwareAPISession) -> Any:
    result = session.invoke_api(
        vim_util, 'get_objects', session.vim, 'VirtualMachine', 1000, ['runtime.powerState']
    )
    return next(one.obj for one in result.objects if one.propSet[0].val == 'poweredOff')


def test_who_wants_no_progress_is_not_woken_by_it(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """The requests of those who only wait are those of a task without progress."""
    watched = Watched(vc, session)
    watched.wait()
    watched.until((None, 'queued'))
    done: list[Any] = []
    other = threading.Thread(
        target=lambda: done.append(session.wait_for_task(watched.task)), daemon=True
    )
    other.start()
    updates = session._own.get().updates
    while False not in updates or updates[False]._leader is None:
        time.sleep(0.01)
    plain = updates[False]._collector
    assert plain is not None
    for percent in STEPS:
        watched.run(percent)
        watched.until((percent, 'running'))
    asked = [call for call in vc.calls if call.operation == 'WaitForUpdatesEx']
    of_plain = [call for call in asked if call.target.value == plain._moref.value]
    watched.end()
    # What there is to tell at first, that it runs, and its end.
    assert len(of_plain) <= 3
    other.join(10)
    assert done[0].state == 'success'


def test_a_callback_that_takes_its_time_holds_nobody_up(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """While the one that asked the server tells, another asks."""
    go_on = threading.Event()
    watched = Watched(vc, session)

    def stay(percent: int | None, state: str) -> None:
        if percent == 30:
            assert go_on.wait(10)

    watched.wait(stay)
    watched.until((None, 'queued'))
    watched.wait()
    watched.until((None, 'queued'))
    watched.run(30)
    watched.until((30, 'running'))
    for percent in (50, 70):
        watched.run(percent)
        watched.until((percent, 'running'), 1)
    assert watched.told[0][-1] == (30, 'running')
    go_on.set()
    watched.end()
    assert watched.told[0] == watched.told[1]


def test_callbacks_that_take_their_time_do_not_hand_over_to_each_other(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """Whoever waits for another task meanwhile asks the server itself."""
    go_on = threading.Event()
    slow, other = Watched(vc, session), Watched(vc, session)

    def stay(percent: int | None, state: str) -> None:
        if percent == 30:
            assert go_on.wait(20)

    for watched in (slow, slow, other):
        watched.wait(stay if watched is slow else None)
        watched.until((None, 'queued'))
    slow.run(30)
    slow.until((30, 'running'))
    other.run(50)
    try:
        other.until((50, 'running'))
    finally:
        go_on.set()
        slow.end()
        other.end()


@pytest.mark.parametrize('error', [ValueError, exceptions.VimConnectionException])
@pytest.mark.parametrize('at', [None, 30, 100])
def test_what_the_callback_raises(
    vc: VCenterSimulator, session: api.VMwareAPISession, at: int | None, error: Any
) -> None:
    """It ends that wait, as it is, and no other; the task goes on."""
    watched = Watched(vc, session)
    objection = error('enough')

    def object_to(percent: int | None, state: str) -> None:
        if percent == at:
            raise objection

    watched.wait()
    watched.until((None, 'queued'))
    watched.wait(object_to)
    watched.until((None, 'queued'))
    watched.run(30)
    watched.until((30, 'running'), 0)
    watched.end()
    assert objection in watched.results
    assert {getattr(one, 'state', '') for one in watched.results} == {'', 'success'}
    assert watched.told[0] == [(None, 'queued'), (30, 'running'), (100, 'success')]


def test_a_callback_may_wait_itself(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """For another task of the same session, with or without progress."""
    inner: list[Any] = []

    def power_on(percent: int | None, state: str) -> None:
        if percent == 30:
            for progress in (None, lambda *told: inner.append(told)):
                task = session.invoke_api(session.vim, 'PowerOnVM_Task', poweredOff(session))
                inner.append(session.wait_for_task(task, progress=progress).state)

    watched = Watched(vc, session)
    watched.wait(power_on)
    watched.until((None, 'queued'))
    watched.run(30)
    watched.until((30, 'running'))
    watched.end()
    assert inner[0] == inner[-1] == 'success'
    assert inner[-2] == (100, 'success')


def test_where_there_are_no_updates(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """The reads that are made anyway tell of it."""
    session = connect(vc, task_poll_interval=0.01)
    vc.faults.on('CreatePropertyCollector', fault='NotSupported', times=None)
    watched = Watched(vc, session)
    watched.wait()
    watched.until((None, 'queued'))
    for percent in STEPS:
        watched.run(percent)
        watched.until((percent, 'running'))
    watched.end()
    assert watched.told == [[*ALL, (100, 'success')]]


def test_a_session_that_expires_meanwhile(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """After the new login it is told on, and nothing twice."""
    watched = Watched(vc, session)
    watched.wait()
    watched.until((None, 'queued'))
    watched.run(30)
    watched.until((30, 'running'))
    vc.terminate_sessions()
    session.invoke_api(session.vim, 'CurrentTime', 'ServiceInstance')
    session.invoke_api(session.vim, 'UpdateProgress', watched.task, percentDone=60)
    watched.until((60, 'running'))
    watched.end()
    assert watched.told == [[(None, 'queued'), (30, 'running'), (60, 'running'), (100, 'success')]]


def test_a_stand_in_without_progress() -> None:
    """A server or a stand-in that does not say how far a task is says its state."""
    session = api.VMwareAPISession('h', 'u', 'p', 0, 0, create_session=False)
    session._vim = SimpleNamespace()
    infos = iter(['queued', 'running', 'running', 'success'])
    session.invoke_api = lambda *args, **kwargs: SimpleNamespace(state=next(infos))  # type: ignore[method-assign]
    told: list[Any] = []
    session.wait_for_task(
        vim_util.get_moref('task-1', 'Task'), progress=lambda *each: told.append(each)
    )
    assert told == [(None, 'queued'), (None, 'running'), (100, 'success')]


def test_no_state_is_not_told() -> None:
    """An answer that does not have it says nothing."""
    told: list[Any] = []
    progress = Progress(lambda *each: told.append(each))
    progress.tell(5, None)
    assert told == []
