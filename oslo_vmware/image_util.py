"""What the descriptor of an OVF package says about its disks.

A descriptor comes out of an image that anybody may have uploaded, so what it costs is bounded by
what it weighs. expat is told nothing but names and attributes, and what it does by itself is kept
small:

- A document type, which is where entities come from, is looked for before expat sees it: expat
  cannot be stopped by an exception before the end of what it was given, and would expand them.
- It is given a piece at a time, so that an exception stops it soon.
- Namespaces are looked up here, down to the depth that matters: expat would write the whole URI in
  front of the name of each element.

Nothing is ever fetched.
"""

import codecs
import dataclasses
import re
import xml.parsers.expat
from collections import ChainMap
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware._i18n import _

#: Bytes that a descriptor may have; real ones have some thousand.
MAX_DESCRIPTOR_SIZE = 16 * 1024 * 1024

#: Elements of a descriptor that may be open at once; real ones have ten.
MAX_DEPTH = 256

#: Bytes that a tag, with all its attributes, or a comment may have; expat from release 2.6 on reads
#: ahead, and is stopped at anything from half of that on.
MAX_TAG_SIZE = 1024 * 1024

#: Elements that a descriptor may have; real ones have some hundred.
MAX_ELEMENTS = 100_000

#: Digits of the size of a file: of an exabyte, and not of what no file has.
_MAX_DIGITS = 18

#: How much of a descriptor is read at a time.
_PIECE = 64 * 1024

#: How deep the elements are that matter: ``Envelope/References/File``.
_DEPTH = 3

#: The namespaces of OVF 0.9, 1.x and 2.x.
_NAMESPACES = (
    'http://www.vmware.com/schema/ovf/1/envelope',
    'http://schemas.dmtf.org/ovf/envelope/1',
    'http://schemas.dmtf.org/ovf/envelope/2',
)

_DECLARATION = re.compile(r'\A<\?xml\s[^>]*>')

# Each part of what may come before is taken once, so that the search is as long as they are.
_DOCTYPE = re.compile(rb'(?:\xef\xbb\xbf)?(?>\s+|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE', re.DOTALL)


@dataclasses.dataclass(frozen=True)
class DiskFile:
    """The file of a disk.

    :ivar name: where it is, relative to the descriptor
    :ivar size: its bytes, all pieces together; None if the descriptor doesn't say
    :ivar split: whether it comes in pieces, ``<name>.000000000`` and so on
    :ivar compression: how it is compressed as a file; ``''`` if it is not
    """

    name: str
    size: int | None
    split: bool
    compression: str


def get_vmdk_name_from_ovf(ovf_handle: Any) -> str:
    """Find the file of the first disk in an OVF descriptor.

    :param ovf_handle: binary file object with the descriptor
    :returns: name of the file as the descriptor has it
    :raises ImageTransferException: the descriptor is broken, has a document type, is larger than
                                    the limits of this module, or names no file of a disk
    """
    return first_disk(ovf_handle).name


def first_disk(ovf_handle: Any) -> DiskFile:
    """Find the first disk that has a file in an OVF descriptor.

    :param ovf_handle: binary file object with the descriptor
    :raises ImageTransferException: as in :func:`get_vmdk_name_from_ovf`
    """
    reader = _Reader()
    try:
        reader.read(_document(ovf_handle))
    except (xml.parsers.expat.ExpatError, ValueError, LookupError) as exc:
        raise _broken(str(exc), exc) from exc
    if reader.disk is None:
        raise _broken(_('no disk in it has a file'))
    file = reader.files.get(reader.disk)
    if file is None:
        raise _broken(_('the file %s of its first disk is missing') % reader.disk)
    return DiskFile(
        name=file['href'],
        size=_number(file.get('size')),
        split=bool(_number(file.get('chunkSize'))),
        compression=file.get('compression', '').replace('identity', ''),
    )


