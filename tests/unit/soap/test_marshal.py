"""Requests of the compiled engine, written exactly as servers see them."""

import datetime
import math
from types import SimpleNamespace
from typing import Any

import pytest
import suds
from lxml import etree

from oslo_vmware.soap.compiled import Codec
from oslo_vmware.soap.objects import Record, moref, type_class
from oslo_vmware.soap.values import TypedValue
from tests.stand_ins import Proxy
from tests.unit.soap.codecs import VM, answered, odd, pbm, property_read, request, vim

HOST = moref('host-1', 'HostSystem')
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


def made(type_: str, codec: Codec | None = None, /, **members: Any) -> Any:
    """A request object with some of its members set, in the order given."""
    found = (codec or vim()).factory.create(type_)
    for member, value in members.items():
        setattr(found, member, value)
    return found


def reconfigured(**members: Any) -> str:
    """What is in the ``spec`` of a request that sets these."""
    text = request(vim(), 'ReconfigVM_Task', VM, spec=made('VirtualMachineConfigSpec', **members))
    return text.partition('<spec>')[2].rpartition('</spec>')[0]


def device(**members: Any) -> str:
    """What is written of a device of a declared type ``VirtualDevice``."""
    text = reconfigured(deviceChange=[made('VirtualDeviceConfigSpec', **members)])
    return text.removeprefix('<deviceChange>').removesuffix('</deviceChange>')


# Objects

OBJECTS = {
    'base first, whatever the order': (
        lambda: device(device=made('VirtualDisk', capacityInKB=4, unitNumber=1, key=-1)),
        (
            '<device xsi:type="VirtualDisk"><key>-1</key><unitNumber>1</unitNumber>'
            '<capacityInKB>4</capacityInKB></device>'
        ),
    ),
    'the declared type is not named': (
        lambda: device(device=made('VirtualDevice', key=5)),
        '<device><key>5</key></device>',
    ),
    'a derived type is named though nothing is set': (
        lambda: device(operation='add', device=made('VirtualE1000')),
        '<operation>add</operation><device xsi:type="VirtualE1000"/>',
    ),
    'an object in which nothing is set goes': (
        lambda: reconfigured(name='n', flags=made('VirtualMachineFlagInfo')),
        '<name>n</name>',
    ),
    'and all that has nothing else in it': (
        lambda: reconfigured(name='n', repConfig={'disk': [{}]}, tools={}),
        '<name>n</name>',
    ),
    'unless it is required': (
        lambda: device(operation='add', device=made('VirtualDevice')),
        '<operation>add</operation><device/>',
    ),
    'which is something to have in it': (
        lambda: reconfigured(deviceChange=[{'device': made('VirtualDevice')}]),
        '<deviceChange><device/></deviceChange>',
    ),
    'the profile that is empty on purpose': (
        lambda: reconfigured(vmProfile=[made('VirtualMachineEmptyProfileSpec')]),
        '<vmProfile xsi:type="VirtualMachineEmptyProfileSpec"/>',
    ),
    'a dict is of the declared type': (
        lambda: reconfigured(extraConfig=[{'value': 'v', 'key': 'k'}]),
        '<extraConfig><key>k</key><value xsi:type="xsd:string">v</value></extraConfig>',
    ),
    'an empty dict': (lambda: reconfigured(name='n', flags={}), '<name>n</name>'),
    'a nested dict': (
        lambda: reconfigured(files={'vmPathName': '[ds]'}, flags={'runWithDebugInfo': False}),
        (
            '<files><vmPathName>[ds]</vmPathName></files>'
            '<flags><runWithDebugInfo>false</runWithDebugInfo></flags>'
        ),
    ),
    'one object where a list is expected': (
        lambda: reconfigured(extraConfig={'key': 'k'}),
        '<extraConfig><key>k</key></extraConfig>',
    ),
    'a tuple, and None in it': (
        lambda: reconfigured(extraConfig=({'key': 'a'}, None, {'key': 'b'})),
        '<extraConfig><key>a</key></extraConfig><extraConfig><key>b</key></extraConfig>',
    ),
    'None, whatever its name': (lambda: reconfigured(name='n', noSuch=None), '<name>n</name>'),
    'an empty list, whatever its name': (
        lambda: reconfigured(name='n', noSuch=[]),
        '<name>n</name>',
    ),
    'an enumeration that was created and not chosen': (
        lambda: reconfigured(name='n', latencySensitivity=made('LatencySensitivity')),
        '<name>n</name>',
    ),
    'an empty text where a reply had an empty object': (
        lambda: device(device=made('VirtualDisk', key=1, backing='')),
        '<device xsi:type="VirtualDisk"><key>1</key><backing></backing></device>',
    ),
    'an object that belongs to no description': (
        lambda: device(device=_anonymous(key=1)),
        '<device><key>1</key></device>',
    ),
    'a proxy of an object of a derived type': (
        lambda: device(device=Proxy(made('VirtualDisk', key=1))),
        '<device xsi:type="VirtualDisk"><key>1</key></device>',
    ),
    "suds' own object of that name": (
        lambda: device(device=_of_suds('VirtualDisk', key=1)),
        '<device xsi:type="VirtualDisk"><key>1</key></device>',
    ),
    "suds' own object of a name that cannot stand there": (
        lambda: device(device=_of_suds('OptionValue', key=1)),
        '<device><key>1</key></device>',
    ),
    'an object that came in a reply': (
        lambda: device(device=_read('VirtualDisk', '<unitNumber>1</unitNumber><key>5</key>')),
        '<device xsi:type="VirtualDisk"><key>5</key><unitNumber>1</unitNumber></device>',
    ),
}


