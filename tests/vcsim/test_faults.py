"""Faults, and operations that the server does not have.

govmomi knows no roles that lack a privilege: NoPermission comes only as the fault of a task, in
``test_tasks``. Its ExtensionManager is an object without operations; those that the library needs
are ``main.go``'s.
"""

from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util
from tests.vcsim.server import Vcsim

Session = api.VMwareAPISession


def call(session: Session, operation: str, moref: Any, **arguments: Any) -> Any:
    return session.invoke_api(session.vim, operation, moref, **arguments)


def folder(session: Session) -> Any:
    return session.vim.service_content.rootFolder


def make_twice(session: Session) -> None:
    for _ in range(2):
        call(session, 'CreateFolder', folder(session), name='twice')


def end_own_session(session: Session) -> None:
    manager = session.vim.service_content.sessionManager
    call(session, 'TerminateSession', manager, sessionId=[session._session_id])


def add_known_datastore(session: Session) -> None:
    host = session.invoke_api(vim_util, 'get_objects', session.vim, 'HostSystem', 1).objects[0].obj
    datastore = session.invoke_api(
        vim_util, 'get_objects', session.vim, 'Datastore', 1, ['summary.url', 'name']
    )
    known = vim_util.propset_dict(datastore.objects[0].propSet)
    system = vim_util.get_object_property(session.vim, host, 'configManager').datastoreSystem
    call(session, 'CreateLocalDatastore', system, name=known['name'], path=known['summary.url'])


def register_twice(session: Session) -> None:
    for _ in range(2):
        vim_util.register_extension(session.vim, 'org.openstack.compute', 'instance')


NOTHING = vim_util.get_moref('vm-404', 'VirtualMachine')


@pytest.mark.parametrize(
    ('action', 'raised', 'name', 'details'),
    [
        (
            lambda s: call(s, 'PowerOnVM_Task', NOTHING),
            exceptions.ManagedObjectNotFoundException,
            'ManagedObjectNotFound',
            {'obj': 'vm-404'},
        ),
        (
            lambda s: vim_util.get_object_property(s.vim, NOTHING, 'name'),
            exceptions.VimFaultException,
            'ManagedObjectNotFound',
            {'obj': 'vm-404'},
        ),
        (make_twice, exceptions.DuplicateName, 'DuplicateName', {'name': 'twice'}),
        (add_known_datastore, exceptions.DuplicateName, 'DuplicateName', {'name': 'LocalDS_0'}),
        (end_own_session, exceptions.VimFaultException, 'InvalidArgument', {}),
        (
            register_twice,
            exceptions.VimFaultException,
            'InvalidArgument',
            {'invalidProperty': 'extension.key'},
        ),
        (
            lambda s: call(
                s, 'QueryManagedBy', s.vim.service_content.extensionManager, extensionKey='x'
            ),
            exceptions.VimFaultException,
            'MethodNotFound',
            {'receiver': 'ExtensionManager', 'method': 'QueryManagedBy'},
        ),
        (
            lambda s: call(s, 'QueryTargetCapabilities', NOTHING),
            exceptions.ManagedObjectNotFoundException,
            'ManagedObjectNotFound',
            {'obj': 'vm-404'},
        ),
    ],
)
def test_a_fault_keeps_its_class_its_name_and_its_members(
    session: Session, action: Any, raised: type, name: str, details: dict[str, Any]
) -> None:
    """The class registered for it, or VimFaultException; ``details`` has what it said."""
    with pytest.raises(exceptions.VimException) as caught:
        action(session)
    assert type(caught.value) is raised
    if isinstance(caught.value, exceptions.VimFaultException):
        assert caught.value.fault_list == [name]
    assert details.items() <= (caught.value.details or {}).items()


def test_an_extension(session: Session) -> None:
    """None before it was registered; afterwards as it was written."""
    assert vim_util.find_extension(session.vim, 'org.openstack.compute') is None
    vim_util.register_extension(session.vim, 'org.openstack.compute', 'instance', version='2.1')
    found = vim_util.find_extension(session.vim, 'org.openstack.compute')
    assert (found.key, found.version) == ('org.openstack.compute', '2.1')
    assert (found.description.label, found.description.summary) == (
        'OpenStack',
        'OpenStack services',
    )
    assert [one.type for one in found.managedEntityInfo] == ['instance']
    assert found.lastHeartbeatTime.tzinfo is not None


def test_an_operation_id_goes_along(vc: Vcsim, session: Session) -> None:
    """The server takes the header, with and without one."""
    for skip in (False, True):
        vc.calls.clear()
        name = session.invoke_api(
            vim_util, 'get_object_property', session.vim, folder(session), 'name', skip_op_id=skip
        )
        assert name == 'Datacenters'
        (seen,) = vc.calls
        assert (seen.op_id is None) == skip
