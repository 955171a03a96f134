"""What helps people to write calls, on real sessions: types, operations that say what they take."""

import copy
import functools
import inspect
import pydoc
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import suds

from oslo_vmware import api, exceptions, types, vim_util
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.soap import client
from oslo_vmware.types import pbm, vim
from tests.functional.conftest import DESCRIPTION
from tests.stand_ins import Proxy


@pytest.fixture(scope='module')
def server() -> Iterator[VCenterSimulator]:
    """A vCenter for all tests here."""
    with VCenterSimulator(task_seconds=0.01) as simulator:
        yield simulator
    assert simulator.errors == []


@pytest.fixture(scope='module')
def session(server: VCenterSimulator, pbm_description: str) -> Iterator[api.VMwareAPISession]:
    """A session for all tests here."""
    made = api.VMwareAPISession(
        *(server.host, server.username, server.password, 1, 0.05),
        port=server.port,
        cacert=server.cacert,
        wsdl_loc=DESCRIPTION,
        pbm_wsdl_loc=pbm_description,
    )
    yield made
    made.close()


@pytest.fixture
def machine(session: api.VMwareAPISession) -> Any:
    """A machine of the server."""
    found = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 1)
    vim_util.cancel_retrieval(session.vim, found)
    return found.objects[0].obj


def test_a_server_takes_objects_of_the_types(session: api.VMwareAPISession, machine: Any) -> None:
    """Whichever engine sends them, with references and values of enumerations in them."""
    sharing = vim.SharesInfo(level=vim.SharesLevel.high, shares=10)
    spec = vim.VirtualMachineConfigSpec(
        annotation='typed',
        cpuAllocation=vim.ResourceAllocationInfo(shares=sharing),
        extraConfig=[vim.OptionValue(key='one', value='1')],
    )
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', machine, spec=spec))
    config = session.invoke_api(vim_util, 'get_object_property', session.vim, machine, 'config')
    assert config.annotation == 'typed'
    assert config.cpuAllocation.shares.level == vim.SharesLevel.high
    assert isinstance(config, vim.VirtualMachineConfigInfo)
    assert all(isinstance(one, vim.VirtualDevice) for one in config.hardware.device)
    assert isinstance(machine, vim.ManagedObjectReference)


def test_a_server_takes_back_what_it_gave(
    session: api.VMwareAPISession, server: VCenterSimulator, machine: Any
) -> None:
    """A machine read from a descriptor is imported as it came, texts that came empty included."""
    ovf = session.vim.service_content.ovfManager
    common = {'locale': '', 'deploymentOption': ''}
    parts = vim.OvfCreateDescriptorParams(ovfFiles=[])
    made = session.invoke_api(session.vim, 'CreateDescriptor', ovf, obj=machine, cdp=parts)
    read = functools.partial(session.invoke_api, vim_util, 'get_object_property', session.vim)
    pool, stores = read(machine, 'resourcePool'), vim_util.as_list(read(machine, 'datastore'))
    wanted = vim.OvfCreateImportSpecParams(entityName='again', **common)
    taken = session.invoke_api(
        *(session.vim, 'CreateImportSpec', ovf),
        ovfDescriptor=made.ovfDescriptor,
        resourcePool=pool,
        datastore=stores[0],
        cisp=wanted,
    )
    folder = read(machine, 'parent')
    lease = session.invoke_api(
        session.vim, 'ImportVApp', pool, spec=taken.importSpec, folder=folder
    )
    session.wait_for_lease_ready(lease)
    again = read(lease, 'info').entity
    session.invoke_api(session.vim, 'HttpNfcLeaseAbort', lease)
    assert again.value != machine.value


def test_what_is_at_a_place_is_found_there(session: api.VMwareAPISession) -> None:
    """The path that one function tells, the other takes, with a slash in a name or without."""
    call = functools.partial(session.invoke_api, vim_util)
    root = session.vim.service_content.rootFolder
    folder = session.invoke_api(session.vim, 'CreateFolder', root, name='a/b')
    path = call('get_inventory_path', session.vim, folder)
    assert path == '/a%2fb'
    for written in (path, 'a%2fb', '//a%2fb/'):
        assert call('find_by_inventory_path', session.vim, written).value == folder.value
    assert call('find_by_inventory_path', session.vim, '/').value == root.value
    assert call('find_by_inventory_path', session.vim, '/a%2fb/c') is None


