"""The classes of ``oslo_vmware.types``: the same objects as the factory's, and what is refused."""

import copy
import inspect
import pickle
import pydoc
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import types, vim_util
from oslo_vmware.soap.compiled import Codec
from oslo_vmware.soap.descriptions import shipped_pbm, shipped_vim
from oslo_vmware.soap.schema import Field, Kind
from oslo_vmware.types import pbm, vim
from tests.stand_ins import Proxy


def value_for(field: Field) -> Any:
    """A value that a member can have; no object has one inside, or some had no end."""
    values = {Kind.MOREF: vim_util.get_moref('vm-1', 'VirtualMachine'), Kind.COMPLEX: None}
    value = values.get(field.kind, '1')
    return [value, value] if field.many else value


@pytest.mark.parametrize(
    ('module', 'codec', 'operation', 'parameter'),
    [
        (vim, shipped_vim, 'ReconfigVM_Task', 'spec'),
        (pbm, shipped_pbm, 'PbmCreate', 'createSpec'),
    ],
)
def test_every_type_makes_what_the_factory_makes(
    module: ModuleType, codec: Callable[[], Codec], operation: str, parameter: str
) -> None:
    """The same class, the same members in the same order, and the same bytes on the wire."""
    schema, factory, encoder = codec().schema, codec().factory, codec().encoder
    call = schema.operation(operation)
    assert call is not None
    wrong = []
    for name in dir(module):
        type_ = schema.type(schema.lookup(name) or '')
        expected = factory.create(f'ns0:{name}')
        if type_.kind is Kind.ENUM:
            if list(getattr(module, name)) != [text for _, text in expected]:
                wrong.append(name)
            continue
        members = {field.name: value_for(field) for field in type_.fields}
        if type_.kind is Kind.MOREF:
            members = {'value': 'vm-1', '_type': 'VirtualMachine'}
        made = getattr(module, name)(**members)
        for member, value in members.items():
            setattr(expected, member, value)
        # Whatever the operation takes: the encoder goes by the object.
        sent, meant = (
            encoder.request(
                *(call, one if members.get('_type') else vim_util.get_moref('vm-1', 'Any')),
                {} if members.get('_type') else {parameter: one},
            )
            for one in (made, expected)
        )
        if (type(made), made.__keylist__, sent) != (type(expected), expected.__keylist__, meant):
            wrong.append(name)
    assert len(dir(module)) > 100
    assert wrong == []


@pytest.mark.parametrize(
    ('program', 'error', 'words'),
    [
        (
            'vim.VirtualMachineConfigSpec(numCpus=2)',
            TypeError,
            "VirtualMachineConfigSpec has no member 'numCpus'; did you mean 'numCPUs'?",
        ),
        ('vim.VirtualDisk(colour=1)', TypeError, "VirtualDisk has no member 'colour'"),
        ('vim.VirtualDisk(1)', TypeError, 'VirtualDisk() takes its members by name only'),
        (
            'vim.VirtualMachineConfigSpek',
            AttributeError,
            "no type 'VirtualMachineConfigSpek'; did you mean 'VirtualMachineConfigSpec'?",
        ),
        (
            'pbm.pbmPlacementHub',
            AttributeError,
            "oslo_vmware.types.pbm has no type 'pbmPlacementHub'; did you mean 'PbmPlacementHub'?",
        ),
        ('vim.string', AttributeError, "oslo_vmware.types.vim has no type 'string'"),
        (
            'vim.VirtualMachinePowerState.poweredon',
            AttributeError,
            "VirtualMachinePowerState has no value 'poweredon'; did you mean 'poweredOn'?",
        ),
        (
            "vim.VirtualMachinePowerState('powered')",
            ValueError,
            "'powered' is no value of VirtualMachinePowerState; did you mean 'poweredOn'?",
        ),
        ('vim.VirtualMachinePowerState()', TypeError, 'takes one value'),
    ],
)
def test_what_is_misspelt_is_refused_there(
    program: str, error: type[Exception], words: str
) -> None:
    """With the name that is nearest: before anything is sent, and without a session."""
    with pytest.raises(error) as refused:
        eval(program, {'vim': vim, 'pbm': pbm})
    assert str(refused.value).startswith(words) or str(refused.value).endswith(words)


