"""The files of one datastore: real ones.

Files follow the machines that they belong to: a swap file comes and goes with the power, a disk
with the reconfiguration that adds it. They are sparse and mostly empty.

Space adds up as the datastore shows it. What belongs to a machine the machine itself counts
(``committed_on``); all else is charged to :attr:`Datastore.other_used` when it is written. A
file changes sides when a machine claims it (a disk is attached) or lets it go (the disk is
detached, the machine unregistered).

Everything here runs under the world's lock, apart from the bytes of an :class:`Upload`: they
go to a spool file beside the datastores, which takes the file's name when it is complete. So an
upload that breaks off leaves nothing.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import IO

from oslo_vmware.simulator.storage.owners import Datastore, Machine
from oslo_vmware.simulator.storage.sparse import copy_sparsely
from oslo_vmware.simulator.storage.virtual_disks import Descriptor
from oslo_vmware.simulator.world.data import DataObject, Fault

#: Where a host has its datastores, by their ids.
VOLUMES = '/vmfs/volumes/'

# Common file systems hold no larger file, sparse or not; what is larger is made that large.
_LARGEST_FILE = 8 * 1024**4

# Kinds of machine files that vanish by themselves when the machine changes its state.
_PASSING = frozenset({'swap', 'suspend', 'suspendMemory', 'snapshotData'})


def normal(path: str) -> str:
    """A path below a datastore without what does not count: outer slashes, ``.``, ``..``."""
    # '..' at the top goes nowhere, so that no path leads out of the datastore.
    return posixpath.normpath(f'/{path.strip()}').strip('/')


class Volume:
    """The files of one datastore.

    Paths are relative to the datastore, as :func:`normal` gives them; ``''`` is the top.

    :ivar directory: where they are on this computer
    """

    def __init__(self, datastore: Datastore, directory: str, spool: str) -> None:
        self.datastore = datastore
        self.directory = directory
        self._spool = spool
        self._sizes: dict[str, int] = {}
        self._owners: dict[str, Machine] = {}
        self._kinds: dict[str, str] = {}
        self._busy: set[str] = set()

    # Looking

    def name(self, path: str) -> str:
        """The path with the datastore in front, as clients write it."""
        return f'[{self.datastore.name}] {path}'.rstrip()

    def real(self, path: str) -> str:
        """The path of a file on this computer."""
        if '\0' in path:
            raise self._fault('CannotAccessFile', path)
        inside = normal(path)
        return os.path.join(self.directory, inside) if inside else self.directory

    def address(self, path: str) -> str:
        """The path of a file as descriptors name it, which no rename of the datastore changes."""
        return f'{VOLUMES}{self.datastore.uuid}/{path}'

    def data_of(self, path: str) -> tuple[Volume, str]:
        """Where the data of a disk is: its extent, or that of the disk below all its parents.

        :raises Fault: FileNotFound
        """
        descriptor = Descriptor.read(self.check_file(path))
        if descriptor is None:
            return self, path
        if descriptor.parent is not None:
            volume: Volume
            volume, parent = self.datastore.world.files.at(descriptor.parent)
            return volume.data_of(parent)
        extent = posixpath.join(posixpath.dirname(path), descriptor.extent)
        self.check_file(extent)
        return self, extent

    def is_file(self, path: str) -> bool:
        return os.path.isfile(self.real(path))

    def is_directory(self, path: str) -> bool:
        return os.path.isdir(self.real(path))

    def exists(self, path: str) -> bool:
        return os.path.exists(self.real(path))

    def names(self, path: str) -> list[str]:
        """What is in a directory, sorted."""
        return sorted(os.listdir(self.real(path)))

    def occupied(self, path: str) -> int | None:
        """Bytes of space that a file takes; a thin disk takes less than its size."""
        return self._sizes.get(path)

    def owner(self, path: str) -> Machine | None:
        """The machine that a file belongs to."""
        return self._owners.get(path)

    def check_file(self, path: str) -> str:
        """Refuse what is no file; returns where the file really is.

        :raises Fault: FileNotFound
        """
        if not self.is_file(path):
            raise self._fault('FileNotFound', path)
        return self.real(path)

    def check_unlocked(self, path: str) -> None:
        """Refuse to touch what is in use: files of running machines, and uploads under way.

        :raises Fault: FileLocked
        """
        for locked in [*self._busy, *(at for at, vm in self._owners.items() if vm.running)]:
            if locked == path or locked.startswith(f'{path}/'):
                raise self._fault('FileLocked', path)

    def check_free(self, path: str, *, force: bool = False) -> None:
        """Refuse a name that is taken, or that is in no directory.

        :param force: a file of that name may be replaced
        :raises Fault: FileAlreadyExists, FileLocked, FileNotFound
        """
        if self.exists(path) and not (force and self.is_file(path)):
            raise self._fault('FileAlreadyExists', path)
        self.check_unlocked(path)
        parent = posixpath.dirname(path)
        if not self.is_directory(parent):
            raise self._fault('FileNotFound', parent)

    def check_space(self, path: str, size: int) -> None:
        """Refuse what does not fit.

        :raises Fault: NoDiskSpace
        """
        if size > self.datastore.free_space:
            raise Fault(
                'NoDiskSpace',
                f"Insufficient disk space on datastore '{self.datastore.name}'.",
                file=self.name(path),
                datastore=self.datastore.name,
            )

    # Changing

    def make_directory(self, path: str, *, parents: bool = False) -> None:
        """Make a directory.

        :raises Fault: FileAlreadyExists, FileNotFound, CannotCreateFile
        """
        if self.exists(path):
            raise self._fault('FileAlreadyExists', path)
        parent = posixpath.dirname(path)
        if not parents and not self.exists(parent):
            raise self._fault('FileNotFound', parent)
        self.make_parents(f'{path}/x')

    def make_parents(self, path: str) -> None:
        """Make the directories that a file is to be in, those that are missing.

        :raises Fault: CannotCreateFile
        """
        try:
            os.makedirs(os.path.dirname(self.real(path)), exist_ok=True)
        except OSError as error:
            raise self._fault('CannotCreateFile', path, error.strerror) from error

    def write(self, path: str, data: bytes, *, occupied: int | None = None) -> None:
        """Make a small file, or give it new content.

        :param occupied: the space that it takes, if not its length
        """
        size = len(data) if occupied is None else occupied
        self.check_space(path, size - self._sizes.get(path, 0))
        self.make_parents(path)
        with self._create(path) as file:
            file.write(data)
        self.record(path, size)

    def allocate(self, path: str, size: int, occupied: int) -> None:
        """Make an empty file of a size, or give one another size, without writing it."""
        self.check_space(path, occupied - self._sizes.get(path, 0))
        self.make_parents(path)
        self._resize(path, size)
        self.record(path, occupied)

    def record(self, path: str, size: int) -> None:
        """Note the space that a file takes, and charge the difference."""
        self._charge(path, size - self._sizes.get(path, 0))
        self._sizes[path] = size

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all that is in it.

        :raises Fault: FileNotFound, FileLocked, CannotDeleteFile
        """
        if not path:
            raise self._fault('CannotDeleteFile', path)
        if not self.exists(path):
            raise self._fault('FileNotFound', path)
        self.check_unlocked(path)
        if self.is_directory(path):
            shutil.rmtree(self.real(path))
        else:
            os.unlink(self.real(path))
        for gone in self._below(path):
            self._forget(gone)

    def copy(self, path: str, other: Volume, new: str, *, force: bool = False) -> None:
        """Copy a file, or a directory with all that is in it, here or to another datastore.

        :raises Fault: FileNotFound, FileAlreadyExists, FileLocked, NoDiskSpace
        """
        if not self.exists(path):
            raise self._fault('FileNotFound', path)
        self._check_apart(path, other, new)
        other.check_free(new, force=force)
        files = self._below(path)
        other.check_space(new, sum(self._sizes[file] for file in files))
        if self.is_directory(path):
            for directory in self._directories(path):
                os.makedirs(other.real(new + directory.removeprefix(path)), exist_ok=True)
        for file in files:
            target = new + file.removeprefix(path)
            copy_sparsely(self.real(file), other.real(target))
            other.record(target, self._sizes[file])

    def move(self, path: str, other: Volume, new: str, *, force: bool = False) -> None:
        """Move a file or a directory, here or to another datastore.

        :raises Fault: FileNotFound, FileAlreadyExists, FileLocked, NoDiskSpace
        """
        if not self.exists(path):
            raise self._fault('FileNotFound', path)
        self._check_apart(path, other, new)
        self.check_unlocked(path)
        other.check_free(new, force=force)
        files = {file: self._sizes[file] for file in self._below(path)}
        if other is not self:
            other.check_space(new, sum(files.values()))
        os.replace(self.real(path), other.real(new))
        for file, size in files.items():
            self._forget(file)
            other.record(new + file.removeprefix(path), size)

    def upload(self, path: str, announced: int | None) -> Upload:
        """Begin to write a file whose bytes come later.

        :param announced: how many, None if nobody knows
        :raises Fault: FileAlreadyExists for a directory, FileLocked, NoDiskSpace
        """
        if not path or self.is_directory(path):
            raise self._fault('FileAlreadyExists', path)
        self.check_unlocked(path)
        self.make_parents(path)
        return Upload(self, path, announced or 0)

    # Machines

    def follow(self, machine: Machine) -> None:
        """Make, claim and let go the files of a machine."""
        files = {
            normal(file.name.partition(']')[2]): file
            for file in machine.files()
            if file.datastore is self.datastore
        }
        for path in [path for path, owner in self._owners.items() if owner is machine]:
            if path in files:
                continue
            if self._kinds[path] in _PASSING:
                os.unlink(self.real(path))
                self._forget(path)
            else:
                self._let_go(path)
        disks = {disk.backing.fileName: disk for disk in machine.all_disks()}
        for path, file in files.items():
            if self._owners.get(path) is not machine:
                self._claim(path, machine, file.kind)
            self.make_parents(path)
            if file.kind == 'diskDescriptor':
                self._shape(path, disks[file.name])
            elif file.kind == 'config':
                self._write_text(path, machine.configuration_file())
            elif not self.exists(path):
                self._resize(path, file.size)
        for path, file in files.items():
            self._sizes[path] = file.size

    def release(self, machine: Machine) -> None:
        """Let the files of a machine go."""
        for path in [path for path, owner in self._owners.items() if owner is machine]:
            self._let_go(path)

    def destroy(self, machine: Machine) -> None:
        """Remove the files of a machine, and the directories that are empty then."""
        for path in [path for path, owner in self._owners.items() if owner is machine]:
            if self.exists(path):
                os.unlink(self.real(path))
            self._forget(path)
            parent = posixpath.dirname(path)
            if parent and self.is_directory(parent) and not self.names(parent):
                os.rmdir(self.real(parent))

    # Inside

    def _shape(self, path: str, device: DataObject) -> None:
        """Make the files of a machine's disk, or let them grow with it."""
        if self.exists(path):
            descriptor = Descriptor.read(self.real(path))
            if descriptor is None or descriptor.capacity >= device.capacityInBytes:
                return
            descriptor = dataclasses.replace(descriptor, capacity=device.capacityInBytes)
        else:
            descriptor = Descriptor.of_device(
                device, posixpath.basename(path), self._parent_of(device)
            )
        with self._create(path) as file:
            file.write(descriptor.text().encode())
        extent = posixpath.join(posixpath.dirname(path), descriptor.extent)
        self._resize(extent, 0 if descriptor.parent is not None else descriptor.capacity)

    def _parent_of(self, device: DataObject) -> str | None:
        parent = device.backing.parent
        if parent is None:
            return None
        world = self.datastore.world
        volume: Volume = world.files.of(world.get(parent.datastore))
        return volume.address(normal(parent.fileName.partition(']')[2]))

    def _write_text(self, path: str, text: str) -> None:
        data = text.encode()
        if self.exists(path):
            with open(self.real(path), 'rb') as file:
                if file.read() == data:
                    return
        with self._create(path) as file:
            file.write(data)

    def _resize(self, path: str, size: int) -> None:
        with self._create(path, 'ab') as file:
            file.truncate(min(size, _LARGEST_FILE))

    def _claim(self, path: str, machine: Machine, kind: str) -> None:
        if path not in self._owners and path in self._sizes:
            self._charge(path, -self._sizes[path])
        self._owners[path] = machine
        self._kinds[path] = kind

    def _let_go(self, path: str) -> None:
        self._owners.pop(path)
        self._kinds.pop(path)
        self._charge(path, self._sizes[path])

    def _forget(self, path: str) -> None:
        self._charge(path, -self._sizes.pop(path, 0))
        self._owners.pop(path, None)
        self._kinds.pop(path, None)

    def _charge(self, path: str, size: int) -> None:
        if path in self._owners:
            self.datastore.changed('summary', 'info')
        else:
            self.reserve(size)

    def reserve(self, size: int) -> None:
        """Take space away from what is free, or give it back."""
        if size:
            self.datastore.update(other_used=self.datastore.other_used + size)

    def _below(self, path: str) -> list[str]:
        """A file itself, or all files below a directory."""
        return [one for one in self._sizes if one == path or one.startswith(f'{path}/')]

    def _directories(self, path: str) -> Iterator[str]:
        for directory, _directories, _files in os.walk(self.real(path)):
            yield posixpath.join(path, os.path.relpath(directory, self.real(path))).removesuffix(
                '/.'
            )

    def _check_apart(self, path: str, other: Volume, new: str) -> None:
        """Refuse to put something into itself."""
        if other is self and f'{new}/'.startswith(f'{path}/'):
            raise self._fault('FileAlreadyExists' if new == path else 'CannotCreateFile', new)

    def _create(self, path: str, mode: str = 'wb') -> IO[bytes]:
        try:
            return open(self.real(path), mode)
        except OSError as error:
            raise self._fault('CannotCreateFile', path, error.strerror) from error

    def _fault(self, name: str, path: str, why: str | None = None) -> Fault:
        words = re.sub(r'(?<!^)(?=[A-Z])', ' ', name).lower()
        text = f"'{self.name(path)}': {words}."
        return Fault(name, f'{text} {why}.' if why else text, file=self.name(path))


