"""Rules held against the capability schema before they are sent: every mistake, at once.

The server names one mistake at a time, and not always which. What the schema does not have on
purpose is left to the server: rules that name a data service policy
(:data:`~oslo_vmware.spbm.rules.DATA_SERVICE_NAMESPACE`).
"""

import datetime
import re
from collections.abc import Iterable, Iterator
from typing import Any

from oslo_vmware.spbm import rules, schema, values

#: The longest name of a policy, in characters (``PbmCapabilityProfileCreateSpec.name``).
MAX_NAME = 80

# What XML cannot hold.
_IMPOSSIBLE = re.compile('[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')

_INT_BITS = {'XSD_INT': 31, 'XSD_SHORT': 15, 'XSD_LONG': 63, 'XSD_INTEGER': 63}
_TYPES: dict[str, tuple[type, ...]] = {
    'XSD_BOOLEAN': (bool,),
    'XSD_STRING': (str,),
    'XSD_DOUBLE': (float,),
    'XSD_DATETIME': (datetime.datetime,),
    'VMW_TIMESPAN': (values.TimeSpan,),
}
_WORDS = {
    'XSD_INT': 'a whole number of 32 bits',
    'XSD_SHORT': 'a whole number of 16 bits',
    'XSD_INTEGER': 'a whole number',
    'XSD_LONG': 'a whole number of 64 bits',
    'XSD_BOOLEAN': 'True or False',
    'XSD_STRING': 'a text',
    'XSD_DOUBLE': 'a float',
    'XSD_DATETIME': 'a datetime',
    'VMW_TIMESPAN': 'a TimeSpan',
}


def name_problems(name: Any) -> list[str]:
    """What is wrong with the name of a policy."""
    if name is not None and not isinstance(name, str):
        return [f'the name is {name!r}, which is no text']
    if not name or not name.strip():
        return ['the policy has no name']
    if len(name) > MAX_NAME:
        return [f'the name has {len(name)} characters; {MAX_NAME} are the most there can be']
    return text_problems('the name', name)


def text_problems(what: str, *texts: Any) -> list[str]:
    """What is wrong with texts, among other values, as texts."""
    found = [_IMPOSSIBLE.search(text) for text in texts if isinstance(text, str)]
    return [f'{what} has a character that cannot be sent: {one[0]!r}' for one in found if one]


def shape_problems(rule_sets: Iterable[rules.RuleSet]) -> list[str]:
    """What is wrong with rules whatever the server has."""
    problems = []
    held = list(rule_sets)
    if not held:
        problems.append('there is no rule set')
    for where, rule_set in _named(held):
        if not rule_set.rules:
            problems.append(f'{where}: there is no rule in it')
        problems += text_problems(f'the name of {where}', rule_set.name)
        for rule in rule_set.rules:
            problem = _shape(rule)
            if problem:
                problems.append(f'{where}, {_title(rule)}: {problem}')
            texts = (rule.namespace, rule.capability, rule.property, *_simple(rule.value))
            problems += text_problems(f'{where}, {_title(rule)}', *texts)
    return problems


def schema_problems(
    rule_sets: Iterable[rules.RuleSet], schemas: Iterable[schema.Schema]
) -> list[str]:
    """What is wrong with rules by what the server says there is."""
    known = {(one.namespace, one.id): one for held in schemas for one in held.capabilities}
    problems = []
    for where, rule_set in _named(rule_sets):
        groups: dict[tuple[str, str, int, int], list[rules.Rule]] = {}
        for rule in rule_set.rules:
            if rule.namespace == rules.DATA_SERVICE_NAMESPACE:
                continue
            capability = known.get((rule.namespace, rule.capability))
            if capability is None:
                problems.append(f'{where}, {_title(rule)}: {_no_capability(rule, known)}')
                continue
            key = (rule.namespace, rule.capability, rule.occurrence, rule.alternative)
            groups.setdefault(key, []).append(rule)
            problems += [
                f'{where}, {_title(rule)}: {one}' for one in _rule_problems(rule, capability)
            ]
        for (namespace, id_, _occurrence, _alternative), group in groups.items():
            have = {rule.property for rule in group}
            problems += [
                f'{where}, {_title(group[0])}: the property {prop.id} is missing'
                for prop in known[namespace, id_].properties
                if prop.mandatory and prop.id not in have
            ]
        for namespace in {rule.namespace for rule in rule_set.rules}:
            have_too = {rule.capability for rule in rule_set.rules if rule.namespace == namespace}
            problems += [
                f'{where}: the capability {one.id} of {namespace} is missing, which is mandatory'
                for one in known.values()
                if one.mandatory and one.namespace == namespace and one.id not in have_too
            ]
    return problems


