"""Transfers with a whole vCenter: what goes in comes out, and what fails leaves nothing."""

import hashlib
import io
from typing import Any

import pytest

from oslo_vmware import api, exceptions, image_transfer, rw_handles, vim_util
from oslo_vmware.objects import datacenter, datastore
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import SessionMaker

DATA = bytes(range(256)) * 4096
DIGEST = hashlib.sha256(DATA).hexdigest()


class Place:
    """Where the tests put things: the first of everything."""

    def __init__(self, vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
        self.vc = vc
        self.session = session
        dc = self.first('Datacenter')
        self.dc = datacenter.Datacenter(dc, self.read(dc, 'name'))
        ds = self.read(dc, 'datastore').ManagedObjectReference[0]
        self.ds = datastore.get_datastore_by_ref(session, ds)
        self.ds.datacenter = self.dc

    def first(self, type_: str) -> Any:
        return self.session.invoke_api(
            vim_util, 'get_objects', self.session.vim, type_, 100
        ).objects[0].obj  # fmt: skip

    def read(self, ref: Any, name: str) -> Any:
        return self.session.invoke_api(vim_util, 'get_object_property', self.session.vim, ref, name)

    def content(self, path: str) -> bytes:
        handle = rw_handles.FileReadHandle(
            self.vc.host, self.vc.port, self.dc.name, self.ds.name,
            self.session.vim.client.cookiejar, path, cacerts=self.vc.cacert,
        )  # fmt: skip
        data = b''.join(iter(lambda: handle.read(65536), b''))
        handle.close()
        return data

    def import_spec(self, name: str) -> Any:
        create = self.session.vim.client.factory.create
        controller = create('ns0:ParaVirtualSCSIController')
        controller.key, controller.busNumber, controller.sharedBus = -1, 0, 'noSharing'
        disk = create('ns0:VirtualDisk')
        disk.key, disk.controllerKey, disk.unitNumber = -10, -1, 0
        disk.capacityInKB = 1024 * 1024
        disk.backing = create('ns0:VirtualDiskFlatVer2BackingInfo')
        disk.backing.fileName, disk.backing.diskMode = '', 'persistent'
        disk.backing.thinProvisioned = True
        changes = []
        for device in (controller, disk):
            change = create('ns0:VirtualDeviceConfigSpec')
            change.operation, change.device = 'add', device
            changes.append(change)
        changes[1].fileOperation = 'create'
        spec = create('ns0:VirtualMachineImportSpec')
        spec.configSpec = create('ns0:VirtualMachineConfigSpec')
        spec.configSpec.name, spec.configSpec.numCPUs, spec.configSpec.memoryMB = name, 1, 64
        spec.configSpec.files = create('ns0:VirtualMachineFileInfo')
        spec.configSpec.files.vmPathName = str(self.ds)
        spec.configSpec.deviceChange = changes
        return spec

    def import_disk(self, data: bytes, **overrides: Any) -> Any:
        arguments = {
            'session': self.session,
            'host': self.vc.host,
            'port': self.vc.port,
            'resource_pool': self.first('ResourcePool'),
            'vm_folder': self.read(self.dc.ref, 'vmFolder'),
            'vm_import_spec': self.import_spec('imported'),
            'image_size': len(data),
            'http_method': 'POST',
        } | overrides
        source = io.BytesIO(data)
        return image_transfer.download_stream_optimized_data(None, 30, source, **arguments)


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


def test_without_a_session(place: Place, vc: VCenterSimulator, connect: SessionMaker) -> None:
    """A cookie that the server does not know is refused, and the refusal comes out."""
    with pytest.raises(exceptions.NotAuthenticatedException, match='401'):
        image_transfer.download_file(
            io.BytesIO(DATA), vc.host, vc.port, place.dc.name, place.ds.name,
            'vmware_soap_session="x"', 'f', len(DATA), vc.cacert, 30,
        )  # fmt: skip
