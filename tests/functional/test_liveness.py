"""Whether a session is alive, for accounts that may not ask, and what is made of the answer."""

import datetime
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import api, exceptions, vim_util
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import Crowd


def refuse(vc: VCenterSimulator, *operations: str, fault: str = 'NoPermission') -> None:
    for operation in operations:
        vc.faults.on(operation, fault=fault, times=None)


@pytest.fixture
def vm(session: api.VMwareAPISession) -> Any:
    result = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    return result.objects[0].obj


@pytest.fixture
def unprivileged(vc: VCenterSimulator, vm: Any) -> VCenterSimulator:
    """A server where the account has not the privilege Sessions.ValidateSession."""
    vc.faults.on(
        'SessionIsActive',
        fault='NoPermission',
        times=None,
        privilegeId='Sessions.ValidateSession',
    )
    vc.calls.clear()
    return vc


def name_of(session: api.VMwareAPISession, vm: Any) -> Any:
    return session.invoke_api(vim_util, 'get_object_property', session.vim, vm, 'name')


def test_an_account_that_may_not_ask(
    unprivileged: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """Learns it all the same, alive or dead, and is refused once for each login."""
    for _ in range(3):
        assert session.is_current_session_active() is True
    assert unprivileged.count('SessionIsActive') == 1
    unprivileged.terminate_sessions()
    assert session.is_current_session_active() is False
    session._create_session()
    assert session.is_current_session_active() is True
    assert (unprivileged.count('SessionIsActive'), unprivileged.count('Login')) == (2, 1)


@pytest.mark.parametrize(
    ('refused', 'fault'),
    [
        (['SessionIsActive'], 'NotSupported'),
        (['SessionIsActive', 'RetrievePropertiesEx'], 'NoPermission'),
        (['SessionIsActive', 'RetrievePropertiesEx', 'CurrentTime'], 'NoPermission'),
        (['SessionIsActive', 'RetrievePropertiesEx', 'CurrentTime'], 'SystemError'),
    ],
)
def test_a_server_that_refuses_to_say(
    vc: VCenterSimulator, session: api.VMwareAPISession, refused: list[str], fault: str
) -> None:
    """There is a way left to ask; and who is refused all of them is known to the server."""
    refuse(vc, *refused, fault=fault)
    assert session.is_current_session_active() is True
    vc.faults.clear()
    vc.terminate_sessions()
    refuse(vc, *refused[:-1])
    assert session.is_current_session_active() is False


def test_an_empty_answer_about_the_session(
    vc: VCenterSimulator, session: api.VMwareAPISession
) -> None:
    """ESX says nothing to who has no session."""
    refuse(vc, 'SessionIsActive')
    vc.faults.empty_reply('RetrievePropertiesEx')
    assert session.is_current_session_active() is False


def test_an_answer_without_a_word(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """An empty answer to the question itself says neither yes nor no."""
    vc.faults.empty_reply('SessionIsActive')
    assert session.is_current_session_active() is True


def test_no_answer_is_no_answer(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """Trouble on the way is raised, whichever way it is."""
    vc.faults.empty_body('SessionIsActive', status=204)
    with pytest.raises(exceptions.VimConnectionException):
        session.is_current_session_active()
    refuse(vc, 'SessionIsActive')
    vc.faults.http('RetrievePropertiesEx', status=503)
    with pytest.raises(exceptions.VimConnectionException):
        session.is_current_session_active()


def test_an_empty_reply_costs_no_login(
    unprivileged: VCenterSimulator, session: api.VMwareAPISession, pauses: list[float]
) -> None:
    """Nothing was found, and the session is alive."""
    unprivileged.faults.empty_reply('RetrievePropertiesEx')
    found = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100)
    assert (found, pauses, unprivileged.count('Login')) == ([], [], 0)


def test_trouble_on_the_way_costs_no_login(
    unprivileged: VCenterSimulator, session: api.VMwareAPISession, vm: Any, pauses: list[float]
) -> None:
    """The call is repeated on the session that there is."""
    unprivileged.faults.http('RetrievePropertiesEx', status=503)
    assert name_of(session, vm)
    assert (len(pauses), unprivileged.count('Login')) == (1, 0)


def test_an_expired_session_costs_one_login(
    unprivileged: VCenterSimulator, session: api.VMwareAPISession, vm: Any, pauses: list[float]
) -> None:
    """It is told from one that is alive."""
    unprivileged.expire_sessions()
    assert name_of(session, vm)
    assert (pauses, unprivileged.count('Login')) == ([], 1)


# A login that is refused to who is logged in


def deny_that_it_is_active(vc: VCenterSimulator) -> None:
    """The server says that the session is gone, and refuses to log in who is logged in."""
    vc.faults.http(
        'SessionIsActive',
        status=200,
        content_type='text/xml',
        body=(
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
            '<SessionIsActiveResponse xmlns="urn:vim25"><returnval>false</returnval>'
            '</SessionIsActiveResponse></e:Body></e:Envelope>'
        ),
        times=None,
    )
    refuse(vc, 'Login', fault='InvalidLogin')


Trouble = Callable[[VCenterSimulator], object]


@pytest.mark.parametrize(
    ('trouble', 'expected'),
    [
        (lambda vc: vc.faults.empty_reply('RetrievePropertiesEx'), []),
        (lambda vc: vc.faults.http('RetrievePropertiesEx', status=503), 'vm'),
        (
            lambda vc: vc.faults.on('RetrievePropertiesEx', fault='NotAuthenticated'),
            exceptions.NotAuthenticatedException,
        ),
    ],
    ids=['nothing found', 'no answer', 'rejected'],
)
def test_a_login_that_is_refused_to_a_session_that_is_alive(
    vc: VCenterSimulator,
    session: api.VMwareAPISession,
    vm: Any,
    pauses: list[float],
    trouble: Trouble,
    expected: Any,
) -> None:
    """The session is kept, and what went wrong in the first place is what counts."""
    name = name_of(session, vm)
    deny_that_it_is_active(vc)
    vc.calls.clear()
    trouble(vc)
    if isinstance(expected, type):
        with pytest.raises(expected):
            name_of(session, vm)
    else:
        assert name_of(session, vm) == (name if expected else [])
    assert vc.count('Login') == 1
    # From now on it is not asked where it was told a lie.
    assert session.is_current_session_active() is True
    session._create_session()
    assert (vc.count('Login'), vc.count('SessionIsActive')) == (1, 2)


def test_many_threads_try_such_a_login_once(
    vc: VCenterSimulator, session: api.VMwareAPISession, vm: Any, pauses: list[float]
) -> None:
    """Each trying for itself would lock the account."""
    deny_that_it_is_active(vc)
    vc.faults.delay('Login', seconds=1, times=None)
    vc.faults.empty_reply('RetrievePropertiesEx', times=8)
    vc.calls.clear()
    assert Crowd(8, lambda number: name_of(session, vm)).join() == [[]] * 8
    assert vc.count('Login') <= 2


def test_a_login_that_is_refused_to_a_session_that_is_gone(
    vc: VCenterSimulator, session: api.VMwareAPISession, vm: Any
) -> None:
    """That is InvalidLogin, as ever."""
    vc.terminate_sessions()
    refuse(vc, 'Login', fault='InvalidLogin')
    with pytest.raises(exceptions.VimFaultException) as raised:
        name_of(session, vm)
    assert raised.value.fault_list == ['InvalidLogin']


# Stand-ins


class Manager:
    """What a stand-in may have beside a SessionIsActive that raises."""

    def __init__(self, problem: Exception, **others: Any) -> None:
        self._problem = problem
        self.service_content = SimpleNamespace(sessionManager='sm', propertyCollector='pc')
        self.client = SimpleNamespace(
            factory=SimpleNamespace(create=lambda name: SimpleNamespace())
        )
        self.__dict__.update(others)

    def SessionIsActive(self, manager: Any, sessionID: str, userName: str) -> bool:
        raise self._problem


def properties(name: str, value: Any) -> Callable[..., Any]:
    found = SimpleNamespace(propSet=[SimpleNamespace(name=name, val=value)])
    return lambda pc, specSet, options, skip_op_id=False: SimpleNamespace(objects=[found])


REFUSED = exceptions.VimFaultException(['NoPermission'], 'no')


@pytest.mark.parametrize(
    ('stand_in', 'active'),
    [
        (Manager(exceptions.VimException('no')), False),
        (Manager(REFUSED), False),
        (Manager(REFUSED, RetrievePropertiesEx=properties('info', 'x')), False),
        (Manager(REFUSED, RetrievePropertiesEx=properties('currentSession', 'x')), True),
        (Manager(REFUSED, CurrentTime=lambda moref: SimpleNamespace()), False),
        (Manager(REFUSED, CurrentTime=lambda moref: datetime.datetime.now()), True),
    ],
)
def test_a_stand_in_that_refuses_to_say(stand_in: Any, active: bool) -> None:
    """Users' stand-ins that cannot be asked in another way have no session, as ever."""
    session = api.VMwareAPISession('host', 'user', 'secret', 0, 0.5, create_session=False)
    session._vim = stand_in
    session._session_id = 'key'
    assert session.is_current_session_active() is active
