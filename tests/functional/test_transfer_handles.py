"""Reading and writing one file: nothing is lost, and what goes wrong is said."""

import hashlib
import pathlib
import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from urllib3.util.wait import wait_for_socket

from oslo_vmware import exceptions, rw_handles
from oslo_vmware._transfer import connection as _connection
from oslo_vmware._transfer import limit
from oslo_vmware._transfer import stream as _stream
from tests.transfer import server as servers
from tests.transfer.server import CERTIFICATE, DataServer, Exchange, serve, store, thumbprint
from tests.transfer.stand_in import Cookie

DATA = bytes(range(256)) * 1024
SIZE = len(DATA)


@pytest.fixture
def bundle(tmp_path: pathlib.Path) -> str:
    path = tmp_path / 'ca.pem'
    servers.AUTHORITY.cert_pem.write_to_path(path)
    return str(path)


def writer(server: DataServer, size: Any = SIZE, **arguments: Any) -> Any:
    arguments = {'file_path': 'dir/disk.vmdk', 'scheme': server.scheme} | arguments
    return rw_handles.FileWriteHandle(
        server.host, server.port, 'dc', 'ds', file_size=size, **arguments
    )


def reader(server: DataServer, **arguments: Any) -> Any:
    arguments = {'file_path': 'dir/disk.vmdk', 'scheme': server.scheme} | arguments
    return rw_handles.FileReadHandle(server.host, server.port, 'dc', 'ds', **arguments)


def read_all(handle: Any) -> bytes:
    return b''.join(iter(lambda: handle.read(10000), b''))


def write_much(handle: Any) -> None:
    for _chunk in range(1 << 12):
        handle.write(DATA)


@pytest.fixture(params=['http', 'https'])
def tls(request: pytest.FixtureRequest) -> Any:
    return CERTIFICATE if request.param == 'https' else None


# Writing


def test_an_upload_arrives_whole(tls: Any) -> None:
    """All bytes, announced, with the headers that servers expect; closing twice is allowed."""
    with DataServer(store, tls) as server:
        handle = writer(server, str(len(DATA)), cookies=[Cookie('vmware_soap_session', '"a"')])
        for start in range(0, len(DATA), 50000):
            assert handle.write(DATA[start : start + 50000]) is None
        handle.close()
        handle.close()
        assert server.last.digest.digest() == hashlib.sha256(DATA).digest()
        assert server.last.method == 'PUT'
        assert server.last.target == '/folder/dir/disk.vmdk?dcPath=dc&dsName=ds'
        assert dict(server.last.headers) == {
            'Host': server.netloc,
            'Accept-Encoding': 'identity',
            'User-Agent': 'OpenStack-ESX-Adapter',
            'Content-Length': str(len(DATA)),
            'Cookie': 'vmware_soap_session="a"',
        }
        assert server.all_closed()


@pytest.mark.parametrize('size', [0, None])
def test_nothing_and_an_unknown_amount(tls: Any, size: int | None) -> None:
    """An empty file is a file; without a size the body is sent in chunks."""
    data = b'' if size == 0 else DATA
    with DataServer(store, tls) as server:
        handle = writer(server, size)
        if data:
            handle.write(data)
        handle.write(b'')
        handle.close()
        assert server.last.received == len(data)
        assert server.last.headers['Content-Length'] == ('0' if size == 0 else None)
        assert server.last.digest.digest() == hashlib.sha256(data).digest()


REFUSALS = [
    ('507 Insufficient Storage', exceptions.NoDiskSpaceException),
    ('404 Not Found', exceptions.FileNotFoundException),
    ('403 Forbidden', exceptions.NoPermissionException),
    ('401 Unauthorized', exceptions.NotAuthenticatedException),
    ('500 Internal Server Error', exceptions.VimException),
    ('302 Found', exceptions.VimException),
]


