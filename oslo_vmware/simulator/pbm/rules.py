"""Rules of storage policies: how they are made, checked, and held against a datastore.

A policy consists of rule sets, of which one has to be satisfied. A rule set consists of rules,
all of which have to be. A rule is about one capability (see ``capabilities``); it has one or more
constraints, any of which will do, and a constraint asks for values of all its properties.

The value of a tag rule is a set of tags of which the datastore must have one (with the operator
NOT: none). What vSAN tolerates depends on how many hosts it has. A filter, encryption or I/O
control, has to be there. A zone is a cluster, and a datastore is in it if all its hosts mount it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from oslo_vmware.simulator.pbm import capabilities
from oslo_vmware.simulator.pbm.capabilities import (
    DATA_SERVICE,
    ERASURE_CODING,
    FAILURES_TO_TOLERATE,
    FORCE_PROVISIONING,
    MIRRORING,
    REPLICA_PREFERENCE,
    TAGS,
    TOPOLOGY,
    VSAN,
    ZONAL,
    ZONE_CAPABILITY,
    ZONE_PROPERTY,
    tag_property,
)
from oslo_vmware.simulator.world.data import DataObject, Fault, Typed, types

# How many hosts vSAN needs for its erasure coding, RAID-5.
_HOSTS_FOR_ERASURE_CODING = 4

# The release that brought operators to rules.
_OPERATORS = (6, 5)


# --- making ----------------------------------------------------------------------------------


def tag_rule(category: str, *tags: str, exclude: bool = False) -> DataObject:
    """A rule that asks for one of some tags, or for none of them."""
    wanted = types.PbmCapabilityPropertyInstance(
        id=tag_property(category), value=types.PbmCapabilityDiscreteSet(values=list(tags))
    )
    if exclude:
        wanted.operator = 'NOT'
    return _rule(TAGS, category, wanted)


def vsan_rule(capability: str, value: int | bool | str) -> DataObject:
    """A rule about one of vSAN's capabilities."""
    wanted = types.PbmCapabilityPropertyInstance(id=capability, value=value)
    return _rule(VSAN, capability, wanted)


def filter_rule(namespace: str, **values: int | str) -> DataObject:
    """A rule about an I/O filter, for a policy of the category DATA_SERVICE_POLICY."""
    capability = f'{namespace}@{capabilities.line_of_service(namespace)}'
    wanted = [
        types.PbmCapabilityPropertyInstance(id=name, value=value) for name, value in values.items()
    ]
    return _rule(namespace, capability, *wanted)


def data_service_rule(profile_id: str) -> DataObject:
    """A rule that asks for what a policy of the category DATA_SERVICE_POLICY asks for."""
    wanted = types.PbmCapabilityPropertyInstance(id=profile_id, value=profile_id)
    return _rule(DATA_SERVICE, profile_id, wanted)


def zonal_rule() -> DataObject:
    """A rule that asks for storage which all hosts of a zone share."""
    wanted = types.PbmCapabilityPropertyInstance(id=ZONE_PROPERTY, value=ZONAL)
    return _rule(TOPOLOGY, ZONE_CAPABILITY, wanted)


def _rule(namespace: str, capability: str, *wanted: DataObject) -> DataObject:
    return types.PbmCapabilityInstance(
        id=types.PbmCapabilityMetadataUniqueId(namespace=namespace, id=capability),
        constraint=[types.PbmCapabilityConstraintInstance(propertyInstance=list(wanted))],
    )


def constraints(*rule_sets: list[DataObject]) -> DataObject:
    """What a policy asks for: one of some rule sets, or nothing."""
    if not rule_sets:
        return types.PbmCapabilityConstraints()
    return types.PbmCapabilitySubProfileConstraints(
        subProfiles=[
            types.PbmCapabilitySubProfile(name=f'Rule-Set {number}', capability=rules)
            for number, rules in enumerate(rule_sets, 1)
        ]
    )


