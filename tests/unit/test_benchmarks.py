"""What the figures of ``make bench`` stand on: clocks, targets, and a server that only replays."""

from __future__ import annotations

import io
import pathlib
from collections.abc import Iterator

import pytest
import requests
from rich.console import Console

from benchmarks import before, table, timing
from benchmarks.libraries import Ours
from benchmarks.replay import Replay
from oslo_vmware.simulator import Inventory


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


@pytest.mark.parametrize(
    ('target', 'reached', 'met'),
    [
        (table.Target.at_most(0.02, 0.02, 'ms'), '0.02 ms', True),
        (table.Target.at_most(0.0201, 0.02, 'ms'), '0.0201 ms', False),
        (table.Target.fraction(1.0, 30.0, 30, 'suds'), '1/30.0 of suds', True),
        (table.Target.fraction(1.0, 29.9, 30, 'suds'), '1/29.9 of suds', False),
        (table.Target.multiple(5.0, 1.0, 5, 'lxml'), '5.00 x lxml', True),
        (table.Target.multiple(5.001, 1.0, 5, 'lxml'), '5.00 x lxml', False),
    ],
)
def test_targets(target: table.Target, reached: str, met: bool) -> None:
    """A target is met by the figure that was measured, not by the one that is shown."""
    assert (target.reached, target.met) == (reached, met)


def test_what_is_shown() -> None:
    """Figures, how many times ours they are, and what was missed."""
    missed = table.Target.at_most(2.0, 1.0, 'ms')
    row = table.Row('decode', 'ms', {Ours.title: 2.0, 'suds': 80.0}, (missed,), (('lxml', 0.5),))
    console = Console(file=io.StringIO(), width=120)
    table.show([row], console)
    assert isinstance(console.file, io.StringIO)
    figures, others, target = (
        line.split()
        for line in console.file.getvalue().splitlines()
        if line.startswith(('decode', '≤'))
    )
    assert figures == ['decode,', 'ms', '2', '80', '(40.0x)', '-', '-']
    assert others == ['decode:', 'lxml', '0.5', 'ms']
    assert target == ['≤', '1', 'ms', '2', 'ms', '✘', 'missed', 'decode']


def test_more_is_better_of_rates() -> None:
    """The multiple beside a figure is how much better ours is, be it a time or a rate."""
    row = table.Row('calls', '1/s', {Ours.title: 80.0, 'suds': 20.0}, more_is_better=True)
    console = Console(file=io.StringIO(), width=120)
    table.show([row], console)
    assert isinstance(console.file, io.StringIO)
    assert '20 (4.0x)' in console.file.getvalue()


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


def test_a_read_beside_that_of_another_build() -> None:
    """Both builds read, by the clock and by the processor; here the other is this one."""
    best = before.compare(before.HERE, turns=2, reads=5)
    assert {figure: list(values) for figure, values in best.items()} == {
        'clock': ['before', 'now'],
        'processor': ['before', 'now'],
    }
    assert all(0 < value < 1e6 for values in best.values() for value in values.values())


def test_no_build_to_compare_with(tmp_path: pathlib.Path) -> None:
    """What was imported in its place is not measured against itself."""
    with pytest.raises(SystemExit, match='has no oslo_vmware'):
        before.compare(tmp_path, turns=1, reads=1)
