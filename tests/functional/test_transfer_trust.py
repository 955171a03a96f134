"""Trust follows the session: where its cookie goes, a server is as well known as to the session."""

import datetime
import ipaddress
import pathlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oslo_vmware import api, exceptions, image_transfer, rw_handles
from oslo_vmware._transfer import connection as _connection
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import SessionMaker
from tests.transfer.between import Relay
from tests.transfer.place import Place
from tests.transfer.server import AUTHORITY, CERTIFICATE, DataServer, Script, serve, thumbprint
from tests.transfer.server import store as stored

DATA = b'the image'


@pytest.fixture(autouse=True)
def _nobody_was_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_connection, '_warned', {})


@pytest.fixture
def relay(vc: VCenterSimulator) -> Iterator[Relay]:
    """The address of the vCenter, as long as nobody takes its place."""
    with Relay((vc.host, vc.port)) as relay:
        yield relay


@pytest.fixture
def stranger_ca(tmp_path: pathlib.Path) -> str:
    """Bundle of the authority of the servers that are not the vCenter."""
    path = tmp_path / 'stranger.pem'
    AUTHORITY.cert_pem.write_to_path(path)
    return str(path)


def by_file(vc: VCenterSimulator, directory: pathlib.Path, patch: pytest.MonkeyPatch) -> Any:
    return {'cacert': vc.cacert}


def by_directory(vc: VCenterSimulator, directory: pathlib.Path, patch: pytest.MonkeyPatch) -> Any:
    if shutil.which('openssl') is None:
        pytest.skip('only openssl knows under which name it looks for a certificate')
    assert vc.cacert
    found = subprocess.run(
        ['openssl', 'x509', '-noout', '-hash', '-in', vc.cacert],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    authorities = directory / 'authorities'
    authorities.mkdir()
    shutil.copy(vc.cacert, authorities / f'{found.stdout.strip()}.0')
    return {'cacert': str(authorities)}


def by_environment(vc: VCenterSimulator, directory: pathlib.Path, patch: pytest.MonkeyPatch) -> Any:
    patch.setenv('REQUESTS_CA_BUNDLE', str(vc.cacert))
    return {'cacert': None, 'insecure': False}


Way = Callable[[VCenterSimulator, pathlib.Path, pytest.MonkeyPatch], Any]
WAYS: list[Way] = [by_file, by_directory, by_environment]


def write(session: api.VMwareAPISession, **arguments: Any) -> None:
    """What Nova does: host, port and live jar of the session, and not a word of ``cacerts``."""
    handle = rw_handles.FileWriteHandle(
        **{
            'host_or_url': session._host,
            'port': session._port,
            'data_center_name': 'DC0',
            'datastore_name': 'LocalDS_0',
            'cookies': session.vim.client.cookiejar,
            'file_path': 'f',
            'file_size': len(DATA),
        }
        | arguments
    )
    handle.write(DATA)
    handle.close()


def read(session: api.VMwareAPISession, **arguments: Any) -> bytes:
    handle = rw_handles.FileReadHandle(
        **{
            'host_or_url': session._host,
            'port': session._port,
            'data_center_name': 'DC0',
            'datastore_name': 'LocalDS_0',
            'cookies': session.vim.client.cookiejar,
            'file_path': 'f',
        }
        | arguments
    )
    try:
        return handle.read(100)
    finally:
        handle.close()


def impostor(script: Script = stored) -> DataServer:
    """Somebody with a certificate for the right name, of an authority that nobody asked for."""
    return DataServer(script, CERTIFICATE)


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if 'when data is moved' in r.getMessage()]


# The session's own server


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('engine', ['compiled', 'reference'])
def test_an_impostor_gets_nothing(
    vc: VCenterSimulator,
    connect: SessionMaker,
    relay: Relay,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    way: Way,
    engine: str,
) -> None:
    """However the session verifies: its vCenter gets the image, who takes its place not a byte."""
    trusted = way(vc, tmp_path, monkeypatch)
    session = connect(vc, port=relay.port, soap_engine=engine, **trusted)
    place = Place(vc, session)
    names = {'data_center_name': place.dc.name, 'datastore_name': place.ds.name}
    write(session, **names)
    assert read(session, **names) == DATA
    with impostor() as server:
        relay.lead_to(server.host, server.port)
        for move in (write, read):
            with pytest.raises(exceptions.VimCertificateException, match='verify failed') as raised:
                move(session, **names)
            assert isinstance(raised.value, exceptions.VimException)
        assert server.all_closed(2)
        assert server.exchanges == []
    assert warnings_in(caplog) == []


