"""Transfers go straight to their host, or through the environment's proxies where told to."""

import base64
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from oslo_vmware import exceptions, rw_handles
from oslo_vmware.simulator import VCenterSimulator
from tests.functional.conftest import SessionMaker
from tests.transfer.between import Proxy
from tests.transfer.disks import stream_of
from tests.transfer.place import Place
from tests.transfer.server import AUTHORITY, CERTIFICATE, DataServer, serve, store, thumbprint

DATA = stream_of(b'the image' * 1000)
SWITCH = 'OSLO_VMWARE_PROXY_TRANSFERS'
VARIABLES = ('HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY')


@pytest.fixture(autouse=True)
def _no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The proxy of the environment, with the switch on."""
    with Proxy() as proxy:
        name_it(monkeypatch, f'http://{proxy.host}:{proxy.port}')
        yield proxy


def name_it(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(SWITCH, '1')
    for name in ('HTTP_PROXY', 'HTTPS_PROXY'):
        monkeypatch.setenv(name, url)


def write(server: DataServer, **arguments: Any) -> None:
    handle = rw_handles.FileWriteHandle(
        f'{server.url}/folder/f?dsName=a%20b', file_size=len(DATA), **arguments
    )
    handle.write(DATA)
    handle.close()


def read(server: DataServer, **arguments: Any) -> bytes:
    handle = rw_handles.FileReadHandle(f'{server.url}/folder/f', **arguments)
    data = b''.join(iter(lambda: handle.read(65536), b''))
    handle.close()
    return data


@pytest.mark.parametrize('switch', [None, '', '0', 'no'])
def test_without_the_switch(proxy: Proxy, monkeypatch: pytest.MonkeyPatch, switch: Any) -> None:
    """Image data goes past the proxies, as ever."""
    monkeypatch.delenv(SWITCH)
    if switch is not None:
        monkeypatch.setenv(SWITCH, switch)
    with DataServer(store, CERTIFICATE) as server:
        write(server, thumbprint=thumbprint())
        assert server.last.received == len(DATA)
    assert proxy.connections == 0


@pytest.mark.parametrize('host', ['127.0.0.1', '::1'])
def test_a_tunnel(proxy: Proxy, host: str) -> None:
    """To an https server: the proxy hears where to, and nothing else."""
    with DataServer(serve(DATA), CERTIFICATE, host) as server:
        assert read(server, thumbprint=thumbprint(), cookies='a=secret') == DATA
        assert server.last.headers['Cookie'] == 'a=secret'
        (head,) = proxy.heads
        assert head.split('\r\n')[:2] == [
            f'CONNECT {server.netloc} HTTP/1.1',
            f'Host: {server.netloc}',
        ]
        assert 'secret' not in head
    with DataServer(store, CERTIFICATE, host) as server:
        write(server, thumbprint=thumbprint())
        assert server.last.received == len(DATA)


def test_the_proxy_is_handed_what_is_not_encrypted(proxy: Proxy) -> None:
    """To an http server: the request with the complete URL, and the answer of the server."""
    with DataServer(store) as server:
        write(server)
        assert server.last.received == len(DATA)
        assert server.last.headers['Host'] == server.netloc
        line = f'PUT {server.url}/folder/f?dsName=a%20b HTTP/1.1'
        assert proxy.heads[-1].split('\r\n')[0] == line
    with DataServer(serve(DATA)) as server:
        assert read(server) == DATA
    assert len(proxy.heads) == 2


@pytest.mark.parametrize('tls', [CERTIFICATE, None])
def test_user_and_password_of_the_proxy(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tls: Any
) -> None:
    """They go to the proxy, decoded, and into no log."""
    name_it(monkeypatch, f'http://me:p%40ss%C3%A4@{proxy.host}:{proxy.port}')
    caplog.set_level(logging.DEBUG)
    with DataServer(store, tls) as server:
        write(server, thumbprint=thumbprint() if tls else None)
        assert server.last.received == len(DATA)
        if tls:
            assert 'Proxy-Authorization' not in server.last.headers
    known = base64.b64encode('me:p@ssä'.encode()).decode()
    assert f'Proxy-Authorization: Basic {known}' in proxy.heads[0]
    for secret in ('p@ss', 'p%40ss', known):
        assert secret not in caplog.text


@pytest.mark.parametrize('excepted', ['127.0.0.1', '127.0.0.0/8', '*', 'x,127.0.0.1'])
@pytest.mark.parametrize('tls', [CERTIFICATE, None])
def test_who_is_excepted(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, excepted: str, tls: Any
) -> None:
    """``NO_PROXY`` holds for transfers as it does for requests."""
    with DataServer(store, tls) as server:
        monkeypatch.setenv('NO_PROXY', excepted)
        write(server, thumbprint=thumbprint() if tls else None)
        assert server.last.received == len(DATA)
        assert proxy.connections == 0
        monkeypatch.setenv('NO_PROXY', 'vcenter.example.org')
        write(server, thumbprint=thumbprint() if tls else None)
        assert proxy.connections == 1


def test_the_certificate_is_that_of_the_server(proxy: Proxy, tmp_path: Any) -> None:
    """A tunnel may end anywhere; who is there is verified as without one."""
    bundle = tmp_path / 'ca.pem'
    AUTHORITY.cert_pem.write_to_path(bundle)
    other = AUTHORITY.issue_cert('esx.example.org')
    with DataServer(store, CERTIFICATE) as server:
        write(server, cacerts=str(bundle))
        with pytest.raises(exceptions.VimCertificateException):
            write(server, cacerts=True)
        with pytest.raises(exceptions.VimCertificateException, match='thumbprint'):
            write(server, thumbprint=thumbprint(certificate=other))
        assert len(server.exchanges) == 1
    with DataServer(store, other) as server:
        with pytest.raises(exceptions.VimCertificateException):
            write(server, cacerts=str(bundle))
        assert server.exchanges == []
    assert len(proxy.heads) == 4


PASSWORD = 'pr0xy-secret'


@pytest.mark.parametrize(
    ('named', 'told'),
    [
        ('http://me:{secret}@127.0.0.1:1', 'refused|ECONNREFUSED'),
        ('https://me:{secret}@127.0.0.1:3128', 'an http proxy only.*https://127.0.0.1:3128'),
        ('socks5://me:{secret}@127.0.0.1:1080', 'an http proxy only.*socks5://127.0.0.1:1080'),
        ('http://me:{secret}@127.0.0.1:http', 'URL is none'),
    ],
)
@pytest.mark.parametrize('tls', [CERTIFICATE, None])
def test_a_proxy_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, named: str, told: str, tls: Any
) -> None:
    """An error that says so, without the password; nobody goes round it instead."""
    name_it(monkeypatch, named.format(secret=PASSWORD))
    with DataServer(store, tls) as server:
        with pytest.raises(exceptions.VimConnectionException, match=told) as raised:
            write(server, thumbprint=thumbprint())
        assert isinstance(raised.value, exceptions.VimException)
        assert server.connections == 0
    pending: list[Any] = [raised.value]
    while pending:
        problem = pending.pop()
        assert PASSWORD not in repr(problem) + str(problem)
        pending += [p for p in (problem.__cause__, problem.__context__) if p is not None]


@pytest.mark.parametrize('status', ['407 Proxy Authentication Required', '502 Bad Gateway'])
def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    """Its own words, and that they are its."""
    with Proxy(status) as proxy, DataServer(store, CERTIFICATE) as server:
        name_it(monkeypatch, f'http://me:{PASSWORD}@{proxy.host}:{proxy.port}')
        with pytest.raises(exceptions.VimConnectionException, match=status) as raised:
            write(server, thumbprint=thumbprint())
        assert f'the proxy {proxy.host}:{proxy.port}' in str(raised.value)
        assert PASSWORD not in str(raised.value)
        assert server.connections == 0


def test_a_session_and_its_transfers(
    vc: VCenterSimulator, connect: SessionMaker, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it through the proxy: requests, files, and the disks of leases."""
    place = Place(vc, connect(vc))
    before = len(proxy.heads)
    assert before
    handle = rw_handles.FileWriteHandle(
        vc.host, vc.port, place.dc.name, place.ds.name, place.session.vim.client.cookiejar, 'f',
        len(DATA),
    )  # fmt: skip
    handle.write(DATA)
    handle.close()
    place.import_disk(DATA)
    # A report of progress may find the connection of the session in use.
    through = len(proxy.heads)
    assert through >= before + 2
    assert {head.split(' ')[1] for head in proxy.heads} == {f'{vc.host}:{vc.port}'}
    monkeypatch.delenv(SWITCH)
    assert place.content('f') == DATA
    assert len(proxy.heads) == through
