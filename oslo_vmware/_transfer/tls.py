"""TLS over a socket, many records at a time.

A TLS record has 16 KiB at most, and Python's own TLS sockets ask the system for each of them: twice
to receive it, for its head and for the rest, and once to send it. For a stream of gigabytes that is
most of what the client does, and the receiver is woken for each. So a :class:`TlsSocket` has its
TLS work in memory, and moves what that makes or needs in large pieces to and from the socket.

It stands for the TLS socket of a connection of ``http.client``. What it does not have itself it has
from the TLS object, or from the socket beneath: it blocks, waits and times out as that does, green
or not. What could not be sent at once is sent by the next call of ``send``, which has to be for the
same bytes, as it is with TLS sockets.
"""

import contextlib
import io
import ssl
import time
from typing import Any

from oslo_vmware._i18n import _

#: Bytes that are encrypted before they are sent, and that are received before they are decrypted.
_PIECE_SIZE = 256 * 1024


class TlsSocket:
    """The client's end of a TLS connection.

    :param sock: connected; how long it may be silent is how long the handshake may take
    :param server_hostname: whose certificate it has to be
    :raises ssl.SSLError: there is no TLS, or the certificate is refused; the socket is still open
    """

    def __init__(self, sock: Any, context: ssl.SSLContext, server_hostname: str) -> None:
        self._socket = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=server_hostname
        )
        self._received = memoryview(bytearray(_PIECE_SIZE))
        self._unsent = memoryview(b'')
        self._taken = 0
        self._is_at_end = False
        self._readers = 0
        self._is_closed = False
        self._shake_hands()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tls if hasattr(self._tls, name) else self._socket, name)

    def _shake_hands(self) -> None:
        seconds = self._socket.gettimeout()
        began = time.monotonic()
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._say()
                if seconds is not None:
                    left = began + seconds - time.monotonic()
                    if left <= 0:
                        raise TimeoutError(_('the handshake has not ended in time')) from None
                    self._socket.settimeout(left)
                self._receive()
            except ssl.SSLError:
                # The server shall know why.
                with contextlib.suppress(OSError):
                    self._say()
                raise
        self._say()
        self._socket.settimeout(seconds)

    def _say(self) -> None:
        """Send what TLS itself has to say."""
        self._unsent = memoryview(self._outgoing.read())
        self._flush()

    def _flush(self) -> None:
        while self._unsent:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]

    def _receive(self) -> None:
        size = self._socket.recv_into(self._received)
        if size:
            self._incoming.write(self._received[:size])
        else:
            self._incoming.write_eof()

    def send(self, data: Any) -> int:
        """Send the beginning of some bytes; returns how many, 0 if it has to be called again.

        :raises BlockingIOError: the socket does not block, and takes no more for now
        :raises ssl.SSLWantReadError: something has to be received before
        """
        if not self._unsent:
            try:
                self._taken = self._tls.write(memoryview(data)[:_PIECE_SIZE])
            except ssl.SSLWantReadError:
                self._say()
                raise
            self._unsent = memoryview(self._outgoing.read())
        self._unsent = self._unsent[self._socket.send(self._unsent) :]
        if self._unsent:
            return 0
        taken, self._taken = self._taken, 0
        return taken

    def sendall(self, data: Any) -> None:
        """Send all, on a socket that blocks."""
        view = memoryview(data)
        while view:
            view = view[self.send(view) :]

    def recv_into(self, buffer: Any) -> int:
        """Receive into a buffer, as many records as are here; 0 at the end.

        :raises BlockingIOError: the socket does not block, and nothing is there
        """
        view = memoryview(buffer)
        filled = 0
        while filled < len(view) and not self._is_at_end:
            try:
                size: Any = self._tls.read(len(view) - filled, view[filled:])
            except ssl.SSLWantReadError:
                if filled:
                    break
                if self._outgoing.pending and not self._unsent:
                    self._say()
                self._receive()
            except ssl.SSLEOFError:
                # A server that does not take its leave, as many do not.
                self._is_at_end = True
            else:
                self._is_at_end = not size
                filled += size
        return filled

    def recv(self, size: int) -> bytes:
        """Receive at most so many bytes; ``b''`` at the end."""
        buffer = bytearray(size)
        return bytes(memoryview(buffer)[: self.recv_into(buffer)])

    def makefile(self, mode: str, buffering: int = -1) -> io.BufferedReader:
        """A file to read from, which keeps the connection open until it is closed itself."""
        self._readers += 1
        return io.BufferedReader(_File(self))

    def close(self) -> None:
        """Close the connection, as soon as nobody reads from it."""
        self._is_closed = True
        if not self._readers:
            self._socket.close()

    def let_go(self) -> None:
        """A file has been closed."""
        self._readers -= 1
        if self._is_closed:
            self.close()


class _File(io.RawIOBase):
    """What comes on a connection."""

    def __init__(self, sock: TlsSocket) -> None:
        self._socket = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._socket.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            self._socket.let_go()
        super().close()
