"""Roles, permissions and what comes of them, as pyVmomi's users see it."""

from __future__ import annotations

import contextlib
import gc
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.vsphere import Client, connected, done, failed

USERS = {'reader@vsphere.local': 'r', 'worker@vsphere.local': 'w', 'nobody@vsphere.local': 'n'}
READER = 'VSPHERE.LOCAL\\Reader'
WORKER = 'VSPHERE.LOCAL\\Worker'

# pyVmomi forgets to close its connection after a failed login.
pytestmark = pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')

PC = vmodl.query.PropertyCollector
Permission = vim.AuthorizationManager.Permission


@pytest.fixture
def admin() -> Iterator[Client]:
    with connected(Inventory(vms=4), users=USERS) as found:
        yield found
        gc.collect()


@contextlib.contextmanager
def logged_in(admin: Client, name: str) -> Iterator[Client]:
    """The same server, as another user sees it."""
    service = SmartConnect(
        host=admin.vc.host,
        port=admin.vc.port,
        user=name,
        pwd=USERS[name],
        sslContext=ssl.create_default_context(cafile=admin.vc.cacert),
    )
    try:
        yield Client(admin.vc, service)
    finally:
        Disconnect(service)


def grant(admin: Client, entity: Any, user: str, role: int, propagate: bool = True) -> None:
    permission = Permission(principal=user, group=False, roleId=role, propagate=propagate)
    admin.content.authorizationManager.SetEntityPermissions(entity, [permission])


def same(client: Client, found: Any) -> Any:
    """An object of one client for another."""
    return type(found)(found._moId, client.si._stub)


def test_roles_come_change_and_go(admin: Client) -> None:
    """A role has the privileges that it was given, and the three that every role has."""
    manager = admin.content.authorizationManager
    before = {role.name: role for role in manager.roleList}
    assert before['Admin'].roleId == -1
    assert before['Admin'].system
    assert 'VirtualMachine.Interact.PowerOn' in before['Admin'].privilege
    made = manager.AddAuthorizationRole('starter', ['VirtualMachine.Interact.PowerOn'])
    (role,) = [one for one in manager.roleList if one.roleId == made]
    assert role.privilege == [
        'System.Anonymous', 'System.Read', 'System.View', 'VirtualMachine.Interact.PowerOn'
    ]  # fmt: skip
    manager.UpdateAuthorizationRole(made, 'stopper', ['VirtualMachine.Interact.PowerOff'])
    (role,) = [one for one in manager.roleList if one.roleId == made]
    assert role.name == 'stopper'
    assert role.privilege[-1] == 'VirtualMachine.Interact.PowerOff'
    manager.RemoveAuthorizationRole(made, True)
    assert {role.name for role in manager.roleList} == before.keys()
    events = admin.content.eventManager.QueryEvents(
        vim.event.EventFilterSpec(type=[vim.event.RoleEvent])
    )
    assert [event.role.name for event in events] == ['starter', 'stopper', 'stopper']
    assert events[1].privilegesRemoved == ['VirtualMachine.Interact.PowerOn']


def test_roles_that_cannot_be(admin: Client) -> None:
    """Names are unique, privileges exist, the server's own roles stay, used ones as well."""
    manager = admin.content.authorizationManager
    with pytest.raises(vim.fault.AlreadyExists):
        manager.AddAuthorizationRole('admin', [])
    with pytest.raises(vim.fault.InvalidName):
        manager.AddAuthorizationRole('', [])
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.AddAuthorizationRole('odd', ['No.Such'])
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.RemoveAuthorizationRole(-1, False)
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.UpdateAuthorizationRole(-2, 'mine', [])
    with pytest.raises(vim.fault.NotFound):
        manager.RemoveAuthorizationRole(4711, False)
    made = manager.AddAuthorizationRole('used', [])
    grant(admin, admin.at('Frankfurt'), 'reader@vsphere.local', made)
    with pytest.raises(vim.fault.RemoveFailed):
        manager.RemoveAuthorizationRole(made, True)
    manager.RemoveAuthorizationRole(made, False)
    assert admin.at('Frankfurt').permission == []


