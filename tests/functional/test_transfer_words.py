"""What is said of a transfer that fails: from where, to where, and how far it got."""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from oslo_vmware import exceptions, image_transfer, rw_handles
from oslo_vmware._transfer import connection as _connection
from tests.transfer.images import ABORT, DATA, SIZE, importer, session_for
from tests.transfer.server import CERTIFICATE, DataServer, Exchange


class Source:
    """Gives so many pieces, then does something."""

    name = 'image 4711'

    def __init__(self, pieces: int, last: Callable[[], bytes]) -> None:
        self._left = pieces
        self._last = last

    def read(self, size: int) -> bytes:
        self._left -= 1
        return DATA if self._left >= 0 else self._last()

    def close(self) -> None:
        pass


class Failure(NamedTuple):
    """A way to fail.

    :ivar pieces: that the source gives, ``end`` is what it does then
    :ivar announced: bytes that the server is told to expect
    :ivar server: reads, refuses, or does neither
    :ivar limit: seconds for the whole
    :ivar said: of the text, beside source and destination
    """

    pieces: int
    end: str
    announced: int
    server: str
    limit: float | None
    said: str


FAILURES = {
    'source raises': Failure(
        2, 'raises', 9 * SIZE, 'reads', 30, rf'{2 * SIZE} bytes\n(.|\n)*service is gone'
    ),
    'source hangs': Failure(2, 'hangs', 9 * SIZE, 'reads', 0.5, rf'{2 * SIZE} bytes(.|\n)*limit'),
    'source ends early': Failure(
        2, 'ends', 9 * SIZE, 'reads', 30, rf'{2 * SIZE} of {9 * SIZE} announced'
    ),
    'source has too much': Failure(
        3, 'ends', 2 * SIZE, 'reads', 30, rf'{2 * SIZE} bytes(.|\n)*{2 * SIZE} were announced'
    ),
    'server stops reading': Failure(
        1000, 'ends', 1000 * SIZE, 'stops', 0.5, r'after \d+ bytes(.|\n)*limit'
    ),
    'server stops reading, no limit': Failure(
        1000, 'ends', 1000 * SIZE, 'stops', None, r'after \d+ bytes(.|\n)*took nothing'
    ),
    'server says nothing': Failure(
        2, 'ends', 2 * SIZE, 'is mute', 0.5, rf'{2 * SIZE} bytes(.|\n)*timed out'
    ),
    'server says nothing, no limit': Failure(
        2, 'ends', 2 * SIZE, 'is mute', None, rf'{2 * SIZE} bytes(.|\n)*timed out'
    ),
    'server refuses': Failure(
        2, 'ends', 2 * SIZE, 'refuses', 30, rf'507 Insufficient(.|\n)*{2 * SIZE} bytes'
    ),
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stalls is given up after half a second."""
    monkeypatch.setattr(_connection, 'STALL_SECONDS', 0.5)


@pytest.mark.usefixtures('impatient')
@pytest.mark.parametrize('lease', [False, True])
@pytest.mark.parametrize('case', FAILURES)
def test_a_failed_transfer_is_described(case: str, lease: bool) -> None:
    """Source, destination and bytes are in the text; no socket and no lease is left."""
    failure = FAILURES[case]
    never = threading.Event()

    def serve(exchange: Exchange) -> None:
        if failure.server != 'stops':
            exchange.swallow()
        if failure.server in ('stops', 'is mute'):
            server.released.wait(10)
        elif failure.server == 'refuses':
            exchange.answer('507 Insufficient Storage')
        else:
            exchange.answer()

    def end() -> bytes:
        if failure.end == 'raises':
            raise OSError('the image service is gone')
        if failure.end == 'hangs':
            never.wait(10)
        return b''

    with DataServer(serve, CERTIFICATE) as server:
        session = session_for(server)
        sink: Any
        if lease:
            sink, where = importer(session, failure.announced), '/nfc/***'
        else:
            where = '/folder/f.vmdk?dcPath=dc&dsName=ds'
            sink = rw_handles.FileWriteHandle(
                server.host, server.port, 'dc', 'ds', None, 'f.vmdk', failure.announced
            )
        with pytest.raises(exceptions.VMwareDriverException, match=failure.said) as raised:
            image_transfer._start_transfer(Source(failure.pieces, end), sink, failure.limit)
        for part in ('image 4711', server.netloc + where):
            assert part in str(raised.value)
        assert (session.ends, session.open_leases) == ((ABORT if lease else []), 0)
        never.set()
        server.released.set()
        assert server.all_closed()


@pytest.mark.parametrize(
    ('handle', 'refused'),
    [
        (rw_handles.FileReadHandle, exceptions.VimException),
        (rw_handles.FileWriteHandle, ValueError),
    ],
)
def test_what_is_no_url(handle: Any, refused: type[Exception]) -> None:
    """It is refused as a scheme is that is none, and nothing of it is shown."""
    with pytest.raises(refused) as raised:
        handle('https://user:secret-1@[::1/folder?ticket=secret-2')
    assert 'secret' not in str(raised.value)
