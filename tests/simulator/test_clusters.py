"""Clusters: made, configured, given hosts, and what their rules do to machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.vsphere import Client, connected, done, failed

CLUSTER = 'Frankfurt/host/fra-cluster-01'
SPEC = vim.cluster.ConfigSpecEx
NOBODY = vim.VirtualMachine('vm-0')


@pytest.fixture(scope='module')
def server() -> Iterator[Client]:
    with connected(Inventory(vms=12, hosts_per_cluster=3, vsan_datastores=0)) as made:
        yield made
        assert list(complaints(made.vc.world)) == []
        assert list(consistency_problems(made.vc.world)) == []


@pytest.fixture
def cluster(server: Client) -> Iterator[Any]:
    """The cluster of the inventory; its settings are reset afterwards."""
    found = server.at(CLUSTER)
    yield found
    services = SPEC(
        drsConfig=vim.cluster.DrsConfigInfo(enabled=True),
        dasConfig=vim.cluster.DasConfigInfo(enabled=True),
    )
    done(found.ReconfigureComputeResource_Task(services, False))


@pytest.fixture
def folder(server: Client) -> Any:
    return server.at('Frankfurt/host')


def changed(cluster: Any, **fields: Any) -> Any:
    """Reconfigure a cluster by what is set, and read what it is configured to then."""
    done(cluster.ReconfigureComputeResource_Task(SPEC(**fields), True))
    return cluster.configurationEx


def rule(operation: str, kind: type | None = None, key: int | None = None, **info: Any) -> Any:
    return vim.cluster.RuleSpec(
        operation=operation, removeKey=key, info=kind(**info) if kind is not None else None
    )


def group(operation: str, kind: type | None = None, key: str | None = None, **info: Any) -> Any:
    return vim.cluster.GroupSpec(
        operation=operation, removeKey=key, info=kind(**info) if kind is not None else None
    )


def connect_spec(name: str, **fields: Any) -> Any:
    return vim.host.ConnectSpec(
        **{'hostName': name, 'userName': 'root', 'password': 'x', 'force': False, **fields}
    )


# Configuration


def test_a_cluster_is_made_with_nothing_switched_on(folder: Any) -> None:
    """CreateClusterEx makes a cluster that does what its specification says and no more."""
    made = folder.CreateClusterEx('plain', SPEC(drsConfig=vim.cluster.DrsConfigInfo(vmotionRate=5)))
    shown = made.configurationEx
    assert (made.name, made.parent, list(made.host)) == ('plain', folder, [])
    assert (shown.drsConfig.enabled, shown.dasConfig.enabled) == (False, False)
    assert (shown.drsConfig.vmotionRate, shown.drsConfig.defaultVmBehavior) == (5, 'fullyAutomated')
    assert made.summary.numHosts == made.summary.totalCpu == 0
    with pytest.raises(vim.fault.DuplicateName):
        folder.CreateClusterEx('plain', SPEC())
    old = folder.CreateCluster(
        'old', vim.cluster.ConfigSpec(dasConfig=vim.cluster.DasConfigInfo(enabled=True))
    )
    assert old.configuration.dasConfig.enabled is True
    for one in (made, old):
        done(one.Destroy_Task())


def test_what_is_not_set_stays(server: Client, cluster: Any) -> None:
    """DRS and HA are changed field by field; without 'modify' the rest goes back to defaults."""
    das = vim.cluster.DasConfigInfo(admissionControlEnabled=False)
    with server.seen(cluster, 'configurationEx', 'configuration') as seen:
        shown = changed(cluster, dasConfig=das, vmSwapPlacement='hostLocal')
    assert set(seen) == {'configurationEx', 'configuration'}
    assert (shown.dasConfig.enabled, shown.dasConfig.admissionControlEnabled) == (True, False)
    assert (shown.drsConfig.enabled, shown.vmSwapPlacement) == (True, 'hostLocal')
    manual = vim.cluster.DrsConfigInfo(defaultVmBehavior='manual')
    done(cluster.ReconfigureComputeResource_Task(SPEC(drsConfig=manual), False))
    shown = cluster.configurationEx
    assert (shown.drsConfig.enabled, shown.drsConfig.defaultVmBehavior) == (False, 'manual')
    assert (shown.dasConfig.enabled, shown.vmSwapPlacement) == (False, 'vmDirectory')
    old = vim.cluster.ConfigSpec(drsConfig=vim.cluster.DrsConfigInfo(vmotionRate=1))
    done(cluster.ReconfigureCluster_Task(old, True))
    assert cluster.configuration.drsConfig.vmotionRate == 1


def test_advanced_options_are_merged_by_key(cluster: Any) -> None:
    """Options join those that are there; an empty value takes one away."""

    def options(**values: str) -> dict[str, Any]:
        given = [vim.OptionValue(key=f'das.{key}', value=value) for key, value in values.items()]
        shown = changed(cluster, dasConfig=vim.cluster.DasConfigInfo(option=given))
        return {option.key: option.value for option in shown.dasConfig.option}

    assert options(one='1', two='2') == {'das.one': '1', 'das.two': '2'}
    assert options(one='', two='3') == {'das.two': '3'}


def test_rules_are_added_edited_and_removed(server: Client, cluster: Any) -> None:
    """A rule gets a key, is edited and removed by it, and is found by its machines."""
    first, second, third = cluster.host[0].vm[:3]
    affinity = vim.cluster.AffinityRuleSpec
    shown = changed(cluster, rulesSpec=[
        rule('add', affinity, name='together', vm=[first, second], enabled=True),
        rule('add', vim.cluster.AntiAffinityRuleSpec, name='apart', vm=[first, third]),
    ])  # fmt: skip
    together, apart = shown.rule
    assert (together.name, list(together.vm), together.key) == ('together', [first, second], 1)
    assert (apart.enabled, apart.mandatory, apart.userCreated) == (True, False, True)
    assert [one.name for one in cluster.FindRulesForVm(second)] == ['together']
    shown = changed(cluster, rulesSpec=[
        vim.cluster.RuleSpec(
            operation='edit', info=affinity(key=together.key, name='united', vm=[first, third])
        ),
        rule('remove', key=apart.key),
    ])  # fmt: skip
    (united,) = shown.rule
    assert (united.name, list(united.vm), united.enabled) == ('united', [first, third], True)


def test_rules_of_groups(cluster: Any) -> None:
    """Groups of machines and hosts are edited as a whole, and tied together by a rule."""
    machines, hosts = vim.cluster.VmGroup, vim.cluster.HostGroup
    vm = cluster.host[0].vm[0]
    both = vim.cluster.VmHostRuleInfo(
        name='tie', vmGroupName='vms', affineHostGroupName='hosts', enabled=True, mandatory=True
    )
    shown = changed(
        cluster,
        groupSpec=[
            group('add', machines, name='vms', vm=[vm]),
            group('add', hosts, name='hosts', host=list(cluster.host[1:])),
        ],
        rulesSpec=[vim.cluster.RuleSpec(operation='add', info=both)],
    )
    assert {one.name: type(one) for one in shown.group} == {'vms': machines, 'hosts': hosts}
    assert list(shown.group[1].host) == list(cluster.host[1:])
    assert (shown.rule[0].vmGroupName, shown.rule[0].key) == ('vms', 1)
    assert [one.name for one in cluster.FindRulesForVm(vm)] == ['tie']
    shown = changed(cluster, groupSpec=[group('edit', machines, name='vms')])
    assert list(shown.group[0].vm) == []
    used = SPEC(groupSpec=[group('remove', key='vms')])
    failed(vmodl.fault.InvalidArgument, cluster.ReconfigureComputeResource_Task(used, True))
    shown = changed(
        cluster,
        groupSpec=[group('remove', key='vms'), group('remove', key='hosts')],
        rulesSpec=[rule('remove', key=1)],
    )
    assert (list(shown.group), list(shown.rule)) == ([], [])


def test_overrides_of_single_machines(cluster: Any) -> None:
    """What DRS and HA do differently for a machine is kept by the machine."""
    vm = cluster.host[0].vm[0]
    drs = vim.cluster.DrsVmConfigInfo(key=vm, enabled=True, behavior='manual')
    das = vim.cluster.DasVmConfigInfo(
        key=vm, dasSettings=vim.cluster.DasVmSettings(restartPriority='high')
    )
    ready = vim.cluster.VmOrchestrationInfo(
        vm=vm, vmReadiness=vim.cluster.VmReadiness(readyCondition='poweredOn', postReadyDelay=5)
    )
    shown = changed(
        cluster,
        drsVmConfigSpec=[vim.cluster.DrsVmConfigSpec(operation='add', info=drs)],
        dasVmConfigSpec=[vim.cluster.DasVmConfigSpec(operation='add', info=das)],
        vmOrchestrationSpec=[vim.cluster.VmOrchestrationSpec(operation='add', info=ready)],
    )
    assert [(one.key, one.behavior) for one in shown.drsVmConfig] == [(vm, 'manual')]
    assert shown.dasVmConfig[0].dasSettings.restartPriority == 'high'
    assert shown.vmOrchestration[0].vmReadiness.postReadyDelay == 5
    drs = vim.cluster.DrsVmConfigInfo(key=vm, enabled=False)
    shown = changed(
        cluster,
        drsVmConfigSpec=[vim.cluster.DrsVmConfigSpec(operation='edit', info=drs)],
        dasVmConfigSpec=[vim.cluster.DasVmConfigSpec(operation='remove', removeKey=vm)],
    )
    assert [(one.enabled, one.behavior) for one in shown.drsVmConfig] == [(False, 'manual')]
    assert list(shown.dasVmConfig) == []


@pytest.mark.parametrize(
    'fields',
    [
        {'rulesSpec': [rule('remove', key=7)]},
        {'rulesSpec': [rule('add', vim.cluster.AffinityRuleSpec, name='alone', vm=[NOBODY])]},
        {'rulesSpec': [rule('add', vim.cluster.VmHostRuleInfo, name='x', vmGroupName='none')]},
        {'groupSpec': [group('edit', vim.cluster.VmGroup, name='none')]},
        {'groupSpec': [group('add', vim.cluster.VmGroup, name='g')] * 2},
        {'drsVmConfigSpec': [vim.cluster.DrsVmConfigSpec(operation='add')]},
        {'groupSpec': [group('add', vim.cluster.VmGroup, name='g', vm=[NOBODY])]},
    ],
)
def test_a_wrong_specification_changes_nothing(cluster: Any, fields: Any) -> None:
    """Unknown keys, rules without sense and names that are taken are invalid arguments."""
    spec = SPEC(dasConfig=vim.cluster.DasConfigInfo(enabled=False), **fields)
    failed(vmodl.fault.InvalidArgument, cluster.ReconfigureComputeResource_Task(spec, True))
    assert cluster.configurationEx.dasConfig.enabled is True


def test_a_stand_alone_host_has_a_few_settings(server: Client) -> None:
    """ReconfigureComputeResource_Task of a stand-alone host sets where swap files go."""
    alone = server.at('Frankfurt/host/esx-fra-004.example.net')
    spec = vim.ComputeResource.ConfigSpec(vmSwapPlacement='hostLocal')
    done(alone.ReconfigureComputeResource_Task(spec, True))
    assert alone.configurationEx.vmSwapPlacement == 'hostLocal'
    assert alone.configurationEx.spbmEnabled is True


# Placement


def test_rules_say_where_machines_start(cluster: Any) -> None:
    """Machines that belong together start on one host, those that do not on different ones."""
    stopped = [vm for vm in cluster.resourcePool.vm if vm.runtime.powerState == 'poweredOff']
    vm = stopped[0]
    other = next(
        one
        for one in cluster.resourcePool.vm
        if one.runtime.powerState == 'poweredOn' and one.runtime.host != vm.runtime.host
    )
    changed(cluster, rulesSpec=[
        rule('add', vim.cluster.AffinityRuleSpec, name='together', vm=[vm, other]),
    ])  # fmt: skip
    done(vm.PowerOnVM_Task())
    assert vm.runtime.host == other.runtime.host
    done(vm.PowerOffVM_Task())
    changed(cluster, rulesSpec=[
        rule('remove', key=1),
        rule('add', vim.cluster.AntiAffinityRuleSpec, name='apart', vm=[vm, other]),
    ])  # fmt: skip
    done(vm.PowerOnVM_Task())
    assert vm.runtime.host != other.runtime.host
    done(vm.PowerOffVM_Task())


def test_a_mandatory_rule_can_leave_no_host(cluster: Any) -> None:
    """What must run on hosts that are not there does not start, unless it only should."""
    vm = next(one for one in cluster.resourcePool.vm if one.runtime.powerState == 'poweredOff')
    tie = vim.cluster.VmHostRuleInfo(
        name='tie', vmGroupName='vms', affineHostGroupName='none', enabled=True, mandatory=True
    )
    shown = changed(
        cluster,
        groupSpec=[
            group('add', vim.cluster.VmGroup, name='vms', vm=[vm]),
            group('add', vim.cluster.HostGroup, name='none'),
        ],
        rulesSpec=[vim.cluster.RuleSpec(operation='add', info=tie)],
    )
    failed(vim.fault.NoCompatibleHost, vm.PowerOnVM_Task())
    (tie,) = shown.rule
    tie.mandatory = False
    changed(cluster, rulesSpec=[vim.cluster.RuleSpec(operation='edit', info=tie)])
    cluster.RefreshRecommendation()
    assert len(cluster.RecommendHostsForVm(vm, None)) == 3
    done(vm.PowerOnVM_Task())
    done(vm.PowerOffVM_Task())


# Hosts


def test_a_host_joins_and_leaves(server: Client, folder: Any) -> None:
    """AddHost_Task brings a host with a local datastore and the network of an installation."""
    made = folder.CreateClusterEx('growing', SPEC())
    with server.seen(made, 'host', 'summary', 'datastore') as seen:
        host = done(made.AddHost_Task(connect_spec('10.8.8.8'), True, None, None))
    assert {'host', 'summary', 'datastore'} <= set(seen)
    assert (host.name, host.parent, host.runtime.connectionState) == ('10.8.8.8', made, 'connected')
    assert [one.name for one in host.datastore] == ['datastore1']
    assert [one.name for one in host.network] == ['VM Network']
    assert host.config.network.vnic[0].spec.ip.ipAddress == '10.8.8.8'
    known = done(made.AddHost_Task(connect_spec('esx9.example.net'), False, None, None))
    assert known.runtime.connectionState == 'disconnected'
    assert [one.name for one in known.datastore] == ['datastore1 (1)']
    assert (made.summary.numHosts, made.summary.numEffectiveHosts) == (2, 1)
    failed(
        vim.fault.AlreadyConnected, made.AddHost_Task(connect_spec('10.8.8.8'), True, None, None)
    )
    failed(
        vim.fault.InvalidLogin,
        made.AddHost_Task(connect_spec('10.8.8.9', password=None), True, None, None),
    )
    with pytest.raises(vmodl.fault.InvalidArgument):
        made.AddHost_Task(connect_spec(''), True, None, None)
    done(known.Destroy_Task())
    done(host.EnterMaintenanceMode_Task(0))
    done(host.Destroy_Task())
    assert 'datastore1' not in [one.name for one in server.all(vim.Datastore)]
    done(made.Destroy_Task())


def test_a_stand_alone_host_comes_and_moves_into_a_cluster(server: Client, folder: Any) -> None:
    """AddStandaloneHost_Task makes a compute resource of the host's name; moving takes it away."""
    alone = done(folder.AddStandaloneHost_Task(connect_spec('10.9.9.9'), None, True, None))
    assert (alone.name, type(alone)) == ('10.9.9.9', vim.ComputeResource)
    (host,) = alone.host
    fault = failed(
        vim.fault.AlreadyConnected,
        folder.AddStandaloneHost_Task(connect_spec('10.9.9.9'), None, True, None),
    )
    assert fault.name == '10.9.9.9'
    made = folder.CreateClusterEx('taking', SPEC())
    failed(vim.fault.InvalidState, made.MoveInto_Task([host]))
    done(host.EnterMaintenanceMode_Task(0))
    done(made.MoveInto_Task([host]))
    assert host.parent == made
    assert '10.9.9.9' not in [one.name for one in folder.childEntity]
    other = folder.CreateClusterEx('other', SPEC())
    done(other.MoveHostInto_Task(host, None))
    assert (list(other.host), list(made.host)) == ([host], [])
    done(folder.MoveIntoFolder_Task([host]))
    assert (host.parent.name, host.parent.parent) == ('10.9.9.9', folder)
    for one in (made, other, host.parent):
        done(one.Destroy_Task())


