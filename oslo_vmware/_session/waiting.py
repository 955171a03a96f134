"""Waiting for tasks and leases: what a session offers of it, over the loop of
:mod:`oslo_vmware._session.wait` and the updates of :mod:`oslo_vmware._session.updates`.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from oslo_vmware import _deadline, exceptions, service, vim_util
from oslo_vmware._i18n import _
from oslo_vmware._session import wait as _wait
from oslo_vmware._session.login import Login
from oslo_vmware._session.updates import MAX_WAIT, SharedUpdates

if TYPE_CHECKING:
    from oslo_vmware.types.vim import TaskInfo


class Waiting(Login):
    """The part of :class:`~oslo_vmware.api.VMwareAPISession` that waits."""

    # What the session's constructor was given, or has made.
    _task_poll_interval: float
    _connection_timeout: float | None
    _vim: Any
    invoke_api: Any

    def _reads_itself(self) -> bool:
        """Whether nobody has replaced what reads."""
        raise NotImplementedError

    def wait_for_task(
        self,
        task: Any,
        timeout: float | None = None,
        *,
        progress: Callable[[int | None, str], Any] | None = None,
    ) -> 'TaskInfo':
        """Wait, in the caller's thread, until a task has ended.

        :param task: reference of the task
        :param timeout: seconds to wait at most; None for no limit. The task is not cancelled
        :param progress: told, in the caller's thread, each change of the task's percentage, from 0
                         to 100 or None if the server does not know it, and of its state; last
                         the state in which it ends, with 100 after success. What it raises ends
                         the wait and is raised as it is; the task goes on
        :returns: the task's ``info`` (TaskInfo, vSphere API 4.0); its ``result`` is what the
                  operation made
        :raises VimException: the task failed; the class is the one registered for its fault
        :raises VimWaitTimeoutException: it has not ended in time
        """
        if progress is None:
            meaning, info = self._wait_for(_wait.TASK, task, timeout)
        else:
            told = _wait.Progress(progress)
            meaning, info = self._wait_for(_wait.TASK_AND_PROGRESS, task, timeout, told)
        if meaning is _wait.Meaning.DONE:
            ended: TaskInfo = info
            return ended
        error = getattr(info, 'error', None)
        if error is None:
            raise exceptions.VimException(
                _('Task %(task)s ended without success, in state %(state)s, and gives no reason.')
                % {'task': vim_util.get_moref_value(task), 'state': _wait.TASK.state_of(info)}
            )
        raise exceptions.translate_fault(error)

    def wait_for_lease_ready(self, lease: Any, timeout: float | None = None) -> None:
        """Wait, in the caller's thread, until an NFC lease can be used.

        :param lease: reference of the HttpNfcLease
        :param timeout: seconds to wait at most; None for no limit. The lease is not aborted
        :raises VimException: the lease is in state ``error``, with the server's reason, or in a
                              state that never becomes ready
        :raises VimWaitTimeoutException: it was not ready in time
        """
        meaning, state = self._wait_for(_wait.LEASE, lease, timeout)
        if meaning is _wait.Meaning.DONE:
            return
        name = vim_util.get_moref_value(lease)
        if state != 'error':
            raise exceptions.VimException(
                _('Lease %(lease)s is in the unknown state %(state)s.')
                % {'lease': name, 'state': state}
            )
        try:
            error = self.invoke_api(vim_util, 'get_object_property', self.vim, lease, 'error')
        except exceptions.VimException as exc:
            raise exceptions.VimException(
                _('Lease %s failed; the reason could not be read.') % name, exc
            ) from exc
        reason = getattr(error, 'localizedMessage', None) or _('no reason given')
        raise exceptions.translate_fault(
            error, _('Lease %(lease)s failed: %(reason)s') % {'lease': name, 'reason': reason}
        )

    def _wait_for(
        self,
        wait: _wait.Wait,
        moref: Any,
        timeout: float | None,
        progress: _wait.Progress | None = None,
    ) -> tuple[_wait.Meaning, Any]:
        def read() -> Any:
            return self.invoke_api(
                vim_util,
                'get_object_property',
                self.vim,
                moref,
                wait.property_name,
                skip_op_id=True,
            )

        asked = self._shared_updates(wait)

        def hear() -> Any:
            nonlocal asked
            asked = self._shared_updates(wait)
            value = None if asked is None else asked.final(moref, wait, progress)
            return value if is_heard else None

        def pause(spent: float) -> None:
            # After a new login there is somebody else to ask.
            if self._shared_updates(wait) is asked:
                remaining = max(0.0, (self._task_poll_interval or 0.0) - spent)
                time.sleep(_deadline.at_most(remaining))

        is_heard = self._reads_itself()
        look_first = asked is not None and (
            not is_heard or not self._session_id or asked.worth_a_look
        )
        with _deadline.within(timeout):
            return _wait.poll(
                *(wait, vim_util.get_moref_value(moref), read, hear, pause),
                look_first=look_first,
                progress=progress,
            )

    def _shared_updates(self, wait: _wait.Wait = _wait.TASK) -> SharedUpdates | None:
        """The waiters of this login; None where the service is a stand-in that has no updates."""
        if not isinstance(self._vim, service.Service):
            return None
        own = self._own.get()
        with own.client_lock:
            sees_progress = wait is _wait.TASK_AND_PROGRESS
            if sees_progress not in own.updates:
                # A wait must end before its connection times out.
                limit = self._connection_timeout or 2 * MAX_WAIT
                own.updates[sees_progress] = SharedUpdates(
                    self._vim,
                    max(1, int(min(MAX_WAIT, limit / 2))),
                    wait if sees_progress else _wait.TASK,
                )
            return own.updates[sees_progress]
