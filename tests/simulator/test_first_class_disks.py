"""First class disks under pyVmomi's hands, down to their files, space and policies."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import SoapStubAdapter, VmomiSupport, vim, vmodl, vslm

from oslo_vmware.simulator import Inventory
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.policies import Client as PolicyClient
from tests.simulator.policies import entity, ids
from tests.simulator.transfers import Files, until
from tests.simulator.vsphere import connected, done, failed

MIB = 1024**2
DATA = os.urandom(MIB)
Spec, CloneSpec = vim.vslm.CreateSpec, vim.vslm.CloneSpec
Backing = Spec.DiskFileBackingSpec
DISK = vim.vm.device.VirtualDisk
CHANGE = vim.vm.device.VirtualDeviceSpec
UNKNOWN = vim.vslm.ID(id='6e7bb0c4-2f6f-4f1a-9d39-111111111111')


class Disks(Files):
    """The disks of a datastore, and their manager."""

    @property
    def vslm(self) -> Any:
        return self.client.content.vStorageObjectManager

    @property
    def here(self) -> list[str]:
        return [one.id for one in self.vslm.ListVStorageObject(self.ds)]

    def spec(self, **fields: Any) -> Any:
        kind = fields.pop('provisioningType', 'thin')
        backing = Backing(
            datastore=fields.pop('datastore', self.ds),
            path=fields.pop('path', None),
            provisioningType=kind,
        )
        return Spec(**{'name': 'data', 'capacityInMB': 8, 'backingSpec': backing, **fields})

    def backing(self) -> Any:
        return Backing(datastore=self.ds, provisioningType='thin')

    def move(self) -> Any:
        return vim.vslm.RelocateSpec(backingSpec=self.backing())

    def spec_of_clone(self, name: str = 'clone') -> Any:
        return CloneSpec(name=name, backingSpec=self.backing())

    def make(self, **fields: Any) -> Any:
        """A new disk, as its creation returns it."""
        return done(self.vslm.CreateDisk_Task(self.spec(**fields)))

    def filled(self, data: bytes = DATA, **fields: Any) -> Any:
        """A disk that begins with some data."""
        disk = self.make(**fields)
        self.fill(disk, data)
        return disk

    def fill(self, disk: Any, data: bytes) -> None:
        path = self.extent(disk.config.backing.filePath)
        size = disk.config.capacityInMB * MIB
        self.put(path, data.ljust(size, b'\0'))

    def content(self, path: str, size: int = len(DATA)) -> bytes:
        return self.get(self.extent(path))[:size]

    def extent(self, path: str) -> str:
        return path.removeprefix(f'[{self.name}] ').replace('.vmdk', '-flat.vmdk')

    def retrieve(self, disk: Any) -> Any:
        return self.vslm.RetrieveVStorageObject(disk.config.id, self.ds)

    @contextlib.contextmanager
    def tag(self, category: str, name: str) -> Iterator[None]:
        """Have a tag meanwhile, as somebody makes one by REST."""
        tags = self.vc.world.tags
        made = tags.add_category(category)
        tags.add_tag(made.id, name)
        yield
        tags.remove_category(made.id)

    def machine(self) -> Any:
        """A machine on this datastore that is off."""
        found: Any = next(one for one in self.ds.vm if one.runtime.powerState == 'poweredOff')
        return found


@pytest.fixture(scope='module')
def running() -> Iterator[Disks]:
    with connected(Inventory(vms=6, datacenters=2)) as client:
        disks = Disks(client)
        yield disks
        disks.http.close()


@pytest.fixture
def disks(running: Disks) -> Iterator[Disks]:
    """Whatever a test does, it leaves no disk, no space and no file behind that it has made."""
    free = running.free
    yield running
    for one in running.vslm.ListVStorageObject(running.ds):
        done(running.vslm.DeleteVStorageObject_Task(one, running.ds))
    assert running.free == free
    if 'fcd' in running.names(matchPattern=['fcd']):
        assert running.names('fcd') == []
    world = running.vc.world
    assert list(complaints(world)) == []
    assert list(consistency_problems(world)) == []


def device_of(machine: Any, disk: Any) -> Any:
    """The device that a disk is in a machine; None if it is none."""
    for one in machine.config.hardware.device:
        if isinstance(one, DISK) and one.vDiskId and one.vDiskId.id == disk.config.id.id:
            return one
    return None


@pytest.mark.parametrize(
    ('kind', 'taken'), [('thin', 0), ('lazyZeroedThick', 8 * MIB), ('eagerZeroedThick', 8 * MIB)]
)
def test_a_disk_is_made_found_and_deleted(disks: Disks, kind: str, taken: int) -> None:
    """CreateDisk_Task makes a disk with an id and two files; it takes its kind's space, is listed
    and retrieved as it was made, and is gone after DeleteVStorageObject_Task.
    """
    free = disks.free
    made = disks.make(name='db', provisioningType=kind, keepAfterDeleteVm=True)
    config = made.config
    assert (config.name, config.capacityInMB, config.keepAfterDeleteVm) == ('db', 8, True)
    assert (config.backing.datastore, config.backing.provisioningType) == (disks.ds, kind)
    assert (config.consumptionType, config.consumerId) == (['disk'], [])
    assert config.backing.filePath.startswith(f'[{disks.name}] fcd/')
    assert free - disks.free == taken + 512
    assert disks.here == [config.id.id]
    assert disks.retrieve(made).config.name == 'db'
    assert len(disks.names('fcd')) == 2
    disks.vslm.RenameVStorageObject(config.id, disks.ds, 'logs')
    assert disks.retrieve(made).config.name == 'logs'
    assert disks.vslm.RetrieveVStorageObjectState(config.id, disks.ds).tentative is False
    done(disks.vslm.DeleteVStorageObject_Task(config.id, disks.ds))
    assert (disks.here, disks.free) == ([], free)
    with pytest.raises(vim.fault.NotFound):
        disks.retrieve(made)


BAD_SPECS = {
    'no size': ({'capacityInMB': 0}, vmodl.fault.InvalidArgument),
    'beyond the limit': ({'capacityInMB': 63 * MIB}, vmodl.fault.InvalidArgument),
    'no name': ({'name': ''}, vmodl.fault.InvalidArgument),
    'no such kind': ({'provisioningType': 'thicker'}, vmodl.fault.InvalidArgument),
    'no such directory': ({'path': 'nowhere'}, vim.fault.FileNotFound),
    'no such policy': (
        {'profile': [vim.vm.DefinedProfileSpec(profileId='none')]},
        vmodl.fault.InvalidArgument,
    ),
    'no room': (
        {'capacityInMB': 60 * MIB, 'provisioningType': 'lazyZeroedThick'},
        vim.fault.NoDiskSpace,
    ),
}


@pytest.mark.parametrize('case', BAD_SPECS)
def test_what_cannot_be_made_is_refused(disks: Disks, case: str) -> None:
    """A specification that makes no sense is the documented fault, and leaves nothing."""
    fields, fault = BAD_SPECS[case]
    failed(fault, disks.vslm.CreateDisk_Task(disks.spec(**fields)))
    assert disks.here == []


def test_a_raw_device_is_refused(disks: Disks) -> None:
    """A mapping of a raw device is NotSupported, which is said."""
    backing = Spec.RawDiskMappingBackingSpec(
        datastore=disks.ds, lunUuid='naa.1', compatibilityMode='physicalMode'
    )
    failed(vmodl.fault.NotSupported, disks.vslm.CreateDisk_Task(disks.spec(backingSpec=backing)))


def test_what_the_server_cannot_do_it_says(disks: Disks) -> None:
    """Encryption, another vCenter and linked clones are NotSupported."""
    disk, manager = disks.make(), disks.vslm
    where = (disk.config.id, disks.ds)
    secret = vim.encryption.CryptoSpecEncrypt(cryptoKeyId=vim.encryption.CryptoKeyId(keyId='k'))
    elsewhere, encrypted = disks.spec_of_clone(), disks.spec_of_clone()
    encrypted.disksCrypto = vim.vslm.DiskCryptoSpec(crypto=secret)
    elsewhere.service = vim.ServiceLocator(
        instanceUuid='other',
        url='https://other',
        credential=vim.ServiceLocator.SAMLCredential(token='t'),
    )
    snapshot = done(manager.VStorageObjectCreateSnapshot_Task(*where, 'before'))
    for task in (
        manager.CreateDisk_Task(disks.spec(crypto=secret)),
        manager.CloneVStorageObject_Task(*where, elsewhere),
        manager.CloneVStorageObject_Task(*where, encrypted),
        manager.CreateDiskFromSnapshot_Task(*where, snapshot, 'made', isLinkedClone=True),
    ):
        failed(vmodl.fault.NotSupported, task)


def test_unknown_disks_are_not_found(disks: Disks) -> None:
    """What is not there is NotFound by every operation; a disk is found on its datastore only."""
    made, manager = disks.make(), disks.vslm
    other = disks.dc.datastore[1]
    for disk_id, place in ((UNKNOWN, disks.ds), (made.config.id, other)):
        with pytest.raises(vim.fault.NotFound):
            manager.RetrieveVStorageObject(disk_id, place)
        for task in (
            manager.DeleteVStorageObject_Task(disk_id, place),
            manager.ExtendDisk_Task(disk_id, place, 16),
            manager.CloneVStorageObject_Task(disk_id, place, disks.spec_of_clone()),
            manager.VStorageObjectCreateSnapshot_Task(disk_id, place, 'none'),
        ):
            failed(vim.fault.NotFound, task)
    failed(vim.fault.NotFound, manager.DeleteSnapshot_Task(made.config.id, disks.ds, UNKNOWN))
    (found,) = manager.RetrieveVStorageObjectAssociations(
        [vim.vslm.vcenter.RetrieveVStorageObjSpec(id=UNKNOWN, datastore=disks.ds)]
    )
    assert isinstance(found.fault, vim.fault.NotFound)


def test_a_disk_grows(disks: Disks) -> None:
    """ExtendDisk_Task makes it larger and keeps its data, never smaller; InflateDisk_Task gives it
    all its space.
    """
    disk, free = disks.filled(), disks.free
    task = disks.vslm.ExtendDisk_Task
    done(task(disk.config.id, disks.ds, 16))
    assert disks.retrieve(disk).config.capacityInMB == 16
    assert disks.content(disk.config.backing.filePath) == DATA
    assert disks.free == free
    failed(vmodl.fault.InvalidArgument, task(disk.config.id, disks.ds, 15))
    done(disks.vslm.InflateDisk_Task(disk.config.id, disks.ds))
    assert disks.retrieve(disk).config.backing.provisioningType == 'eagerZeroedThick'
    assert free - disks.free == 8 * MIB
    assert disks.content(disk.config.backing.filePath) == DATA


def test_a_disk_that_is_there_is_registered(disks: Disks) -> None:
    """RegisterDisk gives a disk's files an id, by the URL that clients have for them; once only,
    and only what is a disk.
    """
    kind = vim.VirtualDiskManager.FileBackedVirtualDiskSpec(
        diskType='thin', adapterType='lsiLogic', capacityKb=4096
    )
    done(disks.disks.CreateVirtualDisk_Task(disks.path('there.vmdk'), disks.dc, kind))
    register = disks.vslm.RegisterDisk
    made = register(disks.url('there.vmdk'), 'mine')
    assert (made.config.name, made.config.capacityInMB) == ('mine', 4)
    assert made.config.backing.filePath == disks.path('there.vmdk')
    assert disks.here == [made.config.id.id]
    with pytest.raises(vim.fault.AlreadyExists) as raised:
        register(disks.url('there.vmdk', dcPath=f'/{disks.datacenter}'))
    assert raised.value.name == made.config.id.id
    disks.put('image.vmdk', b'KDMV and more')
    for url, fault in (
        (disks.url('missing.vmdk'), vim.fault.FileNotFound),
        (disks.url('image.vmdk'), vim.fault.InvalidDiskFormat),
        (disks.url('there.vmdk', dsName='nowhere'), vim.fault.InvalidDatastore),
        (disks.url('there.vmdk', dcPath='Atlantis'), vim.fault.InvalidDatastore),
        ('there.vmdk', vmodl.fault.InvalidArgument),
    ):
        with pytest.raises(fault):
            register(url)
    disks.send('DELETE', 'image.vmdk')


def test_clones_and_moves_keep_the_data(disks: Disks) -> None:
    """CloneVStorageObject_Task makes another disk with the data; RelocateVStorageObject_Task takes
    the disk itself elsewhere, unless it is to stay.
    """
    disk, manager = disks.filled(metadata=[vim.KeyValue(key='a', value='b')]), disks.vslm
    copy = done(
        manager.CloneVStorageObject_Task(disk.config.id, disks.ds, disks.spec_of_clone('copy'))
    )
    assert copy.config.id.id != disk.config.id.id
    assert (copy.config.name, copy.config.capacityInMB) == ('copy', 8)
    assert disks.content(copy.config.backing.filePath) == DATA
    other = disks.dc.datastore[1]
    spec = vim.vslm.RelocateSpec(
        backingSpec=Backing(datastore=other, provisioningType='lazyZeroedThick')
    )
    manager.SetVStorageObjectControlFlags(disk.config.id, disks.ds, ['disableRelocation'])
    assert disks.retrieve(disk).config.relocationDisabled
    task = manager.RelocateVStorageObject_Task
    failed(vim.fault.InvalidState, task(disk.config.id, disks.ds, spec))
    manager.ClearVStorageObjectControlFlags(disk.config.id, disks.ds)
    moved = done(task(disk.config.id, disks.ds, spec))
    assert moved.config.id.id == disk.config.id.id
    assert moved.config.backing.datastore == other
    assert moved.config.backing.provisioningType == 'lazyZeroedThick'
    with pytest.raises(vim.fault.NotFound):
        disks.retrieve(disk)
    back = done(task(disk.config.id, other, vim.vslm.RelocateSpec(backingSpec=disks.backing())))
    assert disks.content(back.config.backing.filePath) == DATA
    with pytest.raises(vmodl.fault.InvalidArgument):
        manager.SetVStorageObjectControlFlags(disk.config.id, disks.ds, ['noSuchFlag'])


def test_snapshots_keep_their_content(disks: Disks) -> None:
    """A snapshot has what the disk had, whatever is written later: a disk is made from it, and the
    disk itself goes back to it. It takes no space of its own, and goes without a trace.
    """
    disk, manager = disks.filled(), disks.vslm
    later, free = os.urandom(MIB), disks.free
    snapshot = done(manager.VStorageObjectCreateSnapshot_Task(disk.config.id, disks.ds, 'before'))
    assert free - disks.free == 512
    (shown,) = manager.RetrieveSnapshotInfo(disk.config.id, disks.ds).snapshots
    assert (shown.id.id, shown.description) == (snapshot.id, 'before')
    details = manager.RetrieveSnapshotDetails(disk.config.id, disks.ds, snapshot)
    assert disks.content(details.path) == DATA
    disks.fill(disk, later)
    # It cannot grow meanwhile, nor leave its snapshots behind.
    failed(vim.fault.InvalidState, manager.ExtendDisk_Task(disk.config.id, disks.ds, 16))
    move = vim.vslm.RelocateSpec(backingSpec=disks.backing())
    failed(
        vim.fault.InvalidState, manager.RelocateVStorageObject_Task(disk.config.id, disks.ds, move)
    )
    made = done(
        manager.CreateDiskFromSnapshot_Task(disk.config.id, disks.ds, snapshot, 'from snapshot')
    )
    assert disks.content(made.config.backing.filePath) == DATA
    assert disks.content(disk.config.backing.filePath) == later
    done(manager.RevertVStorageObject_Task(disk.config.id, disks.ds, snapshot))
    assert disks.content(disk.config.backing.filePath) == DATA
    done(manager.DeleteSnapshot_Task(disk.config.id, disks.ds, snapshot))
    assert manager.RetrieveSnapshotInfo(disk.config.id, disks.ds).snapshots == []
    failed(vim.fault.NotFound, manager.DeleteSnapshot_Task(disk.config.id, disks.ds, snapshot))
    assert disks.content(made.config.backing.filePath) == DATA
    # A disk takes its snapshots along when it is deleted.
    done(manager.VStorageObjectCreateSnapshot_Task(disk.config.id, disks.ds, 'again'))
    done(manager.DeleteVStorageObject_Task(disk.config.id, disks.ds))


def test_a_machine_uses_a_disk(disks: Disks) -> None:
    """AttachDisk_Task makes it a device of the machine, which DetachDisk_Task takes out again;
    meanwhile the disk tells whose it is, belongs to nobody else and cannot be deleted.
    """
    disk, machine, manager = disks.filled(), disks.machine(), disks.vslm
    free = disks.free
    with disks.client.seen(machine, 'config.hardware.device') as changed:
        done(machine.AttachDisk_Task(disk.config.id, disks.ds))
    assert changed
    device = device_of(machine, disk)
    assert device.backing.fileName == disk.config.backing.filePath
    assert (device.capacityInBytes, device.backing.datastore) == (8 * MIB, disks.ds)
    assert disks.free == free
    (consumer,) = disks.retrieve(disk).config.consumerId
    assert consumer.id == machine.config.instanceUuid
    (found,) = manager.RetrieveVStorageObjectAssociations(
        [vim.vslm.vcenter.RetrieveVStorageObjSpec(id=disk.config.id, datastore=disks.ds)]
    )
    (used,) = found.vmDiskAssociations
    assert (used.vmId, used.diskKey) == (machine.config.instanceUuid, device.key)
    failed(vim.fault.InvalidState, machine.AttachDisk_Task(disk.config.id, disks.ds))
    failed(vim.fault.InvalidState, manager.DeleteVStorageObject_Task(disk.config.id, disks.ds))
    # It may grow, and its device with it, as long as the machine is off.
    done(manager.ExtendDisk_Task(disk.config.id, disks.ds, 16))
    assert device_of(machine, disk).capacityInBytes == 16 * MIB
    done(machine.CreateSnapshot_Task('before', '', False, False))
    failed(vim.fault.InvalidState, manager.ExtendDisk_Task(disk.config.id, disks.ds, 32))
    failed(vim.fault.InvalidState, machine.DetachDisk_Task(disk.config.id))
    done(machine.RemoveAllSnapshots_Task())
    done(machine.PowerOnVM_Task())
    failed(vim.fault.InvalidState, manager.ExtendDisk_Task(disk.config.id, disks.ds, 32))
    done(machine.DetachDisk_Task(disk.config.id))
    done(machine.PowerOffVM_Task())
    assert device_of(machine, disk) is None
    assert disks.content(disk.config.backing.filePath) == DATA
    assert disks.retrieve(disk).config.consumerId == []
    failed(vim.fault.NotFound, machine.DetachDisk_Task(disk.config.id))
    failed(vim.fault.NotFound, machine.AttachDisk_Task(UNKNOWN, disks.ds))


def test_where_a_disk_is_attached(disks: Disks) -> None:
    """A disk goes to the controller and unit that are named, without them to the only controller;
    where there is none, or which is not clear, it is refused.
    """
    disk, machine = disks.make(), disks.machine()
    controller = vim.vm.device.VirtualLsiLogicController(key=-1, sharedBus='noSharing')
    attach = machine.AttachDisk_Task
    failed(vim.fault.InvalidController, attach(disk.config.id, disks.ds, 4711))
    change = CHANGE(operation='add', device=controller)
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))
    failed(vmodl.fault.InvalidArgument, attach(disk.config.id, disks.ds))
    done(attach(disk.config.id, disks.ds, 1001, 3))
    device = device_of(machine, disk)
    assert (device.key, device.controllerKey, device.unitNumber) == (2019, 1001, 3)
    done(machine.DetachDisk_Task(disk.config.id))
    controller.key = device.controllerKey
    change = CHANGE(operation='remove', device=controller)
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))
    bare = done(
        disks.dc.vmFolder.CreateVM_Task(
            vim.vm.ConfigSpec(name='bare', files=vim.vm.FileInfo(vmPathName=disks.path())),
            machine.resourcePool,
        )
    )
    failed(vim.fault.MissingController, bare.AttachDisk_Task(disk.config.id, disks.ds))
    done(bare.Destroy_Task())


@pytest.mark.parametrize('snapshot', [True, False])
@pytest.mark.parametrize('kept', [True, False])
def test_what_becomes_of_a_disk_when_its_machine_goes(
    disks: Disks, kept: bool, snapshot: bool
) -> None:
    """With its machine a disk is deleted unless it is to be kept; one that is gone is listed until
    the datastore is reconciled.
    """
    machine = done(
        disks.dc.vmFolder.CreateVM_Task(
            vim.vm.ConfigSpec(
                name='short-lived',
                files=vim.vm.FileInfo(vmPathName=disks.path()),
                deviceChange=[
                    CHANGE(
                        operation='add',
                        device=vim.vm.device.ParaVirtualSCSIController(
                            key=-1, sharedBus='noSharing'
                        ),
                    )
                ],
            ),
            disks.machine().resourcePool,
        )
    )
    disk = disks.filled(keepAfterDeleteVm=kept)
    done(machine.AttachDisk_Task(disk.config.id, disks.ds))
    if snapshot:
        done(machine.CreateSnapshot_Task('before', '', False, False))
    done(machine.Destroy_Task())
    assert disks.here == [disk.config.id.id]
    done(disks.vslm.ReconcileDatastoreInventory_Task(disks.ds))
    if kept:
        assert disks.content(disk.config.backing.filePath) == DATA
    else:
        assert disks.here == []


def test_a_disk_that_moves_with_its_machine(disks: Disks) -> None:
    """A disk is found at the new place of the machine that it is attached to, and a clone of the
    machine has a disk like it but not it.
    """
    machine, other = disks.machine(), disks.dc.datastore[1]
    disk = disks.filled()
    done(machine.AttachDisk_Task(disk.config.id, disks.ds))
    spec = vim.vm.CloneSpec(location=vim.vm.RelocateSpec(), powerOn=False, template=False)
    clone = done(machine.CloneVM_Task(machine.parent, 'like it', spec))
    assert device_of(clone, disk) is None
    done(clone.Destroy_Task())
    done(machine.RelocateVM_Task(vim.vm.RelocateSpec(datastore=other)))
    found = disks.vslm.RetrieveVStorageObject(disk.config.id, other)
    assert found.config.backing.filePath == device_of(machine, disk).backing.fileName
    done(machine.RelocateVM_Task(vim.vm.RelocateSpec(datastore=disks.ds)))
    done(machine.DetachDisk_Task(disk.config.id))


def test_policies_of_disks(disks: Disks) -> None:
    """A disk has a policy from the start or later, alone and in a machine, and PBM tells of it."""
    client = PolicyClient(disks.client.si, disks.vc)
    gold, silver = client.named('Gold').profileId, client.named('Silver').profileId
    profile = [vim.vm.DefinedProfileSpec(profileId=gold.uniqueId)]
    disk = disks.make(profile=profile)
    itself = entity('virtualDiskUUID', disk.config.id.id)
    query = client.profiles.QueryAssociatedProfile
    assert ids(query(entity=itself)) == [gold.uniqueId]
    (result,) = client.content.complianceManager.CheckCompliance(entities=[itself])
    assert result.complianceStatus in ('compliant', 'nonCompliant')
    machine, task = disks.machine(), disks.vslm.UpdateVStorageObjectPolicy_Task
    done(machine.AttachDisk_Task(disk.config.id, disks.ds))
    key = f'{machine._moId}:{device_of(machine, disk).key}'
    device = entity('virtualDiskId', key)
    assert ids(query(entity=device)) == [gold.uniqueId]
    other = [vim.vm.DefinedProfileSpec(profileId=silver.uniqueId)]
    done(task(disk.config.id, disks.ds, other))
    assert [ids(query(entity=one)) for one in (itself, device)] == [[silver.uniqueId]] * 2
    done(machine.DetachDisk_Task(disk.config.id))
    done(task(disk.config.id, disks.ds, [vim.vm.EmptyProfileSpec()]))
    assert query(entity=itself) == []
    unknown = [vim.vm.DefinedProfileSpec(profileId='none')]
    failed(vmodl.fault.InvalidArgument, task(disk.config.id, disks.ds, unknown))
    client.stub.DropConnections()


def test_metadata_and_tags(disks: Disks) -> None:
    """A disk carries pairs of strings, and tags that there are, by which it is found."""
    disk, manager = disks.make(metadata=[vim.KeyValue(key='a', value='1')]), disks.vslm
    update = manager.VCenterUpdateVStorageObjectMetadataEx_Task
    shown = done(
        update(disk.config.id, disks.ds, [vim.KeyValue(key='b', value='2')], ['a', 'none'])
    )
    assert {one.key: one.value for one in shown.config.metadata} == {'b': '2'}
    with disks.tag('k8s-region', 'us-west'):
        manager.AttachTagToVStorageObject(disk.config.id, 'k8s-region', 'us-west')
        (found,) = manager.ListVStorageObjectsAttachedToTag('k8s-region', 'us-west')
        assert found.id == disk.config.id.id
        (tag,) = manager.ListTagsAttachedToVStorageObject(disk.config.id)
        assert (tag.parentCategoryName, tag.tagName) == ('k8s-region', 'us-west')
        manager.DetachTagFromVStorageObject(disk.config.id, 'k8s-region', 'us-west')
        assert manager.ListTagsAttachedToVStorageObject(disk.config.id) == []
        with pytest.raises(vim.fault.NotFound):
            manager.DetachTagFromVStorageObject(disk.config.id, 'k8s-region', 'us-west')
    with pytest.raises(vim.fault.NotFound):
        manager.AttachTagToVStorageObject(disk.config.id, 'k8s-region', 'us-west')


def manager_of(host: Any) -> Any:
    """A host's manager, which no property names."""
    moid = f'vStorageObjectManager-{host._moId.rpartition("-")[2]}'
    return vim.vslm.host.VStorageObjectManager(moid, host._stub)


