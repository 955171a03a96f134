"""Exceptions: constructors, texts, registry, and what becomes of a vSphere fault."""

import copy
import logging
import pickle
from types import SimpleNamespace
from typing import Any

import pytest
from suds.sudsobject import Factory

from oslo_vmware import exceptions, vim_util

CODES = {
    'AlreadyExists': ('AlreadyExistsException', 409),
    'CannotDeleteFile': ('CannotDeleteFileException', 403),
    'DuplicateName': ('DuplicateName', None),
    'FileAlreadyExists': ('FileAlreadyExistsException', 409),
    'FileFault': ('FileFaultException', 409),
    'FileLocked': ('FileLockedException', 403),
    'FileNotFound': ('FileNotFoundException', 404),
    'InvalidPowerState': ('InvalidPowerStateException', 409),
    'InvalidProperty': ('InvalidPropertyException', 400),
    'ManagedObjectNotFound': ('ManagedObjectNotFoundException', 404),
    'NoDiskSpace': ('NoDiskSpaceException', None),
    'NoPermission': ('NoPermissionException', 403),
    'NotAuthenticated': ('NotAuthenticatedException', 403),
    'TaskInProgress': ('TaskInProgress', None),
    'ToolsUnavailable': ('ToolsUnavailableException', None),
}


def decoded(name: str, **members: Any) -> Any:
    """A data object as it comes out of a reply."""
    made = Factory.object(name)
    for key, value in members.items():
        setattr(made, key, value)
    return made


def localized(fault: Any, message: str | None = 'It failed.') -> Any:
    members = {} if message is None else {'localizedMessage': message}
    return decoded('LocalizedMethodFault', fault=fault, **members)


@pytest.mark.parametrize(('name', 'expected'), CODES.items())
def test_each_registered_fault_has_its_class_and_code(
    name: str, expected: tuple[str, int | None]
) -> None:
    """Callers map codes to HTTP; a class without one has no such attribute."""
    found = exceptions.get_fault_class(name)
    assert found is not None
    assert (found.__name__, getattr(found, 'code', None)) == expected
    assert str(found())


def test_the_registry_is_closed() -> None:
    """Nova recovers from faults without a class by catching VimFaultException itself."""
    for name in ('InvalidArgument', 'ResourceInUse', 'SecurityError'):
        assert exceptions.get_fault_class(name) is None


def test_a_namespace_prefix_does_not_hide_a_fault() -> None:
    """Some services send ``vim25:FileNotFound``."""
    found = exceptions.get_fault_class('vim25:FileNotFound')
    assert found is exceptions.FileNotFoundException


@pytest.fixture
def _registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exceptions, '_fault_classes', dict(exceptions._fault_classes))


@pytest.mark.usefixtures('_registry')
def test_a_class_can_be_registered() -> None:
    """Users add classes of their own for faults they care about."""

    class ResourceInUse(exceptions.VimException):
        pass

    exceptions.register_fault_class('ResourceInUse', ResourceInUse)
    assert isinstance(
        exceptions.translate_fault(localized(decoded('ResourceInUse'))), ResourceInUse
    )


@pytest.mark.parametrize('wrong', [exceptions.VMwareDriverException, ValueError, 'text', None])
def test_only_vim_exceptions_can_be_registered(wrong: Any) -> None:
    """Anything else is a TypeError, also what is no class at all."""
    with pytest.raises(TypeError, match='subclass of VimException'):
        exceptions.register_fault_class('X', wrong)


class Formatted(exceptions.VMwareDriverException):
    msg_fmt = 'volume %(volume)s of %(size)d GB'


@pytest.mark.parametrize(
    ('made', 'text'),
    [
        (Formatted(volume='v', size=1), 'volume v of 1 GB'),
        (Formatted('given %(volume)s', volume='v'), 'given %(volume)s'),
        (Formatted(volume='v'), 'volume %(volume)s of %(size)d GB'),
        (exceptions.VimException(), 'An unknown exception occurred.'),
        (exceptions.VimException(ValueError('inner')), 'inner'),
        (exceptions.VimConnectionException('m', OSError('gone')), 'm\nCause: gone'),
        (exceptions.VimFaultException(['A', 'B'], 'm'), "m\nFaults: ['A', 'B']"),
        (exceptions.VimFaultException([], 'm', details={}), 'm'),
        (
            exceptions.VimFaultException(['A'], 'm', ValueError('c'), {'obj': 'vm-1', 'x': None}),
            "m\nCause: c\nFaults: ['A']\nDetails: {'obj': 'vm-1', 'x': 'None'}",
        ),
    ],
)
def test_text(made: exceptions.VMwareDriverException, text: str) -> None:
    """Message, cause, faults and details, a line each; a given message is never formatted."""
    assert str(made) == made.description == text


