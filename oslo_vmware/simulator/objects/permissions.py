"""Who may do what: roles, and permissions that give them to users and groups on entities.

A permission is kept at its entity. The nearest one above an object counts, if it propagates; there
the user's own goes before those of groups, of which all count. A machine has two ways up, by
folders and by resource pools, and what either grants is granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from oslo_vmware.simulator.objects.privileges import SYSTEM, all_privileges, needed
from oslo_vmware.simulator.world import metamodel
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, no_permission, types
from oslo_vmware.simulator.world.registry import Call, Guard, ManagedObject, World
from oslo_vmware.simulator.world.sessions import Session
from oslo_vmware.simulator.world.users import Users

ADMIN = -1
_FIRST_OWN_ROLE = 1000

_VM_USER = (
    'Global.CancelTask ScheduledTask.Create ScheduledTask.Delete ScheduledTask.Edit '
    'ScheduledTask.Run VirtualMachine.Interact.AnswerQuestion '
    'VirtualMachine.Interact.ConsoleInteract VirtualMachine.Interact.DeviceConnection '
    'VirtualMachine.Interact.PowerOff VirtualMachine.Interact.PowerOn '
    'VirtualMachine.Interact.Reset VirtualMachine.Interact.SetCDMedia '
    'VirtualMachine.Interact.SetFloppyMedia VirtualMachine.Interact.Suspend '
    'VirtualMachine.Interact.ToolsInstall'
)


class Role(NamedTuple):
    """A role; the administrator's has all privileges."""

    id: int
    name: str
    label: str
    privileges: frozenset[str]

    @property
    def system(self) -> bool:
        return self.id < 0


def _sample(number: int, name: str, label: str, privileges: str) -> Role:
    return Role(number, name, label, frozenset((*SYSTEM, *privileges.split())))


# What a fresh vCenter has.
_ROLES = (
    Role(-5, 'NoAccess', 'No access', frozenset()),
    Role(-4, 'Anonymous', 'Anonymous', frozenset({'System.Anonymous'})),
    Role(-3, 'View', 'View', frozenset({'System.Anonymous', 'System.View'})),
    Role(-2, 'ReadOnly', 'Read-only', frozenset(SYSTEM)),
    Role(ADMIN, 'Admin', 'Administrator', frozenset()),
    _sample(
        4,
        'VirtualMachinePowerUser',
        'Virtual machine power user (sample)',
        f'{_VM_USER} Datastore.Browse VirtualMachine.Config.AddExistingDisk '
        'VirtualMachine.Config.AddNewDisk VirtualMachine.Config.AddRemoveDevice '
        'VirtualMachine.Config.AdvancedConfig VirtualMachine.Config.Annotation '
        'VirtualMachine.Config.CPUCount VirtualMachine.Config.EditDevice '
        'VirtualMachine.Config.Memory VirtualMachine.Config.RemoveDisk '
        'VirtualMachine.Config.Rename VirtualMachine.Config.Settings '
        'VirtualMachine.State.CreateSnapshot VirtualMachine.State.RemoveSnapshot '
        'VirtualMachine.State.RenameSnapshot VirtualMachine.State.RevertToSnapshot',
    ),
    _sample(5, 'VirtualMachineUser', 'Virtual machine user (sample)', _VM_USER),
    _sample(
        6,
        'ResourcePoolAdministrator',
        'Resource pool administrator (sample)',
        'Alarm.Create Alarm.Delete Alarm.Edit Authorization.ModifyPermissions Datastore.Browse '
        'Folder.Create Folder.Delete Folder.Move Folder.Rename Resource.AssignVMToPool '
        'Resource.CreatePool Resource.DeletePool Resource.EditPool Resource.MovePool '
        'Resource.RenamePool',
    ),
    _sample(
        7,
        'VMwareConsolidatedBackupUser',
        'VMware Consolidated Backup user (sample)',
        'VirtualMachine.Config.DiskLease VirtualMachine.Provisioning.DiskRandomRead '
        'VirtualMachine.Provisioning.GetVmFiles VirtualMachine.State.CreateSnapshot '
        'VirtualMachine.State.RemoveSnapshot',
    ),
    _sample(8, 'DatastoreConsumer', 'Datastore consumer (sample)', 'Datastore.AllocateSpace'),
    _sample(9, 'NetworkConsumer', 'Network administrator (sample)', 'Network.Assign'),
)


