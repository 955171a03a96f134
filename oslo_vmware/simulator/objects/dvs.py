"""The distributed switch and its port groups.

Port groups lie beside their switch in the network folder. Every switch has one port group for
the uplinks, made with it, that no machine can use.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any, ClassVar

from oslo_vmware.simulator.objects.entity import ManagedEntity, wire_name
from oslo_vmware.simulator.objects.network import Network
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, World, managed
from oslo_vmware.simulator.world.relations import Many, One

_PRODUCT_VERSION = '8.0.3'
_UPLINKS = 4
# Ports of a port group when nobody says a number, as the vSphere client proposes.
_DEFAULT_PORTS = 8
_MAX_VLAN = 4094


def vlan_setting(vlan: int) -> DataObject:
    """A port setting with nothing but a VLAN."""
    return types.VMwareDVSPortSetting(
        vlan=types.VmwareDistributedVirtualSwitchVlanIdSpec(inherited=False, vlanId=vlan)
    )


def trunk_setting() -> DataObject:
    """A port setting that lets all VLANs through, as uplinks have it."""
    every = types.NumericRange(start=0, end=_MAX_VLAN)
    return types.VMwareDVSPortSetting(
        vlan=types.VmwareDistributedVirtualSwitchTrunkVlanSpec(inherited=False, vlanId=[every])
    )


def spaced_uuid(plain: str) -> str:
    """A uuid in the way switches and the SMBIOS write it: ``50 2e 91 … -4d 25 …``."""
    pairs = [f'{byte:02x}' for byte in uuid.UUID(plain).bytes]
    return f'{" ".join(pairs[:8])}-{" ".join(pairs[8:])}'


@managed('DistributedVirtualPortgroup')
class DistributedVirtualPortgroup(Network):
    """A port group of a distributed switch.

    :ivar settings: what its configuration was made of: the fields of a DVPortgroupConfigSpec
    :ivar uplink: whether it is the switch's group of uplinks
    :ivar version: how often it was configured
    """

    id_prefix = 'dvportgroup'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'name': ('name', 'summary.name', 'config.name'),
        'settings': ('config', 'portKeys'),
        'switch': ('config.distributedVirtualSwitch',),
    }

    switch = One('portgroup')

    settings: dict[str, Any]
    uplink: bool = False
    version: int = 0

    @property
    def key(self) -> str:
        return self.ref.value

    @property
    def port_count(self) -> int:
        if self.settings.get('type') == 'ephemeral':
            return 0
        ports: int = self.settings.get('numPorts') or _DEFAULT_PORTS
        return ports

    @property
    def portKeys(self) -> list[str]:
        # Port keys are unique in the switch: each group counts on from where it began.
        number = int(self.ref.value.rpartition('-')[2])
        return [str(number * 1000 + port) for port in range(self.port_count)]

    @property
    def config(self) -> DataObject:
        settings = dict(self.settings)
        settings['numPorts'] = self.port_count
        settings.setdefault('type', 'earlyBinding')
        settings.setdefault('defaultPortConfig', vlan_setting(0))
        settings.setdefault('autoExpand', settings['type'] == 'earlyBinding')
        settings.setdefault(
            'policy',
            types.VMwareDVSPortgroupPolicy(
                blockOverrideAllowed=True,
                shapingOverrideAllowed=False,
                vendorConfigOverrideAllowed=False,
                livePortMovingAllowed=False,
                portConfigResetAtDisconnect=True,
                networkResourcePoolOverrideAllowed=False,
                trafficFilterOverrideAllowed=False,
                vlanOverrideAllowed=False,
                uplinkTeamingOverrideAllowed=False,
                securityPolicyOverrideAllowed=False,
                ipfixOverrideAllowed=False,
            ),
        )
        return types.DVPortgroupConfigInfo(
            **settings,
            key=self.key,
            name=self.name,
            distributedVirtualSwitch=self.switch,
            configVersion=str(self.version),
            backingType='standard',
            uplink=self.uplink,
        )

    def configure(self, spec: DataObject) -> None:
        """Take over what a DVPortgroupConfigSpec sets."""
        if spec.configVersion is not None and spec.configVersion != str(self.version):
            raise Fault('ConcurrentAccess', f"The port group '{self.name}' was changed meanwhile.")
        if spec.name is not None and spec.name != self.name:
            self.rename(spec.name)
        self.version += 1
        self.update(settings={**self.settings, **portgroup_settings(spec)})

    def ReconfigureDVPortgroup_Task(self, call: Call) -> Ref:
        return self.start('ReconfigureDVPortgroup_Task', lambda: self.configure(call.spec))

    def namesakes(self) -> list[ManagedEntity]:
        # Networks of the datacenter and port groups share their names, switches do not.
        return [other for other in super().namesakes() if other is not self]

    def check_destroy(self) -> None:
        if self.uplink:
            raise Fault('NotSupported', 'The uplinks of a switch cannot be destroyed.')
        super().check_destroy()


def portgroup_settings(spec: DataObject) -> dict[str, Any]:
    """The fields of a spec that a port group's configuration repeats as they are."""
    setting = spec.defaultPortConfig
    vlan = setting.vlan if setting is not None else None
    if vlan is not None and isinstance(vlan.vlanId, int) and not 0 <= vlan.vlanId <= _MAX_VLAN:
        raise invalid_argument('spec.defaultPortConfig.vlan.vlanId')
    if spec.type not in (None, 'earlyBinding', 'lateBinding', 'ephemeral'):
        raise invalid_argument('spec.type')
    names = (
        'numPorts',
        'defaultPortConfig',
        'description',
        'type',
        'policy',
        'portNameFormat',
        'scope',
        'vendorSpecificConfig',
        'autoExpand',
        'vmVnicNetworkResourcePoolKey',
    )
    return {name: value for name in names if (value := getattr(spec, name)) is not None}


