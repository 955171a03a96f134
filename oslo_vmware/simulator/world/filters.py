"""Property filters: what has changed since a client last asked.

A filter remembers of every property that it reported a digest of the value as sent. The world
tells it which objects changed; only those are read again, and what differs from the digest is an
update. When a property changes that the filter's traversals go through, or an object appears or
goes, the selection is made anew, and objects enter or leave.
"""

from typing import Any

from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.world.encoding import Encoder
from oslo_vmware.simulator.world.registry import ManagedObject, World
from oslo_vmware.simulator.world.selection import Properties, Selection, missing_properties


class FilterState:
    """What a client knows through one filter, and what it does not know yet.

    :param selection: the filter's selection
    :param encoder: makes the text that digests are taken of
    :param partial: report the changed part of a property where the change says which
    """

    def __init__(self, world: World, selection: Selection, encoder: Encoder, partial: bool) -> None:
        self.selection = selection
        self._world = world
        self._encoder = encoder
        self._partial = partial
        self._known: dict[Ref, dict[str, int]] = {}
        self._dirty: dict[Ref, dict[str, None]] = {}
        self._reselect = True
        world.listen(self._changed)

    def close(self) -> None:
        self._world.unlisten(self._changed)

    def forget(self) -> None:
        """Start over: the client knows nothing."""
        self._known.clear()
        self._reselect = True

    def _changed(self, obj: ManagedObject, names: tuple[str, ...] | None) -> None:
        if not names:
            # It appeared or is gone.
            if self.selection.traverses or obj.ref in self._known:
                self._reselect = True
            return
        if obj.ref in self._known:
            self._dirty.setdefault(obj.ref, {}).update(dict.fromkeys(names))
        if any(name.partition('.')[0] in self.selection.through for name in names):
            self._reselect = True

    def updates(self) -> list[DataObject]:
        """What the client does not know; from now on it does."""
        if not self._reselect and not self._dirty:
            return []
        updates = []
        dirty, self._dirty = self._dirty, {}
        if self._reselect:
            self._reselect = False
            current = {obj.ref: obj for obj in self._current()}
            for ref in [ref for ref in self._known if ref not in current]:
                del self._known[ref]
                updates.append(types.ObjectUpdate(kind='leave', obj=ref))
            for ref, obj in current.items():
                if ref not in self._known:
                    updates.append(self._enter(obj))
        for ref, names in dirty.items():
            changed = self._world.objects.get(ref.value)
            if changed is not None and ref in self._known:
                update = self._modify(changed, tuple(names))
                if update is not None:
                    updates.append(update)
        return updates

    def _current(self) -> list[ManagedObject]:
        try:
            return self.selection.objects()
        except Fault as fault:
            if fault.name != 'ManagedObjectNotFound':
                raise
            # The object it starts from is gone, and all it led to with it.
            return []

    def _enter(self, obj: ManagedObject) -> DataObject:
        read = self.selection.read(obj)
        self._known[obj.ref] = self._digests(read)
        changes = [_assign(path, value) for path, value in read.values]
        return types.ObjectUpdate(
            kind='enter',
            obj=obj.ref,
            changeSet=changes,
            missingSet=missing_properties(read.missing),
        )

    def _modify(self, obj: ManagedObject, names: tuple[str, ...]) -> DataObject | None:
        known = self._known[obj.ref]
        read = self.selection.read(obj)
        digests = self._digests(read)
        values = dict(read.values)
        changes = []
        for path in self.selection.paths(obj.wire_type) or ():
            if digests.get(path) == known.get(path):
                continue
            if path not in values:
                changes.append(types.PropertyChange(name=path, op='remove'))
                continue
            changes += self._parts(obj, path, names) or [_assign(path, values[path])]
        self._known[obj.ref] = digests
        if not changes:
            return None
        return types.ObjectUpdate(
            kind='modify',
            obj=obj.ref,
            changeSet=changes,
            missingSet=missing_properties(read.missing),
        )

    def _parts(self, obj: ManagedObject, path: str, names: tuple[str, ...]) -> list[DataObject]:
        """The changed parts of a property, when only parts of it changed and the client wants
        to hear of parts.
        """
        below = [name for name in names if name.startswith(f'{path}.')]
        if not self._partial or not below or path in names:
            return []
        read = dict(self.selection.read(obj, below).values)
        return [
            _assign(name, read[name])
            if name in read
            else types.PropertyChange(name=name, op='remove')
            for name in below
        ]

    def _digests(self, read: Properties) -> dict[str, int]:
        return {path: hash(self._encoder.any_value('val', value)) for path, value in read.values}


def _assign(path: str, value: Any) -> DataObject:
    return types.PropertyChange(name=path, op='assign', val=value)


class Versions:
    """The updates of one property collector, version by version.

    A version is a number in a string; a client names the one it knows to get the next. Asking
    again for updates whose reply was lost gives the same reply again. Updates beyond the number
    that a client takes at a time wait for the next call.
    """

    def __init__(self) -> None:
        self._number = 0
        self._waiting: list[tuple[Ref, DataObject]] = []
        self._last: tuple[str, DataObject] | None = None

    @property
    def current(self) -> str:
        return str(self._number) if self._number else ''

    def start(self, version: str | None) -> DataObject | None:
        """Begin a call that names the version it knows.

        :returns: the reply that the client lost, if that is what it asks for
        :raises Fault: InvalidCollectorVersion
        """
        version = version or ''
        if version == self.current or not version:
            return None
        if self._last is not None and self._last[0] == version:
            return self._last[1]
        raise Fault('InvalidCollectorVersion', f'The version {version} is not valid.')

    def restart(self) -> None:
        self._waiting.clear()
        self._last = None

    def add(self, filter_ref: Ref, updates: list[DataObject]) -> None:
        self._waiting += [(filter_ref, update) for update in updates]

    def forget_filter(self, filter_ref: Ref) -> None:
        self._waiting = [entry for entry in self._waiting if entry[0] != filter_ref]

    def take(self, at_most: int | None) -> DataObject | None:
        """The next UpdateSet, None when there is nothing to tell."""
        if not self._waiting:
            return None
        taken = self._waiting[:at_most]
        del self._waiting[:at_most]
        by_filter: dict[Ref, list[DataObject]] = {}
        for filter_ref, update in taken:
            by_filter.setdefault(filter_ref, []).append(update)
        known = self.current
        self._number += 1
        update_set = types.UpdateSet(
            version=self.current,
            filterSet=[
                types.PropertyFilterUpdate(filter=filter_ref, objectSet=updates)
                for filter_ref, updates in by_filter.items()
            ],
        )
        if self._waiting:
            update_set.truncated = True
        self._last = (known, update_set)
        return update_set
