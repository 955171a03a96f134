"""The service descriptions that the simulator lives by, and hands out.

The package ships one description of the VIM API, of the newest version known, one of VSLM, and of
PBM the newest is taken as well. A simulated server of an older version serves the same types under
its own version number: clients must see a SOAPAction that this server accepts, while types and
fields that its original did not have do no harm.
"""

import dataclasses
import functools
import pathlib
import re
from collections.abc import Mapping

from lxml import etree

import oslo_vmware
from oslo_vmware.soap import wsdl
from oslo_vmware.soap.schema import Schema

_SHIPPED = pathlib.Path(oslo_vmware.__file__).parent / 'wsdl'


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r'\d+', version))


@dataclasses.dataclass(frozen=True)
class Service:
    """One SOAP service of a vCenter, and where its description is.

    :ivar key: what the names of its files begin with
    :ivar ids: version ids of the releases that have another one than the release's name
    :ivar aliases: names that clients give to versions of another id
    """

    key: str
    namespace: str
    directory: pathlib.Path
    ids: Mapping[str, str] = dataclasses.field(default_factory=dict)
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def versions_file(self) -> str:
        return f'{self.key}ServiceVersions.xml'

    @functools.cached_property
    def files(self) -> frozenset[str]:
        """The names of what can be fetched."""
        suffixes = ('.wsdl', '.xsd')
        return frozenset(path.name for path in self.directory.iterdir() if path.suffix in suffixes)

    def published_versions(self) -> tuple[str, ...]:
        """All versions that there ever were, newest first."""
        root = etree.fromstring((self.directory / self.versions_file).read_bytes())
        return tuple(
            version.text or ''
            for namespace in root.iter('namespace')
            if namespace.findtext('name') == self.namespace
            for version in namespace.iter('version')
        )


# govmomi's name of 7.0, up to its release 0.29.
VIM = Service('vim', 'urn:vim25', _SHIPPED / 'vim', aliases={'7.0': '7.0.0.0'})
_NEWEST_PBM = max((_SHIPPED / 'pbm').iterdir(), key=lambda path: _number(path.name))
PBM = Service('pbm', 'urn:pbm', _NEWEST_PBM, {'5.5': '1.0', '6.0': '2.0'})
VSLM = Service('vslm', 'urn:vslm', _SHIPPED / 'vslm', aliases={'7.0': '7.0.0.0'})


@functools.cache
def vim_schema() -> Schema:
    """The VIM description, compiled once per process."""
    return wsdl.load(str(VIM.directory / 'vimService.wsdl'))


@functools.cache
def pbm_schema() -> Schema:
    """The PBM description, compiled once per process."""
    return wsdl.load(str(PBM.directory / 'pbmService.wsdl'))


@functools.cache
def vslm_schema() -> Schema:
    """The VSLM description, compiled once per process, if anybody asks for that service."""
    return wsdl.load(str(VSLM.directory / 'vslmService.wsdl'))


class Descriptions:
    """What a server of one API version publishes of a service.

    :param api_version: its newest version of VIM, such as ``8.0.3.0``
    """

    def __init__(self, api_version: str, service: Service = VIM) -> None:
        if not re.fullmatch(r'\d+(\.\d+)+(u\d+)?', api_version, re.ASCII):
            raise ValueError(
                f'api_version={api_version!r}: expected a version such as "8.0.3.0" or "6.7"'
            )
        self._service = service
        published = service.published_versions()
        newest = service.ids.get('.'.join(api_version.split('.')[:2]), api_version)
        older = (
            published[published.index(newest) + 1 :]
            if newest in published
            else [one for one in published if _number(one) < _number(newest)]
        )
        #: Versions that the server accepts, newest first.
        self.versions = (newest, *older)
        self._described = published[0]

    def accepts(self, soap_action: str) -> bool:
        """Whether a SOAPAction header names a version that the server knows."""
        namespace, _, version = soap_action.strip().strip('"').partition('/')
        version = self._service.aliases.get(version, version)
        return namespace in ('', self._service.namespace) and (
            not version or version in self.versions
        )

    def document(self, name: str, address: str) -> bytes | None:
        """A file as the server publishes it; None when it has none of that name.

        :param address: URL of the service, which the description names
        """
        if name == self._service.versions_file:
            return self._versions_document()
        if name not in self._service.files:
            return None
        document = (self._service.directory / name).read_bytes()
        if name.endswith('.wsdl'):
            document = document.replace(
                f'soapAction="{self._service.namespace}/{self._described}"'.encode(),
                f'soapAction="{self._service.namespace}/{self.versions[0]}"'.encode(),
            )
            document = re.sub(
                rb'(<soap:address location=")[^"]*', rb'\g<1>' + address.encode(), document
            )
        return document

    def _versions_document(self) -> bytes:
        root = etree.Element('namespaces', version='1.0')
        namespace = etree.SubElement(root, 'namespace')
        etree.SubElement(namespace, 'name').text = self._service.namespace
        etree.SubElement(namespace, 'version').text = self.versions[0]
        prior = etree.SubElement(namespace, 'priorVersions')
        for version in self.versions[1:]:
            etree.SubElement(prior, 'version').text = version
        return etree.tostring(root, xml_declaration=True, encoding='UTF-8', pretty_print=True)
