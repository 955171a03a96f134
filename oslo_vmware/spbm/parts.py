"""Equal parts of one answer, each once.

PBM's answer about 300 datastores says of each of 240 that the same tag is wanted and which it has,
of which there are five, and names the same unit and the same clusters 300 times. Decoded, each of
these is an object with objects in it, and together they are most of what a caller would keep. They
are looked up by what is in them, and the first of those that are equal stands for all.
"""

from collections.abc import Iterable
from typing import Any

from suds import sudsobject

from oslo_vmware.spbm import _calls, values


class Parts:
    """What an answer has been found to have in it so far."""

    def __init__(self) -> None:
        self._first: dict[Any, Any] = {}
        #: Values of properties by the identity of these, which live as long as this does.
        self._values: dict[int, Any] = {}

    def share(self, owner: Any, names: Iterable[str]) -> None:
        """Have the first of those that are equal stand for members of an object."""
        for name in names:
            part = getattr(owner, name, None)
            if part is not None:
                first = self._first.setdefault(_content(part), part)
                if first is not part:
                    setattr(owner, name, first)

    def value(self, instance: Any) -> Any:
        """The value of a property that has been shared, or None without a property."""
        if instance is None:
            return None
        if id(instance) not in self._values:
            self._values[id(instance)] = values.from_wire(_calls.get(instance, 'value'))
        return self._values[id(instance)]


def _content(part: Any) -> Any:
    """What tells whether two parts are equal: their types, too, because 1 is no truth value."""
    if isinstance(part, str):
        return part
    if isinstance(part, sudsobject.Object):
        return part.__class__, *[(name, _content(held)) for name, held in part]
    if isinstance(part, list):
        return list, *map(_content, part)
    return part.__class__, part
