"""The virtual devices of a machine: buses, slots, keys, and changes to them.

Every device has a key, and most sit in a numbered slot of a controller. A client asks for a
device with a key of its own choosing, negative by custom, and may name that key as the
controller of the next device in the same request; the server puts in the final ones. The
numbers are vSphere's: SCSI controllers count from 1000, their disks from 2000, network cards
from 4000, and so on; clients rely on them.

What a device is backed by, a file or a network, is not known here: the caller of
:func:`apply_changes` completes each new or changed device through a callback.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from oslo_vmware.simulator.world.data import DataObject, Fault, merged, types

KIB = 1024

_PROPERTY = 'virtualDeviceSpec.device'


class Bus(NamedTuple):
    """A family of controllers, and the slots that each offers.

    :ivar first_key: key of the first controller; the next have the numbers after it
    :ivar most: how many controllers of the family a machine can have
    :ivar slots: number of units
    :ivar slot_key: key of the device in the first slot of the first controller
    :ivar reserved: the unit that the controller itself takes
    """

    label: str
    first_key: int
    most: int
    slots: int
    slot_key: int
    reserved: int | None = None


class Peripheral(NamedTuple):
    """A kind of device that has numbered keys of its own, on a controller that is always there."""

    label: str
    first_key: int
    most: int
    controller: int | None = None
    first_unit: int = 0


_SCSI = Bus('SCSI controller', 1000, 4, 16, 2000, 7)
_WIDE_SCSI = _SCSI._replace(slots=64)
_BUSES = {
    'VirtualPCIController': Bus('PCI controller', 100, 1, 0, 0),
    'VirtualIDEController': Bus('IDE', 200, 2, 2, 3000),
    'VirtualPS2Controller': Bus('PS2 controller', 300, 1, 0, 0),
    'VirtualSIOController': Bus('SIO controller', 400, 1, 0, 0),
    'VirtualBusLogicController': _SCSI,
    'VirtualLsiLogicController': _SCSI,
    'VirtualLsiLogicSASController': _SCSI,
    'ParaVirtualSCSIController': _WIDE_SCSI,
    'VirtualUSBController': Bus('USB controller', 7000, 1, 0, 0),
    'VirtualUSBXHCIController': Bus('USB xHCI controller', 14000, 1, 0, 0),
    'VirtualAHCIController': Bus('SATA controller', 15000, 4, 30, 16000),
    'VirtualNVMEController': Bus('NVME controller', 31000, 4, 64, 32000),
}
# Controllers that every machine has from the start: one that is added is one of these.
_BUILT_IN = frozenset(
    {
        'VirtualPCIController',
        'VirtualIDEController',
        'VirtualPS2Controller',
        'VirtualSIOController',
    }
)
_SUMMARIES = {
    'VirtualBusLogicController': 'BusLogic',
    'VirtualLsiLogicController': 'LSI Logic',
    'VirtualLsiLogicSASController': 'LSI Logic SAS',
    'ParaVirtualSCSIController': 'VMware paravirtual SCSI',
    'VirtualAHCIController': 'AHCI',
}

NETWORK_CARDS = frozenset(
    {
        'VirtualE1000',
        'VirtualE1000e',
        'VirtualPCNet32',
        'VirtualSriovEthernetCard',
        'VirtualVmxnet',
        'VirtualVmxnet2',
        'VirtualVmxnet3',
        'VirtualVmxnet3Vrdma',
    }
)
_CARD = Peripheral('Network adapter', 4000, 10, 100, 7)
_PERIPHERALS = {
    **dict.fromkeys(NETWORK_CARDS, _CARD),
    'VirtualSerialPort': Peripheral('Serial port', 9000, 32, 400),
    'VirtualParallelPort': Peripheral('Parallel port', 10000, 3, 400),
    'VirtualFloppy': Peripheral('Floppy drive', 8000, 2, 400),
    'VirtualTPM': Peripheral('Virtual TPM', 11000, 1),
    'VirtualPCIPassthrough': Peripheral('PCI device', 13000, 16, 100, 18),
}
# Kinds that live in a slot of a controller that the request must name.
_SLOTTED = {'VirtualDisk': 'Hard disk', 'VirtualCdrom': 'CD/DVD drive'}
# Keys for kinds that no table knows.
_OTHER = Peripheral('Device', 50000, 1000)


def described(device: DataObject, label: str, summary: str) -> DataObject:
    device.deviceInfo = types.Description(label=label, summary=summary)
    return device


def base_devices() -> list[DataObject]:
    """What every machine has, whatever its specification says."""
    return [
        described(types.VirtualIDEController(key=200, busNumber=0), 'IDE 0', 'IDE 0'),
        described(types.VirtualIDEController(key=201, busNumber=1), 'IDE 1', 'IDE 1'),
        described(
            types.VirtualPS2Controller(key=300, busNumber=0), 'PS2 controller 0', 'PS2 controller 0'
        ),
        described(
            types.VirtualPCIController(key=100, busNumber=0), 'PCI controller 0', 'PCI controller 0'
        ),
        described(
            types.VirtualSIOController(key=400, busNumber=0), 'SIO controller 0', 'SIO controller 0'
        ),
        described(
            types.VirtualKeyboard(key=600, controllerKey=300, unitNumber=0), 'Keyboard', 'Keyboard'
        ),
        described(
            types.VirtualPointingDevice(
                key=700,
                controllerKey=300,
                unitNumber=1,
                backing=types.VirtualPointingDeviceDeviceBackingInfo(
                    deviceName='', useAutoDetect=False, hostPointingDevice='autodetect'
                ),
            ),
            'Pointing device',
            'Pointing device; Device',
        ),
        described(
            types.VirtualMachineVideoCard(
                key=500,
                controllerKey=100,
                unitNumber=0,
                videoRamSizeInKB=8192,
                numDisplays=1,
                useAutoDetect=False,
                enable3DSupport=False,
                use3dRenderer='automatic',
                graphicsMemorySizeInKB=262144,
            ),
            'Video card',
            'Video card',
        ),
        described(
            types.VirtualMachineVMCIDevice(
                key=12000,
                controllerKey=100,
                unitNumber=17,
                id=-1,
                allowUnrestrictedCommunication=False,
                filterEnable=True,
            ),
            'VMCI device',
            'Device on the virtual machine PCI bus that provides support for the virtual machine '
            'communication interface',
        ),
    ]


def with_slots(devices: Iterable[DataObject]) -> list[DataObject]:
    """Tell every controller which devices it has, as the server shows it."""
    found = list(devices)
    slots: dict[int | None, list[int]] = {}
    for device in found:
        slots.setdefault(device.controllerKey, []).append(device.key)
    for device in found:
        if device.wire_type in _BUSES:
            device.device = slots.get(device.key, [])
    return found


def is_controller(device: DataObject) -> bool:
    return device.wire_type in _BUSES


def is_disk_controller(device: DataObject) -> bool:
    """Whether it is a SCSI, SATA or NVMe controller, which the server finds a disk's place at."""
    bus = _BUSES.get(device.wire_type)
    return bus is not None and bus.slots > 2


