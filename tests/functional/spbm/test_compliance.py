"""Compliance."""

from typing import Any

import pytest

from oslo_vmware import api, exceptions, pbm, spbm
from oslo_vmware.simulator import VCenterSimulator

from ..conftest import SessionMaker
from .conftest import Counter, Site


@pytest.fixture
def vm(session: api.VMwareAPISession, site: Site) -> Any:
    """A machine whose home has the policy that its datastore satisfies, and a disk without."""
    found = site.ref('VirtualMachine')
    store = site.object('VirtualMachine').home
    (tag,) = site.vc.policies.offer(store).tags['Tier']
    session.wait_for_task(spbm.set_policies(session, found, home=site.policy_id(tag)))
    return found


def test_kept_and_checked(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any
) -> None:
    """The last finding, until a check is asked for; then what is wanted, and what there is."""
    home, disk = spbm.entity(vm), spbm.disk(vm, 2000)
    results = spbm.compliance(session, [disk, home])
    assert [(one.entity, one.status) for one in results] == [
        (disk, 'notApplicable'),
        (home, 'compliant'),
    ]
    assert (results[0].policy, results[0].raw) == (None, None)
    assert results[1].checked is not None
    store = site.object('VirtualMachine').home
    (wanted,) = vc.policies.offer(store).tags['Tier']
    vc.policies.tag(store, 'Tier', 'Lead')
    (same,) = spbm.compliance(session, [home])
    assert same.status == 'compliant'
    (result,) = spbm.compliance(session, [home], recheck=True)
    assert result.status == 'nonCompliant'
    (violation,) = result.violations
    assert violation.wanted == (spbm.tag_rule('Tier', wanted),)
    assert violation.raw.expectedValue.id.id == 'Tier'
    assert violation.offered == (spbm.tag_rule('Tier', 'Lead'),)
    spbm.update_policy(session, str(result.policy), rule_sets=[spbm.tag_rule('Tier', 'Lead')])
    (stale,) = spbm.compliance(session, [home])
    assert stale.status == 'outOfDate'


def test_violations(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any
) -> None:
    """What the policy asks for, what there is, for home and disk, and for the machine as one."""
    session.wait_for_task(
        spbm.set_policies(
            session, vm, home=site.policy_id('Gold'), disks={2000: site.policy_id('Platinum')}
        )
    )
    results = spbm.compliance(session, [spbm.vm_and_disks(vm)], recheck=True)
    assert [one.entity for one in results] == [spbm.entity(vm), spbm.disk(vm, 2000)]
    assert {one.status for one in results} == {'nonCompliant'}
    (violation,) = results[0].violations
    assert violation.wanted == (spbm.tag_rule('Tier', 'Gold'),)
    held = vc.policies.offer(site.object('VirtualMachine').home).tags['Tier']
    assert [rule.value for rule in violation.offered] == [spbm.DiscreteSet(held)]
    other = list(site.refs('VirtualMachine').values())[1]
    rollups = spbm.vm_compliance(session, [other, vm], recheck=True)
    assert [(one.vm, one.status) for one in rollups] == [
        (other.value, 'notApplicable'),
        (vm.value, 'nonCompliant'),
    ]
    assert [one.entity for one in rollups[1].parts] == [one.entity for one in results]
    assert [one.value for one in spbm.vms_by_compliance(session, 'nonCompliant')] == [vm.value]
    assert spbm.vms_by_compliance(session, 'compliant') == []


def test_a_status_means_the_same_both_ways(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, vm: Any
) -> None:
    """The machines of a status are those that are told to have it; without a policy, too."""
    machines = site.refs('VirtualMachine').values()
    first, second, *_others = site.objects('VirtualMachine').values()
    vc.policies.assign(second, site.policy_id('Platinum'))
    for statuses in (3, 2, 1):
        told = {one.vm: one.status for one in spbm.vm_compliance(session, machines)}
        for status in spbm.checks.STATUSES:
            found = [one.value for one in spbm.vms_by_compliance(session, status)]
            assert sorted(found) == sorted(one for one, has in told.items() if has == status)
        assert len(set(told.values())) == statuses
        vc.policies.assign(first if statuses == 3 else second)


def test_a_home_by_itself_and_with_its_machine(
    session: api.VMwareAPISession, site: Site, vm: Any
) -> None:
    """The server answers twice about it; each question has its answer once."""
    home, whole = spbm.entity(vm), spbm.vm_and_disks(vm)
    for asked in ([home, whole], [whole, home]):
        results = spbm.compliance(session, asked)
        assert [one.entity for one in results] == [home, home]


def test_why_nothing_is_known(session: api.VMwareAPISession, site: Site, vm: Any) -> None:
    """A check that fails says so, and why."""
    site.object('VirtualMachine').home.update(accessible=False)
    (result,) = spbm.compliance(session, [spbm.entity(vm)], recheck=True)
    assert (result.status, result.task_status) == ('unknown', 'failed')
    assert [isinstance(one, exceptions.VimException) for one in result.errors] == [True]


def test_another_refusal_is_raised(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any
) -> None:
    """Only that none of the entities exists is an answer; nothing else is."""
    vc.faults.on('PbmFetchComplianceResult', fault='PbmFault')
    with pytest.raises(spbm.PbmException):
        spbm.compliance(session, [spbm.entity(vm)])


def test_what_is_not_asked(
    session: api.VMwareAPISession, vc: VCenterSimulator, connect: SessionMaker, calls: Counter
) -> None:
    """Datastores and unknown statuses are refused before a call; what is gone has no policy."""
    with pytest.raises(ValueError, match='datastore-1'):
        spbm.compliance(session, [spbm.datastore_entity('datastore-1')])
    with pytest.raises(ValueError, match='no status'):
        spbm.vms_by_compliance(session, 'fine')
    assert calls() == []
    (gone,) = spbm.compliance(session, [spbm.entity('vm-nowhere')])
    assert gone.status == 'notApplicable'
    old = connect(vc, pbm_wsdl_loc=pbm.get_pbm_wsdl_location('6.0'))
    with pytest.raises(exceptions.PbmNotSupportedException, match=r'6\.5'):
        spbm.vms_by_compliance(old, 'compliant')
