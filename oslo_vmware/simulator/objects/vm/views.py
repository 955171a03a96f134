"""The large properties of a machine, made from its few values at each read.

Every function here takes a
:class:`~oslo_vmware.simulator.objects.vm.virtual_machine.VirtualMachine` and returns a new data
object; nothing is kept.
"""

from __future__ import annotations

import datetime
from typing import Any

from oslo_vmware.simulator.objects.resource_pool import allocation
from oslo_vmware.simulator.objects.vm import backings, cards, devices, guests
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import DataObject, merged, types

MIB = 1024**2

_TOOLS_VERSION = 12389

_CAN = """
snapshotOperationsSupported multipleSnapshotsSupported snapshotConfigSupported
poweredOffSnapshotsSupported memorySnapshotsSupported revertToSnapshotSupported
quiescedSnapshotsSupported cpuFeatureMaskSupported s1AcpiManagementSupported
toolsAutoUpdateSupported vmNpivWwnSupported vmNpivWwnDisableSupported vmNpivWwnUpdateSupported
swapPlacementSupported toolsSyncTimeSupported virtualMmuUsageSupported diskSharesSupported
bootOptionsSupported bootRetryOptionsSupported settingVideoRamSizeSupported
changeTrackingSupported multipleCoresPerSocketSupported hostBasedReplicationSupported
memoryReservationLockSupported featureRequirementSupported seSparseDiskSupported
nestedHVSupported vPMCSupported secureBootSupported perVmEvcSupported
"""
_CANNOT = """
disableSnapshotsSupported lockSnapshotsSupported consolePreferencesSupported
settingScreenResolutionSupported npivWwnOnNonRdmVmSupported settingDisplayTopologySupported
recordReplaySupported guestAutoLockSupported poweredOnMonitorTypeChangeSupported
"""
CAPABILITY = types.VirtualMachineCapability(
    **dict.fromkeys(_CAN.split(), True), **dict.fromkeys(_CANNOT.split(), False)
)


def option_text(value: Any) -> str:
    """A value of extraConfig as the server keeps it: as text, whatever was sent."""
    if isinstance(value, bool):
        return 'TRUE' if value else 'FALSE'
    return '' if value is None else str(value)


def change_version(vm: Machine) -> str:
    """Identifies a state of the configuration; a client may insist on the one it has read."""
    when = vm.modified or vm.created
    return f'{when:%Y-%m-%dT%H:%M:%S.%f}Z/{vm.changes}'


def vmx_path(vm: Machine) -> str:
    return f'{vm.stem}.vmx'


