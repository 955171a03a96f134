"""The inventory as pyVmomi reads it over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.vsphere import Client, connected

# Nothing here changes the inventory, so one server does for all.


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(vms=20)) as made:
        yield made


def test_the_tree_is_what_a_client_expects(client: Client) -> None:
    """Every kind of object hangs where vSphere hangs it, under names as in a data centre."""
    tree = {
        (entity.parent.name, entity.name)
        for kind in (vim.Folder, vim.ComputeResource, vim.Datastore, vim.Network)
        for entity in client.all(kind)
    }
    cluster = 'fra-cluster-01'
    assert {
        ('Frankfurt', 'vm'),
        ('Frankfurt', 'host'),
        ('Frankfurt', 'datastore'),
        ('Frankfurt', 'network'),
        ('vm', 'Production'),
        ('Production', 'Production databases'),
        ('host', cluster),
        ('host', 'esx-fra-003.example.net'),
        ('datastore', 'fra-nfs-01'),
        ('datastore', 'fra-vsan-01'),
        ('datastore', 'fra-pod-01'),
        ('fra-pod-01', 'fra-pod-01-vmfs-01'),
        ('network', 'VM Network'),
        ('network', 'fra-dv01-web-01'),
    } <= tree
    assert [host.name for host in client.at(f'Frankfurt/host/{cluster}').host] == [
        'esx-fra-001.example.net',
        'esx-fra-002.example.net',
    ]


def test_every_property_of_every_object_can_be_read(client: Client) -> None:
    """All properties of all entities reach pyVmomi's decoder, and none is refused."""
    entities = client.all(vim.ManagedEntity)
    query = vmodl.query.PropertyCollector
    spec = query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=entity) for entity in entities],
        propSet=[query.PropertySpec(type=vim.ManagedEntity, all=True)],
    )
    read = client.content.propertyCollector.RetrieveContents([spec])
    assert {one.obj for one in read} == set(entities)
    assert [one.missingSet for one in read if one.missingSet] == []
    assert len(read) > 40
    for one in read:
        names = {property_.name for property_ in one.propSet}
        assert {'name', 'overallStatus', 'permission', 'effectiveRole', 'recentTask'} <= names


def test_a_machine_reads_like_a_machine(client: Client) -> None:
    """Identity, hardware, guest and files of a running machine are there and fit each other."""
    machine = client.at('Frankfurt/vm/Production/fra-app-0003')
    config, summary, guest = machine.config, machine.summary, machine.guest
    assert machine.runtime.powerState == vim.VirtualMachine.PowerState.poweredOn
    assert config.hardware.numCPU == summary.config.numCpu == 2
    assert config.hardware.memoryMB == summary.config.memorySizeMB == 8192
    assert config.uuid == summary.config.uuid != config.instanceUuid
    assert config.files.vmPathName.endswith('] fra-app-0003/fra-app-0003.vmx')
    assert guest.ipAddress == summary.guest.ipAddress
    assert guest.hostName == 'fra-app-0003.example.net'
    disk = next(d for d in config.hardware.device if isinstance(d, vim.vm.device.VirtualDisk))
    assert disk.backing.datastore == machine.datastore[0]
    assert disk.capacityInKB == 60 * 1024 * 1024
    card = next(
        d for d in config.hardware.device if isinstance(d, vim.vm.device.VirtualEthernetCard)
    )
    assert card.macAddress.startswith('00:50:56:')
    assert guest.net[0].macAddress == card.macAddress
    assert guest.net[0].network == machine.network[0].name
    assert summary.storage.committed == sum(file.size for file in machine.layoutEx.file)


def test_hosts_and_datastores_read_like_real_ones(client: Client) -> None:
    """Hardware adds up, and a datastore's kind shows in summary and info alike."""
    cluster = client.at('Frankfurt/host/fra-cluster-01')
    host = cluster.host[0]
    hardware = host.summary.hardware
    assert hardware.cpuModel.startswith('Intel(R) Xeon(R) Gold')
    assert hardware.numCpuThreads == 2 * hardware.numCpuCores == 96
    assert cluster.summary.totalCpu == 2 * hardware.numCpuCores * hardware.cpuMhz
    assert cluster.summary.totalMemory == 2 * hardware.memorySize
    kinds = {
        datastore.summary.type: (type(datastore.info), len(datastore.host))
        for datastore in client.all(vim.Datastore)
    }
    assert kinds == {
        'NFS': (vim.host.NasDatastoreInfo, 3),
        'VMFS': (vim.host.VmfsDatastoreInfo, 3),
        'vsan': (vim.host.VsanDatastoreInfo, 2),
    }


