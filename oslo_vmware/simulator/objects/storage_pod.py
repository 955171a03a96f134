"""The datastore cluster, which is a folder."""

from __future__ import annotations

from typing import ClassVar

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.folder import Folder
from oslo_vmware.simulator.world.data import DataObject, Fault, types
from oslo_vmware.simulator.world.registry import World, managed


@managed('StoragePod')
class StoragePod(Folder):
    """A datastore cluster: a folder of datastores that Storage DRS fills evenly."""

    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'children': ('childEntity', 'summary'),
        'name': ('name', 'summary.name'),
    }

    def __init__(self, world: World, name: str, parent: Folder) -> None:
        super(Folder, self).__init__(world, name, parent, id_prefix='group-p', kind='datastore')

    @property
    def childType(self) -> list[str]:
        return ['Datastore']

    @property
    def summary(self) -> DataObject:
        members: list[Datastore] = self.children
        return types.StoragePodSummary(
            name=self.name,
            capacity=sum(member.capacity for member in members),
            freeSpace=sum(member.free_space for member in members),
        )

    @property
    def podStorageDrsEntry(self) -> DataObject:
        return types.PodStorageDrsEntry(
            storageDrsConfig=types.StorageDrsConfigInfo(
                podConfig=types.StorageDrsPodConfigInfo(
                    enabled=True,
                    ioLoadBalanceEnabled=False,
                    defaultVmBehavior='manual',
                    loadBalanceInterval=480,
                    defaultIntraVmAffinity=True,
                    spaceLoadBalanceConfig=types.StorageDrsSpaceLoadBalanceConfig(
                        spaceUtilizationThreshold=80, minSpaceUtilizationDifference=5
                    ),
                    rule=[],
                    option=[],
                ),
                vmConfig=[],
            ),
            recommendation=[],
            drsFault=[],
            actionHistory=[],
        )

    def check_destroy(self) -> None:
        if self.children:
            raise Fault(
                'ResourceInUse',
                f"The datastore cluster '{self.name}' still has datastores.",
                type='StoragePod',
                name=self.name,
            )
