"""Which datastores may hold something, and why the others may not.

From vSphere 6.5 on ``PbmCheckRequirements`` is asked, before that ``PbmCheckCompatibility``
(PBM API 1.0), which takes no existing machine or disk as its subject. Who wants no reasons has
``PbmQueryMatchingHub`` (PBM API 1.0) asked, which names what fits and says nothing of the rest:
where few datastores fit, that is a small part of the other answer, for the server as for us. A
server that does not perform it is asked for reasons.
"""

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from oslo_vmware import exceptions, vim_util
from oslo_vmware.spbm import _calls, errors, inventory, rules, schema, usability
from oslo_vmware.spbm.cache import policy_cache
from oslo_vmware.spbm.entities import EntityKey
from oslo_vmware.spbm.parts import Parts
from oslo_vmware.spbm.policies import STORAGE, about_something_else
from oslo_vmware.spbm.reasons import Reason

LOG = logging.getLogger(__name__)

_CURRENT = 'PbmCheckRequirements'
_MATCHING = 'PbmQueryMatchingHub'
_DATASTORE = 'Datastore'

#: None for all that the server has.
Places = list[Any] | None


@dataclasses.dataclass(frozen=True, slots=True)
class Utilization:
    """A resource of a datastore, before and after (``PbmPlacementResourceUtilization``, 6.5).

    :ivar name: what it is, as the server calls it; the numbers are in the unit it names there
    :ivar before: available now, or None
    :ivar after: available with the subject on it, or None
    :ivar total: or None
    :ivar raw: the server's object
    """

    name: str
    before: int | None
    after: int | None
    total: int | None
    raw: Any = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Compatibility:
    """What came of one datastore or datastore cluster (``PbmPlacementCompatibilityResult``).

    :ivar datastore: its id
    :ivar type: ``Datastore`` or ``StoragePod``
    :ivar name: its name, kept as long as policies are; None if it could not be read
    :ivar errors: tuple of :class:`~oslo_vmware.spbm.reasons.Reason`: why it may not
    :ivar warnings: tuple of the same, which exclude nothing
    :ivar replication_groups: tuple of (fault domain id, group id) that it can replicate to
    :ivar how_many: how many such subjects fit, or None (6.5, only for a subject)
    :ivar utilization: tuple of :class:`Utilization` (6.5)
    :ivar zone_clusters: ids of the clusters that it is zonal storage of (9.1)
    :ivar raw: the server's object; what is equal in those of one answer is one object
    """

    datastore: str
    type: str
    name: str | None
    errors: tuple[Reason, ...]
    warnings: tuple[Reason, ...]
    replication_groups: tuple[tuple[str, str], ...]
    how_many: int | None
    utilization: tuple[Utilization, ...]
    zone_clusters: tuple[str, ...]
    raw: Any = dataclasses.field(compare=False, repr=False)

    @property
    def compatible(self) -> bool:
        """Whether it may hold it: warnings do not count."""
        return not self.errors

    @property
    def moref(self) -> Any:
        """A reference, for calls of VIM."""
        return vim_util.get_moref(self.datastore, self.type)


def explain(result: Compatibility) -> str:
    """What there is to say of one datastore, as sentences for an operator.

    :param result: of :func:`check_compatibility`
    """
    name, cluster = result.name or result.datastore, result.type != _DATASTORE
    if result.errors:
        sentences = [reason.sentence(name, cluster=cluster) for reason in result.errors]
    else:
        sentences = [f'datastore {"cluster " if cluster else ""}{name} may hold it']
    sentences += [
        f'warning: {reason.sentence(name, cluster=cluster)}' for reason in result.warnings
    ]
    return '; '.join(sentences)


