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

    __slots__ = ('_entries',)

    def __init__(self, entries: dict[str, tuple[Any, T]]) -> None:
        self._entries = entries

    def __getitem__(self, key: Any) -> T:
        entry = self.entry(key)
        if entry is None:
            raise KeyError(getattr(key, 'value', key))
        return entry[1]

    def __contains__(self, key: object) -> bool:
        return self.entry(key) is not None

    def __iter__(self) -> Iterator[Any]:
        return (reference for reference, _ in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def items(self) -> ItemsView[Any, T]:
        """Pairs of reference and what belongs to it."""
        return _Items(self)

    def entry(self, key: Any) -> tuple[Any, T] | None:
        """The reference in here of an object, and what belongs to it; None if there is none."""
        if not isinstance(key, str):
            return self._entries.get(str(getattr(key, 'value', '')))
        # The whole text first: an ESXi host calls a datastore by server and path.
        return self._entries.get(key) or self._entries.get(key.partition(':')[2])

    def by_id(self, id_: str) -> tuple[Any, T] | None:
        """The same, of the object that has exactly this id."""
        return self._entries.get(id_)

    def updated(self, there: Mapping[str, tuple[Any, T]], gone: Iterable[str]) -> 'ByReference[T]':
        """Another one that has some other entries, and no longer has some."""
        entries = {**self._entries, **there}
        for id_ in gone:
            del entries[id_]
        return ByReference(entries)

    def ids(self) -> Iterator[str]:
        """The ids of the objects."""
        return iter(self._entries)

    def __repr__(self) -> str:
        some = ', '.join(itertools.islice(self._entries, _IDS_SHOWN))
        more = ', …' if len(self) > _IDS_SHOWN else ''
        return f'<{len(self)} objects: {some}{more}>' if self else '<no objects>'


class _Items(ItemsView[Any, T]):
    _mapping: ByReference[T]

    def __iter__(self) -> Iterator[tuple[Any, T]]:
        return iter(self._mapping._entries.values())


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
