"""Cookies for transfers, in the five shapes that users give them."""

from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any

import pytest

from oslo_vmware import exceptions, rw_handles
from tests.transfer.place import Place

DATA = b'cookies are for crumbs'


def write(place: Place, cookies: Any, path: str = 'f') -> None:
    handle = rw_handles.FileWriteHandle(
        place.vc.host, place.vc.port, place.dc.name, place.ds.name, cookies, path, len(DATA),
        cacerts=place.vc.cacert,
    )  # fmt: skip
    handle.write(DATA)
    handle.close()


def sent(place: Place) -> str | None:
    headers = place.vc.transfers[-1].headers
    return dict(headers.items()).get('Cookie')


def test_the_live_jar(place: Place) -> None:
    """The session's own jar; after a new login the same jar has the new cookie."""
    jar = place.session.vim.client.cookiejar
    write(place, jar)
    first = sent(place)
    assert first == f'vmware_soap_session={place.session.vim.get_http_cookie()}'
    assert place.content('f') == DATA
    place.vc.expire_sessions()
    assert place.first('Datacenter')
    write(place, place.session.vim.client.cookiejar, 'g')
    assert sent(place) not in (None, first)
    assert place.content('g') == DATA


def test_the_live_jar_where_suds_has_it(place: Place) -> None:
    """Drivers of the field ask the options of the client; put another jar there, and it is used."""
    client = place.session.vim.client
    jar = client.options.transport.cookiejar
    assert jar is client.cookiejar
    write(place, jar)
    assert sent(place) == f'vmware_soap_session={place.session.vim.get_http_cookie()}'
    client.options.transport.cookiejar = jar.copy()
    assert client.cookiejar is client.options.transport.cookiejar is not jar
    assert place.session.is_current_session_active()


def test_a_ticket_in_a_list(place: Place) -> None:
    """Nova's way: one object with a name and a value that keeps its double quotes."""
    url = place.ds.build_url(
        'https', f'{place.vc.host}:{place.vc.port}', 'ticket.vmdk', place.dc.name
    )
    ticket = url.get_transfer_ticket(place.session, 'PUT')
    name, _, value = ticket.partition('=')
    assert value[0] == value[-1] == '"'
    cookies = [SimpleNamespace(name=name, value=value)]
    write(place, cookies, 'ticket.vmdk')
    assert sent(place) == ticket
    assert SimpleCookie(sent(place))[name].value == value.strip('"')
    assert place.content('ticket.vmdk') == DATA


def test_a_complete_header(place: Place) -> None:
    """A string goes out as it is."""
    header = f'vmware_soap_session={place.session.vim.get_http_cookie()}'
    write(place, header)
    assert sent(place) == header
    assert place.content('f') == DATA


@pytest.mark.parametrize('cookies', [None, object(), SimpleNamespace(), []])
def test_no_cookie(place: Place, cookies: Any) -> None:
    """None and what has no cookie in it sends none; the server then knows nobody."""
    with pytest.raises(exceptions.NotAuthenticatedException, match='401'):
        write(place, cookies)
    assert sent(place) is None
