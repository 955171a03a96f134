"""Disks that the hosts fetch themselves, from a server that is not the simulator, with pyVmomi."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from oslo_vmware.simulator.world.data import Fault
from tests.simulator.inventories import complaints, consistency_problems
from tests.simulator.test_nfc import CONTENT, DATA, begin, export, machines
from tests.simulator.transfers import Files, until
from tests.simulator.vsphere import connected, done
from tests.transfer.server import CERTIFICATE, DataServer, Exchange, Script, serve, thumbprint

Source = vim.HttpNfcLease.SourceFile


@pytest.fixture(scope='module')
def place() -> Iterator[Files]:
    with connected(Inventory(vms=1)) as client:
        yield Files(client)
        assert list(complaints(client.vc.world)) == []
        assert list(consistency_problems(client.vc.world)) == []


@pytest.fixture
def files(place: Files) -> Iterator[Files]:
    """A vCenter that has nothing more at the end than it had before."""
    before = machines(place)
    yield place
    with place.vc.world.lock:
        for lease in place.vc.nfc.leases:
            lease.fail(Fault('RequestCanceled'))
    assert machines(place) == before
    place.vc.nfc.can_pull = True


@pytest.fixture
def source() -> Iterator[DataServer]:
    with DataServer(serve(DATA), CERTIFICATE) as server:
        yield server
        # Who is shown another certificate than announced hangs up, which may reset the connection.
        assert [one for one in server.errors if not isinstance(one, ConnectionError)] == []


def source_file(lease: Any, source: DataServer, **members: Any) -> Any:
    arguments = {
        'targetDeviceId': lease.info.deviceUrl[0].importKey,
        'url': f'{source.url}/v1/AUTH_a/images/disk.vmdk?x=1',
        'create': False,
        'sslThumbprint': thumbprint() if source.scheme == 'https' else None,
    }
    return Source(**arguments | members)


def pull(lease: Any, *sources: Any) -> Any:
    return lease.HttpNfcLeasePullFromUrls_Task(list(sources))


def failure(task: Any) -> Any:
    """What a task has failed with."""
    until(lambda: task.info.state in ('success', 'error'))
    assert task.info.state == 'error'
    return task.info.error


def finished(files: Files, lease: Any) -> None:
    lease.HttpNfcLeaseComplete()
    done(lease.info.entity.Destroy_Task())


def test_hosts_fetch_a_disk(files: Files, source: DataServer) -> None:
    """The host sends the headers it was told, and what it gets becomes the disk of the machine."""
    lease = begin(files)
    assert lease.capabilities.pullModeSupported
    headers = [vim.KeyValue(key='X-Auth-Token', value='secret')]
    task = pull(lease, source_file(lease, source, httpHeaders=headers, size=len(DATA)))
    done(task)
    assert (source.last.method, source.last.target) == ('GET', '/v1/AUTH_a/images/disk.vmdk?x=1')
    assert source.last.headers['X-Auth-Token'] == 'secret'
    assert (lease.mode, lease.state) == ('pull', 'ready')
    assert task.info.descriptionId == 'HttpNfcLease.pullFromUrls'
    assert task.info.entity == lease.info.entity
    (entry,) = lease.HttpNfcLeaseGetManifest()
    assert entry.sha1 == hashlib.sha1(DATA, usedforsecurity=False).hexdigest()
    assert files.get('imported/imported-flat.vmdk') == CONTENT
    finished(files, lease)


def test_plain_http_needs_no_thumbprint(files: Files) -> None:
    """A source without TLS has no certificate."""
    with DataServer(serve(DATA)) as source:
        lease = begin(files)
        done(pull(lease, source_file(lease, source)))
    finished(files, lease)


def test_a_member_of_an_archive(files: Files) -> None:
    """Of an OVA the named member is the disk."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode='w') as tar:
        for name, data in (('a.ovf', b'<ovf/>'), ('disk.vmdk', DATA)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with DataServer(serve(archive.getvalue()), CERTIFICATE) as source:
        lease = begin(files)
        fault = failure(pull(lease, source_file(lease, source, memberName='other.vmdk')))
        assert (fault.statusCode, 'other.vmdk' in fault.msg) == (404, True)
        done(pull(lease, source_file(lease, source, memberName='disk.vmdk')))
    finished(files, lease)


@pytest.mark.parametrize(
    'announced', [None, thumbprint('sha256'), '00:11'], ids=['none', 'sha256', 'another']
)
def test_another_server_is_asked_nothing(
    files: Files, source: DataServer, announced: str | None
) -> None:
    """Without the announced certificate there is no request, and the fault tells the true one."""
    lease = begin(files)
    fault = failure(pull(lease, source_file(lease, source, sslThumbprint=announced)))
    assert isinstance(fault, vim.fault.SSLVerifyFault)
    assert fault.thumbprint == thumbprint()
    assert source.exchanges == []
    assert lease.state == 'ready'


def cut(exchange: Exchange) -> None:
    """Promise all, and give half."""
    head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(DATA)}\r\n\r\n'
    exchange.socket.sendall(head.encode() + DATA[: len(DATA) // 2])
    exchange.socket.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ('script', 'kind', 'status'),
    [
        (serve(b'', '404 Not Found'), vim.fault.HttpFault, 404),
        (serve(b'', '302 Found'), vim.fault.HttpFault, 302),
        (serve(b'no disk at all'), vim.fault.InvalidDiskFormat, None),
        (cut, (vim.fault.HttpFault, vim.fault.InvalidDiskFormat), None),
    ],
    ids=['not-found', 'redirected', 'no-disk', 'cut'],
)
def test_what_cannot_be_had(files: Files, script: Script, kind: Any, status: int | None) -> None:
    """The task fails; the lease is still the client's, to try again or to abort."""
    with DataServer(script, CERTIFICATE) as source:
        lease = begin(files)
        fault = failure(pull(lease, source_file(lease, source)))
    assert isinstance(fault, kind)
    assert status is None or fault.statusCode == status
    assert lease.state == 'ready'


def test_nobody_is_there(files: Files) -> None:
    """A source that cannot be reached is a failure of the task."""
    with DataServer(serve(b''), CERTIFICATE) as source:
        url = source.url
    lease = begin(files)
    nowhere = Source(targetDeviceId=lease.info.deviceUrl[0].importKey, url=url, create=False)
    fault = failure(pull(lease, nowhere))
    assert isinstance(fault, vim.fault.HttpFault)


def stall(exchange: Exchange) -> None:
    """Give some, and then nothing until the test is over."""
    head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(DATA)}\r\n\r\n'
    exchange.socket.sendall(head.encode() + DATA[:70_000])
    exchange.socket.settimeout(20)
    exchange.socket.recv(1)


