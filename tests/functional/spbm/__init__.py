"""Storage policies, complete: :mod:`oslo_vmware.spbm` against the simulator, over HTTPS."""
