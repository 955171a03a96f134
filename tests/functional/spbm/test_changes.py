"""Policies as code."""

import dataclasses
import datetime
import json
from typing import Any

import pytest
import yaml

from oslo_vmware import api, exceptions, pbm, spbm
from oslo_vmware.simulator import Typed, VCenterSimulator, types
from oslo_vmware.simulator.pbm import capabilities
from oslo_vmware.spbm import _calls

from ..conftest import SessionMaker
from .conftest import Counter, Site

TAGS = ('Gold, fast', 'a "quoted" tag', 'Silver')


def make_tags(vc: VCenterSimulator, site: Site) -> None:
    vc.policies.tag(site.object('Datastore', 'fra-nfs-01'), 'Label', *TAGS)


def test_life_of_a_policy(session: api.VMwareAPISession, vc: VCenterSimulator, site: Site) -> None:
    """Made, found, changed, copied, deleted; commas belong to tags; types arrive as they are."""
    make_tags(vc, site)
    wanted = [
        spbm.RuleSet([spbm.tag_rule('Label', TAGS[:2])], 'labelled'),
        spbm.RuleSet(spbm.vsan_rule(hostFailuresToTolerate=1, forceProvisioning=True), 'vSAN'),
    ]
    made = spbm.create_policy(session, 'Code', wanted, description='As code.')
    assert made.rule_sets == tuple(wanted)
    assert made.description == 'As code.'
    (stored,) = [one for one in vc.policies.all() if one.name == 'Code']
    values = [
        rule.constraint[0].propertyInstance[0].value
        for rule in stored.constraints.subProfiles[1].capability
    ]
    assert values == [1, True]
    assert type(values[1]) is bool
    assert stored.constraints.subProfiles[0].capability[0].constraint[0].propertyInstance[
        0
    ].value.values == list(TAGS[:2])
    changed = spbm.update_policy(session, made, name='Coded', description='New.')
    assert (changed.id, changed.name, changed.rule_sets) == (made.id, 'Coded', made.rule_sets)
    changed = spbm.update_policy(session, made, rule_sets=[spbm.tag_rule('Label', TAGS[2])])
    assert (changed.name, changed.description) == ('Coded', 'New.')
    copied = spbm.clone_policy(session, changed, 'Copy')
    assert (copied.rule_sets, copied.description) == (changed.rule_sets, 'New.')
    spbm.delete_policy(session, copied)
    with pytest.raises(spbm.PolicyNotFoundException) as caught:
        spbm.delete_policy(session, copied)
    assert caught.value.ids == (copied.id,)


@pytest.mark.parametrize('release', [None, '6.0'])
def test_a_policy_without_requirements(
    vc: VCenterSimulator, connect: SessionMaker, release: str | None
) -> None:
    """As "VVol No Requirements Policy" is one: copied, it asks for nothing either."""
    session = connect(vc, pbm_wsdl_loc=release and pbm.get_pbm_wsdl_location(release))
    vc.policies.create('Nothing', description='Whatever.')
    copied = spbm.clone_policy(session, spbm.find_policy(session, 'Nothing'), 'Copy')
    assert (copied.name, copied.description, copied.rule_sets) == ('Copy', 'Whatever.', ())
    assert all(one.compatible for one in spbm.check_compatibility(session, copied))
    with pytest.raises(spbm.InvalidRuleException, match='81 characters'):
        spbm.clone_policy(session, copied, 'n' * 81)
    with pytest.raises(spbm.InvalidRuleException, match='no rule set'):
        spbm.create_policy(session, 'Other', [])


@pytest.mark.parametrize('release', [None, '6.0'])
def test_a_policy_without_requirements_is_imported(
    vc: VCenterSimulator, connect: SessionMaker, release: str | None
) -> None:
    """What was exported of it makes one without requirements, or of one that has some; once."""
    session = connect(vc, pbm_wsdl_loc=release and pbm.get_pbm_wsdl_location(release))
    vc.policies.create('Nothing', description='Whatever.')
    plain = json.loads(json.dumps(spbm.find_policy(session, 'Nothing').to_dict()))
    assert plain['rule_sets'] == []
    assert not spbm.policy_from_dict(session, plain).changed
    for name in ('New', 'Gold'):
        imported, changed = spbm.policy_from_dict(session, {**plain, 'name': name})
        assert (imported.name, imported.rule_sets, changed) == (name, (), True)
        assert all(one.compatible for one in spbm.check_compatibility(session, imported))
        assert not spbm.policy_from_dict(session, imported.to_dict()).changed
    with pytest.raises(spbm.InvalidRuleException, match='81 characters'):
        spbm.policy_from_dict(session, {**plain, 'name': 'n' * 81})


