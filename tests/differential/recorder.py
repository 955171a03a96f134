"""Keeps the calls of a test run as cases for the tests here.

A plugin of pytest, for which nothing needs to be changed::

    OSLO_VMWARE_TEST_CASES=calls.jsonl python -m pytest -p tests.differential.recorder tests/vcsim
    python -m tests.differential.recorder calls.jsonl

The first appends each call of the compiled engine, the second chooses one of each shape and
writes them to ``cases/calls.jsonl.xz``, in place of what is there.
"""

import json
import lzma
import os
import pathlib
import re
import sys
from collections.abc import Iterable
from typing import Any

from oslo_vmware.soap.compiled import CompiledClient
from tests.differential.values import to_json

CASES = pathlib.Path(__file__).parent / 'cases' / 'calls.jsonl.xz'

#: Larger replies repeat what smaller ones have.
_LARGEST = 60_000

_PLACE = re.compile(r'/tmp/pytest-of-[\w.-]+/pytest-\d+/')
_SHAPE = re.compile(r'<(/?[\w:.-]+)|((?:xsi:)?type="[^"]*")')


def pytest_configure() -> None:
    """Note calls from now on."""
    path = os.environ.get('OSLO_VMWARE_TEST_CASES')
    if not path:
        return
    call = CompiledClient.call

    def noting(
        client: CompiledClient, operation: str, this: Any, arguments: Any, *rest: Any
    ) -> Any:
        try:
            made = {
                'service': client._codec.schema.namespace,
                'operation': operation,
                'this': to_json(this),
                'arguments': {name: to_json(value) for name, value in arguments.items()},
            }
        except (TypeError, AttributeError):
            # Stand-ins of users; there are tests of their own for them.
            return call(client, operation, this, arguments, *rest)
        transport = client._transport

        class Noting:
            """The client's transport for one call."""

            def __getattr__(self, name: str) -> Any:
                return getattr(transport, name)

            def post(self, url: str, body: bytes, headers: Any, **options: Any) -> Any:
                reply = transport.post(url, body, headers, **options)
                try:
                    made['reply'] = reply.body.decode()
                except ValueError:
                    return reply
                made['status'] = reply.status
                with open(path, 'a', encoding='utf-8') as file:
                    file.write(json.dumps(made) + '\n')
                return reply

        single = CompiledClient(
            client._codec,
            client.options.location,
            Noting(),
            client._soap_action,  # type: ignore[arg-type]
        )
        return call(single, operation, this, arguments, *rest)

    CompiledClient.call = noting  # type: ignore[method-assign]


def chosen(calls: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One call of each shape: the same operation, members set and elements in the reply."""
    found: dict[Any, dict[str, Any]] = {}
    for call in calls:
        if len(call['reply']) > _LARGEST or call['operation'].startswith('Login'):
            continue
        if 'dynamicType' in json.dumps(call['arguments']):
            # Made from a description of PBM that is older than the one of the tests here.
            continue
        arguments = re.sub(r'"[^"]*"(?!:)|[\d.]+', '', json.dumps(call['arguments']))
        reply = tuple(dict.fromkeys(_SHAPE.findall(call['reply'])))
        found.setdefault((call['service'], call['operation'], arguments, reply), call)
    return list(found.values())


def load() -> list[dict[str, Any]]:
    """The cases that were chosen."""
    with lzma.open(CASES, 'rt', encoding='utf-8') as file:
        return [json.loads(line) for line in file]


if __name__ == '__main__':
    with open(sys.argv[1], encoding='utf-8') as recorded:
        kept = chosen(json.loads(line) for line in recorded)
    CASES.parent.mkdir(exist_ok=True)
    with lzma.open(CASES, 'wt', encoding='utf-8', preset=9) as target:
        for one in kept:
            # Where the test run had its files is nobody's business.
            target.write(_PLACE.sub('/place/', json.dumps(one)) + '\n')
    print(len(kept), 'calls,', CASES.stat().st_size, 'bytes')
