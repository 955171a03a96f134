"""What goes over the wire for what callers pass, read by a server that is not ours."""

import datetime
import re
import threading
from typing import Any

import pytest
import suds
from lxml import etree

from oslo_vmware import exceptions, vim_util
from oslo_vmware.pbm import Pbm
from oslo_vmware.vim import Vim
from tests.functional.conftest import DESCRIPTION, Crowd
from tests.stand_ins import Proxy
from tests.wire import Answer, Request, ScriptedServer, reply, xsi_type

VM = vim_util.get_moref('vm-1', 'VirtualMachine')
XSI = '{http://www.w3.org/2001/XMLSchema-instance}'


class Recorder(ScriptedServer):
    """Answers every operation without a result, with a session cookie."""

    def __init__(self) -> None:
        super().__init__(self.answer)

    def answer(self, request: Request) -> Answer:
        operation = etree.fromstring(request.body)[-1][0]
        answer = reply(etree.QName(operation).localname)
        answer.body = answer.body.replace('urn:vim25', etree.QName(operation).namespace)  # type: ignore[union-attr]
        answer.headers['Set-Cookie'] = 'vmware_soap_session="abc"; Path=/; HttpOnly'
        return answer

    @property
    def vim(self) -> Vim:
        return Vim('http', '127.0.0.1', self.port, wsdl_url=DESCRIPTION)

    @property
    def body(self) -> Any:
        """The body of the last request, without namespaces."""
        root = etree.fromstring(self.requests[-1].body)
        for element in root.iter():
            element.tag = etree.QName(element).localname
        return root[-1]

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The SOAP headers of the last request."""
        header = etree.fromstring(self.requests[-1].body)[0]
        if not header.tag.endswith('}Header'):
            return []
        return [(child.tag, child.text) for child in header]


def test_the_request() -> None:
    """SOAP 1.1 in UTF-8, with the SOAPAction of the description."""
    with Recorder() as server:
        server.vim.Rename_Task(VM, newName='Grüße & <Küsse>')
        request = server.requests[0]
        assert (request.method, request.path) == ('POST', '/sdk')
        assert request.headers['Content-Type'] == 'text/xml; charset=utf-8'
        assert re.fullmatch(r'"?urn:vim25/[\d.]+"?', request.headers['SOAPAction'])
        this, name = server.body[0]
        assert (this.text, this.get('type')) == ('vm-1', 'VirtualMachine')
        assert name.text == 'Grüße & <Küsse>'


def test_a_string_stands_for_a_reference() -> None:
    """Type and id are both that string."""
    with Recorder() as server:
        server.vim.CurrentTime('ServiceInstance')
        this = server.body[0][0]
        assert (this.text, this.get('type')) == ('ServiceInstance', 'ServiceInstance')


def test_one_positional_argument_is_allowed() -> None:
    """More is a Python TypeError."""
    with Recorder() as server, pytest.raises(TypeError):
        server.vim.Rename_Task(VM, 'name')


def config_spec(vim: Vim, **fields: Any) -> Any:
    spec = vim.client.factory.create('ns0:VirtualMachineConfigSpec')
    for name, value in fields.items():
        setattr(spec, name, value)
    return spec


def option(vim: Vim, value: Any) -> Any:
    made = vim.client.factory.create('ns0:OptionValue')
    made.key = 'k'
    made.value = value
    return made


class DatastorePath:
    """Stands for itself by its text, as objects.datastore.DatastorePath does."""

    def __str__(self) -> str:
        return '[ds] a/b.vmdk'


@pytest.mark.parametrize(
    ('field', 'value', 'sent'),
    [
        ('name', None, []),
        ('name', '', ['']),
        ('name', 'n', ['n']),
        ('numCPUs', 0, ['0']),
        ('cpuHotAddEnabled', False, ['false']),
        ('cpuHotAddEnabled', True, ['true']),
        ('cpuHotAddEnabled', 1, ['true']),
        ('nestedHVEnabled', 'True', ['true']),
        ('cpuFeatureMask', [], []),
        ('cpuFeatureMask', (), []),
        ('guestId', DatastorePath(), ['[ds] a/b.vmdk']),
        ('memoryMB', '512', ['512']),
        (
            'createDate',
            datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
            ['2026-01-02T03:04:05+00:00'],
        ),
    ],
)
def test_values(field: str, value: Any, sent: list[str]) -> None:
    """None is left out, an empty string is sent, zero and false are values."""
    with Recorder() as server:
        vim = server.vim
        vim.ReconfigVM_Task(VM, spec=config_spec(vim, annotation='always', **{field: value}))
        texts = [element.text or '' for element in server.body.iter(field)]
        assert texts == sent or texts == [text.replace('+00:00', 'Z') for text in sent]


@pytest.mark.parametrize(
    ('value', 'text'), [('a', 'a'), (5, '5'), (True, 'True'), ('', ''), (None, None)]
)
def test_option_values_are_strings(value: Any, text: str | None) -> None:
    """Whatever Python type they have; an empty one is sent, None is not."""
    with Recorder() as server:
        vim = server.vim
        vim.ReconfigVM_Task(VM, spec=config_spec(vim, extraConfig=[option(vim, value)]))
        found = [(e.text or '', e.get(f'{XSI}type')) for e in server.body.iter('value')]
        assert found == ([] if text is None else [(text, 'xsd:string')])
        assert (
            'http://www.w3.org/2001/XMLSchema'
            in etree.fromstring(server.requests[-1].body).nsmap.values()
        )


def test_an_empty_profile_is_sent() -> None:
    """A type of its own is its meaning: no policy."""
    with Recorder() as server:
        vim = server.vim
        empty = vim.client.factory.create('ns0:VirtualMachineEmptyProfileSpec')
        vim.ReconfigVM_Task(VM, spec=config_spec(vim, vmProfile=[empty]))
        (profile,) = server.body.iter('vmProfile')
        assert xsi_type(profile) == '{urn:vim25}VirtualMachineEmptyProfileSpec'


@pytest.mark.parametrize('text', ['a&amp;b', '&lt;x', '<&>', 'a\r\nb', '"\'', ']]>'])
def test_text_arrives_as_it_is(text: str) -> None:
    """Also when it looks as if it were escaped already: passwords and annotations do."""
    with Recorder() as server:
        server.vim.Rename_Task(VM, newName=text)
        assert server.body[0][1].text == text


def test_an_empty_object_goes_and_its_full_sibling_stays() -> None:
    """Of two options the one that was filled in is sent."""
    with Recorder() as server:
        vim = server.vim
        empty = vim.client.factory.create('ns0:OptionValue')
        vim.ReconfigVM_Task(VM, spec=config_spec(vim, extraConfig=[option(vim, 'v'), empty]))
        (sent,) = server.body.iter('extraConfig')
        assert [(child.tag, child.text) for child in sent] == [('key', 'k'), ('value', 'v')]


def test_members_follow_the_order_of_the_description() -> None:
    """Whatever the order of assignment; a derived type is named."""
    with Recorder() as server:
        vim = server.vim
        factory = vim.client.factory
        disk = factory.create('ns0:VirtualDisk')
        disk.capacityInKB = 1024
        disk.unitNumber = 1
        disk.key = -1
        change = factory.create('ns0:VirtualDeviceConfigSpec')
        change.device = disk
        change.operation = 'add'
        changes = [change]
        spec = config_spec(vim, deviceChange=changes)
        vim.ReconfigVM_Task(VM, spec=spec)
        (sent,) = server.body.iter('deviceChange')
        assert [child.tag for child in sent] == ['operation', 'device']
        assert xsi_type(sent[1]) == '{urn:vim25}VirtualDisk'
        assert [child.tag for child in sent[1]] == ['key', 'unitNumber', 'capacityInKB']


def test_reference_proxies() -> None:
    """As managed object, as argument and inside lists and objects."""
    with Recorder() as server:
        vim = server.vim
        proxy: Any = Proxy(VM)
        vim.MoveIntoFolder_Task(proxy, list=[proxy, VM])
        assert [(e.text, e.get('type')) for e in server.body[0]] == [('vm-1', 'VirtualMachine')] * 3
        spec = vim.client.factory.create('ns0:ObjectSpec')
        spec.obj = proxy
        vim.CreateFilter('PropertyCollector', spec={'objectSet': [spec]}, partialUpdates=False)
        (obj,) = server.body.iter('obj')
        assert (obj.text, obj.get('type')) == ('vm-1', 'VirtualMachine')


def test_a_proxy_of_nothing() -> None:
    """It is not None, so the call fails with the exception users know."""
    with Recorder() as server:
        for options in ({}, {'skip_op_id': True}):
            with pytest.raises(exceptions.VimAttributeException):
                server.vim.PowerOnVM_Task(Proxy(None), **options)
        assert server.requests == []


# Cookies and headers


def test_cookies_are_kept_and_sent_back() -> None:
    """The jar is live; its value is as the server set it; another jar takes its place."""
    with Recorder() as server:
        vim = server.vim
        assert not vim.client.cookiejar
        assert vim.get_http_cookie() is None
        vim.CurrentTime('ServiceInstance')
        assert 'Cookie' not in server.requests[-1].headers
        assert vim.get_http_cookie() == '"abc"'
        assert [(cookie.name, cookie.value) for cookie in vim.client.cookiejar] == [
            ('vmware_soap_session', '"abc"')
        ]
        vim.CurrentTime('ServiceInstance')
        assert server.requests[-1].headers['Cookie'] == 'vmware_soap_session="abc"'
        vim.client.cookiejar = type(vim.client.cookiejar)()
        vim.CurrentTime('ServiceInstance')
        assert 'Cookie' not in server.requests[-1].headers


def test_the_cookie_whatever_its_case() -> None:
    """Of several cookies the one named vmware_soap_session, however that is written."""
    with Recorder() as server:
        vim = server.vim
        for name in ('other', 'VMware_SOAP_Session'):
            vim.client.cookiejar.set(name, f'of {name}')
        assert vim.get_http_cookie() == 'of VMware_SOAP_Session'


def test_a_late_answer_does_not_replace_a_newer_cookie() -> None:
    """A server gives a session of its own to whoever comes without a valid one."""
    cookies = iter(['first', 'stranger', 'login', 'late', 'rotated'])
    arrived, go_on = threading.Event(), threading.Event()

    def script(request: Request) -> Answer:
        cookie = next(cookies) if b'Slow' not in request.body else 'late'
        if b'Slow' in request.body:
            arrived.set()
            assert go_on.wait(10)
        answer = reply('Rename_Task' if b'Rename_Task' in request.body else 'Login')
        answer.headers['Set-Cookie'] = f'vmware_soap_session={cookie}; Path=/'
        return answer

    with ScriptedServer(script) as server:
        vim = Vim('http', '127.0.0.1', server.port, wsdl_url=DESCRIPTION)
        vim.Rename_Task(VM, newName='x')
        assert vim.get_http_cookie() == 'first'
        slow = threading.Thread(target=vim.Rename_Task, args=(VM,), kwargs={'newName': 'Slow'})
        slow.start()
        assert arrived.wait(10)
        # An answer to a request with the cookie there is may replace it; a login's always does.
        vim.Rename_Task(VM, newName='y')
        assert vim.get_http_cookie() == 'stranger'
        vim.Login('SessionManager', userName='u', password='p')
        assert vim.get_http_cookie() == 'login'
        go_on.set()
        slow.join(10)
        assert vim.get_http_cookie() == 'login'


def test_soap_headers_of_vim() -> None:
    """The operation id alone, or none."""
    with Recorder() as server:
        vim = server.vim
        vim.CurrentTime('ServiceInstance')
        ((name, op_id),) = server.headers
        assert name == 'operationID'
        assert re.fullmatch(r'oslo\.vmware-[0-9a-f-]{36}', op_id)
        vim.CurrentTime('ServiceInstance', skip_op_id=True)
        assert server.headers == []


def test_soap_headers_of_pbm(pbm_description: str) -> None:
    """The session cookie first, without its quotes, then the operation id; each as it is now."""
    with Recorder() as server:
        pbm = Pbm('http', '127.0.0.1', server.port, wsdl_url=pbm_description)
        pbm.retrieve_service_content()
        assert [name for name, _ in server.headers] == ['operationID']
        this = server.body[0][0]
        assert (this.text, this.get('type')) == ('ServiceInstance', 'PbmServiceInstance')
        for cookie in ('"first"', 'second'):
            pbm.set_soap_cookie(cookie)
            pbm.retrieve_service_content()
            assert server.headers[0] == ('vcSessionCookie', cookie.strip('"'))
            assert [name for name, _ in server.headers] == ['vcSessionCookie', 'operationID']
        pbm.set_soap_cookie(None)
        pbm.PbmRetrieveServiceContent('ServiceInstance', skip_op_id=True)
        assert server.headers == []
        assert server.requests[-1].path == '/pbm'


def test_each_call_of_pbm_has_its_own_headers(pbm_description: str) -> None:
    """32 threads, half of them without an operation id; the session cookie has every call."""
    with Recorder() as server:
        pbm = Pbm('http', '127.0.0.1', server.port, wsdl_url=pbm_description)
        pbm.set_soap_cookie('"cookie"')
        profiles = vim_util.get_moref('ProfileManager', 'PbmProfileProfileManager')

        def ask(number: int) -> None:
            wanted = pbm.client.factory.create('ns0:PbmProfileId')
            wanted.uniqueId = str(number)
            pbm.PbmRetrieveContent(profiles, profileIds=[wanted], skip_op_id=number % 2 == 0)

        Crowd(32, ask).join()
        seen = {}
        for request in server.requests:
            header, body = etree.fromstring(request.body)
            seen[int(body[0][1][0].text)] = [(child.tag, child.text) for child in header]
        assert sorted(seen) == list(range(32))
        for number, headers in seen.items():
            assert headers[0] == ('vcSessionCookie', 'cookie')
            assert [tag for tag, _ in headers[1:]] == ['operationID'] * (number % 2)
        assert len({headers[1] for headers in seen.values() if headers[1:]}) == 16


# The client's face


def test_request_objects() -> None:
    """Members exist from the start, lists are one's own, unknown ones are not there."""
    with Recorder() as server:
        factory = server.vim.client.factory
        spec = factory.create('ns0:VirtualMachineConfigSpec')
        assert type(spec).__name__ == 'VirtualMachineConfigSpec'
        assert spec.name is None
        assert spec.extraConfig == []
        assert spec.extraConfig is not factory.create('VirtualMachineConfigSpec').extraConfig
        assert not hasattr(spec, 'noSuchMember')
        assert type(factory.create('pbm:VirtualDisk')).__name__ == 'VirtualDisk'
        with pytest.raises(suds.TypeNotFound, match='NoSuchType'):
            factory.create('ns0:NoSuchType')


def test_the_service_face() -> None:
    """``client.service.Operation(moref, **arguments)``, as stock clients have it."""
    with Recorder() as server:
        client = server.vim.client
        client.service.Rename_Task(VM, newName='n')
        assert server.body[0][1].text == 'n'
        assert server.headers == []
        with pytest.raises(suds.MethodNotFound):
            client.service.NoSuchOperation(VM)
