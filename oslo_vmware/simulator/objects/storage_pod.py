"""The datastore cluster, which is a folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.folder import Folder
from oslo_vmware.simulator.world.data import DataObject, Fault, types
from oslo_vmware.simulator.world.registry import World, managed

# Fields of a StorageDrsPodConfigSpec that are taken over.
_CONFIGURED = (
    'enabled', 'ioLoadBalanceEnabled', 'defaultVmBehavior', 'loadBalanceInterval',
    'defaultIntraVmAffinity', 'spaceLoadBalanceConfig', 'ioLoadBalanceConfig',
    'automationOverrides',
)  # fmt: skip


@managed('StoragePod')
class StoragePod(Folder):
    """A datastore cluster: a folder of datastores that Storage DRS fills evenly.

    :ivar settings: what was configured of Storage DRS, by field of its StorageDrsPodConfigInfo
    """

    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'children': ('childEntity', 'summary'),
        'name': ('name', 'summary.name'),
        'settings': ('podStorageDrsEntry',),
    }

    settings: Mapping[str, Any] = {}

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
                    **{
                        'enabled': True,
                        'ioLoadBalanceEnabled': False,
                        'defaultVmBehavior': 'manual',
                        'loadBalanceInterval': 480,
                        'defaultIntraVmAffinity': True,
                        'spaceLoadBalanceConfig': types.StorageDrsSpaceLoadBalanceConfig(
                            spaceUtilizationThreshold=80, minSpaceUtilizationDifference=5
                        ),
                        'rule': [],
                        'option': [],
                        **self.settings,
                    }
                ),
                vmConfig=[],
            ),
            recommendation=[],
            drsFault=[],
            actionHistory=[],
        )

    def configure(self, spec: DataObject | None) -> None:
        """Take over a StorageDrsPodConfigSpec; unset means unchanged."""
        given = {name: getattr(spec, name, None) for name in _CONFIGURED}
        wanted = {name: value for name, value in given.items() if value is not None}
        self.update(settings={**self.settings, **wanted})

    def check_destroy(self) -> None:
        if self.children:
            raise Fault(
                'ResourceInUse',
                f"The datastore cluster '{self.name}' still has datastores.",
                type='StoragePod',
                name=self.name,
            )
