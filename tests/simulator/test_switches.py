"""Distributed switches: made, configured, and their ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.vsphere import Client, connected, done, failed

DVS = vim.dvs.VmwareDistributedVirtualSwitch
SWITCH = 'Frankfurt/network/fra-dvs-01'
MEMBER = vim.dvs.HostMember


@pytest.fixture(scope='module')
def server() -> Iterator[Client]:
    with connected(Inventory(vms=12)) as made:
        yield made
        assert list(complaints(made.vc.world)) == []
        assert list(consistency_problems(made.vc.world)) == []


@pytest.fixture
def switch(server: Client) -> Iterator[Any]:
    """A switch of its own for each test."""
    folder = server.at('Frankfurt/network')
    made = done(folder.CreateDVS_Task(create_spec(name='made')))
    yield made
    done(made.Destroy_Task())


def create_spec(version: str | None = None, **fields: Any) -> Any:
    product = vim.dvs.ProductSpec(version=version) if version is not None else None
    return vim.DistributedVirtualSwitch.CreateSpec(
        configSpec=DVS.ConfigSpec(**fields), productInfo=product
    )


def member(operation: str, host: Any, *nics: str) -> Any:
    backing = MEMBER.PnicBacking(pnicSpec=[MEMBER.PnicSpec(pnicDevice=nic) for nic in nics])
    return MEMBER.ConfigSpec(operation=operation, host=host, backing=backing)


def test_a_switch_is_made_with_hosts_and_uplinks(server: Client) -> None:
    """CreateDVS_Task makes the switch, its group of uplinks, and connects the hosts."""
    folder, hosts = server.at('Frankfurt/network'), server.all(vim.HostSystem)
    spec = create_spec(
        '7.0.3',
        name='two-uplinks',
        maxMtu=1600,
        uplinkPortPolicy=vim.DistributedVirtualSwitch.NameArrayUplinkPortPolicy(
            uplinkPortName=['a', 'b']
        ),
        host=[member('add', hosts[0], 'vmnic3')],
    )
    made = done(folder.CreateDVS_Task(spec))
    (uplinks,) = made.config.uplinkPortgroup
    assert (made.name, made.parent, made.config.maxMtu) == ('two-uplinks', folder, 1600)
    assert (made.config.productInfo.version, uplinks.config.numPorts) == ('7.0.3', 2)
    assert list(made.config.uplinkPortPolicy.uplinkPortName) == ['a', 'b']
    (only,) = made.config.host
    assert (only.config.host, only.config.backing.pnicSpec[0].pnicDevice) == (hosts[0], 'vmnic3')
    assert list(uplinks.host) == list(made.summary.hostMember) == [hosts[0]]
    assert made.name in [one.dvsName for one in hosts[0].config.network.proxySwitch]
    failed(vim.fault.DuplicateName, folder.CreateDVS_Task(spec))
    wrong = create_spec('1.0', name='old')
    failed(vmodl.fault.InvalidArgument, folder.CreateDVS_Task(wrong))
    with pytest.raises(vmodl.fault.NotSupported):
        server.at('Frankfurt/vm').CreateDVS_Task(spec)
    done(made.Destroy_Task())


def test_a_switch_is_reconfigured(server: Client, switch: Any) -> None:
    """What is set is changed, what is not stays, and an old version is refused."""
    version = switch.config.configVersion
    discovery = vim.host.LinkDiscoveryProtocolConfig(protocol='lldp', operation='both')
    with server.seen(switch, 'config', 'name') as seen:
        done(switch.ReconfigureDvs_Task(DVS.ConfigSpec(
            configVersion=version, name='renamed', maxMtu=9000, description='all of it',
            linkDiscoveryProtocolConfig=discovery,
        )))  # fmt: skip
    assert {'config', 'name'} <= set(seen)
    stale = DVS.ConfigSpec(configVersion=version, maxMtu=1500)
    failed(vim.fault.ConcurrentAccess, switch.ReconfigureDvs_Task(stale))
    done(switch.ReconfigureDvs_Task(DVS.ConfigSpec(description='half of it')))
    shown = switch.config
    assert (switch.name, shown.name, shown.description) == ('renamed', 'renamed', 'half of it')
    assert (shown.maxMtu, shown.linkDiscoveryProtocolConfig.protocol) == (9000, 'lldp')
    wrong = DVS.ConfigSpec(maxMtu=100)
    failed(vmodl.fault.InvalidArgument, switch.ReconfigureDvs_Task(wrong))
    switch.EnableNetworkResourceManagement(False)
    assert switch.config.networkResourceManagementEnabled is False
    check = DVS.VlanMtuHealthCheckConfig(enable=True, interval=1)
    done(switch.UpdateDVSHealthCheckConfig_Task([check]))
    assert switch.config.healthCheckConfig[0].enable is True


def test_hosts_join_and_leave(server: Client, switch: Any) -> None:
    """A member is added once, changed, and leaves unless its machines need the switch."""
    host = server.all(vim.HostSystem)[0]

    def change(operation: str, *nics: str) -> Any:
        spec = DVS.ConfigSpec(host=[member(operation, host, *nics)])
        return switch.ReconfigureDvs_Task(spec)

    failed(vim.fault.NotFound, change('remove'))
    done(change('add', 'vmnic1'))
    assert list(switch.summary.hostMember) == [host]
    failed(vim.fault.AlreadyExists, change('add', 'vmnic1'))
    done(change('edit', 'vmnic3'))
    assert switch.config.host[0].config.backing.pnicSpec[0].pnicDevice == 'vmnic3'
    done(change('remove'))
    assert list(switch.summary.hostMember) == []
    used = server.at(SWITCH)
    busy = DVS.ConfigSpec(
        host=[
            member('remove', next(vm for group in used.portgroup for vm in group.vm).runtime.host)
        ]
    )
    failed(vim.fault.ResourceInUse, used.ReconfigureDvs_Task(busy))


def test_ports_are_told_by_criteria(server: Client) -> None:
    """FetchDVPorts finds ports by group, use and key, and says who is connected to them."""
    switch = server.at(SWITCH)
    criteria = vim.dvs.PortCriteria
    used = next(group for group in switch.portgroup if group.vm)
    ports = switch.FetchDVPorts(criteria(portgroupKey=[used.key], inside=True))
    assert [port.key for port in ports] == list(used.portKeys)
    taken = [port for port in ports if port.connectee is not None]
    assert [port.connectee.connectedEntity for port in taken] == list(used.vm)
    assert {port.connectee.nicKey for port in taken} == {'4000'}
    assert taken[0].dvsUuid == switch.uuid
    running = [vm for vm in used.vm if vm.runtime.powerState == 'poweredOn']
    active = switch.FetchDVPorts(criteria(portgroupKey=[used.key], active=True))
    assert [port.connectee.connectedEntity for port in active] == running
    everything = switch.FetchDVPortKeys(None)
    assert len(everything) == switch.summary.numPorts
    uplinks = switch.FetchDVPortKeys(criteria(uplinkPort=True))
    assert list(uplinks) == list(switch.config.uplinkPortgroup[0].portKeys)
    others = switch.FetchDVPortKeys(criteria(portgroupKey=[used.key], inside=False))
    assert len(others) == len(everything) - len(ports)
    (one,) = switch.FetchDVPorts(criteria(portKey=[taken[0].key]))
    assert one.state.runtimeInfo.macAddress == taken[0].state.runtimeInfo.macAddress


def test_private_vlans_and_uplinks(switch: Any) -> None:
    """Private VLANs come and go by their secondary VLAN; uplinks are as many as their names."""

    def private(operation: str, secondary: int, kind: str = 'isolated') -> Any:
        entry = DVS.PvlanMapEntry(primaryVlanId=100, secondaryVlanId=secondary, pvlanType=kind)
        spec = DVS.PvlanConfigSpec(operation=operation, pvlanEntry=entry)
        return switch.ReconfigureDvs_Task(DVS.ConfigSpec(pvlanConfigSpec=[spec]))

    done(private('add', 100, 'promiscuous'))
    done(private('add', 101))
    failed(vmodl.fault.InvalidArgument, private('add', 101))
    done(private('edit', 101, 'community'))
    done(private('remove', 100))
    assert [(one.secondaryVlanId, one.pvlanType) for one in switch.config.pvlanConfig] == [
        (101, 'community')
    ]
    names = vim.DistributedVirtualSwitch.NameArrayUplinkPortPolicy(uplinkPortName=['a', 'b'])
    done(switch.ReconfigureDvs_Task(DVS.ConfigSpec(uplinkPortPolicy=names)))
    assert switch.config.uplinkPortgroup[0].config.numPorts == 2
    assert len(switch.config.pvlanConfig) == 1
    unknown = DVS.ConfigSpec(numStandalonePorts=5)
    failed(vmodl.fault.NotSupported, switch.ReconfigureDvs_Task(unknown))


def test_a_port_group_keeps_what_is_not_set(switch: Any) -> None:
    """A port group whose VLAN is changed keeps its other settings."""
    policy = DVS.VmwarePortConfigPolicy
    blocked = vim.BoolPolicy(inherited=False, value=True)
    spec = vim.dvs.DistributedVirtualPortgroup.ConfigSpec
    group = done(switch.CreateDVPortgroup_Task(
        spec(name='kept', numPorts=4, defaultPortConfig=policy(blocked=blocked))
    ))  # fmt: skip
    vlan = DVS.VlanIdSpec(vlanId=7, inherited=False)
    done(group.ReconfigureDVPortgroup_Task(spec(defaultPortConfig=policy(vlan=vlan))))
    shown = group.config.defaultPortConfig
    assert (shown.blocked.value, shown.vlan.vlanId, group.config.numPorts) == (True, 7, 4)


def test_port_settings_are_complete(server: Client, switch: Any) -> None:
    """A port group shows all settings, those that nobody set as a vCenter has them."""
    policy = DVS.VmwarePortConfigPolicy
    security = DVS.SecurityPolicy(inherited=False, allowPromiscuous=vim.BoolPolicy(value=True))
    group = done(switch.CreateDVPortgroup_Task(vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
        name='open', defaultPortConfig=policy(securityPolicy=security)
    )))  # fmt: skip
    shown = group.config.defaultPortConfig
    assert shown.securityPolicy.allowPromiscuous.value is True
    assert shown.securityPolicy.macChanges.value is False
    assert shown.macManagementPolicy.macLearningPolicy.enabled is False
    assert (shown.vlan.vlanId, shown.vlan.inherited) == (0, True)
    for one in server.at(SWITCH).portgroup:
        assert one.config.defaultPortConfig.uplinkTeamingPolicy.policy.value


@pytest.mark.parametrize(('wanted', 'made'), [('9.1.1.0.0', '8.0.3'), ('6.7.0', '6.6.0')])
def test_versions_of_switches(server: Client, wanted: str, made: str) -> None:
    """A version that no switch has is the newest before it, as hosts' versions run ahead."""
    folder = server.at('Frankfurt/network')
    switch = done(folder.CreateDVS_Task(create_spec(wanted, name='versioned')))
    assert switch.config.productInfo.version == made
    done(switch.Destroy_Task())
