"""The proxy that spoils exchanges: it does what it is told, and nothing else."""

import http.client
import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Exchange, Proxy, Reply, chunks
from tests.transfer.server import AUTHORITY, CERTIFICATE
from tests.wire import Answer, Request, ScriptedServer

BODY = b'<E:Envelope xmlns:E="e"><E:Body><n:CurrentTime xmlns:n="urn:vim25"/></E:Body></E:Envelope>'


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Answers with what it was asked."""

    def echo(request: Request) -> Answer:
        return Answer(b'%b %b' % (request.method.encode(), request.body))

    with ScriptedServer(echo, CERTIFICATE) as running:
        yield running


@pytest.fixture
def proxy(server: ScriptedServer) -> Iterator[Proxy]:
    with AUTHORITY.cert_pem.tempfile() as cacert, Proxy(server.port, cacert) as running:
        yield running


@pytest.fixture
def client(proxy: Proxy) -> Iterator[http.client.HTTPSConnection]:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    connection = http.client.HTTPSConnection(proxy.host, proxy.port, context=context, timeout=5)
    yield connection
    connection.close()


def post(client: http.client.HTTPSConnection) -> bytes:
    client.request('POST', '/sdk', BODY, {'SOAPAction': '""'})
    return client.getresponse().read()


def test_what_nobody_spoils(client: http.client.HTTPSConnection, proxy: Proxy) -> None:
    """It arrives as it was sent, and so does the answer, on one connection."""
    assert post(client) == b'POST ' + BODY
    client.request('PUT', '/folder/a?dsName=b', iter([b'one', b'two']), encode_chunked=True)
    client.getresponse().read()
    assert post(client) == b'POST ' + BODY
    assert proxy.seen == {'CurrentTime': 2, 'PUT /folder': 1}
    assert proxy.open_connections == 1


def test_one_exchange_is_spoiled(
    client: http.client.HTTPSConnection, proxy: Proxy, server: ScriptedServer
) -> None:
    """The next of its name, once, and the server has done what was forwarded."""

    def spoil(exchange: Exchange) -> None:
        exchange.forward()
        exchange.close()

    proxy.spoil('CurrentTime', spoil)
    client.request('GET', '/other')
    assert client.getresponse().read() == b'GET '
    with pytest.raises(http.client.RemoteDisconnected):
        post(client)
    assert [request.method for request in server.requests] == ['GET', 'POST']
    client.close()
    assert post(client) == b'POST ' + BODY
    assert not proxy.pending


def test_a_connection_is_spoiled(client: http.client.HTTPSConnection, proxy: Proxy) -> None:
    """The next one; and the one after an exchange, whose connection then ends."""
    proxy.spoil_connection(lambda connection: None)
    with pytest.raises(OSError, match=r'.'):
        post(client)
    client.close()
    proxy.after('CurrentTime', lambda proxy: proxy.refuse())
    assert post(client) == b'POST ' + BODY
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((proxy.host, proxy.port), 5)
    proxy.be_good()
    assert post(client) == b'POST ' + BODY


def test_idle_connections_are_closed(client: http.client.HTTPSConnection, proxy: Proxy) -> None:
    """When it says so they are closed, and no others."""
    post(client)
    proxy.close_idle()
    assert proxy.open_connections == 0
    assert client.sock is not None
    assert client.sock.recv(1) == b''


def test_framing() -> None:
    """A reply goes out as it came, or with the framing that a fault wants."""
    reply = Reply(200, 'OK', [('A', 'b')], b'12345')
    assert reply.wire() == b'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\n12345'
    assert reply.but(chunked=True).wire() == (
        b'HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n'
    )
    assert reply.but(b'1').wire().endswith(b'Content-Length: 1\r\n\r\n1')
    assert chunks(b'12345', 2) == b'2\r\n12\r\n2\r\n34\r\n1\r\n5\r\n'
