"""The pool that a request goes through is the right one, though it is not looked for each time."""

import pytest

from oslo_vmware.soap.transport import HttpTransport
from tests.wire import Answer, Request, ScriptedServer


def named(name: str) -> ScriptedServer:
    """A server that answers with its name and with what it was asked for."""

    def answer(request: Request) -> Answer:
        return Answer(f'{name} {request.path}')

    return ScriptedServer(answer)


def body(transport: HttpTransport, url: str) -> str:
    return transport.post(url, b'<x/>', {}).body.decode()


@pytest.mark.parametrize('pool_maxsize', [1, 10], ids=['one pool is kept', 'many are'])
def test_servers_in_turn(pool_maxsize: int) -> None:
    """Each is asked what is for it, also when the pool of the other was closed for its sake."""
    with named('a') as a, named('b') as b:
        transport = HttpTransport(pool_maxsize=pool_maxsize)
        for _ in range(3):
            assert body(transport, f'{a.url}/sdk') == 'a /sdk'
            assert body(transport, f'{a.url}/pbm?x=y') == 'a /pbm?x=y'
            assert body(transport, f'{b.url}/sdk') == 'b /sdk'
        transport.close()


def test_one_server_has_one_pool() -> None:
    """What is asked one after the other goes over one connection."""
    with named('a') as a:
        transport = HttpTransport()
        for path in ('/sdk', '/sdk', '/pbm', '/sdk'):
            assert body(transport, a.url + path) == f'a {path}'
        assert a.connections == 1
        transport.close()


def test_after_closing() -> None:
    """The pool is a new one, and so is the connection."""
    with named('a') as a:
        transport = HttpTransport()
        for _ in range(2):
            assert body(transport, f'{a.url}/sdk') == 'a /sdk'
            transport.close()
        assert a.connections == 2


def test_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes through a proxy names its server, and what does not goes straight."""
    for name in ('no_proxy', 'NO_PROXY'):
        monkeypatch.delenv(name, raising=False)
    with named('a') as a, named('proxy') as proxy:
        monkeypatch.setenv('http_proxy', proxy.url)
        transport = HttpTransport()
        monkeypatch.setenv('no_proxy', '127.0.0.1')
        for _ in range(2):
            assert body(transport, f'{a.url}/sdk') == 'a /sdk'
            far = 'http://vcenter.example.org/sdk'
            assert body(transport, far) == f'proxy {far}'
        transport.close()
