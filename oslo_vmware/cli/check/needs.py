"""The privileges that the drivers need: one table.

Where a row comes from:

- what the drivers call: the packages nova 34.0.0, cinder 29.0.0, os-brick 7.1.1, glance_store 5.7.0
  and ceilometer 23.0.2;
- what these operations need: the vSphere Web Services API reference, "Required Privileges" of the
  operation, of its parameters, and "Reconfigure privilege" of the fields of
  VirtualMachineConfigSpec (CreateVM_Task, CloneVM_Task, ReconfigVM_Task, ImportVApp …);
- what OpenStack documents: the table "VMware vCenter service account" of Nova's administration
  guide (hypervisor-vmware). What only stands there, and no call needs today, is not a must.

That they suffice is tested by the drivers themselves, run as an account that has no other privilege
(``make test-drivers``), as far as the simulator asks for privileges: not for files and space.

Rights on machines are looked at on the folder of machines of the datacenter, which hands them down
to those that are there and those to come.
"""

import enum
from typing import NamedTuple

from oslo_vmware.cli.check.findings import CEILOMETER, CINDER, GLANCE, NOVA


class Kind(enum.Enum):
    """What a privilege is needed on, in words."""

    ROOT = 'root folder'
    FOLDER = 'machine folder'
    POOL = 'resource pool'
    HOST = 'host'
    DATASTORE = 'datastore'
    NETWORK = 'network'


class Need(NamedTuple):
    """One privilege, and who needs it.

    :ivar must: whether the driver does not work without; otherwise only ``why`` does not
    """

    privilege: str
    kind: Kind
    consumers: tuple[str, ...]
    why: str
    must: bool = True


_BOTH = (NOVA, CINDER)
_FILES = (NOVA, CINDER, GLANCE)
_ALL = (NOVA, CINDER, GLANCE, CEILOMETER)
#: Why, for what no call needs today.
DOCUMENTED = 'asked for by the guide of Nova; no call of the driver needs it today'

#: The key of the extension that Nova and Cinder register when they start, with which alone
#: Extension.Register is needed no more.
EXTENSIONS = {NOVA: 'org.openstack.compute', CINDER: 'org.openstack.storage'}


def _on(kind: Kind, consumers: tuple[str, ...], why: str, *privileges: str) -> list[Need]:
    return [Need(privilege, kind, consumers, why) for privilege in privileges]


def _may(kind: Kind, consumers: tuple[str, ...], why: str, *privileges: str) -> list[Need]:
    return [Need(privilege, kind, consumers, why, must=False) for privilege in privileges]


_CONFIG = 'VirtualMachine.Config'
_INTERACT = 'VirtualMachine.Interact'
_INVENTORY = 'VirtualMachine.Inventory'
_PROVISIONING = 'VirtualMachine.Provisioning'
_STATE = 'VirtualMachine.State'

