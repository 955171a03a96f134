"""Reads the answers of an HTTP/1.1 server (RFC 9112) from bytes, as they come; no I/O here.

It is strict where two readers could see different answers in the same bytes: lengths that
contradict each other, names with a space before the colon, chunks that do not end where they say.
It is lenient where only one reading is possible: lines that end in a bare LF, folded fields, a
status without words. What servers and proxies send before an answer (status 1xx, RFC 9110, 15.2) is
passed over: taken for the answer, it would shift all that come after it.

An answer that ends before its announced end is an error, never a shorter answer.
"""

import re
from collections.abc import Callable, Iterator

#: How many bytes the head of an answer may have, and what follows its last chunk.
MAX_HEAD_BYTES = 64 * 1024

#: How many fields a head may have.
MAX_HEAD_FIELDS = 100

#: How much is read at a time.
PIECE = 64 * 1024

_BEGINNING = b'HTTP/1.'
_END = re.compile(rb'\n\r?\n')
_FOLD = re.compile(r'\r?\n[ \t]+')
_HEAD = re.compile(
    r'HTTP/1\.(?P<minor>[0-9]) (?P<status>[1-9][0-9]{2})(?: (?P<reason>[^\0\r\n]*))?\r?\n'
    r"(?P<fields>(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\0\r\n]*\r?\n)*)"
)
# No more digits than any number of bytes has.
_LENGTH = re.compile('[0-9]{1,18}')
_CHUNK = re.compile(rb'([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\0\r\n]*)?\r\n')
_LONGEST_CHUNK_LINE = 4096

_SWITCHING_PROTOCOLS = 101
_WITHOUT_BODY = (_SWITCHING_PROTOCOLS, 204, 304)


class BrokenAnswerError(Exception):
    """What came is no answer of HTTP/1.1, or not all of one."""


class NoAnswerError(BrokenAnswerError):
    """The connection was closed before the first byte of an answer."""


class Head:
    """What an answer says of itself before its body.

    :ivar minor: 0 of HTTP/1.0, else 1
    :ivar fields: by their names in lower case; those that came repeatedly in one, behind commas
    :ivar cookies: the fields ``Set-Cookie``, which may hold commas
    :ivar length: of the body; None where it ends with its last chunk, or with the connection
    :ivar chunked: whether the body comes in chunks
    :ivar keeps: whether the connection can serve another request
    """

    __slots__ = ('chunked', 'cookies', 'fields', 'keeps', 'length', 'minor', 'reason', 'status')

    def __init__(self, text: str) -> None:
        found = _HEAD.fullmatch(text) or _HEAD.fullmatch(_unfolded(text))
        if found is None:
            raise BrokenAnswerError('the head of the answer is no HTTP')
        minor, status, reason, lines = found.groups()
        self.minor = min(int(minor), 1)
        self.status = int(status)
        self.reason = reason or ''
        self.fields: dict[str, str] = {}
        self.cookies: list[str] = []
        # No value has a CR in it, but the one before its LF.
        for line in lines.split('\n')[:-1]:
            name, _, value = line.partition(':')
            name, value = name.lower(), value.strip(' \t\r')
            if name == 'set-cookie':
                self.cookies.append(value)
            elif name in self.fields:
                self.fields[name] += f', {value}'
            else:
                self.fields[name] = value
        self._frame()

    def _frame(self) -> None:
        """Find out where the body ends (RFC 9112, 6.3)."""
        fields = self.fields
        connection = fields.get('connection', '').lower()
        if self.minor:
            self.keeps = 'close' not in connection
        else:
            self.keeps = 'keep-alive' in connection
        length = fields.get('content-length')
        self.length = None if length is None else _length(length)
        coding = fields.get('transfer-encoding', 'identity').lower()
        if coding not in ('chunked', 'identity'):
            raise BrokenAnswerError(f'nobody asked for the transfer encoding {coding[:80]!r}')
        self.chunked = coding == 'chunked'
        if self.chunked and (length is not None or not self.minor):
            # The chunks decide; whoever put the length there may do so with the next answer.
            self.length = None
            self.keeps = False
        if self.status < 200 or self.status in _WITHOUT_BODY:
            self.keeps = self.keeps and self.status != _SWITCHING_PROTOCOLS
            self.chunked = False
            self.length = 0
        elif self.length is None and not self.chunked:
            self.keeps = False


def _unfolded(text: str) -> str:
    """A head with each field in one line."""
    status, end, fields = text.partition('\n')
    return status + end + _FOLD.sub(' ', fields)


