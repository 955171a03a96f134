"""The networks of a host, by pyVmomi: switches, port groups, the hypervisor's own cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.vsphere import Client, connected, done


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(vms=4)) as made:
        yield made


@pytest.fixture
def host(client: Client) -> Any:
    return client.all(vim.HostSystem)[0]


@pytest.fixture
def system(host: Any) -> Any:
    return host.configManager.networkSystem


def group(name: str, switch: str = 'vSwitch0', vlan: int = 0) -> Any:
    return vim.host.PortGroup.Specification(
        name=name, vlanId=vlan, vswitchName=switch, policy=vim.host.NetworkPolicy()
    )


def networks(client: Client, name: str) -> list[Any]:
    return [one for one in client.all(vim.Network) if one.name == name]


def test_what_there_is_at_first(client: Client, host: Any, system: Any) -> None:
    """Manager and config agree, and name a port group for each standard network."""
    info, same = system.networkInfo, host.config.network
    for parts in ('vswitch', 'portgroup', 'vnic', 'pnic', 'proxySwitch'):
        assert [one.key for one in getattr(info, parts)] == [
            one.key for one in getattr(same, parts)
        ]
    names = {one.name for one in host.network if type(one) is vim.Network}
    assert {one.spec.name for one in info.portgroup} == {*names, 'Management Network'}
    (switch,) = info.vswitch
    assert switch.pnic == ['key-vim.host.PhysicalNic-vmnic0', 'key-vim.host.PhysicalNic-vmnic1']
    assert switch.spec.policy.security.allowPromiscuous is False
    assert info.portgroup[0].computedPolicy.nicTeaming.nicOrder.activeNic == ['vmnic0', 'vmnic1']
    assert info.dnsConfig.hostName == host.name.partition('.')[0]
    assert system.capabilities.supportsVlan


def test_a_switch_with_port_groups(client: Client, host: Any, system: Any) -> None:
    """Two hosts with a port group of one name share a network, which goes with the last of them."""
    others = client.all(vim.HostSystem)[1].configManager.networkSystem
    spec = vim.host.VirtualSwitch.Specification(
        numPorts=64, mtu=9000, bridge=vim.host.VirtualSwitch.BondBridge(nicDevice=['vmnic3'])
    )
    with client.seen(host, 'network', 'config.network.vswitch') as changed:
        for one in (system, others):
            one.AddVirtualSwitch('blue', spec)
            one.AddPortGroup(group('blue-7', 'blue', 7))
    assert set(changed) == {'network', 'config.network.vswitch'}
    (network,) = networks(client, 'blue-7')
    assert len(network.host) == 2
    assert network in host.network
    (switch,) = [one for one in host.config.network.vswitch if one.name == 'blue']
    assert switch.mtu == 9000
    assert switch.portgroup == ['key-vim.host.PortGroup-blue-7']
    (made,) = [one for one in system.networkInfo.portgroup if one.spec.name == 'blue-7']
    assert (made.spec.vlanId, made.vswitch) == (7, switch.key)
    # Unset means unchanged, but for the bridge, whose absence takes the cards away.
    change = vim.host.VirtualSwitch.Specification(numPorts=64, mtu=1500)
    system.UpdateVirtualSwitch('blue', change)
    (switch,) = [one for one in host.config.network.vswitch if one.name == 'blue']
    assert (switch.mtu, switch.pnic, switch.spec.policy.security.macChanges) == (1500, [], False)
    security = vim.host.NetworkPolicy.SecurityPolicy(allowPromiscuous=True)
    changed_group = group('blue-7', 'blue', 8)
    changed_group.policy = vim.host.NetworkPolicy(security=security)
    system.UpdatePortGroup('blue-7', changed_group)
    (made,) = [one for one in system.networkInfo.portgroup if one.spec.name == 'blue-7']
    assert made.spec.vlanId == 8
    assert made.computedPolicy.security.allowPromiscuous is True
    assert made.computedPolicy.security.forgedTransmits is False
    system.RemovePortGroup('blue-7')
    assert networks(client, 'blue-7') == [network]
    assert network not in host.network
    others.RemoveVirtualSwitch('blue')
    assert networks(client, 'blue-7') == []
    system.RemoveVirtualSwitch('blue')
    assert [one.name for one in host.config.network.vswitch] == ['vSwitch0']


def test_a_renamed_port_group_is_another_network(client: Client, host: Any, system: Any) -> None:
    """A port group with another name belongs to the network of that name."""
    system.AddPortGroup(group('before', vlan=3))
    system.UpdatePortGroup('before', group('after', vlan=3))
    assert networks(client, 'before') == []
    (network,) = networks(client, 'after')
    assert network in host.network
    system.RemovePortGroup('after')


def test_machines_use_a_new_network(client: Client, host: Any, system: Any) -> None:
    """A machine's card can be put on a new port group, which cannot be removed then."""
    system.AddPortGroup(group('apps'))
    machine = host.vm[0]
    (card,) = [
        device
        for device in machine.config.hardware.device
        if isinstance(device, vim.vm.device.VirtualEthernetCard)
    ]
    before = card.backing
    for backing, removable in (
        (
            vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(
                deviceName='apps', network=networks(client, 'apps')[0]
            ),
            False,
        ),
        (before, True),
    ):
        card.backing = backing
        change = vim.vm.device.VirtualDeviceSpec(operation='edit', device=card)
        done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))
        if removable:
            system.RemovePortGroup('apps')
        else:
            with pytest.raises(vim.fault.ResourceInUse):
                system.RemovePortGroup('apps')
    assert networks(client, 'apps') == []


