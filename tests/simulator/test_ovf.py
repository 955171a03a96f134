"""OVF descriptors of machines, written, read and made into machines by way of pyVmomi."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.transfers import DISK, Files, settled
from tests.simulator.vsphere import Client, connected, done

OVF = vim.OvfManager
COMMON = {'locale': '', 'deploymentOption': ''}
MIB = 1024 * 1024
DRIVE = vim.vm.device.VirtualCdrom

NAMESPACES = (
    'xmlns="http://schemas.dmtf.org/ovf/envelope/1" '
    'xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" '
    'xmlns:vmw="http://www.vmware.com/schema/ovf" '
    'xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData" '
    'xmlns:rasd='
    '"http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"'
)
REFERENCES = """
<References>
  <File ovf:href="appliance-disk1.vmdk" ovf:id="file1" ovf:size="77000"/>
</References>
<DiskSection>
  <Info>Disks</Info>
  <Disk ovf:capacity="16" ovf:capacityAllocationUnits="byte * 2^20" ovf:diskId="vmdisk1"
        ovf:fileRef="file1" ovf:populatedSize="1024"/>
  <Disk ovf:capacity="33554432" ovf:diskId="vmdisk2"/>
</DiskSection>
<NetworkSection>
  <Info>Networks</Info>
  <Network ovf:name="Front"><Description>For users</Description></Network>
</NetworkSection>
<DeploymentOptionSection>
  <Info>Sizes</Info>
  <Configuration ovf:id="small"><Label>Small</Label><Description>s</Description></Configuration>
  <Configuration ovf:id="large" ovf:default="true">
    <Label ovf:msgid="size.large">Large</Label><Description>l</Description>
  </Configuration>
</DeploymentOptionSection>
"""
SYSTEM = """
<VirtualSystem ovf:id="appliance">
  <Info>A machine</Info>
  <Name>Appliance</Name>
  <AnnotationSection><Info/><Annotation>What it is for</Annotation></AnnotationSection>
  <ProductSection ovf:class="com.example" ovf:instance="1">
    <Info/><Product>Example</Product><Vendor>Example, Inc.</Vendor><Version>1.2</Version>
    <Category>Network</Category>
    <Property ovf:key="port" ovf:type="uint16" ovf:value="80" ovf:userConfigurable="true">
      <Label>Port</Label>
      <Value ovf:value="8080" ovf:configuration="large"/>
    </Property>
    <Property ovf:key="secret" ovf:type="string" ovf:password="true"/>
  </ProductSection>
  <vmw:IpAssignmentSection vmw:protocols="IPv4,IPv6" vmw:schemes="dhcp"><Info/>
  </vmw:IpAssignmentSection>
  <EulaSection><Info/><License>Be nice.</License></EulaSection>
  <OperatingSystemSection ovf:id="94"><Info/><Description>Ubuntu</Description>
  </OperatingSystemSection>
  <VirtualHardwareSection ovf:transport="com.vmware.guestInfo iso">
    <Info/>
    <System>
      <vssd:ElementName>Family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID>
      <vssd:VirtualSystemType>vmx-13 vmx-19 vmx-99</vssd:VirtualSystemType>
    </System>
    {items}
    <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>
    <vmw:ExtraConfig vmw:key="guestinfo.color" vmw:value="blue"/>
  </VirtualHardwareSection>
