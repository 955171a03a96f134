"""What a watch hands out, without a server: look-ups, differences, and turns."""

from __future__ import annotations

import math
import random
import threading
from typing import Any

import pytest

from oslo_vmware import exceptions, vim_util
from oslo_vmware.soap import objects
from oslo_vmware.watch import ByReference, Change, Values, inventory
from oslo_vmware.watch.reading import Again, Reading
from oslo_vmware.watch.turns import Turns


def made(name: str, /, **members: Any) -> Any:
    """A data object as a reply has it."""
    one = objects.object_class(objects.Record, name)()
    for member, value in members.items():
        setattr(one, member, value)
    return one


def reference(value: str = 'vm-1', type_: str = 'VirtualMachine') -> Any:
    return vim_util.get_moref(value, type_)


@pytest.mark.parametrize(
    ('one', 'other', 'expected'),
    [
        ('a', 'a', True),
        ('a', 'b', False),
        (1, True, False),
        (1, 1.0, False),
        (None, None, True),
        (None, 0, False),
        ([1, 2], [1, 2], True),
        ([1, 2], [1], False),
        (reference(), reference(), True),
        (reference(), reference('vm-2'), False),
        (reference(), reference('vm-1', 'HostSystem'), False),
        (made('Disk', key=1, backing=made('Flat', name='a')),) * 2 + (True,),
        (made('Disk', key=1), made('Disk', key=1), True),
        (made('Disk', key=1), made('Cdrom', key=1), False),
        (made('Disk', key=1), made('Disk', key=1, label='x'), False),
        (made('Disk', key=1), made('Disk', label=1), False),
        (made('A', of=[made('B', x=1)]), made('A', of=[made('B', x=1)]), True),
        (made('A', of=[made('B', x=1)]), made('A', of=[made('B', x=2)]), False),
        (made('A', of=reference()), made('A', of=reference()), True),
    ],
)
def test_what_is_the_same(one: Any, other: Any, expected: bool) -> None:
    """Data objects and references are compared by what they have in them, and by type."""
    assert inventory.same(one, other) is expected
    assert inventory.same(other, one) is expected


@pytest.mark.parametrize(
    ('before', 'after', 'paths'),
    [
        (Values({'a': 1}), Values({'a': 1}), set()),
        (Values({'a': 1}), Values({'a': 2}), {'a'}),
        (Values({'a': 1}), Values({}), {'a'}),
        (Values({}), Values({'a': None}), {'a'}),
        (Values({'a': 1}), Values({}, {'a': exceptions.VimException('no')}), {'a'}),
        (Values({}), Values({}, {'a': exceptions.VimException('no')}), {'a'}),
        (
            Values({}, {'a': exceptions.VimException('no')}),
            Values({}, {'a': exceptions.VimException('never')}),
            set(),
        ),
    ],
)
def test_what_differs(before: Values, after: Values, paths: set[str]) -> None:
    """By path: another value, none, or one that may no longer, or only now, be read."""
    assert Change(before, after).paths == paths


def test_ids_with_colons() -> None:
    """An ESXi host calls an NFS datastore by server and path; it is found by that, too."""
    id_ = '192.0.2.7:/export/images'
    one = reference(id_, 'Datastore')
    found = ByReference({id_: (one, 1)})
    for key in (id_, f'Datastore:{id_}', reference(id_, 'Datastore')):
        assert found[key] == 1
        assert key in found
    assert list(found) == [one]
    assert dict(found.items()) == {one: 1}
    assert '/export/images' not in found


