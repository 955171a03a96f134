"""Whether machines and disks have what their policies ask for.

A server keeps what came of the last check; it can be read, or checked anew, which is slower. The
calls take at most 1000 entities (PBM API 1.0), so lists are cut and joined.
"""

import dataclasses
import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from oslo_vmware import exceptions, vim_util
from oslo_vmware._i18n import _
from oslo_vmware.spbm import _calls, entities, errors, inventory, rules
from oslo_vmware.spbm.entities import EntityKey

COMPLIANT = 'compliant'
NON_COMPLIANT = 'nonCompliant'
UNKNOWN = 'unknown'
NOT_APPLICABLE = 'notApplicable'
OUT_OF_DATE = 'outOfDate'

STATUSES = (COMPLIANT, NON_COMPLIANT, UNKNOWN, NOT_APPLICABLE, OUT_OF_DATE)


@dataclasses.dataclass(frozen=True)
class Violation:
    """A rule that is not satisfied (``PbmCompliancePolicyStatus``, PBM API 1.0).

    :ivar wanted: tuple of :class:`~oslo_vmware.spbm.rules.Rule`: what the policy asks for
    :ivar offered: the same: what there is; empty if there is nothing
    :ivar raw: the server's object
    """

    wanted: tuple[rules.Rule, ...]
    offered: tuple[rules.Rule, ...]
    raw: Any = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True)
class Compliance:
    """What came of one machine's home or one disk (``PbmComplianceResult``, PBM API 1.0).

    :ivar entity: :class:`~oslo_vmware.spbm.entities.EntityKey`
    :ivar policy: id of its policy, or None
    :ivar status: one of :data:`STATUSES`; ``notApplicable`` also for what has no policy
    :ivar task_status: ``inProgress``, ``success`` or ``failed``: how the check went; or None
    :ivar checked: when, or None
    :ivar violations: tuple of :class:`Violation`
    :ivar errors: tuple of exceptions: why the status is not known
    :ivar raw: the server's object, or None for what has no policy
    """

    entity: EntityKey
    policy: str | None
    status: str
    task_status: str | None = None
    checked: datetime.datetime | None = None
    violations: tuple[Violation, ...] = ()
    errors: tuple[exceptions.VimException, ...] = dataclasses.field(default=(), compare=False)
    raw: Any = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True)
class VmCompliance:
    """A machine with all its disks (``PbmRollupComplianceResult``, PBM API 1.0).

    :ivar vm: id of the machine
    :ivar status: one of :data:`STATUSES`: the worst of its parts
    :ivar task_status: as in :class:`Compliance`
    :ivar checked: when the part was checked that was checked longest ago, or None
    :ivar parts: tuple of :class:`Compliance`; of those with a policy
    :ivar errors: tuple of exceptions
    :ivar raw: the server's object, or None for a machine without any policy
    """

    vm: str
    status: str
    task_status: str | None = None
    checked: datetime.datetime | None = None
    parts: tuple[Compliance, ...] = ()
    errors: tuple[exceptions.VimException, ...] = dataclasses.field(default=(), compare=False)
    raw: Any = dataclasses.field(default=None, compare=False, repr=False)


def compliance(
    session: Any,
    wanted: Iterable[EntityKey],
    *,
    recheck: bool = False,
    block: int = _calls.BLOCK,
) -> list[Compliance]:
    """Whether entities have what their policies ask for.

    Uses ``PbmFetchComplianceResult``, or ``PbmCheckCompliance`` (PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param wanted: machines, disks, or machines with their disks
    :param recheck: check now, instead of telling what came of the last check
    :param block: most entities in one call; the server takes 1000
    :returns: one for each entity, in order; for a machine with its disks one for each part that
              has a policy. What has no policy, or does not exist, is ``notApplicable`` with the
              policy None
    :raises ValueError: a datastore is among them: the server would ignore it
    """
    asked = list(wanted)
    stores = [one.key for one in asked if one.kind == entities.DATASTORE]
    if stores:
        raise ValueError(
            _('datastores have no compliance; ask for machines or disks, not %s')
            % ', '.join(stores)
        )
    entities.require_kinds(session, [one.kind for one in asked])
    operation = 'PbmCheckCompliance' if recheck else 'PbmFetchComplianceResult'
    found = _results(session, operation, 'entities', asked, block)
    # By what was asked, then by part: a home that is asked for by itself and with its machine is
    # answered twice.
    by_key: dict[EntityKey, dict[EntityKey, Compliance]] = {}
    for result in map(_compliance, found):
        for key in (result.entity, entities.machine_of(result.entity)):
            by_key.setdefault(key, {})[result.entity] = result
    answers: list[Compliance] = []
    for one in asked:
        answers += by_key.get(one, {}).values() or [Compliance(one, None, NOT_APPLICABLE)]
    return answers


