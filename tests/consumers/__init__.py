"""The users' own unit tests, unmodified, on our package: ``python -m tests.consumers``.

Nobody here wrote these tests, so they cannot share a mistake with us. What happens:

1. A wheel is built from the work tree (:mod:`~tests.consumers.environments`).
2. Each user of the library gets a virtual environment with its release, taken by its name from
   the package index, what its tests need, and our wheel. pip is bound to that wheel for the name
   ``oslo.vmware``, and ``pip check`` has to be content with it. Afterwards the installed files
   are compared with those of the wheel.
3. Each suite (:mod:`~tests.consumers.suites`) runs in a process of its own, by
   :mod:`~tests.consumers.run_suite`, away from the work tree.
4. What it reports is judged (:mod:`~tests.consumers.verdicts`) by the number of tests that we
   know it to have: a suite that shrinks, or skips, has not passed.

Environments are kept in ``.consumers`` and made anew when what they are made from has changed.
The wheel is built and installed anew each time.
"""