</VirtualSystem>
"""


def item(kind: int, number: int, *, attributes: str = '', **said: Any) -> str:
    members = {'ElementName': f'part {number}', 'InstanceID': number, 'ResourceType': kind, **said}
    inner = ''.join(f'<rasd:{name}>{members[name]}</rasd:{name}>' for name in sorted(members))
    return f'<Item {attributes}>{inner}</Item>'


CPUS = item(3, 1, VirtualQuantity=2, attributes='ovf:configuration="small"')
MORE_CPUS = item(3, 1, VirtualQuantity=8, attributes='ovf:configuration="large"')
MEMORY = item(4, 2, VirtualQuantity=2, AllocationUnits='byte * 2^30')
SCSI = item(6, 3, Address=0, ResourceSubType='lsilogic')
FIRST = item(17, 4, AddressOnParent=0, Parent=3, HostResource='ovf:/disk/vmdisk1')
SECOND = item(17, 5, AddressOnParent=2, Parent=3, HostResource='/disk/vmdisk2')
CARD = item(10, 6, Connection='Front', ResourceSubType='VmxNet3')
USUAL = (CPUS, MORE_CPUS, MEMORY, FIRST, SECOND, SCSI, CARD)


def descriptor(*items: str, references: str = REFERENCES, system: str = SYSTEM) -> str:
    inner = references + system.replace('{items}', ''.join(items or USUAL))
    return f'<?xml version="1.0" encoding="UTF-16"?>\n<Envelope {NAMESPACES}>{inner}</Envelope>'


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected() as made:
        yield made


@pytest.fixture(scope='module')
def pool(client: Client) -> Any:
    return client.at('Frankfurt/host/fra-cluster-01/Resources')


@pytest.fixture(scope='module')
def datastore(pool: Any) -> Any:
    return next(one for one in pool.owner.datastore if one.name == 'fra-nfs-01')


def spec_of(client: Client, pool: Any, datastore: Any, text: str, **params: Any) -> Any:
    """What CreateImportSpec makes of a descriptor."""
    wanted = OVF.CreateImportSpecParams(**{**COMMON, 'entityName': 'made', **params})
    return client.content.ovfManager.CreateImportSpec(text, pool, datastore, wanted)


def parse(client: Client, text: str, **params: Any) -> Any:
    wanted = OVF.ParseDescriptorParams(**{**COMMON, **params})
    return client.content.ovfManager.ParseDescriptor(text, wanted)


def devices(spec: Any, kind: type) -> list[Any]:
    changes = spec.importSpec.configSpec.deviceChange
    return [one.device for one in changes if isinstance(one.device, kind)]


def test_a_descriptor_is_described(client: Client) -> None:
    """A client that deploys learns what there is to choose and to say."""
    bundle = [vim.KeyValue(key='size.large', value='Gross')]
    found = parse(client, descriptor(), msgBundle=bundle)
    assert not found.error
    assert (found.defaultEntityName, found.annotation) == ('Appliance', 'What it is for')
    assert list(found.eula) == ['Be nice.']
    assert [(one.name, one.description) for one in found.network] == [('Front', 'For users')]
    assert [one.label for one in found.deploymentOption] == ['Small', 'Gross']
    assert found.defaultDeploymentOption == 'large'
    assert (found.productInfo.name, found.productInfo.vendor) == ('Example', 'Example, Inc.')
    assert list(found.ipProtocols) == ['IPv4', 'IPv6']
    assert list(found.ipAllocationScheme) == ['dhcp']
    port, secret = found.property
    assert (port.classId, port.id, port.instanceId) == ('com.example', 'port', '1')
    assert (port.category, port.label, port.type) == ('Network', 'Port', 'uint16')
    assert (port.defaultValue, port.userConfigurable) == ('8080', True)
    assert secret.userConfigurable is False
    assert parse(client, descriptor(), deploymentOption='small').property[0].defaultValue == '80'
    assert found.approximateDownloadSize == 77000
    assert found.approximateFlatDeploymentSize == 48 * MIB
    assert found.approximateSparseDeploymentSize == 1024


def test_a_descriptor_becomes_a_machine(client: Client, pool: Any, datastore: Any) -> None:
    """The specification has the hardware, and the machine that is made of it what it says."""
    found = spec_of(
        client,
        pool,
        datastore,
        descriptor(),
        entityName='appliance/1',
        diskProvisioning='thin',
        ipProtocol='IPv4',
        networkMapping=[OVF.NetworkMapping(name='Front', network=pool.owner.network[0])],
        propertyMapping=[vim.KeyValue(key='com.example.port.1', value='443')],
    )
    assert not found.error
    # What the descriptor says by a number only is a guess.
    assert [type(one) for one in found.warning] == [vim.fault.OvfMappedOsId]
    (file,) = found.fileItem
    assert (file.path, file.size, file.cimType) == ('appliance-disk1.vmdk', 77000, 17)
    lease = settled(pool.ImportVApp(found.importSpec, client.at('Frankfurt').vmFolder))
    keys = [one.importKey for one in lease.info.deviceUrl]
    assert file.deviceId == '/appliance%2f1/VirtualLsiLogicController0:0'
    assert keys == [file.deviceId, file.deviceId[:-1] + '2']
    lease.HttpNfcLeaseComplete()
    made = lease.info.entity
    config = made.config
    assert (config.hardware.numCPU, config.hardware.memoryMB) == (8, 2048)
    assert (config.guestId, config.version, config.firmware) == ('ubuntu64Guest', 'vmx-19', 'efi')
    assert config.annotation == 'What it is for'
    assert {'guestinfo.color': 'blue'}.items() <= {
        one.key: one.value for one in config.extraConfig
    }.items()
    disks = [one for one in config.hardware.device if isinstance(one, DISK)]
    assert [(one.capacityInKB, one.unitNumber) for one in disks] == [(16384, 0), (32768, 2)]
    assert all(one.backing.thinProvisioned for one in disks)
    assert list(made.network) == [pool.owner.network[0]]
    assert (config.vAppConfig.ipAssignment.ipProtocol) == 'IPv4'
    assert list(config.vAppConfig.ovfEnvironmentTransport) == ['com.vmware.guestInfo', 'iso']
    assert [one.value for one in config.vAppConfig.property] == ['443', '']
    done(made.Destroy_Task())


def test_a_disc_comes_with_its_machine(client: Client, pool: Any, datastore: Any) -> None:
    """The image of a drive is sent to a URL of its own, as it is, and is in the drive then."""
    image = b'An image of a disc.'
    references = '<References><File ovf:href="a.iso" ovf:id="f" ovf:size="19"/></References>'
    drive = item(15, 4, Parent=3, HostResource='ovf:/file/f')
    found = spec_of(
        client,
        pool,
        datastore,
        descriptor(MEMORY, item(5, 3), drive, references=references),
        entityName='disc',
    )
    assert not found.error
    (file,) = found.fileItem
    assert (file.path, file.create, file.cimType) == ('a.iso', True, 15)
    lease = settled(pool.ImportVApp(found.importSpec, client.at('Frankfurt').vmFolder))
    (url,) = lease.info.deviceUrl
    assert (url.importKey, url.disk) == (file.deviceId, False)
    with requests.Session() as session:
        session.trust_env, session.verify = False, client.vc.cacert
        assert session.put(url.url, data=image, timeout=30).status_code == 201
    (entry,) = lease.HttpNfcLeaseGetManifest()
    assert (entry.size, entry.disk) == (len(image), False)
    lease.HttpNfcLeaseComplete()
    made = lease.info.entity
    (there,) = [one for one in made.config.hardware.device if isinstance(one, DRIVE)]
    assert there.backing.fileName == '[fra-nfs-01] disc/_deviceImage-0.iso'
    files = Files(client)
    assert files.name == 'fra-nfs-01'
    assert files.get('disc/_deviceImage-0.iso') == image
    files.http.close()
    exported = OVF.OvfFile(deviceId=url.key, path='b.iso', size=19)
    text = described(client, made, ovfFiles=[exported]).ovfDescriptor
    assert spec_of(client, pool, datastore, text).fileItem[0].path == 'b.iso'
    done(made.Destroy_Task())


def test_properties_of_an_appliance_change(client: Client) -> None:
    """A reconfiguration adds, edits and removes what a machine says of itself."""
    machine = client.at('Frankfurt/vm/Production/fra-app-0003')
    spec, info = vim.vApp.PropertySpec, vim.vApp.PropertyInfo

    def change(*changes: Any) -> list[tuple[Any, ...]]:
        wanted = vim.vApp.VmConfigSpec(property=list(changes))
        done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(vAppConfig=wanted)))
        return [(one.key, one.id, one.value) for one in machine.config.vAppConfig.property]

    first = spec(operation='add', info=info(key=0, id='a', value='1'))
    second = spec(operation='add', info=info(key=1, id='b', value='2'))
    assert change(first, second) == [(0, 'a', '1'), (1, 'b', '2')]
    assert change(spec(operation='edit', info=info(key=0, value='3')))[0] == (0, 'a', '3')
    assert change(spec(operation='remove', removeKey=0)) == [(1, 'b', '2')]
    with pytest.raises(vim.fault.NotFound):
        change(spec(operation='remove', removeKey=7))
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(vAppConfigRemoved=True)))
    assert machine.config.vAppConfig is None


@pytest.mark.parametrize(
    ('option', 'cpus'), [('', 8), ('small', 2), ('large', 8)], ids=['default', 'small', 'large']
)
def test_deployment_options(
    client: Client, pool: Any, datastore: Any, option: str, cpus: int
) -> None:
    """Hardware for another size is left out."""
    found = spec_of(client, pool, datastore, descriptor(), deploymentOption=option)
    assert found.importSpec.configSpec.numCPUs == cpus


@pytest.mark.parametrize(
    ('wanted', 'thin', 'eager'),
    [(None, False, False), ('sparse', True, False), ('eagerZeroedThick', False, True)],
)
def test_how_disks_are_provided(
    client: Client, pool: Any, datastore: Any, wanted: str | None, thin: bool, eager: bool
) -> None:
    """Disks are thick unless the client wants them otherwise."""
    found = spec_of(client, pool, datastore, descriptor(), diskProvisioning=wanted)
    for disk in devices(found, DISK):
        assert (disk.backing.thinProvisioned, disk.backing.eagerlyScrub) == (thin, eager)


FAULT = vim.fault
NO_SYSTEM = f'<Envelope {NAMESPACES}></Envelope>'
SERIAL = item(99, 9)


@pytest.mark.parametrize(
    ('text', 'fault'),
    [
        ('', FAULT.OvfXmlFormat),
        ('<Envelope', FAULT.OvfXmlFormat),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', FAULT.OvfXmlFormat),
        ('<?a?> <!-- b -->\n<!DOCTYPE a><a/>', FAULT.OvfXmlFormat),
        ('<Envelope/>', FAULT.OvfWrongNamespace),
        (NO_SYSTEM, FAULT.OvfMissingElement),
        (
            NO_SYSTEM.replace('></E', '><VirtualSystemCollection/></E'),
            FAULT.OvfUnsupportedElement,
        ),
        (descriptor(references=''), FAULT.OvfInvalidValueReference),
        (descriptor().replace('fileRef="file1"', 'fileRef="other"'),
         FAULT.OvfInvalidValueReference),
        (descriptor().replace('capacity="16"', 'capacity="much"'),
         FAULT.OvfInvalidValueFormatMalformed),
        (descriptor().replace('ovf:capacity="16"', ''), FAULT.OvfMissingAttribute),
        (descriptor().replace('byte * 2^20', 'spoons'), FAULT.OvfHostValueNotParsed),
        (descriptor().replace('vmx-13 vmx-19', 'virtualbox-2.2'),
         FAULT.OvfNoSupportedHardwareFamily),
        (descriptor(MEMORY, item(6, 3, ResourceSubType='odd')), FAULT.OvfUnsupportedSubType),
        (descriptor(MEMORY, SERIAL), FAULT.OvfUnsupportedType),
        (descriptor(MEMORY, FIRST), FAULT.OvfUnsupportedType),
        (descriptor(item(5, 3), *(FIRST for _ in range(3))), FAULT.OvfNoSpaceOnController),
    ],
)  # fmt: skip
def test_what_cannot_be_imported(
    client: Client, pool: Any, datastore: Any, text: str, fault: type[Exception]
) -> None:
    """What is wrong with a descriptor is in the result, and there is nothing to import."""
    found = spec_of(client, pool, datastore, text)
    (error,) = found.error
    assert type(error) is fault
    assert found.importSpec is None
    assert not found.fileItem
    host = pool.owner.host[0]
    checked = client.content.ovfManager.ValidateHost(text, host, OVF.ValidateHostParams(**COMMON))
    assert [type(one) for one in checked.error] == [fault]


def test_what_cannot_be_parsed(client: Client) -> None:
    """A descriptor that is none is described by its error, with the line."""
    found = parse(client, '<Envelope>\n<a></Envelope>')
    (error,) = found.error
    assert (type(error), error.lineNumber) == (FAULT.OvfXmlFormat, 2)


@pytest.mark.parametrize(
    ('params', 'fault'),
    [
        ({'diskProvisioning': 'twoGbMaxExtentFlat'}, FAULT.OvfUnsupportedDiskProvisioning),
        ({'deploymentOption': 'huge'}, FAULT.OvfInvalidValueConfiguration),
        (
            {'propertyMapping': [vim.KeyValue(key='com.example.port.1', value='http')]},
            FAULT.OvfPropertyValue,
        ),
    ],
    ids=['provisioning', 'option', 'property'],
)
def test_wishes_that_cannot_be_met(
    client: Client, pool: Any, datastore: Any, params: dict[str, Any], fault: type[Exception]
) -> None:
    """What a client wants and the descriptor or the server has not is an error of the result."""
    found = spec_of(client, pool, datastore, descriptor(), **params)
    assert [type(one) for one in found.error] == [fault]


def test_places_that_are_elsewhere() -> None:
    """Networks and datastores have to be those of the pool's hosts."""
    with connected(Inventory(datacenters=2, vms=0)) as client:
        here, there = client.content.rootFolder.childEntity
        pool = here.hostFolder.childEntity[0].resourcePool
        mapping = [OVF.NetworkMapping(name='Front', network=there.network[0])]
        found = spec_of(client, pool, pool.owner.datastore[0], descriptor(), networkMapping=mapping)
        assert [type(one) for one in found.error] == [FAULT.OvfNetworkMappingNotSupported]
        with pytest.raises(FAULT.InvalidDatastore):
            spec_of(client, pool, there.datastore[0], descriptor())


