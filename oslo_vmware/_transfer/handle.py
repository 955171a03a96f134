"""What all handles have in common: as much of a file as a stream can be."""

import io
import logging
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from oslo_vmware._i18n import _
from oslo_vmware._transfer.limit import Timer
from oslo_vmware._transfer.progress import Telling
from oslo_vmware._transfer.stream import CHUNK_SIZE, MAX_READ_SIZE, Bounded

LOG = logging.getLogger(__name__)


class Stream:
    """What can be used in a ``with`` statement and, if it reads, iterated over in blocks.

    At the end of the statement it is closed; after an exception it is called off, and the exception
    goes on.
    """

    # Not set by a constructor, because users' classes have their own.
    _telling: Telling | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
            return
        try:
            self.abort()
        except Exception as problem:  # noqa: BLE001 - the exception that led here is the one
            LOG.warning('Calling off %s failed: %s', self, problem)

    def __iter__(self) -> Iterator[bytes]:
        """What is left, in blocks."""
        return iter(lambda: self.read(CHUNK_SIZE), b'')

    @property
    def objection(self) -> BaseException | None:
        """What the callback for the progress has raised; None if nothing."""
        return None if self._telling is None else self._telling.objection

    def _rest(self) -> bytes:
        """All that is left."""
        return b''.join(iter(lambda: self.read(MAX_READ_SIZE), b''))

    def read(self, size: int, /) -> bytes:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def abort(self) -> None:
        """Close as a failure."""
        self.close()


class FileHandle(Bounded, Stream):
    """The base of the handles.

    :param file_handle: what is wrapped; closed with the handle
    """

    def __init__(self, file_handle: Any) -> None:
        self._file_handle = file_handle

    def _tell(self, done: int, ended: bool = False) -> None:
        """Tell how far it is; what comes of it calls the transfer off."""
        try:
            if self._telling is not None:
                self._telling.moved(done, ended)
        except BaseException:
            self.abort()
            raise

    def close(self) -> None:
        """Close the wrapped object; a failure is logged."""
        try:
            self._file_handle.close()
        except Exception as exc:  # noqa: BLE001 - any object can be wrapped
            LOG.warning('Closing %s failed: %s', self, exc)

    def abort(self) -> None:
        if isinstance(self._file_handle, Bounded):
            self._file_handle.abort()
        else:
            self.close()

    def bind(self, timer: Timer) -> None:
        if isinstance(self._file_handle, Bounded):
            self._file_handle.bind(timer)

    def read(self, chunk_size: int) -> bytes:
        raise NotImplementedError

    def write(self, data: bytes) -> None:
        raise NotImplementedError

    def seek(self, offset: int) -> None:
        """Do nothing: there is one way through a stream."""

    def tell(self) -> int:
        raise NotImplementedError

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def fileno(self) -> int:
        """There is no file beneath.

        :raises io.UnsupportedOperation: always, which is an OSError
        """
        # As files do that have none; whoever asks, such as requests, then reads instead.
        raise io.UnsupportedOperation(_('%s has no file number') % type(self).__name__)

    def get_size(self) -> int | None:
        raise NotImplementedError
