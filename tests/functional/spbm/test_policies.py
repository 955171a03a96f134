"""Finding policies, and what it costs."""

import threading
from typing import Any

import pytest

from oslo_vmware import api, spbm
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.pbm import rules

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
