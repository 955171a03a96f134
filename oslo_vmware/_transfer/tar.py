"""Reads a tar archive that goes by once, and believes nothing that it says of itself.

Python's ``tarfile`` is made for archives that one trusts: whatever length an extended header
announces is read into memory, a chain of them ends in RecursionError, a size that is no number
counts as zero and a broken header as the end, and every member is remembered. Here each of these
is an error in words, and the limits have names.

What is understood is what POSIX (ustar and pax), GNU tar and Unix V7 share: a block of 512 bytes in
front of each member, and extended headers for long names and large sizes. Sparse members are
refused: what an archive has of them is not the file.
"""

import re
from typing import Any, NamedTuple

from oslo_vmware._i18n import _

#: Bytes of a member's name; Linux has no longer paths.
MAX_NAME_SIZE = 4096

#: Bytes of an extended header, which may hold attributes of the file beside its name.
MAX_HEADER_SIZE = 1024 * 1024

#: Extended headers in front of one member.
MAX_HEADERS = 100

#: Bytes of a member: an exabyte.
MAX_SIZE = 10**18

_BLOCK = 512
_PIECE = 64 * 1024

# Types of headers: of files, of what has no data (links, devices, directories), and extended ones.
_FILES = (b'0', b'\0', b'7')
_BARE = (b'1', b'2', b'3', b'4', b'5', b'6')
_PAX = (b'x', b'X')
_GNU_NAME = b'L'
_GNU_SPARSE = b'S'
_UNUSED = (b'g', b'K')

# Its length, which counts all of it and the end of the line, and its key.
_RECORD = re.compile(rb'([0-9]{1,9}) ([^=]+)=')


class ArchiveError(Exception):
    """It is no archive, or not all of one, or beyond a limit."""


class Member(NamedTuple):
    """What an archive says of one of its members.

    :ivar name: its path
    :ivar size: bytes of its data
    :ivar is_file: whether it is a file, and no link, directory or the like
    """

    name: str
    size: int
    is_file: bool


class Archive:
    """A tar archive.

    :param source: has ``read``, which gives some bytes, not necessarily as many as it is asked for,
                   and something falsy at the end
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._came = memoryview(b'')
        self._offset = 0
        self._name = ''
        self._left = 0
        self._padding = 0

    def next(self) -> Member | None:
        """Go to the next member, past what is left of this one.

        :returns: None at the end
        :raises ArchiveError: there is neither a member nor an end
        """
        self._pass_by()
        name: str | None = None
        size: int | None = None
        is_sparse = False
        for _each in range(MAX_HEADERS + 1):
            header = self._header()
            if header is None:
                return None
            kind = header[156:157]
            length = _size(header[124:136])
            if kind in _PAX:
                records = _records(self._extended(length))
                name = _text(records[b'path']) if b'path' in records else name
                size = _decimal(records[b'size']) if b'size' in records else size
                if any(key.startswith(b'GNU.sparse.') for key in records):
                    is_sparse = True
                    name = _text(records.get(b'GNU.sparse.name', b'')) or name
            elif kind == _GNU_NAME:
                name = _text(self._extended(length).rstrip(b'\0'))
            elif kind in _UNUSED:
                self._extended(length)
            else:
                name = _name(header) if name is None else name
                if is_sparse or kind == _GNU_SPARSE:
                    raise ArchiveError(
                        _('%s is sparse: make the archive without the option --sparse') % name
                    )
                return self._member(name, kind, length if size is None else size)
        raise ArchiveError(_('more than %s headers are in front of one member') % MAX_HEADERS)

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes of the member's data, ``b''`` at its end.

        :raises ArchiveError: the archive ends before
        """
        if not self._left:
            return b''
        data = self._some(min(size, self._left))
        if not data:
            raise ArchiveError(
                _('the archive ends %(left)s bytes before the end of %(name)s')
                % {'left': self._left, 'name': self._name}
            )
        self._left -= len(data)
        return bytes(data)

    def _member(self, name: str, kind: bytes, size: int) -> Member:
        is_directory = kind == b'\0' and name.endswith('/')  # as Unix V7 has them
        self._name = name
        self._begin(0 if kind in _BARE else size)
        return Member(name, self._left, kind in _FILES and not is_directory)

    def _header(self) -> bytes | None:
        """The next header; None at the end, marked or not."""
        at = self._offset
        header = self._exactly(_BLOCK)
        if not header.strip(b'\0') and len(header) in (0, _BLOCK):
            return None
        if len(header) < _BLOCK:
            raise ArchiveError(_('the archive ends within the header at byte %s') % at)
        if not _is_header(header):
            raise ArchiveError(_('there is no header of a tar archive at byte %s') % at)
        return header

    def _extended(self, size: int) -> bytes:
        if size > MAX_HEADER_SIZE:
            raise ArchiveError(
                _('the archive has an extended header of %(size)s bytes; %(limit)s are allowed')
                % {'size': size, 'limit': MAX_HEADER_SIZE}
            )
        self._begin(size)
        data = self._exactly(size)
        self._left -= len(data)
        if self._left:
            raise ArchiveError(_('the archive ends within an extended header'))
        self._pass_by()
        return data

    def _begin(self, size: int) -> None:
        self._left = size
        self._padding = -size % _BLOCK

    def _pass_by(self) -> None:
        while self.read(_PIECE):
            pass
        # Whoever cuts off the padding has lost nothing.
        self._exactly(self._padding)
        self._padding = 0

    def _exactly(self, size: int) -> bytes:
        """As many bytes; less at the end."""
        data = bytearray()
        while len(data) < size and (some := self._some(size - len(data))):
            data += some
        return bytes(data)

    def _some(self, size: int) -> memoryview:
        if not self._came:
            self._came = memoryview(self._source.read(_PIECE) or b'')
        some, self._came = self._came[:size], self._came[size:]
        self._offset += len(some)
        return some