def test_what_is_not_required_is_left_out(client: Client, pool: Any, datastore: Any) -> None:
    """Hardware that is unknown and not required is told as a warning."""
    text = descriptor(MEMORY, item(99, 9, attributes='ovf:required="false"'))
    found = spec_of(client, pool, datastore, text)
    assert found.importSpec is not None
    assert FAULT.OvfUnsupportedType in [type(one) for one in found.warning]


def test_a_host_is_asked(client: Client, pool: Any) -> None:
    """A host says how large a package will be, and how disks can be provided there."""
    found = client.content.ovfManager.ValidateHost(
        descriptor(), pool.owner.host[0], OVF.ValidateHostParams(**COMMON)
    )
    assert not found.error
    assert (found.downloadSize, found.flatDeploymentSize) == (77000, 48 * MIB)
    assert {'thin', 'thick', 'eagerZeroedThick'} <= set(found.supportedDiskProvisioning)


def described(client: Client, machine: Any, **params: Any) -> Any:
    wanted = OVF.CreateDescriptorParams(**params)
    return client.content.ovfManager.CreateDescriptor(machine, wanted)


def test_a_machine_is_described(client: Client, pool: Any, datastore: Any) -> None:
    """The descriptor of a machine makes a machine like it."""
    machine = client.at('Frankfurt/vm/Production/fra-app-0003')
    key = f'/{machine._moId}/ParaVirtualSCSIController0:0'
    file = OVF.OvfFile(deviceId=key, path='disk-0.vmdk', size=4711)
    found = described(client, machine, name='copy', description='d', ovfFiles=[file])
    assert not found.error
    text = found.ovfDescriptor
    assert parse(client, text).defaultEntityName == 'copy'
    assert parse(client, text).annotation == 'd'
    # Members of an item stand in the order of the alphabet; its schema has a sequence.
    for one in ElementTree.fromstring(text).iter(f'{{{NAMESPACES.split(chr(34))[1]}}}Item'):
        names = [child.tag for child in one]
        assert names == sorted(names)
    spec = spec_of(client, pool, datastore, text)
    assert not spec.error
    assert not spec.warning
    made = spec.importSpec.configSpec
    hardware = machine.config.hardware
    assert (made.numCPUs, made.memoryMB) == (hardware.numCPU, hardware.memoryMB)
    assert (made.guestId, made.version) == (machine.config.guestId, machine.config.version)
    (disk,) = devices(spec, DISK)
    original = next(one for one in hardware.device if isinstance(one, DISK))
    assert disk.capacityInBytes == original.capacityInBytes
    (item,) = spec.fileItem
    assert (item.path, item.size) == ('disk-0.vmdk', 4711)
    assert item.deviceId == '/made/ParaVirtualSCSIController0:0'
    (card,) = devices(spec, vim.vm.device.VirtualEthernetCard)
    (there,) = [one for one in hardware.device if isinstance(one, type(card))]
    if hasattr(there.backing, 'network'):
        assert card.backing.network == there.backing.network
    else:
        assert card.backing.port.portgroupKey == there.backing.port.portgroupKey


