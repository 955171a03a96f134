"""Bytes on their way, counted: a checked writer and a checked reader.

:class:`Upload` and :class:`Download` are the body of one HTTP request each. Both know how many
bytes there are to be and how many there were, and end in exactly one of two ways: the server
said that all is well, or an exception says what was lost. After any failure the connection is
closed at once; no later call can make it look better.

An upload does not wait for the end to listen. A server that is full or has lost the session
answers in the middle and may stop reading; so what arrives while there are still bytes to send ends
the upload with that answer. It is looked for whenever the server takes nothing for the moment, and
otherwise once in a while.

All waiting is the sockets' own (:mod:`oslo_vmware._transfer.patience`); nothing stands by in a
thread for that.
"""

import contextlib
import http.client
import io
import logging
import math
import re
import ssl
from collections.abc import Container
from typing import Any

from urllib3.util.wait import wait_for_socket

from oslo_vmware import exceptions
from oslo_vmware._i18n import _
from oslo_vmware._transfer import connection as _connection
from oslo_vmware._transfer import response as _response
from oslo_vmware._transfer.limit import Timer
from oslo_vmware._transfer.owner import Owner
from oslo_vmware._transfer.patience import RECEIVING, SENDING, wait_at_most

LOG = logging.getLogger(__name__)

CHUNK_SIZE = 65536

#: Bytes that a read gives at most.
MAX_READ_SIZE = 4 * CHUNK_SIZE

#: Bytes that are sent or received, if nothing makes us wait, before it is asked whether the server
#: has something to say. That is also when other green threads get their turn.
_PAUSE_EVERY = 16 * CHUNK_SIZE

#: HTTP status -> the class that stands for it; VimException for every other.
_BY_STATUS = {
    401: exceptions.NotAuthenticatedException,
    403: exceptions.NoPermissionException,
    404: exceptions.FileNotFoundException,
    507: exceptions.NoDiskSpaceException,
}

#: A response that says no more than that another one will come (RFC 9110, 15.2).
_INTERIM = re.compile(rb'HTTP/1\.\d 1\d\d[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n')
_INTERIM_START = re.compile(rb'HTTP/1\.\d 1')

#: Seconds that an upload may be blocked before it listens as well.
_BLOCKED_SECONDS = 0.25

#: Seconds that a socket may wait for longer than there is time.
_SLACK_SECONDS = 0.05

#: Seconds for an answer that the server may have sent before the connection broke.
_LAST_WORDS_SECONDS = 1.0


class Bounded:
    """An end of a transfer that keeps to a deadline by itself and can be called off."""

    _timer = Timer(None)

    def bind(self, timer: Timer) -> None:
        """Let no later read, write or close wait past the timer's deadline."""
        self._timer = timer

    def close(self) -> None:
        """Close, and find out whether all is well where that shows at the end."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close as a failure, without waiting for the server; never raises."""


def _patience(timer: Timer) -> float:
    """Seconds that a socket may be silent."""
    remaining = timer.remaining()
    if remaining is None:
        return _connection.STALL_SECONDS
    # Zero would mean: do not block.
    return max(0.001, min(remaining, _connection.STALL_SECONDS))


def check_status(
    response: http.client.HTTPResponse,
    method: str,
    name: str,
    when: str,
    success: Container[int] = range(200, 300),
) -> None:
    """Let nothing but success pass.

    :param when: how far the transfer was, for the text
    :param success: the statuses that are one
    :raises VimException: the class that stands for the status
    """
    if response.status in success:
        return
    raise _BY_STATUS.get(response.status, exceptions.VimException)(
        _('%(method)s %(url)s: the server answered %(status)s %(reason)s %(when)s.')
        % {
            'method': method,
            'url': name,
            'status': response.status,
            'reason': response.reason,
            'when': when,
        }
    )


