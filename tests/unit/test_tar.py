"""Tar archives read by our own reader: as Python's tarfile wrote them, and as nobody should."""

import io
import random
import tarfile
import tracemalloc
from collections.abc import Iterator

import pytest

from oslo_vmware._transfer import tar
from oslo_vmware._transfer.tar import Archive, ArchiveError
from tests.transfer.images import ova, tar_header

END = bytes(1024)


class Pieces:
    """Gives data in pieces of a size, whatever it is asked for."""

    def __init__(self, data: bytes, size: int) -> None:
        self._pieces = (data[at : at + size] for at in range(0, len(data), size))

    def read(self, size: int) -> bytes:
        return next(self._pieces, b'')


def members(source: object) -> Iterator[tuple[str, bytes | None]]:
    """Names and data of an archive; None for what is no file."""
    archive = Archive(source)
    while (member := archive.next()) is not None:
        data = b''.join(iter(lambda: archive.read(1000), b''))
        assert len(data) == member.size
        yield member.name, data if member.is_file else None


NAMES = [
    'a.ovf',
    './a.ovf',
    'dir/a disk.vmdk',
    'n' * 100,
    'd' * 60 + '/' + 'n' * 90,
    '/'.join(['long'] * 100),
    'x' * 255,
    'größe/磁盘.vmdk',
    'a=b\nc',
]


