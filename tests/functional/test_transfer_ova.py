"""Images that are OVA archives: the disk alone is sent, and what is wrong is said."""

import hashlib

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
)
from tests.transfer.server import CERTIFICATE, DataServer, store

HALF = len(DISK) // 2
THIRD = len(DISK) // 3 + 1
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
    'no tar': (b'x' * 2000, 'no usable OVA'),
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
    'cut short': (GOOD_OVAS['plain'][: len(DISK)], 'unexpected end of data|archive ends'),
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
