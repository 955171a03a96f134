"""What is written is valid by the XSD, and read again it is what it was."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml import etree

from oslo_vmware import vim_util
from oslo_vmware.soap.schema import Kind, Schema, is_text
from oslo_vmware.soap.start_tags import XSI_TYPE
from oslo_vmware.soap.unmarshal import parse
from tests.differential.comparison import differences
from tests.differential.engines import Engines, canonical
from tests.differential.test_requests import DRAWN
from tests.differential.values import Made, Moref, build


@pytest.fixture(scope='session')
def grammars(vim: Engines, pbm: Engines) -> dict[str, etree.XMLSchema]:
    """What lxml makes of the XSDs, by the service's namespace."""
    found = {}
    for engines in (vim, pbm):
        path = engines.path.with_name(engines.path.name.replace('Service', ''))
        types = etree.parse(path).find('.//{http://www.w3.org/2001/XMLSchema}schema')
        copy = etree.fromstring(etree.tostring(types), base_url=str(path))
        found[engines.schema.namespace] = etree.XMLSchema(etree.ElementTree(copy))
    return found


def typed_by_name(value: Any) -> bool:
    """Whether VIM's rule for elements named value or val would falsify a number in it."""
    if isinstance(value, list):
        return any(typed_by_name(one) for one in value)
    members = value.members if isinstance(value, Made) else value
    if not isinstance(members, dict):
        return False
    return any(
        (name in ('value', 'val', 'removeKey') and not isinstance(one, Made | Moref | list))
        or typed_by_name(one)
        for name, one in members.items()
    )


@DRAWN
@given(data=st.data())
def test_drawn_requests_are_valid_and_read_as_what_was_sent(
    engines: Engines, grammars: dict[str, etree.XMLSchema], data: st.DataObject
) -> None:
    """Types, order and texts are those of the description, and nothing gets lost on the way."""
    name, this, arguments = data.draw(engines.calls)
    if engines.schema.namespace == 'urn:vim25':
        assume(not typed_by_name(arguments))
    made = {
        one: without_none(build(value, engines.ours.factory, engines.prefixes))
        for one, value in arguments.items()
    }
    # An object in which nothing is set is not sent, or read as an empty text.
    assume(not any(has_empty_object(value) for value in made.values()))
    sent = engines.sent(engines.by_ours, name, build(this, None, {}), made)
    message = parse(sent)[-1][0]
    grammar = grammars[engines.schema.namespace]
    assert grammar.validate(message), (str(grammar.error_log), sent)
    operation = engines.schema.operation(name)
    assert operation is not None
    read = engines.codec.decoder.members(message, operation.request)
    expected = {one: value for one, value in made.items() if value != []}
    assert read.keys() - {'_this'} == expected.keys()
    for one, value in expected.items():
        # A reference from a reply has the class of its element's name.
        found = [text for text in differences(read[one], value) if 'of Property' not in text]
        assert not found, sent


@DRAWN
@given(data=st.data())
def test_what_came_empty_goes_back_empty(engines: Engines, data: st.DataObject) -> None:
    """What a server sends, required texts without anything in them included, is what it gets."""
    name, this, arguments = data.draw(engines.calls)
    made = {
        one: build(value, engines.ours.factory, engines.prefixes)
        for one, value in arguments.items()
    }
    envelope = parse(engines.sent(engines.by_ours, name, build(this, None, {}), made))
    message = envelope[-1][0]
    operation = engines.schema.operation(name)
    assert operation is not None
    for parameter in message:
        field = engines.schema.type(message_tag(engines, operation.request)).by_name[
            local(parameter)
        ]
        if field.kind is Kind.COMPLEX:
            empty(parameter, field.type, engines.schema)
    received = etree.tostring(envelope)
    read = engines.codec.decoder.members(message, operation.request)
    reference = read.pop('_this')
    assert canonical(engines.sent(engines.by_ours, name, reference, read)) == canonical(received)


def message_tag(engines: Engines, element: str) -> str:
    message = engines.schema.element(element)
    assert message is not None
    return message.tag


def local(element: etree._Element) -> str:
    return etree.QName(element).localname


def empty(element: etree._Element, type_: str, schema: Schema) -> None:
    """Take what is in the required texts of an object, and of those in it."""
    typed = element.get(XSI_TYPE)
    found = schema.lookup(typed.rpartition(':')[2]) if typed else type_
    for child in element:
        field = schema.type(found or type_).by_name[local(child)]
        if field.kind is Kind.COMPLEX:
            empty(child, field.type, schema)
        elif field.kind is Kind.BUILTIN and is_text(field.builtin):
            child.text = child.text if field.optional or field.many else ''


@DRAWN
@given(data=st.data())
def test_drawn_requests_are_the_same_after_json(engines: Engines, data: st.DataObject) -> None:
    """Arguments that were typed data, and text, make the same request, with either engine."""
    name, this, arguments = data.draw(engines.calls)
    reference = build(this, None, {})
    for by, factory in (
        (engines.by_ours, engines.ours.factory),
        (engines.by_tolerant, engines.tolerant.factory),
    ):
        made = {one: build(value, factory, engines.prefixes) for one, value in arguments.items()}
        text = json.dumps(vim_util.serialize_object(made, typed=True))
        again = vim_util.deserialize_object(factory, json.loads(text))
        assert engines.sent(by, name, reference, again) == engines.sent(by, name, reference, made)


def has_empty_object(value: Any) -> bool:
    """Whether an object without members is in a value."""
    if isinstance(value, list):
        return any(has_empty_object(one) for one in value)
    if not hasattr(value, '__keylist__'):
        return False
    return not len(value) or any(has_empty_object(one) for _, one in value)


def without_none(value: Any) -> Any:
    """Remove what the factory has put into an object and nobody has set."""
    if isinstance(value, list):
        for one in value:
            without_none(one)
    elif hasattr(value, '__keylist__'):
        for name in list(value.__keylist__):
            content = getattr(value, name)
            if content is None or content == []:
                delattr(value, name)
            else:
                without_none(content)
    return value
