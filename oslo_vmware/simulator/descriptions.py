"""The service descriptions that the simulator lives by, and hands out.

The package ships one description of the VIM API, of the newest version known. A simulated
server of an older version serves the same types under its own version number: clients must see
a SOAPAction that this server accepts, while types and fields that its original did not have do
no harm.
"""

import functools
import pathlib
import re

from lxml import etree

import oslo_vmware
from oslo_vmware.soap import wsdl
from oslo_vmware.soap.schema import Schema

_DIRECTORY = pathlib.Path(oslo_vmware.__file__).parent / 'wsdl' / 'vim'
_SERVICE = 'vimService.wsdl'
_VERSIONS = 'vimServiceVersions.xml'
_NAMESPACE = 'urn:vim25'


@functools.cache
def vim_schema() -> Schema:
    """The VIM description, compiled once per process."""
    return wsdl.load(str(_DIRECTORY / _SERVICE))


@functools.cache
def _shipped_files() -> frozenset[str]:
    return frozenset(path.name for path in _DIRECTORY.iterdir() if path.suffix in ('.wsdl', '.xsd'))


@functools.cache
def _published_versions() -> tuple[str, ...]:
    """All API versions that there ever were, newest first."""
    root = etree.fromstring((_DIRECTORY / _VERSIONS).read_bytes())
    return tuple(
        version.text or ''
        for namespace in root.iter('namespace')
        if namespace.findtext('name') == _NAMESPACE
        for version in namespace.iter('version')
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r'\d+', version))


class Descriptions:
    """What a server of one API version publishes.

    :param api_version: its newest version, such as ``8.0.3.0``
    """

    def __init__(self, api_version: str) -> None:
        if not re.fullmatch(r'\d+(\.\d+)+(u\d+)?', api_version, re.ASCII):
            raise ValueError(
                f'api_version={api_version!r}: expected a version such as "8.0.3.0" or "6.7"'
            )
        published = _published_versions()
        older = (
            published[published.index(api_version) + 1 :]
            if api_version in published
            else [one for one in published if _number(one) < _number(api_version)]
        )
        #: Versions that the server accepts, newest first.
        self.versions = (api_version, *older)
        self._shipped = published[0]

    def accepts(self, soap_action: str) -> bool:
        """Whether a SOAPAction header names a version that the server knows."""
        namespace, _, version = soap_action.strip().strip('"').partition('/')
        # Without a version a server takes the oldest it has.
        return namespace in ('', _NAMESPACE) and (not version or version in self.versions)

    def document(self, name: str, address: str) -> bytes | None:
        """A file as the server publishes it; None when it has none of that name.

        :param address: URL of the service, which the description names
        """
        if name == _VERSIONS:
            return self._versions_document()
        if name not in _shipped_files():
            return None
        document = (_DIRECTORY / name).read_bytes()
        if name.endswith('.wsdl'):
            document = document.replace(
                f'soapAction="{_NAMESPACE}/{self._shipped}"'.encode(),
                f'soapAction="{_NAMESPACE}/{self.versions[0]}"'.encode(),
            )
            document = re.sub(
                rb'(<soap:address location=")[^"]*', rb'\g<1>' + address.encode(), document
            )
        return document

    def _versions_document(self) -> bytes:
        root = etree.Element('namespaces', version='1.0')
        namespace = etree.SubElement(root, 'namespace')
        etree.SubElement(namespace, 'name').text = _NAMESPACE
        etree.SubElement(namespace, 'version').text = self.versions[0]
        prior = etree.SubElement(namespace, 'priorVersions')
        for version in self.versions[1:]:
            etree.SubElement(prior, 'version').text = version
        return etree.tostring(root, xml_declaration=True, encoding='UTF-8', pretty_print=True)
