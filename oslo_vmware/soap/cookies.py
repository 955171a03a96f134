"""The cookies of a service: those that its server sets, sent with every request.

:class:`Cookies` is the live jar that users know as ``client.cookiejar``. For them it has all that a
jar of requests has (``get``, ``get_dict``, ``copy``, …), borrowed from there when it is asked for;
the library itself does without requests.

A session cookie that answers an old request does not replace a newer one: a server may give a
session of its own to whoever comes without a valid one, and such a reply can arrive after the login
of another thread.
"""

import copy
import threading
import types
import urllib.request
from collections.abc import Callable, MutableMapping, Sequence
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any

from oslo_vmware.soap.call import Call, under_way

#: What requests' jar has and others have not.
_BORROWED = frozenset(
    'copy get_dict get_policy iteritems iterkeys itervalues list_domains list_paths '
    'multiple_domains set _find _find_no_duplicates'.split()
)


class Cookies(CookieJar, MutableMapping[str, Any]):  # type: ignore[misc]
    """A jar of cookies with the methods of requests' jar, and a mapping as that one."""

    def __init__(self) -> None:
        super().__init__(_NewestCookies(self))

    def set_cookie(self, cookie: Cookie) -> None:
        """Add a cookie; quotes within its quotes go, as they do in requests."""
        if cookie.value and cookie.value.startswith('"') and cookie.value.endswith('"'):
            cookie.value = cookie.value.replace('\\"', '')
        super().set_cookie(cookie)

    def update(self, other: Any) -> None:  # type: ignore[override]
        """Add the cookies of another jar, or those that a mapping has the values of."""
        if isinstance(other, CookieJar):
            for cookie in other:
                self.set_cookie(copy.copy(cookie))
        else:
            for name, value in dict(other).items():
                self[name] = value

    def __getattr__(self, name: str) -> Any:
        if name not in _BORROWED:
            raise AttributeError(f'{type(self).__name__} has no attribute {name!r}')
        return types.MethodType(_borrowed(name), self)

    # Those that a mapping has as well, but not as requests' jar has them.

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """The value of a cookie; of several with its name, by their domain and path."""
        return _borrowed('get')(self, *args, **kwargs)

    def keys(self) -> Any:
        """A list of the names."""
        return _borrowed('keys')(self)

    def values(self) -> Any:
        """A list of the values."""
        return _borrowed('values')(self)

    def items(self) -> Any:
        """A list of names and values."""
        return _borrowed('items')(self)

    def __getitem__(self, name: str) -> Any:
        return _borrowed('__getitem__')(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        _borrowed('__setitem__')(self, name, value)

    def __delitem__(self, name: str) -> None:
        _borrowed('__delitem__')(self, name)

    def __contains__(self, name: object) -> bool:
        return any(name in (cookie.name, cookie) for cookie in self)

    def __getstate__(self) -> dict[str, Any]:
        state = vars(self).copy()
        del state['_cookies_lock']
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        renew_lock(self)


def renew_lock(jar: CookieJar) -> None:
    """In a process that was forked off: have a lock that no thread of the parent holds."""
    jar._cookies_lock = threading.RLock()  # type: ignore[attr-defined]


def _borrowed(name: str) -> Callable[..., Any]:
    from requests.cookies import RequestsCookieJar

    method: Callable[..., Any] = getattr(RequestsCookieJar, name)
    return method


class _NewestCookies(DefaultCookiePolicy):
    """Refuses a cookie of an answer whose request carried an older one than there is now.

    :param jar: the cookies there are
    """

    def __init__(self, jar: CookieJar) -> None:
        super().__init__()
        self._jar = jar

    def set_ok(self, cookie: Cookie, request: Any) -> bool:
        return super().set_ok(cookie, request) and not self._is_late(cookie, request)

    def return_ok_verifiability(self, cookie: Cookie, request: Any) -> bool:
        # It would compare the server with the one that led to it. Nobody leads us.
        return True

    def _is_late(self, cookie: Cookie, request: Any) -> bool:
        call = under_way.get()
        if call is not None and call.logs_in:
            return False
        sent = (request.get_header('Cookie') or '').split('; ')
        return any(
            f'{known.name}={known.value}' not in sent
            for known in self._jar
            if (known.domain, known.path, known.name) == (cookie.domain, cookie.path, cookie.name)
        )


def keep(jar: Any, url: str, sent: str, received: Sequence[str], call: Call | None) -> None:
    """Take the cookies of an answer in.

    :param sent: what the request had for cookies
    :param received: the fields ``Set-Cookie`` of the answer
    """
    request = urllib.request.Request(url)
    if sent:
        request.add_unredirected_header('Cookie', sent)
    token = under_way.set(call)
    try:
        jar.extract_cookies(_Received(received), request)
    finally:
        under_way.reset(token)


class _Received:
    """An answer, as jars look at one."""

    def __init__(self, cookies: Sequence[str]) -> None:
        self._cookies = list(cookies)

    def info(self) -> '_Received':
        return self

    def get_all(self, name: str, default: Any = None) -> Any:
        return self._cookies if name.lower() == 'set-cookie' else default


class CookieHeader:
    """What goes as cookies to one URL, which comes out the same until the cookies change.

    :param url: where requests go
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._known: tuple[Any, str] = (None, '')

    def of(self, jar: Any) -> str:
        """The text of the header, of a jar or whatever somebody has put in the place of one."""
        known, text = self._known
        state = _state(jar)
        if state is None or state != known:
            text = self._made(jar)
            self._known = (state, text)
        return text

    def _made(self, jar: Any) -> str:
        request = urllib.request.Request(self._url)
        if not isinstance(jar, CookieJar):
            from requests.cookies import cookiejar_from_dict

            jar = cookiejar_from_dict(jar)
        jar.add_cookie_header(request)
        return request.get_header('Cookie') or ''


def _state(jar: Any) -> list[Any] | None:
    """What decides about the header; None where the time does as well, or nobody knows."""
    cookies: list[Any] = []
    try:
        for paths in list(jar._cookies.values()):
            for names in list(paths.values()):
                cookies += names.values()
    except (AttributeError, TypeError):
        return None
    state: list[Any] = [jar]
    for cookie in cookies:
        if cookie.expires is not None:
            return None
        state.append((cookie, cookie.value))
    return state
