"""Which datastores may hold something, and why the others may not."""

from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import api, exceptions, pbm, spbm, vim_util
from oslo_vmware.simulator import VCenterSimulator, types
from oslo_vmware.simulator.pbm.placement import PlacementSolver
from oslo_vmware.spbm import inventory, reasons, usability

from ..conftest import SessionMaker
from .conftest import Counter, Site

OLD = pbm.get_pbm_wsdl_location('6.0')


@pytest.fixture(params=['current', 'old'])
def either(
    request: pytest.FixtureRequest, vc: VCenterSimulator, connect: SessionMaker
) -> api.VMwareAPISession:
    """A session with PBM as it is now, and as it was before 6.5."""
    return connect(vc, pbm_wsdl_loc=OLD) if request.param == 'old' else connect(vc)


def explained(results: list[Any]) -> dict[str, str]:
    return {str(result.name): spbm.explain(result) for result in results}


def test_every_refusal_has_its_reason(either: api.VMwareAPISession, site: Site) -> None:
    """A saved policy: a sentence that names datastore, tag and category, and the same as data."""
    gold = spbm.find_policy(either, 'Gold')
    results = spbm.check_compatibility(either, gold, site.refs('Datastore').values())
    assert explained(results) == {
        'fra-nfs-01': 'datastore fra-nfs-01 offers no tag "Gold" of category "Tier"; '
        'it has "Bronze"',
        'fra-vmfs-01': 'datastore fra-vmfs-01 offers no tag "Gold" of category "Tier"; '
        'it has "Silver"',
        'fra-vsan-01': 'datastore fra-vsan-01 offers no tag "Gold" of category "Tier"; '
        'it has "Platinum"',
        'fra-pod-01-vmfs-01': 'datastore fra-pod-01-vmfs-01 may hold it',
        'fra-pod-01-vmfs-02': 'datastore fra-pod-01-vmfs-02 may hold it',
    }
    assert [one.datastore for one in results] == [
        one.value for one in site.refs('Datastore').values()
    ]
    (reason,) = results[0].errors
    assert (reason.kind, reason.capability) == (reasons.MISMATCH, 'Tier')
    assert reason.wanted == spbm.DiscreteSet(['Gold'])
    assert reason.offered == spbm.DiscreteSet(['Bronze'])
    assert results[0].raw.hub.hubId == results[0].datastore


def test_what_is_equal_is_kept_once(either: api.VMwareAPISession, site: Site) -> None:
    """The same wish, offer, unit and text is one object in all results, raw ones included."""
    results = spbm.check_compatibility(either, site.policy_id('Silver'))
    faults = [one.raw for result in results for one in result.errors]
    reasons_ = [one for result in results for one in result.errors]
    assert len(reasons_) > 3
    for things in (
        [one.wanted for one in reasons_],
        [one.offered for one in reasons_],
        [one.localizedMessage for result in results for one in getattr(result.raw, 'error', [])],
        [one.requirementPropertyInstance for one in faults],
        [one.resourcePropertyInstance for one in faults],
        [use.raw.name for result in results for use in result.utilization],
    ):
        assert len({id(one) for one in things}) == len({str(one) for one in things})
    for result in results:
        assert all(one.raw.hub is result.raw.hub for one in result.errors)
        assert result.raw.hub.hubId == result.datastore


@pytest.mark.parametrize(
    ('rule', 'datastore', 'kind', 'sentence'),
    [
        (
            spbm.vsan_rule(hostFailuresToTolerate=2),
            'fra-vsan-01',
            reasons.MISMATCH,
            'datastore fra-vsan-01 offers VSAN.hostFailuresToTolerate = 1; 2 is wanted',
        ),
        (
            spbm.vsan_rule(hostFailuresToTolerate=2),
            'fra-nfs-01',
            reasons.MISSING,
            'datastore fra-nfs-01 does not offer VSAN.hostFailuresToTolerate; 2 is wanted',
        ),
    ],
)
def test_unsaved_rules(
    either: api.VMwareAPISession, site: Site, rule: Any, datastore: str, kind: str, sentence: str
) -> None:
    """Rules that are no policy are judged like one."""
    (result,) = spbm.check_spec_compatibility(either, rule, [site.ref('Datastore', datastore)])
    assert not result.compatible
    assert [one.kind for one in result.errors] == [kind]
    assert spbm.explain(result) == sentence


