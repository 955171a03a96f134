"""A server that answers as a test tells it, for what no well-behaved server does.

It is real HTTP(S) on a loopback port, and no code of ours: the standard library serves, trustme
makes the certificates. The simulator answers everything that a vCenter can answer; this is for
the rest (error pages, broken XML, half an answer) and for looking at raw requests.
"""

import contextlib
import http.server
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import trustme
from lxml import etree

XSI = 'http://www.w3.org/2001/XMLSchema-instance'

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    '<soapenv:Body>{}</soapenv:Body></soapenv:Envelope>'
)


@dataclass
class Request:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Answer:
    """What to answer; ``drop`` closes the connection without a byte instead."""

    body: str | bytes = b''
    status: int = 200
    content_type: str = 'text/xml; charset=utf-8'
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    close_after: bool = False


def reply(operation: str, content: str = '') -> Answer:
    """The SOAP reply of a VIM operation."""
    return Answer(
        ENVELOPE.format(f'<{operation}Response xmlns="urn:vim25">{content}</{operation}Response>')
    )


def fault(detail: str, text: str = 'Something went wrong', status: int = 500) -> Answer:
    """A SOAP fault with the given children of its detail element."""
    return Answer(
        ENVELOPE.format(
            '<soapenv:Fault><faultcode>ServerFaultCode</faultcode>'
            f'<faultstring>{text}</faultstring><detail>{detail}</detail></soapenv:Fault>'
        ),
        status,
    )


def xsi_type(element: etree._Element) -> str:
    """The Clark name that an element's ``xsi:type`` means where it stands."""
    prefix, _, local = element.attrib[f'{{{XSI}}}type'].rpartition(':')
    return f'{{{element.nsmap[prefix or None]}}}{local}'


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # A crowd of threads may connect at once.
    request_queue_size = 128


class ScriptedServer:
    """Serves what ``script`` answers, and keeps the requests.

    :param script: called with each :class:`Request`
    :param certificate: TLS certificate to present; plain HTTP without one
    """

    def __init__(
        self,
        script: Callable[[Request], Answer],
        certificate: trustme.LeafCert | None = None,
    ) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.connections = 0
        self._server = _Listener(('127.0.0.1', 0), self._handler())
        self.scheme = 'http'
        if certificate is not None:
            self.scheme = 'https'
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f'{self.scheme}://127.0.0.1:{self.port}'

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> Any:
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            timeout = 10

            def setup(self) -> None:
                owner.connections += 1
                super().setup()

            def handle(self) -> None:
                # A client that refuses the certificate or hangs up is part of the test.
                with contextlib.suppress(OSError):
                    super().handle()

            def do_GET(self) -> None:
                length = int(self.headers.get('Content-Length', 0))
                request = Request(
                    self.command, self.path, dict(self.headers), self.rfile.read(length)
                )
                owner.requests.append(request)
                answer = owner.script(request)
                if answer.drop:
                    self.close_connection = True
                    return
                body = answer.body.encode() if isinstance(answer.body, str) else answer.body
                self.send_response(answer.status)
                self.send_header('Content-Type', answer.content_type)
                self.send_header('Content-Length', str(len(body)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = answer.close_after

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
