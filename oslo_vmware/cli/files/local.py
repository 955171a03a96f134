"""Files on this machine: one that is read and hashed, and a new one that is whole or not there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import IO, Any, Self

from oslo_vmware.cli.failures import CommandError, UsageError

BLOCK = 256 * 1024

#: Is told bytes done, and in all or None.
Progress = Callable[[int, int | None], Any]


def digest(text: str) -> str:
    """A SHA-256 as somebody writes it; an argument of the command line.

    :raises UsageError: it is none
    """
    found = text.strip().lower()
    if not re.fullmatch('[0-9a-f]{64}', found):
        raise UsageError(f'A SHA-256 has 64 hexadecimal digits, and {text} is none.')
    return found


def shortened(name: str) -> str:
    """A name that leaves room for more, of the 255 bytes that a name may have."""
    return name.encode(errors='replace')[:200].decode(errors='ignore')


def check_digest(found: str, expected: str | None, name: object) -> None:
    """Let nothing pass that is not what was expected.

    :param expected: SHA-256 in hexadecimal; None for nothing
    :raises CommandError: it is something else
    """
    if expected is not None and found != expected:
        raise CommandError(f'The SHA-256 of {name} is {found}, and not {expected}.')


def _check_name(path: str) -> None:
    if path == '-':
        raise UsageError(
            'Files here have names, as - has none: what comes from a pipe, or goes '
            'into one, cannot be whole or not there. ./- is a file of that name.'
        )


@contextlib.contextmanager
def in_own_words() -> Iterator[None]:
    """Let what an end of ours has to say about a transfer be what is said of it."""
    try:
        yield
    except Exception as exc:
        cause = getattr(exc, 'cause', None)
        if isinstance(cause, CommandError):
            raise cause from exc
        raise


class Source:
    """A file that is read, and hashed on the way.

    At its end it has to be the file that it was when it was opened.

    :raises OSError: it cannot be read
    :raises UsageError: it is no file
    """

    def __init__(self, path: str) -> None:
        self.name = path
        _check_name(path)
        if not os.path.isfile(path):
            problem = 'is no file' if os.path.exists(path) else 'is not there'
            problem = 'is a folder' if os.path.isdir(path) else problem
            raise UsageError(f'{path} {problem}: what is put is a file.')
        self.file = open(path, 'rb')  # noqa: SIM115 - closed by close()
        self._version = self._look()
        self.size = self._version[0]
        self._expected: str | None = None
        self._found: str | None = None
        self.rewind()

    def _look(self) -> tuple[int, int]:
        found = os.fstat(self.file.fileno())
        return found.st_size, found.st_mtime_ns

    def check_unchanged(self) -> None:
        """Go on if nobody has changed it.

        :raises CommandError: somebody has
        """
        if self._look() != self._version:
            raise CommandError(f'{self.name} has changed while it was read; try again.')

    def rewind(self) -> None:
        """Have it read from the beginning."""
        self.file.seek(0)
        self._digest = hashlib.sha256()

    def expect(self, digest: str, progress: Progress) -> None:
        """Let nothing pass that has another SHA-256, now and whenever it is read.

        :raises CommandError: it has another one
        """
        self._expected = digest
        self.sha256(progress)
        self.rewind()

    def read(self, size: int) -> bytes:
        """The next bytes, ``b''`` at the end.

        :raises CommandError: somebody has changed the file, or it is not what was expected
        """
        data = self.file.read(max(size, BLOCK))
        self._digest.update(data)
        # Also before the last of it is sent: a server that has all makes a file of it, be it a
        # moment after it was told to delete that.
        if not data or self.file.tell() >= self.size:
            self.check_unchanged()
            self._found = self._digest.hexdigest()
            check_digest(self._found, self._expected, self.name)
        return data

    def close(self) -> None:
        """Do nothing: what copies closes its ends, and there may be more to read."""

    def sha256(self, progress: Progress | None = None) -> str:
        """Its SHA-256, in hexadecimal; it is read for that, unless it has been."""
        while self._found is None:
            self.read(BLOCK)
            if progress is not None:
                progress(self.file.tell(), self.size)
        return self._found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.file.close()


class Hashed:
    """A file that is written, counted and hashed on the way; it is closed by who opened it.

    :ivar size: bytes that were written
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.size = 0
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self.size += len(data)
        return self.file.write(data)

    def close(self) -> None:
        """Have what was written come out when it is read, or fail."""
        self.file.flush()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written, in hexadecimal."""
        return self._digest.hexdigest()


class NewFile(Hashed):
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
        self._force = force
        _check_name(path)
        if self.path.is_dir() or path.endswith('/'):
            raise UsageError(f'{path} is a folder: name the file.')
        self._check_free()
        if not self.path.parent.is_dir():
            raise UsageError(f'There is no folder {self.path.parent}.')
        descriptor, self._temporary = tempfile.mkstemp(
            prefix=f'.{shortened(self.path.name)}.', suffix='.part', dir=self.path.parent
        )
        super().__init__(os.fdopen(descriptor, 'w+b'))

    def _check_free(self) -> None:
        try:
            mode = os.lstat(self.path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return
        if not self._force:
            raise UsageError(f'There is a file {self.path} already; --force replaces it.')
        if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            raise UsageError(f'{self.path} is no file, and is not replaced by one.')

    def _mode(self) -> int:
        """The permissions of the file that is replaced, or those of any new one."""
        with contextlib.suppress(FileNotFoundError):
            mode = os.lstat(self.path).st_mode
            if stat.S_ISREG(mode):
                return stat.S_IMODE(mode) & 0o777
        return 0o666 & ~_umask()

    def beside(self) -> IO[bytes]:
        """A file without a name on the same file system, which is gone when it is closed."""
        return tempfile.TemporaryFile(dir=self.path.parent)

    def close(self) -> None:
        """Have all of it on the disk."""
        if not self.file.closed:
            self.file.flush()
            os.fsync(self.file.fileno())

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
        # It is there by now: a folder that may not be read, or synchronised, is no failure.
        with contextlib.suppress(OSError):
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
