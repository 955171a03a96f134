"""Replies that nobody can read: no outage, unless they stand in for a server that is down."""

from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import SessionMaker
from tests.wire import ENVELOPE

LASTING = {
    'no XML at all': (200, 'text/xml', b'\x80\x02garbage'),
    'another language': (200, 'application/json', b'{"error": "not here"}'),
    'words': (200, '', b'It works!'),
    'an envelope with a mistake in it': (200, 'text/xml', ENVELOPE.format('<a></b>').encode()),
}
PASSING = {
    'a page': (200, 'text/html', b'<html><body>Starting</body></html>'),
    'a page that is no XML': (200, 'text/html', b'Starting<br>'),
    'an error page': (503, 'text/plain', b'no healthy upstream'),
    'half an envelope': (200, 'text/xml', ENVELOPE[:150].encode()),
}


@pytest.mark.parametrize(
    ('status', 'content_type', 'body', 'is_lasting'),
    [(*row, True) for row in LASTING.values()] + [(*row, False) for row in PASSING.values()],
    ids=[*LASTING, *PASSING],
)
def test_what_is_no_reply(
    status: int,
    content_type: str,
    body: bytes,
    is_lasting: bool,
    vc: VCenterSimulator,
    connect: SessionMaker,
    pauses: list[float],
) -> None:
    """What the service says and nobody can read is raised at once, by a session's calls and by
    its login; what stands in its place while it is down is waited out.
    """
    session = connect(vc)
    found = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 9)
    vm = found.objects[0].obj
    for operation in ('RetrievePropertiesEx', 'Login'):
        if operation == 'Login':
            vc.expire_sessions()
        vc.calls.clear()
        pauses.clear()
        vc.faults.http(operation, status=status, content_type=content_type, body=body)
        if is_lasting:
            with pytest.raises(exceptions.VimUnreadableReplyException, match=operation):
                name_of(session, vm)
            assert (pauses, vc.count(operation)) == ([], 1)
        else:
            assert name_of(session, vm)
            assert len(pauses) == 1


def name_of(session: api.VMwareAPISession, vm: Any) -> Any:
    return session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')