@pytest.mark.parametrize(
    ('host', 'spelled'),
    [('localhost', 'LOCALHOST'), ('LocalHost', 'localhost'), ('::1', '[::1]'), ('::1', '0::1')],
)
def test_the_same_server_in_other_words(
    vc: VCenterSimulator, connect: SessionMaker, host: str, spelled: str
) -> None:
    """Case, brackets and the spelling of an address make no other server of it."""
    address = '::1' if ':' in host else '127.0.0.1'
    with Relay((vc.host, vc.port), address) as relay:
        session = connect(vc, host=host, port=relay.port)
        place = Place(vc, session)
        names = {'data_center_name': place.dc.name, 'datastore_name': place.ds.name}
        write(session, host_or_url=spelled, **names)
        assert read(session, host_or_url=spelled, **names) == DATA
        with impostor() as server:
            relay.lead_to(server.host, server.port)
            with pytest.raises(exceptions.VimCertificateException, match='verify failed'):
                write(session, host_or_url=spelled, **names)
            assert server.exchanges == []


def test_a_jar_in_the_place_of_the_first(
    vc: VCenterSimulator, connect: SessionMaker, relay: Relay
) -> None:
    """What a user puts there is the live jar from then on."""
    session = connect(vc, port=relay.port)
    jar = requests.cookies.RequestsCookieJar()
    jar.update(session.vim.client.cookiejar)
    session.vim.client.cookiejar = jar
    assert session.vim.client.cookiejar is jar
    with impostor() as server:
        relay.lead_to(server.host, server.port)
        with pytest.raises(exceptions.VimCertificateException):
            write(session)
        assert server.exchanges == []


COPIES: list[Callable[[Any], Any]] = [
    lambda jar: jar.copy(),
    list,
    lambda jar: '; '.join(f'{cookie.name}={cookie.value}' for cookie in jar),
]


@pytest.mark.parametrize('copied', COPIES)
def test_a_copied_jar_is_just_cookies(
    vc: VCenterSimulator, connect: SessionMaker, relay: Relay, copied: Any, stranger_ca: str
) -> None:
    """They go as ``cacerts`` says: to whoever is there, or to whom that knows."""
    session = connect(vc, port=relay.port)
    cookies = copied(session.vim.client.cookiejar)
    with impostor() as server:
        relay.lead_to(server.host, server.port)
        write(session, cookies=cookies)
        assert 'vmware_soap_session' in server.last.headers['Cookie']
        write(session, cookies=cookies, cacerts=stranger_ca)
        with pytest.raises(exceptions.VimCertificateException):
            write(session, cookies=cookies, cacerts=vc.cacert)
        assert len(server.exchanges) == 2


def test_what_the_caller_says_of_the_own_server(
    vc: VCenterSimulator, connect: SessionMaker, relay: Relay, stranger_ca: str
) -> None:
    """``cacerts`` and a thumbprint hold as ever, for those who know better than the session."""
    session = connect(vc, port=relay.port)
    with impostor() as server:
        relay.lead_to(server.host, server.port)
        write(session, cacerts=stranger_ca)
        write(session, thumbprint=thumbprint())
        for cacerts in (True, None):
            with pytest.raises(exceptions.VimCertificateException):
                write(session, cacerts=cacerts)
        assert len(server.exchanges) == 2


# Other servers


@pytest.mark.parametrize('move', [write, read])
@pytest.mark.parametrize('scheme', ['https', 'http'])
def test_the_cookie_goes_to_no_unknown_server(
    vc: VCenterSimulator, connect: SessionMaker, move: Any, scheme: str
) -> None:
    """Before anything is connected; the text says what to pass."""
    session = connect(vc)
    with DataServer(stored, CERTIFICATE if scheme == 'https' else None) as server:
        with pytest.raises(exceptions.VimCertificateException, match='cacerts') as raised:
            move(session, host_or_url=server.host, port=server.port, scheme=scheme)
        text = str(raised.value)
        assert f'{scheme}://127.0.0.1:{server.port}' in text
        assert f'https://{vc.host}:{vc.port}' in text
        assert 'thumbprint' in text
        assert 'ticket' in text
        value = session.vim.get_http_cookie() or ''
        assert value.strip('"') not in text
        assert server.connections == 0


