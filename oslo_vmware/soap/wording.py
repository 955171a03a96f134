"""What a description says, in words for people: types, signatures, and the name that was meant.

For ``help()``, editors and messages only; nothing that is sent or read goes by it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from oslo_vmware.soap.schema import Field, Kind, is_float, is_integer, split

if TYPE_CHECKING:
    import inspect

_BUILTINS = {'boolean': 'bool', 'dateTime': 'datetime'}


def type_of(field: Field) -> str:
    """The Python type of a member, as in ``list[VirtualDevice]``; of an enumeration its name."""
    if field.kind is Kind.ANY:
        name = 'Any'
    elif field.kind is Kind.BUILTIN:
        name = _builtin(field.builtin)
    else:
        name = split(field.type)[1]
    return f'list[{name}]' if field.many else name


def _builtin(name: str) -> str:
    if is_integer(name):
        return 'int'
    if is_float(name):
        return 'float'
    return _BUILTINS.get(name, 'str')


def keyword(field: Field) -> 'inspect.Parameter | None':
    """A member or an argument as a parameter of Python; None of one that Python has a word for."""
    # Imported here, as below, because it is for people only.
    import inspect
    from keyword import iskeyword

    if iskeyword(field.name):
        return None
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None if field.optional else inspect.Parameter.empty,
        annotation=f'{type_of(field)} | None' if field.optional else type_of(field),
    )


def said(fields: Iterable[Field]) -> list[str]:
    """Members or arguments as lines of a docstring."""
    return [
        f':param {field.name}: {type_of(field)}{", optional" if field.optional else ""}'
        for field in fields
    ]


def nearest(name: str, names: Iterable[str]) -> str:
    """The name that was meant, in words to put behind a message; '' when none is near.

    :param name: one that there is not
    :param names: those that there are
    """
    from difflib import get_close_matches

    known = {one.lower(): one for one in names}
    found = get_close_matches(name.lower(), known, n=1)
    return f'; did you mean {known[found[0]]!r}?' if found else ''
