"""Property filters and waiting for updates, asked by pyVmomi."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pyVim import connect
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import VCenterSimulator
from tests.simulator.conftest import pyvmomi_connection

PC = vmodl.query.PropertyCollector


@pytest.fixture
def collector(si: Any) -> Iterator[Any]:
    """A property collector of the test's own."""
    made = si.content.propertyCollector.CreatePropertyCollector()
    yield made
    made.DestroyPropertyCollector()


def watch(collector: Any, *objs: Any, paths: list[str], partial: bool = False) -> Any:
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=obj) for obj in objs],
        propSet=[PC.PropertySpec(type=type(objs[0]), pathSet=paths)],
    )
    return collector.CreateFilter(spec, partial)


def watch_view(collector: Any, view: Any, type_: Any, paths: list[str]) -> Any:
    way = PC.TraversalSpec(type=type(view), path='view', skip=False)
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=view, skip=True, selectSet=[way])],
        propSet=[PC.PropertySpec(type=type_, pathSet=paths)],
    )
    return collector.CreateFilter(spec, False)


def wait(collector: Any, version: str, seconds: int = 10, at_most: int | None = None) -> Any:
    options = PC.WaitOptions(maxWaitSeconds=seconds, maxObjectUpdates=at_most)
    return collector.WaitForUpdatesEx(version, options)