class Upload(Bounded):
    """The body of a request, checked.

    :param connection: ready for the body
    :param size: bytes that were announced; None for a chunked body
    :param name: the URL as it may be shown
    :param method: HTTP method, for texts
    :ivar sent: bytes of the body that were sent
    :ivar acknowledged: whether the server said that it has them all
    """

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        size: int | None,
        name: str,
        method: str = 'PUT',
    ) -> None:
        self._connection = connection
        self._socket = connection.sock
        self._owner = Owner(name)
        wait_at_most(self._socket, SENDING, _BLOCKED_SECONDS)
        self._answer = _Answer(self._socket)
        self._method = method
        self._unheard = 0
        self.size = size
        self.name = name
        self.sent = 0
        self.acknowledged = False
        self.closed = False

    def write(self, data: bytes) -> None:
        """Send a piece of the body.

        :raises VimException: it could not be sent, the server has already answered, or there
                              are more bytes than were announced
        """
        self._owner.check()
        try:
            view = memoryview(data).cast('B')
        except TypeError as exc:
            self.abort()
            text = _('%s is written with bytes, not %s') % (self.name, type(data).__name__)
            raise exceptions.VimException(text, exc) from exc
        if self.closed:
            raise exceptions.VimException(_('%s is closed: nothing can be written') % self.name)
        if self.size is not None and self.sent + len(view) > self.size:
            self.abort()
            raise exceptions.VimException(
                _('%(url)s: at least %(found)s bytes came, and %(size)s were announced.')
                % {'url': self.name, 'found': self.sent + len(view), 'size': self.size}
            )
        if self.size is not None:
            self._send(view)
        elif view:
            self._send(memoryview(b'%x\r\n' % len(view)))
            self._send(view)
            self._send(memoryview(b'\r\n'))
        self.sent += len(view)

    def finish(self) -> None:
        """End the body, read the server's answer and close the connection.

        :raises VimException: bytes are missing, or the server did not say that all is well
        """
        if self.closed:
            return
        if not self._owner.is_here():
            self.abort()
            self._owner.check()
        if self.size is not None and self.sent < self.size:
            self.abort()
            raise exceptions.VimException(
                _('%(url)s: %(sent)s of %(size)s announced bytes were written.')
                % {'url': self.name, 'sent': self.sent, 'size': self.size}
            )
        if self.size is None:
            self._send(memoryview(b'0\r\n\r\n'))
        with contextlib.closing(self._connection):
            self.closed = True
            self._read_answer(_patience(self._timer), _('after %s bytes') % self.sent)
            self.acknowledged = True

    def abort(self) -> None:
        self.closed = True
        self._owner.hang_up(self._connection, self._socket)

    def close(self) -> None:
        self.finish()

    def _send(self, view: memoryview) -> None:
        try:
            self._send_all(view)
        except OSError as exc:
            try:
                self._raise_last_words(exc)
                with _connection.translated(self._so_far()):
                    raise
            finally:
                self.abort()
        except BaseException:
            self.abort()
            raise

    def _send_all(self, view: memoryview) -> None:
        send = self._socket.send
        while view:
            if self._unheard >= _PAUSE_EVERY:
                self._listen()
            try:
                sent = send(view)
            except (BlockingIOError, TimeoutError):
                sent = 0
            except ssl.SSLWantReadError:
                self._wait(write=False)
                continue
            if not sent:
                self._wait(write=True)
            view = view[sent:]
            self._unheard += sent

    def _listen(self) -> None:
        """Go on if the server has not answered yet."""
        self._unheard = 0
        if not wait_for_socket(self._socket, read=True, timeout=0.0):
            return
        self._socket.setblocking(False)
        has_begun = self._answer.has_begun()
        wait_at_most(self._socket, SENDING, _BLOCKED_SECONDS)
        if has_begun:
            self._read_answer(_patience(self._timer), _('before it had all bytes'))
            raise ConnectionAbortedError(_('the server answered before it had all bytes'))

    def _wait(self, write: bool) -> None:
        patience = _patience(self._timer)
        if not wait_for_socket(self._socket, read=True, write=write, timeout=patience):
            raise TimeoutError(_('the server took nothing for %.1f seconds') % patience)
        self._listen()

    def _raise_last_words(self, broken: OSError) -> None:
        """Raise what the server said before it hung up, if it said something."""
        if isinstance(broken, TimeoutError):
            return
        with contextlib.suppress(OSError, http.client.HTTPException, TransferBroken):
            self._read_answer(_LAST_WORDS_SECONDS, _('before it had all bytes'))

    def _read_answer(self, seconds: float, when: str) -> None:
        with _connection.translated(f'{self._so_far()}, {_("no answer of the server")}'):
            self._answer.due(seconds)
            response = _response.Response(self._answer, method=self._method)
            with contextlib.closing(response):
                response.begin()
        check_status(response, self._method, self.name, when)

    def _so_far(self) -> str:
        size = _('an unknown number of') if self.size is None else self.size
        return _('%(method)s %(url)s: after %(sent)s of %(size)s bytes') % {
            'method': self._method,
            'url': self.name,
            'sent': self.sent,
            'size': size,
        }


TransferBroken = _connection.TransferConnectionException


