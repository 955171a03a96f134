"""Where eventlet replaces the blocking calls after this package was imported."""

import subprocess
import sys

# A change and a read leave at the same time, each on a connection of its own.
SCENARIO = """
from oslo_vmware import vim, vim_util, wsdl
import eventlet
eventlet.monkey_patch()
from tests.wire import Answer, reply, ScriptedServer

def script(request):
    if 'CreateSnapshot_Task' in request.text:
        return Answer(drop=True)
    return reply('CurrentTime', '<returnval>2026-01-02T12:00:00Z</returnval>')

def change():
    try:
        service.CreateSnapshot_Task(vm, name='s', memory=False, quiesce=False)
    except Exception as exc:
        return type(exc).__name__

with ScriptedServer(script) as server:
    vm = vim_util.get_moref('vm-1', 'VirtualMachine')
    description = wsdl.file_url(wsdl.vim_wsdl_path())
    service = vim.Vim('http', '127.0.0.1', server.port, wsdl_url=description)
    changing = eventlet.spawn(change)
    reading = eventlet.spawn(service.CurrentTime, 'ServiceInstance')
    print(reading.wait().year, changing.wait())
"""


def test_green_threads_that_came_late() -> None:
    """Each call knows whether it was its own request that left."""
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', SCENARIO],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == ['2026', 'VimOutcomeUnknownException'], done.stderr