def config(vm: Machine) -> DataObject:
    guest_os = guests.guest(vm.guest_id)
    directory = f'[{vm.home.name}] {vm.directory}/'
    fields: dict[str, Any] = {
        'changeVersion': change_version(vm),
        'modified': vm.modified or vm.created,
        'name': vm.name,
        'guestFullName': guest_os.full_name,
        'version': vm.hardware_version,
        'uuid': vm.uuid,
        'createDate': vm.created,
        'instanceUuid': vm.instance_uuid,
        'npivTemporaryDisabled': True,
        'template': vm.template,
        'guestId': vm.guest_id,
        'alternateGuestName': '',
        'annotation': vm.annotation or '',
        'files': types.VirtualMachineFileInfo(
            vmPathName=vmx_path(vm),
            snapshotDirectory=directory,
            suspendDirectory=directory,
            logDirectory=directory,
        ),
        'flags': types.VirtualMachineFlagInfo(
            disableAcceleration=False,
            enableLogging=True,
            useToe=False,
            runWithDebugInfo=False,
            monitorType='release',
            htSharing='any',
            snapshotDisabled=False,
            snapshotLocked=False,
            diskUuidEnabled=False,
            snapshotPowerOffBehavior='powerOff',
            recordReplayEnabled=False,
            faultToleranceType='unset',
            cbrcCacheEnabled=False,
            vvtdEnabled=False,
            vbsEnabled=False,
        ),
        'defaultPowerOps': types.VirtualMachineDefaultPowerOpInfo(
            powerOffType='soft',
            suspendType='hard',
            resetType='soft',
            defaultPowerOffType='soft',
            defaultSuspendType='hard',
            defaultResetType='soft',
            standbyAction='checkpoint',
        ),
        'hardware': types.VirtualHardware(
            numCPU=vm.num_cpu,
            numCoresPerSocket=vm.cores_per_socket,
            autoCoresPerSocket=False,
            memoryMB=vm.memory_mb,
            virtualICH7MPresent=False,
            virtualSMCPresent=False,
            device=vm.devices,
            motherboardLayout='i440bxHostBridge',
            simultaneousThreads=1,
        ),
        'cpuAllocation': allocation(1000 * vm.num_cpu, expandableReservation=False),
        'memoryAllocation': allocation(10 * vm.memory_mb, expandableReservation=False),
        'latencySensitivity': types.LatencySensitivity(level='normal'),
        'memoryHotAddEnabled': False,
        'cpuHotAddEnabled': False,
        'cpuHotRemoveEnabled': False,
        'extraConfig': extra_config(vm),
        'datastoreUrl': [
            types.VirtualMachineConfigInfoDatastoreUrlPair(
                name=datastore.name, url=f'/vmfs/volumes/{datastore.uuid}'
            )
            for datastore in vm.datastore
        ],
        'swapPlacement': 'inherit',
        'bootOptions': types.VirtualMachineBootOptions(
            bootDelay=0,
            enterBIOSSetup=False,
            efiSecureBootEnabled=False,
            bootRetryEnabled=False,
            bootRetryDelay=10000,
        ),
        'vAssertsEnabled': False,
        'changeTrackingEnabled': False,
        'firmware': 'bios',
        'maxMksConnections': -1,
        'guestAutoLockEnabled': True,
        'memoryReservationLockedToMax': False,
        'nestedHVEnabled': False,
        'vPMCEnabled': False,
        'messageBusTunnelEnabled': False,
    }
    fields['tools'] = types.ToolsConfigInfo(
        toolsVersion=_TOOLS_VERSION if vm.tools else 0,
        toolsInstallType='guestToolsTypeOpenVMTools' if vm.tools else 'guestToolsTypeUnknown',
        afterPowerOn=True,
        afterResume=True,
        beforeGuestStandby=True,
        beforeGuestShutdown=True,
        beforeGuestReboot=True,
        toolsUpgradePolicy='manual',
        syncTimeWithHostAllowed=True,
        syncTimeWithHost=False,
    )
    for name, value in vm.options.items():
        fields[name] = merged(fields.get(name), value) if isinstance(value, DataObject) else value
    return types.VirtualMachineConfigInfo(**fields)


def extra_config(vm: Machine) -> list[DataObject]:
    """The options a machine is born with, its own ones over them."""
    options: dict[str, str | None] = {
        'nvram': f'{vm.stem.rpartition("/")[2]}.nvram',
        'svga.present': 'TRUE',
        'pciBridge0.present': 'TRUE',
        'pciBridge4.present': 'TRUE',
        'pciBridge4.virtualDev': 'pcieRootPort',
        'pciBridge4.functions': '8',
        'hpet0.present': 'TRUE',
        'sched.cpu.latencySensitivity': 'normal',
        'tools.guest.desktop.autolock': 'TRUE',
        'vmware.tools.internalversion': str(_TOOLS_VERSION) if vm.tools else '0',
        'vmware.tools.requiredversion': str(_TOOLS_VERSION),
    }
    options.update(vm.extra)
    return [
        types.OptionValue(key=key, value=value)
        for key, value in options.items()
        if value is not None
    ]


def resource_config(vm: Machine) -> DataObject:
    shown = config(vm)
    return types.ResourceConfigSpec(
        entity=vm.ref,
        changeVersion=change_version(vm),
        cpuAllocation=shown.cpuAllocation,
        memoryAllocation=shown.memoryAllocation,
    )


def runtime(vm: Machine) -> DataObject:
    host = vm.host
    return types.VirtualMachineRuntimeInfo(
        device=[],
        host=host.ref if host is not None else None,
        connectionState=vm.connection,
        powerState=vm.power_state,
        faultToleranceState='notConfigured',
        toolsInstallerMounted=vm.tools_mounted,
        suspendTime=vm.suspend_time,
        bootTime=vm.boot_time,
        maxCpuUsage=vm.num_cpu * host.model.mhz if host is not None else None,
        maxMemoryUsage=vm.memory_mb,
        numMksConnections=0,
        recordReplayState='inactive',
        cleanPowerOff=None if vm.running else True,
        onlineStandby=False,
        consolidationNeeded=vm.consolidation_needed,
        featureRequirement=[],
        featureMask=[],
        paused=False,
        snapshotInBackground=False,
        instantCloneFrozen=False,
        cryptoState='unencrypted',
    )


