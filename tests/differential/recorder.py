"""Keeps the calls of a test run, as a plugin of pytest; ``record`` makes cases of them.

It runs in the environments of the drivers as well, so it imports nothing but the library and
``values``::

    OSLO_VMWARE_SOAP_ENGINE=reference \\
        python -m pytest -p tests.differential.recorder --cases-to=vcsim.jsonl tests/vcsim

Two kinds of lines are appended. A call of the reference engine has the arguments beside the
bytes that went over the wire and those that came back. What the processes *posted* is counted
apart from that, by the name of the element in the body, so that an operation whose arguments
could not be kept is missed when the cases are looked through.
"""

import json
import pathlib
import re
import threading
from collections import Counter
from typing import Any

import pytest

from oslo_vmware.soap.reference import CompatibilitySudsClient
from oslo_vmware.soap.transport import HttpTransport
from tests.differential.values import to_json

_OPERATION = re.compile(rb'<(?:[\w.-]+:)?Body[^>]*>\s*<(?:[\w.-]+:)?(\w+)')


class Recorder:
    """Notes calls from now on.

    :param path: the file to append to
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.posted: Counter[str] = Counter()
        self._case = threading.local()
        self._lock = threading.Lock()
        self._call = CompatibilitySudsClient.call
        self._post = HttpTransport.post
        recorder = self

        def call(
            client: Any,
            operation: str,
            this: Any,
            arguments: Any,
            headers: Any = (),
            call: Any = None,
        ) -> Any:
            return recorder._noted_call(client, operation, this, arguments, headers, call)

        def post(transport: Any, url: str, body: bytes, headers: Any, call: Any = None) -> Any:
            return recorder._noted_post(transport, url, body, headers, call)

        CompatibilitySudsClient.call = call  # type: ignore[method-assign]
        HttpTransport.post = post  # type: ignore[method-assign]

    def _noted_call(
        self, client: Any, operation: str, this: Any, arguments: Any, headers: Any, call: Any
    ) -> Any:
        try:
            # Before the call, of which the arguments may become part.
            case = {
                'service': client.wsdl.tns[1].removesuffix('Service'),
                'operation': operation,
                'this': to_json(this),
                'arguments': {name: to_json(value) for name, value in arguments.items()},
                'headers': [list(one) for one in headers],
            }
        except (TypeError, AttributeError):
            # Stand-ins of users; there are tests of their own for them.
            return self._call(client, operation, this, arguments, headers, call)
        self._case.open = case
        try:
            return self._call(client, operation, this, arguments, headers, call)
        finally:
            self._case.open = None

    def _noted_post(self, transport: Any, url: str, body: bytes, headers: Any, call: Any) -> Any:
        operation = _OPERATION.search(body)
        if operation is not None:
            with self._lock:
                self.posted[operation[1].decode()] += 1
        case = getattr(self._case, 'open', None)
        if case is None:
            return self._post(transport, url, body, headers, call)
        case |= {'request': body.decode(), 'status': None, 'reply': None}
        try:
            reply = self._post(transport, url, body, headers, call)
            try:
                case |= {'reply': reply.body.decode(), 'status': reply.status}
            except ValueError:
                # Broken on purpose. What was asked is a request like any other.
                pass
            return reply
        finally:
            self._append(case)

    def _append(self, line: dict[str, Any]) -> None:
        with self._lock, self.path.open('a', encoding='utf-8') as file:
            file.write(json.dumps(line) + '\n')

    def close(self) -> None:
        """Write down what was posted, and note no more."""
        CompatibilitySudsClient.call = self._call  # type: ignore[method-assign]
        HttpTransport.post = self._post  # type: ignore[method-assign]
        self._append({'posted': self.posted})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ours."""
    parser.addoption('--cases-to', type=pathlib.Path, help='append calls to this file')


def pytest_configure(config: pytest.Config) -> None:
    """Begin, where a file is named."""
    path = config.getoption('--cases-to')
    if path is not None:
        recorder = Recorder(path)
        config.add_cleanup(recorder.close)
