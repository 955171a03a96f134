"""The large properties of a host: hardware, capabilities and configuration.

Views of a :class:`~oslo_vmware.simulator.objects.host.host.Host`, made anew at each read.
"""

from __future__ import annotations

import datetime

from oslo_vmware.simulator.objects.host.host import Host
from oslo_vmware.simulator.world.data import DataObject, types

VCENTER_IP = '10.0.0.10'

_NICS = 4

# All flags of a HostCapability that must be there, and some that one looks for.
_CAN = """
recursiveResourcePoolsSupported cpuMemoryResourceConfigurationSupported rebootSupported
shutdownSupported vmotionSupported standbySupported sanSupported nfsSupported iscsiSupported
vlanTaggingSupported nicTeamingSupported highGuestMemSupported maintenanceModeSupported
suspendedRelocateSupported restrictedSnapshotRelocateSupported perVmSwapFiles
localSwapDatastoreSupported unsharedSwapVMotionSupported preAssignedPCIUnitNumbersSupported
screenshotSupported scaledScreenshotSupported storageVMotionSupported
vmotionWithStorageVMotionSupported hbrNicSelectionSupported vrNfcNicSelectionSupported
ftSupported smpFtSupported loginBySSLThumbprintSupported cloneFromSnapshotSupported
deltaDiskBackingsSupported perVMNetworkTrafficShapingSupported virtualExecUsageSupported
storageIORMSupported vStorageCapable vmfsDatastoreMountCapable
eightPlusHostVmfsSharedAccessSupported nestedHVSupported vPMCSupported
scheduledHardwareUpgradeSupported featureCapabilitiesSupported latencySensitivitySupported
storagePolicySupported accel3dSupported provisioningNicSelectionSupported nfs41Supported
vsanSupported virtualVolumeDatastoreSupported oneKVolumeAPIsSupported cpuHwMmuSupported
vmCreateDateSupported
"""
_CANNOT = """
ipmiSupported datastorePrincipalSupported backgroundSnapshotsSupported recordReplaySupported
tpmSupported snapshotRelayoutSupported interVMCommunicationThroughVMCISupported
"""
CAPABILITY = types.HostCapability(
    **dict.fromkeys(_CAN.split(), True),
    **dict.fromkeys(_CANNOT.split(), False),
    maxSupportedVMs=1024,
    maxRunningVMs=1024,
    maxRegisteredVMs=4096,
    maxSupportedVcpus=960,
    maxHostRunningVms=1024,
    maxHostSupportedVcpus=960,
    maxSupportedVmMemory=25165824,
    supportedVmfsMajorVersion=[5, 6],
)


def product(host: Host) -> DataObject:
    """The hypervisor; as new as the vCenter is."""
    about = host.world.about
    return types.AboutInfo(
        name='VMware ESXi',
        fullName=f'VMware ESXi {about.version} build-24022510',
        vendor='VMware, Inc.',
        version=about.version,
        patchLevel='0.0',
        build='24022510',
        localeVersion='INTL',
        localeBuild='000',
        osType='vmnix-x86',
        productLineId='embeddedEsx',
        apiType='HostAgent',
        apiVersion=about.apiVersion,
        licenseProductName='VMware ESX Server',
        licenseProductVersion=about.version.partition('.')[0] + '.0',
    )


def hardware_summary(host: Host) -> DataObject:
    model = host.model
    return types.HostHardwareSummary(
        vendor=model.vendor,
        model=model.model,
        uuid=host.uuid,
        otherIdentifyingInfo=[],
        memorySize=model.memory,
        cpuModel=model.cpu_model,
        cpuMhz=model.mhz,
        numCpuPkgs=model.packages,
        numCpuCores=host.cores,
        numCpuThreads=host.threads,
        numNics=_NICS,
        numHBAs=2,
    )


def hardware(host: Host) -> DataObject:
    model = host.model
    hz = model.mhz * 1_000_000
    per_package = 2 * model.cores
    return types.HostHardwareInfo(
        systemInfo=types.HostSystemInfo(
            vendor=model.vendor,
            model=model.model,
            uuid=host.uuid,
            otherIdentifyingInfo=[],
            serialNumber=host.uuid.replace('-', '')[:7].upper(),
        ),
        cpuPowerManagementInfo=types.HostCpuPowerManagementInfo(
            currentPolicy='Balanced', hardwareSupport='ACPI P-states, ACPI C-states'
        ),
        cpuInfo=types.HostCpuInfo(
            numCpuPackages=model.packages,
            numCpuCores=host.cores,
            numCpuThreads=host.threads,
            hz=hz,
        ),
        cpuPkg=[
            types.HostCpuPackage(
                index=index,
                vendor=model.cpu_vendor,
                hz=hz,
                busHz=100_000_000,
                description=model.cpu_model,
                threadId=list(range(index * per_package, (index + 1) * per_package)),
                cpuFeature=[],
            )
            for index in range(model.packages)
        ],
        memorySize=model.memory,
        smcPresent=False,
        pciDevice=[],
        cpuFeature=[],
        biosInfo=types.HostBIOSInfo(
            biosVersion='1.12.1',
            releaseDate=datetime.datetime(2024, 3, 12, tzinfo=datetime.UTC),
            vendor=model.vendor,
            firmwareType='UEFI',
        ),
        memoryTieringType='noTiering',
    )


def config(host: Host) -> DataObject:
    """All that its managers know, and some more."""
    network, nics = host.manager('networkSystem'), host.manager('virtualNicManager')
    options, storage = host.manager('advancedOption'), host.manager('storageSystem')
    return types.HostConfigInfo(
        host=host.ref,
        product=product(host),
        hyperThread=types.HostHyperThreadScheduleInfo(available=True, active=True, config=True),
        storageDevice=storage.storageDeviceInfo,
        multipathState=storage.multipathStateInfo,
        fileSystemVolume=storage.fileSystemVolumeInfo,
        systemFile=storage.systemFile,
        network=network.networkInfo,
        capabilities=network.capabilities,
        offloadCapabilities=network.offloadCapabilities,
        virtualNicManagerInfo=nics.info,
        vmotion=_vmotion(host),
        service=host.manager('serviceSystem').serviceInfo,
        firewall=host.manager('firewallSystem').firewallInfo,
        autoStart=host.manager('autoStartManager').config,
        datastoreCapabilities=host.manager('datastoreSystem').capabilities,
        option=options.setting,
        optionDef=options.supportedOption,
        dateTimeInfo=host.manager('dateTimeSystem').dateTimeInfo,
        adminDisabled=False,
        lockdownMode='lockdownDisabled',
        featureVersion=[],
        wakeOnLanCapable=True,
        featureCapability=[],
        maskedFeatureCapability=[],
    )


def _vmotion(host: Host) -> DataObject:
    found = host.manager('virtualNicManager').config_of('vmotion')
    selected = found.selectedVnic[0] if found.selectedVnic else None
    nics = [nic for nic in found.candidateVnic if nic.key == selected]
    return types.HostVMotionInfo(
        netConfig=types.HostVMotionNetConfig(
            candidateVnic=found.candidateVnic, selectedVnic=selected
        ),
        ipConfig=nics[0].spec.ip if nics else None,
    )
