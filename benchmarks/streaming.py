"""How much memory a stream needs, and how fast it is: ``python -m benchmarks.streaming [GiB]``.

Sends a stream of the given size (10 GiB by default) through a write handle and back through a
read handle, over TLS on loopback, and prints for both the throughput and by how much the process
has grown at its peak. The other end is a process of its own, so that its memory does not count.
It fails when the growth is more than ``--limit`` MiB.
"""

import argparse
import contextlib
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.memory import MIB, forget_peak, peak
from oslo_vmware import image_transfer, rw_handles
from tests.transfer.server import CERTIFICATE, DataServer, Exchange

_PIECE = bytes(64 * 1024)


def _answer(exchange: Exchange) -> None:
    if exchange.method == 'PUT':
        left = int(exchange.headers['Content-Length'])
        buffer = bytearray(len(_PIECE))
        while left:
            left -= exchange.stream.readinto1(memoryview(buffer)[: min(left, len(buffer))])
        exchange.answer()
        return
    size = int(exchange.target.rpartition('=')[2])
    exchange.answer('200 OK', Content_Length=size)
    for _piece in range(size // len(_PIECE)):
        exchange.socket.sendall(_PIECE)


def _serve(pipe: Any) -> None:
    with DataServer(_answer, CERTIFICATE) as server:
        pipe.send(server.url)
        pipe.recv()


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """URL of a server that takes anything and gives as much as it is asked for."""
    context = multiprocessing.get_context('spawn')
    pipe, end = context.Pipe()
    process = context.Process(target=_serve, args=(end,), daemon=True)
    process.start()
    try:
        yield pipe.recv()
    finally:
        pipe.send(None)
        process.join(10)


class Endless:
    """A source of so many bytes."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int) -> bytes:
        self.left -= len(_PIECE)
        # A new object each time, so that it shows when somebody keeps them.
        return _PIECE[1:] + b'x' if self.left >= 0 else b''

    def close(self) -> None:
        pass


class Nowhere:
    """A sink that counts."""

    taken = 0

    def write(self, data: bytes) -> None:
        self.taken += len(data)

    def close(self) -> None:
        pass


def upload(url: str, size: int) -> None:
    """Send a stream."""
    handle = rw_handles.FileWriteHandle(f'{url}/folder/f', file_size=size)
    image_transfer._start_transfer(Endless(size), handle, None)


def download(url: str, size: int) -> None:
    """Receive a stream."""
    sink = Nowhere()
    handle = rw_handles.FileReadHandle(f'{url}/folder/f?size={size}')
    image_transfer._start_transfer(handle, sink, None)
    assert sink.taken == size


def growth(move: Callable[[str, int], None], url: str, size: int) -> tuple[int, float]:
    """Move a stream; tell by how many bytes the process grew, and how long it took.

    It is the peak that counts: what holds a whole image gives it back at the end.
    """
    # What is allocated once, for the first of all streams, is no growth.
    move(url, 4 * MIB)
    forget_peak()
    before = peak()
    began = time.monotonic()
    move(url, size)
    return peak() - before, time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('size', nargs='?', type=float, default=10, help='GiB')
    parser.add_argument('--limit', type=float, default=4, help='MiB that a process may grow')
    arguments = parser.parse_args()
    size = int(arguments.size * 1024) * MIB
    worst = 0
    with serving() as url:
        for move in (upload, download):
            grown, seconds = growth(move, url, size)
            worst = max(worst, grown)
            print(
                f'{move.__name__:10} {size / MIB:8.0f} MiB  {size / MIB / seconds:6.0f} MiB/s'
                f'  grown by {grown / MIB:.2f} MiB'
            )
    return int(worst > arguments.limit * MIB)


if __name__ == '__main__':
    sys.exit(main())
