"""What callers may give in the place of a list, and what a server does."""

from collections import deque
from collections.abc import MappingView, Set
from typing import Any

#: What has a length and is neither a list nor, like a text, an object of suds and many a mock,
#: something else that can be iterated.
_COLLECTIONS = (Set, MappingView, deque, range)

_SURELY_NONE = (list, tuple, str)


def listed(values: Any) -> Any:
    """Several values as a list, if they are a generator, a set, a view of a dict or the like.

    A list or tuple, a single value and None stay what they are. So does what a factory of a caller
    has made, and it is not looked into: only its class is asked.
    """
    kind = type(values)
    if kind in _SURELY_NONE or not hasattr(kind, '__iter__'):
        return values
    if issubclass(kind, _COLLECTIONS) or not hasattr(kind, '__len__'):
        return list(values)
    return values


#: What the name of a type of array objects begins with; the rest is that of its only member.
_ARRAY_OF = 'ArrayOf'


def as_list(value: Any) -> list[Any]:
    """The values of a property as a list, in whatever form the property came.

    A property with many values that is read by itself, such as ``config.hardware.device``, is an
    array object: an ``ArrayOfVirtualDevice`` with the one member ``VirtualDevice``, which is the
    list. Read as a member of ``config.hardware``, it is a list right away. To iterate over an array
    object gives its members as (name, value), as of any object, and not its items.

    :param value: of a property
    :returns: the list of an array object; a list as it is; ``[]`` for None and for the empty text
              that stands for an array without items; a single value in a list
    """
    if value is None or value == '':
        return []
    if isinstance(value, list | tuple):
        return list(value) if isinstance(value, tuple) else value
    name = value.__class__.__name__
    if not name.startswith(_ARRAY_OF):
        return [value]
    member = name.removeprefix(_ARRAY_OF)
    for one in (member, member[:1].lower() + member[1:]):
        if hasattr(value, one):
            return as_list(getattr(value, one))
    return []
