"""A small file system for a guest: all that a test needs to put something in and find it again.

Paths are kept with slashes, whatever the guest writes. Those of Windows begin with a drive, and
their case does not matter.
"""

from __future__ import annotations

import dataclasses
import datetime
import posixpath
from collections.abc import Iterator

from oslo_vmware.simulator.world.data import Fault, invalid_argument

# What a file may have: it is kept in memory.
LARGEST_FILE = 64 * 1024 * 1024

_PROGRAMS = (
    'bash', 'cat', 'chmod', 'chown', 'cp', 'date', 'df', 'echo', 'env', 'false', 'grep', 'hostname',
    'id', 'ip', 'ls', 'mkdir', 'mv', 'ps', 'python3', 'rm', 'sh', 'sleep', 'systemctl', 'tar',
    'touch', 'true', 'uname',
)  # fmt: skip
_POSIX_DIRECTORIES = ('/bin', '/etc', '/home', '/root', '/tmp', '/usr/bin', '/var/log', '/var/tmp')
_WINDOWS_DIRECTORIES = ('C:/Users/Administrator', 'C:/Windows/Temp', 'C:/Temp')
_WINDOWS_PROGRAMS = (
    'C:/Windows/System32/cmd.exe',
    'C:/Windows/System32/ipconfig.exe',
    'C:/Windows/System32/WindowsPowerShell/v1.0/powershell.exe',
)


@dataclasses.dataclass
class Node:
    """A file or a directory, which has no data."""

    data: bytes | None
    changed: datetime.datetime
    accessed: datetime.datetime
    owner: str
    permissions: int
    owner_id: int = 0
    group_id: int = 0
    hidden: bool = False
    read_only: bool = False

    @property
    def is_directory(self) -> bool:
        return self.data is None

    @property
    def size(self) -> int:
        return len(self.data) if self.data is not None else 0


def above(path: str) -> str:
    """The directory that something is in; a root, with a drive or without, is in itself."""
    parent, _slash, _name = path.rpartition('/')
    return parent if '/' in parent else f'{parent}/'


