"""Whether a change was made whose answer was lost: what can be read afterwards tells.

PBM has no request ids, and its changes have no tasks. But it has one policy of a name in each
category, whose content can be read. So a policy is taken for the one that was to be made if there
was none of its id before, and it has the name, the text and the rules: it was made meanwhile, and
as asked. Whether by us, or by somebody who made the very same at the same moment, nobody can tell,
and nothing hangs on it. A policy is taken for changed if it is as it should be.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware.spbm import policies, rules
from oslo_vmware.spbm.cache import Listing, policy_cache


@contextlib.contextmanager
def after(lost: exceptions.VimOutcomeUnknownException) -> Iterator[None]:
    """Read what became of a change; that nobody knows is still what matters if that fails."""
    try:
        yield
    except exceptions.VMwareDriverException as exc:
        raise lost from exc


def is_as(
    policy: policies.Policy,
    name: str | None,
    description: str | None,
    held: Sequence[rules.RuleSet] | None,
) -> bool:
    """Whether a policy has a name, a text and rules, as far as they are not None."""
    return (
        name in (None, policy.name)
        and description in (None, policy.description or '')
        and (held is None or rules.canonical(policy.rule_sets) == rules.canonical(held))
    )


def made_since(
    session: Any,
    before: Listing,
    category: str | None,
    name: str,
    description: str | None,
    held: Sequence[rules.RuleSet],
) -> policies.Policy | None:
    """The policy of a name and content that was not there before, or None.

    :param before: the policies of the category that were
    """
    policy_cache(session).forget(())
    now = policies.listing(session, category)
    new = policies.policies_by_id(session, [id_ for id_ in now.ids if id_ not in before.ids])
    return next((one for one in new.values() if is_as(one, name, description or '', held)), None)
