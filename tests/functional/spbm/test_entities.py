"""Policies on machines and disks, and who has which."""

from typing import Any

import pytest

from oslo_vmware import api, exceptions, pbm, spbm
from oslo_vmware.simulator import Inventory, VCenterSimulator

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


def test_the_default(session: api.VMwareAPISession, site: Site) -> None:
    """DEFAULT is sent as such, for the server to choose."""
    (spec,) = spbm.policy_spec(session, default=True)
    assert spec.__class__.__name__ == 'VirtualMachineDefaultProfileSpec'
    (spec,) = spbm.policy_spec(session)
    assert spec.__class__.__name__ == 'VirtualMachineEmptyProfileSpec'
    with pytest.raises(ValueError, match='either a policy or the default'):
        spbm.policy_spec(session, 'x', default=True)
    with pytest.raises(ValueError, match='need a policy'):
        spbm.policy_spec(session, params={'a': 'b'})


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


def test_replication_group(session: api.VMwareAPISession, site: Site, vm: Any) -> None:
    """The group given with a policy is the one that is told for what has it."""
    task = spbm.set_policies(
        session, vm, home=site.policy_id('Gold'), replication_group=('domain-1', 'group-1')
    )
    session.wait_for_task(task)
    home, disk = spbm.entity(vm), spbm.disk(vm, 2000)
    found = spbm.replication_groups(session, [home, disk])
    assert found[home] == spbm.ReplicationGroup('domain-1', 'group-1')
    assert isinstance(found[disk], spbm.PolicyNotFoundException | exceptions.VimException)


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
        results = spbm.compliance(session, asked)
        assert [one.entity for one in results] == asked
        assert [one.policy for one in results] == [
            gold if number % 2 else None for number in reversed(range(len(machines)))
        ]
        assert vc.count('PbmFetchComplianceResult') == -(-len(machines) // 1000)
