"""Placement: which datastores satisfy a policy, and why the others do not, asked with pyVmomi."""

from __future__ import annotations

from typing import Any

import pytest
from pyVmomi import pbm

from .policies import Client, constraints, rule, spec, tags


@pytest.mark.parametrize(
    ('rule_sets', 'allowed'),
    [
        ([[tags('Tier', 'Gold', 'Bronze')]],
         'fra-pod-01 fra-pod-01-vmfs-01 fra-pod-01-vmfs-02 fra-nfs-01'),
        ([[tags('Tier', 'Gold', 'Silver', operator='NOT')]], 'fra-nfs-01 fra-vsan-01'),
        ([[tags('Tier', 'Lead')]], ''),
        ([[tags('Tier', 'Gold'), tags('Tier', 'Silver')]], ''),
        ([[tags('Tier', 'Silver')], [tags('Tier', 'Bronze')]], 'fra-nfs-01 fra-vmfs-01'),
        ([[rule('VSAN', 'stripeWidth', 4)]], 'fra-vsan-01'),
        ([[rule('VSAN', 'hostFailuresToTolerate', 1)]], 'fra-vsan-01'),
        ([[rule('VSAN', 'hostFailuresToTolerate', 2)]], ''),
        ([[rule('VSAN', 'hostFailuresToTolerate', 2), rule('VSAN', 'forceProvisioning', True)]],
         'fra-vsan-01'),
        ([[tags('Tier', 'Silver'), rule('VSAN', 'stripeWidth', 1)]], ''),
    ],
)  # fmt: skip
def test_hubs_are_matched_by_rules(
    client: Client, rule_sets: list[list[Any]], allowed: str
) -> None:
    """Tags and vSAN's capabilities decide, the same for a stored policy and an unsaved one."""
    unsaved = client.solver.QueryMatchingHubWithSpec(createSpec=spec('x', *rule_sets))
    assert client.names(unsaved) == set(allowed.split())
    profile_id = client.profiles.Create(createSpec=spec('x', *rule_sets))
    assert client.names(client.solver.QueryMatchingHub(profile=profile_id)) == set(allowed.split())
    # And the answers with reasons agree with those without.
    for results in (
        client.solver.CheckCompatibility(profile=profile_id),
        client.solver.CheckCompatibilityWithSpec(profileSpec=spec('x', *rule_sets)),
        client.solver.CheckRequirements(
            placementSubjectRequirement=[
                pbm.placement.CapabilityProfileRequirement(profileId=profile_id)
            ]
        ),
        client.solver.CheckRequirements(
            placementSubjectRequirement=[
                pbm.placement.CapabilityConstraintsRequirement(constraints=constraints(*rule_sets))
            ]
        ),
    ):
        compatible = [result.hub for result in results if not result.error]
        assert client.names(compatible) == set(allowed.split())
        assert len(results) == 6


def test_reasons(client: Client) -> None:
    """A refused datastore says which property failed, what was wanted, and what it has."""
    silver = client.named('Silver').profileId
    hubs = [client.hub('fra-nfs-01'), client.hub('fra-vmfs-01')]
    nfs, vmfs = client.solver.CheckCompatibility(hubsToSearch=hubs, profile=silver)
    assert not vmfs.error
    assert nfs.hub.hubId == hubs[0].hubId
    # Within a list of localized faults pyVmomi gives the faults themselves.
    (reason,) = nfs.error
    assert isinstance(reason, pbm.fault.CapabilityProfilePropertyMismatchFault)
    assert reason.capabilityInstanceId.id == 'Tier'
    assert reason.requirementPropertyInstance.value.values == ['Silver']
    assert reason.resourcePropertyInstance.value.values == ['Bronze']
    vsan = client.named('vSAN Default Storage Policy').profileId
    (refused,) = client.solver.CheckCompatibility(hubsToSearch=hubs[:1], profile=vsan)
    assert {type(one) for one in refused.error} == {pbm.fault.PropertyMismatchFault}
    assert len(refused.error) == 5


def test_hubs_that_do_not_exist(client: Client) -> None:
    """A hub that names nothing is a fault which names the hub."""
    gold = client.named('Gold').profileId
    unknown = pbm.placement.PlacementHub(hubType='Datastore', hubId='datastore-9999')
    wrong = client.hub('fra-pod-01')
    wrong.hubType = 'Datastore'
    with pytest.raises(pbm.fault.NonExistentHubs) as caught:
        client.solver.QueryMatchingHub(
            hubsToSearch=[client.hub('fra-nfs-01'), unknown, wrong], profile=gold
        )
    assert [hub.hubId for hub in caught.value.hubs] == [unknown.hubId, wrong.hubId]
