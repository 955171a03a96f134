"""Versions of PBM: what is refused, what is kept from older clients, what is published."""

from __future__ import annotations

import http.client
import pathlib
from typing import Any

import pytest
from lxml import etree
from pyVmomi import VmomiSupport, pbm

import oslo_vmware
from oslo_vmware.simulator import Ref, VCenterSimulator
from oslo_vmware.simulator.pbm.policies import VSAN_DEFAULT_ID

from .conftest import RawPbm, Soap
from .policies import INSTANCE, PROFILES, SOLVER, STORAGE, STORAGE_XML, Client


@pytest.mark.parametrize(
    ('version', 'ignored', 'newest'),
    [
        ('pbm.version.v8_0_0_0', False, False),
        ('pbm.version.v9_1_0_0', False, True),
        ('pbm.version.v8_0_0_0', True, True),
    ],
)
def test_what_is_newer_than_the_client(
    si: Any, vcenter: VCenterSimulator, version: str, ignored: bool, newest: bool
) -> None:
    """What 9.1 brought is kept from older clients, unless a test wants to see how they take it."""
    vcenter.policies.ignore_versions = ignored
    client = Client(si, vcenter, version)
    assert client.named('Gold').k8sCompliantName == ('gold' if newest else None)
    if not ignored:
        result = client.solver.CheckCompatibility(profile=client.named('Gold').profileId)[0]
        assert (result.hubInfo is not None) is newest
    client.stub.DropConnections()


@pytest.mark.parametrize(
    ('api_version', 'action', 'accepted'),
    [
        ('9.1.1.0', 'urn:pbm/9.1.1.0', True),
        ('9.1.1.0', '"urn:pbm/9.1.0.0"', True),
        ('9.1.1.0', 'urn:pbm/1.0', True),
        ('8.0.3.0', 'urn:pbm/8.0.3.0', True),
        ('8.0.3.0', 'urn:pbm/8.0.3.1', False),
        ('8.0.3.0', 'urn:pbm/9.0.0.0', False),
        ('8.0.3.0', 'urn:pbm/8.0', False),
        ('8.0.3.0', 'urn:vim25/8.0.3.0', False),
        ('8.0.3.0', 'urn:pbm', True),
        ('8.0.3.0', 'urn:pbm/', True),
        ('7.0.0.0', 'urn:pbm/s4765C', False),
        ('6.7', 'urn:pbm/6.7', True),
        ('6.7', 'urn:pbm/6.7.1', False),
        ('6.0', 'urn:pbm/2.0', True),
        ('6.0', 'urn:pbm/6.5', False),
        ('5.5', 'urn:pbm/1.0', True),
        ('5.5', 'urn:pbm/2.0', False),
    ],
)
def test_versions(api_version: str, action: str, accepted: bool) -> None:
    """The SOAPAction may name PBM's version of the server and older ones, no other."""
    with VCenterSimulator(api_version=api_version) as vc:
        raw = RawPbm(vc)
        answer = raw.call('PbmRetrieveServiceContent', INSTANCE, SOAPAction=action)
        raw.http.close()
    if accepted:
        assert answer.fault is None
    else:
        assert answer.fault.findtext('faultcode') == 'VersionMismatchFaultCode'
        assert (answer.fault_text or '').startswith('Unsupported version URI')


@pytest.mark.vcenter(api_version='8.0.3.0')
def test_published_versions(soap: Soap) -> None:
    """The versions of PBM are published as those of VIM are, newest first."""
    address = f'{soap.vc.pbm_url}/pbmServiceVersions.xml'
    root = etree.fromstring(soap.http.get(address, timeout=30).content)
    assert root.findtext('namespace/name') == 'urn:pbm'
    assert root.findtext('namespace/version') == '8.0.3.0'
    prior = [node.text for node in root.iterfind('namespace/priorVersions/version')]
    assert prior[0] == '8.0.2.0'
    assert prior[-2:] == ['2.0', '1.0']


def described(release: str) -> dict[str, str]:
    """The operations in the description of a release, each with the object that has it."""
    directory = pathlib.Path(oslo_vmware.__file__).parent / 'wsdl' / 'pbm' / release
    root = etree.parse(str(directory / 'pbm.wsdl')).getroot()
    names = {node.get('name') for node in root.iter('{http://schemas.xmlsoap.org/wsdl/}operation')}
    return {
        method.wsdlName: kind
        for kind in OBJECTS
        for method in VmomiSupport.GetWsdlType('urn:pbm', kind)._methodInfo.values()
        if method.wsdlName in names
    }


