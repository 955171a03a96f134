"""What the server sends instead of an answer, and which exception it becomes."""

import errno
import http.client
import re
import socket
import ssl
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
import requests

from oslo_vmware import exceptions, service, vim_util, wsdl
from oslo_vmware.vim import Vim
from tests.wire import ENVELOPE, Answer, Request, ScriptedServer, fault, reply

DESCRIPTION = wsdl.file_url(wsdl.vim_wsdl_path())
XSI_TYPE = '{http://www.w3.org/2001/XMLSchema-instance}type'
VM = vim_util.get_moref('vm-1', 'VirtualMachine')

PAGE = '<html><head><title>503</title></head><body><p>Starting</p></body></html>'

NOT_SOAP = {
    'an HTML page while the server starts': (Answer(PAGE, 503, 'text/html'), '503'),
    'a page that is not even XML': (Answer('<html><br>Starting', 503, 'text/html'), '503'),
    "a proxy's 502": (Answer('Bad Gateway', 502, 'text/plain'), '502'),
    'an HTML page with status 200': (Answer(PAGE, 200, 'text/html'), 'text/html'),
    'an empty body': (Answer(b''), 'empty'),
    'an empty error': (Answer(b'', 500), 'status 500'),
    'broken XML': (Answer(ENVELOPE.format('<broken>')), 'not well-formed'),
    'half an envelope': (Answer(ENVELOPE[:150]), 'not well-formed'),
    'a document type': (
        Answer('<!DOCTYPE x [<!ENTITY e "expanded">]>' + ENVELOPE[38:].format('<a>&e;</a>')),
        'document type',
    ),
    'XML of another kind': (Answer('<other/>'), 'not a SOAP envelope'),
    'a redirect': (
        Answer(b'', 302, headers={'Location': 'http://127.0.0.1:9/sdk'}),
        'status 302',
    ),
    'unauthorised': (Answer('no', 401, 'text/plain'), 'status 401'),
    'not found': (Answer('no', 404, 'text/plain'), 'status 404'),
}


def connect(server: ScriptedServer, **options: Any) -> Vim:
    return Vim('http', '127.0.0.1', server.port, wsdl_url=DESCRIPTION, **options)


def serving(answer: Answer) -> Callable[[Request], Answer]:
    return lambda request: answer


@pytest.mark.parametrize(('answer', 'named'), NOT_SOAP.values(), ids=NOT_SOAP.keys())
def test_an_answer_that_is_not_soap(answer: Answer, named: str) -> None:
    """VimConnectionException, which users retry, naming operation, status and content type."""
    with ScriptedServer(serving(answer)) as server:
        with pytest.raises(exceptions.VimConnectionException) as raised:
            connect(server).CurrentTime('ServiceInstance')
        text = str(raised.value)
        assert 'CurrentTime' in text
        assert f'HTTP status {answer.status}' in text
        assert answer.content_type.split(';')[0] in text
        assert named in text
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    'body',
    [
        '<html><p>You sent</p><password>secret-1</password></html>',
        '&lt;soapenv:Envelope&gt;&lt;ns0:password&gt;secret-1&lt;/ns0:password&gt;',
        '<html><ns0:password>secret-1</ns0:password></html>',
        '<html>&lt;password&gt;secret-1&lt;/password&gt;</html>',
        '<html><ns0:userName>secret-1</ns0:userName></html>',
        '<html><ns0:sessionID>secret-1</ns0:sessionID></html>',
        '<html><token>secret-1</token></html>',
    ],
)
def test_an_error_page_that_repeats_the_request(body: str) -> None:
    """What a proxy quotes back to us does not end in an exception's text."""
    with (
        ScriptedServer(serving(Answer(body, 400, 'text/html'))) as server,
        pytest.raises(exceptions.VimConnectionException, match='status 400') as raised,
    ):
        connect(server).CurrentTime('ServiceInstance')
    assert 'secret-1' not in str(raised.value)


