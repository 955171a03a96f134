"""Calls in the very form in which users write them: which arguments by position, which by name."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware import api, image_transfer, pbm, rw_handles, vim_util
from oslo_vmware.objects import datastore as ds_obj
from oslo_vmware.simulator import VCenterSimulator
from tests.contract.conftest import obj, refs
from tests.functional.conftest import DESCRIPTION
from tests.transfer.disks import stream_of
from tests.transfer.place import Place

DATA = stream_of(bytes(range(256)) * 512)


def cinder(vc: VCenterSimulator) -> Any:
    return api.VMwareAPISession(
        vc.host, vc.username, vc.password, 10, 0.05,
        wsdl_loc=DESCRIPTION, pbm_wsdl_loc=None, port=vc.port, cacert=vc.cacert, insecure=False,
        pool_size=10, op_id_prefix='c-vol',
    )  # fmt: skip


def glance_store(vc: VCenterSimulator) -> Any:
    return api.VMwareAPISession(
        vc.host, vc.username, vc.password, 10, 0.05,
        wsdl_loc=DESCRIPTION, port=vc.port, cacert=vc.cacert, insecure=False,
    )  # fmt: skip


def os_brick(vc: VCenterSimulator) -> Any:
    return api.VMwareAPISession(
        vc.host, vc.username, vc.password, 10, 0.05,
        wsdl_loc=DESCRIPTION, port=vc.port, cacert=vc.cacert, insecure=False, pool_size=10,
        op_id_prefix='os-brick',
    )  # fmt: skip


def ceilometer(vc: VCenterSimulator) -> Any:
    module = __import__('oslo_vmware.api')
    return module.api.VMwareAPISession(
        vc.host, vc.username, vc.password, 10, 0.05,
        wsdl_loc=DESCRIPTION, port=vc.port, cacert=vc.cacert, insecure=False,
    )  # fmt: skip


def nova(vc: VCenterSimulator) -> Any:
    return api.VMwareAPISession(
        host=vc.host, port=vc.port, server_username=vc.username, server_password=vc.password,
        api_retry_count=10, task_poll_interval=0.05, scheme='https', create_session=True,
        wsdl_loc=DESCRIPTION, cacert=vc.cacert, insecure=False, pool_size=10, op_id_prefix='nova',
    )  # fmt: skip


@pytest.mark.parametrize('construct', [cinder, glance_store, os_brick, ceilometer, nova])
def test_a_session_and_what_is_used_of_it(
    vc: VCenterSimulator, vm: Any, construct: Callable[[VCenterSimulator], Any]
) -> None:
    """Each user's constructor call logs in, and every member that users use works."""
    session = construct(vc)
    assert vc.count('Login') == 1
    assert session.is_current_session_active() is True
    assert session.pbm is None
    session.pbm_wsdl_loc_set(pbm.get_pbm_wsdl_location('8.0.3'))
    assert pbm.get_profile_id_by_name(session, 'Gold').uniqueId
    task = session.invoke_api(session.vim, 'PowerOnVM_Task', vm)
    assert session.wait_for_task(task).state == 'success'
    assert obj(vc, vm).power_state == 'poweredOn'
    assert session.logout() is None
    assert vc.count('Logout') == 1
    assert session.is_current_session_active() is False
    session.close()


def test_file_handles(place: Place) -> None:
    """Positional, and ``cacerts`` by name."""
    jar = place.session.vim.client.cookiejar
    handle = rw_handles.FileWriteHandle(
        place.vc.host, place.vc.port, place.dc.name, place.ds.name, jar, 'f', len(DATA),
        cacerts=place.vc.cacert,
    )  # fmt: skip
    handle.write(DATA)
    handle.close()
    assert place.content('f') == DATA


def test_vmdk_handles(place: Place) -> None:
    """Positional from the session on."""
    writer = rw_handles.VmdkWriteHandle(
        place.session, place.vc.host, place.vc.port, place.first('ResourcePool'),
        place.read(place.dc.ref, 'vmFolder'), place.import_spec('made'), len(DATA), 'POST',
    )  # fmt: skip
    writer.write(DATA)
    writer.close()
    reader = rw_handles.VmdkReadHandle(
        place.session, place.vc.host, place.vc.port, writer.get_imported_vm(), None, len(DATA)
    )
    assert b''.join(iter(lambda: reader.read(65536), b'')) == DATA
    reader.close()