@pytest.mark.parametrize('way', ['abort', 'cancel'])
def test_a_pull_is_called_off(files: Files, way: str) -> None:
    """The connection to the source is cut, and the task ends."""
    with DataServer(stall, CERTIFICATE) as source:
        lease = begin(files)
        task = pull(lease, source_file(lease, source))
        until(lambda: bool(lease.transferProgress))
        assert task.info.progress == lease.transferProgress
        with pytest.raises(vim.fault.InvalidState):
            lease.HttpNfcLeaseComplete()
        if way == 'abort':
            lease.HttpNfcLeaseAbort()
        else:
            task.CancelTask()
        fault = failure(task)
        assert isinstance(fault, vmodl.fault.RequestCanceled)
        assert source.all_closed()


def test_what_makes_no_sense(files: Files, source: DataServer) -> None:
    """There is one file for each device; and not every lease, and not every host, can pull."""
    lease = begin(files)
    good = source_file(lease, source)
    for sources in ([], [good, good], [source_file(lease, source, targetDeviceId='x')]):
        with pytest.raises(vmodl.fault.InvalidArgument):
            pull(lease, *sources)
    files.vc.nfc.can_pull = False
    assert not lease.capabilities.pullModeSupported
    with pytest.raises(vmodl.fault.NotSupported):
        pull(lease, good)
    exported = export(files.client.all(vim.VirtualMachine)[0])
    assert not exported.capabilities.pullModeSupported
    with pytest.raises(vmodl.fault.NotSupported):
        pull(exported, good)
    lease.HttpNfcLeaseAbort()
    files.vc.nfc.can_pull = True
    with pytest.raises(vim.fault.InvalidState):
        pull(lease, good)
