"""Clearing away what would die with the session at the latest."""

import logging
from typing import Any

from oslo_vmware import _deadline, exceptions

LOG = logging.getLogger(__name__)

#: Seconds for all of it.
CLEARING_SECONDS = 5.0

#: How often a request is sent: a server may close a connection just as one leaves on it.
_ATTEMPTS = 2


def clear_away(vim: Any, *calls: tuple[str, Any]) -> None:
    """Destroy objects on the server, if that is to be had. Never raises.

    Not through ``invoke_api``: a session that has ended is not begun anew for this.

    :param vim: the session's Vim service
    :param calls: the operation and the object, for each
    """
    with _deadline.within(CLEARING_SECONDS):
        for operation, moref in calls:
            _send(vim, operation, moref)


def _send(vim: Any, operation: str, moref: Any) -> None:
    for _attempt in range(_ATTEMPTS):
        try:
            getattr(vim, operation)(moref, skip_op_id=True)
        except Exception as exc:  # noqa: BLE001 - nobody waits for it to succeed
            LOG.debug('%s failed: %s', operation, exc)
            if _is_lost(exc) and _deadline.remaining():
                continue
        return


def _is_lost(failure: Exception) -> bool:
    return isinstance(failure, exceptions.VimConnectionException) and failure.worth_repeating
