"""The objects that users hold in their hands, made without a schema.

They are suds' objects, whichever engine runs: a managed object reference (*moref*) is a suds
``Property``, whose ``value`` is the element's text and whose ``_type`` is its XML attribute.
"""

from typing import Any

from suds import sudsobject


def moref(value: Any, type_: Any) -> sudsobject.Property:
    """Make a managed object reference.

    :param value: the id, for example ``vm-123``
    :param type_: the vSphere type name, for example ``VirtualMachine``
    :returns: reference with the attributes ``value`` and ``_type``
    """
    reference = sudsobject.Property(value)
    reference._type = type_
    return reference
