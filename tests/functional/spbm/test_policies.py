"""Finding policies, and what it costs."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware import api, spbm
from oslo_vmware.simulator import Fault, VCenterSimulator
from oslo_vmware.simulator.pbm import rules
from oslo_vmware.simulator.pbm.profile_manager import ProfileManager

from ..conftest import Crowd
from .conftest import Counter, Site

BOTH = ['PbmQueryProfile', 'PbmRetrieveContent']


def test_what_a_policy_tells(session: api.VMwareAPISession, site: Site) -> None:
    """Names, dates and rules, as values that cannot be changed."""
    gold = spbm.find_policy(session, 'Gold')
    assert (gold.id, gold.category) == (site.policy_id('Gold'), 'REQUIREMENT')
    assert gold.rule_sets[0].rules == (spbm.tag_rule('Tier', 'Gold'),)
    assert gold.created is not None
    assert str(gold.raw.name) == 'Gold'
    with pytest.raises(AttributeError):
        gold.name = 'Lead'  # type: ignore[misc]


@pytest.fixture
def thousand(vc: VCenterSimulator) -> list[str]:
    """The names of a thousand policies."""
    names = [f'policy {number}' for number in range(1000)]
    for name in names:
        vc.policies.create(name, [rules.tag_rule('Tier', 'Gold')])
    return names


def test_a_thousand_policies(
    session: api.VMwareAPISession, vc: VCenterSimulator, thousand: list[str], calls: Counter
) -> None:
    """By id one call, by name two the first time; then none, whichever name it is."""
    wanted = str(vc.policies.all()[-1].profileId.uniqueId)
    assert spbm.find_policy(session, wanted).id == wanted
    assert calls() == ['PbmRetrieveContent']
    assert spbm.find_policy(session, wanted).id == wanted
    assert calls() == []
    assert spbm.find_policy(session, 'policy 500').name == 'policy 500'
    # 1000 at a time are read, and there are a few more.
    assert calls() == [*BOTH, 'PbmRetrieveContent']
    for name in thousand:
        assert spbm.find_policy(session, name).name == name
    assert list(spbm.policies_by_name(session, thousand)) == thousand
    assert calls() == []


def test_no_lookup_costs_more_than_a_call_once_all_were_read(
    session: api.VMwareAPISession, vc: VCenterSimulator, thousand: list[str], calls: Counter
) -> None:
    """Too old, or not there: one call; many names that are too old: one call for all of them."""
    spbm.list_policies(session)
    cache = spbm.policy_cache(session)
    calls()
    with pytest.raises(spbm.PolicyNotFoundException):
        spbm.find_policy(session, 'Lead')
    assert calls() == ['PbmQueryProfile']
    cache.ttl = 0
    assert spbm.find_policy(session, 'policy 7').name == 'policy 7'
    assert calls() == ['PbmRetrieveContent']
    assert list(spbm.policies_by_name(session, thousand)) == thousand
    assert calls() == ['PbmRetrieveContent']
    cache.ttl = 60
    spbm.policies_by_name(session, thousand)
    assert calls() == []


def test_a_change_forgets_what_it_is_about(
    session: api.VMwareAPISession, vc: VCenterSimulator, calls: Counter
) -> None:
    """The policy that was changed is read again, and which ones there are; no other is."""
    gold, silver = spbm.find_policy(session, 'Gold'), spbm.find_policy(session, 'Silver')
    spbm.update_policy(session, gold, description='New.')
    assert spbm.find_policy(session, 'Gold').description == 'New.'
    calls()
    assert spbm.find_policy(session, 'Silver') == silver
    assert calls() == []
    spbm.delete_policy(session, silver)
    calls()
    with pytest.raises(spbm.PolicyNotFoundException):
        spbm.find_policy(session, 'Silver')
    assert calls() == ['PbmQueryProfile']
    made = spbm.clone_policy(session, gold, 'Another')
    assert made in spbm.list_policies(session)


def test_one_that_is_gone_is_not_found_by_name(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """What somebody else has deleted goes with the next look at which ones there are."""
    gold = spbm.find_policy(session, 'Gold')
    vc.policies.delete(gold.raw.profileId)
    assert spbm.find_policy(session, 'Gold') == gold
    with pytest.raises(spbm.PolicyNotFoundException):
        spbm.find_policy(session, 'Lead')
    with pytest.raises(spbm.PolicyNotFoundException) as caught:
        spbm.find_policy(session, 'Gold')
    assert caught.value.ids == ('Gold',)


def test_a_policy_read_long_ago(
    session: api.VMwareAPISession, vc: VCenterSimulator, calls: Counter
) -> None:
    """It costs one call, for it alone; renamed elsewhere, it is searched for again."""
    gold = spbm.find_policy(session, 'Gold')
    spbm.policy_cache(session).ttl = 0
    calls()
    assert spbm.find_policy(session, 'Gold') == gold
    assert calls() == ['PbmRetrieveContent']
    both = spbm.policies_by_name(session, ['Gold', gold.id])
    assert both == {'Gold': gold, gold.id: gold}
    assert calls() == ['PbmRetrieveContent']
    vc.policies.get(gold.raw.profileId).name = 'Old Gold'
    other = vc.policies.create('Gold', [rules.tag_rule('Tier', 'Gold')])
    assert spbm.find_policy(session, 'Gold').id == str(other.profileId.uniqueId)


def test_one_that_is_kept_is_read_anew(
    session: api.VMwareAPISession, vc: VCenterSimulator, calls: Counter
) -> None:
    """On demand, for one call: changed by others, it is as it is now; deleted, it is gone."""
    gold = spbm.find_policy(session, 'Gold')
    held = vc.policies.get(gold.raw.profileId)
    held.description = 'New.'
    calls()
    assert spbm.find_policy(session, 'Gold').description != 'New.'
    assert calls() == []
    assert spbm.find_policy(session, 'Gold', fresh=True).description == 'New.'
    assert calls() == ['PbmRetrieveContent']
    assert spbm.find_policy(session, gold, fresh=True).description == 'New.'
    assert calls() == ['PbmRetrieveContent']
    vc.policies.delete(gold.raw.profileId)
    with pytest.raises(spbm.PolicyNotFoundException):
        spbm.find_policy(session, 'Gold', fresh=True)


def test_before_not_found_the_server_is_asked(
    session: api.VMwareAPISession, vc: VCenterSimulator, calls: Counter
) -> None:
    """A policy that somebody else has made is found; all that are missing are named."""
    spbm.list_policies(session)
    vc.policies.create('New', [rules.tag_rule('Tier', 'Gold')])
    calls()
    assert spbm.find_policy(session, 'New').name == 'New'
    (asked,) = [one for one in vc.calls if one.operation == 'PbmRetrieveContent'][1:]
    assert calls() == BOTH
    assert len(asked.args.profileIds) == 1
    with pytest.raises(spbm.PolicyNotFoundException) as caught:
        spbm.policies_by_name(session, ['Gold', 'Lead', 'Tin'])
    assert caught.value.ids == ('Lead', 'Tin')
    assert calls() == ['PbmQueryProfile']


def test_a_login_forgets(
    session: api.VMwareAPISession, vc: VCenterSimulator, calls: Counter
) -> None:
    """After a new login nothing of the old session holds but what PBM itself consists of."""
    spbm.list_policies(session)
    calls()
    session.logout()
    session._create_session()
    spbm.list_policies(session)
    assert calls() == BOTH
    assert vc.count('PbmRetrieveServiceContent') == 1


def test_categories(session: api.VMwareAPISession, calls: Counter) -> None:
    """Policies for machines by default, all on demand; each list is kept."""
    machines = spbm.list_policies(session)
    everything = spbm.list_policies(session, category=None)
    assert {one.category for one in machines} == {'REQUIREMENT'}
    assert {one.category for one in everything} > {'REQUIREMENT'}
    calls()
    assert spbm.list_policies(session) == machines
    assert calls() == []


def test_a_name_in_two_categories(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """What machines can have comes first, whichever is older."""
    service = vc.policies.create(
        'Low IO', [rules.filter_rule('spm', limit=1)], category='DATA_SERVICE_POLICY'
    )
    vc.policies.create('Low IO', [rules.tag_rule('Tier', 'Gold')])
    vc.policies.create('Gold', [rules.filter_rule('spm', limit=1)], category='DATA_SERVICE_POLICY')
    for name in ('Low IO', 'Gold'):
        assert spbm.find_policy(session, name, category=None).category == 'REQUIREMENT'
    found = spbm.find_policy(session, 'Low IO', category='DATA_SERVICE_POLICY')
    assert found.id == service.profileId.uniqueId


def test_a_refusal_is_not_that_there_is_none(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """Only an unknown id is left out; whatever else the server says is raised."""
    vc.faults.on('PbmRetrieveContent', fault='PbmFault')
    with pytest.raises(spbm.PbmException) as caught:
        spbm.policies_by_id(session, [site.policy_id('Gold')])
    assert not isinstance(caught.value, spbm.PolicyNotFoundException)


def test_unknown_ids_among_many(session: api.VMwareAPISession, site: Site, calls: Counter) -> None:
    """Ids that the server does not know hide no other; many at once cost few calls."""
    known = [one.id for one in spbm.list_policies(session, category=None)]
    spbm.policy_cache(session).clear()
    calls()
    unknown = '11111111-1111-1111-1111-111111111111'
    found = spbm.policies_by_id(session, [*known, unknown])
    assert list(found) == known
    assert len(calls()) <= 2 * len(known).bit_length() + 1


def test_what_was_asked_before_a_change_is_not_kept(session: api.VMwareAPISession) -> None:
    """Of policies, of which there are, of names, and of the schema."""
    gold, cache = spbm.find_policy(session, 'Gold'), spbm.policy_cache(session)
    state = cache.state
    cache.clear()
    for number, kept in ((state, False), (cache.state, True)):
        cache.keep(number, [gold])
        cache.keep_listing(number, None, [gold.id])
        cache.keep_names(number, {'datastore-1': 'nfs'})
        cache.keep_schema(number, 'key', ['schema'])
        assert (cache.get(gold.id) is not None) == kept
        assert (cache.listing(None) is not None) == kept
        assert bool(cache.names_of(['datastore-1'])) == kept
        assert (cache.schema('key') is not None) == kept


#: What many threads want to know at once -> the calls it takes.
QUESTIONS: dict[str, tuple[Callable[[Any, str], Any], list[str]]] = {
    'by name': (lambda session, id_: spbm.find_policy(session, 'Gold'), BOTH),
    'by id': (lambda session, id_: spbm.find_policy(session, id_), ['PbmRetrieveContent']),
    'all': (lambda session, id_: spbm.list_policies(session), BOTH),
    'schema': (lambda session, id_: spbm.capability_schema(session), ['PbmFetchCapabilitySchema']),
}
CROWD = 64


@pytest.mark.parametrize('question', QUESTIONS)
def test_a_crowd_asks_once(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    site: Site,
    calls: Counter,
    question: str,
) -> None:
    """With nothing read yet one asks, and the others wait; so it is after each login."""
    gold = site.policy_id('Gold')
    ask, needed = QUESTIONS[question]
    vc.faults.delay('Pbm*', 0.05, times=None)

    def crowd() -> list[str]:
        answers = Crowd(CROWD, lambda _: ask(session, gold)).join()
        assert all(answer == answers[0] for answer in answers)
        return calls()

    assert crowd() == needed
    assert vc.count('PbmRetrieveServiceContent') == 1
    session.logout()
    session._create_session()
    assert crowd() == needed
    vc.expire_sessions()
    spbm.policy_cache(session).clear()
    logins = vc.count('Login')
    # The one that finds out that the session has expired, and those that are needed.
    assert crowd() == [needed[0], *needed]
    assert vc.count('Login') == logins + 1
    assert vc.count('PbmRetrieveServiceContent') == 1
    assert crowd() == []


def test_a_crowd_reads_names_once(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """Of the datastores in the answers, which each thread needs."""
    gold = site.policy_id('Gold')
    vc.faults.delay('RetrievePropertiesEx', 0.2)
    vc.calls.clear()
    answers = Crowd(16, lambda _: spbm.check_compatibility(session, gold)).join()
    assert all(one.name for answer in answers for one in answer)
    # Datastores and datastore clusters are read by themselves.
    assert vc.count('RetrievePropertiesEx') == 2


def test_a_failure_is_told_to_all_who_wait(
    session: api.VMwareAPISession, vc: VCenterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not try one after the other what has just failed."""
    asked, waiting = threading.Event(), threading.Event()

    def refuse(manager: Any, call: Any) -> Any:
        asked.set()
        assert waiting.wait(30)
        raise Fault('PbmFault', 'Not now.')

    spbm.resource_types(session)
    monkeypatch.setattr(ProfileManager, 'PbmQueryProfile', refuse)

    def look(number: int) -> Any:
        if number:
            assert asked.wait(30)
        if number == 7:
            threading.Timer(0.5, waiting.set).start()
        with pytest.raises(spbm.PbmException, match='Not now') as caught:
            spbm.list_policies(session)
        return caught.value

    raised = Crowd(8, look).join()
    assert vc.count('PbmQueryProfile') == 1
    assert len({id(one) for one in raised}) == 8


