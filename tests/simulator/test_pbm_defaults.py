"""Default policies of datastores, asked with pyVmomi."""

from __future__ import annotations

from typing import Any

import pytest
from pyVmomi import pbm, vim

from oslo_vmware.simulator.pbm.policies import VSAN_DEFAULT_ID

from .policies import Client, entity, ids, wait


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