def test_an_enumeration_is_texts() -> None:
    """Its values are attributes, listed, and equal to what a server sends."""
    states = vim.VirtualMachinePowerState
    assert states.poweredOn == 'poweredOn'
    assert type(states.poweredOn) is str
    assert list(states) == ['poweredOff', 'poweredOn', 'suspended']
    assert {'poweredOff', 'poweredOn', 'suspended'} <= set(dir(states))
    assert states('poweredOn') == 'poweredOn'


def test_isinstance_goes_by_what_the_object_says_it_is() -> None:
    """Base types count, whoever made the object; a type has no objects but of its like."""
    disk = shipped_vim().factory.create('ns0:VirtualDisk')
    reference = vim_util.get_moref('vm-1', 'VirtualMachine')
    of_session = types.of(service(shipped_vim()))
    for one in (disk, vim.VirtualDisk(), copy.deepcopy(disk), pickle.loads(pickle.dumps(disk))):
        assert isinstance(one, vim.VirtualDisk)
        assert isinstance(one, vim.VirtualDevice)
        assert isinstance(one, of_session.VirtualDevice)
        assert not isinstance(one, vim.VirtualCdrom)
        assert not isinstance(one, vim.ManagedObjectReference)
    assert issubclass(vim.VirtualDisk, vim.VirtualDevice)
    assert not issubclass(vim.VirtualDevice, vim.VirtualDisk)
    assert isinstance(reference, vim.ManagedObjectReference)
    assert isinstance(Proxy(reference), vim.ManagedObjectReference)
    assert isinstance('poweredOn', vim.VirtualMachinePowerState)
    assert not isinstance('on', vim.VirtualMachinePowerState)
    for stranger in (None, 'text', 1, [], {}, object(), Proxy(None)):
        assert not isinstance(stranger, vim.VirtualDevice)
        assert not isinstance(stranger, vim.ManagedObjectReference)


def service(codec: Codec) -> Any:
    """As much of a service as is asked for its types."""
    client = SimpleNamespace(schema=codec.schema, factory=codec.factory)
    return SimpleNamespace(client=client)


def test_the_types_of_a_service_are_those_of_its_description() -> None:
    """Such as a member that only a newer server has, which the factory decides."""
    found = types.of(service(shipped_pbm()))
    assert type(found.PbmPlacementHub(hubId='d')) is type(pbm.PbmPlacementHub())
    with pytest.raises(AttributeError, match='has no type'):
        _ = found.VirtualMachineConfigSpec


def test_people_are_told_what_a_type_has() -> None:
    """``dir``, ``help`` and completion of arguments know it."""
    assert {'VirtualDisk', 'VirtualMachinePowerState'} <= set(dir(vim))
    assert 'CloneVMRequestType' not in dir(vim)
    # PBM has types of VIM beside its own.
    assert 'MethodFault' not in dir(pbm)
    assert issubclass(pbm.PbmFault, pbm.MethodFault)
    signature = inspect.signature(vim.VirtualDiskId)
    assert str(signature) == "(*, vm: 'ManagedObjectReference' = None, diskId: 'int' = None)"
    # One of its members has a name that Python has a use for.
    assert 'entity' in inspect.signature(vim.AlarmClearedEvent).parameters
    shown = pydoc.render_doc(vim.VirtualMachineConfigSpec, renderer=pydoc.plaintext)
    assert ':param deviceChange: list[VirtualDeviceConfigSpec], optional' in shown
    assert 0 < len(pydoc.render_doc(vim)) < 2000
    assert 'poweredOff, poweredOn, suspended' in pydoc.render_doc(vim.VirtualMachinePowerState)


def test_the_import_costs_next_to_nothing() -> None:
    """Nothing of the engine, no suds, no description, until a type is asked for."""
    program = (
        'import sys; from oslo_vmware.types import vim, pbm; import oslo_vmware.types; '
        'print([name for name in sys.modules if name.split(".")[0] in ("suds", "lxml") '
        'or name.startswith(("oslo_vmware.soap", "oslo_vmware.wsdl"))])'
    )
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == '[]'
