"""Reads an OVF descriptor.

It comes from strangers: nothing is fetched, and a document type, which is where entities come
from, is refused. What a descriptor says is told by local names, since OVF 0.9, 1.x and 2.x have
different namespaces for the same elements. What is wrong with it is an ``Ovf…`` fault, with the
line, which the operations put into their results instead of raising it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lxml import etree

from oslo_vmware.simulator.world.data import Fault

_NAMESPACES = (
    'http://schemas.dmtf.org/ovf/envelope/1',
    'http://schemas.dmtf.org/ovf/envelope/2',
    'http://www.vmware.com/schema/ovf/1/envelope',
)
_ITEMS = ('Item', 'StorageItem', 'EthernetPortItem')
_DOCTYPE = re.compile(r'(?:\s|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE', re.DOTALL)
_DECLARATION = re.compile(r'\s*<\?xml\s[^>]*\?>')
_UNITS = re.compile(r'byte(?:\s*\*\s*(?P<base>\d{1,18})(?:\s*\^\s*(?P<power>\d{1,2}))?)?')
_OLD_UNITS = {'bytes': 1, 'kilobytes': 2**10, 'megabytes': 2**20, 'gigabytes': 2**30}
_MOST_DIGITS = 18
_LARGEST_UNIT = 2**50
_LARGEST_DISK = 2**62


@dataclasses.dataclass
class File:
    """A file of the package: where it is, and how many bytes it has if that is said.

    :ivar piece: bytes of each of the pieces it comes in; None if it is whole
    """

    id: str
    href: str
    size: int | None
    compression: str | None
    piece: int | None


@dataclasses.dataclass
class Disk:
    """A virtual disk; ``capacity`` is in bytes, ``file`` is None for an empty one."""

    id: str
    capacity: int
    file: str | None
    populated: int


@dataclasses.dataclass
class Item:
    """A part of the hardware.

    :ivar kind: its CIM resource type
    :ivar subtype: in small letters, in order of preference
    :ivar configurations: the deployment options it is for; none for all
    """

    line: int
    kind: int
    id: str
    name: str
    subtype: list[str]
    parent: str | None
    address: int | None
    unit: int | None
    connection: str | None
    resource: str | None
    quantity: int | None
    units: str | None
    connected: bool
    required: bool
    configurations: list[str]


@dataclasses.dataclass
class Property:
    """Something the deployer is asked for; ``key`` is its full name: ``class.id.instance``."""

    line: int
    key: str
    id: str
    class_id: str
    instance_id: str
    category: str | None
    type: str
    value: str
    configurable: bool
    label: str | None
    description: str | None
    qualifiers: str


@dataclasses.dataclass
class Option:
    """A deployment option."""

    id: str
    label: str
    description: str


class Package:
    """What a descriptor says of the one machine in it.

    :param text: the descriptor
    :param messages: texts in the deployer's language, by their ids
    :raises Fault: OvfXmlFormat and other faults of packages
    """

    def __init__(self, text: str, messages: Mapping[str, str]) -> None:
        self._messages = messages
        root = _parsed(text)
        if _local(root) != 'Envelope' or etree.QName(root).namespace not in _NAMESPACES:
            raise Fault(
                'OvfWrongNamespace',
                'The document is no OVF envelope.',
                lineNumber=_line(root),
                namespaceName=etree.QName(root).namespace or '',
            )
        self._root = root
        self.files = {one.id: one for one in self._files()}
        self.options = [
            Option(_get(one, 'id') or '', self._said(one, 'Label'), self._said(one, 'Description'))
            for one in _below(root, 'DeploymentOptionSection', 'Configuration')
        ]
        self.default_option = self._default_option()
        self.networks = {
            _get(one, 'name') or '': self._said(one, 'Description')
            for one in _below(root, 'NetworkSection', 'Network')
        }
        self.disks = {one.id: one for one in self._disks()}
        several = next(_below(root, 'VirtualSystemCollection'), None)
        if several is not None:
            raise _element('OvfUnsupportedElement', several, 'only single machines are supported')
        system = next(_below(root, 'VirtualSystem'), None)
        if system is None:
            raise _element('OvfMissingElement', root, 'a machine is missing', 'VirtualSystem')
        self.system = system
        self.name = self._said(system, 'Name') or _get(system, 'id') or ''
        self.annotation = '\n'.join(
            self._said(one, 'Annotation') for one in self._sections('AnnotationSection')
        )
        self.licenses = [self._said(one, 'License') for one in self._sections('EulaSection')]

    # What it is made of

    @property
    def system_types(self) -> list[str]:
        """The families of hardware that it is for."""
        found = next(_below(self._hardware, 'System', 'VirtualSystemType'), None)
        return [] if found is None else re.split(r'[\s,]+', (found.text or '').strip())

    @property
    def guest(self) -> tuple[str | None, int, str]:
        """Its operating system: as vSphere calls it, its CIM number, its description."""
        for one in _below(self.system, 'OperatingSystemSection'):
            number = _get(one, 'id') or ''
            return (
                _get(one, 'osType'),
                int(number) if _is_number(number) else 0,
                self._said(one, 'Description'),
            )
        return None, 0, ''

    @property
    def transports(self) -> list[str]:
        """How the guest is told of its properties."""
        return (_get(self._hardware, 'transport') or '').split()

    @property
    def assignment(self) -> dict[str, list[str]]:
        """How it may get addresses: ``schemes`` and ``protocols``."""
        found = next(iter(self._sections('IpAssignmentSection')), None)
        return {
            name: [] if found is None else (_get(found, name) or '').split(',')
            for name in ('schemes', 'protocols')
        }

    @property
    def settings(self) -> dict[str, str]:
        """VMware's own settings of the hardware as a whole."""
        return _pairs(self._hardware, 'Config')

    @property
    def extra(self) -> dict[str, str]:
        """Settings of the machine's configuration file."""
        return _pairs(self._hardware, 'ExtraConfig')

    def items(self, option: str) -> list[Item]:
        """Its hardware for a deployment option."""
        return [
            item
            for one in self._hardware
            if isinstance(one.tag, str) and _local(one) in _ITEMS
            if not (item := self._item(one)).configurations or option in item.configurations
        ]

    def properties(self, option: str) -> list[Property]:
        """What the deployer is asked for, with the defaults of a deployment option."""
        found = []
        for section in self._sections('ProductSection'):
            category = None
            for one in section:
                if not isinstance(one.tag, str):
                    continue
                if _local(one) == 'Category':
                    category = self._text(one)
                elif _local(one) == 'Property':
                    found.append(self._property(section, one, category, option))
        return found

    @property
    def product(self) -> dict[str, str] | None:
        """What it says of itself as a product, by field of a VAppProductInfo."""
        section = next(iter(self._sections('ProductSection')), None)
        if section is None:
            return None
        return {
            'classId': _get(section, 'class') or '',
            'instanceId': _get(section, 'instance') or '',
            'name': self._said(section, 'Product'),
            'vendor': self._said(section, 'Vendor'),
            'version': self._said(section, 'Version'),
            'fullVersion': self._said(section, 'FullVersion'),
            'vendorUrl': self._said(section, 'VendorUrl'),
            'productUrl': self._said(section, 'ProductUrl'),
            'appUrl': self._said(section, 'AppUrl'),
        }

    # How it is read

    @property
    def _hardware(self) -> Any:
        found = next(_below(self.system, 'VirtualHardwareSection'), None)
        if found is None:
            raise _element(
                'OvfMissingElement', self.system, 'it has no hardware', 'VirtualHardwareSection'
            )
        return found

    def _sections(self, name: str) -> list[Any]:
        return [*_below(self._root, name), *_below(self.system, name)]

    def _files(self) -> Iterator[File]:
        for one in _below(self._root, 'References', 'File'):
            size, piece = _get(one, 'size'), _get(one, 'chunkSize')
            yield File(
                _needed(one, 'id'),
                _needed(one, 'href'),
                _number(one, 'size', size) if size else None,
                _get(one, 'compression'),
                _number(one, 'chunkSize', piece) if piece else None,
            )

    def _disks(self) -> Iterator[Disk]:
        for one in _below(self._root, 'DiskSection', 'Disk'):
            capacity = _number(one, 'capacity', _needed(one, 'capacity'))
            file = _get(one, 'fileRef')
            if file is not None and file not in self.files:
                raise _value('OvfInvalidValueReference', one, 'fileRef', file)
            unit = unit_bytes(_get(one, 'capacityAllocationUnits') or 'byte')
            if capacity * unit > _LARGEST_DISK:
                raise _value('OvfInvalidValueFormatMalformed', one, 'capacity', str(capacity))
            populated = _get(one, 'populatedSize') or '0'
            yield Disk(
                _needed(one, 'diskId'),
                capacity * unit,
                file,
                int(populated) if _is_number(populated) else 0,
            )

    def _default_option(self) -> str:
        for one in _below(self._root, 'DeploymentOptionSection', 'Configuration'):
            if _get(one, 'default') in ('true', '1'):
                return _get(one, 'id') or ''
        return self.options[0].id if self.options else ''

    def _item(self, one: Any) -> Item:
        def text(name: str) -> str | None:
            found = next(_below(one, name), None)
            return None if found is None else (found.text or '').strip()

        def number(name: str) -> int | None:
            said = text(name)
            return _number(one, name, said) if said else None

        kind = number('ResourceType')
        if kind is None:
            raise _element('OvfMissingElement', one, 'it says no kind', 'ResourceType')
        return Item(
            line=_line(one),
            kind=kind,
            id=text('InstanceID') or text('InstanceId') or '',
            name=text('ElementName') or text('Caption') or '',
            subtype=(text('ResourceSubType') or '').lower().split(),
            parent=text('Parent'),
            address=number('Address') if _is_number(text('Address') or '') else None,
            unit=number('AddressOnParent'),
            connection=text('Connection'),
            resource=text('HostResource'),
            quantity=number('VirtualQuantity'),
            units=text('AllocationUnits'),
            connected=text('AutomaticAllocation') != 'false',
            required=_get(one, 'required') not in ('false', '0'),
            configurations=(_get(one, 'configuration') or '').split(),
        )

    def _property(self, section: Any, one: Any, category: str | None, option: str) -> Property:
        class_id, instance_id = _get(section, 'class') or '', _get(section, 'instance') or ''
        own = _needed(one, 'key')
        values = {
            _get(value, 'configuration'): _get(value, 'value') for value in _below(one, 'Value')
        }
        return Property(
            line=_line(one),
            key='.'.join(part for part in (class_id, own, instance_id) if part),
            id=own,
            class_id=class_id,
            instance_id=instance_id,
            category=category,
            type=_get(one, 'type') or 'string',
            value=values.get(option) or values.get(None) or _get(one, 'value') or '',
            configurable=_get(one, 'userConfigurable') in ('true', '1'),
            label=self._said(one, 'Label') or None,
            description=self._said(one, 'Description') or None,
            qualifiers=_get(one, 'qualifiers') or '',
        )

    def _said(self, parent: Any, name: str) -> str:
        found = next(_below(parent, name), None)
        return '' if found is None else self._text(found)

    def _text(self, element: Any) -> str:
        return self._messages.get(_get(element, 'msgid') or '', (element.text or '').strip())


