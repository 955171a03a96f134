"""Nova's ``VMwareVCDriver``."""

from nova.virt.vmwareapi.driver import VMwareVCDriver


def test_class() -> None:
    """The driver is there, and is the one that a deployment configures."""
    assert VMwareVCDriver.__module__ == 'nova.virt.vmwareapi.driver'
