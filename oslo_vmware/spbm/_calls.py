"""How the functions of this package reach PBM: through a session's ``invoke_api``, always.

References, ids and blocks have their one translation here; what PBM refuses becomes an
exception of :mod:`oslo_vmware.spbm.errors`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, TypeVar

import suds

from oslo_vmware import _pbm_session, exceptions, vim_util
from oslo_vmware._i18n import _
from oslo_vmware.spbm import errors
from oslo_vmware.spbm.cache import policy_cache

#: Most entities in one call. The API names this limit for the compliance calls (PBM API 1.0),
#: and none for the others.
BLOCK = 1000

PROFILES = 'profileManager'
PLACEMENT = 'placementSolver'
COMPLIANCE = 'complianceManager'
REPLICATION = 'replicationManager'

_POD = 'StoragePod'
_DATASTORE = 'Datastore'

T = TypeVar('T')

#: Major and minor version of vSphere.
Release = tuple[int, int]


class Connection:
    """PBM as one session reaches it.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :raises PbmNotSupportedException: the server has no PBM
    """

    def __init__(self, session: Any) -> None:
        self.session = session
        self.client = _pbm_session.client(session)

    @property
    def content(self) -> Any:
        """``PbmServiceInstanceContent``; a call the first time that a session needs it."""
        return _pbm_session.service_content(self.session, self.client)

    def create(self, name: str, /, **members: Any) -> Any:
        """A request object of a type of PBM, with the members that are not None.

        :raises PbmNotSupportedException: the server's PBM has no such member yet
        """
        made = self.client.client.factory.create(f'ns0:{name}')
        for member, value in members.items():
            if value is None:
                continue
            if not hasattr(made, member):
                raise exceptions.PbmNotSupportedException(
                    _('The PBM of this server is too old for %(type)s.%(member)s.')
                    % {'type': name, 'member': member}
                )
            setattr(made, member, value)
        return made

    def has(self, operation: str) -> bool:
        """Whether the description in use, which is never newer than the server, has it."""
        try:
            getattr(self.client.client.service, operation)
        except suds.MethodNotFound:
            return False
        return True

    def require(self, operation: str, since: Release, what: str | None = None) -> None:
        """See that there is an operation, or something that came with it.

        :param what: what that is, for the text
        :raises PbmNotSupportedException: the server's PBM is older
        """
        if not self.has(operation):
            _refuse(what or operation, since)

    def call(
        self, manager: str, operation: str, policies: Sequence[str] = (), **arguments: Any
    ) -> Any:
        """Perform an operation.

        :param manager: member of the service content that has it
        :param policies: ids of the policies that it is about, for exceptions; what is kept of
                         those that the server does not know is forgotten
        :raises VimException: see :mod:`oslo_vmware.spbm.errors`
        """
        try:
            return self.session.invoke_api(
                self.client, operation, getattr(self.content, manager), **arguments
            )
        except exceptions.VimException as fault:
            raised = errors.from_fault(fault, policies)
            if policies and errors.may_be_unknown(raised):
                # What is kept of them is not worth more than what the server says now.
                policy_cache(self.session).forget_gone(policies)
            if raised is fault:
                raise
            raise raised from fault

    def profile_id(self, policy: Any) -> Any:
        """``PbmProfileId`` of a policy, however it is named."""
        return self.create('PbmProfileId', uniqueId=policy_id(policy))

    @staticmethod
    def hubs(datastores: Sequence[Any]) -> list[Any]:
        """``PbmPlacementHub`` of datastores or datastore clusters.

        There may be hundreds of them in each request, so they are no objects.
        """
        return [{'hubType': place_type(one), 'hubId': place_id(one)} for one in datastores]


def require_server(session: Any, what: str, since: Release) -> None:
    """See that the server of a session is not too old for something.

    :param what: what it is, for the text
    :param since: major and minor version of vSphere
    :raises PbmNotSupportedException: it is
    """
    release = _pbm_session.release(session)
    if release is not None and release < since:
        _refuse(what, since)


def _refuse(what: str, since: Release) -> NoReturn:
    """Say that something needs a later vSphere."""
    raise exceptions.PbmNotSupportedException(
        _('%(what)s needs vSphere %(since)s or later.')
        % {'what': what, 'since': '.'.join(map(str, since))}
    )


def policy_id(policy: Any) -> str:
    """The id of a policy given as id, as ``PbmProfileId``, or as ``Policy``."""
    if isinstance(policy, str):
        return policy
    unique = getattr(policy, 'uniqueId', None)
    if unique is None:
        unique = getattr(policy, 'id', None)
    if unique is None:
        raise TypeError(_('%r names no storage policy') % (policy,))
    return str(unique)


def place_id(place: Any) -> str:
    """The id of a datastore or datastore cluster: reference, ``Type:id`` or id."""
    return str(vim_util.get_moref_value(place) if isinstance(place, str) else place.value)


def place_type(place: Any) -> str:
    """``Datastore`` or ``StoragePod``, which an id alone shows by how it begins."""
    named = vim_util.get_moref_type(place)
    if named is None:
        return _POD if place_id(place).startswith('group-p') else _DATASTORE
    return _POD if named == _POD else _DATASTORE


def is_pod(place: Any) -> bool:
    """Whether a reference is one of a datastore cluster."""
    return place_type(place) == _POD


def blocks(items: Sequence[T], size: int = BLOCK) -> Iterator[Sequence[T]]:
    """Cut a list into parts that a call may take."""
    if size < 1:
        raise ValueError(_('a block has at least one item, not %d') % size)
    for start in range(0, len(items), size):
        yield items[start : start + size]


def get(obj: Any, name: str, default: Any = None) -> Any:
    """A member that may be absent."""
    return getattr(obj, name, default)


def text(obj: Any, name: str) -> str | None:
    """A member as text, or None without one."""
    held = getattr(obj, name, None)
    return None if held is None else str(held)


def many(obj: Any, name: str) -> list[Any]:
    """A member that may be absent, once, or repeated."""
    return errors.many(obj, name)


def as_list(reply: Any) -> list[Any]:
    """An answer that may be absent."""
    return list(reply) if reply else []
