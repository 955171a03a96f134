"""Images that a host fetches itself, from a URL, so that no byte passes through the caller.

A lease of vSphere 6.7 or newer can be served by *pull* (``HttpNfcLeasePullFromUrls_Task``): the
host is told where the disk is, with which headers to ask, and by what to know the server. What is
decided here:

- *Trust.* A host has no authorities of its own to verify a server by; it compares the server's
  certificate with a thumbprint, and verifying is left to the client. So where the caller gives no
  thumbprint, the source is connected to, its certificate verified with the authorities, and the
  thumbprint of that very certificate handed on. No request is sent on that connection.
- *Secrets.* The headers are for the vCenter and the host only: they are in no text, and what comes
  back of them in a fault is masked, as is the query of the URL, which may be a signature.
- *The lease* is kept alive while the host fetches, completed after the server said that all is
  there, and aborted in every other case, however the waiting ends.
- *Checksum.* What the host has received is compared with what the caller knows of the file, by the
  manifest of the lease. A checksum that cannot be compared is an error, not a success.
"""

import contextlib
import hashlib
import logging
import re
import sys
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

from oslo_vmware import _deadline, _secrets, _trust, exceptions
from oslo_vmware._i18n import _
from oslo_vmware._transfer import connection as _connection
from oslo_vmware._transfer import disk as _disk
from oslo_vmware._transfer import imports as _imports
from oslo_vmware._transfer import lease as _lease
from oslo_vmware._transfer import progress as _progress

LOG = logging.getLogger(__name__)

#: Seconds between two reports that keep a lease alive.
_UPDATE_SECONDS = 60

#: Hexadecimal digits of the checksums that a lease can tell, by their algorithm.
_CHECKSUMS = {'sha1': 40, 'sha256': 64}

#: Thumbprints that hosts compare, in hexadecimal digits: SHA-1 and SHA-256.
_THUMBPRINTS = (40, 64)

#: What is as short as that stands in texts for other things.
_SHORTEST_SECRET = 4

#: An object in Swift; Ceph has a prefix before it.
_SWIFT_OBJECT = re.compile(r'(?:/swift)?/v1/[^/]+/[^/]+/.+')


