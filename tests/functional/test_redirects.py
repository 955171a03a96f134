"""A redirect leads to the same server or nowhere: no other, no file, not past the limit."""

import pathlib
from typing import Any

import pytest
import requests
import trustme

from oslo_vmware import exceptions, rw_handles, service
from oslo_vmware.soap import transport
from oslo_vmware.soap.transport import HttpTransport, OversizedReplyError
from tests.transfer.server import CERTIFICATE, DataServer, Exchange
from tests.wire import Answer, Request, ScriptedServer

SECRET = 'what a file on this machine has in it'

ENGINES = pytest.mark.parametrize('engine', ['compiled', 'reference'])


def redirects(to: str, status: int = 302, body: str = '') -> Answer:
    return Answer(body, status, headers={'Location': to})


@pytest.fixture
def secret(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / 'secret'
    path.write_text(SECRET)
    return path


AWAY = [
    'http://{other}/there',
    'https://{other}/there',
    '//{other}/there',
    # Written for readers that see the own server in it.
    'http://{own}@{other}/there',
    'http://{own}\\@{other}/there',
    'http://{other}\\@{own}/there',
    'http://{own}#@{other}/there',
    'https://{own}/there',
    'HTTP://localhost:{port}/there',
    'file://{secret}',
    'FILE://{secret}',
    'file:{secret}',
    'file://{own}{secret}',
    'ftp://{own}/there',
    'http://[::1',
    'http://{own}:99999/',
    '\xe4\xff',
]


@pytest.mark.parametrize('where', AWAY)
@pytest.mark.parametrize('status', [302, 307])
def test_no_redirect_leads_away(secret: pathlib.Path, where: str, status: int) -> None:
    """Nothing is asked for at another scheme, host or port, and no file is read."""
    with ScriptedServer(lambda request: Answer('foreign')) as other:

        def script(request: Request) -> Answer:
            if request.path != '/here':
                return Answer('from here', 404)
            names = {
                'own': f'127.0.0.1:{server.port}',
                'other': f'127.0.0.1:{other.port}',
                'port': server.port,
                'secret': secret,
            }
            return redirects(where.format(**names), status)

        with ScriptedServer(script) as server:
            http = HttpTransport()
            try:
                reply = http.get(f'{server.url}/here')
            except requests.RequestException:
                pass
            else:
                assert b'foreign' not in reply.body
                assert SECRET.encode() not in reply.body
                assert reply.status in (status, 404)
            finally:
                http.close()
            assert other.connections == 0


@ENGINES
@pytest.mark.parametrize('kind', ['http', 'https', 'file'])
def test_a_description_from_elsewhere(secret: pathlib.Path, engine: str, kind: str) -> None:
    """A session does not open with it, and the text says why."""
    certificate = trustme.CA().issue_cert('127.0.0.1') if kind == 'https' else None
    with ScriptedServer(lambda request: Answer(SECRET), certificate) as other:
        where = secret.as_uri() if kind == 'file' else f'{other.url}/vimService.wsdl'
        with ScriptedServer(lambda request: redirects(where)) as server:
            with pytest.raises(exceptions.VimConnectionException, match='302') as raised:
                service.Service(
                    f'{server.url}/vimService.wsdl', f'{server.url}/sdk', soap_engine=engine
                )
            assert SECRET not in str(raised.value)
            assert 'another server' in str(raised.value)
            assert other.connections == 0


@pytest.mark.parametrize('absolute', [True, False])
def test_a_redirect_within_the_server(absolute: bool) -> None:
    """It is followed, however the server spells itself."""

    def script(request: Request) -> Answer:
        if request.path == '/there/document':
            return Answer('the document')
        base = f'HTTP://127.0.0.1:{server.port}' if absolute else '..'
        return redirects(f'{base}/there/document')

    with ScriptedServer(script) as server:
        http = HttpTransport()
        reply = http.get(f'{server.url}/here/document')
        http.close()
    assert (reply.status, reply.body) == (200, b'the document')


@pytest.mark.parametrize('last', [True, False])
def test_no_redirect_escapes_the_limit(last: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that redirects is measured like any other, and so is the one it leads to."""
    monkeypatch.setattr(transport, 'MAX_REPLY_BYTES', 1000)

    def script(request: Request) -> Answer:
        if request.path == '/there':
            return Answer('x' * 1001)
        return redirects('/there', body='' if last else 'x' * 1001)

    with ScriptedServer(script) as server:
        http = HttpTransport()
        with pytest.raises(OversizedReplyError):
            http.get(f'{server.url}/here')
        http.close()
        assert len(server.requests) == 1 + last


def test_redirects_do_not_add_up() -> None:
    """Of all the answers on the way none is kept."""
    body = 'x' * 2_000_000

    def script(request: Request) -> Answer:
        number = int(request.path[1:])
        return redirects(f'/{number + 1}', body=body) if number < 10 else Answer('the end')

    with ScriptedServer(script) as server:
        http = HttpTransport()
        response = http.session.get(f'{server.url}/0')
        held = sum(len(passed.content) for passed in response.history)
        http.close()
    assert (response.content, len(response.history), held) == (b'the end', 10, 0)


def writing(url: str) -> Any:
    handle = rw_handles.FileWriteHandle(url, file_size=1, cookies='a=secret')
    handle.write(b'x')
    handle.close()


def reading(url: str) -> Any:
    return rw_handles.FileReadHandle(url, cookies='a=secret')


@pytest.mark.parametrize('move', [writing, reading])
@pytest.mark.parametrize('status', ['301 Moved', '302 Found', '307 Temporary', '308 Permanent'])
def test_image_data_follows_no_redirect(move: Any, status: str) -> None:
    """A cookie and an image go where the caller sent them."""

    def redirect(exchange: Exchange) -> None:
        exchange.swallow()
        exchange.answer(status, Location=f'{server.url}/elsewhere')

    with DataServer(redirect, CERTIFICATE) as server:
        with pytest.raises(exceptions.VimException, match=status):
            move(f'{server.url}/here')
        assert len(server.exchanges) == 1
