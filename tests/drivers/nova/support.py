"""What stands in for the rest of Nova, and the view of the server."""

from __future__ import annotations

import hashlib
import io
import uuid
from collections.abc import Iterator
from typing import Any

from nova import objects
from nova.network import model as network_model

from oslo_vmware.simulator import VCenterSimulator

MIB = 1024**2
GIB = 1024**3


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
