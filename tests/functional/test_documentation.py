"""The programs in the documentation run as they are printed.

The blocks of a page are one program, in the order of the page. Only what stands for the reader's
own vCenter is replaced by the simulated one.
"""

import pathlib
import re
import textwrap
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


def test_programs_about_the_simulator(capsys: pytest.CaptureFixture[str]) -> None:
    """What the guide says about the simulator works on a machine with nothing else."""
    page = 'doc/source/user/testing.rst'
    execute(page, program(page))
    assert '9.1.1.0' in capsys.readouterr().out
