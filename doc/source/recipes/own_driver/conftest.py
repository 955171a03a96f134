"""Gives every test the fixture ``vcenter``, a vCenter in a box."""

pytest_plugins = ['oslo_vmware.simulator.pytest_plugin']
