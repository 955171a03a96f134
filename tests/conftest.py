"""What all tests have: the fixture ``vcenter``, as users get it.

It stands here because pytest takes ``pytest_plugins`` from the uppermost conftest only.
"""

pytest_plugins = ['oslo_vmware.simulator.pytest_plugin']
