"""What can be reached from an exception: the walk of who collects errors with all variables.

From an exception to those that led to it, its arguments and attributes, and the variables of the
frames of ours that it came through; from there into containers, attributes of objects and what
functions have closed over. The walk ends at the session, its services and transports, and at
handles: these are the caller's own, and have their cookies lawfully. A jar of cookies or a request
that is reached in any other way is a find.
"""

import collections
import functools
import http.client
import http.cookiejar
import types
from collections.abc import Iterator
from typing import Any

from lxml import etree
from suds.sax.document import Document
from suds.sax.element import Element
from suds.servicedefinition import ServiceDefinition
from suds.wsdl import WObject
from suds.xsd.schema import Schema
from suds.xsd.sxbase import SchemaObject

from oslo_vmware import api, rw_handles, service
from oslo_vmware.soap.compiled import CompiledClient
from oslo_vmware.soap.transport import HttpTransport

#: Where the walk ends, in the variables of frames.
OWNERS = (api.VMwareAPISession, service.Service, CompiledClient, HttpTransport)
OWNERS += (rw_handles.FileHandle,)

#: What has nothing of one call, such as the description of a service, which is large.
_GENERAL = (type, types.ModuleType, int, float, complex, bool, type(None), range, slice)
_GENERAL += (SchemaObject, Schema, WObject, ServiceDefinition)


def texts(exc: BaseException) -> Iterator[tuple[str, str]]:
    """Every text that can be reached from an exception, and the way to it."""
    pending: collections.deque[tuple[str, Any]] = collections.deque([('exc', exc)])
    seen: dict[int, Any] = {}
    while pending:
        way, value = pending.popleft()
        if isinstance(value, str):
            yield way, value
        elif isinstance(value, bytes | bytearray | memoryview):
            yield way, bytes(value).decode('latin-1')
        elif not isinstance(value, (*_GENERAL, *OWNERS)) and id(value) not in seen:
            # Kept, so that no other object gets its id.
            seen[id(value)] = value
            pending.extend((f'{way}{step}', part) for step, part in _parts(value))


def finds(exc: BaseException, *secrets: str) -> list[str]:
    """The ways from an exception to any of some secrets."""
    assert all(secrets)
    return [way for way, text in texts(exc) if any(secret in text for secret in secrets)]


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseException):
        yield from _of_exception(value)
    elif isinstance(value, dict | types.MappingProxyType):
        for key, item in list(value.items()):
            yield '.key', key
            yield f'[{key!r}]' if isinstance(key, str) else '[?]', item
    elif isinstance(value, list | tuple | set | frozenset | collections.deque):
        yield from ((f'[{number}]', item) for number, item in enumerate(list(value)))
    elif isinstance(value, http.cookiejar.CookieJar):
        yield from ((f'.{cookie.name}', cookie.value) for cookie in value)
    elif isinstance(value, Document | Element):
        yield '.plain()', value.plain()
    elif isinstance(value, etree._Element):
        yield '.tostring()', etree.tostring(value, encoding='unicode')
    elif isinstance(value, functools.partial):
        yield from (('.func', value.func), ('.args', value.args), ('.keywords', value.keywords))
    elif isinstance(value, types.MethodType):
        yield from (('.__self__', value.__self__), ('.__func__', value.__func__))
    elif isinstance(value, types.FunctionType):
        yield from ((f'.<{number}>', cell) for number, cell in enumerate(_closed_over(value)))
    elif isinstance(value, types.GeneratorType):
        if value.gi_frame is not None and _is_ours(value.gi_frame):
            yield from ((f'.gi_frame[{name!r}]', v) for name, v in value.gi_frame.f_locals.items())
    else:
        yield from _attributes(value)


def _of_exception(exc: BaseException) -> Iterator[tuple[str, Any]]:
    yield '.__cause__', exc.__cause__
    yield '.__context__', exc.__context__
    yield '.str()', str(exc)
    yield '.repr()', repr(exc)
    yield '.args', exc.args
    yield from _attributes(exc)
    # Those that are no entries of a dict.
    for name in ('object', 'filename', 'strerror', 'doc', 'text', 'error_log', 'exceptions'):
        if hasattr(exc, name):
            yield f'.{name}', getattr(exc, name)
    traceback = exc.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if _is_ours(frame):
            for name, value in frame.f_locals.items():
                yield f'.{frame.f_code.co_qualname}()[{name!r}]', value
        traceback = traceback.tb_next


def _is_ours(frame: types.FrameType) -> bool:
    return str(frame.f_globals.get('__name__')).partition('.')[0] == 'oslo_vmware'


def _closed_over(function: types.FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            pass  # Empty, until the function around it has got that far.
    yield from function.__defaults__ or ()


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, http.client.HTTPConnection):
        yield '.buffer', list(getattr(value, '_buffer', ()))
    yield from ((f'.{name}', item) for name, item in list(getattr(value, '__dict__', {}).items()))
    for cls in type(value).__mro__:
        slots = cls.__dict__.get('__slots__', ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                yield f'.{name}', getattr(value, name)
