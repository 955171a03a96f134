"""What the tables of the engine need: descriptions, and requests and replies as short text."""

import functools
import pathlib
from collections.abc import Mapping
from typing import Any

from oslo_vmware import wsdl
from oslo_vmware.soap.compiled import Codec, CompiledClient
from oslo_vmware.soap.declarations import (
    Attribute,
    Description,
    FieldDeclaration,
    OperationDeclaration,
    TypeDeclaration,
)
from oslo_vmware.soap.descriptions import shipped_vim
from oslo_vmware.soap.objects import moref
from oslo_vmware.soap.schema import ANY_TYPE, XSD, Schema
from oslo_vmware.soap.transport import HttpTransport, Reply
from oslo_vmware.soap.wsdl import load

VM = moref('vm-1', 'VirtualMachine')

ENVELOPE = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>{}</e:Body></e:Envelope>'
)


@functools.cache
def vim() -> Codec:
    """The VIM that ships with the package."""
    return shipped_vim()


@functools.cache
def pbm() -> Codec:
    """The newest PBM, whose description has VIM types in it."""
    path = pathlib.Path(wsdl.vim_wsdl_path()).parents[1] / 'pbm' / '9.1' / 'pbmService.wsdl'
    return Codec(load(str(path)))


def field(name: str, type_: str, **properties: Any) -> FieldDeclaration:
    """An element of :func:`odd`: required, single and not nillable unless told otherwise."""
    defaults = {'namespace': 'urn:odd', 'many': False, 'optional': False, 'nillable': False}
    return FieldDeclaration(name, type=type_, **{**defaults, **properties})


@functools.cache
def odd() -> Codec:
    """A service with what neither VIM nor PBM has today."""
    string, integer = f'{{{XSD}}}string', f'{{{XSD}}}int'
    thing = (
        field('class', string, optional=True),
        field('def', integer, optional=True),
        field('must', string, nillable=True),
        field('may', string, nillable=True, optional=True),
        field('anything', ANY_TYPE, optional=True),
        field('ratio', f'{{{XSD}}}double', optional=True),
        field('plain', string, namespace='', optional=True),
        field('mood', '{urn:odd}Mood', optional=True, nillable=True),
        field('temper', '{urn:odd}Mood', optional=True),
        field('VirtualMachineEmptyProfileSpec', '{urn:odd}Open', optional=True),
    )
    types = {
        '{urn:odd}Mood': TypeDeclaration('odd', 'enum', string, values=('good', 'bad')),
        '{urn:odd}Open': TypeDeclaration(
            *('odd', 'complex'),
            attributes=(Attribute('mark', integer, True),),
            abstract=True,
            open=True,
        ),
        '{urn:odd}Thing': TypeDeclaration('odd', 'complex', fields=thing),
        '{urn:odd}#Put': TypeDeclaration(
            'odd', 'complex', fields=(field('it', '{urn:odd}Thing', optional=True),)
        ),
        '{urn:odd}#PutResponse': TypeDeclaration(
            'odd', 'complex', fields=(field('returnval', '{urn:odd}Thing', optional=True),)
        ),
    }
    elements = {'{urn:odd}Put': '{urn:odd}#Put', '{urn:odd}PutResponse': '{urn:odd}#PutResponse'}
    put = OperationDeclaration('odd', 'urn:odd/1', '{urn:odd}Put', '{urn:odd}PutResponse', ())
    sections = (types, elements, {'Put': put}, ('urn:odd',), ('urn:odd',))
    return Codec(Schema(Description('odd', 'urn:odd', {}, *sections, unqualified=True)))


def request(codec: Codec, operation: str, this: Any, **arguments: Any) -> str:
    """The message in a request's body, as it is written."""
    found = codec.schema.operation(operation)
    assert found is not None
    text = codec.encoder.request(found, this, arguments).decode()
    return text.partition('<soapenv:Body>')[2].rpartition('</soapenv:Body>')[0]


class Wire(HttpTransport):
    """Answers with what it was told to, and keeps what it was sent."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply
        self.headers: Mapping[str, str] = {}

    def post(self, url: str, body: bytes, headers: Mapping[str, str], call: object = None) -> Reply:
        """Answer a request."""
        self.headers = headers
        return self.reply


def client(codec: Codec, body: bytes, status: int = 200) -> CompiledClient:
    """A client whose server has one answer."""
    return CompiledClient(codec, 'https://localhost/sdk', Wire(Reply(status, '', 'text/xml', body)))


def answered(codec: Codec, operation: str, content: str) -> Any:
    """What a call gives if its reply's body is this."""
    return client(codec, ENVELOPE.format(content).encode()).call(operation, None, {})


def property_read(val: str) -> Any:
    """A ``DynamicProperty`` as it comes out of a reply.

    :param val: the XML after its name
    """
    content = (
        '<RetrievePropertiesResponse xmlns="urn:vim25"><returnval><obj type="Folder">f</obj>'
        f'<propSet><name>n</name>{val}</propSet></returnval></RetrievePropertiesResponse>'
    )
    (found,) = answered(vim(), 'RetrieveProperties', content)
    return found.propSet[0]
