"""What a run of a suite is worth.

A suite has passed when as many tests passed as it is known to have, none failed, none was skipped,
and the process was what it was meant to be: our package in it, and eventlet at work or not. All
that is wrong is said, each in a sentence.
"""

import json
import pathlib
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Any, Self

from tests.consumers.suites import Suite
from tests.summary import Tally


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
        except FileNotFoundError:
            return cls(suite, wrong=['it died before its end'], seconds=seconds)
        verdict = cls(suite, found['tests'], [], seconds)
        counts = verdict.tally
        if not found['found'] == len(verdict.tests) == suite.expected:
            verdict.wrong.append(
                f'{found["found"]} tests were found and {len(verdict.tests)} have a result, '
                f'but the suite is known to have {suite.expected}'
            )
        if counts.skipped:
            verdict.wrong.append(f'{counts.skipped} tests were skipped')
        if found['green'] != suite.green:
            verdict.wrong.append(
                'eventlet has patched the process, which was to have native threads'
                if found['green']
                else 'eventlet has not patched the process'
            )
        if not pathlib.Path(found['library']).resolve().is_relative_to(home.resolve()):
            verdict.wrong.append(f'the library came from {found["library"]}')
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

    def write_junit(self, path: pathlib.Path) -> None:
        """Write the result as JUnit XML, for whoever adds up runs."""
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
        ET.ElementTree(root).write(path, encoding='utf-8', xml_declaration=True)


def _printable(text: str) -> str:
    # XML has no way to write most control characters, and tracebacks quote what they find.
    return ''.join(letter if letter.isprintable() or letter in '\n\t' else '?' for letter in text)
