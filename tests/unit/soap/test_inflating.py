"""Compressed bodies, inflated a piece at a time: as stock decoders do, and never much at once."""

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from oslo_vmware.soap import inflating
from oslo_vmware.soap.inflating import BrokenDataError, inflated

TEXT = b''.join(b'<val>%d</val>' % number for number in range(20_000))


def bare(data: bytes) -> bytes:
    """Deflate without the frame of zlib, which some servers leave out."""
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush()


GOOD = {
    'gzip': (gzip.compress(TEXT), TEXT),
    'gzip of nothing': (gzip.compress(b''), b''),
    'gzip in two members': (gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]), TEXT),
    'gzip with an empty member': (gzip.compress(b'') + gzip.compress(TEXT), TEXT),
    'gzip and something behind it': (gzip.compress(TEXT) + b'\0' * 9, TEXT),
    'zlib': (zlib.compress(TEXT), TEXT),
    'zlib, not compressed': (zlib.compress(TEXT, 0), TEXT),
    'zlib and something behind it': (zlib.compress(TEXT) + b'\n', TEXT),
    'without a frame': (bare(TEXT), TEXT),
    'one that repeats': (gzip.compress(bytes(3_000_001)), bytes(3_000_001)),
    'no data at all': (b'', b''),
}


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize('size', [1, 2, 7, 1000, 10_000_000])
@pytest.mark.parametrize('kind', GOOD)
def test_what_comes_out(kind: str, size: int) -> None:
    """The data, however it is cut on its way, in pieces that are not greater than promised."""
    packed, data = GOOD[kind]
    pieces = list(inflated(cut(packed, size)))
    assert b''.join(pieces) == data
    assert max(map(len, pieces), default=0) <= inflating.PIECE


@pytest.mark.parametrize('size', [1, 100, 10_000_000])
@pytest.mark.parametrize('kind', ['gzip', 'zlib', 'without a frame'])
def test_what_is_cut(kind: str, size: int) -> None:
    """Data that ends before its end is broken, wherever that is: urllib3 passes it."""
    packed = GOOD[kind][0]
    for end in (1, 2, 5, len(packed) // 2, len(packed) - 1):
        with pytest.raises(BrokenDataError):
            list(inflated(cut(packed[:end], size)))


@pytest.mark.parametrize(
    'packed',
    [
        b'<html>not compressed</html>',
        gzip.compress(TEXT)[:-8] + bytes(8),  # checksum and size
        gzip.compress(TEXT) + b'\x1f\x8bx',
    ],
)
def test_what_is_broken(packed: bytes) -> None:
    """One kind of error, whatever zlib finds."""
    with pytest.raises(BrokenDataError):
        list(inflated([packed]))


def test_any_bytes() -> None:
    """Whatever comes, it is data or that error."""
    chance = random.Random(8)
    for _ in range(3000):
        packed = bytearray(chance.choice([gzip.compress(TEXT[:500]), zlib.compress(TEXT[:500])]))
        for _ in range(chance.randrange(1, 4)):
            packed[chance.randrange(len(packed))] = chance.randrange(256)
        try:
            list(inflated(cut(bytes(packed), chance.randrange(1, 200))))
        except BrokenDataError:
            pass


def test_a_reader_may_stop() -> None:
    """Of what would be 200 MB, no more is made than the reader asks for."""
    packed = gzip.compress(bytes(200_000_000))
    tracemalloc.start()
    try:
        next(inflated([packed]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
