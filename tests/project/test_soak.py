"""What a soak run says of what it found: nothing that grew is taken for nothing."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.wire_faults import FAULTS
from tests.soak import __main__ as soak
from tests.soak.client import MEMORY_MIB, compared
from tests.soak.server import Chance
from tests.soak.work import WEIGHTS, Work

BEFORE = {'descriptors': 8, 'server: leases': 0, 'memory MiB': 100.0}


@pytest.mark.parametrize(
    ('after', 'grown'),
    [
        (BEFORE, []),
        (BEFORE | {'descriptors': 9}, ['descriptors']),
        (BEFORE | {'server: leases': 1}, ['server: leases']),
        (BEFORE | {'descriptors': 7}, []),
        (BEFORE | {'memory MiB': 100.0 + MEMORY_MIB}, []),
        (BEFORE | {'memory MiB': 100.5 + MEMORY_MIB}, ['memory MiB']),
    ],
)
def test_what_grew(after: dict[str, float], grown: list[str]) -> None:
    """More than before is wrong, of memory more than a bound."""
    assert [problem.rpartition(':')[0] for problem in compared(BEFORE, after)] == grown


def exchange(name: str) -> Any:
    return SimpleNamespace(name=name, reply=None)


def test_one_seed_draws_the_same_faults() -> None:
    """In the same order; another seed draws others."""

    def drawn(seed: str) -> dict[str, int]:
        chance = Chance(seed)
        chance.share = 1.0
        for _ in range(500):
            chance.spoiler(exchange('Logout'))
            chance.doorman()
        return dict(chance.done)

    assert drawn('a') == drawn('a') != drawn('b')
    assert set(drawn('a')) <= {fault.name for fault in FAULTS}


def test_nothing_is_spoiled_that_nobody_could_tell() -> None:
    """A file may have any content; and without noise nothing is spoiled at all."""
    chance = Chance('a')
    for _ in range(500):
        assert chance.spoiler(exchange('Logout')) is None
    chance.share = 1000.0
    for _ in range(500):
        chance.spoiler(exchange('GET /folder'))
    assert 'a page with status 200' not in chance.done
    assert 'cut in the body' in chance.done


class Login:
    """The exchange of a login, whose client may have gone."""

    name = 'Login'
    reply: Any = None

    def __init__(self, gone: bool) -> None:
        self._gone = gone

    def forward(self) -> Any:
        self.reply = SimpleNamespace(headers=[('Set-Cookie', 'vmware_soap_session="52a"; Path=/')])
        return self.reply

    def answer(self, reply: Any) -> None:
        if self._gone:
            raise BrokenPipeError

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ('fault', 'gone', 'known'),
    [
        ('closed without a byte', False, {'"52a"'}),
        (None, True, {'"52a"'}),
        (None, False, set()),
    ],
)
def test_a_session_whose_login_was_not_answered_is_known(
    fault: str | None, gone: bool, known: set[str]
) -> None:
    """The client has never heard of it, so nobody can log out of it; and no other is."""
    chance = Chance('a')
    login: Any = Login(gone)
    chance.share = 1000.0 if fault else 0.0
    spoil = chance.spoiler(login)
    while fault and chance.done[fault] == 0:
        spoil = chance.spoiler(login)
    assert spoil is not None
    with contextlib.suppress(BrokenPipeError):
        spoil(login)
    assert chance.orphans == known


def test_every_kind_of_work_is_there() -> None:
    """Each name that is drawn is something to do."""
    assert [kind for kind in WEIGHTS if not callable(getattr(Work, kind, None))] == []


def test_a_half_that_dies_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no result, and that is told."""
    monkeypatch.setattr(soak.sys, 'executable', '/bin/false')
    result = soak.run('a', 1, ())
    soak.show('natively', result)
    assert 'it came to no end' in capsys.readouterr().out
