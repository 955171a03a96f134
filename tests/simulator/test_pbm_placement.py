"""Placement: which datastores satisfy a policy, and why the others do not, asked with pyVmomi."""

from __future__ import annotations

from typing import Any

import pytest
from pyVmomi import pbm, vmodl

from oslo_vmware.simulator import Inventory

from .policies import Client, constraints, defined, disk_of, entity, reconfigure, rule, spec, tags
from .vsphere import connected


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


SERVICE = 'com.vmware.storageprofile.dataservice'
ZONES = 'com.vmware.storage.consumptiondomain'
ENCRYPTION = 'ad5a249d-cbc2-43af-9366-694d7664fa52'
ALL = {'fra-nfs-01', 'fra-vmfs-01', 'fra-vsan-01', 'fra-pod-01'} | {
    'fra-pod-01-vmfs-01',
    'fra-pod-01-vmfs-02',
}


def encrypted() -> Any:
    return rule(SERVICE, ENCRYPTION, ENCRYPTION)


def zonal() -> Any:
    return rule(ZONES, 'StorageTopology', 'Zonal', prop='StorageTopologyType')


def matching(client: Client, *rules: Any) -> set[str]:
    found = client.solver.QueryMatchingHubWithSpec(createSpec=spec('x', list(rules)))
    return client.names(found)


def data_store(client: Client, name: str) -> Any:
    return client.vc.world.objects[client.place(name).value]


def test_encryption_is_a_matter_of_the_filters(client: Client) -> None:
    """A policy refers to a data service policy, and needs the filter that this one is about."""
    assert matching(client, encrypted()) == ALL
    client.vc.policies.serve(data_store(client, 'fra-nfs-01'), 'DATASTORE_IO_CONTROL')
    assert matching(client, encrypted()) == ALL - {'fra-nfs-01'}
    made = client.profiles.Create(createSpec=spec('Secret', [encrypted()]))
    found = client.solver.QueryMatchingHub(profile=made)
    assert client.names(found) == ALL - {'fra-nfs-01'}
    assert matching(client, encrypted(), tags('Tier', 'Bronze', 'Silver')) == {'fra-vmfs-01'}


def test_io_control_is_not_for_vsan(client: Client) -> None:
    """vSAN has no storage I/O control, whether a policy says it by reference or by itself."""
    normal = client.named('Normal IO shares allocation')
    assert (normal.profileCategory, normal.lineOfService) == (
        'DATA_SERVICE_POLICY',
        'DATASTORE_IO_CONTROL',
    )
    reference = rule(SERVICE, normal.profileId.uniqueId, normal.profileId.uniqueId)
    assert matching(client, reference) == ALL - {'fra-vsan-01'}
    assert client.names(client.solver.QueryMatchingHub(profile=normal.profileId)) == ALL - {
        'fra-vsan-01'
    }


@pytest.mark.parametrize(
    'wrong',
    [
        rule(SERVICE, 'no-such-policy', 'no-such-policy'),
        rule(SERVICE, ENCRYPTION, 'another'),
        rule(ZONES, 'StorageTopology', 'Elsewhere', prop='StorageTopologyType'),
        rule(ZONES, 'StorageTopology', 'Zonal'),
        rule('spm', 'spm@DATASTOREIOCONTROL', 1, prop='limit'),
        rule('spm', 'spm@DATASTORE_IO_CONTROL', '1', prop='limit'),
        rule('vmwarevmcrypt', 'vmwarevmcrypt@ENCRYPTION', True, prop='AllowCleartextFilters'),
    ],
)
def test_rules_about_services_are_checked(client: Client, wrong: Any) -> None:
    """Names, types and values of these rules are checked as those of vSAN are."""
    with pytest.raises(vmodl.fault.InvalidArgument):
        matching(client, wrong)


def test_zones(client: Client) -> None:
    """A datastore is in a zone if all hosts of a cluster can use it, and the answer says which."""
    cluster = next(o for o in client.vc.world.objects.values() if o.ref.type.startswith('Cluster'))
    vmfs = data_store(client, 'fra-vmfs-01')
    assert matching(client, zonal()) == ALL
    vmfs.mount_on(cluster.host[0], accessible=False)
    assert matching(client, zonal()) == ALL - {'fra-vmfs-01'}
    hubs = [client.hub('fra-vmfs-01'), client.hub('fra-pod-01')]
    gold = client.named('Gold').profileId

    def asked(version: str, **more: Any) -> list[Any]:
        other = Client(client.instance_of_vim, client.vc, version)
        requirement = pbm.placement.ZoneTopologyRequirement(profileId=gold, **more)
        found: list[Any] = other.solver.CheckRequirements(
            hubsToSearch=hubs, placementSubjectRequirement=[requirement]
        )
        other.stub.DropConnections()
        return found

    lost, pod = asked('pbm.version.v9_1_0_0')
    assert lost.hubInfo.zoneClusters == []
    (zone,) = pod.hubInfo.zoneClusters
    assert (zone.objectType, zone.key) == ('cluster', cluster.ref.value)
    lost, pod = asked('pbm.version.v9_1_0_0', clusters=[zone])
    assert [type(one) for one in lost.error] == [
        pbm.fault.CapabilityProfilePropertyMismatchFault,  # Its tier is another one.
        pbm.fault.PropertyMismatchFault,
    ]
    assert lost.error[1].capabilityInstanceId.id == 'StorageTopology'
    assert pod.error == []


