"""An HTTP reply, and how its body is read: within bounds, whatever it is made of.

An answer has a greatest size, counted after decompression and while it is read, so that neither a
body without an end nor one that inflates a thousandfold fills the memory; and it takes hardly more
of it than it has bytes.
"""

import io
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from oslo_vmware.soap.inflating import ENCODINGS, BrokenDataError, inflated

#: How much is kept of an answer that is not read.
_SAMPLE = 4096


class Reply(NamedTuple):
    """An HTTP reply, whatever its status.

    :ivar status: HTTP status code
    :ivar reason: the words beside it
    :ivar content_type: media type without parameters, lower case; ``''`` when not sent
    :ivar body: the decoded (gunzipped) content
    """

    status: int
    reason: str
    content_type: str
    body: bytes


def media_type(field: str) -> str:
    """What a field ``Content-Type`` says, without parameters and in lower case."""
    return field.partition(';')[0].strip().lower()


class TooLargeError(Exception):
    """A body is larger than it may be, or could be.

    :ivar sample: how it begins
    """

    def __init__(self, problem: str, sample: bytes = b'') -> None:
        super().__init__(problem)
        self.sample = sample


def bounded(pieces: Iterable[bytes], encoding: str, limit: int) -> bytes:
    """Read a body, as far as it may go.

    :param pieces: as they come
    :param encoding: its field ``Content-Encoding``
    :param limit: bytes that it may have, before and after it is inflated
    :raises TooLargeError: it has more
    :raises BrokenDataError: what is compressed is broken
    """
    encoding = encoding.strip().lower()
    if encoding not in ('', 'identity', *ENCODINGS):
        raise TooLargeError(
            f'the reply is compressed in a way that was not asked for ({encoding!r})'
        )
    body = io.BytesIO()  # grows in its place
    pieces = _measured(pieces, limit, body)
    if encoding in ENCODINGS:
        pieces = _measured(inflated(pieces), limit, body)
    try:
        for piece in pieces:
            body.write(piece)
    except BrokenDataError as exc:
        raise BrokenDataError(f'the {encoding} data of the reply is broken: {exc}') from exc
    return body.getvalue()  # no copy


def _measured(pieces: Iterable[bytes], limit: int, body: io.BytesIO) -> Iterator[bytes]:
    """What comes, as long as it is not too much."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            sample = bytes(body.getbuffer()[:_SAMPLE])
            raise TooLargeError(f'the reply is larger than {limit} bytes', sample)
        yield piece