def _anonymous(**members: Any) -> Any:
    found: Any = Record()
    found.__dict__ = members
    return found


def _of_suds(name: str, **members: Any) -> Any:
    return suds.sudsobject.Factory.object(name, members)


def _read(type_: str, content: str) -> Any:
    return property_read(f'<val xsi:type="{type_}">{content}</val>').val


@pytest.mark.parametrize(('write', 'xml'), OBJECTS.values(), ids=OBJECTS.keys())
def test_objects(write: Any, xml: str) -> None:
    """Members in the schema's order, nothing that is empty, the type where it is another one."""
    assert write() == xml


def test_the_members_of_an_object_that_is_sent_stay_its_own() -> None:
    """A request changes nothing in what it is made of."""
    change = made('VirtualDeviceConfigSpec', device=made('VirtualDisk', key=1))
    before = str(change)
    device(device=change.device)
    assert str(change) == before


# References and proxies

REFERENCES = {
    'as managed object': lambda: request(vim(), 'PowerOnVM_Task', VM),
    'a proxy as managed object': lambda: request(vim(), 'PowerOnVM_Task', Proxy(VM)),
    'any object with both attributes': lambda: request(
        vim(), 'PowerOnVM_Task', SimpleNamespace(value='vm-1', _type='VirtualMachine')
    ),
    'made by the factory': lambda: request(
        vim(),
        'PowerOnVM_Task',
        made('ManagedObjectReference', value='vm-1', _type='VirtualMachine'),
    ),
    'from a reply, with the id of its server': lambda: request(
        vim(),
        'PowerOnVM_Task',
        _read('ManagedObjectReference" type="VirtualMachine" serverGuid="g', 'vm-1'),
    ),
    'in a list': lambda: request(vim(), 'MoveIntoFolder_Task', HOST, list=[HOST, VM]),
    'a proxy in a list': lambda: request(vim(), 'MoveIntoFolder_Task', HOST, list=[Proxy(VM)]),
    'alone where a list is expected': lambda: request(
        vim(), 'MoveIntoFolder_Task', HOST, list=Proxy(VM)
    ),
}


@pytest.mark.parametrize('write', REFERENCES.values(), ids=REFERENCES.keys())
def test_references(write: Any) -> None:
    """The id as text, the type as attribute, of whatever has the two."""
    last = etree.fromstring(write())[-1]
    assert (last.text, last.items()) == ('vm-1', [('type', 'VirtualMachine')])


