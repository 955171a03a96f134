"""What a reply brought can be sent back, and is what it was."""

import copy
from typing import Any

import pytest
from lxml import etree

from oslo_vmware import vim_util
from oslo_vmware.soap.objects import moref
from tests.differential.engines import Engines
from tests.differential.test_known_differences import read

_XSI_TYPE = '{http://www.w3.org/2001/XMLSchema-instance}type'

#: Operation that takes it, name of the parameter, type, and what a server wrote.
OBJECTS = {
    'the machine of an OVF descriptor': (
        'ImportVApp spec VirtualMachineImportSpec',
        (
            '<configSpec><name>vm</name><annotation>text</annotation>'
            '<files><vmPathName>[ds]</vmPathName></files>'
            '<cpuFeatureMask><operation>add</operation><info><level>1</level></info>'
            '</cpuFeatureMask></configSpec>'
        ),
    ),
    'a device of no name': (
        'ReconfigVM_Task spec VirtualMachineConfigSpec',
        (
            '<deviceChange><operation>edit</operation><device xsi:type="VirtualCdrom">'
            '<key>3000</key><deviceInfo><label>CD</label><summary></summary></deviceInfo>'
            '<backing xsi:type="VirtualCdromRemotePassthroughBackingInfo">'
            '<deviceName></deviceName><useAutoDetect>false</useAutoDetect><exclusive>false'
            '</exclusive></backing></device></deviceChange>'
        ),
    ),
    'types that have nothing in them': (
        'CheckCustomizationSpec spec CustomizationSpec',
        (
            '<options xsi:type="CustomizationLinuxOptions"/>'
            '<identity xsi:type="CustomizationLinuxPrep">'
            '<hostName xsi:type="CustomizationVirtualMachineName"/><domain></domain></identity>'
            '<globalIPSettings/><nicSettingMap><adapter>'
            '<ip xsi:type="CustomizationDhcpIpGenerator"/></adapter></nicSettingMap>'
        ),
    ),
    'an option that is set to nothing': (
        'ReconfigVM_Task spec VirtualMachineConfigSpec',
        (
            '<extraConfig><key>guestinfo.x</key><value xsi:type="xsd:string"></value></extraConfig>'
            '<extraConfig><key></key><value xsi:type="xsd:string">1</value></extraConfig>'
        ),
    ),
    'the network of a host': (
        'UpdateNetworkConfig config HostNetworkConfig',
        (
            '<dnsConfig><dhcp>false</dhcp><hostName>esx</hostName><domainName></domainName>'
            '<address>10.0.0.1</address></dnsConfig>'
        ),
    ),
    'nothing but what is required': (
        'ReconfigVM_Task spec VirtualMachineConfigSpec',
        '<name>vm</name><files/><deviceChange><device/></deviceChange>',
    ),
}


@pytest.mark.parametrize('engine', ['by_ours', 'by_tolerant'])
def test_nothing_is_sent_that_nobody_has_set(vim: Engines, engine: str) -> None:
    """None for a required text is left out of what users make, be it of the factory or a dict."""
    client = vim.ours if engine == 'by_ours' else vim.tolerant
    option = client.factory.create('ns0:OptionValue')
    option.value = 1
    spec = {'extraConfig': [option, copy.copy(option), {'key': None, 'value': 1}]}
    request = vim.sent(
        getattr(vim, engine), 'ReconfigVM_Task', moref('vm-1', 'VirtualMachine'), {'spec': spec}
    )
    assert request.count(b'extraConfig>') == 6
    assert b'key' not in request


def _plain(element: Any) -> str:
    """An element as text: without its own name and type, and ``<a/>`` as ``<a></a>``."""
    texts = []
    for one in element.iter():
        name = etree.QName(one).localname
        type_ = (one.get(_XSI_TYPE) or '').rpartition(':')[2] if one is not element else ''
        children = '' if len(one) else (one.text or '')
        depth = sum(1 for _ in one.iterancestors()) - sum(1 for _ in element.iterancestors())
        texts.append(f'{" " * depth}{name if one is not element else ""} {type_} {children}')
    return '\n'.join(texts)


@pytest.mark.parametrize('through_json', [False, True])
@pytest.mark.parametrize('engine', ['by_ours', 'by_tolerant'])
@pytest.mark.parametrize(('call', 'written'), OBJECTS.values(), ids=OBJECTS)
def test_what_came_goes_back_as_it_came(
    vim: Engines, engine: str, through_json: bool, call: str, written: str
) -> None:
    """What came empty is empty, and of the type that it had; also when it was typed data."""
    operation, parameter, type_ = call.split()
    by = getattr(vim, engine)
    came = read(vim, by, f'<val xsi:type="{type_}">{written}</val>')
    if through_json:
        factory = (vim.ours if engine == 'by_ours' else vim.tolerant).factory
        came = vim_util.deserialize_object(factory, vim_util.serialize_object(came, typed=True))
    request = vim.sent(by, operation, moref('o', 'Any'), {parameter: came})
    sent = etree.fromstring(request).find(f'.//{{urn:vim25}}{parameter}')
    reply = (
        f'<spec xmlns="urn:vim25" xmlns:xsd="urn:x" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{written}</spec>'
    )
    assert _plain(sent) == _plain(etree.fromstring(reply))
