"""Files on this machine: one that is read and hashed, and a new one that is whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import stat
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from oslo_vmware.cli.failures import CommandError, UsageError

BLOCK = 256 * 1024


def check_digest(found: str, expected: str | None, name: object) -> None:
    """Let nothing pass that is not what was expected.

    :param expected: SHA-256 in hexadecimal; None for nothing
    :raises CommandError: it is something else
    """
    if expected is not None and found != expected.strip().lower():
        raise CommandError(f'The SHA-256 of {name} is {found}, and not {expected.strip().lower()}.')


class Source:
    """A file that is read once, and hashed on the way.

    :param expected: SHA-256 that it is to have; compared before anything else is done
    :raises OSError: it cannot be read
    :raises CommandError: it is no file, or not the expected one
    """

    def __init__(self, path: str, expected: str | None = None) -> None:
        self.name = path
        if not os.path.isfile(path):
            problem = 'is a folder' if os.path.isdir(path) else 'is not there'
            raise UsageError(f'{path} {problem}: what is put is a file.')
        self.file = open(path, 'rb')  # noqa: SIM115 - closed by close()
        self.size = os.fstat(self.file.fileno()).st_size
        self._digest = hashlib.sha256()
        if expected is not None:
            with contextlib.ExitStack() as undo:
                undo.callback(self.file.close)
                check_digest(hashlib.file_digest(self.file, 'sha256').hexdigest(), expected, path)
                undo.pop_all()
            self.file.seek(0)

    def read(self, size: int) -> bytes:
        data = self.file.read(max(size, BLOCK))
        self._digest.update(data)
        return data

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(BLOCK), b'')

    def close(self) -> None:
        """Do nothing: what copies closes its ends, and there may be more to read."""

    def sha256(self) -> str:
        """The SHA-256 of all of it, in hexadecimal."""
        for _block in self:
            pass
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.file.close()


class NewFile:
    """A file that is there when it is whole, and was never there otherwise.

    It has a name of its own beside the real one until :meth:`keep`; without that, the end of the
    ``with`` statement takes it away.

    :param force: replace a file of that name, whose permissions the new one gets
    :raises UsageError: there is a file of that name, or no place for one; or what is there is a
                        device or the like, which nothing replaces
    """

    def __init__(self, path: str, force: bool = False) -> None:
        self.path = pathlib.Path(path)
        self.name = path
        self.size = 0
        self._force = force
        self._digest = hashlib.sha256()
        if self.path.is_dir():
            raise UsageError(f'{path} is a folder: name the file.')
        self._check_free()
        if not self.path.parent.is_dir():
            raise UsageError(f'There is no folder {self.path.parent}.')
        descriptor, self._temporary = tempfile.mkstemp(
            prefix=f'.{self.path.name[:100]}.', suffix='.part', dir=self.path.parent
        )
        self.file = os.fdopen(descriptor, 'w+b')

    def _check_free(self) -> None:
        if not self._force and os.path.lexists(self.path):
            raise UsageError(f'There is a file {self.path} already; --force replaces it.')
        if os.path.lexists(self.path):
            mode = os.lstat(self.path).st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                raise UsageError(f'{self.path} is no file, and is not replaced by one.')

    def _mode(self) -> int:
        """The permissions of the file that is replaced, or those of any new one."""
        with contextlib.suppress(FileNotFoundError):
            mode = os.lstat(self.path).st_mode
            if stat.S_ISREG(mode):
                return stat.S_IMODE(mode) & 0o777
        return 0o666 & ~_umask()

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.size += len(data)
        return self.file.write(data)

    def close(self) -> None:
        """Have all of it on the disk."""
        if not self.file.closed:
            self.file.flush()
            os.fsync(self.file.fileno())

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written, in hexadecimal."""
        return self._digest.hexdigest()

    def keep(self) -> None:
        """Give it its real name.

        :raises UsageError: a file of that name has come up meanwhile
        """
        self.close()
        os.chmod(self.file.fileno(), self._mode())
        if self._force:
            os.replace(self._temporary, self.path)
        else:
            # Unlike a rename, a link replaces nothing.
            try:
                os.link(self._temporary, self.path)
            except FileExistsError:
                self._check_free()
                raise
            except OSError:
                # Some file systems have no links.
                self._check_free()
                os.rename(self._temporary, self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            # On a full disk it fails to write the rest, again.
            self.file.close()
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
