"""vim_util, driven as the users' own suites drive it.

The service objects here are hand-written stand-ins with exactly the parameters that the users'
stand-ins have; a keyword too many is a ``TypeError``. What a server makes of the requests is the
business of the functional tests.
"""

import logging
import random
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import suds.client
from suds import sudsobject

from oslo_vmware import vim_util
from tests.stand_ins import Proxy


class Made(SimpleNamespace):
    """A request object that knows its type."""


class Factory:
    """Makes request objects that can be read."""

    def create(self, name: str) -> Any:
        prefix, _, kind = name.partition(':')
        assert prefix == 'ns0'
        return Made(kind=kind)


class WriteOnly:
    """A request object of which no field can be read back."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f'{name} was read')


class WriteOnlyFactory:
    def create(self, name: str) -> Any:
        made = WriteOnly()
        made.kind = name.removeprefix('ns0:')  # type: ignore[attr-defined]
        return made


def tree(made: Any) -> Any:
    """What was created and assigned, as dicts."""
    if type(made) in (Made, WriteOnly):
        return {k: tree(v) for k, v in object.__getattribute__(made, '__dict__').items()}
    return [tree(item) for item in made] if isinstance(made, list) else made


def spec(kind: str, **fields: Any) -> dict[str, Any]:
    """What tree() makes of an object of this type with exactly these fields."""
    return {'kind': kind, **fields}


class Page(SimpleNamespace):
    """A RetrieveResult; ``token`` is there only when given."""


def content(moref: Any = None, **values: Any) -> Any:
    """An ObjectContent; ``propSet`` is there only when a property came, as in a reply."""
    made = SimpleNamespace(obj=moref)
    if values:
        made.propSet = [SimpleNamespace(name=name, val=val) for name, val in values.items()]
    return made


class FakeVim:
    """Gives the pages it was made with, one per call, and notes the calls."""

    def __init__(self, *pages: Any, factory: Any = None) -> None:
        self.client = SimpleNamespace(factory=factory or Factory())
        self.service_content = SimpleNamespace(
            propertyCollector='PropCollector',
            rootFolder='RootFolder',
            extensionManager='ExtensionManager',
        )
        self.pages = list(pages)
        self.calls: list[Any] = []

    def RetrievePropertiesEx(self, pc: Any, /, *, specSet: Any, options: Any, **others: Any) -> Any:
        self.calls.append(('retrieve', pc, others))
        self.specSet, self.options = specSet, options
        return self.pages.pop(0)

    def ContinueRetrievePropertiesEx(self, pc: Any, /, *, token: Any) -> Any:
        self.calls.append(('continue', pc, token))
        return self.pages.pop(0)

    def CancelRetrievePropertiesEx(self, pc: Any, /, *, token: Any) -> None:
        self.calls.append(('cancel', pc, token))


class FalsyReference:
    """A reference of some test suite that tests false."""

    value = 'vm-1'
    _type = 'VirtualMachine'

    def __len__(self) -> int:
        return 0


VM = vim_util.get_moref('vm-1', 'VirtualMachine')


# References


@pytest.mark.parametrize('value', ['vm-1', ''])
def test_reference_can_be_tested_hashed_and_printed(value: str) -> None:
    """A reference is true whatever its id, is a dictionary key, and has a text."""
    moref = vim_util.get_moref(value, 'VirtualMachine')
    assert (moref.value, moref._type) == (value, 'VirtualMachine')
    assert bool(moref) is True
    assert {moref: 'found'}[moref] == 'found'
    assert 'VirtualMachine' in str(moref)
    assert 'VirtualMachine' in repr(moref)


@pytest.mark.parametrize(
    ('moref', 'value', 'type_'),
    [
        ('vm-1', 'vm-1', None),
        ('VirtualMachine:vm-1', 'vm-1', 'VirtualMachine'),
        ('', '', None),
        (':x', 'x', ''),
        ('a:b:c', 'b', 'a'),
        (VM, 'vm-1', 'VirtualMachine'),
        (Proxy(VM), 'vm-1', 'VirtualMachine'),
        (SimpleNamespace(value='vm-1', _type='T'), 'vm-1', 'T'),
    ],
)
def test_value_and_type_of_reference(moref: Any, value: str, type_: str | None) -> None:
    """Id and type come from a string by its colons, from anything else by its attributes."""
    assert vim_util.get_moref_value(moref) == value
    assert vim_util.get_moref_type(moref) == type_


@pytest.mark.parametrize('nothing', [None, Proxy(None)])
@pytest.mark.parametrize('function', [vim_util.get_moref_value, vim_util.get_moref_type])
def test_nothing_is_not_a_reference(function: Any, nothing: Any) -> None:
    """None, bare or in a proxy, has neither id nor type."""
    with pytest.raises(AttributeError):
        function(nothing)


WSDL = """<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:t" xmlns:t="urn:t"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <types>
    <xsd:schema targetNamespace="urn:t" elementFormDefault="qualified">
      <xsd:complexType name="ManagedObjectReference">
        <xsd:simpleContent>
          <xsd:extension base="xsd:string"><xsd:attribute name="type" type="xsd:string"/>
          </xsd:extension>
        </xsd:simpleContent>
      </xsd:complexType>
      <xsd:complexType name="ObjectSpec">
        <xsd:sequence>
          <xsd:element name="obj" type="t:ManagedObjectReference"/>
          <xsd:element name="skip" type="xsd:boolean" minOccurs="0"/>
        </xsd:sequence>
      </xsd:complexType>
      <xsd:element name="Read">
        <xsd:complexType>
          <xsd:sequence>
            <xsd:element name="_this" type="t:ManagedObjectReference"/>
            <xsd:element name="spec" type="t:ObjectSpec"/>
            <xsd:element name="more" type="t:ManagedObjectReference" maxOccurs="unbounded"/>
          </xsd:sequence>
        </xsd:complexType>
      </xsd:element>
      <xsd:element name="ReadResponse" type="xsd:string"/>
    </xsd:schema>
  </types>
  <message name="In"><part name="p" element="t:Read"/></message>
  <message name="Out"><part name="p" element="t:ReadResponse"/></message>
  <portType name="Port">
    <operation name="Read"><input message="t:In"/><output message="t:Out"/></operation>
  </portType>
  <binding name="Binding" type="t:Port">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Read"><soap:operation soapAction=""/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output>
    </operation>
  </binding>
  <service name="S">
    <port name="P" binding="t:Binding"><soap:address location="http://127.0.0.1/"/></port>
  </service>
