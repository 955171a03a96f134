"""Stream-optimised disks: what an export of a machine sends, and what an import takes.

The form is that of "Virtual Disk Format 5.0" (VMware), for senders that cannot seek::

    header       one sector, says that the grain directory is at the end
    descriptor   text, 20 sectors, padded to sector 128
    grains       of 64 KiB each, compressed: marker (place, size), data, padding to a sector
    grain table  of the 512 grains before it: marker, 512 offsets; none where all grains are zero
       …         more grains and tables
    directory    marker, offsets of all tables
    footer       marker, the header once more with the offset of the directory
    end          a sector of zeros

Grains of zeros are left out. Numbers are little endian, offsets are in sectors of 512 bytes.

:func:`encode` and :func:`decode` handle one grain at a time, so memory does not depend on the size
of the disk but for the directory, which has four bytes for each 32 MiB. ``qemu-img`` has directory
and tables before the grains, and nothing behind them; :func:`decode` goes by the markers, and takes
the end of such a disk for its end.
"""

import array
import dataclasses
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator

SECTOR = 512
GRAIN = 64 * 1024

_MAGIC = b'KDMV'
# Magic, version, flags, capacity, grain size, offset and size of the descriptor, entries of a
# table, offsets of the spare directory and the directory, sectors before the first grain, unclean,
# what a transfer as text would spoil, kind of compression.
_HEADER = struct.Struct('<4sIIQQQQIQQQB4sH')
_VERSION = 3
_NEWLINES = b'\n \r\n'
_FLAGS = 1 << 0 | 1 << 16 | 1 << 17  # newlines can be checked, grains are compressed, markers
_STREAM_FLAGS = 1 << 16 | 1 << 17
_AT_END = 0xFFFFFFFFFFFFFFFF
_DEFLATE = 1

_DESCRIPTOR_AT = 1
_DESCRIPTOR_SECTORS = 20
_BEFORE_GRAINS = 128
_TABLE_ENTRIES = 512

# Place of a grain, or sectors that follow; size of a grain's data, or zero; kind where it is zero.
_GRAIN_MARKER = struct.Struct('<QI')
_MARKER = struct.Struct('<QII')
_END, _TABLE, _DIRECTORY, _FOOTER = range(4)

# Larger ones exist in theory; a receiver has to hold one in memory.
_LARGEST_GRAIN = 2048 * SECTOR

_FASTEST = 1

_DESCRIPTOR = """\
# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RDONLY {sectors} SPARSE "generated-stream.vmdk"

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.encoding = "UTF-8"
ddb.geometry.cylinders = "{cylinders}"
ddb.geometry.heads = "255"
ddb.geometry.sectors = "63"
ddb.virtualHWVersion = "21"
"""


class NoStream(Exception):
    """The data is no stream-optimised disk, or not all of one."""


@dataclasses.dataclass(frozen=True)
class Header:
    """What a reader needs of the first sector.

    :ivar capacity: in bytes
    :ivar grain: bytes that a whole grain has
    :ivar before: bytes before the first marker
    :ivar is_ended: whether there has to be an end-of-stream marker
    """

    capacity: int
    grain: int
    before: int
    is_ended: bool

    @classmethod
    def parse(cls, sector: bytes) -> 'Header':
        """Read a header.

        :raises NoStream: it is none of such a disk
        """
        if len(sector) < SECTOR or not sector.startswith(_MAGIC):
            raise NoStream('it does not begin with the header of a sparse disk')
        _, version, flags, capacity, grain, _, _, _, _, directory, before, _, newlines, packing = (
            _HEADER.unpack_from(sector)
        )
        if flags & _STREAM_FLAGS != _STREAM_FLAGS or packing != _DEFLATE:
            raise NoStream('it is a sparse disk, but not a stream-optimised one')
        if newlines != _NEWLINES:
            raise NoStream('a transfer as text has changed its newlines')
        if not 1 <= version <= _VERSION:
            raise NoStream(f'its header has version {version}')
        made = cls(capacity * SECTOR, grain * SECTOR, before * SECTOR, directory == _AT_END)
        if not SECTOR <= made.grain <= _LARGEST_GRAIN or grain & (grain - 1):
            raise NoStream(f'it has grains of {grain} sectors')
        if not before:
            raise NoStream(f'its first grain is at sector {before}')
        return made


def capacity_of(beginning: bytes) -> int | None:
    """The capacity that the beginning of a file tells; None for another file."""
    try:
        return Header.parse(beginning).capacity
    except NoStream:
        return None


# --- writing


