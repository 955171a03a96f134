"""What the descriptor of an OVF package says about its disks.

A descriptor comes out of an image that anybody may have uploaded, so it is read by a parser
that is told nothing but names and attributes: a document type, which is where entities come
from, ends it before a single one is defined, and the size is limited. Nothing is ever fetched.
"""

import dataclasses
import xml.parsers.expat
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware._i18n import _

#: Bytes that a descriptor may have; real ones have some thousand.
MAX_DESCRIPTOR_SIZE = 16 * 1024 * 1024

#: The namespaces of OVF 0.9, 1.x and 2.x.
_NAMESPACES = (
    'http://www.vmware.com/schema/ovf/1/envelope',
    'http://schemas.dmtf.org/ovf/envelope/1',
    'http://schemas.dmtf.org/ovf/envelope/2',
)


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
    :raises ImageTransferException: the descriptor is broken, has a document type, or names no
                                    file of a disk
    """
    return first_disk(ovf_handle).name


def first_disk(ovf_handle: Any) -> DiskFile:
    """Find the first disk that has a file in an OVF descriptor.

    :param ovf_handle: binary file object with the descriptor
    :raises ImageTransferException: as in :func:`get_vmdk_name_from_ovf`
    """
    document = ovf_handle.read(MAX_DESCRIPTOR_SIZE + 1)
    if len(document) > MAX_DESCRIPTOR_SIZE:
        raise _broken(_('it is longer than %s bytes') % MAX_DESCRIPTOR_SIZE)
    reader = _Reader()
    try:
        reader.read(document)
    except (xml.parsers.expat.ExpatError, ValueError, LookupError) as exc:
        raise _broken(str(exc), exc) from exc
    wanted = next((disk['fileRef'] for disk in reader.disks if disk.get('fileRef')), None)
    if wanted is None:
        raise _broken(_('no disk in it has a file'))
    for file in reader.files:
        if file.get('id') == wanted and file.get('href'):
            return DiskFile(
                name=file['href'],
                size=_number(file.get('size')),
                split=bool(_number(file.get('chunkSize'))),
                compression=file.get('compression', '').replace('identity', ''),
            )
    raise _broken(_('the file %s of its first disk is missing') % wanted)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _broken(why: str, cause: Exception | None = None) -> exceptions.ImageTransferException:
    return exceptions.ImageTransferException(_('The OVF descriptor is unusable: %s') % why, cause)


class _Reader:
    """Gathers the attributes of ``References/File`` and ``DiskSection/Disk``."""

    def __init__(self) -> None:
        self.files: list[dict[str, str]] = []
        self.disks: list[dict[str, str]] = []
        self._path: list[str] = []
        self._parser = xml.parsers.expat.ParserCreate(namespace_separator=' ')
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def read(self, document: bytes) -> None:
        self._parser.Parse(document, True)

    def _doctype(self, *declaration: Any) -> None:
        raise ValueError(_('it has a document type, which could define entities'))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(_local(name))
        place = self._path[1:]
        if place == ['References', 'File']:
            self.files.append(_local_names(attributes))
        elif place == ['DiskSection', 'Disk']:
            self.disks.append(_local_names(attributes))

    def _end(self, name: str) -> None:
        self._path.pop()


def _local(name: str) -> str:
    """The name of an OVF element; of any other, one that fits nothing."""
    namespace, _space, local = name.rpartition(' ')
    return local if namespace in _NAMESPACES else name


def _local_names(attributes: dict[str, str]) -> dict[str, str]:
    return {_local(name): value for name, value in attributes.items()}