def vm_compliance(
    session: Any, vms: Iterable[Any], *, recheck: bool = False, block: int = _calls.BLOCK
) -> list[VmCompliance]:
    """Whether machines with all their disks have what their policies ask for.

    Uses ``PbmFetchRollupComplianceResult``, or ``PbmCheckRollupCompliance`` (PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param vms: references, ``'VirtualMachine:<id>'`` or ids
    :param recheck: check now, instead of telling what came of the last check
    :param block: most machines in one call; the server takes 1000
    :returns: one for each machine, in order; ``notApplicable`` without any policy
    """
    asked = [entities.entity(vm) for vm in vms]
    operation = 'PbmCheckRollupCompliance' if recheck else 'PbmFetchRollupComplianceResult'
    found = {
        str(raw.entity.key).partition(':')[0]: _rollup(raw)
        for raw in _results(session, operation, 'entity', asked, block)
    }
    return [found.get(one.key) or VmCompliance(one.key, NOT_APPLICABLE) for one in asked]


def vms_by_compliance(session: Any, status: str) -> list[Any]:
    """The machines of a status (``PbmQueryByRollupComplianceStatus``, vSphere 6.5).

    One call; but ``notApplicable`` is what :func:`vm_compliance` calls so, which takes the machines
    of the inventory, a page for each 1000, and asks for as many at a time.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param status: one of :data:`STATUSES`
    :returns: references of machines
    :raises ValueError: there is no such status
    :raises PbmNotSupportedException: the server's PBM is older than 6.5
    """
    if status not in STATUSES:
        raise ValueError(
            _('%(status)r is no status; there are %(all)s')
            % {'status': status, 'all': ', '.join(STATUSES)}
        )
    connection = _calls.Connection(session)
    operation = 'PbmQueryByRollupComplianceStatus'
    connection.require(operation, (6, 5))
    if status == NOT_APPLICABLE:
        # The server names only machines that have a policy.
        found = vm_compliance(session, inventory.machines(session))
        return [
            vim_util.get_moref(one.vm, 'VirtualMachine')
            for one in found
            if one.status == NOT_APPLICABLE
        ]
    reply = connection.call(_calls.COMPLIANCE, operation, status=status)
    return [
        vim_util.get_moref(str(raw.key).partition(':')[0], 'VirtualMachine')
        for raw in _calls.as_list(reply)
    ]


def _results(
    session: Any, operation: str, argument: str, asked: Sequence[EntityKey], block: int
) -> Iterator[Any]:
    connection = _calls.Connection(session)
    for part in _calls.blocks(list(dict.fromkeys(asked)), min(block, _calls.BLOCK)):
        references = [one.to_wire(connection) for one in part]
        try:
            reply = connection.call(_calls.COMPLIANCE, operation, **{argument: references})
        except exceptions.VimFaultException as fault:
            # Entities that do not exist are dropped, but a list of nothing else is refused.
            if [exceptions.local_name(name) for name in fault.fault_list] != ['InvalidArgument']:
                raise
            continue
        yield from _calls.as_list(reply)


def _compliance(raw: Any) -> Compliance:
    profile = _calls.get(raw, 'profile')
    return Compliance(
        EntityKey.from_wire(raw.entity),
        None if profile is None else str(profile.uniqueId),
        str(raw.complianceStatus),
        _calls.text(raw, 'complianceTaskStatus'),
        _calls.get(raw, 'checkTime'),
        tuple(
            Violation(
                rules.rules_of(one.expectedValue),
                () if not hasattr(one, 'currentValue') else rules.rules_of(one.currentValue),
                one,
            )
            for one in _calls.many(raw, 'violatedPolicies')
        ),
        _faults(raw),
        raw,
    )


def _rollup(raw: Any) -> VmCompliance:
    return VmCompliance(
        str(raw.entity.key).partition(':')[0],
        str(raw.overallComplianceStatus),
        _calls.text(raw, 'overallComplianceTaskStatus'),
        _calls.get(raw, 'oldestCheckTime'),
        tuple(_compliance(one) for one in _calls.many(raw, 'result')),
        _faults(raw),
        raw,
    )


def _faults(raw: Any) -> tuple[exceptions.VimException, ...]:
    found = (errors.from_method_fault(one) for one in _calls.many(raw, 'errorCause'))
    return tuple(one for one in found if one is not None)
