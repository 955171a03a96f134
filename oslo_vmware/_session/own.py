"""What the threads of one process share of a session, and other processes do not."""

import contextlib
import threading
from collections.abc import Iterator

from oslo_vmware import _deadline, exceptions
from oslo_vmware._i18n import _
from oslo_vmware._session.updates import SharedUpdates


class LoginAttempt:
    """What those who wait for the same login share; the session forgets it when it has failed.

    An exception holds its traceback, and that the variables of all callers: it must not live
    longer than somebody waits for it.
    """

    failure: exceptions.VMwareDriverException | None = None
    was_needless = False


class Own:
    """That of one process.

    :ivar login_lock: held to log in and out
    :ivar client_lock: held to make a client
    :ivar login_attempt: the login under way, or the next one
    :ivar updates: the waiters of the present login, once there are some; those to whom progress is
                   told (True) apart from all others, who shall not be woken by it
    """

    def __init__(self) -> None:
        # Reentrant, for subclasses that call the API in what they override.
        self.login_lock = threading.RLock()
        self.client_lock = threading.RLock()
        self.login_attempt = LoginAttempt()
        self.updates: dict[bool, SharedUpdates] = {}

    @contextlib.contextmanager
    def logging_in(self) -> Iterator[None]:
        """Hold the login lock.

        :raises VimConnectionException: whoever holds it is not done by the deadline
        """
        if not _deadline.acquired(self.login_lock):
            raise exceptions.VimConnectionException(
                _('Another thread was still busy logging in when the time was over.')
            )
        try:
            yield
        finally:
            self.login_lock.release()