def test_life_of_a_disk_of_a_host(disks: Disks) -> None:
    """A host's manager makes, copies, moves and deletes disks on the datastores that it has
    mounted, under names of its own.
    """
    host = disks.ds.host[0].key
    manager = manager_of(host)
    disk = done(manager.HostCreateDisk_Task(disks.spec(name='local')))
    disks.fill(disk, DATA)
    where = (disk.config.id, disks.ds)
    assert [one.id for one in manager.HostListVStorageObject(disks.ds)] == disks.here
    copy = done(manager.HostCloneVStorageObject_Task(*where, disks.spec_of_clone()))
    done(manager.HostInflateDisk_Task(copy.config.id, disks.ds))
    move = vim.vslm.RelocateSpec(
        backingSpec=Backing(datastore=disks.ds, provisioningType='lazyZeroedThick')
    )
    moved = done(manager.HostRelocateVStorageObject_Task(*where, move))
    assert moved.config.id.id == disk.config.id.id
    assert disks.content(moved.config.backing.filePath) == DATA
    manager.HostSetVStorageObjectControlFlags(*where, ['keepAfterDeleteVm'])
    assert manager.HostRetrieveVStorageObject(*where).config.keepAfterDeleteVm
    manager.HostClearVStorageObjectControlFlags(*where, ['keepAfterDeleteVm'])
    assert not manager.HostRetrieveVStorageObject(*where).config.keepAfterDeleteVm
    assert manager.HostRetrieveVStorageObjectState(*where).tentative is False
    done(manager.HostDeleteVStorageObject_Task(*where))
    kind = vim.VirtualDiskManager.FileBackedVirtualDiskSpec(
        diskType='thin', adapterType='lsiLogic', capacityKb=4096
    )
    done(disks.disks.CreateVirtualDisk_Task(disks.path('there.vmdk'), disks.dc, kind))
    made = manager.HostRegisterDisk(disks.url('there.vmdk'))
    assert made.config.name == 'there'
    elsewhere = next(one for one in disks.client.all(vim.Datastore) if one not in host.datastore)
    with pytest.raises(vim.fault.InvalidDatastore):
        manager.HostListVStorageObject(elsewhere)