def test_a_snapshot_is_described(client: Client) -> None:
    """The hardware of a snapshot is described, and only of one of the machine's own."""
    machine = client.at('Frankfurt/vm/Production/fra-app-0003')
    other = next(one for one in client.all(vim.VirtualMachine) if one != machine)
    snapshot = done(machine.CreateSnapshot_Task('s', '', False, False))
    assert 'vmdisk1' in described(client, machine, snapshot=snapshot).ovfDescriptor
    with pytest.raises(vmodl.fault.InvalidArgument):
        described(client, other, snapshot=snapshot)
    done(machine.RemoveAllSnapshots_Task())


def test_an_image_in_a_drive_is_told(client: Client) -> None:
    """A drive with an image is described without it, which is a warning."""
    machine = client.at('Frankfurt/vm/Production/fra-app-0003')
    kind = DRIVE
    drive = next(one for one in machine.config.hardware.device if isinstance(one, kind))
    drive.backing = kind.IsoBackingInfo(fileName='[fra-nfs-01] a.iso')
    change = vim.vm.device.VirtualDeviceSpec(operation='edit', device=drive)
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))
    (warning,) = described(client, machine).warning
    assert (type(warning), warning.filename) == (FAULT.OvfConnectedDeviceIso, '[fra-nfs-01] a.iso')


def test_only_machines_are_described(client: Client, pool: Any) -> None:
    """What is no machine has no descriptor."""
    with pytest.raises(vmodl.fault.InvalidArgument):
        described(client, pool)
