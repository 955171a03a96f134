"""Who has which policy: machines and their disks, asked with pyVmomi."""

from __future__ import annotations

from typing import Any

import pytest
from pyVmomi import pbm, vim, vmodl

from oslo_vmware.simulator import Inventory
from oslo_vmware.simulator.pbm import rules
from oslo_vmware.simulator.pbm.policies import VSAN_DEFAULT_ID

from .policies import STORAGE, Client, defined, disk_of, entity, ids, reconfigure, wait
from .vsphere import connected


def test_machines_and_disks_have_policies(client: Client, machines: list[Any]) -> None:
    """ReconfigVM_Task sets the policies of home and disk, and every query tells of them."""
    vm = machines[0]
    key = f'{vm._moId}:{disk_of(vm).key}'
    home, disk = entity('virtualMachine', vm._moId), entity('virtualDiskId', key)
    both = entity('virtualMachineAndDisks', vm._moId)
    query = client.profiles.QueryAssociatedProfile
    gold, silver = client.named('Gold'), client.named('Silver')
    assert [query(entity=one) for one in (home, disk, both)] == [[], [], []]

    reconfigure(vm, defined(gold), defined(silver))
    assert ids(query(entity=home)) == [gold.profileId.uniqueId]
    assert ids(query(entity=disk)) == [silver.profileId.uniqueId]
    assert ids(query(entity=both)) == [gold.profileId.uniqueId, silver.profileId.uniqueId]
    (user,) = client.profiles.QueryAssociatedEntity(profile=silver.profileId)
    assert (user.objectType, user.key) == ('virtualDiskId', key)
    assert user.serverUuid == client.vc.world.about.instanceUuid
    found = client.profiles.QueryAssociatedEntity(
        profile=silver.profileId, entityType='virtualMachine'
    )
    assert found == []
    results = client.profiles.QueryAssociatedEntities(profiles=[gold.profileId, silver.profileId])
    assert {(one.object.key, *ids(one.profileId)) for one in results} == {
        (vm._moId, gold.profileId.uniqueId),
        (key, silver.profileId.uniqueId),
    }

    # A change that speaks of no policy changes none; an empty one takes it away.
    reconfigure(vm, disk=[])
    assert len(query(entity=both)) == 2
    reconfigure(vm, home=[vim.vm.EmptyProfileSpec()])
    assert ids(query(entity=both)) == [silver.profileId.uniqueId]


def test_first_class_disks(client: Client) -> None:
    """A disk of no machine has a policy and compliance, is placed, and can have another policy."""
    policies, (place, other) = client.vc.policies, ('fra-pod-01-vmfs-01', 'fra-nfs-01')
    stores: Any = client.vc.world.objects
    gold, silver = client.named('Gold'), client.named('Silver')
    disk, missing = entity('virtualDiskUUID', 'a-disk'), entity('virtualDiskUUID', 'none')
    has = policies.associations.first_class_disk
    has('a-disk', stores[client.place(place).value], gold.profileId.uniqueId)
    query = client.profiles.QueryAssociatedProfiles
    known, unknown = query(entities=[disk, missing])
    assert ids(known.profileId) == [gold.profileId.uniqueId]
    assert isinstance(unknown.fault, pbm.fault.NotFound)
    (user,) = client.profiles.QueryAssociatedEntity(profile=gold.profileId)
    assert (user.objectType, user.key) == ('virtualDiskUUID', 'a-disk')
    check = client.content.complianceManager.CheckCompliance
    assert [one.complianceStatus for one in check(entities=[disk])] == ['compliant']
    requirement = pbm.placement.CapabilityProfileRequirement(profileId=gold.profileId)
    (result,) = client.solver.CheckRequirements(
        hubsToSearch=[client.hub(place)],
        placementSubjectRef=disk,
        placementSubjectRequirement=[requirement],
    )
    (space,) = result.utilization
    assert space.availableBefore - space.availableAfter == 1024
    has('a-disk', stores[client.place(other).value], silver.profileId.uniqueId)
    assert client.profiles.QueryAssociatedEntity(profile=gold.profileId) == []
    assert [one.complianceStatus for one in check(entities=[disk])] == ['nonCompliant']
    status = client.content.complianceManager.QueryByRollupComplianceStatus
    assert status(status='nonCompliant') == []


