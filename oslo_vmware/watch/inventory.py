"""What a watch hands out: objects by reference, their values, and what became of them.

Nothing here changes once it is made, so any thread may read it while another one refreshes. A value
that is a data object is the server's, and shared: whoever changes it changes it for all.

References equal only themselves, so what is kept by reference is found by what a reference says:
its id, which on one server no two objects share.
"""

import itertools
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from oslo_vmware import exceptions

T = TypeVar('T')

#: How many ids a representation shows.
_IDS_SHOWN = 3

#: A copy is made when this part of what there is has changed.
_CHANGES_SHARE = 16

_NONE: Mapping[str, Any] = MappingProxyType({})


class Values(Mapping[str, Any]):
    """The values of one object, property path to value.

    A property that is not set on the server is not in it, nor is one that may not be read.

    :ivar missing: property path to the exception that tells why the server did not give it, such
                   as :class:`~oslo_vmware.exceptions.NoPermissionException`
    """

    __slots__ = ('_values', 'missing')

    def __init__(
        self,
        values: dict[str, Any],
        missing: Mapping[str, exceptions.VimException] = _NONE,
    ) -> None:
        self._values = values
        self.missing = missing

    def __getitem__(self, path: str) -> Any:
        try:
            return self._values[path]
        except KeyError:
            if path not in self.missing:
                raise
        raise KeyError(f'{path}: {self.missing[path]}')

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        missing = f', missing: {", ".join(self.missing)}' if self.missing else ''
        return f'Values({self._values!r}{missing})'


class Change(NamedTuple):
    """What became of one object.

    :ivar before: :class:`Values` that were told before
    :ivar after: those there are now
    """

    before: Values
    after: Values

    @property
    def paths(self) -> frozenset[str]:
        """The properties that differ, those included that can no longer, or only now, be read."""
        before, after = self
        paths = {*before, *after, *before.missing, *after.missing}
        return frozenset(
            path
            for path in paths
            if (path in before) != (path in after)
            or (path in before.missing) != (path in after.missing)
            or not same(before.get(path), after.get(path))
        )


class ByReference(Mapping[Any, T], Generic[T]):
    """Something for each of some managed objects.

    Its keys are references, which can be handed to any call. It finds what belongs to an object by
    any reference of it, by its id (``'vm-12'``) and by ``'VirtualMachine:vm-12'``.

    :param entries: by id, the reference and what belongs to it
    """

    __slots__ = ('_changes', '_entries', '_length')

    def __init__(self, entries: dict[str, tuple[Any, T]]) -> None:
        # Shared with those it was made from, and with those that are made from it.
        self._entries = entries
        # What is different from these; None for what is gone.
        self._changes: dict[str, tuple[Any, T] | None] = {}
        self._length = len(entries)

    def __getitem__(self, key: Any) -> T:
        entry = self._entry(key)
        if entry is None:
            raise KeyError(getattr(key, 'value', key))
        return entry[1]

    def __contains__(self, key: object) -> bool:
        return self._entry(key) is not None

    def __iter__(self) -> Iterator[Any]:
        return (reference for reference, _ in self.items())

    def __len__(self) -> int:
        return self._length

    def items(self) -> ItemsView[Any, T]:
        """Pairs of reference and what belongs to it."""
        return _Items(self)

    def _entry(self, key: Any) -> tuple[Any, T] | None:
        if not isinstance(key, str):
            return self.by_id(str(getattr(key, 'value', '')))
        # The whole text first: an ESXi host calls a datastore by server and path.
        return self.by_id(key) or self.by_id(key.partition(':')[2])

    def by_id(self, id_: str) -> tuple[Any, T] | None:
        """The reference in here of the object that has exactly this id, and what belongs to it."""
        if id_ in self._changes:
            return self._changes[id_]
        return self._entries.get(id_)

    def updated(self, there: Mapping[str, tuple[Any, T]], gone: Iterable[str]) -> 'ByReference[T]':
        """Another one that has some other entries, and no longer has some that this one has.

        It costs what has changed, and not what there is: of ten thousand entries a copy costs more
        than the call that tells of ten changes.
        """
        gone = list(gone)
        made = ByReference(self._entries)
        made._changes = {**self._changes, **there, **dict.fromkeys(gone)}
        made._length = self._length - len(gone) + sum(self.by_id(id_) is None for id_ in there)
        if len(made._changes) * _CHANGES_SHARE > made._length:
            return ByReference({entry[0].value: entry for entry in made.items()})
        return made

    def ids(self) -> Iterator[str]:
        """The ids of the objects."""
        return (reference.value for reference in self)

    def __repr__(self) -> str:
        some = ', '.join(itertools.islice(self.ids(), _IDS_SHOWN))
        more = ', …' if len(self) > _IDS_SHOWN else ''
        return f'<{len(self)} objects: {some}{more}>' if self else '<no objects>'


class _Items(ItemsView[Any, T]):
    _mapping: ByReference[T]

    def __iter__(self) -> Iterator[tuple[Any, T]]:
        entries, changes = self._mapping._entries, self._mapping._changes
        if not changes:
            return iter(entries.values())
        now = (changes.get(id_, entry) for id_, entry in entries.items())
        new = (entry for id_, entry in changes.items() if id_ not in entries)
        return (entry for entry in itertools.chain(now, new) if entry is not None)


@dataclass(frozen=True)
class Changes:
    """What is different since one was last told; false if nothing is.

    :ivar added: :class:`ByReference` of the :class:`Values` of objects that are new
    :ivar changed: of the :class:`Change` of objects that were there and have other values
    :ivar removed: of the :class:`Values` that objects had which are gone, or cannot be seen any
                   more
    """

    added: ByReference[Values]
    changed: ByReference[Change]
    removed: ByReference[Values]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same, member by member: data objects equal only themselves."""
    if one is other:
        return True
    if one.__class__.__name__ != other.__class__.__name__:
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    members = getattr(one, '__keylist__', None)
    if members is None:
        return bool(one == other)
    return bool(members == other.__keylist__) and all(
        same(getattr(one, name), getattr(other, name)) for name in members
    )
