"""Leases: machines imported and exported with pyVmomi and requests."""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from oslo_vmware.simulator.storage import stream_optimized
from oslo_vmware.simulator.storage.stream_optimized import GRAIN
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.transfers import DISK, Files, disk_urls, import_spec, settled, until
from tests.simulator.vsphere import connected, done
from tests.transfer.disks import content_of, grains_of, stream_of

# What a disk holds, and what travels: the end is within a grain, but not within a sector.
CONTENT = bytes(range(256)) * 1000 + os.urandom(200 * 512)
DATA = stream_of(CONTENT)


@pytest.fixture
def files() -> Iterator[Files]:
    with connected(Inventory(vms=2)) as client:
        made = Files(client)
        made.get('')
        yield made
        made.http.close()
        assert list(complaints(client.vc.world)) == []
        assert list(consistency_problems(client.vc.world)) == []


def begin(files: Files, name: str = 'imported', **options: Any) -> Any:
    """A lease for an import."""
    pool = files.client.at('Frankfurt/host').childEntity[0].resourcePool
    return settled(pool.ImportVApp(import_spec(files, name, **options), files.dc.vmFolder))


def imported(files: Files, data: bytes = DATA, **options: Any) -> Any:
    """A machine with one disk that was uploaded."""
    lease = begin(files, **options)
    (url,) = disk_urls(lease)
    assert files.http.put(url, data=data, timeout=30).status_code == 201
    lease.HttpNfcLeaseComplete()
    return lease.info.entity


def export(machine: Any) -> Any:
    return settled(machine.ExportVm())


def machines(files: Files) -> list[str]:
    return sorted(one.name for one in files.client.all(vim.VirtualMachine))


def answer(connection: http.client.HTTPConnection, rest: bytes) -> int:
    """Send the rest of a body, and wait for the status."""
    connection.send(rest)
    return connection.getresponse().status


@pytest.mark.parametrize(('method', 'status'), [('PUT', 201), ('POST', 200)])
def test_a_machine_is_imported(files: Files, method: str, status: int) -> None:
    """The uploaded bytes become the disk of a machine in the pool and folder asked for."""
    free = files.free
    lease = begin(files)
    assert (lease.state, lease.initializeProgress, lease.mode) == ('ready', 100, 'pushOrGet')
    machine = lease.info.entity
    (device,) = lease.info.deviceUrl
    assert (device.disk, device.targetId) == (True, 'disk-0.vmdk')
    assert device.importKey == '/imported/ParaVirtualSCSIController0:0'
    assert device.key == f'/{machine._moId}/ParaVirtualSCSIController0:0'
    assert lease.info.totalDiskCapacityInKB == 1024 * 1024
    assert lease.info.leaseTimeout == 300
    answer = files.http.request(method, device.url, data=DATA, timeout=30)
    assert answer.status_code == status
    lease.HttpNfcLeaseProgress(100)
    assert lease.transferProgress == 100
    (task,) = machine.recentTask
    assert task.info.state == 'running'
    lease.HttpNfcLeaseComplete()
    assert (lease.state, task.info.state) == ('done', 'success')
    assert files.get('imported/imported-flat.vmdk') == CONTENT
    assert machine.parent == files.dc.vmFolder
    assert free - files.free == machine.summary.storage.committed > len(CONTENT)
    assert files.http.put(device.url, data=b'x', timeout=30).status_code == 404
    done(machine.Destroy_Task())
    assert files.free == free


