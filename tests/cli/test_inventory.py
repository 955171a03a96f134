"""ls, find, get and tree, and how objects are named."""

from __future__ import annotations

import pytest

from oslo_vmware import api
from oslo_vmware.cli import inventory
from oslo_vmware.cli.values import lines, plain
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.world.data import Fault, Ref, no_permission

from .conftest import Run

PLACE = '/Dublin/vm/Production'
NAME = 'dub-db-0002'
CONNECTION = 'runtime.connectionState'
MACHINE = f'{PLACE}/{NAME}'


@pytest.mark.parametrize(
    ('start', 'names'),
    [
        ('/', ['Dublin', 'Frankfurt']),
        ('/Dublin', ['datastore', 'host', 'network', 'vm']),
        ('/Dublin/host', ['dub-cluster-01']),
        ('Dublin', ['datastore', 'host', 'network', 'vm']),
        ('dub-cluster-01', ['Resources', 'esx-dub-001.example.net', 'esx-dub-002.example.net']),
    ],
)
def test_ls(run: Run, start: str, names: list[str]) -> None:
    """It lists one level, named by a path or by a unique name."""
    ran = run('ls', start)
    assert ran.code == 0
    assert sorted(line.split('  ')[0] for line in ran.lines[2:]) == names
    found = run('ls', start, '--json').data
    assert sorted(one['name'] for one in found) == names
    # And named by their references, in both forms.
    for reference in (found[0]['reference'], found[0]['reference'].partition(':')[2]):
        assert run('get', reference, 'name', '--json').data == {'name': found[0]['name']}


def test_find(run: Run) -> None:
    """It finds what is anywhere below, by type and by pattern, and each path leads there."""
    paths = run('find', '--type', 'vm', '--name', '*-db-*').lines
    assert MACHINE in paths
    assert all('-db-' in path for path in paths)
    for one in run('find', '--json').data[:40:8]:
        found = run('get', one['path'], 'name', '--json').data
        assert one['path'].endswith(found['name'])


@pytest.mark.parametrize(
    ('arguments', 'number'),
    [
        (['--type', 'vm'], 12),
        (['--type', 'VirtualMachine'], 12),
        (['--type', 'host'], 4),
        (['/Dublin', '--type', 'host'], 2),
        (['dub-cluster-01', '--type', 'host'], 2),
        (['/Dublin/vm', '--type', 'vm', '--name', 'dub-*'], 6),
        (['--type', 'datacenter'], 2),
        # What a cluster only uses is not below it.
        (['/Dublin/host', '--type', 'vm'], 0),
        (['/Dublin/host', '--type', 'datastore'], 0),
        (['--name', 'no such*'], 0),
    ],
)
def test_how_many_are_found(run: Run, arguments: list[str], number: int) -> None:
    """The exit code tells whether there is any."""
    ran = run('find', *arguments)
    assert len(ran.lines) == number
    assert ran.code == (0 if number else 1)
    assert len(run('find', '--json', *arguments).data) == number


def test_get(run: Run) -> None:
    """Values of all shapes, for people and for programs; what is not set is said to be so."""
    paths = ['name', 'config.hardware.numCPU', 'runtime.host', 'config.files', 'config.managedBy']
    ran = run('get', MACHINE, *paths)
    assert ran.lines[0] == 'name: dub-db-0002'
    assert 'config.managedBy: not set' in ran.lines
    data = run('get', MACHINE, *paths, '--json').data
    assert data['runtime.host'].startswith('HostSystem:host-')
    assert data['config.hardware.numCPU'] > 0
    assert data['config.files']['_type'] == 'VirtualMachineFileInfo'
    assert data['config.managedBy'] is None
    everything = run('get', MACHINE, '--json').data
    assert {'name', 'config', 'runtime', 'datastore'} <= everything.keys()


