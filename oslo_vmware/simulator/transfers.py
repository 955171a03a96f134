"""Uploads and downloads as they pass: counted, and broken on demand.

The HTTP server hands out bodies as streams; here they are wrapped. A :class:`Transfer` is the
record that a test reads afterwards: what was announced, how much came or went, how it ended. A
fault rule that speaks of bytes takes effect in the wrapping, so that whoever serves files knows
nothing of it.
"""

import dataclasses
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from oslo_vmware.simulator.faults import Effect, Rule
from oslo_vmware.simulator.httpd import Body, Disconnect, Request, Response

# How much is read or sent at a time.
CHUNK = 64 * 1024


@dataclasses.dataclass
class Transfer:
    """One request for a file or a disk.

    :ivar path: unquoted, without the query
    :ivar received: bytes of the request's body that the server has read
    :ivar sent: bytes of the reply's body that it has handed to the connection
    :ivar status: of the reply; None where there was none
    :ivar complete: whether the request was read and the reply sent to the end
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


class _Received:
    """A request's body, counted; breaks where a rule says."""

    def __init__(self, body: Body, transfer: Transfer, gate: Callable[[int, int], int]) -> None:
        self._body = body
        self._transfer = transfer
        self._gate = gate

    def read(self, size: int = -1) -> bytes:
        done = self._transfer.received
        if size < 0:
            parts = iter(lambda: self.read(CHUNK), b'')
            return b''.join(parts)
        data = self._body.read(self._gate(done, size))
        self._transfer.received += len(data)
        return data


def serve(
    transfer: Transfer,
    request: Request,
    application: Callable[[Request], Response],
    rule: Rule | None,
    stopping: threading.Event,
) -> Response:
    """Have an application answer, counting all that passes in both directions.

    :param rule: ends or halts the transfer after some bytes
    :param stopping: ends a halt
    """

    def gate(limit: int | None, done: int, size: int) -> int:
        """How much may pass next; where the rule says so, it ends or halts here."""
        if rule is None or limit is None or done > limit:
            return size
        if done < limit:
            return min(size, limit - done)
        if rule.effect is Effect.STALL and not stopping.wait(rule.seconds):
            return size
        raise Disconnect

    def sent(parts: Iterable[bytes], limit: int | None) -> Iterator[bytes]:
        for part in parts:
            while part:
                size = gate(limit, transfer.sent, len(part))
                transfer.sent += size
                yield part[:size]
                part = part[size:]
        transfer.complete = True

    limit = rule.after_bytes if rule is not None else None
    body = _Received(request.stream, transfer, lambda done, size: gate(limit, done, size))
    response = application(dataclasses.replace(request, stream=body))
    transfer.status = response.status
    if response.stream is None or request.method == 'HEAD':
        # What the application has left unread is read by the server itself.
        transfer.complete = True
        return response
    if rule is not None and rule.effect is Effect.TRUNCATE:
        limit = (response.length or 0) // 2
    return dataclasses.replace(response, stream=sent(response.stream, limit))
