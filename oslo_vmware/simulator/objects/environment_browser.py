"""What can be configured on a compute resource, and the datastores that can be browsed."""

from __future__ import annotations

from typing import Any, Protocol

from oslo_vmware.simulator.objects.host import config as host_config
from oslo_vmware.simulator.objects.vm import config_options
from oslo_vmware.simulator.objects.vm.hardware_versions import NEWEST, VERSIONS
from oslo_vmware.simulator.world.data import DataObject, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed


class Owner(Protocol):
    """The compute resource."""

    ref: Ref

    @property
    def host(self) -> list[Any]: ...

    @property
    def datastore(self) -> list[Any]: ...

    @property
    def network(self) -> list[Any]: ...

    @property
    def resourcePool(self) -> Any: ...


@managed('EnvironmentBrowser')
class EnvironmentBrowser(ManagedObject):
    """What can be configured on a compute resource, and the datastores that can be browsed."""

    owner: Owner

    def __init__(self, world: World, owner: Owner) -> None:
        number = owner.ref.value.partition('-')[2].lstrip('cs')
        super().__init__(world, f'envbrowser-{number}', owner=owner)

    @property
    def datastoreBrowser(self) -> Ref | None:
        hosts = self.owner.host
        found: Ref | None = hosts[0].datastoreBrowser.ref if hosts else None
        return found

    def _hosts(self, host: Ref | None) -> list[Any]:
        """The host that is asked about, or all.

        :raises Fault: InvalidArgument for one of another compute resource
        """
        if host is None:
            return self.owner.host
        found = [one for one in self.owner.host if one.ref == host]
        if not found:
            self.world.get(host)
            raise invalid_argument('host')
        return found

    def QueryConfigOptionDescriptor(self, call: Call) -> list[DataObject]:
        return [config_options.descriptor(version, self.owner.host) for version in VERSIONS]

    def QueryConfigOption(self, call: Call) -> DataObject | None:
        return self._option(call.key, call.host, [])

    def QueryConfigOptionEx(self, call: Call) -> DataObject | None:
        spec = call.spec or types.EnvironmentBrowserConfigOptionQuerySpec()
        return self._option(spec.key, spec.host, spec.guestId or [])

    def _option(self, key: str | None, host: Ref | None, guests: list[str]) -> DataObject | None:
        if not self._hosts(host):
            # Without hosts there is nothing that machines could be made of.
            return None
        version = key or NEWEST
        if version not in VERSIONS:
            raise invalid_argument('key')
        return config_options.option(version, guests)

    def QueryTargetCapabilities(self, call: Call) -> DataObject | None:
        return host_config.CAPABILITY if self._hosts(call.host) else None

    def QueryConfigTarget(self, call: Call) -> DataObject | None:
        hosts = self._hosts(call.host)
        if not hosts:
            return None
        datastores = hosts[0].datastore if call.host else self.owner.datastore
        networks = hosts[0].network if call.host else self.owner.network
        groups = [one for one in networks if one.wire_type == 'DistributedVirtualPortgroup']
        memory = min(host.memory for host in hosts) // 1024**2
        return types.ConfigTarget(
            numCpus=max(host.threads for host in hosts),
            numCpuCores=max(host.cores for host in hosts),
            numNumaNodes=max(host.model.packages for host in hosts),
            maxCpusPerHost=max(host.threads for host in hosts),
            smcPresent=False,
            datastore=[_datastore(one) for one in datastores],
            network=[
                types.VirtualMachineNetworkInfo(name=one.name, network=one.summary)
                for one in networks
                if one not in groups
            ],
            distributedVirtualPortgroup=[_portgroup(one) for one in groups],
            cdRom=[],
            maxMemMBOptimalPerf=memory,
            supportedMaxMemMB=memory,
            resourcePool=self.owner.resourcePool.runtime,
            autoVmotion=True,
            sriov=[],
            scsiDisk=_disks(hosts),
        )


def _disks(hosts: list[Any]) -> list[DataObject]:
    """The disks that a machine could be given, whichever of some hosts it is on."""
    first, *others = [host.manager('storageSystem') for host in hosts]
    free = [lun for lun in first.free_luns if all(lun in one.free_luns for one in others)]
    return [
        types.VirtualMachineScsiDiskDeviceInfo(
            name=lun.path, capacity=lun.capacity, disk=first.disk(lun)
        )
        for lun in free
    ]


def _datastore(datastore: Any) -> DataObject:
    info = datastore.info
    return types.VirtualMachineDatastoreInfo(
        name=datastore.name,
        datastore=datastore.summary,
        capability=datastore.capability,
        maxFileSize=info.maxFileSize,
        maxVirtualDiskCapacity=info.maxVirtualDiskCapacity,
        mode='readWrite',
        vStorageSupport='vStorageUnsupported' if datastore.kind == 'NFS' else 'vStorageSupported',
    )


def _portgroup(group: Any) -> DataObject:
    return types.DistributedVirtualPortgroupInfo(
        switchName=group.switch.name,
        switchUuid=group.switch.uuid,
        portgroupName=group.name,
        portgroupKey=group.key,
        portgroupType=group.config.type,
        uplinkPortgroup=group.uplink,
        portgroup=group.ref,
        networkReservationSupported=True,
        backingType='standard',
    )