@pytest.mark.parametrize('piece', [1, 511, 512, 1000, 1 << 20])
@pytest.mark.parametrize('format', [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_others_have_written(format: int, piece: int) -> None:
    """Names and data of each member, however the archive is cut on its way."""
    chance = random.Random(8)
    fitting = [name for name in NAMES if format != tarfile.USTAR_FORMAT or len(name) < 200]
    written = [(name, chance.randbytes(chance.choice([0, 1, 511, 512, 5000]))) for name in fitting]
    data = ova(*written, format=format)
    assert list(members(Pieces(data, piece))) == written


def test_what_is_no_file() -> None:
    """Directories, links and devices are told apart and have no data, whatever size they claim."""
    kinds = [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
    data = b''.join(tar_header(b'x%s' % kind, kind, b'00000001000\0') for kind in kinds)
    data += tar_header(b'v7/', b'\0') + tar_header(b'f') + END
    found = [(member.is_file, member.size) for member in iter(Archive(io.BytesIO(data)).next, None)]
    assert found == [(False, 0)] * 6 + [(True, 0)]


@pytest.mark.parametrize(
    ('field', 'size'),
    [
        (b'00000001750\0', 1000),
        (b'       1750\0', 1000),
        (b'1750 ', 1000),
        (b'777777777777', 0o777777777777),
        (b'\0' * 12, 0),
        (b'\x80' + (1000).to_bytes(11, 'big'), 1000),
        (b'\x80' + (10**18).to_bytes(11, 'big'), 10**18),
    ],
)
def test_sizes(field: bytes, size: int) -> None:
    """In octal digits of any form, and in bytes where these do not do; as tarfile reads them."""
    header = tar_header(b'a', size=field)
    assert tarfile.TarInfo.frombuf(header, 'utf-8', 'strict').size == size
    member = Archive(io.BytesIO(header)).next()
    assert member is not None
    assert member.size == size


def pax(*records: bytes, size: bytes = b'') -> bytes:
    """An extended header and the member it belongs to."""
    data = b''.join(records)
    header = tar_header(b'pax', b'x', size or b'%011o\0' % len(data))
    return header + data + bytes(-len(data) % 512) + tar_header(b'a')


def long_name(size: int) -> bytes:
    return tar_header(b'L', b'L', b'%011o\0' % size) + b'n' * size + bytes(-size % 512)


HOSTILE = {
    'random': (b'x' * 1024, 'no header of a tar archive at byte 0'),
    'compressed': (b'\x1f\x8b\x08' + bytes(1000), 'no header of a tar archive at byte 0'),
    'half a header': (tar_header(b'a')[:300], 'ends within the header at byte 0'),
    'a broken header': (tar_header(b'a') + tar_header(b'b')[:-1] + b'x', 'no header .* byte 512'),
    'half the data': (tar_header(b'a', size=b'0000020\0') + b'x' * 9, 'ends 7 bytes before'),
    'a size in words': (tar_header(b'a', size=b'many'), 'is no number'),
    'a size with a sign': (tar_header(b'a', size=b'-0000000010'), 'is no number'),
    'a size as Python has it': (tar_header(b'a', size=b'0o17'), 'is no number'),
    'a size below zero': (tar_header(b'a', size=b'\xff' * 12), 'is no number'),
    'a size with a sign in bytes': (tar_header(b'a', size=b'\xff' * 11 + b'\0'), 'is no number'),
    'a size of no file': (tar_header(b'a', size=b'\x80' + b'\xff' * 11), 'allowed'),
    'a long name': (long_name(5000) + tar_header(b'a'), 'a name of 5000 bytes; 4096'),
    'a longer name': (long_name(2**20 + 1), 'extended header of 1048577 bytes; 1048576'),
    'an endless name': (tar_header(b'L', b'L', b'77777777777\0'), 'extended header of 8589934591'),
    'an endless link': (tar_header(b'K', b'K', b'77777777777\0'), 'extended header of 8589934591'),
    'half a name': (long_name(600)[:600], 'ends within an extended header'),
    'names upon names': (long_name(1) * 200 + tar_header(b'a'), 'more than 100 headers'),
    'a long name in pax': (pax(b'5011 path=' + b'n' * 5000 + b'\n'), 'a name of 5000 bytes'),
    'an endless header': (pax(b'', size=b'77777777777\0'), 'extended header of 8589934591'),
    'an endless header for all': (tar_header(b'g', b'g', b'77777777777\0'), 'of 8589934591'),
    'a size in words in pax': (pax(b'13 size=many\n'), 'is no number'),
    'a size below zero in pax': (pax(b'12 size=-10\n'), 'is no number'),
    'a size of thousands of digits': (pax(b'5011 size=' + b'9' * 5000 + b'\n'), 'is no number'),
    'records that are none': (pax(b'nothing'), 'extended header .* is broken'),
    'a record without an end': (pax(b'12 path=abcde'), 'extended header .* is broken'),
    'a record that is too long': (pax(b'99 path=a\n'), 'extended header .* is broken'),
    'a record that is too short': (pax(b'7 path=a\n'), 'extended header .* is broken'),
    'sparse, as GNU tar had it': (tar_header(b'a', b'S'), 'a is sparse'),
    'sparse, as GNU tar has it': (pax(b'22 GNU.sparse.major=1\n'), 'a is sparse'),
}


@pytest.mark.parametrize('kind', HOSTILE)
def test_what_no_archive_should_have(kind: str) -> None:
    """An error in words, before anything is kept or waited for."""
    data, words = HOSTILE[kind]
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match=words):
            list(members(io.BytesIO(data)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000


def test_the_largest_that_may_be() -> None:
    """A name and a header that are just within the limits."""
    name = 'n' * tar.MAX_NAME_SIZE
    comment = b'%d comment=' % tar.MAX_HEADER_SIZE
    record = comment + b'x' * (tar.MAX_HEADER_SIZE - len(comment) - 1) + b'\n'
    data = ova((name, b'data'), format=tarfile.GNU_FORMAT)[:-10240] + pax(record) + END
    assert [found for found, _ in members(io.BytesIO(data))][-1:] == ['a']
    assert next(members(io.BytesIO(ova((name, b'data'))))) == (name, b'data')


def test_any_bytes() -> None:
    """Whatever comes, it is members or that error."""
    chance = random.Random(8)
    archives = [ova(*((name, b'data') for name in NAMES), format=format) for format in (1, 2)]
    archives = [archive[: archive.rindex(b'data') + 1024] for archive in archives]
    for _ in range(2000):
        broken = bytearray(chance.choice(archives))
        for _ in range(chance.randrange(1, 4)):
            # Within the header that is struck all is allowed, since it gets its checksum anew.
            at = chance.randrange(len(broken) // 512) * 512
            broken[at + chance.randrange(512)] = chance.choice([0, 48, 49, 55, 128, 255])
            block = broken[at : at + 148] + b' ' * 8 + broken[at + 156 : at + 512]
            broken[at + 148 : at + 156] = b'%06o\0 ' % sum(block)
        try:
            list(members(io.BytesIO(broken)))
        except ArchiveError:
            pass
