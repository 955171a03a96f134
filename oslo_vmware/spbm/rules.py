"""Rules of storage policies: made, read from the server, sent to it, exported.

A policy has rule sets, of which a datastore has to satisfy one. A rule set has rules, all of
which have to be satisfied. A rule asks for a value of a property of a capability.

The wire has two more levels: the rules about one capability form constraints, of which one has
to be satisfied. Rules of a set that differ in :attr:`Rule.alternative`, and are about the same
capability, are such constraints: a datastore needs one of the alternatives. Rules of the same
alternative are all needed; a property that comes twice there goes out as a capability of its own.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oslo_vmware._i18n import _
from oslo_vmware.spbm import _calls, errors, values

TAG_NAMESPACE = 'http://www.vmware.com/storage/tag'
VSAN_NAMESPACE = 'VSAN'
#: Rules that ask for a policy of the category DATA_SERVICE_POLICY, by its id. No schema has it.
DATA_SERVICE_NAMESPACE = 'com.vmware.storageprofile.dataservice'
ZONE_NAMESPACE = 'com.vmware.storage.consumptiondomain'

#: Id of the encryption service that every vCenter from 6.5 on has: the rule of the policy
#: "VM Encryption Policy" names it.
ENCRYPTION_SERVICE = 'ad5a249d-cbc2-43af-9366-694d7664fa52'

NOT = 'NOT'


@dataclasses.dataclass(frozen=True, eq=False)
class Rule:
    """One property of one capability, and the value wanted (``PbmCapabilityPropertyInstance``).

    :ivar namespace: whose capability it is, for example ``VSAN``
    :ivar capability: id of the capability
    :ivar property: id of its property
    :ivar value: see :mod:`oslo_vmware.spbm.values`
    :ivar operator: ``NOT``, or None
    :ivar alternative: number of the constraint among those of its capability, any of which will do
    :ivar occurrence: number of the capability among those of the same id in the set, all of which
                      are needed; 0 but for what was made elsewhere
    """

    namespace: str
    capability: str
    property: str
    value: Any
    operator: str | None = None
    alternative: int = 0
    occurrence: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and _identity(self) == _identity(other)

    def __hash__(self) -> int:
        return hash(_identity(self))

    def to_dict(self) -> dict[str, Any]:
        """The rule as plain data.

        :raises ValueError: the value is of a type that this library does not know
        """
        plain: dict[str, Any] = {
            'namespace': self.namespace,
            'capability': self.capability,
            'property': self.property,
            'value': values.to_plain(self.value),
        }
        if self.operator is not None:
            plain['operator'] = self.operator
        if self.alternative:
            plain['alternative'] = self.alternative
        if self.occurrence:
            plain['occurrence'] = self.occurrence
        return plain

    def __str__(self) -> str:
        if self.namespace == TAG_NAMESPACE:
            verb = 'not tagged' if self.operator == NOT else 'tagged'
            return f'{verb} {values.describe(self.value)} in {self.capability}'
        operator = 'is not' if self.operator == NOT else 'is'
        return f'{self.namespace}.{self.capability} {operator} {values.describe(self.value)}'


def _demand(rule: Rule) -> tuple[Any, ...]:
    """What a rule asks for, without the numbers that only its place in the set gives."""
    asked = values.key(rule.value)
    return rule.namespace, rule.capability, rule.property, asked, rule.operator


def _identity(rule: Rule) -> tuple[Any, ...]:
    return (*_demand(rule), rule.alternative, rule.occurrence)


@dataclasses.dataclass(frozen=True)
class RuleSet:
    """Rules that have to be satisfied together (``PbmCapabilitySubProfile``).

    :ivar rules: tuple of :class:`Rule`
    :ivar name: as the clients show it; ``Rule-Set 1`` and so on without one
    :ivar force_provision: make the object even if the rules cannot be satisfied now
    """

    rules: tuple[Rule, ...]
    name: str | None = None
    force_provision: bool | None = None

    def __init__(
        self,
        rules: Iterable[Rule],
        name: str | None = None,
        force_provision: bool | None = None,
    ) -> None:
        object.__setattr__(self, 'rules', tuple(rules))
        object.__setattr__(self, 'name', name)
        object.__setattr__(self, 'force_provision', force_provision)

    def to_dict(self) -> dict[str, Any]:
        """The rule set as plain data."""
        plain: dict[str, Any] = {'rules': [rule.to_dict() for rule in self.rules]}
        if self.name is not None:
            plain['name'] = self.name
        if self.force_provision is not None:
            plain['force_provision'] = self.force_provision
        return plain


def tag_rule(category: str, tags: str | Iterable[str], *, exclude: bool = False) -> Rule:
    """Ask for datastores that have one of some tags of a category (PBM API 2.0).

    :param category: name of the tag category
    :param tags: one tag, or several of which one will do; commas are part of the name
    :param exclude: ask for datastores that have none of them instead
    """
    wanted = (tags,) if isinstance(tags, str) else tuple(tags)
    return Rule(
        TAG_NAMESPACE,
        category,
        f'com.vmware.storage.tag.{category}.property',
        values.DiscreteSet(wanted),
        NOT if exclude else None,
    )


def vsan_rule(**capabilities: Any) -> tuple[Rule, ...]:
    """Ask for capabilities of vSAN, such as ``hostFailuresToTolerate=2`` (PBM API 1.0).

    :param capabilities: id to value; what there are, and of which types, tells
                         :func:`oslo_vmware.spbm.capability_schema`
    :returns: one rule each
    """
    return tuple(Rule(VSAN_NAMESPACE, name, name, value) for name, value in capabilities.items())


def encryption_rule(service: str = ENCRYPTION_SERVICE) -> Rule:
    """Ask for encryption by the hosts (vSphere 6.5).

    :param service: id of the policy of the category DATA_SERVICE_POLICY to use
    """
    return Rule(DATA_SERVICE_NAMESPACE, service, service, service)


def zonal_rule() -> Rule:
    """Ask for storage that all hosts of a zone share (vSphere 8.0)."""
    return Rule(ZONE_NAMESPACE, 'StorageTopology', 'StorageTopologyType', 'Zonal')


RuleSets = RuleSet | Rule | Iterable['RuleSet | Rule | Iterable[Rule]']


def as_rule_sets(given: Any) -> tuple[RuleSet, ...]:
    """Rule sets from what callers give.

    :param given: rule sets; or rules, which then form one set, possibly with tuples of rules as
                  :func:`vsan_rule` gives them among them
    :raises TypeError: it is something else
    """
    if isinstance(given, RuleSet):
        return (given,)
    if isinstance(given, Rule):
        return (RuleSet((given,)),)
    items = list(given)
    if all(isinstance(item, RuleSet) for item in items):
        return tuple(items)
    rules: list[Rule] = []
    for item in items:
        for rule in (item,) if isinstance(item, Rule | RuleSet) else item:
            if not isinstance(rule, Rule):
                raise TypeError(_('%r is no rule (rules and rule sets do not mix)') % (rule,))
            rules.append(rule)
    return (RuleSet(rules),)


def canonical(rule_sets: Iterable[RuleSet]) -> frozenset[Any]:
    """What tells policies apart by their rules: names, order, and numbers are nothing.

    The wire has no numbers of alternatives: what goes out as 1 and 2 comes back as 0 and 1.
    """
    return frozenset((bool(rule_set.force_provision), _demands(rule_set)) for rule_set in rule_sets)


def _demands(rule_set: RuleSet) -> frozenset[Any]:
    """What has to be satisfied: single rules, and sets of alternatives."""
    demands: set[Any] = set()
    for constraints in _grouped(rule_set).values():
        alternatives = frozenset(
            frozenset(_demand(rule) for rule in constraint.values())
            for constraint in constraints.values()
        )
        if len(alternatives) == 1:
            demands.update(*alternatives)
        else:
            demands.add(alternatives)
    return frozenset(demands)


# --- what needs a later vSphere

#: What rules are about -> its name, and the release that brought it.
_LATER: dict[str, tuple[str, _calls.Release]] = {
    DATA_SERVICE_NAMESPACE: (_('A rule about data services, such as encryption,'), (6, 5)),
    ZONE_NAMESPACE: (_('A rule about zones'), (8, 0)),
}


def require(connection: _calls.Connection, rule_sets: Iterable[RuleSet]) -> None:
    """See that a server knows rules of some kinds.

    :raises PbmNotSupportedException: it is too old
    """
    for rule in (rule for rule_set in rule_sets for rule in rule_set.rules):
        if rule.operator is not None:
            what = _('A rule with an operator, such as NOT,')
            connection.require('PbmFetchCapabilitySchema', (6, 5), what)
        if rule.namespace in _LATER:
            _calls.require_server(connection.session, *_LATER[rule.namespace])


# --- the wire


#: Types of properties by namespace, capability and property, as the capability schema has them.
Types = Mapping[tuple[str, str, str], str]


def to_wire(rule_sets: Sequence[RuleSet], create: values.Create, types: Types) -> Any:
    """``PbmCapabilitySubProfileConstraints`` (PBM API 1.0) of rule sets.

    :param create: makes a request object of a type, with members
    :param types: see :func:`oslo_vmware.spbm.schema.types_of`
    """
    sub_profiles = [
        create(
            'PbmCapabilitySubProfile',
            name=rule_set.name or f'Rule-Set {number}',
            capability=_capabilities(rule_set, create, types),
            forceProvision=rule_set.force_provision,
        )
        for number, rule_set in enumerate(rule_sets, 1)
    ]
    return create('PbmCapabilitySubProfileConstraints', subProfiles=sub_profiles)


def _grouped(rule_set: RuleSet) -> dict[tuple[str, str, int], dict[int, dict[str, Rule]]]:
    """The rules by (namespace, capability, occurrence), alternative, and property."""
    grouped: dict[tuple[str, str, int], dict[int, dict[str, Rule]]] = {}
    for rule in rule_set.rules:
        occurrence = rule.occurrence
        while True:
            key = (rule.namespace, rule.capability, occurrence)
            constraint = grouped.setdefault(key, {}).setdefault(rule.alternative, {})
            if rule.property not in constraint:
                constraint[rule.property] = rule
                break
            occurrence += 1
    return grouped


def _capabilities(rule_set: RuleSet, create: values.Create, types: Types) -> list[Any]:
    made = []
    for (namespace, capability, _occurrence), constraints in _grouped(rule_set).items():
        made.append(
            create(
                'PbmCapabilityInstance',
                id=create('PbmCapabilityMetadataUniqueId', namespace=namespace, id=capability),
                constraint=[
                    create(
                        'PbmCapabilityConstraintInstance',
                        propertyInstance=[
                            create(
                                'PbmCapabilityPropertyInstance',
                                id=rule.property,
                                operator=rule.operator,
                                value=values.to_wire(
                                    rule.value,
                                    create,
                                    types.get((namespace, capability, rule.property)),
                                ),
                            )
                            for rule in constraint.values()
                        ],
                    )
                    for constraint in constraints.values()
                ],
            )
        )
    return made


def from_wire(constraints: Any) -> tuple[RuleSet, ...]:
    """The rule sets of decoded ``PbmCapabilityConstraints``; none of a kind without rules."""
    return tuple(
        RuleSet(
            _rules(_calls.many(sub_profile, 'capability')),
            _calls.text(sub_profile, 'name'),
            _calls.get(sub_profile, 'forceProvision'),
        )
        for sub_profile in _calls.many(constraints, 'subProfiles')
    )


#: ``PbmCapabilityConstraints`` in a request: an object in which nothing is set is left out.
NOTHING = ''


def asks_nothing(constraints: Any) -> bool:
    """Whether decoded constraints are of the kind without rules (``PbmCapabilityConstraints``).

    The policy "VVol No Requirements Policy" has such.
    """
    return bool(constraints == NOTHING) or (
        constraints.__class__.__name__ == 'PbmCapabilityConstraints'
    )


def rules_of(capability: Any, occurrence: int = 0) -> tuple[Rule, ...]:
    """The rules of one decoded ``PbmCapabilityInstance``."""
    return tuple(
        Rule(
            str(capability.id.namespace),
            str(capability.id.id),
            str(prop.id),
            values.from_wire(_calls.get(prop, 'value')),
            _calls.text(prop, 'operator'),
            alternative,
            occurrence,
        )
        for alternative, constraint in enumerate(_calls.many(capability, 'constraint'))
        for prop in _calls.many(constraint, 'propertyInstance')
    )


def _rules(capabilities: Iterable[Any]) -> list[Rule]:
    seen: dict[tuple[str, str], int] = {}
    rules: list[Rule] = []
    for capability in capabilities:
        key = (str(capability.id.namespace), str(capability.id.id))
        occurrence = seen.get(key, 0)
        seen[key] = occurrence + 1
        rules += rules_of(capability, occurrence)
    return rules


# --- plain data


def rule_sets_from_plain(plain: Any) -> tuple[RuleSet, ...]:
    """Rule sets from plain data, such as :meth:`RuleSet.to_dict` gives.

    :raises InvalidRuleException: with every mistake
    """
    problems: list[str] = []
    made: list[RuleSet] = []
    if not isinstance(plain, list | tuple):
        raise errors.InvalidRuleException([_('rule_sets is no list')])
    for number, one in enumerate(plain, 1):
        where = _('rule set %d') % number
        if not isinstance(one, Mapping) or not isinstance(one.get('rules'), list | tuple):
            problems.append(_('%s: it has no list of rules') % where)
            continue
        problems += _unknown(one, ('rules', 'name', 'force_provision'), where)
        if not isinstance(one.get('name'), str | None):
            problems.append(_('%s: name is no text') % where)
        if not isinstance(one.get('force_provision'), bool | None):
            problems.append(_('%s: force_provision is neither true nor false') % where)
        rules = []
        for index, rule in enumerate(one['rules'], 1):
            try:
                rules.append(_rule(rule))
            except ValueError as exc:
                problems.append(f'{where}, rule {index}: {exc}')
        made.append(RuleSet(rules, one.get('name'), one.get('force_provision')))
    if problems:
        raise errors.InvalidRuleException(problems)
    return tuple(made)


_NEEDED = ('namespace', 'capability', 'property', 'value')


def _rule(plain: Any) -> Rule:
    if not isinstance(plain, Mapping):
        raise ValueError(_('%r is no rule') % (plain,))
    wrong = [_('it has no %s') % name for name in _NEEDED if name not in plain]
    wrong += _unknown(plain, (*_NEEDED, 'operator', 'alternative', 'occurrence'), '')
    for name in ('namespace', 'capability', 'property'):
        if name in plain and not isinstance(plain[name], str):
            wrong.append(_('%s is no text') % name)
    for name in ('alternative', 'occurrence'):
        if type(plain.get(name, 0)) is not int:
            wrong.append(_('%s is no number') % name)
    if wrong:
        raise ValueError(', '.join(wrong))
    return Rule(**{**plain, 'value': values.from_plain(plain['value'])})


def _unknown(plain: Mapping[str, Any], known: Sequence[str], where: str) -> list[str]:
    prefix = f'{where}: ' if where else ''
    return [prefix + _('%r is unknown') % name for name in plain if name not in known]
