"""The parts that a suds client needs from us: cache, cleaning of messages, quiet logs, files."""

import logging
import os
import pathlib
import threading
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import suds.metrics  # noqa: F401 - the parser uses it without importing it
from suds.sax.element import Element
from suds.sax.parser import Parser

from oslo_vmware import service
from oslo_vmware.soap import suds_parts

ENVELOPE = (
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{}</SOAP-ENV:Envelope>'
)


def document(content: str) -> Any:
    return Parser().parse(string=ENVELOPE.format(content).encode())


class TestServiceMessagePlugin:
    """The cleaning of outgoing envelopes."""

    @pytest.mark.parametrize(
        ('before', 'after'),
        [
            ('<a><b/></a><c>1</c>', '<c>1</c>'),
            ('<a><b><c/></b><d>1</d></a>', '<a><d>1</d></a>'),
            ('<a k="v"/>', '<a k="v"/>'),
            (
                '<x><VirtualMachineEmptyProfileSpec/></x>',
                '<x><VirtualMachineEmptyProfileSpec/></x>',
            ),
            (
                '<o><key>k</key><value>True</value></o>',
                '<o><key>k</key><value xsi:type="xsd:string">True</value></o>',
            ),
            ('<o><value/></o><p>1</p>', '<p>1</p>'),
            ('<val>1</val>', '<val xsi:type="xsd:string">1</val>'),
            ('<value><deep>1</deep></value>', '<value><deep>1</deep></value>'),
            ('<removeKey>5</removeKey>', '<removeKey xsi:type="xsd:int">5</removeKey>'),
            ('<removeKey>abc</removeKey>', '<removeKey xsi:type="xsd:string">abc</removeKey>'),
        ],
    )
    def test_cleaning(self, before: str, after: str) -> None:
        """Nothing empty stays but what is meant, and values of type any are strings."""
        envelope = document(before).root()
        suds_parts.ServiceMessagePlugin().marshalled(SimpleNamespace(envelope=envelope))
        cleaned = ''.join(child.plain() for child in envelope.children)
        assert cleaned == after.replace(' />', '/>')
        assert envelope.resolvePrefix('xsd')[1] == 'http://www.w3.org/2001/XMLSchema'

    def test_an_empty_string_stays(self) -> None:
        """It means something to the server: Nova removes an extra-config key that way."""
        envelope = document('<o><key>k</key></o>').root()
        envelope.children[0].append(Element('value').setText(''))
        suds_parts.ServiceMessagePlugin().marshalled(SimpleNamespace(envelope=envelope))
        value = envelope.children[0].getChild('value')
        assert value.get('xsi:type') == 'xsd:string'


