"""The storage policies of a server, and what its datastores offer to them.

A server starts with the policy that vSAN brings, and with a few that a storage administrator
would make for the inventory: its datastores have a tag of the category ``Tier`` by their kind,
and there is a policy for each tier. Tests add their own with :meth:`Policies.create` and
:meth:`Policies.tag`, or over the wire.
"""

from __future__ import annotations

import copy
import re
from typing import Any

from oslo_vmware.simulator.data import DataObject, Fault, Ref, types
from oslo_vmware.simulator.descriptions import knows
from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.folder import StoragePod
from oslo_vmware.simulator.pbm import rules
from oslo_vmware.simulator.registry import ManagedObject, World

STORAGE = 'STORAGE'
REQUIREMENT = 'REQUIREMENT'
#: What clients may make; the third one, RESOURCE, belongs to arrays.
_CATEGORIES = (REQUIREMENT, 'DATA_SERVICE_POLICY')
_LONGEST_NAME = 80

# The id that this policy has on every vCenter.
VSAN_DEFAULT_ID = 'aa6d5a82-1c88-45da-85d3-3d74b91a5bad'

_TIERS = {'vsan': 'Platinum', 'VMFS': 'Silver', 'NFS': 'Bronze'}
_TIER_IN_POD = 'Gold'
_SYSTEM_USER = 'Temporary user handle'


