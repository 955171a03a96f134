"""The configuration file of a machine: its text, and what a machine is made of from one.

It has what a real one has of hardware, disks, network cards and options, so that a machine that was
unregistered can be registered again, or one be registered whose files somebody has uploaded. Other
devices, snapshots and policies are not in it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Any

from oslo_vmware.simulator.objects.vm import backings
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import DataObject, types

_HEAD = '.encoding = "UTF-8"\nconfig.version = "8"\n'
_LINE = re.compile(r'^\s*([\w.:-]+)\s*=\s*"([^"]*)"\s*$', re.MULTILINE)
_ESCAPED = re.compile(r'\|([0-9A-Fa-f]{2})')

# Kinds of controllers by the name that a file has for them, and by type of device.
_SCSI = {
    'pvscsi': 'ParaVirtualSCSIController',
    'lsilogic': 'VirtualLsiLogicController',
    'lsisas1068': 'VirtualLsiLogicSASController',
    'buslogic': 'VirtualBusLogicController',
}
_BUSES = {'sata': 'VirtualAHCIController', 'nvme': 'VirtualNVMEController'}
_BUILT_IN = {'ide': 'VirtualIDEController'}
_CARDS = {
    'e1000': 'VirtualE1000',
    'e1000e': 'VirtualE1000e',
    'vlance': 'VirtualPCNet32',
    'vmxnet': 'VirtualVmxnet2',
    'vmxnet3': 'VirtualVmxnet3',
}
_BY_TYPE = {
    wire_type: name for table in (_SCSI, _BUSES, _BUILT_IN, _CARDS) for name, wire_type in
    table.items()
}  # fmt: skip

# Keys that stand for a field of a ConfigSpec, and what makes its value of the text.
_FIELDS: dict[str, tuple[str, Any]] = {
    'annotation': ('annotation', str),
    'cpuid.corespersocket': ('numCoresPerSocket', int),
    'firmware': ('firmware', str),
    'guestos': ('guestId', str),
    'memsize': ('memoryMB', int),
    'numvcpus': ('numCPUs', int),
    'uuid.bios': ('uuid', str),
    'vc.uuid': ('instanceUuid', str),
}
_STRUCTURE = re.compile(
    r'^(scsi|sata|nvme|ide|ethernet)\d|^(\.encoding|config\.version|displayname|virtualhw\.version'
    r'|vmware\.tools\.\w+|nvram)$'
)


def text(vm: Machine) -> str:
    """The text of a machine's configuration file."""
    lines = {
        'virtualHW.version': vm.hardware_version.partition('-')[2],
        'displayName': vm.name,
        'guestOS': vm.guest_id,
        'memSize': vm.memory_mb,
        'numvcpus': vm.num_cpu,
        'cpuid.coresPerSocket': vm.cores_per_socket,
        'uuid.bios': vm.uuid,
        'vc.uuid': vm.instance_uuid,
        'annotation': vm.annotation or '',
        'firmware': vm.options.get('firmware', 'bios'),
        'nvram': f'{posixpath.basename(vm.stem)}.nvram',
        'vmware.tools.internalversion': '12389' if vm.tools else '0',
    }
    for device in vm.devices:
        lines.update(_of_device(vm, device))
    lines.update((key, value) for key, value in vm.extra.items() if value is not None)
    return _HEAD + ''.join(f'{key} = "{_escaped(value)}"\n' for key, value in lines.items())


def _escaped(value: Any) -> str:
    return ''.join(
        f'|{ord(one):02X}' if one in '"|' or ord(one) < 32 else one for one in str(value)
    )


def _of_device(vm: Machine, device: DataObject) -> Iterator[tuple[str, Any]]:
    kind, backing = device.wire_type, device.backing
    if kind in _SCSI.values():
        yield f'scsi{device.busNumber}.present', 'TRUE'
        yield f'scsi{device.busNumber}.virtualDev', _BY_TYPE[kind]
    elif kind in _BUSES.values():
        yield f'{_BY_TYPE[kind]}{device.busNumber}.present', 'TRUE'
    elif kind in _CARDS.values() and backing is not None:
        card = f'ethernet{device.key - 4000}'
        yield f'{card}.present', 'TRUE'
        yield f'{card}.virtualDev', _BY_TYPE[kind]
        yield f'{card}.addressType', 'static'
        yield f'{card}.address', device.macAddress or ''
        if backing.port is not None:
            yield f'{card}.dvs.switchId', backing.port.switchUuid
            yield f'{card}.dvs.portgroupId', backing.port.portgroupKey or ''
        else:
            yield f'{card}.networkName', backing.deviceName or ''
    elif kind in ('VirtualDisk', 'VirtualCdrom'):
        controller = next(one for one in vm.devices if one.key == device.controllerKey)
        family = (
            'scsi' if controller.wire_type in _SCSI.values() else _BY_TYPE.get(controller.wire_type)
        )
        if family is None:
            return
        slot = f'{family}{controller.busNumber}:{device.unitNumber}'
        name = backing.fileName if backing is not None else None
        yield f'{slot}.present', 'TRUE'
        if kind == 'VirtualDisk':
            yield f'{slot}.deviceType', f'{family}-hardDisk' if family == 'scsi' else 'disk'
            yield f'{slot}.mode', backing.diskMode or 'persistent'
        else:
            yield f'{slot}.deviceType', 'cdrom-image' if name else 'atapi-cdrom'
        if name:
            yield f'{slot}.fileName', _file_name(vm, device)


