"""What all tests have: the fixture ``vcenter``, as users get it.

It stands here because pytest takes ``pytest_plugins`` from the uppermost conftest only.
"""

pytest_plugins = ['oslo_vmware.simulator.pytest_plugin']

# They need the environments of the library's users: `make test-drivers` runs them.
collect_ignore = ['drivers']
