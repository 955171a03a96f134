"""Clusters: several hosts that run machines together."""

from __future__ import annotations

from typing import Any, ClassVar

from oslo_vmware.simulator.objects import cluster_placement
from oslo_vmware.simulator.objects.cluster_settings import NONE, SERVING, Settings, rules_for
from oslo_vmware.simulator.objects.compute import MIB, ComputeResource
from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.host import joining
from oslo_vmware.simulator.objects.host.models import HOST_MODELS
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, managed


@managed('ClusterComputeResource')
class ClusterComputeResource(ComputeResource):
    """A cluster.

    :ivar settings: how it is configured
    """

    id_prefix = 'domain-c'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'children': ('host', 'resourcePool', 'summary', 'summaryEx', 'datastore', 'network'),
        'settings': ('configuration', 'configurationEx', 'summary', 'summaryEx'),
    }

    settings: Settings = SERVING

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

    # Configuration

    @classmethod
    def create(cls, folder: ManagedEntity, name: str, spec: DataObject) -> ClusterComputeResource:
        """Make a cluster; unlike those of the inventory it does only what the specification says.

        :param spec: a ClusterConfigSpecEx or a ClusterConfigSpec
        """
        settings = NONE.with_spec(spec, lambda ref: False, modify=True)
        return cls(folder.world, name, folder, settings=settings)

    def check_destroy(self) -> None:
        for host in self.host:
            host.check_removable()

    def _has(self, ref: Ref) -> bool:
        """Whether a reference is to one of its hosts, or to a machine on them."""
        found: Any = self.world.objects.get(ref.value)
        if found is None:
            return False
        if found.wire_type == 'HostSystem':
            return found.parent is self
        return found.wire_type == 'VirtualMachine' and found.owner is self

    @property
    def configuration(self) -> DataObject:
        return types.ClusterConfigInfo(**self.settings.shown(self._has, extended=False))

    @property
    def configurationEx(self) -> DataObject:
        fields = self.settings.shown(self._has)
        if fields.get('vsanConfigInfo') is None:
            fields['vsanConfigInfo'] = types.VsanClusterConfigInfo(
                enabled=any(found.kind == 'vsan' for found in self.datastore)
            )
        return types.ClusterConfigInfoEx(**fields)

    def configure(self, spec: DataObject, *, modify: bool) -> None:
        """Take over a ClusterConfigSpecEx or a ClusterConfigSpec: all of it, or nothing."""
        self.update(settings=self.settings.with_spec(spec, self._has, modify=modify))

    def ReconfigureCluster_Task(self, call: Call) -> Ref:
        spec, modify = call.spec, bool(call.modify)
        return self.start('ReconfigureCluster_Task', lambda: self.configure(spec, modify=modify))

    def FindRulesForVm(self, call: Call) -> list[DataObject]:
        self.find(call.vm, 'VirtualMachine', 'vm')
        return list(rules_for(self.settings, call.vm))

    # Placement

    @property
    def serves_das(self) -> bool:
        return bool(self.settings.das.enabled)

    @property
    def havens(self) -> list[Any]:
        # Without DRS it is for somebody else to move them.
        return self.usable_hosts if self.settings.drs.enabled else []

    def placed(self, machine: Any, hosts: list[Any]) -> list[Any]:
        """The hosts of these that DRS lets a machine run on."""
        return self.settings.preferred(machine, hosts) if self.settings.drs.enabled else hosts

    def restart(self, machine: Any) -> None:
        hosts = [host for host in self.usable_hosts if host.reaches(machine)]
        if self.settings.das.enabled and hosts:
            machine.host = min(self.placed(machine, hosts), key=lambda host: len(host.vm))
            machine.update(connection='connected')
            machine.become('poweredOn')

    def RecommendHostsForVm(self, call: Call) -> list[DataObject]:
        machine = self.find(call.vm, 'VirtualMachine', 'vm')
        hosts = [host for host in self.usable_hosts if host.reaches(machine)]
        found = sorted(self.placed(machine, hosts), key=lambda host: len(host.vm))
        return [
            types.ClusterHostRecommendation(host=host.ref, rating=max(1, 5 - place))
            for place, host in enumerate(found)
        ]

    def PlaceVm(self, call: Call) -> DataObject:
        return cluster_placement.place(self, call.placementSpec)

    def RefreshRecommendation(self, call: Call) -> None:
        """Nothing to do: DRS places machines well from the start."""

    # Hosts

    def AddHost_Task(self, call: Call) -> Ref:
        spec, connected = call.spec, bool(call.asConnected)
        joining.check_spec(spec)
        pool = (
            self.find(call.resourcePool, 'ResourcePool', 'resourcePool')
            if (call.resourcePool)
            else None
        )
        if pool is not None and pool.owner is not self:
            raise invalid_argument('resourcePool')

        def work() -> Any:
            joining.check(self.world, spec)
            model = self.host[0].model if self.host else HOST_MODELS[0]
            return joining.join(self, spec, model, connected=connected)

        return self.start('AddHost_Task', work)

    def MoveInto_Task(self, call: Call) -> Ref:
        hosts = [self.find(ref, 'HostSystem', 'host') for ref in call.host or ()]

        def work() -> None:
            for host in hosts:
                if host.parent is self or not host.maintenance:
                    raise Fault(
                        'InvalidState',
                        f"The host '{host.name}' must be in maintenance mode and outside of "
                        f"'{self.name}'.",
                    )
            for host in hosts:
                self._take(host)

        return self.start('MoveInto_Task', work)

    def MoveHostInto_Task(self, call: Call) -> Ref:
        host = self.find(call.host, 'HostSystem', 'host')

        def work() -> None:
            clustered = isinstance(host.parent, ClusterComputeResource)
            if host.parent is self or (clustered and not host.maintenance):
                raise Fault(
                    'InvalidState', f"The host '{host.name}' cannot be moved into '{self.name}'."
                )
            self._take(host)

        return self.start('MoveHostInto_Task', work)

    def _take(self, host: Any) -> None:
        """Take a host over, with its machines; a compute resource of its own goes."""
        if host.datacenter is not self.datacenter:
            raise invalid_argument('host')
        before = host.parent
        host.parent = self
        for machine in host.vm:
            if machine.resourcePool is not None:
                machine.resourcePool = self.resourcePool
        if isinstance(before, ClusterComputeResource):
            before.changed('summary')
        else:
            before.dispose()
        self.changed('summary')