# Where each object is.
OBJECTS = {
    'PbmServiceInstance': 'ServiceInstance',
    'PbmProfileProfileManager': 'ProfileManager',
    'PbmPlacementSolver': 'placementSolver',
    'PbmComplianceManager': 'complianceManager',
    'PbmReplicationManager': 'ReplicationManager',
}


@pytest.mark.parametrize(
    ('release', 'action', 'count'),
    [('5.5', '1.0', 22), ('6.0', '2.0', 27), ('6.5', '6.5', 32), ('9.1', '9.1.0.0', 32)],
)
def test_operations_of_a_version(raw: RawPbm, release: str, action: str, count: int) -> None:
    """A client has the operations that the description of its version has, and no other."""
    newest, spoken = described('9.1'), described(release)
    assert (len(newest), len(spoken)) == (32, count - (release == '5.5'))
    if release == '5.5':
        # Genuine 5.5 has one that the generated description lacks.
        spoken['PbmQueryDefaultRequirementProfile'] = 'PbmProfileProfileManager'
    known = set()
    for operation, kind in newest.items():
        answer = raw.call(operation, Ref(kind, OBJECTS[kind]), SOAPAction=f'urn:pbm/{action}')
        text = answer.fault_text or ''
        if not text.startswith('Unable to resolve WSDL method name'):
            known.add(operation)
            # Those that want arguments say so; nothing else goes wrong.
            assert answer.fault is None or 'is missing' in text, text
    assert known == set(spoken)


@pytest.mark.parametrize('action', ['urn:pbm/', 'urn:pbm', '""', ''])
def test_a_client_that_names_no_version_has_all(raw: RawPbm, action: str) -> None:
    """Who names no version, as govmomi does, gets the newest: operations of 6.5, fields of 9.1."""
    answer = raw.call('PbmCheckRequirements', SOLVER, SOAPAction=action)
    assert answer.fault is None
    assert b'<hubInfo' in answer.response.content


@pytest.mark.vcenter(api_version='6.0')
def test_an_older_server_has_fewer_operations(raw: RawPbm) -> None:
    """A server of 6.0 lacks what came with 6.5, whatever the client says that it speaks."""
    for action in ('urn:pbm', 'urn:pbm/2.0'):
        answer = raw.call('PbmCheckRequirements', SOLVER, SOAPAction=action)
        assert 'Unable to resolve WSDL method name' in (answer.fault_text or '')
    answer = raw.call('PbmCheckRequirements', SOLVER, SOAPAction='urn:pbm/6.5')
    assert 'Unsupported version URI' in (answer.fault_text or '')


@pytest.mark.parametrize(
    ('action', 'operation', 'target', 'content', 'there', 'hidden'),
    [
        ('2.0', 'PbmRetrieveServiceContent', INSTANCE, '', 'placementSolver', 'replicationManager'),
        ('8.0.3.0', 'PbmFetchCapabilitySchema', PROFILES, '', 'lineOfService',
         'capabilityCategory'),
        ('9.0.0.0', 'PbmCheckRequirements', SOLVER, '', 'utilization', 'hubInfo'),
        ('1.0', 'PbmRetrieveContent', PROFILES,
         f'<profileIds><uniqueId>{VSAN_DEFAULT_ID}</uniqueId></profileIds>', 'isDefault',
         'systemCreatedProfileType'),
    ],
)  # fmt: skip
def test_fields_of_a_version(
    raw: RawPbm,
    action: str,
    operation: str,
    target: Ref,
    content: str,
    there: str,
    hidden: str,
) -> None:
    """What came later is left out for an older client, and there for a newer one."""

    def fields(version: str) -> set[str]:
        answer = raw.call(operation, target, content, SOAPAction=f'urn:pbm/{version}')
        assert answer.fault is None
        return {etree.QName(node).localname for node in answer.body.iter('*')}

    assert {there, hidden} & fields(action) == {there}
    assert {there, hidden} <= fields('9.1.0.0')
    raw.vc.policies.ignore_versions = True
    assert {there, hidden} <= fields(action)


def test_fields_that_nobody_knows(raw: RawPbm) -> None:
    """A switch adds unknown fields to all objects of a reply, and changes nothing else."""

    def asked() -> Any:
        return raw.call('PbmRetrieveContent', PROFILES, wanted, SOAPAction='urn:pbm/9.1.0.0').body

    wanted = f'<profileIds><uniqueId>{VSAN_DEFAULT_ID}</uniqueId></profileIds>'
    before = asked()
    raw.vc.policies.unknown_fields = True
    after = asked()
    added = [node for node in after.iter('*') if etree.QName(node).localname.startswith('added')]
    objects = [node for node in before.iterfind('.//{urn:pbm}returnval//*') if len(node)]
    assert len(added) == 3 * (len(objects) + 1)
    for node in added:
        node.getparent().remove(node)
    assert etree.tostring(after, method='c14n') == etree.tostring(before, method='c14n')


