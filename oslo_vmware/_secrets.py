"""What must not go with an error: passwords, and the cookies and ids of sessions.

An exception goes far: into logs, to whoever collects errors with the variables of all frames, to
other processes. What it came through has handled the password and the cookie. So where the library
raises an exception of its own for an error from beneath:

- the variables of the frames beneath are cleared (file and line stay);
- what the error holds of HTTP, the request and the connection, is let go;
- the secrets themselves are masked in its texts, because servers and proxies echo requests.

An exception that the caller was handling when the call began stands behind all that the call
raises, and is the caller's: nothing is taken from it.

Faults that echo a request are masked before anything is made of them.
"""

import functools
import re
import sys
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

MASK = '***'

#: Arguments of operations that are secret, and those that are where a session begins.
_SECRET = frozenset({'password', 'base64Token', 'cloneTicket', 'sessionID'})
_OF_A_LOGIN = frozenset({'userName'})
#: A member whose values are HTTP headers: pairs of name and value.
_HTTP_HEADERS = 'httpHeaders'
#: SOAP headers that are secret.
_SECRET_HEADERS = frozenset({'vcSessionCookie'})

#: How many characters the cookie of a session has at least; others say ``en`` or ``1``.
_SHORTEST_COOKIE = 8

#: Attributes of exceptions of requests and urllib3 that lead to a request with all its headers.
_OF_HTTP = frozenset({'request', 'response', 'pool', 'conn'})

#: Attributes of errors of the operating system that are texts, and in no dict.
_OF_THE_SYSTEM = ('strerror', 'filename')

_P = ParamSpec('_P')
_R = TypeVar('_R')


class Secrets:
    """Texts that must not be shown, however they are escaped.

    :param texts: where they stand, they are masked
    :param words: they are masked where they stand as words: they may be short, such as ``root``
    """

    def __init__(self, texts: Iterable[str], words: Iterable[str] = ()) -> None:
        parts = [re.escape(one) for text in texts if text for one in _spellings(text)]
        parts += [rf'(?<!\w){re.escape(one)}(?!\w)' for w in words if w for one in _spellings(w)]
        self._pattern = re.compile('|'.join(sorted(set(parts), key=len, reverse=True)) or '(?!)')

    def masked(self, text: str) -> str:
        """A text without them."""
        return self._pattern.sub(MASK, text)

    def masked_bytes(self, data: bytes) -> bytes:
        """The same of bytes, which may be in UTF-8."""
        text = data.decode('utf-8', 'surrogateescape')
        return self.masked(text).encode('utf-8', 'surrogateescape')


def _spellings(text: str) -> set[str]:
    """How a text may stand in XML, in a URL, or in the ``repr`` of either."""
    # Imported here because it has a table of all names of characters, and most calls do not fail.
    import html

    in_url = urllib.parse.quote(text, errors='replace')
    escaped = {text, html.escape(text), html.escape(text, quote=False), in_url}
    return escaped | {html.escape(one) for one in escaped} | {repr(one)[1:-1] for one in escaped}


def secrets_of(
    operation: str,
    arguments: Mapping[str, Any],
    headers: Iterable[tuple[str, str]],
    cookies: Iterable[Any],
) -> Secrets:
    """The secrets that go with a call.

    :param arguments: of the operation, those of objects in them as well
    :param headers: SOAP headers
    :param cookies: what goes as HTTP cookies
    """
    texts = list(_members(arguments.items(), _SECRET))
    texts += [text for name, text in headers if name in _SECRET_HEADERS]
    texts += _values(cookies)
    begins = operation.startswith(('Login', 'SessionIsActive'))
    return Secrets(texts, _members(arguments.items(), _OF_A_LOGIN) if begins else ())


def _values(cookies: Iterable[Any]) -> list[str]:
    """The values of cookies, whatever it is that somebody has put in the place of a jar."""
    try:
        values = [str(getattr(one, 'value', '') or '').strip('"') for one in _known(cookies)]
    except TypeError:
        return []
    return [value for value in values if len(value) >= _SHORTEST_COOKIE]


def _known(cookies: Iterable[Any]) -> list[Any]:
    try:
        return list(cookies)
    except RuntimeError:
        # Another thread has just got one.
        return list(cookies)


