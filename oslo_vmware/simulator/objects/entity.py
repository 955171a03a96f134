"""What all objects of the inventory tree have in common.

:class:`ManagedEntity` is the vSphere type of that name: the properties that a tree view reads of
every node, names and their rules, rename and destroy.

Operations whose name ends in ``_Task`` do as a vCenter does: arguments that make no sense are
refused at once, whatever depends on the state of things (a name already taken, a machine that
runs) is looked at when the task does its work, and ends up as the task's error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, World, managed
from oslo_vmware.simulator.world.relations import Linked, Many, One

_LONGEST_NAME = 80

# Characters that would break an inventory path, as the server spells them in a name.
_ESCAPES = {'/': '%2f', '\\': '%5c', '%': '%25'}
_UNSAFE = re.compile(r'[/\\]|%(?!2f|5c|25)', re.IGNORECASE)


def wire_name(name: str | None) -> str:
    """A name as the server keeps it: slashes, backslashes and stray percent signs escaped.

    :raises Fault: InvalidName for one that is empty or too long
    """
    if not name or len(name) > _LONGEST_NAME:
        raise Fault('InvalidName', f"The name '{name or ''}' is not valid.", name=name or '')
    return _UNSAFE.sub(lambda found: _ESCAPES[found.group()], name)


@managed('ManagedEntity')
class ManagedEntity(Linked):
    """A node of the inventory tree.

    :cvar id_prefix: what its managed object id begins with
    """

    id_prefix: ClassVar[str] = ''

    parent = One('children')
    # What is below it in the tree, of whatever kind. No property of this name is on the wire:
    # types show it as childEntity, host, resourcePool …
    children = Many('parent')

    name: str
    overallStatus = 'green'
    configStatus = 'green'
    alarmActionsEnabled = True

    permission: list[DataObject] = []
    configIssue: list[DataObject] = []
    recentTask: list[Ref] = []
    triggeredAlarmState: list[DataObject] = []
    disabledMethod: Any = []
    tag: list[DataObject] = []
    # What it has of the fields that clients have invented.
    customValue: list[DataObject] = []

    def __init__(
        self,
        world: World,
        name: str,
        parent: ManagedEntity | None = None,
        *,
        id_prefix: str | None = None,
        **state: Any,
    ) -> None:
        # Everything that properties are derived from is there before the world hears of it.
        super().__init__(world, world.new_id(id_prefix or self.id_prefix), name=name, **state)
        if parent is not None:
            self.parent = parent
        world.witness.created(self)

    def ancestors(self) -> Iterator[ManagedEntity]:
        """Its parent, the parent's parent, and so on to the root folder."""
        above = self.parent
        while above is not None:
            yield above
            above = above.parent

    def descendants(self) -> Iterator[ManagedEntity]:
        """All that is below it in the tree, depth first."""
        for child in self.children:
            yield child
            yield from child.descendants()

    @property
    def declaredAlarmState(self) -> list[DataObject]:
        return self.world.alarms.declared(self)

    @property
    def effectiveRole(self) -> list[int]:
        return self.world.guard.roles(self)

    @property
    def datacenter(self) -> Any:
        """The datacenter it is in, or ``None`` above all datacenters."""
        return next((above for above in self.ancestors() if above.wire_type == 'Datacenter'), None)

    def child(self, name: str) -> Any:
        """The object of a name directly below it, or ``None``."""
        return next((child for child in self.children if child.name == name), None)

    @property
    def value(self) -> list[DataObject]:
        return self.customValue

    @property
    def availableField(self) -> list[DataObject]:
        return [
            field
            for field in self.world.custom_fields
            if field.managedObjectType is None or self.is_a(field.managedObjectType)
        ]

    def set_custom_value(self, field: DataObject, value: str | None) -> None:
        """Set a custom field; None takes it away."""
        others = [one for one in self.customValue if one.key != field.key]
        new = [] if value is None else [types.CustomFieldStringValue(key=field.key, value=value)]
        self.customValue = [*others, *new]
        self.changed('customValue', 'value', 'summary.customValue')

    def setCustomValue(self, call: Call) -> None:
        """Set a custom field by its name."""
        for field in self.availableField:
            if field.name == call.key:
                return self.set_custom_value(field, call.value)
        raise invalid_argument('key')

    def start(self, operation: str, work: Callable[[], Any]) -> Ref:
        """Start a task on this object."""
        ref: Ref = self.world.task_manager.start(self, operation, work)
        return ref

    # Names

    def namesakes(self) -> Iterable[ManagedEntity]:
        """The objects among which its name must be unique: its siblings."""
        return self.parent.children if self.parent is not None else ()

    def check_free(self, name: str, among: Iterable[ManagedEntity]) -> None:
        """Refuse a name that another object has.

        :raises Fault: DuplicateName
        """
        for other in among:
            if other.name == name and other is not self:
                raise Fault(
                    'DuplicateName',
                    f"The name '{name}' already exists.",
                    name=name,
                    object=other.ref,
                )

    def rename(self, name: str | None) -> None:
        new = wire_name(name)
        self.check_free(new, self.namesakes())
        self.update(name=new)

    def Rename_Task(self, call: Call) -> Ref:
        return self.start('Rename_Task', lambda: self.rename(call.newName))

    def Reload(self, call: Call) -> None:
        """Nothing to do: what is shown is what is there."""

    # End of life

    def check_destroy(self) -> None:
        """Refuse to be destroyed, with a fault, where the state of things forbids it."""

    def destroy(self) -> None:
        self.check_destroy()
        self.dispose()

    def Destroy_Task(self, call: Call) -> Ref:
        return self.start('Destroy_Task', self.destroy)