def _length(text: str) -> int:
    if text.isdecimal() and text.isascii() and len(text) <= 18:
        return int(text)
    # A field that came twice.
    different = {one.strip(' \t') for one in text.split(',')}
    if len(different) != 1 or not _LENGTH.fullmatch(one := different.pop()):
        raise BrokenAnswerError(f'the Content-Length {text[:80]!r} is no length')
    return int(one)


class Reader:
    """Reads one answer after the other from a connection.

    :param receive: gives at most so many bytes, and none where the connection ends
    :ivar began: whether a byte of the answer at hand has come
    """

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        # What was received, and how far it was used.
        self._data = b''
        self._at = 0
        self.began = False

    @property
    def has_rest(self) -> bool:
        """Whether more came than was read; between two requests that is nobody's answer."""
        return self._at < len(self._data)

    def head(self) -> Head:
        """Read the head of the next answer, and whatever is sent before an answer.

        :raises NoAnswerError: the connection has ended
        :raises BrokenAnswerError: it is none
        """
        self.began = False
        while True:
            head = Head(self._head_text())
            if head.status >= 200 or head.status == _SWITCHING_PROTOCOLS:
                return head

    def _head_text(self) -> str:
        data: bytes | bytearray = self._data[self._at :] if self._at else self._data
        searched = 0
        while True:
            if data and not data.startswith(_BEGINNING[: len(data)]):
                raise BrokenAnswerError('what came is no HTTP')
            end = _END.search(data, searched)
            if (end.end() if end else len(data)) > MAX_HEAD_BYTES:
                raise BrokenAnswerError(
                    f'the head of the answer is larger than {MAX_HEAD_BYTES} bytes'
                )
            if end is not None:
                break
            searched = max(0, len(data) - 2)
            more = self._receive(PIECE)
            if not more:
                if self.began:
                    raise BrokenAnswerError('the connection was closed in the head of the answer')
                raise NoAnswerError('the connection was closed without an answer')
            self.began = True
            if data:
                data = bytearray(data)
                data += more
            else:
                data = more
        self._data, self._at = bytes(data), end.end()
        if data.count(b'\n', 0, self._at) > MAX_HEAD_FIELDS + 2:
            raise BrokenAnswerError(f'the answer has more than {MAX_HEAD_FIELDS} header fields')
        return data[: end.start() + 1].decode('latin-1')

    def whole_body(self, head: Head) -> bytes | None:
        """The body, if its length is known and all of it is there; None otherwise."""
        length = head.length
        if length is None or length > len(self._data) - self._at:
            return None
        begin = self._at
        self._at += length
        return self._data[begin : self._at]

    def body(self, head: Head) -> Iterator[bytes]:
        """Read a body, as it comes.

        :raises BrokenAnswerError: it ends too early, or is not what it says
        """
        if head.chunked:
            yield from self._chunks()
        elif head.length is not None:
            yield from self._counted(head.length)
        else:
            yield from self._rest()

    def _fill(self) -> bool:
        """Receive more, when all has been used; tells whether there was more."""
        self._data, self._at = self._receive(PIECE), 0
        return bool(self._data)

    def _rest(self) -> Iterator[bytes]:
        while self.has_rest or self._fill():
            begin, self._at = self._at, len(self._data)
            yield self._data[begin:] if begin else self._data

    def _counted(self, left: int) -> Iterator[bytes]:
        while left:
            if not self.has_rest and not self._fill():
                raise BrokenAnswerError(f'the answer ends {left} bytes before its end')
            begin = self._at
            self._at = min(len(self._data), begin + left)
            left -= self._at - begin
            yield self._data[begin : self._at]

    def _chunks(self) -> Iterator[bytes]:
        while True:
            found = _CHUNK.fullmatch(self._line(_LONGEST_CHUNK_LINE))
            if found is None:
                raise BrokenAnswerError('a chunk of the answer does not say its size')
            size = int(found[1], 16)
            if not size:
                break
            yield from self._counted(size)
            if self._line(2) != b'\r\n':
                raise BrokenAnswerError('a chunk of the answer does not end where it should')
        size = count = 0
        while (line := self._line(MAX_HEAD_BYTES)) != b'\r\n':
            size, count = size + len(line), count + 1
            if size > MAX_HEAD_BYTES or count > MAX_HEAD_FIELDS:
                raise BrokenAnswerError('too much follows the last chunk of the answer')

    def _line(self, limit: int) -> bytes:
        """A line with its end.

        :param limit: bytes that it may have; one that is longer has no end
        """
        line = b''
        while not line.endswith(b'\n') and len(line) < limit:
            if not self.has_rest and not self._fill():
                raise BrokenAnswerError('the answer ends before its last chunk')
            begin = self._at
            self._at = min(
                self._data.find(b'\n', begin) + 1 or len(self._data), begin + limit - len(line)
            )
            line += self._data[begin : self._at]
        return line
