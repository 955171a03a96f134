"""Which operations a client called in which test, and the table that has a test for each.

``operations.txt`` has a line for each operation that the simulator serves, with a test in which a
client that is not ours calls it and is answered. While that test runs its line is held against what
arrived. The table is written anew, by what arrives, with::

    OSLO_VMWARE_WRITE_OPERATIONS=1 python -m pytest tests/simulator
"""

from __future__ import annotations

import ast
import collections
import os
import pathlib
from collections.abc import Iterator

from oslo_vmware.simulator import Ref
from oslo_vmware.simulator.served import pbm, vim, vslm
from oslo_vmware.simulator.wire.endpoint import Calls, ServedCall
from oslo_vmware.simulator.world import metamodel

TABLE = pathlib.Path(__file__).with_name('operations.txt')
WRITES = bool(os.environ.get('OSLO_VMWARE_WRITE_OPERATIONS'))


def table() -> dict[str, str]:
    """Tests by operation, as the table has them; a test is ``file::function[case]``."""
    lines = TABLE.read_text().splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith('#'))


def all_served() -> set[str]:
    """The operations that are there, as ``Type.Operation``."""
    return {
        f'{wire_type}.{operation}'
        for service in (vim(), pbm(), vslm())
        for wire_type, operations in service.items()
        for operation, there in operations.items()
        if there
    }


class Noted:
    """What arrives at any simulator of this process."""

    def __init__(self) -> None:
        self._calls: list[ServedCall] = []
        self._by_test: dict[str, set[str]] = {}
        self._expected: dict[str, set[str]] = collections.defaultdict(set)
        if not WRITES and TABLE.exists():
            for operation, test in table().items():
                self._expected[test].add(operation)

    def install(self) -> None:
        append = Calls.append

        def noting(calls: Calls, call: ServedCall) -> None:
            append(calls, call)
            self._calls.append(call)

        Calls.append = noting  # type: ignore[method-assign]

    def begin(self) -> None:
        self._calls.clear()

    def end(self, test: str) -> set[str]:
        """Note what came in a test; returns what should have and did not."""
        came = {name for call in self._calls if call.fault is None for name in _names(call)}
        if WRITES:
            self._by_test[test] = came
        return self._expected[test] - came

    def write(self) -> None:
        """Write the table: for each operation the test that calls least else and names it."""
        rows = []
        for operation in sorted(all_served()):
            tests = [test for test, came in self._by_test.items() if operation in came]
            tests.sort(
                key=lambda test: (not _names_it(test, operation), len(self._by_test[test]), test)
            )
            if tests:
                rows.append(f'{operation}  {tests[0]}')
        TABLE.write_text(f'# {HEADING}\n' + '\n'.join(rows) + '\n')


HEADING = 'Written by OSLO_VMWARE_WRITE_OPERATIONS=1 python -m pytest tests/simulator'


def _names(call: ServedCall) -> Iterator[str]:
    """An operation that came, at the types that may declare it."""
    if isinstance(call.target, Ref):
        types = [call.target.type]
        if metamodel.exists(call.target.type):
            types = list(metamodel.ancestors(call.target.type))
        for wire_type in types:
            yield f'{wire_type}.{call.operation}'


def _names_it(test: str, operation: str) -> bool:
    """Whether the source of a test has the operation's name, or the one that pyVmomi gives it."""
    wire_type, _, name = operation.partition('.')
    source = _source(test)
    names = {name}
    if metamodel.exists(wire_type):
        other = metamodel.method_name(wire_type, name)
        names |= {other, other[0].upper() + other[1:]}
    return any(f'.{one}(' in source or repr(one) in source for one in names)


def _source(test: str) -> str:
    file, _, function = test.partition('::')
    text = TABLE.with_name(file).read_text()
    wanted = function.partition('[')[0].rpartition('::')[2]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == wanted:
            return ast.get_source_segment(text, node) or ''
    return ''


def functions(file: str) -> set[str]:
    """The names of the test functions of a file."""
    path = TABLE.with_name(file)
    if not path.exists():
        return set()
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
