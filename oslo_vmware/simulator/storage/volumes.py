"""The files of all datastores, in a temporary directory.

A datastore gets its directory when somebody first asks for its files; until then it costs
nothing, however many machines lie on it. At that moment the files of its machines are made.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile

from oslo_vmware.simulator.storage import virtual_disks
from oslo_vmware.simulator.storage.files import VOLUMES, Volume, normal
from oslo_vmware.simulator.storage.owners import Datastore, Machine
from oslo_vmware.simulator.storage.virtual_disks import Descriptor
from oslo_vmware.simulator.world.data import Fault
from oslo_vmware.simulator.world.registry import World


class Volumes:
    """The files of all datastores of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._root: str | None = None
        self._closed = False
        self._volumes: dict[str, Volume] = {}

    def of(self, datastore: Datastore) -> Volume:
        """The files of a datastore; made when first asked for."""
        volume = self._volumes.get(datastore.ref.value)
        if volume is None:
            directory = os.path.join(self._directory(), datastore.ref.value)
            os.mkdir(directory)
            volume = Volume(datastore, directory, self.spool())
            self._volumes[datastore.ref.value] = volume
            for machine in datastore.vm:
                volume.follow(machine)
        return volume

    def spool(self) -> str:
        """The directory of files on their way."""
        return os.path.join(self._directory(), 'spool')

    def follow(self, machine: Machine) -> None:
        """Bring the files of a machine in line with what the machine is now."""
        for volume in self._volumes.values():
            volume.follow(machine)

    def release(self, machine: Machine) -> None:
        """A machine has left the inventory; its files stay."""
        for volume in self._volumes.values():
            volume.release(machine)

    def destroy(self, machine: Machine) -> None:
        """Remove the files of a machine, and its directory unless others use it."""
        for volume in self._volumes.values():
            volume.destroy(machine)

    def remove_disk(self, datastore: Datastore, path: str) -> None:
        """Remove the files of a disk that has been taken out of its machine."""
        volume = self._volumes.get(datastore.ref.value)
        if volume is None:
            return
        extents = [virtual_disks.extent_of(path, child=child) for child in (False, True)]
        mappings = [virtual_disks.mapping_of(path, physical=one) for one in (False, True)]
        for file in (path, *extents, *mappings):
            if volume.is_file(file):
                volume.remove(file)

    def occupied(self, datastore: Datastore, path: str) -> int | None:
        """Bytes that a file occupies; None where nothing is known of it."""
        volume = self._volumes.get(datastore.ref.value)
        return None if volume is None else volume.occupied(path)

    def set_capacity(self, datastore: Datastore, name: str, capacity: int) -> None:
        """Correct the capacity in the descriptor of a disk; its data stays as it is."""
        volume, path = self.of(datastore), normal(name.partition(']')[2])
        descriptor = Descriptor.read(volume.check_file(path))
        if descriptor is not None:
            changed = dataclasses.replace(descriptor, capacity=capacity)
            with open(volume.real(path), 'wb') as file:
                file.write(changed.text().encode())

    def at(self, address: str) -> tuple[Volume, str]:
        """The datastore and the path of a file that a descriptor names.

        :raises Fault: FileNotFound
        """
        uuid, _, path = address.removeprefix(VOLUMES).partition('/')
        for datastore in self._world.objects.values():
            if getattr(datastore, 'uuid', None) == uuid and datastore.is_a('Datastore'):
                return self.of(datastore), path  # type: ignore[arg-type]
        raise Fault('FileNotFound', f"'{address}': file not found.", file=address)

    def close(self) -> None:
        """Remove all files."""
        self._closed = True
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)

    def _directory(self) -> str:
        if self._closed:
            raise RuntimeError('The simulator has stopped; its files are gone')
        if self._root is None:
            self._root = tempfile.mkdtemp(prefix='vcenter-datastores-')
            os.mkdir(os.path.join(self._root, 'spool'))
        return self._root
