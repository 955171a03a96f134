"""Specifications for guests, kept by the server and used for clones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory
from tests.simulator.vsphere import Client, connected, done, failed

SPEC = vim.vm.customization
FAULT = vim.fault


@pytest.fixture(scope='module')
def client() -> Iterator[Client]:
    with connected(Inventory(vms=12)) as made:
        yield made


@pytest.fixture
def manager(client: Client) -> Iterator[Any]:
    """The manager, which has nothing before and after."""
    found = client.content.customizationSpecManager
    assert not found.info
    yield found
    for info in found.info:
        found.DeleteCustomizationSpec(info.name)


def item(name: str = 'web', kind: str = 'Linux', cards: int = 1, description: str = 'd') -> Any:
    adapter = SPEC.IPSettings(
        ip=SPEC.FixedIp(ipAddress='192.0.2.7'), subnetMask='255.255.255.0', gateway=['192.0.2.1']
    )
    identity = SPEC.LinuxPrep(hostName=SPEC.FixedName(name='guest'), domain='example.org')
    return vim.CustomizationSpecItem(
        info=vim.CustomizationSpecInfo(name=name, description=description, type=kind),
        spec=SPEC.Specification(
            identity=identity,
            globalIPSettings=SPEC.GlobalIPSettings(dnsServerList=['192.0.2.2']),
            nicSettingMap=[SPEC.AdapterMapping(adapter=adapter) for _card in range(cards)],
        ),
    )


def names(manager: Any) -> list[str]:
    return [info.name for info in manager.info]


def test_a_specification_is_kept(client: Client, manager: Any) -> None:
    """It comes back as it was given, with a version, and a filter tells that it is there."""
    with client.seen(manager, 'info') as changed:
        manager.CreateCustomizationSpec(item())
    assert changed == ['info']
    assert manager.DoesCustomizationSpecExist('web') is True
    assert manager.DoesCustomizationSpecExist('nobody') is False
    found = manager.GetCustomizationSpec('web')
    assert (found.info.description, found.info.type) == ('d', 'Linux')
    assert found.spec.nicSettingMap[0].adapter.ip.ipAddress == '192.0.2.7'
    assert found.info.lastUpdateTime is not None
    with pytest.raises(FAULT.AlreadyExists):
        manager.CreateCustomizationSpec(item())
    for wrong in (item(name=''), item(name='x', kind='BeOS')):
        with pytest.raises(vmodl.fault.InvalidArgument):
            manager.CreateCustomizationSpec(wrong)


def test_a_specification_is_overwritten(manager: Any) -> None:
    """By who has read the last version, or says nothing of one."""
    manager.CreateCustomizationSpec(item())
    read = manager.GetCustomizationSpec('web')
    manager.OverwriteCustomizationSpec(item(description='other'))
    with pytest.raises(FAULT.ConcurrentAccess):
        manager.OverwriteCustomizationSpec(read)
    read = manager.GetCustomizationSpec('web')
    assert read.info.description == 'other'
    read.info.description = 'mine'
    manager.OverwriteCustomizationSpec(read)
    assert manager.GetCustomizationSpec('web').info.description == 'mine'
    with pytest.raises(FAULT.NotFound):
        manager.OverwriteCustomizationSpec(item('nobody'))


def test_specifications_are_copied_renamed_and_deleted(manager: Any) -> None:
    """Names are unique, and there has to be what is copied."""
    manager.CreateCustomizationSpec(item('a'))
    manager.DuplicateCustomizationSpec('a', 'b')
    assert names(manager) == ['a', 'b']
    manager.RenameCustomizationSpec('a', 'c')
    assert names(manager) == ['b', 'c']
    for change in (manager.DuplicateCustomizationSpec, manager.RenameCustomizationSpec):
        with pytest.raises(FAULT.AlreadyExists):
            change('b', 'c')
        with pytest.raises(FAULT.NotFound):
            change('a', 'd')
    manager.DeleteCustomizationSpec('b')
    assert names(manager) == ['c']
    for gone in (manager.DeleteCustomizationSpec, manager.GetCustomizationSpec):
        with pytest.raises(FAULT.NotFound):
            gone('b')


def test_a_specification_is_a_document(manager: Any) -> None:
    """What is written out is read in again as it was, and nothing else is."""
    manager.CreateCustomizationSpec(item())
    kept = manager.GetCustomizationSpec('web')
    text = manager.CustomizationSpecItemToXml(kept)
    read = manager.XmlToCustomizationSpecItem(text)
    assert manager.CustomizationSpecItemToXml(read) == text
    assert (read.info.name, type(read.spec.identity)) == ('web', SPEC.LinuxPrep)
    doctype = text.replace('<ConfigRoot', '<!DOCTYPE a [<!ENTITY b "c">]><ConfigRoot', 1)
    for wrong in ('', 'web', '<ConfigRoot/>', '<a><b/></a>', doctype):
        with pytest.raises(FAULT.CustomizationFault):
            manager.XmlToCustomizationSpecItem(wrong)


def test_which_guests_can_be_customized(manager: Any) -> None:
    """Linux and Windows can, what nobody knows cannot."""
    assert manager.IsGuestOsCustomizable('ubuntu64Guest') is True
    assert manager.IsGuestOsCustomizable('windows2019srv_64Guest') is True
    assert manager.IsGuestOsCustomizable('otherGuest') is False
    manager.CheckCustomizationResources('ubuntu64Guest')


def test_a_clone_is_customized(client: Client, manager: Any) -> None:
    """A clone has the host name and the address of a kept specification once it runs."""
    machine = next(
        one
        for one in client.all(vim.VirtualMachine)
        if one.guest.toolsStatus != 'toolsNotInstalled' and one.config.guestId == 'ubuntu64Guest'
    )
    folder, location = client.at('Frankfurt').vmFolder, vim.vm.RelocateSpec()

    def clone(name: str, spec: Any) -> Any:
        wanted = vim.vm.CloneSpec(
            location=location, powerOn=True, template=False, customization=spec
        )
        return machine.CloneVM_Task(folder, name, wanted)

    manager.CreateCustomizationSpec(item())
    made = done(clone('customized', manager.GetCustomizationSpec('web').spec))
    assert made.guest.hostName == 'guest.example.org'
    assert made.guest.ipAddress == '192.0.2.7'
    fault = failed(FAULT.NicSettingMismatch, clone('refused', item(cards=3).spec))
    assert (fault.numberOfNicsInSpec, fault.numberOfNicsInVM) == (3, 1)
    assert client.content.searchIndex.FindChild(folder, 'refused') is None
