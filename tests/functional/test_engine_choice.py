"""Which SOAP engine runs, and in which version it speaks."""

import pytest
from lxml import etree

from oslo_vmware import api, exceptions, wsdl
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.soap.client import COMPILED, ENGINE_VARIABLE, REFERENCE, engine_name
from oslo_vmware.vim import Vim
from tests.functional.conftest import SessionMaker
from tests.wire import Answer, Request, ScriptedServer, reply


@pytest.mark.parametrize(
    ('argument', 'variable', 'expected'),
    [
        (None, None, COMPILED),
        (None, '', COMPILED),
        (None, REFERENCE, REFERENCE),
        (None, COMPILED, COMPILED),
        (REFERENCE, None, REFERENCE),
        (COMPILED, REFERENCE, COMPILED),
    ],
)
def test_the_choice(
    argument: str | None, variable: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The argument decides, else the environment, else it is the compiled engine."""
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    if variable is not None:
        monkeypatch.setenv(ENGINE_VARIABLE, variable)
    assert engine_name(argument) == expected


@pytest.mark.parametrize('by_argument', [True, False])
def test_an_unknown_engine(by_argument: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """ValueError that says where the name stands, before anything is sent."""
    if not by_argument:
        monkeypatch.setenv(ENGINE_VARIABLE, 'zeep')
    source = 'soap_engine' if by_argument else ENGINE_VARIABLE
    with ScriptedServer(lambda request: Answer(status=404)) as server:
        with pytest.raises(ValueError, match=f"{source} is 'zeep'"):
            api.VMwareAPISession(
                *('127.0.0.1', 'user', 'password', 1, 0.1),
                port=server.port,
                scheme='http',
                soap_engine='zeep' if by_argument else None,
            )
        assert server.requests == []


@pytest.mark.parametrize('version', ['6.7', '8.0.3.0', wsdl.vim_api_version()])
def test_the_version_of_the_server(version: str, connect: SessionMaker) -> None:
    """It is the one spoken: the simulator refuses any newer one."""
    with VCenterSimulator(api_version=version) as vc:
        session = connect(vc, wsdl_loc=None, soap_engine=COMPILED)
        assert session.vim.service_content.about.apiVersion == version
        assert vc.errors == []


VERSIONS = (
    '<namespaces version="1.0"><namespace><name>urn:vim25</name><version>{}</version>'
    '</namespace></namespaces>'
)
ABOUT = '<returnval><about><apiVersion>{}</apiVersion></about></returnval>'


def description(name: str, version: str) -> Answer:
    """A file of our description, as a server of another version would have it."""
    text = wsdl.vim_wsdl_path().with_name(name).read_text()
    return Answer(text.replace(f'urn:vim25/{wsdl.vim_api_version()}', f'urn:vim25/{version}'))


def opened(
    published: str | None, about: str = '6.7', described: str | None = None, **arguments: str
) -> list[Request]:
    """The requests of opening a client and asking once.

    :param described: version of the description that is served; none is without
    """

    def script(request: Request) -> Answer:
        name = request.path.rpartition('/')[2]
        if described and name.endswith(('.wsdl', '.xsd')):
            return description(name, described)
        if request.method == 'POST':
            return reply('RetrieveServiceContent', ABOUT.format(about))
        if published and request.path.endswith('Versions.xml'):
            return Answer(VERSIONS.format(published))
        return Answer('no', 404, 'text/plain')

    with ScriptedServer(script) as server:
        places = {name: f'{server.url}{path}' for name, path in arguments.items()}
        vim = Vim('http', '127.0.0.1', server.port, soap_engine=COMPILED, **places)
        vim.RetrieveServiceContent('ServiceInstance')
        return server.requests


def actions(requests: list[Request]) -> list[str]:
    for request in requests:
        assert request.method == 'GET' or etree.fromstring(request.body) is not None
    return [one.headers['SOAPAction'] for one in requests if one.method == 'POST']


def test_what_the_server_publishes() -> None:
    """The SOAPAction names it, and no description is fetched."""
    requests = opened('8.0.3.0')
    assert actions(requests) == ['"urn:vim25/8.0.3.0"']
    assert [one.path for one in requests] == ['/sdk/vimServiceVersions.xml', '/sdk']


def test_a_server_that_publishes_nothing() -> None:
    """It is asked in a version that all know, and then spoken to in its own."""
    assert actions(opened(None)) == ['"urn:vim25/5.5"', '"urn:vim25/6.7"']


@pytest.mark.parametrize(
    'answer',
    [
        Answer('Starting', 503, 'text/html'),
        Answer(b'', 500),
        Answer(b'', 302, headers={'Location': '/sdk/vimServiceVersions.xml'}),
        Answer(b'', 302, headers={'Location': 'gopher://nowhere/'}),
        Answer(b'garbage', headers={'Content-Encoding': 'gzip'}),
        Answer(b'garbage'),
    ],
    ids=['503', '500', 'endless redirection', 'odd redirection', 'badly packed', 'garbage'],
)
def test_a_server_whose_versions_cannot_be_read(answer: Answer) -> None:
    """Whatever comes in place of that document, the server is asked what it is, and spoken to."""

    def script(request: Request) -> Answer:
        return answer if request.method == 'GET' else reply('RetrieveServiceContent', about)

    about = ABOUT.format('6.7')
    with ScriptedServer(script) as server:
        vim = Vim('http', '127.0.0.1', server.port, soap_engine=COMPILED)
        assert vim.service_content.about.apiVersion == '6.7'
        assert actions(server.requests) == ['"urn:vim25/5.5"', '"urn:vim25/6.7"']


def test_a_newer_server_without_a_description(caplog: pytest.LogCaptureFixture) -> None:
    """It is spoken to in our newest version, after one warning."""
    requests = opened('99.0.0.0')
    assert actions(requests) == [f'"urn:vim25/{wsdl.vim_api_version()}"']
    warnings = [one for one in caplog.records if one.levelname == 'WARNING']
    assert len(warnings) == 1
    assert '99.0.0.0' in warnings[0].getMessage()


def test_a_newer_server_with_a_description() -> None:
    """Its own is read, with all that it includes, and its version is spoken."""
    requests = opened('99.0.0.0', described='99.0.0.0')
    assert actions(requests) == ['"urn:vim25/99.0.0.0"']
    read = [one.path for one in requests if one.method == 'GET']
    assert read[:2] == ['/sdk/vimServiceVersions.xml', '/sdk/vimService.wsdl']
    assert '/sdk/vim-types.xsd' in read


def test_a_description_of_ones_own() -> None:
    """Is read from its URL, decides about the version, and nothing is negotiated."""
    requests = opened('8.0.3.0', described='7.0', wsdl_url='/elsewhere/vimService.wsdl')
    assert actions(requests) == ['"urn:vim25/7.0"']
    read = [one.path for one in requests if one.method == 'GET']
    assert read[0] == '/elsewhere/vimService.wsdl'
    assert '/elsewhere/vim-types.xsd' in read


def test_a_server_that_is_starting() -> None:
    """503 in place of the versions is no answer, which the session's login tries again."""
    with (
        ScriptedServer(lambda request: Answer('<html/>', 503, 'text/html')) as server,
        pytest.raises(exceptions.VimConnectionException, match='503'),
    ):
        Vim('http', '127.0.0.1', server.port, soap_engine=COMPILED)