def test_data_services(either: api.VMwareAPISession, vc: VCenterSimulator, site: Site) -> None:
    """Encryption is called that, another service by the id of its policy."""
    store = site.object('Datastore', 'fra-nfs-01')
    vc.policies.serve(store)
    service = site.policy_id('Low IO shares allocation')
    for rule, sentence in (
        (spbm.encryption_rule(), 'has no encryption by its hosts'),
        (
            spbm.encryption_rule(service),
            f'does not have what the data service policy {service} asks for',
        ),
    ):
        place = site.ref('Datastore', store.name)
        (result,) = spbm.check_spec_compatibility(either, rule, [place])
        assert spbm.explain(result) == f'datastore {store.name} {sentence}'


def test_a_name_that_cannot_be_read(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """It takes nothing from the answer, in which the id stands for it."""
    gold, place = site.policy_id('Gold'), site.ref('Datastore', 'fra-pod-01-vmfs-01')
    vc.faults.on('RetrievePropertiesEx', fault='ManagedObjectNotFound')
    (result,) = spbm.check_compatibility(session, gold, [place])
    assert (result.compatible, result.name) == (True, None)
    assert spbm.explain(result) == f'datastore {place.value} may hold it'


def test_places_that_the_inventory_does_not_show(session: api.VMwareAPISession, site: Site) -> None:
    """What cannot be read is refused, and so is a datastore cluster without datastores."""
    host = site.ref('HostSystem')
    pods = inventory.pods_of(session, ['group-p8'])
    pods.found['group-p9'] = inventory.Pod('empty', ())
    usable = usability.Usability(session, host, ['datastore-9'], pods, shared=False)
    for found in (usable.reasons('datastore-9'), usable.pod_reasons('group-p8', ())):
        (reason,) = found
        assert (reason.kind, reason.message) == (reasons.UNREADABLE, 'is not there any more')
    (reason,) = usable.pod_reasons('group-p9', ())
    assert reason.sentence('empty', cluster=True) == 'datastore cluster empty has no datastores'


DENIED = 'cannot be read by this account (System.Read is missing)'
GONE = 'is not there any more'


def hide(vc: VCenterSimulator, monkeypatch: pytest.MonkeyPatch, what: str, *hidden: Any) -> str:
    """Have objects that cannot be read, or that vanish once PBM has answered; what is said then."""
    if what == 'denied':
        for one in hidden:
            vc.faults.deny(one.ref.value)
        return DENIED
    for operation in ('PbmCheckRequirements', 'PbmCheckCompatibility'):
        answer = getattr(PlacementSolver, operation)

        def vanish(manager: Any, call: Any, answer: Any = answer) -> Any:
            answered = answer(manager, call)
            for one in hidden:
                if one.ref.value in vc.world.objects:
                    vc.world.remove(one)
            return answered

        monkeypatch.setattr(PlacementSolver, operation, vanish)
    return GONE


@pytest.mark.parametrize('named', [True, False], ids=['named', 'all'])
@pytest.mark.parametrize('what', ['denied', 'gone'])
def test_one_datastore_that_cannot_be_read(
    either: api.VMwareAPISession,
    vc: VCenterSimulator,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    named: bool,
) -> None:
    """It is refused with that as a reason; the others are answered for, and keep their names."""
    bronze = site.policy_id('Bronze')
    names = list(site.refs('Datastore'))
    places = list(site.refs('Datastore').values()) if named else None
    cluster = site.ref('ClusterComputeResource')
    # One that would fit, and one that hosts of the cluster can use besides.
    hidden = [site.object('Datastore', name) for name in ('fra-nfs-01', 'fra-pod-01-vmfs-01')]
    text = hide(vc, monkeypatch, what, *hidden)
    results = spbm.check_compatibility(either, bronze, places, usable_by=cluster)
    by_id = {one.datastore: one for one in results}
    for one in hidden:
        result = by_id.pop(one.ref.value)
        assert not result.compatible
        (reason,) = (one for one in result.errors if one.kind == reasons.UNREADABLE)
        assert reason.message == text
        assert text in spbm.explain(result)
        assert result.name is None
    assert {one.name for one in by_id.values() if one.type == 'Datastore'} == {*names} - {
        'fra-nfs-01',
        'fra-pod-01-vmfs-01',
    }
    assert not any(
        reason.kind == reasons.UNREADABLE for one in by_id.values() for reason in one.errors
    )
    if what == 'denied':
        assert spbm.compatible_datastores(either, bronze, places, usable_by=cluster) == []


@pytest.mark.parametrize('what', ['denied', 'gone'])
def test_one_host_that_cannot_be_read(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    """The others are judged; what each host has to reach may not do for one that is not known."""
    bronze, place = site.policy_id('Bronze'), site.ref('Datastore', 'fra-nfs-01')
    cluster = site.object('ClusterComputeResource')
    hidden, *others = cluster.host
    text = hide(vc, monkeypatch, what, hidden)
    given = [vim_util.get_moref(one.ref.value, 'HostSystem') for one in cluster.host]

    def verdict(hosts: Any, **options: Any) -> list[str]:
        (result,) = spbm.check_compatibility(
            session, bronze, [place], usable_by=hosts, fresh=True, **options
        )
        assert all(one.kind == reasons.UNREACHABLE for one in result.errors)
        return [one.message for one in result.errors]

    # The datastore itself tells who has mounted it.
    assert verdict(given) == verdict(given, shared=True) == []
    site.object('Datastore', 'fra-nfs-01').mount_on(hidden, mounted=False)
    assert verdict(given) == []
    known = [f'may not be usable by all of the hosts: {hidden.ref.value} {DENIED}']
    assert verdict(given, shared=True) == (known if what == 'denied' else [])
    nobody = 'has no host to use it: none of those given is connected and in operation'
    assert verdict(iter(given[:1])) == [f'{nobody} ({hidden.ref.value} {text})']
    assert len(others) > 0


@pytest.mark.parametrize('what', ['denied', 'gone'])
def test_one_datastore_cluster_that_cannot_be_read(
    either: api.VMwareAPISession,
    vc: VCenterSimulator,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    """It is refused with that as a reason, and its datastores are not."""
    gold, pod = site.policy_id('Gold'), site.object('StoragePod')
    text = hide(vc, monkeypatch, what, pod)
    host = next(iter(site.refs('HostSystem').values()))
    results = {one.datastore: one for one in spbm.check_compatibility(either, gold, usable_by=host)}
    (reason,) = results.pop(pod.ref.value).errors
    assert (reason.kind, reason.message) == (reasons.UNREADABLE, text)
    assert {one.name for one in results.values() if one.compatible} == {
        'fra-pod-01-vmfs-01',
        'fra-pod-01-vmfs-02',
    }


def test_an_unknown_datastore_cluster(either: api.VMwareAPISession, site: Site) -> None:
    """It is named like an unknown datastore, whether hosts are to use it or not."""
    gold, host = site.policy_id('Gold'), site.ref('HostSystem')
    for unknown in ('StoragePod:group-p999', 'Datastore:datastore-999'):
        for options in ({}, {'usable_by': host}):
            for ask in (spbm.check_compatibility, spbm.compatible_datastores):
                with pytest.raises(spbm.HubsNotFoundException) as caught:
                    ask(either, gold, [site.ref('Datastore'), unknown], **options)
                assert caught.value.datastores == (unknown.partition(':')[2],)


def test_a_member_that_vanishes(
    either: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """What was in a datastore cluster when it was read, and is not known to PBM, is left out."""
    gold, host, pod = site.policy_id('Gold'), site.ref('HostSystem'), site.ref('StoragePod')
    first, second = site.object('StoragePod').children
    vc.policies.tag(first, 'Tier', 'Silver')
    vc.world.objects.pop(first.ref.value)
    assert second in site.object('StoragePod').children
    (result,) = spbm.check_compatibility(either, gold, [pod], usable_by=host)
    assert result.compatible


def test_names_that_can_be_read_are_kept(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """One that cannot be read takes no other's; the others are not read again."""
    hidden = site.object('Datastore', 'fra-nfs-01')
    vc.faults.deny(hidden.ref.value)
    gold = site.policy_id('Gold')
    names = {one.name for one in spbm.check_compatibility(session, gold)}
    everything = {*site.objects('Datastore'), *site.objects('StoragePod')}
    assert names == everything - {'fra-nfs-01'} | {None}
    asked: Any = [one for one in vc.calls if one.operation == 'RetrievePropertiesEx']
    vc.faults.allow(hidden.ref.value)
    assert {one.name for one in spbm.check_compatibility(session, gold)} == everything
    again: Any = [one for one in vc.calls if one.operation == 'RetrievePropertiesEx']
    (last,) = again[len(asked) :]
    (spec,) = last.args.specSet
    assert [one.obj.value for one in spec.objectSet] == [hidden.ref.value]


class Refusing:
    """A session whose server refuses to read some objects, and does not say which."""

    vim = None

    def __init__(self, *bad: str) -> None:
        self.bad, self.calls, self.hidden = bad, 0, ''

    def invoke_api(self, *args: Any) -> Any:
        self.calls += 1
        ids = [one.value for one in args[4]]
        if not set(self.bad).isdisjoint(ids):
            raise exceptions.NoPermissionException('no')
        return SimpleNamespace(
            objects=[
                SimpleNamespace(obj=SimpleNamespace(value=one)) for one in ids if one != self.hidden
            ]
        )


def test_what_an_answer_does_not_have() -> None:
    """An object that the server passes over in silence could not be read either."""
    silent = Refusing()
    silent.hidden = 'datastore-2'
    reading = inventory.read(silent, 'Datastore', ['datastore-1', 'datastore-2'], ['name'])
    assert (list(reading.found), list(reading.unread)) == (['datastore-1'], ['datastore-2'])
    assert inventory.why(reading.unread['datastore-2']) == 'cannot be read by this account'


def test_a_refusal_that_names_nobody() -> None:
    """What it is about is found in halves; if it is about everything, it is raised."""
    ids = [f'datastore-{number}' for number in range(1000)]
    some = Refusing('datastore-7', 'datastore-999')
    reading = inventory.read(some, 'Datastore', ids, ['name'])
    assert set(reading.unread) == {'datastore-7', 'datastore-999'}
    assert list(reading.found) == [one for one in ids if one not in reading.unread]
    assert some.calls <= 4 * len(ids).bit_length()
    everything = Refusing(*ids)
    with pytest.raises(exceptions.NoPermissionException):
        inventory.read(everything, 'Datastore', ids, ['name'])
    assert everything.calls <= 2 * inventory.MAX_HALVINGS + len(ids).bit_length()


def test_tags_that_must_not_be_there(
    session: api.VMwareAPISession, vc: VCenterSimulator, connect: SessionMaker, site: Site
) -> None:
    """The operator NOT; a PBM that has none yet says so, instead of asking for the contrary."""
    rule = spbm.tag_rule('Tier', ['Bronze', 'Silver'], exclude=True)
    places = [site.ref('Datastore', name) for name in ('fra-nfs-01', 'fra-vsan-01')]
    refused, allowed = spbm.check_spec_compatibility(session, rule, places)
    assert spbm.explain(refused) == (
        'datastore fra-nfs-01 must not have the tag "Bronze" or "Silver" of category "Tier"; '
        'it has "Bronze"'
    )
    assert allowed.compatible
    old = connect(vc, pbm_wsdl_loc=OLD)
    with pytest.raises(exceptions.PbmNotSupportedException, match='operator'):
        spbm.check_spec_compatibility(old, rule, places)


def test_which_operation_is_asked(
    vc: VCenterSimulator, connect: SessionMaker, site: Site, calls: Counter
) -> None:
    """PbmCheckRequirements from 6.5 on, PbmCheckCompatibility before; one call of PBM each.

    Who wants no reasons is not made to pay for them.
    """
    gold = site.policy_id('Gold')
    for location, operation in ((None, 'Requirements'), (OLD, 'Compatibility')):
        session = connect(vc, pbm_wsdl_loc=location)
        spbm.check_compatibility(session, gold)
        assert calls() == [f'PbmCheck{operation}']
        spbm.compatible_datastores(session, gold)
        assert calls() == ['PbmQueryMatchingHub']


@pytest.mark.parametrize('usable', [False, True], ids=['any', 'usable'])
@pytest.mark.parametrize('named', [False, True], ids=['all', 'named'])
def test_what_fits_has_no_reason_against_it(
    either: api.VMwareAPISession, vc: VCenterSimulator, site: Site, named: bool, usable: bool
) -> None:
    """Whatever the policy, with reasons and without the same datastores fit, in the same order."""
    both = {**site.refs('Datastore'), **site.refs('StoragePod')}
    places = list(both.values())[::-1] if named else None
    options: dict[str, Any] = {}
    if usable:
        site.object('Datastore', 'fra-pod-01-vmfs-01').update(maintenance='inMaintenance')
        options = {'usable_by': site.ref('ClusterComputeResource'), 'shared': True}
    found = set()
    for policy in spbm.list_policies(either):
        results = spbm.check_compatibility(either, policy, places, **options)
        wanted = [one.datastore for one in results if one.compatible]
        fits = spbm.compatible_datastores(either, policy, places, include_pods=True, **options)
        assert [one.value for one in fits] == wanted
        assert places is None or all(one in places for one in fits)
        found.update(wanted)
    # Some fit somewhere, and not all of them everywhere.
    assert len(found) > 1


def test_a_server_that_has_an_operation_no_longer(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, calls: Counter
) -> None:
    """It is asked for reasons instead, and from then on at once, until the next login."""
    gold = site.policy_id('Gold')
    wanted = [one.value for one in spbm.compatible_datastores(session, gold)]
    calls()
    vc.faults.on('PbmQueryMatchingHub', fault='MethodNotFound')
    assert [one.value for one in spbm.compatible_datastores(session, gold)] == wanted
    assert [one.value for one in spbm.compatible_datastores(session, gold)] == wanted
    assert calls() == ['PbmQueryMatchingHub', 'PbmCheckRequirements', 'PbmCheckRequirements']
    spbm.policy_cache(session).clear()
    assert [one.value for one in spbm.compatible_datastores(session, gold)] == wanted
    assert calls() == ['PbmQueryMatchingHub']


def test_the_datastores_that_fit(either: api.VMwareAPISession, site: Site) -> None:
    """As they were given and in their order; without a list references, pods only if wanted."""
    gold = site.policy_id('Gold')
    places = [f'Datastore:{one.value}' for one in reversed(site.refs('Datastore').values())]
    names = ('fra-pod-01-vmfs-02', 'fra-pod-01-vmfs-01')
    refs = [site.ref('Datastore', name) for name in names]
    assert spbm.compatible_datastores(either, gold, places) == [
        f'Datastore:{ref.value}' for ref in refs
    ]
    found = spbm.compatible_datastores(either, gold)
    assert {one.value for one in found} == {ref.value for ref in refs}
    found = spbm.compatible_datastores(either, gold, include_pods=True)
    pod = site.ref('StoragePod')
    assert {(one._type, one.value) for one in found} >= {('StoragePod', pod.value)}
    assert spbm.compatible_datastores(either, gold, [pod]) == [pod]
    backwards = [place.value for place in reversed(site.refs('Datastore').values())]
    results = spbm.check_compatibility(either, gold, backwards)
    assert [one.datastore for one in results] == backwards


def test_a_server_that_answers_in_another_order(
    session: api.VMwareAPISession, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API promises no order; the results have that of the datastores all the same."""
    invoke = session.invoke_api

    def backwards(module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        reply = invoke(module, method, *args, **kwargs)
        return reply[::-1] if method == 'PbmCheckRequirements' else reply

    monkeypatch.setattr(session, 'invoke_api', backwards)
    places = [place.value for place in site.refs('Datastore').values()]
    results = spbm.check_compatibility(session, site.policy_id('Gold'), places)
    assert [one.datastore for one in results] == places


def test_no_datastores_no_call(session: api.VMwareAPISession, site: Site, calls: Counter) -> None:
    """Of no datastores none, and not all that there are."""
    assert spbm.check_compatibility(session, site.policy_id('Gold'), []) == []
    assert calls() == []


def test_an_existing_machine(
    session: api.VMwareAPISession, vc: VCenterSimulator, connect: SessionMaker, site: Site
) -> None:
    """How often a machine or disk fits, how much is left, from 6.5 on; before, it is refused."""
    vm, gold = site.ref('VirtualMachine'), site.policy_id('Gold')
    rule = spbm.tag_rule('Tier', 'Gold')
    for subject in (spbm.vm_and_disks(vm), spbm.disk(vm, 2000)):
        result = spbm.check_compatibility(session, gold, subject=subject)[0]
        assert result.how_many is not None
        assert result.how_many > 0
        (space,) = result.utilization
        assert space.before is not None
        assert space.after is not None
        assert space.before > space.after
        assert space.raw.availableBefore == space.before
        call: Any = [one for one in vc.calls if one.operation == 'PbmCheckRequirements'][-1]
        assert call.args.placementSubjectRef.key == subject.key
        assert spbm.check_spec_compatibility(session, rule, subject=subject)[0] == result
    old = connect(vc, pbm_wsdl_loc=OLD)
    with pytest.raises(exceptions.PbmNotSupportedException):
        spbm.check_compatibility(old, gold, subject=subject)


def test_replication_groups_and_zones(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """What PBM says beside yes and no comes along."""
    vc.policies.replicate(site.object('Datastore', 'fra-pod-01-vmfs-01'), 'group-1')
    place = site.ref('Datastore', 'fra-pod-01-vmfs-01')
    (result,) = spbm.check_compatibility(session, site.policy_id('Gold'), [place])
    assert [group for _, group in result.replication_groups] == ['group-1']
    assert result.zone_clusters == (site.ref('ClusterComputeResource').value,)


def test_other_reasons_and_warnings(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """A reason without a sentence of ours keeps the server's; warnings exclude nothing."""
    name = 'fra-pod-01-vmfs-01'
    store = site.object('Datastore', name)
    vc.policies.refuse(store, 'PbmDefaultProfileAppliesFault', 'Only the default applies.')
    vc.policies.refuse(store, 'PbmCompatibilityCheckFault', 'Odd.', warning=True)
    gold = site.policy_id('Gold')
    (result,) = spbm.check_compatibility(session, gold, [site.ref('Datastore', name)])
    assert spbm.explain(result) == (
        f'datastore {name} takes only its default policy: Only the default applies.; '
        f'warning: datastore {name}: Odd.'
    )
    vc.policies.accept(store)
    vc.policies.refuse(store, 'PbmCompatibilityCheckFault', 'Odd.', warning=True)
    (result,) = spbm.check_compatibility(session, gold, [site.ref('Datastore', name)])
    assert result.compatible
    assert [one.message for one in result.warnings] == ['Odd.']


@pytest.mark.parametrize(
    ('rule', 'sentence'),
    [
        (
            ('ACME', 'iops', 'limit', 5),
            'is of another vendor than the rule ACME.iops.limit = 5',
        ),
        (
            (spbm.rules.TAG_NAMESPACE, 'Tier', 'com.vmware.storage.tag.Tier.property', 'x'),
            'offers no tag "x" of category "Tier"; it has "y"',
        ),
    ],
)
def test_the_rules_of_another_vendor(
    either: api.VMwareAPISession, vc: VCenterSimulator, site: Site, rule: Any, sentence: str
) -> None:
    """A reason of its own, with the rule, what is wanted and what there is."""
    namespace, capability, prop, wanted = rule
    store = site.object('Datastore', 'fra-pod-01-vmfs-01')
    vc.policies.refuse(
        store,
        'PbmIncompatibleVendorSpecificRuleSet',
        'Not ours.',
        capabilityInstanceId=types.PbmCapabilityMetadataUniqueId(
            namespace=namespace, id=capability
        ),
        requirementPropertyInstance=types.PbmCapabilityPropertyInstance(id=prop, value=wanted),
        resourcePropertyInstance=types.PbmCapabilityPropertyInstance(id=prop, value='y'),
    )
    place = site.ref('Datastore', store.name)
    (result,) = spbm.check_compatibility(either, site.policy_id('Gold'), [place])
    assert spbm.explain(result) == f'datastore {store.name} {sentence}'
    (reason,) = result.errors
    assert (reason.kind, reason.message) == (reasons.VENDOR, 'Not ours.')
    assert (reason.namespace, reason.capability, reason.property) == (namespace, capability, prop)
    assert (reason.wanted, reason.offered) == (wanted, 'y')
    assert reason.raw.__class__.__name__ == 'PbmIncompatibleVendorSpecificRuleSet'


def test_what_hosts_can_use(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """Mounted, accessible, not in maintenance: each failing is a reason of its own."""
    bronze = site.policy_id('Bronze')
    store = site.object('Datastore', 'fra-nfs-01')
    place = site.ref('Datastore', 'fra-nfs-01')
    cluster = site.ref('ClusterComputeResource')
    hosts = [
        one for one in site.objects('HostSystem').values() if one.parent.ref.value == cluster.value
    ]

    def verdict(**options: Any) -> list[tuple[str, str]]:
        options = {'fresh': True, **options}
        (result,) = spbm.check_compatibility(session, bronze, [place], usable_by=cluster, **options)
        assert result.compatible == bool(
            spbm.compatible_datastores(session, bronze, [place], usable_by=cluster, **options)
        )
        return [(one.kind, one.sentence('fra-nfs-01')) for one in result.errors]

    assert verdict() == verdict(shared=True) == []
    store.mount_on(hosts[0], accessible=False)
    unusable = (
        reasons.UNREACHABLE,
        (
            'datastore fra-nfs-01 is not usable by all of the hosts: '
            f'{hosts[0].name} cannot write to it'
        ),
    )
    assert verdict() == []
    assert verdict(shared=True) == [unusable]
    store.mount_on(hosts[0], writable=False)
    assert verdict() == []
    assert verdict(shared=True) == [unusable]
    store.mount_on(hosts[1], mounted=False)
    names = ', '.join(sorted(host.name for host in hosts))
    unreachable = (
        reasons.UNREACHABLE,
        f'datastore fra-nfs-01 is usable by none of the hosts ({names})',
    )
    assert verdict() == [unreachable]
    store.update(maintenance='inMaintenance')
    assert verdict() == [
        (reasons.MAINTENANCE, 'datastore fra-nfs-01 is in maintenance'),
        unreachable,
    ]
    store.update(maintenance='normal', accessible=False)
    assert reasons.INACCESSIBLE in [kind for kind, _ in verdict()]


def test_a_datastore_cluster_needs_one_that_hosts_can_use(
    either: api.VMwareAPISession, site: Site
) -> None:
    """One of its datastores is enough; without any it is refused, and why is said of each."""
    gold, pod = site.policy_id('Gold'), site.ref('StoragePod')
    cluster = site.ref('ClusterComputeResource')
    one, other = (site.object('Datastore', f'fra-pod-01-vmfs-0{number}') for number in (1, 2))

    def verdict(places: Any = (pod,)) -> Any:
        results = spbm.check_compatibility(either, gold, places, usable_by=cluster, fresh=True)
        found = spbm.compatible_datastores(
            either, gold, places, usable_by=cluster, include_pods=True
        )
        (result,) = [result for result in results if result.datastore == pod.value]
        assert result.compatible == (pod.value in {place.value for place in found})
        if places:
            assert len(results) == len(places)
        return result

    assert verdict().compatible
    one.update(maintenance='inMaintenance')
    assert verdict().compatible
    assert verdict(None).compatible
    assert spbm.explain(verdict()) == 'datastore cluster fra-pod-01 may hold it'
    for host in list(other.hosts):
        other.mount_on(host, mounted=False)
    for places in ((pod,), (pod, site.ref('Datastore', one.name)), None):
        result = verdict(places)
        assert [reason.kind for reason in result.errors] == [reasons.NO_MEMBER]
        said = spbm.explain(result)
        assert said.startswith(
            'datastore cluster fra-pod-01 has no datastore that the hosts can use '
            '(fra-pod-01-vmfs-01 is in maintenance; '
            'fra-pod-01-vmfs-02 is not accessible; '
        )


def test_the_one_that_hosts_can_use_has_to_satisfy_the_policy(
    either: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """A datastore cluster of one that fits and another that can be used is of no use."""
    gold, pod = site.policy_id('Gold'), site.ref('StoragePod')
    cluster = site.ref('ClusterComputeResource')
    fits, other = (site.object('Datastore', f'fra-pod-01-vmfs-0{number}') for number in (1, 2))
    vc.policies.tag(other, 'Tier', 'Silver')
    assert spbm.compatible_datastores(either, gold, [pod], usable_by=cluster) == [pod]
    fits.update(maintenance='inMaintenance')
    for places in ([pod], None):
        results = spbm.check_compatibility(either, gold, places, usable_by=cluster, fresh=True)
        (result,) = [one for one in results if one.datastore == pod.value]
        assert spbm.explain(result) == (
            'datastore cluster fra-pod-01 has no datastore that satisfies the policy and the hosts '
            'can use (fra-pod-01-vmfs-01 is in maintenance)'
        )
    # Without hosts to use it, it is held against the policy alone.
    assert spbm.compatible_datastores(either, gold, [pod]) == [pod]


def test_what_hosts_can_use_is_cheap(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, calls: Counter
) -> None:
    """One call of PBM; hosts, clusters of hosts and of datastores, and datastores: one each."""
    gold, cluster = site.policy_id('Gold'), site.ref('ClusterComputeResource')
    spbm.check_compatibility(session, gold)
    calls()
    before = vc.count('RetrievePropertiesEx')
    spbm.check_compatibility(session, gold, usable_by=cluster)
    assert calls() == ['PbmCheckRequirements']
    assert vc.count('RetrievePropertiesEx') - before == 4
    assert spbm.check_compatibility(session, gold, [], usable_by=cluster) == []
    assert calls() == []
    assert vc.count('RetrievePropertiesEx') - before == 4


def test_names_are_kept(session: api.VMwareAPISession, vc: VCenterSimulator, site: Site) -> None:
    """Datastores and their clusters are named once, until that is too old or forgotten."""
    gold, pod = site.policy_id('Gold'), site.ref('StoragePod')
    place = site.ref('Datastore', 'fra-nfs-01')

    def reads(places: Any) -> int:
        before = vc.count('RetrievePropertiesEx')
        results = spbm.check_compatibility(session, gold, places)
        assert all(one.name for one in results)
        return vc.count('RetrievePropertiesEx') - before

    assert reads([place]) == 1
    assert reads([place]) == 0
    assert reads([place, pod]) == 1
    assert reads(None) == 1
    assert reads(None) == 0
    spbm.policy_cache(session).ttl = 0
    assert reads([place]) == 1
    spbm.policy_cache(session).ttl = 60
    spbm.policy_cache(session).clear()
    assert reads([place]) == 1


def test_hosts_out_of_operation_do_not_count(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """A host in maintenance, or disconnected, neither needs a datastore nor runs something."""
    bronze, place = site.policy_id('Bronze'), site.ref('Datastore', 'fra-nfs-01')
    first = next(iter(site.objects('HostSystem').values()))
    host = vim_util.get_moref(first.ref.value, 'HostSystem')
    task = session.invoke_api(session.vim, 'EnterMaintenanceMode_Task', host, timeout=0)
    session.wait_for_task(task)
    (result,) = spbm.check_compatibility(session, bronze, [place], usable_by=[host])
    assert 'none of those given is connected and in operation' in spbm.explain(result)
    other = list(site.refs('HostSystem').values())[1]
    session.wait_for_task(session.invoke_api(session.vim, 'DisconnectHost_Task', other))
    (result,) = spbm.check_compatibility(session, bronze, [place], usable_by=other)
    assert [one.kind for one in result.errors] == [reasons.UNREACHABLE]
    everybody = list(site.refs('HostSystem').values())
    (result,) = spbm.check_compatibility(session, bronze, [place], usable_by=everybody, shared=True)
    assert result.compatible


def test_no_such_policy(either: api.VMwareAPISession) -> None:
    """A policy that does not exist is named in the exception."""
    with pytest.raises(spbm.PolicyNotFoundException) as caught:
        spbm.check_compatibility(either, '11111111-1111-1111-1111-111111111111')
    assert caught.value.ids == ('11111111-1111-1111-1111-111111111111',)
    assert isinstance(caught.value, exceptions.VimException)
    assert caught.value.fault_list