def test_what_an_import_would_do(session: api.VMwareAPISession, calls: Counter) -> None:
    """It is told in words, without a change, and an import then does just that."""
    gold, silver = spbm.find_policy(session, 'Gold'), spbm.find_policy(session, 'Silver')
    plain = gold.to_dict()
    for wanted, does_something, changes in (
        (plain, False, ()),
        ({**plain, 'description': 'New.'}, True, ('- description: ', '+ description: New.')),
        ({**plain, 'name': 'New'}, True, ('+ tagged "Gold" in Tier',)),
        ({**plain, 'name': 'New', 'rule_sets': []}, True, ()),
        (
            {**plain, 'rule_sets': [*plain['rule_sets'], *silver.to_dict()['rule_sets']]},
            True,
            ('+ set 2: tagged "Silver" in Tier',),
        ),
    ):
        plan = spbm.plan_policy(session, wanted)
        assert plan.does_something is does_something
        told = [line for line in plan.changes if not line.startswith('- description')]
        assert told == [line for line in changes if not line.startswith('- description')]
        assert (plan.present is None) is (wanted['name'] == 'New')
    with pytest.raises(spbm.InvalidRuleException, match='81 characters'):
        spbm.plan_policy(session, {**plain, 'name': 'n' * 81})
    assert spbm.find_policy(session, 'Gold', fresh=True) == gold


def test_no_rule_sets_are_a_mistake(session: api.VMwareAPISession, calls: Counter) -> None:
    """A program that has lost its rules makes no policy that allows everything."""
    gold = spbm.find_policy(session, 'Gold')
    calls()
    for refused in (
        lambda: spbm.create_policy(session, 'New', []),
        lambda: spbm.update_policy(session, gold, rule_sets=[]),
        lambda: spbm.ensure_policy(session, 'Gold', []),
        lambda: spbm.ensure_policy(session, 'New', []),
    ):
        with pytest.raises(spbm.InvalidRuleException, match='no rule set'):
            refused()
    assert not {'PbmCreate', 'PbmUpdate'} & set(calls())


