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
