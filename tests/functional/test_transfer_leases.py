"""Leases whose answers are lost: what a read can prove, the caller need not find out."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware import exceptions, vim_util
from oslo_vmware._transfer import imports
from oslo_vmware._transfer import lease as _lease
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.simulator.objects import nfc_lease
from oslo_vmware.simulator.objects.search_index import SearchIndex
from oslo_vmware.simulator.objects.vm.virtual_machine import VirtualMachine
from tests.functional.conftest import SessionMaker
from tests.functional.test_transfer_simulator import export
from tests.transfer.disks import stream_of
from tests.transfer.place import Place

DATA = stream_of(bytes(range(256)) * 1000)


def machines(place: Place) -> list[str]:
    """The names of all machines."""
    found = place.session.invoke_api(
        vim_util, 'get_objects', place.session.vim, 'VirtualMachine', 100
    )
    return [vim_util.propset_dict(one.propSet)['name'] for one in found.objects]


LOST: dict[str, Callable[[VCenterSimulator], Any]] = {
    'executed, no answer': lambda vc: vc.faults.drop('HttpNfcLeaseComplete', after=True),
    'executed, half an answer': lambda vc: vc.faults.truncate('HttpNfcLeaseComplete'),
    'executed, 502': lambda vc: vc.faults.http('HttpNfcLeaseComplete', status=502, after=True),
    'executed, 204': lambda vc: vc.faults.http('HttpNfcLeaseComplete', status=204, after=True),
    'not executed': lambda vc: vc.faults.drop('HttpNfcLeaseComplete'),
    'not executed, twice': lambda vc: vc.faults.drop('HttpNfcLeaseComplete', times=2),
    'not executed, 503': lambda vc: vc.faults.http('HttpNfcLeaseComplete', status=503),
}


@pytest.fixture(params=[False, True], ids=['once', 'repeat_changes'])
def place(
    vc: VCenterSimulator, connect: SessionMaker, request: pytest.FixtureRequest, pauses: Any
) -> Place:
    return Place(vc, connect(vc, repeat_changes=request.param))


@pytest.mark.parametrize('loss', LOST)
def test_a_lost_answer_at_the_end_of_an_import(place: Place, loss: str) -> None:
    """The machine is there and is returned, and the lease is done."""
    LOST[loss](place.vc)
    machine = place.import_disk(DATA)
    assert place.read(machine, 'name') == 'imported'
    assert place.vc.nfc.leases == []
    assert place.vc.count('HttpNfcLeaseAbort') == 0


@pytest.mark.parametrize('loss', LOST)
def test_a_lost_answer_at_the_end_of_an_export(place: Place, loss: str) -> None:
    """The data is there, and the lease is done."""
    machine = place.import_disk(DATA)
    LOST[loss](place.vc)
    assert export(place, machine) == DATA
    assert place.vc.nfc.leases == []
    assert place.vc.count('HttpNfcLeaseAbort') == 0


def test_a_lease_that_is_gone_and_its_machine_is_there(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that forgets its leases at once has imported the machine all the same."""
    monkeypatch.setattr(nfc_lease, '_KEPT_SECONDS', 0)
    place.vc.faults.drop('HttpNfcLeaseComplete', after=True)
    machine = place.import_disk(DATA)
    assert place.read(machine, 'name') == 'imported'


