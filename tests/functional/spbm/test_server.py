"""Default policies, the capability schema, space, and servers of other versions."""

import subprocess
import sys
from typing import Any

import pytest

from oslo_vmware import api, exceptions, pbm, spbm
from oslo_vmware.simulator import VCenterSimulator, types

from ..conftest import SessionMaker
from .conftest import Counter, Site

HUBS = [
    types.PbmPlacementHub(hubType='Datastore', hubId=f'datastore-{number}') for number in (1, 2)
]


def test_default_policies(session: api.VMwareAPISession, vc: VCenterSimulator, site: Site) -> None:
    """Read, which would do, set, reset."""
    vsan, nfs = site.ref('Datastore', 'fra-vsan-01'), site.ref('Datastore', 'fra-nfs-01')
    own = 'vSAN Default Storage Policy'

    def now() -> str:
        found = spbm.default_policies(session, [nfs, vsan])
        assert list(found) == [nfs.value, vsan.value]
        assert found[nfs.value] is None
        policy = found[vsan.value]
        assert isinstance(policy, spbm.Policy)
        return policy.name

    assert now() == own
    made = spbm.create_policy(session, 'Other', spbm.vsan_rule(stripeWidth=2))
    assert [one.name for one in spbm.applicable_default_policies(session, [vsan])] == [own]
    spbm.set_default_policy(session, made, [vsan])
    assert now() == 'Other'
    entities = [spbm.datastore_entity(nfs), spbm.datastore_entity(vsan)]
    assert list(spbm.policies_of(session, entities).values()) == [[], [made.id]]
    spbm.reset_default_policy(session, made)
    assert now() == own
    changed = spbm.update_policy(
        session, site.policy_id(own), rule_sets=spbm.vsan_rule(stripeWidth=3)
    )
    spbm.reset_vsan_default_policy(session)
    reset = spbm.find_policy(session, own)
    assert reset.rule_sets != changed.rule_sets


def test_datastores_without_a_default(
    session: api.VMwareAPISession, site: Site, calls: Counter
) -> None:
    """The exception names the datastores; datastore clusters are refused before a call."""
    nfs, pod = site.ref('Datastore', 'fra-nfs-01'), site.ref('StoragePod')
    with pytest.raises(spbm.LegacyHubsNotSupportedException) as caught:
        spbm.set_default_policy(session, site.policy_id('Gold'), [nfs])
    assert caught.value.datastores == (nfs.value,)
    with pytest.raises(spbm.HubsNotFoundException) as gone:
        spbm.default_policies(session, ['datastore-nowhere'])
    assert gone.value.datastores == ('datastore-nowhere',)
    calls()
    for refused in (
        lambda: spbm.default_policies(session, [pod]),
        lambda: spbm.applicable_default_policies(session, [pod]),
        lambda: spbm.set_default_policy(session, 'x', [pod]),
    ):
        with pytest.raises(ValueError, match=pod.value):
            refused()
    assert calls() == []


def test_of_nothing_nothing_is_asked(session: api.VMwareAPISession, calls: Counter) -> None:
    """An empty list costs no call, and never means all there are."""
    assert spbm.default_policies(session, []) == {}
    assert spbm.applicable_default_policies(session, []) == []
    spbm.set_default_policy(session, 'x', [])
    assert spbm.space_statistics(session, 'datastore-1', []) == []
    assert spbm.capability_schema(session, line_of_service=[]) == []
    assert spbm.policies_of(session, []) == {}
    assert spbm.entities_of_policies(session, []) == {}
    assert spbm.compliance(session, []) == []
    assert spbm.vm_compliance(session, []) == []
    assert spbm.replication_groups(session, []) == {}
    assert spbm.policies_by_id(session, []) == spbm.policies_by_name(session, []) == {}
    assert spbm.delete_policies(session, []) == {}
    assert calls() == []


