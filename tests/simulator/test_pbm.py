"""The simulator's /pbm, judged by clients that are not ours: pyVmomi, stock suds, raw requests.

pyVmomi brings its own tables of PBM, of all versions; suds reads the description that the server
publishes. Neither shares a line with the simulator's codec.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import suds
import suds.client
import suds.sax.element
from pyVmomi import pbm, vmodl

from oslo_vmware.simulator import Ref, VCenterSimulator
from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.pbm.policies import VSAN_DEFAULT_ID

from .conftest import XSI, Answer, RawPbm, Soap
from .policies import (
    INSTANCE,
    PROFILES,
    SOLVER,
    STORAGE,
    STORAGE_XML,
    TAGS,
    Client,
    constraints,
    rule,
    spec,
    tags,
)
from .test_suds import VerifiedTransport, moref

# --- queries, with pyVmomi


def test_service_content(client: Client) -> None:
    """The managers are where clients look for them, and the instance is this vCenter's."""
    about = client.content.aboutInfo
    assert about.instanceUuid == client.vc.world.about.instanceUuid
    assert client.profiles._GetMoId() == 'ProfileManager'
    assert client.content.replicationManager is not None


def test_policies_of_the_start(client: Client) -> None:
    """There is vSAN's own policy with its well-known id, and one for each tier."""
    ids = client.profiles.QueryProfile(resourceType=STORAGE, profileCategory='REQUIREMENT')
    found = client.profiles.RetrieveContent(profileIds=ids)
    assert [one.name for one in found] == [
        'vSAN Default Storage Policy',
        'Platinum',
        'Gold',
        'Silver',
        'Bronze',
    ]
    vsan = found[0]
    assert isinstance(vsan, pbm.profile.CapabilityBasedProfile)
    assert (vsan.profileId.uniqueId, vsan.isDefault) == (VSAN_DEFAULT_ID, True)
    values = {
        one.id.id: one.constraint[0].propertyInstance[0].value
        for one in vsan.constraints.subProfiles[0].capability
    }
    assert values['hostFailuresToTolerate'] == 1
    assert values['forceProvisioning'] is False
    gold = found[2].constraints.subProfiles[0].capability[0]
    assert gold.constraint[0].propertyInstance[0].value.values == ['Gold']
    assert client.profiles.QueryProfile(resourceType=STORAGE, profileCategory='RESOURCE') == []


# --- policies made over the wire


def test_life_of_a_policy(client: Client) -> None:
    """A policy is made, changed and deleted; each answer shows what the step before did."""
    made = client.profiles.Create(
        createSpec=spec('Fast', [tags('Tier', 'Gold')], description='d', category='REQUIREMENT')
    )
    found = client.named('Fast')
    assert found.profileId.uniqueId == made.uniqueId
    assert (found.description, found.generationId) == ('d', 0)
    assert found.createdBy == 'VSPHERE.LOCAL\\Administrator'
    client.profiles.Update(
        profileId=made,
        updateSpec=pbm.profile.CapabilityBasedProfileUpdateSpec(
            name='Faster', constraints=constraints([tags('Tier', 'Platinum')])
        ),
    )
    changed = client.named('Faster')
    assert (changed.description, changed.generationId) == ('d', 1)
    assert changed.lastUpdatedTime > changed.creationTime
    assert client.names(client.solver.QueryMatchingHub(profile=made)) == {'fra-vsan-01'}
    (outcome,) = client.profiles.Delete(profileId=[made])
    assert outcome.fault is None
    with pytest.raises(vmodl.fault.InvalidArgument):
        client.profiles.RetrieveContent(profileIds=[made])


