"""A watch on a bad day: whatever happens, each difference is told, once, and nothing else is."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware import _clearing, api, exceptions, watch
from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.functional.conftest import Crowd, SessionMaker
from tests.functional.test_fork import outcome
from tests.functional.test_watch import (
    MACHINES,
    ids,
    is_waiting,
    left_on,
    remove,
    rename,
    simulated,
    until_it_waits,
)

GREEN = os.environ.get('OSLO_VMWARE_TEST_EVENTLET') == '1'


def expire(vc: VCenterSimulator) -> None:
    """The session has ended, and all it had with it."""
    vc.expire_sessions()


def destroy_collector(vc: VCenterSimulator) -> None:
    """Somebody has destroyed the collector, as a server does that is restarted."""
    with vc.world.lock:
        for one in simulated(vc, 'PropertyCollector'):
            if one.ref.value.startswith('session'):
                one.destroy()


def forget_version(vc: VCenterSimulator) -> None:
    """The server does not know the version any more."""
    vc.faults.on('WaitForUpdatesEx', 'InvalidCollectorVersion')


@pytest.mark.parametrize('trouble', [expire, destroy_collector, forget_version])
def test_what_was_lost_is_read_anew(
    vc: VCenterSimulator, session: api.VMwareAPISession, trouble: Callable[[Any], None]
) -> None:
    """Told are the differences and nothing else, and the references stay what they were."""
    properties = {'VirtualMachine': ['name', 'config', 'datastore'], 'HostSystem': ['name']}
    with watch.Watch(session, properties) as watched:
        watched.refresh()
        references = {one.value: one for one in watched}
        renamed, gone = simulated(vc)[:2]
        rename(vc, renamed, 'renamed')
        remove(vc, gone)
        trouble(vc)
        changes = watched.refresh()
        ((one, change),) = changes.changed.items()
        assert one is references[renamed.ref.value]
        # The machine's config has its name as well; those of others are read anew, and equal.
        assert change.paths == {'name', 'config'}
        assert ids(changes.removed) == [gone.ref.value]
        assert not changes.added
        assert len(watched) == len(references) - 1
        assert all(one is references[one.value] for one in watched)
        assert not watched.refresh()
    assert left_on(vc) == []


@pytest.mark.parametrize('trouble', [expire, destroy_collector])
def test_what_is_lost_while_it_waits(
    vc: VCenterSimulator, session: api.VMwareAPISession, trouble: Callable[[Any], None]
) -> None:
    """The wait goes on with another collector, and notices the change."""
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        waiting = Crowd(1, lambda _: watched.wait(60))
        until_it_waits(vc)
        trouble(vc)
        until_it_waits(vc, 2)
        rename(vc, simulated(vc)[0], 'renamed')
        (changes,) = waiting.join()
        assert ids(changes.changed) == [simulated(vc)[0].ref.value]
        assert not changes.added


def test_a_server_that_is_restarted(connect: SessionMaker, pauses: list[float]) -> None:
    """It knows neither session nor collector; the watch tells what is different on it."""
    inventory = Inventory(vms=6)
    with VCenterSimulator(tls=False, inventory=inventory) as vc:
        port = vc.port
        session = connect(vc, scheme='http')
        watched = watch.Watch(session, MACHINES)
        assert len(watched.refresh().added) == 6
    with VCenterSimulator(port=port, tls=False, inventory=inventory) as vc:
        rename(vc, simulated(vc)[0], 'renamed')
        changes = watched.refresh()
        assert ids(changes.changed) == [simulated(vc)[0].ref.value]
        assert not changes.added
        assert not changes.removed
        watched.close()
        assert left_on(vc) == []
        session.close()


def test_a_session_that_expires_between_two_pages(connect: SessionMaker) -> None:
    """Half of what was read is of no use, and half of it is never told."""
    with VCenterSimulator(inventory=Inventory.large(2500)) as vc:
        session = connect(vc)
        with watch.Watch(session, MACHINES) as watched:
            vc.faults.delay('WaitForUpdatesEx', 0.5, skip=1)
            asking = Crowd(1, lambda _: watched.refresh())
            while vc.count('WaitForUpdatesEx') < 2:
                time.sleep(0.005)
            vc.expire_sessions()
            (changes,) = asking.join()
            assert len(changes.added) == len(watched) == 2500
            assert vc.count('Login') == 2
            assert vc.count('CreatePropertyCollector') == 2
        assert left_on(vc) == []


def test_a_collector_that_is_always_lost(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """After three beginnings the server's fault is raised; later calls go on."""
    with watch.Watch(session, MACHINES) as watched:
        vc.faults.on('WaitForUpdatesEx', 'InvalidCollectorVersion', times=None)
        with pytest.raises(exceptions.VimFaultException) as raised:
            watched.refresh()
        assert raised.value.fault_list == ['InvalidCollectorVersion']
        assert vc.count('WaitForUpdatesEx') == 3
        vc.faults.clear()
        assert len(watched.refresh().added) == len(simulated(vc))
    assert left_on(vc) == []


