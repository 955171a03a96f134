"""Exceptions as users make and raise them, and what a session makes of those."""

from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from oslo_vmware import api, exceptions
from oslo_vmware.simulator import VCenterSimulator

#: Those whose constructor can do without arguments, by the contract.
CLASSES = [
    exceptions.AlreadyExistsException,
    exceptions.CannotDeleteFileException,
    exceptions.DuplicateName,
    exceptions.FileAlreadyExistsException,
    exceptions.FileFaultException,
    exceptions.FileLockedException,
    exceptions.FileNotFoundException,
    exceptions.InvalidPowerStateException,
    exceptions.InvalidPropertyException,
    exceptions.ManagedObjectNotFoundException,
    exceptions.MissingParameter,
    exceptions.NoDiskSpaceException,
    exceptions.NoPermissionException,
    exceptions.NotAuthenticatedException,
    exceptions.TaskInProgress,
    exceptions.ToolsUnavailableException,
    exceptions.UseLinkedCloneConfigurationFault,
    exceptions.VMwareDriverConfigurationException,
    exceptions.VMwareDriverException,
    exceptions.VimException,
]


@pytest.mark.parametrize('kind', CLASSES)
def test_a_bare_class_as_side_effect(session: api.VMwareAPISession, kind: type) -> None:
    """Mocks raise the class itself, without arguments; it comes out of the session as it is."""
    module = mock.Mock()
    module.act.side_effect = kind
    with pytest.raises(exceptions.VMwareDriverException) as raised:
        session.invoke_api(module, 'act')
    assert type(raised.value) is kind
    assert str(raised.value)


def test_a_fault_with_an_exception_for_a_message(session: api.VMwareAPISession) -> None:
    """Its text is the message, and the first fault decides about the class."""
    cause = Exception('the reason')
    fault = exceptions.VimFaultException([exceptions.FILE_NOT_FOUND], cause)
    assert 'the reason' in str(fault)
    with pytest.raises(exceptions.FileNotFoundException, match='the reason'):
        session.invoke_api(mock.Mock(act=mock.Mock(side_effect=fault)), 'act')
    other = exceptions.VimFaultException(['Unheard'], cause)
    with pytest.raises(exceptions.VimFaultException) as raised:
        session.invoke_api(mock.Mock(act=mock.Mock(side_effect=other)), 'act')
    assert raised.value is other


def test_such_a_fault_leads_to_a_login(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """NotAuthenticated by hand counts as the server's: the expired session is renewed."""
    fault = exceptions.VimFaultException([exceptions.NOT_AUTHENTICATED], Exception('expired'))
    module = mock.Mock(act=mock.Mock(side_effect=[fault, 'done']))
    vc.expire_sessions()
    assert session.invoke_api(module, 'act') == 'done'
    assert vc.count('Login') == 2


class FileLocked:
    """A fault made by hand: its class has the fault's name."""


class AlreadyExists:
    pass


class FileNotFoundException:
    """The name of an exception, not of a fault."""


class NobodyKnowsThis:
    pass


@pytest.mark.parametrize(
    ('fault', 'expected'),
    [
        (FileLocked, exceptions.FileLockedException),
        (AlreadyExists, exceptions.AlreadyExistsException),
        (FileNotFoundException, exceptions.VimFaultException),
        (NobodyKnowsThis, exceptions.VimFaultException),
    ],
)
@pytest.mark.parametrize('message', [None, 'my own words'])
def test_faults_made_by_hand(fault: type, expected: type, message: str | None) -> None:
    """Any object with ``localizedMessage`` and ``fault`` is translated by its class name."""
    made = SimpleNamespace(localizedMessage='in words', fault=fault())
    translated: Any = exceptions.translate_fault(made, message)
    assert type(translated) is expected
    assert (message or 'in words') in str(translated)
    if expected is exceptions.VimFaultException:
        assert translated.fault_list == [fault.__name__]


@pytest.mark.parametrize('fault', ['FileLocked', 'NoDiskSpace', 'InvalidArgument'])
def test_the_same_from_the_server(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any, fault: str
) -> None:
    """A task that fails raises what ``translate_fault`` makes of a fault of that class name."""
    by_hand = SimpleNamespace(localizedMessage='words', fault=type(fault, (), {})())
    vc.faults.fail_task('PowerOnVM_Task', fault)
    with pytest.raises(exceptions.VMwareDriverException) as raised:
        session.wait_for_task(session.invoke_api(session.vim, 'PowerOnVM_Task', vm))
    assert type(raised.value) is type(exceptions.translate_fault(by_hand))
