"""SOAP: what is refused, and in which words."""

from __future__ import annotations

import pytest

from oslo_vmware.simulator import Ref, VCenterSimulator
from tests.simulator.conftest import (
    PROPERTY_COLLECTOR,
    SERVICE_INSTANCE,
    SESSION_MANAGER,
    SOAP,
    XSI,
    Answer,
    Soap,
    read_spec,
)

MACHINE = Ref('VirtualMachine', 'vm-404')
VIEW_MANAGER = Ref('ViewManager', 'ViewManager')
ROOT = Ref('Folder', 'group-d1')


def test_shape_of_a_fault(soap: Soap) -> None:
    """A fault is HTTP 500 with code, string and a detail of the fault's type with its members."""
    answer = soap.call('CurrentTime', SERVICE_INSTANCE)
    assert answer.response.status_code == 500
    assert answer.response.headers['Content-Type'] == 'text/xml; charset=utf-8'
    assert answer.fault.findtext('faultcode') == 'ServerFaultCode'
    assert answer.fault_text == 'The session is not authenticated.'
    (detail,) = answer.fault.find('detail')
    assert detail.tag == '{urn:vim25}NotAuthenticatedFault'
    assert detail.get(f'{{{XSI}}}type') == 'NotAuthenticated'
    held = detail.find('{urn:vim25}object')
    assert (held.get('type'), held.text) == ('ServiceInstance', 'ServiceInstance')
    assert detail.findtext('{urn:vim25}privilegeId') == 'System.View'


@pytest.mark.vcenter(api_version='8.0.3.0')
@pytest.mark.parametrize(
    ('action', 'accepted'),
    [
        ('urn:vim25/8.0.3.0', True),
        ('"urn:vim25/8.0.3.0"', True),
        ('"urn:vim25/6.7"', True),
        ('urn:vim25/7.0', True),
        ('"urn:vim25/5.5"', True),
        ('urn:vim25', True),
        ('urn:vim25/', True),
        ('""', True),
        ('', True),
        ('urn:vim25/8.0.3.1', False),
        ('"urn:vim25/9.9"', False),
        ('urn:vim25/s4765C', False),
        ('urn:pbm/2.0', False),
    ],
)
def test_versions_that_the_server_does_not_know_are_refused(
    soap: Soap, action: str, accepted: bool
) -> None:
    """The SOAPAction may name the server's version and older ones, or none; no other."""
    answer = soap.call('RetrieveServiceContent', SERVICE_INSTANCE, SOAPAction=action)
    if accepted:
        assert answer.text('returnval/about/apiVersion') == '8.0.3.0'
    else:
        assert answer.response.status_code == 500
        assert answer.fault.findtext('faultcode') == 'VersionMismatchFaultCode'
        assert answer.fault_type == 'InvalidRequest'
        assert (answer.fault_text or '').startswith(
            f'Unsupported version URI "{action.strip(chr(34))}"'
        )


@pytest.mark.parametrize(
    'body',
    [
        '',
        'Hello!',
        '<html/>',
        f'<e:Envelope xmlns:e="{SOAP}"/>',
        f'<e:Envelope xmlns:e="{SOAP}"><e:Body/></e:Envelope>',
        (
            f'<!DOCTYPE e [<!ENTITY x "y">]><e:Envelope xmlns:e="{SOAP}"><e:Body><a/></e:Body>'
            '</e:Envelope>'
        ),
        f'<e:Envelope xmlns:e="{SOAP}"><e:Body><a></e:Body></e:Envelope>',
    ],
)
def test_what_is_no_soap_is_the_clients_fault(soap: Soap, body: str) -> None:
    """Anything but an envelope with an operation in it is a ClientFaultCode."""
    answer = Answer(soap.post(body))
    assert answer.fault.findtext('faultcode') == 'ClientFaultCode'
    assert answer.fault_type == 'InvalidRequest'


def container_view(content: str) -> tuple[str, Ref, str]:
    return 'CreateContainerView', VIEW_MANAGER, content


