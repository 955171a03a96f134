"""Files on datastores, and a disk imported through a lease.

govmomi's /folder reads and writes and asks nobody for credentials; it deletes nothing, which
FileManager does. What is uploaded through a lease it counts and throws away, and there is no
ExportVm to read a disk back.
"""

from typing import Any

import pytest
from pyVmomi import vim

from oslo_vmware import api, exceptions, rw_handles
from tests.functional.test_transfer_simulator import DATA, Place
from tests.vcsim.server import Vcsim


@pytest.fixture
def place(vc: Vcsim, session: api.VMwareAPISession) -> Place:
    """A datacenter and a datastore of it."""
    return Place(vc, session)  # type: ignore[arg-type]


def upload(place: Place, path: str, data: bytes) -> None:
    handle = rw_handles.FileWriteHandle(
        place.vc.host,
        place.vc.port,
        place.dc.name,
        place.ds.name,
        place.session.vim.client.cookiejar,
        path,
        len(data),
        cacerts=place.vc.cacert,
    )
    handle.write(data)
    handle.close()


def manage(place: Place, operation: str, **arguments: Any) -> Any:
    """Have FileManager do something to a file; a task is waited for."""
    session = place.session
    manager = session.vim.service_content.fileManager
    result = session.invoke_api(session.vim, operation, manager, **arguments)
    return session.wait_for_task(result) if operation.endswith('_Task') else result


def delete(place: Place, path: str) -> None:
    name = str(place.ds.build_path(path))
    manage(place, 'DeleteDatastoreFile_Task', name=name, datacenter=place.dc.ref)


def search(place: Place, path: str, pattern: str | None = '*') -> Any:
    """What there is of a pattern; without one no more than the names are asked for."""
    session = place.session
    spec = None
    if pattern is not None:
        spec = session.vim.client.factory.create('ns0:HostDatastoreBrowserSearchSpec')
        spec.matchPattern = [pattern]
        spec.details = session.vim.client.factory.create('ns0:FileQueryFlags')
        spec.details.fileSize, spec.details.fileType = True, True
        spec.details.modification, spec.details.fileOwner = True, False
    task = session.invoke_api(
        session.vim,
        'SearchDatastore_Task',
        place.read(place.ds.ref, 'browser'),
        datastorePath=str(place.ds.build_path(path)),
        searchSpec=spec,
    )
    return session.wait_for_task(task).result


def test_a_file_is_found_with_its_size_and_deleted(place: Place) -> None:
    """A search knows an uploaded file, and no longer after it was deleted."""
    upload(place, 'images/a.vmdk', DATA)
    upload(place, 'images/b.iso', b'abc')
    found = search(place, 'images')
    assert found.folderPath == f'[{place.ds.name}] images'
    assert {one.path: one.fileSize for one in found.file} == {'a.vmdk': len(DATA), 'b.iso': 3}
    kinds = {one.path: one.__class__.__name__ for one in found.file}
    assert kinds == {'a.vmdk': 'VmDiskFileInfo', 'b.iso': 'IsoImageFileInfo'}
    assert [one.path for one in search(place, 'images', '*.vmdk').file] == ['a.vmdk']
    assert sorted(one.path for one in search(place, 'images', None).file) == ['a.vmdk', 'b.iso']
    delete(place, 'images/a.vmdk')
    assert [one.path for one in search(place, 'images').file] == ['b.iso']
    with pytest.raises(exceptions.FileNotFoundException, match='404'):
        place.content('images/a.vmdk')


def test_files_are_copied_and_moved(place: Place) -> None:
    """In a directory that was made for them; the bytes stay the same."""
    where = {'datacenter': place.dc.ref, 'createParentDirectories': True}
    manage(place, 'MakeDirectory', name=str(place.ds.build_path('a', 'b c')), **where)
    upload(place, 'one', DATA)
    for operation, source, destination in [
        ('CopyDatastoreFile_Task', 'one', 'a/b c/two'),
        ('MoveDatastoreFile_Task', 'a/b c/two', 'a/b c/thrëe'),
    ]:
        manage(
            place,
            operation,
            sourceName=str(place.ds.build_path(source)),
            sourceDatacenter=place.dc.ref,
            destinationName=str(place.ds.build_path(destination)),
            destinationDatacenter=place.dc.ref,
            force=False,
        )
    assert [one.path for one in search(place, 'a/b c').file] == ['thrëe']
    assert place.content('one') == place.content('a/b c/thrëe') == DATA


