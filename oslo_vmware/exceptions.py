"""Everything this library raises, and how a vSphere fault becomes one of these classes.

::

    VMwareDriverException
    ├─ VimException                       the server answered, and not with what was asked for
    │  ├─ VimFaultException               a fault without a class of its own: see its fault_list
    │  └─ AlreadyExistsException 409, CannotDeleteFileException 403, DuplicateName,
    │     FileAlreadyExistsException 409, FileFaultException 409, FileLockedException 403,
    │     FileNotFoundException 404, InvalidPowerStateException 409,
    │     InvalidPropertyException 400, ManagedObjectNotFoundException 404,
    │     NoDiskSpaceException, NoPermissionException 403, NotAuthenticatedException 403,
    │     PbmNotSupportedException, TaskInProgress, ToolsUnavailableException,
    │     VimWaitTimeoutException
    ├─ VimConnectionException        [R]  no usable answer arrived
    │  ├─ PbmUnavailableException    [R]  none of the service for storage policies
    │  ├─ VimCertificateException         the server's certificate is not trusted: never repeated
    │  ├─ VimOutcomeUnknownException      a change was executed or not: never repeated
    │  └─ VimUnreadableReplyException     a reply that is no XML: never repeated
    ├─ VimSessionOverLoadException   [R]  the local stack or the server is saturated
    ├─ VimAttributeException              an attribute was missing on the way to the server
    ├─ ImageTransferException             image data did not arrive whole
    └─ VMwareDriverConfigurationException, UseLinkedCloneConfigurationFault, MissingParameter

``[R]`` marks what ``VMwareAPISession.invoke_api`` repeats. The numbers are HTTP-like codes, the
class attribute ``code``.

A fault has three faces: the class (from the registry, by the fault's name), the flat
``fault_list`` and ``details`` that callers have always read, and, where the reply could be
decoded, the typed tree itself in ``fault``; :func:`find_fault` searches that tree, nested
causes included.
"""

import logging
from typing import Any

from oslo_vmware._faults import REASONS
from oslo_vmware._faults import fault_details as fault_details
from oslo_vmware._faults import find_fault as find_fault
from oslo_vmware._i18n import _

LOG = logging.getLogger(__name__)

ALREADY_EXISTS = 'AlreadyExists'
CANNOT_DELETE_FILE = 'CannotDeleteFile'
DUPLICATE_NAME = 'DuplicateName'
FILE_ALREADY_EXISTS = 'FileAlreadyExists'
FILE_FAULT = 'FileFault'
FILE_LOCKED = 'FileLocked'
FILE_NOT_FOUND = 'FileNotFound'
INVALID_POWER_STATE = 'InvalidPowerState'
INVALID_PROPERTY = 'InvalidProperty'
MANAGED_OBJECT_NOT_FOUND = 'ManagedObjectNotFound'
NO_DISK_SPACE = 'NoDiskSpace'
NO_PERMISSION = 'NoPermission'
NOT_AUTHENTICATED = 'NotAuthenticated'
SECURITY_ERROR = 'SecurityError'
TASK_IN_PROGRESS = 'TaskInProgress'
TOOLS_UNAVAILABLE = 'ToolsUnavailable'


