"""What stands where a reference is expected and is none: strings, None, objects of test suites."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from oslo_vmware import api, exceptions, pbm, vim_util
from oslo_vmware.objects import datacenter, datastore
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.world.data import Ref
from tests.contract.conftest import obj, ref, refs
from tests.functional.conftest import SessionMaker


def test_a_string_names_a_root_object(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """``'ServiceInstance'`` is enough to call the server by."""
    assert session.invoke_api(session.vim, 'CurrentTime', 'ServiceInstance').tzinfo
    assert vc.calls[-1].target == Ref('ServiceInstance', 'ServiceInstance')


@pytest.mark.parametrize(
    ('name', 'call'),
    [
        ('PropCollector', lambda vim, vm: vim_util.get_object_property(vim, vm, 'name')),
        ('RootFolder', lambda vim, vm: vim.CreateFolder(vim.service_content.rootFolder, name='x')),
    ],
)
def test_service_content_of_strings(
    session: api.VMwareAPISession,
    vc: VCenterSimulator,
    vm: Any,
    name: str,
    call: Callable[[Any, Any], Any],
) -> None:
    """Its members go out with that string as type and id."""
    content = SimpleNamespace(propertyCollector='PropCollector', rootFolder='RootFolder')
    with (
        mock.patch.object(type(session.vim), 'service_content', content),
        pytest.raises(exceptions.VimFaultException),
    ):
        call(session.vim, vm)
    assert vc.calls[-1].target == Ref(name, name)


NOTHING: dict[str, Callable[[Any], Any]] = {
    'operation': lambda vim: vim.PowerOnVM_Task(None),
    'operation with arguments': lambda vim: vim.ReconfigVM_Task(None, spec=object()),
    'list of properties': lambda vim: vim_util.get_object_properties(vim, None, ['name']),
    'one property': lambda vim: vim_util.get_object_property(vim, None, 'name'),
}


@pytest.mark.parametrize('through_session', [False, True])
@pytest.mark.parametrize('case', NOTHING)
def test_none_is_no_call(
    session: api.VMwareAPISession, vc: VCenterSimulator, case: str, through_session: bool
) -> None:
    """None instead of a reference gives None back, and the server hears nothing."""
    vim = session.vim
    vc.calls.clear()
    if through_session:
        act = SimpleNamespace(act=NOTHING[case])
        assert session.invoke_api(act, 'act', vim) is None
    else:
        assert NOTHING[case](vim) is None
    assert list(vc.calls) == []


def test_none_has_no_properties(session: api.VMwareAPISession, vc: VCenterSimulator) -> None:
    """Where a dict is the result, it is an empty one."""
    vc.calls.clear()
    assert vim_util.get_object_properties_dict(session.vim, None, ['name']) == {}
    assert list(vc.calls) == []


class Reference:
    """As the fakes of users have it."""

    def __init__(self, value: str, type_: str) -> None:
        self.value = self._value_1 = value
        self._type = self.type = type_


def mocked(value: str, type_: str) -> Any:
    made = mock.MagicMock()
    made.value, made._type = value, type_
    return made


SHAPES: list[Callable[[str, str], Any]] = [
    Reference,
    lambda value, type_: SimpleNamespace(value=value, _type=type_),
    mocked,
]


@pytest.mark.parametrize('make', SHAPES)
def test_any_object_with_id_and_type(
    session: api.VMwareAPISession, vc: VCenterSimulator, vm: Any, make: Callable[[str, str], Any]
) -> None:
    """It is sent as the reference it says it is, as managed object, argument and in a list."""
    made = make(vm.value, vm._type)
    name = session.invoke_api(vim_util, 'get_object_property', session.vim, made, 'name')
    assert name == obj(vc, vm).name
    session.wait_for_task(session.invoke_api(session.vim, 'PowerOnVM_Task', made))
    assert obj(vc, vm).power_state == 'poweredOn'
    (folder,) = refs(vc, 'Folder', lambda folder: folder.name == 'Production databases')
    task = session.invoke_api(
        session.vim, 'MoveIntoFolder_Task', make(folder.value, folder._type), list=[made]
    )
    session.wait_for_task(task)
    assert obj(vc, vm).parent.ref == ref(folder)


@pytest.mark.parametrize('make', SHAPES)
def test_hubs_of_any_object(session: api.VMwareAPISession, make: Callable[[str, str], Any]) -> None:
    """PBM's helpers read ``value`` alone."""
    made = [make('datastore-21', 'Datastore')]
    (hub,) = pbm.convert_datastores_to_hubs(session.pbm.client.factory, made)
    assert hub.hubId == 'datastore-21'
    assert pbm.filter_datastores_by_hubs([hub], made) == made


@pytest.mark.parametrize('reference', ['fake-ref', 5, mock.sentinel.ref, object()])
def test_objects_with_any_reference(reference: Any) -> None:
    """A datastore and a datacenter keep whatever they are given, and hand that very object on."""
    asked: list[Any] = []

    class Session:
        vim = mock.sentinel.vim

        def invoke_api(self, module: Any, method: str, vim: Any, moref: Any, *rest: Any) -> str:
            asked.append(moref)
            return 'summary'

    found = datastore.Datastore(ref=reference, name='ds')
    assert found.get_summary(Session()) == 'summary'
    assert [found.ref, *asked] == [reference, reference]
    assert datacenter.Datacenter(ref=reference, name='dc').ref is reference


def test_a_real_reference_in_a_datastore(connect: SessionMaker, vc: VCenterSimulator) -> None:
    """With a reference that the server knows, the same call is answered by it."""
    session = connect(vc)
    summary = datastore.Datastore(
        vim_util.get_moref('datastore-21', 'Datastore'), 'fra-nfs-01'
    ).get_summary(session)
    assert summary.name == 'fra-nfs-01'
