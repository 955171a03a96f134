"""What the library sends to a server and gets back, seen where it leaves and enters the process.

With ``OSLO_VMWARE_TEST_RECORD`` set to a directory, each request and its reply are kept there as
they were on the wire, for tests that want replies of a server that is not ours:
``0007-RetrievePropertiesEx.request.xml`` and ``0007-RetrievePropertiesEx.reply.xml``.
"""

import itertools
import os
import pathlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from oslo_vmware.soap import transport

#: Numbers the records of this process.
_NUMBERS = itertools.count()

_OPERATION = re.compile(rb'<(?:[\w.-]+:)?Body[^>]*>\s*<(?:[\w.-]+:)?(\w+)')
_OP_ID = re.compile(rb'<(?:[\w.-]+:)?operationID[^>]*>([^<]*)<')


@dataclass(frozen=True)
class Call:
    """A request of the library."""

    operation: str
    op_id: str | None
    headers: Mapping[str, str]


class Traffic:
    """Notes the requests of the library to all services, in the order in which they leave.

    :ivar calls: they
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[Call] = []
        self._news = threading.Condition()
        post = transport.HttpTransport.post
        directory = os.environ.get('OSLO_VMWARE_TEST_RECORD')

        def noting(
            http: Any, url: str, body: bytes, headers: Mapping[str, str], *options: Any
        ) -> Any:
            call = _call(body, headers)
            with self._news:
                self.calls.append(call)
                self._news.notify_all()
            reply = post(http, url, body, headers, *options)
            if directory:
                _record(pathlib.Path(directory), call.operation, body, reply.body)
            return reply

        monkeypatch.setattr(transport.HttpTransport, 'post', noting)

    def count(self, operation: str) -> int:
        """How many requests for an operation there have been."""
        return sum(call.operation == operation for call in list(self.calls))

    def wait_for(self, operation: str, times: int = 1) -> None:
        """Wait until an operation has been requested that often."""
        with self._news:
            assert self._news.wait_for(lambda: self.count(operation) >= times, 30), operation


def _call(body: bytes, headers: Mapping[str, str]) -> Call:
    operation = _OPERATION.search(body)
    assert operation is not None, body
    op_id = _OP_ID.search(body)
    return Call(operation[1].decode(), op_id[1].decode() if op_id else None, headers)


def _record(directory: pathlib.Path, operation: str, request: bytes, reply: bytes) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    name = f'{next(_NUMBERS):04d}-{operation}'
    (directory / f'{name}.request.xml').write_bytes(request)
    (directory / f'{name}.reply.xml').write_bytes(reply)
