"""Run the users' own suites: ``python -m tests.consumers [--python PYTHON] [USER ...]``.

Prints a line for each suite, with the tracebacks of what failed below, and, last, the sum. The
exit status is 0 only when all is fine.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from tests.consumers.environments import (
    ROOT,
    BrokenEnvironmentError,
    Environment,
    build_wheel,
    clean_variables,
    version_of,
)
from tests.consumers.suites import USERS, Suite
from tests.consumers.verdicts import Verdict, write_junit
from tests.summary import Tally

RUN_SUITE = pathlib.Path(__file__).with_name('run_suite.py')

# Seconds for one suite. The longest takes two minutes.
_SUITE = 900.0
_AFTER_THE_DUMP = 15.0


def say(text: str) -> None:
    print(text, flush=True)


def run_suite(suite: Suite, environment: Environment, log_path: pathlib.Path) -> Verdict:
    """Run a suite in a directory of its own.

    :param log_path: where what it prints goes
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, open(log_path, 'w') as log:
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
        return Verdict.of(suite, report, environment.home, time.monotonic() - began)


def verdicts_of(
    environment: Environment, wheel: pathlib.Path, results: pathlib.Path, tag: str
) -> Iterator[Verdict]:
    """Run the suites of one user, in the environment that is made for them first."""
    try:
        environment.prepare(wheel)
        wrong = []
    except BrokenEnvironmentError as broken:
        say(f'{environment.user.name}: {broken}')
        wrong = ['no environment']
    for suite in environment.user.suites:
        path = results / f'consumers-{suite.slug}-{tag}.log'
        if wrong:
            verdict = Verdict(suite, wrong=wrong)
        else:
            verdict = run_suite(suite, environment, path)
        say(f'Python {tag}  {verdict}')
        show_failures(verdict, path)
        yield verdict


def show_failures(verdict: Verdict, log_path: pathlib.Path) -> None:
    for test in verdict.tests:
        if test['outcome'] == 'failed':
            say(f'--- {test["id"]}\n{test["text"].strip()}')
    if verdict.wrong and not verdict.tests and log_path.exists():
        # It died or hung; where is in the last that it said.
        say('\n'.join(log_path.read_text(errors='replace').splitlines()[-40:]))


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

    verdicts: list[Verdict] = []
    try:
        version = version_of(options.python)
        with tempfile.TemporaryDirectory() as scratch:
            wheel = build_wheel(pathlib.Path(scratch).resolve())
            for user in USERS:
                if options.users and user.name not in options.users:
                    continue
                if version not in user.pythons:
                    say(f'{user.name} is not for Python {version}, but for {user.pythons[-1]}')
                    continue
                home = options.cache.resolve() / f'{user.name}-{version}'
                environment = Environment(home, user, options.python)
                verdicts += verdicts_of(environment, wheel, options.results, version)
    except BrokenEnvironmentError as broken:
        say(f'Nothing can be run: {broken}')
        return 1
    # Not before the end: a run that dies leaves no result that could be taken for all of it.
    write_junit(verdicts, options.results / f'consumers-{version}.xml')
    total = sum((verdict.tally for verdict in verdicts), Tally())
    say(str(total))
    return 1 if total.failed or not total.passed else 0


if __name__ == '__main__':
    sys.exit(main())
