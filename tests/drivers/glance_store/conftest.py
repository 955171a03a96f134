"""A vCenter, and Glance's stores configured for it as in a deployment.

The store knows no port but 443, neither in its configuration nor in the locations of its images.
A process without privileges cannot listen there. So what this process opens to port 443 of the
vCenter's address is led to the simulator's port, below sockets and TLS, as a router would do it.
"""

from __future__ import annotations

import io
import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import glance_store
import pytest
from oslo_config import cfg

from oslo_vmware.simulator import Inventory, VCenterSimulator

#: Datastores, the preferred one first.
FIRST, SECOND = 'fra-nfs-01', 'fra-vmfs-01'

_CONF = cfg.CONF


@pytest.fixture(scope='module')
def server() -> Iterator[VCenterSimulator]:
    with VCenterSimulator(inventory=Inventory(vms=4), task_seconds=0.01) as made:
        yield made
        assert len(made.sessions) == 0


@pytest.fixture(scope='module')
def places() -> list[str]:
    """The datastores of the store, with their weights."""
    return [f'Frankfurt:{FIRST}:200', f'Frankfurt:{SECOND}:100']


@pytest.fixture(scope='module', autouse=True)
def way(server: VCenterSimulator) -> Iterator[None]:
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        real(self, (server.host, server.port) if address == (server.host, 443) else address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, 'connect', connect)
        # The store's own transfers are by requests, which lets these override the store's CA file.
        for name in ('REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope='module')
def stores(server: VCenterSimulator, places: list[str]) -> Iterator[Any]:
    """The module that Glance adds, gets and deletes images with; it has one store, on two
    datastores.
    """
    glance_store.register_opts(_CONF)
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
        'vmware_datastores': places,
    }.items():
        _CONF.set_override(name, value, group='glance_store')
    glance_store.create_stores(_CONF)
    glance_store.verify_default_store()
    yield glance_store
    glance_store.get_store_from_scheme('vsphere').session.logout()


@pytest.fixture
def add(stores: Any) -> Callable[..., tuple[str, Any]]:
    """Adds an image; returns its URI and all that the store says of it."""

    def added(data: bytes, size: int | None = None) -> tuple[str, Any]:
        answer = stores.add_to_backend_with_multihash(
            stores.backend.CONF,
            str(uuid.uuid4()),
            io.BytesIO(data),
            len(data) if size is None else size,
            'sha512',
        )
        return answer[0], answer

    return added


@pytest.fixture
def vcenter(stores: Any, server: VCenterSimulator) -> Iterator[VCenterSimulator]:
    """The vCenter; a test that is over leaves no lease, no session but the store's, and as much
    room as there was.
    """
    free = {name: datastore(server, name).free_space for name in (FIRST, SECOND)}
    server.calls.clear()
    server.transfers.clear()
    yield server
    server.faults.clear()
    for name, value in free.items():
        server.set_free_space(name, value)
    assert server.errors == []
    assert server.nfc.leases == []
    assert len(server.sessions) == 1


def datastore(vcenter: VCenterSimulator, name: str) -> Any:
    """The simulator's datastore."""
    (found,) = [
        one for one in vcenter.world.objects.values() if one.is_a('Datastore') and one.name == name
    ]
    return found


@pytest.fixture
def files(vcenter: VCenterSimulator) -> Callable[..., list[str]]:
    """Lists the directory of the images on a datastore; nothing where there is none."""

    def listed(name: str = FIRST) -> list[str]:
        volume = vcenter.world.files.of(datastore(vcenter, name))
        if not volume.is_directory('openstack_glance'):
            return []
        found: list[str] = volume.names('openstack_glance')
        return found

    return listed
