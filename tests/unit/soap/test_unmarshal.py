"""Replies as the compiled engine reads them: the objects, and what ends in NotSoapError."""

import codecs
import datetime
import decimal
import math
import re
from typing import Any

import pytest
import suds
from lxml import etree
from suds import sudsobject

from oslo_vmware.soap.errors import NotSoapError
from oslo_vmware.soap.unmarshal import XmlError, parse
from tests.unit.soap.codecs import ENVELOPE, answered, client, odd, property_read, vim

UTC = datetime.UTC


def read(val: str) -> Any:
    """The value of a property, from the XML of its ``val`` element."""
    return property_read(val).val


# Leaves

LEAVES: dict[str, tuple[str, Any]] = {
    'string': ('<val xsi:type="xsd:string">a</val>', 'a'),
    'blanks': ('<val xsi:type="xsd:string"> a\n</val>', ' a\n'),
    'no text': ('<val xsi:type="xsd:string"/>', ''),
    'int': ('<val xsi:type="xsd:int">-5</val>', -5),
    'a type between blanks': ('<val xsi:type=" xsd:int ">5</val>', 5),
    'no int': ('<val xsi:type="xsd:int"/>', ''),
    'long': ('<val xsi:type="xsd:long">9223372036854775807</val>', 2**63 - 1),
    'boolean': ('<val xsi:type="xsd:boolean">true</val>', True),
    'double': ('<val xsi:type="xsd:double">1.5</val>', 1.5),
    'infinity': ('<val xsi:type="xsd:float">-INF</val>', -math.inf),
    'decimal': ('<val xsi:type="xsd:decimal">1.10</val>', decimal.Decimal('1.10')),
    'dateTime': (
        '<val xsi:type="xsd:dateTime">2026-01-02T03:04:05.6Z</val>',
        datetime.datetime(2026, 1, 2, 3, 4, 5, 600000, UTC),
    ),
    'date': ('<val xsi:type="xsd:date">2026-01-02</val>', datetime.date(2026, 1, 2)),
    'base64Binary': ('<val xsi:type="xsd:base64Binary">AP8=</val>', 'AP8='),
    'anyURI': ('<val xsi:type="xsd:anyURI">urn:x</val>', 'urn:x'),
    'an enumeration': ('<val xsi:type="VirtualMachinePowerState">poweredOn</val>', 'poweredOn'),
    'a value that the enumeration lacks': (
        '<val xsi:type="VirtualMachinePowerState">brandNew</val>',
        'brandNew',
    ),
    'no type': ('<val>5</val>', '5'),
    'anyType': ('<val xsi:type="xsd:anyType">5</val>', '5'),
    'a type that XML Schema lacks': ('<val xsi:type="xsd:nosuch">5</val>', '5'),
    'a prefix that nobody declared': ('<val xsi:type="nosuch:int">5</val>', 5),
    'a type without a name': ('<val xsi:type="">5</val>', '5'),
    'nothing': ('<val/>', ''),
    'nil': ('<val xsi:nil="true"/>', None),
    'nil as digit, with a type': ('<val xsi:nil=" 1 " xsi:type="xsd:int"/>', None),
    'not nil': ('<val xsi:nil="false"/>', ''),
    'a comment': ('<val xsi:type="xsd:int">1<!-- 2 -->3</val>', 13),
    'an instruction': ('<val xsi:type="xsd:string">a<?b c?>d</val>', 'ad'),
    'CDATA': ('<val xsi:type="xsd:string">a<![CDATA[<b>&amp;]]>c</val>', 'a<b>&amp;c'),
    'characters by number': (
        '<val xsi:type="xsd:string">&#x1F600;&#13;&lt;</val>',
        '\U0001f600\r<',
    ),
    'an empty array': ('<val xsi:type="ArrayOfString"/>', ''),
    'a redeclared prefix': (
        '<val xmlns:xsd="urn:vim25" xsi:type="xsd:VirtualMachinePowerState">poweredOn</val>',
        'poweredOn',
    ),
    'a prefix declared where it is used': (
        '<val xmlns:q="http://www.w3.org/2001/XMLSchema" xsi:type="q:int">5</val>',
        5,
    ),
    'a prefix that means another namespace below': (
        '<val xmlns:xsd="urn:vim25" xsi:type="xsd:int">5</val>',
        '5',
    ),
}


