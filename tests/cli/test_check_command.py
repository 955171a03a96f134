"""``oslo-vmware check``: what it shows, and what it exits with. The looks are tested elsewhere."""

from __future__ import annotations

import json

import pytest

from oslo_vmware.simulator import VCenterSimulator

from .conftest import Run, run_command


def heading(text: str) -> str:
    return f'{text} '.ljust(80, '-')


def test_a_good_answer(run: Run) -> None:
    """A line for each thing, under headings, and a verdict for each consumer."""
    ran = run('check')
    assert ran.code == 0
    assert ran.err == ''
    for text in ('Connection', 'TLS', 'Privileges', 'Verdict'):
        assert heading(text) in ran.lines
    assert ran.lines[-4:] == ['* Nova: yes', '* Cinder: yes', '* Glance: yes', '* Ceilometer: yes']


def test_a_bad_answer(run: Run, vc: VCenterSimulator) -> None:
    """It is 1, with what failed, what to do, and the reasons under the verdict."""
    vc.faults.deny('Datastore', 'summary')
    ran = run('check', '--for', 'nova', '--for', 'glance')
    vc.faults.clear()
    assert ran.code == 1
    at = ran.lines.index('! datastores: 0 of 10 datastores can be used')
    assert ran.lines[at + 1] == '  Nothing works without: look at the datastores above.'
    verdict = ran.lines[ran.lines.index(heading('Verdict')) + 1 :]
    assert verdict[:2] == ['! Nova: no', '  datastores: 0 of 10 datastores can be used']
    assert '  and 6 more, see above' in verdict
    assert [line for line in verdict if line.startswith('!')] == ['! Nova: no', '! Glance: no']


def test_json(run: Run) -> None:
    """With --json there is the document and nothing else."""
    ran = run('check', '--json', '--for', 'cinder', '--cluster', 'fra-cluster-01')
    assert ran.code == 0
    assert ran.err == ''
    assert ran.data['connected'] is True
    assert ran.data['verdicts'] == [{'consumer': 'Cinder', 'verdict': 'yes', 'reasons': []}]
    hosts = next(one for one in ran.data['findings'] if one['subject'] == 'hosts')
    assert hosts['data'] == {'usable': 2, 'all': 2}


def test_a_trial(run: Run, vc: VCenterSimulator) -> None:
    """A datastore is tried when it is named."""
    ran = run('check', '--write', 'fra-nfs-01')
    assert ran.code == 0
    assert any('1 MiB went there' in line for line in ran.lines)
    assert [one.method for one in vc.transfers] == ['PUT', 'GET']


@pytest.mark.parametrize(
    ('arguments', 'code', 'told'),
    [
        (['--port', '9'], 3, 'nothing listens at port 9'),
        (['--cluster', 'x'], 4, 'There is no cluster x; there is: dub-cluster-01, fra-cluster-01.'),
        (['--write', 'x'], 4, 'There is no datastore x; there is: dub-nfs-01'),
        (['--for', 'swift'], 2, 'invalid choice'),
    ],
)
def test_how_it_ends(run: Run, arguments: list[str], code: int, told: str) -> None:
    """With the exit codes of all commands."""
    ran = run('check', *arguments)
    assert ran.code == code
    assert told in ran.err


def test_no_connection_in_json(run: Run) -> None:
    """The document says how far it came, and stderr what ended it."""
    ran = run('check', '--port', '9', '--json')
    assert ran.code == 3
    assert ran.data['connected'] is False
    assert [one['subject'] for one in ran.data['findings']] == ['name', 'port']
    assert {one['verdict'] for one in ran.data['verdicts']} == {'no'}
    assert 'nothing listens' in json.dumps(json.loads(ran.err))


def test_a_password_is_asked_for_late(vc: VCenterSimulator) -> None:
    """Whoever names a server that is not there is not asked for a password first."""
    environ = {'VSPHERE_HOST': f'{vc.host}:9', 'VSPHERE_USER': 'somebody'}
    assert run_command('check', environ=environ).code == 3
    environ = {
        'VSPHERE_HOST': f'{vc.host}:{vc.port}',
        'VSPHERE_USER': 'somebody',
        'VSPHERE_CACERT': str(vc.cacert),
    }
    ran = run_command('check', environ=environ)
    assert ran.code == 2
    assert 'There is no password for somebody' in ran.err
