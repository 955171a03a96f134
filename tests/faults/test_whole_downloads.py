"""What is read is whole, or there is an error: downloads broken at every point of the wire."""

from typing import Any

import pytest

from oslo_vmware import exceptions, rw_handles
from tests.faults.reading import all_readers, chunk, head, raw, read_all
from tests.transfer.images import ABORT, COMPLETE, importer, session_for
from tests.transfer.server import CERTIFICATE, DataServer, Exchange

DATA = bytes(range(256)) * 3


LENGTH = head(b'Content-Length: %d' % len(DATA)) + DATA
CHUNKS = (
    head(b'Content-Type: x/y', b'Transfer-Encoding: chunked')
    + chunk(DATA[:300])
    + chunk(DATA[300:], b';of=image')
    + b'0\r\n\r\n'
)
TRAILERS = CHUNKS[:-2] + b'X-Sum: 1\r\nX-More: 2\r\n\r\n'


PROBLEM = exceptions.VMwareDriverException

WHOLE = {
    'length': LENGTH,
    'chunks': CHUNKS,
    'chunks with trailers': TRAILERS,
    'blanks after the size of a chunk': CHUNKS.replace(b'12c\r\n', b'12c  \r\n'),
    'bare line feeds': CHUNKS[:-5].replace(b'12c\r\n', b'12c\n') + b'0\n\n',
    'one length, told twice': LENGTH.replace(b'\r\n\r\n', b'\r\nContent-Length: 768\r\n\r\n', 1),
    'the length of all chunks': CHUNKS.replace(b'x/y', b'x/y\r\nContent-Length: 768', 1),
    'identity': LENGTH.replace(b'\r\n\r\n', b'\r\nContent-Encoding: identity\r\n\r\n', 1),
    'an interim response before it': b'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n' + LENGTH,
    'more than was announced': LENGTH + b'x',
}


@all_readers
@pytest.mark.parametrize('answer', WHOLE)
def test_a_whole_answer_is_data(reader: str, answer: str) -> None:
    """What says where it ends, and ends there, is given byte for byte."""
    with DataServer(raw(WHOLE[answer]), CERTIFICATE) as server:
        assert read_all(server, by=reader) == DATA
        assert server.all_closed()


def with_length(length: bytes) -> bytes:
    return head(b'Content-Length: ' + length) + DATA


def with_chunks(body: bytes, *lines: bytes) -> bytes:
    return head(b'Transfer-Encoding: chunked', *lines) + body


