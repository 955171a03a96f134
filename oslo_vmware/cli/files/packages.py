"""OVAs: archives of an OVF descriptor, the files that it names, and the checksums of all of them.

The checksums are in a manifest (OVF, DSP0243), a line for each file: ``SHA256(disk.vmdk)= 0a1b…``.
What is read is compared with them; what is written has SHA-256 sums.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import re
import shlex
import tarfile
import urllib.parse
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from oslo_vmware.cli.failures import CommandError, UsageError
from oslo_vmware.cli.files.local import BLOCK, Hashed, Progress, Source

#: Bytes that a descriptor or a manifest may have; real ones have some thousand.
_MAX_TEXT_SIZE = 16 * 1024 * 1024
#: A line of a manifest. The standard has no blanks but the one behind the sign, and tools do.
_LINE = re.compile(r'([\w-]+) ?\((.+)\) ?= ?([0-9A-Fa-f]+)')
_CHECKSUMS = ('sha1', 'sha224', 'sha256', 'sha384', 'sha512')
#: What a tar archive consists of, and ends with some empty ones.
_BLOCK = 512
#: How the names of files begin in which macOS keeps what other systems have no place for.
_APPLE_DOUBLE = '._'
#: What a tar archive says of a size in octal digits.
_MAX_USTAR_SIZE = 8 * 1024**3


class Package:
    """An OVA that is read.

    :ivar descriptor: the OVF descriptor
    :ivar size: bytes of the OVA
    :raises UsageError: it is none
    :raises CommandError: it is not whole, or not what its manifest says
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        try:
            self._archive = tarfile.open(fileobj=source.file, mode='r:')  # noqa: SIM115 - its file is not ours to close
            members = [one for one in self._archive if one.isfile()]
            source.file.seek(self._archive.offset)
            if source.file.read(_BLOCK).strip(b'\0'):
                # Which is an end like any other for who reads archives.
                raise tarfile.ReadError(f'there is no header at byte {self._archive.offset}')
        except (tarfile.TarError, RecursionError, ValueError, OverflowError) as exc:
            # The last two are what tarfile says of some headers without sense.
            raise UsageError(
                f'{source.name} is neither a stream-optimised VMDK nor an OVA: {exc}.'
            ) from exc
        self._members = {
            posixpath.normpath(one.name): one
            for one in members
            if not posixpath.basename(one.name).startswith(_APPLE_DOUBLE)
        }
        name = self._named('.ovf')
        if name is None:
            raise UsageError(f'{source.name} is an archive without an OVF descriptor, so no OVA.')
        self._folder = posixpath.dirname(name)
        self._manifest: dict[str, list[tuple[str, str]]] = {}
        self._read_manifest()
        self.descriptor = self._text(name)

    def _named(self, ending: str) -> str | None:
        return next((one for one in self._members if one.lower().endswith(ending)), None)

    def _text(self, name: str) -> str:
        if self._members[name].size > _MAX_TEXT_SIZE:
            raise UsageError(f'{self.source.name}: {name} is too large.')
        try:
            return b''.join(self._blocks(name)).decode('utf-8-sig')
        except UnicodeDecodeError as exc:
            raise UsageError(f'{self.source.name}: {name} is no text: {exc}.') from exc

    def _read_manifest(self) -> None:
        name = self._named('.mf')
        for line in self._text(name).splitlines() if name is not None else ():
            found = _LINE.fullmatch(line.strip())
            # OpenSSL calls them SHA2-256, and others SHA-1.
            kind = re.sub('^sha2?-', 'sha', found[1].lower()) if found else ''
            if found and kind in _CHECKSUMS:
                known = self._manifest.setdefault(self._beside(found[2]), [])
                known.append((kind, found[3].lower()))
            elif line.strip():
                raise CommandError(f'{self.source.name}: {name} has a line without sense: {line}')
        for wanted in self._manifest:
            if wanted not in self._members:
                raise CommandError(
                    f'{self.source.name} has no member {wanted}, which {name} names.'
                )

    def _beside(self, name: str) -> str:
        """The name of a member that the descriptor or the manifest names."""
        return posixpath.normpath(posixpath.join(self._folder, name))

    def find(self, item: Any) -> File:
        """The file that a server wants.

        :param item: OvfFileItem
        :raises CommandError: it is not there, or nothing that a server takes
        """
        if getattr(item, 'compressionMethod', None) not in (None, '', 'identity'):
            raise CommandError(
                f'{item.path} in {self.source.name} is compressed with {item.compressionMethod}, '
                'which a server does not take.'
            )
        # The descriptor has URLs, which tools encode or not.
        names = [self._beside(one) for one in (item.path, urllib.parse.unquote(item.path))]
        if getattr(item, 'chunkSize', None) or f'{names[0]}.000000000' in self._members:
            raise CommandError(
                f'{item.path} in {self.source.name} comes in pieces (ovf:chunkSize), which are not '
                'put together here. This does it:\n'
                f'ovftool {shlex.quote(self.source.name)} whole.ova'
            )
        name = next((one for one in names if one in self._members), None)
        if name is None:
            raise CommandError(
                f'{self.source.name} has no member {item.path}, which its descriptor wants.'
            )
        return File(name, self._members[name].size, item, self._blocks(name))

    def check_others(self, sent: Container[str]) -> None:
        """Compare with the manifest what is not going to be sent.

        :raises CommandError: it is something else
        """
        for name in self._manifest:
            if name not in sent:
                for _block in self._blocks(name):
                    pass

    def unlisted(self, names: Sequence[str]) -> list[str]:
        """The files that a manifest should have checksums of and has not."""
        return [name for name in names if self._manifest and name not in self._manifest]

    def _blocks(self, name: str) -> Iterator[bytes]:
        """The content of a member; what is something else than the manifest says, raises."""
        known = self._manifest.get(name, ())
        digests = [hashlib.new(kind, usedforsecurity=False) for kind, _digest in known]
        with self._archive.extractfile(self._members[name]) or io.BytesIO() as data:
            while block := data.read(BLOCK):
                for digest in digests:
                    digest.update(block)
                yield block
        for (kind, expected), digest in zip(known, digests, strict=True):
            if digest.hexdigest() != expected:
                raise CommandError(
                    f'{self.source.name} is damaged: the {kind.upper()} of {name} is '
                    f'{digest.hexdigest()}, and its manifest says {expected}.'
                )


