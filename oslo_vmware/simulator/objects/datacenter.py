"""The datacenter: four folders, and what is in them."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.folder import Folder
from oslo_vmware.simulator.world.data import DataObject, types
from oslo_vmware.simulator.world.registry import World, managed


@managed('Datacenter')
class Datacenter(ManagedEntity):
    """A datacenter with its folders for machines, hosts, datastores and networks."""

    id_prefix = 'datacenter'

    vmFolder: Folder
    hostFolder: Folder
    datastoreFolder: Folder
    networkFolder: Folder

    def __init__(self, world: World, name: str, parent: ManagedEntity) -> None:
        super().__init__(world, name, parent)
        for kind in ('vm', 'host', 'datastore', 'network'):
            setattr(self, f'{kind}Folder', Folder(world, kind, self, kind))

    @property
    def datastore(self) -> list[Any]:
        return [
            found for found in self.datastoreFolder.descendants() if not isinstance(found, Folder)
        ]

    @property
    def network(self) -> list[Any]:
        """Standard networks and distributed port groups, without the switches."""
        return [found for found in self.networkFolder.descendants() if found.is_a('Network')]

    @property
    def configuration(self) -> DataObject:
        return types.DatacenterConfigInfo()

    def check_destroy(self) -> None:
        for folder in (self.vmFolder, self.hostFolder):
            for entity in folder.children:
                entity.check_destroy()

    def dispose(self) -> None:
        # Machines before hosts before datastores: what uses goes before what is used.
        for folder in (self.vmFolder, self.hostFolder, self.datastoreFolder, self.networkFolder):
            folder.dispose()
        super().dispose()