class Images:
    """An image service; ``held`` is what was uploaded to it."""

    def __init__(self) -> None:
        self.held = b''
        self.metadata: Any = None

    def show(self, context: Any, image_id: str) -> dict[str, str]:
        return {'container_format': 'bare'}

    def download(self, context: Any, image_id: str) -> Any:
        return iter([DATA])

    def update(self, context: Any, image_id: str, metadata: Any, data: Any, **options: Any) -> None:
        self.metadata = metadata
        self.held = b''.join(iter(lambda: data.read(65536), b''))


def test_downloads(place: Place) -> None:
    """``download_file`` by position; the others with the leading arguments so, the rest by name."""
    jar = place.session.vim.client.cookiejar
    image_transfer.download_file(
        rw_handles.ImageReadHandle(iter([DATA])), place.vc.host, place.vc.port, place.dc.name,
        place.ds.name, jar, 'a', len(DATA), place.vc.cacert, 30,
    )  # fmt: skip
    image_transfer.download_flat_image(
        None, 30, Images(), 'id',
        image_size=len(DATA), host=place.vc.host, port=place.vc.port,
        data_center_name=place.dc.name, datastore_name=place.ds.name, cookies=jar,
        file_path='b', cacerts=place.vc.cacert,
    )  # fmt: skip
    assert place.content('a') == place.content('b') == DATA


def test_disks(place: Place) -> None:
    """Import and both exports, as Nova and Cinder call them."""
    common: dict[str, Any] = {
        'session': place.session, 'host': place.vc.host, 'port': place.vc.port,
    }  # fmt: skip
    machine = image_transfer.download_stream_optimized_image(
        None, 30, Images(), 'id',
        **common, resource_pool=place.first('ResourcePool'),
        vm_folder=place.read(place.dc.ref, 'vmFolder'),
        vm_import_spec=place.import_spec('image'), image_size=len(DATA), http_method='POST',
    )  # fmt: skip
    kept = io.BytesIO()
    kept.close = lambda: None  # type: ignore[method-assign]
    image_transfer.copy_stream_optimized_disk(
        None, 30, kept, **common, vm=machine, vmdk_file_path=None, vmdk_size=len(DATA)
    )
    images = Images()
    image_transfer.upload_image(
        None, 30, images, 'id', 'owner',
        **common, vm=machine, vmdk_file_path=None, vmdk_size=len(DATA), image_name='n',
        image_version=1,
    )  # fmt: skip
    assert kept.getvalue() == images.held == DATA
    assert images.metadata['properties']['owner_id'] == 'owner'
    assert place.vc.nfc.leases == []


def test_properties_read_without_helpers(session: api.VMwareAPISession, vm: Any) -> None:
    """Users call ``RetrievePropertiesEx`` themselves, with specifications made by hand."""
    create = session.vim.client.factory.create
    properties = create('ns0:PropertySpec')
    properties.type, properties.pathSet, properties.all = 'VirtualMachine', ['name'], False
    where = create('ns0:ObjectSpec')
    where.obj, where.skip = vm, False
    spec = create('ns0:PropertyFilterSpec')
    spec.propSet, spec.objectSet = [properties], [where]
    options = create('ns0:RetrieveOptions')
    options.maxObjects = 1
    collector = session.vim.service_content.propertyCollector
    by_session = session.invoke_api(
        session.vim, 'RetrievePropertiesEx', collector, specSet=[spec], options=options
    )
    directly = session.vim.RetrievePropertiesEx(collector, specSet=[spec], options=options)
    wanted = vim_util.get_object_property(session.vim, vm, 'name')
    for result in (by_session, directly):
        assert [content.propSet[0].val for content in result.objects] == [wanted]


def test_a_datastore_of_the_users(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """The store of images makes datastores from what it reads, and paths from those."""
    (moref,) = refs(vc, 'Datastore', lambda found: found.name == 'fra-nfs-01')
    found = ds_obj.get_datastore_by_ref(session, moref)
    assert str(found.build_path('a', 'b.vmdk')) == '[fra-nfs-01] a/b.vmdk'
