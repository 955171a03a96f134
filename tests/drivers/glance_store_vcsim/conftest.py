"""A vCenter that is not ours; Glance's stores are configured for it as for the other flows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.drivers.glance_store.conftest import add, stores, way  # noqa: F401
from tests.drivers.on_vcsim.server import Vcsim, running

FIRST, SECOND = 'LocalDS_0', 'LocalDS_1'


@pytest.fixture(scope='module')
def server() -> Iterator[Vcsim]:
    with running() as made:
        yield made
        with made.observer() as content:
            assert len(content.sessionManager.sessionList) == 1


@pytest.fixture(scope='module')
def places() -> list[str]:
    return [f'DC0:{FIRST}:200', f'DC0:{SECOND}:100']


@pytest.fixture
def content(server: Vcsim) -> Iterator[Any]:
    """VMware's own SDK."""
    with server.observer() as found:
        yield found
