"""What a description says, in words for people: types, signatures, and the name that was meant.

For ``help()``, editors and messages only; nothing that is sent or read goes by it.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from oslo_vmware.soap.effects import Effect, effect_of
from oslo_vmware.soap.schema import Field, Kind, Operation, is_float, is_integer, split

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


def signature(operation: Operation | None) -> 'inspect.Signature':
    """How an operation is called; of one that nobody describes, how any is."""
    import inspect

    if operation is None:
        first = inspect.Parameter('managed_object', inspect.Parameter.POSITIONAL_ONLY)
        rest = inspect.Parameter('arguments', inspect.Parameter.VAR_KEYWORD)
        return inspect.Signature([first, rest])
    this, *others = operation.parameters
    parameters = [
        inspect.Parameter(this.name, inspect.Parameter.POSITIONAL_ONLY, annotation=type_of(this)),
        *filter(None, map(keyword, others)),
        inspect.Parameter('skip_op_id', inspect.Parameter.KEYWORD_ONLY, default=False),
    ]
    return inspect.Signature(parameters, return_annotation=_returned(operation))


def _returned(operation: Operation) -> str | None:
    result = operation.result
    if result is None:
        return None
    return f'{type_of(result)} | None' if result.optional and not result.many else type_of(result)


_EFFECTS = {
    Effect.READ: 'It only reads.',
    Effect.CURSOR: 'It reads, and goes on to what comes next.',
    Effect.CONVERGENT: 'It changes something; to do so twice is as good as once.',
    Effect.CHANGE: 'It changes something.',
}


def documentation(name: str, operation: Operation | None) -> str:
    """What an operation takes, gives and raises, as a docstring."""
    if operation is None:
        return f'Perform {name}, of which the description of the service says nothing.'
    this, *others = operation.parameters
    lines = [
        f'Perform {name} ({operation.soap_action}) on a managed object.',
        '',
        _EFFECTS[effect_of(name)],
        '',
        f':param {this.name}: reference of the managed object that it is called on',
        *said(others),
        ':param skip_op_id: send no operation id',
        f':returns: {_said_to_return(operation)}',
    ]
    if operation.faults:
        faults = [split(tag)[1] for tag in operation.faults]
        lines += [':raises VimFaultException: one of the faults', *(f'    {one}' for one in faults)]
    return '\n'.join(lines)


def _said_to_return(operation: Operation) -> str:
    returned = str(_returned(operation))
    if operation.name.endswith('_Task'):
        return f'{returned} of a task; ``session.wait_for_task`` waits for it'
    return returned


def nearest(name: str, names: Iterable[str]) -> str:
    """The name that was meant, in words to put behind a message; '' when none is near.

    :param name: one that there is not
    :param names: those that there are
    """
    from difflib import get_close_matches

    known = {one.lower(): one for one in names}
    found = get_close_matches(name.lower(), known, n=1)
    return f'; did you mean {known[found[0]]!r}?' if found else ''
