"""The generated interface descriptions: reproducible, valid, complete, usable by strangers.

The judges are not ours: lxml compiles the XSDs and validates messages, a stock suds client loads
the WSDL, and pyVmomi, asked through its own classes, says what operations and types there are.
The generator is run as its users run it, as a command.
"""

import functools
import importlib.metadata
import json
import pathlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest
import suds
import suds.client
from lxml import etree

from oslo_vmware import wsdl

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / 'tools' / 'generate_descriptions.py'
SHIPPED = wsdl.vim_wsdl_path().parent
XSD = '{http://www.w3.org/2001/XMLSchema}'
WSDL = '{http://schemas.xmlsoap.org/wsdl/}'
SOAP = '{http://schemas.xmlsoap.org/wsdl/soap/}'
OPTIONAL, REQUIRED = '0', '1'
MANY = 'unbounded'

# Operations and types that users of the library are known to use.
VIM_OPERATIONS = {
    'AcquireGenericServiceTicket': 'spec',
    'AcquireTicket': 'ticketType',
    'AddInternetScsiSendTargets': 'iScsiHbaDevice targets',
    'AttachDisk_Task': 'diskId datastore controllerKey unitNumber',
    'CancelRetrievePropertiesEx': 'token',
    'CloneVM_Task': 'folder name spec',
    'CloneVStorageObject_Task': 'id datastore spec',
    'ContinueRetrievePropertiesEx': 'token',
    'CopyDatastoreFile_Task': 'sourceName sourceDatacenter destinationName destinationDatacenter',
    'CopyVirtualDisk_Task': 'sourceName sourceDatacenter destName destDatacenter force',
    'CreateDVPortgroup_Task': 'spec',
    'CreateDisk_Task': 'spec',
    'CreateDiskFromSnapshot_Task': 'id datastore snapshotId name profile',
    'CreateFolder': 'name',
    'CreateSnapshot_Task': 'name description memory quiesce',
    'CreateVM_Task': 'config pool host',
    'CreateVirtualDisk_Task': 'name datacenter spec',
    'DeleteDatastoreFile_Task': 'name datacenter',
    'DeleteSnapshot_Task': 'id datastore snapshotId',
    'DeleteVStorageObject_Task': 'id datastore',
    'DeleteVirtualDisk_Task': 'name datacenter',
    'Destroy_Task': '',
    'DetachDisk_Task': 'diskId',
    'ExportVm': '',
    'ExtendDisk_Task': 'id datastore newCapacityInMB',
    'ExtendVirtualDisk_Task': 'name datacenter newCapacityKb eagerZero',
    'FindAllByUuid': 'uuid vmSearch instanceUuid',
    'FindByInventoryPath': 'inventoryPath',
    'FindExtension': 'extensionKey',
    'HttpNfcLeaseAbort': 'fault',
    'HttpNfcLeaseComplete': '',
    'HttpNfcLeaseProgress': 'percent',
    'ImportVApp': 'spec folder host',
    'Login': 'userName password locale',
    'Logout': '',
    'MakeDirectory': 'name datacenter createParentDirectories',
    'MarkAsTemplate': '',
    'MoveDatastoreFile_Task': 'sourceName sourceDatacenter destinationName destinationDatacenter',
    'MoveIntoFolder_Task': 'list',
    'MoveVirtualDisk_Task': 'sourceName sourceDatacenter destName destDatacenter force',
    'PowerOffVM_Task': '',
    'PowerOnVM_Task': '',
    'QueryPerf': 'querySpec',
    'RebootGuest': '',
    'RecommendDatastores': 'storageSpec',
    'ReconfigVM_Task': 'spec',
    'RegisterDisk': 'path name',
    'RegisterExtension': 'extension',
    'RelocateVM_Task': 'spec',
    'RemoveSnapshot_Task': 'removeChildren consolidate',
    'Rename_Task': 'newName',
    'RescanHba': 'hbaDevice',
    'ResetVM_Task': '',
    'RetrievePropertiesEx': 'specSet options',
    'RetrieveServiceContent': '',
    'RevertToSnapshot_Task': '',
    'SearchDatastore_Task': 'datastorePath searchSpec',
    'SessionIsActive': 'sessionID userName',
    'ShutdownGuest': '',
    'SuspendVM_Task': '',
    'UnregisterVM': '',
    'UpdateVStorageObjectPolicy_Task': 'id datastore profile',
    'VStorageObjectCreateSnapshot_Task': 'id datastore description',
}
VIM_TYPES = """
    DVPortgroupConfigSpec Description DistributedVirtualSwitchPortConnection DynamicProperty
    ExtManagedEntityInfo Extension FileBackedVirtualDiskSpec FileQueryFlags
    HostDatastoreBrowserSearchSpec HostInternetScsiHbaSendTarget ID ManagedByInfo NumericRange
    ObjectSpec OptionValue ParaVirtualSCSIController PerfMetricId PerfQuerySpec
    PropertyFilterSpec PropertySpec ResourceAllocationInfo RetrieveOptions SelectionSpec
    SessionManagerHttpServiceRequestSpec SharesInfo StorageDrsPodSelectionSpec
    StorageIOAllocationInfo StoragePlacementSpec ToolsConfigInfo TraversalSpec
    VMwareDVSPortSetting VirtualBusLogicController VirtualCdrom VirtualCdromIsoBackingInfo
    VirtualDeviceConfigSpec VirtualDeviceConnectInfo VirtualDisk VirtualDiskFlatVer2BackingInfo
    VirtualDiskRawDiskMappingVer1BackingInfo VirtualE1000 VirtualE1000e
    VirtualEthernetCardDistributedVirtualPortBackingInfo VirtualEthernetCardNetworkBackingInfo
    VirtualEthernetCardOpaqueNetworkBackingInfo VirtualEthernetCardResourceAllocation
    VirtualIDEController VirtualLsiLogicController VirtualLsiLogicSASController
    VirtualMachineBootOptions VirtualMachineBootOptionsBootableDiskDevice VirtualMachineCloneSpec
    VirtualMachineConfigSpec VirtualMachineDefinedProfileSpec VirtualMachineEmptyProfileSpec
    VirtualMachineFileInfo VirtualMachineImportSpec VirtualMachineRelocateSpec
    VirtualMachineRelocateSpecDiskLocator VirtualMachineVideoCard VirtualPCNet32
    VirtualSerialPort VirtualSerialPortURIBackingInfo VirtualSriovEthernetCard VirtualVmxnet
    VirtualVmxnet3 VmwareDistributedVirtualSwitchTrunkVlanSpec
    VmwareDistributedVirtualSwitchVlanIdSpec VslmCloneSpec VslmCreateSpec
    VslmCreateSpecDiskFileBackingSpec
"""
PBM_OPERATIONS = {
    'PbmQueryAssociatedProfile': 'entity',
    'PbmQueryMatchingHub': 'hubsToSearch profile',
    'PbmQueryProfile': 'resourceType profileCategory',
    'PbmRetrieveContent': 'profileIds',
    'PbmRetrieveServiceContent': '',
}
PBM_TYPES = ['PbmPlacementHub', 'PbmProfileResourceType', 'PbmServerObjectRef']