def test_a_machine_is_created_with_policies(client: Client, si: Any) -> None:
    """CreateVM_Task associates the new machine's home and disk; with the machine it all goes."""
    datacenter = si.content.rootFolder.childEntity[0]
    cluster = datacenter.hostFolder.childEntity[0]
    gold, silver = client.named('Gold'), client.named('Silver')
    scsi = vim.vm.device.VirtualLsiLogicController(key=-1, busNumber=0, sharedBus='noSharing')
    disk = vim.vm.device.VirtualDisk(
        key=-2,
        controllerKey=-1,
        unitNumber=0,
        capacityInKB=1024,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName='', diskMode='persistent'),
    )
    spec_of = vim.vm.device.VirtualDeviceSpec
    config = vim.vm.ConfigSpec(
        name='with-policies',
        files=vim.vm.FileInfo(vmPathName='[fra-pod-01-vmfs-01]'),
        vmProfile=defined(gold),
        deviceChange=[
            spec_of(operation='add', device=scsi),
            spec_of(operation='add', fileOperation='create', device=disk, profile=defined(silver)),
        ],
    )
    task = datacenter.vmFolder.CreateVM_Task(config=config, pool=cluster.resourcePool)
    wait(task)
    vm = task.info.result
    results = client.profiles.QueryAssociatedProfiles(
        entities=[
            entity('virtualMachine', vm._moId),
            entity('virtualDiskId', f'{vm._moId}:{disk_of(vm).key}'),
            entity('virtualDiskId', f'{vm._moId}:9999'),
            entity('virtualMachine', 'vm-9999'),
            entity('virtualMachine', vm._moId, serverUuid='another vCenter'),
        ]
    )
    assert [ids(one.profileId) for one in results] == [
        [gold.profileId.uniqueId],
        [silver.profileId.uniqueId],
        [],
        [],
        [],
    ]
    assert [one.fault is None for one in results] == [True, True, False, False, False]
    wait(vm.Destroy_Task())
    assert client.profiles.QueryAssociatedEntities(profiles=[gold.profileId]) == []


def test_an_unknown_policy_is_refused(client: Client, machines: list[Any]) -> None:
    """A machine cannot have a policy that does not exist; nothing of the change is made."""
    vm = machines[0]
    name = vm.name
    config = vim.vm.ConfigSpec(
        name='renamed', vmProfile=[vim.vm.DefinedProfileSpec(profileId='no-such-policy')]
    )
    with pytest.raises(vmodl.fault.InvalidArgument):
        wait(vm.ReconfigVM_Task(spec=config))
    assert vm.name == name


def test_kinds_of_entities(client: Client, machines: list[Any]) -> None:
    """What PBM does not know is refused, what does not exist is not found."""
    vm = machines[0]
    query = client.profiles.QueryAssociatedProfile
    with pytest.raises(vmodl.fault.InvalidArgument):
        query(entity=entity('toaster', vm._moId))
    for missing in (
        entity('virtualDiskUUID', 'no-such-disk'),
        entity('virtualDiskId', f'{vm._moId}:1'),
        entity('virtualDiskId', vm._moId),
        entity('virtualMachine', f'{vm._moId}:{disk_of(vm).key}'),
        entity('datastore', vm._moId),
    ):
        with pytest.raises(pbm.fault.NotFound):
            query(entity=missing)
    gold = client.named('Gold').profileId
    with pytest.raises(vmodl.fault.InvalidArgument):
        client.profiles.QueryAssociatedEntity(profile=gold, entityType='toaster')
    vsan = client.place('fra-vsan-01').value
    assert ids(query(entity=entity('datastore', vsan))) == [VSAN_DEFAULT_ID]