def test_a_host_is_shut_down_and_comes_back(server: Client) -> None:
    """Machines stop with their host; one that is reconnected has been switched on again."""
    alone = server.at('Frankfurt/host/esx-fra-004.example.net')
    (host,) = alone.host
    vm = next(one for one in host.vm if one.runtime.powerState == 'poweredOn')
    with pytest.raises(vim.fault.InvalidState):
        host.ShutdownHost_Task(False)
    booted = host.runtime.bootTime
    done(host.ShutdownHost_Task(True))
    assert (host.runtime.connectionState, host.runtime.powerState) == ('notResponding', 'unknown')
    assert (vm.runtime.powerState, vm.runtime.connectionState) == ('poweredOff', 'disconnected')
    done(host.ReconnectHost_Task(None, None))
    assert (host.runtime.connectionState, host.runtime.powerState) == ('connected', 'poweredOn')
    assert host.runtime.bootTime > booted
    done(vm.PowerOnVM_Task())


def test_a_host_is_configured_for_ha_again(cluster: Any) -> None:
    """Only where HA is enabled; and each host tells for how long its hardware has been up."""
    host = cluster.host[0]
    assert host.RetrieveHardwareUptime() > 0
    done(host.ReconfigureHostForDAS_Task())
    changed(cluster, dasConfig=vim.cluster.DasConfigInfo(enabled=False))
    failed(vim.fault.DasConfigFault, host.ReconfigureHostForDAS_Task())