def is_network_card(device: DataObject) -> bool:
    return device.wire_type in NETWORK_CARDS


def disk_bytes(disk: DataObject) -> int:
    """Capacity of a disk; the finer of the two fields counts."""
    size: int = disk.capacityInBytes or (disk.capacityInKB or 0) * KIB
    return size


Complete = Callable[[DataObject, DataObject, int], None]


def apply_changes(
    devices: list[DataObject], changes: list[DataObject], complete: Complete
) -> list[DataObject]:
    """The devices after the ``deviceChange`` of a VirtualMachineConfigSpec.

    :param devices: the present ones, left as they are
    :param changes: VirtualDeviceConfigSpec objects, in the order of the request
    :param complete: called with each added or edited device, its change and the change's index;
        checks and completes what the device is backed by
    :raises Fault: InvalidDeviceSpec and its kin, with the index of the change at fault
    """
    return _Changes(devices, changes, complete).result()


class _Changes:
    def __init__(
        self, devices: list[DataObject], changes: list[DataObject], complete: Complete
    ) -> None:
        self.devices = [copy.copy(device) for device in devices]
        self.changes = changes
        self.complete = complete
        # Final keys of added controllers by the key that the client gave them.
        self.keys: dict[int, int] = {}

    def result(self) -> list[DataObject]:
        actions = {'add': self._add, 'edit': self._edit, 'remove': self._remove}
        for index, change in enumerate(self.changes):
            if change.device is None:
                raise invalid(index, _PROPERTY)
            if change.operation not in actions:
                raise invalid(index, 'virtualDeviceSpec.operation')
        for index, change in self._ordered():
            actions[change.operation](copy.copy(change.device), change, index)
        return with_slots(self.devices)

    def _ordered(self) -> Iterator[tuple[int, DataObject]]:
        """The changes with their indices: a controller comes before what is added to it.

        Clients need not send them so; Nova sends a disk and then its controller.
        """
        left = dict(enumerate(self.changes))
        known = {device.key for device in self.devices}
        while left:
            index = next(iter(left))
            wanted = left[index].device.controllerKey
            if left[index].operation == 'add' and wanted not in known:
                index = next((at for at, one in left.items() if _adds(one, wanted)), index)
            change = left.pop(index)
            known.add(change.device.key)
            yield index, change

    def _find(self, key: int | None) -> DataObject | None:
        return next((device for device in self.devices if device.key == key), None)

    def _add(self, device: DataObject, change: DataObject, index: int) -> None:
        wanted = device.key
        kind = device.wire_type
        if kind in _BUILT_IN:
            number = device.busNumber if device.busNumber in range(_BUSES[kind].most) else 0
            if wanted is not None:
                self.keys[wanted] = _BUSES[kind].first_key + number
            return
        if kind in _BUSES:
            self._place_controller(device, _BUSES[kind])
            if wanted is not None:
                self.keys[wanted] = device.key
        elif kind in _SLOTTED:
            self._place_in_slot(device, _SLOTTED[kind], index)
        else:
            self._place_peripheral(device, _PERIPHERALS.get(kind, _OTHER))
        self.complete(device, change, index)
        self.devices.append(device)

    def _place_controller(self, device: DataObject, bus: Bus) -> None:
        taken = {
            other.busNumber
            for other in self.devices
            if other.wire_type in _BUSES and _BUSES[other.wire_type].first_key == bus.first_key
        }
        number = device.busNumber
        if number is None or number < 0 or number in taken:
            # Clients that leave the choice to the server send zero as well.
            number = _first_free(bus.most, taken)
        if number is None or number >= bus.most:
            raise too_many(f'{_PROPERTY}.busNumber')
        device.busNumber = number
        device.key = bus.first_key + number
        if bus.reserved is not None:
            device.scsiCtlrUnitNumber = bus.reserved
            device.hotAddRemove = True
            device.sharedBus = device.sharedBus or 'noSharing'
        device.controllerKey = 100
        described(
            device,
            f'{bus.label} {number}',
            _SUMMARIES.get(device.wire_type, f'{bus.label} {number}'),
        )

    def _place_in_slot(self, device: DataObject, label: str, index: int) -> None:
        wanted = device.controllerKey
        controller = self._find(self.keys.get(wanted, wanted) if wanted is not None else None)
        bus = _BUSES.get(controller.wire_type) if controller is not None else None
        if controller is None or bus is None or not bus.slots:
            raise Fault(
                'InvalidController',
                f'The device {index} names no controller that it can be connected to.',
                property=f'{_PROPERTY}.controllerKey',
                deviceIndex=index,
                controllerKey=wanted or 0,
            )
        device.controllerKey = controller.key
        taken = {d.unitNumber for d in self.devices if d.controllerKey == controller.key}
        if bus.reserved is not None:
            taken.add(bus.reserved)
        if device.unitNumber is None or device.unitNumber < 0:
            device.unitNumber = _first_free(bus.slots, taken)
            if device.unitNumber is None:
                raise too_many(f'{_PROPERTY}.unitNumber')
        elif device.unitNumber in taken or device.unitNumber >= bus.slots:
            raise invalid(index, f'{_PROPERTY}.unitNumber')
        device.key = _slot_key(bus, controller.busNumber, device.unitNumber)
        number = 1 + sum(1 for other in self.devices if other.wire_type == device.wire_type)
        described(device, f'{label} {number}', '')

    def _place_peripheral(self, device: DataObject, kind: Peripheral) -> None:
        taken = {d.key - kind.first_key for d in self.devices}
        number = _first_free(kind.most, taken)
        if number is None:
            raise too_many(_PROPERTY)
        device.key = kind.first_key + number
        if kind.controller is not None:
            device.controllerKey = kind.controller
            device.unitNumber = kind.first_unit + number
        described(device, f'{kind.label} {number + 1}', '')

    def _edit(self, device: DataObject, change: DataObject, index: int) -> None:
        old = self._find(device.key)
        if old is None:
            raise invalid(index, f'{_PROPERTY}.key')
        if old.wire_type != device.wire_type:
            raise invalid(index, _PROPERTY)
        if device.wire_type == 'VirtualDisk':
            size = disk_bytes(_resized(old, device))
            if size < disk_bytes(old):
                raise invalid(index, f'{_PROPERTY}.capacityInKB')
            device.capacityInKB, device.capacityInBytes = size // KIB, size
        new = copy.copy(old)
        fields: dict[str, Any] = vars(device)
        # The place of a device does not change, its description follows from the device.
        fixed = ('controllerKey', 'unitNumber', 'busNumber', 'deviceInfo', 'device')
        for name, value in fields.items():
            if value is not None and name not in fixed:
                before = getattr(old, name)
                stays = name != 'backing' or _is_same_file(before, value)
                setattr(new, name, merged(before, value) if stays else value)
        new.deviceInfo = copy.copy(old.deviceInfo)
        self.complete(new, change, index)
        self.devices[self.devices.index(old)] = new

    def _remove(self, device: DataObject, change: DataObject, index: int) -> None:
        old = self._find(device.key)
        if old is None:
            raise invalid(index, f'{_PROPERTY}.key')
        if any(other.controllerKey == old.key for other in self.devices):
            raise Fault(
                'InvalidDeviceOperation',
                f'The controller {old.key} has devices and cannot be removed.',
                property=f'{_PROPERTY}.key',
                deviceIndex=index,
                badOp='remove',
            )
        self.devices.remove(old)


