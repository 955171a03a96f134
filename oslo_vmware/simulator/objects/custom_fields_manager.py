"""Custom fields: attributes that clients invent and give to objects of the inventory."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.entity import ManagedEntity
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed


@managed('CustomFieldsManager')
class CustomFieldsManager(ManagedObject):
    """Defines fields, and sets them; the values are with the objects that have them."""

    def __init__(self, world: World) -> None:
        self._last_key = 0
        super().__init__(world, 'CustomFieldsManager')

    @property
    def field(self) -> list[DataObject]:
        return list(self.world.custom_fields)

    def AddCustomFieldDef(self, call: Call) -> DataObject:
        made_for = call.moType
        self._check_free(call.args.name, made_for)
        self._last_key += 1
        made = types.CustomFieldDef(
            key=self._last_key,
            name=call.args.name,
            type='string',
            managedObjectType=made_for,
            fieldDefPrivileges=call.fieldDefPolicy,
            fieldInstancePrivileges=call.fieldPolicy,
        )
        self._set([*self.world.custom_fields, made])
        return made

    def RenameCustomFieldDef(self, call: Call) -> None:
        field = self._field(call.key)
        if call.args.name != field.name:
            self._check_free(call.args.name, field.managedObjectType)
        field.name = call.args.name
        self._set(list(self.world.custom_fields))

    def RemoveCustomFieldDef(self, call: Call) -> None:
        field = self._field(call.key)
        for entity in self.world.of_type(ManagedEntity):
            if any(value.key == field.key for value in entity.customValue):
                entity.set_custom_value(field, None)
        self._set([one for one in self.world.custom_fields if one is not field])

    def SetField(self, call: Call) -> None:
        field = self._field(call.key)
        entity: Any = self.world.get(call.entity)
        if field not in entity.availableField:
            raise invalid_argument('key')
        entity.set_custom_value(field, call.value)

    def _set(self, fields: list[DataObject]) -> None:
        self.world.custom_fields = fields
        self.changed('field')

    def _field(self, key: int) -> DataObject:
        for field in self.world.custom_fields:
            if field.key == key:
                return field
        raise invalid_argument('key')

    def _check_free(self, name: str, made_for: str | None) -> None:
        """Refuse a name that another field has which some object could have, too."""
        if not name:
            raise invalid_argument('name')
        for field in self.world.custom_fields:
            clash = made_for is None or field.managedObjectType in (None, made_for)
            if field.name == name and clash:
                raise Fault(
                    'DuplicateName',
                    f"The name '{name}' already exists.",
                    name=name,
                    object=self.ref,
                )
