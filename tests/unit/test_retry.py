"""The retry policy: how often, how long, and nothing shared between calls."""

import random

import pytest

from oslo_vmware import exceptions
from oslo_vmware._session import retry as _retry
from oslo_vmware._session.retry import RetryDecorator, RetryPolicy

TROUBLE = exceptions.VimConnectionException('no answer')


def pauses(policy: RetryPolicy, failures: int) -> list[float]:
    made = []
    for _ in range(failures):
        policy = policy.after(TROUBLE)
        made.append(policy.delay)
    return made


LONGEST = [10, 20, 30, 40, 50, 60, 60, 60]


@pytest.mark.parametrize(
    ('chance', 'part'),
    [(0.0, 1.0), (0.5, 0.875), (1.0, 0.75)],
    ids=['as long as can be', 'in the middle', 'as short as can be'],
)
def test_the_pause_grows_to_a_ceiling(
    monkeypatch: pytest.MonkeyPatch, chance: float, part: float
) -> None:
    """Ten seconds more each time, sixty at most; chance takes up to a quarter of that away."""
    monkeypatch.setattr(_retry._chance, 'random', lambda: chance)
    assert pauses(RetryPolicy(-1), 8) == [part * longest for longest in LONGEST]


def test_services_do_not_come_back_in_step() -> None:
    """Two hundred that failed together pause for different times, within the bounds."""
    delays = {pauses(RetryPolicy(1), 1)[0] for _ in range(200)}
    assert len(delays) > 190
    assert all(7.5 <= delay <= 10 for delay in delays)
    assert max(delays) - min(delays) > 2


def test_forked_services_do_not_come_back_in_step() -> None:
    """A process that was forked off by other means than Python's pauses for times of its own."""
    state = random.getstate()
    here = pauses(RetryPolicy(1), 1)
    random.setstate(state)
    assert pauses(RetryPolicy(1), 1) != here


def test_a_pause_is_one_pause() -> None:
    """What is logged is what is slept."""
    policy = RetryPolicy(1).after(TROUBLE)
    assert policy.delay == policy.delay


@pytest.mark.parametrize(('limit', 'allowed'), [(0, 0), (1, 1), (3, 3), (None, 0)])
def test_the_last_failure_is_raised(limit: int | None, allowed: int) -> None:
    """As many repetitions as configured, then the failure itself; no number means none."""
    policy = RetryPolicy(limit)
    for _ in range(allowed):
        policy = policy.after(TROUBLE)
    with pytest.raises(exceptions.VimConnectionException) as raised:
        policy.after(TROUBLE)
    assert raised.value is TROUBLE


def test_a_policy_is_a_value() -> None:
    """One call's failures do not show in another call's policy."""
    policy = RetryPolicy(1)
    policy.after(TROUBLE)
    assert policy == RetryPolicy(1)


class TestRetryDecorator:
    """The decorator that older releases of the users import."""

    @pytest.fixture
    def slept(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        made: list[float] = []
        monkeypatch.setattr(_retry.time, 'sleep', made.append)
        return made

    def test_repeats_and_counts_per_call(self, slept: list[float]) -> None:
        """Each call has all its repetitions, whatever happened before."""
        attempts = []

        @RetryDecorator(max_retry_count=2, inc_sleep_time=1, max_sleep_time=1.5, exceptions=OSError)
        def fails(word: str) -> str:
            attempts.append(word)
            raise OSError(word)

        for word in ('a', 'b'):
            with pytest.raises(OSError, match=word):
                fails(word)
        assert attempts == ['a'] * 3 + ['b'] * 3
        assert slept == [1, 1.5, 1, 1.5]

    def test_other_exceptions_pass(self, slept: list[float]) -> None:
        """What is not named is raised at once."""

        @RetryDecorator(exceptions=(OSError,))
        def fails() -> None:
            raise ValueError('other')

        with pytest.raises(ValueError, match='other'):
            fails()
        assert slept == []

    def test_the_result_comes_through(self, slept: list[float]) -> None:
        """Name and result are the function's own."""
        outcomes = [OSError('once'), 'fine']

        @RetryDecorator(exceptions=OSError)
        def answer() -> str:
            outcome = outcomes.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return str(outcome)

        assert (answer.__name__, answer(), slept) == ('answer', 'fine', [10])
