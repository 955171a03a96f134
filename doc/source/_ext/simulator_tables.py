"""Tables about the simulator, made from its code while the documentation is built."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

from oslo_vmware.simulator import served

Row = tuple[str, ...]


def _code(names: Iterable[str]) -> str:
    return ', '.join(f'``{name}``' for name in names) or 'none'


class Table(Directive):
    """A table whose rows the subclass computes; cells are reStructuredText."""

    head: ClassVar[Row]
    widths: ClassVar[tuple[int, ...]]

    def rows(self) -> Iterator[Row]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        lines = [
            '.. list-table::',
            '   :header-rows: 1',
            f'   :widths: {" ".join(map(str, self.widths))}',
            '',
        ]
        for row in (self.head, *self.rows()):
            for number, cell in enumerate(row):
                lines.append(f'   {"* -" if number == 0 else "  -"} {cell}')
        node = nodes.Element()
        self.state.nested_parse(StringList([*lines, ''], 'simulator'), self.content_offset, node)
        return node.children


class Managers(Table):
    """The members of the service content."""

    head = ('member of the service content', 'managed object type')
    widths = (50, 50)

    def rows(self) -> Iterator[Row]:
        for name, wire_type in served.managers().items():
            yield f'``{name}``', f'``{wire_type}``' if wire_type else 'not there'


class Operations(Table):
    """The operations of a service, ``vim`` or ``pbm``, by type."""

    head = ('managed object type', 'operations that are there', 'not there')
    widths = (20, 45, 35)
    required_arguments = 1

    def rows(self) -> Iterator[Row]:
        for wire_type, operations in getattr(served, self.arguments[0])().items():
            yield (
                f'``{wire_type}``',
                _code(name for name, there in operations.items() if there),
                _code(name for name, there in operations.items() if not there),
            )


class Limits(Table):
    """Limits by the constants that hold them: lines of ``module:CONSTANT  what it is``."""

    head = ('limit', 'value')
    widths = (70, 30)
    has_content = True

    def rows(self) -> Iterator[Row]:
        for line in self.content:
            place, words = line.split(maxsplit=1)
            module, _, constant = place.partition(':')
            value: Any = importlib.import_module(f'oslo_vmware.simulator.{module}')
            for name in constant.split('.'):
                value = getattr(value, name)
            yield words, f'{value:,}' if isinstance(value, int) else str(value)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive('simulator-managers', Managers)
    app.add_directive('simulator-operations', Operations)
    app.add_directive('simulator-limits', Limits)
    # What is read is the code, not the page: a page that is not written anew may be out of date.
    return {'parallel_read_safe': True}
