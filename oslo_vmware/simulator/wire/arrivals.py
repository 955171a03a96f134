"""What arrives under a lease, whoever sends it: a disk as a stream, or a file as it is."""

from __future__ import annotations

from collections.abc import Callable

from oslo_vmware.simulator.objects.nfc_lease import Device, HttpNfcLease
from oslo_vmware.simulator.storage import stream_optimized
from oslo_vmware.simulator.storage.disks import MAX_CAPACITY
from oslo_vmware.simulator.storage.files import Upload
from oslo_vmware.simulator.wire.transfers import CHUNK
from oslo_vmware.simulator.world.data import Fault
from oslo_vmware.simulator.world.registry import Disconnect


def arrive(
    lease: HttpNfcLease, device: Device, length: int | None, read: Callable[[int], bytes]
) -> None:
    """Let bytes become the content of a device.

    :param length: how many were announced
    :param read: gives the next ones, ``b''`` at the end
    :raises Fault: they are no disk, or there is no room for them
    :raises Disconnect: the lease has ended meanwhile
    """
    with lease.world.lock:
        upload = device.volume.upload(device.path, length)
    passage = device.begin()

    def passing(size: int) -> bytes:
        data = read(size)
        check_open(lease)
        passage.add(data)
        return data

    try:
        disk = device.capacity is not None
        capacity = _unpack(passing, upload, device) if disk else _take(passing, upload)
        with lease.world.lock:
            check_open(lease)
            upload.finish(capacity)
            device.end(passage, populated=upload.size)
            if disk:
                lease.received(device, capacity)
            if lease.vm is not None:
                lease.world.files.follow(lease.vm)
    finally:
        upload.close()


def check_open(lease: HttpNfcLease) -> None:
    """Cut the connection of a transfer whose lease has ended."""
    if lease.ended:
        raise Disconnect


def _take(read: Callable[[int], bytes], upload: Upload) -> int:
    """Write what is no disk as it comes; returns how long it is."""
    while data := read(CHUNK):
        upload.write(data)
    return upload.size


def _unpack(read: Callable[[int], bytes], upload: Upload, device: Device) -> int:
    """Write what a stream holds; returns the capacity of the disk.

    :raises Fault: InvalidDiskFormat
    """
    try:
        header = stream_optimized.Header.parse(read(stream_optimized.SECTOR))
        if header.capacity > MAX_CAPACITY:
            raise stream_optimized.NoStream('its capacity is larger than that of any disk')
        for at, data in stream_optimized.decode(header, read):
            if data.count(0) != len(data):
                upload.write(data, at)
    except stream_optimized.NoStream as problem:
        raise Fault(
            'InvalidDiskFormat',
            f"What was sent for '{device.name}' is no stream-optimized disk: {problem}.",
        ) from None
    # Some programs pad the stream.
    while read(CHUNK):
        pass
    return header.capacity
