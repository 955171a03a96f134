"""Waiting for tasks and leases: a table of states over one loop, in the caller's thread.

What is waited for is a property that moves through named states until one of them is final. A
:class:`Wait` says which property, where in it the state is, and what each state means; a state
that is in no row has one place to fail.

Whoever sets a deadline (:mod:`oslo_vmware._deadline`) is told when it is over what was waited for,
and how far it was. What was waited for goes on.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

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


@dataclass(frozen=True)
class Wait:
    """What to wait for.

    :ivar kind: what it is, for texts
    :ivar property_name: property to read
    :ivar state_path: path of the property that is the state itself
    :ivar state_of: where in the property's value the state is
    :ivar meanings: state to meaning
    :ivar otherwise: meaning of every other state
    """

    kind: str
    property_name: str
    state_path: str
    state_of: Callable[[Any], Any]
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    otherwise: Meaning = Meaning.FAILED

    def meaning(self, state: Any) -> Meaning:
        """What a state means."""
        return self.meanings.get(state, self.otherwise)

    def is_final(self, state: Any) -> bool:
        """Whether a state ends the wait, well or not."""
        return self.meaning(state) is not Meaning.AGAIN


#: A Task's ``info`` is a TaskInfo (vSphere API 4.0).
TASK = Wait(
    _('Task'),
    'info',
    'info.state',
    state_of=lambda info: getattr(info, 'state', None),
    meanings={
        'queued': Meaning.AGAIN,
        'running': Meaning.AGAIN,
        'success': Meaning.DONE,
    },
)

#: An HttpNfcLease's ``state`` is an HttpNfcLeaseState (vSphere API 4.0).
LEASE = Wait(
    _('Lease'),
    'state',
    'state',
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
    pause: Callable[[float], None],
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Meaning, Any]:
    """Read a property until its state is final.

    :param wait: what is waited for
    :param name: its id, for texts
    :param read: reads the property
    :param pause: called between two reads with the seconds that the last one took
    :returns: what the final state means, and the property's value
    :raises VimWaitTimeoutException: the deadline is over, if there is one
    :raises VimException: the server says nothing, though the session is alive
    """
    begun = clock()
    state = None
    silent = 0
    while True:
        started = clock()
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
        pause(clock() - started)


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
