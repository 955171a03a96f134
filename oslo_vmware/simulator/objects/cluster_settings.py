"""What a cluster is told to do: DRS, HA, rules, groups, and what differs for single members.

A specification comes in two kinds of parts. Some are a data object, of which what is not set
stays as it is. The others are lists of ``ArrayUpdateSpec``: each adds, edits or removes one entry
by its key. :class:`Settings` keeps both by the names that the configuration has for them; it is
never changed, but made anew, so that a specification counts as a whole or not at all.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from oslo_vmware.simulator.world.data import (
    DataObject,
    Fault,
    Ref,
    invalid_argument,
    merged,
    types,
)

# Field of the specification: field of the configuration.
_PARTS = {
    'dasConfig': 'dasConfig',
    'drsConfig': 'drsConfig',
    'dpmConfig': 'dpmConfigInfo',
    'vsanConfig': 'vsanConfigInfo',
    'orchestration': 'orchestration',
    'infraUpdateHaConfig': 'infraUpdateHaConfig',
    'proactiveDrsConfig': 'proactiveDrsConfig',
    'cryptoConfig': 'cryptoConfig',
}
_VALUES = (
    'vmSwapPlacement', 'spbmEnabled', 'defaultHardwareVersionKey', 'maximumHardwareVersionKey',
)  # fmt: skip
_NOT_SUPPORTED = (
    'systemVMsConfig', 'desiredSoftwareSpec', 'vsanHostConfigSpec', 'vsanCoreConfigSpec',
    'hostSeedSpec',
)  # fmt: skip


class _List(NamedTuple):
    """A list of entries.

    :ivar field: of the configuration
    :ivar key: the field of an entry that tells it from the others
    """

    field: str
    key: str


_LISTS = {
    'dasVmConfigSpec': _List('dasVmConfig', 'key'),
    'drsVmConfigSpec': _List('drsVmConfig', 'key'),
    'vmOrchestrationSpec': _List('vmOrchestration', 'vm'),
    'dpmHostConfigSpec': _List('dpmHostConfig', 'key'),
    'groupSpec': _List('group', 'name'),
    # Last, for rules name groups.
    'rulesSpec': _List('rule', 'key'),
}
_SERVICES = frozenset({'dasConfig', 'dasVmConfig', 'drsConfig', 'drsVmConfig', 'rule'})

_RULES = frozenset(
    {
        'ClusterAffinityRuleSpec',
        'ClusterAntiAffinityRuleSpec',
        'ClusterVmHostRuleInfo',
        'ClusterDependencyRuleInfo',
    }
)
_GROUPS = {'ClusterVmGroup': 'vm', 'ClusterHostGroup': 'host'}
# Fields of a rule that name groups.
_GROUP_NAMES = (
    'vmGroupName', 'affineHostGroupName', 'antiAffineHostGroupName', 'vmGroup', 'dependsOnVmGroup',
)  # fmt: skip

Entries = dict[Any, DataObject]
# Whether a reference is to a machine or host of the cluster.
Member = Callable[[Ref], bool]


def _defaults(*, services: bool) -> dict[str, Any]:
    return {
        'vmSwapPlacement': 'vmDirectory',
        'spbmEnabled': True,
        'dasConfig': types.ClusterDasConfigInfo(
            enabled=services,
            vmMonitoring='vmMonitoringDisabled',
            hostMonitoring='enabled',
            vmComponentProtecting='disabled',
            failoverLevel=1,
            admissionControlPolicy=types.ClusterFailoverLevelAdmissionControlPolicy(
                failoverLevel=1
            ),
            admissionControlEnabled=True,
            defaultVmSettings=types.ClusterDasVmSettings(
                restartPriority='medium', isolationResponse='none'
            ),
            option=[],
            hBDatastoreCandidatePolicy='allFeasibleDsWithUserPreference',
        ),
        'drsConfig': types.ClusterDrsConfigInfo(
            enabled=services,
            enableVmBehaviorOverrides=True,
            defaultVmBehavior='fullyAutomated',
            vmotionRate=3,
            option=[],
        ),
        'dpmConfigInfo': types.ClusterDpmConfigInfo(
            enabled=False, defaultDpmBehavior='automated', hostPowerActionRate=3
        ),
    }


class Settings:
    """The settings of one cluster.

    :ivar parts: values and data objects, by field of the configuration
    :ivar lists: entries by key, by field of the configuration
    """

    def __init__(self, parts: dict[str, Any], lists: dict[str, Entries] | None = None) -> None:
        self.parts = parts
        self.lists = lists or {}

    @property
    def drs(self) -> DataObject:
        found: DataObject = self.parts['drsConfig']
        return found

    @property
    def das(self) -> DataObject:
        found: DataObject = self.parts['dasConfig']
        return found

    def of(self, field: str) -> list[DataObject]:
        return list(self.lists.get(field, {}).values())

    def group(self, name: str | None) -> DataObject | None:
        return self.lists.get('group', {}).get(name)

    def shown(self, member: Member, *, extended: bool = True) -> dict[str, Any]:
        """The fields of the configuration, without the machines and hosts that have gone.

        :param extended: for ClusterConfigInfoEx, not for the older ClusterConfigInfo
        """
        fields = dict(self.parts)
        for of in _LISTS.values():
            fields[of.field] = [
                _without_strangers(entry, member)
                for entry in self.of(of.field)
                if not isinstance(key := getattr(entry, of.key), Ref) or member(key)
            ]
        if extended:
            return fields
        return {name: value for name, value in fields.items() if name in _SERVICES}

    def with_spec(self, spec: DataObject, member: Member, *, modify: bool) -> Settings:
        """The settings after a ClusterConfigSpecEx, or the older ClusterConfigSpec.

        :param modify: whether what the specification does not set stays; else it is reset
        :raises Fault: InvalidArgument or NotSupported
        """
        for name in _NOT_SUPPORTED:
            if getattr(spec, name) is not None:
                raise Fault('NotSupported', f"'{name}' of a cluster is not simulated.")
        base = self if modify else NONE
        parts = dict(base.parts)
        for name in _VALUES:
            if (value := getattr(spec, name)) is not None:
                parts[name] = value
        for name, field in _PARTS.items():
            if (value := getattr(spec, name)) is not None:
                parts[field] = _with_options(parts.get(field), value)
        lists = dict(base.lists)
        for name, of in _LISTS.items():
            updates = getattr(spec, name)
            if updates:
                lists[of.field] = _updated(lists.get(of.field, {}), updates, of, f'spec.{name}')
        found = Settings(parts, lists)
        found._check(member)
        return found

    def _check(self, member: Member) -> None:
        """Refuse rules and groups that make no sense."""
        names = [rule.name for rule in self.of('rule')]
        if len(names) != len(set(names)):
            raise invalid_argument('spec.rulesSpec.info.name')
        for group in self.of('group'):
            for ref in getattr(group, _GROUPS[group.wire_type]) or ():
                if not member(ref):
                    raise invalid_argument(f'spec.groupSpec.info.{_GROUPS[group.wire_type]}')
        for rule in self.of('rule'):
            if not all(member(ref) for ref in rule.vm or ()):
                raise invalid_argument('spec.rulesSpec.info.vm')
            for name in _GROUP_NAMES:
                wanted = getattr(rule, name)
                if wanted is not None and self.group(wanted) is None:
                    raise invalid_argument(f'spec.rulesSpec.info.{name}')

    # Placement

    def preferred(self, vm: Any, hosts: list[Any]) -> list[Any]:
        """The hosts of these that the rules let a machine run on, the best of them.

        Rules that are not mandatory give way where they would leave none.

        :param vm: a virtual machine
        :param hosts: those that can run it
        :raises Fault: NoCompatibleHost where mandatory rules leave none
        """
        for rule in sorted(self.of('rule'), key=lambda rule: not rule.mandatory):
            if rule.enabled is False:
                continue
            fitting = self._fitting(rule, vm, hosts)
            if not fitting and rule.mandatory:
                raise Fault(
                    'NoCompatibleHost',
                    f"No host is compatible with '{vm.name}': the rule '{rule.name}' forbids all.",
                    host=[host.ref for host in hosts],
                )
            hosts = fitting or hosts
        return hosts

    def _fitting(self, rule: DataObject, vm: Any, hosts: list[Any]) -> list[Any]:
        if rule.wire_type == 'ClusterVmHostRuleInfo':
            group = self.group(rule.vmGroupName)
            if group is None or vm.ref not in (group.vm or ()):
                return hosts
            for name, wanted in (
                (rule.affineHostGroupName, True),
                (rule.antiAffineHostGroupName, False),
            ):
                if name is not None and (named := self.group(name)) is not None:
                    hosts = [host for host in hosts if (host.ref in (named.host or ())) is wanted]
            return hosts
        if rule.vm is None or vm.ref not in rule.vm:
            return hosts
        others = {
            one.host for ref in rule.vm if ref != vm.ref and (one := _running(vm, ref)) is not None
        }
        if rule.wire_type == 'ClusterAffinityRuleSpec':
            return [host for host in hosts if host in others] if others else hosts
        return [host for host in hosts if host not in others]


# What a cluster is born with, and one of the inventory: DRS and HA switched on.
NONE = Settings(_defaults(services=False))
SERVING = Settings(_defaults(services=True))


def _running(vm: Any, ref: Ref) -> Any:
    found = vm.world.objects.get(ref.value)
    return found if found is not None and found.power_state == 'poweredOn' else None


def _without_strangers(entry: DataObject, member: Member) -> DataObject:
    """An entry whose lists of machines and hosts have only members of the cluster in them."""
    for name in ('vm', 'host'):
        refs = getattr(entry, name)
        if isinstance(refs, list) and not all(map(member, refs)):
            entry = copy.copy(entry)
            setattr(entry, name, [ref for ref in refs if member(ref)])
    return entry


def _with_options(old: DataObject | None, new: DataObject) -> DataObject:
    """One part over another; advanced options are merged by key, an empty value takes one away."""
    made = merged(old, new)
    if old is not None and new.option is not None:
        options = {option.key: option for option in [*(old.option or ()), *new.option]}
        made.option = [option for option in options.values() if option.value != '']
    return made


def _updated(old: Entries, updates: list[DataObject], of: _List, path: str) -> Entries:
    entries = dict(old)
    for update in updates:
        if update.operation == 'remove':
            if update.removeKey not in entries:
                raise invalid_argument(f'{path}.removeKey')
            del entries[update.removeKey]
            continue
        info = update.info
        if info is None:
            raise invalid_argument(f'{path}.info')
        if of.field == 'rule':
            info = _rule(info, entries, update.operation, path)
        elif of.field == 'group':
            info = _group(info, entries, path)
        key = getattr(info, of.key)
        # What is added is new, and what is edited is there.
        if (key in entries) is (update.operation == 'add'):
            raise invalid_argument(f'{path}.info.{of.key}')
        entries[key] = merged(entries.get(key), info)
    return entries


def _rule(info: DataObject, entries: Entries, operation: str, path: str) -> DataObject:
    if info.wire_type not in _RULES:
        raise invalid_argument(f'{path}.info')
    if info.vm is not None and len(info.vm) < 2:
        # Alone, nobody is together with or apart from others.
        raise invalid_argument(f'{path}.info.vm')
    if operation != 'add':
        return info
    if not info.name:
        raise invalid_argument(f'{path}.info.name')
    kind = types[info.wire_type]
    usual = kind(enabled=True, mandatory=False, userCreated=True, inCompliance=True, status='green')
    return merged(merged(usual, info), kind(key=max(entries, default=0) + 1))


def _group(info: DataObject, entries: Entries, path: str) -> DataObject:
    if info.wire_type not in _GROUPS or not info.name:
        raise invalid_argument(f'{path}.info')
    if info.name in entries and entries[info.name].wire_type != info.wire_type:
        raise invalid_argument(f'{path}.info.name')
    made = merged(types[info.wire_type](userCreated=True), info)
    members = _GROUPS[info.wire_type]
    # A list that is not sent is an empty one: a group is told as a whole.
    setattr(made, members, getattr(info, members) or [])
    return made


def rules_for(settings: Settings, vm: Ref) -> Iterator[DataObject]:
    """The rules that concern a machine, by itself or by its groups."""
    groups = {group.name for group in settings.of('group') if vm in (group.vm or ())}
    for rule in settings.of('rule'):
        if vm in (rule.vm or ()) or groups & {rule.vmGroupName, rule.vmGroup}:
            yield rule
