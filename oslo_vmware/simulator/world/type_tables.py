"""pyVmomi's type tables, or a kind word about where to get them."""

try:
    from pyVmomi import VmomiSupport
except ImportError:  # pragma: no cover - proved by a test in a process of its own
    raise ImportError(
        'The vCenter simulator needs the package pyvmomi, which is not installed; '
        "get it with: pip install 'pyvmomi>=9.1.1.0' trustme"
    ) from None

__all__ = ['VmomiSupport']
