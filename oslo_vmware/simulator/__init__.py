"""A vCenter in a box, for tests and demonstrations.

It speaks SOAP over HTTPS with certificates of its own, holds an inventory of plain Python
objects, and makes trouble when told to. It shares the service description with the library and
nothing else, so that a mistake of the library cannot hide in its own mirror.

It needs the extra ``simulator``: ``pip install 'oslo.vmware[simulator]'``.
"""

from oslo_vmware.simulator.data import DataObject, Fault, Ref, Typed, types
from oslo_vmware.simulator.server import Inventory, VCenterSimulator

__all__ = ['DataObject', 'Fault', 'Inventory', 'Ref', 'Typed', 'VCenterSimulator', 'types']
