"""Files with holes: a disk of 100 GiB may hold only a few bytes, and takes no time for the rest."""

import errno
import os
from collections.abc import Iterator

_COPIED_AT_ONCE = 1024 * 1024


def data_segments(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Where in a sparse file there is data, as pairs of start and end."""
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return  # nothing but a hole up to the end
            raise
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end


def copy_sparsely(source: str, target: str) -> None:
    """Copy a file without its holes."""
    with open(source, 'rb') as old, open(target, 'wb') as new:
        size = os.fstat(old.fileno()).st_size
        new.truncate(size)
        for start, end in data_segments(old.fileno(), size):
            old.seek(start)
            new.seek(start)
            while start < end:
                part = old.read(min(_COPIED_AT_ONCE, end - start))
                if not part:
                    break
                new.write(part)
                start += len(part)


def blocks(path: str, block: int, limit: int) -> Iterator[tuple[int, bytes]]:
    """The blocks of a file that are not all zeros, in order: number and data.

    :param limit: what is behind so many bytes does not count
    """
    zeros = bytes(block)
    with open(path, 'rb') as file:
        descriptor = file.fileno()
        size = min(os.fstat(descriptor).st_size, limit)
        number = 0
        for start, end in data_segments(descriptor, size):
            # The file system has other blocks: two of its segments may lie in one of ours.
            number = max(number, start // block)
            while number * block < min(end, size):
                at = number * block
                data = os.pread(descriptor, min(block, size - at), at)
                if data != zeros[: len(data)]:
                    yield number, data
                number += 1
