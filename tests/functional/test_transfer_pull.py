"""Disks that hosts pull from a URL: a real HTTPS server that is not the simulator has them."""

import hashlib
import io
import logging
import pathlib
import pickle
import socket
import tarfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from oslo_vmware import api, exceptions, image_transfer, rw_handles, vim_util
from oslo_vmware._transfer import connection
from oslo_vmware._transfer import pull as _pull
from oslo_vmware._transfer.connection import TransferCertificateException
from oslo_vmware.simulator import VCenterSimulator
from oslo_vmware.soap.client import COMPILED, REFERENCE
from tests import reachable
from tests.functional.conftest import DESCRIPTION
from tests.transfer.disks import stream_of
from tests.transfer.place import Place
from tests.transfer.server import AUTHORITY, CERTIFICATE, DataServer, Exchange, serve, thumbprint

CONTENT = bytes(range(256)) * 1000
DATA = stream_of(CONTENT)
SHA1 = hashlib.sha1(DATA, usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(DATA).hexdigest()
TOKEN = 'gAAAA-this-is-the-token'
OBJECT = '/v1/AUTH_account/images/ab/cd.vmdk'


@pytest.fixture(scope='module')
def shared() -> Iterator[VCenterSimulator]:
    with VCenterSimulator(task_seconds=0.0) as vc:
        yield vc
    assert vc.errors == []


def connected(vc: VCenterSimulator, engine: str) -> api.VMwareAPISession:
    return api.VMwareAPISession(
        vc.host, vc.username, vc.password, 3, 0.05, port=vc.port, cacert=vc.cacert,
        insecure=False, wsdl_loc=DESCRIPTION, soap_engine=engine,
    )  # fmt: skip


@pytest.fixture(scope='module', params=[COMPILED, REFERENCE])
def either(shared: VCenterSimulator, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A place by either engine."""
    with connected(shared, request.param) as session:
        yield Place(shared, session)


@pytest.fixture(scope='module')
def one(shared: VCenterSimulator) -> Iterator[Place]:
    with connected(shared, COMPILED) as session:
        yield Place(shared, session)


@pytest.fixture
def place(one: Place) -> Iterator[Place]:
    """A place in which every failure leaves nothing: no lease, and no machine."""
    before = machines(one)
    yield one
    one.vc.faults.clear()
    one.vc.nfc.can_pull = True
    assert one.vc.nfc.leases == []
    for name in machines(one) - before:
        destroy(one, name)


def machines(place: Place) -> set[str]:
    with place.vc.world.lock:
        return {one.name for one in place.vc.world.objects.values() if is_machine(one)}


def is_machine(one: Any) -> bool:
    return bool(one.wire_type == 'VirtualMachine')


def destroy(place: Place, name: str) -> None:
    with place.vc.world.lock:
        (found,) = (
            one for one in place.vc.world.objects.values() if is_machine(one) and one.name == name
        )
    session = place.session
    machine = vim_util.get_moref(found.ref.value, 'VirtualMachine')
    session.wait_for_task(session.invoke_api(session.vim, 'Destroy_Task', machine))


@pytest.fixture(scope='module')
def cacerts(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: pathlib.Path = tmp_path_factory.mktemp('authority') / 'ca.pem'
    AUTHORITY.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def source() -> Iterator[DataServer]:
    with DataServer(serve(DATA), CERTIFICATE) as server:
        yield server


def pulled(place: Place, handle: Any, **overrides: Any) -> Any:
    arguments = {
        'session': place.session,
        'resource_pool': place.first('ResourcePool'),
        'vm_import_spec': place.import_spec('pulled'),
        'vm_folder': place.read(place.dc.ref, 'vmFolder'),
        'image_size': len(DATA),
    } | overrides
    return image_transfer.image_pull_from_url(handle, **arguments)


def test_an_object_in_swift(either: Place, source: DataServer, cacerts: str) -> None:
    """The host asks with the token, the caller reads nothing, and the machine has the disk."""
    place = either
    handle = rw_handles.SwiftUrlPullHandle(source.url + OBJECT, TOKEN, cacerts=cacerts)
    machine = pulled(place, handle, image_size=str(len(DATA)))
    assert place.read(machine, 'name') == 'pulled'
    assert place.content('pulled/pulled-flat.vmdk') == CONTENT
    (exchange,) = source.exchanges
    assert (exchange.method, exchange.target) == ('GET', OBJECT)
    assert exchange.headers['X-Auth-Token'] == TOKEN
    # One to see the certificate, and the host's.
    assert source.connections == 2
    assert place.vc.nfc.leases == []
    destroy(place, 'pulled')


def test_any_url(place: Place, source: DataServer) -> None:
    """Any server, with any headers; who knows its certificate need not be able to reach it."""
    handle = rw_handles.UrlPullHandle(
        f'{source.url}/disk?sig=signature', {'X-One': 'first', 'X-Two': 'second'},
        thumbprint=thumbprint().lower().replace(':', ''),
    )  # fmt: skip
    pulled(place, handle, image_size=None)
    assert source.last.target == '/disk?sig=signature'
    assert (source.last.headers['X-One'], source.last.headers['X-Two']) == ('first', 'second')
    assert source.connections == 1


def test_plain_http(place: Place) -> None:
    """Without TLS there is no certificate to look at."""
    with DataServer(serve(DATA)) as source:
        pulled(place, rw_handles.UrlPullHandle(f'{source.url}/disk'))
        assert source.connections == 1


def test_the_disk_in_an_archive(place: Place, cacerts: str) -> None:
    """The host takes the named member of an OVA."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode='w') as tar:
        info = tarfile.TarInfo('disk.vmdk')
        info.size = len(DATA)
        tar.addfile(info, io.BytesIO(DATA))
    with DataServer(serve(archive.getvalue()), CERTIFICATE) as source:
        url = f'{source.url}/a.ova'
        pulled(place, rw_handles.UrlPullHandle(url, cacerts=cacerts, member='disk.vmdk'))
    assert place.content('pulled/pulled-flat.vmdk') == CONTENT


def test_progress(place: Place, source: DataServer, cacerts: str) -> None:
    """A caller is told bytes, from none or some to all."""
    told: list[tuple[int, int | None]] = []
    handle = rw_handles.UrlPullHandle(f'{source.url}/disk', cacerts=cacerts)
    pulled(place, handle, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(DATA), len(DATA))
    assert told == sorted(told)


def test_progress_of_nobody_knows_how_much(place: Place, source: DataServer, cacerts: str) -> None:
    """A size that was not given is told at the end, when the server knows it."""
    told: list[tuple[int, int | None]] = []
    handle = rw_handles.UrlPullHandle(f'{source.url}/disk', cacerts=cacerts)
    pulled(place, handle, image_size=None, progress=lambda *both: told.append(both))
    assert told == [(0, None), (len(DATA), len(DATA))]


# Trust


def test_a_source_that_cannot_be_verified(place: Place, source: DataServer) -> None:
    """The system does not know its authority: nothing is begun, no request is sent."""
    before = place.vc.count('ImportVApp')
    with pytest.raises(TransferCertificateException, match=r'certificate of 127\.0\.0\.1'):
        pulled(place, rw_handles.SwiftUrlPullHandle(source.url + OBJECT, TOKEN))
    assert place.vc.count('ImportVApp') == before
    assert source.exchanges == []


def test_a_source_with_the_name_of_another(place: Place, cacerts: str) -> None:
    """A certificate of a trusted authority for somebody else is refused."""
    with DataServer(serve(DATA), AUTHORITY.issue_cert('swift.invalid')) as source:
        with pytest.raises(TransferCertificateException):
            pulled(place, rw_handles.UrlPullHandle(f'{source.url}/disk', cacerts=cacerts))
        assert source.exchanges == []


def test_a_host_that_meets_another_certificate(place: Place, source: DataServer) -> None:
    """What the host refuses is the server's fault, as it is."""
    other = trustme.CA().issue_cert('127.0.0.1')
    handle = rw_handles.UrlPullHandle(f'{source.url}/disk', thumbprint=thumbprint('sha1', other))
    with pytest.raises(exceptions.VimFaultException) as raised:
        pulled(place, handle)
    assert raised.value.fault_list == ['SSLVerifyFault']
    assert source.exchanges == []


def test_verification_can_be_left_out(
    place: Place,
    source: DataServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Then the certificate that was met is the one that the host has to meet, with a warning."""
    # Said once of each server, and another one may have had this port.
    monkeypatch.setattr(connection, '_warned', {})
    pulled(place, rw_handles.UrlPullHandle(f'{source.url}/disk', cacerts=False))
    assert 'is not verified' in caplog.text


# Faults


def not_found(place: Place) -> None:
    place.vc.faults.fail_task('HttpNfcLeasePullFromUrls_Task', 'FileNotFound', file='x')


def refused(place: Place) -> None:
    place.vc.faults.on('HttpNfcLeasePullFromUrls_Task', 'NoPermission', privilegeId='x')


def without_answer(place: Place) -> None:
    place.vc.faults.drop('HttpNfcLeasePullFromUrls_Task', after=True)


def unable(place: Place) -> None:
    place.vc.nfc.can_pull = False


def gone(place: Place) -> None:
    place.vc.faults.on('HttpNfcLeaseComplete', 'Timedout')


@pytest.mark.parametrize(
    ('trouble', 'kind'),
    [
        (not_found, exceptions.FileNotFoundException),
        (refused, exceptions.NoPermissionException),
        (without_answer, exceptions.VimOutcomeUnknownException),
        (unable, exceptions.VimFaultException),
        (gone, exceptions.VimFaultException),
    ],
)
def test_trouble_leaves_no_lease(
    place: Place, source: DataServer, trouble: Callable[[Place], None], kind: type[Exception]
) -> None:
    """Whatever the server says reaches the caller as it is, and the import is taken back."""
    before = machines(place)
    trouble(place)
    with pytest.raises(kind):
        pulled(place, rw_handles.UrlPullHandle(f'{source.url}/disk', thumbprint=thumbprint()))
    assert place.vc.nfc.leases == []
    assert machines(place) == before


def test_a_name_that_is_taken(place: Place, source: DataServer) -> None:
    """Nova looks at who has it, by the class of the exception."""
    handle = rw_handles.UrlPullHandle(f'{source.url}/disk', thumbprint=thumbprint())
    machine = pulled(place, handle)
    with pytest.raises(exceptions.DuplicateName):
        pulled(place, handle)
    assert len(source.exchanges) == 1
    assert place.read(machine, 'name') == 'pulled'


@pytest.mark.parametrize('status', ['404 Not Found', '403 Forbidden', '302 Found'])
def test_what_the_source_says(place: Place, status: str) -> None:
    """A host that is not given the file has a fault with the status."""
    with DataServer(serve(b'', status), CERTIFICATE) as source:
        handle = rw_handles.UrlPullHandle(f'{source.url}/disk', thumbprint=thumbprint())
        with pytest.raises(exceptions.VimFaultException) as raised:
            pulled(place, handle)
    assert raised.value.fault_list == ['HttpFault']
    assert raised.value.details['statusCode'] == status[:3]


def stall(exchange: Exchange) -> None:
    """Give some, and then nothing until the host hangs up."""
    head = f'HTTP/1.1 200 OK\r\nContent-Length: {len(DATA)}\r\n\r\n'
    exchange.socket.sendall(head.encode() + DATA[:70_000])
    exchange.socket.settimeout(20)
    exchange.socket.recv(1)


def test_no_longer_than_allowed(place: Place) -> None:
    """A pull that does not end is called off, and the host hangs up."""
    with DataServer(stall, CERTIFICATE) as source:
        handle = rw_handles.UrlPullHandle(f'{source.url}/disk', thumbprint=thumbprint())
        with pytest.raises(exceptions.ImageTransferException, match='in time'):
            pulled(place, handle, timeout_secs=0.3)
        assert source.all_closed()


class Interrupt(BaseException):
    """What somebody presses, or a green thread that is killed."""


def test_whoever_is_interrupted(place: Place) -> None:
    """The lease is given up also when what ends the waiting is no error."""

    def interrupt(done: int, total: int | None) -> None:
        if done:
            raise Interrupt

    with DataServer(stall, CERTIFICATE) as source:
        handle = rw_handles.UrlPullHandle(f'{source.url}/disk', thumbprint=thumbprint())
        with pytest.raises(Interrupt):
            pulled(place, handle, progress=interrupt)
        assert source.all_closed()


def test_the_lease_lives_while_the_host_is_busy(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that takes long does not cost the lease: it is kept alive meanwhile."""
    monkeypatch.setattr(_pull, '_UPDATE_SECONDS', 0.05)
    before = place.vc.count('HttpNfcLeaseProgress')

    def slow(exchange: Exchange) -> None:
        exchange.answer('200 OK', DATA[:1000], Content_Length=len(DATA))
        while place.vc.count('HttpNfcLeaseProgress') < before + 3:
            time.sleep(0.005)
        exchange.socket.sendall(DATA[1000:])

    with DataServer(slow, CERTIFICATE) as source:
        pulled(place, rw_handles.UrlPullHandle(f'{source.url}/disk', thumbprint=thumbprint()))
    assert place.content('pulled/pulled-flat.vmdk') == CONTENT


# Checksums


@pytest.mark.parametrize('checksum', [f'sha1:{SHA1}', f'sha256:{SHA256.upper()}'])
def test_a_checksum_that_fits(place: Place, source: DataServer, checksum: str) -> None:
    """What has arrived is what was to."""
    url = f'{source.url}/disk'
    pulled(place, rw_handles.UrlPullHandle(url, thumbprint=thumbprint(), checksum=checksum))


@pytest.mark.parametrize('checksum', [f'sha1:{SHA1[::-1]}', f'sha256:{SHA256[::-1]}'])
def test_another_checksum(place: Place, source: DataServer, checksum: str) -> None:
    """Something else has arrived: it is taken away again."""
    before = machines(place)
    url = f'{source.url}/disk'
    handle = rw_handles.UrlPullHandle(url, thumbprint=thumbprint(), checksum=checksum)
    with pytest.raises(exceptions.ImageTransferException, match=checksum.partition(':')[2]):
        pulled(place, handle)
    assert machines(place) == before


def test_a_checksum_that_nobody_tells(place: Place, source: DataServer) -> None:
    """Not to be able to compare is no success."""
    place.vc.faults.on('HttpNfcLeaseGetManifest', 'InvalidState')
    url = f'{source.url}/disk'
    handle = rw_handles.UrlPullHandle(url, thumbprint=thumbprint(), checksum=f'sha1:{SHA1}')
    with pytest.raises(exceptions.ImageTransferException, match='does not tell'):
        pulled(place, handle)


# Secrets


def echo(exchange: Exchange) -> None:
    """Tell who asks what it has sent, in the reason."""
    exchange.answer(f'403 {exchange.headers["X-Auth-Token"]} {exchange.target}')


def test_the_token_is_nowhere(
    either: Place, cacerts: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in what is logged, at any level, nor in what can be reached from the exception."""
    place = either
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger='suds')
    with DataServer(echo, CERTIFICATE) as source:
        url = f'{source.url}{OBJECT}?temp_url_sig=0123456789abcdef'
        handle = rw_handles.SwiftUrlPullHandle(url, TOKEN, cacerts=cacerts)
        with pytest.raises(exceptions.VimFaultException) as raised:
            pulled(place, handle)
        assert source.last.headers['X-Auth-Token'] == TOKEN
    assert raised.value.fault_list == ['HttpFault']
    shown = [repr(handle), str(handle), caplog.text, repr(raised.value.details), str(raised.value)]
    shown += [str(raised.value.fault), pickle.dumps(raised.value.args).decode('latin-1')]
    for secret in (TOKEN, '0123456789abcdef'):
        assert not any(secret in text for text in shown)
        assert reachable.finds(raised.value, secret) == []
    assert raised.value.details['statusMessage'].startswith('***')


def test_the_token_in_a_refusal(
    either: Place, source: DataServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that echoes the request in its fault."""
    caplog.set_level(logging.DEBUG)
    either.vc.faults.on('HttpNfcLeasePullFromUrls_Task', 'InvalidArgument', message=TOKEN)
    handle = rw_handles.SwiftUrlPullHandle(source.url + OBJECT, TOKEN, thumbprint=thumbprint())
    with pytest.raises(exceptions.VimFaultException) as raised:
        pulled(either, handle)
    either.vc.faults.clear()
    assert TOKEN not in caplog.text
    assert reachable.finds(raised.value, TOKEN) == []


def test_a_token_is_masked_without_its_word() -> None:
    """A server may tell it without the scheme that stands before it."""
    handle = rw_handles.UrlPullHandle('https://host/disk', {'Authorization': f'Bearer {TOKEN}'})
    assert handle.secrets.masked(f'{TOKEN} has expired') == '*** has expired'


# What is no handle


@pytest.mark.parametrize(
    'url',
    [
        *('', 'swift', '/v1/a/c/o', 'ftp://swift/v1/a/c/o', 'swift+https://k:s@auth/v1/a/c/o'),
        *('https:///v1/a/c/o', 'https://swift', 'https://swift/v1', 'https://swift/v1/a/c'),
        *('https://swift/v1/a/c/', 'https://swift/v2/a/c/o', 'https://swift/v1//c/o'),
        *('https://swift/images/disk.vmdk', 'https://swift:x/v1/a/c/o', 'https://[::1/v1/a/c/o'),
        'https://user:password@swift/v1/a/c/o',
    ],
)
def test_what_is_no_object_in_swift(url: str) -> None:
    """The URL of no object is refused when the handle is made, and the error shows no password."""
    with pytest.raises(ValueError, match=r'Swift|URL') as raised:
        rw_handles.SwiftUrlPullHandle(url, TOKEN)
    assert 'password' not in str(raised.value).replace('and password', '')
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize(
    'url', ['https://swift:8080/v1/AUTH_a/c/o/p', 'http://ceph/swift/v1/a/c/o', 'https://[::1]/v1/a/c/o?x']
)  # fmt: skip
def test_what_is_an_object_in_swift(url: str) -> None:
    """Names of objects may have slashes; Ceph has a prefix."""
    assert repr(rw_handles.SwiftUrlPullHandle(url, None)).startswith('<SwiftUrlPullHandle of http')


@pytest.mark.parametrize(
    'arguments',
    [
        {'headers': {'X-Auth-Token': 'two\nlines'}},
        {'thumbprint': '00:11'},
        {'thumbprint': 'x' * 40},
        {'checksum': SHA1},
        {'checksum': 'md5:' + SHA1[:32]},
        {'checksum': 'sha1:' + SHA256},
    ],
)
def test_arguments_that_make_no_sense(arguments: Any) -> None:
    """They are refused at once; a header's value is in no text."""
    with pytest.raises(ValueError, match=r'header|thumbprint|checksum') as raised:
        rw_handles.UrlPullHandle('https://host/disk', **arguments)
    assert 'lines' not in str(raised.value)


def test_nobody_is_there(place: Place) -> None:
    """A source that cannot be reached is told before anything is begun."""
    with socket.create_server(('127.0.0.1', 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(exceptions.VimConnectionException, match='certificate of'):
        pulled(place, rw_handles.UrlPullHandle(f'https://127.0.0.1:{port}/disk'))