</definitions>
"""


def test_reference_as_stock_suds_writes_it(tmp_path: Any) -> None:
    """As argument, in an object and in a list a reference is a text with a type attribute."""
    (tmp_path / 'read.wsdl').write_text(WSDL)
    client = suds.client.Client((tmp_path / 'read.wsdl').as_uri(), nosend=True, cache=None)
    in_object = vim_util.get_obj_spec(client.factory, vim_util.get_moref('in-object', 'B'))
    more = [vim_util.get_moref('in-list', 'C'), vim_util.get_moref('', 'D')]
    request = client.service.Read(vim_util.get_moref('as-argument', 'A'), in_object, more)

    body = suds.sax.parser.Parser().parse(string=request.envelope).root().childAtPath('Body/Read')
    written = [body.childAtPath('_this'), body.childAtPath('spec/obj'), *body.getChildren('more')]
    assert [(node.get('type'), node.getText() or '') for node in written] == [
        ('A', 'as-argument'),
        ('B', 'in-object'),
        ('C', 'in-list'),
        ('D', ''),
    ]


# Builders


PATHS = ['name', 'config.extraConfig["nvp.vm-uuid"].value']

# The optional arguments of storage_placement_spec, in order, by the fields they end in.
PLACEMENT = (
    'cloneSpec', 'configSpec', 'relocateSpec', 'vm', 'folder', 'cloneName', 'resourcePool', 'host'
)  # fmt: skip

BUILDERS = [
    ('build_selection_spec', ('n',), spec('SelectionSpec', name='n')),
    (
        'build_traversal_spec',
        ('n', 'T', 'p', True, ['s']),
        spec('TraversalSpec', name='n', type='T', path='p', skip=True, selectSet=['s']),
    ),
    (
        'build_property_spec',
        (),
        spec('PropertySpec', all=False, pathSet=['name'], type='VirtualMachine'),
    ),
    (
        'build_property_spec',
        ('HostSystem', [], True),
        spec('PropertySpec', all=True, pathSet=['name'], type='HostSystem'),
    ),
    (
        'build_property_spec',
        ('HostSystem', PATHS),
        spec('PropertySpec', all=False, pathSet=PATHS, type='HostSystem'),
    ),
    *(
        ('build_object_spec', ('o', s), spec('ObjectSpec', obj='o', skip=False, selectSet=s))
        for s in (['t'], 't', [], None)
    ),
    (
        'build_property_filter_spec',
        ('props', ['objects']),
        spec('PropertyFilterSpec', propSet='props', objectSet=['objects']),
    ),
    (
        'get_prop_filter_spec',
        (['objects'], 'props'),
        spec('PropertyFilterSpec', propSet='props', objectSet=['objects']),
    ),
    ('get_prop_spec', ('Host', PATHS), spec('PropertySpec', type='Host', pathSet=PATHS)),
    ('get_obj_spec', ('o',), spec('ObjectSpec', obj='o', skip=False)),
    ('get_obj_spec', ('o', []), spec('ObjectSpec', obj='o', skip=False, selectSet=[])),
    (
        'get_http_service_request_spec',
        ('httpGet', 'https://h/x'),
        spec('SessionManagerHttpServiceRequestSpec', method='httpGet', url='https://h/x'),
    ),
    *(
        (
            'storage_placement_spec',
            ('pod', 'clone', *given),
            spec(
                'StoragePlacementSpec',
                podSelectionSpec=spec('StorageDrsPodSelectionSpec', storagePod='pod'),
                type='clone',
                **dict(zip(PLACEMENT, given or [None] * len(PLACEMENT), strict=True)),
            ),
        )
        for given in ((), PLACEMENT)
    ),
]


@pytest.mark.parametrize(('name', 'arguments', 'expected'), BUILDERS)
def test_builder_creates_and_assigns(name: str, arguments: Any, expected: Any) -> None:
    """A builder sets exactly these fields, and reads none of a fresh object."""
    assert tree(getattr(vim_util, name)(WriteOnlyFactory(), *arguments)) == expected


def test_builders_keep_the_list_of_the_caller() -> None:
    """A list that the caller goes on filling is assigned itself, not a copy."""
    properties = ['name']
    specs = [
        vim_util.build_property_spec(Factory(), 'VirtualMachine', properties),
        vim_util.get_prop_spec(Factory(), 'VirtualMachine', properties),
    ]
    properties.append('config')
    assert [each.pathSet for each in specs] == [['name', 'config']] * 2


# The walk through the inventory


def test_traversal_rows() -> None:
    """The steps are those of the contract, in its order, but a virtual machine is a leaf."""
    visit_folders = spec('SelectionSpec', name='visitFolders')
    pool = [spec('SelectionSpec', name=name) for name in ('rp_to_rp', 'rp_to_vm')]
    steps = [
        spec('TraversalSpec', name=name, type=type_, path=path, skip=False, selectSet=select_set)
        for name, type_, path, select_set in (
            ('h_to_vm', 'HostSystem', 'vm', [visit_folders]),
            ('dc_to_hf', 'Datacenter', 'hostFolder', [visit_folders]),
            ('dc_to_vmf', 'Datacenter', 'vmFolder', [visit_folders]),
            ('dc_to_netf', 'Datacenter', 'networkFolder', [visit_folders]),
            ('dc_to_df', 'Datacenter', 'datastoreFolder', [visit_folders]),
            ('cr_to_ds', 'ComputeResource', 'datastore', []),
            ('cr_to_h', 'ComputeResource', 'host', []),
            ('cr_to_rp', 'ComputeResource', 'resourcePool', pool),
            ('ccr_to_h', 'ClusterComputeResource', 'host', []),
            ('ccr_to_ds', 'ClusterComputeResource', 'datastore', []),
            ('ccr_to_rp', 'ClusterComputeResource', 'resourcePool', pool),
            ('rp_to_rp', 'ResourcePool', 'resourcePool', pool),
            ('rp_to_vm', 'ResourcePool', 'vm', []),
        )
    ]
    assert tree(vim_util.build_recursive_traversal_spec(WriteOnlyFactory())) == spec(
        'TraversalSpec',
        name='visitFolders',
        type='Folder',
        path='childEntity',
        skip=False,
        selectSet=[visit_folders, *steps],
    )


def test_traversal_is_made_anew_by_each_call() -> None:
    """A caller may change the walk it was given: the next caller gets another one."""
    first = vim_util.build_recursive_traversal_spec(Factory())
    second = vim_util.build_recursive_traversal_spec(Factory())
    assert first == second
    first.selectSet.clear()
    first.name = 'mine'
    assert second == vim_util.build_recursive_traversal_spec(Factory())


BASES = {
    'StoragePod': 'Folder',
    'ClusterComputeResource': 'ComputeResource',
    'VirtualApp': 'ResourcePool',
}

# Type of each object, and its references to others, those back up the inventory included.
INVENTORY: dict[str, tuple[str, dict[str, list[str]]]] = {
    'root': ('Folder', {'childEntity': ['dc', 'dc-folder']}),
    'dc-folder': ('Folder', {'childEntity': ['dc2'], 'parent': ['root']}),
    'dc2': ('Datacenter', {'vmFolder': ['vms2']}),
    'vms2': ('Folder', {'parent': ['dc2']}),
    'dc': (
        'Datacenter',
        {
            'hostFolder': ['hosts'],
            'vmFolder': ['vms'],
            'networkFolder': ['nets'],
            'datastoreFolder': ['stores'],
            'datastore': ['ds', 'ds-pod'],
            'network': ['net', 'pg'],
        },
    ),
    'hosts': ('Folder', {'childEntity': ['cluster', 'alone']}),
    'cluster': (
        'ClusterComputeResource',
        {'host': ['h1', 'h2'], 'datastore': ['ds'], 'resourcePool': ['pool'], 'network': ['net']},
    ),
    'alone': ('ComputeResource', {'host': ['h3'], 'datastore': ['ds3'], 'resourcePool': ['pool3']}),
    'h1': ('HostSystem', {'vm': ['vm1'], 'datastore': ['ds'], 'network': ['net']}),
    'h2': ('HostSystem', {'vm': ['vm2', 'vm4'], 'datastore': ['ds']}),
    'h3': ('HostSystem', {'vm': ['vm3'], 'datastore': ['ds3']}),
    'pool': (
        'ResourcePool',
        {'resourcePool': ['child', 'app'], 'vm': ['vm1'], 'owner': ['cluster']},
    ),
    'child': ('ResourcePool', {'vm': ['vm2'], 'parent': ['pool']}),
    'app': ('VirtualApp', {'vm': ['vm4'], 'datastore': ['ds']}),
    'pool3': ('ResourcePool', {'vm': ['vm3'], 'owner': ['alone']}),
    'vms': ('Folder', {'childEntity': ['vm1', 'vm-folder', 'vm3']}),
    'vm-folder': ('Folder', {'childEntity': ['vm2']}),
    **{
        vm: ('VirtualMachine', {'resourcePool': [pool], 'datastore': ['ds'], 'network': ['net']})
        for vm, pool in (('vm1', 'pool'), ('vm2', 'child'), ('vm3', 'pool3'), ('vm4', 'app'))
    },
    'nets': ('Folder', {'childEntity': ['net', 'dvs', 'pg']}),
    'net': ('Network', {'vm': ['vm1', 'vm2'], 'host': ['h1']}),
    'dvs': ('DistributedVirtualSwitch', {'portgroup': ['pg']}),
    'pg': ('DistributedVirtualPortgroup', {'vm': ['vm1'], 'host': ['h1']}),
    'stores': ('Folder', {'childEntity': ['ds', 'pod']}),
    'pod': ('StoragePod', {'childEntity': ['ds-pod']}),
    'ds': ('Datastore', {'vm': ['vm1']}),
    'ds3': ('Datastore', {'vm': ['vm3']}),
    'ds-pod': ('Datastore', {}),
}


class Collector:
    """Walks INVENTORY by a traversal, as a property collector does, with a limit to its steps."""

    def __init__(self, traversal: Any, honours_type: bool, limit: int = 500) -> None:
        self.honours_type = honours_type
        self.steps_left = limit
        self.named = {
            step.name: step for step in (traversal, *traversal.selectSet) if hasattr(step, 'type')
        }
        self.met = {'root'}
        self.walk('root', [traversal])

    def applies(self, step: Any, type_: str) -> bool:
        return not self.honours_type or step.type in (type_, BASES.get(type_))

    def walk(self, here: str, select_set: list[Any]) -> None:
        type_, references = INVENTORY[here]
        for selection in select_set:
            step = self.named[selection.name]
            if not self.applies(step, type_):
                continue
            for there in references.get(step.path, []):
                self.steps_left -= 1
                assert self.steps_left, 'the walk does not end'
                self.met.add(there)
                self.walk(there, step.selectSet)


@pytest.mark.parametrize('honours_type', [True, False])
def test_traversal_reaches_everything_and_ends(honours_type: bool) -> None:
    """Every object is reached, and the walk ends on servers that ignore the type of a step too."""
    traversal = vim_util.build_recursive_traversal_spec(Factory())
    assert Collector(traversal, honours_type).met == set(INVENTORY)


def test_walk_beyond_a_virtual_machine_would_not_end() -> None:
    """The inventory above does catch a server in a circle once rp_to_vm selects something."""
    traversal = vim_util.build_recursive_traversal_spec(Factory())
    rp_to_rp, rp_to_vm = traversal.selectSet[-2:]
    rp_to_vm.selectSet = rp_to_rp.selectSet
    with pytest.raises(AssertionError, match='does not end'):
        Collector(traversal, honours_type=False)


# Reads


def test_get_objects() -> None:
    """Objects are looked for from the root folder, and the first page is handed out as it is."""
    page = Page(objects=[content(VM, name='vm1')], token='t')
    vim = FakeVim(page)
    assert vim_util.get_objects(vim, 'HostSystem', 7, PATHS) is page
    assert vim.calls == [('retrieve', 'PropCollector', {})]
    assert tree(vim.options) == spec('RetrieveOptions', maxObjects=7)
    traversal = tree(vim_util.build_recursive_traversal_spec(Factory()))
    assert tree(vim.specSet) == [
        spec(
            'PropertyFilterSpec',
            propSet=[spec('PropertySpec', all=False, pathSet=PATHS, type='HostSystem')],
            objectSet=[
                spec('ObjectSpec', obj='RootFolder', skip=False, selectSet=[traversal]),
            ],
        )
    ]


@pytest.mark.parametrize('properties', [None, []])
def test_get_objects_reads_names_by_default(properties: Any) -> None:
    """Without property paths the name is read; all_properties is passed on."""
    vim = FakeVim(Page(objects=[]))
    vim_util.get_objects(vim, 'HostSystem', 7, properties, all_properties=True)
    (property_spec,) = vim.specSet[0].propSet
    assert (property_spec.pathSet, property_spec.all) == (['name'], True)


@pytest.mark.parametrize('moref', [VM, Proxy(VM), FalsyReference()], ids=['ours', 'proxy', 'falsy'])
@pytest.mark.parametrize('skip_op_id', [False, True])
def test_get_object_properties(moref: Any, skip_op_id: bool) -> None:
    """One object is asked for, the very reference given, and the contents come as a list."""
    contents = [content(VM, name='vm1')]
    vim = FakeVim(Page(objects=contents))
    assert vim_util.get_object_properties(vim, moref, PATHS, skip_op_id) == contents
    assert vim.calls == [('retrieve', 'PropCollector', {'skip_op_id': skip_op_id})]
    assert vim.options.maxObjects == 1
    assert tree(vim.specSet[0].propSet) == [
        spec('PropertySpec', type='VirtualMachine', pathSet=PATHS, all=False)
    ]
    (object_spec,) = vim.specSet[0].objectSet
    assert object_spec.obj is moref
    assert not hasattr(object_spec, 'selectSet')


@pytest.mark.parametrize('properties', [None, []])
def test_get_object_properties_reads_all_by_default(properties: Any) -> None:
    """Without property paths all properties are read."""
    vim = FakeVim(Page(objects=[]))
    vim_util.get_object_properties(vim, VM, properties)
    assert vim.specSet[0].propSet[0].all is True


@pytest.mark.parametrize(
    ('text', 'type_', 'sent'),
    [
        ('VirtualMachine:vm-1', 'VirtualMachine', ('VirtualMachine', 'vm-1')),
        ('Datastore:192.0.2.7:/images', 'Datastore', ('Datastore', '192.0.2.7:/images')),
        ('PropCollector', None, 'PropCollector'),
        (':x', '', ':x'),
        ('x:', 'x', 'x:'),
    ],
)
def test_string_reference_is_sent_as_reference(text: str, type_: Any, sent: Any) -> None:
    """A string with type and id is sent as a reference, any other as it is."""
    vim = FakeVim(Page(objects=[]))
    vim_util.get_object_properties(vim, text, ['name'])
    obj = vim.specSet[0].objectSet[0].obj
    assert vim.specSet[0].propSet[0].type == type_
    assert (obj if isinstance(obj, str) else (obj._type, obj.value)) == sent


@pytest.mark.parametrize(
    ('function', 'expected'),
    [
        (vim_util.get_object_properties, None),
        (vim_util.get_object_property, None),
        (vim_util.get_object_properties_dict, {}),
    ],
)
def test_none_is_answered_without_a_call(function: Any, expected: Any) -> None:
    """For a bare None nothing is sent."""
    vim = FakeVim()
    assert function(vim, None, 'name') == expected
    assert vim.calls == []


@pytest.mark.parametrize(
    'function',
    [
        vim_util.get_object_properties,
        vim_util.get_object_property,
        vim_util.get_object_properties_dict,
    ],
)
def test_proxy_without_reference_is_an_error(function: Any) -> None:
    """A proxy around None is not None: it fails where its type is read, before any call."""
    vim = FakeVim()
    with pytest.raises(AttributeError):
        function(vim, Proxy(None), ['name'])
    assert vim.calls == []


def test_get_object_properties_cancels_what_it_does_not_fetch() -> None:
    """A token in the reply is given back to the server."""
    contents = [content(VM, name='vm1')]
    vim = FakeVim(Page(objects=contents, token='t'))
    assert vim_util.get_object_properties(vim, VM, ['name']) == contents
    assert vim.calls[1:] == [('cancel', 'PropCollector', 't')]


NOTHING_CAME: list[Any] = [None, [], Page(objects=[]), Page(objects=[content(VM)])]


@pytest.mark.parametrize('page', NOTHING_CAME)
def test_reply_without_properties(page: Any) -> None:
    """No reply, no object and no property all mean: nothing there."""
    assert vim_util.get_object_property(FakeVim(page), VM, 'name') is None
    assert vim_util.get_object_properties_dict(FakeVim(page), VM, ['name']) == {}
    assert isinstance(vim_util.get_object_properties(FakeVim(page), VM, ['name']), list)


@pytest.mark.parametrize(
    ('values', 'expected'),
    [
        ({'name': 'vm1'}, 'vm1'),
        ({'config': 'c', 'name': 'vm1'}, 'vm1'),
        ({'name': 0}, 0),
        ({'other': 'first', 'another': 'second'}, 'first'),
    ],
)
def test_get_object_property(values: Any, expected: Any) -> None:
    """The property asked for is found among several; else the first that came is taken."""
    vim = FakeVim(Page(objects=[content(VM, **values)]))
    assert vim_util.get_object_property(vim, VM, 'name', skip_op_id=True) == expected
    assert vim.specSet[0].propSet[0].pathSet == ['name']
    assert vim.calls == [('retrieve', 'PropCollector', {'skip_op_id': True})]


def test_get_object_properties_dict() -> None:
    """The first object's properties, by name."""
    vim = FakeVim(Page(objects=[content(VM, name='vm1', config=None), content(name='x')]))
    found = vim_util.get_object_properties_dict(vim, VM, ['name', 'config', 'absent'])
    assert found == {'name': 'vm1', 'config': None}
    assert vim.calls == [('retrieve', 'PropCollector', {'skip_op_id': False})]


