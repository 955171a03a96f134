"""Reading a property by its path.

``config.hardware.device[4000].backing`` goes from a managed object's property down into data
objects; ``[4000]`` or ``["key"]`` picks the element of an array by its ``key`` member. Where the
way ends early because something is unset, so is the value. A path that names something no object
of the type can have is an ``InvalidProperty`` fault; a path may go through a member that only a
derived type has, as ``backing.fileName`` does.
"""

import functools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from oslo_vmware.simulator.world import metamodel
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref
from oslo_vmware.simulator.world.metamodel import PropertyType
from oslo_vmware.simulator.world.registry import ManagedObject
from oslo_vmware.soap.schema import Kind, Schema, split

_STEP = re.compile(r'(?:^|\.)([A-Za-z_][A-Za-z0-9_]*)((?:\[(?:[^"\]]*|"[^"]*")\])?)')


class Step(NamedTuple):
    """One step of a path: a member, and the key of one of its elements."""

    name: str
    key: str | None


class Found(NamedTuple):
    """What stands at the end of a path; the value is None where nothing is set."""

    value: Any
    type: PropertyType


@functools.lru_cache(maxsize=4096)
def parse(path: str) -> tuple[Step, ...] | None:
    """The steps of a path, None when it is not one."""
    if path.startswith('.'):
        return None
    steps = []
    end = 0
    for match in _STEP.finditer(path):
        if match.start() != end:
            return None
        end = match.end()
        key = match.group(2)[1:-1] if match.group(2) else None
        if key is not None and key.startswith('"'):
            key = key[1:-1]
        steps.append(Step(match.group(1), key))
    return tuple(steps) if steps and end == len(path) else None


def read_property(obj: ManagedObject, name: str) -> Any:
    """A property of a managed object, None when it is unset."""
    try:
        return getattr(obj, name)
    except AttributeError as error:
        # A mistake inside a computed property must not pass for an unset one.
        if error.obj is not obj or error.name != name:
            raise
        return None


class PathReader:
    """Reads properties by path.

    :param schema: types of the data objects
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._declarations: dict[tuple[str, str], tuple[PropertyType, ...]] = {}

    def read(self, obj: ManagedObject, path: str) -> Found:
        """What a path leads to.

        :raises Fault: InvalidProperty, or whatever the property itself raises
        """
        steps = parse(path)
        if steps is None:
            raise invalid_property(path)
        declared = metamodel.property_type(obj.wire_type, steps[0].name)
        if declared is None:
            raise invalid_property(path)
        found = Found(read_property(obj, steps[0].name), declared)
        if steps[0].key is not None:
            found = self._element(found, steps[0].key, path)
        for step in steps[1:]:
            if found.value is None:
                self.check(obj.wire_type, path)
                return found
            found = self._member(found, step.name, path)
            if step.key is not None:
                found = self._element(found, step.key, path)
        return found

    def check(self, wire_type: str, path: str) -> None:
        """Refuse a path that no object of a managed object type can have.

        :raises Fault: InvalidProperty
        """
        steps = parse(path)
        first = metamodel.property_type(wire_type, steps[0].name) if steps else None
        if steps is None or first is None:
            raise invalid_property(path)
        # Derived types may declare members of one name with different types.
        kinds = {first}
        for number, (name, key) in enumerate(steps):
            if number > 0:
                kinds = {
                    member
                    for kind in kinds
                    if not kind.many
                    for member in self._declared(kind.name, name)
                }
            if key is not None:
                kinds = {PropertyType(kind.name, many=False) for kind in kinds if kind.many}
            if not kinds:
                raise invalid_property(path)

    def _element(self, found: Found, key: str, path: str) -> Found:
        if not found.type.many:
            raise invalid_property(path)
        item = PropertyType(found.type.name, many=False)
        for element in found.value or ():
            if _key_of(element) == key:
                return Found(element, item)
        return Found(None, item)

    def _member(self, found: Found, name: str, path: str) -> Found:
        if found.type.many:
            raise invalid_property(path)
        value = found.value
        if isinstance(value, DataObject):
            tag = self._schema.lookup(value.wire_type)
            field = None if tag is None else self._schema.type(tag).by_name.get(name)
            if field is not None:
                type_ = PropertyType(split(field.type)[1], field.many)
                return Found(value.__dict__.get(name), type_)
        unset = self._declared(found.type.name, name)
        if not unset:
            raise invalid_property(path)
        return Found(None, unset[0])

    def _declared(self, owner: str, name: str) -> tuple[PropertyType, ...]:
        """The types of a member that a data object type or any derived from it declares."""
        key = (owner, name)
        if key not in self._declarations:
            self._declarations[key] = tuple(dict.fromkeys(self._search(owner, name)))
        return self._declarations[key]

    def _search(self, owner: str, name: str) -> Iterator[PropertyType]:
        base = self._schema.lookup(owner)
        if base is None or self._schema.type(base).kind not in (Kind.COMPLEX, Kind.ANY):
            return
        # What a type declares is the same in all that derive from it.
        inherited = name in self._schema.type(base).by_name
        for tag in (base,) if inherited else self._schema.type_names():
            if self._schema.derives(tag, base):
                field = self._schema.type(tag).by_name.get(name)
                if field is not None:
                    yield PropertyType(split(field.type)[1], field.many)


def _key_of(element: Any) -> str | None:
    """What an element of an array is called in a path."""
    if isinstance(element, ManagedObject):
        return element.ref.value
    if isinstance(element, Ref):
        return element.value
    key = element.key if isinstance(element, DataObject) else None
    return None if key is None else str(key)


def invalid_property(path: str) -> Fault:
    """The fault that names a path which leads nowhere."""
    return Fault('InvalidProperty', f'The property {path} is not known.', name=path)
