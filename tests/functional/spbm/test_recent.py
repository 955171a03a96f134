"""What hosts can use, read once for the policies that are asked about one after the other."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import api, spbm
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.spbm import cache

from ..conftest import Crowd
from .conftest import Site

NAME = 'fra-nfs-01'


@pytest.fixture
def reads(vc: VCenterSimulator) -> Callable[[], int]:
    """How often the inventory was read since the last time it was asked."""
    seen = 0

    def new() -> int:
        nonlocal seen
        now = vc.count('RetrievePropertiesEx')
        fresh, seen = now - seen, now
        return fresh

    return new


def test_it_is_read_once_for_many_policies(
    session: api.VMwareAPISession, site: Site, reads: Callable[[], int]
) -> None:
    """The first pays for cluster, hosts, datastore clusters and datastores; the others nothing."""
    cluster = site.ref('ClusterComputeResource')
    policies = spbm.list_policies(session)
    reads()
    for number, policy in enumerate([*policies, *policies]):
        for ask in (spbm.check_compatibility, spbm.compatible_datastores):
            ask(session, policy, usable_by=cluster, shared=bool(number % 2))
        assert reads() == (0 if number else 4)
    hosts = list(site.refs('HostSystem').values())
    spbm.check_compatibility(session, policies[0], usable_by=hosts)
    # The hosts of another cluster, and nothing that is known of the datastores.
    assert reads() == 1
    # What is asked for by name is what is known, and of what is not known only that is read.
    stores = list(site.refs('Datastore').values())
    spbm.check_spec_compatibility(session, spbm.tag_rule('Tier', 'Gold'), stores, usable_by=hosts)
    assert reads() == 0


def wait(session: api.VMwareAPISession, monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.monotonic() + cache.INVENTORY_SECONDS + 1
    monkeypatch.setattr(cache, 'time', SimpleNamespace(monotonic=lambda: later))


def log_in_again(session: api.VMwareAPISession, _: pytest.MonkeyPatch) -> None:
    session.logout()
    session._create_session()


@pytest.mark.parametrize(
    ('act', 'options'),
    [
        pytest.param(lambda *_: None, {'fresh': True}, id='asked for anew'),
        pytest.param(lambda session, _: spbm.policy_cache(session).clear(), {}, id='forgotten'),
        pytest.param(wait, {}, id='too old'),
        pytest.param(log_in_again, {}, id='another login'),
        pytest.param(
            lambda session, _: setattr(spbm.policy_cache(session), 'inventory_ttl', 0),
            {},
            id='never kept',
        ),
    ],
)
def test_what_changes_is_seen_within_seconds_or_at_once(
    session: api.VMwareAPISession,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Any, Any], None],
    options: Any,
) -> None:
    """As it was read, until that is too old, or whoever asks wants it anew."""
    bronze, store = site.policy_id('Bronze'), site.object('Datastore', NAME)
    cluster, place = site.ref('ClusterComputeResource'), site.ref('Datastore', NAME)

    def fits(**options: Any) -> bool:
        (result,) = spbm.check_compatibility(session, bronze, [place], usable_by=cluster, **options)
        found = spbm.compatible_datastores(session, bronze, [place], usable_by=cluster)
        assert found == ([place] if result.compatible else [])
        return result.compatible

    assert fits()
    store.update(maintenance='inMaintenance')
    assert fits()
    act(session, monkeypatch)
    assert not fits(**options)
    # What was read anew is what is known from then on.
    assert not fits()


def test_what_could_not_be_read_is_not_kept(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, reads: Callable[[], int]
) -> None:
    """It is read by itself the next time, and usable as soon as the account may read it."""
    bronze, store = site.policy_id('Bronze'), site.object('Datastore', NAME)
    host = site.ref('HostSystem')
    vc.faults.deny(store.ref.value)
    before = spbm.compatible_datastores(session, bronze, usable_by=host)
    assert store.ref.value not in {one.value for one in before}
    reads()
    vc.faults.allow(store.ref.value)
    after = spbm.compatible_datastores(session, bronze, usable_by=host)
    assert {one.value for one in after} == {store.ref.value, *(one.value for one in before)}
    assert reads() == 1


def test_a_crowd_reads_it_once(
    session: api.VMwareAPISession, vc: VCenterSimulator, site: Site, reads: Callable[[], int]
) -> None:
    """Threads that ask at the same time share a reading of each kind."""
    bronze, cluster = site.policy_id('Bronze'), site.ref('ClusterComputeResource')
    vc.faults.delay('RetrievePropertiesEx', 0.1, times=None)
    reads()
    ask = lambda _: spbm.check_compatibility(session, bronze, usable_by=cluster)  # noqa: E731
    answers = Crowd(16, ask).join()
    assert all(answer == answers[0] for answer in answers)
    assert reads() == 4
