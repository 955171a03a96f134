"""The runner of the users' suites takes nothing for a success that is none."""

import json
import os
import pathlib
import subprocess
import sys
import zipfile
from typing import Any

import pytest

from tests import summary
from tests.consumers import __main__, environments
from tests.consumers.environments import BrokenEnvironmentError, Environment
from tests.consumers.suites import USERS, Suite, User
from tests.consumers.verdicts import Verdict

VERSION = f'{sys.version_info[0]}.{sys.version_info[1]}'
SUITE = Suite('somebody', ('somebody.tests',), expected=2)
GREEN = Suite('somebody', ('somebody.tests',), expected=2, green=True)


def results(*outcomes: str) -> list[dict[str, Any]]:
    return [
        {'id': f'test_{number}', 'outcome': outcome, 'text': 'why\x1b', 'seconds': 0.1}
        for number, outcome in enumerate(outcomes)
    ]


GOOD = {'found': 2, 'tests': results('passed', 'passed'), 'green': False, 'library': 'lib/o.py'}


@pytest.mark.parametrize(
    ('suite', 'changes', 'complaint'),
    [
        (SUITE, {}, None),
        (GREEN, {'green': True}, None),
        (SUITE, {'tests': results('passed', 'failed')}, '1 tests failed'),
        (SUITE, {'tests': results('passed', 'skipped')}, '1 tests were skipped'),
        (SUITE, {'found': 1, 'tests': results('passed')}, 'known to have 2'),
        (SUITE, {'found': 3, 'tests': results(*['passed'] * 3)}, 'known to have 2'),
        (SUITE, {'tests': results('passed')}, '1 have a result'),
        (SUITE, {'found': 0, 'tests': []}, 'known to have 2'),
        (SUITE, {'green': True}, 'was to have native threads'),
        (GREEN, {'green': False}, 'has not patched'),
        (SUITE, {'library': '/elsewhere/oslo_vmware/__init__.py'}, 'came from /elsewhere'),
        (SUITE, None, 'died before its end'),
    ],
)
def test_verdict(
    tmp_path: pathlib.Path, suite: Suite, changes: dict[str, Any] | None, complaint: str | None
) -> None:
    """Only the known number of tests, all passed, in the right kind of process, is a success."""
    report = tmp_path / 'report.json'
    if changes is not None:
        library = str(tmp_path / GOOD['library'])
        report.write_text(json.dumps(GOOD | {'library': library} | changes))
    verdict = Verdict.of(suite, report, tmp_path, 1.0)
    verdict.write_junit(tmp_path / 'result.xml')
    assert verdict.passed == (complaint is None)
    assert (complaint or 'fine') in str(verdict)
    # Whoever adds up the files comes to the same result.
    assert summary.main([str(tmp_path / 'result.xml')]) == int(complaint is not None)


TESTS = """
import unittest

class Case(unittest.TestCase):
    def test_passes(self): pass
    def test_fails(self): self.fail('because')
    def test_breaks(self): raise OSError('broken')
    @unittest.skip('not today')
    def test_is_skipped(self): pass
    @unittest.expectedFailure
    def test_fails_as_expected(self): self.fail()
    @unittest.expectedFailure
    def test_passes_unexpectedly(self): pass
    def test_fails_in_part(self):
        with self.subTest(): self.fail('part')
    def test_fails_in_tear_down(self): self.addCleanup(self.fail)

class Silent(unittest.TestCase):
    def run(self, result):
        result.startTest(self)
        result.stopTest(self)
    def test_says_nothing(self): pass

class Unprepared(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError('no server')
    def test_never_runs(self): pass
"""


def test_what_became_of_each_test(tmp_path: pathlib.Path) -> None:
    """Passed is what reported success and no failure; modules that can't be imported count."""
    package = tmp_path / 'package'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'test_cases.py').write_text(TESTS)
    (package / 'test_absent.py').write_text('import no_such_module')
    subprocess.run(
        [sys.executable, '-P', __main__.RUN_SUITE, tmp_path / 'report.json', '60', 'package'],
        env=os.environ | {'PYTHONPATH': str(tmp_path)},
        cwd=tmp_path,
        check=True,
        timeout=60,
    )
    report = json.loads((tmp_path / 'report.json').read_text())
    outcomes = {test['id'].rpartition('.')[2]: test['outcome'] for test in report['tests']}
    assert outcomes == {
        'test_passes': 'passed',
        'test_fails': 'failed',
        'test_breaks': 'failed',
        'test_is_skipped': 'skipped',
        'test_fails_as_expected': 'skipped',
        'test_passes_unexpectedly': 'failed',
        'test_fails_in_part': 'failed',
        'test_fails_in_tear_down': 'failed',
        'test_says_nothing': 'failed',
        'test_absent': 'failed',
        'Unprepared)': 'failed',
    }
    assert report['found'] == 11
    assert report['green'] is False
    texts = {test['id'].rpartition('.')[2]: test['text'] for test in report['tests']}
    assert 'because' in texts['test_fails']
    assert 'no_such_module' in texts['test_absent']


