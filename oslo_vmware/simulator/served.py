"""What of the API is served: which operations there are, and which not.

The documentation and a test are made of this, so that neither can tell of what is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# Importing it registers the managed objects that it puts together.
from oslo_vmware.simulator import server  # noqa: F401
from oslo_vmware.simulator.pbm import managers
from oslo_vmware.simulator.world import metamodel, registry

__all__ = ['Operations', 'pbm', 'vim']

_PBM = 'urn:pbm'

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
    found: Operations = {}
    for implementation in managers.CLASSES:
        wire_type = implementation.wire_type
        _note(
            found.setdefault(wire_type, {}),
            metamodel.own_operations(wire_type, _PBM),
            implementation,
        )
    return _sorted(found)


def _note(found: dict[str, bool], operations: Iterable[str], implementation: type) -> None:
    for operation in operations:
        found[operation] = found.get(operation, False) or hasattr(implementation, operation)


def _sorted(found: Mapping[str, dict[str, bool]]) -> Operations:
    return {wire_type: found[wire_type] for wire_type in sorted(found) if found[wire_type]}