def test_disks_that_were_deleted_as_files(disks: Disks) -> None:
    """A disk whose files are gone is not found; it is listed until the datastore is reconciled,
    at once or soon.
    """
    manager = manager_of(disks.ds.host[0].key)
    schedule = [
        disks.vslm.ScheduleReconcileDatastoreInventory,
        manager.HostScheduleReconcileDatastoreInventory,
    ]
    for reconcile in [
        *(lambda one=one: (one(disks.ds), until(lambda: not disks.here)) for one in schedule),
        lambda: done(manager.HostReconcileDatastoreInventory_Task(disks.ds)),
    ]:
        disk = disks.make()
        path = disk.config.backing.filePath
        done(disks.disks.DeleteVirtualDisk_Task(path, disks.dc))
        with pytest.raises(vim.fault.NotFound):
            disks.retrieve(disk)
        assert disks.here == [disk.config.id.id]
        reconcile()
        assert disks.here == []


def test_snapshots_and_metadata_of_a_host(disks: Disks) -> None:
    """A snapshot that a host takes has the metadata of its moment as well."""
    manager = manager_of(disks.ds.host[0].key)
    disk = done(manager.HostCreateDisk_Task(disks.spec(name='local')))
    disks.fill(disk, DATA)
    where = (disk.config.id, disks.ds)
    shown = done(
        manager.HostUpdateVStorageObjectMetadataEx_Task(*where, [vim.KeyValue(key='a', value='1')])
    )
    assert [one.value for one in shown.config.metadata] == ['1']
    snapshot = done(manager.HostVStorageObjectCreateSnapshot_Task(*where, 'before'))
    done(
        manager.HostUpdateVStorageObjectMetadata_Task(
            *where, [vim.KeyValue(key='ab', value='2')], ['a']
        )
    )
    metadata = manager.HostRetrieveVStorageObjectMetadata
    assert [one.key for one in metadata(*where, prefix='a')] == ['ab']
    assert [one.key for one in metadata(*where, snapshotId=snapshot)] == ['a']
    value = manager.HostRetrieveVStorageObjectMetadataValue
    assert value(*where, key='ab') == '2'
    with pytest.raises(vim.fault.KeyNotFound):
        value(*where, key='a')
    (shown,) = manager.HostVStorageObjectRetrieveSnapshotInfo(*where).snapshots
    assert shown.id.id == snapshot.id
    made = done(
        manager.HostVStorageObjectCreateDiskFromSnapshot_Task(
            *where, snapshot, 'made', provisioningType='lazyZeroedThick'
        )
    )
    assert made.config.backing.provisioningType == 'lazyZeroedThick'
    assert disks.content(made.config.backing.filePath) == DATA
    done(manager.HostVStorageObjectRevert_Task(*where, snapshot))
    done(manager.HostVStorageObjectDeleteSnapshot_Task(*where, snapshot))
    done(manager.HostExtendDisk_Task(*where, 16))
    manager.HostRenameVStorageObject(*where, 'other')
    config = manager.HostRetrieveVStorageObject(*where).config
    assert (config.name, config.capacityInMB) == ('other', 16)


