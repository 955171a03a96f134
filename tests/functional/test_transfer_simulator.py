"""Transfers with a whole vCenter: what goes in comes out, and what fails leaves nothing."""

import hashlib
import io
from typing import Any

import pytest
import requests

from oslo_vmware import api, exceptions, image_transfer, rw_handles, vim_util
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.objects.nfc_lease import Device
from tests.functional.conftest import SessionMaker
from tests.transfer.disks import stream_of
from tests.transfer.place import Place

DATA = stream_of(bytes(range(256)) * 4096)
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def place(vc: VCenterSimulator, session: api.VMwareAPISession) -> Place:
    return Place(vc, session)


@pytest.mark.parametrize('name', ['disk.vmdk', 'a b+c#d%e ä€.vmdk', 'new dir/empty.vmdk'])
def test_a_file_there_and_back(place: Place, name: str) -> None:
    """Written by download_file, read by a handle, the same bytes under the same name."""
    data = b'' if 'empty' in name else DATA
    image_transfer.download_file(
        io.BytesIO(data), place.vc.host, place.vc.port, place.dc.name, place.ds.name,
        place.session.vim.client.cookiejar, name, len(data), place.vc.cacert, 30,
    )  # fmt: skip
    assert place.content(name) == data


def test_a_file_that_is_not_there(place: Place) -> None:
    """A 404 is FileNotFoundException, not data."""
    with pytest.raises(exceptions.FileNotFoundException, match='404'):
        place.content('no such file')


