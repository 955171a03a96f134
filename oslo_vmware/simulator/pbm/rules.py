"""Rules of storage policies: how they are made, checked, and held against a datastore.

A policy consists of rule sets, of which one has to be satisfied. A rule set consists of rules,
all of which have to be. A rule is about one capability; it has one or more constraints, any of
which will do, and a constraint asks for values of all its properties.

Two kinds of capabilities exist here, as on a vCenter without arrays that announce their own:
tags, one capability for each tag category, whose value is a set of tags of which the datastore
must have one (with the operator NOT: none); and those of vSAN, which only a vSAN datastore has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from oslo_vmware.simulator.data import DataObject, Fault, types

TAGS = 'http://www.vmware.com/storage/tag'
VSAN = 'VSAN'

FAILURES_TO_TOLERATE = 'hostFailuresToTolerate'
FORCE_PROVISIONING = 'forceProvisioning'

#: Capabilities of vSAN: type of the value, and smallest and largest one or the only ones there
#: are. How many failures a datastore tolerates depends on its hosts besides.
_VSAN_VALUES: dict[str, tuple[type, tuple[Any, ...]]] = {
    FAILURES_TO_TOLERATE: (int, (0, 3)),
    'stripeWidth': (int, (1, 12)),
    FORCE_PROVISIONING: (bool, (False, True)),
    'proportionalCapacity': (int, (0, 100)),
    'cacheReservation': (int, (0, 1_000_000)),
    'iopsLimit': (int, (0, 2**31 - 1)),
    'checksumDisabled': (bool, (False, True)),
    'replicaPreference': (
        str,
        ('RAID-1 (Mirroring) - Performance', 'RAID-5/6 (Erasure Coding) - Capacity'),
    ),
}


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


def _rule(namespace: str, capability: str, wanted: DataObject) -> DataObject:
    return types.PbmCapabilityInstance(
        id=types.PbmCapabilityMetadataUniqueId(namespace=namespace, id=capability),
        constraint=[types.PbmCapabilityConstraintInstance(propertyInstance=[wanted])],
    )


def tag_property(category: str) -> str:
    """The id of the one property that the capability of a tag category has."""
    return f'com.vmware.storage.tag.{category}.property'


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


def check(wanted: DataObject, categories: set[str], parameter: str) -> None:
    """See whether rules make sense: known capabilities, and values of their types.

    :param categories: the tag categories there are
    :param parameter: of the operation, for the fault
    :raises Fault: InvalidArgument
    """
    for rule_set in wanted.subProfiles or ():
        for rule in rule_set.capability or ():
            for constraint in rule.constraint or ():
                for prop in constraint.propertyInstance or ():
                    problem = _problem(rule.id, prop, categories)
                    if problem:
                        raise Fault(
                            'InvalidArgument',
                            f'A specified parameter was not correct: {parameter}: {problem}',
                            invalidProperty=parameter,
                        )


def _problem(capability: DataObject, prop: DataObject, categories: set[str]) -> str | None:
    where = f'capability {capability.namespace} {capability.id}'
    if prop.operator not in (None, 'NOT'):
        return f'{where}: unknown operator {prop.operator}'
    if capability.namespace == TAGS:
        if capability.id not in categories or prop.id != tag_property(capability.id):
            return f'{where}: there is no such tag category'
        if not _is_set_of_strings(prop.value):
            return f'{where}: {prop.value!r} where a set of tags belongs'
        return None
    if capability.namespace != VSAN or capability.id not in _VSAN_VALUES:
        return f'{where}: there is no such capability'
    value_type, allowed = _VSAN_VALUES[capability.id]
    if prop.id != capability.id or prop.operator is not None:
        return f'{where}: it has one property of the same name, and no operator'
    if type(prop.value) is not value_type:
        return f'{where}: {prop.value!r} where a value of type {value_type.__name__} belongs'
    in_range = value_type is int and allowed[0] <= prop.value <= allowed[-1]
    if prop.value not in allowed and not in_range:
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
    :ivar tolerates: how many failures of hosts; None unless it is a vSAN datastore
    """

    tags: Mapping[str, frozenset[str]]
    tolerates: int | None = None


def mismatches(wanted: DataObject, offer: Offer, hub: DataObject) -> list[DataObject]:
    """Why a datastore does not satisfy a policy: faults, none when it does.

    Of several rule sets those of the one that comes closest.
    """
    found = [_mismatches(rule_set, offer, hub) for rule_set in wanted.subProfiles or ()]
    return min(found, key=len, default=[])


def _mismatches(rule_set: DataObject, offer: Offer, hub: DataObject) -> list[DataObject]:
    forced = rule_set.forceProvision or any(
        rule.id.id == FORCE_PROVISIONING and prop.value is True
        for rule in rule_set.capability or ()
        for constraint in rule.constraint
        for prop in constraint.propertyInstance
    )
    faults = []
    for rule in rule_set.capability or ():
        judge = _judge(rule.id, offer, forced=bool(forced))
        # Any of the constraints will do.
        failing = [
            [prop for prop in constraint.propertyInstance if not judge(prop)]
            for constraint in rule.constraint
        ]
        worst = min(failing, key=len, default=[])
        faults += [_fault(rule.id, prop, offer, hub) for prop in worst]
    return faults


def _judge(capability: DataObject, offer: Offer, *, forced: bool) -> Callable[[DataObject], bool]:
    def has_tag(prop: DataObject) -> bool:
        has = not offer.tags.get(capability.id, frozenset()).isdisjoint(prop.value.values)
        return has is not (prop.operator == 'NOT')

    def tolerates(prop: DataObject) -> bool:
        if offer.tolerates is None:
            return False
        return (
            capability.id != FAILURES_TO_TOLERATE or forced or bool(prop.value <= offer.tolerates)
        )

    return has_tag if capability.namespace == TAGS else tolerates


def _fault(capability: DataObject, wanted: DataObject, offer: Offer, hub: DataObject) -> DataObject:
    about = {'hub': hub, 'capabilityInstanceId': capability, 'requirementPropertyInstance': wanted}
    offered: Any = None
    if capability.namespace == TAGS and offer.tags.get(capability.id):
        offered = types.PbmCapabilityDiscreteSet(values=sorted(offer.tags[capability.id]))
    elif capability.namespace == VSAN:
        offered = offer.tolerates
    if offered is None:
        return Fault(
            'PbmPropertyMismatchFault',
            f'The datastore does not have the capability {capability.id}.',
            **about,
        ).localized()
    return Fault(
        'PbmCapabilityProfilePropertyMismatchFault',
        f'The datastore does not satisfy the property {wanted.id}.',
        resourcePropertyInstance=types.PbmCapabilityPropertyInstance(id=wanted.id, value=offered),
        **about,
    ).localized()
