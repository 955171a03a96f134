"""The runner of the users' drivers takes nothing for a success that is none."""

import pathlib
import sys

import pytest

from tests import summary
from tests.drivers import __main__, runs
from tests.drivers.runs import Driver, judge, run_driver, variables_for

DRIVER = Driver('somebody', 'somebody', 'somebody')

PASSED = '<testcase classname="a" name="b"/>'
FAILED = '<testcase classname="a" name="c"><failure/></testcase>'
SKIPPED = '<testcase classname="a" name="d"><skipped/></testcase>'


@pytest.mark.parametrize(
    ('status', 'cases', 'complaint'),
    [
        (0, PASSED, None),
        (1, PASSED + FAILED, '1 failed'),
        (0, PASSED + SKIPPED, '1 were skipped'),
        (0, SKIPPED, 'executed no test'),
        (5, '', 'executed no test'),
        (1, None, 'left no result'),
        (0, '<broken', 'left a broken result'),
        (None, PASSED, 'did not end by itself'),
        (3, PASSED, 'pytest ended with 3'),
        (-11, PASSED, 'pytest ended with -11'),
        # A result that hides a failure is not believed.
        (1, PASSED, 'not what its result says'),
        (0, PASSED + FAILED, 'not what its result says'),
    ],
)
def test_judgement(
    tmp_path: pathlib.Path, status: int | None, cases: str | None, complaint: str | None
) -> None:
    """Only a run that ended well, with tests in it and all of them passed, is a success."""
    result = tmp_path / 'result.xml'
    if cases is not None:
        result.write_text(f'<testsuites><testsuite>{cases}</testsuite></testsuites>')
    run = judge(DRIVER, status, result)
    assert run.passed == (complaint is None)
    assert (complaint or 'fine') in str(run)
    # Whoever adds up the files comes to the same result.
    assert summary.main([str(result)]) == int(complaint is not None)


def test_variables(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What selects a variant of the library reaches the tests, what points into the tree not."""
    monkeypatch.setenv('OSLO_VMWARE_SOMETHING', 'reference')
    monkeypatch.setenv('PYTHONPATH', '/somewhere')
    variables = variables_for(Driver('a', 'a', 'a', variables={'OS_A': 'b'}), tmp_path)
    assert variables['OSLO_VMWARE_SOMETHING'] == 'reference'
    assert variables['OS_A'] == 'b'
    assert 'PYTHONPATH' not in variables


def test_calls_are_kept_where_asked(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file a user, whatever runs of it there are; the plugin is there, or pytest says so."""
    driver = Driver('a-eventlet', 'a', 'nowhere')
    assert runs.recording(driver) == []
    monkeypatch.setenv('OSLO_VMWARE_TEST_CASES', str(tmp_path))
    result = tmp_path / 'result.xml'
    run_driver(driver, pathlib.Path(sys.executable), result)
    # There are no tests, and the plugin has come to its end.
    assert (tmp_path / 'a.jsonl').read_text() == '{"posted": {}}\n'


def test_work_tree_is_refused(tmp_path: pathlib.Path) -> None:
    """A library that is not the environment's is not tested, as if it were: the run fails."""
    # This environment has the work tree as its library.
    result = tmp_path / 'result.xml'
    run = run_driver(runs.DRIVERS[0], pathlib.Path(sys.executable), result)
    assert not run.passed
    assert 'oslo_vmware is not the one of' in result.with_suffix('.log').read_text()


def test_unknown_driver(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that nobody has is an error, not an empty run."""
    with pytest.raises(SystemExit):
        __main__.main(['nobody'])
    assert 'there is no driver nobody' in capsys.readouterr().err
