"""An export is a whole disk, or there is an error, even where the response came whole."""

import hashlib
import random
import struct
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import exceptions, rw_handles
from tests.drivers.vmdk import SECTOR, stream_optimized
from tests.faults.reading import all_exporters, chunk, head, raw, read_all
from tests.transfer.images import ABORT, session_for
from tests.transfer.server import CERTIFICATE, DataServer, serve

PROBLEM = exceptions.VMwareDriverException

#: Two grain tables, the second of which is nothing but zeros.
DISK = stream_optimized(random.Random(7).randbytes(200_000), 64 << 20)
FRAMED = head(b'Transfer-Encoding: chunked')
LAST = b'0\r\n\r\n'


def chunked(data: bytes) -> bytes:
    """A complete response, whatever its data is."""
    return FRAMED + (chunk(data) if data else b'') + LAST


def unframed(data: bytes) -> bytes:
    """A response that ends with its connection."""
    return head(b'Connection: close') + data


def directory_in_front(data: bytes) -> bytes:
    """The disk as those write it who know the grain directory beforehand: without a footer."""
    fields = bytearray(data[: -3 * SECTOR] + data[-SECTOR:])
    struct.pack_into('<Q', fields, 56, 21)
    return bytes(fields)


WHOLE = {
    'a footer': DISK,
    'a footer and padding': DISK + bytes(4 * SECTOR),
    'no footer': directory_in_front(DISK),
    'another kind of VMDK': b'KDMV' + struct.pack('<II', 1, 3) + DISK[12:-SECTOR],
    'no VMDK': b'opaque',
}


@all_exporters
@pytest.mark.parametrize('disk', WHOLE)
@pytest.mark.parametrize('size', [64 * 1024, 700])
def test_a_whole_disk_is_exported(reader: str, disk: str, size: int) -> None:
    """A stream-optimised disk with its end, and what is none: byte for byte, in any pieces."""
    data = WHOLE[disk]
    pieces = [chunk(data[at : at + size]) for at in range(0, len(data), size)]
    with DataServer(raw(FRAMED + b''.join(pieces) + LAST), CERTIFICATE) as server:
        assert read_all(server, by=reader) == data


CUTS = [
    *range(SECTOR, len(DISK), SECTOR),
    *(len(DISK) - less for less in (1, 100, SECTOR + 1, 2 * SECTOR - 1, 2 * SECTOR + 1)),
    *(3, 4, 12, 63, 64, 65, 511, 513, 1000),
]


@pytest.mark.parametrize('frame', [chunked, unframed])
def test_no_cut_of_a_disk_goes_unnoticed(frame: Any) -> None:
    """Not behind a sector of zeros in a table either; the response itself is complete."""
    cuts = iter(CUTS)
    with DataServer(lambda exchange: raw(frame(DISK[: next(cuts)]))(exchange)) as server:
        for cut in CUTS:
            with pytest.raises(PROBLEM, match='end-of-stream') as raised:
                pytest.fail(f'cut at {cut}: {len(read_all(server, by="VmdkReadHandle"))}')
            assert f'ends after {cut} bytes' in str(raised.value)


@all_exporters
@pytest.mark.parametrize('cut', [2000, 3 * SECTOR, SECTOR, 1])
def test_an_export_that_ends_early_raises(reader: str, cut: int) -> None:
    """Whoever takes the data hears of it before the end, and the lease is aborted."""
    with DataServer(raw(chunked(DISK[:-cut])), CERTIFICATE) as server:
        with pytest.raises(PROBLEM, match='without an end-of-stream marker'):
            read_all(server, by=reader)
        assert server.all_closed()


EMPTY = {
    'length': head(b'Content-Length: 0'),
    'chunks': chunked(b''),
    'neither': unframed(b''),
}


@all_exporters
@pytest.mark.parametrize('frame', EMPTY)
def test_an_empty_export_raises(reader: str, frame: str) -> None:
    """No disk is empty, so that is no disk."""
    with DataServer(raw(EMPTY[frame]), CERTIFICATE) as server:
        with pytest.raises(PROBLEM, match='it is empty'):
            read_all(server, by=reader)
        assert server.all_closed()


@all_exporters
@pytest.mark.parametrize('disk', ['a footer', 'a footer and padding', 'no footer'])
def test_a_disk_is_its_own_proof(reader: str, disk: str) -> None:
    """With its end-of-stream marker it is whole, though the response did not say where it ends."""
    with DataServer(raw(unframed(WHOLE[disk])), CERTIFICATE) as server:
        assert read_all(server, by=reader) == WHOLE[disk]


# The manifest

KEY = '/vm-7/VirtualLsiLogicController0:0'


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def entry(data: bytes = DISK, **members: Any) -> Any:
    """What a server says of a disk."""
    said = {'key': KEY, 'size': len(data), 'sha1': sha1(data), 'disk': True} | members
    return SimpleNamespace(**said)


