"""The client of the compiled engine, without its network: which answer ends in what."""

import datetime
import gc
import weakref
from http.cookiejar import CookieJar
from typing import Any

import pytest
import suds

from oslo_vmware.soap.compiled import CompiledClient
from oslo_vmware.soap.errors import EXCERPT_LENGTH, NotSoapError
from oslo_vmware.soap.transport import OversizedReplyError, Reply
from tests.unit.soap.codecs import ENVELOPE, VM, Wire, client, vim

NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)
TIME = ENVELOPE.format(
    '<CurrentTimeResponse xmlns="urn:vim25"><returnval>2026-01-02T12:00:00Z</returnval>'
    '</CurrentTimeResponse>'
).encode()
FAULT = ENVELOPE.format('<e:Fault><faultstring>no</faultstring></e:Fault>').encode()
DONE = ENVELOPE.format('<LogoutResponse xmlns="urn:vim25"/>').encode()
VOID = ENVELOPE.format('').encode()

#: Operation, status, body, and what it ends in: a value, or an exception and what it says.
ANSWERS: dict[str, tuple[str, int, bytes, Any, str]] = {
    'a result': ('CurrentTime', 200, TIME, NOON, ''),
    'an empty envelope': ('CurrentTime', 200, VOID, NotSoapError, 'empty envelope'),
    'an empty envelope where nothing is expected': ('Logout', 200, VOID, None, ''),
    'an empty envelope, and an error': ('Logout', 500, VOID, NotSoapError, 'status 500'),
    'an empty envelope, and another place': ('Logout', 302, VOID, NotSoapError, 'status 302'),
    'a fault': ('CurrentTime', 500, FAULT, suds.WebFault, 'no'),
    'a fault with status 200': ('CurrentTime', 200, FAULT, suds.WebFault, 'no'),
    'a fault with another status': ('CurrentTime', 403, FAULT, suds.WebFault, 'no'),
    'a result with an error': (
        'CurrentTime',
        500,
        TIME,
        NotSoapError,
        'HTTP error with a SOAP body',
    ),
    'a result that is found elsewhere': ('CurrentTime', 302, TIME, NotSoapError, 'status 302'),
    'no body, accepted': ('CurrentTime', 202, b'', NotSoapError, 'empty'),
    'no body, no content': ('CurrentTime', 204, b'', NotSoapError, 'empty'),
    'no content where nothing is expected': ('Logout', 204, b'', None, ''),
    'no body of a change': ('UnmountVmfsVolume', 204, b'', NotSoapError, 'empty'),
    'no body': ('CurrentTime', 200, b'', NotSoapError, 'empty'),
    'no body where nothing is expected': ('Logout', 200, b'', None, ''),
    'no body, and an error': ('Logout', 500, b'', NotSoapError, 'status 500'),
    'nothing is expected': ('Logout', 200, DONE, None, ''),
    'nothing is expected, and an error': ('Logout', 500, DONE, NotSoapError, 'status 500'),
    'nothing is expected, and a page': ('Logout', 200, b'<html/>', NotSoapError, 'envelope'),
    'a page': ('CurrentTime', 503, b'<html/>', NotSoapError, 'envelope'),
}


@pytest.mark.parametrize(
    ('operation', 'status', 'body', 'end', 'text'), ANSWERS.values(), ids=ANSWERS.keys()
)
def test_answers(operation: str, status: int, body: bytes, end: Any, text: str) -> None:
    """A value, the server's fault, or the one exception for what is neither."""
    if isinstance(end, type):
        with pytest.raises(end, match=text):
            client(vim(), body, status).call(operation, VM, {})
    else:
        assert client(vim(), body, status).call(operation, VM, {}) == end


def test_an_answer_that_is_too_large() -> None:
    """NotSoapError that says so, with the beginning of it."""

    class Endless(Wire):
        def post(self, *args: Any, **options: Any) -> Reply:
            raise OversizedReplyError('the reply is larger', self.reply)

    reply = Reply(200, 'OK', 'text/xml', b'<start' + bytes(10000))
    with pytest.raises(NotSoapError, match='CurrentTime: the reply is larger') as raised:
        CompiledClient(vim(), 'https://localhost/sdk', Endless(reply)).call('CurrentTime', VM, {})
    assert raised.value.excerpt().startswith('<start')
    assert len(raised.value.excerpt()) <= EXCERPT_LENGTH


def test_the_soap_action() -> None:
    """The description's, unless a version was negotiated."""
    for action, sent in (('urn:vim25/6.7', '"urn:vim25/6.7"'), (None, '"urn:vim25/9.')):
        wire = Wire(Reply(200, 'OK', 'text/xml', TIME))
        CompiledClient(vim(), 'https://localhost/sdk', wire, action).call('CurrentTime', VM, {})
        assert wire.headers['SOAPAction'].startswith(sent)
        assert wire.headers['Content-Type'] == 'text/xml; charset=utf-8'


def test_the_face() -> None:
    """Operations and options as in suds; nothing else is an operation."""
    found = client(vim(), TIME)
    assert found.service.CurrentTime(VM) == NOON
    with pytest.raises(suds.MethodNotFound, match='NoSuch'):
        found.service.NoSuch(VM)
    with pytest.raises(suds.MethodNotFound, match='NoSuch'):
        found.call('NoSuch', VM, {})
    assert not hasattr(found.service, '_private')
    assert not hasattr(found.service, '__deepcopy__')
    found.set_options(location='https://elsewhere/sdk')
    assert found.options.location == 'https://elsewhere/sdk'
    assert repr(found) == '<CompiledClient of https://elsewhere/sdk>'
    with pytest.raises(AttributeError, match='timeout'):
        found.set_options(location='https://nowhere/sdk', timeout=5)
    with pytest.raises(AttributeError, match='transport'):
        found.set_options(transport=None)
    assert found.options.location == 'https://elsewhere/sdk'
    jar = CookieJar()
    found.cookiejar = jar
    assert found.cookiejar is found.options.transport.cookiejar is jar


def test_what_came_goes_with_its_last_reference() -> None:
    """Not at the next collection: replies are large."""
    content = '<obj type="Folder">f</obj><propSet><name>n</name><val>v</val></propSet>'
    body = ENVELOPE.format(
        f'<RetrievePropertiesResponse xmlns="urn:vim25"><returnval>{content}</returnval>'
        '</RetrievePropertiesResponse>'
    ).encode()
    gc.disable()
    try:
        found = client(vim(), body).call('RetrieveProperties', VM, {})
        kept = [weakref.ref(one) for one in (found[0], found[0].obj, found[0].propSet[0])]
        assert None not in [one() for one in kept]
        del found
        assert [one() for one in kept] == [None] * 3
    finally:
        gc.enable()
