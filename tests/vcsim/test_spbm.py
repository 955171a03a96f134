"""``oslo_vmware.spbm``, as far as govmomi's PBM service goes, on both SOAP engines.

It lists policies, makes and deletes them, and answers PbmCheckRequirements for all datastores,
whatever is asked. The rest is refused as ``test_what_the_server_does_not_have`` has it.
"""

from collections.abc import Callable
from typing import Any

import pytest
from pyVmomi import vim

from oslo_vmware import api, exceptions, pbm, spbm, vim_util
from oslo_vmware.soap.client import COMPILED, REFERENCE
from tests.functional.conftest import SessionMaker
from tests.vcsim.server import Vcsim
from tests.vcsim.test_policies import POLICIES, datastores

VSAN, VVOL, ENCRYPTION, _PMEM = POLICIES

RULES = [
    spbm.tag_rule('Tier', ['Gold, or better', 'Plätinum <&>']),
    *spbm.vsan_rule(stripeWidth=2, forceProvisioning=True, iopsLimit=2**40),
]


@pytest.fixture(params=[COMPILED, REFERENCE])
def session(
    request: pytest.FixtureRequest, vc: Vcsim, connect: SessionMaker
) -> api.VMwareAPISession:
    return connect(vc, soap_engine=request.param)


RuleSets = tuple[spbm.RuleSet, ...]


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Callable[[RuleSets], RuleSets]:
    """What the server keeps of rules.

    govmomi 0.24 drops rules when their type has a prefix other than ``pbm``, and the reference
    engine makes up its prefixes.
    """
    whole = request.node.callspec.params['session'] == COMPILED
    return lambda rule_sets: rule_sets if whole else ()


def first(session: api.VMwareAPISession, type_: str) -> Any:
    result = session.invoke_api(vim_util, 'get_objects', session.vim, type_, 1)
    return result.objects[0].obj


