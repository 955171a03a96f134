"""Moving images between an image service and vSphere.

Every function makes one or two handles (:mod:`oslo_vmware.rw_handles`) and has
:func:`_start_transfer` copy between them. What holds for all of them:

- What was not acknowledged by the server raises: :class:`~oslo_vmware.exceptions.VimException`
  when the server refused it at the end, ``ImageTransferException`` when the copying failed.
- Whatever happens, both ends are closed, a failed upload is called off, and leases are released.
- Leases are kept alive from a thread of their own while data moves, however slow either end is.
- ``timeout_secs`` is for all of it, from the first question to the image service to the giving up
  of the lease, which goes on in the background if the server does not answer in time. What is not
  of this library and hangs is left behind (:mod:`oslo_vmware._transfer.limit`).
- ``progress`` is a function that is told how far it is: bytes done, and bytes in total, or None
  while nobody knows. It is called for each block that was taken, with a time limit by another
  thread, and last with the same number twice, just before both ends are closed. What it raises
  calls the transfer off, and is raised as it is.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from oslo_vmware import _deadline, _secrets, _trust, constants, exceptions, rw_handles, vim_util
from oslo_vmware._i18n import _
from oslo_vmware._transfer import connection as _connection
from oslo_vmware._transfer import copy as _copy
from oslo_vmware._transfer import ends as _ends
from oslo_vmware._transfer import lease as _lease
from oslo_vmware._transfer import limit as _limit
from oslo_vmware._transfer import ova as _ova
from oslo_vmware._transfer import progress as _progress
from oslo_vmware._transfer import stream as _stream
from oslo_vmware._transfer import tar as _tar
from oslo_vmware._transfer.pull import image_pull_from_url as image_pull_from_url

LOG = logging.getLogger(__name__)

#: Seconds between two progress reports for a lease.
NFC_LEASE_UPDATE_PERIOD = 60
CHUNK_SIZE = _stream.CHUNK_SIZE

#: Seconds for a sink to close that has taken all.
_CLOSING_SECONDS = 1.0
#: Seconds for what keeps to the time limit by itself to say that it has failed.
_LAST_WORDS_SECONDS = 0.5

Timer = _limit.Timer


def _start_transfer(
    read_handle: Any,
    write_handle: Any,
    timeout_secs: float | None,
    progress: _progress.Callback | None = None,
    total: int | None = None,
) -> None:
    """Copy until the reading end gives something falsy, then close both ends.

    :param read_handle: has ``read(n)`` and ``close()``
    :param write_handle: has ``write(data)`` and ``close()``
    :param timeout_secs: seconds the whole may take; None for no limit
    :param progress: see the module
    :param total: bytes that there are to be; None if nobody knows
    :raises ImageTransferException: the time is up, or an end failed; ``cause`` says why
    :raises VimException: the server did not take what was written, when it was closed
    """
    with _limited(timeout_secs) as timer, _leases_kept_alive(read_handle, write_handle):
        telling = _progress.telling(progress, total)
        copy = _copy.Copy(read_handle, write_handle, timer, telling)
        with contextlib.ExitStack() as undo:
            undo.callback(_ends.call_off, read_handle, write_handle, copy, timer)
            try:
                copy.run()
            except Exception as exc:
                if _ends.is_objection(exc, telling, read_handle, write_handle):
                    raise
                raise exceptions.ImageTransferException(
                    _('The transfer from %(source)s to %(destination)s failed after %(done)s bytes')
                    % {
                        'source': _ends.described(read_handle),
                        'destination': _ends.described(write_handle),
                        'done': copy.done,
                    },
                    exc,
                ) from exc
            undo.pop_all()
        # All data has been read: that the source complains afterwards changes nothing.
        _ends.close_in_time(read_handle, timer)
        with _ends.told_what_was_moved(read_handle, copy):
            if isinstance(write_handle, _stream.Bounded):
                write_handle.close()
            else:
                # All is there: however long the source took to close, this has its moment.
                grace = _limit.GRACE_SECONDS + _CLOSING_SECONDS
                _limit.in_time(timer, write_handle.close, grace=grace)
    LOG.debug('%s bytes went from %s to %s', copy.done, read_handle, write_handle)


@contextlib.contextmanager
def _limited(timeout_secs: float | None) -> Iterator[_limit.Timer]:
    """Let what is done inside take so long and no longer.

    :raises ImageTransferException: something inside has not come back in time
    """
    timer = Timer(timeout_secs)
    with _deadline.within(timer.remaining()):
        try:
            yield timer
        except Timer.Timeout as exc:
            raise exceptions.ImageTransferException(
                _('The transfer was given up, and what it waited for was left behind'), exc
            ) from exc


def _opened(timer: _limit.Timer, make: Callable[[], Any]) -> Any:
    """An end of ours, made in time; one that comes too late is called off."""
    timer.check_deadline()
    # It gives up its lease before it says why it is not open.
    grace = _limit.GRACE_SECONDS + _LAST_WORDS_SECONDS
    return _limit.in_time(timer, make, late=_ends.give_up, grace=grace)


def _leases_kept_alive(*handles: Any) -> _lease.KeepAlive:
    reports: list[Callable[[], None]] = [
        handle.update_progress for handle in handles if isinstance(handle, rw_handles.VmdkHandle)
    ]
    return _lease.KeepAlive(reports, NFC_LEASE_UPDATE_PERIOD)


@_secrets.guarded
def download_image(
    image: Iterable[bytes],
    image_meta: Mapping[str, Any],
    session: Any,
    datastore: Any,
    rel_path: str,
    bypass: bool = True,
    timeout_secs: float = 7200,
    *,
    progress: _progress.Callback | None = None,
) -> None:
    """Write an image to a file on a datastore.

    The connection is verified as the session verifies its own.

    :param image: the image's bytes
    :param image_meta: ``size`` is their number
    :param session: session that may write to the datastore
    :param datastore: :class:`~oslo_vmware.objects.datastore.Datastore`
    :param rel_path: path of the file on the datastore
    :param bypass: send it to a host that mounts the datastore, past the vCenter
    :param timeout_secs: seconds the whole may take
    :param progress: see the module
    :raises ImageTransferException: see the module
    :raises VimException: see the module
    """
    size = int(image_meta['size'])
    with _limited(timeout_secs) as timer:
        upload = _opened(timer, lambda: _upload_to(datastore, rel_path, size, session, bypass))
        source = rw_handles.ImageReadHandle(image)
        _start_transfer(source, upload, timeout_secs, progress, size)


def _upload_to(
    datastore: Any, rel_path: str, size: int, session: Any, bypass: bool
) -> _stream.Upload:
    """Begin to write a file on a datastore."""
    if bypass:
        host = datastore.choose_host(datastore.get_connected_hosts(session))
        if host is None:
            raise exceptions.ImageTransferException(
                _('No host that can write to %s is connected; try bypass=False.') % datastore
            )
        name = session.invoke_api(vim_util, 'get_object_property', session.vim, host, 'name')
        url = datastore.build_url(session._scheme, name, rel_path, constants.ESX_DATACENTER_PATH)
        cookie = url.get_transfer_ticket(session, 'PUT')
    else:
        url = datastore.build_url(session._scheme, _server(session), rel_path)
        value = (session.vim.get_http_cookie() or '').strip('"')
        cookie = f'{constants.SOAP_COOKIE_KEY}={value}'
    connection = url.connect('PUT', size, cookie, cacerts=_verified_by(session))
    return _stream.Upload(connection, size, _connection.shown(str(url)))


def _server(session: Any) -> str:
    """Host of a session, with its port where that is not the one of the scheme."""
    host = _connection.host_part(session._host)
    port = getattr(session, '_port', None)
    usual = {'https': 443, 'http': 80}.get(session._scheme)
    # Stand-ins for a session have what they like there.
    return f'{host}:{port}' if type(port) is int and port != usual else host


def _verified_by(session: Any) -> _trust.Verify:
    trust = _trust.trust_of_session(session)
    if trust is not None:
        return trust.verify
    cacert = getattr(session, '_cacert', None)
    if isinstance(cacert, str):
        return cacert
    return False if getattr(session, '_insecure', None) is True else None


@_secrets.guarded
def download_flat_image(
    context: Any,
    timeout_secs: float | None,
    image_service: Any,
    image_id: str,
    *,
    progress: _progress.Callback | None = None,
    **kwargs: Any,
) -> None:
    """Write an image of an image service to a file on a datastore.

    :param context: handed to the image service
    :param timeout_secs: seconds the whole may take
    :param image_service: its ``download(context, image_id)`` gives the bytes
    :param image_id: which image
    :param progress: see the module
    :param kwargs: ``image_size``, and ``host``, ``port``, ``data_center_name``,
                   ``datastore_name``, ``cookies``, ``file_path``, ``cacerts`` of
                   :class:`~oslo_vmware.rw_handles.FileWriteHandle`. Without ``cacerts`` the server
                   is verified with the system's trust store; or as a session verifies it, if it is
                   the session's own, and ``cookies`` its live jar
    :raises ImageTransferException: see the module
    :raises VimException: see the module
    """
    LOG.debug('Image %s goes to a file on a datastore', image_id)
    with _limited(timeout_secs) as timer:
        data = _limit.in_time(timer, lambda: image_service.download(context, image_id))
        download_file(
            rw_handles.ImageReadHandle(data),
            kwargs.get('host'),
            kwargs.get('port'),
            kwargs.get('data_center_name'),
            kwargs.get('datastore_name'),
            kwargs.get('cookies'),
            kwargs.get('file_path'),
            int(kwargs['image_size']),
            kwargs['cacerts'] if 'cacerts' in kwargs else _usual_cacerts(kwargs),
            timeout_secs,
            progress=progress,
        )


def _usual_cacerts(where: Mapping[str, Any]) -> bool | None:
    trust = _trust.trust_of(where.get('cookies'))
    if trust is None or not trust.verified:
        return None
    url = _connection.file_url(
        where.get('host') or '', where.get('port'), where.get('data_center_name'),
        where.get('datastore_name'), None, 'https',
    )  # fmt: skip
    # What False means for the own server of a session is in the hands of the connection.
    return False if _connection.is_at(trust.origin, url) else None


@_secrets.guarded
def download_file(
    read_handle: Any,
    host: Any,
    port: Any,
    dc_name: Any,
    ds_name: Any,
    cookies: Any,
    upload_file_path: Any,
    file_size: Any,
    cacerts: Any,
    timeout_secs: float | None,
    *,
    progress: _progress.Callback | None = None,
) -> None:
    """Write what a handle gives to a file on a datastore; the handle is closed.

    The parameters are those of :class:`~oslo_vmware.rw_handles.FileWriteHandle`, and of the module.

    :raises ImageTransferException: see the module
    :raises VimException: see the module
    """
    with _limited(timeout_secs) as timer:
        with _ends.closed_on_error(read_handle, timer):
            write_handle = _opened(
                timer,
                lambda: rw_handles.FileWriteHandle(
                    *(host, port, dc_name, ds_name, cookies, upload_file_path, file_size),
                    cacerts=cacerts,
                ),
            )
        size = _connection.as_size(file_size)
        _start_transfer(read_handle, write_handle, timeout_secs, progress, size)


@_secrets.guarded
def download_stream_optimized_data(
    context: Any,
    timeout_secs: float | None,
    read_handle: Any,
    *,
    progress: _progress.Callback | None = None,
    **kwargs: Any,
) -> Any:
    """Import a virtual machine with the stream-optimised disk that a handle gives.

    :param context: not used
    :param timeout_secs: seconds the whole may take
    :param read_handle: gives the disk; closed
    :param progress: see the module
    :param kwargs: ``session``, ``host``, ``port``, ``resource_pool``, ``vm_folder``,
                   ``vm_import_spec``, ``image_size`` and ``http_method`` for
                   :class:`~oslo_vmware.rw_handles.VmdkWriteHandle`
    :returns: reference of the virtual machine
    :raises ImageTransferException: see the module
    :raises VimException: see the module
    """
    with _limited(timeout_secs) as timer:
        with _ends.closed_on_error(read_handle, timer):
            size = int(kwargs['image_size'])
            write_handle = _opened(timer, lambda: _vmdk_write_handle(kwargs, size))
        _start_transfer(read_handle, write_handle, timeout_secs, progress, size)
        return write_handle.get_imported_vm()


def _vmdk_write_handle(kwargs: Mapping[str, Any], size: int) -> rw_handles.VmdkWriteHandle:
    return rw_handles.VmdkWriteHandle(
        kwargs.get('session'),
        kwargs.get('host'),  # type: ignore[arg-type]
        kwargs.get('port'),  # type: ignore[arg-type]
        kwargs.get('resource_pool'),
        kwargs.get('vm_folder'),
        kwargs.get('vm_import_spec'),
        size,
        http_method=kwargs.get('http_method', 'PUT'),
    )


@_secrets.guarded
def download_stream_optimized_image(
    context: Any,
    timeout_secs: float | None,
    image_service: Any,
    image_id: str,
    *,
    progress: _progress.Callback | None = None,
    **kwargs: Any,
) -> Any:
    """Import a virtual machine with the stream-optimised disk of an image.

    Of an image with the container format ``ova`` it is the first disk that the descriptor in
    the archive names; its size is then the one in the archive, whatever ``image_size`` says.

    :param context: handed to the image service
    :param timeout_secs: seconds the whole may take
    :param image_service: its ``show`` and ``download`` are called with context and image id
    :param image_id: which image
    :param progress: see the module
    :param kwargs: those of :func:`download_stream_optimized_data`
    :returns: reference of the virtual machine
    :raises ImageTransferException: see the module; also for an OVA that is broken
    :raises VimException: see the module
    """
    LOG.debug('Image %s becomes a virtual machine', image_id)
    with _limited(timeout_secs) as timer:
        metadata = _limit.in_time(timer, lambda: image_service.show(context, image_id))
        data = _limit.in_time(timer, lambda: image_service.download(context, image_id))
        read_handle = rw_handles.ImageReadHandle(data)
        if metadata.get('container_format') != 'ova':
            return download_stream_optimized_data(
                context, timeout_secs, read_handle, progress=progress, **kwargs
            )
        archive = _tar.Archive(read_handle)
        try:
            disk = _limit.in_time(timer, lambda: _ova.first_disk(archive))
        except _tar.ArchiveError as exc:
            raise exceptions.ImageTransferException(
                _('Image %s is no usable OVA.') % image_id, exc
            ) from exc
        kwargs['image_size'] = disk.size
        return download_stream_optimized_data(
            context, timeout_secs, disk, progress=progress, **kwargs
        )


@_secrets.guarded
def copy_stream_optimized_disk(
    context: Any,
    timeout_secs: float | None,
    write_handle: Any,
    *,
    progress: _progress.Callback | None = None,
    **kwargs: Any,
) -> None:
    """Export the first disk of a virtual machine into a handle.

    :param context: not used
    :param timeout_secs: seconds the whole may take
    :param write_handle: takes the stream-optimised disk; closed
    :param progress: see the module; a server that makes the disk as it sends it does not know its
                     size before the end
    :param kwargs: ``session``, ``host``, ``port``, ``vm``, ``vmdk_file_path`` and ``vmdk_size``
                   for :class:`~oslo_vmware.rw_handles.VmdkReadHandle`
    :raises ImageTransferException: see the module
    """
    with _limited(timeout_secs) as timer:
        with _ends.closed_on_error(write_handle, timer):
            read_handle = _opened(timer, lambda: _vmdk_read_handle(kwargs))
        size = read_handle.get_size()
        _start_transfer(read_handle, write_handle, timeout_secs, progress, size)


def _vmdk_read_handle(
    kwargs: Mapping[str, Any], progress: _progress.Callback | None = None
) -> rw_handles.VmdkReadHandle:
    return rw_handles.VmdkReadHandle(
        kwargs.get('session'),
        kwargs.get('host'),  # type: ignore[arg-type]
        kwargs.get('port'),  # type: ignore[arg-type]
        kwargs.get('vm'),
        kwargs.get('vmdk_file_path'),
        kwargs.get('vmdk_size'),
        progress=progress,
    )


@_secrets.guarded
def upload_image(
    context: Any,
    timeout_secs: float | None,
    image_service: Any,
    image_id: str,
    owner_id: str,
    *,
    progress: _progress.Callback | None = None,
    **kwargs: Any,
) -> None:
    """Export the first disk of a virtual machine into an image.

    :param context: handed to the image service
    :param timeout_secs: seconds the whole may take; None for no limit
    :param image_service: its ``update`` is given the metadata and a handle to read the data from
    :param image_id: which image
    :param owner_id: the image's property ``owner_id``
    :param progress: see the module; called for each block that the image service has read
    :param kwargs: those of :func:`copy_stream_optimized_disk`, and ``image_name``,
                   ``image_version`` (deprecated), ``store_id``, ``base_image_ref``
    :raises ImageTransferException: the image service was content with less than the whole disk, or
                                    did not come back in time
    :raises VimException: the export cannot begin; errors of the image service are raised as
                          they are, among them what reading from the handle raises
    """
    properties = {'vmware_disktype': 'streamOptimized', 'owner_id': owner_id}
    version = kwargs.get('image_version')
    if version is not None:
        LOG.warning('image_version is deprecated and will be ignored by a later release.')
        properties['vmware_image_version'] = str(version)
    metadata = {
        'disk_format': 'vmdk',
        'name': kwargs.get('image_name'),
        'properties': properties,
    }
    with _limited(timeout_secs) as timer:
        read_handle = _opened(timer, lambda: _vmdk_read_handle(kwargs, progress))
        with _ends.closed_on_error(read_handle, timer), _ends.objection_first(read_handle):
            read_handle.bind(timer)
            with _leases_kept_alive(read_handle):
                _limit.in_time(
                    timer,
                    lambda: image_service.update(
                        context,
                        image_id,
                        metadata,
                        data=read_handle,
                        store_id=kwargs.get('store_id'),
                        base_image_ref=kwargs.get('base_image_ref'),
                    ),
                    grace=_LAST_WORDS_SECONDS,
                )
            if not read_handle.complete:
                raise exceptions.ImageTransferException(
                    _(
                        'The image service took %(done)s bytes from %(source)s for image '
                        '%(image)s, and that was not all.'
                    )
                    % {'done': read_handle.tell(), 'source': read_handle, 'image': image_id}
                )
        read_handle.close()
    LOG.debug('%s went into image %s', read_handle, image_id)
