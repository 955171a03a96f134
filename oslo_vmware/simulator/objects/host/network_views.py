"""How a host's networks look: switches, port groups, network cards and their settings."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.world.data import DataObject, merged, types

NICS = 4
NIC_MBPS = 25000
SWITCH_PORTS = 2560

CAPABILITIES = types.HostNetCapabilities(
    canSetPhysicalNicLinkSpeed=True,
    supportsNicTeaming=True,
    nicTeamingPolicy=[
        'loadbalance_ip',
        'loadbalance_srcmac',
        'loadbalance_srcid',
        'failover_explicit',
    ],
    supportsVlan=True,
    usesServiceConsoleNic=False,
    supportsNetworkHints=True,
    maxPortGroupsPerVswitch=2048,
    vswitchConfigSupported=True,
    vnicConfigSupported=True,
    ipRouteConfigSupported=True,
    dnsConfigSupported=True,
    dhcpOnVnicSupported=True,
    ipV6Supported=True,
    backupNfcNiocSupported=True,
)
OFFLOADS = types.HostNetOffloadCapabilities(
    csumOffload=True, tcpSegmentation=True, zeroCopyXmit=True
)


def default_policy(nics: list[str]) -> DataObject:
    """The policy of a switch unless a client says otherwise.

    :param nics: devices that it is connected to
    """
    return types.HostNetworkPolicy(
        security=types.HostNetworkSecurityPolicy(
            allowPromiscuous=False, macChanges=False, forgedTransmits=False
        ),
        nicTeaming=types.HostNicTeamingPolicy(
            policy='loadbalance_srcid',
            reversePolicy=True,
            notifySwitches=True,
            rollingOrder=False,
            failureCriteria=types.HostNicFailureCriteria(
                checkSpeed='minimum',
                speed=10,
                checkDuplex=False,
                fullDuplex=False,
                checkErrorPercent=False,
                percentage=0,
                checkBeacon=False,
            ),
            nicOrder=types.HostNicOrderPolicy(activeNic=nics, standbyNic=[]),
        ),
        offloadPolicy=OFFLOADS,
        shapingPolicy=types.HostNetworkTrafficShapingPolicy(enabled=False),
    )


def switch_nics(spec: DataObject) -> list[str]:
    """The devices that a switch is connected to."""
    found = getattr(spec.bridge, 'nicDevice', None) or []
    return [found] if isinstance(found, str) else found


def switch_key(name: str) -> str:
    return f'key-vim.host.VirtualSwitch-{name}'


def group_key(name: str) -> str:
    return f'key-vim.host.PortGroup-{name}'


def nic_key(device: str) -> str:
    return f'key-vim.host.VirtualNic-{device}'


def pnic_key(device: str) -> str:
    return f'key-vim.host.PhysicalNic-{device}'


def mac_of(host: Host, nic: int) -> str:
    number = host.number * NICS + nic
    return f'b4:96:91:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}'


def switch(name: str, spec: DataObject, groups: list[DataObject]) -> DataObject:
    """A switch.

    :param groups: HostPortGroupSpec of all port groups of the host
    """
    return types.HostVirtualSwitch(
        name=name,
        key=switch_key(name),
        numPorts=SWITCH_PORTS,
        numPortsAvailable=SWITCH_PORTS - 16,
        mtu=spec.mtu,
        portgroup=[group_key(group.name) for group in groups if group.vswitchName == name],
        pnic=[pnic_key(device) for device in switch_nics(spec)],
        spec=spec,
    )


def proxy_nics(dvs: Any, host: Host) -> list[str]:
    """The devices that a host has given to a distributed switch."""
    specs = dvs.backing_on(host).pnicSpec or []
    return [spec.pnicDevice for spec in specs]


def proxy_switch(dvs: Any, host: Host) -> DataObject:
    return types.HostProxySwitch(
        dvsUuid=dvs.uuid,
        dvsName=dvs.name,
        key=f'key-vim.host.HostProxySwitch-{dvs.name}',
        numPorts=SWITCH_PORTS,
        numPortsAvailable=SWITCH_PORTS - 16,
        mtu=9000,
        pnic=[pnic_key(device) for device in proxy_nics(dvs, host)],
        spec=types.HostProxySwitchSpec(backing=dvs.backing_on(host)),
    )


def port_group(spec: DataObject, switches: dict[str, DataObject]) -> DataObject:
    return types.HostPortGroup(
        key=group_key(spec.name),
        vswitch=switch_key(spec.vswitchName),
        computedPolicy=merged(switches[spec.vswitchName].policy, spec.policy),
        spec=spec,
    )


def physical_nic(host: Host, number: int, speed: DataObject | None) -> DataObject:
    """A network card.

    :param speed: what a client has set it to
    """
    device = f'vmnic{number}'
    return types.PhysicalNic(
        key=pnic_key(device),
        device=device,
        pci=f'0000:{0x31 + number // 2:02x}:00.{number % 2}',
        driver='i40en',
        linkSpeed=speed or types.PhysicalNicLinkInfo(speedMb=NIC_MBPS, duplex=True),
        validLinkSpecification=[
            types.PhysicalNicLinkInfo(speedMb=mbps, duplex=True) for mbps in (10000, NIC_MBPS)
        ],
        spec=types.PhysicalNicSpec(linkSpeed=speed),
        wakeOnLanSupported=False,
        mac=mac_of(host, number),
        autoNegotiateSupported=True,
    )


def virtual_nic(device: str, spec: DataObject) -> DataObject:
    return types.HostVirtualNic(
        device=device, key=nic_key(device), portgroup=spec.portgroup or '', spec=spec
    )
