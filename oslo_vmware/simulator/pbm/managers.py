"""The managed objects of PBM: the one that every client knows, and those that it names."""

from __future__ import annotations

from oslo_vmware.simulator.pbm.base import CapabilityMetadataManager, PbmObject, SessionManager
from oslo_vmware.simulator.pbm.compliance import ComplianceManager
from oslo_vmware.simulator.pbm.placement import PlacementSolver
from oslo_vmware.simulator.pbm.policies import Policies
from oslo_vmware.simulator.pbm.profile_manager import ProfileManager
from oslo_vmware.simulator.pbm.replication import ReplicationManager
from oslo_vmware.simulator.world.data import DataObject, types
from oslo_vmware.simulator.world.registry import Call, World, anonymous

#: By their place in the service content.
_MANAGERS: dict[str, type[PbmObject]] = {
    'sessionManager': SessionManager,
    'capabilityMetadataManager': CapabilityMetadataManager,
    'profileManager': ProfileManager,
    'complianceManager': ComplianceManager,
    'placementSolver': PlacementSolver,
    'replicationManager': ReplicationManager,
}


class ServiceInstance(PbmObject):
    """The one object whose id every client knows.

    :ivar version: the newest version of PBM that the server speaks
    :ivar managers: the others, by their place in the service content
    """

    wire_type = 'PbmServiceInstance'
    moid = 'ServiceInstance'
    version: str
    managers: dict[str, PbmObject]

    @anonymous
    def PbmRetrieveServiceContent(self, call: Call) -> DataObject:
        return types.PbmServiceInstanceContent(
            aboutInfo=types.PbmAboutInfo(
                name='PBM', version=self.version, instanceUuid=self.world.about.instanceUuid
            ),
            **{place: manager.ref for place, manager in self.managers.items()},
        )


#: All classes.
CLASSES: tuple[type[PbmObject], ...] = (ServiceInstance, *_MANAGERS.values())


def managed_objects(world: World, policies: Policies, version: str) -> list[PbmObject]:
    """All of them.

    :param version: the newest version of PBM that the server speaks
    """
    instance = ServiceInstance(world, policies)
    instance.version = version
    instance.managers = {place: cls(world, policies) for place, cls in _MANAGERS.items()}
    return [instance, *instance.managers.values()]
