"""What a run of a suite is worth.

A suite has passed when as many tests passed as it is known to have, none failed, none was skipped,
and the process was what it was meant to be: the library and the tests taken from the environment,
the library imported by the tests, and all blocking calls eventlet's or none. All that is wrong is
said, each in a sentence.
"""

import json
import pathlib
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from tests.consumers.suites import Suite
from tests.summary import Tally

#: What `run_suite.py` looks at, when all of it is eventlet's.
GREEN_CALLS = ['lock', 'select', 'socket', 'thread']


@dataclass
class Verdict:
    """A judged run.

    :ivar suite: the tests that were to run
    :ivar tests: what became of each
    :ivar wrong: what is wrong with the run as a whole
    :ivar seconds: how long it took
    """

    suite: Suite
    tests: list[dict[str, Any]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def of(cls, suite: Suite, report: pathlib.Path, home: pathlib.Path, seconds: float) -> Self:
        """Judge a report.

        :param report: what ``run_suite.py`` wrote
        :param home: the environment, in which the library has to be
        """
        try:
            found = json.loads(report.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return cls(suite, wrong=['it died before its end'], seconds=seconds)
        verdict = cls(suite, found['tests'], [], seconds)
        counts = verdict.tally
        if not found['found'] == len(verdict.tests) == suite.expected:
            verdict.wrong.append(
                f'{found["found"]} tests were found and {len(verdict.tests)} have a result, '
                f'but the suite is known to have {suite.expected}'
            )
        if again := len(verdict.tests) - len({test['id'] for test in verdict.tests}):
            verdict.wrong.append(f'{again} tests bear the name of another')
        names = tuple(f'{name}.' for name in suite.tests)
        if others := [test['id'] for test in verdict.tests if not test['id'].startswith(names)]:
            verdict.wrong.append(f'{len(others)} tests are of elsewhere: {", ".join(others[:3])}')
        if counts.skipped:
            verdict.wrong.append(f'{counts.skipped} tests were skipped')
        for when, calls in zip(('before', 'after'), found['green'], strict=True):
            if calls != (GREEN_CALLS if suite.green else []):
                verdict.wrong.append(
                    f'{when} the tests the blocking calls of eventlet were {calls or "none"}, '
                    f'and are to be {GREEN_CALLS if suite.green else "none"}'
                )
        if 'oslo_vmware.exceptions' not in found['library']:
            verdict.wrong.append('the tests have not imported the library')
        verdict.wrong += _strays(found['library'] | found['user'], home.resolve())
        return verdict

    @property
    def tally(self) -> Tally:
        """The tests; a run that is wrong as a whole counts as one more failure."""
        outcomes = [test['outcome'] for test in self.tests]
        return Tally(
            outcomes.count('passed'),
            outcomes.count('failed') + bool(self.wrong),
            outcomes.count('skipped'),
        )

    @property
    def passed(self) -> bool:
        return not self.tally.failed

    def __str__(self) -> str:
        known = f'{self.tally.passed} of {self.suite.expected} passed'
        line = f'{self.suite.name:<22}{known:<20}{self.seconds:4.0f} s  '
        if self.passed:
            return line + 'fine'
        failures = self.tally.failed - bool(self.wrong)
        return line + '; '.join(
            ['FAILED', *([f'{failures} tests failed'] if failures else []), *self.wrong]
        )

    def as_junit(self) -> ET.Element:
        root = ET.Element('testsuite', name=self.suite.name)
        for test in self.tests:
            case = ET.SubElement(root, 'testcase', classname=self.suite.name, name=test['id'])
            if test['outcome'] == 'failed':
                ET.SubElement(case, 'failure').text = _printable(test['text'])
            elif test['outcome'] == 'skipped':
                ET.SubElement(case, 'skipped').text = _printable(test['text'])
        if self.wrong:
            case = ET.SubElement(root, 'testcase', classname=self.suite.name, name='the run')
            ET.SubElement(case, 'failure').text = '; '.join(self.wrong)
        return root


def write_junit(verdicts: Iterable[Verdict], path: pathlib.Path) -> None:
    """Write results as JUnit XML, for whoever adds up runs."""
    root = ET.Element('testsuites')
    root.extend(verdict.as_junit() for verdict in verdicts)
    ET.ElementTree(root).write(path, encoding='utf-8', xml_declaration=True)


def _strays(modules: dict[str, str | None], home: pathlib.Path) -> list[str]:
    """Say which modules came from elsewhere: from another place, or made up by a test."""
    strays = [
        f'{name} ({file or "no file"})'
        for name, file in modules.items()
        if file is None or not pathlib.Path(file).resolve().is_relative_to(home)
    ]
    if not strays:
        return []
    return [f'{len(strays)} modules came from elsewhere: {", ".join(strays[:3])}']


def _printable(text: str) -> str:
    # XML has no way to write most control characters, and tracebacks quote what they find.
    return ''.join(letter if letter.isprintable() or letter in '\n\t' else '?' for letter in text)
