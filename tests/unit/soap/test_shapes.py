"""An object whose tags have come before is made in one go, and is what it would be otherwise."""

import gc
import itertools

import pytest

from oslo_vmware.soap import objects, shapes, start_tags, tokens
from oslo_vmware.soap.descriptions import shipped_vim
from oslo_vmware.soap.unmarshal import Decoder
from tests.differential.comparison import differences
from tests.unit.soap.codecs import ENVELOPE

DECLARED = '{urn:vim25}RetrievePropertiesExResponse'
REPLY = ENVELOPE.format(
    '<RetrievePropertiesExResponse xmlns="urn:vim25"><returnval>{}</returnval>'
    '</RetrievePropertiesExResponse>'
)


def read(decoder: Decoder, *values: str) -> list[object]:
    """The values of properties in one reply."""
    content = ''.join(
        f'<objects><obj type="T">t</obj><propSet><name>p</name>{value}</propSet></objects>'
        for value in values
    )
    members = decoder.plain_members(REPLY.format(content).encode(), DECLARED)
    assert members is not None
    return [one.propSet[0].val for one in members['returnval'].objects]


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(shipped_vim().schema)


def disk(inside: str, attributes: str = '') -> str:
    return f'<val xsi:type="VirtualDisk"{attributes}>{inside}</val>'


ALIKE = {
    'numbers': [disk(f'<key>{key}</key>') for key in (1, -2, 10**30)],
    'none of its type': [disk(f'<key>{key}</key>') for key in (1, 'x', 2, '1.5')],
    'a text or none': [disk(f'<key>{key}</key>') for key in ('', 1, '', ' ', 2)],
    'text of a string or none': [
        disk(f'<deviceInfo><label>{one}</label><summary>{other}</summary></deviceInfo>')
        for one, other in (('a', 'b'), ('', 'b'), ('a', ''), ('', ''), ('a', 'c'))
    ],
    'empty elements': [disk(f'<key/><unitNumber>{one}</unitNumber>') for one in (1, '', 2)],
    'empty objects': [
        disk('<backing/>'),
        disk('<backing></backing>'),
        disk('<backing> </backing>'),
    ],
    'nothing inside': [disk(''), disk('<key>1</key>'), disk('')],
    'nil': [disk('<key xsi:nil="true"/>'), disk('<key xsi:nil="true">1</key>')] * 2,
    'one, two and three items': [
        f'<val xsi:type="ArrayOfString">{"<string>s</string>" * count}</val>'
        for count in (1, 2, 3, 1, 2, 3, 0)
    ],
    'blank items': [
        f'<val xsi:type="ArrayOfString"><string>{one}</string><string>{other}</string></val>'
        for one, other in (('a', 'b'), ('', 'b'), ('a', ''), ('', ''))
    ],
    'items of numbers': [
        f'<val xsi:type="ArrayOfInt"><int>{one}</int><int>2</int></val>' for one in (1, 'x', '', 3)
    ],
    'items apart': [
        f'<val xsi:type="VirtualPCIController"><device>{one}</device><busNumber>0</busNumber>'
        f'<device>{one + 1}</device></val>'
        for one in (1, 2)
    ],
    'what should not repeat': [disk(f'<key>{one}</key><key>2</key>') for one in (1, 3)],
    'references': [
        f'<val xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference type="{kind}">'
        f'{one}</ManagedObjectReference></val>'
        for kind, one in (('A', 1), ('A', 2), ('B', 3), ('A', ''), ('A', 4))
    ],
    'attributes of objects': [disk(f'<key>{one}</key>', f' a="{one % 2}"') for one in (1, 2, 3, 4)],
    'an attribute of a member': [disk(f'<key a="1">{one}</key>') for one in (1, 2, 'x')],
    'a type for a member': [
        f'<val xsi:type="OptionValue"><key>k</key>'
        f'<value xsi:type="xsd:{kind}">{value}</value></val>'
        for kind, value in (('int', 1), ('string', 1), ('int', 2), ('boolean', 1), ('int', 'x'))
    ],
    'what nobody knows': [
        f'<val xsi:type="Unheard"><a>{one}</a><b xsi:type="Other"><c>{one}</c></b></val>'
        for one in (1, 2, 3)
    ],
    'unknown members': [disk(f'<new>{one}</new><key>{one}</key>') for one in (1, 2)],
    'names of Python': [
        f'<val xsi:type="Unheard"><__class__>{one}</__class__><class>{one}</class>'
        f'<__keylist__>{one}</__keylist__><cls2>{one}</cls2></val>'
        for one in (1, 2, 3)
    ],
    'blanks between elements': [
        disk(f'{blank}<key>{one}</key>{blank}<unitNumber>{one}</unitNumber>{blank}')
        for one, blank in ((1, ''), (2, ' '), (3, '\n\t'), (4, ''))
    ],
    'escapes': [
        disk(f'<deviceInfo><label>{one}</label><summary>s</summary></deviceInfo>')
        for one in ('a', '&lt;b&gt;&amp;', '&#13;', 'b')
    ],
    'brackets in texts': [
        disk(f'<deviceInfo><label>{one}</label><summary>s</summary></deviceInfo>')
        for one in ('a', 'a>b', 'a>b>c', 'a>b>c>/b>d', '>', '>>', '/label>', 'b')
    ],
    'a fault without members': [
        f'<val xsi:type="LocalizedMethodFault"><fault xsi:type="NotFound"/>'
        f'<localizedMessage>{one}</localizedMessage></val>'
        for one in ('a', 'b')
    ],
    'more members than are kept in place': [
        '<val xsi:type="VirtualMachineFlagInfo">'
        + ''.join(f'<a{number}>{one}</a{number}>' for number in range(40))
        + '</val>'
        for one in (1, 2)
    ],
    'more tags than a shape has': [
        '<val xsi:type="ArrayOfInt">' + f'<int>{one}</int>' * 200 + '</val>' for one in (1, 2)
    ],
    'more shapes than are learnt': [
        f'<val xsi:type="ArrayOfInt">{"<int>1</int>" * count}</val>'
        for count in (*range(1, 20), *range(20, 1, -1))
    ],
}


