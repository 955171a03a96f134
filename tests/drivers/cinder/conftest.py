"""A vCenter, Cinder's driver for it, and what the driver gets from the rest of Cinder.

Of Cinder only that is replaced which lies on the far side of the driver: the client of Glance,
behind Cinder's own image service, and the table of volume types. Volumes and snapshots are
Cinder's objects, made in memory; nothing saves them.
"""

from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cinder import coordination, objects
from cinder.image import image_utils
from cinder.volume import configuration, volume_types
from cinder.volume.drivers.vmware.vmdk import VMwareVcVmdkDriver, vmdk_opts
from oslo_config import cfg

from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.drivers.cinder.support import Glance, Server, Types, admin, make_volume

# The two import each other, which works from this end.
cinder_glance = image_utils.glance

_GROUP = 'vmdk'


@pytest.fixture(scope='session')
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a driver needs of the process that it runs in."""
    objects.register_all()
    locks = tmp_path_factory.mktemp('locks')
    cfg.CONF([], project='cinder', default_config_files=[])
    cfg.CONF.set_override('state_path', str(locks))
    cfg.CONF.set_override('lock_path', str(locks), group='oslo_concurrency')
    cfg.CONF.set_override('backend_url', f'file://{locks}', group='coordination')
    coordination.COORDINATOR.start()
    yield
    coordination.COORDINATOR.stop()


@pytest.fixture(scope='session')
def simulator(service: None) -> Iterator[VCenterSimulator]:
    """One vCenter for all tests, as for a deployment."""
    with VCenterSimulator(inventory=Inventory(vms=6), task_seconds=0.01) as made:
        yield made


@pytest.fixture
def cluster_name() -> str:
    return 'fra-cluster-01'


@pytest.fixture
def vc(simulator: VCenterSimulator) -> Iterator[VCenterSimulator]:
    """The vCenter; a test that is over has left no session, no lease, no machine, no file and no
    space behind.
    """
    server = Server(simulator)
    before = server.machines(), server.files(), server.free()
    simulator.calls.clear()
    simulator.transfers.clear()
    yield simulator
    simulator.faults.clear()
    errors, leases, sessions = list(simulator.errors), simulator.nfc.leases, len(simulator.sessions)
    # One failure is not to be the next test's as well.
    simulator.errors.clear()
    simulator.expire_sessions()
    assert (errors, leases, sessions) == ([], [], 0)

    def left() -> tuple[Any, ...]:
        # A directory for images stays, empty; it is the driver's own. The server has one as well,
        # for first class disks.
        files = {one for one in server.files() if not one.endswith((' cinder_temp', ' fcd'))}
        return server.machines(), files - before[1], server.free()

    # The server learns of an upload that broke off a moment after the client has given it up.
    deadline = time.monotonic() + 10
    while left()[1:] != (set(), before[2]) and time.monotonic() < deadline:
        time.sleep(0.05)
    after = left()
    for machine in after[0]:
        if machine not in before[0]:
            machine.destroy()
    assert after == (before[0], set(), before[2])


@pytest.fixture
def server(vc: VCenterSimulator) -> Server:
    return Server(vc)


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Types:
    made = Types()
    monkeypatch.setattr(volume_types, 'get_volume_type_extra_specs', made.specs.__getitem__)
    return made


@pytest.fixture
def glance(monkeypatch: pytest.MonkeyPatch) -> Glance:
    made = Glance()
    monkeypatch.setattr(cinder_glance, 'GlanceClientWrapper', lambda *args, **kwargs: made)
    return made


@pytest.fixture
def images(glance: Glance) -> Any:
    """Cinder's own image service."""
    return cinder_glance.GlanceImageService()


@pytest.fixture
def make_driver(
    vc: VCenterSimulator, cluster_name: str, types: Types, tmp_path: pathlib.Path
) -> Iterator[Callable[..., VMwareVcVmdkDriver]]:
    """Makes and sets up a driver as the volume manager does; options are of its section.

    The driver's class can be another one than that of the VMDK driver.
    """
    with contextlib.ExitStack() as stack:

        def make(
            driver_class: type[VMwareVcVmdkDriver] = VMwareVcVmdkDriver, /, **options: Any
        ) -> VMwareVcVmdkDriver:
            section = configuration.Configuration(vmdk_opts, config_group=_GROUP)
            for name, value in {
                'vmware_host_ip': vc.host,
                'vmware_host_port': vc.port,
                'vmware_host_username': vc.username,
                'vmware_host_password': vc.password,
                'vmware_ca_file': vc.cacert,
                'vmware_task_poll_interval': 0.05,
                'vmware_api_retry_count': 2,
                'vmware_cluster_name': [cluster_name],
                'vmware_lazy_create': False,
                'vmware_tmp_dir': str(tmp_path),
                **options,
            }.items():
                cfg.CONF.set_override(name, value, group=_GROUP)
                stack.callback(cfg.CONF.clear_override, name, group=_GROUP)
            driver = driver_class(configuration=section)
            driver.do_setup(admin())
            stack.callback(driver.session.logout)
            driver.check_for_setup_error()
            return driver

        yield make


@pytest.fixture
def driver(make_driver: Callable[..., VMwareVcVmdkDriver]) -> VMwareVcVmdkDriver:
    return make_driver()


@pytest.fixture
def new_volume(types: Types) -> Callable[..., objects.Volume]:
    """Makes the object of a volume, of a size in GiB and a type."""

    def make(size: int = 1, type_id: str | None = None, **specs: str) -> objects.Volume:
        return make_volume(types, size, type_id or types.add(**specs))

    return make
