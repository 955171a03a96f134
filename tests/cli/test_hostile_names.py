"""Names in a vCenter neither forge lines of the command line nor steer a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oslo_vmware import api, vim_util
from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.cli.conftest import Ran, environment_of, run_command

TYPED = 'Web:01'
TWO_LINES = 'web\n/Nowhere/vm/forged'
STEERING = 'web\x9b31m'
ANNOTATION = 'of the shop\nruntime.powerState: forged'


@pytest.fixture(scope='module')
def named() -> Iterator[VCenterSimulator]:
    """A vCenter with machines of such names."""
    with VCenterSimulator(task_seconds=0, inventory=Inventory(vms=3, powered_on=1.0)) as vc:
        with api.VMwareAPISession(
            vc.host, vc.username, vc.password, 0, 0.05, port=vc.port, cacert=vc.cacert
        ) as session:
            found = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 10)
            for one, name in zip(found.objects, (TYPED, TWO_LINES, STEERING), strict=True):
                spec = session.vim.client.factory.create('ns0:VirtualMachineConfigSpec')
                spec.name, spec.annotation = name, ANNOTATION
                task = session.invoke_api(session.vim, 'ReconfigVM_Task', one.obj, spec=spec)
                session.wait_for_task(task)
        yield vc


def _run(vc: VCenterSimulator, *arguments: str) -> Ran:
    return run_command(*arguments, environ=environment_of(vc))


def test_name_with_colon_is_found(named: VCenterSimulator) -> None:
    """A name that looks like a reference is a name where there is no such object."""
    assert _run(named, 'vm', 'info', TYPED, '--json').data['name'] == TYPED
    assert _run(named, 'get', 'Web:02').code == 4
    assert _run(named, 'get', 'SessionManager:SessionManager', 'defaultLocale').code == 0


def test_name_of_another_kind_of_id_is_found(named: VCenterSimulator) -> None:
    """A machine may have the id of a host for a name, and who wants a machine means that."""
    objects = named.world.objects.values()
    machine = next(one for one in objects if getattr(one, 'name', '') == STEERING)
    host = next(one for one in objects if one.is_a('HostSystem'))
    machine.update(name=host.ref.value)
    try:
        data = _run(named, 'vm', 'info', host.ref.value, '--json').data
        assert data['reference'] == f'VirtualMachine:{machine.ref.value}'
        assert _run(named, 'get', host.ref.value, 'name', '--json').data == {'name': host.name}
    finally:
        machine.update(name=STEERING)
    ran = _run(named, 'vm', 'info', host.ref.value)
    assert f'{host.ref.value} is no machine: it is a HostSystem.' in ran.err


def test_name_of_two_lines_is_one_path(named: VCenterSimulator) -> None:
    """A line of find is a path, whatever is in a name."""
    lines = _run(named, 'find', '--type', 'vm').lines
    assert len(lines) == 3
    assert not [line for line in lines if line.startswith('/Nowhere')]


def test_message_of_two_lines_is_one_event(named: VCenterSimulator) -> None:
    """A line of events is an event, and one of tasks a change of a task."""
    lines = _run(named, 'events', '--last', '1000').lines
    assert [line for line in lines if TWO_LINES.split('\n')[0] in line]
    assert all(line[:2] == '20' for line in lines)


def test_value_of_two_lines_is_one_property(named: VCenterSimulator) -> None:
    """A line of get without an indent is a property that was asked for."""
    ran = _run(named, 'get', TYPED, 'config.annotation', 'runtime.powerState')
    assert [line.split(':')[0] for line in ran.lines] == ['config.annotation', 'runtime.powerState']
    assert 'poweredOn' in ran.lines[1]


def test_debug_does_not_steer_a_terminal(named: VCenterSimulator) -> None:
    """Neither the log nor the traceback of --debug has control characters from a server."""
    ran = _run(named, 'vm', 'info', STEERING + 'x', '--debug')
    assert 'Traceback' in ran.err
    assert 'web\\x9b31m' in ran.err
    assert all(line.isprintable() for line in ran.err.split('\n'))