def test_before_6_5_a_request_has_no_category(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """Policies are made and copied there all the same; only another category is too much."""
    session = connect(vc, pbm_wsdl_loc=pbm.get_pbm_wsdl_location('6.0'))
    copied = spbm.clone_policy(session, spbm.find_policy(session, 'Gold'), 'Copy')
    assert (copied.name, copied.category) == ('Copy', 'REQUIREMENT')
    with pytest.raises(exceptions.PbmNotSupportedException, match='category'):
        spbm.create_policy(session, 'Data', copied.rule_sets, category='DATA_SERVICE_POLICY')


def test_one_outcome_each(session: api.VMwareAPISession, vc: VCenterSimulator, site: Site) -> None:
    """A policy in use and one that is not there hinder no other."""
    used, free = site.policy_id('Gold'), site.policy_id('Silver')
    vc.policies.assign(site.object('VirtualMachine'), used)
    outcomes = spbm.delete_policies(session, [used, 'nowhere', free])
    assert list(outcomes) == [used, 'nowhere', free]
    assert isinstance(outcomes[used], spbm.PolicyInUseException)
    assert isinstance(outcomes['nowhere'], spbm.PolicyNotFoundException)
    assert outcomes[free] is None
    assert {one.name for one in spbm.list_policies(session)} >= {'Gold'}
    with pytest.raises(spbm.PolicyInUseException):
        spbm.delete_policy(session, used)


@pytest.fixture
def three_blocks(
    session: api.VMwareAPISession, vc: VCenterSimulator, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Ids of six policies, of which two go in one call."""
    monkeypatch.setattr(_calls.blocks, '__defaults__', (2,))
    made = [vc.policies.create(f'doomed {number}', description='') for number in range(6)]
    return [str(one.profileId.uniqueId) for one in made]


def test_a_refused_block_hides_no_other(
    session: api.VMwareAPISession, vc: VCenterSimulator, three_blocks: list[str]
) -> None:
    """What became of the policies in the blocks before and after it is told."""
    vc.faults.on('PbmDelete', 'PbmFault', skip=1)
    outcomes = spbm.delete_policies(session, three_blocks)
    assert list(outcomes) == three_blocks
    refused = {one for one, outcome in outcomes.items() if outcome is not None}
    assert refused == set(three_blocks[2:4])
    assert all(isinstance(outcomes[one], spbm.PbmException) for one in refused)
    left = spbm.policies_by_id(session, three_blocks)
    assert set(left) == refused
    vc.faults.on('PbmDelete', 'PbmFault')
    with pytest.raises(spbm.PbmException):
        spbm.delete_policies(session, three_blocks[2:])
    assert set(spbm.policies_by_id(session, three_blocks)) == refused


def test_a_block_without_an_answer_ends_the_calls(
    vc: VCenterSimulator, connect: SessionMaker, three_blocks: list[str]
) -> None:
    """The rest is not asked for, which would take as long again; what is known is told."""
    session = connect(vc, api_retry_count=0)
    vc.faults.http('PbmDelete', status=503, body='no healthy upstream', times=None, skip=1)
    outcomes = spbm.delete_policies(session, three_blocks)
    assert [type(one) for one in outcomes.values()] == [
        *(type(None), type(None)),
        *[exceptions.PbmUnavailableException] * 4,
    ]
    assert vc.count('PbmDelete') == 2


def test_names_are_taken(session: api.VMwareAPISession) -> None:
    """A name that is taken is the same exception for both calls, and a DuplicateName."""
    gold = spbm.find_policy(session, 'Gold')
    with pytest.raises(spbm.PbmDuplicateNameException) as caught:
        spbm.create_policy(session, 'Silver', gold.rule_sets)
    assert caught.value.name == 'Silver'
    assert isinstance(caught.value, exceptions.DuplicateName)
    assert caught.value.fault_list
    with pytest.raises(spbm.PbmDuplicateNameException) as caught:
        spbm.update_policy(session, gold, name='Silver')
    assert caught.value.name == 'Silver'


def test_names_are_taken_by_category(session: api.VMwareAPISession) -> None:
    """Of a policy of data services the name is one of those."""
    rule = spbm.Rule('vmwarevmcrypt', 'vmwarevmcrypt@ENCRYPTION', 'AllowCleartextFilters', 'True')
    made = spbm.create_policy(session, 'Crypt', rule, category='DATA_SERVICE_POLICY')
    with pytest.raises(spbm.PbmDuplicateNameException):
        spbm.update_policy(session, made, name='Low IO shares allocation')
    assert spbm.update_policy(session, made, name='Gold').name == 'Gold'


@pytest.mark.parametrize(
    ('fault', 'name', 'class_'),
    [
        ('PbmFaultNoPermission', 'Silver', spbm.PbmNoPermissionException),
        ('PbmFaultProfileStorageFault', 'New', spbm.PbmException),
    ],
)
def test_what_is_no_name_that_is_taken(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    site: Site,
    fault: str,
    name: str,
    class_: Any,
) -> None:
    """Missing privileges stay that, whatever the name; so does trouble with a name that is free."""
    vc.faults.on('PbmUpdate', fault=fault, message='Not now.')
    with pytest.raises(spbm.PbmException, match='Not now') as caught:
        spbm.update_policy(session, site.policy_id('Gold'), name=name)
    assert type(caught.value) is class_


def test_ensure_is_idempotent(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, calls: Counter
) -> None:
    """Made once, changed only where it differs, and order is no difference."""
    make_tags(vc, site)
    one, other = spbm.tag_rule('Label', TAGS[:2]), spbm.vsan_rule(stripeWidth=1)
    policy, changed = spbm.ensure_policy(session, 'Code', [one, other], description='Text')
    assert changed
    calls()
    twin = spbm.tag_rule('Label', reversed(TAGS[:2]))
    again = spbm.ensure_policy(session, 'Code', [other, twin])
    assert again == (policy, False)
    assert calls() == ['PbmRetrieveContent']
    # To PBM True and 1 are two values.
    differs = spbm.ensure_policy(
        session, 'Code', spbm.vsan_rule(forceProvisioning=True), description='Text'
    )
    assert differs.changed
    assert differs.policy.id == policy.id
    assert not spbm.ensure_policy(session, 'Code', spbm.vsan_rule(forceProvisioning=True)).changed
    assert (
        spbm.ensure_policy(
            session, 'Code', spbm.vsan_rule(forceProvisioning=True), description='Other'
        ).policy.description
        == 'Other'
    )


def test_ensure_makes_again_what_others_have_deleted(
    session: api.VMwareAPISession, vc: VCenterSimulator
) -> None:
    """And changes back what they have changed: what is kept of it does not count."""
    rule = spbm.tag_rule('Tier', 'Gold')
    policy, _changed = spbm.ensure_policy(session, 'Code', rule, description='Text')
    vc.policies.get(policy.raw.profileId).description = 'Other'
    back, changed = spbm.ensure_policy(session, 'Code', rule, description='Text')
    assert (back.id, back.description, changed) == (policy.id, 'Text', True)
    vc.policies.delete(policy.raw.profileId)
    made, changed = spbm.ensure_policy(session, 'Code', rule, description='Text')
    assert changed
    assert made.id != policy.id


def test_alternatives_are_ensured_once(session: api.VMwareAPISession) -> None:
    """However they are numbered, and in whatever order they are given."""
    rule_sets = [spbm.tag_rule('Tier', 'Gold'), spbm.tag_rule('Tier', ['Bronze'], exclude=True)]
    wanted = [
        dataclasses.replace(rule, alternative=number) for number, rule in enumerate(rule_sets, 1)
    ]
    assert spbm.ensure_policy(session, 'Either', wanted).changed
    assert not spbm.ensure_policy(session, 'Either', wanted).changed
    assert not spbm.ensure_policy(session, 'Either', wanted[::-1]).changed
    assert spbm.ensure_policy(session, 'Either', rule_sets).changed


def test_ensure_takes_what_another_has_just_made(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """Somebody's policy that was renamed to the wanted name since is the one, and is changed."""
    rule = spbm.tag_rule('Tier', 'Silver')
    gold = spbm.find_policy(session, 'Gold')
    vc.policies.get(gold.raw.profileId).name = 'Code'
    policy, changed = spbm.ensure_policy(session, 'Code', rule)
    assert (policy.id, changed) == (gold.id, True)
    assert policy.rule_sets[0].rules == (rule,)


@pytest.mark.parametrize(
    ('dump', 'load'), [(json.dumps, json.loads), (yaml.safe_dump, yaml.safe_load)]
)
def test_export_and_import(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, dump: Any, load: Any
) -> None:
    """What was exported as JSON or YAML makes the same policy again."""
    make_tags(vc, site)
    wanted = [
        spbm.tag_rule('Label', TAGS),
        spbm.tag_rule('Tier', 'Bronze', exclude=True),
        spbm.vsan_rule(hostFailuresToTolerate=1, forceProvisioning=False),
        spbm.zonal_rule(),
        spbm.encryption_rule(),
    ]
    made = spbm.create_policy(session, 'Code', wanted, description='Text')
    text = dump(made.to_dict())
    assert not spbm.policy_from_dict(session, load(text)).changed
    spbm.delete_policy(session, made)
    imported = spbm.policy_from_dict(session, load(text))
    assert imported.changed
    assert imported.policy.to_dict() == made.to_dict()
    assert imported.policy.id != made.id


@pytest.fixture
def array(monkeypatch: pytest.MonkeyPatch) -> str:
    """The namespace of an array with a number of each kind."""
    properties = tuple(
        capabilities.Property(name, int, (0, 2**15 - 1), 0, name, xsd_type)
        for name, xsd_type in (('wide', 'long'), ('narrow', 'short'), ('plain', None))
    )
    namespace = capabilities.Namespace(
        *('com.example.array', 'example', 'Example', 'Array', None),
        (capabilities.Capability('speed', 'Speed', properties),),
    )
    monkeypatch.setattr(capabilities, 'NAMESPACES', (*capabilities.NAMESPACES, namespace))
    return namespace.name


def sent(vc: VCenterSimulator, operation: str) -> list[Any]:
    """The values of the first rule in the last call of an operation."""
    call: Any = [one for one in vc.calls if one.operation == operation][-1]
    if operation == 'PbmCheckRequirements':
        (spec,) = call.args.placementSubjectRequirement
    elif operation == 'PbmCheckCompatibilityWithSpec':
        spec = call.args.profileSpec
    else:
        spec = call.args.createSpec or call.args.updateSpec
    (rule_set,) = spec.constraints.subProfiles
    return [prop.value for prop in rule_set.capability[0].constraint[0].propertyInstance]


@pytest.mark.parametrize('release', [None, '6.0'])
def test_numbers_have_the_types_of_the_schema(
    vc: VCenterSimulator, connect: SessionMaker, calls: Counter, array: str, release: str | None
) -> None:
    """A small number for an xsd:long goes out as that, in policies, copies and unsaved rules."""
    session = connect(vc, pbm_wsdl_loc=release and pbm.get_pbm_wsdl_location(release))
    rule_set = spbm.RuleSet(
        spbm.Rule(array, 'speed', name, 5) for name in ('wide', 'narrow', 'plain')
    )
    typed = [Typed('long', 5), Typed('short', 5), 5]
    policy = spbm.create_policy(session, 'Typed', rule_set)
    assert sent(vc, 'PbmCreate') == typed
    assert policy.rule_sets[0].rules == rule_set.rules
    spbm.update_policy(session, policy, rule_sets=rule_set, validate=False)
    assert sent(vc, 'PbmUpdate') == typed
    spbm.policy_cache(session).clear()
    copy = spbm.clone_policy(session, policy, 'Copy')
    assert sent(vc, 'PbmCreate') == typed
    assert copy.rule_sets == policy.rule_sets
    assert not spbm.policy_from_dict(session, json.loads(json.dumps(copy.to_dict()))).changed
    spbm.check_spec_compatibility(session, rule_set)
    asked = 'PbmCheckCompatibilityWithSpec' if release else 'PbmCheckRequirements'
    assert sent(vc, asked) == typed
    calls()
    spbm.policy_cache(session).clear()
    spbm.check_spec_compatibility(session, spbm.tag_rule('Tier', 'Gold'))
    assert calls() == [asked]


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> str:
    """The namespace of an array with a date."""
    dates = (datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), NOON)
    namespace = capabilities.Namespace(
        *('com.example.calendar', 'example', 'Example', 'Calendar', None),
        (
            capabilities.Capability(
                'expiry',
                'Expiry',
                (capabilities.Property('when', datetime.datetime, dates, dates[0], 'When'),),
            ),
        ),
    )
    monkeypatch.setattr(capabilities, 'NAMESPACES', (*capabilities.NAMESPACES, namespace))
    return namespace.name


NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    'when',
    [
        NOON,
        NOON.replace(tzinfo=None),
        NOON.astimezone(datetime.timezone(datetime.timedelta(0, 3600))),
    ],
    ids=['UTC', 'no zone', 'another zone'],
)
def test_a_datetime_is_what_it_is(
    session: api.VMwareAPISession, vc: VCenterSimulator, calendar: str, when: datetime.datetime
) -> None:
    """Without a zone it is UTC's: a second import changes nothing, however it was written."""
    rule = spbm.Rule(calendar, 'expiry', 'when', when)
    plain = {'name': 'Dated', 'rule_sets': [spbm.RuleSet([rule]).to_dict()]}
    by_hand = json.loads(json.dumps(plain).replace('+00:00', ''))
    made, changed = spbm.policy_from_dict(session, by_hand)
    assert changed
    assert sent(vc, 'PbmCreate') == [NOON]
    assert made.rule_sets[0].rules == (rule,)
    for again in (plain, by_hand, made.to_dict()):
        assert spbm.policy_from_dict(session, again) == (made, False)
    assert not spbm.ensure_policy(session, 'Dated', rule).changed
    assert spbm.update_policy(session, made, rule_sets=rule).rule_sets == made.rule_sets
    assert sent(vc, 'PbmUpdate') == [NOON]


