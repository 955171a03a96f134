"""Which objects a PropertyFilterSpec selects, and what it reads of them.

A selection starts at the objects of the object set and goes along traversals: from an object of
the traversal's type through the property that its path names. A selection spec that is nothing
but a name stands for the traversal of that name anywhere in the same object spec, which is how
recursion is said. However many ways lead to an object, it is visited once per traversal and
reported once.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from oslo_vmware.simulator.world import metamodel
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.encoding import as_declared
from oslo_vmware.simulator.world.property_paths import PathReader, read_property
from oslo_vmware.simulator.world.registry import ManagedObject, World

Denial = Callable[[Ref, tuple[str, ...], str], Fault | None]


class Properties(NamedTuple):
    """What was read of one object: path and value, and what may not be read."""

    values: list[tuple[str, Any]]
    missing: list[tuple[str, Fault]]


class Selection:
    """A PropertyFilterSpec, checked.

    :param spec: as the client sent it
    :param denial: tells why a property may not be read
    :raises Fault: the spec names a type, property or selection that there is not
    """

    def __init__(self, world: World, reader: PathReader, denial: Denial, spec: DataObject) -> None:
        self._world = world
        self._reader = reader
        self._denial = denial
        self._property_specs = spec.propSet or []
        self._object_specs = spec.objectSet or []
        self._refuse_missing = spec.reportMissingObjectsInResults is not True
        self._paths: dict[str, tuple[str, ...] | None] = {}
        for property_spec in self._property_specs:
            self._check_properties(property_spec)
        self._traversals = [_traversals(one.selectSet) for one in self._object_specs]
        #: Properties that the traversals go through: when one changes, so may the selection.
        self.through = frozenset(
            traversal.path.partition('.')[0]
            for named in self._traversals
            for traversal in named.all
        )

    @property
    def starts(self) -> list[Ref]:
        """The objects that the selection starts from."""
        return [one.obj for one in self._object_specs]

    @property
    def traverses(self) -> bool:
        """Whether it goes anywhere from there."""
        return bool(self.through)

    # --- objects

    def objects(self) -> list[ManagedObject]:
        """The selected objects of whose type something is asked, each once.

        :raises Fault: ManagedObjectNotFound for an object to start from that is gone
        """
        selected: dict[Ref, ManagedObject] = {}
        for spec, traversals in zip(self._object_specs, self._traversals, strict=True):
            start = self._start(spec.obj)
            if start is None:
                continue
            if not spec.skip:
                selected[start.ref] = start
            if spec.selectSet:
                self._traverse(start, spec.selectSet, traversals, selected)
        return [obj for obj in selected.values() if self.paths(obj.wire_type) is not None]

    def _start(self, ref: Ref) -> ManagedObject | None:
        if self._refuse_missing:
            return self._world.get(ref)
        found = self._world.objects.get(ref.value)
        return found if found is not None and found.is_a(ref.type) else None

    def _traverse(
        self,
        start: ManagedObject,
        select_set: list[DataObject],
        traversals: '_Traversals',
        selected: dict[Ref, ManagedObject],
    ) -> None:
        visited: set[tuple[int, Ref]] = set()
        # Depth first, in the order of the specs and of the property's values.
        todo = [self._steps(start, select_set, traversals)]
        while todo:
            step = next(todo[-1], None)
            if step is None:
                todo.pop()
                continue
            traversal, obj = step
            key = (id(traversal), obj.ref)
            if key in visited:
                continue
            visited.add(key)
            if not traversal.skip:
                selected[obj.ref] = obj
            if traversal.selectSet:
                todo.append(self._steps(obj, traversal.selectSet, traversals))

    def _steps(
        self, obj: ManagedObject, select_set: list[DataObject], traversals: '_Traversals'
    ) -> Iterator[tuple[DataObject, ManagedObject]]:
        """From one object along each traversal that starts at its type."""
        for spec in select_set:
            traversal = traversals.of(spec)
            if not obj.is_a(traversal.type):
                continue
            if self._denial(obj.ref, metamodel.ancestors(obj.wire_type), traversal.path):
                continue
            value = self._follow(obj, traversal.path)
            for target in value if isinstance(value, (list, tuple)) else (value,):
                found = self._resolve(target)
                if found is not None:
                    yield traversal, found

    def _follow(self, obj: ManagedObject, path: str) -> Any:
        if '.' in path or '[' in path:
            return self._reader.read(obj, path).value
        return read_property(obj, path)

    def _resolve(self, target: Any) -> ManagedObject | None:
        if isinstance(target, ManagedObject):
            return target
        return self._world.objects.get(target.value) if isinstance(target, Ref) else None

    # --- properties

    def paths(self, wire_type: str) -> tuple[str, ...] | None:
        """What is to be read of an object of a type; None when it is not asked for at all."""
        if wire_type not in self._paths:
            lineage = metamodel.ancestors(wire_type)
            asked = [one for one in self._property_specs if one.type in lineage]
            paths: dict[str, None] = {}
            for spec in asked:
                wanted = metamodel.properties(wire_type) if spec.all else spec.pathSet or ()
                paths.update(dict.fromkeys(wanted))
            self._paths[wire_type] = tuple(paths) if asked else None
        return self._paths[wire_type]

    def read(self, obj: ManagedObject, paths: Iterable[str] | None = None) -> Properties:
        """Read an object's properties; values have the type that a reply needs."""
        values = []
        missing = []
        lineage = metamodel.ancestors(obj.wire_type)
        for path in self.paths(obj.wire_type) or () if paths is None else paths:
            denied = self._denial(obj.ref, lineage, path)
            if denied is None:
                try:
                    found = self._reader.read(obj, path)
                except Fault as fault:
                    if fault.name == 'InvalidProperty':
                        raise
                    denied = fault
            if denied is not None:
                missing.append((path, denied))
            elif found.value is not None:
                values.append((path, as_declared(found.value, found.type)))
        return Properties(values, missing)

    def _check_properties(self, spec: DataObject) -> None:
        if not metamodel.exists(spec.type):
            raise invalid_argument('specSet.propSet.type')
        for path in spec.pathSet or ():
            self._reader.check(spec.type, path)


