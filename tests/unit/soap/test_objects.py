"""What users hold: behaves as suds' objects do, and can be copied and pickled."""

import copy
import datetime
import functools
import gc
import json
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import suds
from suds import sudsobject

from oslo_vmware.soap.objects import Record, Reference, moref, object_class, type_class
from tests.unit.soap.codecs import property_read, vim

DISK = (
    '<val xsi:type="VirtualDisk"><key>5</key><backing new="1" xsi:type="BrandNew"><fileName>f'
    '</fileName></backing><unitNumber>1</unitNumber></val>'
)


def disk() -> Any:
    return property_read(DISK).val


def created() -> Any:
    found = vim().factory.create('ns0:VirtualMachineConfigSpec')
    found.name = 'n'
    found.extraConfig.append({'key': 'k'})
    return found


def reference() -> Any:
    return property_read('<val xsi:type="ManagedObjectReference" type="Folder">f</val>').val


def anonymous() -> Any:
    return property_read('<val xsi:type="Unheard"><a xsi:type="xsd:int">1</a></val>').val


def twin(value: Any) -> Any:
    """The same as suds itself would make it."""
    if isinstance(value, list):
        return [twin(one) for one in value]
    if not isinstance(value, sudsobject.Object):
        return value
    make: Any = sudsobject.Factory
    name = type(value).__name__
    is_property = isinstance(value, sudsobject.Property)
    found = make.property(name) if is_property else make.object(name)
    for member in value.__keylist__:
        setattr(found, member, twin(getattr(value, member)))
    return found


OBJECTS: dict[str, Callable[[], Any]] = {
    'from a reply': disk,
    'from the factory': created,
    'a reference from a reply': reference,
    'of a type that nobody knows': anonymous,
    'an enumeration': lambda: vim().factory.create('LatencySensitivitySensitivityLevel'),
    'without members': lambda: type_class(Record, 'X', '{urn:vim25}VirtualDisk')(),
}
each = pytest.mark.parametrize('make', OBJECTS.values(), ids=OBJECTS.keys())


@each
def test_it_is_as_those_of_suds(make: Callable[[], Any]) -> None:
    """Print, members and their order, length, membership, access by name and place, dict."""
    ours, theirs = make(), twin(make())
    assert str(ours) == str(theirs)
    assert repr(ours) == repr(theirs)
    assert str(ours)
    assert list(ours.__keylist__) == list(theirs.__keylist__)
    assert [name for name, _ in ours] == [name for name, _ in theirs]
    assert list(dict(ours)) == list(dict(theirs)) == ours.__keylist__
    assert list(sudsobject.asdict(ours)) == list(sudsobject.asdict(theirs))
    assert len(ours) == len(theirs)
    assert bool(ours) == bool(theirs)
    for place, name in enumerate(theirs.__keylist__):
        assert name in ours
        assert ours[name] is ours[place] is getattr(ours, name)
    assert 'absent' not in ours
    assert not hasattr(ours, 'absent')
    assert isinstance(ours, type(theirs).__mro__[1])


@each
def test_members_can_be_set_and_removed(make: Callable[[], Any]) -> None:
    """A new one comes last, an old one keeps its place, a removed one is gone."""
    found = make()
    names = found.__keylist__
    found.another = 1
    assert found.__keylist__ == [*names, 'another']
    for name in names:
        setattr(found, name, 2)
    found['further'] = 3
    assert found.__keylist__ == [*names, 'another', 'further']
    assert [value for _, value in found] == [2] * len(names) + [1, 3]
    del found.another
    assert found.__keylist__ == [*names, 'further']
    with pytest.raises(AttributeError, match='another'):
        del found.another


@each
def test_it_may_change_while_it_is_walked(make: Callable[[], Any]) -> None:
    """A member that is removed meanwhile ends nothing."""
    found = make()
    names = found.__keylist__
    for name, _ in found:
        delattr(found, name)
        found.another = name
    assert found.__keylist__ == (['another'] if names else [])


