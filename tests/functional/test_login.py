"""Login: once for many threads, never for ever, never with a secret in sight."""

import gc
import logging
import pickle
import socket
import threading
import time
import traceback
import weakref
from typing import Any

import pytest

from oslo_vmware import _deadline, _wanted, api, exceptions, vim_util
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.vim import Vim
from tests.functional.conftest import Crowd, SessionMaker, as_long_as
from tests.wire import ENVELOPE

THREADS = 32

#: What a read that finds the session gone looks like on the wire.
RENEWAL = [
    'RetrievePropertiesEx',
    'SessionIsActive',
    'SessionIsActive',
    'RetrieveServiceContent',
    'Login',
    'RetrievePropertiesEx',
]


def vm_names(session: api.VMwareAPISession) -> list[str]:
    result = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    return [content.propSet[0].val for content in result.objects]


def test_a_session_begins_with_a_login(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """One Login, and the server knows the session as active."""
    session = connect(vc)
    assert vc.count('Login') == 1
    assert session.is_current_session_active() is True


def test_without_create_session_nothing_is_contacted(vc: VCenterSimulator) -> None:
    """The first call logs in, without a pause before it."""
    session = api.VMwareAPISession(
        vc.host,
        vc.username,
        vc.password,
        1,
        0.1,
        create_session=False,
        port=vc.port,
        cacert=vc.cacert,
        wsdl_loc='file:///not/looked/at',
    )
    assert session.is_current_session_active() is False
    assert len(vc.calls) == 0


def test_the_first_call_logs_in(
    vc: VCenterSimulator, connect: SessionMaker, pauses: list[float]
) -> None:
    """A session that was never logged in, or has logged out, does it by itself."""
    session = connect(vc)
    session.logout()
    assert vc.count('Logout') == 1
    assert session.is_current_session_active() is False
    assert vm_names(session)
    assert vc.count('Login') == 2
    assert pauses == []


def test_a_logout_that_fails(
    vc: VCenterSimulator, session: api.VMwareAPISession, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged and no more; the session is still there and can be logged out later."""
    vc.faults.http('Logout', status=503)
    session.logout()
    (record,) = [one for one in caplog.records if one.levelname == 'WARNING']
    assert '503' in record.getMessage()
    assert session.is_current_session_active() is True
    session.logout()
    assert len(vc.sessions) == 0


def test_an_expired_session_is_renewed(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """The call succeeds without a pause; the calls on the wire are those of the contract."""
    names = vm_names(session)
    vc.expire_sessions()
    vc.calls.clear()
    assert vm_names(session) == names
    assert pauses == []
    assert [call.operation for call in vc.calls] == RENEWAL


def test_a_renewal_is_no_repetition(
    vc: VCenterSimulator, connect: SessionMaker, pauses: list[float]
) -> None:
    """A session that repeats nothing renews itself all the same, and the call is made."""
    session = connect(vc, api_retry_count=0)
    vm = vc_vm(session)
    vc.expire_sessions()
    assert name_of(session, vm)
    vc.expire_sessions()
    vc.faults.on('RetrievePropertiesEx', fault='NotAuthenticated', skip=1)
    vc.faults.on('SessionIsActive', fault='NotAuthenticated', times=None)
    assert name_of(session, vm)
    assert (vc.count('Login'), pauses) == (4, [])


def name_of(session: api.VMwareAPISession, vm: Any) -> Any:
    return session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')


def trouble_of(exc: BaseException | None) -> list[BaseException]:
    """An exception, and all that led to it."""
    if exc is None:
        return []
    return [exc, *trouble_of(exc.__cause__), *trouble_of(exc.__context__)]


@pytest.mark.parametrize(
    ('trouble', 'expected'),
    [
        (
            lambda vc: vc.faults.on('RetrievePropertiesEx', fault='NotAuthenticated', times=None),
            exceptions.VimConnectionException,
        ),
        (lambda vc: vc.faults.http('Login', status=503), exceptions.VimConnectionException),
        (lambda vc: vc.faults.drop('Login'), exceptions.VimConnectionException),
        (lambda vc: vc.faults.empty_body('Login', status=204), exceptions.VimConnectionException),
        (lambda vc: vc.faults.empty_body('Login'), exceptions.VimConnectionException),
        (lambda vc: vc.faults.empty_reply('Login'), exceptions.VimConnectionException),
        (lambda vc: answer(vc, 'Login', 'CurrentTime'), exceptions.VimConnectionException),
        (lambda vc: answer(vc, 'Login', 'Login'), exceptions.VimConnectionException),
        (
            lambda vc: vc.faults.empty_reply('RetrieveServiceContent'),
            exceptions.VimConnectionException,
        ),
        (
            lambda vc: vc.faults.empty_body('RetrieveServiceContent', status=204),
            exceptions.VimConnectionException,
        ),
        (lambda vc: vc.faults.on('Login', fault='InvalidLogin'), exceptions.VimFaultException),
    ],
    ids=[
        *('refused for ever', 'a page', 'lost', 'no content', 'empty', 'an empty message'),
        *('another message', 'no session in it', 'an empty content', 'no content of the service'),
        'refused',
    ],
)
def test_what_is_raised_when_a_session_cannot_be_renewed(
    vc: VCenterSimulator, connect: SessionMaker, trouble: Any, expected: type
) -> None:
    """A class that users know, nothing private behind it, and no AttributeError."""
    session = connect(vc, api_retry_count=0)
    vm = vc_vm(session)
    vc.expire_sessions()
    vc.faults.on('SessionIsActive', fault='NotAuthenticated', times=None)
    trouble(vc)
    with pytest.raises(exceptions.VMwareDriverException) as raised:
        name_of(session, vm)
    assert type(raised.value) is expected
    for exc in trouble_of(raised.value):
        assert not type(exc).__name__.startswith('_')
        assert not isinstance(exc, AttributeError)


def answer(vc: VCenterSimulator, operation: str, message: str) -> None:
    """Answer an operation with a message that has nothing but an empty result."""
    body = ENVELOPE.format(f'<{message}Response xmlns="urn:vim25"><returnval/></{message}Response>')
    vc.faults.http(operation, status=200, content_type='text/xml', body=body)


def test_an_expired_session_of_many_threads_is_renewed_once(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """32 threads, one new login, every call succeeds, nobody pauses."""
    names = vm_names(session)
    vc.expire_sessions()
    crowd = Crowd(THREADS, lambda number: vm_names(session))
    assert crowd.join() == [names] * THREADS
    assert vc.count('Login') == 2
    # Each looks once, and once more under the lock if it comes too late to have waited.
    assert vc.count('SessionIsActive') < 2 * THREADS
    assert pauses == []


def test_sessions_with_different_servers_do_not_wait_for_each_other(
    vc: VCenterSimulator, connect: SessionMaker
) -> None:
    """One server's login hangs; the login at another goes through meanwhile."""
    with VCenterSimulator() as slow:
        slow.faults.delay('Login', seconds=3)
        hanging = threading.Thread(target=connect, args=(slow,))
        hanging.start()
        while not slow.count('RetrieveServiceContent'):
            threading.Event().wait(0.01)
        connect(vc)
        assert hanging.is_alive()
        hanging.join()
        assert slow.count('Login') == 1


def test_a_genuine_rejection_is_no_empty_list(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """NotAuthenticated while the session lives is raised as what it is."""
    vm = vc_vm(session)
    vc.faults.on('PowerOnVM_Task', fault='NotAuthenticated', times=None)
    with pytest.raises(exceptions.NotAuthenticatedException):
        session.invoke_api(session.vim, 'PowerOnVM_Task', vm)
    assert vc.count('Login') == 1


def vc_vm(session: api.VMwareAPISession) -> Any:
    result = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    return result.objects[0].obj


def test_an_empty_answer_of_a_living_session_is_an_empty_list(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """ESX answers with nothing when nothing was found; callers test the result for truth."""
    vc.faults.empty_reply('RetrievePropertiesEx')
    result = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    assert result == []
    assert vc.count('Login') == 1


def test_an_empty_answer_of_a_dead_session_is_a_reason_to_log_in(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """ESX answers with nothing for an expired session as well."""
    names = vm_names(session)
    vc.terminate_sessions()
    vc.faults.empty_reply('RetrievePropertiesEx')
    assert vm_names(session) == names
    assert vc.count('Login') == 2


def test_a_login_while_another_thread_reads_the_service_content(vc: VCenterSimulator) -> None:
    """It forgets the content at any moment, and the reader gets one all the same."""

    class Forgetful(Vim):
        _known: Any = None

        @property
        def _service_content(self) -> Any:
            known, self._known = self._known, None
            return known

        @_service_content.setter
        def _service_content(self, content: Any) -> None:
            self._known = content

    vim = Forgetful(host=vc.host, port=vc.port, cacert=vc.cacert)
    vim._service_content = content = vim.retrieve_service_content()
    assert vim.service_content is content


def test_the_service_content_is_read_anew_after_a_login(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """The server may have been upgraded meanwhile."""
    before = session.vim.service_content
    assert session.vim.service_content is before
    vc.expire_sessions()
    vm_names(session)
    assert session.vim.service_content is not before


# Login gives up


def assert_no_secret(text: str, vc: VCenterSimulator) -> None:
    for secret in (vc.password, 'wrong-secret'):
        assert secret not in text


def test_a_wrong_password(vc: VCenterSimulator, connect: SessionMaker, pauses: list[float]) -> None:
    """InvalidLogin at once, with host and port in the text and no password."""
    with pytest.raises(exceptions.VimFaultException) as raised:
        connect(vc, server_password='wrong-secret')
    assert raised.value.fault_list == ['InvalidLogin']
    assert f'{vc.host}:{vc.port}' in str(raised.value)
    assert_no_secret(str(raised.value), vc)
    assert pauses == []
    assert vc.count('Login') == 1


@pytest.mark.parametrize(
    'host',
    [
        *('vc.example.com:8443', '127.0.0.1:8443', '[::1]:443', 'https://vc.example.com'),
        *('vc.example.com/sdk', 'vc.example.com\n', ''),
    ],
)
def test_what_is_no_host_is_refused_at_once(host: str, pauses: list[float]) -> None:
    """Trying again would change nothing; the message says where the port belongs."""
    with pytest.raises(exceptions.VimConnectionException, match=r'port=') as raised:
        api.VMwareAPISession(host, 'user', 'secret', 10, 0.1)
    assert repr(host) in str(raised.value)
    assert pauses == []


def test_an_unreachable_server(
    vc: VCenterSimulator, connect: SessionMaker, pauses: list[float]
) -> None:
    """The configured repetitions with growing pauses, then VimConnectionException."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    with pytest.raises(exceptions.VimConnectionException) as raised:
        connect(vc, port=port, api_retry_count=2)
    assert f'127.0.0.1:{port}' in str(raised.value)
    assert_no_secret(str(raised.value), vc)
    assert as_long_as(pauses, 10, 20)


def test_a_call_does_not_multiply_the_repetitions_of_the_login(
    vc: VCenterSimulator, connect: SessionMaker, pauses: list[float]
) -> None:
    """The server stays away: the login's own repetitions are all there are."""
    session = connect(vc, api_retry_count=2)
    vm = vc_vm(session)
    vc.expire_sessions()
    vc.faults.drop('Login', times=None)
    with pytest.raises(exceptions.VimConnectionException):
        session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')
    assert as_long_as(pauses, 10, 20)


def test_login_state_belongs_to_one_login(
    vc: VCenterSimulator, connect: SessionMaker, pauses: list[float]
) -> None:
    """After an outage, the next trouble begins with the shortest pause again."""
    vc.faults.http('Login', status=503, times=2)
    session = connect(vc)
    assert as_long_as(pauses, 10, 20)
    vc.expire_sessions()
    vc.faults.http('Login', status=503, times=1)
    assert vm_names(session)
    assert as_long_as(pauses, 10, 20, 10)


# Secrets


def test_no_secret_is_logged(
    vc: VCenterSimulator, connect: SessionMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything logged at DEBUG during login, failed login, expiry and logout is searched."""
    # suds has a lot to say of a description that it has not read yet.
    connect(vc)
    with caplog.at_level(logging.DEBUG):
        session = connect(vc)
        key = session._session_id
        cookie = session.vim.get_http_cookie()
        with pytest.raises(exceptions.VimFaultException):
            connect(vc, server_password='wrong-secret')
        vc.expire_sessions()
        vm_names(session)
        new_key = session._session_id
        new_cookie = session.vim.get_http_cookie()
        session.logout()
    # As it is written, with the tracebacks.
    lines = caplog.text.splitlines()
    assert any('Logged in' in line for line in lines)
    assert len(lines) > 20
    secrets = [vc.username, vc.password, 'wrong-secret', key, new_key, cookie, new_cookie]
    for secret in secrets:
        assert secret
        # The last five characters of a session id may be seen, no more.
        hidden = secret.strip('"')
        hidden = hidden[:-5] if secret in (key, new_key) else hidden
        assert not [line for line in lines if hidden in line]


def test_no_secret_is_in_a_repr(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """Neither session nor services show the credentials."""
    for text in (repr(session), str(session), repr(session.vim), str(session.vim)):
        assert vc.password not in text
        assert vc.username not in text


@pytest.mark.parametrize(
    ('trouble', 'options'),
    [
        (lambda faults, name: faults.on(name, fault='InvalidLogin'), {}),
        (lambda faults, name: faults.http(name, status=503), {}),
        (lambda faults, name: faults.broken_xml(name), {}),
        (lambda faults, name: faults.drop(name, times=2), {}),
        (lambda faults, name: faults.delay(name, seconds=60), {'connection_timeout': 3}),
    ],
    ids=['fault', 'page', 'broken', 'lost', 'late'],
)
@pytest.mark.parametrize('operation', ['Login', 'CurrentTime'])
def test_no_secret_is_in_an_exception(
    vc: VCenterSimulator, connect: SessionMaker, operation: str, trouble: Any, options: Any
) -> None:
    """Whoever prints it, with all that led to it, keeps it or sends it to another process."""
    session = connect(vc, api_retry_count=0, **options)
    key, cookie = str(session._session_id), session.vim.get_http_cookie().strip('"')
    if operation == 'Login':
        vc.expire_sessions()
    trouble(vc.faults, operation)
    with pytest.raises(exceptions.VMwareDriverException) as raised:
        session.invoke_api(session.vim, operation, 'ServiceInstance')
    shown = ''.join(traceback.format_exception(raised.value))
    for text in (shown, repr(raised.value), pickle.dumps(raised.value).decode('latin-1')):
        for secret in (vc.username, vc.password, key, cookie):
            assert secret not in text


# What a rejection meant


class Module:
    """A module whose function gives these outcomes, one after the other."""

    def __init__(self, *outcomes: Any) -> None:
        self.outcomes = list(outcomes)

    def call(self) -> Any:
        outcome = self.outcomes.pop(0)
        if callable(outcome):
            outcome = outcome()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def rejection(*names: str, empty: bool = False) -> exceptions.VimFaultException:
    fault = exceptions.VimFaultException([*names, 'NotAuthenticated'], 'rejected')
    fault.empty_reply = empty
    return fault


def test_a_rejection_wherever_it_stands(session: api.VMwareAPISession) -> None:
    """Behind other faults as well it is a NotAuthenticatedException."""
    with pytest.raises(exceptions.NotAuthenticatedException):
        session.invoke_api(Module(rejection('Other')), 'call')


@pytest.mark.parametrize(
    ('names', 'expected'),
    [
        (['FileNotFound', 'ResourceInUse'], exceptions.FileNotFoundException),
        (['ResourceInUse', 'FileNotFound'], exceptions.VimFaultException),
        ([], exceptions.VimFaultException),
    ],
)
def test_the_first_fault_decides(
    session: api.VMwareAPISession, names: list[str], expected: type
) -> None:
    """About the class; one that stands for nothing goes on as it is."""
    fault = exceptions.VimFaultException(names, 'words', details={'file': 'f'})
    with pytest.raises(exceptions.VimException) as raised:
        session.invoke_api(Module(fault), 'call')
    assert type(raised.value) is expected
    assert expected is not exceptions.VimFaultException or raised.value is fault
    assert (raised.value.message, raised.value.details) == (
        'words' if raised.value is fault else str(fault),
        {'file': 'f'},
    )


def test_overload_is_waited_out(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """It tells nothing of the session, which is not looked at."""
    trouble = [exceptions.VimSessionOverLoadException('busy') for _ in range(2)]
    assert session.invoke_api(Module(*trouble, 'fine'), 'call') == 'fine'
    assert as_long_as(pauses, 10, 20)
    assert vc.count('SessionIsActive') == 0


@pytest.mark.parametrize(
    'problem',
    [ValueError('x'), exceptions.VimException('x'), exceptions.VimAttributeException('x')],
)
def test_another_exception_is_nothing_to_repeat(
    session: api.VMwareAPISession, pauses: list[float], problem: Exception
) -> None:
    """It is raised as it is."""
    with pytest.raises(type(problem)) as raised:
        session.invoke_api(Module(problem, 'fine'), 'call')
    assert raised.value is problem
    assert pauses == []


def test_a_class_that_takes_nothing_but_a_message(
    session: api.VMwareAPISession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A class that a user registered gets text and details of the fault, however it is made."""

    class InUse(exceptions.VimException):
        def __init__(self, message: str) -> None:
            super().__init__(message)

    monkeypatch.setitem(exceptions._fault_classes, 'ResourceInUse', InUse)
    fault = exceptions.VimFaultException(['ResourceInUse'], 'busy', details={'type': 'a'})
    with pytest.raises(InUse, match='busy') as raised:
        session.invoke_api(Module(fault), 'call')
    assert raised.value.details == {'type': 'a'}


@pytest.mark.parametrize('empty', [False, True])
def test_a_call_from_before_a_login_is_repeated(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float], empty: bool
) -> None:
    """It was rejected for the session before; nobody need ask about the one there is now."""

    def overtaken() -> Exception:
        session._login()
        return rejection(empty=empty)

    assert session.invoke_api(Module(overtaken, 'fine'), 'call') == 'fine'
    assert vc.count('SessionIsActive') == 0
    assert pauses == []


def test_a_login_during_the_question_counts_too(
    session: api.VMwareAPISession, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    """The session that is alive may be the new one: the empty answer was of the old one."""

    def asked_too_late() -> bool:
        session._login()
        return True

    monkeypatch.setattr(session, 'is_current_session_active', asked_too_late)
    assert session.invoke_api(Module(rejection(empty=True), 'fine'), 'call') == 'fine'


def test_repeated_renewals_pause(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """The first two new logins are the cure; when they do not help, there are pauses."""
    vm = vc_vm(session)
    vc.faults.on('SessionIsActive', fault='NotAuthenticated', times=None)
    vc.faults.on('RetrievePropertiesEx', fault='NotAuthenticated', times=4)
    session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')
    assert as_long_as(pauses, 10, 20)
    assert vc.count('Login') == 5


def test_a_renewal_after_other_trouble_does_not_pause(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """Whatever went wrong before it."""
    vm = vc_vm(session)
    vc.faults.http('RetrievePropertiesEx', status=503)
    vc.faults.on('RetrievePropertiesEx', fault='NotAuthenticated', skip=1)
    vc.faults.on('SessionIsActive', fault='NotAuthenticated', skip=1, times=None)
    session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')
    assert as_long_as(pauses, 10)


def test_connection_trouble_with_a_dead_session(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """The session is looked at, and renewed, before the call is repeated."""
    vm = vc_vm(session)
    vc.expire_sessions()
    vc.faults.http('RetrievePropertiesEx', status=503)
    vc.calls.clear()
    session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')
    assert [call.operation for call in vc.calls] == RENEWAL
    assert as_long_as(pauses, 10)


def test_threads_share_a_login_that_failed(
    vc: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """Each trying for itself would lock the account, or take hours."""
    vm = vc_vm(session)
    vc.expire_sessions()
    vc.faults.delay('Login', seconds=1, times=None)
    vc.faults.on('Login', fault='InvalidLogin', times=None)
    before = vc.count('Login')

    def refused(number: int) -> list[str]:
        with pytest.raises(exceptions.VimFaultException) as raised:
            session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')
        return raised.value.fault_list

    assert Crowd(8, refused).join() == [['InvalidLogin']] * 8
    # Whoever comes after the failure tries for itself; on a busy machine one may be late.
    assert vc.count('Login') - before <= 2


def test_who_has_no_time_does_not_answer_for_others(
    vc: VCenterSimulator, connect: SessionMaker
) -> None:
    """A login that is given up by a deadline is nobody's failure but its own."""
    session = connect(vc, api_retry_count=0)
    vm = vc_vm(session)
    vc.expire_sessions()
    vc.faults.delay('Login', seconds=60)

    def read(number: int) -> str:
        if number:
            # The other one is first.
            time.sleep(0.3)
            return str(session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name'))
        with _deadline.within(1), pytest.raises(exceptions.VimConnectionException):
            session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')
        return ''

    names = Crowd(4, read).join()
    assert names[0] == ''
    assert all(names[1:])


def test_work_that_nobody_wants_does_not_log_in(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """It uses the session that there is, and ends with it."""
    vm = vc_vm(session)
    with _wanted.only_while(lambda: False):
        assert session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')
        vc.expire_sessions()
        with pytest.raises(exceptions.NotAuthenticatedException, match='has ended'):
            session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')
    assert vc.count('Login') == 1
    assert session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')


def test_a_failed_login_is_not_kept(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """Its traceback holds the variables of all callers, which would live until the next failure."""

    def caller() -> weakref.ref[Any]:
        variable = Module()
        with pytest.raises(exceptions.VimFaultException):
            session._create_session()
        return weakref.ref(variable)

    vc.expire_sessions()
    vc.faults.on('Login', fault='InvalidLogin')
    variable = caller()
    gc.collect()
    assert variable() is None
