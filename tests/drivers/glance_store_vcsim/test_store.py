"""Glance's ``vmware_datastore`` store on a vCenter that is not ours."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import glance_store
import pytest
from glance_store import exceptions
from oslo_config import cfg

from tests.drivers.on_vcsim.server import Vcsim, running

SIZE = 8 * 1024**2


@pytest.fixture(scope='module')
def server() -> Iterator[Vcsim]:
    real = socket.socket.connect
    with running() as made, pytest.MonkeyPatch.context() as patch:

        def connect(self: socket.socket, address: Any) -> None:
            # The store knows no port but 443.
            real(self, (made.host, made.port) if address == (made.host, 443) else address)

        patch.setattr(socket.socket, 'connect', connect)
        for name in ('REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'):
            patch.delenv(name, raising=False)
        yield made


@pytest.fixture(scope='module')
def stores(server: Vcsim) -> Iterator[Any]:
    glance_store.register_opts(cfg.CONF)
    for name, value in {
        'stores': ['vmware'],
        'default_store': 'vsphere',
        'vmware_server_host': server.host,
        'vmware_server_username': server.username,
        'vmware_server_password': server.password,
        'vmware_ca_file': server.cacert,
        'vmware_insecure': False,
        'vmware_api_retry_count': 2,
        'vmware_task_poll_interval': 1,
        'vmware_datastores': ['DC0:LocalDS_0:100'],
    }.items():
        cfg.CONF.set_override(name, value, group='glance_store')
    glance_store.create_stores(cfg.CONF)
    glance_store.verify_default_store()
    yield glance_store
    glance_store.get_store_from_scheme('vsphere').session.logout()


def test_add_get_size_delete(stores: Any) -> None:
    """An image comes back as it went, and is gone when it has been deleted."""
    data = os.urandom(SIZE)
    uri, size, _checksum, multihash, _metadata = stores.add_to_backend_with_multihash(
        cfg.CONF, str(uuid.uuid4()), io.BytesIO(data), SIZE, 'sha512'
    )
    assert (size, multihash) == (SIZE, hashlib.sha512(data).hexdigest())
    assert stores.get_size_from_backend(uri) == SIZE
    chunks, length = stores.get_from_backend(uri)
    assert int(length) == SIZE
    assert b''.join(chunks) == data
    stores.delete_from_backend(uri)
    with pytest.raises(exceptions.NotFound):
        stores.get_from_backend(uri)


def test_an_image_that_is_not_there(stores: Any) -> None:
    """Is Glance's NotFound, for its size and for its deletion."""
    uri, *_ = stores.add_to_backend_with_multihash(
        cfg.CONF, str(uuid.uuid4()), io.BytesIO(b'x'), 1, 'sha512'
    )
    stores.delete_from_backend(uri)
    with pytest.raises(exceptions.NotFound):
        stores.delete_from_backend(uri)
