"""File-like handles for moving data to and from datastores and virtual disks.

Each public class is a composition: a connection (:mod:`oslo_vmware._transfer.connection`), a
checked stream on it (:mod:`oslo_vmware._transfer.stream`) and, for virtual disks, a lease
(:mod:`oslo_vmware._transfer.lease`). What they guarantee together:

- ``close()`` of a handle that writes raises unless the server said that it has all the bytes.
- A handle that reads gives all of the data or raises, and raises again if it is read again; an
  error page or half a file is no data. A disk is whole if it, and the server's own account of it,
  say so (:mod:`oslo_vmware._transfer.proof`).
- A lease is completed after the last byte was acknowledged or read, and aborted in every other
  case, including an error in a constructor.
- A handle in a ``with`` statement is closed at its end, and called off by an exception in it.

``progress`` is a function that is told, after each block, how many bytes were moved and how many
there are to be, or None if nobody knows before the end. What it raises calls the transfer off.
"""

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from oslo_vmware import _secrets, constants, exceptions
from oslo_vmware._i18n import _
from oslo_vmware._transfer import connection as _connection
from oslo_vmware._transfer import disk as _disk
from oslo_vmware._transfer import imports as _imports
from oslo_vmware._transfer import lease as _lease
from oslo_vmware._transfer import progress as _progress
from oslo_vmware._transfer import proof as _proof
from oslo_vmware._transfer import stream as _stream
from oslo_vmware._transfer.handle import FileHandle as FileHandle
from oslo_vmware._transfer.handle import Stream as _Stream
from oslo_vmware._transfer.pull import SwiftUrlPullHandle as SwiftUrlPullHandle
from oslo_vmware._transfer.pull import UrlPullHandle as UrlPullHandle

LOG = logging.getLogger(__name__)

MIN_PROGRESS_DIFF_TO_LOG = 25
#: Seconds between two progress reports for a lease, at least.
MIN_UPDATE_INTERVAL = 60
READ_CHUNKSIZE = _stream.CHUNK_SIZE
USER_AGENT = constants.USER_AGENT

#: Seconds that a report may come early: a timer of the same period is never quite exact.
_PERIOD_SLACK = 1.0


class FileWriteHandle(FileHandle):
    """Writes one file on a datastore.

    :param host_or_url: host; or, without port, datacenter and datastore, the complete URL
    :param port: port number
    :param data_center_name: datacenter of the datastore
    :param datastore_name: name of the datastore
    :param cookies: what the server knows the session by: a complete header, or an iterable of
                    cookies
    :param file_path: path on the datastore
    :param file_size: bytes that will be written; None to send them without announcing how many
    :param scheme: ``https`` or ``http``
    :param cacerts: True to verify with the bundle of ``requests``, a path to verify with that
                    bundle or directory, None to verify with the system's; False, the default,
                    to verify a session's own server as the session does, if ``cookies`` is its
                    live jar, and otherwise not to verify
    :param thumbprint: of the server's certificate, which must then have it
    :param progress: see the module
    :raises ValueError: the scheme is another one, or the size no number
    :raises VimException: the connection cannot be opened; or the live jar of a session that
                          verifies its server would go to another one that is not verified
    """

    @_secrets.guarded
    def __init__(
        self,
        host_or_url: str,
        port: int | None = None,
        data_center_name: str | None = None,
        datastore_name: str | None = None,
        cookies: Any = None,
        file_path: str | None = None,
        file_size: Any = None,
        scheme: str = 'https',
        cacerts: bool | str | None = False,
        thumbprint: str | None = None,
        *,
        progress: _progress.Callback | None = None,
    ) -> None:
        url = _connection.file_url(
            host_or_url, port, data_center_name, datastore_name, file_path, scheme
        )
        self._url = _connection.shown(url)
        size = _connection.as_size(file_size)
        connection = _connection.send_request(
            'PUT', url, _connection.length_headers(size), cookies, cacerts, thumbprint
        )
        self._upload = _stream.Upload(connection, size, self._url)
        super().__init__(self._upload)
        self._telling = _progress.telling(progress, size)

    def write(self, data: bytes) -> None:
        """Send data.

        :raises VimException: it could not be sent, the server refused it, or it is more than
                              announced
        """
        self._upload.write(data)
        if self._telling is not None:
            self._tell(self._upload.sent)

    def close(self) -> None:
        """Read what the server says of the upload, and close the connection.

        :raises VimException: bytes are missing, or the server did not say that it has them;
                              not again if ``write`` has raised, or at a second call
        """
        if not self._upload.closed:
            self._tell(self._upload.sent, ended=True)
        self._upload.finish()

    def __str__(self) -> str:
        return f'File write handle for {self._url}'


