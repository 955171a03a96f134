"""What PBM refuses, as exceptions, and how its faults become them.

All are :class:`~oslo_vmware.exceptions.VimException`, and have ``fault_list`` and ``details``
like every fault without a class in the registry. The registry itself stays as it is: these
classes are raised by the functions of :mod:`oslo_vmware.spbm` alone, so callers of
``session.invoke_api`` and of :mod:`oslo_vmware.pbm` see what they have always seen.

===============================================  ==========================================
PBM says                                         raised
===============================================  ==========================================
PbmDuplicateName, PbmAlreadyExists               PbmDuplicateNameException
PbmFaultNotFound of a call about a policy,       PolicyNotFoundException
InvalidArgument on one
PbmResourceInUse                                 PolicyInUseException
PbmNonExistentHubs                               HubsNotFoundException
PbmLegacyHubsNotSupported                        LegacyHubsNotSupportedException
PbmFaultNoPermission, NoPermission               PbmNoPermissionException
PbmFault, PbmFaultProfileStorageFault, others,   PbmException
PbmFaultNotFound of a machine or disk
===============================================  ==========================================
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from oslo_vmware import exceptions
from oslo_vmware._i18n import _

#: Names of parameters whose InvalidArgument means that there is no such policy, in a call that is
#: about one. The last holds nothing but the policy then.
_POLICY_PARAMETERS = (
    *('profileId', 'profileIds', 'profile', 'profiles', 'capabilityProfileId'),
    'placementSubjectRequirement',
)


class PbmException(exceptions.VimFaultException):
    """A fault of PBM (``PbmFault``, PBM API 1.0) without a class of its own below.

    :ivar fault_list: names of the faults
    :ivar details: members of the faults, name to text
    """

    def __init__(
        self,
        message: Any = None,
        fault_list: list[str] | None = None,
        details: dict[str, Any] | None = None,
        cause: Any = None,
    ) -> None:
        super().__init__(fault_list or [], message, cause, details or {})


_Recast = TypeVar('_Recast', bound=PbmException)


class PbmDuplicateNameException(PbmException, exceptions.DuplicateName):
    """There is a policy of this name already.

    :ivar name: the name, or None if the server does not say
    """

    name: str | None = None


class PolicyNotFoundException(PbmException):
    """There is no such policy.

    :ivar ids: names or ids that were asked for
    """

    ids: tuple[str, ...] = ()


class PolicyInUseException(PbmException):
    """The policy cannot be deleted: something has it.

    :ivar name: what has it, or None
    :ivar type: type of what has it, or None
    """

    name: str | None = None
    type: str | None = None


class HubsNotFoundException(PbmException):
    """There are no such datastores.

    :ivar datastores: their ids (managed object ids)
    """

    datastores: tuple[str, ...] = ()


class LegacyHubsNotSupportedException(PbmException):
    """The datastores are of a kind that has no default policy (neither vSAN nor vVols).

    :ivar datastores: their ids (managed object ids)
    """

    datastores: tuple[str, ...] = ()


class PbmNoPermissionException(PbmException, exceptions.NoPermissionException):
    """Privileges on policies are missing.

    From vSphere 8.0.2 on the server says on which policies (``PbmFaultNoPermission``).

    :ivar missing: policy id to privileges; the key is None where no policy is named
    """

    missing: Mapping[str | None, tuple[str, ...]] = {}


class DiskNotFoundException(exceptions.VimException):
    """The machine has no such disk.

    :ivar disks: device keys, or (bus, unit), that were asked for
    """

    msg_fmt = _('The machine has no such disk.')
    disks: tuple[Any, ...] = ()


class InvalidRuleException(exceptions.VimException):
    """Rules that the server could not take; nothing was sent.

    :ivar problems: every mistake, one sentence each
    """

    msg_fmt = _('The rules are not valid.')

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(_('The rules are not valid: %s') % '; '.join(problems))
        self.problems = tuple(problems)


def policy_not_found(names: Iterable[str]) -> PolicyNotFoundException:
    """The exception for policies that were looked for and not found."""
    ids = tuple(names)
    made = PolicyNotFoundException(
        _('There is no storage policy %s.') % ', '.join(repr(one) for one in ids)
    )
    made.ids = ids
    return made


def recast(fault: PbmException, class_: type[_Recast]) -> _Recast:
    """The same fault as an exception of another class."""
    made = class_(fault.message, fault.fault_list, fault.details, fault.cause)
    made.fault = fault.fault
    return made


def from_fault(
    fault: exceptions.VimException, policies: Sequence[str] = ()
) -> exceptions.VimException:
    """The exception of this module for one that a call raised.

    :param fault: what the session raised
    :param policies: ids of the policies that the call was about
    :returns: an exception to raise; ``fault`` itself for what has nothing to do with PBM
    """
    if isinstance(fault, exceptions.NoPermissionException):
        # The session raises its registered class for this one, which has no list of faults.
        made = _made(exceptions.NO_PERMISSION, fault.msg, fault.details, fault.fault, policies)
        assert made is not None
        made.cause, made.fault = fault, fault.fault
        return made
    if not isinstance(fault, exceptions.VimFaultException) or not fault.fault_list:
        return fault
    tree = fault.fault[0] if isinstance(fault.fault, list) and fault.fault else fault.fault
    made = _made(
        exceptions.local_name(fault.fault_list[0]), fault.message, fault.details, tree, policies
    )
    if made is None:
        return fault
    made.cause = fault.cause
    made.fault = fault.fault
    made.fault_list = fault.fault_list
    return made


def from_method_fault(
    localized: Any, policies: Sequence[str] = ()
) -> exceptions.VimException | None:
    """The exception for a fault that stands in an answer (``LocalizedMethodFault``).

    :param localized: the decoded fault, or None
    :param policies: ids of the policies that the answer is about
    :returns: an exception, which is a value there and not raised; None for None
    """
    if localized is None:
        return None
    tree = getattr(localized, 'fault', None)
    name = exceptions.local_name(tree.__class__.__name__) if tree is not None else ''
    message = getattr(localized, 'localizedMessage', None)
    made = _made(
        name,
        str(message) if message else None,
        exceptions.fault_details(tree),
        tree,
        policies,
    )
    if made is None:
        return exceptions.translate_fault(localized)
    made.fault = tree
    return made


def may_be_unknown(fault: exceptions.VimException) -> bool:
    """Whether a fault of a call about a policy may mean that there is none, if it does not say."""
    if isinstance(fault, PolicyNotFoundException) or type(fault) is PbmException:
        return True
    names = getattr(fault, 'fault_list', ())
    return [exceptions.local_name(name) for name in names] == ['InvalidArgument']


def _made(
    name: str, message: Any, details: Any, tree: Any, policies: Sequence[str]
) -> PbmException | None:
    details = details or {}
    found: PbmException
    arguments = (message or name, [name], details)
    if name in ('PbmDuplicateName', 'PbmAlreadyExists'):
        found = PbmDuplicateNameException(*arguments)
        found.name = details.get('name')
    elif policies and (
        name == 'PbmFaultNotFound' or (name == 'InvalidArgument' and _about_policy(details))
    ):
        found = PolicyNotFoundException(*arguments)
        found.ids = tuple(policies)
    elif name == 'PbmResourceInUse':
        found = PolicyInUseException(*arguments)
        found.name, found.type = details.get('name'), details.get('type')
    elif name == 'PbmNonExistentHubs':
        found = HubsNotFoundException(*arguments)
        found.datastores = _hubs(tree)
    elif name == 'PbmLegacyHubsNotSupported':
        found = LegacyHubsNotSupportedException(*arguments)
        found.datastores = _hubs(tree)
    elif name == 'PbmFaultNoPermission':
        found = PbmNoPermissionException(*arguments)
        found.missing = _missing(tree)
    elif name == exceptions.NO_PERMISSION:
        found = PbmNoPermissionException(*arguments)
        privilege = details.get('privilegeId')
        found.missing = {None: (str(privilege),)} if privilege else {}
    elif name.startswith('Pbm'):
        found = PbmException(*arguments)
    else:
        return None
    return found


def _about_policy(details: Mapping[str, Any]) -> bool:
    parameter = str(details.get('invalidProperty') or '')
    return parameter.rpartition('.')[2].partition('[')[0] in _POLICY_PARAMETERS


def many(obj: Any, name: str) -> list[Any]:
    """A member that may be absent, once, or repeated."""
    held = getattr(obj, name, None)
    if held is None:
        return []
    return held if isinstance(held, list) else [held]


def _hubs(tree: Any) -> tuple[str, ...]:
    return tuple(str(hub.hubId) for hub in many(tree, 'hubs'))


def _missing(tree: Any) -> dict[str | None, tuple[str, ...]]:
    missing: dict[str | None, tuple[str, ...]] = {}
    for one in many(tree, 'missingPrivileges'):
        policy = getattr(one, 'profileId', None)
        key = str(policy.uniqueId) if policy is not None else None
        privileges = tuple(str(name) for name in many(one, 'privilegeIds'))
        missing[key] = missing.get(key, ()) + privileges
    return missing
