"""Reads the storage policies that the demo shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from oslo_vmware import api, pbm, spbm
from oslo_vmware.cli.inventory import entity, retrieve


@dataclass(frozen=True)
class Policy:
    """A storage policy.

    :ivar asks_for: what it asks of a datastore, in words
    :ivar datastores: names of those that satisfy it
    """

    name: str
    asks_for: str
    datastores: list[str]


def read_policies(session: api.VMwareAPISession) -> list[Policy]:
    """The storage policies that a machine can have, by name."""
    read = retrieve(session, {'Datastore': ['name']})
    names = {ref: entity(ref, found).title for ref, found in read}
    profiles = pbm.get_all_profiles(session)
    hubs = pbm.convert_datastores_to_hubs(session.pbm.client.factory, names)
    policies = []
    for profile in profiles:
        if profile.profileCategory != 'REQUIREMENT':
            continue
        matching = pbm.filter_hubs_by_profile(session, hubs, profile.profileId)
        allowed = pbm.filter_datastores_by_hubs(matching, names)
        policies.append(
            Policy(str(profile.name), _in_short(profile), sorted(names[ref] for ref in allowed))
        )
    return sorted(policies, key=lambda policy: policy.name)


class Refusal(NamedTuple):
    """Why something with a storage policy cannot be on a datastore."""

    policy: str
    reason: str


def read_refusal(session: api.VMwareAPISession, names: Sequence[str]) -> Refusal | None:
    """The first datastore that one of some policies refuses, and why."""
    for policy in spbm.policies_by_name(session, names).values():
        for result in spbm.check_compatibility(session, policy):
            if not result.compatible:
                return Refusal(policy.name, spbm.explain(result))
    return None


def _in_short(profile: Any) -> str:
    """What a policy asks for: its tags, or how many rules of whose."""
    rule_sets = getattr(profile.constraints, 'subProfiles', [])
    rules = [rule for rule_set in rule_sets for rule in getattr(rule_set, 'capability', [])]
    if not rules:
        return 'nothing'
    if len(rules) > 1:
        return f'{len(rules)} rules of {", ".join(sorted({rule.id.namespace for rule in rules}))}'
    wanted = rules[0].constraint[0].propertyInstance[0]
    values = getattr(wanted.value, 'values', [wanted.value])
    besides = 'not ' if getattr(wanted, 'operator', None) == 'NOT' else ''
    return f'{rules[0].id.id}: {besides}{", ".join(map(str, values))}'
