"""Extensions: what has registered with the server under a key."""

from __future__ import annotations

import datetime

from oslo_vmware.simulator.objects.vm.virtual_machine import VirtualMachine
from oslo_vmware.simulator.world.data import DataObject, Fault, invalid_argument, types
from oslo_vmware.simulator.world.registry import Call, ManagedObject, World, managed

# What a fresh vCenter comes with.
_BUILT_IN = (
    ('VirtualCenter', 'VirtualCenter', 'VMware vCenter Server'),
    ('com.vmware.vim.eam', 'vSphere ESX Agent Manager', 'Manages agent virtual machines'),
    ('com.vmware.vim.sms', 'VMware Storage Monitoring Service', 'Storage monitoring and reporting'),
    ('com.vmware.vim.sps', 'VMware Storage Profile Service', 'Storage policies'),
)


@managed('ExtensionManager')
class ExtensionManager(ManagedObject):
    """Finds, registers and removes extensions."""

    def __init__(self, world: World, since: datetime.datetime) -> None:
        self._extensions: dict[str, DataObject] = {}
        super().__init__(world, 'ExtensionManager')
        for key, label, summary in _BUILT_IN:
            self._extensions[key] = types.Extension(
                key=key,
                description=types.Description(label=label, summary=summary),
                company='VMware, Inc.',
                version='8.0.3',
                lastHeartbeatTime=since,
            )

    @property
    def extensionList(self) -> list[DataObject]:
        return list(self._extensions.values())

    def FindExtension(self, call: Call) -> DataObject | None:
        return self._extensions.get(call.extensionKey)

    def RegisterExtension(self, call: Call) -> None:
        key = call.extension.key
        if not key or key in self._extensions:
            raise invalid_argument('extension.key')
        self._put(call.extension)

    def UpdateExtension(self, call: Call) -> None:
        self._known(call.extension.key)
        self._put(call.extension)

    def UnregisterExtension(self, call: Call) -> None:
        del self._extensions[self._known(call.extensionKey)]
        self.changed('extensionList')

    def QueryManagedBy(self, call: Call) -> list[VirtualMachine]:
        """The machines that say they are managed by an extension."""
        return [
            machine
            for machine in self.world.of_type(VirtualMachine)
            if (by := machine.options.get('managedBy')) and by.extensionKey == call.extensionKey
        ]

    def _put(self, extension: DataObject) -> None:
        self._extensions[extension.key] = extension
        self.changed('extensionList')

    def _known(self, key: str) -> str:
        if key not in self._extensions:
            raise Fault('NotFound', f"There is no extension '{key}'.")
        return key
