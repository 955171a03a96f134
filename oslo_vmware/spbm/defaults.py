"""The default policy of a datastore: what gets it says nothing about a policy.

Only vSAN and vVol datastores have one (PBM API 2.0, vSphere 6.0). Datastore clusters have none,
and are refused before a call.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware._i18n import _
from oslo_vmware.spbm import _calls, errors, lost
from oslo_vmware.spbm.cache import policy_cache
from oslo_vmware.spbm.policies import Policy

_SINCE = (6, 0)


def default_policies(
    session: Any, datastores: Iterable[Any]
) -> dict[str, Policy | exceptions.VimException | None]:
    """The default policies of datastores (``PbmQueryDefaultRequirementProfiles``, 6.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param datastores: references, ``'Datastore:<id>'`` or ids
    :returns: id of the datastore to its policy, None without one, or the exception that says why
              it cannot be had (vSphere 8.0.2), in the order of ``datastores``
    :raises ValueError: there is a datastore cluster among them
    :raises HubsNotFoundException: there are no such datastores
    """
    places = _no_pods(datastores)
    connection = _calls.Connection(session)
    operation = 'PbmQueryDefaultRequirementProfiles'
    connection.require(operation, _SINCE)
    found: dict[str, Policy | exceptions.VimException | None] = {
        _calls.place_id(place): None for place in places
    }
    for block in _calls.blocks(places):
        reply = connection.call(_calls.PROFILES, operation, datastores=connection.hubs(block))
        for info in _calls.as_list(reply):
            profile = _calls.get(info, 'defaultProfile')
            answer: Policy | exceptions.VimException | None
            if profile is not None:
                answer = Policy.from_wire(profile)
            else:
                answer = errors.from_method_fault(_calls.get(info, 'methodFault'))
            for hub in _calls.many(info, 'datastores'):
                found[str(hub.hubId)] = answer
    return found


def applicable_default_policies(session: Any, datastores: Iterable[Any]) -> list[Policy]:
    """The policies that may be the default of all of some datastores.

    Uses ``PbmFindApplicableDefaultProfile`` (PBM API 2.0, vSphere 6.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param datastores: references, ``'Datastore:<id>'`` or ids
    :raises LegacyHubsNotSupportedException: some have no default policy, being neither vSAN nor
                                             vVols
    :raises HubsNotFoundException: there are no such datastores
    :raises ValueError: there is a datastore cluster among them
    """
    places = _no_pods(datastores)
    if not places:
        return []
    connection = _calls.Connection(session)
    operation = 'PbmFindApplicableDefaultProfile'
    connection.require(operation, _SINCE)
    reply = connection.call(_calls.PROFILES, operation, datastores=connection.hubs(places))
    return [Policy.from_wire(raw) for raw in _calls.as_list(reply)]


def set_default_policy(session: Any, policy: Any, datastores: Iterable[Any]) -> None:
    """Make a policy the default of datastores.

    Uses ``PbmAssignDefaultRequirementProfile`` (PBM API 2.0, vSphere 6.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param policy: id, ``PbmProfileId`` or ``Policy``
    :param datastores: references, ``'Datastore:<id>'`` or ids
    :raises LegacyHubsNotSupportedException: some are neither vSAN nor vVols
    :raises HubsNotFoundException: there are no such datastores
    :raises PolicyNotFoundException: there is no such policy
    :raises ValueError: there is a datastore cluster among them
    """
    places = _no_pods(datastores)
    if not places:
        return
    connection = _calls.Connection(session)
    operation = 'PbmAssignDefaultRequirementProfile'
    connection.require(operation, _SINCE)
    id_ = _calls.policy_id(policy)
    try:
        connection.call(
            _calls.PROFILES,
            operation,
            [id_],
            profile=connection.profile_id(id_),
            datastores=connection.hubs(places),
        )
    except exceptions.VimOutcomeUnknownException as exc:
        with lost.after(exc):
            now = default_policies(session, places).values()
        if any(getattr(one, 'id', None) != id_ for one in now):
            raise


def reset_default_policy(session: Any, policy: Any = None) -> None:
    """Take a policy from all datastores whose default it is.

    They get the server's own default back. Uses ``PbmResetDefaultRequirementProfile``
    (PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param policy: id, ``PbmProfileId`` or ``Policy``; None for whichever
    """
    connection = _calls.Connection(session)
    arguments = {} if policy is None else {'profile': connection.profile_id(policy)}
    asked = [] if policy is None else [_calls.policy_id(policy)]
    connection.call(_calls.PROFILES, 'PbmResetDefaultRequirementProfile', asked, **arguments)


def reset_vsan_default_policy(session: Any) -> None:
    """Give vSAN's own default policy the rules back that it came with.

    Uses ``PbmResetVSanDefaultProfile`` (PBM API 2.0, vSphere 6.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    """
    connection = _calls.Connection(session)
    connection.require('PbmResetVSanDefaultProfile', _SINCE)
    try:
        connection.call(_calls.PROFILES, 'PbmResetVSanDefaultProfile')
    finally:
        policy_cache(session).clear()


def _no_pods(datastores: Iterable[Any]) -> Sequence[Any]:
    places = list(datastores)
    pods = [_calls.place_id(place) for place in places if _calls.is_pod(place)]
    if pods:
        raise ValueError(_('datastore clusters have no default policy: %s') % ', '.join(pods))
    return places
