"""Hosts that fetch the disks of an import themselves: ``HttpNfcLeasePullFromUrls_Task``.

A host has no authorities to verify a server by. Whoever calls it says which certificate the server
has, by its thumbprint, and the host talks to no other. The fetching has a thread of its own, and a
task that shows how far it is; when it fails the task does, and the lease is left to the client.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import socket
import ssl
import tarfile
import threading
import urllib.parse
from collections.abc import Sequence
from typing import Any

from oslo_vmware.simulator.objects.nfc_lease import Device, HttpNfcLease
from oslo_vmware.simulator.wire.arrivals import arrive
from oslo_vmware.simulator.world.data import DataObject, Fault, system_error
from oslo_vmware.simulator.world.registry import Disconnect

OPERATION = 'HttpNfcLeasePullFromUrls_Task'

#: Seconds that a source may be silent.
_SILENCE_SECONDS = 30.0
_OK = 200


class Pull:
    """Fetches what a lease is for.

    :param files: the devices of the lease, and where each comes from (HttpNfcLeaseSourceFile)
    """

    def __init__(self, lease: HttpNfcLease, files: Sequence[tuple[Device, DataObject]]) -> None:
        self.lease = lease
        self._files = files
        self._world = lease.world
        self._socket: Any = None
        self._cancelled = threading.Event()
        self._total = 0
        self._passed = 0
        self._percent = 0
        assert lease.vm is not None
        self.task = self._world.task_manager.show(
            lease.vm, 'HttpNfcLease.pullFromUrls', self.cancel
        )
        lease.active += 1
        self._thread = threading.Thread(target=self._run, name='simulator-pull', daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """Cut the connection; the task ends soon."""
        self._cancelled.set()
        with contextlib.suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(_SILENCE_SECONDS)

    def _run(self) -> None:
        fault: Fault | None = None
        try:
            fault = self._world.task_fault(OPERATION)
            if fault is None:
                for device, file in self._files:
                    self._fetch(device, file)
        except Fault as raised:
            fault = raised
        except (Disconnect, OSError, http.client.HTTPException, tarfile.TarError) as problem:
            fault = Fault(
                'HttpFault', f'The source cannot be read: {problem!r}', statusCode=0,
                statusMessage=type(problem).__name__,
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - for whoever looks at the simulator's mistakes
            fault = system_error(error)
            # A socket that is cut while it is read raises what it likes.
            if not self._cancelled.is_set():
                self._world.errors.append(error)
        finally:
            if self._cancelled.is_set():
                fault = Fault('RequestCanceled', 'The pull was cancelled.')
            with self._world.lock:
                self.lease.active -= 1
                self.task.end(fault.localized() if fault is not None else None)

    def _fetch(self, device: Device, file: DataObject) -> None:
        parts = urllib.parse.urlsplit(file.url)
        with contextlib.closing(_connection(parts)) as connection:
            connection.connect()
            self._socket = connection.sock
            if parts.scheme == 'https':
                _check(self._socket.getpeercert(binary_form=True), file)
            target = urllib.parse.urlunsplit(('', '', parts.path or '/', parts.query, ''))
            headers = {one.key: one.value for one in file.httpHeaders or []}
            connection.request('GET', target, headers=headers)
            with contextlib.closing(connection.getresponse()) as response:
                self._take(device, file, response)

    def _take(self, device: Device, file: DataObject, response: http.client.HTTPResponse) -> None:
        if response.status != _OK:
            raise Fault(
                'HttpFault', f'The source answered {response.status} {response.reason}.',
                statusCode=response.status, statusMessage=response.reason,
            )  # fmt: skip
        length = response.headers['Content-Length']
        self._total = int(length) if length else 0
        self._passed = 0
        if file.memberName:
            self._extract(device, file.memberName, response)
        else:
            arrive(self.lease, device, self._total or None, lambda n: self._read(response, n))

    def _extract(self, device: Device, name: str, archive: Any) -> None:
        """Let a member of an OVA arrive."""
        counted: Any = _Counted(self, archive)
        with tarfile.open(fileobj=counted, mode='r|') as tar:
            for member in tar:
                found = tar.extractfile(member) if member.name == name else None
                if found is not None:
                    arrive(self.lease, device, member.size, found.read)
                    return
        raise Fault(
            'HttpFault', f'The archive has no member {name!r}.',
            statusCode=404, statusMessage='Not Found',
        )  # fmt: skip

    def _read(self, source: Any, size: int) -> bytes:
        data: bytes = source.read(size)
        if self._cancelled.is_set():
            raise Disconnect
        self._passed += len(data)
        percent = min(99, self._passed * 100 // self._total) if self._total else 0
        if percent > self._percent:
            self._percent = percent
            with self._world.lock:
                if not self.lease.ended:
                    self.lease.update(transferProgress=percent)
                    self.task.advance(percent)
        return data


class _Counted:
    """An archive whose bytes are counted as they come."""

    def __init__(self, pull: Pull, archive: Any) -> None:
        self._pull = pull
        self._archive = archive

    def read(self, size: int) -> bytes:
        return self._pull._read(self._archive, size)


def _connection(parts: urllib.parse.SplitResult) -> http.client.HTTPConnection:
    if parts.scheme not in ('http', 'https') or not parts.hostname:
        raise Fault('InvalidArgument', 'The URL is none.', invalidProperty='files')
    if parts.scheme == 'http':
        return http.client.HTTPConnection(parts.netloc, timeout=_SILENCE_SECONDS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(parts.netloc, timeout=_SILENCE_SECONDS, context=context)


def _check(certificate: bytes, file: DataObject) -> None:
    """Talk to the announced server only.

    :raises Fault: SSLVerifyFault
    """
    found = hashlib.sha1(certificate, usedforsecurity=False).digest().hex(':').upper()
    wanted = file.sslThumbprint
    if file.sslCertificate:
        der = ssl.PEM_cert_to_DER_cert(file.sslCertificate)
        wanted = hashlib.sha1(der, usedforsecurity=False).digest().hex(':')
    if (wanted or '').replace(':', '').upper() != found.replace(':', ''):
        raise Fault(
            'SSLVerifyFault', 'The certificate of the source is not the announced one.',
            selfSigned=False, thumbprint=found,
        )  # fmt: skip