ODD_REFERENCES = {
    'a text alone': ('ServiceInstance', '<_this>ServiceInstance</_this>'),
    'an id that is a number': (moref(5, 'T'), '<_this type="T">5</_this>'),
    'markup': (moref('a<b', 'T"<&'), '<_this type="T&quot;&lt;&amp;">a&lt;b</_this>'),
    'no type': (moref('x', None), '<_this>x</_this>'),
    'no id': (moref(None, 'T'), '<_this type="T"></_this>'),
    'neither': (moref(None, None), ''),
}


@pytest.mark.parametrize(('this', 'xml'), ODD_REFERENCES.values(), ids=ODD_REFERENCES.keys())
def test_odd_references(this: Any, xml: str) -> None:
    """What is there is sent."""
    expected = f'<PowerOnVM_Task xmlns="urn:vim25">{xml}</PowerOnVM_Task>'
    assert request(vim(), 'PowerOnVM_Task', this) == expected


def test_a_proxy_may_be_pointed_elsewhere() -> None:
    """What it stands for is read at each request."""
    proxy = Proxy(VM)
    first = request(vim(), 'PowerOnVM_Task', proxy)
    proxy.moref = HOST
    assert request(vim(), 'PowerOnVM_Task', proxy) == first.replace(
        '"VirtualMachine">vm-1', '"HostSystem">host-1'
    )


@pytest.mark.parametrize('fields', [{'key': 'k', 'value': 'v'}, {'value': 'v'}])
def test_a_proxy_of_a_request_object(fields: dict[str, str]) -> None:
    """Its members are those of the object that its class and attributes are of."""
    option = made('OptionValue', **fields)
    assert reconfigured(extraConfig=[Proxy(option)]) == reconfigured(extraConfig=[option])


@pytest.mark.parametrize('value', [Proxy(None), object(), 5])
def test_what_is_no_reference(value: Any) -> None:
    """AttributeError, of a proxy of nothing as of anything else without an id."""
    for this, arguments in ((value, [VM]), (HOST, [VM, value])):
        with pytest.raises(AttributeError, match="no attribute 'value'"):
            request(vim(), 'MoveIntoFolder_Task', this, list=arguments)


# Values in places of type any

VALUES = {
    'text': ('v', 'string', 'v'),
    'no text': ('', 'string', ''),
    'int': (5, 'string', '5'),
    'boolean': (True, 'string', 'True'),
    'float': (1.5, 'string', '1.5'),
    'datetime': (NOON, 'string', '2026-01-02 12:00:00+00:00'),
    'bytes': (b'a', 'string', 'YQ=='),
    'told: int': (TypedValue(5, 'int'), 'int', '5'),
    'told: long': (TypedValue(5, 'long'), 'long', '5'),
    'told: boolean': (TypedValue(False, 'boolean'), 'boolean', 'false'),
    'told: no text': (TypedValue('', 'string'), 'string', ''),
    'told: markup': (TypedValue('<&', 'string'), 'string', '&lt;&amp;'),
}


@pytest.mark.parametrize(('value', 'type_', 'text'), VALUES.values(), ids=VALUES.keys())
def test_options_of_vim(value: Any, type_: str, text: str) -> None:
    """Are strings, unless a value says otherwise."""
    xml = f'<extraConfig><value xsi:type="xsd:{type_}">{text}</value></extraConfig>'
    assert reconfigured(extraConfig=[made('OptionValue', value=value)]) == xml