#: All needs. ``System.Read`` stands for what roles have by themselves: it is missing where the
#: account has no role, or the role "no access".
NEEDS: tuple[Need, ...] = (
    # Root: sessions, extensions and policies belong to the server as a whole.
    *_on(Kind.ROOT, _BOTH, 'to register its extension (RegisterExtension)', 'Extension.Register'),
    *_may(
        Kind.ROOT,
        _ALL,
        'to ask whether its session is alive (SessionIsActive); without it that is asked in '
        'another way',
        'Sessions.ValidateSession',
    ),
    *_may(Kind.ROOT, _BOTH, 'to use storage policies (PbmQueryProfile …)', 'StorageProfile.View'),
    *_may(Kind.ROOT, (NOVA,), DOCUMENTED, 'Sessions.TerminateSession'),
    # Datastores.
    *_on(Kind.DATASTORE, _FILES, 'to see it', 'System.Read'),
    *_on(Kind.DATASTORE, _BOTH, 'to create disks', 'Datastore.AllocateSpace'),
    *_on(
        Kind.DATASTORE,
        _FILES,
        'to find and read files (SearchDatastore_Task, /folder)',
        'Datastore.Browse',
    ),
    *_on(
        Kind.DATASTORE,
        _FILES,
        'to write, copy, move and delete files (FileManager, VirtualDiskManager, /folder)',
        'Datastore.FileManagement',
    ),
    *_may(Kind.DATASTORE, (NOVA,), DOCUMENTED, 'Datastore.DeleteFile'),
    # Networks and hosts.
    *_on(Kind.NETWORK, (NOVA,), 'to connect machines', 'Network.Assign'),
    *_on(Kind.HOST, _BOTH, 'to see it', 'System.Read'),
    *_may(
        Kind.HOST,
        (NOVA,),
        'to attach volumes by iSCSI (AddInternetScsiSendTargets, RescanHba)',
        'Host.Config.Storage',
    ),
    *_may(Kind.HOST, (NOVA,), DOCUMENTED, 'Host.Config.Maintenance', 'Host.Config.Network'),
    # Resource pools.
    *_on(Kind.POOL, _BOTH, 'to create machines in it', 'Resource.AssignVMToPool'),
    *_on(Kind.POOL, _BOTH, 'to import stream-optimized images (ImportVApp)', 'VApp.Import'),
    # Machines, and the folders that they lie in.
    *_on(Kind.FOLDER, (CEILOMETER,), 'to read machines and their counters', 'System.Read'),
    *_on(Kind.FOLDER, _BOTH, 'to create its folders (CreateFolder)', 'Folder.Create'),
    *_on(
        Kind.FOLDER,
        _BOTH,
        'to create and delete machines',
        f'{_INVENTORY}.Create',
        f'{_INVENTORY}.CreateFromExisting',
        f'{_INVENTORY}.Delete',
        f'{_CONFIG}.AddNewDisk',
        f'{_CONFIG}.AdvancedConfig',
    ),
    *_on(
        Kind.FOLDER,
        _BOTH,
        'to attach and detach disks (ReconfigVM_Task)',
        f'{_CONFIG}.AddExistingDisk',
        f'{_CONFIG}.AddRemoveDevice',
        f'{_CONFIG}.RemoveDisk',
    ),
    *_on(Kind.FOLDER, _BOTH, 'to clone machines (CloneVM_Task)', f'{_PROVISIONING}.Clone'),
    *_on(
        Kind.FOLDER,
        _BOTH,
        'to make and remove snapshots',
        f'{_STATE}.CreateSnapshot',
        f'{_STATE}.RemoveSnapshot',
    ),
    *_on(
        Kind.FOLDER,
        _BOTH,
        'to import and export images (ImportVApp, ExportVm)',
        'VApp.Import',
        'VApp.Export',
    ),
    *_on(Kind.FOLDER, _BOTH, 'to move disks (RelocateVM_Task)', 'Resource.ColdMigrate'),
    *_on(
        Kind.FOLDER,
        (NOVA,),
        'to switch machines on and off',
        f'{_INTERACT}.PowerOn',
        f'{_INTERACT}.PowerOff',
        f'{_INTERACT}.Reset',
        f'{_INTERACT}.Suspend',
    ),
    *_on(
        Kind.FOLDER,
        (NOVA,),
        'to reconfigure machines (ReconfigVM_Task, Rename_Task)',
        f'{_CONFIG}.CPUCount',
        f'{_CONFIG}.Memory',
        f'{_CONFIG}.Resource',
        f'{_CONFIG}.EditDevice',
        f'{_CONFIG}.Rename',
        f'{_CONFIG}.Annotation',
    ),
    *_on(Kind.FOLDER, (NOVA,), 'to give machines up (UnregisterVM)', f'{_INVENTORY}.Unregister'),
    *_on(Kind.FOLDER, (CINDER,), 'to give disks their ids', f'{_CONFIG}.EditDevice'),
    *_on(
        Kind.FOLDER,
        (CINDER,),
        'to rename and move volumes (Rename_Task, MoveIntoFolder_Task)',
        f'{_CONFIG}.Rename',
        f'{_INVENTORY}.Move',
    ),
    *_may(
        Kind.FOLDER,
        _BOTH,
        'to mark machines as its own (managedBy)',
        f'{_CONFIG}.ManagedBy',
    ),
    *_may(
        Kind.FOLDER,
        (NOVA,),
        'to migrate running machines (RelocateVM_Task)',
        'Resource.HotMigrate',
    ),
    *_may(
        Kind.FOLDER,
        (NOVA,),
        'to rescue machines (bootOptions)',
        f'{_CONFIG}.Settings',
    ),
    *_may(
        Kind.FOLDER,
        (CINDER,),
        'to retype volumes, and to take over disks (vmProfile, instanceUuid)',
        f'{_CONFIG}.Settings',
    ),
    *_may(
        Kind.FOLDER,
        (NOVA,),
        'to open consoles (AcquireTicket)',
        f'{_INTERACT}.ConsoleInteract',
    ),
    *_may(
        Kind.FOLDER,
        (CINDER,),
        'to revert volumes to snapshots (RevertToSnapshot_Task)',
        f'{_STATE}.RevertToSnapshot',
    ),
    *_may(
        Kind.FOLDER,
        (CINDER,),
        'to keep images as templates (MarkAsTemplate)',
        f'{_PROVISIONING}.MarkAsTemplate',
        f'{_PROVISIONING}.DeployTemplate',
    ),
    *_may(
        Kind.FOLDER,
        (NOVA,),
        DOCUMENTED,
        f'{_CONFIG}.ChangeTracking',
        f'{_CONFIG}.HostUSBDevice',
        f'{_CONFIG}.RawDevice',
        f'{_CONFIG}.SwapPlacement',
        f'{_INTERACT}.SetCDMedia',
        f'{_INVENTORY}.Move',
        f'{_PROVISIONING}.CreateTemplateFromVM',
        f'{_PROVISIONING}.Customize',
    ),
)