class Permissions(Guard):
    """The roles and permissions of one server, enforced.

    :ivar roles_by_id: in the order in which they were made
    """

    def __init__(self, world: World, users: Users) -> None:
        self._world = world
        self._users = users
        self._last = _FIRST_OWN_ROLE
        self.roles_by_id = {role.id: role for role in _ROLES}
        # Entities with permissions of their own, and who may do everything by these.
        self._scopes: dict[str, Any] = {world.root_folder.ref.value: world.root_folder}
        self._almighty: frozenset[str] = frozenset()
        self.changed()

    # --- the server asks

    def check(self, call: Call, target: ManagedObject) -> None:
        if call.session is None or call.session.user_name in self._almighty:
            return
        if not metamodel.exists(target.wire_type):
            # Other services have their own rules.
            return
        for on, privilege in needed(target, call):
            obj = self._world.get(on) if isinstance(on, Ref) else on
            if not self.allowed(call.session.user_name, obj, privilege):
                raise no_permission(self._entity(obj).ref, privilege)

    def denial(self, ref: Ref, path: str) -> Fault | None:
        session = self._world.session
        if session is None or session.user_name in self._almighty:
            return None
        obj = self._world.objects.get(ref.value)
        name = path.partition('.')[0].partition('[')[0]
        if obj is None:
            return None
        privilege = metamodel.property_privilege(obj.wire_type, name)
        if self.allowed(session.user_name, obj, privilege):
            return None
        return no_permission(ref, privilege)

    def visible(self, objects: list[Any]) -> list[Any]:
        session = self._world.session
        if session is None or session.user_name in self._almighty:
            return objects
        live = self._world.objects
        return [
            one
            for one in objects
            if (obj := live.get(one.value) if isinstance(one, Ref) else one) is not None
            and self.allowed(session.user_name, obj, 'System.View')
        ]

    def may_enter(self, session: Session) -> bool:
        user = session.user_name
        return any(self._matching(scope.permission, user) for scope in self._scopes.values())

    def roles(self, entity: ManagedObject) -> list[int]:
        session = self._world.session
        return [ADMIN] if session is None else self.roles_of(session.user_name, entity)

    # --- deciding

    def allowed(self, user: str, obj: Any, privilege: str) -> bool:
        """Whether a user has a privilege on an object, or on what it is part of."""
        if user in self._almighty:
            return True
        entity = self._entity(obj)
        if privilege in SYSTEM and entity is self._world.root_folder and obj is not entity:
            # The server's managers are for everybody who may come in.
            return True
        if privilege in ('System.Anonymous', 'System.View') and self._leads_to_something(
            user, entity
        ):
            return True
        return any(self.grants(role, privilege) for role in self.roles_of(user, entity))

    def grants(self, role_id: int, privilege: str) -> bool:
        role = self.roles_by_id.get(role_id)
        return role is not None and (role.id == ADMIN or privilege in role.privileges)

    def privileges_on(self, user: str, entity: Any) -> list[str]:
        """All privileges that a user has on an entity."""
        return [one for one in all_privileges() if self.allowed(user, entity, one)]

    def roles_of(self, user: str, entity: Any) -> list[int]:
        """The roles that a user has on an entity."""
        found: dict[int, None] = {}
        for way in _ways_up(entity):
            for one in way:
                permissions = [held for held in one.permission if held.propagate or one is entity]
                matching = self._matching(permissions, user)
                if matching:
                    found.update(dict.fromkeys(held.roleId for held in matching))
                    break
        return list(found)

    def _matching(self, permissions: Iterable[DataObject], user: str) -> list[DataObject]:
        """Those for a user; the one that names the user goes before those of groups."""
        groups = {group.lower() for group in self._users.groups_of(user)}
        own = [
            one for one in permissions if not one.group and one.principal.lower() == user.lower()
        ]
        return own or [one for one in permissions if one.group and one.principal.lower() in groups]

    def _leads_to_something(self, user: str, entity: Any) -> bool:
        """Whether there is something below that a user may see: the way there can be seen."""
        return any(
            entity in way[1:]
            for scope in self._scopes.values()
            if any(self.grants(held.roleId, 'System.View')
                   for held in self._matching(scope.permission, user))
            for way in _ways_up(scope)
        )  # fmt: skip

    def _entity(self, obj: Any) -> Any:
        """The entity that an object is part of; of the server's own things the root folder."""
        if obj.is_a('ManagedEntity'):
            return obj
        if obj.wire_type == 'Task':
            return self._world.objects.get(obj.info.entity.value, self._world.root_folder)
        for name in ('machine', 'vm', 'host', 'entity', 'owner'):
            whole = getattr(obj, name, None)
            if isinstance(whole, ManagedObject) and whole.is_a('ManagedEntity'):
                return whole
        return self._world.root_folder

    # --- changing

    def permissions(self) -> Iterator[DataObject]:
        """All that there are."""
        for scope in self._live().values():
            yield from scope.permission

    def _live(self) -> dict[str, Any]:
        """The entities with permissions that are still there."""
        objects = self._world.objects
        return {moid: one for moid, one in self._scopes.items() if objects.get(moid) is one}

    def new_role(self, name: str, privileges: Iterable[str]) -> Role:
        self._last += 1
        return self.put_role(self._last, name, privileges)

    def put_role(self, role_id: int, name: str, privileges: Iterable[str]) -> Role:
        role = Role(role_id, name, name, frozenset((*SYSTEM, *privileges)))
        self.roles_by_id[role_id] = role
        self.changed()
        return role

    def put(self, entity: Any, permissions: list[DataObject]) -> None:
        """Let these be the permissions of an entity.

        :raises Fault: AuthMinimumAdminPermission where nobody would be administrator any more
        """
        before = entity.permission
        entity.permission = permissions
        self._scopes[entity.ref.value] = entity
        self.changed()
        if not any(self._rules(user.name) for user in self._users if not user.group):
            entity.permission = before
            self.changed()
            raise Fault(
                'AuthMinimumAdminPermission',
                'This change would leave the system without an administrator.',
            )
        if not permissions and entity is not self._world.root_folder:
            del self._scopes[entity.ref.value]
        entity.changed('permission', 'effectiveRole')

    def changed(self) -> None:
        """Find out who may do everything, which spares looking at each object."""
        live = self._scopes = self._live()
        self._almighty = frozenset(
            user.name
            for user in self._users
            if not user.group
            and self._rules(user.name)
            and all(
                held.roleId == ADMIN
                for scope in live.values()
                for held in self._matching(scope.permission, user.name)
            )
        )

    def _rules(self, user: str) -> bool:
        """Whether a user is administrator of all that says nothing else."""
        root: Any = self._world.root_folder
        held = self._matching([one for one in root.permission if one.propagate], user)
        return any(one.roleId == ADMIN for one in held)


def _ways_up(entity: Any) -> Iterator[list[Any]]:
    """The chains of parents, each beginning with the entity itself."""
    yield [entity, *entity.ancestors()]
    pool = getattr(entity, 'resourcePool', None) if entity.is_a('VirtualMachine') else None
    if pool is not None:
        yield [entity, pool, *pool.ancestors()]


def described(role: Role) -> DataObject:
    """A role as a client sees it."""
    privileges = all_privileges() if role.id == ADMIN else sorted(role.privileges)
    return types.AuthorizationRole(
        roleId=role.id,
        system=role.system,
        name=role.name,
        info=types.Description(label=role.label, summary=role.label),
        privilege=list(privileges),
    )