def _document(ovf_handle: Any) -> bytes:
    """All of a descriptor; where a character takes two bytes, in UTF-8.

    :raises ValueError: it is too long, or has a document type
    """
    read = bytearray()
    while piece := ovf_handle.read(_PIECE):
        read += piece.encode() if isinstance(piece, str) else piece
        if len(read) > MAX_DESCRIPTOR_SIZE:
            raise ValueError(_('it is longer than %s bytes') % MAX_DESCRIPTOR_SIZE)
    document = bytes(read)
    if b'\0' in document[:2] or document.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if document[0] == 0:
            text = document.decode('utf-16-be')
        else:
            text = document.decode('utf-16-le' if document[1] == 0 else 'utf-16')
        # Without what it says of its encoding, which is no longer so.
        document = _DECLARATION.sub('', text).encode()
    if _DOCTYPE.match(document):
        raise _typed()
    return document


def _typed() -> ValueError:
    return ValueError(_('it has a document type, which could define entities'))


def _number(text: str | None) -> int | None:
    """A number of bytes; None of a text that is none.

    :raises ImageTransferException: there is no file of that size
    """
    digits = (text or '').strip()
    if not (digits.isascii() and digits.isdigit()):
        return None
    digits = digits.lstrip('0')
    if len(digits) > _MAX_DIGITS:
        raise _broken(_('a size in it has more than %s digits') % _MAX_DIGITS)
    return int(digits or 0)


def _broken(why: str, cause: Exception | None = None) -> exceptions.ImageTransferException:
    return exceptions.ImageTransferException(_('The OVF descriptor is unusable: %s') % why, cause)


class _Reader:
    """Gathers the attributes of ``References/File`` and ``DiskSection/Disk``.

    :ivar files: what is said of each file, by its id; of two with one id, of the first
    :ivar disk: id of the file of the first disk that has one
    """

    def __init__(self) -> None:
        self.files: dict[str, dict[str, str]] = {}
        self.disk: str | None = None
        self._depth = 0
        self._elements = 0
        # Names and declarations of the elements that are open, as far down as they matter.
        self._path: list[str] = []
        self._prefixes: ChainMap[str, str] = ChainMap()
        self._parser = xml.parsers.expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def read(self, document: bytes) -> None:
        for at in range(0, len(document), _PIECE):
            piece = document[at : at + _PIECE]
            self._parser.Parse(piece, False)
            if at + len(piece) - self._parser.CurrentByteIndex > MAX_TAG_SIZE:
                raise ValueError(_('a tag or comment in it has more than %s bytes') % MAX_TAG_SIZE)
        self._parser.Parse(b'', True)

    def _doctype(self, *declaration: Any) -> None:
        raise _typed()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            raise ValueError(_('more than %s elements in it are open at once') % MAX_DEPTH)
        if self._elements > MAX_ELEMENTS:
            raise ValueError(_('it has more than %s elements') % MAX_ELEMENTS)
        if self._depth > _DEPTH:
            return
        self._prefixes = self._prefixes.new_child(
            {
                declared.partition(':')[2]: uri
                for declared, uri in attributes.items()
                if declared.partition(':')[0] == 'xmlns'
            }
        )
        self._path.append(self._local(name))
        place = self._path[1:]
        if place == ['References', 'File']:
            file = self._local_names(attributes)
            if file.get('id') and file.get('href'):
                self.files.setdefault(file['id'], file)
        elif place == ['DiskSection', 'Disk'] and not self.disk:
            self.disk = self._local_names(attributes).get('fileRef') or None

    def _end(self, name: str) -> None:
        if self._depth <= _DEPTH:
            self._path.pop()
            self._prefixes = self._prefixes.parents
        self._depth -= 1

    def _local(self, name: str) -> str:
        """The name of an OVF element or one without a namespace; of any other, ``''``."""
        prefix, _colon, local = name.rpartition(':')
        namespace = self._prefixes.get(prefix, prefix)
        return local if namespace in ('', *_NAMESPACES) else ''

    def _local_names(self, attributes: dict[str, str]) -> dict[str, str]:
        return {
            self._local(name) if ':' in name else name: value for name, value in attributes.items()
        }
