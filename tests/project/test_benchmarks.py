"""What the figures of ``make bench`` stand on: clocks, targets, and a server that only replays."""

from __future__ import annotations

import io
import pathlib
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import requests

import benchmarks.__main__ as main
from benchmarks import progress, rows, table, timing
from benchmarks.bench import WrongResult
from benchmarks.libraries import OURS
from benchmarks.registry import FIGURES
from benchmarks.replay import Replay
from oslo_vmware.simulator import Inventory
from tests.work_tree import ROOT


class Clock:
    """Goes on by so many seconds at each of some actions."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []

    def action(self, name: str, *seconds: float) -> timing.Action:
        left = iter(seconds)

        def act() -> None:
            self.log.append(name)
            self.now += next(left)

        return act

    def __call__(self) -> float:
        return self.now


def test_the_best_round_counts() -> None:
    """A round that something disturbed is not the one that is told."""
    clock = Clock()
    actions = {
        'a': clock.action('a', 9, 9, 0.3, 0.1, 0.2),
        'b': clock.action('b', 9, 9, 5.0, 6.0, 4.0),
    }
    best = timing.fastest(actions, clock, rounds=3, block=0)
    assert best == pytest.approx({'a': 0.1, 'b': 4.0})


def test_actions_take_turns() -> None:
    """What the machine does at a time hits all of them."""
    clock = Clock()
    actions = {name: clock.action(name, *[1.0] * 5) for name in 'ab'}
    timing.fastest(actions, clock, rounds=3, block=0)
    assert clock.log[4:] == ['a', 'b'] * 3


def test_slow_actions_take_few_turns() -> None:
    """What is far behind need not be waited for in each round."""
    log: list[str] = []
    actions = {'slow': lambda: log.append('slow') or time.sleep(0.002), 'fast': lambda: None}
    timing.fastest(actions, rounds=50, block=0, patience=0.004)
    assert 3 <= len(log) <= 4  # two before the rounds


VALUES = {OURS: 2.0, 'pyVmomi': 4.0, 'suds': 80.0, 'lxml': 0.5}


@pytest.mark.parametrize(
    ('target', 'words', 'met'),
    [
        (rows.Target(2), '✔ 2 ms, target ≤ 2 ms', True),
        (rows.Target(1.999), '✘ missed: 2 ms, target ≤ 2 ms', False),
        (rows.Target(0.5, 'pyVmomi'), '✔ 0.5 x pyVmomi, target ≤ 0.5', True),
        (rows.Target(0.4, 'pyVmomi'), '✘ missed: 0.5 x pyVmomi, target ≤ 0.4', False),
        (rows.Target(4, 'lxml', at_least=True), '✔ 4 x lxml, target ≥ 4', True),
        (rows.Target(4.1, 'lxml', at_least=True), '✘ missed: 4 x lxml, target ≥ 4.1', False),
        (rows.Target(1, OURS, mine='lxml'), '✔ 0.25 x oslo.vmware with lxml, target ≤ 1', True),
        (rows.Target(1, 'govmomi'), '- not measured here: target ≤ 1', None),
    ],
)
def test_targets(target: rows.Target, words: str, met: bool | None) -> None:
    """A target is met by the figure that was measured, not by the one that is shown."""
    row = rows.Row('decode', 'ms', (target,))
    assert target.met(VALUES) is met
    assert table.verdict(row, target, VALUES) == words


def test_what_is_shown() -> None:
    """Figures, how many times as good ours are, what else was measured, and what was missed."""
    row = rows.Row('decode', 'ms', (rows.Target(1),))
    figures, others, target = table.lines(row, VALUES)
    assert figures.split() == ['decode,', 'ms', '2', '4', '(2.0x)', '-', '80', '(40.0x)']
    assert others.split() == ['lxml', '0.5']
    assert target.strip() == '✘ missed: 2 ms, target ≤ 1 ms'


def test_more_is_better_of_rates() -> None:
    """The multiple beside a figure is how much better ours is, be it a time or a rate."""
    row = rows.Row('calls', '1/s', more_is_better=True)
    assert '4 (0.5x)' in table.lines(row, VALUES)[0]


def test_what_is_behind_a_peer() -> None:
    """The last lines tell how many targets were met, and where a peer is better."""
    row = rows.Row('calls', '1/s', (rows.Target(1), rows.Target(1, 'go')), more_is_better=True)
    assert table.summary([(row, VALUES)]) == [
        '0 targets met, 1 missed, 1 not measured here.',
        'Below 1.0 of a peer: calls, 0.50 of pyVmomi',
    ]


def _figure(measure: Callable[[Any], rows.Measured], name: str = 'fine') -> rows.Figure:
    return rows.Figure(
        name, measure, {'time': rows.Row(f'a {name} thing', 'ms', (rows.Target(1),))}
    )


@pytest.fixture
def bench(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> Callable[..., tuple[int, pathlib.Path]]:
    """Runs the program with some figures in the place of all; tells its exit status."""

    def run(figures: Sequence[rows.Figure], *arguments: str) -> tuple[int, pathlib.Path]:
        file = tmp_path / 'kept' / 'rows.jsonl'
        monkeypatch.setattr(main, 'FIGURES', figures)
        monkeypatch.setattr(sys, 'argv', ['bench', '--results', str(file), *arguments])
        # It ends tidily when it is told to, which a test run is not asked about.
        monkeypatch.setattr(signal, 'signal', lambda *_: None)
        return main.main(), file

    return run


Run = Callable[..., tuple[int, pathlib.Path]]


def test_rows_are_kept_as_they_are_known(bench: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """What was measured before a run is stopped is printed and in its file, and can be shown."""

    def stop(bench: Any) -> rows.Measured:
        raise KeyboardInterrupt

    figures = [_figure(lambda bench: {'time': {OURS: 3.0}}), _figure(stop, 'stopped')]
    status, file = bench(figures)
    told = capsys.readouterr()
    assert status == 130
    assert 'a fine thing, ms' in told.out
    assert '[2/2] stopped' in told.err
    assert 'Stopped' in told.err
    assert len(file.read_text().splitlines()) == 1
    status, _ = bench(figures, '--table')
    assert status == 0
    assert capsys.readouterr().out.split() == told.out.split()


def test_figures_are_measured_by_name(bench: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Only those that are asked for; a name that is none is refused with those that there are."""
    figures = [_figure(lambda bench: {'time': {OURS: 1.0}}, name) for name in ('one', 'two')]
    bench(figures, 'two')
    assert 'a two thing' in (told := capsys.readouterr().out)
    assert 'a one thing' not in told
    with pytest.raises(SystemExit):
        bench(figures, 'three')
    assert 'no such figure: three; there are one, two' in capsys.readouterr().err
    bench(figures, '--list')
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ['one', 'two']


