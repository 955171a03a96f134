"""Stream-optimised disks as others read and write them: qemu-img, oslo.utils, the tests."""

from __future__ import annotations

import pathlib
import random
import shutil
import subprocess
import tracemalloc

import pytest
from oslo_utils.imageutils import format_inspector

from oslo_vmware.simulator.storage import sparse, stream_optimized
from oslo_vmware.simulator.storage.stream_optimized import GRAIN, SECTOR
from tests.drivers.vmdk import stream_optimized as written_by_tests
from tests.transfer.disks import content_of, grains_of, stream_of

MIB = 1 << 20
NOISE = random.Random(4).randbytes(3 * MIB)

needs_qemu = pytest.mark.skipif(
    shutil.which('qemu-img') is None,
    reason='qemu-img is not installed (Debian: qemu-utils); it is the reader that is not ours',
)

# What a disk holds, and its capacity; a grain table is for 32 MiB.
DISKS: dict[str, tuple[dict[int, bytes], int]] = {
    'nothing': ({}, 64 * MIB),
    'no capacity': ({}, 0),
    'a sector': ({0: b'x'}, SECTOR),
    'less than a grain at the end': (
        {0: NOISE[:100], 5 * GRAIN: NOISE[:SECTOR]}, 5 * GRAIN + SECTOR
    ),
    'noise': ({0: NOISE}, len(NOISE)),
    'text': ({0: b'all work and no play ' * 100_000}, 4 * MIB),
    'the ends of a table': ({32 * MIB - 9: NOISE[:18]}, 96 * MIB),
    'the first and the last of many tables': ({0: b'a', 5000 * MIB - 1: b'z'}, 5000 * MIB),
    'a hole in a table': ({GRAIN * 3 + 7: b'a', GRAIN * 9: b'b', 40 * MIB: b'c'}, 64 * MIB),
}  # fmt: skip


def disk(path: pathlib.Path, name: str) -> pathlib.Path:
    """One of the disks as a sparse file."""
    pieces, capacity = DISKS[name]
    with open(path / 'disk.raw', 'wb') as file:
        for at, data in pieces.items():
            file.seek(at)
            file.write(data)
        file.truncate(capacity)
    return path / 'disk.raw'


def held(raw: pathlib.Path) -> tuple[int, dict[int, bytes]]:
    """The capacity of a disk, and where it holds what."""
    capacity = raw.stat().st_size
    blocks = sparse.blocks(str(raw), GRAIN, capacity)
    return capacity, {number * GRAIN: data for number, data in blocks}


def written(raw: pathlib.Path) -> pathlib.Path:
    """The same as a stream."""
    capacity = raw.stat().st_size
    stream = raw.with_suffix('.vmdk')
    with open(stream, 'wb') as file:
        blocks = sparse.blocks(str(raw), GRAIN, capacity)
        file.writelines(stream_optimized.encode(capacity, blocks))
    return stream


def qemu_img(*arguments: object) -> str:
    done = subprocess.run(
        ['qemu-img', *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f'{done.stdout}{done.stderr}'
    return done.stdout


@needs_qemu
@pytest.mark.parametrize('name', [name for name in DISKS if name != 'no capacity'])
def test_qemu_reads_what_we_write(tmp_path: pathlib.Path, name: str) -> None:
    """qemu-img finds a stream-optimised disk without errors, with the same content."""
    raw = disk(tmp_path, name)
    stream = written(raw)
    told = qemu_img('info', '-f', 'vmdk', stream)
    assert 'create type: streamOptimized' in told
    assert f'({raw.stat().st_size} bytes)' in told
    assert 'No errors' in qemu_img('check', '-f', 'vmdk', stream)
    assert 'identical' in qemu_img('compare', '-f', 'vmdk', '-F', 'raw', stream, raw)


@needs_qemu
@pytest.mark.parametrize('name', [name for name in DISKS if name != 'no capacity'])
def test_what_qemu_writes_we_read(tmp_path: pathlib.Path, name: str) -> None:
    """A stream of qemu-img, with its tables before the grains and no end, has its content."""
    raw = disk(tmp_path, name)
    stream = tmp_path / 'qemu.vmdk'
    qemu_img('convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized', raw, stream)
    assert grains_of(stream.read_bytes()) == held(raw)


@pytest.mark.parametrize('name', DISKS)
def test_the_inspector_of_openstack_accepts_it(tmp_path: pathlib.Path, name: str) -> None:
    """oslo.utils, which Glance, Nova and Cinder ask, knows it for a VMDK and finds no fault."""
    stream = written(disk(tmp_path, name))
    inspector = format_inspector.detect_file_format(str(stream))
    assert str(inspector) == 'vmdk'
    assert inspector.virtual_size == DISKS[name][1]
    inspector.safety_check()


@pytest.mark.parametrize('name', DISKS)
def test_there_and_back(tmp_path: pathlib.Path, name: str) -> None:
    """What is written is read, grain by grain."""
    raw = disk(tmp_path, name)
    assert grains_of(written(raw).read_bytes()) == held(raw)


def test_another_writer() -> None:
    """A stream of the tests' own writer, of whole tables and better compressed, is read as well."""
    assert content_of(written_by_tests(NOISE, 64 * MIB)) == NOISE.ljust(64 * MIB, b'\0')


def test_every_cut_is_noticed() -> None:
    """A stream that lacks its end, wherever it was cut, is none."""
    stream = stream_of(NOISE[: 3 * GRAIN])
    for length in [*range(0, len(stream), 1021), len(stream) - 1]:
        with pytest.raises(stream_optimized.NoStream, match=r'ends before|does not begin'):
            content_of(stream[:length])


def test_a_grain_that_unpacks_to_more_than_a_grain() -> None:
    """What is packed cannot make a receiver hold more than one grain."""
    whole = stream_of(b'x' * GRAIN)
    bomb = bytearray(whole)
    bomb[20:28] = (64).to_bytes(8, 'little')  # grains of half the size
    with pytest.raises(stream_optimized.NoStream, match='too large'):
        content_of(bytes(bomb))


def test_memory_does_not_grow_with_the_disk() -> None:
    """Of a disk of 1 TiB a writer and a reader hold a grain, a table and the directory."""
    capacity = 1 << 40
    numbers = range(0, capacity // GRAIN, 50_000)
    noise = NOISE[:GRAIN]
    stream = stream_optimized.encode(capacity, ((number, noise) for number in numbers))
    buffer = bytearray()

    def read(size: int) -> bytes:
        while len(buffer) < size and (part := next(stream, b'')):
            buffer.extend(part)
        data = bytes(buffer[:size])
        del buffer[:size]
        return data

    tracemalloc.start()
    try:
        header = stream_optimized.Header.parse(read(SECTOR))
        found = sum(data == noise for _, data in stream_optimized.decode(header, read))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == len(numbers)
    # The directory has 128 KiB, and goes through in one piece.
    assert peak < 2 * MIB
