"""The types of VIM, which a vCenter or ESX host serves at ``/sdk``, as classes.

``VirtualDisk(key=1)`` makes the object that ``factory.create('ns0:VirtualDisk')`` of
``session.vim.client`` makes, with that member set, and takes no session.
``VirtualMachinePowerState.poweredOn`` is the text ``'poweredOn'``. ``dir()`` of this module lists
what there is.
"""

from oslo_vmware.types import _namespace

#: Nothing, so that ``help()`` of this module is not as long as a book.
__all__: list[str] = []

_types = _namespace.shipped(__name__, 'shipped_vim')


def __getattr__(name: str) -> object:
    return getattr(_types, name)


def __dir__() -> list[str]:
    return dir(_types)