def unit_bytes(units: str) -> int:
    """How many bytes a unit of quantities has: ``byte * 2^20``, or ``MegaBytes`` of old.

    :raises Fault: OvfHostValueNotParsed
    """
    old = _OLD_UNITS.get(units.strip().lower())
    if old is not None:
        return old
    found = _UNITS.fullmatch(units.strip())
    if found is None:
        raise Fault(
            'OvfHostValueNotParsed',
            f"The unit '{units}' is unknown.",
            property='AllocationUnits',
            value=units,
        )
    base, power = int(found['base'] or 1), int(found['power'] or 1)
    size = int(base**power)
    if size > _LARGEST_UNIT:
        raise Fault(
            'OvfHostValueNotParsed',
            f"The unit '{units}' is too large.",
            property='AllocationUnits',
            value=units,
        )
    return size


def _parsed(text: str) -> Any:
    text = text.lstrip('\ufeff')
    if _DOCTYPE.match(text):
        raise Fault(
            'OvfXmlFormat',
            'The descriptor has a document type.',
            lineNumber=1,
            description='A document type is not allowed.',
        )
    # It has gone through an envelope: whatever encoding it declares, it has none any more.
    data = _DECLARATION.sub('', text, count=1).strip().encode()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Fault(
            'OvfXmlFormat',
            f'The descriptor is no XML: {error.msg}',
            lineNumber=error.lineno or 1,
            description=error.msg or '',
        ) from error