def _file_name(vm: Machine, device: DataObject) -> str:
    """The name of a device's file: beside the configuration, or with the uuid of its datastore.

    No rename of a datastore changes either.
    """
    name: str = device.backing.fileName
    path = name.partition('] ')[2]
    if name == f'[{vm.home.name}] {vm.directory}/{posixpath.basename(path)}':
        return posixpath.basename(path)
    if device.wire_type != 'VirtualDisk':
        return name
    full: str = vm.world.files.of(backings.disk_datastore(vm, device)).address(path)
    return full


def read(content: str) -> dict[str, str]:
    """The keys and values of a configuration file."""
    return {
        key: _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
        for key, value in _LINE.findall(content)
    }


def spec(values: dict[str, str], full_name: Callable[[str], str]) -> DataObject:
    """A VirtualMachineConfigSpec of the values of a configuration file.

    :param full_name: makes ``[datastore] path`` of the name of a file
    :raises ValueError: a number that is none
    """
    lower = {key.lower(): value for key, value in values.items()}
    fields = {field: make(lower[key]) for key, (field, make) in _FIELDS.items() if lower.get(key)}
    if lower.get('virtualhw.version'):
        fields['version'] = f'vmx-{int(lower["virtualhw.version"]):02}'
    extra = [
        types.OptionValue(key=key, value=value)
        for key, value in values.items()
        if key.lower() not in _FIELDS and not _STRUCTURE.match(key.lower())
    ]
    return types.VirtualMachineConfigSpec(
        name=lower.get('displayname'),
        deviceChange=[
            types.VirtualDeviceConfigSpec(operation='add', device=device)
            for device in [*_attached(lower, full_name), *_cards(lower)]
        ],
        extraConfig=extra,
        **fields,
    )


def _attached(values: dict[str, str], full_name: Callable[[str], str]) -> Iterator[DataObject]:
    """Controllers, and what is attached to them."""
    controllers: dict[str, int] = {'ide0': 200, 'ide1': 201}
    for number, name in enumerate(_present(values, r'(scsi|sata|nvme)\d+')):
        kind = _SCSI.get(values.get(f'{name}.virtualdev', 'lsilogic'))
        kind = kind if name.startswith('scsi') else _BUSES[name[:4]]
        controllers[name] = -100 - number
        made = types[kind or _SCSI['lsilogic']](
            key=controllers[name], busNumber=int(name[4:]), controllerKey=100
        )
        if name.startswith('scsi'):
            # Where on the PCI bus a real server puts them.
            made.sharedBus, made.unitNumber = 'noSharing', 3 + made.busNumber
        yield made
    for number, slot in enumerate(_present(values, r'(scsi|sata|nvme|ide)\d+:\d+')):
        controller, _, unit = slot.partition(':')
        if controller not in controllers:
            continue
        name = values.get(f'{slot}.filename', '')
        name = full_name(name) if name else ''
        place = {'key': -200 - number, 'controllerKey': controllers[controller],
                 'unitNumber': int(unit)}  # fmt: skip
        if 'cdrom' in values.get(f'{slot}.devicetype', ''):
            backing = (
                types.VirtualCdromIsoBackingInfo(fileName=name)
                if name
                else (
                    types.VirtualCdromRemotePassthroughBackingInfo(deviceName='', exclusive=False)
                )
            )
            yield types.VirtualCdrom(**place, backing=backing)
        elif name:
            mode = values.get(f'{slot}.mode', 'persistent')
            backing = types.VirtualDiskFlatVer2BackingInfo(fileName=name, diskMode=mode)
            yield types.VirtualDisk(**place, backing=backing)


def _cards(values: dict[str, str]) -> Iterator[DataObject]:
    for number, card in enumerate(_present(values, r'ethernet\d+')):
        kind = _CARDS.get(values.get(f'{card}.virtualdev', 'e1000'), 'VirtualE1000')
        network, group = values.get(f'{card}.networkname'), values.get(f'{card}.dvs.portgroupid')
        if group:
            backing = types.VirtualEthernetCardDistributedVirtualPortBackingInfo(
                port=types.DistributedVirtualSwitchPortConnection(
                    switchUuid=values.get(f'{card}.dvs.switchid', ''), portgroupKey=group
                )
            )
        elif network:
            backing = types.VirtualEthernetCardNetworkBackingInfo(deviceName=network)
        else:
            continue
        address = values.get(f'{card}.address')
        yield types[kind](
            key=-300 - number,
            backing=backing,
            macAddress=address,
            addressType='assigned' if address else None,
        )


def _present(values: dict[str, str], pattern: str) -> list[str]:
    """The devices of a pattern that are there."""
    found = (
        name
        for key, value in values.items()
        if value.upper() == 'TRUE' and (name := key.removesuffix('.present')) != key
    )
    return sorted(name for name in found if re.fullmatch(pattern, name))
