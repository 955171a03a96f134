"""Storage policies as code: made, changed, copied, deleted, and kept as they should be.

Rules are checked before anything is sent (:mod:`oslo_vmware.spbm.validation`); every change makes
the session forget what it knew of the policies concerned. If the answer to a change is lost, what
became of it is read (:mod:`oslo_vmware.spbm.lost`). Only what that does not tell reaches the
caller, as ``VimOutcomeUnknownException``.
"""

import functools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from oslo_vmware import exceptions
from oslo_vmware._i18n import _
from oslo_vmware.spbm import _calls, errors, lost, policies, rules, schema, validation
from oslo_vmware.spbm.cache import policy_cache
from oslo_vmware.spbm.policies import Policy


class Ensured(NamedTuple):
    """What :func:`ensure_policy` found or did.

    :ivar policy: the policy as it is now
    :ivar changed: whether it was made or changed
    """

    policy: Policy
    changed: bool


def create_policy(
    session: Any,
    name: str,
    rule_sets: rules.RuleSets,
    *,
    description: str | None = None,
    category: str | None = policies.REQUIREMENT,
    validate: bool = True,
) -> Policy:
    """Make a storage policy (``PbmCreate``, PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param name: at most 80 characters
    :param rule_sets: rule sets, or the rules of a single one
    :param description: text
    :param category: ``REQUIREMENT`` or ``DATA_SERVICE_POLICY``; None leaves it to the server
    :param validate: hold the rules against the server's capability schema first. Without it the
                     schema is still asked, once in a while, for the types of whole numbers
    :raises InvalidRuleException: with every mistake, and nothing was sent
    :raises PbmDuplicateNameException: there is a policy of that name
    :raises PbmNoPermissionException: privilege ``StorageProfile.Update`` is missing
    :raises VimOutcomeUnknownException: the answer was lost, and there is no such policy so far.
                                        One that was not there before, with this name and content,
                                        is taken for the one that was to be made
    """
    held = _some(rule_sets)
    return _create(session, name, held, description, category, validate=validate)


def _some(rule_sets: rules.RuleSets) -> tuple[rules.RuleSet, ...]:
    """Rule sets, of which none are a mistake: a policy that asks for nothing allows everything."""
    held = rules.as_rule_sets(rule_sets)
    if not held:
        raise errors.InvalidRuleException(validation.shape_problems(held))
    return held


def _create(
    session: Any,
    name: str,
    held: Sequence[rules.RuleSet],
    description: str | None,
    category: str | None,
    *,
    validate: bool,
    since: float | None = None,
) -> Policy:
    """Make a policy; of no rule sets one without requirements.

    :param since: when, by the monotonic clock, there was no policy of that name
    """
    connection, asked = _calls.Connection(session), category
    if category == policies.REQUIREMENT and not connection.has('PbmFetchCapabilitySchema'):
        # Before 6.5 that goes without saying, and cannot be said.
        category = None
    if category is not None:
        what = _('A policy of the category %s') % category
        connection.require('PbmFetchCapabilitySchema', (6, 5), what)
    constraints = _constraints(session, held, name, validate=validate)
    spec = connection.create(
        'PbmCapabilityProfileCreateSpec',
        name=name,
        description=description,
        category=category,
        resourceType=connection.create('PbmProfileResourceType', resourceType=policies.STORAGE),
        constraints=constraints,
    )
    before = policies.listing_if_allowed(session, asked, since)
    try:
        made = connection.call(_calls.PROFILES, 'PbmCreate', createSpec=spec)
    except errors.PbmDuplicateNameException as exc:
        exc.name = exc.name or name
        raise
    except exceptions.VimOutcomeUnknownException as exc:
        own = None
        if before is not None:
            with lost.after(exc):
                own = lost.made_since(session, before, asked, name, description, held)
        if own is None:
            raise
        return own
    finally:
        policy_cache(session).forget(())
    return policies.find_policy(session, made, category=None)


def _constraints(
    session: Any, held: Sequence[rules.RuleSet], name: str | None, *, validate: bool
) -> Any:
    """What rule sets are in a request, once they are checked."""
    if not held:
        if problems := [] if name is None else validation.name_problems(name):
            raise errors.InvalidRuleException(problems)
        return rules.NOTHING
    check_rules(session, held, name=name, against_schema=validate)
    create = _calls.Connection(session).create
    return rules.to_wire(held, create, schema.types_of(session, held))


def update_policy(
    session: Any,
    policy: Any,
    *,
    name: str | None = None,
    description: str | None = None,
    rule_sets: rules.RuleSets | None = None,
    validate: bool = True,
) -> Policy:
    """Change a storage policy (``PbmUpdate``, PBM API 1.0); what is None stays as it is.

    What has the policy is not changed by this: it is ``outOfDate`` until it is reconfigured.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param policy: id, ``PbmProfileId`` or :class:`Policy`
    :param name: new name
    :param description: new description
    :param rule_sets: new rules, all of them
    :param validate: as in :func:`create_policy`
    :returns: the policy as it is now
    :raises InvalidRuleException: with every mistake, and nothing was sent
    :raises PolicyNotFoundException: there is no such policy
    :raises PbmDuplicateNameException: there is another policy of that name
    """
    held = None if rule_sets is None else _some(rule_sets)
    return _update(session, policy, name, description, held, validate=validate)