def _members(
    pairs: Iterable[tuple[str, Any]], names: frozenset[str], depth: int = 8
) -> Iterator[str]:
    for name, value in pairs:
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, str):
                if name in names:
                    yield str(item)
            elif depth and (keys := _keys(item)):
                within = names | {'value'} if name == _HTTP_HEADERS else names
                yield from _members(
                    ((key, getattr(item, key, None)) for key in keys), within, depth - 1
                )


def _keys(item: Any) -> list[str]:
    """The names of an object's members; none of what is no data object."""
    keys = getattr(item, '__keylist__', None)
    if isinstance(keys, list):
        return keys
    # As pyVmomi has them.
    return list(vars(item)) if hasattr(item, '_propList') and hasattr(item, '__dict__') else []


def forget_arguments(arguments: dict[str, Any]) -> None:
    """Mask the secret ones among the arguments of a call that has failed."""
    for name in _SECRET & arguments.keys():
        arguments[name] = MASK


def conceal(
    problem: BaseException, around: BaseException | None, secrets: Secrets | None = None
) -> None:
    """Rid an error from beneath, and all that led to it, of what must not go with it.

    :param around: what was being handled when the call began (``sys.exception()``)
    """
    for exc in _connected(problem, around):
        _clear_frames(exc)
        for name in _OF_HTTP & vars(exc).keys():
            _set(exc, name, None)
        if isinstance(exc, UnicodeError):
            # All of what could not be written or read.
            _set(exc, 'object', b'' if isinstance(exc, UnicodeDecodeError) else '')
            exc.args = (str(exc),)
        if secrets is None:
            continue
        # pyVmomi's faults do not let them be set.
        _set(exc, 'args', tuple(_without(arg, secrets) for arg in exc.args))
        for name in (*(_OF_THE_SYSTEM if isinstance(exc, OSError) else ()), *vars(exc)):
            value = getattr(exc, name, None)
            concealed = _without(value, secrets)
            if concealed is not value:
                _set(exc, name, concealed)


def _connected(problem: BaseException, around: BaseException | None) -> Iterator[BaseException]:
    pending: list[Any] = [problem]
    seen = {id(around)}
    while pending:
        exc = pending.pop()
        if isinstance(exc, BaseException) and id(exc) not in seen:
            seen.add(id(exc))
            yield exc
            pending += [exc.__cause__, exc.__context__, *exc.args, *vars(exc).values()]


def _clear_frames(exc: BaseException) -> None:
    traceback = exc.__traceback__
    while traceback is not None:
        try:
            traceback.tb_frame.clear()
        except RuntimeError:
            pass  # It is still executing: one above, which goes on.
        traceback = traceback.tb_next


def _set(exc: BaseException, name: str, value: Any) -> None:
    try:
        setattr(exc, name, value)
    except (AttributeError, TypeError):
        pass  # A property, of what is no longer there.


def _without(value: Any, secrets: Secrets, depth: int = 8) -> Any:
    if isinstance(value, str):
        masked = secrets.masked(value)
        return value if masked == value else masked
    if isinstance(value, bytes):
        data = secrets.masked_bytes(value)
        return value if data == value else data
    if not depth:
        return value
    if isinstance(value, dict):
        found = {key: _without(one, secrets, depth - 1) for key, one in value.items()}
        return value if all(found[key] is one for key, one in value.items()) else found
    if type(value) is tuple:
        parts = tuple(_without(one, secrets, depth - 1) for one in value)
        return value if parts == value else parts
    if type(value) is list:
        value[:] = [_without(one, secrets, depth - 1) for one in value]
        return value
    if isinstance(getattr(value, '__keylist__', None), list):
        # A fault, of which the exception was made.
        for name in value.__keylist__:
            setattr(value, name, _without(getattr(value, name), secrets, depth - 1))
        return value
    body = getattr(value, 'body', None)
    if isinstance(body, bytes) and isinstance(value, tuple):
        # A reply that echoes the request.
        data = secrets.masked_bytes(body)
        return value if data == body else value._replace(body=data)  # type: ignore[attr-defined]
    return value


def guarded(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let what a function raises carry nothing of what it was given or found out."""

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        around = sys.exception()
        try:
            return function(*args, **kwargs)
        except BaseException as exc:
            del args, kwargs
            conceal(exc, around)
            raise

    return call