def test_attributes() -> None:
    """What callers read: message and msg, details, cause, kwargs, args."""
    made = exceptions.FileNotFoundException('m', ValueError('c'), {'file': 'f'}, extra=1)
    assert made.message == made.msg == 'm'
    assert made.args == ('m',)
    assert made.details == {'file': 'f'}
    assert made.kwargs == {'extra': 1}
    assert str(made.cause) == 'c'
    assert exceptions.VMwareDriverException().cause is None


@pytest.mark.parametrize(
    'make',
    [
        lambda: exceptions.VimFaultException('NotAList', 'm'),  # type: ignore[arg-type]
        lambda: exceptions.VimFaultException('x', ['A']),  # type: ignore[arg-type]
        lambda: exceptions.VMwareDriverException(['A']),
        lambda: exceptions.VimException('m', details='text'),  # type: ignore[arg-type]
    ],
)
def test_mixed_up_arguments_are_refused(make: Any) -> None:
    """Lists and dicts in each other's place are a ValueError at once."""
    with pytest.raises(ValueError, match=r'must (not )?be'):
        make()


@pytest.mark.parametrize(
    'deprecated',
    [
        exceptions.VMwareDriverConfigurationException,
        exceptions.UseLinkedCloneConfigurationFault,
        exceptions.MissingParameter,
    ],
)
def test_deprecated_classes_say_so(deprecated: Any, caplog: pytest.LogCaptureFixture) -> None:
    """They log a warning when made."""
    with caplog.at_level(logging.WARNING):
        made = deprecated(param='p')
    assert 'deprecated' in caplog.text
    assert str(made)


SAMPLES = [
    exceptions.VimFaultException(['A'], 'm', ValueError('c'), {'obj': 'vm-1'}),
    exceptions.NoPermissionException('m', details={'object': 'vm-1'}, extra=1),
    exceptions.VimConnectionException('m', OSError('gone')),
    Formatted(volume='v', size=1),
]


