"""What a session knows of the server's policies, for a short while.

What is kept has the time at which it was asked for, so it is never older than
:attr:`PolicyCache.ttl` seconds. It is forgotten before that when this package changes a policy,
when the server says that it does not know one, and at a login. Threads that want to know the same
at the same time share one call.
"""

import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from oslo_vmware import _pbm_session
from oslo_vmware._flights import Flights

if TYPE_CHECKING:
    from oslo_vmware.spbm.policies import Policy

#: The category of policies that machines and disks can have.
REQUIREMENT = 'REQUIREMENT'

T = TypeVar('T')


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


class PolicyCache:
    """What a session knows of the server's policies, schema, and names of datastores.

    :ivar ttl: seconds for which what was read holds; 0 for none
    """

    def __init__(self, ttl: float = 60.0) -> None:
        self.ttl = ttl
        self._lock = threading.Lock()
        self._flights = Flights()
        self._login: int | None = None
        self._changes = 0
        self._policies: dict[str, tuple[float, Policy]] = {}
        # By category; None for all.
        self._listed: dict[str | None, Listing] = {}
        self._names: dict[str, tuple[float, str]] = {}
        # By vendor and lines of service.
        self._schemas: dict[Any, tuple[float, tuple[Any, ...]]] = {}

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._changes += 1
            self._forget_all()

    def _forget_all(self) -> None:
        self._policies.clear()
        self._listed.clear()
        self._names.clear()
        self._schemas.clear()

    def clear_after_login(self, login: int | None) -> None:
        """Forget everything if there has been a login since.

        An answer that comes after it is kept: it was asked for again in the new session.
        """
        with self._lock:
            if login is not None and (self._login is None or login > self._login):
                self._login = login
                self._forget_all()

    def forget(self, ids: Iterable[str]) -> None:
        """Forget policies that were changed, and which ones there are."""
        with self._lock:
            self._changes += 1
            self._listed.clear()
            for id_ in ids:
                self._policies.pop(id_, None)

    def forget_gone(self, ids: Iterable[str]) -> None:
        """Forget policies that the server may not know any more, and the lists that have them."""
        gone = set(ids)
        with self._lock:
            self._changes += 1
            for id_ in gone:
                self._policies.pop(id_, None)
            for category, listing in list(self._listed.items()):
                if not gone.isdisjoint(listing.ids):
                    del self._listed[category]

    def fresh(self, when: float) -> bool:
        """Whether what was asked for at a time still holds."""
        return time.monotonic() - when < self.ttl

    @property
    def state(self) -> Mark:
        """The mark for what is asked for now; it is not kept if there is a change meanwhile."""
        return Mark(self._changes, time.monotonic())

    def share(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What a question brings that others may be asking already.

        Only who takes an answer that is kept takes one that is on its way; and only one that was
        not asked for before a change.
        """
        return self._flights.join((self._changes, key), ask) if self.ttl > 0 else ask()

    def keep(self, mark: Mark, policies: 'Iterable[Policy]') -> None:
        """Remember policies, unless something changed since they were asked for."""
        with self._lock:
            if mark.changes == self._changes:
                self._policies.update((one.id, (mark.asked, one)) for one in policies)

    def keep_listing(self, mark: Mark, category: str | None, ids: Sequence[str]) -> None:
        """Remember which policies a category has, and forget those of it that are gone."""
        with self._lock:
            if mark.changes != self._changes:
                return
            self._listed[category] = Listing(mark.asked, tuple(ids))
            there = set(ids)
            for id_, (_when, policy) in list(self._policies.items()):
                if id_ not in there and category in (None, policy.category):
                    del self._policies[id_]

    def listing(self, category: str | None) -> Listing | None:
        """The ids of a category, or None if they are not known or that is too old."""
        with self._lock:
            held = self._listed.get(category)
            return held if held is not None and self.fresh(held.asked) else None

    def get(self, id_: str) -> 'Policy | None':
        """A policy by its id, or None if it is not known or too old."""
        with self._lock:
            when, policy = self._policies.get(id_, (0.0, None))
            return policy if policy is not None and self.fresh(when) else None

    def named(self, category: str | None) -> 'dict[str, Policy]':
        """All policies by their names, those too old included."""
        with self._lock:
            held = [one for _, one in self._policies.values()]
        return by_name(one for one in held if category in (None, one.category))

    def names_of(self, places: Iterable[str]) -> dict[str, str]:
        """The names of datastores that are known and not too old, by id."""
        with self._lock:
            held = ((id_, self._names[id_]) for id_ in places if id_ in self._names)
            return {id_: name for id_, (when, name) in held if self.fresh(when)}

    def keep_names(self, mark: Mark, names: Mapping[str, str]) -> None:
        """Remember names of datastores, as :meth:`keep` does policies."""
        with self._lock:
            if mark.changes == self._changes:
                self._names.update((id_, (mark.asked, name)) for id_, name in names.items())

    def schema(self, key: Any) -> tuple[Any, ...] | None:
        """What rules can be about, or None if it is not known or that is too old."""
        with self._lock:
            when, schemas = self._schemas.get(key, (0.0, None))
            return schemas if schemas is not None and self.fresh(when) else None

    def keep_schema(self, mark: Mark, key: Any, schemas: Iterable[Any]) -> None:
        """Remember what rules can be about, as :meth:`keep` does policies."""
        with self._lock:
            if mark.changes == self._changes:
                self._schemas[key] = (mark.asked, tuple(schemas))


def by_name(policies: 'Iterable[Policy]') -> 'dict[str, Policy]':
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
