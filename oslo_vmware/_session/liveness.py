"""Whether a session is alive, asked in a way that the server lets the account ask.

``SessionIsActive`` (vSphere API 4.0) needs the privilege Sessions.ValidateSession, which the
account of a service often has not. "Could not ask" is no answer, so there are other ways: the
property ``currentSession`` of the session manager, which needs no privilege and is unset for who
has no session, and ``CurrentTime``. A server looks at who asks before all else: what it refuses for
another reason than NotAuthenticated, it refuses to a session that is alive.

A stand-in for a service that raises and cannot be asked in another way has, as ever, no session.
"""

import datetime
import logging
from collections.abc import Callable
from typing import Any

from oslo_vmware import exceptions, vim_util

LOG = logging.getLogger(__name__)

_CURRENT = 'currentSession'


class Liveness:
    """Asks about the session of one login, and remembers which way was refused."""

    def __init__(self) -> None:
        self._may_validate = True

    def distrust(self) -> None:
        """Ask no more for what has turned out to be wrong."""
        self._may_validate = False

    def ask(self, client: Any, question: Callable[[], dict[str, Any]]) -> bool:
        """Whether a session is alive.

        :param client: the VIM service, whose cookie is the session's
        :param question: gives the arguments of SessionIsActive. A function, because errors lead to
                         all that is given here
        :raises VimConnectionException: no answer arrived
        :raises VimSessionOverLoadException: the server or the local stack is saturated
        """
        if self._may_validate:
            try:
                active: bool | None = client.SessionIsActive(
                    client.service_content.sessionManager, **question()
                )
                # An empty answer says neither.
                if active is not None:
                    return active
            except exceptions.VimException as exc:
                if _says_not_authenticated(exc):
                    return False
                LOG.debug('SessionIsActive is not to be had, asking otherwise: %s', exc)
                self._may_validate = False
        return self.ask_otherwise(client)

    def ask_otherwise(self, client: Any) -> bool:
        """The same by ways that need no privilege."""
        refusals = 0
        for way in _WAYS:
            try:
                return way(client)
            except exceptions.VimException as exc:
                if _says_not_authenticated(exc):
                    return False
                LOG.debug('The session cannot be asked about: %s', exc)
                refusals += isinstance(exc, exceptions.VimFaultException)
            except (AttributeError, TypeError) as exc:
                LOG.debug('The session is that of a stand-in: %r', exc)
        return refusals == len(_WAYS)


def _says_not_authenticated(exc: exceptions.VimException) -> bool:
    return exceptions.NOT_AUTHENTICATED in getattr(exc, 'fault_list', ())


def _has_current_session(client: Any) -> bool:
    manager = client.service_content.sessionManager
    properties = vim_util.get_object_properties_dict(client, manager, [_CURRENT])
    return properties.get(_CURRENT) is not None


def _tells_the_time(client: Any) -> bool:
    if not isinstance(client.CurrentTime('ServiceInstance'), datetime.datetime):
        raise TypeError('CurrentTime gave no time')
    return True


_WAYS: tuple[Callable[[Any], bool], ...] = (_has_current_session, _tells_the_time)
