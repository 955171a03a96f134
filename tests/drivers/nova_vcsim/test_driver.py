"""Nova's driver on a vCenter that is not ours: start, nodes, capacity.

Further it does not get: govmomi's simulator has no ``extraConfig`` by key, which Nova lists its
instances by, and no datastore of a type that Nova places disks on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import nova.conf
import pytest
from nova import config, objects, rpc
from oslo_messaging.conffixture import ConfFixture

from tests.drivers.on_vcsim.server import Vcsim, running


@pytest.fixture(scope='module')
def server() -> Iterator[Vcsim]:
    with running('-hosts', '3') as made:
        config.parse_args(
            ['nova-compute'], default_config_files=[], configure_db=False, init_rpc=False
        )
        conf = nova.conf.CONF
        for name, value in {
            'host_ip': made.host,
            'host_port': made.port,
            'host_username': made.username,
            'host_password': made.password,
            'cluster_name': 'DC0_C0',
            'ca_file': made.cacert,
            'insecure': False,
            'api_retry_count': 2,
        }.items():
            conf.set_override(name, value, group='vmware')
        conf.set_override('enabled', False, group='vnc')
        conf.set_override('lock_path', os.path.expanduser('~/locks'), group='oslo_concurrency')
        objects.register_all()
        messaging = ConfFixture(conf)
        messaging.setUp()
        messaging.transport_url = 'fake:/'
        rpc.init(conf)
        yield made


def test_start_nodes_and_capacity(server: Vcsim) -> None:
    """The driver logs in, registers its extension, and counts what the cluster has."""
    # It takes its session's defaults from the configuration when it is imported.
    from nova.virt.vmwareapi.driver import VMwareVCDriver

    driver = VMwareVCDriver(None)
    driver.init_host('host')
    (node,) = driver.get_available_nodes()
    instance_uuid = driver._session.vim.service_content.about.instanceUuid
    assert node.endswith(f'.{instance_uuid}')
    resources = driver.get_available_resource(node)
    assert resources['vcpus'] > 0
    assert resources['memory_mb'] > 0
    assert resources['hypervisor_type'] == 'VMware vCenter Server'
    driver.cleanup_host('host')
