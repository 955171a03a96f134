"""Storage policies, as far as govmomi's PBM service goes.

It has the four policies of a fresh vCenter and no rules. It places nothing by them: there is no
PbmQueryMatchingHub, and PbmCheckRequirements lists every datastore.
"""

from typing import Any

import pytest

from oslo_vmware import api, exceptions, pbm, vim_util
from oslo_vmware.soap.client import COMPILED, engine_name
from oslo_vmware.soap.objects import moref
from tests.vcsim.server import Vcsim

POLICIES = [
    'vSAN Default Storage Policy',
    'VVol No Requirements Policy',
    'VM Encryption Policy',
    'Host-local PMem Default Storage Policy',
]


def datastores(session: api.VMwareAPISession) -> list[Any]:
    result = session.invoke_api(vim_util, 'get_objects', session.vim, 'Datastore', 100)
    return [content.obj for content in result.objects]


def unknown_id(session: api.VMwareAPISession) -> Any:
    unknown = session.pbm.client.factory.create('ns0:PbmProfileId')
    unknown.uniqueId = 'there-is-none'
    return unknown


def test_all_policies(session: api.VMwareAPISession) -> None:
    """With their rules, whose values keep their types."""
    profiles = pbm.get_all_profiles(session)
    assert [profile.name for profile in profiles] == POLICIES
    assert {profile.__class__.__name__ for profile in profiles} == {'PbmCapabilityProfile'}
    (rules,) = profiles[0].constraints.subProfiles
    instances = {
        capability.id.id: capability.constraint[0].propertyInstance[0].value
        for capability in rules.capability
    }
    assert instances == {
        'hostFailuresToTolerate': 1,
        'stripeWidth': 1,
        'forceProvisioning': False,
        'proportionalCapacity': 0,
        'cacheReservation': 0,
    }


def test_an_id_by_name(session: api.VMwareAPISession) -> None:
    """By the exact name."""
    for profile in pbm.get_all_profiles(session):
        found = pbm.get_profile_id_by_name(session, profile.name)
        assert found.uniqueId == profile.profileId.uniqueId
    assert pbm.get_profile_id_by_name(session, POLICIES[0].lower()) is None


def test_ids_that_are_not_known(session: api.VMwareAPISession) -> None:
    """One of them makes the server refuse all; the others are found nevertheless."""
    known = [profile.profileId for profile in pbm.get_all_profiles(session)]
    asked = [known[2], unknown_id(session), known[0]]
    found = pbm.get_profiles_by_ids(session, asked)
    assert [profile.name for profile in found] == [POLICIES[2], POLICIES[0]]


def test_policies_of_a_machine(session: api.VMwareAPISession) -> None:
    """None, in a list."""
    vms = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 1)
    assert pbm.get_profiles(session, vms.objects[0].obj) == []


def test_an_operation_that_the_server_does_not_have(session: api.VMwareAPISession) -> None:
    """Is an error: never no datastores, and never all."""
    wanted = pbm.get_profile_id_by_name(session, POLICIES[0])
    hubs = pbm.convert_datastores_to_hubs(session.pbm.client.factory, datastores(session))
    with pytest.raises(exceptions.VimFaultException) as raised:
        pbm.filter_hubs_by_profile(session, hubs, wanted)
    assert raised.value.fault_list == ['MethodNotFound']
    assert raised.value.details == {'receiver': 'placementSolver', 'method': 'PbmQueryMatchingHub'}


def test_hubs_and_datastores(session: api.VMwareAPISession) -> None:
    """What the server calls a hub is found again among the datastores."""
    pbm.get_all_profiles(session)
    client = session.pbm
    requirement = client.client.factory.create('ns0:PbmPlacementCapabilityProfileRequirement')
    requirement.profileId = pbm.get_profile_id_by_name(session, POLICIES[0])
    there = datastores(session)
    hubs = pbm.convert_datastores_to_hubs(client.client.factory, there)
    results = session.invoke_api(
        client,
        'PbmCheckRequirements',
        client.service_content.placementSolver,
        hubsToSearch=hubs,
        placementSubjectRequirement=[requirement],
    )
    found = [result.hub for result in results]
    assert {hub.hubType for hub in found} == {'Datastore'}
    kept = pbm.filter_datastores_by_hubs(found, there)
    assert [one.value for one in kept] == [one.value for one in there]


def test_policies_are_made_and_deleted(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """A policy of ours arrives as it was written.

    govmomi 0.24 drops the rules when their type has a prefix other than ``pbm``, and the
    reference engine makes up its prefixes.
    """
    pbm.get_all_profiles(session)
    create = session.pbm.client.factory.create
    spec = create('ns0:PbmCapabilityProfileCreateSpec')
    spec.name, spec.description, spec.category = 'Gold <&>', 'ünïcode', 'REQUIREMENT'
    spec.resourceType = create('ns0:PbmProfileResourceType')
    spec.resourceType.resourceType = 'STORAGE'
    spec.constraints = create('ns0:PbmCapabilitySubProfileConstraints')
    spec.constraints.subProfiles = [create('ns0:PbmCapabilitySubProfile')]
    spec.constraints.subProfiles[0].name = 'rules'
    manager = session.pbm.service_content.profileManager
    made = session.invoke_api(session.pbm, 'PbmCreate', manager, createSpec=spec)
    assert pbm.get_profile_id_by_name(session, 'Gold <&>').uniqueId == made.uniqueId
    (policy,) = pbm.get_profiles_by_ids(session, [made])
    assert policy.description == 'ünïcode'
    assert policy.createdBy == vc.username
    if engine_name() == COMPILED:
        assert [rules.name for rules in policy.constraints.subProfiles] == ['rules']
    session.invoke_api(session.pbm, 'PbmDelete', manager, profileId=[made])
    assert pbm.get_profiles_by_ids(session, [made]) == []


def test_the_session_is_known_by_the_soap_header(vc: Vcsim, session: api.VMwareAPISession) -> None:
    """A session that the server does not know is renewed once, then the policies come."""
    assert [profile.name for profile in pbm.get_all_profiles(session)] == POLICIES
    vc.expire_sessions()
    vc.calls.clear()
    assert [profile.name for profile in pbm.get_all_profiles(session)] == POLICIES
    assert vc.count('Login') == 1


def test_without_a_session(session: api.VMwareAPISession) -> None:
    """The service alone, with a cookie that is none, is refused."""
    pbm.get_all_profiles(session)
    stranger = pbm.Pbm(
        host=session._host,
        port=session._port,
        cacert=session._cacert,
        wsdl_url=session._pbm_wsdl_loc,
    )
    stranger.set_soap_cookie('"nobody"')
    try:
        with pytest.raises(exceptions.VimFaultException) as raised:
            stranger.PbmRetrieveContent(
                moref('ProfileManager', 'PbmProfileProfileManager'),
                profileIds=[unknown_id(session)],
            )
    finally:
        stranger.close()
    assert raised.value.fault_list == ['NotAuthenticated']