def test_a_request_that_somebody_cancels(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """Is sent again, with the same collector; not for ever."""
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        vc.faults.on('WaitForUpdatesEx', 'RequestCanceled', times=2)
        rename(vc, simulated(vc)[0], 'renamed')
        assert len(watched.refresh().changed) == 1
        vc.faults.on('WaitForUpdatesEx', 'RequestCanceled', times=None)
        with pytest.raises(exceptions.VimFaultException, match='RequestCanceled'):
            watched.refresh()
        assert vc.count('CreatePropertyCollector') == 1


@pytest.mark.parametrize(
    'operation',
    ['CreatePropertyCollector', 'CreateContainerView', 'CreateFilter', 'WaitForUpdatesEx'],
)
@pytest.mark.parametrize('first', [True, False])
def test_a_lost_answer(
    vc: VCenterSimulator,
    session: api.VMwareAPISession,
    pauses: list[float],
    operation: str,
    first: bool,
) -> None:
    """The caller notices nothing; what was made for nobody ends with the session."""
    with watch.Watch(session, MACHINES) as watched:
        if not first:
            watched.refresh()
            rename(vc, simulated(vc)[0], 'renamed')
        vc.faults.drop(operation, after=True)
        changes = watched.refresh()
        assert len(changes.added) == (len(simulated(vc)) if first else 0)
        assert len(changes.changed) == (0 if first else 1)
        assert not watched.refresh()
    session.logout()
    assert left_on(vc) == []


@pytest.mark.parametrize('operation', ['DestroyPropertyCollector', 'DestroyView'])
@pytest.mark.parametrize('after', [False, True], ids=['not done', 'done'])
def test_clearing_away_that_was_lost(
    vc: VCenterSimulator, session: api.VMwareAPISession, operation: str, after: bool
) -> None:
    """A connection that ends under it leaves nothing behind for as long as the session lives."""
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        vc.faults.drop(operation, after=after)
    assert left_on(vc) == []
    assert vc.count(operation) == 2


def test_clearing_away_that_is_refused(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """What the server has answered is not asked again."""
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        vc.faults.on('Destroy*', 'NoPermission', times=None)
    assert vc.count('DestroyPropertyCollector') == vc.count('DestroyView') == 1


def test_an_error_loses_nothing(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """What the server had told by then, and what it had not, is told by the next call."""
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        before = watched.snapshot
        rename(vc, simulated(vc)[0], 'renamed')
        vc.faults.http('WaitForUpdatesEx', status=500, after=True, times=None)
        with pytest.raises(exceptions.VimConnectionException):
            watched.refresh()
        assert watched.snapshot is before
        vc.faults.clear()
        assert ids(watched.refresh().changed) == [simulated(vc)[0].ref.value]


class Interrupted(BaseException):
    """As KeyboardInterrupt, which would end the tests if it went astray."""


def interrupted(condition: Callable[[], bool], function: Callable[[], Any]) -> bool:
    """Interrupt a function when something is true: by a signal, or as green threads are."""

    def raise_(*args: Any) -> None:
        raise Interrupted

    def interrupt() -> None:
        while not condition():
            time.sleep(0.005)
        if GREEN:
            import eventlet.hubs

            eventlet.hubs.get_hub().schedule_call_global(0, asking.throw, Interrupted)
        else:
            os.kill(os.getpid(), signal.SIGALRM)

    if GREEN:
        import eventlet

        asking = eventlet.getcurrent()
    usual = signal.signal(signal.SIGALRM, raise_)
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    try:
        function()
    except Interrupted:
        return True
    finally:
        interrupting.join()
        signal.signal(signal.SIGALRM, usual)
    return False


@pytest.mark.parametrize('pages', [0, 1, 2])
def test_an_interruption_in_the_middle(connect: SessionMaker, pages: int) -> None:
    """Nothing was told and nothing is lost: the next call goes on where this one was."""
    with VCenterSimulator(inventory=Inventory.large(2500)) as vc:
        session = connect(vc)
        with watch.Watch(session, MACHINES) as watched:
            vc.faults.delay('WaitForUpdatesEx', 5, skip=pages)
            assert interrupted(lambda: vc.count('WaitForUpdatesEx') > pages, watched.refresh)
            assert len(watched) == 0
            assert len(watched.refresh().added) == len(watched) == 2500
            assert not watched.refresh()
            assert vc.count('CreatePropertyCollector') == 1
        assert left_on(vc) == []


def test_an_interruption_while_it_waits(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """The next call is the first to tell what happened meanwhile."""
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        assert interrupted(lambda: any(map(is_waiting, list(vc.calls))), watched.wait)
        rename(vc, simulated(vc)[0], 'renamed')
        assert len(watched.wait(10).changed) == 1
    assert left_on(vc) == []


def test_a_server_that_falls_silent(
    vc: VCenterSimulator, connect: SessionMaker, pauses: list[float]
) -> None:
    """A wait is over by its time and the one second that a last answer has."""
    session = connect(vc)
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        vc.faults.delay('WaitForUpdatesEx', 30)
        began = time.monotonic()
        with pytest.raises(exceptions.VimConnectionException):
            watched.wait(1)
        assert time.monotonic() - began < 10
        vc.faults.clear()
        rename(vc, simulated(vc)[0], 'renamed')
        assert len(watched.refresh().changed) == 1


def test_closing_while_the_server_is_silent(
    vc: VCenterSimulator, session: api.VMwareAPISession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Takes no longer than clearing away may take; who is stuck clears away afterwards."""
    monkeypatch.setattr(_clearing, 'CLEARING_SECONDS', 0.2)
    watched = watch.Watch(session, MACHINES)
    watched.refresh()
    vc.faults.delay('WaitForUpdatesEx', 1.5)
    asking = Crowd(1, lambda _: watched.refresh())
    while vc.count('WaitForUpdatesEx') < 2:
        time.sleep(0.005)
    began = time.monotonic()
    watched.close()
    assert time.monotonic() - began < 1.2
    asking.join()
    assert left_on(vc) == []


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')
def test_a_fork(vc: VCenterSimulator) -> None:
    """Each process has a collector of its own, and is told the differences from the fork on."""
    off = [one.ref.value for one in simulated(vc) if one.power_state == 'poweredOff']
    result = outcome(vc, 'watching')
    assert result['child'] == {'unchanged': True, 'changed': off[:1], 'known': len(simulated(vc))}
    assert result['parent'] == off[:1]
    assert result['blocked'] == {'unchanged': True, 'changed': [], 'known': len(simulated(vc))}
    # Beside these the child waited for a task, with a collector that ends with the session.
    assert vc.count('CreateContainerView') == vc.count('DestroyPropertyCollector') == 3
    assert simulated(vc, 'ContainerView') == []
