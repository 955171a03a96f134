"""What rules can be about: capabilities, their properties, types and allowed values.

From vSphere 6.5 on ``PbmFetchCapabilitySchema`` tells it by namespace; before, the capability
metadata of each vendor does (``PbmFetchCapabilityMetadata``, PBM API 1.0).
"""

import dataclasses
import logging
from collections.abc import Iterable
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware.spbm import _calls, policies, rules, values
from oslo_vmware.spbm.cache import policy_cache

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Property:
    """A property of a capability (``PbmCapabilityPropertyMetadata``, PBM API 1.0).

    :ivar id: its id
    :ivar label: as clients show it
    :ivar mandatory: whether a rule about the capability has to have it
    :ivar type: ``XSD_INT``, ``XSD_LONG``, ``XSD_BOOLEAN``, ``XSD_STRING``, ``XSD_DOUBLE``,
                ``XSD_DATETIME``, ``VMW_TIMESPAN`` …; None if the server does not say
    :ivar container: ``VMW_SET`` or ``VMW_RANGE`` where the value is one of values of that type
    :ivar default: value that holds without a rule, or None
    :ivar allowed: a :class:`~oslo_vmware.spbm.values.Range`, a
                   :class:`~oslo_vmware.spbm.values.DiscreteSet`, or None for any
    :ivar raw: the server's object
    """

    id: str
    label: str
    mandatory: bool
    type: str | None
    container: str | None
    default: Any
    allowed: Any
    raw: Any = dataclasses.field(compare=False, repr=False)


@dataclasses.dataclass(frozen=True)
class Capability:
    """What a rule can be about (``PbmCapabilityMetadata``, PBM API 1.0).

    :ivar namespace: whose it is
    :ivar id: its id
    :ivar label: as clients show it
    :ivar category: the group it is shown in
    :ivar mandatory: whether every policy with rules of the namespace has to have it
    :ivar hint: whether it has no influence on placement
    :ivar properties: tuple of :class:`Property`
    :ivar raw: the server's object
    """

    namespace: str
    id: str
    label: str
    category: str | None
    mandatory: bool
    hint: bool
    properties: tuple[Property, ...]
    raw: Any = dataclasses.field(compare=False, repr=False)

    def property(self, id_: str) -> Property | None:
        """The property of an id."""
        return next((one for one in self.properties if one.id == id_), None)


@dataclasses.dataclass(frozen=True)
class Schema:
    """The capabilities of a namespace (``PbmCapabilitySchema``, vSphere 6.5).

    :ivar vendor: id of the vendor; None before 6.5, where all vendors come together
    :ivar namespace: name; None before 6.5, see :attr:`Capability.namespace` then
    :ivar version: of the namespace, or None
    :ivar line_of_service: such as ``PERSISTENCE``, ``ENCRYPTION``; or None
    :ivar capabilities: tuple of :class:`Capability`
    :ivar raw: the server's object
    """

    vendor: str | None
    namespace: str | None
    version: str | None
    line_of_service: str | None
    capabilities: tuple[Capability, ...]
    raw: Any = dataclasses.field(compare=False, repr=False)

    def capability(self, id_: str) -> Capability | None:
        """The capability of an id."""
        return next((one for one in self.capabilities if one.id == id_), None)


@dataclasses.dataclass(frozen=True)
class Vendor:
    """Who announces capabilities (``PbmCapabilityVendorNamespaceInfo``, PBM API 1.0).

    :ivar id: of the vendor
    :ivar label: the vendor's name
    :ivar namespace: of the capabilities
    :ivar version: of the namespace
    :ivar resource_type: what the capabilities are about, such as ``STORAGE``
    :ivar raw: the server's object
    """

    id: str
    label: str
    namespace: str
    version: str
    resource_type: str
    raw: Any = dataclasses.field(compare=False, repr=False)


def capability_schema(
    session: Any, *, vendor: str | None = None, line_of_service: str | Iterable[str] | None = None
) -> list[Schema]:
    """What rules can be about, kept as long as policies are (one call).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param vendor: id of one vendor; None for all
    :param line_of_service: one or several, such as ``PERSISTENCE``; None for all. A server
                            before 6.5 has no such thing
    :raises PbmNotSupportedException: a line of service, asked of a server before 6.5
    """
    lines = (line_of_service,) if isinstance(line_of_service, str) else line_of_service
    lines = tuple(lines) if lines is not None else None
    connection = _calls.Connection(session)
    if lines is not None:
        connection.require('PbmFetchCapabilitySchema', (6, 5))
        if not lines:
            # On the wire no lines of service look like no choice, and that means all.
            return []
    key = (vendor, lines)
    cache = policy_cache(session)

    def ask() -> tuple[Schema, ...]:
        kept = cache.schema(key)
        return _read(connection, vendor, lines) if kept is None else kept

    held = cache.schema(key)
    return list(cache.share(('schema', key), ask) if held is None else held)