@pytest.mark.parametrize(
    ('fault', 'reason'),
    [
        (no_permission(None, 'Some.Privilege'), 'it takes the privilege Some.Privilege'),
        (Fault('NotSupported', 'Not here.'), 'Not here.'),
    ],
)
def test_what_may_not_be_read(
    run: Run, vc: VCenterSimulator, monkeypatch: pytest.MonkeyPatch, fault: Fault, reason: str
) -> None:
    """All else is shown, and what is missing is told with the reason; it is not called not set."""
    hidden = ('config.files', 'vm', 'sessionList', 'summary.config.numCpu', CONNECTION)
    monkeypatch.setattr(
        vc.faults, 'denial', lambda ref, types, path: fault if path in hidden else None
    )
    ran = run('get', MACHINE, 'config.files', 'name', '--json')
    assert (ran.code, ran.data) == (1, {'name': NAME})
    assert f'config.files could not be read: {reason}' in ran.err
    assert run('get', MACHINE, 'config.files', 'name').lines == [f'name: {NAME}']
    for arguments, number in ((['hosts'], 4), (['vm', 'list'], 12), (['sessions'], 1)):
        ran = run(*arguments, '--json')
        assert (ran.code, len(ran.data)) == (0, number)
        assert reason in ran.err
    # As a machine whose files are lost has no configuration.
    assert {one['cpus'] for one in run('vm', 'list', '--json').data} == {None}
    assert f'{NAME} (unknown)' in run('vm', 'list').out
    assert run('vm', 'info', NAME, '--json').data['connection'] == 'unknown'
    monkeypatch.setattr(
        vc.faults, 'denial', lambda ref, types, path: fault if 'HostSystem' in types else None
    )
    assert run('vm', 'info', MACHINE, '--json').data['host'] is None


def test_tree(run: Run) -> None:
    """Branches with what is below them; leaves and levels as asked for."""
    ran = run('tree')
    assert ran.code == 0
    assert 'esx-dub-001.example.net' not in ran.out
    assert any('dub-cluster-01' in line and '2 hosts' in line for line in ran.lines)
    assert 'esx-dub-001.example.net' in run('tree', '--all').out
    top = run('tree', '/Dublin', '--depth', '1', '--json').data
    assert [child['name'] for child in top['children']] == ['datastore', 'host', 'network', 'vm']
    assert all(child['children'] == [] for child in top['children'])
    assert top['counts']['VirtualMachine'] == 6
    assert run('tree', '/Dublin/vm', '--json').data['counts'].keys() == {'Folder', 'VirtualMachine'}


@pytest.mark.parametrize(
    ('arguments', 'code', 'told'),
    [
        (['ls', '/Dublin/vmm'], 4, 'There is no vmm in /Dublin. Do you mean vm?'),
        (['ls', '/Dublln'], 4, 'Do you mean Dublin?'),
        (['get', 'dub-db-00002', 'name'], 4, 'Do you mean dub-db-0002?'),
        (['get', 'vm-99999', 'name'], 4, 'There is no object vm-99999'),
        (['get', 'VirtualMachine:vm-99999', 'name'], 4, 'vm-99999'),
        (['get', MACHINE, 'nmae'], 1, 'A VirtualMachine has no property nmae. Do you mean name?'),
        (['get', MACHINE, 'config.x'], 1, 'A VirtualMachine has no property config.x.'),
        (['get', 'host', 'name'], 2, 'There are 2 of the name host; say which:\n  group-h'),
        (['get'], 2, 'required: object'),
        (['vm', 'info', 'Dubbin'], 4, 'There is no machine Dubbin'),
        # What is there may be something else, however it is named and whatever is to be done.
        (['vm', 'info', 'Dublin'], 4, 'Dublin is no machine: it is a Datacenter.'),
        (['vm', 'power', 'on', '/Dublin/host/dub-cluster-01'], 4, 'it is a ClusterComputeResource'),
        (['vm', 'snapshot', 'list', 'Folder:group-d1'], 4, 'is no machine: it is a Folder.'),
        (['policies', 'explain', 'Gold', '/Dublin'], 4, 'is no datastore or datastore cluster'),
        (['policies', 'explain', 'Gold', '--for', MACHINE], 4, 'is no cluster or host'),
        (['policies', 'explain', 'Gold', '--shared'], 2, '--shared is about a cluster'),
        (['policies', 'compliance', '/Dublin'], 4, 'is no machine: it is a Datacenter.'),
    ],
)
def test_what_is_not_there(run: Run, arguments: list[str], code: int, told: str) -> None:
    """Who names an object wrongly is told what there is instead."""
    ran = run(*arguments)
    assert (ran.code, ran.out) == (code, '')
    assert told in ran.err


