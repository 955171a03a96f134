"""Notes how much of the matrix held."""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import CELLS
from tests.faults.matrix import Cell


@pytest.fixture
def cells(record_property: Callable[[str, object], None]) -> Iterator[list[Cell]]:
    """Where the cells go that were run; their numbers are noted for the end of the run."""
    run: list[Cell] = []
    yield run
    held, listed = sum(cell.held for cell in run), sum(bool(cell.listed) for cell in run)
    record_property(CELLS, [len(run), held, listed])
