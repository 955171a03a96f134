"""What policies can be about, asked with pyVmomi: capabilities, vendors, resource types."""

from __future__ import annotations

from typing import Any

import pytest
from pyVmomi import VmomiSupport, pbm, vmodl

from oslo_vmware.simulator.objects.datastore import Datastore
from oslo_vmware.simulator.pbm import capabilities

from .policies import STORAGE, Client, rule, spec, tags


def by_id(categories: list[Any]) -> dict[str, Any]:
    return {one.id.id: one for category in categories for one in category.capabilityMetadata}


def test_schemas(client: Client) -> None:
    """Each namespace has its vendor and line of service, and can be asked for by either."""
    fetch = client.profiles.FetchCapabilitySchema
    found = {one.namespaceInfo.namespace: one for one in fetch()}
    lines = {name: one.lineOfService.lineOfService for name, one in found.items()}
    assert lines == {
        'http://www.vmware.com/storage/tag': 'PERSISTENCE',
        'VSAN': 'PERSISTENCE',
        'vmwarevmcrypt': 'ENCRYPTION',
        'spm': 'DATASTORE_IO_CONTROL',
        'com.vmware.storage.consumptiondomain': 'PERSISTENCE',
    }
    filters = fetch(vendorUuid='com.vmware.iofilters')
    assert [one.namespaceInfo.namespace for one in filters] == ['vmwarevmcrypt', 'spm']
    (crypt,) = fetch(lineOfService=['ENCRYPTION'])
    assert crypt.namespaceInfo.namespace == 'vmwarevmcrypt'
    assert fetch(vendorUuid='nobody') == []
    with pytest.raises(vmodl.fault.InvalidArgument):
        fetch(lineOfService=['COOKING'])


def test_metadata(client: Client) -> None:
    """Types, allowed values and defaults of properties are told."""
    described = by_id(client.profiles.FetchCapabilityMetadata())
    (width,) = described['stripeWidth'].propertyMetadata
    assert (width.type.typeName, width.defaultValue, width.mandatory) == ('XSD_INT', 1, False)
    assert (width.allowedValue.min, width.allowedValue.max) == (1, 12)
    (force,) = described['forceProvisioning'].propertyMetadata
    assert [one.value for one in force.allowedValue.values] == [False, True]
    (zone,) = described['StorageTopology'].propertyMetadata
    assert (zone.mandatory, zone.defaultValue) == (True, None)
    io = described['spm@DATASTORE_IO_CONTROL'].propertyMetadata
    assert [one.id for one in io] == ['limit', 'reservation', 'shares']
    only = client.profiles.FetchCapabilityMetadata(resourceType=STORAGE, vendorUuid='VSAN')
    assert {one.id.namespace for one in by_id(only).values()} == {'VSAN'}
    with pytest.raises(vmodl.fault.InvalidArgument):
        client.profiles.FetchCapabilityMetadata(
            resourceType=pbm.profile.ResourceType(resourceType='COMPUTE')
        )


def test_numbers_of_another_type(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A property of XSD_LONG is described as one, and takes no xsd:int."""
    speed = capabilities.Property('speed', int, (0, 9), 1, 'Speed', 'long')
    namespace = capabilities.Namespace(
        *('ACME', 'acme', 'ACME', 'Array', None),
        (capabilities.Capability('speed', 'Speed', (speed,)),),
    )
    monkeypatch.setattr(capabilities, 'NAMESPACES', (*capabilities.NAMESPACES, namespace))
    described = by_id(client.profiles.FetchCapabilityMetadata(vendorUuid='acme'))
    (prop,) = described['speed'].propertyMetadata
    assert (prop.type.typeName, prop.defaultValue) == ('XSD_LONG', 1)
    told = (prop.defaultValue, prop.allowedValue.min, prop.allowedValue.max)
    assert [type(one) for one in told] == [VmomiSupport.long] * 3
    for value in (5, VmomiSupport.long(10)):
        with pytest.raises(vmodl.fault.InvalidArgument):
            client.profiles.Create(createSpec=spec('p', [rule('ACME', 'speed', value)]))
    made = client.profiles.Create(
        createSpec=spec('p', [rule('ACME', 'speed', VmomiSupport.long(5))])
    )
    (policy,) = client.profiles.RetrieveContent(profileIds=[made])
    capability = policy.constraints.subProfiles[0].capability[0]
    assert type(capability.constraint[0].propertyInstance[0].value) is VmomiSupport.long


def test_tags_are_told(client: Client) -> None:
    """A tag category is a capability, its tags are the allowed values, commas and all."""
    client.vc.policies.tag(next(client.vc.world.of_type(Datastore)), 'Site', 'a, b', 'c')
    found = by_id(client.profiles.FetchCapabilityMetadata())['Site']
    (prop,) = found.propertyMetadata
    assert isinstance(prop.type, pbm.capability.GenericTypeInfo)
    assert (prop.type.typeName, prop.type.genericTypeName) == ('XSD_STRING', 'VMW_SET')
    assert prop.id == 'com.vmware.storage.tag.Site.property'
    assert [one.value for one in prop.allowedValue.values] == ['a, b', 'c']


def test_what_is_told_is_what_is_taken(client: Client) -> None:
    """Any allowed value makes a policy, and for each range what lies beyond it does not."""
    refused = 0
    for namespace, capability in (
        (one.id.namespace, one)
        for category in client.profiles.FetchCapabilityMetadata()
        for one in category.capabilityMetadata
    ):
        for prop in capability.propertyMetadata:
            allowed = prop.allowedValue
            if isinstance(allowed, pbm.capability.types.Range):
                good, bad = [allowed.min, allowed.max], [allowed.min - 1]
            else:
                good, bad = [one.value for one in allowed.values], []
            for value in good + bad:
                made = (
                    tags(capability.id.id, value)
                    if 'tag' in namespace
                    else rule(namespace, capability.id.id, value, prop=prop.id)
                )
                if value in good:
                    client.solver.QueryMatchingHubWithSpec(createSpec=spec('x', [made]))
                    continue
                with pytest.raises(vmodl.fault.InvalidArgument):
                    client.solver.QueryMatchingHubWithSpec(createSpec=spec('x', [made]))
                refused += 1
    assert refused == 8


def test_vendors(client: Client) -> None:
    """Vendors with their namespaces, for the one resource type there is."""
    (storage,) = client.profiles.FetchVendorInfo()
    assert storage.resourceType == 'STORAGE'
    found = {
        one.namespaceInfo.namespace: one.vendorInfo.vendorUuid
        for one in storage.vendorNamespaceInfo
    }
    assert found['VSAN'] == 'VSAN'
    assert found['spm'] == found['vmwarevmcrypt'] == 'com.vmware.iofilters'
    assert [one.resourceType for one in client.profiles.FetchResourceType()] == ['STORAGE']