def test_capability_schema(
    session: api.VMwareAPISession, vc: VCenterSimulator, connect: SessionMaker, calls: Counter
) -> None:
    """Types, allowed values and defaults; kept; from an old server in the old way."""
    (vsan,) = spbm.capability_schema(session, vendor='VSAN')
    tolerate = vsan.capability('hostFailuresToTolerate')
    assert tolerate is not None
    (prop,) = tolerate.properties
    assert (prop.type, prop.default, prop.allowed) == ('XSD_INT', 1, spbm.Range(0, 3))
    (encryption,) = spbm.capability_schema(session, line_of_service='ENCRYPTION')
    assert encryption.line_of_service == 'ENCRYPTION'
    everything = spbm.capability_schema(session)
    calls()
    assert spbm.capability_schema(session) == everything
    assert calls() == []
    old = connect(vc, pbm_wsdl_loc=pbm.get_pbm_wsdl_location('6.0'))
    (schema,) = spbm.capability_schema(old)
    assert {one.namespace for one in schema.capabilities} >= {'VSAN'}
    assert calls() == ['PbmFetchCapabilityMetadata']
    (of_vsan,) = spbm.capability_schema(old, vendor='VSAN')
    assert {one.namespace for one in of_vsan.capabilities} == {'VSAN'}
    with pytest.raises(exceptions.PbmNotSupportedException):
        spbm.capability_schema(old, line_of_service='ENCRYPTION')
    assert spbm.create_policy(old, 'Old', spbm.vsan_rule(stripeWidth=2)).name == 'Old'


def test_vendors_and_resource_types(session: api.VMwareAPISession) -> None:
    """Who announces capabilities, and about what."""
    assert spbm.resource_types(session) == ['STORAGE']
    found = spbm.vendors(session, 'STORAGE')
    assert ('VSAN', 'VSAN') in {(one.id, one.namespace) for one in found}
    assert spbm.vendors(session) == found


def test_space(session: api.VMwareAPISession, vc: VCenterSimulator, site: Site) -> None:
    """Space of a container, as it is and by policy; other datastores are refused."""
    vsan = site.ref('Datastore', 'fra-vsan-01')
    (whole,) = spbm.space_statistics(session, vsan)
    assert whole.policy is None
    assert whole.physical_total == whole.physical_free + whole.physical_used
    policy = site.policy_id('vSAN Default Storage Policy')
    (mirrored,) = spbm.space_statistics(session, vsan, [policy])
    assert mirrored.policy == policy
    assert mirrored.logical_free == whole.physical_free // 2
    with pytest.raises(spbm.PolicyNotFoundException) as unknown:
        spbm.space_statistics(session, vsan, ['nowhere'])
    assert unknown.value.ids == ('nowhere',)
    vc.faults.on('PbmQuerySpaceStatsForStorageContainer', 'PbmFaultNotFound', times=2)
    for known in (True, False):
        with pytest.raises(spbm.PbmException) as missing:
            spbm.space_statistics(session, vsan, [policy if known else 'nowhere'])
        assert isinstance(missing.value, spbm.PolicyNotFoundException) != known
    with pytest.raises(exceptions.VimFaultException) as caught:
        spbm.space_statistics(session, site.ref('Datastore', 'fra-nfs-01'))
    assert exceptions.local_name(caught.value.fault_list[0]) == 'InvalidArgument'