class FileReadHandle(FileHandle):
    """Reads one file of a datastore; the parameters are those of :class:`FileWriteHandle`.

    :raises VimException: the file cannot be read; the class stands for the HTTP status
    """

    @_secrets.guarded
    def __init__(
        self,
        host_or_url: str,
        port: int | None = None,
        data_center_name: str | None = None,
        datastore_name: str | None = None,
        cookies: Any = None,
        file_path: str | None = None,
        scheme: str = 'https',
        cacerts: bool | str | None = False,
        thumbprint: str | None = None,
        *,
        progress: _progress.Callback | None = None,
    ) -> None:
        url = _connection.file_url(
            host_or_url, port, data_center_name, datastore_name, file_path, scheme
        )
        self._url = _connection.shown(url)
        try:
            connection = _connection.send_request('GET', url, {}, cookies, cacerts, thumbprint)
        except ValueError as exc:
            raise exceptions.VimException(_('%s cannot be opened') % self._url, exc) from exc
        self._download = _stream.Download(connection, self._url)
        super().__init__(self._download)
        self._telling = _progress.telling(progress, self._download.size)

    def read(self, length: int | None = None) -> bytes:
        """Read at most ``length`` bytes; ``b''`` at the end and after closing.

        :param length: None, or less than 0, for all that is left
        :raises VimException: the connection broke, or ended before all bytes were there
        """
        if length is None or length < 0:
            return self._rest()
        data = self._download.read(length)
        if self._telling is not None:
            self._tell(self._download.received, self._download.complete)
        return data

    def tell(self) -> int:
        """Bytes that were read."""
        return self._download.received

    def get_size(self) -> int | None:
        """Bytes of the file as the server announced them; None if it did not."""
        return self._download.size

    def __str__(self) -> str:
        return f'File read handle for {self._url}'


class VmdkHandle(FileHandle):
    """The base of the handles that move a virtual disk under a lease.

    :param session: whose lease it is
    :param lease: reference of the HttpNfcLease
    :param url: URL of the disk
    :param file_handle: stream of the disk
    """

    def __init__(self, session: Any, lease: Any, url: str, file_handle: Any) -> None:
        super().__init__(file_handle)
        self._session = session
        self._lease = _lease.Lease(session, lease)
        self._url = _connection.shown(url)
        self._released = False
        self._last_update: float | None = None
        self._last_logged = 0
        self._update_lock = threading.Lock()

    def update_progress(self) -> None:
        """Report progress for the lease (``HttpNfcLeaseProgress``), which keeps it alive.

        At most once in a minute; between two reports, and when the lease has been released,
        nothing happens.

        :raises VimException: the report failed; the next call tries again
        """
        with self._update_lock:
            now = time.monotonic()
            recent = self._last_update is not None and (
                now - self._last_update < MIN_UPDATE_INTERVAL - _PERIOD_SLACK
            )
            if self._released or recent:
                return
            percent = self._percent()
            self._lease.report(percent, lambda: self._released)
            self._last_update = now
        if percent - self._last_logged >= MIN_PROGRESS_DIFF_TO_LOG:
            self._last_logged = percent
            LOG.debug('%s: %d %%', self, percent)

    def _percent(self) -> int:
        """How much has been moved, from 0 to 100."""
        return 0