@pytest.mark.parametrize(
    ('call', 'fault', 'text'),
    [
        (('Reboot', MACHINE, ''), 'InvalidRequest', 'Reboot'),
        (('PowerOnVM_Task', MACHINE, ''), 'ManagedObjectNotFound', "'vim.VirtualMachine:vm-404'"),
        (('PowerOnVM_Task', ROOT, ''), 'MethodNotFound', 'PowerOnVM_Task'),
        (
            ('CreateInventoryView', VIEW_MANAGER, ''),
            'NotImplemented',
            'CreateInventoryView of ViewManager is not implemented',
        ),
        (
            ('Destroy_Task', Ref('a&quot;b&lt;c', 'vm-404'), ''),
            'ManagedObjectNotFound',
            "'vim.a\"b<c:vm-404'",
        ),
        (
            (
                'FindChild',
                Ref('SearchIndex', 'SearchIndex'),
                '<entity type="TaskManager">TaskManager</entity><name>x</name>',
            ),
            'InvalidArgument',
            'entity',
        ),
        (('CurrentTime', SERVICE_INSTANCE, '<when>now</when>'), 'InvalidRequest', 'when'),
        (container_view('<recursive>true</recursive>'), 'InvalidRequest', 'container'),
        (
            ('RetrievePropertiesEx', PROPERTY_COLLECTOR, '<options/>'),
            'InvalidRequest',
            'specSet is missing',
        ),
        (
            container_view('<container type="Folder">group-d1</container>'),
            'InvalidRequest',
            'recursive',
        ),
        (
            container_view(
                '<container type="Folder">group-d1</container><recursive>maybe</recursive>'
            ),
            'InvalidRequest',
            'maybe',
        ),
        (
            container_view(
                '<recursive>true</recursive><container type="Folder">group-d1</container>'
            ),
            'InvalidRequest',
            'order',
        ),
        (
            container_view(
                '<container type="Folder">group-d1</container><recursive>true</recursive>'
                '<recursive>true</recursive>'
            ),
            'InvalidRequest',
            'twice',
        ),
        (
            container_view('<container>group-d1</container><recursive>true</recursive>'),
            'InvalidRequest',
            'type',
        ),
        (
            container_view(
                '<container type="VirtualMachine">group-d1</container><recursive>1</recursive>'
            ),
            'ManagedObjectNotFound',
            'group-d1',
        ),
        (
            (
                'RetrievePropertiesEx',
                PROPERTY_COLLECTOR,
                '<options><maxObjects>many</maxObjects></options>',
            ),
            'InvalidRequest',
            'many',
        ),
        (
            (
                'RetrievePropertiesEx',
                PROPERTY_COLLECTOR,
                '<specSet xsi:type="Description"/><options/>',
            ),
            'InvalidRequest',
            'Description',
        ),
    ],
)
def test_calls_that_make_no_sense(
    soap: Soap, call: tuple[str, Ref, str], fault: str, text: str
) -> None:
    """What cannot be called or read is refused, and the text names the culprit."""
    soap.login()
    answer = soap.call(*call)
    assert answer.fault_type == fault
    assert text in (answer.fault_text or '')


def test_lenient_where_servers_are(vcenter: VCenterSimulator, soap: Soap) -> None:
    """Python's True, a number with a zero fraction and an undeclared prefix xsd are taken."""
    soap.login()
    content = '<container type="Folder">group-d1</container><recursive>True</recursive>'
    assert soap.call(*container_view(content)).fault is None
    wanted = read_spec(ROOT, 'name').replace(
        '<options/>', '<options><maxObjects>1.0</maxObjects></options>'
    )
    assert soap.call('RetrievePropertiesEx', PROPERTY_COLLECTOR, wanted).fault is None
    machine = vcenter.world.get(vcenter.world.root_folder.ref)
    assert machine is vcenter.world.root_folder


def test_soap_headers_are_recorded(vcenter: VCenterSimulator, soap: Soap) -> None:
    """What a client puts into the SOAP header can be looked at, call by call."""
    soap.call(
        'RetrieveServiceContent',
        SERVICE_INSTANCE,
        header='<operationID>op-1</operationID><vcSessionCookie>abc</vcSessionCookie>',
    )
    soap.call('RetrieveServiceContent', SERVICE_INSTANCE)
    first, second = vcenter.calls
    assert (first.op_id, first.soap_headers['vcSessionCookie']) == ('op-1', 'abc')
    assert (second.op_id, second.soap_headers) == (None, {})
    assert first.operation == 'RetrieveServiceContent'
    assert first.target == SERVICE_INSTANCE
    assert first.soap_action == '"urn:vim25/6.7"'


def test_no_secret_is_kept(vcenter: VCenterSimulator, soap: Soap) -> None:
    """The record of calls holds no password."""
    soap.login()
    soap.login(password='wrong-secret')
    soap.call('Logout', SESSION_MANAGER)
    assert [call.operation for call in vcenter.calls] == ['Login', 'Login', 'Logout']
    for call in vcenter.calls:
        kept = f'{call!r} {call.args!r}'
        assert vcenter.password not in kept
        assert 'wrong-secret' not in kept
