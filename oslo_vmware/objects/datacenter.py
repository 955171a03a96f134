"""A datacenter, as far as callers of this library need to know it."""

from typing import Any

from oslo_vmware._i18n import _


class Datacenter:
    """A datacenter.

    :param ref: its reference
    :param name: its name
    :raises ValueError: either is None
    """

    def __init__(self, ref: Any, name: str) -> None:
        if name is None:
            raise ValueError(_('A datacenter needs a name, not None.'))
        if ref is None:
            raise ValueError(_('A datacenter needs a reference, not None.'))
        self.ref = ref
        self.name = name

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.ref!r}, {self.name!r})'
