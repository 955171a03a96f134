"""Links between managed objects that are right from both ends.

A machine knows its host, a host its machines. Both are properties that clients read, so both
are stored; they are set in one place, here, so that they cannot disagree. A link is declared
at each end, naming the attribute at the other::

    class VirtualMachine(...):
        host = One('vm')
    class HostSystem(...):
        vm = Many('host')

``machine.host = other`` then takes the machine off its old host's list, puts it on the new
one's, and tells the property filters of all three. Members of a :class:`Many` are kept in the
order in which they were linked; adding and dropping one costs the same however many there are.

An object that has links is a :class:`Linked`, which also says which properties a link or a piece of
state shows up in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from oslo_vmware.simulator.world.data import Ref, invalid_argument
from oslo_vmware.simulator.world.registry import ManagedObject


class _Link:
    """One end of a link between two objects."""

    def __init__(self, back: str) -> None:
        self.back = back

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def connect(self, here: Linked, there: Linked) -> None:
        """Link two objects; an end that holds one object only lets its old one go."""
        if there in self.members(here):
            return
        far = self._far(there)
        self._make_room(here)
        far._make_room(there)
        self._hold(here, there)
        far._hold(there, here)
        here.touched(self.name)
        there.touched(far.name)

    def disconnect(self, here: Linked, there: Linked) -> None:
        """Take a link away at both ends."""
        far = self._far(there)
        self._drop(here, there)
        far._drop(there, here)
        here.touched(self.name)
        there.touched(far.name)

    def clear(self, here: Linked) -> None:
        for there in list(self.members(here)):
            self.disconnect(here, there)

    def members(self, here: Linked) -> Iterable[Any]:
        raise NotImplementedError

    def _far(self, there: Linked) -> _Link:
        far: _Link = getattr(type(there), self.back)
        return far

    def _make_room(self, here: Linked) -> None:
        raise NotImplementedError

    def _hold(self, here: Linked, there: Linked) -> None:
        raise NotImplementedError

    def _drop(self, here: Linked, there: Linked) -> None:
        raise NotImplementedError


class One(_Link):
    """An end that holds at most one object; reads as that object or ``None``."""

    def __get__(self, here: Linked | None, owner: type | None = None) -> Any:
        return self if here is None else here.__dict__.get(self.name)

    def __set__(self, here: Linked, there: Linked | None) -> None:
        if there is None:
            self.clear(here)
        else:
            self.connect(here, there)

    def members(self, here: Linked) -> tuple[Any, ...]:
        held = here.__dict__.get(self.name)
        return () if held is None else (held,)

    def _make_room(self, here: Linked) -> None:
        self.clear(here)

    def _hold(self, here: Linked, there: Linked) -> None:
        here.__dict__[self.name] = there

    def _drop(self, here: Linked, there: Linked) -> None:
        here.__dict__[self.name] = None
        here.world.witness.changed(here, self.name, there)


class Many(_Link):
    """An end that holds any number of objects; reads as a new list of them."""

    def __get__(self, here: Linked | None, owner: type | None = None) -> Any:
        return self if here is None else list(self.members(here))

    def __set__(self, here: Linked, there: Iterable[Linked]) -> None:
        wanted = list(there)
        for old in list(self.members(here)):
            if old not in wanted:
                self.disconnect(here, old)
        for new in wanted:
            self.connect(here, new)

    def members(self, here: Linked) -> dict[Any, None]:
        # A dict is the ordered set with constant-time removal.
        held: dict[Any, None] = here.__dict__.get(self.name) or {}
        return held

    def _make_room(self, here: Linked) -> None:
        pass

    def _hold(self, here: Linked, there: Linked) -> None:
        here.__dict__.setdefault(self.name, {})[there] = None

    def _drop(self, here: Linked, there: Linked) -> None:
        del here.__dict__[self.name][there]


def links_of(cls: type) -> dict[str, _Link]:
    """The links that a class declares or inherits, by attribute name."""
    return {
        name: link
        for base in reversed(cls.__mro__)
        for name, link in vars(base).items()
        if isinstance(link, _Link)
    }


class Linked(ManagedObject):
    """A managed object with links to others.

    :cvar shown_in: the properties in which a link or an attribute shows up, where these are
        others than the property of its own name
    """

    shown_in: ClassVar[dict[str, tuple[str, ...]]] = {}

    def update(self, **state: Any) -> None:
        """Set state and tell the filters about all properties that show it."""
        for name, value in state.items():
            old = getattr(self, name, None)
            setattr(self, name, value)
            self.world.witness.changed(self, name, old)
        shown = dict.fromkeys(shown for name in state for shown in self.shown_in.get(name, (name,)))
        self.changed(*shown)

    def touched(self, link: str) -> None:
        """A link of this object has changed; called by the link."""
        names = self.shown_in.get(link, (link,))
        if names:
            self.changed(*names)

    def dispose(self) -> None:
        """Cut all links and leave the world."""
        self.world.witness.leaving(self)
        for link in links_of(type(self)).values():
            link.clear(self)
        self.world.remove(self)

    def find(self, ref: Ref, wire_type: str, argument: str) -> Any:
        """The object that an argument refers to.

        :raises Fault: ManagedObjectNotFound, or InvalidArgument for one of another type
        """
        found = self.world.get(ref)
        if not found.is_a(wire_type):
            raise invalid_argument(argument)
        return found
