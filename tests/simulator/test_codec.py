"""Values to XML and back, without a server."""

from __future__ import annotations

import datetime
import math
from typing import Any

import pytest
from lxml import etree

from oslo_vmware.simulator import DataObject, Fault, Ref, Typed, types
from oslo_vmware.simulator.world.decoding import Decoder
from oslo_vmware.simulator.world.descriptions import vim_schema
from oslo_vmware.simulator.world.encoding import EncodeError, Encoder, escape
from oslo_vmware.simulator.world.metamodel import PropertyType

NAMESPACES = (
    'xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
)
NOON = datetime.datetime(2026, 1, 2, 12, 0, 0, 250000, tzinfo=datetime.UTC)


@pytest.fixture(scope='module')
def encoder() -> Encoder:
    return Encoder(vim_schema())


@pytest.fixture(scope='module')
def decoder() -> Decoder:
    return Decoder(vim_schema())


def decode(decoder: Decoder, type_: str, content: str) -> Any:
    """One value as the parameter ``spec`` of a made-up operation."""
    schema = vim_schema()
    operation = schema.operation('ReconfigVM_Task')
    assert operation is not None
    field = operation.parameters[1]._replace(type=f'{{urn:vim25}}{type_}', optional=True)
    element = etree.fromstring(f'<ReconfigVM_Task {NAMESPACES}>{content}</ReconfigVM_Task>')
    return decoder.parameters(element, [field]).spec


VALUES = {
    'string': ('text', 'xsd:string', 'text'),
    'markup': ('<a & "b">', 'xsd:string', '&lt;a &amp; "b"&gt;'),
    'empty': ('', 'xsd:string', ''),
    'true': (True, 'xsd:boolean', 'true'),
    'int': (-5, 'xsd:int', '-5'),
    'large int': (2**31, 'xsd:long', '2147483648'),
    'long': (Typed('long', 5), 'xsd:long', '5'),
    'short': (Typed('short', 5), 'xsd:short', '5'),
    'double': (2.5, 'xsd:double', '2.5'),
    'infinite': (math.inf, 'xsd:double', 'INF'),
    'minus infinite': (-math.inf, 'xsd:double', '-INF'),
    'not a number': (math.nan, 'xsd:double', 'NaN'),
    'time': (NOON, 'xsd:dateTime', '2026-01-02T12:00:00.250000Z'),
    'bytes': (b'\x00\xff', 'xsd:base64Binary', 'AP8='),
    'enum': (
        Typed('VirtualMachinePowerState', 'poweredOn'),
        'VirtualMachinePowerState',
        'poweredOn',
    ),
}


@pytest.mark.parametrize(('value', 'xsi_type', 'text'), VALUES.values(), ids=VALUES)
def test_values_of_type_any(encoder: Encoder, value: Any, xsi_type: str, text: str) -> None:
    """Where any type may stand, the value's own is written as xsi:type."""
    assert encoder.any_value('val', value) == f'<val xsi:type="{xsi_type}">{text}</val>'


def test_references_and_arrays_of_type_any(encoder: Encoder) -> None:
    """References carry their type twice, arrays are wrapped in an ArrayOf type."""
    ref = Ref('VirtualMachine', 'vm-1')
    inner = ' type="VirtualMachine">vm-1</'
    assert encoder.any_value('val', ref) == f'<val xsi:type="ManagedObjectReference"{inner}val>'
    for declared, value, item in (
        ('ManagedObjectReference', [ref], f'<ManagedObjectReference{inner}ManagedObjectReference>'),
        ('string', ['a', 'b'], '<string>a</string><string>b</string>'),
        ('int', [], ''),
        ('Event', [], ''),
    ):
        name = declared[0].upper() + declared[1:]
        assert (
            encoder.any_value('val', value, PropertyType(declared, many=True))
            == f'<val xsi:type="ArrayOf{name}">{item}</val>'
        )


