"""What it does to send an operation twice: the one place that decides what may be repeated.

:class:`Effect` has the classes. The rules go by the verb that a name begins with, once it is rid of
what stands before the verb; a table has the names that the rules would get wrong, or do not know.
What neither covers is a change: a class that is too strict costs an error, one that is too lax a
second machine.

The facts are those of the vSphere Web Services API 9.1 and the Storage Policy API 9.1: what the
reference says of each operation, and which faults it announces for a second one.
"""

import functools
import re
from enum import Enum


class Effect(Enum):
    """What comes of an operation that is executed twice."""

    #: Nothing: it only reads.
    READ = 'read'
    #: It reads and moves on. Its token is spent: the second gives the next page, or a fault.
    CURSOR = 'cursor'
    #: No more than comes of one; if the server minds, its fault says so.
    CONVERGENT = 'convergent'
    #: Possibly two of what it makes.
    CHANGE = 'change'

    @property
    def is_repeatable(self) -> bool:
        """Whether the operation may be sent again when nobody knows if it was executed."""
        return self in (Effect.READ, Effect.CONVERGENT)


#: What stands before the verb in the names of some managers' operations.
_OWNERS = (
    *('HostVStorageObject', 'VstorageObjectVCenter', 'VStorageObject', 'DVSManager'),
    *('DirectPathProfileManager', 'HostImageConfig', 'HostSpec', 'HttpNfcLease', 'Host', 'Pbm'),
)

#: Verb -> class. A verb ends where the next capital letter begins.
_VERBS = {
    Effect.READ: (
        'Are Can Check Compute Decode Does Estimate Fetch Find Get Has Is List Lookup Parse Query '
        'Recommend Retrieve Search Validate'
    ),
    # Powering on what is on is the fault InvalidPowerState; what was deleted is not found.
    Effect.CONVERGENT: 'Delete Destroy Login Logout PowerOff PowerOn Refresh Rescan Unregister',
}

#: Names that the rules would get wrong, or that have none.
_EXCEPTIONS = {
    Effect.READ: (
        # Objects that are made for the answer and nowhere kept.
        'CreateDescriptor CreateImportSpec CustomizationSpecItemToXml ExecuteHostProfile '
        'ExtractOvfEnvironment GenerateConfigTaskList GenerateHostConfigTaskSpec_Task '
        'GenerateHostProfileTaskList_Task XmlToCustomizationSpecItem '
        # Questions with names of their own.
        'BatchQueryConnectInfo BrowseDiagnosticLog ConvertNamespacePathToUuidPath CurrentTime '
        'DownloadDescriptionTree EvcManager HttpNfcLeaseProbeUrls InstallDate '
        'PerformVsanUpgradePreflightCheck PlaceVm ReadEnvironmentVariableInGuest '
        'ReconfigurationSatisfiable ResolveNfsServerHostName ScanHostPatchV2_Task '
        'ScanHostPatch_Task SessionIsActive TestTimeService '
        # The version that is asked from comes with the question.
        'WaitForUpdates WaitForUpdatesEx'
    ),
    Effect.CURSOR: (
        'ContinueRetrievePropertiesEx QueryNext ReadNextEvents ReadNextTasks '
        'ReadNextTasksByViewSpec ReadPreviousEvents ReadPreviousTasks'
    ),
    Effect.CONVERGENT: (
        # Named places: the second is told that the first is there.
        'CreateFolder MakeDirectory '
        # A lease that hears of progress twice, or is given up twice.
        'HttpNfcLeaseAbort HttpNfcLeaseProgress HttpNfcLeaseSetManifestChecksumType '
        # What dies with the session.
        'CancelRetrievePropertiesEx CancelWaitForUpdates CloseInventoryViewFolder '
        'CreateCollectorForEvents CreateCollectorForTasks CreateCollectorWithInfoFilterForTasks '
        'CreateContainerView CreateFilter CreateInventoryView CreateListView '
        'CreateListViewFromView CreatePropertyCollector ModifyListView OpenInventoryViewFolder '
        'ResetCollector ResetListView ResetListViewFromView RewindCollector SetCollectorPageSize '
        # A ticket is a promise of the server; one that nobody takes up lapses.
        'AcquireCimServicesTicket AcquireCloneTicket AcquireGenericServiceTicket '
        'AcquireLocalTicket AcquireMksTicket AcquireTicket'
    ),
}

_BY_NAME = {name: effect for effect, names in _EXCEPTIONS.items() for name in names.split()}
_BY_VERB = {verb: effect for effect, verbs in _VERBS.items() for verb in verbs.split()}

_OWNER = re.compile('|'.join(_OWNERS))
# The longest first: PowerOn is one verb.
_VERB = re.compile(f'({"|".join(sorted(_BY_VERB, key=len, reverse=True))})(?![a-z])')


@functools.cache
def effect_of(operation: str) -> Effect:
    """The class of an operation of VIM or PBM.

    :param operation: name as on the wire, such as ``CreateVM_Task``
    """
    # Some are written small: queryDatacenterConfigOptionDescriptor.
    name = operation[:1].upper() + operation[1:]
    if name in _BY_NAME:
        return _BY_NAME[name]
    owner = _OWNER.match(name)
    verb = _VERB.match(name, owner.end() if owner else 0)
    return Effect.CHANGE if verb is None else _BY_VERB[verb[1]]
