"""Changes of policies whose answer is lost: executed once, and the caller notices nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware import api, exceptions, pbm, spbm
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.pbm import rules
from oslo_vmware.simulator.pbm.profile_manager import ProfileManager

from ..conftest import SessionMaker
from .conftest import Site

RULE = spbm.tag_rule('Tier', 'Gold')

Lose = Callable[[Any, str], Any]

#: Ways to lose the answer to an operation that has been executed.
LOSSES: dict[str, Lose] = {
    'connection': lambda faults, name: faults.drop(name, after=True),
    'half of it': lambda faults, name: faults.truncate(name),
    'broken XML': lambda faults, name: faults.broken_xml(name),
    'nothing': lambda faults, name: faults.empty_body(name, after=True),
    '502': lambda faults, name: faults.http(name, status=502, after=True),
}


def make_default(session: Any, site: Site) -> bool:
    vsan, silver = site.ref('Datastore', 'fra-vsan-01'), site.policy_id('Silver')
    spbm.set_default_policy(session, silver, [vsan])
    policy = spbm.default_policies(session, [vsan])[vsan.value]
    return isinstance(policy, spbm.Policy) and policy.id == silver


Act = Callable[[Any, Site], Any]

#: What is done -> the operation whose answer is lost, how it is done, and whether that is right.
CHANGES: dict[str, tuple[str, Act]] = {
    'create': (
        'PbmCreate',
        lambda session, site: (
            spbm.create_policy(session, 'New', RULE).rule_sets[0].rules == (RULE,)
        ),
    ),
    'create with a text': (
        'PbmCreate',
        lambda session, site: (
            spbm.create_policy(session, 'New', RULE, description='Text.').description == 'Text.'
        ),
    ),
    'clone': (
        'PbmCreate',
        lambda session, site: (
            spbm.clone_policy(session, spbm.find_policy(session, 'Silver'), 'New').rule_sets
            == spbm.find_policy(session, 'Silver').rule_sets
        ),
    ),
    'ensure': (
        'PbmCreate',
        lambda session, site: spbm.ensure_policy(session, 'New', RULE).changed,
    ),
    'import': (
        'PbmCreate',
        lambda session, site: (
            spbm.policy_from_dict(session, {'name': 'New', 'rule_sets': []}).changed
        ),
    ),
    'rename': (
        'PbmUpdate',
        lambda session, site: (
            spbm.update_policy(session, site.policy_id('Gold'), name='New').name == 'New'
        ),
    ),
    'other rules': (
        'PbmUpdate',
        lambda session, site: (
            spbm.ensure_policy(session, 'Silver', RULE, description='New.')
            .policy.rule_sets[0]
            .rules
            == (RULE,)
        ),
    ),
    'delete': (
        'PbmDelete',
        lambda session, site: spbm.delete_policy(session, site.policy_id('Gold')) is None,
    ),
    'delete several': (
        'PbmDelete',
        lambda session, site: (
            list(
                spbm.delete_policies(
                    session, [site.policy_id('Gold'), site.policy_id('Silver')]
                ).values()
            )
            == [None, None]
        ),
    ),
    'default': ('PbmAssignDefaultRequirementProfile', make_default),
}


@pytest.mark.parametrize('loss', LOSSES)
@pytest.mark.parametrize('change', CHANGES)
def test_a_lost_answer_is_read(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    site: Site,
    pauses: list[float],
    change: str,
    loss: str,
) -> None:
    """What was asked for is done, by one execution, and told as if the answer had come."""
    operation, act = CHANGES[change]
    before = len(vc.policies.all())
    generations = {one.name: one.generationId for one in vc.policies.all()}
    rule = LOSSES[loss](vc.faults, operation)
    assert act(session, site) is True
    assert rule.fired == 1
    made = {'PbmCreate': 1, 'PbmDelete': -len(change.split())}.get(operation, 0)
    assert len(vc.policies.all()) == before + made
    # What only deletes may be asked for twice.
    assert vc.count(operation) == 1 + (operation == 'PbmDelete')
    if operation == 'PbmUpdate':
        changed = {one.name: one.generationId for one in vc.policies.all()}
        assert sum(changed.values()) == sum(generations.values()) + 1
        if change == 'rename':
            assert spbm.find_policy(session, 'New').name == 'New'


@pytest.mark.parametrize('release', ['5.5', '6.0'])
def test_a_lost_answer_of_an_old_server(
    vc: VCenterSimulator, connect: SessionMaker, release: str
) -> None:
    """Without categories in the request the policy is found all the same."""
    session = connect(vc, pbm_wsdl_loc=pbm.get_pbm_wsdl_location(release))
    vc.faults.drop('PbmCreate', after=True)
    assert spbm.create_policy(session, 'New', RULE).name == 'New'
    assert vc.count('PbmCreate') == 1


def test_what_was_not_executed(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, pauses: list[float]
) -> None:
    """It is told that nobody knows, unless asking again can do no harm."""
    vc.faults.drop('PbmCreate')
    with pytest.raises(exceptions.VimOutcomeUnknownException) as caught:
        spbm.create_policy(session, 'New', RULE)
    assert caught.value.operation == 'PbmCreate'
    gold = spbm.find_policy(session, 'Gold')
    vc.faults.drop('PbmUpdate')
    with pytest.raises(exceptions.VimOutcomeUnknownException):
        spbm.update_policy(session, gold, description='New.')
    assert spbm.find_policy(session, 'Gold') == gold
    vc.faults.drop('PbmAssignDefaultRequirementProfile')
    with pytest.raises(exceptions.VimOutcomeUnknownException):
        spbm.set_default_policy(session, gold, [site.ref('Datastore', 'fra-vsan-01')])
    # There is one policy of a name, however often it is asked for.
    vc.faults.drop('PbmCreate')
    assert spbm.ensure_policy(session, 'New', RULE).changed
    vc.faults.drop('PbmCreate', times=2)
    with pytest.raises(exceptions.VimOutcomeUnknownException):
        spbm.ensure_policy(session, 'Newer', RULE)
    assert [one.name for one in vc.policies.all()].count('New') == 1
    # What is deleted is deleted, however often.
    vc.faults.drop('PbmDelete')
    assert spbm.delete_policies(session, [gold]) == {gold.id: None}


def test_what_is_not_the_callers_own(
    session: api.VMwareAPISession, vc: VCenterSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy that was there before, or that is another, is never taken for what was made."""
    vc.faults.drop('PbmCreate')
    gold = spbm.find_policy(session, 'Gold')
    with pytest.raises(exceptions.VimOutcomeUnknownException):
        spbm.create_policy(session, 'Gold', gold.rule_sets, description=gold.description)
    others = [
        ('New', 'Silver', ''),
        ('Newer', 'Gold', ''),
        ('New', 'Gold', 'Another text.'),
    ]

    def another(manager: Any, call: Any) -> Any:
        name, tag, text = others[0]
        made = vc.policies.create(name, [rules.tag_rule('Tier', tag)], description=text)
        return made.profileId

    monkeypatch.setattr(ProfileManager, 'PbmCreate', another)
    while others:
        vc.faults.drop('PbmCreate', after=True)
        with pytest.raises(exceptions.VimOutcomeUnknownException):
            spbm.create_policy(session, 'New', RULE)
        name = others.pop(0)[0]
        spbm.delete_policy(session, spbm.find_policy(session, name))


