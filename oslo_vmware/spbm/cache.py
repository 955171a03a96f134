"""What a session knows of the server's policies, for a short while.

What is kept has the time at which it was asked for, so it is never older than
:attr:`PolicyCache.ttl` seconds. It is forgotten before that when this package changes a policy,
when the server says that it does not know one, and at a login. Threads that want to know the same
at the same time share one call.

What hosts, datastores and datastore clusters are like, for policies that are asked about one after
the other, is kept for the much shorter :attr:`PolicyCache.inventory_ttl`, because it changes by
itself.
"""

import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from oslo_vmware import _pbm_session
from oslo_vmware._flights import Flights
from oslo_vmware._process import PerProcess

#: The category of policies that machines and disks can have.
REQUIREMENT = 'REQUIREMENT'

#: Seconds for which what the inventory tells of hosts, datastores and their clusters holds. vCenter
#: itself takes longer to notice that a host is gone.
INVENTORY_SECONDS = 10.0

T = TypeVar('T')


class Named(Protocol):
    """What has to be known of a policy here; it comes back as it was given."""

    @property
    def id(self) -> str:
        """Its unique id."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def category(self) -> str | None:
        """Such as REQUIREMENT."""


P = TypeVar('P', bound=Named)


class Mark(NamedTuple):
    """When something was asked for.

    :ivar changes: how many changes there had been
    :ivar asked: by the monotonic clock
    """

    changes: int
    asked: float


class Listing(NamedTuple):
    """Which policies a category has.

    :ivar asked: when that was asked for, by the monotonic clock
    :ivar ids: in the order of the server
    """

    asked: float
    ids: tuple[str, ...]


class _Kept:
    """What is kept in one process, and who may touch it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.login: int | None = None
        self.changes = 0
        self.policies: dict[str, tuple[float, Any]] = {}
        #: By category; None for all.
        self.listed: dict[str | None, Listing] = {}
        self.names: dict[str, tuple[float, str]] = {}
        #: By vendor and lines of service.
        self.schemas: dict[Any, tuple[float, tuple[Any, ...]]] = {}
        #: What the inventory tells, by type of the object and by id.
        self.seen: dict[str, dict[str, tuple[float, Any]]] = {}
        #: Operations that the server does not perform, whatever its description says.
        self.lacking: set[str] = set()

    def forget_all(self) -> None:
        self.policies.clear()
        self.listed.clear()
        self.names.clear()
        self.schemas.clear()
        self.seen.clear()
        self.lacking.clear()