@pytest.mark.parametrize('original', SAMPLES, ids=lambda exc: type(exc).__name__)
@pytest.mark.parametrize('how', [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_are_equal(original: exceptions.VMwareDriverException, how: Any) -> None:
    """Exceptions cross process boundaries, in copies that say all the original says."""
    twin = how(original)
    assert type(twin) is type(original)
    assert str(twin) == str(original)
    assert (twin.args, twin.details, twin.kwargs) == (
        original.args,
        original.details,
        original.kwargs,
    )
    assert getattr(twin, 'fault_list', None) == getattr(original, 'fault_list', None)


def test_a_cause_that_cannot_be_pickled_leaves_its_text() -> None:
    """Decoded replies have classes made at run time; the copy keeps the words."""

    class Local(Exception):
        pass

    twin = pickle.loads(pickle.dumps(exceptions.VimException('m', Local('reason'))))
    assert str(twin) == 'm\nCause: reason'


class TestTranslateFault:
    """LocalizedMethodFault to exception."""

    def test_known_fault(self) -> None:
        """The class by the fault's class name, the server's message, details and tree."""
        fault = decoded('FileNotFound', file='[ds] a.vmdk')
        made = exceptions.translate_fault(localized(fault))
        assert type(made) is exceptions.FileNotFoundException
        assert str(made) == 'It failed.'
        assert made.details == {'file': '[ds] a.vmdk'}
        assert made.fault is fault

    def test_unknown_fault(self) -> None:
        """VimFaultException with the name."""
        made = exceptions.translate_fault(localized(decoded('ResourceInUse')))
        assert type(made) is exceptions.VimFaultException
        assert made.fault_list == ['ResourceInUse']

    def test_given_message_wins(self) -> None:
        """``excep_msg`` stands in for the server's words."""
        made = exceptions.translate_fault(localized(decoded('TaskInProgress')), 'mine')
        assert (type(made), str(made)) == (exceptions.TaskInProgress, 'mine')

    def test_a_class_that_takes_nothing_but_a_message(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It may be registered too, and has the details all the same."""

        class InUse(exceptions.VimException):
            def __init__(self, message: str) -> None:
                super().__init__(message)

        monkeypatch.setitem(exceptions._fault_classes, 'ResourceInUse', InUse)
        made = exceptions.translate_fault(localized(decoded('ResourceInUse', type='a')))
        assert (type(made), str(made), made.details) == (InUse, 'It failed.', {'type': 'a'})

    @pytest.mark.parametrize('message', [None, ''])
    def test_without_text_the_kind_survives(self, message: str | None) -> None:
        """The class by the fault's name, with its default message."""
        made = exceptions.translate_fault(localized(decoded('NoPermission'), message))
        assert (type(made), str(made)) == (exceptions.NoPermissionException, 'No permission.')

    @pytest.mark.parametrize(
        ('value', 'text'),
        [
            (vim_util.get_moref('vm-1', 'VirtualMachine'), 'vm-1'),
            (True, 'true'),
            (5, '5'),
            (None, ''),
            ([], ''),
            (['a', 'b'], 'a; b'),
            (decoded('ArrayOfString', string=['a', 'b']), 'a; b'),
            (decoded('Disk', key=1000, label='Disk 1', unset=None), 'key=1000, label=Disk 1'),
            (decoded('Empty'), 'Empty'),
            (decoded('LocalizableMessage', key='k', message='No space.'), 'No space.'),
            (decoded('LocalizableMessage', key='k'), 'k'),
            (
                decoded('LocalizableMessage', key='k', arg=[decoded('A', key='1', value='ds1')]),
                'k (key=1, value=ds1)',
            ),
            (
                localized(decoded('FileLocked', file='[ds] a')),
                'FileLocked: It failed. (file=[ds] a)',
            ),
            (localized(decoded('FileLocked'), None), 'FileLocked'),
            (localized(None), 'MethodFault: It failed.'),
            ('x' * 5000, 'x' * 2000),
        ],
        ids=lambda value: None if isinstance(value, str) else type(value).__name__,
    )
    def test_details_are_flat_text(self, value: Any, text: str) -> None:
        """As in a SOAP fault: ids, wire forms of values, lists and objects in words."""
        made = exceptions.translate_fault(localized(decoded('X', member=value)))
        assert made.details == {'member': text}

    @pytest.mark.parametrize('name', ['FileLocked', 'GenericVmConfigFault'])
    def test_the_reasons_are_told(self, name: str) -> None:
        """Messages and causes are in details and in the text, once, whatever class it becomes."""
        disk = decoded('NoDiskSpace', datastore='ds1')
        cause = decoded('FileLocked', file='[ds] a', faultCause=localized(disk, 'Disk full.'))
        messages = [
            decoded('LocalizableMessage', key='a', message='Cannot open the disk.'),
            decoded('LocalizableMessage', key='b', message='Module DevicePowerOn failed.'),
        ]
        fault = decoded(name, faultCause=localized(cause, 'Locked.'), faultMessage=messages)
        made = exceptions.translate_fault(localized(fault))
        assert made.details == {
            'faultCause': 'FileLocked: Locked. (file=[ds] a),'
            ' caused by NoDiskSpace: Disk full. (datastore=ds1)',
            'faultMessage': 'Cannot open the disk.; Module DevicePowerOn failed.',
        }
        assert made.message == 'It failed.'
        for words in (*made.details.values(), 'Disk full.'):
            assert str(made).count(words) == 1
        assert 'None' not in str(made)
        assert str(pickle.loads(pickle.dumps(made))) == str(made)

    def test_a_cause_that_is_its_own_cause(self) -> None:
        """Whoever makes one by hand gets an end of it."""
        fault = decoded('X')
        fault.faultCause = localized(fault)
        fault.nested = [fault]
        assert len(str(exceptions.translate_fault(localized(fault)))) < 10_000

    def test_hand_made_faults(self) -> None:
        """Any object with the two attributes will do; the class name is the fault's name."""

        class FileLocked:
            pass

        made = exceptions.translate_fault(
            SimpleNamespace(fault=FileLocked(), localizedMessage='locked')
        )
        assert (type(made), made.details) == (exceptions.FileLockedException, None)

    @pytest.mark.parametrize(
        ('argument', 'text'),
        [
            (None, 'An unknown exception occurred.'),
            ('text', 'An unknown exception occurred.'),
            (SimpleNamespace(localizedMessage='words'), 'words'),
        ],
    )
    def test_without_a_fault(self, argument: Any, text: str) -> None:
        """VimException with what message there is, and the failure as cause."""
        made = exceptions.translate_fault(argument)
        assert type(made) is exceptions.VimException
        assert made.message == text
        assert isinstance(made.cause, AttributeError)


class TestFindFault:
    """Searching the tree behind an exception."""

    def test_nested_cause(self) -> None:
        """A fault's cause is found through faultCause."""
        locked = decoded('FileLocked', file='f')
        outer = decoded('GenericVmConfigFault', faultCause=localized(locked))
        made = exceptions.translate_fault(localized(outer))
        assert exceptions.find_fault(made, 'FileLocked') is locked
        assert exceptions.find_fault(made, 'GenericVmConfigFault') is outer
        assert exceptions.find_fault(made, 'NoPermission') is None

    def test_members_that_are_lists_of_faults(self) -> None:
        """For instance the faults of a MultipleCertificatesVerifyFault or a migration check."""
        inner = decoded('NoPermission')
        made = exceptions.translate_fault(localized(decoded('Many', fault=[localized(inner)])))
        assert exceptions.find_fault(made, 'NoPermission') is inner

    def test_without_a_tree(self) -> None:
        """Exceptions made by hand have none."""
        assert exceptions.find_fault(exceptions.VimException('m'), 'NoPermission') is None
        assert exceptions.find_fault(ValueError('m'), 'NoPermission') is None
