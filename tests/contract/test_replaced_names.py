"""Names that users' unit tests replace: attributes of exactly these modules, free to be replaced.

Where the library itself goes by such a name, it must see the replacement; the two for paging are
named for that in the contract, the handles are what ``image_transfer`` makes by their name.
"""

import importlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from oslo_vmware import api, image_transfer, rw_handles, service, vim_util
from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.functional.conftest import SessionMaker

REPLACED = {
    'api': ('VMwareAPISession',),
    'rw_handles': ('ImageReadHandle', 'FileWriteHandle', 'VmdkWriteHandle'),
    'image_transfer': (
        'copy_stream_optimized_disk', 'download_file', 'download_flat_image',
        'download_stream_optimized_image', 'upload_image',
    ),
    'objects.datastore': ('get_datastore_by_ref', 'DatastoreURL'),
    'pbm': ('get_profile_id_by_name', 'get_pbm_wsdl_location'),
    'vim_util': (
        'get_moref', 'get_object_property', 'get_inventory_path', 'get_vc_version',
        'find_extension', 'register_extension', 'continue_retrieval', 'cancel_retrieval',
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ('module', 'name'), [(module, name) for module, names in REPLACED.items() for name in names]
)
def test_a_name_of_its_module(module: str, name: str) -> None:
    """The name is an attribute of the module, made there, and can be replaced for a while."""
    full = f'oslo_vmware.{module}'
    found = importlib.import_module(full)
    there = vars(found)[name]
    assert there.__module__ == full
    with mock.patch(f'{full}.{name}', autospec=True) as replaced:
        assert getattr(found, name) is replaced
    assert getattr(found, name) is there


@pytest.mark.parametrize(
    'name',
    [
        *('CACHE_TIMEOUT', 'CompatibilitySudsClient', 'LocalFileAdapter', 'MemoryCache'),
        *('RequestsTransport', 'Response', 'ServiceMessagePlugin', 'SudsLogFilter'),
    ],
)
def test_a_name_that_is_imported_late(name: str) -> None:
    """What ``service`` offers without importing it before it is asked for can be replaced alike."""
    there = getattr(service, name)
    with mock.patch(f'oslo_vmware.service.{name}') as replaced:
        assert getattr(service, name) is replaced
    assert getattr(service, name) is there


@pytest.fixture
def pages(connect: SessionMaker) -> Iterator[tuple[VCenterSimulator, api.VMwareAPISession, Any]]:
    """A retrieval of which the server holds two more pages."""
    with VCenterSimulator(inventory=Inventory(vms=25)) as vc:
        session = connect(vc)
        result = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 10)
        yield vc, session, result


def test_paging_sees_the_replacements(pages: Any) -> None:
    """``WithRetrieval`` goes by the names at the time of the call, also once it is made."""
    vc, session, result = pages
    retrieval = vim_util.WithRetrieval(session.vim, result)
    with (
        mock.patch.object(vim_util, 'continue_retrieval', return_value=None) as continued,
        mock.patch.object(vim_util, 'cancel_retrieval') as cancelled,
        retrieval as found,
    ):
        assert len(list(found)) == 10
    continued.assert_called_once_with(session.vim, result)
    assert cancelled.call_count <= 1
    assert vc.count('ContinueRetrievePropertiesEx') == 0
    assert vc.count('CancelRetrievePropertiesEx') == 0


def test_cancelling_sees_the_replacement(pages: Any) -> None:
    """Leaving early cancels through the name."""
    vc, session, result = pages
    with (
        mock.patch.object(vim_util, 'cancel_retrieval') as cancelled,
        vim_util.WithRetrieval(session.vim, result) as found,
    ):
        next(iter(found))
    cancelled.assert_called_once_with(session.vim, result)
    assert vc.count('CancelRetrievePropertiesEx') == 0


class Images:
    """An image service."""

    def show(self, context: Any, image_id: str) -> dict[str, str]:
        return {'container_format': 'bare'}

    def download(self, context: Any, image_id: str) -> list[bytes]:
        return [b'abc']


@pytest.mark.parametrize(
    ('function', 'handle'),
    [
        ('download_flat_image', 'FileWriteHandle'),
        ('download_stream_optimized_image', 'VmdkWriteHandle'),
    ],
)
def test_image_transfer_makes_the_handles_by_name(
    session: api.VMwareAPISession, vc: VCenterSimulator, function: str, handle: str
) -> None:
    """Replaced in ``rw_handles``, the handles are the ones that a transfer reads and writes."""
    written: list[bytes] = []
    sink = SimpleNamespace(
        write=written.append, close=lambda: None, get_imported_vm=lambda: 'the machine'
    )
    vc.calls.clear()
    with (
        mock.patch.object(rw_handles, handle, return_value=sink) as made,
        mock.patch.object(rw_handles, 'ImageReadHandle', side_effect=OneMore) as read,
    ):
        getattr(image_transfer, function)(
            None, 30, Images(), 'id', image_size=4, session=session, host='h', port=443
        )
    assert (made.call_count, read.call_count) == (1, 1)
    assert written == [b'abc', b'!']
    assert not vc.calls


class OneMore:
    """A source that gives a piece more than there is."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = iter([*pieces, b'!'])

    def read(self, size: int) -> bytes:
        return next(self.pieces, b'')

    def close(self) -> None:
        pass


def test_polling_sees_a_replaced_read(session: api.VMwareAPISession, vm: Any) -> None:
    """``get_object_property`` replaced in ``vim_util`` is what a session's callers get by name."""
    with mock.patch.object(vim_util, 'get_object_property', return_value='mine') as replaced:
        found = session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')
    assert found == 'mine'
    replaced.assert_called_once_with(session.vim, vm, 'name')