def test_permissions_are_set_and_read(admin: Client) -> None:
    """By entity, with what it inherits, by role, and all; principals are spelled as the server
    does.
    """
    manager = admin.content.authorizationManager
    datacenter = admin.at('Frankfurt')
    grant(admin, datacenter, 'vsphere.local\\reader', -2)
    (own,) = manager.RetrieveEntityPermissions(datacenter, False)
    assert (own.entity, own.principal, own.roleId) == (datacenter, READER, -2)
    assert [own.principal for own in datacenter.permission] == [READER]
    inherited = manager.RetrieveEntityPermissions(datacenter.vmFolder, True)
    assert {one.principal for one in inherited} == {READER, 'VSPHERE.LOCAL\\Administrators'}
    assert manager.RetrieveEntityPermissions(datacenter.vmFolder, False) == []
    assert [one.entity for one in manager.RetrieveRolePermissions(-2)] == [datacenter]
    assert len(manager.RetrieveAllPermissions()) == 2
    grant(admin, datacenter, 'reader@vsphere.local', 5, propagate=False)
    (own,) = manager.RetrieveEntityPermissions(datacenter, False)
    assert (own.roleId, own.propagate) == (5, False)
    manager.MergePermissions(5, -3)
    assert manager.RetrieveEntityPermissions(datacenter, False)[0].roleId == -3
    manager.ResetEntityPermissions(
        datacenter, [Permission(principal='root', group=False, roleId=-1, propagate=True)]
    )
    assert [one.principal for one in datacenter.permission] == ['root']
    manager.RemoveEntityPermission(datacenter, 'root', False)
    assert datacenter.permission == []
    with pytest.raises(vim.fault.NotFound):
        manager.RemoveEntityPermission(datacenter, 'root', False)
    events = admin.content.eventManager.QueryEvents(
        vim.event.EventFilterSpec(type=[vim.event.PermissionEvent])
    )
    assert [type(event).__name__.rpartition('.')[2] for event in events] == [
        'PermissionAddedEvent', 'PermissionUpdatedEvent', 'PermissionUpdatedEvent',
        'PermissionAddedEvent', 'PermissionRemovedEvent', 'PermissionRemovedEvent',
    ]  # fmt: skip


def test_permissions_that_cannot_be(admin: Client) -> None:
    """Principals and roles exist, and somebody stays administrator."""
    manager = admin.content.authorizationManager
    root = admin.content.rootFolder
    with pytest.raises(vim.fault.UserNotFound) as raised:
        grant(admin, root, 'stranger', -2)
    assert raised.value.principal == 'stranger'
    with pytest.raises(vim.fault.NotFound):
        grant(admin, root, 'root', 4711)
    group = 'VSPHERE.LOCAL\\Administrators'
    with pytest.raises(vim.fault.AuthMinimumAdminPermission):
        manager.RemoveEntityPermission(root, group, True)
    assert [one.principal for one in root.permission] == [group]


def test_without_a_permission_there_is_no_login(admin: Client) -> None:
    """Who may see nothing at all is refused at the door."""
    with pytest.raises(vim.fault.NoPermission), logged_in(admin, 'nobody@vsphere.local'):
        pass
    assert len(admin.vc.sessions) == 1


def test_a_reader_reads_and_does_nothing(admin: Client) -> None:
    """What a role does not grant is refused, with the object and the privilege that is missing."""
    grant(admin, admin.content.rootFolder, 'reader@vsphere.local', -2)
    with logged_in(admin, 'reader@vsphere.local') as reader:
        vm = reader.all(vim.VirtualMachine)[0]
        assert vm.config.name == vm.name
        assert vm.effectiveRole == [-2]
        datacenter = reader.at('Frankfurt')
        pool = vm.resourcePool
        for attempt, on, privilege in (
            (vm.PowerOffVM_Task, vm, 'VirtualMachine.Interact.PowerOff'),
            (vm.Destroy_Task, vm, 'VirtualMachine.Inventory.Delete'),
            (lambda: vm.Rename_Task('x'), vm, 'VirtualMachine.Config.Rename'),
            (lambda: datacenter.vmFolder.CreateFolder('x'), datacenter.vmFolder, 'Folder.Create'),
            (lambda: pool.Destroy_Task(), pool, 'Resource.DeletePool'),
            (
                lambda: vm.ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=512)),
                vm,
                'VirtualMachine.Config.Memory',
            ),
            (
                lambda: reader.content.authorizationManager.AddAuthorizationRole('x', []),
                reader.content.rootFolder,
                'Authorization.ModifyRoles',
            ),
        ):
            with pytest.raises(vim.fault.NoPermission) as raised:
                attempt()
            assert (raised.value.object, raised.value.privilegeId) == (on, privilege)
    done(same(admin, vm).ReconfigVM_Task(vim.vm.ConfigSpec(annotation='by the administrator')))