class TestMemoryCache:
    """Values by key, for a time."""

    def test_values_expire(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After as many seconds as said; never for 0."""
        now = [0.0]
        monkeypatch.setattr(suds_parts, 'clock', SimpleNamespace(monotonic=lambda: now[0]))
        cache = service.MemoryCache()
        assert cache.put('short', 1, 10) is True
        cache.put('default', 2)
        cache.put('ever', 3, 0)
        assert (cache.get('short'), cache.get('default'), cache.get('ever')) == (1, 2, 3)
        now[0] = 10.5
        assert (cache.get('short'), cache.get('default')) == (None, 2)
        now[0] = service.CACHE_TIMEOUT + 1
        assert (cache.get('default'), cache.get('ever')) == (None, 3)

    def test_values_can_be_forgotten(self) -> None:
        """One, or all."""
        cache = service.MemoryCache()
        for key in 'abc':
            cache.put(key, key)
        cache.purge('a')
        cache.purge('not there')
        assert (cache.get('a'), cache.get('b')) == (None, 'b')
        cache.clear()
        assert cache.get('c') is None

    def test_a_limited_cache_keeps_the_newest(self) -> None:
        """What was put first goes first; putting again makes it new."""
        cache = service.MemoryCache(limit=2)
        for key in 'abac':
            cache.put(key, key)
        assert [cache.get(key) for key in 'abc'] == ['a', None, 'c']

    def test_threads_do_not_lose_values(self) -> None:
        """What one thread puts is there, whatever the others do."""
        cache = service.MemoryCache()

        def fill(number: int) -> None:
            for item in range(200):
                cache.put((number, item), item)
                cache.get((number, item - 1))

        threads = [threading.Thread(target=fill, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(cache.get((n, item)) == item for n in range(8) for item in range(200))


LOGIN = (
    '<Body><Login><_this>SessionManager</_this><userName>somebody</userName>'
    '<password>secret</password></Login></Body>'
)
IS_ACTIVE = (
    '<Body><SessionIsActive><_this>SessionManager</_this><sessionID>0123456789</sessionID>'
    '<userName>somebody</userName></SessionIsActive></Body>'
)


class TestLogs:
    """Nothing that suds logs holds a secret."""

    @pytest.mark.parametrize('as_argument', [False, True])
    @pytest.mark.parametrize('kind', ['document', 'root'])
    @pytest.mark.parametrize(
        ('content', 'hidden', 'shown'),
        [(LOGIN, ['somebody', 'secret'], '***'), (IS_ACTIVE, ['somebody', '012345'], '56789')],
    )
    def test_messages_are_masked(
        self,
        content: str,
        hidden: list[str],
        shown: str,
        kind: str,
        as_argument: bool,
    ) -> None:
        """Whether logged as the message or as its argument; what is sent stays whole."""
        original = document(content)
        logged = original if kind == 'document' else original.root()
        message, args = ('%s', (logged,)) if as_argument else (logged, ())
        record = logging.LogRecord('suds.client', logging.DEBUG, '', 0, message, args, None)
        assert service.SudsLogFilter().filter(record) is True
        text = record.getMessage()
        assert shown in text
        assert not [secret for secret in hidden if secret in text]
        assert all(secret in original.str() for secret in hidden)

    def test_other_records_pass(self) -> None:
        """Also those that are no XML at all."""
        record = logging.LogRecord('suds.client', logging.INFO, '', 0, 'text %s', ('x',), None)
        assert service.SudsLogFilter().filter(record) is True
        assert record.getMessage() == 'text x'

    def test_filters_are_set_once(self) -> None:
        """However often it is asked for."""
        suds_parts.quieten_suds()
        suds_parts.quieten_suds()
        filters = logging.getLogger('suds.client').filters
        assert len([item for item in filters if isinstance(item, service.SudsLogFilter)]) == 1


class TestLocalFiles:
    """The HTTP client reads file URLs."""

    def fetch(self, path: pathlib.Path) -> requests.Response:
        with requests.Session() as session:
            session.mount('file:///', service.LocalFileAdapter())
            return session.get(path.as_uri())

    def test_a_file(self, tmp_path: pathlib.Path) -> None:
        """Its content, also when the path needs percent-encoding."""
        path = tmp_path / 'a b%ä.wsdl'
        path.write_bytes(b'<x/>')
        assert path.as_uri().endswith('a%20b%25%C3%A4.wsdl')
        response = self.fetch(path)
        assert (response.status_code, response.content) == (200, b'<x/>')

    def test_no_file(self, tmp_path: pathlib.Path) -> None:
        """404, and 403 for what cannot be read."""
        assert self.fetch(tmp_path / 'none').status_code == 404
        assert self.fetch(tmp_path).status_code == 403

    def test_what_is_no_regular_file(self, tmp_path: pathlib.Path) -> None:
        """A pipe that nobody writes to is not waited for, nor a device read without end."""
        pipe = tmp_path / 'pipe'
        os.mkfifo(pipe)
        assert self.fetch(pipe).status_code == 403
        assert self.fetch(pathlib.Path('/dev/zero')).status_code == 403

    def test_a_name_that_no_file_can_have(self, tmp_path: pathlib.Path) -> None:
        """404, as for any other that is not there."""
        assert self.fetch(tmp_path / 'a\0b').status_code == 404

    def test_the_raw_response(self) -> None:
        """The methods that HTTP libraries call on one."""
        raw = service.Response(b'content', 200, {'X': 'y'})
        assert raw.info() is raw.msg is raw
        assert (raw.getheaders('X'), raw.getheaders('Z')) == (['y'], [])
        assert raw.get_all('Z', 'default') == 'default'
        assert (raw.read(3, decode_content=True), raw.read(None)) == (b'con', b'tent')
        raw.release_conn()
        assert raw.closed


@pytest.mark.parametrize(
    ('arguments', 'url'),
    [
        (('https', 'vc', 443), 'https://vc:443'),
        (('http', 'vc', None), 'http://vc'),
        (('https', 'vc', 0), 'https://vc:0'),
        (('https', '192.0.2.1', 8443), 'https://192.0.2.1:8443'),
        (('https', '2001:db8::1', 443), 'https://[2001:db8::1]:443'),
        (('https', '[2001:db8::1]', 443), 'https://[2001:db8::1]:443'),
    ],
)
def test_base_url(arguments: tuple[str, str, int | None], url: str) -> None:
    """Brackets for IPv6, port only when given."""
    assert service.Service.build_base_url(*arguments) == url


def test_a_port_that_is_no_number_is_refused() -> None:
    """It would end up in a URL that means something else."""
    with pytest.raises((TypeError, ValueError)):
        service.Service.build_base_url('https', 'vc', '443')  # type: ignore[arg-type]