def check_compatibility(
    session: Any,
    policy: Any,
    datastores: Iterable[Any] | None = None,
    *,
    subject: EntityKey | None = None,
    usable_by: Any = None,
    shared: bool = False,
    fresh: bool = False,
) -> list[Compatibility]:
    """Ask which datastores may hold what has a policy, and why the others may not.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param policy: id, ``PbmProfileId`` or ``Policy``
    :param datastores: references, ``'Datastore:<id>'`` or ids, of datastores and datastore
                       clusters; None for all that the server has
    :param subject: an existing machine or disk (:func:`~oslo_vmware.spbm.entity` …) that is to
                    be placed (vSphere 6.5)
    :param usable_by: reference of a cluster or a host, or references of hosts: what they cannot
                      use is refused too, with that as a reason; a datastore cluster, if they can
                      use none of its datastores that satisfy the policy. So is what this account
                      may not read, or what has vanished meanwhile
    :param shared: every host of ``usable_by`` that is in operation has to reach a datastore,
                   instead of any of them
    :param fresh: read anew what hosts can use, instead of taking what was read for another policy
                  in the last seconds (:attr:`PolicyCache.inventory_ttl
                  <oslo_vmware.spbm.cache.PolicyCache.inventory_ttl>`)
    :returns: one for each of ``datastores`` the server answered for, in their order
    :raises PolicyNotFoundException: there is no such policy
    :raises HubsNotFoundException: there are no such datastores
    :raises PbmNotSupportedException: a subject, and the server's PBM is older than 6.5
    """
    _require_subject(session, subject)
    ask = functools.partial(_for_policy, session, policy, subject)
    return _named(session, ask, datastores, usable_by, shared, fresh)


def check_spec_compatibility(
    session: Any,
    rule_sets: rules.RuleSets,
    datastores: Iterable[Any] | None = None,
    *,
    subject: EntityKey | None = None,
    usable_by: Any = None,
    shared: bool = False,
    fresh: bool = False,
) -> list[Compatibility]:
    """As :func:`check_compatibility`, for rules that are no policy (yet).

    :param rule_sets: rule sets, or the rules of a single one
    :raises VimFaultException: the server does not take the rules (``InvalidArgument``);
                               :func:`~oslo_vmware.spbm.check_rules` tells every mistake
    """
    _require_subject(session, subject)
    held = rules.as_rule_sets(rule_sets)
    rules.require(_calls.Connection(session), held)
    ask = functools.partial(_for_rules, session, held, subject)
    return _named(session, ask, datastores, usable_by, shared, fresh)


def compatible_datastores(
    session: Any,
    policy: Any,
    datastores: Iterable[Any] | None = None,
    *,
    include_pods: bool = False,
    usable_by: Any = None,
    shared: bool = False,
    fresh: bool = False,
) -> list[Any]:
    """The datastores that may hold what has a policy.

    :param include_pods: datastore clusters too, where ``datastores`` is None
    :returns: those of ``datastores``, as they were given and in their order; else references
    """
    places = None if datastores is None else list(datastores)
    ask = functools.partial(_matching, session, policy)
    if usable_by is None:
        hubs = ask(places)
    else:
        results, _names = _usable(
            session, functools.partial(_fitting, ask), places, usable_by, shared, fresh
        )
        hubs = [result.raw for result in results if result.compatible]
    if places is not None:
        allowed = {str(hub.hubId) for hub in hubs}
        return [place for place in places if _calls.place_id(place) in allowed]
    return [
        vim_util.get_moref(str(hub.hubId), str(hub.hubType))
        for hub in hubs
        if include_pods or hub.hubType == _DATASTORE
    ]


def _require_subject(session: Any, subject: EntityKey | None) -> None:
    if subject is not None:
        _calls.Connection(session).require(_CURRENT, (6, 5))


def _for_policy(
    session: Any,
    policy: Any,
    subject: EntityKey | None,
    places: Places,
) -> list[Compatibility]:
    connection = _calls.Connection(session)
    id_ = _calls.policy_id(policy)
    profile_id = connection.profile_id(id_)
    if connection.has(_CURRENT):
        requirement = connection.create(
            'PbmPlacementCapabilityProfileRequirement', profileId=profile_id
        )
        return _ask_current(connection, requirement, places, subject, [id_])
    return _ask(connection, 'PbmCheckCompatibility', {'profile': profile_id}, places, [id_])


