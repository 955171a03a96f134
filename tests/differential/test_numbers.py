"""Numbers of every XSD type, restricted by the description.

The descriptions of vSphere have none, one of somebody's own may. suds reads and writes them as
texts; here they are what they restrict, so that the oracle is suds on the description without.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oslo_vmware.soap.schema import Kind
from tests.differential.comparison import differences
from tests.differential.drawing import Drawing
from tests.differential.engines import NUMBERS, Engines, canonical
from tests.differential.test_requests import DRAWN
from tests.differential.values import build
from tests.differential.writing import Writer


@pytest.fixture(scope='session')
def plain(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    """The engines on the same service without the restrictions."""

    def without(found: re.Match[str]) -> str:
        name = 'Int' if found[1] == 'Few' else found[1].removeprefix('Some')
        return f'type="xsd:{name[0].lower()}{name[1:]}"'

    path = tmp_path_factory.mktemp('plain') / 'numbers.wsdl'
    path.write_text(re.sub(r'type="n:(Some\w+|Few)"', without, NUMBERS.read_text()))
    return Engines(path)


def test_all_kinds_are_there(numbers: Engines, plain: Engines) -> None:
    """Restricted once or twice, a type is known by the XSD type behind it."""
    fields, others = (one.schema.type('{urn:numbers}Numbers').fields for one in (numbers, plain))
    assert {field.kind for field in fields} == {Kind.BUILTIN}
    assert all('{urn:numbers}' in field.type for field in fields)
    assert [field.builtin for field in fields] == [field.builtin for field in others]
    assert len({field.builtin for field in fields}) == len(fields) - 1 == 19


@DRAWN
@given(data=st.data(), odd=st.booleans())
def test_drawn_requests_are_those_of_the_reference_engine(
    numbers: Engines, plain: Engines, data: st.DataObject, odd: bool
) -> None:
    """Numbers in and out of range, and what is none."""
    operation, this, arguments = data.draw(numbers.odd_calls if odd else numbers.calls)
    requests = [
        canonical(
            one.sent(
                by,
                operation,
                build(this, factory, one.prefixes),
                {name: build(value, factory, one.prefixes) for name, value in arguments.items()},
            )
        )
        for one, by, factory in (
            (numbers, numbers.by_ours, numbers.ours.factory),
            (plain, plain.by_tolerant, plain.stock.factory),
        )
    ]
    assert requests[0] == requests[1]


@DRAWN
@given(data=st.data())
def test_drawn_replies_are_read_as_suds_reads_them(
    numbers: Engines, plain: Engines, data: st.DataObject
) -> None:
    """Each with the Python type that its XSD type has."""
    operation = numbers.schema.operation('Count')
    assert operation is not None
    assert operation.result is not None
    drawing = Drawing(numbers.schema, data.draw, types_any=True, reply=True)
    body = Writer(numbers.schema).reply(operation, drawing.field(operation.result, 0))
    ours = numbers.read(numbers.by_ours, 'Count', body)
    assert not list(differences(ours, plain.read(plain.by_stock, 'Count', body))), body
