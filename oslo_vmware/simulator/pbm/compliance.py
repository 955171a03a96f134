"""The managed object that tells whether machines and disks get what their policies ask for.

A check holds a policy against the datastore that a machine's home or a disk lies on, and its
finding is kept. What is fetched is the finding that is kept; a server checks by itself when a
policy is applied, so that there always is one. A policy that was changed since it was applied is
out of date, whatever the datastore offers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from oslo_vmware.simulator.pbm import rules
from oslo_vmware.simulator.pbm.associations import DATASTORE, MACHINE, Part
from oslo_vmware.simulator.pbm.base import PbmObject
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call

_COMPLIANT = 'compliant'
_NOT_COMPLIANT = 'nonCompliant'
_UNKNOWN = 'unknown'
_OUT_OF_DATE = 'outOfDate'
_NOT_APPLICABLE = 'notApplicable'
# The status of a machine is the first of these that its home or a disk has.
_WORST_FIRST = (_NOT_COMPLIANT, _UNKNOWN, _OUT_OF_DATE, _COMPLIANT, _NOT_APPLICABLE)

# The API leaves open what happens beyond that; here it is refused, so that a test notices.
_MOST_ENTITIES = 1000

_Find = Callable[[Part, str], DataObject]


class ComplianceManager(PbmObject):
    """Checks, and keeps what it found."""

    wire_type = 'PbmComplianceManager'
    moid = 'complianceManager'

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # With each finding what it was about: the policy, and how it was applied.
        self._kept: dict[Part, tuple[tuple[str, Any], DataObject]] = {}

    def PbmCheckCompliance(self, call: Call) -> list[DataObject]:
        return self._of_entities(call.entities, self._check)

    def PbmFetchComplianceResult(self, call: Call) -> list[DataObject]:
        return self._of_entities(call.entities, self._fetch)

    def PbmCheckRollupCompliance(self, call: Call) -> list[DataObject]:
        return self._of_machines(call.entity, self._check)

    def PbmFetchRollupComplianceResult(self, call: Call) -> list[DataObject]:
        return self._of_machines(call.entity, self._fetch)

    def PbmQueryByRollupComplianceStatus(self, call: Call) -> list[DataObject]:
        if call.status not in _WORST_FIRST:
            raise invalid_argument('status')
        moids = dict.fromkeys(
            part.machine
            for part, _policy in self.policies.associations.all()
            if part.machine in self.world.objects
        )
        found = [self._rollup(self._reference(moid), moid, self._fetch) for moid in moids]
        return [one.entity for one in found if one.overallComplianceStatus == call.status]

    # Whom it is about

    def _of_entities(self, entities: list[DataObject], find: _Find) -> list[DataObject]:
        """A result for each home and disk that has a policy."""
        return [
            find(part, policy)
            for _entity, parts in self._named(entities)
            for part, policy in self.policies.associations.policies(parts).items()
        ]

    def _of_machines(self, entities: list[DataObject], find: _Find) -> list[DataObject]:
        """A result for each machine that has a policy, or one of whose disks has."""
        return [
            self._rollup(entity, parts[0].machine, find)
            for entity, parts in self._named(entities)
            if self.policies.associations.of_machine(parts[0].machine)
        ]

    def _named(self, entities: list[DataObject]) -> list[tuple[DataObject, list[Part]]]:
        """What entities name; datastores and what does not exist drop out.

        :raises Fault: InvalidArgument if nothing is left
        """
        found = []
        for entity in entities:
            try:
                parts = self.policies.associations.named(entity)[1]
            except Fault:
                continue
            if entity.objectType != DATASTORE:
                found.append((entity, parts))
        if not found or len(entities) > _MOST_ENTITIES:
            raise invalid_argument('entities')
        return found

    def _reference(self, moid: str) -> DataObject:
        return types.PbmServerObjectRef(
            objectType=MACHINE, key=moid, serverUuid=self.world.about.instanceUuid
        )

    # What is found

    def _subject(self, part: Part, policy: str) -> tuple[str, Any]:
        machine = self.policies.associations.machine(part)
        return policy, machine.applied_policies.get(part.key)

    def _fetch(self, part: Part, policy: str) -> DataObject:
        subject, kept = self._kept.get(part, (None, None))
        if kept is None or subject != self._subject(part, policy):
            return self._check(part, policy)
        if self._outdated(part, policy) and kept.complianceStatus != _OUT_OF_DATE:
            return self._check(part, policy)
        return kept

    def _check(self, part: Part, policy: str) -> DataObject:
        result = types.PbmComplianceResult(
            checkTime=self.world.now(),
            entity=self.policies.associations.entity(part),
            profile=types.PbmProfileId(uniqueId=policy),
            complianceTaskStatus='success',
            complianceStatus=_COMPLIANT,
            mismatch=False,
        )
        place = self.policies.associations.place(part)
        wanted = self.policies.get(result.profile).constraints
        found = rules.mismatches(wanted, self.policies.offer(place))
        if not place.reachable:
            result.complianceStatus, result.complianceTaskStatus = _UNKNOWN, 'failed'
            fault = Fault('PbmFault', f"The datastore '{place.name}' is not accessible.")
            result.errorCause = [fault.localized()]
        elif self._outdated(part, policy):
            result.complianceStatus = _OUT_OF_DATE
        elif found:
            result.complianceStatus = _NOT_COMPLIANT
            result.violatedPolicies = [mismatch.violation() for mismatch in found]
        self._kept[part] = (self._subject(part, policy), result)
        return result

    def _outdated(self, part: Part, policy: str) -> bool:
        _policy, applied = self._subject(part, policy)
        return applied is not None and applied.generation != self.policies.generation(policy)

    def _rollup(self, entity: DataObject, moid: str, find: _Find) -> DataObject:
        held = self.policies.associations.of_machine(moid)
        results = [find(part, policy) for part, policy in held.items()]
        statuses = {result.complianceStatus for result in results}
        failed = any(result.complianceTaskStatus == 'failed' for result in results)
        return types.PbmRollupComplianceResult(
            oldestCheckTime=min(result.checkTime for result in results),
            entity=entity,
            overallComplianceStatus=next(one for one in _WORST_FIRST if one in statuses),
            overallComplianceTaskStatus='failed' if failed else 'success',
            result=results,
            errorCause=[cause for result in results for cause in result.errorCause or ()],
            profileMismatch=any(result.mismatch for result in results),
        )