@pytest.mark.parametrize(
    ('act', 'fault'),
    [
        (lambda net: net.AddVirtualSwitch('vSwitch0'), vim.fault.AlreadyExists),
        (lambda net: net.AddVirtualSwitch('x' * 40), vmodl.fault.InvalidArgument),
        (lambda net: net.RemoveVirtualSwitch('nope'), vim.fault.NotFound),
        (lambda net: net.RemoveVirtualSwitch('vSwitch0'), vim.fault.ResourceInUse),
        (lambda net: net.AddPortGroup(group('Management Network')), vim.fault.AlreadyExists),
        (lambda net: net.AddPortGroup(group('x', 'nope')), vim.fault.NotFound),
        (lambda net: net.AddPortGroup(group('')), vmodl.fault.InvalidArgument),
        (
            lambda net: net.UpdatePortGroup('Management Network', group('Other')),
            vim.fault.HostConfigFault,
        ),
        (lambda net: net.AddPortGroup(group('x', vlan=5000)), vmodl.fault.InvalidArgument),
        (lambda net: net.UpdatePortGroup('nope', group('nope')), vim.fault.NotFound),
        (lambda net: net.UpdatePortGroup('nope', group('other')), vim.fault.NotFound),
        (
            lambda net: net.UpdatePortGroup('fra-vlan-0110', group('Management Network')),
            vim.fault.AlreadyExists,
        ),
        (lambda net: net.UpdatePortGroup('fra-vlan-0110', group('')), vmodl.fault.InvalidArgument),
        (lambda net: net.RemovePortGroup('nope'), vim.fault.NotFound),
        (lambda net: net.RemovePortGroup('Management Network'), vim.fault.ResourceInUse),
        (lambda net: net.RemoveVirtualNic('vmk0'), vim.fault.HostConfigFault),
        (lambda net: net.RemoveVirtualNic('vmk9'), vim.fault.NotFound),
        (
            lambda net: net.AddVirtualNic('nope', vim.host.VirtualNic.Specification()),
            vmodl.fault.InvalidArgument,
        ),
        (
            lambda net: net.AddVirtualSwitch(
                'y',
                vim.host.VirtualSwitch.Specification(
                    numPorts=1, bridge=vim.host.VirtualSwitch.BondBridge(nicDevice=['vmnic0'])
                ),
            ),
            vim.fault.ResourceInUse,
        ),
        (
            lambda net: net.AddVirtualSwitch(
                'y',
                vim.host.VirtualSwitch.Specification(
                    numPorts=1, bridge=vim.host.VirtualSwitch.BondBridge(nicDevice=['vmnic2'])
                ),
            ),
            vim.fault.ResourceInUse,
        ),
        (lambda net: net.UpdatePhysicalNicLinkSpeed('vmnic9'), vim.fault.NotFound),
        (
            lambda net: net.UpdateNetworkConfig(vim.host.NetworkConfig(), 'replace'),
            vmodl.fault.NotSupported,
        ),
        (
            lambda net: net.UpdateNetworkConfig(
                vim.host.NetworkConfig(
                    portgroup=[vim.host.PortGroup.Config(changeOperation='remove')]
                ),
                'modify',
            ),
            vmodl.fault.InvalidArgument,
        ),
    ],
)
def test_what_is_refused(
    client: Client, system: Any, act: Callable[[Any], Any], fault: type
) -> None:
    """What cannot be is answered with the documented fault, and changes nothing."""
    before = [one.spec.name for one in system.networkInfo.portgroup]
    with pytest.raises(fault):
        act(system)
    assert [one.spec.name for one in system.networkInfo.portgroup] == before
    assert [one.name for one in system.networkInfo.vswitch] == ['vSwitch0']


