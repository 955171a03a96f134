"""What a machine says of itself as an appliance: product, properties, licenses."""

from __future__ import annotations

from collections.abc import Iterable

from oslo_vmware.simulator.world.data import (
    DataObject,
    Fault,
    invalid_argument,
    merged,
    types,
)

_KEPT = ('eula', 'ovfEnvironmentTransport', 'installBootRequired', 'installBootStopDelay')


def applied(old: DataObject | None, spec: DataObject) -> DataObject:
    """A VmConfigInfo with the changes of a VmConfigSpec.

    :raises Fault: InvalidArgument, NotFound
    """
    made = types.VmConfigInfo(
        ipAssignment=types.VAppIPAssignmentInfo(), installBootRequired=False, installBootStopDelay=0
    )
    if old is not None:
        made.__dict__.update(vars(old))
    made.property = _changed(made.property or (), spec.property or (), 'property')
    made.product = _changed(made.product or (), spec.product or (), 'product')
    if spec.ipAssignment is not None:
        made.ipAssignment = merged(made.ipAssignment, spec.ipAssignment)
    for name in _KEPT:
        value = getattr(spec, name)
        # Lists come empty where nothing is said of them.
        if value is not None and value != []:
            setattr(made, name, value)
    return made


def _changed(
    old: Iterable[DataObject], changes: Iterable[DataObject], what: str
) -> list[DataObject]:
    """The entries of a list after an ``ArrayUpdateSpec`` for each change."""
    found = {one.key: one for one in old}
    for change in changes:
        key = (
            change.removeKey if change.operation == 'remove' else getattr(change.info, 'key', None)
        )
        if key is None or change.operation not in ('add', 'edit', 'remove'):
            raise invalid_argument(f'configSpec.vAppConfig.{what}')
        if change.operation == 'add':
            if key in found:
                raise invalid_argument(f'configSpec.vAppConfig.{what}.info.key')
            found[key] = change.info
        elif key not in found:
            raise Fault('NotFound', f'There is no {what} {key}.')
        elif change.operation == 'edit':
            found[key] = merged(found[key], change.info)
        else:
            del found[key]
    return list(found.values())