def test_get_object_properties_dict_logs_what_is_missing(caplog: Any) -> None:
    """Properties that could not be read are named in the log, beside those that could."""
    found = content(VM, name='vm1')
    found.missingSet = [SimpleNamespace(path='config.hidden')]
    vim = FakeVim(Page(objects=[found]))
    assert vim_util.get_object_properties_dict(vim, VM, ['name']) == {'name': 'vm1'}
    (record,) = caplog.records
    assert record.name == 'oslo_vmware.vim_util'
    assert 'vm-1' in record.getMessage()
    assert 'config.hidden' in record.getMessage()


@pytest.mark.parametrize(('max_objects', 'sent'), [(None, 2), (0, 2), (1, 1), (5, 5)])
def test_get_properties_for_a_collection(max_objects: int | None, sent: int) -> None:
    """One object specification for each reference, on one page unless told otherwise."""
    host = Proxy(vim_util.get_moref('vm-2', 'VirtualMachine'))
    page = Page(objects=[])
    vim = FakeVim(page)
    result = vim_util.get_properties_for_a_collection_of_objects(
        vim, 'VirtualMachine', [VM, host], PATHS, max_objects
    )
    assert result is page
    assert vim.calls == [('retrieve', 'PropCollector', {})]
    assert vim.options.maxObjects == sent
    (filter_spec,) = vim.specSet
    assert tree(filter_spec.propSet) == [spec('PropertySpec', type='VirtualMachine', pathSet=PATHS)]
    assert [each.obj for each in filter_spec.objectSet] == [VM, host]


