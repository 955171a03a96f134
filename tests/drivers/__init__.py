"""The users' real drivers against our simulator: ``python -m tests.drivers``.

The users' own unit tests (:mod:`tests.consumers`) replace the wire. Here nothing is replaced: the
driver class that a deployment configures opens its real session, over HTTPS, to a simulated
vCenter. Each flow is checked twice, by what the driver returned and by what the server has
afterwards. What happens:

1. Each user gets the environment that :mod:`tests.consumers.environments` makes: its release, our
   wheel in the place of ``oslo.vmware``, pytest.
2. The tests, ``tests/drivers/<user>/test_*.py``, are copied to a directory away from the work tree
   and run there by the environment's pytest, so that ``oslo_vmware`` can only be the wheel's. The
   simulator is the wheel's too: it runs in threads of the test's own process, where its objects
   can be looked at.
3. A run without a test, or with a skipped one, has failed (:mod:`tests.drivers.runs`).

Environment variables ``OSLO_VMWARE_*`` reach the tests.
"""
