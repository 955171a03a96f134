"""The programs in the documentation run as they are printed.

The blocks of a page are one program, in the order of the page. Only what stands for the reader's
own vCenter is replaced by the simulated one.
"""

import pathlib
import re
import textwrap
import threading
import time
from typing import Any

import pytest

from oslo_vmware import api
from oslo_vmware.simulator import VCenterSimulator

ROOT = pathlib.Path(__file__).parents[2]
BLOCK = re.compile(r'^( *)\.\. code-block:: python\n\n((?:\1 +.*\n|\n)+)', re.MULTILINE)


def program(page: str, **replaced: str) -> str:
    """Join the Python blocks of a page.

    :param page: path of the page
    :param replaced: names of what stands for the reader's own, and what to put there
    """
    blocks = [textwrap.dedent(found[2]) for found in BLOCK.finditer((ROOT / page).read_text())]
    assert blocks, f'{page} has no program'
    source = '\n'.join(blocks)
    for old, new in replaced.items():
        assert old in source
        source = source.replace(old, new)
    return source


def execute(page: str, source: str, **names: Any) -> None:
    exec(compile(source, page, 'exec'), names)


@pytest.mark.parametrize(
    ('page', 'says'),
    [
        ('README.rst', 'fra-web-0001'),
        ('doc/source/user/quickstart.rst', 'poweredOff'),
    ],
)
def test_programs_against_ones_own_vcenter(
    page: str, says: str, vc: VCenterSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first programs of the README and the guide connect, read, act and log out."""
    own = {
        "'vcenter.example.com'": repr(vc.host),
        "'administrator@vsphere.local'": repr(vc.username),
        "'the password'": repr(vc.password),
        "'vcenter-ca.pem'": repr(vc.cacert),
        'port=443': f'port={vc.port}',
    }
    execute(page, program(page, **own))
    assert says in capsys.readouterr().out
    assert vc.count('Logout') == 1


def test_a_minutes_start(capsys: pytest.CaptureFixture[str]) -> None:
    """The program of the landing page needs nothing but the library with its simulator."""
    page = 'doc/source/index.rst'
    execute(page, program(page))
    assert capsys.readouterr().out.count('runtime.powerState') == 5


def test_programs_about_errors(vc: VCenterSimulator, session: api.VMwareAPISession) -> None:
    """What the guide says about catching errors catches them."""
    vc.faults.fail_task('PowerOnVM_Task', fault='InvalidPowerState')
    vc.faults.on('ReconfigVM_Task', fault='InvalidArgument')
    machines = session.invoke_api(api.vim_util, 'get_objects', session.vim, 'VirtualMachine', 10)
    names = {
        'session': session,
        'vm': machines.objects[0].obj,
        'spec': session.vim.client.factory.create('ns0:VirtualMachineConfigSpec'),
    }
    page = 'doc/source/user/errors.rst'
    execute(page, program(page), **names)
    assert vc.count('PowerOnVM_Task') == 1
    assert vc.count('ReconfigVM_Task') == 1


def test_programs_about_types(
    vc: VCenterSimulator, session: api.VMwareAPISession, capsys: pytest.CaptureFixture[str]
) -> None:
    """Objects of the types are made, sent, found out about and looped over."""
    machine = next(
        one
        for one in vc.world.objects.values()
        if one.is_a('VirtualMachine') and one.runtime.powerState == 'poweredOff'
    )
    names: dict[str, Any] = {
        'session': session,
        'api': api,
        'vim_util': api.vim_util,
        'machine': api.vim_util.get_moref(machine.ref.value, machine.ref.type),
        'devices': list(machine.config.hardware.device),
    }
    page = 'doc/source/user/types.rst'
    execute(page, program(page), **names)
    assert machine.config.annotation == 'made by hand'
    assert capsys.readouterr().out.count('\n') == len(names['devices'])


def test_programs_about_pyvmomi(
    vc: VCenterSimulator, session: api.VMwareAPISession, capsys: pytest.CaptureFixture[str]
) -> None:
    """A function moves to pyVmomi call by call; each step does its work, with one login."""
    machine = next(
        one
        for one in vc.world.objects.values()
        if one.is_a('VirtualMachine') and one.runtime.powerState == 'poweredOff'
    )
    before = machine.config.hardware.memoryMB
    vm = api.vim_util.get_moref(machine.ref.value, machine.ref.type)
    page = 'doc/source/user/pyvmomi.rst'
    execute(page, program(page), session=session, vm=vm)
    output = capsys.readouterr().out
    assert f'{machine.name} {before + 32}\n' in output
    assert 'machines are on' in output
    assert f'disks of {machine.name}' in output
    assert 'Gold' in output
    assert 'gone: vm-0' in output
    assert vc.count('Login') == 1


def test_programs_about_lost_answers(
    vc: VCenterSimulator, session: api.VMwareAPISession, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the guide says about unknown outcomes finds the snapshot that nobody answered for."""
    vc.faults.drop('CreateSnapshot_Task', after=True)
    machines = session.invoke_api(api.vim_util, 'get_objects', session.vim, 'VirtualMachine', 10)
    names: dict[str, Any] = {'session': session, 'vm': machines.objects[0].obj}
    page = 'doc/source/user/reliability.rst'
    execute(page, program(page) + '\nprint(snapshot.value)', **names)
    output = capsys.readouterr().out
    assert 'Nobody answered to CreateSnapshot_Task, opID oslo.vmware-' in output
    assert 'snapshot-' in output
    assert vc.count('CreateSnapshot_Task') == 1


def test_programs_about_storage_policies(
    vc: VCenterSimulator, session: api.VMwareAPISession, capsys: pytest.CaptureFixture[str]
) -> None:
    """The guide to storage policies explains, sets, checks, makes and deletes."""

    def named(type_: str, name: str | None = None) -> Any:
        found = next(
            one for one in vc.world.objects.values() if one.is_a(type_) and name in (None, one.name)
        )
        return api.vim_util.get_moref(found.ref.value, found.ref.type)

    names = {
        'session': session,
        'vm': named('VirtualMachine'),
        'cluster': named('ClusterComputeResource'),
        'vsan_datastore': named('Datastore', 'fra-vsan-01'),
    }
    page = 'doc/source/user/storage_policies.rst'
    execute(page, program(page), **names)
    output = capsys.readouterr().out
    for said in (
        'no   datastore fra-nfs-01 offers no tag "Gold" of category "Tier"; it has "Bronze"',
        'datastore fra-vsan-01 offers VSAN.hostFailuresToTolerate = 1; 2 is wanted',
        'virtualMachine [',
        'nonCompliant',
        'wanted tagged "Gold" in Tier offered tagged "Bronze" in Tier',
        'VSAN.stripes: there is no such capability',
        'vSAN Default Storage Policy',
        ' deleted',
        ' MiB',
    ):
        assert said in output
    assert vc.count('ReconfigVM_Task') == 1


def test_programs_about_following_changes(
    vc: VCenterSimulator, session: api.VMwareAPISession, capsys: pytest.CaptureFixture[str]
) -> None:
    """The guide's service hears of each machine and of each change, its poller asks once."""
    there = [one for one in vc.world.objects.values() if one.is_a('VirtualMachine')]
    off = next(one for one in there if one.power_state == 'poweredOff')
    states: dict[str, list[str]] = {}
    stopping = threading.Event()

    def save(uuid: str, state: str) -> None:
        states.setdefault(uuid, []).append(state)
        if state == 'gone':
            stopping.set()

    def change() -> None:
        """Power a machine on and another one away, in spite of a session that has ended."""
        while len(states) < len(there):
            time.sleep(0.005)
        vc.expire_sessions()
        moref = api.vim_util.get_moref(off.ref.value, 'VirtualMachine')
        session.wait_for_task(session.invoke_api(session.vim, 'PowerOnVM_Task', moref))
        while 'poweredOn' not in states[off.instance_uuid]:
            time.sleep(0.005)
        with vc.world.lock:
            off.dispose()

    names = {
        'session': session,
        'save': save,
        'stopping': stopping,
        'instances': [one.instance_uuid for one in there if one is not off],
    }
    changing = threading.Thread(target=change)
    changing.start()
    page = 'doc/source/user/watching.rst'
    execute(page, program(page), **names)
    changing.join()
    assert states.pop(off.instance_uuid) == ['poweredOff', 'poweredOn', 'gone']
    assert all(len(told) == 1 for told in states.values())
    output = capsys.readouterr().out
    assert all(uuid in output for uuid in names['instances'])
    assert ' %' in output
    assert not [one for one in vc.world.objects.values() if one.is_a('ContainerView')]


def test_programs_about_the_simulator(capsys: pytest.CaptureFixture[str]) -> None:
    """What the guide says about the simulator works on a machine with nothing else."""
    page = 'doc/source/user/testing.rst'
    execute(page, program(page))
    assert '9.1.1.0' in capsys.readouterr().out
