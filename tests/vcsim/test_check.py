"""``oslo-vmware check`` against a server that shares nothing with us."""

from oslo_vmware.cli.check import Wanted, check
from oslo_vmware.cli.check.findings import Outcome
from oslo_vmware.cli.check.reach import Target
from tests.vcsim.server import Vcsim


def test_check(vc: Vcsim) -> None:
    """Everything is looked at, a file goes there and back, and what is not right is named."""
    target = Target(vc.host, vc.username, lambda: vc.password, vc.port, vc.cacert)
    report = check(target, Wanted(write='LocalDS_0'))
    assert report.is_good
    nova, *others = report.verdicts
    assert nova.reasons[0] == 'cluster DC0_C0: 2 hosts, DRS off'
    assert [one.reasons for one in others] == [(), (), ()]
    unseen = [one.subject for one in report.findings if one.outcome is Outcome.UNSEEN]
    assert unseen == ['session settings']
