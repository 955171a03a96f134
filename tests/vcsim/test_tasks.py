"""Power, tasks and waiting for them.

govmomi's own tasks have ended when their operation returns. Those of an extension, which
``main.go`` adds, run until a test ends them: only with them there is something to wait for.
"""

from typing import Any

import pytest
from pyVmomi import vim

from oslo_vmware import api, exceptions, vim_util
from tests.functional.conftest import Crowd, SessionMaker
from tests.vcsim.server import Vcsim

WAITERS = 16


def machines(session: api.VMwareAPISession) -> list[Any]:
    result = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    return [content.obj for content in result.objects]


def run(session: api.VMwareAPISession, operation: str, moref: Any, **arguments: Any) -> Any:
    task = session.invoke_api(session.vim, operation, moref, **arguments)
    return session.wait_for_task(task)


def new_task(session: api.VMwareAPISession) -> Any:
    """A task that is queued until it is told otherwise."""
    content = session.vim.service_content
    info = session.invoke_api(
        session.vim,
        'CreateTask',
        content.taskManager,
        obj=content.rootFolder,
        taskTypeId='org.openstack.compute.task',
        initiatedBy='a test',
        cancelable=False,
    )
    assert info.state == 'queued'
    return info.task


def set_state(session: api.VMwareAPISession, task: Any, state: str, **more: Any) -> None:
    session.invoke_api(session.vim, 'SetTaskState', task, state=state, **more)


def fault_of(session: api.VMwareAPISession, name: str, members: dict[str, Any]) -> Any:
    create = session.vim.client.factory.create
    localized = create('ns0:LocalizedMethodFault')
    localized.fault = create(f'ns0:{name}')
    for member, value in members.items():
        setattr(localized.fault, member, value)
    localized.localizedMessage = 'It went wrong.'
    return localized