def _matching(session: Any, policy: Any, places: Places) -> list[Any]:
    """The hubs that satisfy a policy; others than those asked for may be among them."""
    if places is not None and not places:
        # As for reasons, below.
        return []
    connection, cache = _calls.Connection(session), policy_cache(session)
    if connection.has(_MATCHING) and not cache.lacks(_MATCHING):
        id_ = _calls.policy_id(policy)
        arguments = {'profile': connection.profile_id(id_)}
        if places is not None:
            arguments['hubsToSearch'] = connection.hubs(places)
        try:
            return _calls.as_list(connection.call(_calls.PLACEMENT, _MATCHING, [id_], **arguments))
        except exceptions.VimFaultException as exc:
            if exceptions.find_fault(exc, 'MethodNotFound') is None:
                raise
            cache.keep_lacking(_MATCHING)
    results = _for_policy(session, policy, None, places)
    return [result.raw.hub for result in results if result.compatible]


def _fitting(ask: Callable[[Places], list[Any]], places: Places) -> list[Compatibility]:
    """The hubs that satisfy a policy, as results."""
    return [
        Compatibility(str(hub.hubId), str(hub.hubType), None, (), (), (), None, (), (), hub)
        for hub in ask(places)
    ]


def _for_rules(
    session: Any, rule_sets: Sequence[rules.RuleSet], subject: EntityKey | None, places: Places
) -> list[Compatibility]:
    connection = _calls.Connection(session)
    types = schema.types_of(session, rule_sets)
    constraints = rules.to_wire(rule_sets, connection.create, types)
    if connection.has(_CURRENT):
        requirement = connection.create(
            'PbmPlacementCapabilityConstraintsRequirement', constraints=constraints
        )
        return _ask_current(connection, requirement, places, subject)
    spec = connection.create(
        'PbmCapabilityProfileCreateSpec',
        name='unsaved rules',
        resourceType=connection.create('PbmProfileResourceType', resourceType=STORAGE),
        constraints=constraints,
    )
    return _ask(connection, 'PbmCheckCompatibilityWithSpec', {'profileSpec': spec}, places)


def _ask_current(
    connection: _calls.Connection,
    requirement: Any,
    places: Places,
    subject: EntityKey | None,
    policies: Sequence[str] = (),
) -> list[Compatibility]:
    arguments = {'placementSubjectRequirement': [requirement]}
    if subject is not None:
        arguments['placementSubjectRef'] = subject.to_wire(connection)
    try:
        return _ask(connection, _CURRENT, arguments, places, policies)
    except errors.PolicyNotFoundException as exc:
        if subject is not None and about_something_else(connection.session, exc):
            raise errors.recast(exc, errors.PbmException) from exc
        raise


def _ask(
    connection: _calls.Connection,
    operation: str,
    arguments: dict[str, Any],
    places: Places,
    policies: Sequence[str] = (),
) -> list[Compatibility]:
    if places is not None and not places:
        # On the wire an empty list looks like no list, and that means all datastores.
        return []
    if places is not None:
        arguments = {**arguments, 'hubsToSearch': connection.hubs(places)}
    reply = _calls.as_list(connection.call(_calls.PLACEMENT, operation, policies, **arguments))
    parts = Parts()
    results = [_result(raw, parts) for raw in reply]
    if places is None:
        return results
    # A server that pays no heed to hubsToSearch (govmomi's) answers for all that it has.
    order = {_calls.place_id(place): number for number, place in enumerate(places)}
    wanted = [result for result in results if result.datastore in order]
    return sorted(wanted, key=lambda result: order[result.datastore])


def _named(
    session: Any,
    ask: Callable[[Places], list[Compatibility]],
    datastores: Iterable[Any] | None,
    usable_by: Any,
    shared: bool,
    fresh: bool,
) -> list[Compatibility]:
    """Ask PBM, and add what the inventory knows: what the hosts can use, and names."""
    places = None if datastores is None else list(datastores)
    names: dict[str, str] = {}
    if usable_by is None:
        results = ask(places)
    else:
        results, names = _usable(session, ask, places, usable_by, shared, fresh)
    names = {**names, **_names(session, [one for one in results if one.datastore not in names])}
    for result in results:
        # They were made just now, and nobody has seen them yet.
        object.__setattr__(result, 'name', names.get(result.datastore))
    return results


