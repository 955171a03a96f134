"""Says at the end of a run how much of the matrix held."""

import pytest

from tests.faults.matrix import Cell

CELLS = pytest.StashKey[list[Cell]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[CELLS] = []


@pytest.fixture
def cells(request: pytest.FixtureRequest) -> list[Cell]:
    """Where the cells go that were run."""
    return request.config.stash[CELLS]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    run = config.stash.get(CELLS, [])
    if run:
        held, listed = sum(cell.held for cell in run), sum(bool(cell.listed) for cell in run)
        terminalreporter.write_line(
            f'fault matrix: {held} of {len(run)} rows held, {listed} listed'
        )
