"""Makes ``cases/calls.jsonl.xz``: ``make vcsim && python -m tests.differential.record``.

Runs the functional suites, those against vcsim and the users' real drivers on the reference
engine, and keeps each call with its arguments, the bytes of its request and those of its reply.
Of the calls of one shape one is chosen, and it says which suites made such a call. Secrets, and
what is different in each run, are replaced by constants.

With ``--recorded DIRECTORY`` nothing is run: there are the files of the recorder, one a source.
"""

import argparse
import itertools
import json
import lzma
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from tests.drivers.runs import CASES as RECORD_TO
from tests.drivers.runs import DRIVERS, VCSIM
from tests.work_tree import ROOT

CASES = pathlib.Path(__file__).parent / 'cases' / 'calls.jsonl.xz'

#: Our own suites that are recorded, and what is in them.
SUITES = {
    'functional': ('tests/functional', 'tests/contract', 'tests/faults'),
    'vcsim': ('tests/vcsim',),
}
#: Whose calls there are.
SOURCES = (*SUITES, *dict.fromkeys(driver.user for driver in DRIVERS))

#: Larger replies repeat what smaller ones have.
_LARGEST = 60_000

_SHAPE = re.compile(r'<(/?[\w:.-]+)|((?:xsi:)?type="[^"]*")')
#: What is given a number.
UUID = re.compile(r'\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b', re.IGNORECASE)
# Where a test run had its files.
_PLACE = re.compile(r'/tmp/[\w.-]+/(?:pytest-\d+/)?')
_SECRETS = {'password': 'a secret', 'vcSessionCookie': 'a cookie'}
_SECRET_ELEMENT = re.compile(rf'(<(?:[\w-]+:)?({"|".join(_SECRETS)})(?: [^>]*)?>)[^<]+(?=<)')


def cleaned(case: dict[str, Any]) -> dict[str, Any]:
    """A call without secrets and places, and with the same identifiers each time."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        given = numbers.setdefault(found[0].lower(), len(numbers) + 1)
        return f'00000000-0000-4000-8000-{given:012d}'

    def clean(value: Any, name: str = '') -> Any:
        if isinstance(value, dict):
            return {key: clean(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [clean(one, name) for one in value]
        if not isinstance(value, str):
            return value
        if value and name in _SECRETS:
            return _SECRETS[name]
        text = _SECRET_ELEMENT.sub(lambda found: found[1] + _SECRETS[found[2]], value)
        return _PLACE.sub('/place/', UUID.sub(number, text))

    headers = [[name, clean(text, name)] for name, text in case['headers']]
    made: dict[str, Any] = clean(case) | {'headers': headers}
    return made


def _kind(value: Any) -> str:
    """What may make a difference on the wire."""
    if not isinstance(value, str):
        return type(value).__name__
    if value.lower() in ('', 'true', 'false'):
        return value
    return 'number' if re.fullmatch(r'-?[\d.]+', value) else 'text'


def _kinds(value: Any, name: str = '') -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _kinds(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from _kinds(one, name)
    elif value is not None:
        yield name, _kind(value)


def shape(case: dict[str, Any]) -> tuple[Any, ...]:
    """The same for calls of which one is enough: operation, members and elements."""
    elements = (tuple(dict.fromkeys(_SHAPE.findall(case[one] or ''))) for one in _MESSAGES)
    kinds = frozenset(_kinds(case['arguments']))
    return case['service'], case['operation'], case['status'], kinds, *elements


_MESSAGES = ('request', 'reply')


def choose(recorded: Iterable[tuple[str, Iterable[dict[str, Any]]]]) -> Iterator[dict[str, Any]]:
    """One call of each shape, after a line with what each source has posted.

    :param recorded: sources with the lines of the recorder
    """
    posted: dict[str, set[str]] = {}
    chosen: dict[tuple[Any, ...], dict[str, Any]] = {}
    for source, lines in recorded:
        for line in lines:
            if 'posted' in line:
                posted.setdefault(source, set()).update(line['posted'])
                continue
            if line['reply'] is not None and len(line['reply']) > _LARGEST:
                line |= {'reply': None, 'status': None}
            kept = chosen.setdefault(shape(line), line)
            kept.setdefault('sources', [])
            if source not in kept['sources']:
                kept['sources'].append(source)
    yield {'posted': {source: sorted(names) for source, names in posted.items()}}
    yield from map(cleaned, chosen.values())


def load() -> tuple[dict[str, list[str]], list[dict[str, Any]]]:
    """What is in the case file.

    :returns: the operations that each source has posted, and the calls
    """
    with lzma.open(CASES, 'rt', encoding='utf-8') as file:
        posted, *calls = map(json.loads, file)
    return posted['posted'], calls


def read(directory: pathlib.Path) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    """The sources with their recorded lines.

    :raises OSError: one has none
    """
    for source in SOURCES:
        with (directory / f'{source}.jsonl').open(encoding='utf-8') as file:
            yield source, map(json.loads, file)


def record(directory: pathlib.Path) -> None:
    """Run the suites.

    :param directory: where what is recorded goes
    :raises subprocess.CalledProcessError: one of them fails
    """
    binary = ROOT / '.vcsim' / 'vcsim'
    if not binary.exists():
        sys.exit('vcsim is not there: make vcsim')
    variables = os.environ | {
        'OSLO_VMWARE_SOAP_ENGINE': 'reference',
        RECORD_TO: str(directory),
        VCSIM: str(binary),
    }
    recorder = ('-m', 'pytest', '-q', '-p', 'tests.differential.recorder')
    commands = [
        (*recorder, f'--cases-to={directory / source}.jsonl', *tests)
        for source, tests in SUITES.items()
    ]
    drivers = ('-m', 'tests.drivers', '--results', str(directory))
    for command in itertools.chain(commands, [drivers]):
        subprocess.run([sys.executable, *command], env=variables, cwd=ROOT, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--recorded', type=pathlib.Path, help='use what has been recorded there')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        directory = options.recorded or pathlib.Path(scratch).resolve()
        if not options.recorded:
            record(directory)
        lines = list(choose(read(directory)))
    CASES.parent.mkdir(exist_ok=True)
    with lzma.open(CASES, 'wt', encoding='utf-8', preset=9) as target:
        target.writelines(json.dumps(line) + '\n' for line in lines)
    print(len(lines) - 1, 'calls,', CASES.stat().st_size, 'bytes')


if __name__ == '__main__':
    main()
