"""Login, logout and what ends a session."""

from __future__ import annotations

import ssl
import threading
import time
from typing import Any

import pytest
from lxml import etree
from pyVmomi import SoapStubAdapter, vim

from oslo_vmware.simulator import VCenterSimulator
from tests.simulator.conftest import (
    PROPERTY_COLLECTOR,
    SERVICE_INSTANCE,
    SESSION_MANAGER,
    XSI,
    Answer,
    Soap,
    read_spec,
)


def is_active(client: Soap, key: str | None, user: str | None) -> Answer:
    return client.call(
        'SessionIsActive',
        SESSION_MANAGER,
        f'<sessionID>{key}</sessionID><userName>{user}</userName>',
    )


def test_login_answers_as_the_server_spells_it(vcenter: VCenterSimulator, soap: Soap) -> None:
    """Names ignore case at the login; the reply has the server's own spelling."""
    answer = soap.login('AdminISTRATOR@VSphere.Local')
    assert answer.text('returnval/userName') == 'VSPHERE.LOCAL\\Administrator'
    assert answer.text('returnval/key') == next(iter(vcenter.sessions)).key
    assert answer.text('returnval/locale') == 'en'
    assert (answer.text('returnval/loginTime') or '').endswith('Z')
    assert soap.login('vsphere.local\\administrator').fault is None


def test_the_cookie_is_a_vcenters(vcenter: VCenterSimulator, soap: Soap) -> None:
    """vmware_soap_session comes with its double quotes, for all paths, secure, one per login."""
    first = soap.login().response.headers['Set-Cookie']
    second = soap.login().response.headers['Set-Cookie']
    name, _, rest = first.partition('=')
    value, *flags = rest.split('; ')
    assert name == 'vmware_soap_session'
    assert value[0] == value[-1] == '"'
    assert len(value) == 42
    assert flags == ['Path=/', 'HttpOnly', 'Secure']
    assert first != second
    assert len(vcenter.sessions) == 2


def test_calls_belong_to_the_session_of_their_cookie(vcenter: VCenterSimulator, soap: Soap) -> None:
    """currentSession is the caller's; a cookie works with and without its quotes, whatever other
    cookies come with it.
    """
    key = soap.login().text('returnval/key')
    cookie = next(iter(vcenter.sessions)).cookie
    for value, others in (
        (cookie, 'other=1; '),
        (cookie.strip('"'), 'other=1; '),
        (cookie, 'foo[bar]=x;'),
        (cookie, 'a@b=c;  x y; =; '),
    ):
        soap.http.cookies.clear()
        wanted = read_spec(SESSION_MANAGER, 'currentSession')
        answer = soap.call(
            'RetrievePropertiesEx',
            PROPERTY_COLLECTOR,
            wanted,
            Cookie=f'{others}vmware_soap_session={value}',
        )
        assert answer.text('returnval/objects/propSet/val/key') == key
        assert vcenter.calls[-1].session_key == key


@pytest.mark.parametrize(
    ('user', 'password'),
    [
        (None, 'wrong'),
        (None, ''),
        (None, 'VMWARE123!'),
        ('root', None),
        ('', None),
        ('administrator', None),
    ],
)
def test_wrong_credentials(
    vcenter: VCenterSimulator, soap: Soap, user: str | None, password: str | None
) -> None:
    """Name and password must both be right, else InvalidLogin, without a cookie."""
    answer = soap.login(user, password)
    assert answer.fault_type == 'InvalidLogin'
    assert answer.fault_text == 'Cannot complete login due to an incorrect user name or password.'
    assert 'Set-Cookie' not in answer.response.headers
    assert len(vcenter.sessions) == 0


def test_unknown_locale(soap: Soap) -> None:
    """A locale that the server does not have is InvalidLocale."""
    content = (
        f'<userName>{soap.vc.username}</userName><password>{soap.vc.password}</password>'
        '<locale>{}</locale>'
    )
    assert soap.call('Login', SESSION_MANAGER, content.format('tlh')).fault_type == 'InvalidLocale'
    assert soap.call('Login', SESSION_MANAGER, content.format('en_US')).fault is None


def test_session_is_active_compares_names_exactly(soap: Soap) -> None:
    """Unlike Login, SessionIsActive wants the user's name as the server spells it."""
    answer = soap.login()
    key, user = answer.text('returnval/key'), answer.text('returnval/userName')
    for key_, user_, active in (
        (key, user, 'true'),
        (key, soap.vc.username, 'false'),
        (key, 'vsphere.local\\administrator', 'false'),
        ('other', user, 'false'),
    ):
        assert is_active(soap, key_, user_).text('returnval') == active


