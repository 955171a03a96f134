"""Standard networks: what port groups of the same name on several hosts look like as one."""

from __future__ import annotations

from typing import ClassVar

from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.world.data import DataObject, Fault, types
from oslo_vmware.simulator.world.registry import Call, managed
from oslo_vmware.simulator.world.relations import Many


@managed('Network')
class Network(ManagedEntity):
    """A network that machines can be connected to.

    :ivar vlan: VLAN of the port groups on the hosts, 0 for none
    """

    id_prefix = 'network'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {'name': ('name', 'summary.name')}

    host = Many('network')
    vm = Many('network')

    vlan: int = 0

    @property
    def summary(self) -> DataObject:
        return types.NetworkSummary(
            network=self.ref,
            name=self.name,
            accessible=bool(self.host),
            ipPoolName='',
        )

    def namesakes(self) -> list[ManagedEntity]:
        # Unique in the datacenter, whatever the folder: a network card's backing names no folder.
        networks: list[ManagedEntity] = self.datacenter.network
        return networks

    def rename(self, name: str | None) -> None:
        super().rename(name)
        for machine in self.vm:
            machine.follow_renames()

    def check_destroy(self) -> None:
        if self.vm:
            raise Fault(
                'ResourceInUse',
                f"Virtual machines are connected to the network '{self.name}'.",
                type=self.wire_type,
                name=self.name,
            )

    def DestroyNetwork(self, call: Call) -> None:
        self.destroy()
