"""An OVA with several files becomes a machine, under one lease.

The server says which of the files go where (OvfFileItem, vSphere API 4.0): its lease has a URL for
each. They are sent one after the other; the lease is completed after the last was acknowledged, and
aborted in every other case.
"""

from __future__ import annotations

import posixpath
import tarfile
import threading
from collections.abc import Callable, Sequence
from typing import Any

from oslo_vmware import image_transfer, rw_handles
from oslo_vmware._transfer import connection, disk, imports, stream
from oslo_vmware._transfer.lease import KeepAlive, Lease, aborted_on_error
from oslo_vmware.cli.failures import CommandError
from oslo_vmware.cli.files.local import Source

_REPORT_SECONDS = 60.0


def put(
    session: Any,
    source: Source,
    items: Sequence[Any],
    spec: Any,
    pool: Any,
    folder: Any,
    progress: Callable[[int, int | None], Any],
) -> Any:
    """Import a machine; returns its reference.

    :param source: the OVA
    :param items: OvfFileItems, what to send
    :param spec: VirtualMachineImportSpec
    :param progress: told bytes done and in all
    :raises CommandError: the archive does not have what is wanted
    """
    with tarfile.open(fileobj=source.file, mode='r:') as archive:
        files = _files(archive, items, source.name)
        total = sum(member.size for member, _item in files)
        done = 0

        def tell(moved: int, _size: int | None) -> None:
            progress(done + moved, total)

        lease = Lease(session, imports.begin(session, pool, spec, folder))
        with aborted_on_error(lease):
            info = lease.wait()
            over = threading.Event()

            def report() -> None:
                lease.report(done * 100 // max(total, 1), over.is_set)

            with KeepAlive([report], _REPORT_SECONDS):
                try:
                    for member, item in files:
                        upload = _begin(session, info, item, member.size)
                        data = archive.extractfile(member)
                        image_transfer._start_transfer(data, upload, None, tell, member.size)
                        done += member.size
                finally:
                    over.set()
            failure = lease.complete(info.entity)
            if failure is not None:
                raise failure
    return info.entity


def _files(
    archive: tarfile.TarFile, items: Sequence[Any], name: str
) -> list[tuple[tarfile.TarInfo, Any]]:
    """The member of the archive for each file that the server wants."""
    members = {posixpath.basename(member.name): member for member in archive if member.isfile()}
    found = []
    for item in items:
        member = members.get(posixpath.basename(item.path))
        if member is None:
            raise CommandError(f'{name} has no member {item.path}, which its descriptor wants.')
        if getattr(item, 'compressionMethod', None):
            raise CommandError(
                f'{item.path} in {name} is compressed with {item.compressionMethod}, which a '
                'server does not take.'
            )
        found.append((member, item))
    return found


def _begin(session: Any, info: Any, item: Any, size: int) -> stream.Upload:
    """Begin to send a file to where the lease wants it."""
    devices = getattr(info, 'deviceUrl', None) or ()
    device = next((one for one in devices if one.importKey == item.deviceId), None)
    if device is None:
        raise CommandError(f'The server has no place for {item.path}.')
    method = 'PUT' if item.create else 'POST'
    headers = connection.length_headers(size) | rw_handles.VmdkWriteHandle._HEADERS[method]
    opened, url = disk.open_device(session, device, session._host, session._port, method, headers)
    return stream.Upload(opened, size, connection.shown(url), method)
