"""Uploads and downloads as they pass: counted, and broken on demand.

The HTTP server hands out bodies as streams; here they are wrapped. A :class:`Transfer` is the
record that a test reads afterwards: what was announced, how much came or went, how it ended. A
fault rule that speaks of bytes takes effect in the wrapping, so that whoever serves files knows
nothing of it.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
from collections.abc import Iterable, Iterator, Mapping

from oslo_vmware.simulator.wire.httpd import Application, Body, Request, Response
from oslo_vmware.simulator.world.faults import Effect, Rule
from oslo_vmware.simulator.world.registry import Disconnect

# How much is read or sent at a time.
CHUNK = 64 * 1024

_REMEMBERED = 1000
_CHANGING = ('PUT', 'POST', 'DELETE')


@dataclasses.dataclass
class Transfer:
    """One request for a file or a disk.

    :ivar path: unquoted, without the query
    :ivar received: bytes of the request's body that the server has read
    :ivar sent: bytes of the reply's body that it has handed to the connection
    :ivar status: of the reply; None where there was none
    :ivar complete: whether the request was read and all of the reply sent
    """

    method: str
    path: str
    headers: Mapping[str, str] = dataclasses.field(repr=False)
    received: int = 0
    sent: int = 0
    status: int | None = None
    complete: bool = False

    @property
    def announced(self) -> int | None:
        """The Content-Length of the request; None without one."""
        length = self.headers.get('Content-Length')
        return None if length is None else int(length)


class _Gate:
    """Ends or halts a transfer where a rule says.

    :ivar limit: after how many bytes; None is never
    """

    def __init__(self, rule: Rule | None, stopping: threading.Event) -> None:
        self._rule = rule
        self._stopping = stopping
        self.limit = rule.after_bytes if rule is not None else None

    def passes(self, done: int, size: int) -> int:
        """How much of ``size`` bytes may pass next, when so many have; nothing where it ends."""
        if self._rule is None or self.limit is None or done > self.limit:
            return size
        if done < self.limit:
            return min(size, self.limit - done)
        if self._rule.effect is Effect.END:
            return 0
        if self._rule.effect is Effect.STALL and not self._stopping.wait(self._rule.seconds):
            return size
        raise Disconnect


class _Received:
    """A request's body, counted; breaks where a rule says."""

    def __init__(self, body: Body, transfer: Transfer, gate: _Gate) -> None:
        self._body = body
        self._transfer = transfer
        self._gate = gate

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b''.join(iter(lambda: self.read(CHUNK), b''))
        parts = []
        while size:
            wanted = self._gate.passes(self._transfer.received, size)
            data = self._body.read(wanted)
            self._transfer.received += len(data)
            parts.append(data)
            size -= len(data)
            if not wanted or len(data) < wanted:
                break
        return b''.join(parts)


class Transfers:
    """Hands transfers to those who serve them, and remembers them.

    :param stopping: set when the server stops; ends a halt
    :ivar log: the last transfers, the oldest first
    """

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._applications: dict[str, Application] = {}
        self.log: collections.deque[Transfer] = collections.deque(maxlen=_REMEMBERED)

    def mount(self, prefix: str, application: Application) -> None:
        """Have an application serve all that is below a path, such as ``/folder``."""
        self._applications[prefix] = application

    def application(self, path: str) -> Application | None:
        """Who serves a path; None if it is no file."""
        for prefix, application in self._applications.items():
            if path == prefix or path.startswith(f'{prefix}/'):
                return application
        return None

    def serve(self, request: Request, application: Application, rule: Rule | None) -> Response:
        """Answer one request, with the trouble that a rule makes."""
        transfer = Transfer(request.method, request.path, dict(request.headers.items()))
        self.log.append(transfer)
        if rule is None or rule.after_bytes is not None or rule.effect is Effect.TRUNCATE:
            return self._passed(transfer, request, application, rule)
        if rule.after and request.method in _CHANGING:
            self._passed(transfer, request, application, None)
        if rule.effect is not Effect.HTTP:
            transfer.status, transfer.complete = None, False
            raise Disconnect
        transfer.status = rule.status
        return Response(rule.status, rule.content_type, rule.body)

    def _passed(
        self, transfer: Transfer, request: Request, application: Application, rule: Rule | None
    ) -> Response:
        """The answer of the application; all that passes in both directions is counted."""
        gate = _Gate(rule, self._stopping)
        body = _Received(request.stream, transfer, gate)
        response = application(dataclasses.replace(request, stream=body))
        transfer.status = response.status
        if response.stream is None or request.method == 'HEAD':
            # What the application has left unread is read by the server itself.
            transfer.complete = True
            return response
        if rule is not None and rule.effect is Effect.TRUNCATE:
            # Nobody knows the middle of what has no length.
            gate.limit = CHUNK // 2 if response.length is None else response.length // 2
        length = response.length
        if rule is not None and rule.effect is Effect.END and length is not None:
            length = min(length, rule.after_bytes or 0)
        stream = _sent(response.stream, transfer, gate)
        return dataclasses.replace(response, stream=stream, length=length)


def _sent(parts: Iterable[bytes], transfer: Transfer, gate: _Gate) -> Iterator[bytes]:
    """A reply's body, counted; breaks where a rule says."""
    for part in parts:
        rest = part
        while rest:
            size = gate.passes(transfer.sent, len(rest))
            if not size:
                return
            transfer.sent += size
            yield rest[:size]
            rest = rest[size:]
    transfer.complete = True
