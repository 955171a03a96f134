"""What machines can be made of: guests, devices and sizes, by version of the virtual hardware."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.vm import devices, guests, hardware_versions, views
from oslo_vmware.simulator.world.data import DataObject, types

_MAX_CPUS = 768
_MAX_MEMORY_MB = 24 * 1024 * 1024
_MAX_DISK_KB = 62 * 1024**3

_DISK_CONTROLLERS = [
    'VirtualBusLogicController', 'VirtualLsiLogicController', 'VirtualLsiLogicSASController',
    'ParaVirtualSCSIController', 'VirtualAHCIController', 'VirtualIDEController',
    'VirtualNVMEController',
]  # fmt: skip
_CARDS = ['VirtualE1000', 'VirtualE1000e', 'VirtualVmxnet2', 'VirtualVmxnet3',
          'VirtualSriovEthernetCard']  # fmt: skip


def _int(most: int, *, least: int = 0, default: int | None = None) -> DataObject:
    return types.IntOption(min=least, max=most, defaultValue=least if default is None else default)


def _long(most: int, *, least: int = 0, default: int = 0) -> DataObject:
    return types.LongOption(min=least, max=most, defaultValue=max(least, default))


def _bool(default: bool, *, supported: bool = True) -> DataObject:
    return types.BoolOption(supported=supported, defaultValue=default)


def _choice(*keys: str) -> DataObject:
    return types.ChoiceOption(
        choiceInfo=[types.ElementDescription(key=key, label=key, summary=key) for key in keys],
        defaultIndex=0,
    )


def descriptor(version: str, hosts: list[Any]) -> DataObject:
    """How a version is listed."""
    newest = version == hardware_versions.NEWEST
    return types.VirtualMachineConfigOptionDescriptor(
        key=version,
        description=hardware_versions.described(version),
        host=[host.ref for host in hosts],
        createSupported=True,
        defaultConfigOption=newest,
        runSupported=True,
        upgradeSupported=True,
    )


def option(version: str, guest_ids: list[str]) -> DataObject:
    """All there is to choose from for a machine of a version.

    :param guest_ids: the guests that are meant; empty for all
    """
    return types.VirtualMachineConfigOption(
        version=version,
        description=hardware_versions.described(version),
        guestOSDescriptor=[
            _guest(one) for one in guests.KNOWN if not guest_ids or one.id in guest_ids
        ],
        guestOSDefaultIndex=0,
        hardwareOptions=_hardware(version),
        capabilities=views.CAPABILITY,
        datastore=types.DatastoreOption(unsupportedVolumes=[]),
        defaultDevice=devices.base_devices(),
        supportedMonitorType=['release', 'debug', 'stats'],
        supportedOvfEnvironmentTransport=['iso', 'com.vmware.guestInfo'],
        supportedOvfInstallTransport=['iso'],
        propertyRelations=[],
    )


def _guest(guest: guests.Guest) -> DataObject:
    windows = guest.family == 'windowsGuest'
    old = guest.id.endswith('Guest') and '64' not in guest.id
    controller = 'VirtualLsiLogicSASController' if windows else 'ParaVirtualSCSIController'
    return types.GuestOsDescriptor(
        id=guest.id,
        family=guest.family,
        fullName=guest.full_name,
        supportedMaxCPUs=_MAX_CPUS,
        numSupportedPhysicalSockets=128,
        numSupportedCoresPerSocket=128,
        supportedMinMemMB=4,
        supportedMaxMemMB=65536 if old else _MAX_MEMORY_MB,
        recommendedMemMB=4096 if windows else 2048,
        recommendedColorDepth=32,
        supportedDiskControllerList=_DISK_CONTROLLERS,
        recommendedSCSIController=controller,
        recommendedDiskController=controller,
        supportedNumDisks=4,
        recommendedDiskSizeMB=(90 if windows else 16) * 1024,
        recommendedCdromController='VirtualAHCIController',
        supportedEthernetCard=_CARDS,
        recommendedEthernetCard='VirtualE1000' if old else 'VirtualVmxnet3',
        supportsSlaveDisk=True,
        cpuFeatureMask=[],
        smcRequired=False,
        supportsWakeOnLan=True,
        supportsVMI=False,
        supportsMemoryHotAdd=not old,
        supportsCpuHotAdd=not old,
        supportsCpuHotRemove=False,
        supportedFirmware=['bios', 'efi'],
        recommendedFirmware='bios' if old else 'efi',
        supportedUSBControllerList=['VirtualUSBController', 'VirtualUSBXHCIController'],
        recommendedUSBController='VirtualUSBXHCIController',
        supports3D=True,
        recommended3D=False,
        smcRecommended=False,
        ich7mRecommended=False,
        usbRecommended=windows,
        supportLevel='supported',
        supportedForCreate=True,
        vRAMSizeInKB=_int(262144, least=2048, default=8192),
        numSupportedFloppyDevices=2,
        wakeOnLanEthernetCard=_CARDS,
        supportsPvscsiControllerForBoot=True,
        diskUuidEnabled=windows,
        supportsHotPlugPCI=True,
        supportsSecureBoot=not old,
        defaultSecureBoot=windows,
        supportsTPM20=not old,
        recommendedTPM20=False,
    )


def _hardware(version: str) -> DataObject:
    return types.VirtualHardwareOption(
        hwVersion=hardware_versions.number(version),
        virtualDeviceOption=_device_options(),
        deviceListReadonly=False,
        numCPU=[1, _MAX_CPUS],
        numCoresPerSocket=_int(_MAX_CPUS, least=1),
        numCpuReadonly=False,
        memoryMB=_long(_MAX_MEMORY_MB, least=4, default=32),
        numPCIControllers=_int(1, least=1),
        numIDEControllers=_int(2, default=2),
        numUSBControllers=_int(1),
        numUSBXHCIControllers=_int(1),
        numSIOControllers=_int(1, least=1),
        numPS2Controllers=_int(1),
        licensingLimit=[],
        numSupportedWwnPorts=_int(16),
        numSupportedWwnNodes=_int(1),
        resourceConfigOption=types.ResourceConfigOption(
            cpuAllocationOption=_allocation(4000), memoryAllocationOption=_allocation(40960)
        ),
        numNVDIMMControllers=_int(1),
        numTPMDevices=_int(1),
        numWDTDevices=_int(1),
    )


def _allocation(shares: int) -> DataObject:
    return types.ResourceAllocationOption(
        sharesOption=types.SharesOption(
            sharesOption=_int(1_000_000, default=shares), defaultLevel='normal'
        )
    )


def _device_options() -> list[DataObject]:
    found = [
        _device('VirtualDisk', capacityInKB=_long(_MAX_DISK_KB, least=1, default=16 * 1024**2),
                ioAllocationOption=types.StorageIOAllocationOption(
                    limitOption=types.LongOption(min=-1, max=2**31 - 1, defaultValue=-1),
                    sharesOption=types.SharesOption(
                        sharesOption=_int(4000, least=200, default=1000), defaultLevel='normal'))),
        _device('VirtualCdrom'),
        _device('VirtualFloppy'),
        _device('VirtualSerialPort', yieldOnPoll=_bool(True)),
        _controller('VirtualIDEController', 2, numIDEDisks=_int(2), numIDECdroms=_int(2)),
        _controller('VirtualAHCIController', 30, numSATADisks=_int(30), numSATACdroms=_int(30)),
        _controller('VirtualNVMEController', 64, numNVMEDisks=_int(64)),
        _controller('VirtualUSBController', 20, autoConnectDevices=_bool(False),
                    ehciSupported=_bool(True), supportedSpeeds=['low', 'full', 'high']),
        _controller('VirtualUSBXHCIController', 20, autoConnectDevices=_bool(False),
                    supportedSpeeds=['low', 'full', 'high', 'superSpeed']),
    ]  # fmt: skip
    for name in _DISK_CONTROLLERS[:4]:
        slots = 64 if name == 'ParaVirtualSCSIController' else 15
        found.append(
            _controller(
                name,
                slots,
                numSCSIDisks=_int(slots),
                numSCSICdroms=_int(slots),
                numSCSIPassthrough=_int(slots),
                sharing=['noSharing', 'virtualSharing', 'physicalSharing'],
                defaultSharedIndex=0,
                hotAddRemove=_bool(True),
                scsiCtlrUnitNumber=7,
            )
        )
    found += [
        _device(
            name,
            supportedOUI=_choice('00:50:56', '00:0c:29'),
            macType=_choice('assigned', 'manual', 'generated'),
            wakeOnLanEnabled=_bool(True),
        )
        for name in _CARDS
    ]
    return found


def _device(name: str, **fields: Any) -> DataObject:
    return types[f'{name}Option'](
        type=name,
        connectOption=types.VirtualDeviceConnectOption(
            startConnected=_bool(True), allowGuestControl=_bool(True)
        ),
        deprecated=False,
        plugAndPlay=True,
        hotRemoveSupported=True,
        **fields,
    )


def _controller(name: str, slots: int, **fields: Any) -> DataObject:
    made = _device(name, devices=_int(slots), **fields)
    made.connectOption = None
    return made