@pytest.mark.parametrize(('status', 'expected'), REFUSALS)
def test_a_refused_upload_raises(status: str, expected: type, tls: Any) -> None:
    """Closing tells status, reason and URL; the ticket in the URL stays out of it."""

    def refuse(exchange: Exchange) -> None:
        exchange.swallow()
        exchange.answer(status, b'<html>no</html>')

    with DataServer(refuse, tls) as server:
        url = f'{server.scheme}://user:pw@{server.netloc}/folder/f?dcPath=d&dsName=s&ticket=geheim'
        handle = rw_handles.FileWriteHandle(url, file_size=3)
        handle.write(b'abc')
        with pytest.raises(expected) as raised:
            handle.close()
        assert status in str(raised.value)
        assert f'{server.netloc}/folder/f?dcPath=d&dsName=s&ticket=***' in str(raised.value)
        for secret in ('pw', 'geheim'):
            assert secret not in str(raised.value) + str(handle)
        assert server.all_closed()


@pytest.mark.parametrize('then', ['hang up', 'stop reading'])
def test_an_early_refusal_is_heard(then: str, tls: Any) -> None:
    """A server that answers in the middle is believed, whether it closes or just stops reading."""

    def refuse(exchange: Exchange) -> None:
        exchange.stream.read(1000)
        exchange.answer('507 Insufficient Storage')
        if then == 'hang up':
            # At once, TCP itself may drop an answer that the client has not read yet.
            time.sleep(0.2)
            exchange.socket.close()
        else:
            server.released.wait(10)

    with DataServer(refuse, tls) as server:
        handle = writer(server, 1 << 30)
        began = time.monotonic()
        with pytest.raises(exceptions.NoDiskSpaceException, match='507 Insufficient Storage'):
            write_much(handle)
        assert time.monotonic() - began < 5
        handle.close()
        server.released.set()
        assert server.all_closed()


def test_an_early_refusal_is_heard_while_nothing_makes_us_wait(tls: Any) -> None:
    """A server that answers in the middle and reads on is not sent all the rest."""
    announced = 1 << 30

    def refuse(exchange: Exchange) -> None:
        exchange.stream.read(1000)
        exchange.answer('507 Insufficient Storage')
        exchange.swallow()

    with DataServer(refuse, tls) as server:
        handle = writer(server, announced)
        with pytest.raises(exceptions.NoDiskSpaceException, match='507 Insufficient Storage'):
            write_much(handle)
        assert server.all_closed()
        assert server.last.received < announced // 8


@pytest.mark.parametrize('written', [0, len(DATA) - 1])
def test_fewer_bytes_than_announced(written: int) -> None:
    """Closing raises with both numbers and closes the connection; the server is not waited for."""
    with DataServer(store) as server:
        handle = writer(server)
        handle.write(DATA[:written])
        with pytest.raises(exceptions.VimException, match=f'{written} of {len(DATA)} announced'):
            handle.close()
        assert server.all_closed()
        assert server.last.received == written


def test_more_bytes_than_announced() -> None:
    """Writing raises before a byte too much is sent, and closes the connection."""
    with DataServer(store) as server:
        handle = writer(server, 10)
        handle.write(b'12345')
        with pytest.raises(exceptions.VimException, match='11 bytes came, and 10 were announced'):
            handle.write(b'678901')
        assert server.all_closed()
        assert server.last.received == 5
        handle.close()
        with pytest.raises(exceptions.VimException, match='closed'):
            handle.write(b'1')


def test_a_lost_answer_raises(tls: Any) -> None:
    """A server that takes every byte and then hangs up without a word has not confirmed them."""

    def forget(exchange: Exchange) -> None:
        exchange.swallow()
        exchange.socket.close()

    with DataServer(forget, tls) as server:
        handle = writer(server)
        handle.write(DATA)
        with pytest.raises(exceptions.VimConnectionException, match='no answer') as raised:
            handle.close()
        assert isinstance(raised.value, exceptions.VimException)
        assert server.all_closed()


