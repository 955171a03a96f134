"""``check``: a server that cannot be reached says where it ends, and what to do."""

import contextlib
import datetime
import pathlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from oslo_vmware.cli.check import Report, Wanted, check
from oslo_vmware.cli.check.findings import CONSUMERS, Answer, Finding, Outcome
from oslo_vmware.cli.check.reach import Target
from oslo_vmware.simulator import VCenterSimulator

SECRET = 'never to be seen'


@pytest.fixture(scope='module')
def vc() -> Iterator[VCenterSimulator]:
    """A vCenter that no test changes."""
    with VCenterSimulator(password=SECRET) as simulator:
        yield simulator


@pytest.fixture
def other_ca(tmp_path: pathlib.Path) -> str:
    """A CA bundle that knows nothing of the simulator."""
    path = tmp_path / 'other.pem'
    trustme.CA().cert_pem.write_to_path(path)
    return str(path)


def target(vc: VCenterSimulator, **other: Any) -> Target:
    arguments = {
        'host': vc.host,
        'port': vc.port,
        'username': vc.username,
        'password': lambda: vc.password,
        'cacert': vc.cacert,
    }
    return Target(**{**arguments, **other})


def checked(where: Target) -> Report:
    return check(where, Wanted())


def end(report: Report) -> Finding:
    """The finding with which it ended, which has words for people and is bad for all."""
    assert not report.connected
    assert not report.is_good
    assert {verdict.answer for verdict in report.verdicts} == {Answer.NO}
    last = report.findings[-1]
    assert last.outcome is Outcome.FAILED
    assert last.advice
    assert last.consumers == CONSUMERS
    assert all(one.outcome is not Outcome.FAILED for one in report.findings[:-1])
    assert SECRET not in str(report)
    return last


@contextlib.contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does something odd with each connection; gives its port."""
    with socket.create_server(('127.0.0.1', 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError), connection:
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        # Wakes the thread, which closing the socket would not.
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _refuse_version(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(bytes.fromhex('15030100020246'))  # alert: fatal, protocol_version


def _hang_up(connection: socket.socket) -> None:
    connection.recv(4096)


def _speak_plainly(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(b'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')


# Where it ends


def test_no_such_name(vc: VCenterSimulator) -> None:
    """A name without an address ends it at once."""
    last = end(checked(target(vc, host='vcenter.invalid.')))
    assert last.subject == 'name'
    assert 'vcenter.invalid. has no address' in last.found


def test_a_port_where_nothing_listens(vc: VCenterSimulator) -> None:
    """The name was found, so that is no question any more."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    report = checked(target(vc, port=port))
    assert [one.subject for one in report.findings] == ['name', 'port']
    assert f'nothing listens at port {port}' in end(report).found


@pytest.mark.parametrize(
    ('answer', 'words', 'advice'),
    [
        (_refuse_version, 'no common version of TLS', 'TLS 1.2'),
        (_hang_up, 'the handshake was cut off', 'firewall'),
        (_speak_plainly, 'does not speak TLS', '443'),
    ],
)
def test_what_is_no_tls(
    vc: VCenterSimulator, answer: Callable[[socket.socket], None], words: str, advice: str
) -> None:
    """Servers of old, ports of something else and boxes on the way are told apart."""
    with listening(answer) as port:
        last = end(checked(target(vc, port=port)))
    assert (last.theme, last.subject) == ('TLS', 'handshake')
    assert words in last.found
    assert advice in last.advice


def test_a_silent_server(vc: VCenterSimulator) -> None:
    """Nobody waits longer than was said."""
    over = threading.Event()
    with listening(lambda connection: over.wait() and None) as port:
        last = end(checked(target(vc, port=port, timeout=0.1)))
        over.set()
    assert last.found == 'no answer to the handshake'


# Certificates


@pytest.mark.parametrize(
    ('certificate', 'words', 'advice'),
    [
        ('expired', 'it expired on 20', 'Renew'),
        ('wrong-host', 'it is not for 127.0.0.1, but for vcenter.invalid', 'subjectAltName'),
    ],
)
def test_a_bad_certificate(certificate: str, words: str, advice: str) -> None:
    """What is wrong with it, what it says, and what to do; no password has left."""
    with VCenterSimulator(certificate=certificate, password=SECRET) as bad:
        last = end(checked(target(bad)))
        assert len(bad.calls) == 0
        assert last.data['thumbprint'] == bad.thumbprint
    assert (last.theme, last.subject) == ('TLS', 'certificate')
    assert words in last.found
    assert advice in last.advice
    assert last.data['issuer'] == 'vCenter simulator'
    assert last.data['expires']


def test_an_unknown_authority(vc: VCenterSimulator, other_ca: str) -> None:
    """Its name is told, the bundle that it is not in, and where a vCenter has it."""
    last = end(checked(target(vc, cacert=other_ca)))
    assert f'issued by vCenter simulator, which is not in {other_ca}' in last.found
    assert '/certs/download.zip' in last.advice
    assert 'issued by vCenter simulator' in end(checked(target(vc, cacert=None))).found


