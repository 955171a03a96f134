"""Replication groups of machines and disks, and space by policy.

Failover belongs to another service (SMS), and is not here.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware.spbm import _calls, errors
from oslo_vmware.spbm.entities import EntityKey, datastore_entity
from oslo_vmware.spbm.policies import about_something_else


@dataclasses.dataclass(frozen=True)
class ReplicationGroup:
    """A replication group (``ReplicationGroupId``, vSphere API 6.5).

    :ivar fault_domain: id of the fault domain
    :ivar group: id of the group in it
    :ivar raw: the server's object
    """

    fault_domain: str
    group: str
    raw: Any = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True)
class SpaceStatistics:
    """Space in a storage container (``PbmDatastoreSpaceStatistics``, PBM API 2.0), in MiB.

    :ivar policy: id of the policy it is about; None for the whole container
    :ivar physical_total: what there is
    :ivar physical_free: what is free
    :ivar physical_used: what is used
    :ivar logical_limit: most that things with the policy may use, or None
    :ivar logical_free: what things with the policy can use yet
    :ivar logical_used: what they use
    :ivar raw: the server's object
    """

    policy: str | None
    physical_total: int
    physical_free: int
    physical_used: int
    logical_limit: int | None
    logical_free: int
    logical_used: int
    raw: Any = dataclasses.field(compare=False, repr=False)


def replication_groups(
    session: Any, wanted: Iterable[EntityKey], *, block: int = _calls.BLOCK
) -> dict[EntityKey, ReplicationGroup | exceptions.VimException | None]:
    """The replication groups of machines and disks (``PbmQueryReplicationGroups``, 6.5).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param wanted: machines and disks
    :param block: most entities in one call
    :returns: for each its group, None if the server says nothing, or the exception that says why
              it has none, in order
    :raises PbmNotSupportedException: the server's PBM is older than 6.5
    """
    connection = _calls.Connection(session)
    operation = 'PbmQueryReplicationGroups'
    connection.require(operation, (6, 5))
    asked = list(dict.fromkeys(wanted))
    found: dict[EntityKey, ReplicationGroup | exceptions.VimException | None] = dict.fromkeys(asked)
    for part in _calls.blocks(asked, block):
        reply = connection.call(
            _calls.REPLICATION, operation, entities=[one.to_wire(connection) for one in part]
        )
        for result in _calls.as_list(reply):
            group = _calls.get(result, 'replicationGroupId')
            answer: ReplicationGroup | exceptions.VimException | None
            if group is not None:
                domain, id_ = str(group.faultDomainId.id), str(group.deviceGroupId.id)
                answer = ReplicationGroup(domain, id_, group)
            else:
                answer = errors.from_method_fault(_calls.get(result, 'fault'))
            found[EntityKey.from_wire(result.object)] = answer
    return found


def space_statistics(
    session: Any, datastore: Any, policies: Iterable[Any] | None = None
) -> list[SpaceStatistics]:
    """Space in a storage container, by policy.

    Uses ``PbmQuerySpaceStatsForStorageContainer`` (PBM API 2.0, vSphere 6.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param datastore: reference, ``'Datastore:<id>'`` or id of a vSAN or vVol datastore
    :param policies: ids, ``PbmProfileId`` or ``Policy`` objects; None for the container as such
    :raises VimFaultException: the datastore is no storage container (``InvalidArgument``)
    """
    connection = _calls.Connection(session)
    operation = 'PbmQuerySpaceStatsForStorageContainer'
    connection.require(operation, (6, 0))
    ids = None if policies is None else [_calls.policy_id(one) for one in policies]
    if ids is not None and not ids:
        return []
    arguments: dict[str, Any] = {'datastore': datastore_entity(datastore).to_wire(connection)}
    if ids is not None:
        arguments['capabilityProfileId'] = [connection.profile_id(one) for one in ids]
    try:
        reply = connection.call(_calls.PROFILES, operation, ids or (), **arguments)
    except errors.PolicyNotFoundException as exc:
        if about_something_else(session, exc):
            raise errors.recast(exc, errors.PbmException) from exc
        raise
    return [
        SpaceStatistics(
            _calls.text(raw, 'profileId'),
            raw.physicalTotalInMB,
            raw.physicalFreeInMB,
            raw.physicalUsedInMB,
            _calls.get(raw, 'logicalLimitInMB'),
            raw.logicalFreeInMB,
            raw.logicalUsedInMB,
            raw,
        )
        for raw in _calls.as_list(reply)
    ]
