"""Images that are OVA archives: the disk alone is sent, and what is wrong is said."""

import hashlib
import tarfile

import pytest

from oslo_vmware import exceptions
from tests.transfer.images import (
    ABORT,
    COMPLETE,
    DISK,
    ImageService,
    descriptor,
    import_image,
    ova,
    session_for,
    tar_header,
)
from tests.transfer.server import CERTIFICATE, DataServer, store

HALF = len(DISK) // 2
THIRD = len(DISK) // 3 + 1
LONG = 'long name ' * 30
APPLE_DOUBLE = b'\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        '
GOOD_OVAS = {
    'plain': ova(('a.ovf', descriptor()), ('my disk-0.vmdk', DISK)),
    'encoded': ova(('a.ovf', descriptor('my%20disk-0.vmdk')), ('my disk-0.vmdk', DISK)),
    'decoy': ova(('a.ovf', descriptor()), ('my disk-0.vmdk.sha1', b'no'), ('my disk-0.vmdk', DISK)),
    'one piece': ova(('a.ovf', descriptor()), ('my disk-0.vmdk.000000000', DISK)),
    'pieces without a size': ova(
        ('a.ovf', descriptor(size=len(DISK))),
        *((f'my disk-0.vmdk.{n:09d}', DISK[n * THIRD : (n + 1) * THIRD]) for n in range(3)),
    ),
    'a stray piece': ova(
        ('a.ovf', descriptor()), ('my disk-0.vmdk.1', b'old'), ('my disk-0.vmdk', DISK)
    ),
    'two pieces': ova(
        ('a.ovf', descriptor(size=len(DISK), chunkSize=HALF)),
        ('my disk-0.vmdk.000000000', DISK[:HALF]),
        ('my disk-0.vmdk.000000001', DISK[HALF:]),
    ),
    'in a directory': ova(('my vm/a.ovf', descriptor()), ('my vm/my disk-0.vmdk', DISK)),
    'in this directory': ova(('./a.ovf', descriptor()), ('./my disk-0.vmdk', DISK)),
    'in a directory, with a disk below': ova(
        ('my vm/a.ovf', descriptor('disks/d.vmdk')), ('my vm/disks/d.vmdk', DISK)
    ),
    'in a directory, with a disk beside': ova(
        ('my vm/a.ovf', descriptor('../disks/d.vmdk')), ('disks/d.vmdk', DISK)
    ),
    'in a directory, encoded': ova(
        ('my%20vm/a.ovf', descriptor('my%20disk-0.vmdk')), ('my%20vm/my disk-0.vmdk', DISK)
    ),
    'a decoy outside of the directory': ova(
        ('my vm/a.ovf', descriptor()), ('my disk-0.vmdk', b'no'), ('my vm/my disk-0.vmdk', DISK)
    ),
    'in a directory of a long name': ova(
        (f'{LONG}/a.ovf', descriptor()), (f'{LONG}/my disk-0.vmdk', DISK)
    ),
    'in a directory, in pieces': ova(
        ('my vm/a.ovf', descriptor(size=len(DISK), chunkSize=HALF)),
        ('my vm/my disk-0.vmdk.000000000', DISK[:HALF]),
        ('my vm/my disk-0.vmdk.000000001', DISK[HALF:]),
    ),
    'made on macOS': ova(
        ('./._a.ovf', APPLE_DOUBLE),
        ('./a.ovf', descriptor()),
        ('./._my disk-0.vmdk', APPLE_DOUBLE),
        ('./my disk-0.vmdk', DISK),
    ),
    'made on macOS, in pieces': ova(
        ('._a.ovf', APPLE_DOUBLE),
        ('a.ovf', descriptor(size=len(DISK), chunkSize=HALF)),
        ('my disk-0.vmdk.000000000', DISK[:HALF]),
        ('._my disk-0.vmdk.000000001', APPLE_DOUBLE),
        ('my disk-0.vmdk.000000001', DISK[HALF:]),
    ),
    'in capitals': ova(('MY VM.OVF', descriptor('D.VMDK')), ('D.VMDK', DISK)),
    'with directories and links': (
        tar_header(b'my vm/', b'5')
        + tar_header(b'my vm/b.ovf', b'2')
        + ova(('my vm/a.ovf', descriptor()), ('my vm/my disk-0.vmdk', DISK))
    ),
    'by GNU tar': ova(
        (f'{LONG}/a.ovf', descriptor()),
        (f'{LONG}/my disk-0.vmdk', DISK),
        format=tarfile.GNU_FORMAT,
    ),
    'with a size in bytes': (
        ova(('a.ovf', descriptor())).rstrip(b'\0').ljust(1024, b'\0')
        + tar_header(b'my disk-0.vmdk', size=b'\x80' + len(DISK).to_bytes(11, 'big'))
        + DISK
    ),
}


