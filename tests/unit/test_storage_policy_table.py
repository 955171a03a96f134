"""The table of features in the guide to storage policies is true.

Each row names calls and the tests that prove them. A test that was renamed, or that no longer
makes the call, leaves a row that proves nothing.
"""

import ast
import pathlib
import re
from typing import NamedTuple

import pytest

from oslo_vmware import spbm

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / 'doc/source/user/storage_policies.rst'
HEADING = 'Everything, and the test that proves it'
HOME = 'tests/functional/spbm/'
LITERAL = re.compile(r'``([^`]+)``')


class Row(NamedTuple):
    """A feature, the names of calls and their parameters, and tests as ``path::name``."""

    feature: str
    calls: tuple[str, ...]
    tests: tuple[str, ...]


def rows(page: str) -> list[Row]:
    """The rows of the table, without its head."""
    table = page.partition(f'{HEADING}\n')[2]
    found = []
    for part in table.split('   * - ')[2:]:
        feature, calls, tests = part.split('\n     - ')
        names = LITERAL.findall(tests)
        for number, name in enumerate(names):
            path = name.partition('::')[0]
            if path == '…':
                path = names[number - 1].partition('::')[0]
            elif '/' not in path:
                path = HOME + path
            names[number] = f'{path}::{name.partition("::")[2]}'
        found.append(Row(feature.strip(), tuple(LITERAL.findall(calls)), tuple(names)))
    return found


ROWS = rows(PAGE.read_text())


def source_of(test: str) -> str:
    """A test as it is written, with its decorators.

    :raises LookupError: there is none
    """
    path, _, name = test.partition('::')
    file = ROOT / path
    if not file.is_file():
        raise LookupError(f'there is no file {path}')
    text = file.read_text()
    nodes = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    if not name.startswith('test_') or name not in nodes:
        raise LookupError(f'there is no test {name} in {path}')
    node = nodes[name]
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return '\n'.join(text.splitlines()[first - 1 : node.end_lineno])


def uses(source: str, call: str) -> bool:
    """Whether a test calls something, or gives a parameter of that name."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr == call)
        or (isinstance(node, ast.keyword) and node.arg == call)
        for node in ast.walk(ast.parse(source))
    )


@pytest.mark.parametrize('row', ROWS, ids=[row.feature for row in ROWS])
def test_each_row_has_tests_that_make_its_calls(row: Row) -> None:
    """The tests exist, and each call of the row is made by one of them."""
    assert row.tests
    sources = [source_of(test) for test in row.tests]
    unproved = [call for call in row.calls if not any(uses(source, call) for source in sources)]
    assert unproved == []


def test_every_function_is_in_the_table() -> None:
    """What the package offers as a function is a call of some row."""
    functions = {name for name in spbm.__all__ if name.islower()}
    assert functions - {call for row in ROWS for call in row.calls} == set()


def test_the_check_itself() -> None:
    """It finds the rows, and says so when a test is not there or does something else."""
    assert len(ROWS) > 30
    page = f"""{HEADING}
   * - feature
     - call
     - test
   * - One
     - ``a``, ``b``
     - ``test_policies.py::test_x``,
       ``…::test_y``
   * - Two
     - every call
     - ``tests/unit/test_spbm.py::test_z``
"""
    assert rows(page) == [
        Row(
            'One',
            ('a', 'b'),
            (f'{HOME}test_policies.py::test_x', f'{HOME}test_policies.py::test_y'),
        ),
        Row('Two', (), ('tests/unit/test_spbm.py::test_z',)),
    ]
    for missing in (
        f'{HOME}test_policies.py::test_x',
        f'{HOME}test_nothing.py::test_x',
        f'{HOME}test_policies.py::',
    ):
        with pytest.raises(LookupError):
            source_of(missing)
    assert uses('spbm.find_policy(session, x, category=None)', 'find_policy')
    assert uses('spbm.find_policy(session, x, category=None)', 'category')
    assert not uses("'find_policy'", 'find_policy')