def test_the_last_of_a_row_counts(bench: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures that were measured one by one make one table."""
    one, two = (_figure(lambda bench: {'time': {OURS: 1.0}}, name) for name in ('one', 'two'))
    again = _figure(lambda bench: {'time': {OURS: 7.0}}, 'one')
    for figures in ([one], [two], [again]):
        bench(figures)
    capsys.readouterr()
    bench([one, two], '--table')
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if 'thing' in line] == [
        ['a', 'one', 'thing,', 'ms', '7', '-', '-', '-'],
        ['a', 'two', 'thing,', 'ms', '1', '-', '-', '-'],
    ]


@pytest.mark.parametrize(
    ('value', 'options', 'status'),
    [(3.0, [], 0), (3.0, ['--check'], 1), (0.5, ['--check'], 0), (None, [], 1)],
)
def test_exit_status(
    bench: Run,
    capsys: pytest.CaptureFixture[str],
    value: float | None,
    options: list[str],
    status: int,
) -> None:
    """A missed target fails only who asks for it; what cannot be believed always does."""

    def measure(bench: Any) -> rows.Measured:
        if value is None:
            raise WrongResult('the libraries disagree')
        return {'time': {OURS: value}}

    assert (
        bench([_figure(measure), _figure(lambda bench: {'time': {OURS: 1.0}}, 'other')], *options)[
            0
        ]
        == status
    )
    assert 'a other thing' in (told := capsys.readouterr()).out
    assert ('the libraries disagree' in told.err) is (value is None)


def test_a_terminal_has_a_line_of_status() -> None:
    """It is written over, and gone when a row is printed; a pipe has plain lines."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, escapes in ((Terminal(), True), (io.StringIO(), False)):
        told = progress.Progress(stream)
        told.figure('decode', 1, 2)
        told.tell('suds, round 1 of 5')
        told.clear()
        assert ('\033[K' in stream.getvalue()) is escapes
        assert '[1/2] decode' in stream.getvalue()


def test_names_are_unlike_each_other() -> None:
    """Each figure can be asked for, and each row told from the others."""
    for names in (
        [figure.name for figure in FIGURES],
        [row.title.strip() for figure in FIGURES for row in figure.rows.values()],
    ):
        assert len(set(names)) == len(names)


def _in_readme() -> dict[str, list[str]]:
    """The lines of the table beneath each that begins a row."""
    text = (ROOT / 'README.rst').read_text()
    _, _, after = text.partition(f'    {table.heading()}\n')
    shown: dict[str, list[str]] = {}
    beneath: list[str] = []
    for line in after.partition('\n\n')[0].splitlines():
        if line.startswith(' ' * 10):
            beneath.append(line.strip())
        else:
            beneath = shown[re.split(' {3,}', line[4:].strip())[0]] = []
    return shown


@pytest.mark.parametrize('figure', FIGURES, ids=lambda figure: figure.name)
def test_the_readme_has_all_rows_and_targets(figure: rows.Figure) -> None:
    """Its table is what the program prints; make it with ``make bench BENCH=--table``."""
    shown = _in_readme()
    for row in figure.rows.values():
        targets = [line for line in shown[f'{row.title.strip()}, {row.unit}'] if 'target' in line]
        for target, line in zip(row.targets, targets, strict=True):
            assert line.endswith(table.wish(row, target))
            assert f' x {target.of}' in line or target.of is None or 'not measured' in line


def test_the_readme_has_nothing_else() -> None:
    """A row that is measured no more is not told of."""
    known = {f'{row.title.strip()}, {row.unit}' for one in FIGURES for row in one.rows.values()}
    assert set(_in_readme()) == known


@pytest.fixture(scope='module')
def replay() -> Iterator[Replay]:
    with Replay(Inventory(vms=2)) as running:
        yield running


def test_replies_are_replayed(replay: Replay) -> None:
    """The same call gets the same bytes however it is written, and others nothing once frozen."""
    request = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        '<{0}CurrentTime xmlns{1}="urn:vim25"><{0}_this type="ServiceInstance">'
        'ServiceInstance</{0}_this></{0}CurrentTime></e:Body></e:Envelope>'
    )
    other = request.replace('CurrentTime', 'RetrieveServiceContent')

    with requests.Session() as session:
        session.trust_env = False

        def post(body: str) -> requests.Response:
            return session.post(
                f'{replay.server.url}/sdk',
                data=body,
                headers={'SOAPAction': 'urn:vim25/8.0.3.0'},
                verify=replay.server.cacert,
            )

        # It needs a session, of which the recorder has none: a fault is a reply like any other.
        first = post(request.format('', ''))
        assert b'NotAuthenticated' in first.content
        assert post(request.format('v:', ':v')).content == first.content
        replay.freeze()
        assert post(request.format('w:', ':w')).content == first.content
        assert replay.misses() == []
        assert post(other.format('', '')).status_code == 404
        assert len(replay.misses()) == 1
        assert 'RetrieveServiceContent' in replay.misses()[0]
        assert replay.thaw() == replay.misses()
        assert post(other.format('', '')).status_code == 200
        replay.freeze()
        assert replay.thaw() == []
