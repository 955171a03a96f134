"""A request leaves in one TLS record, of which a server's ``recv`` returns one at a time."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from oslo_vmware.soap.transport import HttpTransport
from tests.transfer.server import CERTIFICATE

BODY = b'<body/>'
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 2\r\n\r\nok'


@pytest.fixture
def pieces() -> Iterator[list[bytes]]:
    """What a server on loopback received, record by record; the first is its URL."""
    seen: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CERTIFICATE.configure_cert(context)
    with socket.create_server(('127.0.0.1', 0)) as listener:
        listener.settimeout(10)
        seen.append(b'https://127.0.0.1:%d/sdk' % listener.getsockname()[1])

        def serve() -> None:
            accepted, _address = listener.accept()
            with context.wrap_socket(accepted, server_side=True) as connection:
                connection.settimeout(10)
                request = b''
                while not request.endswith(BODY if b'Length: 7' in request else b'\r\n\r\n'):
                    seen.append(connection.recv(65536))
                    request += seen[-1]
                connection.sendall(ANSWER)

        thread = threading.Thread(target=serve)
        thread.start()
        yield seen
        thread.join(10)
        assert not thread.is_alive()


def test_head_and_body_come_together(pieces: list[bytes]) -> None:
    """A head alone would wake the server before there is anything to do."""
    reply = HttpTransport().post(pieces[0].decode(), BODY, {'SOAPAction': '"urn:vim25/8.0"'})
    assert reply.body == b'ok'
    assert len(pieces) == 2
    head, _, body = pieces[1].partition(b'\r\n\r\n')
    assert body == BODY
    assert head.startswith(b'POST /sdk HTTP/1.1\r\n')
    assert b'\r\nSOAPAction: "urn:vim25/8.0"' in head
    assert b'\r\nContent-Length: %d' % len(BODY) in head


def test_a_head_without_a_body_leaves_too(pieces: list[bytes]) -> None:
    """Reading a document has none."""
    assert HttpTransport().get(pieces[0].decode()).body == b'ok'
    assert pieces[1].startswith(b'GET /sdk HTTP/1.1\r\n')


def test_a_request_without_a_body_says_so(pieces: list[bytes]) -> None:
    """It is not sent in chunks, of which there would be none."""
    assert HttpTransport().post(pieces[0].decode(), b'', {}).body == b'ok'
    assert b'\r\nContent-Length: 0\r\n' in pieces[1]
    assert b'Transfer-Encoding' not in pieces[1]