def test_get_properties_for_an_empty_collection() -> None:
    """No references, no call; the result can be used where a result without objects can."""
    vim = FakeVim()
    result = vim_util.get_properties_for_a_collection_of_objects(vim, 'Datastore', [], PATHS)
    assert result == []
    assert vim.calls == []
    with vim_util.WithRetrieval(vim, result) as objects:
        assert list(objects) == []


def test_factory_that_returns_one_object_for_every_type() -> None:
    """With such a factory the fields of all specifications are visible side by side."""
    shared = SimpleNamespace()
    factory = SimpleNamespace(create=lambda name: shared)
    vim = FakeVim(Page(objects=[]), factory=factory)
    vim_util.get_object_properties(vim, VM, ['config'])
    assert vim.specSet[0].pathSet[0] == 'config'
    assert vim.specSet[0].obj.value == 'vm-1'
    assert vim.options.maxObjects == 1

    vim = FakeVim(Page(objects=[]), factory=factory)
    vim_util.get_objects(vim, 'Datacenter', 100)
    assert (vim.specSet[0].type, vim.specSet[0].obj) == ('Datacenter', 'RootFolder')


def test_propset_dict() -> None:
    """Names to values; None is no properties."""
    assert vim_util.propset_dict(content(VM, name='vm1', config=2).propSet) == {
        'name': 'vm1',
        'config': 2,
    }
    assert vim_util.propset_dict(None) == {}


