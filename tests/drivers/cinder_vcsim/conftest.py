"""A vCenter that is not ours; the driver, and what it gets of Cinder, as for the other flows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.drivers.cinder.conftest import (  # noqa: F401
    driver,
    glance,
    images,
    make_driver,
    new_volume,
    service,
    types,
)
from tests.drivers.on_vcsim.inventory import machines
from tests.drivers.on_vcsim.server import Vcsim, running


@pytest.fixture(scope='session')
def simulator(service: None) -> Iterator[Vcsim]:  # noqa: F811
    with running() as made:
        yield made


@pytest.fixture
def vc(simulator: Vcsim) -> Iterator[Vcsim]:
    """The vCenter; a test that is over has left no session and no machine behind."""

    def left() -> tuple[int, list[str]]:
        with simulator.observer() as content:
            names = [machine.name for machine in machines(content)]
            return len(content.sessionManager.sessionList), names

    before = left()
    yield simulator
    assert left() == before


@pytest.fixture
def cluster_name() -> str:
    return 'DC0_C0'


@pytest.fixture
def content(vc: Vcsim) -> Iterator[Any]:
    """VMware's own SDK."""
    with vc.observer() as found:
        yield found
