"""Objects of the API as plain data and back, and the question of what type one is of."""

import copy
import datetime
import decimal
import json
import math
import pickle
from types import SimpleNamespace
from typing import Any

import pytest
import suds
from suds import sudsobject

from oslo_vmware import vim_util
from oslo_vmware.soap.descriptions import shipped_vim
from oslo_vmware.soap.objects import EmptyObject, Record, object_class
from oslo_vmware.soap.schema import Field, Kind, Schema
from oslo_vmware.soap.values import TypedValue
from oslo_vmware.types import vim
from oslo_vmware.wsdl import pbm_wsdl_path
from tests.differential.comparison import differences
from tests.stand_ins import Proxy

VIM = shipped_vim()
CREATE = VIM.factory.create
VM = vim_util.get_moref('vm-1', 'VirtualMachine')
ZONE = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, ZONE)


def after_json(value: Any, factory: Any = VIM.factory, type_name: str | None = None) -> Any:
    """A value after it was data, and text, with types."""
    text = json.dumps(vim_util.serialize_object(value, typed=True), allow_nan=False)
    return vim_util.deserialize_object(factory, json.loads(text), type_name)


# Every type


#: A value for each simple type of the description.
SIMPLE = {
    'boolean': True,
    'string': 'a "text" \u4e2d',
    'dateTime': MOMENT,
    'base64Binary': 'YWJj',
    'float': 1.5,
    'double': -math.inf,
}
ANYTHING: tuple[Any, ...] = (
    *('text', 5, True, 2.5, math.inf, MOMENT, MOMENT.date(), MOMENT.time(), b'\x00\xff', VM),
    *(decimal.Decimal('1.50'), [CREATE('ns0:VirtualMachineFlagInfo')]),
)


class Filling:
    """Fills every member of an object; what is in it has its required members only."""

    def __init__(self, schema: Schema, factory: Any) -> None:
        self.schema = schema
        self.factory = factory
        self.derived: dict[str, str] = {}
        for tag in schema.type_names():
            for ancestor in schema.type(tag).ancestors:
                self.derived[ancestor] = tag

    def whole(self, tag: str) -> Any:
        made = self.factory.create(tag)
        for field in self.schema.type(tag).fields:
            one = self.one(field)
            setattr(made, field.name, [one, self.one(field)] if field.many else one)
        return made

    def one(self, field: Field) -> Any:
        if field.kind is Kind.ANY:
            return ANYTHING[len(field.name + field.tag) % len(ANYTHING)]
        if field.kind is Kind.MOREF:
            return VM
        if field.kind is Kind.ENUM:
            return self.schema.type(field.type).values[0]
        if field.kind is Kind.BUILTIN:
            return SIMPLE.get(field.builtin, 7)
        # One that is derived from the declared type, where there is one.
        return self.factory.create(self.derived[field.type])


def test_every_data_type_survives() -> None:
    """An object of each data type, with all its members, is the same after JSON."""
    filling = Filling(VIM.schema, VIM.factory)
    tags = [tag for tag in VIM.schema.type_names() if VIM.schema.type(tag).kind is Kind.COMPLEX]
    found = []
    for tag in tags:
        made = filling.whole(tag)
        found += list(differences(comparable(after_json(made)), comparable(made), tag))
    assert found == []
    assert len(tags) > 4000


def comparable(value: Any) -> Any:
    """A value whose references are told by what they refer to: their class says nothing."""
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if not isinstance(value, sudsobject.Object):
        return value
    if '_type' in value.__keylist__:
        return ('reference', *dict(value).items())
    for name in value.__keylist__:
        setattr(value, name, comparable(getattr(value, name)))
    return value


@pytest.mark.parametrize('value', ANYTHING, ids=lambda value: type(value).__name__)
def test_values_of_any_type_keep_their_own(value: Any) -> None:
    """In a place of type any, what comes back is of the class that was there."""
    option = CREATE('ns0:OptionValue')
    option.key, option.value = 'name', value
    again = after_json(option)
    assert list(differences(comparable(again), comparable(option))) == []


