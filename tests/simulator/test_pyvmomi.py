"""pyVmomi against the simulator, as its users write their programs."""

from __future__ import annotations

import gc
import ssl
from typing import Any

import pytest
from pyVim import connect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.simulator.conftest import pyvmomi_connection

PC = vmodl.query.PropertyCollector


def test_the_certificate_is_verified(vcenter: VCenterSimulator) -> None:
    """SmartConnect refuses the server unless it knows its authority."""
    with pytest.raises(ssl.SSLCertVerificationError):
        connect.SmartConnect(
            host=vcenter.host,
            port=vcenter.port,
            user=vcenter.username,
            pwd=vcenter.password,
            sslContext=ssl.create_default_context(),
        )
    instance = pyvmomi_connection(vcenter)
    assert instance.content.about.apiType == 'VirtualCenter'
    connect.Disconnect(instance)
    assert len(vcenter.sessions) == 0


# pyVmomi forgets to close its connection after a failed login.
@pytest.mark.filterwarnings('ignore:unclosed:ResourceWarning')
def test_wrong_password(vcenter: VCenterSimulator) -> None:
    """A wrong password is pyVmomi's InvalidLogin."""
    vcenter.password = 'another'
    with pytest.raises(vim.fault.InvalidLogin):
        pyvmomi_connection(vcenter)
    gc.collect()


@pytest.mark.parametrize(
    ('version', 'spoken'),
    [('9.1.1.0', '9.1.1.0'), ('8.0.3.0', '8.0.3.0'), ('7.0.3.0', '7.0.3.0'), ('6.7', '6.7')],
)
def test_the_version_is_negotiated(version: str, spoken: str) -> None:
    """pyVmomi speaks the newest version that it finds in vimServiceVersions.xml."""
    with VCenterSimulator(api_version=version) as vc:
        instance = pyvmomi_connection(vc)
        assert instance.content.about.apiVersion == version
        connect.Disconnect(instance)
        actions = {call.soap_action.strip('"') for call in vc.calls}
        assert actions == {f'urn:vim25/{spoken}'}
        assert vc.errors == []


def test_a_machine_is_power_cycled(machines: list[Any]) -> None:
    """Power on, suspend, reset and power off, each waited for by pyVmomi's own means."""
    machine = next(one for one in machines if one.runtime.powerState == 'poweredOff')
    for operation, state in (
        ('PowerOnVM_Task', 'poweredOn'),
        ('ResetVM_Task', 'poweredOn'),
        ('SuspendVM_Task', 'suspended'),
        ('PowerOnVM_Task', 'poweredOn'),
        ('PowerOffVM_Task', 'poweredOff'),
    ):
        assert WaitForTask(getattr(machine, operation)()) == 'success'
        assert machine.runtime.powerState == state
    with pytest.raises(vim.fault.InvalidPowerState):
        WaitForTask(machine.PowerOffVM_Task())


def test_a_loop_of_updates_follows_a_task(si: Any, machines: list[Any]) -> None:
    """The usual loop around WaitForUpdatesEx sees a machine change its power state."""
    machine = next(one for one in machines if one.runtime.powerState == 'poweredOn')
    collector = si.content.propertyCollector
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=machine)],
        propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=['runtime.powerState'])],
    )
    created = collector.CreateFilter(spec, True)
    machine.PowerOffVM_Task()
    version, states = '', []
    while 'poweredOff' not in states:
        update_set = collector.WaitForUpdatesEx(version, PC.WaitOptions(maxWaitSeconds=10))
        version = update_set.version
        for filter_set in update_set.filterSet:
            for object_set in filter_set.objectSet:
                states += [change.val for change in object_set.changeSet]
    assert states in (['poweredOn', 'poweredOff'], ['poweredOff'])
    created.Destroy()


@pytest.mark.vcenter(inventory=Inventory(datacenters=2, vms=20))
def test_every_property_of_every_object_can_be_read(si: Any) -> None:
    """pyVmomi, with its own idea of every type, decodes all there is in the inventory."""
    content = si.content
    view = content.viewManager.CreateContainerView(content.rootFolder, [], True)
    spec = PC.FilterSpec(
        objectSet=[
            PC.ObjectSpec(
                obj=view,
                skip=True,
                selectSet=[PC.TraversalSpec(type=vim.view.ContainerView, path='view', skip=False)],
            )
        ],
        propSet=[PC.PropertySpec(type=vim.ManagedEntity, all=True)],
    )
    result = content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions())
    assert len(result.objects) == len(view.view)
    assert [one.missingSet for one in result.objects] == [[]] * len(result.objects)
    for one in result.objects:
        assert {'name', 'parent', 'overallStatus'} <= {change.name for change in one.propSet}


@pytest.mark.parametrize(
    'name',
    ['sessionManager', 'propertyCollector', 'viewManager', 'taskManager', 'extensionManager'],
)
def test_managers_can_be_read_attribute_by_attribute(
    vcenter: VCenterSimulator, si: Any, name: str
) -> None:
    """Every property of a manager can be read by itself, set or not."""
    manager = getattr(si.content, name)
    for info in type(manager)._GetPropertyList():
        getattr(manager, info.name)
    assert vcenter.errors == []


def test_what_pyvmomi_reads_is_what_the_collector_reads(si: Any) -> None:
    """Attribute access, which uses an operation of its own, agrees on faults as well."""
    gone = vim.VirtualMachine('vm-99999', si._stub)
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        _ = gone.name
    assert si.content.rootFolder.name == 'Datacenters'
    assert si.content.rootFolder.parent is None
    assert si.serverClock.tzinfo is not None