@pytest.mark.parametrize(('val', 'value'), LEAVES.values(), ids=LEAVES.keys())
def test_leaves(val: str, value: Any) -> None:
    """A value of the type that stands beside it, of that very class in Python."""
    found = read(val)
    assert found == value
    assert isinstance(found, type(value))
    assert isinstance(found, bool) == isinstance(value, bool)
    if isinstance(value, datetime.datetime):
        assert found.utcoffset() == datetime.timedelta(0)


MEMBERS = {
    'declared simple types': (
        'VirtualMachineFileInfo',
        '<vmPathName>[ds]</vmPathName>',
        {'vmPathName': '[ds]'},
    ),
    'in the order they came': (
        'OptionValue',
        '<value xsi:type="xsd:long">1</value><key>k</key>',
        {'value': 1, 'key': 'k'},
    ),
    'an empty simple element is None': ('OptionValue', '<key/>', {'key': None}),
    'an empty object is an empty text': ('VirtualDisk', '<backing/>', {'backing': ''}),
    'absent is absent': ('VirtualDisk', '<key>5</key>', {'key': 5}),
    'blanks between elements': ('OptionValue', '\n <key>k</key>\n ', {'key': 'k'}),
    'a comment between elements': ('OptionValue', '<!-- x --><key>k</key><?x?>', {'key': 'k'}),
    'one item is a list': ('ArrayOfInt', '<int>1</int>', {'int': [1]}),
    'several': ('ArrayOfString', '<string>a</string><string/>', {'string': ['a', None]}),
    'an empty first item is an empty list': (
        'ArrayOfString',
        '<string/><string>a</string>',
        {'string': ['a']},
    ),
    'an array of any': (
        'ArrayOfAnyType',
        '<anyType xsi:type="xsd:int">1</anyType><anyType xsi:type="xsd:boolean">0</anyType>',
        {'anyType': [1, False]},
    ),
    'what repeats though it should not': (
        'OptionValue',
        '<key>a</key><key>b</key><key>c</key>',
        {'key': ['a', 'b', 'c']},
    ),
    'an unknown element': ('OptionValue', '<key>k</key><new>5</new>', {'key': 'k', 'new': '5'}),
    'an unknown element that repeats': (
        'OptionValue',
        '<new>5</new><new>6</new>',
        {'new': ['5', '6']},
    ),
    'an unknown element with a type': (
        'OptionValue',
        '<new xsi:type="xsd:int">5</new>',
        {'new': 5},
    ),
    'an element of another namespace': (
        'OptionValue',
        '<o:key xmlns:o="urn:o">k</o:key>',
        {'key': 'k'},
    ),
    'an element of no namespace': ('VirtualDisk', '<key xmlns="">5</key>', {'key': 5}),
    "Python's words": ('OptionValue', '<class>c</class><def>d</def>', {'cls': 'c', 'dfn': 'd'}),
    'a broken number stays text': ('VirtualDisk', '<key>five</key>', {'key': 'five'}),
    'stray text is dropped': ('OptionValue', 'stray<key>k</key>stray', {'key': 'k'}),
}


@pytest.mark.parametrize(('type_', 'content', 'members'), MEMBERS.values(), ids=MEMBERS.keys())
def test_members(type_: str, content: str, members: dict[str, Any]) -> None:
    """Of a known type: what came, in its order, lists where the schema repeats."""
    found = read(f'<val xsi:type="{type_}">{content}</val>')
    assert type(found).__name__ == type_
    assert list(found) == list(members.items())
    assert found.__keylist__ == list(members)
    assert not hasattr(found, 'absent')


