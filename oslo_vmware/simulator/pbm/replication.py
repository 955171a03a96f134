"""The managed object that knows which machines and disks are in which replication group."""

from __future__ import annotations

from oslo_vmware.simulator.objects.vm.machine import Applied
from oslo_vmware.simulator.pbm.associations import Part
from oslo_vmware.simulator.pbm.base import PbmObject
from oslo_vmware.simulator.world.data import DataObject, Fault, types
from oslo_vmware.simulator.world.registry import Call


class ReplicationManager(PbmObject):
    """A group is given with a policy, when that is applied."""

    wire_type = 'PbmReplicationManager'
    moid = 'ReplicationManager'

    def PbmQueryReplicationGroups(self, call: Call) -> list[DataObject]:
        associations = self.policies.associations
        if not call.entities:
            return [
                types.PbmQueryReplicationGroupResult(
                    object=associations.entity(part), replicationGroupId=group
                )
                for part, _policy in associations.all()
                if (group := self._group(part)) is not None
            ]
        results = []
        for entity in call.entities:
            result = types.PbmQueryReplicationGroupResult(object=entity)
            try:
                _found, parts = associations.named(entity)
                groups = [group for part in parts if (group := self._group(part)) is not None]
                if not groups:
                    raise Fault('PbmFaultNotFound', f'{entity.key} is in no replication group.')
                result.replicationGroupId = groups[0]
            except Fault as fault:
                result.fault = fault.localized()
            results.append(result)
        return results

    def _group(self, part: Part) -> DataObject | None:
        applied: Applied | None = self.policies.associations.machine(part).applied_policies.get(
            part.key
        )
        return None if applied is None else applied.replication_group
