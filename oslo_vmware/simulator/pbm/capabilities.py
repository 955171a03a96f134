"""The capabilities that rules of policies are about, and who announces them.

Five namespaces, as on a vCenter without arrays that announce their own: tags, with a capability
for each tag category; vSAN; encryption and storage I/O control, which are I/O filters of the
hosts; and the topology of zones. A policy of the category DATA_SERVICE_POLICY has rules about the
filters; a policy for machines refers to such a policy by its id, in a sixth namespace that
nobody announces. An older server has fewer of them.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any

from oslo_vmware.simulator.world.data import DataObject, Typed, types

TAGS = 'http://www.vmware.com/storage/tag'
VSAN = 'VSAN'
ENCRYPTION_FILTER = 'vmwarevmcrypt'
IO_FILTER = 'spm'
TOPOLOGY = 'com.vmware.storage.consumptiondomain'
DATA_SERVICE = 'com.vmware.storageprofile.dataservice'

ENCRYPTION = 'ENCRYPTION'
IO_CONTROL = 'DATASTORE_IO_CONTROL'

FAILURES_TO_TOLERATE = 'hostFailuresToTolerate'
FORCE_PROVISIONING = 'forceProvisioning'
REPLICA_PREFERENCE = 'replicaPreference'
MIRRORING = 'RAID-1 (Mirroring) - Performance'
ERASURE_CODING = 'RAID-5/6 (Erasure Coding) - Capacity'


#: Major and minor version of vSphere.
Release = tuple[int, int]

#: The release that brought data services, and policies and rules about them.
DATA_SERVICES: Release = (6, 5)


@dataclasses.dataclass(frozen=True)
class Property:
    """A property of a capability.

    :ivar type: of its value
    :ivar allowed: smallest and largest value, or the only ones there are
    :ivar default: what holds without a rule
    :ivar xsd_type: of its value on the wire, where the type in Python does not tell: ``long``
    """

    id: str
    type: type
    allowed: tuple[Any, ...]
    default: Any
    label: str
    xsd_type: str | None = None

    def allows(self, value: Any) -> bool:
        in_range = self.type is int and self.allowed[0] <= value <= self.allowed[-1]
        return value in self.allowed or in_range

    @property
    def metadata(self) -> DataObject:
        allowed = (
            types.PbmCapabilityRange(
                min=self._typed(self.allowed[0]), max=self._typed(self.allowed[-1])
            )
            if self.type is int
            else _choices(self.allowed)
        )
        name = f'XSD_{self.xsd_type.upper()}' if self.xsd_type else _TYPE_NAMES[self.type]
        return types.PbmCapabilityPropertyMetadata(
            id=self.id,
            summary=_described(self.id, self.label),
            mandatory=self.default is None,
            type=types.PbmCapabilityTypeInfo(typeName=name),
            defaultValue=self._typed(self.default),
            allowedValue=allowed,
        )

    def _typed(self, value: Any) -> Any:
        return value if None in (value, self.xsd_type) else Typed(str(self.xsd_type), value)


_TYPE_NAMES = {
    int: 'XSD_INT',
    bool: 'XSD_BOOLEAN',
    str: 'XSD_STRING',
    datetime.datetime: 'XSD_DATETIME',
}


@dataclasses.dataclass(frozen=True)
class Capability:
    """What a rule can be about, and the properties that it has."""

    id: str
    label: str
    properties: tuple[Property, ...]

    def property(self, property_id: str) -> Property | None:
        return next((one for one in self.properties if one.id == property_id), None)

    def metadata(self, namespace: str) -> DataObject:
        return _metadata(namespace, self.id, self.label, [one.metadata for one in self.properties])


def _single(id: str, value_type: type, allowed: tuple[Any, ...], default: Any, label: str) -> Any:
    """A capability with one property of its own name."""
    return Capability(id, label, (Property(id, value_type, allowed, default, label),))


# How many failures a datastore tolerates depends on its hosts besides.
_VSAN = (
    _single(FAILURES_TO_TOLERATE, int, (0, 3), 1, 'Number of failures to tolerate'),
    _single('stripeWidth', int, (1, 12), 1, 'Number of disk stripes per object'),
    _single(FORCE_PROVISIONING, bool, (False, True), False, 'Force provisioning'),
    _single('proportionalCapacity', int, (0, 100), 0, 'Object space reservation (%)'),
    _single('cacheReservation', int, (0, 1_000_000), 0, 'Flash read cache reservation (%)'),
    _single('iopsLimit', int, (0, 2**31 - 1), 0, 'IOPS limit for object'),
    _single('checksumDisabled', bool, (False, True), False, 'Disable object checksum'),
    _single(
        REPLICA_PREFERENCE, str, (MIRRORING, ERASURE_CODING), MIRRORING, 'Failure tolerance method'
    ),
)
_ENCRYPTION = (
    Capability(
        f'{ENCRYPTION_FILTER}@{ENCRYPTION}',
        'VMware VM Encryption',
        (
            Property(
                'AllowCleartextFilters',
                str,
                ('False', 'True'),
                'False',
                'Allow I/O filters before encryption',
            ),
        ),
    ),
)
# -1 means without limit, and without reservation.
_IO = (
    Capability(
        f'{IO_FILTER}@{IO_CONTROL}',
        'VMware Storage I/O Control',
        (
            Property('limit', int, (-1, 2**31 - 1), -1, 'IOPS limit'),
            Property('reservation', int, (-1, 2**31 - 1), 1, 'IOPS reservation'),
            Property('shares', int, (200, 4000), 1000, 'IOPS shares'),
        ),
    ),
)
ZONE_CAPABILITY = 'StorageTopology'
ZONE_PROPERTY = 'StorageTopologyType'
ZONAL = 'Zonal'
_TOPOLOGY = (
    Capability(
        ZONE_CAPABILITY,
        'Storage topology',
        (Property(ZONE_PROPERTY, str, (ZONAL,), None, 'Storage topology type'),),
    ),
)


@dataclasses.dataclass(frozen=True)
class Namespace:
    """The capabilities of one vendor and namespace.

    :ivar line_of_service: what a filter does; ``None`` for what is a matter of the storage
    :ivar since: the release of vSphere that brought it
    """

    name: str
    vendor: str
    vendor_label: str
    label: str
    line_of_service: str | None
    capabilities: tuple[Capability, ...]
    since: Release = (5, 5)

    @property
    def vendor_info(self) -> DataObject:
        return types.PbmCapabilitySchemaVendorInfo(
            vendorUuid=self.vendor, info=_described(self.vendor, self.vendor_label)
        )

    @property
    def namespace_info(self) -> DataObject:
        return types.PbmCapabilityNamespaceInfo(
            version='1.0', namespace=self.name, info=_described(self.name, self.label)
        )

    def category(self, tags: Mapping[str, Iterable[str]]) -> DataObject:
        """Its capabilities as metadata.

        :param tags: all tags there are, by category
        """
        described = [one.metadata(self.name) for one in self.capabilities]
        if self.name == TAGS:
            described += [_tag_category(name, held) for name, held in sorted(tags.items())]
        return types.PbmCapabilityMetadataPerCategory(
            subCategory=_SUBCATEGORIES.get(self.name, self.label), capabilityMetadata=described
        )

    def schema(self, tags: Mapping[str, Iterable[str]]) -> DataObject:
        made = types.PbmCapabilitySchema(
            vendorInfo=self.vendor_info,
            namespaceInfo=self.namespace_info,
            capabilityMetadataPerCategory=[self.category(tags)],
            capabilityCategory='common' if self.line_of_service else 'datastoreSpecific',
        )
        if self.line_of_service:
            made.lineOfService = types.PbmVaioDataServiceInfo(
                lineOfService=self.line_of_service,
                name=_described(self.line_of_service, self.label),
            )
        else:
            made.lineOfService = types.PbmPersistenceBasedDataServiceInfo(
                lineOfService='PERSISTENCE', name=_described('PERSISTENCE', 'Storage')
            )
        return made


_SUBCATEGORIES = {TAGS: 'tag', VSAN: 'vSAN'}
_FILTERS = ('com.vmware.iofilters', 'VMware I/O filters')
_STORAGE = ('VMware', 'VMware Inc.')

NAMESPACES = (
    Namespace(TAGS, *_STORAGE, 'Tags', None, ()),
    Namespace(VSAN, 'VSAN', 'VMware vSAN', 'vSAN', None, _VSAN),
    Namespace(ENCRYPTION_FILTER, *_FILTERS, 'Encryption', ENCRYPTION, _ENCRYPTION, DATA_SERVICES),
    Namespace(IO_FILTER, *_FILTERS, 'Storage I/O Control', IO_CONTROL, _IO, DATA_SERVICES),
    Namespace(TOPOLOGY, *_STORAGE, 'Consumption domain', None, _TOPOLOGY, (8, 0)),
)


def release_of(api_version: str) -> Release:
    """Major and minor version of a server, such as (6, 5)."""
    major, minor = re.findall(r'\d+', api_version)[:2]
    return int(major), int(minor)


def of_release(release: Release) -> list[Namespace]:
    """The namespaces that a server of a release has."""
    return [one for one in NAMESPACES if one.since <= release]


def _namespace(name: str) -> Namespace | None:
    return next((one for one in NAMESPACES if one.name == name), None)


def line_of_service(namespace: str) -> str | None:
    """What the filter of a namespace does; ``None`` for what is a matter of the storage."""
    found = _namespace(namespace)
    return None if found is None else found.line_of_service


def find(namespace: str, capability: str) -> Capability | None:
    """A capability other than a tag category."""
    found = _namespace(namespace)
    held = () if found is None else found.capabilities
    return next((one for one in held if one.id == capability), None)


def tag_property(category: str) -> str:
    """The id of the one property that the capability of a tag category has."""
    return f'com.vmware.storage.tag.{category}.property'


def _tag_category(name: str, tags: Iterable[str]) -> DataObject:
    described = types.PbmCapabilityPropertyMetadata(
        id=tag_property(name),
        summary=_described(tag_property(name), name),
        mandatory=False,
        type=types.PbmCapabilityGenericTypeInfo(typeName='XSD_STRING', genericTypeName='VMW_SET'),
        allowedValue=_choices(sorted(tags)),
        requirementsTypeHint='VMW_SET',
    )
    return _metadata(TAGS, name, name, [described])


def _metadata(namespace: str, id: str, label: str, properties: list[DataObject]) -> DataObject:
    return types.PbmCapabilityMetadata(
        id=types.PbmCapabilityMetadataUniqueId(namespace=namespace, id=id),
        summary=_described(id, label),
        mandatory=False,
        hint=False,
        allowMultipleConstraints=False,
        propertyMetadata=properties,
    )


def _choices(values: Iterable[Any]) -> DataObject:
    return types.PbmCapabilityDiscreteSet(
        values=[
            types.PbmCapabilityDescription(description=_described(str(one), str(one)), value=one)
            for one in values
        ]
    )


def _described(key: str, label: str) -> DataObject:
    return types.PbmExtendedElementDescription(
        label=label, summary=label, key=key, messageCatalogKeyPrefix='com.vmware.storage'
    )
