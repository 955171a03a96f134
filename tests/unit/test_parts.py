"""Equal parts of an answer are kept once, and only equal ones."""

from __future__ import annotations

from typing import Any

import pytest
from suds.sudsobject import Factory, Object

from oslo_vmware.soap.objects import Record, type_class
from oslo_vmware.spbm.parts import Parts


def of_suds(name: str, **members: Any) -> Any:
    return Factory.object(name, members)


def of_ours(name: str, **members: Any) -> Any:
    made = type_class(Record, name, f'{{urn:pbm}}{name}')()
    for member, value in members.items():
        setattr(made, member, value)
    return made


@pytest.mark.parametrize('make', [of_suds, of_ours])
@pytest.mark.parametrize(
    ('one', 'other', 'is_shared'),
    [
        pytest.param({'id': 'a', 'value': ['x', 'y']}, {'id': 'a', 'value': ['x', 'y']}, True),
        pytest.param({'id': 'a'}, {'id': 'b'}, False, id='another text'),
        pytest.param({'id': 'a'}, {'key': 'a'}, False, id='another member'),
        pytest.param({'value': 1}, {'value': True}, False, id='a number and a truth value'),
        pytest.param({'value': 1}, {'value': 1.0}, False, id='numbers of two types'),
        pytest.param({'value': '1'}, {'value': 1}, False, id='a text and a number'),
        pytest.param({'value': ['x']}, {'value': 'x'}, False, id='one in a list'),
        pytest.param({'value': ['x', 'y']}, {'value': ['y', 'x']}, False, id='another order'),
    ],
)
def test_what_is_shared(make: Any, one: Any, other: Any, is_shared: bool) -> None:
    """The first of parts that are equal in everything, types included; other parts stay."""
    parts = Parts()
    owners = [make('Owner', part=make('Part', **part)) for part in (one, other, one)]
    second = owners[1].part
    for owner in owners:
        parts.share(owner, ('part', 'absent'))
    assert owners[2].part is owners[0].part
    assert owners[1].part is (owners[0].part if is_shared else second)
    assert [dict(owner.part) for owner in owners] == [one, other, one]
    assert not hasattr(owners[0], 'absent')


def test_objects_of_two_types() -> None:
    """The same members make no equal parts of them."""
    owners: list[Object] = [of_ours('Owner', part=of_ours(name, id='a')) for name in 'AB']
    parts = Parts()
    for owner in owners:
        parts.share(owner, ('part',))
    assert [owner.part.__class__.__name__ for owner in owners] == ['A', 'B']
