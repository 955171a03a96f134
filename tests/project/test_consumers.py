"""The runner of the users' suites takes nothing for a success that is none."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from tests import summary
from tests.consumers import __main__, environments
from tests.consumers.environments import BrokenEnvironmentError, Environment
from tests.consumers.suites import USERS, Suite, User
from tests.consumers.verdicts import GREEN_CALLS, Verdict, write_junit

VERSION = f'{sys.version_info[0]}.{sys.version_info[1]}'
SUITE = Suite('somebody', ('somebody.tests',), expected=2)
GREEN = Suite('somebody', ('somebody.tests',), expected=2, green=True)


def results(*outcomes: str, where: str = 'somebody.tests') -> list[dict[str, Any]]:
    return [
        {'id': f'{where}.test_{number}', 'outcome': outcome, 'text': 'why\x1b', 'seconds': 0.1}
        for number, outcome in enumerate(outcomes)
    ]


LIBRARY = {'oslo_vmware': 'lib/o/__init__.py', 'oslo_vmware.exceptions': 'lib/o/exceptions.py'}
USERS_MODULES = {'somebody': 'lib/s/__init__.py', 'somebody.tests': 'lib/s/tests.py'}
GOOD = {
    'found': 2,
    'tests': results('passed', 'passed'),
    'green': [[], []],
    'library': LIBRARY,
    'user': USERS_MODULES,
}


@pytest.mark.parametrize(
    ('suite', 'changes', 'complaint'),
    [
        (SUITE, {}, None),
        (GREEN, {'green': [GREEN_CALLS, GREEN_CALLS]}, None),
        (SUITE, {'tests': results('passed', 'failed')}, '1 tests failed'),
        (SUITE, {'tests': results('passed', 'skipped')}, '1 tests were skipped'),
        (SUITE, {'found': 1, 'tests': results('passed')}, 'known to have 2'),
        (SUITE, {'found': 3, 'tests': results(*['passed'] * 3)}, 'known to have 2'),
        (SUITE, {'tests': results('passed')}, '1 have a result'),
        (SUITE, {'found': 0, 'tests': []}, 'known to have 2'),
        (SUITE, {'tests': results('passed', 'passed', where='test')}, '2 tests are of elsewhere'),
        (SUITE, {'tests': results('passed') * 2}, '1 tests bear the name of another'),
        (SUITE, {'green': [GREEN_CALLS, GREEN_CALLS]}, 'are to be none'),
        (SUITE, {'green': [[], GREEN_CALLS]}, 'after the tests'),
        (SUITE, {'green': [['select'], []]}, 'before the tests'),
        (GREEN, {}, "were none, and are to be ['lock'"),
        (GREEN, {'green': [GREEN_CALLS, []]}, 'after the tests'),
        (GREEN, {'green': [GREEN_CALLS[1:], GREEN_CALLS]}, 'before the tests'),
        (SUITE, {'library': LIBRARY | {'oslo_vmware.api': '/x/api.py'}}, 'elsewhere: oslo_vmware.'),
        (SUITE, {'library': LIBRARY | {'oslo_vmware.api': None}}, 'oslo_vmware.api (no file)'),
        (SUITE, {'library': {}}, 'have not imported the library'),
        (SUITE, {'user': {'somebody': '/x/__init__.py'}}, 'came from elsewhere: somebody'),
        (SUITE, None, 'died before its end'),
        (SUITE, '{"found": 2, "te', 'died before its end'),
    ],
)
def test_verdict(
    tmp_path: pathlib.Path,
    suite: Suite,
    changes: dict[str, Any] | str | None,
    complaint: str | None,
) -> None:
    """Only the known number of tests, all passed, in the right kind of process, is a success."""
    report = tmp_path / 'report.json'
    if isinstance(changes, dict):
        found = GOOD | changes
        for whose in 'library', 'user':
            # Absolute paths stay what they are.
            found[whose] = {k: v and str(tmp_path / v) for k, v in found[whose].items()}
        report.write_text(json.dumps(found))
    elif changes is not None:
        report.write_text(changes)
    verdict = Verdict.of(suite, report, tmp_path, 1.0)
    write_junit([verdict], tmp_path / 'result.xml')
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
    def test_is_skipped_in_part(self):
        with self.subTest(): self.skipTest('not this part')

class Hasty(unittest.TestCase):
    def run(self, result):
        result.startTest(self)
        result.addSkip(self, 'not today')
        result.addSuccess(self)
        result.stopTest(self)
    def test_is_skipped_and_done(self): pass

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
        cwd=package,
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
        'test_is_skipped_in_part': 'skipped',
        'test_is_skipped_and_done': 'skipped',
        'test_says_nothing': 'failed',
        'test_absent': 'failed',
        'Unprepared)': 'failed',
    }
    assert report['found'] == 13
    assert report['green'] == [[], []]
    # Whether tests import the library is not for the program to decide: it does not itself.
    assert report['library'] == {}
    assert report['user']['package.test_cases'] == str(package / 'test_cases.py')
    texts = {test['id'].rpartition('.')[2]: test['text'] for test in report['tests']}
    assert 'because' in texts['test_fails']
    assert 'no_such_module' in texts['test_absent']


PATCHING = """
import unittest
import eventlet
{at_import}

