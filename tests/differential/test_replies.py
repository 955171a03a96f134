"""The compiled engine makes of a reply what suds makes of it."""

import copy
import pickle
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml import etree

from oslo_vmware.soap.compiled import Codec, CompiledClient
from oslo_vmware.soap.schema import Kind, Operation
from tests.differential.comparison import differences
from tests.differential.drawing import Drawing
from tests.differential.engines import Engines
from tests.differential.test_requests import DRAWN
from tests.differential.values import Made
from tests.differential.writing import Writer

#: A fault without members is one to us, and an empty text to suds.
_EMPTY_FAULT = re.compile(r"^[^ ]*: <empty> instead of  \(<class 'oslo_vmware")

_XSI_TYPE = '{http://www.w3.org/2001/XMLSchema-instance}type'


def drawn_result(engines: Engines, data: st.DataObject) -> tuple[Operation, Any]:
    """An operation that returns something, and what it returns."""
    name = data.draw(st.sampled_from(sorted(engines.schema.operation_names())))
    operation = engines.schema.operation(name)
    assert operation is not None
    assume(operation.result is not None)
    assert operation.result is not None
    drawing = Drawing(engines.schema, data.draw, types_any=True, reply=True)
    return operation, drawing.field(operation.result, 0)


def shown(value: Any) -> list[str]:
    """How a result is printed, of a list each item: lists print texts by their classes."""
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def assert_survives(value: Any) -> None:
    """A value of ours is copied and pickled like any object."""
    copies = (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value)))
    for twin in copies:
        assert not list(differences(twin, value))
        assert str(twin) == str(value)


@DRAWN
@given(data=st.data())
def test_drawn_replies_are_read_as_suds_reads_them(engines: Engines, data: st.DataObject) -> None:
    """Results of any operation, with values of any types in them."""
    operation, value = drawn_result(engines, data)
    body = Writer(engines.schema).reply(operation, value)
    ours = engines.read(engines.by_ours, operation.name, body)
    theirs = engines.read(engines.by_stock, operation.name, body)
    found = [one for one in differences(ours, theirs) if not _EMPTY_FAULT.search(one)]
    assert not found, body
    if not list(differences(ours, theirs)):
        assert shown(ours) == shown(theirs)
    assert_survives(ours)


@DRAWN
@given(data=st.data())
def test_what_the_description_does_not_know_is_read_alike(
    engines: Engines, data: st.DataObject
) -> None:
    """Unknown elements, attributes and types: there a stock suds dies, the reference does not."""

    def visit(element: etree._Element) -> None:
        chosen = data.draw(st.sampled_from(['', '', 'text', 'object', 'attribute', 'typed']))
        namespace = engines.schema.namespace
        if chosen == 'text':
            etree.SubElement(element, f'{{{namespace}}}brandNew').text = 'news'
        elif chosen == 'object':
            new = etree.SubElement(element, f'{{{namespace}}}brandNew')
            etree.SubElement(new, f'{{{namespace}}}inner').text = 'news'
        elif chosen == 'typed':
            new = etree.SubElement(element, f'{{{namespace}}}brandNew')
            new.set(_XSI_TYPE, 'xsd:int')
            new.text = '5'
        elif chosen == 'attribute':
            element.set('brandNew', 'news')

    operation, value = drawn_result(engines, data)
    body = Writer(engines.schema, visit).reply(operation, value)
    ours = engines.read(engines.by_ours, operation.name, body)
    theirs = engines.read(engines.by_tolerant, operation.name, body)
    assert not list(differences(ours, theirs)), body
    assert shown(ours) == shown(theirs)
    assert_survives(ours)


@DRAWN
@given(data=st.data())
def test_drawn_faults_are_read_as_suds_reads_them(engines: Engines, data: st.DataObject) -> None:
    """Any fault, with values of any types in it; its tree is that of the reference engine."""
    schema = engines.schema
    elements = sorted(tag for tag in schema.description.elements if tag.endswith('Fault'))
    element = data.draw(st.sampled_from(elements))
    declared = schema.description.elements[element]
    assume(schema.type(declared).kind is Kind.COMPLEX)
    value: Made = Drawing(schema, data.draw, types_any=True, reply=True).object(declared, 0)
    body = Writer(schema).fault(element, declared, value)
    operation = 'RetrieveContent' if schema.namespace != 'urn:vim25' else 'CurrentTime'
    operation = operation if schema.operation(operation) else next(schema.operation_names())
    ours = engines.read(engines.by_ours, operation, body, 500)
    tolerant = engines.read(engines.by_tolerant, operation, body, 500)
    assert not list(differences(ours, tolerant)), body
    assert not list(differences(ours.detail_objects, tolerant.detail_objects)), body


def test_a_reply_is_read_alike_whatever_was_read_before(vim: Engines) -> None:
    """The first object of a type that has nothing but an attribute, in a process of any past."""
    body = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        b'<CreateTaskResponse xmlns="urn:vim25"><returnval><reason new="x"/></returnval>'
        b'</CreateTaskResponse></e:Body></e:Envelope>'
    )
    theirs = vim.read(vim.by_tolerant, 'CreateTask', body)
    fresh = CompiledClient(Codec(vim.schema), 'https://localhost/sdk', vim.wire)
    for _ in range(2):
        assert not list(differences(vim.read(fresh.call, 'CreateTask', body), theirs))
    assert type(theirs.reason).__name__ == 'TaskReason'


@pytest.mark.parametrize('texts', [[''], ['', 'a'], ['a', ''], ['', ''], []])
def test_empty_items_of_a_result_are_items(vim: Engines, texts: list[str]) -> None:
    """The first among them, which of a member that is a list would mean that it is empty."""
    operation = vim.schema.operation('AbdicateDomOwnership')
    assert operation is not None
    body = Writer(vim.schema).reply(operation, texts)
    ours = vim.read(vim.by_ours, operation.name, body)
    assert ours == [text or None for text in texts]
    assert not list(differences(ours, vim.read(vim.by_stock, operation.name, body)))
