"""All that the command line says: one vocabulary, in plain text, in colour, or as JSON.

Results go to stdout; warnings, errors and whatever moves go to stderr. Colours are for terminals,
so what goes into a file or a pipe is plain text in full width. What comes from a server is put out
as text: characters that would steer a terminal are shown as escapes.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import os
import shutil
import subprocess
import textwrap
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TextIO

_UNITS = ('B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB')
#: Cells of a bar.
BAR = 10
# How wide a heading is where nothing else says it.
_HEADING = 80
_DEFAULT_SIZE = os.terminal_size((80, 24))
# A line that moves is drawn so often, and no oftener.
_REDRAW_SECONDS = 0.1
_GUIDES = ('├── ', '└── ', '│   ')
_PLAIN_GUIDES = ('|-- ', '`-- ', '|   ')

# What is said

#: ``good``, ``warn``, ``bad``, ``dim``, ``strong``, ``name``, or ``''``.
Style = str


@dataclass(frozen=True)
class Styled:
    """A text with a meaning, which a terminal shows as a colour."""

    text: str
    style: Style = ''


@dataclass(frozen=True)
class Bar:
    """How full something is; shown as a bar and in percent."""

    used: float | None
    total: float | None

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where that is not known."""
        if self.used is None or not self.total:
            return None
        return min(max(self.used / self.total, 0.0), 1.0)

    @property
    def style(self) -> Style:
        share = self.share or 0.0
        return 'good' if share < 0.7 else 'warn' if share < 0.9 else 'bad'


Cell = str | Styled | Bar


@dataclass
class Node:
    """A node of a tree.

    :ivar note: shown behind it, in a column that all notes have in common
    """

    label: str
    note: str = ''
    style: Style = ''
    children: list[Node] = field(default_factory=list)


def clean(text: str) -> str:
    """A text in one line that cannot steer a terminal."""
    if text.isprintable():
        return text
    return ''.join(
        char if char.isprintable() else char.encode('unicode_escape').decode() for char in text
    )


def size(number: float | None) -> str:
    """A number of bytes for people: ``4.2 GiB``."""
    if number is None:
        return ''
    value, unit = float(number), 0
    while value >= 1023.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    digits = 0 if not unit or value >= 99.5 else 1
    return f'{value:,.{digits}f} {_UNITS[unit]}'


def duration(seconds: float) -> str:
    """Seconds for people: ``1:05``, ``2:00:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{rest:02}' if hours else f'{minutes}:{rest:02}'


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in 'WF' else 1
        for char in text
    )


# What moves


class Moving:
    """A line on a terminal that follows something; nowhere else it is silent.

    :param draw: shows a text in the place of the one before; None for nobody looks
    """

    def __init__(self, text: str, draw: Callable[[str], None] | None) -> None:
        self.text = text
        self._draw = draw
        self._begin = time.monotonic()
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._draw is not None:
            self._draw('')

    def _show(self, line: Callable[[], str]) -> None:
        now = time.monotonic()
        if self._draw is not None and now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            self._draw(line())

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._begin


class Transfer(Moving):
    """Bytes on their way: so many, of how many, how fast, how much longer.

    :ivar done: bytes so far
    :ivar total: bytes in all; None where that is not known
    """

    def __init__(
        self, text: str, draw: Callable[[str], None] | None, total: int | None = None
    ) -> None:
        super().__init__(text, draw)
        self.done, self.total = 0, total

    def update(self, done: int, total: int | None = None) -> None:
        """So many bytes have been moved; fits as ``progress`` of the library's functions."""
        self.done, self.total = done, total or self.total
        self._show(self._line)

    @property
    def rate(self) -> float:
        """Bytes per second, since the beginning."""
        return self.done / max(self.seconds, 1e-6)

    def _line(self) -> str:
        speed = f'{size(self.rate)}/s'
        if not self.total:
            return f'{self.text}  {size(self.done)}  {speed}'
        left = duration((self.total - self.done) / self.rate) if self.rate else '-:--'
        bar = plain_bar(Bar(self.done, self.total))
        return f'{self.text}  {bar}  {size(self.done)} of {size(self.total)}  {speed}  {left}'


class Following(Moving):
    """A task on its way, in percent and by its state."""

    def update(self, percent: int | None, state: str = '') -> None:
        """It is so far; fits as ``progress`` of ``wait_for_task``."""
        self._show(lambda: f'{self.text}  {plain_bar(Bar(percent or 0, 100))}  {state}')


