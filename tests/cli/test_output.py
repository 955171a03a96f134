"""How it looks, in plain text and for programs."""

from __future__ import annotations

import io
import re

import pytest

from oslo_vmware.cli.output import (
    Bar,
    JsonOutput,
    Node,
    Output,
    Styled,
    clean,
    duration,
    plain_bar,
    size,
)
from oslo_vmware.cli.rich_output import RichOutput
from oslo_vmware.cli.rows import without_domain


class Utf8(io.StringIO):
    encoding = 'utf-8'


class Ascii(io.StringIO):
    encoding = 'ascii'


def said(stream: io.StringIO) -> Output:
    return Output(stream, io.StringIO(), {})


def test_a_table() -> None:
    """Columns are aligned by what they show, figures to the right, bars with their percents."""
    stream = Utf8()
    said(stream).table(
        ['Name', '>Size', 'Space'],
        [['ab', '1', Bar(1, 2)], [Styled('日本', 'bad'), '1000', Bar(None, 2)]],
    )
    assert stream.getvalue().splitlines() == [
        'Name   Size   Space',
        '─' * 29,
        'ab        1   █████░░░░░  50%',
        '日本   1000   not known',
    ]


@pytest.mark.parametrize(
    ('stream', 'expected'),
    [
        (Utf8(), ['top        all', '├── a      1', '│   └── b', '└── cccc   2']),
        (Ascii(), ['top        all', '|-- a      1', '|   `-- b', '`-- cccc   2']),
    ],
)
def test_a_tree(stream: io.StringIO, expected: list[str]) -> None:
    """Notes stand in one column; what the character set lacks is drawn with what it has."""
    said(stream).tree(Node('top', 'all', '', [Node('a', '1', '', [Node('b')]), Node('cccc', '2')]))
    assert stream.getvalue().splitlines() == expected


@pytest.mark.parametrize('output', [Output, RichOutput])
def test_what_is_paged_is_drawn_for_its_terminal(output: type[Output]) -> None:
    """Also what is gathered first has no character that the terminal lacks."""

    class Terminal(Ascii):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    out = output(stream, stream, {})
    with out.paged():
        out.table(['Name', 'Space'], [['a', Bar(1, 2)]])
        out.tree(Node('top', '', '', [Node('a')]))
        assert stream.getvalue() == ''
    assert stream.getvalue().isascii()


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('[bold]x[/bold]', '[bold]x[/bold]'),
        ('\x1b[31mred', '\\x1b[31mred'),
        ('two\nlines', 'two\\nlines'),
        ('\u202etxt', '\\u202etxt'),
        ('Zürich 日本', 'Zürich 日本'),
    ],
)
def test_names_do_not_steer_the_terminal(text: str, shown: str) -> None:
    """Whoever names a machine gets no say in what the terminal does."""
    assert clean(text) == shown
    stream = Utf8()
    said(stream).facts([('Name', text)])
    assert stream.getvalue() == f'Name  {shown}\n'


@pytest.mark.parametrize(
    ('number', 'text'),
    [(None, ''), (0, '0 B'), (1023, '1,023 B'), (1024, '1.0 KiB'), (1536 * 1024, '1.5 MiB'),
     (1024**4 - 1, '1.0 TiB'), (200 * 1024**3, '200 GiB'), (5000 * 1024**5, '5,000 PiB')],
)  # fmt: skip
def test_sizes(number: float | None, text: str) -> None:
    """Three figures or so, in the unit that suits."""
    assert size(number) == text


@pytest.mark.parametrize(('seconds', 'text'), [(0, '0:00'), (65, '1:05'), (7200, '2:00:00')])
def test_durations(seconds: float, text: str) -> None:
    """Minutes and seconds, with hours where there are some."""
    assert duration(seconds) == text


def test_json_shows_data_alone() -> None:
    """What is for people is left out; what is for programs is there in one piece."""
    out, err = io.StringIO(), io.StringIO()
    json_output = JsonOutput(out, err, {})
    json_output.line('a line')
    json_output.table(['A'], [['b']])
    json_output.tree(Node('top'))
    json_output.success('good')
    json_output.data({'a': 1})
    json_output.warning('careful')
    assert out.getvalue() == '{\n  "a": 1\n}\n'
    assert err.getvalue() == '{"warning": "careful"}\n'


@pytest.mark.parametrize(
    ('used', 'total', 'text'),
    [
        (0, 100, '░░░░░░░░░░   0%'),
        (54, 100, '█████░░░░░  54%'),
        (100, 100, '██████████ 100%'),
        (120, 100, '██████████ 100%'),
        (None, 100, 'not known'),
        (5, 0, 'not known'),
        (5, None, 'not known'),
    ],
)
def test_bar(used: float | None, total: float | None, text: str) -> None:
    """A bar has a cell for each tenth, and never leaves its frame; what is unknown says so."""
    assert plain_bar(Bar(used, total), '█░') == text


def test_sentences_are_folded_where_that_is_wanted() -> None:
    """Under an indentation and within a width, as the demo has it; headings are as wide."""
    stream = Utf8()
    out = Output(stream, io.StringIO(), {}, indent=2, width=20)
    out.heading('Title')
    out.success('one two three four five')
    assert stream.getvalue().splitlines() == [
        '',
        'Title ' + '─' * 14,
        '  ✔ one two three',
        '    four five',
    ]


@pytest.mark.parametrize(
    ('names', 'expected'),
    [
        (['a.example.net', 'b.example.net'], (['a', 'b'], 'example.net')),
        (['a.example.net', 'a.example.org'], (['a.example.net', 'a.example.org'], '')),
        (['10.0.0.1'], (['10.0.0.1'], '')),
        (['a', 'b'], (['a', 'b'], '')),
        ([], ([], '')),
    ],
)
def test_domain(names: list[str], expected: tuple[list[str], str]) -> None:
    """Only a domain that all hosts share is left out, and addresses have none."""
    assert without_domain(names) == expected


class Screen(Utf8):
    """A terminal of 80 columns, on which lines are drawn over."""

    def isatty(self) -> bool:
        return True


def test_a_transfer_is_followed() -> None:
    """At a terminal one sees bytes, rate and time left, and at the end no trace of it."""
    screen = Screen()
    with Output(io.StringIO(), screen, {}).transfer('Moving', 8192) as bar:
        bar.update(4096)
        assert (bar.done, bar.total) == (4096, 8192)
        assert bar.rate > 0
    drawn = [line.strip() for line in screen.getvalue().split('\r') if line.strip()]
    assert re.fullmatch(
        r'Moving  #####\.\.\.\.\.  50%  4\.0 KiB of 8\.0 KiB  [\d.,]+ \w+/s  \d+:\d\d', drawn[0]
    )
    assert screen.getvalue().endswith('\r' + ' ' * 79 + '\r')


def test_nobody_looks_at_a_transfer() -> None:
    """Where there is no terminal nothing is drawn, whether or not the size is known."""
    err = io.StringIO()
    with Output(io.StringIO(), err, {}).transfer('Moving') as bar:
        bar.update(1)
        bar.update(2, 4)
    assert (bar.done, bar.total, err.getvalue()) == (2, 4, '')
