"""The PBM client of a session: authenticated by the session's cookie, renewed once, then honest."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from oslo_vmware import api, exceptions, service
from tests.functional.conftest import DESCRIPTION, Crowd
from tests.wire import ENVELOPE, Answer, Request, ScriptedServer, fault, reply

REJECTED = '<f xsi:type="p:NotAuthenticated" xmlns:p="urn:vim25"/>'


class Server(ScriptedServer):
    """Enough of a vCenter for a login and for PBM, which takes only the cookies it knows.

    :ivar accepted: cookies that PBM takes; None for all that a login gave
    """

    def __init__(self) -> None:
        super().__init__(self.answer)
        self.numbers = itertools.count(1)
        self.given: list[str] = []
        self.accepted: list[str] | None = None

    def answer(self, request: Request) -> Answer:
        body = etree.fromstring(request.body)
        operation = etree.QName(body[-1][0]).localname
        if request.path == '/pbm':
            known = self.given if self.accepted is None else self.accepted
            if body.findtext('.//vcSessionCookie') not in known:
                return fault(REJECTED)
            content = f'<{operation}Response xmlns="urn:pbm"/>'
            return Answer(ENVELOPE.format(content))
        content = {
            'RetrieveServiceContent': '<returnval><sessionManager type="SessionManager">'
            'SessionManager</sessionManager></returnval>',
            'Login': '<returnval><key>key</key><userName>u</userName></returnval>',
            'SessionIsActive': '<returnval>true</returnval>',
        }.get(operation, '')
        answer = reply(operation, content)
        if operation == 'Login':
            self.given.append(f'"cookie-{next(self.numbers)}"')
            answer.headers['Set-Cookie'] = f'vmware_soap_session={self.given[-1]}; Path=/'
        return answer

    def operations(self, path: str) -> list[str]:
        return [
            etree.QName(etree.fromstring(request.body)[-1][0]).localname
            for request in self.requests
            if request.path == path
        ]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def session(server: Server, pbm_description: str) -> Iterator[api.VMwareAPISession]:
    with api.VMwareAPISession(
        *('127.0.0.1', 'u', 'p', 3, 0.1),
        scheme='http',
        port=server.port,
        wsdl_loc=DESCRIPTION,
        pbm_wsdl_loc=pbm_description,
    ) as made:
        yield made


def ask(session: api.VMwareAPISession) -> Any:
    return session.invoke_api(session.pbm, 'PbmRetrieveServiceContent', service.SERVICE_INSTANCE)


def test_a_client_made_after_the_login_has_the_cookie(
    server: Server, session: api.VMwareAPISession
) -> None:
    """It gets it when it is made."""
    assert ask(session) is None
    assert server.operations('/pbm') == ['PbmRetrieveServiceContent']


def test_a_client_made_before_a_login_gets_the_cookie(
    server: Server, session: api.VMwareAPISession
) -> None:
    """Each login hands it over."""
    ask(session)
    session._login()
    server.accepted = server.given[1:]
    ask(session)
    assert server.operations('/pbm') == ['PbmRetrieveServiceContent'] * 2


def test_a_stale_cookie_is_renewed(
    server: Server, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """The session's cookie is handed over again and the call repeated, at once."""
    session.pbm.set_soap_cookie('"stale"')
    assert ask(session) is None
    assert len(server.operations('/pbm')) == 2
    assert server.operations('/sdk').count('Login') == 1
    assert pauses == []


def test_a_genuine_rejection_is_raised(
    server: Server, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """After one more try; never an empty list."""
    server.accepted = []
    with pytest.raises(exceptions.NotAuthenticatedException):
        ask(session)
    assert len(server.operations('/pbm')) == 2
    assert pauses == []


def test_threads_with_a_stale_cookie(
    server: Server, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """Whoever finds it renewed by another is repeated just the same."""
    session.pbm.set_soap_cookie('"stale"')
    assert Crowd(8, lambda number: ask(session)).join() == [None] * 8
    assert pauses == []


def test_a_description_can_be_set_later(
    server: Server, session: api.VMwareAPISession, pbm_description: str
) -> None:
    """None takes the client away, a location makes a new one."""
    first = session.pbm
    session.pbm_wsdl_loc_set(None)
    assert session.pbm is None
    session.pbm_wsdl_loc_set(pbm_description)
    assert session.pbm is not first
    assert ask(session) is None
