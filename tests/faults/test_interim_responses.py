"""What comes before an answer (RFC 9110, 15.2) is not the answer, and shifts no later one."""

import http.server
import threading
import time
from typing import Any

import pytest

from oslo_vmware import wsdl
from oslo_vmware.soap.client import COMPILED, REFERENCE
from oslo_vmware.vim import Vim
from tests.wire import reply

DESCRIPTION = wsdl.file_url(wsdl.vim_wsdl_path())
INTERIM = {
    'continue': b'HTTP/1.1 100 Continue\r\n\r\n',
    'processing': b'HTTP/1.1 102 Processing\r\n\r\n',
    'hints': b'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n',
    'several': b'HTTP/1.1 102 Processing\r\n\r\n' * 3 + b'HTTP/1.1 100 Continue\r\n\r\n',
}


@pytest.mark.parametrize('engine', [COMPILED, REFERENCE])
@pytest.mark.parametrize('pause', [0.0, 0.1])
@pytest.mark.parametrize('kind', INTERIM)
def test_interim_responses(kind: str, pause: float, engine: str) -> None:
    """Each call gets its own answer, on one connection, whether the answer comes at once or not."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        timeout = 10
        answered = 0

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers['Content-Length']))
            self.wfile.write(INTERIM[kind])
            self.wfile.flush()
            time.sleep(pause)
            # The number of the answer, on this connection, is its second.
            Handler.answered += 1
            returned = f'<returnval>2026-01-02T03:04:{Handler.answered:02d}Z</returnval>'
            body = str(reply('CurrentTime', returned).body).encode()
            self.send_response(200)
            self.send_header('Content-Type', 'text/xml')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        vim = Vim('http', '127.0.0.1', server.server_port, wsdl_url=DESCRIPTION, soap_engine=engine)
        assert [vim.CurrentTime('ServiceInstance').second for _ in range(3)] == [1, 2, 3]
        vim.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