# --- checking --------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Known:
    """What rules can be about on this server beside the capabilities that it always has.

    :ivar categories: of tags
    :ivar services: lines of service of the data service policies, by their ids
    :ivar release: of the server
    """

    categories: frozenset[str]
    services: Mapping[str, str | None]
    release: capabilities.Release


def check(wanted: DataObject, known: Known, parameter: str) -> None:
    """See whether rules make sense: known capabilities, and values of their types.

    :param parameter: of the operation, for the fault
    :raises Fault: InvalidArgument
    """
    for rule_set in wanted.subProfiles or ():
        for rule in rule_set.capability or ():
            for constraint in rule.constraint or ():
                for prop in constraint.propertyInstance or ():
                    problem = _problem(rule.id, prop, known)
                    if problem:
                        raise Fault(
                            'InvalidArgument',
                            f'A specified parameter was not correct: {parameter}: {problem}',
                            invalidProperty=parameter,
                        )


def _problem(capability: DataObject, prop: DataObject, known: Known) -> str | None:
    where = f'capability {capability.namespace} {capability.id}'
    operators = (None, 'NOT') if known.release >= _OPERATORS else (None,)
    if prop.operator not in operators:
        return f'{where}: unknown operator {prop.operator}'
    if capability.namespace == TAGS:
        if capability.id not in known.categories or prop.id != tag_property(capability.id):
            return f'{where}: there is no such tag category'
        if not _is_set_of_strings(prop.value):
            return f'{where}: {prop.value!r} where a set of tags belongs'
        return None
    if prop.operator is not None:
        return f'{where}: it takes no operator'
    if capability.namespace == DATA_SERVICE:
        if capability.id not in known.services:
            return f'{where}: there is no such data service policy'
        if (prop.id, prop.value) != (capability.id, capability.id):
            return f'{where}: its property has the name and the value of the capability'
        return None
    announced = {one.name for one in capabilities.of_release(known.release)}
    found = capabilities.find(capability.namespace, capability.id)
    if found is None or capability.namespace not in announced:
        return f'{where}: there is no such capability'
    described = found.property(prop.id)
    if described is None:
        return f'{where}: it has no property {prop.id}'
    xsd_type, value = prop.value if isinstance(prop.value, Typed) else (None, prop.value)
    if type(value) is not described.type or xsd_type != described.xsd_type:
        wanted = described.xsd_type or described.type.__name__
        return f'{where}: {prop.value!r} where a value of type {wanted} belongs'
    if not described.allows(value):
        return f'{where}: {prop.value!r} is not allowed'
    return None


def _is_set_of_strings(value: Any) -> bool:
    return (
        isinstance(value, DataObject)
        and value.wire_type == 'PbmCapabilityDiscreteSet'
        and bool(value.values)
        and all(isinstance(item, str) for item in value.values)
    )


