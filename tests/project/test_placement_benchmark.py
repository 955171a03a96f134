"""The benchmark of placing volumes runs, and counts the calls that the guide tells."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.work_tree import ROOT

#: What the guide says of 100 volumes, here of 10: three calls for each, or so many in all.
CALLS = {
    'helpers of pbm, for each volume': 30,
    'helpers of pbm, once for each policy': 15,
    'spbm, for each volume': 12,
    'spbm with reasons, for each volume': 13,
    'spbm, once for each policy': 7,
    'spbm with reasons, once for each policy': 8,
}


@pytest.fixture(scope='module')
def table() -> dict[str, int]:
    printed = subprocess.run(
        [sys.executable, '-m', 'benchmarks.placement', '--volumes', '10', '--datastores', '10'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    ).stdout
    rows = re.findall(r'^(.*?) {2,}(\d+) +[\d.]+ ', printed, re.MULTILINE)
    return {title: int(calls) for title, calls in rows}


@pytest.mark.parametrize('way', CALLS)
def test_calls(table: dict[str, int], way: str) -> None:
    """Each way of asking costs the calls that it is said to cost."""
    assert table[way] == CALLS[way]
    assert len(table) == len(CALLS)
