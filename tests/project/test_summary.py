"""The closing line of a test run says what happened, whatever happened."""

import pathlib

import pytest

from tests import summary

PASSED = '<testcase classname="tests.a" name="{}"/>'
FAILED = '<testcase classname="tests.a" name="{}"><failure message="no"/></testcase>'
ERROR = '<testcase classname="tests.a" name="{}"><error message="no"/></testcase>'
SKIPPED = '<testcase classname="tests.a" name="{}"><skipped message="later"/></testcase>'


def write(path: pathlib.Path, *cases: str) -> str:
    body = ''.join(cases)
    path.write_text(f'<testsuites><testsuite name="pytest">{body}</testsuite></testsuites>')
    return str(path)


@pytest.mark.parametrize(
    ('cases', 'line', 'status'),
    [
        ([PASSED.format('a'), PASSED.format('b')], '2 passed, 0 failed, 0 skipped', 0),
        ([PASSED.format('a'), SKIPPED.format('b')], '1 passed, 0 failed, 1 skipped', 0),
        ([PASSED.format('a'), FAILED.format('b')], '1 passed, 1 failed, 0 skipped', 1),
        # A module that could not be imported.
        ([ERROR.format('a')], '0 passed, 1 failed, 0 skipped', 1),
        # Passed, then failed while cleaning up: one test, not two.
        ([PASSED.format('a'), ERROR.format('a')], '0 passed, 1 failed, 0 skipped', 1),
        ([SKIPPED.format('a')], '0 passed, 1 failed, 1 skipped', 1),
        ([], '0 passed, 1 failed, 0 skipped', 1),
    ],
)
def test_one_run(
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    cases: list[str],
    line: str,
    status: int,
) -> None:
    """The numbers are those of the run, and a run in which no test ran is a failure."""
    assert summary.main([write(tmp_path / 'run.xml', *cases)]) == status
    assert capsys.readouterr().out.splitlines()[-1] == line


def test_runs_are_added(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Equal tests of two runs count twice."""
    first = write(tmp_path / 'first.xml', PASSED.format('a'), PASSED.format('b'))
    second = write(tmp_path / 'second.xml', PASSED.format('a'), FAILED.format('b'))
    assert summary.main([first, second]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == '3 passed, 1 failed, 0 skipped'


@pytest.mark.parametrize('content', [None, '', '<testsuites><testsuite>'])
def test_a_run_that_died_is_a_failure(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    """A result that is missing or cut off is not taken for success."""
    good = write(tmp_path / 'good.xml', PASSED.format('a'))
    dead = tmp_path / 'dead.xml'
    if content is not None:
        dead.write_text(content)
    assert summary.main([good, str(dead)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == '1 passed, 1 failed, 0 skipped'
    assert 'dead.xml' in out[-2]
    assert 'left' in out[-2]
