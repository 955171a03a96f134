"""The types of events: their categories, and what they say.

The texts of those that the simulator tells are a vCenter's; what has no text of its own here says
its type in words.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from oslo_vmware.simulator.world import descriptions
from oslo_vmware.simulator.world.data import DataObject, types
from oslo_vmware.soap.schema import split

_BASE = '{urn:vim25}Event'

TEXTS = {
    'AlarmAcknowledgedEvent': "Acknowledged alarm '{alarm.name}' on {entity.name}",
    'AlarmCreatedEvent': "Created alarm '{alarm.name}' on {entity.name}",
    'AlarmReconfiguredEvent': "Reconfigured alarm '{alarm.name}' on {entity.name}",
    'AlarmRemovedEvent': "Removed alarm '{alarm.name}' on {entity.name}",
    'AlarmStatusChangedEvent': "Alarm '{alarm.name}' on {entity.name} changed from {from} to {to}",
    'BadUsernameSessionEvent': 'Cannot login user {userName}@{ipAddress}',
    'ClusterCreatedEvent': 'Created cluster {computeResource.name} in folder {parent.name}',
    'ClusterDestroyedEvent': 'Removed cluster {computeResource.name}',
    'ClusterReconfiguredEvent': (
        'Reconfigured cluster {computeResource.name} in datacenter {datacenter.name}'
    ),
    'DatacenterCreatedEvent': 'Created datacenter {datacenter.name} in folder {parent.name}',
    'DatacenterRenamedEvent': 'Renamed datacenter from {oldName} to {newName}',
    'DatastoreDestroyedEvent': 'Removed unconfigured datastore {datastore.name}',
    'DatastoreRenamedEvent': 'Renamed datastore from {oldName} to {newName}',
    'DrsVmMigratedEvent': (
        'DRS migrated {vm.name} from {sourceHost.name} to {host.name} in cluster '
        '{computeResource.name}'
    ),
    'DVPortgroupCreatedEvent': 'Distributed port group {net.name} was added to switch {dvs.name}',
    'DVPortgroupDestroyedEvent': 'Distributed port group {net.name} was deleted',
    'DVPortgroupRenamedEvent': (
        'Distributed port group {oldName} was renamed to {newName} in {datacenter.name}'
    ),
    'DVPortgroupReconfiguredEvent': (
        'Distributed port group {net.name} in {datacenter.name} was reconfigured'
    ),
    'DvsCreatedEvent': 'A vSphere Distributed Switch {dvs.name} was created in {datacenter.name}',
    'DvsDestroyedEvent': 'vSphere Distributed Switch {dvs.name} was deleted',
    'DvsReconfiguredEvent': (
        'The vSphere Distributed Switch {dvs.name} in {datacenter.name} was reconfigured'
    ),
    'DvsRenamedEvent': 'The vSphere Distributed Switch {oldName} was renamed to {newName}',
    'EnteredMaintenanceModeEvent': (
        'Host {host.name} in {datacenter.name} has entered maintenance mode'
    ),
    'ExitMaintenanceModeEvent': 'Host {host.name} in {datacenter.name} has exited maintenance mode',
    'GeneralUserEvent': 'User logged event: {message}',
    'HostAddedEvent': 'Added host {host.name} to datacenter {datacenter.name}',
    'HostConnectedEvent': 'Connected to {host.name} in {datacenter.name}',
    'HostConnectionLostEvent': 'Host {host.name} in {datacenter.name} is not responding',
    'HostDisconnectedEvent': 'Disconnected from {host.name} in {datacenter.name}.',
    'HostRemovedEvent': 'Removed host {host.name} in {datacenter.name}',
    'LocalDatastoreCreatedEvent': 'Created local datastore {datastore.name}',
    'NASDatastoreCreatedEvent': 'Created NAS datastore {datastore.name}',
    'PermissionAddedEvent': (
        'Permission created for {principal} on {entity.name}, role is {role.name}, propagation is '
        '{propagate}'
    ),
    'PermissionRemovedEvent': 'Permission rule removed for {principal} on {entity.name}',
    'PermissionUpdatedEvent': (
        'Permission changed for {principal} on {entity.name}, role is {role.name}, propagation is '
        '{propagate}'
    ),
    'ResourcePoolCreatedEvent': (
        'Created resource pool {resourcePool.name} in compute-resource {computeResource.name}'
    ),
    'ResourcePoolDestroyedEvent': (
        'Removed resource pool {resourcePool.name} on {computeResource.name}'
    ),
    'ResourcePoolReconfiguredEvent': (
        'Updated configuration for {resourcePool.name} in compute-resource {computeResource.name}'
    ),
    'RoleAddedEvent': 'New role {role.name} created',
    'RoleRemovedEvent': 'Role {role.name} removed',
    'RoleUpdatedEvent': 'Modified role {role.name}',
    'ScheduledTaskCompletedEvent': 'Task {scheduledTask.name} on {entity.name} completed',
    'ScheduledTaskCreatedEvent': 'Created task {scheduledTask.name} on {entity.name}',
    'ScheduledTaskFailedEvent': (
        'Task {scheduledTask.name} on {entity.name} cannot be completed: {reason.localizedMessage}'
    ),
    'ScheduledTaskReconfiguredEvent': 'Reconfigured task {scheduledTask.name} on {entity.name}',
    'ScheduledTaskRemovedEvent': 'Removed task {scheduledTask.name} on {entity.name}',
    'ScheduledTaskStartedEvent': 'Running task {scheduledTask.name} on {entity.name}',
    'SessionTerminatedEvent': 'A session for user {terminatedUsername} has stopped',
    'UserLoginSessionEvent': 'User {userName}@{ipAddress} logged in as {userAgent}',
    'UserLogoutSessionEvent': (
        'User {userName}@{ipAddress} logged out (login time: {loginTime}, number of API '
        'invocations: {callCount}, user agent: {userAgent})'
    ),
    'VMFSDatastoreCreatedEvent': 'Created VMFS datastore {datastore.name}',
    'VmClonedEvent': 'Clone of {sourceVm.name} completed: {vm.name} on {host.name}',
    'VmConnectedEvent': '{vm.name} on host {host.name} is connected',
    'VmCreatedEvent': 'Created virtual machine {vm.name} on {host.name} in {datacenter.name}',
    'VmDisconnectedEvent': '{vm.name} on host {host.name} is disconnected',
    'VmGuestRebootEvent': 'Guest OS reboot for {vm.name} on {host.name} in {datacenter.name}',
    'VmMigratedEvent': (
        'Migration of virtual machine {vm.name} from {sourceHost.name} to {host.name} completed'
    ),
    'VmPoweredOffEvent': '{vm.name} on {host.name} in {datacenter.name} is powered off',
    'VmPoweredOnEvent': '{vm.name} on {host.name} in {datacenter.name} is powered on',
    'VmReconfiguredEvent': 'Reconfigured {vm.name} on {host.name} in {datacenter.name}',
    'VmRegisteredEvent': 'Registered {vm.name} on {host.name} in {datacenter.name}',
    'VmRelocatedEvent': 'Completed the relocation of the virtual machine {vm.name}',
    'VmRemovedEvent': 'Removed {vm.name} on {host.name} from {datacenter.name}',
    'VmRenamedEvent': 'Renamed {vm.name} from {oldName} to {newName} in {datacenter.name}',
    'VmResettingEvent': '{vm.name} on {host.name} in {datacenter.name} is reset',
    'VmResourcePoolMovedEvent': (
        'Moved {vm.name} from resource pool {oldParent.name} to {newParent.name}'
    ),
    'VmSuspendedEvent': '{vm.name} on {host.name} in {datacenter.name} is suspended',
}

_ERRORS = re.compile('Fail|Error|Lost|Unable|Incompatible|NotEnough|NotSupported|^Bad|^Cannot|^No')
_WARNINGS = re.compile('Warning|Expired|Timeout|Timedout|Missing|Conflict|Duplicate')
_USER = frozenset({'GeneralUserEvent'})
_CATEGORIES = {'info': 'Information', 'warning': 'Warning', 'error': 'Error', 'user': 'User'}


def category(event: DataObject) -> str:
    """``info``, ``warning``, ``error`` or ``user``."""
    return event.severity or category_of(event.wire_type)


def category_of(event_type: str) -> str:
    if event_type in _USER:
        return 'user'
    if _ERRORS.search(event_type):
        return 'error'
    return 'warning' if _WARNINGS.search(event_type) else 'info'


class _Texts(string.Formatter):
    """Fills in a text; what is not set is left out."""

    def get_value(self, key: int | str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return kwargs.get(str(key))

    def get_field(
        self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, str]:
        first, *path = field_name.split('.')
        value = kwargs.get(first)
        for name in path:
            value = getattr(value, name, None)
        return value, first

    def format_field(self, value: Any, format_spec: str) -> str:
        return '' if value is None else str(value)


_TEXTS = _Texts()


def text_of(event: DataObject) -> str:
    """What an event says."""
    if event.wire_type == 'TaskEvent':
        return f'Task: {task_label(event.info.descriptionId)}'
    known = TEXTS.get(event.wire_type)
    if known is None:
        return event.message or in_words(event.wire_type.removesuffix('Event'))
    return _TEXTS.format(known, **event.__dict__)


def in_words(name: str) -> str:
    """``VmBeingHotMigrated`` and ``powerOn`` as a person writes them."""
    words = re.sub('(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', ' ', name).split()
    return ' '.join([words[0].capitalize(), *(word.lower() for word in words[1:])])


def task_label(description_id: str) -> str:
    """``VirtualMachine.powerOn`` as a client shows it: Power on virtual machine."""
    subject, dot, verb = description_id.rpartition('.')
    if not dot or '.' in subject:
        return description_id
    return f'{in_words(verb)} {in_words(subject).lower()}'


@functools.cache
def event_types() -> frozenset[str]:
    """The names of all types of events."""
    schema = descriptions.vim_schema()
    found = set()
    for tag in schema.type_names():
        # Looking at all types would resolve all.
        if tag.endswith(('Event', 'EventEx')) and schema.derives(tag, _BASE):
            found.add(split(tag)[1])
    return frozenset(found)


def is_kind_of(event_type: str, base: str) -> bool:
    """Whether a type of events is another one or derived from it."""
    schema = descriptions.vim_schema()
    tag, base_tag = schema.lookup(event_type), schema.lookup(base)
    return tag is not None and base_tag is not None and schema.derives(tag, base_tag)


def arguments_of(event_type: str) -> list[DataObject]:
    """The fields of a type of events beside those that all have."""
    schema = descriptions.vim_schema()
    common = schema.type(_BASE).by_name
    return [
        types.EventArgDesc(name=field.name, type=split(field.type)[1])
        for field in schema.type(f'{{urn:vim25}}{event_type}').fields
        if field.name not in common
    ]


@functools.cache
def description() -> DataObject:
    """All that a client wants to know of the types of events."""
    return types.EventDescription(
        category=[
            types.ElementDescription(key=key, label=label, summary=label)
            for key, label in _CATEGORIES.items()
        ],
        eventInfo=[_detail(name) for name in sorted(event_types())],
        enumeratedTypes=[],
    )


def _detail(name: str) -> DataObject:
    words = in_words(name.removesuffix('Event') or name)
    text = TEXTS.get(name, words)
    return types.EventDescriptionEventDetail(
        key=name,
        description=words,
        category=category_of(name),
        formatOnDatacenter=text,
        formatOnComputeResource=text,
        formatOnHost=text,
        formatOnVm=text,
        fullFormat=text,
    )
