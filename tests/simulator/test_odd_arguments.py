"""Arguments that make no sense are refused with a fault that says so, and change nothing."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Ref
from oslo_vmware.simulator.objects.datastore import Datastore
from tests.simulator.conftest import Soap
from tests.simulator.vsphere import Client, connected, done, failed

OVF = """<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:r="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
 xmlns:v="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
<References/><DiskSection><Info/><Disk ovf:capacity="1" ovf:capacityAllocationUnits="{unit}"
 ovf:diskId="d1" ovf:populatedSize="{populated}"/></DiskSection>
<VirtualSystem ovf:id="x"><Info/><Name>x</Name>
<OperatingSystemSection ovf:id="{system}"><Info/></OperatingSystemSection>
<VirtualHardwareSection><Info/>
<System><v:VirtualSystemType>{hardware}</v:VirtualSystemType></System>
<Item><r:InstanceID>1</r:InstanceID><r:ResourceType>3</r:ResourceType>
<r:VirtualQuantity>{processors}</r:VirtualQuantity></Item>
<Item><r:InstanceID>2</r:InstanceID><r:ResourceType>4</r:ResourceType>
<r:VirtualQuantity>1</r:VirtualQuantity><r:AllocationUnits>{memory}</r:AllocationUnits></Item>
</VirtualHardwareSection></VirtualSystem></Envelope>"""
MIB = 'byte * 2^20'
SENSE = {
    'unit': MIB,
    'populated': '0',
    'system': '94',
    'hardware': 'vmx-13',
    'processors': '1',
    'memory': MIB,
}


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected() as made:
        yield made
        assert made.vc.errors == []


@pytest.fixture(scope='module')
def cluster(client: Client) -> Any:
    return client.all(vim.ClusterComputeResource)[0]


@pytest.mark.parametrize('path', ['/', '.', '..', '../..', '/etc'])
def test_no_path_leads_out_of_a_datastore(client: Client, path: str) -> None:
    """Whatever a client says, real files are below the directory of the datastore."""
    datastore = next(client.vc.world.of_type(Datastore))
    volume = client.vc.world.files.of(datastore)
    real = pathlib.Path(volume.real(path)).resolve()
    assert real.is_relative_to(pathlib.Path(volume.directory).resolve())


def test_a_first_class_disk_at_the_top(client: Client) -> None:
    """The root of a datastore is a directory for a new disk, and not that of the computer."""
    datastore = client.at('Frankfurt/datastore/fra-nfs-01')
    backing = vim.vslm.CreateSpec.DiskFileBackingSpec(datastore=datastore, path='/')
    manager = client.content.vStorageObjectManager
    spec = vim.vslm.CreateSpec(name='top', capacityInMB=1, backingSpec=backing)
    made = done(manager.CreateDisk_Task(spec))
    path = made.config.backing.filePath
    assert path.startswith('[fra-nfs-01] ')
    assert '/' not in path
    done(manager.DeleteVStorageObject_Task(made.config.id, datastore))


def test_a_disk_with_snapshots_stays_with_them() -> None:
    """A machine cannot take a first class disk away from its snapshots."""
    with connected() as client:
        machine = client.at('Frankfurt/vm/Production/fra-web-0001')
        place, other = (
            machine.datastore[0],
            client.at('Frankfurt/datastore/fra-pod-01').childEntity[0],
        )
        backing = vim.vslm.CreateSpec.DiskFileBackingSpec(datastore=place)
        manager = client.content.vStorageObjectManager
        spec = vim.vslm.CreateSpec(name='kept', capacityInMB=1, backingSpec=backing)
        disk = done(manager.CreateDisk_Task(spec)).config.id
        snapshot = done(manager.VStorageObjectCreateSnapshot_Task(disk, place, 'first'))
        done(machine.AttachDisk_Task(disk, place))
        failed(
            vim.fault.InvalidState,
            machine.RelocateVM_Task(vim.vm.RelocateSpec(datastore=other)),
        )
        assert machine.datastore[0] == place
        done(machine.DetachDisk_Task(disk))
        done(manager.DeleteSnapshot_Task(disk, place, snapshot))
        done(manager.DeleteVStorageObject_Task(disk, place))
        assert client.vc.errors == []


def test_rules_are_about_machines_of_the_cluster(client: Client, cluster: Any) -> None:
    """A rule that names something else is refused, and machines start as before."""
    stranger = vim.VirtualMachine(client.at('Frankfurt')._moId, client.content.rootFolder._stub)
    rule = vim.cluster.AntiAffinityRuleSpec(
        name='odd', enabled=True, vm=[cluster.host[0].vm[0], stranger]
    )
    spec = vim.cluster.ConfigSpecEx(rulesSpec=[vim.cluster.RuleSpec(operation='add', info=rule)])
    failed(vmodl.fault.InvalidArgument, cluster.ReconfigureComputeResource_Task(spec, True))
    assert list(cluster.configurationEx.rule) == []


def test_a_switch_is_told_once(client: Client) -> None:
    """Names and hosts that stand twice in one request are refused before anything is made."""
    (switch, *_others) = client.all(vim.DistributedVirtualSwitch)
    before = len(switch.portgroup)
    group = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
        name='same', type='earlyBinding', numPorts=4
    )
    failed(vim.fault.DuplicateName, switch.AddDVPortgroup_Task([group, group]))
    assert len(switch.portgroup) == before
    kind = vim.dvs.VmwareDistributedVirtualSwitch.ConfigSpec
    create = vim.DistributedVirtualSwitch.CreateSpec(configSpec=kind(name='new'))
    new = done(client.at('Frankfurt/network').CreateDVS_Task(create))
    joins = vim.dvs.HostMember.ConfigSpec(operation='add', host=switch.summary.hostMember[0])
    twice = kind(configVersion=new.config.configVersion, host=[joins, joins])
    failed(vmodl.fault.InvalidArgument, new.ReconfigureDvs_Task(twice))
    assert list(new.summary.hostMember) == []
    done(new.Destroy())
    contact = vim.DistributedVirtualSwitch.ContactInfo(name='the network team')
    spec = kind(configVersion=switch.config.configVersion, contact=contact)
    done(switch.ReconfigureDvs_Task(spec))
    assert switch.summary.contact.name == switch.config.contact.name == 'the network team'


@pytest.mark.parametrize('field', ['host', 'pool'])
def test_recommendations_are_for_hosts_and_pools(client: Client, field: str) -> None:
    """A placement that names another kind of object is refused."""
    soap, manager = Soap(client.vc), client.content.storageResourceManager
    assert soap.login().fault is None
    machine, pod = (
        client.at(f'Frankfurt/{path}')._moId
        for path in ('vm/Production/fra-web-0001', 'datastore/fra-pod-01')
    )
    folder = client.at('Frankfurt/vm')._moId
    spec = (
        f'<storageSpec><type>relocate</type><vm type="VirtualMachine">{machine}</vm>'
        f'<podSelectionSpec><storagePod type="StoragePod">{pod}</storagePod></podSelectionSpec>'
        f'<relocateSpec><{field} type="Folder">{folder}</{field}></relocateSpec></storageSpec>'
    )
    this = Ref('StorageResourceManager', manager._moId)
    assert soap.call('RecommendDatastores', this, spec).fault_type == 'InvalidArgument'
    soap.http.close()


def test_a_range_of_endless_numbers(client: Client) -> None:
    """It is none that anybody can mean, so that all of the file comes."""
    vc = client.vc
    url = f'{vc.url}/folder/odd.txt?dcPath=Frankfurt&dsName=fra-nfs-01'
    session = requests.Session()
    session.trust_env, session.verify = False, vc.cacert
    session.auth = (vc.username, vc.password)
    assert session.put(url, data=b'all of it', timeout=30).status_code == 201
    found = session.get(url, headers={'Range': f'bytes={"9" * 5000}-'}, timeout=30)
    assert (found.status_code, found.content) == (200, b'all of it')
    session.close()


@pytest.mark.parametrize(
    ('odd', 'complains'),
    [
        ({}, False),
        ({'system': '\u00b2'}, False),
        ({'system': '9' * 5000}, False),
        ({'populated': '\u00b2'}, False),
        ({'hardware': 'vmx-\u00b2'}, True),
        ({'unit': 'byte * 2^90'}, True),
        ({'memory': 'byte * 2^90'}, True),
        ({'processors': '9' * 18}, True),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_numbers_of_a_package(client: Client, odd: dict[str, str], complains: bool) -> None:
    """What is no number, or larger than any, is told of or passed over, and never breaks."""
    machine = client.at('Frankfurt/vm/Production/fra-web-0001')
    result = client.content.ovfManager.CreateImportSpec(
        OVF.format(**{**SENSE, **odd}),
        machine.resourcePool,
        machine.datastore[0],
        vim.OvfManager.CreateImportSpecParams(entityName='x', locale='', deploymentOption=''),
    )
    assert bool(result.error) is complains
    assert (result.importSpec is None) is complains