# Paging


@pytest.mark.parametrize(
    'last', [None, [], Page(objects=[]), Page(token=None), Page(token='')], ids=repr
)
def test_page_without_token_is_the_last(last: Any) -> None:
    """Anything without a token can be continued and cancelled, without a call."""
    vim = FakeVim()
    assert vim_util.continue_retrieval(vim, last) is None
    vim_util.cancel_retrieval(vim, last)
    assert vim.calls == []


def test_continue_and_cancel_retrieval() -> None:
    """The token goes back to the property collector."""
    second = Page(objects=[])
    vim = FakeVim(second)
    assert vim_util.continue_retrieval(vim, Page(token='t')) is second
    vim_util.cancel_retrieval(vim, Page(token='u'))
    assert vim.calls == [('continue', 'PropCollector', 't'), ('cancel', 'PropCollector', 'u')]


def three_pages() -> tuple[FakeVim, Page]:
    vim = FakeVim(Page(objects=[3], token='b'), Page(objects=[4, 5]))
    return vim, Page(objects=[1, 2], token='a')


def test_retrieval_gives_all_pages_one_at_a_time() -> None:
    """A page is fetched when the one before is used up; after the last nothing is cancelled."""
    vim, page = three_pages()
    retrieval = vim_util.WithRetrieval(vim, page)
    assert (retrieval.vim, retrieval.retrieve_result) == (vim, page)
    calls_before = []
    with retrieval as objects:
        for number in objects:
            calls_before.append((number, len(vim.calls)))
    assert calls_before == [(1, 0), (2, 0), (3, 1), (4, 2), (5, 2)]
    assert vim.calls == [('continue', 'PropCollector', 'a'), ('continue', 'PropCollector', 'b')]
    assert not retrieval.retrieve_result


