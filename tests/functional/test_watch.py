"""An inventory that follows changes: what is told, by which calls, and to whom."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util, watch
from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.functional.conftest import Crowd, SessionMaker

MACHINES = {'VirtualMachine': ['name', 'runtime.powerState']}

#: What a watch makes on the server.
_OF_A_WATCH = ('ContainerView', 'PropertyCollector', 'PropertyFilter')


def simulated(vc: VCenterSimulator, type_: str = 'VirtualMachine') -> list[Any]:
    return [one for one in vc.world.objects.values() if one.wire_type == type_]


def rename(vc: VCenterSimulator, one: Any, name: str) -> None:
    with vc.world.lock:
        one.update(name=name)


def remove(vc: VCenterSimulator, one: Any) -> None:
    with vc.world.lock:
        one.dispose()


def ids(told: Any) -> list[str]:
    return [one.value for one in told]


def left_on(vc: VCenterSimulator) -> list[str]:
    """What watches have on a server."""
    found = [one.ref.value for type_ in _OF_A_WATCH for one in simulated(vc, type_)]
    return [id_ for id_ in found if id_.startswith('session')]


def until_it_waits(vc: VCenterSimulator, calls: int = 1) -> None:
    """Let time pass until the server has been asked to wait for changes."""
    while sum(is_waiting(call) for call in list(vc.calls)) < calls:
        threading.Event().wait(0.005)


def is_waiting(call: Any) -> bool:
    return call.operation == 'WaitForUpdatesEx' and bool(call.args.options.maxWaitSeconds)


@pytest.fixture
def machines(session: api.VMwareAPISession) -> Iterator[watch.Watch]:
    """The names and power states of all machines."""
    with watch.Watch(session, MACHINES) as watched:
        yield watched


# What is told


def test_the_first_time(vc: VCenterSimulator, machines: watch.Watch) -> None:
    """Everything is added, four calls; each object is found by reference, id and type with id."""
    vc.calls.clear()
    assert len(machines) == 0
    assert vc.calls.counts.total() == 0
    changes = machines.refresh()
    assert vc.calls.counts == {
        'CreatePropertyCollector': 1,
        'CreateContainerView': 1,
        'CreateFilter': 1,
        'WaitForUpdatesEx': 1,
    }
    there = {
        one.ref.value: {'name': one.name, 'runtime.powerState': one.power_state}
        for one in simulated(vc)
    }
    assert {one.value: dict(values) for one, values in changes.added.items()} == there
    assert not changes.changed
    assert not changes.removed
    assert {one.value: dict(values) for one, values in machines.items()} == there
    for one, values in machines.items():
        elsewhere = vim_util.get_moref(one.value, 'VirtualMachine')
        for key in (one, elsewhere, one.value, f'VirtualMachine:{one.value}'):
            assert machines[key] is values
            assert key in machines
    for key in ('vm-none', 'VirtualMachine:vm-none', vim_util.get_moref('vm-none', 'x'), 5, None):
        assert key not in machines
        with pytest.raises(KeyError):
            machines[key]


def test_what_has_changed(vc: VCenterSimulator, machines: watch.Watch) -> None:
    """One call for all, with what was there before; and no call to look at what is known."""
    machines.refresh()
    references = {one.value: one for one in machines}
    renamed, gone, *others = simulated(vc)
    name = renamed.name
    rename(vc, renamed, 'renamed')
    remove(vc, gone)
    vc.calls.clear()
    changes = machines.refresh()
    assert vc.calls.counts == {'WaitForUpdatesEx': 1}
    assert changes
    assert not changes.added
    ((reference, change),) = changes.changed.items()
    assert reference is references[renamed.ref.value]
    assert change.paths == {'name'}
    assert (change.before['name'], change.after['name']) == (name, 'renamed')
    assert ids(changes.removed) == [gone.ref.value]
    assert changes.removed[gone.ref.value]['name'] == gone.name
    assert machines[renamed.ref.value]['name'] == 'renamed'
    assert len(machines) == len(list(machines)) == len(machines.values()) == 1 + len(others)
    assert gone.ref.value not in machines
    assert vc.calls.counts.total() == 1
    assert not machines.refresh()
    assert vc.calls.counts.total() == 2


def test_a_machine_that_is_made(
    vc: VCenterSimulator, session: api.VMwareAPISession, machines: watch.Watch
) -> None:
    """It is added, and a machine that is on is told by its power state."""
    machines.refresh()
    off = next(one for one in machines if machines[one]['runtime.powerState'] == 'poweredOff')
    session.wait_for_task(session.invoke_api(session.vim, 'PowerOnVM_Task', off))
    spec = session.vim.client.factory.create('ns0:VirtualMachineCloneSpec')
    spec.location = session.vim.client.factory.create('ns0:VirtualMachineRelocateSpec')
    # Who is all empty is not sent.
    spec.location.diskMoveType = 'moveAllDiskBackingsAndDisallowSharing'
    spec.powerOn, spec.template = False, False
    folder = simulated(vc, 'Datacenter')[0].vmFolder.ref
    task = session.invoke_api(
        session.vim,
        'CloneVM_Task',
        off,
        folder=vim_util.get_moref(folder.value, 'Folder'),
        name='twin',
        spec=spec,
    )
    made = session.wait_for_task(task).result
    changes = machines.refresh()
    assert changes.changed[off].paths == {'runtime.powerState'}
    assert machines[off]['runtime.powerState'] == 'poweredOn'
    assert ids(changes.added) == [made.value]
    assert machines[made]['name'] == 'twin'


def test_several_types(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """Each with its properties; a cluster is a ComputeResource as well."""
    properties = {
        'VirtualMachine': ['name'],
        'HostSystem': ['name', 'runtime.connectionState'],
        'ComputeResource': ['name'],
        'Datastore': [],
    }
    with watch.Watch(session, properties) as watched:
        watched.refresh()
        found: dict[str, set[str]] = {}
        for one, values in watched.items():
            found.setdefault(vim_util.get_moref_type(one), set()).update(values)
        assert found == {
            'VirtualMachine': {'name'},
            'HostSystem': {'name', 'runtime.connectionState'},
            'ComputeResource': {'name'},
            'ClusterComputeResource': {'name'},
            'Datastore': set(),
        }
    assert left_on(vc) == []


@pytest.mark.parametrize('as_text', [False, True])
def test_beneath_a_container(
    vc: VCenterSimulator, session: api.VMwareAPISession, as_text: bool
) -> None:
    """Only what is beneath it: a machine that moves into a folder is added, and out is removed."""
    names = ('Production', 'Production databases')
    outside, inside = [one for one in simulated(vc, 'Folder') if one.name in names]
    there = [one.ref.value for one in simulated(vc) if one.parent is inside]
    container: Any = vim_util.get_moref(inside.ref.value, 'Folder')
    if as_text:
        container = f'Folder:{inside.ref.value}'
    with watch.Watch(session, MACHINES, container=container) as watched:
        assert ids(watched.refresh().added) == there
        one = next(one for one in simulated(vc) if one.ref.value not in there)
        for folder, told in ((inside, 'added'), (outside, 'removed')):
            task = session.invoke_api(
                session.vim,
                'MoveIntoFolder_Task',
                vim_util.get_moref(folder.ref.value, 'Folder'),
                list=[vim_util.get_moref(one.ref.value, 'VirtualMachine')],
            )
            session.wait_for_task(task)
            assert ids(getattr(watched.refresh(), told)) == [one.ref.value]


def test_pages(connect: SessionMaker) -> None:
    """Replies are bounded, and told is when the last one has come."""
    with VCenterSimulator(inventory=Inventory.large(2500)) as vc:
        session = connect(vc)
        with watch.Watch(session, MACHINES) as watched:
            vc.calls.clear()
            assert len(watched.refresh().added) == len(watched) == 2500
            assert vc.count('WaitForUpdatesEx') == 3
            for number, one in enumerate(simulated(vc)[:1500]):
                rename(vc, one, f'renamed-{number}')
            vc.calls.clear()
            assert len(watched.refresh().changed) == 1500
            assert vc.calls.counts == {'WaitForUpdatesEx': 2}


def test_whole_values(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """A property of which a part changes comes whole, and it is the part that differs."""
    with watch.Watch(session, {'VirtualMachine': ['summary', 'runtime']}) as watched:
        watched.refresh()
        one = next(one for one in simulated(vc) if one.power_state == 'poweredOff')
        moref = vim_util.get_moref(one.ref.value, 'VirtualMachine')
        session.wait_for_task(session.invoke_api(session.vim, 'PowerOnVM_Task', moref))
        changes = watched.refresh()
        assert 'runtime' in changes.changed[moref].paths
        assert watched[moref]['runtime'].powerState == 'poweredOn'
        assert changes.changed[moref].before['runtime'].powerState == 'poweredOff'
        assert set(watched[moref]) == {'summary', 'runtime'}


def test_what_is_not_set(vc: VCenterSimulator, machines: watch.Watch) -> None:
    """It is absent, and has changed when it was there before."""
    machines.refresh()
    one = simulated(vc)[0]
    rename(vc, one, None)  # type: ignore[arg-type]
    assert machines.refresh().changed[one.ref.value].paths == {'name'}
    assert 'name' not in machines[one.ref.value]
    assert not machines[one.ref.value].missing


def test_what_may_not_be_read(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """It is absent, and the values say why; the rest is there."""
    vc.faults.deny('VirtualMachine', 'config')
    with watch.Watch(session, {'VirtualMachine': ['name', 'config.uuid']}) as watched:
        watched.refresh()
        one = simulated(vc)[0]
        values = watched[one.ref.value]
        assert dict(values) == {'name': one.name}
        reason = values.missing['config.uuid']
        assert isinstance(reason, exceptions.NoPermissionException)
        assert reason.details is not None
        assert reason.details['privilegeId'] == 'System.Read'
        with pytest.raises(KeyError, match=r'config.uuid: .*[Pp]ermission'):
            values['config.uuid']
        vc.faults.clear()
        with vc.world.lock:
            one.changed('config')
        (change,) = watched.refresh().changed.values()
        assert change.paths == {'config.uuid'}
        assert watched[one.ref.value].missing == {}
        assert watched[one.ref.value]['config.uuid']


# What is refused


@pytest.mark.parametrize(
    ('properties', 'options', 'words'),
    [
        ({}, {}, 'which types'),
        ({'VirtualMachin': ['name']}, {}, "did you mean 'VirtualMachine'"),
        ({'Task': ['info']}, {}, "'Task' is no type of the inventory"),
        ({'VirtualMachine': 'name'}, {}, 'list of property paths'),
        ({'VirtualMachine': ['name', '']}, {}, 'list of property paths'),
        ({'VirtualMachine': [None]}, {}, 'list of property paths'),
        (MACHINES, {'container': 'group-v3'}, '<type>:<id>'),
    ],
)
def test_what_is_refused_without_a_call(
    session: api.VMwareAPISession, properties: Any, options: Any, words: str
) -> None:
    """In words, before the server is asked."""
    with pytest.raises(ValueError, match=words):
        watch.Watch(session, properties, **options)


def test_a_path_that_leads_nowhere(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """InvalidPropertyException tells path and type, and nothing is left on the server."""
    properties = {'VirtualMachine': ['runtime.powerSate'], 'HostSystem': ['name']}
    with watch.Watch(session, properties) as watched:
        for _ in range(2):
            with pytest.raises(
                exceptions.InvalidPropertyException,
                match=r'no property runtime\.powerSate of VirtualMachine',
            ):
                watched.refresh()
        assert vc.count('CreatePropertyCollector') == 1
    assert left_on(vc) == []


@pytest.mark.parametrize(
    ('container', 'expected'),
    [
        ('Folder:group-v999', exceptions.ManagedObjectNotFoundException),
        ('VirtualMachine', exceptions.VimFaultException),
    ],
)
def test_a_container_that_is_none(
    vc: VCenterSimulator, session: api.VMwareAPISession, container: str, expected: type
) -> None:
    """What the server says of it, after one try; nothing is left."""
    if ':' not in container:
        container = f'{container}:{simulated(vc)[0].ref.value}'
    with (
        watch.Watch(session, MACHINES, container=container) as watched,
        pytest.raises(expected),
    ):
        watched.refresh()
    assert vc.count('CreateContainerView') == 1
    assert left_on(vc) == []


# Waiting


def test_a_change_ends_the_wait(vc: VCenterSimulator, machines: watch.Watch) -> None:
    """At once, and by one call."""
    machines.refresh()
    one = simulated(vc)[0]
    vc.calls.clear()
    waiting = Crowd(1, lambda _: machines.wait(60))
    until_it_waits(vc)
    rename(vc, one, 'renamed')
    (changes,) = waiting.join()
    assert ids(changes.changed) == [one.ref.value]
    assert vc.calls.counts == {'WaitForUpdatesEx': 1}


def test_the_first_wait(vc: VCenterSimulator, machines: watch.Watch) -> None:
    """Has everything at once, as the first refresh."""
    assert len(machines.wait().added) == len(simulated(vc))


@pytest.mark.parametrize('seconds', [0, 0.2, 1.2])
def test_the_time_is_over(vc: VCenterSimulator, machines: watch.Watch, seconds: float) -> None:
    """Nothing has changed, and nothing is told; the server is asked for no more than there is."""
    machines.refresh()
    vc.calls.clear()
    changes = machines.wait(seconds)
    assert not changes
    assert all((call.args.options.maxWaitSeconds or 0) <= seconds for call in vc.calls)
    assert 1 <= vc.calls.counts.total() <= 2


def test_what_changes_and_changes_back(vc: VCenterSimulator, machines: watch.Watch) -> None:
    """Is no change: the wait goes on."""
    machines.refresh()
    first, second = simulated(vc)[:2]
    waiting = Crowd(1, lambda _: machines.wait(60))
    until_it_waits(vc)
    with vc.world.lock:
        name = first.name
        first.update(name='other')
        first.update(name=name)
    rename(vc, second, 'renamed')
    (changes,) = waiting.join()
    assert ids(changes.changed) == [second.ref.value]


def test_the_longest_request(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """It ends before its connection would time out."""
    session = connect(vc, connection_timeout=4)
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        assert not watched.wait(2.5)
    asked = [call.args.options.maxWaitSeconds for call in vc.calls if is_waiting(call)]
    assert asked[0] == 2


def test_connections_that_time_out_at_once(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """The server is not asked to wait for longer than they last, but again and again."""
    session = connect(vc, connection_timeout=1)
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        waiting = Crowd(1, lambda _: watched.wait(60))
        while vc.count('WaitForUpdatesEx') < 3:
            threading.Event().wait(0.005)
        rename(vc, simulated(vc)[0], 'renamed')
        (changes,) = waiting.join()
        assert len(changes.changed) == 1
    assert not any(map(is_waiting, vc.calls))


def test_who_asks_interrupts_who_waits(vc: VCenterSimulator, machines: watch.Watch) -> None:
    """The waiter notices nothing, goes on waiting, and each change is told once."""
    machines.refresh()
    first, second = simulated(vc)[:2]
    waiting = Crowd(1, lambda _: machines.wait(60))
    until_it_waits(vc)
    assert not machines.refresh()
    assert vc.count('CancelWaitForUpdates') >= 1
    until_it_waits(vc, 2)
    rename(vc, first, 'renamed')
    (changes,) = waiting.join()
    assert ids(changes.changed) == [first.ref.value]
    rename(vc, second, 'renamed too')
    assert ids(machines.refresh().changed) == [second.ref.value]
    assert vc.count('CreatePropertyCollector') == 1


def test_a_crowd_asks(vc: VCenterSimulator, machines: watch.Watch) -> None:
    """Each change is told to one of them, whoever waits and whoever refreshes."""
    machines.refresh()
    ended = threading.Event()

    def ask(number: int) -> list[str]:
        found = []
        while not ended.is_set():
            changes = machines.wait(0.3) if number % 2 else machines.refresh()
            found += [change.after['name'] for change in changes.changed.values()]
        return found

    crowd = Crowd(4, ask)
    names = [f'renamed-{number}' for number in range(40)]
    one = simulated(vc)[0]
    for name in names:
        rename(vc, one, name)
        while machines[one.ref.value]['name'] != name:
            threading.Event().wait(0.001)
    ended.set()
    assert sorted(name for found in crowd.join() for name in found) == sorted(names)
    assert vc.count('CreatePropertyCollector') == 1


# The end


def test_nothing_is_left(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """View, collector and filter are gone; what was known can still be read, and no more asked."""
    listeners = len(vc.world._listeners)
    with watch.Watch(session, MACHINES) as watched:
        watched.refresh()
        assert len(left_on(vc)) == 3
        assert not watched.closed
    assert watched.closed
    assert left_on(vc) == []
    assert len(vc.world._listeners) == listeners
    assert len(watched) == len(simulated(vc))
    vc.calls.clear()
    watched.close()
    for ask in (watched.refresh, watched.wait):
        with pytest.raises(watch.WatchClosedException):
            ask()
    assert vc.calls.counts.total() == 0


def test_closing_ends_who_waits(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """At once, with an exception that says so."""
    watched = watch.Watch(session, MACHINES)
    watched.refresh()
    waiting = Crowd(2, lambda _: watched.wait())
    until_it_waits(vc)
    watched.close()
    with pytest.raises(watch.WatchClosedException):
        waiting.join()
    assert len(waiting.errors) == 2
    assert left_on(vc) == []


def test_closing_without_a_server(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """Raises nothing, and begins no session to clear away what is gone."""
    watched = watch.Watch(session, MACHINES)
    watched.refresh()
    vc.expire_sessions()
    vc.calls.clear()
    watched.close()
    assert vc.count('Login') == 0


def test_snapshots_do_not_change(vc: VCenterSimulator, machines: watch.Watch) -> None:
    """What a reader has, or iterates over, stays as it was; the watch goes on."""
    machines.refresh()
    before = machines.snapshot
    names = {one.value: values['name'] for one, values in before.items()}
    iterating = iter(machines.items())
    next(iterating)
    gone, renamed = simulated(vc)[1:3]
    remove(vc, gone)
    rename(vc, renamed, 'renamed')
    machines.refresh()
    assert 1 + len(list(iterating)) == len(before) == 1 + len(machines)
    assert {one.value: values['name'] for one, values in before.items()} == names
    with pytest.raises(TypeError):
        before['vm-1'] = None  # type: ignore[index]
    with pytest.raises(TypeError):
        machines[renamed.ref.value]['name'] = 'x'  # type: ignore[index]


def test_representations(machines: watch.Watch) -> None:
    """They tell types and numbers, and no page of values."""
    assert repr(machines) == '<Watch of VirtualMachine: 0 objects>'
    changes = machines.refresh()
    assert repr(machines) == '<Watch of VirtualMachine: 8 objects>'
    assert len(repr(changes)) < 200
    assert repr(changes.removed) == '<no objects>'