def told(update_set: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Kind, object id and changes of each object update."""
    if update_set is None:
        return []
    return [
        (update.kind, update.obj._moId, {one.name: one.val for one in update.changeSet})
        for filter_ in update_set.filterSet
        for update in filter_.objectSet
    ]


def test_the_first_answer_is_everything(collector: Any, machines: list[Any]) -> None:
    """Without a version all selected objects enter, each with its values."""
    created = watch(collector, *machines[:2], paths=['name', 'snapshot'])
    first = wait(collector, '')
    assert told(first) == [
        ('enter', machine._moId, {'name': machine.name}) for machine in machines[:2]
    ]
    assert first.filterSet[0].filter == created
    assert not first.truncated
    assert wait(collector, first.version, 0) is None
    # Asked without a version again, everything is told again.
    assert told(wait(collector, '')) == told(first)


def test_changes_wake_who_waits(
    vcenter: VCenterSimulator, collector: Any, machines: list[Any]
) -> None:
    """A change ends the waiting at once, and only what differs is told."""
    watch(collector, machines[0], paths=['name', 'runtime.powerState'])
    version = wait(collector, '').version
    results: list[Any] = []
    waiting = threading.Thread(target=lambda: results.append(wait(collector, version, 30)))
    waiting.start()
    while vcenter.count('WaitForUpdatesEx') < 2:
        time.sleep(0.005)
    machine = vcenter.world.objects[machines[0]._moId]
    with vcenter.world.lock:
        machine.update(name='renamed')
    waiting.join(10)
    assert not waiting.is_alive()
    assert told(results[0]) == [('modify', machines[0]._moId, {'name': 'renamed'})]
    assert results[0].filterSet[0].objectSet[0].changeSet[0].op == 'assign'


def test_a_change_that_changes_nothing_is_not_told(
    vcenter: VCenterSimulator, collector: Any, machines: list[Any]
) -> None:
    """What reads the same as before is no update, and a property that is gone is removed."""
    watch(collector, machines[0], paths=['name', 'config.annotation'])
    version = wait(collector, '').version
    machine = vcenter.world.objects[machines[0]._moId]
    with vcenter.world.lock:
        machine.changed('name', 'config')
    assert wait(collector, version, 0) is None
    with vcenter.world.lock:
        machine.update(name=None)
    (update,) = wait(collector, version).filterSet[0].objectSet
    assert [(one.name, one.op, one.val) for one in update.changeSet] == [('name', 'remove', None)]


def test_partial_updates_tell_the_changed_part(
    vcenter: VCenterSimulator, collector: Any, machines: list[Any]
) -> None:
    """With partialUpdates a task's progress comes as parts of info; without, info comes whole."""
    world = vcenter.world
    with world.lock:
        machine = world.objects[machines[0]._moId]
        ref = world.task_manager.start(machine, 'PowerOnVM_Task', lambda: None, seconds=0.5)
    task = vim.Task(ref.value, collector._stub)
    watch(collector, task, paths=['info'], partial=True)
    whole = collector.CreatePropertyCollector()
    watch(whole, task, paths=['info'])
    seen: dict[str, list[set[str]]] = {'partial': [], 'whole': []}
    for name, one in (('whole', whole), ('partial', collector)):
        version, state = '', ''
        while state != 'success':
            update = wait(one, version)
            version = update.version
            for _, _, changes in told(update):
                seen[name].append(set(changes))
                info = changes.get('info')
                state = info.state if info is not None else changes.get('info.state', state)
    assert seen['whole'][0] == seen['partial'][0] == {'info'}
    assert all(changes == {'info'} for changes in seen['whole'])
    whole.DestroyPropertyCollector()


def test_progress_comes_in_parts(
    vcenter: VCenterSimulator, collector: Any, machines: list[Any]
) -> None:
    """info.state and info.progress are told one by one while the task runs, info at its end."""
    world = vcenter.world
    with world.lock:
        machine = world.objects[machines[0]._moId]
        ref = world.task_manager.start(machine, 'PowerOnVM_Task', lambda: None, seconds=1)
    watch(collector, vim.Task(ref.value, collector._stub), paths=['info'], partial=True)
    version, history = '', []
    while not history or 'info' not in history[-1] or history[-1]['info'].state != 'success':
        update = wait(collector, version)
        version = update.version
        history += [changes for _, _, changes in told(update)]
    progress = [one['info.progress'] for one in history if 'info.progress' in one]
    assert progress == sorted(progress)
    assert len(progress) >= 2
    assert {one['info.state'] for one in history if 'info.state' in one} == {'running'}


def test_views_tell_who_enters_and_leaves(
    vcenter: VCenterSimulator, si: Any, collector: Any, machines: list[Any]
) -> None:
    """A filter on a container view follows the inventory."""
    view = si.content.viewManager.CreateContainerView(
        si.content.rootFolder, [vim.VirtualMachine], True
    )
    watch_view(collector, view, vim.VirtualMachine, ['name'])
    first = wait(collector, '')
    assert {kind for kind, _, _ in told(first)} == {'enter'}
    assert len(told(first)) == len(machines)
    (stopped,) = [one for one in machines if one.runtime.powerState == 'poweredOff'][:1]
    moid = stopped._moId
    stopped.Destroy_Task()
    assert told(wait(collector, first.version)) == [('leave', moid, {})]


def test_a_view_of_a_folder(
    vcenter: VCenterSimulator, si: Any, collector: Any, machines: list[Any]
) -> None:
    """What moves into the folder enters with all its values, what moves out leaves; no other."""
    inside = next(one.parent for one in machines if one.parent.name == 'Production databases')
    outside = next(one for one in machines if one.parent != inside)
    view = si.content.viewManager.CreateContainerView(inside, [vim.VirtualMachine], True)
    watch_view(collector, view, vim.VirtualMachine, ['name', 'runtime.powerState'])
    first = wait(collector, '')
    assert {id_ for _, id_, _ in told(first)} == {one._moId for one in inside.childEntity}
    values = {'name': outside.name, 'runtime.powerState': outside.runtime.powerState}
    version, source = first.version, outside.parent
    for folder, expected in ((inside, ('enter', values)), (source, ('leave', {}))):
        folder.MoveIntoFolder_Task([outside])
        update = wait(collector, version)
        version = update.version
        ((kind, id_, changes),) = told(update)
        assert (kind, changes, id_) == (*expected, outside._moId)


def test_an_object_that_goes_leaves(
    vcenter: VCenterSimulator, collector: Any, machines: list[Any]
) -> None:
    """A filter that starts at an object which is deleted reports that it left."""
    watch(collector, machines[0], paths=['name'])
    version = wait(collector, '').version
    with vcenter.world.lock:
        vcenter.world.remove(vcenter.world.objects[machines[0]._moId])
    assert told(wait(collector, version)) == [('leave', machines[0]._moId, {})]


def test_updates_come_in_portions(collector: Any, machines: list[Any]) -> None:
    """maxObjectUpdates cuts the answer, truncated says that there is more at once."""
    watch(collector, *machines[:5], paths=['name'])
    version, sizes, flags, seen = '', [], [], []
    for _ in range(3):
        update = wait(collector, version, 0, at_most=2)
        version = update.version
        sizes.append(len(told(update)))
        flags.append(bool(update.truncated))
        seen += [moid for _, moid, _ in told(update)]
    assert sizes == [2, 2, 1]
    assert flags == [True, True, False]
    assert seen == [machine._moId for machine in machines[:5]]
    assert wait(collector, version, 0) is None


def test_a_lost_answer_can_be_asked_for_again(
    vcenter: VCenterSimulator, collector: Any, machines: list[Any]
) -> None:
    """Asking again with the version before gives the same answer; any other version is refused."""
    watch(collector, machines[0], paths=['name'])
    first = wait(collector, '')
    machine = vcenter.world.objects[machines[0]._moId]
    with vcenter.world.lock:
        machine.update(name='renamed')
    second = wait(collector, first.version)
    again = wait(collector, first.version)
    assert (again.version, told(again)) == (second.version, told(second))
    for version in ('77', 'x'):
        with pytest.raises(vmodl.query.InvalidCollectorVersion):
            wait(collector, version, 0)


def test_the_older_operations(
    vcenter: VCenterSimulator, collector: Any, machines: list[Any]
) -> None:
    """CheckForUpdates answers at once, WaitForUpdates when there is something."""
    watch(collector, machines[0], paths=['name'])
    first = collector.CheckForUpdates('')
    assert told(first) == [('enter', machines[0]._moId, {'name': machines[0].name})]
    assert collector.CheckForUpdates(first.version) is None
    machine = vcenter.world.objects[machines[0]._moId]
    with vcenter.world.lock:
        vcenter.world.after(0.1, lambda: machine.update(name='renamed'))
    second = collector.WaitForUpdates(first.version)
    assert told(second) == [('modify', machines[0]._moId, {'name': 'renamed'})]


def test_time_out(collector: Any, machines: list[Any]) -> None:
    """After maxWaitSeconds without a change the answer is nothing."""
    watch(collector, machines[0], paths=['name'])
    version = wait(collector, '').version
    started = time.monotonic()
    assert wait(collector, version, 1) is None
    assert time.monotonic() - started > 0.9


def test_filters_of_nothing(collector: Any) -> None:
    """A collector without filters has no updates."""
    assert wait(collector, '', 0) is None


@pytest.mark.parametrize('end', ['CancelWaitForUpdates', 'DestroyPropertyCollector'])
def test_waiting_can_be_cancelled(
    vcenter: VCenterSimulator, si: Any, machines: list[Any], end: str
) -> None:
    """Who waits is told that it was cancelled."""
    collector = si.content.propertyCollector.CreatePropertyCollector()
    watch(collector, machines[0], paths=['name'])
    version = wait(collector, '').version
    caught: list[BaseException] = []

    def waiter() -> None:
        try:
            wait(collector, version, 30)
        except vmodl.fault.RequestCanceled as exc:
            caught.append(exc)

    waiting = threading.Thread(target=waiter)
    waiting.start()
    while vcenter.count('WaitForUpdatesEx') < 2:
        time.sleep(0.005)
    time.sleep(0.05)
    getattr(collector, end)()
    waiting.join(10)
    assert len(caught) == 1


def test_filters_can_be_destroyed(collector: Any, machines: list[Any]) -> None:
    """A destroyed filter tells nothing more and is gone; the collector lists those that live."""
    gone = watch(collector, machines[0], paths=['name'])
    kept = watch(collector, machines[1], paths=['name'])
    assert list(collector.filter) == [gone, kept]
    gone.DestroyPropertyFilter()
    assert list(collector.filter) == [kept]
    assert [moid for _, moid, _ in told(wait(collector, ''))] == [machines[1]._moId]
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        gone.DestroyPropertyFilter()


def test_a_filter_must_start_somewhere(si: Any, collector: Any) -> None:
    """A filter on an object that does not exist, or on a wrong path, is refused."""
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        watch(collector, vim.VirtualMachine('vm-99999', si._stub), paths=['name'])
    for path in ('nonsense', 'name.length', 'overallStatus[1]', 'permission[1].nonsense'):
        with pytest.raises(vmodl.query.InvalidProperty):
            watch(collector, si.content.rootFolder, paths=[path])
    assert list(collector.filter) == []


def test_a_filter_needs_a_path_that_some_object_can_have(
    collector: Any, machines: list[Any]
) -> None:
    """A wrong step is refused at once, however deep; one that a derived type has is taken, also
    where several types have a member of that name.
    """
    for path in ('config.nosuch', 'config.hardware.device[2000].nosuch', 'runtime.host.name'):
        with pytest.raises(vmodl.query.InvalidProperty) as caught:
            watch(collector, machines[0], paths=[path])
        assert caught.value.name == path
    device = 'config.hardware.device[2000]'
    # Each of seven types of backings has a parent of its own type.
    watch(collector, machines[0], paths=[f'{device}.backing.parent.grainSize'])
    watch(collector, machines[0], paths=[f'{device}.backing.fileName'])
    ((_, _, nothing), (_, _, file_name)) = told(wait(collector, ''))
    assert nothing == {}
    assert list(file_name) == [f'{device}.backing.fileName']


@pytest.mark.parametrize('options', [{'maxObjectUpdates': 0}, {'maxWaitSeconds': -1}])
def test_wrong_options(collector: Any, options: dict[str, int]) -> None:
    """Limits without sense are InvalidArgument."""
    with pytest.raises(vmodl.fault.InvalidArgument):
        collector.WaitForUpdatesEx('', PC.WaitOptions(**options))


def test_missing_permission_is_told(
    vcenter: VCenterSimulator, collector: Any, machines: list[Any]
) -> None:
    """What may not be read is in the update's missingSet."""
    vcenter.faults.deny('VirtualMachine', 'config')
    watch(collector, machines[0], paths=['name', 'config.name'])
    (update,) = wait(collector, '').filterSet[0].objectSet
    assert [one.name for one in update.changeSet] == ['name']
    assert [(one.path, one.fault.privilegeId) for one in update.missingSet] == [
        ('config.name', 'System.Read')
    ]


def test_what_a_session_makes_ends_with_it(vcenter: VCenterSimulator, machines: list[Any]) -> None:
    """Collectors, filters and views are gone after the logout of the session that made them."""
    before = set(vcenter.world.objects)
    listeners = len(vcenter.world._listeners)
    other = pyvmomi_connection(vcenter)
    collector = other.content.propertyCollector.CreatePropertyCollector()
    shared = other.content.propertyCollector
    machine = vim.VirtualMachine(machines[0]._moId, other._stub)
    watch(collector, machine, paths=['name'])
    watch(shared, machine, paths=['name'])
    view = other.content.viewManager.CreateContainerView(other.content.rootFolder, [], True)
    watch_view(shared, view, vim.ManagedEntity, ['name'])
    assert len(set(vcenter.world.objects) - before) == 5
    connect.Disconnect(other)
    assert set(vcenter.world.objects) == before
    assert len(vcenter.world._listeners) == listeners


def test_destroyed_collectors_leave_nothing_with_the_session(
    vcenter: VCenterSimulator, si: Any, machines: list[Any]
) -> None:
    """A session that makes and destroys collectors does not grow."""
    (session,) = vcenter.sessions

    def use_one() -> int:
        collector = si.content.propertyCollector.CreatePropertyCollector()
        watch(collector, machines[0], paths=['name'])
        collector.DestroyPropertyCollector()
        return len(session._endings)

    assert use_one() == use_one()


def test_who_waited_is_still_who_asks(vcenter: VCenterSimulator, si: Any, collector: Any) -> None:
    """What depends on the session is read for the session that waited, though another was served
    meanwhile.
    """
    watch(collector, si.content.sessionManager, paths=['message', 'currentSession'])
    first = wait(collector, '')
    key = told(first)[0][2]['currentSession'].key
    results: list[Any] = []
    waiting = threading.Thread(target=lambda: results.append(wait(collector, first.version, 30)))
    waiting.start()
    while vcenter.count('WaitForUpdatesEx') < 2:
        time.sleep(0.005)
    other = pyvmomi_connection(vcenter)
    other.content.sessionManager.UpdateServiceMessage('hello')
    connect.Disconnect(other)
    waiting.join(30)
    changes = told(results[0])[0][2]
    assert changes['message'] == 'hello'
    assert changes['currentSession'].key == key


def test_the_shared_collector_is_each_sessions_own(
    vcenter: VCenterSimulator, si: Any, machines: list[Any]
) -> None:
    """Two sessions use the one collector of the service content without seeing each other."""
    other = pyvmomi_connection(vcenter)
    watch(si.content.propertyCollector, machines[0], paths=['name'])
    theirs = vim.VirtualMachine(machines[1]._moId, other._stub)
    watch(other.content.propertyCollector, theirs, paths=['name'])
    for instance, machine in ((si, machines[0]), (other, machines[1])):
        seen = told(wait(instance.content.propertyCollector, ''))
        assert [moid for _, moid, _ in seen] == [machine._moId]
        assert len(instance.content.propertyCollector.filter) == 1
    connect.Disconnect(other)


def test_collectors_are_private(vcenter: VCenterSimulator, collector: Any) -> None:
    """A collector that one session made is not there for another, and the server's own stays."""
    other = pyvmomi_connection(vcenter)
    stranger = PC(collector._moId, other._stub)
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        wait(stranger, '', 0)
    with pytest.raises(vmodl.fault.NotSupported):
        other.content.propertyCollector.DestroyPropertyCollector()
    connect.Disconnect(other)


def test_tasks_join_a_list_view_while_it_is_waited_for(
    vcenter: VCenterSimulator, si: Any, collector: Any, machines: list[Any]
) -> None:
    """Who waits is told of the task that another call adds, of its end, and of its leaving."""
    manager = vcenter.world.task_manager
    machine = vcenter.world.objects[machines[0]._moId]
    with vcenter.world.lock:
        first, second = (manager.show(machine, 'a.task', lambda: None) for _ in range(2))
    view = si.content.viewManager.CreateListView([vim.Task(first.ref.value, si._stub)])
    watch_view(collector, view, vim.Task, ['info.state', 'info.error'])
    update = wait(collector, '')
    assert told(update) == [('enter', first.ref.value, {'info.state': 'running'})]
    joining = threading.Timer(0.2, view.ModifyListView, ([vim.Task(second.ref.value, si._stub)],))
    joining.start()
    update = wait(collector, update.version)
    joining.join()
    assert told(update) == [('enter', second.ref.value, {'info.state': 'running'})]
    with vcenter.world.lock:
        second.end()
    update = wait(collector, update.version)
    assert told(update) == [('modify', second.ref.value, {'info.state': 'success'})]
    view.ModifyListView(remove=[vim.Task(second.ref.value, si._stub)])
    assert told(wait(collector, update.version)) == [('leave', second.ref.value, {})]
