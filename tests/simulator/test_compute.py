"""Clusters, hosts, resource pools, and the networks that connect them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.vsphere import Client, connected, done, failed

CLUSTER = 'Frankfurt/host/fra-cluster-01'
SWITCH = 'Frankfurt/network/fra-dvs-01'
VLAN = vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec
PORT_SETTING = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy
GROUP_SPEC = vim.dvs.DistributedVirtualPortgroup.ConfigSpec


@pytest.fixture
def client() -> Iterator[Client]:
    # Without vSAN all machines can run on all hosts.
    with connected(Inventory(vms=12, vsan_datastores=0)) as made:
        yield made
        assert list(complaints(made.vc.world)) == []
        assert list(consistency_problems(made.vc.world)) == []


def resources(**fields: Any) -> Any:
    return vim.ResourceAllocationInfo(
        **{
            'reservation': 0,
            'expandableReservation': True,
            'limit': -1,
            'shares': vim.SharesInfo(level='normal', shares=4000),
            **fields,
        }
    )


# Hosts


def test_maintenance_mode_moves_what_runs(client: Client) -> None:
    """Running machines go to the other host of the cluster, which then counts alone."""
    cluster = client.at(CLUSTER)
    host, other = cluster.host
    running = [vm for vm in host.vm if vm.runtime.powerState == 'poweredOn']
    stopped = [vm for vm in host.vm if vm.runtime.powerState != 'poweredOn']
    assert running
    assert stopped
    cpu = cluster.summary.effectiveCpu
    with client.seen(host, 'runtime.inMaintenanceMode', 'vm') as changed:
        done(host.EnterMaintenanceMode_Task(0))
    assert {'runtime.inMaintenanceMode', 'vm'} <= set(changed)
    assert host.runtime.inMaintenanceMode is True
    assert all(vm.runtime.host == other for vm in running)
    assert list(host.vm) == stopped
    assert cluster.summary.numEffectiveHosts == 1
    assert cluster.summary.effectiveCpu == cpu // 2
    failed(vim.fault.InvalidState, host.EnterMaintenanceMode_Task(0))
    done(stopped[0].PowerOnVM_Task())
    assert stopped[0].runtime.host == other
    done(host.ExitMaintenanceMode_Task(0))
    failed(vim.fault.InvalidState, host.ExitMaintenanceMode_Task(0))
    assert cluster.summary.numEffectiveHosts == 2


def test_maintenance_mode_without_a_way_out(client: Client) -> None:
    """A stand-alone host with running machines cannot enter maintenance mode."""
    host = client.at('Frankfurt/host/esx-fra-003.example.net').host[0]
    assert [vm for vm in host.vm if vm.runtime.powerState == 'poweredOn']
    failed(vim.fault.Timedout, host.EnterMaintenanceMode_Task(1))
    assert host.runtime.inMaintenanceMode is False


def test_a_host_must_be_out_of_use_to_be_removed(client: Client) -> None:
    """A host leaves its cluster from maintenance mode only, and takes what is off along."""
    cluster = client.at(CLUSTER)
    host = cluster.host[0]
    failed(vim.fault.InvalidState, host.Destroy_Task())
    done(host.EnterMaintenanceMode_Task(0))
    left = list(host.vm)
    done(host.Destroy_Task())
    assert len(cluster.host) == cluster.summary.numHosts == 1
    assert not {vm._moId for vm in left} & {vm._moId for vm in client.all(vim.VirtualMachine)}
    failed(vmodl.fault.NotSupported, cluster.host[0].Rename_Task('other'))


def test_a_disconnected_host_shows_it(client: Client) -> None:
    """Host and machines show the lost connection, and lose nothing else by it."""
    host = client.at(CLUSTER).host[0]
    done(host.DisconnectHost_Task())
    assert host.runtime.connectionState == 'disconnected'
    assert {vm.runtime.connectionState for vm in host.vm} == {'disconnected'}
    done(host.DisconnectHost_Task())
    done(host.ReconnectHost_Task())
    assert {vm.summary.runtime.connectionState for vm in host.vm} == {'connected'}
    failed(vim.fault.InvalidState, host.ReconnectHost_Task())


def test_a_stand_alone_host_goes_with_its_compute_resource(client: Client) -> None:
    """The compute resource takes pool, host and machines along, also when they are in use."""
    alone = client.at('Frankfurt/host/esx-fra-003.example.net')
    (host,) = alone.host
    left = [vm._moId for vm in host.vm]
    assert any(vm.runtime.powerState == 'poweredOn' for vm in host.vm)
    done(host.DisconnectHost_Task())
    failed(vmodl.fault.NotSupported, host.Destroy_Task())
    done(host.ReconnectHost_Task())
    done(alone.Destroy_Task())
    assert [one.name for one in client.all(vim.ComputeResource)] == ['fra-cluster-01']
    assert len(client.all(vim.HostSystem)) == 2
    assert not set(left) & {vm._moId for vm in client.all(vim.VirtualMachine)}


# Resource pools


def test_pools_are_made_configured_and_dissolved(client: Client) -> None:
    """A pool is made with its limits, reconfigured, and leaves its machines to its parent."""
    root = client.at(CLUSTER).resourcePool
    spec = vim.ResourceConfigSpec(
        cpuAllocation=resources(limit=8000), memoryAllocation=resources(reservation=1024)
    )
    with client.seen(root, 'resourcePool') as changed:
        pool = root.CreateResourcePool('tenants', spec)
    assert changed == ['resourcePool']
    assert (pool.parent, pool.owner) == (root, client.at(CLUSTER))
    assert pool.config.cpuAllocation.limit == 8000
    assert pool.config.memoryAllocation.reservation == 1024
    child = pool.CreateResourcePool('one', spec)
    pool.UpdateConfig(
        'renters',
        vim.ResourceConfigSpec(cpuAllocation=resources(limit=4000), memoryAllocation=resources()),
    )
    assert (pool.name, pool.summary.name) == ('renters', 'renters')
    assert pool.config.cpuAllocation.limit == 4000
    machine = root.vm[0]
    child.MoveIntoResourcePool([machine])
    assert machine.resourcePool == child
    assert machine in child.vm
    done(child.Destroy_Task())
    assert machine.resourcePool == pool
    pool.CreateResourcePool('two', spec)
    pool.DestroyChildren()
    assert list(pool.resourcePool) == []
    done(pool.Destroy_Task())
    assert machine.resourcePool == root
    assert [one.name for one in root.resourcePool] == ['gold']


def test_pool_faults(client: Client) -> None:
    """The root pool stays as it is; names, reservations and moves are checked."""
    root = client.at(CLUSTER).resourcePool
    plain = vim.ResourceConfigSpec(cpuAllocation=resources(), memoryAllocation=resources())
    failed(vmodl.fault.NotSupported, root.Destroy_Task())
    with pytest.raises(vmodl.fault.NotSupported):
        root.UpdateConfig('other', plain)
    with pytest.raises(vim.fault.DuplicateName):
        root.CreateResourcePool('gold', plain)
    greedy = vim.ResourceConfigSpec(
        cpuAllocation=resources(reservation=10, limit=5), memoryAllocation=resources()
    )
    with pytest.raises(vmodl.fault.InvalidArgument):
        root.CreateResourcePool('greedy', greedy)
    assert [one.name for one in root.resourcePool] == ['gold']
    elsewhere = client.at('Frankfurt/host/esx-fra-003.example.net').resourcePool
    with pytest.raises(vmodl.fault.InvalidArgument):
        elsewhere.MoveIntoResourcePool([root.vm[0]])


def test_pool_figures_follow_its_machines(client: Client) -> None:
    """Usage sums the running machines of the pool and of the pools below."""
    root = client.at(CLUSTER).resourcePool
    running = [
        vm
        for pool in (root, *root.resourcePool)
        for vm in pool.vm
        if vm.runtime.powerState == 'poweredOn'
    ]
    used = sum(vm.summary.quickStats.overallCpuUsage for vm in running)
    assert root.runtime.cpu.overallUsage == used > 0
    before = root.summary.runtime.memory.overallUsage
    done(running[0].PowerOffVM_Task())
    assert root.summary.runtime.memory.overallUsage < before


# Distributed switches


def test_port_groups_are_made_changed_and_destroyed(client: Client) -> None:
    """A port group gets key, VLAN and hosts, changes its VLAN, and goes when nobody uses it."""
    switch = client.at(SWITCH)
    setting = PORT_SETTING(vlan=VLAN(vlanId=321, inherited=False))
    spec = GROUP_SPEC(name='tenant-1', type='ephemeral', defaultPortConfig=setting)
    with client.seen(switch, 'portgroup') as changed:
        group = done(switch.CreateDVPortgroup_Task(spec))
    assert changed == ['portgroup']
    assert (group.name, group.key) == ('tenant-1', group._moId)
    assert (group.config.type, group.config.numPorts) == ('ephemeral', 0)
    assert group.config.defaultPortConfig.vlan.vlanId == 321
    assert group.config.distributedVirtualSwitch == switch
    assert list(group.host) == client.all(vim.HostSystem)
    assert group.parent == switch.parent
    assert switch.LookupDvPortGroup(group.key) == group
    assert 321 in switch.QueryUsedVlanIdInDvs()
    version = group.config.configVersion
    change = GROUP_SPEC(
        configVersion=version,
        name='tenant-one',
        defaultPortConfig=PORT_SETTING(vlan=VLAN(vlanId=322, inherited=False)),
    )
    done(group.ReconfigureDVPortgroup_Task(change))
    assert (group.name, group.config.name) == ('tenant-one', 'tenant-one')
    assert group.config.defaultPortConfig.vlan.vlanId == 322
    failed(vim.fault.ConcurrentAccess, group.ReconfigureDVPortgroup_Task(change))
    done(group.Destroy_Task())
    assert 'tenant-one' not in [one.name for one in switch.portgroup]


def test_several_port_groups_or_none(client: Client) -> None:
    """AddDVPortgroup_Task makes all of its groups, or fails and makes none."""
    switch = client.at(SWITCH)
    before = [one.name for one in switch.portgroup]
    specs = [GROUP_SPEC(name=name, numPorts=16, type='earlyBinding') for name in ('a', 'b')]
    done(switch.AddDVPortgroup_Task(specs))
    assert [one.name for one in switch.portgroup] == [*before, 'a', 'b']
    assert len(switch.portgroup[-1].portKeys) == 16
    taken = [GROUP_SPEC(name=name) for name in ('c', 'VM Network')]
    fault = failed(vim.fault.DuplicateName, switch.AddDVPortgroup_Task(taken))
    assert fault.object == client.at('Frankfurt/network/VM Network')
    assert 'c' not in [one.name for one in switch.portgroup]


def test_network_faults(client: Client) -> None:
    """VLANs have bounds, uplinks and used networks stay."""
    switch = client.at(SWITCH)
    wrong = GROUP_SPEC(
        name='x', defaultPortConfig=PORT_SETTING(vlan=VLAN(vlanId=4095, inherited=False))
    )
    failed(vmodl.fault.InvalidArgument, switch.CreateDVPortgroup_Task(wrong))
    failed(vmodl.fault.NotSupported, switch.config.uplinkPortgroup[0].Destroy_Task())
    used = next(one for one in switch.portgroup if one.vm)
    failed(vim.fault.ResourceInUse, used.Destroy_Task())
    failed(vim.fault.ResourceInUse, switch.Destroy_Task())
    plain = client.at('Frankfurt/network/VM Network')
    with pytest.raises(vim.fault.ResourceInUse):
        plain.DestroyNetwork()
    with pytest.raises(vim.fault.NotFound):
        switch.LookupDvPortGroup('dvportgroup-0')
    assert used.config.name in switch.summary.portgroupName


def test_a_switch_goes_with_its_port_groups(client: Client) -> None:
    """Once no machine uses it, a switch can be destroyed, and hosts and networks forget it."""
    switch = client.at(SWITCH)
    for vm in client.all(vim.VirtualMachine):
        if vm.runtime.powerState == 'poweredOn':
            done(vm.PowerOffVM_Task())
        done(vm.Destroy_Task())
    done(switch.Destroy_Task())
    assert [one.name for one in client.all(vim.Network)] == ['VM Network', 'fra-vlan-0110']
    assert client.at(CLUSTER).host[0].config.network.proxySwitch == []
