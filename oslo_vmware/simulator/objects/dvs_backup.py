"""Backups of distributed switches and their port groups.

What a client gets is a document with the configuration, which is all that a restore needs: the
switch may be gone by then, or it may be that of another server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from oslo_vmware.simulator.objects.dv_portgroup import (
    DistributedVirtualPortgroup,
    portgroup_settings,
)
from oslo_vmware.simulator.objects.dvs import SETTINGS, VmwareDistributedVirtualSwitch
from oslo_vmware.simulator.objects.entity import ManagedEntity, wire_name
from oslo_vmware.simulator.world import documents
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import World

_SWITCH, _GROUP = 'distributedVirtualSwitch', 'distributedVirtualPortgroup'
_NEW, _ORIGINAL, _APPLY = (
    'createEntityWithNewIdentifier',
    'createEntityWithOriginalIdentifier',
    'applyToEntitySpecified',
)
_CREATION = 'DVSCreateSpec'
_GROUP_SPEC = 'DVPortgroupConfigSpec'

Entity = VmwareDistributedVirtualSwitch | DistributedVirtualPortgroup


def exported(entity: Entity) -> DataObject:
    """The EntityBackupConfig of a switch or a port group."""
    if isinstance(entity, DistributedVirtualPortgroup):
        spec = types[_GROUP_SPEC](name=entity.name, **entity.settings)
        return types.EntityBackupConfig(
            entityType=_GROUP,
            configBlob=documents.written(spec).encode(),
            key=entity.key,
            name=entity.name,
            container=entity.switch.ref,
            configVersion=str(entity.version),
        )
    known = {name: value for name, value in entity.settings.items() if name in SETTINGS}
    spec = types[_CREATION](
        configSpec=types.VMwareDVSConfigSpec(name=entity.name, **known),
        productInfo=types.DistributedVirtualSwitchProductSpec(version=entity.product_version),
    )
    return types.EntityBackupConfig(
        entityType=_SWITCH,
        configBlob=documents.written(spec).encode(),
        key=entity.uuid,
        name=entity.name,
        container=entity.parent.ref,
        configVersion=str(entity.version),
    )


class Restore:
    """Restores from backups.

    :param kind: whether to make new entities, to make those that were, or to change some
    :param by_uuid: finds a switch
    """

    def __init__(
        self,
        world: World,
        kind: str,
        by_uuid: Callable[[str], VmwareDistributedVirtualSwitch | None],
    ) -> None:
        if kind not in (_NEW, _ORIGINAL, _APPLY):
            raise invalid_argument('importType')
        self._world = world
        self._kind = kind
        self._by_uuid = by_uuid
        self._made: VmwareDistributedVirtualSwitch | None = None

    def result(self, configs: Iterable[DataObject]) -> DataObject:
        """What was restored, and why others were not: an ImportResult."""
        made: dict[str, list[ManagedEntity]] = {_SWITCH: [], _GROUP: []}
        faults: list[DataObject] = []
        # The switch of a port group may be in the same backup.
        for config in sorted(configs, key=lambda one: one.entityType != _SWITCH):
            try:
                if config.entityType not in made:
                    raise invalid_argument('entityBackup.entityType')
                made[config.entityType].append(self._one(config))
            except Fault as fault:
                faults.append(
                    types.ImportOperationBulkFaultFaultOnImport(
                        entityType=config.entityType, key=config.key, fault=fault.localized()
                    )
                )
        return types.DistributedVirtualSwitchManagerImportResult(
            distributedVirtualSwitch=made[_SWITCH],
            distributedVirtualPortgroup=made[_GROUP],
            importFault=faults,
        )

    def _one(self, config: DataObject) -> ManagedEntity:
        is_switch = config.entityType == _SWITCH
        spec = documents.read(config.configBlob, _CREATION if is_switch else _GROUP_SPEC)
        if spec is None:
            raise invalid_argument('entityBackup.configBlob')
        if is_switch:
            return self._switch(config, spec)
        return self._group(config, spec)

    def _switch(self, config: DataObject, spec: DataObject) -> ManagedEntity:
        wanted = spec.configSpec
        if self._kind == _APPLY:
            found = self._by_uuid(config.key or '') or self._container(
                config, 'DistributedVirtualSwitch'
            )
            wanted.name = None
            found.configure(wanted)
            return found
        if self._kind == _ORIGINAL and self._by_uuid(config.key or '') is not None:
            raise _exists(config)
        wanted.name = config.name or wanted.name
        made = VmwareDistributedVirtualSwitch.create(self._container(config, 'Folder'), spec)
        if self._kind == _ORIGINAL and config.key:
            made.update(uuid=config.key)
        self._made = made
        return made

    def _group(self, config: DataObject, spec: DataObject) -> ManagedEntity:
        if self._kind == _APPLY:
            found = self._known_group(config.key)
            if found is None:
                found = self._container(config, 'DistributedVirtualPortgroup')
            spec.name = None
            found.configure(spec)
            return found  # type: ignore[no-any-return]
        if self._kind == _ORIGINAL and self._known_group(config.key) is not None:
            raise _exists(config)
        switch = self._switch_of(config)
        portgroup_settings(spec)
        name = wire_name(config.name or spec.name)
        switch.check_free(name, switch.datacenter.network)
        made: DistributedVirtualPortgroup = switch.add_portgroup(name, spec)
        if self._kind == _ORIGINAL:
            made.update(restored_key=config.key)
        return made

    def _switch_of(self, config: DataObject) -> Any:
        """Where a port group goes: if its switch is gone, that is the one restored with it."""
        try:
            return self._container(config, 'DistributedVirtualSwitch')
        except Fault:
            if self._made is None:
                raise
            return self._made

    def _known_group(self, key: str | None) -> Any:
        groups = self._world.of_type(DistributedVirtualPortgroup)
        return next((one for one in groups if one.key == key), None)

    def _container(self, config: DataObject, wire_type: str) -> Any:
        found = self._world.get(config.container) if config.container is not None else None
        if found is None or not found.is_a(wire_type):
            raise invalid_argument('entityBackup.container')
        return found


def _exists(config: DataObject) -> Fault:
    return Fault('AlreadyExists', f"'{config.name}' is there already.", name=config.name)