def pickled(protocol: int, value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


COPIES: dict[str, Callable[[Any], Any]] = {
    'copy': copy.copy,
    'deepcopy': copy.deepcopy,
    **{
        f'pickle {protocol}': functools.partial(pickled, protocol)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}
every_copy = pytest.mark.parametrize('duplicate', COPIES.values(), ids=COPIES.keys())


@every_copy
@each
def test_a_copy(make: Callable[[], Any], duplicate: Callable[[Any], Any]) -> None:
    """Is of the very same class, and an object of its own."""
    found = make()
    before = str(found)
    other = duplicate(found)
    assert other is not found
    assert type(other) is type(found)
    assert str(other) == before
    assert other.__keylist__ == found.__keylist__
    other.another = 1
    for name in found.__keylist__:
        delattr(other, name)
    assert str(found) == before


@pytest.mark.parametrize('name', [name for name in COPIES if name != 'copy'])
def test_a_deep_copy_shares_nothing(name: str) -> None:
    """What is changed deep in it is not changed in the original."""
    found = disk()
    other = COPIES[name](found)
    other.backing.fileName = 'g'
    assert found.backing.fileName == 'f'
    spec = created()
    COPIES[name](spec).extraConfig.append(1)
    assert len(spec.extraConfig) == 1


def test_a_flat_copy_shares_the_members() -> None:
    """As Nova's linked clones need it: the backing of the copy has the original's as parent."""
    found = disk()
    other = copy.copy(found)
    assert other.backing is found.backing
    other.backing = None
    assert found.backing is not None


@every_copy
def test_a_copy_is_sent_as_what_it_is(duplicate: Callable[[Any], Any]) -> None:
    """The type of the description goes with it."""
    operation = vim().schema.operation('ReconfigVM_Task')
    assert operation is not None
    change = {'deviceChange': [{'device': duplicate(disk())}]}
    change['deviceChange'][0]['device'].backing = None
    sent = vim().encoder.request(operation, 'x', {'spec': change})
    assert b'<device xsi:type="VirtualDisk"><key>5</key>' in sent


@each
def test_it_is_equal_to_itself_alone(make: Callable[[], Any]) -> None:
    """And can be a key, as references are in Cinder."""
    found, other = make(), make()
    assert found == found
    assert found != other
    assert {found: 1, other: 2}[found] == 1


@pytest.mark.parametrize('value', [None, '', 'vm-1', 5])
def test_a_reference_is_always_true(value: Any) -> None:
    """Whatever its id."""
    assert moref(value, 'VirtualMachine')
    assert Reference(value)
    assert Reference(value).value == value


def test_an_object_without_members_is_false() -> None:
    """As an array without items is, whichever way the server writes it."""
    assert not object_class(Record, 'ArrayOfString')()


def test_leaves_are_as_json_takes_them() -> None:
    """Texts, numbers and truth values are Python's own."""
    val = '<val xsi:type="{}">{}</val>'
    values = [
        property_read(val.format(f'xsd:{type_}', text)).val
        for type_, text in (('string', 'a'), ('int', '5'), ('boolean', 'true'), ('double', '1.5'))
    ]
    assert json.dumps(values) == '["a", 5, true, 1.5]'
    noon = property_read(val.format('xsd:dateTime', '2026-01-02T12:00:00Z')).val
    for duplicate in COPIES.values():
        assert duplicate(noon).utcoffset() == datetime.timedelta(0)


def test_classes_are_shared() -> None:
    """One for a type in the process, whoever meets it first."""
    assert type_class(Record, 'A', '{urn:a}A') is type_class(Record, 'A', '{urn:a}A')
    assert type_class(Record, 'A', '{urn:a}A') is not type_class(Record, 'A', '{urn:b}A')
    assert type(disk()) is type(disk()) is type(vim().factory.create('VirtualDisk'))


def test_classes_of_strangers_are_kept_in_bounded_number() -> None:
    """Whoever answers cannot fill the memory with names."""
    kept = []
    for number in range(3000):
        name = f'Stranger{number}' + 'x' * (number % 400)
        kept.append(weakref.ref(object_class(Record, name)))
    gc.collect()
    kept = [made for made in kept if made() is not None]
    assert 0 < len(kept) <= 512
    assert max(len(made().__name__) for made in kept) <= 200


def test_the_decoded_fault_of_a_call_is_such_an_object() -> None:
    """It is pickled with the exception that carries it."""
    found = object_class(Record, 'NotFound')()
    again = pickle.loads(pickle.dumps(found))
    assert type(again).__name__ == 'NotFound'
    assert isinstance(again, suds.sudsobject.Object)