def test_a_disk_that_goes_takes_its_policy_along(client: Client, machines: list[Any]) -> None:
    """What was removed has no policy any more, and the policy can be deleted."""
    vm, silver = machines[0], client.named('Silver')
    reconfigure(vm, disk=defined(silver))
    assert len(client.profiles.QueryAssociatedEntity(profile=silver.profileId)) == 1
    removal = vim.vm.device.VirtualDeviceSpec(operation='remove', device=disk_of(vm))
    wait(vm.ReconfigVM_Task(spec=vim.vm.ConfigSpec(deviceChange=[removal])))
    assert client.profiles.QueryAssociatedEntity(profile=silver.profileId) == []
    assert client.profiles.Delete(profileId=[silver.profileId])[0].fault is None


def test_replication_groups(client: Client, machines: list[Any]) -> None:
    """A group comes with the policy that is applied, and goes with it."""
    vm, other = machines[:2]
    group = vim.vm.replication.ReplicationGroupId(
        faultDomainId=vim.vm.replication.FaultDomainId(id='array-1'),
        deviceGroupId=vim.vm.replication.DeviceGroupId(id='group-7'),
    )
    policy = vim.vm.DefinedProfileSpec(
        profileId=client.named('Silver').profileId.uniqueId,
        replicationSpec=vim.vm.replication.ReplicationSpec(replicationGroupId=group),
    )
    reconfigure(vm, disk=[policy])
    disk = entity('virtualDiskId', f'{vm._moId}:{disk_of(vm).key}')
    query: Any = client.content.replicationManager.QueryReplicationGroups
    asked = [disk, entity('virtualMachine', other._moId), entity('virtualMachine', 'vm-9999')]
    found, none, missing = query(entities=asked)
    assert found.replicationGroupId.deviceGroupId.id == 'group-7'
    assert found.replicationGroupId.faultDomainId.id == 'array-1'
    assert found.object.key == disk.key
    for one in (none, missing):
        assert one.replicationGroupId is None
        assert isinstance(one.fault, pbm.fault.NotFound)
    assert [one.object.key for one in query()] == [disk.key]
    reconfigure(vm, disk=[vim.vm.EmptyProfileSpec()])
    assert query() == []


def test_thousands_of_entities() -> None:
    """Each of many machines and disks is answered for, by policy and by entity, and once."""
    with connected(Inventory(vms=1500, hosts_per_cluster=8)) as vim_client:
        client = Client(vim_client.si, vim_client.vc)
        vc = vim_client.vc
        names = [f'policy-{number:03}' for number in range(1000)]
        made = [vc.policies.create(name, [rules.tag_rule('Tier', 'Gold')]) for name in names]
        policies = [one.profileId.uniqueId for one in made]
        vms = [one for one in vc.world.objects.values() if one.is_a('VirtualMachine')]
        expected = {}
        for number, vm in enumerate(vms):
            home, disk = policies[number % 1000], policies[-1 - number % 1000]
            key = next(one.key for one in vm.disks)  # type: ignore[attr-defined]
            vc.policies.assign(vm, home, {key: disk})
            expected[vm.ref.value], expected[f'{vm.ref.value}:{key}'] = home, disk
        found = client.profiles.QueryAssociatedEntities()
        assert {one.object.key: ids(one.profileId) for one in found} == {
            key: [policy] for key, policy in expected.items()
        }
        assert len(found) == len(expected) == 3000
        asked = [key for key in expected if ':' not in key]
        results = client.profiles.QueryAssociatedProfiles(
            entities=[entity('virtualMachine', key) for key in asked]
        )
        assert [ids(one.profileId) for one in results] == [[expected[key]] for key in asked]
        last = pbm.profile.ProfileId(uniqueId=policies[0])
        users = client.profiles.QueryAssociatedEntity(profile=last)
        assert {one.key for one in users} == {k for k, v in expected.items() if v == policies[0]}
        # In the first machine's home, and where it wraps around.
        assert len(users) == 3
        known = client.profiles.QueryProfile(resourceType=STORAGE, profileCategory='REQUIREMENT')
        assert {one.uniqueId for one in known} >= set(policies)
        assert len(client.profiles.RetrieveContent(profileIds=known)) == len(known) == 1005
        client.stub.DropConnections()
