"""Where images go to and come from: every function, whatever the host and the names are like."""

import hashlib
import io
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from oslo_vmware import exceptions, image_transfer, rw_handles, vim_util
from oslo_vmware.objects import datacenter, datastore
from tests.transfer.images import (
    ABORT,
    DATA,
    UPLOADS,
    export_arguments,
    session_for,
)
from tests.transfer.server import CERTIFICATE, DataServer, Exchange, serve, store

NAMES = ['a b', 'a+b', 'a#b', 'a%b', '100%', 'a?b', 'ä€', "q'&=;", 'dir/x y']


@pytest.mark.parametrize('upload', UPLOADS)
def test_every_upload_reaches_an_ipv6_host(upload: Any) -> None:
    """The address gets its brackets in URL and Host, wherever it comes from."""
    with DataServer(store, CERTIFICATE, host='::1') as server:
        upload(server, session_for(server))
        assert server.last.headers['Host'] == f'[::1]:{server.port}'
        assert server.last.digest.digest() == hashlib.sha256(DATA).digest()
        assert server.all_closed()


def to_datastore(server: DataServer, names: dict[str, str], bypass: bool, data: bytes) -> Any:
    """``download_image``; returns the session."""
    session: Any = session_for(server)
    session._port, session._insecure = server.port, True
    session.properties['name'] = server.netloc
    place = datastore.Datastore(
        'ds-1', names['datastore'], datacenter=datacenter.Datacenter('dc-1', names['datacenter'])
    )
    host = vim_util.get_moref('host-1', 'HostSystem')
    place.get_connected_hosts = lambda session: [host]  # type: ignore[method-assign]
    image_transfer.download_image(
        [data] if data else [], {'size': len(data)}, session, place, names['path'], bypass, 10
    )
    return session


@pytest.mark.parametrize('bypass', [False, True])
@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('where', ['path', 'datastore', 'datacenter'])
def test_names_of_download_image(where: str, name: str, bypass: bool) -> None:
    """The server finds the names when it decodes the URL; a ticket is for that very URL."""
    names = {'path': 'p', 'datastore': 's', 'datacenter': 'c', where: name}
    with DataServer(store, CERTIFICATE) as server:
        session = to_datastore(server, names, bypass, b'abc')
        target = urlsplit(server.last.target)
        assert unquote(target.path) == f'/folder/{names["path"]}'
        assert '+' not in target.path
        center = 'ha-datacenter' if bypass else names['datacenter']
        assert parse_qs(target.query) == {'dcPath': [center], 'dsName': [names['datastore']]}
        tickets = [a['spec'] for o, a in session.calls if o == 'AcquireGenericServiceTicket']
        assert [spec.url for spec in tickets] == [server.url + server.last.target] * bypass


@pytest.mark.parametrize('bypass', [False, True])
def test_an_empty_image(bypass: bool) -> None:
    """Nothing is announced, nothing sent, and the server's answer counts."""
    names = {'path': 'p', 'datastore': 's', 'datacenter': 'c'}
    with DataServer(store, CERTIFICATE) as server:
        to_datastore(server, names, bypass, b'')
        assert (server.last.headers['Content-Length'], server.last.received) == ('0', 0)
    with DataServer(serve(b'', '507 Insufficient Storage'), CERTIFICATE) as server:
        with pytest.raises(exceptions.NoDiskSpaceException, match='507'):
            to_datastore(server, names, bypass, b'')
        assert server.all_closed()


def test_no_host_to_bypass_by() -> None:
    """Where no host can be written to, the error says so; nothing is opened and nothing asked."""
    with DataServer(store, CERTIFICATE) as server:
        session: Any = session_for(server)
        place = datastore.Datastore('ds-1', 'ds')
        place.get_connected_hosts = lambda session: []  # type: ignore[method-assign]
        with pytest.raises(exceptions.ImageTransferException, match='No host'):
            image_transfer.download_image([b'x'], {'size': 1}, session, place, 'p', True, 10)
        assert session.calls == []
        assert server.connections == 0


# Exports


def copy(session: Any, sink: Any) -> None:
    image_transfer.copy_stream_optimized_disk('c', 10, sink, **export_arguments(session))


def upload(session: Any, sink: Any) -> None:
    service = SimpleNamespace(
        update=lambda *args, data, **kwargs: [sink.write(x) for x in iter(data.read, b'')]
    )
    image_transfer.upload_image('c', 10, service, 'id', 'me', **export_arguments(session))


def cut(exchange: Exchange) -> None:
    exchange.answer('200 OK', DATA, Content_Length=len(DATA) + 1)
    exchange.socket.close()


@pytest.mark.parametrize('export', [copy, upload])
@pytest.mark.parametrize(
    ('script', 'message', 'taken'),
    [
        (serve(b'<html>login</html>', '503 Unavailable'), '503 Unavailable', 0),
        (serve(b'<html>login</html>', '302 Found'), '302 Found', 0),
        (cut, 'IncompleteRead', len(DATA)),
    ],
)
def test_an_export_that_fails(export: Any, script: Any, message: str, taken: int) -> None:
    """Status and URL, or what is missing, come out of both functions; the lease is aborted."""
    sink = io.BytesIO()
    kept: list[bytes] = []
    sink.close = lambda: kept.append(sink.getvalue())  # type: ignore[method-assign]
    with DataServer(script, CERTIFICATE) as server:
        session = session_for(server)
        with pytest.raises(exceptions.VMwareDriverException, match=message) as raised:
            export(session, sink)
        assert f'{server.netloc}/nfc/***' in str(raised.value)
        assert (session.ends, session.open_leases) == (ABORT, 0)
        assert server.all_closed()
    assert len(sink.getvalue()) == taken
    if export is copy:
        assert kept


def test_an_export_into_a_full_datastore() -> None:
    """The end that is written to refuses: its status, reason and URL come out."""

    def script(exchange: Exchange) -> None:
        if exchange.method == 'GET':
            exchange.answer('200 OK', DATA)
        else:
            exchange.swallow()
            exchange.answer('507 Insufficient Storage')

    with DataServer(script, CERTIFICATE) as server:
        session = session_for(server)
        sink = rw_handles.FileWriteHandle(
            server.host, server.port, 'dc', 'ds', None, 'copy.vmdk', len(DATA)
        )
        with pytest.raises(exceptions.NoDiskSpaceException, match='507 Insufficient') as raised:
            copy(session, sink)
        assert f'{server.netloc}/folder/copy.vmdk' in str(raised.value)
        assert session.open_leases == 0
        assert server.all_closed(2)
