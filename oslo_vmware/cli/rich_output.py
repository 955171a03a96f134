"""The vocabulary in colour, by ``rich``, for terminals.

Texts are never read as markup: a machine may be called ``[bold]``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Self, TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.rule import Rule
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from oslo_vmware.cli.output import (
    BAR,
    Bar,
    Cell,
    Following,
    Node,
    Output,
    Style,
    Styled,
    Transfer,
    clean,
    columns_of,
    is_terminal,
    plain_bar,
    terminal_size,
)

# Below this width bars are shorter, so that tables fit into 80 columns.
_NARROW = 96
_NARROW_BAR = 6

_STYLES = {
    'good': 'green',
    'warn': 'yellow',
    'bad': 'bold red',
    'dim': 'dim',
    'strong': 'bold',
    'name': 'bold cyan',
}


class RichOutput(Output):
    """Colours and bars."""

    def __init__(
        self,
        stdout: TextIO,
        stderr: TextIO,
        environ: Mapping[str, str],
        indent: int = 0,
        width: int | None = None,
    ) -> None:
        super().__init__(stdout, stderr, environ, indent, width)
        self.console = self._console(stdout)

    def _console(self, stream: TextIO) -> Console:
        return Console(
            file=stream,
            force_terminal=True,
            width=min(terminal_size(stream).columns, self._width or sys.maxsize),
            no_color=bool(self._environ.get('NO_COLOR')),
            highlight=False,
            emoji=False,
            markup=False,
            _environ=dict(self._environ),
        )

    def _redirect(self, stream: TextIO) -> None:
        super()._redirect(stream)
        self.console.file = stream

    def line(self, text: str | Styled = '') -> None:
        self._print(self._text(text))

    def heading(self, text: str) -> None:
        self.console.print()
        self.console.print(Rule(_styled(text, 'name'), align='left', style='dim'))

    def facts(self, facts: Iterable[tuple[str, Cell]]) -> None:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style='dim', no_wrap=True)
        grid.add_column(overflow='fold')
        for name, value in facts:
            grid.add_row(_styled(name), self._text(value))
        self._print(grid)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style='bold')
        for name in columns:
            table.add_column(
                name.removeprefix('>'),
                justify='right' if name.startswith('>') else 'left',
                overflow='fold',
            )
        for row in rows:
            table.add_row(*map(self._text, row))
        self._print(table)

    def tree(self, top: Node) -> None:
        column = _depth_and_label(top)
        tree = Tree(_node(top, column), guide_style='dim')
        _grow(tree, top, column)
        self._print(tree)

    def transfer(self, text: str, total: int | None = None) -> Transfer:
        if not is_terminal(self._stderr, self._environ):
            return super().transfer(text, total)
        return _RichTransfer(text, total, self._console(self._stderr))

    def task(self, text: str) -> Following:
        if not is_terminal(self._stderr, self._environ):
            return super().task(text)
        return _RichFollowing(text, self._console(self._stderr))

    def _text(self, cell: Cell) -> Text:
        if not isinstance(cell, Bar):
            style = cell.style if isinstance(cell, Styled) else ''
            return _styled(cell.text if isinstance(cell, Styled) else cell, style)
        cells = BAR if self.console.width >= _NARROW else _NARROW_BAR
        drawn = plain_bar(cell, self._symbol('█', '#') + self._symbol('░', '.'), cells)
        if cell.share is None:
            return Text(drawn, 'dim')
        text = Text(drawn)
        filled = round(cell.share * cells)
        text.stylize(_STYLES[cell.style], 0, filled)
        text.stylize('dim', filled, cells)
        return text

    def _marked(self, symbol: str, plain: str, text: str, style: Style) -> None:
        grid = Table.grid(padding=(0, 1))
        mark = _styled(self._symbol(symbol, plain), style)
        for line in text.split('\n'):
            grid.add_row(mark, _styled(line))
            mark = Text()
        self._print(grid)

    def _complain(self, kind: str, text: str, style: Style) -> None:
        if not is_terminal(self._stderr, self._environ):
            super()._complain(kind, text, style)
            return
        console = self._console(self._stderr)
        first, *rest = text.split('\n')
        console.print(Text.assemble((f'{kind}: ', _STYLES[style]), clean(first)))
        for line in rest:
            console.print(Text(f'  {clean(line)}'))

    def _print(self, renderable: RenderableType) -> None:
        if self._indent:
            renderable = Padding(renderable, (0, 0, 0, self._indent), expand=False)
        self.console.print(renderable)


class _RichTransfer(Transfer):
    def __init__(self, text: str, total: int | None, console: Console) -> None:
        super().__init__(text, None, total)
        self._bar = Progress(
            TextColumn('{task.description}', markup=False),
            BarColumn(30),
            TextColumn('{task.percentage:>3.0f} %'),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._id = self._bar.add_task(clean(text), total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.stop()

    def update(self, done: int, total: int | None = None) -> None:
        super().update(done, total)
        self._bar.update(self._id, completed=done, total=self.total)


class _RichFollowing(Following):
    def __init__(self, text: str, console: Console) -> None:
        super().__init__(text, None)
        self._bar = Progress(
            TextColumn('{task.description}', markup=False),
            BarColumn(30),
            TextColumn('{task.percentage:>3.0f} %'),
            TextColumn('{task.fields[state]}', markup=False),
            console=console,
            transient=True,
        )
        self._id = self._bar.add_task(clean(text), total=100, state='')

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.stop()

    def update(self, percent: int | None, state: str = '') -> None:
        self._bar.update(self._id, completed=percent or 0, state=clean(state))


def _styled(text: str, style: Style = '') -> Text:
    return Text(clean(text), _STYLES.get(style, ''))


def _depth_and_label(node: Node) -> int:
    return max([columns_of(node.label), *(4 + _depth_and_label(one) for one in node.children)])


def _node(node: Node, column: int) -> Text:
    gap = ' ' * (max(column - columns_of(node.label), 0) + 2)
    return Text.assemble(_styled(node.label, node.style), gap, _styled(node.note, 'dim'))


def _grow(tree: Tree, node: Node, column: int) -> None:
    # Each level is indented by four.
    for child in node.children:
        _grow(tree.add(_node(child, column - 4)), child, column - 4)
