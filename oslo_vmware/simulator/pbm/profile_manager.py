"""The managed object that keeps policies, knows who has which, and tells of capabilities."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.pbm import capabilities
from oslo_vmware.simulator.pbm.associations import KINDS
from oslo_vmware.simulator.pbm.base import PbmObject, ids, places
from oslo_vmware.simulator.pbm.policies import STORAGE, check_modern, check_storage, hub_of
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call

# The category of the policies that arrays have, of which there are none here.
_RESOURCE = 'RESOURCE'
_LINES_OF_SERVICE = (
    'INSPECTION', 'COMPRESSION', 'ENCRYPTION', 'REPLICATION', 'CACHING', 'PERSISTENCE',
    'DATA_PROVIDER', 'DATASTORE_IO_CONTROL', 'DATA_PROTECTION', 'STRETCHED_CLUSTER',
)  # fmt: skip
_MIB = 1024**2


class ProfileManager(PbmObject):
    """Keeps the policies."""

    wire_type = 'PbmProfileProfileManager'
    moid = 'ProfileManager'

    def PbmQueryProfile(self, call: Call) -> list[DataObject]:
        check_storage(call.resourceType, 'resourceType')
        if call.profileCategory not in (None, _RESOURCE, *self.policies.categories()):
            raise invalid_argument('profileCategory')
        return [profile.profileId for profile in self.policies.all(call.profileCategory)]

    def PbmRetrieveContent(self, call: Call) -> list[DataObject]:
        return [self.policies.get(profile_id, 'profileIds') for profile_id in call.profileIds]

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

    # What policies can be about

    def PbmFetchResourceType(self, call: Call) -> list[DataObject]:
        return [types.PbmProfileResourceType(resourceType=STORAGE)]

    def PbmFetchVendorInfo(self, call: Call) -> list[DataObject]:
        if call.resourceType is not None:
            check_storage(call.resourceType, 'resourceType')
        infos = [
            types.PbmCapabilityVendorNamespaceInfo(
                vendorInfo=one.vendor_info, namespaceInfo=one.namespace_info
            )
            for one in capabilities.of_release(self.policies.release)
        ]
        return [
            types.PbmCapabilityVendorResourceTypeInfo(
                resourceType=STORAGE, vendorNamespaceInfo=infos
            )
        ]

    def PbmFetchCapabilityMetadata(self, call: Call) -> list[DataObject]:
        if call.resourceType is not None:
            check_storage(call.resourceType, 'resourceType')
        tags = self.policies.tags()
        return [one.category(tags) for one in self._of_vendor(call.vendorUuid)]

    def PbmFetchCapabilitySchema(self, call: Call) -> list[DataObject]:
        wanted = call.lineOfService or ()
        if not set(wanted) <= set(_LINES_OF_SERVICE):
            raise invalid_argument('lineOfService')
        tags = self.policies.tags()
        found = [one.schema(tags) for one in self._of_vendor(call.vendorUuid)]
        return [one for one in found if not wanted or one.lineOfService.lineOfService in wanted]

    def _of_vendor(self, vendor: str | None) -> list[capabilities.Namespace]:
        announced = capabilities.of_release(self.policies.release)
        return [one for one in announced if vendor in (None, one.vendor)]

    # Who has which

    def PbmQueryAssociatedProfile(self, call: Call) -> list[DataObject]:
        return ids(self.policies.of_entity(call.entity))

    def PbmQueryAssociatedProfiles(self, call: Call) -> list[DataObject]:
        results = []
        for entity in call.entities:
            result = types.PbmQueryProfileResult(object=entity)
            try:
                result.profileId = ids(self.policies.of_entity(entity))
            except Fault as fault:
                result.fault = fault.localized()
            results.append(result)
        return results

    def PbmQueryAssociatedEntity(self, call: Call) -> list[DataObject]:
        self.policies.get(call.profile, 'profile')
        if call.entityType not in (None, *KINDS):
            raise invalid_argument('entityType')
        associations = self.policies.associations
        found = map(associations.entity, associations.users(call.profile.uniqueId))
        return [entity for entity in found if call.entityType in (None, entity.objectType)]

    def PbmQueryAssociatedEntities(self, call: Call) -> list[DataObject]:
        associations = self.policies.associations
        found: list[tuple[Any, str]] = list(associations.all()) if not call.profiles else []
        for profile_id in call.profiles or ():
            known = self.policies.get(profile_id, 'profiles').profileId.uniqueId
            found += [(part, known) for part in associations.users(known)]
        return [
            types.PbmQueryProfileResult(object=associations.entity(part), profileId=ids([policy]))
            for part, policy in found
        ]

    # Defaults of datastores

    def PbmQueryDefaultRequirementProfile(self, call: Call) -> DataObject | None:
        (datastore,) = self._datastores([call.hub], 'hub')
        default = self.policies.default_of(datastore)
        return types.PbmProfileId(uniqueId=default) if default else None

    def PbmQueryDefaultRequirementProfiles(self, call: Call) -> list[DataObject]:
        infos = []
        for datastore in self._datastores(call.datastores, 'datastores'):
            info = types.PbmDefaultProfileInfo(datastores=[hub_of(datastore)])
            default = self.policies.default_of(datastore)
            if default:
                info.defaultProfile = self.policies.get(types.PbmProfileId(uniqueId=default))
            infos.append(info)
        return infos

    def PbmAssignDefaultRequirementProfile(self, call: Call) -> None:
        datastores = self._datastores(call.datastores, 'datastores')
        self.policies.set_default(call.profile, datastores)

    def PbmFindApplicableDefaultProfile(self, call: Call) -> list[DataObject]:
        datastores = self._datastores(call.datastores, 'datastores')
        check_modern(datastores)
        found = dict.fromkeys(self.policies.default_of(datastore) for datastore in datastores)
        return [self.policies.get(types.PbmProfileId(uniqueId=default)) for default in found]

    def PbmResetDefaultRequirementProfile(self, call: Call) -> None:
        if call.profile is not None:
            self.policies.get(call.profile, 'profile')
        self.policies.reset_defaults(call.profile and call.profile.uniqueId)

    def PbmResetVSanDefaultProfile(self, call: Call) -> None:
        self.policies.reset_vsan_default()

    def _datastores(self, hubs: list[DataObject], parameter: str) -> list[Datastore]:
        """The datastores that hubs name.

        :raises Fault: InvalidArgument for a datastore cluster, PbmNonExistentHubs
        """
        if any(hub.hubType == 'StoragePod' for hub in hubs):
            raise invalid_argument(parameter)
        found: list[Datastore] = places(self.world, hubs, pods=False)
        return found

    # Space

    def PbmQuerySpaceStatsForStorageContainer(self, call: Call) -> list[DataObject]:
        """Space of a vSAN datastore; a real server answers for vVol containers as well."""
        found: Any = self.world.objects.get(call.datastore.key)
        if (
            call.datastore.objectType != 'datastore'
            or not isinstance(found, Datastore)
            or found.kind != 'vsan'
        ):
            raise invalid_argument('datastore')
        profiles = [
            self.policies.get(profile_id, 'capabilityProfileId')
            for profile_id in call.capabilityProfileId or ()
        ]
        return [_statistics(found, profile) for profile in profiles or (None,)]


def _statistics(datastore: Datastore, profile: DataObject | None) -> DataObject:
    """Space as it is, and what it is worth with the copies of each object that a policy wants."""
    copies = 1
    for rule_set in (profile.constraints.subProfiles or ()) if profile else ():
        for rule in rule_set.capability or ():
            if rule.id.id == capabilities.FAILURES_TO_TOLERATE:
                copies = max(copies, rule.constraint[0].propertyInstance[0].value + 1)
    total, free = datastore.capacity // _MIB, datastore.free_space // _MIB
    return types.PbmDatastoreSpaceStatistics(
        profileId=profile and profile.profileId.uniqueId,
        physicalTotalInMB=total,
        physicalFreeInMB=free,
        physicalUsedInMB=total - free,
        logicalLimitInMB=total // copies,
        logicalFreeInMB=free // copies,
        logicalUsedInMB=(total - free) // copies,
    )
