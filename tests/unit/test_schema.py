"""Descriptions compiled into a schema: own small ones, and the one that the package ships."""

from __future__ import annotations

import os
import pathlib
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pyVmomi import VmomiSupport

import oslo_vmware
from oslo_vmware.soap import wsdl
from oslo_vmware.soap.schema import Kind, Schema, SchemaError, Type, split

DESCRIPTIONS = pathlib.Path(oslo_vmware.__file__).parent / 'wsdl'
VIM = DESCRIPTIONS / 'vim' / 'vimService.wsdl'

WSDL_NS = (
    'xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"'
)
XSD_NS = 'xmlns="http://www.w3.org/2001/XMLSchema" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'

SERVICE = f"""<definitions {WSDL_NS} xmlns:s="urn:small" targetNamespace="urn:smallService">
 <import location="sub/small.wsdl" namespace="urn:small"/>
 <service name="Small"><port name="P" binding="s:Binding">
  <soap:address location="https://localhost/small"/></port></service>
</definitions>"""

SMALL = f"""<definitions {WSDL_NS} xmlns:s="urn:small" targetNamespace="urn:small">
 <types><schema {XSD_NS} xmlns:s="urn:small" targetNamespace="urn:small"
   elementFormDefault="qualified">
  <include schemaLocation="messages.xsd"/>
  <import namespace="urn:other" schemaLocation="../other.xsd"/>
  <element name="NotFoundFault" type="s:NotFound"/>
  <element name="Find" type="s:FindRequestType"/>
  <element name="FindResponse"><complexType><sequence>
   <element name="returnval" type="s:Thing" minOccurs="0" maxOccurs="unbounded"/>
  </sequence></complexType></element>
  <element name="Drop" type="s:FindRequestType"/>
  <element name="DropResponse"><complexType/></element>
 </schema></types>
 <message name="FindRequest"><part name="parameters" element="s:Find"/></message>
 <message name="FindReply"><part name="parameters" element="s:FindResponse"/></message>
 <message name="DropRequest"><part name="parameters" element="s:Drop"/></message>
 <message name="DropReply"><part name="parameters" element="s:DropResponse"/></message>
 <message name="NotFoundMsg"><part name="fault" element="s:NotFoundFault"/></message>
 <portType name="Port">
  <operation name="Find"><input message="s:FindRequest"/><output message="s:FindReply"/>
   <fault name="NotFound" message="s:NotFoundMsg"/></operation>
  <operation name="Drop"><input message="s:DropRequest"/><output message="s:DropReply"/></operation>
 </portType>
 <binding name="Binding" type="s:Port">
  <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="Find"><soap:operation soapAction="urn:small/1" style="document"/>
   <input><soap:body use="literal"/></input></operation>
  <operation name="Drop"><soap:operation soapAction="urn:small/1"/></operation>
 </binding>
</definitions>"""

MESSAGES = f"""<schema {XSD_NS} xmlns:s="urn:small" targetNamespace="urn:small"
  elementFormDefault="qualified">
 <include schemaLocation="types.xsd"/>
 <complexType name="FindRequestType"><sequence>
  <element name="_this" type="s:ManagedObjectReference"/>
  <element name="name" type="xsd:string" minOccurs="0"/>
 </sequence></complexType>
</schema>"""

TYPES = f"""<schema {XSD_NS} xmlns:s="urn:small" xmlns:o="urn:other" targetNamespace="urn:small"
  elementFormDefault="qualified">
 <include schemaLocation="messages.xsd"/>
 <complexType name="ManagedObjectReference"><simpleContent><extension base="xsd:string">
  <attribute name="type" type="xsd:string"/></extension></simpleContent></complexType>
 <complexType name="Data"><sequence>
  <element name="first" type="xsd:int" minOccurs="0"/></sequence></complexType>
 <complexType name="Thing"><complexContent><extension base="s:Data"><sequence>
  <element name="owner" type="s:ManagedObjectReference"/>
  <element name="state" type="s:State" minOccurs="0" nillable="true"/>
  <element name="part" type="s:Thing" minOccurs="0" maxOccurs="unbounded"/>
  <element name="value" type="xsd:anyType"/>
  <element name="size" type="s:Size" maxOccurs="5"/>
  <element name="extra" type="o:Extra" minOccurs="0"/>
 </sequence><attribute name="id" type="xsd:string" use="required"/></extension></complexContent>
 </complexType>
 <complexType name="ArrayOfThing"><sequence>
  <element name="Thing" type="s:Thing" minOccurs="0" maxOccurs="unbounded"/>
 </sequence></complexType>
 <complexType name="NotFound" abstract="true"><sequence/></complexType>
 <simpleType name="State"><restriction base="xsd:string">
  <enumeration value="on"/><enumeration value="off"/></restriction></simpleType>
 <simpleType name="Size"><restriction base="s:BaseSize"/></simpleType>
 <simpleType name="BaseSize"><restriction base="xsd:long"/></simpleType>
</schema>"""

