"""The simulator as a ``fixtures.Fixture``, for test suites in OpenStack's style::

vc = self.useFixture(VCenterFixture(inventory=Inventory(vms=3))).vcenter
"""

from typing import Any

from oslo_vmware.simulator.server import VCenterSimulator

try:
    import fixtures
except ImportError:  # pragma: no cover - proved by a test in a process of its own
    raise ImportError(
        'The fixture of the vCenter simulator needs the package fixtures, which is not '
        'installed; get it with: pip install fixtures'
    ) from None


class VCenterFixture(fixtures.Fixture):
    """A simulator that runs as long as the fixture is in use.

    :param options: as for :class:`~oslo_vmware.simulator.VCenterSimulator`
    :ivar vcenter: the running simulator
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self._options = options

    def _setUp(self) -> None:
        self.vcenter = VCenterSimulator(**self._options)
        self.addCleanup(self._raise_errors)
        self.addCleanup(self.vcenter.stop)
        self.vcenter.start()

    def _raise_errors(self) -> None:
        # A mistake of the simulator looks like any fault to the client, and must not pass for one.
        if self.vcenter.errors:
            raise self.vcenter.errors[0]
