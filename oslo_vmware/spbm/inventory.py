"""What VIM's inventory tells of datastores, datastore clusters and hosts.

One object that the account may not read, or that is not there any more, makes the server refuse a
reading of thousands. It is then read without, and why that one could not be read is told beside
what could.

What is read for the same places again and again, for one policy after the other, is kept for some
seconds (:func:`recent`); what could not be read is not.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from oslo_vmware import exceptions, vim_util
from oslo_vmware._i18n import _
from oslo_vmware.spbm import _calls
from oslo_vmware.spbm.cache import policy_cache

_POD_PROPERTIES = ['name', 'childEntity']

#: How often objects are read in halves because the server refuses all and does not say which.
#: Beyond that it is not about some of them.
MAX_HALVINGS = 64

Properties = dict[str, Any]

T = TypeVar('T')

#: Why something could not be read, by id.
Unread = dict[str, exceptions.VimException]


@dataclasses.dataclass
class Reading(Generic[T]):
    """What came of reading many objects.

    :ivar found: properties, or what was made of them, by id
    :ivar unread: why there are none, by id
    """

    found: dict[str, T] = dataclasses.field(default_factory=dict)
    unread: Unread = dataclasses.field(default_factory=dict)


def read(
    session: Any, type_: str, places: Iterable[Any], properties: list[str]
) -> Reading[Properties]:
    """Properties of many objects (``RetrievePropertiesEx``, vSphere API 4.1)."""
    reading: Reading[Properties] = Reading()
    ids = list(dict.fromkeys(map(_calls.place_id, places)))
    pending = list(_calls.blocks(ids))[::-1]
    halvings = 0
    while pending:
        part = pending.pop()
        try:
            reading.found.update(_read(session, type_, part, properties))
        except exceptions.VimException as exc:
            if not _is_about_some(exc):
                raise
            named = _named(exc).intersection(part) or set(part[:1] if len(part) == 1 else ())
            if not named:
                # The server does not say which.
                halvings += 1
                if halvings > MAX_HALVINGS:
                    raise
                half = len(part) // 2
                pending += [part[half:], part[:half]]
                continue
            reading.unread.update((id_, exc) for id_ in part if id_ in named)
            if rest := [id_ for id_ in part if id_ not in named]:
                pending.append(rest)
    for id_ in ids:
        if id_ not in reading.found and id_ not in reading.unread:
            reading.unread[id_] = exceptions.VimException(_('The inventory does not show it.'))
    return reading


def recent(
    session: Any,
    type_: str,
    places: Iterable[Any],
    properties: list[str],
    make: Callable[[str, Properties], T],
    *,
    fresh: bool = False,
) -> Reading[T]:
    """As :func:`read`, of what is not known yet or too old.

    :param make: makes what is kept of id and properties; for each type always the same
    :param fresh: read everything anew
    """
    cache = policy_cache(session)
    ids = tuple(dict.fromkeys(map(_calls.place_id, places)))

    def ask() -> Reading[T]:
        mark = policy_cache(session).state
        # Others may have read some of them just now.
        known = {} if fresh else cache.seen(type_, ids)
        reading = read(session, type_, [id_ for id_ in ids if id_ not in known], properties)
        found = {id_: make(id_, held) for id_, held in reading.found.items()}
        policy_cache(session).keep_seen(mark, type_, found)
        return Reading(known | found, reading.unread)

    if fresh or cache.inventory_ttl <= 0:
        return ask()
    known: dict[str, T] = cache.seen(type_, ids)
    if len(known) == len(ids):
        return Reading(known)
    return cache.share((type_, ids), ask)


def _read(
    session: Any, type_: str, ids: Sequence[str], properties: list[str]
) -> dict[str, Properties]:
    answer = session.invoke_api(
        vim_util,
        'get_properties_for_a_collection_of_objects',
        session.vim,
        type_,
        [vim_util.get_moref(id_, type_) for id_ in ids],
        properties,
    )
    with vim_util.WithRetrieval(session.vim, answer) as contents:
        return {
            content.obj.value: vim_util.propset_dict(_calls.get(content, 'propSet'))
            for content in contents
        }


def _is_about_some(exc: exceptions.VimException) -> bool:
    """Whether a refusal is about some of the objects, and not about the account or the server."""
    classes = (exceptions.NoPermissionException, exceptions.ManagedObjectNotFoundException)
    names = (exceptions.NO_PERMISSION, exceptions.MANAGED_OBJECT_NOT_FOUND)
    return isinstance(exc, classes) or any(exceptions.find_fault(exc, name) for name in names)


def _named(exc: exceptions.VimException) -> set[str]:
    """The ids of the objects that a refusal is about, as far as it says."""
    details = exc.details or {}
    named = {str(details[name]) for name in ('obj', 'object') if details.get(name)}
    for fault in exc.fault if isinstance(exc.fault, list) else [exc.fault]:
        references = (_calls.get(fault, 'obj'), _calls.get(fault, 'object'))
        named.update(str(one.value) for one in references if hasattr(one, 'value'))
    return named


def machines(session: Any) -> list[Any]:
    """References of all machines that the account sees."""
    answer = session.invoke_api(
        vim_util, 'get_objects', session.vim, 'VirtualMachine', _calls.BLOCK, ['name']
    )
    with vim_util.WithRetrieval(session.vim, answer) as contents:
        return [content.obj for content in contents]


def names_of(session: Any, places: Sequence[Any]) -> dict[str, str]:
    """Names of datastores and datastore clusters, by id; of those that can be read."""
    names: dict[str, str] = {}
    for type_ in ('Datastore', 'StoragePod'):
        some = [place for place in places if _calls.place_type(place) == type_]
        if some:
            found = read(session, type_, some, ['name']).found
            names.update((id_, str(held.get('name', id_))) for id_, held in found.items())
    return names


@dataclasses.dataclass(frozen=True)
class Pod:
    """A datastore cluster.

    :ivar name: its name
    :ivar members: ids of its datastores
    """

    name: str
    members: tuple[str, ...]


@dataclasses.dataclass
class Pods:
    """Datastore clusters.

    :ivar found: by id
    :ivar unread: why there are none, by id
    """

    found: dict[str, Pod] = dataclasses.field(default_factory=dict)
    unread: Unread = dataclasses.field(default_factory=dict)

    def members(self) -> Iterator[str]:
        """Ids of the datastores in all of them."""
        for pod in self.found.values():
            yield from pod.members


def pods_of(session: Any, places: Iterable[Any], *, fresh: bool = False) -> Pods:
    """The datastore clusters among some references (``StoragePod``, vSphere API 5.0).

    :param fresh: as for :func:`recent`
    """
    pods = [place for place in places if _calls.is_pod(place)]
    reading = recent(session, 'StoragePod', pods, _POD_PROPERTIES, _pod, fresh=fresh)
    return Pods(reading.found, reading.unread)


def _pod(id_: str, held: Properties) -> Pod:
    members = references(held.get('childEntity'))
    return Pod(str(held.get('name', id_)), tuple(str(one.value) for one in members))


def is_gone(exc: exceptions.VimException) -> bool:
    """Whether an object could not be read because there is none."""
    name = exceptions.MANAGED_OBJECT_NOT_FOUND
    return (
        isinstance(exc, exceptions.ManagedObjectNotFoundException)
        or exceptions.find_fault(exc, name) is not None
    )


def why(exc: exceptions.VimException) -> str:
    """What is the matter with an object that could not be read."""
    if is_gone(exc):
        return 'is not there any more'
    privilege = (exc.details or {}).get('privilegeId')
    return 'cannot be read by this account' + (f' ({privilege} is missing)' if privilege else '')


def references(held: Any) -> list[Any]:
    """The references that a property has."""
    # VIM sends an array as an object that holds the list.
    return list(getattr(held, 'ManagedObjectReference', held) or [])
