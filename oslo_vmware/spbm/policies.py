"""Storage policies, found by name or id and kept for a short while.

PBM lists ids (``PbmQueryProfile``) and gives the content of ids (``PbmRetrieveContent``); nothing
that it publishes takes a name, or gives names without ids. So the first search for a name costs
two calls, which read all policies, and an id costs one. What came is kept with the session, and
from then on, however many policies there are:

- one that was read less than :attr:`~oslo_vmware.spbm.cache.PolicyCache.ttl` seconds ago costs no
  call;
- one that was read longer ago costs one, for it alone, and is still found by its name;
- before a name is reported as unknown the server is asked which policies there are, one call. If
  there are some that have not been read, or were read too long ago, reading them costs another;
- a change made with this package forgets the policies that it is about, and a login everything;
- so does an answer of the server's to any call by which there is no such policy (any more);
- threads that look for the same at the same time share the calls.

What others do to a policy that is still kept shows when it is older than ``ttl``, its new name
included; a new policy, or one that is gone, shows at the next search for what is not known.
"""

import dataclasses
import datetime
import time
from collections.abc import Iterable, Sequence
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware._i18n import _
from oslo_vmware.spbm import _calls, errors, rules
from oslo_vmware.spbm.cache import REQUIREMENT as REQUIREMENT
from oslo_vmware.spbm.cache import Listing, by_name, policy_cache

STORAGE = 'STORAGE'

#: Categories beside REQUIREMENT (``PbmCapabilityProfileCategoryEnum``, PBM API 1.0; the last
#: from 6.5 on).
RESOURCE = 'RESOURCE'
DATA_SERVICE_POLICY = 'DATA_SERVICE_POLICY'


@dataclasses.dataclass(frozen=True)
class Policy:
    """A storage policy (``PbmCapabilityProfile``, PBM API 1.0).

    :ivar id: its unique id, a UUID
    :ivar name: its name, at most 80 characters
    :ivar description: text, or None
    :ivar category: ``REQUIREMENT``, ``RESOURCE`` or ``DATA_SERVICE_POLICY``
    :ivar created: when
    :ivar created_by: who
    :ivar updated: when last
    :ivar generation: grows with each change of the rules; None where the server counts none
    :ivar is_default: whether it is a default policy of the server's
    :ivar system_type: what the server made it for, such as ``VsanDefaultProfile``, or None
    :ivar line_of_service: of a data service policy, such as ``ENCRYPTION``, or None
    :ivar rule_sets: tuple of :class:`~oslo_vmware.spbm.rules.RuleSet`
    :ivar raw: the server's object
    """

    id: str
    name: str
    description: str | None
    category: str | None
    created: datetime.datetime | None
    created_by: str | None
    updated: datetime.datetime | None
    generation: int | None
    is_default: bool
    system_type: str | None
    line_of_service: str | None
    rule_sets: tuple[rules.RuleSet, ...]
    raw: Any = dataclasses.field(compare=False, repr=False)

    @classmethod
    def from_wire(cls, raw: Any) -> 'Policy':
        """The policy of a decoded ``PbmProfile``."""
        return cls(
            str(raw.profileId.uniqueId),
            str(raw.name),
            _calls.text(raw, 'description'),
            _calls.text(raw, 'profileCategory'),
            _calls.get(raw, 'creationTime'),
            _calls.text(raw, 'createdBy'),
            _calls.get(raw, 'lastUpdatedTime'),
            _calls.get(raw, 'generationId'),
            bool(_calls.get(raw, 'isDefault', False)),
            _calls.text(raw, 'systemCreatedProfileType'),
            _calls.text(raw, 'lineOfService'),
            rules.from_wire(_calls.get(raw, 'constraints')),
            raw,
        )

    def to_dict(self) -> dict[str, Any]:
        """What the policy is made of, as plain data for JSON or YAML.

        The id and the dates, which belong to one server, are left out.

        :raises ValueError: a rule's value, or the policy's kind of requirements, is of a type that
                            this library does not know
        """
        constraints = _calls.get(self.raw, 'constraints')
        if self.raw is not None and not self.rule_sets and not rules.asks_nothing(constraints):
            # An export without rules would make a policy that allows everything.
            raise ValueError(_('the policy %s has no rules that can be exported') % self.name)
        plain: dict[str, Any] = {'name': self.name}
        if self.description is not None:
            plain['description'] = self.description
        if self.category is not None:
            plain['category'] = self.category
        plain['rule_sets'] = [rule_set.to_dict() for rule_set in self.rule_sets]
        return plain


