"""Default policies of datastores, asked with pyVmomi."""

from __future__ import annotations

from typing import Any

import pytest
from pyVmomi import pbm, vim, vmodl

from oslo_vmware.simulator.pbm.policies import VSAN_DEFAULT_ID

from .policies import Client, constraints, entity, ids, rule, spec, wait


def test_default_policies(client: Client, si: Any) -> None:
    """vSAN has a default policy, others none; it can be replaced, and machines can ask for it."""
    nfs, vsan = client.hub('fra-nfs-01'), client.hub('fra-vsan-01')
    one = client.profiles.QueryDefaultRequirementProfile
    assert one(hub=nfs) is None
    assert one(hub=vsan).uniqueId == VSAN_DEFAULT_ID
    platinum = client.named('Platinum').profileId
    client.profiles.AssignDefaultRequirementProfile(profile=platinum, datastores=[vsan])
    assert one(hub=vsan).uniqueId == platinum.uniqueId
    infos = client.profiles.QueryDefaultRequirementProfiles(datastores=[nfs, vsan])
    assert [info.defaultProfile and info.defaultProfile.name for info in infos] == [
        None,
        'Platinum',
    ]
    with pytest.raises(pbm.fault.LegacyHubsNotSupported) as caught:
        client.profiles.AssignDefaultRequirementProfile(profile=platinum, datastores=[nfs, vsan])
    assert [hub.hubId for hub in caught.value.hubs] == [nfs.hubId]
    datacenter = si.content.rootFolder.childEntity[0]
    config = vim.vm.ConfigSpec(
        name='by-default',
        files=vim.vm.FileInfo(vmPathName='[fra-vsan-01]'),
        vmProfile=[vim.vm.DefaultProfileSpec()],
    )
    pool = datacenter.hostFolder.childEntity[0].resourcePool
    task = datacenter.vmFolder.CreateVM_Task(config=config, pool=pool)
    wait(task)
    vm = task.info.result
    found = client.profiles.QueryAssociatedProfile(entity=entity('virtualMachine', vm._moId))
    assert ids(found) == [platinum.uniqueId]


def test_defaults_that_would_apply(client: Client) -> None:
    """Only datastores that can have a default policy have one that would apply."""
    nfs, vsan, pod = (client.hub(name) for name in ('fra-nfs-01', 'fra-vsan-01', 'fra-pod-01'))
    find = client.profiles.FindApplicableDefaultProfile
    assert [one.profileId.uniqueId for one in find(datastores=[vsan, vsan])] == [VSAN_DEFAULT_ID]
    with pytest.raises(pbm.fault.LegacyHubsNotSupported) as caught:
        find(datastores=[vsan, nfs])
    assert [hub.hubId for hub in caught.value.hubs] == [nfs.hubId]
    unknown = pbm.placement.PlacementHub(hubType='Datastore', hubId='datastore-9999')
    for ask in (
        lambda hub: find(datastores=[hub]),
        lambda hub: client.profiles.QueryDefaultRequirementProfile(hub=hub),
        lambda hub: client.profiles.QueryDefaultRequirementProfiles(datastores=[vsan, hub]),
    ):
        with pytest.raises(vmodl.fault.InvalidArgument):
            ask(pod)
        with pytest.raises(pbm.fault.NonExistentHubs):
            ask(unknown)


def test_resetting_defaults(client: Client) -> None:
    """A reset gives back what a datastore has by itself: all, or those that have one policy."""
    vsan = client.hub('fra-vsan-01')
    gold, platinum = (client.named(name).profileId for name in ('Gold', 'Platinum'))

    def default() -> str:
        found: str = client.profiles.QueryDefaultRequirementProfile(hub=vsan).uniqueId
        return found

    reset = client.profiles.ResetDefaultRequirementProfile
    for argument, expected in ((gold, platinum.uniqueId), (platinum, VSAN_DEFAULT_ID)):
        client.profiles.AssignDefaultRequirementProfile(profile=platinum, datastores=[vsan])
        reset(profile=argument)
        assert default() == expected
    client.profiles.AssignDefaultRequirementProfile(profile=platinum, datastores=[vsan])
    reset()
    assert default() == VSAN_DEFAULT_ID


def test_resetting_the_policy_of_vsan(client: Client) -> None:
    """vSAN's own policy can be changed, and gets its rules back."""
    vsan = client.named('vSAN Default Storage Policy')
    update = pbm.profile.CapabilityBasedProfileUpdateSpec(
        constraints=constraints([rule('VSAN', 'stripeWidth', 9)])
    )
    client.profiles.Update(profileId=vsan.profileId, updateSpec=update)
    changed = client.named(vsan.name)
    assert len(changed.constraints.subProfiles[0].capability) == 1
    client.profiles.ResetVSanDefaultProfile()
    back = client.named(vsan.name)
    assert [one.id.id for one in back.constraints.subProfiles[0].capability] == [
        one.id.id for one in vsan.constraints.subProfiles[0].capability
    ]
    assert back.generationId == changed.generationId + 1


def test_the_default_of_a_datastore_cannot_be_deleted(client: Client) -> None:
    """A policy that is a datastore's default, or that another refers to, is in use."""
    platinum = client.named('Platinum').profileId
    hub = client.hub('fra-vsan-01')
    client.profiles.AssignDefaultRequirementProfile(profile=platinum, datastores=[hub])
    encryption = client.named('Default encryption properties').profileId
    reference = rule(
        'com.vmware.storageprofile.dataservice', encryption.uniqueId, encryption.uniqueId
    )
    client.profiles.Create(createSpec=spec('Secret', [reference]))
    outcomes = client.profiles.Delete(profileId=[platinum, encryption])
    assert [type(one.fault) for one in outcomes] == [pbm.fault.ResourceInUse] * 2
    client.profiles.ResetDefaultRequirementProfile(profile=platinum)
    assert client.profiles.Delete(profileId=[platinum])[0].fault is None


def test_space_of_a_container(client: Client) -> None:
    """Space of a vSAN datastore, as it is and for each policy with its copies."""
    vsan, gib = client.place('fra-vsan-01').value, 1024**3
    datastore: Any = client.vc.world.objects[vsan]
    free = datastore.free_space
    ask = client.profiles.QuerySpaceStatsForStorageContainer
    (plain,) = ask(datastore=entity('datastore', vsan))
    assert (plain.profileId, plain.physicalFreeInMB) == (None, free * 1024 // gib)
    assert plain.physicalTotalInMB == plain.physicalFreeInMB + plain.physicalUsedInMB
    mirrored = client.named('vSAN Default Storage Policy').profileId
    (found,) = ask(datastore=entity('datastore', vsan), capabilityProfileId=[mirrored])
    assert found.profileId == mirrored.uniqueId
    assert found.logicalFreeInMB == plain.physicalFreeInMB // 2
    for other in ('fra-nfs-01', 'fra-pod-01'):
        with pytest.raises(vmodl.fault.InvalidArgument):
            ask(datastore=entity('datastore', client.place(other).value))