def encode(capacity: int, grains: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """A stream, part by part; the same for the same content.

    :param capacity: of the disk, in bytes
    :param grains: those that are not zero, in order: number and data, whole ones but for the last
    """
    sectors = -(-capacity // SECTOR)
    yield _start(sectors)
    at = _BEFORE_GRAINS
    directory = array.array('I', bytes(4 * -(-sectors * SECTOR // (_TABLE_ENTRIES * GRAIN))))
    table = _new_table()
    current = 0
    for number, data in grains:
        if number // _TABLE_ENTRIES != current:
            if any(table):
                directory[current] = at + 1
                yield _table(table)
                at += 1 + len(table) * table.itemsize // SECTOR
                table = _new_table()
            current = number // _TABLE_ENTRIES
        table[number % _TABLE_ENTRIES] = at
        part = _grain(number, data)
        at += len(part) // SECTOR
        yield part
    if any(table):
        directory[current] = at + 1
        yield _table(table)
        at += 1 + len(table) * table.itemsize // SECTOR
    entries = _padded(_little_endian(directory))
    yield _marker(len(entries) // SECTOR, _DIRECTORY) + entries
    yield _marker(1, _FOOTER) + _header(sectors, at + 1)
    yield _marker(0, _END)


def _start(sectors: int) -> bytes:
    text = _DESCRIPTOR.format(sectors=sectors, cylinders=min(sectors // (255 * 63), 65535)).encode()
    descriptor = text.ljust(_DESCRIPTOR_SECTORS * SECTOR, b'\0')
    return (_header(sectors, _AT_END) + descriptor).ljust(_BEFORE_GRAINS * SECTOR, b'\0')


def _header(sectors: int, directory: int) -> bytes:
    return _padded(
        _HEADER.pack(
            _MAGIC,
            _VERSION,
            _FLAGS,
            sectors,
            GRAIN // SECTOR,
            _DESCRIPTOR_AT,
            _DESCRIPTOR_SECTORS,
            _TABLE_ENTRIES,
            0,
            directory,
            _BEFORE_GRAINS,
            0,
            _NEWLINES,
            _DEFLATE,
        )
    )


def _grain(number: int, data: bytes) -> bytes:
    # Readers expect whole grains, even where a disk ends within its last one.
    compressed = zlib.compress(data.ljust(GRAIN, b'\0'), _FASTEST)
    place = number * GRAIN // SECTOR
    return _padded(_GRAIN_MARKER.pack(place, len(compressed)) + compressed)


def _new_table() -> 'array.array[int]':
    return array.array('I', bytes(4 * _TABLE_ENTRIES))


def _table(table: 'array.array[int]') -> bytes:
    entries = _little_endian(table)
    return _marker(len(entries) // SECTOR, _TABLE) + entries


def _marker(sectors: int, kind: int) -> bytes:
    return _padded(_MARKER.pack(sectors, 0, kind))


def _little_endian(numbers: 'array.array[int]') -> bytes:
    if sys.byteorder == 'big':
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % SECTOR)


# --- reading


def decode(header: Header, read: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """The grains of a stream: offset in the disk, and data.

    :param header: parsed from the first sector, which has been read
    :param read: gives so many of the bytes behind it, less at the end only
    :raises NoStream: it is spoilt, or ends too early
    """
    _skip(read, header.before - SECTOR)
    while True:
        sector = read(SECTOR)
        if not sector and not header.is_ended:
            return
        _check_whole(sector, SECTOR)
        value, size, kind = _MARKER.unpack_from(sector)
        if size:
            yield _unpacked(header, value * SECTOR, size, sector, read)
        elif kind == _END:
            return
        elif kind not in (_TABLE, _DIRECTORY, _FOOTER):
            raise NoStream(f'it has a marker of kind {kind}')
        else:
            _skip(read, value * SECTOR)


def _unpacked(
    header: Header, offset: int, size: int, sector: bytes, read: Callable[[int], bytes]
) -> tuple[int, bytes]:
    """A grain, whose first sector has been read."""
    # What cannot be compressed becomes slightly larger.
    if size > 2 * header.grain or offset % header.grain or offset >= header.capacity:
        raise NoStream(f'it has a grain of {size} bytes at {offset}')
    length = _GRAIN_MARKER.size + size
    rest = -(-length // SECTOR) * SECTOR - SECTOR
    data = (sector + (_take(read, rest) if rest else b''))[_GRAIN_MARKER.size : length]
    inflater = zlib.decompressobj()
    try:
        grain = inflater.decompress(data, header.grain)
    except zlib.error as error:
        raise NoStream(f'the grain at {offset} cannot be unpacked: {error}') from None
    if not inflater.eof and inflater.decompress(inflater.unconsumed_tail, 1):
        raise NoStream(f'the grain at {offset} is too large')
    if not inflater.eof:
        raise NoStream(f'the grain at {offset} is not whole')
    return offset, grain[: header.capacity - offset]


def _skip(read: Callable[[int], bytes], size: int) -> None:
    while size:
        size -= len(_take(read, min(size, GRAIN)))


def _take(read: Callable[[int], bytes], size: int) -> bytes:
    data = read(size)
    _check_whole(data, size)
    return data


def _check_whole(data: bytes, size: int) -> None:
    if len(data) < size:
        raise NoStream('it ends before its end-of-stream marker')
