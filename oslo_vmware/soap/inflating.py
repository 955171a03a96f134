"""Inflates what comes compressed, as little at a time as the reader wants.

A compressed body says nothing of its size: 64 KiB may stand for 64 MB. zlib can be told to stop,
and goes on when it is asked again, so the reader sees each piece before there is more.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

#: Content codings that are read; that of others, or of several at once, has no such bound.
ENCODINGS = ('gzip', 'x-gzip', 'deflate')

#: What is asked for (``Accept-Encoding``).
ACCEPTED = 'gzip, deflate'

#: The greatest piece, in bytes.
PIECE = 64 * 1024

_MAGIC = b'\x1f\x8b'
# How zlib is told what it reads: gzip or zlib, whatever comes, and deflate without a frame.
_FRAMED = 32 + zlib.MAX_WBITS
_BARE = -zlib.MAX_WBITS


class BrokenDataError(ValueError):
    """Data that is not compressed as it should be, or is not all there."""


def inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """What compressed data stands for; nothing where there is none.

    :param pieces: the data as it comes, in gzip or deflate
    :raises BrokenDataError: it is not compressed in a way that is known, or ends too early
    """
    inflater = None
    data = b''
    for piece in pieces:
        data += piece
        if inflater is None:
            if len(data) < 2:
                continue
            inflater = zlib.decompressobj(_FRAMED if _is_framed(data) else _BARE)
        while data:
            if inflater.eof:
                if data[0] != _MAGIC[0]:
                    # No further member, but padding.
                    data = b''
                    break
                inflater = zlib.decompressobj(_FRAMED)
            yield _step(inflater, data)
            data = inflater.unconsumed_tail or inflater.unused_data
    if inflater is not None:
        # All has been taken in, and not all given out: zlib stops in the middle of a repetition.
        yield inflater.flush()
    if data or (inflater and not inflater.eof):
        raise BrokenDataError('it ends too early')


def _is_framed(data: bytes) -> bool:
    # RFC 1952, 2.3.1, and RFC 1950, 2.2. Servers are known to leave out the frame.
    return data.startswith(_MAGIC) or (data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0)


def _step(inflater: Any, data: bytes) -> bytes:
    try:
        piece: bytes = inflater.decompress(data, PIECE)
    except zlib.error as exc:
        raise BrokenDataError(str(exc)) from None
    return piece
