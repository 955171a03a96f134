"""Policies on machines and disks, and who has which."""

import uuid
from typing import Any

import pytest

from oslo_vmware import api, exceptions, pbm, spbm
from oslo_vmware.simulator import Fault, Inventory, VCenterSimulator, types
from oslo_vmware.simulator.pbm.profile_manager import ProfileManager
from oslo_vmware.spbm import _calls

from ..conftest import SessionMaker
from .conftest import Site


@pytest.fixture
def vm(site: Site) -> Any:
    return site.ref('VirtualMachine')


def test_home_and_disks_in_one_task(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any
) -> None:
    """Set, left alone, given back to the server, removed: one ReconfigVM_Task each."""
    gold, silver = spbm.find_policy(session, 'Gold'), spbm.find_policy(session, 'Silver')
    (key,) = spbm.vm_policies(session, vm).disks
    session.wait_for_task(spbm.set_policies(session, vm, home=gold, disks={(0, 0): silver}))
    assert vc.count('ReconfigVM_Task') == 1
    assert spbm.vm_policies(session, vm) == spbm.VmPolicies(gold.id, {key: silver.id})
    session.wait_for_task(spbm.set_policies(session, vm, disks={key: None}))
    assert spbm.vm_policies(session, vm) == spbm.VmPolicies(gold.id, {key: None})
    session.wait_for_task(spbm.set_policies(session, vm, home=None, disks={key: gold}))
    assert spbm.vm_policies(session, vm) == spbm.VmPolicies(None, {key: gold.id})
    with pytest.raises(ValueError, match='no policy to change'):
        spbm.set_policies(session, vm, disks={key: spbm.KEEP})
    assert vc.count('ReconfigVM_Task') == 3


def test_the_default(connect: SessionMaker) -> None:
    """The server chooses what the datastore has by default, for home and disk."""
    inventory = Inventory(nfs_datastores=0, vmfs_datastores=0, storage_pods=0, standalone_hosts=0)
    with VCenterSimulator(inventory=inventory, task_seconds=0.05) as vc:
        site, session = Site(vc), connect(vc)
        machine, vm = site.object('VirtualMachine'), site.ref('VirtualMachine')
        gold, own = site.policy_id('Gold'), site.policy_id('vSAN Default Storage Policy')
        vc.policies.assign(machine, gold, {2000: gold})
        task = spbm.set_policies(session, vm, home=spbm.DEFAULT, disks={2000: spbm.DEFAULT})
        session.wait_for_task(task)
        assert spbm.vm_policies(session, vm) == spbm.VmPolicies(own, {2000: own})
        spec = config_spec(vc)
        for (profile,) in (spec.vmProfile, spec.deviceChange[0].profile):
            assert profile.wire_type == 'VirtualMachineDefaultProfileSpec'


def config_spec(vc: VCenterSimulator) -> Any:
    """What the last ReconfigVM_Task was given."""
    call: Any = [one for one in vc.calls if one.operation == 'ReconfigVM_Task'][-1]
    return call.args.spec


def test_what_a_specification_takes(session: api.VMwareAPISession) -> None:
    """One of: a policy, none, the default."""
    (spec,) = spbm.policy_spec(session, default=True)
    assert spec.__class__.__name__ == 'VirtualMachineDefaultProfileSpec'
    (spec,) = spbm.policy_spec(session)
    assert spec.__class__.__name__ == 'VirtualMachineEmptyProfileSpec'
    with pytest.raises(ValueError, match='either a policy or the default'):
        spbm.policy_spec(session, 'x', default=True)
    with pytest.raises(ValueError, match='need a policy'):
        spbm.policy_spec(session, params={'a': 'b'})


