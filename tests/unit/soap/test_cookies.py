"""The jar of a service, and what goes out of it with a request."""

import copy
import pickle
from collections.abc import Callable, MutableMapping
from http.cookiejar import CookieJar
from typing import Any

import pytest
from requests.cookies import RequestsCookieJar, create_cookie

from oslo_vmware.soap import cookies
from oslo_vmware.soap.call import Call
from oslo_vmware.soap.cookies import CookieHeader, Cookies

URL = 'https://vc.example.org/sdk'
SESSION = 'vmware_soap_session="52-ab"; Path=/; HttpOnly; Secure; '


def jar_with(*received: str) -> Cookies:
    jar = Cookies()
    cookies.keep(jar, URL, '', received, None)
    return jar


def test_what_a_server_sets_is_sent_back() -> None:
    """Quotes and all; of several each."""
    jar = jar_with(SESSION, 'a=1; Path=/sdk', 'b=2; Path=/pbm')
    assert sorted(CookieHeader(URL).of(jar).split('; ')) == ['a=1', 'vmware_soap_session="52-ab"']
    assert CookieHeader('https://vc.example.org/pbm').of(jar).count('=') == 2
    for elsewhere in ('http://vc.example.org/sdk', 'https://other.example.org/sdk'):
        assert 'vmware_soap_session' not in CookieHeader(elsewhere).of(jar)


def _replaced(jar: Cookies) -> None:
    cookies.keep(jar, URL, 'a=1', ['a=2; Path=/'], None)


def _changed(jar: Cookies) -> None:
    for cookie in jar:
        cookie.value = '2'


def _added(jar: Cookies) -> None:
    jar.set_cookie(create_cookie('b', '2', domain='vc.example.org', path='/'))


CHANGES: dict[str, tuple[Callable[[Cookies], None], str]] = {
    'nothing': (lambda jar: None, 'a=1'),
    'a new value': (_replaced, 'a=2'),
    'a new value in the same cookie': (_changed, 'a=2'),
    'another cookie': (_added, 'a=1; b=2'),
    'none left': (lambda jar: jar.clear(), ''),
    'gone in time': (
        lambda jar: cookies.keep(jar, URL, 'a=1', ['a=1; Path=/; Max-Age=0'], None),
        '',
    ),
}


@pytest.mark.parametrize('kind', CHANGES)
def test_what_is_sent_follows_the_jar(kind: str) -> None:
    """However the cookies change between two requests."""
    change, expected = CHANGES[kind]
    jar = jar_with('a=1; Path=/')
    header = CookieHeader(URL)
    assert [header.of(jar), header.of(jar)] == ['a=1', 'a=1']
    change(jar)
    assert header.of(jar) == expected


def test_a_cookie_that_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not sent for longer than it lives."""
    import time

    jar = jar_with('a=1; Path=/; Max-Age=60')
    header = CookieHeader(URL)
    assert header.of(jar) == 'a=1'
    now = time.time()
    monkeypatch.setattr(time, 'time', lambda: now + 61)
    assert header.of(jar) == ''


@pytest.mark.parametrize(
    'given', [CookieJar(), RequestsCookieJar(), {'a': '1'}, {}], ids=lambda one: repr(one)
)
def test_what_users_put_in_the_place_of_the_jar(given: Any) -> None:
    """Another jar, or what requests takes for one."""
    header = CookieHeader(URL)
    assert header.of(jar_with('b=2; Path=/')) == 'b=2'
    assert header.of(given) == ('a=1' if given else '')


def test_an_old_answer_does_not_replace_a_newer_cookie() -> None:
    """Unless it is the one of a login, which is what is to be kept."""
    jar = jar_with('a=1; Path=/')
    cookies.keep(jar, URL, '', ['a=late; Path=/'], Call('CurrentTime'))
    assert CookieHeader(URL).of(jar) == 'a=1'
    cookies.keep(jar, URL, 'a=1', ['a=2; Path=/'], Call('CurrentTime'))
    assert CookieHeader(URL).of(jar) == 'a=2'
    cookies.keep(jar, URL, '', ['a=3; Path=/'], Call('Login'))
    assert CookieHeader(URL).of(jar) == 'a=3'


#: What is done with a jar of requests.
USES: dict[str, Callable[[Any], Any]] = {
    'get': lambda jar: (jar.get('a'), jar.get('x'), jar.get('x', 'y')),
    'get_dict': lambda jar: jar.get_dict(),
    'keys': lambda jar: sorted(jar.keys()),
    'values': lambda jar: sorted(jar.values()),
    'items': lambda jar: sorted(jar.items()),
    'an item': lambda jar: jar['a'],
    'in': lambda jar: ('a' in jar, 'x' in jar),
    'len': lambda jar: (len(jar), bool(jar)),
    'names': lambda jar: sorted(cookie.name for cookie in jar),
    'list_domains': lambda jar: jar.list_domains(),
    'set': lambda jar: (jar.set('c', '3'), jar['c'])[1],
    'set an item': lambda jar: (jar.__setitem__('c', '3'), jar['c'])[1],
    'delete an item': lambda jar: (jar.__delitem__('a'), jar.get('a'))[1],
    'update': lambda jar: (jar.update({'c': '3'}), jar['c'])[1],
    'pop': lambda jar: (jar.pop('a'), jar.pop('a', None), jar.setdefault('c', '3')),
    'equals': lambda jar: (jar == dict(jar), jar == jar.copy(), jar == {}),
    'a mapping': lambda jar: isinstance(jar, MutableMapping),
    'copy': lambda jar: sorted(jar.copy().items()),
    'pickle': lambda jar: sorted(pickle.loads(pickle.dumps(jar)).items()),
    'copy.copy': lambda jar: sorted(copy.copy(jar).items()),
    'clear': lambda jar: (jar.clear(), len(jar))[1],
}


@pytest.mark.parametrize('kind', USES)
def test_the_jar_is_used_as_that_of_requests(kind: str) -> None:
    """It was one, and who has written programs for it need not change them."""
    theirs = RequestsCookieJar()
    for one in jar_with(SESSION, 'a=1; Path=/', 'b="2"; Path=/'):
        theirs.set_cookie(copy.copy(one))
    assert USES[kind](jar_with(SESSION, 'a=1; Path=/', 'b="2"; Path=/')) == USES[kind](theirs)


def test_what_the_jar_does_not_have() -> None:
    """AttributeError, as for any other; nothing is imported to find that out."""
    with pytest.raises(AttributeError, match='no attribute'):
        _ = Cookies().nothing_of_the_kind
