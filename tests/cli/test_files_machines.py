"""``put --import`` and ``fetch --vm``: images that become machines, and the other way round."""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import struct
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from oslo_vmware import rw_handles
from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.simulator.test_ovf import descriptor, item
from tests.transfer.disks import content_of, stream_of

from .conftest import Run

CONTENT = bytes(range(256)) * 4000
DISK = stream_of(CONTENT, 2 * 1024 * 1024)


@pytest.fixture(scope='module')
def vc() -> Iterator[VCenterSimulator]:
    """A vCenter with one cluster and a few machines."""
    inventory = Inventory(
        standalone_hosts=0, vms=2, powered_on=0.0, nfs_datastores=0, vmfs_datastores=2,
        vsan_datastores=0, storage_pods=0,
    )  # fmt: skip
    with VCenterSimulator(task_seconds=0.0, inventory=inventory) as simulator:
        yield simulator
    assert simulator.errors == []


class Machines:
    """The machines of a vCenter, by the back door."""

    def __init__(self, vc: VCenterSimulator) -> None:
        self.vc = vc

    def all_of(self, wire_type: str) -> list[Any]:
        return [one for one in self.vc.world.objects.values() if one.wire_type == wire_type]

    @property
    def names(self) -> list[str]:
        return sorted(one.name for one in self.all_of('VirtualMachine'))

    @property
    def store(self) -> str:
        return str(self.all_of('Datastore')[0].name)


@pytest.fixture(scope='module')
def machines(vc: VCenterSimulator) -> Machines:
    return Machines(vc)


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> str:
    path = tmp_path / 'disk.vmdk'
    path.write_bytes(DISK)
    return str(path)


@pytest.fixture(autouse=True)
def left_as_found(vc: VCenterSimulator) -> Iterator[None]:
    """No lease is left, whatever happens."""
    yield
    vc.faults.clear()
    assert vc.nfc.leases == []


def test_a_disk_becomes_a_machine_and_a_disk_again(
    run: Run, machines: Machines, disk: str, tmp_path: pathlib.Path
) -> None:
    """With the content that it had; what is told is what is there."""
    ran = run('put', disk, '--import', 'web', '--datastore', machines.store, '--json')
    assert ran.code == 0, ran.err
    found = ran.data
    assert (found['machine'], found['bytes']) == ('web', len(DISK))
    assert found['sha256'] == hashlib.sha256(DISK).hexdigest()
    assert machines.vc.world.objects[found['id']].name == 'web'
    ran = run('fetch', '--vm', found['id'], str(tmp_path / 'back.vmdk'), '--json')
    assert ran.code == 0, ran.err
    back = (tmp_path / 'back.vmdk').read_bytes()
    assert content_of(back)[: len(CONTENT)] == CONTENT
    assert ran.data['sha256'] == hashlib.sha256(back).hexdigest()
    assert sorted(os.listdir(tmp_path)) == ['back.vmdk', 'disk.vmdk']


def test_a_machine_becomes_an_ova_and_a_machine_again(
    run: Run, machines: Machines, disk: str, tmp_path: pathlib.Path
) -> None:
    """An archive as the standard has it: descriptor, checksums that are right, disk."""
    path = str(tmp_path / 'app.ova')
    assert run('put', disk, '--import', 'app', '--datastore', machines.store).code == 0
    ran = run('fetch', '--vm', 'app', path)
    assert ran.code == 0, ran.err
    with tarfile.open(path) as archive:
        members = {
            one.name: archive.extractfile(one).read()  # type: ignore[union-attr]
            for one in archive
        }
    assert list(members) == ['app.ovf', 'app.mf', 'app-disk1.vmdk']
    for line in members['app.mf'].decode().splitlines():
        name, digest = line.removeprefix('SHA256(').split(')= ')
        assert hashlib.sha256(members[name]).hexdigest() == digest
    assert content_of(members['app-disk1.vmdk'])[: len(CONTENT)] == CONTENT
    ran = run(
        'put',
        path,
        '--import',
        'app-2',
        '--datastore',
        machines.store,
        '--network',
        network(machines),
    )
    assert ran.code == 0, ran.err
    assert 'app-2' in machines.names
    assert run('fetch', '--vm', 'app-2', str(tmp_path / 'again.vmdk')).code == 0
    assert content_of((tmp_path / 'again.vmdk').read_bytes())[: len(CONTENT)] == CONTENT


def network(machines: Machines) -> str:
    return str(machines.all_of('Network')[0].name)


IMPORT_FAULTS = {
    'cut': lambda vc: vc.faults.drop('* /nfc/*', after_bytes=1000),
    'refused': lambda vc: vc.faults.http('* /nfc/*', status=500),
    'no lease': lambda vc: vc.faults.on('ImportVApp', 'NoPermission'),
}