class _Traversals:
    """The traversals of one object spec, those of a name and all."""

    def __init__(self, named: dict[str, DataObject], every: list[DataObject]) -> None:
        self._named = named
        self.all = every

    def of(self, spec: DataObject) -> DataObject:
        """The traversal that a selection spec is or names."""
        if spec.wire_type == 'TraversalSpec':
            return spec
        found = self._named.get(spec.name)
        if found is None:
            raise invalid_argument('specSet.objectSet.selectSet.name')
        return found


def _traversals(select_set: list[DataObject] | None) -> _Traversals:
    named: dict[str, DataObject] = {}
    every: list[DataObject] = []
    references: list[DataObject] = []
    todo = list(select_set or ())
    while todo:
        spec = todo.pop()
        if spec.wire_type != 'TraversalSpec':
            references.append(spec)
            continue
        if not metamodel.exists(spec.type):
            raise invalid_argument('specSet.objectSet.selectSet.type')
        name = spec.path.partition('.')[0].partition('[')[0]
        if metamodel.property_type(spec.type, name) is None:
            raise Fault('InvalidProperty', f'{spec.type} has no {spec.path}', name=spec.path)
        every.append(spec)
        if spec.name:
            named[spec.name] = spec
        todo += spec.selectSet or ()
    found = _Traversals(named, every)
    for reference in references:
        found.of(reference)
    return found


def missing_properties(missing: list[tuple[str, Fault]]) -> list[DataObject]:
    """What may not be read, as a reply's missingSet."""
    return [types.MissingProperty(path=path, fault=fault.localized()) for path, fault in missing]