def _update(
    session: Any,
    policy: Any,
    name: str | None,
    description: str | None,
    held: Sequence[rules.RuleSet] | None,
    *,
    validate: bool,
) -> Policy:
    """Change a policy; no rule sets, which is not None, take all requirements from it."""
    id_ = _calls.policy_id(policy)
    connection = _calls.Connection(session)
    constraints = None
    if held is not None:
        constraints = _constraints(session, held, name, validate=validate)
    elif name is not None and validation.name_problems(name):
        raise errors.InvalidRuleException(validation.name_problems(name))
    spec = connection.create(
        'PbmCapabilityProfileUpdateSpec',
        name=name,
        description=description,
        constraints=constraints,
    )
    try:
        connection.call(
            _calls.PROFILES,
            'PbmUpdate',
            [id_],
            profileId=connection.profile_id(id_),
            updateSpec=spec,
        )
    except errors.PbmException as exc:
        # PbmUpdate declares no fault for a name that is taken: PBM calls it trouble with storage.
        if (
            name is None
            or type(exc) is not errors.PbmException
            or not _is_taken(session, name, id_)
        ):
            raise
        duplicate = errors.recast(exc, errors.PbmDuplicateNameException)
        duplicate.name = name
        raise duplicate from exc
    except exceptions.VimOutcomeUnknownException as exc:
        with lost.after(exc):
            now = policies.find_policy(session, id_, category=None, fresh=True)
        if not lost.is_as(now, name, description, held):
            raise
    finally:
        policy_cache(session).forget([id_])
    return policies.find_policy(session, id_, category=None)


def _is_taken(session: Any, name: str, id_: str) -> bool:
    """Whether another policy of the same category as one has a name."""
    policy_cache(session).clear()
    everything = policies.list_policies(session, category=None)
    categories = {one.category for one in everything if one.id == id_}
    return any(
        one.name == name and one.id != id_ and one.category in categories for one in everything
    )


def clone_policy(
    session: Any, policy: Any, new_name: str, *, description: str | None = None
) -> Policy:
    """Make a policy with the rules of another, or without any if that has none.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param policy: id, ``PbmProfileId`` or :class:`Policy` to copy
    :param new_name: name of the copy
    :param description: of the copy; that of the original without one
    :raises PolicyNotFoundException: there is no such policy
    :raises PbmDuplicateNameException: there is a policy of the new name
    """
    original = policies.find_policy(session, policy, category=None)
    text = original.description if description is None else description
    if not original.rule_sets and not rules.asks_nothing(_calls.get(original.raw, 'constraints')):
        _some(())
    return _create(session, new_name, original.rule_sets, text, original.category, validate=False)


#: None, or why not.
Outcome = exceptions.VMwareDriverException | None


def delete_policies(session: Any, doomed: Iterable[Any]) -> dict[str, Outcome]:
    """Delete policies, with one outcome for each (``PbmDelete``, PBM API 1.0).

    Which policies there are is read before, one call: what is gone then is deleted, also if the
    answer that said so was lost.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param doomed: ids, ``PbmProfileId`` or :class:`Policy` objects
    :returns: id to None, or to the exception that says why not (``PolicyInUseException``,
              ``PolicyNotFoundException`` …), in their order. More than 1000 go in several calls;
              if one of them other than the first is refused, or gets no answer, that exception is
              the outcome of its policies, and without an answer of the rest, too
    """
    ids = list(dict.fromkeys(_calls.policy_id(one) for one in doomed))
    if not ids:
        return {}
    before = policies.listing_if_allowed(session, None)
    outcomes: dict[str, Outcome] = {}
    try:
        for number, block in enumerate(_calls.blocks(ids)):
            try:
                outcomes |= dict.fromkeys(block) | _delete(session, block)
            except exceptions.VMwareDriverException as exc:
                if not number:
                    raise
                # What became of the blocks before must not be lost with this one.
                outcomes |= dict.fromkeys(block, exc)
                if not isinstance(exc, exceptions.VimException):
                    # There was no answer to this block, and there is none to be had to the next.
                    outcomes = {one: outcomes.get(one, exc) for one in ids}
                    break
    finally:
        policy_cache(session).forget(ids)
    for id_ in before.ids if before is not None else ():
        if isinstance(outcomes.get(id_), errors.PolicyNotFoundException):
            # The session repeats a call whose answer was lost, and the second finds nothing.
            outcomes[id_] = None
    return outcomes


def _delete(session: Any, ids: Sequence[str]) -> dict[str, Outcome]:
    connection = _calls.Connection(session)
    reply = connection.call(
        _calls.PROFILES,
        'PbmDelete',
        ids,
        profileId=[connection.profile_id(one) for one in ids],
    )
    outcomes: dict[str, Outcome] = {}
    for outcome in _calls.as_list(reply):
        id_ = str(outcome.profileId.uniqueId)
        outcomes[id_] = errors.from_method_fault(_calls.get(outcome, 'fault'), [id_])
    return outcomes