def test_nothing_listens() -> None:
    """A refused connection is a VimConnectionException that names host and port."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    with pytest.raises(exceptions.VimConnectionException, match=rf'127\.0\.0\.1:{port}'):
        Vim('http', '127.0.0.1', port, wsdl_url=DESCRIPTION).CurrentTime('ServiceInstance')


def test_no_answer_in_time() -> None:
    """The time-out is the caller's number of seconds, and its end a VimConnectionException."""
    with socket.create_server(('127.0.0.1', 0)) as silent:
        vim = Vim(
            'http',
            '127.0.0.1',
            silent.getsockname()[1],
            wsdl_url=DESCRIPTION,
            connection_timeout=0.2,
        )
        with pytest.raises(exceptions.VimConnectionException, match='timed out'):
            vim.CurrentTime('ServiceInstance')


@pytest.mark.parametrize(
    'make_url',
    [
        lambda server: f'{server.url}/nowhere/vimService.wsdl',
        lambda server: 'file:///does/not/exist.wsdl',
    ],
)
def test_no_description(make_url: Callable[[ScriptedServer], str]) -> None:
    """A description that cannot be had is a VimConnectionException that says where it was."""
    with ScriptedServer(serving(Answer('no', 404, 'text/plain'))) as server:
        url = make_url(server)
        with pytest.raises(exceptions.VimConnectionException, match=re.escape(url)):
            Vim('http', '127.0.0.1', server.port, wsdl_url=url)


@pytest.mark.parametrize('page', ['<html><br>', PAGE, ''])
def test_a_page_in_place_of_the_description(page: str) -> None:
    """The same, whether or not the page is XML; it is not kept for the next session."""
    with ScriptedServer(serving(Answer(page, 200, 'text/html'))) as server:
        for _ in range(2):
            with pytest.raises(exceptions.VimConnectionException, match=r'vimService\.wsdl'):
                Vim('http', '127.0.0.1', server.port, wsdl_url=f'{server.url}/vimService.wsdl')
        assert len(server.requests) == 2


@pytest.mark.parametrize('part', ['vim.wsdl', 'vim-types.xsd'])
@pytest.mark.parametrize('answer', [Answer('no', 503), Answer(PAGE, 200, 'text/html')])
def test_a_part_of_the_description_is_missing(part: str, answer: Answer) -> None:
    """What it includes and imports counts as well."""

    def script(request: Request) -> Answer:
        name = request.path.rpartition('/')[2]
        if name == part:
            return answer
        return Answer(wsdl.vim_wsdl_path().with_name(name).read_bytes())

    with (
        ScriptedServer(script) as server,
        pytest.raises(exceptions.VimConnectionException, match=r'vimService\.wsdl'),
    ):
        Vim('http', '127.0.0.1', server.port, wsdl_url=f'{server.url}/vimService.wsdl')


def test_an_unknown_operation() -> None:
    """VimException, and nothing is sent."""
    with ScriptedServer(serving(reply('X'))) as server:
        with pytest.raises(exceptions.VimException, match='NoSuchOperation'):
            connect(server).NoSuchOperation('ServiceInstance')
        assert server.requests == []


def test_an_unknown_argument() -> None:
    """VimException with the TypeError as cause, and nothing is sent."""
    with ScriptedServer(serving(reply('X'))) as server:
        with pytest.raises(exceptions.VimException) as raised:
            connect(server).PowerOnVM_Task(VM, speed='high')
        assert isinstance(raised.value.cause, TypeError)
        assert server.requests == []


def test_an_idle_connection_that_the_server_closed() -> None:
    """Not an outage: the request is sent once more on a new connection, at once."""
    answers = [
        reply('CurrentTime', '<returnval>2026-01-02T03:04:05Z</returnval>'),
        Answer(drop=True),
        reply('CurrentTime', '<returnval>2026-01-02T03:04:06Z</returnval>'),
    ]
    with ScriptedServer(lambda request: answers.pop(0)) as server:
        vim = connect(server)
        assert vim.CurrentTime('ServiceInstance').second == 5
        assert vim.CurrentTime('ServiceInstance').second == 6
        assert (len(server.requests), server.connections) == (3, 2)


