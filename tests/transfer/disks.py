"""Stream-optimised disks for tests: made of what a disk holds, and read."""

import io

from oslo_vmware.simulator.storage import stream_optimized
from oslo_vmware.simulator.storage.stream_optimized import GRAIN, SECTOR


def stream_of(content: bytes, capacity: int | None = None) -> bytes:
    """A disk with this content as a stream.

    :param capacity: in bytes; as large as the content, in whole sectors, if not given
    """
    if capacity is None:
        capacity = -(-len(content) // SECTOR) * SECTOR
    grains = [
        (at // GRAIN, content[at : at + GRAIN])
        for at in range(0, len(content), GRAIN)
        if any(content[at : at + GRAIN])
    ]
    return b''.join(stream_optimized.encode(capacity, grains))


def grains_of(stream: bytes) -> tuple[int, dict[int, bytes]]:
    """The capacity of a disk, and where it holds what, without holes."""
    source = io.BytesIO(stream)
    header = stream_optimized.Header.parse(source.read(SECTOR))
    grains = stream_optimized.decode(header, source.read)
    return header.capacity, {at: data for at, data in grains if any(data)}


def content_of(stream: bytes, size: int | None = None) -> bytes:
    """What the disk in a stream holds.

    :param size: only so many bytes of it; all of its capacity, if not given
    """
    capacity, grains = grains_of(stream)
    content = bytearray(capacity if size is None else size)
    for at, data in grains.items():
        content[at : at + len(data)] = data
    return bytes(content[:size])