@pytest.mark.parametrize(
    ('action', 'raised'),
    [
        (lambda place: delete(place, 'nothing'), exceptions.FileNotFoundException),
        (lambda place: search(place, 'no directory'), exceptions.FileNotFoundException),
        (
            lambda place: manage(
                place, 'MakeDirectory', name=f'[{place.ds.name}] here', datacenter=place.dc.ref
            ),
            exceptions.FileAlreadyExistsException,
        ),
        (
            lambda place: manage(
                place,
                'MoveDatastoreFile_Task',
                sourceName=f'[{place.ds.name}] here/a',
                sourceDatacenter=place.dc.ref,
                destinationName=f'[{place.ds.name}] here/b',
                destinationDatacenter=place.dc.ref,
                force=False,
            ),
            exceptions.FileAlreadyExistsException,
        ),
    ],
)
def test_what_the_server_refuses_is_raised(
    place: Place, action: Any, raised: type[exceptions.VimException]
) -> None:
    """As the class of its fault, be it the call's or the task's, with the file in the details."""
    upload(place, 'here/a', b'a')
    upload(place, 'here/b', b'b')
    with pytest.raises(exceptions.VimException) as caught:
        action(place)
    assert type(caught.value) is raised
    assert caught.value.details['file']
    assert place.content('here/a') == b'a'
    assert place.content('here/b') == b'b'


def test_a_virtual_disk(place: Place) -> None:
    """Made, known by its UUID, copied and deleted."""
    session = place.session
    manager = session.vim.service_content.virtualDiskManager
    spec = session.vim.client.factory.create('ns0:FileBackedVirtualDiskSpec')
    spec.diskType, spec.adapterType, spec.capacityKb = 'thin', 'lsiLogic', 1024

    def call(operation: str, **arguments: Any) -> Any:
        result = session.invoke_api(session.vim, operation, manager, **arguments)
        return session.wait_for_task(result) if operation.endswith('_Task') else result

    name = str(place.ds.build_path('d.vmdk'))
    call('CreateVirtualDisk_Task', name=name, datacenter=place.dc.ref, spec=spec)
    uuid = call('QueryVirtualDiskUuid', name=name, datacenter=place.dc.ref)
    assert len(uuid.replace(' ', '').replace('-', '')) == 32
    with pytest.raises(exceptions.FileAlreadyExistsException):
        call('CreateVirtualDisk_Task', name=name, datacenter=place.dc.ref, spec=spec)
    call('DeleteVirtualDisk_Task', name=name, datacenter=place.dc.ref)
    with pytest.raises(exceptions.FileNotFoundException):
        call('DeleteVirtualDisk_Task', name=name, datacenter=place.dc.ref)


def test_a_disk_is_imported(place: Place) -> None:
    """The lease's URL, whose host is ``*``, is found; all bytes arrive; the machine is there."""
    machine = place.import_disk(DATA)
    with place.vc.observer() as content:
        made = vim.VirtualMachine(machine.value, content.rootFolder._stub)
        assert made.name == 'imported'
        disks = [one for one in made.config.hardware.device if isinstance(one, DISK)]
        assert [disk.capacityInKB for disk in disks] == [1024 * 1024]
    assert f'transferred {len(DATA)} bytes' in place.vc.log
    assert place.vc.count('HttpNfcLeaseComplete') == 1
    assert place.vc.count('HttpNfcLeaseAbort') == 0


DISK = vim.vm.device.VirtualDisk


@pytest.mark.parametrize('size', [len(DATA) - 1, len(DATA) + 1])
def test_a_disk_of_another_size_is_aborted(place: Place, size: int) -> None:
    """Its lease is not completed."""
    with pytest.raises(exceptions.VMwareDriverException):
        place.import_disk(DATA, image_size=size)
    assert place.vc.count('HttpNfcLeaseComplete') == 0
    assert place.vc.count('HttpNfcLeaseAbort') == 1
