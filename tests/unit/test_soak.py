"""What a soak run says of what it found: nothing that grew is taken for nothing."""

from __future__ import annotations

import http.client
import io
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
        assert chance.spoiler(exchange('Login')) is None
    chance.share = 1000.0
    for _ in range(500):
        chance.spoiler(exchange('GET /folder'))
    assert 'a page with status 200' not in chance.done
    assert 'cut in the body' in chance.done


def test_a_session_whose_login_was_not_answered_is_known() -> None:
    """The client has never heard of it, so nobody can log out of it."""
    chance = Chance('a')
    chance.share = 1000.0
    headers = http.client.parse_headers(io.BytesIO(b'\r\n'))
    login = SimpleNamespace(name='Login', reply=None, headers=headers)
    while chance.done['closed without a byte'] == 0:
        spoil = chance.spoiler(login)  # type: ignore[arg-type]

    def forward() -> None:
        login.reply = SimpleNamespace(headers=[('Set-Cookie', 'vmware_soap_session="52a"; Path=/')])

    login.forward, login.close = forward, lambda: None
    assert spoil is not None
    spoil(login)  # type: ignore[arg-type]
    assert chance.orphans == {'"52a"'}


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
