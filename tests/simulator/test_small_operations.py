"""Operations that no other test is about, each with what it is for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyVmomi import vim, vmodl

from tests.simulator.transfers import until
from tests.simulator.vsphere import Client, connected, done

DISK = '[fra-nfs-01] small.vmdk'


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected() as made:
        yield made


@pytest.fixture(scope='module')
def datastore(client: Client) -> vim.Datastore:
    return client.at('Frankfurt/datastore/fra-nfs-01')


@pytest.fixture(scope='module')
def disk(client: Client) -> str:
    """A thin disk of 1 GiB that belongs to no machine."""
    spec = vim.VirtualDiskManager.FileBackedVirtualDiskSpec(
        diskType='thin', adapterType='lsiLogic', capacityKb=1024**2
    )
    datacenter = client.at('Frankfurt')
    done(client.content.virtualDiskManager.CreateVirtualDisk_Task(DISK, datacenter, spec))
    return DISK


def test_a_datastore_is_looked_at_anew(client: Client, datastore: vim.Datastore) -> None:
    """Refreshing changes nothing, since what is shown is what is there, and tells filters."""
    before = datastore.summary.freeSpace
    datastore.RefreshDatastore()
    datastore.RefreshDatastoreStorageInfo()
    assert datastore.summary.freeSpace == before


def test_a_datastore_that_holds_machines_stays(datastore: vim.Datastore) -> None:
    """DestroyDatastore refuses as long as machines lie on it."""
    with pytest.raises(vim.fault.ResourceInUse):
        datastore.DestroyDatastore()


def test_an_empty_datastore_is_destroyed() -> None:
    """DestroyDatastore takes one away that nobody uses, and the hosts do without it."""
    with connected() as client:
        datastore = client.at('Frankfurt/datastore/fra-nfs-01')
        for machine in list(datastore.vm):
            if machine.runtime.powerState != 'poweredOff':
                done(machine.PowerOff())
            done(machine.Destroy())
        hosts = [mount.key for mount in datastore.host]
        datastore.DestroyDatastore()
        assert (
            client.content.searchIndex.FindByInventoryPath('Frankfurt/datastore/fra-nfs-01') is None
        )
        assert not any(datastore in host.datastore for host in hosts)


def test_an_empty_network_is_destroyed() -> None:
    """DestroyNetwork takes a network away that no machine is on."""
    with connected() as client:
        network = next(one for one in client.all(vim.Network) if type(one) is vim.Network)
        for machine in list(network.vm):
            if machine.runtime.powerState != 'poweredOff':
                done(machine.PowerOff())
            done(machine.Destroy())
        network.DestroyNetwork()
        assert network not in client.all(vim.Network)


def test_files_have_an_owner(client: Client, disk: str) -> None:
    """ChangeOwner takes any owner for a file that is there, and no file that is not."""
    manager, datacenter = client.content.fileManager, client.at('Frankfurt')
    manager.ChangeOwner(disk, datacenter, 'somebody')
    with pytest.raises(vim.fault.FileNotFound):
        manager.ChangeOwner('[fra-nfs-01] nothing.vmdk', datacenter, 'somebody')


def test_a_browser_deletes_a_file(client: Client, datastore: vim.Datastore) -> None:
    """DeleteFile of a browser takes away what the FileManager made."""
    client.content.fileManager.MakeDirectory('[fra-nfs-01] gone', client.at('Frankfurt'), False)
    datastore.browser.DeleteFile('[fra-nfs-01] gone')
    with pytest.raises(vim.fault.FileNotFound):
        datastore.browser.DeleteFile('[fra-nfs-01] gone')


def test_a_disk_is_zeroed(client: Client, disk: str) -> None:
    """EagerZeroVirtualDisk_Task gives a disk all the space that it can need."""
    manager, datacenter = client.content.virtualDiskManager, client.at('Frankfurt')
    before = client.at('Frankfurt/datastore/fra-nfs-01').summary.freeSpace
    assert manager.QueryVirtualDiskFragmentation(disk, datacenter) == 0
    done(manager.EagerZeroVirtualDisk_Task(disk, datacenter))
    after = client.at('Frankfurt/datastore/fra-nfs-01').summary.freeSpace
    assert before - after == 1024**3


def test_the_geometry_of_a_disk(client: Client, disk: str) -> None:
    """Heads and sectors are those of a large disk; cylinders follow from the capacity."""
    found = client.content.virtualDiskManager.QueryVirtualDiskGeometry(disk, client.at('Frankfurt'))
    assert (found.head, found.sector) == (255, 63)
    assert found.cylinder == 1024**3 // 512 // (255 * 63)


def test_names_and_locale(client: Client) -> None:
    """Machines are found by the name that their guests have; a session has a language."""
    index = client.content.searchIndex
    running = next(one for one in client.all(vim.VirtualMachine) if one.guest.hostName)
    assert index.FindAllByDnsName(None, running.guest.hostName, True) == [running]
    client.content.sessionManager.SetLocale('de')
    assert client.content.sessionManager.currentSession.locale == 'de'


def test_views_are_made_anew(client: Client) -> None:
    """Reload and the refreshing operations leave machines and pools as they are."""
    machine = client.at('Frankfurt/vm/Production/fra-web-0001')
    before = machine.summary.storage.committed
    machine.Reload()
    machine.RefreshStorageInfo()
    machine.resourcePool.RefreshRuntime()
    assert machine.summary.storage.committed == before


def test_a_task_is_described(client: Client) -> None:
    """An extension says in words what its task is doing."""
    manager = client.content.taskManager
    info = manager.CreateTask(client.content.rootFolder, 'com.example.task', 'vc', False)
    words = vmodl.LocalizableMessage(key='com.example.copying', message='Copying')
    info.task.SetTaskDescription(words)
    assert info.task.info.description.message == 'Copying'
    info.task.SetTaskState('success')


def test_a_guest_starts_anew(client: Client) -> None:
    """RebootGuest leaves a machine running, with a later time of boot."""
    machine = next(
        one
        for one in client.all(vim.VirtualMachine)
        if one.runtime.powerState == 'poweredOn'
        and one.guest.toolsRunningStatus == 'guestToolsRunning'
    )
    before = machine.runtime.bootTime
    machine.RebootGuest()
    until(lambda: machine.runtime.bootTime > before)
    assert machine.runtime.powerState == 'poweredOn'