@managed('VmwareDistributedVirtualSwitch')
class VmwareDistributedVirtualSwitch(ManagedEntity):
    """A distributed switch.

    :ivar uuid: names the switch in the backing of a network card
    """

    id_prefix = 'dvs'
    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {
        'name': ('name', 'config.name', 'summary.name'),
        'hosts': ('summary', 'config.host', 'runtime'),
        'portgroup': ('portgroup', 'config', 'summary'),
    }

    portgroup = Many('switch')
    # On the wire the hosts are in summary and config.
    hosts = Many('switches')

    uuid: str
    created: datetime.datetime

    def __init__(
        self,
        world: World,
        name: str,
        parent: ManagedEntity,
        created: datetime.datetime | None = None,
    ) -> None:
        super().__init__(
            world,
            name,
            parent,
            uuid=spaced_uuid(world.new_uuid()),
            created=created or world.now(),
        )
        uplinks = types.DVPortgroupConfigSpec(
            type='earlyBinding', numPorts=_UPLINKS, defaultPortConfig=trunk_setting()
        )
        self.add_portgroup(f'{name}-DVUplinks-{self.ref.value.rpartition("-")[2]}', uplinks, True)

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
            version=_PRODUCT_VERSION,
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
            contact=types.DVSContactInfo(),
            numHosts=len(self.hosts),
        )

    @property
    def config(self) -> DataObject:
        return types.VMwareDVSConfigInfo(
            uuid=self.uuid,
            name=self.name,
            numStandalonePorts=0,
            numPorts=self._ports,
            maxPorts=2147483647,
            uplinkPortPolicy=types.DVSNameArrayUplinkPortPolicy(
                uplinkPortName=[f'Uplink {number}' for number in range(1, _UPLINKS + 1)]
            ),
            uplinkPortgroup=[group for group in self.portgroup if group.uplink],
            defaultPortConfig=vlan_setting(0),
            host=[self._member(host) for host in self.hosts],
            productInfo=self._product,
            configVersion='1',
            contact=types.DVSContactInfo(),
            createTime=self.created,
            networkResourceManagementEnabled=True,
            defaultProxySwitchMaxNumPorts=512,
            networkResourceControlVersion='version3',
            maxMtu=9000,
            linkDiscoveryProtocolConfig=types.LinkDiscoveryProtocolConfig(
                protocol='cdp', operation='listen'
            ),
            lacpApiVersion='multipleLag',
            multicastFilteringMode='snooping',
        )

    def _member(self, host: Any) -> DataObject:
        return types.DistributedVirtualSwitchHostMember(
            config=types.DistributedVirtualSwitchHostMemberConfigInfo(
                host=host.ref,
                maxProxySwitchPorts=512,
                backing=types.DistributedVirtualSwitchHostMemberPnicBacking(
                    pnicSpec=[types.DistributedVirtualSwitchHostMemberPnicSpec(pnicDevice='vmnic2')]
                ),
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

    def _new_portgroup(self, spec: DataObject) -> DistributedVirtualPortgroup:
        name = wire_name(spec.name)
        self.check_free(name, self.datacenter.network)
        return self.add_portgroup(name, spec)

    def CreateDVPortgroup_Task(self, call: Call) -> Ref:
        return self.start('CreateDVPortgroup_Task', lambda: self._new_portgroup(call.spec))

    def AddDVPortgroup_Task(self, call: Call) -> Ref:
        specs: list[DataObject] = call.spec or []

        def work() -> None:
            for spec in specs:
                self.check_free(wire_name(spec.name), self.datacenter.network)
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