class Vslm:
    """pyVmomi at /vslm/sdk.

    :ivar manager: the manager of all disks
    """

    def __init__(self, disks: Disks, **options: Any) -> None:
        vc = disks.vc
        cookie = disks.cookie.split('"')[1]
        VmomiSupport.GetRequestContext()['vcSessionCookie'] = cookie
        self.stub = SoapStubAdapter(
            host=vc.host,
            port=vc.port,
            path='/vslm/sdk',
            version='vslm.version.version14',
            sslContext=ssl.create_default_context(cafile=vc.cacert),
        )
        self.content = vslm.ServiceInstance('ServiceInstance', self.stub).RetrieveContent()
        self.manager = self.content.vStorageObjectManager

    def done(self, task: Any) -> Any:
        """The result of a task, which is asked for its state."""
        until(lambda: task.QueryInfo().state in ('success', 'error'))
        info = task.QueryInfo()
        if info.state == 'error':
            raise info.error
        assert info.completeTime >= info.queueTime
        return task.QueryResult()


@pytest.fixture
def service(disks: Disks) -> Iterator[Vslm]:
    made = Vslm(disks)
    yield made
    made.stub.DropConnections()


def test_vslm_knows_disks_by_their_ids(disks: Disks, service: Vslm) -> None:
    """At VSLM's endpoint the life of a disk is the same, and no operation names a datastore; what
    one service does the other sees.
    """
    about = service.content.aboutInfo
    assert about.instanceUuid == disks.client.content.about.instanceUuid
    manager, result = service.manager, service.done
    disk = result(manager.CreateDisk(disks.spec(name='global')))
    disks.fill(disk, DATA)
    disk_id = disk.config.id
    assert disks.here == [disk_id.id]
    assert manager.RetrieveVStorageObject(disk_id).config.name == 'global'
    assert manager.RetrieveVStorageObjectState(disk_id).tentative is False
    snapshot = result(manager.CreateSnapshot(disk_id, 'before'))
    assert [one.id.id for one in manager.RetrieveSnapshotInfo(disk_id).snapshots] == [snapshot.id]
    assert manager.RetrieveSnapshotDetails(disk_id, snapshot).path.startswith(f'[{disks.name}]')
    made = result(manager.CreateDiskFromSnapshot(disk_id, snapshot, 'made'))
    assert disks.content(made.config.backing.filePath) == DATA
    result(manager.RevertVStorageObject(disk_id, snapshot))
    result(manager.DeleteSnapshot(disk_id, snapshot))
    copy = result(manager.CloneVStorageObject(disk_id, disks.spec_of_clone()))
    result(manager.RelocateVStorageObject(copy.config.id, disks.move()))
    result(manager.InflateDisk(copy.config.id))
    result(manager.ExtendDisk(disk_id, 16))
    manager.RenameVStorageObject(disk_id, 'other')
    manager.SetVStorageObjectControlFlags(disk_id, ['keepAfterDeleteVm'])
    manager.ClearVStorageObjectControlFlags(disk_id, ['enableChangedBlockTracking'])
    config = disks.retrieve(disk).config
    assert (config.name, config.capacityInMB, config.keepAfterDeleteVm) == ('other', 16, True)
    result(manager.DeleteVStorageObject(copy.config.id))
    with pytest.raises(vim.fault.NotFound):
        result(manager.ExtendDisk(copy.config.id, 16))
    with pytest.raises(vim.fault.NotFound):
        manager.RetrieveVStorageObject(copy.config.id)
    # A task is the vCenter's as well, which has ended it already.
    task = manager.ReconcileDatastoreInventory(disks.ds)
    result(task)
    assert vim.Task(task._moId, disks.client.si._stub).info.state == 'success'
    with pytest.raises(vim.fault.InvalidState):
        task.Cancel()
    manager.ScheduleReconcileDatastoreInventory(disks.ds)
    service.content.sessionManager.Logout()


