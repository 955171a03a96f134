"""The distributed switch.

Every switch has one port group for the uplinks, made with it, that no machine can use.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from typing import Any, ClassVar

from oslo_vmware.simulator.objects import dv_ports
from oslo_vmware.simulator.objects.dv_port_settings import shown, trunk_setting
from oslo_vmware.simulator.objects.dv_portgroup import (
    DistributedVirtualPortgroup,
    portgroup_settings,
)
from oslo_vmware.simulator.objects.entity import ManagedEntity, wire_name
from oslo_vmware.simulator.world.data import (
    DataObject,
    Fault,
    Ref,
    invalid_argument,
    merged,
    types,
)
from oslo_vmware.simulator.world.registry import Call, World, managed
from oslo_vmware.simulator.world.relations import Many

# The versions of a switch that can be asked for, the oldest first.
PRODUCT_VERSIONS = ('6.5.0', '6.6.0', '7.0.0', '7.0.2', '7.0.3', '8.0.0', '8.0.3')
_UPLINKS = 4
_MTU = (1280, 9190)

_NOT_SUPPORTED = ('numStandalonePorts', 'vspanConfigSpec', 'networkOffloadSpecId')
# Fields of a VMwareDVSConfigSpec that its configuration repeats as they are.
SETTINGS = (
    'contact', 'defaultPortConfig', 'defaultProxySwitchMaxNumPorts', 'description',
    'extensionKey', 'infrastructureTrafficResourceConfig', 'ipfixConfig', 'lacpApiVersion',
    'linkDiscoveryProtocolConfig', 'maxMtu', 'maxPorts', 'multicastFilteringMode',
    'netResourcePoolTrafficResourceConfig', 'networkResourceControlVersion', 'policy',
    'switchIpAddress', 'uplinkPortPolicy', 'vendorSpecificConfig',
)  # fmt: skip


def spaced_uuid(plain: str) -> str:
    """A uuid in the way switches and the SMBIOS write it: ``50 2e 91 … -4d 25 …``."""
    pairs = [f'{byte:02x}' for byte in uuid.UUID(plain).bytes]
    return f'{" ".join(pairs[:8])}-{" ".join(pairs[8:])}'


def _version(wanted: str | None) -> str:
    """The version of a new switch: the one asked for, or the newest of those before it.

    Programs make it of the version of their hosts' API, which runs ahead of the switches'.

    :raises Fault: InvalidArgument for one from before the oldest
    """
    if wanted is None:
        return PRODUCT_VERSIONS[-1]
    known = [one for one in PRODUCT_VERSIONS if _numbers(one) <= _numbers(wanted)]
    if not known:
        raise invalid_argument('spec.productInfo.version')
    return known[-1]


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split('.') if part.isdecimal()]


@managed('VmwareDistributedVirtualSwitch')
class VmwareDistributedVirtualSwitch(ManagedEntity):
    """A distributed switch.

    :ivar uuid: names the switch in the backing of a network card
    :ivar settings: fields of its configuration that somebody has set
    :ivar backings: the physical cards that hosts give to it, where somebody has said which
    :ivar version: how often it was configured
    """

    id_prefix = 'dvs'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'name': ('name', 'config.name', 'summary.name'),
        'hosts': ('summary', 'config.host', 'runtime'),
        'settings': ('config', 'summary'),
        'portgroup': ('portgroup', 'config', 'summary'),
    }

    portgroup = Many('switch')
    # On the wire the hosts are in summary and config.
    hosts = Many('switches')

    uuid: str
    created: datetime.datetime
    settings: dict[str, Any] = {}
    backings: dict[Any, DataObject] = {}
    version = 1
    product_version = PRODUCT_VERSIONS[-1]

    def __init__(
        self,
        world: World,
        name: str,
        parent: ManagedEntity,
        created: datetime.datetime | None = None,
        uplinks: int = _UPLINKS,
        **state: Any,
    ) -> None:
        super().__init__(
            world,
            name,
            parent,
            uuid=spaced_uuid(world.new_uuid()),
            created=created or world.now(),
            **state,
        )
        group = types.DVPortgroupConfigSpec(
            type='earlyBinding', numPorts=uplinks, defaultPortConfig=trunk_setting()
        )
        self.add_portgroup(f'{name}-DVUplinks-{self.ref.value.rpartition("-")[2]}', group, True)

    @classmethod
    def create(cls, folder: ManagedEntity, spec: DataObject) -> VmwareDistributedVirtualSwitch:
        """Make a switch from a DVSCreateSpec."""
        wanted = spec.configSpec
        name = wire_name(wanted.name)
        folder.check_free(name, folder.children)
        names = wanted.uplinkPortPolicy.uplinkPortName if wanted.uplinkPortPolicy else None
        version = _version(spec.productInfo.version if spec.productInfo is not None else None)
        made = cls(
            folder.world,
            name,
            folder,
            uplinks=len(names) if names else _UPLINKS,
            product_version=version,
        )
        try:
            made.configure(wanted)
        except Fault:
            made.dispose()
            raise
        return made

    def add_portgroup(
        self, name: str, spec: DataObject, uplink: bool = False
    ) -> DistributedVirtualPortgroup:
        made = DistributedVirtualPortgroup(
            self.world,
            name,
            self.parent,
            settings=portgroup_settings(spec),
            uplink=uplink,
            version=0,
        )
        made.switch = self
        made.host = self.hosts
        return made

    def join(self, host: Any) -> None:
        """Make a host a member, which connects it to all port groups."""
        self.__class__.hosts.connect(self, host)
        for group in self.portgroup:
            group.__class__.host.connect(group, host)

    def leave(self, host: Any) -> None:
        """Make a host a member no more."""
        self.__class__.hosts.disconnect(self, host)
        for group in self.portgroup:
            group.__class__.host.disconnect(group, host)
        self.backings = {
            other: backing for other, backing in self.backings.items() if other is not host
        }

    @property
    def capability(self) -> DataObject:
        return types.DVSCapability(
            dvsOperationSupported=True,
            dvPortGroupOperationSupported=True,
            dvPortOperationSupported=True,
        )

    @property
    def _product(self) -> DataObject:
        return types.DistributedVirtualSwitchProductSpec(
            name='DVS',
            vendor='VMware, Inc.',
            version=self.product_version,
            build='24022510',
            forwardingClass='etherswitch',
        )

    @property
    def _ports(self) -> int:
        return sum(group.port_count for group in self.portgroup)

    @property
    def summary(self) -> DataObject:
        return types.DVSSummary(
            name=self.name,
            uuid=self.uuid,
            numPorts=self._ports,
            productInfo=self._product,
            hostMember=self.hosts,
            host=self.hosts,
            vm=list(dict.fromkeys(vm for group in self.portgroup for vm in group.vm)),
            portgroupName=[group.name for group in self.portgroup],
            contact=self.config.contact,
            numHosts=len(self.hosts),
        )

    @property
    def config(self) -> DataObject:
        fields: dict[str, Any] = {
            'numStandalonePorts': 0,
            'maxPorts': 2147483647,
            'uplinkPortPolicy': types.DVSNameArrayUplinkPortPolicy(
                uplinkPortName=[f'Uplink {number}' for number in range(1, _UPLINKS + 1)]
            ),
            'contact': types.DVSContactInfo(),
            'networkResourceManagementEnabled': True,
            'defaultProxySwitchMaxNumPorts': 512,
            'networkResourceControlVersion': 'version3',
            'maxMtu': 1500,
            'linkDiscoveryProtocolConfig': types.LinkDiscoveryProtocolConfig(
                protocol='cdp', operation='listen'
            ),
            'lacpApiVersion': 'multipleLag',
            'multicastFilteringMode': 'snooping',
            **self.settings,
            'defaultPortConfig': shown(self.settings.get('defaultPortConfig')),
        }
        return types.VMwareDVSConfigInfo(
            **fields,
            uuid=self.uuid,
            name=self.name,
            numPorts=self._ports,
            uplinkPortgroup=[group for group in self.portgroup if group.uplink],
            host=[self._member(host) for host in self.hosts],
            productInfo=self._product,
            configVersion=str(self.version),
            createTime=self.created,
        )

    def backing_on(self, host: Any) -> DataObject:
        """The physical cards that a member gives to it."""
        found: DataObject | None = self.backings.get(host)
        return found or types.DistributedVirtualSwitchHostMemberPnicBacking(
            pnicSpec=[types.DistributedVirtualSwitchHostMemberPnicSpec(pnicDevice='vmnic2')]
        )

    def _member(self, host: Any) -> DataObject:
        backing = self.backing_on(host)
        return types.DistributedVirtualSwitchHostMember(
            config=types.DistributedVirtualSwitchHostMemberConfigInfo(
                host=host.ref, maxProxySwitchPorts=512, backing=backing
            ),
            productInfo=self._product,
            status='up',
        )

    @property
    def runtime(self) -> DataObject:
        return types.DVSRuntimeInfo(
            hostMemberRuntime=[
                types.HostMemberRuntimeInfo(host=host.ref, status='up') for host in self.hosts
            ]
        )

    # Configuration

    def configure(self, spec: DataObject) -> None:
        """Take over a DVSConfigSpec: all of it, or nothing and a fault."""
        if spec.configVersion is not None and spec.configVersion != str(self.version):
            raise Fault('ConcurrentAccess', f"The switch '{self.name}' was changed meanwhile.")
        name = self.name
        if spec.name is not None and spec.name != name:
            name = wire_name(spec.name)
            self.check_free(name, self.namesakes())
        if spec.maxMtu is not None and not _MTU[0] <= spec.maxMtu <= _MTU[1]:
            raise invalid_argument('spec.maxMtu')
        for field in _NOT_SUPPORTED:
            if getattr(spec, field):
                raise Fault('NotSupported', f"'{field}' of a switch is not simulated.")
        changes = [self._change(change) for change in spec.host or ()]
        if len({host for _operation, host, _backing in changes}) < len(changes):
            raise invalid_argument('spec.host')
        pvlans = self._pvlans(spec.pvlanConfigSpec or ())
        # From here on nothing can fail.
        for operation, host, backing in changes:
            if operation == 'remove':
                self.leave(host)
            else:
                self.join(host)
                if backing is not None:
                    self.backings = {**self.backings, host: backing}
                    host.touched('switches')
        settings = {
            field: merged(self.settings.get(field), value)
            for field in SETTINGS
            if (value := getattr(spec, field)) is not None
        }
        self.version += 1
        if name != self.name:
            self.update(name=name)
        self.update(settings={**self.settings, **settings, 'pvlanConfig': pvlans})
        if spec.uplinkPortPolicy is not None:
            self._count_uplinks(len(spec.uplinkPortPolicy.uplinkPortName or ()))

    def _pvlans(self, changes: Iterable[DataObject]) -> list[DataObject]:
        """The private VLANs after some changes; the secondary VLAN tells them apart."""
        found = {entry.secondaryVlanId: entry for entry in self.settings.get('pvlanConfig', ())}
        for change in changes:
            entry = change.pvlanEntry
            if (entry.secondaryVlanId in found) is (change.operation == 'add'):
                raise invalid_argument('spec.pvlanConfigSpec.pvlanEntry')
            if change.operation == 'remove':
                del found[entry.secondaryVlanId]
            else:
                found[entry.secondaryVlanId] = entry
        return list(found.values())

    def _count_uplinks(self, count: int) -> None:
        for group in self.portgroup:
            if group.uplink:
                group.update(settings={**group.settings, 'numPorts': count})

    def _change(self, change: DataObject) -> tuple[str, Any, DataObject | None]:
        """What is to happen to a member, once it may."""
        host = self.find(change.host, 'HostSystem', 'spec.host.host')
        if host.datacenter is not self.datacenter:
            raise invalid_argument('spec.host.host')
        member = host in self.hosts
        if member and change.operation == 'add':
            raise Fault('AlreadyExists', f"'{host.name}' is a member already.", name=host.name)
        if not member and change.operation != 'add':
            raise Fault('NotFound', f"'{host.name}' is no member of the switch '{self.name}'.")
        if change.operation == 'remove':
            mine = set(self.portgroup)
            if any(mine.intersection(machine.network) for machine in host.vm):
                raise Fault(
                    'ResourceInUse',
                    f"Machines on '{host.name}' are connected to the switch '{self.name}'.",
                    type='HostSystem',
                    name=host.name,
                )
        backing = change.backing
        if backing is not None and backing.pnicSpec is None:
            backing.pnicSpec = []
        return change.operation, host, backing

    def ReconfigureDvs_Task(self, call: Call) -> Ref:
        return self.start('ReconfigureDvs_Task', lambda: self.configure(call.spec))

    def EnableNetworkResourceManagement(self, call: Call) -> None:
        enabled = {'networkResourceManagementEnabled': bool(call.enable)}
        self.update(settings={**self.settings, **enabled})

    def UpdateDVSHealthCheckConfig_Task(self, call: Call) -> Ref:
        wanted = {check.wire_type: check for check in call.healthCheckConfig or []}

        def work() -> None:
            checks = {
                check.wire_type: check for check in self.settings.get('healthCheckConfig', [])
            }
            checks |= {kind: merged(checks.get(kind), wanted[kind]) for kind in wanted}
            self.update(settings={**self.settings, 'healthCheckConfig': list(checks.values())})

        return self.start('UpdateDVSHealthCheckConfig_Task', work)

    # Ports

    def FetchDVPorts(self, call: Call) -> list[DataObject]:
        return dv_ports.matching(self, call.criteria)

    def FetchDVPortKeys(self, call: Call) -> list[str]:
        return [port.key for port in dv_ports.matching(self, call.criteria)]

    # Port groups

    def _new_portgroup(self, spec: DataObject) -> DistributedVirtualPortgroup:
        name = wire_name(spec.name)
        self.check_free(name, self.datacenter.network)
        return self.add_portgroup(name, spec)

    def CreateDVPortgroup_Task(self, call: Call) -> Ref:
        return self.start('CreateDVPortgroup_Task', lambda: self._new_portgroup(call.spec))

    def AddDVPortgroup_Task(self, call: Call) -> Ref:
        specs: list[DataObject] = call.spec or []

        def work() -> None:
            names = [wire_name(spec.name) for spec in specs]
            for number, name in enumerate(names):
                self.check_free(name, self.datacenter.network)
                if name in names[:number]:
                    raise Fault(
                        'DuplicateName',
                        f"The name '{name}' stands there twice.",
                        name=name,
                        object=self.ref,
                    )
            for spec in specs:
                self._new_portgroup(spec)

        return self.start('AddDVPortgroup_Task', work)

    def LookupDvPortGroup(self, call: Call) -> DistributedVirtualPortgroup:
        for group in self.portgroup:
            if group.key == call.portgroupKey:
                found: DistributedVirtualPortgroup = group
                return found
        raise Fault('NotFound', f"There is no port group with key '{call.portgroupKey}'.")

    def QueryUsedVlanIdInDvs(self, call: Call) -> list[int]:
        vlans = (group.config.defaultPortConfig.vlan for group in self.portgroup)
        return sorted({vlan.vlanId for vlan in vlans if vlan and isinstance(vlan.vlanId, int)})

    def check_destroy(self) -> None:
        for group in self.portgroup:
            if group.vm:
                group.check_destroy()

    def dispose(self) -> None:
        for group in self.portgroup:
            group.dispose()
        super().dispose()
