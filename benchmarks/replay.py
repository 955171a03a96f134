"""A server on loopback that only replays, so that all libraries are measured on the same bytes.

While it records, a request that it has not met is passed on to a simulated vCenter, and the reply
kept; :meth:`Replay.freeze` ends that, and from then on what was never recorded is an error. Two
requests are the same when they call the same operation with the same :data:`_TELLING` texts: what
libraries write otherwise (prefixes, operation IDs, cookies) makes no difference. The server is a
process of its own.
"""

import contextlib
import re
from typing import Any, Self

import requests

from benchmarks.aside import aside
from benchmarks.server import Server
from oslo_vmware.simulator import Inventory, VCenterSimulator
from oslo_vmware.simulator.wire.httpd import HttpServer, Request, Response
from oslo_vmware.simulator.wire.tls import Authority

_OPERATION = re.compile(rb'<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?(\w+)')
#: The elements of a request whose texts decide about the reply, in the calls that are made here.
_TELLING = re.compile(rb'<(?:[\w-]+:)?(pathSet|token|maxObjects)\b[^>]*>([^<]*)<')
#: What is repeated of a reply's head.
_KEPT_HEADERS = ('Set-Cookie',)


class Replay:
    """The server's process::

        with Replay(Inventory(vms=100)) as replay:
            open_session(replay.server)
            replay.freeze()

    :param inventory: of the simulated vCenter whose replies are recorded
    :ivar server: where it is
    """

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._running = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._pipe = self._running.enter_context(aside(_serve, self._inventory))
        self.server = Server(*self._pipe.recv())
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._running.close()

    def freeze(self) -> None:
        """Record nothing more."""
        self._pipe.send('freeze')
        self._pipe.recv()

    def thaw(self) -> list[str]:
        """Record again, and tell what was asked since :meth:`freeze` that had not been recorded."""
        self._pipe.send('thaw')
        missed: list[str] = self._pipe.recv()
        return missed

    def misses(self) -> list[str]:
        """The requests since :meth:`freeze` that had not been recorded."""
        self._pipe.send('misses')
        missed: list[str] = self._pipe.recv()
        return missed


def _serve(pipe: Any, inventory: Inventory) -> None:
    with VCenterSimulator(inventory=inventory) as vc:
        tape = _Tape(vc)
        authority = Authority('127.0.0.1')
        http = HttpServer(tape.play, '127.0.0.1', 0, authority.context, vc.errors)
        try:
            pipe.send((http.host, http.port, vc.username, vc.password, str(authority.cacert)))
            while (wish := pipe.recv()) is not None:
                if wish == 'freeze':
                    tape.frozen, tape.misses = True, []
                elif wish == 'thaw':
                    tape.frozen = False
                pipe.send(tape.misses)
        finally:
            http.stop()
            authority.close()


class _Tape:
    def __init__(self, vc: VCenterSimulator) -> None:
        self.frozen = False
        self.misses: list[str] = []
        self._url = vc.url
        self._replies: dict[tuple[Any, ...], Response] = {}
        self._session = requests.Session()
        self._session.verify = vc.cacert
        self._session.trust_env = False  # which could name other authorities
        self._session.headers['Accept-Encoding'] = 'identity'

    def play(self, request: Request) -> Response:
        body = request.body()
        key = (request.method, request.path, *_OPERATION.findall(body), *_TELLING.findall(body))
        reply = self._replies.get(key)
        if reply is None:
            reply = self._record(key, request, body)
        return reply

    def _record(self, key: tuple[Any, ...], request: Request, body: bytes) -> Response:
        if self.frozen:
            self.misses.append(repr(key))
            return Response(404, 'text/plain', f'never recorded: {key!r}'.encode())
        answer = self._session.request(
            request.method,
            self._url + request.path,
            data=body,
            headers={
                name: request.headers[name]
                for name in ('Content-Type', 'SOAPAction')
                if name in request.headers
            },
        )
        reply = self._replies[key] = Response(
            answer.status_code,
            answer.headers['Content-Type'],
            answer.content,
            tuple((name, answer.headers[name]) for name in _KEPT_HEADERS if name in answer.headers),
            # Said here, it goes uncompressed: not all of the libraries ask for compression.
            length=len(answer.content),
        )
        return reply
