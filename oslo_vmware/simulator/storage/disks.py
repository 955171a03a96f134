"""Virtual disks on datastores: made, copied, grown, removed.

A disk is two files, see ``virtual_disks``; what is done here keeps them together. What is named as
a disk but holds no descriptor is one file with the data in it, as it is or as a stream-optimised
disk; it becomes a disk of two files when it is copied.
"""

from __future__ import annotations

import dataclasses
import os
import posixpath
from typing import Any

from oslo_vmware.simulator.storage import stream_optimized
from oslo_vmware.simulator.storage.files import Volume
from oslo_vmware.simulator.storage.sparse import copy_sparsely, data_segments
from oslo_vmware.simulator.storage.virtual_disks import (
    DESCRIPTOR_SIZE,
    SECTOR,
    Descriptor,
    extent_of,
)
from oslo_vmware.simulator.world.data import Fault
from oslo_vmware.simulator.world.registry import World

#: 62 TiB, vSphere's limit.
MAX_CAPACITY = 62 * 1024**4

# What a datastore gives to a file at a time.
_BLOCK = 1024**2


class Disk:
    """A virtual disk on a datastore.

    :param path: of the descriptor, or of the one file
    :ivar is_stream: whether that one is a stream-optimised disk
    :raises Fault: FileNotFound when it is not all there
    """

    is_stream = False

    def __init__(self, volume: Volume, path: str) -> None:
        self.volume = volume
        self.path = path
        real = volume.check_file(path)
        found = Descriptor.read(real)
        self.extent = path
        if found is None:
            with open(real, 'rb') as file:
                capacity = stream_optimized.capacity_of(file.read(SECTOR))
            self.is_stream = capacity is not None
            if capacity is None:
                # As many whole sectors as the file has bytes for.
                capacity = -(-os.path.getsize(real) // SECTOR) * SECTOR
            self.descriptor = Descriptor(capacity, posixpath.basename(path), True, 'lsilogic', '')
        else:
            self.descriptor = found
            self.extent = posixpath.join(posixpath.dirname(path), found.extent)
            volume.check_file(self.extent)

    @property
    def files(self) -> list[str]:
        return list(dict.fromkeys([self.path, self.extent]))

    @property
    def occupied(self) -> int:
        return self.volume.occupied(self.extent) or 0

    def check_unlocked(self) -> None:
        for path in self.files:
            self.volume.check_unlocked(path)

    def rewrite(self, **changes: Any) -> None:
        """Change what the descriptor says.

        :raises Fault: InvalidDiskFormat where there is none
        """
        if self.extent == self.path:
            raise Fault('InvalidDiskFormat', f"'{self.volume.name(self.path)}' has no descriptor.")
        self.descriptor = dataclasses.replace(self.descriptor, **changes)
        write_descriptor(self.volume, self.path, self.descriptor)
        owner = self.volume.owner(self.path)
        if owner is not None:
            owner.follow_disk(self.volume.name(self.path), **changes)

    def extend(self, capacity: int, *, eager: bool = False) -> None:
        """Make it larger.

        :param eager: have it take all the space that it can ever need
        """
        self.check_unlocked()
        thin = self.descriptor.thin and not eager
        if self.descriptor.parent is None:
            self.volume.allocate(self.extent, capacity, self.occupied if thin else capacity)
        self.rewrite(capacity=capacity, thin=thin)

    def fill(self) -> None:
        """Have it take all the space that it can ever need."""
        self.check_unlocked()
        capacity = self.descriptor.capacity
        self.volume.allocate(self.extent, capacity, capacity)
        self.rewrite(thin=False)

    def shrink(self) -> None:
        """Have a thin disk take no more space than there is data other than zeros."""
        self.check_unlocked()
        if self.descriptor.thin and self.descriptor.parent is None:
            used = min(_filled(self.volume.real(self.extent)), self.occupied)
            self.volume.allocate(self.extent, self.descriptor.capacity, used)

    def remove(self) -> None:
        """Remove its files."""
        self.check_unlocked()
        for file in self.files:
            self.volume.remove(file)


def _filled(path: str) -> int:
    """Bytes of a file in blocks that are not all zeros."""
    found = 0
    with open(path, 'rb') as file:
        for start, end in data_segments(file.fileno(), os.path.getsize(path)):
            file.seek(start)
            while block := file.read(min(_BLOCK, end - file.tell())):
                found += len(block) if block.count(0) < len(block) else 0
    return found


def create(
    volume: Volume, path: str, capacity: int, *, thin: bool, adapter: str, uuid: str
) -> None:
    """Make an empty disk.

    :raises Fault: FileAlreadyExists, NoDiskSpace, FileNotFound without its directory
    """
    check_free(volume, path)
    volume.allocate(extent_of(path), capacity, 0 if thin else capacity)
    made = Descriptor(capacity, posixpath.basename(extent_of(path)), thin, adapter, uuid)
    write_descriptor(volume, path, made)


def copy(
    source: Disk,
    volume: Volume,
    path: str,
    *,
    uuid: str,
    thin: bool | None = None,
    adapter: str | None = None,
    force: bool = False,
) -> None:
    """Make a disk with the data of another one.

    :param thin: whether the new one is; by default if the old one is
    :param adapter: by default the old one's
    :param force: a disk of that name may be replaced
    :raises Fault: FileAlreadyExists, FileLocked, NoDiskSpace, FileNotFound
    """
    source.check_unlocked()
    old = source.descriptor
    thin = old.thin if thin is None else thin
    check_free(volume, path, force=force)
    extent = extent_of(path)
    data, at = source.volume.data_of(source.path)
    occupied = min(data.occupied(at) or 0, old.capacity) if thin else old.capacity
    volume.check_space(path, occupied + DESCRIPTOR_SIZE)
    if source.is_stream:
        _unpack(source, volume.real(extent))
    else:
        copy_sparsely(data.real(at), volume.real(extent))
    volume.allocate(extent, old.capacity, occupied)
    made = Descriptor(old.capacity, posixpath.basename(extent), thin, adapter or old.adapter, uuid)
    write_descriptor(volume, path, made)


def _unpack(source: Disk, target: str) -> None:
    """Write out what a stream-optimised disk holds.

    :raises Fault: InvalidDiskFormat where it is spoilt
    """
    with open(source.volume.real(source.path), 'rb') as file, open(target, 'wb') as made:
        try:
            header = stream_optimized.Header.parse(file.read(SECTOR))
            for offset, data in stream_optimized.decode(header, file.read):
                made.seek(offset)
                made.write(data)
        except stream_optimized.NoStream as problem:
            os.unlink(target)
            raise Fault(
                'InvalidDiskFormat', f"'{source.volume.name(source.path)}': {problem}."
            ) from problem


def freeze(source: Disk, path: str, *, uuid: str) -> None:
    """Make a disk, on the same datastore, that keeps the content that another one has now.

    It takes no space: nothing has been written since.

    :raises Fault: FileAlreadyExists, NoDiskSpace
    """
    volume, extent = source.volume, extent_of(path)
    check_free(volume, path)
    data, at = volume.data_of(source.path)
    copy_sparsely(data.real(at), volume.real(extent))
    volume.record(extent, 0)
    kept = dataclasses.replace(
        source.descriptor, extent=posixpath.basename(extent), parent=None, uuid=uuid
    )
    write_descriptor(volume, path, kept)


def refill(disk: Disk, source: Disk) -> None:
    """Give a disk the content of another one, which is as large."""
    disk.check_unlocked()
    copy_sparsely(source.volume.real(source.extent), disk.volume.real(disk.extent))


def write_descriptor(volume: Volume, path: str, descriptor: Descriptor) -> None:
    volume.write(path, descriptor.text().encode(), occupied=DESCRIPTOR_SIZE)


def check_free(volume: Volume, path: str, *, force: bool = False) -> None:
    """Refuse a name that one of the two files cannot have."""
    for file in (path, extent_of(path)):
        volume.check_free(file, force=force)


def new_uuid(world: World) -> str:
    """An identifier in the range that VMware uses for disks."""
    return dashed('6000C29' + world.new_uuid().replace('-', '')[:25])


def dashed(plain: str) -> str:
    """32 hexadecimal digits in the form of a UUID."""
    return '-'.join([plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]])
