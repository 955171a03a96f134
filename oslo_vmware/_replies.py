"""What a reply says when it is no result, as the exception that says it.

A SOAP fault has names, in the ``xsi:type`` of what its detail holds, and members. A page of
properties may leave some out, each with a fault beside it, or be empty, which ESX says instead of
refusing a session that is gone.
"""

import itertools
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from oslo_vmware import exceptions
from oslo_vmware._faults import REASONS, text_of
from oslo_vmware._i18n import _

if TYPE_CHECKING:
    import suds

LOG = logging.getLogger(__name__)

#: Fault types that mean the session is gone, whatever prefix the service puts before them: PBM
#: reports it one way or another.
_NOT_AUTHENTICATED_SUFFIXES = (
    exceptions.SECURITY_ERROR,
    exceptions.NOT_AUTHENTICATED,
    'PbmFaultInvalidLogin',
)

#: What is told of a property that may not be read.
_ABOUT_PERMISSIONS = (exceptions.NO_PERMISSION, exceptions.NOT_AUTHENTICATED)
_TOLD_OF_PERMISSIONS = ('object', 'privilegeId', *REASONS)

#: Operations that give pages of properties, in lower case.
FIRST_PAGE = 'retrievepropertiesex'
PAGES = (FIRST_PAGE, 'continueretrievepropertiesex')

#: How many reasons why properties are missing stand in a text; a page has thousands.
_REASONS_TOLD = 3


def fault_exception(web_fault: 'suds.WebFault') -> exceptions.VimFaultException:
    """The exception for a SOAP fault, with the names and the members of its detail."""
    fault_list: list[str] = []
    details: dict[str, str] = {}
    detail = web_fault.document.childAtPath('/Envelope/Body/Fault/detail')
    decoded = getattr(web_fault, 'detail_objects', None)
    faults = detail.getChildren() if detail is not None else ()
    for fault, tree in itertools.zip_longest(faults, (decoded or ())[: len(faults)]):
        fault_list.append(_fault_name(fault))
        for member in fault.getChildren():
            value = getattr(tree, member.name, None)
            plain = not member.children and not isinstance(value, list)
            details[member.name] = str(member.getText() or '') if plain else text_of(value)
    exception = exceptions.VimFaultException(
        fault_list, str(getattr(web_fault.fault, 'faultstring', None) or ''), web_fault, details
    )
    exception.fault = decoded
    return exception


def _fault_name(fault: Any) -> str:
    for attribute in fault.attributes:
        if attribute.name == 'type':
            name = str(attribute.getValue())
            break
    else:
        name = fault.name
    return exceptions.NOT_AUTHENTICATED if says_session_is_gone(name) else name


def says_session_is_gone(name: str) -> bool:
    """Whether a fault of that name may mean that the session is gone."""
    return name.endswith(_NOT_AUTHENTICATED_SUFFIXES)


def check_retrieval(operation: str, reply: Any) -> None:
    """Look into a page of properties for what it says between the lines.

    :param operation: RetrievePropertiesEx, or what gives the further pages
    :raises VimFaultException: the reply is empty (ESX answers so when the session has expired,
                               and also when nothing was found), or a property is missing
    """
    if not reply:
        LOG.debug('The reply of %s is empty: no session, or nothing found.', operation)
        exception = exceptions.VimFaultException(
            [exceptions.NOT_AUTHENTICATED],
            _('The reply of %s is empty.') % operation,
            details={},
        )
        # A page that was announced is not empty because nothing was found.
        exception.empty_reply = operation.lower() == FIRST_PAGE
        raise exception
    fault_list: list[str] = []
    details: dict[str, str] = {}
    faults: list[Any] = []
    reasons: list[str] = []
    for missing in _missing(reply):
        fault: Any = getattr(missing.fault, 'fault', None)
        faults.append(fault)
        name = 'MethodFault' if fault is None else fault.__class__.__name__
        fault_list.append(name)
        told = _TOLD_OF_PERMISSIONS if name in _ABOUT_PERMISSIONS else REASONS
        for member in told:
            if getattr(fault, member, None) is not None:
                details[member] = text_of(getattr(fault, member))
        reasons.append(f'{getattr(missing, "path", "")}: {text_of(missing.fault)}')
    if fault_list:
        LOG.debug('%s left out properties: %s', operation, fault_list)
        exception = exceptions.VimFaultException(
            fault_list,
            _('Some properties could not be read (%s).') % '; '.join(_few(reasons)),
            details=details,
        )
        exception.fault = faults
        raise exception


def _few(reasons: Sequence[str]) -> Iterator[str]:
    """The different ones among some reasons, as many as one reads."""
    different = list(dict.fromkeys(reasons))
    yield from different[:_REASONS_TOLD]
    if len(different) > _REASONS_TOLD:
        yield '…'


def _missing(reply: Any) -> Iterator[Any]:
    for content in getattr(reply, 'objects', ()):
        yield from getattr(content, 'missingSet', ())