@pytest.mark.parametrize(('hosts', 'fits'), [(3, False), (4, True)])
def test_erasure_coding_needs_four_hosts(hosts: int, fits: bool) -> None:
    """vSAN with three hosts mirrors, and says so in the reason; with four it can do more."""
    inventory = Inventory(hosts_per_cluster=hosts)
    wanted = rule('VSAN', 'replicaPreference', 'RAID-5/6 (Erasure Coding) - Capacity')
    with connected(inventory) as vim_client:
        client = Client(vim_client.si, vim_client.vc)
        (result,) = client.solver.CheckCompatibilityWithSpec(
            hubsToSearch=[client.hub('fra-vsan-01')], profileSpec=spec('x', [wanted])
        )
        client.stub.DropConnections()
    if fits:
        assert result.error == []
    else:
        (reason,) = result.error
        has = reason.resourcePropertyInstance.value
        assert has == 'RAID-1 (Mirroring) - Performance'


def test_reasons_that_a_test_gives(client: Client) -> None:
    """Any reason can be had; an error excludes a hub, a warning does not."""
    policies, gold = client.vc.policies, client.named('Gold').profileId
    member, other = (data_store(client, f'fra-pod-01-vmfs-0{number}') for number in (1, 2))
    policies.refuse(member, 'PbmDefaultProfileAppliesFault', 'Only its default.')
    policies.refuse(other, 'PbmFault', 'Nearly full.', warning=True)
    hubs = [client.hub(name) for name in ('fra-pod-01-vmfs-01', 'fra-pod-01-vmfs-02', 'fra-pod-01')]
    refused, warned, pod = client.solver.CheckCompatibility(hubsToSearch=hubs, profile=gold)
    assert [type(one) for one in refused.error] == [pbm.fault.DefaultProfileAppliesFault]
    assert refused.error[0].hub.hubId == member.ref.value
    assert (warned.error, len(warned.warning)) == ([], 1)
    # One of its datastores will do.
    assert pod.error == []
    assert client.names(client.solver.QueryMatchingHub(hubsToSearch=hubs, profile=gold)) == {
        'fra-pod-01-vmfs-02',
        'fra-pod-01',
    }
    policies.accept(member)
    assert len(client.solver.QueryMatchingHub(hubsToSearch=hubs, profile=gold)) == 3


def test_a_machine_as_subject(client: Client, machines: list[Any]) -> None:
    """With a subject the answer says how often it fits, and asks for what the subject has."""
    vm, hub = machines[0], client.hub('fra-nfs-01')
    client.vc.set_free_space('fra-nfs-01', 3 * disk_of(vm).capacityInBytes + 1)
    silver = client.named('Silver')
    reconfigure(vm, disk=defined(silver))
    check = client.solver.CheckRequirements
    key = f'{vm._moId}:{disk_of(vm).key}'
    (result,) = check(hubsToSearch=[hub], placementSubjectRef=entity('virtualDiskId', key))
    assert result.howMany == 3
    assert [one.requirementPropertyInstance.value.values for one in result.error] == [['Silver']]
    (space,) = result.utilization
    free = client.vc.world.objects[hub.hubId].free_space  # type: ignore[attr-defined]
    assert space.availableBefore == free // 2**20
    assert space.availableAfter == (free - disk_of(vm).capacityInBytes) // 2**20
    # The home has no policy, and takes any place.
    home = entity('virtualMachine', vm._moId)
    (result,) = check(hubsToSearch=[hub], placementSubjectRef=home)
    assert (result.error, result.howMany) == ([], None)
    with pytest.raises(pbm.fault.NotFound):
        check(hubsToSearch=[hub], placementSubjectRef=entity('virtualMachine', 'vm-9999'))


def test_replication_groups_of_a_hub(client: Client) -> None:
    """The replication groups of a datastore come with the answer."""
    client.vc.policies.replicate(data_store(client, 'fra-nfs-01'), 'group-7')
    hubs = [client.hub('fra-nfs-01'), client.hub('fra-vmfs-01')]
    results = client.solver.CheckRequirements(hubsToSearch=hubs)
    (found,) = results[0].matchingResources
    assert [one.deviceGroupId.id for one in found.replicationGroup] == ['group-7']
    assert results[1].matchingResources == []
