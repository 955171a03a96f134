"""The storage policies of a server, and what its datastores offer to them.

A server starts with the policy that vSAN brings, and with a few that a storage administrator
would make for the inventory: its datastores have a tag of the category ``Tier`` by their kind,
and there is a policy for each tier. Tests add their own with :meth:`Policies.create` and
:meth:`Policies.tag`, or over the wire.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.objects.storage_pod import StoragePod
from oslo_vmware.simulator.objects.vm.machine import Applied
from oslo_vmware.simulator.pbm import capabilities, rules, versions
from oslo_vmware.simulator.pbm.associations import Associations
from oslo_vmware.simulator.world.data import DataObject, Fault, types
from oslo_vmware.simulator.world.registry import ManagedObject, World

STORAGE = 'STORAGE'
REQUIREMENT = 'REQUIREMENT'
#: What clients may make; the third one, RESOURCE, belongs to arrays.
DATA_SERVICE_POLICY = 'DATA_SERVICE_POLICY'
_CATEGORIES = (REQUIREMENT, DATA_SERVICE_POLICY)
_LONGEST_NAME = 80

# The ids that these policies have on every vCenter.
VSAN_DEFAULT_ID = 'aa6d5a82-1c88-45da-85d3-3d74b91a5bad'
ENCRYPTION_SERVICE_ID = 'ad5a249d-cbc2-43af-9366-694d7664fa52'

_VSAN_NAME = 'vSAN Default Storage Policy'
# Name, limit, reservation and shares.
_IO_ALLOCATIONS = (
    ('High', 100_000, 100, 2000),
    ('Normal', 10_000, 50, 1000),
    ('Low', 1_000, 10, 500),
)

_TIERS = {'vsan': 'Platinum', 'VMFS': 'Silver', 'NFS': 'Bronze'}
_TIER_IN_POD = 'Gold'
# Hosts have both filters; vSAN has I/O limits of its own.
_SERVICES = frozenset({capabilities.ENCRYPTION, capabilities.IO_CONTROL})
_SERVICES_OF = {'vsan': frozenset({capabilities.ENCRYPTION})}
_SYSTEM_USER = 'Temporary user handle'


class Policies:
    """All storage policies of a server.

    :ivar ignore_versions: send what later versions brought to clients of older ones as well,
        as govmomi's simulator does; a vCenter keeps it from them
    :ivar unknown_fields: add fields to all replies that no version has so far
    :ivar associations: who has which
    :ivar release: major and minor version of the server
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.release = capabilities.release_of(world.about.apiVersion)
        self.associations = Associations(world)
        self.ignore_versions = False
        self.unknown_fields = False
        self._profiles: dict[str, DataObject] = {}
        # Lines of service of the data service policies, by id.
        self._lines: dict[str, str | None] = {}
        # Policies that were assigned as default, by id of the datastore.
        self._defaults: dict[str, str] = {}
        self._services: dict[str, frozenset[str]] = {}
        self._groups: dict[str, list[DataObject]] = {}
        self._zones: dict[str, list[ManagedObject]] = {}
        self._reasons: dict[str, list[tuple[Fault, bool]]] = {}
        # Privileges that are missing, each with the policies that this is about.
        self._denied: dict[str, set[str | None]] = {}
        self._make_first_ones()
        world.listen(self._note)

    def _make_first_ones(self) -> None:
        vsan_default = self.create(
            _VSAN_NAME,
            _vsan_rules(),
            description='Storage policy used as default for vSAN datastores',
            profile_id=VSAN_DEFAULT_ID,
        )
        vsan_default.isDefault = True
        vsan_default.systemCreatedProfileType = 'VsanDefaultProfile'
        datastores = list(self._world.of_type(Datastore))
        for datastore in datastores:
            in_pod = isinstance(datastore.parent, StoragePod)
            self.tag(datastore, 'Tier', _TIER_IN_POD if in_pod else _TIERS[datastore.kind])
        # Without a datastore nobody has a tag, and there is no policy to choose by one.
        tiers = (_TIERS['vsan'], _TIER_IN_POD, _TIERS['VMFS'], _TIERS['NFS']) if datastores else ()
        for tier in tiers:
            self.create(tier, [rules.tag_rule('Tier', tier)], description=f'{tier} storage')
        if self.release >= capabilities.DATA_SERVICES:
            self._make_data_services()

    def _make_data_services(self) -> None:
        """The data service policies that every vCenter has since 6.5."""
        services: list[tuple[str, str | None, DataObject]] = [
            (
                'Default encryption properties',
                ENCRYPTION_SERVICE_ID,
                rules.filter_rule(capabilities.ENCRYPTION_FILTER, AllowCleartextFilters='False'),
            )
        ]
        for name, limit, reservation, shares in _IO_ALLOCATIONS:
            rule = rules.filter_rule(
                capabilities.IO_FILTER, limit=limit, reservation=reservation, shares=shares
            )
            services.append((f'{name} IO shares allocation', None, rule))
        for name, profile_id, rule in services:
            self.create(name, [rule], category=DATA_SERVICE_POLICY, profile_id=profile_id)

    # --- who has which

    def follow_disk(self, disk: Any) -> None:
        self.associations.follow_disk(disk)

    def forget_disk(self, disk_id: str) -> None:
        self.associations.forget_disk(disk_id)

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
        if category not in self.categories():
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
            k8sCompliantName=spec.k8sCompliantName or _plain(spec.name),
        )
        self._profiles[made.profileId.uniqueId] = made
        self._note_line(made)
        return made

    def categories(self) -> tuple[str, ...]:
        """The categories of policies that clients can make."""
        return _CATEGORIES if self.release >= capabilities.DATA_SERVICES else (REQUIREMENT,)

    def check(self, constraints: DataObject, parameter: str) -> None:
        """See whether rules make sense on this server.

        :raises Fault: InvalidArgument
        """
        known = rules.Known(frozenset(self.tags()), self._lines, self.release)
        rules.check(constraints, known, parameter)

    def _note_line(self, profile: DataObject) -> None:
        """Note what a data service policy is about."""
        if profile.profileCategory != DATA_SERVICE_POLICY:
            return
        namespaces = (
            rule.id.namespace
            for rule_set in profile.constraints.subProfiles or ()
            for rule in rule_set.capability or ()
        )
        profile.lineOfService = capabilities.line_of_service(next(namespaces, ''))
        self._lines[profile.profileId.uniqueId] = profile.lineOfService

    def update(self, profile_id: DataObject, spec: DataObject) -> None:
        """Change a policy as PbmUpdate does: what the specification leaves out stays."""
        profile = self.get(profile_id)
        if spec.constraints is not None:
            self.check(spec.constraints, 'updateSpec.constraints')
        if spec.name is not None and spec.name != profile.name:
            try:
                self._check_name(spec.name, profile.profileCategory, 'updateSpec.name')
            except Fault as fault:
                if fault.name != 'PbmDuplicateName':
                    raise
                # PbmUpdate declares no PbmDuplicateName.
                raise Fault('PbmFaultProfileStorageFault', fault.message) from None
        for field in ('name', 'description', 'constraints'):
            value = getattr(spec, field)
            if value is not None:
                setattr(profile, field, value)
        profile.lastUpdatedTime, profile.lastUpdatedBy = self._world.now(), self._user()
        profile.generationId += 1
        self._note_line(profile)

    def delete(self, profile_id: DataObject) -> None:
        """Delete a policy.

        :raises Fault: there is none, it is in use, or it is the system's own
        """
        profile = self._profiles.get(profile_id.uniqueId)
        if profile is None:
            raise Fault('PbmFaultNotFound', f'There is no policy {profile_id.uniqueId}.')
        if profile.systemCreatedProfileType or self._in_use(profile_id.uniqueId):
            raise Fault(
                'PbmResourceInUse',
                f"The policy '{profile.name}' is in use.",
                type='PbmCapabilityProfile',
                name=profile.name,
            )
        del self._profiles[profile_id.uniqueId]
        self._lines.pop(profile_id.uniqueId, None)

    def _in_use(self, profile_id: str) -> bool:
        """Whether a machine or disk has a policy, a datastore by default, or another one's rule."""
        return (
            bool(self.associations.users(profile_id))
            or profile_id in self._defaults.values()
            or any(
                rule.id.id == profile_id
                for profile in self._profiles.values()
                for rule_set in profile.constraints.subProfiles or ()
                for rule in rule_set.capability or ()
            )
        )

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

    def _user(self) -> str:
        session = self._world.session
        return session.user_name if session is not None else _SYSTEM_USER

    # --- what there is for them

    def tag(self, datastore: ManagedObject, category: str, *tags: str) -> None:
        """Give a datastore tags of a category in place of those it had; none takes them away."""
        self._world.tags.set_names(datastore.ref, category, tags)

    def tags(self) -> dict[str, set[str]]:
        """All tags that datastores can have, by category."""
        return self._world.tags.names('Datastore')

    def offer(self, datastore: Any) -> rules.Offer:
        """What a datastore has to offer."""
        moid = datastore.ref.value
        return rules.Offer(
            tags=self._world.tags.names_of(datastore.ref),
            hosts=len(datastore.hosts) if datastore.kind == 'vsan' else None,
            services=self._services.get(moid, _SERVICES_OF.get(datastore.kind, _SERVICES)),
            zonal=bool(self.zones(datastore)),
            data_services=self._lines,
        )

    def zones(self, datastore: Any) -> list[ManagedObject]:
        """The clusters all of whose hosts can use a datastore."""
        moid = datastore.ref.value
        if moid not in self._zones:
            self._zones[moid] = self._find_zones(datastore)
        return self._zones[moid]

    def _note(self, obj: ManagedObject, names: tuple[str, ...] | None) -> None:
        """Forget who can use which datastore when that may have changed."""
        kinds = ('Datastore', 'HostSystem', 'ClusterComputeResource')
        if self._zones and obj.ref.type in kinds and (not names or 'host' in names):
            self._zones.clear()

    @staticmethod
    def _find_zones(datastore: Any) -> list[ManagedObject]:
        hosts = {host for host in datastore.hosts if datastore.mounted_well(host)}
        owners = dict.fromkeys(host.parent for host in hosts)
        return [
            owner
            for owner in sorted(owners, key=lambda owner: owner.ref.value)
            if owner.is_a('ClusterComputeResource') and hosts.issuperset(owner.host)
        ]

    def serve(self, datastore: ManagedObject, *lines_of_service: str) -> None:
        """Say which filters the hosts have for a datastore, in place of the usual ones.

        :param lines_of_service: ``ENCRYPTION``, ``DATASTORE_IO_CONTROL``
        """
        self._services[datastore.ref.value] = frozenset(lines_of_service)

    def refuse(
        self,
        datastore: ManagedObject,
        fault: str,
        message: str | None = None,
        *,
        warning: bool = False,
        **fields: Any,
    ) -> None:
        """Have placement refuse a datastore, or warn of it, for a reason that a test gives.

        :param fault: a child of PbmCompatibilityCheckFault, or any other
        :param fields: its members beside the hub
        """
        if versions.has_field(fault, 'hub'):
            fields['hub'] = hub_of(datastore)
        made = Fault(fault, message, **fields)
        self._reasons.setdefault(datastore.ref.value, []).append((made, warning))

    def accept(self, datastore: ManagedObject) -> None:
        """Undo :meth:`refuse`."""
        self._reasons.pop(datastore.ref.value, None)

    def reasons(self, datastore: Any, *, warning: bool) -> list[DataObject]:
        """What :meth:`refuse` was told."""
        return [
            fault.localized()
            for fault, warns in self._reasons.get(datastore.ref.value, ())
            if warns is warning
        ]

    def replicate(self, datastore: ManagedObject, *groups: str) -> None:
        """Have replication groups on a datastore, in place of those it had."""
        self._groups[datastore.ref.value] = [replication_group(group) for group in groups]

    def replication_groups(self, datastore: ManagedObject) -> list[DataObject]:
        return self._groups.get(datastore.ref.value, [])

    # --- who may do what

    def deny(self, privilege: str, *profiles: str) -> None:
        """Take a privilege away, for some policies (by their ids) or altogether."""
        for profile_id in profiles or (None,):
            self._denied.setdefault(privilege, set()).add(profile_id)

    def allow(self, privilege: str) -> None:
        """Undo :meth:`deny`."""
        self._denied.pop(privilege, None)

    def denied(self, privilege: str, profiles: list[str]) -> list[str | None]:
        """For which of some policies a privilege is missing; None stands for altogether."""
        denied = self._denied.get(privilege, set())
        return [None] if None in denied else [one for one in profiles if one in denied]

    # --- who has which

    def known(self, profile_id: str) -> bool:
        """Whether there is a policy that machines and disks can have."""
        profile = self._profiles.get(profile_id)
        return profile is not None and profile.profileCategory == REQUIREMENT

    def assign(
        self, machine: Any, home: str | None = None, disks: Mapping[int, str] | None = None
    ) -> None:
        """Have a machine's home and disks have policies, in place of those they had.

        A short way for tests; clients reconfigure the machine.

        :param home: id of a policy
        :param disks: ids of policies by device key
        """
        machine.home_policy, machine.disk_policies = home, dict(disks or {})
        machine.applied_policies = {
            key: Applied(self.generation(policy), None)
            for key, policy in {None: home, **machine.disk_policies}.items()
            if policy
        }
        machine.changed('config')

    def generation(self, profile_id: str) -> int:
        """Counts the changes of a policy."""
        generation: int = self._profiles[profile_id].generationId
        return generation

    def default_of(self, datastore: Any) -> str | None:
        """The id of a datastore's default policy; only vSAN has one by itself."""
        by_nature = VSAN_DEFAULT_ID if datastore.kind == 'vsan' else None
        return self._defaults.get(datastore.ref.value, by_nature)

    def set_default(self, profile_id: DataObject, datastores: list[Any]) -> None:
        """Make a policy the default one of datastores.

        :raises Fault: InvalidArgument, PbmLegacyHubsNotSupported
        """
        profile = self.get(profile_id, 'profile')
        check_modern(datastores)
        for datastore in datastores:
            self._defaults[datastore.ref.value] = profile.profileId.uniqueId

    def reset_defaults(self, profile_id: str | None = None) -> None:
        """Give datastores back the default policy that they have by themselves.

        :param profile_id: only those that have this one
        """
        for moid, assigned in list(self._defaults.items()):
            if profile_id in (None, assigned):
                del self._defaults[moid]

    def reset_vsan_default(self) -> None:
        """Give vSAN's own policy the rules back that it had at first."""
        profile_id = types.PbmProfileId(uniqueId=VSAN_DEFAULT_ID)
        self.update(
            profile_id,
            types.PbmCapabilityProfileUpdateSpec(
                name=_VSAN_NAME, constraints=rules.constraints(_vsan_rules())
            ),
        )

    def of_entity(self, entity: DataObject) -> list[str]:
        """Ids of the policies of what a PbmServerObjectRef names.

        :raises Fault: InvalidArgument for what can have none, PbmFaultNotFound
        """
        found, parts = self.associations.named(entity)
        if isinstance(found, Datastore):
            default = self.default_of(found)
            return [default] if default else []
        return list(self.associations.policies(parts).values())


