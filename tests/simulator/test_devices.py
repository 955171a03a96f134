"""Keys, slots and refusals of a machine's virtual devices."""

from __future__ import annotations

from typing import Any

import pytest

from oslo_vmware.simulator.objects.vm import devices
from oslo_vmware.simulator.world.data import DataObject, Fault, types


def change(operation: str, device: DataObject) -> DataObject:
    return types.VirtualDeviceConfigSpec(operation=operation, device=device)


def applied(*changes: DataObject, to: list[DataObject] | None = None) -> list[DataObject]:
    start = devices.with_slots(devices.base_devices()) if to is None else to
    return devices.apply_changes(start, list(changes), lambda device, spec, index: None)


def scsi(key: int = -100, **fields: Any) -> DataObject:
    return types.ParaVirtualSCSIController(key=key, busNumber=0, **fields)


def disk(controller: int = -100, **fields: Any) -> DataObject:
    return types.VirtualDisk(
        **{'key': -1, 'controllerKey': controller, 'capacityInKB': 1024, **fields}
    )


def add(*added: DataObject) -> list[DataObject]:
    return [change('add', device) for device in added]


CASES = {
    'controller and disk of one request': (
        [scsi(), disk()],
        [(1000, 100, None), (2000, 1000, 0)],
    ),
    'disk before its controller, as Nova sends them': (
        [disk(), scsi()],
        [(1000, 100, None), (2000, 1000, 0)],
    ),
    'second controller, whatever bus is asked for': (
        [scsi(), scsi(-101), disk(-101, unitNumber=3)],
        [(1000, 100, None), (1001, 100, None), (2019, 1001, 3)],
    ),
    'the unit of the controller itself is left out': (
        [scsi(), *[disk(key=-key) for key in range(1, 9)]],
        [(1000, 100, None)] + [(2000 + unit, 1000, unit) for unit in (0, 1, 2, 3, 4, 5, 6, 8)],
    ),
    'upper slots of a wide controller': (
        [scsi(), disk(unitNumber=20)],
        [(1000, 100, None), (131072 + 20, 1000, 20)],
    ),
    'built-in IDE controller': (
        [
            types.VirtualIDEController(key=-5, busNumber=1),
            types.VirtualCdrom(key=-6, controllerKey=-5),
            types.VirtualCdrom(key=-7, controllerKey=200, unitNumber=1),
        ],
        [(3002, 201, 0), (3001, 200, 1)],
    ),
    'SATA and NVMe': (
        [
            types.VirtualAHCIController(key=-1, busNumber=0),
            types.VirtualCdrom(key=-2, controllerKey=-1),
            types.VirtualNVMEController(key=-3, busNumber=0),
            disk(-3),
        ],
        [(15000, 100, None), (16000, 15000, 0), (31000, 100, None), (32000, 31000, 0)],
    ),
    'cards and ports': (
        [
            types.VirtualVmxnet3(key=-47),
            types.VirtualE1000(key=-48),
            types.VirtualSerialPort(key=-49),
            types.VirtualTPM(key=-50),
        ],
        [(4000, 100, 7), (4001, 100, 8), (9000, 400, 0), (11000, None, None)],
    ),
}


@pytest.mark.parametrize('case', CASES)
def test_devices_get_the_keys_and_slots_of_vsphere(case: str) -> None:
    """An added device has the final key, controller and unit that a vCenter would give it."""
    added, expected = CASES[case]
    before = len(devices.base_devices())
    found = applied(*add(*added))[before:]
    assert [(one.key, one.controllerKey, one.unitNumber) for one in found] == expected


def test_controllers_list_their_devices() -> None:
    """A controller's device field names exactly what is connected to it."""
    found = {one.key: one for one in applied(*add(scsi(), disk(), disk(key=-2)))}
    assert found[1000].device == [2000, 2001]
    assert found[300].device == [600, 700]
    assert found[200].device == []


BASE = applied(*add(scsi(), disk()))

