"""What a stock suds client needs from us: transport, cache, cleaning of messages, quiet logs.

These classes are importable from ``oslo_vmware.service`` under the same names, as ever.
"""

import copy
import io
import logging
import threading
import time as clock
from typing import Any

import requests
import suds.cache
import suds.plugin
import suds.transport
from suds.sax import Namespace
from suds.sax.document import Document
from suds.sax.element import Element

from oslo_vmware._process import PerProcess
from oslo_vmware.soap.transport import HttpTransport

CACHE_TIMEOUT = 3600

_XSI_TYPE = 'xsi:type'


class RequestsTransport(suds.transport.Transport):
    """Lets suds send and fetch through :class:`~oslo_vmware.soap.transport.HttpTransport`.

    :param cacert: path of the CA bundle to verify the server with
    :param insecure: without a ``cacert``: do not verify the server
    :param pool_maxsize: connections kept open
    :param connection_timeout: seconds, see :class:`HttpTransport`
    """

    def __init__(
        self,
        cacert: str | None = None,
        insecure: bool = True,
        pool_maxsize: int = 10,
        connection_timeout: float | None = None,
    ) -> None:
        super().__init__()
        self.http = HttpTransport(cacert, insecure, pool_maxsize, connection_timeout)

    @classmethod
    def over(cls, http: HttpTransport) -> 'RequestsTransport':
        """A transport on an HTTP session that exists already."""
        made = cls.__new__(cls)
        suds.transport.Transport.__init__(made)
        made.http = http
        return made

    @property
    def cookiejar(self) -> Any:
        """The live cookies of the HTTP session; another jar may be put in their place."""
        return self.http.cookiejar

    @cookiejar.setter
    def cookiejar(self, jar: Any) -> None:
        self.http.cookiejar = jar

    def open(self, request: suds.transport.Request) -> io.BytesIO:
        """Fetch a document.

        :raises suds.transport.TransportError: the server has none, or none to give
        """
        reply = self.http.get(request.url)
        if reply.status != requests.codes.ok:
            raise suds.transport.TransportError(
                f'HTTP status {reply.status} {reply.reason} for {request.url}', reply.status
            )
        return io.BytesIO(reply.body)

    def send(self, request: suds.transport.Request) -> suds.transport.Reply:
        """Send a message; the HTTP status is for the reader of the reply to judge."""
        reply = self.http.post(request.url, request.message, request.headers)
        return suds.transport.Reply(reply.status, {}, reply.body)


class MemoryCache(suds.cache.ObjectCache):
    """Keeps what was expensive to make, by key, for a time. Safe for many threads, and
    after a fork.

    :param limit: how many entries to keep, the newest ones; None for all
    """

    def __init__(self, limit: int | None = None) -> None:
        # The base class makes a directory on disk; there is none here.
        self._limit = limit
        self._entries: dict[Any, tuple[float | None, Any]] = {}
        self._lock = PerProcess(threading.Lock)

    def get(self, key: Any) -> Any:
        """The value of a key, or None; what has expired is dropped on the way."""
        now = clock.monotonic()
        with self._lock.get():
            self._entries = {
                known: entry
                for known, entry in self._entries.items()
                if entry[0] is None or entry[0] > now
            }
            return self._entries.get(key, (None, None))[1]

    def put(self, key: Any, value: Any, time: float = CACHE_TIMEOUT) -> bool:
        """Keep a value for ``time`` seconds, ``0`` for ever.

        :returns: True
        """
        with self._lock.get():
            self._entries.pop(key, None)
            self._entries[key] = (clock.monotonic() + time if time else None, value)
            if self._limit is not None and len(self._entries) > self._limit:
                del self._entries[next(iter(self._entries))]
        return True

    def purge(self, key: Any) -> None:
        """Forget a key."""
        with self._lock.get():
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock.get():
            self._entries.clear()


class ServiceMessagePlugin(suds.plugin.MessagePlugin):
    """Cleans an outgoing envelope the way vSphere servers need it.

    suds writes an element for every member that a request object was born with. What was never
    filled goes; what was given an empty string stays, because that means something to the
    server (Nova removes an extra-config key that way). Values of type *any* are sent as strings.
    """

    #: Elements whose emptiness is their meaning.
    EMPTY_ELEMENTS = ['VirtualMachineEmptyProfileSpec']

    def add_attribute_for_value(self, node: Element) -> None:
        """Give an element that holds a value of type *any* the ``xsi:type`` of what it holds."""
        if node.name in ('value', 'val'):
            # With children it is an object, and to call that a string would falsify it.
            if not node.children:
                node.set(_XSI_TYPE, 'xsd:string')
        elif node.name == 'removeKey':
            node.set(_XSI_TYPE, 'xsd:int' if _reads_as_int(node.text) else 'xsd:string')

    def prune(self, el: Element) -> None:
        """Remove what has no text, no children and no attributes, innermost first.

        An element stays whose attribute ``stays`` is true.
        """
        for child in el.children:
            self.prune(child)
        # Not by list.remove(): elements of suds are equal when they have the same name.
        el.children[:] = [
            child
            for child in el.children
            if child.name in self.EMPTY_ELEMENTS
            or not child.isempty(False)
            or getattr(child, 'stays', False)
        ]

    def marshalled(self, context: Any) -> None:
        """suds' hook: the envelope is complete and not yet text."""
        self.prune(context.envelope)
        context.envelope.walk(self.add_attribute_for_value)
        context.envelope.addPrefix('xsd', Namespace.xsdns[1])


def _reads_as_int(text: Any) -> bool:
    try:
        int(text)
    except (TypeError, ValueError):
        return False
    return True


class SudsLogFilter(logging.Filter):
    """Cuts credentials out of the messages that ``suds.client`` logs. Every record passes."""

    #: Element of the body -> members, and how much of their end may be seen.
    SECRETS = {
        'Login': {'userName': 0, 'password': 0},
        'SessionIsActive': {'userName': 0, 'password': 0, 'sessionID': 5},
    }

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask a record's XML documents, whether logged as the message or as its arguments."""
        record.msg = self._masked(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(self._masked(arg) for arg in record.args)
        return True

    def _masked(self, item: Any) -> Any:
        if not hasattr(item, 'childAtPath'):
            return item
        if isinstance(item, (Document, Element)):
            # The same document is what will be sent.
            item = copy.deepcopy(item)
        for operation, members in self.SECRETS.items():
            for name, visible in members.items():
                # The path of a child differs with the depth the document is held by.
                for root in ('/Envelope/Body', 'Body'):
                    node = item.childAtPath(f'{root}/{operation}/{name}')
                    if node is not None and node.getText():
                        text = node.getText()
                        node.setText(text[-visible:] if visible else '***')
                        break
        return item


class _NoPayload(logging.Filter):
    """Drops the debug records of loggers that print whole messages, passwords included."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


def quieten_suds() -> None:
    """Keep what suds logs free of secrets; may be called any number of times."""
    for name, kind in _LOG_FILTERS.items():
        logger = logging.getLogger(name)
        if not any(isinstance(known, kind) for known in logger.filters):
            logger.addFilter(kind())


_LOG_FILTERS: dict[str, type[logging.Filter]] = {
    'suds.client': SudsLogFilter,
    'suds.metrics': _NoPayload,
    'suds.mx.core': _NoPayload,
    'suds.mx.literal': _NoPayload,
    'suds.transport.http': _NoPayload,
}
