"""The first disk of an OVA, read from a stream that goes one way.

An OVA is a tar archive of an OVF descriptor and the files that it names. The OVF standard puts
the descriptor first, and a stream depends on it: only the descriptor says which member is the
disk and, where it comes in pieces, how long it is.
"""

import posixpath
import re
import tarfile
import urllib.parse
from typing import Any

from oslo_vmware import exceptions, image_util
from oslo_vmware._i18n import _


class Disk:
    """The data of a disk, from one member of the archive or from several.

    :param archive: positioned behind the first member
    :param member: the first member
    :param file: what the descriptor says
    :ivar size: bytes of the disk
    """

    def __init__(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, file: image_util.DiskFile
    ) -> None:
        self._archive = archive
        self._member = member
        self._data = archive.extractfile(member)
        self._left = member.size
        self._in_pieces = not _is_named(member.name, file)
        self._number = 0
        self._file = file
        if file.compression:
            raise exceptions.ImageTransferException(
                _('The disk %(name)s is compressed with %(how)s, which a server does not take.')
                % {'name': file.name, 'how': file.compression}
            )
        if self._in_pieces and _piece(member.name) != 0:
            raise exceptions.ImageTransferException(
                _('The first piece of the disk %(name)s is not before %(found)s in the OVA.')
                % {'name': file.name, 'found': member.name}
            )
        if self._in_pieces and file.split and file.size is None:
            raise exceptions.ImageTransferException(
                _(
                    'The disk %s comes in pieces, and the OVF descriptor does not say how long '
                    'it is.'
                )
                % file.name
            )
        self.size = file.size if self._in_pieces and file.size is not None else member.size

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, ``b''`` at the end.

        :raises tarfile.ReadError: the archive ends within the disk
        """
        while not self._left:
            if not (self._in_pieces and self._next_piece()):
                return b''
        data = self._data.read(min(size, self._left)) if self._data else b''
        if not data:
            raise tarfile.ReadError(
                _('the archive ends %(left)s bytes before the end of %(name)s')
                % {'left': self._left, 'name': self._member.name}
            )
        self._left -= len(data)
        return data

    def _next_piece(self) -> bool:
        member = self._archive.next()
        expected = self._number + 1
        if (
            member is None
            or not _belongs(member.name, self._file)
            or (_piece(member.name) != expected)
        ):
            return False
        self._number = expected
        self._member, self._left = member, member.size
        self._data = self._archive.extractfile(member)
        return True

    def close(self) -> None:
        """Do nothing: whoever opened the archive closes it."""

    @property
    def name(self) -> str:
        return _('%s in the OVA') % self._member.name


def first_disk(archive: tarfile.TarFile) -> Disk:
    """Go to the first disk.

    :param archive: opened for streaming
    :raises ImageTransferException: there is none, or it comes before the descriptor
    """
    file: image_util.DiskFile | None = None
    passed: list[str] = []
    for member in archive:
        if not member.isreg():
            continue
        if file is None and member.name.endswith('.ovf'):
            file = image_util.first_disk(archive.extractfile(member))
            before = [name for name in passed if _belongs(name, file)]
            if before:
                raise exceptions.ImageTransferException(
                    _(
                        'The disk %s comes before the OVF descriptor, which has to be the first '
                        'member of an OVA.'
                    )
                    % before[0]
                )
        elif file is None:
            passed.append(member.name)
        elif _is_named(member.name, file) or (
            _belongs(member.name, file) and (file.split or _piece(member.name) == 0)
        ):
            return Disk(archive, member, file)
    if file is None:
        text = _('The OVA has no OVF descriptor.')
    else:
        text = _('The OVA has no member %s, the disk in its OVF descriptor.') % file.name
    raise exceptions.ImageTransferException(text)


def _belongs(name: str, file: image_util.DiskFile) -> bool:
    """Whether a member is a disk's file, or a piece of it."""
    whole = name if _piece(name) is None else name.rpartition('.')[0]
    return _is_named(name, file) or _is_named(whole, file)


def _is_named(name: str, file: image_util.DiskFile) -> bool:
    """Whether a member is a disk's whole file."""
    # The descriptor has URLs, which tools encode or not.
    names = {posixpath.normpath(n) for n in (file.name, urllib.parse.unquote(file.name))}
    return posixpath.normpath(name) in names


def _piece(name: str) -> int | None:
    """The number of a piece; None for a whole file."""
    found = re.search(r'\.([0-9]+)$', name)
    return int(found[1]) if found else None


def open_archive(data: Any) -> tarfile.TarFile:
    """Open an OVA for streaming.

    :param data: has ``read``
    :raises tarfile.ReadError: it is no tar archive
    """
    return tarfile.open(mode='r|', fileobj=data)