def test_what_is_sent_is_the_same() -> None:
    """A specification with devices, references and dates makes the same request, byte by byte."""
    disk = CREATE('ns0:VirtualDisk')
    disk.key, disk.capacityInKB = -1, 2**40
    disk.backing = CREATE('ns0:VirtualDiskFlatVer2BackingInfo')
    disk.backing.fileName, disk.backing.datastore = '', vim_util.get_moref('ds-1', 'Datastore')
    change = CREATE('ns0:VirtualDeviceConfigSpec')
    change.operation, change.device = 'add', disk
    spec = CREATE('ns0:VirtualMachineConfigSpec')
    spec.createDate, spec.deviceChange = MOMENT, [change]
    spec.extraConfig = [CREATE('ns0:OptionValue')]
    spec.extraConfig[0].key, spec.extraConfig[0].value = 'cpus', TypedValue(5, 'int')
    operation = VIM.schema.operation('ReconfigVM_Task')
    assert operation is not None
    first, second = (
        VIM.encoder.request(operation, VM, {'spec': one}, ()) for one in (spec, after_json(spec))
    )
    assert b'xsi:type="xsd:int"' in first
    assert b'VirtualDiskFlatVer2BackingInfo' in first
    assert second == first


@pytest.mark.parametrize('is_set', [False, True])
def test_what_the_factory_has_put_there_is_told_from_what_a_user_has(is_set: bool) -> None:
    """An empty object that is required is sent after JSON if it was before, and else not."""
    spec = CREATE('ns0:VirtualMachineCloneSpec')
    if is_set:
        spec.location = CREATE('ns0:VirtualMachineRelocateSpec')
    operation = VIM.schema.operation('CloneVM_Task')
    assert operation is not None
    sent = [
        VIM.encoder.request(operation, VM, {'name': 'n', 'spec': one}, ())
        for one in (spec, after_json(spec), after_json(after_json(spec)))
    ]
    assert (b'<location/>' in sent[0]) is is_set
    assert sent[0] == sent[1] == sent[2]


def test_objects_of_replies_gain_no_members() -> None:
    """What the server left out is no attribute afterwards either."""
    place = sudsobject.Factory.object('VirtualMachineRelocateSpec', {'host': VM})
    again = after_json(place)
    assert again.__keylist__ == ['host']
    assert not hasattr(again, 'pool')
    assert (again.host.value, again.host._type) == ('vm-1', 'VirtualMachine')


def test_references_keep_the_server_they_are_of() -> None:
    """The GUID of a server that stands at a reference is not lost."""
    reference = vim_util.get_moref('vm-1', 'VirtualMachine')
    reference._serverGuid = 'guid'
    assert dict(after_json(reference)) == dict(reference)


def test_a_required_enumeration_that_is_not_set() -> None:
    """What the factory puts in its place is there again."""
    rule = CREATE('ns0:HostFirewallRule')
    again = after_json(rule)
    assert again.direction.__class__.__name__ == 'HostFirewallRuleDirection'
    assert list(differences(again, rule)) == []


def test_lists_and_dicts_of_objects() -> None:
    """Objects are found in lists and dicts, however deep, and come back there."""
    flags = CREATE('ns0:VirtualMachineFlagInfo')
    flags.runWithDebugInfo = True
    data = {'one': flags, 'many': [{'two': (flags, None)}], 'n': 1}
    again = after_json(data)
    assert again['one'].runWithDebugInfo is True
    assert again['many'][0]['two'][0].runWithDebugInfo is True
    assert (again['many'][0]['two'][1], again['n']) == (None, 1)
    plain = vim_util.serialize_object({'one': [sudsobject.Factory.object('A', {'b': 1})]})
    assert plain == {'one': [{'b': 1}]}