@pytest.mark.parametrize('known_by', ['cacerts', 'thumbprint'])
def test_the_cookie_goes_to_a_known_server(
    vc: VCenterSimulator, connect: SessionMaker, stranger_ca: str, known_by: str
) -> None:
    """One that is verified, or whose certificate is named."""
    session = connect(vc)
    known = {'cacerts': stranger_ca, 'thumbprint': thumbprint()}[known_by]
    with impostor() as server:
        write(session, host_or_url=server.host, port=server.port, **{known_by: known})
        assert 'vmware_soap_session' in server.last.headers['Cookie']


def test_a_session_that_verifies_nothing(
    vc: VCenterSimulator, connect: SessionMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """Its cookie goes anywhere, as ever; each server is warned about once."""
    session = connect(vc, cacert=None, insecure=True)
    place = Place(vc, session)
    names = {'data_center_name': place.dc.name, 'datastore_name': place.ds.name}
    with impostor() as server:
        for _ in range(3):
            write(session, **names)
            write(session, host_or_url=server.host, port=server.port)
        assert len(server.exchanges) == 3
        told = warnings_in(caplog)
        assert len(told) == 2
        assert f'{vc.host}:{vc.port}' in told[0]
        assert f'{server.host}:{server.port}' in told[1]


def test_an_http_session(caplog: pytest.LogCaptureFixture, connect: SessionMaker) -> None:
    """There is nothing to verify, and nothing to warn about."""
    with VCenterSimulator(tls=False) as vc:
        session = connect(vc, scheme='http', cacert=None, insecure=False)
        place = Place(vc, session)
        names = {'data_center_name': place.dc.name, 'datastore_name': place.ds.name}
        write(session, scheme='http', **names)
        assert read(session, scheme='http', **names) == DATA
    assert warnings_in(caplog) == []


def test_a_ticket_is_warned_about_once(
    vc: VCenterSimulator, connect: SessionMaker, caplog: pytest.LogCaptureFixture
) -> None:
    """Nova's way to an ESX host: one cookie in a list goes as ``cacerts`` says."""
    session = connect(vc)
    ticket = requests.cookies.create_cookie('vmware_cgi_ticket', '"52-ticket"')
    with impostor() as server:
        for _ in range(3):
            write(session, host_or_url=server.host, port=server.port, cookies=[ticket])
        assert server.last.headers['Cookie'] == 'vmware_cgi_ticket="52-ticket"'
        assert len(server.exchanges) == 3
        (told,) = warnings_in(caplog)
        assert f'{server.host}:{server.port}' in told
        assert '52-ticket' not in told


@pytest.mark.parametrize('way', WAYS)
def test_download_image_verifies_as_the_session(
    vc: VCenterSimulator,
    connect: SessionMaker,
    relay: Relay,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    way: Way,
) -> None:
    """To the vCenter, whatever the session's trust is made of, and to nobody in its place."""
    session = connect(vc, port=relay.port, **way(vc, tmp_path, monkeypatch))
    place = Place(vc, session)

    def download() -> None:
        image_transfer.download_image(
            [DATA], {'size': len(DATA)}, session, place.ds, 'image', False, 10
        )

    download()
    assert vc.transfers[-1].received == len(DATA)
    with impostor() as server:
        relay.lead_to(server.host, server.port)
        with pytest.raises(exceptions.VimCertificateException):
            download()
        assert server.exchanges == []


class Images:
    """An image service."""

    def download(self, context: Any, image_id: str) -> Iterator[bytes]:
        yield DATA


@pytest.mark.parametrize('way', WAYS)
def test_download_flat_image_without_a_word_of_trust(
    vc: VCenterSimulator,
    connect: SessionMaker,
    relay: Relay,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    way: Way,
) -> None:
    """The session's own server as the session does it; any other, and None, by the system."""
    session = connect(vc, port=relay.port, **way(vc, tmp_path, monkeypatch))
    place = Place(vc, session)

    def download(**arguments: Any) -> None:
        image_transfer.download_flat_image(
            'context', 10, Images(), 'id',
            **{
                'image_size': len(DATA),
                'host': session._host,
                'port': session._port,
                'data_center_name': place.dc.name,
                'datastore_name': place.ds.name,
                'cookies': session.vim.client.cookiejar,
                'file_path': 'flat',
            } | arguments,
        )  # fmt: skip

    download()
    assert vc.transfers[-1].received == len(DATA)
    for arguments in ({'cacerts': None}, {'cookies': None}, {'host': 'localhost'}):
        with pytest.raises(exceptions.VimCertificateException, match='verify failed'):
            download(**arguments)
    with impostor() as server:
        relay.lead_to(server.host, server.port)
        with pytest.raises(exceptions.VimCertificateException, match='verify failed'):
            download()
        assert server.exchanges == []


# What changes on the disk


def test_a_bundle_that_changes(connect: SessionMaker, tmp_path: pathlib.Path) -> None:
    """The new authorities hold for new connections, of the session and of transfers."""
    bundle = tmp_path / 'ca.pem'
    with VCenterSimulator() as first, VCenterSimulator() as second:
        shutil.copy(str(first.cacert), bundle)
        with Relay((first.host, first.port)) as relay:
            session = connect(first, port=relay.port, cacert=str(bundle), api_retry_count=1)
            place = Place(first, session)
            names = {'data_center_name': place.dc.name, 'datastore_name': place.ds.name}
            write(session, **names)
            relay.lead_to(second.host, second.port)
            with pytest.raises(exceptions.VimCertificateException):
                place.first('Datacenter')
            with pytest.raises(exceptions.VimCertificateException):
                write(session, **names)
            shutil.copy(str(second.cacert), bundle)
            session._server_password = second.password
            assert place.first('Datacenter')
            write(session, **names)
            assert second.transfers[-1].received == len(DATA)


def test_what_the_session_accepts_its_transfers_accept(
    vc: VCenterSimulator, connect: SessionMaker, tmp_path: pathlib.Path
) -> None:
    """The same certificates, on every release of Python and of the HTTP library."""
    verdicts = {}
    for name, certificate, bundle in odd_certificates(tmp_path):
        with DataServer(serve(DATA), certificate) as server:
            session = api.VMwareAPISession(
                server.host, 'u', 'p', 0, 0.1, create_session=False, port=server.port,
                cacert=bundle, wsdl_loc=f'{server.url}/vimService.wsdl',
            )  # fmt: skip
            verdicts[name] = (
                refused(lambda s=session: s.vim),
                refused(
                    lambda s=server, b=bundle: rw_handles.FileReadHandle(
                        f'{s.url}/f', cacerts=b
                    ).close()
                ),
            )
    assert {name: soap for name, (soap, _transfer) in verdicts.items()} == {
        name: transfer for name, (_soap, transfer) in verdicts.items()
    }
    assert verdicts['ordinary'] == (False, False)
    assert verdicts['for another name'] == (True, True)


def refused(function: Callable[[], Any]) -> bool:
    """Whether it ends at the certificate, and not where there is no vCenter behind it."""
    try:
        function()
    except exceptions.VimCertificateException:
        return True
    except exceptions.VMwareDriverException:
        pass
    return False


def odd_certificates(directory: pathlib.Path) -> Iterator[tuple[str, trustme.LeafCert, str]]:
    """Certificates that not everybody accepts, each with the bundle to verify it by."""
    authority = trustme.CA()
    bundle = directory / 'authority.pem'
    authority.cert_pem.write_to_path(bundle)
    yield 'ordinary', authority.issue_cert('127.0.0.1'), str(bundle)
    yield 'for another name', authority.issue_cert('vcenter.invalid'), str(bundle)
    yield (
        'with the name where it was long ago',
        authority.issue_cert('vcenter.invalid', common_name='127.0.0.1'),
        str(bundle),
    )
    # Without the authority above it: Python 3.13 has it as a partial chain.
    inner = authority.create_child_ca()
    part = directory / 'inner.pem'
    inner.cert_pem.write_to_path(part)
    yield 'by an authority that is not at the top', inner.issue_cert('127.0.0.1'), str(part)
    old = directory / 'old.pem'
    leaf = issued_as_long_ago(old)
    yield 'without what RFC 5280 demands', leaf, str(old)


def issued_as_long_ago(bundle: pathlib.Path) -> trustme.LeafCert:
    """A certificate of an authority without key identifiers and key usage, as many have made."""
    now = datetime.datetime.now(datetime.UTC)

    def signed(subject: str, key: Any, issuer: str, issuer_key: Any, extension: Any) -> Any:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=False)
            .sign(issuer_key, hashes.SHA256())
        )

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address('127.0.0.1'))])
    top = signed('old', keys[0], 'old', keys[0], constraints)
    leaf = signed('server', keys[1], 'old', keys[0], names)
    bundle.write_bytes(top.public_bytes(serialization.Encoding.PEM))
    key = keys[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return trustme.LeafCert(key, leaf.public_bytes(serialization.Encoding.PEM), [])