TYPED_VALUES = {
    'text': ('v', ' xsi:type="xsd:string"', 'v'),
    'boolean': (True, ' xsi:type="xsd:boolean"', 'true'),
    'int': (2**31 - 1, ' xsi:type="xsd:int"', '2147483647'),
    'long': (2**31, ' xsi:type="xsd:long"', '2147483648'),
    'float': (math.inf, ' xsi:type="xsd:double"', 'INF'),
    'datetime': (NOON, ' xsi:type="xsd:dateTime"', '2026-01-02T12:00:00+00:00'),
    'bytes': (b'a', ' xsi:type="xsd:base64Binary"', 'YQ=='),
    'told: string': (TypedValue(5, 'string'), ' xsi:type="xsd:string"', '5'),
    'a reference': (VM, ' xsi:type="vim25:ManagedObjectReference" type="VirtualMachine"', 'vm-1'),
    'a proxy': (
        Proxy(VM),
        ' xsi:type="vim25:ManagedObjectReference" type="VirtualMachine"',
        'vm-1',
    ),
    'a date has no type to say': (NOON.date(), '', '2026-01-02'),
}


@pytest.mark.parametrize(
    ('value', 'attributes', 'text'), TYPED_VALUES.values(), ids=TYPED_VALUES.keys()
)
def test_capabilities_of_pbm(value: Any, attributes: str, text: str) -> None:
    """Are of the type that they have in Python, because PBM compares them."""
    xml = f'<propertyInstance><id>i</id><value{attributes}>{text}</value></propertyInstance>'
    assert xml in _created({'id': 'i', 'value': value})


def _created(instance: Any) -> str:
    """A request that creates a policy with one capability."""
    capability = {'constraint': [{'propertyInstance': [instance]}]}
    profiles = made(
        'PbmCapabilitySubProfileConstraints',
        pbm(),
        subProfiles=[{'name': 's', 'capability': [capability]}],
    )
    return request(pbm(), 'PbmCreate', VM, createSpec={'name': 'n', 'constraints': profiles})


def test_objects_of_pbm_with_members_of_vim() -> None:
    """The service's own names have no prefix, those of VIM have the usual one."""
    argument = made('vim25:KeyAnyValue', pbm(), key='k', value=5)
    value = made('ns0:PbmExtendedElementDescription', pbm(), label='l', messageArg=[argument])
    assert _created({'value': value}) == (
        '<PbmCreate xmlns="urn:pbm"><_this type="VirtualMachine">vm-1</_this><createSpec>'
        '<name>n</name><constraints xsi:type="PbmCapabilitySubProfileConstraints"><subProfiles>'
        '<name>s</name><capability><constraint><propertyInstance>'
        '<value xsi:type="PbmExtendedElementDescription"><label>l</label><messageArg>'
        '<vim25:key>k</vim25:key><vim25:value xsi:type="xsd:int">5</vim25:value></messageArg>'
        '</value></propertyInstance></constraint></capability></subProfiles></constraints>'
        '</createSpec></PbmCreate>'
    )
    assert '<value xsi:type="vim25:KeyAnyValue"><vim25:key>k</vim25:key>' in _created(
        {'value': argument}
    )


@pytest.mark.parametrize(
    ('value', 'type_'), [(5, 'int'), ('5', 'int'), (' 5', 'int'), ('abc', 'string'), ('', 'string')]
)
def test_a_key_to_remove(value: Any, type_: str) -> None:
    """Is a number if it reads as one, because VIM has keys of both kinds."""
    assert reconfigured(cpuFeatureMask={'removeKey': value}) == (
        f'<cpuFeatureMask><removeKey xsi:type="xsd:{type_}">{value}</removeKey></cpuFeatureMask>'
    )


def test_a_typed_none_is_none() -> None:
    """Left out, with all that has nothing else in it."""
    assert reconfigured(name='n', extraConfig=[{'value': TypedValue(None, 'int')}]) == (
        '<name>n</name>'
    )


# What neither service has today

