"""Nova's driver and its cluster: start, capacity, what runs there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nova import exception, objects
from nova.compute.provider_tree import ProviderTree
from nova.virt.vmwareapi import constants, error_util
from nova.virt.vmwareapi.driver import VMwareVCDriver

from oslo_vmware import api
from oslo_vmware.simulator import VCenterSimulator
from tests.drivers.nova.support import GIB, MIB, Server


def datastores(cluster: Any) -> list[Any]:
    return list({one.ref: one for host in cluster.host for one in host.datastore}.values())


def test_start(driver: VMwareVCDriver, vc: VCenterSimulator, cluster: Any) -> None:
    """One session of our library, the cluster as the only node, the extension registered."""
    assert type(driver) is VMwareVCDriver
    assert isinstance(driver._session, api.VMwareAPISession)
    assert driver.get_available_nodes() == [f'{cluster.ref.value}.{vc.world.about.instanceUuid}']
    assert len(vc.sessions) == vc.count('Login') == 1
    extensions = {one.key: one for one in vc.world.extension_manager.extensionList}
    managed = extensions[constants.EXTENSION_KEY].managedEntityInfo
    assert [one.type for one in managed] == [constants.EXTENSION_TYPE_INSTANCE]


def test_second_start(make_driver: Callable[..., Any], vc: VCenterSimulator) -> None:
    """A second service finds the extension and leaves it alone; each has a session of its own."""
    make_driver()
    before = vc.count('RegisterExtension')
    make_driver()
    assert vc.count('RegisterExtension') == before
    assert len(vc.sessions) == 2


@pytest.mark.parametrize(
    ('options', 'error'),
    [
        ({'cluster_name': 'no-such-cluster'}, exception.NotFound),
        ({'pbm_enabled': True}, error_util.PbmDefaultPolicyUnspecified),
        (
            {'pbm_enabled': True, 'pbm_default_policy': 'Lead'},
            error_util.PbmDefaultPolicyDoesNotExist,
        ),
    ],
)
def test_start_with_a_wrong_configuration(
    make_driver: Callable[..., Any],
    vc: VCenterSimulator,
    options: dict[str, Any],
    error: type[Exception],
) -> None:
    """What the configuration names and the vCenter has not stops the service, with Nova's error."""
    with pytest.raises(error):
        make_driver(**options)
    # The driver gives nobody the session that it has opened by then.
    assert vc.terminate_sessions() == 1


def test_capacity(driver: VMwareVCDriver, vc: VCenterSimulator, cluster: Any) -> None:
    """What the resource tracker gets is what the hosts have."""
    (node,) = driver.get_available_nodes()
    found = driver.get_available_resource(node)
    hosts = cluster.host
    assert found['vcpus'] == sum(host.hardware.cpuInfo.numCpuThreads for host in hosts)
    assert found['memory_mb'] == sum(host.memory // MIB for host in hosts)
    used = sum(host.summary.quickStats.overallMemoryUsage for host in hosts)
    assert found['memory_mb_used'] == used > 0
    assert found['hypervisor_type'] == 'VMware vCenter Server'
    assert found['hypervisor_hostname'] == node
    sizes = {
        (one.capacity // GIB, one.capacity // GIB - one.free_space // GIB)
        for one in datastores(cluster)
    }
    assert (found['local_gb'], found['local_gb_used']) in sizes


def test_inventory(driver: VMwareVCDriver, cluster: Any) -> None:
    """What placement gets: totals over the cluster, and the largest unit that one host can give."""
    (node,) = driver.get_available_nodes()
    tree = ProviderTree()
    tree.new_root(node, '5a1c1c12-4a37-4f3e-8f2a-0f8f6f4f3c11')
    driver.update_provider_tree(tree, node)
    inventory = tree.data(node).inventory
    threads = [host.hardware.cpuInfo.numCpuThreads for host in cluster.host]
    memory = [host.memory // MIB for host in cluster.host]
    stores = datastores(cluster)
    numbers = {name: (one['total'], one['max_unit']) for name, one in inventory.items()}
    assert numbers == {
        'VCPU': (sum(threads), max(threads)),
        'MEMORY_MB': (sum(memory), max(memory)),
        'DISK_GB': (
            sum(one.capacity for one in stores) // GIB,
            max(one.free_space for one in stores) // GIB,
        ),
    }
    assert 'HW_ARCH_X86_64' in tree.data(node).traits


def test_capacity_follows_maintenance(driver: VMwareVCDriver, cluster: Any) -> None:
    """A host in maintenance mode has nothing to offer."""
    (node,) = driver.get_available_nodes()
    host, other = cluster.host
    host.update(maintenance=True)
    try:
        found = driver.get_available_resource(node)
    finally:
        host.update(maintenance=False)
    assert found['vcpus'] == other.hardware.cpuInfo.numCpuThreads
    assert found['memory_mb'] == other.memory // MIB


def test_list(
    driver: VMwareVCDriver, running: objects.Instance, server: Callable[..., Server]
) -> None:
    """Instances of Nova are listed, machines of others are not; both calls say the same."""
    assert driver.list_instances() == driver.list_instance_uuids() == [running.uuid]
    assert server(running).vm is not None
    assert driver.instance_exists(running)


def test_an_expired_session_is_renewed(
    driver: VMwareVCDriver, running: objects.Instance, vc: VCenterSimulator
) -> None:
    """The vCenter forgets the session; the driver goes on with a new one, and nobody notices."""
    assert vc.expire_sessions() == 1
    assert driver.list_instances() == [running.uuid]
    assert len(vc.sessions) == 1