@pytest.mark.parametrize(
    ('create_spec', 'fault'),
    [
        (spec('Gold', [tags('Tier', 'Gold')]), pbm.fault.DuplicateName),
        (spec('n' * 81, [tags('Tier', 'Gold')]), vmodl.fault.InvalidArgument),
        (spec('', [tags('Tier', 'Gold')]), vmodl.fault.InvalidArgument),
        (spec('x', [tags('NoSuchCategory', 'Gold')]), vmodl.fault.InvalidArgument),
        (spec('x', [rule(TAGS, 'Tier', 'Gold')]), vmodl.fault.InvalidArgument),
        (spec('x', [tags('Tier', 'Gold')], category='RESOURCE'), vmodl.fault.InvalidArgument),
        (spec('x', [rule('VSAN', 'noSuchThing', 1)]), vmodl.fault.InvalidArgument),
        (spec('x', [rule('VSAN', 'stripeWidth', '1')]), vmodl.fault.InvalidArgument),
        (spec('x', [rule('VSAN', 'stripeWidth', True)]), vmodl.fault.InvalidArgument),
        (spec('x', [rule('VSAN', 'stripeWidth', 13)]), vmodl.fault.InvalidArgument),
        (spec('x', [rule('VSAN', 'forceProvisioning', 1)]), vmodl.fault.InvalidArgument),
        (spec('x', [rule('Other', 'stripeWidth', 1)]), vmodl.fault.InvalidArgument),
        (spec('x', [tags('Tier', 'Gold', operator='MAYBE')]), vmodl.fault.InvalidArgument),
    ],
)  # fmt: skip
def test_policies_that_make_no_sense_are_refused(
    client: Client, create_spec: Any, fault: type[Exception]
) -> None:
    """Names, categories, capabilities and the types of their values are checked."""
    before = len(client.profiles.QueryProfile(resourceType=STORAGE))
    with pytest.raises(fault):
        client.profiles.Create(createSpec=create_spec)
    with pytest.raises(fault):
        client.profiles.Create(createSpec=create_spec)
    assert len(client.profiles.QueryProfile(resourceType=STORAGE)) == before


def test_deleting_tells_for_each(client: Client) -> None:
    """Used, built-in and unknown policies stay or are missing; the rest is deleted all the same."""
    machine: Any = next(o for o in client.vc.world.objects.values() if o.is_a('VirtualMachine'))
    client.vc.policies.assign(machine, client.named('Gold').profileId.uniqueId)
    unknown = pbm.profile.ProfileId(uniqueId='no-such-id')
    before = len(client.profiles.QueryProfile(resourceType=STORAGE))
    outcomes = client.profiles.Delete(
        profileId=[
            client.named('Gold').profileId,
            client.named('vSAN Default Storage Policy').profileId,
            unknown,
            client.named('Silver').profileId,
        ]
    )
    assert [type(outcome.fault) for outcome in outcomes] == [
        pbm.fault.ResourceInUse,
        pbm.fault.ResourceInUse,
        pbm.fault.NotFound,
        type(None),
    ]
    ids = client.profiles.QueryProfile(resourceType=STORAGE)
    assert 'Silver' not in [one.name for one in client.profiles.RetrieveContent(profileIds=ids)]
    assert len(ids) == before - 1


def test_tags_given_by_a_test(client: Client) -> None:
    """A test tags datastores as it likes, and policies follow."""
    datastore = next(client.vc.world.of_type(Datastore))
    client.vc.policies.tag(datastore, 'Site', 'north', 'coast')
    found = client.solver.QueryMatchingHubWithSpec(createSpec=spec('x', [tags('Site', 'coast')]))
    assert client.names(found) == {datastore.name}
    client.vc.policies.tag(datastore, 'Site')
    found = client.solver.QueryMatchingHubWithSpec(createSpec=spec('x', [tags('Site', 'coast')]))
    assert found == []


# --- strictness, with raw requests


def query(raw: RawPbm, **headers: str) -> Answer:
    return raw.call('PbmQueryProfile', PROFILES, STORAGE_XML, **headers)


@pytest.mark.parametrize(
    'change',
    [
        lambda cookie: f'"{cookie}"',
        lambda cookie: None,
        lambda cookie: '',
        lambda cookie: cookie[:-1],
        lambda cookie: cookie.upper() + '0',
    ],
    ids=['quoted', 'missing', 'empty', 'short', 'other'],
)
def test_only_the_bare_cookie_opens(raw: RawPbm, change: Callable[[str], str | None]) -> None:
    """The SOAP header must hold the bare value; the HTTP cookie, even a right one, is nothing."""
    assert query(raw).fault is None
    good = raw.cookie
    assert good
    raw.http.cookies.set('vmware_soap_session', f'"{good}"')
    raw.cookie = change(good)
    answer = query(raw)
    assert (answer.fault_type or '').endswith('NotAuthenticated')
    # What hides the mistake: this call is open to everybody.
    assert raw.call('PbmRetrieveServiceContent', INSTANCE).fault is None


@pytest.mark.vcenter(api_version='6.0')
def test_an_old_server_speaks_of_a_security_error(raw: RawPbm) -> None:
    """Before 6.5 PBM says SecurityError to those without a session."""
    raw.cookie = None
    assert (query(raw).fault_type or '').endswith('SecurityError')


def test_a_session_that_ends_ends_here(raw: RawPbm) -> None:
    """There is one session for both services, and its end is the end for both."""
    assert query(raw).fault is None
    raw.vc.expire_sessions()
    assert (query(raw).fault_type or '').endswith('NotAuthenticated')