def _named(rule_sets: Iterable[rules.RuleSet]) -> Iterator[tuple[str, rules.RuleSet]]:
    for number, rule_set in enumerate(rule_sets, 1):
        yield (f'rule set {rule_set.name!r}' if rule_set.name else f'rule set {number}'), rule_set


def _title(rule: rules.Rule) -> str:
    if rule.namespace == rules.TAG_NAMESPACE:
        return f'tags of {rule.capability!r}'
    return f'{rule.namespace}.{rule.capability}'


def _shape(rule: rules.Rule) -> str | None:
    value = rule.value
    if rule.operator not in (None, rules.NOT):
        return f'there is no operator {rule.operator!r}'
    if value is None:
        return 'it has no value'
    if isinstance(value, values.DiscreteSet) and not value.values:
        return 'the set of values is empty'
    if isinstance(value, values.TimeSpan):
        if value.unit not in values.TIME_UNITS:
            return f'there is no unit of time {value.unit!r}'
        if type(value.value) is not int:
            return f'{value.value!r} where a whole number of {value.unit} belongs'
    if isinstance(value, values.Range) and _greater(value.min, value.max):
        return f'the smallest value {value.min} is greater than the largest, {value.max}'
    return None


def _greater(one: Any, other: Any) -> bool:
    if isinstance(one, datetime.datetime) and isinstance(other, datetime.datetime):
        return values.moment(one) > values.moment(other)
    try:
        return bool(one > other)
    except TypeError:
        return False


def _no_capability(rule: rules.Rule, known: dict[Any, schema.Capability]) -> str:
    ids = sorted(id_ for namespace, id_ in known if namespace == rule.namespace)
    if rule.namespace == rules.TAG_NAMESPACE:
        return f'there is no tag category of that name (there are: {", ".join(ids) or "none"})'
    if not ids:
        return 'no storage provider of this server has that namespace'
    return f'there is no such capability (there are: {", ".join(ids)})'


def _rule_problems(rule: rules.Rule, capability: schema.Capability) -> Iterator[str]:
    prop = capability.property(rule.property)
    if prop is None:
        ids = ', '.join(one.id for one in capability.properties)
        yield f'it has no property {rule.property} (it has: {ids})'
        return
    if rule.operator is not None and prop.container != 'VMW_SET':
        yield f'the operator {rule.operator} is for sets of values'
    if prop.container == 'VMW_SET' and not isinstance(rule.value, values.DiscreteSet):
        found = values.describe(rule.value)
        yield f'{found} where a set of values belongs (DiscreteSet; any_of in a file)'
        return
    if prop.container != 'VMW_SET' and isinstance(rule.value, values.DiscreteSet):
        wanted = 'a range' if prop.container == 'VMW_RANGE' else 'a single one'
        yield f'a set of values where {wanted} belongs'
        return
    if prop.container is None and isinstance(rule.value, values.Range):
        yield 'a range of values where a single one belongs'
        return
    for value in _simple(rule.value):
        if not _has_type(value, prop.type):
            yield f'{value!r} where {_WORDS.get(str(prop.type), prop.type)} belongs'
        elif not _is_allowed(value, prop.allowed):
            yield f'{values.describe(value)} is not allowed, which is {_choice(prop.allowed)}'


def _simple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, values.DiscreteSet):
        return value.values
    if isinstance(value, values.Range):
        return value.min, value.max
    return (value,)


def _has_type(value: Any, type_: str | None) -> bool:
    if type_ in _INT_BITS:
        bits = _INT_BITS[type_]
        return type(value) is int and -(2**bits) <= value < 2**bits
    wanted = _TYPES.get(str(type_))
    return wanted is None or isinstance(value, wanted)


def _is_allowed(value: Any, allowed: Any) -> bool:
    if isinstance(allowed, values.Range):
        return not (_greater(allowed.min, value) or _greater(value, allowed.max))
    if isinstance(allowed, values.DiscreteSet):
        return values.key(value) in {values.key(one) for one in allowed.values}
    return True


def _choice(allowed: Any) -> str:
    text = values.describe(allowed)
    return text if len(text) <= 200 else text[:200] + ' …'