def test_a_task_of_vslm_is_cancelled(disks: Disks, service: Vslm) -> None:
    """A task that has been cancelled ends with RequestCanceled and does nothing."""
    world = disks.vc.world
    usual, world.task_seconds = world.task_seconds, 60.0
    try:
        task = service.manager.CreateDisk(disks.spec())
        task.Cancel()
    finally:
        world.task_seconds = usual
    with pytest.raises(vmodl.fault.RequestCanceled):
        service.done(task)
    assert disks.here == []


def test_metadata_of_disks(disks: Disks, service: Vslm) -> None:
    """Metadata is set and deleted by key, found by prefix, and a snapshot keeps that of its moment;
    tags and policies are there, too.
    """
    manager, result = service.manager, service.done
    disk = disks.make().config.id
    pairs = [vim.KeyValue(key=key, value=key.upper()) for key in ('a', 'ab', 'b')]
    result(manager.UpdateVStorageObjectMetadata(disk, pairs))
    snapshot = result(manager.CreateSnapshot(disk, 'before'))
    result(manager.UpdateVStorageObjectMetadata(disk, deleteKeys=['a']))
    metadata = manager.RetrieveVStorageObjectMetadata
    assert [one.key for one in metadata(disk, prefix='a')] == ['ab']
    assert [one.value for one in metadata(disk, snapshot)] == ['A', 'AB', 'B']
    assert manager.RetrieveVStorageObjectMetadataValue(disk, key='b') == 'B'
    with pytest.raises(vim.fault.KeyNotFound):
        manager.RetrieveVStorageObjectMetadataValue(disk, key='a')
    with disks.tag('region', 'west'):
        manager.AttachTagToVStorageObject(disk, 'region', 'west')
        (found,) = manager.ListVStorageObjectsAttachedToTag('region', 'west')
        assert found.id == disk.id
        (tag,) = manager.ListTagsAttachedToVStorageObject(disk)
        assert (tag.parentCategoryName, tag.tagName) == ('region', 'west')
        manager.DetachTagFromVStorageObject(disk, 'region', 'west')
    result(manager.UpdateVStorageObjectPolicy(disk, [vim.vm.EmptyProfileSpec()]))


