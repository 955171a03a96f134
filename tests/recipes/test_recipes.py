"""Each recipe of the documentation is run as a reader runs it.

What came of it is asked of another client, pyVmomi, or of the simulated world.
"""

import datetime
import os
import pathlib
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyVmomi import vim

from oslo_vmware.simulator import Inventory
from tests.simulator.vsphere import Client, connected, done

RECIPES = pathlib.Path(__file__).parents[2] / 'doc/source/recipes'
GIB = 1024**3
CLUSTER = 'Frankfurt/host/fra-cluster-01'

Run = Callable[..., str]


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(vms=12, powered_on=0.5)) as made:
        yield made


@pytest.fixture
def run(client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a recipe with arguments, and gives what it has printed."""
    vc = client.vc
    for name, value in (
        ('HOST', f'{vc.host}:{vc.port}'),
        ('USER', vc.username),
        ('PASSWORD', vc.password),
        ('CACERT', vc.cacert),
    ):
        monkeypatch.setenv(f'VSPHERE_{name}', str(value))

    def run_one(name: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, 'argv', [name, *arguments])
        logins = vc.count('Login'), vc.count('Logout')
        runpy.run_path(str(RECIPES / name), run_name='__main__')
        assert (vc.count('Login'), vc.count('Logout')) == (logins[0] + 1, logins[1] + 1)
        return capsys.readouterr().out

    return run_one


def path(entity: Any) -> str:
    """Where something is in the inventory, as ``FindByInventoryPath`` has it."""
    names: list[str] = []
    while entity.parent is not None:
        names.insert(0, entity.name)
        entity = entity.parent
    return '/'.join(names)


def machine(client: Client, state: str = 'poweredOff', storage: str = '') -> Any:
    """A machine in this state, and on a datastore of this type, that no other test has."""
    for one in client.all(vim.VirtualMachine):
        fits = one.runtime.powerState == state and storage in one.datastore[0].summary.type
        if fits and not one.config.annotation.startswith('Taken'):
            done(one.ReconfigVM_Task(vim.vm.ConfigSpec(annotation='Taken by a test.')))
            return one
    raise AssertionError(f'no machine is {state}')


def test_there_is_a_page_for_each() -> None:
    """Whoever reads finds every program, and every page has one."""
    pages = {page.stem for page in RECIPES.glob('*.rst')} - {'index'}
    shown = {
        name
        for page in pages
        for name in re.findall(r'literalinclude:: (\S+)', (RECIPES / f'{page}.rst').read_text())
    }
    assert shown == {str(one.relative_to(RECIPES)) for one in RECIPES.rglob('*.py')}
    listed = re.findall(r'^   (\w+)$', (RECIPES / 'index.rst').read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(pages)


def test_disks(client: Client, run: Run) -> None:
    """A machine has a new disk on a free unit, of the size that it was grown to."""
    one = machine(client, 'poweredOn')
    before = {device.key for device in one.config.hardware.device}
    said = run('disks.py', path(one), '2', '3')
    (disk,) = [device for device in one.config.hardware.device if device.key not in before]
    assert disk.capacityInBytes == 3 * GIB
    assert disk.backing.thinProvisioned
    assert said.splitlines() == [
        f'{disk.deviceInfo.label} has 2 GiB, in {disk.backing.fileName}',
        f'{disk.deviceInfo.label} has 3 GiB',
    ]


def test_clone(client: Client, run: Run) -> None:
    """The clone runs in the cluster; a second one of its name is refused in words."""
    template = machine(client)
    template.MarkAsTemplate()
    assert run('clone.py', path(template), 'a clone', CLUSTER).endswith('/a clone runs\n')
    clone = client.at(f'{path(template.parent)}/a clone')
    assert clone.runtime.powerState == 'poweredOn'
    assert clone.resourcePool == client.at(CLUSTER).resourcePool
    assert clone.config.hardware.numCPU == 2
    assert not clone.config.template
    with pytest.raises(SystemExit, match='There is a machine a clone already'):
        run('clone.py', path(template), 'a clone', CLUSTER)


def test_snapshots(client: Client, run: Run) -> None:
    """Snapshots are taken in a row, listed as a tree, gone back to and removed."""
    one = machine(client)
    assert run('snapshots.py', path(one), 'list') == ''
    run('snapshots.py', path(one), 'take', 'first')
    listed = run('snapshots.py', path(one), 'take', 'second')
    today = f'{datetime.datetime.now(datetime.UTC):%Y-%m-%d}'
    assert [line.partition(today)[0] for line in listed.splitlines()] == ['first  ', '  second  ']
    run('snapshots.py', path(one), 'revert', 'first')
    assert one.snapshot.currentSnapshot == one.snapshot.rootSnapshotList[0].snapshot
    run('snapshots.py', path(one), 'remove', 'first')
    assert [left.name for left in one.snapshot.rootSnapshotList] == ['second']
    with pytest.raises(SystemExit, match='0 snapshots have the name third'):
        run('snapshots.py', path(one), 'revert', 'third')


def test_download_disk(client: Client, run: Run, tmp_path: pathlib.Path) -> None:
    """The file is a disk, and its lease is over; of a download that fails nothing is left."""
    one = machine(client)
    file = tmp_path / 'disk.vmdk'
    said = run('download_disk.py', path(one), str(file))
    assert file.read_bytes()[:4] == b'KDMV'
    assert f'{file.stat().st_size:,} bytes' in said
    assert not client.vc.nfc.leases
    client.vc.faults.drop('GET /nfc/*', after_bytes=10)
    with pytest.raises(Exception, match='bytes'):
        run('download_disk.py', path(one), str(tmp_path / 'half.vmdk'))
    assert list(tmp_path.iterdir()) == [file]


def test_counters(client: Client, run: Run) -> None:
    """Each machine that runs has a line with what was counted."""
    one = machine(client, 'poweredOn')
    simulated = client.vc.world.objects[one._moId]
    client.vc.performance.record(simulated, 'cpu.usage.average', [1000, -1, *[2000] * 13])
    lines = run('counters.py').splitlines()
    (line,) = [line for line in lines if line.startswith(f'{one.name} ')]
    assert line.split()[1:] == ['19.3', '%,', 'at', 'most', '20.0']
    running = {
        vm.name for vm in client.all(vim.VirtualMachine) if vm.runtime.powerState == 'poweredOn'
    }
    assert all(any(line.startswith(f'{name} ') for name in running) for line in lines)
    with pytest.raises(SystemExit, match=r'does not count cpu\.luck'):
        run('counters.py', 'cpu.luck.average')


def test_events(client: Client, run: Run) -> None:
    """What another client does is told in order; the collector is gone afterwards."""
    one = machine(client)
    done(one.PowerOnVM_Task())
    done(one.PowerOffVM_Task())
    said = run('events.py', path(one))
    assert re.search(r'powered on(.|\n)*powered off', said)
    assert client.vc.count('DestroyCollector') == client.vc.count('CreateCollectorForEvents')


def test_move(client: Client, run: Run) -> None:
    """A machine that runs is on another host, then on another datastore too; or told why not."""
    one = machine(client, 'poweredOn')
    hosts = [host for host in client.at(CLUSTER).host if host != one.runtime.host]
    run('move.py', path(one), path(hosts[0]))
    assert one.runtime.host == hosts[0]
    assert one.runtime.powerState == 'poweredOn'
    elsewhere = next(there for there in hosts[0].datastore if there not in one.datastore)
    run('move.py', path(one), path(hosts[0]), path(elsewhere))
    assert list(one.datastore) == [elsewhere]
    client.vc.faults.fail_task('RelocateVM_Task', fault='NotSupported')
    with pytest.raises(SystemExit, match='stays where it is'):
        run('move.py', path(one), path(hosts[0]))


def test_iscsi(client: Client, run: Run) -> None:
    """The host finds what the target offers, and the machine has it as a raw device."""
    one = machine(client, storage='VMFS')
    client.vc.targets.offer('iqn.2010-10.org.openstack:volume-1', '192.0.2.10:3260', 5 * GIB)
    said = run('iscsi.py', path(one), '192.0.2.10', 'iqn.2010-10.org.openstack:volume-1')
    disk = one.config.hardware.device[-1]
    assert disk.capacityInBytes == 5 * GIB
    assert disk.backing.compatibilityMode == 'physicalMode'
    # The one name begins with naa., the other with vml.; the number is the same.
    assert said.strip().rpartition('naa.')[2] in disk.backing.deviceName
    with pytest.raises(SystemExit, match='sees no disk of iqn'):
        run('iscsi.py', path(one), '192.0.2.10', 'iqn.2010-10.org.openstack:volume-2')


def test_tenant_policies(client: Client, run: Run) -> None:
    """The policies of a tenant are made once; what has no datastore is told."""
    said = run('tenant_policies.py', 'acme', CLUSTER)
    assert [line for line in said.splitlines() if line.endswith('made')] == [
        'acme-fast: made',
        'acme-usual: made',
        'acme-archive: made',
    ]
    assert {'acme-fast', 'acme-usual', 'acme-archive'} <= {
        policy.name for policy in client.vc.policies.all()
    }
    assert 'made' not in run('tenant_policies.py', 'acme', CLUSTER)


def test_own_driver(tmp_path: pathlib.Path) -> None:
    """The tests of the recipe pass, by pytest alone, in a directory of their own."""
    shutil.copytree(RECIPES / 'own_driver', tmp_path, dirs_exist_ok=True)
    ended = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider'],
        cwd=tmp_path,
        env=os.environ | {'PYTHONPATH': str(RECIPES.parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stdout
    assert '4 passed' in ended.stdout
