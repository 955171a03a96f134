"""A client library for VMware vSphere, as OpenStack uses it.

The public modules are those of the reference documentation: :mod:`oslo_vmware.api` (the
session), :mod:`oslo_vmware.vim_util` (reading the inventory), :mod:`oslo_vmware.exceptions`
and their neighbours. Importing the package itself costs nothing: no module is imported for
its side effects, and nothing is patched.
"""
