"""Figures side by side, with their targets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.libraries import LIBRARIES, Ours


@dataclass(frozen=True)
class Target:
    """What a figure is to be.

    :param words: as the target is said
    :param reached: the same, as measured: ``1/33 of suds``
    :param met: whether it is so
    """

    words: str
    reached: str
    met: bool

    @classmethod
    def at_most(cls, value: float, limit: float, unit: str) -> 'Target':
        """An amount."""
        return cls(f'≤ {limit:g} {unit}', f'{_short(value)} {unit}', value <= limit)

    @classmethod
    def fraction(cls, value: float, of: float, limit: int, name: str) -> 'Target':
        """A part of what another library takes."""
        return cls(f'≤ 1/{limit} of {name}', f'1/{of / value:.1f} of {name}', value <= of / limit)

    @classmethod
    def multiple(cls, value: float, of: float, limit: float, name: str) -> 'Target':
        """So many times as much as something."""
        return cls(f'≤ {limit:g} x {name}', f'{value / of:.2f} x {name}', value <= of * limit)


@dataclass(frozen=True)
class Row:
    """One figure.

    :param values: of each library that has it, by title
    :param extra: other figures to compare with
    :param more_is_better: as it is of rates, and not of times
    """

    title: str
    unit: str
    values: Mapping[str, float]
    targets: tuple[Target, ...] = ()
    extra: tuple[tuple[str, float], ...] = ()
    more_is_better: bool = False


def show(rows: Iterable[Row], console: Console) -> None:
    """Print the table, then the targets, one by one.

    Beside a figure of another library stands how many times as good ours is.
    """
    rows = list(rows)
    table = Table(box=None, pad_edge=False, header_style='bold')
    table.add_column('', no_wrap=True)
    for title in LIBRARIES:
        table.add_column(title, justify='right')
    for row in rows:
        cells = [_cell(row, title) for title in LIBRARIES]
        table.add_row(f'{row.title}, {row.unit}', *cells)
    console.print(table)
    console.print()
    for row in rows:
        if row.extra:
            others = ', '.join(f'{name} {_short(value)} {row.unit}' for name, value in row.extra)
            console.print(f'{row.title}: {others}')
    console.print()
    verdicts = Table(box=None, pad_edge=False, header_style='bold')
    for heading in ('target', 'reached', '', 'of'):
        verdicts.add_column(heading)
    for row in rows:
        for target in row.targets:
            verdicts.add_row(
                target.words,
                target.reached,
                '[green]✔[/]' if target.met else '[red]✘ missed[/]',
                row.title,
            )
    console.print(verdicts)


def _cell(row: Row, title: str) -> str:
    """A figure, and how many times as good ours is."""
    if title not in row.values:
        return '-'
    text = _short(row.values[title])
    if title == Ours.title:
        return text
    ratio = row.values[title] / row.values[Ours.title]
    return f'{text} ({1 / ratio if row.more_is_better else ratio:.1f}x)'


def _short(value: float) -> str:
    """Three digits that tell, without an exponent."""
    return f'{float(f"{value:.3g}"):,.10g}'
