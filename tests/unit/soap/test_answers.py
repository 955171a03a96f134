"""Which bytes are an answer of HTTP/1.1, and which are refused."""

from collections.abc import Callable, Iterator

import pytest

from oslo_vmware.soap.answers import (
    MAX_HEAD_BYTES,
    MAX_HEAD_FIELDS,
    BrokenAnswerError,
    Head,
    NoAnswerError,
    Reader,
)

OK = b'HTTP/1.1 200 OK\r\n'
CHUNKED = OK + b'Transfer-Encoding: chunked\r\n\r\n'


def source(data: bytes, step: int = 1 << 30) -> Callable[[int], bytes]:
    """Gives some bytes as a connection would, at most so many at once, and then none."""
    at = 0

    def receive(limit: int) -> bytes:
        nonlocal at
        begin, at = at, at + min(limit, step)
        return data[begin:at]

    return receive


def read(reader: Reader) -> tuple[Head, bytes]:
    head = reader.head()
    body = reader.whole_body(head)
    return head, b''.join(reader.body(head)) if body is None else body


#: Bytes; status, words, body, and whether the connection can go on.
ANSWERS = {
    'a length': (OK + b'Content-Length: 2\r\n\r\nok', 200, 'OK', b'ok', True),
    'no body': (OK + b'Content-Length: 0\r\n\r\n', 200, 'OK', b'', True),
    'no words': (b'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', 200, '', b'', True),
    'no space before them': (b'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', 200, '', b'', True),
    'words in Latin-1': (b'HTTP/1.1 500 \xe4\r\n\r\n', 500, '\xe4', b'', False),
    'a status nobody knows': (b'HTTP/1.1 999 ?\r\ncontent-length:1\r\n\r\nx', 999, '?', b'x', True),
    'a later version': (b'HTTP/1.2 200 OK\r\nContent-Length: 1\r\n\r\nx', 200, 'OK', b'x', True),
    'bare line feeds': (b'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', 200, 'OK', b'ok', True),
    'mixed line ends': (OK + b'Content-Length: 2\n\r\nok', 200, 'OK', b'ok', True),
    'space around a value': (OK + b'Content-Length:\t 2 \t\r\n\r\nok', 200, 'OK', b'ok', True),
    'until the end': (OK + b'\r\nok', 200, 'OK', b'ok', False),
    'nothing until the end': (OK + b'\r\n', 200, 'OK', b'', False),
    'close': (OK + b'Connection: Close\r\nContent-Length: 1\r\n\r\nx', 200, 'OK', b'x', False),
    'close among others': (
        *(OK + b'Connection: x, close\r\nContent-Length: 1\r\n\r\nx', 200, 'OK', b'x', False),
    ),
    'HTTP/1.0': (b'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx', 200, 'OK', b'x', False),
    'HTTP/1.0 that goes on': (
        *(b'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx', 200, 'OK'),
        *(b'x', True),
    ),
    'the same length twice': (
        *(OK + b'Content-Length: 2\r\nContent-Length: 2\r\n\r\nok', 200, 'OK', b'ok', True),
    ),
    'the same length in a list': (OK + b'Content-Length: 2, 2\r\n\r\nok', 200, 'OK', b'ok', True),
    'a folded field': (OK + b'X: a\r\n  b\r\nContent-Length: 1\r\n\r\nx', 200, 'OK', b'x', True),
    'a length that is folded': (OK + b'Content-Length:\r\n 2\r\n\r\nok', 200, 'OK', b'ok', True),
    'no content': (b'HTTP/1.1 204 No\r\n\r\n', 204, 'No', b'', True),
    'no content with a length': (
        b'HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n',
        204,
        'No',
        b'',
        True,
    ),
    'not modified, in chunks': (
        *(b'HTTP/1.1 304 Not\r\nTransfer-Encoding: chunked\r\n\r\n', 304, 'Not', b'', True),
    ),
    'another protocol from now on': (b'HTTP/1.1 101 Up\r\n\r\n', 101, 'Up', b'', False),
    'something before it': (
        b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n'
        + OK
        + b'Content-Length: 2\r\n\r\nok',
        *(200, 'OK', b'ok', True),
    ),
    'chunks': (CHUNKED + b'2\r\nok\r\n0\r\n\r\n', 200, 'OK', b'ok', True),
    'no chunk': (CHUNKED + b'0\r\n\r\n', 200, 'OK', b'', True),
    'chunks of all spellings': (
        CHUNKED + b'1;a=b;c="d"\r\na\r\n0A \r\n0123456789\r\n00001\r\nb\r\n000\r\n\r\n',
        *(200, 'OK', b'a0123456789b', True),
    ),
    'trailers': (CHUNKED + b'1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n', 200, 'OK', b'x', True),
    'chunks in capitals': (
        OK + b'TRANSFER-ENCODING: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
        *(200, 'OK', b'x', True),
    ),
    'chunks and a length': (
        OK + b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
        *(200, 'OK', b'x', False),
    ),
    'chunks of HTTP/1.0': (
        CHUNKED.replace(b'/1.1', b'/1.0').replace(b'OK', b'OK\r\nConnection: keep-alive')
        + b'1\r\nx\r\n0\r\n\r\n',
        *(200, 'OK', b'x', False),
    ),
    'as it is': (
        OK + b'Transfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx',
        *(200, 'OK', b'x', True),
    ),
    'as many fields as may be': (
        OK + b'A: b\r\n' * (MAX_HEAD_FIELDS - 1) + b'Content-Length: 1\r\n\r\nx',
        *(200, 'OK', b'x', True),
    ),
}