OTHER = f"""<schema {XSD_NS} xmlns:o="urn:other" targetNamespace="urn:other">
 <complexType name="Extra"><sequence>
  <element name="plain" type="xsd:boolean"/>
  <element name="qualified" type="xsd:string" form="qualified"/>
  <choice><element name="one" type="xsd:string"/><element name="two" type="xsd:string"/></choice>
  <sequence minOccurs="0" maxOccurs="unbounded"><element name="many" type="xsd:string"/></sequence>
  <element name="inner"><complexType><sequence>
   <element name="deep" type="xsd:double"/></sequence></complexType></element>
  <element ref="o:shared" minOccurs="0"/>
  <group ref="o:Common"/>
  <any minOccurs="0"/>
 </sequence><attributeGroup ref="o:Marks"/></complexType>
 <element name="shared" nillable="true"><simpleType><restriction base="xsd:string">
  <enumeration value="x"/></restriction></simpleType></element>
 <group name="Common"><sequence><element name="common" type="xsd:date"/></sequence></group>
 <attributeGroup name="Marks"><attribute name="mark"/>
  <attribute ref="xml:lang"/></attributeGroup>
 <complexType name="Thing"><sequence/></complexType>
</schema>"""

FILES = {
    'smallService.wsdl': SERVICE,
    'sub/small.wsdl': SMALL,
    'sub/messages.xsd': MESSAGES,
    'sub/types.xsd': TYPES,
    'other.xsd': OTHER,
}


