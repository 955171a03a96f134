"""What stands in for the rest of Nova, and the view of the server."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import nova.conf
import pytest
from nova import config, objects, rpc
from nova.network import model as network_model
from oslo_messaging.conffixture import ConfFixture

from oslo_vmware import vim_util
from oslo_vmware.simulator import VCenterSimulator

MIB = 1024**2
GIB = 1024**3
PROJECT = '7c6b6c8f0f0b4d0f8f0a1d1f0c7c2f55'


def configure(vc: Any, cluster: str) -> None:
    """Configure Nova for a vCenter, before the driver is imported.

    :param vc: has ``host``, ``port``, ``username``, ``password`` and ``cacert``
    :param cluster: name of the cluster
    """
    config.parse_args(['nova-compute'], default_config_files=[], configure_db=False, init_rpc=False)
    conf = nova.conf.CONF
    for name, value in {
        'host_ip': vc.host,
        'host_port': vc.port,
        'host_username': vc.username,
        'host_password': vc.password,
        'cluster_name': cluster,
        'ca_file': vc.cacert,
        'insecure': False,
        'task_poll_interval': 0.05,
        'api_retry_count': 2,
    }.items():
        conf.set_override(name, value, group='vmware')
    conf.set_override('enabled', False, group='vnc')
    conf.set_override('lock_path', os.path.expanduser('~/locks'), group='oslo_concurrency')
    objects.register_all()
    # The driver makes clients of other services, which it does not call in these tests.
    messaging = ConfFixture(conf)
    messaging.setUp()
    messaging.transport_url = 'fake:/'
    rpc.init(conf)


@contextlib.contextmanager
def drivers(ports: Ports) -> Iterator[Callable[..., Any]]:
    """Give a function that makes drivers as nova-compute does; its options are of the group
    ``vmware``. In the end the drivers are told to clean up.
    """
    from nova.virt.vmwareapi.driver import VMwareVCDriver

    conf = nova.conf.CONF
    made: list[Any] = []
    before: dict[str, Any] = {}

    def make(**options: Any) -> VMwareVCDriver:
        for name, value in options.items():
            before.setdefault(name, conf.vmware[name])
            conf.set_override(name, value, group='vmware')
        driver = VMwareVCDriver(virtapi=None)
        made.append(driver)
        driver.init_host('compute-1')
        driver._vmops._network_api = ports
        return driver

    yield make
    for driver in made:
        driver.cleanup_host('compute-1')
    for name, value in before.items():
        conf.set_override(name, value, group='vmware')


def mend_placement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the driver place instances by storage policies.

    In Nova 34.0.0 none can: ``ds_util`` looks for ``get_moref_value`` in Nova's own ``vim_util``,
    which has no such function, where it means that of the library. It gets what it means; and this
    is to go with the release that no longer needs it.
    """
    from nova.virt.vmwareapi import vim_util as nova_vim_util

    assert not hasattr(nova_vim_util, 'get_moref_value')
    monkeypatch.setattr(nova_vim_util, 'get_moref_value', vim_util.get_moref_value, raising=False)


