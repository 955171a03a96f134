"""The table, row by row: figures side by side, and beneath them what each is to reach."""

from collections.abc import Iterable

from benchmarks.libraries import OURS, TITLES
from benchmarks.rows import Row, Target, Values, others

_TITLE, _OURS, _OTHER = 36, 12, 16
_MARKS = {True: '✔', False: '✘ missed:', None: '- not measured here:'}


def heading() -> str:
    """The titles of the libraries."""
    return _line('', list(TITLES))


def lines(row: Row, values: Values) -> list[str]:
    """A row.

    Beside a figure of another library stands how many times as good ours is. What is no library
    and each target have lines of their own.
    """
    found = [_line(f'{row.title}, {row.unit}', [_cell(row, values, title) for title in TITLES])]
    if more := others(values):
        words = ', '.join(f'{name} {short(value)}' for name, value in more.items())
        found.append(f'      {words}')
    found += [f'      {verdict(row, target, values)}' for target in row.targets]
    return found


def verdict(row: Row, target: Target, values: Values) -> str:
    """What became of a target: ``✔ 0.7 x pyVmomi, target ≤ 0.75``."""
    reached = target.reached(values)
    measured = '' if reached is None else f' {short(reached)}{_what(row, target)},'
    return f'{_MARKS[target.met(values)]}{measured} {wish(row, target)}'


def wish(row: Row, target: Target) -> str:
    """A target in words: ``target ≤ 0.75``, ``target ≤ 10 MiB``."""
    unit = f' {row.unit}' if target.of is None else ''
    return f'target {"≥" if target.at_least else "≤"} {short(target.limit)}{unit}'


def _what(row: Row, target: Target) -> str:
    what = f' {row.unit}' if target.of is None else f' x {target.of}'
    return what if target.mine == OURS else f'{what} with {target.mine}'


def summary(known: Iterable[tuple[Row, Values]]) -> list[str]:
    """How many targets were met, and what is behind a peer."""
    known = list(known)
    met = [target.met(values) for row, values in known for target in row.targets]
    counted = f'{met.count(True)} targets met, {met.count(False)} missed'
    if None in met:
        counted += f', {met.count(None)} not measured here'
    behind = [
        f'{row.title.strip()}, {row.times_as_good(values, peer):.2f} of {peer}'
        for row, values in known
        for peer in row.behind(values)
    ]
    return [f'{counted}.', *([f'Below 1.0 of a peer: {one}' for one in behind])]


def _line(title: str, cells: list[str]) -> str:
    ours, *rest = cells
    return ''.join([title.ljust(_TITLE), ours.rjust(_OURS), *(one.rjust(_OTHER) for one in rest)])


def _cell(row: Row, values: Values, title: str) -> str:
    if title not in values:
        return '-'
    text = short(values[title])
    return text if title == OURS else f'{text} ({row.times_as_good(values, title):.1f}x)'


def short(value: float) -> str:
    """Three digits that tell, without an exponent."""
    return f'{float(f"{value:.3g}"):,.10g}'
