"""The state of a host, which all rooms of this package work on.

The managed object that is made of it, with all properties and operations, is in ``system``, which
knows the rooms.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import Any, ClassVar

from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.host.models import HostModel
from oslo_vmware.simulator.world.relations import Many


class Host(ManagedEntity):
    """A host.

    :ivar model: its hardware
    :ivar uuid: of the hardware, by which the SearchIndex finds it
    :ivar ip: address of its management interface
    :ivar number: counts the hosts, for addresses that must differ
    """

    id_prefix = 'host'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'switches': (),
        'vm': ('vm', 'summary.quickStats'),
        'maintenance': ('runtime', 'summary', 'configManager'),
        'connection': ('runtime', 'summary'),
        'boot_time': ('runtime', 'summary'),
    }

    vm = Many('host')
    datastore = Many('hosts')
    network = Many('host')
    switches = Many('hosts')

    model: HostModel
    uuid: str
    ip: str
    number: int
    boot_time: datetime.datetime
    maintenance = False
    connection = 'connected'

    # Figures

    @property
    def cores(self) -> int:
        return self.model.packages * self.model.cores

    @property
    def threads(self) -> int:
        return 2 * self.cores

    @property
    def cpu_mhz_total(self) -> int:
        return self.cores * self.model.mhz

    @property
    def memory(self) -> int:
        return self.model.memory

    @property
    def usable(self) -> bool:
        """Whether machines can run on it."""
        return self.connection == 'connected' and not self.maintenance

    @property
    def thumbprint(self) -> str:
        digest = hashlib.sha1(self.uuid.encode(), usedforsecurity=False).hexdigest().upper()
        return ':'.join(digest[at : at + 2] for at in range(0, 40, 2))

    def manager(self, name: str) -> Any:
        """One of its managers, by the name that it has in ``configManager``.

        It is made when it is first asked for, and from then on always the same.
        """
        raise NotImplementedError
