"""The command line against a server that is not ours."""

import io
import json
from typing import Any

import pytest

from oslo_vmware.cli.main import main
from tests.vcsim.server import Vcsim

MACHINE = 'DC0_C0_RP0_VM0'


def run(vc: Vcsim, *arguments: str) -> Any:
    """What a command says as data."""
    environ = {
        'VSPHERE_HOST': f'{vc.host}:{vc.port}',
        'VSPHERE_USER': vc.username,
        'VSPHERE_PASSWORD': vc.password,
        'VSPHERE_CACERT': vc.cacert,
    }
    out, err = io.StringIO(), io.StringIO()
    code = main(['--json', *arguments], environ, out, err)
    assert (code, err.getvalue()) == (0, '')
    return json.loads(out.getvalue())


def test_inventory(vc: Vcsim) -> None:
    """What is found has the paths that the server knows it by."""
    paths = [one['path'] for one in run(vc, 'find', '--type', 'vm')]
    assert paths == [f'/DC0/vm/DC0_C0_RP0_VM{n}' for n in range(4)]
    assert run(vc, 'get', paths[0], 'name') == {'name': MACHINE}
    assert [one['name'] for one in run(vc, 'ls', '/DC0')] == ['datastore', 'host', 'network', 'vm']
    assert run(vc, 'tree')['counts']['HostSystem'] == 2
    hosts = [one['path'] for one in run(vc, 'find', '/DC0/host') if one['type'] == 'HostSystem']
    assert hosts == ['/DC0/host/DC0_C0/DC0_C0_H0', '/DC0/host/DC0_C0/DC0_C0_H1']


@pytest.mark.parametrize('command', ['hosts', 'datastores', 'sessions', 'tasks'])
def test_what_there_is(vc: Vcsim, command: str) -> None:
    """Each finds something."""
    assert run(vc, command)


def test_a_machine(vc: Vcsim) -> None:
    """It is switched on, has a snapshot for a while, and there are events of that."""
    assert run(vc, 'vm', 'power', 'on', MACHINE)['done'] == 'on'
    assert run(vc, 'vm', 'info', MACHINE)['power'] == 'on'
    run(vc, 'vm', 'snapshot', 'create', MACHINE, 'one')
    assert [one['name'] for one in run(vc, 'vm', 'snapshot', 'list', MACHINE)] == ['one']
    run(vc, 'vm', 'snapshot', 'revert', MACHINE, 'one')
    run(vc, 'vm', 'snapshot', 'remove', MACHINE, 'one')
    assert run(vc, 'vm', 'snapshot', 'list', MACHINE) == []
    events = run(vc, 'events', MACHINE, '--last', '50')
    assert 'VmPoweredOnEvent' in {event['type'] for event in events}
