"""A watch on a server that is not ours."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util, watch
from tests.functional.conftest import Crowd, SessionMaker
from tests.vcsim.server import Vcsim

MACHINES = {'VirtualMachine': ['name', 'runtime.powerState'], 'HostSystem': ['name']}


@pytest.fixture
def watched(session: api.VMwareAPISession) -> Iterator[watch.Watch]:
    """All machines and hosts."""
    with watch.Watch(session, MACHINES) as made:
        yield made


def machine(watched: watch.Watch, number: int = 0) -> Any:
    found = [one for one in watched if vim_util.get_moref_type(one) == 'VirtualMachine']
    return found[number]


def done(session: api.VMwareAPISession, operation: str, moref: Any, **arguments: Any) -> None:
    task = session.invoke_api(session.vim, operation, moref, **arguments)
    session.wait_for_task(task)


def test_what_is_there(vc: Vcsim, session: api.VMwareAPISession, watched: watch.Watch) -> None:
    """As a retrieval gives it, by four calls."""
    session.vim.service_content  # noqa: B018 - which costs a call
    before = len(vc.calls)
    changes = watched.refresh()
    assert len(vc.calls) == before + 4
    assert len(changes.added) == len(watched) == 4 + 2
    page = session.invoke_api(
        vim_util, 'get_objects', session.vim, 'VirtualMachine', 100, MACHINES['VirtualMachine']
    )
    for content in page.objects:
        assert dict(watched[content.obj]) == vim_util.propset_dict(content.propSet)
    assert not watched.refresh()


def test_changes(session: api.VMwareAPISession, watched: watch.Watch) -> None:
    """Power, names, machines that are made and that go, each told once."""
    watched.refresh()
    first, second = machine(watched), machine(watched, 1)
    done(session, 'PowerOnVM_Task', first)
    changes = watched.refresh()
    assert [one.value for one in changes.changed] == [first.value]
    assert changes.changed[first].paths == {'runtime.powerState'}
    assert watched[first]['runtime.powerState'] == 'poweredOn'
    done(session, 'Rename_Task', second, newName='renamed')
    done(session, 'Destroy_Task', machine(watched, 2))
    changes = watched.refresh()
    assert [change.after['name'] for change in changes.changed.values()] == ['renamed']
    assert len(changes.removed) == 1
    assert len(watched) == 5
    assert not watched.refresh()


def test_waiting(vc: Vcsim, session: api.VMwareAPISession, watched: watch.Watch) -> None:
    """The server is asked once, and answers when there is something."""
    watched.refresh()
    first = machine(watched)
    waiting = Crowd(1, lambda _: watched.wait(30))
    done(session, 'PowerOnVM_Task', first)
    (changes,) = waiting.join()
    assert list(changes.changed) == [first]
    assert not watched.wait(1)


def test_interruptions(vc: Vcsim, session: api.VMwareAPISession, watched: watch.Watch) -> None:
    """Who refreshes interrupts who waits, and closing ends it."""
    watched.refresh()
    waiting = Crowd(1, lambda _: watched.wait())
    while vc.count('WaitForUpdatesEx') < 2:
        threading.Event().wait(0.005)
    assert not watched.refresh()
    watched.close()
    with pytest.raises(watch.WatchClosedException):
        waiting.join()


def test_a_session_that_expires(
    vc: Vcsim, session: api.VMwareAPISession, watched: watch.Watch
) -> None:
    """Read anew, told are the differences."""
    watched.refresh()
    first = machine(watched)
    vc.expire_sessions()
    done(session, 'PowerOnVM_Task', first)
    changes = watched.refresh()
    assert list(changes.changed) == [first]
    assert not changes.added
    assert not changes.removed


def test_nothing_is_left(vc: Vcsim, connect: SessionMaker) -> None:
    """The server knows neither the collector nor the view any more."""
    session = connect(vc)
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        assert watched._own.get().reading is not None
        collector = watched._own.get().reading._collector
    with pytest.raises(exceptions.ManagedObjectNotFoundException):
        session.invoke_api(session.vim, 'WaitForUpdatesEx', collector)


def test_beneath_a_host(session: api.VMwareAPISession, watched: watch.Watch) -> None:
    """Only the machines on it."""
    watched.refresh()
    host = next(one for one in watched if vim_util.get_moref_type(one) == 'HostSystem')
    there = session.invoke_api(vim_util, 'get_object_property', session.vim, host, 'vm')
    expected = {one.value for one in there.ManagedObjectReference}
    with watch.Watch(session, {'VirtualMachine': ['name']}, container=host) as beneath:
        assert {one.value for one in beneath.refresh().added} == expected