@pytest.mark.parametrize('fault', IMPORT_FAULTS)
def test_an_import_that_fails(run: Run, machines: Machines, disk: str, fault: str) -> None:
    """There is no machine, and it is said why."""
    IMPORT_FAULTS[fault](machines.vc)
    ran = run('put', disk, '--import', 'none', '--datastore', machines.store)
    assert ran.code in (1, 3)
    assert ran.err
    assert 'none' not in machines.names


def test_ctrl_c_while_importing(
    run: Run, machines: Machines, disk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Takes the machine away."""

    def press(self: Any, data: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rw_handles.VmdkWriteHandle, 'write', press)
    assert run('put', disk, '--import', 'none', '--datastore', machines.store).code == 130
    assert 'none' not in machines.names


@pytest.mark.parametrize('ending', ['vmdk', 'ova'])
@pytest.mark.parametrize(
    'fault',
    [
        lambda vc: vc.faults.drop('GET /nfc/*', after_bytes=1000),
        lambda vc: vc.faults.end_early('GET /nfc/*', after_bytes=1000),
        lambda vc: vc.faults.on('ExportVm', 'InvalidPowerState'),
    ],
)
def test_an_export_that_fails(
    run: Run, machines: Machines, tmp_path: pathlib.Path, fault: Any, ending: str
) -> None:
    """There is no file, not even a part of one."""
    fault(machines.vc)
    name = next(one for one in machines.names if one not in ('web', 'app', 'app-2'))
    ran = run('fetch', '--vm', name, str(tmp_path / f'x.{ending}'))
    assert ran.code in (1, 3), ran
    assert ran.err
    assert os.listdir(tmp_path) == []


def archive(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as made:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


SPARSE = struct.pack('<4sIIQ', b'KDMV', 1, 3, 4096) + bytes(500)


@pytest.mark.parametrize(
    ('data', 'more', 'code', 'told'),
    [
        (b'hello', [], 2, 'neither a stream-optimised VMDK nor an OVA'),
        (b'KDMV', [], 2, 'ends too soon'),
        (SPARSE, [], 2, 'qemu-img convert'),
        (archive(('a.txt', b'x')), [], 2, 'without an OVF descriptor'),
        (archive(('a.ovf', b'<x/>')), [], 1, 'image: '),
        (DISK, ['--cluster', 'nowhere'], 4, 'There is no ComputeResource nowhere'),
        (DISK, ['--datastore', 'nowhere'], 4, 'There is no Datastore nowhere'),
        (DISK, ['--cluster', '/'], 2, 'is a Folder, and --cluster wants a ComputeResource'),
        (DISK, [], 2, 'say which with --datastore'),
    ],
)
def test_what_is_no_image_or_has_no_place(
    run: Run, machines: Machines, tmp_path: pathlib.Path, data: bytes, more: list[str], code: int,
    told: str,
) -> None:  # fmt: skip
    """It is said, with what to do, and nothing is imported."""
    path = tmp_path / 'image'
    path.write_bytes(data)
    where = more or (['--datastore', machines.store] if data is not DISK else [])
    ran = run('put', str(path), '--import', 'none', *where)
    assert (ran.code, told in ran.err) == (code, True), ran.err
    assert 'none' not in machines.names


def test_a_machine_that_is_not_there(run: Run, tmp_path: pathlib.Path) -> None:
    """Exit code 4, and no file."""
    ran = run('fetch', '--vm', 'nobody', str(tmp_path / 'x.vmdk'))
    assert (ran.code, 'There is no VirtualMachine nobody' in ran.err) == (4, True)
    assert os.listdir(tmp_path) == []


def test_a_machine_with_several_disks(
    run: Run, machines: Machines, disk: str, tmp_path: pathlib.Path
) -> None:
    """Its first disk comes with a warning; an OVA would not be the machine, and is refused."""
    assert run('put', disk, '--import', 'two', '--datastore', machines.store).code == 0
    machine = next(one for one in machines.all_of('VirtualMachine') if one.name == 'two')
    add_disk(machines.vc, machine)
    ran = run('fetch', '--vm', 'two', str(tmp_path / 'x.ova'))
    assert (ran.code, 'has 2 disks' in ran.err) == (1, True)
    ran = run('fetch', '--vm', 'two', str(tmp_path / 'x.vmdk'))
    assert (ran.code, 'has 2 disks' in ran.err) == (0, True)
    assert sorted(os.listdir(tmp_path)) == ['disk.vmdk', 'x.vmdk']


def add_disk(vc: VCenterSimulator, machine: Any) -> None:
    from .test_files import connected

    with connected(vc) as session:
        create = session.vim.client.factory.create
        disk = create('ns0:VirtualDisk')
        disk.key, disk.controllerKey, disk.unitNumber, disk.capacityInKB = -1, 1000, 1, 1024
        controllers = [one.key for one in machine.config.hardware.device if 'Lsi' in one.wire_type]
        disk.controllerKey = controllers[0]
        disk.backing = create('ns0:VirtualDiskFlatVer2BackingInfo')
        disk.backing.fileName, disk.backing.diskMode = '', 'persistent'
        change = create('ns0:VirtualDeviceConfigSpec')
        change.operation, change.fileOperation, change.device = 'add', 'create', disk
        spec = create('ns0:VirtualMachineConfigSpec')
        spec.deviceChange = [change]
        from oslo_vmware import vim_util

        ref = vim_util.get_moref(machine.ref.value, 'VirtualMachine')
        session.wait_for_task(session.vim.ReconfigVM_Task(ref, spec=spec))


def two_disks(lacks: str = '') -> bytes:
    """An OVA with two disks, and its descriptor."""
    disks = [stream_of(bytes([number]) * 70_000, 1024 * 1024) for number in (1, 2)]
    references = ''.join(
        f'<File ovf:href="two-{n}.vmdk" ovf:id="file{n}" ovf:size="{len(disk)}"/>'
        for n, disk in enumerate(disks)
    )
    shapes = ''.join(
        f'<Disk ovf:capacity="1048576" ovf:diskId="disk{n}" ovf:fileRef="file{n}"/>' for n in (0, 1)
    )
    parts = (
        item(3, 1, VirtualQuantity=1),
        item(4, 2, VirtualQuantity=64, AllocationUnits='byte * 2^20'),
        item(6, 3, Address=0, ResourceSubType='lsilogic'),
        *(
            item(17, 4 + n, AddressOnParent=n, Parent=3, HostResource=f'ovf:/disk/disk{n}')
            for n in (0, 1)
        ),
    )
    text = descriptor(
        *parts, references=f'<References>{references}</References><DiskSection><Info/>{shapes}'
        '</DiskSection>',
        system='<VirtualSystem ovf:id="two"><Info/><VirtualHardwareSection><Info/>{items}'
        '</VirtualHardwareSection></VirtualSystem>',
    )  # fmt: skip
    text = text.replace('UTF-16', 'UTF-8')
    members = [(f'two-{n}.vmdk', disk) for n, disk in enumerate(disks)]
    return archive(('two.ovf', text.encode()), *(one for one in members if one[0] != lacks))


def test_an_ova_with_several_disks(run: Run, machines: Machines, tmp_path: pathlib.Path) -> None:
    """Each disk goes where it belongs, under one lease; the sum is that of the file."""
    path, data = tmp_path / 'two.ova', two_disks()
    path.write_bytes(data)
    ran = run('put', str(path), '--import', 'pair', '--datastore', machines.store, '--json')
    assert ran.code == 0, ran.err
    assert ran.data['sha256'] == hashlib.sha256(data).hexdigest()
    assert run('fetch', '--vm', 'pair', str(tmp_path / 'first.vmdk')).code == 0
    assert content_of((tmp_path / 'first.vmdk').read_bytes())[:70_000] == bytes([1]) * 70_000
    machine = next(one for one in machines.all_of('VirtualMachine') if one.name == 'pair')
    disks = [one for one in machine.config.hardware.device if one.wire_type == 'VirtualDisk']
    assert len(disks) == 2


@pytest.mark.parametrize('skip', [0, 1])
def test_an_ova_whose_disks_do_not_arrive(
    run: Run, machines: Machines, tmp_path: pathlib.Path, skip: int
) -> None:
    """The first of them or the second: there is no machine."""
    path = tmp_path / 'two.ova'
    path.write_bytes(two_disks())
    machines.vc.faults.drop('* /nfc/*', after_bytes=500, skip=skip)
    ran = run('put', str(path), '--import', 'none', '--datastore', machines.store)
    assert ran.code in (1, 3)
    assert ran.err
    assert 'none' not in machines.names


def test_an_ova_that_lacks_a_disk(run: Run, machines: Machines, tmp_path: pathlib.Path) -> None:
    """It is said before anything is imported."""
    path = tmp_path / 'two.ova'
    path.write_bytes(two_disks(lacks='two-1.vmdk'))
    ran = run('put', str(path), '--import', 'none', '--datastore', machines.store)
    assert (ran.code, 'has no member two-1.vmdk' in ran.err) == (1, True)
    assert 'none' not in machines.names
