"""Stream-optimised VMDKs, written from VMware's "Virtual Disk Format 5.0" alone.

A stream is a header, an embedded descriptor, the grains that hold data, each compressed and with a
marker before it, then a grain table, the grain directory, the header once more as a footer, and an
end marker. All counts are of sectors of 512 bytes.
"""

from __future__ import annotations

import struct
import zlib

SECTOR = 512
_GRAIN = 128
_ENTRIES = 512

_DESCRIPTOR = """\
# Disk DescriptorFile
version=1
CID=7b0f2a31
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RDONLY {sectors} SPARSE "disk.vmdk"

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.geometry.cylinders = "2"
ddb.geometry.heads = "64"
ddb.geometry.sectors = "32"
ddb.virtualHWVersion = "4"
"""


def stream_optimized(data: bytes, capacity: int) -> bytes:
    """A disk of a capacity that begins with some data and is empty after it."""
    descriptor = _padded(_DESCRIPTOR.format(sectors=capacity // SECTOR).encode())
    overhead = _GRAIN

    def header(directory: int) -> bytes:
        return struct.pack(
            '<4sIIQQQQIQQQB4sH433x',
            *(b'KDMV', 3, 0x30001, capacity // SECTOR, _GRAIN),
            *(1, len(descriptor) // SECTOR, _ENTRIES, 0, directory, overhead),
            *(0, b'\n \r\n', 1),
        )

    body = bytearray(header(0xFFFFFFFFFFFFFFFF) + descriptor)
    body += bytes(overhead * SECTOR - len(body))
    grains = -(-capacity // (_GRAIN * SECTOR))
    tables = [[0] * _ENTRIES for _ in range(-(-grains // _ENTRIES))]
    for number in range(grains):
        part = data[number * _GRAIN * SECTOR : (number + 1) * _GRAIN * SECTOR]
        if not part.strip(b'\0'):
            continue
        tables[number // _ENTRIES][number % _ENTRIES] = len(body) // SECTOR
        packed = zlib.compress(part.ljust(_GRAIN * SECTOR, b'\0'))
        body += _padded(struct.pack('<QI', number * _GRAIN, len(packed)) + packed)
    directory = []
    for table in tables:
        body += _marker(_ENTRIES * 4 // SECTOR, 1)
        directory.append(len(body) // SECTOR)
        body += struct.pack(f'<{_ENTRIES}I', *table)
    packed_directory = _padded(struct.pack(f'<{len(directory)}I', *directory))
    body += _marker(len(packed_directory) // SECTOR, 2)
    at = len(body) // SECTOR
    body += packed_directory
    body += _marker(1, 3)
    body += header(at)
    body += _marker(0, 0)
    return bytes(body)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % SECTOR)


def _marker(sectors: int, kind: int) -> bytes:
    return struct.pack('<QII496x', sectors, 0, kind)