def test_logout_ends_the_session(soap: Soap) -> None:
    """After Logout the cookie is worth nothing, and a second Logout is refused."""
    soap.login()
    assert soap.call('Logout', SESSION_MANAGER).fault is None
    assert soap.call('CurrentTime', SERVICE_INSTANCE).fault_type == 'NotAuthenticated'
    assert soap.call('Logout', SESSION_MANAGER).fault_type == 'NotAuthenticated'


def test_terminate_session(vcenter: VCenterSimulator, soap: Soap) -> None:
    """One session can end another, not itself, and not one that does not exist."""
    other = Soap(vcenter)
    victim = other.login().text('returnval/key')
    own = soap.login().text('returnval/key')

    def terminate(key: str | None) -> str | None:
        return soap.call(
            'TerminateSession', SESSION_MANAGER, f'<sessionId>{key}</sessionId>'
        ).fault_type

    assert terminate(own) == 'InvalidArgument'
    assert terminate(victim) is None
    assert terminate(victim) == 'NotFound'
    assert other.call('CurrentTime', SERVICE_INSTANCE).fault_type == 'NotAuthenticated'
    assert soap.call('CurrentTime', SERVICE_INSTANCE).fault is None
    other.http.close()


def test_a_ticket_makes_one_more_session(vcenter: VCenterSimulator, si: Any) -> None:
    """Who shows the ticket is the same user, in a session of their own; it is good for once."""
    ticket = si.content.sessionManager.AcquireCloneTicket()
    context = ssl.create_default_context(cafile=vcenter.cacert)
    stub = SoapStubAdapter(vcenter.host, vcenter.port, sslContext=context)
    manager = vim.ServiceInstance('ServiceInstance', stub).content.sessionManager
    made, own = manager.CloneSession(ticket), si.content.sessionManager.currentSession
    assert (made.userName, made.key == own.key) == (own.userName, False)
    assert manager.currentSession.key == made.key
    with pytest.raises(vim.fault.InvalidLogin):
        manager.CloneSession(ticket)
    assert all(call.args is None for call in vcenter.calls if call.operation == 'CloneSession')
    last = manager.AcquireCloneTicket()
    manager.Logout()
    with pytest.raises(vim.fault.InvalidLogin):
        manager.CloneSession(last)
    stub.DropConnections()


def test_session_list(vcenter: VCenterSimulator, soap: Soap) -> None:
    """sessionList holds who is logged in, with their client's name."""
    key = soap.login().text('returnval/key')
    answer = soap.call(
        'RetrievePropertiesEx', PROPERTY_COLLECTOR, read_spec(SESSION_MANAGER, 'sessionList')
    )
    assert answer.texts('returnval/objects/propSet/val/UserSession/key') == [key]
    (agent,) = answer.texts('returnval/objects/propSet/val/UserSession/userAgent')
    assert (agent or '').startswith('python-requests/')


@pytest.mark.vcenter(session_idle_seconds=600)
def test_idle_sessions_expire(vcenter: VCenterSimulator, soap: Soap) -> None:
    """A session lives as long as it is used often enough."""
    soap.login()
    (session,) = vcenter.sessions
    for _ in range(2):
        session.last_used -= 400
        assert soap.call('CurrentTime', SERVICE_INSTANCE).fault is None
    session.last_used -= 601
    assert soap.call('CurrentTime', SERVICE_INSTANCE).fault_type == 'NotAuthenticated'


@pytest.mark.vcenter(session_idle_seconds=600)
def test_an_expired_session_is_seen_by_nobody(vcenter: VCenterSimulator, soap: Soap) -> None:
    """A session that nobody has used for too long is neither active nor counted nor listed."""
    answer = soap.login()
    key, user = answer.text('returnval/key'), answer.text('returnval/userName')
    (session,) = vcenter.sessions
    other = Soap(vcenter)
    own = other.login().text('returnval/key')
    assert is_active(other, key, user).text('returnval') == 'true'
    session.last_used -= 601
    assert [one.key for one in vcenter.sessions] == [own]
    assert is_active(other, key, user).text('returnval') == 'false'
    (session,) = vcenter.sessions
    session.last_used -= 601
    assert len(vcenter.sessions) == 0
    other.http.close()


@pytest.mark.vcenter(session_idle_seconds=600)
def test_who_waits_is_not_idle(vcenter: VCenterSimulator, soap: Soap) -> None:
    """A session outlives a call that waits for longer than sessions may be idle; the time counts
    from the end of the wait.
    """
    soap.login()
    (session,) = vcenter.sessions
    spec = read_spec(SESSION_MANAGER, 'message').replace('<options/>', '')
    spec = spec.replace('specSet>', 'spec>') + '<partialUpdates>false</partialUpdates>'
    assert soap.call('CreateFilter', PROPERTY_COLLECTOR, spec).fault is None
    assert soap.call('WaitForUpdatesEx', PROPERTY_COLLECTOR).text('returnval/version') == '1'
    answers: list[Answer] = []
    version = '<version>1</version>'
    waiting = threading.Thread(
        target=lambda: answers.append(soap.call('WaitForUpdatesEx', PROPERTY_COLLECTOR, version))
    )
    calls = session.calls
    waiting.start()
    while session.calls == calls:
        time.sleep(0.005)
    other = Soap(vcenter)
    # The call lets go of the lock only to wait.
    with vcenter.world.lock:
        session.last_used -= 601
    other.login()
    assert len(vcenter.sessions) == 2
    other.call('UpdateServiceMessage', SESSION_MANAGER, '<message>hello</message>')
    waiting.join(30)
    assert [answer.text('returnval/version') for answer in answers] == ['2']
    assert soap.call('CurrentTime', SERVICE_INSTANCE).fault is None
    other.http.close()


