"""Glance's ``vmware_datastore`` store: images as files on datastores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import pytest
from glance_store import exceptions
from glance_store._drivers.vmware_datastore import Store

from oslo_vmware.simulator import VCenterSimulator
from tests.drivers.glance_store.conftest import FIRST, SECOND, datastore

MIB = 1024**2
SIZE = 64 * MIB


@pytest.fixture(scope='module')
def data() -> bytes:
    """An image of 64 MiB that is like no other."""
    return os.urandom(SIZE)


def content(vcenter: VCenterSimulator, name: str, file: str) -> bytes:
    """What is in a file on a datastore."""
    volume = vcenter.world.files.of(datastore(vcenter, name))
    with open(volume.real(f'openstack_glance/{file}'), 'rb') as opened:
        return opened.read()


def test_class(stores: Any) -> None:
    """The store is the one that ``vmware`` names in Glance's configuration."""
    store = stores.get_store_from_scheme('vsphere')
    assert type(store) is Store
    assert store.session.vim.service_content.about.apiType == 'VirtualCenter'


def test_add_get_size_delete(
    stores: Any,
    vcenter: VCenterSimulator,
    add: Callable[..., tuple[str, Any]],
    files: Callable[..., list[str]],
    data: bytes,
) -> None:
    """64 MiB added, read back and deleted: checksums, sizes and the file on the datastore agree,
    and the space is charged and given back.
    """
    place = datastore(vcenter, FIRST)
    free = place.free_space
    uri, (_uri, size, checksum, multihash, metadata) = add(data)
    image = uri.partition('?')[0].rpartition('/')[2]
    assert uri.startswith(f'vsphere://{vcenter.host}/folder/openstack_glance/')
    assert (size, checksum) == (SIZE, hashlib.md5(data, usedforsecurity=False).hexdigest())
    assert (multihash, metadata) == (hashlib.sha512(data).hexdigest(), {})
    assert files() == [image]
    assert content(vcenter, FIRST, image) == data
    assert place.free_space == free - SIZE
    # The store asked for one session, and sent the image with its cookie once.
    (upload,) = vcenter.transfers
    assert (upload.method, upload.status, upload.received) == ('PUT', 201, SIZE)
    assert vcenter.count('Login') == 0

    assert stores.get_size_from_backend(uri) == SIZE
    assert vcenter.transfers[-1].method == 'HEAD'
    parts, length = stores.get_from_backend(uri)
    digest = hashlib.sha512()
    for part in parts:
        digest.update(part)
    assert (length, digest.hexdigest()) == (SIZE, multihash)
    assert vcenter.transfers[-1].complete

    stores.delete_from_backend(uri)
    assert files() == []
    assert place.free_space == free
    for operation in (
        stores.get_size_from_backend,
        stores.get_from_backend,
        stores.delete_from_backend,
    ):
        with pytest.raises(exceptions.NotFound):
            operation(uri)


def test_image_of_unknown_size(
    stores: Any,
    vcenter: VCenterSimulator,
    add: Callable[..., tuple[str, Any]],
    data: bytes,
) -> None:
    """An image whose size nobody knows beforehand is sent in chunks and counted."""
    uri, answer = add(data[: 5 * MIB + 1], size=0)
    assert answer[1] == stores.get_size_from_backend(uri) == 5 * MIB + 1
    upload = vcenter.transfers[0]
    assert (upload.method, upload.announced, upload.received) == ('PUT', None, 5 * MIB + 1)
    stores.delete_from_backend(uri)


def test_no_room_anywhere(
    vcenter: VCenterSimulator,
    add: Callable[..., tuple[str, Any]],
    files: Callable[..., list[str]],
    data: bytes,
) -> None:
    """With too little room on all datastores StorageFull is raised before a byte is sent."""
    for name in (FIRST, SECOND):
        vcenter.set_free_space(name, SIZE - 1)
    with pytest.raises(exceptions.StorageFull):
        add(data)
    assert list(vcenter.transfers) == []
    assert files(FIRST) == files(SECOND) == []
    assert datastore(vcenter, FIRST).free_space == SIZE - 1


def test_next_datastore_when_the_first_is_full(
    stores: Any,
    vcenter: VCenterSimulator,
    add: Callable[..., tuple[str, Any]],
    files: Callable[..., list[str]],
    data: bytes,
) -> None:
    """The weight decides among the datastores that have the room."""
    vcenter.set_free_space(FIRST, SIZE - 1)
    uri, _answer = add(data)
    assert f'dsName={SECOND}&' in uri
    assert files(FIRST) == []
    (image,) = files(SECOND)
    assert hashlib.sha256(content(vcenter, SECOND, image)).digest() == hashlib.sha256(data).digest()
    stores.delete_from_backend(uri)
    assert files(SECOND) == []


def test_datastore_that_fills_up_meanwhile(
    vcenter: VCenterSimulator,
    add: Callable[..., tuple[str, Any]],
    files: Callable[..., list[str]],
    data: bytes,
) -> None:
    """A server that runs out of room half-way through is the documented BackendException; nothing
    of the image is left, and nothing of the room is lost.
    """
    vcenter.set_free_space(FIRST, 16 * MIB)
    with pytest.raises(exceptions.BackendException):
        # Its size is unknown, so the store tries.
        add(data, size=0)
    upload = vcenter.transfers[-1]
    assert (upload.method, upload.status) == ('PUT', 507)
    assert 16 * MIB < upload.received < SIZE
    assert files(FIRST) == files(SECOND) == []
    assert datastore(vcenter, FIRST).free_space == 16 * MIB


def test_connection_lost_in_the_middle(
    vcenter: VCenterSimulator,
    add: Callable[..., tuple[str, Any]],
    files: Callable[..., list[str]],
    data: bytes,
) -> None:
    """An upload that breaks off raises and leaves nothing."""
    free = datastore(vcenter, FIRST).free_space
    vcenter.faults.drop('PUT /folder/*', after_bytes=20 * MIB)
    with pytest.raises(exceptions.BackendException):
        add(data)
    assert vcenter.transfers[-1].status is None
    assert files() == []
    assert datastore(vcenter, FIRST).free_space == free


def test_expired_session(
    stores: Any, vcenter: VCenterSimulator, add: Callable[..., tuple[str, Any]], data: bytes
) -> None:
    """The store opens another session for an upload, and for a download when the server refuses
    the cookie; deleting is renewed by the library.
    """
    vcenter.expire_sessions()
    uri, _answer = add(data[:MIB])
    assert vcenter.count('Login') == 1
    vcenter.expire_sessions()
    parts, length = stores.get_from_backend(uri)
    assert length == MIB
    assert b''.join(parts) == data[:MIB]
    assert vcenter.count('Login') == 2
    assert [(one.method, one.status) for one in vcenter.transfers] == [
        ('PUT', 201),
        ('GET', 401),
        ('GET', 200),
    ]
    vcenter.expire_sessions()
    stores.delete_from_backend(uri)
    assert vcenter.count('Login') == 3
