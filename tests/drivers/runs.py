"""What is run, and what a run is worth."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests import summary
from tests.consumers.environments import ROOT, clean_variables

#: Names govmomi's simulator, where ``make vcsim`` has built it.
VCSIM = 'OSLO_VMWARE_TEST_VCSIM'

#: Names a directory in which the calls of each user are kept, see ``tests.differential.record``.
CASES = 'OSLO_VMWARE_TEST_CASES'

# Seconds for one run. pytest's own timeout ends a test that hangs long before.
_RUN = 900.0


@dataclass(frozen=True)
class Driver:
    """A user's driver, run in one process.

    :ivar name: what people call the run by; the user's name means all that are the user's
    :ivar user: whose environment it needs; a name of :data:`tests.consumers.suites.USERS`
    :ivar directory: below ``tests/drivers``
    :ivar green: whether eventlet replaces the blocking calls of that process
    :ivar variables: environment variables to set
    :ivar needs: environment variable without which it is left out, and the runner says so
    """

    name: str
    user: str
    directory: str
    green: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    needs: str = ''


_NATIVE = {'OS_NOVA_DISABLE_EVENTLET_PATCHING': 'true'}

DRIVERS = (
    Driver('nova', 'nova', 'nova', variables=_NATIVE),
    Driver(
        'nova-eventlet',
        'nova',
        'nova',
        green=True,
        variables={'OS_NOVA_DISABLE_EVENTLET_PATCHING': 'false'},
    ),
    Driver('cinder', 'cinder', 'cinder'),
    Driver('cinder-eventlet', 'cinder', 'cinder', green=True),
    Driver('glance_store', 'glance_store', 'glance_store'),
    Driver('ceilometer', 'ceilometer', 'ceilometer'),
    # As an account with just the privileges that `oslo-vmware check` asks for.
    Driver('nova-account', 'nova', 'nova', variables=_NATIVE | {'DRIVERS_ACCOUNT': 'Nova'}),
    Driver('cinder-account', 'cinder', 'cinder', variables={'DRIVERS_ACCOUNT': 'Cinder'}),
    Driver(
        'glance_store-account',
        'glance_store',
        'glance_store',
        variables={'DRIVERS_ACCOUNT': 'Glance'},
    ),
    Driver(
        'ceilometer-account',
        'ceilometer',
        'ceilometer',
        variables={'DRIVERS_ACCOUNT': 'Ceilometer'},
    ),
    # Against govmomi's simulator, as far as that goes.
    Driver('nova-vcsim', 'nova', 'nova_vcsim', variables=_NATIVE, needs=VCSIM),
    Driver('cinder-vcsim', 'cinder', 'cinder_vcsim', needs=VCSIM),
    Driver('glance_store-vcsim', 'glance_store', 'glance_store_vcsim', needs=VCSIM),
    Driver('ceilometer-vcsim', 'ceilometer', 'ceilometer_vcsim', needs=VCSIM),
)


@dataclass
class Run:
    """A run that is over.

    :ivar complaints: what is wrong with it as a whole
    """

    driver: Driver
    tally: summary.Tally
    complaints: list[str]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.tally.failed

    def __str__(self) -> str:
        line = f'{self.driver.name:<22}{self.tally.passed:>3} flows passed  {self.seconds:4.0f} s  '
        if self.passed:
            return line + 'fine'
        failures = self.tally.failed - bool(self.complaints)
        said = [f'{failures} failed'] if failures else []
        return line + '; '.join(['FAILED', *said, *self.complaints])


def judge(driver: Driver, status: int | None, result: pathlib.Path, seconds: float = 0.0) -> Run:
    """Say what a run is worth; what is wrong with it as a whole goes into its result as well.

    :param status: the exit status of the process; None if it had to be killed
    :param result: the JUnit XML that pytest wrote
    """
    tally, complaint = summary.read(result)
    complaints = [f'the run {complaint}'] if complaint else []
    if tally.skipped:
        complaints.append(f'{tally.skipped} were skipped')
    if status is None:
        complaints.append('it did not end by itself')
    elif status not in (0, 1):
        complaints.append(f'pytest ended with {status}')
    elif (status == 1) != (tally.failed > 0):
        complaints.append(f'pytest ended with {status}, which is not what its result says')
    if complaints:
        _add_failure(result, driver.name, '; '.join(complaints))
        tally, _ = summary.read(result)
    return Run(driver, tally, complaints, seconds)


def _add_failure(result: pathlib.Path, name: str, text: str) -> None:
    try:
        root = ET.parse(result).getroot()
    except (FileNotFoundError, ET.ParseError):
        root = ET.Element('testsuites')
    suite = ET.SubElement(root, 'testsuite', name=name)
    case = ET.SubElement(suite, 'testcase', classname=name, name='the run')
    ET.SubElement(case, 'failure').text = text
    ET.ElementTree(root).write(result, encoding='utf-8', xml_declaration=True)


def variables_for(driver: Driver, scratch: pathlib.Path) -> dict[str, str]:
    """The environment variables of the test's process.

    Those of ours, ``OSLO_VMWARE_*``, are kept: they select what is tested.
    """
    own = {
        'HOME': str(scratch),
        'LANG': 'C.UTF-8',
        'PYTHONHASHSEED': '0',
        'DRIVERS_GREEN': '1' if driver.green else '',
    }
    return clean_variables() | own | dict(driver.variables)


def _copy_tests(tree: pathlib.Path, directories: Sequence[str]) -> None:
    """Copy some of our tests to where the library of the work tree is out of reach."""
    tree.mkdir()
    shutil.copy(ROOT / 'tests' / '__init__.py', tree)
    for name in directories:
        shutil.copytree(
            ROOT / 'tests' / name, tree / name, ignore=shutil.ignore_patterns('__pycache__')
        )


def recording(driver: Driver) -> list[str]:
    """The arguments of pytest with which the calls are kept, where that is asked for."""
    directory = os.environ.get(CASES)
    if not directory:
        return []
    path = pathlib.Path(directory).resolve() / f'{driver.user}.jsonl'
    return ['-p', 'tests.differential.recorder', f'--cases-to={path}']


def run_driver(
    driver: Driver, python: pathlib.Path, result: pathlib.Path, arguments: Sequence[str] = ()
) -> Run:
    """Run the tests of one driver.

    :param python: the interpreter of the user's environment
    :param result: where the JUnit XML goes; what is printed goes beside it
    :param arguments: more of them for pytest
    """
    began = time.monotonic()
    result = result.resolve()
    result.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as name, open(result.with_suffix('.log'), 'w') as log:
        scratch = pathlib.Path(name).resolve()
        recorder = recording(driver)
        _copy_tests(
            scratch / 'tests', ['drivers', 'transfer', *(['differential'] if recorder else [])]
        )
        command = (
            *(python, '-m', 'tests.drivers.start', '-c', 'tests/drivers/pytest.ini'),
            *('--rootdir', scratch, f'--junitxml={result}', f'tests/drivers/{driver.directory}'),
            *recorder,
        )
        try:
            status = subprocess.run(
                [*map(str, command), *arguments],
                env=variables_for(driver, scratch),
                cwd=scratch,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=_RUN,
            ).returncode
        except subprocess.TimeoutExpired:
            status = None
    return judge(driver, status, result, time.monotonic() - began)
