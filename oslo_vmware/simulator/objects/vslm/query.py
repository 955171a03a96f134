"""Which first class disks a query of VSLM finds."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Iterable
from typing import Any

from oslo_vmware.simulator.objects.vslm.catalog import MIB, FirstClassDisk
from oslo_vmware.simulator.world.data import DataObject, invalid_argument

_VALUES: dict[str, Callable[[FirstClassDisk], list[Any]]] = {
    'id': lambda disk: [disk.id],
    'name': lambda disk: [disk.name],
    'capacity': lambda disk: [disk.size // MIB],
    'createTime': lambda disk: [disk.created],
    'backingObjectId': lambda disk: [],
    'datastoreMoId': lambda disk: [disk.place.ref.value],
    'metadataKey': lambda disk: list(disk.metadata),
    'metadataValue': lambda disk: list(disk.metadata.values()),
}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    'equals': operator.eq,
    'notEquals': operator.ne,
    'lessThan': operator.lt,
    'greaterThan': operator.gt,
    'lessThanOrEqual': operator.le,
    'greaterThanOrEqual': operator.ge,
    'contains': operator.contains,
    'startsWith': lambda value, text: value.startswith(text),
    'endsWith': lambda value, text: value.endswith(text),
}
# What is no text, and how it is read from the text of a query.
_KINDS: dict[str, Callable[[str], Any]] = {
    'capacity': int,
    'createTime': datetime.datetime.fromisoformat,
}
_OF_TEXT = ('contains', 'startsWith', 'endsWith')


def found_by(disk: FirstClassDisk, query: Iterable[DataObject]) -> bool:
    """Whether a disk satisfies all parts of a query.

    :param query: VslmVsoVStorageObjectQuerySpec objects
    :raises Fault: InvalidArgument
    """
    return all(_satisfies(disk, part) for part in query)


def _satisfies(disk: FirstClassDisk, part: DataObject) -> bool:
    if part.queryField not in _VALUES or part.queryOperator not in _OPERATORS:
        raise invalid_argument('query')
    compare, wanted = _OPERATORS[part.queryOperator], part.queryValue or []
    kind = _KINDS.get(part.queryField)
    if kind is not None and part.queryOperator in _OF_TEXT:
        raise invalid_argument('query')
    try:
        values = [kind(one) if kind is not None else one for one in wanted]
        return any(compare(own, one) for own in _VALUES[part.queryField](disk) for one in values)
    except (TypeError, ValueError):
        raise invalid_argument('query') from None
