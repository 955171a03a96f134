"""This library.

What only decoding needs is imported there, so that it weighs nothing where opening is measured.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks.libraries import OURS, PAGE, PATHS, THREADS, Library, disks, specs
from benchmarks.server import Server
from benchmarks.timing import Action
from oslo_vmware import api, vim_util


class Client(Library):
    """This library.

    :param wsdl_loc: a description to go by, in place of the one that ships
    """

    title = OURS

    def __init__(self, server: Server, wsdl_loc: str | None = None) -> None:
        self.session = api.VMwareAPISession(
            server.host,
            server.username,
            server.password,
            api_retry_count=1,
            task_poll_interval=0.5,
            port=server.port,
            cacert=server.cacert,
            pool_size=THREADS,
            wsdl_loc=wsdl_loc,
        )
        self.client = self.session.vim.client

    def read_name(self, machine: Any) -> Action:
        session = self.session
        return lambda: session.invoke_api(
            vim_util, 'get_object_property', session.vim, machine, 'name'
        )

    def pages(self) -> Iterator[list[Any]]:
        session = self.session
        found = session.invoke_api(
            vim_util, 'get_objects', session.vim, 'VirtualMachine', PAGE, PATHS
        )
        while found:
            yield found.objects
            found = session.invoke_api(vim_util, 'continue_retrieval', session.vim, found)

    def each(self) -> Iterator[Any]:
        """:data:`PATHS` of all virtual machines, one after the other, as those do who keep none."""
        session = self.session
        # In no variable: that would keep the first page.
        with vim_util.WithRetrieval(
            session.vim,
            session.invoke_api(vim_util, 'get_objects', session.vim, 'VirtualMachine', PAGE, PATHS),
        ) as machines:
            yield from machines

    def retrieve(self, machines: list[Any], paths: list[str]) -> bytes:
        """The request that reads properties of machines, all in one page."""
        create = self.client.factory.create
        options = create('ns0:RetrieveOptions')
        options.maxObjects = len(machines)
        request: bytes = self.client._codec.encoder.request(
            self.client.operation('RetrievePropertiesEx'),
            self.session.vim.service_content.propertyCollector,
            {'specSet': [specs(create, machines, paths)], 'options': options},
        )
        return request

    def decode(self, reply: bytes) -> Action:
        from oslo_vmware.soap.call import Call
        from oslo_vmware.soap.transport import Reply

        operation = self.client.operation('RetrievePropertiesEx')
        answer = Reply(200, 'OK', 'text/xml', reply)
        call = Call('RetrievePropertiesEx')
        return lambda: self.client._result(operation, answer, call)

    def decode_the_first_time(self, reply: bytes) -> Action:
        """The same with nothing remembered of types and tags."""
        from oslo_vmware.soap.call import Call
        from oslo_vmware.soap.compiled import Codec, CompiledClient
        from oslo_vmware.soap.schema import Schema
        from oslo_vmware.soap.transport import Reply

        answer = Reply(200, 'OK', 'text/xml', reply)
        call = Call('RetrievePropertiesEx')

        def decode() -> Any:
            codec = Codec(Schema(self.client._codec.schema.description))
            client = CompiledClient(codec, '', self.client._transport)
            return client._result(client.operation('RetrievePropertiesEx'), answer, call)

        return decode

    def create(self) -> Action:
        return lambda: self.client.factory.create('ns0:VirtualMachineConfigSpec')

    def encode(self, machine: Any, devices: int) -> Action:
        operation = self.client.operation('ReconfigVM_Task')
        spec = disks(lambda name: self.client.factory.create(f'ns0:{name}'), machine, devices)
        encoder = self.client._codec.encoder
        return lambda: encoder.request(operation, machine, {'spec': spec})