def test_a_proxy_is_the_reference_it_stands_for() -> None:
    """Drivers pass objects that forward all attributes to a reference."""
    assert after_json(Proxy(VM)).value == 'vm-1'


# Without types


def test_data_without_types_fills_in_objects_of_the_factory() -> None:
    """Members are of their declared types, references are references, and all others are there."""
    data = {
        'diskMoveType': 'moveAllDiskBackingsAndAllowSharing',
        'datastore': {'value': 'datastore-1', '_type': 'Datastore'},
        'service': {'url': 'https://vc', 'credential': {'_type': 'ServiceLocatorNamePassword'}},
        'disk': [{'diskId': 2000, 'profile': []}],
    }
    spec = vim_util.deserialize_object(VIM.factory, data, 'ns0:VirtualMachineRelocateSpec')
    assert vim_util.get_moref_type(spec.datastore) == 'Datastore'
    assert spec.service.__class__.__name__ == 'ServiceLocator'
    assert spec.service.credential.__class__.__name__ == 'ServiceLocatorNamePassword'
    assert spec.disk[0].__class__.__name__ == 'VirtualMachineRelocateSpecDiskLocator'
    assert (spec.disk[0].diskId, spec.disk[0].diskMoveType, spec.deviceChange) == (2000, None, [])


@pytest.mark.parametrize('is_set', [False, True])
def test_data_without_types_sets_nothing_that_nobody_has_set(is_set: bool) -> None:
    """What the factory has put there is not sent afterwards either, unless it was filled in."""
    spec = CREATE('ns0:VirtualMachineCloneSpec')
    spec.powerOn = True
    spec.location.host = VM if is_set else None
    data = json.loads(json.dumps(vim_util.serialize_object(spec)))
    again = vim_util.deserialize_object(VIM.factory, data, 'VirtualMachineCloneSpec')
    operation = VIM.schema.operation('CloneVM_Task')
    assert operation is not None
    sent, expected = (
        VIM.encoder.request(operation, VM, {'name': 'n', 'spec': one}, ()) for one in (again, spec)
    )
    assert sent == expected
    assert (b'<location>' in sent) is is_set
    rule = vim_util.serialize_object(CREATE('ns0:HostFirewallRule'))
    direction = vim_util.deserialize_object(VIM.factory, rule, 'HostFirewallRule').direction
    assert direction.__class__.__name__ == 'HostFirewallRuleDirection'


def test_items_after_none_have_their_type() -> None:
    """What a list begins with does not decide about the rest; a tuple is a list."""
    data = vim_util.serialize_object({'extraConfig': (None, CREATE('ns0:OptionValue'))})
    spec = vim_util.deserialize_object(VIM.factory, data, 'VirtualMachineConfigSpec')
    assert spec.extraConfig[0] is None
    assert spec.extraConfig[1].__class__.__name__ == 'OptionValue'


@pytest.mark.parametrize(
    ('data', 'told'),
    [
        ({'_type': 5}, '5 is no name'),
        ({'_type': ['Datastore']}, 'is no name of a type'),
        ({'_type': 'xsd:dateTime', 'value': 'noon'}, 'noon'),
        ({'_type': 'xsd:dateTime'}, "xsd:dateTime has no 'value'"),
        ({'_type': 'TypedValue', 'value': 1}, "TypedValue has no 'type'"),
        ({'_type': 'TypedValue', 'value': 1, 'type': 'whole'}, "'whole'"),
    ],
)
def test_data_that_is_spoilt_is_told(data: Any, told: str) -> None:
    """What nobody can read is a ValueError, whichever part of it is missing or wrong."""
    with pytest.raises(ValueError, match=told):
        vim_util.deserialize_object(VIM.factory, data)


@pytest.mark.parametrize(
    'value', [{1}, {}.keys(), range(2), iter(())], ids=['set', 'keys', 'range', 'iterator']
)
def test_what_no_call_takes_is_no_data(value: Any) -> None:
    """It is refused, as in a call, and not written down as Python would print it."""
    with pytest.raises(TypeError, match='several values are a list'):
        vim_util.serialize_object({'values': value}, typed=True)