CLASSES = {
    'the declared type': (
        '<backing><deviceName>d</deviceName></backing>',
        'VirtualDeviceBackingInfo',
    ),
    'a derived type': (
        '<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>f</fileName></backing>',
        'VirtualDiskFlatVer2BackingInfo',
    ),
    'with a prefix': (
        (
            '<backing xmlns:v="urn:vim25" xsi:type="v:VirtualDiskFlatVer2BackingInfo">'
            '<fileName>f</fileName></backing>'
        ),
        'VirtualDiskFlatVer2BackingInfo',
    ),
    'an unknown type': ('<backing xsi:type="BrandNew"><x>1</x></backing>', 'BrandNew'),
    'an unknown type of an unknown namespace': (
        '<backing xmlns:o="urn:o" xsi:type="o:VirtualDisk"><x>1</x></backing>',
        'VirtualDisk',
    ),
    'an attribute alone': ('<backing new="1"/>', 'VirtualDeviceBackingInfo'),
    'nil beside an attribute': ('<backing xsi:nil="true" new="1"/>', 'VirtualDeviceBackingInfo'),
    'text and an attribute': ('<backing new="1">t</backing>', 'backing'),
}


@pytest.mark.parametrize(('backing', 'name'), CLASSES.values(), ids=CLASSES.keys())
def test_classes(backing: str, name: str) -> None:
    """Are called what the type is called, known or not."""
    found = read(f'<val xsi:type="VirtualDisk">{backing}</val>').backing
    assert type(found).__name__ == name
    assert isinstance(found, sudsobject.Object)
    assert isinstance(found, sudsobject.Property) == ('>t<' in backing)


def test_an_unknown_type_is_read_as_the_declared_one() -> None:
    """Its members are those of the type it stands in for, and its own."""
    found = read(
        '<val xsi:type="VirtualDisk"><connectable xsi:type="BrandNew"><connected>true</connected>'
        '<shine>5</shine></connectable><key>5</key></val>'
    )
    assert type(found.connectable).__name__ == 'BrandNew'
    assert dict(found.connectable) == {'connected': True, 'shine': '5'}
    assert found.key == 5


def test_an_element_that_nothing_is_known_of() -> None:
    """Is called what the element is called, all the way down."""
    found = read('<val xsi:type="OptionValue"><new><inner><deep>1</deep></inner></new></val>').new
    assert (type(found).__name__, type(found.inner).__name__) == ('new', 'inner')
    assert found.inner.deep == '1'


REFERENCES: dict[str, tuple[str, dict[str, str]]] = {
    'typed': (
        '<val xsi:type="ManagedObjectReference" type="VirtualMachine">vm-1</val>',
        {'value': 'vm-1', '_type': 'VirtualMachine'},
    ),
    'with the id of its server': (
        '<val serverGuid="g" type="VirtualMachine" xsi:type="ManagedObjectReference">vm-1</val>',
        {'value': 'vm-1', '_serverGuid': 'g', '_type': 'VirtualMachine'},
    ),
    'of a kind that is not known': (
        '<val xsi:type="ManagedObjectReference" type="BrandNew">x-1</val>',
        {'value': 'x-1', '_type': 'BrandNew'},
    ),
    'attributes of XML itself do not count': (
        '<val xml:lang="de" xsi:type="ManagedObjectReference" type="T">x</val>',
        {'value': 'x', '_type': 'T'},
    ),
    'attributes of another namespace do': (
        '<val xmlns:o="urn:o" o:new="1" xsi:type="xsd:string">x</val>',
        {'value': 'x', '_new': '1'},
    ),
}


@pytest.mark.parametrize(('val', 'members'), REFERENCES.values(), ids=REFERENCES.keys())
def test_references(val: str, members: dict[str, str]) -> None:
    """A text with attributes is a Property, named after its element and always true."""
    found = read(val)
    assert isinstance(found, sudsobject.Property)
    assert type(found).__name__ == 'val'
    assert dict(found) == members
    assert found