def write(directory: pathlib.Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return str(directory / next(iter(files)))


@pytest.fixture
def small(tmp_path: pathlib.Path) -> Schema:
    return wsdl.load(write(tmp_path, FILES))


@pytest.fixture(scope='module')
def vim() -> Schema:
    return wsdl.load(str(VIM))


def short(tag: str) -> str:
    return tag.replace('{urn:', '{').replace('{http://www.w3.org/2001/XMLSchema}', 'xsd:')


def test_operations(small: Schema) -> None:
    """An operation knows its SOAPAction, parameters, result and faults; one that returns nothing
    has no result; an unknown one is None.
    """
    find = small.operation('Find')
    assert find is not None
    assert find.soap_action == 'urn:small/1'
    assert (find.request, find.response) == ('{urn:small}Find', '{urn:small}FindResponse')
    assert [field.name for field in find.parameters] == ['_this', 'name']
    assert find.result is not None
    assert (find.result.name, find.result.many) == ('returnval', True)
    assert find.faults == ('{urn:small}NotFound',)
    drop = small.operation('Drop')
    assert drop is not None
    assert (drop.result, drop.faults) == (None, ())
    assert small.operation('Lose') is None
    assert list(small.operation_names()) == ['Find', 'Drop']
    assert small.namespace == 'urn:small'
    assert small.description.address == 'https://localhost/small'


def test_fields_of_base_types_come_first(small: Schema) -> None:
    """Fields are in the order of the wire, each with kind, multiplicity and namespace."""
    fields = small.type('{urn:small}Thing').fields
    assert [
        (
            field.name,
            short(field.tag),
            short(field.type),
            field.kind.value,
            field.builtin,
            'many' * field.many + 'optional' * field.optional + 'nillable' * field.nillable,
        )
        for field in fields
    ] == [
        ('first', '{small}first', 'xsd:int', 'builtin', 'int', 'optional'),
        ('owner', '{small}owner', '{small}ManagedObjectReference', 'moref', '', ''),
        ('state', '{small}state', '{small}State', 'enum', 'string', 'optionalnillable'),
        ('part', '{small}part', '{small}Thing', 'complex', '', 'manyoptional'),
        ('value', '{small}value', 'xsd:anyType', 'any', '', ''),
        ('size', '{small}size', '{small}Size', 'builtin', 'long', 'many'),
        ('extra', '{small}extra', '{other}Extra', 'complex', '', 'optional'),
    ]


def test_all_that_a_schema_of_another_namespace_can_hold(small: Schema) -> None:
    """Unqualified elements, choices, repeated sequences, types in place, references, groups,
    attributes and wildcards.
    """
    extra = small.type('{urn:other}Extra')
    assert [
        (field.tag, field.kind.value, field.many, field.optional) for field in extra.fields
    ] == [
        ('plain', 'builtin', False, False),
        ('{urn:other}qualified', 'builtin', False, False),
        ('one', 'builtin', False, True),
        ('two', 'builtin', False, True),
        ('many', 'builtin', True, True),
        ('inner', 'complex', False, False),
        ('{urn:other}shared', 'enum', False, True),
        ('common', 'builtin', False, False),
    ]
    assert extra.open
    assert extra.by_name['shared'].nillable
    (deep,) = small.type(extra.by_name['inner'].type).fields
    assert (deep.name, deep.builtin) == ('deep', 'double')
    assert [(one.name, one.required) for one in extra.attributes] == [
        ('mark', False),
        ('{http://www.w3.org/XML/1998/namespace}lang', False),
    ]


def test_what_a_type_is(small: Schema) -> None:
    """Kind, base types, enumeration values, attributes, array wrappers, abstract types."""

    def of(name: str) -> Type:
        return small.type(f'{{urn:small}}{name}')

    assert of('Thing').ancestors == ('{urn:small}Thing', '{urn:small}Data')
    assert of('Thing').base == '{urn:small}Data'
    assert of('Data').base is None
    assert [one.name for one in of('Thing').attributes] == ['id']
    assert of('Thing').attributes[0].required
    assert of('State').values == ('on', 'off')
    assert (of('State').kind, of('Size').text) == (Kind.ENUM, 'long')
    assert of('ManagedObjectReference').text == 'string'
    assert [one for one in ('Thing', 'ArrayOfThing') if of(one).wrapper] == ['ArrayOfThing']
    assert [one for one in ('Thing', 'NotFound') if of(one).abstract] == ['NotFound']
    assert small.derives('{urn:small}Thing', '{urn:small}Data')
    assert not small.derives('{urn:small}Data', '{urn:small}Thing')
    assert small.derives('{urn:small}Data', '{http://www.w3.org/2001/XMLSchema}anyType')
    assert small.element('{urn:small}NotFoundFault') is of('NotFound')
    assert small.element('{urn:small}Nothing') is None


def test_types_are_resolved_on_first_use_and_once(small: Schema) -> None:
    """Loading resolves nothing; asking twice gives the same object; unknown ones are told apart
    from broken ones.
    """
    assert small._types == {}
    first = small.type('{urn:small}Thing')
    assert small.type('{urn:small}Thing') is first
    assert small.find('{urn:small}Nothing') is None
    with pytest.raises(SchemaError, match='Nothing'):
        small.type('{urn:small}Nothing')
    with pytest.raises(SchemaError, match='varchar'):
        small.type('{http://www.w3.org/2001/XMLSchema}varchar')


@pytest.mark.parametrize(
    ('name', 'found'),
    [
        ('Thing', '{urn:small}Thing'),
        ('s:Thing', '{urn:small}Thing'),
        ('{urn:other}Thing', '{urn:other}Thing'),
        # suds numbers namespaces in alphabetical order: urn:other is ns0.
        ('ns0:Thing', '{urn:other}Thing'),
        ('ns1:Thing', '{urn:small}Thing'),
        ('ns0:Data', '{urn:small}Data'),
        ('ns7:Extra', '{urn:other}Extra'),
        ('string', '{http://www.w3.org/2001/XMLSchema}string'),
        ('xsd:long', '{http://www.w3.org/2001/XMLSchema}long'),
        ('Nothing', None),
        ('ns0:Nothing', None),
        ('{urn:small}Nothing', None),
        ('#FindResponse', None),
    ],
)
def test_names_as_users_write_them(small: Schema, name: str, found: str | None) -> None:
    """A prefix is resolved as suds would, a wrong one forgiven; without one the service's own
    namespace goes first.
    """
    assert small.lookup(name) == found


def test_a_schema_cannot_be_changed(small: Schema) -> None:
    """What threads and sessions share is immutable."""
    thing = small.type('{urn:small}Thing')
    with pytest.raises(AttributeError):
        thing.name = 'Other'  # type: ignore[misc]
    with pytest.raises(TypeError):
        thing.by_name['first'] = thing.fields[1]  # type: ignore[index]
    with pytest.raises(AttributeError):
        thing.fields[0].name = 'other'  # type: ignore[misc]
    with pytest.raises(AttributeError):
        small.description.location = ''  # type: ignore[misc]


def test_the_flat_form_can_be_stored(small: Schema) -> None:
    """A description survives pickling, and a schema made from it is the same."""
    again = Schema(pickle.loads(pickle.dumps(small.description)))
    assert again.description == small.description
    assert again.operation('Find') is not None
    assert again.type('{urn:small}Thing').fields == small.type('{urn:small}Thing').fields


def test_a_reader_fetches_what_belongs_together() -> None:
    """A callable reads the documents, by locations joined as URLs; each is read once."""
    asked: list[str] = []

    def read(location: str) -> bytes:
        asked.append(location)
        return FILES[location.removeprefix('https://vc/sdk/')].encode()

    schema = wsdl.load('https://vc/sdk/smallService.wsdl', read)
    assert schema.operation('Find') is not None
    assert sorted(asked) == sorted(f'https://vc/sdk/{name}' for name in FILES)


@pytest.mark.parametrize('url', [False, True])
def test_local_files(tmp_path: pathlib.Path, url: bool) -> None:
    """Paths and file URLs, also with a blank, are read without a reader."""
    directory = tmp_path / 'a b'
    directory.mkdir()
    location = write(directory, FILES)
    if url:
        location = pathlib.Path(location).as_uri()
        assert '%20' in location
    assert wsdl.load(location).type('{urn:other}Extra').fields


def test_nothing_is_fetched_from_a_network(tmp_path: pathlib.Path) -> None:
    """Without a reader a URL is refused, be it the description's own or an include's."""
    with pytest.raises(SchemaError, match=r'https://vc/a\.wsdl: only local'):
        wsdl.load('https://vc/a.wsdl')
    files = {**FILES, 'sub/types.xsd': TYPES.replace('"messages.xsd"', '"http://vc/m.xsd"')}
    with pytest.raises(SchemaError, match=r'http://vc/m\.xsd: only local'):
        wsdl.load(write(tmp_path, files))


Change = Callable[[dict[str, str]], Any]


def swap(name: str, old: str, new: str) -> Change:
    def change(files: dict[str, str]) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new)

    return change