class FileSystem:
    """The files of one guest.

    :param windows: whether it is one of Windows
    :param host_name: of the guest
    :param now: when it was installed
    """

    def __init__(self, windows: bool, host_name: str, now: datetime.datetime) -> None:
        self.windows = windows
        self._nodes: dict[str, Node] = {}
        self._names: dict[str, str] = {}
        self._installed = now
        owner = 'Administrator' if windows else 'root'
        if windows:
            self._install(_WINDOWS_DIRECTORIES, dict.fromkeys(_WINDOWS_PROGRAMS, b''), owner)
            return
        self._install(
            _POSIX_DIRECTORIES,
            {
                '/etc/hostname': f'{host_name}\n'.encode(),
                '/etc/hosts': f'127.0.0.1 localhost\n127.0.1.1 {host_name}\n'.encode(),
                '/etc/os-release': b'NAME="Linux"\nID=linux\n',
                **{f'{where}/{name}': b'' for where in ('/bin', '/usr/bin') for name in _PROGRAMS},
            },
            owner,
        )

    @property
    def temporary(self) -> str:
        return 'C:/Windows/Temp' if self.windows else '/tmp'

    def shown(self, path: str) -> str:
        """A path as the guest writes it."""
        return path.replace('/', '\\') if self.windows else path

    def path(self, path: str | None, argument: str) -> str:
        """A path of a client, as it is kept.

        :raises Fault: InvalidArgument for one that does not begin at the root
        """
        path = path or ''
        if self.windows:
            path = path.replace('\\', '/')
            if path[1:3] not in (':', ':/') or not path[0].isalpha():
                raise invalid_argument(argument)
            return f'{path[0].upper()}:{posixpath.normpath("/" + path[2:].lstrip("/"))}'
        if not path.startswith('/'):
            raise invalid_argument(argument)
        return posixpath.normpath('/' + path.lstrip('/'))

    # Reading

    def find(self, path: str) -> Node | None:
        return self._nodes.get(self._key(path))

    def get(self, path: str) -> Node:
        """What is at a path.

        :raises Fault: FileNotFound
        """
        found = self.find(path)
        if found is None:
            raise self.fault('FileNotFound', path, 'was not found')
        return found

    def file(self, path: str) -> Node:
        """The file at a path.

        :raises Fault: FileNotFound, NotAFile
        """
        found = self.get(path)
        if found.is_directory:
            raise self.fault('NotAFile', path, 'is a directory')
        return found

    def directory(self, path: str) -> Node:
        """The directory at a path.

        :raises Fault: FileNotFound, NotADirectory
        """
        found = self.get(path)
        if not found.is_directory:
            raise self.fault('NotADirectory', path, 'is no directory')
        return found

    def listed(self, path: str) -> list[tuple[str, Node]]:
        """What is in a directory, by name; the first two are itself and the one above."""
        found = [('.', self.get(path)), ('..', self.get(above(path)))]
        return found + sorted((posixpath.basename(one), self.get(one)) for one in self._in(path))

    # Changes

    def make_directory(self, path: str, owner: str, *, parents: bool) -> None:
        """Make a directory.

        :raises Fault: FileAlreadyExists, FileNotFound, NotADirectory
        """
        if self.find(path) is not None:
            raise self.fault('FileAlreadyExists', path, 'is there already')
        parent = above(path)
        if parents and self.find(parent) is None:
            self.make_directory(parent, owner, parents=True)
        self.directory(parent)
        self._put(path, None, owner)

    def write(self, path: str, data: bytes, owner: str, *, overwrite: bool) -> Node:
        """Write a file.

        :raises Fault: FileAlreadyExists, FileNotFound, NotAFile, NotADirectory
        """
        self.check_new(path, overwrite=overwrite)
        return self._put(path, data, owner)

    def check_new(self, path: str, *, overwrite: bool) -> None:
        """Refuse a path for a file where none can be, or is already.

        :raises Fault: as :meth:`write`
        """
        found = self.find(path)
        if found is not None:
            if not overwrite:
                raise self.fault('FileAlreadyExists', path, 'is there already')
            self.file(path)
        self.directory(above(path))

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all that is in it."""
        for one in [*self._below(path), path]:
            del self._nodes[self._key(one)], self._names[self._key(one)]

    def is_empty(self, path: str) -> bool:
        return not any(True for _one in self._in(path))

    def move(self, path: str, new: str) -> None:
        """Give a file or a directory another path."""
        for one in [path, *self._below(path)]:
            node = self._nodes.pop(self._key(one))
            self._names.pop(self._key(one))
            to = new + one[len(path) :]
            self._nodes[self._key(to)], self._names[self._key(to)] = node, to

    def free_name(self, directory: str, prefix: str, suffix: str) -> str:
        """A path in a directory that nothing has."""
        number = 1
        while self.find(path := f'{directory.rstrip("/")}/{prefix}{number:06}{suffix}') is not None:
            number += 1
        return path

    def fault(self, name: str, path: str, why: str) -> Fault:
        shown = self.shown(path)
        return Fault(name, f"'{shown}' {why}.", file=shown)

    # How it is kept

    def _key(self, path: str) -> str:
        return path.lower() if self.windows else path

    def _put(self, path: str, data: bytes | None, owner: str) -> Node:
        key, now = self._key(path), datetime.datetime.now(datetime.UTC)
        found = self._nodes.get(key)
        if found is not None:
            found.data, found.changed = data, now
            return found
        mode = 0o755 if data is None else 0o644
        self._names[key] = path
        self._nodes[key] = Node(data, now, now, owner, mode)
        return self._nodes[key]

    def _install(self, directories: tuple[str, ...], files: dict[str, bytes], owner: str) -> None:
        root = 'C:/' if self.windows else '/'
        self._put(root, None, owner)
        for path in (*directories, *(above(file) for file in files)):
            if self.find(path) is None:
                self.make_directory(path, owner, parents=True)
        for path, data in files.items():
            self._put(path, data, owner)
        for node in self._nodes.values():
            node.changed = node.accessed = self._installed

    def _in(self, path: str) -> Iterator[str]:
        key = self._key(path)
        return (name for one, name in self._names.items() if above(one) == key and one != key)

    def _below(self, path: str) -> list[str]:
        start = f'{self._key(path).rstrip("/")}/'
        return [name for one, name in self._names.items() if one.startswith(start) and one != start]
