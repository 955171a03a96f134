"""Versions of PBM: what is refused, what is kept from older clients, what is published."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from oslo_vmware.simulator import VCenterSimulator

from .conftest import RawPbm, Soap
from .policies import INSTANCE, Client


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
