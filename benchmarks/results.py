"""What was measured, kept in a file as soon as it is known.

A line of JSON for each row. A file may have a row more than once, and rows of several runs: the
last one counts. So a run that was stopped has lost nothing, and figures can be measured singly.
"""

import contextlib
import json
import pathlib
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.rows import Figure, Measured

#: Distributions whose versions are told.
_COMPARED = ('pyvmomi', 'zeep', 'suds-community', 'lxml')
_ROOT = pathlib.Path(__file__).parents[1]

#: What is known: the run and the values of each row, by the names of figure and row.
Known = dict[tuple[str, str], tuple[str, Mapping[str, float]]]


def this_run() -> str:
    """What one has to know of figures: of which commit they are, and what they were made with."""
    day = time.strftime('%Y-%m-%d')
    versions = ', '.join([f'Python {platform.python_version()}', *_compared()])
    return f'Commit {_commit()}, {day}\n{versions}'


def _compared() -> Iterator[str]:
    for name in _COMPARED:
        # Not all figures need all of them.
        with contextlib.suppress(PackageNotFoundError):
            yield f'{name} {version(name)}'


def _commit() -> str:
    try:
        told = subprocess.run(
            ['git', 'describe', '--always', '--dirty', '--exclude=*'],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'
    return told.stdout.strip()


def keep(file: pathlib.Path, run: str, figure: Figure, measured: Measured) -> None:
    """Add the rows of a figure."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open('a') as stream:
        for key, values in measured.items():
            line: dict[str, Any] = {'figure': figure.name, 'row': key, 'run': run, 'values': values}
            stream.write(json.dumps(line) + '\n')


def read(file: pathlib.Path) -> Known:
    """What is known."""
    known: Known = {}
    for text in file.read_text().splitlines():
        line = json.loads(text)
        known[line['figure'], line['row']] = line['run'], line['values']
    return known
