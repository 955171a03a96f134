"""The first disk of an OVA, read from a stream that goes one way.

An OVA is a tar archive of an OVF descriptor and the files that it names. The OVF standard puts
the descriptor first, and a stream depends on it: only the descriptor says which member is the
disk and, where it comes in pieces, how long it is. What the descriptor names is beside it, in
whatever directory of the archive that is.
"""

import dataclasses
import posixpath
import re
import urllib.parse
from collections.abc import Iterator

from oslo_vmware import exceptions, image_util
from oslo_vmware._i18n import _
from oslo_vmware._transfer import tar

#: Members in front of the disk; real archives have some dozen.
MAX_MEMBERS = 10_000

#: How the names of files begin in which macOS keeps what other systems have no place for; the rest
#: of the name is that of the file it belongs to.
_APPLE_DOUBLE = '._'


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """What is looked for in the archive.

    :ivar file: what the descriptor says
    :ivar names: what the file may be called, normalised
    """

    file: image_util.DiskFile
    names: frozenset[str]


class Disk:
    """The data of a disk, from one member of the archive or from several.

    :param archive: at the first member
    :param member: the first member
    :param wanted: what it is
    :ivar size: bytes of the disk
    """

    def __init__(self, archive: tar.Archive, member: tar.Member, wanted: _Wanted) -> None:
        file = wanted.file
        self._archive = archive
        self._member = member
        self._in_pieces = not _is_named(member.name, wanted)
        self._number = 0
        self._wanted = wanted
        if not member.is_file:
            raise exceptions.ImageTransferException(
                _('The disk %s is no file in the OVA, but a link or the like.') % member.name
            )
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

        :raises tar.ArchiveError: the archive ends within the disk
        """
        data = self._archive.read(size)
        while not data and self._in_pieces and self._next_piece():
            data = self._archive.read(size)
        return data

    def _next_piece(self) -> bool:
        member = next(_members(self._archive), None)
        expected = self._number + 1
        if (
            member is None
            or not member.is_file
            or not _belongs(member.name, self._wanted)
            or _piece(member.name) != expected
        ):
            return False
        self._number = expected
        self._member = member
        return True

    def close(self) -> None:
        """Do nothing: whoever opened the archive closes it."""

    @property
    def name(self) -> str:
        return _('%s in the OVA') % self._member.name


def first_disk(archive: tar.Archive) -> Disk:
    """Go to the first disk.

    :param archive: at its beginning
    :raises ImageTransferException: there is none, or it comes before the descriptor
    :raises tar.ArchiveError: the archive is broken
    """
    wanted: _Wanted | None = None
    passed: list[str] = []
    for member in _members(archive):
        if wanted is None and member.is_file and member.name.lower().endswith('.ovf'):
            wanted = _wanted(member.name, image_util.first_disk(archive))
            before = [name for name in passed if _belongs(name, wanted)]
            if before:
                raise exceptions.ImageTransferException(
                    _(
                        'The disk %s comes before the OVF descriptor, which has to be the first '
                        'member of an OVA.'
                    )
                    % before[0]
                )
        elif wanted is None:
            passed.append(member.name)
        elif _is_named(member.name, wanted) or (
            _belongs(member.name, wanted) and (wanted.file.split or _piece(member.name) == 0)
        ):
            return Disk(archive, member, wanted)
    if wanted is None:
        text = _('The OVA has no OVF descriptor.')
    else:
        text = _('The OVA has no member %s, the disk in its OVF descriptor.') % wanted.file.name
    raise exceptions.ImageTransferException(text)


def _members(archive: tar.Archive) -> Iterator[tar.Member]:
    """The members that come next.

    :raises tar.ArchiveError: they are too many
    """
    for _number in range(MAX_MEMBERS):
        member = archive.next()
        if member is None:
            return
        if not posixpath.basename(member.name).startswith(_APPLE_DOUBLE):
            yield member
    raise tar.ArchiveError(_('more than %s members are in front of the disk') % MAX_MEMBERS)


def _wanted(descriptor: str, file: image_util.DiskFile) -> _Wanted:
    """What a descriptor wants, by where in the archive that is."""
    folder = posixpath.dirname(descriptor)
    # The descriptor has URLs, which tools encode or not.
    hrefs = (file.name, urllib.parse.unquote(file.name))
    return _Wanted(
        file, frozenset(posixpath.normpath(posixpath.join(folder, href)) for href in hrefs)
    )


def _belongs(name: str, wanted: _Wanted) -> bool:
    """Whether a member is a disk's file, or a piece of it."""
    whole = name if _piece(name) is None else name.rpartition('.')[0]
    return _is_named(name, wanted) or _is_named(whole, wanted)


def _is_named(name: str, wanted: _Wanted) -> bool:
    """Whether a member is a disk's whole file."""
    return posixpath.normpath(name) in wanted.names


def _piece(name: str) -> int | None:
    """The number of a piece; None for a whole file."""
    found = re.search(r'\.([0-9]+)$', name)
    return int(found[1]) if found else None
