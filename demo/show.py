"""How the demo looks: on a terminal with colours and movement, in a log as plain lines.

What comes from the server is put out as text and never read as markup: a machine may be called
``[bold]``. On a terminal that cannot show them the symbols become plain characters.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from demo.inventory import Node

_LOG_WIDTH = 100
_WIDEST = 110
_BAR = 10
# Below this width bars are shorter, so that the tables fit into 80 columns.
_NARROW = 96
_NARROW_BAR = 6
#: More branches below one node, and more rows in a table, are only counted.
_MOST_BRANCHES = 12
_MOST_ROWS = 40

_GIB = 1024**3
_TIB = 1024**4


Row = list[Text | str]


@dataclass(frozen=True)
class Outcome:
    """What became of a step.

    :ivar result: ``done``, ``skipped``, ``failed`` or ``not run``
    :ivar requests: how many calls it took, None if nobody counted
    """

    title: str
    result: str
    seconds: float | None = None
    requests: int | None = None


class Show:
    """Prints everything that the demo says."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else _LOG_WIDTH
        self.console = Console(width=width, highlight=False, emoji=False)
        self.console.width = min(self.console.width, _WIDEST)
        #: Whether what has been printed can be changed. A log stays one when colours are forced.
        self.live = sys.stdout.isatty() and not self.console.is_dumb_terminal
        self._plain = not self.console.encoding.lower().startswith('utf')

    # Text

    def title(self, number: int, total: int, text: str) -> None:
        """Begin a step."""
        self._heading(Text.assemble((f'{number}/{total}  ', 'dim'), (text, 'bold cyan')))

    def line(self, text: str | Text) -> None:
        """One line of a step."""
        self._inside(Text(text) if isinstance(text, str) else text)

    def success(self, text: str) -> None:
        """What a step has achieved."""
        self._inside(Text.assemble((self._symbol('✔ ', '* '), 'green'), text))

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Names and values, below one another."""
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style='dim')
        grid.add_column()
        for name, value in facts:
            grid.add_row(Text(name), Text(value))
        self._inside(grid)

    def logged(self, lines: Sequence[str]) -> None:
        """Quote what was logged."""
        grid = Table.grid(padding=(0, 1))
        grid.add_column(style='cyan')
        grid.add_column(style='dim')
        for line in lines:
            grid.add_row(self._symbol('│', '|'), Text(line))
        self._inside(grid)

    def warning(self, text: str) -> None:
        self._inside(Text.assemble(('Warning: ', 'bold yellow'), text))

    def skipped(self, text: str) -> None:
        self._inside(Text(text, 'yellow'))

    def failure(self, text: str) -> None:
        self._inside(Text.assemble(('Failed: ', 'bold red'), text))

    def crash(self) -> None:
        """The exception at hand, with where it came from."""
        self.console.print_exception(width=self.console.width)

    def _inside(self, renderable: RenderableType) -> None:
        self._print(Padding(renderable, (0, 0, 0, 2), expand=False))

    def _heading(self, title: Text) -> None:
        self._print('')
        self._print(Rule(title, align='left', style='dim'))

    def _print(self, renderable: RenderableType) -> None:
        if self.live:
            self.console.print(renderable)
            return
        # In a log, what rich fills its tables with on the right is in the way.
        with self.console.capture() as printed:
            self.console.print(renderable)
        lines = (line.rstrip() for line in printed.get().splitlines())
        print(*lines, sep='\n', flush=True)

    def _symbol(self, symbol: str, plain: str) -> str:
        return plain if self._plain else symbol

    # The inventory

    def tree(self, top: Node) -> None:
        """A tree, with the counts of all nodes in one column."""
        column = min(_depth_and_name(top), 48)
        tree = Tree(self._label(top, column), guide_style='dim')
        self._add_branches(tree, top, column)
        self._inside(tree)

    def _add_branches(self, tree: Tree, node: Node, column: int) -> None:
        # Each level is indented by four.
        column -= 4
        for child in node.children[:_MOST_BRANCHES]:
            self._add_branches(tree.add(self._label(child, column)), child, column)
        hidden = len(node.children) - _MOST_BRANCHES
        if hidden > 0:
            tree.add(Text(f'and {hidden} more', 'dim italic'))

    def _label(self, node: Node, column: int) -> Text:
        style = 'bold' if node.kind == 'Datacenter' else ''
        gap = ' ' * (max(column - cell_len(node.name), 0) + 2)
        return Text.assemble((node.name, style), gap, (node.counted or 'empty', 'dim'))

    # Tables

    def table(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """A table; the headings of columns with figures begin with ``>``."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style='bold')
        for name in columns:
            right = name.startswith('>')
            table.add_column(name.lstrip('>'), justify='right' if right else 'left', no_wrap=True)
        for row in rows[:_MOST_ROWS]:
            table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
        self._inside(table)
        if len(rows) > _MOST_ROWS:
            self._inside(Text(f'and {len(rows) - _MOST_ROWS} more', 'dim italic'))

    def bar(self, used: float | None, total: float | None) -> Text:
        """How full something is, as a bar and in percent."""
        if used is None or not total:
            return Text('not known', 'dim')
        share = min(max(used / total, 0.0), 1.0)
        cells = _NARROW_BAR if self.console.width < _NARROW else _BAR
        filled = round(share * cells)
        colour = 'green' if share < 0.7 else 'yellow' if share < 0.9 else 'red'
        return Text.assemble(
            (self._symbol('█', '#') * filled, colour),
            (self._symbol('░', '.') * (cells - filled), 'dim'),
            f'{share:5.0%}',
        )

    # Movement

    @contextlib.contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Say what takes so long, where that can be taken back."""
        if not self.live:
            yield
            return
        with self.console.status(f'  {text}', spinner='line' if self._plain else 'dots'):
            yield

    @contextlib.contextmanager
    def progress(self, text: str) -> Iterator[TaskProgress]:
        """Follow a task: a bar that moves, or a line for each change."""
        if not self.live:
            yield TaskProgress(self, None)
            return
        bar = Progress(
            TextColumn('  {task.description}'),
            BarColumn(30, complete_style='cyan', finished_style='green'),
            TextColumn('{task.percentage:>3.0f} %'),
            TextColumn('[dim]{task.fields[state]}'),
            TimeElapsedColumn(),
            console=self.console,
        )
        bar.add_task(text, total=100, state='')
        with bar:
            yield TaskProgress(self, bar)

    # The end

    def outcomes(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """A table of all steps, and how it all ended.

        :param seconds: how long it took from begin to end
        """
        self._heading(Text('How long it took', 'bold cyan'))
        counted = any(outcome.requests is not None for outcome in outcomes)
        rows = [self._outcome_row(outcome, counted) for outcome in outcomes]
        last: Row = [Text('All together', 'bold'), '', f'{seconds:.2f} s']
        if counted:
            last.append(str(sum(outcome.requests or 0 for outcome in outcomes)))
        columns = ['Step', 'Result', '>Time', *(['>Requests'] if counted else [])]
        self.table(columns, [*rows, last])
        self._print('')
        failed = [outcome.title for outcome in outcomes if outcome.result == 'failed']
        if failed:
            self.failure(', '.join(failed))
        else:
            self.success('Everything went well.')

    def _outcome_row(self, outcome: Outcome, counted: bool) -> Row:
        style = {'done': 'green', 'failed': 'bold red'}.get(outcome.result, 'yellow')
        seconds = '' if outcome.seconds is None else f'{outcome.seconds:.2f} s'
        row: Row = [outcome.title, Text(outcome.result, style), seconds]
        if counted:
            row.append('' if outcome.requests is None else str(outcome.requests))
        return row


class TaskProgress:
    """How far a task is, as it becomes known; see :meth:`Show.progress`."""

    def __init__(self, show: Show, bar: Progress | None) -> None:
        self._show = show
        self._bar = bar
        self._last: tuple[str, int] | None = None

    def update(self, state: str, percent: int) -> None:
        """The task is in a state, and so far."""
        if (state, percent) == self._last:
            return
        self._last = (state, percent)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=percent, state=state)
        else:
            line = Text.assemble(self._show.bar(percent, 100), f'  {state}')
            self._show.line(line)


def _depth_and_name(node: Node) -> int:
    """How many columns the names of a tree take, with four for each level."""
    own = cell_len(node.name)
    return max([own, *(4 + _depth_and_name(child) for child in node.children[:_MOST_BRANCHES])])


def of(used: float | None, total: float | None, unit: float) -> str:
    """``12 of 768``, in a unit."""
    if used is None or not total:
        return ''
    return f'{used / unit:,.0f} of {total / unit:,.0f}'


def size(number: float | None) -> str:
    """A number of bytes for people."""
    if number is None:
        return ''
    return f'{number / _TIB:,.1f} TiB' if number >= _TIB else f'{number / _GIB:,.0f} GiB'