QUERIES = {
    'nothing asked': ([], 'abc'),
    'by name': ([('name', 'equals', 'a')], 'a'),
    'one of several values': ([('name', 'equals', 'a', 'c')], 'ac'),
    'both parts': ([('capacity', 'greaterThan', '8'), ('name', 'notEquals', 'c')], 'b'),
    'by time': ([('createTime', 'lessThan', '1999-01-01T00:00:00+00:00')], ''),
    'by metadata': ([('metadataKey', 'startsWith', 'ke')], 'c'),
    'by a value': ([('metadataValue', 'contains', 'alu')], 'c'),
    'what no disk has': ([('backingObjectId', 'equals', 'x')], ''),
}


def test_queries_of_disks(disks: Disks, service: Vslm) -> None:
    """A query finds the disks that satisfy all its parts, and says whether that are all; several
    disks are told of at once, with an error for each that is not there.
    """
    made = {
        'a': disks.make(name='a'),
        'b': disks.make(name='b', capacityInMB=16),
        'c': disks.make(
            name='c', capacityInMB=32, metadata=[vim.KeyValue(key='key', value='value')]
        ),
    }
    manager, spec = service.manager, vslm.vso.VStorageObjectQuerySpec

    def find(*parts: Any, most: int = 10) -> Any:
        query = [spec(queryField=f, queryOperator=o, queryValue=values) for f, o, *values in parts]
        return manager.ListVStorageObjectsForSpec(query, most)

    for case, (parts, names) in QUERIES.items():
        found = find(*parts)
        assert ''.join(one.name for one in found.queryResults) == names, case
        assert found.allRecordsReturned
    assert not find(most=2).allRecordsReturned
    for part in (
        ('colour', 'equals', 'red'),
        ('name', 'like', 'a'),
        ('capacity', 'contains', '8'),
        ('capacity', 'equals', 'large'),
    ):
        with pytest.raises(vmodl.fault.InvalidArgument):
            find(part)
    there, missing = manager.RetrieveVStorageObjects([made['b'].config.id, UNKNOWN])
    assert (there.capacityInMB, there.diskPath) == (16, made['b'].config.backing.filePath)
    assert there.datastoreUrl == disks.ds.summary.url
    assert isinstance(missing.error, vim.fault.NotFound)
    lifecycle = service.content.storageLifecycleManager
    (place,) = lifecycle.QueryDatastoreInfo(disks.ds.summary.url)
    assert (place.datacenter._moId, place.datastore._moId) == (disks.dc._moId, disks.ds._moId)
    lifecycle.SyncDatastore(disks.ds.summary.url, True)
    with pytest.raises(vim.fault.NotFound):
        lifecycle.SyncDatastore('ds:///nowhere/', True)