def test_simple_data_is_taken_as_it_is() -> None:
    """What is neither a dict nor a list has nothing to be made of it."""
    assert vim_util.deserialize_object(VIM.factory, 'text', 'string') == 'text'
    assert vim_util.deserialize_object(VIM.factory, None, 'VirtualMachineFlagInfo') is None


def test_unknown_types_are_told() -> None:
    """A type that the description does not have cannot be made, as with the factory."""
    with pytest.raises(suds.TypeNotFound, match='NoSuchType'):
        vim_util.deserialize_object(VIM.factory, {'a': 1}, 'NoSuchType')
    with pytest.raises(suds.TypeNotFound, match='NoSuchType'):
        vim_util.deserialize_object(VIM.factory, {'_type': 'NoSuchType', 'a': 1})


# Types


@pytest.mark.parametrize(
    ('type_name', 'expected'),
    [
        ('VirtualVmxnet3', True),
        ('VirtualEthernetCard', True),
        ('ns0:VirtualDevice', True),
        ('DynamicData', True),
        ('VirtualDisk', False),
        ('ManagedObjectReference', False),
        ('NoSuchType', False),
    ],
)
def test_is_vim_instance(type_name: str, expected: bool) -> None:
    """The type and all that it is derived from, in whatever way the object was made."""
    card = CREATE('ns0:VirtualVmxnet3')
    of_suds = sudsobject.Factory.object('VirtualVmxnet3', {'key': 4000})
    for one in (card, of_suds, Proxy(card), after_json(card)):
        assert vim_util.is_vim_instance(one, type_name) is expected


def test_what_came_empty_is_of_its_type() -> None:
    """Though it is an empty text, as ever: to functions, classes and after JSON."""
    ip = EmptyObject.of('CustomizationDhcpIpGenerator')
    for one in (ip, after_json(ip), copy.deepcopy(ip), pickle.loads(pickle.dumps(ip))):
        assert one == ''
        assert isinstance(one, vim.CustomizationDhcpIpGenerator)
        assert isinstance(one, vim.CustomizationIpGenerator)
        assert vim_util.is_vim_instance(one, 'ns0:CustomizationIpGenerator')
        assert not isinstance(one, vim.CustomizationFixedIp)
        assert not vim_util.is_vim_instance(one, 'CustomizationFixedIp')


def test_is_vim_instance_of_other_things() -> None:
    """References, objects of unknown types and what is no object at all have an answer."""
    assert vim_util.is_vim_instance(VM, 'ManagedObjectReference')
    assert vim_util.is_vim_instance(Proxy(VM), 'vim25:ManagedObjectReference')
    unknown = object.__new__(object_class(Record, 'OfTomorrow'))
    assert vim_util.is_vim_instance(unknown, 'OfTomorrow')
    assert not vim_util.is_vim_instance(unknown, 'DynamicData')
    assert not vim_util.is_vim_instance(None, 'DynamicData')
    assert not vim_util.is_vim_instance(SimpleNamespace(), 'VirtualDisk')
    card = type('Card', (type('VirtualEthernetCard', (), {}),), {})()
    assert vim_util.is_vim_instance(card, 'VirtualEthernetCard')


def test_types_of_storage_policies() -> None:
    """The types of PBM are known as soon as there is a client of it."""
    from oslo_vmware.soap.descriptions import described
    from oslo_vmware.soap.transport import HttpTransport

    path = pbm_wsdl_path((8, 0))
    assert path is not None
    pbm = described(path.as_uri(), HttpTransport())
    profile = pbm.factory.create('ns0:PbmCapabilityProfile')
    profile.profileId.uniqueId = 'one'
    profile.creationTime = MOMENT
    assert vim_util.is_vim_instance(profile, 'PbmProfile')
    assert list(differences(after_json(profile, pbm.factory), profile)) == []
