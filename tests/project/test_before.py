"""What is measured beside the commit before, and when that is a loss: ``make before``."""

from __future__ import annotations

import pathlib
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks import before, commits
from benchmarks.before import BEFORE, NOW, Figures
from benchmarks.replay import Replay
from oslo_vmware.simulator import Inventory

LIMIT = 1.25
FIGURES = ['call, clock', 'call, processor', 'opening, clock', 'opening, processor', 'memory']


@pytest.fixture(scope='module')
def server() -> Iterator[tuple[object, ...]]:
    with Replay(Inventory(vms=2)) as replay:
        yield tuple(replay.server)


def test_another_build(server: tuple[object, ...]) -> None:
    """Both builds read and are opened; here the other is this one."""
    best = before.compare(before.HERE, server, turns=2, reads=5)
    assert list(best) == FIGURES
    assert all(set(values) == {BEFORE, NOW} for values in best.values())
    assert all(0 < value < 1e6 for values in best.values() for value in values.values())


def test_no_build_to_compare_with(server: tuple[object, ...], tmp_path: pathlib.Path) -> None:
    """What was imported in its place is not measured against itself."""
    with pytest.raises(before.CannotRun, match='has no oslo_vmware'):
        before.compare(tmp_path, server, turns=1, reads=1)


@pytest.mark.parametrize('figure', FIGURES)
@pytest.mark.parametrize(
    ('times', 'is_lost'), [(1.0, False), (1.1, False), (0.5, False), (1.3, True), (3.0, True)]
)
def test_what_is_a_loss(figure: str, times: float, is_lost: bool) -> None:
    """A loss of 30 % of any figure is one, though each turn takes up to 10 % more by chance."""
    chance = random.Random(f'{figure} {times}')
    noise = lambda: 1 + chance.uniform(0, 0.1)  # noqa: E731

    def look() -> Figures:
        return before.in_turns(
            before.TURNS,
            {
                BEFORE: lambda: {name: 800 * noise() for name in FIGURES},
                NOW: lambda: {
                    name: 800 * noise() * (times if name == figure else 1) for name in FIGURES
                },
            },
        )

    for _ in range(100):
        assert before.verdict(look, LIMIT) == ({figure} if is_lost else set())


def at(times: float, of: float = 1.0) -> Figures:
    return {'call, clock': {BEFORE: 100, NOW: 100 * times}, 'memory': {BEFORE: 30, NOW: 30 * of}}


@pytest.mark.parametrize(
    ('looks', 'lost'),
    [
        pytest.param([at(1.2)], set(), id='none'),
        pytest.param([at(2), at(1.1)], set(), id='not again'),
        pytest.param([at(2), at(1.1, 2)], set(), id='something else'),
        pytest.param([at(2), at(1.3, 2)], {'call, clock'}, id='again'),
        pytest.param([at(2, 2), at(2, 2)], {'call, clock', 'memory'}, id='all'),
    ],
)
def test_a_loss_is_seen_twice(looks: list[Figures], lost: set[str]) -> None:
    """A machine that is busy for the time of one look makes no verdict, and needs no other look."""
    left = iter(looks)
    assert before.verdict(lambda: next(left), LIMIT) == lost
    assert next(left, None) is None


def test_turns_are_taken() -> None:
    """Neither build always comes after the other, and the best turn of each counts."""
    log = []
    values = {BEFORE: iter([5.0, 3.0, 4.0]), NOW: iter([2.0, 1.0, 9.0])}

    def turn(name: str) -> dict[str, float]:
        log.append(name)
        return {'memory': next(values[name])}

    builds = {name: lambda name=name: turn(name) for name in (BEFORE, NOW)}
    assert before.in_turns(3, builds) == {'memory': {BEFORE: 3.0, NOW: 1.0}}
    assert log == [BEFORE, NOW, NOW, BEFORE, BEFORE, NOW]


class Repository:
    """A clone of a project, as CI has one."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.git('init', '-q', '-b', 'main')

    def git(self, *arguments: str) -> str:
        who = ('-c', 'user.name=x', '-c', 'user.email=x@example.com', '-c', 'commit.gpgsign=false')
        command = ['git', *who, *arguments]
        return subprocess.check_output(command, cwd=self.path, text=True).strip()

    def commit(self, content: str) -> str:
        (self.path / 'file').write_text(content)
        self.git('add', 'file')
        self.git('commit', '-q', '-m', content)
        return self.git('rev-parse', 'HEAD')


@pytest.fixture
def clone(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setattr(commits, '_ROOT', tmp_path)
    return Repository(tmp_path)


def test_which_commit_is_before(clone: Repository) -> None:
    """The parent; of a merge commit the first; of a branch, where it left what is there already."""
    assert commits.before() is None
    first = clone.commit('first')
    assert commits.before() is None
    second = clone.commit('second')
    assert commits.before() == first
    clone.git('update-ref', 'refs/remotes/origin/HEAD', second)
    assert commits.before() == first
    clone.git('checkout', '-q', '-b', 'branch')
    clone.commit('third')
    clone.commit('fourth')
    assert commits.before() == second
    clone.git('checkout', '-q', 'main')
    clone.git('merge', '-q', '--no-ff', '-m', 'merged', 'branch')
    clone.git('update-ref', 'refs/remotes/origin/HEAD', 'HEAD')
    assert commits.before() == second


def test_the_files_of_a_commit(clone: Repository) -> None:
    """They are there while they are needed, and the work tree is left alone."""
    first = clone.commit('first')
    clone.commit('second')
    assert commits.described(first).endswith(' first')
    assert commits.named('HEAD^') == first
    with commits.checked_out(first) as directory:
        assert (directory / 'file').read_text() == 'first'
    assert not directory.exists()
    assert (clone.path / 'file').read_text() == 'second'
    with pytest.raises(SystemExit, match='there is no commit v9'):
        commits.named('v9')


@pytest.mark.parametrize('there_is', [False, True])
def test_nothing_to_compare_with(
    clone: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    there_is: bool,
) -> None:
    """No commit before, or one that does not do what is measured, is said, and is no loss."""
    clone.commit('first')
    if there_is:
        clone.commit('second')
    monkeypatch.setattr(sys, 'argv', ['before', '--fail-above', '1.25'])
    assert before.main() == 0
    out, err = capfd.readouterr()
    assert out.rstrip().endswith('nothing is compared.')
    assert ('has no oslo_vmware' in err) is there_is
