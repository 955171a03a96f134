"""What a process does not import for a session: time and memory that each worker would pay for."""

import json
import subprocess
import sys

import pytest

from oslo_vmware.simulator import VCenterSimulator

# Does the first of these, the first two …, and tells what it has imported.
STEPS = {
    'import': 'import oslo_vmware.api',
    'open': """
session = oslo_vmware.api.VMwareAPISession(
    host, username, password, 1, 0.1, port=port, cacert=cacert, soap_engine='compiled')
""",
    'read': """
from oslo_vmware import vim_util
found = session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', 100, ['name'])
machine = found.objects[0].obj
session.invoke_api(vim_util, 'get_object_property', session.vim, machine, 'config.hardware')
""",
    'close': 'session.close()',
}

#: Modules, and what they would be for.
UNNEEDED = {
    'requests': 'documents, files, proxies, and errors',
    'urllib3': 'the same',
    'certifi': 'the same',
    'oslo_utils': 'errors',
    'suds.client': 'the reference engine',
    'suds.sax': 'faults',
    'eventlet': 'nothing',
    'http.server': 'nothing',
    'oslo_vmware.simulator': 'tests',
    'oslo_vmware.image_transfer': 'images',
    'oslo_vmware.rw_handles': 'images',
    'oslo_vmware.spbm': 'storage policies',
    'oslo_vmware.soap.mending': 'replies that cannot be read',
    'oslo_vmware.soap.wsdl': 'descriptions of others',
    'dataclasses': 'nothing',
    'decimal': 'values of a type that hardly anything has',
    'html': 'errors',
    'importlib.metadata': 'nothing',
    'pickle': 'exceptions that go elsewhere',
    'xml.etree': 'nothing',
}


def imported(vc: VCenterSimulator, steps: list[str]) -> set[str]:
    """What a fresh process has imported after some steps, beside what it begins with."""
    variables = {
        'host': vc.host,
        'port': vc.port,
        'cacert': str(vc.cacert),
        'username': vc.username,
        'password': vc.password,
    }
    program = '\n'.join(
        [
            'import sys',
            'before = set(sys.modules)',
            *(f'{name} = {value!r}' for name, value in variables.items()),
            *(STEPS[step] for step in steps),
            'found = sorted(set(sys.modules) - before)',
            'import json',
            'print(json.dumps(found))',
        ]
    )
    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ''
    return set(json.loads(done.stdout))


@pytest.mark.parametrize('last', STEPS)
def test_what_is_not_needed_is_not_imported(vc: VCenterSimulator, last: str) -> None:
    """Importing, opening, reading and closing bring nothing that is for something else."""
    steps = list(STEPS)
    found = imported(vc, steps[: steps.index(last) + 1])
    assert 'oslo_vmware.api' in found
    assert sorted(found & UNNEEDED.keys()) == []


def test_importing_reads_no_xml(vc: VCenterSimulator) -> None:
    """Whoever imports the session alone has not loaded the parser, nor the engine."""
    found = imported(vc, ['import'])
    assert found.isdisjoint({'lxml', 'lxml.etree', 'oslo_vmware.soap.compiled'})
    assert 'lxml.etree' in imported(vc, ['import', 'open'])
