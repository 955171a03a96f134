"""The inventory that a simulated server starts with, without a server."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from oslo_vmware.simulator.inventory import Inventory
from oslo_vmware.simulator.objects.vm import cards, views
from oslo_vmware.simulator.objects.vm.virtual_machine import VirtualMachine
from oslo_vmware.simulator.world.registry import World
from tests.simulator.inventories import call, complaints, consistency_problems, made

SHAPES = {
    'default': Inventory(),
    'empty': Inventory(datacenters=0, vms=0),
    'bare': Inventory(
        vms=0, clusters=0, vsan_datastores=0, standalone_hosts=0, storage_pods=0, dvs=0
    ),
    'one host': Inventory(clusters=0, vsan_datastores=0, vms=3),
    'only vsan': Inventory(
        standalone_hosts=0, nfs_datastores=0, vmfs_datastores=0, storage_pods=0, vms=5
    ),
    'no network': Inventory(networks=0, dvs=0),
    'wide': Inventory(
        datacenters=8,
        clusters=3,
        hosts_per_cluster=4,
        resource_pools=5,
        folders=14,
        vms=200,
        nfs_datastores=2,
        vmfs_datastores=3,
        vsan_datastores=2,
        storage_pods=2,
        networks=4,
        dvs=2,
        portgroups_per_dvs=9,
        powered_on=0.4,
    ),
}


def used(world: World) -> World:
    """A world in which everything that changes the shape of a machine has happened."""
    machines = list(world.of_type(VirtualMachine))
    running = [machine for machine in machines if machine.running]
    stopped = [machine for machine in machines if not machine.running]
    call(running[0], 'SuspendVM_Task')
    call(running[1], 'ShutdownGuest')
    call(stopped[0], 'MarkAsTemplate')
    call(stopped[1], 'Destroy_Task')
    return world


@pytest.mark.parametrize('shape', SHAPES)
def test_every_property_is_as_the_schema_says(shape: str) -> None:
    """pyVmomi's type tables agree with each property of each object, down to the leaves."""
    assert list(complaints(made(SHAPES[shape]))) == []


@pytest.mark.parametrize('shape', SHAPES)
def test_objects_agree_about_each_other(shape: str) -> None:
    """What one object says of another, the other says too, and sizes add up."""
    assert list(consistency_problems(made(SHAPES[shape]))) == []


def test_used_objects_are_as_good_as_new_ones() -> None:
    """Suspended machines, templates and gaps fit the schema and each other as well."""
    world = used(made())
    assert list(complaints(world)) == []
    assert list(consistency_problems(world)) == []


def test_counts_are_those_asked_for() -> None:
    """Each number of an Inventory is the number of objects that there are."""
    world = made(SHAPES['wide'])
    counted: dict[str, int] = {}
    for found in world.objects.values():
        counted[found.wire_type] = counted.get(found.wire_type, 0) + 1
    assert counted == {
        'Folder': 1 + 8 * (4 + 14),
        'Datacenter': 8,
        'ClusterComputeResource': 8 * 3,
        'ComputeResource': 8,
        'EnvironmentBrowser': 8 * 4,
        'HostSystem': 8 * 13,
        'ResourcePool': 8 * (3 * 6 + 1),
        'Datastore': 8 * (2 + 3 + 2 + 2 * 2),
        'HostDatastoreBrowser': 8 * (13 + 11),
        'StoragePod': 8 * 2,
        'Network': 8 * 4,
        'VmwareDistributedVirtualSwitch': 8 * 2,
        'DistributedVirtualPortgroup': 8 * 2 * 10,
        'VirtualMachine': 200,
        'ExtensionManager': 1,
        'SearchIndex': 1,
    }
    machines = list(world.of_type(VirtualMachine))
    assert sum(machine.running for machine in machines) == 80


def test_same_seed_same_inventory() -> None:
    """A seed fixes every id, uuid and value; another one gives other uuids."""

    def shown(world: World) -> list[Any]:
        return [
            (machine.ref, machine.name, machine.config, machine.network, machine.runtime)
            for machine in world.of_type(VirtualMachine)
        ]

    assert repr(shown(made(seed=7))) == repr(shown(made(seed=7)))
    uuids = {machine.uuid for seed in (7, 8) for machine in made(seed=seed).of_type(VirtualMachine)}
    assert len(uuids) == 16


@pytest.mark.parametrize(
    ('numbers', 'text'),
    [
        ({'vms': -1}, 'vms is a count from 0 on, not -1'),
        ({'hosts_per_cluster': 1.5}, 'hosts_per_cluster is a count'),
        ({'folders': True}, 'folders is a count'),
        ({'powered_on': 1.5}, 'powered_on is a share from 0 to 1, not 1.5'),
        ({'datacenters': 0}, '8 machines need a datacenter'),
        ({'clusters': 0, 'standalone_hosts': 0, 'vsan_datastores': 0}, '8 machines need hosts'),
        ({'vsan_datastores': 2}, '2 vSAN datastores need as many clusters'),
        (
            {'nfs_datastores': 0, 'vmfs_datastores': 0, 'storage_pods': 0},
            'some machines would have no datastore in reach',
        ),
    ],
)
def test_impossible_inventories_are_refused(numbers: dict[str, Any], text: str) -> None:
    """Numbers that make no inventory are a ValueError that says which and what to give."""
    with pytest.raises(ValueError, match=text):
        Inventory(**numbers)


def test_one_address_and_one_mac_per_machine() -> None:
    """No two of five thousand machines share an address or a MAC."""
    machines = list(made(Inventory.large(5000, powered_on=1.0)).of_type(VirtualMachine))
    addresses = [views.ip_address(one) for one in machines if one.tools]
    assert len(set(addresses)) == len(addresses) > 4000
    assert len({cards.mac_address(one, 0) for one in machines}) == 5000


def test_ten_thousand_machines_are_small() -> None:
    """An inventory of 10,000 machines takes less than 60 MiB: what can be derived is not kept."""
    tracemalloc.start()
    try:
        world = made(Inventory(vms=10_000, clusters=1, hosts_per_cluster=2))
        size, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(world.objects) > 10_000
    assert size < 60 * 2**20
