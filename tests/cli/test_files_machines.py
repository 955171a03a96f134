"""``put --import`` and ``fetch --vm``: images that become machines, and the other way round."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import pathlib
import re
import signal
import struct
import tarfile
import time
from collections.abc import Iterator
from typing import Any

import pytest

from oslo_vmware._transfer import imports, lease, stream
from oslo_vmware.cli import output
from oslo_vmware.cli.files import appliances, packages
from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.simulator.objects import nfc_lease
from oslo_vmware.simulator.world.data import Fault
from tests.simulator.test_ovf import descriptor, item
from tests.transfer.disks import content_of, stream_of

from .conftest import Run, environment_of, run_command

NVRAM = b'boot0000' * 100
CONTENT = bytes(range(256)) * 4000
DISK = stream_of(CONTENT, 2 * 1024 * 1024)


def archive(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as made:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def senseless(name: str, value: str) -> bytes:
    """An archive with a header that cannot be meant."""
    member = tarfile.TarInfo('a.ovf')
    member.pax_headers = {name: value}
    return member.tobuf(tarfile.PAX_FORMAT) + bytes(1024)


def two_disks(lacks: str = '', manifest: str = '', file: str = '', swapped: bool = False) -> bytes:
    """An OVA with two disks, which differ in size, and its descriptor.

    :param lacks: a member that is left out
    :param manifest: names of checksums; none for no manifest
    :param file: more attributes of the first file
    :param swapped: whether the second disk is in the place of the first, too
    """
    disks = [stream_of(bytes([n]) * 70_000, n * 1024 * 1024) for n in (1, 2)]
    references = ''.join(
        f'<File ovf:href="two-{n}.vmdk" ovf:id="file{n}" ovf:size="{len(disk)}" '
        f'{"" if n else file}/>'
        for n, disk in enumerate(disks)
    )
    references += '<File ovf:href="two.nvram" ovf:id="n"/>'
    shapes = ''.join(
        f'<Disk ovf:capacity="{n + 1}" ovf:capacityAllocationUnits="byte * 2^20" '
        f'ovf:diskId="disk{n}" ovf:fileRef="file{n}"/>'
        for n in (0, 1)
    )
    parts = (
        item(3, 1, VirtualQuantity=1),
        item(4, 2, VirtualQuantity=64, AllocationUnits='byte * 2^20'),
        item(6, 3, Address=0, ResourceSubType='lsilogic'),
        item(20, 4, Address=0, ResourceSubType='vmware.sata.ahci'),
        item(17, 5, AddressOnParent=2, Parent=3, HostResource='ovf:/disk/disk0'),
        item(17, 6, AddressOnParent=1, Parent=4, HostResource='ovf:/disk/disk1'),
        '<vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>',
        '<vmw:ExtraConfig ovf:required="false" vmw:key="nvram" vmw:value="ovf:/file/n"/>',
    )
    text = descriptor(
        *parts, references=f'<References>{references}</References><DiskSection><Info/>{shapes}'
        '</DiskSection>',
        system='<VirtualSystem ovf:id="two"><Info/><OperatingSystemSection ovf:id="102" '
        'vmw:osType="otherGuest64"><Info/></OperatingSystemSection><VirtualHardwareSection><Info/>{items}'
        '</VirtualHardwareSection></VirtualSystem>',
    )  # fmt: skip
    text = text.replace('UTF-16', 'UTF-8')
    members = {'two.ovf': text.encode(), 'two.nvram': NVRAM, 'notes': b'To be read.'} | {
        f'two-{n}.vmdk': disk for n, disk in enumerate(disks)
    }
    sums = ''.join(
        f'{kind}({name})= {hashlib.new(kind.lower(), data).hexdigest()}\n'
        for kind in manifest.split()
        for name, data in members.items()
    )
    if swapped:
        members['two-0.vmdk'] = members['two-1.vmdk']
    members.pop(lacks, None)
    if manifest:
        members['two.mf'] = sums.encode()
    return archive(*members.items())


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

    def named(self, name: str) -> Any:
        return next(one for one in self.all_of('VirtualMachine') if one.name == name)

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
    run: Run, machines: Machines, disk: str, tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With the content that it had, and its size; what is told is what is there."""
    asked: list[Any] = []
    begin = imports.begin

    def listen(session: Any, pool: Any, spec: Any, folder: Any) -> Any:
        asked.append(spec)
        return begin(session, pool, spec, folder)

    monkeypatch.setattr(imports, 'begin', listen)
    ran = run('put', disk, '--import', 'web', '--datastore', machines.store, '--json')
    assert ran.code == 0, ran.err
    found = ran.data
    assert (found['machine'], found['bytes']) == ('web', len(DISK))
    assert found['sha256'] == hashlib.sha256(DISK).hexdigest()
    assert machines.vc.world.objects[found['id']].name == 'web'
    assert asked[0].configSpec.deviceChange[1].device.capacityInKB == 2 * 1024
    ran = run('fetch', '--vm', found['id'], str(tmp_path / 'back.vmdk'), '--json')
    assert ran.code == 0, ran.err
    back = (tmp_path / 'back.vmdk').read_bytes()
    assert content_of(back)[: len(CONTENT)] == CONTENT
    assert ran.data['sha256'] == hashlib.sha256(back).hexdigest()
    assert sorted(os.listdir(tmp_path)) == ['back.vmdk', 'disk.vmdk']


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


