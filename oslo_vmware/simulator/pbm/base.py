"""What the managed objects of PBM have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.storage_pod import StoragePod
from oslo_vmware.simulator.pbm.policies import Policies
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.world.registry import World


class PbmObject:
    """A managed object of PBM. Its id means nothing to VIM, whose ids are another matter."""

    wire_type: ClassVar[str]
    moid: ClassVar[str]

    def __init__(self, world: World, policies: Policies) -> None:
        self.world = world
        self.policies = policies
        self.ref = Ref(self.wire_type, self.moid)


class SessionManager(PbmObject):
    """There is no login: the session is VIM's."""

    wire_type = 'PbmSessionManager'
    moid = 'SessionManager'


class CapabilityMetadataManager(PbmObject):
    """Has no operations; the ProfileManager tells of capabilities."""

    wire_type = 'PbmCapabilityMetadataManager'
    moid = 'CapabilityMetadataManager'


def ids(profile_ids: Iterable[str]) -> list[DataObject]:
    return [types.PbmProfileId(uniqueId=profile_id) for profile_id in profile_ids]


def places(world: World, hubs: list[DataObject] | None, *, pods: bool = True) -> list[Any]:
    """The datastores and datastore clusters that hubs name; all there are, if none is named.

    :raises Fault: PbmNonExistentHubs
    """
    kinds: dict[str, type] = {'Datastore': Datastore}
    if pods:
        kinds['StoragePod'] = StoragePod
    if not hubs:
        return [one for kind in kinds.values() for one in world.of_type(kind)]
    found = {hub.hubId: world.objects.get(hub.hubId) for hub in hubs}
    missing = [
        hub
        for hub in hubs
        if hub.hubType not in kinds or not isinstance(found[hub.hubId], kinds[hub.hubType])
    ]
    if missing:
        names = ', '.join(f'{hub.hubType}:{hub.hubId}' for hub in missing)
        raise Fault('PbmNonExistentHubs', f'There is no {names}.', hubs=missing)
    return [found[hub.hubId] for hub in hubs]