def test_ha_starts_what_a_host_took_down(cluster: Any) -> None:
    """Machines of a host that is rebooted run on others of its cluster; the host comes back."""
    host = max(cluster.host, key=lambda one: one.summary.quickStats.overallCpuUsage)
    running = [one for one in host.vm if one.runtime.powerState == 'poweredOn']
    assert running
    done(host.RebootHost_Task(True))
    assert {one.runtime.powerState for one in running} == {'poweredOn'}
    assert host not in [one.runtime.host for one in running]
    done(host.EnterMaintenanceMode_Task(0))
    assert host.runtime.connectionState == 'connected'
    done(host.ExitMaintenanceMode_Task(0))


def test_maintenance_heeds_rules_and_needs_drs(cluster: Any) -> None:
    """All machines leave if that is asked for, to where rules let them; without DRS none does."""
    first, _, third = cluster.host
    vm = next(one for one in cluster.resourcePool.vm if one.runtime.powerState == 'poweredOff')
    done(vm.MigrateVM_Task(None, first, 'defaultPriority', None))
    tie = vim.cluster.VmHostRuleInfo(
        name='tie', vmGroupName='vms', affineHostGroupName='hosts', enabled=True, mandatory=True
    )
    changed(
        cluster,
        groupSpec=[
            group('add', vim.cluster.VmGroup, name='vms', vm=[vm]),
            group('add', vim.cluster.HostGroup, name='hosts', host=[third]),
        ],
        rulesSpec=[vim.cluster.RuleSpec(operation='add', info=tie)],
    )
    done(first.EnterMaintenanceMode_Task(0, True))
    assert (list(first.vm), vm.runtime.host) == ([], third)
    done(first.ExitMaintenanceMode_Task(0))
    changed(cluster, drsConfig=vim.cluster.DrsConfigInfo(enabled=False))
    busy = max(cluster.host, key=lambda one: one.summary.quickStats.overallCpuUsage)
    failed(vim.fault.Timedout, busy.EnterMaintenanceMode_Task(1))


def test_what_is_not_simulated_is_refused(cluster: Any) -> None:
    """A specification that asks for more than is there says so, and changes nothing."""
    spec = SPEC(
        dasConfig=vim.cluster.DasConfigInfo(enabled=False),
        vsanHostConfigSpec=[vim.vsan.host.ConfigInfo(hostSystem=cluster.host[0])],
    )
    failed(vmodl.fault.NotSupported, cluster.ReconfigureComputeResource_Task(spec, True))
    assert cluster.configurationEx.dasConfig.enabled is True
