"""A pyVmomi client on a simulator of its own: the inventory as somebody else's code sees it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim, vmodl

from oslo_vmware.simulator import Inventory, VCenterSimulator


class Client:
    """A logged-in client.

    :ivar vc: the simulator
    :ivar content: the server's ServiceContent
    :ivar si: the ServiceInstance
    """

    def __init__(self, vc: VCenterSimulator, si: Any) -> None:
        self.vc = vc
        self.si = si
        self.content = si.content

    def at(self, path: str) -> Any:
        """The object of an inventory path."""
        found = self.content.searchIndex.FindByInventoryPath(path)
        assert found is not None, f'nothing at {path}'
        return found

    def all(self, kind: type) -> list[Any]:
        """All objects of a type, as a container view lists them."""
        view = self.content.viewManager.CreateContainerView(self.content.rootFolder, [kind], True)
        try:
            return list(view.view)
        finally:
            view.DestroyView()

    @contextlib.contextmanager
    def seen(self, target: Any, *paths: str) -> Iterator[list[str]]:
        """Collects the properties of an object that change meanwhile, as a filter reports them."""
        collector = self.content.propertyCollector.CreatePropertyCollector()
        spec = vmodl.query.PropertyCollector.FilterSpec(
            objectSet=[vmodl.query.PropertyCollector.ObjectSpec(obj=target)],
            propSet=[
                vmodl.query.PropertyCollector.PropertySpec(type=type(target), pathSet=list(paths))
            ],
        )
        collector.CreateFilter(spec, False)
        version = collector.WaitForUpdatesEx('').version
        changed: list[str] = []
        yield changed
        options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=0)
        while (update := collector.WaitForUpdatesEx(version, options)) is not None:
            version = update.version
            changed += [
                change.name
                for filter_set in update.filterSet
                for one in filter_set.objectSet
                for change in one.changeSet
            ]
        collector.DestroyPropertyCollector()


@contextlib.contextmanager
def connected(inventory: Inventory | None = None, **options: Any) -> Iterator[Client]:
    """A client on a new simulator; what breaks inside of the server fails the test."""
    with VCenterSimulator(inventory=inventory, task_seconds=0.005, **options) as vc:
        service = SmartConnect(
            host=vc.host,
            port=vc.port,
            user=vc.username,
            pwd=vc.password,
            sslContext=ssl.create_default_context(cafile=vc.cacert),
        )
        try:
            yield Client(vc, service)
        finally:
            Disconnect(service)
        assert vc.errors == []


def done(task: Any) -> Any:
    """Wait for a task as pyVmomi's users do; returns its result or raises its fault."""
    WaitForTask(task)
    return task.info.result


def failed(fault: type[Exception], task: Any) -> Any:
    """Wait for a task that has to fail with a fault; returns the fault."""
    with pytest.raises(fault) as raised:
        WaitForTask(task)
    return raised.value


Task = vim.Task
