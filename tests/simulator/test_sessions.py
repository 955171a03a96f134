"""Login, logout and what ends a session."""

from __future__ import annotations

import threading
import time

import pytest
from lxml import etree

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
    """currentSession is the caller's; a cookie works with and without its quotes."""
    key = soap.login().text('returnval/key')
    cookie = next(iter(vcenter.sessions)).cookie
    for value in (cookie, cookie.strip('"')):
        soap.http.cookies.clear()
        wanted = read_spec(SESSION_MANAGER, 'currentSession')
        answer = soap.call(
            'RetrievePropertiesEx',
            PROPERTY_COLLECTOR,
            wanted,
            Cookie=f'other=1; vmware_soap_session={value}',
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


def test_session_list(vcenter: VCenterSimulator, soap: Soap) -> None:
    """sessionList holds who is logged in, with their client's name."""
    key = soap.login().text('returnval/key')
    answer = soap.call(
        'RetrievePropertiesEx', PROPERTY_COLLECTOR, read_spec(SESSION_MANAGER, 'sessionList')
    )
    assert answer.texts('returnval/objects/propSet/val/UserSession/key') == [key]
    (agent,) = answer.texts('returnval/objects/propSet/val/UserSession/userAgent')
    assert (agent or '').startswith('python-requests/')


@pytest.mark.vcenter(session_idle_seconds=0.8)
def test_idle_sessions_expire(soap: Soap) -> None:
    """A session lives as long as it is used often enough."""
    soap.login()
    for _ in range(4):
        time.sleep(0.25)
        assert soap.call('CurrentTime', SERVICE_INSTANCE).fault is None
    time.sleep(1.0)
    assert soap.call('CurrentTime', SERVICE_INSTANCE).fault_type == 'NotAuthenticated'


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


def test_waiting_ends_with_the_session(vcenter: VCenterSimulator, soap: Soap) -> None:
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
    vcenter.terminate_sessions()
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