def test_a_server_of_policies_takes_objects_of_the_types(session: api.VMwareAPISession) -> None:
    """Of the newest description, though the session speaks an older version."""
    ids = session.invoke_api(
        *(session.pbm, 'PbmQueryProfile', session.pbm.service_content.profileManager),
        resourceType=pbm.PbmProfileResourceType(
            resourceType=pbm.PbmProfileResourceTypeEnum.STORAGE
        ),
    )
    assert ids
    assert all(isinstance(one, pbm.PbmProfileId) for one in ids)


def test_the_types_of_a_session_are_as_its_server_describes_them(
    session: api.VMwareAPISession,
) -> None:
    """Its factory makes the objects, so that they have the members that the server knows."""
    theirs = types.of(session.pbm)
    made = theirs.PbmPlacementHub(hubType='Datastore', hubId='datastore-1')
    expected = session.pbm.client.factory.create('ns0:PbmPlacementHub')
    assert made.__keylist__ == expected.__keylist__
    assert type(made).__mro__[1:] == type(expected).__mro__[1:]
    assert isinstance(made, theirs.PbmPlacementHub)
    # The session's description is that of 8.0, the shipped one is newer.
    newer = set(dir(pbm)) - set(dir(theirs))
    assert newer
    with pytest.raises(AttributeError, match='has no type'):
        getattr(theirs, newer.pop())


@pytest.mark.parametrize('by_factory', [False, True], ids=['types', 'factory'])
def test_a_server_gets_what_it_requires_though_it_is_empty(
    session: api.VMwareAPISession, machine: Any, by_factory: bool
) -> None:
    """An empty filter, an empty specification, an empty place in one: a call without is refused."""

    def made(name: str) -> Any:
        if by_factory:
            return session.vim.client.factory.create(f'ns0:{name}')
        return getattr(vim, name)()

    tasks = session.vim.service_content.taskManager
    collector = session.invoke_api(
        session.vim, 'CreateCollectorForTasks', tasks, filter=made('TaskFilterSpec')
    )
    session.invoke_api(session.vim, 'DestroyCollector', collector)
    for operation, type_ in (
        ('ReconfigVM_Task', 'VirtualMachineConfigSpec'),
        ('RelocateVM_Task', 'VirtualMachineRelocateSpec'),
    ):
        task = session.invoke_api(session.vim, operation, machine, spec=made(type_))
        session.wait_for_task(task)
    clone = made('VirtualMachineCloneSpec')
    clone.powerOn, clone.template = False, False
    folder = session.invoke_api(vim_util, 'get_object_property', session.vim, machine, 'parent')
    arguments = {'folder': folder, 'name': f'a clone {by_factory}', 'spec': clone}
    # What the factory has put there says nothing.
    with pytest.raises(exceptions.VimFaultException, match='location'):
        session.invoke_api(session.vim, 'CloneVM_Task', machine, **arguments)
    clone.location = made('VirtualMachineRelocateSpec')
    session.wait_for_task(session.invoke_api(session.vim, 'CloneVM_Task', machine, **arguments))


def test_a_service_lists_its_operations(session: api.VMwareAPISession) -> None:
    """Those of its own description, beside what it has itself."""
    operations, policies = dir(session.vim), dir(session.pbm)
    assert {'CloneVM_Task', 'PowerOnVM_Task', 'service_content', 'client'} <= set(operations)
    assert {'PbmQueryProfile', 'service_content'} <= set(policies)
    assert 'CloneVM_Task' not in policies
    assert len(operations) > 900


def test_an_operation_tells_what_it_takes(session: api.VMwareAPISession) -> None:
    """To ``help`` and to editors: parameters with types, result, faults, version, what it does."""
    clone, query = session.vim.CloneVM_Task, session.pbm.PbmQueryProfile
    assert str(inspect.signature(clone)) == (
        "(_this: 'ManagedObjectReference', /, *, folder: 'ManagedObjectReference', name: 'str', "
        "spec: 'VirtualMachineCloneSpec', skip_op_id=False) -> 'ManagedObjectReference'"
    )
    assert "profileCategory: 'str | None' = None" in str(inspect.signature(query))
    assert inspect.signature(query).return_annotation == 'list[PbmProfileId]'
    assert (clone.__name__, clone.__qualname__) == ('CloneVM_Task', 'CloneVM_Task')
    assert copy.deepcopy(clone) is clone
    shown = pydoc.render_doc(clone, renderer=pydoc.plaintext)
    for words in (
        'CloneVM_Task(',
        "_this: 'ManagedObjectReference'",
        'Perform CloneVM_Task (urn:vim25/',
        'It changes something.',
        ':param spec: VirtualMachineCloneSpec',
        '``session.wait_for_task`` waits for it',
        'InvalidDatastore',
    ):
        assert words in shown
    assert 'It only reads.' in query.__doc__
    assert 'on a managed object.' in session.vim.PowerOnVM_Task.__doc__


