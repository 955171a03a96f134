"""Which properties the managed object types have, of which types.

A WSDL describes data objects and operations but no managed object: that ``VirtualMachine`` is
a ``ManagedEntity`` and that its ``config`` is a ``VirtualMachineConfigInfo`` stands nowhere in
it. pyVmomi's type tables know; this module asks them, and answers in the names of the wire
(``string``, ``ManagedObjectReference``, ``VirtualDevice``). (Which came with which version of
PBM, ``pbm.versions`` asks them.)
"""

import functools
from typing import NamedTuple

from oslo_vmware.simulator.world.type_tables import VmomiSupport

_VIM = 'urn:vim25'

# Tables know finer types than the wire: a type or method name travels as a string.
_ON_THE_WIRE = {
    'TypeName': 'string',
    'MethodName': 'string',
    'PropertyPath': 'string',
    'base64Binary': 'base64Binary',
    # A fault held by a property travels in an envelope with its text.
    'MethodFault': 'LocalizedMethodFault',
}


class PropertyType(NamedTuple):
    """The declared type of a property.

    :ivar name: wire name of the type, of one item when there are many
    :ivar many: whether the property is an array
    """

    name: str
    many: bool


@functools.cache
def ancestors(wire_type: str) -> tuple[str, ...]:
    """The names of a managed object type and its base types, most derived first.

    :raises KeyError: no such managed object type
    """
    found = VmomiSupport.GetWsdlType(_VIM, wire_type)
    if not issubclass(found, VmomiSupport.ManagedObject):
        raise KeyError(wire_type)
    return tuple(VmomiSupport.GetWsdlName(base) for base in found.__mro__ if base is not object)


def exists(wire_type: str) -> bool:
    """Whether there is a managed object type of that name."""
    try:
        ancestors(wire_type)
    except KeyError:
        return False
    return True


@functools.cache
def properties(wire_type: str) -> dict[str, PropertyType]:
    """All properties of a managed object type, those of its base types first.

    :raises KeyError: no such managed object type
    """
    ancestors(wire_type)
    found = VmomiSupport.GetWsdlType(_VIM, wire_type)
    return {info.name: _property_type(info.type) for info in found._GetPropertyList()}


def property_type(wire_type: str, name: str) -> PropertyType | None:
    """The declared type of one property, or ``None`` when the type has no such property."""
    return properties(wire_type).get(name)


def _property_type(declared: type) -> PropertyType:
    many = issubclass(declared, VmomiSupport.Array)
    item: type = declared.Item if many else declared  # type: ignore[attr-defined]
    if issubclass(item, VmomiSupport.ManagedObject):
        return PropertyType('ManagedObjectReference', many)
    name = VmomiSupport.GetWsdlName(item)
    return PropertyType(_ON_THE_WIRE.get(name, name), many)


@functools.cache
def has_operation(wire_type: str, operation: str, namespace: str = _VIM) -> bool:
    """Whether a managed object type has an operation of that wire name."""
    try:
        found = VmomiSupport.GetWsdlType(namespace, wire_type)
    except KeyError:
        return False
    return any(
        info.wsdlName == operation
        for base in found.__mro__
        for info in getattr(base, '_methodInfo', {}).values()
    )


@functools.cache
def own_operations(wire_type: str, namespace: str = _VIM) -> tuple[str, ...]:
    """Wire names of the operations that a managed object type declares, base types aside."""
    declared = VmomiSupport.GetWsdlType(namespace, wire_type).__dict__.get('_methodInfo', {})
    return tuple(sorted(info.wsdlName for info in declared.values()))


@functools.cache
def method_name(wire_type: str, operation: str) -> str:
    """The name of an operation in the object model: ``PowerOnVM_Task`` is ``powerOn``.

    An operation that the type does not have keeps its name.
    """
    for base in VmomiSupport.GetWsdlType(_VIM, wire_type).__mro__:
        for info in getattr(base, '_methodInfo', {}).values():
            if info.wsdlName == operation:
                name: str = VmomiSupport.Uncapitalize(info.name)
                return name
    return operation


@functools.cache
def property_privilege(wire_type: str, name: str) -> str:
    """What one needs in order to read a property."""
    for base in VmomiSupport.GetWsdlType(_VIM, wire_type).__mro__:
        info = getattr(base, '_propInfo', {}).get(name)
        if info is not None:
            return info.privId or 'System.Read'
    return 'System.Read'


class Privileges(NamedTuple):
    """What one needs for an operation.

    :ivar own: on what it is called on; None where that depends on the call
    :ivar arguments: on what some of its arguments refer to
    """

    own: str | None
    arguments: dict[str, str]


@functools.cache
def operation_privileges(wire_type: str, operation: str) -> Privileges:
    """What one needs for an operation."""
    for base in VmomiSupport.GetWsdlType(_VIM, wire_type).__mro__:
        for info in getattr(base, '_methodInfo', {}).values():
            if info.wsdlName == operation:
                arguments = {one.name: one.privId for one in info.params if one.privId}
                return Privileges(info.privId, arguments)
    return Privileges(None, {})


@functools.cache
def privileges_of(wire_type: str) -> frozenset[str]:
    """All that is needed for the operations of a type."""
    return frozenset(
        privilege
        for base in VmomiSupport.GetWsdlType(_VIM, wire_type).__mro__
        for info in getattr(base, '_methodInfo', {}).values()
        for privilege in (info.privId, *(one.privId for one in info.params))
        if privilege
    )


@functools.cache
def operation_named(wire_type: str, name: str) -> str | None:
    """The wire name of an operation that somebody calls by that or by its name in the model."""
    for base in VmomiSupport.GetWsdlType(_VIM, wire_type).__mro__:
        for info in getattr(base, '_methodInfo', {}).values():
            if name == info.wsdlName or name.lower() == info.name.lower():
                found: str = info.wsdlName
                return found
    return None


@functools.cache
def parameters(wire_type: str, operation: str) -> tuple[str, ...]:
    """The names of an operation's parameters, in order."""
    for base in VmomiSupport.GetWsdlType(_VIM, wire_type).__mro__:
        for info in getattr(base, '_methodInfo', {}).values():
            if info.wsdlName == operation:
                return tuple(one.name for one in info.params)
    return ()