def exported(by: str, answer: bytes, *manifest: Any) -> tuple[bytes, list[str]]:
    """Export with a manifest; returns the data and the operations that were called."""
    with DataServer(raw(answer), CERTIFICATE) as server:
        session = session_for(server)
        session.devices[1].key = KEY
        session.manifest = list(manifest)
        return read_all(server, session, by=by), session.operations


OTHER = sha1(b'other')
AGREEING = {
    'both': entry(),
    'in capitals': entry(sha1=sha1(DISK).upper()),
    'another algorithm': entry(checksum='ab' * 32, checksumType='sha256'),
    'the checksum, too': entry(checksum=sha1(DISK), checksumType='sha1'),
    'no SHA-1': entry(sha1=''),
    'no size': entry(size=None),
    'another disk': entry(key='/vm-7/VirtualLsiLogicController0:1', size=1, sha1=OTHER),
}


@all_exporters
@pytest.mark.parametrize('said', AGREEING)
def test_a_manifest_that_agrees(reader: str, said: str) -> None:
    """It is asked for once, when all bytes have come, and before the lease is completed."""
    data, operations = exported(reader, chunked(DISK), AGREEING[said])
    assert data == DISK
    assert operations.count('HttpNfcLeaseGetManifest') == 1
    assert operations[-2:] == ['HttpNfcLeaseGetManifest', 'HttpNfcLeaseComplete']


DISAGREEING = {
    'size': (entry(size=len(DISK) + 1), f'{len(DISK)} bytes came, and .* sent {len(DISK) + 1}'),
    'SHA-1': (entry(sha1=OTHER), f'SHA-1 is {sha1(DISK)}, and .* {OTHER}'),
    'checksum': (entry(checksum=OTHER, checksumType='sha1'), OTHER),
}


@all_exporters
@pytest.mark.parametrize('said', DISAGREEING)
@pytest.mark.parametrize('frame', [chunked, unframed])
def test_a_manifest_that_disagrees(reader: str, said: str, frame: Any) -> None:
    """Then what came is not what was sent, though it looks like a whole disk."""
    manifest, words = DISAGREEING[said]
    with pytest.raises(PROBLEM, match=words):
        exported(reader, frame(DISK), entry(key='/nvram', size=5, sha1=OTHER), manifest)


@all_exporters
def test_a_manifest_is_a_proof(reader: str) -> None:
    """What is no VMDK passes without framing if the checksum agrees, and only then."""
    data = b'opaque'
    assert exported(reader, unframed(data), entry(data))[0] == data
    with pytest.raises(PROBLEM, match='nothing shows'):
        exported(reader, unframed(data), entry(data, sha1=''))


REFUSALS = {
    'a fault': exceptions.VimFaultException(['InvalidState'], 'The lease is busy'),
    'no answer': exceptions.VimConnectionException('no answer'),
    'no such operation': exceptions.VimAttributeException('MethodNotFound'),
    'a surprise': AttributeError('HttpNfcLeaseGetManifest'),
}


@all_exporters
@pytest.mark.parametrize('refusal', REFUSALS)
def test_a_server_without_a_manifest(reader: str, refusal: str) -> None:
    """It is done without, as with servers before 4.1."""
    with DataServer(serve(DISK), CERTIFICATE) as server:
        session = session_for(server)
        session.devices[1].key = KEY
        session.faults['HttpNfcLeaseGetManifest'] = REFUSALS[refusal]
        assert read_all(server, session, by=reader) == DISK


def test_reading_again_makes_it_no_better() -> None:
    """After an error there is no end of the data that could be taken for the whole."""
    with DataServer(raw(chunked(DISK[:-SECTOR])), CERTIFICATE) as server:
        handle = rw_handles.VmdkReadHandle(session_for(server), server.host, 443, 'vm', None, 1)
        for _again in range(3):
            with pytest.raises(PROBLEM, match='end-of-stream'):
                list(iter(handle.read, b''))
        assert not handle.complete
        handle.close()


class Killed(BaseException):
    """As it is raised in green threads."""


def test_an_interrupted_proof_ends_the_export() -> None:
    """The last piece is lost with the read that was interrupted, so no later read is the end."""
    with DataServer(serve(DISK), CERTIFICATE) as server:
        session = session_for(server)
        session.devices[1].key = KEY
        session.faults['HttpNfcLeaseGetManifest'] = Killed()  # type: ignore[assignment]
        handle = rw_handles.VmdkReadHandle(session, server.host, 443, 'vm', None, 1)
        with pytest.raises(Killed):
            list(iter(handle.read, b''))
        session.faults.clear()
        with pytest.raises(PROBLEM, match='called off'):
            handle.read()
        handle.close()
        assert (session.ends, session.open_leases) == (ABORT, 0)
        assert server.all_closed()