def test_text_is_refused() -> None:
    """Data is bytes; text would need an encoding."""
    with DataServer(store) as server:
        handle = writer(server)
        with pytest.raises(exceptions.VimException, match='bytes, not str'):
            handle.write('text')
        assert server.all_closed()


@pytest.mark.parametrize('data', [bytearray(b'abcd'), memoryview(b'abcd')])
def test_any_bytes_are_taken(data: Any) -> None:
    """Whatever has bytes can be written."""
    with DataServer(store) as server:
        handle = writer(server, 4)
        handle.write(data)
        handle.close()
        assert server.last.received == 4


# Reading


def test_a_download_arrives_whole(tls: Any) -> None:
    """All bytes, then b'' for ever; the size is a number."""
    with DataServer(serve(DATA), tls) as server:
        handle = reader(server, cookies='a=b; c=d')
        assert handle.get_size() == len(DATA)
        assert read_all(handle) == DATA
        assert handle.read(10) == b''
        handle.close()
        handle.close()
        assert handle.read(10) == b''
        assert server.last.headers['Cookie'] == 'a=b; c=d'
        assert server.all_closed()


@pytest.mark.parametrize('chunk', [None, 1000, 1 << 20])
def test_a_read_is_filled(chunk: int | None, tls: Any) -> None:
    """As with a file there are as many bytes as are asked for, however they come."""

    def script(exchange: Exchange) -> None:
        if chunk is None:
            exchange.answer('200 OK', DATA)
            return
        exchange.socket.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        for start in range(0, SIZE, chunk):
            piece = DATA[start : start + chunk]
            exchange.socket.sendall(b'%x\r\n' % len(piece) + piece + b'\r\n')
        exchange.socket.sendall(b'0\r\n\r\n')

    with DataServer(script, tls) as server:
        handle = reader(server)
        sizes = [1, 65536, 100, 20000]
        assert [len(handle.read(size)) for size in sizes] == sizes
        assert handle.read(1 << 30) == DATA[sum(sizes) :]
        assert handle.read(1) == b''
        handle.close()