def test_what_goes_in_comes_out(files: Files) -> None:
    """An export gives the content of the import, and its manifest size and checksums."""
    machine = imported(files)
    lease = export(machine)
    assert [device.disk for device in lease.info.deviceUrl] == [False, True]
    (url,) = disk_urls(lease)
    got = files.http.get(url, timeout=30)
    assert got.content == DATA
    assert 'Content-Length' not in got.headers
    (entry,) = lease.HttpNfcLeaseGetManifest()
    assert entry.sha1 == hashlib.sha1(DATA, usedforsecurity=False).hexdigest()
    assert (entry.size, entry.disk, entry.capacity) == (len(DATA), True, len(CONTENT))
    assert entry.populatedSize == len(CONTENT)
    pair = vim.KeyValue(key=entry.key, value='sha256')
    lease.HttpNfcLeaseSetManifestChecksumType([pair])
    assert files.http.get(url, timeout=30).content == DATA
    (entry,) = lease.HttpNfcLeaseGetManifest()
    assert (entry.checksumType, entry.checksum) == ('sha256', hashlib.sha256(DATA).hexdigest())
    lease.HttpNfcLeaseComplete()
    assert files.vc.nfc.leases == []


def test_a_machine_of_several_disks(files: Files) -> None:
    """Each disk has a URL of its own."""
    lease = begin(files, sizes=(1024, 2048, 4096))
    parts = [stream_of(os.urandom(1024 * number)) for number in (1, 2, 3)]
    for url, data in zip(disk_urls(lease), parts, strict=True):
        assert files.http.put(url, data=data, timeout=30).ok
    lease.HttpNfcLeaseComplete()
    again = export(lease.info.entity)
    assert [files.http.get(url, timeout=30).content for url in disk_urls(again)] == parts
    again.HttpNfcLeaseComplete()


def test_a_machine_of_the_inventory_is_exported(files: Files) -> None:
    """A disk that nobody has written to gives a short stream of its whole capacity."""
    machine = next(
        one
        for one in files.client.all(vim.VirtualMachine)
        if one.runtime.powerState == 'poweredOff'
    )
    machine.MarkAsTemplate()
    lease = export(machine)
    (url,) = disk_urls(lease)
    stream = files.http.get(url, timeout=30).content
    assert len(stream) < 128 * 1024
    (disk,) = (one for one in machine.config.hardware.device if isinstance(one, DISK))
    assert stream_optimized.capacity_of(stream) == disk.capacityInBytes > 1 << 30
    (entry,) = lease.HttpNfcLeaseGetManifest()
    assert (entry.size, entry.populatedSize) == (len(stream), 0)
    lease.HttpNfcLeaseAbort()
    machine.MarkAsVirtualMachine(files.client.at('Frankfurt/host').childEntity[0].resourcePool)
    done(machine.PowerOnVM_Task())
    with pytest.raises(vim.fault.InvalidPowerState):
        machine.ExportVm()


def abort(files: Files, lease: Any) -> None:
    lease.HttpNfcLeaseAbort()


def time_out(files: Files, lease: Any) -> None:
    until(lambda: lease.state == 'error')


def cancel_task(files: Files, lease: Any) -> None:
    (task,) = lease.info.entity.recentTask
    assert task.info.descriptionId == 'ResourcePool.ImportVAppLRO'
    assert (task.info.state, task.info.cancelable) == ('running', True)
    task.CancelTask()
    assert task.info.state == 'error'


def destroy(files: Files, lease: Any) -> None:
    done(lease.info.entity.Destroy_Task())


def end_session(files: Files, lease: Any) -> None:
    files.vc.terminate_sessions()
    files.client.content.sessionManager.Login(files.vc.username, files.vc.password)


@pytest.mark.parametrize(
    ('end', 'reason', 'later'),
    [
        (abort, 'RequestCanceled', vim.fault.InvalidState),
        (cancel_task, 'RequestCanceled', vim.fault.InvalidState),
        (destroy, 'RequestCanceled', vim.fault.InvalidState),
        (time_out, 'Timedout', vim.fault.Timedout),
        (end_session, 'RequestCanceled', vim.fault.InvalidState),
    ],
)
def test_an_import_that_is_not_completed_leaves_nothing(
    files: Files, end: Callable[..., None], reason: str, later: type[Exception]
) -> None:
    """After an abort, a time-out or the session's end machine, files and URLs are gone."""
    before, free = machines(files), files.free
    if end is time_out:
        files.vc.nfc.lease_seconds = 0.3
    lease = begin(files)
    (url,) = disk_urls(lease)
    assert files.http.put(url, data=DATA, timeout=30).ok
    assert machines(files) == sorted([*before, 'imported'])
    end(files, lease)
    assert lease.state == 'error'
    assert type(lease.error).__name__.rpartition('.')[2] == reason
    assert machines(files) == before
    assert 'imported' not in files.names()
    assert files.free == free
    assert files.http.put(url, data=DATA, timeout=30).status_code == 404
    assert files.vc.nfc.leases == []
    for call in (lease.HttpNfcLeaseComplete, lease.HttpNfcLeaseGetManifest, lease.Abort):
        with pytest.raises(later):
            call()
    # What each declares: progress is always too late, and a checksum cannot be.
    with pytest.raises(vim.fault.Timedout):
        lease.HttpNfcLeaseProgress(1)
    with pytest.raises(vim.fault.InvalidState):
        lease.HttpNfcLeaseSetManifestChecksumType([])