def test_a_declared_reference() -> None:
    """Needs no type beside it."""
    content = (
        '<RetrievePropertiesResponse xmlns="urn:vim25"><returnval>'
        '<obj type="Folder">f</obj></returnval></RetrievePropertiesResponse>'
    )
    (found,) = answered(vim(), 'RetrieveProperties', content)
    assert isinstance(found.obj, sudsobject.Property)
    assert (found.obj.value, found.obj._type) == ('f', 'Folder')
    assert not hasattr(found, 'propSet')


# Results


def response(operation: str, content: str) -> str:
    return f'<{operation}Response xmlns="urn:vim25">{content}</{operation}Response>'


RESULTS: dict[str, tuple[str, str, Any]] = {
    'one': ('FindByInventoryPath', '<returnval type="T">x</returnval>', 'x'),
    'one that did not come': ('FindByInventoryPath', '', None),
    'several': (
        'FindAllByUuid',
        '<returnval type="T">x</returnval><returnval type="T">y</returnval>',
        ['x', 'y'],
    ),
    'a list of one': ('FindAllByUuid', '<returnval type="T">x</returnval>', ['x']),
    'an empty list': ('FindAllByUuid', '', []),
    'the first where one is expected': (
        'FindByInventoryPath',
        '<returnval type="T">x</returnval><returnval type="T">y</returnval>',
        'x',
    ),
    'none is declared': ('Logout', '', None),
    'none is declared, and one came': ('Logout', '<returnval type="T">x</returnval>', None),
}


@pytest.mark.parametrize(('operation', 'content', 'ids'), RESULTS.values(), ids=RESULTS.keys())
def test_results(operation: str, content: str, ids: Any) -> None:
    """A list where the schema has one, else the value or None."""
    found = answered(vim(), operation, response(operation, content))
    if isinstance(found, list):
        found = [one.value for one in found]
    assert getattr(found, 'value', found) == ids


def test_an_empty_body() -> None:
    """Is no answer where a result may come; that none came is said in an empty message."""
    for operation, result in {'FindByInventoryPath': None, 'FindAllByUuid': []}.items():
        with pytest.raises(NotSoapError, match='empty envelope'):
            answered(vim(), operation, '')
        content = f'<{operation}Response xmlns="urn:vim25"/>'
        assert answered(vim(), operation, content) == result


def test_a_response_of_another_name() -> None:
    """Is the answer to another question, and no value of this operation."""
    content = '<Other xmlns="urn:vim25"><returnval>2026-01-02T03:04:05Z</returnval></Other>'
    with pytest.raises(NotSoapError, match='it is Other, the answer to another question'):
        answered(vim(), 'CurrentTime', content)


def test_nil_of_a_declared_type() -> None:
    """None, where the description lets it be nil or not."""
    content = (
        '<o:PutResponse xmlns:o="urn:odd"><o:returnval><o:must xsi:nil="true"/><o:may/><plain>p'
        '</plain><o:mood/><o:temper/></o:returnval></o:PutResponse>'
    )
    assert list(answered(odd(), 'Put', content)) == [
        *(('must', None), ('may', None), ('plain', 'p')),
        # An empty enumeration is a text, unless it may be nil.
        *(('mood', None), ('temper', '')),
    ]


# Encodings

SMALL = '<?xml version="1.0" encoding="{}"?>' + ENVELOPE.format(
    response(
        'RetrieveProperties',
        '<returnval><obj type="Folder">f</obj><propSet><name>Ü</name>'
        '<val xsi:type="xsd:int">5</val></propSet></returnval>',
    )
)
ENCODED = {
    'UTF-8': SMALL.format('utf-8').encode(),
    'UTF-8 with a mark': codecs.BOM_UTF8 + SMALL.format('utf-8').encode(),
    'no declaration': SMALL.partition('?>')[2].encode(),
    'UTF-16': SMALL.format('utf-16').encode('utf-16'),
    'UTF-16, big end first': codecs.BOM_UTF16_BE + SMALL.format('utf-16').encode('utf-16-be'),
    'Latin-1': SMALL.format('iso-8859-1').encode('iso-8859-1'),
    'ASCII': SMALL.format('us-ascii').encode('ascii', 'xmlcharrefreplace'),
}