def test_a_duplicate_is_one(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """Whose answer came is told that the name is taken, also by a policy of the same content."""
    made = spbm.create_policy(session, 'New', RULE)
    with pytest.raises(spbm.PbmDuplicateNameException):
        spbm.create_policy(session, 'New', RULE)
    with pytest.raises(spbm.PolicyNotFoundException):
        spbm.delete_policy(session, '11111111-1111-1111-1111-111111111111')
    spbm.delete_policy(session, made)
    with pytest.raises(spbm.PolicyNotFoundException):
        spbm.delete_policy(session, made)


@pytest.mark.parametrize('change', ['create', 'rename', 'default'])
def test_nothing_can_be_read(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, change: str
) -> None:
    """What matters is that nobody knows, and not what went wrong afterwards."""
    operation, act = CHANGES[change]
    vc.faults.drop(operation, after=True)
    spbm.resource_types(session)
    for read in ('PbmQueryProfile', 'PbmRetrieveContent', 'PbmQueryDefaultRequirementProfiles'):
        vc.faults.on(read, 'PbmFault', times=None, skip=read == 'PbmQueryProfile')
    with pytest.raises(exceptions.VimOutcomeUnknownException) as caught:
        act(session, site)
    assert caught.value.operation == operation


def test_an_account_that_sees_no_policies(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, pauses: list[float]
) -> None:
    """It deletes as ever, and of what it makes nobody tells it that it is its own."""
    gold, silver = site.policy_id('Gold'), site.policy_id('Silver')
    vc.policies.deny('StorageProfile.View')
    assert spbm.delete_policies(session, [gold]) == {gold: None}
    vc.faults.drop('PbmDelete', after=True)
    (outcome,) = spbm.delete_policies(session, [silver]).values()
    assert isinstance(outcome, spbm.PolicyNotFoundException)
    vc.faults.drop('PbmCreate', after=True)
    with pytest.raises(exceptions.VimOutcomeUnknownException):
        spbm.create_policy(session, 'New', RULE, validate=False)


def test_the_old_way(vc: VCenterSimulator, connect: SessionMaker, pauses: list[float]) -> None:
    """Who has changes repeated gets what the second says; ensuring makes up for it."""
    session = connect(vc, repeat_changes=True)
    vc.faults.drop('PbmCreate', after=True)
    with pytest.raises(spbm.PbmDuplicateNameException):
        spbm.create_policy(session, 'New', RULE)
    vc.faults.drop('PbmCreate', after=True)
    assert spbm.ensure_policy(session, 'Newer', RULE).policy.name == 'Newer'
