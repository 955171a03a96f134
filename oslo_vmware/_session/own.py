"""What the threads of one process share of a session, and other processes do not."""

import threading

from oslo_vmware import exceptions
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
    :ivar updates: the waiters of the present login, once there is one
    """

    def __init__(self) -> None:
        # Reentrant, for subclasses that call the API in what they override.
        self.login_lock = threading.RLock()
        self.client_lock = threading.RLock()
        self.login_attempt = LoginAttempt()
        self.updates: SharedUpdates | None = None