@pytest.mark.parametrize('body', ENCODED.values(), ids=ENCODED.keys())
def test_encodings(body: bytes) -> None:
    """The same is read, prefixes of types included."""
    (found,) = client(vim(), body).call('RetrieveProperties', None, {})
    assert (found.propSet[0].name, found.propSet[0].val) == ('Ü', 5)


# What ends in NotSoapError

ENTITIES = '<!DOCTYPE e:Envelope [<!ENTITY x "y">]>'
LAUGHS = '<!DOCTYPE lolz [<!ENTITY a "ha">' + ''.join(
    f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip('abcdefgh', 'bcdefghi', strict=True)
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
PLAIN = ENVELOPE.format('')
DEEP = 300

BROKEN = {
    'nothing': (b'', 'the reply is empty'),
    'a blank': (b' ', 'not well-formed'),
    'text': (b'Service Unavailable', 'not well-formed'),
    'JSON': (b'{"error": 1}', 'not well-formed'),
    'zeros': (bytes(100), 'not well-formed'),
    'gzip that was not unpacked': (b'\x1f\x8b\x08\x00' + bytes(20), 'not well-formed'),
    'HTML': (b'<html><br></html>', 'not well-formed'),
    'XHTML': (b'<html><body/></html>', 'not a SOAP envelope'),
    'an envelope of SOAP 1.2': (
        PLAIN.replace(
            'schemas.xmlsoap.org/soap/envelope/', 'www.w3.org/2003/05/soap-envelope'
        ).encode(),
        'not a SOAP envelope',
    ),
    'an envelope without a body': (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>',
        'not a SOAP envelope',
    ),
    'two roots': ((PLAIN + PLAIN).encode(), 'not well-formed'),
    'text after the end': ((PLAIN + 'x').encode(), 'not well-formed'),
    'bytes that are not ASCII': (SMALL.format('us-ascii').encode() + b'\xfc', 'not well-formed'),
    'an encoding that nobody knows': (SMALL.format('klingon').encode(), 'not well-formed'),
    'an encoding that it is not in': (SMALL.format('utf-16').encode(), 'not well-formed'),
    'a prefix of elements that nobody declared': (
        ENVELOPE.format('<x:y/>').encode(),
        'not well-formed',
    ),
    'a document type': ((ENTITIES + PLAIN).encode(), 'document type'),
    'a document type after a comment and an instruction': (
        f'<?xml version="1.0"?>\n<!-- {PLAIN} --><?x y?>\n{ENTITIES}{PLAIN}'.encode(),
        'document type',
    ),
    'a document type behind a mark': (
        codecs.BOM_UTF8 + (ENTITIES + PLAIN).encode(),
        'document type',
    ),
    'a document type in UTF-16': ((ENTITIES + PLAIN).encode('utf-16'), 'document type'),
    'a document type in UTF-16 without a mark': (
        ('<?xml version="1.0" encoding="utf-16le"?>' + ENTITIES + PLAIN).encode('utf-16-le'),
        'document type',
    ),
    'a document type in EBCDIC': (
        ('<?xml version="1.0" encoding="cp037"?>' + ENTITIES + PLAIN).encode('cp037'),
        'cannot be read',
    ),
    'entities in entities': ((LAUGHS + ']>' + ENVELOPE.format('&i;')).encode(), 'document type'),
    'entities in entities, in UTF-16': (
        (LAUGHS + ']>' + ENVELOPE.format('<a>&i;</a>')).encode('utf-16'),
        'cannot be read',
    ),
    'entities in entities in an attribute': (
        (LAUGHS + ']>' + ENVELOPE.format('<a b="&i;"/>')).encode('utf-16'),
        'cannot be read',
    ),
    'a file as entity': ((OUTSIDE + ENVELOPE.format('&f;')).encode(), 'document type'),
    'an entity of nowhere': (ENVELOPE.format('<a>&nbsp;</a>').encode(), 'not well-formed'),
    'absurd depth': (
        ENVELOPE.format('<a>' * DEEP + '</a>' * DEEP).encode(),
        'not well-formed',
    ),
    'absurd depth, and no end': (ENVELOPE.format('<a>' * 200000).encode(), 'not well-formed'),
    'an attribute twice': (ENVELOPE.format('<a b="" b=""/>').encode(), 'not well-formed'),
}


@pytest.mark.parametrize(('body', 'named'), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_reply(body: bytes, named: str) -> None:
    """NotSoapError that says what is wrong and where, with no more of the body than fits."""
    with pytest.raises(NotSoapError, match=re.escape(named)) as raised:
        client(vim(), body).call('CurrentTime', None, {})
    text = str(raised.value)
    assert text.startswith('CurrentTime: ')
    assert 'HTTP status 200' in text
    assert 'content type text/xml' in text
    assert len(text) < 1000
    assert raised.value.reply.body == body[:65536]


WHOLE = ENVELOPE.format(
    response('CurrentTime', '<returnval>2026-01-02T03:04:05Z</returnval>')
).encode()
FAULT = ENVELOPE.format(
    '<e:Fault><faultcode>S</faultcode><faultstring>é</faultstring><detail>'
    '<f xmlns="urn:vim25" xsi:type="NotFound"/></detail></e:Fault>'
).encode()


@pytest.mark.parametrize(
    'body', [WHOLE, FAULT, ENCODED['UTF-16']], ids=['reply', 'fault', 'UTF-16']
)
def test_a_reply_that_ends_too_early(body: bytes) -> None:
    """At whatever byte: the same exception."""
    for end in range(len(body)):
        with pytest.raises(NotSoapError):
            client(vim(), body[:end]).call('RetrieveProperties', None, {})


def test_the_whole_of_it_does_not() -> None:
    """What the test above cuts can be read."""
    assert client(vim(), WHOLE).call('CurrentTime', None, {}).minute == 4
    with pytest.raises(suds.WebFault, match='é'):
        client(vim(), FAULT, 500).call('CurrentTime', None, {})
    assert client(vim(), ENCODED['UTF-16']).call('RetrieveProperties', None, {})


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-16', 'utf-16-be'])
def test_a_page_that_repeats_the_request(encoding: str) -> None:
    """Nothing of it is shown, in whatever encoding it quotes the password."""
    page = f'<html>{"x" * 50}<password>secret</password></html>'.encode(encoding)
    with pytest.raises(NotSoapError) as raised:
        client(vim(), page, 400).call('Login', None, {})
    assert 'secret' not in str(raised.value).replace('\\x00', '')
    assert raised.value.excerpt() == ''


def test_depth_that_a_server_may_need() -> None:
    """Is read, nested objects of known types included."""
    depth = 100
    content = '<cause>' * depth + '<x>1</x>' + '</cause>' * depth
    found = read(f'<val xsi:type="OptionValue">{content}</val>')
    for _ in range(depth):
        found = found.cause
    assert found.x == '1'


def test_the_error_of_the_parser() -> None:
    """A ValueError, for those who read XML that is no reply."""
    with pytest.raises(XmlError, match='not well-formed'):
        parse(b'<a>')
    with pytest.raises(XmlError, match='document type'):
        parse(b'<!DOCTYPE a><a/>')
    assert issubclass(XmlError, ValueError)
    assert etree.tostring(parse(b'<a><!-- b --><?c d?></a>')) == b'<a/>'
    assert (
        parse(b'<a>&lt;!DOCTYPE b&gt;<![CDATA[<!DOCTYPE b>]]></a>').text
        == '<!DOCTYPE b><!DOCTYPE b>'
    )
