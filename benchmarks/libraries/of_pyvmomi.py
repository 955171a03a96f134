"""VMware's own SDK."""

import ssl
from collections.abc import Iterator
from typing import Any

from pyVim import connect
from pyVmomi import vim, vmodl
from pyVmomi.SoapAdapter import SoapResponseDeserializer

from benchmarks.libraries import PAGE, PATHS, THREADS, Library, disks
from benchmarks.server import Server
from benchmarks.timing import Action


class Client(Library):
    """VMware's own SDK."""

    title = 'pyVmomi'

    def __init__(self, server: Server) -> None:
        self.instance = connect.SmartConnect(
            host=server.host,
            port=server.port,
            user=server.username,
            pwd=server.password,
            sslContext=ssl.create_default_context(cafile=server.cacert),
        )
        self.content = self.instance.RetrieveContent()
        self.stub = self.instance._stub
        self.stub.poolSize = THREADS

    def _filter(self, obj: Any, paths: list[str], **more: Any) -> Any:
        collector = vmodl.query.PropertyCollector
        return collector.FilterSpec(
            propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=paths)],
            objectSet=[collector.ObjectSpec(obj=obj, **more)],
        )

    def read_name(self, machine: Any) -> Action:
        options = vmodl.query.PropertyCollector.RetrieveOptions
        collector = self.content.propertyCollector

        def read() -> Any:
            found = collector.RetrievePropertiesEx(
                [self._filter(machine, ['name'])], options(maxObjects=1)
            )
            return found.objects[0].propSet[0].val

        return read

    def pages(self) -> Iterator[list[Any]]:
        kinds = vmodl.query.PropertyCollector
        collector = self.content.propertyCollector
        view = self.content.viewManager.CreateContainerView(
            self.content.rootFolder, [vim.VirtualMachine], True
        )
        traversal = kinds.TraversalSpec(type=type(view), path='view', skip=False)
        found = collector.RetrievePropertiesEx(
            [self._filter(view, PATHS, skip=True, selectSet=[traversal])],
            kinds.RetrieveOptions(maxObjects=PAGE),
        )
        while True:
            yield found.objects
            if found.token is None:
                return
            found = collector.ContinueRetrievePropertiesEx(found.token)

    def decode(self, reply: bytes) -> Action:
        kind = vmodl.query.PropertyCollector.RetrieveResult
        return lambda: SoapResponseDeserializer(self.stub).Deserialize(reply, kind)

    def create(self) -> Action:
        return vim.vm.ConfigSpec

    def encode(self, machine: Any, devices: int) -> Action:
        names = {
            'VirtualMachineConfigSpec': vim.vm.ConfigSpec,
            'VirtualDeviceConfigSpec': vim.vm.device.VirtualDeviceSpec,
            'VirtualDisk': vim.vm.device.VirtualDisk,
            'VirtualDiskFlatVer2BackingInfo': vim.vm.device.VirtualDisk.FlatVer2BackingInfo,
        }
        spec = disks(lambda name: names[name](), machine, devices)
        method = vim.VirtualMachine._GetMethodInfo('Reconfigure')
        return lambda: self.stub.SerializeRequest(machine, method, (spec,))
