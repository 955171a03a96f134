"""The stored form of a description: what is written is read, and nothing else passes for it."""

import json
import re
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware import wsdl
from oslo_vmware.soap import stored
from oslo_vmware.soap.declarations import Description, TypesAtHand
from oslo_vmware.soap.schema import Schema, SchemaError
from oslo_vmware.soap.wsdl import load as load_wsdl
from tests.unit.soap.codecs import odd, pbm

PLACE = 'some.description'


def written(description: Description | None = None) -> str:
    return stored.dump(description or odd().schema.description, 'From a test')


def read(text: str) -> Description:
    return stored.load(text.encode(), PLACE)


def everything(description: Description) -> dict[str, Any]:
    """All of a description but where it was read from."""
    types = {tag: type_._replace(source='') for tag, type_ in description.types.items()}
    operations = {
        name: operation._replace(source='') for name, operation in description.operations.items()
    }
    return {
        'types': types,
        'elements': dict(description.elements),
        'operations': operations,
        'namespace': description.namespace,
        'prefixes': dict(description.prefixes),
        'address': description.address,
        'unqualified': description.unqualified,
        'namespaces': description.namespaces,
    }


DESCRIPTIONS: dict[str, Callable[[], Description]] = {
    'with what is rare': lambda: odd().schema.description,
    'of two namespaces': lambda: pbm().schema.description,
    'all of VIM': lambda: load_wsdl(str(wsdl.vim_wsdl_path())).description,
}


@pytest.mark.parametrize('make', DESCRIPTIONS.values(), ids=DESCRIPTIONS.keys())
def test_what_is_written_is_read(make: Callable[[], Description]) -> None:
    """Every declaration, and the head; written again it is the same text."""
    description = make()
    text = written(description)
    again = read(text)
    assert everything(again) == everything(description)
    assert again.location == PLACE
    assert {type_.source for type_ in again.types.values()} == {PLACE}
    assert written(again) == text
    assert text.startswith('# From a test\n')


def test_names_are_looked_up_as_in_any_mapping() -> None:
    """What is not there is missing, also what would be no name at all."""
    found = read(written())
    assert '{urn:odd}Thing' in found.types
    assert len(found.types) == len(list(found.types)) == 5
    for name in ('{urn:odd}Nothing', '', '0:Thing'):
        assert name not in found.types
        assert found.types.get(name) is None
        with pytest.raises(KeyError):
            found.types[name]


def test_a_kind_is_told_without_the_rest() -> None:
    """It is that of the declaration; of a type that is not there there is none."""
    types = read(written()).types
    assert isinstance(types, TypesAtHand)
    kinds = {tag: types.kind(tag) for tag in types}
    assert kinds == {tag: declared.kind for tag, declared in odd().schema.description.types.items()}
    assert types.kind('{urn:odd}Nothing') is None


# Damage