@pytest.mark.parametrize('direction', ['up', 'down'])
def test_others_get_their_turn(direction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once in each MiB the hub of green threads is passed, though nobody makes us wait."""
    looks: list[Any] = []

    def look(sock: Any, **arguments: Any) -> bool:
        if arguments.get('timeout') == 0.0:
            looks.append(sock)
        return wait_for_socket(sock, **arguments)

    monkeypatch.setattr(_stream, 'wait_for_socket', look)
    data = DATA * 16
    with DataServer(store if direction == 'up' else serve(data)) as server:
        if direction == 'up':
            handle = writer(server, len(data))
            for start in range(0, len(data), 50000):
                handle.write(data[start : start + 50000])
        else:
            handle = reader(server)
            assert read_all(handle) == data
        handle.close()
    assert len(looks) >= 3


@pytest.mark.parametrize('seconds', [0.001, 0.04, 0.3])
def test_a_server_that_falls_silent_when_there_is_little_time(seconds: float, tls: Any) -> None:
    """However little it is, it is waited for so long: for data, for an answer, for room."""

    def script(exchange: Exchange) -> None:
        if exchange.method == 'GET':
            exchange.answer('200 OK', DATA[:10], Content_Length=SIZE)
        server.released.wait(10)

    with DataServer(script, tls) as server:
        source, sink, full = reader(server), writer(server, 3), writer(server, 1 << 30)
        sink.write(b'abc')
        for handle, action in (
            (source, lambda: source.read(1000)),
            (sink, sink.close),
            (full, lambda: write_much(full)),
        ):
            handle.bind(limit.Timer(seconds))
            began = time.monotonic()
            with pytest.raises(exceptions.VimConnectionException, match='timed out'):
                action()
            assert time.monotonic() - began < 3
        server.released.set()
        assert server.all_closed(3)


def test_an_empty_file_is_read() -> None:
    """Nothing is what is in it, and that is no error."""
    with DataServer(serve(b'')) as server:
        handle = reader(server)
        assert (handle.get_size(), handle.read(10)) == (0, b'')
        handle.close()


@pytest.mark.parametrize(('status', 'expected'), REFUSALS)
def test_an_error_page_is_no_data(status: str, expected: type, tls: Any) -> None:
    """The constructor raises with status, reason and URL, and leaves no connection."""
    with DataServer(serve(b'<html>login</html>', status), tls) as server:
        with pytest.raises(expected, match=status) as raised:
            reader(server)
        assert f'{server.netloc}/folder/dir/disk.vmdk' in str(raised.value)
        assert server.all_closed()


def cut_short(exchange: Exchange) -> None:
    exchange.answer('200 OK', DATA[:-1], Content_Length=len(DATA))
    exchange.socket.close()


def cut_chunk(exchange: Exchange) -> None:
    head = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    exchange.socket.sendall(head + b'%x\r\n' % len(DATA) + DATA + b'\r\n')
    exchange.socket.close()


@pytest.mark.parametrize('script', [cut_short, cut_chunk])
def test_a_body_cut_short_raises(script: Any, tls: Any) -> None:
    """Fewer bytes than Content-Length, or no last chunk: an error, never the end of the data."""
    with DataServer(script, tls) as server:
        handle = reader(server)
        with pytest.raises(exceptions.VimException, match=r'bytes\nCause: IncompleteRead'):
            read_all(handle)
        assert server.all_closed()


def test_chunks_are_put_together() -> None:
    """A server that doesn't know the size sends chunks; the last one ends the data."""

    def script(exchange: Exchange) -> None:
        exchange.socket.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        for start in range(0, len(DATA), 1000):
            piece = DATA[start : start + 1000]
            exchange.socket.sendall(b'%x\r\n' % len(piece) + piece + b'\r\n')
        exchange.socket.sendall(b'0\r\n\r\n')

    with DataServer(script) as server:
        handle = reader(server)
        assert handle.get_size() is None
        assert read_all(handle) == DATA
        handle.close()


# Where to, and whom to trust

NAMES = ['a b', 'a+b', 'a#b', 'a%b', '100%', 'a?b', 'ä€', "q'&=;", 'dir/x y', 'tab\tx']


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('where', ['path', 'datastore', 'datacenter'])
def test_names_arrive_as_they_are(name: str, where: str) -> None:
    """Whatever a name has in it, the server finds it when it decodes the URL."""
    place = {'path': 'p', 'datastore': 's', 'datacenter': 'c', where: name}
    with DataServer(store) as server:
        rw_handles.FileWriteHandle(
            server.host,
            server.port,
            place['datacenter'],
            place['datastore'],
            file_path=place['path'],
            file_size=0,
            scheme='http',
        ).close()
        target = urlsplit(server.last.target)
        assert unquote(target.path) == f'/folder/{place["path"]}'
        assert '+' not in target.path
        query = parse_qs(target.query)
        assert query == {'dcPath': [place['datacenter']], 'dsName': [place['datastore']]}


def test_what_is_encoded_stays() -> None:
    """A path that is encoded already is not encoded again; a complete URL is sent as it is."""
    with DataServer(serve(b'')) as server:
        reader(server, file_path='a%20b').close()
        rw_handles.FileReadHandle(f'{server.url}/x/a#b c%20d?e=f g').close()
        targets = [exchange.target for exchange in server.exchanges]
        assert targets == [
            '/folder/a%20b?dcPath=dc&dsName=ds',
            '/x/a%23b%20c%20d?e=f%20g',
        ]


def test_ipv6(tls: Any, bundle: str) -> None:
    """An address with colons gets its brackets; its certificate is verified all the same."""
    with DataServer(store, tls, host='::1') as server:
        handle = writer(server, 3, cacerts=bundle)
        handle.write(b'abc')
        handle.close()
        assert server.last.headers['Host'] == f'[::1]:{server.port}'


@pytest.mark.parametrize('digest', ['md5', 'sha1', 'sha256'])
@pytest.mark.parametrize('plain', [False, True])
def test_the_thumbprint_is_verified(digest: str, plain: bool) -> None:
    """MD5, SHA-1 or SHA-256 by length; colons and case do not matter."""
    known = thumbprint(digest)
    with DataServer(store, CERTIFICATE) as server:
        writer(server, 0, thumbprint=known.replace(':', '').lower() if plain else known).close()
        assert len(server.exchanges) == 1


@pytest.mark.parametrize('wrong', [thumbprint()[:-2] + 'ZZ', '12:34'], ids=['digit', 'length'])
@pytest.mark.parametrize('make', [writer, reader])
def test_a_wrong_thumbprint_is_refused(wrong: str, make: Any) -> None:
    """Not a byte of the request, the cookie least of all, goes to such a server."""
    with DataServer(store, CERTIFICATE) as server:
        with pytest.raises(exceptions.VimCertificateException, match='thumbprint') as raised:
            make(server, thumbprint=wrong, cookies='a=secret')
        assert isinstance(raised.value, exceptions.VimException)
        assert 'secret' not in str(raised.value)
        assert server.all_closed()
        assert server.exchanges == []


def test_with_a_thumbprint_the_name_does_not_matter(bundle: str) -> None:
    """The certificate itself is known; without a thumbprint another name is refused."""
    other = servers.AUTHORITY.issue_cert('esx.example.org')
    with DataServer(store, other) as server:
        known = thumbprint('sha1', other)
        writer(server, 0, cacerts=bundle, thumbprint=known).close()
        with pytest.raises(exceptions.VimCertificateException):
            writer(server, 0, cacerts=bundle)
        assert len(server.exchanges) == 1


@pytest.mark.parametrize(
    ('cacerts', 'trusted'), [(False, True), ('bundle', True), (True, False), (None, False)]
)
def test_whom_to_trust(cacerts: Any, trusted: bool, bundle: str) -> None:
    """False trusts everybody, a path that bundle, True and None the public authorities."""
    cacerts = bundle if cacerts == 'bundle' else cacerts
    with DataServer(store, CERTIFICATE) as server:
        if trusted:
            writer(server, 0, cacerts=cacerts).close()
        else:
            with pytest.raises(exceptions.VimCertificateException, match='certificate'):
                writer(server, 0, cacerts=cacerts)
        assert server.all_closed()


def test_none_is_the_trust_store_of_the_system(
    bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system says who is trusted, None goes by it."""
    monkeypatch.setenv('SSL_CERT_FILE', bundle)
    with DataServer(store, CERTIFICATE) as server:
        writer(server, 0, cacerts=None).close()
        assert len(server.exchanges) == 1


def test_redirects_are_not_followed(tls: Any) -> None:
    """A cookie goes where the caller sent it."""

    def redirect(exchange: Exchange) -> None:
        exchange.answer('302 Found', Location=f'{server.url}/elsewhere')

    with DataServer(redirect, tls) as server:
        with pytest.raises(exceptions.VimException, match='302 Found'):
            reader(server)
        assert len(server.exchanges) == 1


@pytest.mark.parametrize('make', [writer, reader])
def test_nobody_there(make: Any) -> None:
    """A server that does not answer is an error of the library, with the URL."""
    nobody = SimpleNamespace(host='127.0.0.1', port=1, scheme='http')
    with pytest.raises(exceptions.VimConnectionException, match=r'127.0.0.1:1/f') as raised:
        make(nobody)
    assert isinstance(raised.value, exceptions.VimException)
    assert isinstance(raised.value.cause, OSError)


def test_other_schemes() -> None:
    """ValueError for writing, VimException for reading, as ever."""
    with pytest.raises(ValueError, match='ftp'):
        rw_handles.FileWriteHandle('h', 1, 'dc', 'ds', file_path='p', scheme='ftp')
    with pytest.raises(exceptions.VimException, match='ftp'):
        rw_handles.FileReadHandle('h', 1, 'dc', 'ds', file_path='p', scheme='ftp')


@pytest.mark.parametrize(
    ('cookies', 'header'),
    [
        (None, None),
        ([], None),
        ('x=y', 'x=y'),
        ([Cookie('vmware_cgi_ticket', '"t"')], 'vmware_cgi_ticket="t"'),
        ([Cookie('a', '1'), Cookie('b', '2')], 'a=1'),
        ([Cookie('a', '1'), Cookie('vmware_soap_session', '2')], 'vmware_soap_session=2'),
        (object(), None),
    ],
)
def test_cookies(cookies: Any, header: str | None) -> None:
    """A complete header, or the session's cookie out of many, or the first of others."""
    assert _connection.cookie_header(cookies) == header


def test_a_cookie_that_is_no_header() -> None:
    """It is refused without being shown."""
    with DataServer(store) as server, pytest.raises(exceptions.VimException) as raised:
        reader(server, cookies='a=secret\r\nX: y')
    assert 'secret' not in str(raised.value)


@pytest.mark.parametrize('interim', ['100 Continue', '102 Processing\r\nX-Progress: half'])
@pytest.mark.parametrize('early', [True, False])
def test_an_interim_response(interim: str, early: bool) -> None:
    """It comes unasked, means nothing, and is not taken for the answer."""
    data = bytes(200_000)

    def script(exchange: Exchange) -> None:
        if early:
            exchange.socket.sendall(f'HTTP/1.1 {interim}\r\n\r\n'.encode())
        exchange.swallow()
        if not early:
            exchange.socket.sendall(f'HTTP/1.1 {interim}\r\n\r\n'.encode())
        exchange.answer()

    with DataServer(script, CERTIFICATE) as server:
        handle = rw_handles.FileWriteHandle(
            f'{server.url}/folder/x', file_size=len(data), thumbprint=thumbprint()
        )
        for start in range(0, len(data), 50_000):
            handle.write(data[start : start + 50_000])
        handle.close()
        assert server.last.received == len(data)


@pytest.mark.parametrize(
    ('url', 'shown'),
    [
        ('https://u:p@h:1/folder/x?dcPath=a&dsName=b', 'https://h:1/folder/x?dcPath=a&dsName=b'),
        ('https://h/x?ticket=1&dsName=b', 'https://h/x?ticket=***&dsName=b'),
        ('https://h/nfc/52ab-cdef-12345/disk-0.vmdk', 'https://h/nfc/***12345/disk-0.vmdk'),
        ('https://h/ha-nfc/52ab-cdef-12345/d.vmdk', 'https://h/ha-nfc/***12345/d.vmdk'),
        ('https://[::1]:443/x', 'https://[::1]:443/x'),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    """Places are shown; users, tickets and the secret of a lease are not."""
    assert _connection.shown(url) == shown


def test_the_base_handle() -> None:
    """What users' tests and the image client rely on."""

    class Wrapped:
        def close(self) -> None:
            raise OSError('cannot')

    handle = rw_handles.FileHandle(Wrapped())
    handle.close()
    handle.flush()
    handle.seek(5)
    for method, arguments in (('read', (1,)), ('write', (b'',)), ('tell', ()), ('get_size', ())):
        with pytest.raises(NotImplementedError):
            getattr(handle, method)(*arguments)
    with pytest.raises(OSError, match='no file number'):
        handle.fileno()
    assert not hasattr(handle, 'seekable')
    assert not hasattr(handle, '__len__')


def test_pieces_of_an_image() -> None:
    """Empty pieces are skipped, not taken for the end, and the end is bytes."""
    handle = rw_handles.ImageReadHandle(iter([b'', b'ab', b'', b'c']))
    assert [handle.read(1) for _ in range(4)] == [b'ab', b'c', b'', b'']
    assert list(rw_handles.ImageReadHandle([b'a', b'', b'b']).get_next()) == [b'a', b'b']
