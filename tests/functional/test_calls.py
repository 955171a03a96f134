"""Calls through the session: headers, retries, threads, inventory."""

import logging
import threading
from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.simulator.world import metamodel
from tests.functional.conftest import Crowd, SessionMaker, as_long_as

THREADS = 32


def morefs(session: api.VMwareAPISession, type_: str) -> list[Any]:
    result = session.invoke_api(vim_util, 'get_objects', session.vim, type_, 1000)
    return [content.obj for content in result.objects]


def name_of(session: api.VMwareAPISession, moref: Any, **options: Any) -> Any:
    return session.invoke_api(
        vim_util, 'get_object_property', session.vim, moref, 'name', **options
    )


# Headers


def test_each_call_carries_its_own_operation_id(
    connect: SessionMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """32 threads on one session: what the server saw is what that very thread logged."""
    with VCenterSimulator(inventory=Inventory(vms=THREADS)) as vc:
        session = connect(vc, op_id_prefix='nova')
        vms = morefs(session, 'VirtualMachine')
        vc.calls.clear()
        with caplog.at_level(logging.DEBUG, logger='oslo_vmware.service'):
            caplog.clear()

            def read(number: int) -> None:
                threading.current_thread().name = vms[number].value
                for _ in range(3):
                    session.invoke_api(session.vim, 'RefreshStorageInfo', vms[number])

            Crowd(THREADS, read).join()
        logged = [
            (record.threadName, record.getMessage().rpartition('opID=')[2])
            for record in caplog.records
            if 'opID=' in record.getMessage()
        ]
        seen = [(call.target.value, call.op_id) for call in vc.calls]
        assert len(seen) == 3 * THREADS
        assert sorted(seen) == sorted(logged)
        assert len({op_id for _, op_id in seen}) == len(seen)
        assert all(op_id.startswith('nova-') for _, op_id in seen)


def test_skip_op_id_sends_no_operation_id(connect: SessionMaker) -> None:
    """Also after calls that had one, and while other threads' calls have one."""
    with VCenterSimulator(inventory=Inventory(vms=THREADS)) as vc:
        session = connect(vc)
        vms = morefs(session, 'VirtualMachine')
        vc.calls.clear()

        def refresh(number: int) -> None:
            for _ in range(3):
                session.invoke_api(
                    session.vim, 'RefreshStorageInfo', vms[number], skip_op_id=number % 2 == 0
                )

        Crowd(THREADS, refresh).join()
        seen = sorted((call.target.value, call.op_id is None) for call in vc.calls)
        assert seen == sorted(
            (vm.value, number % 2 == 0) for number, vm in enumerate(vms) for _ in range(3)
        )


# Threads


def test_a_call_costs_no_thread(
    vc: VCenterSimulator, connect: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller's thread does it all: calls, waiting for a task, an expired session."""
    session = connect(vc)
    vm = next(
        vm for vm in morefs(session, 'VirtualMachine') if power_state(session, vm) == 'poweredOff'
    )
    where: list[int] = []
    real_get = vim_util.get_object_property

    def noting(*args: Any, **kwargs: Any) -> Any:
        where.append(threading.get_ident())
        return real_get(*args, **kwargs)

    monkeypatch.setattr(vim_util, 'get_object_property', noting)
    mine = threading.get_ident()
    real_start = threading.Thread.start
    started: list[str] = []

    def start(thread: threading.Thread) -> None:
        # The simulator lives in this process too; its threads are its own.
        if threading.get_ident() == mine:
            started.append(thread.name)
        real_start(thread)

    monkeypatch.setattr(threading.Thread, 'start', start)
    session.wait_for_task(session.invoke_api(session.vim, 'PowerOnVM_Task', vm))
    vc.expire_sessions()
    assert name_of(session, vm)
    assert started == []
    assert set(where) == {mine}


def power_state(session: api.VMwareAPISession, vm: Any) -> str:
    state: str = session.invoke_api(
        vim_util, 'get_object_property', session.vim, vm, 'runtime.powerState'
    )
    return state


# Retries


@pytest.mark.parametrize(
    ('trouble', 'times'),
    [
        (lambda faults: faults.http('RetrievePropertiesEx', status=503, times=2), 2),
        (lambda faults: faults.http('RetrievePropertiesEx', status=502, times=2), 2),
        (lambda faults: faults.broken_xml('RetrievePropertiesEx', times=2), 2),
        (lambda faults: faults.empty_body('RetrievePropertiesEx', times=2), 2),
    ],
)
def test_trouble_is_waited_out(
    vc: VCenterSimulator,
    session: api.VMwareAPISession,
    pauses: list[float],
    trouble: Any,
    times: int,
) -> None:
    """The call is repeated after growing pauses and succeeds; nobody logs in for that."""
    vm = morefs(session, 'VirtualMachine')[0]
    trouble(vc.faults)
    assert name_of(session, vm)
    assert as_long_as(pauses, 10, 20)
    assert vc.count('Login') == 1


def test_trouble_that_does_not_end(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """After the configured repetitions the last exception is raised."""
    vm = morefs(session, 'VirtualMachine')[0]
    vc.faults.http('RetrievePropertiesEx', status=503, times=None)
    with pytest.raises(exceptions.VimConnectionException, match='503'):
        name_of(session, vm)
    assert as_long_as(pauses, 10, 20, 30)


def test_a_lost_connection_is_waited_out(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """The server hangs up without a word, twice: on the old connection and on the new one."""
    vm = morefs(session, 'VirtualMachine')[0]
    vc.faults.drop('RetrievePropertiesEx', times=2)
    assert name_of(session, vm)
    assert as_long_as(pauses, 10)


@pytest.mark.parametrize(
    ('fault', 'expected'),
    [
        ('NoPermission', exceptions.NoPermissionException),
        ('InvalidPowerState', exceptions.InvalidPowerStateException),
        ('ManagedObjectNotFound', exceptions.ManagedObjectNotFoundException),
        ('TaskInProgress', exceptions.TaskInProgress),
        ('InvalidArgument', exceptions.VimFaultException),
    ],
)
def test_a_fault_becomes_its_class(
    vc: VCenterSimulator, session: api.VMwareAPISession, fault: str, expected: type
) -> None:
    """Registered faults are raised as their class, the others as VimFaultException itself."""
    vm = morefs(session, 'VirtualMachine')[0]
    vc.faults.on('PowerOnVM_Task', fault=fault)
    with pytest.raises(exceptions.VimException) as raised:
        session.invoke_api(session.vim, 'PowerOnVM_Task', vm)
    assert type(raised.value) is expected
    assert exceptions.find_fault(raised.value, fault) is not None


def test_a_vanished_object_is_named_in_the_details(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """Nova recovers by ``details['obj']``."""
    with pytest.raises(exceptions.ManagedObjectNotFoundException) as raised:
        name_of(session, vim_util.get_moref('vm-99999', 'VirtualMachine'))
    assert raised.value.details == {'obj': 'vm-99999'}


# Inventory

EVERYTHING = [
    'Folder',
    'Datacenter',
    'ComputeResource',
    'ClusterComputeResource',
    'HostSystem',
    'ResourcePool',
    'VirtualMachine',
    'Datastore',
    'Network',
    'DistributedVirtualSwitch',
    'DistributedVirtualPortgroup',
]


@pytest.mark.parametrize('type_', EVERYTHING)
def test_the_inventory_traversal_reaches_every_type(
    vc: VCenterSimulator, session: api.VMwareAPISession, type_: str
) -> None:
    """get_objects finds each object of the type that the server has, once."""
    found = [vim_util.get_moref_value(moref) for moref in morefs(session, type_)]
    there = [
        obj.ref.value
        for obj in vc.world.objects.values()
        if type_ in metamodel.ancestors(obj.ref.type)
    ]
    assert there
    assert sorted(found) == sorted(there)


def test_a_retrieval_is_read_page_by_page(connect: SessionMaker) -> None:
    """WithRetrieval fetches a page when the one before is used up, and leaves none open."""
    with VCenterSimulator(inventory=Inventory(vms=25)) as vc:
        session = connect(vc)
        result = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 10)
        with vim_util.WithRetrieval(session.vim, result) as objects:
            names = [content.propSet[0].val for content in objects]
        assert len(names) == len(set(names)) == 25
        assert vc.count('ContinueRetrievePropertiesEx') == 2
        assert vc.count('CancelRetrievePropertiesEx') == 0


def test_a_retrieval_that_is_left_is_cancelled(connect: SessionMaker) -> None:
    """The server does not keep pages for a caller who has gone."""
    with VCenterSimulator(inventory=Inventory(vms=25)) as vc:
        session = connect(vc)
        result = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 10)
        with vim_util.WithRetrieval(session.vim, result) as objects:
            next(iter(objects))
        assert vc.count('CancelRetrievePropertiesEx') == 1


def test_an_inventory_path(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """From below the root folder down to the object."""
    vm = morefs(session, 'VirtualMachine')[0]
    path = vim_util.get_inventory_path(session.vim, vm)
    found = session.invoke_api(
        session.vim,
        'FindByInventoryPath',
        session.vim.service_content.searchIndex,
        inventoryPath=path,
    )
    assert (found.value, path[0]) == (vm.value, '/')


def test_the_servers_own_description(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """Without a location the server's description is read, with everything it includes."""
    session = connect(vc, wsdl_loc=None)
    assert name_of(session, session.vim.service_content.rootFolder) == 'Datacenters'