def use(schema: Schema) -> None:
    for tag in list(schema.description.types):
        schema.type(tag)
    for name in schema.operation_names():
        schema.operation(name)


PROBLEMS: dict[str, tuple[Change, str, str]] = {
    'no such file': (lambda files: files.pop('other.xsd'), 'other.xsd', 'cannot be read'),
    'broken XML': (swap('other.xsd', '</schema>', ''), 'other.xsd', 'not well-formed'),
    'not a description': (
        lambda files: files.update({'smallService.wsdl': '<html/>'}),
        'smallService.wsdl',
        'html is neither a WSDL',
    ),
    'not a schema': (
        lambda files: files.update({'other.xsd': '<html/>'}),
        'small.wsdl',
        'is not an XML Schema',
    ),
    'DTD': (
        lambda files: files.update({'other.xsd': f'<!DOCTYPE schema []>{OTHER}'}),
        'other.xsd',
        'document type declaration',
    ),
    'wrong namespace': (
        swap('other.xsd', 'targetNamespace="urn:other"', 'targetNamespace="urn:x"'),
        'import',
        "is for namespace 'urn:x'",
    ),
    'unknown type of a field': (
        swap('sub/types.xsd', 'type="s:State"', 'type="s:Stat"'),
        'Thing field state',
        '{urn:small}Stat is not declared',
    ),
    'unknown base': (
        swap('sub/types.xsd', 'base="s:Data"', 'base="s:Date"'),
        'Thing',
        'base type {urn:small}Date is not declared',
    ),
    'base of itself': (
        swap('sub/types.xsd', 'base="s:Data"', 'base="s:Thing"'),
        'Thing',
        'is a base type of itself',
    ),
    'restriction of itself': (
        swap('sub/types.xsd', 'base="s:BaseSize"', 'base="s:Size"'),
        'Size',
        'restricts itself',
    ),
    'unknown prefix': (
        swap('sub/types.xsd', 'type="o:Extra"', 'type="p:Extra"'),
        'element "extra"',
        "prefix of 'p:Extra'",
    ),
    'unknown message': (
        swap('sub/small.wsdl', 'message="s:FindReply"', 'message="s:Reply"'),
        'operation Find',
        '{urn:small}Reply is not declared',
    ),
    'unknown element': (
        swap('sub/small.wsdl', 'element="s:Find"', 'element="s:Seek"'),
        'operation Find',
        '{urn:small}Seek is not declared',
    ),
    'RPC style': (
        swap('sub/small.wsdl', 'style="document" transport', 'style="rpc" transport'),
        'binding',
        'style',
    ),
    'encoded': (swap('sub/small.wsdl', 'use="literal"', 'use="encoded"'), 'body', 'literal'),
    'part with a type': (
        swap('sub/small.wsdl', 'element="s:DropResponse"', 'type="s:Thing"'),
        'DropReply',
        'one part with an element',
    ),
    'two results': (
        swap(
            'sub/small.wsdl',
            '<complexType/>',
            '<complexType><sequence><element name="a" type="xsd:int"/>'
            '<element name="b" type="xsd:int"/></sequence></complexType>',
        ),
        'operation Drop',
        '2 members',
    ),
    'declared twice, differently': (
        swap('sub/messages.xsd', 'name="FindRequestType"', 'name="Data"'),
        'complexType "Data"',
        'is declared differently in',
    ),
    'type without a name': (
        swap('sub/types.xsd', '<complexType name="Data">', '<complexType>'),
        'complexType',
        'has no name',
    ),
    'not understood': (
        swap('other.xsd', '<any minOccurs="0"/>', '<redefine/>'),
        'redefine',
        'is not understood',
    ),
    'group in itself': (
        swap('other.xsd', '<element name="common" type="xsd:date"/>', '<group ref="o:Common"/>'),
        'group "o:Common"',
        'contains itself',
    ),
    'attributes in themselves': (
        swap('other.xsd', '<attribute name="mark"/>', '<attributeGroup ref="o:Marks"/>'),
        'attributeGroup "o:Marks"',
        'contains itself',
    ),
    'unknown group': (swap('other.xsd', 'ref="o:Common"', 'ref="o:Rare"'), 'group', 'not declared'),
}


