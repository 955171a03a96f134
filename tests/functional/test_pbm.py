"""Storage policies: the helpers and the session against a simulated vCenter, over HTTPS."""

import datetime
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from lxml import etree

from oslo_vmware import api, exceptions, pbm, vim_util
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.storage_pod import StoragePod
from oslo_vmware.simulator.pbm import rules
from oslo_vmware.soap.objects import moref
from oslo_vmware.soap.values import TypedValue
from tests.wire import ScriptedServer, fault, xsi_type

from .conftest import Crowd, SessionMaker, as_long_as


def gold(session: api.VMwareAPISession, vc: VCenterSimulator) -> Any:
    made = session.pbm.client.factory.create('ns0:PbmProfileId')
    made.uniqueId = policy_id(vc, 'Gold')
    return made


#: What is called -> the helper that calls it.
HELPERS: dict[str, Callable[[Any, Any], Any]] = {
    'PbmQueryProfile': lambda session, vc: pbm.get_all_profiles(session),
    'PbmRetrieveContent': lambda session, vc: pbm.get_profile_id_by_name(session, 'Gold'),
    'PbmQueryMatchingHub': lambda session, vc: pbm.filter_hubs_by_profile(
        session, None, gold(session, vc)
    ),
    'PbmQueryAssociatedProfile': lambda session, vc: pbm.get_profiles(session, machine(vc)),
}


def policy_id(vc: VCenterSimulator, name: str) -> str:
    (found,) = [profile for profile in vc.policies.all() if profile.name == name]
    unique_id: str = found.profileId.uniqueId
    return unique_id


def machine(vc: VCenterSimulator) -> Any:
    """Reference of a machine of the inventory, one with a policy of its own."""
    found = next(obj for obj in vc.world.objects.values() if obj.is_a('VirtualMachine'))
    return vim_util.get_moref(found.ref.value, 'VirtualMachine')


def datastores_of(vc: VCenterSimulator) -> dict[str, Any]:
    """References of datastores and datastore clusters by name."""
    places = [*vc.world.of_type(Datastore), *vc.world.of_type(StoragePod)]
    return {place.name: vim_util.get_moref(place.ref.value, place.ref.type) for place in places}


@pytest.fixture
def session(
    vc: VCenterSimulator, connect: SessionMaker, pbm_description: str
) -> Iterator[api.VMwareAPISession]:
    """A session that knows a PBM description."""
    made = connect(vc, pbm_wsdl_loc=pbm_description)
    found: Any = vc.world.objects[machine(vc).value]
    found.home_policy = policy_id(vc, 'Gold')
    yield made
    assert vc.errors == []


# --- the helpers


