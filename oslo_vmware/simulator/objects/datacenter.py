"""The datacenter: four folders, and what is in them."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.folder import Folder
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, World, managed


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

    def PowerOnMultiVM_Task(self, call: Call) -> Ref:
        machines = [self.find(ref, 'VirtualMachine', 'vm') for ref in call.vm or ()]
        if any(machine.datacenter is not self for machine in machines):
            raise invalid_argument('vm')
        # Their tasks are begun first, and so have ended when this one does.
        result = self._power_on(machines)
        return self.start('PowerOnMultiVM_Task', lambda: result)

    def _power_on(self, machines: list[Any]) -> DataObject:
        """Start a task for each machine that can be started, and say why others cannot."""
        attempted, refused = [], []
        for machine in machines:
            try:
                machine.check_startable()
            except Fault as fault:
                refused.append(
                    types.ClusterNotAttemptedVmInfo(vm=machine.ref, fault=fault.localized())
                )
                continue
            task = machine.start('PowerOnVM_Task', machine.power_on)
            attempted.append(types.ClusterAttemptedVmInfo(vm=machine.ref, task=task))
        return types.ClusterPowerOnVmResult(
            attempted=attempted, notAttempted=refused, recommendations=[]
        )

    def check_destroy(self) -> None:
        for folder in (self.vmFolder, self.hostFolder):
            for entity in folder.children:
                entity.check_destroy()

    def dispose(self) -> None:
        # Machines before hosts before datastores: what uses goes before what is used.
        for folder in (self.vmFolder, self.hostFolder, self.datastoreFolder, self.networkFolder):
            folder.dispose()
        super().dispose()
