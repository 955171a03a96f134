"""Specifications of what guests are told to call themselves, kept by name."""

from __future__ import annotations

import copy

from oslo_vmware.simulator.objects.vm import guests
from oslo_vmware.simulator.world import documents
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed

_KINDS = ('Linux', 'Windows')


@managed('CustomizationSpecManager')
class CustomizationSpecManager(ManagedObject):
    """Keeps specifications, and turns them into documents and back."""

    def __init__(self, world: World) -> None:
        self._items: dict[str, DataObject] = {}
        self._version = 0
        super().__init__(world, 'CustomizationSpecManager')

    @property
    def info(self) -> list[DataObject]:
        return [item.info for item in self._items.values()]

    # Keeping

    def DoesCustomizationSpecExist(self, call: Call) -> bool:
        return call.args.name in self._items

    def GetCustomizationSpec(self, call: Call) -> DataObject:
        return self._get(call.args.name)

    def CreateCustomizationSpec(self, call: Call) -> None:
        self._check_free(call.item.info.name)
        self._keep(call.item)

    def OverwriteCustomizationSpec(self, call: Call) -> None:
        """Put a specification in the place of the one of its name.

        Who has changed what somebody else has changed meanwhile is told so.
        """
        item = call.item
        old = self._get(item.info.name)
        if item.info.changeVersion not in (None, '', old.info.changeVersion):
            raise Fault(
                'ConcurrentAccess', f"The specification '{item.info.name}' was changed meanwhile."
            )
        self._keep(item)

    def DeleteCustomizationSpec(self, call: Call) -> None:
        self._get(call.args.name)
        del self._items[call.args.name]
        self.changed('info')

    def DuplicateCustomizationSpec(self, call: Call) -> None:
        self._copy(call.args.name, call.newName)

    def RenameCustomizationSpec(self, call: Call) -> None:
        self._copy(call.args.name, call.newName)
        del self._items[call.args.name]
        self.changed('info')

    # Documents

    def CustomizationSpecItemToXml(self, call: Call) -> str:
        return documents.written(call.item)

    def XmlToCustomizationSpecItem(self, call: Call) -> DataObject:
        item = documents.read(call.specItemXml, 'CustomizationSpecItem')
        if item is None:
            raise Fault('CustomizationFault', 'The document is no specification.')
        return item

    # What guests can be

    def CheckCustomizationResources(self, call: Call) -> None:
        """Nothing is missing here: all that customizes a guest comes with it."""

    def IsGuestOsCustomizable(self, call: Call) -> bool:
        return guests.guest(call.guestId).family != 'otherGuestFamily'

    # Helpers

    def _get(self, name: str) -> DataObject:
        if name not in self._items:
            raise Fault('NotFound', f"There is no customization specification '{name}'.")
        return self._items[name]

    def _check_free(self, name: str) -> None:
        if not name:
            raise invalid_argument('name')
        if name in self._items:
            raise Fault('AlreadyExists', f"The specification '{name}' is there already.", name=name)

    def _copy(self, name: str, new: str) -> None:
        item = copy.copy(self._get(name))
        self._check_free(new)
        item.info = copy.copy(item.info)
        item.info.name = new
        self._keep(item)

    def _keep(self, item: DataObject) -> None:
        info = item.info
        if info.type not in _KINDS:
            raise invalid_argument('item.info.type')
        self._version += 1
        info.changeVersion, info.lastUpdateTime = str(self._version), self.world.now()
        self._items[info.name] = item
        self.changed('info')
