"""The two ends of a transfer: what they are called, and how they are closed.

An end of ours keeps to the time limit by itself, and can be called off. Any other object may stand
for one; it is closed in time, or left behind.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from oslo_vmware import exceptions, rw_handles
from oslo_vmware._i18n import _
from oslo_vmware._transfer import limit as _limit
from oslo_vmware._transfer.copy import Copy
from oslo_vmware._transfer.progress import Telling
from oslo_vmware._transfer.stream import Bounded, Download, Upload

LOG = logging.getLogger(__name__)

_HANDLES = (rw_handles.FileHandle, rw_handles.ImageReadHandle)


def give_up(handle: Any) -> None:
    """Close a handle as a failure, so that nobody takes what it has had for all."""
    if isinstance(handle, Bounded):
        handle.abort()
    if handle is not None:
        _close_quietly(handle)


def call_off(read_handle: Any, write_handle: Any, copy: Copy, timer: _limit.Timer) -> None:
    """Close both ends of a transfer that failed; the failure is what is raised."""
    if copy.source_hangs:
        LOG.warning('%s does not come back from its last read', described(read_handle))
    else:
        close_in_time(read_handle, timer)
    if isinstance(write_handle, Bounded):
        write_handle.abort()
    if copy.sink_hangs:
        LOG.warning('%s does not come back from its last write', described(write_handle))
    else:
        close_in_time(write_handle, timer)


def close_in_time(handle: Any, timer: _limit.Timer) -> None:
    """Close a handle; what goes wrong is logged."""
    if isinstance(handle, Bounded):
        _close_quietly(handle)
        return
    try:
        _limit.in_time(timer, lambda: _close_quietly(handle), grace=_limit.GRACE_SECONDS)
    except _limit.Timer.Timeout:
        LOG.warning('%s does not come back from closing', described(handle))


def _close_quietly(handle: Any) -> None:
    try:
        handle.close()
    except Exception as exc:  # noqa: BLE001 - any object may stand for a handle
        LOG.warning('Closing %s failed: %s', described(handle), exc)


@contextlib.contextmanager
def told_what_was_moved(read_handle: Any, copy: Copy) -> Iterator[None]:
    """Add to what the server says of a transfer what it knows nothing of: the source."""
    try:
        yield
    except exceptions.VMwareDriverException as exc:
        exc.message = _('%(problem)s %(done)s bytes had come from %(source)s.') % {
            'problem': exc.message,
            'done': copy.done,
            'source': described(read_handle),
        }
        raise


def is_objection(exc: BaseException, telling: Telling | None, *handles: Any) -> bool:
    """Whether an exception is what a callback for the progress has raised."""
    told = [telling, *(handle for handle in handles if isinstance(handle, _HANDLES))]
    return any(one is not None and one.objection is exc for one in told)


@contextlib.contextmanager
def objection_first(handle: rw_handles.VmdkReadHandle) -> Iterator[None]:
    """Raise what a callback for the progress has raised, whatever others have made of it."""
    try:
        yield
    except Exception:
        if handle.objection is None:
            raise
    if handle.objection is not None:
        raise handle.objection


@contextlib.contextmanager
def closed_on_error(handle: Any, timer: _limit.Timer) -> Iterator[None]:
    """Close what was handed over when what follows fails before it gets to copying."""
    try:
        yield
    except BaseException:
        if isinstance(handle, Bounded):
            handle.abort()
        close_in_time(handle, timer)
        raise


def described(handle: Any) -> str:
    """What a handle is, for texts."""
    if isinstance(handle, Upload | Download):
        return handle.name
    if isinstance(handle, _HANDLES):
        return str(handle)
    name = getattr(handle, 'name', None)
    return name if isinstance(name, str) else type(handle).__name__
