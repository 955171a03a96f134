"""Waiting for tasks and leases: a table of states over one loop, in the caller's thread.

What is waited for is a property that moves through named states until one of them is final. A
:class:`Wait` says which property, where in it the state is, and what each state means; a state
that is in no row has one place to fail.

The value that ends a wait is read, or the server has told it in parts, of which the property is
then made (:mod:`oslo_vmware._session.updates`). It is made only of what is whole: a task that has
ended has the time of its end, and one that failed has an error. Otherwise it is read.

Whoever sets a deadline (:mod:`oslo_vmware._deadline`) is told when it is over what was waited for,
and how far it was. What was waited for goes on.
"""

import logging
import time
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, NamedTuple

from oslo_vmware import _deadline, exceptions
from oslo_vmware._i18n import _

LOG = logging.getLogger(__name__)

#: How many empty replies in a row are taken for silence. ESX answers so when nothing was found, and
#: around an expiry also when it was not looked for.
EMPTY_REPLIES = 3


class Meaning(Enum):
    """What a state means to the one who waits."""

    AGAIN = 'not yet'
    DONE = 'reached'
    FAILED = 'failed'


class Wait(NamedTuple):
    """What to wait for.

    :ivar kind: what it is, for texts
    :ivar type_name: type of the managed object
    :ivar property_name: property to read
    :ivar state_path: path of the property that is the state itself
    :ivar paths: paths of all its parts that are told, the state first
    :ivar made_of: makes the property of its parts, by path, if they are whole; given what makes
                   empty objects
    :ivar state_of: where in the property's value the state is
    :ivar meanings: state to meaning
    :ivar otherwise: meaning of every other state
    """

    kind: str
    type_name: str
    property_name: str
    state_path: str
    paths: tuple[str, ...]
    made_of: Callable[[Mapping[str, Any], Callable[[str], Any]], Any]
    state_of: Callable[[Any], Any]
    meanings: Mapping[str, Meaning]
    otherwise: Meaning = Meaning.FAILED

    def meaning(self, state: Any) -> Meaning:
        """What a state means."""
        return self.meanings.get(state, self.otherwise)

    def is_final(self, state: Any) -> bool:
        """Whether a state ends the wait, well or not."""
        return self.meaning(state) is not Meaning.AGAIN


#: The members of a TaskInfo (vSphere API 4.0) of a task that has ended, in their order. Progress is
#: not among them, and an ``activationId`` has only who gave one.
TASK_INFO = (
    *('key', 'task', 'description', 'name', 'descriptionId', 'entity', 'entityName', 'locked'),
    *('state', 'cancelled', 'cancelable', 'error', 'result', 'reason', 'queueTime', 'startTime'),
    *('completeTime', 'eventChainId', 'changeTag', 'parentTaskKey', 'rootTaskKey'),
)


def _task_info(told: Mapping[str, Any], create: Callable[[str], Any]) -> Any:
    if 'info.completeTime' not in told:
        return None
    if told['info.state'] != 'success' and 'info.error' not in told:
        return None
    info = create('ns0:TaskInfo')
    for name, _nothing in list(info):
        delattr(info, name)
    for name in TASK_INFO:
        value = told.get(f'info.{name}')
        if name == 'locked':
            # An array that is a property's value comes in an object.
            value = getattr(value, 'ManagedObjectReference', None)
        if value is not None:
            setattr(info, name, value)
    return info


#: What there is to tell of a Task.
TASK = Wait(
    _('Task'),
    'Task',
    'info',
    'info.state',
    paths=tuple(f'info.{name}' for name in sorted(TASK_INFO, key=lambda name: name != 'state')),
    made_of=_task_info,
    state_of=lambda info: getattr(info, 'state', None),
    meanings={
        'queued': Meaning.AGAIN,
        'running': Meaning.AGAIN,
        'success': Meaning.DONE,
    },
)

#: The same for those who want to see it coming. Its ``progress`` is a percentage, which a server
#: may know only of a task that runs, or never.
TASK_AND_PROGRESS = TASK._replace(paths=(*TASK.paths, 'info.progress'))