def test_a_card_of_the_hypervisor(client: Client, host: Any, system: Any) -> None:
    """A card is added, changed, given services and removed; its services go with it."""
    manager = host.configManager.virtualNicManager
    system.AddPortGroup(group('vmotion', vlan=20))
    ip = vim.host.IpConfig(dhcp=False, ipAddress='192.0.2.9', subnetMask='255.255.255.0')
    device = system.AddVirtualNic('vmotion', vim.host.VirtualNic.Specification(ip=ip, mtu=9000))
    assert device == 'vmk1'
    with pytest.raises(vim.fault.ResourceInUse):
        system.RemovePortGroup('vmotion')
    system.UpdateVirtualNic(device, vim.host.VirtualNic.Specification(mtu=1500))
    (nic,) = [one for one in host.config.network.vnic if one.device == device]
    assert (nic.spec.mtu, nic.spec.ip.ipAddress, nic.portgroup) == (1500, '192.0.2.9', 'vmotion')
    with client.seen(manager, 'info') as changed:
        manager.SelectVnicForNicType('vmotion', device)
        manager.DeselectVnicForNicType('vmotion', 'vmk0')
        manager.SelectVnicForNicType('vsan', device)
    assert changed

    def selected(kind: str) -> list[str]:
        config = manager.QueryNetConfig(kind)
        (same,) = [one for one in manager.info.netConfig if one.nicType == kind]
        assert same.selectedVnic == config.selectedVnic
        return [one.device for one in config.candidateVnic if one.key in config.selectedVnic]

    assert selected('vmotion') == selected('vsan') == [device]
    assert selected('management') == ['vmk0']
    assert host.config.vmotion.ipConfig.ipAddress == '192.0.2.9'
    system.RemoveVirtualNic(device)
    assert selected('vmotion') == []
    system.RemovePortGroup('vmotion')
    manager.SelectVnicForNicType('vmotion', 'vmk0')
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.SelectVnicForNicType('coffee', 'vmk0')
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.SelectVnicForNicType('vmotion', 'vmk7')


def test_a_card_on_a_distributed_switch(client: Client, host: Any, system: Any) -> None:
    """A card of the hypervisor can be on a distributed port group of the host."""
    portgroup = next(
        one for one in host.network if isinstance(one, vim.dvs.DistributedVirtualPortgroup)
    )
    port = vim.dvs.PortConnection(
        switchUuid=portgroup.config.distributedVirtualSwitch.uuid, portgroupKey=portgroup.key
    )
    device = system.AddVirtualNic(
        '', vim.host.VirtualNic.Specification(distributedVirtualPort=port)
    )
    (nic,) = [one for one in system.networkInfo.vnic if one.device == device]
    assert nic.spec.distributedVirtualPort.portgroupKey == portgroup.key
    system.RemoveVirtualNic(device)
    port.portgroupKey = 'dvportgroup-0'
    with pytest.raises(vmodl.fault.InvalidArgument):
        system.AddVirtualNic('', vim.host.VirtualNic.Specification(distributedVirtualPort=port))