class File:
    """A file of a package, to be sent.

    :ivar item: OvfFileItem
    """

    def __init__(self, name: str, size: int, item: Any, blocks: Iterator[bytes]) -> None:
        self.name, self.size, self.item, self._blocks = name, size, item, blocks

    def read(self, _size: int) -> bytes:
        """The next bytes, ``b''`` at the end.

        :raises CommandError: they were not what the manifest says
        """
        return next(self._blocks, b'')

    def close(self) -> None:
        """Do nothing: the archive is whose it was."""


class _Told:
    """Where an OVA goes, telling how far it is."""

    def __init__(self, sink: Hashed, progress: Progress) -> None:
        self._sink, self._progress = sink, progress

    def tell(self) -> int:
        return self._sink.size

    def write(self, data: bytes) -> int:
        done = self._sink.write(data)
        self._progress(self._sink.size, None)
        return done


def write(
    sink: Hashed,
    name: str,
    descriptor: bytes,
    files: Mapping[str, Hashed],
    progress: Progress,
) -> None:
    """Write an OVA: descriptor, checksums, and the files in the order of the descriptor.

    :param name: what descriptor and manifest are called
    :param files: by their names
    :param progress: told bytes done
    """
    text = Hashed(io.BytesIO())
    text.write(descriptor)
    members = [(f'{name}.ovf', text), *files.items()]
    sums = ''.join(f'SHA256({path})= {data.sha256}\n' for path, data in members).encode()
    manifest = Hashed(io.BytesIO())
    manifest.write(sums)
    members.insert(1, (f'{name}.mf', manifest))
    # The standard wants ustar, which has no place for large sizes.
    is_large = any(data.size >= _MAX_USTAR_SIZE for data in files.values())
    form = tarfile.GNU_FORMAT if is_large else tarfile.USTAR_FORMAT
    told: Any = _Told(sink, progress)
    with tarfile.open(None, 'w', told, format=form) as archive:
        # Small pieces take several times as long.
        archive.copybufsize = BLOCK  # type: ignore[attr-defined]
        for path, data in members:
            member = tarfile.TarInfo(path)
            member.size, member.mode = data.size, 0o644
            data.file.seek(0)
            archive.addfile(member, data.file)


def file_name(name: str) -> str:
    """What files of a machine can be called anywhere, in URLs and in archives, too."""
    plain = re.sub(r'[^A-Za-z0-9_.-]+', '_', urllib.parse.unquote(name)).strip('._-')
    return plain or 'machine'
