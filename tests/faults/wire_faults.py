"""What can happen to an exchange on the wire: the columns of the matrix.

Each fault is a function of an :class:`~tests.faults.proxy.Exchange` or, for what happens before
there is one, of a socket that was just accepted. Its :class:`~tests.faults.fault.Sort` says what
the client can know afterwards, and so what it owes its caller.
"""

import gzip
import socket
import struct
from collections.abc import Callable
from typing import Any

from tests.faults.fault import Sort, WireFault
from tests.faults.proxy import Exchange, Proxy, Reply, Spoiler, chunks
from tests.wire import ENVELOPE

FAULTS: list[WireFault] = []


def fault(name: str, sort: Sort, **more: Any) -> Callable[[Any], Any]:
    """Make a column of a function."""

    def add(function: Any) -> Any:
        FAULTS.append(WireFault(name, sort, function, **more))
        return function

    return add


def door(name: str, **more: Any) -> Callable[[Any], Any]:
    """Make a column of what happens to a connection; nothing has left then."""

    def add(function: Any) -> Any:
        FAULTS.append(WireFault(name, Sort.UNSENT, doorman=function, fresh=True, **more))
        return function

    return add


# Before there is a request


FAULTS.append(WireFault('the connection is refused', Sort.UNSENT, prepare=Proxy.refuse))
FAULTS.append(
    WireFault(
        'the server closes the idle connection',
        Sort.VALID,
        prepare=Proxy.close_idle,
    )
)


FAULTS.append(
    WireFault('the session has ended', Sort.UNSENT, prepare=lambda proxy: proxy.end_sessions())
)


@door('closed right after it was accepted')
def closed_at_once(connection: socket.socket) -> None:
    pass


