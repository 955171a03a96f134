"""The head and the framing of an HTTP response, taken at their word.

``http.client`` is made for pages that people look at: a connection that ends in the middle of the
head ends the head, and no Content-Length has come; one that ends within the last chunk ends the
data; of two lengths the first counts, and one that is no number is none. For an image each of these
is a way to take half of it for the whole. So its parser reads the head here, from lines that are
whole, and everything after the head is read by :class:`Body`, which knows what was promised:

- *a length*: so many bytes, neither less nor, with chunks, another number;
- *chunks*: up to the empty one, and the blank line behind it;
- *nothing*: the end of the connection ends the data. That proves nothing; whoever reads such a
  body needs another proof that it is whole.
"""

import http.client
import io
import re
from email.errors import (
    FirstHeaderLineIsContinuationDefect,
    MessageDefect,
    MissingHeaderBodySeparatorDefect,
)
from typing import Any

from oslo_vmware import exceptions
from oslo_vmware._i18n import _

#: The first line of a chunk (RFC 9112, 7.1); some servers pad the number with blanks.
_CHUNK_LINE = re.compile(rb'([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n')

#: Bytes of the line before a chunk; what is longer is no size and no extension of any server.
_LONGEST_CHUNK_LINE = 4096

#: Bytes that are received at once where there are lines between the data, as with chunks.
_BUFFER_SIZE = 16384

#: A Content-Length; no file has more digits of bytes.
_LENGTH = re.compile('[0-9]{1,19}')

#: What is wrong with a head whose later lines were not taken for headers.
_LOST_HEADERS = (FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect)


class Truncated(http.client.IncompleteRead):
    """The connection ended where it must not.

    :param where: what was being read
    """

    def __init__(self, where: str) -> None:
        # Not what had come of it, which may be a cookie.
        super().__init__(b'')
        self._where = where

    def __str__(self) -> str:
        return f'IncompleteRead: {self._where}'


class WholeLines(io.BufferedReader):
    """A stream whose lines end with a line feed, or not at all."""

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line.

        :raises Truncated: the stream ends before the line does
        """
        line = super().readline(size)
        if not line.endswith(b'\n') and (size is None or size < 0 or len(line) < size):
            raise Truncated(_('the connection ended within a line'))
        return line


class Response(http.client.HTTPResponse):
    """A response whose head came whole; what follows it is for :class:`Body`."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = WholeLines(self.fp.detach(), _BUFFER_SIZE)

    def begin(self) -> None:
        """Read the head, up to that of the final response.

        :raises http.client.HTTPException: it is none, or not all of it
        """
        super().begin()
        while 100 <= self.status < 200:
            # http.client passes over 100 by itself, and over no other.
            self.headers = None  # type: ignore[assignment]
            super().begin()
        defects: list[MessageDefect] = self.headers.defects
        if any(isinstance(defect, _LOST_HEADERS) for defect in defects):
            raise http.client.HTTPException(_('the head has a line that is no header'))


class Body:
    """The bytes of a response that is data.

    :param response: its head was read, its status is success
    :param name: the URL as it may be shown
    :raises VimException: it has an encoding, or does not say plainly where it ends
    :ivar length: bytes that were announced; None if none were
    :ivar framed: whether the response itself says where the data ends
    :ivar done: bytes that were received
    """

    def __init__(self, response: http.client.HTTPResponse, name: str) -> None:
        self._stream: io.BufferedReader = response.fp
        self._name = name
        encodings = _words(response, 'Content-Encoding')
        if any(word != 'identity' for word in encodings):
            raise self._refused(_('its data is encoded (%s)') % ', '.join(encodings))
        codings = _words(response, 'Transfer-Encoding')
        if codings not in ([], ['identity'], ['chunked']):
            raise self._refused(_('its data is encoded for transfer (%s)') % ', '.join(codings))
        lengths = set(_words(response, 'Content-Length'))
        if len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
            raise self._refused(
                _('Content-Length is no number of bytes (%s)') % ', '.join(sorted(lengths))[:80]
            )
        self.length = int(lengths.pop()) if lengths else None
        self._chunked = codings == ['chunked']
        self._left_of_chunk = 0
        self._before_first_chunk = True
        self.done = 0
        self._ended = False

    @property
    def framed(self) -> bool:
        return self._chunked or self.length is not None

    @property
    def at_end(self) -> bool:
        """Whether all has been read that was announced."""
        return self._ended or (not self._chunked and self.done == self.length)

    def _refused(self, problem: str) -> exceptions.VimException:
        return exceptions.VimException(
            _('GET %(url)s: the server answered, and %(problem)s.')
            % {'url': self._name, 'problem': problem}
        )

    def readinto(self, view: memoryview) -> int:
        """Fill a view, or as much of it as there is data; 0 at the end.

        :raises http.client.HTTPException: the end came before it was due
        """
        filled = 0
        while filled < len(view):
            step = self._receive(view[filled:])
            if not step:
                break
            filled += step
        return filled

    def _receive(self, view: memoryview) -> int:
        """Receive once; 0 at the end."""
        if self._ended:
            return 0
        if self._chunked:
            taken = self._receive_of_chunk(view)
        elif self.length is None:
            taken = self._stream.readinto1(view)
        else:
            left = self.length - self.done
            taken = self._stream.readinto1(view[:left])
            if left and not taken:
                raise http.client.IncompleteRead(b'', left)
        self.done += taken
        if not taken:
            self._end()
        return taken

    def _end(self) -> None:
        self._ended = True
        if self.length is not None and self.length != self.done:
            raise http.client.HTTPException(
                _('%(length)s bytes were announced, and the chunks had %(found)s')
                % {'length': self.length, 'found': self.done}
            )

    def _receive_of_chunk(self, view: memoryview) -> int:
        if not self._left_of_chunk:
            self._left_of_chunk = self._next_chunk()
            if not self._left_of_chunk:
                # The trailers, and the blank line that ends it all.
                http.client.parse_headers(self._stream)
                return 0
        taken = self._stream.readinto1(view[: self._left_of_chunk])
        if not taken:
            raise Truncated(_('the connection ended within a chunk'))
        self._left_of_chunk -= taken
        return taken

    def _next_chunk(self) -> int:
        """The size of the next chunk; 0 for the last."""
        if not self._before_first_chunk and self._stream.readline(3) not in (b'\r\n', b'\n'):
            raise http.client.HTTPException(_('a chunk is longer than announced'))
        self._before_first_chunk = False
        line = _CHUNK_LINE.fullmatch(self._stream.readline(_LONGEST_CHUNK_LINE))
        if line is None:
            raise http.client.HTTPException(_('a chunk begins without its size'))
        return int(line[1], 16)


def _words(response: http.client.HTTPResponse, name: str) -> list[str]:
    """The elements of all headers of a name, in lower case."""
    values = response.headers.get_all(name) or []
    return [word.strip().lower() for value in values for word in value.split(',') if word.strip()]