def test_power(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """On, suspended, on, reset, off: each as the server's own view of the machine has it."""
    vm = machines(session)[0]
    steps = [
        ('PowerOnVM_Task', 'poweredOn'),
        ('SuspendVM_Task', 'suspended'),
        ('PowerOnVM_Task', 'poweredOn'),
        ('ResetVM_Task', 'poweredOn'),
        ('PowerOffVM_Task', 'poweredOff'),
    ]
    with vc.observer() as content:
        machine = vim.VirtualMachine(vm.value, content.rootFolder._stub)
        for operation, state in steps:
            info = run(session, operation, vm)
            assert (info.state, info.entity.value) == ('success', vm.value)
            assert machine.runtime.powerState == state
            read = session.invoke_api(
                vim_util, 'get_object_property', session.vim, vm, 'runtime.powerState'
            )
            assert read == state


def test_power_that_is_on_already(session: api.VMwareAPISession) -> None:
    """InvalidPowerState, with both states in the details."""
    vm = machines(session)[0]
    run(session, 'PowerOnVM_Task', vm)
    with pytest.raises(exceptions.InvalidPowerStateException) as raised:
        run(session, 'PowerOnVM_Task', vm)
    assert raised.value.details == {'requestedState': 'poweredOn', 'existingState': 'poweredOn'}


def test_a_machine_is_cloned_reconfigured_and_destroyed(
    vc: Vcsim, session: api.VMwareAPISession
) -> None:
    """What users do to machines arrives with all that they asked for."""
    create = session.vim.client.factory.create
    vm = machines(session)[0]
    read = vim_util.get_object_property
    spec = create('ns0:VirtualMachineCloneSpec')
    spec.location = create('ns0:VirtualMachineRelocateSpec')
    spec.location.pool = read(session.vim, vm, 'resourcePool')
    spec.powerOn, spec.template = False, False
    folder = read(session.vim, vm, 'parent')
    clone = run(session, 'CloneVM_Task', vm, folder=folder, name='clone & <co>', spec=spec).result
    config = create('ns0:VirtualMachineConfigSpec')
    config.numCPUs, config.memoryMB = 3, 192
    option = create('ns0:OptionValue')
    option.key, option.value = 'nvp.vm-uuid', 'ünïcode'
    config.extraConfig = [option]
    run(session, 'ReconfigVM_Task', clone, spec=config)
    with vc.observer() as content:
        machine = vim.VirtualMachine(clone.value, content.rootFolder._stub)
        assert machine.name == 'clone & <co>'
        assert (machine.config.hardware.numCPU, machine.config.hardware.memoryMB) == (3, 192)
        options = {one.key: one.value for one in machine.config.extraConfig}
        assert options['nvp.vm-uuid'] == 'ünïcode'
    run(session, 'Destroy_Task', clone)
    assert clone.value not in [one.value for one in machines(session)]
    with pytest.raises(exceptions.ManagedObjectNotFoundException) as raised:
        session.invoke_api(session.vim, 'PowerOnVM_Task', clone)
    assert raised.value.details == {'obj': clone.value}


def test_snapshots(session: api.VMwareAPISession) -> None:
    """Made, found in the tree, reverted to and removed."""
    vm = machines(session)[0]
    made = run(
        session,
        'CreateSnapshot_Task',
        vm,
        name='before',
        description='',
        memory=False,
        quiesce=False,
    ).result
    assert made._type == 'VirtualMachineSnapshot'
    tree = vim_util.get_object_property(session.vim, vm, 'snapshot').rootSnapshotList
    assert [(one.name, one.snapshot.value) for one in tree] == [('before', made.value)]
    run(session, 'RevertToSnapshot_Task', made)
    run(session, 'RemoveSnapshot_Task', made, removeChildren=False)
    assert vim_util.get_object_property(session.vim, vm, 'snapshot') is None


def test_a_task_is_waited_for_by_its_updates(
    vc: Vcsim, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """WaitForUpdatesEx tells of the end; nobody polls, and leaving costs no call.

    What has ended without a time of its end, as here, is read.
    """
    task = new_task(session)
    waiting = Crowd(1, lambda number: session.wait_for_task(task))
    vc.traffic.wait_for('WaitForUpdatesEx')
    set_state(session, task, 'running')
    set_state(session, task, 'success')
    (info,) = waiting.join()
    assert (info.state, info.key) == ('success', task.value)
    assert info.descriptionId == 'org.openstack.compute.task'
    assert pauses == []
    assert vc.count('CreateListView') == vc.count('CreateFilter') == 1
    assert vc.count('ModifyListView') == vc.count('DestroyPropertyFilter') == 0


@pytest.mark.parametrize(
    ('name', 'members', 'expected', 'details'),
    [
        (
            'FileLocked',
            {'file': '[ds] a.vmdk'},
            exceptions.FileLockedException,
            {'file': '[ds] a.vmdk'},
        ),
        ('ToolsUnavailable', {}, exceptions.ToolsUnavailableException, None),
        (
            'NoPermission',
            {
                'object': vim_util.get_moref('group-d1', 'Folder'),
                'privilegeId': 'VirtualMachine.Interact.PowerOn',
            },
            exceptions.NoPermissionException,
            {'object': 'group-d1', 'privilegeId': 'VirtualMachine.Interact.PowerOn'},
        ),
        (
            'ResourceInUse',
            {'type': 'Datastore', 'name': 'a'},
            exceptions.VimFaultException,
            {'type': 'Datastore', 'name': 'a'},
        ),
    ],
)
def test_a_task_that_fails_while_it_is_waited_for(
    vc: Vcsim,
    session: api.VMwareAPISession,
    pauses: list[float],
    name: str,
    members: dict[str, Any],
    expected: type,
    details: dict[str, str] | None,
) -> None:
    """The fault's class with the server's words, and the fault's members in the details."""
    task = new_task(session)
    waiting = Crowd(1, lambda number: session.wait_for_task(task))
    vc.traffic.wait_for('WaitForUpdatesEx')
    set_state(session, task, 'error', fault=fault_of(session, name, members))
    with pytest.raises(exceptions.VimException, match='It went wrong') as raised:
        waiting.join()
    assert type(raised.value) is expected
    assert exceptions.find_fault(raised.value, name) is not None
    assert raised.value.details == details
    assert pauses == []


def test_many_wait_for_tasks_together(
    vc: Vcsim, connect: SessionMaker, pauses: list[float]
) -> None:
    """Each gets the result of its own task, in whatever order they end."""
    session = connect(vc)
    tasks = [new_task(session) for _ in range(WAITERS)]
    waiting = Crowd(WAITERS, lambda number: session.wait_for_task(tasks[number]))
    vc.traffic.wait_for('WaitForUpdatesEx')
    for number in reversed(range(WAITERS)):
        set_state(session, tasks[number], 'success')
    infos = waiting.join()
    assert [info.key for info in infos] == [task.value for task in tasks]
    assert [info.state for info in infos] == ['success'] * WAITERS
    assert vc.count('CreatePropertyCollector') == vc.count('CreateListView') == 1
    assert vc.count('ModifyListView') < WAITERS
    assert pauses == []


def test_what_updates_tell_of_a_task_is_whole(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """A task that govmomi has run is told once, and nobody reads it; then the next is read."""
    vm = machines(session)[0]
    reads = vc.count('RetrievePropertiesEx')
    told = run(session, 'PowerOnVM_Task', vm)
    assert vc.count('RetrievePropertiesEx') == reads
    assert vc.count('WaitForUpdatesEx') == 1
    assert (told.state, told.entity.value) == ('success', vm.value)
    assert told.queueTime <= told.startTime <= told.completeTime
    read = session.invoke_api(vim_util, 'get_object_property', session.vim, told.task, 'info')
    assert {name for name, _value in read} <= {name for name, _value in told}
    run(session, 'PowerOffVM_Task', vm)
    assert vc.count('WaitForUpdatesEx') == 1


def test_a_session_that_ends_while_it_is_waited_for(vc: Vcsim, connect: SessionMaker) -> None:
    """The wait goes on with the session that comes after it."""
    session, other = connect(vc), connect(vc)
    task = new_task(session)
    waiting = Crowd(1, lambda number: session.wait_for_task(task))
    vc.traffic.wait_for('WaitForUpdatesEx')
    vc.expire_sessions()
    set_state(other, task, 'success')
    assert waiting.join()[0].state == 'success'
