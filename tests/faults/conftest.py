"""Notes how much of the matrix held."""

from collections.abc import Iterator

import pytest

from tests.conftest import CELLS
from tests.faults.matrix import Cell


@pytest.fixture
def cells(request: pytest.FixtureRequest) -> Iterator[list[Cell]]:
    """Where the cells go that were run; their numbers are noted for the end of the run."""
    run: list[Cell] = []
    yield run
    held, listed = sum(cell.held for cell in run), sum(bool(cell.listed) for cell in run)
    # What record_property would do, which warns of the form in which results are kept.
    request.node.user_properties.append((CELLS, [len(run), held, listed]))