def test_all_profiles(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """All policies come with what users read of them, in two calls."""
    profiles = pbm.get_all_profiles(session)
    assert [profile.name for profile in profiles] == [one.name for one in vc.policies.all()]
    assert profiles[0].__class__.__name__ == 'PbmCapabilityProfile'
    assert [profile.profileId.uniqueId for profile in profiles] == [
        one.profileId.uniqueId for one in vc.policies.all()
    ]
    assert (vc.count('PbmQueryProfile'), vc.count('PbmRetrieveContent')) == (1, 1)


def test_id_by_name(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """A policy is found by its exact name, and what is not there is None."""
    found = pbm.get_profile_id_by_name(session, 'Silver')
    assert found.uniqueId == policy_id(vc, 'Silver')
    assert pbm.get_profile_id_by_name(session, 'silver') is None


def test_a_policy_deleted_meanwhile(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """An id that the server no longer knows does not hide those it knows."""
    ids = [profile.profileId for profile in pbm.get_all_profiles(session)]
    vc.policies.delete(ids[3])
    found = pbm.get_profiles_by_ids(session, ids)
    assert [one.profileId.uniqueId for one in found] == [
        one.uniqueId for one in ids if one is not ids[3]
    ]


@pytest.mark.parametrize(
    ('policy', 'allowed'),
    [
        ('Gold', {'fra-pod-01', 'fra-pod-01-vmfs-01', 'fra-pod-01-vmfs-02'}),
        ('Silver', {'fra-vmfs-01'}),
        ('Bronze', {'fra-nfs-01'}),
        ('Platinum', {'fra-vsan-01'}),
        ('vSAN Default Storage Policy', {'fra-vsan-01'}),
    ],
)
def test_datastores_that_a_policy_allows(
    session: api.VMwareAPISession, vc: VCenterSimulator, policy: str, allowed: set[str]
) -> None:
    """From datastores to hubs, through the policy, and back to datastores."""
    places = datastores_of(vc)
    hubs = pbm.convert_datastores_to_hubs(session.pbm.client.factory, places.values())
    wanted = pbm.get_profile_id_by_name(session, policy)
    matching = pbm.filter_hubs_by_profile(session, hubs, wanted)
    kept = pbm.filter_datastores_by_hubs(matching, places.values())
    assert {name for name, moref in places.items() if moref in kept} == allowed
    everywhere = pbm.filter_hubs_by_profile(session, None, wanted)
    assert {hub.hubId for hub in everywhere} == {hub.hubId for hub in matching}
    some = [hub for hub in hubs if hub.hubId not in {one.hubId for one in matching}]
    assert pbm.filter_hubs_by_profile(session, some, wanted) == []


def test_no_hubs_no_call(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """Of no datastores none is allowed, and the server is not asked for all instead."""
    wanted = pbm.get_profile_id_by_name(session, 'Gold')
    assert pbm.filter_hubs_by_profile(session, [], wanted) == []
    assert vc.count('PbmQueryMatchingHub') == 0


def test_any_iterable_will_do(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """What is read once, or has no order, stands for a list."""
    places = datastores_of(vc)
    wanted = pbm.get_profile_id_by_name(session, 'Gold')
    factory = session.pbm.client.factory
    hubs = {one.hubId: one for one in pbm.convert_datastores_to_hubs(factory, places.values())}
    expected = [
        one.hubId for one in pbm.filter_hubs_by_profile(session, list(hubs.values()), wanted)
    ]
    for given in (iter(hubs.values()), hubs.values(), tuple(hubs.values())):
        matching = pbm.filter_hubs_by_profile(session, given, wanted)
        assert [one.hubId for one in matching] == expected
    assert pbm.filter_hubs_by_profile(session, iter([]), wanted) == []
    kept = pbm.filter_datastores_by_hubs(iter(matching), iter(places.values()))
    assert len(kept) == len(expected)
    for ids in (iter([wanted]), {1: wanted}.values()):
        (profile,) = pbm.get_profiles_by_ids(session, ids)
        assert profile.name == 'Gold'
    assert pbm.get_profiles_by_ids(session, iter([])) == []


def test_policies_of_a_machine(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """A machine has the policy that it was reconfigured to, until it is taken away."""
    vm = machine(vc)
    (found,) = pbm.get_profiles(session, vm)
    assert found.uniqueId == policy_id(vc, 'Gold')

    def reconfigure(profile_spec: Any) -> None:
        spec = session.vim.client.factory.create('ns0:VirtualMachineConfigSpec')
        spec.vmProfile = [profile_spec]
        session.wait_for_task(session.invoke_api(session.vim, 'ReconfigVM_Task', vm, spec=spec))

    defined = session.vim.client.factory.create('ns0:VirtualMachineDefinedProfileSpec')
    defined.profileId = pbm.get_profile_id_by_name(session, 'Silver').uniqueId
    reconfigure(defined)
    (found,) = pbm.get_profiles(session, vm)
    assert found.uniqueId == defined.profileId
    reconfigure(session.vim.client.factory.create('ns0:VirtualMachineEmptyProfileSpec'))
    assert pbm.get_profiles(session, vm) == []


# --- descriptions and versions


@pytest.mark.parametrize(
    ('api_version', 'action'),
    [
        ('5.5', 'urn:pbm/1.0'),
        ('6.0', 'urn:pbm/2.0'),
        ('6.5', 'urn:pbm/6.5'),
        ('6.7.3', 'urn:pbm/6.7'),
        ('7.0.3.0', 'urn:pbm/7.0.0.0'),
        ('8.0.3.0', 'urn:pbm/8.0.0.0'),
        ('9.0.0.0', 'urn:pbm/9.0.0.0'),
        ('9.1.1.0', 'urn:pbm/9.1.0.0'),
        ('10.0.0.0', 'urn:pbm/9.1.0.0'),
    ],
)
def test_every_server_is_spoken_to_in_its_version(api_version: str, action: str) -> None:
    """The description for each server names a version that this server accepts."""
    with VCenterSimulator(api_version=api_version) as vc:
        client = pbm.Pbm(
            host=vc.host,
            port=vc.port,
            wsdl_url=pbm.get_pbm_wsdl_location(api_version),
            cacert=vc.cacert,
        )
        login = vc.sessions.login(vc.username, vc.password, 'en', '')
        assert login
        client.set_soap_cookie(login.cookie)
        resource_type = client.client.factory.create('ns0:PbmProfileResourceType')
        resource_type.resourceType = 'STORAGE'
        manager = client.service_content.profileManager
        ids = client.PbmQueryProfile(manager, resourceType=resource_type)
        names = [one.name for one in client.PbmRetrieveContent(manager, profileIds=ids)]
        assert 'Gold' in names
        assert {call.soap_action.strip('"') for call in vc.calls} == {action}
        client.close()


def test_a_newer_description_is_refused() -> None:
    """What the choice of the description is for: servers refuse a version they do not know."""
    with VCenterSimulator(api_version='8.0.3.0') as vc:
        location = pbm.get_pbm_wsdl_location('9.1')
        client = pbm.Pbm(host=vc.host, port=vc.port, wsdl_url=location, cacert=vc.cacert)
        with pytest.raises(exceptions.VimFaultException, match='Unsupported version URI'):
            client.retrieve_service_content()
        client.close()


def test_a_session_finds_its_description(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """A session that was given no PBM description has no client, until a helper needs one."""
    session = connect(vc)
    assert session.pbm is None
    assert 'Gold' in [profile.name for profile in pbm.get_all_profiles(session)]
    assert session.pbm.wsdl_url == pbm.get_pbm_wsdl_location(vc.world.about.version)


def test_fields_newer_than_the_description(
    session: api.VMwareAPISession, vc: VCenterSimulator
) -> None:
    """A reply may hold what the description does not know; it is kept."""
    vc.policies.ignore_versions = True
    assert 'pbm/8.0/' in str(session.pbm.wsdl_url)
    found = {profile.name: profile for profile in pbm.get_all_profiles(session)}
    assert str(found['Gold'].k8sCompliantName) == 'gold'
    results = session.invoke_api(
        session.pbm,
        'PbmCheckCompatibility',
        session.pbm.service_content.placementSolver,
        profile=found['Gold'].profileId,
    )
    assert {hasattr(result, 'hubInfo') for result in results} == {True}
    refused = [result for result in results if getattr(result, 'error', None)]
    assert refused[0].error[0].fault.__class__.__name__ == (
        'PbmCapabilityProfilePropertyMismatchFault'
    )


# --- the cookie


def cookies(vc: VCenterSimulator) -> list[str | None]:
    """The cookie of each PBM call that needs one."""
    return [
        call.soap_headers.get('vcSessionCookie')
        for call in vc.calls
        if call.operation.startswith('Pbm') and call.operation != 'PbmRetrieveServiceContent'
    ]


def test_the_cookie_is_bare(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """PBM gets the value of the VIM session's cookie without the quotes it has in HTTP."""
    pbm.get_all_profiles(session)
    quoted = session.vim.get_http_cookie()
    assert re.fullmatch('"[0-9a-f]{40}"', quoted)
    assert set(cookies(vc)) == {quoted.strip('"')}


def test_the_cookie_is_read_at_each_call(
    session: api.VMwareAPISession, vc: VCenterSimulator
) -> None:
    """After a login that the session knows nothing of, PBM gets the cookie there is now."""
    pbm.get_all_profiles(session)
    session.vim.Login(
        session.vim.service_content.sessionManager, userName=vc.username, password=vc.password
    )
    vc.calls.clear()
    session.pbm.PbmFetchResourceType(session.pbm.service_content.profileManager)
    assert cookies(vc) == [session.vim.get_http_cookie().strip('"')]
    assert vc.calls[-1].fault is None


def test_a_client_made_before_the_login(
    vc: VCenterSimulator, connect: SessionMaker, pbm_description: str
) -> None:
    """A PBM client that is older than the session is authenticated by it all the same."""
    session = connect(vc, pbm_wsdl_loc=pbm_description)
    session.logout()
    client = session.pbm
    assert pbm.get_all_profiles(session)
    assert session.pbm is client
    assert cookies(vc)[-1] == session.vim.get_http_cookie().strip('"')


# --- sessions that end


@pytest.mark.parametrize('operation', HELPERS)
@pytest.mark.parametrize('fault', ['NotAuthenticated', 'SecurityError', 'PbmFaultInvalidLogin'])
def test_a_session_that_pbm_does_not_know_yet(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    pauses: list[float],
    operation: str,
    fault: str,
) -> None:
    """Refused once while the VIM session lives: asked again at once, with no new login."""
    expected = HELPERS[operation](session, vc)
    vc.calls.clear()
    vc.faults.on(operation, fault)
    assert str(HELPERS[operation](session, vc)) == str(expected)
    assert vc.count(operation) == 2
    assert vc.count('Login') == 0
    assert pauses == []


@pytest.mark.parametrize('operation', HELPERS)
@pytest.mark.parametrize('fault', ['NotAuthenticated', 'SecurityError', 'PbmFaultInvalidLogin'])
def test_a_session_that_pbm_never_takes(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    pauses: list[float],
    operation: str,
    fault: str,
) -> None:
    """Refused twice is refused: an exception, never an empty list."""
    vc.faults.on(operation, fault, times=None)
    with pytest.raises(exceptions.NotAuthenticatedException):
        HELPERS[operation](session, vc)
    assert vc.count(operation) == 2
    assert pauses == []


@pytest.mark.parametrize('operation', HELPERS)
def test_an_expired_session_is_renewed(
    session: api.VMwareAPISession, vc: VCenterSimulator, pauses: list[float], operation: str
) -> None:
    """An expired session costs one login and one repetition, and the answer is right."""
    expected = HELPERS[operation](session, vc)
    vc.calls.clear()
    vc.expire_sessions()
    assert str(HELPERS[operation](session, vc)) == str(expected)
    assert vc.count('Login') == 1
    assert len(set(cookies(vc))) == 2
    assert pauses == []


def test_a_session_that_expires_at_once_again(
    session: api.VMwareAPISession, vc: VCenterSimulator, pauses: list[float]
) -> None:
    """A renewed session that PBM refuses as well is not renewed for ever."""
    pbm.get_all_profiles(session)
    vc.calls.clear()
    vc.expire_sessions()
    vc.faults.on('PbmQueryProfile', 'NotAuthenticated', times=None)
    with pytest.raises(exceptions.NotAuthenticatedException):
        pbm.get_all_profiles(session)
    assert (vc.count('PbmQueryProfile'), vc.count('Login')) == (2, 1)


@pytest.mark.parametrize('expiries', [1, 2])
@pytest.mark.parametrize('operation', HELPERS)
def test_expiries_within_seconds_of_each_other(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    expiries: int,
) -> None:
    """A session that expires right after it was renewed is renewed again, at once."""
    expected = HELPERS[operation](session, vc)
    vc.calls.clear()
    log_in = session._create_session
    logins = 0

    def forgotten() -> None:
        nonlocal logins
        log_in()
        logins += 1
        if logins < expiries:
            vc.expire_sessions()

    monkeypatch.setattr(session, '_create_session', forgotten)
    vc.expire_sessions()
    assert str(HELPERS[operation](session, vc)) == str(expected)
    assert vc.count('Login') == expiries
    assert pauses == []


def test_a_crowd_finds_the_session_expired(
    session: api.VMwareAPISession, vc: VCenterSimulator
) -> None:
    """Ten threads at once: one login, and every one of them gets the policies."""
    expected = [profile.name for profile in pbm.get_all_profiles(session)]
    logins = vc.count('Login')
    vc.expire_sessions()
    crowd = Crowd(10, lambda _: [profile.name for profile in pbm.get_all_profiles(session)])
    assert crowd.join() == [expected] * 10
    assert vc.count('Login') == logins + 1


def test_missing_privileges_are_no_expired_session(
    session: api.VMwareAPISession, vc: VCenterSimulator
) -> None:
    """PBM's own NoPermission is derived from SecurityError, and still is told apart from it."""
    vc.faults.on('PbmQueryProfile', 'PbmFaultNoPermission')
    with pytest.raises(exceptions.VimFaultException) as caught:
        pbm.get_all_profiles(session)
    assert caught.value.fault_list == ['PbmFaultNoPermission']
    assert vc.count('PbmQueryProfile') == 1


# --- a service that is down


@pytest.mark.parametrize('status', [502, 503, 504])
@pytest.mark.parametrize('operation', ['PbmRetrieveServiceContent', *HELPERS])
def test_a_service_that_starts_is_waited_for(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    pauses: list[float],
    operation: str,
    status: int,
) -> None:
    """502 to 504 are repeated as lost connections are, with the pauses of those."""
    vc.faults.http(operation, status=status, times=2)
    HELPERS.get(operation, HELPERS['PbmQueryProfile'])(session, vc)
    assert vc.count(operation) == 3
    assert as_long_as(pauses, 10, 20)
    assert vc.count('Login') == 1


@pytest.mark.parametrize('status', [502, 503, 504])
def test_a_service_that_stays_down(
    session: api.VMwareAPISession, vc: VCenterSimulator, pauses: list[float], status: int
) -> None:
    """In the end the exception says that it is PBM which is not there, and with which status."""
    vc.faults.http('PbmQueryProfile', status=status, times=None)
    with pytest.raises(exceptions.PbmUnavailableException) as caught:
        pbm.get_all_profiles(session)
    assert isinstance(caught.value, exceptions.VimConnectionException)
    assert f'HTTP status {status} ' in str(caught.value)
    assert vc.count('PbmQueryProfile') == 4
    assert as_long_as(pauses, 10, 20, 30)


def test_a_reply_that_nobody_can_read(
    session: api.VMwareAPISession, vc: VCenterSimulator, pauses: list[float]
) -> None:
    """The service is there, and would say the same again."""
    vc.faults.http('PbmQueryProfile', status=200, content_type='text/xml', body='garbage')
    with pytest.raises(exceptions.VimUnreadableReplyException):
        pbm.get_all_profiles(session)
    assert (vc.count('PbmQueryProfile'), pauses) == (1, [])


def test_a_lost_connection_is_repeated(
    session: api.VMwareAPISession, vc: VCenterSimulator, pauses: list[float]
) -> None:
    """A connection that breaks during a PBM call is a lost connection like any other."""
    # The first time it may have been closed while idle, and the request is sent again at once.
    vc.faults.drop('PbmQueryProfile', times=2)
    assert pbm.get_all_profiles(session)
    assert as_long_as(pauses, 10)


def test_a_stranger_is_not_called_unavailable(vc: VCenterSimulator, pbm_description: str) -> None:
    """A certificate that is refused is that, for PBM too, and is not tried again."""
    client = pbm.Pbm(port=vc.port, host=vc.host, wsdl_url=pbm_description, insecure=False)
    with pytest.raises(exceptions.VimCertificateException):
        client.retrieve_service_content()
    client.close()


# --- rules that the inventory does not have by itself


def test_a_policy_with_two_rule_sets(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """One of the rule sets is enough, and all rules of it are needed."""
    vc.policies.create(
        'Either',
        [rules.tag_rule('Tier', 'Bronze')],
        [rules.tag_rule('Tier', 'Platinum'), rules.vsan_rule('hostFailuresToTolerate', 1)],
        [rules.tag_rule('Tier', 'Silver'), rules.vsan_rule('hostFailuresToTolerate', 0)],
    )
    wanted = pbm.get_profile_id_by_name(session, 'Either')
    hubs = {hub.hubId for hub in pbm.filter_hubs_by_profile(session, None, wanted)}
    allowed = {name for name, moref in datastores_of(vc).items() if moref.value in hubs}
    assert allowed == {'fra-nfs-01', 'fra-vsan-01'}


# --- values of type any


def create_spec(session: Any, rules: dict[tuple[str, str, str], Any]) -> Any:
    """A PbmCapabilityProfileCreateSpec, made as callers make it: with the client's factory."""
    make = session.pbm.client.factory.create
    spec = make('ns0:PbmCapabilityProfileCreateSpec')
    spec.name = 'Made by hand'
    spec.resourceType.resourceType = 'STORAGE'
    rule_set = make('ns0:PbmCapabilitySubProfile')
    rule_set.name = 'Rule-Set 1'
    for (namespace, capability, property_id), value in rules.items():
        rule = make('ns0:PbmCapabilityInstance')
        rule.id.namespace, rule.id.id = namespace, capability
        wanted = make('ns0:PbmCapabilityPropertyInstance')
        wanted.id, wanted.value = property_id, value
        constraint = make('ns0:PbmCapabilityConstraintInstance')
        constraint.propertyInstance = [wanted]
        rule.constraint = [constraint]
        rule_set.capability.append(rule)
    spec.constraints = make('ns0:PbmCapabilitySubProfileConstraints')
    spec.constraints.subProfiles = [rule_set]
    return spec


def test_a_policy_is_written_with_the_types_of_its_values(
    session: api.VMwareAPISession, vc: VCenterSimulator
) -> None:
    """Numbers, truth values, strings and sets of tags arrive as what they are in Python."""
    tags = session.pbm.client.factory.create('ns0:PbmCapabilityDiscreteSet')
    tags.values = ['Platinum', 'Gold, too']
    spec = create_spec(
        session,
        {
            ('VSAN', 'stripeWidth', 'stripeWidth'): 2,
            ('VSAN', 'forceProvisioning', 'forceProvisioning'): True,
            ('VSAN', 'replicaPreference', 'replicaPreference'): 'RAID-1 (Mirroring) - Performance',
            (rules.TAGS, 'Tier', rules.tag_property('Tier')): tags,
        },
    )
    manager = session.pbm.service_content.profileManager
    session.invoke_api(session.pbm, 'PbmCreate', manager, createSpec=spec)
    made = vc.policies.all()[-1].constraints.subProfiles[0].capability
    values = [rule.constraint[0].propertyInstance[0].value for rule in made]
    assert values[:3] == [2, True, 'RAID-1 (Mirroring) - Performance']
    assert [type(value) for value in values[:3]] == [int, bool, str]
    assert values[3].values == ['Platinum', 'Gold, too']
    # And what was read can be sent back as it is.
    wanted = pbm.get_profile_id_by_name(session, 'Made by hand')
    (read,) = pbm.get_profiles_by_ids(session, [wanted])
    spec.name, spec.constraints = 'Copy', read.constraints
    session.invoke_api(session.pbm, 'PbmCreate', manager, createSpec=spec)
    assert vc.policies.all()[-1].constraints == vc.policies.all()[-2].constraints


@pytest.mark.parametrize(
    ('value', 'type_', 'text'),
    [
        (1, 'int', '1'),
        (-(2**31), 'int', '-2147483648'),
        (2**31, 'long', '2147483648'),
        (TypedValue(1, 'long'), 'long', '1'),
        (TypedValue(1, 'short'), 'short', '1'),
        (True, 'boolean', 'true'),
        (1.5, 'double', '1.5'),
        ('1', 'string', '1'),
        (
            datetime.datetime(2026, 1, 2, 3, 4, 5, 6000, datetime.UTC),
            'dateTime',
            '2026-01-02T03:04:05.006000+00:00',
        ),
    ],
)
def test_types_on_the_wire(pbm_description: str, value: Any, type_: str, text: str) -> None:
    """Every simple value carries its XSD type by a declared prefix, in sets and ranges too."""
    with ScriptedServer(lambda request: fault('<f/>')) as server:
        client = pbm.Pbm('http', '127.0.0.1', server.port, wsdl_url=pbm_description)
        make = client.client.factory.create
        limits = make('ns0:PbmCapabilityRange')
        limits.min = limits.max = value
        choice = make('ns0:PbmCapabilityDiscreteSet')
        choice.values = [value]
        sent = []
        for content in (value, limits, choice):
            spec = create_spec(SimpleNamespace(pbm=client), {('VSAN', 'x', 'x'): content})
            with pytest.raises(exceptions.VimFaultException):
                client.PbmCreate(
                    moref('ProfileManager', 'PbmProfileProfileManager'), createSpec=spec
                )
            sent.append(etree.fromstring(server.requests[-1].body))
        client.close()
    (alone,) = sent[0].iter('{urn:pbm}value')
    nodes = [alone, *sent[1].iter('{urn:pbm}min', '{urn:pbm}max'), *sent[2].iter('{urn:pbm}values')]
    assert len(nodes) == 4
    for node in nodes:
        prefix, _, name = node.get('{http://www.w3.org/2001/XMLSchema-instance}type').partition(':')
        assert node.nsmap[prefix] == 'http://www.w3.org/2001/XMLSchema'
        assert (name, node.text) == (type_, text)


def test_a_time_span_keeps_its_number(pbm_description: str) -> None:
    """A member that is called value, but is not of type any, is not marked as a string."""
    with ScriptedServer(lambda request: fault('<f/>')) as server:
        client = pbm.Pbm('http', '127.0.0.1', server.port, wsdl_url=pbm_description)
        span = client.client.factory.create('ns0:PbmCapabilityTimeSpan')
        span.value, span.unit = 5, 'MINUTES'
        spec = create_spec(SimpleNamespace(pbm=client), {('VSAN', 'x', 'x'): span})
        with pytest.raises(exceptions.VimFaultException):
            client.PbmCreate(moref('ProfileManager', 'PbmProfileProfileManager'), createSpec=spec)
        client.close()
    outer, inner = etree.fromstring(server.requests[-1].body).iter('{urn:pbm}value')
    assert xsi_type(outer) == '{urn:pbm}PbmCapabilityTimeSpan'
    assert (inner.text, dict(inner.attrib)) == ('5', {})
