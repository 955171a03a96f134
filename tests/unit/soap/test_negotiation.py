"""Which version a client of VIM speaks, for all that servers say of themselves."""

import logging

import pytest
import requests
from lxml import etree

from oslo_vmware import wsdl
from oslo_vmware.soap.descriptions import open_vim, shipped_vim
from oslo_vmware.soap.errors import DescriptionError, UnreadableReplyError
from oslo_vmware.soap.transport import Reply
from tests.unit.soap.codecs import ENVELOPE, VM, Wire

NEWEST = wsdl.vim_api_version()
URL = 'https://vc.invalid/sdk'


def published(*versions: str) -> str:
    """``vimServiceVersions.xml`` of a server: its newest version, and the older ones."""
    newest, *prior = (f'<version>{version}</version>' for version in versions)
    return (
        f'<namespaces version="1.0"><namespace><name>urn:vim25</name>{newest}'
        f'<priorVersions>{"".join(prior)}</priorVersions></namespace></namespaces>'
    )


def about(version: str) -> str:
    return (
        '<RetrieveServiceContentResponse xmlns="urn:vim25"><returnval><about>'
        f'<apiVersion>{version}</apiVersion></about></returnval></RetrieveServiceContentResponse>'
    )


class Server(Wire):
    """Has one document of versions and one answer, and no description.

    :ivar actions: SOAPActions that it was asked with
    """

    def __init__(self, document: str | None, answer: str, status: int = 200) -> None:
        super().__init__(Reply(200, 'OK', 'text/xml', ENVELOPE.format(answer).encode()))
        self.document = document
        self.status = status
        self.actions: list[str] = []

    def get(self, url: str) -> Reply:
        """The document, and nothing else."""
        if url == f'{URL}/vimServiceVersions.xml' and self.document is not None:
            return Reply(self.status, '', 'text/xml', self.document.encode())
        return Reply(404, 'Not Found', 'text/html', b'<html/>')

    def post(self, url: str, body: bytes, headers: object, call: object = None) -> Reply:
        """The answer."""
        assert etree.fromstring(body) is not None
        self.actions.append(headers['SOAPAction'])  # type: ignore[index]
        return self.reply


#: What the server publishes, what it says in ``about``, and the version that is spoken.
SPOKEN: dict[str, tuple[str | None, str, str]] = {
    'the same': (published(NEWEST, '8.0.0.0'), '', NEWEST),
    'an older one': (published('7.0.0.0', '6.7', '6.5'), '', '7.0.0.0'),
    'one that we do not know, and one that we do': (
        published('8.0.2.9', '8.0.2.0', '7.0.0.0'),
        '',
        '8.0.2.0',
    ),
    'only one that we do not know': (published('7.0.0.9'), '', '7.0.0.2'),
    'a newer one, and one that we know': (published('99.0.0.0', '8.0.0.0'), '', '8.0.0.0'),
    'only a newer one': (published('99.0.0.0'), '', NEWEST),
    'a newer one of more digits than Python counts': (published('9' * 5000), '', NEWEST),
    'older than all': (published('1.0'), '', '5.5'),
    'no number': (published('latest'), '', '5.5'),
    'nothing; about says one that we know': (None, about('6.7'), '6.7'),
    'nothing; about says one that we do not know': (None, about('6.7.9'), '6.7.3'),
    'nothing; about says a newer one': (None, about('99.0'), NEWEST),
    'nothing; about says nothing that is one': (None, about('soon'), '5.5'),
    'a page; about says one': ('<html/>', about('6.7'), '6.7'),
    'no XML; about says one': ('Not here', about('6.7'), '6.7'),
    'a document type; about says one': (
        '<!DOCTYPE x [<!ENTITY v "8.0.0.0">]>' + published('&v;'),
        about('6.7'),
        '6.7',
    ),
    'versions of another API; about says one': (
        published('8.0.0.0').replace('urn:vim25', 'urn:vim2'),
        about('6.7'),
        '6.7',
    ),
}


@pytest.mark.parametrize(('document', 'answer', 'version'), SPOKEN.values(), ids=SPOKEN.keys())
def test_the_version_that_is_spoken(document: str | None, answer: str, version: str) -> None:
    """The newest that both sides know; asking goes in the oldest."""
    server = Server(document, answer)
    client = open_vim(f'{URL}/vimService.wsdl', URL, server)
    asked = ['5.5'] if answer else []
    server.reply = Reply(200, 'OK', 'text/xml', ENVELOPE.format('').encode())
    client.call('Logout', VM, {})
    assert server.actions == [f'"urn:vim25/{one}"' for one in (*asked, version)]
    assert client._codec is shipped_vim()


@pytest.mark.parametrize(
    ('document', 'warnings'), [(published('99.0.0.0'), 1), (published('6.7'), 0)]
)
def test_a_newer_server_is_warned_of(
    document: str, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, and only of one whose description cannot be had."""
    open_vim(f'{URL}/vimService.wsdl', URL, Server(document, ''))
    found = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(found) == warnings
    assert all('99.0.0.0' in one.getMessage() and NEWEST in one.getMessage() for one in found)


NO_ANSWER = {
    'a fault in place of the content': (
        Server(None, '<e:Fault><faultstring>starting</faultstring></e:Fault>'),
        'starting',
    ),
    'no content': (Server(None, about('').replace('about', 'another')), 'about'),
    'an empty content': (Server(None, ''), 'empty envelope'),
}


@pytest.mark.parametrize(('server', 'named'), NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_a_server_that_says_nothing_of_use(server: Server, named: str) -> None:
    """DescriptionError, with what it said; which the session tries again."""
    with pytest.raises(DescriptionError, match=named) as raised:
        open_vim(f'{URL}/vimService.wsdl', URL, server)
    assert raised.value.url.startswith(URL)


def test_a_server_that_says_what_nobody_can_read() -> None:
    """An error of its own, because it would say the same again."""
    with pytest.raises(UnreadableReplyError, match='not well-formed'):
        open_vim(f'{URL}/vimService.wsdl', URL, Server(None, '<broken>'))


def test_a_server_that_is_not_there() -> None:
    """The error of the HTTP library, as it is."""

    class Gone(Server):
        def get(self, url: str) -> Reply:
            raise requests.ConnectionError('gone')

    with pytest.raises(requests.ConnectionError, match='gone'):
        open_vim(f'{URL}/vimService.wsdl', URL, Gone(None, ''))