@pytest.mark.parametrize('bypass', [False, True])
def test_download_image(place: Place, bypass: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the session's cookie, or with a ticket past the vCenter."""
    if bypass:
        # The simulated hosts listen nowhere; the vCenter serves their files.
        netloc = f'{place.vc.host}:{place.vc.port}'
        build = place.ds.build_url
        monkeypatch.setattr(
            place.ds, 'build_url', lambda scheme, host, *rest: build(scheme, netloc, *rest)
        )
    image_transfer.download_image(
        [DATA], {'size': len(DATA)}, place.session, place.ds, 'image.vmdk', bypass, 30
    )
    assert place.content('image.vmdk') == DATA


def test_a_disk_there_and_back(place: Place) -> None:
    """Imported and exported again: the same bytes, and no lease is left."""
    machine = place.import_disk(DATA)
    assert place.read(machine, 'name') == 'imported'
    got = io.BytesIO()
    digest: list[str] = []
    got.close = lambda: digest.append(  # type: ignore[method-assign]
        hashlib.sha256(got.getvalue()).hexdigest()
    )
    image_transfer.copy_stream_optimized_disk(
        None, 30, got, session=place.session, host=place.vc.host, port=place.vc.port,
        vm=machine, vmdk_file_path=None, vmdk_size=1 << 30,
    )  # fmt: skip
    assert digest == [DIGEST]
    assert place.vc.nfc.leases == []
    ends = [call.operation for call in place.vc.calls if 'Lease' in call.operation]
    assert ends.count('HttpNfcLeaseComplete') == 2
    ends = [end for end in ends if end != 'HttpNfcLeaseProgress']
    assert ends[-2:] == ['HttpNfcLeaseGetManifest', 'HttpNfcLeaseComplete']
    assert 'HttpNfcLeaseAbort' not in ends


@pytest.mark.parametrize('size', [len(DATA) - 1, len(DATA) + 1])
def test_a_wrong_size_imports_nothing(place: Place, size: int) -> None:
    """The lease is aborted, and the half-made machine is gone."""
    with pytest.raises((exceptions.ImageTransferException, exceptions.VimException)):
        place.import_disk(DATA, image_size=size)
    assert place.vc.nfc.leases == []
    machines = place.session.invoke_api(
        vim_util, 'get_objects', place.session.vim, 'VirtualMachine', 100
    )
    names = [vim_util.propset_dict(one.propSet)['name'] for one in machines.objects]
    assert 'imported' not in names


@pytest.mark.parametrize('kind', ['file', 'disk'])
def test_a_handle_is_the_body_of_a_request(place: Place, kind: str) -> None:
    """Of requests, which looks whether it is a file, and reads it piece by piece as it is none."""
    server = (place.vc.host, place.vc.port)
    where = (place.dc.name, place.ds.name, place.session.vim.client.cookiejar)
    if kind == 'disk':
        source: Any = rw_handles.VmdkReadHandle(
            place.session, *server, place.import_disk(DATA), None, len(DATA)
        )
    else:
        image_transfer.download_file(
            io.BytesIO(DATA), *server, *where, 'a', len(DATA), place.vc.cacert, 30
        )
        source = rw_handles.FileReadHandle(*server, *where, 'a')
    url = f'{place.vc.url}/folder/b?dcPath={place.dc.name}&dsName={place.ds.name}'
    cookie = {'vmware_soap_session': place.session.vim.get_http_cookie()}
    with source:
        answer = requests.put(url, data=source, cookies=cookie, verify=place.vc.cacert, timeout=30)
    assert answer.ok
    assert place.content('b') == DATA
    assert source.tell() == len(DATA)


def export(place: Place, machine: Any) -> bytes:
    handle = rw_handles.VmdkReadHandle(
        place.session, place.vc.host, place.vc.port, machine, None, len(DATA)
    )
    data = b''.join(iter(handle.read, b''))
    handle.close()
    return data


def test_a_wrong_thumbprint_moves_nothing(place: Place) -> None:
    """A lease whose thumbprint is not the server's: refused, aborted, and no request is made."""
    machine = place.import_disk(DATA)
    right = place.vc.thumbprint
    place.vc.nfc.claimed_thumbprint = right[:-1] + ('0' if right[-1] != '0' else '1')
    requests = len(place.vc.transfers)
    with pytest.raises(exceptions.VimCertificateException):
        place.import_disk(DATA, vm_import_spec=place.import_spec('refused'))
    with pytest.raises(exceptions.VimCertificateException):
        export(place, machine)
    assert len(place.vc.transfers) == requests
    assert place.vc.nfc.leases == []
    assert place.vc.count('HttpNfcLeaseAbort') == 2
    # The right one, spelt as another tool may spell it, is taken.
    place.vc.nfc.claimed_thumbprint = right.replace(':', '').lower()
    assert export(place, machine) == DATA


@pytest.mark.parametrize(
    ('fault', 'expected'),
    [
        ('NoDiskSpace', exceptions.NoDiskSpaceException),
        ('FileLocked', exceptions.FileLockedException),
        ('InvalidState', exceptions.VimFaultException),
    ],
)
def test_a_lease_in_state_error(place: Place, fault: str, expected: type) -> None:
    """The server's reason and words are what an import and an export raise."""
    machine = place.import_disk(DATA)
    for operation, move in (
        ('ImportVApp', lambda: place.import_disk(DATA, vm_import_spec=place.import_spec('m'))),
        ('ExportVm', lambda: export(place, machine)),
    ):
        place.vc.faults.fail_task(operation, fault, message='the disk is on fire')
        with pytest.raises(expected, match='the disk is on fire') as raised:
            move()
        assert type(raised.value) is expected
    assert place.vc.nfc.leases == []


@pytest.mark.parametrize('wrong', ['size', 'sha1'])
def test_a_manifest_that_is_not_of_what_came(
    place: Place, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's own account of an export is compared with what arrived."""
    machine = place.import_disk(DATA)
    end = Device.end

    def end_otherwise(self: Device, digests: Any, size: int) -> None:
        end(self, digests, size)
        if wrong == 'size':
            self.size = size + 512
        else:
            self.checksums['sha1'] = '0' * 40

    monkeypatch.setattr(Device, 'end', end_otherwise)
    with pytest.raises(exceptions.VimException, match='not whole'):
        export(place, machine)
    assert place.vc.nfc.leases == []
    assert place.vc.count('HttpNfcLeaseAbort') == 1


def test_without_a_session(place: Place, vc: VCenterSimulator, connect: SessionMaker) -> None:
    """A cookie that the server does not know is refused, and the refusal comes out."""
    with pytest.raises(exceptions.NotAuthenticatedException, match='401'):
        image_transfer.download_file(
            io.BytesIO(DATA), vc.host, vc.port, place.dc.name, place.ds.name,
            'vmware_soap_session="x"', 'f', len(DATA), vc.cacert, 30,
        )  # fmt: skip
