"""Moving images: ``python -m benchmarks.images [MiB]``, and rows of ``make bench``.

The other end is a process of its own, with TLS on loopback, and does next to nothing: it receives
into one buffer, or sends one. The client moves the same bytes in turns with a plain loop over a
connection of urllib3, which is how the replaced library does it, 64 KiB at a time and without a
check; and through this library, with all of them. Of several rounds the best counts.

A vCenter's disks go under a lease; who reads one computes its SHA-1 as well, which the plain loop
does not.
"""

import argparse
import contextlib
import http.client
import socket
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import urllib3.connection

from benchmarks.aside import aside
from benchmarks.bench import Bench
from benchmarks.libraries import OURS
from benchmarks.memory import MIB, forget_peak, peak
from benchmarks.rows import Measured
from oslo_vmware import image_transfer, rw_handles
from tests.transfer.server import AUTHORITY, CERTIFICATE, thumbprint
from tests.transfer.stand_in import StandIn

#: Seconds for a transfer, as services give it: what bounds it is part of what is measured.
LIMIT = 7200
CHUNK = 64 * 1024
#: Seconds that the slow source takes for each MiB.
PAUSE = 0.002

# The other end


def _serve(pipe: Any) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CERTIFICATE.configure_cert(context)
    with socket.create_server(('127.0.0.1', 0)) as listener:
        url = f'https://127.0.0.1:{listener.getsockname()[1]}'
        pipe.send((url, thumbprint(), AUTHORITY.cert_pem.bytes()))
        threading.Thread(target=_accept, args=(listener, context), daemon=True).start()
        pipe.recv()


def _accept(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        connection, _address = listener.accept()
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
            _answer(tls)


def _answer(sock: ssl.SSLSocket) -> None:
    stream = sock.makefile('rb', buffering=0)
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += stream.read(1) or b'\r\n\r\n'
    line, _, rest = head.partition(b'\r\n')
    method, target, _version = line.decode().split(' ')
    if method == 'GET':
        left = int(target.rpartition('=')[2])
        buffer = memoryview(bytes(MIB))
        sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % left)
        while left:
            sock.sendall(buffer[:left])
            left -= min(left, MIB)
        return
    (left,) = (
        int(line.partition(b':')[2])
        for line in rest.split(b'\r\n')
        if line.lower().startswith(b'content-length:')
    )
    buffer = memoryview(bytearray(MIB))
    while left:
        left -= sock.recv_into(buffer) or left
    sock.sendall(b'HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n')
    sock.recv(1)


class Place(NamedTuple):
    """Where the server is.

    :ivar known: thumbprint of its certificate
    :ivar authority: path of a bundle that verifies it
    """

    url: str
    known: str
    authority: str


@contextlib.contextmanager
def serving() -> Iterator[Place]:
    """A server that takes anything and gives as much as it is asked for."""
    with aside(_serve) as pipe, tempfile.NamedTemporaryFile() as bundle:
        url, known, authority = pipe.recv()
        bundle.write(authority)
        bundle.flush()
        yield Place(url, known, bundle.name)


# The ends here