ALL_CHUNKS = chunk(DATA) + b'0\r\n\r\n'
BROKEN = {
    '204': (head(status=b'HTTP/1.1 204 No Content'), '204 No Content instead of data'),
    '206': (LENGTH.replace(b'200 OK', b'206 Partial Content'), '206 Partial Content instead'),
    '203': (LENGTH.replace(b'200 OK', b'203 Transformed'), '203 Transformed instead'),
    '201': (LENGTH.replace(b'200 OK', b'201 Created'), '201 Created instead'),
    'gzip': (LENGTH.replace(b'OK\r\n', b'OK\r\nContent-Encoding: gzip\r\n'), r'encoded \(gzip'),
    'gzip of chunks': (with_chunks(ALL_CHUNKS, b'content-encoding: GZIP'), r'encoded \(gzip'),
    'br, twice told': (
        with_chunks(ALL_CHUNKS, b'Content-Encoding: identity', b'Content-Encoding: br'),
        r'identity, br',
    ),
    'gzip for the transfer': (
        head(b'Transfer-Encoding: gzip, chunked') + ALL_CHUNKS,
        'gzip, chunked',
    ),
    'two lengths': (with_length(b'768\r\nContent-Length: 5'), r'no number of bytes \(5, 768'),
    'two lengths in one': (with_length(b'5, 768'), 'no number of bytes'),
    'a negative length': (with_length(b'-1'), r'no number of bytes \(-1'),
    'a length in words': (with_length(b'many'), 'no number of bytes'),
    'a length as Python has it': (with_length(b'7_68'), 'no number of bytes'),
    'a length beyond all files': (with_length(b'9' * 5000), 'no number of bytes'),
    'chunks of another length': (
        with_chunks(ALL_CHUNKS, b'Content-Length: 767'),
        '767 bytes were announced, and the chunks had 768',
    ),
    'a chunk longer than it says': (
        with_chunks(b'3\r\nabcd\r\n0\r\n\r\n'),
        'longer than announced',
    ),
    'a chunk without a size': (with_chunks(b'\r\n'), 'without its size'),
    'a negative chunk': (with_chunks(b'-3\r\nabc\r\n0\r\n\r\n'), 'without its size'),
    'a chunk with a size of Python': (with_chunks(b'0x3\r\nabc\r\n0\r\n\r\n'), 'without its size'),
    'an endless size': (with_chunks(b'1' * 5000), 'without its size'),
    'no last chunk': (with_chunks(chunk(DATA)), 'within a line'),
    'a line that is no header': (
        LENGTH.replace(b'OK\r\n', b'OK\r\nno header\r\n'),
        'a line that is no header',
    ),
    'nothing': (b'', 'no answer'),
    'another protocol': (b'SSH-2.0-OpenSSH\r\n\r\n', 'no answer'),
    'data without an end': (head() + DATA, 'neither|nothing shows'),
    'data without an end, HTTP/1.0': (
        head(status=b'HTTP/1.0 200 OK') + DATA,
        'neither|nothing shows',
    ),
}


@all_readers
@pytest.mark.parametrize('answer', BROKEN)
def test_what_is_no_whole_answer_raises(reader: str, answer: str) -> None:
    """The error says what was wrong; no connection and no lease is left."""
    sent, said = BROKEN[answer]
    with DataServer(raw(sent), CERTIFICATE) as server:
        with pytest.raises(PROBLEM, match=said):
            read_all(server, by=reader)
        assert server.all_closed()


SHORT = {
    'length': head(b'Content-Length: 5') + b'bytes',
    'chunks': with_chunks(b'3\r\nabc\r\n2;x\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n', b'Server: x'),
}


@all_readers
@pytest.mark.parametrize('answer', SHORT)
def test_no_cut_goes_unnoticed(reader: str, answer: str) -> None:
    """Wherever the connection ends, the last byte excepted, there is an error."""
    whole = SHORT[answer]
    cuts = iter(range(len(whole) + 1))
    with DataServer(lambda exchange: raw(whole[: next(cuts)])(exchange)) as server:
        for cut in range(len(whole)):
            with pytest.raises(PROBLEM):
                pytest.fail(f'cut at {cut}: {read_all(server, by=reader)!r}')
        assert read_all(server, by=reader) == (b'bytes' if answer == 'length' else b'abcde')
        assert server.all_closed(len(whole))


@pytest.mark.parametrize('lease', [False, True])
def test_an_upload_is_acknowledged_by_a_whole_head(lease: bool) -> None:
    """Wherever the head of the answer ends early, nobody has said that all is well."""
    answer = head(b'Content-Length: 0', status=b'HTTP/1.1 201 Created')
    cuts = iter(range(len(answer) + 1))

    def acknowledge(exchange: Exchange) -> None:
        exchange.swallow()
        raw(answer[: next(cuts)])(exchange)

    with DataServer(acknowledge) as server:
        for cut in range(len(answer) + 1):
            session = session_for(server)
            handle: Any = (
                importer(session, 3)
                if lease
                else rw_handles.FileWriteHandle(f'{server.url}/folder/x', file_size=3)
            )
            handle.write(b'abc')
            if cut == len(answer):
                handle.close()
            else:
                with pytest.raises(exceptions.VimConnectionException, match='no answer'):
                    handle.close()
            assert session.ends == ([] if not lease else ABORT if cut < len(answer) else COMPLETE)
        assert server.all_closed(len(answer))
