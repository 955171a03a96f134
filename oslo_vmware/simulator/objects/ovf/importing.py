"""Makes the specification of a machine from an OVF descriptor, as CreateImportSpec does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from oslo_vmware.simulator.objects.entity import wire_name
from oslo_vmware.simulator.objects.ovf import systems
from oslo_vmware.simulator.objects.ovf.reading import File, Item, Package, Property, unit_bytes
from oslo_vmware.simulator.objects.vm import guests, hardware_versions
from oslo_vmware.simulator.objects.vm.cards import network_backing
from oslo_vmware.simulator.world.data import DataObject, Fault, types

# How disks can be provided, and whether they are thin then; all names that clients use.
PROVISIONING = {
    'thin': True,
    'sparse': True,
    'monolithicSparse': True,
    'seSparse': True,
    'thick': False,
    'flat': False,
    'monolithicFlat': False,
    'eagerZeroedThick': False,
}
_DEFAULT_PROVISIONING = 'flat'

# CIM resource types.
CPU, MEMORY, IDE, SCSI, CARD, FLOPPY, CD, DVD, DISK, STORAGE, USB = (
    3, 4, 5, 6, 10, 14, 15, 16, 17, 20, 23,
)  # fmt: skip
_OTHER = 1
_CONTROLLERS = (IDE, SCSI, STORAGE, USB)
# A machine has one of these in any case: the VMCI device and the video card.
_BUILT_IN = (1, 24)

_SLOTS = {IDE: 2, SCSI: 64, STORAGE: 30}
_SCSI_OWN_UNIT = 7

# VMware's settings of the hardware that go into the specification as they are.
_SETTINGS = {
    'firmware': lambda value: value,
    'cpuHotAddEnabled': lambda value: value == 'true',
    'cpuHotRemoveEnabled': lambda value: value == 'true',
    'memoryHotAddEnabled': lambda value: value == 'true',
}
_MIB = 2**20
_VERSION = re.compile(r'vmx-[0-9]{1,4}')
# What numbers of processors and of MiB the API can say.
_MOST = 2**31 - 1


class Import:
    """One import.

    :param owner: the compute resource that it goes to
    :param params: an OvfCreateImportSpecParams
    :ivar errors: why it cannot be imported
    :ivar warnings: what will be different from what the descriptor says
    :ivar files: what is to be uploaded, OvfFileItem objects
    """

    def __init__(self, package: Package, owner: Any, datastore: Any, params: DataObject) -> None:
        self.package = package
        self.owner = owner
        self.datastore = datastore
        self.params = params
        self.name = wire_name(params.entityName or package.name)
        self.option = params.deploymentOption or package.default_option
        self.errors: list[DataObject] = []
        self.warnings: list[DataObject] = []
        self.files: list[DataObject] = []
        self._changes: list[DataObject] = []
        self._controllers: dict[str, tuple[DataObject, int]] = {}
        self._units: dict[str, set[int]] = {}
        self._key = 0

    def spec(self) -> DataObject:
        """The VirtualMachineImportSpec; what is wrong is in :attr:`errors`."""
        package = self.package
        if self.option and self.option not in [one.id for one in package.options]:
            raise Fault(
                'OvfInvalidValueConfiguration',
                f"There is no deployment option '{self.option}'.",
                lineNumber=0,
                elementName='Configuration',
                attributeName='id',
                value=self.option,
            )
        config = types.VirtualMachineConfigSpec(
            name=self.name,
            guestId=self._guest(),
            version=self._version(),
            annotation=package.annotation or None,
            files=types.VirtualMachineFileInfo(vmPathName=f'[{self.datastore.name}]'),
            numCPUs=1,
            memoryMB=512,
            extraConfig=[
                types.OptionValue(key=key, value=value) for key, value in package.extra.items()
            ],
            vAppConfig=self._vapp(),
            **{
                name: read(value)
                for name, value in package.settings.items()
                if (read := _SETTINGS.get(name)) is not None
            },
        )
        self._hardware(config)
        self._firmware_state()
        config.deviceChange = self._changes
        return types.VirtualMachineImportSpec(configSpec=config)

    # What it is

    def _guest(self) -> str:
        own, number, description = self.package.guest
        if own is not None and systems.is_known(own):
            return own
        found = own or systems.guest_of(number)
        if own is None:
            self.warnings.append(
                Fault(
                    'OvfMappedOsId',
                    f"The operating system '{number}' is taken for {found}.",
                    ovfId=number,
                    ovfDescription=description,
                    targetDescription=guests.guest(found).full_name,
                ).localized()
            )
        return found

    def _version(self) -> str | None:
        """The newest version of hardware that both sides know.

        :raises Fault: OvfNoSupportedHardwareFamily
        """
        wanted = self.package.system_types
        newest = hardware_versions.number(hardware_versions.NEWEST)
        usable = [
            one
            for one in wanted
            if _VERSION.fullmatch(one) and hardware_versions.number(one) <= newest
        ]
        if wanted and not usable:
            raise Fault(
                'OvfNoSupportedHardwareFamily',
                f"No supported hardware family among '{' '.join(wanted)}'.",
                version=' '.join(wanted),
            )
        return max(usable, key=hardware_versions.number, default=None)

    def _vapp(self) -> DataObject | None:
        package = self.package
        wanted = {pair.key: pair.value for pair in self.params.propertyMapping or ()}
        properties = [
            types.VAppPropertySpec(operation='add', info=_property_info(number, one, wanted))
            for number, one in enumerate(package.properties(self.option))
        ]
        product = product_info(package)
        if not properties and product is None and not package.licenses:
            return None
        policy, protocol = self.params.ipAllocationPolicy, self.params.ipProtocol
        return types.VmConfigSpec(
            product=[types.VAppProductSpec(operation='add', info=product)] if product else [],
            property=properties,
            eula=package.licenses,
            ovfEnvironmentTransport=package.transports,
            ipAssignment=types.VAppIPAssignmentInfo(ipAllocationPolicy=policy, ipProtocol=protocol)
            if policy or protocol
            else None,
        )

    # What it is made of

    def _hardware(self, config: DataObject) -> None:
        items = self.package.items(self.option)
        # What is connected to a controller may stand before it.
        for item in sorted(items, key=lambda one: one.kind not in _CONTROLLERS):
            if item.kind == CPU:
                config.numCPUs = _sayable(item, item.quantity or 1)
            elif item.kind == MEMORY:
                unit = unit_bytes(item.units or 'byte * 2^20')
                config.memoryMB = _sayable(item, (item.quantity or 0) * unit // _MIB)
            elif item.kind in _CONTROLLERS:
                self._controller(item)
            elif item.kind == CARD:
                self._card(item)
            elif item.kind == DISK:
                self._disk(item)
            elif item.kind in (CD, DVD):
                self._drive(item)
            elif item.kind == FLOPPY:
                self._add(
                    types.VirtualFloppy(
                        backing=types.VirtualFloppyRemoteDeviceBackingInfo(deviceName='')
                    )
                )
            elif item.kind not in _BUILT_IN:
                self._unsupported(item)

    def _add(self, device: DataObject, *, create: bool = False) -> None:
        self._key -= 1
        device.key = self._key
        self._changes.append(
            types.VirtualDeviceConfigSpec(
                operation='add', fileOperation='create' if create else None, device=device
            )
        )

    def _unsupported(self, item: Item) -> None:
        """An error, or a warning for what the descriptor says is not required."""
        known = item.kind in systems.SUBTYPES
        said: dict[str, Any] = {'elementName': item.name} if known else {'name': item.name}
        if known:
            said['deviceSubType'] = ' '.join(item.subtype)
        fault = Fault(
            'OvfUnsupportedSubType' if known else 'OvfUnsupportedType',
            f"Line {item.line}: the hardware '{item.name}' of type {item.kind} "
            f'{" ".join(item.subtype)} is not supported.',
            lineNumber=item.line,
            instanceId=item.id,
            deviceType=item.kind,
            **said,
        )
        (self.errors if item.required else self.warnings).append(fault.localized())

    def _typed(self, item: Item) -> str | None:
        """The type of the device of a controller or card."""
        names = systems.SUBTYPES[item.kind]
        return next(
            (names[name] for name in item.subtype or [''] if name in names),
            # Other names of IDE controllers are those of the chips they imitate.
            names[''] if item.kind == IDE else None,
        )

    def _controller(self, item: Item) -> None:
        wire_type = self._typed(item)
        if wire_type is None:
            self._unsupported(item)
            return
        taken = {
            one.busNumber
            for one, kind in self._controllers.values()
            if kind == item.kind and (kind != STORAGE or one.wire_type == wire_type)
        }
        number = item.address
        if number is None or number in taken:
            number = next(one for one in range(len(taken) + 1) if one not in taken)
        device = types[wire_type](busNumber=number)
        if item.kind == SCSI:
            device.sharedBus = 'noSharing'
        self._add(device)
        self._controllers[item.id] = device, item.kind

    def _place(self, item: Item, device: DataObject) -> str | None:
        """Put a device at its controller; returns the place as leases write it."""
        controller, kind = self._controllers.get(item.parent or '', (None, 0))
        if controller is None or kind not in _SLOTS:
            self._unsupported(item)
            return None
        taken = self._units.setdefault(item.parent or '', set())
        if kind == SCSI:
            taken.add(_SCSI_OWN_UNIT)
        unit = item.unit
        if unit is None or unit in taken:
            unit = next(one for one in range(len(taken) + 1) if one not in taken)
        if unit >= _SLOTS[kind]:
            fault = Fault(
                'OvfNoSpaceOnController',
                f"Line {item.line}: there is no room for '{item.name}' at its controller.",
                lineNumber=item.line,
                name=item.name,
                parent=item.parent,
            )
            self.errors.append(fault.localized())
            return None
        taken.add(unit)
        device.controllerKey, device.unitNumber = controller.key, unit
        return f'{controller.wire_type}{controller.busNumber}:{unit}'

    def _disk(self, item: Item) -> None:
        disk = self.package.disks.get((item.resource or '').rpartition('/')[2])
        if disk is None:
            raise _reference(item, item.resource or '')
        backing = types.VirtualDiskFlatVer2BackingInfo(
            fileName='',
            datastore=self.datastore.ref,
            diskMode='persistent',
            thinProvisioned=self._thin,
            eagerlyScrub=self.params.diskProvisioning == 'eagerZeroedThick',
        )
        made = types.VirtualDisk(
            backing=backing, capacityInKB=disk.capacity // 1024, capacityInBytes=disk.capacity
        )
        place = self._place(item, made)
        if place is None:
            return
        self._add(made, create=True)
        if disk.file is None:
            return
        self._upload(item.kind, self.package.files[disk.file], place)

    @property
    def _thin(self) -> bool:
        wanted = self.params.diskProvisioning or _DEFAULT_PROVISIONING
        if wanted not in PROVISIONING:
            raise Fault(
                'OvfUnsupportedDiskProvisioning',
                f"Disks cannot be provided as '{wanted}'.",
                diskProvisioning=wanted,
                supportedDiskProvisioning=', '.join(PROVISIONING),
            )
        return PROVISIONING[wanted]

    def _drive(self, item: Item) -> None:
        """A drive: with the disc that is in the package, or empty."""
        made = types.VirtualCdrom(
            backing=types.VirtualCdromRemotePassthroughBackingInfo(deviceName='', exclusive=False)
        )
        place = self._place(item, made)
        if place is None:
            return
        self._add(made)
        if item.resource is None or not _in_package(item.resource):
            return
        file = self.package.files.get(item.resource.rpartition('/')[2])
        if file is None:
            raise _reference(item, item.resource)
        images = sum(one.create for one in self.files)
        made.backing = types.VirtualCdromIsoBackingInfo(
            fileName=f'[{self.datastore.name}] {self.name}/_deviceImage-{images}.iso',
            datastore=self.datastore.ref,
        )
        made.connectable = types.VirtualDeviceConnectInfo(
            startConnected=item.connected, allowGuestControl=True, connected=item.connected
        )
        self._upload(item.kind, file, place)

    def _firmware_state(self) -> None:
        """Have what the firmware keeps sent, where the package has that."""
        value = self.package.extra.get('nvram', '')
        file = self.package.files.get(value.rpartition('/')[2])
        if file is not None and _in_package(value):
            self._upload(_OTHER, file, 'nvram')

    def _upload(self, kind: int, file: File, place: str) -> None:
        """Have a file of the package sent to a device."""
        self.files.append(
            types.OvfFileItem(
                deviceId=f'/{self.name}/{place}',
                path=file.href,
                compressionMethod=file.compression,
                chunkSize=file.piece,
                size=file.size,
                cimType=kind,
                create=kind != DISK,
            )
        )

    def _card(self, item: Item) -> None:
        wire_type = self._typed(item)
        network = self._network(item)
        if wire_type is None or network is None:
            if wire_type is None:
                self._unsupported(item)
            return
        card = types[wire_type](
            backing=network_backing(network),
            addressType='generated',
            wakeOnLanEnabled=True,
            connectable=types.VirtualDeviceConnectInfo(
                startConnected=item.connected, allowGuestControl=True, connected=item.connected
            ),
        )
        if card.backing.port is not None:
            card.backing.port.portKey = card.backing.port.connectionCookie = None
        self._add(card)

    def _network(self, item: Item) -> Any:
        """What a card is connected to: what is said, one of that name, or the first.

        :raises Fault: OvfInvalidValueReference
        """
        name = item.connection or ''
        if name and name not in self.package.networks:
            raise _reference(item, name)
        there = list(self.owner.network)
        for pair in self.params.networkMapping or ():
            if pair.name == name:
                found = self.datastore.world.get(pair.network)
                if found not in there:
                    raise Fault(
                        'OvfNetworkMappingNotSupported',
                        f"The network '{found.name}' cannot be reached from the target.",
                    )
                return found
        if not there:
            fault = Fault(
                'OvfNoHostNic',
                f"Line {item.line}: there is no network for '{item.name}'.",
                lineNumber=item.line,
            )
            self.errors.append(fault.localized())
            return None
        return next((one for one in there if one.name == name), there[0])


def _in_package(resource: str) -> bool:
    """Whether what a device is made of is a file of the package: ``ovf:/file/file1``."""
    return re.match(r'(ovf:/?)?/file/', resource) is not None


def _reference(item: Item, value: str) -> Fault:
    return Fault(
        'OvfInvalidValueReference',
        f"Line {item.line}: '{value}' is not in the descriptor.",
        lineNumber=item.line,
        elementName='Item',
        attributeName='Connection' if item.kind == CARD else 'HostResource',
        value=value,
    )


def _property_info(number: int, one: Property, wanted: Mapping[str, str]) -> DataObject:
    """A property with the deployer's value.

    :raises Fault: OvfPropertyValue
    """
    value = wanted.get(one.key)
    if value is not None and not _fits(one.type, value):
        raise Fault(
            'OvfPropertyValue',
            f"Line {one.line}: the value of '{one.key}' is not of type {one.type}.",
            lineNumber=one.line,
            type=one.type,
            # A password stays out of what is shown of it.
            value='' if one.type.startswith('password') else value,
        )
    info = property_info(number, one)
    info.value = value if value is not None else ''
    return info


def _fits(kind: str, value: str) -> bool:
    if kind == 'boolean':
        return value.lower() in ('true', 'false')
    if kind in (
        'int',
        'uint8',
        'uint16',
        'uint32',
        'uint64',
        'sint8',
        'sint16',
        'sint32',
        'sint64',
    ):
        return value.removeprefix('-' if kind[0] != 'u' else '').isdecimal()
    return True


def property_info(number: int, one: Property) -> DataObject:
    """A property as the API describes it."""
    return types.VAppPropertyInfo(
        key=number,
        classId=one.class_id,
        instanceId=one.instance_id,
        id=one.id,
        category=one.category,
        label=one.label or one.id,
        type=one.type,
        userConfigurable=one.configurable,
        defaultValue=one.value,
        description=one.description,
    )


def product_info(package: Package) -> DataObject | None:
    """The product as the API describes it."""
    product = package.product
    return types.VAppProductInfo(key=0, **product) if product is not None else None


def _sayable(item: Item, number: int) -> int:
    if number > _MOST:
        raise Fault(
            'OvfHostValueNotParsed',
            f'Line {item.line}: the quantity is too large.',
            property='VirtualQuantity',
            value=str(item.quantity),
        )
    return number
