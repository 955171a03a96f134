"""Both engines on one description, asked the same without a network.

The oracle is a stock ``suds.client.Client`` with the message plugin that vSphere needs. For what
it dies of (unknown elements and types, values of PBM that have types), the reference engine
stands in, which is that client made tolerant.
"""

import contextlib
import copy
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import suds
import suds.client
from lxml import etree
from suds.options import Options
from suds.sax.element import Element

from oslo_vmware import wsdl
from oslo_vmware.soap import reference, suds_parts
from oslo_vmware.soap import wsdl as descriptions
from oslo_vmware.soap.compiled import Codec, CompiledClient
from oslo_vmware.soap.errors import NotSoapError
from oslo_vmware.soap.reference import CompatibilitySudsClient
from oslo_vmware.soap.schema import Kind, Schema
from oslo_vmware.soap.transport import HttpTransport, Reply
from tests.differential.drawing import NAMED_VALUES, calls, is_record

VIM = pathlib.Path(wsdl.vim_wsdl_path())
PBM = VIM.parents[1] / 'pbm' / '9.1' / 'pbmService.wsdl'
#: A service with a type for each kind of number, restricted.
NUMBERS = pathlib.Path(__file__).parent / 'cases' / 'numbers.wsdl'

Headers = Sequence[tuple[str, str]]
Call = Callable[[str, Any, Mapping[str, Any], Headers], Any]

_LOCATION = 'https://localhost/sdk'
_XSI_TYPE = '{http://www.w3.org/2001/XMLSchema-instance}type'


class Wire(HttpTransport):
    """Keeps what is sent, and answers with what it was told to."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b''
        self.reply = Reply(202, 'Accepted', '', b'')

    def post(self, url: str, body: bytes, headers: Mapping[str, Any], *options: Any) -> Reply:
        """Answer a request."""
        self.sent = body
        return self.reply


class Engines:
    """Three clients of one service.

    :param path: its description
    :ivar ours: the compiled engine
    :ivar stock: suds
    :ivar tolerant: the reference engine
    :ivar prefixes: those that all three know, by namespace
    :ivar calls: strategy of (operation, reference, arguments)
    :ivar odd_calls: the same, with odd values among the arguments
    :ivar typed_by_ours: Clark names of elements to whose values only the compiled engine gives a
                         type: in VIM, those of type *any* whose names don't decide
    """

    def __init__(self, path: pathlib.Path) -> None:
        url = path.as_uri()
        self.path = path
        self.wire = Wire()
        self.schema: Schema = descriptions.load(str(path))
        self.codec = Codec(self.schema)
        self.ours = CompiledClient(self.codec, _LOCATION, self.wire)
        self.tolerant = CompatibilitySudsClient(url, location=_LOCATION, http_transport=self.wire)
        # Parsed once for both; what suds' own clone() does, which cannot copy a transport.
        self.stock: Any = copy.copy(reference._describe(url, self.tolerant.options.transport))
        self.stock.options = Options()
        self.stock.service = suds.client.ServiceSelector(self.stock, self.stock.wsdl.services)
        self.stock.set_options(
            location=_LOCATION,
            transport=suds_parts.RequestsTransport.over(self.wire),
            plugins=[suds_parts.ServiceMessagePlugin()],
        )

        namespaces = {uri: prefix for prefix, uri in self.stock.sd[0].prefixes}
        self.prefixes: dict[str, str] = namespaces
        types_values = self.codec.encoder.types_values
        self.calls = calls(self.schema, types_values)
        self.typed_by_ours = set() if types_values else _of_any_name(self.schema)
        self.odd_calls = calls(self.schema, types_values, odd=True)

    def sent(
        self,
        call: Call,
        operation: str,
        this: Any,
        arguments: Mapping[str, Any],
        headers: Headers = (),
    ) -> bytes:
        """The request that an engine makes.

        :param call: one of the ``by_`` methods
        """
        self.wire.sent = b''
        self.wire.reply = Reply(202, 'Accepted', '', b'')
        # A change has no answer in that; what was sent is all that is asked for here.
        with contextlib.suppress(NotSoapError):
            call(operation, this, arguments, headers)
        return self.wire.sent

    def read(self, call: Call, operation: str, body: bytes, status: int = 200) -> Any:
        """What an engine makes of a reply; what it raises is handed out."""
        self.wire.reply = Reply(status, '', 'text/xml', body)
        try:
            return call(operation, None, {}, ())
        except (suds.WebFault, NotSoapError) as raised:
            return raised

    def by_ours(
        self, operation: str, this: Any, arguments: Mapping[str, Any], headers: Headers
    ) -> Any:
        """Call the compiled engine."""
        return self.ours.call(operation, this, arguments, headers)

    def by_stock(
        self, operation: str, this: Any, arguments: Mapping[str, Any], headers: Headers
    ) -> Any:
        """Call the suds client."""
        # Those of the description, which the reference engine has as well.
        options = self.stock.wsdl.options
        options.soapheaders = tuple(Element(name).setText(text) for name, text in headers)
        try:
            return getattr(self.stock.service, operation)(this, **arguments)
        finally:
            options.soapheaders = ()

    def by_tolerant(
        self, operation: str, this: Any, arguments: Mapping[str, Any], headers: Headers
    ) -> Any:
        """Call the reference engine."""
        return self.tolerant.call(operation, this, arguments, headers)


def _of_any_name(schema: Schema) -> set[str]:
    records = filter(is_record, map(schema.type, schema.type_names()))
    found = [field for record in records for field in record.fields]
    for name in schema.operation_names():
        operation = schema.operation(name)
        assert operation is not None
        found += operation.parameters
    return {one.tag for one in found if one.kind is Kind.ANY and one.name not in NAMED_VALUES}


def canonical(envelope: bytes) -> str:
    """An envelope as text that is the same for the same XML, whatever prefixes it uses.

    Names are in Clark notation, those in ``xsi:type`` too.
    """
    lines: list[str] = []
    _canonical(etree.fromstring(envelope), lines, 0)
    return '\n'.join(lines)


def pruned(envelope: bytes) -> bytes:
    """An envelope without objects that are empty, as a stock client sends it; ``<a/>`` is one.

    An empty text is written ``<a></a>``, and stays.
    """
    before = b''
    while before != envelope:
        before = envelope
        envelope = _EMPTY.sub(b'\0', envelope)
    return envelope.replace(b'\0', b'')


#: An element without anything, or with nothing but what was one.
_EMPTY = re.compile(rb'<([\w:.-]+)>\0+</\1>|<[\w:.-]+/>')


def _canonical(element: Any, lines: list[str], depth: int) -> None:
    attributes = dict(element.attrib)
    if _XSI_TYPE in attributes:
        prefix, _, local = attributes[_XSI_TYPE].rpartition(':')
        attributes[_XSI_TYPE] = f'{{{element.nsmap.get(prefix or None)}}}{local}'
    text = element.text or ''
    assert not (len(element) and text.strip()), f'text beside the children of {element.tag}'
    lines.append(
        f'{" " * depth}{element.tag} {sorted(attributes.items())!r} '
        f'{"" if len(element) else repr(text)}'
    )
    for child in element:
        _canonical(child, lines, depth + 1)
