"""Rules and their values, without a server: every one survives each way out and back."""

import dataclasses
import datetime
import json
import sys
import threading
from types import SimpleNamespace
from typing import Any
from unittest import mock

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import given

from oslo_vmware import _pbm_session, exceptions, spbm
from oslo_vmware.soap.values import TypedValue
from oslo_vmware.spbm import errors, rules, schema, validation, values

TEXT = st.text(st.characters(exclude_categories=['Cs', 'Cc']), min_size=1, max_size=20)
SIMPLE = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.sampled_from(['a,b', ', ', 'yes', '1', 'null', "it's", '2026-01-01']),
    st.datetimes(timezones=st.just(datetime.UTC)),
)
SPANS = st.builds(spbm.TimeSpan, st.integers(0, 2**31 - 1), st.sampled_from(values.TIME_UNITS))
VALUES = st.one_of(
    SIMPLE,
    SPANS,
    st.builds(spbm.Range, SIMPLE, SIMPLE),
    st.builds(spbm.DiscreteSet, st.lists(SIMPLE, max_size=4)),
)
IDS = st.sampled_from(['a', 'b', 'c,d'])
RULES = st.builds(
    spbm.Rule, IDS, IDS, IDS, VALUES, st.sampled_from([None, 'NOT']), st.integers(0, 2)
)
RULE_SETS = st.builds(
    spbm.RuleSet,
    st.lists(RULES, min_size=1, max_size=5),
    st.one_of(st.none(), TEXT),
    st.sampled_from([None, True, False]),
)


def create(name: str, /, **members: Any) -> Any:
    """What a factory gives; its class has the name of the type."""
    kept = {key: value for key, value in members.items() if value is not None}
    return type(name, (SimpleNamespace,), {})(**kept)


@pytest.mark.parametrize(
    ('dump', 'load'),
    [
        (lambda plain: plain, lambda plain: plain),
        (json.dumps, json.loads),
        (lambda plain: yaml.safe_dump(plain, allow_unicode=True), yaml.safe_load),
    ],
    ids=['plain', 'json', 'yaml'],
)
@given(st.lists(RULE_SETS, min_size=1, max_size=3))
def test_rules_survive_export(dump: Any, load: Any, rule_sets: list[Any]) -> None:
    """Rules exported as plain data, JSON or YAML come back as they were, types included."""
    text = dump([rule_set.to_dict() for rule_set in rule_sets])
    back = rules.rule_sets_from_plain(load(text))
    assert back == tuple(rule_sets)
    assert rules.canonical(back) == rules.canonical(rule_sets)


@given(RULE_SETS)
def test_rules_survive_the_wire(rule_set: Any) -> None:
    """What is made of rules for a request is read as the same rules, and written the same again.

    Only where one property is asked for twice do the rules get numbers that they did not have.
    """
    wire = rules.to_wire([rule_set], create, {})
    (back,) = rules.from_wire(wire)
    plain = [
        (one.namespace, one.capability, one.property, values.key(one.value), one.operator)
        for one in rule_set.rules
    ]
    found = [
        (one.namespace, one.capability, one.property, values.key(one.value), one.operator)
        for one in back.rules
    ]
    assert sorted(map(repr, found)) == sorted(map(repr, plain))
    again = rules.to_wire([back], create, {})
    assert rules.from_wire(again) == (back,)
    assert rules.canonical([back]) == rules.canonical([rule_set])
    assert back.force_provision == rule_set.force_provision


@given(TEXT.map(lambda text: f'{text},{text}'), st.booleans())
def test_commas_belong_to_tags(tag: str, exclude: bool) -> None:
    """A tag is one value, whatever is in its name."""
    rule = spbm.tag_rule('Label, all', tag, exclude=exclude)
    (prop,) = (
        rules.to_wire([spbm.RuleSet([rule])], create, {})
        .subProfiles[0]
        .capability[0]
        .constraint[0]
        .propertyInstance
    )
    assert prop.value.values == [tag]