def test_vslm_attaches_a_disk(disks: Disks, service: Vslm) -> None:
    """AttachDisk_Task is there for those who have a disk's id and no datastore."""
    disk, machine = disks.make(), disks.machine()
    disk_id = disk.config.id
    service.done(service.manager.AttachDisk(disk_id, machine))
    found, missing = service.manager.RetrieveVStorageObjectAssociations([disk_id, UNKNOWN])
    (used,) = found.vmDiskAssociation
    assert used.diskKey == device_of(machine, disk).key
    assert isinstance(missing.fault, vim.fault.NotFound)
    done(machine.DetachDisk_Task(disk_id))
    kind = vim.VirtualDiskManager.FileBackedVirtualDiskSpec(
        diskType='thin', adapterType='lsiLogic', capacityKb=4096
    )
    done(disks.disks.CreateVirtualDisk_Task(disks.path('there.vmdk'), disks.dc, kind))
    assert service.manager.RegisterDisk(disks.url('there.vmdk')).config.name == 'there'


def test_vslm_wants_a_session(disks: Disks, service: Vslm) -> None:
    """Without VIM's session only the service content is told; what is no object of VSLM's is not
    found.
    """
    VmomiSupport.GetRequestContext()['vcSessionCookie'] = 'none'
    with pytest.raises(vim.fault.NotAuthenticated):
        service.manager.RetrieveVStorageObject(UNKNOWN)
    vslm.ServiceInstance('ServiceInstance', service.stub).RetrieveContent()
    VmomiSupport.GetRequestContext()['vcSessionCookie'] = disks.cookie.split('"')[1]
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        vslm.Task('task-0', service.stub).QueryInfo()
    response = disks.http.get(f'{disks.vc.url}/vslm/vslmService.wsdl', timeout=30)
    assert f'{disks.vc.url}/vslm/sdk' in response.text