@pytest.mark.parametrize('values', ALIKE.values(), ids=ALIKE.keys())
def test_it_is_what_it_would_be(
    decoder: Decoder, values: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever came before, in one reply or in earlier ones."""
    together = read(decoder, *values, *values)
    apart = [read(decoder, value)[0] for value in values]
    monkeypatch.setattr(shapes, '_MAX_SHAPES', 0)
    alone = [read(Decoder(decoder.schema), value)[0] for value in values]
    assert not list(differences(together, alone * 2))
    assert not list(differences(apart, alone))


def test_each_object_is_its_own(decoder: Decoder) -> None:
    """What is changed in one is not changed in the next of its shape."""
    value = '<val xsi:type="ArrayOfString"><string>s</string></val>'
    one, other, third = read(decoder, value, value, value)
    other.string.append('t')  # type: ignore[attr-defined]
    third.more = 1  # type: ignore[attr-defined]
    assert [str(one) == str(last) for last in read(decoder, value, value)] == [True, True]


@pytest.mark.parametrize('size', [1, 7, 100, 1000])
def test_objects_reach_from_piece_to_piece(
    decoder: Decoder, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a document is cut makes no difference."""
    values = list(itertools.chain(*ALIKE.values()))
    whole = read(decoder, *values)
    monkeypatch.setattr(tokens, '_PIECE', size)
    assert not list(differences(read(decoder, *values), whole))
    assert not list(differences(read(Decoder(decoder.schema), *values), whole))


def test_members_are_kept_in_the_object(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """No object has a dictionary before it is asked for one, the first of its kind included."""
    # Classes are the process's, and earlier tests may have used up the names that one can have.
    monkeypatch.setattr(objects, '_type_classes', {})
    monkeypatch.setattr(objects, '_names_in_place', set())
    value = disk('<key>1</key><deviceInfo><label>l</label><summary>s</summary></deviceInfo>')
    for found in read(decoder, value, value, value):
        for one in (found, found.deviceInfo):  # type: ignore[attr-defined]
            assert not [held for held in gc.get_referents(one) if isinstance(held, dict)]
            assert list(vars(one)) == one.__keylist__


def test_a_shape_spares_looking_tags_up(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine like an earlier one is made in one go, with all that is in it."""
    value = disk(
        '<key>1</key><backing xsi:type="VirtualDiskSeSparseBackingInfo"><uuid>u</uuid></backing>'
    )
    kept = []
    real = shapes.Shapes.keep

    def keep(self: shapes.Shapes, tags: list[str]) -> None:
        kept.append(tags[-1])
        real(self, tags)

    monkeypatch.setattr(shapes.Shapes, 'keep', keep)
    read(decoder, value)
    assert sorted(kept) == ['/backing', '/objects', '/propSet', '/returnval', '/val']
    kept.clear()
    read(decoder, *[value] * 5)
    # With five objects in it, only what is around them looks different.
    assert kept == ['/returnval']


def test_shapes_are_kept_within_bounds(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects that all look different cost half of the memory at most, and forget no tags."""
    monkeypatch.setattr(start_tags, 'MAX_BYTES', 100_000)
    for count in range(1, 100):
        read(decoder, f'<val xsi:type="ArrayOfInt">{"<int>1</int>" * count}</val>')
    assert 10_000 < decoder._memory._used <= 50_000
    assert not decoder._memory.is_full


@pytest.mark.parametrize('count', [1, 5000])
def test_what_is_the_same_in_all_objects_is_kept_once(decoder: Decoder, count: int) -> None:
    """Names of properties and values of enumerations, of however many there are."""
    power = '<val xsi:type="VirtualMachinePowerState">poweredOn</val>'
    names = [f'p{number}' for number in range(count)]
    content = ''.join(f'<propSet><name>{name}</name>{power}</propSet>' for name in names * 2)
    reply = REPLY.format(f'<objects><obj type="T">t</obj>{content}</objects>').encode()
    members = decoder.plain_members(reply, DECLARED)
    assert members is not None
    found = members['returnval'].objects[0].propSet
    assert [one.name for one in found] == names * 2
    assert found[0].name is found[count].name
    assert {id(one.val) for one in found} == {id(found[0].val)}
