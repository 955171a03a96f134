"""zeep, with requests beneath it."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import requests
import zeep
from lxml import etree

from benchmarks.libraries import PAGE, PATHS, THREADS, Library, disks
from benchmarks.server import Server
from benchmarks.timing import Action


class Client(Library):
    """zeep, with requests beneath it."""

    title = 'zeep'

    def __init__(self, server: Server) -> None:
        http_session = requests.Session()
        http_session.verify = server.cacert
        http_session.trust_env = False  # which could name other authorities
        http_session.mount('https://', requests.adapters.HTTPAdapter(pool_maxsize=THREADS))
        self.client = zeep.Client(
            f'{server.url}/sdk/vimService.wsdl',
            transport=zeep.Transport(session=http_session),
            settings=zeep.Settings(xml_huge_tree=True),
        )
        self.service = self.client.service
        self.service._binding_options['address'] = f'{server.url}/sdk'
        content = self.service.RetrieveServiceContent(self._moref('ServiceInstance'))
        self.service.Login(content.sessionManager, server.username, server.password)
        self.content = content

    def _type(self, name: str) -> Any:
        return self.client.get_type(f'{{urn:vim25}}{name}')

    def _moref(self, value: str, type_: str | None = None) -> Any:
        return self._type('ManagedObjectReference')(value, type=type_ or value)

    def _specs(self, obj: Any, paths: list[str], **more: Any) -> Any:
        properties = self._type('PropertySpec')(type='VirtualMachine', pathSet=paths)
        objects = self._type('ObjectSpec')(obj=obj, **more)
        return self._type('PropertyFilterSpec')(propSet=[properties], objectSet=[objects])

    def read_name(self, machine: Any) -> Action:
        def read() -> Any:
            found = self.service.RetrievePropertiesEx(
                self.content.propertyCollector,
                [self._specs(machine, ['name'])],
                self._type('RetrieveOptions')(maxObjects=1),
            )
            return found.objects[0].propSet[0].val

        return read

    def pages(self) -> Iterator[list[Any]]:
        view = self.service.CreateContainerView(
            self.content.viewManager, self.content.rootFolder, ['VirtualMachine'], True
        )
        traversal = self._type('TraversalSpec')(type='ContainerView', path='view', skip=False)
        found = self.service.RetrievePropertiesEx(
            self.content.propertyCollector,
            [self._specs(view, PATHS, skip=True, selectSet=[traversal])],
            self._type('RetrieveOptions')(maxObjects=PAGE),
        )
        while True:
            yield found.objects
            if found.token is None:
                return
            found = self.service.ContinueRetrievePropertiesEx(
                self.content.propertyCollector, found.token
            )

    def decode(self, reply: bytes) -> Action:
        binding = self.service._binding
        operation = binding.get('RetrievePropertiesEx')
        answer = SimpleNamespace(status_code=200, content=reply, headers={}, encoding='utf-8')
        return lambda: binding.process_reply(self.client, operation, answer)

    def create(self) -> Action:
        # Looking a type up is part of it for the others, too.
        return lambda: self._type('VirtualMachineConfigSpec')()

    def encode(self, machine: Any, devices: int) -> Action:
        spec = disks(lambda name: self._type(name)(), machine, devices)
        create = self.client.create_message
        return lambda: etree.tostring(create(self.service, 'ReconfigVM_Task', machine, spec))