def test_the_same_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection to a proxy is kept and lost in the same way."""
    answers = [
        reply('CurrentTime', '<returnval>2026-01-02T03:04:05Z</returnval>'),
        Answer(drop=True),
        reply('CurrentTime', '<returnval>2026-01-02T03:04:06Z</returnval>'),
    ]
    with ScriptedServer(lambda request: answers.pop(0)) as proxy:
        monkeypatch.setenv('HTTP_PROXY', proxy.url)
        vim = Vim('http', 'vcenter.invalid', 80, wsdl_url=DESCRIPTION)
        assert vim.CurrentTime('ServiceInstance').second == 5
        assert vim.CurrentTime('ServiceInstance').second == 6
        assert {request.path for request in proxy.requests} == {'http://vcenter.invalid:80/sdk'}


def test_a_fresh_connection_that_the_server_closed() -> None:
    """There it means something, and the request is not repeated."""
    with ScriptedServer(serving(Answer(drop=True))) as server:
        with pytest.raises(exceptions.VimConnectionException):
            connect(server).CurrentTime('ServiceInstance')
        assert len(server.requests) == 1


FOLDER = '<object type="Folder">group-v3</object>'
MESSAGES = (
    '<faultMessage><key>a</key><message>Cannot open the disk.</message></faultMessage>'
    '<faultMessage><key>b</key></faultMessage>'
)
CAUSE = (
    '<faultCause><fault xsi:type="FileLocked"><faultCause><fault xsi:type="NoDiskSpace">'
    '<file>b</file><datastore>ds1</datastore></fault><localizedMessage>Full.</localizedMessage>'
    '</faultCause><file>[ds] a.vmdk</file></fault><localizedMessage>Locked.</localizedMessage>'
    '</faultCause>'
)

FAULTS = {
    'members become details': (
        f'<f xmlns="urn:vim25" xsi:type="DuplicateName"><name>a</name>{FOLDER}</f>',
        ['DuplicateName'],
        {'name': 'a', 'object': 'group-v3'},
    ),
    'without members': (
        '<ToolsUnavailableFault xmlns="urn:vim25" xsi:type="ToolsUnavailable"/>',
        ['ToolsUnavailable'],
        {},
    ),
    'without a type': (
        '<NoPermissionFault xmlns="urn:vim25"><privilegeId>X</privilegeId></NoPermissionFault>',
        ['NoPermissionFault'],
        {'privilegeId': 'X'},
    ),
    'an expired session of another service': (
        '<f xsi:type="p:PbmFaultNotAuthenticated" xmlns:p="urn:pbm"/>',
        ['NotAuthenticated'],
        {},
    ),
    'a security error': (
        '<f xsi:type="vim25:SecurityError" xmlns:vim25="urn:vim25"/>',
        ['NotAuthenticated'],
        {},
    ),
    'messages and causes are told in words': (
        (
            f'<f xmlns="urn:vim25" xsi:type="GenericVmConfigFault">{CAUSE}{MESSAGES}'
            '<reason>r</reason></f>'
        ),
        ['GenericVmConfigFault'],
        {
            'faultCause': 'FileLocked: Locked. (file=[ds] a.vmdk), caused by NoDiskSpace: Full.'
            ' (file=b, datastore=ds1)',
            'faultMessage': 'Cannot open the disk.; b',
            'reason': 'r',
        },
    ),
    'so is what else is no text': (
        (
            '<f xmlns="urn:vim25" xsi:type="DisallowedOperationOnFailoverHost"/>'
            '<f xmlns="urn:vim25" xsi:type="PatchMissingDependencies">'
            '<prerequisitePatch>a</prerequisitePatch><prerequisitePatch>b</prerequisitePatch></f>'
            '<f xmlns="urn:vim25" xsi:type="InvalidDeviceSpec"><property/>'
            '<deviceIndex>3</deviceIndex></f>'
        ),
        ['DisallowedOperationOnFailoverHost', 'PatchMissingDependencies', 'InvalidDeviceSpec'],
        {'prerequisitePatch': 'a; b', 'property': '', 'deviceIndex': '3'},
    ),
    'two faults': (
        '<a xsi:type="X"><k>1</k></a><b xsi:type="Y"><k>2</k></b>',
        ['X', 'Y'],
        {'k': '2'},
    ),
    'none at all': ('', [], {}),
}


@pytest.mark.parametrize('status', [200, 500])
@pytest.mark.parametrize(('detail', 'names', 'details'), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault(detail: str, names: list[str], details: dict[str, str], status: int) -> None:
    """VimFaultException with names and flat details, whatever the HTTP status."""
    with (
        ScriptedServer(serving(fault(detail, status=status))) as server,
        pytest.raises(exceptions.VimFaultException) as raised,
    ):
        connect(server).PowerOnVM_Task(VM)
    assert raised.value.fault_list == names
    assert raised.value.details == details
    assert raised.value.message == 'Something went wrong'
    for text in details.values():
        assert text in str(raised.value)
    # The decoded fault keeps the server's name where the flat list says NotAuthenticated.
    tree = [type(found).__name__ for found in raised.value.fault]
    assert tree == [name.rpartition(':')[2] for name in _server_names(detail)]


def _server_names(detail: str) -> list[str]:
    children = ET.fromstring(ENVELOPE.format(detail))[0]
    return [child.get(XSI_TYPE) or child.tag.rpartition('}')[2] for child in children]


def test_the_tree_of_a_fault_is_searched() -> None:
    """A nested cause is found by name, with its members decoded."""
    detail = (
        '<f xmlns="urn:vim25" xsi:type="GenericVmConfigFault"><faultCause>'
        '<fault xsi:type="FileLocked"><file>[ds] a.vmdk</file></fault>'
        '<localizedMessage>locked</localizedMessage></faultCause><reason>r</reason></f>'
    )
    with (
        ScriptedServer(serving(fault(detail))) as server,
        pytest.raises(exceptions.VimFaultException) as raised,
    ):
        connect(server).PowerOnVM_Task(VM)
    assert exceptions.find_fault(raised.value, 'FileLocked').file == '[ds] a.vmdk'


def retrieved(content: str) -> Answer:
    return reply('RetrievePropertiesEx', f'<returnval>{content}</returnval>')


def read_name(server: ScriptedServer) -> Any:
    vim = connect(server)
    vim._service_content = reply_content = vim.client.factory.create('ServiceContent')
    reply_content.propertyCollector = vim_util.get_moref('pc', 'PropertyCollector')
    return vim_util.get_object_property(vim, VM, 'name')


MISSING = (
    '<objects><obj type="VirtualMachine">vm-1</obj><missingSet><path>name</path><fault>'
    '<fault xsi:type="{}">{}</fault><localizedMessage>no</localizedMessage></fault>'
    '</missingSet></objects>'
)


@pytest.mark.parametrize(
    ('content', 'names', 'details'),
    [
        (
            MISSING.format(
                'NoPermission',
                '<object type="VirtualMachine">vm-1</object><privilegeId>P</privilegeId>',
            ),
            ['NoPermission'],
            {'object': 'vm-1', 'privilegeId': 'P'},
        ),
        (MISSING.format('NoPermission', ''), ['NoPermission'], {}),
        (
            MISSING.format(
                'NotAuthenticated',
                '<object type="Folder">group-d1</object><privilegeId>System.View</privilegeId>',
            ),
            ['NotAuthenticated'],
            {'object': 'group-d1', 'privilegeId': 'System.View'},
        ),
        (
            MISSING.format('InvalidProperty', f'{MESSAGES}<name>config</name>'),
            ['InvalidProperty'],
            {'faultMessage': 'Cannot open the disk.; b'},
        ),
        (MISSING.format('ManagedObjectNotFound', ''), ['ManagedObjectNotFound'], {}),
        (
            MISSING.replace('<fault xsi:type="{}">{}</fault>', ''),
            ['MethodFault'],
            {},
        ),
        ('', ['NotAuthenticated'], {}),
    ],
)
def test_what_a_property_read_leaves_out(
    content: str, names: list[str], details: dict[str, str]
) -> None:
    """A missing property is a fault with its name, object and privilege; so is an empty reply."""
    with (
        ScriptedServer(serving(retrieved(content))) as server,
        pytest.raises(exceptions.VimFaultException) as raised,
    ):
        read_name(server)
    assert (raised.value.fault_list, raised.value.details) == (names, details)
    assert raised.value.empty_reply is (content == '')
    # Which property it is, in any case.
    assert content == '' or 'name: ' in raised.value.message


def test_why_properties_are_missing() -> None:
    """The text tells each reason once, and the first three of many."""
    content = ''.join(
        MISSING.replace('>name<', f'>{path}<').format('NoPermission', '')
        for path in ('a', 'b', 'a', 'c', 'd')
    )
    with (
        ScriptedServer(serving(retrieved(content))) as server,
        pytest.raises(exceptions.VimFaultException) as raised,
    ):
        read_name(server)
    told = '; '.join(f'{path}: NoPermission: no' for path in 'abc')
    assert raised.value.message == f'Some properties could not be read ({told}; …).'


def test_what_the_description_does_not_know_is_kept() -> None:
    """A newer server's elements and types do not fail the call, and can be read."""
    content = (
        '<objects><obj type="VirtualMachine">vm-1</obj><novelty><speed>9</speed></novelty>'
        '<propSet><name>name</name><val xsi:type="BrandNew"><shine>bright</shine></val></propSet>'
        '</objects>'
    )
    with ScriptedServer(serving(retrieved(content))) as server:
        value = read_name(server)
    assert (type(value).__name__, value.shine) == ('BrandNew', 'bright')