def test_a_lease_that_is_gone_and_so_is_its_machine(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that timed out has imported nothing, and the caller is told."""
    monkeypatch.setattr(nfc_lease, '_KEPT_SECONDS', 0)
    complete = nfc_lease.HttpNfcLease.HttpNfcLeaseComplete

    def time_out(lease: nfc_lease.HttpNfcLease, call: Any) -> None:
        lease.fail(nfc_lease.Fault('Timedout', 'The lease has timed out.'))
        complete(lease, call)

    monkeypatch.setattr(nfc_lease.HttpNfcLease, 'HttpNfcLeaseComplete', time_out)
    place.vc.faults.drop('HttpNfcLeaseComplete', after=True)
    with pytest.raises(exceptions.ImageTransferException, match='not imported'):
        place.import_disk(DATA)
    assert 'imported' not in machines(place)


def test_a_lease_that_failed_at_the_end(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is lost and the lease is in state error: its reason is raised."""

    def fail(lease: nfc_lease.HttpNfcLease, call: Any) -> None:
        lease._must_be_ready()
        lease.fail(nfc_lease.Fault('FileLocked', 'the disk is on fire', file='x'))

    monkeypatch.setattr(nfc_lease.HttpNfcLease, 'HttpNfcLeaseComplete', fail)
    place.vc.faults.drop('HttpNfcLeaseComplete', after=True)
    with pytest.raises(exceptions.FileLockedException, match='the disk is on fire'):
        place.import_disk(DATA)
    assert 'imported' not in machines(place)


def test_an_outcome_that_nobody_can_read(
    vc: VCenterSimulator,
    connect: SessionMaker,
    pauses: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without an answer to anything the error says what is not known; nothing is claimed."""
    place = Place(vc, connect(vc, api_retry_count=0))
    complete = nfc_lease.HttpNfcLease.HttpNfcLeaseComplete

    def fall_silent(lease: nfc_lease.HttpNfcLease, call: Any) -> None:
        complete(lease, call)
        vc.faults.drop('RetrievePropertiesEx', times=None)

    monkeypatch.setattr(nfc_lease.HttpNfcLease, 'HttpNfcLeaseComplete', fall_silent)
    # It is seen to no longer than the server is there.
    monkeypatch.setattr(_lease, '_LIFETIME_SECONDS', 0.1)
    vc.faults.drop('HttpNfcLeaseComplete', after=True)
    with pytest.raises(exceptions.VimOutcomeUnknownException, match='HttpNfcLeaseComplete'):
        place.import_disk(DATA)


# An import whose lease nobody knows


@pytest.fixture
def searching(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks are a moment apart."""
    monkeypatch.setattr(imports, '_SEARCH_PAUSE_SECONDS', 0.05)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def import_is_lost(place: Place, **overrides: Any) -> exceptions.VimOutcomeUnknownException:
    with pytest.raises(exceptions.VimOutcomeUnknownException, match='ImportVApp') as raised:
        place.import_disk(DATA, **overrides)
    return raised.value


BEGUN: dict[str, Callable[[VCenterSimulator], Any]] = {
    'no answer': lambda vc: vc.faults.drop('ImportVApp', after=True),
    'half an answer': lambda vc: vc.faults.truncate('ImportVApp'),
    '502': lambda vc: vc.faults.http('ImportVApp', status=502, after=True),
}


@pytest.mark.parametrize('loss', BEGUN)
@pytest.mark.usefixtures('searching')
def test_an_import_whose_beginning_is_not_heard(
    vc: VCenterSimulator, connect: SessionMaker, loss: str
) -> None:
    """The caller hears of it; neither a lease nor half a machine is left, and the name is free."""
    place = Place(vc, connect(vc))
    BEGUN[loss](vc)
    problem = import_is_lost(place)
    assert 'was taken away' in str(problem)
    assert vc.nfc.leases == []
    assert 'imported' not in machines(place)
    assert vc.count('ImportVApp') == 1
    assert place.read(place.import_disk(DATA), 'name') == 'imported'


@pytest.mark.usefixtures('searching')
def test_an_import_that_shows_no_task(
    vc: VCenterSimulator, connect: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine is destroyed."""
    place = Place(vc, connect(vc))
    monkeypatch.setattr(imports, '_IMPORT_TASK', 'AnotherLRO')
    vc.faults.drop('ImportVApp', after=True)
    assert 'was taken away' in str(import_is_lost(place))
    assert vc.count('CancelTask') == 0
    assert vc.nfc.leases == []
    assert 'imported' not in machines(place)


@pytest.mark.usefixtures('searching')
def test_an_import_that_is_slow_to_begin(vc: VCenterSimulator, connect: SessionMaker) -> None:
    """The machine may come after the caller has gone; it is ended then."""
    place = Place(vc, connect(vc))
    vc.world.task_seconds = 1.0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imports, '_WAIT_SECONDS', 0.2)
        vc.faults.drop('ImportVApp', after=True)
        assert 'taken away' not in str(import_is_lost(place))
    until(lambda: vc.nfc.leases == [] and vc.count('CancelTask') == 1)
    assert 'imported' not in machines(place)


@pytest.mark.usefixtures('searching')
def test_an_import_that_was_not_begun(
    vc: VCenterSimulator, connect: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is found, so nothing is touched: not a machine of that name either."""
    monkeypatch.setattr(imports, '_WAIT_SECONDS', 0.5)
    monkeypatch.setattr(imports, '_SEARCH_SECONDS', 0.3)
    place = Place(vc, connect(vc))
    theirs = place.import_disk(DATA)
    vc.faults.drop('ImportVApp')
    assert 'taken away' not in str(import_is_lost(place))
    assert place.read(theirs, 'name') == 'imported'
    assert (vc.count('CancelTask'), vc.count('Destroy_Task')) == (0, 0)


def test_a_server_that_finds_another_machine(
    vc: VCenterSimulator, connect: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what says itself that it is the machine is touched."""
    monkeypatch.setattr(imports, '_WAIT_SECONDS', 0.5)
    monkeypatch.setattr(imports, '_SEARCH_SECONDS', 0.3)
    place = Place(vc, connect(vc))
    before = machines(place)
    monkeypatch.setattr(
        SearchIndex, 'FindByUuid', lambda index, call: next(index.world.of_type(VirtualMachine))
    )
    vc.faults.drop('ImportVApp')
    assert 'taken away' not in str(import_is_lost(place))
    assert vc.count('FindByUuid') > 0
    assert (vc.count('CancelTask'), vc.count('Destroy_Task')) == (0, 0)
    assert machines(place) == before


def test_an_answer_without_a_lease(
    vc: VCenterSimulator, connect: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is none to this question."""
    monkeypatch.setattr(imports, '_WAIT_SECONDS', 0.1)
    monkeypatch.setattr(imports, '_SEARCH_SECONDS', 0.1)
    place = Place(vc, connect(vc))
    vc.faults.empty_reply('ImportVApp')
    assert import_is_lost(place).operation == 'ImportVApp'


@pytest.mark.parametrize('own', [True, False])
def test_the_instance_uuid(vc: VCenterSimulator, connect: SessionMaker, own: bool) -> None:
    """The caller's counts, and then nothing is looked for; the caller's object stays as it is."""
    place = Place(vc, connect(vc))
    spec = place.import_spec('imported')
    given = '5a1b2c3d-0000-4000-8000-0123456789ab' if own else None
    spec.configSpec.instanceUuid = given
    machine = place.import_disk(DATA, vm_import_spec=spec)
    assert spec.configSpec.instanceUuid == given
    config = place.read(machine, 'config')
    assert config.instanceUuid == given or not own
    if own:
        spec.configSpec.name = 'another'
        vc.faults.drop('ImportVApp', after=True)
        import_is_lost(place, vm_import_spec=spec)
        assert vc.count('FindByUuid') == 0
