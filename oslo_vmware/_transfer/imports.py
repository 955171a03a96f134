"""Beginning an import, and ending one whose lease nobody knows.

The answer to ``ImportVApp`` is the lease, and there is no other way to it: no object lists leases.
When the answer is lost, the import may be under way all the same. It has made a machine, waits for
a disk, and takes the machine away again when it has heard nothing for some minutes; until then the
name is taken, and the next attempt is told that there is such a machine.

So the machine is made to be found. Where the caller does not choose its instance UUID, which a
server would otherwise draw, we do; nobody else knows it, so what carries it is ours. A machine that
is being imported has the import among its recent tasks (``ResourcePool.ImportVAppLRO``), and to
cancel the task is to abort the lease. Where there is no such task the machine is destroyed, which
such a lease does not prevent (both as seen with vCenter 8.0.2). What is not found, because the
import has not come so far, is not ours to find, or was never begun, is left to the time-out of the
lease, as is the lease of an export: that has no trace by which it could be told from another's.
"""

import contextvars
import copy
import logging
import threading
import uuid
from typing import Any

from oslo_vmware import _deadline, _request, _wanted, exceptions, vim_util
from oslo_vmware._i18n import _
from oslo_vmware._transfer import limit as _limit

LOG = logging.getLogger(__name__)

#: Seconds that the caller waits for the import to be ended; what is left is done in the background.
_WAIT_SECONDS = 3.0

#: Seconds that a machine is looked for which may not have been made yet, and between two looks.
_SEARCH_SECONDS = 60.0
_SEARCH_PAUSE_SECONDS = 1.0

#: Seconds for the server to answer each question.
_ANSWER_SECONDS = 30.0

#: What the task of an import is called.
_IMPORT_TASK = 'ImportVAppLRO'


def begin(session: Any, pool: Any, spec: Any, folder: Any) -> Any:
    """Call ``ImportVApp``.

    :returns: reference of the lease
    :raises VimOutcomeUnknownException: the answer is lost; what can be found of the import is ended
    """
    spec, mark = _marked(spec)
    try:
        lease = session.invoke_api(session.vim, 'ImportVApp', pool, spec=spec, folder=folder)
        if lease is None and mark is not None:
            raise exceptions.VimOutcomeUnknownException(
                _('ImportVApp may have been executed: its answer has no lease.'),
                operation='ImportVApp',
            )
        return lease
    except exceptions.VimOutcomeUnknownException as exc:
        if mark is not None and _Search(session, mark).ended_in_time():
            exc.message = _('%s The machine that it had begun was taken away.') % exc.message
        raise


def _marked(spec: Any) -> tuple[Any, str | None]:
    """A specification that tells its machine from all others, and the instance UUID by which.

    :returns: the specification as it is, and None, if it chooses that itself or is something else
    """
    config: Any = getattr(spec, 'configSpec', None)
    if not _is_unset(config, 'instanceUuid'):
        return spec, None
    mark = str(uuid.uuid4())
    spec, config = copy.copy(spec), copy.copy(config)
    spec.configSpec, config.instanceUuid = config, mark
    return spec, mark


def _is_unset(holder: Any, name: str) -> bool:
    """Whether an object of the factory, and no stand-in for one, leaves a member out."""
    members = getattr(holder, '__keylist__', ())
    return isinstance(members, list) and name in members and getattr(holder, name) is None


class _Search:
    """Looks for the machine of an import, and ends the import.

    :param mark: the machine's instance UUID
    """

    def __init__(self, session: Any, mark: str) -> None:
        self._session = session
        self._mark = mark
        self._ended = threading.Event()

    def ended_in_time(self) -> bool:
        """Search in the background; returns whether an import was found and ended meanwhile."""
        seconds = min(_WAIT_SECONDS, _deadline.until(_limit.GRACE_SECONDS))
        context = contextvars.Context()  # without the caller's deadline
        threading.Thread(
            target=_request.carried(lambda: context.run(self._run)),
            name='oslo.vmware-import',
            daemon=True,
        ).start()
        return self._ended.wait(seconds)

    def _run(self) -> None:
        found = False
        with _deadline.within(_SEARCH_SECONDS), _wanted.only_while(lambda: False):
            while _deadline.remaining() and not _limit.is_logged_out(self._session):
                try:
                    with _deadline.within(_ANSWER_SECONDS):
                        machine = self._machine()
                        if machine is not None:
                            self._end(machine, forcibly=found)
                            found = True
                        elif found:
                            LOG.info('The import of the machine %s was ended', self._mark)
                            self._ended.set()
                            return
                except Exception as exc:  # noqa: BLE001 - the next look may succeed
                    LOG.info('The import of the machine %s is not ended: %s', self._mark, exc)
                self._ended.wait(_deadline.at_most(_SEARCH_PAUSE_SECONDS))
        LOG.warning(
            'The import of the machine with the instance UUID %s %s; if there is one, the server '
            'ends it when its lease times out.',
            self._mark,
            'could not be ended' if found else 'was not found',
        )

    def _machine(self) -> Any:
        """The machine, if there is one that says itself that it is the one."""
        index = self._session.vim.service_content.searchIndex
        found = self._call('FindByUuid', index, uuid=self._mark, vmSearch=True, instanceUuid=True)
        if found is None or self._read(found, 'config.instanceUuid') != self._mark:
            return None
        return found

    def _end(self, machine: Any, forcibly: bool) -> None:
        tasks = [] if forcibly else self._imports(machine)
        for task in tasks:
            self._call('CancelTask', task)
        if not tasks:
            self._call('Destroy_Task', machine)

    def _imports(self, machine: Any) -> list[Any]:
        """The tasks that import a machine; no others are looked at."""
        recent = self._read(machine, 'recentTask')
        found = []
        for task in getattr(recent, 'ManagedObjectReference', None) or ():
            info = self._read(task, 'info')
            is_import = str(getattr(info, 'descriptionId', '')).endswith(_IMPORT_TASK)
            if is_import and info.state in ('queued', 'running'):
                found.append(task)
        return found

    def _read(self, moref: Any, name: str) -> Any:
        session = self._session
        return session.invoke_api(vim_util, 'get_object_property', session.vim, moref, name)

    def _call(self, operation: str, managed_object: Any, **arguments: Any) -> Any:
        return self._session.invoke_api(self._session.vim, operation, managed_object, **arguments)
