"""Nothing that is reached from an exception holds the password or the cookie of the session."""

import contextlib
import html
import http.cookiejar
import io
import logging
import re
import socket
import threading
import traceback
from typing import Any

import pytest
import requests
import suds
import trustme

from oslo_vmware import api, exceptions, image_transfer, pbm, rw_handles, vim_util, wsdl
from oslo_vmware.objects import datastore
from oslo_vmware.soap.client import COMPILED, REFERENCE
from oslo_vmware.soap.errors import NotSoapError
from tests import reachable
from tests.wire import ENVELOPE, Answer, Request, ScriptedServer, fault, reply

DESCRIPTION = wsdl.file_url(wsdl.vim_wsdl_path())
FOLDER = vim_util.get_moref('group-v1', 'Folder')

#: As an XML document, a URL and a ``repr`` have to escape them.
PASSWORD = 'pass"wo<rd>\\&1 ü'
SPELLINGS = ('wo<rd', 'wo&lt;rd', 'wo&amp;lt;rd', 'wo%3Crd')
COOKIE = '52f0aaaa-bbbb-cccc-dddd-eeeeffff0000'
KEY = '52f1aaaa-bbbb-cccc-dddd-eeeeffff1111'
USER = 'administrator@example.test'

CONTENT = (
    '<returnval><rootFolder type="Folder">group-d1</rootFolder>'
    '<propertyCollector type="PropertyCollector">propertyCollector</propertyCollector>'
    '<about><name>n</name><fullName>f</fullName><apiVersion>8.0</apiVersion></about>'
    '<sessionManager type="SessionManager">SessionManager</sessionManager></returnval>'
)
LOGGED_IN = f'<returnval><key>{KEY}</key><userName>{USER}</userName></returnval>'


class Server(ScriptedServer):
    """Logs everybody in, and answers one operation as told.

    :param trouble: what to answer, or a function of the request that gives it
    """

    def __init__(self, operation: str, trouble: Any) -> None:
        self.is_troubled = False

        def script(request: Request) -> Answer:
            if self.is_troubled and operation and f'<{operation}' in unprefixed(request):
                answer: Answer = trouble(request) if callable(trouble) else trouble
                return answer
            if '<RetrieveServiceContent' in unprefixed(request):
                return reply('RetrieveServiceContent', CONTENT)
            if 'SessionIsActive' in request.text:
                return reply('SessionIsActive', '<returnval>true</returnval>')
            answer = reply('Login', LOGGED_IN)
            answer.headers['Set-Cookie'] = f'vmware_soap_session="{COOKIE}"; Path=/'
            return answer

        super().__init__(script)


def unprefixed(request: Request) -> str:
    """The body of an envelope, without the prefixes that are declared around it."""
    found = re.search('Body>(.*)</[^<]*Body>', request.text, re.DOTALL)
    assert found is not None
    return re.sub(r'(</?)\w+:', r'\1', found[1])


def echoed(request: Request) -> str:
    """All of a request, as a server would quote it in XML."""
    return html.escape(f'{request.text} Cookie: {request.headers.get("Cookie", "")}')


def echo_in_text(request: Request) -> Answer:
    return fault('<f xmlns="urn:vim25" xsi:type="InvalidRequest"/>', f'Bad: {echoed(request)}')


def echo_in_detail(request: Request) -> Answer:
    said = f'<reason>{echoed(request)}</reason>'
    message = f'<faultMessage><key>{echoed(request)}</key></faultMessage>'
    return fault(
        f'<f xmlns="urn:vim25" xsi:type="GenericVmConfigFault">{message}{said}</f>'
        f'<g xmlns="urn:vim25"><request note="{echoed(request)}">{unprefixed(request)}</request>'
        '</g>'
    )


def echo_in_a_page(request: Request) -> Answer:
    return Answer(f'<html>{request.headers.get("Cookie")} {request.text}</html>', 400, 'text/html')


def echo_that_is_no_xml(request: Request) -> Answer:
    return Answer(f'You sent {request.headers.get("Cookie")} {request.text}')


TROUBLE: dict[str, Any] = {
    'a fault': fault('<f xmlns="urn:vim25" xsi:type="InvalidLogin"/>'),
    'a fault that echoes the request in its text': echo_in_text,
    'a fault that echoes it in its members': echo_in_detail,
    'a page': Answer('<html/>', 503, 'text/html'),
    'a page that echoes the request': echo_in_a_page,
    'no XML, that echoes the request': echo_that_is_no_xml,
    'an empty body': Answer(b''),
    'no content': Answer(b'', 204),
    'an empty envelope': Answer(ENVELOPE.format('')),
    'the answer to another question': reply('FindByUuid', '<returnval/>'),
    'half an envelope': Answer(ENVELOPE[:150]),
    'a redirection': Answer(b'', 302, headers={'Location': '/elsewhere'}),
    'a lost connection': Answer(drop=True),
    'half a body': Answer(b'half', headers={'Content-Length': '100'}, close_after=True),
}


