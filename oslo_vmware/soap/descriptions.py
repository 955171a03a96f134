"""Where the compiled engine has its descriptions from, and in which version it speaks.

A description that somebody names by its URL is read from there, as is the SOAPAction. VIM without
one is described by the file that ships with the package: nothing is fetched and parsed, and the
version is negotiated. Only a server newer than that file is asked for its own description.

What was compiled is kept for the whole process, however many sessions use it.
"""

import functools
import logging
import threading
import time
from typing import Any

import suds

from oslo_vmware import wsdl
from oslo_vmware._process import PerProcess
from oslo_vmware.soap import stored, versions
from oslo_vmware.soap.compiled import Codec, CompiledClient
from oslo_vmware.soap.errors import DescriptionError, NotSoapError, UnreadableReplyError
from oslo_vmware.soap.objects import moref
from oslo_vmware.soap.schema import Schema, SchemaError
from oslo_vmware.soap.transport import HttpTransport

LOG = logging.getLogger(__name__)

_NAMESPACE = 'urn:vim25'

_OK = 200

#: Every server that this library supports knows it.
_OLDEST = '5.5'

#: Seconds for which a description from a server is taken for what the server has.
_LIFETIME = 3600.0

#: More than any process has servers of different versions.
_LIMIT = 16

_compiled: dict[tuple[Any, ...], tuple[float, Codec]] = {}
_compiling = PerProcess(threading.Lock)


@functools.cache
def shipped_vim() -> Codec:
    """The description of VIM that ships with the package."""
    path = wsdl.vim_description_path()
    return Codec(Schema(stored.load(path.read_bytes(), str(path))))


@functools.cache
def shipped_pbm() -> Codec:
    """The newest description of PBM that ships with the package."""
    # Imported here because the description of VIM that ships need not be compiled.
    from oslo_vmware.soap.wsdl import load

    return Codec(load(str(wsdl.newest_pbm_wsdl_path())))


def described(url: str, transport: HttpTransport) -> Codec:
    """The description at a URL, compiled once for the process.

    :param transport: what to read it with
    :raises DescriptionError: it cannot be read
    :raises requests.RequestException: no answer arrived
    """
    # Imported here because the description that ships need not be compiled.
    from oslo_vmware.soap.wsdl import load

    def read(location: str) -> bytes:
        reply = transport.get(location)
        if reply.status != _OK:
            raise DescriptionError(location, f'HTTP status {reply.status} {reply.reason}')
        return reply.body

    # What came over an unverified connection is not served to sessions that verify.
    key = (url, None if url.startswith('file:') else transport.verify)
    with _compiling.get():
        now = time.monotonic()
        expires, codec = _compiled.get(key, (now, None))
        if codec is None or expires <= now:
            try:
                codec = Codec(load(url, read))
                if not codec.schema.description.operations:
                    raise DescriptionError(url, 'it describes no service')
            except SchemaError as exc:
                raise DescriptionError(url, str(exc)) from exc
            _compiled.pop(key, None)
            _compiled[key] = (now + _LIFETIME, codec)
            if len(_compiled) > _LIMIT:
                del _compiled[next(iter(_compiled))]
    return codec


def known_schemas() -> list[Schema]:
    """The schemas that this process has: the one that ships, and all that it was given."""
    return [shipped_vim().schema, *(codec.schema for _, codec in list(_compiled.values()))]


def open_vim(wsdl_url: str, soap_url: str, transport: HttpTransport) -> CompiledClient:
    """A client for a VIM service, in the newest version that both sides know.

    :param wsdl_url: the server's own description, for a server newer than ours
    :param soap_url: where requests go
    :raises DescriptionError: the server tells nothing that could be understood
    :raises UnreadableReplyError: what it tells is no XML
    :raises requests.RequestException: no answer arrived
    """
    theirs = _published_versions(f'{soap_url}/vimServiceVersions.xml', transport)
    if not theirs:
        theirs = (_asked_version(soap_url, transport),)
    ours = wsdl.vim_api_versions()
    if versions.is_newer(theirs[0], ours[0]):
        try:
            return CompiledClient(described(wsdl_url, transport), soap_url, transport)
        except (OSError, DescriptionError) as exc:
            if not isinstance(exc, DescriptionError | _requests().RequestException):
                raise
            LOG.warning(
                '%s speaks version %s, which is newer than ours, and its description cannot be '
                'had; going on with version %s: %s',
                *(soap_url, theirs[0], ours[0], exc),
            )
    common = next((version for version in theirs if version in ours), None)
    version = common or versions.newest_not_newer(ours, theirs[0]) or _OLDEST
    LOG.debug('Speaking version %s with %s', version, soap_url)
    return CompiledClient(shipped_vim(), soap_url, transport, f'{_NAMESPACE}/{version}')


def _published_versions(url: str, transport: HttpTransport) -> tuple[str, ...]:
    """What a server publishes; whatever else comes in its place must not prevent a session.

    :raises requests.RequestException: the server cannot be reached
    """
    try:
        reply = transport.get(url)
    except OSError as exc:
        requests = _requests()
        if isinstance(exc, requests.ConnectionError | requests.Timeout):
            raise
        if not isinstance(exc, requests.RequestException):
            raise
        LOG.debug('%s cannot be read: %s', url, exc)
        return ()
    if reply.status != _OK:
        LOG.debug('%s cannot be read: HTTP status %s', url, reply.status)
        return ()
    return versions.published(reply.body, _NAMESPACE)


def _asked_version(soap_url: str, transport: HttpTransport) -> str:
    """The version of a server that publishes none: what it says of itself."""
    client = CompiledClient(shipped_vim(), soap_url, transport, f'{_NAMESPACE}/{_OLDEST}')
    instance = moref('ServiceInstance', 'ServiceInstance')
    try:
        content = client.call('RetrieveServiceContent', instance, {})
        return str(content.about.apiVersion)
    except UnreadableReplyError:
        raise
    except (suds.WebFault, NotSoapError, AttributeError) as exc:
        raise DescriptionError(soap_url, f'the server does not tell its version: {exc}') from exc


def _requests() -> Any:
    """What the errors of an exchange are of; imported when there is one."""
    import requests

    return requests