@pytest.mark.parametrize('image', [DISK, two_disks()], ids=['disk', 'ova'])
def test_ctrl_c_while_importing(
    run: Run, machines: Machines, disk: str, image: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Takes the machine away; another one at that moment does not keep it from that."""
    pathlib.Path(disk).write_bytes(image)
    abort = lease.Lease.abort

    def press(self: Any, data: bytes) -> None:
        signal.raise_signal(signal.SIGINT)

    def press_again(self: Any) -> str:
        signal.raise_signal(signal.SIGINT)
        return abort(self)

    monkeypatch.setattr(stream.Upload, 'write', press)
    monkeypatch.setattr(lease.Lease, 'abort', press_again)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        ran = run('put', disk, '--import', 'none', '--datastore', machines.store)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (ran.code, 'is being cleared away' in ran.err) == (130, True)
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


SPARSE = struct.pack('<4sIIQ', b'KDMV', 1, 3, 4096) + bytes(500)


@pytest.mark.parametrize(
    ('data', 'more', 'code', 'told'),
    [
        (b'hello', [], 2, 'neither a stream-optimised VMDK nor an OVA'),
        (b'KDMV', [], 2, 'ends too soon'),
        (SPARSE, [], 2, "an image' new.vmdk"),
        (archive(('a.txt', b'x')), [], 2, 'without an OVF descriptor'),
        (senseless('size', '9' * 20), [], 2, 'neither a stream-optimised VMDK nor an OVA'),
        (senseless('GNU.sparse.map', '1,a'), [], 2, 'neither a stream-optimised VMDK nor an OVA'),
        (archive(('a.ovf', b'<x/>')), [], 1, 'image: '),
        (DISK, ['--cluster', 'nowhere'], 4, 'There is no cluster nowhere'),
        (DISK, ['--datastore', 'nowhere'], 4, 'There is no Datastore nowhere'),
        (DISK, ['--cluster', '/'], 4, 'is no cluster: it is a Folder'),
        (DISK, [], 2, 'say which with --datastore'),
    ],
)
def test_what_is_no_image_or_has_no_place(
    run: Run, machines: Machines, tmp_path: pathlib.Path, data: bytes, more: list[str], code: int,
    told: str,
) -> None:  # fmt: skip
    """It is said, with what to do, and nothing is imported."""
    path = tmp_path / 'an image'
    path.write_bytes(data)
    where = more or (['--datastore', machines.store] if data is not DISK else [])
    ran = run('put', str(path), '--import', 'none', *where)
    assert (ran.code, told in ran.err) == (code, True), ran.err
    assert 'none' not in machines.names


def test_a_machine_that_is_not_there(run: Run, tmp_path: pathlib.Path) -> None:
    """Exit code 4, and no file."""
    ran = run('fetch', '--vm', 'nobody', str(tmp_path / 'x.vmdk'))
    assert (ran.code, 'There is no machine nobody' in ran.err) == (4, True)
    assert os.listdir(tmp_path) == []


def members_of(path: pathlib.Path) -> dict[str, bytes]:
    with tarfile.open(path) as opened:
        return {one.name: opened.extractfile(one).read() for one in opened}  # type: ignore[union-attr]


def shape(machine: Any) -> list[Any]:
    """What a machine is made of, and where that is."""
    keys = {one.key: one for one in machine.devices}
    parts = [
        (
            one.wire_type,
            keys[one.controllerKey].wire_type if one.controllerKey in keys else None,
            one.unitNumber,
            getattr(one, 'capacityInBytes', None),
        )
        for one in machine.devices
    ]
    settings = [
        machine.num_cpu,
        machine.memory_mb,
        machine.guest_id,
        machine.options.get('firmware'),
    ]
    return [*settings, *sorted(parts, key=repr)]


@pytest.mark.parametrize('number', [1, 2])
def test_a_machine_becomes_an_ova_and_a_machine_again(
    run: Run, machines: Machines, disk: str, tmp_path: pathlib.Path, number: int
) -> None:
    """With all disks, each in its place, and what an EFI firmware keeps; the archive is as the
    standard has it: descriptor first, checksums that are right, files in the order of the
    descriptor.
    """
    if number == 2:
        pathlib.Path(disk).write_bytes(two_disks(manifest='SHA1 SHA256'))
    where = ('--datastore', machines.store)
    name = f'caf\N{LATIN SMALL LETTER E WITH ACUTE} #{number}'
    plain = f'caf_{number}'
    ran = run('put', disk, '--import', name, *where, '--json')
    assert (ran.code, ran.err) == (0, '')
    assert ran.data['sha256'] == hashlib.sha256(pathlib.Path(disk).read_bytes()).hexdigest()
    ran = run('fetch', '--vm', name, str(tmp_path / 'out.ova'))
    assert (ran.code, ran.err) == (0, '')
    assert sorted(os.listdir(tmp_path)) == ['disk.vmdk', 'out.ova']
    members = members_of(tmp_path / 'out.ova')
    files = [f'{plain}-disk{n}.vmdk' for n in range(1, number + 1)]
    files += [f'{plain}.nvram'] if number == 2 else []
    assert list(members) == [f'{plain}.ovf', f'{plain}.mf', *files]
    assert re.findall('href="([^"]*)"', members[f'{plain}.ovf'].decode()) == files
    assert members[f'{plain}.mf'].decode().splitlines() == [
        f'SHA256({one})= {hashlib.sha256(members[one]).hexdigest()}'
        for one in (f'{plain}.ovf', *files)
    ]
    out, again = str(tmp_path / 'out.ova'), tmp_path / 'again.ova'
    ran = run('put', out, '--import', f'{name} 2', *where, '--network', network(machines))
    assert (ran.code, ran.err) == (0, '')
    assert run('fetch', '--vm', f'{name} 2', str(again)).code == 0
    came, contents = list(members_of(again).values())[2:], [members[one] for one in files]
    if number == 2:
        assert (came.pop(), contents.pop()) == (NVRAM, NVRAM)
    assert [content_of(one) for one in came] == [content_of(one) for one in contents]
    expected = [bytes([n]) * 70_000 for n in (1, 2)] if number == 2 else [CONTENT]
    for content, one in zip(contents, expected, strict=True):
        assert content_of(content)[: len(one)] == one
    assert shape(machines.named(name)) == shape(machines.named(f'{name} 2'))


def test_the_first_of_several_disks(run: Run, machines: Machines, tmp_path: pathlib.Path) -> None:
    """Is what a .vmdk has of them, and that is said; of half a package there is nothing."""
    # Compressed with identity is not compressed.
    (tmp_path / 'x.ova').write_bytes(two_disks(file='ovf:compression="identity"'))
    where = ('--datastore', machines.store)
    assert run('put', str(tmp_path / 'x.ova'), '--import', 'pair', *where).code == 0
    ran = run('fetch', '--vm', 'pair', str(tmp_path / 'x.vmdk'))
    assert (ran.code, 'has 2 disks' in ran.err) == (0, True)
    assert content_of((tmp_path / 'x.vmdk').read_bytes())[:70_000] == bytes([1]) * 70_000
    machines.vc.faults.end_early('GET /nfc/*disk-1*', after_bytes=1000)
    ran = run('fetch', '--vm', 'pair', str(tmp_path / 'y.ova'))
    assert (ran.code, 'is not whole' in ran.err) == (1, True), ran.err
    assert sorted(os.listdir(tmp_path)) == ['x.ova', 'x.vmdk']
    machines.vc.faults.end_early('GET /nfc/*nvram', after_bytes=0)
    ran = run('fetch', '--vm', 'pair', str(tmp_path / 'y.ova'))
    assert (ran.code, 'may not start' in ran.err) == (0, True), ran.err
    assert len(members_of(tmp_path / 'y.ova')) == 4


def test_a_server_that_keeps_a_disk_back(
    run: Run, machines: Machines, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it gives would not be the machine; there is no file."""
    (tmp_path / 'x.ova').write_bytes(two_disks())
    where = ('--datastore', machines.store)
    assert run('put', str(tmp_path / 'x.ova'), '--import', 'kept', *where).code == 0
    add = nfc_lease._add_disk

    def add_one(lease: Any, vm: Any, disk: Any, devices: Any) -> None:
        if not any(one.capacity for one in lease.devices.values()):
            add(lease, vm, disk, devices)

    monkeypatch.setattr(nfc_lease, '_add_disk', add_one)
    ran = run('fetch', '--vm', 'kept', str(tmp_path / 'y.ova'))
    assert (ran.code, 'exports 1 of 2 disks' in ran.err) == (1, True), ran.err
    assert os.listdir(tmp_path) == ['x.ova']


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


def test_a_lease_that_ends_on_the_way(
    run: Run, machines: Machines, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said why; that the host has no such file any more is not what was asked."""
    path = tmp_path / 'two.ova'
    path.write_bytes(two_disks())
    nfc = machines.vc.nfc
    finish = stream.Upload.finish

    def and_the_last(self: Any) -> None:
        finish(self)
        for one in nfc.leases:
            one.fail(Fault('ResourceInUse', 'There is no room.'))

    monkeypatch.setattr(stream.Upload, 'finish', and_the_last)
    ran = run('put', str(path), '--import', 'none', '--datastore', machines.store)
    assert (ran.code, 'There is no room.' in ran.err) == (1, True), ran.err
    assert 'none' not in machines.names


@pytest.mark.parametrize(
    ('package', 'told', 'begun'),
    [
        (two_disks(lacks='two-1.vmdk'), 'has no member two-1.vmdk, which its descriptor', 0),
        (two_disks(lacks='two-1.vmdk', manifest='SHA1'), 'two-1.vmdk, which two.mf names', 0),
        (two_disks(manifest='SHA1').replace(b'part 1<', b'part 9<'), 'the SHA1 of two.ovf is', 0),
        (two_disks(manifest='SHA1').replace(b'To be', b'To me'), 'the SHA1 of notes is', 0),
        (two_disks(manifest='SHA1', swapped=True), 'the SHA1 of two-0.vmdk is', 1),
        (two_disks(manifest='SHA256', swapped=True), 'the SHA256 of two-0.vmdk is', 1),
        (two_disks(manifest='SHA512', swapped=True), 'the SHA512 of two-0.vmdk is', 1),
        (two_disks(manifest='SHA1 SHA512').replace(b'SHA512(', b'SHA384('), 'the SHA384 of', 0),
        (two_disks(manifest='MD5'), 'a line without sense: MD5(two.ovf)', 0),
        (two_disks(file='ovf:chunkSize="1000"'), 'comes in pieces', 0),
        (two_disks(file='ovf:compression="gzip"'), 'is compressed with gzip', 0),
        (two_disks(manifest='SHA1').replace(b'two.mf', b'two.mg'), 'there is no header at byte', 0),
        (two_disks()[:-20000], 'nor an OVA: unexpected end of data', 0),
    ],
)  # fmt: skip
def test_an_ova_that_is_not_what_it_says(
    run: Run, machines: Machines, tmp_path: pathlib.Path, package: bytes, told: str, begun: int
) -> None:
    """It is said which file, and there is no machine; what can be seen before is seen before
    anything is begun.
    """
    path = tmp_path / 'two.ova'
    path.write_bytes(package)
    before = machines.vc.count('ImportVApp')
    ran = run('put', str(path), '--import', 'none', '--datastore', machines.store)
    assert (ran.code in (1, 2), told in ran.err) == (True, True), ran.err
    assert machines.vc.count('ImportVApp') == before + begun
    assert 'none' not in machines.names


@pytest.mark.parametrize(
    ('name', 'old', 'new', 'warning'),
    [
        ('openssl 3', 'SHA256(', 'SHA2-256(', ''),
        ('bsd', 'SHA256(', 'sha-256 (', ''),
        ('blanks', ')= ', ') = ', ''),
        ('windows', '\n', '\r\n', ''),
        ('lacking', 'SHA256(two-1', 'SHA256(two-0', 'no checksum of two-1.vmdk'),
    ],
)
def test_manifests_of_other_programs(
    run: Run, machines: Machines, tmp_path: pathlib.Path, name: str, old: str, new: str,
    warning: str,
) -> None:  # fmt: skip
    """Are understood, and what macOS adds to archives is passed by; a disk without a checksum is
    told.
    """
    path = tmp_path / 'two.ova'
    path.write_bytes(two_disks(manifest='SHA256'))
    members = members_of(path)
    lines = members['two.mf'].decode().splitlines(keepends=True)[: 2 if warning else None]
    members['two.mf'] = ''.join(lines).replace(old, new).encode()
    path.write_bytes(archive(('._two.ovf', b'\0\5\x16\7'), *members.items()))
    ran = run('put', str(path), '--import', name, '--datastore', machines.store)
    assert (ran.code, warning in ran.err, bool(ran.err)) == (0, True, bool(warning)), ran.err
    assert name in machines.names


def test_an_ova_in_a_folder(run: Run, machines: Machines, tmp_path: pathlib.Path) -> None:
    """With a descriptor of Windows, and URLs in it, as the standard has it."""
    path = tmp_path / 'two.ova'
    path.write_bytes(two_disks())
    members = members_of(path)
    members['two 0.vmdk'] = members.pop('two-0.vmdk')
    text = members['two.ovf'].replace(b'"two-0.vmdk"', b'"two%200.vmdk"')
    members['two.ovf'] = codecs.BOM_UTF8 + text
    members['two.mf'] = b''.join(
        b'SHA1(%s)= %s\n' % (name.encode(), hashlib.sha1(data).hexdigest().encode())
        for name, data in members.items()
    )
    path.write_bytes(archive(*((f'./a folder/{name}', data) for name, data in members.items())))
    ran = run('put', str(path), '--import', 'folder', '--datastore', machines.store)
    assert (ran.code, ran.err) == (0, '')
    assert 'folder' in machines.names


def test_a_server_without_a_place_for_a_file(
    run: Run, machines: Machines, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said which, and there is no machine."""
    monkeypatch.setattr(nfc_lease, '_add_nvram', lambda *args: None)
    (tmp_path / 'two.ova').write_bytes(two_disks())
    where = ('--datastore', machines.store)
    ran = run('put', str(tmp_path / 'two.ova'), '--import', 'none', *where)
    assert (ran.code, 'has no place for two.nvram' in ran.err) == (1, True), ran.err
    assert 'none' not in machines.names


def test_a_lease_of_several_files_is_kept_alive(
    vc: VCenterSimulator, machines: Machines, tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """While they move, both ways; and what is told of them is told of all together."""
    move, update = appliances._Moving.move, output.Transfer.update
    told: list[int] = []
    reported = vc.count('HttpNfcLeaseProgress')

    def late(self: Any, *ends: Any) -> None:
        until = time.monotonic() + 10
        while vc.count('HttpNfcLeaseProgress') == reported and time.monotonic() < until:
            time.sleep(0.001)
        move(self, *ends)

    def listen(self: Any, done: int, total: int | None = None) -> None:
        if self.text.startswith(('Importing', 'Exporting')):
            told.append(done)
        update(self, done, total)

    monkeypatch.setattr(appliances._Moving, 'move', late)
    monkeypatch.setattr(output.Transfer, 'update', listen)
    (tmp_path / 'x.ova').write_bytes(two_disks())
    commands = [
        ('put', str(tmp_path / 'x.ova'), '--import', 'alive', '--datastore', machines.store),
        ('fetch', '--vm', 'alive', str(tmp_path / 'y.ova')),
    ]
    for command, archived in zip(commands, ('x.ova', 'y.ova'), strict=True):
        told.clear()
        ran = run_command(*command, environ=environment_of(vc))
        assert (ran.code, ran.err) == (0, '')
        assert vc.count('HttpNfcLeaseProgress') > reported
        reported = vc.count('HttpNfcLeaseProgress')
        sizes = [
            len(data)
            for name, data in members_of(tmp_path / archived).items()
            if name.endswith(('.vmdk', '.nvram'))
        ]
        assert (told == sorted(told), told[-1]) == (True, sum(sizes))


@pytest.mark.parametrize(
    ('name', 'plain'), [('a%2fb c', 'a_b_c'), ('../-x', 'x'), ('...', 'machine')]
)
def test_names_of_files_in_an_ova(name: str, plain: str) -> None:
    """Are names anywhere, and lead nowhere else."""
    assert packages.file_name(name) == plain


@pytest.mark.parametrize('image', ['disk.vmdk', 'two.ova'])
def test_an_image_that_changes_while_it_is_read(
    run: Run, machines: Machines, tmp_path: pathlib.Path, image: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Becomes no machine."""
    path = tmp_path / image
    path.write_bytes(DISK if image == 'disk.vmdk' else two_disks())
    write = stream.Upload.write

    def somebody_writes(self: Any, data: bytes) -> None:
        os.utime(path, ns=(0, 0))
        write(self, data)

    monkeypatch.setattr(stream.Upload, 'write', somebody_writes)
    ran = run('put', str(path), '--import', 'none', '--datastore', machines.store)
    assert (ran.code, 'has changed while it was read' in ran.err) == (1, True), ran.err
    assert 'none' not in machines.names


def test_nothing_takes_its_time_in_silence(
    vc: VCenterSimulator, machines: Machines, tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Reading a file to compare it, and putting an OVA together, may take as long as moving it."""
    monkeypatch.setattr(output, 'is_terminal', lambda stream, environ: not hasattr(stream, 'name'))
    monkeypatch.setattr(output, '_REDRAW_SECONDS', 0.0)
    data, path = two_disks(), tmp_path / 'x.ova'
    path.write_bytes(data)
    commands = [
        ('put', str(path), '--import', 'seen', '--datastore', machines.store,
         '--sha256', hashlib.sha256(data).hexdigest()),
        ('fetch', '--vm', 'seen', str(tmp_path / 'y.ova')),
    ]  # fmt: skip
    said = [run_command(*command, environ=environment_of(vc)).err for command in commands]
    for err, words in zip(said, [['Checking', 'Importing'], ['Exporting', 'Writing']], strict=True):
        assert [word for word in words if word not in err] == []