class UrlPullHandle:
    """A disk at a URL that a host is to fetch: for :func:`image_pull_from_url`.

    Nothing is sent before it is pulled.

    :param url: ``http`` or ``https``; a stream-optimised VMDK, or an OVA that has one
    :param headers: what the host is to send with its request, by name, such as a token
    :param thumbprint: of the certificate of the URL's server, SHA-1 in hexadecimal; without one the
                       server is connected to, and verified by ``cacerts``
    :param cacerts: None to verify the server with the system's trust store, True with the bundle of
                    ``requests``, a path with that bundle or directory; False not to verify, and
                    take whatever certificate there is
    :param member: name of the disk in the OVA at the URL
    :param checksum: that the disk is to have, ``sha1:`` or ``sha256:`` and hexadecimal digits
    :raises ValueError: an argument makes no sense
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        thumbprint: str | None = None,
        cacerts: _trust.Verify = None,
        member: str | None = None,
        checksum: str | None = None,
    ) -> None:
        self._parts = _taken_apart(url)
        self._url = url
        self._headers = {name: str(value) for name, value in (headers or {}).items()}
        for name, value in self._headers.items():
            if not (value.isascii() and value.isprintable()):
                # The value is not for texts.
                raise ValueError(_('The header %s has characters that none can hold.') % name)
        self._thumbprint = None if thumbprint is None else _as_thumbprint(thumbprint)
        self._cacerts = cacerts
        self._member = member
        #: Algorithm and hexadecimal digits of the checksum; None without one.
        self.checksum = None if checksum is None else _as_checksum(checksum)

    def __str__(self) -> str:
        return _connection.shown(self._url)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} of {self}>'

    @property
    def secrets(self) -> _secrets.Secrets:
        """What must not be shown."""
        values = self._headers.values()
        # A server may tell a token without the word that says what it is, such as Bearer.
        tokens = [value.rpartition(' ')[2] for value in values]
        texts = (*values, *tokens, self._parts.query)
        return _secrets.Secrets(text for text in texts if len(text) >= _SHORTEST_SECRET)

    def thumbprint(self) -> str | None:
        """What the certificate of the server must have; None without TLS.

        :raises TransferCertificateException: the server cannot be verified
        :raises TransferConnectionException: it cannot be reached
        """
        if self._thumbprint is None and self._parts.scheme == 'https':
            certificate = _connection.certificate_of(self._url, self._cacerts)
            digest = hashlib.sha1(certificate, usedforsecurity=False).hexdigest()
            self._thumbprint = _as_thumbprint(digest)
        return self._thumbprint

    def source_file(self, factory: Any, device: Any, size: int | None) -> Any:
        """What the server is told of the source (HttpNfcLeaseSourceFile, vSphere API 6.7).

        :param device: of the lease, HttpNfcLeaseDeviceUrl
        :param size: bytes of the file; None if nobody knows
        """
        source = factory.create('ns0:HttpNfcLeaseSourceFile')
        source.targetDeviceId = device.importKey
        source.url = self._url
        source.memberName = self._member
        # By POST, as disks are uploaded that are streams.
        source.create = False
        source.sslThumbprint = self.thumbprint()
        source.size = None if self._member else size
        headers = []
        for name, value in self._headers.items():
            header = factory.create('ns0:KeyValue')
            header.key, header.value = name, value
            headers.append(header)
        source.httpHeaders = headers
        return source


class SwiftUrlPullHandle(UrlPullHandle):
    """An object in Swift that a host is to fetch.

    :param url: ``https://HOST/v1/ACCOUNT/CONTAINER/OBJECT``
    :param auth_token: of somebody who may read it; None where the URL, or anybody, may
    :param options: the others of :class:`UrlPullHandle`
    :raises ValueError: it is the URL of no object in Swift
    """

    def __init__(self, url: str, auth_token: str | None, **options: Any) -> None:
        headers = {'X-Auth-Token': auth_token} if auth_token else {}
        super().__init__(url, headers, **options)
        if not _SWIFT_OBJECT.fullmatch(self._parts.path):
            raise ValueError(
                _('%s has not the form of an object in Swift: /v1/ACCOUNT/CONTAINER/OBJECT') % self
            )


def _taken_apart(url: str) -> urllib.parse.SplitResult:
    try:
        parts = urllib.parse.urlsplit(url)
        named = parts.scheme in ('http', 'https') and parts.hostname and parts.port != 0
    except ValueError:
        named = None
    if not named:
        # Outside of the handler: the error there has all of the URL in it.
        raise ValueError(_('What a host is to pull is at an http or https URL.'))
    if parts.username or parts.password:
        raise ValueError(_('A URL to pull has no user and password in it; give a header.'))
    return parts


def _as_thumbprint(text: str) -> str:
    """A thumbprint as vSphere writes it: ``5A:0F:…``."""
    digits = text.replace(':', '').strip().upper()
    if len(digits) not in _THUMBPRINTS or not re.fullmatch('[0-9A-F]*', digits):
        raise ValueError(_('%r is no thumbprint: SHA-1, in 40 hexadecimal digits') % text)
    return ':'.join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _as_checksum(text: str) -> tuple[str, str]:
    algorithm, _colon, digits = text.partition(':')
    if _CHECKSUMS.get(algorithm) != len(digits) or not re.fullmatch('[0-9A-Fa-f]*', digits):
        raise ValueError(_('%r is no checksum of the form sha1:… or sha256:…') % text)
    return algorithm, digits.lower()


@_secrets.guarded
def image_pull_from_url(
    handle: Any,
    *,
    session: Any,
    resource_pool: Any,
    vm_import_spec: Any,
    vm_folder: Any,
    image_size: Any = None,
    timeout_secs: float | None = None,
    progress: _progress.Callback | None = None,
) -> Any:
    """Import a virtual machine whose disk the host fetches itself.

    Uses ``ImportVApp`` (vSphere API 4.0) and ``HttpNfcLeasePullFromUrls_Task`` (vSphere API 6.7,
    privilege ``VApp.PullFromUrls``). The host has to reach the URL.

    :param handle: :class:`~oslo_vmware.rw_handles.UrlPullHandle`, or one derived from it
    :param session: session to import with
    :param resource_pool: reference of the resource pool
    :param vm_import_spec: ``VirtualMachineImportSpec`` of a machine with one disk
    :param vm_folder: reference of the folder
    :param image_size: bytes of the file at the URL; without it, the host asks for it
    :param timeout_secs: seconds the whole may take; None for no limit
    :param progress: told bytes done and in total, as far as the server tells its share; without
                     ``image_size`` how many there were, at the end. In the thread of the caller
    :returns: reference of the virtual machine
    :raises VimFaultException: the server refuses, or the host fails, for instance with
                               ``SSLVerifyFault`` or ``HttpFault``; a fault that has a class of its
                               own raises that, such as ``DuplicateName``
    :raises ImageTransferException: the time is up, or the checksum is another one
    :raises VimException: the source cannot be verified; or the lease has failed
    """
    size = _connection.as_size(image_size) or None
    secrets = handle.secrets
    with _concealed(secrets), _deadline.within(timeout_secs):
        try:
            # Before anything is begun: what cannot be verified leaves nothing to clear away.
            handle.thumbprint()
            ref = _imports.begin(session, resource_pool, vm_import_spec, vm_folder)
            lease = _lease.Lease(session, ref)
            with _lease.aborted_on_error(lease):
                machine = _pulled(handle, session, lease, size, _progress.telling(progress, size))
                failure = lease.complete(machine)
                if failure is not None:
                    raise failure
        except exceptions.VimWaitTimeoutException as exc:
            text = _('%s was not pulled in time, and the import was called off.')
            raise exceptions.ImageTransferException(text % handle, exc) from exc
    LOG.debug('%s was pulled', handle)
    return machine


def _pulled(
    handle: Any,
    session: Any,
    lease: _lease.Lease,
    size: int | None,
    telling: _progress.Telling | None,
) -> Any:
    """Let the host fetch the disk of a lease; returns the machine."""
    info = lease.wait()
    if not lease.can_pull():
        raise exceptions.VimFaultException(
            ['NotSupported'], _('The hosts of this server do not pull disks from URLs.')
        )
    device = _disk.disk_of(info)
    if device is None:
        raise exceptions.VimException(_('The lease names no disk to pull.'))
    factory = session.vim.client.factory
    if handle.checksum is not None and handle.checksum[0] != 'sha1':
        lease.tell_checksum(device.key, handle.checksum[0])
    with lease.kept_alive(_UPDATE_SECONDS):
        task = lease.pull([handle.source_file(factory, device, size)])
        if telling is None:
            session.wait_for_task(task)
        else:
            session.wait_for_task(
                task,
                progress=lambda percent, _state: telling.moved((size or 0) * (percent or 0) // 100),
            )
    entry = None
    if handle.checksum is not None or (telling is not None and size is None):
        entry = lease.manifest_entry(device.key)
    if handle.checksum is not None:
        _compare(handle, entry)
    pulled = getattr(entry, 'size', None)
    if telling is not None and size is None and pulled is not None:
        telling.moved(pulled, ended=True)
    return info.entity


def _compare(handle: Any, entry: Any) -> None:
    """Compare what has arrived with what was to.

    :param entry: HttpNfcLeaseManifestEntry, or None
    :raises ImageTransferException: it is something else, or cannot be compared
    """
    algorithm, wanted = handle.checksum
    # vSphere API 6.7 has others than SHA-1 in a place of their own.
    found = getattr(entry, 'sha1', None) if algorithm == 'sha1' else None
    if getattr(entry, 'checksumType', None) == algorithm:
        found = getattr(entry, 'checksum', None) or found
    said = {'handle': handle, 'algorithm': algorithm, 'found': found, 'wanted': wanted}
    if not found:
        raise exceptions.ImageTransferException(
            _('%(handle)s: the server does not tell the %(algorithm)s of what it has pulled.')
            % said
        )
    if str(found).lower() != wanted:
        raise exceptions.ImageTransferException(
            _('%(handle)s: the %(algorithm)s of what was pulled is %(found)s, not %(wanted)s.')
            % said
        )


@contextlib.contextmanager
def _concealed(secrets: _secrets.Secrets) -> Iterator[None]:
    """Let no exception carry what must not be shown: servers tell what they were asked for."""
    around = sys.exception()
    try:
        yield
    except BaseException as exc:
        _secrets.conceal(exc, around, secrets)
        raise