class Case(unittest.TestCase):
    def test_of_all(self):
        {in_test}
"""


@pytest.mark.parametrize(
    ('at_import', 'in_test', 'before', 'after'),
    [
        ('', 'pass', [], []),
        ('eventlet.monkey_patch()', 'pass', GREEN_CALLS, GREEN_CALLS),
        ('eventlet.monkey_patch(select=True)', 'pass', ['select'], ['select']),
        ('', 'eventlet.monkey_patch()', [], GREEN_CALLS),
    ],
)
def test_what_eventlet_has_patched(
    tmp_path: pathlib.Path, at_import: str, in_test: str, before: list[str], after: list[str]
) -> None:
    """Patched is what is eventlet's when the tests begin, not what was imported some time."""
    (tmp_path / 'patching.py').write_text(PATCHING.format(at_import=at_import, in_test=in_test))
    subprocess.run(
        [sys.executable, '-P', __main__.RUN_SUITE, tmp_path / 'report.json', '60', 'patching'],
        env=os.environ | {'PYTHONPATH': str(tmp_path), 'PYTHONWARNINGS': 'ignore'},
        cwd=tmp_path,
        check=True,
        timeout=60,
    )
    report = json.loads((tmp_path / 'report.json').read_text())
    assert [test['outcome'] for test in report['tests']] == ['passed']
    assert report['green'] == [before, after]


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
        f'{plain}/exceptions.py': '',
        f'{plain}/test_all.py': tests,
        f'{about}/METADATA': metadata + (f'Requires-Dist: {needs}\n' if needs else ''),
        f'{about}/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    }
    with zipfile.ZipFile(path, 'w') as archive:
        record = ''
        for inside, text in files.items():
            archive.writestr(inside, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            record += f'{inside},sha256={digest.decode().rstrip("=")},{len(text.encode())}\n'
        archive.writestr(f'{about}/RECORD', record + f'{about}/RECORD,,\n')
    return path


SOMEBODYS_TESTS = """
import os, threading, time, unittest
import oslo_vmware.exceptions

class Case(unittest.TestCase):
    def test_library(self): self.assertEqual(oslo_vmware.version, '5.0.0')
    def test_variable(self): self.assertEqual(os.environ.get('OF_SUITE'), 'set')
    def test_what_selects_the_engine(self):
        self.assertEqual(os.environ['OSLO_VMWARE_SOAP_ENGINE'], 'reference')
    def test_nothing_of_the_tree(self):
        with self.assertRaises(ImportError):
            import verdicts
    def test_leaves_a_thread(self): threading.Thread(target=time.sleep, args=(600,)).start()
    def test_may_hang(self): time.sleep(600 if 'HANG' in os.environ else 0)
"""


def installed(environment: Environment) -> pathlib.Path:
    (found,) = environment.home.glob('lib/python*/site-packages/oslo_vmware/__init__.py')
    return found


def unpack(environment: Environment, wheel: pathlib.Path) -> pathlib.Path:
    """Make the environment by hand, in a tenth of the time that pip takes."""
    environments.run(sys.executable, '-m', 'venv', '--without-pip', environment.home)
    (packages,) = environment.home.glob('lib/python*/site-packages')
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return packages


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


def test_what_is_kept_is_verified(
    tmp_path: pathlib.Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both the library and the user's release, whatever pip says."""
    wheel = make_wheel(tmp_path / 'ours', 'oslo.vmware', '5.0.0')
    environment.prepare(wheel)
    monkeypatch.setattr(Environment, '_pip', lambda self, *arguments: None)
    assert not environment.prepare(wheel)
    (installed(environment).parents[1] / 'somebody' / 'test_all.py').write_text('')
    with pytest.raises(BrokenEnvironmentError, match='somebody is not as it was installed'):
        environment.prepare(wheel)
    (installed(environment).parent / 'other.pyc').touch()
    with pytest.raises(BrokenEnvironmentError, match='is not the library'):
        environment.prepare(wheel)


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
    packages = unpack(environment, wheel)
    environment.verify_library(wheel)
    if tamper == 'add':
        (packages / 'oslo_vmware' / 'other.pyc').touch()
    elif tamper == 'change':
        installed(environment).write_text('version = "5.0.0"\n')
    else:
        installed(environment).unlink()
    with pytest.raises(BrokenEnvironmentError, match='is not the library'):
        environment.verify_library(wheel)


@pytest.mark.parametrize(
    ('tamper', 'complaint'),
    [
        (lambda packages: (packages / 'somebody/test_all.py').write_text(''), 'somebody/test_all'),
        (lambda packages: (packages / 'somebody/test_all.py').unlink(), 'somebody/test_all'),
        (lambda packages: shutil.rmtree(packages / 'somebody-1.0.dist-info'), r'there is \[\]'),
        (lambda packages: next(packages.glob('somebody-*/RECORD')).write_text(''), 'no record'),
    ],
)
def test_tests_that_are_not_as_released(
    tmp_path: pathlib.Path,
    environment: Environment,
    tamper: Callable[[pathlib.Path], object],
    complaint: str,
) -> None:
    """Tests that somebody has changed in an environment that is kept are not the user's tests."""
    packages = unpack(environment, tmp_path / 'index' / 'somebody-1.0-py3-none-any.whl')
    environment.verify_user()
    tamper(packages)
    with pytest.raises(BrokenEnvironmentError, match=complaint):
        environment.verify_user()


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
        Suite('all is well', ('somebody',), 6, variables=variables),
        Suite('shrunk', ('somebody',), 7, variables=variables),
        Suite('failing', ('somebody',), 6),
        Suite('hanging', ('somebody',), 6, variables=variables | {'HANG': '1'}),
    )
    users = (
        User('somebody', ('somebody==1.0',), suites),
        User('not-yet', ('not-yet==1.0',), suites, pythons=('3.10',)),
        User('not-there', ('not-there==1.0',), (Suite('absent', ('not_there',), 5),)),
    )
    # What selects a variant of the library reaches the users' tests.
    monkeypatch.setenv('OSLO_VMWARE_SOAP_ENGINE', 'reference')
    monkeypatch.setattr(__main__, 'USERS', users)
    monkeypatch.setattr(__main__, 'build_wheel', lambda directory: ours)
    monkeypatch.setattr(__main__, '_SUITE', 5.0)
    monkeypatch.setattr(__main__, '_AFTER_THE_DUMP', 1.0)
    places = ['--cache', str(tmp_path / 'cache'), '--results', str(tmp_path / 'results')]
    assert __main__.main(places) == 1
    lines = capsys.readouterr().out.splitlines()
    # What failed is told in full, and of what hung the last that it said.
    assert any(line.startswith('--- somebody.test_all.Case.test_variable') for line in lines)
    assert any("AssertionError: None != 'set'" in line for line in lines)
    assert any('in test_may_hang' in line for line in lines)
    said = [line.split('  ', 1)[1] for line in lines if line.startswith('Python 3')]
    assert [line.split(' s  ')[1].partition(':')[0].partition(';')[0] for line in said] == [
        'fine',
        'FAILED',
        'FAILED',
        'FAILED',
        'FAILED',
    ]
    assert 'known to have 7' in said[1]
    assert '1 tests failed' in said[2]
    assert 'died before its end' in said[3]
    assert 'no environment' in said[4]
    assert f'not-yet is not for Python {VERSION}, but for 3.10' in lines
    assert lines[-1] == '17 passed, 4 failed, 0 skipped'
    assert summary.main([str(tmp_path / 'results' / f'consumers-{VERSION}.xml')]) == 1
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