class Upload:
    """A file while it arrives; :meth:`close` it in any case, :meth:`finish` it when complete.

    :ivar size: bytes that were written, which is the space that it takes
    """

    def __init__(self, volume: Volume, path: str, announced: int) -> None:
        self._volume = volume
        self._path = path
        self._lock = volume.datastore.world.lock
        self._old = volume.occupied(path) or 0
        self._reserved = 0
        self.size = 0
        self._reserve(announced)
        volume._busy.add(path)
        handle, self._spooled = tempfile.mkstemp(dir=volume._spool)
        self._file = os.fdopen(handle, 'wb')

    def write(self, data: bytes, at: int | None = None) -> None:
        """Add some bytes.

        :param at: where they belong, if not behind the last ones; what nobody writes is a hole
        :raises Fault: NoDiskSpace
        """
        self.size += len(data)
        if self.size > self._reserved + self._old:
            with self._lock:
                self._reserve(self.size)
        if at is not None:
            self._file.seek(at)
        self._file.write(data)

    def finish(self, length: int | None = None) -> None:
        """All is there: let the file appear.

        :param length: of the file, if it does not end with the last byte that was written
        """
        if length is not None:
            self._file.truncate(min(length, _LARGEST_FILE))
        self._file.close()
        with self._lock:
            volume = self._volume
            volume.reserve(-self._reserved)
            self._reserved = 0
            volume.make_parents(self._path)
            os.replace(self._spooled, volume.real(self._path))
            volume.record(self._path, self.size)

    def close(self) -> None:
        """Give back what an unfinished upload holds; does nothing after :meth:`finish`."""
        self._file.close()
        with self._lock:
            self._volume._busy.discard(self._path)
            self._volume.reserve(-self._reserved)
            self._reserved = 0
            if os.path.exists(self._spooled):
                os.unlink(self._spooled)

    def _reserve(self, size: int) -> None:
        """Hold the space for so many bytes, less what the file that is replaced takes."""
        more = max(0, size - self._old) - self._reserved
        if more > 0:
            self._volume.check_space(self._path, more)
            self._volume.reserve(more)
            self._reserved += more
