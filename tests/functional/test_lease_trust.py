"""Leases lead anywhere: whom the library trusts there, and what it takes along."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from oslo_vmware import exceptions, rw_handles, vim_util
from oslo_vmware._transfer import connection as _connection
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import SessionMaker
from tests.transfer import server as servers
from tests.transfer.between import Relay
from tests.transfer.disks import stream_of
from tests.transfer.place import Place
from tests.transfer.server import CERTIFICATE, DataServer, Exchange, thumbprint

DATA = stream_of(b'the disk' * 64)
_numbers = itertools.count()
SWITCH = 'OSLO_VMWARE_UNVERIFIED_LEASES'
CERTIFICATE_TEXT = CERTIFICATE.cert_chain_pems[0].bytes().decode()
AUTHORITY_TEXT = servers.AUTHORITY.cert_pem.bytes().decode()


@pytest.fixture(autouse=True)
def _nobody_was_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connection, '_warned', {})


@pytest.fixture
def relay(vc: VCenterSimulator) -> Iterator[Relay]:
    """The address of the vCenter, as long as nobody takes its place."""
    with Relay((vc.host, vc.port)) as relay:
        yield relay


@pytest.fixture
def stranger() -> Iterator[DataServer]:
    """A host whose certificate no session of these tests accepts."""

    def take_and_give(exchange: Exchange) -> None:
        exchange.swallow()
        exchange.answer('200 OK', DATA if exchange.method == 'GET' else b'')

    with DataServer(take_and_give, CERTIFICATE) as server:
        yield server


@pytest.fixture
def place(vc: VCenterSimulator, connect: SessionMaker, relay: Relay) -> Place:
    """A session that verifies, with a machine to export."""
    place = Place(vc, connect(vc, port=relay.port))
    place.import_disk(DATA, vm_import_spec=place.import_spec('exported'))
    return place


def importing(place: Place) -> None:
    session = place.session
    folder, spec = place.read(place.dc.ref, 'vmFolder'), place.import_spec(f'm-{next(_numbers)}')
    handle = rw_handles.VmdkWriteHandle(
        session, session._host, session._port, place.first('ResourcePool'), folder, spec,
        len(DATA), 'POST',
    )  # fmt: skip
    handle.write(DATA)
    handle.close()


def exporting(place: Place) -> None:
    machines = place.session.invoke_api(
        vim_util, 'get_objects', place.session.vim, 'VirtualMachine', 100
    )
    (machine,) = [one.obj for one in machines.objects if one.propSet[0].val == 'exported']
    handle = rw_handles.VmdkReadHandle(
        place.session, place.session._host, place.session._port, machine, None, len(DATA)
    )
    handle.read(100)
    handle.close()


def refused(place: Place, move: Any) -> str:
    """The text of the refusal; the lease is aborted."""
    with pytest.raises(exceptions.VimCertificateException) as raised:
        move(place)
    assert isinstance(raised.value, exceptions.VimException)
    assert place.vc.nfc.leases == []
    return str(raised.value)


MOVES = pytest.mark.parametrize('move', [importing, exporting])


@MOVES
@pytest.mark.parametrize('thumbprint', ['its own', ''])
@pytest.mark.parametrize('switch', ['0', '1'])
def test_the_own_server(
    place: Place,
    relay: Relay,
    stranger: DataServer,
    monkeypatch: pytest.MonkeyPatch,
    move: Any,
    thumbprint: str,
    switch: str,
) -> None:
    """Its disks move; who takes its place when a disk is asked for gets not a byte."""
    vc = place.vc
    vc.nfc.host = f'{relay.host}:{relay.port}'
    vc.nfc.claimed_thumbprint = thumbprint and None
    monkeypatch.setenv(SWITCH, switch)
    move(place)
    assert 'vmware_soap_session' in vc.transfers[-1].headers['Cookie']
    original = _connection._connect

    def to_the_stranger(*arguments: Any) -> None:
        relay.target = stranger.host, stranger.port
        try:
            original(*arguments)
        finally:
            relay.target = vc.host, vc.port

    monkeypatch.setattr(_connection, '_connect', to_the_stranger)
    refused(place, move)
    assert stranger.all_closed()
    assert stranger.exchanges == []


@MOVES
def test_a_host_that_the_session_accepts(place: Place, move: Any) -> None:
    """Without a thumbprint it must have a certificate as the session's own server has one."""
    place.vc.nfc.host = f'localhost:{place.vc.port}'
    place.vc.nfc.claimed_thumbprint = ''
    move(place)
    assert 'Cookie' not in place.vc.transfers[-1].headers


@MOVES
def test_a_host_that_nobody_can_verify(
    place: Place,
    stranger: DataServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    move: Any,
) -> None:
    """It is refused in words that name the switch; with the switch it gets the data, no cookie."""
    place.vc.nfc.host = f'localhost:{stranger.port}'
    place.vc.nfc.claimed_thumbprint = ''
    assert f'{SWITCH}=1' in refused(place, move)
    assert stranger.all_closed()
    assert stranger.exchanges == []
    assert told(caplog) == []
    monkeypatch.setenv(SWITCH, '1')
    for _ in range(2):
        move(place)
    assert len(stranger.exchanges) == 2
    assert 'Cookie' not in stranger.last.headers
    (warning,) = told(caplog)
    assert f'localhost:{stranger.port}' in warning


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if 'when data is moved' in r.getMessage()]