def list_policies(session: Any, *, category: str | None = REQUIREMENT) -> list[Policy]:
    """The policies of a category; at most two calls, none for what is kept.

    Uses ``PbmQueryProfile`` and ``PbmRetrieveContent`` (PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param category: ``REQUIREMENT`` for those that machines and disks can have; None for all
    :returns: in the order of the server
    """
    cache = policy_cache(session)
    require_category(session, category)
    held = cache.listing(category) or _newer_listing(session, category, None)
    return _policies(session, held.ids)


def find_policy(
    session: Any, name_or_id: Any, *, category: str | None = REQUIREMENT, fresh: bool = False
) -> Policy:
    """A policy by its name or its id: no call for what is kept, else one.

    Only the first search for a name after a login costs two, and one for what others have made
    since: see :mod:`oslo_vmware.spbm.policies`.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param name_or_id: exact name, or id as text, ``PbmProfileId`` or :class:`Policy`
    :param category: where to look for a name; None for everywhere
    :param fresh: read it anew even if it is kept, which costs one call
    :returns: the policy; of several of one name the one of the category ``REQUIREMENT``
    :raises PolicyNotFoundException: there is none; the server was asked just now
    """
    wanted = _calls.policy_id(name_or_id)
    return _find(session, [wanted], category, fresh)[wanted]


def policies_by_name(
    session: Any, names: Iterable[str], *, category: str | None = REQUIREMENT
) -> dict[str, Policy]:
    """Many policies by their names, at the price of one.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param names: exact names
    :param category: where to look; None for everywhere
    :raises PolicyNotFoundException: some do not exist: its ``ids`` names all of them
    """
    return _find(session, list(names), category)


def _find(
    session: Any, wanted: Sequence[str], category: str | None, fresh: bool = False
) -> dict[str, Policy]:
    require_category(session, category)
    cache = policy_cache(session)
    began, held = time.monotonic(), cache.listing(category)
    named: dict[str, Policy] = cache.named(category)
    found: dict[str, Policy] = {}
    stale: dict[str, str] = {}
    for one in wanted:
        known = named.get(one)
        id_ = known.id if known is not None else one
        kept = None if fresh else cache.get(id_)
        if kept is not None and one in (kept.name, id_):
            found[one] = kept
        elif known is not None or _is_id(one):
            stale[one] = id_
    ids = list(dict.fromkeys(stale.values()))
    read = {one.id: one for one in (_read(session, ids) if fresh else _policies(session, ids))}
    for one, id_ in stale.items():
        # By its name only if it still has that.
        if id_ in read and one in (read[id_].name, id_):
            found[one] = read[id_]
    missing = [one for one in wanted if one not in found]
    while missing:
        held = _newer_listing(session, category, held)
        asked_now = held.asked >= began
        if asked_now or not fresh:
            named = by_name(_policies(session, held.ids))
            found.update((one, named[one]) for one in missing if one in named)
            missing = [one for one in missing if one not in found]
        if missing and asked_now:
            raise errors.policy_not_found(missing)
    return {one: found[one] for one in wanted}


def _is_id(text: str) -> bool:
    parts = text.split('-')
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(
        character in '0123456789abcdefABCDEF' for part in parts for character in part
    )


def policies_by_id(session: Any, ids: Iterable[Any]) -> dict[str, Policy]:
    """Policies by their ids; what the server does not know is left out.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param ids: as text or ``PbmProfileId``
    """
    wanted = list(dict.fromkeys(_calls.policy_id(one) for one in ids))
    return {one.id: one for one in _policies(session, wanted)}


def require_category(session: Any, category: str | None) -> None:
    """See that a server knows policies of a category.

    :raises PbmNotSupportedException: it is too old
    """
    if category == DATA_SERVICE_POLICY:
        what = _('A policy of the category %s') % category
        _calls.require_server(session, what, (6, 5))


