"""Hosts."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.datastore_browser import HostDatastoreBrowser
from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.host import config
from oslo_vmware.simulator.objects.host.auto_start_manager import HostAutoStartManager
from oslo_vmware.simulator.objects.host.certificate_manager import HostCertificateManager
from oslo_vmware.simulator.objects.host.datastore_system import HostDatastoreSystem
from oslo_vmware.simulator.objects.host.date_time_system import HostDateTimeSystem
from oslo_vmware.simulator.objects.host.firewall_system import HostFirewallSystem
from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.objects.host.manager import HostManager
from oslo_vmware.simulator.objects.host.network_system import HostNetworkSystem
from oslo_vmware.simulator.objects.host.options import HostOptions
from oslo_vmware.simulator.objects.host.service_system import HostServiceSystem
from oslo_vmware.simulator.objects.host.storage_system import HostStorageSystem
from oslo_vmware.simulator.objects.host.virtual_nic_manager import HostVirtualNicManager
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.objects.vslm.host_manager import HostVStorageObjectManager
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.world.registry import Call, World, managed

MIB = 1024**2

# How much of a busy host's capacity shows as used at most, whatever its machines ask for.
_BUSIEST = 0.95
# What the hypervisor itself uses.
_OWN_CPU_MHZ = 400
_OWN_MEMORY_MB = 4096

# The managers of a host, by the names that they have in its ``configManager``.
MANAGERS: dict[str, type[HostManager]] = {
    'advancedOption': HostOptions,
    'autoStartManager': HostAutoStartManager,
    'certificateManager': HostCertificateManager,
    'datastoreSystem': HostDatastoreSystem,
    'dateTimeSystem': HostDateTimeSystem,
    'firewallSystem': HostFirewallSystem,
    'networkSystem': HostNetworkSystem,
    'serviceSystem': HostServiceSystem,
    'storageSystem': HostStorageSystem,
    'virtualNicManager': HostVirtualNicManager,
}

# Where a link of a host shows: in its config, and in what its managers show.
_DATASTORES: dict[str, tuple[str, ...]] = {
    'datastoreSystem': ('datastore',),
    'storageSystem': ('fileSystemVolumeInfo', 'storageDeviceInfo'),
}
_NETWORKS: dict[str, tuple[str, ...]] = {'networkSystem': ('networkInfo', 'networkConfig')}
_LINKS: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    'datastore': ('config.fileSystemVolume', _DATASTORES),
    'network': ('config.network', _NETWORKS),
    'switches': ('config.network', _NETWORKS),
}
# Those that no property names; clients know their ids.
_UNNAMED: dict[str, type[HostManager]] = {'vStorageObjectManager': HostVStorageObjectManager}


def manager_of_id(world: World, ref: Ref) -> HostManager | None:
    """The manager of a host that a reference names, which nobody needs to have asked for before."""
    prefix, _, number = ref.value.rpartition('-')
    host = world.objects.get(f'host-{number}')
    for name, kind in (MANAGERS | _UNNAMED).items():
        if isinstance(host, HostSystem) and kind.moid_prefix == prefix:
            found: HostManager = host.manager(name)
            return found
    return None


@managed('HostSystem')
class HostSystem(Host):
    """A host: its properties and operations."""

    def __init__(self, world: World, name: str, parent: ManagedEntity, **state: Any) -> None:
        super().__init__(world, name, parent, **state)
        self.datastoreBrowser = HostDatastoreBrowser(world, self)

    def touched(self, link: str) -> None:
        super().touched(link)
        if link in ('datastore', 'network') and self.parent is not None:
            self.parent.changed(link)
        if link in _LINKS:
            part, shown = _LINKS[link]
            managers = self.__dict__.get('_managers', {})
            for name in shown.keys() & managers.keys():
                managers[name].changed(*shown[name])
            self.changed(part)

    # Properties

    @property
    def runtime(self) -> DataObject:
        return types.HostRuntimeInfo(
            connectionState=self.connection,
            powerState='unknown' if self.connection == 'notResponding' else 'poweredOn',
            standbyMode='none',
            inMaintenanceMode=self.maintenance,
            inQuarantineMode=False,
            bootTime=self.boot_time,
            healthSystemRuntime=types.HealthSystemRuntime(
                systemHealthInfo=types.HostSystemHealthInfo(numericSensorInfo=[])
            ),
            hostMaxVirtualDiskCapacity=62 * 1024**4,
            cryptoState='incapable',
        )

    @property
    def summary(self) -> DataObject:
        return types.HostListSummary(
            host=self.ref,
            hardware=config.hardware_summary(self),
            runtime=self.runtime,
            config=types.HostConfigSummary(
                name=self.name,
                port=443,
                sslThumbprint=self.thumbprint,
                product=config.product(self),
                vmotionEnabled=True,
                faultToleranceEnabled=False,
                featureVersion=[],
            ),
            quickStats=self._quick_stats(),
            overallStatus=self.overallStatus,
            rebootRequired=False,
            customValue=self.customValue,
            managementServerIp=config.VCENTER_IP,
            maxEVCModeKey='intel-icelake' if self.model.cpu_vendor == 'intel' else 'amd-zen3',
        )

    def _quick_stats(self) -> DataObject:
        machines: list[Machine] = self.vm
        running = [machine for machine in machines if machine.power_state == 'poweredOn']
        cpu = _OWN_CPU_MHZ + sum(machine.cpu_usage for machine in running)
        memory_mb = _OWN_MEMORY_MB + sum(machine.memory_usage for machine in running)
        return types.HostListSummaryQuickStats(
            overallCpuUsage=min(cpu, int(self.cpu_mhz_total * _BUSIEST)),
            overallMemoryUsage=min(memory_mb, int(self.memory / MIB * _BUSIEST)),
            distributedCpuFairness=1000,
            distributedMemoryFairness=1000,
            availablePMemCapacity=0,
            uptime=int((self.world.now() - self.boot_time).total_seconds()),
        )

    @property
    def hardware(self) -> DataObject:
        return config.hardware(self)

    @property
    def capability(self) -> DataObject:
        return config.CAPABILITY

    @property
    def config(self) -> DataObject:
        return config.config(self)

    @property
    def licensableResource(self) -> DataObject:
        return types.HostLicensableResourceInfo(
            resource=[
                types.KeyAnyValue(key='numCpuPackages', value=self.model.packages),
                types.KeyAnyValue(key='numCpuCores', value=self.cores),
            ]
        )

    @property
    def configManager(self) -> DataObject:
        """The host's managers, those of them that are simulated."""
        return types.HostConfigManager(**{name: self.manager(name).ref for name in MANAGERS})

    def manager(self, name: str) -> Any:
        managers = self.__dict__.setdefault('_managers', {})
        if name not in managers:
            managers[name] = (MANAGERS | _UNNAMED)[name](self)
        return managers[name]

    # Operations

    def EnterMaintenanceMode_Task(self, call: Call) -> Ref:
        everything = bool(call.evacuatePoweredOffVms)
        return self.start('EnterMaintenanceMode_Task', lambda: self._enter_maintenance(everything))

    def _enter_maintenance(self, everything: bool) -> None:
        """
        :param everything: whether machines that do not run are moved, too, as far as they can
        """
        if self.maintenance:
            raise Fault('InvalidState', f"The host '{self.name}' is in maintenance mode already.")
        others = [host for host in self.parent.havens if host is not self]
        moves = {}
        for machine in self.vm:
            runs = machine.power_state == 'poweredOn'
            if not (runs or everything):
                continue
            fitting = [host for host in others if host.reaches(machine)]
            if not fitting and runs:
                # A real server waits until somebody moves the machine, or the time is out.
                raise Fault(
                    'Timedout',
                    f"The host '{self.name}' cannot enter maintenance mode: there is no other "
                    f"host for the running machine '{machine.name}'.",
                )
            if fitting:
                best = self.parent.placed(machine, fitting)
                moves[machine] = min(best, key=lambda host: len(host.vm))
        for machine, host in moves.items():
            machine.host = host
        self.update(maintenance=True)
        self.parent.changed('summary')

    def ExitMaintenanceMode_Task(self, call: Call) -> Ref:
        return self.start('ExitMaintenanceMode_Task', self._exit_maintenance)

    def _exit_maintenance(self) -> None:
        if not self.maintenance:
            raise Fault('InvalidState', f"The host '{self.name}' is not in maintenance mode.")
        self.update(maintenance=False)
        self.parent.changed('summary')

    def DisconnectHost_Task(self, call: Call) -> Ref:
        return self.start('DisconnectHost_Task', lambda: self._become('disconnected'))

    def ReconnectHost_Task(self, call: Call) -> Ref:
        return self.start('ReconnectHost_Task', self._reconnect)

    def _reconnect(self) -> None:
        if self.connection == 'connected':
            raise Fault('InvalidState', f"The host '{self.name}' is connected already.")
        if self.connection == 'notResponding':
            # Nobody can tell a vCenter to switch a host on; who reconnects one that was shut
            # down has done so.
            self.boot_time = self.world.now()
        self._become('connected')

    def _become(self, connection: str) -> None:
        self.update(connection=connection)
        for machine in self.vm:
            machine.update(connection='connected' if connection == 'connected' else 'disconnected')
        self.parent.changed('summary')

    def ShutdownHost_Task(self, call: Call) -> Ref:
        self._check_idle(call)
        return self.start('ShutdownHost_Task', self._go_down)

    def RebootHost_Task(self, call: Call) -> Ref:
        self._check_idle(call)

        def work() -> None:
            self._go_down()
            self.world.after(self.world.task_seconds, self._come_back)

        return self.start('RebootHost_Task', work)

    def _check_idle(self, call: Call) -> None:
        if not self.maintenance and not call.force:
            raise Fault(
                'InvalidState', f"The host '{self.name}' is not in maintenance mode; force it."
            )

    def ReconfigureHostForDAS_Task(self, call: Call) -> Ref:
        def work() -> None:
            if not self.parent.serves_das:
                raise Fault(
                    'DasConfigFault', f"vSphere HA is not enabled for the host '{self.name}'."
                )

        return self.start('ReconfigureHostForDAS_Task', work)

    def RetrieveHardwareUptime(self, call: Call) -> int:
        return int((self.world.now() - self.boot_time).total_seconds())

    def _go_down(self) -> None:
        """Stop, with all that runs on it; HA starts what it can on other hosts."""
        self._become('notResponding')
        for machine in self.vm:
            if machine.power_state == 'poweredOn':
                machine.become('poweredOff')
                self.parent.restart(machine)

    def _come_back(self) -> None:
        if self.ref.value in self.world.objects and self.connection == 'notResponding':
            self.boot_time = self.world.now()
            self._become('connected')

    def reaches(self, machine: Machine) -> bool:
        """Whether it has mounted all datastores that a machine lies on, and sees its disks."""
        mounted = self.datastore
        return all(found in mounted for found in machine.datastore) and all(
            self.manager('storageSystem').lun(backing.lunUuid) for backing in machine.raw_backings
        )

    def rename(self, name: str | None) -> None:
        raise Fault('NotSupported', "A host's name is its address and cannot be changed.")

    # End of life

    def check_removable(self) -> None:
        if self.usable:
            raise Fault(
                'InvalidState',
                f"The host '{self.name}' must be in maintenance mode or disconnected before it "
                'can be removed.',
            )

    def check_destroy(self) -> None:
        self.check_removable()
        if self.parent.wire_type == 'ComputeResource':
            raise Fault(
                'NotSupported',
                'A stand-alone host is removed by destroying its compute resource.',
            )

    def leave(self) -> None:
        """Go, and take the machines registered here along."""
        for machine in self.vm:
            machine.dispose()
        for datastore in self.datastore:
            if datastore.hosts == [self]:
                # A vCenter knows datastores by the hosts that have them.
                datastore.dispose()
        super().dispose()
        for manager in self.__dict__.pop('_managers', {}).values():
            self.world.remove(manager)
        self.world.remove(self.datastoreBrowser)

    def dispose(self) -> None:
        cluster = self.parent
        self.leave()
        cluster.changed('summary')
