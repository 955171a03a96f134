"""The managed objects of PBM, each with the operations that finding, placing and assigning need.

What else they have on a vCenter (capability metadata, compliance, replication) is answered with
NotImplemented.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from oslo_vmware.simulator.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.folder import StoragePod
from oslo_vmware.simulator.pbm import rules
from oslo_vmware.simulator.pbm.policies import STORAGE, Policies, check_storage, hub_of
from oslo_vmware.simulator.registry import Call, World, anonymous

_CATEGORIES = ('REQUIREMENT', 'RESOURCE', 'DATA_SERVICE_POLICY')

#: Managers that are there without operations, by their place in the service content.
OTHERS = {
    'sessionManager': Ref('PbmSessionManager', 'SessionManager'),
    'capabilityMetadataManager': Ref('PbmCapabilityMetadataManager', 'CapabilityMetadataManager'),
    'complianceManager': Ref('PbmComplianceManager', 'complianceManager'),
    'replicationManager': Ref('PbmReplicationManager', 'ReplicationManager'),
}


class PbmObject:
    """A managed object of PBM. Its id means nothing to VIM, whose ids are another matter."""

    wire_type: ClassVar[str]
    moid: ClassVar[str]

    def __init__(self, world: World, policies: Policies) -> None:
        self.world = world
        self.policies = policies
        self.ref = Ref(self.wire_type, self.moid)


class ServiceInstance(PbmObject):
    """The one object whose id every client knows.

    :ivar version: the newest version of PBM that the server speaks
    """

    wire_type = 'PbmServiceInstance'
    moid = 'ServiceInstance'
    version: str

    @anonymous
    def PbmRetrieveServiceContent(self, call: Call) -> DataObject:
        return types.PbmServiceInstanceContent(
            aboutInfo=types.PbmAboutInfo(
                name='PBM', version=self.version, instanceUuid=self.world.about.instanceUuid
            ),
            profileManager=Ref(ProfileManager.wire_type, ProfileManager.moid),
            placementSolver=Ref(PlacementSolver.wire_type, PlacementSolver.moid),
            **OTHERS,
        )


class ProfileManager(PbmObject):
    """Keeps the policies, and knows who has which."""

    wire_type = 'PbmProfileProfileManager'
    moid = 'ProfileManager'

    def PbmFetchResourceType(self, call: Call) -> list[DataObject]:
        return [types.PbmProfileResourceType(resourceType=STORAGE)]

    def PbmQueryProfile(self, call: Call) -> list[DataObject]:
        check_storage(call.resourceType, 'resourceType')
        if call.profileCategory not in (None, *_CATEGORIES):
            raise Fault(
                'InvalidArgument',
                'A specified parameter was not correct: profileCategory',
                invalidProperty='profileCategory',
            )
        return [profile.profileId for profile in self.policies.all(call.profileCategory)]

    def PbmRetrieveContent(self, call: Call) -> list[DataObject]:
        return [
            self.policies.shown(self.policies.get(profile_id, 'profileIds'), call.soap_action)
            for profile_id in call.profileIds
        ]

    def PbmCreate(self, call: Call) -> DataObject:
        profile_id: DataObject = self.policies.create_from(call.createSpec).profileId
        return profile_id

    def PbmUpdate(self, call: Call) -> None:
        self.policies.update(call.profileId, call.updateSpec)

    def PbmDelete(self, call: Call) -> list[DataObject]:
        outcomes = []
        for profile_id in call.profileId:
            outcome = types.PbmProfileOperationOutcome(profileId=profile_id)
            try:
                self.policies.delete(profile_id)
            except Fault as fault:
                outcome.fault = fault.localized()
            outcomes.append(outcome)
        return outcomes

    # Who has which

    def PbmQueryAssociatedProfile(self, call: Call) -> list[DataObject]:
        return _ids(self.policies.of_entity(call.entity))

    def PbmQueryAssociatedProfiles(self, call: Call) -> list[DataObject]:
        results = []
        for entity in call.entities:
            result = types.PbmQueryProfileResult(object=entity)
            try:
                result.profileId = _ids(self.policies.of_entity(entity))
            except Fault as fault:
                result.fault = fault.localized()
            results.append(result)
        return results

    def PbmQueryAssociatedEntity(self, call: Call) -> list[DataObject]:
        self.policies.get(call.profile, 'profile')
        return [
            entity
            for entity, _policy in self.policies.users(call.profile.uniqueId)
            if call.entityType in (None, entity.objectType)
        ]

    def PbmQueryAssociatedEntities(self, call: Call) -> list[DataObject]:
        wanted = [
            self.policies.get(profile_id, 'profiles').profileId.uniqueId
            for profile_id in call.profiles or ()
        ]
        return [
            types.PbmQueryProfileResult(object=entity, profileId=_ids([policy]))
            for entity, policy in self.policies.users()
            if policy in wanted or not wanted
        ]

    # Defaults of datastores

    def PbmQueryDefaultRequirementProfile(self, call: Call) -> DataObject | None:
        (datastore,) = _places(self.world, [call.hub], pods=False)
        default = self.policies.default_of(datastore)
        return types.PbmProfileId(uniqueId=default) if default else None

    def PbmQueryDefaultRequirementProfiles(self, call: Call) -> list[DataObject]:
        infos = []
        for datastore in _places(self.world, call.datastores, pods=False):
            info = types.PbmDefaultProfileInfo(datastores=[hub_of(datastore)])
            default = self.policies.default_of(datastore)
            if default:
                profile = self.policies.get(types.PbmProfileId(uniqueId=default))
                info.defaultProfile = self.policies.shown(profile, call.soap_action)
            infos.append(info)
        return infos

    def PbmAssignDefaultRequirementProfile(self, call: Call) -> None:
        datastores = _places(self.world, call.datastores, pods=False)
        self.policies.set_default(call.profile, datastores)


class PlacementSolver(PbmObject):
    """Tells which datastores satisfy a policy."""

    wire_type = 'PbmPlacementSolver'
    moid = 'placementSolver'

    def PbmQueryMatchingHub(self, call: Call) -> list[DataObject]:
        wanted = self.policies.get(call.profile, 'profile').constraints
        return self._matching(call.hubsToSearch, wanted)

    def PbmQueryMatchingHubWithSpec(self, call: Call) -> list[DataObject]:
        return self._matching(call.hubsToSearch, self._unsaved(call.createSpec, 'createSpec'))

    def PbmCheckCompatibility(self, call: Call) -> list[DataObject]:
        wanted = self.policies.get(call.profile, 'profile').constraints
        return self._results(call, [wanted])

    def PbmCheckCompatibilityWithSpec(self, call: Call) -> list[DataObject]:
        wanted = self._unsaved(call.profileSpec, 'profileSpec')
        return self._results(call, [wanted])

    def PbmCheckRequirements(self, call: Call) -> list[DataObject]:
        if call.placementSubjectRef is not None:
            self.policies.of_entity(call.placementSubjectRef)
        wanted = [
            self._requirement(requirement) for requirement in call.placementSubjectRequirement or ()
        ]
        return self._results(call, wanted)

    def _requirement(self, requirement: DataObject) -> DataObject:
        parameter = 'placementSubjectRequirement'
        if requirement.wire_type == 'PbmPlacementCapabilityProfileRequirement':
            saved: DataObject = self.policies.get(requirement.profileId, parameter).constraints
            return saved
        if requirement.wire_type == 'PbmPlacementCapabilityConstraintsRequirement':
            return self._unsaved(requirement, parameter)
        raise Fault('NotSupported', f'{requirement.wire_type} is not supported.')

    def _unsaved(self, spec: DataObject, parameter: str) -> DataObject:
        self.policies.check(spec.constraints, f'{parameter}.constraints')
        wanted: DataObject = spec.constraints
        return wanted

    def _matching(self, hubs: list[DataObject] | None, wanted: DataObject) -> list[DataObject]:
        return [
            hub_of(place) for place in _places(self.world, hubs) if not self._errors(place, wanted)
        ]

    def _results(self, call: Call, wanted: list[DataObject]) -> list[DataObject]:
        results = []
        for place in _places(self.world, call.hubsToSearch):
            errors = [error for one in wanted for error in self._errors(place, one)]
            result = types.PbmPlacementCompatibilityResult(hub=hub_of(place), error=errors)
            if self.policies.sends_newest(call.soap_action):
                result.hubInfo = types.PbmPlacementHubInfo(zoneClusters=[])
            results.append(result)
        return results

    def _errors(self, place: Any, wanted: DataObject) -> list[DataObject]:
        """Why a place does not satisfy a policy; a cluster does if one of its datastores does."""
        members = place.children if isinstance(place, StoragePod) else [place]
        hub = hub_of(place)
        found = [rules.mismatches(wanted, self.policies.offer(one), hub) for one in members]
        return min(found, key=len, default=[])


def _ids(profile_ids: Iterable[str]) -> list[DataObject]:
    return [types.PbmProfileId(uniqueId=profile_id) for profile_id in profile_ids]


def _places(world: World, hubs: list[DataObject] | None, *, pods: bool = True) -> list[Any]:
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
