"""Volumes of an iSCSI target, by Nova's driver: disks of the host that become the instance's."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nova import exception, objects
from nova.virt.vmwareapi.driver import VMwareVCDriver
from pyVmomi import vim

from oslo_vmware.exceptions import VimFaultException
from oslo_vmware.simulator import VCenterSimulator
from tests.drivers.nova.support import GIB, Images, Server

PORTAL = '192.0.2.30:3260'
RAW = 'VirtualDiskRawDiskMappingVer1BackingInfo'

Look = Callable[[objects.Instance], Server]

numbers = itertools.count(1)


@pytest.fixture
def driver(make_driver: Callable[..., Any]) -> Any:
    """A driver of datastores that mappings can lie on: those for files of NFS hold none."""
    return make_driver(datastore_regex='.*vmfs.*')


@pytest.fixture
def iqn(vc: VCenterSimulator, cluster: Any) -> Iterator[str]:
    """A volume of Cinder, exported by its target; afterwards no host knows it."""
    name = f'iqn.2010-10.org.openstack:volume-{next(numbers)}'
    vc.targets.offer(name, PORTAL, 2 * GIB)
    yield name
    vc.targets.withdraw(name)
    with vc.world.lock:
        for host in cluster.host:
            host.manager('storageSystem').RescanAllHba(None)


def connection_to(iqn: str) -> dict[str, Any]:
    """What Cinder tells Nova of the volume."""
    return {
        'driver_volume_type': 'iscsi',
        'data': {
            'target_portal': PORTAL,
            'target_iqn': iqn,
            'target_lun': 0,
            'volume_id': str(uuid.uuid4()),
        },
    }


@pytest.fixture
def instance(running: objects.Instance, server: Look, cluster: Any) -> objects.Instance:
    """An instance on the host that Nova has look for targets: the first one of the cluster."""
    server(running).vm.host = cluster.host[0]
    return running


def test_attach_and_detach(
    driver: VMwareVCDriver,
    context: Any,
    instance: objects.Instance,
    server: Look,
    vc: VCenterSimulator,
    iqn: str,
    content: Any,
) -> None:
    """The host looks at the portal, once; what appears is the instance's second disk."""
    found = server(instance)
    connection = connection_to(iqn)
    connector = driver.get_volume_connector(instance)
    host = vim.HostSystem(found.vm.host.ref.value, content.rootFolder._stub)
    (adapter,) = [
        one
        for one in host.config.storageDevice.hostBusAdapter
        if isinstance(one, vim.host.InternetScsiHba)
    ]
    assert connector['initiator'] == adapter.iScsiName
    before = {file.name for file in found.vm.layoutEx.file}
    for rescans in (1, 1):
        driver.attach_volume(context, connection, instance, '/dev/sdb')
        root, attached = found.vm.disks
        assert (attached.backing.wire_type, attached.capacityInBytes) == (RAW, 2 * GIB)
        assert attached.backing.compatibilityMode == 'physicalMode'
        shown = {one.uuid: one for one in host.config.storageDevice.scsiLun}
        assert attached.backing.lunUuid in shown
        # The second time the disk is known.
        assert vc.count('RescanHba') == rescans
        assert vc.count('AddInternetScsiSendTargets') <= 1
        driver.detach_volume(context, connection, instance, '/dev/sdb')
        assert [disk.key for disk in found.vm.disks] == [root.key]
        assert {file.name for file in found.vm.layoutEx.file} == before
    # The volume is Cinder's: what is gone is the mapping.
    assert [one.name for one in vc.targets.at('192.0.2.30', 3260, iqn)[0].luns.values()] == [
        shown[attached.backing.lunUuid].canonicalName
    ]


def test_a_target_that_is_not_there(
    driver: VMwareVCDriver, context: Any, instance: objects.Instance, server: Look
) -> None:
    """Nova says that it has found no target, and the instance is as it was."""
    connection = connection_to('iqn.2010-10.org.openstack:volume-lost')
    with pytest.raises(exception.StorageError, match='iSCSI'):
        driver.attach_volume(context, connection, instance, '/dev/sdb')
    assert len(server(instance).vm.disks) == 1


def test_an_instance_on_another_host(
    driver: VMwareVCDriver,
    context: Any,
    running: objects.Instance,
    server: Look,
    cluster: Any,
    iqn: str,
    content: Any,
) -> None:
    """Nova has the first host of the cluster look; another one must have been told before."""
    found = server(running)
    found.vm.host = cluster.host[1]
    connection = connection_to(iqn)
    with pytest.raises(VimFaultException) as raised:
        driver.attach_volume(context, connection, running, '/dev/sdb')
    assert 'InvalidDeviceBacking' in raised.value.fault_list
    assert len(found.vm.disks) == 1
    host = vim.HostSystem(found.vm.host.ref.value, content.rootFolder._stub)
    system = host.configManager.storageSystem
    place = vim.host.InternetScsiHba.SendTarget(address='192.0.2.30', port=3260)
    system.AddInternetScsiSendTargets('vmhba65', [place])
    system.RescanAllHba()
    driver.attach_volume(context, connection, running, '/dev/sdb')
    assert len(found.vm.disks) == 2
    driver.detach_volume(context, connection, running, '/dev/sdb')
    assert len(found.vm.disks) == 1


def test_an_instance_comes_and_goes_with_a_volume(
    driver: VMwareVCDriver,
    context: Any,
    images: Images,
    make_instance: Callable[..., objects.Instance],
    server: Look,
    cluster: Any,
    datum: bytes,
    iqn: str,
) -> None:
    """A volume is attached while the instance is made, and detached before it is destroyed."""
    image = images.add(datum, vmware_disktype='preallocated')
    instance = make_instance(image)
    mapping = {
        'block_device_mapping': [
            {'connection_info': connection_to(iqn), 'mount_device': '/dev/sdb', 'boot_index': 1}
        ]
    }
    cluster.host[1].update(maintenance=True)
    try:
        driver.prepare_for_spawn(instance)
        driver.spawn(context, instance, image, [], None, {}, block_device_info=mapping)
    finally:
        cluster.host[1].update(maintenance=False)
    found = server(instance)
    assert [disk.backing.wire_type for disk in found.vm.disks][1:] == [RAW]
    driver.destroy(context, instance, None, mapping)
    assert found.vm is None
