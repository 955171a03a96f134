"""A stock suds client."""

import http.cookiejar
import ssl
import urllib.request
from collections.abc import Iterator
from typing import Any

import suds.client
from suds.sudsobject import Property
from suds.transport.https import HttpTransport

from benchmarks.libraries import PAGE, PATHS, Library, disks, specs
from benchmarks.server import Server
from benchmarks.timing import Action


class Client(Library):
    """A stock suds client."""

    title = 'suds'

    def __init__(self, server: Server) -> None:
        self.client = suds.client.Client(
            f'{server.url}/sdk/vimService.wsdl',
            location=f'{server.url}/sdk',
            transport=_verifying_transport(server.cacert),
            cache=None,
        )
        content = self.client.service.RetrieveServiceContent(_moref('ServiceInstance'))
        self.client.service.Login(content.sessionManager, server.username, server.password)
        self.content = content

    def read_name(self, machine: Any) -> Action:
        create, service = self.client.factory.create, self.client.service
        collector = self.content.propertyCollector

        def read() -> Any:
            spec = specs(create, [machine], ['name'])
            options = create('ns0:RetrieveOptions')
            options.maxObjects = 1
            found = service.RetrievePropertiesEx(collector, [spec], options)
            return found.objects[0].propSet[0].val

        return read

    def pages(self) -> Iterator[list[Any]]:
        create, service = self.client.factory.create, self.client.service
        collector = self.content.propertyCollector
        view = service.CreateContainerView(
            self.content.viewManager, self.content.rootFolder, ['VirtualMachine'], True
        )
        spec = specs(create, [view], PATHS)
        spec.objectSet[0].skip = True
        traversal = create('ns0:TraversalSpec')
        traversal.type, traversal.path, traversal.skip = 'ContainerView', 'view', False
        spec.objectSet[0].selectSet = [traversal]
        options = create('ns0:RetrieveOptions')
        options.maxObjects = PAGE
        found = service.RetrievePropertiesEx(collector, [spec], options)
        while True:
            yield found.objects
            token = getattr(found, 'token', None)
            if token is None:
                return
            found = service.ContinueRetrievePropertiesEx(collector, token)

    def decode(self, reply: bytes) -> Action:
        spec = specs(self.client.factory.create, [_moref('VirtualMachine')], ['name'])
        options = self.client.factory.create('ns0:RetrieveOptions')
        # What a client gives back in place of sending reads replies, too.
        context = self._unsent('RetrievePropertiesEx', _moref('PropertyCollector'), [spec], options)
        return lambda: context.process_reply(reply)

    def create(self) -> Action:
        return lambda: self.client.factory.create('ns0:VirtualMachineConfigSpec')

    def encode(self, machine: Any, devices: int) -> Action:
        spec = disks(lambda name: self.client.factory.create(f'ns0:{name}'), machine, devices)
        return lambda: self._unsent('ReconfigVM_Task', machine, spec).envelope

    def _unsent(self, operation: str, *arguments: Any) -> Any:
        self.client.set_options(nosend=True)
        try:
            return getattr(self.client.service, operation)(*arguments)
        finally:
            self.client.set_options(nosend=False)


def _moref(value: str, type_: str | None = None) -> Any:
    made = Property(value)
    made._type = type_ or value
    return made


def _verifying_transport(cacert: str) -> Any:
    class Transport(HttpTransport):  # type: ignore[misc]
        """suds' own, with an authority and cookies."""

        def u2handlers(self) -> list[Any]:
            return [
                *super().u2handlers(),
                urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=cacert)),
                urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            ]

    return Transport()
