"""What all tests have: the fixture ``vcenter``, as users get it, and what is said at the end.

It stands here because pytest takes ``pytest_plugins`` from the uppermost conftest only, and because
where tests are run by other processes the first one reads no other conftest.

What stays for the whole run is taken out of the sight of the garbage collector: there are a
million objects of it, as suds' schemas, and looking through them again and again took longer than
the tests. It also looks less often than by default, which is every 700 objects.
"""

import gc
import os
import pathlib
import shlex
import sys
from collections.abc import Generator

import pytest

pytest_plugins = ['oslo_vmware.simulator.pytest_plugin']

# They need the environments of the library's users: `make test-drivers` runs them.
collect_ignore = ['drivers']

_MODULE = pytest.StashKey[pathlib.Path]()
#: Property of a test: how many cells of the matrix of faults were run, held, and are listed.
CELLS = 'cells'
#: How many failed tests are told how to run.
_SHOWN = 10

#: Objects that the garbage collector may look through again and again.
_FEW = 100_000

#: After how many new objects the garbage collector looks at the youngest, and so on.
_SELDOM = (20_000, 20, 50)


def pytest_configure() -> None:
    gc.set_threshold(*_SELDOM)


def _keep_what_is_there() -> None:
    if len(gc.get_objects(generation=2)) > _FEW:
        gc.collect()  # first, or garbage would be kept as well
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Between two modules, when the fixtures of the one have gone and the other has none yet."""
    if item.session.stash.get(_MODULE, None) != item.path:
        item.session.stash[_MODULE] = item.path
        _keep_what_is_there()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object],
) -> Generator[None, object, object]:
    """A fixture for the whole run is made before those of the test that asks for it first."""
    made = yield
    if fixturedef.scope == 'session':
        _keep_what_is_there()
    return made


def pytest_sessionfinish() -> None:
    """pytest looks for lost resources at its end, five times over all that is left."""
    _keep_what_is_there()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport)
    ]
    _say_what_held(terminalreporter, reports)
    _say_how_to_run(terminalreporter, reports)


def _say_what_held(terminal: pytest.TerminalReporter, reports: list[pytest.TestReport]) -> None:
    counted = [
        counts
        for report in reports
        if report.when == 'teardown'
        for name, counts in report.user_properties
        if name == CELLS
    ]
    run, held, listed = (sum(counts) for counts in zip((0, 0, 0), *counted, strict=True))
    if run:
        terminal.write_line(f'fault matrix: {held} of {run} rows held, {listed} listed')


def _say_how_to_run(terminal: pytest.TerminalReporter, reports: list[pytest.TestReport]) -> None:
    """Each of the first few tests that failed, in a process of its own."""
    failed = list(dict.fromkeys(report.nodeid for report in reports if report.failed))
    if not failed:
        return
    python = os.path.relpath(sys.executable)
    green = 'OSLO_VMWARE_TEST_EVENTLET=1 ' if 'OSLO_VMWARE_TEST_EVENTLET' in os.environ else ''
    command = f'{green}{python} -m {"tests.run_eventlet" if green else "pytest"}'
    terminal.section('to run a failed test alone')
    for nodeid in failed[:_SHOWN]:
        terminal.write_line(f'{command} {shlex.quote(nodeid)}')
    if len(failed) > _SHOWN:
        terminal.write_line(f'and {len(failed) - _SHOWN} more')
