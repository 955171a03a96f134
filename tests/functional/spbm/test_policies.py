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


def test_a_thousand_policies(
    session: api.VMwareAPISession, vc: VCenterSimulator, calls: Counter
) -> None:
    """By id one call; by name two the first time, then none, whichever name it is."""
    for number in range(1000):
        vc.policies.create(f'policy {number}', [rules.tag_rule('Tier', 'Gold')])
    wanted = str(vc.policies.all()[-1].profileId.uniqueId)
    assert spbm.find_policy(session, wanted).id == wanted
    assert calls() == ['PbmRetrieveContent']
    assert spbm.find_policy(session, wanted).id == wanted
    assert calls() == []
    assert spbm.find_policy(session, 'policy 500').name == 'policy 500'
    assert set(calls()) == set(BOTH)
    names = [f'policy {number}' for number in range(1000)]
    assert list(spbm.policies_by_name(session, names)) == names
    assert calls() == []


def test_a_policy_read_long_ago(
    session: api.VMwareAPISession, vc: VCenterSimulator, calls: Counter
) -> None:
    """It costs one call, for it alone; renamed elsewhere, it is searched for again."""
    gold = spbm.find_policy(session, 'Gold')
    spbm.policy_cache(session).ttl = 0
    calls()
    assert spbm.find_policy(session, 'Gold') == gold
    assert calls() == ['PbmRetrieveContent']
    spbm.update_policy(session, gold, name='Old Gold')
    other = vc.policies.create('Gold', [rules.tag_rule('Tier', 'Gold')])
    assert spbm.find_policy(session, 'Gold').id == str(other.profileId.uniqueId)


def test_before_not_found_the_server_is_asked(
    session: api.VMwareAPISession, vc: VCenterSimulator, calls: Counter
) -> None:
    """A policy that somebody else has made is found; all that are missing are named."""
    spbm.list_policies(session)
    vc.policies.create('New', [rules.tag_rule('Tier', 'Gold')])
    calls()
    assert spbm.find_policy(session, 'New').name == 'New'
    assert calls() == BOTH
    with pytest.raises(spbm.PolicyNotFoundException) as caught:
        spbm.policies_by_name(session, ['Gold', 'Lead', 'Tin'])
    assert caught.value.ids == ('Lead', 'Tin')
    assert calls() == BOTH


def test_a_login_forgets(session: api.VMwareAPISession, calls: Counter) -> None:
    """After a new login nothing of the old session holds."""
    spbm.list_policies(session)
    calls()
    session.logout()
    session._create_session()
    spbm.list_policies(session)
    assert calls() == BOTH


def test_categories(session: api.VMwareAPISession, calls: Counter) -> None:
    """Policies for machines by default, all on demand; each list is kept."""
    machines = spbm.list_policies(session)
    everything = spbm.list_policies(session, category=None)
    assert {one.category for one in machines} == {'REQUIREMENT'}
    assert {one.category for one in everything} > {'REQUIREMENT'}
    calls()
    assert spbm.list_policies(session) == machines
    assert calls() == []


def test_unknown_ids_among_many(session: api.VMwareAPISession, site: Site, calls: Counter) -> None:
    """Ids that the server does not know hide no other; many at once cost few calls."""
    known = [one.id for one in spbm.list_policies(session, category=None)]
    spbm.policy_cache(session).clear()
    calls()
    unknown = '11111111-1111-1111-1111-111111111111'
    found = spbm.policies_by_id(session, [*known, unknown])
    assert list(found) == known
    assert len(calls()) <= 2 * len(known).bit_length() + 1


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
