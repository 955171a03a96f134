"""What callers may give in the place of a list."""

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
