#!/usr/bin/env bash
# requests 2.34.2 with urllib3 2.8.0, on Python 3.11 to 3.13.
#
# Input:    HTTP as RFC 9110, 15.2 has it: a server answers one request with 103 Early Hints and, a second
#           later, with 200. "A client MUST be able to parse one or more 1xx responses received prior
#           to a final response, even if the client does not expect one."
# Expected: this request gets 200 and its own body, and the next one gets its own.
# Happens:  it gets 103 and nothing. The connection goes back into the pool, and the next request, for
#           something else, gets the body of the first.
# Why:      http.client passes over 100 alone. urllib3 drops a connection on which something has arrived
#           before it is used again; it does not know that something is still to come.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check requests==2.34.2 urllib3==2.8.0
"$folder/venv/bin/python" - <<'PYTHON'
import http.server
import sys
import threading
import time

import requests
import urllib3


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        if self.path == '/first':
            self.wfile.write(b'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n')
            self.wfile.flush()
            time.sleep(1)
        body = b'body of ' + self.path.encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
python = sys.version.split()[0]
print('Python', python, 'requests', requests.__version__, 'urllib3', urllib3.__version__)
seen = []
with requests.Session() as session:
    for path in ('/first', '/second'):
        answer = session.get(f'http://127.0.0.1:{server.server_port}{path}', timeout=10)
        seen.append((path, answer.status_code, answer.text))
        print(*seen[-1])
expected = [('/first', 103, ''), ('/second', 200, 'body of /first')]
sys.exit(0 if seen == expected else 'This has changed.')
PYTHON