class VMwareDriverException(Exception):
    """The base of all exceptions of this library.

    :param message: any object but a list; ``str()`` of it is the text. When it is falsy, the
                    class's ``msg_fmt`` is filled from the keyword arguments instead
    :param details: dict with more about the failure, or None
    :raises ValueError: the message is a list, or the details are not a dict
    """

    msg_fmt: str = _('An unknown exception occurred.')

    #: The decoded fault (``suds`` object) behind this exception, where there is one.
    fault: Any = None

    #: How many objects a retrieval had delivered when this ended it; those behind them are missing.
    delivered: int | None = None

    def __init__(
        self, message: Any = None, details: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        if isinstance(message, list):
            raise ValueError(
                _('exception message must not be a list (a fault_list comes before it)')
            )
        if details is not None and not isinstance(details, dict):
            raise ValueError(_('details must be a dict or None, not %s') % type(details).__name__)
        if not message:
            message = self._default_message(kwargs)
        super().__init__(message)
        self.message = message
        self.details = details
        self.kwargs = kwargs
        self.cause: Any = None

    def _default_message(self, kwargs: dict[str, Any]) -> Any:
        try:
            return self.msg_fmt % kwargs
        except (KeyError, TypeError, ValueError):
            LOG.exception(
                'The text of %s cannot be filled from %s', type(self).__name__, sorted(kwargs)
            )
            return self.msg_fmt

    @property
    def msg(self) -> Any:
        """The message, by its other name."""
        return self.message

    @property
    def description(self) -> str:
        """The whole text: the message, and the cause when there is one."""
        return self._summary()

    def _summary(self) -> str:
        text = str(self.message)
        if self.cause:
            text += f'\nCause: {self.cause}'
        return text

    def __str__(self) -> str:
        return self.description

    def __reduce__(self) -> tuple[Any, ...]:
        # Constructors of this tree differ in their arguments, so an instance is restored from
        # its attributes. What is decoded from a reply has classes made at run time, which
        # cannot be pickled; a copy then keeps the text.
        state = dict(self.__dict__, cause=_portable(self.cause))
        state.pop('fault', None)
        return _restored, (type(self), self.args), state

    def __copy__(self) -> 'VMwareDriverException':
        twin = _restored(type(self), self.args)
        twin.__dict__.update(self.__dict__)
        return twin


def _restored(cls: type[VMwareDriverException], args: tuple[Any, ...]) -> VMwareDriverException:
    return cls.__new__(cls, *args)


def _portable(cause: Any) -> Any:
    # Imported here because few processes send exceptions anywhere.
    import pickle

    try:
        pickle.loads(pickle.dumps(cause))
    except Exception:  # noqa: BLE001 - pickling runs foreign code, which raises what it likes
        return Exception(str(cause))
    return cause


class VimException(VMwareDriverException):
    """The base of what the server reports, and of failures that fit no other class."""

    def __init__(
        self,
        message: Any = None,
        cause: Any = None,
        details: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(message, details, **kwargs)
        self.cause = cause

    @property
    def description(self) -> str:
        """The whole text: message, cause, and the reasons among the details."""
        text = self._summary()
        for name in REASONS:
            reason = (self.details or {}).get(name)
            # What a fault became an exception of another class by has told it already.
            if reason and str(reason) not in text:
                text += f'\n{name}: {reason}'
        return text


class _WithCause(VMwareDriverException):
    """What the classes beside :class:`VimException` have in common: message and cause."""

    #: Whether ``VMwareAPISession.invoke_api`` may repeat the call that ended so.
    worth_repeating = True

    def __init__(self, message: Any, cause: Any = None) -> None:
        super().__init__(message)
        self.cause = cause


class VimSessionOverLoadException(_WithCause):
    """The server or the local stack is saturated; the call is worth repeating."""


class VimConnectionException(_WithCause):
    """No usable answer arrived: no connection, a time-out, or a reply that is not SOAP."""


class VimCertificateException(VimConnectionException):
    """The server's certificate was refused; repeating the call would change nothing."""

    worth_repeating = False


class VimUnreadableReplyException(VimConnectionException):
    """A reply came whole and cannot be read; the server is up, and would say the same again."""

    worth_repeating = False


class VimOutcomeUnknownException(VimConnectionException):
    """A request that changes something went out, and no usable answer to it arrived.

    The server may have executed it or not. It is not repeated; find out what became of it before
    you do so.

    :ivar operation: name of the operation
    :ivar op_id: its operation id, by which the server's log has it; None if it had none
    """

    worth_repeating = False

    def __init__(
        self,
        message: Any,
        cause: Any = None,
        operation: str | None = None,
        op_id: str | None = None,
    ) -> None:
        super().__init__(message, cause)
        self.operation = operation
        self.op_id = op_id


class PbmUnavailableException(VimConnectionException):
    """No usable answer arrived from PBM, the service for storage policies; HTTP 502 to 504 is
    what a vCenter sends in its place while it is down.
    """


class VimAttributeException(_WithCause):
    """An attribute was missing on an object on the way to or from the server."""


class ImageTransferException(_WithCause):
    """Image data could not be moved completely."""


class VimFaultException(VimException):
    """A fault that has no class in the registry.

    :param fault_list: names of the faults, a list
    :param message: as in the base class
    :param cause: the error beneath
    :param details: members of the faults, name to text
    :raises ValueError: ``fault_list`` is not a list, or as in the base class
    """

    #: Set on the stand-in for an empty reply of RetrievePropertiesEx, which can mean that the
    #: session is gone or that nothing was found.
    empty_reply = False

    def __init__(
        self,
        fault_list: list[str],
        message: Any,
        cause: Any = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message, cause, details)
        if not isinstance(fault_list, list):
            raise ValueError(_('fault_list must be a list, not %s') % type(fault_list).__name__)
        self.fault_list = fault_list

    @property
    def description(self) -> str:
        """The whole text: message, cause, fault names and all details."""
        text = self._summary()
        if self.fault_list:
            text += f'\nFaults: {self.fault_list}'
        if self.details:
            pairs = ', '.join(f"'{name}': '{value}'" for name, value in self.details.items())
            text += f'\nDetails: {{{pairs}}}'
        return text


class AlreadyExistsException(VimException):
    msg_fmt = _('Resource already exists.')
    code = 409


class CannotDeleteFileException(VimException):
    msg_fmt = _('Cannot delete file.')
    code = 403


class DuplicateName(VimException):
    msg_fmt = _('Duplicate name.')


class FileAlreadyExistsException(VimException):
    msg_fmt = _('File already exists.')
    code = 409


class FileFaultException(VimException):
    msg_fmt = _('File fault.')
    code = 409


class FileLockedException(VimException):
    msg_fmt = _('File locked.')
    code = 403


class FileNotFoundException(VimException):
    msg_fmt = _('File not found.')
    code = 404


class InvalidPowerStateException(VimException):
    msg_fmt = _('Invalid power state.')
    code = 409


class InvalidPropertyException(VimException):
    msg_fmt = _('Invalid property.')
    code = 400


class ManagedObjectNotFoundException(VimException):
    msg_fmt = _('Managed object not found.')
    code = 404


class NoDiskSpaceException(VimException):
    msg_fmt = _('Insufficient disk space.')


class NoPermissionException(VimException):
    msg_fmt = _('No permission.')
    code = 403


class NotAuthenticatedException(VimException):
    msg_fmt = _('Not authenticated.')
    code = 403


class PbmNotSupportedException(VimException):
    """The server has no storage policies: it is an ESXi host, or a vCenter before 5.5."""

    msg_fmt = _('The server has no storage policies.')


class TaskInProgress(VimException):
    msg_fmt = _('Another task is in progress on the entity.')


class ToolsUnavailableException(VimException):
    msg_fmt = _('VMware Tools is not running.')


class VimWaitTimeoutException(VimException):
    """A task or lease was waited for as long as allowed, and is not done; it goes on by itself.

    :ivar state: its state when it was last read; None if it never could be
    """

    msg_fmt = _('The wait was given up.')
    state: Any = None


class _Deprecated(VMwareDriverException):
    """Kept for callers that still raise them; the library itself does not."""

    def __init__(
        self, message: Any = None, details: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        LOG.warning('%s is deprecated and will be removed.', type(self).__name__)
        super().__init__(message, details, **kwargs)


class VMwareDriverConfigurationException(_Deprecated):
    """Deprecated: a driver's configuration is wrong."""

    msg_fmt = _('VMware driver configuration fault.')


class UseLinkedCloneConfigurationFault(VMwareDriverConfigurationException):
    """Deprecated: linked clones are configured without a default."""

    msg_fmt = _('No default value for use_linked_clone found.')


class MissingParameter(_Deprecated):
    """Deprecated: a required parameter was not given."""

    msg_fmt = _('Missing parameter : %(param)s')


# The registry is closed on purpose: users catch VimFaultException itself for every fault that is
# not in it (Nova repeats the creation of a VM on exactly that class).
_fault_classes: dict[str, type[VimException]] = {
    ALREADY_EXISTS: AlreadyExistsException,
    CANNOT_DELETE_FILE: CannotDeleteFileException,
    DUPLICATE_NAME: DuplicateName,
    FILE_ALREADY_EXISTS: FileAlreadyExistsException,
    FILE_FAULT: FileFaultException,
    FILE_LOCKED: FileLockedException,
    FILE_NOT_FOUND: FileNotFoundException,
    INVALID_POWER_STATE: InvalidPowerStateException,
    INVALID_PROPERTY: InvalidPropertyException,
    MANAGED_OBJECT_NOT_FOUND: ManagedObjectNotFoundException,
    NO_DISK_SPACE: NoDiskSpaceException,
    NO_PERMISSION: NoPermissionException,
    NOT_AUTHENTICATED: NotAuthenticatedException,
    TASK_IN_PROGRESS: TaskInProgress,
    TOOLS_UNAVAILABLE: ToolsUnavailableException,
}


def get_fault_class(name: Any) -> type[VimException] | None:
    """The exception class that stands for a vSphere fault.

    :param name: name of the fault, with or without a namespace prefix
    :returns: the class, or None for a fault without one
    """
    name = str(name)
    found = _fault_classes.get(name) or _fault_classes.get(local_name(name))
    if found is None:
        LOG.debug('There is no exception class for the fault %s.', name)
    return found


def register_fault_class(name: str, exception: type[VimException]) -> None:
    """Let an exception class stand for a vSphere fault, in the whole process.

    :param name: name of the fault, for example ``ResourceInUse``
    :param exception: subclass of :class:`VimException`; replaces a class registered before
    :raises TypeError: ``exception`` is no subclass of :class:`VimException`
    """
    candidate: Any = exception
    if not (isinstance(candidate, type) and issubclass(candidate, VimException)):
        raise TypeError(_('exception should be a subclass of VimException'))
    if name in _fault_classes:
        LOG.debug('The exception class for the fault %s is replaced.', name)
    _fault_classes[name] = exception


def local_name(name: str) -> str:
    """A fault's name without its namespace prefix (``vim25:FileNotFound``)."""
    return name.rpartition(':')[2]


def translate_fault(localized_method_fault: Any, excep_msg: Any = None) -> VimException:
    """Make, and return, the exception for a ``LocalizedMethodFault`` (vSphere API 4.0).

    :param localized_method_fault: any object with ``fault``, whose class name is the name of
                                   the fault, and ``localizedMessage``; this is what tasks and
                                   leases carry in their ``error``
    :param excep_msg: message to use instead of ``localizedMessage``
    :returns: an instance of the class registered for the fault, else of
              :class:`VimFaultException`; plain :class:`VimException` when the argument has no
              fault. ``details`` holds the fault's members, ``fault`` the decoded fault
    """
    try:
        if not excep_msg:
            excep_msg = getattr(localized_method_fault, 'localizedMessage', None)
            excep_msg = str(excep_msg) if excep_msg is not None else None
        fault = localized_method_fault.fault
        # Not type(fault): callers hand in objects whose __class__ says what they stand for.
        name = fault.__class__.__name__
        details = fault_details(fault) or None
        fault_class = get_fault_class(name)
        translated: VimException
        if fault_class is not None:
            # Not every class that is registered takes more than a message.
            translated = fault_class(excep_msg)
            translated.details = details
        else:
            translated = VimFaultException([name], excep_msg, details=details)
        translated.fault = fault
        return translated
    except Exception as problem:  # noqa: BLE001 - whatever is wrong with the argument
        return VimException(excep_msg, cause=problem)
