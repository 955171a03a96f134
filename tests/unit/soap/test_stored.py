"""The stored form of a description: what is written is read, and nothing else passes for it."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from oslo_vmware import wsdl
from oslo_vmware.soap import stored
from oslo_vmware.soap.schema import Description, Schema, SchemaError
from oslo_vmware.soap.wsdl import load as load_wsdl
from tests.unit.soap.codecs import odd, pbm

PLACE = 'some.description'


def written(description: Description | None = None) -> str:
    return stored.dump(description or odd().schema.description, 'From a test')


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
    again = stored.load(text, PLACE)
    assert everything(again) == everything(description)
    assert again.location == PLACE
    assert {type_.source for type_ in again.types.values()} == {PLACE}
    assert written(again) == text
    assert text.startswith('# From a test\n')


def test_names_are_looked_up_as_in_any_mapping() -> None:
    """What is not there is missing, also what would be no name at all."""
    found = stored.load(written(), PLACE)
    assert '{urn:odd}Thing' in found.types
    assert len(found.types) == len(list(found.types)) == 5
    for name in ('{urn:odd}Nothing', '', '0:Thing'):
        assert name not in found.types
        assert found.types.get(name) is None
        with pytest.raises(KeyError):
            found.types[name]


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
    'cut off between lines': (lambda text: '\n'.join(text.split('\n')[:-2]) + '\n', 'declarations'),
    'cut off in a name': (lambda text: text[: text.rindex('operations ') + 5], 'line'),
    'a line more': (lambda text: text + 'types 0:More []\n', 'declarations'),
    'a line twice': (lambda text: text + text.split('\n')[2] + '\n', 'declarations'),
    'a line of another kind': (swap('^types (.:Thing) ', r'kinds \1 '), 'line'),
    'a namespace that the head has not': (swap('^types [0-9]:Thing', 'types 7:Thing'), 'line'),
    'a namespace that is no number': (swap('^types [0-9]:Thing', 'types x:Thing'), 'line'),
}


@pytest.mark.parametrize(('change', 'named'), FOREIGN.values(), ids=FOREIGN.keys())
def test_a_file_that_is_none(change: Callable[[str], str], named: str) -> None:
    """Is refused when it is opened, with its name and what is wrong."""
    text = change(written())
    with pytest.raises(SchemaError, match=rf'some\.description: .*{named}'):
        stored.load(text, PLACE)


DAMAGED: dict[str, Callable[[str], str]] = {
    'no JSON': swap(r'^(types \d:Thing \[.{10}).*$', r'\1'),
    'too little': swap(r'^(types \d:Thing) .*$', r'\1 ["complex"]'),
    'a number in place of a list': swap(r'^(types \d:Thing) .*$', r'\1 5'),
    'a field without a type': swap(r'^(types \d:Thing .*?)\["class",.*?\]', r'\1["class"]'),
    'a namespace that the head has not': swap(r'^(types \d:Thing .*?)"\d:string"', r'\1"9:string"'),
    'a namespace that is no number': swap(r'^(types \d:Thing .*?)"\d:string"', r'\1"x:string"'),
}


@pytest.mark.parametrize('change', DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_line(change: Callable[[str], str]) -> None:
    """Is refused when it is needed, with the file and the declaration; the others can be read."""
    description = stored.load(change(written()), PLACE)
    with pytest.raises(SchemaError, match=r'some\.description: \{urn:odd\}Thing'):
        description.types['{urn:odd}Thing']
    assert description.types['{urn:odd}#Put'].kind == 'complex'
    with pytest.raises(SchemaError):
        Schema(description).type('{urn:odd}Thing')


@pytest.mark.parametrize('section', ['elements', 'operations'])
def test_damage_in_other_sections(section: str) -> None:
    """Is found in the same way."""
    text = swap(rf'^({section} [\d:]*Put) .*$', r'\1 [')(written())
    with pytest.raises(SchemaError, match=r'some\.description: .*Put'):
        dict(getattr(stored.load(text, PLACE), section))


def test_the_shipped_file_is_of_this_format() -> None:
    """It opens; half of it does not."""
    text = wsdl.vim_description_path().read_text(encoding='utf-8')
    assert stored.load(text, 'vim').operations['CurrentTime'].request == '{urn:vim25}CurrentTime'
    with pytest.raises(SchemaError):
        stored.load(text[: len(text) // 2], 'vim')
