"""The ways to read over the wire: each gives all bytes, or raises and leaves nothing open."""

import contextlib
import io
from collections.abc import Callable

import pytest

from oslo_vmware import image_transfer, rw_handles
from tests.transfer.images import ABORT, COMPLETE, ImageService, export_arguments, session_for
from tests.transfer.server import DataServer, Exchange, Script
from tests.transfer.stand_in import StandIn

Reader = Callable[[DataServer, StandIn], bytes]


def chunk(data: bytes, extension: bytes = b'') -> bytes:
    """A chunk of a body in chunks."""
    return b'%x%b\r\n%b\r\n' % (len(data), extension, data)


def raw(answer: bytes) -> Script:
    """Send this and hang up."""

    def script(exchange: Exchange) -> None:
        exchange.socket.sendall(answer)
        exchange.socket.close()

    return script


def head(*lines: bytes, status: bytes = b'HTTP/1.1 200 OK') -> bytes:
    """The head of an answer."""
    return b'\r\n'.join([status, *lines, b'', b''])


def read_all(server: DataServer, session: StandIn | None = None, *, by: str) -> bytes:
    """Read with one of :data:`READERS`; the lease is completed if all is well, aborted if not."""
    session = session or session_for(server)
    ends = ABORT
    try:
        data = READERS[by](server, session)
        ends = COMPLETE
    finally:
        if session.calls:
            assert (session.ends, session.open_leases) == (ends, 0)
    return data


def _file(server: DataServer, session: StandIn) -> bytes:
    handle = rw_handles.FileReadHandle(f'{server.url}/folder/x')
    with contextlib.closing(handle):
        return b''.join(iter(lambda: handle.read(100), b''))


def _export(server: DataServer, session: StandIn) -> bytes:
    handle = rw_handles.VmdkReadHandle(session, server.host, 443, 'vm', None, 1)
    with contextlib.closing(handle):
        return b''.join(iter(lambda: handle.read(1000), b''))


class Sink(io.BytesIO):
    """A file that can be looked at after it was closed."""

    name = 'sink'
    data = b''

    def close(self) -> None:
        if not self.closed:
            self.data = self.getvalue()
        super().close()


def _export_to_file(server: DataServer, session: StandIn) -> bytes:
    sink = Sink()
    image_transfer.copy_stream_optimized_disk('c', 10, sink, **export_arguments(session))
    return sink.data


def _export_to_image(server: DataServer, session: StandIn) -> bytes:
    service = ImageService()
    image_transfer.upload_image('c', 10, service, 'id', 'me', **export_arguments(session))
    return bytes(service.data)


EXPORTERS: dict[str, Reader] = {
    'VmdkReadHandle': _export,
    'copy_stream_optimized_disk': _export_to_file,
    'upload_image': _export_to_image,
}
READERS: dict[str, Reader] = {'FileReadHandle': _file, **EXPORTERS}

all_readers = pytest.mark.parametrize('reader', READERS)
all_exporters = pytest.mark.parametrize('reader', EXPORTERS)