def test_ids_of_a_host(vc: VCenterSimulator, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ESXi host has ids of other forms; what ls shows of them names objects as well."""
    machine = next(one for one in vc.world.objects.values() if getattr(one, 'name', '') == NAME)
    for id_ in ('42', 'ha-42'):
        monkeypatch.setattr(machine, 'ref', Ref('VirtualMachine', id_))
        monkeypatch.setitem(vc.world.objects, id_, machine)
        shown = {one['name']: one['reference'] for one in run('ls', PLACE, '--json').data}
        assert shown[machine.name] == f'VirtualMachine:{id_}'
        assert run('vm', 'info', id_, '--json').data['name'] == machine.name


#: Command line to what it may ask of the server besides logging in and out.
COSTS = [
    (['ls', '/'], 1),
    (['ls', '/Dublin/vm'], 2),
    (['find', '--type', 'vm'], 1),
    (['find', '--name', 'dub*'], 1),
    (['tree'], 1),
    (['hosts'], 1),
    (['datastores'], 1),
    (['vm', 'list'], 1),
    (['vm', 'info', MACHINE], 3),
    (['tasks'], 1),
    (['events'], 4),
    (['sessions'], 1),
    (['get', MACHINE, 'name'], 2),
    (['policies', 'compliance', 'dub-db-0002', 'fra-web-0001'], 4),
]


@pytest.mark.parametrize(('arguments', 'calls'), COSTS)
def test_what_it_costs(run: Run, vc: VCenterSimulator, arguments: list[str], calls: int) -> None:
    """No command calls for each object: there is one retrieval, besides finding what was named."""
    around = {'RetrieveServiceContent', 'Login', 'Logout', 'SessionIsActive'}
    before = len(vc.calls)
    assert run(*arguments).code == 0
    calls_made = list(vc.calls)[before:]
    made = [call.operation for call in calls_made]
    # What the server logs of them can be found there.
    reads = [call for call in calls_made if call.operation.endswith('PropertiesEx')]
    assert all((call.op_id or '').startswith('oslo-vmware-') for call in reads)
    assert len([call for call in made if call not in around]) == calls, made


def test_an_empty_reply_may_mean_that_the_session_is_gone(vc: VCenterSimulator) -> None:
    """So ESX answers: there is a new login then, and not an inventory without anything in it."""
    with api.VMwareAPISession(
        vc.host, vc.username, vc.password, 1, 0.01, port=vc.port, cacert=vc.cacert
    ) as session:
        vc.terminate_sessions()
        vc.faults.empty_reply('RetrievePropertiesEx')
        assert inventory.entities(session)


class Anything:
    """What a reply is decoded to."""

    def __init__(self, **members: object) -> None:
        self.__dict__.update(members)
        self.__keylist__ = list(members)


class ArrayOfAnything(Anything):
    pass


def test_values_as_data_and_as_lines() -> None:
    """Arrays of vSphere become lists, and nesting becomes indentation."""
    data = plain(ArrayOfAnything(Anything=[Anything(a=1, b=[True]), Anything()]))
    assert data == [{'_type': 'Anything', 'a': 1, 'b': [True]}, {'_type': 'Anything'}]
    assert list(lines({'x': data})) == [
        'x:',
        '  [0] (Anything)',
        '    a: 1',
        '    b:',
        '      [0] true',
        '  [1] (Anything)',
    ]


def test_an_empty_list_is_one(run: Run) -> None:
    """A property that holds no objects is an empty list, and not a text."""
    assert run('get', MACHINE, 'triggeredAlarmState', '--json').data == {'triggeredAlarmState': []}
    assert run('get', MACHINE, 'triggeredAlarmState').lines == ['triggeredAlarmState: none']
