"""Views, asked by pyVmomi."""

from __future__ import annotations

from typing import Any

import pytest
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory, VCenterSimulator

WIDE = Inventory(datacenters=2, clusters=1, hosts_per_cluster=2, vms=6)


def container_view(si: Any, container: Any, types: list[Any], recursive: bool = True) -> Any:
    return si.content.viewManager.CreateContainerView(container, types, recursive)


def ids(view: Any) -> list[str]:
    return [obj._moId for obj in view.view]


@pytest.mark.vcenter(inventory=WIDE)
@pytest.mark.parametrize(
    'wanted',
    [
        ['VirtualMachine'],
        ['HostSystem'],
        ['ComputeResource'],
        ['ResourcePool'],
        ['Datastore'],
        ['StoragePod'],
        ['Network'],
        ['DistributedVirtualSwitch'],
        ['Folder'],
        ['Datacenter'],
        ['VirtualMachine', 'Datacenter'],
        ['ManagedEntity'],
        [],
    ],
)
def test_a_view_of_the_root_holds_all_of_a_type(
    vcenter: VCenterSimulator, si: Any, wanted: list[str]
) -> None:
    """Each object of the wanted types and of types derived from them is there exactly once."""
    types = [vmodl.ManagedObject if one == 'ManagedObject' else getattr(vim, one) for one in wanted]
    found = ids(container_view(si, si.content.rootFolder, types))
    expected = [
        obj.ref.value
        for obj in list(vcenter.world.objects.values())
        if obj.is_a('ManagedEntity')
        and obj is not vcenter.world.root_folder
        and any(obj.is_a(one) for one in wanted or ['ManagedEntity'])
    ]
    assert sorted(found) == sorted(expected)
    assert expected


@pytest.mark.vcenter(inventory=WIDE)
def test_a_view_that_is_not_recursive_holds_the_children(si: Any) -> None:
    """Without recursion only what is directly in the container counts."""
    root = si.content.rootFolder
    assert ids(container_view(si, root, [], recursive=False)) == [
        one._moId for one in root.childEntity
    ]
    assert ids(container_view(si, root, [vim.VirtualMachine], recursive=False)) == []
    datacenter = root.childEntity[0]
    assert ids(container_view(si, datacenter, [], recursive=False)) == [
        folder._moId
        for folder in (
            datacenter.vmFolder,
            datacenter.hostFolder,
            datacenter.datastoreFolder,
            datacenter.networkFolder,
        )
    ]


@pytest.mark.vcenter(inventory=WIDE)
def test_containers_below_the_root(si: Any) -> None:
    """Datacenters, clusters, hosts and resource pools are containers of what is in them."""
    first, second = si.content.rootFolder.childEntity
    of_first = set(ids(container_view(si, first, [vim.VirtualMachine])))
    of_second = set(ids(container_view(si, second, [vim.VirtualMachine])))
    assert of_first
    assert of_second
    assert not of_first & of_second
    (cluster,) = container_view(si, first, [vim.ClusterComputeResource]).view
    hosts = container_view(si, cluster, [vim.HostSystem]).view
    assert set(hosts) == set(cluster.host)
    assert ids(container_view(si, hosts[0], [])) == [one._moId for one in hosts[0].vm]
    pool = cluster.resourcePool
    assert set(ids(container_view(si, pool, [vim.ResourcePool]))) == {
        one._moId for one in pool.resourcePool
    }


def test_a_view_follows_the_inventory(
    vcenter: VCenterSimulator, si: Any, machines: list[Any]
) -> None:
    """What is created appears in an existing view, what is destroyed goes."""
    folders = container_view(si, si.content.rootFolder, [vim.Folder])
    before = ids(folders)
    made = machines[0].parent.CreateFolder('test_folder')
    assert set(ids(folders)) - set(before) == {made._moId}
    WaitForTask(made.Destroy_Task())
    assert ids(folders) == before


def test_wrong_containers_and_types(si: Any, machines: list[Any]) -> None:
    """A machine or a datastore contains nothing that could be viewed."""
    datastore = machines[0].datastore[0]
    for container in (machines[0], datastore):
        with pytest.raises(vmodl.fault.InvalidArgument):
            container_view(si, container, [])


def test_a_view_can_be_destroyed(si: Any) -> None:
    """A destroyed view is gone; ListView and ContainerView alike."""
    manager = si.content.viewManager
    for view in (
        container_view(si, si.content.rootFolder, []),
        manager.CreateListView([si.content.rootFolder]),
    ):
        view.DestroyView()
        with pytest.raises(vmodl.fault.ManagedObjectNotFound):
            _ = view.view


def test_properties_of_a_container_view(si: Any) -> None:
    """A view tells what it was made of."""
    view = container_view(si, si.content.rootFolder, [vim.VirtualMachine])
    assert view.container == si.content.rootFolder
    assert view.recursive is True
    assert list(view.type) == ['VirtualMachine']


def test_list_views(si: Any, machines: list[Any]) -> None:
    """A list view holds what it is told, without what does not exist."""
    manager = si.content.viewManager
    gone = vim.VirtualMachine('vm-99999', si._stub)
    view = manager.CreateListView(machines[:2])
    assert list(view.view) == machines[:2]
    assert view.ModifyListView(add=[machines[2], gone], remove=[machines[0]]) == [gone]
    assert list(view.view) == machines[1:3]
    assert view.ResetListView([machines[3], gone]) == [gone]
    assert list(view.view) == [machines[3]]
    copied = manager.CreateListViewFromView(view)
    assert list(copied.view) == [machines[3]]
    everything = container_view(si, si.content.rootFolder, [vim.VirtualMachine])
    copied.ResetListViewFromView(everything)
    assert set(copied.view) == set(machines)
