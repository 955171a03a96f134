"""A vCenter in a box, for tests and demonstrations.

It speaks SOAP over HTTPS with certificates of its own, holds an inventory of plain Python
objects, and makes trouble when told to. It shares the service description with the library and
nothing else, so that a mistake of the library cannot hide in its own mirror.

It needs the extra ``simulator``, which brings pyVmomi and trustme.
"""

from typing import TYPE_CHECKING, Any

from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, Typed, types

if TYPE_CHECKING:
    from oslo_vmware.simulator.server import Inventory, VCenterSimulator
else:

    def __getattr__(name: str) -> Any:
        # What needs the extra comes when it is asked for: Python imports the package before
        # its __main__, which could not say in a sentence that the extra is missing.
        if name not in ('Inventory', 'VCenterSimulator'):
            raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
        from oslo_vmware.simulator import server

        return getattr(server, name)


__all__ = ['DataObject', 'Fault', 'Inventory', 'Ref', 'Typed', 'VCenterSimulator', 'types']