def plain_bar(bar: Bar, symbols: str = '#.', cells: int = BAR) -> str:
    """A bar and percent; nothing for what is not known."""
    if bar.share is None:
        return 'not known'
    filled = round(bar.share * cells)
    return f'{symbols[0] * filled}{symbols[1] * (cells - filled)}{bar.share:5.0%}'


class _Gathered(io.StringIO):
    """Holds what is for a stream, and can draw no more than that.

    :param stream: where it goes in the end
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding


# How it is said


class Output:
    """The vocabulary, in plain text.

    :param stdout: where results go
    :param stderr: where warnings, errors and what moves go
    :param environ: ``PAGER`` and its like
    :param indent: columns left free on the left
    :param width: columns that sentences are folded at; None for no folds
    """

    def __init__(
        self,
        stdout: TextIO,
        stderr: TextIO,
        environ: Mapping[str, str],
        indent: int = 0,
        width: int | None = None,
    ) -> None:
        self._stdout, self._stderr, self._environ = stdout, stderr, environ
        self._indent, self._width = indent, width
        # Results go here: to stdout, or into what is going to be paged.
        self._to = stdout
        self._unicode = (getattr(stdout, 'encoding', None) or 'ascii').lower().startswith('utf')

    # Text

    def line(self, text: str | Styled = '') -> None:
        """A line, also where a text from a server has ends of lines."""
        self._write(*self._folded(clean(text.text if isinstance(text, Styled) else text)))

    def lines(self, text: str | Styled) -> None:
        """As many lines as the text has."""
        whole = text if isinstance(text, Styled) else Styled(text)
        for line in whole.text.split('\n'):
            self.line(Styled(line, whole.style))

    def heading(self, text: str) -> None:
        """What begins a part."""
        rule = self._symbol('─', '-') * ((self._width or _HEADING) - columns_of(text) - 1)
        print('', f'{clean(text)} {rule}', sep='\n', file=self._to, flush=True)

    def success(self, text: str) -> None:
        """Something is as it should be, or has been achieved."""
        self._marked('✔', '*', text, 'good')

    def failure(self, text: str) -> None:
        """The answer is no; what ends a command is raised instead."""
        self._marked('✘', '!', text, 'bad')

    def caution(self, text: str) -> None:
        """Something works, and somebody should know something about it."""
        self._marked('▲', '?', text, 'warn')

    def note(self, text: str) -> None:
        """Something that could not be seen, or does not matter."""
        self._marked('·', '-', text, 'dim')

    def facts(self, facts: Iterable[tuple[str, Cell]]) -> None:
        """Names and values, below one another."""
        facts = list(facts)
        widest = max((columns_of(name) for name, _ in facts), default=0)
        for name, value in facts:
            self._write(f'{_padded(name, widest)}  {self._cell(value)}')

    # Structures

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """A table; the headings of columns with figures begin with ``>``."""
        lines = [[name.removeprefix('>') for name in columns]]
        lines += [[self._cell(cell) for cell in row] for row in rows]
        widths = [max(map(columns_of, column)) for column in zip(*lines, strict=True)]
        right = [name.startswith('>') for name in columns]
        texts = ['   '.join(map(_padded, line, widths, right)).rstrip() for line in lines]
        rule = self._symbol('─', '-') * (sum(widths) + 3 * (len(widths) - 1))
        self._write(texts[0], rule, *texts[1:])

    def tree(self, top: Node) -> None:
        """A tree, with all notes in one column."""
        lines = list(_tree_lines(top, _GUIDES if self._unicode else _PLAIN_GUIDES))
        column = max(columns_of(text) for text, _ in lines)
        self._write(*(f'{_padded(text, column)}  {note}'.rstrip() for text, note in lines))

    # Data, for ``--json``

    def data(self, document: Any) -> None:
        """What the command has found, as one document; shown with ``--json`` only."""

    def record(self, document: Any) -> None:
        """One of many documents, a line each; shown with ``--json`` only."""

    # What is not a result

    def warning(self, text: str) -> None:
        """What somebody should know; on stderr."""
        self._complain('warning', text, 'warn')

    def error(self, described: Mapping[str, Any]) -> None:
        """What ended the command; on stderr.

        :param described: with the text as ``error``
        """
        self._complain('error', described['error'], 'bad')

    def transfer(self, text: str, total: int | None = None) -> Transfer:
        """Follow bytes on their way; a context manager.

        :param total: how many there will be, if that is known
        """
        return Transfer(text, self._drawing(), total)

    def task(self, text: str) -> Following:
        """Follow a task; a context manager."""
        return Following(text, self._drawing())

    def _drawing(self) -> Callable[[str], None] | None:
        if not is_terminal(self._stderr, self._environ):
            return None
        width = terminal_size(self._stderr).columns - 1

        def draw(text: str) -> None:
            self._stderr.write(f'\r{clean(text)[:width]:{width}}\r')
            self._stderr.flush()

        return draw

    # Long output

    @contextlib.contextmanager
    def paged(self) -> Iterator[None]:
        """Show what is longer than the terminal page by page."""
        if not is_terminal(self._stdout, self._environ):
            yield
            return
        gathered = _Gathered(self._stdout)
        self._redirect(gathered)
        try:
            yield
        finally:
            self._redirect(self._stdout)
            self._page(gathered.getvalue())

    def _redirect(self, stream: TextIO) -> None:
        self._to = stream

    def _page(self, text: str) -> None:
        pager = self._environ.get('PAGER', 'less')
        is_long = text.count('\n') >= terminal_size(self._stdout).lines
        if not is_long or not pager.strip() or not shutil.which(pager.split()[0]):
            self._stdout.write(text)
            self._stdout.flush()
            return
        # As git does: colours as they are, and the text stays on the screen.
        environ = {'LESS': '-FRX', **self._environ}
        process = subprocess.Popen(pager, shell=True, stdin=subprocess.PIPE, env=environ)
        try:
            process.communicate(text.encode(errors='replace'))
        except KeyboardInterrupt:
            # The pager has heard it as well, and decides for itself what it means.
            process.wait()

    # Helpers

    def _symbol(self, symbol: str, plain: str) -> str:
        return symbol if self._unicode else plain

    def _marked(self, symbol: str, plain: str, text: str, style: Style) -> None:
        first, *rest = (fold for line in text.split('\n') for fold in self._folded(line, 2))
        self._write(f'{self._symbol(symbol, plain)} {first}', *(f'  {line}' for line in rest))

    def _folded(self, text: str, taken: int = 0) -> list[str]:
        if self._width is None:
            return [text]
        return textwrap.wrap(text, self._width - self._indent - taken) or ['']

    def _cell(self, cell: Cell) -> str:
        if isinstance(cell, Bar):
            return plain_bar(cell, self._symbol('█', '#') + self._symbol('░', '.'))
        return clean(cell.text if isinstance(cell, Styled) else cell)

    def _complain(self, kind: str, text: str, style: Style) -> None:
        first, *rest = text.split('\n')
        lines = [f'{kind}: {clean(first)}', *(f'  {clean(line)}' for line in rest)]
        print(*lines, sep='\n', file=self._stderr, flush=True)

    def _write(self, *lines: str) -> None:
        space = ' ' * self._indent
        shown = ((space + clean(line)).rstrip() for line in lines)
        print(*shown, sep='\n', file=self._to, flush=self._to is self._stdout)


class JsonOutput(Output):
    """Documents for programs: the result on stdout, warnings and errors on stderr."""

    def heading(self, text: str) -> None:
        pass

    def data(self, document: Any) -> None:
        print(json.dumps(document, indent=2, default=_plain), file=self._to)

    def record(self, document: Any) -> None:
        # Whoever follows wants it now.
        print(json.dumps(document, default=_plain), file=self._to, flush=True)

    def error(self, described: Mapping[str, Any]) -> None:
        self._complain_in(dict(described))

    def _complain(self, kind: str, text: str, style: Style) -> None:
        self._complain_in({kind: text})

    def _complain_in(self, document: dict[str, Any]) -> None:
        print(json.dumps(document, default=_plain), file=self._stderr, flush=True)

    def _write(self, *lines: str) -> None:
        pass


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)


def is_terminal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether somebody looks, at what can do more than type."""
    return stream.isatty() and environ.get('TERM') != 'dumb'


def terminal_size(stream: TextIO) -> os.terminal_size:
    """Columns and lines of the terminal behind a stream."""
    try:
        found = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return _DEFAULT_SIZE
    # Some terminals do not know their size, and say 0.
    return os.terminal_size((found.columns or 80, found.lines or 24))


def _padded(text: str, width: int, right: bool = False) -> str:
    gap = ' ' * (width - columns_of(text))
    return gap + text if right else text + gap


def _tree_lines(
    node: Node, guides: tuple[str, str, str], first: str = '', rest: str = ''
) -> Iterator[tuple[str, str]]:
    """A line for each node, and its note.

    :param guides: what stands before a child, before the last one, and on the way to the others
    """
    yield first + clean(node.label), clean(node.note)
    branch, last, through = guides
    for number, child in enumerate(node.children, 1):
        is_last = number == len(node.children)
        yield from _tree_lines(
            child,
            guides,
            rest + (last if is_last else branch),
            rest + (' ' * len(through) if is_last else through),
        )