def one(node: etree._Element | etree._ElementTree, path: str) -> etree._Element:
    found = node.find(path)
    assert found is not None, path
    return found


def name_of(node: etree._Element) -> str:
    return str(node.attrib['name'])


class Files:
    """The files of one description, read with nothing but lxml."""

    def __init__(self, directory: pathlib.Path, service: str) -> None:
        self.directory = directory
        self.service_wsdl = directory / f'{service}Service.wsdl'
        self.wsdl_path = directory / f'{service}.wsdl'
        self.wsdl = etree.parse(self.wsdl_path)
        self.inline = one(self.wsdl, f'{WSDL}types/{XSD}schema')
        self.elements = {name_of(e): e for e in self.inline.findall(f'{XSD}element')}
        self.types: dict[str, etree._Element] = {}
        self.declarations: list[str] = []
        for path in sorted(directory.glob('*.xsd')):
            for node in etree.parse(path).getroot():
                if isinstance(node.tag, str) and node.get('name'):
                    self.types[name_of(node)] = node
                    self.declarations.append(name_of(node))

    @functools.cached_property
    def schema(self) -> etree.XMLSchema:
        """What lxml makes of the XSDs, with the elements that the WSDL declares."""
        copy = etree.fromstring(etree.tostring(self.inline), base_url=str(self.wsdl_path))
        return etree.XMLSchema(etree.ElementTree(copy))

    @property
    def operations(self) -> list[str]:
        return [name_of(node) for node in self.wsdl.iterfind(f'{WSDL}portType/{WSDL}operation')]

    def base(self, name: str) -> str | None:
        node = self.types[name].find(f'{XSD}complexContent/{XSD}extension')
        return None if node is None else str(node.attrib['base']).partition(':')[2]

    def own_fields(self, name: str) -> dict[str, tuple[str, str, str]]:
        """Type, minOccurs and maxOccurs of each field that a type adds to its base."""
        return fields_of(self.types[name])

    def fields(self, name: str) -> dict[str, tuple[str, str, str]]:
        base = self.base(name)
        return (self.fields(base) if base else {}) | self.own_fields(name)

    def request(self, operation: str) -> dict[str, tuple[str, str, str]]:
        return self.fields(str(self.elements[operation].attrib['type']).partition(':')[2])

    def result(self, operation: str) -> tuple[str, str, str] | None:
        return fields_of(self.elements[f'{operation}Response']).get('returnval')

    def faults(self, operation: str) -> set[str]:
        path = f'{WSDL}portType/{WSDL}operation[@name="{operation}"]/{WSDL}fault'
        return {name_of(node) for node in self.wsdl.iterfind(path)}

    def actions(self) -> set[str]:
        return {str(node.attrib['soapAction']) for node in self.wsdl.iter(f'{SOAP}operation')}


def fields_of(node: etree._Element) -> dict[str, tuple[str, str, str]]:
    return {
        name_of(field): (
            str(field.attrib['type']),
            field.get('minOccurs', REQUIRED),
            field.get('maxOccurs', '1'),
        )
        for field in node.iter(f'{XSD}element')
        if field is not node
    }


def run(*arguments: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope='module')
def shipped() -> Files:
    return Files(SHIPPED, 'vim')


@pytest.fixture(scope='module')
def generated(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Files]:
    """Generate a description once: generated('pbm', '8.0')."""

    @functools.cache
    def generate(service: str, version: str | None = None) -> Files:
        output = tmp_path_factory.mktemp(f'{service}-{version}')
        wanted = ['--version', version] if version else []
        done = run('--service', service, '--output', output, *wanted)
        assert done.returncode == 0, done.stderr
        return Files(output, service)

    return generate


@pytest.fixture
def same_tables() -> None:
    """Skip where the installed pyvmomi isn't the one the shipped files were made from."""
    header = wsdl.vim_wsdl_path().read_text().splitlines()[1]
    made_from = re.search(r'pyvmomi ([\d.]+);', header)
    assert made_from, f'no pyvmomi named in {header!r}'
    installed = importlib.metadata.version('pyvmomi')
    if installed != made_from[1]:
        pytest.skip(f'shipped files are from pyvmomi {made_from[1]}, {installed} is installed')


# -- the shipped files ------------------------------------------------------------------------


def documents(top: pathlib.Path) -> dict[str, bytes]:
    """The content of each file below a directory, of Python's own files not."""
    return {
        str(path.relative_to(top)): path.read_bytes()
        for path in top.rglob('*')
        if path.is_file() and path.suffix not in ('.py', '.pyc')
    }


@pytest.mark.usefixtures('same_tables')
def test_generating_again_changes_no_byte(tmp_path: pathlib.Path) -> None:
    """The shipped files are what the script makes: all of them, byte by byte, and no others."""
    done = run('--output', tmp_path)
    assert done.returncode == 0, done.stderr
    shipped, again = documents(SHIPPED.parent), documents(tmp_path)
    assert sorted(shipped) == sorted(again)
    assert [name for name in shipped if shipped[name] != again[name]] == []


