"""Stand-alone hosts and clusters: the compute resources that hosts and pools belong to."""

from __future__ import annotations

from typing import Any, ClassVar

from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.host.system import HostSystem
from oslo_vmware.simulator.objects.resource_pool import ResourcePool
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import DataObject, Ref, types
from oslo_vmware.simulator.world.registry import ManagedObject, World, managed

MIB = 1024**2

# Core and thread counts are 16-bit numbers on the wire.
_MAX_SHORT = 32767


@managed('EnvironmentBrowser')
class EnvironmentBrowser(ManagedObject):
    """What can be configured on a compute resource, and the datastores that can be browsed."""

    def __init__(self, world: World, owner: ComputeResource) -> None:
        number = owner.ref.value.partition('-')[2].lstrip('cs')
        super().__init__(world, f'envbrowser-{number}', owner=owner)

    @property
    def datastoreBrowser(self) -> Ref | None:
        owner: ComputeResource = self.__dict__['owner']
        hosts = owner.host
        return hosts[0].datastoreBrowser.ref if hosts else None


@managed('ComputeResource')
class ComputeResource(ManagedEntity):
    """The compute resource around a stand-alone host, of the host's name."""

    id_prefix = 'domain-s'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'children': ('host', 'resourcePool', 'summary', 'datastore', 'network'),
    }

    def __init__(self, world: World, name: str, parent: ManagedEntity, **state: Any) -> None:
        super().__init__(world, name, parent, **state)
        self.environmentBrowser = EnvironmentBrowser(world, self)
        ResourcePool(world, 'Resources', self)

    @property
    def host(self) -> list[HostSystem]:
        return [child for child in self.children if child.wire_type == 'HostSystem']

    @property
    def resourcePool(self) -> ResourcePool:
        root: ResourcePool = next(c for c in self.children if isinstance(c, ResourcePool))
        return root

    @property
    def datastore(self) -> list[Any]:
        """Every datastore that a host of it has mounted."""
        return list(dict.fromkeys(found for host in self.host for found in host.datastore))

    @property
    def network(self) -> list[Any]:
        return list(dict.fromkeys(found for host in self.host for found in host.network))

    @property
    def machines(self) -> list[Machine]:
        return [machine for host in self.host for machine in host.vm]

    @property
    def usable_hosts(self) -> list[HostSystem]:
        return [host for host in self.host if host.usable]

    def _totals(self) -> dict[str, Any]:
        hosts = self.host
        usable = self.usable_hosts
        return {
            'totalCpu': sum(host.cpu_mhz_total for host in hosts),
            'totalMemory': sum(host.memory for host in hosts),
            'numCpuCores': min(_MAX_SHORT, sum(host.cores for host in hosts)),
            'numCpuThreads': min(_MAX_SHORT, sum(host.threads for host in hosts)),
            # What the hypervisor itself needs is not to be had by machines; memory is in MiB here.
            'effectiveCpu': sum(host.cpu_mhz_total * 96 // 100 for host in usable),
            'effectiveMemory': sum(host.memory * 96 // 100 // MIB for host in usable),
            'numHosts': len(hosts),
            'numEffectiveHosts': len(usable),
            'overallStatus': self.overallStatus,
        }

    @property
    def summary(self) -> DataObject:
        return types.ComputeResourceSummary(**self._totals())

    @property
    def configurationEx(self) -> DataObject:
        return types.ComputeResourceConfigInfo(vmSwapPlacement='vmDirectory', spbmEnabled=True)

    def check_destroy(self) -> None:
        for host in self.host:
            host.check_removable()

    def dispose(self) -> None:
        for host in self.host:
            host.leave()
        self.resourcePool.dispose()
        super().dispose()
        self.world.remove(self.environmentBrowser)


@managed('ClusterComputeResource')
class ClusterComputeResource(ComputeResource):
    """A cluster with DRS and HA switched on."""

    id_prefix = 'domain-c'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'children': ('host', 'resourcePool', 'summary', 'summaryEx', 'datastore', 'network'),
    }

    recommendation: list[DataObject] = []
    drsRecommendation: list[DataObject] = []
    migrationHistory: list[DataObject] = []
    actionHistory: list[DataObject] = []
    drsFault: list[DataObject] = []
    lifecycleManaged = False

    @property
    def summary(self) -> DataObject:
        totals = self._totals()
        machines = self.machines
        running = [machine for machine in machines if machine.power_state == 'poweredOn']
        memory_mb = totals['totalMemory'] // MIB
        cpu = sum(machine.cpu_usage for machine in running)
        used_mb = sum(machine.memory_usage for machine in running)
        return types.ClusterComputeResourceSummary(
            **totals,
            currentFailoverLevel=max(0, totals['numEffectiveHosts'] - 1),
            numVmotions=0,
            targetBalance=200,
            currentBalance=0,
            drsScore=92,
            usageSummary=types.ClusterUsageSummary(
                totalCpuCapacityMhz=totals['totalCpu'],
                totalMemCapacityMB=memory_mb,
                cpuReservationMhz=0,
                memReservationMB=0,
                poweredOffCpuReservationMhz=0,
                poweredOffMemReservationMB=0,
                cpuDemandMhz=cpu,
                memDemandMB=used_mb,
                statsGenNumber=1,
                cpuEntitledMhz=cpu,
                memEntitledMB=used_mb,
                poweredOffVmCount=len(machines) - len(running),
                totalVmCount=len(machines),
            ),
            clusterMaintenanceModeStatus='notInMaintenanceMode',
        )

    @property
    def summaryEx(self) -> DataObject:
        return self.summary

    def _services(self) -> dict[str, Any]:
        return {
            'dasConfig': types.ClusterDasConfigInfo(
                enabled=True,
                vmMonitoring='vmMonitoringDisabled',
                hostMonitoring='enabled',
                vmComponentProtecting='disabled',
                failoverLevel=1,
                admissionControlPolicy=types.ClusterFailoverLevelAdmissionControlPolicy(
                    failoverLevel=1
                ),
                admissionControlEnabled=True,
                defaultVmSettings=types.ClusterDasVmSettings(
                    restartPriority='medium', isolationResponse='none'
                ),
                option=[],
                hBDatastoreCandidatePolicy='allFeasibleDsWithUserPreference',
            ),
            'dasVmConfig': [],
            'drsConfig': types.ClusterDrsConfigInfo(
                enabled=True,
                enableVmBehaviorOverrides=True,
                defaultVmBehavior='fullyAutomated',
                vmotionRate=3,
                option=[],
            ),
            'drsVmConfig': [],
            'rule': [],
        }

    @property
    def configuration(self) -> DataObject:
        return types.ClusterConfigInfo(**self._services())

    @property
    def configurationEx(self) -> DataObject:
        return types.ClusterConfigInfoEx(
            **self._services(),
            vmSwapPlacement='vmDirectory',
            spbmEnabled=True,
            group=[],
            dpmConfigInfo=types.ClusterDpmConfigInfo(
                enabled=False, defaultDpmBehavior='automated', hostPowerActionRate=3
            ),
            vsanConfigInfo=types.VsanClusterConfigInfo(
                enabled=any(found.kind == 'vsan' for found in self.datastore)
            ),
        )
