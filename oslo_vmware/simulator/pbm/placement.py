"""The managed object that tells which datastores satisfy a policy, and why others do not."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.storage_pod import StoragePod
from oslo_vmware.simulator.objects.vm import devices
from oslo_vmware.simulator.pbm import rules
from oslo_vmware.simulator.pbm.associations import FIRST_CLASS_DISK
from oslo_vmware.simulator.pbm.base import PbmObject, ids, places
from oslo_vmware.simulator.pbm.policies import hub_of
from oslo_vmware.simulator.world.data import DataObject, Fault, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject

_PARAMETER = 'placementSubjectRequirement'
_CLUSTER = 'cluster'
_MIB = 1024**2


class PlacementSolver(PbmObject):
    """Answers without reasons, with reasons, and with what 6.5 added to them.

    A datastore cluster does for a policy if one of its datastores does.
    """

    wire_type = 'PbmPlacementSolver'
    moid = 'placementSolver'

    def PbmQueryMatchingHub(self, call: Call) -> list[DataObject]:
        return self._matching(call.hubsToSearch, self._saved(call.profile, 'profile'))

    def PbmQueryMatchingHubWithSpec(self, call: Call) -> list[DataObject]:
        return self._matching(call.hubsToSearch, self._unsaved(call.createSpec, 'createSpec'))

    def PbmCheckCompatibility(self, call: Call) -> list[DataObject]:
        return self._results(call.hubsToSearch, [self._saved(call.profile, 'profile')])

    def PbmCheckCompatibilityWithSpec(self, call: Call) -> list[DataObject]:
        return self._results(call.hubsToSearch, [self._unsaved(call.profileSpec, 'profileSpec')])

    def PbmCheckRequirements(self, call: Call) -> list[DataObject]:
        requirements = call.placementSubjectRequirement or []
        size = 0
        if call.placementSubjectRef is not None:
            size = self._size(call.placementSubjectRef)
            if not requirements:
                # What it has now is what it needs.
                requirements = [
                    types.PbmPlacementCapabilityProfileRequirement(profileId=profile_id)
                    for profile_id in ids(self.policies.of_entity(call.placementSubjectRef))
                ]
        results = self._results(call.hubsToSearch, list(map(self._requirement, requirements)))
        zones = [
            {cluster.key for cluster in one.clusters}
            for one in requirements
            if one.wire_type == 'PbmPlacementZoneTopologyRequirement' and one.clusters
        ]
        for result in results:
            place = self.world.objects[result.hub.hubId]
            if any(not self._zones_of(place) & wanted for wanted in zones):
                (mismatch,) = rules.mismatches(rules.constraints([rules.zonal_rule()]), _nothing())
                result.error = [*result.error, mismatch.fault(result.hub)]
            self._add_space(result, place, size)
        return results

    # What is wanted

    def _saved(self, profile_id: DataObject, parameter: str) -> DataObject:
        wanted: DataObject = self.policies.get(profile_id, parameter).constraints
        return wanted

    def _unsaved(self, spec: DataObject, parameter: str) -> DataObject:
        self.policies.check(spec.constraints, f'{parameter}.constraints')
        wanted: DataObject = spec.constraints
        return wanted

    def _requirement(self, requirement: DataObject) -> DataObject:
        if requirement.wire_type in (
            'PbmPlacementCapabilityProfileRequirement',
            'PbmPlacementZoneTopologyRequirement',
        ):
            return self._saved(requirement.profileId, _PARAMETER)
        if requirement.wire_type == 'PbmPlacementCapabilityConstraintsRequirement':
            return self._unsaved(requirement, _PARAMETER)
        raise Fault('NotSupported', f'{requirement.wire_type} is not supported.')

    # What there is

    def _matching(self, hubs: list[DataObject] | None, wanted: DataObject) -> list[DataObject]:
        return [result.hub for result in self._results(hubs, [wanted]) if not result.error]

    def _results(self, hubs: list[DataObject] | None, wanted: list[DataObject]) -> list[DataObject]:
        found = []
        for place in places(self.world, hubs):
            zones = [
                types.PbmServerObjectRef(
                    objectType=_CLUSTER, key=key, serverUuid=self.world.about.instanceUuid
                )
                for key in sorted(self._zones_of(place))
            ]
            found.append(
                types.PbmPlacementCompatibilityResult(
                    hub=hub_of(place),
                    hubInfo=types.PbmPlacementHubInfo(zoneClusters=zones),
                    matchingResources=self._replication(place),
                    error=self._errors(place, wanted),
                    warning=self.policies.reasons(place, warning=True),
                )
            )
        return found

    def _errors(self, place: Any, wanted: list[DataObject]) -> list[DataObject]:
        hub = hub_of(place)
        found = []
        for member in _members(place):
            offer = self.policies.offer(member)
            errors = [
                mismatch.fault(hub) for one in wanted for mismatch in rules.mismatches(one, offer)
            ]
            given = [place, member] if place is not member else [place]
            found.append(
                errors + [e for one in given for e in self.policies.reasons(one, warning=False)]
            )
        return min(found, key=len, default=[])

    def _zones_of(self, place: Any) -> set[str]:
        return {
            cluster.ref.value
            for member in _members(place)
            for cluster in self.policies.zones(member)
        }

    def _replication(self, place: Any) -> list[DataObject]:
        groups = [g for member in _members(place) for g in self.policies.replication_groups(member)]
        if not groups:
            return []
        return [types.PbmPlacementMatchingReplicationResources(replicationGroup=groups)]

    # Space

    def _size(self, subject: DataObject) -> int:
        """Bytes that a machine's disks, or one of them, may grow to."""
        machine, parts = self.policies.associations.named(subject)
        if subject.objectType == FIRST_CLASS_DISK:
            size: int = machine.size
            return size
        keys = {part.key for part in parts}
        disks: list[DataObject] = getattr(machine, 'disks', [])
        return sum(devices.disk_bytes(disk) for disk in disks if disk.key in keys)

    @staticmethod
    def _add_space(result: DataObject, place: ManagedObject, size: int) -> None:
        """Tell how much space a hub has, and how often the subject would fit."""
        free = sum(member.free_space for member in _members(place))
        total = sum(member.capacity for member in _members(place))
        name = types.PbmExtendedElementDescription(
            label='Space',
            summary='Space in MB',
            key='space',
            messageCatalogKeyPrefix='com.vmware.storage',
        )
        result.utilization = [
            types.PbmPlacementResourceUtilization(
                name=name,
                description=name,
                availableBefore=free // _MIB,
                availableAfter=max(0, free - size) // _MIB,
                total=total // _MIB,
            )
        ]
        if size:
            # In a datastore cluster an object lies on one datastore.
            result.howMany = sum(member.free_space // size for member in _members(place))


def _members(place: Any) -> list[Any]:
    members: list[Any] = place.children if isinstance(place, StoragePod) else [place]
    return members


def _nothing() -> rules.Offer:
    """The offer of a datastore that has nothing to offer."""
    return rules.Offer(tags={}, hosts=None, services=frozenset(), zonal=False, data_services={})