def test_a_port_group_has_its_vlan(client: Client) -> None:
    """A switch's port groups carry the VLAN they were given, the uplinks are a trunk."""
    switch = client.at('Frankfurt/network/fra-dvs-01')
    vlans = {group.name: group.config.defaultPortConfig.vlan.vlanId for group in switch.portgroup}
    assert {name: vlan for name, vlan in vlans.items() if isinstance(vlan, int)} == {
        'fra-dv01-web-01': 1000,
        'fra-dv01-db-02': 1010,
    }
    (uplinks,) = switch.config.uplinkPortgroup
    assert [(one.start, one.end) for one in vlans[uplinks.name]] == [(0, 4094)]


def find(client: Client, how: str, *arguments: Any) -> Any:
    return getattr(client.content.searchIndex, how)(*arguments)


def test_search_by_uuid(client: Client) -> None:
    """Both uuids of a machine and that of a host find it, in its datacenter only, in any case."""
    machine = client.at('Frankfurt/vm/Production/fra-web-0001')
    host = machine.runtime.host
    here = machine.parent.parent.parent
    bios, instance = machine.config.uuid, machine.config.instanceUuid
    assert find(client, 'FindByUuid', None, bios, True, False) == machine
    assert find(client, 'FindByUuid', None, bios.upper(), True) == machine
    assert find(client, 'FindByUuid', here, instance, True, True) == machine
    assert find(client, 'FindAllByUuid', None, instance, True, True) == [machine]
    assert find(client, 'FindByUuid', None, host.summary.hardware.uuid, False) == host
    assert find(client, 'FindByUuid', None, bios, True, True) is None
    assert find(client, 'FindByUuid', None, bios, False) is None
    assert find(client, 'FindAllByUuid', None, bios[::-1], True, False) == []


def test_search_by_address_name_and_file(client: Client) -> None:
    """Guest address, guest name and configuration file each find the machine."""
    machine = client.at('Frankfurt/vm/Production/fra-app-0003')
    datacenter = client.at('Frankfurt')
    host = machine.runtime.host
    assert find(client, 'FindByIp', None, machine.guest.ipAddress, True) == machine
    assert find(client, 'FindAllByIp', datacenter, machine.guest.ipAddress, True) == [machine]
    assert find(client, 'FindByDnsName', None, machine.guest.hostName, True) == machine
    assert find(client, 'FindByDnsName', None, host.name, False) == host
    assert find(client, 'FindByIp', None, '192.0.2.1', True) is None
    path = machine.config.files.vmPathName
    assert find(client, 'FindByDatastorePath', datacenter, path) == machine
    assert find(client, 'FindByDatastorePath', datacenter, path + 'x') is None


def test_search_by_path_and_child(client: Client) -> None:
    """A path leads through folders, clusters and pools; a wrong one to nothing."""
    root = client.content.rootFolder
    cluster = client.at('Frankfurt/host/fra-cluster-01')
    assert client.at('') == root
    assert client.at('/Frankfurt/host/fra-cluster-01/') == cluster
    assert client.at('Frankfurt/host/fra-cluster-01/Resources/gold').owner == cluster
    assert find(client, 'FindByInventoryPath', 'Frankfurt/vm/nothing') is None
    assert find(client, 'FindChild', root, 'Frankfurt') == client.at('Frankfurt')
    assert find(client, 'FindChild', root, 'nothing') is None


def test_a_search_stays_in_its_datacenter() -> None:
    """A look-up that names a datacenter finds nothing of another one."""
    with connected(Inventory(datacenters=2)) as client:
        here, there = client.at('Frankfurt'), client.at('Dublin')
        machine = client.all(vim.VirtualMachine)[-1]
        assert machine.name.startswith('dub-')
        uuid = machine.config.uuid
        assert find(client, 'FindByUuid', None, uuid, True) == machine
        assert find(client, 'FindByUuid', there, uuid, True) == machine
        assert find(client, 'FindByUuid', here, uuid, True) is None