@pytest.mark.parametrize('end', ['expire_sessions', 'terminate_sessions'])
def test_sessions_end_on_demand(vcenter: VCenterSimulator, soap: Soap, end: str) -> None:
    """A test can end all sessions; a new login works at once."""
    soap.login()
    soap.login()
    assert getattr(vcenter, end)() == 2
    assert soap.call('CurrentTime', SERVICE_INSTANCE).fault_type == 'NotAuthenticated'
    soap.login()
    assert soap.call('CurrentTime', SERVICE_INSTANCE).fault is None


def test_expired_sessions_may_answer_like_an_esx_host(
    vcenter: VCenterSimulator, soap: Soap
) -> None:
    """With expired_reply='empty' a retrieval without session is empty, other calls are faults."""
    soap.login()
    vcenter.expired_reply = 'empty'
    vcenter.expire_sessions()
    folder = vcenter.world.root_folder.ref
    answer = soap.call('RetrievePropertiesEx', PROPERTY_COLLECTOR, read_spec(folder, 'name'))
    assert answer.response.status_code == 200
    assert etree.QName(answer.body[0]).localname == 'RetrievePropertiesExResponse'
    assert len(answer.body[0]) == 0
    assert soap.call('CurrentTime', SERVICE_INSTANCE).fault_type == 'NotAuthenticated'


def test_what_is_open_to_those_who_are_not_logged_in(vcenter: VCenterSimulator, soap: Soap) -> None:
    """A stranger may learn what the server is, and nothing of the inventory."""
    content = soap.call('RetrieveServiceContent', SERVICE_INSTANCE)
    assert content.text('returnval/about/apiType') == 'VirtualCenter'
    retrieve = 'RetrievePropertiesEx'
    allowed = soap.call(retrieve, PROPERTY_COLLECTOR, read_spec(SERVICE_INSTANCE, 'content'))
    assert allowed.text('returnval/objects/propSet/name') == 'content'
    folder = vcenter.world.root_folder.ref
    refused = soap.call(retrieve, PROPERTY_COLLECTOR, read_spec(folder, 'name'))
    assert refused.fault_type == 'NotAuthenticated'
    # A way from what is open into what is not.
    by_traversal = read_spec(SERVICE_INSTANCE, 'content').replace(
        '</obj>',
        '</obj><selectSet xsi:type="TraversalSpec"><type>ServiceInstance</type>'
        '<path>content.rootFolder</path></selectSet>',
    )
    refused = soap.call(retrieve, PROPERTY_COLLECTOR, by_traversal)
    assert refused.fault_type == 'NotAuthenticated'
    assert len(vcenter.sessions) == 0


@pytest.mark.parametrize('end', ['expire_sessions', 'terminate_sessions'])
def test_waiting_ends_with_the_session(vcenter: VCenterSimulator, soap: Soap, end: str) -> None:
    """A call that waits in a session is answered when the session ends."""
    soap.login()
    answers: list[Answer] = []
    waiting = threading.Thread(
        target=lambda: answers.append(soap.call('WaitForUpdatesEx', PROPERTY_COLLECTOR))
    )
    waiting.start()
    while vcenter.count('WaitForUpdatesEx') == 0:
        time.sleep(0.005)
    time.sleep(0.05)
    getattr(vcenter, end)()
    waiting.join(10)
    assert [answer.fault_type for answer in answers] == ['NotAuthenticated']


def test_session_ids_follow_from_the_seed() -> None:
    """The same seed makes the same keys and cookies, another seed others."""

    def identity(seed: int) -> tuple[str, str]:
        with VCenterSimulator(seed=seed) as vc:
            client = Soap(vc)
            client.login()
            client.http.close()
            session = next(iter(vc.sessions))
            return session.key, session.cookie

    assert identity(1) == identity(1) != identity(2)


def test_keys_of_faults_are_typed(soap: Soap) -> None:
    """InvalidLogin, a fault without members, still carries its type."""
    detail = soap.login(password='wrong').fault.find('detail')[0]
    assert (detail.get(f'{{{XSI}}}type'), len(detail)) == ('InvalidLogin', 0)
