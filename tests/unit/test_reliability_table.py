"""The page about bad days is true: its tests, switches and limits are those that there are.

A promise is worth what its test is. A test that was renamed leaves a promise that nothing proves,
and a limit that was changed one that misleads an operator.
"""

import importlib
import pathlib
import re
from typing import NamedTuple

import pytest

from tests.faults.listed import LISTED
from tests.unit.test_storage_policy_table import LITERAL, source_of

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / 'doc/source/user/reliability.rst').read_text()
PROMISES = ('Once', 'Whole', 'Bounded', 'Trusted', 'Alone', 'Told')
PEERS = ('botocore', 'urllib3', 'govmomi')

#: What can go wrong, by where that is tested.
THEMES = {
    'changes are executed once': 'tests/functional/test_once.py',
    'images are whole': 'tests/faults/test_whole_exports.py',
    'nothing waits without end': 'tests/functional/test_bounded.py',
    'transfers end in time': 'tests/functional/test_transfer_limits.py',
    'trust follows the session': 'tests/functional/test_transfer_trust.py',
    'a fork': 'tests/functional/test_fork.py',
    'what could not be asked': 'tests/functional/test_liveness.py',
    'pages': 'tests/functional/test_paging.py',
    'what nobody can read': 'tests/functional/test_unreadable.py',
    'faults': 'tests/faults/test_service_errors.py',
    'hostile images': 'tests/unit/test_image_util.py',
    'hostile replies': 'tests/faults/test_hostile_replies.py',
    'secrets': 'tests/faults/test_secrets.py',
    'policies': 'tests/functional/spbm/test_lost.py',
    'watches': 'tests/functional/test_watch_trouble.py',
}

#: Names of what is a limit wherever it stands.
LIMIT = re.compile(r'^((?:MAX_|KEEPALIVE_)\w+|[A-Z]\w*_SECONDS)\b[^=\n]* = [\d.]', re.MULTILINE)
SUM = re.compile(r'[\d_.]+(?: ?\*\*? ?[\d_.]+)*')


class Row(NamedTuple):
    """A promise, its tests as ``path::name``, and what others promise."""

    promise: str
    tests: tuple[str, ...]
    peers: tuple[str, ...]


def cells(section: str, underline: str = '=') -> list[list[str]]:
    """The rows of the table under a heading, its head first."""
    below = PAGE.partition(f'\n{section}\n{underline * len(section)}\n')[2]
    table = re.split(r'\n\S.*\n(?:=|-){3,}\n', below)[0].partition('.. list-table::')[2]
    rows = [part.split('\n     - ') for part in table.split('   * - ')[1:]]
    return [[' '.join(cell.split()) for cell in row] for row in rows]


def in_full(cell: str) -> list[str]:
    """The tests that a cell names, in full; ``…`` is the file of the one before."""
    found: list[str] = []
    for name in LITERAL.findall(cell):
        path, _, test = name.partition('::')
        path = found[-1].partition('::')[0] if path == '…' else f'tests/{path}'
        found.append(f'{path}::{test}')
    return found


ROWS = {
    section: [Row(row[0], tuple(in_full(row[1])), tuple(row[2:])) for row in cells(section)[1:]]
    for section in PROMISES
}
ALL = [row for rows in ROWS.values() for row in rows]


@pytest.mark.parametrize('section', PROMISES)
def test_each_promise_has_its_table(section: str) -> None:
    """It says what the promise means, and what each of the others promises in its place."""
    assert cells(section)[0] == ['promise', 'test', *PEERS]
    assert len(ROWS[section]) >= 5
    assert [row.promise for row in ROWS[section] if len(row.peers) != len(PEERS)] == []
    assert [row.promise for row in ROWS[section] if not all(row.peers)] == []


@pytest.mark.parametrize('row', ALL, ids=[row.promise for row in ALL])
def test_each_promise_has_tests_that_exist(row: Row) -> None:
    """Each name is a function in the file that it is said to be in."""
    assert row.tests
    for test in row.tests:
        assert source_of(test)


def test_the_text_names_tests_that_exist() -> None:
    """Those outside of the tables as well, and all that is named of ``tests/faults``."""
    named = [name for name in LITERAL.findall(PAGE) if '.py::' in name and name[0] != '…']
    assert 'faults/test_matrix.py::test_what_comes_of_it' in named
    for name in named:
        assert source_of(f'tests/{name}')
    assert 'tests/faults/listed.py' in PAGE
    assert (ROOT / 'tests/faults/listed.py').is_file()


@pytest.mark.parametrize('theme', THEMES)
def test_nothing_is_left_out(theme: str) -> None:
    """Whatever may go wrong has a promise that is tested where such things are."""
    assert THEMES[theme] in {test.partition('::')[0] for row in ALL for test in row.tests}


def test_what_nobody_can_tell_is_listed() -> None:
    """Exchange by exchange: the faults that cannot be told from success, and why."""
    told = {
        (LITERAL.findall(exchange)[0], fault): why
        for exchange, faults, why in cells(UNTOLD, '-')[1:]
        for fault in LITERAL.findall(faults)
    }
    assert told == LISTED


def package() -> dict[str, str]:
    """The texts of the library's modules, by name; the simulator is no part of it."""
    home = ROOT / 'oslo_vmware'
    return {
        '.'.join(file.relative_to(home).with_suffix('').parts): file.read_text()
        for file in home.rglob('*.py')
        if 'simulator' not in file.parts
    }


def test_all_switches_are_there() -> None:
    """Each variable that the library reads, and no other."""
    told = {LITERAL.findall(row[0])[0].partition('=')[0] for row in cells(SWITCHES)[1:]}
    read = {
        name for text in package().values() for name in re.findall(r'OSLO_VMWARE_[A-Z_]+', text)
    }
    assert told == read


SWITCHES = 'Switches in the environment'
UNTOLD = 'What nobody can tell from success'
LIMITS = {row[0].strip('`'): row[1].strip('`') for row in cells('Limits')[1:]}


@pytest.mark.parametrize('name', LIMITS)
def test_limits_are_as_told(name: str) -> None:
    """The number in the table is the one in the module."""
    module, _, constant = name.rpartition('.')
    assert SUM.fullmatch(LIMITS[name])
    value = eval(LIMITS[name], {})  # digits and multiplication, as has just been seen
    assert getattr(importlib.import_module(f'oslo_vmware.{module}'), constant) == value


def test_all_limits_are_there() -> None:
    """What is called a limit in a module is in the table."""
    limits = {
        f'{module}.{name}' for module, text in package().items() for name in LIMIT.findall(text)
    }
    assert len(limits) > 20
    assert limits - set(LIMITS) == set()


def test_the_check_itself() -> None:
    """It finds the rows, and says so when a test is not there."""
    assert len(ALL) > 40
    assert in_full('``faults/test_once.py::test_x``, ``…::test_y``') == [
        'tests/faults/test_once.py::test_x',
        'tests/faults/test_once.py::test_y',
    ]
    for missing in ('tests/faults/test_once.py::test_x', 'tests/faults/test_nothing.py::test_x'):
        with pytest.raises(LookupError):
            source_of(missing)