def test_policies_are_found_with_their_rules(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """By name and by id; the second time nothing is asked."""
    assert [policy.name for policy in spbm.list_policies(session)] == POLICIES
    vsan = spbm.find_policy(session, VSAN)
    assert (vsan.category, vsan.system_type) == ('REQUIREMENT', 'VsanDefaultProfile')
    assert vsan.description == 'Storage policy used as default for vSAN datastores'
    (rules,) = vsan.rule_sets
    assert rules.name == 'VSAN sub-profile'
    assert rules.rules == spbm.vsan_rule(
        hostFailuresToTolerate=1,
        stripeWidth=1,
        forceProvisioning=False,
        proportionalCapacity=0,
        cacheReservation=0,
    )
    encryption = spbm.find_policy(session, ENCRYPTION)
    assert encryption.rule_sets[0].rules == (spbm.encryption_rule(),)
    found = spbm.policies_by_id(session, [encryption.id, vsan.id])
    assert [policy.name for policy in found.values()] == [ENCRYPTION, VSAN]
    assert vc.count('PbmQueryProfile') == vc.count('PbmRetrieveContent') == 1


def test_policies_that_are_not_there(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """One unknown id makes the server refuse all; the known ones come nevertheless."""
    known = [policy.id for policy in spbm.list_policies(session)]
    unknown = known[0][:-2] + 'ff'
    spbm.policy_cache(session).clear()
    assert list(spbm.policies_by_id(session, [known[2], unknown, known[0]])) == [known[2], known[0]]
    for name in (unknown, VSAN.lower()):
        vc.calls.clear()
        with pytest.raises(spbm.PolicyNotFoundException) as caught:
            spbm.find_policy(session, name)
        assert caught.value.ids == (name,)
        assert vc.count('PbmQueryProfile') == 1


def test_a_session_that_has_expired(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """It is renewed once, and what the old one knew is read anew."""
    assert [policy.name for policy in spbm.list_policies(session)] == POLICIES
    vc.expire_sessions()
    vc.calls.clear()
    assert len(spbm.check_compatibility(session, spbm.find_policy(session, VSAN))) == 2
    assert [policy.name for policy in spbm.list_policies(session)] == POLICIES
    assert vc.count('Login') == vc.count('PbmQueryProfile') == 1


def test_life_of_a_policy(
    vc: Vcsim, session: api.VMwareAPISession, kept: Callable[[RuleSets], RuleSets]
) -> None:
    """Made, found by its name, copied, deleted; the rules come back as they went."""
    vsan = spbm.find_policy(session, VSAN)
    made = spbm.create_policy(session, 'Gold <&>', RULES, description='ünïcode', validate=False)
    assert (made.name, made.description, made.category) == ('Gold <&>', 'ünïcode', 'REQUIREMENT')
    assert made.created_by == vc.username
    assert made.rule_sets == kept((spbm.RuleSet(RULES, 'Rule-Set 1'),))
    assert spbm.find_policy(session, 'Gold <&>') == made
    copied = spbm.clone_policy(session, vsan, 'Copy')
    assert (copied.description, copied.rule_sets) == (vsan.description, kept(vsan.rule_sets))
    assert copied.id != vsan.id
    without = spbm.clone_policy(session, spbm.find_policy(session, VVOL), 'Without')
    assert (without.name, without.rule_sets) == ('Without', ())
    spbm.delete_policy(session, without)
    assert [policy.name for policy in spbm.list_policies(session)][4:] == ['Gold <&>', 'Copy']
    assert spbm.delete_policies(session, [made, copied]) == {made.id: None, copied.id: None}
    assert spbm.policies_by_id(session, [made.id, copied.id]) == {}
    assert [policy.name for policy in spbm.list_policies(session)] == POLICIES


def test_a_policy_is_ensured(
    vc: Vcsim, session: api.VMwareAPISession, kept: Callable[[RuleSets], RuleSets]
) -> None:
    """Made where it is missing, left alone where it is; so is one that was exported."""
    policy, changed = spbm.ensure_policy(session, 'Gold', RULES, validate=False)
    assert changed
    spbm.policy_cache(session).clear()
    wanted = kept((spbm.RuleSet(RULES),))
    assert spbm.ensure_policy(session, 'Gold', wanted, validate=False) == (policy, False)
    vsan = spbm.find_policy(session, VSAN)
    assert spbm.policy_from_dict(session, vsan.to_dict(), validate=False) == (vsan, False)
    assert vc.count('PbmCreate') == 1
    # To change it takes PbmUpdate.
    with pytest.raises(exceptions.VimFaultException) as caught:
        spbm.ensure_policy(session, VSAN, RULES, validate=False)
    assert caught.value.details['method'] == 'PbmUpdate'


def by_name(results: list[spbm.Compatibility]) -> dict[str, bool]:
    return {str(result.name): result.compatible for result in results}


def test_datastores_for_a_policy_and_for_rules(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """With their names; of those asked for, whatever the server says of others."""
    policy = spbm.find_policy(session, VSAN)
    one, other = datastores(session)
    both = {'LocalDS_0': True, 'LocalDS_1': True}
    assert by_name(spbm.check_compatibility(session, policy)) == both
    assert by_name(spbm.check_spec_compatibility(session, RULES)) == both
    for asked in ([one, other], [other, one], [other]):
        results = spbm.check_compatibility(session, policy, asked)
        assert [result.datastore for result in results] == [ds.value for ds in asked]
        results = spbm.check_spec_compatibility(session, RULES, asked)
        assert [result.datastore for result in results] == [ds.value for ds in asked]
        assert spbm.compatible_datastores(session, policy, asked) == asked
    found = spbm.compatible_datastores(session, policy)
    assert {moref.value for moref in found} == {one.value, other.value}
    asked_for = vc.count('PbmCheckRequirements')
    assert spbm.check_compatibility(session, policy, []) == []
    assert vc.count('PbmCheckRequirements') == asked_for
    machine = spbm.entity(first(session, 'VirtualMachine'))
    assert by_name(spbm.check_compatibility(session, policy, subject=machine)) == both


def test_datastores_that_hosts_can_use(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """Those that the inventory has mounted there; for the others it is the reason.

    govmomi's datastores know the host only that was last given them.
    """
    policy = spbm.find_policy(session, VSAN)
    cluster = first(session, 'ClusterComputeResource')
    with vc.observer() as content:
        (datacenter,) = content.rootFolder.childEntity
        (hosts,) = {tuple(mount.key for mount in ds.host) for ds in datacenter.datastore}
        mounted = [host.name for host in hosts]
        idle = [
            (host._moId, host.name)
            for host in datacenter.hostFolder.childEntity[0].host
            if host.name not in mounted
        ]
    ((idle_id, idle_name),) = idle
    host, other = (vim_util.get_moref(id_, 'HostSystem') for id_ in (hosts[0]._moId, idle_id))
    for usable_by in (host, cluster, [host]):
        assert len(spbm.compatible_datastores(session, policy, usable_by=usable_by)) == 2
    for wanted, reason in (
        ({'usable_by': cluster, 'shared': True}, f'by all of the hosts: {idle_name} cannot'),
        ({'usable_by': other}, f'by none of the hosts ({idle_name})'),
    ):
        assert spbm.compatible_datastores(session, policy, **wanted) == []
        refused = spbm.check_compatibility(session, policy, **wanted)
        assert len(refused) == 2
        assert all(reason in spbm.explain(result) for result in refused)


def test_policies_of_a_machine_are_set(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """One task for home and disk, which the server takes and keeps nothing of.

    So the disk is as it was, and no more can be seen.
    """
    policy = spbm.find_policy(session, VSAN)
    vm = first(session, 'VirtualMachine')

    def disks() -> list[Any]:
        with vc.observer() as content:
            machine = vim.VirtualMachine(vm.value, content.rootFolder._stub)
            return [
                (one.key, one.backing.fileName, one.capacityInKB, one.controllerKey, one.unitNumber)
                for one in machine.config.hardware.device
                if isinstance(one, vim.vm.device.VirtualDisk)
            ]

    before = disks()
    (key,) = [disk[0] for disk in before]
    for address in (key, (0, 0)):
        task = spbm.set_policies(session, vm, home=policy, disks={address: policy})
        assert session.wait_for_task(task).state == 'success'
    assert disks() == before
    assert vc.count('ReconfigVM_Task') == 2
    with pytest.raises(spbm.DiskNotFoundException) as caught:
        spbm.set_policies(session, vm, disks={(0, 7): policy})
    assert caught.value.disks == ((0, 7),)


Call = Callable[[Any, Any, Any], Any]

#: Operation of PBM to what calls it, with a session, a machine and a datastore.
MISSING: dict[str, Call] = {
    'PbmUpdate': lambda s, vm, ds: spbm.update_policy(s, POLICY, name='new'),
    'PbmQueryAssociatedProfiles': lambda s, vm, ds: spbm.policies_of(s, [spbm.entity(vm)]),
    'PbmQueryAssociatedEntity': lambda s, vm, ds: spbm.entities_of(s, POLICY),
    'PbmQueryAssociatedEntities': lambda s, vm, ds: spbm.entities_of_policies(s, [POLICY]),
    'PbmQueryDefaultRequirementProfiles': lambda s, vm, ds: spbm.default_policies(s, [ds]),
    'PbmFindApplicableDefaultProfile': lambda s, vm, ds: spbm.applicable_default_policies(s, [ds]),
    'PbmAssignDefaultRequirementProfile': lambda s, vm, ds: spbm.set_default_policy(
        s, POLICY, [ds]
    ),
    'PbmResetDefaultRequirementProfile': lambda s, vm, ds: spbm.reset_default_policy(s),
    'PbmResetVSanDefaultProfile': lambda s, vm, ds: spbm.reset_vsan_default_policy(s),
    'PbmFetchCapabilitySchema': lambda s, vm, ds: spbm.create_policy(s, 'new', RULES),
    'PbmFetchVendorInfo': lambda s, vm, ds: spbm.vendors(s),
    'PbmFetchResourceType': lambda s, vm, ds: spbm.resource_types(s),
    'PbmQuerySpaceStatsForStorageContainer': lambda s, vm, ds: spbm.space_statistics(s, ds),
    'PbmFetchComplianceResult': lambda s, vm, ds: spbm.compliance(s, [spbm.entity(vm)]),
    'PbmCheckCompliance': lambda s, vm, ds: spbm.compliance(s, [spbm.entity(vm)], recheck=True),
    'PbmFetchRollupComplianceResult': lambda s, vm, ds: spbm.vm_compliance(s, [vm]),
    'PbmCheckRollupCompliance': lambda s, vm, ds: spbm.vm_compliance(s, [vm], recheck=True),
    'PbmQueryByRollupComplianceStatus': lambda s, vm, ds: spbm.vms_by_compliance(s, 'compliant'),
    'PbmQueryReplicationGroups': lambda s, vm, ds: spbm.replication_groups(s, [spbm.entity(vm)]),
}

#: The same for what is asked of a PBM before 6.5.
MISSING_BEFORE: dict[str, Call] = {
    'PbmCheckCompatibility': lambda s, vm, ds: spbm.check_compatibility(s, POLICY),
    'PbmCheckCompatibilityWithSpec': lambda s, vm, ds: spbm.check_spec_compatibility(s, RULES),
    'PbmFetchCapabilityMetadata': lambda s, vm, ds: spbm.capability_schema(s),
}

POLICY = 'aa6d5a82-1c88-45da-85d3-3d74b91a5bad'


@pytest.mark.parametrize('operation', [*MISSING, *MISSING_BEFORE])
def test_what_the_server_does_not_have(vc: Vcsim, connect: SessionMaker, operation: str) -> None:
    """Is an exception that names it, after one request: never an empty answer.

    When govmomi learns one of these, it belongs into the tests above.
    """
    old = operation in MISSING_BEFORE
    location = pbm.get_pbm_wsdl_location('6.0' if old else '6.5')
    session = connect(vc, pbm_wsdl_loc=location)
    vm, datastore = first(session, 'VirtualMachine'), datastores(session)[0]
    with pytest.raises(exceptions.VimException) as caught:
        (MISSING_BEFORE if old else MISSING)[operation](session, vm, datastore)
    fault = caught.value
    if isinstance(fault, exceptions.ManagedObjectNotFoundException):
        # Of two managers there is no more than the reference.
        assert fault.details['obj'] in ('complianceManager', 'ReplicationManager')
        assert fault.details['obj'] in str(fault)
    else:
        assert isinstance(fault, exceptions.VimFaultException)
        assert fault.fault_list == ['MethodNotFound']
        assert fault.details['method'] == operation
        assert f'does not implement: {operation}' in str(fault)
    assert vc.count(operation) == 1