def test_an_unknown_element_before_the_result() -> None:
    """It is not taken for the result."""
    answer = reply(
        'FindByInventoryPath',
        '<novelty>x</novelty><returnval type="VirtualMachine">vm-1</returnval>',
    )
    with ScriptedServer(serving(answer)) as server:
        found = connect(server).FindByInventoryPath('SearchIndex', inventoryPath='/x')
    assert (found.value, found._type) == ('vm-1', 'VirtualMachine')


def test_a_reference_with_the_id_of_its_server(caplog: pytest.LogCaptureFixture) -> None:
    """The attribute can be read, and nobody is warned of it."""
    answer = reply(
        'FindByInventoryPath',
        '<returnval type="VirtualMachine" serverGuid="g">vm-1</returnval>',
    )
    with ScriptedServer(serving(answer)) as server, caplog.at_level('WARNING'):
        found = connect(server).FindByInventoryPath('SearchIndex', inventoryPath='/x')
    assert found._serverGuid == 'g'
    assert caplog.records == []


def test_an_empty_body_where_no_result_is_due() -> None:
    """Such an operation has simply succeeded."""
    with ScriptedServer(serving(Answer(b''))) as server:
        assert connect(server).Logout('SessionManager') is None


def test_nothing_is_sent_for_no_object() -> None:
    """None as managed object: None back, arguments not looked at, no request."""
    with ScriptedServer(serving(reply('X'))) as server:
        assert connect(server).PowerOnVM_Task(None, nonsense=1) is None
        assert server.requests == []