ODD = {
    'nil is said where it must be': ({}, '<ns2:must xsi:nil="true"/>'),
    'an empty text is not nil': ({'must': ''}, '<ns2:must></ns2:must>'),
    'nil is left out where it may be': (
        {'must': 'm', 'may': None},
        '<ns2:must>m</ns2:must>',
    ),
    "Python's words": (
        {'def': 5, 'class': 'c', 'must': 'm'},
        '<ns2:class>c</ns2:class><ns2:def>5</ns2:def><ns2:must>m</ns2:must>',
    ),
    'an element of no namespace': (
        {'must': 'm', 'plain': 'p'},
        '<ns2:must>m</ns2:must><plain>p</plain>',
    ),
    'the element that says all by being there': (
        {'must': 'm', 'VirtualMachineEmptyProfileSpec': {}},
        '<ns2:must>m</ns2:must><ns2:VirtualMachineEmptyProfileSpec/>',
    ),
    'an attribute': (
        {'must': 'm', 'VirtualMachineEmptyProfileSpec': {'_mark': 5}},
        '<ns2:must>m</ns2:must><ns2:VirtualMachineEmptyProfileSpec mark="5"/>',
    ),
    'infinity': (
        {'must': 'm', 'ratio': -math.inf},
        '<ns2:must>m</ns2:must><ns2:ratio>-INF</ns2:ratio>',
    ),
    'an object where any may stand': (
        {'must': 'm', 'anything': type_class(Record, 'Thing', '{urn:odd}Thing')()},
        (
            '<ns2:must>m</ns2:must><ns2:anything xsi:type="ns2:Thing">'
            '<ns2:must xsi:nil="true"/></ns2:anything>'
        ),
    ),
}


@pytest.mark.parametrize(('value', 'xml'), ODD.values(), ids=ODD.keys())
def test_other_services(value: dict[str, Any], xml: str) -> None:
    """What any description may have is written as it says."""
    assert request(odd(), 'Put', value) == f'<ns2:Put><ns2:it>{xml}</ns2:it></ns2:Put>'


def test_names_that_are_words_of_python_come_back() -> None:
    """Under other names, as in suds; the factory has them under their own."""
    xml = '<o:class>c</o:class><o:def>5</o:def>'
    content = f'<o:PutResponse xmlns:o="urn:odd"><o:returnval>{xml}</o:returnval></o:PutResponse>'
    assert dict(answered(odd(), 'Put', content)) == {'cls': 'c', 'dfn': 5}
    assert {'class', 'def'} <= set(odd().factory.create('Thing').__keylist__)


# The envelope


def test_the_envelope() -> None:
    """Prefixes that servers know, and headers of no namespace in the order given."""
    operation = vim().schema.operation('CurrentTime')
    assert operation is not None
    headers = [('vcSessionCookie', '<&"'), ('operationID', 'ü')]
    assert vim().encoder.request(operation, 'SI', {}, headers).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope'
        ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<soapenv:Header><vcSessionCookie>&lt;&amp;"</vcSessionCookie>'
        '<operationID>ü</operationID></soapenv:Header>'
        '<soapenv:Body><CurrentTime xmlns="urn:vim25"><_this>SI</_this></CurrentTime>'
        '</soapenv:Body></soapenv:Envelope>'
    )
    assert b'Header' not in vim().encoder.request(operation, 'SI', {})
    operation = pbm().schema.operation('PbmRetrieveServiceContent')
    assert operation is not None
    declared = etree.fromstring(pbm().encoder.request(operation, 'SI', {})).nsmap
    assert declared['vim25'] == 'urn:vim25'


@pytest.mark.parametrize('text', ['\t\n x\r', '\ud7ff\ue000\ufffd', '\U0001f600', ']]>', '&#0;'])
def test_what_xml_can_hold_arrives(text: str) -> None:
    """Every character of it, also in an attribute."""
    for xml in (
        request(vim(), 'Rename_Task', VM, newName=text),
        request(vim(), 'Rename_Task', moref('x', text), newName=text),
    ):
        this, name = etree.fromstring(xml)
        assert name.text == text
        assert this.get('type') in ('VirtualMachine', text)


