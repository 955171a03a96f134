"""What of the API is served: which operations there are, and which not.

The documentation and a test are made of this, so that neither can tell of what is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Importing it registers the managed objects that it puts together.
from oslo_vmware.simulator.inventory import Inventory
from oslo_vmware.simulator.objects.vslm import service as vslm_service
from oslo_vmware.simulator.pbm import managers as pbm_managers
from oslo_vmware.simulator.server import VCenterSimulator
from oslo_vmware.simulator.world import descriptions, metamodel, registry
from oslo_vmware.soap.schema import Kind

__all__ = ['Operations', 'managers', 'pbm', 'vim', 'vslm']

#: Whether an operation is there, by managed object type and operation.
Operations = dict[str, dict[str, bool]]


def vim() -> Operations:
    """The operations of VIM, those of types of which no object is simulated left out.

    Each stands at the type that declares it: ``Destroy_Task`` at ``ManagedEntity``. It is there if
    any simulated type has it.
    """
    classes = registry.classes()
    found: Operations = {}
    for wire_type, implementation in classes.items():
        for declaring in metamodel.ancestors(wire_type):
            operations = metamodel.own_operations(declaring)
            _note(found.setdefault(declaring, {}), operations, implementation)
    return _sorted(found)


def pbm() -> Operations:
    """The operations of PBM."""
    return _of_service(pbm_managers.CLASSES, 'urn:pbm')


def vslm() -> Operations:
    """The operations of VSLM."""
    return _of_service(vslm_service.CLASSES, 'urn:vslm')


def _of_service(classes: Iterable[Any], namespace: str) -> Operations:
    found: Operations = {}
    for implementation in classes:
        wire_type = implementation.wire_type
        operations = metamodel.own_operations(wire_type, namespace)
        _note(found.setdefault(wire_type, {}), operations, implementation)
    return _sorted(found)


def managers() -> dict[str, str | None]:
    """The members of the service content by type; None for one that is not there."""
    simulator = VCenterSimulator(inventory=Inventory(vms=0))
    try:
        content = simulator.world.service_instance.content  # type: ignore[attr-defined]
        members = {
            field.name: getattr(content, field.name)
            for field in descriptions.vim_schema().type('{urn:vim25}ServiceContent').fields
            if field.kind is Kind.MOREF
        }
        return {
            name: None if member is None else member.ref.type for name, member in members.items()
        }
    finally:
        simulator.stop()


def _note(found: dict[str, bool], operations: Iterable[str], implementation: type) -> None:
    for operation in operations:
        found[operation] = found.get(operation, False) or hasattr(implementation, operation)


def _sorted(found: Mapping[str, dict[str, bool]]) -> Operations:
    return {wire_type: found[wire_type] for wire_type in sorted(found) if found[wire_type]}