def test_parameters_of_a_policy(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any
) -> None:
    """They arrive with the policy, and so does the replication group."""
    gold = site.policy_id('Gold')
    spec = session.vim.client.factory.create('ns0:VirtualMachineConfigSpec')
    spec.vmProfile = spbm.policy_spec(
        session, gold, params={'iops': '100', 'b': ''}, replication_group=('domain-1', 'group-1')
    )
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', vm, spec=spec))
    (profile,) = config_spec(vc).vmProfile
    assert profile.profileId == gold
    assert [(one.key, one.value) for one in profile.profileParams] == [('iops', '100'), ('b', '')]
    group = profile.replicationSpec.replicationGroupId
    assert (group.faultDomainId.id, group.deviceGroupId.id) == ('domain-1', 'group-1')
    assert spbm.vm_policies(session, vm).home == gold


def test_an_address_of_several_disks(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any
) -> None:
    """SCSI and NVMe controllers count each from 0: the keys are named, and nothing is sent."""
    create = session.vim.client.factory.create
    controller, disk = create('ns0:VirtualNVMEController'), create('ns0:VirtualDisk')
    controller.key, controller.busNumber = -1, 0
    disk.key, disk.controllerKey, disk.unitNumber, disk.capacityInKB = -2, -1, 0, 1024
    disk.backing = create('ns0:VirtualDiskFlatVer2BackingInfo')
    disk.backing.fileName, disk.backing.diskMode = '', 'persistent'
    spec = create('ns0:VirtualMachineConfigSpec')
    spec.deviceChange = []
    for device in (controller, disk):
        change = create('ns0:VirtualDeviceConfigSpec')
        change.operation, change.device = 'add', device
        spec.deviceChange.append(change)
    spec.deviceChange[1].fileOperation = 'create'
    session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', vm, spec=spec))
    first, second = spbm.vm_policies(session, vm).disks
    with pytest.raises(ValueError, match=rf'several disks.*\({first}, {second}\)'):
        spbm.set_policies(session, vm, disks={(0, 0): None})
    assert vc.count('ReconfigVM_Task') == 1
    gold = site.policy_id('Gold')
    session.wait_for_task(spbm.set_policies(session, vm, disks={second: gold}))
    assert spbm.vm_policies(session, vm).disks == {first: None, second: gold}
    devices = site.object('VirtualMachine').config.hardware.device
    (scsi,) = [one.controllerKey for one in devices if one.key == first]
    session.wait_for_task(spbm.set_policies(session, vm, disks={(scsi, 0): gold}))
    assert spbm.vm_policies(session, vm).disks == {first: gold, second: gold}


