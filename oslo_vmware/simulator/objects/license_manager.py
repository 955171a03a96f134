"""Licenses: which keys the server knows, and what each is used for."""

from __future__ import annotations

import re
from typing import Any

from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed

EVALUATION_KEY = '00000-00000-00000-00000-00000'

_KEY = re.compile(r'[0-9A-Z]{5}(-[0-9A-Z]{5}){4}')

_EVALUATION_HOURS = 60 * 24


@managed('LicenseManager')
class LicenseManager(ManagedObject):
    """Keeps licenses. Any key of the right form is taken for one of vSphere."""

    sourceAvailable = True
    licensedEdition = ''
    source = types.EvaluationLicenseSource()

    def __init__(self, world: World) -> None:
        self._licenses = {EVALUATION_KEY: _license(EVALUATION_KEY)}
        super().__init__(world, 'LicenseManager')
        self.licenseAssignmentManager = LicenseAssignmentManager(world, self)

    @property
    def licenses(self) -> list[DataObject]:
        return list(self._licenses.values())

    @property
    def evaluation(self) -> DataObject:
        left = types.KeyAnyValue(key='expirationHours', value=_EVALUATION_HOURS)
        return types.LicenseManagerEvaluationInfo(properties=[left])

    def DecodeLicense(self, call: Call) -> DataObject:
        return self._licenses.get(call.licenseKey) or _license(call.licenseKey)

    def AddLicense(self, call: Call) -> DataObject:
        return self._put(call.licenseKey, call.labels)

    def UpdateLicense(self, call: Call) -> DataObject:
        return self._put(call.licenseKey, call.labels)

    def RemoveLicense(self, call: Call) -> None:
        if call.licenseKey == EVALUATION_KEY or self.licenseAssignmentManager.uses(call.licenseKey):
            raise Fault('NotSupported', f"The license '{call.licenseKey}' is in use.")
        del self._licenses[self.known(call.licenseKey).licenseKey]
        self.changed('licenses')

    def UpdateLicenseLabel(self, call: Call) -> None:
        found = self.known(call.licenseKey)
        label = types.KeyValue(key=call.labelKey, value=call.labelValue)
        found.labels = [*(one for one in found.labels if one.key != label.key), label]
        self.changed('licenses')

    def RemoveLicenseLabel(self, call: Call) -> None:
        found = self.known(call.licenseKey)
        found.labels = [one for one in found.labels if one.key != call.labelKey]
        self.changed('licenses')

    def known(self, key: str) -> DataObject:
        """The license of a key.

        :raises Fault: InvalidArgument
        """
        if key not in self._licenses:
            raise invalid_argument('licenseKey')
        return self._licenses[key]

    def _put(self, key: str, labels: list[DataObject] | None) -> DataObject:
        # A key that is no key is answered as on a vCenter: with what is wrong, not with a fault.
        made = self._licenses.get(key) or _license(key)
        if labels is not None:
            made.labels = labels
        if not _diagnosed(made):
            self._licenses[key] = made
            self.changed('licenses')
        return made


@managed('LicenseAssignmentManager')
class LicenseAssignmentManager(ManagedObject):
    """Says which license which part of the inventory uses; all evaluate at first."""

    def __init__(self, world: World, licenses: LicenseManager) -> None:
        self._licenses = licenses
        self._assigned: dict[str, tuple[str, str]] = {}
        super().__init__(world, 'LicenseAssignmentManager')

    def uses(self, key: str) -> bool:
        """Whether something uses a license."""
        return any(used == key for used, _name in self._assigned.values())

    def QueryAssignedLicenses(self, call: Call) -> list[DataObject]:
        entities = self._entities()
        if call.entityId:
            entities = {name: entities[name] for name in entities if name == call.entityId}
        return [self._assignment(entity, name) for entity, name in entities.items()]

    def UpdateAssignedLicense(self, call: Call) -> DataObject:
        self._check(call.entity)
        made = self._licenses.DecodeLicense(call)
        if _diagnosed(made):
            raise invalid_argument('licenseKey')
        self._licenses.AddLicense(call)
        name = call.entityDisplayName or self._entities()[call.entity]
        self._assigned[call.entity] = made.licenseKey, name
        return made

    def RemoveAssignedLicense(self, call: Call) -> None:
        self._check(call.entityId)
        self._assigned.pop(call.entityId, None)

    def _check(self, entity: str) -> None:
        if entity not in self._entities():
            raise Fault(
                'LicenseEntityNotFound',
                f"There is no '{entity}' that uses a license.",
                entityId=entity,
            )

    def _entities(self) -> dict[str, str]:
        """What uses a license, by id: the server itself, and its hosts."""
        world = self.world
        hosts: dict[str, Any] = {
            obj.ref.value: obj for obj in world.objects.values() if obj.is_a('HostSystem')
        }
        names = {key: str(host.name) for key, host in hosts.items()}
        return {world.about.instanceUuid: 'vCenter Server', **names}

    def _assignment(self, entity: str, name: str) -> DataObject:
        key, name = self._assigned.get(entity, (EVALUATION_KEY, name))
        return types.LicenseAssignmentManagerLicenseAssignment(
            entityId=entity,
            entityDisplayName=name,
            scope=self.world.about.instanceUuid,
            assignedLicense=self._licenses.known(key),
            properties=[],
        )


def _license(key: str) -> DataObject:
    evaluation = key == EVALUATION_KEY
    made = types.LicenseManagerLicenseInfo(
        licenseKey=key,
        editionKey='eval' if evaluation else 'esx.enterprisePlus.cpuPackage',
        name='Product Evaluation' if evaluation else 'VMware vSphere 8 Enterprise Plus',
        total=0 if evaluation else 32,
        used=0,
        costUnit='' if evaluation else 'cpuPackage',
        properties=[],
        labels=[],
    )
    if not _KEY.fullmatch(key):
        text = types.KeyAnyValue(key='diagnostic', value='License is not valid for this product')
        made.properties = [text]
    return made


def _diagnosed(license: DataObject) -> bool:
    """Whether something is wrong with a license."""
    return any(one.key == 'diagnostic' for one in license.properties)