def _read(
    connection: _calls.Connection, vendor: str | None, lines: tuple[str, ...] | None
) -> tuple[Schema, ...]:
    mark = policy_cache(connection.session).state
    if connection.has('PbmFetchCapabilitySchema'):
        arguments: dict[str, Any] = {}
        if vendor is not None:
            arguments['vendorUuid'] = vendor
        if lines is not None:
            arguments['lineOfService'] = list(lines)
        reply = connection.call(_calls.PROFILES, 'PbmFetchCapabilitySchema', **arguments)
        found = tuple(_schema(raw) for raw in _calls.as_list(reply))
    else:
        found = (_metadata(connection, vendor),)
    policy_cache(connection.session).keep_schema(mark, (vendor, lines), found)
    return found


def types_of(session: Any, rule_sets: Iterable[rules.RuleSet]) -> rules.Types:
    """The types of the properties that rules are about, to send values with.

    Only whole numbers need that: rules without any cost no call. Of a server that does not tell,
    numbers go out as what they are in Python.

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    """
    if not any(values.has_number(rule.value) for one in rule_sets for rule in one.rules):
        return {}
    try:
        schemas = capability_schema(session)
    except exceptions.VimFaultException as fault:
        LOG.warning('The types of the numbers in rules are not known: %s', fault)
        return {}
    return {
        (capability.namespace, capability.id, prop.id): prop.type
        for found in schemas
        for capability in found.capabilities
        for prop in capability.properties
        if prop.type is not None
    }


def vendors(session: Any, resource_type: str | None = None) -> list[Vendor]:
    """Who announces capabilities (``PbmFetchVendorInfo``, PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    :param resource_type: one of :func:`resource_types`; None for all
    """
    connection = _calls.Connection(session)
    arguments = {}
    if resource_type is not None:
        arguments['resourceType'] = connection.create(
            'PbmProfileResourceType', resourceType=resource_type
        )
    reply = connection.call(_calls.PROFILES, 'PbmFetchVendorInfo', **arguments)
    return [
        Vendor(
            str(raw.vendorInfo.vendorUuid),
            _label(_calls.get(raw.vendorInfo, 'info')),
            str(raw.namespaceInfo.namespace),
            str(raw.namespaceInfo.version),
            str(by_type.resourceType),
            raw,
        )
        for by_type in _calls.as_list(reply)
        for raw in _calls.many(by_type, 'vendorNamespaceInfo')
    ]


def resource_types(session: Any) -> list[str]:
    """What policies can be about, such as ``STORAGE`` (``PbmFetchResourceType``, PBM API 1.0).

    :param session: :class:`~oslo_vmware.api.VMwareAPISession`
    """
    reply = _calls.Connection(session).call(_calls.PROFILES, 'PbmFetchResourceType')
    return [str(one.resourceType) for one in _calls.as_list(reply)]


def _metadata(connection: _calls.Connection, vendor: str | None) -> Schema:
    arguments: dict[str, Any] = {
        'resourceType': connection.create('PbmProfileResourceType', resourceType=policies.STORAGE)
    }
    if vendor is not None:
        arguments['vendorUuid'] = vendor
    reply = _calls.as_list(
        connection.call(_calls.PROFILES, 'PbmFetchCapabilityMetadata', **arguments)
    )
    return Schema(vendor, None, None, None, _capabilities(reply), tuple(reply))


def _schema(raw: Any) -> Schema:
    line = _calls.get(raw, 'lineOfService')
    return Schema(
        str(raw.vendorInfo.vendorUuid),
        str(raw.namespaceInfo.namespace),
        _calls.text(raw.namespaceInfo, 'version'),
        _calls.text(line, 'lineOfService'),
        _capabilities(_calls.many(raw, 'capabilityMetadataPerCategory')),
        raw,
    )


def _capabilities(categories: Iterable[Any]) -> tuple[Capability, ...]:
    return tuple(
        Capability(
            str(raw.id.namespace),
            str(raw.id.id),
            _label(_calls.get(raw, 'summary')),
            _calls.text(category, 'subCategory'),
            bool(_calls.get(raw, 'mandatory', False)),
            bool(_calls.get(raw, 'hint', False)),
            tuple(_property(one) for one in _calls.many(raw, 'propertyMetadata')),
            raw,
        )
        for category in categories
        for raw in _calls.many(category, 'capabilityMetadata')
    )


def _property(raw: Any) -> Property:
    type_ = _calls.get(raw, 'type')
    default, allowed = _calls.get(raw, 'defaultValue'), _calls.get(raw, 'allowedValue')
    return Property(
        str(raw.id),
        _label(_calls.get(raw, 'summary')),
        bool(_calls.get(raw, 'mandatory', False)),
        _calls.text(type_, 'typeName'),
        _calls.text(type_, 'genericTypeName') or _calls.text(raw, 'requirementsTypeHint'),
        None if default is None else values.from_wire(default),
        None if allowed is None else values.from_wire(allowed),
        raw,
    )


def _label(description: Any) -> str:
    return _calls.text(description, 'label') or ''
