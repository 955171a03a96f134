"""Data objects as XML documents of their own, which clients keep and hand back later.

They come back from strangers: no document type is read, and nothing is fetched.
"""

from __future__ import annotations

import functools
from typing import Any

from lxml import etree

from oslo_vmware.simulator.world import descriptions
from oslo_vmware.simulator.world.data import DataObject, Fault
from oslo_vmware.simulator.world.decoding import Decoder
from oslo_vmware.simulator.world.encoding import Encoder
from oslo_vmware.soap.schema import XSD

_START = (
    f'<ConfigRoot xmlns="urn:vim25" xmlns:xsd="{XSD}" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
)


def written(value: DataObject) -> str:
    """The document of a data object."""
    return f'{_START}{_encoder().any_value("obj", value)}</ConfigRoot>'


def read(text: str | bytes, wire_type: str) -> DataObject | None:
    """The data object of a document; None if it is no document of that type."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        root: Any = etree.fromstring(text.encode() if isinstance(text, str) else text, parser)
        if root.getroottree().docinfo.doctype or len(root) != 1:
            return None
        value = _decoder().any_value(root[0])
    except (etree.XMLSyntaxError, Fault):
        return None
    return value if isinstance(value, DataObject) and value.wire_type == wire_type else None


@functools.cache
def _encoder() -> Encoder:
    return Encoder(descriptions.vim_schema())


@functools.cache
def _decoder() -> Decoder:
    return Decoder(descriptions.vim_schema())
