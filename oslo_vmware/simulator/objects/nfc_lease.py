"""Leases for the disks of a machine that is imported or exported.

A lease is initialising, then ready; while it is, its device URLs can be used, and it lives as
long as the client reports progress in time. It ends by Complete, by Abort, when its time is
out or with the session that made it. As on a real server the machine of an import is there from
the moment the lease is ready, and goes away again unless the lease is completed.

The bytes come and go in the module ``nfc``, which finds a lease by the ticket in the URL, or are
fetched there by the hosts.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.objects.vm import backings
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.storage.files import Volume, normal
from oslo_vmware.simulator.world.data import DataObject, Fault, Ref, invalid_argument, types
from oslo_vmware.simulator.world.registry import (
    Call,
    ManagedObject,
    ShownTask,
    World,
    class_for,
    managed,
)

# A lease that has ended is shown for so long.
_KEPT_SECONDS = 300

_CHECKSUMS = ('sha1', 'sha256', 'sha512')


class Passage:
    """The bytes of a transfer as they pass.

    :param checksums: names of those that are wanted
    :ivar size: how many there were
    """

    def __init__(self, checksums: set[str]) -> None:
        self.size = 0
        self._digests = {name: hashlib.new(name, usedforsecurity=False) for name in checksums}

    def add(self, data: bytes) -> None:
        self.size += len(data)
        for digest in self._digests.values():
            digest.update(data)

    def checksums(self) -> dict[str, str]:
        return {name: digest.hexdigest() for name, digest in self._digests.items()}


class Device:
    """Something of a machine that has a URL of its own: a disk, or the NVRAM.

    :ivar name: last part of the URL
    :ivar path: the file with the bytes, in ``volume``
    :ivar capacity: of a disk, in bytes; None for what is no disk
    :ivar size: bytes that were transferred, of a disk as a stream; None before that
    :ivar populated: bytes of a disk that are not in holes
    """

    def __init__(
        self, name: str, key: str, import_key: str, volume: Volume, path: str, capacity: int | None
    ) -> None:
        self.name = name
        self.key = key
        self.import_key = import_key
        self.volume = volume
        self.path = path
        self.capacity = capacity
        self.checksum_type = 'sha1'
        self.size: int | None = None
        self.populated: int | None = None
        self.checksums: dict[str, str] = {}

    def begin(self) -> Passage:
        """Something to show the bytes to as they pass; then give it to :meth:`end`."""
        return Passage({'sha1', self.checksum_type})

    def end(self, passage: Passage, populated: int | None = None) -> None:
        """Note what was transferred."""
        self.size = passage.size
        self.populated = populated
        self.checksums = passage.checksums()

    def manifest(self) -> DataObject:
        return types.HttpNfcLeaseManifestEntry(
            key=self.key,
            sha1=self.checksums['sha1'],
            checksum=self.checksums.get(self.checksum_type),
            checksumType=self.checksum_type,
            size=self.size,
            disk=self.capacity is not None,
            capacity=self.capacity,
            populatedSize=self.populated,
        )


@managed('HttpNfcLease')
class HttpNfcLease(ManagedObject):
    """A lease.

    :ivar uploads: whether its URLs take disks or give them
    :ivar ticket: the part of its URLs that nobody guesses
    :ivar devices: what can be transferred, by the last part of its URL
    :ivar active: transfers under way
    :ivar vm: the machine; None before an import has made it
    """

    uploads: bool
    state: str
    error: DataObject | None
    mode = 'pushOrGet'
    capabilities = types.HttpNfcLeaseCapabilities(pullModeSupported=False, corsSupported=False)

    def __init__(self, world: World, operation: str) -> None:
        self.ticket = world.new_uuid()
        self.devices: dict[str, Device] = {}
        self.active = 0
        self.vm: Machine | None = None
        self._task: ShownTask | None = None
        self._operation = operation
        self._session = world.session
        super().__init__(
            world,
            f'session[{world.new_uuid()}]{self.ticket}',
            state='initializing',
            initializeProgress=0,
            transferProgress=0,
            info=None,
            error=None,
        )
        if self._session is not None:
            self._session.at_end(self._session_ends)
        world.nfc.add(self)
        self._touch()
        world.after(world.task_seconds, self._initialize)

    @property
    def ended(self) -> bool:
        return self.state in ('done', 'error')

    # Operations

    def HttpNfcLeaseProgress(self, call: Call) -> None:
        # The one fault that is declared says that it is over, whatever has ended it. One that is
        # not ready yet is kept alive as well.
        if self.ended:
            raise _timed_out(self.state)
        if not 0 <= call.percent <= 100:
            raise invalid_argument('percent')
        self._touch()
        self.update(transferProgress=call.percent)

    def HttpNfcLeaseComplete(self, call: Call) -> None:
        self._must_be_ready()
        if self.active:
            raise Fault('InvalidState', 'A transfer of this lease is still under way.')
        self._end('done')

    def HttpNfcLeaseAbort(self, call: Call) -> None:
        if self.ended:
            raise self._over()
        self._end('error', error=call.fault or _canceled().localized())

    def HttpNfcLeaseGetManifest(self, call: Call) -> list[DataObject]:
        if self.state == 'error':
            raise self._over()
        return [one.manifest() for one in self.devices.values() if one.size is not None]

    def HttpNfcLeaseSetManifestChecksumType(self, call: Call) -> None:
        if self.state != 'ready':
            raise self._not_ready()
        devices = {device.key: device for device in self.devices.values()}
        for pair in call.deviceUrlsToChecksumTypes or []:
            if pair.key not in devices or pair.value not in _CHECKSUMS:
                raise invalid_argument('deviceUrlsToChecksumTypes')
            devices[pair.key].checksum_type = pair.value

    def HttpNfcLeasePullFromUrls_Task(self, call: Call) -> Ref:
        if not self.capabilities.pullModeSupported:
            raise Fault('NotSupported', 'The hosts cannot pull for this lease.')
        if self.state != 'ready' or self.active:
            raise self._not_ready()
        devices = {device.import_key: device for device in self.devices.values()}
        files = [(devices.pop(one.targetDeviceId, None), one) for one in call.files or []]
        if devices or any(device is None for device, _file in files):
            # One file for each device, no more and no less.
            raise invalid_argument('files')
        self.update(mode='pull')
        return self.world.nfc.pull(self, files)

    # Life

    def fail(self, fault: Fault) -> None:
        """End in an error."""
        if not self.ended:
            self._end('error', error=fault.localized())

    def prepare(self) -> Machine:
        """Get everything ready for transfers; returns the machine.

        :raises Fault: what the lease ends with
        """
        raise NotImplementedError

    def received(self, device: Device, capacity: int) -> None:
        """A disk is there.

        :param capacity: that the sender says it has, in bytes
        """

    def undo(self) -> None:
        """Take back what a lease that was not completed has made."""

    def _initialize(self) -> None:
        if self.ended:
            return
        fault = self.world.task_fault(self._operation)
        if fault is None:
            try:
                self.vm = self.prepare()
            except Fault as raised:
                fault = raised
        if fault is not None:
            self.fail(fault)
            return
        self._touch()
        self.update(state='ready', initializeProgress=100, info=self._info())

    def _info(self) -> DataObject:
        nfc = self.world.nfc
        capacity = sum(device.capacity or 0 for device in self.devices.values())
        return types.HttpNfcLeaseInfo(
            lease=self.ref,
            entity=self.vm,
            deviceUrl=[self._device_url(device) for device in self.devices.values()],
            totalDiskCapacityInKB=capacity // 1024,
            leaseTimeout=int(nfc.lease_seconds),
        )

    def _device_url(self, device: Device) -> DataObject:
        nfc = self.world.nfc
        return types.HttpNfcLeaseDeviceUrl(
            key=device.key,
            importKey=device.import_key,
            url=nfc.url(self.ticket, device.name),
            sslThumbprint=nfc.thumbprint,
            sslCertificate=nfc.claimed_certificate,
            disk=device.capacity is not None,
            targetId=device.name,
        )

    def _touch(self) -> None:
        """The lease lives for another period from now on."""
        seconds = self.world.nfc.lease_seconds
        self._deadline = time.monotonic() + seconds
        self.world.after(seconds, self._expire)

    def _expire(self) -> None:
        if not self.ended and time.monotonic() >= self._deadline:
            self.fail(_timed_out(self.state))

    def _session_ends(self) -> None:
        self.fail(_canceled())

    def _end(self, state: str, error: DataObject | None = None) -> None:
        if self._task is not None:
            self._task.end(error)
        if self._session is not None:
            self._session.not_at_end(self._session_ends)
        self.world.nfc.drop(self)
        self.update(state=state, error=error)
        if state == 'error':
            self.undo()
        self.world.after(_KEPT_SECONDS, lambda: self.world.remove(self))

    def _must_be_ready(self) -> None:
        if self.state != 'ready':
            raise self._over()

    def _over(self) -> Fault:
        if self.error is not None and self.error.fault.wire_type == 'Timedout':
            return _timed_out(self.state)
        return self._not_ready()

    def _not_ready(self) -> Fault:
        return Fault('InvalidState', f'The lease is not ready, its state is {self.state}.')


class ImportLease(HttpNfcLease):
    """Takes the disks of a new machine."""

    uploads = True

    @property
    def capabilities(self) -> DataObject:  # type: ignore[override]
        return types.HttpNfcLeaseCapabilities(
            pullModeSupported=self.world.nfc.can_pull, corsSupported=False
        )

    def __init__(
        self,
        pool: ManagedEntity,
        spec: DataObject,
        folder: ManagedEntity,
        host: ManagedObject | None,
    ) -> None:
        self._create: Callable[[], Machine] = lambda: class_for('VirtualMachine').create(  # type: ignore[attr-defined]
            folder, spec, pool, host
        )
        self._spec = spec
        # Says which file of a package is sent, and is no setting of the machine.
        options = spec.extraConfig or []
        spec.extraConfig = [one for one in options if not _is_nvram_sent(one)]
        self._takes_nvram = len(options) != len(spec.extraConfig)
        super().__init__(pool.world, 'ImportVApp')

    def prepare(self) -> Machine:
        vm = self._create()
        changes = [
            change
            for change in self._spec.deviceChange or []
            if change.device.wire_type == 'VirtualDisk' and change.operation == 'add'
        ]
        for change, disk in zip(changes, vm.disks, strict=True):
            if change.fileOperation == 'create':
                _add_disk(self, vm, disk, vm.devices)
        for drive in vm.devices:
            if drive.wire_type == 'VirtualCdrom':
                _add_image(self, vm, drive)
        if self._takes_nvram:
            _add_nvram(self, vm)
        # As vCenter 8.0.2 shows it: at the machine, though its name speaks of the pool.
        self._task = self.world.task_manager.show(vm, 'ResourcePool.ImportVAppLRO', self.cancel)
        vm.lease = self
        return vm

    def cancel(self) -> None:
        """End, because somebody has cancelled the task, or destroyed the machine."""
        self.fail(_canceled())

    def received(self, device: Device, capacity: int) -> None:
        """Have a disk as large as the one that was sent."""
        device.capacity = capacity
        if self.vm is None:
            return
        for disk in self.vm.disks:
            if device.key.endswith(_place(self.vm.devices, disk)):
                self.vm.disk_has(disk, capacity)

    def undo(self) -> None:
        if self.vm is not None and self.vm.ref.value in self.world.objects:
            self.world.files.destroy(self.vm)
            self.vm.dispose()


class ExportLease(HttpNfcLease):
    """Gives the disks of a machine."""

    uploads = False

    def __init__(self, vm: Machine, operation: str, devices: list[DataObject]) -> None:
        """
        :param devices: of the machine, or of one of its snapshots
        """
        self._exported = vm
        self._exported_devices = devices
        super().__init__(vm.world, operation)

    def prepare(self) -> Machine:
        vm = self._exported
        # What is no disk comes first: the order means nothing, and clients have to look.
        _add_nvram(self, vm)
        for disk in self._exported_devices:
            if disk.wire_type == 'VirtualDisk':
                _add_disk(self, vm, disk, self._exported_devices)
        return vm


def _add_disk(
    lease: HttpNfcLease, vm: Machine, disk: DataObject, devices: list[DataObject]
) -> None:
    volume = vm.world.files.of(backings.disk_datastore(vm, disk))
    path = normal(disk.backing.fileName.partition(']')[2])
    volume, extent = volume.data_of(path)
    place = _place(devices, disk)
    name = f'disk-{sum(one.capacity is not None for one in lease.devices.values())}.vmdk'
    lease.devices[name] = Device(
        name,
        f'/{vm.ref.value}/{place}',
        f'/{vm.name}/{place}',
        volume,
        extent,
        disk.capacityInBytes,
    )


def _add_image(lease: HttpNfcLease, vm: Machine, drive: DataObject) -> None:
    """Have the disc of a drive sent, unless it is there already."""
    file_name = getattr(drive.backing, 'fileName', None)
    if not file_name:
        return
    volume = vm.world.files.of(vm.home)
    path = normal(file_name.partition(']')[2])
    if volume.name(path) != file_name or volume.is_file(path):
        return
    place = _place(vm.devices, drive)
    name = f'file-{sum(one.capacity is None for one in lease.devices.values())}.iso'
    lease.devices[name] = Device(
        name, f'/{vm.ref.value}/{place}', f'/{vm.name}/{place}', volume, path, None
    )


def _add_nvram(lease: HttpNfcLease, vm: Machine) -> None:
    volume = vm.world.files.of(vm.home)
    path = normal(f'{vm.stem}.nvram'.partition(']')[2])
    lease.devices['nvram'] = Device(
        'nvram', f'/{vm.ref.value}/nvram', f'/{vm.name}/nvram', volume, path, None
    )


def _is_nvram_sent(option: DataObject) -> bool:
    return option.key == 'nvram' and str(option.value).startswith('ovf:/file/')


def _place(devices: list[DataObject], disk: DataObject) -> str:
    controller = next(one for one in devices if one.key == disk.controllerKey)
    return f'{controller.wire_type}{controller.busNumber}:{disk.unitNumber}'


def _timed_out(state: str) -> Fault:
    return Fault('Timedout', f'The lease has timed out, its state is {state}.')


def _canceled() -> Fault:
    return Fault('RequestCanceled', 'The lease was aborted.')