def test_a_worker_works_where_he_may(admin: Client) -> None:
    """A permission counts on its entity and below it, and nearer ones go before others."""
    first, second = admin.all(vim.VirtualMachine)[:2]
    folder = admin.at('Frankfurt').vmFolder
    grant(admin, folder, 'worker@vsphere.local', 5)
    grant(admin, second, 'worker@vsphere.local', -2)
    with logged_in(admin, 'worker@vsphere.local') as worker:
        one, other = same(worker, first), same(worker, second)
        assert worker.content.rootFolder.name == 'Datacenters'
        state = one.runtime.powerState
        done(one.PowerOffVM_Task() if state == 'poweredOn' else one.PowerOnVM_Task())
        assert one.runtime.powerState != state
        with pytest.raises(vim.fault.NoPermission):
            other.PowerOffVM_Task()
        host = same(worker, first.runtime.host)
        with pytest.raises(vim.fault.NoPermission):
            _ = host.hardware
        grant(admin, second, 'worker@vsphere.local', 5)
        if other.runtime.powerState == 'poweredOn':
            done(other.PowerOffVM_Task())
        failed(vim.fault.InvalidPowerState, other.PowerOffVM_Task())
        task = admin.content.taskManager.recentTask[-1]
        assert task.info.reason.userName == WORKER


@pytest.mark.parametrize(
    ('more', 'privilege'), [(0, 'EditDevice'), (1, 'DiskExtend')], ids=['edited', 'extended']
)
def test_disks_that_are_edited_and_extended(admin: Client, more: int, privilege: str) -> None:
    """To extend a disk is a privilege of its own; whatever else changes is that of all devices."""
    vm = admin.all(vim.VirtualMachine)[0]
    grant(admin, vm, 'reader@vsphere.local', -2)
    (disk,) = [
        one for one in vm.config.hardware.device if isinstance(one, vim.vm.device.VirtualDisk)
    ]
    disk.capacityInKB += more
    disk.capacityInBytes += more * 1024
    change = vim.vm.device.VirtualDeviceSpec(operation='edit', device=disk)
    user = 'reader@vsphere.local'
    with logged_in(admin, user) as reader, pytest.raises(vim.fault.NoPermission) as raised:
        same(reader, vm).ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change]))
    assert raised.value.privilegeId == f'VirtualMachine.Config.{privilege}'


def test_what_may_not_be_read_is_missing(admin: Client) -> None:
    """A property collector says of each property that it may not tell why."""
    vm = admin.all(vim.VirtualMachine)[0]
    grant(admin, vm, 'reader@vsphere.local', -3)
    with logged_in(admin, 'reader@vsphere.local') as reader:
        spec = PC.FilterSpec(
            objectSet=[PC.ObjectSpec(obj=same(reader, vm))],
            propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=['name', 'config.name'])],
        )
        (found,) = reader.content.propertyCollector.RetrieveContents([spec])
        assert [one.name for one in found.propSet] == ['name']
        (missing,) = found.missingSet
        assert missing.path == 'config.name'
        assert isinstance(missing.fault, vim.fault.NoPermission)
        assert missing.fault.privilegeId == 'System.Read'


def test_what_may_not_be_seen_is_not_found(admin: Client) -> None:
    """Views and searches leave out what lies beside the way to what a user may see."""
    vm, other = admin.all(vim.VirtualMachine)[:2]
    grant(admin, vm, 'reader@vsphere.local', -2)
    uuids = [one.config.uuid for one in (vm, other)]
    with logged_in(admin, 'reader@vsphere.local') as reader:
        assert reader.all(vim.VirtualMachine) == [same(reader, vm)]
        assert [one.name for one in reader.all(vim.Datacenter)] == ['Frankfurt']
        assert reader.all(vim.Datastore) == []
        search = reader.content.searchIndex
        assert [search.FindByUuid(None, uuid, True) for uuid in uuids] == [same(reader, vm), None]
        assert search.FindByInventoryPath('Frankfurt/datastore') is None
        folder = same(reader, vm.parent)
        assert search.FindChild(folder, vm.name) == same(reader, vm)