@door('reset right after it was accepted')
def reset_at_once(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


@door('an answer in plain text in place of TLS')
def not_tls(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')


@door('closed in the middle of the TLS handshake')
def half_a_handshake(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b'\x16\x03\x03\x00\x7a\x02\x00\x00\x76')


@door('silent in place of the TLS handshake', silent=True)
def silent_handshake(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


# The request does not get through


@fault('closed when the request arrives', Sort.LOST)
def unread(exchange: Exchange) -> None:
    exchange.close()


@fault('closed when the first request arrives', Sort.LOST, fresh=True)
def unread_fresh(exchange: Exchange) -> None:
    exchange.close()


@fault('reset when the request arrives', Sort.LOST)
def unread_reset(exchange: Exchange) -> None:
    exchange.reset()


@fault('503: no connection to the service', Sort.UNSENT)
def not_connected(exchange: Exchange) -> None:
    exchange.body()
    exchange.answer(
        _plain(
            503,
            'Service Unavailable',
            b'503 Service Unavailable (Failed to connect to endpoint: '
            b'[N7Vmacore4Http20NamedPipeServiceSpecE:0x000055b1] _serverNamespace = /sdk '
            b'action = Allow _pipeName =/var/run/vmware/vpxd-webserver-pipe)',
        )
    )


@fault('silent, and the server never heard of it', Sort.LOST, silent=True)
def swallowed(exchange: Exchange) -> None:
    exchange.body()
    exchange.hang()


@fault('413 before the body was read', Sort.WRONG)
def early_refusal(exchange: Exchange) -> None:
    exchange.send(_plain(413, 'Payload Too Large', b'too large').wire())
    exchange.say_goodbye()


@fault('401 of a proxy', Sort.WRONG)
def unauthorized(exchange: Exchange) -> None:
    exchange.body()
    exchange.answer(_html(401, 'Unauthorized', b'<html><body>Who are you?</body></html>'))


@fault('404 of a proxy', Sort.WRONG)
def not_found(exchange: Exchange) -> None:
    exchange.body()
    exchange.answer(_html(404, 'Not Found', b'<html><body>Not here</body></html>'))


# The server has done it, and its answer does not get through


@fault('closed without a byte', Sort.LOST)
def no_byte(exchange: Exchange) -> None:
    exchange.forward()
    exchange.close()


@fault('closed without a byte, first request', Sort.LOST, fresh=True)
def no_byte_fresh(exchange: Exchange) -> None:
    exchange.forward()
    exchange.close()


@fault('closed with a goodbye and without a byte', Sort.LOST)
def goodbye(exchange: Exchange) -> None:
    exchange.forward()
    exchange.say_goodbye()


@fault('reset without a byte', Sort.LOST)
def no_byte_reset(exchange: Exchange) -> None:
    exchange.forward()
    exchange.reset()


@fault('reset without a byte, first request', Sort.LOST, fresh=True)
def no_byte_reset_fresh(exchange: Exchange) -> None:
    exchange.forward()
    exchange.reset()


def cut(where: Callable[[bytes], int]) -> Spoiler:
    """Send so many bytes of the answer, then close."""

    def spoil(exchange: Exchange) -> None:
        wire = exchange.forward().wire()
        exchange.send(wire[: where(wire)])
        exchange.say_goodbye()

    return spoil


def head_of(wire: bytes) -> int:
    """Where the body begins."""
    return wire.index(b'\r\n\r\n') + 4


FAULTS += [
    WireFault('cut in the status line', Sort.LOST, cut(lambda wire: 9)),
    WireFault('cut after the status line', Sort.LOST, cut(lambda wire: wire.index(b'\r\n') + 2)),
    WireFault('cut in the first header', Sort.LOST, cut(lambda wire: wire.index(b'\r\n') + 8)),
    WireFault('cut in the last header', Sort.LOST, cut(lambda wire: head_of(wire) - 7)),
    WireFault('cut before the blank line', Sort.LOST, cut(lambda wire: head_of(wire) - 2)),
    WireFault('cut after the headers', Sort.LOST, cut(head_of)),
    WireFault('cut in the body', Sort.LOST, cut(lambda wire: (head_of(wire) + len(wire)) // 2)),
    WireFault('cut before the last byte', Sort.LOST, cut(lambda wire: len(wire) - 1)),
]


@fault('reset in the body', Sort.LOST)
def reset_in_body(exchange: Exchange) -> None:
    wire = exchange.forward().wire()
    exchange.send(wire[: (head_of(wire) + len(wire)) // 2])
    exchange.reset()


@fault('silent, and the server has done it', Sort.LOST, silent=True)
def silent(exchange: Exchange) -> None:
    exchange.forward()
    exchange.hang()


@fault('silent in the headers', Sort.LOST, silent=True)
def silent_in_head(exchange: Exchange) -> None:
    exchange.send(exchange.forward().wire()[:40])
    exchange.hang()


@fault('silent in the body', Sort.LOST, silent=True)
def silent_in_body(exchange: Exchange) -> None:
    wire = exchange.forward().wire()
    exchange.send(wire[: (head_of(wire) + len(wire)) // 2])
    exchange.hang()


@fault('promises more than comes', Sort.LOST)
def too_long(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.send(reply.head(f'Content-Length: {len(reply.body) + 100}') + reply.body)
    exchange.say_goodbye()


@fault('promises more than any reply may have', Sort.LOST)
def far_too_long(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.send(reply.head(f'Content-Length: {1 << 40}') + reply.body)
    exchange.say_goodbye()


@fault('a chunk is cut', Sort.LOST)
def cut_chunk(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.send(reply.head('Transfer-Encoding: chunked') + chunks(reply.body)[:-9])
    exchange.say_goodbye()


@fault('the last chunk is missing', Sort.LOST)
def no_last_chunk(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.send(reply.head('Transfer-Encoding: chunked') + chunks(reply.body))
    exchange.say_goodbye()


@fault('the size of a chunk is no number', Sort.LOST)
def odd_chunk(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.send(
        reply.head('Transfer-Encoding: chunked') + b'zz\r\n' + reply.body + b'\r\n0\r\n\r\n'
    )
    exchange.say_goodbye()


@fault('unframed, and cut', Sort.LOST)
def unframed_cut(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.send(reply.head('Connection: close') + reply.body[: len(reply.body) // 2])
    exchange.say_goodbye()


@fault('gzip, and cut', Sort.LOST)
def gzip_cut(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.answer(_encoded(reply, gzip.compress(reply.body)[:-9]))


@fault('503: the service died in the middle', Sort.LOST)
def died(exchange: Exchange) -> None:
    exchange.forward()
    exchange.answer(
        _plain(
            503,
            'Service Unavailable',
            b'503 Service Unavailable (Failed to receive response from endpoint: '
            b'[N7Vmacore4Http20NamedPipeServiceSpecE:0x000055b1] _serverNamespace = /sdk)',
        )
    )


@fault('503 with a page', Sort.LOST)
def unavailable(exchange: Exchange) -> None:
    exchange.forward()
    exchange.answer(_html(503, 'Service Unavailable', b'<html><body>Starting</body></html>'))


@fault('502 of a proxy', Sort.LOST)
def bad_gateway(exchange: Exchange) -> None:
    exchange.forward()
    exchange.answer(_html(502, 'Bad Gateway', b'<html><body>Bad Gateway</body></html>'))


@fault('504 of a proxy', Sort.LOST)
def gateway_timeout(exchange: Exchange) -> None:
    exchange.forward()
    exchange.answer(_plain(504, 'Gateway Timeout', b'upstream request timeout'))


@fault('500 without a fault', Sort.LOST)
def bare_500(exchange: Exchange) -> None:
    exchange.forward()
    exchange.answer(_plain(500, 'Internal Server Error', b'Internal Server Error'))


@fault('500 with nothing', Sort.LOST)
def empty_500(exchange: Exchange) -> None:
    exchange.forward()
    exchange.answer(_plain(500, 'Internal Server Error', b''))


@fault('500 with half a fault', Sort.LOST)
def half_a_fault(exchange: Exchange) -> None:
    exchange.forward()
    whole = ENVELOPE.format('<soapenv:Fault><faultcode>ServerFaultCode</faultcode>').encode()
    exchange.answer(Reply(500, 'Internal Server Error', [_XML], whole[:-50]))


@fault('overloaded: the address is in use', Sort.LOST)
def overloaded(exchange: Exchange) -> None:
    exchange.forward()
    exchange.answer(_plain(503, 'Service Unavailable', b'Address already in use'))


# The server has done it, and what comes is no answer to the question


@fault('204', Sort.WRONG)
def no_content(exchange: Exchange) -> None:
    exchange.send(exchange.forward().but(status=204, reason='No Content').head())


@fault('an empty 200', Sort.WRONG)
def empty(exchange: Exchange) -> None:
    exchange.answer(exchange.forward().but(b''))


@fault('an empty envelope', Sort.WRONG)
def empty_envelope(exchange: Exchange) -> None:
    exchange.answer(exchange.forward().but(ENVELOPE.format('').encode()))


@fault('the reply of another operation', Sort.WRONG)
def other_operation(exchange: Exchange) -> None:
    exchange.answer(
        exchange.forward().but(_reply('CurrentTime', '<returnval>2026-01-02T03:04:05Z</returnval>'))
    )


@fault('the reply of another task', Sort.WRONG)
def other_task(exchange: Exchange) -> None:
    task = '<returnval type="Task">task-99999</returnval>'
    exchange.answer(exchange.forward().but(_reply('ReloadVirtualMachineFromPath_Task', task)))


@fault('a page with status 200', Sort.WRONG)
def page(exchange: Exchange) -> None:
    exchange.forward()
    exchange.answer(_html(200, 'OK', b'<html><head><title>Welcome</title></head></html>'))


@fault('a page of someone who passed nothing on', Sort.WRONG)
def captive_portal(exchange: Exchange) -> None:
    exchange.body()
    exchange.answer(_html(200, 'OK', b'<html><br>Please accept our terms</html>'))


@fault('a page that says to be XML', Sort.WRONG)
def page_as_xml(exchange: Exchange) -> None:
    exchange.answer(exchange.forward().but(b'<html><body><p>Welcome</p></body></html>'))


@fault('plain data that says to be gzip', Sort.WRONG)
def not_gzip(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.answer(_encoded(reply, b'\x00garbage' + reply.body))


@fault('promises less than comes', Sort.WRONG)
def too_short(exchange: Exchange) -> None:
    reply = exchange.forward()
    half = len(reply.body) // 2
    exchange.send(reply.head(f'Content-Length: {half}') + reply.body)
    exchange.wait(0.05)
    exchange.say_goodbye()


@fault('two lengths', Sort.WRONG)
def two_lengths(exchange: Exchange) -> None:
    reply = exchange.forward()
    lengths = (f'Content-Length: {len(reply.body)}', f'Content-Length: {len(reply.body) // 2}')
    exchange.send(reply.head(*lengths) + reply.body)
    exchange.wait(0.05)
    exchange.say_goodbye()


@fault('206', Sort.WRONG)
def partial(exchange: Exchange) -> None:
    reply = exchange.forward()
    size = len(reply.body)
    half = reply.but(reply.body[: size // 2], status=206, reason='Partial Content')
    ranged = ('Content-Range', f'bytes 0-{max(size // 2 - 1, 0)}/{size}')
    exchange.answer(half.but(headers=[*half.headers, ranged]))


@fault('a DOCTYPE', Sort.WRONG)
def doctype(exchange: Exchange) -> None:
    evil = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
    reply = exchange.forward()
    declaration, end, rest = reply.body.partition(b'?>')
    exchange.answer(reply.but(declaration + end + evil + rest if end else evil + reply.body))


@fault('not HTTP', Sort.WRONG)
def not_http(exchange: Exchange) -> None:
    exchange.forward()
    exchange.send(b'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n')
    exchange.say_goodbye()


@fault('a header of a megabyte', Sort.WRONG)
def huge_header(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.send(reply.head('X-Padding: ' + 'x' * (1 << 20), 'Content-Length: 0'))
    exchange.say_goodbye()


@fault('redirected to another host', Sort.WRONG)
def other_host(exchange: Exchange) -> None:
    _redirect(exchange, 302, f'https://localhost:{exchange.port}{exchange.target}')


@fault('redirected to another host, the request as well', Sort.WRONG)
def other_host_307(exchange: Exchange) -> None:
    _redirect(exchange, 307, f'https://localhost:{exchange.port}{exchange.target}')


@fault('redirected to plain HTTP', Sort.WRONG)
def other_scheme(exchange: Exchange) -> None:
    _redirect(exchange, 301, f'http://{exchange.host}:{exchange.port}{exchange.target}')


@fault('redirected to a file', Sort.WRONG)
def to_a_file(exchange: Exchange) -> None:
    _redirect(exchange, 302, 'file:///etc/hostname')


@fault('redirected to itself, the request as well', Sort.WRONG)
def loop(exchange: Exchange) -> None:
    _redirect(exchange, 308, exchange.target)


# Odd, but right


@fault('byte by byte', Sort.VALID)
def trickle(exchange: Exchange) -> None:
    wire = exchange.forward().wire()
    for position in range(60):
        exchange.send(wire[position : position + 1])
    exchange.send(wire[60:])


@fault('100 Continue that nobody asked for', Sort.VALID)
def continues(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.send(b'HTTP/1.1 100 Continue\r\n\r\n' * 3 + reply.wire())


@fault('answered in chunks', Sort.VALID)
def chunked(exchange: Exchange) -> None:
    exchange.answer(exchange.forward().but(chunked=True))


@fault('closed after the answer', Sort.VALID)
def closes(exchange: Exchange) -> None:
    exchange.answer(exchange.forward())
    exchange.say_goodbye()


@fault('the answer comes twice', Sort.VALID)
def twice(exchange: Exchange) -> None:
    wire = exchange.forward().wire()
    exchange.send(wire + wire)


@fault('headers that come twice', Sort.VALID)
def doubled(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.answer(reply.but(headers=reply.headers * 2))


@fault('unframed', Sort.VALID)
def unframed(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.send(reply.head('Connection: close') + reply.body)
    exchange.say_goodbye()


@fault('gzip', Sort.VALID)
def gzipped(exchange: Exchange) -> None:
    reply = exchange.forward()
    exchange.answer(_encoded(reply, gzip.compress(reply.body)))


@fault('a byte that is not UTF-8', Sort.VALID)
def not_utf8(exchange: Exchange) -> None:
    exchange.answer(_with(exchange.forward(), b'\xff'))


@fault('a control character', Sort.VALID)
def control_character(exchange: Exchange) -> None:
    exchange.answer(_with(exchange.forward(), b'\x01'))


def _with(reply: Reply, piece: bytes) -> Reply:
    """Put something where no value is; into data, anywhere."""
    before, body, after = reply.body.partition(b'Body>')
    return reply.but(before + body + piece + after)


_XML = ('Content-Type', 'text/xml; charset=utf-8')


def _plain(status: int, reason: str, body: bytes) -> Reply:
    return Reply(status, reason, [('Content-Type', 'text/plain')], body)


def _html(status: int, reason: str, body: bytes) -> Reply:
    return Reply(status, reason, [('Content-Type', 'text/html; charset=utf-8')], body)


def _reply(operation: str, content: str) -> bytes:
    return ENVELOPE.format(
        f'<{operation}Response xmlns="urn:vim25">{content}</{operation}Response>'
    ).encode()


def _encoded(reply: Reply, body: bytes) -> Reply:
    return reply.but(body, headers=[*reply.headers, ('Content-Encoding', 'gzip')])


def _redirect(exchange: Exchange, status: int, location: str) -> None:
    exchange.body()
    exchange.answer(Reply(status, 'Elsewhere', [('Location', location)], b''))
