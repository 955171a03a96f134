"""What is done to the hardware, the guest and the keyboard of a machine."""

from __future__ import annotations

from oslo_vmware.simulator.objects.vm import customization
from oslo_vmware.simulator.objects.vm.hardware_versions import NEWEST, VERSIONS, number
from oslo_vmware.simulator.objects.vm.power import PoweredMachine
from oslo_vmware.simulator.world.data import Fault, Ref, invalid_argument
from oslo_vmware.simulator.world.registry import Call


class EquippedMachine(PoweredMachine):
    """A machine with virtual hardware of a version, a guest with tools, and a keyboard."""

    # Hardware

    def UpgradeVM_Task(self, call: Call) -> Ref:
        version = call.version or NEWEST
        if version not in VERSIONS:
            raise Fault('NotSupported', f"There is no version '{version}' of virtual hardware.")
        return self.start('UpgradeVM_Task', lambda: self._upgrade(version))

    def _upgrade(self, version: str) -> None:
        self._must_be('poweredOff', wanted='poweredOff')
        if number(version) <= number(self.hardware_version):
            raise Fault(
                'AlreadyUpgraded',
                f"The virtual hardware of '{self.name}' is as new already "
                f'({self.hardware_version}).',
            )
        self.hardware_version = version
        self.update(changes=self.changes + 1)
        self.world.files.follow(self)

    # VMware Tools

    def MountToolsInstaller(self, call: Call) -> None:
        self._must_be('poweredOn', wanted='poweredOn')
        self.update(tools_mounted=True)

    def UnmountToolsInstaller(self, call: Call) -> None:
        self._must_be('poweredOn', wanted='poweredOn')
        self.update(tools_mounted=False)

    def UpgradeTools_Task(self, call: Call) -> Ref:
        def work() -> None:
            # The tools that are there do it; they are as new as the host's when it is done.
            self._need_guest('poweredOn')
            self.update(tools_mounted=False)

        return self.start('UpgradeTools_Task', work)

    # Keyboard

    def PutUsbScanCodes(self, call: Call) -> int:
        self._must_be('poweredOn', wanted='poweredOn')
        events = call.spec.keyEvents or []
        if not events:
            raise invalid_argument('spec.keyEvents')
        return len(events)

    # Guest

    def CheckCustomizationSpec(self, call: Call) -> None:
        customization.check(self, call.spec)

    def CustomizeVM_Task(self, call: Call) -> Ref:
        def work() -> None:
            self._must_be('poweredOff', wanted='poweredOff')
            customization.request(self, call.spec)

        return self.start('CustomizeVM_Task', work)