def test_first_class_disks(session: api.VMwareAPISession, vc: VCenterSimulator, site: Site) -> None:
    """They have policies and compliance and can be placed, as what belongs to a machine."""
    gold, silver = site.policy_id('Gold'), site.policy_id('Silver')
    good, bad = (site.object('Datastore', f'fra-{name}-01') for name in ('pod-01-vmfs', 'nfs'))
    for id_, place, policy in (
        ('disk-a', good, gold),
        ('disk-b', bad, gold),
        ('disk-c', bad, None),
    ):
        vc.policies.associations.first_class_disk(id_, place, policy, size=good.free_space // 3)
    create = session.vim.client.factory.create
    named = create('ns0:ID')
    named.id = 'disk-b'
    disks = [spbm.first_class_disk(one) for one in ('disk-a', named, 'disk-c', 'nowhere')]
    assert [one.kind for one in disks] == ['virtualDiskUUID'] * 4
    found = list(spbm.policies_of(session, disks).values())
    assert found[:3] == [[gold], [gold], []]
    assert isinstance(found[3], exceptions.VimException)
    assert spbm.entities_of(session, gold, kind='virtualDiskUUID') == disks[:2]
    assert spbm.entities_of_policies(session, [silver, gold]) == {silver: [], gold: disks[:2]}
    results = spbm.compliance(session, disks, recheck=True)
    assert [(one.entity, one.status) for one in results] == [
        (disks[0], 'compliant'),
        (disks[1], 'nonCompliant'),
        (disks[2], 'notApplicable'),
        (disks[3], 'notApplicable'),
    ]
    (fits,) = spbm.check_compatibility(
        session, gold, [site.ref('Datastore', good.name)], subject=disks[0]
    )
    assert fits.how_many == 3
    assert (disks[0].vm, disks[0].disk_key) == (None, None)


def test_disks_that_are_not_there(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any
) -> None:
    """All wrong addresses are named, and nothing is sent; one disk cannot be named twice."""
    with pytest.raises(spbm.DiskNotFoundException) as caught:
        spbm.set_policies(session, vm, disks={7: None, (3, 4): None})
    assert caught.value.disks == (7, (3, 4))
    with pytest.raises(ValueError, match='named twice'):
        spbm.set_policies(session, vm, disks={2000: None, (0, 0): None})
    assert vc.count('ReconfigVM_Task') == 0


def test_policies_that_are_not_there(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any
) -> None:
    """All unknown ones are named, once each, and nothing is sent."""
    gold, unknown = site.policy_id('Gold'), str(uuid.uuid4())
    with pytest.raises(spbm.PolicyNotFoundException) as caught:
        spbm.set_policies(session, vm, home=unknown, disks={2000: unknown, 2001: gold})
    assert caught.value.ids == (unknown,)
    assert vc.count('ReconfigVM_Task') == 0


def test_replication_group(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any
) -> None:
    """The group given with a policy, to home or disk, is the one that is told for what has it."""
    home, disk, gone = spbm.entity(vm), spbm.disk(vm, 2000), spbm.entity('vm-nowhere')
    gold, group = site.policy_id('Gold'), spbm.ReplicationGroup('domain-1', 'group-1')
    for wanted, grouped in (({'home': gold}, [home]), ({'disks': {2000: gold}}, [home, disk])):
        task = spbm.set_policies(session, vm, **wanted, replication_group=('domain-1', 'group-1'))
        session.wait_for_task(task)
        found = spbm.replication_groups(session, [gone, home, disk])
        assert list(found) == [gone, home, disk]
        assert [one for one in found if found[one] == group] == grouped
        assert found[home].raw.deviceGroupId.id == 'group-1'
        assert isinstance(found[gone], exceptions.VimException)
    assert vc.count('ReconfigVM_Task') == 2


def test_a_fault_about_one(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any
) -> None:
    """What cannot be told of one entity is a value in the answer."""
    gold, silver = site.policy_id('Gold'), site.policy_id('Silver')
    vc.policies.assign(site.object('VirtualMachine'), gold, {2000: silver})
    asked = [
        spbm.entity('vm-nowhere'),
        spbm.entity(vm),
        spbm.disk(vm, 2000),
        spbm.vm_and_disks(vm),
    ]
    found = spbm.policies_of(session, asked)
    assert list(found) == asked
    assert isinstance(found[asked[0]], exceptions.VimException)
    assert [found[one] for one in asked[1:]] == [[gold], [silver], [gold, silver]]
    assert spbm.entities_of(session, gold) == [spbm.entity(vm)]
    assert spbm.entities_of(session, silver, kind='virtualMachine') == []
    by_policy = spbm.entities_of_policies(session, [silver, gold])
    assert by_policy == {silver: [spbm.disk(vm, 2000)], gold: [spbm.entity(vm)]}
    with pytest.raises(spbm.PolicyNotFoundException):
        spbm.entities_of(session, '11111111-1111-1111-1111-111111111111')


def test_an_unknown_machine_is_no_unknown_policy(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any
) -> None:
    """Asked for by itself, among others, for its groups, or to be placed."""
    gold, gone = site.policy_id('Gold'), spbm.entity('vm-nowhere')
    answers = [
        spbm.policies_of(session, [gone, spbm.entity(vm)])[gone],
        spbm.replication_groups(session, [gone])[gone],
    ]
    with pytest.raises(spbm.PbmException) as caught:
        spbm.check_compatibility(session, gold, subject=gone)
    for answer in (*answers, caught.value):
        assert isinstance(answer, spbm.PbmException)
        assert not isinstance(answer, spbm.PolicyNotFoundException)
        assert answer.fault_list == ['PbmFaultNotFound']
    # A policy that there is not is one, with a machine that there is and without.
    for subject in (None, spbm.entity(vm)):
        with pytest.raises(spbm.PolicyNotFoundException) as unknown:
            spbm.check_compatibility(session, str(uuid.uuid4()), subject=subject)
        assert len(unknown.value.ids) == 1


def test_a_fault_about_one_entity_of_a_policy(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    site: Site,
    vm: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told, with the entity, and takes nothing from what is known of the others."""
    gold, silver = site.policy_id('Gold'), site.policy_id('Silver')
    vc.policies.assign(site.object('VirtualMachine'), gold)
    whole = ProfileManager.PbmQueryAssociatedEntities

    def with_a_fault(manager: Any, call: Any) -> Any:
        fault = Fault('PbmFault', 'Its provider does not answer.').localized()
        hidden = types.PbmServerObjectRef(objectType='virtualMachine', key='vm-hidden')
        return [types.PbmQueryProfileResult(object=hidden, fault=fault), *whole(manager, call)]

    monkeypatch.setattr(ProfileManager, 'PbmQueryAssociatedEntities', with_a_fault)
    found = spbm.entities_of_policies(session, [silver, gold])
    assert found == {silver: [], gold: [spbm.entity(vm)]}
    assert list(found.faults) == [spbm.entity('vm-hidden')]
    assert 'does not answer' in str(found.faults[spbm.entity('vm-hidden')])


def test_a_server_that_answers_for_each_part(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any, monkeypatch: Any
) -> None:
    """A machine with its disks has all their policies, also where they are asked for too."""
    gold, silver = site.policy_id('Gold'), site.policy_id('Silver')
    vc.policies.assign(site.object('VirtualMachine'), gold, {2000: silver})
    home, disk, whole = spbm.entity(vm), spbm.disk(vm, 2000), spbm.vm_and_disks(vm)
    invoke = session.invoke_api

    def by_part(module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method == 'PbmQueryAssociatedProfiles':
            connection = _calls.Connection(session)
            kwargs['entities'] = [one.to_wire(connection) for one in (home, home, disk)]
        return invoke(module, method, *args, **kwargs)

    monkeypatch.setattr(session, 'invoke_api', by_part)
    found = spbm.policies_of(session, [home, whole])
    assert found == {home: [gold], whole: [gold, silver]}


def test_before_6_5_each_policy_is_asked_for(
    vc: VCenterSimulator, connect: SessionMaker, site: Site, vm: Any
) -> None:
    """The same answer from an older server."""
    gold = site.policy_id('Gold')
    vc.policies.assign(site.object('VirtualMachine'), gold)
    session = connect(vc, pbm_wsdl_loc=pbm.get_pbm_wsdl_location('6.0'))
    assert spbm.entities_of_policies(session, [gold]) == {gold: [spbm.entity(vm)]}
    with pytest.raises(exceptions.PbmNotSupportedException, match=r'6\.5'):
        spbm.replication_groups(session, [spbm.entity(vm)])


def test_thousands(connect: SessionMaker) -> None:
    """3000 machines are three calls, joined in order; compliance is cut the same."""
    with VCenterSimulator(inventory=Inventory.large(3000)) as vc:
        session = connect(vc)
        site = Site(vc)
        gold = site.policy_id('Gold')
        machines = list(site.objects('VirtualMachine').values())
        for number, machine in enumerate(machines):
            vc.policies.assign(machine, gold if number % 2 else None)
        asked = [spbm.entity(machine.ref.value) for machine in reversed(machines)]
        found = spbm.policies_of(session, asked)
        assert list(found) == asked
        assert list(found.values()) == [
            [gold] if number % 2 else [] for number in reversed(range(len(machines)))
        ]
        assert vc.count('PbmQueryAssociatedProfiles') == -(-len(machines) // 1000)
        # The server takes no more, whatever is asked for.
        results = spbm.compliance(session, asked, block=5000)
        assert [one.entity for one in results] == asked
        assert [one.policy for one in results] == [
            gold if number % 2 else None for number in reversed(range(len(machines)))
        ]
        assert vc.count('PbmFetchComplianceResult') == -(-len(machines) // 1000)
        without = [one.value for one in spbm.vms_by_compliance(session, 'notApplicable')]
        assert sorted(without) == sorted(one.ref.value for one in machines[::2])
