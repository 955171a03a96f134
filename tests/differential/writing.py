"""Reply XML for values, written by neither engine."""

import datetime
from collections.abc import Callable
from typing import Any

from lxml import etree

from oslo_vmware.soap.schema import ANY_TYPE, XSD, Field, Kind, Operation, Schema, split
from oslo_vmware.soap.values import xsd_float
from tests.differential.values import Made, Moref, Typed

_SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
_XSI = 'http://www.w3.org/2001/XMLSchema-instance'
_TYPES = {bool: 'boolean', int: 'long', float: 'double', str: 'string'}

Visit = Callable[[etree._Element], None]


class Writer:
    """Writes replies of a service.

    :param visit: sees each element of an object when it is complete, and may add to it
    """

    def __init__(self, schema: Schema, visit: Visit | None = None) -> None:
        self.schema = schema
        self.visit = visit or (lambda element: None)
        namespaces = schema.description.namespaces
        self._prefixes = {f'n{number}': uri for number, uri in enumerate(namespaces)}
        self._by_uri = {uri: prefix for prefix, uri in self._prefixes.items()}

    def reply(self, operation: Operation, value: Any) -> bytes:
        """The envelope of a reply with a result; of one without if the value is None."""
        envelope, body = self._envelope()
        assert operation.response is not None
        message = etree.SubElement(body, operation.response)
        if operation.result is not None and value is not None:
            self.write(message, operation.result, value)
        return etree.tostring(envelope, encoding='utf-8', xml_declaration=True)

    def fault(self, element: str, declared: str, value: Made) -> bytes:
        """The envelope of a fault."""
        envelope, body = self._envelope()
        fault = etree.SubElement(body, f'{{{_SOAP}}}Fault')
        etree.SubElement(fault, 'faultcode').text = 'ServerFaultCode'
        etree.SubElement(fault, 'faultstring').text = 'Something <failed>'
        detail = etree.SubElement(fault, 'detail')
        written = etree.SubElement(detail, element)
        self._type(written, value.type)
        self._object(written, value)
        return etree.tostring(envelope, encoding='utf-8', xml_declaration=True)

    def _envelope(self) -> tuple[etree._Element, etree._Element]:
        spaces = {'soapenv': _SOAP, 'xsd': XSD, 'xsi': _XSI} | self._prefixes
        envelope = etree.Element(f'{{{_SOAP}}}Envelope', nsmap=spaces)
        return envelope, etree.SubElement(envelope, f'{{{_SOAP}}}Body')

    def write(self, parent: etree._Element, field: Field, value: Any) -> None:
        """Add a member to an element."""
        if isinstance(value, list):
            for one in value:
                self.write(parent, field, one)
            return
        element = etree.SubElement(parent, field.tag)
        if isinstance(value, Made):
            if value.type != field.type:
                self._type(element, value.type)
            self._object(element, value)
        elif isinstance(value, Moref):
            element.set('type', value.type)
            element.text = value.value
        else:
            if field.kind is Kind.ANY:
                type_ = value.type if isinstance(value, Typed) else _TYPES[type(value)]
                element.set(f'{{{_XSI}}}type', f'xsd:{type_}')
            element.text = _text(value)

    def _type(self, element: etree._Element, tag: str) -> None:
        if tag != ANY_TYPE:
            uri, local = split(tag)
            element.set(f'{{{_XSI}}}type', f'{self._by_uri[uri]}:{local}')

    def _object(self, element: etree._Element, value: Made) -> None:
        by_name = self.schema.type(value.type).by_name
        for name, content in value.members.items():
            self.write(element, by_name[name], content)
        self.visit(element)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, float):
        return xsd_float(value)
    return value.text if isinstance(value, Typed) else str(value)
