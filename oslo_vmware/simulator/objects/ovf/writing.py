"""Writes the OVF descriptor of a machine, as CreateDescriptor does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lxml import etree

from oslo_vmware.simulator.objects.ovf import systems
from oslo_vmware.simulator.objects.vm import backings, cards, devices, guests
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import DataObject, Fault

_OVF = 'http://schemas.dmtf.org/ovf/envelope/1'
_CIM = 'http://schemas.dmtf.org/wbem/wscim/1/'
_RASD = f'{_CIM}cim-schema/2/CIM_ResourceAllocationSettingData'
_VSSD = f'{_CIM}cim-schema/2/CIM_VirtualSystemSettingData'
_VMW = 'http://www.vmware.com/schema/ovf'
# None is the default namespace, which lxml's types have no word for.
_NAMESPACES: Any = {
    None: _OVF,
    'cim': f'{_CIM}common',
    'ovf': _OVF,
    'rasd': _RASD,
    'vmw': _VMW,
    'vssd': _VSSD,
    'xsi': 'http://www.w3.org/2001/XMLSchema-instance',
}
# What every machine has without being told.
_BUILT_IN = (
    'VirtualKeyboard',
    'VirtualMachineVMCIDevice',
    'VirtualMachineVideoCard',
    'VirtualPCIController',
    'VirtualPS2Controller',
    'VirtualPointingDevice',
    'VirtualSIOController',
)
_STREAM = 'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized'


class Writer:
    """Makes one descriptor.

    :param files: OvfFile objects: what was exported
    :param parts: the devices, of the machine as it is or as a snapshot has it
    :ivar warnings: what the descriptor does not tell
    """

    def __init__(
        self,
        vm: Machine,
        parts: Sequence[DataObject],
        name: str,
        description: str | None,
        files: Sequence[DataObject],
    ) -> None:
        self._vm = vm
        self._parts = parts
        self._name = name
        self._description = description
        self._files = files
        self.warnings: list[DataObject] = []
        self._disks = [one for one in parts if one.wire_type == 'VirtualDisk']
        self._ids: dict[int, int] = {}

    def text(self) -> str:
        root = etree.Element(f'{{{_OVF}}}Envelope', nsmap=_NAMESPACES)
        references = _add(root, 'References')
        for number, file in enumerate(self._files, 1):
            attributes = {'href': file.path, 'id': f'file{number}', 'size': str(file.size)}
            if file.compressionMethod:
                attributes['compression'] = file.compressionMethod
            if file.chunkSize:
                attributes['chunkSize'] = str(file.chunkSize)
            _add(references, 'File', **attributes)
        self._disk_section(root)
        self._network_section(root)
        system = _add(root, 'VirtualSystem', id=self._name)
        _add(system, 'Info', 'A virtual machine')
        _add(system, 'Name', self._name)
        guest = guests.guest(self._vm.guest_id)
        section = _add(
            system, 'OperatingSystemSection', id=str(systems.number_of(self._vm.guest_id))
        )
        section.set(f'{{{_VMW}}}osType', self._vm.guest_id)
        _add(section, 'Info', 'The kind of installed guest operating system')
        _add(section, 'Description', guest.full_name)
        self._hardware(system)
        annotation = self._description if self._description is not None else self._vm.annotation
        if annotation:
            section = _add(system, 'AnnotationSection')
            section.set(f'{{{_OVF}}}required', 'false')
            _add(section, 'Info', 'A human-readable annotation')
            _add(section, 'Annotation', annotation)
        written: bytes = etree.tostring(
            root, encoding='UTF-8', xml_declaration=True, pretty_print=True
        )
        return written.decode()

    def _disk_section(self, root: Any) -> None:
        if not self._disks:
            return
        section = _add(root, 'DiskSection')
        _add(section, 'Info', 'Virtual disk information')
        for number, disk in enumerate(self._disks, 1):
            said = {'diskId': f'vmdisk{number}', 'format': _STREAM}
            size, mib = devices.disk_bytes(disk), 2**20
            if size % mib:
                said |= {'capacity': str(size), 'capacityAllocationUnits': 'byte'}
            else:
                said |= {'capacity': str(size // mib), 'capacityAllocationUnits': 'byte * 2^20'}
            found = self._file(disk)
            if found is not None:
                at, file = found
                used = file.populatedSize
                if used is None:
                    used = backings.disk_used(self._vm, disk)
                said |= {'fileRef': f'file{at}', 'populatedSize': str(used)}
            _add(section, 'Disk', **said)

    def _file(self, device: DataObject) -> tuple[int, DataObject] | None:
        """The file of a device among the exported ones, with its number."""
        controller = next(one for one in self._parts if one.key == device.controllerKey)
        place = f'/{controller.wire_type}{controller.busNumber}:{device.unitNumber}'
        for number, file in enumerate(self._files, 1):
            if file.deviceId.endswith(place):
                return number, file
        return None

    def _network_section(self, root: Any) -> None:
        names = dict.fromkeys(
            self._network(one) for one in self._parts if devices.is_network_card(one)
        )
        if not names:
            return
        section = _add(root, 'NetworkSection')
        _add(section, 'Info', 'The list of logical networks')
        for name in names:
            network = _add(section, 'Network', name=name)
            _add(network, 'Description', f'The {name} network')

    def _network(self, card: DataObject) -> str:
        found = cards.card_network(self._vm, card)
        name: str = found.name if found is not None else cards.card_text(card)
        return name

    def _hardware(self, system: Any) -> None:
        vm = self._vm
        section = _add(system, 'VirtualHardwareSection')
        _add(section, 'Info', 'Virtual hardware requirements')
        about = _add(section, 'System')
        for name, value in (
            ('ElementName', 'Virtual Hardware Family'),
            ('InstanceID', '0'),
            ('VirtualSystemIdentifier', self._name),
            ('VirtualSystemType', vm.hardware_version),
        ):
            etree.SubElement(about, f'{{{_VSSD}}}{name}').text = value
        self._item(
            section,
            AllocationUnits='hertz * 10^6',
            Description='Number of Virtual CPUs',
            ElementName=f'{vm.num_cpu} virtual CPU(s)',
            ResourceType=3,
            VirtualQuantity=vm.num_cpu,
        )
        self._item(
            section,
            AllocationUnits='byte * 2^20',
            Description='Memory Size',
            ElementName=f'{vm.memory_mb}MB of memory',
            ResourceType=4,
            VirtualQuantity=vm.memory_mb,
        )
        # Controllers first: what is connected to them names their ids.
        for device in sorted(self._parts, key=lambda one: not devices.is_controller(one)):
            self._device(section, device)
        for key in ('cpuHotAddEnabled', 'cpuHotRemoveEnabled', 'firmware', 'memoryHotAddEnabled'):
            setting = vm.options.get(key)
            if setting is not None:
                text = str(setting).lower() if isinstance(setting, bool) else setting
                config = etree.SubElement(section, f'{{{_VMW}}}Config')
                config.set(f'{{{_OVF}}}required', 'false')
                config.set(f'{{{_VMW}}}key', key)
                config.set(f'{{{_VMW}}}value', text)
        for number, file in enumerate(self._files, 1):
            if file.deviceId.endswith('/nvram'):
                config = etree.SubElement(section, f'{{{_VMW}}}ExtraConfig')
                config.set(f'{{{_OVF}}}required', 'false')
                config.set(f'{{{_VMW}}}key', 'nvram')
                config.set(f'{{{_VMW}}}value', f'ovf:/file/file{number}')

    def _device(self, section: Any, device: DataObject) -> None:
        label = device.deviceInfo.label if device.deviceInfo is not None else device.wire_type
        known = systems.subtype(device.wire_type)
        said: dict[str, Any] = {'ElementName': label}
        if devices.is_controller(device) and known is not None:
            said |= {'Address': device.busNumber, 'ResourceType': known[0]}
            said['ResourceSubType'] = known[1] or None
        elif devices.is_network_card(device) and known is not None:
            network = self._network(device)
            connect = device.connectable
            said |= {
                'AddressOnParent': device.unitNumber,
                'AutomaticAllocation': 'true'
                if connect is None or connect.startConnected
                else 'false',
                'Connection': network,
                'Description': f'{known[1]} ethernet adapter on "{network}"',
                'ResourceType': known[0],
                'ResourceSubType': known[1],
            }
        elif device.wire_type == 'VirtualDisk':
            number = self._disks.index(device) + 1
            said |= {'HostResource': f'ovf:/disk/vmdisk{number}', 'ResourceType': 17}
            said |= self._placed(device)
        elif device.wire_type == 'VirtualCdrom':
            said |= self._drive(device) | self._placed(device) | {'ResourceType': 15}
        elif device.wire_type == 'VirtualFloppy':
            said |= {'AutomaticAllocation': 'false', 'ResourceType': 14}
            said |= {'ResourceSubType': 'vmware.floppy.remotedevice'}
        else:
            if device.wire_type not in _BUILT_IN:
                self._warn('OvfUnknownDevice', f"'{label}' is not exported.", device)
            return
        self._ids[device.key] = self._item(section, **said)

    def _placed(self, device: DataObject) -> dict[str, Any]:
        return {
            'AddressOnParent': device.unitNumber,
            'Parent': self._ids.get(device.controllerKey),
        }

    def _drive(self, drive: DataObject) -> dict[str, Any]:
        """A drive with the image that was exported, or empty, which is told."""
        image = getattr(drive.backing, 'fileName', None)
        found = self._file(drive) if image else None
        if found is not None:
            return {
                'AutomaticAllocation': 'true',
                'HostResource': f'ovf:/file/file{found[0]}',
                'ResourceSubType': 'vmware.cdrom.iso',
            }
        if image:
            fault = Fault(
                'OvfConnectedDeviceIso',
                f"The image '{image}' is not exported.",
                device=drive,
                vmPath=self._vm.name,
                filename=image,
            )
            self.warnings.append(fault.localized())
        return {
            'AutomaticAllocation': 'false',
            'ResourceSubType': 'vmware.cdrom.remotepassthrough',
        }

    def _warn(self, name: str, text: str, device: DataObject) -> None:
        fault = Fault(name, text, device=device, vmName=self._vm.name)
        self.warnings.append(fault.localized())

    def _item(self, section: Any, **said: Any) -> int:
        """Add an item; its members stand in the order of the alphabet, as the schema has it."""
        number = sum(etree.QName(one).localname == 'Item' for one in section) + 1
        item = _add(section, 'Item')
        for name, value in sorted((said | {'InstanceID': number}).items()):
            if value is not None:
                etree.SubElement(item, f'{{{_RASD}}}{name}').text = str(value)
        return number


def _add(parent: Any, tag: str, text: str | None = None, **attributes: str) -> Any:
    made = etree.SubElement(parent, f'{{{_OVF}}}{tag}')
    for name, value in attributes.items():
        made.set(f'{{{_OVF}}}{name}', value)
    made.text = text
    return made