REFUSALS = {
    'remove what is not there': (
        [change('remove', types.VirtualDisk(key=2005))],
        ('InvalidDeviceSpec', 0, 'virtualDeviceSpec.device.key'),
    ),
    'edit what is not there': (
        [change('edit', types.VirtualDisk(key=2005))],
        ('InvalidDeviceSpec', 0, 'virtualDeviceSpec.device.key'),
    ),
    'edit into another type': (
        [change('edit', types.VirtualCdrom(key=2000))],
        ('InvalidDeviceSpec', 0, 'virtualDeviceSpec.device'),
    ),
    'shrink a disk': (
        [change('edit', disk(key=2000, capacityInKB=512))],
        ('InvalidDeviceSpec', 0, 'virtualDeviceSpec.device.capacityInKB'),
    ),
    'a controller that never comes': (
        add(disk(), scsi(-101)),
        ('InvalidController', 0, 'virtualDeviceSpec.device.controllerKey'),
    ),
    'a taken slot': (
        add(disk(1000, unitNumber=1), disk(1000, unitNumber=0)),
        ('InvalidDeviceSpec', 1, 'virtualDeviceSpec.device.unitNumber'),
    ),
    'the slot of the controller': (
        add(disk(1000, unitNumber=7)),
        ('InvalidDeviceSpec', 0, 'virtualDeviceSpec.device.unitNumber'),
    ),
    'a disk on the keyboard controller': (
        add(disk(300)),
        ('InvalidController', 0, 'virtualDeviceSpec.device.controllerKey'),
    ),
    'too many controllers': (
        add(*[scsi(-key) for key in range(1, 5)]),
        ('TooManyDevices', None, 'virtualDeviceSpec.device.busNumber'),
    ),
    'too many cards': (
        add(*[types.VirtualVmxnet3(key=-key) for key in range(1, 12)]),
        ('TooManyDevices', None, 'virtualDeviceSpec.device'),
    ),
    'a controller in use': (
        [change('remove', scsi(1000))],
        ('InvalidDeviceOperation', 0, 'virtualDeviceSpec.device.key'),
    ),
    'no operation': (
        [types.VirtualDeviceConfigSpec(device=disk())],
        ('InvalidDeviceSpec', 0, 'virtualDeviceSpec.operation'),
    ),
    'no device': (
        [types.VirtualDeviceConfigSpec(operation='add')],
        ('InvalidDeviceSpec', 0, 'virtualDeviceSpec.device'),
    ),
}


@pytest.mark.parametrize('case', REFUSALS)
def test_impossible_changes_are_refused_by_index(case: str) -> None:
    """A change that cannot be made names itself and the property, and changes nothing."""
    changes, (name, index, path) = REFUSALS[case]
    before = repr(BASE)
    with pytest.raises(Fault) as raised:
        applied(*changes, to=BASE)
    fault = raised.value
    assert (fault.name, fault.detail.deviceIndex, fault.detail.property) == (name, index, path)
    assert repr(BASE) == before


@pytest.mark.parametrize(
    'fields',
    [
        {'capacityInKB': 4096},
        {'capacityInBytes': 4096 * 1024},
        {'capacityInKB': 1024, 'capacityInBytes': 4096 * 1024},
        {'capacityInKB': 4096, 'capacityInBytes': 1024 * 1024},
    ],
)
def test_a_disk_grows_by_whichever_size_field_was_changed(fields: dict[str, int]) -> None:
    """Old clients change the KiB and repeat the bytes they read, new ones the other way round."""
    start = applied(change('edit', types.VirtualDisk(key=2000, capacityInBytes=1 << 20)), to=BASE)
    edited = applied(change('edit', types.VirtualDisk(key=2000, **fields)), to=start)
    grown = next(one for one in edited if one.key == 2000)
    assert (grown.capacityInKB, grown.capacityInBytes) == (4096, 4096 * 1024)


def test_an_edit_keeps_what_it_does_not_name() -> None:
    """An edited device keeps its place and the fields that the change leaves out."""
    card = types.VirtualVmxnet3(key=-1, macAddress='00:50:56:00:00:01', wakeOnLanEnabled=True)
    start = applied(*add(card))
    edit = types.VirtualVmxnet3(key=4000, controllerKey=1, unitNumber=99, wakeOnLanEnabled=False)
    edited = applied(change('edit', edit), to=start)[-1]
    assert (edited.controllerKey, edited.unitNumber) == (100, 7)
    assert edited.macAddress == '00:50:56:00:00:01'
    assert edited.wakeOnLanEnabled is False