def test_vslm_as_govmomi_speaks(disks: Disks) -> None:
    """A request that is in VSLM's namespace throughout, members of VIM's types too, and names no
    version is understood; a result has its type with the prefix that a vCenter writes.
    """

    def call(operation: str, target: str, arguments: str = '') -> str:
        kind, moid = target.split(':')
        envelope = (
            '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>'
            f'<{operation} xmlns="urn:vslm"><_this type="{kind}">{moid}</_this>{arguments}'
            f'</{operation}></Body></Envelope>'
        )
        headers = {'SOAPAction': 'urn:vslm/', 'Cookie': disks.cookie}
        url = f'{disks.vc.url}/vslm/sdk'
        response = disks.http.post(url, data=envelope, headers=headers, timeout=30)
        assert response.status_code == 200, response.text
        return response.text

    created = call(
        'VslmCreateDisk_Task',
        'VslmVStorageObjectManager:VStorageObjectManager',
        '<spec><name>go</name><backingSpec xmlns:XMLSchema-instance='
        '"http://www.w3.org/2001/XMLSchema-instance" XMLSchema-instance:type='
        f'"VslmCreateSpecDiskFileBackingSpec"><datastore type="Datastore">{disks.ds._moId}'
        '</datastore><provisioningType>thin</provisioningType></backingSpec>'
        '<capacityInMB>8</capacityInMB></spec>',
    )
    task = created.partition('type="VslmTask">')[2].partition('<')[0]
    until(lambda: disks.here != [])
    result = call('VslmQueryTaskResult', f'VslmTask:{task}')
    assert 'xmlns:vim25="urn:vim25" xsi:type="vim25:VStorageObject"' in result
    assert disks.here[0] in result