class Progress:
    """Tells a callback how far a task is, each change once.

    :param callback: is given the percentage, None if the server does not know, and the state
    :ivar objection: what the callback has raised
    """

    def __init__(self, callback: Callable[[int | None, str], Any]) -> None:
        self._callback = callback
        self._last: tuple[int | None, str] | None = None
        self.objection: BaseException | None = None

    def tell(self, percent: int | None, state: Any) -> None:
        """Tell how far it is, unless that is what was told last."""
        if state == 'success':
            percent = 100
        elif percent is None and self._last is not None and TASK.is_final(state):
            percent = self._last[0]
        if state is None or self._last == (percent, state):
            return
        self._last = percent, state
        try:
            self._callback(percent, state)
        except BaseException as exc:
            self.objection = exc
            raise


#: An HttpNfcLease's ``state`` is an HttpNfcLeaseState (vSphere API 4.0).
LEASE = Wait(
    _('Lease'),
    'HttpNfcLease',
    'state',
    'state',
    paths=('state',),
    made_of=lambda told, create: told['state'],
    state_of=lambda state: state,
    meanings={
        'initializing': Meaning.AGAIN,
        'ready': Meaning.DONE,
    },
)


def poll(
    wait: Wait,
    name: Any,
    read: Callable[[], Any],
    hear: Callable[[], Any],
    pause: Callable[[float], None],
    *,
    look_first: bool = False,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Meaning, Any]:
    """Hear or read a property until its state is final.

    :param wait: what is waited for
    :param name: its id, for texts
    :param read: reads the property
    :param hear: waits until the server tells the property's final value; None to read it
    :param pause: called after a read with the seconds since the last pause
    :param look_first: read it before anything is heard
    :param progress: is told what is read, and the end
    :returns: what the final state means, and the property's value
    :raises VimWaitTimeoutException: the deadline is over, if there is one
    :raises VimException: the server says nothing, though the session is alive
    """
    begun = clock()
    state = None
    silent = 0
    while True:
        started = clock()
        value = None if look_first else hear()
        if value is not None:
            _tell(progress, wait, value)
            return wait.meaning(wait.state_of(value)), value
        try:
            value = read()
        except (
            exceptions.VimConnectionException,
            exceptions.VimSessionOverLoadException,
        ) as exc:
            if _deadline.remaining():
                raise
            raise _timed_out(wait, name, state, clock() - begun, exc) from exc
        if isinstance(value, list):
            # What a session makes of an empty reply: nothing was said, so no state either.
            silent += 1
            if silent == EMPTY_REPLIES:
                raise _not_told(wait, name)
        else:
            silent = 0
            state = wait.state_of(value)
            _tell(progress, wait, value)
            meaning = wait.meaning(state)
            if meaning is not Meaning.AGAIN:
                return meaning, value
        LOG.debug(
            '%s is %s, %s %% done',
            wait.property_name,
            state,
            getattr(value, 'progress', '?'),
        )
        if not _deadline.remaining():
            raise _timed_out(wait, name, state, clock() - begun)
        if not look_first:
            pause(clock() - started)
        look_first = False


def _tell(progress: Progress | None, wait: Wait, value: Any) -> None:
    if progress is not None:
        progress.tell(getattr(value, 'progress', None), wait.state_of(value))


def _not_told(wait: Wait, name: Any) -> exceptions.VimException:
    return exceptions.VimException(
        _(
            'What became of %(kind)s %(name)s cannot be told: the session is alive, but replies '
            'about it are empty.'
        )
        % {'kind': wait.kind, 'name': name}
    )


def _timed_out(
    wait: Wait, name: Any, state: Any, seconds: float, cause: Exception | None = None
) -> exceptions.VimWaitTimeoutException:
    said = {'kind': wait.kind, 'name': name, 'seconds': round(seconds, 1), 'state': state}
    text = _('%(kind)s %(name)s was not done after %(seconds)s s; its last state was %(state)s.')
    if state is None:
        text = _('%(kind)s %(name)s was not done after %(seconds)s s; its state was not to be had.')
    made = exceptions.VimWaitTimeoutException(text % said, cause)
    made.state = state
    return made