def test_not_found_is_never_an_old_answer(
    session: api.VMwareAPISession, vc: VCenterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who shares an answer that was given before the search began asks again before it says so."""
    answered, released = threading.Event(), threading.Event()
    query = ProfileManager.PbmQueryProfile

    def slow(manager: Any, call: Any) -> Any:
        found = query(manager, call)
        if not answered.is_set():
            answered.set()
            assert released.wait(30)
        return found

    spbm.resource_types(session)
    monkeypatch.setattr(ProfileManager, 'PbmQueryProfile', slow)

    def look(number: int) -> str:
        if not number:
            return spbm.find_policy(session, 'Gold').name
        assert answered.wait(30)
        vc.policies.create('New', [rules.tag_rule('Tier', 'Gold')])
        threading.Timer(0.3, released.set).start()
        return spbm.find_policy(session, 'New').name

    assert Crowd(2, look).join() == ['Gold', 'New']


#: Calls about a policy, all of which the server refuses if there is none.
ABOUT_A_POLICY: dict[str, Callable[[Any, Any, Site], Any]] = {
    'placement': lambda session, policy, site: spbm.check_compatibility(session, policy),
    'datastores': lambda session, policy, site: spbm.compatible_datastores(session, policy),
    'entities': lambda session, policy, site: spbm.entities_of(session, policy),
    'entities of several': lambda session, policy, site: spbm.entities_of_policies(
        session, [policy]
    ),
    'update': lambda session, policy, site: spbm.update_policy(session, policy, description='x'),
    'delete': lambda session, policy, site: spbm.delete_policy(session, policy),
    'default': lambda session, policy, site: spbm.set_default_policy(
        session, policy, [site.ref('Datastore', 'fra-vsan-01')]
    ),
    'no default': lambda session, policy, site: spbm.reset_default_policy(session, policy),
    'space': lambda session, policy, site: spbm.space_statistics(
        session, site.ref('Datastore', 'fra-vsan-01'), [policy]
    ),
    'a machine': lambda session, policy, site: spbm.set_policies(
        session, site.ref('VirtualMachine'), home=policy
    ),
    'a disk': lambda session, policy, site: spbm.set_policies(
        session, site.ref('VirtualMachine'), disks={2000: policy}
    ),
}


@pytest.mark.parametrize('call', ABOUT_A_POLICY)
def test_what_the_server_does_not_know_is_forgotten(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, calls: Counter, call: str
) -> None:
    """Deleted by others and made anew: refused once as what it was, and found as what it is."""
    spbm.list_policies(session)
    old, silver = spbm.find_policy(session, 'Gold'), spbm.find_policy(session, 'Silver')
    vc.policies.delete(old.raw.profileId)
    made = vc.policies.create('Gold', [rules.tag_rule('Tier', 'Gold')])
    assert spbm.find_policy(session, 'Gold') == old
    with pytest.raises(spbm.PolicyNotFoundException) as caught:
        ABOUT_A_POLICY[call](session, old, site)
    assert caught.value.ids == (old.id,)
    assert vc.count('ReconfigVM_Task') == 0
    new = spbm.find_policy(session, 'Gold')
    assert new.id == str(made.profileId.uniqueId)
    assert new in spbm.list_policies(session)
    assert old not in spbm.list_policies(session)
    calls()
    assert spbm.find_policy(session, 'Silver') == silver
    assert calls() == []


def test_what_was_never_there_is_asked_for_in_vain(
    session: api.VMwareAPISession, calls: Counter
) -> None:
    """It costs those who know which policies there are nothing of what they know."""
    spbm.list_policies(session)
    state = spbm.policy_cache(session).state
    assert spbm.policies_by_id(session, ['11111111-1111-1111-1111-111111111111']) == {}
    assert spbm.policy_cache(session).state.changes == state.changes
    calls()
    spbm.list_policies(session)
    assert calls() == []


def test_threads_share_what_is_known(session: api.VMwareAPISession, calls: Counter) -> None:
    """A cache filled and cleared by many threads at once gives nobody a wrong answer."""
    found: list[Any] = []
    spbm.find_policy(session, 'Gold')

    def look() -> None:
        for _ in range(10):
            found.append(spbm.find_policy(session, 'Gold').name)
            spbm.policy_cache(session).clear()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == ['Gold'] * 40
