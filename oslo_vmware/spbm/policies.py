"""Storage policies, found by name or id and kept for a short while.

PBM lists ids (``PbmQueryProfile``) and gives the content of ids (``PbmRetrieveContent``); nothing
that it publishes takes a name, or gives names without ids. So the first search for a name costs
two calls, which read all policies, and an id costs one. What came is kept with the session, and
from then on, however many policies there are:

- one that was read less than :attr:`PolicyCache.ttl` seconds ago costs no call;
- one that was read longer ago costs one, for it alone, and is still found by its name;
- before a name is reported as unknown the server is asked which policies there are, one call. If
  there are some that have not been read, or were read too long ago, reading them costs another;
- a change made with this package forgets the policies that it is about, and a login everything.

What others do to a policy that is still kept shows when it is older than ``ttl``, its new name
included; a new policy, or one that is gone, shows at the next search for what is not known.
"""

import dataclasses
import datetime
import threading
import time
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oslo_vmware import _pbm_session, exceptions
from oslo_vmware.spbm import _calls, errors, rules

STORAGE = 'STORAGE'

#: Categories (``PbmCapabilityProfileCategoryEnum``, PBM API 1.0; the last from 6.5 on).
REQUIREMENT = 'REQUIREMENT'
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

        :raises ValueError: a rule's value is of a type that this library does not know
        """
        plain: dict[str, Any] = {'name': self.name}
        if self.description is not None:
            plain['description'] = self.description
        if self.category is not None:
            plain['category'] = self.category
        plain['rule_sets'] = [rule_set.to_dict() for rule_set in self.rule_sets]
        return plain


class PolicyCache:
    """What a session knows of the server's policies, schema, and names of datastores.

    :ivar ttl: seconds for which what was read holds; 0 for none
    """

    def __init__(self, ttl: float = 60.0) -> None:
        self.ttl = ttl
        self._lock = threading.RLock()
        self._login: Any = None
        self._changes = 0
        self._policies: dict[str, tuple[float, Policy]] = {}
        # By category; None for all.
        self._listed: dict[str | None, tuple[float, tuple[str, ...]]] = {}
        self._names: dict[str, tuple[float, str]] = {}
        # By vendor and lines of service.
        self._schemas: dict[Any, tuple[float, tuple[Any, ...]]] = {}

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._changes += 1
            self._policies.clear()
            self._listed.clear()
            self._names.clear()
            self._schemas.clear()

    def clear_after_login(self, login: Any) -> None:
        """Forget everything if there has been a login since."""
        with self._lock:
            if self._login != login:
                self._login = login
                self.clear()

    def forget(self, ids: Iterable[str]) -> None:
        """Forget policies that were changed, and which ones there are."""
        with self._lock:
            self._changes += 1
            self._listed.clear()
            for id_ in ids:
                self._policies.pop(id_, None)

    def fresh(self, when: float) -> bool:
        """Whether what was read at a time still holds."""
        return time.monotonic() - when < self.ttl

    @property
    def state(self) -> int:
        """Differs before and after a change; what was asked for before it is not kept."""
        return self._changes

    def keep(self, state: int, policies: Iterable[Policy]) -> None:
        """Remember policies, unless something changed since :attr:`state` was read."""
        with self._lock:
            if state == self._changes:
                now = time.monotonic()
                self._policies.update((one.id, (now, one)) for one in policies)

    def keep_listing(self, state: int, category: str | None, ids: Sequence[str]) -> None:
        """Remember which policies a category has, and forget those of it that are gone."""
        with self._lock:
            if state != self._changes:
                return
            self._listed[category] = (time.monotonic(), tuple(ids))
            there = set(ids)
            for id_, (_when, policy) in list(self._policies.items()):
                if id_ not in there and category in (None, policy.category):
                    del self._policies[id_]

    def listing(self, category: str | None) -> tuple[str, ...] | None:
        """The ids of a category, or None if they are not known or that is too old."""
        with self._lock:
            when, ids = self._listed.get(category, (0.0, None))
            return ids if ids is not None and self.fresh(when) else None

    def get(self, id_: str) -> Policy | None:
        """A policy by its id, or None if it is not known or too old."""
        with self._lock:
            when, policy = self._policies.get(id_, (0.0, None))
            return policy if policy is not None and self.fresh(when) else None

    def named(self, category: str | None) -> dict[str, Policy]:
        """All policies by their names, those too old included."""
        with self._lock:
            return _by_name(
                one for _, one in self._policies.values() if category in (None, one.category)
            )

    def names_of(self, places: Iterable[str]) -> dict[str, str]:
        """The names of datastores that are known and not too old, by id."""
        with self._lock:
            held = ((id_, self._names[id_]) for id_ in places if id_ in self._names)
            return {id_: name for id_, (when, name) in held if self.fresh(when)}

    def keep_names(self, state: int, names: Mapping[str, str]) -> None:
        """Remember names of datastores, as :meth:`keep` does policies."""
        with self._lock:
            if state == self._changes:
                now = time.monotonic()
                self._names.update((id_, (now, name)) for id_, name in names.items())

    def schema(self, key: Any) -> tuple[Any, ...] | None:
        """What rules can be about, or None if it is not known or that is too old."""
        with self._lock:
            when, schemas = self._schemas.get(key, (0.0, None))
            return schemas if schemas is not None and self.fresh(when) else None

    def keep_schema(self, state: int, key: Any, schemas: Iterable[Any]) -> None:
        """Remember what rules can be about, as :meth:`keep` does policies."""
        with self._lock:
            if state == self._changes:
                self._schemas[key] = (time.monotonic(), tuple(schemas))

    def drop(self, id_: str) -> None:
        """Forget a policy that turned out to be gone."""
        with self._lock:
            self._policies.pop(id_, None)


def _by_name(policies: Iterable[Policy]) -> dict[str, Policy]:
    """Policies by name; of several of one name the first of the category REQUIREMENT."""
    found: dict[str, Policy] = {}
    for policy in policies:
        held = found.setdefault(policy.name, policy)
        if held.category != REQUIREMENT == policy.category:
            found[policy.name] = policy
    return found


_caches: 'weakref.WeakKeyDictionary[Any, PolicyCache]' = weakref.WeakKeyDictionary()
_caches_lock = threading.Lock()


def policy_cache(session: Any) -> PolicyCache:
    """What a session knows of the server's policies; ``ttl`` and ``clear()`` are for callers.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    """
    with _caches_lock:
        cache = _caches.get(session)
        if cache is None:
            cache = _caches[session] = PolicyCache()
    cache.clear_after_login(_pbm_session.login_count(session))
    return cache


