"""What shows that an exported disk is whole, where a complete response does not.

The framing of a response says that its sender sent what it meant to send. A host that loses its
datastore, or its way through its own proxy, means to send less: there are exports that end early
with a complete chunked 200, and empty ones. Two more witnesses are heard, and neither may object:

- *The disk.* A stream-optimised VMDK ("Virtual Disk Format 5.0", VMware) is a header, grains and
  tables, each with a marker before it, and an end-of-stream marker, which is a sector of zeros. A
  grain table has sectors of zeros, too; so where the header says that the grain directory is at the
  end, the header must be there once more, as a footer before the end-of-stream marker. Readers of
  such disks find the footer by that, so hardly anything can follow; a few sectors of zeros may.
- *The server.* A lease has a manifest (``HttpNfcLeaseGetManifest``, vSphere API 4.1): how many
  bytes of each disk were sent, and their SHA-1, a required member to this day. Not every server
  gives one.

Only the first bytes and the last few are kept, so that looking costs nothing but the checksum,
which is half of what an export over TLS costs; it is left out where there can be no manifest.
"""

import hashlib
import re
import struct
from collections.abc import Callable
from typing import Any

from oslo_vmware._i18n import _

_SECTOR = 512
_ZEROS = bytes(_SECTOR)

#: How a sparse extent begins: magic, version, flags, and what is between them and the offset of
#: the grain directory.
_HEADER = struct.Struct('<4sII44xQ')
_MAGIC = b'KDMV'

#: The flags of a stream: its grains are compressed, and there are markers.
_STREAM_FLAGS = 1 << 16 | 1 << 17

#: The offset of a grain directory that the footer knows.
_AT_END = 0xFFFFFFFFFFFFFFFF

#: A marker, up to its type: the sectors that follow (or zero), a size of zero, the type.
_MARKER = struct.Struct('<QII')
_FOOTER = 3

#: Bytes at the end that are kept: footer marker, footer, end-of-stream marker, some padding.
_TAIL = 8 * _SECTOR

_SHA1 = re.compile('[0-9A-Fa-f]{40}')


class Passed:
    """The bytes of an export as they pass.

    :param checksum: whether there may be a manifest to compare with
    :ivar size: how many there were
    """

    def __init__(self, checksum: bool) -> None:
        self.size = 0
        self._head = b''
        self._tail = b''
        self._digest = hashlib.sha1(usedforsecurity=False) if checksum else None

    def add(self, data: bytes) -> None:
        """Take note of the next bytes."""
        self.size += len(data)
        if self._digest is not None:
            self._digest.update(data)
        if len(self._head) < _SECTOR:
            self._head = (self._head + data)[:_SECTOR]
        self._tail = data if len(data) >= _TAIL else (self._tail + data)[-_TAIL:]

    @property
    def is_stream(self) -> bool:
        """Whether it begins as a stream-optimised VMDK."""
        if len(self._head) < _HEADER.size:
            # What ends within its header is no disk, of whatever kind it was to be.
            return _MAGIC.startswith(self._head[: len(_MAGIC)])
        magic, _version, flags, _directory = _HEADER.unpack_from(self._head)
        return bool(magic == _MAGIC and flags & _STREAM_FLAGS == _STREAM_FLAGS)

    def problem(self, framed: bool, ask: Callable[[], Any]) -> str:
        """Why these are not all bytes of a disk; ``''`` if they are.

        :param framed: whether the response said where it ends
        :param ask: gives the entry of the disk in the lease's manifest, or None
        """
        if not self.size:
            return _('it is empty')
        if self.is_stream and not self._is_ended():
            return (
                _(
                    'it begins as a stream-optimised VMDK and ends after %s bytes without an '
                    'end-of-stream marker'
                )
                % self.size
            )
        entry = ask()
        disagreement = self._disagreement(entry)
        if not (disagreement or framed or self.is_stream or _checksums(entry)):
            return _('nothing shows that the end of the connection was that of the disk')
        return disagreement

    def _is_ended(self) -> bool:
        if self.size % _SECTOR or self.size < 2 * _SECTOR:
            return False
        tail = self._tail[-_TAIL:]
        sectors = [tail[at : at + _SECTOR] for at in range(0, len(tail), _SECTOR)]
        if sectors.pop() != _ZEROS:
            return False
        if _HEADER.unpack_from(self._head)[-1] != _AT_END:
            return True
        while sectors and sectors[-1] == _ZEROS:
            sectors.pop()
        if len(sectors) < 2 or not sectors[-1].startswith(_MAGIC):
            return False
        return _MARKER.unpack_from(sectors[-2])[1:] == (0, _FOOTER)

    def _disagreement(self, entry: Any) -> str:
        """What an entry of a manifest says otherwise; ``''`` if it agrees, or says nothing.

        :param entry: HttpNfcLeaseManifestEntry
        """
        size = getattr(entry, 'size', None)
        if type(size) is int and size != self.size:
            return _('%(found)s bytes came, and the server says that it sent %(size)s') % {
                'found': self.size,
                'size': size,
            }
        found = '' if self._digest is None else self._digest.hexdigest()
        for sha1 in _checksums(entry):
            if sha1.lower() != found:
                return _('its SHA-1 is %(found)s, and that of what the server sent %(sha1)s') % {
                    'found': found,
                    'sha1': sha1,
                }
        return ''


def _checksums(entry: Any) -> list[str]:
    """The SHA-1 checksums in an entry of a manifest, which may have it in two places."""
    found = [getattr(entry, 'sha1', None)]
    # vSphere API 6.7; the other algorithm, SHA-256, has to be asked for before the transfer.
    if getattr(entry, 'checksumType', None) == 'sha1':
        found.append(getattr(entry, 'checksum', None))
    return [value for value in found if isinstance(value, str) and _SHA1.fullmatch(value)]
