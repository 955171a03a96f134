"""Run drivers: ``python -m tests.drivers [--python PYTHON] [DRIVER ...] [-- PYTEST-ARGUMENT ...]``.

Prints a line for each and, last, the sum. The exit status is 0 only when all is fine.
"""

import argparse
import os
import pathlib
import sys
import tempfile

from tests.consumers.environments import (
    ROOT,
    BrokenEnvironmentError,
    Environment,
    build_wheel,
    version_of,
)
from tests.consumers.suites import USERS
from tests.drivers.runs import DRIVERS, judge, run_driver
from tests.summary import Tally


def say(text: str) -> None:
    print(text, flush=True)


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    end = arguments.index('--') if '--' in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], epilog='What comes after -- goes to pytest.'
    )
    names = [driver.name for driver in DRIVERS]
    parser.add_argument('drivers', nargs='*', metavar='DRIVER', help=', '.join(names))
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
    options = parser.parse_args(arguments[:end])
    users = {user.name: user for user in USERS}
    if unknown := set(options.drivers) - set(names) - {driver.user for driver in DRIVERS}:
        parser.error(f'there is no driver {", ".join(sorted(unknown))}')
    options.results.mkdir(parents=True, exist_ok=True)

    total = Tally()
    prepared: dict[str, Environment] = {}
    try:
        version = version_of(options.python)
        with tempfile.TemporaryDirectory() as scratch:
            wheel = build_wheel(pathlib.Path(scratch).resolve())
            for driver in DRIVERS:
                user = users[driver.user]
                if options.drivers and not {driver.name, driver.user} & set(options.drivers):
                    continue
                if driver.needs and not os.environ.get(driver.needs):
                    say(f'{driver.name} is left out, because {driver.needs} is not set')
                    continue
                if version not in user.pythons:
                    say(f'{user.name} is not for Python {version}, but for {user.pythons[-1]}')
                    continue
                result = options.results / f'drivers-{driver.name}-{version}.xml'
                try:
                    if user.name not in prepared:
                        home = options.cache.resolve() / f'{user.name}-{version}'
                        environment = Environment(home, user, options.python)
                        environment.prepare(wheel)
                        prepared[user.name] = environment
                except BrokenEnvironmentError as broken:
                    say(f'{user.name}: {broken}')
                    result.unlink(missing_ok=True)
                    run = judge(driver, None, result)
                else:
                    python = prepared[user.name].python
                    run = run_driver(driver, python, result, arguments[end + 1 :])
                total += run.tally
                say(f'Python {version}  {run}')
                if not run.passed:
                    say(f'    see {result.with_suffix(".log")}')
    except BrokenEnvironmentError as broken:
        say(f'Nothing can be run: {broken}')
        return 1
    say(str(total))
    return 1 if total.failed or not total.passed else 0


if __name__ == '__main__':
    sys.exit(main())
