"""Operations raise what they declare: read in the code of each, without calling any.

The description of the interface says which faults an operation may answer with. What the methods
of the simulator raise is found by reading them, and the functions that they call by name; what a
method of another object raises is not seen.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

from oslo_vmware.simulator.world.descriptions import vim_schema
from oslo_vmware.simulator.world.registry import classes
from oslo_vmware.soap.schema import split

# Faults that every operation may answer with derive from this one.
ALWAYS = '{urn:vim25}RuntimeFault'

# What is raised though nothing declares it: operation and fault.
UNDECLARED = {
    # A vCenter says so of names that are too long, whatever the operation declares.
    'VirtualMachine.CloneVM_Task': {'InvalidName'},
    # It has no copy of such a disk to make; the nearest that there is.
    'VirtualMachine.InstantClone_Task': {'InvalidName', 'RDMConversionNotSupported'},
    # The state of the machine is the reason, and a vCenter says that first.
    'VirtualMachine.AcquireMksTicket': {'InvalidPowerState'},
    'VirtualMachine.CustomizeVM_Task': {'InvalidPowerState'},
    'VirtualMachine.PutUsbScanCodes': {'InvalidPowerState'},
    # Found on the way to a place for the machine: a host that does not reach its datastore.
    'VirtualMachine.MigrateVM_Task': {'InvalidDatastore'},
    'VirtualMachine.PowerOnVM_Task': {'InvalidDatastore'},
    'VirtualMachine.PromoteDisks_Task': {'InvalidDatastore'},
    'VirtualMachine.ReconfigVM_Task': {'NotFound'},
    # A file that is no disk, or one in use.
    'HostVStorageObjectManager.HostRegisterDisk': {'InvalidDiskFormat', 'InvalidState'},
    'VcenterVStorageObjectManager.RegisterDisk': {'InvalidDiskFormat', 'InvalidState'},
    # What is copied is unpacked where it is a stream, which a first class disk never is.
    'HostVStorageObjectManager.HostCloneVStorageObject_Task': {'InvalidDiskFormat'},
    'HostVStorageObjectManager.HostRelocateVStorageObject_Task': {'InvalidDiskFormat'},
    'HostVStorageObjectManager.HostVStorageObjectCreateDiskFromSnapshot_Task': {
        'InvalidDiskFormat'
    },
    'VcenterVStorageObjectManager.CloneVStorageObject_Task': {'InvalidDiskFormat'},
    'VcenterVStorageObjectManager.CreateDiskFromSnapshot_Task': {'InvalidDiskFormat'},
    'VcenterVStorageObjectManager.RelocateVStorageObject_Task': {'InvalidDiskFormat'},
}


class Raised(ast.NodeVisitor):
    """Collects the names of the faults that a function raises, or returns to be raised.

    :param owner: the class whose methods ``self`` has
    """

    def __init__(self, owner: type) -> None:
        self.owner = owner
        self.names: set[str] = set()
        self._seen: set[Any] = set()
        self._globals: dict[str, Any] = {}
        self._raising = False

    def read(self, function: Any) -> None:
        function = inspect.unwrap(function)
        if function in self._seen:
            return
        self._seen.add(function)
        before = self._globals, self._raising
        self._globals, self._raising = function.__globals__, False
        self.visit(_tree(function))
        self._globals, self._raising = before

    def visit_Raise(self, node: ast.Raise | ast.Return) -> None:
        before, self._raising = self._raising, True
        self.generic_visit(node)
        self._raising = before

    visit_Return = visit_Raise

    def visit_Try(self, node: ast.Try) -> None:
        caught = [getattr(handler.type, 'id', '') for handler in node.handlers]
        if 'Fault' not in caught:
            self.generic_visit(node)
            return
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        called = node.func
        if self._raising and getattr(called, 'id', '') == 'Fault' and node.args:
            if isinstance(node.args[0], ast.Constant):
                self.names.add(node.args[0].value)
            return
        function = self._meant(called)
        if inspect.isfunction(function) and function.__module__.startswith('oslo_vmware'):
            self.read(function)

    def _meant(self, called: ast.expr) -> Any:
        """The function that a call means, where it can be told."""
        if isinstance(called, ast.Name):
            return self._globals.get(called.id)
        if not isinstance(called, ast.Attribute):
            return None
        place = called.value
        if isinstance(place, ast.Name) and place.id in ('self', 'cls'):
            found = inspect.getattr_static(self.owner, called.attr, None)
        elif isinstance(place, ast.Name):
            found = getattr(self._globals.get(place.id), called.attr, None)
        elif isinstance(place, ast.Call) and getattr(place.func, 'id', '') == 'super':
            found = next(
                (vars(base)[called.attr] for base in self.owner.__mro__[1:]
                 if called.attr in vars(base)), None
            )  # fmt: skip
        else:
            return None
        return found.__func__ if isinstance(found, classmethod | staticmethod) else found


@functools.cache
def _tree(function: Any) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def operations() -> Iterator[tuple[str, type, Any, Any]]:
    """The operations of all types: name, class, method and what the interface says of it."""
    importlib.import_module('oslo_vmware.simulator.server')  # which knows all of them
    for kind, cls in sorted(classes().items()):
        for name in dir(cls):
            described = vim_schema().operation(name) if name[0].isupper() else None
            if described is not None and inspect.isfunction(method := getattr(cls, name)):
                yield f'{kind}.{name}', cls, method, described


def undeclared(cls: type, method: Any, described: Any) -> set[str]:
    """What a method raises, and may not."""
    schema = vim_schema()
    found = Raised(cls)
    found.read(method)
    allowed = [ALWAYS, *described.faults]
    tags = {schema.lookup(name): name for name in found.names}
    assert None not in tags, f'there is no fault {tags.get(None)}'
    return {
        name
        for tag, name in tags.items()
        if not any(tag == base or schema.derives(tag, base) for base in allowed)
    }


def test_operations_raise_what_they_declare() -> None:
    """No operation raises a fault that its description lacks, but for those in the list."""
    found = {name: undeclared(*rest) for name, *rest in operations()}
    assert {name: faults for name, faults in found.items() if faults} == UNDECLARED


def test_what_is_raised_is_seen() -> None:
    """The reading finds what is raised in a method, in what it calls, and in its base class."""
    found = {name: Raised(cls) for name, cls, *_ in operations()}
    for name, _cls, method, described in operations():
        found[name].read(method)
        assert split(ALWAYS)[1] in {split(tag)[1] for tag in described.faults}
    assert {'Timedout', 'InvalidState'} <= found['HttpNfcLease.HttpNfcLeaseComplete'].names
    assert 'InvalidState' not in found['HttpNfcLease.HttpNfcLeaseProgress'].names
    assert 'DuplicateName' in found['ResourcePool.CreateResourcePool'].names
    assert 'InvalidArgument' in found['ResourcePool.UpdateConfig'].names