def test_progress_keeps_a_lease_alive(files: Files) -> None:
    """A lease lives as long as progress is reported in time."""
    files.vc.nfc.lease_seconds = 0.4
    lease = begin(files)
    for percent in range(8):
        time.sleep(0.1)
        lease.HttpNfcLeaseProgress(percent)
    assert lease.state == 'ready'
    for wrong in (-1, 101):
        with pytest.raises(vmodl.fault.InvalidArgument):
            lease.HttpNfcLeaseProgress(wrong)
    until(lambda: lease.state == 'error')


def test_a_lease_that_is_not_ready_yet(files: Files) -> None:
    """Progress is welcome before a lease is ready; what needs its devices is InvalidState."""
    files.vc.world.task_seconds = 30
    pool = files.client.at('Frankfurt/host').childEntity[0].resourcePool
    lease = pool.ImportVApp(import_spec(files, 'imported'), files.dc.vmFolder)
    lease.HttpNfcLeaseProgress(3)
    assert (lease.state, lease.transferProgress) == ('initializing', 3)
    for call in (
        lease.HttpNfcLeaseComplete,
        lambda: lease.HttpNfcLeaseSetManifestChecksumType([]),
    ):
        with pytest.raises(vim.fault.InvalidState):
            call()
    assert lease.HttpNfcLeaseGetManifest() == []
    lease.HttpNfcLeaseAbort()
    assert lease.state == 'error'


def test_a_lease_is_not_completed_during_a_transfer(files: Files) -> None:
    """Complete before the server has all of a disk is InvalidState; the transfer goes on."""
    lease = begin(files)
    (url,) = disk_urls(lease)
    connection = files.connection()
    connection.putrequest('PUT', url.removeprefix(files.vc.url))
    connection.putheader('Content-Length', str(len(DATA)))
    connection.endheaders()
    connection.send(DATA[:100_000])
    until(lambda: files.vc.transfers[-1].received >= 65536)
    with pytest.raises(vim.fault.InvalidState):
        lease.HttpNfcLeaseComplete()
    assert answer(connection, DATA[100_000:]) == 201
    connection.close()
    lease.HttpNfcLeaseComplete()


def test_an_abort_cuts_the_transfer(files: Files) -> None:
    """An upload under way ends without an answer when its lease does."""
    lease = begin(files)
    (url,) = disk_urls(lease)
    connection = files.connection()
    connection.putrequest('PUT', url.removeprefix(files.vc.url))
    connection.putheader('Content-Length', str(len(DATA)))
    connection.endheaders()
    connection.send(DATA[:100_000])
    until(lambda: files.vc.transfers[-1].received >= 65536)
    lease.HttpNfcLeaseAbort()
    with pytest.raises((ConnectionError, ssl.SSLError, http.client.HTTPException)):
        answer(connection, DATA[100_000:])
    connection.close()
    until(lambda: 'imported' not in files.names())
    assert files.vc.transfers[-1].status is None