def test_and_and_or() -> None:
    """One property twice is two demands; as alternatives it is two ways to meet one."""
    both = spbm.RuleSet([spbm.Rule('n', 'c', 'p', 1), spbm.Rule('n', 'c', 'p', 2)])
    wire = rules.to_wire([both], create, {}).subProfiles[0].capability
    assert [len(one.constraint) for one in wire] == [1, 1]
    either = spbm.RuleSet([spbm.Rule('n', 'c', 'p', 1), spbm.Rule('n', 'c', 'p', 2, alternative=1)])
    wire = rules.to_wire([either], create, {}).subProfiles[0].capability
    assert [len(one.constraint) for one in wire] == [2]
    together = spbm.RuleSet([spbm.Rule('n', 'c', 'p', 1), spbm.Rule('n', 'c', 'q', 2)])
    wire = rules.to_wire([together], create, {}).subProfiles[0].capability
    assert [len(one.constraint[0].propertyInstance) for one in wire] == [2]


def test_what_tells_policies_apart() -> None:
    """Numbers of alternatives do not; what is an alternative to what does."""

    def canonical(*alternatives: int) -> Any:
        held = [
            spbm.Rule('n', 'c', 'p', value, alternative=one)
            for value, one in enumerate(alternatives)
        ]
        assert rules.canonical([spbm.RuleSet(held)]) == rules.canonical([spbm.RuleSet(held[::-1])])
        return rules.canonical([spbm.RuleSet(held)])

    assert canonical(0, 1) == canonical(1, 0) == canonical(1, 2) != canonical(0, 0)
    assert canonical(0) == canonical(5)


@pytest.mark.parametrize(
    ('value', 'type_', 'typed'),
    [
        (5, 'XSD_LONG', True),
        (5, 'XSD_SHORT', True),
        (2**15, 'XSD_SHORT', False),
        (5, 'XSD_INT', False),
        (5, None, False),
        (True, 'XSD_LONG', False),
        ('5', 'XSD_LONG', False),
    ],
)
def test_what_needs_its_type_said(value: Any, type_: str | None, typed: bool) -> None:
    """Whole numbers that fit a type other than int; what does not fit is for the server."""
    for made in (
        values.to_wire(value, create, type_),
        values.to_wire(spbm.Range(value, 0), create, type_).min,
        values.to_wire(spbm.DiscreteSet([value]), create, type_).values[0],
    ):
        assert isinstance(made, TypedValue) == typed
        assert getattr(made, 'value', made) == value


@pytest.mark.parametrize(
    ('one', 'other', 'same'),
    [
        (1, True, False),
        (1, 1.0, False),
        (1, '1', False),
        (spbm.DiscreteSet(['a', 'b']), spbm.DiscreteSet(['b', 'a', 'b']), True),
        (spbm.DiscreteSet([1]), spbm.DiscreteSet([True]), False),
        (spbm.Range(0, 1), spbm.Range(0, True), False),
    ],
)
def test_what_tells_values_apart(one: Any, other: Any, same: bool) -> None:
    """PBM compares types too; the order of a set is nothing."""
    assert (values.key(one) == values.key(other)) is same


@pytest.mark.parametrize(
    ('plain', 'problem'),
    [
        (None, 'no list'),
        ([{}], 'no list of rules'),
        ([{'rules': [], 'more': 1}], "'more' is unknown"),
        ([{'rules': [], 'name': 1}], 'name is no text'),
        ([{'rules': [], 'force_provision': 'no'}], 'force_provision is neither true nor false'),
        ([{'rules': [{'namespace': 'n'}]}], 'it has no capability'),
        ([{'rules': ['x']}], "'x' is no rule"),
        (
            [
                {
                    'rules': [
                        {
                            'namespace': 'n',
                            'capability': 'c',
                            'property': 'p',
                            'value': 1,
                            'alternative': 'a',
                        }
                    ]
                }
            ],
            'alternative is no number',
        ),
        (
            [{'rules': [{'namespace': 'n', 'capability': 'c', 'property': 1, 'value': 1}]}],
            'property is no text',
        ),
        (
            [{'rules': [{'namespace': 'n', 'capability': 'c', 'property': 'p', 'value': {}}]}],
            'no value of a rule',
        ),
    ],
)
def test_data_that_is_no_policy(plain: Any, problem: str) -> None:
    """What is wrong with imported data is said, with its place."""
    with pytest.raises(spbm.InvalidRuleException, match=problem):
        rules.rule_sets_from_plain(plain)


NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ('one', 'other', 'equal'),
    [
        (1, True, False),
        (0, False, False),
        (1, 1.0, False),
        (1, 1, True),
        (spbm.Range(0, 1), spbm.Range(False, True), False),
        (spbm.Range(0, 1), spbm.Range(0, 1), True),
        (spbm.TimeSpan(1, 'DAYS'), spbm.TimeSpan(True, 'DAYS'), False),
        (spbm.DiscreteSet([1, True]), spbm.DiscreteSet([1]), False),
        (NOW, NOW.replace(tzinfo=None), True),
        (NOW, NOW.replace(tzinfo=None, hour=4), False),
    ],
)
def test_what_is_equal(one: Any, other: Any, equal: bool) -> None:
    """Values and the rules with them are equal if they are the same to PBM, not to Python."""
    first, second = (spbm.Rule('n', 'c', 'p', value) for value in (one, other))
    assert (first == second) == equal
    assert ({first} == {second}) == equal
    assert first != 'a rule'
    assert (spbm.RuleSet([first]) == spbm.RuleSet([second])) == equal
    sets = [rules.canonical([spbm.RuleSet([rule])]) for rule in (first, second)]
    assert (sets[0] == sets[1]) == equal
    if isinstance(one, spbm.Range | spbm.TimeSpan | spbm.DiscreteSet):
        assert (one == other) == equal
        assert len({one, other}) == 2 - equal


def test_dates_with_and_without_a_zone() -> None:
    """They are held against each other as what they are."""
    naive = NOW.replace(tzinfo=None)
    allowed = prop(type='XSD_DATETIME', allowed=spbm.Range(NOW, NOW))
    capability = schema.Capability('n', 'c', 'C', None, False, False, (allowed,), None)
    known = [schema.Schema('v', 'n', None, None, (capability,), None)]
    for value, right in ((naive, True), (naive.replace(year=2025), False)):
        rule_set = spbm.RuleSet([spbm.Rule('n', 'c', 'p', value)])
        assert (validation.schema_problems([rule_set], known) == []) == right


@pytest.mark.parametrize('when', ['2026-01-02T03:04:05Z', '2026-01-02 03:04:05'])
def test_a_date_without_quotes(when: str) -> None:
    """YAML written by hand has a date where an export has a text."""
    plain = yaml.safe_load(f'datetime: {when}')
    assert isinstance(plain['datetime'], datetime.datetime)
    assert values.from_plain(plain) == NOW
    with pytest.raises(ValueError, match='5'):
        values.from_plain({'datetime': 5})


def prop(**about: Any) -> Any:
    known = {'mandatory': False, 'type': None, 'container': None, 'default': None}
    return schema.Property('p', 'P', **{**known, 'allowed': None, 'raw': None, **about})


