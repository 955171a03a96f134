"""The rows of the matrix that pyVmomi's objects perform by a session."""

from typing import Any

from pyVmomi import pbm

from oslo_vmware import pyvmomi
from tests.faults.operation import Kind, Operation
from tests.faults.stand import ref


class BridgedRead(Operation):
    title = 'pyVmomi: read a property'
    exchange = 'Fetch'
    first = True
    kind = Kind.READ

    def act(self) -> Any:
        return pyvmomi.managed_object(self.session, ref(self.stand.machine)).name

    def right(self, value: Any) -> bool:
        return bool(value == self.stand.machine.name)


class BridgedSnapshot(Operation):
    title = 'pyVmomi: CreateSnapshot_Task'
    exchange = 'CreateSnapshot_Task'
    first = True
    kind = Kind.CHANGE

    def act(self) -> Any:
        machine = pyvmomi.managed_object(self.session, ref(self.stand.machine))
        return machine.CreateSnapshot_Task(self.name, None, memory=False, quiesce=False)

    def right(self, value: Any) -> bool:
        return self.is_task(pyvmomi.reference(value))

    def executed(self) -> int:
        return sum(one.name == self.name for one in self.stand.machine.snapshots)


class BridgedPolicies(Operation):
    title = 'pyVmomi: read the storage policies'
    exchange = 'PbmQueryProfile'
    before = 'PbmRetrieveServiceContent'
    kind = Kind.READ

    def act(self) -> Any:
        content = pyvmomi.pbm_service_instance(self.session).RetrieveContent()
        return content.profileManager.QueryProfile(
            resourceType=pbm.profile.ResourceType(resourceType='STORAGE'),
            profileCategory='REQUIREMENT',
        )

    def right(self, value: Any) -> bool:
        there = {one.profileId.uniqueId for one in self.stand.vc.policies.all('REQUIREMENT')}
        return {one.uniqueId for one in value} == there
