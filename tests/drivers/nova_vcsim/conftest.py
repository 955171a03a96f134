"""A vCenter that is not ours, Nova's driver for it, and the server's view of an instance."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nova import context as nova_context
from nova import objects

from tests.drivers.nova.support import MIB, PROJECT, Images, Ports, configure, drivers, new_instance
from tests.drivers.on_vcsim.inventory import disks, file, machine_of, machines, options
from tests.drivers.on_vcsim.server import Vcsim, running


@pytest.fixture(scope='session')
def server() -> Iterator[Vcsim]:
    """One for all tests: the driver takes its address from the configuration when imported."""
    with running('-hosts', '3', '-name', '127.0.0.1') as made:
        configure(made, 'DC0_C0')
        yield made


@pytest.fixture
def content(server: Vcsim) -> Iterator[Any]:
    """VMware's own SDK; nothing is left of a test that is over, but what images are cached."""
    with server.observer() as found:
        before = [machine.name for machine in machines(found)]
        yield found
        assert [machine.name for machine in machines(found)] == before
        assert len(found.sessionManager.sessionList) == 1


@pytest.fixture
def images(server: Vcsim, monkeypatch: pytest.MonkeyPatch) -> Images:
    from nova.virt.vmwareapi import images as driver_images

    service = Images()
    monkeypatch.setattr(driver_images, 'IMAGE_API', service)
    return service


@pytest.fixture
def make_driver(content: Any, images: Images) -> Iterator[Callable[..., Any]]:
    """Makes drivers as nova-compute does; options are of the group ``vmware``."""
    with drivers(Ports()) as make:
        yield make


@pytest.fixture
def driver(make_driver: Callable[..., Any]) -> Any:
    return make_driver()


@pytest.fixture
def context() -> Any:
    return nova_context.RequestContext('user', PROJECT, is_admin=False)


@pytest.fixture
def datum() -> bytes:
    return os.urandom(3 * MIB)


@pytest.fixture
def flat(images: Images, datum: bytes) -> objects.ImageMeta:
    """A flat image, whose disk is the parent of those of its instances."""
    return images.add(datum, vmware_disktype='preallocated', img_linked_clone='True')


@pytest.fixture
def spawn(driver: Any, context: Any) -> Iterator[Callable[..., objects.Instance]]:
    """Has the driver make instances, with the image's disk as it is; they are destroyed."""
    made: list[objects.Instance] = []

    def spawned(image: objects.ImageMeta, **more: Any) -> objects.Instance:
        options = {name: more.pop(name) for name in ('ephemeral_gb', 'swap') if name in more}
        instance = new_instance(image, **{'root_gb': 0, 'memory_mb': 1024, 'vcpus': 2, **more})
        for name, value in options.items():
            setattr(instance.flavor, name, value)
        made.append(instance)
        driver.prepare_for_spawn(instance)
        driver.spawn(context, instance, image, [], None, {})
        return instance

    yield spawned
    for instance in made:
        driver.destroy(context, instance, None)


class Server:
    """The server's side of an instance.

    :param content: VMware's own SDK
    """

    def __init__(self, content: Any, instance: objects.Instance) -> None:
        self._content = content
        self._uuid = instance.uuid

    @property
    def vm(self) -> Any:
        """The machine; None if there is none."""
        return machine_of(self._content, self._uuid)

    @property
    def disks(self) -> list[Any]:
        return disks(self.vm)

    @property
    def options(self) -> dict[str, Any]:
        return options(self.vm)

    def file(self, path: str) -> pathlib.Path:
        return file(self._content, path)


@pytest.fixture
def look(content: Any) -> Callable[[objects.Instance], Server]:
    return lambda instance: Server(content, instance)
