"""The power states of machines, and what brings them from one to another."""

from __future__ import annotations

from typing import Any

from oslo_vmware.simulator.objects.vm import customization, placement
from oslo_vmware.simulator.objects.vm.machine import Machine
from oslo_vmware.simulator.world.data import Fault, Ref
from oslo_vmware.simulator.world.registry import Call


class PoweredMachine(Machine):
    """A machine that is switched on and off."""

    def _must_be(self, *states: str, wanted: str) -> None:
        if self.template:
            raise Fault('NotSupported', f"'{self.name}' is a template.")
        if self.power_state not in states:
            raise Fault(
                'InvalidPowerState',
                'The attempted operation cannot be performed in the current state '
                f'({self.power_state}).',
                requestedState=wanted,
                existingState=self.power_state,
            )

    def _set_power(self, state: str) -> None:
        now = self.world.now()
        if state == 'poweredOn':
            self.boot_time, self.suspend_time = now, None
        else:
            self.boot_time, self.suspend_time = None, now if state == 'suspended' else None
        self.update(power_state=state)
        if state == 'poweredOn':
            customization.take_over(self)
        self.world.files.follow(self)
        self.host.changed('summary.quickStats')
        self.host.parent.changed('summary')
        for datastore in self.datastore:
            # Its swap file comes and goes.
            datastore.changed('summary', 'info')

    def PowerOnVM_Task(self, call: Call) -> Ref:
        host = self.find(call.host, 'HostSystem', 'host') if call.host else None
        return self.start('PowerOnVM_Task', lambda: self.power_on(host))

    def check_startable(self) -> None:
        """Refuse to start, with a fault, in a state that forbids it."""
        self._must_be('poweredOff', 'suspended', wanted='poweredOn')

    def power_on(self, host: Any = None) -> None:
        """Start, on a host or where its cluster wants it."""
        self.check_startable()
        self.host = placement.host_to_run(self, host)
        self._set_power('poweredOn')

    def PowerOffVM_Task(self, call: Call) -> Ref:
        return self.start('PowerOffVM_Task', self._power_off)

    def _power_off(self) -> None:
        self._must_be('poweredOn', 'suspended', wanted='poweredOff')
        self._set_power('poweredOff')

    def TerminateVM(self, call: Call) -> None:
        """Stop the machine's process, whatever its guest does."""
        self._must_be('poweredOn', wanted='poweredOff')
        self._set_power('poweredOff')

    def SuspendVM_Task(self, call: Call) -> Ref:
        return self.start('SuspendVM_Task', self._suspend)

    def _suspend(self) -> None:
        self._must_be('poweredOn', wanted='suspended')
        self._set_power('suspended')

    def ResetVM_Task(self, call: Call) -> Ref:
        return self.start('ResetVM_Task', self._reset)

    def _reset(self) -> None:
        self._must_be('poweredOn', wanted='poweredOn')
        self._set_power('poweredOn')

    def _need_guest(self, wanted: str) -> None:
        self._must_be('poweredOn', wanted=wanted)
        if not self.tools_running:
            raise Fault(
                'ToolsUnavailable',
                'Cannot complete operation because VMware Tools is not running in this virtual '
                'machine.',
            )

    # These three ask the guest and answer before it has done anything; it does so a task's time
    # later, unless it is in another state by then.

    def ShutdownGuest(self, call: Call) -> None:
        self._need_guest('poweredOff')
        self._guest_will('poweredOff')

    def RebootGuest(self, call: Call) -> None:
        self._need_guest('poweredOn')
        self._guest_will('poweredOn')

    def StandbyGuest(self, call: Call) -> None:
        self._need_guest('suspended')
        self._guest_will('suspended')

    def _guest_will(self, state: str) -> None:
        def act() -> None:
            if self.running and self.ref.value in self.world.objects:
                self._set_power(state)

        self.world.after(self.world.task_seconds, act)

    def become(self, state: str) -> None:
        """Come into a power state, whatever it was in."""
        if self.power_state != state:
            self._set_power(state)