class Images:
    """The image service: as much of ``nova.image.glance.API`` as the driver uses, in memory."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.metadata: dict[str, dict[str, Any]] = {}

    def add(self, data: bytes, **properties: str) -> objects.ImageMeta:
        """An image, as the compute manager hands it to the driver."""
        image_id = str(uuid.uuid4())
        self.data[image_id] = data
        self.metadata[image_id] = {
            'id': image_id,
            'name': f'image {len(self.metadata)}',
            'size': len(data),
            'disk_format': 'vmdk',
            'container_format': 'bare',
            'min_ram': 0,
            'min_disk': 0,
            'properties': properties,
        }
        return objects.ImageMeta.from_dict(self.metadata[image_id])

    def create(self, name: str) -> str:
        """An image without data yet, as the API service makes it for a snapshot."""
        image_id = str(uuid.uuid4())
        self.metadata[image_id] = {'id': image_id, 'name': name, 'size': 0, 'properties': {}}
        return image_id

    # What the driver calls

    def get(
        self, context: Any, image_id: str, include_locations: bool = False, **unused: Any
    ) -> dict[str, Any]:
        return dict(self.metadata[image_id])

    def download(self, context: Any, image_id: str, **unused: Any) -> Iterator[bytes]:
        source = io.BytesIO(self.data[image_id])
        return iter(lambda: source.read(65536), b'')

    def update(
        self, context: Any, image_id: str, metadata: dict[str, Any], data: Any = None, **unused: Any
    ) -> None:
        self.metadata[image_id] |= metadata
        if data is not None:
            parts = []
            while part := data.read(65536):
                parts.append(part)
            self.data[image_id] = b''.join(parts)


class Ports:
    """The network service: notes which port of an instance is which of its cards."""

    def __init__(self) -> None:
        self.indices: dict[str, int] = {}

    def update_instance_vnic_index(
        self, context: Any, instance: Any, vif: Any, index: int | None
    ) -> None:
        self.indices[vif['id']] = index


def make_flavor(*, root_gb: int, memory_mb: int, vcpus: int, **extra_specs: str) -> objects.Flavor:
    return objects.Flavor(
        id=1,
        flavorid='f',
        name='small',
        memory_mb=memory_mb,
        vcpus=vcpus,
        root_gb=root_gb,
        ephemeral_gb=0,
        swap=0,
        rxtx_factor=1.0,
        extra_specs={name.replace('__', ':'): value for name, value in extra_specs.items()},
    )


def new_instance(
    image: objects.ImageMeta,
    *,
    root_gb: int = 1,
    memory_mb: int = 512,
    vcpus: int = 1,
    name: str = 'web',
    **extra_specs: str,
) -> objects.Instance:
    """An instance for an image, as the conductor makes it; nothing of it is in a database."""
    flavor = make_flavor(root_gb=root_gb, memory_mb=memory_mb, vcpus=vcpus, **extra_specs)
    instance = objects.Instance(
        id=1,
        uuid=str(uuid.uuid4()),
        project_id=PROJECT,
        user_id='user',
        image_ref=image.id,
        host='compute-1',
        node='node',
        display_name=name,
        hostname=name,
        memory_mb=memory_mb,
        vcpus=vcpus,
        root_gb=root_gb,
        ephemeral_gb=0,
        flavor=flavor,
        system_metadata={'image_base_image_ref': image.id},
        metadata={},
        config_drive='',
        task_state=None,
        vm_state='building',
        power_state=0,
        progress=0,
        numa_topology=None,
    )
    instance.obj_reset_changes(recursive=True)
    # There is no database for it.
    object.__setattr__(instance, 'save', lambda *args, **kwargs: None)
    return instance


def vif_on(network: str, mac: str) -> network_model.VIF:
    """A port that is bound to a port group."""
    return network_model.VIF(
        id=str(uuid.uuid4()),
        address=mac,
        network=network_model.Network(
            id=str(uuid.uuid4()), bridge=network, label=network, subnets=[]
        ),
        type=network_model.VIF_TYPE_DVS,
        details={'dvs_port_group_name': network},
    )


class Server:
    """The server's side of an instance."""

    def __init__(self, vc: VCenterSimulator, instance: objects.Instance) -> None:
        self.vc = vc
        self.uuid = instance.uuid

    @property
    def vm(self) -> Any:
        """The machine in the inventory; None if there is none."""
        found = [
            one
            for one in self.vc.world.objects.values()
            if one.is_a('VirtualMachine') and one.instance_uuid == self.uuid
        ]
        assert len(found) <= 1
        return found[0] if found else None

    def volume(self, datastore: Any = None) -> Any:
        """The files of a datastore, by default that of the machine."""
        return self.vc.world.files.of(datastore or self.vm.home)

    def disk_file(self, disk: Any) -> str:
        """The path, on this computer, of the data of a disk; of a child that is its parent's."""
        volume, path = self.volume().data_of(disk.backing.fileName.partition('] ')[2])
        return volume.real(path)


def digest_of(path: str, size: int) -> str:
    """Of the beginning of a file."""
    with open(path, 'rb') as file:
        return digest(file.read(size))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
