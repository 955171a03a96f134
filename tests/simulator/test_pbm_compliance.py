"""Compliance: whether machines and disks get what their policies ask for, asked with pyVmomi."""

from __future__ import annotations

from typing import Any

import pytest
from pyVmomi import pbm, vim, vmodl

from .policies import (
    STORAGE,
    Client,
    constraints,
    defined,
    disk_of,
    entity,
    reconfigure,
    rule,
    spec,
    tags,
)


@pytest.fixture
def vm(machines: list[Any]) -> Any:
    """A machine whose disk lies on fra-nfs-01, with the tag Bronze."""
    return next(one for one in machines if one.datastore[0].name == 'fra-nfs-01')


@pytest.fixture
def compliance(client: Client) -> Any:
    return client.content.complianceManager


def store(client: Client, name: str = 'fra-nfs-01') -> Any:
    return client.vc.world.objects[client.place(name).value]


def disk_entity(vm: Any) -> Any:
    return entity('virtualDiskId', f'{vm._moId}:{disk_of(vm).key}')


def test_violations(client: Client, vm: Any, compliance: Any) -> None:
    """A finding names the policy, what it wants, and what the datastore has; if it has it."""
    bronze, silver = client.named('Bronze'), client.named('Silver')
    reconfigure(vm, defined(bronze), defined(silver))
    both = entity('virtualMachineAndDisks', vm._moId)
    home, disk = compliance.CheckCompliance(entities=[both])
    assert (home.complianceStatus, home.violatedPolicies) == ('compliant', [])
    assert (home.entity.objectType, home.entity.key) == ('virtualMachine', vm._moId)
    assert home.profile.uniqueId == bronze.profileId.uniqueId
    assert (disk.complianceStatus, disk.mismatch) == ('nonCompliant', False)
    assert disk.entity.key == disk_entity(vm).key
    (violated,) = disk.violatedPolicies
    wanted, has = (
        one.constraint[0].propertyInstance[0].value.values
        for one in (violated.expectedValue, violated.currentValue)
    )
    assert (wanted, has) == (['Silver'], ['Bronze'])
    profile = client.profiles.Create(spec('fast', [rule('VSAN', 'stripeWidth', 2)]))
    reconfigure(vm, disk=[vim.vm.DefinedProfileSpec(profileId=profile.uniqueId)])
    (disk,) = compliance.CheckCompliance(entities=[disk_entity(vm)])
    assert disk.violatedPolicies[0].expectedValue.id.id == 'stripeWidth'
    assert disk.violatedPolicies[0].currentValue is None


def test_what_is_fetched_is_what_was_found(client: Client, vm: Any, compliance: Any) -> None:
    """A change of the storage shows when it is checked, not when the finding is fetched."""
    reconfigure(vm, disk=defined(client.named('Bronze')))
    fetch, check = compliance.FetchComplianceResult, compliance.CheckCompliance
    (first,) = fetch(entities=[disk_entity(vm)])
    assert first.complianceStatus == 'compliant'
    client.vc.policies.tag(store(client), 'Tier', 'Lead')
    (second,) = fetch(entities=[disk_entity(vm)])
    assert (second.complianceStatus, second.checkTime) == ('compliant', first.checkTime)
    assert check(entities=[disk_entity(vm)])[0].complianceStatus == 'nonCompliant'
    assert fetch(entities=[disk_entity(vm)])[0].complianceStatus == 'nonCompliant'
    # Another policy is another matter.
    client.vc.policies.tag(store(client), 'Tier', 'Silver')
    reconfigure(vm, disk=defined(client.named('Silver')))
    assert fetch(entities=[disk_entity(vm)])[0].complianceStatus == 'compliant'


def test_a_changed_policy_is_out_of_date(client: Client, vm: Any, compliance: Any) -> None:
    """Until it is applied again; a change that speaks of other things does not apply it."""
    bronze = client.named('Bronze')
    reconfigure(vm, defined(bronze))
    home = entity('virtualMachine', vm._moId)

    def status() -> str:
        (fetched,) = compliance.FetchComplianceResult(entities=[home])
        (checked,) = compliance.CheckCompliance(entities=[home])
        assert fetched.complianceStatus == checked.complianceStatus
        found: str = checked.complianceStatus
        return found

    assert status() == 'compliant'
    client.profiles.Update(
        bronze.profileId,
        pbm.profile.CapabilityBasedProfileUpdateSpec(
            constraints=constraints([tags('Tier', 'Bronze', 'Silver')])
        ),
    )
    assert status() == 'outOfDate'
    reconfigure(vm, disk=defined(client.named('Bronze')))
    assert status() == 'outOfDate'
    reconfigure(vm, defined(bronze))
    assert status() == 'compliant'