class _Incoming(io.RawIOBase):
    """What comes on a socket, beneath a response.

    :ivar timer: by when it has to come, however small the pieces are
    """

    def __init__(self, sock: Any) -> None:
        self._socket = sock
        self._patience = math.inf
        self.timer = Timer(None)

    def makefile(self, mode: str) -> io.BufferedReader:
        """All that a response needs of a socket."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        patience = _patience(self.timer)
        # Asked before each receive: a server that trickles never lets a socket time out.
        if self.timer.remaining() == 0.0:
            raise TimeoutError(_('not all has come in time'))
        # Not before each: it is a call of the system.
        if abs(patience - self._patience) > _SLACK_SECONDS:
            wait_at_most(self._socket, RECEIVING, patience)
            self._patience = patience
        try:
            received: int = self._socket.recv_into(buffer)
        except BlockingIOError:
            raise TimeoutError(_('nothing came for %.1f seconds') % patience) from None
        return received


class _Answer(_Incoming):
    """What comes back for an upload: what was found early, then the rest."""

    _early = b''

    def due(self, seconds: float) -> None:
        """Let the rest arrive in so many seconds."""
        self.timer = Timer(seconds)
        self._patience = math.inf

    def has_begun(self) -> bool:
        """Look, on a socket that does not block, whether the server has said something.

        :raises ConnectionResetError: the server has closed the connection
        """
        while not self._is_final():
            try:
                piece = self._socket.recv(CHUNK_SIZE)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                # TLS tickets make a socket readable without a word of HTTP.
                return False
            if not piece:
                raise ConnectionResetError(_('the server closed the connection'))
            self._early += piece
        return True

    def _is_final(self) -> bool:
        """Whether more is here than interim responses, which may come unasked and mean nothing."""
        while interim := _INTERIM.match(self._early):
            self._early = self._early[interim.end() :]
        if len(self._early) > CHUNK_SIZE:
            return True
        return len(self._early) >= 10 and not _INTERIM_START.match(self._early)

    def readinto(self, buffer: Any) -> int:
        if self._early:
            size = min(len(buffer), len(self._early))
            buffer[:size], self._early = self._early[:size], self._early[size:]
            return size
        return super().readinto(buffer)


class Download(Bounded):
    """The body of a response, checked.

    It is data only if the response came whole: its head, and every byte that the head promises.

    :param connection: that has sent the request
    :param name: the URL as it may be shown
    :param unframed: whether the caller can prove by other means that a body is whole whose end is
                     nothing but the end of the connection
    :raises VimException: it is no data, or no response arrived
    :ivar size: bytes that the server announced; None if it did not
    :ivar framed: whether the response says where the data ends
    :ivar complete: whether the end was reached, with all bytes there
    """

    def __init__(
        self, connection: http.client.HTTPConnection, name: str, unframed: bool = False
    ) -> None:
        self._connection = connection
        self._socket = connection.sock
        self._owner = Owner(name)
        self.name = name
        self.complete = False
        self.closed = False
        self._failure: exceptions.VimException | None = None
        self._incoming = _Incoming(self._socket)
        self._buffer = bytearray()
        self._next_pause = _PAUSE_EVERY
        with contextlib.ExitStack() as undo:
            undo.callback(connection.close)
            response = _response.Response(self._incoming, method='GET')
            undo.callback(response.close)
            with _connection.translated(_('GET %s: no answer of the server') % name):
                response.begin()
            check_status(response, 'GET', name, _('instead of data'), success=(200,))
            self._response = response
            self._body = _response.Body(response, name)
            self.size = self._body.length
            self.framed = self._body.framed
            if not (self.framed or unframed):
                raise exceptions.VimException(
                    _(
                        'GET %s: the server says neither how many bytes there are nor where they '
                        'end, so nobody can tell whether all of them came.'
                    )
                    % name
                )
            undo.pop_all()
        self.complete = self.size == 0

    @property
    def received(self) -> int:
        """Bytes that were read."""
        return self._body.done

    def bind(self, timer: Timer) -> None:
        self._incoming.timer = timer

    def read(self, size: int) -> bytes:
        """Read ``size`` bytes, fewer at the end, or if it is more than is given at once.

        Gives ``b''`` at the end and after closing.

        :raises VimException: the connection broke, or ended before all bytes were there; so does
                              every later call
        """
        self._owner.check()
        if self._failure is not None:
            raise self._failure
        if self.closed or self.complete or size == 0:
            return b''
        try:
            data = self._receive(size if size and size > 0 else CHUNK_SIZE)
        except exceptions.VimException as exc:
            self._failure = exc
            self.abort()
            raise
        except BaseException:
            self.abort()
            raise
        self.complete = not data or self._body.at_end
        return data

    def _receive(self, size: int) -> bytes:
        size = min(size, MAX_READ_SIZE)
        if len(self._buffer) < size:
            self._buffer = bytearray(size)
        view = memoryview(self._buffer)[:size]
        if self.received >= self._next_pause:
            self._next_pause = self.received + _PAUSE_EVERY
            wait_for_socket(self._socket, read=True, timeout=0.0)
        try:
            filled = self._body.readinto(view)
        except (OSError, http.client.HTTPException, ValueError):
            with _connection.translated(
                _('GET %(url)s: after %(received)s bytes')
                % {'url': self.name, 'received': self._body.done}
            ):
                raise
        return bytes(view[:filled])

    def fail(self, problem: exceptions.VimException) -> None:
        """Close the connection for a problem, which every later read raises."""
        self._failure = self._failure or problem
        self.close()

    def abort(self) -> None:
        # Nobody shall take what was read so far for all of it.
        self.fail(exceptions.VimException(_('GET %s was called off') % self.name))

    def close(self) -> None:
        """Close the connection, wherever the body is."""
        self.closed = True
        self._owner.hang_up(self._connection, self._socket)
        self._response.close()