@pytest.mark.parametrize(
    ('about', 'right', 'wrong'),
    [
        ({'type': 'XSD_INT'}, [1, -(2**31)], [True, 2**31, 1.0, '1']),
        ({'type': 'XSD_LONG'}, [2**40], [2**63, '1']),
        ({'type': 'XSD_SHORT'}, [2**15 - 1], [2**15]),
        ({'type': 'XSD_INTEGER'}, [2**40], ['1', True]),
        ({'type': 'XSD_BOOLEAN'}, [True, False], [1, 'true']),
        ({'type': 'XSD_DOUBLE'}, [1.5], [1, '1.5']),
        ({'type': 'XSD_STRING'}, ['1'], [1]),
        ({'type': 'XSD_DATETIME'}, [datetime.datetime(2026, 1, 1)], ['2026-01-01']),
        ({'type': 'VMW_TIMESPAN'}, [spbm.TimeSpan(1, 'DAYS')], [1]),
        ({'type': 'VMW_NEW'}, [1, 'x'], []),
        ({'type': 'XSD_INT', 'allowed': spbm.Range(0, 3)}, [0, 3], [-1, 4]),
        ({'type': 'XSD_STRING', 'allowed': spbm.DiscreteSet(['a'])}, ['a'], ['b', 'A']),
        (
            {'type': 'XSD_STRING', 'container': 'VMW_SET'},
            [spbm.DiscreteSet(['a'])],
            ['a', spbm.DiscreteSet([1])],
        ),
        (
            {'type': 'XSD_INT', 'container': 'VMW_RANGE'},
            [spbm.Range(1, 2)],
            [spbm.Range('1', 2), spbm.DiscreteSet([1])],
        ),
    ],
)
def test_types_and_allowed_values(about: Any, right: list[Any], wrong: list[Any]) -> None:
    """A value is held against its property's type and what is allowed."""
    capability = schema.Capability('n', 'c', 'C', None, False, False, (prop(**about),), None)
    known = [schema.Schema('v', 'n', None, None, (capability,), None)]

    def problems(value: Any) -> list[str]:
        return validation.schema_problems([spbm.RuleSet([spbm.Rule('n', 'c', 'p', value)])], known)

    assert [value for value in right if problems(value)] == []
    assert [value for value in wrong if not problems(value)] == []


@pytest.mark.parametrize(
    ('rule_set', 'problem'),
    [
        (spbm.RuleSet([]), 'there is no rule in it'),
        (spbm.Rule('n', 'c', 'p', 1, 'OR'), "there is no operator 'OR'"),
        (spbm.Rule('n', 'c', 'p', None), 'it has no value'),
        (spbm.Rule('n', 'c', 'p', spbm.DiscreteSet([])), 'the set of values is empty'),
        (spbm.Rule('n', 'c', 'p', spbm.TimeSpan(1, 'AGES')), "there is no unit of time 'AGES'"),
        (
            spbm.Rule('n', 'c', 'p', spbm.TimeSpan(1.5, 'DAYS')),  # type: ignore[arg-type]
            '1.5 where a whole number of DAYS belongs',
        ),
        (
            spbm.Rule('n', 'c', 'p', spbm.Range(2, 1)),
            'the smallest value 2 is greater than the largest, 1',
        ),
    ],
)
def test_what_no_server_takes(rule_set: Any, problem: str) -> None:
    """What is wrong whatever the server has; nothing is wrong with a range of what has no order."""
    (found,) = validation.shape_problems(rules.as_rule_sets(rule_set))
    assert found.endswith(f': {problem}')
    assert validation.shape_problems([]) == ['there is no rule set']
    odd = spbm.Rule('n', 'c', 'p', spbm.Range(1, 'x'))
    assert validation.shape_problems([spbm.RuleSet([odd])]) == []


@pytest.mark.parametrize(
    ('rule', 'problem'),
    [
        (spbm.Rule('n', 'c', 'q', 1), 'it has no property q (it has: p, set)'),
        (spbm.Rule('n', 'c', 'p', 1, 'NOT'), 'the operator NOT is for sets of values'),
        (
            spbm.Rule('n', 'c', 'p', spbm.DiscreteSet([1])),
            'a set of values where a single one belongs',
        ),
        (
            spbm.Rule('n', 'c', 'p', spbm.Range(1, 2)),
            'a range of values where a single one belongs',
        ),
        (
            spbm.Rule('n', 'c', 'set', 1),
            '1 where a set of values belongs (DiscreteSet; any_of in a file)',
        ),
    ],
)
def test_what_the_schema_has_otherwise(rule: spbm.Rule, problem: str) -> None:
    """Properties, operators, and whether a value is one or several."""
    properties = (prop(), dataclasses.replace(prop(container='VMW_SET'), id='set'))
    capability = schema.Capability('n', 'c', 'C', None, False, False, properties, None)
    known = [schema.Schema('v', 'n', None, None, (capability,), None)]
    found = validation.schema_problems([spbm.RuleSet([rule], 'mine')], known)
    assert found == [f"rule set 'mine', n.c: {problem}"]