class Policies:
    """All storage policies of a server.

    :ivar ignore_versions: send what vSphere 9.1 brought to clients of older versions as well,
        as govmomi's simulator does; a vCenter keeps it from them
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.ignore_versions = False
        self._profiles: dict[str, DataObject] = {}
        self._tags: dict[str, dict[str, frozenset[str]]] = {}
        # Policies that were assigned as default, by id of the datastore.
        self._defaults: dict[str, str] = {}
        self._make_first_ones()

    def _make_first_ones(self) -> None:
        vsan_default = self.create(
            'vSAN Default Storage Policy',
            [
                rules.vsan_rule('stripeWidth', 1),
                rules.vsan_rule('cacheReservation', 0),
                rules.vsan_rule('proportionalCapacity', 0),
                rules.vsan_rule(rules.FAILURES_TO_TOLERATE, 1),
                rules.vsan_rule(rules.FORCE_PROVISIONING, False),
            ],
            description='Storage policy used as default for vSAN datastores',
            profile_id=VSAN_DEFAULT_ID,
        )
        vsan_default.isDefault = True
        vsan_default.systemCreatedProfileType = 'VsanDefaultProfile'
        datastores = list(self._world.of_type(Datastore))
        for datastore in datastores:
            in_pod = isinstance(datastore.parent, StoragePod)
            self.tag(datastore, 'Tier', _TIER_IN_POD if in_pod else _TIERS[datastore.kind])
        for tier in (_TIERS['vsan'], _TIER_IN_POD, _TIERS['VMFS'], _TIERS['NFS']):
            self.create(tier, [rules.tag_rule('Tier', tier)], description=f'{tier} storage')

    # --- policies

    def create(
        self,
        name: str,
        *rule_sets: list[DataObject],
        category: str = REQUIREMENT,
        description: str | None = None,
        profile_id: str | None = None,
    ) -> DataObject:
        """Make a policy from rule sets (see ``rules``), one of which must be satisfied."""
        spec = types.PbmCapabilityProfileCreateSpec(
            name=name,
            description=description,
            category=category,
            resourceType=types.PbmProfileResourceType(resourceType=STORAGE),
            constraints=rules.constraints(*rule_sets),
        )
        return self.create_from(spec, profile_id)

    def create_from(self, spec: DataObject, profile_id: str | None = None) -> DataObject:
        """Make a policy as PbmCreate does.

        :raises Fault: InvalidArgument, PbmDuplicateName
        """
        category = spec.category or REQUIREMENT
        if category not in _CATEGORIES:
            raise _invalid('createSpec.category')
        check_storage(spec.resourceType, 'createSpec.resourceType')
        self.check(spec.constraints, 'createSpec.constraints')
        self._check_name(spec.name, category, 'createSpec.name')
        now, user = self._world.now(), self._user()
        made = types.PbmCapabilityProfile(
            profileId=types.PbmProfileId(uniqueId=profile_id or self._world.new_uuid()),
            name=spec.name,
            description=spec.description,
            creationTime=now,
            createdBy=user,
            lastUpdatedTime=now,
            lastUpdatedBy=user,
            profileCategory=category,
            resourceType=spec.resourceType,
            constraints=spec.constraints,
            generationId=0,
            isDefault=False,
        )
        self._profiles[made.profileId.uniqueId] = made
        return made

    def check(self, constraints: DataObject, parameter: str) -> None:
        """See whether rules make sense on this server.

        :raises Fault: InvalidArgument
        """
        rules.check(constraints, self._categories(), parameter)

    def update(self, profile_id: DataObject, spec: DataObject) -> None:
        """Change a policy as PbmUpdate does: what the specification leaves out stays."""
        profile = self.get(profile_id)
        if spec.constraints is not None:
            self.check(spec.constraints, 'updateSpec.constraints')
        if spec.name is not None and spec.name != profile.name:
            self._check_name(spec.name, profile.profileCategory, 'updateSpec.name')
        for field in ('name', 'description', 'constraints'):
            value = getattr(spec, field)
            if value is not None:
                setattr(profile, field, value)
        profile.lastUpdatedTime, profile.lastUpdatedBy = self._world.now(), self._user()
        profile.generationId += 1

    def delete(self, profile_id: DataObject) -> None:
        """Delete a policy.

        :raises Fault: there is none, it is in use, or it is the system's own
        """
        profile = self._profiles.get(profile_id.uniqueId)
        if profile is None:
            raise Fault('PbmFaultNotFound', f'There is no policy {profile_id.uniqueId}.')
        if profile.systemCreatedProfileType or any(self.users(profile_id.uniqueId)):
            raise Fault(
                'PbmResourceInUse',
                f"The policy '{profile.name}' is in use.",
                type='PbmCapabilityProfile',
                name=profile.name,
            )
        del self._profiles[profile_id.uniqueId]

    def get(self, profile_id: DataObject, parameter: str = 'profileId') -> DataObject:
        """A policy by its id.

        :raises Fault: InvalidArgument
        """
        profile = self._profiles.get(profile_id.uniqueId)
        if profile is None:
            raise _invalid(parameter)
        return profile

    def all(self, category: str | None = None) -> list[DataObject]:
        return [
            profile
            for profile in self._profiles.values()
            if category in (None, profile.profileCategory)
        ]

    def _check_name(self, name: str, category: str, parameter: str) -> None:
        if not name or len(name) > _LONGEST_NAME:
            raise _invalid(parameter)
        if any(profile.name == name for profile in self.all(category)):
            raise Fault('PbmDuplicateName', f"There is a policy '{name}' already.", name=name)

    def sends_newest(self, soap_action: str) -> bool:
        """Whether a client gets what vSphere 9.1 brought."""
        return self.ignore_versions or knows(soap_action, '9.1')

    def shown(self, profile: DataObject, soap_action: str) -> DataObject:
        """A policy as a client gets it."""
        if not self.sends_newest(soap_action):
            return profile
        shown = copy.copy(profile)
        plain = re.sub('[^a-z0-9]+', '-', profile.name.lower()).strip('-')
        shown.k8sCompliantName = plain or profile.profileId.uniqueId
        return shown

    def _user(self) -> str:
        session = self._world.session
        return session.user_name if session is not None else _SYSTEM_USER

    # --- what there is for them

    def tag(self, datastore: ManagedObject, category: str, *tags: str) -> None:
        """Give a datastore tags of a category in place of those it had; none takes them away."""
        self._tags.setdefault(datastore.ref.value, {})[category] = frozenset(tags)

    def _categories(self) -> set[str]:
        return {category for tags in self._tags.values() for category in tags}

    def offer(self, datastore: Any) -> rules.Offer:
        tolerates = None
        if datastore.kind == 'vsan':
            hosts = len(datastore.hosts)
            # n failures need 2n + 1 hosts; a cluster of two has a witness elsewhere.
            tolerates = 1 if hosts == 2 else max(0, (hosts - 1) // 2)
        return rules.Offer(self._tags.get(datastore.ref.value, {}), tolerates)

    # --- who has which

    def known(self, profile_id: str) -> bool:
        """Whether there is a policy that machines and disks can have."""
        profile = self._profiles.get(profile_id)
        return profile is not None and profile.profileCategory == REQUIREMENT

    def default_of(self, datastore: Any) -> str | None:
        """The id of a datastore's default policy; only vSAN has one by itself."""
        by_nature = VSAN_DEFAULT_ID if datastore.kind == 'vsan' else None
        return self._defaults.get(datastore.ref.value, by_nature)

    def set_default(self, profile_id: DataObject, datastores: list[Any]) -> None:
        """Make a policy the default one of datastores.

        :raises Fault: InvalidArgument, PbmLegacyHubsNotSupported
        """
        profile = self.get(profile_id, 'profile')
        legacy = [datastore for datastore in datastores if datastore.kind != 'vsan']
        if legacy:
            raise Fault(
                'PbmLegacyHubsNotSupported',
                'Only vSAN and vVol datastores have default policies.',
                hubs=[hub_of(datastore) for datastore in legacy],
            )
        for datastore in datastores:
            self._defaults[datastore.ref.value] = profile.profileId.uniqueId

    def users(self, profile_id: str | None = None) -> list[tuple[DataObject, str]]:
        """What has a policy, as PbmServerObjectRef, with the policy's id.

        :param profile_id: only what has this one
        """
        machines = (obj for obj in self._world.objects.values() if obj.is_a('VirtualMachine'))
        found: list[tuple[DataObject, str]] = []
        for machine in machines:
            for key, policy in self._assigned(machine):
                if profile_id in (None, policy):
                    found.append((self._entity(machine.ref, key), policy))
        return found

    @staticmethod
    def _assigned(machine: Any) -> list[tuple[int | None, str]]:
        """The policies of a machine, by device key; that of its home has the key None."""
        home = [(None, machine.home_policy)] if machine.home_policy else []
        return [*home, *machine.disk_policies.items()]

    def _entity(self, machine: Ref, key: int | None) -> DataObject:
        return types.PbmServerObjectRef(
            objectType='virtualMachine' if key is None else 'virtualDiskId',
            key=machine.value if key is None else f'{machine.value}:{key}',
            serverUuid=self._world.about.instanceUuid,
        )

    def of_entity(self, entity: DataObject) -> list[str]:
        """Ids of the policies of what a PbmServerObjectRef names.

        :raises Fault: InvalidArgument for what can have none, PbmFaultNotFound
        """
        moid, _, device = entity.key.partition(':')
        found: Any = self._world.objects.get(moid)
        elsewhere = entity.serverUuid not in (None, self._world.about.instanceUuid)
        kind = entity.objectType
        if kind not in ('virtualMachine', 'virtualMachineAndDisks', 'virtualDiskId', 'datastore'):
            raise _invalid('entity.objectType')
        wanted = 'Datastore' if kind == 'datastore' else 'VirtualMachine'
        if found is None or elsewhere or not found.is_a(wanted):
            raise Fault('PbmFaultNotFound', f'There is no {kind} {entity.key}.')
        if kind == 'datastore':
            default = self.default_of(found)
            return [default] if default else []
        if kind == 'virtualDiskId' and device not in {str(disk.key) for disk in found.disks}:
            raise Fault('PbmFaultNotFound', f'There is no {kind} {entity.key}.')
        return [
            policy
            for key, policy in self._assigned(found)
            if kind == 'virtualMachineAndDisks' or (device or None) == (str(key) if key else None)
        ]


def hub_of(place: ManagedObject) -> DataObject:
    """How PBM names a datastore or a datastore cluster."""
    return types.PbmPlacementHub(hubType=place.ref.type, hubId=place.ref.value)


def check_storage(resource_type: DataObject, parameter: str) -> None:
    """See that storage is meant; there is nothing else.

    :raises Fault: InvalidArgument
    """
    if resource_type.resourceType != STORAGE:
        raise _invalid(parameter)


def _invalid(parameter: str) -> Fault:
    return Fault(
        'InvalidArgument',
        f'A specified parameter was not correct: {parameter}',
        invalidProperty=parameter,
    )