def test_groups_and_own_permissions(admin: Client) -> None:
    """A user's own permission goes before that of a group on the same entity."""
    manager = admin.content.authorizationManager
    root, user = admin.content.rootFolder, 'reader@vsphere.local'
    everyone = Permission(principal='vsphere.local\\everyone', group=True, roleId=5, propagate=True)
    manager.SetEntityPermissions(root, [everyone])
    power = 'VirtualMachine.Interact.PowerOn'

    def granted() -> bool:
        (found,) = manager.HasUserPrivilegeOnEntities([root], user, [power])
        (one,) = found.privAvailability
        return bool(one.isGranted)

    assert granted()
    grant(admin, root, user, -2)
    assert not granted()
    (found,) = manager.FetchUserPrivilegeOnEntities([root], user)
    assert found.privileges == ['System.Anonymous', 'System.Read', 'System.View']
    grant(admin, root, user, -5)
    (found,) = manager.FetchUserPrivilegeOnEntities([root], user)
    assert found.privileges == []


def test_has_privilege(admin: Client) -> None:
    """A session can be asked about, for one entity and for several."""
    manager = admin.content.authorizationManager
    key = admin.content.sessionManager.currentSession.key
    root = admin.content.rootFolder
    wanted = ['System.Read', 'Folder.Create']
    assert manager.HasPrivilegeOnEntity(root, key, wanted) == [True, True]
    (found,) = manager.HasPrivilegeOnEntities([root], key, wanted)
    assert [one.isGranted for one in found.privAvailability] == [True, True]
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.HasPrivilegeOnEntity(root, 'no session', wanted)


def test_privileges_have_names(admin: Client) -> None:
    """The list of privileges and their labels fit together."""
    manager = admin.content.authorizationManager
    ids = {one.privId for one in manager.privilegeList}
    assert {'VirtualMachine.Config.AddNewDisk', 'Datastore.AllocateSpace', 'System.View'} <= ids
    assert {one.key for one in manager.description.privilege} == ids
    groups = {one.privGroupName for one in manager.privilegeList}
    assert {one.key for one in manager.description.privilegeGroup} == groups


@pytest.mark.parametrize(
    ('search', 'found'),
    [
        ({'searchStr': 'reader', 'exactMatch': True}, {READER}),
        ({'searchStr': 'ader'}, {READER}),
        ({'searchStr': 'reado', 'findUsers': False}, {'VSPHERE.LOCAL\\ReadOnlyUsers'}),
        ({'searchStr': 'root', 'domain': ''}, {'root'}),
        ({'searchStr': 'root', 'domain': 'vsphere.local'}, set()),
        (
            {'searchStr': '', 'belongsToGroup': 'vsphere.local\\Administrators'},
            {'VSPHERE.LOCAL\\Administrator'},
        ),
        (
            {'searchStr': 'admin', 'belongsToUser': 'administrator@vsphere.local'},
            {'VSPHERE.LOCAL\\Administrators'},
        ),
    ],
)  # fmt: skip
def test_users_are_found(admin: Client, search: dict[str, Any], found: set[str]) -> None:
    """By a part of the name or the whole, by domain and by membership."""
    wanted = {
        'domain': None, 'belongsToGroup': None, 'belongsToUser': None, 'exactMatch': False,
        'findUsers': True, 'findGroups': True,
    } | search  # fmt: skip
    directory = admin.content.userDirectory
    assert {one.principal for one in directory.RetrieveUserGroups(**wanted)} == found


def test_users_that_are_not_there(admin: Client) -> None:
    """An unknown domain or group is told as such."""
    directory = admin.content.userDirectory
    assert 'VSPHERE.LOCAL' in directory.domainList
    for domain, group in (('nowhere', None), (None, 'no group')):
        with pytest.raises(vim.fault.NotFound):
            directory.RetrieveUserGroups(domain, '', group, None, False, True, True)