@pytest.mark.parametrize(
    ('rule', 'text'),
    [
        (spbm.tag_rule('Tier', ['a', 'b']), 'tagged "a" or "b" in Tier'),
        (spbm.tag_rule('Tier', 'a', exclude=True), 'not tagged "a" in Tier'),
        (*spbm.vsan_rule(stripeWidth=2), 'VSAN.stripeWidth is 2'),
        (*spbm.vsan_rule(forceProvisioning=True), 'VSAN.forceProvisioning is true'),
        (spbm.Rule('n', 'c', 'p', spbm.Range(1, 2), 'NOT'), 'n.c is not 1 to 2'),
        (spbm.Rule('n', 'c', 'p', spbm.TimeSpan(2, 'DAYS')), 'n.c is 2 days'),
        (spbm.Rule('n', 'c', 'p', spbm.DiscreteSet([])), 'n.c is nothing'),
    ],
)
def test_rules_as_text(rule: spbm.Rule, text: str) -> None:
    """A rule reads like a sentence."""
    assert str(rule) == text


def test_what_is_no_rule() -> None:
    """Mistakes in the program are errors of Python, and name the mistake."""
    with pytest.raises(TypeError, match='do not mix'):
        rules.as_rule_sets([spbm.RuleSet([]), spbm.tag_rule('a', 'b')])
    with pytest.raises(TypeError, match="'gold'"):
        spbm.DiscreteSet('gold')
    with pytest.raises(ValueError, match='a value of type object'):
        spbm.Rule('n', 'c', 'p', object()).to_dict()
    assert list(spbm.DiscreteSet(['b', 'a'])) == ['b', 'a']
    assert {spbm.DiscreteSet(['b', 'a'])} == {spbm.DiscreteSet(['a', 'b'])}


def test_which_occurrence_is_exported() -> None:
    """Two capabilities of one id in a set stay two."""
    both = [spbm.Rule('n', 'c', 'p', 1), spbm.Rule('n', 'c', 'p', 1, occurrence=1)]
    plain = spbm.RuleSet(both).to_dict()
    assert rules.rule_sets_from_plain([plain])[0].rules == tuple(both)


def test_entities() -> None:
    """What a key belongs to."""
    for key in (spbm.entity('vm-1'), spbm.vm_and_disks('vm-1'), spbm.disk('vm-1', 2000)):
        assert (key.vm.value, key.vm._type) == ('vm-1', 'VirtualMachine')
    assert spbm.disk('vm-1', 2000).disk_key == 2000
    for key in (spbm.datastore_entity('datastore-1'), spbm.first_class_disk('a-b')):
        assert (key.vm, key.disk_key) == (None, None)


def test_what_is_mandatory() -> None:
    """A property and a capability that have to be there are asked for."""
    needed = schema.Property('q', 'Q', True, None, None, None, None, None)
    capabilities = (
        schema.Capability('n', 'c', 'C', None, False, False, (prop(), needed), None),
        schema.Capability('n', 'd', 'D', None, True, False, (prop(),), None),
    )
    known = [schema.Schema('v', 'n', None, None, capabilities, None)]
    found = validation.schema_problems([spbm.RuleSet([spbm.Rule('n', 'c', 'p', 1)])], known)
    assert found == [
        'rule set 1, n.c: the property q is missing',
        'rule set 1: the capability d of n is missing, which is mandatory',
    ]


def test_a_fault_of_vim_as_a_value() -> None:
    """It is the exception that VIM's calls raise for it; of privileges, the one of this package."""
    fault = create('NotFound')
    made = errors.from_method_fault(
        create('LocalizedMethodFault', fault=fault, localizedMessage='Gone.')
    )
    assert isinstance(made, exceptions.VimFaultException)
    assert (made.fault_list, made.fault) == (['NotFound'], fault)
    fault = create('NoPermission', privilegeId='StorageProfile.View', __keylist__=['privilegeId'])
    made = errors.from_method_fault(
        create('LocalizedMethodFault', fault=fault, localizedMessage='Not you.')
    )
    assert isinstance(made, spbm.PbmNoPermissionException)
    assert made.details == {'privilegeId': 'StorageProfile.View'}
    assert made.missing == {None: ('StorageProfile.View',)}
    assert errors.from_method_fault(None) is None


