"""How the demo looks: as the command line does, under a heading for each step.

What comes from the server is put out as text and never read as markup: a machine may be called
``[bold]``. Long lists are cut: this is to be looked at, and a log shall stay short.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from oslo_vmware.cli.choice import choose
from oslo_vmware.cli.output import (
    Bar,
    Cell,
    Following,
    Node,
    Output,
    Styled,
    is_terminal,
    plain_bar,
)

_WIDTH = 100
#: More branches below one node, and more rows in a table, are only counted.
_MOST_BRANCHES = 12
_MOST_ROWS = 40

T = TypeVar('T')


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
    """Prints everything that the demo says.

    :ivar out: the vocabulary of the command line
    """

    def __init__(self) -> None:
        self.out: Output = choose(sys.stdout, sys.stdout, os.environ, indent=2, width=_WIDTH)
        # Whether what has been printed can be changed.
        self._live = is_terminal(sys.stdout, os.environ)

    def title(self, number: int, total: int, text: str) -> None:
        """Begin a step."""
        self.out.heading(f'{number}/{total}  {text}')

    def logged(self, lines: Sequence[str]) -> None:
        """Quote what was logged."""
        for line in lines:
            self.out.line(Styled(f'> {line}', 'dim'))

    def warning(self, text: str) -> None:
        self.out.lines(Styled(f'Warning: {text}', 'warn'))

    def failure(self, text: str) -> None:
        self.out.lines(Styled(f'Failed: {text}', 'bad'))

    def crash(self) -> None:
        """The exception at hand, with where it came from."""
        self.out.lines(traceback.format_exc().rstrip())

    def tree(self, top: Node) -> None:
        """A tree, with the first of many branches."""
        self.out.tree(_cut(top))

    def table(self, rows: Sequence[T], show: Callable[[Output, Sequence[T]], None]) -> None:
        """A table of the first of many rows.

        :param show: shows a table of some
        """
        show(self.out, rows[:_MOST_ROWS])
        if len(rows) > _MOST_ROWS:
            self.out.line(Styled(f'and {len(rows) - _MOST_ROWS} more', 'dim'))

    @contextlib.contextmanager
    def progress(self, text: str) -> Iterator[Progress]:
        """Follow something in percent: a bar that moves, or a line for each change."""
        with self.out.task(text) as bar:
            yield Progress(self.out, bar if self._live else None)

    def outcomes(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """A table of all steps, and how it all ended.

        :param seconds: how long it took from begin to end
        """
        self.out.heading('How long it took')
        counted = any(outcome.requests is not None for outcome in outcomes)
        rows = [_outcome_row(outcome, counted) for outcome in outcomes]
        last: list[Cell] = [Styled('All together', 'strong'), '', f'{seconds:.2f} s']
        if counted:
            last.append(str(sum(outcome.requests or 0 for outcome in outcomes)))
        columns = ['Step', 'Result', '>Time', *(['>Requests'] if counted else [])]
        self.out.table(columns, [*rows, last])
        self.out.line()
        failed = [outcome.title for outcome in outcomes if outcome.result == 'failed']
        if failed:
            self.failure(', '.join(failed))
        else:
            self.out.success('Everything went well.')


class Progress:
    """How far something is, as it becomes known; see :meth:`Show.progress`."""

    def __init__(self, out: Output, bar: Following | None) -> None:
        self._out = out
        self._bar = bar
        self._last: int | None = None

    def update(self, percent: int | None, state: str) -> None:
        """It is so far, and in a state."""
        percent = percent or 0
        if self._bar is not None:
            self._bar.update(percent, state)
        elif percent != self._last:
            self._out.line(f'{plain_bar(Bar(percent, 100), "█░")}  {state}')
        self._last = percent


def _outcome_row(outcome: Outcome, counted: bool) -> list[Cell]:
    style = {'done': 'good', 'failed': 'bad'}.get(outcome.result, 'warn')
    seconds = '' if outcome.seconds is None else f'{outcome.seconds:.2f} s'
    row: list[Cell] = [outcome.title, Styled(outcome.result, style), seconds]
    if counted:
        row.append('' if outcome.requests is None else str(outcome.requests))
    return row


def _cut(node: Node) -> Node:
    children = [_cut(child) for child in node.children[:_MOST_BRANCHES]]
    if len(node.children) > _MOST_BRANCHES:
        children.append(Node(f'and {len(node.children) - _MOST_BRANCHES} more', style='dim'))
    return Node(node.label, node.note, node.style, children)
