"""Add up the results of several test runs: ``python -m tests.summary RESULT.xml ...``.

The files are JUnit XML as pytest writes it. The last line printed is the sum, ``N passed,
N failed, N skipped``. A run whose file is missing died before it could write one; it counts
as one failure, as does a run that executed nothing. The exit status is 0 only when nothing
failed.
"""

import argparse
import dataclasses
import pathlib
import sys
import xml.etree.ElementTree as ET


@dataclasses.dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: 'Tally') -> 'Tally':
        return Tally(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        return f'{self.passed} passed, {self.failed} failed, {self.skipped} skipped'


def read(path: pathlib.Path) -> tuple[Tally, str | None]:
    """Read the results of one run.

    :param path: a JUnit XML file
    :returns: the numbers, and a sentence about what is wrong with the run as a whole
    """
    try:
        root = ET.parse(path).getroot()
    except FileNotFoundError:
        return Tally(failed=1), 'left no result: it died, or never started'
    except ET.ParseError as problem:
        return Tally(failed=1), f'left a broken result: {problem}'
    tally = Tally()
    # A test that passed and then failed in its tear-down has two entries of one name.
    failed = set()
    seen = set()
    for case in root.iter('testcase'):
        name = (case.get('classname'), case.get('name'))
        if case.find('failure') is not None or case.find('error') is not None:
            failed.add(name)
        elif case.find('skipped') is not None:
            tally.skipped += 1
            continue
        seen.add(name)
    tally.failed = len(failed)
    tally.passed = len(seen - failed)
    if not seen:
        return Tally(failed=1, skipped=tally.skipped), 'executed no test'
    return tally, None


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('results', nargs='+', type=pathlib.Path, metavar='RESULT.xml')
    total = Tally()
    for path in parser.parse_args(argv).results:
        tally, complaint = read(path)
        total += tally
        print(f'{path}: {tally}' + (f' (the run {complaint})' if complaint else ''))
    print(total)
    return 1 if total.failed else 0


if __name__ == '__main__':
    sys.exit(main())
