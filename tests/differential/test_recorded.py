"""Calls of other suites, against the simulator and vcsim: same requests, same replies."""

from typing import Any

import pytest
import suds

from tests.differential import recorder
from tests.differential.comparison import differences
from tests.differential.engines import Engines, canonical
from tests.differential.values import build, from_json

CALLS = recorder.load()
NAMES = [f'{number}-{call["operation"]}' for number, call in enumerate(CALLS)]


def engines_of(call: dict[str, Any], vim: Engines, pbm: Engines) -> Engines:
    """The engines of the service that was called."""
    return vim if call['service'] == 'urn:vim25' else pbm


def test_there_are_calls_of_both_services() -> None:
    """Hundreds, or the tests below would prove little."""
    assert len(CALLS) > 300
    assert {call['service'] for call in CALLS} == {'urn:vim25', 'urn:pbm'}
    assert {call['status'] for call in CALLS} >= {200, 500}


@pytest.mark.parametrize('call', CALLS, ids=NAMES)
def test_recorded_requests_are_the_same(call: dict[str, Any], vim: Engines, pbm: Engines) -> None:
    """The arguments that drivers and tests gave, in the hands of both engines."""
    engines = engines_of(call, vim, pbm)
    operation = call['operation']
    ours, theirs = (
        canonical(
            engines.sent(
                by,
                operation,
                build(from_json(call['this']), factory, engines.prefixes),
                {
                    name: build(from_json(one), factory, engines.prefixes)
                    for name, one in call['arguments'].items()
                },
            )
        )
        for by, factory in (
            (engines.by_ours, engines.ours.factory),
            (engines.by_tolerant, engines.stock.factory),
        )
    )
    assert ours == theirs


@pytest.mark.parametrize('call', CALLS, ids=NAMES)
def test_recorded_replies_are_read_the_same(
    call: dict[str, Any], vim: Engines, pbm: Engines
) -> None:
    """What the servers answered, faults among it."""
    engines = engines_of(call, vim, pbm)
    body, operation = call['reply'].encode(), call['operation']
    ours = engines.read(engines.by_ours, operation, body, call['status'])
    theirs = engines.read(engines.by_tolerant, operation, body, call['status'])
    assert not list(differences(ours, theirs))
    if isinstance(theirs, suds.WebFault):
        assert not list(differences(ours.detail_objects, theirs.detail_objects))