# --- permissions and a service that is down


def test_missing_privileges(si: Any, vcenter: VCenterSimulator) -> None:
    """The fault names the privileges, and the policies that they are missing for."""
    client = Client(si, vcenter, 'pbm.version.v9_1_0_0')
    gold, silver = client.named('Gold').profileId, client.named('Silver').profileId
    policies = client.vc.policies
    policies.deny('StorageProfile.View', gold.uniqueId)
    assert client.profiles.RetrieveContent(profileIds=[silver])
    with pytest.raises(pbm.fault.NoPermission) as caught:
        client.profiles.RetrieveContent(profileIds=[silver, gold])
    (missing,) = caught.value.missingPrivileges
    assert missing.profileId.uniqueId == gold.uniqueId
    assert missing.privilegeIds == ['StorageProfile.View']
    policies.allow('StorageProfile.View')
    policies.deny('StorageProfile.Update')
    assert client.profiles.RetrieveContent(profileIds=[silver, gold])
    with pytest.raises(pbm.fault.NoPermission) as caught:
        client.profiles.Delete(profileId=[silver])
    (missing,) = caught.value.missingPrivileges
    assert (missing.profileId, missing.privilegeIds) == (None, ['StorageProfile.Update'])
    policies.allow('StorageProfile.Update')
    assert client.profiles.Delete(profileId=[silver])[0].fault is None
    client.stub.DropConnections()


@pytest.mark.parametrize(
    ('action', 'fault'),
    [
        ('9.1.0.0', 'PbmFaultNoPermission'),
        ('8.0.2.0', 'PbmFaultNoPermission'),
        ('8.0.1.0', 'SecurityError'),
    ],
)
def test_missing_privileges_by_version(raw: RawPbm, action: str, fault: str) -> None:
    """A client that does not know the fault of 8.0.2 gets what that is derived from."""
    raw.vc.policies.deny('StorageProfile.View')
    action = f'urn:pbm/{action}'
    answer = raw.call('PbmQueryProfile', PROFILES, STORAGE_XML, SOAPAction=action)
    assert (answer.fault_type or '').endswith(fault)
    # Without a session that is what is wrong, and what is open to all stays open.
    raw.cookie = None
    answer = raw.call('PbmQueryProfile', PROFILES, STORAGE_XML, SOAPAction=action)
    assert (answer.fault_type or '').endswith('NotAuthenticated')
    assert raw.call('PbmRetrieveServiceContent', INSTANCE, SOAPAction=action).fault is None


@pytest.mark.vcenter(api_version='7.0.3.0')
def test_missing_privileges_of_an_older_server(raw: RawPbm) -> None:
    """Before 8.0.2 a server has nothing better than the NoPermission of all services."""
    raw.vc.policies.deny('StorageProfile.View')
    answer = raw.call('PbmQueryProfile', PROFILES, STORAGE_XML)
    assert (answer.fault_type or '').endswith('NoPermission')
    assert not (answer.fault_type or '').endswith('PbmFaultNoPermission')


def test_a_service_that_is_down(client: Client) -> None:
    """PBM can be out while VIM is not."""
    client.vc.faults.http('Pbm*', status=503, times=2)
    for _time in range(2):
        with pytest.raises(http.client.HTTPException, match='503'):
            client.profiles.QueryProfile(resourceType=STORAGE)
    assert client.instance_of_vim.CurrentTime()
    assert client.profiles.QueryProfile(resourceType=STORAGE)


@pytest.mark.vcenter(api_version='5.5')
def test_the_oldest_server(si: Any, vcenter: VCenterSimulator) -> None:
    """A client of 5.5 lists policies, places by them and learns reasons from a server of 5.5."""
    client = Client(si, vcenter, 'pbm.version.version1')
    silver = client.named('Silver').profileId
    assert client.names(client.solver.QueryMatchingHub(profile=silver)) == {'fra-vmfs-01'}
    hubs = [client.hub('fra-nfs-01')]
    (result,) = client.solver.CheckCompatibility(hubsToSearch=hubs, profile=silver)
    assert isinstance(result.error[0], pbm.fault.CapabilityProfilePropertyMismatchFault)
    client.stub.DropConnections()
