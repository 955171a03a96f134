"""A broken reply is a value, a fault or NotSoapError, whatever is broken: the short run."""

import os

from tests.differential import fuzz

RUNS = int(os.environ.get('FUZZ_RUNS', '5000'))


def test_broken_replies_end_in_a_value_or_the_documented_exception() -> None:
    """The same inputs each time; ``make fuzz`` runs a million others."""
    outcomes = fuzz.run(RUNS, seed=4)
    assert set(outcomes) == {'value', 'fault', 'NotSoapError'}
    assert min(outcomes.values()) > RUNS / 100