#: What callers make; a machine's policies are of several objects of the server's.
MADE = {'DiscreteSet', 'EntityKey', 'Range', 'Rule', 'RuleSet', 'TimeSpan', 'VmPolicies'}


def test_results_cannot_be_changed() -> None:
    """Every result is frozen, and has the server's object, which tells no two apart."""
    found = [getattr(spbm, name) for name in spbm.__all__]
    classes = [one for one in found if isinstance(one, type) and dataclasses.is_dataclass(one)]
    assert len(classes) >= 18
    for one in classes:
        assert one.__dataclass_params__.frozen, one
        raw = {field.name: field for field in dataclasses.fields(one)}.get('raw')
        assert (raw is None) == (one.__name__ in MADE), one
        assert raw is None or not (raw.compare or raw.repr)
    disks = {2000: 'a'}
    policies = spbm.VmPolicies(None, disks)
    disks[2000] = 'b'
    assert policies == spbm.VmPolicies(None, {2000: 'a'})
    with pytest.raises(TypeError):
        policies.disks[2000] = 'b'  # type: ignore[index]


def test_a_cache_is_read_while_others_write() -> None:
    """No thread trips over what another remembers or forgets meanwhile."""
    cache = spbm.PolicyCache()
    known = [
        spbm.Policy(str(one), str(one), *[None] * 6, False, None, None, (), None)
        for one in range(1000)
    ]

    def write() -> None:
        for _ in range(50):
            for one in known:
                cache.keep(cache.state, [one])
            cache.forget(one.id for one in known)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        writer = threading.Thread(target=write)
        writer.start()
        while writer.is_alive():
            for name, policy in cache.named(None).items():
                assert name == policy.id
        writer.join()
    finally:
        sys.setswitchinterval(interval)
    assert cache.named(None) == {}


def test_a_session_that_is_a_stand_in() -> None:
    """What does not count its logins, or cannot be a key, is taken as it is."""
    session = mock.MagicMock()
    assert spbm.policy_cache(session) is spbm.policy_cache(session)
    unhashable = SimpleNamespace(pbm='client')
    assert _pbm_session.client(unhashable) == 'client'
    about = SimpleNamespace(version='8.0.3', apiType='VirtualCenter', fullName='x')
    made: list[str] = []
    unhashable = SimpleNamespace(
        pbm=None,
        vim=SimpleNamespace(service_content=SimpleNamespace(about=about)),
        pbm_wsdl_loc_set=made.append,
    )
    assert _pbm_session.client(unhashable) is None
    assert len(made) == 1
    assert _pbm_session.release(unhashable) == (8, 0)
    assert _pbm_session.release(session) is None


def test_what_cannot_be_exported() -> None:
    """Requirements that this library cannot read are not exported as none at all."""
    raw = create('PbmCapabilityProfile', constraints=create('PbmConstraintsOfTomorrow'))
    policy = spbm.Policy('id', 'New', *[None] * 6, False, None, None, (), raw)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='New has no rules that can be exported'):
        policy.to_dict()
    raw.constraints = create('PbmCapabilityConstraints')
    assert policy.to_dict() == {'name': 'New', 'rule_sets': []}


def test_every_exception_is_a_vim_exception() -> None:
    """Handlers of users go on working; what has no fault list of its own has none to lose."""
    classes = [getattr(spbm, name) for name in spbm.__all__ if name.endswith('Exception')]
    assert len(classes) >= 9
    assert all(issubclass(one, exceptions.VimException) for one in classes)
    one = errors.policy_not_found(['x'])
    assert (one.fault_list, one.details, one.ids) == ([], {}, ('x',))