# --- matching --------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Offer:
    """What a datastore has to offer.

    :ivar tags: its tags by category
    :ivar hosts: how many hosts make it up; None unless it is a vSAN datastore
    :ivar services: lines of service that the filters of its hosts have for it
    :ivar zonal: whether it is shared by all hosts of a zone
    :ivar data_services: lines of service of the data service policies, by their ids
    """

    tags: Mapping[str, frozenset[str]]
    hosts: int | None
    services: frozenset[str]
    zonal: bool
    data_services: Mapping[str, str | None]

    @property
    def tolerates(self) -> int:
        """How many failures of hosts vSAN tolerates."""
        hosts = self.hosts or 0
        # n failures need 2n + 1 hosts; a cluster of two has a witness elsewhere.
        return 1 if hosts == 2 else max(0, (hosts - 1) // 2)

    def meets(self, capability: DataObject, wanted: DataObject, *, forced: bool) -> _Met:
        """Whether it has what a property of a rule asks for.

        :param forced: whether vSAN is to make do with what it has
        """
        namespace = capability.namespace
        if namespace == TAGS:
            held = self.tags.get(capability.id, frozenset())
            met = held.isdisjoint(wanted.value.values) is (wanted.operator == 'NOT')
            return _Met(met, types.PbmCapabilityDiscreteSet(values=sorted(held)) if held else None)
        if namespace == VSAN:
            return self._vsan_meets(capability.id, wanted.value, forced=forced)
        if namespace == TOPOLOGY:
            return _Met(self.zonal, ZONAL if self.zonal else None)
        service = (
            self.data_services.get(capability.id)
            if namespace == DATA_SERVICE
            else capabilities.line_of_service(namespace)
        )
        # A filter that is there takes whatever value.
        met = service in self.services
        return _Met(met, wanted.value if met else None)

    def _vsan_meets(self, capability: str, wanted: Any, *, forced: bool) -> _Met:
        if self.hosts is None:
            return _Met(False, None)
        if capability == FAILURES_TO_TOLERATE:
            return _Met(forced or wanted <= self.tolerates, self.tolerates)
        if capability == REPLICA_PREFERENCE and self.hosts < _HOSTS_FOR_ERASURE_CODING:
            return _Met(forced or wanted != ERASURE_CODING, MIRRORING)
        return _Met(True, wanted)


class _Met(NamedTuple):
    """Whether a property is satisfied, and what the datastore has; None for nothing."""

    met: bool
    has: Any


class Mismatch(NamedTuple):
    """A property of a rule that a datastore does not satisfy.

    :ivar rule: the PbmCapabilityInstance
    :ivar wanted: the PbmCapabilityPropertyInstance
    :ivar has: the datastore's value, None when it does not have the capability
    """

    rule: DataObject
    wanted: DataObject
    has: Any

    @property
    def offered(self) -> DataObject | None:
        """What the datastore has in the place of what is wanted."""
        if self.has is None:
            return None
        return types.PbmCapabilityPropertyInstance(id=self.wanted.id, value=self.has)

    def fault(self, hub: DataObject) -> DataObject:
        """The reason for which a hub is refused."""
        about = {
            'hub': hub,
            'capabilityInstanceId': self.rule.id,
            'requirementPropertyInstance': self.wanted,
        }
        if self.offered is None:
            return Fault(
                'PbmPropertyMismatchFault',
                f'The datastore does not have the capability {self.rule.id.id}.',
                **about,
            ).localized()
        return Fault(
            'PbmCapabilityProfilePropertyMismatchFault',
            f'The datastore does not satisfy the property {self.wanted.id}.',
            resourcePropertyInstance=self.offered,
            **about,
        ).localized()

    def violation(self) -> DataObject:
        """The same as a finding of a compliance check."""
        found = types.PbmCompliancePolicyStatus(expectedValue=self._instance(self.wanted))
        if self.offered is not None:
            found.currentValue = self._instance(self.offered)
        return found

    def _instance(self, prop: DataObject) -> DataObject:
        return _rule(self.rule.id.namespace, self.rule.id.id, prop)


def mismatches(wanted: DataObject, offer: Offer) -> list[Mismatch]:
    """Why a datastore does not satisfy a policy; nothing when it does.

    Of several rule sets the mismatches of the one that comes closest.
    """
    found = [_mismatches(rule_set, offer) for rule_set in wanted.subProfiles or ()]
    return min(found, key=len, default=[])


def _mismatches(rule_set: DataObject, offer: Offer) -> list[Mismatch]:
    forced = rule_set.forceProvision or any(
        rule.id.id == FORCE_PROVISIONING and prop.value is True
        for rule in rule_set.capability or ()
        for constraint in rule.constraint
        for prop in constraint.propertyInstance
    )
    found: list[Mismatch] = []
    for rule in rule_set.capability or ():
        # Any of the constraints will do.
        failing: list[list[Mismatch]] = []
        for constraint in rule.constraint:
            tried = [
                (prop, offer.meets(rule.id, prop, forced=bool(forced)))
                for prop in constraint.propertyInstance
            ]
            failing.append([Mismatch(rule, prop, met.has) for prop, met in tried if not met.met])
        best: list[Mismatch] = min(failing, key=len, default=[])
        found += best
    return found
