"""The users and groups that permissions can be given to."""

from __future__ import annotations

from oslo_vmware.simulator.world.data import DataObject, Fault, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed
from oslo_vmware.simulator.world.users import DOMAIN, Principal, Users


@managed('UserDirectory')
class UserDirectory(ManagedObject):
    """Finds users and groups."""

    def __init__(self, world: World, users: Users) -> None:
        self._users = users
        super().__init__(world, 'UserDirectory')

    @property
    def domainList(self) -> list[str]:
        # The empty one is the appliance's own.
        return ['', *dict.fromkeys([DOMAIN, *(one.domain for one in self._users if one.domain)])]

    def RetrieveUserGroups(self, call: Call) -> list[DataObject]:
        domain = call.domain
        if domain and domain.upper() not in self.domainList:
            raise Fault('NotFound', f"There is no domain '{domain}'.")
        member = self._principal(call.belongsToUser, group=False)
        group = self._principal(call.belongsToGroup, group=True)
        return [
            types.UserSearchResult(
                principal=one.name, fullName=one.name.rpartition('\\')[2], group=one.group
            )
            for one in self._users
            if (call.findGroups if one.group else call.findUsers)
            and (domain is None or one.domain == domain.upper())
            and self._matches(one, call.searchStr, call.exactMatch)
            and (member is None or (one.group and one.name in self._users.groups_of(member.name)))
            and (group is None or (not one.group and group.name in self._users.groups_of(one.name)))
        ]

    def _principal(self, name: str | None, *, group: bool) -> Principal | None:
        if not name:
            return None
        found = self._users.find(name, group)
        if found is None:
            raise Fault('NotFound', f"There is no user or group '{name}'.")
        return found

    def _matches(self, one: Principal, text: str, exact: bool) -> bool:
        if not exact:
            return text.lower() in one.name.lower()
        return text.lower() in (one.name.lower(), one.name.rpartition('\\')[2].lower())
