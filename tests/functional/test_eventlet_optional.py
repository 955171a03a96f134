"""eventlet is never needed, and never imported by us."""

import subprocess
import sys

import pytest

# Runs a session from login to logout, with a task to wait for, in a fresh interpreter.
SCENARIO = """
import sys
from oslo_vmware import api, vim_util, wsdl
from oslo_vmware.simulator import VCenterSimulator

with VCenterSimulator() as vc:
    description = wsdl.file_url(wsdl.vim_wsdl_path())
    session = api.VMwareAPISession(
        vc.host, vc.username, vc.password, 1, 0.1,
        port=vc.port, cacert=vc.cacert, wsdl_loc=description)
    found = session.invoke_api(
        vim_util, 'get_objects', session.vim, 'VirtualMachine', 100, ['runtime.powerState'])
    off = [vm.obj for vm in found.objects if vm.propSet[0].val == 'poweredOff'][0]
    task = session.invoke_api(session.vim, 'PowerOnVM_Task', off)
    print(session.wait_for_task(task).state)
    session.close()
print('eventlet' in sys.modules and sys.modules['eventlet'] is not None)
"""


@pytest.mark.parametrize(
    'preparation',
    ['', "import sys; sys.modules['eventlet'] = sys.modules['greenlet'] = None"],
    ids=['installed', 'not installed'],
)
def test_a_session_without_eventlet(preparation: str) -> None:
    """Login, calls and waiting work where eventlet is missing; where it is, it is left alone."""
    done = subprocess.run(
        [sys.executable, '-c', preparation + SCENARIO],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ''
    assert done.stdout.split() == ['success', 'False']
