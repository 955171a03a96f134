"""Lets drivers log in as an account that may do no more than it has to.

It has the privileges that the table of ``oslo-vmware check`` names for a consumer: if the driver is
refused anything, the table lacks something.
"""

from typing import Any

from oslo_vmware.cli.check.needs import NEEDS
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.world.data import types

_USER, _NAME, _PASSWORD = 'openstack@vsphere.local', 'VSPHERE.LOCAL\\Openstack', 'just enough'


def limit(consumer: str) -> None:
    """From now on a simulator gives such an account as the one to log in with.

    :param consumer: as the table names it
    """
    initialize = VCenterSimulator.__init__
    privileges = {need.privilege for need in NEEDS if consumer in need.consumers}

    def initialize_limited(self: VCenterSimulator, *args: Any, **options: Any) -> None:
        initialize(self, *args, **options, users={_USER: _PASSWORD})
        guard: Any = self.world.guard
        root: Any = self.world.root_folder
        role = guard.new_role(consumer, privileges)
        permission = types.Permission(
            entity=root.ref, principal=_NAME, group=False, roleId=role.id, propagate=True
        )
        guard.put(root, [*root.permission, permission])
        self.username, self.password = _USER, _PASSWORD

    VCenterSimulator.__init__ = initialize_limited  # type: ignore[method-assign]
