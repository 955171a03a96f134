"""Values of vSphere as plain data for JSON, and as lines for people."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator
from typing import Any

from oslo_vmware.cli.inventory import reference
from oslo_vmware.cli.output import clean
from oslo_vmware.soap.objects import EmptyObject


def plain(value: Any) -> Any:
    """A value from a reply as dicts, lists, texts and numbers.

    A reference becomes ``VirtualMachine:vm-12``, a time its ISO form, bytes base64. A data object
    has its type as ``_type``; what is not set on the server is not there.
    """
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, bool | int | float) or value is None:
        return value
    names = getattr(value, '__keylist__', None)
    if isinstance(value, EmptyObject):
        return [] if value.type_name.startswith('ArrayOf') else {'_type': value.type_name}
    if names is None:
        # Texts of replies are of a class of their own.
        return str(value)
    if hasattr(value, '_type'):
        return reference(value)
    kind = type(value).__name__
    if kind.startswith('ArrayOf'):
        return plain(getattr(value, names[0], [])) if names else []
    return {'_type': kind, **{name: plain(getattr(value, name)) for name in names}}


def lines(data: Any, indent: int = 0) -> Iterator[str]:
    """Plain data for people: a name and a value in each line, deeper ones indented."""
    space = '  ' * indent
    if isinstance(data, dict):
        parts = [(f'{name}:', value) for name, value in data.items() if name != '_type']
    elif isinstance(data, list):
        parts = [(f'[{number}]', value) for number, value in enumerate(data)]
    else:
        yield f'{space}{word(data)}'
        return
    for label, value in parts:
        if isinstance(value, dict | list) and value:
            kind = f' ({value["_type"]})' if isinstance(value, dict) and '_type' in value else ''
            yield f'{space}{label}{kind}'
            yield from lines(value, indent + 1)
        else:
            yield f'{space}{label} {word(value)}'


def word(value: Any) -> str:
    """One value for people, in one line: what it says cannot pass for another property."""
    if value is None:
        return 'not set'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, dict | list):
        return 'none' if not value else clean(str(value))
    return clean(str(value))


def when(time: datetime.datetime | None) -> str:
    """A time for people, in the time zone that is set here."""
    return '' if time is None else time.astimezone().strftime('%Y-%m-%d %H:%M:%S')
