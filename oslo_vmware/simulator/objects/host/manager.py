"""What the managers of a host have in common.

Each part of a host's configuration has a manager, which a client finds in the host's
``configManager``. It is made when somebody first asks for it, so hosts that nobody looks at closely
have none. What a manager shows, the host's ``config`` shows as well: the manager knows it, and
tells both when it changes.
"""

from __future__ import annotations

from typing import ClassVar

from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.world.data import Fault
from oslo_vmware.simulator.world.registry import ManagedObject


class HostManager(ManagedObject):
    """One manager of one host.

    :cvar moid_prefix: what its managed object id begins with; the host's number follows
    :cvar shown_in: the parts of the host's ``config`` that show what it knows
    """

    # To clients it has been there as long as its host.
    announced: ClassVar[bool] = False
    moid_prefix: ClassVar[str] = ''
    shown_in: ClassVar[tuple[str, ...]] = ()

    def __init__(self, host: Host) -> None:
        self.host = host
        super().__init__(host.world, f'{self.moid_prefix}-{host.ref.value.rpartition("-")[2]}')

    def changed(self, *names: str) -> None:
        super().changed(*names)
        self.host.changed(*(f'config.{name}' for name in self.shown_in))


def not_found(what: str) -> Fault:
    return Fault('NotFound', f'The {what} could not be found.')


def in_use(kind: str, name: str) -> Fault:
    return Fault('ResourceInUse', f"The resource '{name}' is in use.", type=kind, name=name)