def test_fields_that_no_description_has(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """A server newer than this library is understood as far as it goes."""
    vc.policies.unknown_fields = True
    gold = spbm.find_policy(session, 'Gold')
    results = spbm.check_compatibility(session, gold)
    assert {one.compatible for one in results} == {True, False}
    assert spbm.capability_schema(session)


@pytest.mark.parametrize(
    ('fault', 'fields', 'class_', 'says'),
    [
        ('PbmFault', {}, spbm.PbmException, {}),
        ('PbmFaultProfileStorageFault', {}, spbm.PbmException, {}),
        ('PbmDuplicateName', {'name': 'x'}, spbm.PbmDuplicateNameException, {'name': 'x'}),
        (
            'PbmAlreadyExists',
            {'name': 'x'},
            spbm.PbmDuplicateNameException,
            {'name': 'x'},
        ),
        ('PbmFaultNotFound', {}, spbm.PolicyNotFoundException, {'ids': ('some-id',)}),
        (
            'InvalidArgument',
            {'invalidProperty': 'profileId'},
            spbm.PolicyNotFoundException,
            {'ids': ('some-id',)},
        ),
        (
            'PbmResourceInUse',
            {'name': 'x', 'type': 'y'},
            spbm.PolicyInUseException,
            {'name': 'x', 'type': 'y'},
        ),
        (
            'PbmNonExistentHubs',
            {'hubs': HUBS},
            spbm.HubsNotFoundException,
            {'datastores': ('datastore-1', 'datastore-2')},
        ),
        (
            'PbmLegacyHubsNotSupported',
            {'hubs': HUBS},
            spbm.LegacyHubsNotSupportedException,
            {'datastores': ('datastore-1', 'datastore-2')},
        ),
        (
            'PbmFaultNoPermission',
            {
                'missingPrivileges': [
                    types.PbmFaultNoPermissionEntityPrivileges(
                        profileId=profile_id and types.PbmProfileId(uniqueId=profile_id),
                        privilegeIds=privileges,
                    )
                    for profile_id, privileges in (
                        ('a', ['P.x', 'P.y']),
                        ('b', ['P.x']),
                        (None, ['z']),
                        ('a', ['P.z']),
                    )
                ]
            },
            spbm.PbmNoPermissionException,
            {'missing': {'a': ('P.x', 'P.y', 'P.z'), 'b': ('P.x',), None: ('z',)}},
        ),
        ('NotAuthenticated', {}, exceptions.NotAuthenticatedException, {}),
        ('SecurityError', {}, exceptions.NotAuthenticatedException, {}),
        ('PbmFaultInvalidLogin', {}, exceptions.NotAuthenticatedException, {}),
        ('InvalidArgument', {'invalidProperty': 'x'}, exceptions.VimFaultException, {}),
    ],
)
def test_every_fault_has_its_class(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    pauses: list[float],
    fault: str,
    fields: dict[str, Any],
    class_: type[exceptions.VimException],
    says: dict[str, Any],
) -> None:
    """What a call raises, what it tells beside the text, and that handlers of today catch it."""
    vc.faults.on('PbmUpdate', fault, times=None, message='The text.', **fields)
    with pytest.raises(exceptions.VimException) as caught:
        spbm.update_policy(session, 'some-id', description='x')
    raised = caught.value
    assert type(raised) is class_
    assert {name: getattr(raised, name) for name in says} == says
    assert 'The text.' in str(raised)
    if class_ is not exceptions.NotAuthenticatedException:
        assert isinstance(raised, exceptions.VimFaultException)
        assert [exceptions.local_name(name) for name in raised.fault_list] == [fault]
        assert set(raised.details) == set(fields)


def test_a_fault_as_a_value_has_the_same_class(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """An outcome is the exception that another call would raise, with all that it tells."""
    gold = site.policy_id('Gold')
    vc.policies.assign(site.object('VirtualMachine'), gold)
    outcome = spbm.delete_policies(session, [gold])[gold]
    assert isinstance(outcome, spbm.PolicyInUseException)
    assert (outcome.name, outcome.type) == ('Gold', 'PbmCapabilityProfile')
    assert outcome.fault_list == ['PbmResourceInUse']
    assert outcome.details == {'name': 'Gold', 'type': 'PbmCapabilityProfile'}
    assert 'in use' in str(outcome)


def test_an_expired_session_is_renewed(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, pauses: list[float]
) -> None:
    """One login and one repetition; the answer is right, and nothing of before is kept."""
    spbm.list_policies(session)
    vc.expire_sessions()
    vc.calls.clear()
    results = spbm.check_compatibility(session, site.policy_id('Gold'))
    assert {one.compatible for one in results} == {True, False}
    assert (vc.count('Login'), vc.count('PbmCheckRequirements')) == (1, 2)
    spbm.list_policies(session)
    assert vc.count('PbmQueryProfile') == 1
    assert pauses == []


def test_a_service_that_stays_down(
    session: api.VMwareAPISession, vc: VCenterSimulator, pauses: list[float]
) -> None:
    """While PBM is down that is what the exception says, after the session's repetitions."""
    vc.faults.http('PbmQueryProfile', status=503, times=None)
    with pytest.raises(exceptions.PbmUnavailableException):
        spbm.list_policies(session)
    assert vc.count('PbmQueryProfile') == 4


def test_nobody_else_notices() -> None:
    """Who uses only Vim, or only the helpers of pbm, has not imported the package."""
    code = (
        'import sys, oslo_vmware.api, oslo_vmware.pbm, oslo_vmware.vim_util\n'
        'print([name for name in sys.modules if name.startswith("oslo_vmware.spbm")])'
    )
    run = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == '[]'