def delete_policy(session: Any, policy: Any) -> None:
    """Delete one policy.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param policy: id, ``PbmProfileId`` or :class:`Policy`
    :raises PolicyInUseException: a machine, a disk or a datastore has it
    :raises PolicyNotFoundException: there is no such policy
    """
    (outcome,) = delete_policies(session, [policy]).values()
    if outcome is not None:
        raise outcome


def ensure_policy(
    session: Any,
    name: str,
    rule_sets: rules.RuleSets,
    *,
    description: str | None = None,
    category: str = policies.REQUIREMENT,
    validate: bool = True,
) -> Ensured:
    """See that there is a policy of a name with these rules; made or changed only if need be.

    Names and order of rule sets and rules make no difference, and neither does a description
    that is not given. What is there is read anew, one call.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param name: of the policy
    :param rule_sets: rule sets, or the rules of a single one
    :param description: text
    :param category: where to look for the name, and to make it
    :param validate: as in :func:`create_policy`
    :raises InvalidRuleException: with every mistake, and nothing was sent
    """
    held = rules.as_rule_sets(rule_sets)
    return _ensure(session, name, held, description, category, validate=validate, some=True)


def _ensure(
    session: Any,
    name: str,
    held: Sequence[rules.RuleSet],
    description: str | None,
    category: str,
    *,
    validate: bool,
    some: bool = False,
) -> Ensured:
    """See that there is a policy; of no rule sets one without requirements.

    :param some: without rule sets none is made, and none changed
    """
    began = time.monotonic()
    try:
        # What is kept may have been changed or deleted by others.
        present = policies.find_policy(session, name, category=category, fresh=True)
    except errors.PolicyNotFoundException:
        if some:
            _some(held)
        make = functools.partial(
            _create, session, name, held, description, category, validate=validate
        )
        try:
            try:
                return Ensured(make(since=began), True)
            except exceptions.VimOutcomeUnknownException:
                # Not there so far. There is never more than one of a name, so a second request
                # does no harm: if the first is executed after all, it is refused.
                return Ensured(make(), True)
        except errors.PbmDuplicateNameException:
            # Somebody else was quicker, or has just renamed another.
            policy_cache(session).clear()
            present = policies.find_policy(session, name, category=category)
    same_rules = rules.canonical(present.rule_sets) == rules.canonical(held)
    same_text = description is None or (present.description or '') == description
    if same_rules and same_text:
        return Ensured(present, False)
    if some and not same_rules:
        _some(held)
    changed = _update(
        session,
        present,
        None,
        None if same_text else description,
        None if same_rules else held,
        validate=validate,
    )
    return Ensured(changed, True)


def policy_from_dict(session: Any, plain: Mapping[str, Any], *, validate: bool = True) -> Ensured:
    """Import a policy: see that there is one as :meth:`Policy.to_dict` exported it.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param plain: ``name``, ``rule_sets`` (an empty list for no requirements), and possibly
                  ``description`` and ``category``
    :param validate: as in :func:`create_policy`
    :raises InvalidRuleException: with every mistake, and nothing was sent
    """
    return _ensure(session, *from_plain(plain), validate=validate)


def from_plain(
    plain: Mapping[str, Any],
) -> tuple[str, tuple[rules.RuleSet, ...], str | None, str]:
    """Name, rule sets, description and category of an exported policy."""
    if not isinstance(plain, Mapping):
        raise errors.InvalidRuleException([_('%r is no policy') % (plain,)])
    known = ('name', 'description', 'category', 'rule_sets')
    problems = [f'{name!r} is unknown' for name in plain if name not in known]
    if not isinstance(plain.get('description'), str | None):
        problems.append(_('description is no text'))
    problems += validation.text_problems('description', plain.get('description'))
    problems += validation.name_problems(plain.get('name'))
    category = plain.get('category') or policies.REQUIREMENT
    if category not in (policies.REQUIREMENT, policies.DATA_SERVICE_POLICY):
        problems.append(f'a policy of the category {category!r} cannot be imported')
    try:
        held = rules.rule_sets_from_plain(plain.get('rule_sets'))
    except errors.InvalidRuleException as exc:
        problems += exc.problems
    if problems:
        raise errors.InvalidRuleException(problems)
    return plain['name'], held, plain.get('description'), category


def check_rules(
    session: Any, rule_sets: rules.RuleSets, *, name: str | None = None, against_schema: bool = True
) -> None:
    """Check rules without sending them: ids, types, allowed values, what is mandatory.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param rule_sets: rule sets, or the rules of a single one
    :param name: of the policy, to check too
    :param against_schema: ask the server what there is (one call, kept for a while)
    :raises InvalidRuleException: with every mistake
    """
    held = rules.as_rule_sets(rule_sets)
    rules.require(_calls.Connection(session), held)
    problems = [] if name is None else validation.name_problems(name)
    problems += validation.shape_problems(held)
    if against_schema:
        problems += validation.schema_problems(held, schema.capability_schema(session))
    if problems:
        raise errors.InvalidRuleException(problems)