def _local(element: Any) -> str:
    return str(etree.QName(element).localname)


def _line(element: Any) -> int:
    return int(element.sourceline or 0)


def _below(element: Any, *path: str) -> Iterator[Any]:
    """The elements on a path of local names."""
    found: Iterable[Any] = [element]
    for name in path:
        found = [
            child
            for parent in found
            for child in parent
            if isinstance(child.tag, str) and _local(child) == name
        ]
    return iter(found)


def _get(element: Any, name: str) -> str | None:
    """An attribute by its local name."""
    for full, value in element.attrib.items():
        if etree.QName(full).localname == name:
            return str(value)
    return None


def _needed(element: Any, name: str) -> str:
    value = _get(element, name)
    if not value:
        raise Fault(
            'OvfMissingAttribute',
            f'Line {_line(element)}: {_local(element)} has no {name}.',
            lineNumber=_line(element),
            elementName=_local(element),
            attributeName=name,
        )
    return value


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


def _number(element: Any, name: str, value: str) -> int:
    if not _is_number(value):
        raise _value('OvfInvalidValueFormatMalformed', element, name, value)
    return int(value)


def _pairs(element: Any, name: str) -> dict[str, str]:
    return {_get(one, 'key') or '': _get(one, 'value') or '' for one in _below(element, name)}


def _element(fault: str, element: Any, why: str, name: str | None = None) -> Fault:
    name = name or _local(element)
    line = _line(element)
    return Fault(fault, f'Line {line}: {name}: {why}.', lineNumber=line, name=name)


def _value(fault: str, element: Any, name: str, value: str) -> Fault:
    return Fault(
        fault,
        f"Line {_line(element)}: the value '{value}' of {name} is not valid.",
        lineNumber=_line(element),
        elementName=_local(element),
        attributeName=name,
        value=value,
    )
