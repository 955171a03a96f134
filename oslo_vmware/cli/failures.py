"""What ends a command, and with which exit code.

=====  =========================================================================
code   meaning
=====  =========================================================================
0      done
1      the answer is no, or the operation failed
2      the command line or the environment does not say what to do
3      no connection: the server, its certificate or the login
4      there is no such object
130    interrupted (Ctrl-C)
=====  =========================================================================
"""

from __future__ import annotations

import sys
from typing import Any

DONE = 0
FAILED = 1
USAGE = 2
NOT_CONNECTED = 3
NO_SUCH_OBJECT = 4
INTERRUPTED = 130

#: Exit code to what it means, for help and documentation.
EXIT_CODES = {
    DONE: 'done',
    FAILED: 'the answer is no, or the operation failed',
    USAGE: 'the command line or the environment does not say what to do',
    NOT_CONNECTED: 'no connection: the server, its certificate or the login',
    NO_SUCH_OBJECT: 'there is no such object',
    INTERRUPTED: 'interrupted',
}


class CommandError(Exception):
    """The command ends here; the text says what was wrong and what to do.

    :ivar code: exit code
    """

    code = FAILED


class UsageError(CommandError):
    """What was asked for makes no sense, or not enough of it was said."""

    code = USAGE


class NotConnectedError(CommandError):
    """There is no session to work with."""

    code = NOT_CONNECTED


class NoSuchObjectError(CommandError):
    """What was named is not there."""

    code = NO_SUCH_OBJECT


def exit_code(error: BaseException) -> int:
    """The exit code that an exception ends a command with."""
    if isinstance(error, CommandError):
        return error.code
    # Who has not imported them cannot have raised them, and --help is to be quick.
    exceptions: Any = sys.modules.get('oslo_vmware.exceptions')
    if exceptions is not None:
        if isinstance(error, exceptions.VimOutcomeUnknownException):
            return FAILED
        if isinstance(
            error, (exceptions.VimConnectionException, exceptions.NotAuthenticatedException)
        ):
            return NOT_CONNECTED
        if isinstance(
            error,
            (exceptions.ManagedObjectNotFoundException, exceptions.FileNotFoundException),
        ):
            return NO_SUCH_OBJECT
    return FAILED


def is_expected(error: BaseException) -> bool:
    """Whether an exception's text is for people; anything else is a mistake of ours."""
    exceptions: Any = sys.modules.get('oslo_vmware.exceptions')
    known: tuple[type[BaseException], ...] = (CommandError, OSError)
    if exceptions is not None:
        known = (*known, exceptions.VMwareDriverException)
    return isinstance(error, known)


def words(error: BaseException) -> str:
    """What an exception says, for people, who need nothing twice."""
    if hasattr(error, 'message') and hasattr(error.__cause__, 'fault_list'):
        # The session has made it of the fault, and has all of that in its text.
        error = error.__cause__ or error
    message = str(getattr(error, 'message', None) or error) or type(error).__name__
    cause = str(getattr(error, 'cause', None) or '')
    if cause and message not in cause:
        message += f'\n{cause}'
    faults = getattr(error, 'fault_list', None)
    return f'{message} ({", ".join(faults)})' if faults else message


def described(error: BaseException) -> dict[str, Any]:
    """An exception as data, for ``--json``."""
    found: dict[str, Any] = {
        'error': words(error),
        'kind': type(error).__name__,
        'exit_code': exit_code(error),
    }
    faults = getattr(error, 'fault_list', None)
    if faults:
        found['faults'] = list(faults)
    return found
