"""Request objects; that those of every type are suds' is for tests/differential to say."""

from typing import Any

import pytest
import suds
from suds import sudsobject

from tests.unit.soap.codecs import odd, pbm, vim

NAMES = {
    'without a prefix': 'VirtualDisk',
    'as users write it': 'ns0:VirtualDisk',
    "the description's prefix": 'interface:VirtualDisk',
    'a prefix that nobody declared': 'nosuch:VirtualDisk',
    "another namespace's prefix": 'soap:VirtualDisk',
    'an empty prefix': ':VirtualDisk',
    'in Clark notation': '{urn:vim25}VirtualDisk',
}


@pytest.mark.parametrize('name', NAMES.values(), ids=NAMES.keys())
def test_prefixes(name: str) -> None:
    """Any will do, and none."""
    found = vim().factory.create(name)
    assert type(found) is type(vim().factory.create('VirtualDisk'))
    assert type(found).__name__ == 'VirtualDisk'
    assert 'capacityInKB' in found


@pytest.mark.parametrize(
    'name', ['PbmProfileId', 'ns0:PbmProfileId', 'ns1:PbmProfileId', 'pbm:PbmProfileId']
)
def test_prefixes_of_a_service_with_two_namespaces(name: str) -> None:
    """The same; a type of VIM is found there too."""
    assert type(pbm().factory.create(name)).__name__ == 'PbmProfileId'
    assert 'key' in pbm().factory.create(name.replace('PbmProfileId', 'KeyAnyValue'))


NO_TYPES = {
    'nothing': '',
    'a prefix alone': 'ns0:',
    'an unknown name': 'NoSuch',
    'an unknown name with a prefix': 'ns0:NoSuch',
    'an unknown name in Clark notation': '{urn:vim25}NoSuch',
    'an unknown namespace': '{urn:other}VirtualDisk',
    'in other letters': 'virtualdisk',
    'a blank': 'VirtualDisk ',
    'of XML Schema': 'xsd:int',
    'of XML Schema, with the prefix of another': 'ns0:string',
    'any': 'anyType',
    'a type that has no name': '#CurrentTimeResponse',
}


@pytest.mark.parametrize('name', NO_TYPES.values(), ids=NO_TYPES.keys())
def test_types_that_there_are_not(name: str) -> None:
    """TypeNotFound, each time."""
    for _ in range(2):
        with pytest.raises(suds.TypeNotFound, match='Type not found'):
            vim().factory.create(name)


#: Type, and its members: None, [], or the class of the object that is there.
MEMBERS: dict[str, tuple[str, dict[str, Any]]] = {
    'simple and repeating': (
        'RetrieveOptions',
        {'maxObjects': None},
    ),
    'base first': ('OptionValue', {'key': None, 'value': None}),
    'lists': ('PropertySpec', {'type': None, 'all': None, 'pathSet': []}),
    'a required reference is an object': (
        'ObjectSpec',
        {'obj': 'ManagedObjectReference', 'skip': None, 'selectSet': []},
    ),
    'a required object is one': (
        'LocalizedMethodFault',
        {'fault': 'MethodFault', 'localizedMessage': None},
    ),
    'a required enumeration is an empty text': (
        'LatencySensitivity',
        {'level': 'LatencySensitivitySensitivityLevel', 'sensitivity': None},
    ),
    'a reference has its attribute': ('ManagedObjectReference', {'value': None, '_type': ''}),
    'an enumeration has its values': (
        'VirtualMachinePowerState',
        {'poweredOff': 'poweredOff', 'poweredOn': 'poweredOn', 'suspended': 'suspended'},
    ),
    'an array': ('ArrayOfString', {'string': []}),
    'nothing': ('VirtualMachineEmptyProfileSpec', {}),
}


@pytest.mark.parametrize(('name', 'members'), MEMBERS.values(), ids=MEMBERS.keys())
def test_members(name: str, members: dict[str, Any]) -> None:
    """All that the type has, in the schema's order, and no others."""
    found = vim().factory.create(name)
    shown = {
        member: type(value).__name__ if isinstance(value, sudsobject.Object) else value
        for member, value in found
    }
    assert list(shown.items()) == list(members.items())
    assert not hasattr(found, 'noSuch')


def test_nillable_members() -> None:
    """Are None, like optional ones."""
    found = odd().factory.create('Thing')
    assert set(dict(found).values()) == {None}
    assert list(dict(found))[:4] == ['class', 'def', 'must', 'may']


@pytest.mark.parametrize('name', ['ObjectSpec', 'ns0:ObjectSpec'])
def test_two_objects_share_nothing(name: str) -> None:
    """Neither lists, nor nested objects, nor the members themselves."""
    first, second = vim().factory.create(name), vim().factory.create('ObjectSpec')
    first.selectSet.append(1)
    first.obj.value = 'x'
    first.skip = True
    first.further = 1
    for untouched in (second, vim().factory.create(name)):
        assert untouched.selectSet == []
        assert untouched.obj.value is None
        assert untouched.skip is None
        assert not hasattr(untouched, 'further')