@pytest.mark.parametrize(
    ('release', 'version', 'operations'),
    [
        ('5.5', '1.0', 21),
        ('6.0', '2.0', 27),
        ('6.5', '6.5', 32),
        ('6.7', '6.7', 32),
        ('7.0', '7.0.0.0', 32),
        ('8.0', '8.0.0.0', 32),
        ('9.0', '9.0.0.0', 32),
        ('9.1', '9.1.0.0', 32),
    ],
)
def test_shipped_pbm(release: str, version: str, operations: int) -> None:
    """Each release's PBM is complete, valid, and names its version alike in all places."""
    files = Files(SHIPPED.parent / 'pbm' / release, 'pbm')
    assert files.actions() == {f'urn:pbm/{version}'}
    assert len(files.operations) == operations
    for operation, arguments in PBM_OPERATIONS.items():
        assert set(arguments.split()) <= set(files.request(operation))
    files.schema  # noqa: B018 - compiles or raises
    assert len(files.declarations) == len(set(files.declarations))
    versions = etree.parse(files.directory / 'pbmServiceVersions.xml')
    assert versions.findtext('namespace/name') == 'urn:pbm'
    assert versions.findtext('namespace/version') == version


def test_pbm_fits_in_the_package() -> None:
    """All of PBM takes less room than VIM alone: nothing in it that no client needs."""
    size = {
        key: sum(path.stat().st_size for path in (SHIPPED.parent / key).rglob('*.*'))
        for key in ('vim', 'pbm')
    }
    assert size['pbm'] < size['vim'], size


def test_shipped_vslm() -> None:
    """VSLM is complete and valid, suds loads it, and it has what is derived from the types that its
    operations name.
    """
    files = Files(SHIPPED.parent / 'vslm', 'vslm')
    assert files.actions() == {'urn:vslm/9.0.0.0'}
    assert len(files.operations) == 46
    assert set(files.request('VslmCreateDisk_Task')) >= {'spec'}
    files.schema  # noqa: B018 - compiles or raises
    versions = etree.parse(files.directory / 'vslmServiceVersions.xml')
    assert versions.findtext('namespace/name') == 'urn:vslm'
    client = suds.client.Client(wsdl.file_url(files.service_wsdl), cache=None)
    for name in (
        'VslmCreateSpecDiskFileBackingSpec',
        'BaseConfigInfoDiskFileBackingInfo',
        'VirtualMachineEmptyProfileSpec',
    ):
        assert client.factory.create(f'{{urn:vim25}}{name}').__class__.__name__ == name


def test_generated_files_say_so() -> None:
    """Whoever opens a generated file reads in its first line what made it."""
    says = (
        r'(VIM|PBM|VSLM) [\d.]+\. Generated by tools/generate_descriptions\.py from the type '
        r'tables of pyvmomi [\d.]+; do not edit\.'
    )
    for path in (
        *SHIPPED.iterdir(),
        *SHIPPED.parent.glob('pbm/*/*'),
        *SHIPPED.parent.glob('vslm/*'),
    ):
        first, second, _ = path.read_text().split('\n', 2)
        if path.suffix == '.description':
            assert re.fullmatch(f'# {says}', first), path.name
        else:
            assert first == '<?xml version="1.0" encoding="UTF-8"?>', path.name
            assert re.fullmatch(f'<!-- {says} -->', second), path.name


def test_layout_is_that_of_a_vcenter(shipped: Files) -> None:
    """Names of files, namespaces, service, port and binding are those of a vCenter."""
    assert {path.name for path in SHIPPED.iterdir()} - {'vim.description'} == {
        'core-types.xsd',
        'query-messagetypes.xsd',
        'query-types.xsd',
        'vim-messagetypes.xsd',
        'vim-types.xsd',
        'vim.wsdl',
        'vimService.wsdl',
        'vimServiceVersions.xml',
    }
    service = etree.parse(shipped.service_wsdl).getroot()
    assert service.get('targetNamespace') == 'urn:vim25Service'
    imported = one(service, f'{WSDL}import')
    assert (imported.get('location'), imported.get('namespace')) == ('vim.wsdl', 'urn:vim25')
    assert name_of(one(service, f'{WSDL}service')) == 'VimService'
    assert service.nsmap['interface'] == 'urn:vim25'
    assert one(service, f'{WSDL}service/{WSDL}port').get('binding') == 'interface:VimBinding'
    assert shipped.wsdl.getroot().get('targetNamespace') == 'urn:vim25'
    binding = one(shipped.wsdl, f'{WSDL}binding')
    assert (binding.get('name'), binding.get('type')) == ('VimBinding', 'vim25:VimPortType')
    assert one(binding, f'{SOAP}binding').get('style') == 'document'
    assert {body.get('use') for body in shipped.wsdl.iter(f'{SOAP}body')} == {'literal'}
    for path in SHIPPED.glob('*.xsd'):
        root = etree.parse(path).getroot()
        assert root.get('targetNamespace') == 'urn:vim25', path.name
        assert root.get('elementFormDefault') == 'qualified', path.name


def test_nothing_is_declared_twice(shipped: Files) -> None:
    """Every type has one declaration in one file, so that loading costs no more than it must."""
    assert len(shipped.declarations) == len(set(shipped.declarations))


def test_shipped_version_is_the_one_in_the_soap_action(shipped: Files) -> None:
    """vim_api_version() is what the operations name, a release and never a build label."""
    assert shipped.actions() == {f'urn:vim25/{wsdl.vim_api_version()}'}
    assert re.fullmatch(r'\d+(\.\d+)+', wsdl.vim_api_version())