def _share(part: int, whole: int | None) -> int:
    # More than 100 is an invalid argument for the server; less than was thought is no reason
    # to fail, as compressed disks have no size that is known before.
    return min(100, part * 100 // whole) if whole else 0


class VmdkWriteHandle(VmdkHandle):
    """Imports a virtual machine with one disk, and writes the disk.

    Uses ``ImportVApp`` (vSphere API 4.0).

    :param session: session to import with
    :param host: host of the server
    :param port: its port
    :param rp_ref: reference of the resource pool
    :param vm_folder_ref: reference of the folder
    :param import_spec: ``VirtualMachineImportSpec``
    :param vmdk_size: bytes that will be written; None to send them without announcing how many
    :param http_method: ``PUT``, or ``POST`` for the type of a stream-optimised disk
    :param progress: see the module
    :raises ValueError: another method, or a size that is no number
    :raises VimException: the import cannot begin; the lease is then aborted
    """

    _HEADERS = {
        'PUT': {'Overwrite': 't', 'Content-Type': 'binary/octet-stream'},
        'POST': {'Content-Type': 'application/x-vnd.vmware-streamVmdk'},
    }

    @_secrets.guarded
    def __init__(
        self,
        session: Any,
        host: str,
        port: int,
        rp_ref: Any,
        vm_folder_ref: Any,
        import_spec: Any,
        vmdk_size: Any,
        http_method: str = 'PUT',
        *,
        progress: _progress.Callback | None = None,
    ) -> None:
        if http_method not in self._HEADERS:
            raise ValueError(_('http_method is PUT or POST, not %r') % http_method)
        size = _connection.as_size(vmdk_size)
        lease_ref = _imports.begin(session, rp_ref, import_spec, vm_folder_ref)
        lease = _lease.Lease(session, lease_ref)
        with _lease.aborted_on_error(lease):
            info = lease.wait()
            self._vm_ref = info.entity
            headers = _connection.length_headers(size) | self._HEADERS[http_method]
            connection, url = _disk.open_disk(session, info, host, port, http_method, headers)
            self._upload = _stream.Upload(connection, size, _connection.shown(url), http_method)
            super().__init__(session, lease_ref, url, self._upload)
        self._problem: Exception | None = None
        self._telling = _progress.telling(progress, size)

    def write(self, data: bytes) -> None:
        """Send data.

        :raises VimException: as in :meth:`FileWriteHandle.write`; the lease is then aborted
        """
        try:
            self._upload.write(data)
        except exceptions.VimException as exc:
            self._give_up(exc)
            raise
        if self._telling is not None:
            self._tell(self._upload.sent)

    def tell(self) -> int:
        """Bytes that were written."""
        return self._upload.sent

    def get_imported_vm(self) -> Any:
        """Reference of the machine that was imported.

        :raises ImageTransferException: it was not: the disk is not complete on the server
        """
        upload = self._upload
        if not self._released and not upload.acknowledged:
            if upload.size is None or upload.sent < upload.size:
                raise exceptions.ImageTransferException(
                    _('%(handle)s: only %(sent)s bytes were written, and it is not closed.')
                    % {'handle': self, 'sent': upload.sent}
                )
            try:
                self._acknowledge()
            except exceptions.VimException as exc:
                LOG.debug('%s: %s', self, exc)
        if self._problem is not None:
            text = _('%s: the machine was not imported.')
            if isinstance(self._problem, exceptions.VimOutcomeUnknownException):
                text = _('%s: nobody knows whether the machine was imported.')
            raise exceptions.ImageTransferException(text % self, self._problem) from self._problem
        return self._vm_ref

    def close(self) -> None:
        """Read what the server says of the disk, then complete the lease or abort it.

        A lease that is gone, or cannot be completed, is logged here, and
        :meth:`get_imported_vm` raises.

        :raises VimException: bytes are missing, the server did not say that it has them, or
                              the lease has failed; not again if ``write`` has raised, or at a
                              second call
        """
        if self._released:
            return
        self._acknowledge()
        self._released = True
        try:
            failure = self._lease.complete(self._vm_ref)
        except exceptions.VimException as exc:
            self._problem = exc
            LOG.error('%s: the lease could not be completed: %s', self, exc)
            return
        except Exception as exc:
            self._problem = exc
            raise
        if failure is not None:
            self._problem = failure
            raise failure

    def abort(self) -> None:
        if not self._released:
            self._give_up(exceptions.VimException(_('%s was called off') % self))

    def _acknowledge(self) -> None:
        if not self._upload.closed:
            self._tell(self._upload.sent, ended=True)
        try:
            self._upload.finish()
        except exceptions.VimException as exc:
            self._give_up(exc)
            raise
        except BaseException:
            # Such as a green thread that is killed while it waits for the answer.
            self.abort()
            raise

    def _give_up(self, problem: exceptions.VimException) -> None:
        """Close the connection and abort the lease, whose own reason explains more."""
        if self._released:
            return
        self._released = True
        self._problem = problem
        self._upload.abort()
        reason = self._lease.abort()
        if reason:
            problem.message = f'{problem.message} {reason}'

    def _percent(self) -> int:
        return 100 if self._upload.acknowledged else _share(self._upload.sent, self._upload.size)

    def __str__(self) -> str:
        return f'VMDK write handle for {self._url}'


class VmdkReadHandle(VmdkHandle):
    """Exports a virtual machine, and reads its first disk as a stream-optimised VMDK.

    Uses ``ExportVm`` (vSphere API 4.0).

    :param session: session to export with
    :param host: host of the server
    :param port: its port
    :param vm_ref: reference of the virtual machine
    :param vmdk_path: not used
    :param vmdk_size: bytes to measure progress by for the lease, such as the capacity of the disk
    :param progress: see the module; a server that makes the disk as it sends it does not know its
                     size before the end
    :raises VimException: the export cannot begin; the lease is then aborted
    """

    @_secrets.guarded
    def __init__(
        self,
        session: Any,
        host: str,
        port: int,
        vm_ref: Any,
        vmdk_path: str | None,
        vmdk_size: Any,
        *,
        progress: _progress.Callback | None = None,
    ) -> None:
        self._expected = _connection.as_size(vmdk_size)
        self._proven = False
        lease_ref = session.invoke_api(session.vim, 'ExportVm', vm_ref)
        lease = _lease.Lease(session, lease_ref)
        with _lease.aborted_on_error(lease):
            info = lease.wait()
            self._disk_key = _disk.disk_key(info)
            self._passed = _proof.Passed(checksum=self._disk_key is not None)
            connection, url = _disk.open_disk(session, info, host, port, 'GET', {})
            self._download = _stream.Download(connection, _connection.shown(url), unframed=True)
            super().__init__(session, lease_ref, url, self._download)
        self._telling = _progress.telling(progress, self._download.size)

    def read(self, chunk_size: int | None = READ_CHUNKSIZE) -> bytes:
        """Read at most ``chunk_size`` bytes; ``b''`` at the end and after closing.

        :param chunk_size: None, or less than 0, for all that is left; without it, a block, as ever
        :raises VimException: the connection broke, or what came is not the whole disk; the lease
                              is then aborted. Reading again raises it again
        """
        if chunk_size is None or chunk_size < 0:
            return self._rest()
        try:
            data = self._download.read(chunk_size)
            self._passed.add(data)
            if self._download.complete and not self._proven:
                self._prove()
        except exceptions.VimException as exc:
            if self._released:
                raise
            self._released = True
            reason = self._lease.abort()
            if reason:
                exc.message = f'{exc.message} {reason}'
            raise
        except BaseException:
            # Such as a green thread that is killed while the server is asked: what it has read
            # is lost, and reading on must not end as if it were not.
            self.abort()
            raise
        if self._telling is not None:
            self._tell(self._download.received, self._proven)
        return data

    def _prove(self) -> None:
        """Let nothing but a whole disk pass, now that all has come."""
        problem = self._passed.problem(
            self._download.framed, lambda: self._lease.manifest_entry(self._disk_key)
        )
        if problem:
            failure = exceptions.VimException(
                _('GET %(url)s: what was exported is not whole: %(problem)s.')
                % {'url': self._url, 'problem': problem}
            )
            self._download.fail(failure)
            raise failure
        self._proven = True

    def tell(self) -> int:
        """Bytes that were read."""
        return self._download.received

    def get_size(self) -> int | None:
        """Bytes of the disk as the server announced them; None if it did not."""
        return self._download.size

    @property
    def complete(self) -> bool:
        """Whether the disk was read to its end, and is whole."""
        return self._proven

    def close(self) -> None:
        """Close the connection; complete the lease if the disk was read to its end, or abort.

        :raises VimException: the lease of a complete export could not be completed
        """
        self._download.close()
        if self._released:
            return
        self._released = True
        if not self._proven:
            self._lease.abort()
            return
        try:
            failure = self._lease.complete()
        except exceptions.ManagedObjectNotFoundException:
            LOG.info('%s: the lease is gone already', self)
            return
        except exceptions.VimException as exc:
            LOG.error('%s: the lease could not be completed: %s', self, exc)
            raise
        if failure is not None:
            raise failure

    def abort(self) -> None:
        self._download.abort()
        if not self._released:
            self._released = True
            self._lease.abort()

    def _percent(self) -> int:
        return 100 if self.complete else _share(self._download.received, self._expected)

    def __str__(self) -> str:
        return f'VMDK read handle for {self._url}'


class ImageReadHandle(_Stream):
    """Gives the pieces of an image service's iterator as reads.

    :param glance_read_iter: iterable of bytes
    :param progress: see the module; nobody knows the size before the end
    """

    def __init__(
        self, glance_read_iter: Iterable[bytes], *, progress: _progress.Callback | None = None
    ) -> None:
        # An empty piece would be taken for the end.
        self._pieces = filter(None, glance_read_iter)
        self._telling = _progress.telling(progress, None)
        self._done = 0

    def read(self, chunk_size: int | None = None) -> bytes:
        """The next piece, whatever its size; ``b''`` at the end.

        :param chunk_size: None, or less than 0, for all that is left
        """
        if chunk_size is None or chunk_size < 0:
            return self._rest()
        piece = next(self._pieces, b'')
        if self._telling is not None:
            self._done += len(piece)
            self._telling.moved(self._done, ended=not piece)
        return piece

    def get_next(self) -> Iterator[bytes]:
        """The pieces that are left."""
        yield from self

    def close(self) -> None:
        """Do nothing: the iterator belongs to whoever made it."""

    def __str__(self) -> str:
        return 'Image read handle'