def test_no_reference_breaks_the_reply(encoder: Encoder) -> None:
    """Whatever a client calls a type, a reference to it is well-formed and says the same."""
    ref = Ref('a"b<c>&\t\r\n\x00', 'x<&"')
    xml = encoder.any_value('val', ref)
    element = etree.fromstring(f'<a {NAMESPACES}>{xml}</a>')[0]
    assert (element.get('type'), element.text) == ('a"b<c>&\t\r\n\ufffd', 'x<&"')


def test_fields_come_in_schema_order_base_first(encoder: Encoder) -> None:
    """The order of assignment means nothing; fields of base types come first; what is unset is
    left out; a derived type is named.
    """
    disk = types.VirtualDisk(
        capacityInKB=4,
        backing=types.VirtualDiskFlatVer2BackingInfo(diskMode='persistent', fileName='[a] b'),
        key=2000,
        unitNumber=None,
    )
    assert encoder.any_value('val', disk) == (
        '<val xsi:type="VirtualDisk"><key>2000</key>'
        '<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[a] b</fileName>'
        '<diskMode>persistent</diskMode></backing><capacityInKB>4</capacityInKB></val>'
    )


@pytest.mark.parametrize(
    ('value', 'culprit'),
    [
        (types.Description(label='a', summary='b', sumary='c'), 'Description has no field sumary'),
        (types.Descripton(label='a'), 'no type Descripton'),
        (types.Description(label='a'), 'Description: summary: a required value is missing'),
        (types.Description(label=1, summary='b'), 'Description.label: 1'),
        (types.HostNumaNode(typeId=True), 'HostNumaNode.typeId: True'),
        (types.OptionValue(key='a', value=object()), 'has no XSD type'),
        (types.VirtualDevice(key=2**31), 'VirtualDevice.key: 2147483648: a number out of range'),
        (types.VirtualDevice(key=1, backing=types.Description()), 'a Description where'),
        (types.VirtualDevice(key=1, connectable='yes'), "'yes' where a VirtualDeviceConnectInfo"),
        (types.ManagedByInfo(extensionKey='a', type=None), 'type: a required value'),
        (
            types.VirtualMachineRuntimeInfo(connectionState='lost'),
            "connectionState: 'lost' is not a value of this enumeration",
        ),
        (types.TaskInfo(key='a', task='task-1'), "'task-1' where a managed object belongs"),
        (types.HostNumaInfo(type='a', numNodes=1, numaNode='b'), "'b' where a list belongs"),
        (
            types.UserSession(
                key='a', userName='b', fullName='c', loginTime=datetime.datetime.now()
            ),
            'a time without its zone',
        ),
    ],
)
def test_mistakes_of_the_simulator_are_named(
    encoder: Encoder, value: DataObject, culprit: str
) -> None:
    """A value that the schema does not allow is refused with type and field in the text."""
    with pytest.raises(EncodeError) as caught:
        encoder.any_value('val', value)
    assert culprit in str(caught.value)


def test_control_characters_do_not_break_the_reply() -> None:
    """What XML cannot say is replaced, so that a reply stays well-formed."""
    text = escape('a\x00b\x1bc\ud800\r\n\te')
    assert etree.fromstring(f'<a>{text}</a>').text == 'a\ufffdb\ufffdc\ufffd\r\n\te'


ROUND_TRIPS = {
    'plain': ('Description', types.Description(label='a', summary='')),
    'derived': (
        'VirtualDevice',
        types.VirtualDisk(key=1, capacityInKB=2**40, nativeUnmanagedLinkedClone=False),
    ),
    'any values': (
        'VirtualMachineConfigSpec',
        types.VirtualMachineConfigSpec(
            name='m',
            changeTrackingEnabled=True,
            extraConfig=[
                types.OptionValue(key='s', value='x'),
                types.OptionValue(key='i', value=3),
                types.OptionValue(key='l', value=Typed('long', 3)),
                types.OptionValue(key='t', value=NOON),
                types.OptionValue(key='b', value=b'ab'),
                types.OptionValue(key='m', value=Ref('Folder', 'group-1')),
                types.OptionValue(key='o', value=types.Description(label='a', summary='b')),
                types.OptionValue(key='a', value=Typed('ArrayOfString', ['x', 'y'])),
                types.OptionValue(key='e', value=Typed('VirtualMachinePowerState', 'poweredOn')),
            ],
        ),
    ),
    'empty of its type': (
        'VirtualMachineProfileSpec',
        types.VirtualMachineEmptyProfileSpec(),
    ),
}


