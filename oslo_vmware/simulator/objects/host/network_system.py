"""The networks of a host: standard switches, port groups, the hypervisor's own network cards.

A port group that machines can be connected to is part of a
:class:`~oslo_vmware.simulator.objects.network.Network`, which all hosts of the datacenter that have
one of its name share: which they are, the host's link to its networks says, and only what a port
group has of its own is kept here. Port groups of the hypervisor are no networks.
"""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.host import network_views as views
from oslo_vmware.simulator.objects.host.config import VCENTER_IP
from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.objects.host.manager import HostManager, in_use, not_found
from oslo_vmware.simulator.objects.network import Network
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, merged, types
from oslo_vmware.simulator.world.registry import Call, managed

_FIRST_SWITCH = 'vSwitch0'
_MANAGEMENT = 'Management Network'
_GATEWAY = '10.0.0.1'
_LAST_VLAN = 4095
_LONGEST_SWITCH_NAME = 31
_DEVICES = [f'vmnic{number}' for number in range(views.NICS)]


@managed('HostNetworkSystem')
class HostNetworkSystem(HostManager):
    """Changes the networks of a host.

    :ivar switches: HostVirtualSwitchSpec by name
    :ivar nics: HostVirtualNicSpec of the hypervisor's own cards by device
    """

    moid_prefix = 'networkSystem'
    shown_in = ('network', 'virtualNicManagerInfo', 'vmotion')

    capabilities = views.CAPABILITIES
    offloadCapabilities = views.OFFLOADS

    # What was set, where it is not as it was at first.
    _dns: DataObject | None = None
    _routes: DataObject | None = None
    _more_routes: tuple[DataObject, ...] = ()

    def __init__(self, host: Host) -> None:
        uplinks = ['vmnic0', 'vmnic1']
        self.switches = {
            _FIRST_SWITCH: types.HostVirtualSwitchSpec(
                numPorts=128,
                bridge=types.HostVirtualSwitchBondBridge(nicDevice=uplinks),
                policy=views.default_policy(uplinks),
                mtu=1500,
            )
        }
        self._own_groups = {_MANAGEMENT: _group(_MANAGEMENT, 0)}
        # Of port groups that are part of a network, what a client has said of them.
        self._groups: dict[Ref, DataObject] = {}
        self._speeds: dict[str, DataObject] = {}
        self.nics = {
            'vmk0': types.HostVirtualNicSpec(
                ip=types.HostIpConfig(dhcp=False, ipAddress=host.ip, subnetMask='255.255.0.0'),
                mac=views.mac_of(host, 0),
                portgroup=_MANAGEMENT,
                mtu=1500,
                tsoEnabled=True,
                netStackInstanceKey='defaultTcpipStack',
            )
        }
        super().__init__(host)

    # What there is

    @property
    def groups(self) -> list[DataObject]:
        """HostPortGroupSpec of all port groups."""
        found = [self._group_of(network) for network in self._networks()]
        return [*self._own_groups.values(), *found]

    def _networks(self) -> list[Any]:
        return [network for network in self.host.network if network.wire_type == 'Network']

    def _group_of(self, network: Any) -> DataObject:
        spec = self._groups.get(network.ref)
        if spec is None:
            return _group(network.name, network.vlan)
        # The network may have another name meanwhile.
        named: DataObject = merged(spec, types.HostPortGroupSpec(name=network.name))
        return named

    @property
    def dnsConfig(self) -> DataObject:
        if self._dns is not None:
            return self._dns
        name, _dot, domain = self.host.name.partition('.')
        return types.HostDnsConfig(
            dhcp=False,
            hostName=name,
            domainName=domain,
            address=[VCENTER_IP],
            searchDomain=[domain] if domain else [],
        )

    @property
    def ipRouteConfig(self) -> DataObject:
        return self._routes or types.HostIpRouteConfig(defaultGateway=_GATEWAY)

    @property
    def networkInfo(self) -> DataObject:
        groups = self.groups
        gateway = self.ipRouteConfig.defaultGateway
        first = types.HostIpRouteEntry(
            network='0.0.0.0', prefixLength=0, gateway=gateway, deviceName='vmk0'
        )
        return types.HostNetworkInfo(
            vswitch=[views.switch(name, spec, groups) for name, spec in self.switches.items()],
            proxySwitch=[views.proxy_switch(dvs, self.host) for dvs in self.host.switches],
            portgroup=[views.port_group(spec, self.switches) for spec in groups],
            pnic=[
                views.physical_nic(self.host, number, self._speeds.get(f'vmnic{number}'))
                for number in range(views.NICS)
            ],
            vnic=self.virtual_nics,
            dnsConfig=self.dnsConfig,
            ipRouteConfig=self.ipRouteConfig,
            routeTableInfo=types.HostIpRouteTableInfo(
                ipRoute=[*([first] if gateway else []), *self._more_routes]
            ),
            ipV6Enabled=False,
            atBootIpV6Enabled=False,
        )

    @property
    def virtual_nics(self) -> list[DataObject]:
        return [views.virtual_nic(device, spec) for device, spec in self.nics.items()]

    @property
    def networkConfig(self) -> DataObject:
        return types.HostNetworkConfig(
            vswitch=[
                types.HostVirtualSwitchConfig(name=name, spec=spec)
                for name, spec in self.switches.items()
            ],
            portgroup=[types.HostPortGroupConfig(spec=spec) for spec in self.groups],
            vnic=[
                types.HostVirtualNicConfig(device=device, portgroup=spec.portgroup or '', spec=spec)
                for device, spec in self.nics.items()
            ],
            dnsConfig=self.dnsConfig,
            ipRouteConfig=self.ipRouteConfig,
            ipV6Enabled=False,
        )

    def _told(self) -> None:
        self.changed('networkInfo', 'networkConfig', 'dnsConfig', 'ipRouteConfig')
        self.host.manager('virtualNicManager').changed('info')

    # Switches

    def AddVirtualSwitch(self, call: Call) -> None:
        self._add_switch(call.vswitchName, call.spec)
        self._told()

    def _add_switch(self, name: str, wanted: DataObject | None) -> None:
        if name in self.switches:
            raise _exists(f"switch '{name}'", name)
        if not name or len(name) > _LONGEST_SWITCH_NAME:
            raise invalid_argument('vswitchName')
        nics = _nics_of(wanted)
        self._check_nics(nics, name)
        usual = types.HostVirtualSwitchSpec(
            numPorts=128, policy=views.default_policy(nics), mtu=1500
        )
        self.switches[name] = merged(usual, wanted)

    def UpdateVirtualSwitch(self, call: Call) -> None:
        self._change_switch(call.vswitchName, call.spec)
        self._told()

    def _change_switch(self, name: str, wanted: DataObject) -> None:
        self._check_switch(name)
        self._check_nics(_nics_of(wanted), name)
        made = merged(self.switches[name], wanted)
        # Of all members of the specification this one says by its absence that there is to be none.
        made.bridge = wanted.bridge
        self.switches[name] = made

    def RemoveVirtualSwitch(self, call: Call) -> None:
        self._remove_switch(call.vswitchName)
        self._told()

    def _remove_switch(self, name: str) -> None:
        self._check_switch(name)
        groups = [group.name for group in self.groups if group.vswitchName == name]
        for group in groups:
            self._check_unused(group)
        for group in groups:
            self._remove_group(group)
        del self.switches[name]

    def _check_switch(self, name: str) -> None:
        if name not in self.switches:
            raise not_found(f"switch '{name}'")

    def _check_nics(self, devices: list[str], switch: str) -> None:
        given = {nic for dvs in self.host.switches for nic in views.proxy_nics(dvs, self.host)}
        for device in devices:
            if device not in _DEVICES:
                raise invalid_argument('spec.bridge.nicDevice')
            if device in given:
                raise in_use('PhysicalNic', device)
            for name, spec in self.switches.items():
                if name != switch and device in views.switch_nics(spec):
                    raise in_use('PhysicalNic', device)

    # Port groups

    def AddPortGroup(self, call: Call) -> None:
        self._add_group(call.portgrp)
        self._told()

    def _add_group(self, spec: DataObject) -> None:
        self._check_new_name(spec.name)
        self._check_group(spec)
        datacenter = self.host.datacenter
        standard = (one for one in datacenter.network if one.wire_type == 'Network')
        network = next((one for one in standard if one.name == spec.name), None)
        if network is None:
            network = Network(self.world, spec.name, datacenter.networkFolder, vlan=spec.vlanId)
        self._groups[network.ref] = spec
        network.host = [*network.host, self.host]

    def UpdatePortGroup(self, call: Call) -> None:
        self._change_group(call.pgName, call.portgrp)
        self._told()

    def _change_group(self, name: str, wanted: DataObject) -> None:
        self._check_group(wanted)
        if wanted.name != name:
            # Machines are connected by name: another name is another network.
            if self._is_used(name):
                raise _config_fault(f"The port group '{name}' is in use.")
            self._check_new_name(wanted.name)
            self._remove_group(name)
            self._add_group(wanted)
            return
        network = self._network(name)
        if network is None:
            self._own_groups[name] = merged(self._own_group(name), wanted)
        else:
            self._groups[network.ref] = merged(self._group_of(network), wanted)

    def RemovePortGroup(self, call: Call) -> None:
        self._remove_unused(call.pgName)
        self._told()

    def _remove_unused(self, name: str) -> None:
        self._check_unused(name)
        self._remove_group(name)

    def _remove_group(self, name: str) -> None:
        network = self._network(name)
        if network is None:
            self._own_group(name)
            del self._own_groups[name]
            return
        self._groups.pop(network.ref, None)
        network.host = [host for host in network.host if host is not self.host]
        if not network.host and not network.vm:
            network.dispose()

    def _network(self, name: str) -> Any:
        return next((one for one in self._networks() if one.name == name), None)

    def _own_group(self, name: str) -> DataObject:
        if name not in self._own_groups:
            raise not_found(f"port group '{name}'")
        return self._own_groups[name]

    def _check_group(self, spec: DataObject) -> None:
        self._check_switch(spec.vswitchName)
        if not 0 <= spec.vlanId <= _LAST_VLAN:
            raise invalid_argument('portgrp.vlanId')

    def _check_new_name(self, name: str) -> None:
        if not name:
            raise invalid_argument('portgrp.name')
        if any(group.name == name for group in self.groups):
            raise _exists(f"port group '{name}'", name)

    def _check_unused(self, name: str) -> None:
        if self._is_used(name):
            raise in_use('HostPortGroup', name)

    def _is_used(self, name: str) -> bool:
        network = self._network(name)
        machines = network.vm if network is not None else []
        return any(machine.host is self.host for machine in machines) or any(
            nic.portgroup == name for nic in self.nics.values()
        )

    # The hypervisor's own cards

    def AddVirtualNic(self, call: Call) -> str:
        device = self._add_nic(call.portgroup, call.nic)
        self._told()
        return device

    def _add_nic(self, group: str | None, wanted: DataObject) -> str:
        spec = self._checked_nic(group, wanted)
        number = next(n for n in range(len(self.nics) + 1) if f'vmk{n}' not in self.nics)
        device = f'vmk{number}'
        usual = types.HostVirtualNicSpec(
            ip=types.HostIpConfig(dhcp=True),
            mac=f'00:50:56:6{number % 16:x}:{self.host.number >> 8 & 255:02x}'
            f':{self.host.number & 255:02x}',
            mtu=1500,
            tsoEnabled=True,
            netStackInstanceKey='defaultTcpipStack',
        )
        self.nics[device] = merged(usual, spec)
        return device

    def UpdateVirtualNic(self, call: Call) -> None:
        self._change_nic(call.device, call.nic)
        self._told()

    def _change_nic(self, device: str, wanted: DataObject) -> None:
        self._check_nic(device)
        spec = self._checked_nic(wanted.portgroup, wanted, anywhere=True)
        self.nics[device] = merged(self.nics[device], spec)

    def RemoveVirtualNic(self, call: Call) -> None:
        self._remove_nic(call.device)
        self._told()

    def _remove_nic(self, device: str) -> None:
        self._check_nic(device)
        if 'management' in self.host.manager('virtualNicManager').services_of(device):
            raise _config_fault(f"'{device}' is the card that the host is managed by.")
        self.host.manager('virtualNicManager').forget(device)
        del self.nics[device]

    def _check_nic(self, device: str) -> None:
        if device not in self.nics:
            raise not_found(f"virtual network card '{device}'")

    def _checked_nic(
        self, group: str | None, wanted: DataObject, *, anywhere: bool = False
    ) -> DataObject:
        """The specification of a card with the port group that it is on.

        :param anywhere: it need not name one
        """
        port = wanted.distributedVirtualPort
        if port is not None:
            keys = [getattr(network, 'key', None) for network in self.host.network]
            if port.portgroupKey not in keys:
                raise invalid_argument('nic.distributedVirtualPort.portgroupKey')
        elif group or not anywhere:
            if not any(spec.name == group for spec in self.groups):
                raise invalid_argument('portgroup')
            wanted = merged(wanted, types.HostVirtualNicSpec(portgroup=group))
        return wanted

    # Settings

    def UpdateDnsConfig(self, call: Call) -> None:
        self._dns = merged(self.dnsConfig, call.config)
        self._told()

    def UpdateIpRouteConfig(self, call: Call) -> None:
        self._routes = merged(self.ipRouteConfig, call.config)
        self._told()

    def UpdateIpRouteTableConfig(self, call: Call) -> None:
        routes = list(self._more_routes)
        for change in call.config.ipRoute or []:
            if change.changeOperation == 'add':
                routes.append(change.route)
            elif change.route in routes:
                routes.remove(change.route)
            else:
                raise invalid_argument('config.ipRoute')
        self._more_routes = tuple(routes)
        self._told()

    def UpdatePhysicalNicLinkSpeed(self, call: Call) -> None:
        self._check_pnic(call.device)
        self._speeds.pop(call.device, None)
        if call.linkSpeed is not None:
            self._speeds[call.device] = call.linkSpeed
        self._told()

    def QueryNetworkHint(self, call: Call) -> list[DataObject]:
        devices = call.device or _DEVICES
        for device in devices:
            self._check_pnic(device)
        return [types.PhysicalNicHintInfo(device=device) for device in devices]

    def _check_pnic(self, device: str) -> None:
        if device not in _DEVICES:
            raise not_found(f"network card '{device}'")

    def RefreshNetworkSystem(self, call: Call) -> None:
        """Nothing to do: what is shown is what is there."""

    # All in one

    def UpdateNetworkConfig(self, call: Call) -> DataObject:
        if call.changeMode != 'modify':
            raise Fault('NotSupported', 'Networks are changed by changeMode modify only.')
        config = call.config
        for change in [*(config.vswitch or []), *(config.portgroup or []), *(config.vnic or [])]:
            # What is removed by its name needs no more.
            named = change.name or change.device
            if change.spec is None and not (change.changeOperation == 'remove' and named):
                raise invalid_argument('config.spec')
        made: list[str] = []
        for switch in config.vswitch or []:
            _apply(
                switch.changeOperation,
                add=lambda one=switch: self._add_switch(one.name, one.spec),
                edit=lambda one=switch: self._change_switch(one.name, one.spec),
                remove=lambda one=switch: self._remove_switch(one.name),
            )
        for group in config.portgroup or []:
            _apply(
                group.changeOperation,
                add=lambda one=group: self._add_group(one.spec),
                edit=lambda one=group: self._change_group(one.spec.name, one.spec),
                remove=lambda one=group: self._remove_unused(one.spec.name),
            )
        for nic in config.vnic or []:
            _apply(
                nic.changeOperation,
                add=lambda one=nic: made.append(self._add_nic(one.portgroup, one.spec)),
                edit=lambda one=nic: self._change_nic(one.device, one.spec),
                remove=lambda one=nic: self._remove_nic(one.device),
            )
        if config.dnsConfig is not None:
            self._dns = merged(self.dnsConfig, config.dnsConfig)
        if config.ipRouteConfig is not None:
            self._routes = merged(self.ipRouteConfig, config.ipRouteConfig)
        self._told()
        return types.HostNetworkConfigResult(vnicDevice=made)


def _nics_of(spec: DataObject | None) -> list[str]:
    return views.switch_nics(spec) if spec is not None else []


def _group(name: str, vlan: int) -> DataObject:
    return types.HostPortGroupSpec(
        name=name, vlanId=vlan, vswitchName=_FIRST_SWITCH, policy=types.HostNetworkPolicy()
    )


def _config_fault(text: str) -> Fault:
    return Fault('HostConfigFault', text)


def _exists(what: str, name: str) -> Fault:
    return Fault('AlreadyExists', f'The {what} already exists.', name=name)


def _apply(operation: str | None, **actions: Any) -> None:
    if operation not in actions:
        raise invalid_argument('config.changeOperation')
    actions[operation]()
