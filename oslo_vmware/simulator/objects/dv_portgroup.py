"""The port groups of a distributed switch.

Port groups lie beside their switch in the network folder.
"""

from __future__ import annotations

from typing import Any, ClassVar

from oslo_vmware.simulator.objects.dv_port_settings import MAX_VLAN, shown
from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.network import Network
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, merged, types
from oslo_vmware.simulator.world.registry import Call, managed
from oslo_vmware.simulator.world.relations import One

# Ports of a port group when nobody says a number, as the vSphere client proposes.
_DEFAULT_PORTS = 8


@managed('DistributedVirtualPortgroup')
class DistributedVirtualPortgroup(Network):
    """A port group of a distributed switch.

    :ivar settings: what its configuration was made of: the fields of a DVPortgroupConfigSpec
    :ivar uplink: whether it is the switch's group of uplinks
    :ivar version: how often it was configured
    :ivar restored_key: the key it had before it was restored from a backup
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
    restored_key: str | None = None

    @property
    def key(self) -> str:
        return self.restored_key or self.ref.value

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
        settings['defaultPortConfig'] = shown(settings.get('defaultPortConfig'))
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
        settings = {
            name: merged(self.settings.get(name), value)
            for name, value in portgroup_settings(spec).items()
        }
        self.update(settings={**self.settings, **settings})

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
    if vlan is not None and isinstance(vlan.vlanId, int) and not 0 <= vlan.vlanId <= MAX_VLAN:
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