@pytest.mark.parametrize(('declared', 'value'), ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_what_was_encoded_decodes_to_the_same(
    encoder: Encoder, decoder: Decoder, declared: str, value: DataObject
) -> None:
    """Encoding and decoding are each other's inverse, types included."""
    xml = encoder.any_value('spec', value)
    assert decode(decoder, declared, xml) == value


@pytest.mark.parametrize(
    ('declared', 'content', 'problem'),
    [
        ('Description', '<spec><label>a</label></spec>', 'summary is missing'),
        ('Description', '<spec><summary>a</summary><label>b</label></spec>', 'order'),
        ('Description', '<spec><label>a</label><text>b</text></spec>', 'text'),
        ('Description', '<spec><label xmlns="urn:pbm">a</label></spec>', 'label'),
        ('Description', '<spec xsi:type="VirtualDisk"/>', 'VirtualDisk where a Description'),
        ('Description', '<spec xsi:type="Descripton"/>', 'Descripton is not known'),
        ('OptionValue', '<spec><key>a</key><value>b</value></spec>', 'needs an xsi:type'),
        (
            'OptionValue',
            '<spec><key>a</key><value xsi:type="xsd:int">b</value></spec>',
            "'b' is not a value of type int",
        ),
        ('NumericRange', '<spec><start>1</start><end>1.5</end></spec>', "'1.5'"),
        ('NumericRange', '<spec><start>1</start><end>4294967296</end></spec>', '4294967296'),
        ('NumericRange', '<spec><start>1</start><end><a/></end></spec>', 'no members'),
        ('Description', '<spec><label>a</label><summary>b</summary></spec><spec/>', 'twice'),
        (
            'VirtualMachineConfigSpec',
            (
                '<spec><memoryAllocation><shares><shares>1</shares>'
                '<level>most</level></shares></memoryAllocation></spec>'
            ),
            "'most' is not a value of this enumeration",
        ),
    ],
)
def test_requests_that_do_not_fit_are_refused(
    decoder: Decoder, declared: str, content: str, problem: str
) -> None:
    """Whatever the schema does not allow is InvalidRequest, and the text says what and where."""
    with pytest.raises(Fault) as caught:
        decode(decoder, declared, content)
    assert caught.value.name == 'InvalidRequest'
    assert problem in caught.value.message


def test_lenient_reading(decoder: Decoder) -> None:
    """Spellings that real servers take are taken."""
    spec = decode(
        decoder,
        'VirtualMachineConfigSpec',
        '<spec><memoryMB>1024.0</memoryMB><memoryHotAddEnabled>True</memoryHotAddEnabled>'
        '<cpuHotAddEnabled>0</cpuHotAddEnabled><extraConfig><key>k</key>'
        '<value xsi:type="xsd:string">v</value></extraConfig></spec>',
    )
    assert (spec.memoryMB, spec.memoryHotAddEnabled, spec.cpuHotAddEnabled) == (1024, True, False)
    assert spec.extraConfig == [types.OptionValue(key='k', value='v')]


def test_an_undeclared_prefix_xsd_is_understood(decoder: Decoder) -> None:
    """Known clients write xsd:string without ever declaring xsd."""
    element = etree.fromstring(
        '<ReconfigVM_Task xmlns="urn:vim25" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">'
        '<spec><extraConfig><key>k</key><value i:type="xsd:string">v</value></extraConfig></spec>'
        '</ReconfigVM_Task>'
    )
    operation = vim_schema().operation('ReconfigVM_Task')
    assert operation is not None
    found = decoder.parameters(element, [operation.parameters[1]])
    assert found.spec.extraConfig[0].value == 'v'
