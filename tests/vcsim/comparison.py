"""What the library made of a reply, against what VMware's own SDK made of the same.

Their objects differ by design where the server sent nothing, and there alone:

- an element without content is None in the library where a text or number is due, ``''`` where
  an object is; the SDK has an empty text, or an object without members;
- a member that was not sent is no attribute in the library; the SDK has None, an empty list, or
  invents False, 0 or ``''`` if the member is a required one.
"""

import datetime
from collections.abc import Iterator
from typing import Any

from pyVmomi import VmomiSupport

#: Clients round the nanoseconds that Go sends differently.
_ONE_TICK = datetime.timedelta(microseconds=1)


def reference(moref: Any) -> tuple[str, str]:
    """Type and id of a reference, of the library's or of the SDK's."""
    if isinstance(moref, VmomiSupport.ManagedObject):
        return moref._wsdlName, moref._moId
    return str(moref._type), str(moref.value)


def differences(found: Any, expected: Any, where: str = '') -> Iterator[str]:
    """Where two values differ, in words.

    :param found: the library's
    :param expected: the SDK's
    :param where: path of the value
    """
    if isinstance(expected, VmomiSupport.ManagedObject):
        if reference(found) != reference(expected):
            yield f'{where}: {reference(found)} is not {reference(expected)}'
    elif isinstance(expected, VmomiSupport.DataObject):
        yield from _of_objects(found, expected, where)
    elif isinstance(expected, list):
        yield from _of_lists(found, expected, where)
    elif isinstance(expected, datetime.datetime):
        if found.tzinfo is None or abs(found - expected) > _ONE_TICK:
            yield f'{where}: {found!r} is not {expected!r}'
    elif isinstance(expected, type):
        # A name of a type, which the SDK looks up.
        if found != expected._wsdlName:  # type: ignore[attr-defined]
            yield f'{where}: {found!r} is not {expected!r}'
    elif not (found == expected or (found is None and expected == '')) or (
        isinstance(found, bool) != isinstance(expected, bool)
    ):
        yield f'{where}: {found!r} is not {expected!r}'


def _of_lists(found: Any, expected: list[Any], where: str) -> Iterator[str]:
    if found.__class__.__name__.startswith('ArrayOf'):
        (name,) = found.__keylist__
        found = getattr(found, name)
    if not isinstance(found, list) and (found or expected):
        yield f'{where}: {found!r} is no list'
    elif len(found) != len(expected):
        yield f'{where}: {len(found)} items are not {len(expected)}'
    else:
        for number, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from differences(one, other, f'{where}[{number}]')


def _of_objects(found: Any, expected: Any, where: str) -> Iterator[str]:
    keys = list(getattr(found, '__keylist__', ()))
    if found != '' and found.__class__.__name__ != expected._wsdlName:
        yield f'{where}: {found.__class__.__name__} is not {expected._wsdlName}'
    for member in expected._GetPropertyList():
        path = f'{where}.{member.name}'
        value = getattr(expected, member.name)
        if member.name in keys:
            keys.remove(member.name)
            yield from differences(getattr(found, member.name), value, path)
        elif value not in (None, []) and (value or member.flags & VmomiSupport.F_OPTIONAL):
            yield f'{path}: missing, not {value!r}'
    for key in keys:
        yield f'{where}.{key}: unknown to the SDK'
