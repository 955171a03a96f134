"""The operations that the library and its users name in their sources.

They were looked up there, and not in what was recorded, which has to have all of them.
"""

#: Those of which a recorded suite has a flow; of our own suites, what the library names.
MADE = {
    'functional': (
        'AcquireGenericServiceTicket CancelRetrievePropertiesEx ContinueRetrievePropertiesEx '
        'CreateDVPortgroup_Task CreateFilter CreatePropertyCollector DestroyPropertyCollector '
        'DestroyPropertyFilter Destroy_Task ExportVm HttpNfcLeaseAbort HttpNfcLeaseComplete '
        'HttpNfcLeaseProgress ImportVApp Login Logout PbmAssignDefaultRequirementProfile '
        'PbmCheckCompatibility PbmCheckCompatibilityWithSpec PbmCheckCompliance '
        'PbmCheckRequirements PbmCheckRollupCompliance PbmCreate PbmDelete '
        'PbmFetchCapabilityMetadata PbmFetchCapabilitySchema PbmFetchComplianceResult '
        'PbmFetchResourceType PbmFetchRollupComplianceResult PbmFetchVendorInfo '
        'PbmFindApplicableDefaultProfile PbmQueryAssociatedEntities PbmQueryAssociatedEntity '
        'PbmQueryAssociatedProfile PbmQueryAssociatedProfiles PbmQueryByRollupComplianceStatus '
        'PbmQueryDefaultRequirementProfiles PbmQueryMatchingHub PbmQueryProfile '
        'PbmQueryReplicationGroups PbmQuerySpaceStatsForStorageContainer '
        'PbmResetDefaultRequirementProfile PbmResetVSanDefaultProfile PbmRetrieveContent '
        'PbmRetrieveServiceContent PbmUpdate ReconfigVM_Task RetrievePropertiesEx '
        'RetrieveServiceContent SessionIsActive WaitForUpdatesEx'
    ),
    'vcsim': (
        'CreateFilter CreatePropertyCollector DestroyPropertyFilter Destroy_Task FindExtension '
        'HttpNfcLeaseAbort HttpNfcLeaseComplete HttpNfcLeaseProgress ImportVApp Login Logout '
        'PbmCheckRequirements PbmCreate PbmDelete PbmQueryAssociatedProfile PbmQueryMatchingHub '
        'PbmQueryProfile PbmRetrieveContent PbmRetrieveServiceContent ReconfigVM_Task '
        'RegisterExtension RetrievePropertiesEx RetrieveServiceContent SessionIsActive '
        'WaitForUpdatesEx'
    ),
    'nova': (
        'CloneVM_Task CopyVirtualDisk_Task CreateFolder CreateSnapshot_Task CreateVM_Task '
        'CreateVirtualDisk_Task DeleteDatastoreFile_Task DeleteVirtualDisk_Task Destroy_Task '
        'ExtendVirtualDisk_Task FindAllByUuid MakeDirectory MoveDatastoreFile_Task '
        'MoveVirtualDisk_Task PowerOffVM_Task PowerOnVM_Task RebootGuest ReconfigVM_Task '
        'RemoveSnapshot_Task Rename_Task ResetVM_Task RetrievePropertiesEx SearchDatastore_Task '
        'SuspendVM_Task UnregisterVM'
    ),
    'cinder': (
        'CloneVM_Task CopyVirtualDisk_Task CreateFolder CreateSnapshot_Task CreateVM_Task '
        'CreateVirtualDisk_Task DeleteDatastoreFile_Task DeleteVirtualDisk_Task Destroy_Task '
        'ExtendVirtualDisk_Task FindAllByUuid FindByInventoryPath MakeDirectory MarkAsTemplate '
        'MoveIntoFolder_Task MoveVirtualDisk_Task ReconfigVM_Task RelocateVM_Task '
        'RemoveSnapshot_Task Rename_Task RetrievePropertiesEx RevertToSnapshot_Task'
    ),
    'glance_store': 'DeleteDatastoreFile_Task FindByInventoryPath',
    'ceilometer': 'QueryPerf RetrievePropertiesEx',
}

#: Those that no flow reaches, because no server here has what they need: first-class disks,
#: iSCSI adapters, consoles, tools in a guest, clusters of datastores.
NOT_MADE = (
    'AcquireTicket AddInternetScsiSendTargets AttachDisk_Task CloneVStorageObject_Task '
    'CopyDatastoreFile_Task CreateDiskFromSnapshot_Task CreateDisk_Task DeleteSnapshot_Task '
    'DeleteVStorageObject_Task DetachDisk_Task ExtendDisk_Task RecommendDatastores RegisterDisk '
    'RescanHba ShutdownGuest UpdateVStorageObjectPolicy_Task VStorageObjectCreateSnapshot_Task'
)
