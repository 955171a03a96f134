"""Waiting for tasks: in the caller's thread, together, and right when things go wrong."""

import re
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.soap.client import COMPILED, REFERENCE
from tests.functional.conftest import Crowd, SessionMaker

WAITERS = 40


def vms_in_state(session: api.VMwareAPISession, state: str) -> list[Any]:
    result = session.invoke_api(
        vim_util, 'get_objects', session.vim, 'VirtualMachine', 1000, ['runtime.powerState']
    )
    return [content.obj for content in result.objects if content.propSet[0].val == state]


def power_on(session: api.VMwareAPISession, vm: Any) -> Any:
    return session.wait_for_task(session.invoke_api(session.vim, 'PowerOnVM_Task', vm))


def test_a_task_that_succeeds(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """The task's info comes back, with state and times."""
    vm = vms_in_state(session, 'poweredOff')[0]
    info = power_on(session, vm)
    assert info.state == 'success'
    assert info.completeTime >= info.startTime
    assert vm.value not in {moref.value for moref in vms_in_state(session, 'poweredOff')}


def test_the_result_of_a_task(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """``info.result`` is what the operation made."""
    factory = session.vim.client.factory
    spec = factory.create('ns0:VirtualMachineConfigSpec')
    spec.name = 'made-by-a-test'
    spec.numCPUs = 1
    spec.memoryMB = 128
    spec.files = factory.create('ns0:VirtualMachineFileInfo')
    datastore = session.invoke_api(vim_util, 'get_objects', session.vim, 'Datastore', 1)
    spec.files.vmPathName = f'[{datastore.objects[0].propSet[0].val}]'
    vim_util.cancel_retrieval(session.vim, datastore)
    datacenter = only(session, 'Datacenter')
    folder = session.invoke_api(
        vim_util, 'get_object_property', session.vim, datacenter, 'vmFolder'
    )
    pool = only(session, 'ResourcePool')
    task = session.invoke_api(session.vim, 'CreateVM_Task', folder, config=spec, pool=pool)
    made = session.wait_for_task(task).result
    assert made._type == 'VirtualMachine'
    name = session.invoke_api(vim_util, 'get_object_property', session.vim, made, 'name')
    assert name == 'made-by-a-test'


def only(session: api.VMwareAPISession, type_: str) -> Any:
    result = session.invoke_api(vim_util, 'get_objects', session.vim, type_, 100)
    return result.objects[0].obj


def test_a_task_that_fails(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """The fault's class, the server's words, and the fault's members in ``details``."""
    vm = vms_in_state(session, 'poweredOff')[0]
    vc.faults.fail_task(
        'PowerOnVM_Task', 'FileLocked', message='The disk is locked', file='[ds] a.vmdk'
    )
    with pytest.raises(exceptions.FileLockedException) as raised:
        power_on(session, vm)
    assert 'The disk is locked' in str(raised.value)
    assert raised.value.details == {'file': '[ds] a.vmdk'}


def test_a_task_that_fails_without_members(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """Such a fault keeps its type."""
    vm = vms_in_state(session, 'poweredOff')[0]
    vc.faults.fail_task('PowerOnVM_Task', 'ToolsUnavailable')
    with pytest.raises(exceptions.ToolsUnavailableException) as raised:
        power_on(session, vm)
    assert type(raised.value.fault).__name__ == 'ToolsUnavailable'


def test_a_fault_that_has_no_class(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """VimFaultException, with the fault's name in its list."""
    vm = vms_in_state(session, 'poweredOff')[0]
    vc.faults.fail_task('PowerOnVM_Task', 'ResourceInUse')
    with pytest.raises(exceptions.VimFaultException) as raised:
        power_on(session, vm)
    assert raised.value.fault_list == ['ResourceInUse']


def test_a_change_is_seen_at_once(connect: SessionMaker, pauses: list[float]) -> None:
    """Whatever the poll interval: the server tells, nobody sleeps for it."""
    with VCenterSimulator(task_seconds=0.2) as vc:
        session = connect(vc, task_poll_interval=3600)
        power_on(session, vms_in_state(session, 'poweredOff')[0])
        assert pauses == []


def test_many_waiters_share_the_work(connect: SessionMaker) -> None:
    """Nobody reads: one has the server watch for all, and one asks for all."""
    with VCenterSimulator(task_seconds=1, inventory=Inventory(vms=3 * WAITERS)) as vc:
        session = connect(vc, task_poll_interval=0.01)
        off = vms_in_state(session, 'poweredOff')
        on = vms_in_state(session, 'poweredOn')
        work = [('PowerOnVM_Task', vm) for vm in off] + [('PowerOffVM_Task', vm) for vm in on]
        tasks = [session.invoke_api(session.vim, *item) for item in work[:WAITERS]]
        vc.calls.clear()
        infos = Crowd(WAITERS, lambda number: session.wait_for_task(tasks[number])).join()
        assert [info.state for info in infos] == ['success'] * WAITERS
        assert vc.count('RetrievePropertiesEx') == 0
        # One more may be outstanding for each change that arrives alone.
        assert vc.count('WaitForUpdatesEx') <= 2 * WAITERS
        assert vc.count('ModifyListView') <= WAITERS
        for operation in ('CreatePropertyCollector', 'CreateListView', 'CreateFilter'):
            assert vc.count(operation) == 1


UNNAMED = re.compile(r'\((val|task|entity|result)\)')


def waiting(vc: VCenterSimulator) -> list[str]:
    """What was called to wait."""
    return [call.operation for call in vc.calls if not call.operation.endswith('_Task')]


@pytest.mark.parametrize('engine', [COMPILED, REFERENCE])
def test_what_waiting_costs(connect: SessionMaker, engine: str) -> None:
    """Three calls for one task, and two more for the first of a session; the info is whole."""
    # Long enough that they are asked about before they end, on a busy machine, too.
    with VCenterSimulator(task_seconds=1.0, inventory=Inventory(vms=30)) as vc:
        session = connect(vc, soap_engine=engine)
        begun = ['CreatePropertyCollector', 'CreateListView', 'CreateFilter']
        for begin in (begun, ['ModifyListView'], ['ModifyListView']):
            vm = vms_in_state(session, 'poweredOff')[0]
            vc.calls.clear()
            task = session.invoke_api(session.vim, 'PowerOnVM_Task', vm)
            info = session.wait_for_task(task)
            assert waiting(vc) == [*begin, 'WaitForUpdatesEx', 'WaitForUpdatesEx']
            read = session.invoke_api(vim_util, 'get_object_property', session.vim, task, 'info')
            assert type(info).__name__ == type(read).__name__ == 'TaskInfo'
            assert list(info.__keylist__) == list(read.__keylist__)
            # References are called by the element that they came in.
            assert UNNAMED.sub('(', str(info)) == UNNAMED.sub('(', str(read))


def test_what_has_ended_is_soon_only_read(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """Where a task had ended when it was asked about, the next one is read before it is watched."""
    tasks = [begun_task(session) for _ in range(3)]
    for task in tasks:
        session.invoke_api(session.vim, 'SetTaskState', task, state='success')
    vc.calls.clear()
    for task in tasks:
        assert session.wait_for_task(task).state == 'success'
    assert vc.count('CreateListView') == 1
    assert vc.count('ModifyListView') == 0
    assert vc.count('RetrievePropertiesEx') == 2


def test_a_task_that_is_gone_disturbs_nobody(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """Whoever waits for it is told so, and the others wait on as before."""
    task = begun_task(session)
    waiting = Crowd(1, lambda number: session.wait_for_task(task))
    while vc.count('WaitForUpdatesEx') < 2:
        threading.Event().wait(0.01)
    for number in range(3):
        with pytest.raises(exceptions.ManagedObjectNotFoundException):
            session.wait_for_task(vim_util.get_moref(f'task-9999{number}', 'Task'))
    session.invoke_api(session.vim, 'SetTaskState', task, state='success')
    assert waiting.join()[0].state == 'success'
    assert vc.count('CreatePropertyCollector') == 1


def begun_task(session: api.VMwareAPISession) -> Any:
    """A task of an extension, which runs until it is told otherwise."""
    content = session.vim.service_content
    task = session.invoke_api(
        session.vim, 'CreateTask', content.taskManager, obj=content.rootFolder,
        taskTypeId='org.openstack.compute.task', initiatedBy='a test', cancelable=False,
    ).task  # fmt: skip
    session.invoke_api(session.vim, 'SetTaskState', task, state='running')
    return task


class Reading(api.VMwareAPISession):
    """A session of somebody who wants to see all that is read."""

    def invoke_api(self, module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        value = super().invoke_api(module, method, *args, **kwargs)
        if method == 'get_object_property':
            value.name = 'seen'
        return value


def test_who_replaces_invoke_api_sees_what_is_read() -> None:
    """The value comes from there, at the beginning and at the end, and in time all the same."""
    with (
        VCenterSimulator(task_seconds=0.3) as vc,
        Reading(
            vc.host, vc.username, vc.password, 0, 3600, port=vc.port, cacert=vc.cacert
        ) as session,
    ):
        vm = vms_in_state(session, 'poweredOff')[0]
        vc.calls.clear()
        info = power_on(session, vm)
        assert (info.state, info.name) == ('success', 'seen')
        assert waiting(vc)[0] == waiting(vc)[-1] == 'RetrievePropertiesEx'
        assert vc.count('RetrievePropertiesEx') == 2


def test_a_server_without_views_tells_as_well(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """Each task then has a filter, which goes with its waiter."""
    vc.faults.on('CreateListView', fault='NotSupported', times=None)
    for vm in vms_in_state(session, 'poweredOff')[:2]:
        assert power_on(session, vm).state == 'success'
    assert vc.count('CreateListView') == 1
    assert vc.count('CreateFilter') == vc.count('DestroyPropertyFilter') == 2
    assert vc.count('WaitForUpdatesEx') >= 2


def test_a_server_without_updates_is_polled(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """The pause is then the poll interval."""
    session = connect(vc)
    vc.faults.on('CreatePropertyCollector', fault='NotSupported', times=None)
    info = power_on(session, vms_in_state(session, 'poweredOff')[0])
    assert info.state == 'success'
    assert vc.count('CreatePropertyCollector') == 1
    assert vc.count('WaitForUpdatesEx') == 0


def test_a_stand_in_for_the_service_is_polled(connect: SessionMaker, pauses: list[float]) -> None:
    """Users' suites put objects of their own in ``_vim``; only property reads reach them."""
    session = api.VMwareAPISession('host', 'user', 'secret', 0, 0.5, create_session=False)
    states = ['queued', 'running', 'success']
    session._vim = SimpleNamespace(
        service_content=SimpleNamespace(propertyCollector='pc'),
        client=SimpleNamespace(factory=SimpleNamespace(create=lambda name: SimpleNamespace())),
        RetrievePropertiesEx=lambda pc, specSet, options, skip_op_id=False: SimpleNamespace(
            objects=[
                SimpleNamespace(
                    propSet=[SimpleNamespace(name='info', val=SimpleNamespace(state=states.pop(0)))]
                )
            ]
        ),
    )
    info = session.wait_for_task(vim_util.get_moref('task-1', 'Task'))
    assert info.state == 'success'
    assert len(pauses) == 2
    assert all(0.4 < pause <= 0.5 for pause in pauses)


def test_a_session_that_expires_while_it_is_waited_for(connect: SessionMaker) -> None:
    """The wait goes on with the new session."""
    with VCenterSimulator(task_seconds=1) as vc:
        session = connect(vc)
        task = session.invoke_api(
            session.vim, 'PowerOnVM_Task', vms_in_state(session, 'poweredOff')[0]
        )
        waiting = Crowd(1, lambda number: session.wait_for_task(task))
        while not vc.count('WaitForUpdatesEx'):
            threading.Event().wait(0.01)
        vc.terminate_sessions()
        assert waiting.join()[0].state == 'success'
        assert vc.count('Login') == 2


def test_a_task_that_is_gone(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """ManagedObjectNotFound is raised; nobody waits for ever."""
    with pytest.raises(exceptions.ManagedObjectNotFoundException):
        session.wait_for_task(vim_util.get_moref('task-99999', 'Task'))


def scripted_session(*values: Any) -> api.VMwareAPISession:
    """A session whose property reads give these values, one after the other."""
    session = api.VMwareAPISession('host', 'user', 'secret', 0, 0.0, create_session=False)
    pending = list(values)

    def invoke_api(module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        value = pending.pop(0)
        if isinstance(value, Exception):
            raise value
        return value

    session._vim = object()
    session.invoke_api = invoke_api  # type: ignore[method-assign]
    return session


@pytest.mark.parametrize('info', [None, SimpleNamespace(state='error')])
def test_a_task_without_a_reason(info: Any) -> None:
    """An unset info or error is a VimException that names the task, not an AttributeError."""
    with pytest.raises(exceptions.VimException, match='task-1'):
        scripted_session(info).wait_for_task(vim_util.get_moref('task-1', 'Task'))


@pytest.mark.parametrize('empty', [1, 2])
def test_an_empty_reply_is_no_state(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float], empty: int
) -> None:
    """The session is alive, and the task is asked about again."""
    task = session.invoke_api(session.vim, 'PowerOnVM_Task', vms_in_state(session, 'poweredOff')[0])
    vc.faults.empty_reply('RetrievePropertiesEx', times=empty)
    assert session.wait_for_task(task).state == 'success'
    assert vc.count('Login') == 1


@pytest.mark.parametrize('operation', ['wait_for_task', 'wait_for_lease_ready'])
def test_a_server_that_says_nothing_about_it(
    vc: VCenterSimulator, session: api.VMwareAPISession, operation: str
) -> None:
    """After three empty replies nobody waits any longer, and no state is made up."""
    vc.faults.on('CreatePropertyCollector', fault='NotSupported', times=None)
    vc.faults.empty_reply('RetrievePropertiesEx', times=None)
    vc.calls.clear()
    with pytest.raises(exceptions.VimException, match='replies about it are empty') as raised:
        getattr(session, operation)(vim_util.get_moref('some-1', 'Task'))
    assert type(raised.value) is exceptions.VimException
    assert 'some-1' in str(raised.value)
    assert 'None' not in str(raised.value)
    assert vc.count('RetrievePropertiesEx') == 3


LEASE = vim_util.get_moref('lease-1', 'HttpNfcLease')


def test_a_lease_becomes_ready() -> None:
    """None, after as many polls as it takes."""
    assert scripted_session('initializing', 'ready').wait_for_lease_ready(LEASE) is None


class FileFault:
    """What a lease's error carries."""


@pytest.mark.parametrize(
    ('values', 'expected', 'words'),
    [
        (
            ['error', SimpleNamespace(fault=FileFault(), localizedMessage='disk full')],
            exceptions.FileFaultException,
            'disk full',
        ),
        (['error', exceptions.VimException('no')], exceptions.VimException, 'could not be read'),
        (['error', None], exceptions.VimException, 'no reason given'),
        (['done'], exceptions.VimException, 'unknown state done'),
        ([None], exceptions.VimException, 'unknown state None'),
    ],
)
def test_a_lease_that_does_not(values: list[Any], expected: type, words: str) -> None:
    """The server's reason as its class; VimException naming the lease where there is none."""
    with pytest.raises(exceptions.VimException) as raised:
        scripted_session(*values).wait_for_lease_ready(LEASE)
    assert type(raised.value) is expected
    assert words in str(raised.value)
    assert 'lease-1' in str(raised.value)


def test_a_new_session_shares_anew(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """The property collector died with the session before; the next wait makes its own."""
    off = vms_in_state(session, 'poweredOff')
    power_on(session, off[0])
    vc.terminate_sessions()
    vms_in_state(session, 'poweredOff')
    vc.calls.clear()
    power_on(session, vms_in_state(session, 'poweredOff')[0])
    assert vc.count('CreatePropertyCollector') == 1
    assert vc.count('WaitForUpdatesEx') >= 1


def test_an_update_is_not_waited_for_longer_than_a_connection(
    vc: VCenterSimulator, connect: SessionMaker
) -> None:
    """The outstanding request ends before its connection would time out."""
    session = connect(vc, connection_timeout=4)
    power_on(session, vms_in_state(session, 'poweredOff')[0])
    asked = [call.args for call in vc.calls if call.operation == 'WaitForUpdatesEx']
    assert {args.options.maxWaitSeconds for args in asked if args is not None} == {0, 2}