def test_many_changes() -> None:
    """It has what a dict would have after each of them, and those before stay as they are."""
    chance = random.Random(5)
    ids = [f'vm-{number}' for number in range(200)]
    truth: dict[str, int] = {}
    found: ByReference[int] = ByReference({})
    kept: list[tuple[ByReference[int], dict[str, int]]] = []
    references = {id_: reference(id_) for id_ in ids}
    for number in range(500):
        there = dict.fromkeys(chance.sample(ids, chance.choice([1, 1, 2, 30])), number)
        may_go = sorted(truth.keys() - there.keys())
        gone = chance.sample(may_go, min(len(may_go), chance.choice([0, 1, 5])))
        found = found.updated({id_: (references[id_], n) for id_, n in there.items()}, gone)
        truth |= there
        for id_ in gone:
            del truth[id_]
        kept.append((found, truth.copy()))
    for one, expected in kept:
        assert {each.value: value for each, value in one.items()} == expected
        assert sorted(one.ids()) == sorted(each.value for each in one) == sorted(expected)
        assert len(one) == len(expected)
        assert all((id_ in one) == (id_ in expected) for id_ in ids)
        assert all(one[references[id_]] == value for id_, value in expected.items())


class Told:
    """A session whose server says what a test wants."""

    def __init__(self, *changes: tuple[str, str, Any]) -> None:
        self.vim = self
        self.changes = changes

    def __getattr__(self, name: str) -> Any:
        return Told()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Told()

    def invoke_api(self, module: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        if method != 'wait_for_updates':
            return reference()
        changes = [made('C', name=name, op=op, val=val) for name, op, val in self.changes]
        changed = made('U', kind='enter', obj=reference(), changeSet=changes)
        return made('S', version='1', filterSet=[made('F', objectSet=[changed])])


@pytest.mark.parametrize(
    ('name', 'op', 'val', 'expected'),
    [
        ('config', 'assign', 1, {'config': 1}),
        ('config', 'add', 1, {'config': 1}),
        ('config', 'assign', None, {}),
        ('config', 'remove', None, {}),
        ('config', 'indirectRemove', None, {}),
        ('configStatus', 'assign', 1, {'configStatus': 1}),
    ],
)
def test_what_a_change_says(name: str, op: str, val: Any, expected: dict[str, Any]) -> None:
    """A value, or that there is none any more."""
    reading = Reading(Told((name, op, val)), {'VirtualMachine': ['config']}, None)
    reading.ask(0, ByReference({}))
    ((_, values),) = reading.learned.values()  # type: ignore[misc]
    assert values == expected


@pytest.mark.parametrize('part', ['config.name', 'config[2000]'])
def test_a_server_that_tells_of_parts(part: str) -> None:
    """Whole values were asked for: what it says is not put in their place; all is read anew."""
    reading = Reading(Told((part, 'assign', 1)), {'VirtualMachine': ['config']}, None)
    with pytest.raises(Again) as raised:
        reading.ask(0, ByReference({}))
    assert raised.value.anew
    assert part in str(raised.value.failure)


def test_turns() -> None:
    """Who is in a hurry interrupts who waits, and goes first."""
    turns = Turns()
    order: list[str] = []
    begun, interrupted = threading.Event(), threading.Event()

    def wait() -> None:
        with turns.patient(math.inf) as got:
            assert got
            begun.set()
            interrupted.wait(10)
            order.append('interrupted')
        with turns.patient(math.inf) as got:
            order.append('waits again')

    waiting = threading.Thread(target=wait)
    waiting.start()
    begun.wait(10)
    with turns.in_a_hurry(interrupted.set) as got:
        assert got
        order.append('in a hurry')
        assert turns.hurried == 0
        with turns.patient(0) as second:
            assert not second
    waiting.join(10)
    assert order == ['interrupted', 'in a hurry', 'waits again']


def test_a_pause_ends_for_who_is_in_a_hurry() -> None:
    """And not before its time for anybody else."""
    turns = Turns()
    began = threading.Event()

    def pause() -> None:
        with turns.patient(math.inf):
            began.set()
            turns.pause(60)

    pausing = threading.Thread(target=pause)
    pausing.start()
    began.wait(10)
    with turns.in_a_hurry(lambda: None) as got:
        assert got
    pausing.join(10)
    assert not pausing.is_alive()
