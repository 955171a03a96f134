"""Where two decoded values differ."""

import datetime
import decimal
from collections.abc import Iterator
from typing import Any

import suds
from suds import sudsobject

from oslo_vmware.soap.errors import NotSoapError


def differences(ours: Any, theirs: Any, path: str = '') -> Iterator[str]:
    """Each place where a value of ours is not what suds has there.

    Compared are classes, members and their order, lists, and leaves by type and value; suds'
    own text class counts as the ``str`` that it is.
    """
    if isinstance(theirs, suds.WebFault):
        if not isinstance(ours, suds.WebFault):
            yield f'{path}: {ours!r} instead of a fault'
            return
        yield from differences(ours.fault, theirs.fault, f'{path}.fault')
        for where in ('/detail', '/Envelope/Body/Fault/detail'):
            detail = theirs.document.childAtPath(where)
            if detail is not None and ours.document.childAtPath(where).str() != detail.str():
                yield f'{path}: the document at {where}'
        return
    if isinstance(theirs, NotSoapError):
        if not isinstance(ours, NotSoapError):
            yield f'{path}: {ours!r} instead of {theirs!r}'
    elif isinstance(theirs, sudsobject.Object):
        yield from _object_differences(ours, theirs, path)
    elif isinstance(theirs, list):
        if not isinstance(ours, list) or len(ours) != len(theirs):
            yield f'{path}: {ours!r} instead of {theirs!r}'
            return
        for number, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(mine, other, f'{path}[{number}]')
    elif _leaf(ours) != _leaf(theirs):
        yield f'{path}: {ours!r} instead of {theirs!r} ({type(ours)}, {type(theirs)})'


def _object_differences(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    if not isinstance(ours, sudsobject.Object):
        yield f'{path}: {ours!r} instead of {theirs!r}'
        return
    mine, other = ours.__class__, theirs.__class__
    if mine.__name__ != other.__name__:
        yield f'{path}: class {mine.__name__} instead of {other.__name__}'
    if isinstance(ours, sudsobject.Property) != isinstance(theirs, sudsobject.Property):
        yield f'{path}: one of the two is a Property'
    names = list(theirs.__keylist__)
    if list(ours.__keylist__) != names:
        yield f'{path}: members {ours.__keylist__} instead of {names}'
        return
    # Of an object that has a member named keys, dict() can be made in neither engine.
    as_dict = names if 'keys' in names else list(dict(ours))
    if [name for name, _ in ours] != names or as_dict != names or len(ours) != len(theirs):
        yield f'{path}: iteration'
    for name in names:
        yield from differences(getattr(ours, name), getattr(theirs, name), f'{path}.{name}')


def _leaf(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        return str, str(value)
    if isinstance(value, float):
        return float, repr(value)
    if isinstance(value, datetime.datetime):
        return datetime.datetime, value.replace(tzinfo=None), value.utcoffset()
    if isinstance(value, decimal.Decimal):
        return decimal.Decimal, str(value)
    return type(value), value