def swap(pattern: str, by: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        changed, count = re.subn(pattern, by, text, count=1, flags=re.MULTILINE)
        assert count, pattern
        return changed

    return change


#: How the file is changed, and what the exception says beside the file's name.
FOREIGN: dict[str, tuple[Callable[[str], str], str]] = {
    'empty': (lambda text: '', 'head'),
    'one line': (lambda text: '# nothing else', 'head'),
    'the first line alone': (lambda text: text.split('\n')[0] + '\n', 'head'),
    'a text': (lambda text: 'Lorem\nipsum\ndolor sit amet\n', 'head'),
    'XML': (lambda text: '<?xml version="1.0"?>\n<definitions>\n</definitions>\n', 'head'),
    'zeros': (lambda text: '\0' * 100, 'head'),
    'JSON of another kind': (lambda text: '#\n[1, 2]\n', 'head'),
    'a head of another kind': (lambda text: '#\n{"a": 1}\n', 'format None'),
    'a head that is cut off': (swap(r'^(\{.{20}).*$', r'\1'), 'head'),
    'a head without namespaces': (swap('"namespaces":', '"other":'), 'head'),
    'an older format': (swap('"format":[0-9]+', '"format":0'), 'format 0'),
    'a newer format': (swap('"format":[0-9]+', '"format":999'), 'format 999'),
    'cut off between lines': (lambda text: '\n'.join(text.split('\n')[:-2]) + '\n', 'checksum'),
    'cut off in a name': (lambda text: text[: text.rindex('\nPut ') + 3], 'checksum'),
    'a line more': (lambda text: text + 'More []\n', 'checksum'),
    'another letter': (swap('^Thing ', 'Think '), 'checksum'),
    'line ends of another system': (lambda text: text.replace('\n', '\r\n'), 'checksum'),
    'a section more': (swap(r'"sections":\[', '"sections":[0,'), 'sections'),
    'a longer section': (swap(r'"sections":\[', '"sections":[1'), 'sections'),
}


@pytest.mark.parametrize(('change', 'named'), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_that_is_none(change: Callable[[str], str], named: str) -> None:
    """Is refused when it is opened, with its name and what is wrong."""
    text = change(written())
    with pytest.raises(SchemaError, match=rf'some\.description: .*{named}'):
        read(text)


def certified(text: str) -> str:
    """A text as it would be had somebody written it so: with the checksum and lengths it has."""
    mark, head, lines = text.split('\n', 2)
    found = json.loads(head)
    types = lines[: lines.index('\nPut ') + 1]
    elements = lines[len(types) : lines.rindex('\nPut ') + 1]
    operations = lines[len(types) + len(elements) :]
    found['sections'] = [len(section.encode()) for section in (types, elements, operations)]
    found['checksum'] = zlib.crc32(lines.encode())
    return f'{mark}\n{json.dumps(found)}\n{lines}'


DAMAGED: dict[str, Callable[[str], str]] = {
    'no JSON': swap(r'^(Thing \[.{10}).*$', r'\1'),
    'too much': swap(r'^(Thing) .*$', r'\1 ["complex",null,[],[],null,[],false,false,1]'),
    'a number in place of a list': swap(r'^(Thing) .*$', r'\1 5'),
    'a field without a type': swap(r'^(Thing .*?)\["class",.*?\]', r'\1["class"]'),
    'a field of no kind that there is': swap(r'^(Thing .*?)\["class",.*?\]', r'\1["a","b",9]'),
    'a namespace that the head has not': swap(r'^(Thing .*?)"\d:string"', r'\1"9:string"'),
    'a namespace that is no number': swap(r'^(Thing .*?)"\d:string"', r'\1"x:string"'),
}


@pytest.mark.parametrize('change', DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_line(change: Callable[[str], str]) -> None:
    """Is refused when it is needed, with the file and the declaration; the others can be read."""
    description = read(certified(change(written())))
    with pytest.raises(SchemaError, match=r'some\.description: \{urn:odd\}Thing'):
        description.types['{urn:odd}Thing']
    assert description.types['{urn:odd}#Put'].kind == 'complex'
    with pytest.raises(SchemaError):
        Schema(description).type('{urn:odd}Thing')


SECTIONS = {
    'elements': swap(r'^Put ".*$', 'Put ['),
    'operations': swap(r'^Put \[.*$', 'Put ['),
}


@pytest.mark.parametrize('section', SECTIONS)
def test_damage_in_other_sections(section: str) -> None:
    """Is found in the same way."""
    text = SECTIONS[section](written())
    with pytest.raises(SchemaError, match=r'some\.description: .*Put'):
        dict(getattr(read(certified(text)), section))


def test_the_shipped_file_is_of_this_format() -> None:
    """It opens; half of it does not."""
    data = wsdl.vim_description_path().read_bytes()
    assert stored.load(data, 'vim').operations['CurrentTime'].request == '{urn:vim25}CurrentTime'
    with pytest.raises(SchemaError):
        stored.load(data[: len(data) // 2], 'vim')