def _tools(vm: Machine) -> dict[str, str]:
    if not vm.tools:
        return {
            'toolsStatus': 'toolsNotInstalled',
            'toolsVersionStatus': 'guestToolsNotInstalled',
            'toolsVersionStatus2': 'guestToolsNotInstalled',
            'toolsRunningStatus': 'guestToolsNotRunning',
        }
    return {
        'toolsStatus': 'toolsOk' if vm.running else 'toolsNotRunning',
        'toolsVersionStatus': 'guestToolsUnmanaged',
        'toolsVersionStatus2': 'guestToolsUnmanaged',
        'toolsRunningStatus': 'guestToolsRunning' if vm.running else 'guestToolsNotRunning',
    }


def ip_address(vm: Machine) -> str | None:
    """Address of a running guest with tools and a card, from 10.64.0.0/10."""
    if not vm.tools_running or not vm.network:
        return None
    if vm.guest_names[1]:
        return vm.guest_names[1][0]
    number = int(vm.ref.value.rpartition('-')[2])
    return f'10.{64 + (number >> 14 & 63)}.{number >> 7 & 127}.{(number & 127) + 10}'


def host_name(vm: Machine) -> str:
    return vm.guest_names[0] or f'{vm.name.lower()}.example.net'


def guest(vm: Machine) -> DataObject:
    guest_os = guests.guest(vm.guest_id)
    fields: dict[str, Any] = {
        **_tools(vm),
        'toolsVersion': str(_TOOLS_VERSION if vm.tools else 0),
        'net': [],
        'ipStack': [],
        'disk': [],
        'screen': types.GuestScreenInfo(width=-1, height=-1),
        'guestState': 'running' if vm.running else 'notRunning',
        'appHeartbeatStatus': 'appStatusGray',
        'appState': 'none',
        'guestOperationsReady': vm.tools_running,
        'interactiveGuestOperationsReady': False,
        'guestStateChangeSupported': vm.tools_running,
        'generationInfo': [],
        'hwVersion': vm.hardware_version,
    }
    if vm.tools_running:
        address = ip_address(vm)
        fields |= {
            'guestId': vm.guest_id,
            'guestFamily': guest_os.family,
            'guestFullName': guest_os.full_name,
            'hostName': host_name(vm),
            'ipAddress': address,
            'net': [_guest_nic(vm, card, address) for card in _cards(vm)],
            'disk': [_guest_disk(vm, disk) for disk in vm.disks[:1]],
            'screen': types.GuestScreenInfo(width=1024, height=768),
        }
    return types.GuestInfo(**fields)


def _cards(vm: Machine) -> list[DataObject]:
    return [device for device in vm.devices if devices.is_network_card(device)]


def _guest_nic(vm: Machine, card: DataObject, address: str | None) -> DataObject:
    network = cards.card_network(vm, card)
    first = card.key == 4000 and address is not None
    return types.GuestNicInfo(
        network=network.name if network is not None else None,
        ipAddress=[address] if first else [],
        macAddress=card.macAddress,
        connected=True,
        deviceConfigId=card.key,
        ipConfig=types.NetIpConfigInfo(
            ipAddress=[
                types.NetIpConfigInfoIpAddress(
                    ipAddress=address, prefixLength=16, state='preferred'
                )
            ]
            if first
            else []
        ),
    )


def _guest_disk(vm: Machine, disk: DataObject) -> DataObject:
    capacity = devices.disk_bytes(disk)
    windows = guests.guest(vm.guest_id).family == 'windowsGuest'
    return types.GuestDiskInfo(
        diskPath='C:\\' if windows else '/',
        capacity=capacity,
        freeSpace=capacity - min(capacity, backings.disk_used(vm, disk)),
        filesystemType='NTFS' if windows else 'ext4',
        mappings=[types.GuestInfoVirtualDiskMapping(key=disk.key)],
    )