def issued(tmp_path: pathlib.Path, begins: int, ends: int) -> tuple[str, trustme.LeafCert]:
    """A certificate for 127.0.0.1, and a bundle with its authority; times in days from now."""
    now, path = datetime.datetime.now(datetime.UTC), tmp_path / 'ca.pem'
    authority = trustme.CA()
    authority.cert_pem.write_to_path(path)
    return str(path), authority.issue_cert(
        '127.0.0.1',
        not_before=now + datetime.timedelta(days=begins),
        not_after=now + datetime.timedelta(days=ends, hours=1),
    )


@contextlib.contextmanager
def with_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, begins: int, ends: int
) -> Iterator[Target]:
    """A vCenter with a certificate of that time."""
    bundle, certificate = issued(tmp_path, begins, ends)
    monkeypatch.setattr(trustme.CA, 'issue_cert', lambda self, *names: certificate)
    with VCenterSimulator() as server:
        yield target(server, cacert=bundle)


def test_a_certificate_that_is_not_valid_yet(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """That is a matter of clocks."""
    with with_certificate(monkeypatch, tmp_path, 1, 300) as server:
        last = end(checked(server))
    assert last.found == 'it is not valid yet'
    assert 'clock' in last.advice


def test_a_certificate_that_expires_soon(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """It is warned of, as all will stop at once."""
    with with_certificate(monkeypatch, tmp_path, -300, 12) as server:
        report = checked(server)
    (certificate,) = [one for one in report.findings if one.subject == 'certificate']
    assert certificate.outcome is Outcome.WARNING
    assert 'expires in 12 days' in certificate.found
    assert {verdict.answer for verdict in report.verdicts} == {Answer.RESERVED}


def test_without_verifying(vc: VCenterSimulator) -> None:
    """It goes on, warns, and says what verifying would have said."""
    report = checked(target(vc, cacert=None, insecure=True))
    assert report.connected
    (certificate,) = [one for one in report.findings if one.subject == 'certificate']
    assert certificate.outcome is Outcome.WARNING
    assert 'anyone on the way can read the password' in certificate.found
    assert 'It would be refused: its authority is unknown' in certificate.found
    assert certificate.data['thumbprint'] == vc.thumbprint


@pytest.mark.parametrize(
    ('content', 'words'),
    [(None, 'cannot be read'), ('no certificate', 'there are no certificates in')],
)
def test_a_bundle_that_is_none(
    vc: VCenterSimulator, tmp_path: pathlib.Path, content: str | None, words: str
) -> None:
    """A mistake with the file is told from one with the server."""
    bundle = tmp_path / 'bundle.pem'
    if content is not None:
        bundle.write_text(content)
    last = end(checked(target(vc, cacert=str(bundle))))
    assert words in last.found
    assert str(bundle) in last.found


# Services


@pytest.mark.parametrize(
    ('status', 'words', 'advice'),
    [
        (503, 'the service behind the door does not answer', 'vpxd'),
        (404, 'status 404', 'does not look like a vCenter'),
    ],
)
def test_a_server_without_its_service(
    vc: VCenterSimulator, status: int, words: str, advice: str
) -> None:
    """A vCenter that starts is told from a server that is none."""
    vc.faults.http('GET /sdk/*', status=status, times=None)
    last = end(checked(target(vc)))
    vc.faults.clear()
    assert last.subject == 'HTTP'
    assert words in last.found
    assert advice in last.advice


@pytest.mark.parametrize('content_type', ['text/html', 'text/xml'])
def test_what_is_no_vsphere(vc: VCenterSimulator, content_type: str) -> None:
    """Something answers at /sdk, but not as it should."""
    vc.faults.http(
        'RetrieveServiceContent', status=200, content_type=content_type, body='<p/>', times=None
    )
    last = end(checked(target(vc)))
    vc.faults.clear()
    assert last.subject == 'SOAP'
    assert '\n' not in last.found


def test_a_refused_login(vc: VCenterSimulator) -> None:
    """The account and what is known about such refusals; never the password."""
    vc.calls.clear()
    last = end(checked(target(vc, password=lambda: SECRET + '!')))
    assert last.subject == 'login'
    assert 'administrator@vsphere.local is wrong, or there is no such account' in last.found
    assert vc.calls.counts['Login'] == 1


def test_an_account_without_any_role() -> None:
    """It is known and its password is right, which is no help."""
    with VCenterSimulator(users={'new@vsphere.local': SECRET}) as server:
        last = end(checked(target(server, username='new@vsphere.local', password=lambda: SECRET)))
    assert last.found == 'new@vsphere.local may see nothing at all'


# Proxies


def test_a_proxy(vc: VCenterSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment has one, it is told, without its password, and gone through."""

    with listening(_hang_up) as port:
        monkeypatch.setenv('https_proxy', f'http://me:{SECRET}@127.0.0.1:{port}')
        monkeypatch.setenv('no_proxy', '')
        report = checked(target(vc))
    assert f'go through 127.0.0.1:{port}' in report.findings[0].found
    assert end(report).subject == 'HTTP'
