"""``/nfc``: the disks of leases over HTTP.

``PUT`` or ``POST`` to a device URL of an import, ``GET`` from one of an export; or the hosts fetch
what an import needs themselves (:mod:`~oslo_vmware.simulator.wire.pulls`). The ticket in
the URL is all the permission that is needed. Disks travel as stream-optimised VMDKs, both ways:
what one holds becomes the content of the machine's disk, and anything else ends the lease. An
export says no length beforehand, as on a real server, which compresses on the way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from oslo_vmware.simulator.objects.nfc_lease import Device, HttpNfcLease
from oslo_vmware.simulator.storage import sparse, stream_optimized
from oslo_vmware.simulator.wire.arrivals import arrive, check_open
from oslo_vmware.simulator.wire.folder import page, parts
from oslo_vmware.simulator.wire.httpd import Request, Response
from oslo_vmware.simulator.wire.pulls import Pull
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref
from oslo_vmware.simulator.world.registry import World

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
    :ivar can_pull: whether hosts fetch disks themselves, as they do from vSphere 6.7 on
    """

    def __init__(self, world: World, address: Callable[[], tuple[str, str]]) -> None:
        self._world = world
        self._address = address
        self._leases: dict[str, HttpNfcLease] = {}
        self.lease_seconds = _DEFAULT_LEASE_SECONDS
        self.host: str | None = None
        self.claimed_thumbprint: str | None = None
        self.claimed_certificate: str | None = None
        self.can_pull = True
        self._pulls: list[Pull] = []

    @property
    def leases(self) -> list[HttpNfcLease]:
        """The leases that have neither been completed nor aborted."""
        return list(self._leases.values())

    def add(self, lease: HttpNfcLease) -> None:
        self._leases[lease.ticket] = lease

    def drop(self, lease: HttpNfcLease) -> None:
        self._leases.pop(lease.ticket, None)
        for pull in self._pulls:
            if pull.lease is lease:
                pull.cancel()

    def pull(self, lease: HttpNfcLease, files: Sequence[tuple[Device, DataObject]]) -> Ref:
        """Begin to fetch what a lease is for; returns the task."""
        pull = Pull(lease, files)
        self._pulls = [*(one for one in self._pulls if not one.is_over), pull]
        return pull.task.ref

    def stop(self) -> None:
        """Let nothing go on."""
        for pull in self._pulls:
            pull.cancel()
        for pull in self._pulls:
            pull.join()

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
    arrive(lease, device, int(length) if length else None, request.stream.read)
    return Response(201 if request.method == 'PUT' else 200)


def _download(request: Request, lease: HttpNfcLease, device: Device) -> Response:
    real = device.volume.check_file(device.path)
    stream = () if request.method == 'HEAD' else _passing(lease, device, real)
    return Response(200, 'application/x-vnd.vmware-streamVmdk', stream=stream)


def _passing(lease: HttpNfcLease, device: Device, real: str) -> Iterator[bytes]:
    """What a device is sent as, noted when all of it has passed."""
    passage = device.begin()
    content: _Disk | _File = (
        _File(real) if device.capacity is None else _Disk(real, device.capacity)
    )
    with lease.world.lock:
        lease.active += 1
    try:
        for part in content:
            check_open(lease)
            passage.add(part)
            yield part
        with lease.world.lock:
            device.end(passage, content.populated)
    finally:
        with lease.world.lock:
            lease.active -= 1


class _File:
    """A file as it is."""

    populated = None

    def __init__(self, real: str) -> None:
        self._real = real

    def __iter__(self) -> Iterator[bytes]:
        return parts(open(self._real, 'rb'), os.path.getsize(self._real))


class _Disk:
    """The data of a disk as a stream-optimised one.

    :ivar populated: bytes so far that are in no hole
    """

    def __init__(self, real: str, capacity: int) -> None:
        self._real = real
        self._capacity = capacity
        self.populated = 0

    def __iter__(self) -> Iterator[bytes]:
        return stream_optimized.encode(self._capacity, self._grains())

    def _grains(self) -> Iterator[tuple[int, bytes]]:
        for number, data in sparse.blocks(self._real, stream_optimized.GRAIN, self._capacity):
            self.populated += len(data)
            yield number, data
