"""The simulator as pytest fixtures.

In a ``conftest.py``::

    pytest_plugins = ['oslo_vmware.simulator.pytest_plugin']

A test then asks for ``vcenter``. What kind of server it gets is said by a mark, whose arguments
are those of :class:`~oslo_vmware.simulator.VCenterSimulator`::

    @pytest.mark.vcenter(api_version='8.0.3.0', inventory=Inventory(vms=3))
    def test_machines(vcenter): ...
"""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from oslo_vmware.simulator.server import VCenterSimulator


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        'markers', 'vcenter(**options): what the simulator of the fixture vcenter is like'
    )


@pytest.fixture
def vcenter(request: pytest.FixtureRequest) -> Iterator[VCenterSimulator]:
    """A simulated vCenter for one test."""
    mark = request.node.get_closest_marker('vcenter')
    with VCenterSimulator(**(_options(mark) if mark is not None else {})) as simulator:
        yield simulator
    # A mistake of the simulator looks like any fault to the client, and must not pass for one.
    if simulator.errors:
        raise simulator.errors[0]


def _options(mark: pytest.Mark) -> dict[str, Any]:
    """The arguments of a mark; those that the simulator does not have end the test.

    What is wrong with a value, the simulator says itself.
    """
    allowed = inspect.signature(VCenterSimulator).parameters
    wrong = [repr(value) for value in mark.args] + [
        name for name in mark.kwargs if name not in allowed
    ]
    if wrong:
        pytest.fail(
            f'the mark vcenter does not take {", ".join(wrong)}; it takes, by name: '
            f'{", ".join(allowed)}',
            pytrace=False,
        )
    return dict(mark.kwargs)