class PolicyCache:
    """What a session knows of the server's policies, schema, names of datastores, and inventory.

    A process that is forked off begins without any of it.

    :ivar ttl: seconds for which what was read holds; 0 for none
    :ivar inventory_ttl: the same for what hosts can use (``usable_by``)
    """

    def __init__(self, ttl: float = 60.0, inventory_ttl: float = INVENTORY_SECONDS) -> None:
        self.ttl = ttl
        self.inventory_ttl = inventory_ttl
        self._flights = Flights()
        self._own = PerProcess(_Kept)

    def clear(self) -> None:
        """Forget everything."""
        kept = self._own.get()
        with kept.lock:
            kept.changes += 1
            kept.forget_all()

    def clear_after_login(self, login: int | None) -> None:
        """Forget everything if there has been a login since.

        An answer that comes after it is kept: it was asked for again in the new session.
        """
        kept = self._own.get()
        with kept.lock:
            if login is not None and (kept.login is None or login > kept.login):
                kept.login = login
                kept.forget_all()

    def forget(self, ids: Iterable[str]) -> None:
        """Forget policies that were changed, and which ones there are."""
        kept = self._own.get()
        with kept.lock:
            kept.changes += 1
            kept.listed.clear()
            for id_ in ids:
                kept.policies.pop(id_, None)

    def forget_gone(self, ids: Iterable[str]) -> None:
        """Forget policies that the server may not know any more, and the lists that have them."""
        gone, kept = set(ids), self._own.get()
        with kept.lock:
            listed = [
                category
                for category, listing in kept.listed.items()
                if not gone.isdisjoint(listing.ids)
            ]
            known = gone & kept.policies.keys()
            # Who asks again and again for what was never there keeps nobody from remembering.
            kept.changes += bool(listed or known)
            for category in listed:
                del kept.listed[category]
            for id_ in known:
                del kept.policies[id_]

    def fresh(self, when: float) -> bool:
        """Whether what was asked for at a time still holds."""
        return time.monotonic() - when < self.ttl

    @property
    def state(self) -> Mark:
        """The mark for what is asked for now; it is not kept if there is a change meanwhile."""
        kept = self._own.get()
        return Mark(kept.changes, time.monotonic())

    def share(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What a question brings that others may be asking already.

        Only who takes an answer that is kept takes one that is on its way; and only one that was
        not asked for before a change.
        """
        kept = self._own.get()
        return self._flights.join((kept.changes, key), ask) if self.ttl > 0 else ask()

    def keep(self, mark: Mark, policies: Iterable[Named]) -> None:
        """Remember policies, unless something changed since they were asked for."""
        kept = self._own.get()
        with kept.lock:
            if mark.changes == kept.changes:
                kept.policies.update((one.id, (mark.asked, one)) for one in policies)

    def keep_listing(self, mark: Mark, category: str | None, ids: Sequence[str]) -> None:
        """Remember which policies a category has, and forget those of it that are gone."""
        kept = self._own.get()
        with kept.lock:
            if mark.changes != kept.changes:
                return
            kept.listed[category] = Listing(mark.asked, tuple(ids))
            there = set(ids)
            for id_, (_when, policy) in list(kept.policies.items()):
                if id_ not in there and category in (None, policy.category):
                    del kept.policies[id_]

    def listing(self, category: str | None) -> Listing | None:
        """The ids of a category, or None if they are not known or that is too old."""
        kept = self._own.get()
        with kept.lock:
            held = kept.listed.get(category)
            return held if held is not None and self.fresh(held.asked) else None

    def get(self, id_: str) -> Any:
        """A policy by its id, or None if it is not known or too old."""
        kept = self._own.get()
        with kept.lock:
            when, policy = kept.policies.get(id_, (0.0, None))
            return policy if policy is not None and self.fresh(when) else None

    def named(self, category: str | None) -> dict[str, Any]:
        """All policies by their names, those too old included."""
        kept = self._own.get()
        with kept.lock:
            held = [one for _, one in kept.policies.values()]
        return by_name(one for one in held if category in (None, one.category))

    def names_of(self, places: Iterable[str]) -> dict[str, str]:
        """The names of datastores that are known and not too old, by id."""
        kept = self._own.get()
        with kept.lock:
            held = ((id_, kept.names[id_]) for id_ in places if id_ in kept.names)
            return {id_: name for id_, (when, name) in held if self.fresh(when)}

    def keep_names(self, mark: Mark, names: Mapping[str, str]) -> None:
        """Remember names of datastores, as :meth:`keep` does policies."""
        kept = self._own.get()
        with kept.lock:
            if mark.changes == kept.changes:
                kept.names.update((id_, (mark.asked, name)) for id_, name in names.items())

    def schema(self, key: Any) -> tuple[Any, ...] | None:
        """What rules can be about, or None if it is not known or that is too old."""
        kept = self._own.get()
        with kept.lock:
            when, schemas = kept.schemas.get(key, (0.0, None))
            return schemas if schemas is not None and self.fresh(when) else None

    def keep_schema(self, mark: Mark, key: Any, schemas: Iterable[Any]) -> None:
        """Remember what rules can be about, as :meth:`keep` does policies."""
        kept = self._own.get()
        with kept.lock:
            if mark.changes == kept.changes:
                kept.schemas[key] = (mark.asked, tuple(schemas))

    def seen(self, type_: str, ids: Iterable[str]) -> dict[str, Any]:
        """What is known of objects of a type and not too old, by id."""
        kept, oldest = self._own.get(), time.monotonic() - self.inventory_ttl
        with kept.lock:
            known = kept.seen.get(type_, {})
            held = ((id_, known[id_]) for id_ in ids if id_ in known)
            return {id_: what for id_, (when, what) in held if when > oldest}

    def keep_seen(self, mark: Mark, type_: str, found: Mapping[str, Any]) -> None:
        """Remember what objects of a type are like, as :meth:`keep` does policies."""
        kept, oldest = self._own.get(), time.monotonic() - self.inventory_ttl
        with kept.lock:
            if mark.changes == kept.changes:
                known = kept.seen.get(type_, {})
                kept.seen[type_] = {
                    **{id_: (when, what) for id_, (when, what) in known.items() if when > oldest},
                    **{id_: (mark.asked, what) for id_, what in found.items()},
                }

    def lacks(self, operation: str) -> bool:
        """Whether the server has said, in this login, that it does not perform an operation."""
        return operation in self._own.get().lacking

    def keep_lacking(self, operation: str) -> None:
        """Remember that the server does not perform an operation."""
        self._own.get().lacking.add(operation)


def by_name(policies: Iterable[P]) -> dict[str, P]:
    """Policies by name; of several of one name the first of the category REQUIREMENT."""
    found: dict[str, P] = {}
    for policy in policies:
        held = found.setdefault(policy.name, policy)
        if held.category != REQUIREMENT == policy.category:
            found[policy.name] = policy
    return found


_caches: 'weakref.WeakKeyDictionary[Any, PolicyCache]' = weakref.WeakKeyDictionary()
_caches_lock = PerProcess(threading.Lock)


def policy_cache(session: Any) -> PolicyCache:
    """What a session knows of the server's policies; ``ttl`` and ``clear()`` are for callers.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    """
    with _caches_lock.get():
        cache = _caches.get(session)
        if cache is None:
            cache = _caches[session] = PolicyCache()
    cache.clear_after_login(_pbm_session.login_count(session))
    return cache