def test_a_lost_datastore(client: Client, vm: Any, compliance: Any) -> None:
    """Nothing is known of what lies on a datastore that nobody gets through to."""
    reconfigure(vm, defined(client.named('Bronze')))
    store(client).update(accessible=False)
    (found,) = compliance.CheckCompliance(entities=[entity('virtualMachine', vm._moId)])
    assert (found.complianceStatus, found.complianceTaskStatus) == ('unknown', 'failed')
    assert 'fra-nfs-01' in found.errorCause[0].msg


def test_rollup(client: Client, machines: list[Any], compliance: Any) -> None:
    """A machine is as bad as its worst part; machines are found by their status."""
    on_nfs = [one for one in machines if one.datastore[0].name == 'fra-nfs-01']
    good, bad, none = on_nfs[0], on_nfs[1], machines[0]
    assert none not in (good, bad)
    bronze, silver = client.named('Bronze'), client.named('Silver')
    reconfigure(good, defined(bronze), defined(bronze))
    reconfigure(bad, defined(bronze), defined(silver))
    asked = [entity('virtualMachine', one._moId) for one in (none, bad, good)]
    found = compliance.CheckRollupCompliance(entity=asked)
    assert [(one.entity.key, one.overallComplianceStatus) for one in found] == [
        (bad._moId, 'nonCompliant'),
        (good._moId, 'compliant'),
    ]
    assert [one.complianceStatus for one in found[0].result] == ['compliant', 'nonCompliant']
    assert found[0].oldestCheckTime == min(one.checkTime for one in found[0].result)
    fetched = compliance.FetchRollupComplianceResult(entity=asked)
    assert [one.oldestCheckTime for one in fetched] == [one.oldestCheckTime for one in found]
    for status, expected in (('nonCompliant', [bad]), ('compliant', [good]), ('unknown', [])):
        by_status = compliance.QueryByRollupComplianceStatus(status=status)
        assert [one.key for one in by_status] == [one._moId for one in expected]
    with pytest.raises(vmodl.fault.InvalidArgument):
        compliance.QueryByRollupComplianceStatus(status='fine')


def test_whom_a_question_can_be_about(client: Client, vm: Any, compliance: Any) -> None:
    """What does not exist, datastores and what has no policy drop out, unless nothing is left."""
    reconfigure(vm, defined(client.named('Bronze')))
    home, disk = entity('virtualMachine', vm._moId), disk_entity(vm)
    unknown = entity('virtualMachine', 'vm-9999')
    datastore = entity('datastore', client.place('fra-nfs-01').value)
    for operation in (compliance.CheckCompliance, compliance.FetchComplianceResult):
        found = operation(entities=[unknown, datastore, disk, home])
        assert [one.entity.key for one in found] == [vm._moId]
        assert operation(entities=[disk]) == []
        for nobody in ([unknown], [datastore], [datastore, unknown]):
            with pytest.raises(vmodl.fault.InvalidArgument):
                operation(entities=nobody)
        # The API's limit; beyond it this server does not do what it is asked.
        assert len(operation(entities=[home] * 1000)) == 1000
        with pytest.raises(vmodl.fault.InvalidArgument):
            operation(entities=[home] * 1001)


def test_a_policy_in_use_stays_known(client: Client, vm: Any, compliance: Any) -> None:
    """A policy that something has cannot be deleted, so that a finding always has its policy."""
    reconfigure(vm, defined(client.named('Bronze')))
    (outcome,) = client.profiles.Delete([client.named('Bronze').profileId])
    assert isinstance(outcome.fault, pbm.fault.ResourceInUse)
    reconfigure(vm, home=[vim.vm.EmptyProfileSpec()])
    before = len(client.profiles.QueryProfile(resourceType=STORAGE))
    (outcome,) = client.profiles.Delete([client.named('Bronze').profileId])
    assert outcome.fault is None
    assert len(client.profiles.QueryProfile(resourceType=STORAGE)) == before - 1
    assert compliance.CheckCompliance(entities=[entity('virtualMachine', vm._moId)]) == []