@pytest.mark.parametrize('step', [1 << 30, 1, 7])
@pytest.mark.parametrize('kind', ANSWERS)
def test_what_is_read(kind: str, step: int) -> None:
    """However few bytes come at once, the answer is the same, and nothing of it is left over."""
    data, status, reason, body, keeps = ANSWERS[kind]
    reader = Reader(source(data, step))
    head, read_body = read(reader)
    assert (head.status, head.reason, read_body, head.keeps) == (status, reason, body, keeps)
    assert not reader.has_rest
    assert reader.began


@pytest.mark.parametrize('kind', [kind for kind, answer in ANSWERS.items() if answer[4]])
def test_what_follows_is_left_alone(kind: str) -> None:
    """The next answer begins where this one ends, and whoever looks sees that there is more."""
    data, *_ = ANSWERS[kind]
    reader = Reader(source(data + OK + b'Content-Length: 4\r\n\r\nnext'))
    read(reader)
    assert reader.has_rest
    assert read(reader)[1] == b'next'


@pytest.mark.parametrize(
    'kind', [kind for kind in ANSWERS if 'until the end' not in kind and 'Latin' not in kind]
)
def test_no_cut_goes_unnoticed(kind: str) -> None:
    """An answer that ends anywhere before its end is an error, and none is no answer."""
    data = ANSWERS[kind][0]
    for length in range(len(data)):
        with pytest.raises(BrokenAnswerError) as raised:
            read(Reader(source(data[:length])))
        assert isinstance(raised.value, NoAnswerError) == (length == 0)