def unknown_of(session: Any, ids: Iterable[str]) -> list[str]:
    """Those of some ids that the server does not know; it is asked now."""
    wanted = list(dict.fromkeys(ids))
    known = {one.id for one in _read(session, wanted)}
    return [one for one in wanted if one not in known]


def about_something_else(session: Any, fault: errors.PolicyNotFoundException) -> bool:
    """Whether what was not found is not the policies of a call, but what else it is about."""
    names = [exceptions.local_name(name) for name in fault.fault_list]
    return names == ['PbmFaultNotFound'] and not unknown_of(session, fault.ids)


def _policies(session: Any, ids: Sequence[str]) -> list[Policy]:
    """Policies of ids, in their order; only what is not kept is read."""
    cache = policy_cache(session)
    held: dict[str, Policy | None] = {one: cache.get(one) for one in ids}
    wanted = tuple(id_ for id_ in ids if held[id_] is None)

    def read() -> list[Policy]:
        # Others may have read some of them just now.
        kept = [one for one in map(cache.get, wanted) if one is not None]
        known = {one.id for one in kept}
        return kept + _read(session, [id_ for id_ in wanted if id_ not in known])

    found = {one.id: one for one in cache.share(('policies', wanted), read)} if wanted else {}
    policies = (held[id_] or found.get(id_) for id_ in ids)
    return [policy for policy in policies if policy is not None]


def _newer_listing(session: Any, category: str | None, than: Listing | None) -> Listing:
    """The ids of a category's policies, asked for later than those that somebody knows."""

    def ask() -> Listing:
        kept = policy_cache(session).listing(category)
        return _query(session, category) if kept is None or kept is than else kept

    return policy_cache(session).share(('listing', category), ask)


def listing(session: Any, category: str | None, since: float | None = None) -> Listing:
    """The ids of a category's policies, asked for now or at a time.

    :param since: by the monotonic clock
    """
    kept = policy_cache(session).listing(category)
    if kept is not None and since is not None and kept.asked >= since:
        return kept
    return _query(session, category)


def listing_if_allowed(
    session: Any, category: str | None, since: float | None = None
) -> Listing | None:
    """The same; None for an account that may not see policies."""
    try:
        return listing(session, category, since)
    except errors.PbmNoPermissionException:
        return None


def _query(session: Any, category: str | None) -> Listing:
    """The ids of a category's policies, from the server."""
    connection = _calls.Connection(session)
    mark = policy_cache(session).state
    arguments = {'resourceType': connection.create('PbmProfileResourceType', resourceType=STORAGE)}
    if category is not None:
        arguments['profileCategory'] = category
    reply = _calls.as_list(connection.call(_calls.PROFILES, 'PbmQueryProfile', **arguments))
    ids = tuple(str(one.uniqueId) for one in reply)
    policy_cache(session).keep_listing(mark, category, ids)
    return Listing(mark.asked, ids)


def _read(session: Any, ids: Sequence[str]) -> list[Policy]:
    """Read policies from the server; unknown ids are left out.

    One unknown id makes the server refuse the whole block. The block is then halved, so that one
    among thousands costs some twenty calls instead of thousands.
    """
    if not ids:
        return []
    connection = _calls.Connection(session)
    mark = policy_cache(session).state
    found = [
        Policy.from_wire(raw)
        for block in _calls.blocks(ids)
        for raw in _contents(connection, block)
    ]
    cache = policy_cache(session)
    cache.keep(mark, found)
    known = {one.id for one in found}
    if gone := [id_ for id_ in ids if id_ not in known]:
        cache.forget_gone(gone)
    return found


def _contents(connection: _calls.Connection, ids: Sequence[str]) -> list[Any]:
    try:
        return _calls.as_list(
            connection.call(
                _calls.PROFILES,
                'PbmRetrieveContent',
                profileIds=[connection.profile_id(one) for one in ids],
            )
        )
    except exceptions.VimFaultException as fault:
        names = [exceptions.local_name(name) for name in fault.fault_list]
        if names not in (['InvalidArgument'], ['PbmFaultNotFound']):
            raise
    if len(ids) == 1:
        return []
    half = len(ids) // 2
    return _contents(connection, ids[:half]) + _contents(connection, ids[half:])