CHAIN = CERTIFICATE_TEXT + AUTHORITY_TEXT


@MOVES
@pytest.mark.parametrize(
    ('thumbprint', 'certificate'),
    [
        (thumbprint('sha1'), None),
        (thumbprint('sha256'), None),
        ('', CERTIFICATE_TEXT),
        ('', CERTIFICATE_TEXT.strip()),
        ('', CHAIN),
        # What a server says beside its certificate says less.
        ('00:' * 19 + '00', CERTIFICATE_TEXT),
    ],
    ids=['sha1', 'sha256', 'certificate', 'stripped', 'chain', 'both'],
)
def test_a_host_that_the_lease_knows(
    place: Place, stranger: DataServer, move: Any, thumbprint: str, certificate: str | None
) -> None:
    """By thumbprint or, as vSphere 9.0 tells it, by certificate; the cookie stays at home."""
    place.vc.nfc.host = f'localhost:{stranger.port}'
    place.vc.nfc.claimed_thumbprint = thumbprint
    place.vc.nfc.claimed_certificate = certificate
    move(place)
    assert len(stranger.exchanges) == 1
    assert 'Cookie' not in stranger.last.headers


@MOVES
@pytest.mark.parametrize('switch', ['0', '1'])
@pytest.mark.parametrize(
    ('thumbprint', 'certificate'),
    [
        ('00:' * 19 + '00', None),
        ('', AUTHORITY_TEXT),
        (thumbprint('sha1'), AUTHORITY_TEXT),
        (thumbprint('sha1'), AUTHORITY_TEXT + CERTIFICATE_TEXT),
    ],
    ids=['thumbprint', 'certificate', 'certificate first', 'all'],
)
def test_a_host_that_the_lease_knows_to_be_another(
    place: Place,
    stranger: DataServer,
    monkeypatch: pytest.MonkeyPatch,
    move: Any,
    thumbprint: str,
    certificate: str | None,
    switch: str,
) -> None:
    """It gets nothing, whatever the switch says: somebody stands in its place."""
    place.vc.nfc.host = f'localhost:{stranger.port}'
    place.vc.nfc.claimed_thumbprint = thumbprint
    place.vc.nfc.claimed_certificate = certificate
    monkeypatch.setenv(SWITCH, switch)
    told = refused(place, move)
    assert ('thumbprint' in told, "('" in told) == (True, False)
    assert stranger.all_closed()
    assert stranger.exchanges == []


NO_CERTIFICATES = {
    'in bare base64': 'MIIB',
    'of another name': CERTIFICATE_TEXT.replace('CERT', 'CART'),
    'garbage': 'garbage',
    'without an end': CERTIFICATE_TEXT[:-30],
    'an end before the beginning': '-----END CERTIFICATE-----' + CERTIFICATE_TEXT[:-30],
    # Each beginning was searched to the end of the text: 40 s for these.
    'beginnings alone': '-----BEGIN CERTIFICATE-----\n' * 20_000,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize('text', NO_CERTIFICATES.values(), ids=NO_CERTIFICATES.keys())
def test_a_certificate_that_is_none(place: Place, stranger: DataServer, text: str) -> None:
    """What cannot be compared is not passed over."""
    place.vc.nfc.host = f'localhost:{stranger.port}'
    place.vc.nfc.claimed_thumbprint = thumbprint()
    place.vc.nfc.claimed_certificate = text
    with pytest.raises(exceptions.VimException, match='certificate'):
        exporting(place)
    assert place.vc.nfc.leases == []
    assert stranger.connections == 0


@MOVES
def test_a_lease_that_is_not_encrypted(
    place: Place, monkeypatch: pytest.MonkeyPatch, move: Any
) -> None:
    """To a session that verifies it is as good as unverified."""

    def take_and_give(exchange: Exchange) -> None:
        exchange.swallow()
        exchange.answer('200 OK', DATA if exchange.method == 'GET' else b'')

    with DataServer(take_and_give) as server:
        monkeypatch.setattr(place.vc.nfc, 'url', lambda *path: f'{server.url}/nfc/t/disk')
        assert f'{SWITCH}=1' in refused(place, move)
        assert server.connections == 0
        monkeypatch.setenv(SWITCH, '1')
        move(place)
        assert 'Cookie' not in server.last.headers


@MOVES
def test_a_session_that_verifies_nothing(
    vc: VCenterSimulator,
    connect: SessionMaker,
    stranger: DataServer,
    caplog: pytest.LogCaptureFixture,
    move: Any,
) -> None:
    """Its leases are as good as it is: pinned where they can be, else unverified, with a word."""
    place = Place(vc, connect(vc, cacert=None, insecure=True))
    place.import_disk(DATA, vm_import_spec=place.import_spec('exported'))
    vc.nfc.host = f'localhost:{stranger.port}'
    refused(place, move)
    assert told(caplog) == []
    vc.nfc.claimed_thumbprint = ''
    move(place)
    assert len(told(caplog)) == 1