def _is_header(block: bytes) -> bool:
    """Whether its checksum is right, for which its own place counts as blanks."""
    rest = block[:148] + block[156:]
    checksum = 8 * ord(' ') + sum(rest)
    # Some old archivers took bytes for signed.
    return _octal(block[148:156]) in (checksum, checksum - 256 * sum(byte > 127 for byte in rest))


def _octal(field: bytes) -> int | None:
    digits = field.partition(b'\0')[0].strip(b' ')
    return int(digits or b'0', 8) if re.fullmatch(rb'[0-7]*', digits) else None


def _size(field: bytes) -> int:
    """A size in a header: in octal digits or, where these do not do, in bytes behind 0x80."""
    size = int.from_bytes(field[1:], 'big') if field[0] == 0x80 else _octal(field)
    return _checked(size, field)


def _decimal(text: bytes) -> int:
    return _checked(int(text) if re.fullmatch(rb'[0-9]{1,19}', text) else None, text)


def _checked(size: int | None, written: bytes) -> int:
    if size is None:
        raise ArchiveError(_('a size in the archive is no number: %r') % written[:40])
    if size > MAX_SIZE:
        raise ArchiveError(
            _('a size in the archive is %(size)s bytes; %(limit)s are allowed')
            % {'size': size, 'limit': MAX_SIZE}
        )
    return size


def _name(header: bytes) -> str:
    name = header[:100].partition(b'\0')[0]
    prefix = header[345:500].partition(b'\0')[0]
    # GNU tar has other things there, and says so by blanks behind the word.
    return _text(prefix + b'/' + name if prefix and header[257:263] == b'ustar\0' else name)


def _text(name: bytes) -> str:
    if len(name) > MAX_NAME_SIZE:
        raise ArchiveError(
            _('the archive has a name of %(size)s bytes; %(limit)s are allowed')
            % {'size': len(name), 'limit': MAX_NAME_SIZE}
        )
    return name.decode('utf-8', 'backslashreplace')


def _records(data: bytes) -> dict[bytes, bytes]:
    """The records of an extended header of pax."""
    records = {}
    data = data.rstrip(b'\0')
    at = 0
    while at < len(data):
        found = _RECORD.match(data, at)
        end = at + int(found[1]) if found else 0
        if found is None or not found.end() < end <= len(data) or data[end - 1 : end] != b'\n':
            raise ArchiveError(_('an extended header of the archive is broken'))
        records[found[2]] = data[found.end() : end - 1]
        at = end
    return records
