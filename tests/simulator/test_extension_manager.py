"""Extensions, registered as OpenStack registers itself."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest
from pyVmomi import vim, vmodl

from tests.simulator.vsphere import Client, connected, done


@pytest.fixture
def client() -> Iterator[Client]:
    with connected() as made:
        yield made


def extension(key: str, version: str = '1.0') -> vim.Extension:
    return vim.Extension(
        key=key,
        version=version,
        description=vim.Description(label='OpenStack', summary='OpenStack services'),
        managedEntityInfo=[vim.ext.ManagedEntityInfo(type='instance')],
        lastHeartbeatTime=datetime.datetime.now(datetime.UTC),
    )


def test_an_extension_comes_changes_and_goes(client: Client) -> None:
    """Register, find, update and unregister leave the list as one expects."""
    manager = client.content.extensionManager
    before = [one.key for one in manager.extensionList]
    assert 'com.vmware.vim.sps' in before
    assert manager.FindExtension('org.openstack.compute') is None

    manager.RegisterExtension(extension('org.openstack.compute'))
    found = manager.FindExtension('org.openstack.compute')
    assert (found.version, found.managedEntityInfo[0].type) == ('1.0', 'instance')
    assert [one.key for one in manager.extensionList] == [*before, 'org.openstack.compute']

    manager.UpdateExtension(extension('org.openstack.compute', '2.0'))
    assert manager.FindExtension('org.openstack.compute').version == '2.0'

    manager.UnregisterExtension('org.openstack.compute')
    assert [one.key for one in manager.extensionList] == before


def test_extension_faults(client: Client) -> None:
    """A key can be registered once; an unknown one can be neither changed nor removed."""
    manager = client.content.extensionManager
    with pytest.raises(vmodl.fault.InvalidArgument) as raised:
        manager.RegisterExtension(extension('com.vmware.vim.sps'))
    assert raised.value.invalidProperty == 'extension.key'
    with pytest.raises(vim.fault.NotFound):
        manager.UpdateExtension(extension('nobody'))
    with pytest.raises(vim.fault.NotFound):
        manager.UnregisterExtension('nobody')


def test_machines_say_who_manages_them(client: Client) -> None:
    """QueryManagedBy lists the machines that were configured with the extension's key."""
    manager = client.content.extensionManager
    machine = client.at('Frankfurt/vm/Production/fra-web-0001')
    assert manager.QueryManagedBy('org.openstack.compute') == []
    by = vim.ext.ManagedByInfo(extensionKey='org.openstack.compute', type='instance')
    done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(managedBy=by)))
    assert manager.QueryManagedBy('org.openstack.compute') == [machine]
    assert machine.summary.config.managedBy.type == 'instance'