def check_modern(datastores: list[Any]) -> None:
    """See that datastores are of a kind that can have a default policy.

    :raises Fault: PbmLegacyHubsNotSupported
    """
    legacy = [datastore for datastore in datastores if datastore.kind != 'vsan']
    if legacy:
        raise Fault(
            'PbmLegacyHubsNotSupported',
            'Only vSAN and vVol datastores have default policies.',
            hubs=[hub_of(datastore) for datastore in legacy],
        )


def _vsan_rules() -> list[DataObject]:
    return [
        rules.vsan_rule('stripeWidth', 1),
        rules.vsan_rule('cacheReservation', 0),
        rules.vsan_rule('proportionalCapacity', 0),
        rules.vsan_rule(capabilities.FAILURES_TO_TOLERATE, 1),
        rules.vsan_rule(capabilities.FORCE_PROVISIONING, False),
    ]


def replication_group(name: str, domain: str = 'fault-domain-1') -> DataObject:
    """The id of a replication group."""
    return types.ReplicationGroupId(
        faultDomainId=types.FaultDomainId(id=domain), deviceGroupId=types.DeviceGroupId(id=name)
    )


def _plain(name: str) -> str:
    """A policy's name as Kubernetes can take it."""
    return re.sub('[^a-z0-9]+', '-', name.lower()).strip('-') or 'policy'


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
