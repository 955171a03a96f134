"""Machines with all of their files, into a server and out of it, each under one lease.

Of an import the server says which files it wants where (OvfFileItem, vSphere API 4.0): its lease
has a URL for each. They are moved one after the other; the lease is completed after the last, and
aborted in every other case.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from oslo_vmware import exceptions, image_transfer, rw_handles
from oslo_vmware._transfer import connection, disk, imports, proof, stream
from oslo_vmware._transfer.lease import KeepAlive, Lease, aborted_on_error
from oslo_vmware.cli.failures import CommandError
from oslo_vmware.cli.files.local import Hashed, Progress, Source, in_own_words
from oslo_vmware.cli.files.packages import File

_REPORT_SECONDS = 60.0
_KIB = 1024


class _Moving:
    """Files that move one after the other, while their lease is kept alive.

    :param total: bytes that there are to be, or about that many
    :param progress: told the bytes of all files together
    """

    def __init__(self, lease: Lease, total: int, progress: Progress) -> None:
        self._lease, self._total, self._progress = lease, total, progress
        self._before = self._done = 0
        self._over = threading.Event()

    @contextlib.contextmanager
    def kept_alive(self) -> Iterator[None]:
        with KeepAlive([self._report], _REPORT_SECONDS):
            try:
                yield
            finally:
                self._over.set()

    def _report(self) -> None:
        percent = min(100, self._done * 100 // max(self._total, 1))
        self._lease.report(percent, self._over.is_set)

    def move(self, source: Any, sink: Any) -> None:
        """Move one file, and close both ends.

        :raises CommandError: the lease had failed, for the server's reason
        """
        try:
            with in_own_words():
                image_transfer._start_transfer(source, sink, None, self._tell)
        except exceptions.VMwareDriverException as exc:
            # A host that hears of it first just has no such file any more.
            if reason := self._lease.abort():
                raise CommandError(f'{exc.message} {reason}') from exc
            raise
        self._before = self._done

    def _tell(self, moved: int, _total: int | None) -> None:
        self._done = self._before + moved
        self._progress(self._done, None)


def put(
    session: Any,
    source: Source,
    files: Sequence[File],
    spec: Any,
    pool: Any,
    folder: Any,
    progress: Progress,
) -> Any:
    """Import a machine; returns its reference.

    :param source: the OVA
    :param files: what to send of it
    :param spec: VirtualMachineImportSpec
    :param progress: told bytes done
    :raises CommandError: the server has no place for a file, or it is not what it should be
    """
    lease = Lease(session, imports.begin(session, pool, spec, folder))
    with aborted_on_error(lease):
        info = lease.wait()
        moving = _Moving(lease, sum(file.size for file in files), progress)
        with moving.kept_alive():
            for file in files:
                moving.move(file, _upload(session, info, file))
        source.check_unchanged()
    _complete(lease, info.entity)
    return info.entity


def _upload(session: Any, info: Any, file: File) -> stream.Upload:
    """Begin to send a file to where the lease wants it."""
    devices = getattr(info, 'deviceUrl', None) or ()
    device = next((one for one in devices if one.importKey == file.item.deviceId), None)
    if device is None:
        raise CommandError(f'The server has no place for {file.name}.')
    method = 'PUT' if file.item.create else 'POST'
    headers = connection.length_headers(file.size) | rw_handles.VmdkWriteHandle._HEADERS[method]
    opened, url = disk.open_device(session, device, session._host, session._port, method, headers)
    return stream.Upload(opened, file.size, connection.shown(url), method)


class Exported(Hashed):
    """A disk, or what the firmware keeps, on its way out.

    :ivar name: what it is written to, for texts
    :ivar key: by what the server knows it
    :ivar is_disk: whether it is a disk
    :ivar entry: what the server says of it at the end (HttpNfcLeaseManifestEntry), or None
    """

    name = 'a file beside the new one'

    def __init__(self, file: IO[bytes], device: Any) -> None:
        super().__init__(file)
        self.key = getattr(device, 'key', None)
        self.is_disk = _is_disk(device)
        self.entry: Any = None
        self.passed = proof.Passed(checksum=self.key is not None)

    def write(self, data: bytes) -> int:
        self.passed.add(data)
        return super().write(data)


def fetch(
    session: Any,
    vm: Any,
    number: int,
    with_firmware: bool,
    make: Callable[[], IO[bytes]],
    progress: Progress,
) -> list[Exported]:
    """Export all disks of a machine.

    :param number: how many there are
    :param with_firmware: whether what its firmware keeps is wanted, too, if there is any
    :param make: makes a file to write to
    :param progress: told bytes done
    :raises CommandError: the server does not give all of them
    :raises VimException: one of them did not come whole
    """
    lease = Lease(session, session.invoke_api(session.vim, 'ExportVm', vm))
    with aborted_on_error(lease):
        info = lease.wait()
        devices = getattr(info, 'deviceUrl', None) or ()
        disks = [one for one in devices if _is_disk(one)]
        if len(disks) != number:
            raise CommandError(f'The server exports {len(disks)} of {number} disks.')
        others = [one for one in devices if with_firmware and one.url.endswith('nvram')]
        moving = _Moving(lease, info.totalDiskCapacityInKB * _KIB, progress)
        with moving.kept_alive():
            found = [
                _download(session, lease, device, Exported(make(), device), moving)
                for device in (*disks, *others)
            ]
    # One that is gone by now takes nothing away.
    with contextlib.suppress(exceptions.ManagedObjectNotFoundException):
        _complete(lease)
    # A machine that was never on has a firmware that keeps nothing.
    return [one for one in found if one.size]


def _is_disk(device: Any) -> bool:
    return bool(getattr(device, 'disk', False))


def _download(
    session: Any, lease: Lease, device: Any, exported: Exported, moving: _Moving
) -> Exported:
    """Export a device; a disk is whole, or raises."""
    opened, url = disk.open_device(session, device, session._host, session._port, 'GET', {})
    name = connection.shown(url)
    download = stream.Download(opened, name, unframed=True)
    moving.move(download, exported)
    exported.entry = lease.manifest_entry(exported.key)
    if exported.size or exported.is_disk or getattr(exported.entry, 'size', None):
        problem = exported.passed.problem(download.framed, lambda: exported.entry)
        if problem:
            raise exceptions.VimException(f'GET {name}: it is not whole: {problem}.')
    return exported


def _complete(lease: Lease, entity: Any = None) -> None:
    failure = lease.complete(entity)
    if failure is not None:
        raise failure