#: What a read takes for an answer, if an empty one.
EMPTY = ('no content', 'an empty envelope')


@pytest.fixture(params=[COMPILED, REFERENCE])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def connected(port: int, engine: str, **options: Any) -> api.VMwareAPISession:
    arguments = {'wsdl_loc': DESCRIPTION, 'scheme': 'http', 'soap_engine': engine} | options
    return api.VMwareAPISession('127.0.0.1', USER, PASSWORD, 0, 0.1, port=port, **arguments)


def assert_clean(exc: BaseException) -> None:
    """Nothing is found from there, however it is spelt."""
    assert reachable.finds(exc, PASSWORD, *SPELLINGS, COOKIE, KEY) == []


@pytest.mark.parametrize('trouble', TROUBLE.values(), ids=TROUBLE.keys())
def test_trouble_with_a_login(trouble: Any, engine: str) -> None:
    """The exception has no secret, and it is a documented one."""
    with Server('Login', trouble) as server:
        session = connected(server.port, engine)
        assert session.vim.get_http_cookie()
        server.is_troubled = True
        with pytest.raises(exceptions.VMwareDriverException) as raised:
            session._login()
        session._session_id = None
    assert_clean(raised.value)


@pytest.mark.parametrize('trouble', [echo_in_text, echo_in_a_page, echo_that_is_no_xml])
@pytest.mark.parametrize('operation', ['Login', 'SessionIsActive'])
def test_what_is_logged_of_an_echo(
    operation: str, trouble: Any, engine: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No logger has a secret at any level, and those of suds are no exception."""
    with Server(operation, trouble) as server:
        session = connected(server.port, engine)
        server.is_troubled = True
        with caplog.at_level(logging.DEBUG):
            for name in ('suds', 'suds.client', 'suds.metrics', 'suds.mx', 'suds.umx'):
                caplog.set_level(logging.DEBUG, name)
            with contextlib.suppress(exceptions.VMwareDriverException):
                session._login()
            with contextlib.suppress(exceptions.VMwareDriverException):
                session.vim.SessionIsActive('SessionManager', sessionID=KEY, userName=USER)
        session._session_id = None
    assert 'Invoking' in caplog.text
    for secret in (PASSWORD, *SPELLINGS, COOKIE, KEY, USER):
        assert secret not in caplog.text


@pytest.mark.parametrize('trouble', TROUBLE.values(), ids=TROUBLE.keys())
def test_trouble_in_the_constructor(trouble: Any, engine: str) -> None:
    """The constructor's own frame has been given the password."""
    with Server('Login', trouble) as server:
        server.is_troubled = True
        with pytest.raises(exceptions.VMwareDriverException) as raised:
            connected(server.port, engine)
    assert_clean(raised.value)


@pytest.mark.parametrize(
    'trouble',
    [trouble for name, trouble in TROUBLE.items() if name not in EMPTY],
    ids=[name for name in TROUBLE if name not in EMPTY],
)
@pytest.mark.parametrize('operation', ['CurrentTime', 'CreateVM_Task', 'SessionIsActive'])
def test_trouble_with_a_call(operation: str, trouble: Any, engine: str) -> None:
    """The same of calls that carry the cookie, through the session and straight."""
    arguments = {'sessionID': KEY, 'userName': USER} if operation == 'SessionIsActive' else {}
    with Server(operation, trouble) as server:
        session = connected(server.port, engine)
        server.is_troubled = True
        calls = [lambda: getattr(session.vim, operation)(FOLDER, **arguments)]
        if not arguments:
            calls.append(lambda: session.invoke_api(session.vim, operation, FOLDER))
        for call in calls:
            with pytest.raises(exceptions.VMwareDriverException) as raised:
                call()
            assert_clean(raised.value)
        session._session_id = None


def test_a_login_by_hand(engine: str) -> None:
    """Who calls the operation itself has the same from the service."""
    with Server('Login', echo_in_detail) as server:
        session = connected(server.port, engine)
        server.is_troubled = True
        session._session_id = None
        with pytest.raises(exceptions.VimFaultException) as raised:
            session.vim.Login('SessionManager', userName=USER, password=PASSWORD)
    assert_clean(raised.value)
    assert raised.value.fault_list == ['GenericVmConfigFault', 'g']
    assert USER not in str(raised.value)
    # All else is told, and the tree is there.
    assert '<locale>en</locale>' not in str(raised.value)
    assert 'operationID' in str(raised.value)
    assert exceptions.find_fault(raised.value, 'GenericVmConfigFault').reason
    assert raised.value.cause.document.childAtPath('/Envelope/Body/Fault/detail')


@pytest.mark.parametrize('trouble', [echo_in_text, Answer(drop=True), Answer('no', 403)])
def test_a_login_past_the_service(trouble: Any, engine: str) -> None:
    """So has who calls the client beneath, whose errors are suds' and the HTTP library's own."""
    with Server('Login', trouble) as server:
        session = connected(server.port, engine)
        server.is_troubled = True
        session._session_id = None
        manager = session.vim.service_content.sessionManager
        beneath = (suds.WebFault, requests.RequestException, NotSoapError)
        with pytest.raises(beneath) as raised:
            session.vim.client.service.Login(manager, userName=USER, password=PASSWORD)
    assert_clean(raised.value)


def test_the_session_itself() -> None:
    """An error leads to it; its password is none of its variables."""
    session = api.VMwareAPISession('host', USER, PASSWORD, 0, 1, create_session=False)
    assert not [value for value in vars(session).values() if PASSWORD in str(value)]
    assert session._password() == PASSWORD


# On the way


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return int(free.getsockname()[1])


def test_a_connection_that_is_refused(engine: str) -> None:
    """On the way to a login, and to anything else with the cookie."""
    with pytest.raises(exceptions.VimConnectionException) as raised:
        connected(closed_port(), engine)
    assert_clean(raised.value)
    with Server('', Answer(b'')) as server:
        session = connected(server.port, engine)
        session.vim.close()
    for call in (session._login, lambda: session.vim.CurrentTime('ServiceInstance')):
        with pytest.raises(exceptions.VimConnectionException) as raised:
            call()
        assert_clean(raised.value)
    session._session_id = None


def test_a_server_that_is_not_trusted(engine: str) -> None:
    """The certificate is another one from one login to the next."""
    authority = trustme.CA()
    with Server('', Answer(b'')) as server, authority.cert_pem.tempfile() as bundle:
        session = connected(server.port, engine)
        session.vim.close()
        server_url = session.vim.soap_url
        del server_url
        session.vim._transport.verify = bundle
        session.vim._transport._here.get().close()
    impostor = trustme.CA().issue_cert('127.0.0.1')
    with ScriptedServer(lambda request: Answer(b''), impostor) as other:
        vim = session.vim
        vim.client.options.location = f'https://127.0.0.1:{other.port}/sdk'
        with pytest.raises(exceptions.VimCertificateException) as raised:
            session._login()
        assert other.requests == []
    assert_clean(raised.value)
    session._session_id = None


def test_an_answer_that_is_late(engine: str) -> None:
    """No answer comes in time."""
    with Server('Login', lambda request: threading.Event().wait(2) and None) as server:
        session = connected(server.port, engine, connection_timeout=0.5)
        server.is_troubled = True
        with pytest.raises(exceptions.VimConnectionException, match='timed out') as raised:
            session._login()
        session._session_id = None
    assert_clean(raised.value)


@pytest.mark.parametrize(
    'password', [f'{PASSWORD}\udcff', f'{PASSWORD}\x01'], ids=['no character', 'control']
)
def test_a_password_that_cannot_be_sent(password: str, engine: str) -> None:
    """What Python says of it has all that was to be written."""
    with Server('', Answer(b'')) as server:
        session = connected(server.port, engine)
        try:
            session.vim.Login('SessionManager', userName=USER, password=password)
        except exceptions.VMwareDriverException as exc:
            assert_clean(exc)
        session._session_id = None


def test_a_cookie_that_cannot_be_sent(engine: str) -> None:
    """What the HTTP library says of it shows it."""
    with Server('', Answer(b'')) as server:
        session = connected(server.port, engine)
        for cookie in session.vim.client.cookiejar:
            cookie.value = f'{COOKIE}\n\u20ac'
        with pytest.raises(exceptions.VMwareDriverException) as raised:
            session.vim.CurrentTime('ServiceInstance')
        session._session_id = None
    assert_clean(raised.value)


def test_what_interrupts_a_call(engine: str) -> None:
    """Whatever it is that ends a call: the time-out of a green thread, a signal."""

    class Interrupt(BaseException):
        pass

    class Jar(http.cookiejar.CookieJar):
        def add_cookie_header(self, request: Any) -> None:
            super().add_cookie_header(request)
            raise Interrupt

    with Server('', Answer(b'')) as server:
        session = connected(server.port, engine)
        jar = Jar()
        for cookie in session.vim.client.cookiejar:
            jar.set_cookie(cookie)
        session.vim.client.cookiejar = jar
        with pytest.raises(Interrupt) as raised:
            session._login()
        session._session_id = None
    assert_clean(raised.value)


def test_the_storage_policies(engine: str) -> None:
    """PBM gets the cookie in the envelope."""
    pbm_description = pbm.get_pbm_wsdl_location('8.0')
    with Server('PbmRetrieveServiceContent', echo_in_detail) as server:
        session = connected(server.port, engine, pbm_wsdl_loc=pbm_description)
        server.is_troubled = True
        with pytest.raises(exceptions.VimFaultException) as raised:
            session.invoke_api(session.pbm, 'PbmRetrieveServiceContent', 'PbmServiceInstance')
        assert any(COOKIE in request.text for request in server.requests)
        session._session_id = None
    assert_clean(raised.value)


def test_errors_still_say_where(engine: str) -> None:
    """File and line of the frames beneath stay, and what was raised there is the cause."""
    with Server('CurrentTime', Answer(drop=True)) as server:
        session = connected(server.port, engine)
        server.is_troubled = True
        with pytest.raises(exceptions.VimConnectionException) as raised:
            session.vim.CurrentTime('ServiceInstance')
        session._session_id = None
    cause = raised.value.cause
    assert isinstance(cause, requests.ConnectionError)
    assert raised.value.__cause__ is cause
    names = [frame.name for frame in traceback.extract_tb(cause.__traceback__)]
    assert names[0] == '_seen_through'
    assert 'exchanged' in names


@pytest.mark.parametrize('way', ['a service', 'the client beneath', 'the constructor'])
def test_what_the_caller_is_handling(way: str, engine: str) -> None:
    """An error that a call is made in the handling of stays whole: it is not ours."""

    def download(where: str) -> None:
        response = requests.Response()
        response.status_code = 404
        raise requests.HTTPError(f'no image at {where}', COOKIE, response=response)

    def download_or_clean_up(clean_up: Any) -> None:
        try:
            download('home')
        except requests.HTTPError:
            with pytest.raises((exceptions.VimConnectionException, OSError)):
                clean_up()
            raise

    with Server('CurrentTime', Answer(drop=True)) as server:
        session = connected(server.port, engine)
        server.is_troubled = True
        now = vim_util.get_moref('ServiceInstance', 'ServiceInstance')
        calls = {
            'a service': lambda: session.vim.CurrentTime(now),
            'the client beneath': lambda: session.vim.client.service.CurrentTime(now),
            'the constructor': lambda: connected(closed_port(), engine),
        }
        with pytest.raises(requests.HTTPError) as handled:
            download_or_clean_up(calls[way])
        session._session_id = None
    assert handled.value.response is not None
    assert handled.value.response.status_code == 404
    assert handled.value.args == ('no image at home', COOKIE)
    assert handled.traceback[-1].frame.f_locals['where'] == 'home'


# Transfers


REFUSED = Answer('no', 403, 'text/plain')


def a_header(jar: Any) -> str:
    return f'vmware_soap_session="{COOKIE}"'


def its_cookies(jar: Any) -> Any:
    return list(jar)


def write(handles: Any, port: int, cookies: Any) -> None:
    handle = handles.FileWriteHandle(
        '127.0.0.1', port, 'dc', 'ds', cookies, 'a.iso', 5, scheme='http'
    )
    handle.write(b'12345')
    handle.close()


def read(handles: Any, port: int, cookies: Any) -> None:
    handle = handles.FileReadHandle('127.0.0.1', port, 'dc', 'ds', cookies, 'a.iso', scheme='http')
    while handle.read(10):
        pass


def upload(handles: Any, port: int, cookies: Any) -> None:
    image_transfer.download_file(
        io.BytesIO(b'12345'), *('127.0.0.1', port, 'dc', 'ds', cookies, 'a.iso', 5, False, 5)
    )


def connect_by_url(handles: Any, port: int, cookies: Any) -> None:
    url = datastore.DatastoreURL('http', f'127.0.0.1:{port}', 'a.iso', 'dc', 'ds')
    url.connect('PUT', 5, cookies if isinstance(cookies, str) else a_header(cookies)).close()


@pytest.mark.parametrize('shape', [lambda jar: jar, its_cookies, a_header])
@pytest.mark.parametrize('use', [write, read, upload, connect_by_url])
@pytest.mark.parametrize('trouble', ['refused', 'lost', 'no connection', 'odd'])
def test_trouble_with_a_transfer(use: Any, shape: Any, trouble: str) -> None:
    """The cookies that were given to a transfer are no variable of ours any more."""
    with Server('', Answer(b'')) as server:
        session = connected(server.port, COMPILED)
        cookies = shape(session.vim.client.cookiejar)
        session._session_id = None
    if trouble == 'odd':
        cookies = f'{a_header(None)}\n'
    answer = Answer(drop=True) if trouble == 'lost' else REFUSED
    with ScriptedServer(lambda request: answer) as server:
        port = closed_port() if trouble == 'no connection' else server.port
        try:
            use(rw_handles, port, cookies)
        except (exceptions.VMwareDriverException, OSError) as exc:
            assert_clean(exc)
        else:
            assert use is connect_by_url