def test_values_of_every_kind(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """Each arrives as what it is, also a set, a range, a time span; the server need not take it."""
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    given = [
        *(1, 2**40, True, 1.5, 'text, with a comma', when),
        spbm.DiscreteSet([1, 'a, b', 2.5]),
        spbm.Range(1, 2**40),
        spbm.TimeSpan(2, 'HOURS'),
    ]
    rule_set = spbm.RuleSet(
        spbm.Rule('ACME', 'c', f'p{number}', value) for number, value in enumerate(given)
    )
    with pytest.raises(exceptions.VimFaultException):
        spbm.create_policy(session, 'Any', rule_set, validate=False)
    arrived = sent(vc, 'PbmCreate')
    simple = [1, Typed('long', 2**40), True, 1.5, 'text, with a comma', when]
    assert arrived[:6] == simple
    assert [type(one) for one in arrived[:6]] == [type(one) for one in simple]
    assert arrived[6] == types.PbmCapabilityDiscreteSet(values=[1, 'a, b', 2.5])
    assert arrived[7] == types.PbmCapabilityRange(min=1, max=Typed('long', 2**40))
    assert arrived[8] == types.PbmCapabilityTimeSpan(value=2, unit='HOURS')


def test_every_mistake_at_once(session: api.VMwareAPISession, calls: Counter) -> None:
    """All that is wrong is in one exception, and nothing is sent."""
    wrong = [
        spbm.RuleSet(
            [
                *spbm.vsan_rule(hostFailuresToTolerate='2', stripeWidth=99, nonsense=1),
                spbm.tag_rule('Nothing', 'a'),
                spbm.tag_rule('Tier', 'Lead'),
                spbm.tag_rule('Tier', []),
            ],
        ),
        spbm.RuleSet([spbm.Rule('Vendor', 'x', 'x', 1), *spbm.vsan_rule(forceProvisioning=1)]),
        spbm.RuleSet([]),
    ]
    with pytest.raises(spbm.InvalidRuleException) as caught:
        spbm.create_policy(session, 'n' * 81, wrong)
    found = '\n'.join(caught.value.problems)
    for part in (
        'the name has 81 characters',
        "hostFailuresToTolerate: '2' where a whole number of 32 bits belongs",
        'stripeWidth: 99 is not allowed, which is 1 to 12',
        'VSAN.nonsense: there is no such capability',
        "tags of 'Nothing': there is no tag category of that name (there are: Tier)",
        '"Lead" is not allowed, which is "Bronze" or "Gold" or "Platinum" or "Silver"',
        'the set of values is empty',
        'Vendor.x: no storage provider of this server has that namespace',
        'forceProvisioning: 1 where True or False belongs',
        'rule set 3: there is no rule in it',
    ):
        assert part in found
    assert len(caught.value.problems) == 10
    assert calls() == ['PbmFetchCapabilitySchema']
    with pytest.raises(spbm.InvalidRuleException) as rules:
        spbm.check_rules(session, wrong)
    assert rules.value.problems == caught.value.problems[1:]
    with pytest.raises(spbm.InvalidRuleException) as shapes:
        spbm.check_rules(session, wrong, against_schema=False)
    assert [one in caught.value.problems for one in shapes.value.problems] == [True, True]
    spbm.check_rules(session, spbm.tag_rule('Tier', 'Gold'), name='Code')
    assert calls() == []
    plain = {'name': '', 'description': 1, 'rule_sets': [{'rules': [{}]}], 'x': 1}
    with pytest.raises(spbm.InvalidRuleException) as imported:
        spbm.policy_from_dict(session, plain)
    assert imported.value.problems[:3] == (
        "'x' is unknown",
        'description is no text',
        'the policy has no name',
    )
    for nothing in (None, [plain]):
        with pytest.raises(spbm.InvalidRuleException, match='is no policy'):
            spbm.policy_from_dict(session, nothing)  # type: ignore[arg-type]
    assert calls() == []


def test_without_validation_the_server_refuses(session: api.VMwareAPISession) -> None:
    """The server has the last word, and names the parameter."""
    with pytest.raises(exceptions.VimFaultException) as caught:
        spbm.create_policy(
            session, 'Code', spbm.vsan_rule(hostFailuresToTolerate='2'), validate=False
        )
    assert exceptions.local_name(caught.value.fault_list[0]) == 'InvalidArgument'
    with pytest.raises(spbm.PolicyNotFoundException):
        spbm.update_policy(session, '11111111-1111-1111-1111-111111111111', description='x')


def test_types_that_the_server_does_not_tell(
    session: api.VMwareAPISession, vc: VCenterSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Without validation a policy is made all the same, and the log says what is not known."""
    vc.faults.on('PbmFetchCapabilitySchema', fault='PbmFault')
    rule = spbm.vsan_rule(stripeWidth=2)
    with pytest.raises(spbm.PbmException):
        spbm.create_policy(session, 'Code', rule)
    vc.faults.on('PbmFetchCapabilitySchema', fault='PbmFault')
    assert spbm.create_policy(session, 'Code', rule, validate=False).rule_sets[0].rules == rule
    assert 'types of the numbers in rules are not known' in caplog.text


def test_policies_of_data_services(session: api.VMwareAPISession) -> None:
    """A policy of the category DATA_SERVICE_POLICY is made, found there, and asked for by rules."""
    rule = spbm.Rule('vmwarevmcrypt', 'vmwarevmcrypt@ENCRYPTION', 'AllowCleartextFilters', 'True')
    made = spbm.create_policy(session, 'Crypt', rule, category='DATA_SERVICE_POLICY')
    assert (made.category, made.line_of_service) == ('DATA_SERVICE_POLICY', 'ENCRYPTION')
    with pytest.raises(spbm.PolicyNotFoundException):
        spbm.find_policy(session, 'Crypt')
    assert spbm.find_policy(session, 'Crypt', category='DATA_SERVICE_POLICY') == made
    plain = json.loads(json.dumps(made.to_dict()))
    assert spbm.policy_from_dict(session, plain) == (made, False)
    imported, changed = spbm.policy_from_dict(session, {**plain, 'name': 'Imported'})
    assert (imported.category, changed) == ('DATA_SERVICE_POLICY', True)
    with pytest.raises(spbm.InvalidRuleException, match="'RESOURCE' cannot be imported"):
        spbm.policy_from_dict(session, {**plain, 'category': 'RESOURCE'})
    user = spbm.create_policy(session, 'Secret', spbm.encryption_rule(made.id))
    assert all(one.compatible for one in spbm.check_compatibility(session, user))
    with pytest.raises(spbm.PolicyInUseException):
        spbm.delete_policy(session, made)


def test_missing_privileges(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site
) -> None:
    """The exception says which privilege is missing on which policy."""
    gold = site.policy_id('Gold')
    vc.policies.deny('StorageProfile.Update', gold)
    with pytest.raises(spbm.PbmNoPermissionException) as caught:
        spbm.update_policy(session, gold, description='x')
    assert caught.value.missing == {gold: ('StorageProfile.Update',)}
    assert isinstance(caught.value, exceptions.NoPermissionException)
    assert caught.value.fault_list
    vc.policies.deny('StorageProfile.View')
    with pytest.raises(spbm.PbmNoPermissionException) as caught:
        spbm.list_policies(session)
    assert caught.value.missing == {None: ('StorageProfile.View',)}


def test_missing_privileges_before_8_0_2(connect: SessionMaker) -> None:
    """The privilege is told, though not of which policy, by the same exception."""
    with VCenterSimulator(api_version='8.0.1.0') as vc:
        session = connect(vc, wsdl_loc=None)
        vc.policies.deny('StorageProfile.Update')
        with pytest.raises(spbm.PbmNoPermissionException) as caught:
            spbm.update_policy(session, Site(vc).policy_id('Gold'), description='x')
        session.close()
    assert caught.value.missing == {None: ('StorageProfile.Update',)}
    assert caught.value.fault_list == ['NoPermission']
    assert caught.value.details['privilegeId'] == 'StorageProfile.Update'
    assert 'Permission to perform this operation was denied' in str(caught.value)