class Source:
    """A source of so many bytes.

    :param pause: seconds for each MiB
    """

    _DATA = memoryview(bytes(MIB))

    def __init__(self, size: int, pause: float = 0.0) -> None:
        self._left = size
        self._pause = pause
        self._due = 0

    def read(self, size: int) -> bytes:
        data = bytes(self._DATA[: min(size, self._left)])
        self._left -= len(data)
        if self._pause:
            self._due += len(data)
            if self._due >= MIB:
                time.sleep(self._pause * (self._due // MIB))
                self._due %= MIB
        return data

    def close(self) -> None:
        pass


class Sink:
    """A sink that counts."""

    name = 'sink'

    def __init__(self) -> None:
        self.taken = 0

    def write(self, data: bytes) -> None:
        self.taken += len(data)

    def close(self) -> None:
        pass


# The ways


class Ways:
    """The ways to move so many bytes.

    :param place: of the server
    """

    def __init__(self, place: Place, size: int) -> None:
        self._url, self._known, self._authority = place
        self.size = size
        self._host = urlsplit(self._url).hostname or ''
        self._port = urlsplit(self._url).port

    def _connection(self) -> urllib3.connection.HTTPSConnection:
        return urllib3.connection.HTTPSConnection(
            self._host, self._port, cert_reqs='CERT_NONE', assert_fingerprint=self._known
        )

    def plain_upload(self, pause: float = 0.0) -> None:
        source = Source(self.size, pause)
        connection = self._connection()
        connection.putrequest('PUT', '/folder/f')
        connection.putheader('Content-Length', str(self.size))
        connection.endheaders()
        while data := source.read(CHUNK):
            connection.send(data)
        # That of urllib3 wants a request that it has sent as a whole.
        response = http.client.HTTPConnection.getresponse(connection)
        assert response.status == http.client.CREATED
        connection.close()

    def plain_download(self) -> None:
        sink = Sink()
        connection = self._connection()
        connection.request('GET', f'/folder/f?size={self.size}', preload_content=False)
        response = connection.getresponse()
        while data := response.read(CHUNK):
            sink.write(data)
        connection.close()
        assert sink.taken == self.size

    def upload(self, pause: float = 0.0) -> None:
        source = Source(self.size, pause)
        image_transfer.download_file(
            source, self._host, self._port, 'dc', 'ds', None, 'f', self.size, self._authority, LIMIT
        )

    def upload_slowly(self) -> None:
        self.upload(PAUSE)

    def download(self) -> None:
        sink = Sink()
        handle = rw_handles.FileReadHandle(
            f'{self._url}/folder/f?size={self.size}', cacerts=self._authority
        )
        image_transfer._start_transfer(handle, sink, LIMIT)
        assert sink.taken == self.size

    def import_disk(self, pause: float = 0.0) -> None:
        session = StandIn(f'{self._url}/nfc/52/disk-0.vmdk', self._known, self._host)
        image_transfer.download_stream_optimized_data(
            None, LIMIT, Source(self.size, pause), session=session, host=self._host,
            port=self._port, resource_pool='rp', vm_folder='f', vm_import_spec='spec',
            image_size=self.size,
        )  # fmt: skip
        assert session.ends == ['HttpNfcLeaseComplete']

    def export_disk(self) -> None:
        session = StandIn(f'{self._url}/nfc/52/disk-0.vmdk?size={self.size}', self._known)
        session.devices[-1].key = 'disk-0'
        sink = Sink()
        image_transfer.copy_stream_optimized_disk(
            None, LIMIT, sink, session=session, host=self._host, port=self._port, vm='vm',
            vmdk_size=self.size,
        )  # fmt: skip
        assert sink.taken == self.size

    def source_alone(self) -> None:
        source = Source(self.size, PAUSE)
        while source.read(CHUNK):
            pass


class Cost(NamedTuple):
    """What moving some bytes took.

    :ivar seconds: by the clock
    :ivar processor: of the client's processor
    """

    seconds: float
    processor: float


def in_turns(
    ways: Mapping[str, Callable[[], Any]],
    rounds: int,
    tell: Callable[[str], Any] = lambda text: None,
) -> dict[str, Cost]:
    """What each way takes; the best of each."""
    best: dict[str, Cost] = {}
    for number in range(rounds):
        for name, way in ways.items():
            tell(f'{name}, round {number + 1} of {rounds}')
            began = time.perf_counter(), time.process_time()
            way()
            seconds, processor = time.perf_counter() - began[0], time.process_time() - began[1]
            known = best.get(name, Cost(seconds, processor))
            best[name] = Cost(min(seconds, known.seconds), min(processor, known.processor))
    return best


def growth(way: Callable[[], Any]) -> int:
    """By how many bytes the process has grown at its peak; what holds an image gives it back."""
    way()  # What is allocated once, for the first of all streams, is no growth.
    forget_peak()
    before = peak()
    way()
    return peak() - before


#: Columns beside ours.
PLAIN = 'a plain loop'
BOUND = 'the slower of source and wire'
LEASE = 'a disk under a lease'


def moving(bench: Bench) -> Measured:
    """Rates in both directions and from a slow source, the client's part of it, and memory."""
    mib, rounds = (8, 1) if bench.size.quick else (512, 7)
    with serving() as place:
        return measured(Ways(place, mib * MIB), rounds, bench.progress.tell)


def measured(ways: Ways, rounds: int, tell: Callable[[str], Any]) -> Measured:
    """The same, of one server."""
    up = in_turns(
        {PLAIN: ways.plain_upload, OURS: ways.upload, LEASE: ways.import_disk}, rounds, tell
    )
    down = in_turns(
        {PLAIN: ways.plain_download, OURS: ways.download, LEASE: ways.export_disk}, rounds, tell
    )
    alone = 'the source alone'
    slow = in_turns(
        {
            PLAIN: lambda: ways.plain_upload(PAUSE),
            OURS: ways.upload_slowly,
            LEASE: lambda: ways.import_disk(PAUSE),
            alone: ways.source_alone,
        },
        max(1, rounds // 2),
        tell,
    )
    rates = {name: ways.size / MIB / cost.seconds for name, cost in slow.items()}
    rates[BOUND] = min(rates.pop(alone), ways.size / MIB / up[OURS].seconds)
    tell('memory')
    return {
        'up': {name: ways.size / MIB / cost.seconds for name, cost in up.items()},
        'up, processor': {name: cost.processor for name, cost in up.items()},
        'down': {name: ways.size / MIB / cost.seconds for name, cost in down.items()},
        'down, processor': {name: cost.processor for name, cost in down.items()},
        'slow': rates,
        'memory': {OURS: max(growth(ways.upload), growth(ways.download)) / MIB},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('size', nargs='?', type=float, default=512, help='MiB')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--limit', type=float, default=4, help='MiB that the process may grow')
    arguments = parser.parse_args()
    with serving() as place:
        ways = Ways(place, int(arguments.size * MIB))
        rows = measured(ways, arguments.rounds, lambda text: None)
    for title, values in rows.items():
        print(f'{title:16}', ', '.join(f'{name} {value:.5g}' for name, value in values.items()))
    return int(rows['memory'][OURS] > arguments.limit)


if __name__ == '__main__':
    sys.exit(main())