@pytest.mark.parametrize(
    ('value', 'says'),
    [
        ('<value xsi:type="xsd:int">1</value>', None),
        ('<value>1</value>', 'needs an xsi:type'),
        ('<value xsi:type="xs:int">1</value>', None),
        ('<value xsi:type="xsd:int">one</value>', "'one' is not a value of type int"),
        ('<value xsi:type="PbmNoSuchType"/>', 'type PbmNoSuchType is not known'),
        ('<value xsi:type="xsd:string">1</value>', 'not correct: createSpec.constraints'),
    ],
)
def test_values_carry_their_type(raw: RawPbm, value: str, says: str | None) -> None:
    """A value of type any needs its type, and the right one.

    The prefixes xsd and xs need not be declared: govmomi writes ``xsd:int`` without, and servers
    take it, of PBM as of VIM.
    """
    content = (
        f'<createSpec><name>x</name>{STORAGE_XML}'
        '<constraints xsi:type="PbmCapabilitySubProfileConstraints"><subProfiles><name>r</name>'
        '<capability><id><namespace>VSAN</namespace><id>stripeWidth</id></id><constraint>'
        f'<propertyInstance><id>stripeWidth</id>{value}</propertyInstance>'
        '</constraint></capability></subProfiles></constraints></createSpec>'
    )
    answer = raw.call('PbmCreate', PROFILES, content)
    if says is None:
        assert answer.fault is None
    else:
        assert says in (answer.fault_text or '')


def test_faults_name_their_namespace(raw: RawPbm) -> None:
    """A fault of VIM and one of PBM are each of a type of their own namespace."""
    unknown = '<profileIds><uniqueId>no-such-id</uniqueId></profileIds>'
    answer = raw.call('PbmRetrieveContent', PROFILES, unknown)
    assert answer.response.status_code == 500
    detail = answer.fault.find('detail')[0]
    prefix, _, name = detail.get(f'{{{XSI}}}type').rpartition(':')
    assert (detail.nsmap[prefix or None], name) == ('urn:vim25', 'InvalidArgument')
    assert detail.findtext('{urn:vim25}invalidProperty') == 'profileIds'
    hubs = '<hubsToSearch><hubType>Datastore</hubType><hubId>x</hubId></hubsToSearch>'
    profile = f'<profile><uniqueId>{VSAN_DEFAULT_ID}</uniqueId></profile>'
    detail = raw.call('PbmQueryMatchingHub', SOLVER, hubs + profile).fault.find('detail')[0]
    prefix, _, name = detail.get(f'{{{XSI}}}type').rpartition(':')
    assert (detail.nsmap[prefix or None], name) == ('urn:pbm', 'PbmNonExistentHubs')


def test_objects_of_vim_are_not_here(raw: RawPbm) -> None:
    """The two services have objects of their own, even under the same id."""
    answer = raw.call('PbmRetrieveServiceContent', Ref('ServiceInstance', 'ServiceInstance'))
    assert (answer.fault_type or '').endswith('ManagedObjectNotFound')


# --- what the server publishes


@pytest.mark.vcenter(api_version='8.0.3.0')
def test_stock_suds(vcenter: VCenterSimulator, soap: Soap) -> None:
    """A stock suds client lives by the published description, and its requests are understood."""
    soap.login()
    client = suds.client.Client(
        f'{vcenter.pbm_url}/pbmService.wsdl',
        transport=VerifiedTransport(vcenter.cacert),
        cache=None,
        timeout=30,
    )
    (session,) = vcenter.sessions
    cookie = suds.sax.element.Element('vcSessionCookie').setText(session.cookie.strip('"'))
    client.set_options(soapheaders=[cookie])
    instance = moref('ServiceInstance', 'PbmServiceInstance')
    content = client.service.PbmRetrieveServiceContent(instance)
    storage = client.factory.create('ns0:PbmProfileResourceType')
    storage.resourceType = 'STORAGE'
    found = client.service.PbmQueryProfile(content.profileManager, storage)
    profiles = client.service.PbmRetrieveContent(content.profileManager, found)
    assert [profile.name for profile in profiles][1:3] == ['Platinum', 'Gold']
    hubs = client.service.PbmQueryMatchingHub(content.placementSolver, None, found[3])
    assert [hub.hubType for hub in hubs] == ['Datastore']
    with pytest.raises(suds.WebFault, match='profileIds'):
        client.service.PbmRetrieveContent(content.profileManager, [{'uniqueId': 'no-such-id'}])
    assert {call.soap_action.strip('"') for call in vcenter.calls if 'Pbm' in call.operation} == {
        'urn:pbm/8.0.3.0'
    }