def make_wheel(
    directory: pathlib.Path, name: str, version: str, needs: str = '', tests: str = ''
) -> pathlib.Path:
    """Make a wheel with one module that tells its version, and perhaps tests."""
    directory.mkdir(exist_ok=True)
    plain = name.replace('.', '_')
    path = directory / f'{plain}-{version}-py3-none-any.whl'
    about = f'{plain}-{version}.dist-info'
    metadata = f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n'
    files = {
        f'{plain}/__init__.py': f'version = {version!r}\n# {directory.name}\n',
        f'{plain}/test_all.py': tests,
        f'{about}/METADATA': metadata + (f'Requires-Dist: {needs}\n' if needs else ''),
        f'{about}/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    }
    with zipfile.ZipFile(path, 'w') as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
        archive.writestr(f'{about}/RECORD', ''.join(f'{inside},,\n' for inside in files))
    return path


SOMEBODYS_TESTS = """
import os, threading, time, unittest
import oslo_vmware

class Case(unittest.TestCase):
    def test_library(self): self.assertEqual(oslo_vmware.version, '5.0.0')
    def test_variable(self): self.assertEqual(os.environ.get('OF_SUITE'), 'set')
    def test_nothing_of_the_tree(self):
        with self.assertRaises(ImportError):
            import verdicts
    def test_leaves_a_thread(self): threading.Thread(target=time.sleep, args=(600,)).start()
    def test_may_hang(self): time.sleep(600 if 'HANG' in os.environ else 0)
"""


def installed(environment: Environment) -> pathlib.Path:
    (found,) = environment.home.glob('lib/python*/site-packages/oslo_vmware/__init__.py')
    return found


@pytest.fixture
def environment(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An environment of a user whose release an index has, beside a newer library."""
    index = tmp_path / 'index'
    make_wheel(index, 'somebody', '1.0', needs='oslo.vmware>=3.6.0', tests=SOMEBODYS_TESTS)
    make_wheel(index, 'oslo.vmware', '5.0.0')
    make_wheel(index, 'oslo.vmware', '99.0')
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_FIND_LINKS', str(index))
    monkeypatch.setenv('PIP_CONFIG_FILE', os.devnull)
    return Environment(tmp_path / 'home', User('somebody', ('somebody==1.0',), ()), sys.executable)


def test_pip_takes_our_wheel_and_no_other(tmp_path: pathlib.Path, environment: Environment) -> None:
    """Not the same version from the index, and not a newer one; the next run brings the next."""
    assert environment.prepare(make_wheel(tmp_path / 'ours', 'oslo.vmware', '5.0.0'))
    assert '# ours' in installed(environment).read_text()
    assert not environment.prepare(make_wheel(tmp_path / 'changed', 'oslo.vmware', '5.0.0'))
    assert '# changed' in installed(environment).read_text()


def test_environment_is_made_anew_when_its_requirements_change(
    tmp_path: pathlib.Path, environment: Environment
) -> None:
    """A release that cannot be had is an error, and leaves nothing that looks complete."""
    wheel = make_wheel(tmp_path / 'ours', 'oslo.vmware', '5.0.0')
    assert environment.prepare(wheel)
    newer = Environment(
        environment.home, User('somebody', ('somebody==2.0',), ()), environment.base
    )
    with pytest.raises(BrokenEnvironmentError, match=r'somebody==2\.0'):
        newer.prepare(wheel)
    assert environment.prepare(wheel)


def test_pip_must_be_satisfied(tmp_path: pathlib.Path, environment: Environment) -> None:
    """A version of ours that the user refuses is an error, not a detail."""
    with pytest.raises(BrokenEnvironmentError, match='conflict'):
        environment.prepare(make_wheel(tmp_path / 'ours', 'oslo.vmware', '2.0'))


@pytest.mark.parametrize('tamper', ['change', 'add', 'remove'])
def test_library_that_is_not_the_wheel(
    tmp_path: pathlib.Path, environment: Environment, tamper: str
) -> None:
    """One file that differs, is missing or is too many gives it away."""
    wheel = make_wheel(tmp_path / 'ours', 'oslo.vmware', '5.0.0')
    environments.run(sys.executable, '-m', 'venv', '--without-pip', environment.home)
    (packages,) = environment.home.glob('lib/python*/site-packages')
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    environment.verify(wheel)
    if tamper == 'add':
        (packages / 'oslo_vmware' / 'other.py').touch()
    elif tamper == 'change':
        installed(environment).write_text('version = "5.0.0"\n')
    else:
        installed(environment).unlink()
    with pytest.raises(BrokenEnvironmentError, match='is not the library'):
        environment.verify(wheel)


def test_constraints_leave_the_library_alone() -> None:
    """The list of versions names no release of oslo.vmware, nor of a user: others decide those."""
    names = {
        line.partition('==')[0].lower()
        for line in environments.CONSTRAINTS.read_text().splitlines()
        if line and not line.startswith('#')
    }
    assert len(names) > 100
    assert not names & {'oslo.vmware', 'oslo-vmware', 'oslo_vmware'}
    assert not names & {user.name.replace('_', '-') for user in USERS} - {'os-brick'}


def test_names_of_files_are_apart() -> None:
    """No suite writes its result over another's."""
    slugs = [suite.slug for user in USERS for suite in user.suites]
    assert len(slugs) == len(set(slugs))


def test_from_release_to_closing_line(
    tmp_path: pathlib.Path,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line for each suite, then the sum; a suite that hangs is ended and has not passed."""
    ours = make_wheel(tmp_path / 'ours', 'oslo.vmware', '5.0.0')
    variables = {'OF_SUITE': 'set'}
    suites = (
        Suite('all is well', ('somebody',), 5, variables=variables),
        Suite('shrunk', ('somebody',), 6, variables=variables),
        Suite('failing', ('somebody',), 5),
        Suite('hanging', ('somebody',), 5, variables=variables | {'HANG': '1'}),
    )
    users = (
        User('somebody', ('somebody==1.0',), suites),
        User('not-yet', ('not-yet==1.0',), suites, pythons=('3.10',)),
        User('not-there', ('not-there==1.0',), (Suite('absent', ('not_there',), 5),)),
    )
    monkeypatch.setattr(__main__, 'USERS', users)
    monkeypatch.setattr(__main__, 'build_wheel', lambda directory: ours)
    monkeypatch.setattr(__main__, '_SUITE', 5.0)
    monkeypatch.setattr(__main__, '_AFTER_THE_DUMP', 1.0)
    places = ['--cache', str(tmp_path / 'cache'), '--results', str(tmp_path / 'results')]
    assert __main__.main(places) == 1
    lines = capsys.readouterr().out.splitlines()
    said = [line.split('  ', 1)[1] for line in lines if line.startswith('Python 3')]
    assert [line.split(' s  ')[1].partition(':')[0].partition(';')[0] for line in said] == [
        'fine',
        'FAILED',
        'FAILED',
        'FAILED',
        'FAILED',
    ]
    assert 'known to have 6' in said[1]
    assert '1 tests failed' in said[2]
    assert 'died before its end' in said[3]
    assert 'no environment' in said[4]
    assert f'not-yet is not for Python {VERSION}, but for 3.10' in lines
    assert lines[-1] == '14 passed, 4 failed, 0 skipped'
    assert summary.main([str(path) for path in (tmp_path / 'results').glob('*.xml')]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == lines[-1]
    # The log of the one that hung says where.
    log = tmp_path / 'results' / f'consumers-hanging-{VERSION}.log'
    assert 'test_may_hang' in log.read_text()
    # Without the others, all is well.
    monkeypatch.setattr(__main__, 'USERS', (User('somebody', ('somebody==1.0',), suites[:1]),))
    assert __main__.main(places) == 0


def test_python_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """An interpreter that cannot be started is said to be the reason."""
    assert __main__.main(['--python', '/no/such/python']) == 1
    assert '/no/such/python cannot be started' in capsys.readouterr().out


def test_user_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name is an error that tells the names, not a run of nothing."""
    with pytest.raises(SystemExit) as stopped:
        __main__.main(['novva'])
    assert stopped.value.code == 2
    assert 'novva' in capsys.readouterr().err
