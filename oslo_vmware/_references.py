"""What is asked of references to managed objects: the id, and the type.

They come in all shapes: ours, those found in replies, proxies that lie about their class, objects
of test suites, strings.
"""

from typing import Any


def get_moref_value(moref: Any) -> Any:
    """Tell the id of a managed object.

    :param moref: reference, or a string ``'<id>'`` or ``'<type>:<id>'``
    :returns: the id; of a string with several colons the part between the first two
    """
    if not isinstance(moref, str):
        return moref.value
    return moref.split(':')[1] if ':' in moref else moref


def get_moref_type(moref: Any) -> Any:
    """Tell the vSphere type of a managed object.

    :param moref: reference, or a string ``'<id>'`` or ``'<type>:<id>'``
    :returns: the type, ``None`` for a string without one
    """
    if not isinstance(moref, str):
        return moref._type
    return moref.split(':')[0] if ':' in moref else None


def known_id(moref: Any) -> str | None:
    """The id of a managed object, ``None`` where a reference tells none."""
    value = get_moref_value(moref) if isinstance(moref, str) else getattr(moref, 'value', None)
    # Anything else is a stand-in of a test suite, which says nothing about identity.
    return value if isinstance(value, str) else None
