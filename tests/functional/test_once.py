"""Changes are executed once: a simulated vCenter counts what there is of them."""

import threading
from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import Crowd
from tests.functional.test_calls import morefs, name_of


class Helpers:
    """Functions of a user's, as ``invoke_api`` is given them."""

    @staticmethod
    def snapshot_and_read(session: api.VMwareAPISession, vm: Any, between: Any) -> Any:
        task = take_snapshot(session, vm, directly=True)
        between()
        return vim_util.get_object_property(session.vim, task, 'info')

    @staticmethod
    def read_twice(session: api.VMwareAPISession, vm: Any, between: Any) -> Any:
        vim_util.get_object_property(session.vim, vm, 'name')
        between()
        return vim_util.get_object_property(session.vim, vm, 'name')


def take_snapshot(session: api.VMwareAPISession, vm: Any, directly: bool = False) -> Any:
    arguments = {'name': 's', 'memory': False, 'quiesce': False}
    if directly:
        return session.vim.CreateSnapshot_Task(vm, **arguments)
    return session.invoke_api(session.vim, 'CreateSnapshot_Task', vm, **arguments)


def snapshots(session: api.VMwareAPISession, vm: Any) -> int:
    tree = session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'snapshot')
    count = 0
    pending = list(tree.rootSnapshotList) if tree else []
    while pending:
        node = pending.pop()
        count += 1
        pending += getattr(node, 'childSnapshotList', [])
    return count


def settled(vc: VCenterSimulator, session: api.VMwareAPISession, vm: Any) -> int:
    """How many snapshots there are when all tasks have ended."""
    tasks = session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'recentTask')
    for task in getattr(tasks, 'ManagedObjectReference', ()):
        session.wait_for_task(task)
    return snapshots(session, vm)


@pytest.mark.parametrize('directly', [True, False])
def test_a_snapshot_whose_answer_was_lost(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float], directly: bool
) -> None:
    """There is one, through the session and directly, and nobody is told of success."""
    vm = morefs(session, 'VirtualMachine')[0]
    vc.faults.drop('CreateSnapshot_Task', after=True)
    with pytest.raises(exceptions.VimOutcomeUnknownException, match='CreateSnapshot_Task'):
        take_snapshot(session, vm, directly)
    assert settled(vc, session, vm) == 1
    assert pauses == []


def test_a_snapshot_after_the_session_has_expired(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """NotAuthenticated says that nothing was done: the caller notices nothing."""
    vm = morefs(session, 'VirtualMachine')[0]
    vc.expire_sessions()
    session.wait_for_task(take_snapshot(session, vm))
    assert snapshots(session, vm) == 1


def test_a_session_that_expires_after_a_change_of_a_function(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """The function is not run again; the session is renewed all the same."""
    vm = morefs(session, 'VirtualMachine')[0]
    logins = vc.count('Login')
    with pytest.raises(exceptions.VimOutcomeUnknownException, match='snapshot_and_read is not'):
        session.invoke_api(Helpers, 'snapshot_and_read', session, vm, vc.expire_sessions)
    assert settled(vc, session, vm) == 1
    assert vc.count('Login') == logins + 1
    assert name_of(session, vm)


def test_threads_do_not_count_for_each_other(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """A change of one (green) thread keeps a function of another from nothing."""
    vms = morefs(session, 'VirtualMachine')
    inside, done = threading.Event(), threading.Event()

    def between() -> None:
        inside.set()
        assert done.wait(30)
        # Once: the repetition shall find the server in order.
        if not pauses:
            vc.faults.http('RetrievePropertiesEx', status=503)

    def run(number: int) -> Any:
        if number:
            assert inside.wait(30)
            take_snapshot(session, vms[1])
            done.set()
            return None
        return session.invoke_api(Helpers, 'read_twice', session, vms[0], between)

    assert Crowd(2, run).join()[0] == name_of(session, vms[0])
    assert len(pauses) == 1


@pytest.mark.parametrize('executed', [True, False])
def test_an_extension_whose_registration_was_not_answered(
    vc: VCenterSimulator, session: api.VMwareAPISession, executed: bool
) -> None:
    """A read proves it: the extension is there, and the caller notices nothing; or it is not."""
    arguments = ('register_extension', session.vim, 'org.openstack.compute', 'instance')
    vc.faults.drop('RegisterExtension', after=executed)
    if executed:
        assert session.invoke_api(vim_util, *arguments) is None
    else:
        with pytest.raises(exceptions.VimOutcomeUnknownException):
            session.invoke_api(vim_util, *arguments)
    found = session.invoke_api(vim_util, 'find_extension', session.vim, 'org.openstack.compute')
    assert (found is not None) is executed
    assert vc.count('RegisterExtension') == 1
