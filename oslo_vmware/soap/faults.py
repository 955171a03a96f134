"""SOAP faults as users of suds know them: ``WebFault`` with a document that answers by path."""

from typing import Any

import suds
import suds.metrics  # which the parser uses without importing it
from lxml import etree
from suds.sax.document import Document
from suds.sax.parser import Parser
from suds.umx.basic import Basic

from oslo_vmware._secrets import Secrets
from oslo_vmware.soap.start_tags import XSI_TYPE

_FAULT = '/Envelope/Body/Fault'


class FaultDocument(Document):
    """The document of a reply with a fault.

    A path is looked for from the envelope down, and else below the fault, so that
    ``/Envelope/Body/Fault/detail`` and ``/detail`` both give the detail.
    """

    def childAtPath(self, path: str) -> Any:  # noqa: N802 - suds' name
        """The element at a path of names, None without one."""
        found = super().childAtPath(path)
        if found is None:
            fault = super().childAtPath(_FAULT)
            found = fault.childAtPath(path) if fault is not None else None
        return found


def conceal_in(fault: Any, secrets: Secrets) -> None:
    """Mask what a fault says of secrets, because servers echo requests.

    :param fault: its element, as lxml has read it
    """
    # The namespaces of types are not texts of theirs.
    for one in fault.iter('*'):
        one.text = one.text and secrets.masked(one.text)
        one.tail = one.tail and secrets.masked(one.tail)
        for name, value in one.attrib.items():
            if name != XSI_TYPE:
                one.set(name, secrets.masked(value))


def web_fault(envelope: Any, detail_objects: list[Any]) -> suds.WebFault:
    """The exception for a reply that has a SOAP fault in it.

    :param envelope: the reply, as lxml has read it
    :param detail_objects: the decoded faults of its detail
    :returns: exception with ``fault`` (``faultcode``, ``faultstring``), ``document``, and the
              decoded faults as ``detail_objects``
    """
    # Not what came: suds' parser does not know all the encodings that lxml does.
    document = FaultDocument(Parser().parse(string=etree.tostring(envelope)).root())
    raised = suds.WebFault(Basic().process(document.childAtPath(_FAULT)), document)
    raised.detail_objects = detail_objects
    return raised