@pytest.mark.parametrize(
    'character',
    ['\0', '\x08', '\x0b', '\x1f', '\ud800', '\ufffe', '\uffff'],
    ids=ascii,
)
@pytest.mark.parametrize('place', ['text', 'value', 'reference', 'header'])
def test_what_xml_cannot_hold(character: str, place: str) -> None:
    """ValueError that names the operation and the character, and not the text around it."""
    text = f'secret{character}'
    this = moref(text if place == 'reference' else 'vm-1', 'VirtualMachine')
    option = {'key': 'k', 'value': text if place == 'value' else 'v'}
    name = text if place == 'text' else 'n'
    operation = vim().schema.operation('ReconfigVM_Task')
    assert operation is not None
    with pytest.raises(ValueError, match='ReconfigVM_Task') as raised:
        vim().encoder.request(
            operation,
            this,
            {'spec': {'name': name, 'extraConfig': [option]}},
            [('operationID', text if place == 'header' else 'x')],
        )
    assert repr(character) in str(raised.value)
    assert 'secret' not in str(raised.value)


# What is refused


def _circle() -> Any:
    option = made('OptionValue', key='k')
    option.value = [[option]]
    return [option]


def _spiral() -> list[Any]:
    spiral: list[Any] = []
    spiral.append(spiral)
    return spiral


REFUSED = {
    'a member that the type does not have': (
        {'noSuch': 5},
        suds.TypeNotFound,
        r'VirtualMachineConfigSpec\.noSuch',
    ),
    'an empty text for it': ({'noSuch': ''}, suds.TypeNotFound, 'noSuch'),
    'an attribute that the type does not have': ({'_noSuch': 'x'}, suds.TypeNotFound, '_noSuch'),
    'a name that is no text': ({5: 'x'}, suds.TypeNotFound, r'VirtualMachineConfigSpec\.5'),
    'a dict for a text': ({'name': {'a': 1}}, suds.TypeNotFound, r'string\.a'),
    'a dict where its type must be told': (
        {'extraConfig': [{'value': {'key': 'k'}}]},
        suds.TypeNotFound,
        r'anyType\.key',
    ),
    'a reference for a text': ({'name': VM}, suds.TypeNotFound, r'string\._type'),
    'a reference for an object': ({'files': VM}, suds.TypeNotFound, r'FileInfo\._type'),
    'a reference for an enumeration': (
        {'latencySensitivity': {'level': VM}},
        suds.TypeNotFound,
        r'Level\._type',
    ),
    'a text for an object': ({'files': '[ds]'}, TypeError, 'files takes a .*FileInfo, not a str'),
    'a number for an object': ({'flags': 5}, TypeError, 'flags takes a .*, not a int'),
    'a text in a list of objects': ({'extraConfig': ['k']}, TypeError, 'extraConfig takes'),
    'a stranger for an object': ({'files': object()}, TypeError, 'not a object'),
    'a set': ({'name': {'a'}}, TypeError, 'a set'),
    'a generator': ({'name': (one for one in 'ab')}, TypeError, 'a generator'),
    "a dict's values": ({'name': {'a': 1}.values()}, TypeError, 'a dict_values'),
    'a range for an option': ({'extraConfig': [{'value': range(3)}]}, TypeError, 'a range'),
    'an object in itself': ({'extraConfig': _circle()}, ValueError, 'contains itself'),
    'a list in itself': ({'extraConfig': _spiral()}, ValueError, 'contains itself'),
}


@pytest.mark.parametrize(('spec', 'error', 'named'), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_sent(spec: Any, error: type[Exception], named: str) -> None:
    """Ends in an exception that names it, before anything goes to the server."""
    with pytest.raises(error, match=named):
        request(vim(), 'ReconfigVM_Task', VM, spec=spec)


@pytest.mark.parametrize(
    ('arguments', 'named'),
    [
        ({'speed': 'high'}, "ReconfigVM_Task.*no argument 'speed'"),
        ({'speed': None}, "no argument 'speed'"),
        ({'a': 1, 'spec': {}, 'b': 2}, "no argument 'a', 'b'"),
        ({'_this': VM}, "multiple values for argument '_this'"),
    ],
)
def test_arguments_that_the_operation_does_not_have(arguments: dict[str, Any], named: str) -> None:
    """TypeError, as of any function."""
    with pytest.raises(TypeError, match=named):
        vim().encoder.request(_operation('ReconfigVM_Task'), VM, arguments)


def _operation(name: str) -> Any:
    return vim().schema.operation(name)