@pytest.mark.parametrize('stand_in', [None, mock.MagicMock()], ids=['none', 'a mock'])
def test_to_read_an_operation_looks_nothing_up(
    session: api.VMwareAPISession, stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any name gives one, whoever stands for the client; then it says that nothing is known."""
    monkeypatch.setattr(session.vim, 'client', stand_in)
    operation = session.vim.NoSuchOperation
    assert str(inspect.signature(operation)) == '(managed_object, /, **arguments)'
    assert 'says nothing' in operation.__doc__
    assert 'service_content' in dir(session.vim)


def test_an_operation_that_there_is_not(session: api.VMwareAPISession, machine: Any) -> None:
    """The exception is as ever; it names the operation that was probably meant."""
    with pytest.raises(exceptions.VimException, match="did you mean 'PowerOnVM_Task'") as raised:
        session.vim.PowerOnVm_Task(machine)
    assert type(raised.value) is exceptions.VimException
    assert isinstance(raised.value.cause, suds.MethodNotFound)
    assert 'There is no operation PowerOnVm_Task' in str(raised.value)


def test_an_argument_or_member_that_there_is_not(
    session: api.VMwareAPISession, machine: Any
) -> None:
    """The exception is as ever, and tells which."""
    with pytest.raises(exceptions.VimException, match="'newNme'") as raised:
        session.vim.Rename_Task(machine, newNme='x')
    assert isinstance(raised.value.cause, TypeError)
    spec = session.vim.client.factory.create('ns0:VirtualMachineConfigSpec')
    spec.numCpus = 2
    with pytest.raises(exceptions.VimException, match='numCpus') as raised:
        session.vim.ReconfigVM_Task(machine, spec=spec)
    assert isinstance(raised.value.cause, suds.TypeNotFound)


@pytest.mark.parametrize(
    ('arguments', 'error'),
    [
        ((), TypeError),
        (('a', 'b'), TypeError),
        ((object(),), exceptions.VimAttributeException),
        ((Proxy(None),), exceptions.VimAttributeException),
    ],
    ids=['none', 'two', 'another', 'a proxy of nothing'],
)
def test_a_missing_object_tells_which_operation_wanted_it(
    session: api.VMwareAPISession, arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    """Nothing is sent."""
    with pytest.raises(error, match=r'PowerOnVM_Task.* managed object'):
        session.vim.PowerOnVM_Task(*arguments)


def test_none_in_place_of_an_object_is_told_in_the_log(
    session: api.VMwareAPISession, caplog: pytest.LogCaptureFixture
) -> None:
    """The result is None, as ever, and nothing is sent: that is hard to find without a word."""
    assert session.vim.PowerOnVM_Task(None) is None
    assert 'PowerOnVM_Task is called on None' in caplog.text


def test_an_array_object_becomes_a_list(session: api.VMwareAPISession, machine: Any) -> None:
    """The same devices, whether they were read by themselves or with what they are in."""
    hardware, devices = (
        session.invoke_api(vim_util, 'get_object_property', session.vim, machine, path)
        for path in ('config.hardware', 'config.hardware.device')
    )
    assert type(devices).__name__ == 'ArrayOfVirtualDevice'
    listed = vim_util.as_list(devices)
    assert listed is devices.VirtualDevice
    keys = [device.key for device in vim_util.as_list(hardware.device)]
    assert [device.key for device in listed] == keys != []


@pytest.mark.skipif(
    client.engine_name() == client.REFERENCE, reason="suds' own objects say what tuples say"
)
def test_who_iterates_over_an_array_object_is_told(
    session: api.VMwareAPISession, machine: Any
) -> None:
    """What comes are the pairs that always came; one that is taken for an item says what it is."""
    devices = session.invoke_api(
        *(vim_util, 'get_object_property', session.vim, machine, 'config.hardware.device')
    )
    assert list(devices) == [('VirtualDevice', devices.VirtualDevice)]
    assert dict(devices) == {'VirtualDevice': devices.VirtualDevice}
    (pair,) = devices
    assert isinstance(pair, tuple)
    assert not hasattr(pair, 'key')
    with pytest.raises(AttributeError, match=r'VirtualDevice.*vim_util\.as_list'):
        [device.key for device in devices]
