"""Folders, datacenters and datastore clusters: creation, names, moves, end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyVmomi import vim, vmodl

from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.vsphere import Client, connected, done, failed

MACHINE = 'Frankfurt/vm/Production/fra-web-0001'


@pytest.fixture
def client() -> Iterator[Client]:
    with connected() as made:
        yield made
        assert list(complaints(made.vc.world)) == []
        assert list(consistency_problems(made.vc.world)) == []


def test_folders_are_made_in_every_kind_of_folder(client: Client) -> None:
    """A new folder takes the kind of the one it is in, and a filter on that one sees it."""
    for path, prefix in (
        ('', 'group-d'),
        ('Frankfurt/vm', 'group-v'),
        ('Frankfurt/host', 'group-h'),
        ('Frankfurt/datastore', 'group-s'),
        ('Frankfurt/network', 'group-n'),
    ):
        above = client.at(path)
        with client.seen(above, 'childEntity') as changed:
            made = above.CreateFolder('Project (a1b2)')
        assert changed == ['childEntity']
        assert made._moId.startswith(prefix)
        assert made.childType == above.childType
        assert (made.parent, list(made.childEntity)) == (above, [])


def test_a_taken_name_names_who_has_it(client: Client) -> None:
    """DuplicateName carries name and object, which drivers use to go on with the existing one."""
    above = client.at('Frankfurt/vm')
    with pytest.raises(vim.fault.DuplicateName) as raised:
        above.CreateFolder('Production')
    assert raised.value.name == 'Production'
    assert raised.value.object == client.at('Frankfurt/vm/Production')
    for name in ('', 'n' * 81):
        with pytest.raises(vim.fault.InvalidName):
            above.CreateFolder(name)


def test_names_are_kept_as_paths_need_them(client: Client) -> None:
    """Slashes and percent signs are escaped once; a path finds what has them."""
    above = client.at('Frankfurt/vm')
    assert above.CreateFolder('a/b').name == 'a%2fb'
    assert above.CreateFolder('100%').name == '100%25'
    assert above.CreateFolder('c%2fd').name == 'c%2fd'
    with pytest.raises(vim.fault.DuplicateName):
        above.CreateFolder('a%2fb')
    assert client.at('Frankfurt/vm/a%2fb').parent == above


def test_a_new_datacenter_is_complete(client: Client) -> None:
    """CreateDatacenter makes the four folders; only a folder of datacenters can do it."""
    made = client.content.rootFolder.CreateDatacenter('Oslo')
    folders = [made.vmFolder, made.hostFolder, made.datastoreFolder, made.networkFolder]
    assert [folder.name for folder in folders] == ['vm', 'host', 'datastore', 'network']
    assert all(folder.parent == made for folder in folders)
    assert list(made.datastore) == []
    with pytest.raises(vmodl.fault.NotSupported):
        made.vmFolder.CreateDatacenter('Bergen')
    done(made.Destroy_Task())
    assert [one.name for one in client.all(vim.Datacenter)] == ['Frankfurt']


def test_moves(client: Client) -> None:
    """Machines and folders move within their kind and datacenter, and nowhere else."""
    machine = client.at(MACHINE)
    old, above = machine.parent, client.at('Frankfurt/vm')
    new = above.CreateFolder('Projects')
    with client.seen(machine, 'parent') as changed:
        done(new.MoveIntoFolder_Task([machine]))
    assert changed == ['parent']
    assert machine.parent == new
    assert (machine in new.childEntity, machine in old.childEntity) == (True, False)
    done(new.MoveIntoFolder_Task([old]))
    assert client.at('Frankfurt/vm/Projects/Production') == old
    fault = failed(vim.fault.InvalidFolder, old.MoveIntoFolder_Task([new]))
    assert fault.target == old
    hosts = client.at('Frankfurt/host')
    failed(vmodl.fault.NotSupported, hosts.MoveIntoFolder_Task([machine]))
    elsewhere = client.content.rootFolder.CreateDatacenter('Oslo').vmFolder
    failed(vmodl.fault.NotSupported, elsewhere.MoveIntoFolder_Task([machine]))


def test_a_folder_goes_with_what_is_in_it(client: Client) -> None:
    """Destroying a folder takes all below along, unless a machine there runs."""
    folder = client.at('Frankfurt/vm/Production')
    inside = [one for one in client.all(vim.VirtualMachine) if 'Production' in one.parent.name]
    assert inside
    fault = failed(vim.fault.InvalidPowerState, folder.Destroy_Task())
    assert fault.existingState == 'poweredOn'
    assert all(machine.name for machine in inside)
    for machine in inside:
        if machine.runtime.powerState == 'poweredOn':
            done(machine.PowerOffVM_Task())
    done(folder.Destroy_Task())
    assert client.all(vim.VirtualMachine) == []
    assert 'Production' not in [one.name for one in client.all(vim.Folder)]


@pytest.mark.parametrize('path', ['', 'Frankfurt/vm', 'Frankfurt/datastore'])
def test_folders_that_must_stay(client: Client, path: str) -> None:
    """The root folder and the folders of a datacenter cannot be destroyed."""
    failed(vmodl.fault.NotSupported, client.at(path).Destroy_Task())
    assert client.at(path).name


def test_the_root_folder_has_one_name(client: Client) -> None:
    """The root folder cannot be renamed; a datacenter can, and its path follows."""
    failed(vmodl.fault.NotSupported, client.content.rootFolder.Rename_Task('Root'))
    done(client.at('Frankfurt').Rename_Task('Mainhattan'))
    assert client.at('Mainhattan/vm/Production').name == 'Production'


def test_datastore_clusters(client: Client) -> None:
    """A datastore cluster is made in a datastore folder, takes datastores, and sums them up."""
    folder = client.at('Frankfurt/datastore')
    pod = folder.CreateStoragePod('silver')
    assert (pod.summary.capacity, list(pod.childType)) == (0, ['Datastore'])
    datastore = client.at('Frankfurt/datastore/fra-vmfs-01')
    done(pod.MoveIntoFolder_Task([datastore]))
    assert pod.summary.capacity == datastore.summary.capacity
    assert pod.summary.freeSpace == datastore.summary.freeSpace
    assert datastore in client.at('Frankfurt').datastore
    failed(vim.fault.ResourceInUse, pod.Destroy_Task())
    with pytest.raises(vmodl.fault.NotSupported):
        pod.CreateFolder('below')
    with pytest.raises(vmodl.fault.NotSupported):
        client.at('Frankfurt/vm').CreateStoragePod('bronze')
    done(folder.MoveIntoFolder_Task([datastore]))
    done(pod.Destroy_Task())


def test_datastore_names_are_unique_in_the_datacenter(client: Client) -> None:
    """Two datastores of one datacenter never share a name, whatever their folders."""
    taken = client.at('Frankfurt/datastore/fra-pod-01/fra-pod-01-vmfs-01')
    datastore = client.at('Frankfurt/datastore/fra-nfs-01')
    fault = failed(vim.fault.DuplicateName, datastore.Rename_Task(taken.name))
    assert fault.object == taken
    datastore.RenameDatastore('fra-nfs-gold')
    assert datastore.summary.name == datastore.info.name == 'fra-nfs-gold'
    on_it = datastore.vm[0] if datastore.vm else None
    if on_it is not None:
        assert on_it.config.files.vmPathName.startswith('[fra-nfs-gold] ')


def test_datastores_in_use_stay(client: Client) -> None:
    """A datastore with machines on it cannot be removed, an empty one can."""
    used = next(one for one in client.all(vim.Datastore) if one.vm)
    with pytest.raises(vim.fault.ResourceInUse) as raised:
        used.DestroyDatastore()
    assert raised.value.name == used.name
    empty = next(one for one in client.all(vim.Datastore) if not one.vm)
    hosts = [mount.key for mount in empty.host]
    done(empty.Destroy_Task())
    assert all(empty not in host.datastore for host in hosts)