@pytest.mark.parametrize('kind', GOOD_OVAS)
def test_an_ova(kind: str) -> None:
    """The disk alone is sent and announced, though the archive's size was given."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        assert import_image(session, ImageService(GOOD_OVAS[kind], 'ova')) is session.vm
        assert server.last.headers['Content-Length'] == str(len(DISK))
        assert server.last.digest.digest() == hashlib.sha256(DISK).digest()
        assert session.ends == COMPLETE


HOSTILE = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
BAD_OVAS = {
    'no tar': (b'x' * 2000, 'no usable OVA.*\n?.*no header of a tar archive'),
    'empty': (ova(), 'no OVF descriptor'),
    'no disk': (ova(('a.ovf', descriptor())), 'no member my disk-0.vmdk'),
    'late descriptor': (
        ova(('my disk-0.vmdk', DISK), ('a.ovf', descriptor())),
        'before the OVF descriptor',
    ),
    'broken xml': (ova(('a.ovf', b'<a>'), ('d.vmdk', DISK)), 'descriptor is unusable'),
    'hostile xml': (ova(('a.ovf', HOSTILE + descriptor())), 'document type'),
    'no size': (
        ova(('a.ovf', descriptor(chunkSize=9)), ('my disk-0.vmdk.000000000', DISK)),
        'does not say how long',
    ),
    'compressed': (
        ova(('a.ovf', descriptor(compression='gzip')), ('my disk-0.vmdk', DISK)),
        'compressed with gzip',
    ),
    'a link': (
        ova(('a.ovf', descriptor()))[:1024] + tar_header(b'my disk-0.vmdk', b'1'),
        'no file in the OVA, but a link',
    ),
    'nothing but what macOS adds': (ova(('._a.ovf', APPLE_DOUBLE)), 'no OVF descriptor'),
    'a disk elsewhere': (
        ova(('my vm/a.ovf', descriptor()), ('my disk-0.vmdk', DISK)),
        'no member my disk-0.vmdk',
    ),
    'a size of thousands of digits': (
        ova(('a.ovf', descriptor(size='9' * 5000)), ('my disk-0.vmdk', DISK)),
        'more than 18 digits',
    ),
    'a size in words': (
        ova(('a.ovf', descriptor()))[:1024] + tar_header(b'my disk-0.vmdk', size=b'many'),
        r'no usable OVA\.\nCause: a size in the archive is no number',
    ),
    'an endless name': (tar_header(b'L', b'L', b'77777777777\0'), 'extended header of 8589934591'),
    'names upon names': (tar_header(b'L', b'L') * 1000, 'more than 100 headers'),
    'a sparse disk': (
        ova(('a.ovf', descriptor()))[:1024] + tar_header(b'my disk-0.vmdk', b'S'),
        'without the option --sparse',
    ),
    'a broken header': (
        ova(('a.ovf', descriptor()))[:1024] + tar_header(b'my disk-0.vmdk')[:-1] + b'x' + DISK,
        'no header of a tar archive at byte 1024',
    ),
    'members without end': (tar_header(b'._a') * 10_001, 'more than 10000 members'),
    'cut short': (GOOD_OVAS['plain'][: len(DISK)], 'archive ends'),
}


ENVELOPE = descriptor().decode()
HOSTILE_DESCRIPTORS = {
    'entities that multiply': (HOSTILE + descriptor(), 'document type'),
    'an external entity': (
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>' + descriptor('&f;'),
        'document type',
    ),
    'an external DTD': (
        b'<!DOCTYPE Envelope SYSTEM "http://127.0.0.1:1/x.dtd">' + descriptor(),
        'document type',
    ),
    'a parameter entity': (
        b'<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>' + descriptor(),
        'document type',
    ),
    'in UTF-16': (
        f'<?xml version="1.0" encoding="UTF-16"?>{HOSTILE.decode()}{ENVELOPE}'.encode('utf-16'),
        'document type',
    ),
    'behind a comment': (b'<!-- -->' * 1000 + HOSTILE + descriptor(), 'document type'),
    'an undefined entity': (descriptor('&a;.vmdk'), 'undefined entity'),
    'of unknown encoding': (
        b'<?xml version="1.0" encoding="x-unknown"?>' + descriptor(), 'encoding',
    ),
    'not XML at all': (bytes(range(256)), 'descriptor is unusable'),
    'cut': (descriptor()[:-20], 'descriptor is unusable'),
    'empty': (b'', 'descriptor is unusable'),
    'too long': (b' ' * (16 * 1024 * 1024) + descriptor(), 'longer than'),
}  # fmt: skip


@pytest.mark.parametrize('kind', HOSTILE_DESCRIPTORS)
def test_a_hostile_descriptor(kind: str) -> None:
    """No entity is defined, nothing is fetched, no lease is made, no connection opened."""
    document, message = HOSTILE_DESCRIPTORS[kind]
    image = ova(('a.ovf', document), ('my disk-0.vmdk', DISK))
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        with pytest.raises(exceptions.ImageTransferException, match=message):
            import_image(session, ImageService(image, 'ova'))
        assert session.calls == []
        assert server.connections == 0


def cuts() -> list[int]:
    """In the first header, the descriptor, the second header, the disk, and before its end."""
    image = GOOD_OVAS['plain']
    disk = image.index(DISK)
    return [1, 511, 512, 700, disk - 512, disk - 1, disk, disk + 1, disk + len(DISK) - 1]


@pytest.mark.parametrize('cut', cuts())
def test_an_archive_cut_anywhere(cut: int) -> None:
    """A clear error wherever the archive ends, and no lease or connection is left."""
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        with pytest.raises(exceptions.ImageTransferException):
            import_image(session, ImageService(GOOD_OVAS['plain'][:cut], 'ova'))
        assert session.open_leases == 0
        assert COMPLETE[0] not in session.operations
        assert server.all_closed(0)


def test_a_disk_that_is_whole_is_enough() -> None:
    """What follows the disk, the end of the archive included, need not be there."""
    image = GOOD_OVAS['plain']
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        import_image(session, ImageService(image[: image.index(DISK) + len(DISK)], 'ova'))
        assert server.last.digest.digest() == hashlib.sha256(DISK).digest()
        assert session.ends == COMPLETE


@pytest.mark.parametrize('kind', BAD_OVAS)
def test_a_bad_ova(kind: str) -> None:
    """A clear error, and neither lease nor connection is left."""
    data, message = BAD_OVAS[kind]
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        with pytest.raises(exceptions.ImageTransferException, match=message):
            import_image(session, ImageService(data, 'ova'))
        assert session.open_leases == 0
        assert COMPLETE[0] not in session.operations
        assert server.all_closed(0)


def test_a_piece_that_is_missing() -> None:
    """Fewer bytes than the descriptor says: the lease is aborted."""
    data = ova(
        ('a.ovf', descriptor(size=len(DISK), chunkSize=HALF)),
        ('my disk-0.vmdk.000000000', DISK[:HALF]),
    )
    with DataServer(store, CERTIFICATE) as server:
        session = session_for(server)
        with pytest.raises(exceptions.VimException, match=f'{HALF} of {len(DISK)}'):
            import_image(session, ImageService(data, 'ova'))
        assert session.ends == ABORT