@pytest.mark.parametrize('thin', [True, False])
def test_a_full_datastore_ends_the_lease(files: Files, thin: bool) -> None:
    """A disk that does not fit: NoDiskSpace in the lease, at once or during the upload."""
    before = machines(files)
    files.vc.set_free_space(files.name, 1 << 20)
    lease = begin(files, thin=thin)
    if thin:
        (url,) = disk_urls(lease)
        assert (
            files.http.put(url, data=stream_of(os.urandom(2 << 20)), timeout=30).status_code == 507
        )
    assert lease.state == 'error'
    assert isinstance(lease.error, vim.fault.NoDiskSpace)
    assert machines(files) == before
    assert files.free == 1 << 20


def test_a_lease_can_be_made_to_fail(files: Files) -> None:
    """fail_task of ImportVApp or ExportVm ends the lease with the fault while it initialises."""
    files.vc.faults.fail_task('ImportVApp', 'OutOfBounds', argumentName='spec')
    lease = begin(files)
    assert (lease.state, lease.info) == ('error', None)
    assert lease.error.argumentName == 'spec'


def test_imports_that_are_refused_at_once(files: Files) -> None:
    """A taken name, an unknown datastore and a folder for other things are refused."""
    pool = files.client.at('Frankfurt/host').childEntity[0].resourcePool
    folder = files.dc.vmFolder
    begin(files, name='taken').HttpNfcLeaseComplete()
    with pytest.raises(vim.fault.DuplicateName):
        pool.ImportVApp(import_spec(files, 'taken'), folder)
    wrong = import_spec(files, 'new')
    wrong.configSpec.files.vmPathName = '[nowhere]'
    with pytest.raises(vim.fault.InvalidDatastorePath):
        pool.ImportVApp(wrong, folder)
    with pytest.raises(vmodl.fault.InvalidArgument):
        pool.ImportVApp(import_spec(files, 'new'), files.dc.hostFolder)


def test_urls_of_a_lease(files: Files) -> None:
    """Host and thumbprint of the URLs are the server's, or what the test wants them to be."""
    lease = begin(files)
    (device,) = lease.info.deviceUrl
    der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((files.vc.host, files.vc.port)))
    digest = hashlib.sha1(der, usedforsecurity=False).hexdigest()
    assert device.sslThumbprint.replace(':', '').lower() == digest
    assert device.url.startswith(f'{files.vc.url}/nfc/')
    assert files.http.get(device.url, timeout=30).status_code == 405
    assert files.http.put(f'{device.url}x', data=b'', timeout=30).status_code == 404
    lease.HttpNfcLeaseAbort()
    files.vc.nfc.host = '*'
    files.vc.nfc.claimed_thumbprint = '00:' * 19 + '00'
    (device,) = begin(files).info.deviceUrl
    assert device.url.startswith('https://*/nfc/')
    assert device.sslThumbprint == '00:' * 19 + '00'


def test_trouble_during_an_export(files: Files) -> None:
    """A stream that is dropped in the middle does not look like a whole one."""
    machine = imported(files)
    lease = export(machine)
    (url,) = disk_urls(lease)
    files.vc.faults.drop('GET /nfc/*', after_bytes=100_000)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        files.http.get(url, timeout=30)
    assert files.vc.transfers[-1].sent == 100_000
    files.vc.faults.truncate('GET /nfc/*')
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        files.http.get(url, timeout=30)
    assert files.http.get(url, timeout=30).content == DATA
    lease.HttpNfcLeaseComplete()


def test_an_export_ends_early_with_a_complete_answer(files: Files) -> None:
    """On demand the body ends, and the answer is a complete 200: of an export, and of a file."""
    lease = export(imported(files))
    (url,) = disk_urls(lease)
    for bytes_ in (0, 100_000):
        files.vc.faults.end_early('GET /nfc/*', after_bytes=bytes_)
        got = files.http.get(url, timeout=30)
        assert (got.status_code, got.content) == (200, DATA[:bytes_])
        assert not files.vc.transfers[-1].complete
        # The server does not claim to have sent it.
        assert lease.HttpNfcLeaseGetManifest() == []
    assert files.http.get(url, timeout=30).content == DATA
    lease.HttpNfcLeaseComplete()
    files.put('a.iso', CONTENT)
    files.vc.faults.end_early('GET /folder/*', after_bytes=1000)
    got = files.send('GET', 'a.iso')
    assert (got.headers['Content-Length'], got.content) == ('1000', CONTENT[:1000])


