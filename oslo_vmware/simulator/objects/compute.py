"""Compute resources, which hosts and resource pools belong to: that of a stand-alone host."""

from __future__ import annotations

from typing import Any, ClassVar

from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.environment_browser import EnvironmentBrowser
from oslo_vmware.simulator.objects.host import joining
from oslo_vmware.simulator.objects.host.models import EDGE_MODEL
from oslo_vmware.simulator.objects.host.system import HostSystem
from oslo_vmware.simulator.objects.resource_pool import ResourcePool
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.world.registry import Call, World, managed

MIB = 1024**2

# Core and thread counts are 16-bit numbers on the wire.
_MAX_SHORT = 32767

_SETTINGS = {'vmSwapPlacement': 'vmDirectory', 'spbmEnabled': True}


@managed('ComputeResource')
class ComputeResource(ManagedEntity):
    """The compute resource around a stand-alone host, of the host's name."""

    id_prefix = 'domain-s'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'children': ('host', 'resourcePool', 'summary', 'datastore', 'network'),
        'settings': ('configurationEx',),
    }

    settings: Any = _SETTINGS

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
        return types.ComputeResourceConfigInfo(**self.settings)

    @property
    def serves_das(self) -> bool:
        """Whether HA watches its hosts."""
        return False

    @property
    def havens(self) -> list[HostSystem]:
        """Where machines of a host go that is taken out of use."""
        return []

    def placed(self, machine: Machine, hosts: list[HostSystem]) -> list[HostSystem]:
        """Those of some hosts that a machine may run on; here nothing speaks against any."""
        return hosts

    def restart(self, machine: Machine) -> None:
        """Start a machine whose host has failed on another one; only clusters can."""

    def configure(self, spec: DataObject, *, modify: bool) -> None:
        """Take over a ComputeResourceConfigSpec.

        :param modify: whether what it does not set stays; else it is reset
        """
        names = ('vmSwapPlacement', 'spbmEnabled', 'defaultHardwareVersionKey')
        base = self.settings if modify else _SETTINGS
        wanted = {name: value for name in names if (value := getattr(spec, name)) is not None}
        self.update(settings={**base, **wanted})

    def ReconfigureComputeResource_Task(self, call: Call) -> Ref:
        spec, modify = call.spec, bool(call.modify)
        return self.start(
            'ReconfigureComputeResource_Task', lambda: self.configure(spec, modify=modify)
        )

    @classmethod
    def of_host(cls, folder: ManagedEntity, spec: DataObject, *, connected: bool) -> Any:
        """Make a host known, and a compute resource of its name around it.

        :param spec: a HostConnectSpec
        """
        joining.check(folder.world, spec)
        folder.check_free(spec.hostName, folder.children)
        made = cls(folder.world, spec.hostName, folder)
        joining.join(made, spec, EDGE_MODEL, connected=connected)
        return made

    @classmethod
    def of_member(cls, folder: ManagedEntity, host: HostSystem) -> None:
        """Let a host leave its cluster, and make a compute resource around it."""
        if not host.maintenance:
            raise Fault('InvalidState', f"The host '{host.name}' is not in maintenance mode.")
        cluster, made = host.parent, cls(folder.world, host.name, folder)
        host.parent = made
        for machine in host.vm:
            if machine.resourcePool is not None:
                machine.resourcePool = made.resourcePool
        cluster.changed('summary')
        made.changed('summary')

    def dispose(self) -> None:
        for host in self.host:
            host.leave()
        self.resourcePool.dispose()
        super().dispose()
        self.world.remove(self.environmentBrowser)