def _usable(
    session: Any,
    ask: Callable[[Places], list[Compatibility]],
    places: Places,
    usable_by: Any,
    shared: bool,
    fresh: bool,
) -> tuple[list[Compatibility], dict[str, str]]:
    """What PBM answers, with what the hosts cannot use refused; and names.

    PBM does not say which datastores of a cluster satisfy the policy, and the one that hosts can
    use may be another. So each is asked for, too.
    """
    if places is None:
        answered = ask(None)
        wanted = {result.datastore for result in answered}
        pods = inventory.pods_of(session, [result.moref for result in answered], fresh=fresh)
    else:
        wanted = {_calls.place_id(place) for place in places}
        pods = inventory.pods_of(session, places, fresh=fresh)
        members = dict.fromkeys(one for one in pods.members() if one not in wanted)
        answered = _ask_with(ask, places, list(members))
    if not answered:
        return [], {}
    suitable = {result.datastore for result in answered if result.compatible}
    results = [result for result in answered if result.datastore in wanted]
    morefs = [result.moref for result in results]
    usable = usability.Usability(session, usable_by, morefs, pods, shared=shared, fresh=fresh)
    judged = []
    for result in results:
        if result.type == _DATASTORE:
            more = usable.reasons(result.datastore)
        else:
            more = usable.pod_reasons(result.datastore, suitable)
        judged.append(dataclasses.replace(result, errors=(*result.errors, *more)))
    return judged, usable.names


def _ask_with(
    ask: Callable[[Places], list[Compatibility]], places: list[Any], members: list[str]
) -> list[Compatibility]:
    """Ask for the members of datastore clusters, too; one that is gone meanwhile is left out."""
    while True:
        try:
            return ask([*places, *(vim_util.get_moref(one, _DATASTORE) for one in members)])
        except errors.HubsNotFoundException as exc:
            left = [one for one in members if one not in exc.datastores]
            if len(left) == len(members):
                raise
            members = left


def _names(session: Any, results: Sequence[Compatibility]) -> dict[str, str]:
    """Names of datastores, kept as long as policies are; of those that can be read."""
    cache = policy_cache(session)
    names = cache.names_of(result.datastore for result in results)
    unknown = {result.datastore: result for result in results if result.datastore not in names}

    def read() -> dict[str, str]:
        mark = policy_cache(session).state
        # Others may have read some of them just now.
        kept = cache.names_of(unknown)
        places = [result.moref for id_, result in unknown.items() if id_ not in kept]
        found = inventory.names_of(session, places)
        policy_cache(session).keep_names(mark, found)
        return kept | found

    if unknown:
        try:
            names |= cache.share(('names', *unknown), read)
        except exceptions.VimException as exc:
            # A name is not worth more than the answer.
            LOG.warning('The names of datastores could not be read: %s', exc)
    return names


def _result(raw: Any, parts: Parts) -> Compatibility:
    parts.share(raw, ('hub', 'hubInfo', 'matchingResources'))
    hub, info = raw.hub, _calls.get(raw, 'hubInfo')
    groups = tuple(
        (str(group.faultDomainId.id), str(group.deviceGroupId.id))
        for resources in _calls.many(raw, 'matchingResources')
        for group in _calls.many(resources, 'replicationGroup')
    )
    return Compatibility(
        str(hub.hubId),
        str(hub.hubType),
        None,
        tuple([Reason.from_wire(one, parts) for one in _calls.many(raw, 'error')]),
        tuple([Reason.from_wire(one, parts) for one in _calls.many(raw, 'warning')]),
        groups,
        _calls.get(raw, 'howMany'),
        tuple([_utilization(one, parts) for one in _calls.many(raw, 'utilization')]),
        tuple([str(one.key) for one in _calls.many(info, 'zoneClusters')]),
        raw,
    )


def _utilization(raw: Any, parts: Parts) -> Utilization:
    parts.share(raw, ('name', 'description'))
    return Utilization(
        _calls.text(raw.name, 'label') or '',
        _calls.get(raw, 'availableBefore'),
        _calls.get(raw, 'availableAfter'),
        _calls.get(raw, 'total'),
        raw,
    )
