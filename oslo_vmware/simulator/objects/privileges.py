"""Privileges: which there are, and which one an operation needs.

Most operations need what pyVmomi's tables say. Of those where it depends on the object or on the
arguments, this module knows.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from oslo_vmware.simulator.objects.events.catalog import in_words
from oslo_vmware.simulator.world import metamodel
from oslo_vmware.simulator.world.data import DataObject, Ref, types
from oslo_vmware.simulator.world.registry import Call, classes

# What every user-defined role has without being asked.
SYSTEM = ('System.Anonymous', 'System.Read', 'System.View')

# What no operation of the tables needs by itself; the others are added from these.
_FURTHER = {
    'VirtualMachine.Config': (
        'AddExistingDisk AddNewDisk AddRemoveDevice AdvancedConfig Annotation CPUCount '
        'ChangeTracking DiskExtend DiskLease EditDevice HostUSBDevice ManagedBy Memory MksControl '
        'QueryFTCompatibility QueryUnownedFiles RawDevice ReloadFromPath RemoveDisk Rename '
        'ResetGuestInfo Resource Settings SwapPlacement ToggleForkParent Unlock '
        'UpgradeVirtualHardware'
    ),
    'VirtualMachine.Inventory': 'Create CreateFromExisting Delete Move Register Unregister',
    'VirtualMachine.Provisioning': (
        'Clone CloneTemplate CreateTemplateFromVM Customize DeployTemplate DiskRandomAccess '
        'DiskRandomRead FileRandomAccess GetVmFiles MarkAsTemplate MarkAsVM ModifyCustSpecs '
        'PromoteDisks PutVmFiles ReadCustSpecs'
    ),
    'VirtualMachine.Interact': (
        'AnswerQuestion ConsoleInteract DeviceConnection GuestControl PowerOff PowerOn '
        'PutUsbScanCodes Reset SetCDMedia SetFloppyMedia Suspend ToolsInstall'
    ),
    'VirtualMachine.State': 'CreateSnapshot RemoveSnapshot RenameSnapshot RevertToSnapshot',
    'VirtualMachine.GuestOperations': 'Execute Modify ModifyAliases Query QueryAliases',
    'Alarm': 'Acknowledge Create Delete DisableActions Edit SetStatus ToggleEnableOnEntity',
    'Authorization': 'ModifyPermissions ModifyRoles ModifyPrivileges ReassignRolePermissions',
    'Datacenter': 'Create Delete IpPoolConfig Move Reconfigure Rename',
    'Datastore': (
        'AllocateSpace Browse Config Delete DeleteFile FileManagement Move Rename '
        'UpdateVirtualMachineFiles UpdateVirtualMachineMetadata'
    ),
    'DVPortgroup': 'Create Delete Modify PolicyOp ScopeOp',
    'DVSwitch': 'Create Delete HostOp Modify Move PolicyOp PortConfig PortSetting Vspan',
    'Extension': 'Register Unregister Update',
    'Folder': 'Create Delete Move Rename',
    'Global': (
        'CancelTask Diagnostics DisableMethods EnableMethods GlobalTag Health Licenses LogEvent '
        'ManageCustomFields Proxy ScriptAction ServiceManagers SetCustomField Settings SystemTag '
        'VCServer'
    ),
    'Host.Config': (
        'AdvancedConfig Connection Maintenance Network NetService Power Settings Storage'
    ),
    'Host.Inventory': (
        'AddHostToCluster AddStandaloneHost CreateCluster DeleteCluster EditCluster MoveCluster '
        'MoveHost RemoveHostFromCluster RenameCluster'
    ),
    'Network': 'Assign Config Delete Move',
    'Resource': (
        'ApplyRecommendation AssignVAppToPool AssignVMToPool ColdMigrate CreatePool DeletePool '
        'EditPool HotMigrate MovePool QueryVMotion RenamePool'
    ),
    'ScheduledTask': 'Create Delete Edit Run',
    'Sessions': 'GlobalMessage ImpersonateUser TerminateSession ValidateSession',
    'StorageProfile': 'Update View',
    'System': 'Anonymous Read View',
    'Task': 'Create Update',
    'VApp': (
        'ApplicationConfig AssignResourcePool AssignVM Clone Create Delete Export Import Move '
        'PullFromUrls'
    ),
}

_DELETE = {
    'VirtualMachine': 'VirtualMachine.Inventory.Delete',
    'Folder': 'Folder.Delete',
    'Datacenter': 'Datacenter.Delete',
    'ResourcePool': 'Resource.DeletePool',
    'HostSystem': 'Host.Inventory.RemoveHostFromCluster',
    'ComputeResource': 'Host.Inventory.DeleteCluster',
    'Datastore': 'Datastore.Delete',
    'DistributedVirtualPortgroup': 'DVPortgroup.Delete',
    'DistributedVirtualSwitch': 'DVSwitch.Delete',
    'Network': 'Network.Delete',
}
_RENAME = {
    'VirtualMachine': 'VirtualMachine.Config.Rename',
    'Folder': 'Folder.Rename',
    'Datacenter': 'Datacenter.Rename',
    'ResourcePool': 'Resource.RenamePool',
    'ComputeResource': 'Host.Inventory.RenameCluster',
    'Datastore': 'Datastore.Rename',
    'DistributedVirtualPortgroup': 'DVPortgroup.Modify',
    'DistributedVirtualSwitch': 'DVSwitch.Modify',
    'Network': 'Network.Config',
}
_MOVE = {
    'VirtualMachine': 'VirtualMachine.Inventory.Move',
    'Folder': 'Folder.Move',
    'Datacenter': 'Datacenter.Move',
    'ResourcePool': 'Resource.MovePool',
    'HostSystem': 'Host.Inventory.MoveHost',
    'ComputeResource': 'Host.Inventory.MoveCluster',
    'Datastore': 'Datastore.Move',
    'DistributedVirtualSwitch': 'DVSwitch.Move',
    'Network': 'Network.Move',
}

# Fields of a VirtualMachineConfigSpec; what else there is needs Settings.
_CONFIG = {
    'name': 'Rename',
    'annotation': 'Annotation',
    'numCPUs': 'CPUCount',
    'numCoresPerSocket': 'CPUCount',
    'memoryMB': 'Memory',
    'extraConfig': 'AdvancedConfig',
    'cpuAllocation': 'Resource',
    'memoryAllocation': 'Resource',
    'changeTrackingEnabled': 'ChangeTracking',
    'managedBy': 'ManagedBy',
    'swapPlacement': 'SwapPlacement',
    'files': 'Settings',
}
_NO_CHANGE = frozenset({'changeVersion', 'deviceChange'})


def needed(target: Any, call: Call) -> Iterator[tuple[Any, str]]:
    """What one needs for a call: objects, or references to them, and the privilege on each."""
    wanted = metamodel.operation_privileges(target.wire_type, call.operation)
    if wanted.own is not None:
        yield target, wanted.own
    else:
        yield from ((on, privilege) for on, privilege in _dynamic(target, call) if privilege)
    for argument, privilege in wanted.arguments.items():
        value = getattr(call.args, argument)
        for ref in value if isinstance(value, list) else (value,):
            if isinstance(ref, Ref):
                yield ref, privilege


def _dynamic(target: Any, call: Call) -> Iterator[tuple[Any, str | None]]:
    """The same where the tables leave it open."""
    match call.operation:
        case 'Destroy_Task':
            yield target, _of_kind(_DELETE, target)
        case 'Rename_Task':
            yield target, _of_kind(_RENAME, target)
        case 'MoveIntoFolder_Task':
            for ref in call.list or ():
                yield ref, _of_kind(_MOVE, target.world.get(ref))
        case 'ReconfigVM_Task':
            for privilege in _reconfiguration(target, call.spec):
                yield target, f'VirtualMachine.Config.{privilege}'
        case 'CloneVM_Task':
            what = 'DeployTemplate' if target.template else 'Clone'
            yield target, f'VirtualMachine.Provisioning.{what}'
            yield call.folder, 'VirtualMachine.Inventory.CreateFromExisting'
        case 'MigrateVM_Task':
            running = target.power_state == 'poweredOn'
            yield target, 'Resource.HotMigrate' if running else 'Resource.ColdMigrate'
        case 'HttpNfcLeasePullFromUrls_Task' if target.vm is not None:
            yield target.vm, 'VApp.PullFromUrls'
        case 'UpdateConfig':
            yield target, 'Resource.EditPool'


def _of_kind(table: dict[str, str], obj: Any) -> str | None:
    return next((table[name] for name in metamodel.ancestors(obj.wire_type) if name in table), None)


def _reconfiguration(target: Any, spec: DataObject) -> list[str]:
    wanted = [_CONFIG.get(name, 'Settings') for name in vars(spec) if name not in _NO_CHANGE]
    wanted += [_device_change(target, change) for change in spec.deviceChange or ()]
    return list(dict.fromkeys(wanted))


def _device_change(target: Any, change: DataObject) -> str:
    device = change.device
    if change.operation == 'edit':
        return 'DiskExtend' if _is_resized(target, device) else 'EditDevice'
    if device.wire_type != 'VirtualDisk':
        return 'AddRemoveDevice'
    if change.operation == 'add':
        return 'AddNewDisk' if change.fileOperation == 'create' else 'AddExistingDisk'
    return 'RemoveDisk'


def _is_resized(target: Any, device: DataObject) -> bool:
    """Whether a device is a disk that gets another size; without one it keeps what it has."""
    if device.wire_type != 'VirtualDisk':
        return False
    present = next((one for one in target.devices if one.key == device.key), None)
    return present is not None and (
        device.capacityInBytes not in (None, present.capacityInBytes)
        or device.capacityInKB not in (None, 0, present.capacityInKB)
    )


@functools.cache
def all_privileges() -> tuple[str, ...]:
    """The ids of all privileges."""
    found = {f'{group}.{name}' for group, names in _FURTHER.items() for name in names.split()}
    for wire_type in classes():
        if metamodel.exists(wire_type):
            found |= metamodel.privileges_of(wire_type)
    return tuple(sorted(found))


@functools.cache
def described() -> tuple[DataObject, ...]:
    """All privileges, as the AuthorizationManager lists them."""
    return tuple(
        types.AuthorizationPrivilege(
            privId=privilege,
            onParent=privilege.rpartition('.')[2] in ('Create', 'Delete'),
            name=privilege.rpartition('.')[2],
            privGroupName=privilege.rpartition('.')[0],
        )
        for privilege in all_privileges()
    )


@functools.cache
def description() -> DataObject:
    """The labels of privileges and their groups."""
    groups = dict.fromkeys(privilege.rpartition('.')[0] for privilege in all_privileges())
    return types.AuthorizationDescription(
        privilege=[_element(one, one.rpartition('.')[2]) for one in all_privileges()],
        privilegeGroup=[_element(one, one.rpartition('.')[2]) for one in groups],
    )


def _element(key: str, name: str) -> DataObject:
    label = in_words(name)
    return types.ElementDescription(key=key, label=label, summary=label)
