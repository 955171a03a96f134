"""Roles and permissions, as a client looks at them and changes them."""

from __future__ import annotations

import copy
from typing import Any

from oslo_vmware.simulator.objects import privileges
from oslo_vmware.simulator.objects.events.log import EventLog
from oslo_vmware.simulator.objects.events.where import argument
from oslo_vmware.simulator.objects.permissions import Permissions, Role, described
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed
from oslo_vmware.simulator.world.sessions import Sessions
from oslo_vmware.simulator.world.users import Users

_LONGEST_NAME = 80


def _role_argument(role: Role) -> DataObject:
    return types.RoleEventArgument(roleId=role.id, name=role.name)


@managed('AuthorizationManager')
class AuthorizationManager(ManagedObject):
    """Roles and permissions."""

    def __init__(
        self,
        world: World,
        permissions: Permissions,
        users: Users,
        sessions: Sessions,
        events: EventLog,
    ) -> None:
        self._permissions = permissions
        self._users = users
        self._sessions = sessions
        self._events = events
        super().__init__(world, 'AuthorizationManager')

    @property
    def privilegeList(self) -> list[DataObject]:
        return list(privileges.described())

    @property
    def roleList(self) -> list[DataObject]:
        return [described(role) for role in self._permissions.roles_by_id.values()]

    @property
    def description(self) -> DataObject:
        return privileges.description()

    # --- roles

    def AddAuthorizationRole(self, call: Call) -> int:
        self._check_role(call.args.name, call.privIds or ())
        role = self._permissions.new_role(call.args.name, call.privIds or ())
        self._events.tell(
            'RoleAddedEvent', role=_role_argument(role), privilegeList=sorted(role.privileges)
        )
        self.changed('roleList')
        return role.id

    def UpdateAuthorizationRole(self, call: Call) -> None:
        old = self._role(call.roleId)
        if old.system:
            raise invalid_argument('roleId')
        self._check_role(call.newName, call.privIds or (), old)
        new = self._permissions.put_role(old.id, call.newName, call.privIds or ())
        self._events.tell(
            'RoleUpdatedEvent',
            role=_role_argument(new),
            prevRoleName=old.name,
            privilegeList=sorted(new.privileges),
            privilegesAdded=sorted(new.privileges - old.privileges),
            privilegesRemoved=sorted(old.privileges - new.privileges),
        )
        self.changed('roleList')

    def RemoveAuthorizationRole(self, call: Call) -> None:
        role = self._role(call.roleId)
        if role.system:
            raise invalid_argument('roleId')
        used = self._with_role(role)
        if used and call.failIfUsed:
            raise Fault('RemoveFailed', f"The role '{role.name}' is in use.")
        for permission in used:
            self._remove(self.world.get(permission.entity), permission)
        del self._permissions.roles_by_id[role.id]
        self._events.tell('RoleRemovedEvent', role=_role_argument(role))
        self.changed('roleList')

    def MergePermissions(self, call: Call) -> None:
        source, target = self._role(call.srcRoleId), self._role(call.dstRoleId)
        for permission in self._with_role(source):
            changed = copy.copy(permission)
            changed.roleId = target.id
            self._set(self.world.get(permission.entity), [changed])

    def _role(self, role_id: int) -> Role:
        role = self._permissions.roles_by_id.get(role_id)
        if role is None:
            raise Fault('NotFound', f'There is no role {role_id}.')
        return role

    def _check_role(self, name: str, wanted: Any, old: Role | None = None) -> None:
        if not name or len(name) > _LONGEST_NAME:
            raise Fault('InvalidName', f"The name '{name}' is not valid.", name=name)
        for role in self._permissions.roles_by_id.values():
            if role is not old and role.name.lower() == name.lower():
                raise Fault('AlreadyExists', f"The role '{name}' already exists.", name=name)
        if not set(wanted) <= set(privileges.all_privileges()):
            raise invalid_argument('privIds')

    def _with_role(self, role: Role) -> list[DataObject]:
        return [one for one in self._permissions.permissions() if one.roleId == role.id]

    # --- permissions

    def RetrieveAllPermissions(self, call: Call) -> list[DataObject]:
        return list(self._permissions.permissions())

    def RetrieveRolePermissions(self, call: Call) -> list[DataObject]:
        return self._with_role(self._role(call.roleId))

    def RetrieveEntityPermissions(self, call: Call) -> list[DataObject]:
        entity: Any = self._entity(call.entity)
        found = list(entity.permission)
        if call.inherited:
            for above in entity.ancestors():
                found += [one for one in above.permission if one.propagate]
        return found

    def SetEntityPermissions(self, call: Call) -> None:
        entity = self._entity(call.entity)
        self._set(entity, [self._checked(entity, one) for one in call.permission or ()])

    def ResetEntityPermissions(self, call: Call) -> None:
        entity: Any = self._entity(call.entity)
        wanted = [self._checked(entity, one) for one in call.permission or ()]
        kept = {_key(one) for one in wanted}
        gone = [one for one in entity.permission if _key(one) not in kept]
        self._put(entity, wanted)
        for one in gone:
            self._tell_removed(entity, one)

    def RemoveEntityPermission(self, call: Call) -> None:
        entity: Any = self._entity(call.entity)
        wanted = self._users.find(call.user, bool(call.isGroup))
        name = wanted.name if wanted is not None else call.user
        for one in entity.permission:
            if one.principal.lower() == name.lower() and one.group == bool(call.isGroup):
                self._remove(entity, one)
                return
        raise Fault('NotFound', f"'{call.user}' has no permission on '{entity.name}'.")

    def _entity(self, ref: Any) -> Any:
        entity = self.world.get(ref)
        if not entity.is_a('ManagedEntity'):
            raise invalid_argument('entity')
        return entity

    def _checked(self, entity: Any, wanted: DataObject) -> DataObject:
        """A permission as it is kept."""
        found = self._users.find(wanted.principal, wanted.group)
        if found is None:
            raise Fault(
                'UserNotFound',
                f"The user or group '{wanted.principal}' does not exist.",
                principal=wanted.principal,
                unresolved=False,
            )
        self._role(wanted.roleId)
        return types.Permission(
            entity=entity.ref,
            principal=found.name,
            group=wanted.group,
            roleId=wanted.roleId,
            propagate=wanted.propagate,
        )

    def _set(self, entity: Any, wanted: list[DataObject]) -> None:
        changed = {_key(one) for one in wanted}
        self._put(entity, [*(o for o in entity.permission if _key(o) not in changed), *wanted])

    def _put(self, entity: Any, permissions: list[DataObject]) -> None:
        before = {_key(one): one for one in entity.permission}
        self._permissions.put(entity, permissions)
        for one in permissions:
            old = before.get(_key(one))
            if old == one:
                continue
            fields = {
                'entity': argument('ManagedEntity', entity),
                'principal': one.principal,
                'group': one.group,
                'role': _role_argument(self._role(one.roleId)),
                'propagate': one.propagate,
            }
            if old is None:
                self._events.tell('PermissionAddedEvent', entity, **fields)
            else:
                fields['prevRole'] = _role_argument(self._role(old.roleId))
                fields['prevPropagate'] = old.propagate
                self._events.tell('PermissionUpdatedEvent', entity, **fields)

    def _remove(self, entity: Any, permission: DataObject) -> None:
        self._permissions.put(entity, [one for one in entity.permission if one is not permission])
        self._tell_removed(entity, permission)

    def _tell_removed(self, entity: Any, permission: DataObject) -> None:
        self._events.tell(
            'PermissionRemovedEvent',
            entity,
            entity=argument('ManagedEntity', entity),
            principal=permission.principal,
            group=permission.group,
        )

    # --- who may

    def HasPrivilegeOnEntity(self, call: Call) -> list[bool]:
        user = self._user_of(call.sessionId)
        entity = self._entity(call.entity)
        return [self._permissions.allowed(user, entity, one) for one in call.privId or ()]

    def HasPrivilegeOnEntities(self, call: Call) -> list[DataObject]:
        return self._available(self._user_of(call.sessionId), call.entity, call.privId)

    def HasUserPrivilegeOnEntities(self, call: Call) -> list[DataObject]:
        return self._available(self._known(call.userName), call.entities, call.privId)

    def FetchUserPrivilegeOnEntities(self, call: Call) -> list[DataObject]:
        user = self._known(call.userName)
        return [
            types.UserPrivilegeResult(
                entity=ref, privileges=self._permissions.privileges_on(user, self._entity(ref))
            )
            for ref in call.entities or ()
        ]

    def _available(self, user: str, refs: Any, wanted: Any) -> list[DataObject]:
        return [
            types.EntityPrivilege(
                entity=ref,
                privAvailability=[
                    types.PrivilegeAvailability(
                        privId=one,
                        isGranted=self._permissions.allowed(user, self._entity(ref), one),
                    )
                    for one in wanted or ()
                ],
            )
            for ref in refs or ()
        ]

    def _user_of(self, key: str) -> str:
        session = self._sessions.of_key(key)
        if session is None:
            raise invalid_argument('sessionId')
        return session.user_name

    def _known(self, name: str) -> str:
        found = self._users.find(name, group=False)
        if found is None:
            raise invalid_argument('userName')
        return found.name


def _key(permission: DataObject) -> tuple[str, bool]:
    return permission.principal.lower(), permission.group
