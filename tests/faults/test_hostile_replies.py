"""Replies that mean harm, or seem to: read or refused in the time that their size takes."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware import exceptions, wsdl
from oslo_vmware.soap.client import COMPILED, REFERENCE
from oslo_vmware.soap.errors import NotSoapError
from oslo_vmware.vim import Vim
from tests.wire import ENVELOPE, Answer, ScriptedServer, reply

DESCRIPTION = wsdl.file_url(wsdl.vim_wsdl_path())
TIME = '<returnval>2026-01-02T03:04:05Z</returnval>'

#: Seconds of the processor for one reply of those here; the largest has 200 KB.
SECONDS = 2.0


@pytest.fixture(params=[COMPILED, REFERENCE])
def connect(request: pytest.FixtureRequest) -> Callable[[int], Vim]:
    """Makes a client of either engine for a port."""
    return lambda port: Vim(
        'http', '127.0.0.1', port, wsdl_url=DESCRIPTION, soap_engine=request.param
    )


def envelope(content: str, prolog: str = '') -> Answer:
    """A reply to CurrentTime with something in front."""
    whole = ENVELOPE.format(
        f'<CurrentTimeResponse xmlns="urn:vim25">{content}</CurrentTimeResponse>'
    )
    return Answer(prolog + whole.partition('?>')[2])


def nested(depth: int) -> str:
    return '<a>' * depth + '</a>' * depth


ENTITY = '<!DOCTYPE e [<!ENTITY a "aaaa">]>'
REFUSED = {
    'entities': (envelope(TIME + '<a>&a;</a>', ENTITY), 'document type'),
    'entities behind a comment': (
        envelope(TIME + '<a>&a;</a>', f'<!--{"x" * 2000}-->{ENTITY}'),
        'document type',
    ),
    'entities behind many comments': (
        envelope(TIME + '<a>&a;</a>', '<!-- -->' * 40 + ENTITY),
        'document type',
    ),
    'entities that nobody asks for': (envelope(TIME, ENTITY), 'document type'),
    'entities in UTF-16': (
        Answer(envelope(TIME, ENTITY).body.encode('utf-16')),  # type: ignore[union-attr]
        'document type',
    ),
    'an undefined entity': (envelope(TIME + '<a>&a;</a>'), 'not well-formed'),
    'nested deeply': (envelope(nested(20_000)), 'not well-formed'),
    'nested too deeply': (envelope(nested(300)), 'not well-formed'),
    'a name without an end': (envelope('<a' + 'a' * 100_000 + '\1'), 'not well-formed'),
    'a tag without an end': (
        envelope('<b><propSet><name>a</name><obj ' + 'type="x" ' * 20_000 + '\1'),
        'not well-formed',
    ),
}
MANY = ' '.join(f'a{number}="1"' for number in range(10_000))
READ = {
    'a declaration that is a comment': envelope(TIME, f'<!-- {ENTITY} -->'),
    'a declaration after many comments': envelope(f'<!-- {ENTITY} -->{TIME}', '<!-- -->' * 40),
    'nested as deeply as may be': envelope(TIME + nested(200)),
    'a long namespace and many elements': envelope(
        f'{TIME}<b xmlns="urn:{"x" * 100_000}">{"<a/>" * 10_000}</b>'
    ),
    'many attributes': envelope(f'{TIME}<b {MANY}/>'),
    'many references to characters': envelope(f'{TIME}<b>{"&#65;" * 40_000}</b>'),
    'a number of many digits': envelope(
        f'{TIME}<b xsi:type="xsd:int">{"9" * 200_000}</b>'
    ),
}  # fmt: skip


def timed(call: Callable[[], Any]) -> Any:
    """Do something, and let it not take longer than it may."""
    began = time.process_time()
    try:
        return call()
    finally:
        assert time.process_time() - began < SECONDS


@pytest.mark.parametrize('kind', REFUSED)
def test_what_is_refused(kind: str, connect: Callable[[int], Vim]) -> None:
    """VimConnectionException that says what it is, soon, with either engine."""
    answer, words = REFUSED[kind]
    with ScriptedServer(lambda request: answers.pop(0)) as server:
        answers = [answer, reply('CurrentTime', TIME)]
        vim = connect(server.port)
        with pytest.raises(exceptions.VimConnectionException, match=words) as raised:
            timed(lambda: vim.CurrentTime('ServiceInstance'))
        assert isinstance(raised.value.cause, NotSoapError)
        assert vim.CurrentTime('ServiceInstance').second == 5


@pytest.mark.parametrize('kind', READ)
def test_what_only_seems_so(kind: str, connect: Callable[[int], Vim]) -> None:
    """The reply is read, in the time that any of its size takes."""
    with ScriptedServer(lambda request: READ[kind]) as server:
        vim = connect(server.port)
        assert timed(lambda: vim.CurrentTime('ServiceInstance')).second == 5