def summary(vm: Machine) -> DataObject:
    guest_os = guests.guest(vm.guest_id)
    kinds = [device.wire_type for device in vm.devices]
    datastores = vm.datastore
    committed = sum(vm.committed_on(datastore) for datastore in datastores)
    running_fields: dict[str, Any] = {}
    if vm.tools_running:
        running_fields = {
            'guestId': vm.guest_id,
            'guestFullName': guest_os.full_name,
            'hostName': host_name(vm),
            'ipAddress': ip_address(vm),
        }
    return types.VirtualMachineSummary(
        vm=vm.ref,
        runtime=runtime(vm),
        guest=types.VirtualMachineGuestSummary(
            **_tools(vm), **running_fields, hwVersion=vm.hardware_version
        ),
        config=types.VirtualMachineConfigSummary(
            name=vm.name,
            template=vm.template,
            vmPathName=vmx_path(vm),
            memorySizeMB=vm.memory_mb,
            cpuReservation=0,
            memoryReservation=0,
            numCpu=vm.num_cpu,
            numEthernetCards=sum(kind in devices.NETWORK_CARDS for kind in kinds),
            numVirtualDisks=kinds.count('VirtualDisk'),
            uuid=vm.uuid,
            instanceUuid=vm.instance_uuid,
            guestId=vm.guest_id,
            guestFullName=guest_os.full_name,
            annotation=vm.annotation or '',
            installBootRequired=False,
            managedBy=vm.options.get('managedBy'),
            tpmPresent='VirtualTPM' in kinds,
            numVmiopBackings=0,
            hwVersion=vm.hardware_version,
        ),
        storage=types.VirtualMachineStorageSummary(
            committed=committed,
            uncommitted=sum(vm.uncommitted_on(datastore) for datastore in datastores),
            unshared=committed,
            timestamp=vm.world.now(),
        ),
        quickStats=_quick_stats(vm),
        overallStatus=vm.overallStatus,
        customValue=vm.customValue,
    )


def _quick_stats(vm: Machine) -> DataObject:
    cpu, memory = (vm.cpu_usage, vm.memory_usage) if vm.running else (0, 0)
    uptime: datetime.timedelta = (
        vm.world.now() - vm.boot_time if vm.boot_time is not None else datetime.timedelta()
    )
    return types.VirtualMachineQuickStats(
        overallCpuUsage=cpu,
        overallCpuDemand=cpu,
        overallCpuReadiness=0,
        guestMemoryUsage=memory // 2,
        hostMemoryUsage=memory,
        guestHeartbeatStatus=vm.guestHeartbeatStatus,
        distributedCpuEntitlement=cpu,
        distributedMemoryEntitlement=memory,
        staticCpuEntitlement=0,
        staticMemoryEntitlement=0,
        grantedMemory=memory,
        privateMemory=memory,
        sharedMemory=0,
        swappedMemory=0,
        balloonedMemory=0,
        consumedOverheadMemory=min(memory, 60),
        ftLogBandwidth=-1,
        ftSecondaryLatency=-1,
        ftLatencyStatus='gray',
        compressedMemory=0,
        uptimeSeconds=int(uptime.total_seconds()),
        ssdSwappedMemory=0,
        activeMemory=memory // 2,
    )


def layout_ex(vm: Machine) -> DataObject:
    files = backings.files(vm)
    chains: dict[int, list[int]] = {}
    for key, file in enumerate(files):
        if file.disk is not None:
            chains.setdefault(file.disk, []).append(key)
    return types.VirtualMachineFileLayoutEx(
        file=[
            types.VirtualMachineFileLayoutExFileInfo(
                key=key,
                name=file.name,
                type=file.kind,
                size=file.size,
                uniqueSize=file.size,
                accessible=True,
            )
            for key, file in enumerate(files)
        ],
        disk=[
            types.VirtualMachineFileLayoutExDiskLayout(
                key=disk, chain=[types.VirtualMachineFileLayoutExDiskUnit(fileKey=keys)]
            )
            for disk, keys in chains.items()
        ],
        snapshot=[],
        timestamp=vm.world.now(),
    )


def layout(vm: Machine) -> DataObject:
    files = backings.files(vm)
    swap = next((file.name for file in files if file.kind == 'swap'), None)
    return types.VirtualMachineFileLayout(
        configFile=[file.name.rpartition('/')[2] for file in files if file.kind == 'nvram'],
        logFile=[file.name.rpartition('/')[2] for file in files if file.kind == 'log'],
        disk=[
            types.VirtualMachineFileLayoutDiskLayout(
                key=disk.key,
                diskFile=[file.name for file in files if file.disk == disk.key],
            )
            for disk in vm.disks
        ],
        swapFile=swap,
    )


def storage(vm: Machine) -> DataObject:
    return types.VirtualMachineStorageInfo(
        perDatastoreUsage=[
            types.VirtualMachineUsageOnDatastore(
                datastore=datastore.ref,
                committed=vm.committed_on(datastore),
                uncommitted=vm.uncommitted_on(datastore),
                unshared=vm.committed_on(datastore),
            )
            for datastore in vm.datastore
        ],
        timestamp=vm.world.now(),
    )
