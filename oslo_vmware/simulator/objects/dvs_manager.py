"""The manager of distributed switches: finds them, says what they can do, backs them up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oslo_vmware.simulator.objects.dv_portgroup import DistributedVirtualPortgroup
from oslo_vmware.simulator.objects.dvs import PRODUCT_VERSIONS, VmwareDistributedVirtualSwitch
from oslo_vmware.simulator.objects.dvs_backup import Restore, exported
from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, Typed, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed

# The shares that a network resource pool of level high has.
_HIGH_SHARES = 100


def _products() -> list[DataObject]:
    return [
        types.DistributedVirtualSwitchProductSpec(
            name='DVS', vendor='VMware, Inc.', version=version, forwardingClass='etherswitch'
        )
        for version in PRODUCT_VERSIONS
    ]


def _check_product(spec: DataObject | None) -> None:
    """Refuse a version of a switch that is not known."""
    version = spec.version if spec is not None else None
    if version is not None and version not in PRODUCT_VERSIONS:
        raise invalid_argument('switchProductSpec.version')


@managed('DistributedVirtualSwitchManager')
class DistributedVirtualSwitchManager(ManagedObject):
    """Queries about distributed switches, and backups of them."""

    def __init__(self, world: World) -> None:
        super().__init__(world, 'DVSManager')

    # Which there are

    def QueryDvsByUuid(self, call: Call) -> VmwareDistributedVirtualSwitch | None:
        return self._by_uuid(call.uuid)

    def DVSManagerLookupDvPortGroup(self, call: Call) -> DistributedVirtualPortgroup | None:
        switch = self._by_uuid(call.switchUuid)
        if switch is None:
            raise Fault('NotFound', f"There is no switch '{call.switchUuid}'.")
        groups: list[DistributedVirtualPortgroup] = switch.portgroup
        return next((one for one in groups if one.key == call.portgroupKey), None)

    def QueryDvsConfigTarget(self, call: Call) -> DataObject:
        """The switches and port groups that machines of a host can be connected to."""
        switches = list(self.world.of_type(VmwareDistributedVirtualSwitch))
        if call.dvs is not None:
            switches = [self._switch(call.dvs)]
        if call.host is not None:
            host = self.world.get(call.host)
            switches = [one for one in switches if host in one.hosts]
        return types.DVSManagerDvsConfigTarget(
            distributedVirtualSwitch=[
                types.DistributedVirtualSwitchInfo(
                    switchName=one.name,
                    switchUuid=one.uuid,
                    distributedVirtualSwitch=one.ref,
                    networkReservationSupported=True,
                )
                for one in switches
            ],
            distributedVirtualPortgroup=[
                types.DistributedVirtualPortgroupInfo(
                    switchName=one.name,
                    switchUuid=one.uuid,
                    portgroupName=group.name,
                    portgroupKey=group.key,
                    portgroupType=group.config.type,
                    uplinkPortgroup=group.uplink,
                    portgroup=group.ref,
                    networkReservationSupported=True,
                    backingType='standard',
                )
                for one in switches
                for group in one.portgroup
            ],
        )

    # What they can be, and where

    def QueryAvailableDvsSpec(self, call: Call) -> list[DataObject]:
        return _products()[-1:] if call.recommended else _products()

    def QueryDvsCompatibleHostSpec(self, call: Call) -> list[DataObject]:
        """The versions of hosts for a switch: its own, and all that came after it."""
        _check_product(call.switchProductSpec)
        wanted = call.switchProductSpec.version if call.switchProductSpec is not None else None
        oldest = PRODUCT_VERSIONS.index(wanted or PRODUCT_VERSIONS[-1])
        return [
            types.DistributedVirtualSwitchHostProductSpec(
                productLineId='embeddedEsx', version=version
            )
            for version in PRODUCT_VERSIONS[oldest:]
        ]

    def QueryDvsFeatureCapability(self, call: Call) -> DataObject:
        _check_product(call.switchProductSpec)
        return types.VMwareDVSFeatureCapability(
            networkResourceManagementSupported=True,
            vmDirectPathGen2Supported=True,
            nicTeamingPolicy=[
                'loadbalance_ip',
                'loadbalance_srcmac',
                'loadbalance_srcid',
                'failover_explicit',
                'loadbalance_loadbased',
            ],
            networkResourcePoolHighShareValue=_HIGH_SHARES,
            networkResourceManagementCapability=types.DVSNetworkResourceManagementCapability(
                networkResourceManagementSupported=True,
                networkResourcePoolHighShareValue=_HIGH_SHARES,
                qosSupported=True,
                userDefinedNetworkResourcePoolsSupported=True,
                networkResourceControlVersion3Supported=True,
                userDefinedInfraTrafficPoolSupported=True,
            ),
            rollbackCapability=types.DVSRollbackCapability(rollbackSupported=False),
            backupRestoreCapability=types.DVSBackupRestoreCapability(backupRestoreSupported=True),
            networkFilterSupported=True,
            macLearningSupported=True,
            vspanSupported=False,
            lldpSupported=True,
            ipfixSupported=True,
            multicastSnoopingSupported=True,
        )

    def QueryCompatibleHostForNewDvs(self, call: Call) -> list[Host]:
        _check_product(call.switchProductSpec)
        return [one for one in self._hosts(call.container, call.recursive) if one.usable]

    def QueryCompatibleHostForExistingDvs(self, call: Call) -> list[Host]:
        switch = self._switch(call.dvs)
        return [
            one
            for one in self._hosts(call.container, call.recursive)
            if one.usable and one.datacenter is switch.datacenter
        ]

    def QueryDvsCheckCompatibility(self, call: Call) -> list[DataObject]:
        """Whether hosts can be members of a switch, and what is in the way."""
        product, switch = call.dvsProductSpec, None
        if product is not None:
            _check_product(product.newSwitchProductSpec)
            if product.distributedVirtualSwitch is not None:
                switch = self._switch(product.distributedVirtualSwitch)
        wanted = list(self._hosts(call.hostContainer.container, call.hostContainer.recursive))
        for one in call.hostFilterSpec or []:
            among = self._filtered(one)
            wanted = [host for host in wanted if (host in among) == bool(one.inclusive)]
        return [
            types.DistributedVirtualSwitchManagerCompatibilityResult(
                host=host, error=[one.localized() for one in _obstacles(host, switch)]
            )
            for host in wanted
        ]

    def _filtered(self, spec: DataObject) -> list[Any]:
        if spec.hostContainer is not None:
            return list(self._hosts(spec.hostContainer.container, spec.hostContainer.recursive))
        if spec.distributedVirtualSwitch is not None:
            return list(self._switch(spec.distributedVirtualSwitch).hosts)
        return [self.world.get(one) for one in spec.host or []]

    # Backups

    def DVSManagerExportEntity_Task(self, call: Call) -> Ref:
        """Back up switches and port groups."""
        selected = call.selectionSet or []
        return self._start(
            'DVSManagerExportEntity_Task',
            lambda: Typed(
                'ArrayOfEntityBackupConfig',
                [config for one in selected for config in self._exported(one)],
            ),
        )

    def DVSManagerImportEntity_Task(self, call: Call) -> Ref:
        """Make or change switches and port groups as backups say."""
        restore = Restore(self.world, call.importType, self._by_uuid)
        configs = call.entityBackup or []
        return self._start('DVSManagerImportEntity_Task', lambda: restore.result(configs))

    def RectifyDvsOnHost_Task(self, call: Call) -> Ref:
        """Bring hosts in line with the configuration, which they always are."""
        for host in call.hosts or []:
            self.world.get(host)
        return self._start('RectifyDvsOnHost_Task', lambda: None)

    def _exported(self, selection: DataObject) -> Iterator[DataObject]:
        switch = self._by_uuid(selection.dvsUuid)
        if switch is None:
            raise Fault('NotFound', f"There is no switch '{selection.dvsUuid}'.")
        if selection.wire_type == 'DVSSelection':
            yield exported(switch)
            return
        groups = {group.key: group for group in switch.portgroup}
        for key in selection.portgroupKey or []:
            if key not in groups:
                raise Fault('NotFound', f"There is no port group with key '{key}'.")
            yield exported(groups[key])

    def _start(self, operation: str, work: Any) -> Ref:
        shown_on = self.world.root_folder
        return self.world.task_manager.start(self, operation, work, shown_on=shown_on)

    # Finding

    def _by_uuid(self, uuid: str) -> VmwareDistributedVirtualSwitch | None:
        switches = self.world.of_type(VmwareDistributedVirtualSwitch)
        return next((one for one in switches if one.uuid == uuid), None)

    def _switch(self, ref: Ref) -> VmwareDistributedVirtualSwitch:
        found: Any = self.world.get(ref)
        return found  # type: ignore[no-any-return]

    def _hosts(self, container: Ref, recursive: bool | None) -> Iterator[Any]:
        """The hosts of a container; those of clusters right in it, unless all are wanted."""
        found: Any = self.world.get(container)
        if found.is_a('HostSystem'):
            yield found
            return
        if recursive:
            within = list(found.descendants())
        else:
            top = found.hostFolder if found.is_a('Datacenter') else found
            within = [*top.children, *(host for one in top.children for host in one.children)]
        yield from (one for one in within if one.is_a('HostSystem'))


def _obstacles(host: Any, switch: VmwareDistributedVirtualSwitch | None) -> Iterator[Fault]:
    if host.connection != 'connected':
        yield Fault('HostNotConnected', f"The host '{host.name}' is not connected.")
    if switch is not None and host.datacenter is not switch.datacenter:
        yield invalid_argument('dvsProductSpec.distributedVirtualSwitch')