def list_policies(session: Any, *, category: str | None = REQUIREMENT) -> list[Policy]:
    """The policies of a category; at most two calls, none for what is kept.

    Uses ``PbmQueryProfile`` and ``PbmRetrieveContent`` (PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param category: ``REQUIREMENT`` for those that machines and disks can have; None for all
    :returns: in the order of the server
    """
    cache = policy_cache(session)
    ids = cache.listing(category)
    return _policies(session, _query(session, category) if ids is None else ids)


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
    cache = policy_cache(session)
    named = cache.named(category)
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
    read = {policy.id: policy for policy in _read(session, list(dict.fromkeys(stale.values())))}
    for one, id_ in stale.items():
        # By its name only if it still has that.
        if id_ in read and one in (read[id_].name, id_):
            found[one] = read[id_]
    missing = [one for one in wanted if one not in found]
    if missing:
        by_name = _by_name(_policies(session, _query(session, category)))
        found.update((one, by_name[one]) for one in missing if one in by_name)
        missing = [one for one in missing if one not in found]
    if missing:
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
    held = {one: cache.get(one) for one in ids}
    read = {one.id: one for one in _read(session, [id_ for id_ in ids if held[id_] is None])}
    found = (held[id_] or read.get(id_) for id_ in ids)
    return [policy for policy in found if policy is not None]


def _query(session: Any, category: str | None) -> list[str]:
    """The ids of a category's policies, from the server."""
    connection = _calls.Connection(session)
    cache = policy_cache(session)
    state = cache.state
    arguments = {'resourceType': connection.create('PbmProfileResourceType', resourceType=STORAGE)}
    if category is not None:
        arguments['profileCategory'] = category
    reply = _calls.as_list(connection.call(_calls.PROFILES, 'PbmQueryProfile', **arguments))
    ids = [str(one.uniqueId) for one in reply]
    cache.keep_listing(state, category, ids)
    return ids


def _read(session: Any, ids: Sequence[str]) -> list[Policy]:
    """Read policies from the server; unknown ids are left out.

    One unknown id makes the server refuse the whole block. The block is then halved, so that one
    among thousands costs some twenty calls instead of thousands.
    """
    if not ids:
        return []
    connection = _calls.Connection(session)
    cache = policy_cache(session)
    state = cache.state
    found = [
        Policy.from_wire(raw)
        for block in _calls.blocks(ids)
        for raw in _contents(connection, block)
    ]
    known = {one.id for one in found}
    for id_ in ids:
        if id_ not in known:
            cache.drop(id_)
    cache.keep(state, found)
    return found


def _contents(connection: _calls.Connection, ids: Sequence[str]) -> list[Any]:
    try:
        return _calls.as_list(
            connection.call(
                _calls.PROFILES,
                'PbmRetrieveContent',
                ids,
                profileIds=[connection.profile_id(one) for one in ids],
            )
        )
    except exceptions.VimFaultException as fault:
        names = [exceptions.local_name(name) for name in fault.fault_list]
        if not isinstance(fault, errors.PolicyNotFoundException) and names != ['InvalidArgument']:
            raise
    if len(ids) == 1:
        return []
    half = len(ids) // 2
    return _contents(connection, ids[:half]) + _contents(connection, ids[half:])
