"""The manager of distributed switches: queries, compatibility, backups and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import VmomiSupport, vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.vsphere import Client, connected, done, failed

MANAGER = vim.dvs.DistributedVirtualSwitchManager
PRODUCT = vim.dvs.ProductSpec
NEW, ORIGINAL, APPLY = (
    'createEntityWithNewIdentifier',
    'createEntityWithOriginalIdentifier',
    'applyToEntitySpecified',
)


@pytest.fixture(scope='module')
def server() -> Iterator[Client]:
    with connected(Inventory(datacenters=2, vms=12)) as made:
        yield made
        assert list(complaints(made.vc.world)) == []
        assert list(consistency_problems(made.vc.world)) == []


@pytest.fixture(scope='module')
def manager(server: Client) -> Any:
    return server.content.dvSwitchManager


@pytest.fixture(scope='module')
def switch(server: Client) -> Any:
    return server.at('Frankfurt/network/fra-dvs-01')


@pytest.fixture(scope='module')
def elsewhere(server: Client) -> Any:
    return next(one for one in server.content.rootFolder.childEntity if one.name != 'Frankfurt')


def test_switches_are_found(manager: Any, switch: Any) -> None:
    """By uuid and key, as the backings of network cards name them."""
    group = switch.portgroup[-1]
    assert manager.QueryDvsByUuid(switch.uuid) == switch
    assert manager.QueryDvsByUuid('nobody') is None
    assert manager.DVSManagerLookupDvPortGroup(switch.uuid, group.key) == group
    assert manager.DVSManagerLookupDvPortGroup(switch.uuid, 'nobody') is None
    with pytest.raises(vim.fault.NotFound):
        manager.DVSManagerLookupDvPortGroup('nobody', group.key)


def test_targets_of_a_host(server: Client, manager: Any, switch: Any, elsewhere: Any) -> None:
    """A host has the switches that it is a member of, with all their port groups."""
    host = switch.summary.hostMember[0]
    for found in (
        manager.QueryDvsConfigTarget(host, None),
        manager.QueryDvsConfigTarget(None, switch),
    ):
        (shown,) = found.distributedVirtualSwitch
        assert (shown.switchName, shown.distributedVirtualSwitch) == (switch.name, switch)
        groups = [one.portgroup for one in found.distributedVirtualPortgroup]
        assert groups == list(switch.portgroup)
        assert [one.uplinkPortgroup for one in found.distributedVirtualPortgroup].count(True) == 1
    everything = manager.QueryDvsConfigTarget(None, None)
    assert len(everything.distributedVirtualSwitch) == 2


def test_versions_of_switches(manager: Any) -> None:
    """There are several, the newest is recommended, and hosts have to be as new."""
    versions = [one.version for one in manager.QueryAvailableDvsSpec(None)]
    assert versions[-1] == '8.0.3'
    assert [one.version for one in manager.QueryAvailableDvsSpec(True)] == ['8.0.3']
    hosts = manager.QueryDvsCompatibleHostSpec(PRODUCT(version='8.0.0'))
    assert [one.version for one in hosts] == ['8.0.0', '8.0.3']
    capability = manager.QueryDvsFeatureCapability(PRODUCT(version='7.0.0'))
    assert capability.backupRestoreCapability.backupRestoreSupported is True
    for ask in (manager.QueryDvsCompatibleHostSpec, manager.QueryDvsFeatureCapability):
        with pytest.raises(vmodl.fault.InvalidArgument):
            ask(PRODUCT(version='1.0'))


def test_hosts_for_switches(server: Client, manager: Any, switch: Any, elsewhere: Any) -> None:
    """Those of a container; a switch has only hosts of its datacenter."""
    datacenter = server.at('Frankfurt')
    root = server.content.rootFolder
    hosts = [one for one in server.all(vim.HostSystem) if 'fra' in one.name]
    assert set(manager.QueryCompatibleHostForNewDvs(datacenter, True, None)) == set(hosts)
    assert set(manager.QueryCompatibleHostForNewDvs(datacenter, False, None)) == set(hosts)
    assert manager.QueryCompatibleHostForNewDvs(hosts[0], False, None) == [hosts[0]]
    assert not manager.QueryCompatibleHostForNewDvs(datacenter.vmFolder, True, None)
    assert set(manager.QueryCompatibleHostForExistingDvs(root, True, switch)) == set(hosts)
    assert not manager.QueryCompatibleHostForExistingDvs(elsewhere, True, switch)


def test_what_is_in_the_way(server: Client, manager: Any, switch: Any) -> None:
    """A check names the hosts that the filters leave, and why they cannot be members."""
    container = MANAGER.HostContainer(container=server.content.rootFolder, recursive=True)
    product = MANAGER.DvsProductSpec(distributedVirtualSwitch=switch)
    hosts = server.all(vim.HostSystem)

    def checked(*filters: Any) -> dict[Any, list[Any]]:
        found = manager.QueryDvsCheckCompatibility(container, product, list(filters))
        return {one.host: [type(error) for error in one.error] for one in found}

    members = MANAGER.HostDvsMembershipFilter(inclusive=True, distributedVirtualSwitch=switch)
    assert set(checked(members)) == set(switch.summary.hostMember)
    assert all(errors == [] for errors in checked(members).values())
    members.inclusive = False
    others = checked(members)
    assert set(others) == set(hosts) - set(switch.summary.hostMember)
    far = [
        host for host in others if host.name.startswith('fra') is False and 'fra' not in host.name
    ]
    assert all(others[host] == [vmodl.fault.InvalidArgument] for host in far)
    one = MANAGER.HostArrayFilter(inclusive=True, host=[hosts[0]])
    assert set(checked(one)) == {hosts[0]}
    inside = MANAGER.HostContainerFilter(
        inclusive=True,
        hostContainer=MANAGER.HostContainer(container=server.at('Frankfurt'), recursive=True),
    )
    assert set(checked(inside)) == {one for one in hosts if 'fra' in one.name}


def backup(manager: Any, switch: Any) -> list[Any]:
    """A switch and all its port groups but that of the uplinks."""
    keys = [one.key for one in switch.portgroup if not one.config.uplink]
    selections = [vim.dvs.DistributedVirtualSwitchSelection(dvsUuid=switch.uuid)]
    selections.append(
        vim.dvs.DistributedVirtualPortgroupSelection(dvsUuid=switch.uuid, portgroupKey=keys)
    )
    found: list[Any] = done(manager.DVSManagerExportEntity_Task(selections))
    return found


@pytest.fixture
def made(server: Client) -> Any:
    """A switch with a port group, to be backed up."""
    spec = vim.DistributedVirtualSwitch.CreateSpec(
        configSpec=vim.dvs.VmwareDistributedVirtualSwitch.ConfigSpec(name='saved', maxMtu=9000),
        productInfo=PRODUCT(version='7.0.3'),
    )
    switch = done(server.at('Frankfurt/network').CreateDVS_Task(spec))
    vlan = vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec(vlanId=77, inherited=False)
    setting = vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(vlan=vlan)
    group = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
        name='saved-pg', numPorts=5, type='earlyBinding', defaultPortConfig=setting
    )
    done(switch.CreateDVPortgroup_Task(group))
    return switch


def test_a_lost_switch_is_restored(server: Client, manager: Any, made: Any) -> None:
    """With its identifiers, so that network cards find it again."""
    configs = backup(manager, made)
    uuid, key = made.uuid, configs[1].key
    assert [one.name for one in configs] == ['saved', 'saved-pg']
    done(made.Destroy_Task())
    result = done(manager.DVSManagerImportEntity_Task(configs, ORIGINAL))
    assert not result.importFault
    (switch,), (group,) = result.distributedVirtualSwitch, result.distributedVirtualPortgroup
    assert (switch.uuid, switch.name, switch.config.maxMtu) == (uuid, 'saved', 9000)
    assert switch.config.productInfo.version == '7.0.3'
    assert (group.key, group.name, group.config.numPorts) == (key, 'saved-pg', 5)
    assert group.config.defaultPortConfig.vlan.vlanId == 77
    assert manager.DVSManagerLookupDvPortGroup(uuid, key) == group
    again = done(manager.DVSManagerImportEntity_Task(configs, ORIGINAL))
    assert [type(one.fault) for one in again.importFault] == [vim.fault.AlreadyExists] * 2
    done(switch.Destroy_Task())


def test_a_backup_is_copied_and_applied(server: Client, manager: Any, made: Any) -> None:
    """A backup makes another switch like the first, and takes the first back to what it was."""
    configs = backup(manager, made)
    smaller = vim.dvs.VmwareDistributedVirtualSwitch.ConfigSpec(maxMtu=1500)
    done(made.ReconfigureDvs_Task(smaller))
    done(manager.DVSManagerImportEntity_Task(configs[:1], APPLY))
    assert made.config.maxMtu == 9000
    configs[0].name = 'copied'
    result = done(manager.DVSManagerImportEntity_Task(configs[:1], NEW))
    (copied,) = result.distributedVirtualSwitch
    assert (copied.name, copied.config.maxMtu) == ('copied', 9000)
    assert copied.uuid != made.uuid
    configs[1].container, configs[1].name = copied, 'copied-pg'
    result = done(manager.DVSManagerImportEntity_Task(configs[1:], NEW))
    assert [one.name for one in result.distributedVirtualPortgroup] == ['copied-pg']
    done(manager.RectifyDvsOnHost_Task(server.all(vim.HostSystem)[:1]))
    for one in (made, copied):
        done(one.Destroy_Task())


def test_backups_that_are_none(manager: Any, switch: Any) -> None:
    """What cannot be restored is told for each entity."""
    failed(
        vim.fault.NotFound,
        manager.DVSManagerExportEntity_Task(
            [vim.dvs.DistributedVirtualSwitchSelection(dvsUuid='nobody')]
        ),
    )
    wrong = backup(manager, switch)[:1]
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.DVSManagerImportEntity_Task(wrong, 'burn')
    for blob in (b'', b'<a/>', b'<!DOCTYPE a><a><b/></a>'):
        wrong[0].configBlob = VmomiSupport.binary(blob)
        result = done(manager.DVSManagerImportEntity_Task(wrong, APPLY))
        assert [type(one.fault) for one in result.importFault] == [vmodl.fault.InvalidArgument]
