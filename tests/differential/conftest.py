"""The engines of both services, once for all tests: suds parses VIM for seconds."""

import pytest

from tests.differential.engines import NUMBERS, PBM, VIM, Engines


@pytest.fixture(scope='session')
def vim() -> Engines:
    """The engines on the VIM that ships with the package."""
    return Engines(VIM)


@pytest.fixture(scope='session')
def pbm() -> Engines:
    """The engines on the newest PBM."""
    return Engines(PBM)


@pytest.fixture(scope='session')
def numbers() -> Engines:
    """The engines on a service of numbers."""
    return Engines(NUMBERS)


@pytest.fixture(params=['vim', 'pbm'])
def engines(request: pytest.FixtureRequest) -> Engines:
    """The engines of each of the two services in turn."""
    found: Engines = request.getfixturevalue(request.param)
    return found
