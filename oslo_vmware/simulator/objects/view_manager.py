"""Views: sets of managed objects that a client keeps on the server.

A container view follows the inventory: whatever of the wanted types is in the container, at any
depth or directly in it. Reading ``view`` walks the tree; the result is kept until something in
the tree changes. Views belong to the session that made them.
"""

from collections.abc import Iterator
from typing import Any

from oslo_vmware.simulator.world import metamodel
from oslo_vmware.simulator.world.data import Fault, Ref, invalid_argument
from oslo_vmware.simulator.world.property_paths import read_property
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed
from oslo_vmware.simulator.world.sessions import Session

# Where the tree goes on, by type; what may be the container of a view.
_CHILDREN = {
    'Folder': ('childEntity',),
    'Datacenter': ('vmFolder', 'hostFolder', 'datastoreFolder', 'networkFolder'),
    'ComputeResource': ('host', 'resourcePool'),
    'ResourcePool': ('resourcePool', 'vm'),
    'HostSystem': ('vm',),
}
_TREE = frozenset(name for names in _CHILDREN.values() for name in names)


def _children(obj: ManagedObject) -> Iterator[ManagedObject]:
    for wire_type in metamodel.ancestors(obj.wire_type):
        for name in _CHILDREN.get(wire_type, ()):
            value = read_property(obj, name)
            for child in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(child, Ref):
                    child = obj.world.objects.get(child.value)
                if child is not None:
                    yield child


class _View(ManagedObject):
    """What all views have.

    :ivar owner: the session that the view belongs to
    """

    owner: Session | None = None

    def DestroyView(self, call: Call) -> None:
        self.destroy()

    def destroy(self) -> None:
        if self.owner is not None:
            self.owner.not_at_end(self.destroy)
        if self.world.objects.get(self.ref.value) is self:
            self.world.remove(self)


@managed('ContainerView')
class ContainerView(_View):
    """The objects of some types in a container."""

    type: list[str]
    container: Ref
    recursive: bool

    def __init__(self, world: World, moid: str, **properties: Any) -> None:
        self._kept: list[Ref] | None = None
        super().__init__(world, moid, **properties)
        world.listen(self._tree_changed)

    @property
    def view(self) -> list[Ref]:
        if self._kept is None:
            self._kept = list(self._walk())
        return self.world.guard.visible(self._kept)

    def destroy(self) -> None:
        self.world.unlisten(self._tree_changed)
        super().destroy()

    def _walk(self) -> Iterator[Ref]:
        container = self.world.objects.get(self.container.value)
        if container is None:
            return
        seen = {container.ref}
        todo = [_children(container)]
        while todo:
            obj = next(todo[-1], None)
            if obj is None:
                todo.pop()
            elif obj.ref not in seen:
                seen.add(obj.ref)
                if not self.type or any(obj.is_a(wanted) for wanted in self.type):
                    yield obj.ref
                if self.recursive:
                    todo.append(_children(obj))

    def _tree_changed(self, obj: ManagedObject, names: tuple[str, ...] | None) -> None:
        if self._kept is None or obj.wire_type in _OUTSIDE:
            return
        if not names or not _TREE.isdisjoint(names):
            self._kept = None
            self.changed('view')


# Objects that come and go without a place in the tree.
_OUTSIDE = frozenset(
    {
        'Alarm',
        'ContainerView',
        'EventHistoryCollector',
        'EventManager',
        'HttpNfcLease',
        'ListView',
        'PropertyCollector',
        'PropertyFilter',
        'ScheduledTask',
        'Task',
        'TaskHistoryCollector',
        'TaskManager',
    }
)


@managed('ListView')
class ListView(_View):
    """Objects as the client lists them; those that are gone drop out."""

    def __init__(self, world: World, moid: str, refs: list[Ref]) -> None:
        self._refs: dict[Ref, None] = {}
        super().__init__(world, moid)
        self._add(refs)

    @property
    def view(self) -> list[Ref]:
        return [ref for ref in self._refs if ref.value in self.world.objects]

    def ModifyListView(self, call: Call) -> list[Ref]:
        for ref in call.remove or ():
            self._refs.pop(ref, None)
        unresolved = self._add(call.add or [])
        self.changed('view')
        return unresolved

    def ResetListView(self, call: Call) -> list[Ref]:
        self._refs.clear()
        unresolved = self._add(call.obj or [])
        self.changed('view')
        return unresolved

    def ResetListViewFromView(self, call: Call) -> None:
        refs = self.world.get(call.view).view  # type: ignore[attr-defined]
        self._refs = dict.fromkeys(refs)
        self.changed('view')

    def _add(self, refs: list[Ref]) -> list[Ref]:
        """Take the objects in; returns those that do not exist."""
        found = [ref for ref in refs if ref.value in self.world.objects]
        self._refs.update(dict.fromkeys(found))
        return [ref for ref in refs if ref.value not in self.world.objects]


@managed('ViewManager')
class ViewManager(ManagedObject):
    """Makes views."""

    def __init__(self, world: World) -> None:
        super().__init__(world, 'ViewManager')
        self.viewList: list[Ref] = []

    def CreateContainerView(self, call: Call) -> ManagedObject:
        container = self.world.get(call.container)
        if not any(
            wire_type in _CHILDREN for wire_type in metamodel.ancestors(container.wire_type)
        ):
            raise invalid_argument('container')
        wanted = call.args.type or []
        if not all(metamodel.exists(wire_type) for wire_type in wanted):
            raise invalid_argument('type')
        return self._made(
            call,
            ContainerView(
                self.world,
                self._moid(call),
                container=container.ref,
                type=wanted,
                recursive=call.recursive,
            ),
        )

    def CreateListView(self, call: Call) -> ManagedObject:
        return self._made(call, ListView(self.world, self._moid(call), call.obj or []))

    def CreateListViewFromView(self, call: Call) -> ManagedObject:
        view = self.world.get(call.view)
        if not isinstance(view, (ContainerView, ListView)):
            raise Fault('InvalidArgument', 'That is not a view.', invalidProperty='view')
        return self._made(call, ListView(self.world, self._moid(call), view.view))

    def _made(self, call: Call, view: _View) -> _View:
        if call.session is not None:
            view.owner = call.session
            call.session.at_end(view.destroy)
        return view

    def _moid(self, call: Call) -> str:
        key = call.session.key if call.session is not None else ''
        return f'session[{key}]{self.world.new_uuid()}'