SSL_REFUSED = ssl.SSLCertVerificationError('certificate verify failed')


@pytest.mark.parametrize(
    ('problem', 'expected'),
    [
        (AttributeError('x'), exceptions.VimAttributeException),
        (http.client.CannotSendRequest(), exceptions.VimSessionOverLoadException),
        (http.client.ResponseNotReady(), exceptions.VimSessionOverLoadException),
        (http.client.CannotSendHeader(), exceptions.VimSessionOverLoadException),
        (requests.exceptions.SSLError(SSL_REFUSED), exceptions.VimCertificateException),
        (requests.exceptions.SSLError('eof'), exceptions.VimConnectionException),
        (requests.Timeout('x'), exceptions.VimConnectionException),
        (requests.exceptions.InvalidURL('x'), exceptions.VimConnectionException),
        (OSError(errno.EADDRINUSE, 'in use'), exceptions.VimSessionOverLoadException),
        (OSError(errno.ECONNABORTED, 'gone'), exceptions.VimSessionOverLoadException),
        (Exception(service.ADDRESS_IN_USE_ERROR), exceptions.VimSessionOverLoadException),
        (Exception(service.CONN_ABORT_ERROR), exceptions.VimSessionOverLoadException),
        (Exception(service.RESP_NOT_XML_ERROR), exceptions.VimSessionOverLoadException),
        (TypeError('x'), exceptions.VimException),
        (ValueError('x'), exceptions.VimException),
    ],
    ids=repr,
)
def test_every_error_has_a_home(problem: Exception, expected: type) -> None:
    """The class, the operation in the text, and the original as cause."""
    made = service.translated(problem, 'SomeOperation')
    assert type(made) is expected
    assert 'SomeOperation' in str(made)
    assert made.cause is problem  # type: ignore[attr-defined]


def test_private_names_are_no_operations() -> None:
    """copy, pickle and debuggers ask for them; they must not get a function."""
    with ScriptedServer(serving(reply('X'))) as server:
        vim = connect(server)
        assert not hasattr(vim, '__deepcopy__')
        assert not hasattr(vim, '_private')
        assert callable(vim.AnyOperation)
        assert vim
        assert str(server.port) in repr(vim)
        assert str(server.port) in str(vim)
