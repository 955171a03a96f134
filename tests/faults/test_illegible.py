"""Replies that cannot be read as they are: what is mended, and what is read all the same."""

import contextlib
import logging
from typing import Any

import pytest

from oslo_vmware import exceptions, vim_util, wsdl
from oslo_vmware.soap import mending
from oslo_vmware.soap.client import COMPILED, REFERENCE
from oslo_vmware.vim import Vim
from tests.wire import ENVELOPE, Answer, ScriptedServer, fault, reply

DESCRIPTION = wsdl.file_url(wsdl.vim_wsdl_path())
VM = vim_util.get_moref('vm-1', 'VirtualMachine')
SIGN = '\N{REPLACEMENT CHARACTER}'

PAGE = (
    '<returnval><objects><obj type="VirtualMachine">vm-1</obj>'
    '<propSet><name>name</name><val xsi:type="xsd:string">first</val></propSet></objects>'
    '<objects><obj type="VirtualMachine">vm-2</obj>'
    '<propSet><name>config.annotation</name><val xsi:type="xsd:string">@</val></propSet>'
    '</objects></returnval>'
)
WHERE = (
    'RetrievePropertiesExResponse/returnval/objects/propSet/val,'
    ' property config.annotation of VirtualMachine vm-2'
)

pytestmark = pytest.mark.parametrize('engine', [COMPILED, REFERENCE])


def page(notes: bytes, before: str = '') -> bytes:
    body = str(reply('RetrievePropertiesEx', before + PAGE).body)
    return body.encode().replace(b'@', notes)


def read(body: bytes, engine: str, status: int = 200) -> Any:
    """What a client of an engine makes of a reply to RetrievePropertiesEx."""
    with ScriptedServer(lambda request: Answer(body, status)) as server:
        vim = Vim('http', '127.0.0.1', server.port, wsdl_url=DESCRIPTION, soap_engine=engine)
        collector = vim_util.get_moref('propertyCollector', 'PropertyCollector')
        result = vim.RetrievePropertiesEx(collector, specSet=[], options=None)
        assert len(server.requests) == 1
    return result


#: What the notes of a machine are in a reply, what becomes of them, and where the first is.
NOTES = {
    'a byte that is not UTF-8': (b'a\xffb', f'a{SIGN}b', 1),
    'half a character': (b'a\xe2\x82', f'a{SIGN}{SIGN}', 1),
    'a surrogate': (b'\xed\xa0\x80', SIGN * 3, 0),
    'a control character': (b'a\x0bb', f'a{SIGN}b', 1),
    'a zero': (b'\0', SIGN, 0),
    'no character': ('ab\uffff'.encode(), f'ab{SIGN}', 2),
    'a reference to a control character': (b'a&#x1;b', f'a{SIGN}b', 1),
    'a decimal one, among good ones': (b'&#65;&#0;&#x42;&#9;', f'A{SIGN}B\t', 5),
    'a reference to a surrogate': (b'&#xD800;', SIGN, 0),
    'a reference beyond all characters': (b'&#x110000;', SIGN, 0),
    'a reference with more digits than a number has': (b'&#' + b'9' * 5000 + b';', SIGN, 0),
    'good ones beside': (
        '\u00fc\x01\N{GRINNING FACE}&amp;'.encode(),
        f'\u00fc{SIGN}\N{GRINNING FACE}&',
        2,
    ),
    'far inside': (b'x' * 200_000 + b'\x01y', 'x' * 200_000 + f'{SIGN}y', 200_000),
}


@pytest.mark.parametrize(('notes', 'text', 'at'), NOTES.values(), ids=NOTES.keys())
def test_a_character_that_xml_cannot_hold(
    engine: str, notes: bytes, text: str, at: int, caplog: pytest.LogCaptureFixture
) -> None:
    """It is replaced, the rest of the page is as it was, and one warning says where it was."""
    body = page(notes)
    first, second = read(body, engine).objects
    assert (first.propSet[0].val, second.propSet[0].val) == ('first', text)
    (record,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert record.name == mending.__name__
    message = record.getMessage()
    assert f'RetrievePropertiesEx has {text.count(SIGN)} character(s)' in message
    assert f'at byte {body.index(notes) + at} in {WHERE}.' in message


@pytest.mark.parametrize(
    ('body', 'where'),
    [
        (page(b'ok').replace(b'type="VirtualMachine"', b'type="\x01"'), 'returnval/objects.'),
        (ENVELOPE.format('\x01' + PAGE).encode(), 'in the envelope'),
        (b'\x01' + page(b'ok'), None),
        (page(b'ok').replace(b'objects', b'obj\xffects'), 'RetrievePropertiesExResponse/returnval'),
    ],
)
def test_where_no_value_is(
    engine: str, body: bytes, where: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """It is replaced wherever it stands, which may or may not be enough."""
    with contextlib.suppress(exceptions.VimConnectionException, exceptions.VimFaultException):
        read(body, engine)
    assert (where or '') in caplog.text
    assert (where is None) is (not caplog.records)


def test_a_fault_with_such_a_character(engine: str, caplog: pytest.LogCaptureFixture) -> None:
    """The same holds for what a server refuses."""
    body = str(fault('<f xmlns="urn:vim25" xsi:type="NotFound"/>', 'No \x02 here').body)
    with pytest.raises(exceptions.VimFaultException) as raised:
        read(body.encode(), engine, 500)
    assert raised.value.fault_list == ['NotFound']
    assert raised.value.message == f'No {SIGN} here'
    assert len(caplog.records) == 1


def test_nothing_is_looked_at_twice_that_can_be_read(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search for such characters costs nothing where there are none."""
    monkeypatch.setattr(mending, '_pieces', None)
    assert read(page('all is \N{GRINNING FACE} &#10;'.encode()), engine)


@pytest.mark.parametrize(
    ('before', 'notes'),
    [('', '{}'), ('<!-- a -->', '{}'), ('', '{}&#13;'), ('', '{}\r'), ('', '<![CDATA[{}]]>')],
    ids=['plain', 'with a comment', 'with a carriage return', 'with a raw one', 'as CDATA'],
)
def test_a_long_text(engine: str, before: str, notes: str) -> None:
    """More than 10 MB read the same however the XML around them is written."""
    text = 'x' * 10_500_000
    read_back = read(page(notes.format(text).encode(), before), engine).objects[1].propSet[0].val
    assert read_back.strip() == text


def test_depth_is_bounded_beside_a_long_text(engine: str) -> None:
    """A long text lifts none of the other limits."""
    if engine == REFERENCE:
        pytest.skip('suds has a limit of its own')
    depth = '<a>' * 300 + '</a>' * 300
    with pytest.raises(exceptions.VimUnreadableReplyException, match='nested too deep'):
        read(page(b'x' * 10_500_000, f'<!-- a -->{depth}'), engine)
