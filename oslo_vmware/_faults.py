"""What a decoded fault says, in words, and the search of its tree.

A fault is an object with members; some are lists and objects themselves. Callers have always read
``details``, a flat dict of texts, so whatever is in a member is told there in words: references by
their ids, ``faultMessage`` by the messages in it, ``faultCause`` by the chain of causes. The tree
itself stays on the exception, for who wants more.
"""

from collections.abc import Iterator
from typing import Any

#: How many characters are told of one member; there are faults with a whole machine in them.
MAX_TEXT = 2000

#: How many causes of causes are told, and how deep objects are.
MAX_DEPTH = 8

#: Members that say why, in this order: they belong into the text of an exception.
REASONS = ('faultMessage', 'faultCause')

#: The members of a LocalizedMethodFault and of a LocalizableMessage.
_LOCALIZED = {'fault', 'localizedMessage'}
_LOCALIZABLE = {'key', 'arg', 'message'}


def fault_details(fault: Any) -> dict[str, str]:
    """The members of a decoded fault as flat text, as a SOAP fault's ``details`` have them.

    :param fault: decoded fault; anything that is not (users hand in objects of their own)
                  has no details
    :returns: member name to text
    """
    return {name: text_of(getattr(fault, name)) for name in _names(fault)}


def text_of(value: Any) -> str:
    """A member of a fault in words; ``''`` for one that says nothing."""
    return _text(value, MAX_DEPTH)[:MAX_TEXT]


def _names(value: Any) -> list[str]:
    names = getattr(value, '__keylist__', None)
    return names if isinstance(names, list) else []


def _text(value: Any, depth: int) -> str:
    if value is None:
        return ''
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return '; '.join(filter(None, (_text(item, depth) for item in value)))
    if hasattr(value, '_type') and hasattr(value, 'value'):
        return str(value.value)
    names = _names(value)
    if not names:
        # An object without members says no more than what it is called.
        return value.__class__.__name__ if hasattr(value, '__keylist__') else str(value)
    if not depth:
        return '…'
    if 'fault' in names and _LOCALIZED.issuperset(names) and not isinstance(value.fault, list):
        return _chain(value, depth - 1)
    if 'key' in names and _LOCALIZABLE.issuperset(names):
        # Without the text in the client's language the key and what belongs into it have to do.
        arguments = _text(getattr(value, 'arg', None), depth - 1)
        key = f'{value.key} ({arguments})' if arguments else str(value.key)
        return str(getattr(value, 'message', None) or key)
    if len(names) == 1 and isinstance(getattr(value, names[0]), list):
        # An ArrayOfX.
        return _text(getattr(value, names[0]), depth - 1)
    return _members(value, names, depth - 1)


def _members(value: Any, names: list[str], depth: int) -> str:
    texts = ((name, _text(getattr(value, name), depth)) for name in names)
    return ', '.join(f'{name}={text}' for name, text in texts if text)


def _chain(localized: Any, depth: int) -> str:
    """A LocalizedMethodFault, and what caused it, and what caused that."""
    links: list[str] = []
    while localized is not None and len(links) <= MAX_DEPTH:
        fault = getattr(localized, 'fault', None)
        words = _text(getattr(localized, 'localizedMessage', None), depth)
        messages = _text(getattr(fault, 'faultMessage', None), depth)
        if messages not in words:
            words = f'{words} {messages}'.lstrip()
        others = [name for name in _names(fault) if name not in REASONS]
        members = _members(fault, others, depth) if depth else ''
        link = 'MethodFault' if fault is None else fault.__class__.__name__
        if words:
            link += f': {words}'
        links.append(f'{link} ({members})' if members else link)
        localized = getattr(fault, 'faultCause', None)
    return ', caused by '.join(links)


def find_fault(exc: BaseException, name: str) -> Any:
    """Search the faults behind an exception, nested causes included.

    :param exc: an exception of this library
    :param name: name of the fault, for example ``FileLocked``
    :returns: the first decoded fault of that name, from the outside in, or None
    """
    for fault in _tree(getattr(exc, 'fault', None)):
        if fault.__class__.__name__ == name:
            return fault
    return None


def _tree(fault: Any) -> Iterator[Any]:
    seen: list[Any] = []
    pending = list(fault) if isinstance(fault, list) else [fault]
    while pending:
        fault = pending.pop(0)
        if fault is None or any(fault is known for known in seen):
            continue
        seen.append(fault)
        yield fault
        # faultCause is a LocalizedMethodFault; some faults (MultipleFault…) carry lists of them.
        for _name, member in fault if hasattr(fault, '__keylist__') else ():
            for item in member if isinstance(member, list) else [member]:
                nested = getattr(item, 'fault', None)
                if nested is not None:
                    pending.append(nested)
