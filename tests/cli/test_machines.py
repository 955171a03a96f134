"""Hosts, datastores, sessions, and machines: looking at them and switching them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from oslo_vmware import api
from oslo_vmware.simulator import Inventory, VCenterSimulator

from .conftest import Run


@pytest.fixture(scope='module')
def vc() -> Iterator[VCenterSimulator]:
    """A vCenter whose tasks end at once."""
    with VCenterSimulator(task_seconds=0.01, inventory=Inventory(vms=4)) as simulator:
        yield simulator
    assert simulator.errors == []


@pytest.fixture
def machine(run: Run) -> str:
    """Name of a machine that is on."""
    running = [one for one in run('vm', 'list', '--json').data if one['power'] == 'on']
    return str(running[0]['name'])


def test_interrupted(run: Run, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the waiting, and not what is waited for; that is said."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(api.VMwareAPISession, 'wait_for_task', interrupted)
    ran = run('vm', 'power', 'reset', machine)
    assert (ran.code, ran.out) == (130, '')
    assert 'The server goes on with it' in ran.err


def test_hosts(run: Run) -> None:
    """Each has its state, bars of what is used, and its machines."""
    hosts = run('hosts', '--json').data
    assert hosts
    assert {one['state'] for one in hosts} == {'connected'}
    assert sum(one['machines'] for one in hosts) == 4
    assert all(0 <= one['cpu_used'] <= one['cpu'] for one in hosts)
    ran = run('hosts')
    assert len(ran.lines) == 3 + len(hosts)
    assert all('%' in line for line in ran.lines[2:-1])


def test_datastores(run: Run) -> None:
    """Each has a bar of how full it is."""
    datastores = run('datastores', '--json').data
    assert datastores
    assert all(0 <= one['free'] <= one['capacity'] for one in datastores)
    ran = run('datastores')
    assert [line.split()[0] for line in ran.lines[2:]] == [one['name'] for one in datastores]


def test_sessions(run: Run, vc: VCenterSimulator) -> None:
    """One is marked as the own, and no key is shown that somebody could use."""
    (own,) = run('sessions', '--json').data
    assert own['own']
    assert own['address'] == '127.0.0.1'
    assert len(own['key']) == 5
    assert '*' in run('sessions').lines[2]


def test_info(run: Run, machine: str) -> None:
    """What people ask of a machine, on one screen."""
    data = run('vm', 'info', machine, '--json').data
    assert data['name'] == machine
    assert data['power'] == 'on'
    assert data['host'].startswith('esx-')
    assert data['datastores']
    ran = run('vm', 'info', machine)
    for value in (machine, data['host'], data['file'], data['instance_uuid']):
        assert value in ran.out


def test_power(run: Run, machine: str) -> None:
    """Each way of switching does it, waits for it, and fails where that makes no sense."""
    for how, then in (
        ('suspend', 'suspended'),
        ('on', 'on'),
        ('reset', 'on'),
        ('off', 'off'),
        ('on', 'on'),
    ):
        ran = run('vm', 'power', how, machine)
        assert ran.code == 0, ran.err
        assert run('vm', 'info', machine, '--json').data['power'] == then
    ran = run('vm', 'power', 'on', machine)
    assert ran.code == 1
    assert 'poweredOn' in ran.err
    assert run('vm', 'power', 'explode', machine).code == 2


def test_shutdown(run: Run, machine: str) -> None:
    """The guest is asked, and nobody waits for what it does."""
    ran = run('vm', 'power', 'shutdown', machine)
    assert ran.code == 0, ran.err
    assert 'was asked to shut down' in ran.out
    assert run('vm', 'power', 'on', machine).code in (0, 1)


def test_snapshots(run: Run, machine: str) -> None:
    """They are made, listed as a tree, gone back to, and removed; each by its name."""

    def names() -> list[str]:
        def walk(snapshots: list[dict]) -> Iterator[str]:
            for one in snapshots:
                yield one['name']
                yield from walk(one['children'])

        return list(walk(run('vm', 'snapshot', 'list', machine, '--json').data))

    assert names() == []
    assert 'no snapshots' in run('vm', 'snapshot', 'list', machine).out
    assert run('vm', 'snapshot', 'create', machine, 'before', '--description', 'x').code == 0
    assert run('vm', 'snapshot', 'create', machine, 'after', '--json').data['name'] == 'after'
    assert names() == ['before', 'after']
    assert 'current' in run('vm', 'snapshot', 'list', machine).lines[-1]
    assert run('vm', 'snapshot', 'revert', machine, 'before').code == 0
    assert 'current' in run('vm', 'snapshot', 'list', machine).lines[1]
    ran = run('vm', 'snapshot', 'remove', machine, 'between')
    assert ran.code == 4
    assert 'It has: before, after' in ran.err
    assert run('vm', 'snapshot', 'create', machine, 'after').code == 0
    ran = run('vm', 'snapshot', 'remove', machine, 'after')
    assert ran.code == 2
    reference = ran.err.splitlines()[-1].split()[0]
    assert run('vm', 'snapshot', 'remove', machine, reference).code == 0
    assert run('vm', '--json', 'snapshot', 'remove', machine, 'before', '--children').code == 0
    assert names() == []