def spoilt(name: str) -> bytes:
    """What is sent in place of a stream."""
    changed = bytearray(DATA)
    if name == 'a grain elsewhere':
        changed[65536 : 65536 + 8] = (1 << 40).to_bytes(8, 'little')
    elif name == 'a grain with other bytes':
        changed[65536 + 100] ^= 255
    elif name == 'converted newlines':
        changed[73:77] = b'\n \n\n'
    elif name == 'a hosted disk':
        changed[8:12] = (3).to_bytes(4, 'little')
    return bytes(changed)


@pytest.mark.parametrize(
    ('sent', 'why'),
    [
        (b'', 'header of a sparse disk'),
        (CONTENT, 'header of a sparse disk'),
        (b'# Disk DescriptorFile\nversion=1\n' * 100, 'header of a sparse disk'),
        (b'QFI\xfb' + bytes(1 << 20), 'header of a sparse disk'),
        (DATA[:512], 'ends before'),
        (DATA[: len(DATA) // 2], 'ends before'),
        (DATA[:-512], 'ends before'),
        (spoilt('a grain elsewhere'), 'grain of'),
        (spoilt('a grain with other bytes'), 'cannot be unpacked'),
        (spoilt('converted newlines'), 'transfer as text'),
        (spoilt('a hosted disk'), 'not a stream-optimised one'),
    ],
)
def test_what_is_no_stream_is_refused(files: Files, sent: bytes, why: str) -> None:
    """An upload that is no stream-optimised disk, or not all of one, ends the lease."""
    before, free = machines(files), files.free
    lease = begin(files)
    (url,) = disk_urls(lease)
    answer = files.http.put(url, data=sent, timeout=30)
    assert (answer.status_code, lease.state) == (500, 'error')
    assert isinstance(lease.error, vim.fault.InvalidDiskFormat)
    assert why in lease.error.msg
    assert (machines(files), files.free) == (before, free)
    with pytest.raises(vim.fault.InvalidState):
        lease.HttpNfcLeaseComplete()


def test_holes_stay_holes(files: Files) -> None:
    """Of 40 GiB with a few bytes at both ends only these travel, and take space."""
    capacity, last = 40 << 30, (40 << 30) // GRAIN - 1
    grains = [(0, b'first'), (1, bytes(GRAIN)), (last, b'last'.rjust(GRAIN, b'.'))]
    data = b''.join(stream_optimized.encode(capacity, grains))
    free = files.free
    machine = imported(files, data)
    assert free - files.free < 1 << 20
    disk = next(one for one in machine.config.hardware.device if isinstance(one, DISK))
    assert disk.capacityInBytes == capacity
    lease = export(machine)
    (url,) = disk_urls(lease)
    held = {0: b'first'.ljust(GRAIN, b'\0'), last * GRAIN: grains[2][1]}
    assert grains_of(files.http.get(url, timeout=30).content) == (capacity, held)
    (entry,) = lease.HttpNfcLeaseGetManifest()
    assert (entry.populatedSize, entry.capacity) == (2 * GRAIN, capacity)
    lease.HttpNfcLeaseComplete()


def test_a_disk_keeps_its_bytes_when_it_grows(files: Files) -> None:
    """An imported disk that is made larger begins with what was uploaded."""
    machine = imported(files)
    disk = next(one for one in machine.config.hardware.device if isinstance(one, DISK))
    disk.capacityInKB *= 2
    disk.capacityInBytes = None
    change = vim.vm.device.VirtualDeviceSpec(operation='edit', device=disk)
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))
    lease = export(machine)
    (url,) = disk_urls(lease)
    assert lease.info.totalDiskCapacityInKB == 2 * len(CONTENT) // 1024
    content = content_of(files.http.get(url, timeout=30).content)
    assert content == CONTENT + bytes(len(CONTENT))
    lease.HttpNfcLeaseAbort()
