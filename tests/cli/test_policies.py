"""Storage policies: looked at, explained, kept in files, and who complies."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from oslo_vmware import api, spbm, vim_util
from oslo_vmware.cli import policy_files
from oslo_vmware.simulator import Inventory, VCenterSimulator

from .conftest import Run

RULE = {
    'namespace': 'http://www.vmware.com/storage/tag',
    'capability': 'Tier',
    'property': 'com.vmware.storage.tag.Tier.property',
    'value': ['Gold'],
}


@pytest.fixture(scope='module')
def vc() -> Iterator[VCenterSimulator]:
    """A vCenter whose policies are changed: each test has names of its own for that."""
    with VCenterSimulator(task_seconds=0.01, inventory=Inventory(vms=3)) as simulator:
        yield simulator
    assert simulator.errors == []


@pytest.fixture
def gold(run: Run) -> dict[str, Any]:
    """The policy Gold, as it is in a file."""
    (policy,) = run('policies', 'export', 'Gold', '--json').data['policies']
    return dict(policy)


def renamed(policy: dict[str, Any], name: Any, **changes: Any) -> dict[str, Any]:
    return {**policy, 'name': name, **changes}


def saved(path: pathlib.Path, *policies: Any) -> str:
    path.write_text(yaml.safe_dump({'policies': list(policies)}))
    return str(path)


def test_list(run: Run) -> None:
    """Those that machines can have, by name; the others with --all."""
    found = run('policies', 'list', '--json').data
    names = [one['name'] for one in found]
    assert 'Gold' in names
    assert names == sorted(names, key=str.lower)
    assert {one['category'] for one in found} == {'REQUIREMENT'}
    assert len(run('policies', 'list', '--all', '--json').data) > len(found)
    assert [line.split('   ')[0].strip() for line in run('policies', 'list').lines[2:]] == names


def test_show(run: Run, vc: VCenterSimulator) -> None:
    """What there is to a policy: its rules in words, and how many have it; also by its id."""
    data = run('policies', 'show', 'Gold', '--json').data
    (rule,) = data['rule_sets'][0]['rules']
    assert rule == 'tagged "Gold" in Tier'
    assert set(data['used_by']) == {'machines', 'disks'}
    ran = run('policies', 'show', data['id'])
    assert 'Gold' in ran.out
    assert rule in ran.lines
    # Who may see the policy need not be let see what has it.
    vc.faults.on('PbmQueryAssociatedEntity', 'PbmFaultNoPermission')
    ran = run('policies', 'show', 'Gold', '--json')
    assert (ran.code, ran.data['used_by'], ran.data['id']) == (0, None, data['id'])
    assert 'may not be seen' in ran.err


@pytest.mark.parametrize('action', ['show', 'explain', 'export'])
def test_a_policy_that_is_not_there(run: Run, action: str) -> None:
    """It is no such object, and what sounds like it is named."""
    ran = run('policies', action, 'Golf')
    assert (ran.code, ran.out) == (4, '')
    assert ran.err == 'error: There is no storage policy Golf. Do you mean Gold?\n'


def test_explain(run: Run) -> None:
    """Each datastore fits, or the reason why not is told; those that fit stand first."""
    found = run('policies', 'explain', 'Gold', '--json').data
    assert [one['fits'] for one in found] == sorted((one['fits'] for one in found), reverse=True)
    refused = next(one for one in found if not one['fits'])
    assert 'offers no tag "Gold" of category "Tier"' in refused['reasons'][0]
    ran = run('policies', 'explain', 'Gold')
    assert ran.code == 0
    assert refused['reasons'][0] in ran.out
    ran = run('policies', 'explain', 'Gold', refused['datastore'])
    assert ran.code == 1
    assert ran.lines[-1] == 'None of these may hold what has the policy Gold.'
    assert len(ran.lines) == 3


def test_explain_for_a_cluster(run: Run, vc: VCenterSimulator) -> None:
    """What its hosts cannot use is refused, too."""
    cluster = next(one for one in vc.world.objects.values() if one.is_a('ClusterComputeResource'))
    asked = run('policies', 'explain', 'Gold', '--json').data
    usable = run('policies', 'explain', 'Gold', '--for', cluster.name, '--shared', '--json').data
    assert {one['datastore'] for one in usable} == {one['datastore'] for one in asked}
    assert sum(one['fits'] for one in usable) <= sum(one['fits'] for one in asked)
    # A host outside of clusters is meant itself, and not what it has for a cluster.
    (host,) = [one for one in vc.world.objects.values() if one.wire_type == 'ComputeResource']
    assert run('policies', 'explain', 'Gold', '--for', host.name).code in (0, 1)


@pytest.mark.parametrize('name', ['policies.yaml', 'policies.json'])
def test_what_is_exported_can_be_imported(run: Run, tmp_path: pathlib.Path, name: str) -> None:
    """And changes nothing, here; the second export is the first, byte for byte."""
    path = tmp_path / name
    ran = run('policies', 'export', '-o', str(path))
    assert ran.code == 0
    assert not list(tmp_path.glob('.*'))
    ran = run('policies', 'import', str(path), '--json')
    assert {one['outcome'] for one in ran.data['policies']} == {'unchanged'}
    again = tmp_path / f'again-{name}'
    run('policies', 'export', '-o', str(again))
    assert again.read_text() == path.read_text()
    assert (json.loads if name.endswith('.json') else yaml.safe_load)(path.read_text())


def test_no_folder_for_a_file(run: Run, tmp_path: pathlib.Path) -> None:
    """It is said which one is missing."""
    ran = run('policies', 'export', '-o', str(tmp_path / 'there' / 'x.yaml'))
    assert (ran.code, ran.out) == (2, '')
    assert ran.err == f'error: There is no folder {tmp_path}/there.\n'


def test_a_file_stays_what_it_is(run: Run, tmp_path: pathlib.Path) -> None:
    """What is replaced keeps its permissions, a link its place, and a device is nothing to write
    on; - is stdout.
    """
    secret, link, pipe = (tmp_path / name for name in ('secret.yaml', 'link.yaml', 'pipe'))
    secret.touch(0o600)
    link.symlink_to(secret)
    os.mkfifo(pipe)
    assert run('policies', 'export', '-o', str(link)).code == 0
    assert link.is_symlink()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert 'Gold' in secret.read_text()
    ran = run('policies', 'export', '-o', str(pipe))
    assert (ran.code, ran.out) == (2, '')
    assert 'is no file' in ran.err
    assert run('policies', 'export', '-o', '-').out == run('policies', 'export').out


def test_an_import_that_ends_in_between(
    run: Run, vc: VCenterSimulator, tmp_path: pathlib.Path, gold: dict[str, Any]
) -> None:
    """What has been done is told, also as data, and what has not."""
    path = saved(tmp_path / 'x.yaml', gold, *(renamed(gold, f'part {n}') for n in (1, 2, 3)))
    vc.faults.on('PbmCreate', 'PbmFault', skip=1)
    ran = run('policies', 'import', path, '--json')
    assert ran.code == 1
    done = [(one['name'], one['outcome']) for one in ran.data['policies']]
    assert done == [('Gold', 'unchanged'), ('part 1', 'made')]
    assert 'Not imported: part 2, part 3' in ran.err


def test_export_to_stdout(run: Run, gold: dict[str, Any]) -> None:
    """YAML for people and pipes, JSON with --json; what stdout goes to is not replaced."""
    ran = run('policies', 'export', 'Gold', 'Silver')
    assert run('policies', 'export', 'Gold', 'Silver', '-o', '/dev/stdout') == ran
    assert ran.err == ''
    assert [one['name'] for one in yaml.safe_load(ran.out)['policies']] == ['Gold', 'Silver']
    assert yaml.safe_load(ran.out)['policies'][0] == gold


def test_a_policy_is_exported_once(run: Run, gold: dict[str, Any]) -> None:
    """By whatever names it is asked for: a file with a policy twice is not imported."""
    id_ = run('policies', 'show', 'Gold', '--json').data['id']
    assert run('policies', 'export', 'Gold', id_, '--json').data == {'policies': [gold]}


def test_what_is_exported_to_stdout_is_exact(
    run: Run, tmp_path: pathlib.Path, gold: dict[str, Any]
) -> None:
    """Whatever is in a policy, and whatever characters stdout has; it steers no terminal."""
    odd = renamed(gold, 'exact', description='a\u00a0b\u202e ü\nc \x9b31m \\n')
    run('policies', 'import', saved(tmp_path / 'x.yaml', odd))
    ran = run('policies', 'export', 'exact')
    assert ran.out.isascii()
    assert yaml.safe_load(ran.out)['policies'] == [odd]


def test_import(run: Run, tmp_path: pathlib.Path, gold: dict[str, Any]) -> None:
    """What would be done is told, done, and done once; nothing else is changed."""
    path = saved(tmp_path / 'x.yaml', gold, renamed(gold, 'made by import', description='by file'))
    dry = run('policies', 'import', path, '--dry-run')
    assert dry.lines == [
        '- Gold: unchanged',
        '* made by import: would be made',
        '  + tagged "Gold" in Tier',
    ]
    assert 'made by import' not in run('policies', 'list').out
    outcomes = {'Gold': 'unchanged', 'made by import': 'made'}
    for _ in range(2):
        done = run('policies', 'import', path, '--json').data
        assert {one['name']: one['outcome'] for one in done['policies']} == outcomes
        outcomes['made by import'] = 'unchanged'
    silver = run('policies', 'export', 'Silver', '--json').data['policies'][0]
    changed = renamed(silver, 'made by import', description='anew')
    done = run('policies', 'import', saved(tmp_path / 'y.yaml', changed), '--json').data
    assert done['policies'][0]['changes'] == [
        '- tagged "Gold" in Tier',
        '+ tagged "Silver" in Tier',
        '- description: by file',
        '+ description: anew',
    ]
    (now,) = run('policies', 'export', 'made by import', '--json').data['policies']
    assert now == changed


def test_a_file_with_mistakes(
    run: Run, vc: VCenterSimulator, tmp_path: pathlib.Path, gold: dict[str, Any]
) -> None:
    """Each of them is told, by both commands, and nothing of the file is imported."""
    wrong = json.loads(json.dumps(gold).replace('"Tier"', '"Tear"'))
    path = saved(
        tmp_path / 'x.yaml',
        renamed(gold, 'good'),
        renamed(wrong, 'bad'),
        {'nme': 1},
        renamed(gold, 'good'),
        renamed(gold, 123),
        renamed(gold, 'what XML cannot hold', description='a\x01b'),
    )
    data = run('policies', 'check', path, '--json').data
    assert [bool(one['problems']) for one in data] == [False, True, True, True, True, True]
    assert data[0]['datastores'] > 0
    ran = run('policies', 'check', path)
    assert ran.code == 1
    assert 'Tear' in ran.out
    assert "policy 3\n  'nme' is unknown" in ran.out
    assert 'policy 5\n  the name is 123, which is no text' in ran.out
    assert "description has a character that cannot be sent: '\\x01'" in ran.out
    # Names are given in each category.
    both = (renamed(gold, 'good'), renamed(gold, 'good', category='DATA_SERVICE_POLICY'))
    data = run('policies', 'check', saved(tmp_path / 'y.yaml', *both), '--json').data
    assert 'it is there twice' not in str(data)
    before = vc.count('PbmCreate')
    for more in ((), ('--dry-run',)):
        ran = run('policies', 'import', path, *more)
        assert ran.code == 1
        assert 'Nothing was changed' in ran.err
        assert 'bad: ' in ran.err
        assert 'good: it is there twice' in ran.err
    assert vc.count('PbmCreate') == before


def test_check_says_where_it_would_fit(
    run: Run, tmp_path: pathlib.Path, gold: dict[str, Any]
) -> None:
    """A file without mistakes is right, also where nothing satisfies it."""
    both = [{'rules': [*gold['rule_sets'][0]['rules'], *one['rules']]} for one in silver_sets(run)]
    nowhere = renamed(gold, 'nowhere', rule_sets=distinct(both))
    anything = renamed(gold, 'anything', rule_sets=[])
    ran = run('policies', 'check', saved(tmp_path / 'x.yaml', nowhere, anything, gold))
    assert ran.code == 0
    assert 'nowhere: right, but no datastore satisfies it' in ran.out
    assert 'anything: asks for nothing' in ran.out
    assert ran.lines[-1].endswith(('datastore satisfies it', 'datastores satisfy it'))


def silver_sets(run: Run) -> list[Any]:
    return list(run('policies', 'export', 'Silver', '--json').data['policies'][0]['rule_sets'])


def distinct(rule_sets: list[Any]) -> list[Any]:
    """Rules of one capability that are all needed."""
    for rule_set in rule_sets:
        for number, rule in enumerate(rule_set['rules']):
            rule_set['rules'][number] = {**rule, 'occurrence': number} if number else rule
    return rule_sets


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('a: [', 'is no YAML'),
        ('a: 2020-99-99', 'is no YAML: month must be'),
        ('[' * 5000, 'is no YAML'),
        ('policies: []\npolicies: []', "'policies' is there twice"),
        ('- {name: a, rule_sets: [], rule_sets: []}', "'rule_sets' is there twice"),
        ('policies: []', 'has no policies'),
        ('just words', 'has no policies'),
        (b'\xff', 'is no text'),
        (None, 'There is no file'),
    ],
)
def test_no_file_of_policies(run: Run, tmp_path: pathlib.Path, text: Any, said: str) -> None:
    """It is said what is wrong with it."""
    path = tmp_path / 'x.yaml'
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    ran = run('policies', 'import', str(path))
    assert ran.code == (4 if text is None else 2)
    assert said in ran.err


def test_keys_of_yaml_may_be_merged(tmp_path: pathlib.Path) -> None:
    """What a mapping has from another one, and says itself as well, is not there twice."""
    text = '- x: [[[&one {<<: &base {a: 1}, a: 2}]]]\n- {<<: *one, b: 3}'
    (tmp_path / 'x.yaml').write_text(text)
    assert policy_files.load(str(tmp_path / 'x.yaml')) == yaml.safe_load(text)


def test_without_yaml(
    run: Run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, gold: dict[str, Any]
) -> None:
    """Files are JSON then, and it is said what to install; a file of YAML is refused kindly."""
    path = saved(tmp_path / 'x.yaml', gold)
    monkeypatch.setitem(sys.modules, 'yaml', None)
    ran = run('policies', 'export', 'Gold')
    assert json.loads(ran.out) == {'policies': [gold]}
    assert 'pip install PyYAML' in ran.err
    (tmp_path / 'x.json').write_text('{"name": "a", "rule_sets": [], "rule_sets": []}')
    ran = run('policies', 'import', str(tmp_path / 'x.json'))
    assert ran.code == 2
    assert "'rule_sets' is there twice" in ran.err
    ran = run('policies', 'import', path)
    assert ran.code == 2
    assert 'if it is YAML: pip install PyYAML' in ran.err


def test_compliance(run: Run, vc: VCenterSimulator) -> None:
    """Machines and their disks, with what is wanted and what there is; 1 if any does not comply."""
    found = run('policies', 'compliance', '--json').data
    assert len(found) == 3
    ran = run('policies', 'compliance')
    assert ran.code == 0
    assert len(ran.lines) == 2 + 3
    machine = next(one for one in vc.world.objects.values() if one.is_a('VirtualMachine'))
    with api.VMwareAPISession(
        vc.host, vc.username, vc.password, 0, 0.01, port=vc.port, cacert=vc.cacert
    ) as session:
        (store,) = machine.datastore
        for name in ('Gold', 'Silver'):
            policy = spbm.find_policy(session, name)
            (place,) = spbm.check_compatibility(session, policy, [store.ref.value])
            if not place.compatible:
                break
        vm = vim_util.get_moref(machine.ref.value, machine.ref.type)
        session.wait_for_task(spbm.set_policies(session, vm, home=policy))
    ran = run('policies', 'compliance', machine.name, '--recheck', '--json')
    assert ran.code == 1
    (row,) = ran.data
    assert (row['machine'], row['status']) == (machine.name, 'nonCompliant')
    (part,) = row['parts']
    assert (part['part'], part['policy']) == ('home', policy.name)
    (violation,) = part['violations']
    assert violation.startswith(f'wanted: tagged "{policy.name}" in Tier; there is: ')
    ran = run('policies', 'compliance', machine.name)
    assert ran.lines[2].split()[:4] == [machine.name, 'home', policy.name, 'nonCompliant']
    assert ran.lines[3] == f'! {machine.name}, home: {violation}'