REFUSED = {
    'no HTTP': b'SSH-2.0-OpenSSH_9.2\r\n',
    'TLS': b'\x15\x03\x01\x00\x02\x02\x28',
    'a page without a head': b'<html>\r\n\r\n',
    'an empty line first': b'\r\n' + OK + b'\r\n',
    'small letters': b'http/1.1 200 OK\r\n\r\n',
    'HTTP/2': b'HTTP/2.0 200 OK\r\n\r\n',
    'HTTP/0.9': b'ok',
    'no status': b'HTTP/1.1 OK\r\n\r\n',
    'a status of two digits': b'HTTP/1.1 20 OK\r\n\r\n',
    'a status of four digits': b'HTTP/1.1 2000 OK\r\n\r\n',
    'a status below 100': b'HTTP/1.1 099 OK\r\n\r\n',
    'two spaces before the status': b'HTTP/1.1  200 OK\r\n\r\n',
    'a bare CR in the words': b'HTTP/1.1 200 O\rK\r\n\r\n',
    'a zero in the words': b'HTTP/1.1 200 O\0K\r\n\r\n',
    'a field without a colon': OK + b'Content-Length 2\r\n\r\nok',
    'a field without a name': OK + b': 2\r\n\r\n',
    'a space before the colon': OK + b'Content-Length : 2\r\n\r\nok',
    'a space in a name': OK + b'Content Length: 2\r\n\r\nok',
    'a name that is no token': OK + b'Content\xe4: 2\r\n\r\nok',
    'a fold before the first field': OK + b' X: y\r\n\r\n',
    'a zero in a value': OK + b'X: a\0b\r\n\r\n',
    'a bare CR in a value': OK + b'X: a\rContent-Length: 2\r\n\r\nok',
    'different lengths': OK + b'Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!',
    'different lengths in a list': OK + b'Content-Length: 2, 3\r\n\r\nok!',
    'a negative length': OK + b'Content-Length: -2\r\n\r\nok',
    'a length with a sign': OK + b'Content-Length: +2\r\n\r\nok',
    'a length with a line in it': OK + b'Content-Length: 1_0\r\n\r\n0123456789',
    'a hexadecimal length': OK + b'Content-Length: 0x2\r\n\r\nok',
    'a length in other digits': OK + b'Content-Length: \xb2\r\n\r\nok',
    'an empty length': OK + b'Content-Length:\r\n\r\nok',
    'a length of many digits': OK + b'Content-Length: ' + b'9' * 5000 + b'\r\n\r\nok',
    'compressed on the way': OK + b'Transfer-Encoding: gzip\r\n\r\nok',
    'compressed chunks': OK + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'chunked twice': (
        OK + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
    ),
    'almost chunked': OK + b'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
    'a chunk without a size': CHUNKED + b'\r\nok\r\n0\r\n\r\n',
    'a chunk of a negative size': CHUNKED + b'-2\r\nok\r\n0\r\n\r\n',
    'a chunk with 0x': CHUNKED + b'0x2\r\nok\r\n0\r\n\r\n',
    'a chunk with a line in its size': CHUNKED + b'0_2\r\nok\r\n0\r\n\r\n',
    'a chunk after a space': CHUNKED + b' 2\r\nok\r\n0\r\n\r\n',
    'a chunk after a bare line feed': CHUNKED + b'2\nok\r\n0\r\n\r\n',
    'a chunk of a size without end': CHUNKED + b'0' * 100_000 + b'2\r\nok\r\n0\r\n\r\n',
    'an extension without end': CHUNKED + b'2;' + b'x' * 100_000 + b'\r\nok\r\n0\r\n\r\n',
    'a chunk that is longer': CHUNKED + b'2\r\nok!\r\n0\r\n\r\n',
    'a chunk that ends in something else': CHUNKED + b'2\r\nokXX0\r\n\r\n',
    'a chunk that ends in a line feed': CHUNKED + b'2\r\nok\n0\r\n\r\n',
    'too many trailers': CHUNKED + b'0\r\n' + b'A: b\r\n' * (MAX_HEAD_FIELDS + 1) + b'\r\n',
    'trailers that are too long': (
        CHUNKED + b'0\r\n' + (b'A: ' + b'b' * 30_000 + b'\r\n') * 3 + b'\r\n'
    ),
    'a trailer without end': CHUNKED + b'0\r\nA: ' + b'b' * (2 * MAX_HEAD_BYTES),
    'too many fields': OK + b'A: b\r\n' * (MAX_HEAD_FIELDS + 1) + b'\r\n',
    'a head that is too long': OK + b'A: ' + b'b' * MAX_HEAD_BYTES + b'\r\n\r\n',
    'a head without end': OK + b'A: ' + b'b' * 2 * MAX_HEAD_BYTES,
}


@pytest.mark.parametrize('step', [1 << 30, 1000])
@pytest.mark.parametrize('kind', REFUSED)
def test_what_is_refused(kind: str, step: int) -> None:
    """An error, and no answer that somebody else would read in another way."""
    with pytest.raises(BrokenAnswerError) as raised:
        read(Reader(source(REFUSED[kind], step)))
    assert not isinstance(raised.value, NoAnswerError)
    assert len(str(raised.value)) < 200


def test_what_is_no_http_is_refused_at_once() -> None:
    """Nobody waits for the end of a head that cannot become one."""

    def receive(limit: int) -> bytes:
        assert not asked
        asked.append(limit)
        return b'220 smtp.example.org'

    asked: list[int] = []
    with pytest.raises(BrokenAnswerError, match='no HTTP'):
        Reader(receive).head()


def test_fields() -> None:
    """By names in lower case; what came twice is one, and cookies are for themselves."""
    data = OK + b'A: 1\r\nSet-Cookie: a=b; x, y\r\na:2\r\nset-cookie: c=d\r\nC: \xe4 \r\n\r\n'
    head = Reader(source(data)).head()
    assert head.fields == {'a': '1, 2', 'c': '\xe4'}
    assert head.cookies == ['a=b; x, y', 'c=d']


def pieces_of(data: bytes) -> Iterator[bytes]:
    reader = Reader(source(data))
    return reader.body(reader.head())


def test_a_body_is_given_as_it_comes() -> None:
    """Of one that is large no more is held than was received at once."""
    size = 1_000_000
    pieces = list(pieces_of(OK + b'Content-Length: %d\r\n\r\n' % size + b'x' * size))
    assert sum(map(len, pieces)) == size
    assert max(map(len, pieces)) <= 65536
