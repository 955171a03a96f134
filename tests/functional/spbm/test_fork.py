"""What is kept of policies, right after a fork."""

import os

import pytest

from oslo_vmware.simulator import VCenterSimulator

from ..test_fork import outcome

pytestmark = pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')


def test_a_child_waits_for_no_thread_of_its_parent(vc: VCenterSimulator) -> None:
    """Locks are free there, and what was on its way to the parent is asked for; ttl stays."""
    assert outcome(vc, 'policies') == [[True, 30, 20, {}], True]
    # One by the parent before, and one by the child, which begins without what is kept.
    assert vc.count('PbmQueryProfile') == 2
    assert vc.count('Login') == 1
