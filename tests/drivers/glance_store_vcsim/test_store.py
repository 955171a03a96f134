"""Glance's ``vmware_datastore`` store on a vCenter that is not ours.

govmomi's simulator takes any cookie for a transfer, never runs out of room, and breaks nothing
off: flows of that are in ``tests/drivers/glance_store`` alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any

import pytest
from glance_store import exceptions

from tests.drivers.glance_store_vcsim.conftest import FIRST, SECOND
from tests.drivers.on_vcsim.inventory import end_other_sessions, file
from tests.drivers.on_vcsim.server import Vcsim

MIB = 1024**2
SIZE = 8 * MIB

Add = Callable[..., tuple[str, Any]]


def images(content: Any, datastore: str = FIRST) -> dict[str, bytes]:
    """What lies in the store's directory on a datastore."""
    directory = file(content, f'[{datastore}] openstack_glance')
    return {one.name: one.read_bytes() for one in directory.glob('*')}


@pytest.mark.parametrize('known', [True, False], ids=['', 'unknown size'])
def test_add_get_size_delete(
    stores: Any, server: Vcsim, content: Any, add: Add, known: bool
) -> None:
    """An image comes back as it went, and is gone when it has been deleted."""
    data = os.urandom(SIZE + 1)
    uri, (_uri, size, checksum, multihash, _metadata) = add(data, None if known else 0)
    assert uri.startswith(f'vsphere://{server.host}/folder/openstack_glance/')
    assert images(content) == {uri.partition('?')[0].rpartition('/')[2]: data}
    assert (size, checksum) == (len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())
    assert multihash == hashlib.sha512(data).hexdigest()
    assert stores.get_size_from_backend(uri) == len(data)
    chunks, length = stores.get_from_backend(uri)
    assert int(length) == len(data)
    assert b''.join(chunks) == data
    stores.delete_from_backend(uri)
    assert images(content) == {}
    for operation in (
        stores.get_size_from_backend,
        stores.get_from_backend,
        stores.delete_from_backend,
    ):
        with pytest.raises(exceptions.NotFound):
            operation(uri)


def test_no_room_anywhere(content: Any, add: Add) -> None:
    """An image larger than each datastore is refused before a byte is sent."""
    with pytest.raises(exceptions.StorageFull):
        add(b'x', 2**60)
    assert images(content) == images(content, SECOND) == {}


def test_expired_session(stores: Any, content: Any, add: Add) -> None:
    """The store opens another session for an upload; deleting is renewed by the library."""
    assert len(end_other_sessions(content)) == 1
    uri, _answer = add(b'x' * MIB)
    assert list(images(content).values()) == [b'x' * MIB]
    assert len(end_other_sessions(content)) == 1
    stores.delete_from_backend(uri)
    assert images(content) == {}
    assert len(content.sessionManager.sessionList) == 2
