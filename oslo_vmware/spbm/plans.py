"""What an import of a policy would do: for whoever wants to know before it is done."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from oslo_vmware._i18n import _
from oslo_vmware.spbm import changes, errors, policies, rules
from oslo_vmware.spbm.policies import Policy


class Plan(NamedTuple):
    """What :func:`~oslo_vmware.spbm.policy_from_dict` would do.

    :ivar name: of the policy
    :ivar rule_sets: that it is to have
    :ivar present: the policy as it is; None if it would be made
    :ivar changes: what would be taken away (``- …``) and added (``+ …``), in words; empty if
                   nothing would be done, or a policy without requirements made
    """

    name: str
    rule_sets: tuple[rules.RuleSet, ...]
    present: Policy | None
    changes: tuple[str, ...]

    @property
    def does_something(self) -> bool:
        """Whether there is anything to do."""
        return self.present is None or bool(self.changes)


def plan_policy(session: Any, plain: Mapping[str, Any], *, validate: bool = True) -> Plan:
    """What :func:`~oslo_vmware.spbm.policy_from_dict` would do, without doing it.

    The policy is held against the schema and against what is there, which is read anew.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param plain: as in :func:`~oslo_vmware.spbm.policy_from_dict`
    :param validate: as in :func:`~oslo_vmware.spbm.create_policy`
    :raises InvalidRuleException: with every mistake
    """
    name, held, description, category = changes.from_plain(plain)
    if held:
        changes.check_rules(session, held, name=name, against_schema=validate)
    try:
        present = policies.find_policy(session, name, category=category, fresh=True)
    except errors.PolicyNotFoundException:
        return Plan(name, held, None, tuple(f'+ {line}' for line in _lines(held, len(held) > 1)))
    found = []
    if rules.canonical(present.rule_sets) != rules.canonical(held):
        many = max(len(present.rule_sets), len(held)) > 1
        before, after = _lines(present.rule_sets, many), _lines(held, many)
        found = [f'- {line}' for line in before if line not in after]
        found += [f'+ {line}' for line in after if line not in before]
        # As when an alternative has become a rule of its own.
        found = found or [_('the same rules, in another order of sets or alternatives')]
    if description is not None and description != (present.description or ''):
        found += [f'- description: {present.description or ""}', f'+ description: {description}']
    return Plan(name, held, present, tuple(found))


def _lines(rule_sets: Sequence[rules.RuleSet], many: bool) -> list[str]:
    """Rules in words; each says of which set it is where there are several."""
    return [
        f'set {number}: {rule}' if many else str(rule)
        for number, rule_set in enumerate(rule_sets, 1)
        for rule in rule_set.rules
    ]
