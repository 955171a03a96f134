"""What all handles have in common: as much of a file as a stream can be."""

import logging
from typing import Any

from oslo_vmware._i18n import _
from oslo_vmware._transfer.limit import Timer
from oslo_vmware._transfer.stream import Bounded

LOG = logging.getLogger(__name__)


class FileHandle(Bounded):
    """The base of the handles.

    :param file_handle: what is wrapped; closed with the handle
    """

    def __init__(self, file_handle: Any) -> None:
        self._file_handle = file_handle

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

        :raises OSError: always
        """
        raise OSError(_('%s has no file number') % type(self).__name__)

    def get_size(self) -> int | None:
        raise NotImplementedError
