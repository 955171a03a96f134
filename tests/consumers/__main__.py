"""Run the users' own suites: ``python -m tests.consumers [--python PYTHON] [USER ...]``.

Prints a line for each suite and, last, the sum. The exit status is 0 only when all is fine.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

from tests.consumers.environments import (
    ROOT,
    BrokenEnvironmentError,
    Environment,
    build_wheel,
    clean_variables,
    version_of,
)
from tests.consumers.suites import USERS, Suite
from tests.consumers.verdicts import Verdict
from tests.summary import Tally

RUN_SUITE = pathlib.Path(__file__).with_name('run_suite.py')

# Seconds for one suite. The longest takes two minutes.
_SUITE = 900.0
_AFTER_THE_DUMP = 15.0


def say(text: str) -> None:
    print(text, flush=True)


def run_suite(suite: Suite, environment: Environment, results: pathlib.Path, tag: str) -> Verdict:
    """Run a suite in a directory of its own.

    :param results: directory for what it printed and for the result
    :param tag: distinguishes this run from others of the same suite
    """
    name = f'consumers-{suite.slug}-{tag}'
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, open(results / f'{name}.log', 'w') as log:
        report = pathlib.Path(scratch) / 'report.json'
        # -P: beside the program lie modules of ours that are not to be found.
        program = (environment.python, '-P', RUN_SUITE)
        own = {'HOME': scratch, 'LANG': 'C.UTF-8', 'PYTHONHASHSEED': '0'}
        try:
            subprocess.run(
                [*program, report, str(_SUITE), *suite.tests],
                env=clean_variables() | own | suite.variables,
                cwd=scratch,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=_SUITE + _AFTER_THE_DUMP,
            )
        except subprocess.TimeoutExpired:
            pass  # There is no report then, and the log says where it hung.
        verdict = Verdict.of(suite, report, environment.home, time.monotonic() - began)
    verdict.write_junit(results / f'{name}.xml')
    return verdict


def show_failures(verdict: Verdict, most: int = 5) -> None:
    failed = [test for test in verdict.tests if test['outcome'] == 'failed']
    for test in failed[:most]:
        lines = test['text'].strip().splitlines()
        say(f'    {test["id"]}: {lines[-1] if lines else ""}')
    if len(failed) > most:
        say(f'    … and {len(failed) - most} more')


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'users', nargs='*', metavar='USER', help=', '.join(user.name for user in USERS)
    )
    parser.add_argument('--python', default=sys.executable, help='interpreter to run them with')
    parser.add_argument(
        '--cache', type=pathlib.Path, default=ROOT / '.consumers', help='where environments go'
    )
    parser.add_argument(
        '--results',
        type=pathlib.Path,
        default=ROOT / '.test-results',
        help='where logs and JUnit XML go',
    )
    options = parser.parse_args(argv)
    if unknown := set(options.users) - {user.name for user in USERS}:
        parser.error(f'there is no user {", ".join(sorted(unknown))}')
    options.results.mkdir(parents=True, exist_ok=True)

    version = version_of(options.python)
    total = Tally()
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build_wheel(pathlib.Path(scratch).resolve())
        for user in USERS:
            if options.users and user.name not in options.users:
                continue
            if version not in user.pythons:
                say(f'{user.name:<22}not for Python {version}: its newest is {user.pythons[-1]}')
                continue
            home = options.cache.resolve() / f'{user.name}-{version}'
            environment = Environment(home, user, options.python)
            try:
                environment.prepare(wheel)
            except BrokenEnvironmentError as broken:
                verdicts = [Verdict(suite, wrong=['no environment']) for suite in user.suites]
                say(f'{user.name}: {broken}')
                for verdict in verdicts:
                    verdict.write_junit(
                        options.results / f'consumers-{verdict.suite.slug}-{version}.xml'
                    )
            else:
                verdicts = [
                    run_suite(suite, environment, options.results, version) for suite in user.suites
                ]
            for verdict in verdicts:
                total += verdict.tally
                say(f'Python {version}  {verdict}')
                show_failures(verdict)
    say(str(total))
    return 1 if total.failed or not total.passed else 0


if __name__ == '__main__':
    sys.exit(main())
