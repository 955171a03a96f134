"""Calls of other suites, against the simulator and vcsim: same requests, same replies."""

import json
import re
from typing import Any

import pytest
import suds

from oslo_vmware.soap.unmarshal import ENVELOPE, XmlError, parse
from tests.differential import operations, record
from tests.differential.comparison import differences
from tests.differential.engines import Call, Engines, canonical, pruned
from tests.differential.values import build, from_json

POSTED, CALLS = record.load()
_NUMBERS = {id(call): number for number, call in enumerate(CALLS)}
ANSWERED = [call for call in CALLS if call['reply'] is not None]


def name_of(call: dict[str, Any]) -> str:
    """A case's name in reports."""
    return f'{_NUMBERS[id(call)]}-{call["operation"]}'


def engines_of(call: dict[str, Any], vim: Engines, pbm: Engines) -> Engines:
    """The engines of the service that was called."""
    return vim if call['service'] == 'urn:vim25' else pbm


def request(call: dict[str, Any], engines: Engines, by: Call, factory: Any) -> str:
    """What an engine makes of a case's arguments, as canonical text."""

    def made(kept: Any) -> Any:
        return build(from_json(kept), factory, engines.prefixes)

    this, operation = made(call['this']), call['operation']
    arguments = {name: made(one) for name, one in call['arguments'].items()}
    return canonical(engines.sent(by, operation, this, arguments, call['headers']))


def test_there_are_calls_of_both_services() -> None:
    """Hundreds, or the tests below would prove little."""
    assert len(ANSWERED) > 300
    assert {call['service'] for call in CALLS} == {'urn:vim25', 'urn:pbm'}
    assert {call['status'] for call in ANSWERED} >= {200, 500}


@pytest.mark.parametrize('source', record.SOURCES)
def test_every_operation_of_a_source_is_among_the_cases(source: str) -> None:
    """What it names in its sources, and whatever else its processes were seen to post.

    What was posted was counted apart from the calls whose arguments could be kept.
    """
    kept = {call['operation'] for call in CALLS if source in call['sources']}
    assert not set(operations.MADE[source].split()) - kept
    assert not set(POSTED[source]) - kept


def test_the_cases_keep_no_secret() -> None:
    """Passwords and cookies are constants, and nobody learns where the files were."""
    text = json.dumps(CALLS)
    given = re.findall(r'"(?:password|vcSessionCookie)"[:,] "([^"]*)"', text)
    sent = re.findall(r'<[^/>]*(?:assword|SessionCookie)>([^<]*)<', text)
    assert set(given) == set(sent) == {'a secret', 'a cookie'}
    assert not re.search(r'/(tmp|home|root)/', text)
    assert not set(record.UUID.findall(text)) - set(
        re.findall('0{8}-0{4}-4000-8000-[0-9]{12}', text)
    )


@pytest.mark.parametrize('call', CALLS, ids=name_of)
def test_recorded_requests_are_the_same(call: dict[str, Any], vim: Engines, pbm: Engines) -> None:
    """The arguments that drivers and tests gave, and the bytes that the reference engine sent."""
    engines = engines_of(call, vim, pbm)
    recorded = canonical(call['request'].encode())
    assert request(call, engines, engines.by_ours, engines.ours.factory) == recorded


def in_our_words(line: str, service: str) -> str:
    """What becomes of a line of a stock client's request by the differences that are known."""
    line = re.sub(r"'(True|False)'$", lambda found: found[0].lower(), line)
    line = re.sub(r"'(-?\d+)\.0'$", r"'\1'", line)
    if service == 'urn:pbm':
        line = re.sub(r"'(\d{4}-\d\d-\d\d) ", r"'\1T", line)
    return line


def untyped(line: str, service: str) -> str:
    """A line of a request without the type of a simple value, which suds cannot give in PBM."""
    return re.sub(_XSD_TYPE, '', line) if service == 'urn:pbm' else line


_XSD_TYPE = r"\('\{[^}]*-instance\}type', '\{[^}]*XMLSchema\}\w+'\)"


@pytest.mark.parametrize('call', CALLS, ids=name_of)
def test_recorded_requests_are_those_of_suds(
    call: dict[str, Any], vim: Engines, pbm: Engines
) -> None:
    """A stock client sends today what was recorded, but for the words of values."""
    engines, service = engines_of(call, vim, pbm), call['service']
    recorded = canonical(pruned(call['request'].encode()))
    stock = request(call, engines, engines.by_stock, engines.stock.factory)
    for ours, theirs in zip(recorded.split('\n'), stock.split('\n'), strict=True):
        if ours != theirs:
            assert untyped(ours, service) == untyped(in_our_words(theirs, service), service)


@pytest.mark.parametrize('call', ANSWERED, ids=name_of)
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


def test_recorded_replies_are_plain(vim: Engines, pbm: Engines) -> None:
    """Both servers write what is read without a tree; by way of a tree it is the same."""
    read = 0
    for call in ANSWERED:
        engines = engines_of(call, vim, pbm)
        operation = engines.schema.operation(call['operation'])
        assert operation is not None
        if call['status'] != 200 or operation.result is None or operation.response is None:
            continue
        body = call['reply'].encode()
        decoder = engines.codec.decoder
        try:
            soap_body = parse(body).find(f'{ENVELOPE}Body')
        except XmlError:
            continue
        if soap_body is None or soap_body[0].tag == f'{ENVELOPE}Fault':
            assert decoder.plain_members(body, operation.response) is None
            continue
        by_tree = decoder.members(soap_body[0], operation.response)
        members = decoder.plain_members(body, operation.response)
        assert members is not None, body
        assert list(by_tree) == list(members)
        for name, value in by_tree.items():
            assert not list(differences(members[name], value))
        read += 1
    assert read > 200
