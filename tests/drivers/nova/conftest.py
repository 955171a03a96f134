"""A vCenter, Nova's driver for it, and what the driver gets from the rest of Nova.

Of Nova only that is replaced which lies on the far side of the driver: the image service, which
serves images from memory, and the network service, which takes notes. Instances and flavors are
Nova's objects, made in memory; nothing saves them.

One simulator serves all tests of the process, as one vCenter serves a deployment: the driver takes
its address from the configuration when it is imported. Each test has a driver of its own, and
afterwards no session, lease or connection of it may be left.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nova import context as nova_context
from nova import objects
from pyVim.connect import Disconnect, SmartConnect

from oslo_vmware.simulator import Inventory, VCenterSimulator
from tests.drivers.nova.support import (
    MIB,
    PROJECT,
    Images,
    Ports,
    Server,
    configure,
    drivers,
    new_instance,
)


def _start_vcenter() -> VCenterSimulator:
    vc = VCenterSimulator(
        inventory=Inventory(hosts_per_cluster=2, standalone_hosts=0, vms=4, vsan_datastores=0),
        task_seconds=0.02,
    ).start()
    # The driver sends files straight to a host, which it reaches by the host's name. Here all of
    # them are one server.
    hosts = [one for one in vc.world.objects.values() if one.is_a('HostSystem')]
    for host, name in zip(hosts, (vc.host, 'localhost'), strict=True):
        host.update(name=name)
    return vc


_VC = _start_vcenter()
_CLUSTER = next(one for one in _VC.world.objects.values() if one.is_a('ClusterComputeResource'))
configure(_VC, _CLUSTER.name)

# The session's default arguments are taken from the configuration, now.
from nova.virt.vmwareapi import driver as driver_module  # noqa: E402
from nova.virt.vmwareapi import images as driver_images  # noqa: E402


@pytest.fixture(scope='session', autouse=True)
def _vcenter_ends() -> Iterator[None]:
    yield
    _VC.stop()


@pytest.fixture
def vc() -> Iterator[VCenterSimulator]:
    """The vCenter; nothing is left of a test that is over."""
    _VC.calls.clear()
    _VC.transfers.clear()
    yield _VC
    errors, leases, sessions = list(_VC.errors), _VC.nfc.leases, len(_VC.sessions)
    # One failure is not to be the next test's as well.
    _VC.errors.clear()
    _VC.expire_sessions()
    assert (errors, leases, sessions) == ([], [], 0)


@pytest.fixture
def images(monkeypatch: pytest.MonkeyPatch) -> Images:
    service = Images()
    monkeypatch.setattr(driver_images, 'IMAGE_API', service)
    return service


@pytest.fixture
def context() -> Any:
    return nova_context.RequestContext('user', PROJECT, is_admin=False)


@pytest.fixture
def ports() -> Ports:
    return Ports()


@pytest.fixture
def make_driver(
    vc: VCenterSimulator, images: Images, ports: Ports
) -> Iterator[Callable[..., driver_module.VMwareVCDriver]]:
    """Makes drivers as nova-compute does; options are of the group ``vmware``."""
    with drivers(ports) as make:
        yield make


@pytest.fixture
def driver(make_driver: Callable[..., Any]) -> Any:
    return make_driver()


@pytest.fixture
def make_instance() -> Callable[..., objects.Instance]:
    return new_instance


@pytest.fixture
def datum() -> bytes:
    """Bytes of an image that are like no others."""
    return os.urandom(3 * MIB)


@pytest.fixture
def server(vc: VCenterSimulator) -> Callable[[objects.Instance], Server]:
    return lambda instance: Server(vc, instance)


@pytest.fixture
def cluster(vc: VCenterSimulator) -> Any:
    return _CLUSTER


@pytest.fixture
def spawn(driver: Any, context: Any) -> Callable[..., None]:
    """Has the driver of the test make an instance."""

    def spawned(instance: objects.Instance, image: objects.ImageMeta, **more: Any) -> None:
        driver.prepare_for_spawn(instance)
        driver.spawn(context, instance, image, [], None, {}, **more)

    return spawned


@pytest.fixture
def running(
    spawn: Callable[..., None],
    images: Images,
    make_instance: Callable[..., objects.Instance],
    driver: Any,
    datum: bytes,
) -> Iterator[objects.Instance]:
    """An instance that runs, from a flat image of three MiB; it is destroyed in the end."""
    image = images.add(datum, vmware_disktype='preallocated')
    instance = make_instance(image)
    spawn(instance, image)
    yield instance
    driver.destroy(None, instance, None)


@pytest.fixture
def content(vc: VCenterSimulator) -> Iterator[Any]:
    """Another client of the vCenter, which is not ours: pyVmomi, as Cinder's stand-in."""
    service = SmartConnect(
        host=vc.host,
        port=vc.port,
        user=vc.username,
        pwd=vc.password,
        sslContext=ssl.create_default_context(cafile=vc.cacert),
    )
    yield service.content
    Disconnect(service)
