"""``/nfc``: the disks of leases over HTTP.

``PUT`` or ``POST`` to a device URL of an import, ``GET`` from one of an export. The ticket in
the URL is all the permission that is needed. A disk's bytes are opaque here, but for the capacity
in the header of a stream-optimised one: what was uploaded is what the disk then holds, and what an
export sends. An export says no length beforehand, as on a real server, which compresses on the way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO

from oslo_vmware.simulator.objects.nfc_lease import Device, HttpNfcLease
from oslo_vmware.simulator.storage.files import data_segments
from oslo_vmware.simulator.wire.folder import page
from oslo_vmware.simulator.wire.httpd import Request, Response
from oslo_vmware.simulator.wire.transfers import CHUNK
from oslo_vmware.simulator.world.data import Fault
from oslo_vmware.simulator.world.registry import Disconnect, World

# What an export of an empty disk is long: a real stream has headers and tables at least.
_SHORTEST_STREAM = 64 * 1024

_DEFAULT_LEASE_SECONDS = 300.0


class Nfc:
    """The leases that are open, and what their URLs look like.

    :param address: URL of the server without a path, and its thumbprint
    :ivar lease_seconds: a lease without a progress report for so long ends
    :ivar host: stands in device URLs in place of the server's host and port; ``*`` is what an
        ESX host says
    :ivar claimed_thumbprint: goes into leases in place of the true one; ``''`` for none
    :ivar claimed_certificate: goes into leases beside the thumbprint, as that of servers from 9.0
        on does (PEM); none by default
    """

    def __init__(self, world: World, address: Callable[[], tuple[str, str]]) -> None:
        self._world = world
        self._address = address
        self._leases: dict[str, HttpNfcLease] = {}
        self.lease_seconds = _DEFAULT_LEASE_SECONDS
        self.host: str | None = None
        self.claimed_thumbprint: str | None = None
        self.claimed_certificate: str | None = None

    @property
    def leases(self) -> list[HttpNfcLease]:
        """The leases that have neither been completed nor aborted."""
        return list(self._leases.values())

    def add(self, lease: HttpNfcLease) -> None:
        self._leases[lease.ticket] = lease

    def drop(self, lease: HttpNfcLease) -> None:
        self._leases.pop(lease.ticket, None)

    @property
    def thumbprint(self) -> str:
        claimed = self.claimed_thumbprint
        return self._address()[1] if claimed is None else claimed

    def url(self, ticket: str, name: str) -> str:
        """Where a device of a lease is."""
        base = self._address()[0]
        if self.host is not None:
            base = f'{base.partition("://")[0]}://{self.host}'
        return f'{base}/nfc/{ticket}/{name}'

    def serve(self, request: Request) -> Response:
        """Answer one request."""
        ticket, _, name = request.path.removeprefix('/nfc/').partition('/')
        with self._world.lock:
            lease = self._leases.get(ticket)
            device = lease.devices.get(name) if lease is not None else None
            if lease is None or device is None or lease.state != 'ready':
                return page(404, 'There is no such device, or its lease is over.')
            if request.method not in (('PUT', 'POST') if lease.uploads else ('GET', 'HEAD')):
                return page(405, f'{request.method} is not what this lease is for.')
            if not lease.uploads:
                return _download(request, lease, device)
            lease.active += 1
        try:
            return _upload(request, lease, device)
        except Fault as fault:
            with self._world.lock:
                lease.fail(fault)
            return page(507 if fault.name == 'NoDiskSpace' else 500, fault.message)
        finally:
            with self._world.lock:
                lease.active -= 1


def _upload(request: Request, lease: HttpNfcLease, device: Device) -> Response:
    length = request.headers.get('Content-Length')
    with lease.world.lock:
        upload = device.volume.upload(device.path, int(length) if length else None)
    digests = device.begin()
    try:
        while part := request.stream.read(CHUNK):
            _check_open(lease)
            upload.write(part)
            for digest in digests.values():
                digest.update(part)
        with lease.world.lock:
            _check_open(lease)
            upload.finish()
            device.end(digests, upload.size)
            lease.received(device)
            if lease.vm is not None:
                lease.world.files.follow(lease.vm)
    finally:
        upload.close()
    return Response(201 if request.method == 'PUT' else 200)


def _check_open(lease: HttpNfcLease) -> None:
    """Cut the connection of a transfer whose lease has ended."""
    if lease.ended:
        raise Disconnect


def _download(request: Request, lease: HttpNfcLease, device: Device) -> Response:
    if request.method == 'HEAD':
        return Response(200, 'application/x-vnd.vmware-streamVmdk')
    file = open(device.volume.check_file(device.path), 'rb')  # noqa: SIM115 - the stream closes it
    size = os.fstat(file.fileno()).st_size
    if device.capacity is not None:
        end = max((end for _start, end in data_segments(file.fileno(), size)), default=0)
        size = max(end, min(size, _SHORTEST_STREAM))
        file.seek(0)
    return Response(
        200, 'application/x-vnd.vmware-streamVmdk', stream=_stream(lease, device, file, size)
    )


def _stream(lease: HttpNfcLease, device: Device, file: BinaryIO, size: int) -> Iterator[bytes]:
    digests = device.begin()
    left = size
    with lease.world.lock:
        lease.active += 1
    try:
        with file:
            while left and (part := file.read(min(CHUNK, left))):
                _check_open(lease)
                for digest in digests.values():
                    digest.update(part)
                left -= len(part)
                yield part
        with lease.world.lock:
            device.end(digests, size)
    finally:
        with lease.world.lock:
            lease.active -= 1
