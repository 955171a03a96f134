"""The request of the compiled engine is the XML that suds sends for the same arguments."""

import os
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.differential import operations
from tests.differential.drawing import Drawing, schema_type
from tests.differential.engines import Call, Engines, canonical, pruned
from tests.differential.values import Moref, build

# CI draws the same each time: what a chance find breaks there would be somebody else's change.
EXAMPLES = int(os.environ.get('OSLO_VMWARE_TEST_EXAMPLES', '30'))
DRAWN = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=bool(os.environ.get('CI')),
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def falsified(arguments: Any) -> bool:
    """Whether a stock client takes a text for escaped already, and falsifies it."""
    return bool(re.search(r'&\w+;', repr(arguments)))


def requests(
    engines: Engines, theirs: Call, call: tuple[str, Any, dict[str, Any]]
) -> tuple[str, str]:
    """The canonical requests of the compiled engine and of another one.

    In VIM the types are taken off the values that only the compiled engine gives one. Of what a
    stock client is compared with goes what is required and empty, which it does not send.
    """
    operation, this, arguments = call
    sent, other = (
        engines.sent(
            by,
            operation,
            build(this, factory, engines.prefixes),
            {name: build(one, factory, engines.prefixes) for name, one in arguments.items()},
        )
        for by, factory in (
            (engines.by_ours, engines.ours.factory),
            (theirs, (engines.stock if theirs == engines.by_stock else engines.tolerant).factory),
        )
    )
    ours = canonical(pruned(sent) if theirs == engines.by_stock else sent)
    for tag in engines.typed_by_ours:
        ours = re.sub(rf'(?m)^( *{re.escape(tag)} \[){_XSD_STRING}\]', r'\1]', ours)
    return ours, canonical(other)


_XSD_STRING = re.escape(
    "('{http://www.w3.org/2001/XMLSchema-instance}type', '{http://www.w3.org/2001/XMLSchema}string')"
)


@DRAWN
@given(data=st.data())
def test_drawn_requests_are_those_of_the_reference_engine(
    engines: Engines, data: st.DataObject
) -> None:
    """Any operation, with values of any types that the schema lets stand there."""
    ours, theirs = requests(engines, engines.by_tolerant, data.draw(engines.calls))
    assert ours == theirs


@DRAWN
@given(data=st.data())
def test_odd_requests_are_those_of_the_reference_engine(
    engines: Engines, data: st.DataObject
) -> None:
    """What is no value of its place's type is sent as the reference engine sends it."""
    ours, theirs = requests(engines, engines.by_tolerant, data.draw(engines.odd_calls))
    assert ours == theirs


@pytest.mark.parametrize('name', operations.NOT_MADE.split())
@settings(DRAWN, max_examples=5)
@given(data=st.data())
def test_operations_of_users_that_no_flow_reaches(
    vim: Engines, name: str, data: st.DataObject
) -> None:
    """What a stock client sends for the operations of users that could not be recorded."""
    operation = vim.schema.operation(name)
    assert operation is not None
    arguments = Drawing(vim.schema, data.draw, types_any=False).arguments(operation)
    assume(not falsified(arguments))
    call = name, Moref('some-1', schema_type(operation)), arguments
    ours, theirs = requests(vim, vim.by_stock, call)
    assert ours == theirs


@DRAWN
@given(data=st.data())
def test_drawn_requests_are_those_of_suds(vim: Engines, data: st.DataObject) -> None:
    """For VIM what a stock client sends; it cannot give the values of PBM their types."""
    call = data.draw(vim.calls)
    assume(not falsified(call))
    ours, theirs = requests(vim, vim.by_stock, call)
    assert ours == theirs
