"""Ten thousand machines: simulator and library in one process, within its memory."""

import pathlib
import subprocess
import sys

import pytest

#: Runs in an interpreter of its own, because what is measured is the whole process.
PROGRAM = """
import re, sys
from oslo_vmware import api, vim_util, wsdl
from oslo_vmware.simulator import Inventory, VCenterSimulator

machines = int(sys.argv[1])
with VCenterSimulator(inventory=Inventory.large(machines)) as vc:
    description = wsdl.file_url(wsdl.vim_wsdl_path())
    session = api.VMwareAPISession(
        vc.host, vc.username, vc.password, 0, 0.1,
        port=vc.port, cacert=vc.cacert, wsdl_loc=description)
    page = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 1000)
    with vim_util.WithRetrieval(session.vim, page) as objects:
        names = {vim_util.propset_dict(found.propSet)['name'] for found in objects}
    session.close()
    print(len(names), 1 + vc.count('ContinueRetrievePropertiesEx'))
# Not getrusage(): its peak includes what the process was before it became this program.
print(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read()).group(1))
"""


@pytest.mark.skipif(
    not pathlib.Path('/proc/self/status').exists(),
    reason='the peak memory of a process is read from Linux',
)
def test_ten_thousand_machines_through_the_library() -> None:
    """All names, read in pages of 1,000, with simulator and session together under 300 MB."""
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM, '10000'],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    names, pages, peak_kib = map(int, done.stdout.split())
    assert (names, pages) == (10_000, 10)
    assert peak_kib * 1024 < 300e6