def test_retrieval_can_be_iterated_without_context() -> None:
    """The object itself is iterable."""
    vim, page = three_pages()
    assert list(vim_util.WithRetrieval(vim, page)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(('used', 'token'), [(0, 'a'), (2, 'a'), (3, 'b'), (4, None)])
def test_leaving_early_cancels(used: int, token: str | None) -> None:
    """Leaving cancels with the token of the current page, if it has one."""
    vim, page = three_pages()
    with vim_util.WithRetrieval(vim, page) as objects:
        for _ in range(used):
            next(objects)
    cancelled = [call for call in vim.calls if call[0] == 'cancel']
    assert cancelled == ([('cancel', 'PropCollector', token)] if token else [])


@pytest.mark.parametrize('nothing', [None, []])
def test_retrieval_of_nothing(nothing: Any) -> None:
    """A falsy result gives nothing and costs no call."""
    vim = FakeVim()
    with vim_util.WithRetrieval(vim, nothing) as objects:
        assert list(objects) == []
    assert vim.calls == []


def test_retrieval_ends_with_a_token_that_is_always_true() -> None:
    """A page whose every attribute is true ends the retrieval by being continued with None."""
    endless = SimpleNamespace(objects=[1], token=object())
    vim = FakeVim(endless, None)
    with vim_util.WithRetrieval(vim, endless) as objects:
        assert list(objects) == [1, 1]


def test_replaced_functions_are_used(monkeypatch: Any) -> None:
    """Whoever replaces the two functions in the module is heard, also after construction."""
    vim = FakeVim()
    seen: list[Any] = []
    first, second = Page(objects=[1], token='a'), Page(objects=[2, 3], token='b')
    retrieval = vim_util.WithRetrieval(vim, first)

    def replaced(vim: Any, page: Any) -> Any:
        seen.append(page)
        return second

    monkeypatch.setattr(vim_util, 'continue_retrieval', replaced)
    monkeypatch.setattr(vim_util, 'cancel_retrieval', replaced)
    with retrieval as objects:
        assert [next(objects), next(objects)] == [1, 2]
    assert seen == [first, second]
    assert vim.calls == []


class Boom(Exception):
    """What goes wrong in the body."""


class Gone(Exception):
    """What goes wrong when cancelling."""


class ForgetfulVim(FakeVim):
    def CancelRetrievePropertiesEx(self, pc: Any, /, *, token: Any) -> None:
        raise Gone('no such token')


@pytest.mark.parametrize('error', [Boom, KeyboardInterrupt])
def test_failed_cancel_does_not_hide_the_error_of_the_body(error: Any, caplog: Any) -> None:
    """The error of the body comes out; that of the cancellation is in the log."""
    page = Page(objects=[1], token='a')
    with pytest.raises(error), vim_util.WithRetrieval(ForgetfulVim(), page):
        raise error
    (record,) = caplog.records
    assert (record.name, record.levelno) == ('oslo_vmware.vim_util', logging.WARNING)
    assert 'no such token' in record.getMessage()


def test_failed_cancel_after_a_good_body_is_raised() -> None:
    """With no other error on its way the caller learns that the session or connection is gone."""
    page = Page(objects=[1], token='a')
    with pytest.raises(Gone), vim_util.WithRetrieval(ForgetfulVim(), page) as objects:
        assert next(objects) == 1


def test_error_of_the_body_still_cancels() -> None:
    """Pages left behind by an error are cancelled too."""
    vim, page = three_pages()
    with pytest.raises(Boom), vim_util.WithRetrieval(vim, page):
        raise Boom
    assert vim.calls == [('cancel', 'PropCollector', 'a')]


# Inventory path


def path_of(*contents: Any, entity: Any = VM) -> str:
    return vim_util.get_inventory_path(FakeVim(Page(objects=list(contents))), entity)


def test_inventory_path_request() -> None:
    """One request: the entity, and by a traversal that selects itself, its parents."""
    vim = FakeVim(Page(objects=[]))
    vim_util.get_inventory_path(vim, VM, max_objects=9)
    assert vim.calls == [('retrieve', 'PropCollector', {})]
    assert vim.options.maxObjects == 9
    name = 'ParentTraversalSpec'
    traversal = spec(
        'TraversalSpec',
        name=name,
        type='ManagedEntity',
        path='parent',
        skip=False,
        selectSet=[spec('SelectionSpec', name=name)],
    )
    property_spec = spec(
        'PropertySpec', all=False, pathSet=['name', 'parent'], type='ManagedEntity'
    )
    assert tree(vim.specSet) == [
        spec(
            'PropertyFilterSpec',
            propSet=[property_spec],
            objectSet=[spec('ObjectSpec', obj=VM, skip=False, selectSet=traversal)],
        )
    ]
    vim = FakeVim(Page(objects=[]))
    vim_util.get_inventory_path(vim, VM)
    assert vim.options.maxObjects == 100


NAMES = [
    (['vm1', 'vm', 'dc1', 'Datacenters'], '/dc1/vm/vm1'),
    (['dc1', 'Datacenters'], '/dc1'),
    (['a%2fb', 'vm', 'dc1', 'Datacenters'], '/dc1/vm/a%2fb'),
    (['Datacenters'], 'Datacenters'),
    ([], ''),
]


def unnamed(name: str) -> Any:
    """An object as some suites make it: a value and no more."""
    return SimpleNamespace(propSet=[SimpleNamespace(val=name), SimpleNamespace(val=object())])


def with_parents(names: list[str]) -> list[Any]:
    """What a server answers: every object but the root has a parent."""
    morefs = [vim_util.get_moref(f'id-{number}', 'Folder') for number in range(len(names))]
    morefs[:1] = [VM] if names else []
    contents = [
        content(moref, name=name, parent=parent)
        for moref, name, parent in zip(morefs, names, [*morefs[1:], None], strict=False)
    ]
    for last in contents[-1:]:
        del last.propSet[1]
    return contents


@pytest.mark.parametrize(('names', 'path'), NAMES)
def test_inventory_path_from_names_alone(names: list[str], path: str) -> None:
    """Objects that tell only a name are taken in the order they came, the root last."""
    assert path_of(*(content(VM, name=name) for name in names)) == path
    assert path_of(*(content(None, name=name) for name in names)) == path
    assert path_of(*map(unnamed, names)) == path


@pytest.mark.parametrize('entity', [VM, Proxy(VM), 'VirtualMachine:vm-1'])
@pytest.mark.parametrize(('names', 'path'), NAMES)
def test_inventory_path_in_any_order(names: list[str], path: str, entity: Any) -> None:
    """Where parents are told, neither the order of objects nor of properties matters."""
    rng = random.Random(9)
    for _ in range(10):
        contents = with_parents(names)
        rng.shuffle(contents)
        for item in contents:
            rng.shuffle(item.propSet)
        assert path_of(*contents, entity=entity) == path


@pytest.mark.parametrize(
    ('visible', 'path'),
    [
        (slice(0, 3), '/dc1/vm/vm1'),
        (slice(0, 2), '/vm/vm1'),
        (slice(0, 1), '/vm1'),
    ],
)
def test_inventory_path_to_the_highest_visible_parent(visible: slice, path: str) -> None:
    """A root that is not visible takes nothing from the path; other parents only themselves."""
    assert path_of(*with_parents(['vm1', 'vm', 'dc1', 'Datacenters'])[visible]) == path


@pytest.mark.parametrize('hidden', range(4))
@pytest.mark.parametrize('how', ['object', 'properties', 'name'])
def test_inventory_path_with_a_hole(hidden: int, how: str) -> None:
    """Whatever one may not see of one object, the names of others are told in their order."""
    names = ['vm1', 'vm', 'dc1', 'Datacenters']
    contents = with_parents(names)
    if how == 'object':
        del contents[hidden]
    elif how == 'properties':
        del contents[hidden].propSet
    else:
        del contents[hidden].propSet[0]
    told = [name for name in reversed(names[:3]) if name != names[hidden]]
    assert path_of(*contents) == '/' + '/'.join(told)


@pytest.mark.parametrize(
    'contents',
    [
        [content(VM)],
        [content(VM), content(None)],
        [SimpleNamespace(propSet=[])],
        [content(VM, parent=vim_util.get_moref('group-v3', 'Folder'))],
    ],
)
def test_inventory_path_of_nameless_objects(contents: list[Any]) -> None:
    """Objects without a name make no path."""
    assert path_of(*contents) == ''


def test_inventory_path_survives_a_circle() -> None:
    """Parents that lead back to the entity do not keep the caller for ever."""
    other = vim_util.get_moref('id-1', 'Folder')
    circle = [content(VM, name='vm1', parent=other), content(other, name='vm', parent=VM)]
    assert path_of(*circle) == '/vm/vm1'


def test_inventory_path_over_several_pages() -> None:
    """A path longer than a page is read to its end."""
    contents = with_parents(['vm1', 'vm', 'dc1', 'Datacenters'])
    vim = FakeVim(
        Page(objects=contents[:2], token='a'),
        Page(objects=contents[2:3], token='b'),
        Page(objects=contents[3:]),
    )
    assert vim_util.get_inventory_path(vim, VM, max_objects=2) == '/dc1/vm/vm1'


@pytest.mark.parametrize('value', [object(), [], None])
def test_inventory_path_with_references_that_have_no_text(value: Any) -> None:
    """Ids that are no text, as stand-ins have them, say nothing about the order."""
    entity = SimpleNamespace(value=value)
    root = content(entity, name='Datacenters', parent=entity)
    assert path_of(root, entity=entity) == 'Datacenters'
    assert path_of(content(entity, name='dc1'), root, entity=entity) == '/dc1'


@pytest.mark.parametrize('nothing', [None, []])
def test_inventory_path_of_no_reply(nothing: Any) -> None:
    """An empty reply gives an empty path."""
    assert vim_util.get_inventory_path(FakeVim(nothing), VM) == ''


# Others


class ExtensionVim(FakeVim):
    def FindExtension(self, manager: Any, /, *, extensionKey: str) -> Any:
        return {('ExtensionManager', 'known'): 'the extension'}.get((manager, extensionKey))

    def RegisterExtension(self, manager: Any, /, *, extension: Any) -> Any:
        self.registered = (manager, extension)


def test_find_extension() -> None:
    """The extension by its key, None if there is none."""
    assert vim_util.find_extension(ExtensionVim(), 'known') == 'the extension'
    assert vim_util.find_extension(ExtensionVim(), 'unknown') is None


@pytest.mark.parametrize(
    ('arguments', 'label', 'summary', 'version'),
    [
        ({}, 'OpenStack', 'OpenStack services', '1.0'),
        ({'label': 'l', 'summary': 's', 'version': '2.0'}, 'l', 's', '2.0'),
    ],
)
def test_register_extension(arguments: Any, label: str, summary: str, version: str) -> None:
    """The extension is registered with its description and its kind of objects."""
    vim = ExtensionVim(factory=WriteOnlyFactory())
    vim_util.register_extension(vim, 'org.openstack', 'instance', **arguments)
    manager, extension = vim.registered
    assert manager == 'ExtensionManager'
    fields = tree(extension)
    assert fields.pop('lastHeartbeatTime')
    assert fields == spec(
        'Extension',
        key='org.openstack',
        version=version,
        description=spec('Description', label=label, summary=summary),
        managedEntityInfo=[spec('ExtManagedEntityInfo', type='instance')],
    )


def test_heartbeat_names_its_zone() -> None:
    """The heartbeat is the current time, in ISO format, and says that it is UTC."""
    vim = ExtensionVim()
    vim_util.register_extension(vim, 'org.openstack', 'instance')
    heartbeat = datetime.fromisoformat(vim.registered[1].lastHeartbeatTime)
    assert heartbeat.utcoffset() == timedelta(0)
    assert abs(datetime.now(heartbeat.tzinfo) - heartbeat) < timedelta(minutes=1)


def test_get_vc_version() -> None:
    """The version comes from the service content of the session's service."""
    about = SimpleNamespace(version='8.0.2')
    session = SimpleNamespace(vim=SimpleNamespace(service_content=SimpleNamespace(about=about)))
    assert vim_util.get_vc_version(session) == '8.0.2'


def response(kind: str, **members: Any) -> Any:
    return sudsobject.Factory.object(kind, members)


def test_serialize_object() -> None:
    """Response objects become dicts wherever they are, everything else is taken over."""
    now = datetime(2026, 1, 2)
    config = response(
        'VirtualMachineConfigInfo',
        name='vm1',
        parent=VM,
        when=now,
        flags=response('FlagInfo', on=True),
        empty='',
        disks=[response('VirtualDisk', key=1), 'text', [response('VirtualDisk', key=2)]],
    )
    assert vim_util.serialize_object(config) == {
        'name': 'vm1',
        'parent': {'value': 'vm-1', '_type': 'VirtualMachine'},
        'when': now,
        'flags': {'on': True},
        'empty': '',
        'disks': [{'key': 1}, 'text', [{'key': 2}]],
    }


def _array(member: str, **members: Any) -> Any:
    """An array object as a stand-in of somebody has it."""
    return type(f'ArrayOf{member}', (SimpleNamespace,), {})(**members)


ITEMS = ['a', 'b']


@pytest.mark.parametrize(
    ('value', 'listed'),
    [
        (None, []),
        ('', []),
        ([], []),
        (ITEMS, ITEMS),
        (tuple(ITEMS), ITEMS),
        ('one', ['one']),
        (0, [0]),
        (False, [False]),
        (Made(kind='VirtualDevice'), [Made(kind='VirtualDevice')]),
        (_array('VirtualDevice', VirtualDevice=ITEMS), ITEMS),
        (_array('String', string=ITEMS), ITEMS),
        (_array('AnyType', anyType=ITEMS), ITEMS),
        (_array('VirtualDevice', VirtualDevice='one'), ['one']),
        (_array('VirtualDevice', VirtualDevice=None), []),
        (_array('VirtualDevice'), []),
    ],
)
def test_the_values_of_a_property_as_a_list(value: Any, listed: list[Any]) -> None:
    """Whatever a server or a stand-in gave; a list stays the list that it is."""
    assert vim_util.as_list(value) == listed
    if value is ITEMS:
        assert vim_util.as_list(value) is value