def test_a_distributed_switch_has_a_card(client: Client, host: Any, system: Any) -> None:
    """The card that a host gives to a distributed switch is shown there, and told of."""
    switch = client.all(vim.dvs.VmwareDistributedVirtualSwitch)[0]
    before = switch.config.host[0].config.backing
    change = vim.dvs.HostMember.ConfigSpec(
        operation='edit',
        host=host,
        backing=vim.dvs.HostMember.PnicBacking(
            pnicSpec=[vim.dvs.HostMember.PnicSpec(pnicDevice='vmnic3')]
        ),
    )
    for backing, device in ((change.backing, 'vmnic3'), (before, 'vmnic2')):
        change.backing = backing
        spec = vim.DistributedVirtualSwitch.ConfigSpec(
            configVersion=switch.config.configVersion, host=[change]
        )
        with client.seen(system, 'networkInfo') as changed:
            done(switch.ReconfigureDvs_Task(spec))
        assert changed == ['networkInfo']
        (proxy,) = host.config.network.proxySwitch
        assert proxy.pnic == [f'key-vim.host.PhysicalNic-{device}']


def test_settings(client: Client, host: Any, system: Any) -> None:
    """Names, routes and speeds are set; what a change leaves out stays."""
    dns = system.dnsConfig
    dns.address = ['192.0.2.53']
    system.UpdateDnsConfig(dns)
    system.UpdateIpRouteConfig(vim.host.IpRouteConfig(defaultGateway='10.0.0.254'))
    route = vim.host.IpRouteEntry(network='198.51.100.0', prefixLength=24, gateway='10.0.0.3')
    change = vim.host.IpRouteOp(changeOperation='add', route=route)
    system.UpdateIpRouteTableConfig(vim.host.IpRouteTableConfig(ipRoute=[change]))
    system.UpdatePhysicalNicLinkSpeed(
        'vmnic3', vim.host.PhysicalNic.LinkSpeedDuplex(speedMb=10000, duplex=True)
    )
    info = host.config.network
    assert (info.dnsConfig.address, info.dnsConfig.hostName) == (['192.0.2.53'], dns.hostName)
    assert [one.gateway for one in info.routeTableInfo.ipRoute] == ['10.0.0.254', '10.0.0.3']
    assert info.pnic[3].linkSpeed.speedMb == 10000
    change.changeOperation = 'remove'
    system.UpdateIpRouteTableConfig(vim.host.IpRouteTableConfig(ipRoute=[change]))
    system.UpdatePhysicalNicLinkSpeed('vmnic3')
    assert len(system.networkInfo.routeTableInfo.ipRoute) == 1
    assert [one.device for one in system.QueryNetworkHint(['vmnic0'])] == ['vmnic0']
    system.RefreshNetworkSystem()


def test_all_in_one(client: Client, host: Any, system: Any) -> None:
    """One configuration adds a switch, a port group and a card, and another takes them away."""
    config = vim.host.NetworkConfig(
        vswitch=[
            vim.host.VirtualSwitch.Config(
                changeOperation='add',
                name='one',
                spec=vim.host.VirtualSwitch.Specification(numPorts=8),
            )
        ],
        portgroup=[vim.host.PortGroup.Config(changeOperation='add', spec=group('one-pg', 'one'))],
        vnic=[
            vim.host.VirtualNic.Config(
                changeOperation='add',
                portgroup='one-pg',
                spec=vim.host.VirtualNic.Specification(ip=vim.host.IpConfig(dhcp=True)),
            )
        ],
    )
    result = system.UpdateNetworkConfig(config, 'modify')
    assert result.vnicDevice == ['vmk1']
    assert 'one' in [one.name for one in system.networkConfig.vswitch]
    for part in (config.vswitch, config.portgroup, config.vnic):
        part[0].changeOperation = 'remove'
    config.vnic[0].device = 'vmk1'
    back = vim.host.NetworkConfig(vnic=config.vnic)
    system.UpdateNetworkConfig(back, 'modify')
    system.UpdateNetworkConfig(
        vim.host.NetworkConfig(vswitch=config.vswitch, dnsConfig=system.dnsConfig), 'modify'
    )
    assert [one.name for one in system.networkConfig.vswitch] == ['vSwitch0']
    assert networks(client, 'one-pg') == []