@pytest.mark.parametrize(('change', 'where', 'what'), PROBLEMS.values(), ids=PROBLEMS)
def test_errors_name_file_and_element(
    tmp_path: pathlib.Path, change: Change, where: str, what: str
) -> None:
    """What is wrong with a description is said with the file, the element and the reason."""
    files = dict(FILES)
    change(files)
    with pytest.raises(SchemaError) as caught:
        use(wsdl.load(write(tmp_path, files)))
    text = str(caught.value)
    assert str(tmp_path) in text
    assert where in text
    assert what in text


def test_a_prefix_means_what_it_means_where_it_stands(tmp_path: pathlib.Path) -> None:
    """An element may give a prefix, or the lack of one, a meaning of its own; its neighbours keep
    theirs.
    """
    old = '<element name="state" type="s:State" minOccurs="0" nillable="true"/>'
    new = (
        '<element name="here" type="o:Extra"/>'
        '<element name="there" type="o:State" xmlns:o="urn:small"/>'
        '<xsd:element name="bare" type="State" xmlns="urn:small"/>'
        '<element name="plain" type="int"/>'
    )
    files = {**FILES, 'sub/types.xsd': TYPES.replace(old, new)}
    by_name = wsdl.load(write(tmp_path, files)).type('{urn:small}Thing').by_name
    assert [short(by_name[name].type) for name in ('here', 'there', 'bare', 'plain')] == [
        '{other}Extra',
        '{small}State',
        '{small}State',
        'xsd:int',
    ]


def test_entities_are_not_expanded(tmp_path: pathlib.Path) -> None:
    """A description cannot make the parser read a file or grow without bounds."""
    secret = tmp_path / 'secret'
    secret.write_text('secret')
    for entity in (f'SYSTEM "{secret.as_uri()}"', f'"{"x" * 100}"'):
        text = f'<!DOCTYPE schema [<!ENTITY e {entity}>]>{OTHER.replace("urn:other", "&e;", 1)}'
        with pytest.raises(SchemaError) as caught:
            wsdl.load(write(tmp_path, {**FILES, 'other.xsd': text}))
        assert 'secret' not in str(caught.value).replace(str(tmp_path), '')


def test_including_in_circles_ends(small: Schema) -> None:
    """types.xsd includes messages.xsd, which includes types.xsd; each counts once."""
    assert 'types.xsd' in MESSAGES
    assert 'messages.xsd' in TYPES
    assert small.find('{urn:small}FindRequestType') is not None