def _adds(change: DataObject, key: int | None) -> bool:
    """Whether a change adds the controller of a key."""
    device = change.device
    return change.operation == 'add' and is_controller(device) and device.key == key


def _is_same_file(old: DataObject | None, new: DataObject) -> bool:
    """Whether a disk stays in its file; what else backs a device is replaced as a whole."""
    name = getattr(old, 'fileName', None)
    return name is not None and name == getattr(new, 'fileName', None)


def _resized(old: DataObject, new: DataObject) -> DataObject:
    """An edited disk with the size that is meant.

    Clients that grow a disk change one of the two fields of a disk they have read; the one that
    differs from before is the one they mean.
    """
    if new.capacityInBytes in (None, old.capacityInBytes):
        size = (new.capacityInKB or 0) * KIB or disk_bytes(old)
    else:
        size = new.capacityInBytes
    return types.VirtualDisk(capacityInBytes=size)


def _slot_key(bus: Bus, number: int, unit: int) -> int:
    if bus.first_key == _SCSI.first_key:
        # The upper slots of wide controllers came later and have keys of their own.
        return bus.slot_key + 16 * number + unit if unit < 16 else 131072 + 64 * number + unit
    return bus.slot_key + bus.slots * number + unit


def _first_free(most: int, taken: set[Any]) -> int | None:
    return next((number for number in range(most) if number not in taken), None)


def invalid(index: int, path: str) -> Fault:
    return Fault(
        'InvalidDeviceSpec',
        f"Invalid configuration for device '{index}'.",
        property=path,
        deviceIndex=index,
    )


def too_many(path: str) -> Fault:
    return Fault(
        'TooManyDevices',
        'The virtual machine has no room for another device of this kind.',
        property=path,
    )
