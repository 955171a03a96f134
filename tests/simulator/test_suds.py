"""A stock suds client that knows nothing but the description which the server serves."""

from __future__ import annotations

import http.cookiejar
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import suds
import suds.client
import suds.sudsobject
import suds.transport.https

from oslo_vmware.simulator import Inventory, VCenterSimulator


class VerifiedTransport(suds.transport.https.HttpTransport):
    """suds' own transport, with a context that verifies."""

    def __init__(self, cacert: str | None) -> None:
        super().__init__(timeout=30)
        self._context = ssl.create_default_context(cafile=cacert)
        self.cookiejar = http.cookiejar.CookieJar()

    def u2handlers(self) -> list[Any]:
        return [
            *super().u2handlers(),
            urllib.request.HTTPSHandler(context=self._context),
            urllib.request.HTTPCookieProcessor(self.cookiejar),
        ]


@pytest.fixture(scope='module')
def vc() -> Iterator[VCenterSimulator]:
    with VCenterSimulator(api_version='8.0.3.0', inventory=Inventory(vms=5)) as simulator:
        yield simulator
    assert simulator.errors == []


@pytest.fixture(scope='module')
def client(vc: VCenterSimulator) -> suds.client.Client:
    """One client for all tests here: reading the description takes suds seconds."""
    return suds.client.Client(
        f'{vc.sdk_url}/vimService.wsdl',
        location=vc.sdk_url,
        transport=VerifiedTransport(vc.cacert),
        cache=None,
        timeout=30,
    )


def moref(value: str, type_: str) -> Any:
    made = suds.sudsobject.Property(value)
    made._type = type_
    return made


@pytest.fixture
def content(client: suds.client.Client, vc: VCenterSimulator) -> Any:
    """The service content, logged in."""
    found = client.service.RetrieveServiceContent(moref('ServiceInstance', 'ServiceInstance'))
    client.service.Login(found.sessionManager, vc.username, vc.password)
    return found


def retrieve(client: suds.client.Client, content: Any, type_: str, *paths: str) -> Any:
    """Properties of all objects of a type, through a container view."""
    view = client.service.CreateContainerView(
        content.viewManager, content.rootFolder, [type_], True
    )
    create = client.factory.create
    traversal = create('ns0:TraversalSpec')
    traversal.type, traversal.path, traversal.skip = 'ContainerView', 'view', False
    object_spec = create('ns0:ObjectSpec')
    object_spec.obj, object_spec.skip, object_spec.selectSet = view, True, [traversal]
    property_spec = create('ns0:PropertySpec')
    property_spec.type, property_spec.pathSet = type_, list(paths)
    filter_spec = create('ns0:PropertyFilterSpec')
    filter_spec.objectSet, filter_spec.propSet = [object_spec], [property_spec]
    options = create('ns0:RetrieveOptions')
    return client.service.RetrievePropertiesEx(content.propertyCollector, [filter_spec], options)


def test_the_description_names_the_servers_version(
    vc: VCenterSimulator, client: suds.client.Client, content: Any
) -> None:
    """A client that follows the description sends a SOAPAction that the server accepts."""
    assert content.about.apiVersion == '8.0.3.0'
    assert {call.soap_action for call in vc.calls} == {'"urn:vim25/8.0.3.0"'}


def test_properties_are_decoded(
    vc: VCenterSimulator, client: suds.client.Client, content: Any
) -> None:
    """Names, references, arrays and data objects arrive as suds builds them."""
    result = retrieve(client, content, 'VirtualMachine', 'name', 'config', 'datastore')
    assert len(result.objects) == 5
    for one in result.objects:
        read = {prop.name: prop.val for prop in one.propSet}
        machine: Any = vc.world.objects[one.obj.value]
        assert one.obj._type == 'VirtualMachine'
        assert read['name'] == machine.name
        assert read['config'].__class__.__name__ == 'VirtualMachineConfigInfo'
        assert read['config'].name == machine.name
        devices = [device.__class__.__name__ for device in read['config'].hardware.device]
        assert 'VirtualDisk' in devices
        (datastore,) = read['datastore'].ManagedObjectReference
        assert datastore._type == 'Datastore'


@pytest.mark.parametrize(
    'type_',
    [
        'HostSystem',
        'ClusterComputeResource',
        'Datastore',
        'VmwareDistributedVirtualSwitch',
        'DistributedVirtualPortgroup',
        'ResourcePool',
        'StoragePod',
        'Datacenter',
    ],
)
def test_summaries_of_all_kinds_are_decoded(
    client: suds.client.Client, content: Any, type_: str
) -> None:
    """suds, strict about what its schema does not know, decodes every kind of object."""
    paths = {
        'HostSystem': ['summary', 'config', 'hardware', 'capability'],
        'ClusterComputeResource': ['summary', 'configuration', 'configurationEx'],
        'Datastore': ['summary', 'info', 'host', 'capability'],
        'VmwareDistributedVirtualSwitch': ['summary', 'config', 'capability'],
        'DistributedVirtualPortgroup': ['summary', 'config'],
        'ResourcePool': ['summary', 'config', 'runtime'],
        'StoragePod': ['summary', 'podStorageDrsEntry'],
        'Datacenter': ['configuration', 'vmFolder'],
    }[type_]
    result = retrieve(client, content, type_, 'name', *paths)
    assert result.objects
    for one in result.objects:
        assert {'name', paths[0]} <= {prop.name for prop in one.propSet}


def test_faults_are_web_faults(client: suds.client.Client, content: Any) -> None:
    """A fault arrives as suds' WebFault with a document that holds its type and members."""
    with pytest.raises(suds.WebFault) as caught:
        client.service.PowerOnVM_Task(moref('vm-99999', 'VirtualMachine'))
    assert 'has already been deleted' in caught.value.fault.faultstring
    (detail,) = caught.value.document.childAtPath('/Envelope/Body/Fault/detail').children
    assert detail.get('type') == 'ManagedObjectNotFound'
    assert detail.getChild('obj').text == 'vm-99999'


def test_a_machine_is_reconfigured(
    vc: VCenterSimulator, client: suds.client.Client, content: Any
) -> None:
    """A nested spec that suds wrote is understood, and the task that it starts succeeds."""
    result = retrieve(client, content, 'VirtualMachine', 'runtime.powerState')
    stopped = next(one.obj for one in result.objects if one.propSet[0].val == 'poweredOff')
    spec = client.factory.create('ns0:VirtualMachineConfigSpec')
    spec.memoryMB, spec.numCPUs, spec.annotation = 3072, 3, 'changed'
    task = client.service.ReconfigVM_Task(stopped, spec)
    wanted = client.factory.create('ns0:PropertySpec')
    wanted.type, wanted.pathSet = 'Task', ['info']
    start = client.factory.create('ns0:ObjectSpec')
    start.obj = task
    filter_spec = client.factory.create('ns0:PropertyFilterSpec')
    filter_spec.objectSet, filter_spec.propSet = [start], [wanted]
    collector = content.propertyCollector
    client.service.CreateFilter(collector, filter_spec, False)
    version, state = '', None
    while state not in ('success', 'error'):
        update = client.service.WaitForUpdatesEx(collector, version)
        version = update.version
        state = update.filterSet[0].objectSet[0].changeSet[0].val.state
    assert state == 'success'
    machine: Any = vc.world.objects[stopped.value]
    hardware = machine.config.hardware
    assert (hardware.memoryMB, hardware.numCPU) == (3072, 3)
    assert machine.config.annotation == 'changed'
