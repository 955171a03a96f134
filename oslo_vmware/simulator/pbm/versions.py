"""What a client of an older version of PBM gets to see.

A server answers in the version that the client's SOAPAction names: an operation that came later
is not there, a field that came later is left out, and in the place of a type or fault that came
later stands the nearest of its base types that the client knows. Which came when, pyVmomi's
type tables tell.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from oslo_vmware.simulator.world.data import DataObject, Fault, types
from oslo_vmware.simulator.world.type_tables import VmomiSupport

_PBM = 'urn:pbm'
_VIEW = 'StorageProfile.View'

# The tables keep the newest form of an operation and its date; the description of vSphere 5.5
# has this one already.
_OLDER_THAN_THE_TABLES_SAY = {'PbmQueryDefaultRequirementProfile': 'pbm.version.version1'}


class Version:
    """One version of PBM, by the name that a SOAPAction gives it, such as ``8.0.2.0``."""

    def __init__(self, name: str) -> None:
        try:
            self._id: str | None = VmomiSupport.GetVersionFromVersionUri(f'{_PBM}/{name}')
        except KeyError:
            # Newer than the tables: it has all that there is.
            self._id = None

    def has(self, since: str) -> bool:
        """Whether something is in this version that came with another."""
        return (
            self._id is None
            or not since.startswith('pbm.')
            or bool(VmomiSupport.IsChildVersion(self._id, since))  # type: ignore[attr-defined]
        )

    def has_operation(self, wire_type: str, operation: str) -> bool:
        """Whether a managed object type has an operation, as far as the tables know."""
        found = _methods(wire_type).get(operation)
        return found is None or self.has(found.since)

    def shown(self, value: Any) -> Any:
        """A value as this version has it."""
        if isinstance(value, list | tuple) and not hasattr(value, '_fields'):
            return [self.shown(item) for item in value]
        if not isinstance(value, DataObject):
            return value
        name, hidden = self._plan(value.wire_type)
        made = types[name]()
        made.__dict__.update(
            (field, self.shown(held))
            for field, held in value.__dict__.items()
            if field not in hidden
        )
        return made

    def fault(self, fault: Fault) -> Fault:
        """A fault as this version has it."""
        shown = Fault(fault.name, fault.message)
        shown.detail = self.shown(fault.detail)
        shown.name = shown.detail.wire_type
        return shown

    @functools.cache  # noqa: B019 - versions live as long as the process
    def _plan(self, wire_type: str) -> tuple[str, frozenset[str]]:
        """Name of the type that stands for one, and the fields that it does not have."""
        try:
            described = VmomiSupport.GetWsdlType(_PBM, wire_type)
        except KeyError:
            return wire_type, frozenset()
        known = next(base for base in described.__mro__ if self.has(getattr(base, '_version', '')))
        fields = {info.name: info.version for info in described._GetPropertyList()}
        own = {info.name for info in known._GetPropertyList()}
        hidden = {name for name, since in fields.items() if name not in own or not self.has(since)}
        return VmomiSupport.GetWsdlName(known), frozenset(hidden)


@functools.cache
def version(name: str) -> Version:
    """The version of a name."""
    return Version(name)


class _Method(NamedTuple):
    since: str
    privilege: str


@functools.cache
def _methods(wire_type: str) -> dict[str, _Method]:
    try:
        described = VmomiSupport.GetWsdlType(_PBM, wire_type)
    except KeyError:
        return {}
    return {
        info.wsdlName: _Method(
            _OLDER_THAN_THE_TABLES_SAY.get(info.wsdlName, info.version), info.privId or _VIEW
        )
        for info in getattr(described, '_methodInfo', {}).values()
    }


def has_field(wire_type: str, name: str) -> bool:
    """Whether a type of PBM has a field, as far as the tables know."""
    try:
        described = VmomiSupport.GetWsdlType(_PBM, wire_type)
    except KeyError:
        return False
    return any(info.name == name for info in described._GetPropertyList())


def privilege(wire_type: str, operation: str) -> str:
    """The privilege that an operation asks for."""
    found = _methods(wire_type).get(operation)
    return _VIEW if found is None else found.privilege
