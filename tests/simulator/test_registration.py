"""Machines that are registered from their files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.vsphere import Client, connected, done, failed

NFS = '[fra-nfs-01]'


@pytest.fixture(scope='module')
def server() -> Iterator[Client]:
    with connected(Inventory(vms=12, vsan_datastores=0)) as made:
        yield made
        assert list(complaints(made.vc.world)) == []
        assert list(consistency_problems(made.vc.world)) == []


@pytest.fixture
def pool(server: Client) -> Any:
    return server.at('Frankfurt/host/fra-cluster-01').resourcePool


@pytest.fixture
def folder(server: Client) -> Any:
    return server.at('Frankfurt/vm')


@pytest.fixture
def stopped(server: Client, pool: Any) -> Any:
    return next(
        vm for vm in server.all(vim.VirtualMachine)
        if vm.runtime.powerState == 'poweredOff' and vm.runtime.host.parent == pool.owner
        and vm.config.hardware.device[-1].key == 4000
    )  # fmt: skip


def upload(server: Client, path: str, text: str) -> None:
    """Put a file on the NFS datastore."""
    server.content.fileManager.MakeDirectory(
        f'{NFS} {path.partition("/")[0]}', server.at('Frankfurt'), True
    )
    answer = requests.put(
        f'{server.vc.url}/folder/{path}?dcPath=Frankfurt&dsName=fra-nfs-01',
        data=text.encode(),
        headers={'Cookie': server.si._stub.cookie},
        verify=server.vc.cacert,
        timeout=30,
    )
    assert answer.ok, answer.text


def hardware(vm: Any) -> list[tuple[Any, ...]]:
    """What a machine is made of."""
    found = vm.config
    return [
        (found.guestId, found.version, found.hardware.numCPU, found.hardware.memoryMB),
        (found.uuid, found.instanceUuid, found.annotation, found.tools.toolsVersion),
        *(
            (type(one), one.key, one.unitNumber, getattr(one, 'macAddress', None),
             getattr(one, 'capacityInKB', None), one.backing and vars(one.backing).get('fileName'))
            for one in sorted(found.hardware.device, key=lambda one: one.key)
        ),
    ]  # fmt: skip


def test_a_machine_comes_back_as_it_was(server: Client, folder: Any, stopped: Any) -> None:
    """What is unregistered and registered again has the same hardware, disks, cards and ids."""
    vm, pool = stopped, stopped.resourcePool
    spec = vim.vm.ConfigSpec(
        annotation='two "lines"\nand a | bar', firmware='efi', numCPUs=4, numCoresPerSocket=2,
        extraConfig=[vim.OptionValue(key='guestinfo.mark', value='17')],
    )  # fmt: skip
    done(vm.ReconfigVM_Task(spec))
    done(vm.Rename_Task('renamed'))
    path, name, before = vm.config.files.vmPathName, vm.name, hardware(vm)
    used = vm.summary.storage.committed
    host, networks = vm.runtime.host, list(vm.network)
    vm.UnregisterVM()
    made = done(folder.RegisterVM_Task(path, None, False, pool, host))
    assert (made.name, made.parent, made.resourcePool) == (name, folder, pool)
    assert hardware(made) == before
    assert (made.runtime.host, list(made.network)) == (host, networks)
    assert made.config.annotation == 'two "lines"\nand a | bar'
    assert made.config.hardware.numCoresPerSocket == 2
    assert 'guestinfo.mark' in {option.key for option in made.config.extraConfig}
    assert made.summary.storage.committed == used
    failed(vim.fault.AlreadyExists, folder.RegisterVM_Task(path, 'again', False, pool, None))
    done(made.PowerOnVM_Task())


def test_a_template_is_registered_on_a_host(server: Client, folder: Any, pool: Any) -> None:
    """A template has a host and no pool, and another name if one is given."""
    text = 'displayName = "in the file"\nmemSize = "512"\nguestOS = "debian12_64Guest"\n'
    upload(server, 'uploaded/uploaded.vmx', text)
    path, host = f'{NFS} uploaded/uploaded.vmx', pool.owner.host[0]
    made = done(folder.RegisterVM_Task(path, 'golden', True, None, host))
    assert (made.name, made.config.template, made.resourcePool) == ('golden', True, None)
    assert (made.config.hardware.memoryMB, made.config.guestId) == (512, 'debian12_64Guest')
    assert made.config.files.vmPathName == path
    done(made.Destroy_Task())


def test_a_disk_that_is_there_is_attached(server: Client, folder: Any, pool: Any) -> None:
    """Names of disks are relative to the file; a disk that is missing is FileNotFound."""
    upload(server, 'own/own.vmx', (
        'scsi0.present = "TRUE"\nscsi0.virtualDev = "pvscsi"\nscsi0:1.present = "TRUE"\n'
        'scsi0:1.fileName = "data.vmdk"\nethernet0.present = "TRUE"\n'
        'ethernet0.networkName = "no such network"\n'
    ))  # fmt: skip
    path = f'{NFS} own/own.vmx'
    failed(vim.fault.FileNotFound, folder.RegisterVM_Task(path, 'own', False, pool, None))
    spec = vim.VirtualDiskManager.FileBackedVirtualDiskSpec(
        diskType='thin', adapterType='lsiLogic', capacityKb=8192
    )
    disks, place = server.content.virtualDiskManager, server.at('Frankfurt')
    done(disks.CreateVirtualDisk_Task(f'{NFS} own/data.vmdk', place, spec))
    made = done(folder.RegisterVM_Task(path, 'own', False, pool, None))
    (disk,) = [
        one for one in made.config.hardware.device if isinstance(one, vim.vm.device.VirtualDisk)
    ]
    assert (disk.capacityInKB, disk.unitNumber, disk.backing.thinProvisioned) == (8192, 1, True)
    assert list(made.network) == []
    done(made.Destroy_Task())


def test_what_cannot_be_registered(server: Client, folder: Any, pool: Any, stopped: Any) -> None:
    """Each way to be wrong has its fault."""
    upload(server, 'broken/broken.vmx', 'no configuration')
    for path, fault in (
        ('no path', vim.fault.InvalidDatastorePath),
        ('[nowhere] a/a.vmx', vim.fault.InvalidDatastorePath),
        (f'{NFS} a/a.vmx', vim.fault.NotFound),
        (f'{NFS} broken/broken.vmx', vim.fault.InvalidVmConfig),
    ):
        failed(fault, folder.RegisterVM_Task(path, 'x', False, pool, None))
    for template, where, on in (
        (False, None, pool.owner.host[0]),
        (True, pool, None),
        (True, None, None),
    ):
        with pytest.raises(vmodl.fault.InvalidArgument):
            folder.RegisterVM_Task(f'{NFS} a/a.vmx', 'x', template, where, on)
    path, name, home = stopped.config.files.vmPathName, stopped.name, stopped.parent
    stopped.UnregisterVM()
    home.CreateFolder(name)
    failed(vim.fault.DuplicateName, home.RegisterVM_Task(path, None, False, pool, None))
    done(home.RegisterVM_Task(path, 'other', False, pool, None))
