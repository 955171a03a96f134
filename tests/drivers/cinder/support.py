"""What stands in for the rest of a cloud, and the server's view of a volume."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from typing import Any

import glanceclient.exc
from cinder import context as cinder_context
from cinder import objects

from oslo_vmware.simulator import VCenterSimulator

MIB = 1024**2
GIB = 1024**3
PROJECT = '4f1c2f8d1b7a4b53b1c7f2b6f0a9d1e2'

# Members of an image that Glance defines; all others are properties.
_BASE = frozenset({'id', 'name', 'size', 'disk_format', 'container_format', 'visibility', 'status'})


def admin() -> cinder_context.RequestContext:
    return cinder_context.RequestContext('user', PROJECT, is_admin=True)


class _Image(dict[str, Any]):
    """An image as glanceclient returns it."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class _Schema:
    @staticmethod
    def is_base_property(name: str) -> bool:
        return name in _BASE


class Glance:
    """Glance as Cinder's ``GlanceClientWrapper`` reaches it, in memory.

    :ivar images: what is known of the images, by id
    :ivar data: their bytes
    :ivar broken_after: a download breaks off after so many bytes
    """

    def __init__(self) -> None:
        self.images: dict[str, _Image] = {}
        self.data: dict[str, bytes] = {}
        self.broken_after: int | None = None

    def add(self, data: bytes | None, **properties: str) -> str:
        """An image; without data it is one that is about to be uploaded. Returns its id."""
        image_id = str(uuid.uuid4())
        self.images[image_id] = _Image(
            id=image_id,
            name=f'image-{len(self.images)}',
            size=len(data or b''),
            disk_format='vmdk',
            container_format='bare',
            visibility='private',
            status='queued' if data is None else 'active',
            **properties,
        )
        if data is not None:
            self.data[image_id] = data
        return image_id

    def call(
        self, context: Any, method: str, *args: Any, controller: str = 'images', **kwargs: Any
    ) -> Any:
        """What Cinder's image service calls."""
        if controller == 'schemas':
            return _Schema()
        kwargs.pop('privileged_user', None)
        operation = getattr(self, f'_{method}', None)
        if operation is None:
            raise glanceclient.exc.HTTPNotImplemented
        return operation(*args, **kwargs)

    def _get(self, image_id: str) -> _Image:
        if image_id not in self.images:
            raise glanceclient.exc.NotFound
        return self.images[image_id]

    def _data(self, image_id: str) -> Iterator[bytes]:
        source, done = io.BytesIO(self.data[image_id]), 0
        while part := source.read(64 * 1024):
            if self.broken_after is not None and done >= self.broken_after:
                raise glanceclient.exc.CommunicationError('Glance is gone')
            done += len(part)
            yield part

    def _upload(self, image_id: str, data: Any, **unused: Any) -> None:
        parts = []
        while part := data.read(64 * 1024):
            parts.append(part)
        self.data[image_id] = b''.join(parts)
        self.images[image_id] |= {'size': len(self.data[image_id]), 'status': 'active'}

    def _update(self, image_id: str, remove_props: Any = (), **changes: Any) -> _Image:
        image = self.images[image_id]
        for name in remove_props:
            image.pop(name, None)
        image |= {name: value for name, value in changes.items() if name not in ('size', 'status')}
        return image


class Types:
    """Cinder's table of volume types."""

    def __init__(self) -> None:
        self.specs: dict[str, dict[str, str]] = {}

    def add(self, **specs: str) -> str:
        """A type with extra specs for the driver, ``vmdk_type='thick'``. Returns its id."""
        type_id = str(uuid.uuid4())
        self.specs[type_id] = {f'vmware:{name}': value for name, value in specs.items()}
        return type_id


def make_volume(types: Types, size: int = 1, type_id: str | None = None) -> objects.Volume:
    """A volume as the volume manager hands it to the driver; nothing of it is in a database."""
    type_id = type_id or types.add()
    context = admin()
    return objects.Volume(
        context,
        id=str(uuid.uuid4()),
        _name_id=None,
        size=size,
        status='available',
        project_id=PROJECT,
        user_id='user',
        display_name='data',
        volume_type_id=type_id,
        volume_type=objects.VolumeType(context, id=type_id, extra_specs=types.specs[type_id]),
        volume_attachment=objects.VolumeAttachmentList(objects=[]),
        glance_metadata={},
        metadata={},
    )


def make_snapshot(volume: objects.Volume) -> objects.Snapshot:
    """A snapshot of a volume, likewise."""
    return objects.Snapshot(
        admin(),
        id=str(uuid.uuid4()),
        volume_id=volume.id,
        volume=volume,
        volume_size=volume.size,
        display_name='before',
        display_description='before the upgrade',
        provider_location=None,
        status='available',
        metadata={},
    )


class Server:
    """The server's side: machines, disks and files."""

    def __init__(self, vc: VCenterSimulator) -> None:
        self.vc = vc

    def machines(self) -> list[Any]:
        return [one for one in self.vc.world.objects.values() if one.is_a('VirtualMachine')]

    def backing(self, volume: objects.Volume) -> Any:
        """The machine that holds a volume; None if there is none."""
        found = [one for one in self.machines() if one.instance_uuid == volume.id]
        assert len(found) <= 1
        return found[0] if found else None

    def datastore(self, name: str) -> Any:
        (found,) = [
            one
            for one in self.vc.world.objects.values()
            if one.is_a('Datastore') and one.name == name
        ]
        return found

    def disk(self, machine: Any) -> Any:
        """The only disk of a machine."""
        (found,) = machine.disks
        return found

    def _data(self, disk: Any) -> str:
        name, _, path = disk.backing.fileName.removeprefix('[').partition('] ')
        volume, at = self.vc.world.files.of(self.datastore(name)).data_of(path)
        real: str = volume.real(at)
        return real

    def content(self, disk: Any, size: int) -> bytes:
        """The beginning of the data of a disk."""
        with open(self._data(disk), 'rb') as file:
            return file.read(size)

    def write(self, disk: Any, data: bytes) -> None:
        """Write the beginning of a disk, as a guest would."""
        with open(self._data(disk), 'r+b') as file:
            file.write(data)

    def files(self) -> set[str]:
        """All files and directories of all datastores, but those the inventory came with."""
        found = set()
        for datastore in self.vc.world.objects.values():
            if datastore.is_a('Datastore'):
                volume = self.vc.world.files.of(datastore)
                todo = ['']
                while todo:
                    at = todo.pop()
                    for name in volume.names(at):
                        path = f'{at}/{name}'.strip('/')
                        found.add(f'[{datastore.name}] {path}')
                        if volume.is_directory(path):
                            todo.append(path)
        return found

    def free(self) -> dict[str, int]:
        """The free space of all datastores."""
        return {
            one.name: one.free_space
            for one in self.vc.world.objects.values()
            if one.is_a('Datastore')
        }
