"""Checkers of types find what is misspelt, and nothing in what is right.

mypy (as strict as it gets) and pyright each look once at all programs: at one that is right, one
that is wrong on purpose, the demo, and the recipes of the documentation.
"""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from tests.work_tree import ROOT

HERE = pathlib.Path(__file__).parent
GOOD, BAD = HERE / 'good.py', HERE / 'bad.py'
RECIPES = sorted((ROOT / 'doc' / 'source' / 'recipes').rglob('*.py'))
OF_PEOPLE = [*sorted((ROOT / 'demo').glob('*.py')), *RECIPES]
CHECKERS = ('mypy', 'pyright')

#: What is found: the messages by file and line.
Found = dict[tuple[pathlib.Path, int], list[str]]


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A line of the wrong program, and the words that each checker has for it."""

    line: int
    words: dict[str, str]


def mistakes() -> list[Mistake]:
    """Read the comments of the wrong program."""
    found = []
    for number, line in enumerate(BAD.read_text().splitlines(), 1):
        if line.startswith('    ') and '  # ' in line:
            words = line.partition('  # ')[2].split(' | ')
            found.append(Mistake(number, dict(zip(CHECKERS, words, strict=True))))
    return found


def run(*command: str | pathlib.Path) -> str:
    done = subprocess.run(
        [sys.executable, '-m', *command],
        cwd=ROOT,
        # So that neither says that there is a newer one of it.
        env=os.environ | {'PYRIGHT_PYTHON_IGNORE_WARNINGS': '1'},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode in (0, 1), f'{command[0]} failed:\n{done.stdout}{done.stderr}'
    return done.stdout


def mypy() -> Found:
    said = run('mypy', '--config-file', HERE / 'mypy.ini', GOOD, BAD, *OF_PEOPLE)
    found: Found = {}
    for line in said.splitlines():
        match = re.fullmatch(r'(.+?):(\d+): error: (.*)', line)
        if match:
            place = (ROOT / match[1], int(match[2]))
            found.setdefault(place, []).append(match[3])
    return found


def pyright() -> Found:
    # What is in PyPI fetches the program, once, with npm.
    try:
        said = run('pyright', '--outputjson', '--pythonpath', sys.executable, GOOD, BAD, *OF_PEOPLE)
        diagnostics = json.loads(said)['generalDiagnostics']
    except (AssertionError, ValueError) as exc:
        if os.environ.get('CI'):
            raise
        pytest.skip(f'pyright could not be fetched or started, for which it needs npm: {exc}')
    found: Found = {}
    for one in diagnostics:
        if one['severity'] == 'error':
            place = (pathlib.Path(one['file']), one['range']['start']['line'] + 1)
            found.setdefault(place, []).append(one['message'])
    return found


@pytest.fixture(scope='module', params=CHECKERS)
def checked(request: pytest.FixtureRequest) -> tuple[str, Found]:
    """A checker and what it has found."""
    return request.param, {'mypy': mypy, 'pyright': pyright}[request.param]()


def test_nothing_is_found_in_what_is_right(checked: tuple[str, Found]) -> None:
    """The right program, the demo and the recipes are accepted."""
    assert RECIPES
    assert {place: said for place, said in checked[1].items() if place[0] != BAD} == {}


def test_each_mistake_is_found(checked: tuple[str, Found]) -> None:
    """Of each wrong line the checker says what is wrong, and of no other line anything."""
    checker, found = checked
    expected = mistakes()
    assert len(expected) > 20
    unsaid = {
        one.line: (one.words[checker], found.get((BAD, one.line)))
        for one in expected
        if one.words[checker] not in ' '.join(found.get((BAD, one.line), ()))
    }
    assert unsaid == {}
    assert {line for file, line in found if file == BAD} == {one.line for one in expected}


def test_message_of_a_misspelt_operation_is_short(checked: tuple[str, Found]) -> None:
    """Nobody has to read the names of a thousand operations to learn that one of them is wrong."""
    longest = max((text for said in checked[1].values() for text in said), key=len)
    assert len(longest) < 1000, longest