def test_prior_versions_are_releases_newest_first() -> None:
    """vimServiceVersions.xml lists the older versions as a vCenter does, without build labels."""
    prior = [
        node.text or ''
        for node in etree.parse(SHIPPED / 'vimServiceVersions.xml').iterfind(
            'namespace/priorVersions/version'
        )
    ]
    some = ['8.0.3.0', '8.0.0.0', '7.0.0.0', '6.7', '5.5', '2.5']
    assert [version for version in prior if version in some] == some
    assert wsdl.vim_api_version() not in prior
    assert [version for version in prior if not version[0].isdigit()] == []


@pytest.mark.parametrize('name', ['plain', 'with space', 'per%cent', 'ünï', 'a#b?c'])
def test_file_url_survives_any_name(tmp_path: pathlib.Path, name: str) -> None:
    """A file in a directory of any name can be opened by its URL."""
    path = tmp_path / name / 'a.txt'
    path.parent.mkdir()
    path.write_text('here')
    with suds.transport.https.HttpAuthenticated().open(
        suds.transport.Request(wsdl.file_url(path))
    ) as reply:
        assert reply.read() == b'here'


# -- validation by lxml -----------------------------------------------------------------------


def body(text: str) -> etree._Element:
    names = (
        'xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    )
    return etree.fromstring(re.sub(r'^\s*<(\w+)', rf'<\1 {names}', text, count=1))


RETRIEVE = """
    <RetrievePropertiesEx>
     <_this type="PropertyCollector">propertyCollector</_this>
     <specSet>
      <propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>
      <objectSet>
       <obj type="Folder">group-d1</obj>
       <skip>true</skip>
       <selectSet xsi:type="TraversalSpec">
        <name>visitFolders</name><type>Folder</type><path>childEntity</path><skip>false</skip>
        <selectSet><name>visitFolders</name></selectSet>
       </selectSet>
      </objectSet>
     </specSet>
     <options><maxObjects>100</maxObjects></options>
    </RetrievePropertiesEx>
"""
CREATE_VM = """
    <CreateVM_Task>
     <_this type="Folder">group-v3</_this>
     <config>
      <name>web</name>
      <guestId>otherGuest</guestId>
      <files><vmPathName>[ds1]</vmPathName></files>
      <numCPUs>2</numCPUs>
      <memoryMB>512</memoryMB>
      <deviceChange>
       <operation>add</operation>
       <device xsi:type="ParaVirtualSCSIController">
        <key>-100</key><busNumber>0</busNumber><sharedBus>noSharing</sharedBus>
       </device>
      </deviceChange>
      <deviceChange>
       <operation>add</operation>
       <fileOperation>create</fileOperation>
       <device xsi:type="VirtualDisk">
        <key>-101</key>
        <backing xsi:type="VirtualDiskFlatVer2BackingInfo">
         <fileName></fileName><diskMode>persistent</diskMode>
         <thinProvisioned>true</thinProvisioned>
        </backing>
        <controllerKey>-100</controllerKey><unitNumber>0</unitNumber>
        <capacityInKB>1048576</capacityInKB>
       </device>
      </deviceChange>
      <extraConfig><key>nvp.vm-uuid</key><value xsi:type="xsd:string">x</value></extraConfig>
      <vmProfile xsi:type="VirtualMachineEmptyProfileSpec"/>
     </config>
     <pool type="ResourcePool">resgroup-8</pool>
    </CreateVM_Task>
"""
RETRIEVED = """
    <RetrievePropertiesExResponse>
     <returnval>
      <token>1</token>
      <objects>
       <obj type="VirtualMachine">vm-1</obj>
       <propSet><name>name</name><val xsi:type="xsd:string">web</val></propSet>
       <propSet>
        <name>datastore</name>
        <val xsi:type="ArrayOfManagedObjectReference">
         <ManagedObjectReference type="Datastore">datastore-1</ManagedObjectReference>
        </val>
       </propSet>
       <missingSet>
        <path>config</path>
        <fault>
         <fault xsi:type="NoPermission">
          <object type="VirtualMachine">vm-1</object><privilegeId>System.Read</privilegeId>
         </fault>
         <localizedMessage>no</localizedMessage>
        </fault>
       </missingSet>
      </objects>
     </returnval>
    </RetrievePropertiesExResponse>
"""
VALID = {
    'request with a derived selection': RETRIEVE,
    'request with derived devices': CREATE_VM,
    'reply with values of type any': RETRIEVED,
    'reply without the optional result': '<RetrievePropertiesExResponse/>',
    'reply of a task': (
        '<PowerOnVM_TaskResponse><returnval type="Task">task-1</returnval></PowerOnVM_TaskResponse>'
    ),
    'reply of nothing': '<LogoutResponse/>',
    'fault detail': (
        '<NotAuthenticatedFault xsi:type="NotAuthenticated"><object type="Folder">f</object>'
        '<privilegeId>System.View</privilegeId></NotAuthenticatedFault>'
    ),
    'fault nobody declared': (
        '<FileLockedFault xsi:type="FileLocked"><file>[ds1] a.vmdk</file></FileLockedFault>'
    ),
}
INVALID = {
    'field out of order': RETRIEVE.replace(
        '<name>visitFolders</name><type>Folder</type>',
        '<type>Folder</type><name>visitFolders</name>',
    ),
    'request without _this': re.sub('<_this.*', '', RETRIEVE),
    'required field missing': RETRIEVE.replace('<type>VirtualMachine</type>', ''),
    'required array empty': re.sub('(?s)<objectSet>.*</objectSet>', '', RETRIEVE),
    'field of the derived type without xsi:type': CREATE_VM.replace(' xsi:type="VirtualDisk"', ''),
    'xsi:type of another family': CREATE_VM.replace('"VirtualDisk"', '"VirtualMachineCloneSpec"'),
    'unknown xsi:type': CREATE_VM.replace('"VirtualDisk"', '"VirtualFlask"'),
    'unknown field': CREATE_VM.replace('<numCPUs>', '<numCPU>1</numCPU><numCPUs>'),
    'text in a number': CREATE_VM.replace('<numCPUs>2', '<numCPUs>two'),
    'value outside an enumeration': CREATE_VM.replace('noSharing', 'someSharing'),
    'unknown attribute of a reference': RETRIEVE.replace('type="Folder"', 'kind="Folder"'),
    'task not returned': '<PowerOnVM_TaskResponse/>',
    'result of an operation that has none': '<LogoutResponse><returnval/></LogoutResponse>',
}


@pytest.mark.parametrize('text', VALID.values(), ids=VALID)
def test_message_as_servers_know_it_is_valid(shipped: Files, text: str) -> None:
    """The XSDs compile, and accept what clients and servers say to each other."""
    shipped.schema.assertValid(body(text))


@pytest.mark.parametrize('text', INVALID.values(), ids=INVALID)
def test_wrong_message_is_refused(shipped: Files, text: str) -> None:
    """The XSDs say enough to tell a wrong message from a right one."""
    assert not shipped.schema.validate(body(text))


# -- a stock suds client ----------------------------------------------------------------------


@pytest.fixture(scope='module')
def suds_client() -> suds.client.Client:
    return suds.client.Client(wsdl.file_url(wsdl.vim_wsdl_path()), cache=None)


def test_suds_finds_operations(suds_client: suds.client.Client) -> None:
    """A stock suds client can call what the description describes, and nothing else."""
    action = f'"urn:vim25/{wsdl.vim_api_version()}"'
    for name in ('RetrieveServiceContent', 'PowerOnVM_Task', 'RetrievePropertiesEx'):
        assert suds_client.service[0][name].method.soap.action == action
    with pytest.raises(suds.MethodNotFound):
        _ = suds_client.service.PowerOnWashingMachine


def test_suds_makes_types_with_base_members_first(suds_client: suds.client.Client) -> None:
    """factory.create() gives the members in the order in which a server wants them."""
    spec = suds_client.factory.create('ns0:VirtualMachineConfigSpec')
    assert spec.__keylist__[:5] == ['changeVersion', 'name', 'version', 'createDate', 'uuid']
    assert {'deviceChange', 'extraConfig', 'vmProfile', 'bootOptions'} <= set(spec.__keylist__)
    disk = suds_client.factory.create('ns0:VirtualDisk')
    assert disk.__keylist__[:11] == [
        *('key', 'deviceInfo', 'backing', 'connectable', 'slotInfo', 'controllerKey'),
        *('unitNumber', 'numaNode', 'deviceGroupInfo', 'capacityInKB', 'capacityInBytes'),
    ]
    assert suds_client.factory.create('ns0:RetrieveOptions').__keylist__ == ['maxObjects']
    assert suds_client.factory.create('ns0:PropertyFilterSpec').propSet == []


# -- facts about what servers' own files say --------------------------------------------------

# service, version (None: the shipped one), type, field; its type, minOccurs and maxOccurs, or None
# where there is no such field.
FIELD_FACTS = [
    # A link is the key of what it links to.
    ('vim', None, 'HostScsiTopologyLun', 'scsiLun', ('xsd:string', REQUIRED, '1')),
    ('vim', None, 'HostVirtualSwitch', 'pnic', ('xsd:string', OPTIONAL, MANY)),
    ('vim', None, 'HostProxySwitch', 'pnic', ('xsd:string', OPTIONAL, MANY)),
    ('vim', None, 'HostNetworkInfo', 'pnic', ('vim25:PhysicalNic', OPTIONAL, MANY)),
    # A fault travels with its message.
    ('vim', None, 'MissingProperty', 'fault', ('vim25:LocalizedMethodFault', REQUIRED, '1')),
    ('vim', None, 'TaskInfo', 'error', ('vim25:LocalizedMethodFault', OPTIONAL, '1')),
    ('vim', None, 'UnexpectedFault', 'fault', ('vim25:LocalizedMethodFault', OPTIONAL, '1')),
    ('vim', None, 'FaultsByVM', 'faults', ('vim25:LocalizedMethodFault', OPTIONAL, MANY)),
    ('vim', None, 'MethodFault', 'faultCause', ('vim25:LocalizedMethodFault', OPTIONAL, '1')),
    ('vim', None, 'MethodFault', 'faultMessage', ('vim25:LocalizableMessage', OPTIONAL, MANY)),
    ('vim', None, 'MethodFault', 'msg', None),
    ('vim', None, 'LocalizedMethodFault', 'fault', ('vim25:MethodFault', REQUIRED, '1')),
    ('vim', None, 'LocalizedMethodFault', 'localizedMessage', ('xsd:string', OPTIONAL, '1')),
    # Whatever the managed object, a reference.
    ('vim', None, 'ObjectSpec', 'obj', ('vim25:ManagedObjectReference', REQUIRED, '1')),
    ('vim', None, 'AlarmInfo', 'alarm', ('vim25:ManagedObjectReference', REQUIRED, '1')),
    # A required array is required.
    ('vim', None, 'PropertyFilterSpec', 'propSet', ('vim25:PropertySpec', REQUIRED, MANY)),
    ('vim', None, 'RetrieveResult', 'objects', ('vim25:ObjectContent', REQUIRED, MANY)),
    ('vim', None, 'PropertySpec', 'pathSet', ('xsd:string', OPTIONAL, MANY)),
    # Simple types.
    ('vim', None, 'DynamicProperty', 'val', ('xsd:anyType', REQUIRED, '1')),
    ('vim', None, 'TaskInfo', 'queueTime', ('xsd:dateTime', REQUIRED, '1')),
    ('vim', None, 'VirtualDisk', 'capacityInKB', ('xsd:long', REQUIRED, '1')),
    ('vim', None, 'ScsiLunDurableName', 'data', ('xsd:byte', OPTIONAL, MANY)),
    ('vim', None, 'TaskInfo', 'state', ('vim25:TaskInfoState', REQUIRED, '1')),
    # Arrays in a value of type any; the names of types keep their own capitals.
    ('vim', None, 'ArrayOfString', 'string', ('xsd:string', OPTIONAL, MANY)),
    (
        *('vim', None, 'ArrayOfLocalizedMethodFault', 'LocalizedMethodFault'),
        ('vim25:LocalizedMethodFault', OPTIONAL, MANY),
    ),
    (
        *('vim', None, 'ArrayOfvslmInfrastructureObjectPolicy', 'vslmInfrastructureObjectPolicy'),
        ('vim25:vslmInfrastructureObjectPolicy', OPTIONAL, MANY),
    ),
    # A required field that is younger than its type is optional until 7.0 ...
    ('vim', '5.5', 'HostCapability', 'tpmSupported', ('xsd:boolean', OPTIONAL, '1')),
    ('vim', '7.0', 'HostCapability', 'tpmSupported', ('xsd:boolean', OPTIONAL, '1')),
    ('vim', '8.0', 'HostCapability', 'tpmSupported', ('xsd:boolean', REQUIRED, '1')),
    ('vim', None, 'HostCapability', 'tpmSupported', ('xsd:boolean', REQUIRED, '1')),
    ('vim', '5.5', 'RuleViolation', 'rule', ('vim25:ClusterRuleInfo', OPTIONAL, '1')),
    # ... but not when 2.5 added it to a type of 2.0 ...
    (
        'vim',
        '5.5',
        'HostCapability',
        'unsharedSwapVMotionSupported',
        ('xsd:boolean', REQUIRED, '1'),
    ),
    ('vim', '5.5', 'Capability', 'userShellAccessSupported', ('xsd:boolean', REQUIRED, '1')),
    # ... nor when it is as old as its type.
    ('vim', '5.5', 'Capability', 'provisioningSupported', ('xsd:boolean', REQUIRED, '1')),
    # What a version hadn't yet.
    ('vim', '8.0', 'VirtualDevice', 'numaNode', None),
    ('vim', '8.0.2.0', 'VirtualDevice', 'numaNode', ('xsd:int', OPTIONAL, '1')),
    ('pbm', '8.0', 'PbmPlacementCompatibilityResult', 'hubInfo', None),
    # dynamicType and dynamicProperty ended with 5.5.
    ('vim', '5.5', 'DynamicData', 'dynamicType', ('xsd:string', OPTIONAL, '1')),
    ('vim', '5.5', 'DynamicData', 'dynamicProperty', ('vim25:DynamicProperty', OPTIONAL, MANY)),
    ('vim', '7.0', 'DynamicData', 'dynamicType', None),
    ('vim', None, 'DynamicData', 'dynamicProperty', None),
    ('vim', None, 'DynamicArray', 'dynamicType', None),
    ('pbm', '5.5', 'DynamicData', 'dynamicType', ('xsd:string', OPTIONAL, '1')),
    ('pbm', '6.0', 'DynamicData', 'dynamicType', None),
    # Another namespace uses the types of this one.
    ('pbm', '8.0', 'PbmProfile', 'profileId', ('pbm:PbmProfileId', REQUIRED, '1')),
    (
        *('pbm', '8.0', 'PbmPlacementCompatibilityResult', 'error'),
        ('vim25:LocalizedMethodFault', OPTIONAL, MANY),
    ),
]


@pytest.mark.parametrize(('service', 'version', 'type_', 'field', 'fact'), FIELD_FACTS)
def test_field(
    shipped: Files,
    generated: Callable[..., Files],
    service: str,
    version: str | None,
    type_: str,
    field: str,
    fact: tuple[str, str, str] | None,
) -> None:
    """A field has the type and multiplicity that it has in a server's own description."""
    files = generated(service, version) if version else shipped
    assert files.own_fields(type_).get(field) == fact


@pytest.mark.parametrize(
    ('type_', 'base'),
    [
        ('DynamicData', None),
        ('DynamicArray', None),
        ('MethodFault', None),
        ('RuntimeFault', 'MethodFault'),
        ('LocalizedMethodFault', 'DynamicData'),
        ('VimFault', 'MethodFault'),
        ('NotAuthenticated', 'NoPermission'),
        ('TraversalSpec', 'SelectionSpec'),
        ('VirtualVmxnet3', 'VirtualVmxnet'),
    ],
)
def test_base(shipped: Files, type_: str, base: str | None) -> None:
    """A type extends what it extends on a server; a fault is no data object."""
    assert shipped.base(type_) == base


def test_reference_is_text_with_a_type(shipped: Files) -> None:
    """A managed object reference has one attribute, and serverGuid isn't it."""
    node = shipped.types['ManagedObjectReference']
    assert [child.tag for child in node] == [f'{XSD}simpleContent']
    assert [dict(a.attrib) for a in node.iter(f'{XSD}attribute')] == [
        {'name': 'type', 'type': 'xsd:string'}
    ]


@pytest.mark.parametrize(
    ('operation', 'result'),
    [
        ('PowerOnVM_Task', ('vim25:ManagedObjectReference', REQUIRED, '1')),
        # The table calls this task optional.
        ('GenerateLogBundles_Task', ('vim25:ManagedObjectReference', REQUIRED, '1')),
        ('FindByInventoryPath', ('vim25:ManagedObjectReference', OPTIONAL, '1')),
        ('FindAllByUuid', ('vim25:ManagedObjectReference', REQUIRED, MANY)),
        ('QueryPerf', ('vim25:PerfEntityMetricBase', OPTIONAL, MANY)),
        ('RetrievePropertiesEx', ('vim25:RetrieveResult', OPTIONAL, '1')),
        ('ValidateStoragePodConfig', ('vim25:LocalizedMethodFault', OPTIONAL, '1')),
        ('Logout', None),
    ],
)
def test_result(shipped: Files, operation: str, result: tuple[str, str, str] | None) -> None:
    """An operation returns what it returns on a server; a task always."""
    assert shipped.result(operation) == result


def test_request_types(shipped: Files) -> None:
    """_this comes first in every request, whose type is named without the _Task."""
    for operation in shipped.operations:
        request = shipped.elements[operation].get('type')
        assert request == f'vim25:{operation.removesuffix("_Task")}RequestType'
        name, fact = next(iter(shipped.request(operation).items()))
        assert (name, fact) == ('_this', ('vim25:ManagedObjectReference', REQUIRED, '1'))


def test_faults_are_declared(shipped: Files) -> None:
    """Operations declare their faults and RuntimeFault; every fault has an element."""
    assert shipped.faults('Logout') == {'RuntimeFault'}
    assert shipped.faults('Login') == {'InvalidLogin', 'InvalidLocale', 'RuntimeFault'}
    messages = {name_of(node) for node in shipped.wsdl.iterfind(f'{WSDL}message')}
    declared = set().union(*map(shipped.faults, shipped.operations))
    assert {f'{name}FaultMsg' for name in declared} <= messages
    assert 'versionURI' in shipped.elements
    for name in [name for name in shipped.types if is_fault(shipped, name)]:
        assert shipped.elements[f'{name}Fault'].get('type') == f'vim25:{name}'


def is_fault(files: Files, name: str | None) -> bool:
    while name not in (None, 'MethodFault'):
        name = files.base(name)
    return name == 'MethodFault'


def test_array_wrappers_exist_only_where_used(shipped: Files) -> None:
    """The arrays that property values come in are there, and no others."""
    assert {
        *('ArrayOfVirtualDevice', 'ArrayOfManagedObjectReference', 'ArrayOfOptionValue'),
        *('ArrayOfDatastoreHostMount', 'ArrayOfPerfCounterInfo', 'ArrayOfHostHostBusAdapter'),
        *('ArrayOfScsiLun', 'ArrayOfString', 'ArrayOfInt', 'ArrayOfDynamicProperty'),
    } <= set(shipped.types)
    unused = {'ArrayOfAboutInfo', 'ArrayOfServiceContent', 'ArrayOfstring', 'ArrayOfMethodFault'}
    assert unused & set(shipped.types) == set()


def test_enumerations_list_their_values(shipped: Files) -> None:
    """An enumeration is a restricted string with the values of the table, in its order."""
    values = [
        node.get('value') for node in shipped.types['TaskInfoState'].iter(f'{XSD}enumeration')
    ]
    assert values == ['queued', 'running', 'success', 'error']


# -- completeness -----------------------------------------------------------------------------


@pytest.mark.parametrize('operation', VIM_OPERATIONS)
def test_vim_operation_in_use(shipped: Files, operation: str) -> None:
    """An operation that users call is there, with the arguments they give."""
    assert operation in shipped.operations
    assert set(VIM_OPERATIONS[operation].split()) <= set(shipped.request(operation))


def test_vim_types_in_use(shipped: Files) -> None:
    """The types that users create are there."""
    assert [name for name in VIM_TYPES.split() if name not in shipped.types] == []


@pytest.mark.parametrize('version', ['5.5', '8.0', None])
@pytest.mark.parametrize('operation', PBM_OPERATIONS)
def test_pbm_operation_in_use(
    generated: Callable[..., Files], version: str | None, operation: str
) -> None:
    """PBM of every age has the operations that users call."""
    files = generated('pbm', version)
    assert operation in files.operations
    assert set(PBM_OPERATIONS[operation].split()) <= set(files.request(operation))


@pytest.mark.parametrize(
    ('service', 'version', 'operations', 'action'),
    [
        ('vim', '5.5', 625, 'urn:vim25/5.5'),
        ('vim', '6.7', 865, 'urn:vim25/6.7'),
        ('vim', '8.0', None, 'urn:vim25/8.0.0.0'),
        ('vim', '8.0.2.0', None, 'urn:vim25/8.0.2.0'),
        ('pbm', '5.5', 21, 'urn:pbm/1.0'),
        ('pbm', '6.0', 27, 'urn:pbm/2.0'),
        ('pbm', '6.5', 32, 'urn:pbm/6.5'),
        ('pbm', '6.7', 32, 'urn:pbm/6.7'),
        ('pbm', '7.0', 32, 'urn:pbm/7.0.0.0'),
        ('pbm', '8.0', 32, 'urn:pbm/8.0.0.0'),
    ],
)
def test_version(
    generated: Callable[..., Files],
    service: str,
    version: str,
    operations: int | None,
    action: str,
) -> None:
    """A release of vSphere gives the contract of that release, under the id its servers know.

    The counts are those of the genuine descriptions, plus (vim) 10 and 3 operations and minus
    (pbm 5.5) one that today's tables date differently.
    """
    files = generated(service, version)
    assert files.actions() == {action}
    if operations:
        assert len(files.operations) == operations
    files.schema  # noqa: B018 - compiles or raises


@pytest.mark.parametrize('version', ['5.5', '8.0', None])
def test_pbm_loads_in_suds(generated: Callable[..., Files], version: str | None) -> None:
    """A stock suds client loads PBM, old and new, with urn:pbm as the ns0 that users write."""
    files = generated('pbm', version)
    client = suds.client.Client(wsdl.file_url(files.service_wsdl), cache=None)
    for name in PBM_TYPES:
        assert client.factory.create(f'ns0:{name}').__class__.__name__ == name
    hub = client.factory.create('ns0:PbmPlacementHub')
    assert hub.__keylist__[-2:] == ['hubType', 'hubId']
    assert client.service.PbmQueryMatchingHub.method.name == 'PbmQueryMatchingHub'


# pyVmomi with the tables of VIM only: that of vSAN stamps things of its own with VIM's versions.
ASK_PYVMOMI = """
    import json, sys
    for other in ('eam', 'pbm', 'sms', 'vslm', 'vsanhealth'):
        sys.modules[f'pyVmomi._typeinfo_{other}'] = None
    import pyVmomi
    from pyVmomi import VmomiSupport
    version = VmomiSupport.newestVersions.GetName('vim')
    operations, members, values = {}, {}, {}
    for type_ in list(VmomiSupport.GetWsdlTypes()):
        if not VmomiSupport.IsChildVersion(version, getattr(type_, '_version', '')):
            continue
        if issubclass(type_, VmomiSupport.ManagedObject):
            for method in type_._methodInfo.values():
                if VmomiSupport.IsChildVersion(version, method.version):
                    operations[method.wsdlName] = [p.name for p in method.params]
        elif issubclass(type_, VmomiSupport.DataObject):
            members[type_._wsdlName] = [p.name for p in type_._GetPropertyList()]
        elif issubclass(type_, VmomiSupport.Enum):
            values[type_._wsdlName] = list(type_.values)
    print(json.dumps([operations, members, values]))
"""


@pytest.mark.usefixtures('same_tables')
def test_everything_pyvmomi_knows_is_described(shipped: Files) -> None:
    """Operations, arguments, types and members are those of pyVmomi's own classes, in order."""
    done = subprocess.run(
        [sys.executable, '-c', textwrap.dedent(ASK_PYVMOMI)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    operations, members, values = json.loads(done.stdout)
    assert len(operations) > 900
    assert {
        name: [argument for argument in shipped.request(name) if argument != '_this']
        for name in shipped.operations
    } == operations
    del members['DataObject']  # pyVmomi's own root
    for name in members:
        if is_fault(shipped, name):
            # In pyVmomi a fault is a data object and carries the text of its wrapper.
            members[name] = [m for m in members[name] if m != 'msg']
        members[name] = [m for m in members[name] if m not in ('dynamicType', 'dynamicProperty')]
    # There it extends MethodFault.
    members['LocalizedMethodFault'] = ['fault', 'localizedMessage']
    enums = {
        name: [value.get('value') for value in node.iter(f'{XSD}enumeration')]
        for name, node in shipped.types.items()
        if node.tag == f'{XSD}simpleType'
    }
    assert enums == values
    ours = {
        name: list(shipped.fields(name))
        for name, node in shipped.types.items()
        if node.tag == f'{XSD}complexType'
        and not name.startswith('ArrayOf')
        and not name.endswith('RequestType')
        and name != 'ManagedObjectReference'
    }
    assert ours == members


# -- the command ------------------------------------------------------------------------------

OLD_CORE = """
    import nowhere.at_all  # would fail if this file were executed
    AddVersion("vmodl.version.version0", "", "", 0, "vim25")
    AddVersionParent("vmodl.version.version0", "vmodl.version.version0")
    CreateDataType("vmodl.DynamicData", "DynamicData", "vmodl.DataObject",
        "vmodl.version.version0", None)
    CreateDataType("vmodl.LocalizableMessage", "LocalizableMessage", "vmodl.DynamicData",
        "vmodl.version.version0", [("key", "string", "vmodl.version.version0", 0)])
    CreateDataType("vmodl.query.PropertyCollector.PropertySpec", "PropertySpec",
        "vmodl.DynamicData", "vmodl.version.version0",
        [("pathSet", "vmodl.PropertyPath[]", "vmodl.version.version0", F_OPTIONAL)])
"""
OLD_VIM = """
    AddVersion("vim.version.version9", "vim25", "5.5", 0, "vim25")
    AddVersion("vim.version.odd", "vim25", "m123", 0, "vim25")
    AddVersionParent("vim.version.version9", "vmodl.version.version0")
    AddVersionParent("vim.version.odd", "vmodl.version.version0")
    AddVersionParent("vim.version.odd", "vim.version.version9")
    CreateDataType("vim.Old", "Old", "vmodl.DynamicData", "vim.version.version9",
        [("secret", "string", "vim.version.version9", F_OPTIONAL | F_SECRET),
         ("young", "string", "vim.version.odd", 0)])
    CreateDataType("vim.Young", "Young", "vmodl.DynamicData", "vim.version.odd", None)
    CreateManagedType("vim.Thing", "Thing", "vmodl.ManagedObject", "vim.version.version9", None,
        [("do", "DoIt", "vim.version.version9", (), (0, "void", "void"), None, None)])
"""


def test_tables_of_old_releases_are_read_as_data(tmp_path: pathlib.Path) -> None:
    """Tables under their old names are read, not executed; a build label is no release."""
    (tmp_path / 'CoreTypes.py').write_text(textwrap.dedent(OLD_CORE))
    (tmp_path / 'ServerObjects.py').write_text(textwrap.dedent(OLD_VIM))
    output = tmp_path / 'out'
    source = ('--tables', tmp_path, '--source', 'pyvmomi 5.5.0')
    done = run('--service', 'vim', *source, '--output', output)
    assert done.returncode == 0, done.stderr
    files = Files(output, 'vim')
    assert files.actions() == {'urn:vim25/5.5'}
    assert files.operations == ['DoIt']
    assert files.own_fields('Old') == {'secret': ('xsd:string', OPTIONAL, '1')}
    assert 'Young' not in files.types
    assert '"PropertySpec"' in (output / 'query-types.xsd').read_text()
    assert 'tables of pyvmomi 5.5.0;' in files.wsdl_path.read_text()
    files.schema.assertValid(body('<DoIt><_this type="Thing">t</_this></DoIt>'))


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (
            ['--version', '12.0'],
            r"VIM has no version '12\.0'; there are 2\.5, .*6\.7, .*8\.0\.0\.0",
        ),
        (['--service', 'pbm', '--version', '5.1'], r"PBM has no version '5\.1'; there are 1\.0, "),
        (['--tables', 'no-such-dir', '--source', 'x'], r'no _typeinfo_core\.py .* in no-such-dir'),
        (['--tables', 'no-such-dir'], r'--tables and --source belong together'),
    ],
)
def test_refusal_says_why(tmp_path: pathlib.Path, arguments: list[str], says: str) -> None:
    """What can't be generated is refused with a reason, and nothing is written."""
    done = run('--output', tmp_path / 'out', *arguments)
    assert done.returncode != 0
    assert re.search(says, done.stderr), done.stderr
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('argument', ['--version', '--service'])
def test_a_single_description_never_replaces_a_shipped_one(argument: str) -> None:
    """What ships is made all at once: one service or version needs a place of its own."""
    done = run(argument, {'--version': '7.0', '--service': 'pbm'}[argument])
    assert done.returncode != 0
    assert 'a single description needs --output' in done.stderr
