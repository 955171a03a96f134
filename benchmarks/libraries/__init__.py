"""The libraries that are compared, each doing the same few things in the way of its own users.

A :class:`Library` is made for a server and is logged in from then on. None of the others has code
of ours in it: suds is a stock client with its own HTTP, and only told which authority to trust.

Each is a module of its own that imports it, so that a process can have one of them and no other.
"""

import abc
import importlib
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.server import Server
from benchmarks.timing import Action

#: What is read of each machine in an inventory.
PATHS = [
    'name',
    'runtime.powerState',
    'runtime.host',
    'summary.config.numCpu',
    'summary.config.memorySizeMB',
    'summary.config.uuid',
    'summary.storage.committed',
    'config.guestFullName',
    'config.files.vmPathName',
    'datastore',
]
#: How many threads share a session; the libraries that keep connections are told to keep as many.
THREADS = 16
#: How many machines come in one reply, when many are read.
PAGE = 1000

#: This library first, then what it is compared with, and the module that each is in.
_MODULES = {
    'oslo.vmware': 'ours',
    'pyVmomi': 'of_pyvmomi',
    'zeep': 'of_zeep',
    'suds': 'of_suds',
}
OURS, PYVMOMI, ZEEP, SUDS = TITLES = tuple(_MODULES)


class Library(abc.ABC):
    """One of those that are compared.

    :ivar title: its name in the table
    """

    title: str

    @abc.abstractmethod
    def __init__(self, server: Server) -> None:
        """Open a session."""

    def machines(self, count: int) -> list[Any]:
        """References to virtual machines, at most :data:`PAGE` of them."""
        return [one.obj for one in next(self.pages())[:count]]

    @abc.abstractmethod
    def read_name(self, machine: Any) -> Action:
        """How to read one property of one object from the server."""

    @abc.abstractmethod
    def pages(self) -> Iterator[list[Any]]:
        """:data:`PATHS` of all virtual machines, :data:`PAGE` at a time."""

    @abc.abstractmethod
    def decode(self, reply: bytes) -> Action:
        """How to make objects of a reply to RetrievePropertiesEx."""

    @abc.abstractmethod
    def create(self) -> Action:
        """How to make an empty VirtualMachineConfigSpec."""

    @abc.abstractmethod
    def encode(self, machine: Any, devices: int) -> Action:
        """How to write ReconfigVM_Task that adds so many disks; returns the request's bytes."""


def load(title: str) -> type[Library]:
    """Import a library, and what it does here."""
    module = importlib.import_module(f'{__name__}.{_MODULES[title]}')
    found: type[Library] = module.Client
    return found


def disks(create: Callable[[str], Any], machine: Any, devices: int) -> Any:
    """A VirtualMachineConfigSpec that adds disks."""
    spec = create('VirtualMachineConfigSpec')
    spec.deviceChange = []
    for number in range(devices):
        change = create('VirtualDeviceConfigSpec')
        change.operation, change.fileOperation = 'add', 'create'
        disk = create('VirtualDisk')
        disk.key, disk.controllerKey, disk.unitNumber = -number, 1000, number
        disk.capacityInKB = 1 << 20
        disk.backing = create('VirtualDiskFlatVer2BackingInfo')
        disk.backing.fileName = f'[datastore1] machine/machine_{number}.vmdk'
        disk.backing.diskMode = 'persistent'
        disk.backing.thinProvisioned = True
        change.device = disk
        spec.deviceChange.append(change)
    return spec


def specs(create: Callable[[str], Any], objects: list[Any], paths: list[str]) -> Any:
    """A PropertyFilterSpec of suds' kind, for virtual machines or what leads to them."""
    spec = create('ns0:PropertyFilterSpec')
    properties = create('ns0:PropertySpec')
    properties.type, properties.pathSet = 'VirtualMachine', paths
    spec.propSet = [properties]
    spec.objectSet = []
    for obj in objects:
        spec.objectSet.append(create('ns0:ObjectSpec'))
        spec.objectSet[-1].obj = obj
    return spec