def test_no_http_library_is_imported() -> None:
    """Compiling a description brings in neither an HTTP client nor sockets."""
    code = (
        'import sys; from oslo_vmware.soap import wsdl; wsdl.load(sys.argv[1])\n'
        'bad = {"requests", "urllib3", "http.client", "socket", "ssl", "urllib.request"}\n'
        'print(sorted(bad & set(sys.modules)))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code, str(VIM)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, 'PYTHONPATH': str(DESCRIPTIONS.parents[1])},
    )
    assert done.stdout.strip() == '[]'


# --- the description of the VIM API

SHIPPED = sorted(DESCRIPTIONS.rglob('*Service.wsdl'))


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: str(path.relative_to(DESCRIPTIONS)))
def test_all_of_a_shipped_description_makes_sense(path: pathlib.Path) -> None:
    """Every type and every operation of what the package ships can be resolved."""
    schema = wsdl.load(str(path))
    use(schema)
    assert len(list(schema.operation_names())) > 20
    for name in schema.operation_names():
        operation = schema.operation(name)
        assert operation is not None
        assert operation.parameters[0].name == '_this'
        assert operation.soap_action.startswith(f'{schema.namespace}/')


# The base of everything is empty on the wire, and a LocalizedMethodFault is no fault there.
NOT_ALIKE = ('DynamicData', 'DynamicProperty', 'DynamicArray', 'LocalizedMethodFault')


def data_objects() -> list[Any]:
    names = [name for name in VmomiSupport._dataDefMap if name.split('.')[0] in ('vim', 'vmodl')]
    return [VmomiSupport.GetVmodlType(name) for name in names]


def test_the_vim_types_are_those_of_pyvmomi(vim: Schema) -> None:
    """Names, order and multiplicity of all fields of all data objects agree with the tables of a
    client that is not ours.
    """
    compared = 0
    for theirs in data_objects():
        namespace, name = VmomiSupport.GetQualifiedWsdlName(theirs)
        ours = vim.find(f'{{{namespace}}}{name}') if namespace == 'urn:vim25' else None
        if ours is None or name in NOT_ALIKE:
            continue
        expected = [
            (info.name, issubclass(info.type, VmomiSupport.Array))
            for info in theirs._GetPropertyList()
            if info.name not in ('dynamicType', 'dynamicProperty')
            # The text of a fault, which travels around it and not in it.
            and not (info.name == 'msg' and issubclass(theirs, Exception))
        ]
        actual = [(field.name, field.many) for field in ours.fields]
        assert actual == expected, name
        compared += 1
    assert compared > 3000


def test_kinds_in_the_vim_description(vim: Schema) -> None:
    """A few well-known types are what they are known to be."""

    def field(type_: str, name: str) -> tuple[Kind, str, bool]:
        found = vim.type(f'{{urn:vim25}}{type_}').by_name[name]
        return found.kind, split(found.type)[1], found.many

    assert field('VirtualHardware', 'device') == (Kind.COMPLEX, 'VirtualDevice', True)
    assert field('OptionValue', 'value') == (Kind.ANY, 'anyType', False)
    assert field('VirtualMachineRuntimeInfo', 'host') == (
        Kind.MOREF,
        'ManagedObjectReference',
        False,
    )
    assert field('VirtualMachineRuntimeInfo', 'powerState') == (
        Kind.ENUM,
        'VirtualMachinePowerState',
        False,
    )
    assert field('TaskInfo', 'error') == (Kind.COMPLEX, 'LocalizedMethodFault', False)
    disk = vim.type('{urn:vim25}VirtualDisk')
    assert [split(one)[1] for one in disk.ancestors] == [
        'VirtualDisk',
        'VirtualDevice',
        'DynamicData',
    ]
    assert disk.fields[0].name == 'key'
    login = vim.operation('Login')
    assert login is not None
    assert [one.name for one in login.parameters] == ['_this', 'userName', 'password', 'locale']
    assert '{urn:vim25}InvalidLogin' in login.faults
    assert vim.lookup('ns0:VirtualDisk') == disk.tag


def test_threads_share_a_schema() -> None:
    """Threads that resolve everything at the same time get equal types and no error."""
    schema = wsdl.load(str(VIM))
    expected = wsdl.load(str(VIM))
    names = list(schema.type_names())[:1500]
    errors: list[BaseException] = []

    def resolve(order: list[str]) -> None:
        try:
            for name in order:
                assert schema.type(name).fields == expected.type(name).fields
        except BaseException as error:  # noqa: BLE001 - told after the join
            errors.append(error)

    threads = [threading.Thread(target=resolve, args=(names[i:] + names[:i],)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
